"""How an adopted plan changes: a task re-worded, amended, ended, or its place taken by another (rule 6).

What stands behind Task's own methods. Each act keeps its reason and is one transaction, whatever the number of bodies.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .assignments import Assignment, AssignmentQuerySet, Part
from .blockers import Blocker
from .entries import Entry, EntryQuerySet
from .events import Event
from .fields import clean_only, said
from .handings import Handing, HandingState
from .histories import signed
from .lights import judge, written
from .milestones import Rewording
from .moves import WRITABLE, State, TransitionRefused
from .people import User
from .plan import Task
from .tallies import Changes, tallying

CHUNK = 10_000  # keys in one statement


class Effect(NamedTuple):
    """What ending some tasks would do."""

    assignments: int  # that would end
    entries: int  # that can still be written, and would be excused
    waiting: int  # that wait for a decision, and go on waiting for it
    given: int  # bodies that would get the task that takes their place
    standing: int  # bodies that have it already


# Wording and settings.


def reword(task: Task, wording: str, reason: str, *, by: User, until: dt.date | None = None) -> None:
    reason = said("reason", reason, missing=_("Give the reason for the change."))
    until, today = until or timezone.localdate(), timezone.localdate()
    with transaction.atomic():
        (row,) = hold([task], by=by)
        before = row.rewordings.first()
        if row.wording != task.wording:
            raise TransitionRefused("stale", _("Somebody was here before you: the wording has changed meanwhile."))
        if not wording.strip() or wording == row.wording:
            raise ValidationError({"wording": _("Write the new wording.")})
        if until > today:
            raise ValidationError({"until": _("This day has not come yet.")})
        if until < (since := before.until if before else row.plan.start):
            words = _("The wording in force now was not yet in force on %s.")
            raise ValidationError({"until": words % written(until, since)})
        Rewording.objects.create(task=row, wording=row.wording, until=until, reason=reason, by=by)
        row.wording = wording
        clean_only(row, ["wording"])
        keep(row, reason, by, ["wording"])
    task.wording = wording


def amend(task: Task, values: dict[str, Any], *, by: User, carry: bool) -> int:
    with tallying() as changes:
        rows = list(held_assignments(live_of([task]))) if carry else []
        (row,) = hold([task], by=by)
        was = {name: getattr(row, name) for name in task.AMENDABLE}
        named = [name for name in values if was[name] != values[name]]
        check_amendable(row, {name: values[name] for name in named}, carry=carry)
        for name in named:
            setattr(row, name, values[name])
        if named:
            keep(row, "", by, named)
        followed = carry_down(changes, rows, row, was, by=by) if carry else 0
        if not carry and "due" in named and was["due"]:
            # What was handed down on the task's own date keeps that date, now as its own.
            Handing.objects.live().filter(assignment__task=row, due=None).update(due=was["due"])
    for name, value in values.items():
        setattr(task, name, value)
    return followed


def followers(task: Task) -> dict[str, int]:
    return {name: following(live_of([task]), task, name).count() for name in ("due", "frequency")}


def hold(tasks: Iterable[Task], *, by: User) -> list[Task]:
    """These rows afresh, held until the transaction ends, in the order given. Raises TransitionRefused.

    Entries and assignments are held before them, as every transition does, so that nobody waits in a ring.
    """
    keys = [task.pk for task in tasks]
    rows = Task.objects.select_for_update(of=("self",), no_key=True).select_related("plan", "superseded_by")
    held = {row.pk: row for row in rows.filter(pk__in=keys).order_by("pk")}
    if Task.objects.editable_by(by).filter(pk__in=keys).count() != len(keys):
        raise TransitionRefused("not_yours", _("Only the administrators of the whole federation change the plan."))
    for row in held.values():
        if row.ended_on:
            raise TransitionRefused("ended", row.ended_words)
    return [held[key] for key in keys]


def keep(row: Task, reason: str, by: User, fields: list[str]) -> None:
    """Save these fields, with the person and the reason in the history."""
    signed(row, by, reason).save(update_fields=fields)


def live_of(tasks: Iterable[Task]) -> AssignmentQuerySet:
    return Assignment.objects.live().filter(task__in=[task.pk for task in tasks])


def held_assignments(rows: AssignmentQuerySet) -> AssignmentQuerySet:
    return rows.select_for_update(of=("self",), no_key=True).select_related("organization").order_by("pk")


def writable_of(tasks: Iterable[Task]) -> EntryQuerySet:
    """What can still be written of some tasks: neither locked nor waiting for a decision."""
    today = timezone.localdate()
    rows = Entry.objects.filter(assignment__in=live_of(tasks), state__in=WRITABLE)
    return rows.filter(Q(period__locks__gte=today) | Q(open_until__gte=today))


def in_chunks(pks: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(pks), CHUNK):
        yield pks[first : first + CHUNK]


# Ending.


def foresee(olds: list[Task], into: Task | None = None) -> Effect:
    """What `close` would do. Five queries at most."""
    rows = live_of(olds)
    waiting = Entry.objects.filter(assignment__in=rows, state=State.SUBMITTED).count()
    bodies = rows.order_by().values("organization").distinct()
    standing = Assignment.objects.live().filter(task=into, organization__in=bodies).count() if into else 0
    given = bodies.count() - standing if into else 0
    return Effect(rows.count(), writable_of(olds).count(), waiting, given, standing)


def close(olds: list[Task], into: Task | None, reason: str, *, by: User, carry: bool = False) -> None:
    """End some tasks, or let another take their place: one transaction, whatever the number of bodies.

    Raises ValidationError by field, and TransitionRefused where one of them has ended already.
    """
    reason = said("reason", reason, missing=_("Give the reason for the change."))
    olds = list(dict.fromkeys(olds))
    if into is not None:
        check_heir(olds, into)
    at, today = timezone.now(), timezone.localdate()
    with tallying() as changes:
        writable_of(olds).excuse_all(by=by, comment=reason, at=at)
        rows = list(held_assignments(live_of(olds)))
        held = hold([*olds, *([into] if into else [])], by=by)
        if into is not None and carry:
            give(changes, rows, held[:-1], held[-1], at=at, by=by)
        end_assignments(changes, rows, reason, at=at, by=by)
        for old in held[: len(olds)]:
            old.ended_on, old.superseded_by = today, into
            keep(old, reason, by, ["ended_on", "superseded_by"])
    for old, row in zip(olds, held, strict=False):
        old.ended_on, old.superseded_by = row.ended_on, row.superseded_by
    if into is not None:
        into.owner, into.status = held[-1].owner, held[-1].status


def check_heir(olds: list[Task], into: Task) -> None:
    if into.pk in {old.pk for old in olds}:
        raise ValidationError({"into": _("A task does not take its own place. Choose another.")})
    if any(old.plan_id != into.plan_id for old in olds):
        raise ValidationError({"into": _("This task belongs to another plan. Choose one of the same plan.")})


def end_assignments(changes: Changes, rows: list[Assignment], reason: str, *, at: dt.datetime, by: User) -> None:
    """With them their handings."""
    today, keys = timezone.localdate(at), [row.pk for row in rows]
    for row in rows:
        changes.move_assignment(row, [row.status, row.light], [])
    for pks in in_chunks(keys):
        Assignment.objects.filter(pk__in=pks).update(ended_on=today)
        Handing.objects.filter(assignment__in=pks).lapse(by=by, at=at, comment=reason)
        Blocker.objects.of(pks).withdraw_all(by=by, comment=reason, at=at)
    Event.record_many(keys, action=Event.Action.ENDED, by=by, at=at, comment=reason)


TERMS = (
    "part",
    "start",
    "due",
    "standard",
    "frequency",
    "standing",
    "reviewing_id",
    "responsible",
    "department",
    "leader",
)


def give(changes: Changes, rows: list[Assignment], olds: list[Task], into: Task, *, at: dt.datetime, by: User) -> None:
    """Give `into` to the bodies of these assignments on the terms they had; who has it live already keeps their own.

    The handings that live go with them, to be signed for anew: the wording is another.
    """
    mine = {row.organization_id: row for row in Assignment.objects.filter(task=into).select_related("organization")}
    position = {old.pk: old.position for old in olds}
    made: dict[int, Assignment] = {}  # by the assignment whose terms it takes
    taken = {body for body, row in mine.items() if row.ended_on is None}
    for row in sorted(rows, key=lambda row: (row.part != Part.LEAD, position[row.task_id])):
        if row.organization_id in taken:
            continue
        taken.add(row.organization_id)
        heir = mine.get(row.organization_id) or Assignment(task=into, organization=row.organization, created_at=at)
        heir.task, heir.ended_on, heir.handed_on = into, None, timezone.localdate(at)
        for name in TERMS:
            setattr(heir, name, getattr(row, name))
        heir._judge()
        changes.move_assignment(heir, [], [heir.status, heir.light])
        made[row.pk] = heir
    Assignment.objects.bulk_create([heir for heir in made.values() if heir.pk is None], batch_size=1_000)
    for heir in made.values():
        if heir.organization_id in mine:
            heir.save()
    give_handings(made, at=at, by=by)
    take_owner(olds, into, by=by)


def give_handings(made: dict[int, Assignment], *, at: dt.datetime, by: User) -> None:
    copied = []
    for pks in in_chunks(list(made)):
        for handing in Handing.objects.live().filter(assignment__in=pks):
            handing.assignment = made[handing.assignment_id]
            handing.pk, handing._state.adding = None, True
            handing.state, handing.handed_at, handing.handed_by = HandingState.HANDED, at, by
            handing.answered_at = handing.answered_by = None
            copied.append(handing)
    Handing.objects.bulk_create(copied, batch_size=1_000)


def take_owner(olds: list[Task], into: Task, *, by: User) -> None:
    """Where nobody leads the new task, the one that led the first of the old ones goes on leading (rule 4)."""
    owner = next((old.owner for old in olds if old.owner), None)
    lead = into.assignments.filter(organization=owner, part=Part.LEAD).first() if owner and not into.owner else None
    if lead:
        into.owner, into.status = owner, lead.status
        keep(into, "", by, ["owner", "status"])


# Amending.


def check_amendable(task: Task, values: dict[str, Any], *, carry: bool) -> None:
    """Whether these settings fit, and fit whoever they are carried to. Raises ValidationError by field."""
    row = copy(task)
    for name, value in values.items():
        setattr(row, name, value)
    clean_only(row, values)
    if row.start and row.due and row.due < row.start:
        raise ValidationError({"due": _("The due date is before the start.")})
    first = task.milestones.first() if row.start else None
    if first and row.start and first.due < row.start:
        words = _("The milestone “%(title)s” (%(day)s) would be before the start.")
        day = written(first.due, timezone.localdate())
        raise ValidationError({"start": words % {"title": first.title, "day": day}})
    if carry and row.due:
        late = following(live_of([task]), task, "due").filter(start__gt=row.due).count()
        if late:
            words = ngettext(
                "%d assignment that follows the due date would be due before its own start.",
                "%d assignments that follow the due date would be due before their own start.",
                late,
            )
            raise ValidationError({"due": words % late})


def bound_by_handings(rows: AssignmentQuerySet) -> AssignmentQuerySet:
    """Those whose due date was handed down: it follows the handing, not the task."""
    return rows.filter(pk__in=Handing.objects.live().filter(due__isnull=False).values("assignment"))


def following(rows: AssignmentQuerySet, task: Task, name: str) -> AssignmentQuerySet:
    """The assignments whose due date (with their standing) or frequency is the task's own."""
    if name == "frequency":
        return rows.filter(frequency=task.frequency)
    own: Any = Q(due=task.due) if task.due else Q(due=None)
    return rows.filter(own, standing=task.standing).exclude(pk__in=bound_by_handings(rows).values("pk"))


def carry_down(changes: Changes, rows: list[Assignment], task: Task, was: dict[str, Any], *, by: User) -> int:
    """Take due date, standing and frequency to the assignments that followed the task's own; `rows` are held."""
    bound = set(bound_by_handings(live_of([task])).values_list("pk", flat=True))
    turned: dict[tuple[Any, ...], list[Assignment]] = defaultdict(list)
    told: dict[int, dict[str, Any]] = {}
    now, today = timezone.now(), timezone.localdate()
    for row in rows:
        new: dict[str, Any] = {}
        if (row.due, row.standing) == (was["due"], was["standing"]) and row.pk not in bound:
            new = {"due": task.due, "standing": task.standing}
        if row.frequency == was["frequency"]:
            new["frequency"] = task.frequency
        kept = {name: [str(getattr(row, name) or ""), str(value or "")] for name, value in new.items()}
        kept = {name: pair for name, pair in kept.items() if pair[0] != pair[1]}
        if not kept:
            continue
        before = [row.status, row.light]
        for name, value in new.items():
            setattr(row, name, value)
        verdict = judge(row, task.plan, today)
        changes.move_assignment(row, before, [row.status, verdict.light])
        turned[row.due, row.standing, row.frequency, *verdict].append(row)
        told[row.pk] = kept
    for (due, standing, frequency, light, reason, changes_on), those in turned.items():
        values = {"due": due, "standing": standing, "frequency": frequency}
        lights = {"light": light, "light_reason": reason, "light_changes_on": changes_on}
        write(those, values | lights, was["frequency"])
    Event.record_many(told, action=Event.Action.AMENDED, by=by, at=now, content=told.get)
    return len(told)


def write(rows: list[Assignment], values: dict[str, Any], frequency: str) -> None:
    """And the frequency of the handings that said the same."""
    for pks in in_chunks([row.pk for row in rows]):
        Assignment.objects.filter(pk__in=pks).update(**values)
        live = Handing.objects.live().filter(assignment__in=pks, frequency=frequency)
        live.update(frequency=values["frequency"])
