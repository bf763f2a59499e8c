"""Time in the demo: three quarters relative to today, office hours, and a queue that acts in the order of time."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Callable
from itertools import count
from random import Random
from typing import NamedTuple

from django.utils import timezone

from tracker.models import tallying

CHUNK = 400  # transitions whose tally deltas are written at once
LOCK_DAYS = 8


class Quarter(NamedTuple):
    code: str
    opens: dt.date
    due: dt.date
    locks: dt.date


def quarters(today: dt.date) -> list[Quarter]:
    """Two that are locked and the one that is open, oldest first."""
    first = dt.date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    made: list[Quarter] = []
    while len(made) < 3:
        after = (first + dt.timedelta(days=100)).replace(day=1)
        due = after - dt.timedelta(days=1)
        locks = due + dt.timedelta(days=LOCK_DAYS)
        if made:  # the quarter before is locked already, even in the first days of this one
            locks = max(due, min(locks, today - dt.timedelta(days=1)))
        made.insert(0, Quarter(f"{first.year}Q{(first.month + 2) // 3}", first, due, locks))
        first = (first - dt.timedelta(days=1)).replace(day=1)
        first = dt.date(first.year, (first.month - 1) // 3 * 3 + 1, 1)
    return made


def moment(day: dt.date, hour: int = 0, minute: int = 0, second: int = 0) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time(hour, minute, second)))


def office_hour(day: dt.date, rng: Random) -> dt.datetime:
    return moment(day, rng.choice([8, 9, 9, 10, 10, 11, 14, 15, 15, 16, 16, 17]), rng.randrange(60), rng.randrange(60))


def working(day: dt.date, *, forward: bool) -> dt.date:
    """The day itself, or off a weekend to the Monday after or the Friday before."""
    if day.weekday() < 5:
        return day
    return day + dt.timedelta(days=7 - day.weekday()) if forward else day - dt.timedelta(days=day.weekday() - 4)


def in_order(first: dt.datetime, last: dt.datetime, steps: int, rng: Random) -> list[dt.datetime]:
    """Moments between two others, in office hours where there is room for them."""
    span = (last - first).total_seconds()
    rough = [first + dt.timedelta(seconds=span * share) for share in sorted(rng.random() for _step in range(steps))]
    neat = [office_hour(working(timezone.localdate(at), forward=False), rng) for at in rough]
    fits = all(before < after for before, after in zip([first, *neat], [*neat, last], strict=True))
    return neat if fits else rough


class Timeline:
    """A queue of actions. Those of one entry must be given in order; the rest is sorted by their moment."""

    def __init__(self) -> None:
        self.waiting: list[tuple[dt.datetime, int, bool, Callable[[], object]]] = []
        self.order = count()

    def add(self, at: dt.datetime, act: Callable[[], object], *, alone: bool = False) -> None:
        """`alone`: it counts tallies afresh, so what was summed before it must have been written."""
        heapq.heappush(self.waiting, (at, next(self.order), alone, act))

    def run(self) -> None:
        while self.waiting:
            with tallying():
                for _n in range(CHUNK):
                    if not self.waiting or self.waiting[0][2]:
                        break
                    heapq.heappop(self.waiting)[3]()
            if self.waiting and self.waiting[0][2]:
                heapq.heappop(self.waiting)[3]()
