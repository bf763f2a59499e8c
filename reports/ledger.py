"""The ledger (台账): which rows it has, and in what order (rules 4, 5 and 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Case, Count, Expression, F, FilteredRelation, Q, Value, When

from tracker.models import Assignment, Light, Period, Plan, State, Status, Task, User
from tracker.models.assignments import AssignmentQuerySet

from .columns import Column
from .lines import Lines
from .rows import LINE, Row, Rows, Values, values_of
from .sending import read_once, sent

COUNTED = 500_000  # rows counted and paged at most; the file has them all
SORTED_AT_ONCE = 20_000  # rows of the file sorted whole; above it they are sorted some tasks at a time
TASKS_AT_ONCE = 3  # a nation's are sorted in memory, and outweigh what another query costs to plan
CHUNK = 250  # rows of the file made at a time: they stay in the processor's cache


def ledger_rows(user: User, plan: Plan, period: Period | None) -> AssignmentQuerySet:
    """The assignments that are rows of this person's ledger, each with its entry (rule 9).

    With a period those that owe in it, live or ended, and `entry` is that period's; without, the live ones and their
    latest accepted entry. `shown_status` and `shown_percent` are what the row says of how far it is.
    """
    rows: Any = Assignment.objects.visible_to(user).filter(task__plan=plan)
    if period is None:
        rows = rows.live().annotate(entry=FilteredRelation("latest"))
        shown: dict[str, Any] = {"shown_status": F("status"), "shown_percent": F("percent")}
    else:
        rows = rows.annotate(entry=FilteredRelation("entries", condition=Q(entries__period=period)))
        accepted = Q(entry__state=State.ACCEPTED)
        shown = {
            "shown_status": Case(When(accepted, then=F("entry__status")), default=Value("")),
            "shown_percent": Case(When(accepted, then=F("entry__percent"))),
        }
    # Filters name these annotations, never `entry__…`: a second filter on that would join the entries again.
    rows = rows.annotate(entry_key=F("entry__pk"), entry_state=F("entry__state"), **shown)
    rows = rows.alias(entry_came=F("entry__first_submitted_at"), entry_unchanged=F("entry__no_change"))
    return rows if period is None else rows.exclude(entry_key=None)


def ranked(name: str, values: Iterable[str]) -> Case:
    """A choice in the order people think of it, not of the alphabet; what is blank comes last."""
    return Case(*[When(**{name: value}, then=Value(rank)) for rank, value in enumerate(values)])


SORTS: dict[str, Expression | F] = {
    "code": F("task__position"),
    "organization": F("organization__path"),
    "status": ranked("shown_status", [Status.BLOCKED, Status.NOT_STARTED, Status.IN_PROGRESS, Status.COMPLETED]),
    "percent": F("shown_percent"),
    "light": ranked("light", Light),
    "due": F("due"),
    "state": ranked("entry_state", State.values),
}
ORDER = ("task__position", "organization__path", "pk")  # ends every order, with the key last


class Page(NamedTuple):
    rows: list[Row]
    number: int
    last: int
    first_row: int
    last_row: int

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1


class Ledger:
    """The rows that a person's conditions leave: counted, page by page, or all of them one after another.

    `assignments` comes narrowed from `ledger_rows`, `ownerless` are the tasks without an owner that stand before them.
    Everything that is said is said in the language active when the ledger is made.
    """

    def __init__(
        self,
        user: User,
        plan: Plan,
        tasks: list[Task],
        assignments: AssignmentQuerySet,
        *,
        ownerless: Iterable[Task] = (),
        sort: str = "",
    ) -> None:
        self.user, self.plan, self.tasks = user, plan, tasks
        self.assignments = assignments
        self.ownerless = list(ownerless)
        self.sort_key = sort or "code"
        self.sort, self.descending = self.sort_key.removeprefix("-"), self.sort_key.startswith("-")

    # How many.

    @cached_property
    def found(self) -> int:
        """How many rows there are; never more than one above COUNTED. One query."""
        if self.sort == "code":
            counted = sum(self.held.values())
        else:
            counted = self.assignments.order_by().values("pk")[: COUNTED + 1].count()
        return min(counted + len(self.ownerless), COUNTED + 1)

    @cached_property
    def held(self) -> dict[int, int]:
        """How many rows each task has. One query; says where in the order of the plan a page lies."""
        return dict(self.assignments.order_by().values_list("task").annotate(rows=Count("pk")))

    @property
    def is_counted(self) -> bool:
        return self.found <= COUNTED

    def is_longer_than(self, rows: int) -> bool:
        """One query, that looks no further than it must."""
        most = max(0, rows + 1 - len(self.ownerless))
        return len(self.ownerless) + self.assignments.order_by().values("pk")[:most].count() > rows

    # A page.

    def page(self, number: int, size: int, *, beside: bool = False) -> Page:
        """The nearest page there is. Keys first, then their rows: a late page costs what an early one does.

        `beside`: whether bodies that cooperate are named.
        """
        paged = min(self.found, COUNTED)
        last = max(1, -(-paged // size))
        number = min(max(number, 1), last)
        offset = (number - 1) * size
        made = self._rows(beside=beside)
        rows = [made.ownerless(at, task) for at, task in islice(enumerate(self.ownerless, 1), offset, offset + size)]
        if len(rows) < size and self.found > len(self.ownerless):
            behind = max(0, offset - len(self.ownerless))
            keys = self._keys(behind, size - len(rows))
            values = self._values_of(keys)
            made.learn({row[0] for row in values}, {row[1] for row in values if row[1]})
            rows += made.made(values, len(self.ownerless) + behind + 1)
        return Page(rows, number, last, offset + 1 if rows else 0, offset + len(rows))

    def _keys(self, offset: int, limit: int) -> list[int]:
        """The keys of one page. Sorting a nation for fifty rows costs seconds, so in the order of the plan the tasks
        are counted, and only those that reach onto the page are sorted: two queries, whatever the number of rows."""
        ordered = self._ordered().values_list("pk", flat=True)
        if self.sort != "code":
            return list(ordered[offset : offset + limit])
        on_page: list[int] = []
        before = skipped = 0
        for task in self._in_order():
            rows = self.held.get(task, 0)
            if before < offset + limit and before + rows > offset:
                on_page.append(task)
            elif not on_page:
                skipped += rows
            before += rows
        return list(ordered.filter(task__in=on_page)[offset - skipped : offset - skipped + limit])

    def _ordered(self) -> AssignmentQuerySet:
        field = SORTS[self.sort]
        first = field.desc(nulls_last=True) if self.descending else field.asc(nulls_last=True)
        return self.assignments.order_by(first, *ORDER)

    def _values_of(self, keys: list[int]) -> list[Values]:
        rows = values_of(self.assignments.filter(pk__in=keys).order_by()).annotate(key=F("pk"))
        values: dict[int, Values] = {row[-1]: row[:-1] for row in rows}
        # A row that somebody ended since its key was read is gone from the page.
        return [values[key] for key in keys if key in values]

    # The whole.

    def chunks(self) -> Iterator[list[Row]]:
        """Every row, as lists of at most CHUNK: flat in memory, whatever their number."""
        made, number = self._rows(beside=True), len(self.ownerless) + 1
        if self.ownerless:
            yield [made.ownerless(number, task) for number, task in enumerate(self.ownerless, 1)]
        for assignments in self._portions(made):
            stream = values_of(assignments).iterator(chunk_size=CHUNK)
            while chunk := list(islice(stream, CHUNK)):
                yield made.made(chunk, number)
                number += len(chunk)

    def lines(self, columns: Sequence[Column]) -> Iterator[list[bytes]]:
        """The same rows as lines of CSV, in the same lists."""
        made, number = (
            self._rows(beside=any(column.key == "cooperating" for column in columns)),
            len(self.ownerless) + 1,
        )
        lines = Lines(made, columns)
        if self.ownerless:
            yield [lines.line(made.ownerless(number, task)) for number, task in enumerate(self.ownerless, 1)]
        with read_once():
            for assignments in self._portions(made):
                for chunk in sent(values_of(assignments, LINE), CHUNK):
                    yield lines.of(chunk, number)
                    number += len(chunk)

    def _portions(self, made: Rows) -> Iterator[AssignmentQuerySet]:
        """Many rows in the order of the plan go some tasks at a time on SQLite, which sorts them in memory then.

        PostgreSQL sorts a nation on disk in less time than it joins it thirty times over.
        """
        whole = self.sort != "code" or connection.vendor == "postgresql"
        if whole or not self.is_longer_than(SORTED_AT_ONCE):
            made.learn(made.tasks)
            yield self._ordered()
            return
        every = self._in_order()
        for first in range(0, len(every), TASKS_AT_ONCE):
            tasks = every[first : first + TASKS_AT_ONCE]
            made.learn(tasks)
            yield self._ordered().filter(task__in=tasks)

    def _in_order(self) -> list[int]:
        keys = [task.pk for task in self.tasks]
        return keys[::-1] if self.descending else keys

    def _rows(self, *, beside: bool) -> Rows:
        return Rows(self.user, self.plan, self.tasks, beside=beside)
