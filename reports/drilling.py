"""The ways down from the overview: how the assignments of a body and those below it stand, task by task or body by
body. Counts are the tallies', or live below them; each knows its rows."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from django.http import Http404
from django.utils.translation import gettext as _

from tracker.models import Area, Heading, Light, Organization, Period, Status, Task
from tracker.models.tallies_below import Counts, assignment_totals, entry_totals, summed

from .overview import STATES, Cell
from .viewed import Viewed

T = TypeVar("T")
SHOWN = 200  # bodies of a page
NONE: Counter[str] = Counter()


class Row(NamedTuple):
    """One task, one body, or all of them: how many assignments, in which statuses, under which lights, each with the
    address of its rows. `done` of what can be completed; `points` beside the average, in percentage points.
    `reported` is accepted of owed in the period, `before` the same of the period before."""

    name: str
    task: Task | None
    address: str
    total: int
    to_total: str
    statuses: list[tuple[Status, int, str]]
    lights: list[tuple[Light, int, str]]
    done: Cell
    points: int | None
    reported: Cell | None
    before: Cell | None


class Standing:
    """`area`, `heading` or `task` of the query string narrow it to a part of the plan. Raises Http404 for what the
    plan does not have."""

    def __init__(self, viewed: Viewed) -> None:
        self.viewed = viewed
        self.all_tasks = list(viewed.plan.tasks.select_related("heading__area").order_by("position"))
        headings = {task.heading.code: task.heading for task in self.all_tasks}
        areas = {str(heading.area.number): heading.area for heading in headings.values()}
        self.headings, self.areas = headings, areas
        self.task: Task | None = self._named("task", {task.code: task for task in self.all_tasks})
        self.heading: Heading | None = self.task.heading if self.task else self._named("heading", headings)
        self.area: Area | None = self.heading.area if self.heading else self._named("area", areas)

    def _named(self, name: str, known: dict[str, T]) -> T | None:
        key = self.viewed.query.get(name, "")
        if key and key not in known:
            raise Http404
        return known.get(key)

    @property
    def part(self) -> dict[str, Any]:
        """The part of the plan looked at, as a condition of an address."""
        if self.task:
            return {"task": self.task.code}
        if self.heading:
            return {"heading": self.heading.code}
        return {"area": str(self.area.number)} if self.area else {}

    @cached_property
    def tasks(self) -> list[Task]:
        return [
            task
            for task in self.all_tasks
            if (not self.area or task.heading.area_id == self.area.pk)
            and (not self.heading or task.heading_id == self.heading.pk)
            and (not self.task or task == self.task)
        ]

    @property
    def shown(self) -> list[Organization]:
        return self.viewed.children[:SHOWN]

    @property
    def others(self) -> int:
        return len(self.viewed.children) - len(self.shown)

    def by_task(self) -> list[Row]:
        """All together first, then each task that somebody has. One query; below the tiers one more."""
        view = self.viewed
        told = assignment_totals(view.plan, view.counted, user=view.user, line=view.line, by="task", tasks=self.tasks)
        counts: dict[int, Counter[str]] = {}
        for (_body, task), n in told.items():
            counts.setdefault(task, Counter()).update(n)
        every = self._row(_("All together"), summed(counts.values()), view.rows(view.whole, **self.part))
        rows = [every]
        for task in self.tasks:
            if (n := counts.get(task.pk, NONE)).total():
                address = view.rows(view.whole, task=task.code)
                down = view.address("by_body", task=task.code)
                rows.append(self._row(task.wording, n, address, task=task, down=down, average=every.done))
        return rows

    def by_body(self) -> list[Row]:
        """All together first, then the viewed body itself, then those below. Two queries for assignments, and two each
        for the entries of the period and of the one before; below the tiers one more of each."""
        view = self.viewed
        counts, entries, before = self._counts(), self._entries(view.period), self._entries(view.before)
        every = self._row(_("All together"), summed(counts.values()), view.rows(view.whole, **self.part))
        every = self._with_period(every, summed(entries.values()), summed(before.values()))
        rows = [every]
        for body in [view.body, *self.shown]:
            if (n := counts.get(body.pk, NONE)).total() or entries.get(body.pk, NONE).total():
                alone = body == view.body
                down = "" if alone else view.address("by_body", body=body, **self.part)
                address = view.rows(body, alone=alone, **self.part)
                row = self._row(body.short, n, address, down=down, average=every.done)
                rows.append(self._with_period(row, entries.get(body.pk, NONE), before.get(body.pk, NONE)))
        return rows

    def _counts(self) -> Counts:
        view = self.viewed
        below = assignment_totals(view.plan, view.children, user=view.user, line=view.line, tasks=self.tasks)
        return below | assignment_totals(view.plan, view.itself, user=view.user, alone=True, tasks=self.tasks)

    def _entries(self, period: Period | None) -> Counts:
        """By body; nothing for less than an area, which the tallies do not tell apart."""
        if period is None or self.heading:
            return {}
        view, counts = self.viewed, Counts()
        kept = period != view.period and period.set_aside_at is not None
        below = entry_totals(period, view.children, user=view.user, line=view.line, by_area=True, set_aside=kept)
        below |= entry_totals(period, view.itself, user=view.user, by_area=True, alone=True)
        for (body, area), n in below.items():
            if not self.area or area == self.area.pk:
                counts.setdefault(body, Counter()).update(n)
        return counts

    def _row(
        self,
        name: str,
        n: Counter[str],
        address: str,
        *,
        task: Task | None = None,
        down: str = "",
        average: Cell | None = None,
    ) -> Row:
        can = f"{address}&part=lead&standing=no"
        done = Cell(n["done"], n["completable"], 0, n["red"], f"{can}&status=completed", can, "", "")
        points = done.percent - average.percent if average and average.whole and done.whole else None
        return Row(
            name,
            task,
            down,
            sum(n[status] for status in Status.values),
            address,
            [(status, n[status], f"{address}&status={status}") for status in Status],
            [(light, n[light], f"{address}&light={light}") for light in Light],
            done,
            points,
            None,
            None,
        )

    def _with_period(self, row: Row, now: Counter[str], before: Counter[str]) -> Row:
        period = self.viewed.period
        if period is None or self.heading:
            return row
        owing = f"{row.to_total}&{urlencode({'period': period.code})}"
        to_accepted, to_owed, to_waiting = (f"{owing}{state}" for state in STATES)
        reported = Cell(now["accepted"], now["owed"], now["submitted"], 0, to_accepted, to_owed, to_waiting, "")
        earlier = Cell(before["accepted"], before["owed"], 0, 0, "", "", "", "") if before["owed"] else None
        return row._replace(reported=reported, before=earlier)
