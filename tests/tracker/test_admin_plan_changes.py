"""Changing an adopted plan in the back office: chosen, shown, confirmed; by the root's administrators alone."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import faults, filled, url
from tests.tracker.test_plan_loading import CHINESE, GOOD, HEADER
from tracker.models import Assignment, Entry, Milestone, Plan, Rewording, Role, Task

TODAY = timezone.localdate()


@pytest.fixture
def office(client, owed, cast):
    client.force_login(cast.administrator)
    return client


def pages(tasks):
    return [
        url("task", "reword", tasks[0].pk),
        url("task", "end", tasks[0].pk),
        f"{url('task', 'merge')}?tasks={tasks[0].pk}",
        url("plan", "load"),
        url("plan", "template"),
    ]


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (Plan, Task, Assignment, Entry, Rewording)]


def test_the_changes_are_open_to_the_root_s_administrators_alone(client, owed, bodies, tasks, cast):
    province = person("below", bodies.province, Role.ADMINISTRATOR)
    for user, status in ((cast.administrator, 200), (province, 403), (cast.auditor, 403), (cast.reporter, 403)):
        client.force_login(user)
        for page in pages(tasks):
            assert client.get(page, follow=True).status_code == status, (user, page)
    client.force_login(province)
    before = everything()
    for page in pages(tasks)[:4]:
        sent = {"reason": "因", "wording": "改", "until": str(TODAY), "into": tasks[3].pk, "confirm": "1"}
        assert client.post(page, sent).status_code == 403
    assert everything() == before
    text = client.get(url("task", "change", tasks[0].pk)).content.decode()
    assert url("task", "end", tasks[0].pk) not in text


def test_a_rewording_is_shown_before_it_is_in_force(office, tasks):
    page = url("task", "reword", tasks[0].pk)
    assert page in office.get(url("task", "change", tasks[0].pk)).content.decode()
    given = {"wording": "新表述", "until": "2026-10-31", "reason": "全会决定"}
    shown = office.post(page, given)
    assert [value for _label, value in shown.context["seen"]] == ["一号举措", "2026-10-31", "新表述"]
    assert Task.objects.get(pk=tasks[0].pk).wording == "一号举措"
    back = office.post(page, given | {"back": "1"})
    assert back.context["form"]["wording"].value() == "新表述"
    assert office.post(page, given | {"confirm": "1"}).url == url("task", "change", tasks[0].pk)
    assert Task.objects.get(pk=tasks[0].pk).wording == "新表述"
    assert "2026-10-31" in office.get(url("task", "change", tasks[0].pk)).content.decode()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "长" * 201}, "reason"),
        ({"wording": ""}, "wording"),
        ({"wording": "字\x00"}, "wording"),
        ({"wording": "一号举措"}, "wording"),
        ({"until": "2099-01-01"}, "until"),
        ({"until": "x"}, "until"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(office, tasks, sent, field):
    before = everything()
    given = {"wording": "新表述", "until": str(TODAY), "reason": "全会决定", "confirm": "1"} | sent
    answer = office.post(url("task", "reword", tasks[0].pk), given)
    assert (answer.status_code, list(answer.context["form"].errors)) == (200, [field])
    assert answer.context["form"].data["wording"] == given["wording"]
    assert everything() == before


def test_ending_says_first_how_many_assignments_and_entries(office, tasks):
    page = url("task", "end", tasks[0].pk)
    shown = office.post(page, {"reason": "不再实施"})
    assert [value for _label, value in shown.context["seen"]] == [2, 2, 0]
    assert Task.objects.ended().count() == 0
    office.post(page, {"reason": "不再实施", "confirm": "1"})
    assert Task.objects.ended().get() == tasks[0]
    assert office.get(page).status_code == 404
    change = office.get(url("task", "change", tasks[0].pk))
    assert not change.context["has_change_permission"]
    assert office.post(url("task", "change", tasks[0].pk), {"frequency": "month"}).status_code == 403


def test_several_are_chosen_in_the_list_and_merged_into_one(office, tasks, bodies):
    chosen = {"action": "merge", "_selected_action": [tasks[0].pk, tasks[1].pk]}
    page = office.post(url("task", "changelist"), chosen).url
    given = {"into": tasks[3].pk, "carry": "on", "reason": "合并实施"}
    shown = office.post(page, given)
    assert [value for _label, value in shown.context["seen"]] == [tasks[3], 3, 3, 0, 1, 1]
    office.post(page, given | {"confirm": "1"})
    assert set(tasks[3].supersedes.all()) == set(tasks[:2])
    assert Assignment.objects.live().filter(task=tasks[3]).count() == 2


def test_none_is_merged_into_itself_what_has_ended_or_another_plan(office, tasks, plan, cast):
    tasks[2].end("不再实施", by=cast.administrator)
    other = Plan.objects.create(slug="19", title="十九大", start=plan.start, due=plan.due)
    heading = other.areas.create(number=1, title="领域").headings.create(number=1, code="1.1", title="任务")
    stranger = Task.objects.create(plan=other, heading=heading, code="3.2.9", position=1, wording="字")
    before = everything()
    page = f"{url('task', 'merge')}?tasks={tasks[0].pk}"
    for into in (tasks[0].pk, tasks[2].pk, stranger.pk, 0, "9" * 30, "x", ""):
        answer = office.post(page, {"into": into, "reason": "因", "confirm": "1"})
        assert list(answer.context["form"].errors) == ["into"], into
    for keys in ("", "x", "9" * 30, f"{tasks[2].pk}", f"{tasks[0].pk},{stranger.pk}"):
        assert office.get(f"{url('task', 'merge')}?tasks={keys}").status_code == 302
    assert everything() == before


def test_somebody_who_was_first_is_told_of(office, tasks, cast):
    page = f"{url('task', 'merge')}?tasks={tasks[0].pk},{tasks[1].pk}"
    office.post(page, {"into": tasks[3].pk, "reason": "因"})
    tasks[0].end("不再实施", by=cast.administrator)
    answer = office.post(url("task", "end", tasks[0].pk), {"reason": "因", "confirm": "1"})
    assert answer.status_code == 404


def test_what_has_ended_is_left_out_of_handing_down(office, tasks, cast):
    tasks[0].end("不再实施", by=cast.administrator)
    chosen = [tasks[0].pk, tasks[1].pk]
    answer = office.post(url("task", "changelist"), {"action": "hand_down", "_selected_action": chosen})
    assert answer.url == "/plans/18/hand-down/?task=3.2.2"


# Settings and milestones on the task's own page.


def change(client, task, **changes):
    page = client.get(url("task", "change", task.pk))
    return client.post(url("task", "change", task.pk), filled(page, **changes))


def test_settings_are_carried_where_asked_and_the_count_is_said_before(office, tasks):
    page = office.get(url("task", "change", tasks[0].pk))
    assert "2" in page.context["adminform"].form["carry"].help_text
    assert faults(change(office, tasks[0], due="2027-06-30")) == {}
    assert not Assignment.objects.filter(due=dt.date(2027, 6, 30)).exists()
    assert faults(change(office, tasks[2], due="2027-06-30", carry="on")) == {}
    assert Assignment.objects.get(due=dt.date(2027, 6, 30)).task == tasks[2]


def test_a_start_after_a_milestone_is_said_and_nothing_is_lost(office, tasks):
    Milestone.objects.create(task=tasks[0], title="节点", due=dt.date(2026, 6, 30))
    answer = change(office, tasks[0], start="2026-12-01", frequency="month")
    assert list(faults(answer)) == ["start"]
    assert answer.context["adminform"].form["frequency"].value() == "month"


def test_milestones_of_a_task_are_kept_on_its_page(office, tasks, cast):
    fields = {"milestones-0-title": "完成试点", "milestones-0-due": "2026-06-30"}
    assert faults(change(office, tasks[0], **fields)) == {}
    step = Milestone.objects.get()
    assert (step.task, step.title, step.history.get().history_user) == (tasks[0], "完成试点", cast.administrator)
    for wrong in (
        {"milestones-0-due": "2020-01-01"},
        {"milestones-0-reached_on": "2099-01-01"},
        {"milestones-0-due": "x"},
    ):
        answer = change(office, tasks[0], **wrong)
        assert answer.status_code == 200, wrong
        assert any(answer.context["inline_admin_formsets"][0].formset.errors), wrong
    assert faults(change(office, tasks[0], **{"milestones-0-reached_on": "2026-06-01"})) == {}
    assert change(office, tasks[0], **{"milestones-0-DELETE": "on"}).status_code == 200
    assert Milestone.objects.count() == 1
    change(office, tasks[0], **{"milestones-0-reached_on": ""})
    change(office, tasks[0], **{"milestones-0-DELETE": "on"})
    assert not Milestone.objects.exists()
    assert Milestone.history.first().history_type == "-"


# A plan from a table.


def send(client, content, **given):
    sent = {"slug": "19", "title": "十九大", "start": "2028-11-01", "due": "2033-10-31"} | given
    return client.post(url("plan", "load"), sent | {"file": SimpleUploadedFile("规划.csv", content)})


def test_a_plan_is_shown_as_a_tree_and_loaded_when_confirmed(office, cast):
    assert url("plan", "load") in office.get(url("plan", "changelist")).content.decode()
    shown = send(office, GOOD.replace(HEADER, CHINESE).encode("gbk"))
    text = shown.content.decode()
    assert shown.context["table"].counts == (2, 3, 4, 2, 1)
    assert "“学习”行动，全面实施" in text
    assert not Plan.objects.filter(slug="19").exists()
    answer = office.post(url("plan", "load"), dict(shown.context["kept"]) | {"confirm": "1"})
    made = Plan.objects.get(slug="19")
    assert answer.url == url("plan", "change", made.pk)
    assert made.tasks.count() == 4
    assert made.history.get().history_user == cast.administrator
    again = office.post(url("plan", "load"), dict(shown.context["kept"]) | {"confirm": "1"})
    assert list(again.context["form"].errors) == ["slug"]
    assert Task.objects.filter(plan=made).count() == 4


def test_bad_rows_are_named_and_what_was_typed_is_kept(office):
    answer = send(office, GOOD.replace("全国、省级", "区级").encode(), title="十九大规划")
    assert answer.status_code == 422
    assert [complaint.number for complaint in answer.context["complaints"]] == [2]
    assert "区级" in answer.content.decode()
    assert answer.context["form"]["title"].value() == "十九大规划"
    assert not Plan.objects.filter(slug="19").exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"slug": ""}, "slug"),
        ({"slug": "十九"}, "slug"),
        ({"slug": "18"}, "slug"),
        ({"title": ""}, "title"),
        ({"title": "字\x00"}, "title"),
        ({"start": ""}, "start"),
        ({"start": "x"}, "start"),
        ({"due": "2020-01-01"}, "due"),
    ],
)
def test_a_plan_that_cannot_be_is_said_beside_its_field(office, given, field):
    before = everything()
    answer = send(office, GOOD.encode(), **given)
    assert field in answer.context["form"].errors
    assert answer.status_code == 422
    assert everything() == before


def test_a_file_is_asked_for_and_what_stands_in_its_place_is_checked(office):
    given = {"slug": "19", "title": "十九大", "start": "2028-11-01", "due": "2033-10-31"}
    for content in ("", "不是", "====", "\x00"):
        answer = office.post(url("plan", "load"), given | {"content": content, "confirm": "1"})
        assert answer.status_code == 422, content
    answer = send(office, b"x" * (3 * 1024 * 1024 + 1))
    assert list(answer.context["form"].errors) == ["file"]
    assert not Plan.objects.filter(slug="19").exists()


def test_the_template_is_a_table_that_loads(office):
    answer = office.get(url("plan", "template"))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.content.startswith("\ufeff".encode())
    assert send(office, answer.content).context["table"].counts.tasks == 1
