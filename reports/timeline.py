"""The plan's years: every heading on one line of time, with its milestones, its span and the lights of its tasks."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from django.db.models import Count, Q, Sum

from tracker.models import Assignment, AssignmentTally, Heading, Light, Line, Milestone, Period
from tracker.models.organizations import SEGMENT, TIER_DEPTH, within
from tracker.models.tallies import counting_path

from .place import Place

REACHED, OVERDUE, AHEAD = "reached", "overdue", "ahead"


class Scale(NamedTuple):
    """The plan from its first day to its last, and today in it."""

    start: dt.date
    due: dt.date
    today: dt.date

    def at(self, day: dt.date) -> float:
        """Where a day lies: 0 at the start, 1 at the end of the last day."""
        return (day - self.start).days / ((self.due - self.start).days + 1)

    def after(self, day: dt.date) -> float:
        """Where a day has passed."""
        return self.at(day + dt.timedelta(days=1))

    @property
    def years(self) -> list[dt.date]:
        return [dt.date(year, 1, 1) for year in range(self.start.year + 1, self.due.year + 1)]

    @property
    def passed(self) -> int:
        """The share of the time that has passed, in percent (序时进度)."""
        return int(100 * min(max(self.after(self.today), 0), 1))


class Steps(NamedTuple):
    """The milestones that bodies set for themselves, counted."""

    total: int
    reached: int
    overdue: int


class Row(NamedTuple):
    """One heading."""

    heading: Heading
    tasks: int
    start: dt.date
    due: dt.date
    standing: bool  # nothing but standing duties: it goes on as long as the plan
    milestones: list[Milestone]
    steps: Steps
    lights: list[tuple[Light, int]]

    @property
    def reached(self) -> int:
        return sum(milestone.reached_on is not None for milestone in self.milestones)

    @property
    def overdue(self) -> int:
        return sum(milestone.overdue_days > 0 for milestone in self.milestones)


class Timeline:
    def __init__(self, place: Place, today: dt.date) -> None:
        self.place, self.plan = place, place.plan
        self.scale = Scale(self.plan.start, self.plan.due, today)

    @property
    def periods(self) -> list[Period]:
        return list(self.plan.periods.order_by("due", "pk"))

    def rows(self) -> list[Row]:
        """In the order of the plan. Six queries, whatever the number of tasks and bodies."""
        headings = Heading.objects.filter(area__plan=self.plan).select_related("area__plan")
        tasks: dict[int, list[Any]] = defaultdict(list)
        dates = ("heading", "start", "due", "standing")
        for task in self.plan.tasks.live().order_by("position").values_list(*dates, named=True):
            tasks[task.heading].append(task)
        milestones: dict[int, list[Milestone]] = defaultdict(list)
        for milestone in Milestone.objects.filter(task__plan=self.plan, task__ended_on=None).select_related("task"):
            milestones[milestone.task.heading_id].append(milestone)  # type: ignore[union-attr]
        steps, lights = self._steps(), self.lights()
        return [
            self._row(heading, tasks[heading.pk], milestones[heading.pk], steps, lights[heading.pk])
            for heading in headings.order_by("area__number", "number")
        ]

    def _row(
        self,
        heading: Heading,
        tasks: list[Any],
        milestones: list[Milestone],
        steps: dict[int, Steps],
        lights: Counter[str],
    ) -> Row:
        dated = [task for task in tasks if not task.standing]
        return Row(
            heading,
            len(tasks),
            min((task.start or self.plan.start for task in dated), default=self.plan.start),
            max((task.due or self.plan.due for task in dated), default=self.plan.due),
            bool(tasks) and not dated,
            milestones,
            steps.get(heading.pk, Steps(0, 0, 0)),
            [(light, lights[light]) for light in Light if lights[light]],
        )

    def _steps(self) -> dict[int, Steps]:
        own: Any = Milestone.objects.filter(self.place.scope("assignment__"), assignment__task__plan=self.plan)
        own = own.filter(assignment__ended_on=None).order_by().values("assignment__task__heading")
        late = Q(reached_on=None, due__lt=self.scale.today)
        counts = own.annotate(n=Count("pk"), done=Count("reached_on"), late=Count("pk", filter=late))
        return {row["assignment__task__heading"]: Steps(row["n"], row["done"], row["late"]) for row in counts}

    # The state of each heading: the lights of what bodies here have to do of its tasks.

    @property
    def line(self) -> str:
        """The line in which the lights are counted; empty where they are counted live, over both."""
        place = self.place
        if place.line or not self._is_tallied:
            return place.line
        return counting_path(place.body)[0].value

    @property
    def _is_tallied(self) -> bool:
        """Whether tallies count what the person sees of the body, and nothing else."""
        place, own = self.place, self.place.user.organization
        line = place.line or counting_path(place.body)[0].value
        there, mine = place.body.path_in(line), own.path_in(line) if own and place.user.sees_below else None
        return bool(there and mine and there.startswith(mine) and len(there) <= SEGMENT * TIER_DEPTH)

    @property
    def counted(self) -> Place:
        """Where the rows are that the lights count."""
        return self.place._replace(line=self.line)

    def lights(self) -> dict[int, Counter[str]]:
        """By heading. One query: a sum of tallies, below the tiers a live count."""
        if self._is_tallied:
            path = self.place.body.path_in(self.line) or ""
            rows: Any = AssignmentTally.objects.filter(within(path, "tier__", Line(self.line)), line=self.line)
            sums: dict[str, Any] = {f"n_{light}": Sum(light) for light in Light.values}
        else:
            rows = Assignment.objects.live().filter(self.place.scope())
            sums = {f"n_{light}": Count("pk", filter=Q(light=light)) for light in Light.values}
        counted = rows.filter(task__plan=self.plan).order_by().values("task__heading").annotate(**sums)
        lights: dict[int, Counter[str]] = defaultdict(Counter)
        for row in counted:
            lights[row["task__heading"]].update({light: row[f"n_{light}"] for light in Light.values})
        return lights


def state_of(milestone: Milestone) -> str:
    if milestone.reached_on:
        return REACHED
    return OVERDUE if milestone.overdue_days else AHEAD
