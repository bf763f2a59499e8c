"""Rule 7: lights on the days that matter, and the nightly command that turns them."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.models import Assignment, AssignmentTally, Entry, Period, Plan
from tracker.models import assignments as assignments_module
from tracker.models.lights import judge, pace, words

from .refusals import recounted_tallies, standing_tallies

DUE = dt.date(2026, 9, 30)
PLAN = Plan(start=dt.date(2023, 10, 1), due=dt.date(2028, 10, 31), yellow_days=15, yellow_points=10, red_points=30)


def days(number):
    return dt.timedelta(days=number)


def light(day, plan=PLAN, **values):
    verdict = judge(Assignment(**{"status": "in_progress"} | values), plan, day)
    return verdict.light, verdict.reason


# By deadline.


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (DUE - days(400), ("green", "on_track")),
        (DUE - days(16), ("green", "on_track")),
        (DUE - days(15), ("yellow", "due_soon")),
        (DUE, ("yellow", "due_soon")),
        (DUE + days(1), ("red", "overdue")),
        (DUE + days(400), ("red", "overdue")),
    ],
)
def test_by_deadline_yellow_comes_15_days_before_and_red_the_day_after(day, expected):
    assert light(day, due=DUE) == expected
    assert light(day, due=DUE, status="blocked") == expected  # blocked is never red by itself


def test_the_days_before_the_deadline_stand_on_the_plan():
    plan = Plan(yellow_days=0, yellow_points=10, red_points=30)
    assert light(DUE - days(1), plan, due=DUE) == ("green", "on_track")
    assert light(DUE, plan, due=DUE) == ("yellow", "due_soon")


# By pace: 1000 days, so a day is a tenth of a point.

START = DUE - days(1000)


@pytest.mark.parametrize(
    ("passed", "percent", "expected"),
    [
        (0, 0, ("green", "on_track")),
        (99, 0, ("green", "on_track")),  # 9.9 points behind
        (100, 0, ("yellow", "behind")),  # 10
        (300, 0, ("yellow", "behind")),  # 30
        (301, 0, ("red", "behind")),  # 30.1
        (599, 50, ("green", "on_track")),
        (600, 50, ("yellow", "behind")),
        (800, 50, ("yellow", "behind")),
        (801, 50, ("red", "behind")),
        (600, None, ("green", "on_track")),  # not measured: no pace
        (-5, 0, ("green", "on_track")),  # before the start nothing has passed
        (990, 100, ("yellow", "due_soon")),
        (990, 80, ("yellow", "due_soon")),  # the same colour for two reasons: the deadline is said
        (990, 50, ("red", "behind")),  # the worse of the two families
        (1001, 0, ("red", "overdue")),
    ],
)
def test_by_pace_yellow_comes_at_10_points_behind_and_red_past_30(passed, percent, expected):
    assert light(START + days(passed), start=START, due=DUE, percent=percent) == expected


def test_pace_needs_a_start_before_the_due_date():
    assert light(DUE - days(100), due=DUE, percent=0) == ("green", "on_track")
    assert light(DUE - days(100), start=DUE, due=DUE, percent=0) == ("green", "on_track")
    assert pace(DUE, DUE, DUE - days(1)) == 0
    assert pace(DUE, DUE, DUE) == 100


def test_the_points_stand_on_the_plan():
    plan = Plan(yellow_days=15, yellow_points=5, red_points=5)
    assert light(START + days(50), plan, start=START, due=DUE, percent=0) == ("yellow", "behind")
    assert light(START + days(51), plan, start=START, due=DUE, percent=0) == ("red", "behind")


# What stands above the families.


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"status": "not_started", "due": DUE}, ("grey", "not_begun")),
        ({"status": "not_started", "due": None}, ("grey", "not_begun")),
        ({"status": "not_started", "standing": True}, ("grey", "not_begun")),
        ({"status": "in_progress", "due": None}, ("green", "no_due")),
        ({"status": "in_progress", "standing": True}, ("green", "standing")),
        ({"status": "blocked", "standing": True, "due": DUE - days(400)}, ("green", "standing")),
        ({"status": "completed", "due": DUE - days(400)}, ("blue", "done")),
        ({"status": "completed", "due": None}, ("blue", "done")),
        ({"status": "not_started", "due": DUE - days(190)}, ("yellow", "due_soon")),
        ({"status": "not_started", "due": DUE - days(201)}, ("red", "overdue")),
        ({"stated_light": "red", "due": DUE}, ("red", "stated")),
        ({"stated_light": "green", "due": DUE - days(400)}, ("green", "stated")),
        ({"stated_light": "yellow", "status": "completed"}, ("yellow", "stated")),
    ],
)
def test_not_begun_standing_without_due_done_and_stated(values, expected):
    assert light(DUE - days(200), **values) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"status": "completed", "due": DUE},
        {"standing": True, "due": DUE},
        {"stated_light": "green", "due": DUE},
        {"due": None},
        {"due": DUE - days(201)},
    ],
)
def test_some_lights_never_change_by_themselves(values):
    assert judge(Assignment(**{"status": "in_progress"} | values), PLAN, DUE - days(200)).changes_on is None


@settings(max_examples=200, deadline=None, database=None)
@given(
    status=st.sampled_from(["not_started", "in_progress"]),
    percent=st.sampled_from([None, *range(101)]),
    length=st.integers(0, 200),
    thresholds=st.tuples(st.integers(0, 40), st.integers(1, 60), st.integers(0, 40)),
    passed=st.integers(-30, 230),
)
def test_a_light_says_exactly_when_it_changes_by_itself(status, percent, length, thresholds, passed):
    yellow_days, yellow_points, more = thresholds
    plan = Plan(yellow_days=yellow_days, yellow_points=yellow_points, red_points=yellow_points + more)
    row = Assignment(status=status, percent=percent, start=START, due=START + days(length))
    day = START + days(passed)
    today = judge(row, plan, day)
    ahead = (day + days(number) for number in range(1, 300))
    changes_on = next((later for later in ahead if judge(row, plan, later)[:2] != today[:2]), None)
    assert today.changes_on == changes_on


# In words.


def test_a_reason_is_said_with_its_days_and_points():
    row = Assignment(start=START, due=DUE, percent=20, light_reason="overdue")
    assert "12" in words(row, DUE + days(12))
    row.light_reason = "behind"
    assert "18" in words(row, START + days(385))  # 38.5 passed, 20 done
    row.light_reason, row.stated_light_why = "stated", "省总统筹推进"
    assert "省总统筹推进" in words(row, DUE)


# Stored, and turned at night.


@pytest.fixture
def many(bodies, tasks, cast):
    """Assignments of every kind of light, due around today."""
    today = dt.date(2026, 11, 22)
    made = []
    for number, task in enumerate(tasks):
        for name in ("county", "sister", "school", "city"):
            Assignment.objects.assign([task], [getattr(bodies, name)], by=cast.administrator)
            made.append(Assignment.objects.get(task=task, organization=getattr(bodies, name)))
        for step, row in enumerate(made[-4:]):
            Assignment.objects.filter(pk=row.pk).update(
                start=today - days(300),
                due=today + days(7 * (number * 4 + step) - 40),
                standing=False,
                status=("in_progress", "not_started", "blocked", "completed")[(number + step) % 4],
                percent=100 if (number + step) % 4 == 3 else (None, 30, 60)[step % 3],
            )
    return today


def lights():
    return list(Assignment.objects.order_by("pk").values_list("light", "light_reason", "light_changes_on"))


def judged(day):
    rows = Assignment.objects.order_by("pk").select_related("task__plan")
    return [tuple(judge(row, row.task.plan, day)) for row in rows]


def test_relighting_a_set_equals_judging_row_by_row_and_twice_changes_nothing(many):
    assert lights() != judged(many)
    assert Assignment.objects.relight(many, everything=True) > 0
    assert lights() == judged(many)
    assert len({light for light, _reason, _day in lights()}) == 5
    AssignmentTally.recount(Plan.objects.get().tasks.all())
    assert Assignment.objects.relight(many, everything=True) == 0
    assert Assignment.objects.relight(many) == 0
    for later in range(1, 160):
        Assignment.objects.relight(many + days(later))
        assert lights() == judged(many + days(later))
    assert standing_tallies() == recounted_tallies()


def test_relighting_in_chunks_misses_no_row(many, monkeypatch):
    monkeypatch.setattr(assignments_module, "CHUNK", 3)
    Assignment.objects.relight(many, everything=True)
    assert lights() == judged(many)


def test_relighting_leaves_what_has_ended_alone(many):
    row = Assignment.objects.filter(status="in_progress").first()
    row.amend(by=None, ended_on=many)
    AssignmentTally.recount(Plan.objects.get().tasks.all())
    row.refresh_from_db()
    Assignment.objects.relight(many + days(900), everything=True)
    assert Assignment.objects.get(pk=row.pk).light == row.light
    assert standing_tallies() == recounted_tallies()


def test_one_that_ends_while_the_night_works_is_not_counted(many):
    """It ended between being listed and being locked."""
    Assignment.objects.relight(many, everything=True)
    AssignmentTally.recount(Plan.objects.get().tasks.all())
    pks = list(Assignment.objects.order_by("pk").values_list("pk", flat=True))
    row = Assignment.objects.filter(light="green").first()
    row.amend(by=None, ended_on=many)
    plans = {plan.pk: plan for plan in Plan.objects.all()}
    Assignment.objects.all()._relight_chunk(pks, plans, many + days(900))
    assert standing_tallies() == recounted_tallies()


def test_a_light_set_by_hand_holds_through_the_night_until_the_next_accepted_entry(owed, cast, content):
    entry = owed["3.2.1"]
    assignment = entry.assignment
    with pytest.raises(ValidationError):
        assignment.state_light("red", " ", by=cast.supervisor)
    assignment.state_light("red", "省总督办", by=cast.supervisor)
    Assignment.objects.relight(dt.date(2030, 1, 1), everything=True)
    assignment.refresh_from_db()
    assert (assignment.light, assignment.light_reason) == ("red", "stated")
    assert standing_tallies() == recounted_tallies()
    entry.submit(by=cast.reporter, version=1, **content)
    entry.accept(by=cast.reviewer, version=2)
    assignment.refresh_from_db()
    assert (assignment.light, assignment.stated_light, assignment.stated_light_why) == ("green", "", "")
    assert standing_tallies() == recounted_tallies()


def test_a_light_set_by_hand_is_taken_back_with_an_empty_one(owed, cast):
    assignment = owed["3.2.1"].assignment
    assignment.state_light("red", "省总督办", by=cast.supervisor)
    assignment.state_light("", "情况已了解", by=cast.supervisor)
    assert (assignment.light, assignment.light_reason, assignment.stated_light_why) == ("grey", "not_begun", "")


def test_an_older_period_accepted_later_does_not_take_a_stated_light_back(owed, cast, plan, content):
    newer = owed["3.2.1"]
    newer.submit(by=cast.reporter, version=1, **content)
    newer.accept(by=cast.reviewer, version=2)
    older = Period.objects.create(
        plan=plan, code="2026Q3", opens=dt.date(2026, 1, 1), due=dt.date(2026, 1, 2), locks=dt.date(2099, 1, 1)
    )
    older.open()
    newer.assignment.state_light("red", "省总督办", by=cast.supervisor)
    entry = Entry.objects.for_transition().get(period=older, assignment=newer.assignment)
    entry.submit(by=cast.reporter, version=1, **content)
    entry.accept(by=cast.reviewer, version=2)
    assert Assignment.objects.get(pk=newer.assignment_id).light == "red"
