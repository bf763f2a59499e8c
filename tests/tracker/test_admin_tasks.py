"""Tasks in the back office: owner and status by the task's own methods, settings as they are, wording never."""

import datetime as dt

import pytest
from django.utils import timezone

from tests.tracker.office import faults, filled, said, url
from tracker.models import Assignment, AssignmentTally, Entry, Event, Task


@pytest.fixture
def office(client, cast, bodies, tasks):
    client.force_login(cast.administrator)
    return client


def change(client, task, **changes):
    page = client.get(url("task", "change", task.pk))
    answer = client.post(url("task", "change", task.pk), filled(page, **changes))
    task.refresh_from_db()
    return answer


def test_a_status_is_set_with_a_reason_where_the_task_has_no_owner(office, tasks, cast):
    answer = change(office, tasks[0], status="in_progress", reason="常委会已部署")
    assert faults(answer) == {}
    assert tasks[0].status == "in_progress"
    newest = tasks[0].history.first()
    assert (newest.history_change_reason, newest.history_user) == ("常委会已部署", cast.administrator)


def test_a_status_is_not_set_without_a_reason_and_what_was_typed_stays(office, tasks):
    answer = change(office, tasks[0], status="in_progress", reason="  ", frequency="month")
    assert list(faults(answer)) == ["reason"]
    assert answer.context["adminform"].form["frequency"].value() == "month"
    assert (tasks[0].status, tasks[0].frequency) == ("not_started", "quarter")


def test_naming_an_owner_makes_the_lead_assignment_and_an_event_follows_a_stated_status(office, tasks, bodies, cast):
    assert faults(change(office, tasks[0], owner=bodies.county.pk)) == {}
    assignment = Assignment.objects.get(task=tasks[0])
    assert (assignment.organization, assignment.part) == (bodies.county, "lead")
    assert faults(change(office, tasks[0], status="blocked", reason="资金未到位")) == {}
    assignment.refresh_from_db()
    assert (tasks[0].status, assignment.status) == ("blocked", "blocked")
    event = Event.objects.get(action="status_stated")
    assert (event.by, event.comment) == (cast.administrator, "资金未到位")
    assert AssignmentTally.objects.get(task=tasks[0], line="territorial").blocked == 1


def test_owner_and_status_change_together(office, tasks, bodies):
    answer = change(office, tasks[0], owner=bodies.city.pk, status="in_progress", reason="已启动")
    assert faults(answer) == {}
    assert (tasks[0].owner, tasks[0].status) == (bodies.city, "in_progress")
    assert Assignment.objects.get(task=tasks[0]).status == "in_progress"


def test_an_owner_can_be_taken_away_and_the_status_stays(office, tasks, bodies):
    change(office, tasks[0], owner=bodies.city.pk, status="in_progress", reason="已启动")
    assert faults(change(office, tasks[0], owner="")) == {}
    assert (tasks[0].owner, tasks[0].status) == (None, "in_progress")
    assert Assignment.objects.filter(task=tasks[0]).exists()


def test_an_owner_named_outright_need_not_be_of_the_task_s_levels(office, tasks, bodies):
    Task.objects.filter(pk=tasks[0].pk).update(levels=["national"])
    assert faults(change(office, tasks[0], owner=bodies.county.pk)) == {}
    assert Assignment.objects.get(task=tasks[0]).organization == bodies.county


def test_adopted_wording_is_not_rewritten(office, tasks):
    before = Task.objects.values("wording", "code", "position", "plan", "heading").get(pk=tasks[0].pk)
    page = office.get(url("task", "change", tasks[0].pk))
    assert not {"wording", "code", "position", "plan", "heading"} & set(page.context["adminform"].form.fields)
    change(office, tasks[0], wording="改写", code="9.9.9", position="1", plan="1", heading="1")
    assert Task.objects.values("wording", "code", "position", "plan", "heading").get(pk=tasks[0].pk) == before


def test_settings_are_changed_and_kept_in_the_history(office, tasks, cast):
    answer = change(
        office, tasks[0], levels=["county", "national"], frequency="month", reporting="status_only", standing="on"
    )
    assert faults(answer) == {}
    assert (tasks[0].levels, tasks[0].frequency, tasks[0].standing) == (["national", "county"], "month", True)
    page = office.get(url("task", "history", tasks[0].pk)).content.decode()
    assert str(tasks[0].get_frequency_display()) in page
    assert "month" not in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"due": "2020-01-01"}, "due"),
        ({"due": "9999-12-31"}, "due"),
        ({"due": "0001-01-01"}, "due"),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "\x00"}, "start"),
        ({"levels": []}, "levels"),
        ({"levels": ["nonsense"]}, "levels"),
        ({"levels": ["\x00"]}, "levels"),
        ({"frequency": "never"}, "frequency"),
        ({"status": "\x00", "reason": "x"}, "status"),
        ({"status": "blocked", "reason": "改\x00"}, "reason"),
        ({"status": "blocked", "reason": "长" * 100_000}, "reason"),
        ({"owner": "99999999999999999999"}, "owner"),
        ({"owner": "\x00"}, "owner"),
        ({"owner": "x"}, "owner"),
    ],
)
def test_bad_input_gets_a_message_beside_its_field(office, tasks, changes, field):
    before = Task.objects.values().get(pk=tasks[0].pk)
    answer = change(office, tasks[0], **changes)
    assert answer.status_code == 200
    assert field in faults(answer)
    assert Task.objects.values().get(pk=tasks[0].pk) == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "3/2"}, "code"),
        ({"code": "."}, "code"),
        ({"wording": ""}, "wording"),
        ({"wording": "一\x00"}, "wording"),
        ({"wording": "长" * 100_000}, "wording"),
        ({"position": "-1"}, "position"),
        ({"position": "9" * 30}, "position"),
        ({"heading": "0"}, "heading"),
        ({"code": "3.2.1"}, "__all__"),
    ],
)
def test_a_task_is_added_with_what_it_needs(office, tasks, plan, changes, field):
    page = office.get(url("task", "add"))
    good = {
        "plan": plan.pk,
        "heading": tasks[0].heading_id,
        "code": "3.2.9",
        "position": "30209",
        "wording": "九号举措",
    }
    refused = office.post(url("task", "add"), filled(page, **good | changes))
    assert field in faults(refused)
    assert not Task.objects.filter(position=30209).exists()


def test_a_task_is_added_with_its_owner(office, tasks, plan, bodies):
    page = office.get(url("task", "add"))
    good = {
        "plan": plan.pk,
        "heading": tasks[0].heading_id,
        "code": "3.2.9",
        "position": "30209",
        "wording": "九号举措",
    }
    assert faults(office.post(url("task", "add"), filled(page, owner=bodies.city.pk, **good))) == {}
    assert Task.objects.get(code="3.2.9").owner == bodies.city
    assert Assignment.objects.get(task__code="3.2.9").part == "lead"


# Assigning to many.


def assign(client, tasks, **changes):
    """The page with its form filled in and sent; returns the answer."""
    address = f"{url('task', 'assign')}?tasks={','.join(str(task.pk) for task in tasks)}"
    page = client.get(address)
    return client.post(address, filled(page, **changes))


def test_the_action_leads_to_the_page_that_assigns(office, tasks):
    chosen = [task.pk for task in tasks[:2]]
    answer = office.post(url("task", "changelist"), {"action": "assign", "_selected_action": chosen}, follow=True)
    assert [task.pk for task in answer.context["tasks"]] == chosen


def test_assigning_counts_first_and_changes_nothing(office, tasks, bodies, cast):
    Assignment.objects.assign(tasks[:1], [bodies.county], by=cast.administrator)
    answer = assign(office, tasks[:2], organization=bodies.city.pk, reach="all")
    preview = answer.context["preview"]
    assert (preview.bodies, preview.made, preview.standing) == (3, 5, 1)
    assert Assignment.objects.count() == 1


def test_assigning_confirmed_makes_what_was_counted(office, tasks, bodies):
    choice = {"organization": bodies.city.pk, "reach": "all", "part": "cooperating", "due": "2027-06-30"}
    made = assign(office, tasks[:2], **choice)
    assert made.context["preview"].made == 6
    answer = assign(office, tasks[:2], **choice, confirm="1")
    assert answer.status_code == 302
    rows = Assignment.objects.filter(task__in=tasks[:2])
    assert set(rows.values_list("organization", "part", "due")) == {
        (body.pk, "cooperating", dt.date(2027, 6, 30)) for body in (bodies.city, bodies.county, bodies.sister)
    }
    assert rows.count() == 6


@pytest.mark.parametrize(
    ("choice", "codes"),
    [
        ({"reach": "alone"}, {"1"}),
        ({"reach": "below"}, {"11", "111", "112", "113"}),
        ({"reach": "all", "levels": ["county"]}, {"111", "112"}),
        ({"reach": "all", "levels": ["township"]}, set()),
    ],
)
def test_assigning_reaches_whom_one_chose(office, tasks, bodies, choice, codes):
    assign(office, tasks[:1], organization=bodies.province.pk, **choice, confirm="1")
    assert set(Assignment.objects.values_list("organization__code", flat=True)) == codes


def test_assigning_keeps_to_the_levels_of_each_task(office, tasks, bodies):
    Task.objects.filter(pk=tasks[0].pk).update(levels=["county"])
    answer = assign(office, tasks[:2], organization=bodies.city.pk, reach="all")
    assert (answer.context["preview"].bodies, answer.context["preview"].made) == (3, 5)


def test_assigning_can_owe_in_the_period_now_open(office, tasks, bodies, period):
    period.open()
    answer = assign(office, tasks[:1], organization=bodies.county.pk, reach="alone", owe_now="on")
    assert [p.pk for p in answer.context["preview"].periods] == [period.pk]
    assign(office, tasks[:1], organization=bodies.county.pk, reach="alone", owe_now="on", confirm="1")
    assign(office, tasks[1:2], organization=bodies.county.pk, reach="alone", confirm="1")
    assert list(Entry.objects.values_list("assignment__task__code", flat=True)) == ["3.2.1"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"due": "2020-01-01"}, "due"),
        ({"due": "9999-12-31"}, "due"),
        ({"organization": ""}, "organization"),
        ({"organization": "0"}, "organization"),
        ({"organization": "\x00"}, "organization"),
        ({"reach": "x"}, "reach"),
        ({"levels": ["x"]}, "levels"),
        ({"part": "x"}, "part"),
        ({"standard": "长" * 100_000}, "standard"),
        ({"standard": "改\x00"}, "standard"),
    ],
)
@pytest.mark.parametrize("step", [{}, {"confirm": "1"}])
def test_assigning_refuses_bad_input_beside_its_field(office, tasks, bodies, changes, field, step):
    answer = assign(office, tasks, **{"organization": bodies.city.pk, "reach": "all"} | changes, **step)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not Assignment.objects.exists()


def test_going_back_keeps_the_choice(office, tasks, bodies):
    answer = assign(office, tasks[:1], organization=bodies.city.pk, reach="below", standard="建站四个", back="1")
    assert answer.context["preview"] is None
    assert answer.context["form"]["standard"].value() == "建站四个"


@pytest.mark.parametrize("keys", ["", "0", "x,%00", "99999999999999999999", ",".join(["7"] * 3000)])
def test_assigning_nothing_leads_back_with_a_sentence(office, bodies, keys):
    answer = office.get(f"{url('task', 'assign')}?tasks={keys}", follow=True)
    assert answer.status_code == 200
    assert len(said(answer)) == 1


def test_a_province_administrator_assigns_within_the_province(client, cast, bodies, tasks):
    from tests.conftest import person

    client.force_login(person("province-admin", bodies.province, "administrator"))
    refused = assign(client, tasks[:1], organization=bodies.other.pk, reach="all", confirm="1")
    assert list(refused.context["form"].errors) == ["organization"]
    assert assign(client, tasks[:1], organization=bodies.city.pk, reach="all", confirm="1").status_code == 302
    assert Assignment.objects.count() == 3


def test_a_due_date_in_the_past_is_told_today(office, tasks, bodies):
    """A light is judged at once, not on the first night."""
    yesterday = (timezone.localdate() - dt.timedelta(1)).isoformat()
    assign(office, tasks[:1], organization=bodies.county.pk, reach="alone", due=yesterday, confirm="1")
    assert Assignment.objects.get().light == "red"
