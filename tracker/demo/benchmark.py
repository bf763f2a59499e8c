"""Sizes for benchmarks: every task in every body, with one accepted period of invented texts. Set-wise: no events are told.

An assignment's number decides which of a task's texts it has, so the database fills both tables by itself.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from django.db import models, transaction
from django.db.models import Case, F, OuterRef, Subquery, Value, When
from django.db.models.functions import Mod
from django.utils import timezone

from tracker.models import (
    Assignment,
    AssignmentTally,
    Entry,
    EntryTally,
    Organization,
    Period,
    Plan,
    State,
    Status,
    Task,
)
from tracker.models.inserting import insert_from
from tracker.models.lights import judge

from . import texts
from .timeline import moment, quarters

VARIANTS = 23  # texts a task has; a prime, so that neighbours in the tree differ in different tasks
SHORTEST, LONGEST = 40, 200
STATUSES = [Status.IN_PROGRESS] * 17 + [Status.NOT_STARTED] * 2 + [Status.BLOCKED] + [Status.COMPLETED] * 3


class Content(NamedTuple):
    status: str
    percent: int | None
    progress: str
    problems: str
    next_steps: str


@transaction.atomic
def make_benchmark(plan: Plan, *, all_levels: bool) -> int:
    """Assign every task of the plan and let everybody's entry be accepted; returns how many assignments were made."""
    now, rng = timezone.now(), Random(18)
    quarter = quarters(timezone.localdate(now))[-1]
    period, _made = Period.objects.get_or_create(plan=plan, code=quarter.code, defaults=quarter._asdict())
    opened = moment(quarter.opens)
    tasks = list(plan.tasks.select_related("plan", "heading__area"))
    made = Assignment.objects.assign(tasks, Organization.objects.all(), by=None, all_levels=all_levels, at=opened)
    if not made:
        return 0
    period.open(at=opened)
    measured = set(Task.objects.asking_percent().values_list("pk", flat=True))
    untouched = Entry.objects.filter(period=period, state=State.DUE)
    for task in tasks:
        contents = [content_of(task, status, rng, measured=task.pk in measured) for status in STATUSES]
        accept(untouched.filter(assignment__task=task), contents, now)
        follow(task, period, contents)
    AssignmentTally.recount(tasks)
    EntryTally.recount(period)
    return made


def content_of(task: Task, status: str, rng: Random, *, measured: bool) -> Content:
    if status == Status.COMPLETED and task.standing:
        status = Status.IN_PROGRESS
    percent = {Status.COMPLETED: 100, Status.NOT_STARTED: 0}.get(Status(status), rng.randint(20, 90))
    area = task.heading.area.number
    return Content(
        status, percent if measured else None, fitted(texts.PROGRESS.get(task.code, texts.MORE), rng),
        fitted(texts.PROBLEMS.get(area, texts.MORE), rng), fitted(texts.NEXT.get(area, texts.MORE), rng),
    )  # fmt: skip


def fitted(pool: list[str], rng: Random) -> str:
    """A text of 40–200 characters from a pool and, where that is too short, from the general sentences."""
    text, wanted = texts.fill(rng.choice(pool), "county", rng), rng.randint(SHORTEST, LONGEST)
    while len(text) < wanted:
        text += texts.fill(rng.choice(texts.MORE), "county", rng)
    return text[: max(wanted, SHORTEST) - 1].rstrip("，、；。") + "。"


def accept(entries: models.QuerySet[Entry], contents: list[Content], now: Any) -> None:
    entries.update(
        state=State.ACCEPTED, version=3, submitted_at=now, first_submitted_at=now, decided_at=now, saved_at=now,
        **{
            name: chosen(F("assignment_id"), [getattr(content, name) for content in contents], Entry, name)
            for name in Content._fields
        },
    )  # fmt: skip


def follow(task: Task, period: Period, contents: list[Content]) -> None:
    """Status, percent and light of the task's assignments, as each one's accepted entry says."""
    rows = Assignment.objects.filter(task=task, latest=None)
    entry = Entry.objects.filter(assignment=OuterRef("pk"), period=period).values("pk")
    today = timezone.localdate()
    sample = rows.first()
    if sample is None:
        return
    verdicts = []
    for content in contents:
        sample.status, sample.percent = content.status, content.percent
        verdicts.append(judge(sample, task.plan, today))
    columns = {
        "status": [content.status for content in contents],
        "percent": [content.percent for content in contents],
        "light": [verdict.light for verdict in verdicts],
        "light_reason": [verdict.reason for verdict in verdicts],
        "light_changes_on": [verdict.changes_on for verdict in verdicts],
    }
    values = {name: chosen(F("pk"), column, Assignment, name) for name, column in columns.items()}
    rows.update(latest=Subquery(entry), **values)


def chosen(number: Any, values: list[Any], model: type[models.Model], column: str) -> Any:
    """The value whose turn it is by the assignment's number."""
    field: Any = model._meta.get_field(column).clone()
    turns = [When(turn=n, then=Value(value, output_field=field)) for n, value in enumerate(values)]
    raise NotImplementedError
