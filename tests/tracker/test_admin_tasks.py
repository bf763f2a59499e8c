"""Tasks in the back office: owner and status by the task's own methods, settings as they are, wording never."""

import datetime as dt

import pytest

from tests.tracker.office import faults, filled, url
from tracker.models import Assignment, AssignmentTally, Event, Task


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


# Handing down has a page of its own.


def test_the_action_leads_to_the_page_that_hands_down(office, tasks):
    chosen = [task.pk for task in tasks[:2]]
    answer = office.post(url("task", "changelist"), {"action": "hand_down", "_selected_action": chosen}, follow=True)
    assert answer.redirect_chain == [("/plans/18/hand-down/?task=3.2.1&task=3.2.2", 302)]
    assert [task.code for _area, group, _n in answer.context["groups"] for task in group if task.ticked] == [
        "3.2.1",
        "3.2.2",
    ]


@pytest.mark.parametrize(("ticked", "due"), [("on", dt.date(2027, 6, 30)), (None, dt.date(2028, 10, 31))])
def test_a_changed_due_date_reaches_what_followed_it_where_that_is_ticked(office, tasks, bodies, ticked, due):
    Assignment.objects.assign(tasks[:1], [bodies.city], by=None)
    page = office.get(url("task", "change", tasks[0].pk))
    assert "1" in page.context["adminform"].form.fields["carry"].help_text
    changes = {"due": "2027-06-30"} | ({"carry": ticked} if ticked else {})
    assert faults(office.post(url("task", "change", tasks[0].pk), filled(page, **changes))) == {}
    assert Assignment.objects.get().due == due
