"""Handing down (分解下达): chosen tasks to chosen bodies on the same terms, counted first and then done, set-wise."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models, transaction
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils import timezone

from tracker import access

from .assignments import Assignment, Part
from .events import Event
from .handings import Handing, owe_again
from .headlines import Figure
from .inserting import insert_from
from .lights import judge
from .notices import Notice
from .organizations import Level, Line, Organization, within
from .periods import Period
from .plan import Frequency, Plan, Reporting, Task
from .tallies import AssignmentTally

if TYPE_CHECKING:
    from .people import User

SHOWN = 20  # conflicts that a preview lists; it counts the others
A_YEAR = {Frequency.MONTH: 12, Frequency.QUARTER: 4, Frequency.HALF_YEAR: 2, Frequency.YEAR: 1, Frequency.ONE_OFF: 1}


class Terms(NamedTuple):
    """What is asked for of one task. Without a due date of its own a handing follows the task's."""

    start: dt.date | None
    due: dt.date | None
    standard: str
    frequency: str


class Outcome(NamedTuple):
    made: int
    revived: int
    joined: int  # had the task already, and now have it from a second line too

    @property
    def handed(self) -> int:
        return sum(self)


class Conflict(NamedTuple):
    """What stands in the way: another giver's or date's handing by the same line, or (no giver) a later start."""

    assignment: Assignment
    due: dt.date | None
    standard: str
    giver: Organization | None


class Load(NamedTuple):
    """How many items a body of this level will report in a year, all it has counted."""

    level: Level
    bodies: int
    least: int
    most: int


class Preview(NamedTuple):
    bodies: int
    made: int
    revived: int
    joined: int
    exist: int
    conflicts: int
    shown: list[Conflict]
    left_out: list[tuple[Task, int]]
    periods: list[Period]
    loads: list[Load]

    @property
    def handed(self) -> int:
        return self.made + self.revived + self.joined


class Cascade:
    """One act of handing down. Without a giver each body has it from the one directly above it, the root from nobody.

    The bodies below the giver alone are reached, and none that is closed; ended tasks are left out. What the giver was
    itself asked for (date, standard, frequency) it asks for in its turn, where nothing else is said.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        organizations: models.QuerySet[Organization] | list[Organization],
        *,
        giver: Organization | None = None,
        line: str = "",
        part: str = Part.LEAD,
        start: dt.date | None = None,
        due: dt.date | None = None,
        standard: str = "",
        frequency: str = "",
        figure: Figure | None = None,
        shares: dict[int, Decimal] | None = None,
        superior_reviews: bool = False,
        all_levels: bool = False,
    ) -> None:
        self.tasks = [task for task in tasks if task.ended_on is None]
        self.giver, self.part, self.superior_reviews, self.all_levels = giver, part, superior_reviews, all_levels
        self.given = Terms(start, due, standard, frequency)
        self.figure, self.shares = figure, shares or {}
        self.line = line or (giver.line if giver else Line.TERRITORIAL)
        if not isinstance(organizations, models.QuerySet):
            organizations = Organization.objects.filter(pk__in=[body.pk for body in organizations])
        bodies: Any = organizations
        self.bodies = bodies.filter(closed_on=None).order_by()
        if giver:
            self.bodies = self.bodies.below(giver).exclude(pk=giver.pk)
        own = giver.assignments.live().filter(task__in=self.tasks) if giver else Assignment.objects.none()
        self.own = {assignment.task_id: assignment for assignment in own}

    # What is asked for, of whom.

    def terms(self, task: Task) -> Terms:
        start, due, standard, frequency = self.given
        own = self.own.get(task.pk)
        if own is None:
            return Terms(start, due, standard, frequency or task.frequency)
        nearer = own.due if own.due != task.due else None
        return Terms(start, due or nearer, standard or own.standard, frequency or own.frequency)

    def bodies_of(self, task: Task) -> Any:
        return self.bodies if self.all_levels else self.bodies.filter(level__in=task.levels)

    def line_at(self, prefix: str = "") -> Any:
        """The line by which the giver reaches the body that `prefix` leads to: the chosen one where both do."""
        giver = self.giver
        if giver is None:
            return Value(Line.TERRITORIAL.value, output_field=models.CharField())
        paths = {Line.TERRITORIAL: giver.path, Line.INDUSTRIAL: giver.industry_path or giver.path}
        chosen = Line(self.line)
        other = Line.INDUSTRIAL if chosen == Line.TERRITORIAL else Line.TERRITORIAL
        reached = When(within(paths[chosen], prefix, chosen), then=Value(chosen.value))
        return Case(reached, default=Value(other.value), output_field=models.CharField())

    def reviewing(self) -> Any:
        """The giver reviews, or each body's own superior in the line by which it has the task (逐级审核)."""
        if self.giver and not self.superior_reviews:
            return Value(self.giver.pk, output_field=models.BigIntegerField())
        above = Coalesce(F("industry"), F("parent"), output_field=models.BigIntegerField())
        industrial = When(Q(line_reached=Line.INDUSTRIAL), then=above)
        return Case(industrial, default=F("parent"), output_field=models.BigIntegerField())

    # Doing it.

    @transaction.atomic
    def carry_out(self, *, by: User | None, owe_now: bool = False, at: dt.datetime | None = None) -> Outcome:
        """Make what is missing, leave alone what stands: two inserts a task, whatever the number of bodies.

        Two at once make one set: they queue for the plan. Raises ValidationError by field.
        """
        at = at or timezone.now()
        plans = {task.plan_id for task in self.tasks}
        list(Plan.objects.select_for_update(no_key=True).filter(pk__in=plans).order_by("pk").values_list("pk"))
        newest = (newest_of(Assignment), newest_of(Handing))
        outcomes = [self._hand(task, newest, by=by, owe_now=owe_now, at=at) for task in self.tasks]
        outcome = Outcome(*map(sum, zip(*outcomes, strict=True))) if outcomes else Outcome(0, 0, 0)
        if not outcome.handed:
            return outcome
        for task in self.tasks:
            task.follow_owner()
        AssignmentTally.recount(self.tasks)  # locks the tallies, as every transition does, after the rows
        if owe_now:
            for period in Period.objects.open_on(timezone.localdate(at)).filter(plan__in=plans):
                period.owe_also(self.tasks, at=at)
        if by:
            self._tell(newest, by=by, at=at)
        return outcome

    def _tell(self, newest: tuple[int, int], *, by: User, at: dt.datetime) -> None:
        """Each body once, of how many tasks it got. Four statements, and one more for each thousand people.

        What is new is counted by itself: through its handings it would take several times as long.
        """
        new: Any = Assignment.objects.filter(pk__gt=newest[0], task__in=self.tasks).order_by()
        new = new.exclude(organization__in=Organization.objects.filter(parent=None))  # it has from nobody what it has
        old: Any = Handing.objects.filter(pk__gt=newest[1], assignment__lte=newest[0], assignment__task__in=self.tasks)
        counts = Counter[int](dict(new.values_list("organization").annotate(n=Count("pk"))))
        counts.update(dict(old.order_by().values_list("assignment__organization").annotate(n=Count("pk"))))
        told = {body: {"n": n} for body, n in counts.items()}
        who, url = str(self.giver or by.organization or ""), reverse("received")
        roles = (access.REPORTER, access.LEADER)
        Notice.tell_each(told, roles, Notice.Kind.HANDED_DOWN, url=url, by=by, at=at, who=who)

    def _hand(self, task: Task, newest: tuple[int, int], *, by: User | None, owe_now: bool, at: dt.datetime) -> Outcome:
        terms, today = self.terms(task), timezone.localdate(at)
        model = self._model(task, terms, today)
        bodies = self.bodies_of(task).annotate(line_reached=self.line_at()).annotate(reviewed_by=self.reviewing())
        values = {name: getattr(model, name) for name in ASSIGNED} | {"created_at": at}
        fields = {f"v_{name}": as_column(Assignment, name, value) for name, value in values.items()}
        rows = bodies.annotate(**fields).values_list("pk", "reviewed_by", *fields)
        made = insert_from(Assignment, ["organization", "reviewing", *values], rows)
        handed = self._insert_handings(task, terms, by, at)
        if self.shares:
            self._share_out(task, newest[1])
        if handed == made and self.giver:
            return Outcome(made, 0, 0)
        return self._bring_in(model, newest, made, by=by, owe_now=owe_now, at=at)

    def _model(self, task: Task, terms: Terms, today: dt.date) -> Assignment:
        """An assignment as it will be in every body, with its light. Raises ValidationError by field."""
        model = Assignment(
            task=task,
            part=self.part,
            start=terms.start or task.start,
            due=terms.due or task.due,
            standard=terms.standard,
            frequency=terms.frequency,
            standing=task.standing and terms.due is None,
            handed_on=today,
        )
        model.check_fields("part", "standard", "frequency")
        model.light, model.light_reason, model.light_changes_on = judge(model, task.plan, today)
        return model

    def _insert_handings(self, task: Task, terms: Terms, by: User | None, at: dt.datetime) -> int:
        """Of each line one is live: who has the task by this line already keeps what they have."""
        rows: Any = Assignment.objects.filter(task=task, organization__in=self.bodies_of(task))
        if terms.due:
            rows = rows.exclude(ended_on=None, start__gt=terms.due)
        values = terms._asdict() | {"handed_at": at, "handed_by": by.pk if by else None}
        fields = {f"v_{name}": as_column(Handing, name, value) for name, value in values.items()}
        fields["giving"] = as_column(Handing, "giver", self.giver.pk) if self.giver else F("organization__parent")
        if self.giver is None:
            rows = rows.exclude(organization__parent=None)
        rows = rows.annotate(reached=self.line_at("organization__"), **fields)
        names = ["assignment", "line", *values, "giver"]
        return insert_from(Handing, names, rows.values_list("pk", "reached", *fields))

    def _share_out(self, task: Task, newest: int) -> None:
        for body, share in self.shares.items():
            rows = Handing.objects.filter(pk__gt=newest, assignment__task=task, assignment__organization=body)
            rows.update(figure=self.figure, share=share)

    def _bring_in(
        self, model: Assignment, newest: tuple[int, int], made: int, *, by: User | None, owe_now: bool, at: dt.datetime
    ) -> Outcome:
        """Those that stood before: what had ended begins anew on these terms, what lives follows both its handings."""
        touched = Assignment.objects.filter(task=model.task, pk__lte=newest[0], handings__pk__gt=newest[1])
        held = Assignment.objects.filter(pk__in=touched.values("pk")).order_by("pk").select_for_update(no_key=True)
        pks = dict(held.values_list("pk", "ended_on"))  # as whoever answers or takes back meanwhile leaves them
        revived = [pk for pk, ended_on in pks.items() if ended_on]
        if revived:
            bodies: Any = Organization.objects.filter(pk=OuterRef("organization"))
            bodies = bodies.annotate(line_reached=self.line_at()).annotate(reviewed_by=self.reviewing())
            values = {name: getattr(model, name) for name in ASSIGNED if not name.startswith(("task", "light"))}
            ended: Any = Assignment.objects.filter(pk__in=revived)
            ended.update(**values, reviewing=Subquery(bodies.values("reviewed_by")), created_at=at, ended_on=None)
            Event.record_many(
                revived, action=Event.Action.AMENDED, by=by, at=at, content=lambda pk: {"ended_on": [str(pks[pk]), ""]}
            )
            if owe_now:
                owe_again(revived, by=by, at=at)
        if pks:
            Assignment.objects.filter(pk__in=list(pks)).follow_handings(timezone.localdate(at))
        return Outcome(made, len(revived), len(pks) - len(revived))

    # Counting first.

    def preview(self, *, owe_now: bool = False) -> Preview:
        """What carrying it out would do. A few queries for each set of levels and terms among the tasks."""
        at_level: dict[str, int] = dict(self.bodies.values_list("level").annotate(Count("pk")))
        wanted, counts, shown = 0, Counter[str](), list[Conflict]()
        for tasks in self._alike():
            levels = at_level if self.all_levels else tasks[0].levels
            wanted += len(tasks) * sum(at_level.get(level, 0) for level in levels)
            standing = Standing(self, tasks)
            found = standing.counts()
            counts.update(found)
            if found["clash"] or found["early"]:
                shown += standing.conflicts(SHOWN - len(shown))
        left_out = [(task, sum(n for level, n in at_level.items() if level not in task.levels)) for task in self.tasks]
        plans = {task.plan_id for task in self.tasks}
        return Preview(
            bodies=sum(at_level.values()),
            made=wanted - counts["total"],
            revived=counts["ended"],
            joined=counts["total"] - sum(counts[kind] for kind in ("ended", "same", "clash", "early")),
            exist=counts["same"],
            conflicts=counts["clash"] + counts["early"],
            shown=shown,
            left_out=[] if self.all_levels else [(task, count) for task, count in left_out if count],
            periods=list(Period.objects.open_on(timezone.localdate()).filter(plan__in=plans)) if owe_now else [],
            loads=list(self._loads()),
        )

    def _alike(self) -> list[list[Task]]:
        """The tasks by what sets them apart here: their levels and what is asked for."""
        groups: dict[Any, list[Task]] = defaultdict(list)
        for task in self.tasks:
            groups[frozenset(task.levels), self.terms(task)[:3]].append(task)
        return list(groups.values())

    def _loads(self) -> Iterator[Load]:
        """By level of body: the items a year of everything it has live and will have. Two queries."""
        live: Any = Assignment.objects.live().filter(organization__in=self.bodies)
        live = live.exclude(task__reporting=Reporting.ELSEWHERE)
        has = yearly(live)
        again = yearly(live.filter(task__in=self.tasks))
        more: dict[str, int] = defaultdict(int)
        for task in self.tasks:
            if task.reporting != Reporting.ELSEWHERE:
                for level in Level.values if self.all_levels else task.levels:
                    more[level] += A_YEAR[Frequency(self.terms(task).frequency)]
        by_level: dict[str, list[int]] = defaultdict(list)
        for pk, level in self.bodies.values_list("pk", "level"):
            by_level[level].append(has.get(pk, 0) + max(more[level] - again.get(pk, 0), 0))
        for level in Level:
            if by_level[level]:
                yield Load(level, len(by_level[level]), min(by_level[level]), max(by_level[level]))


class Standing:
    """What is there already where alike tasks are handed down: ended, live by the same line, or in the way."""

    def __init__(self, cascade: Cascade, tasks: list[Task]) -> None:
        terms = cascade.terms(tasks[0])
        bodies, self.cascade = cascade.bodies_of(tasks[0]), cascade
        self.rows = Assignment.objects.filter(task__in=tasks, organization__in=bodies)
        handings: Any = Handing.objects.live().filter(assignment__task__in=tasks, assignment__organization__in=bodies)
        self.by_this_line = handings.filter(line=cascade.line_at("assignment__organization__"))
        own_date = Q(due=None) | Q(due=F("assignment__task__due"))
        alike = Q(due=terms.due) | own_date & Q(assignment__task__due=terms.due) if terms.due else own_date
        self.alike = alike & Q(standard=terms.standard) if terms.standard else alike
        self.early = self.rows.none()
        if terms.due:
            late = self.rows.live().filter(start__gt=terms.due)
            self.early = late.exclude(Exists(self.by_this_line.filter(assignment=OuterRef("pk"))))

    def counts(self) -> dict[str, int]:
        counts = self.rows.aggregate(total=Count("pk"), ended=Count("pk", filter=Q(ended_on__isnull=False)))
        counts |= self.by_this_line.aggregate(same=Count("pk", filter=self.alike), every=Count("pk"))
        counts["clash"] = counts.pop("every") - counts["same"]
        if not self.cascade.giver:  # the root has from nobody what it has
            counts["same"] += self.rows.live().filter(organization__parent=None).count()
        return counts | {"early": self.early.count()}

    def conflicts(self, limit: int) -> list[Conflict]:
        """Those that have the task by the same line with another date or standard, or from later on than this date."""
        clashes = self.by_this_line.exclude(self.alike).select_related("assignment__task__plan", "giver")
        clashes = clashes.select_related("assignment__organization__parent")
        clashes = clashes.order_by("assignment__task__position", "assignment__organization__path")
        early = self.early.select_related("task__plan", "organization__parent").order_by("task__position", "pk")
        shown = [Conflict(row.assignment, row.due_shown, row.standard, row.giver) for row in clashes[:limit]]
        return shown + [Conflict(row, None, "", None) for row in early[: limit - len(shown)]]


ASSIGNED = (
    "task_id",
    "part",
    "start",
    "due",
    "standard",
    "frequency",
    "standing",
    "handed_on",
    "light",
    "light_reason",
    "light_changes_on",
)


def newest_of(model: type[models.Model]) -> int:
    return model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0


def yearly(rows: Any) -> dict[int, int]:
    """Items a year by body."""
    weights = [When(frequency=frequency, then=Value(times)) for frequency, times in A_YEAR.items()]
    items = Sum(Case(*weights, output_field=models.IntegerField()))
    return dict(rows.order_by().values_list("organization").annotate(items=items))


def as_column(model: type[models.Model], name: str, value: Any) -> Any:
    """A constant with the column's own type, as INSERT … SELECT needs it."""
    field: Any = model._meta.get_field(name)
    output = models.BigIntegerField() if field.is_relation else field.clone()
    value = str(value) if isinstance(value, models.Choices) else value
    return Cast(Value(value, output_field=output), output) if value is None else Value(value, output_field=output)
