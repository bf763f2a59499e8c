"""Tallies: counts kept beside the records, so that a page never counts a large table (design §4).

Each change is a delta, applied by upsert at the end of the transition's own transaction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction
from django.db.models import Count, F, Q, Sum, Value
from django.utils.translation import gettext_lazy as _

from .inserting import column, insert_from
from .organizations import SEGMENT, TIER_DEPTH, Line, Organization, within
from .plan import Area, Task

if TYPE_CHECKING:
    from .assignments import Assignment
    from .entries import Entry
    from .periods import Period

TIERS = {Line.TERRITORIAL: "tier", Line.INDUSTRIAL: "industry_tier"}


def count_field() -> Any:
    return models.IntegerField(default=0, db_default=0)


def counting_path(organization: Organization) -> tuple[Line, str]:
    """The line whose tallies speak for a body, and its path in it."""
    if organization.line == Line.INDUSTRIAL and organization.industry_path:
        return Line.INDUSTRIAL, organization.industry_path
    return Line.TERRITORIAL, organization.path


def has_tallies(organization: Organization) -> bool:
    """Whether a body stands at tier depth or above it; below it counts are live."""
    return len(counting_path(organization)[1]) <= SEGMENT * TIER_DEPTH


class Tally(models.Model):
    """What both tallies share: a line, the tier body, and the upsert of deltas."""

    KEY: tuple[str, ...]
    COUNTS: tuple[str, ...]
    objects: models.Manager[Any]

    line = models.CharField(max_length=12, choices=Line)
    tier = models.ForeignKey(Organization, models.CASCADE, related_name="+")

    class Meta:
        abstract = True

    @classmethod
    def lock(cls) -> None:
        """A recount and a delta must not cross: PostgreSQL locks the table, SQLite has but one writer anyway."""
        assert _current.get() is None, "what is recounted here would be added once more when the deltas are applied"
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f'LOCK TABLE "{cls._meta.db_table}" IN SHARE ROW EXCLUSIVE MODE')

    @classmethod
    def add(cls, deltas: dict[tuple[Any, ...], Counter[str]]) -> None:
        """Upsert the deltas in key order, so that two writers never wait for each other in a ring."""
        rows = [
            (*key, *(counts[name] for name in cls.COUNTS))
            for key, counts in sorted(deltas.items())
            if any(counts.values())
        ]
        if not rows:
            return
        columns = [column(cls, name) for name in (*cls.KEY, *cls.COUNTS)]
        table, key = cls._meta.db_table, ", ".join(columns[: len(cls.KEY)])
        sums = ", ".join(f'"{name}" = "{table}"."{name}" + excluded."{name}"' for name in cls.COUNTS)
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.executemany(
                f'INSERT INTO "{table}" ({names}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {sums}', rows
            )

    @classmethod
    def summed(cls, organization: Organization, **key: Any) -> dict[str, int]:
        """The sum of the tallies of a body at tier depth or above it, by the line it belongs to."""
        line, path = counting_path(organization)
        rows = cls.objects.filter(within(path, "tier__", line), line=line, **key)
        sums = rows.aggregate(**{f"sum_{name}": Sum(name) for name in cls.COUNTS})
        return {name: sums[f"sum_{name}"] or 0 for name in cls.COUNTS}


class AssignmentTally(Tally):
    """Live assignments of a tier, task and part, by status and by light."""

    KEY = ("line", "tier", "task", "part")
    STATUSES = ("not_started", "in_progress", "blocked", "completed")
    LIGHTS = ("grey", "green", "yellow", "red", "blue")
    COUNTS = STATUSES + LIGHTS

    task = models.ForeignKey(Task, models.CASCADE, related_name="+")
    part = models.CharField(max_length=12)
    not_started = count_field()
    in_progress = count_field()
    blocked = count_field()
    completed = count_field()
    grey = count_field()
    green = count_field()
    yellow = count_field()
    red = count_field()
    blue = count_field()

    class Meta:
        verbose_name = _("assignment tally")
        verbose_name_plural = _("assignment tallies")
        constraints = [models.UniqueConstraint(fields=["line", "tier", "task", "part"], name="assignment_tally_unique")]
        indexes = [models.Index(fields=["line", "tier", "task"], name="assignment_tally_red", condition=Q(red__gt=0))]

    def __str__(self) -> str:
        return f"{self.line} {self.tier_id} {self.task_id} {self.part}"

    @classmethod
    def totals(cls, organization: Organization, **records: Any) -> dict[str, int]:
        """The counts of a body and all below it. A sum of tallies; below the tiers, a live count."""
        if has_tallies(organization):
            return cls.summed(organization, **records)
        from .assignments import Assignment

        return Assignment.objects.live().filter(organization.subtree("organization__"), **records).counts()

    @classmethod
    def counted(cls, line: str) -> Any:
        """The rows that ought to stand for a line, counted from the assignments, as values."""
        from .assignments import Assignment

        tier = f"organization__{TIERS[Line(line)]}"
        counts = {name: Count("pk", filter=Q(status=name)) for name in cls.STATUSES}
        counts |= {name: Count("pk", filter=Q(light=name)) for name in cls.LIGHTS}
        live = Assignment.objects.live().exclude(**{tier: None})
        return live.annotate(line=Value(line), tier=F(tier)).values("line", "tier", "task", "part").annotate(**counts)

    @classmethod
    def recount(cls, tasks: Iterable[Task]) -> None:
        """Count the tallies of some tasks afresh. Five statements. Never inside `tallying()`."""
        with transaction.atomic():
            cls.lock()
            cls.objects.filter(task__in=tasks).delete()
            for line in Line.values:
                rows = cls.counted(line).filter(task__in=tasks).values_list(*cls.KEY, *cls.COUNTS)
                insert_from(cls, [*cls.KEY, *cls.COUNTS], rows)

    @classmethod
    def recount_tiers(cls, tiers: dict[str, set[int]]) -> int:
        """Count the tallies of some tier bodies afresh, by line; returns how many rows there were or are now, the more
        of both. Two statements a line. Never inside `tallying()`."""
        told = 0
        with transaction.atomic():
            cls.lock()
            for line, pks in tiers.items():
                gone, _by_model = cls.objects.filter(line=line, tier__in=pks).delete()
                rows = cls.counted(line).filter(**{f"organization__{TIERS[Line(line)]}__in": pks})
                told += max(gone, insert_from(cls, [*cls.KEY, *cls.COUNTS], rows.values_list(*cls.KEY, *cls.COUNTS)))
        return told


class EntryTally(Tally):
    """Entries of a tier, period and area, by state, and by how they came in. Excused ones are not owed."""

    KEY = ("line", "tier", "period", "area", "set_aside")
    STATES = ("due", "draft", "submitted", "returned", "accepted", "excused")
    COUNTS = (*STATES, "on_time", "late", "no_change")

    period = models.ForeignKey("tracker.Period", models.CASCADE, related_name="+")
    area = models.ForeignKey(Area, models.CASCADE, related_name="+")
    set_aside = models.BooleanField(default=False)
    due = count_field()
    draft = count_field()
    submitted = count_field()
    returned = count_field()
    accepted = count_field()
    excused = count_field()
    on_time = count_field()
    late = count_field()
    no_change = count_field()

    class Meta:
        verbose_name = _("entry tally")
        verbose_name_plural = _("entry tallies")
        constraints = [
            # The period before the tier: a nation's overview reads whole periods.
            models.UniqueConstraint(fields=["line", "period", "tier", "area", "set_aside"], name="entry_tally_unique")
        ]

    def __str__(self) -> str:
        return f"{self.line} {self.tier_id} {self.period_id} {self.area_id}"

    @classmethod
    def totals(cls, period: Period, organization: Organization) -> dict[str, int]:
        """The counts of a body and all below it, with `owed`. A sum of tallies; below the tiers, a live count."""
        if has_tallies(organization):
            counts = cls.summed(organization, period=period, set_aside=False)
        else:
            from .entries import Entry

            rows = Entry.objects.filter(organization.subtree("assignment__organization__"), period=period)
            live = rows.aggregate(**cls.aggregates(period))
            counts = {name: live[f"n_{name}"] for name in cls.COUNTS}
        counts["owed"] = sum(counts[name] for name in cls.STATES if name != "excused")
        counts["reported"] = counts["submitted"] + counts["accepted"]
        return counts

    @classmethod
    def aggregates(cls, period: Period, prefix: str = "") -> dict[str, Any]:
        """The counts over a period's entries, to which `prefix` leads, as aggregates named apart from Entry's own
        columns."""

        def entry(**conditions: Any) -> Q:
            return Q(**{prefix + name: value for name, value in conditions.items()})

        came = entry(first_submitted_at__isnull=False) & ~entry(state="excused")
        which = {name: entry(state=name) for name in cls.STATES}
        which["on_time"] = came & entry(first_submitted_at__lt=period.due_end)
        which["late"] = came & entry(first_submitted_at__gte=period.due_end)
        which["no_change"] = came & entry(no_change=True)
        return {f"n_{name}": Count(f"{prefix}pk", filter=condition) for name, condition in which.items()}

    @classmethod
    def counted(cls, period: Period, line: str) -> Any:
        """The rows that ought to stand for a period and line, counted from the entries, as values."""
        from .entries import Entry

        tier = f"assignment__organization__{TIERS[Line(line)]}"
        rows: Any = Entry.objects.filter(period=period).exclude(**{tier: None})
        keys = {
            "line": Value(line),
            "tier": F(tier),
            "area": F("assignment__task__heading__area"),
            "set_aside": Value(False),
        }
        return rows.annotate(**keys).values(*cls.KEY).annotate(**cls.aggregates(period))

    @classmethod
    def recount(cls, period: Period) -> None:
        """Count the live tallies of a period afresh. Five statements. Never inside `tallying()`."""
        with transaction.atomic():
            cls.lock()
            cls.objects.filter(period=period, set_aside=False).delete()
            for line in Line.values:
                rows = cls.counted(period, line).values_list(*cls.KEY, *(f"n_{name}" for name in cls.COUNTS))
                insert_from(cls, [*cls.KEY, *cls.COUNTS], rows)

    @classmethod
    def recount_tiers(cls, tiers: dict[str, set[int]]) -> int:
        """Count the live tallies of some tier bodies afresh, by line; returns how many rows there were or are now, the
        more of both. Two statements a line and an opened period. Never inside `tallying()`."""
        from .periods import Period

        told = 0
        with transaction.atomic():
            cls.lock()
            for period in Period.objects.exclude(opened_at=None).order_by("pk"):
                for line, pks in tiers.items():
                    standing = cls.objects.filter(period=period, set_aside=False, line=line, tier__in=pks)
                    gone, _by_model = standing.delete()
                    rows = cls.counted(period, line)
                    rows = rows.filter(**{f"assignment__organization__{TIERS[Line(line)]}__in": pks})
                    rows = rows.values_list(*cls.KEY, *(f"n_{name}" for name in cls.COUNTS))
                    told += max(gone, insert_from(cls, [*cls.KEY, *cls.COUNTS], rows))
        return told

    @classmethod
    def set_aside_copy(cls, period: Period) -> None:
        """Copy a period's live rows as they stand now; a second copy changes nothing."""
        live = cls.objects.filter(period=period, set_aside=False).annotate(aside=Value(True))
        columns = ["aside" if name == "set_aside" else name for name in (*cls.KEY, *cls.COUNTS)]
        insert_from(cls, [*cls.KEY, *cls.COUNTS], live.values_list(*columns))


class Changes:
    """The deltas of one transaction, by body.

    Which tiers count a body is asked when they are applied: the body may have been moved since it was read, but not
    after this transaction's first write (see `holding` in relocating.py).
    """

    def __init__(self) -> None:
        self.assignments: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        self.entries: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)

    def move_assignment(self, assignment: Assignment, before: Iterable[str], after: Iterable[str]) -> None:
        """`before` and `after` are the columns that count the assignment: its status and its light."""
        key = assignment.organization_id, assignment.task_id, assignment.part
        self._move(self.assignments[key], before, after)

    def move_entry(self, entry: Entry, before: Iterable[str], after: Iterable[str]) -> None:
        area = entry.assignment.task.heading.area_id
        key = entry.assignment.organization_id, entry.period_id, area, False
        self._move(self.entries[key], before, after)

    @staticmethod
    def _move(counts: Counter[str], before: Iterable[str], after: Iterable[str]) -> None:
        counts.subtract(before)
        counts.update(after)

    def absorb(self, inner: Changes) -> None:
        for mine, theirs in ((self.assignments, inner.assignments), (self.entries, inner.entries)):
            for key, counts in theirs.items():
                mine[key].update(counts)

    def apply(self) -> None:
        """One query for the tiers, and an upsert for each tally row."""
        bodies = {body for deltas in (self.assignments, self.entries) for body, *_rest in deltas}
        if not bodies:
            return
        rows = Organization.objects.filter(pk__in=bodies).order_by().values_list("pk", *TIERS.values())
        tiers = {pk: list(zip(TIERS, of_line, strict=True)) for pk, *of_line in rows}
        AssignmentTally.add(by_tier(self.assignments, tiers))
        EntryTally.add(by_tier(self.entries, tiers))


def by_tier(
    deltas: dict[tuple[Any, ...], Counter[str]], tiers: dict[int, list[tuple[Line, int | None]]]
) -> dict[tuple[Any, ...], Counter[str]]:
    """What bodies changed, as what their tiers count, by each line."""
    summed: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for (body, *rest), counts in deltas.items():
        for line, tier in tiers[body]:
            if tier:
                summed[line.value, tier, *rest].update(counts)
    return summed


_current: ContextVar[Changes | None] = ContextVar("tally_changes", default=None)


@contextmanager
def tallying() -> Iterator[Changes]:
    """One transaction whose tally deltas are summed and applied at its end.

    Nested, the inner one joins the outer: its deltas are dropped when it fails and absorbed when it succeeds, so a
    bulk action runs the same methods as a single one and still writes each tally row once.
    """
    outer, mine = _current.get(), Changes()
    token = _current.set(mine)
    try:
        with transaction.atomic():
            yield mine
            if outer is None:
                mine.apply()
    finally:
        _current.reset(token)
    if outer is not None:
        outer.absorb(mine)
