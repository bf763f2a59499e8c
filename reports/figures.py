"""What the plan's figures come to at a place: accepted numbers, and how many bodies gave one of how many were asked.

A body is asked for a figure where it has a task that carries it and whose texts and figures are reported, not the
status alone: with a period where it owes that period's entry, without one where it has the task now. The ledger narrows
by the same questions (`asked_for`, `answering`), so every count here is a list there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from tracker.models import Assignment, Entry, Figure, FigureValue, Handing, Organization, Period, Reporting, State, User
from tracker.models.figures import is_flow, is_yearly
from tracker.models.tallies_below import rows_below
from tracker.models.values import SUMS, TOLD, Total

from .place import Place
from .rates import Rate

GIVEN, WAITING, MISSING = "given", "waiting", "missing"
PERIODS = 8  # shown of a trend, the newest
OF_VALUES, OF_ENTRIES, OF_ASSIGNMENTS = "entry__assignment__", "assignment__", ""


def asked_for(figure: Figure) -> Q:
    """The assignments that report this figure."""
    return Q(task__figures=figure, task__reporting=Reporting.FULL)


def answering(figure: Figure, number: str, period: Period | None, user: User) -> Q:
    """Of those the ones whose number is accepted or waits for review; or whose body, as far as the person sees it, has
    none accepted of any of the figure's tasks: in a period, or in any."""
    values = FigureValue.objects.filter(figure=figure)
    values = values.filter(entry__period=period) if period else values.filter(entry__assignment__ended_on=None)
    if number == MISSING:
        asked = values.filter(figure__tasks=F("entry__assignment__task"), entry__state=State.ACCEPTED)
        asked = asked.filter(user.assignment_scope("entry__assignment__"))
        asked = asked.filter(entry__assignment__task__reporting=Reporting.FULL)
        return ~Q(Exists(asked.filter(entry__assignment__organization=OuterRef("organization"))))
    state = State.ACCEPTED if number == GIVEN else State.SUBMITTED
    return Q(Exists(values.filter(entry__assignment=OuterRef("pk"), entry__state=state)))


class Share(NamedTuple):
    """What a body was asked to bring of a figure, by whom."""

    giver: Organization
    value: Decimal


class Measure(NamedTuple):
    """One row of numbers: of a figure at a place, or of a body below it."""

    figure: Figure
    total: Total  # accepted, up to the period
    within: Total | None  # of a flow what came in the period; None without a period, and of a stock
    asked: int
    given: int
    waiting: int
    shares: list[Share]

    @property
    def missing(self) -> int:
        return self.asked - self.given

    @property
    def answered(self) -> Rate:
        return Rate(self.given, self.asked)

    @property
    def share(self) -> Decimal | None:
        """Where there are two, by two lines, neither alone says what is to be reached."""
        return self.shares[0].value if len(self.shares) == 1 else None

    @property
    def reached(self) -> Rate | None:
        return Rate(self.total.value, self.share) if self.share is not None and self.total.value is not None else None

    @property
    def to_target(self) -> Rate | None:
        target = self.figure.target
        return Rate(self.total.value, target) if target is not None and self.total.value is not None else None

    def part_of(self, whole: Measure) -> Rate | None:
        """Of the total; averages have no parts."""
        summed = self.figure.over_organizations == Figure.OverOrganizations.SUM
        mine, every = self.total.value, whole.total.value
        return Rate(mine, every) if summed and mine is not None and every else None


class Point(NamedTuple):
    """One period of a trend."""

    period: Period
    value: Decimal | None  # of a flow what came in, of a stock where it stood
    total: Decimal | None  # of a flow what had come in since the plan, or the year, began
    asked: int
    given: int
    waiting: int

    @property
    def answered(self) -> Rate:
        return Rate(self.given, self.asked)


class Counted(NamedTuple):
    asked: int = 0
    given: int = 0
    waiting: int = 0


ASKED = {"asked": Count("organization", distinct=True)}
BODIES = "entry__assignment__organization"
ANSWERS = {
    GIVEN: Count(BODIES, distinct=True, filter=Q(entry__state=State.ACCEPTED)),
    WAITING: Count(BODIES, distinct=True, filter=Q(entry__state=State.SUBMITTED)),
}


class Asking:
    """Figures at a place, as of a period or as of now."""

    def __init__(self, place: Place, figures: Iterable[Figure], period: Period | None, *, alone: bool = False) -> None:
        """`alone`: of the body itself, without what is below it."""
        self.place, self.figures, self.period, self.alone = place, list(figures), period, alone

    def scope(self, prefix: str) -> Q:
        alone = Q(**{f"{prefix}organization": self.place.body}) if self.alone else Q()
        return self.place.scope(prefix) & alone

    @property
    def values(self) -> Any:
        return FigureValue.objects.filter(self.scope(OF_VALUES))

    @property
    def answers(self) -> Any:
        """The numbers of those who are asked: in the period, or in any of what goes on."""
        told = self.told
        return told.filter(entry__period=self.period) if self.period else told.filter(entry__assignment__ended_on=None)

    @property
    def told(self) -> Any:
        """What is accepted or waits for review, where it is asked for."""
        return self.values.filter(
            figure__in=self.figures,
            figure__tasks=F("entry__assignment__task"),
            entry__assignment__task__reporting=Reporting.FULL,
            entry__state__in=TOLD,
        )

    @property
    def owing(self) -> Any:
        """Who is asked: entries of the period, or assignments that go on."""
        of_task = {"task__figures__in": self.figures, "task__reporting": Reporting.FULL}
        if self.period is None:
            return Assignment.objects.live().filter(self.scope(OF_ASSIGNMENTS), **of_task)
        of_task = {f"assignment__{name}": value for name, value in of_task.items()}
        entries = Entry.objects.filter(self.scope(OF_ENTRIES), period=self.period, **of_task)
        return entries.exclude(state=State.EXCUSED)

    # All figures of one place.

    def measures(self) -> list[Measure]:
        """In the figures' order. Six queries at most, whatever the number of figures and bodies."""
        totals = self.values.summed(self.figures, until=self.period)
        within = self._within()
        answers = {row["figure"]: row for row in self.answers.order_by().values("figure").annotate(**ANSWERS)}
        by_figure = f"{self._to_task}task__figures"
        asked = self.owing.order_by().values(by_figure).annotate(n=Count(self._body, distinct=True))
        askeds = {row[by_figure]: row["n"] for row in asked}
        shares = self._own_shares()
        return [
            Measure(
                figure,
                totals[figure.pk],
                within.get(figure.pk),
                askeds.get(figure.pk, 0),
                answers.get(figure.pk, {}).get(GIVEN, 0),
                answers.get(figure.pk, {}).get(WAITING, 0),
                shares[figure.pk],
            )
            for figure in self.figures
        ]

    @property
    def _to_task(self) -> str:
        return OF_ENTRIES if self.period else OF_ASSIGNMENTS

    @property
    def _body(self) -> str:
        return f"{self._to_task}organization"

    def _within(self) -> dict[int, Total]:
        flows = [figure for figure in self.figures if is_flow(figure)]
        of_period = self.values.filter(entry__period=self.period)
        return of_period.summed(flows, until=self.period) if self.period and flows else {}

    def _own_shares(self) -> dict[int, list[Share]]:
        """What was handed down to the body itself, by figure. Two queries."""
        shares: dict[int, list[Share]] = defaultdict(list)
        rows = list(
            self._shares(assignment__organization=self.place.body).values("figure", "giver").annotate(n=Sum("share"))
        )
        givers = Organization.objects.in_bulk({row["giver"] for row in rows})
        for row in rows:
            shares[row["figure"]].append(Share(givers[row["giver"]], row["n"]))
        return shares

    def _shares(self, **which: Any) -> Any:
        handed = Handing.objects.live().filter(figure__in=self.figures, share__isnull=False, **which)
        return (handed.filter(line=self.place.line) if self.place.line else handed).order_by()

    # One figure, of many bodies below the place.

    def below(self, bodies: list[Organization]) -> dict[int, Measure]:
        """By body, with all below it. The number of queries grows with the depths the bodies stand at, not with how
        many they are."""
        [figure] = self.figures
        line, values = self.place.line, OF_VALUES + "organization__"
        totals, within = defaultdict(list), defaultdict(list)
        for pk, row in rows_below(bodies, line, self.values.counting([figure], until=self.period), values, SUMS):
            totals[pk].append(row)
        if self.period and is_flow(figure):
            of_period = self.values.filter(entry__period=self.period).counting([figure], until=self.period)
            for pk, row in rows_below(bodies, line, of_period, values, SUMS):
                within[pk].append(row)
        counts: dict[int, Counter[str]] = defaultdict(Counter)
        for pk, row in rows_below(bodies, line, self.answers, values, ANSWERS):
            counts[pk].update({name: row[name] for name in ANSWERS})
        asked = {"asked": Count(self._body, distinct=True)}
        for pk, row in rows_below(bodies, line, self.owing, f"{self._body}__", asked):
            counts[pk].update(asked=row["asked"])
        handed = self._shares(giver=self.place.body, assignment__organization__in=bodies)
        shares = dict(handed.values_list("assignment__organization").annotate(Sum("share")))
        return {
            body.pk: Measure(
                figure,
                summed(figure, totals[body.pk]),
                summed(figure, within[body.pk]) if self.period and is_flow(figure) else None,
                counts[body.pk]["asked"],
                counts[body.pk][GIVEN],
                counts[body.pk][WAITING],
                [Share(self.place.body, shares[body.pk])] if body.pk in shares else [],
            )
            for body in bodies
        }

    def handed_on(self) -> Decimal | None:
        """The sum of one figure's shares that the body handed down itself; null where it handed none. One query."""
        handed: dict[str, Decimal | None] = self._shares(giver=self.place.body).aggregate(n=Sum("share"))
        return handed["n"]

    # One figure over time.

    def trend(self, periods: list[Period]) -> list[Point]:
        """The newest of the periods in which anybody was asked or gave a number, oldest first. Three queries."""
        [figure] = self.figures
        steps = self.values.by_period(figure)
        counts = self._counts_by_period()
        points, flow = [], is_flow(figure)
        for period in sorted(periods, key=lambda period: (period.due, period.pk)):
            if period.pk not in steps and period.pk not in counts:
                continue
            step = steps.get(period.pk)
            until = [steps[other.pk] for other in periods if other.pk in steps and adds_up(figure, other, period)]
            total = over_bodies(figure, sum(s.given if flow else s.moved for s in until), sum(s.fresh for s in until))
            value = total if not flow else over_bodies(figure, step.given, step.holders) if step else None
            points.append(Point(period, value, total if flow else None, *counts.get(period.pk, Counted())))
        return points[-PERIODS:]

    def _counts_by_period(self) -> dict[int, Counted]:
        [figure] = self.figures
        of_tasks = {"assignment__task__figures": figure, "assignment__task__reporting": Reporting.FULL}
        owed = Entry.objects.filter(self.scope(OF_ENTRIES), **of_tasks).exclude(state=State.EXCUSED).order_by()
        asked = dict(owed.values_list("period").annotate(Count("assignment__organization", distinct=True)))
        told = self.told.order_by().values("entry__period").annotate(**ANSWERS)
        answers = {row["entry__period"]: row for row in told}
        return {
            pk: Counted(asked.get(pk, 0), *(answers.get(pk, {}).get(name, 0) for name in ANSWERS))
            for pk in asked.keys() | answers.keys()
        }


def summed(figure: Figure, parts: list[dict[str, Any]]) -> Total:
    return Total.of(figure, *parts) if parts else Total()


def adds_up(figure: Figure, other: Period, period: Period) -> bool:
    """Whether what came in another period counts in this one: an earlier one, of a yearly flow in the same year."""
    return other.due <= period.due and (not is_yearly(figure) or other.opens.year == period.opens.year)


def over_bodies(figure: Figure, value: Decimal | int, holders: int) -> Decimal | None:
    """The sum, or the average of those that gave one; null, not zero, where none did."""
    if not holders:
        return None
    average = figure.over_organizations == Figure.OverOrganizations.AVERAGE
    return round(Decimal(value) / holders, 4) if average else Decimal(value)
