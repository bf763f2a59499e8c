"""What a row of the ledger says, in parts: most of them are said by thousands of rows, and made once (design §6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple, cast

from django.db.models import Case, F, Func, IntegerField, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, NullIf, Replace, Substr
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tracker.models import Assignment, AssignmentTally, Evidence, Light, Part, Plan, State, Status, Task, User
from tracker.models.assignments import AssignmentQuerySet
from tracker.models.entries import authored
from tracker.models.lights import word, words


class TaskPart(NamedTuple):
    """What a row says of its task; made once a task."""

    plan: str
    code: str
    area: str
    heading: str
    wording: str
    owner: str
    due: str

    @classmethod
    def of(cls, task: Task, plan: Plan) -> TaskPart:
        heading, owner = task.heading, str(task.owner or "")
        due = task.due.isoformat() if task.due else _("Standing duty") if task.standing else ""
        return cls(plan.slug, task.code, str(heading.area), str(heading), task.wording, owner, due)

    @property
    def url(self) -> str:
        return reverse("task", args=[self.plan, self.code])


class Body(NamedTuple):
    """What a row says of its body."""

    name: str
    telephone: str
    parent: str
    contact: str = ""
    short: str = ""
    parent_short: str = ""


class Course(NamedTuple):
    """How far it is: a few hundred of these serve a nation."""

    due: str
    status: str
    status_word: str
    percent: int | None
    light: str
    light_word: str
    chip: str
    reason_key: str
    reason: str
    state: str
    state_word: str


class Report(NamedTuple):
    """What was reported and accepted; nothing before that (rule 9)."""

    progress: str
    problems: str
    next_steps: str
    evidence: int
    reported_by: str
    reported_at: str
    reviewed_by: str
    opinion: str


class Row(NamedTuple):
    """One line of the ledger, in words; texts are empty where there is nothing to say."""

    number: int
    task: TaskPart
    body: Body
    course: Course
    report: Report
    cooperating: str
    standard: str
    leader: str
    responsible: str
    struck_off_on: str
    system_number: str
    entry: int | None
    opens: bool  # whether the viewer may open the entry


NOBODY = Body("", "", "")
NO_REPORT = Report("", "", "", 0, "", "", "", "")


def as_text(name: Any) -> Cast:
    """As the database writes it: the drivers would make 1.4 million date objects of a full file's."""
    return Cast(name, TextField())


def otherwise(first: Any, *then: Any) -> Coalesce:
    """The first that is not null."""
    return Coalesce(first, *then, output_field=TextField())


def named(path: str, name: str, other: str) -> Coalesce:
    """The name of what `path` leads to, or what stands for it where it has none; nothing of nobody."""
    return otherwise(NullIf(f"{path}{name}", Value("")), f"{path}{other}", Value(""))


def dashed(first: str, *then: str) -> Func:
    """Numbers with dashes between, nought for null. `Concat` would ask of every piece and every pair if it is null."""
    pieces = [piece for name in then for piece in (Value("-"), Coalesce(name, Value(0)))]
    return Func(F(first), *pieces, template="(%(expressions)s)", arg_joiner=" || ", output_field=TextField())


def author() -> Case:
    """Who submitted, with the body on whose behalf where that was another: `authored`, said by the database."""
    name, body = Value("\x01"), Value("\x02")  # stand in for them, in whichever order a language has them
    wording = Value(authored(name.value, body.value))
    person: Any = named("entry__submitted_by__", "name", "username")
    proxy: Any = named("entry__proxy__", "short_name", "name")
    behalf = Replace(Replace(wording, name, person), body, proxy)
    return Case(When(entry__proxy=None, then=person), default=behalf, output_field=TextField())


# What is read of an assignment, by the part of a row that it makes. Names are joined by the database: while a COPY is
# under way its connection can be asked nothing else.
FIELDS: dict[str, dict[str, Any]] = {
    "task": {"task": "task_id"},
    "reviewing": {"reviewing": "reviewing_id"},
    "body": {
        "name": "organization__name",
        "telephone": "organization__telephone",
        "parent": otherwise("organization__parent__name", Value("")),
    },
    "course": {
        "due": as_text("due"),
        "standing": Cast("task__standing", IntegerField()),
        "start": as_text("start"),
        "light": "light",
        "light_reason": "light_reason",
        "own_percent": "percent",
        "why": "stated_light_why",
        "status": "shown_status",
        "percent": "shown_percent",
        "state": "entry_state",
    },
    "own": {"standard": "standard", "leader": "leader", "responsible": "responsible"},
    "report": {
        "progress": "entry__progress",
        "problems": "entry__problems",
        "next_steps": "entry__next_steps",
        "reported_by": author,
        "reviewed_by": named("entry__decided_by__", "name", "username"),
        "opinion": "entry__comment",
    },
    "plain": {
        "struck_off_on": otherwise(as_text("struck_off_on"), Value("")),
        "system_number": dashed("pk", "entry__period_id", "entry__version"),
    },
    "minute": {"minute": Substr(as_text("entry__submitted_at"), 1, 16)},
    "evidence": {"evidence": Evidence.objects.counted_for("entry_key")},
    "page": {
        "entry": "entry_key",
        "organization": "organization_id",
        "contact": "organization__contact",
        "short": named("organization__", "short_name", "name"),
        "parent_short": named("organization__parent__", "short_name", "name"),
    },
}
LINE = tuple(part for part in FIELDS if part != "page")  # the parts that a file has columns of
STOPS = dict(zip(FIELDS, accumulate(map(len, FIELDS.values())), strict=True))
PLACES = {part: slice(stop - len(FIELDS[part]), stop) for part, stop in STOPS.items()}  # of the values of each part
ALONE = [PLACES[part].start for part in ("task", "reviewing", "minute", "evidence")]
Values = tuple[Any, ...]  # of one assignment, in the order of FIELDS
Pair = tuple[int, int | None]  # a task and the body that reviews it


def values_of(assignments: AssignmentQuerySet, parts: Iterable[str] = FIELDS) -> Any:
    """The values that rows are made of, in words of the active language."""
    columns = {
        f"col_{name}": F(path) if isinstance(path, str) else path() if path is author else path
        for part in parts
        for name, path in FIELDS[part].items()
    }
    return assignments.annotate(**columns).values_list(*columns)


class Lit(NamedTuple):
    """What a light's words depend on: as much of an assignment as `word` and `words` read."""

    light: str
    light_reason: str
    start: dt.date | None
    due: dt.date | None
    percent: int | None
    stated_light_why: str


class Rows:
    """Makes rows of values, for one viewer and in the language active when it is made.

    `beside`: whether bodies that cooperate are named, for which a page seldom has a column.
    """

    def __init__(self, user: User, plan: Plan, tasks: list[Task], *, beside: bool) -> None:
        self.user, self.own = user, user.organization.pk if user.organization else None
        self.tasks = {task.pk: TaskPart.of(task, plan) for task in tasks}
        self.names_beside: dict[Pair, str] = {}
        self.shared = self._shared() if beside else set()
        self.today, self.zone = timezone.localdate(), timezone.get_current_timezone()
        self.standing = _("Standing duty")
        choices = [*Status.choices, *Light.choices, *State.choices]
        self.labels = {"": ""} | {value: str(label) for value, label in choices}
        self.course = lru_cache(maxsize=4096)(self._course)
        self.written = lru_cache(maxsize=4096)(self._written)

    def made(self, chunk: Iterable[Values], first: int) -> list[Row]:
        """The rows of a chunk, numbered from `first`."""
        return [self.row(number, values) for number, values in enumerate(chunk, first)]

    def row(self, number: int, values: Values) -> Row:
        task, reviewing, minute, evidence = (values[at] for at in ALONE)
        standard, leader, responsible = values[PLACES["own"]]
        struck_off_on, system_number = values[PLACES["plain"]]
        entry, body, *reached = values[PLACES["page"]]
        course = self.course(*values[PLACES["course"]])
        return Row(
            number,
            self.tasks[task],
            Body(*values[PLACES["body"]], *reached),
            course,
            self.report(evidence, minute, *values[PLACES["report"]]) if course.state == ACCEPTED else NO_REPORT,
            self.names_beside.get((task, reviewing), ""),
            standard,
            leader,
            responsible,
            struck_off_on,
            system_number,
            entry,
            course.state != DRAFT or body == self.own,
        )

    def report(self, evidence: int, minute: str, *said: str) -> Report:
        progress, problems, next_steps, reported_by, reviewed_by, opinion = said
        at = self.written(minute)
        return Report(progress, problems, next_steps, evidence, reported_by, at, reviewed_by, opinion)

    def ownerless(self, number: int, task: Task) -> Row:
        """A task that nobody leads yet stands in the ledger with its own status (rule 4)."""
        part = self.tasks[task.pk]
        course = Course(part.due, task.status, self.labels[task.status], None, "", "", "", "", "", "", "")
        return Row(number, part, NOBODY, course, NO_REPORT, "", "", "", "", "", f"T{task.pk}", None, False)

    # What parts say.

    def _course(
        self,
        due: str | None,
        standing: int | str,
        start: str | None,
        light: str,
        reason: str,
        own_percent: int | str | None,
        why: str,
        status: str,
        percent: int | str | None,
        state: str | None,
    ) -> Course:
        """Numbers may come as digits, and what is null as an empty text: a COPY knows texts alone."""
        days = [dt.date.fromisoformat(day) if day else None for day in (start, due)]
        own, shown = (None if number in ("", None) else int(number) for number in (own_percent, percent))
        lit = cast(Assignment, Lit(light, reason, days[0], days[1], own, why))
        labels = self.labels
        return Course(
            due or (self.standing if int(standing) else ""),
            status,
            labels[status],
            shown,
            light,
            labels[light],
            word(lit),
            reason,
            words(lit, self.today),
            state or "",
            labels[state or ""],
        )

    def _written(self, minute: str) -> str:
        """A minute as the database wrote it, in UTC, in local time."""
        at = dt.datetime.fromisoformat(minute).replace(tzinfo=dt.UTC)
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    # Names.

    def learn(self, tasks: Iterable[int], reviewing: Iterable[int] | None = None) -> None:
        """The bodies in scope that cooperate on these tasks, by the body that reviews them. One query, or none."""
        self.names_beside = {}
        if not (shared := self.shared.intersection(tasks)):
            return
        rows = Assignment.objects.live().visible_to(self.user).filter(part=Part.COOPERATING, task__in=shared)
        rows = rows.exclude(reviewing=None) if reviewing is None else rows.filter(reviewing__in=reviewing)
        names: dict[Pair, list[str]] = {}
        values = ("task", "reviewing", "organization__name")
        for task, body, name in rows.order_by("organization__path").values_list(*values):
            names.setdefault((task, body), []).append(name)
        between = pgettext("between names", ", ")
        self.names_beside = {pair: between.join(found) for pair, found in names.items()}

    def _shared(self) -> set[int]:
        """The tasks on which somebody cooperates, by the tallies: of the others nobody need be asked. One query."""
        counts = AssignmentTally.objects.filter(part=Part.COOPERATING, task__in=self.tasks)
        return set(counts.order_by().values_list("task", flat=True))


ACCEPTED, DRAFT = State.ACCEPTED.value, State.DRAFT.value
