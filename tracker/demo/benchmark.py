"""Sizes for benchmarks: every task in every body, with one accepted period of invented texts.

Made set-wise, without events. An assignment's number decides which of its task's contents it has.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F, OuterRef, Subquery
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
from tracker.models.lights import judge

from . import texts
from .timeline import moment, quarters

SHORTEST, LONGEST = 40, 200  # characters of a text
# A prime number of contents a task, so that neighbours in the tree differ from task to task.
STATUSES = [Status.IN_PROGRESS] * 17 + [Status.NOT_STARTED] * 2 + [Status.BLOCKED] + [Status.COMPLETED] * 3
COLUMNS = (
    "assignment",
    "period",
    "state",
    "version",
    "first_submitted_at",
    "submitted_at",
    "decided_at",
    "saved_at",
    "status",
    "percent",
    "progress",
    "problems",
    "next_steps",
)


class Content(NamedTuple):
    status: str
    percent: int | None
    progress: str
    problems: str
    next_steps: str


@transaction.atomic
def make_benchmark(plan: Plan, *, all_levels: bool) -> int:
    """Assign every task of the plan and let everybody's entry be accepted; returns how many assignments were made.

    For a plan without work of its own: it reports for everybody.
    """
    now, rng = timezone.now(), Random(18)
    quarter = quarters(timezone.localdate(now))[-1]
    period, _made = Period.objects.get_or_create(plan=plan, code=quarter.code, defaults=quarter._asdict())
    opened = moment(quarter.opens)
    tasks = list(plan.tasks.select_related("plan", "heading__area"))
    made = Assignment.objects.assign(tasks, Organization.objects.all(), by=None, all_levels=all_levels, at=opened)
    measured = set(Task.objects.asking_percent().values_list("pk", flat=True))
    contents = {
        task.pk: [content_of(task, status, rng, measured=task.pk in measured) for status in STATUSES] for task in tasks
    }
    insert_entries(period, contents, now)
    period.open(at=opened)
    for task in tasks:
        follow(task, contents[task.pk])
    entry = Entry.objects.filter(assignment=OuterRef("pk"), period=period).values("pk")
    Assignment.objects.filter(task__plan=plan).update(latest=Subquery(entry))
    AssignmentTally.recount(tasks)
    EntryTally.recount(period)
    return made


def content_of(task: Task, status: str, rng: Random, *, measured: bool) -> Content:
    if status == Status.COMPLETED and task.standing:
        status = Status.IN_PROGRESS
    percent = {Status.COMPLETED: 100, Status.NOT_STARTED: 0}.get(Status(status), rng.randint(20, 90))
    area = task.heading.area.number
    return Content(
        status,
        percent if measured else None,
        fitted(texts.PROGRESS.get(task.code, texts.MORE), rng),
        fitted(texts.PROBLEMS.get(area, texts.MORE), rng),
        fitted(texts.NEXT.get(area, texts.MORE), rng),
    )


def fitted(pool: list[str], rng: Random) -> str:
    """A text of 40–200 characters from a pool and, where that is too short, from the general sentences."""
    text, wanted = texts.fill(rng.choice(pool), "county", rng), rng.randint(SHORTEST, LONGEST)
    while len(text) < wanted:
        text += texts.fill(rng.choice(texts.MORE), "county", rng)
    return text[: wanted - 1] + "。"


def insert_entries(period: Period, contents: dict[int, list[Content]], now: dt.datetime) -> None:
    """One statement for all: 200,000 rows a second on SQLite, where `bulk_create` makes 15,000."""
    quote: Any = connection.ops.quote_name
    at = connection.ops.adapt_datetimefield_value(now)
    pairs = list(Assignment.objects.filter(task__in=contents).order_by("pk").values_list("pk", "task"))

    def rows() -> Iterator[Any]:
        for pk, task in pairs:
            yield (pk, period.pk, State.ACCEPTED.value, 3, at, at, at, at, *contents[task][pk % len(STATUSES)])

    fields: list[Any] = [Entry._meta.get_field(name) for name in COLUMNS]
    names = ", ".join(quote(field.column) for field in fields)
    marks = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {quote(Entry._meta.db_table)} ({names}) VALUES ({marks})", rows())  # type: ignore[arg-type]


def follow(task: Task, contents: list[Content]) -> None:
    """Status, percent and light of the task's assignments, as each one's accepted entry says."""
    rows = Assignment.objects.filter(task=task).alias(turn=F("pk") % len(STATUSES))
    sample, today = rows.first(), timezone.localdate()
    if sample is None:
        return
    turns: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for turn, content in enumerate(contents):
        sample.status, sample.percent = content.status, content.percent
        turns[content.status, content.percent, *judge(sample, task.plan, today)].append(turn)
    for (status, percent, light, reason, changes_on), those in turns.items():
        rows.filter(turn__in=those).update(
            status=status, percent=percent, light=light, light_reason=reason, light_changes_on=changes_on
        )
