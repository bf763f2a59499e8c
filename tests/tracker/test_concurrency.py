"""Many at once, on real connections: no work is lost, nobody sees "database is locked", the tallies stay right."""

import datetime as dt
import threading
from functools import partial

import pytest
from django.db import connections
from django.utils import timezone

from tests.conftest import person, place
from tracker.models import (
    Assignment,
    Cascade,
    Entry,
    EntryTally,
    Event,
    Handing,
    Organization,
    Period,
    Role,
    Task,
    TransitionRefused,
    User,
    tallying,
)

from .refusals import recounted_tallies, standing_tallies

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = {"status": "in_progress", "progress": "新建站点四个。"}


def together(*acts):
    """Run all at the same moment, each on a connection of its own; what each returned or raised."""
    start, outcomes = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        try:
            start.wait(10)
            outcomes[number] = act()
        except Exception as error:
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def same(user):
    """A person as their own request would read them."""
    return User.objects.get(pk=user.pk)


@pytest.fixture
def many(bodies, cast, plan, tasks, period):
    """The county owes 32 tasks."""
    Task.objects.bulk_create(
        Task(plan=plan, heading=tasks[0].heading, code=f"3.2.{n}", position=30200 + n, wording=f"第{n}号举措")
        for n in range(5, 33)
    )
    Task.objects.update(standing=False, reporting="full")
    Assignment.objects.assign(Task.objects.all(), [bodies.county], by=None)
    period.open()
    return list(Entry.objects.order_by("pk").values_list("pk", flat=True))


def read(pk):
    return Entry.objects.for_transition().get(pk=pk)


def test_eight_writers_and_four_reviewers_at_once(many, bodies, cast):
    people = [person(f"reviewer-{n}", bodies.city, Role.REVIEWER) for n in range(4)]
    given_up = timezone.now() + dt.timedelta(seconds=40)

    def write(share):
        for pk in share:
            entry = read(pk)
            entry.save_draft(by=same(cast.reporter), version=1, **TEXT)
            entry.submit(by=same(cast.reporter), version=2, **TEXT)

    def decide(user):
        lost = set()
        while Entry.objects.exclude(state="accepted").exists() and timezone.now() < given_up:
            for entry in Entry.objects.reviewable_by(user).for_transition()[:4]:
                try:
                    entry.accept(by=user, version=entry.version)
                except TransitionRefused as refused:
                    lost.add(refused.code)
        return lost

    writers = [partial(write, many[n::8]) for n in range(8)]
    reviewers = [partial(decide, user) for user in people]
    outcomes = together(*writers, *reviewers)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert set().union(*outcomes[8:]) <= {"stale"}  # somebody was first, and that is what they were told
    assert set(Entry.objects.values_list("state", "version")) == {("accepted", 4)}
    assert Event.objects.filter(action="accepted").count() == len(many)
    assert EntryTally.objects.get(line="territorial").accepted == len(many)
    assert standing_tallies() == recounted_tallies()


def test_of_two_on_one_entry_one_wins_and_the_other_is_told(many, bodies, cast):
    second = person("second", bodies.city, Role.REVIEWER)
    for pk in many[:6]:
        for act, by in (("submit", (cast.reporter, cast.reporter)), ("accept", (cast.reviewer, second))):
            steps = [partial(getattr(read(pk), act), by=same(user)) for user in by]
            given = {"version": 1, **TEXT} if act == "submit" else {"version": 2}
            outcomes = together(*(partial(step, **given) for step in steps))
            refused = [outcome for outcome in outcomes if outcome is not None]
            assert [type(outcome) for outcome in refused] == [TransitionRefused]
            assert refused[0].code == "stale"
        assert Event.objects.filter(entry=pk).count() == 2
    assert standing_tallies() == recounted_tallies()


def test_two_periods_of_one_assignment_are_accepted_at_once(many, plan, cast):
    today = timezone.localdate()
    days = {"opens": today, "due": today + dt.timedelta(100), "locks": today + dt.timedelta(100)}
    later = Period.objects.create(plan=plan, code="2027Q1", **days)
    later.open()
    for pk in many[:10]:
        entry = read(pk)
        following = read(Entry.objects.get(assignment=entry.assignment_id, period=later).pk)
        pair = (entry, following)
        for one in pair:
            one.submit(by=cast.reporter, version=1, **TEXT)
        outcomes = together(*(partial(one.accept, by=same(cast.reviewer), version=2) for one in pair))
        assert outcomes == [None, None]
        assert Assignment.objects.get(pk=entry.assignment_id).latest_id == following.pk
    assert standing_tallies() == recounted_tallies()


def test_a_bulk_action_does_not_wait_for_a_row_whose_holder_waits_for_its_tallies(many, cast, plan):
    """On PostgreSQL the two would stand in a ring, were the assignment locked with its key."""
    today = timezone.localdate()
    later = Period.objects.create(plan=plan, code="2027Q1", opens=today, due=today, locks=today)
    later.open()
    first, third = read(many[0]), read(many[1])
    second = read(Entry.objects.get(assignment=first.assignment_id, period=later).pk)
    for entry in (first, second, third):
        entry.submit(by=cast.reporter, version=1, **TEXT)
    held, done = threading.Event(), threading.Event()

    def one():
        with tallying():
            first.accept(by=same(cast.reviewer), version=2)
            held.set()
            done.wait(0.5)

    def many_at_once():
        held.wait(10)
        with tallying():
            for entry in (second, third):
                entry.return_(by=same(cast.reviewer), version=2, comment="补充")
        done.set()

    assert together(one, many_at_once) == [None, None]
    assert standing_tallies() == recounted_tallies()


def test_assigning_and_opening_at_once_from_two_sides_makes_one_set(bodies, tasks, cast, period):
    everybody = Organization.objects.all()

    def assign():
        return Assignment.objects.assign(Task.objects.all(), everybody, by=None)

    outcomes = together(assign, assign, lambda: Task.objects.first().name_owner(bodies.nation, by=None))
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert Assignment.objects.count() == 32
    outcomes = together(*(lambda: Period.objects.get().open() for _n in range(3)))
    assert sorted(outcomes) == [0, 0, 32]
    assert standing_tallies() == recounted_tallies()


def test_a_recount_and_the_night_cross_nobodys_writing(many, cast, period):
    def write(share):
        for pk in share:
            read(pk).submit(by=same(cast.reporter), version=1, **TEXT)
            read(pk).accept(by=same(cast.reviewer), version=2)

    def recount():
        for _n in range(4):
            EntryTally.recount(period)
            Assignment.objects.relight(dt.date(2030, 1, 1), everything=True)
            Assignment.objects.relight(timezone.localdate(), everything=True)

    outcomes = together(*(partial(write, many[n:16:4]) for n in range(4)), recount)
    assert outcomes == [None] * 5
    assert standing_tallies() == recounted_tallies()


def test_bodies_added_at_once_get_paths_of_their_own(bodies):
    def add(numbers):
        for number in numbers:
            place(f"new-{number}", "新工会", "grassroots", bodies.city, industry=bodies.school)

    outcomes = together(*(partial(add, range(n, 24, 6)) for n in range(6)))
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    made = Organization.objects.filter(code__startswith="new-")
    for path in ("path", "industry_path"):
        given = sorted(made.values_list(path, flat=True))
        assert len(set(given)) == 24
        numbers = [int(one[-4:], 36) for one in given]
        assert numbers == list(range(numbers[0], numbers[0] + 24))  # none skipped
    assert Organization.objects.get(pk=bodies.school.pk).last_child == 24


def test_two_hand_down_the_same_and_others_sign_meanwhile_and_there_is_one_set(bodies, tasks, cast):
    everybody = Organization.objects.exclude(pk=bodies.nation.pk)

    def hand_down(giver, due):
        return Cascade(Task.objects.all(), everybody, giver=giver, due=due).carry_out(by=None).handed

    def sign():
        return sum(Handing.objects.all().sign(by=same(cast.reporter)) for _n in range(5))

    near, far = dt.date(2027, 6, 30), dt.date(2027, 12, 31)
    acts = [partial(hand_down, bodies.nation, far), partial(hand_down, bodies.nation, near)]
    acts += [partial(hand_down, bodies.union, near), partial(hand_down, bodies.province, far), sign]
    outcomes = together(*acts)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert Assignment.objects.count() == 28
    live = Handing.objects.live()
    assert live.values("assignment", "line").distinct().count() == live.count() == sum(outcomes[:4])
    for assignment in Assignment.objects.all():
        assert assignment.due == min(assignment.handings.values_list("due", flat=True))
    assert standing_tallies() == recounted_tallies()


def test_of_two_answers_to_one_handing_one_counts(bodies, tasks, cast):
    Assignment.objects.assign(tasks, [bodies.county], by=None)
    for handing in Handing.objects.all():
        outcomes = together(
            partial(handing.sign, by=same(cast.reporter)),
            partial(Handing.objects.get(pk=handing.pk).send_back, by=same(cast.leader), comment="不合适"),
        )
        refused = [outcome for outcome in outcomes if outcome is not None]
        assert [type(outcome) for outcome in refused] == [TransitionRefused]
        assert Event.objects.filter(assignment=handing.assignment_id).count() == 1
    assert standing_tallies() == recounted_tallies()
