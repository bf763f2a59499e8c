"""The overview: one body's period in numbers, its areas × the bodies below, and what is new since the last period.

Every count comes from the tallies, or live where a body stands below them; each knows the address of the rows it
counted. The number of queries grows neither with bodies nor with entries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tracker.models import Area, Assignment, Organization, Period, Reason, State, Task
from tracker.models.tallies_below import (
    AREAS,
    Counts,
    assignment_totals,
    entry_totals,
    entry_totals_over,
    red_totals,
    summed,
)

from .viewed import OWED, Viewed

SHOWN = 200  # bodies of a map; the board has the others
TREND = 8  # periods
RED_TASKS = 5
EXPLAINED = 5_000  # reds whose reasons are counted; above it the tasks alone are named
MEASURES = ("reported", "completed")
STATES = ("&state=accepted", "".join(f"&state={state}" for state in OWED), "&state=submitted")  # of a cell's numbers


class Cell(NamedTuple):
    """One number out of another, and the rows of both; what waits and what is red stands beside."""

    part: int
    whole: int
    waiting: int
    red: int
    to_part: str
    to_whole: str
    to_waiting: str
    to_red: str

    @property
    def percent(self) -> int:
        return share(self.part, self.whole)

    @property
    def tint(self) -> int:
        """0 to 4: in steps of a fifth."""
        return min(self.percent // 20, 4)


class Change(NamedTuple):
    """A count of what is owed, in this period and in the one before."""

    label: str
    now: int
    owed: int
    before: int
    owed_before: int

    @property
    def percent(self) -> int:
        return share(self.now, self.owed)

    @property
    def percent_before(self) -> int:
        return share(self.before, self.owed_before)

    @property
    def points(self) -> int:
        """In percentage points, of the shares as they are shown."""
        return self.percent - self.percent_before


class Line(NamedTuple):
    """A row of the map. `address` is the overview of that body, where there is one beyond this."""

    name: str
    address: str
    body: Organization
    cells: list[Cell]
    before: Cell | None


def share(part: int, whole: int) -> int:
    """In whole percent; all is said of all alone, and none of none alone."""
    if not whole:
        return 0
    percent = round(100 * part / whole)
    return min(max(percent, 1), 99) if 0 < part < whole else percent


class Overview:
    """`measure`: what the map shows, accepted of owed or completed of what can be completed."""

    def __init__(self, viewed: Viewed, measure: str = "reported") -> None:
        self.viewed, self.period = viewed, viewed.period
        self.measure = measure if measure in MEASURES and self.period else MEASURES[self.period is None]
        self.areas: list[Area] = list(viewed.plan.areas.order_by("number"))

    # What is counted, of the bodies directly below and of the viewed body alone: by (body, area) where it says so.

    def _entries(self, period: Period | None, *, by_area: bool, set_aside: bool = False) -> Counts:
        """Two queries, and one more for each length of path below the tiers."""
        if period is None:
            return {}
        view = self.viewed
        told: dict[str, Any] = {"user": view.user, "by_area": by_area}
        below = entry_totals(period, view.children, line=view.line, set_aside=set_aside, **told)
        return below | entry_totals(period, view.itself, alone=True, **told)

    @cached_property
    def entries(self) -> Counts:
        """By body and area."""
        return self._entries(self.period, by_area=True)

    @cached_property
    def entries_before(self) -> Counts:
        """Of the period before, as it stood when it locked: by body."""
        before = self.viewed.before
        return self._entries(before, by_area=False, set_aside=bool(before and before.set_aside_at))

    @cached_property
    def standing(self) -> Counts:
        """Live assignments; of those that are reported only the red lights. Two queries, and one more for each length
        of path below the tiers."""
        view = self.viewed
        if self.measure == "completed":
            below = assignment_totals(view.plan, view.children, user=view.user, line=view.line, by=AREAS)
            return below | assignment_totals(view.plan, view.itself, user=view.user, by=AREAS, alone=True)
        below = red_totals(view.plan, view.children, user=view.user, line=view.line, by=AREAS, alone=False)
        return below | red_totals(view.plan, view.itself, user=view.user, line=view.line, by=AREAS, alone=True)

    @cached_property
    def totals(self) -> Counter[str]:
        return with_never(summed(self.entries.values()))

    @cached_property
    def totals_before(self) -> Counter[str]:
        return with_never(summed(self.entries_before.values()))

    @cached_property
    def lights(self) -> Counter[str]:
        return summed(self.standing.values())

    @cached_property
    def addresses(self) -> dict[str, str]:
        """Of the rows of each total."""
        view, body, states = self.viewed, self.viewed.whole, [state.value for state in State]
        to = {"red": view.rows(body, light="red")}
        if view.period:
            to |= {state: view.owing(body, [state]) for state in states}
            to["owed"] = view.owing(body)
            to |= {came: view.owing(body, came=came) for came in ("on_time", "late", "never", "no_change")}
        return to

    # The map.

    @cached_property
    def rows(self) -> list[Line]:
        """The viewed body's own first, then the bodies below; who neither owes nor has anything is left out."""
        view = self.viewed
        rows = [self._line(view.body, alone=True)] if self._has_any(view.body) else []
        return rows + [self._line(body) for body in self.shown]

    @cached_property
    def below(self) -> list[Organization]:
        return [body for body in self.viewed.children if self._has_any(body)]

    @property
    def shown(self) -> list[Organization]:
        return self.below[:SHOWN]

    @property
    def others(self) -> int:
        return len(self.below) - len(self.shown)

    @cached_property
    def _bodies(self) -> set[int]:
        return {body for counts in (self.entries, self.standing) for (body, _area), n in counts.items() if n.total()}

    def _has_any(self, body: Organization) -> bool:
        return body.pk in self._bodies

    def _line(self, body: Organization, *, alone: bool = False) -> Line:
        address = "" if alone else self.viewed.address(body=body)
        cells = self._cells(body, alone=alone)
        return Line(body.short, address, body, cells, self._cell_before(body) if self.measure == "reported" else None)

    def _cells(self, body: Organization, *, alone: bool) -> list[Cell]:
        """All areas together, then each."""
        to = Addresses(self.viewed, body, alone=alone)
        nothing: Counter[str] = Counter()
        keys = [(body.pk, area.pk) for area in self.areas]
        entries = [self.entries.get(key, nothing) for key in keys]
        standing = [self.standing.get(key, nothing) for key in keys]
        which = [f"&area={area.number}" for area in self.areas]
        parts = map(self._cell, entries, standing, [to] * len(which), which)
        return [self._cell(summed(entries), summed(standing), to), *parts]

    def _cell(self, entries: Counter[str], standing: Counter[str], to: Addresses, which: str = "") -> Cell:
        red, to_red = standing["red"], f"{to.standing}&light=red{which}"
        if self.measure == "completed":
            whole = f"{to.standing}&part=lead&standing=no{which}"
            return Cell(
                standing["done"], standing["completable"], 0, red, f"{whole}&status=completed", whole, "", to_red
            )
        accepted, owed, waiting = (f"{to.owing}{which}{state}" for state in STATES)
        numbers = entries["accepted"], entries["owed"], entries["submitted"], red
        return Cell(*numbers, accepted, owed, waiting, to_red)

    def _cell_before(self, body: Organization) -> Cell | None:
        """How the period before stood, all areas together; no rows, for what was counted then may have moved since."""
        before = self.entries_before.get(body.pk)
        return Cell(before["accepted"], before["owed"], 0, 0, "", "", "", "") if before and before["owed"] else None

    @cached_property
    def average(self) -> Cell | None:
        """Over the bodies below, all areas together: each weighs what it owes."""
        if len(self.below) < 2 or self.measure != "reported":
            return None
        keys = {body.pk for body in self.below}
        entries = summed(n for (body, _area), n in self.entries.items() if body in keys)
        return Cell(entries["accepted"], entries["owed"], 0, 0, "", "", "", "") if entries["owed"] else None

    # What needs an answer.

    @cached_property
    def silent(self) -> list[Organization]:
        """The bodies below that owe, and have handed in nothing, nor has anybody below them."""
        counts = by_body(self.entries)
        nothing: Counter[str] = Counter()
        counted = [(body, counts.get(body.pk, nothing)) for body in self.viewed.children]
        return [body for body, n in counted if n["owed"] and not n["on_time"] + n["late"]]

    @cached_property
    def reds(self) -> list[tuple[Task, int, str]]:
        """The tasks with the most red lights, and the rows of each. Two queries."""
        view = self.viewed
        if not self.lights["red"]:
            return []
        totals = red_totals(view.plan, view.counted, user=view.user, line=view.line, by="task", alone=False)
        by_task: Counter[int] = Counter()
        for (_body, task), n in totals.items():
            by_task[task] += n["red"]
        most = [(task, n) for task, n in by_task.most_common(RED_TASKS) if n]
        tasks = Task.objects.only("code", "wording").in_bulk([key for key, _n in most])
        return [(tasks[key], n, view.rows(view.whole, light="red", task=tasks[key].code)) for key, n in most]

    @cached_property
    def reasons(self) -> list[tuple[str, int]]:
        """Why lights are red, the most frequent first. Two queries, and none where there are very many."""
        view = self.viewed
        if not 0 < self.lights["red"] <= EXPLAINED:
            return []
        tasks = set(view.plan.tasks.values_list("pk", flat=True))
        rows = (
            Assignment.objects.red().visible_to(view.user).filter(view.body.subtree("organization__", line=view.line))
        )
        counts = Counter(
            reason for task, reason in rows.order_by().values_list("task", "light_reason") if task in tasks
        )
        return [(str(Reason(reason).label), n) for reason, n in counts.most_common()]

    # Over time.

    @property
    def changes(self) -> list[Change]:
        """This period beside the one before, as it stood when it locked."""
        now, before = self.totals, self.totals_before
        if not now["owed"] or not before["owed"]:
            return []
        rates = [(_("Reported on time"), "on_time"), (pgettext("entry", "Accepted"), "accepted")]
        rates += [(pgettext("submission", "Late"), "late"), (_("Never submitted"), "never")]
        rates += [(_("No change"), "no_change")]
        return [Change(label, now[name], now["owed"], before[name], before["owed"]) for label, name in rates]

    @cached_property
    def trend(self) -> list[tuple[Period, Counter[str]]]:
        """The last periods of the same kind, each as it stood when it locked. One query; one a period for
        who does not see below, and below the tiers."""
        nothing: Counter[str] = Counter()
        view, periods = self.viewed, self.viewed.lately(TREND)
        if view.user.sees_below and view.itself:
            counts = entry_totals_over(periods, view.body, user=view.user, line=view.line)
        else:
            counts = {
                one.pk: summed(entry_totals(one, view.counted, user=view.user, line=view.line).values())
                for one in periods
            }
        return [(period, counts[period.pk]) for period in periods if counts.get(period.pk, nothing)["owed"]]


class Addresses:
    """The beginnings of the addresses of one body's rows."""

    def __init__(self, viewed: Viewed, body: Organization, *, alone: bool) -> None:
        self.standing = viewed.rows(body, alone=alone)
        self.owing = f"{self.standing}&{urlencode({'period': viewed.period.code})}" if viewed.period else ""


def by_body(counts: Counts) -> Counts:
    """Of counts by body and area, those of each body."""
    parts: dict[int, list[Counter[str]]] = defaultdict(list)
    for (body, _area), n in counts.items():
        parts[body].append(n)
    return {body: summed(each) for body, each in parts.items()}


def with_never(counts: Counter[str]) -> Counter[str]:
    """On time + late + never submitted = owed (rule 1)."""
    counts["never"] = counts["owed"] - counts["on_time"] - counts["late"]
    return counts
