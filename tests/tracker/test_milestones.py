"""Milestones (时间节点): whose they are to set, when they are reached, what they make percent of (rule 4)."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from tests.conftest import person
from tests.tracker.refusals import as_also
from tracker.models import Assignment, Entry, Event, Milestone, Period, Role, Task, TransitionRefused
from tracker.models import milestones as rules

TODAY = timezone.localdate()


def day(days):
    return TODAY + dt.timedelta(days)


@pytest.fixture
def mine(owed, bodies, tasks):
    return Assignment.objects.get(task=tasks[0], organization=bodies.county)


@pytest.fixture
def step(mine, cast):
    return Milestone.make(mine, title="完成试点", due=day(30), by=cast.reporter)


@pytest.fixture
def of_task(tasks):
    return Milestone.objects.create(task=tasks[0], title="全面推开", due=day(-3))


def test_its_body_and_its_reviewing_body_set_an_assignments_milestones_and_nobody_else(mine, bodies, cast):
    for name in ("reporter", "leader", "reviewer", "administrator"):
        made = Milestone.make(mine, title=f"节点 {name}", due=day(30), by=getattr(cast, name))
        event = Event.objects.filter(action="milestone_set").latest("pk")
        assert (event.assignment, event.by, event.comment) == (mine, getattr(cast, name), str(made))
        assert made.history.get().history_user == getattr(cast, name)
    sister = person("sister", bodies.sister, Role.REPORTER)
    for user in (cast.supervisor, cast.auditor, cast.outsider, sister):
        with pytest.raises(TransitionRefused) as refused:
            Milestone.make(mine, title="越权", due=day(30), by=user)
        assert refused.value.code == "not_yours"
    assert Milestone.objects.count() == 4


def test_the_role_acted_in_decides(mine, bodies, cast):
    user = as_also(cast.outsider, Role.REPORTER, bodies.county)
    assert Milestone.make(mine, title="节点", due=day(30), by=user).pk


def test_scopes_of_milestones(step, of_task, bodies, cast):
    assert {str(row) for row in Milestone.objects.visible_to(cast.outsider)} == {str(of_task)}
    assert Milestone.objects.visible_to(cast.administrator).count() == 2
    assert Milestone.objects.visible_to(cast.reviewer).count() == 2
    assert list(Milestone.objects.editable_by(cast.administrator)) == [of_task, step]
    below = person("below", bodies.province, Role.ADMINISTRATOR)
    for user in (cast.reporter, cast.reviewer, below):
        assert list(Milestone.objects.editable_by(user)) == [step]
    for user in (cast.supervisor, cast.auditor, cast.outsider):
        assert not Milestone.objects.editable_by(user).exists()
        assert not Milestone.objects.reachable_by(user).exists()


def test_the_owner_says_that_its_tasks_milestone_is_reached_and_does_not_move_it(of_task, tasks, bodies, cast):
    assert not Milestone.objects.reachable_by(cast.reporter).exists()
    tasks[0].name_owner(bodies.county, by=cast.administrator)
    of_task.reach(day(-4), by=cast.reporter)
    assert Milestone.objects.get().reached_on == day(-4)
    with pytest.raises(TransitionRefused):
        of_task.amend(title="改", due=day(1), by=cast.reporter)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "长" * 201}, "title"),
        ({"title": "字\x00"}, "title"),
        ({"due": dt.date(2023, 9, 30)}, "due"),
        ({"due": dt.date(2028, 11, 1)}, "due"),
    ],
)
def test_a_milestone_lies_between_start_and_due_date_and_has_a_title(mine, cast, values, field):
    with pytest.raises(ValidationError) as error:
        Milestone.make(mine, **({"title": "节点", "due": day(30)} | values), by=cast.reporter)
    assert set(error.value.message_dict) == {field}
    assert not Milestone.objects.exists()
    assert not Event.objects.filter(action="milestone_set").exists()


def test_of_a_standing_duty_it_lies_within_the_plan(owed, bodies, tasks, cast):
    standing = Assignment.objects.get(task=tasks[1], organization=bodies.county)
    with pytest.raises(ValidationError):
        Milestone.make(standing, title="节点", due=dt.date(2028, 11, 1), by=cast.reporter)
    assert Milestone.make(standing, title="节点", due=dt.date(2028, 10, 31), by=cast.reporter).pk


def test_fifty_are_enough(mine, cast, monkeypatch):
    monkeypatch.setattr(rules, "MOST", 1)
    Milestone.make(mine, title="节点", due=day(30), by=cast.reporter)
    with pytest.raises(ValidationError):
        Milestone.make(mine, title="节点", due=day(30), by=cast.reporter)


def test_reaching_is_recorded_once_and_can_be_taken_back(step, cast):
    seen = Milestone.objects.get()
    step.reach(TODAY, by=cast.reporter)
    with pytest.raises(TransitionRefused) as refused:
        seen.reach(day(-1), by=cast.leader)
    assert refused.value.code == "stale"
    step.take_back(by=cast.reviewer)
    with pytest.raises(TransitionRefused):
        step.take_back(by=cast.reviewer)
    assert step.reached_on is None
    told = list(Event.objects.order_by("pk").values_list("action", "by__username"))
    assert told[-2:] == [("reached", "reporter"), ("not_reached", "reviewer")]
    assert [row.reached_on for row in step.history.order_by("history_id")] == [None, TODAY, None]


@pytest.mark.parametrize("on", [day(1), dt.date(2023, 9, 30)])
def test_it_is_reached_neither_tomorrow_nor_before_the_start(step, cast, on):
    with pytest.raises(ValidationError) as error:
        step.reach(on, by=cast.reporter)
    assert set(error.value.message_dict) == {"reached_on"}
    assert Milestone.objects.get().reached_on is None


def test_one_is_moved_with_an_event_that_says_from_what_to_what(step, cast):
    was = str(step)
    step.amend(title="完成试点工作", due=day(60), by=cast.reviewer)
    event = Event.objects.get(action="milestone_moved")
    assert event.comment == f"{was} → {day(60)} 完成试点工作"
    step.amend(title="完成试点工作", due=day(60), by=cast.reviewer)
    assert Event.objects.filter(action="milestone_moved").count() == 1


def test_one_that_is_not_reached_is_taken_away_and_its_history_stays(step, cast):
    step.reach(TODAY, by=cast.reporter)
    with pytest.raises(TransitionRefused) as refused:
        step.withdraw(by=cast.reporter)
    assert refused.value.code == "reached"
    step.take_back(by=cast.reporter)
    seen = Milestone.objects.get()
    step.withdraw(by=cast.reporter)
    assert not Milestone.objects.exists()
    assert Event.objects.latest("pk").action == "milestone_gone"
    newest = Milestone.history.first()
    assert (newest.history_type, newest.history_user) == ("-", cast.reporter)
    with pytest.raises(TransitionRefused) as refused:
        seen.reach(TODAY, by=cast.reporter)
    assert refused.value.code == "stale"


def test_milestones_of_what_has_ended_are_closed(step, of_task, tasks, cast):
    tasks[0].end("不再实施", by=cast.administrator)
    for act in (
        lambda: step.reach(TODAY, by=cast.reporter),
        lambda: step.withdraw(by=cast.administrator),
        lambda: of_task.reach(TODAY, by=cast.administrator),
    ):
        with pytest.raises(TransitionRefused):
            act()


def test_overdue_is_said_in_days_until_it_is_reached(of_task, step, tasks, cast):
    assert (of_task.overdue_days, step.overdue_days) == (3, 0)
    of_task.reach(TODAY, by=cast.administrator)
    assert of_task.overdue_days == 0


# Percent (rule 4).


def test_percent_is_asked_where_there_are_milestones_and_never_of_a_standing_duty(owed, bodies, tasks, cast):
    Milestone.objects.create(task=tasks[0], title="节点", due=TODAY)
    Milestone.objects.create(task=tasks[1], title="节点", due=TODAY)
    assert [task.asks_percent for task in tasks] == [True, False, True, False]
    fourth = Assignment.objects.get(task=tasks[3], organization=bodies.county)
    assert not fourth.asks_percent
    Milestone.make(fourth, title="节点", due=day(1), by=cast.reporter)
    asking = Assignment.objects.asking_percent().order_by("task__position", "organization__path")
    assert [(row.task.code, row.organization.code) for row in asking] == [
        ("3.2.1", "111"),
        ("3.2.1", "112"),
        ("3.2.3", "111"),
        ("3.2.4", "111"),
    ]
    assert list(Task.objects.asking_percent()) == [tasks[0], tasks[2]]


def test_whether_percent_is_asked_of_many_is_one_query(owed, tasks, django_assert_num_queries):
    with django_assert_num_queries(1):
        list(Assignment.objects.asking_percent())
    with django_assert_num_queries(1):
        list(Task.objects.asking_percent())


def test_an_entry_takes_percent_by_its_own_assignments_milestones(owed, step, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, percent=40, **content)
    entry = Entry.objects.for_transition().get(pk=owed["3.2.1"].pk)
    entry.accept(by=cast.reviewer, version=2)
    assert Assignment.objects.get(pk=step.assignment_id).percent == 40


def test_a_duty_that_was_given_a_due_date_is_asked_for_percent(bodies, tasks, cast):
    """A standing task handed down with a due date is no standing duty there."""
    Milestone.objects.create(task=tasks[1], title="节点", due=TODAY)
    Assignment.objects.assign([tasks[1]], [bodies.county], by=None, due=day(90))
    Assignment.objects.assign([tasks[1]], [bodies.sister], by=None)
    asking = Assignment.objects.asking_percent()
    assert [row.organization for row in asking] == [bodies.county]


@pytest.mark.parametrize(
    ("kind", "code", "span"),
    [
        ("month", "2026-12", (dt.date(2026, 12, 1), dt.date(2026, 12, 31))),
        ("month", "2028-02", (dt.date(2028, 2, 1), dt.date(2028, 2, 29))),
        ("quarter", "2026Q4", (dt.date(2026, 10, 1), dt.date(2026, 12, 31))),
        ("half_year", "2026H1", (dt.date(2026, 1, 1), dt.date(2026, 6, 30))),
        ("half_year", "2026H2", (dt.date(2026, 7, 1), dt.date(2026, 12, 31))),
        ("year", "2026", (dt.date(2026, 1, 1), dt.date(2026, 12, 31))),
        ("one_off", "专项", (dt.date(2026, 3, 1), dt.date(2026, 3, 9))),
        ("month", "0000-01", (dt.date(2026, 3, 1), dt.date(2026, 3, 9))),
    ],
)
def test_what_a_period_tells_of_follows_from_its_code(kind, code, span):
    period = Period(kind=kind, code=code, opens=dt.date(2026, 3, 1), due=dt.date(2026, 3, 9))
    assert period.span == span
