"""Assignments in the back office: added by assigning, changed by their own methods, each change told below."""

import datetime as dt

import pytest

from tests.tracker.office import faults, filled, url
from tracker.models import Assignment, AssignmentTally, Entry, Event, Task


@pytest.fixture
def office(client, cast, owed):
    client.force_login(cast.administrator)
    return client


@pytest.fixture
def assignment(owed):
    return Assignment.objects.get(pk=owed["3.2.1"].assignment_id)


def change(client, assignment, **changes):
    page = client.get(url("assignment", "change", assignment.pk))
    answer = client.post(url("assignment", "change", assignment.pk), filled(page, **changes))
    assignment.refresh_from_db()
    return answer


def add(client, **given):
    page = client.get(url("assignment", "add"))
    return client.post(url("assignment", "add"), filled(page, **given))


def test_what_may_be_amended_is_and_the_event_tells_old_and_new(office, assignment, cast, bodies):
    answer = change(
        office, assignment, part="cooperating", due="2027-12-31", responsible="张三", reviewing=bodies.province.pk
    )
    assert faults(answer) == {}
    assert (assignment.part, assignment.due, assignment.responsible, assignment.reviewing) == (
        "cooperating",
        dt.date(2027, 12, 31),
        "张三",
        bodies.province,
    )
    event = Event.objects.get()
    assert (event.action, event.by) == ("amended", cast.administrator)
    assert event.content["due"] == ["2028-10-31", "2027-12-31"]
    assert set(event.content) == {"part", "due", "responsible", "reviewing"}
    told = office.get(url("assignment", "change", assignment.pk)).content.decode()
    assert "2028-10-31 → 2027-12-31" in told
    assert "cooperating" not in told.split("told")[-1]


def test_saving_unchanged_leaves_no_event(office, assignment):
    assert faults(change(office, assignment)) == {}
    assert not Event.objects.exists()


def test_ending_takes_it_out_of_the_counts_and_can_be_taken_back(office, assignment):
    assert faults(change(office, assignment, ended_on="2026-11-01")) == {}
    assert AssignmentTally.objects.get(task=assignment.task, line="territorial").not_started == 1
    assert faults(change(office, assignment, ended_on="")) == {}
    assert AssignmentTally.objects.get(task=assignment.task, line="territorial").not_started == 2


def test_status_and_light_are_set_by_hand_with_a_reason_each(office, assignment, cast):
    answer = change(
        office, assignment, status="blocked", status_why="资金未到位", stated_light="red", light_why="多次督办未果"
    )
    assert faults(answer) == {}
    assert (assignment.status, assignment.stated_status) == ("blocked", "blocked")
    assert (assignment.light, assignment.stated_light_why) == ("red", "多次督办未果")
    assert set(Event.objects.values_list("action", "comment", "by")) == {
        ("status_stated", "资金未到位", cast.administrator.pk),
        ("light_stated", "多次督办未果", cast.administrator.pk),
    }


def test_a_light_given_back_follows_the_rules_again(office, assignment):
    change(office, assignment, stated_light="red", light_why="多次督办未果")
    assert list(faults(change(office, assignment, stated_light="", light_why=""))) == ["light_why"]
    assert faults(change(office, assignment, stated_light="", light_why="已整改")) == {}
    assert (assignment.light, assignment.stated_light) == ("grey", "")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"due": "2020-01-01"}, "due"),
        ({"due": "9999-12-31"}, "due"),
        ({"start": "x"}, "start"),
        ({"ended_on": "\x00"}, "ended_on"),
        ({"status": "blocked"}, "status_why"),
        ({"status": "blocked", "status_why": "长" * 201}, "status_why"),
        ({"status": "nonsense", "status_why": "x"}, "status"),
        ({"stated_light": "red"}, "light_why"),
        ({"stated_light": "red", "light_why": "改\x00"}, "light_why"),
        ({"stated_light": "purple", "light_why": "x"}, "stated_light"),
        ({"responsible": "长" * 100_000}, "responsible"),
        ({"responsible": "改\x00"}, "responsible"),
        ({"standard": "长" * 100_000}, "standard"),
        ({"part": "x"}, "part"),
        ({"reviewing": "0"}, "reviewing"),
        ({"reviewing": ""}, "reviewing"),
    ],
)
def test_bad_input_gets_a_message_beside_its_field_and_changes_nothing(office, assignment, changes, field):
    before = Assignment.objects.values().get(pk=assignment.pk)
    answer = change(office, assignment, **{"leader": "王五"} | changes)
    assert answer.status_code == 200
    assert list(faults(answer)) == [field]
    assert answer.context["adminform"].form["leader"].value() == "王五"
    assert Assignment.objects.values().get(pk=assignment.pk) == before
    assert not Event.objects.exists()


def test_nobody_reviews_themselves(office, assignment):
    assert list(faults(change(office, assignment, reviewing=assignment.organization_id))) == ["reviewing"]


def test_what_follows_from_entries_is_not_typed_over(office, assignment):
    before = Assignment.objects.values().get(pk=assignment.pk)
    change(office, assignment, light="blue", percent="77", task="1", organization="1", frequency="year", standing="on")
    assert Assignment.objects.values().get(pk=assignment.pk) == before


def test_one_assignment_is_added_by_assigning(office, bodies, tasks, period):
    given = {"task": tasks[0].pk, "organization": bodies.city.pk, "due": "2027-06-30", "owe_now": "on"}
    assert faults(add(office, **given)) == {}
    made = Assignment.objects.get(task=tasks[0], organization=bodies.city)
    assert (made.due, made.frequency, made.reviewing) == (dt.date(2027, 6, 30), "quarter", bodies.province)
    assert Entry.objects.filter(assignment=made, period=period).exists()


def test_one_that_stands_already_is_told_and_left_alone(office, bodies, tasks):
    before = Assignment.objects.count()
    answer = add(office, task=tasks[0].pk, organization=bodies.county.pk, due="2027-06-30")
    assert list(faults(answer)) == ["organization"]
    assert Assignment.objects.count() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"due": "2020-01-01"}, "due"),
        ({"start": "2027-01-01", "due": "2026-01-01"}, "due"),
        ({"task": ""}, "task"),
        ({"task": "x"}, "task"),
        ({"organization": "99999999999999999999"}, "organization"),
        ({"part": ""}, "part"),
        ({"standard": "改\x00"}, "standard"),
    ],
)
def test_adding_refuses_bad_input_beside_its_field(office, bodies, tasks, changes, field):
    answer = add(office, **{"task": tasks[0].pk, "organization": bodies.city.pk} | changes)
    assert answer.status_code == 200
    assert list(faults(answer)) == [field]


def test_adding_keeps_to_the_levels_of_the_task(office, bodies, tasks):
    Task.objects.filter(pk=tasks[0].pk).update(levels=["county"])
    assert list(faults(add(office, task=tasks[0].pk, organization=bodies.city.pk))) == ["organization"]


def test_the_whole_course_stands_where_others_have_a_history(office, assignment):
    for n in range(60):
        assignment.amend(by=None, responsible=f"第{n}人")
    assert len(office.get(url("assignment", "change", assignment.pk)).context["told"]) == 50
    assert len(office.get(url("assignment", "history", assignment.pk)).context["told"]) == 60


def test_lists_narrow_to_what_has_ended(office, assignment):
    assignment.amend(by=None, ended_on=dt.date(2026, 11, 1))
    for ended, count in (("yes", 1), ("no", 4), ("", 5)):
        page = office.get(url("assignment", "changelist"), {"ended": ended} if ended else {})
        assert page.context["cl"].result_count == count
