"""The figures of a brief (通报): everything its page and its file say, counted at one moment.

Plain values, so that tomorrow's entries, names and wordings change nothing in them. A body is named only at the levels
the plan allows; of the others the figures hold the level alone. No person is named.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Case, Count, F, Min, Q, Sum, Value, When
from django.utils import timezone

from .assignments import Assignment, Part
from .blockers import Blocker
from .entries import Entry
from .lights import Light, Reason
from .moves import State
from .organizations import Level, Organization, within
from .periods import Period
from .plan import Status
from .tallies import AssignmentTally, EntryTally, counting_path, has_tallies

SHAPE = 1  # of the figures; whoever changes what they hold counts on, and still reads the older
MOST_MATTERS, MOST_REDS, MOST_BODIES = 100, 200, 200  # lines of a list; what is left over is counted
SEVERITY = Case(
    When(light_reason=Reason.OVERDUE, then=Value(0)), When(light_reason=Reason.BEHIND, then=Value(1)), default=Value(2)
)

Figures = dict[str, Any]


def figures_of(period: Period, body: Organization, at: dt.datetime) -> Figures:
    """Of a body and all below it. Fourteen queries at most, whatever the number of bodies."""
    plan, named = period.plan, list(period.plan.brief_levels)
    told = Telling(period, body, named, timezone.localdate(at))
    areas = told.areas()
    return {
        "plan": {"slug": plan.slug, "title": plan.title},
        "period": {"code": period.code, "kind": period.kind, "due": period.due.isoformat()},
        "body": {"code": body.code, "name": body.name},
        "named": named,
        "areas": areas,
        "totals": {name: sum(area[name] for area in areas) for name in (*ENTRIES, *Light.values)},
        "before": told.before(),
        "completion": told.completion(),
        "matters": told.matters(),
        "reds": told.reds(),
        "bodies": told.bodies(),
    }


def came_in(counts: dict[str, int]) -> dict[str, int]:
    """An entry tally as a brief tells it: what is owed is on time, late or was never submitted; and accepted, waiting,
    returned, being reworked, or was never submitted."""
    owed = sum(counts[name] for name in EntryTally.STATES if name != State.EXCUSED)
    came = counts["on_time"] + counts["late"]
    kept = {name: counts[name] for name in ("on_time", "late", "no_change", "accepted", "returned", "excused")}
    decided = counts["accepted"] + counts["submitted"] + counts["returned"]
    return kept | {"owed": owed, "waiting": counts["submitted"], "reworked": came - decided, "never": owed - came}


ENTRIES = tuple(came_in(Counter()))


class Telling:
    """One body's figures of one period. Where there are tallies they are read, and lists reach as far as these."""

    def __init__(self, period: Period, body: Organization, named: list[str], day: dt.date) -> None:
        self.period, self.body, self.named, self.day = period, body, named, day
        self.tallied = has_tallies(body)
        self.line, self.path = counting_path(body)
        self.live = Assignment.objects.live().filter(self.reach(), task__plan=period.plan_id).order_by()
        self.entries = Entry.objects.filter(self.reach("assignment__"), period=period).order_by()
        self._duties: list[dict[str, Any]] | None = None

    def reach(self, prefix: str = "") -> Q:
        return self.body.subtree(f"{prefix}organization__", line=self.line if self.tallied else None)

    def tallies(self, tally: type[AssignmentTally] | type[EntryTally]) -> Any:
        return tally.objects.filter(within(self.path, "tier__", self.line), line=self.line).order_by()

    # Counts.

    def areas(self) -> list[Figures]:
        """Every area of the plan: its entries, and the lights of its assignments."""
        entries, lights = self.entries_by_area(), defaultdict[int, Counter[str]](Counter)
        for row in self.duties():
            lights[row["area"]].update({light: row[f"n_{light}"] for light in Light.values})
        return [
            {"number": area.number, "title": area.title, "short": area.short}
            | came_in(entries.get(area.pk, Counter()))
            | {light: lights[area.pk][light] for light in Light.values}
            for area in self.period.plan.areas.all()
        ]

    def entries_by_area(self) -> dict[int, Counter[str]]:
        if self.tallied:
            rows = self.tallies(EntryTally).filter(period=self.period, set_aside=False).values("area")
            rows = rows.annotate(**{f"n_{name}": Sum(name) for name in EntryTally.COUNTS})
        else:
            rows = self.entries.values(area=F("assignment__task__heading__area"))
            rows = rows.annotate(**EntryTally.aggregates(self.period))
        return {row["area"]: Counter({name: row[f"n_{name}"] for name in EntryTally.COUNTS}) for row in rows}

    def duties(self) -> list[dict[str, Any]]:
        """Live assignments by area, part and whether the task is a standing one. One query, asked once."""
        if self._duties is None:
            key = {"area": F("task__heading__area"), "always": F("task__standing")}
            if self.tallied:
                rows = self.tallies(AssignmentTally).filter(task__plan=self.period.plan_id)
                counts: dict[str, Any] = {f"n_{name}": Sum(name) for name in AssignmentTally.COUNTS}
            else:
                rows = self.live
                counts = {f"n_{status}": Count("pk", filter=Q(status=status)) for status in Status.values}
                counts |= {f"n_{light}": Count("pk", filter=Q(light=light)) for light in Light.values}
            self._duties = list(rows.values("part", **key).annotate(**counts))
        return self._duties

    def completion(self) -> Figures:
        """Of what is led and can be completed: a standing duty can where a due date was handed down with it."""
        dated = self.live.filter(task__standing=True, standing=False, part=Part.LEAD)
        done = dated.aggregate(n=Count("pk"), n_completed=Count("pk", filter=Q(status=Status.COMPLETED)))
        can, completed = done["n"], done["n_completed"]
        for row in self.duties():
            if row["part"] == Part.LEAD and not row["always"]:
                can += sum(row[f"n_{status}"] for status in Status.values)
                completed += row["n_completed"]
        return {"can": can, "completed": completed}

    def before(self) -> Figures | None:
        """The period before, as it stood when it locked; none where it was not set aside, or nothing was owed."""
        earlier = self.period.plan.periods.filter(kind=self.period.kind, due__lt=self.period.due)
        last = earlier.exclude(opened_at=None).order_by("-due").first()
        if last is None or last.set_aside_at is None or not self.tallied:
            return None
        counts = came_in(EntryTally.summed(self.body, period=last, set_aside=True))
        if not counts["owed"]:
            return None
        return {"code": last.code, "kind": last.kind} | {name: counts[name] for name in ("owed", "on_time", "accepted")}

    # Lists.

    def named_as(self, body: Organization) -> Figures:
        """A body, by name where that is allowed; `of` is its parent, where that tells apart and may be named."""
        may = body.level in self.named or body.pk == self.body.pk
        above = body.parent
        tells = above and above.pk != self.body.pk and above.level in self.named and body.pk != self.body.pk
        return {
            "level": body.level,
            "name": body.name if may else "",
            "of": above.short if may and above and tells else "",
        }

    def matters(self) -> Figures:
        """What is asked and not answered, by the day a reply is wanted; whatever period's entry asked it."""
        rows = Blocker.objects.open().filter(self.reach("entry__assignment__"), entry__period__plan=self.period.plan_id)
        late, ours = Q(reply_by__lt=self.day), Q(holder=self.body)
        counts = rows.order_by().aggregate(
            open=Count("pk"), late=Count("pk", filter=late), ours=Count("pk", filter=ours)
        )
        place = ("entry__assignment__organization__parent", "entry__assignment__task", "holder__parent")
        listed = rows.select_related(*place).order_by("reply_by", "pk")[:MOST_MATTERS]
        return counts | {"rows": [self.matter(row) for row in listed]}

    def matter(self, row: Blocker) -> Figures:
        assignment = row.entry.assignment
        return {
            "code": assignment.task.code,
            "wording": assignment.task.wording,
            "body": self.named_as(assignment.organization),
            "holder": self.named_as(row.holder),
            "need": row.need,
            "need_from": row.need_from,
            "reply_by": row.reply_by.isoformat(),
        }

    def reds(self) -> Figures:
        """Red assignments, the worst first: one line each where the body may be named, else one line for those of a
        task, level and reason."""
        red = self.live.filter(light=Light.RED)
        may = Q(organization__level__in=self.named) | Q(organization=self.body)
        rows = red.filter(may).select_related("task", "organization__parent").annotate(severity=SEVERITY)
        lines = [
            self.red(row)
            for row in rows.order_by("severity", "due", "task__position", "organization__path")[:MOST_REDS]
        ]
        lines += self.unnamed_reds(red.exclude(may))
        lines.sort(key=lambda line: (line["severity"], line["due"] or "9999", line["position"]))
        total = sum(row["n_red"] for row in self.duties())
        return {"total": total, "rows": lines[:MOST_REDS]}

    def red(self, row: Any) -> Figures:
        dates = {name: day.isoformat() if day else None for name, day in (("start", row.start), ("due", row.due))}
        return dates | {
            "severity": row.severity,
            "position": row.task.position,
            "code": row.task.code,
            "wording": row.task.wording,
            "body": self.named_as(row.organization),
            "n": 1,
            "reason": row.light_reason,
            "percent": row.percent,
            "why": row.stated_light_why,
        }

    def unnamed_reds(self, red: Any) -> Iterable[Figures]:
        """`due` is the earliest of those of a line."""
        task = {name: F(f"task__{name}") for name in ("position", "code", "wording")}
        rows = red.values("light_reason", level=F("organization__level"), **task)
        rows = rows.annotate(n=Count("pk"), earliest=Min("due"), severity=SEVERITY).order_by("severity", "earliest")
        for row in rows[:MOST_REDS]:
            yield {name: row[name] for name in ("severity", "position", "code", "wording", "n")} | {
                "due": row["earliest"].isoformat() if row["earliest"] else None,
                "start": None,
                "body": {"level": row["level"], "name": "", "of": ""},
                "reason": row["light_reason"],
                "percent": None,
                "why": "",
            }

    def bodies(self) -> Figures:
        """Who owes something, by level; and by name, where that is allowed, who never submitted something or was late.
        Two queries; one row a body is read."""
        never, late = Q(first_submitted_at=None), Q(first_submitted_at__gte=self.period.due_end)
        body = ("assignment__organization", "assignment__organization__level")
        owing = self.entries.exclude(state=State.EXCUSED).values_list(*body)
        rows = owing.annotate(missing=Count("pk", filter=never), tardy=Count("pk", filter=late))
        levels = {level: Counter[str]() for level in Level.values}
        wanting: dict[int, tuple[int, int]] = {}
        for pk, level, missing, tardy in rows:
            counts = levels[level]
            counts.update(bodies=1, on_time=int(not missing + tardy), missing=int(missing > 0), late=int(tardy > 0))
            counts.update(missing_items=missing, late_items=tardy)
            if (missing or tardy) and (level in self.named or pk == self.body.pk):
                wanting[pk] = (missing, tardy)
        return {
            "levels": [
                {"level": level} | {name: counts[name] for name in BODIES}
                for level, counts in levels.items()
                if counts["bodies"]
            ],
            "missing": self.listed({pk: missing for pk, (missing, _late) in wanting.items() if missing}),
            "late": self.listed({pk: tardy for pk, (_missing, tardy) in wanting.items() if tardy}),
        }

    def listed(self, items: dict[int, int]) -> list[Figures]:
        """By name with how many items, the most first."""
        most = sorted(items, key=lambda pk: (-items[pk], pk))[:MOST_BODIES]
        found = Organization.objects.select_related("parent").in_bulk(most)
        return [self.named_as(found[pk]) | {"items": items[pk]} for pk in most]


BODIES = ("bodies", "on_time", "missing", "missing_items", "late", "late_items")
