"""The deadline board (报送情况): who has reported in a period, body by body, in numbers that add up (rules 1 and 3).

    owed = reported + returned + never          reported = submitted + accepted
    owed = on time + late + never               excused is not owed

A number knows the ledger's conditions that find what it counts: each opens its own rows. A board is of one line, so
that the body's own and those below it come to the total; in it a body is counted with all below it. Who does not see
below gets the bodies in scope, each alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from tracker.models import Entry, EntryTally, Line, Organization, Period, State, User
from tracker.models.moves import WRITABLE
from tracker.models.organizations import OrganizationQuerySet
from tracker.models.tallies_below import entry_totals, told

from .filters import Came
from .viewed import lines_of

MOST = 200  # bodies on one page
SORTS = {
    "": gettext_lazy("By code"),
    "missing": gettext_lazy("Most missing first"),
    "rate": gettext_lazy("Lowest on-time rate first"),
}


class Column(NamedTuple):
    key: str
    header: str | Promise
    finds: str  # the ledger's conditions


def finding(**conditions: Iterable[str]) -> str:
    return urlencode({name: [str(value) for value in values] for name, values in conditions.items()}, doseq=True)


UNREPORTED = finding(state=WRITABLE)
NUMBERS = [
    Column("owed", gettext_lazy("Owed"), finding(came=(Came.ON_TIME, Came.LATE, Came.NEVER))),
    Column("reported", pgettext_lazy("entries", "Reported"), finding(state=(State.SUBMITTED, State.ACCEPTED))),
    Column("submitted", pgettext_lazy("entry", "Awaiting review"), finding(state=[State.SUBMITTED])),
    Column("accepted", pgettext_lazy("entry", "Accepted"), finding(state=[State.ACCEPTED])),
    Column(
        "returned",
        pgettext_lazy("entry", "Returned"),
        finding(came=(Came.ON_TIME, Came.LATE), state=(State.DRAFT, State.RETURNED)),
    ),
    Column("never", gettext_lazy("Missing"), finding(came=[Came.NEVER])),
    Column("on_time", gettext_lazy("On time"), finding(came=[Came.ON_TIME])),
    Column("late", pgettext_lazy("board", "Late"), finding(came=[Came.LATE])),
    Column("no_change", gettext_lazy("No change"), finding(came=[Came.NO_CHANGE])),
]


def added_up(counts: Mapping[str, int]) -> dict[str, int]:
    """The board's numbers, of a tally's columns."""
    sums = {name: counts[name] for name in ("submitted", "accepted", "on_time", "late", "no_change")}
    sums["owed"] = sum(counts[name] for name in EntryTally.STATES if name != State.EXCUSED)
    sums["reported"] = sums["submitted"] + sums["accepted"]
    sums["never"] = sums["owed"] - sums["on_time"] - sums["late"]
    sums["returned"] = sums["owed"] - sums["reported"] - sums["never"]  # and what is being rewritten since
    return sums


def shares(*parts: int) -> list[int]:
    """The whole percents of parts, adding up to 100: the largest remainders are rounded up. None of nothing."""
    whole = sum(parts)
    if not whole:
        return []
    percents = [100 * part // whole for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda at: -(100 * parts[at] % whole))
    for at in by_remainder[: 100 - sum(percents)]:
        percents[at] += 1
    return percents


class Number(NamedTuple):
    key: str
    header: str | Promise
    n: int
    query: str  # of the ledger


class Row:
    """One line of the board: what it counts, and the ledger's conditions that say where."""

    def __init__(self, kind: str, body: Organization, counts: Mapping[str, int], place: Mapping[str, str]) -> None:
        """`kind`: of the body's "own", of a body "below", or "total"."""
        self.kind, self.body, self.place = kind, body, urlencode(place)
        self.sums = added_up(counts)
        self.to_urge = self.sums["owed"] - self.sums["reported"]
        self.other_line = ""  # in which the body can be looked at too

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.body.code}"

    @property
    def numbers(self) -> list[Number]:
        return [
            Number(column.key, column.header, self.sums[column.key], f"{self.place}&{column.finds}")
            for column in NUMBERS
        ]

    @cached_property
    def bar(self) -> list[int]:
        """On time, late, missing, as percents."""
        return shares(self.sums["on_time"], self.sums["late"], self.sums["never"])

    @property
    def unreported(self) -> str:
        """The ledger's conditions that find what can be urged."""
        return f"{self.place}&{UNREPORTED}"


class Board:
    """A period's rows at one body: its own, those directly below it, the total.

    In the order of codes only a page of bodies is counted; in another order, or narrowed, all of them are. Either way
    as many queries for a thousand bodies as for ten.
    """

    def __init__(
        self,
        user: User,
        period: Period,
        body: Organization,
        *,
        line: str = "",
        sort: str = "",
        missing: bool = False,
        page: int = 1,
    ) -> None:
        self.user, self.period, self.body, self.line = user, period, body, line
        self.sort, self.missing = sort, missing
        if sort or missing:
            every = list(self.bodies)
            counts = self._counts(every)
            self.page: Page[Any] = Paginator(self._ordered(every, counts), MOST).get_page(page)
        else:
            self.page = Paginator(self.bodies, MOST).get_page(page)
            counts = self._counts(list(self.page.object_list))
        self.rows = [self._row(each, counts[each.pk]) for each in self.page.object_list]
        # The root stands above the industrial line, not in it: nothing of its own is counted there.
        self.own = self._own() if line != Line.INDUSTRIAL or body.industry_path else None
        self.total = self._total(counts) if self.rows or missing or self.own is None else None

    @property
    def lines(self) -> list[Row]:
        """All that is shown: what the others add up to first."""
        return [row for row in (self.total, self.own, *self.rows) if row]

    @property
    def to_urge(self) -> int:
        """How much of the whole can be urged: nobody urges their own body."""
        own = self.own.to_urge if self.own and self.body == self.user.organization else 0
        return self.lines[0].to_urge - own

    @property
    def alone(self) -> bool:
        return not self.user.sees_below

    @cached_property
    def bodies(self) -> OrganizationQuerySet:
        """Those below, with the closed that may have owed in the period."""
        opened = timezone.localdate(self.period.opened_at)
        visible = Organization.objects.visible_to(self.user).order_by("code").exclude(pk=self.body.pk)
        visible = visible.filter(Q(closed_on=None) | Q(closed_on__gte=opened))
        if not self.alone:
            return visible.filter(self.body.directly_below(self.line))
        return visible if self.body == self.user.organization else visible.none()

    def _counts(self, bodies: list[Organization]) -> Any:
        wanted = bodies if self.alone else [self.body, *bodies]
        return entry_totals(self.period, wanted, user=self.user, line=self.line)

    def _ordered(self, bodies: list[Organization], counts: Any) -> list[Organization]:
        sums = {body.pk: added_up(counts[body.pk]) for body in bodies}
        if self.missing:
            bodies = [body for body in bodies if sums[body.pk]["never"]]
        if self.sort == "missing":
            bodies.sort(key=lambda body: -sums[body.pk]["never"])
        if self.sort == "rate":
            bodies.sort(key=lambda body: on_time_rate(sums[body.pk]))
        return bodies

    def _row(self, body: Organization, counts: Mapping[str, int]) -> Row:
        row = Row("below", body, counts, self._place(body))
        row.other_line = next((line for line in lines_of(self.user, body) if line != self.line), "")
        return row

    def _own(self) -> Row:
        """The body alone, counted live: a tally is of a body and those below. One query."""
        rows = Entry.objects.filter(period=self.period, assignment__organization=self.body)
        place = {"period": self.period.code, "organization": self.body.code, "below": "no"}
        return Row("own", self.body, self._live(rows), place)

    def _total(self, counts: Any) -> Row:
        """Of the whole, listed here or not. Who does not see below has rows at the own body alone."""
        if not self.alone:
            return Row("total", self.body, counts[self.body.pk], self._place(self.body))
        everything = self._live(Entry.objects.filter(period=self.period))
        return Row("total", self.body, everything, {"period": self.period.code})

    def _live(self, rows: Any) -> Mapping[str, int]:
        rows = rows.filter(self.user.assignment_scope("assignment__"))
        return told(rows.order_by().aggregate(**EntryTally.aggregates(self.period)))

    def _place(self, body: Organization) -> dict[str, str]:
        """The ledger's conditions that find what `body` is counted with. Where it stands in one line, none is named."""
        place = {"period": self.period.code, "organization": body.code}
        if self.alone:
            return place | {"below": "no"}
        return place | ({"line": self.line} if body.industry_path or self.line == Line.INDUSTRIAL else {})


def on_time_rate(sums: Mapping[str, int]) -> tuple[bool, float]:
    """Sorts the lowest first, and who owes nothing last."""
    return not sums["owed"], sums["on_time"] / sums["owed"] if sums["owed"] else 0
