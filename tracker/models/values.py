"""The numbers an entry reports for its task's figures, and what they come to for many bodies."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.db import connection, models
from django.db.models import Count, F, Max, Q, Sum, Window
from django.db.models.functions import ExtractYear, Lag, RowNumber
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .entries import Entry
from .figures import DECIMALS, LIMIT, Last, is_flow, is_yearly
from .headlines import Figure
from .moves import State

if TYPE_CHECKING:
    from .assignments import AssignmentQuerySet
    from .periods import Period

TOLD = (State.SUBMITTED, State.ACCEPTED)  # what is returned or open for correction is not believed


class Total(NamedTuple):
    """What a figure comes to: `value` is null, not zero, where no body has given a number."""

    bodies: int = 0
    value: Decimal | None = None
    newest: dt.datetime | None = None  # when the newest of the numbers was handed in

    @classmethod
    def of(cls, figure: Figure, *sums: dict[str, Any]) -> Total:
        """From parts without overlap, each with the columns of SUMS."""
        value: Decimal = sum((part["total"] for part in sums), Decimal(0))
        if figure.over_organizations == Figure.OverOrganizations.AVERAGE:
            value /= sum(part["holders"] for part in sums)
        newest = max(part["newest"] for part in sums)
        return cls(sum(part["bodies"] for part in sums), round(value, DECIMALS), newest)


class Step(NamedTuple):
    """What a period gave of a figure: the sum of its numbers, by how much they moved each assignment's last one, how
    many assignments gave one, and how many of these their first."""

    given: Decimal
    moved: Decimal
    holders: int
    fresh: int

    @classmethod
    def of(cls, given: Any, moved: Any, holders: int, fresh: int) -> Step:
        sums = [round(Decimal(str(each)), DECIMALS) for each in (given, moved)]
        return cls(sums[0], sums[1], int(holders), int(fresh))


SUMS = {
    "total": Sum("value"),
    "holders": Count("entry__assignment", distinct=True),
    "bodies": Count("entry__assignment__organization", distinct=True),
    "newest": Max("entry__submitted_at"),
}


class FigureValueQuerySet(models.QuerySet["FigureValue"]):
    def last_before(self, period: Period) -> dict[int, dict[int, Last]]:
        """By assignment and figure, the last number handed in for an earlier period. One query."""
        earlier = self.filter(entry__state__in=TOLD, entry__period__due__lt=period.due)
        last: dict[int, dict[int, Last]] = defaultdict(dict)
        for row in earlier.select_related("entry__period").only(*SHOWN_LAST).order_by("entry__period__due", "pk"):
            last[row.entry.assignment_id][row.figure_id] = Last(row.value, row.entry.period)
        return last

    def last_known(self, entries: Iterable[Entry], period: Period) -> None:
        """Let each of a period's entries know its last numbers: one query for all of them."""
        asking = [entry for entry in entries if entry.asked_figures]
        assignments = [entry.assignment_id for entry in asking]
        last = self.filter(entry__assignment__in=assignments).last_before(period) if asking else {}
        for entry in asking:
            entry.known_last = last.get(entry.assignment_id, {})

    def totals(
        self,
        figures: Iterable[Figure],
        assignments: AssignmentQuerySet,
        *,
        until: Period | None = None,
        since: Period | None = None,
    ) -> dict[int, Total]:
        """What each figure comes to over these assignments. Two queries at most, whatever the number of bodies."""
        given = self.filter(entry__assignment__in=assignments.order_by().values("pk"))
        return given.summed(figures, until=until, since=since)

    def summed(
        self, figures: Iterable[Figure], *, until: Period | None = None, since: Period | None = None
    ) -> dict[int, Total]:
        """What each figure comes to over these numbers, by its key; every figure asked about is there.

        A stock is the newest number of each assignment that goes on; a flow adds up over the periods, from `since` on,
        a yearly one over those of a year. Over bodies: the sum, or the average of those that gave one. Two queries at
        most.
        """
        figures = list(figures)
        totals = dict.fromkeys([figure.pk for figure in figures], Total())
        for alike in ([f for f in figures if is_flow(f)], [f for f in figures if not is_flow(f)]):
            if alike:
                by_key = {figure.pk: figure for figure in alike}
                for row in self.counting(alike, until=until, since=since).order_by().values("figure").annotate(**SUMS):
                    totals[row["figure"]] = Total.of(by_key[row["figure"]], row)
        return totals

    def counting(self, alike: list[Figure], *, until: Period | None = None, since: Period | None = None) -> Self:
        """Those of these numbers that such a total is made of; the figures are all stocks or all flows.

        Accepted entries alone, of periods due no later than `until`; of a yearly flow those of its year or this.
        """
        rows = self.filter(entry__state=State.ACCEPTED, figure__in=alike)
        if until:
            rows = rows.filter(entry__period__due__lte=until.due)
        if yearly := [figure for figure in alike if is_yearly(figure)]:
            year = until.opens.year if until else timezone.localdate().year
            rows = rows.filter(~Q(figure__in=yearly) | Q(entry__period__opens__year=year))
        if is_flow(alike[0]):
            return rows.filter(entry__period__due__gte=since.due) if since else rows
        return rows.filter(entry__assignment__ended_on=None)._newest()

    def _newest(self) -> Self:
        """Of each assignment and figure the number of its last period alone: one sort, not a look back for each row."""
        last = Window(
            RowNumber(),
            partition_by=[F("entry__assignment"), F("figure")],
            order_by=[F("entry__period__due").desc(), F("entry__period").desc()],
        )
        return self.filter(pk__in=self.order_by().annotate(place=last).filter(place=1).values("pk"))

    def by_period(self, figure: Figure) -> dict[int, Step]:
        """What each period gave of a figure and changed in it, of a stock by the assignments that go on; of a yearly
        flow each year begins anew. One query."""
        rows = self.filter(entry__state=State.ACCEPTED, figure=figure).order_by()
        if not is_flow(figure):
            rows = rows.filter(entry__assignment__ended_on=None)
        apart: list[Any] = [F("entry__assignment")]
        if is_yearly(figure):
            apart.append(ExtractYear("entry__period__opens"))
        before = Window(Lag("value"), partition_by=apart, order_by=[F("entry__period__due"), F("entry__period")])
        steps = rows.annotate(before=before).values("entry__period", "value", "before")
        inner, params = steps.query.sql_with_params()
        with connection.cursor() as cursor:  # the query language does not add up a window
            cursor.execute(STEPS % {"inner": inner}, params)
            return {period: Step.of(*sums) for period, *sums in cursor.fetchall()}


STEPS = """
WITH steps (period, value, before) AS (%(inner)s)
SELECT period, SUM(value), SUM(value - COALESCE(before, 0)), COUNT(*), SUM(CASE WHEN before IS NULL THEN 1 ELSE 0 END)
FROM steps GROUP BY period
"""
SHOWN_LAST = ("value", "figure_id", "entry__assignment_id", "entry__period__code", "entry__period__kind")


class FigureValue(models.Model):
    """One figure's number in one entry. `confirmed`: it looked like a slip, and the writer said it is none."""

    entry = models.ForeignKey(Entry, models.PROTECT, verbose_name=_("entry"), related_name="values")
    figure = models.ForeignKey(Figure, models.PROTECT, verbose_name=_("figure"), related_name="values")
    value = models.DecimalField(_("value"), max_digits=20, decimal_places=4)
    confirmed = models.BooleanField(_("confirmed"), default=False)

    objects = FigureValueQuerySet.as_manager()

    class Meta:
        verbose_name = _("figure value")
        verbose_name_plural = _("figure values")
        constraints = [
            models.UniqueConstraint(fields=["entry", "figure"], name="figure_value_unique"),
            models.CheckConstraint(condition=Q(value__gte=0) & Q(value__lt=LIMIT), name="figure_value_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.figure} {self.value}"
