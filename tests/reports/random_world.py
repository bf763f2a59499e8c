"""A random federation with random work, and what a naive walk over its rows says of it."""

import datetime as dt
from collections import Counter

from django.utils import timezone

from tests.conftest import place
from tests.tracker.matrix import closure, in_line, inverse
from tracker.models import (
    Area,
    Assignment,
    AssignmentTally,
    Entry,
    EntryTally,
    Heading,
    Organization,
    Period,
    Plan,
    Task,
)

# parent, line, industrial parent: by their number. Seven levels deep, and two lines that begin in different places.
TREE = [
    (0, "territorial", None),
    (0, "territorial", None),
    (0, "industrial", None),
    (1, "territorial", None),
    (1, "industrial", 3),
    (4, "territorial", None),
    (4, "territorial", None),
    (4, "industrial", 5),
    (6, "territorial", None),
    (6, "industrial", 8),
    (9, "territorial", None),
    (2, "industrial", None),
    (2, "territorial", None),
    (12, "territorial", None),
]
STATES = ["due", "draft", "submitted", "returned", "accepted", "excused"]
STATUSES = ["not_started", "in_progress", "blocked", "completed"]


def make(rng):
    """The world: `bodies`, `tasks` of three areas, one `locked` period and one `period` that is open."""
    bodies = [place("n0", "示例总工会", "national")]
    for number, (parent, line, industry) in enumerate(TREE, 1):
        fresh = [Organization.objects.get(code=f"n{n}") if n is not None else None for n in (parent, industry)]
        bodies.append(place(f"n{number}", f"第{number}家工会", "county", fresh[0], line=line, industry=fresh[1]))
    plan = Plan.objects.create(slug="18", title="规划", start=dt.date(2023, 10, 1), due=dt.date(2028, 10, 31))
    for area in (1, 2, 3):
        place_of = Area.objects.create(plan=plan, number=area, title=f"领域{area}", short=f"领域{area}")
        for number in (1, 2):
            heading = Heading.objects.create(area=place_of, number=number, code=f"{area}.{number}", title="任务")
            for nth in (1, 2):
                standing = rng.random() < 0.3
                Task.objects.create(
                    plan=plan,
                    heading=heading,
                    code=f"{heading.code}.{nth}",
                    position=area * 100 + number * 10 + nth,
                    wording=f"举措{area}{number}{nth}",
                    start=None if standing else plan.start,
                    due=None if standing else plan.due,
                    standing=standing,
                )
    hand_out(rng, plan, bodies)
    today = timezone.localdate()
    for code, ago in (("2026Q3", 120), ("2026Q4", 5)):
        opens = today - dt.timedelta(ago)
        due = opens + dt.timedelta(rng.choice([3, 20]))
        period = Period.objects.create(plan=plan, code=code, opens=opens, due=due, locks=due + dt.timedelta(10))
        period.open()
        report(rng, period)
        EntryTally.recount(period)
        if code == "2026Q3":
            EntryTally.set_aside_copy(period)
            Period.objects.filter(pk=period.pk).update(set_aside_at=timezone.now())
    progress(rng)
    AssignmentTally.recount(plan.tasks.all())
    return plan


def hand_out(rng, plan, bodies):
    for task in plan.tasks.all():
        for part in ("lead", "cooperating"):
            some = [Organization.objects.get(pk=body.pk) for body in bodies if rng.random() < 0.4]
            Assignment.objects.assign([task], some, by=None, all_levels=True, part=part)


def report(rng, period):
    """Every entry in some state, come in before the due date, after it, or never."""
    entries = list(Entry.objects.filter(period=period))
    for entry in entries:
        entry.state, entry.status = rng.choice(STATES), "in_progress"
        handed_in = entry.state in ("submitted", "returned", "accepted")
        if handed_in or (entry.state != "due" and rng.random() < 0.5):
            entry.first_submitted_at = period.due_end + dt.timedelta(hours=rng.choice([-30, -1, 0, 40]))
            entry.no_change = rng.random() < 0.3
        entry.submitted_at = entry.first_submitted_at if handed_in else None
    Entry.objects.bulk_update(entries, ["state", "status", "first_submitted_at", "submitted_at", "no_change"])


def progress(rng):
    assignments = list(Assignment.objects.select_related("task"))
    for one in assignments:
        one.status = rng.choice(STATUSES if not one.task.standing else STATUSES[:3])
        one.light = "blue" if one.status == "completed" else rng.choice(["grey", "green", "yellow", "red"])
        one.light_reason = {"red": "overdue", "blue": "done"}.get(one.light, "on_track")
        one.ended_on = timezone.localdate() if rng.random() < 0.1 else None
    Assignment.objects.bulk_update(assignments, ["status", "light", "light_reason", "ended_on"])


class Walk:
    """Everything read into Python once; bodies below one another are found by walking, never by path."""

    def __init__(self):
        self.bodies = {body.pk: body for body in Organization.objects.all()}
        self.below = {
            "territorial": inverse({pk: body.parent_id for pk, body in self.bodies.items()}),
            "industrial": inverse(in_line(self.bodies)),
        }
        self.assignments = list(Assignment.objects.select_related("task__heading__area"))
        self.entries = list(Entry.objects.select_related("assignment__task__heading__area", "period"))

    def under(self, body, line):
        """A body with all below it in a line."""
        above_it = line == "industrial" and body.parent_id is None
        return closure(self.below[line].get(None, []) if above_it else [body.pk], self.below[line])

    def reported(self, bodies, period, area=None):
        """What these bodies owe in a period (rules 1 and 3)."""
        counts = Counter()
        for entry in self.entries:
            task = entry.assignment.task
            if entry.assignment.organization_id not in bodies or entry.period.code != period:
                continue
            if area and task.heading.area.number != area:
                continue
            counts[entry.state] += 1
            if entry.state == "excused":
                continue
            counts["owed"] += 1
            came = entry.first_submitted_at
            day = came and timezone.localdate(came)
            counts["never" if not came else "on_time" if day <= entry.period.due else "late"] += 1
            counts["no_change"] += bool(came and entry.no_change)
        return +counts

    def standing(self, bodies, **part):
        """Where the assignments of these bodies stand (rule 3: completion counts lead)."""
        counts = Counter()
        for one in self.assignments:
            task = one.task
            of = {"area": task.heading.area.number, "heading": task.heading.code, "task": task.code}
            if one.organization_id not in bodies or one.ended_on or any(of[name] != part[name] for name in part):
                continue
            counts[one.status] += 1
            counts[one.light] += 1
            counts["total"] += 1
            if one.part == "lead" and not task.standing:
                counts["completable"] += 1
                counts["done"] += one.status == "completed"
        return +counts
