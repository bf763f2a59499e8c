"""Assigning, amending, and what an assignment takes from its entries (rules 1, 2 and 4)."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from tracker.models import Assignment, AssignmentTally, Entry, Event, Organization, Period

from .refusals import fresh, invalid, recounted_tallies, standing_tallies


@pytest.fixture(autouse=True)
def _tallies_agree(request, db):
    yield
    assert standing_tallies() == recounted_tallies()


@pytest.fixture
def older(plan):
    """A quarter before the one that `period` is, still unlocked."""
    today = timezone.localdate()
    return Period.objects.create(
        plan=plan,
        code="2026Q3",
        opens=today - dt.timedelta(90),
        due=today - dt.timedelta(60),
        locks=today + dt.timedelta(5),
    )


def in_period(entry, period):
    period.open()
    return Entry.objects.for_transition().get(assignment=entry.assignment_id, period=period)


def accept(entry, cast, content, **more):
    entry.submit(by=cast.reporter, version=entry.version, **content | more)
    entry.accept(by=cast.reviewer, version=entry.version)


def state_of(entry):
    assignment = Assignment.objects.get(pk=entry.assignment_id)
    return assignment.status, assignment.percent, assignment.latest_id


# Assigning.


def test_a_task_is_given_to_every_body_of_its_levels(bodies, tasks, cast):
    tasks[0].levels = ["city", "county"]
    tasks[0].save()
    assert Assignment.objects.assign(tasks[:1], Organization.objects.all(), by=cast.administrator) == 4
    assert set(Assignment.objects.values_list("organization__code", flat=True)) == {"11", "111", "112", "113"}
    assert Assignment.objects.assign(tasks[:1], Organization.objects.all(), by=None, all_levels=True) == 4
    row = Assignment.objects.get(organization=bodies.county)
    assert (row.reviewing, row.part, row.status, row.frequency) == (bodies.city, "lead", "not_started", "quarter")
    assert (row.start, row.due, row.handed_on) == (tasks[0].start, tasks[0].due, timezone.localdate())
    assert Assignment.objects.get(organization=bodies.nation).reviewing is None


def test_assigning_again_makes_nothing_and_changes_nothing(bodies, tasks, cast):
    Assignment.objects.assign(tasks, [bodies.county], by=cast.administrator)
    before = list(Assignment.objects.order_by("pk").values())
    again = {"standard": "另一标准", "part": "cooperating", "due": dt.date(2027, 1, 1)}
    assert Assignment.objects.assign(tasks, [bodies.county], by=cast.administrator, **again) == 0
    assert list(Assignment.objects.order_by("pk").values()) == before


def test_assigning_nothing_or_nobody_makes_nothing(bodies, tasks):
    assert Assignment.objects.assign([], [bodies.county], by=None) == 0
    assert Assignment.objects.assign(tasks, [], by=None) == 0
    assert Assignment.objects.assign(tasks, Organization.objects.none(), by=None) == 0


def test_a_standing_duty_stands_until_a_due_date_is_handed_down(bodies, tasks):
    Assignment.objects.assign(tasks[1:2], [bodies.county], by=None)
    Assignment.objects.assign(tasks[1:2], [bodies.sister], by=None, due=dt.date(2027, 12, 31))
    county, sister = Assignment.objects.order_by("organization__path")
    assert (county.standing, county.due) == (True, None)
    assert (sister.standing, sister.due) == (False, dt.date(2027, 12, 31))
    county.amend(by=None, due=dt.date(2027, 12, 31))
    assert not county.standing
    county.amend(by=None, due=None)
    assert county.standing


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"start": dt.date(2027, 1, 2), "due": dt.date(2027, 1, 1)}, "due"),
        ({"start": dt.date(2099, 1, 1)}, "due"),
        ({"due": dt.date(1999, 1, 1)}, "due"),
        ({"standard": "标准\x00"}, "standard"),
        ({"standard": "标准\ud800"}, "standard"),
        ({"standard": "长" * 20_001}, "standard"),
        ({"part": "helper"}, "part"),
    ],
)
def test_what_cannot_be_handed_down_is_named_and_nothing_is_made(bodies, tasks, given, field):
    with pytest.raises(ValidationError) as error:
        Assignment.objects.assign(tasks, [bodies.county], by=None, **given)
    assert set(error.value.message_dict) == {field}
    assert not Assignment.objects.exists()


def test_an_assignment_made_after_the_opening_owes_from_the_next_period(bodies, tasks, cast, period, older):
    period.open()
    Assignment.objects.assign(tasks[:1], [bodies.county], by=cast.administrator)
    assert period.open() == 0
    following = Period.objects.create(
        plan=period.plan, code="2027Q1", opens=period.locks, due=period.locks, locks=period.locks
    )
    assert following.open() == 1


def test_unless_the_cascade_says_this_period(bodies, tasks, cast, period):
    Assignment.objects.assign(tasks[:1], [bodies.sister], by=cast.administrator)
    period.open()
    Assignment.objects.assign(tasks[:2], [bodies.county, bodies.sister], by=cast.administrator, owe_now=True)
    assert Entry.objects.filter(period=period).count() == 4
    assert period.open() == 0


# Amending.


def test_amending_keeps_old_and_new_in_the_event_and_nothing_is_no_event(owed, cast, bodies):
    assignment = owed["3.2.1"].assignment
    assert not assignment.amend(by=cast.administrator, part="lead", responsible="")
    assert not Event.objects.filter(entry=None).exists()
    due = dt.date(2027, 6, 30)
    assert assignment.amend(by=cast.administrator, due=due, responsible="李主席", reviewing=bodies.province)
    event = Event.objects.get(entry=None)
    assert (event.action, event.by, event.acting_role) == ("amended", cast.administrator, "administrator")
    assert event.content == {
        "due": ["2028-10-31", "2027-06-30"],
        "responsible": ["", "李主席"],
        "reviewing": ["示例一市总工会", "示例一省总工会"],
    }
    assert (assignment.due, assignment.responsible, assignment.reviewing) == (due, "李主席", bodies.province)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"due": dt.date(2020, 1, 1)}, "due"),
        ({"responsible": "李\x00"}, "responsible"),
        ({"leader": "李" * 61}, "leader"),
        ({"standard": "长" * 20_001}, "standard"),
        ({"part": "helper"}, "part"),
    ],
)
def test_what_cannot_be_amended_is_named_and_nothing_changes(owed, cast, values, field):
    with invalid(owed["3.2.1"], field):
        owed["3.2.1"].assignment.amend(by=cast.administrator, **values)


def test_a_due_date_moves_the_light(owed, cast):
    assignment = owed["3.2.1"].assignment
    assignment.amend(by=cast.administrator, due=timezone.localdate() + dt.timedelta(15))
    assert (assignment.light, assignment.light_reason) == ("yellow", "due_soon")
    assert assignment.light_changes_on == timezone.localdate() + dt.timedelta(16)
    row = AssignmentTally.objects.get(task=assignment.task, line="territorial")
    assert (row.grey, row.yellow) == (1, 1)


def test_the_part_moves_the_counts_and_an_end_takes_them_away(owed, cast):
    assignment = owed["3.2.1"].assignment
    assignment.take_part("cooperating", by=cast.administrator)
    counts = AssignmentTally.objects.filter(task=assignment.task).values_list("part", "not_started")
    assert set(counts) == {("lead", 1), ("cooperating", 1)}
    assignment.amend(by=cast.administrator, ended_on=timezone.localdate())
    assert set(counts.all()) == {("lead", 1), ("cooperating", 0)}
    assert assignment not in Assignment.objects.live()
    assignment.take_part("lead", by=cast.administrator)
    assert set(counts.all()) == {("lead", 2), ("cooperating", 0)}
    assert assignment.ended_on is None


def test_what_has_ended_still_follows_its_entries_and_is_not_counted(owed, cast, content):
    assignment = owed["3.2.1"].assignment
    assignment.amend(by=cast.administrator, ended_on=timezone.localdate())
    accept(fresh(owed["3.2.1"]), cast, content)
    assert state_of(owed["3.2.1"])[0] == "in_progress"
    assert AssignmentTally.objects.get(task=assignment.task, line="territorial").in_progress == 0


# Following the entries.


def test_an_older_period_accepted_later_never_overwrites_a_newer_status(owed, older, cast, content):
    newer = owed["3.2.3"]
    asked = {"need": "请协调场地", "need_by": dt.date(2099, 1, 1)}
    accept(newer, cast, content, status="blocked", problems="缺场地", percent=60, **asked)
    accept(in_period(newer, older), cast, content, percent=20)
    assert state_of(newer) == ("blocked", 60, newer.pk)


def test_reopening_restores_the_status_from_the_latest_accepted(owed, older, cast, content):
    newer = owed["3.2.3"]
    earlier = in_period(newer, older)
    accept(earlier, cast, content, percent=20)
    accept(newer, cast, content, status="completed", percent=100)
    assert state_of(newer) == ("completed", 100, newer.pk)
    newer.reopen(by=cast.reviewer, version=newer.version, comment="数字有误")
    assert state_of(newer) == ("in_progress", 20, earlier.pk)
    earlier.reopen(by=cast.reviewer, version=earlier.version, comment="数字有误")
    assert state_of(newer) == ("not_started", None, None)


def test_an_acceptance_taken_back_restores_the_status_too(owed, older, cast, content):
    newer = owed["3.2.3"]
    earlier = in_period(newer, older)
    accept(earlier, cast, content, percent=20)
    accept(newer, cast, content, percent=60)
    newer.undo(by=cast.reviewer, version=newer.version)
    assert state_of(newer) == ("in_progress", 20, earlier.pk)


def test_a_status_set_by_hand_needs_a_reason_and_holds_until_the_next_accepted_entry(owed, older, cast, content):
    newer = owed["3.2.3"]
    earlier = in_period(newer, older)
    accept(earlier, cast, content, percent=20)
    assignment = Assignment.objects.get(pk=newer.assignment_id)
    assignment.state_status("completed", "现场核查已完成", by=cast.administrator)
    assert (assignment.status, assignment.percent, assignment.light) == ("completed", 100, "blue")
    event = Event.objects.get(action="status_stated")
    assert (event.by, event.comment) == (cast.administrator, "现场核查已完成")
    earlier.reopen(by=cast.reviewer, version=earlier.version, comment="数字有误")
    assert state_of(newer)[0] == "completed"
    accept(newer, cast, content, percent=60)
    assert state_of(newer) == ("in_progress", 60, newer.pk)


def test_an_older_period_accepted_later_does_not_undo_a_status_set_by_hand(owed, older, cast, content):
    newer = owed["3.2.1"]
    accept(newer, cast, content)
    Assignment.objects.get(pk=newer.assignment_id).state_status("blocked", "场地未定", by=cast.administrator)
    accept(in_period(newer, older), cast, content)
    assert state_of(newer) == ("blocked", None, newer.pk)


@pytest.mark.parametrize("reason", ["", " \n", "核查\x00", "核查\udfff", "长" * 20_001])
def test_a_reason_for_a_hand_is_demanded_and_must_be_storable(owed, cast, reason):
    assignment = owed["3.2.1"].assignment
    with invalid(owed["3.2.1"], "reason"):
        assignment.state_status("blocked", reason, by=cast.administrator)
    with invalid(owed["3.2.1"], "reason"):
        assignment.state_light("red", reason, by=cast.supervisor)


def test_the_reason_for_a_light_is_no_longer_than_its_column(owed, cast):
    assignment = owed["3.2.1"].assignment
    with invalid(owed["3.2.1"], "reason"):
        assignment.state_light("red", "长" * 201, by=cast.supervisor)
    assignment.state_light("red", "长" * 200, by=cast.supervisor)


def test_a_status_or_light_that_is_none_is_refused(owed, cast):
    assignment = owed["3.2.1"].assignment
    for status in ("", "done", "grey"):
        with invalid(owed["3.2.1"], "status"):
            assignment.state_status(status, "核查", by=cast.administrator)
    with invalid(owed["3.2.1"], "light"):
        assignment.state_light("purple", "核查", by=cast.supervisor)
