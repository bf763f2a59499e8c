"""The ledger (台账): which rows it has, in what order, and what each of them says (rules 4, 5 and 9, design §6)."""

from __future__ import annotations

import datetime as dt
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, NamedTuple, cast

from django.db.models import Case, Count, Expression, F, FilteredRelation, Q, TextField, Value, When
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tracker.models import Assignment, Light, Organization, Part, Period, Plan, State, Status, Task, User
from tracker.models.assignments import AssignmentQuerySet
from tracker.models.lights import word, words

COUNTED = 500_000  # rows counted and paged at most; the file has them all
SORTED_AT_ONCE = 20_000  # rows of the file sorted whole; above it they are sorted task by task
CHUNK = 1_000  # rows of the file made at a time
KEPT = 20_000  # bodies remembered while a file is made


def ledger_rows(user: User, plan: Plan, period: Period | None) -> AssignmentQuerySet:
    """The assignments that are rows of this person's ledger, each with its entry (rule 9).

    With a period those that owe in it, live or ended, and `entry` is that period's; without, the live ones and their
    latest accepted entry. `shown_status` and `shown_percent` are what the row says of how far it is.
    """
    rows = Assignment.objects.visible_to(user).filter(task__plan=plan)
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
    return rows if period is None else rows.exclude(entry_key=None)


def ranked(name: str, values: Iterable[str]) -> Case:
    """A choice in the order people think of it, not of the alphabet; what is blank comes last."""
    return Case(*[When(**{name: value}, then=Value(rank)) for rank, value in enumerate(values)])


SORTS: dict[str, Expression | F] = {
    "code": F("task__position"),
    "organization": F("organization__path"),
    "status": ranked("shown_status", [Status.BLOCKED, Status.NOT_STARTED, Status.IN_PROGRESS, Status.COMPLETED]),
    "percent": F("shown_percent"),
    "light": ranked("light", [Light.RED, Light.YELLOW, Light.GREEN, Light.GREY, Light.BLUE]),
    "due": F("due"),
    "state": ranked("entry_state", State.values),
}
ORDER = ("task__position", "organization__path", "pk")  # ends every order, with the key last


class TaskPart(NamedTuple):
    """What a row says of its task; made once a task."""

    plan: str
    code: str
    area: str
    heading: str
    wording: str
    owner: str
    standing: bool

    @classmethod
    def of(cls, task: Task, plan: Plan) -> TaskPart:
        heading = task.heading
        return cls(
            plan.slug, task.code, str(heading.area), str(heading), task.wording, str(task.owner or ""), task.standing
        )

    @property
    def url(self) -> str:
        return reverse("task", args=[self.plan, self.code])


Pair = tuple[int, int | None]  # a task and the body that reviews it


class Body(NamedTuple):
    """What a row says of its body."""

    name: str
    telephone: str
    parent: str
    parent_short: str


NOBODY = Body("", "", "", "")


class Row(NamedTuple):
    """One line of the ledger, in words; texts are empty where there is nothing to say."""

    number: int
    task: TaskPart
    body: Body
    cooperating: str
    standard: str
    leader: str
    responsible: str
    due: str
    status: str
    status_word: str
    percent: int | None
    light: str
    light_word: str
    chip: str
    reason_key: str
    reason: str
    entry: int | None
    opens: bool  # whether the viewer may open the entry
    state: str
    state_word: str
    progress: str
    problems: str
    next_steps: str
    evidence: int
    reported_by: str
    reported_at: str
    reviewed_by: str
    opinion: str
    struck_off_on: str
    system_number: str


def as_text(name: str) -> Cast:
    """A date as the database writes it: the drivers would make 1.4 million date objects of a full file's."""
    return Cast(name, TextField())


FIELDS: dict[str, Any] = {
    "pk": "pk",
    "task": "task_id",
    "body": "organization_id",
    "reviewing": "reviewing_id",
    "standard": "standard",
    "leader": "leader",
    "responsible": "responsible",
    "start": as_text("start"),
    "due": as_text("due"),
    "struck_off_on": as_text("struck_off_on"),
    "own_percent": "percent",
    "light": "light",
    "light_reason": "light_reason",
    "why": "stated_light_why",
    "status": "shown_status",
    "percent": "shown_percent",
    "entry": "entry_key",
    "state": "entry_state",
    "period": "entry__period_id",
    "version": "entry__version",
    "progress": "entry__progress",
    "problems": "entry__problems",
    "next_steps": "entry__next_steps",
    "submitted_at": as_text("entry__submitted_at"),
    "submitted_name": "entry__submitted_by__name",
    "submitted_username": "entry__submitted_by__username",
    "decided_name": "entry__decided_by__name",
    "decided_username": "entry__decided_by__username",
    "comment": "entry__comment",
}
Values: Any = namedtuple("Values", tuple(FIELDS))  # type: ignore[misc]
as_values: Callable[[tuple[Any, ...]], Any] = Values._make


class Lit(NamedTuple):
    """What a light's words depend on: as much of an assignment as `word` and `words` read."""

    light: str
    light_reason: str
    start: dt.date | None
    due: dt.date | None
    percent: int | None
    stated_light_why: str


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
        self.own = user.organization.pk if user.organization else None
        self.parts = {task.pk: TaskPart.of(task, plan) for task in tasks}
        self.assignments = assignments
        self.ownerless = list(ownerless)
        self.sort_key = sort or "code"
        self.sort, self.descending = self.sort_key.removeprefix("-"), self.sort_key.startswith("-")
        self.today, self.zone = timezone.localdate(), timezone.get_current_timezone()
        choices = [*Status.choices, *Light.choices, *State.choices]
        self.labels = {"": "", None: ""} | {value: str(label) for value, label in choices}
        self.standing_word = _("Standing duty")
        self.lit = lru_cache(maxsize=4096)(self._lit)
        self.written = lru_cache(maxsize=4096)(self._written)

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

    # A page.

    def page(self, number: int, size: int) -> Page:
        """The nearest page there is. Keys first, then their rows: a late page costs what an early one does."""
        paged = min(self.found, COUNTED)
        last = max(1, -(-paged // size))
        number = min(max(number, 1), last)
        offset = (number - 1) * size
        rows = [
            self._ownerless_row(at, task) for at, task in islice(enumerate(self.ownerless, 1), offset, offset + size)
        ]
        if len(rows) < size and self.found > len(self.ownerless):
            behind = max(0, offset - len(self.ownerless))
            keys = self._keys(behind, size - len(rows))
            rows += self._rows_of(keys, start=len(self.ownerless) + behind + 1)
        return Page(rows, number, last, offset + 1 if rows else 0, offset + len(rows))

    def _keys(self, offset: int, limit: int) -> list[int]:
        """The keys of one page. Sorting a nation for fifty rows costs seconds, so in the order of the plan the tasks
        are counted, and only those that reach onto the page are sorted: two queries, whatever the number of rows."""
        ordered = self._ordered().values_list("pk", flat=True)
        if self.sort != "code":
            return list(ordered[offset : offset + limit])
        on_page: list[int] = []
        before = skipped = 0
        for task in reversed(self.parts) if self.descending else self.parts:
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

    def _rows_of(self, keys: list[int], start: int) -> list[Row]:
        rows = map(as_values, self._values(self.assignments.filter(pk__in=keys).order_by()))
        values: dict[int, Any] = {row.pk: row for row in rows}
        # A row that somebody ended since its key was read is gone from the page.
        found = [values[key] for key in keys if key in values]
        bodies = self._bodies({row.body for row in found})
        return [self._row(number, row, bodies, {}) for number, row in enumerate(found, start)]

    # The whole.

    def chunks(self) -> Iterator[list[Row]]:
        """Every row, as lists of at most CHUNK: flat in memory, whatever their number."""
        if self.ownerless:
            yield [self._ownerless_row(number, task) for number, task in enumerate(self.ownerless, 1)]
        number = len(self.ownerless) + 1
        stream = self._stream()
        bodies: dict[int, Body] = {}
        beside: dict[Pair, str] = {}
        while chunk := list(map(as_values, islice(stream, CHUNK))):
            if len(bodies) > KEPT or len(beside) > KEPT:
                bodies, beside = {}, {}
            bodies |= self._bodies({row.body for row in chunk} - bodies.keys())
            beside |= self._beside({(row.task, row.reviewing) for row in chunk} - beside.keys())
            yield [self._row(at, row, bodies, beside) for at, row in enumerate(chunk, number)]
            number += len(chunk)

    def _stream(self) -> Iterator[tuple[Any, ...]]:
        """Many rows in the order of the plan go task by task: the first leave before the last are sorted."""
        rows = self._values(self._ordered())
        if self.sort != "code" or self.found <= SORTED_AT_ONCE:
            yield from rows.iterator(chunk_size=CHUNK)
            return
        for task in list(reversed(self.parts) if self.descending else self.parts):
            yield from rows.filter(task=task).iterator(chunk_size=CHUNK)

    # What a row says.

    @staticmethod
    def _values(assignments: AssignmentQuerySet) -> Any:
        columns = {f"col_{name}": F(path) if isinstance(path, str) else path for name, path in FIELDS.items()}
        return assignments.annotate(**columns).values_list(*columns)

    @staticmethod
    def _bodies(keys: set[int]) -> dict[int, Body]:
        """One query."""
        values = ("pk", "name", "telephone", "parent__name", "parent__short_name")
        rows = Organization.objects.filter(pk__in=keys).order_by().values_list(*values)
        return {pk: Body(name, tel, above or "", short or above or "") for pk, name, tel, above, short in rows}

    @staticmethod
    def _beside(pairs: set[Pair]) -> dict[Pair, str]:
        """The names of the bodies that cooperate on a task under the same reviewing body. One query, or none."""
        names: dict[Pair, list[str]] = {pair: [] for pair in pairs}
        tasks, reviewing = {task for task, _body in pairs}, {body for _task, body in pairs if body}
        if reviewing:
            rows = Assignment.objects.live().filter(part=Part.COOPERATING, task__in=tasks, reviewing__in=reviewing)
            values = ("task", "reviewing", "organization__name")
            for task, body, name in rows.order_by("organization__path").values_list(*values):
                names.setdefault((task, body), []).append(name)
        return {pair: pgettext("between names", ", ").join(found) for pair, found in names.items()}

    def _row(self, number: int, row: Any, bodies: dict[int, Body], beside: dict[Pair, str]) -> Row:
        task, accepted = self.parts[row.task], row.state == State.ACCEPTED
        chip, reason = self.lit(row.light, row.light_reason, row.start, row.due, row.own_percent, row.why)
        return Row(
            number=number,
            task=task,
            body=bodies[row.body],
            cooperating=beside.get((row.task, row.reviewing), ""),
            standard=row.standard,
            leader=row.leader,
            responsible=row.responsible,
            due=row.due or (self.standing_word if task.standing else ""),
            status=row.status,
            status_word=self.labels[row.status],
            percent=row.percent,
            light=row.light,
            light_word=self.labels[row.light],
            chip=chip,
            reason_key=row.light_reason,
            reason=reason,
            entry=row.entry,
            opens=row.state != State.DRAFT or row.body == self.own,
            state=row.state or "",
            state_word=self.labels[row.state],
            progress=row.progress if accepted else "",
            problems=row.problems if accepted else "",
            next_steps=row.next_steps if accepted else "",
            evidence=0,
            reported_by=(row.submitted_name or row.submitted_username or "") if accepted else "",
            reported_at=self.written(row.submitted_at[:16]) if accepted else "",
            reviewed_by=(row.decided_name or row.decided_username or "") if accepted else "",
            opinion=row.comment if accepted else "",
            struck_off_on=row.struck_off_on or "",
            system_number=f"{row.pk}-{row.period or 0}-{row.version or 0}",
        )

    def _ownerless_row(self, number: int, task: Task) -> Row:
        """A task that nobody leads yet stands in the ledger with its own status (rule 4)."""
        due = task.due.isoformat() if task.due else self.standing_word if task.standing else ""
        said: dict[str, Any] = dict.fromkeys(Row._fields, "")
        said |= {"number": number, "task": self.parts[task.pk], "body": NOBODY, "due": due, "status": task.status}
        said |= {"status_word": self.labels[task.status], "system_number": f"T{task.pk}", "evidence": 0}
        return Row(**said | {"percent": None, "entry": None, "opens": False})

    def _lit(
        self, light: str, reason: str, start: str | None, due: str | None, percent: int | None, why: str
    ) -> tuple[str, str]:
        """The word on the light's chip and the reason under it."""
        days = [dt.date.fromisoformat(day) if day else None for day in (start, due)]
        assignment = cast(Assignment, Lit(light, reason, days[0], days[1], percent, why))
        return word(assignment), words(assignment, self.today)

    def _written(self, minute: str) -> str:
        """A minute as the database wrote it, in UTC, in local time."""
        at = dt.datetime.fromisoformat(minute).replace(tzinfo=dt.UTC)
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")
