"""The numbers that entries of the demo report: stocks grow a little each quarter, flows come and go."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any

from tracker.models import Entry, Figure, Level
from tracker.models.figures import is_flow

SIZES = {Level.PROVINCE: 40, Level.CITY: 8, Level.COUNTY: 1}
TOGETHER = 25_000  # sizes: so that all of them together come to a good part of what is to be reached


class Numbers:
    def __init__(self) -> None:
        self.rng = Random(36)  # dice of its own: what else the demo throws stays as it is
        self.given: dict[tuple[int, int], int] = {}  # what was said last, by assignment and figure
        self.leaps: set[int] = set()  # entries whose numbers are ten times the last ones, and confirmed

    def leap_in(self, entries: Iterable[Entry]) -> None:
        """The first that has a number to leap from."""
        self.leaps |= set([entry.pk for entry in entries if entry.asked_figures and entry.last_figures()][:1])

    def said(self, entry: Entry, *, unchanged: bool = False) -> dict[str, Any]:
        numbers = {figure.pk: Decimal(self.next(entry, figure, unchanged)) for figure in entry.asked_figures}
        return {"figures": numbers, "confirmed": numbers if entry.pk in self.leaps else {}}

    def next(self, entry: Entry, figure: Figure, unchanged: bool) -> int:
        key = (entry.assignment_id, figure.pk)
        last, rng = self.given.get(key), self.rng
        if last is None:
            size = SIZES.get(Level(entry.assignment.organization.level), 1)
            number = rng.randint(12, 90) * size * int(figure.target or figure.baseline or 0) // TOGETHER or 1
        elif entry.pk in self.leaps:
            number = last * 10
        elif is_flow(figure):
            number = round(last * rng.uniform(0.6, 1.6)) or 1
        else:
            number = last if unchanged else last + rng.randint(0, last // 8 + 1)
        self.given[key] = number
        return number
