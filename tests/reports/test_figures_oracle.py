"""Every number on the pages of figures, added up again one entry after the other, over random data in both lines.

Who stands below whom is climbed from parent to parent, and asks nothing of the product's paths or scopes. Each count is
also followed to the ledger, which must list the very bodies it counted.
"""

import datetime as dt
import re
from collections import defaultdict
from decimal import Decimal
from html import unescape
from random import Random
from types import SimpleNamespace

import pytest
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.matrix import in_line
from tracker.models import Assignment, Entry, Figure, FigureValue, Handing, Organization, Period, Role, Task

D = Decimal
KINDS = [(time, over) for time in ("flow", "stock", "yearly") for over in ("sum", "average")]


def grow(bodies, rng):
    """Counties, and below both lines: schools of cities under the province's, and what stands below these."""
    made = list(vars(bodies).values())
    cities = [
        bodies.city,
        place("12", "示例二市总工会", "city", bodies.province),
        place("21", "示例三市总工会", "city", bodies.other),
    ]
    made += cities[1:]
    counties = [place(f"8{n:02}", f"示例{n}县总工会", "county", rng.choice(cities)) for n in range(8)]
    schools = [
        place(
            f"S{n}",
            f"示例{n}教育工会",
            "county",
            rng.choice(cities),
            industry=rng.choice([bodies.school, bodies.union]),
            line="industrial",
        )
        for n in range(4)
    ]
    branches = [place(f"B{n}", f"示例{n}学校工会", "grassroots", rng.choice([*schools, *counties])) for n in range(6)]
    alone = place("A1", "示例独立产业工会", "city", bodies.other, line="industrial")
    return [*made, *counties, *schools, *branches, alone]


@pytest.fixture
def world(bodies, plan, tasks, cast):
    rng, today = Random(36), timezone.localdate()
    everybody = grow(bodies, rng)
    figures = []
    for position, (time, over) in enumerate(KINDS, start=10):
        named = {"slug": f"m{position}", "position": position, "name": f"指标{position}", "unit": "个"}
        figure = Figure.objects.create(
            plan=plan, **named, baseline=90, target=500, over_time=time, over_organizations=over
        )
        figure.tasks.add(*(tasks[:2] if position == 12 else tasks[:1]), tasks[3])  # the fourth takes its status alone
        figures.append(figure)
    periods = []
    for quarter in range(5):
        day = today - dt.timedelta(500 - 90 * quarter)
        code = f"{2025 + quarter // 4}Q{quarter % 4 + 1}"
        opened = timezone.now() - dt.timedelta(500 - 90 * quarter)
        periods.append(Period.objects.create(plan=plan, code=code, opens=day, due=day, locks=day, opened_at=opened))
    some = Organization.objects.filter(pk__in=[body.pk for body in rng.sample(everybody, len(everybody) - 3)])
    Assignment.objects.assign(tasks, some, by=None, all_levels=True)
    report(rng, periods, figures)
    share_out(rng, figures)
    ended = rng.sample(list(Assignment.objects.values_list("pk", flat=True)), 6)
    Assignment.objects.filter(pk__in=ended).update(ended_on=today)
    people = {
        "nation": cast.administrator,
        "province": cast.supervisor,
        "union": person("union", bodies.union, Role.SUPERVISOR),
        "reviewer": cast.reviewer,
        "reporter": cast.reporter,
    }
    return SimpleNamespace(figures=figures, periods=periods, people=people, rng=rng, tree=Tree())


def report(rng, periods, figures):
    states = ["due", "draft", "submitted", "returned", "accepted", "accepted", "accepted", "excused"]
    for assignment in Assignment.objects.select_related("task"):
        for period in periods:
            if rng.random() < 0.15:
                continue  # it had not the task then
            at = timezone.make_aware(dt.datetime.combine(period.due, dt.time(rng.randint(8, 18), rng.randint(0, 59))))
            told = {"state": rng.choice(states), "status": "in_progress", "submitted_at": at, "first_submitted_at": at}
            entry = Entry.objects.create(assignment=assignment, period=period, **told)
            for figure in figures:
                if rng.random() < 0.6 and (assignment.task.code != "3.2.3" or rng.random() < 0.2):
                    value = D(rng.choice([0, rng.randint(0, 10**4), rng.randint(0, 10**6)])) / 10 ** rng.randint(0, 4)
                    FigureValue.objects.create(entry=entry, figure=figure, value=value)


def share_out(rng, figures):
    for handing in Handing.objects.filter(assignment__task__code="3.2.1").order_by("pk"):
        if rng.random() < 0.7:
            Handing.objects.filter(pk=handing.pk).update(figure=rng.choice(figures), share=rng.randint(0, 300))
    for handing in rng.sample(list(Handing.objects.exclude(share=None)), 3):
        Handing.objects.filter(pk=handing.pk).update(state="withdrawn")
    given = Handing.objects.exclude(share=None).select_related("assignment__organization__industry")
    for handing in given:
        body = handing.assignment.organization
        if body.industry and handing.state == "handed" and rng.random() < 0.7:
            values = {"giver": body.industry, "line": "industrial", "figure": handing.figure, "share": 7}
            Handing.objects.create(assignment=handing.assignment, frequency="quarter", **values)


class Tree:
    """Parents alone."""

    def __init__(self):
        self.bodies = {body.pk: body for body in Organization.objects.all()}
        self.above = {pk: body.parent_id for pk, body in self.bodies.items()}
        self.above_there = in_line(self.bodies)
        self.root = next(pk for pk, parent in self.above.items() if parent is None)
        self.assignments = list(Assignment.objects.all())
        self.entries = defaultdict(list)
        for entry in Entry.objects.select_related("period"):
            self.entries[entry.assignment_id].append(entry)
        self.values = defaultdict(list)
        for row in FigureValue.objects.select_related("entry__assignment", "entry__period"):
            self.values[row.figure_id].append(row)
        self.told = {(row.entry_id, row.figure_id) for rows in self.values.values() for row in rows}
        self.handings = list(Handing.objects.exclude(share=None).select_related("assignment"))
        self.tasks = list(Task.objects.prefetch_related("figures"))

    def climb(self, pk, above):
        found = []
        while pk:
            found.append(pk)
            pk = above.get(pk)
        return found

    def is_below(self, pk, top, line):
        territorial = top in self.climb(pk, self.above)
        industrial = pk in self.above_there and (top == self.root or top in self.climb(pk, self.above_there))
        return {"territorial": territorial, "industrial": industrial, "": territorial or industrial}[line]

    def directly_below(self, top, line):
        """Under the root stand also those with whom an industrial line begins."""
        there = {pk for pk, up in self.above_there.items() if (up or self.root) == top}
        here = {pk for pk, body in self.bodies.items() if body.parent_id == top}
        either = here | {pk for pk, body in self.bodies.items() if body.industry_id == top}
        return {"territorial": here, "industrial": there, "": either}[line]


class Oracle:
    """What a person's page must say of a figure at a body."""

    def __init__(self, tree, user, figure, line, period):
        self.tree, self.user, self.figure, self.line, self.period = tree, user, figure, line, period
        self.own = user.organization.pk
        self.asks = {task.pk for task in tree.tasks if figure in task.figures.all() and task.reporting == "full"}

    def sees(self, assignment):
        if self.user.role in ("supervisor", "administrator"):
            return self.tree.is_below(assignment.organization_id, self.own, "")
        own = assignment.organization_id == self.own
        return own or (self.user.role == "reviewer" and assignment.reviewing_id == self.own)

    def sees_body(self, pk):
        if self.user.role in ("supervisor", "administrator"):
            return self.tree.is_below(pk, self.own, "")
        reviewed = {one.organization_id for one in self.tree.assignments if one.reviewing_id == self.own}
        reviews = self.user.role == "reviewer" and pk in reviewed
        return pk == self.own or reviews

    def assignments(self, body, *, alone=False):
        whole = body == self.own and not self.line
        return [
            assignment
            for assignment in self.tree.assignments
            if self.sees(assignment)
            and (whole or self.tree.is_below(assignment.organization_id, body, self.line))
            and (not alone or assignment.organization_id == body)
        ]

    def rows(self, assignments):
        keys = {assignment.pk for assignment in assignments}
        rows = self.tree.values[self.figure.pk]
        return [row for row in rows if row.entry.assignment_id in keys]

    def total(self, assignments, until=None, within=None):
        flow, held, newest, bodies = self.figure.over_time != "stock", defaultdict(D), [], set()
        last = within or until
        year = last.opens.year if last else timezone.localdate().year
        for row in sorted(self.rows(assignments), key=lambda row: row.entry.period.due):
            entry = row.entry
            if entry.state != "accepted" or (until and entry.period.due > until.due):
                continue
            if self.figure.over_time == "yearly" and entry.period.opens.year != year:
                continue
            if (within and entry.period != within) or (not flow and entry.assignment.ended_on):
                continue
            held[entry.assignment_id] = row.value + (held[entry.assignment_id] if flow else 0)
            bodies.add(entry.assignment.organization_id)
            newest = (
                [*newest, entry]
                if flow
                else [each for each in newest if each.assignment_id != entry.assignment_id] + [entry]
            )
        if not held:
            return (0, None, None)
        value = sum(held.values())
        if self.figure.over_organizations == "average":
            value = value / len(held)
        return (len(bodies), round(value, 4), max(entry.submitted_at for entry in newest))

    def counts(self, assignments, period):
        """Bodies asked, given, waiting."""
        asked, given, waiting = set(), set(), set()
        for assignment in assignments:
            if assignment.task_id not in self.asks:
                continue
            entries = [entry for entry in self.tree.entries[assignment.pk] if period in (None, entry.period)]
            if all(entry.state == "excused" for entry in entries) if period else assignment.ended_on:
                continue
            asked.add(assignment.organization_id)
            told = [(entry.state, (entry.pk, self.figure.pk) in self.tree.told) for entry in entries]
            given |= {assignment.organization_id} if ("accepted", True) in told else set()
            waiting |= {assignment.organization_id} if ("submitted", True) in told else set()
        return asked, given, waiting

    def shares(self, *, to=None, giver=None):
        """By body and giver."""
        sums = defaultdict(D)
        for handing in self.tree.handings:
            held, live = handing.assignment.organization_id, handing.state in ("handed", "signed")
            mine = handing.figure_id == self.figure.pk and self.line in ("", handing.line)
            if live and mine and to in (None, held) and giver in (None, handing.giver_id):
                sums[held, handing.giver_id] += handing.share
        return sums

    def check(self, measure, assignments, shares):
        asked, given, waiting = self.counts(assignments, self.period)
        assert tuple(measure.total) == self.total(assignments, until=self.period)
        assert (measure.asked, measure.given, measure.waiting) == (len(asked), len(given), len(waiting))
        assert (measure.missing, str(measure.answered)) == (len(asked - given), percent(len(given), len(asked)))
        flow = self.figure.over_time != "stock"
        within = self.total(assignments, within=self.period) if self.period and flow else None
        assert (measure.within and tuple(measure.within)) == within
        assert {(share.giver.pk, share.value) for share in measure.shares} == shares
        if len(shares) == 1 and measure.total.value is not None:
            [(_giver, share)] = shares
            assert (measure.reached.part, measure.reached.whole) == (measure.total.value, share)
        else:
            assert measure.reached is None

    def check_trend(self, points, assignments, periods):
        told = []
        for period in periods:
            if self.period and period.due > self.period.due:
                continue
            asked, given, waiting = self.counts(assignments, period)
            numbers = [
                row for row in self.rows(assignments) if row.entry.period == period and row.entry.state == "accepted"
            ]
            if self.figure.over_time == "stock":
                numbers = [row for row in numbers if not row.entry.assignment.ended_on]
            if not (asked or numbers):
                continue
            until, within = self.total(assignments, until=period)[1], self.total(assignments, within=period)[1]
            flow = self.figure.over_time != "stock"
            value, total = (within, until) if flow else (until, None)
            told.append((period, value, total, len(asked), len(given), len(waiting)))
        assert [tuple(point) for point in points] == told


def percent(part, whole):
    if not whole:
        return "—"
    share = 100 * part // whole
    return "<1%" if part and not share else f"{share}%"


def listed(client, address):
    """The bodies the ledger lists there."""
    page = client.get(address + "&per_page=200")
    assert page.status_code == 200
    assert page.context["filter"].is_valid(), address
    return {row.body.name for row in page.context["page"].rows}


def follow(client, page, rng):
    """Counts that link to the ledger list there the bodies counted: some of each page. Returns how many did."""
    links = re.findall(r'href="(/reports/18/ledger/\?[^"]+)">(\d+)</a>', page.content.decode())
    chosen = rng.sample(links, min(len(links), 3))
    for link, shown in chosen:
        assert len(listed(client, unescape(link))) == int(shown), link
    return len(chosen)


def test_the_page_of_all_figures_says_what_adding_by_hand_gives(world, client):
    pages = followed = 0
    for user in world.people.values():
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        seen = [pk for pk in world.tree.bodies if Oracle(world.tree, user, world.figures[0], "", None).sees_body(pk)]
        for pk in dict.fromkeys([user.organization.pk, *world.rng.sample(seen, min(len(seen), 1))]):
            for line, period in [
                ("", None),
                (world.rng.choice(["", "territorial", "industrial"]), world.rng.choice(world.periods)),
            ]:
                body = world.tree.bodies[pk]
                if line == "industrial" and not (pk in world.tree.above_there or pk == world.tree.root):
                    line = ""
                asked = {"organization": body.code, "line": line, "period": period.code if period else ""}
                page = client.get("/reports/18/figures/", asked)
                assert page.status_code == 200
                measures = {measure.figure: measure for measure in page.context["measures"]}
                for figure in world.figures:
                    oracle = Oracle(world.tree, user, figure, line, period)
                    mine = oracle.shares(to=pk)
                    oracle.check(
                        measures[figure], oracle.assignments(pk), {(giver, n) for (_b, giver), n in mine.items()}
                    )
                followed += follow(client, page, world.rng)
                pages += 1
    assert pages > 12
    assert followed > 20


def test_the_page_of_one_figure_says_what_adding_by_hand_gives(world, client):
    rows = followed = 0
    for user in world.people.values():
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        seen = [pk for pk in world.tree.bodies if Oracle(world.tree, user, world.figures[0], "", None).sees_body(pk)]
        parents = [pk for pk in seen if world.tree.directly_below(pk, "")]
        for pk in dict.fromkeys([user.organization.pk, *world.rng.sample(parents, min(len(parents), 3))]):
            figure, period = world.rng.choice(world.figures), world.rng.choice([None, *world.periods])
            lines = ["", "territorial"] + (
                ["industrial"] if pk in world.tree.above_there or pk == world.tree.root else []
            )
            line = world.rng.choice(lines)
            oracle = Oracle(world.tree, user, figure, line, period)
            asked = {"organization": world.tree.bodies[pk].code, "line": line, "period": period.code if period else ""}
            page = client.get(f"/reports/18/figures/{figure.slug}/", asked)
            assert page.status_code == 200
            here = oracle.assignments(pk)
            mine = {(giver, n) for (_b, giver), n in oracle.shares(to=pk).items()}
            oracle.check(page.context["measure"], here, mine)
            oracle.check_trend(page.context["trend"], here, world.periods)
            below = [child for child in world.tree.directly_below(pk, line) if oracle.sees_body(child)]
            assert {body.pk for body, *_rest in page.context["rows"]} == set(below)
            handed = oracle.shares(giver=pk)
            if below:
                oracle.check(page.context["own"], oracle.assignments(pk, alone=True), mine)
                assert page.context["handed_on"] == (sum(handed.values()) if handed else None)
            for body, measure, part in page.context["rows"]:
                visible = [one for one in world.tree.assignments if oracle.sees(one)]
                under = [one for one in visible if world.tree.is_below(one.organization_id, body.pk, line)]
                theirs = {(giver, n) for (held, giver), n in handed.items() if held == body.pk}
                oracle.check(measure, under, theirs)
                summed, whole = figure.over_organizations == "sum", page.context["measure"].total.value
                expected = (
                    (measure.total.value, whole) if summed and whole and measure.total.value is not None else None
                )
                assert (part and tuple(part)) == expected
                rows += 1
            followed += follow(client, page, world.rng)
    assert rows > 15
    assert followed > 20


def test_every_kind_of_figure_over_time_says_what_adding_by_hand_gives(world, client):
    """Across a turn of the year: what is told by the year begins anew there."""
    client.force_login(world.people["nation"], backend="django.contrib.auth.backends.ModelBackend")
    assert len({period.opens.year for period in world.periods}) > 1
    for figure in world.figures:
        oracle = Oracle(world.tree, world.people["nation"], figure, "", None)
        page = client.get(f"/reports/18/figures/{figure.slug}/")
        oracle.check_trend(page.context["trend"], oracle.assignments(world.tree.root), world.periods)
        assert len(page.context["trend"]) == len(world.periods)
