"""The tallies of many bodies at once: what `totals` says of each, in a number of queries that does not grow with them.

A body is counted as its own page counts it: from the tallies of its line at tier depth or above, below that live over
both lines. Where a line is named, in that line alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, FilteredRelation, Q, Sum, Value
from django.db.models.functions import Left

from .assignments import Part
from .organizations import ROOT_PATH, SEGMENT, TIER_DEPTH, Line, Organization, within
from .tallies import AssignmentTally, EntryTally, counting_path

if TYPE_CHECKING:
    from .people import User
    from .periods import Period
    from .plan import Plan, Task

Counts = dict[Any, Counter[str]]  # by body; by (body, area) or (body, task) where asked for
AREAS = "task__heading__area"
# What can be completed: of lead assignments (rule 3), on tasks that are no standing duties.
COMPLETABLE = Q(part=Part.LEAD, task__standing=False)


def told(row: dict[str, Any]) -> Counter[str]:
    return Counter({name[2:]: n or 0 for name, n in row.items() if name.startswith("n_")})


def summed(counts: Iterable[Counter[str]]) -> Counter[str]:
    """Name by name: `Counter.update` asks each time what it was given, which takes longer than to add."""
    total: Counter[str] = Counter()
    for one in counts:
        for name, n in one.items():
            total[name] += n
    return total


def entry_totals(
    period: Period,
    bodies: Iterable[Organization],
    *,
    user: User,
    line: str = "",
    by_area: bool = False,
    alone: bool = False,
    set_aside: bool = False,
) -> Counts:
    """As `EntryTally.totals`, by body; for who does not see what is below, and `alone`, of each body itself.

    `set_aside`: as they stood when the period locked. Below the tiers, and of bodies alone, no copy is kept.
    """
    from .assignments import Assignment

    # From the assignments on: a plan that began with the period would read all its entries for one county's.
    entry = FilteredRelation("entries", condition=Q(entries__period=period))
    records = Assignment.objects.annotate(entry=entry)
    aggregates, by = EntryTally.aggregates(period, "entry__"), AREAS if by_area else ""
    if user.sees_below and not alone:
        tallied = EntryTally.objects.filter(period=period, set_aside=set_aside)
        sums = {f"n_{name}": Sum(name) for name in EntryTally.COUNTS}
        below = Below(line, tallied, sums, records, aggregates, ("area", by) if by else None)
        counts = below.counted(bodies)
    else:
        counts = _own(bodies, records.filter(user.assignment_scope()), aggregates, by)
    for sums_of in counts.values():
        sums_of["owed"] = sum(sums_of[name] for name in EntryTally.STATES if name != "excused")
    return counts


def entry_totals_over(periods: Iterable[Period], body: Organization, *, user: User, line: str) -> Counts:
    """Of one body with all below it, by period: as they stood when the period locked, or as they stand where it has
    not. One query; below the tiers, where no copy is kept, one a period."""
    periods, path = list(periods), body.path_in(line) or ""
    if len(path) > SEGMENT * TIER_DEPTH:
        return {period.pk: entry_totals(period, [body], user=user, line=line)[body.pk] for period in periods}
    rows = EntryTally.objects.filter(line=line)
    if path != ROOT_PATH:  # below which a line's are all of them
        rows = at_tiers(rows, line, [path]).filter(within(path, "tier__", line))
    rows = rows.order_by().values("period").annotate(**{f"n_{name}": Sum(name) for name in EntryTally.COUNTS})
    kept = rows.filter(period__in=[one for one in periods if one.set_aside_at], set_aside=True)
    live = rows.filter(period__in=[one for one in periods if not one.set_aside_at], set_aside=False)
    counts = {row["period"]: told(row) for row in kept.union(live, all=True)}
    for sums in counts.values():
        sums["owed"] = sum(sums[name] for name in EntryTally.STATES if name != "excused")
    return counts


def assignment_totals(
    plan: Plan,
    bodies: Iterable[Organization],
    *,
    user: User,
    line: str = "",
    by: str = "",
    alone: bool = False,
    tasks: Iterable[Task] | None = None,
) -> Counts:
    """As `AssignmentTally.totals` of a plan, or of some of its tasks, by body; for who does not see what is below, and
    `alone`, of each body itself. `by` is `AREAS` or "task". `completable` are those of COMPLETABLE, `done` of them are
    completed."""
    from .assignments import Assignment

    which = Q(task__plan=plan) if tasks is None else Q(task__in=[task.pk for task in tasks])
    records = Assignment.objects.live().filter(which)
    aggregates = {f"n_{name}": Count("pk", filter=Q(status=name)) for name in AssignmentTally.STATUSES}
    aggregates |= {f"n_{name}": Count("pk", filter=Q(light=name)) for name in AssignmentTally.LIGHTS}
    aggregates |= {
        "n_completable": Count("pk", filter=COMPLETABLE),
        "n_done": Count("pk", filter=COMPLETABLE & Q(status="completed")),
    }
    if user.sees_below and not alone:
        sums: dict[str, Any] = {f"n_{name}": Sum(name) for name in AssignmentTally.COUNTS}
        every = F("not_started") + F("in_progress") + F("blocked") + F("completed")
        sums |= {"n_completable": Sum(every, filter=COMPLETABLE), "n_done": Sum("completed", filter=COMPLETABLE)}
        tallied = AssignmentTally.objects.filter(which)
        return Below(line, tallied, sums, records, aggregates, (by, by) if by else None).counted(bodies)
    return _own(bodies, records.visible_to(user), aggregates, by)


def red_totals(plan: Plan, bodies: Iterable[Organization], *, user: User, line: str, by: str, alone: bool) -> Counts:
    """How many lights are red, and nothing else, as `assignment_totals` counts them: fewer rows are summed."""
    from .assignments import Assignment

    records, aggregates = Assignment.objects.red().filter(task__plan=plan), {"n_red": Count("pk")}
    if user.sees_below and not alone:
        tallied = AssignmentTally.objects.filter(task__plan=plan, red__gt=0)
        return Below(line, tallied, {"n_red": Sum("red")}, records, aggregates, (by, by)).counted(bodies)
    return _own(bodies, records.visible_to(user), aggregates, by)


def _own(bodies: Iterable[Organization], records: Any, aggregates: dict[str, Any], by: str) -> Counts:
    bodies = list(bodies)
    counts: Counts = defaultdict(Counter) if by else {body.pk: Counter() for body in bodies}
    rows = records.filter(organization__in=[body.pk for body in bodies]).order_by()
    for row in rows.values("organization", *([by] if by else [])).annotate(**aggregates):
        counts[(row["organization"], row[by]) if by else row["organization"]] = told(row)
    return counts


class Below:
    """One count of many bodies with all below them: from `tallied` rows by `sums`, live from `records`, which
    are assignments, by `aggregates`. `by` names one more column to count by, in the tallies and in the records."""

    def __init__(
        self,
        line: str,
        tallied: Any,
        sums: dict[str, Any],
        records: Any,
        aggregates: dict[str, Any],
        by: tuple[str, str] | None,
    ) -> None:
        self.line, self.tallied, self.sums = line, tallied, sums
        self.records, self.aggregates = records, aggregates
        self.by, self.by_record = by or ("", "")
        self.counts: Counts = defaultdict(Counter)

    def counted(self, bodies: Iterable[Organization]) -> Counts:
        """Bodies whose paths are equally long are one query: rows are summed by so much of their path."""
        from_tallies: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
        live: list[Organization] = []
        for body in bodies:
            if not self.by:
                self.counts[body.pk] = Counter()
            where, path = (self.line, body.path_in(self.line)) if self.line else counting_path(body)
            if path and len(path) <= SEGMENT * TIER_DEPTH:
                from_tallies[where, len(path)][path] = body.pk
            elif path:
                live.append(body)
        for (where, length), pks in from_tallies.items():
            column = "tier__path" if where == Line.TERRITORIAL else "tier__industry_path"
            rows = between(at_tiers(self.tallied, where, pks), column, pks, length, self.by)
            for row in rows.annotate(**self.sums):
                self.add(pks[row["at"]], row, self.by)
            if where == Line.INDUSTRIAL and ROOT_PATH in pks:
                self.count_begun_below(pks[ROOT_PATH])
        for pk, row in rows_below(live, self.line, self.records, "organization__", self.aggregates, self.by_record):
            self.add(pk, row, self.by_record)
        return self.counts

    def add(self, body: int, row: dict[str, Any], by: str) -> None:
        key = (body, row[by]) if by else body
        self.counts[key] = summed([self.counts[key], told(row)]) if key in self.counts else told(row)

    def count_begun_below(self, root: int) -> None:
        """Industrial lines that begin below the tiers: at the root alone somebody reads them, and no tally counts
        them."""
        begun = self.records.filter(organization__industry_path__isnull=False, organization__industry_tier=None)
        begun = begun.order_by().annotate(at=Value(root))
        for row in begun.values("at", *([self.by_record] if self.by else [])).annotate(**self.aggregates):
            self.add(root, row, self.by_record)


def at_tiers(tallied: Any, line: str, paths: Iterable[str]) -> Any:
    """The tallies of a line that may lie below these paths, looked up tier by tier: what is read grows with what is
    asked for. Below the root it is all of them."""
    tallied = tallied.filter(line=line)
    if ROOT_PATH in paths:
        return tallied
    column = "path" if line == Line.TERRITORIAL else "industry_path"
    first, last = min(paths), max(paths) + "~"
    return tallied.filter(
        tier__in=Organization.objects.filter(**{f"{column}__gte": first, f"{column}__lt": last}).order_by().values("pk")
    )


def between(rows: Any, column: str, paths: Iterable[str], length: int, by: str) -> Any:
    """The rows below these paths, grouped by which: as one range, which the index answers, and a list."""
    paths = sorted(paths)
    spanned = rows.filter(**{f"{column}__gte": paths[0], f"{column}__lt": paths[-1] + "~"})
    grouped = spanned.annotate(at=Left(column, length)).filter(at__in=paths).order_by()
    return grouped.values("at", *([by] if by else []))


def rows_below(
    bodies: Iterable[Organization], line: str, records: Any, prefix: str, aggregates: dict[str, Any], by: str = ""
) -> Iterator[tuple[int, dict[str, Any]]]:
    """What records come to at or below each of these bodies, live: (its key, the aggregates of a part of them), the
    parts without overlap. `prefix` leads to the organization; `by` names one more column that parts them. Who stands
    below one by both lines is counted once."""
    alike: dict[int, list[Organization]] = defaultdict(list)
    for body in bodies:
        alike[len(body.path)].append(body)
    for length, group in alike.items():
        if line != Line.INDUSTRIAL:
            pks = {body.path: body.pk for body in group}
            for row in between(records, f"{prefix}path", pks, length, by).annotate(**aggregates):
                yield pks[row["at"]], row
        if line != Line.TERRITORIAL:
            yield from _by_industry(group, length, line, records, prefix, aggregates, by)


def _by_industry(
    bodies: list[Organization], length: int, line: str, records: Any, prefix: str, aggregates: dict[str, Any], by: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    by_length: dict[int, dict[str, Organization]] = defaultdict(dict)
    for body in bodies:
        if body.industry_path:
            by_length[len(body.industry_path)][body.industry_path] = body
    for there, group in by_length.items():
        rows = between(records, f"{prefix}industry_path", group, there, by)
        rows = rows.annotate(by_territory=Left(f"{prefix}path", length))
        for row in rows.values("at", "by_territory", *([by] if by else [])).annotate(**aggregates):
            body = group[row["at"]]
            if line or row["by_territory"] != body.path:
                yield body.pk, row
