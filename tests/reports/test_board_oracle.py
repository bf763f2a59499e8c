"""Every number on the board, recomputed from entries by a walk over the tree that knows nothing of paths, tallies and
querysets; and its link opens the ledger with exactly the rows it counted. Random trees, both lines, every state."""

import datetime as dt
import random

import pytest
from django.http import QueryDict
from django.utils import timezone

from reports.board import NUMBERS, Board
from reports.filters import LedgerFilter
from reports.viewed import lines_of, usual_line
from reports.views.ledger import ledger_of
from tests.conftest import person, place
from tests.tracker.matrix import in_line
from tracker.models import Assignment, Entry, EntryTally, Organization, Period, Plan, Role, State, Task

from .conftest import in_file, on_pages

LEVELS = ["national", "province", "city", "county", "township", "grassroots"]


def random_tree(choose, count):
    """A federation in which lines cross: industrial bodies under territorial ones, with and without another industrial
    parent, at every depth, above and below the tiers."""
    bodies = [place("0", "示例总工会", "national")]
    depth = {bodies[0].pk: 0}
    for number in range(1, count):
        parent = choose.choice([body for body in bodies if depth[body.pk] < 5])
        line = choose.choice(["territorial", "territorial", "industrial"])
        above = [body for body in bodies if body.industry_path and body != parent]
        industry = choose.choice(above) if above and choose.random() < 0.3 else None
        parent, industry = (Organization.objects.get(pk=each.pk) if each else None for each in (parent, industry))
        body = place(
            f"n{number:02}", f"第{number:02}家", LEVELS[depth[parent.pk] + 1], parent, line=line, industry=industry
        )
        bodies.append(Organization.objects.get(pk=body.pk))
        depth[body.pk] = depth[parent.pk] + 1
    return bodies


def random_entries(choose, period):
    """Every state, on time and late, with and without a change; the tallies are counted afresh from them."""
    before, after = period.due_end - dt.timedelta(minutes=1), period.due_end
    for entry in Entry.objects.filter(period=period):
        state = choose.choice(State.values)
        came = None if state == "due" else choose.choice([before, after])
        if state in ("draft", "excused") and choose.random() < 0.5:
            came = None
        Entry.objects.filter(pk=entry.pk).update(
            state=state,
            first_submitted_at=came,
            submitted_at=came,
            status="in_progress",
            no_change=choose.random() < 0.4,
        )
    EntryTally.recount(period)


@pytest.fixture
def furnished(db, tasks, plan):
    def furnish(seed, count=26):
        choose = random.Random(seed)
        bodies = random_tree(choose, count)
        few = choose.sample(bodies, 6)  # three of them have one task each, three have none
        many = [body for body in bodies if body not in few]
        Assignment.objects.assign(Task.objects.all(), many, by=None, all_levels=True)
        Assignment.objects.assign(tasks[:1], few[:3], by=None, all_levels=True)
        day = timezone.localdate()
        dates = {"opens": day - dt.timedelta(60), "due": day - dt.timedelta(2), "locks": day + dt.timedelta(9)}
        periods = [Period.objects.create(plan=plan, code=code, **dates) for code in ("2026Q3", "2026Q4")]
        for period in periods:
            period.open()
            random_entries(choose, period)
        for body in choose.sample(bodies[1:], 2):
            Organization.objects.filter(pk=body.pk).update(closed_on=day)
        return choose, periods[1]

    return furnish


# The oracle: loops over rows as they are stored.


class Oracle:
    def __init__(self, period):
        self.period = period
        self.bodies = {body.pk: body for body in Organization.objects.all()}
        self.above = {"territorial": {pk: body.parent_id for pk, body in self.bodies.items()}}
        root = next(pk for pk, body in self.bodies.items() if body.parent_id is None)
        beginning = in_line(self.bodies)
        self.above["industrial"] = {pk: above or root for pk, above in beginning.items()}
        self.entries = list(Entry.objects.filter(period=period).select_related("assignment"))

    def chain(self, pk, line):
        found = []
        while pk:
            found.append(pk)
            pk = self.above[line].get(pk)
        return found

    def under(self, body, line):
        """A body and all below it in a line, of those that stand in it."""
        return {pk for pk in self.above[line] if body.pk in self.chain(pk, line)}

    def directly_under(self, body, line):
        return {pk for pk, above in self.above[line].items() if above == body.pk}

    def numbers(self, bodies, seen=lambda assignment: True):
        counts = dict.fromkeys([column.key for column in NUMBERS], 0)
        for entry in self.entries:
            if entry.assignment.organization_id not in bodies or not seen(entry.assignment) or entry.state == "excused":
                continue
            came = entry.first_submitted_at
            local = timezone.localtime(came).date() if came else None
            counts["owed"] += 1
            counts["on_time"] += bool(came) and local <= self.period.due
            counts["late"] += bool(came) and local > self.period.due
            counts["never"] += not came
            counts["no_change"] += bool(came) and entry.no_change
            counts["submitted"] += entry.state == "submitted"
            counts["accepted"] += entry.state == "accepted"
            counts["reported"] += entry.state in ("submitted", "accepted")
            counts["returned"] += bool(came) and entry.state in ("returned", "draft")
        return counts


def ledger_of_links(viewer):
    """What the ledger finds under a link's conditions, as its page reads them."""
    plan = Plan.objects.get()
    tasks = list(plan.tasks.select_related("heading__area", "owner").order_by("position"))
    periods = list(plan.periods.all())

    def finds(query):
        conditions = LedgerFilter(QueryDict(query), user=viewer, plan=plan, tasks=tasks, periods=periods)
        assert conditions.is_valid(), query
        return ledger_of(conditions).found

    return finds


def check(row, expected):
    assert row.sums == expected, (row.kind, row.body)
    sums = row.sums
    assert sums["owed"] == sums["reported"] + sums["returned"] + sums["never"]
    assert sums["reported"] == sums["submitted"] + sums["accepted"]
    assert sums["owed"] == sums["on_time"] + sums["late"] + sums["never"]
    assert sum(row.bar) == (100 if sums["owed"] else 0)


def links_of(row):
    return {number.query: number.n for number in row.numbers}


@pytest.mark.parametrize("seed", range(4))
def test_every_number_is_that_of_a_walk_and_own_and_below_come_to_the_total(furnished, seed):
    choose, period = furnished(seed)
    oracle = Oracle(period)
    root = next(body for body in oracle.bodies.values() if body.parent_id is None)
    seats = [root, *choose.sample([body for body in oracle.bodies.values() if body != root], 5)]
    seen = set()
    for seat in seats:
        viewer = person(f"s{seat.pk}", seat, Role.SUPERVISOR)
        for body in Organization.objects.visible_to(viewer):
            lines = lines_of(viewer, body)
            assert usual_line(lines, body) in lines
            for line in lines:
                board = Board(viewer, period, body, line=line)
                assert {row.body.pk for row in board.rows} == oracle.directly_under(body, line) - {body.pk}
                for row in board.rows:
                    check(row, oracle.numbers(oracle.under(row.body, line)))
                own = board.own.sums if board.own else dict.fromkeys(oracle.numbers(set()), 0)
                if board.own:
                    check(board.own, oracle.numbers({body.pk}))
                if board.total:
                    check(board.total, oracle.numbers(oracle.under(body, line) - (set() if board.own else {body.pk})))
                    for key, n in board.total.sums.items():
                        assert n == own[key] + sum(row.sums[key] for row in board.rows), (body, line, key)
                seen |= {(line, bool(board.rows), board.own is None)}
    assert {("territorial", True, False), ("industrial", True, False), ("industrial", True, True)} <= seen


@pytest.mark.parametrize("seed", [10, 11])
def test_every_number_opens_the_ledger_with_exactly_its_rows(furnished, client, seed):
    choose, period = furnished(seed, count=12)
    root = Organization.objects.get(parent=None)
    for seat in (root, *choose.sample(list(Organization.objects.exclude(pk=root.pk)), 3)):
        viewer = person(f"s{seat.pk}", seat, Role.SUPERVISOR)
        numbers = {}
        for body in Organization.objects.visible_to(viewer):
            for line in lines_of(viewer, body):
                for row in Board(viewer, period, body, line=line).lines:
                    numbers |= links_of(row)
        finds = ledger_of_links(viewer)
        assert {query: finds(query) for query in numbers} == numbers
        client.force_login(viewer)
        for query in choose.sample(sorted(numbers), 3):
            assert len(in_file(client, query)) == len(on_pages(client, query, per_page=200)) == numbers[query]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.REPORTER, Role.LEADER])
def test_who_does_not_see_below_is_told_of_each_body_alone(furnished, role):
    _choose, period = furnished(21, count=16)
    oracle = Oracle(period)
    for seat in Organization.objects.all():
        viewer = person(f"r{seat.pk}", seat, role)
        board = Board(viewer, period, seat)

        def mine(assignment, pk=seat.pk):
            reviewed = role == Role.REVIEWER and assignment.reviewing_id == pk
            return reviewed or assignment.organization_id == pk

        if board.total:
            check(board.total, oracle.numbers(set(oracle.bodies), mine))
        for row in board.rows:
            check(row, oracle.numbers({row.body.pk}, mine))
        check(board.own, oracle.numbers({seat.pk}))
        total = sum(row.sums["owed"] for row in (*board.rows, board.own))
        assert total == oracle.numbers(set(oracle.bodies), mine)["owed"]
        finds = ledger_of_links(viewer)
        for row in board.lines:
            assert {query: finds(query) for query in links_of(row)} == links_of(row)


def by_code(body, _sums):
    return body.code


def most_missing(body, sums):
    return -sums["never"], body.code


def lowest_rate(body, sums):
    return not sums["owed"], sums["on_time"] / (sums["owed"] or 1), body.code


@pytest.mark.parametrize(
    ("sort", "missing", "key"), [("missing", False, most_missing), ("rate", True, lowest_rate), ("", True, by_code)]
)
def test_an_order_and_a_narrowing_leave_the_numbers_as_they_are(furnished, sort, missing, key):
    _choose, period = furnished(31)
    oracle = Oracle(period)
    viewer = person("root", Organization.objects.get(parent=None), Role.SUPERVISOR)
    for body in Organization.objects.all():
        board = Board(viewer, period, body, line="territorial", sort=sort, missing=missing)
        sums = {
            pk: oracle.numbers(oracle.under(oracle.bodies[pk], "territorial"))
            for pk in oracle.directly_under(body, "territorial")
        }
        kept = [(key(oracle.bodies[pk], each), pk) for pk, each in sums.items() if each["never"] or not missing]
        assert [row.body.pk for row in board.rows] == [pk for _key, pk in sorted(kept)]
        for row in board.rows:
            check(row, sums[row.body.pk])
        if board.total:
            check(board.total, oracle.numbers(oracle.under(body, "territorial")))


def test_what_is_urged_is_what_is_not_in_hand(furnished):
    _choose, period = furnished(41, count=12)
    viewer = person("root", Organization.objects.get(parent=None), Role.SUPERVISOR)
    finds = ledger_of_links(viewer)
    for body in Organization.objects.all():
        for row in Board(viewer, period, body, line="territorial").lines:
            assert row.to_urge == row.sums["never"] + row.sums["returned"]
            assert finds(row.unreported) == row.to_urge
