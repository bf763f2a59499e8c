"""Whether the tallies are what the records say: everything counted afresh, and compared row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db import transaction

from .organizations import Line
from .periods import Period
from .plan import Task
from .tallies import AssignmentTally, EntryTally, Tally


class Difference(NamedTuple):
    """One tally row that is not what it ought to be; counts that agree are left out."""

    tally: type[Tally]
    key: dict[str, Any]
    stands: dict[str, int]
    counted: dict[str, int]


def differences() -> Iterator[Difference]:
    """Every row of both tallies that differs from a count of the records.

    What was set aside for the trends is not looked at: it says what stood when its period locked. A row of zeros and a
    row that is not there say the same.
    """
    for line in Line.values:
        counted = AssignmentTally.counted(line).values_list(*AssignmentTally.KEY, *AssignmentTally.COUNTS)
        yield from compared(AssignmentTally, AssignmentTally.objects.filter(line=line), counted)
    for period in Period.objects.order_by("pk"):
        for line in Line.values:
            stand = EntryTally.objects.filter(line=line, period=period, set_aside=False)
            names = (f"n_{name}" for name in EntryTally.COUNTS)
            yield from compared(
                EntryTally, stand, EntryTally.counted(period, line).values_list(*EntryTally.KEY, *names)
            )


def compared(tally: type[Tally], stand: Any, counted: Iterable[tuple[Any, ...]]) -> Iterator[Difference]:
    stands, wanted = by_key(tally, stand.values_list(*tally.KEY, *tally.COUNTS)), by_key(tally, counted)
    for key in sorted(stands.keys() | wanted.keys()):
        there, ought = stands.get(key, {}), wanted.get(key, {})
        wrong = [name for name in tally.COUNTS if there.get(name, 0) != ought.get(name, 0)]
        if wrong:
            yield Difference(
                tally,
                dict(zip(tally.KEY, key, strict=True)),
                {name: there.get(name, 0) for name in wrong},
                {name: ought.get(name, 0) for name in wrong},
            )


def by_key(tally: type[Tally], rows: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], dict[str, int]]:
    width = len(tally.KEY)
    return {row[:width]: dict(zip(tally.COUNTS, row[width:], strict=True)) for row in rows}


@transaction.atomic
def repair() -> None:
    """Count every tally afresh; what was set aside stays."""
    AssignmentTally.recount(Task.objects.all())
    for period in Period.objects.order_by("pk"):
        EntryTally.recount(period)
