"""The plan as adopted, and how far it is."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext

from tracker.filters import TaskFilter
from tracker.middleware import SignedIn
from tracker.models import (
    Area,
    Assignment,
    AssignmentTally,
    Entry,
    Event,
    Figure,
    FigureValue,
    Handing,
    Heading,
    Level,
    Light,
    Milestone,
    Plan,
    State,
    Status,
    Task,
    User,
)
from tracker.models.values import Total
from tracker.tables import HolderTable, TaskTable, page_of

from .instructions import notes_beside
from .milestones import shown_milestones


def plan(request: SignedIn, slug: str) -> HttpResponse:
    """The areas, each with how many tasks it has and where they stand."""
    plan = get_object_or_404(Plan, slug=slug)
    live = Q(headings__tasks__ended_on=None)
    counts = {
        status: Count("headings__tasks", filter=live & Q(headings__tasks__status=status)) for status in Status.values
    }
    areas = plan.areas.annotate(
        headings_count=Count("headings", distinct=True), tasks_count=Count("headings__tasks", filter=live), **counts
    ).select_related("plan")
    figures = plan.figures.prefetch_related("tasks")
    return render(request, "tracker/plan.html", {"plan": plan, "areas": areas, "figures": figures})


def area(request: SignedIn, slug: str, number: int) -> HttpResponse:
    """One area's headings and tasks, whole, with the status and light of my own body's part beside each.

    What has ended stands apart, folded.
    """
    plan = get_object_or_404(Plan, slug=slug)
    tasks = Task.objects.select_related("owner", "plan", "superseded_by")
    headings = Prefetch("headings", Heading.objects.prefetch_related(Prefetch("tasks", tasks)))
    area = get_object_or_404(Area.objects.select_related("plan").prefetch_related(headings), plan=plan, number=number)
    own = {row.task_id: row for row in own_assignments(request.user, task__heading__area=area)}
    for heading in area.headings.all():
        for task in heading.tasks.all():
            task.own = own.get(task.pk)  # type: ignore[attr-defined]
        rows = list(heading.tasks.all())
        heading.live = [task for task in rows if not task.ended_on]  # type: ignore[attr-defined]
        heading.ended = [task for task in rows if task.ended_on]  # type: ignore[attr-defined]
    neighbours = plan.areas.filter(number__in=[number - 1, number + 1]).select_related("plan")
    return render(request, "tracker/area.html", {"plan": plan, "area": area, "neighbours": neighbours})


def own_assignments(user: User, **which: Any) -> Any:
    return Assignment.objects.live().filter(organization=user.organization, **which).select_related("task")


def tasks(request: SignedIn, slug: str) -> HttpResponse:
    plan = get_object_or_404(Plan, slug=slug)
    narrowed = TaskFilter(request.GET, queryset=plan.tasks.live().with_place(), plan=plan)
    may = request.user.may_hand_down
    tasks = TaskTable(narrowed.found, exclude=() if may else ("chosen",))
    table = page_of(tasks, request.GET, per_page=200)
    ended = plan.tasks.ended().select_related("plan", "superseded_by")
    context = {"plan": plan, "filter": narrowed, "table": table, "found": table.paginator.count, "ended": ended}
    context["may_hand_down"] = may
    return render(request, "tracker/tasks.html", context)


def task(request: SignedIn, slug: str, code: str) -> HttpResponse:
    """One task: its wording, milestones, figures, owner and status, who in my scope has it and how far each is, its
    history, and what it was before.
    """
    rows = Task.objects.with_place().select_related("superseded_by__plan")
    task = get_object_or_404(rows, plan__slug=slug, code=code)
    holders = Assignment.objects.live().visible_to(request.user).filter(task=task)
    returned = Entry.objects.filter(assignment=OuterRef("pk"), state=State.RETURNED)
    holders = holders.select_related("organization__parent", "task").annotate(returned=Exists(returned))
    table = page_of(HolderTable(holders), request.GET)
    counts = scope_counts(request.user, task)
    told = Event.objects.filter(assignment__task=task).filter(
        Q(assignment__organization=request.user.organization) | Q(assignment__organization=task.owner_id)
    )
    own = own_assignments(request.user, task=task).first()
    steps = Milestone.objects.of(own) if own else Milestone.objects.filter(task=task)
    context = {
        "plan": task.plan,
        "milestones": shown_milestones(steps, request.user),
        "rewordings": task.rewordings.select_related("by"),
        "absorbed": task.supersedes.select_related("plan"),
        "dates": own is not None and Assignment.objects.dated_by(request.user).filter(pk=own.pk).exists(),
        "task": task,
        "figures": (figures := list(Figure.objects.filter(tasks=task))),
        "totals": figure_totals(request.user, task, figures),
        "table": table,
        "found": table.paginator.count,
        "statuses": [(status, counts[status]) for status in Status],
        "lights": [(light, counts[light]) for light in Light],
        "own": own,
        "changes": changes(task),
        "handings": handings_of(request.user, task),
        "handable": Handing.objects.handable(request.user, task.plan).filter(pk=task.pk).exists(),
        "events": told.visible_to(request.user).told()[:20],
        **notes_beside(task, request.user),
    }
    return render(request, "tracker/task.html", context)


def handings_of(user: User, task: Task) -> Any:
    """Who handed the task to my body, newest first; and how many signed for what it handed down itself. Two queries."""
    body = user.organization
    mine = Handing.objects.visible_to(user).filter(assignment__organization=body, assignment__task=task)
    given = Handing.objects.given_by(body).filter(assignment__task=task) if body and user.may_hand_down else None
    return {"mine": mine.with_place()[:10], "given": given.counts() if given is not None else {}}


def figure_totals(user: User, task: Task, figures: list[Figure]) -> list[tuple[Figure, Total]]:
    """For those who see below: what its figures come to in their scope. Two queries, none without figures."""
    if not user.sees_below or not figures:
        return []
    totals = FigureValue.objects.totals(figures, Assignment.objects.visible_to(user).filter(task=task))
    return [(figure, totals[figure.pk]) for figure in figures]


def scope_counts(user: User, task: Task) -> dict[str, int]:
    """Statuses and lights over what this person sees: tallies for a subtree, a live count for a few bodies."""
    if user.sees_below and user.organization:
        return AssignmentTally.totals(user.organization, task=task)
    return Assignment.objects.live().visible_to(user).filter(task=task).counts()


SHOWN = ("owner", "status", "start", "due", "standing", "levels", "frequency", "reporting", "wording")


def changes(task: Task) -> list[dict[str, Any]]:
    """The last ten changes staff made to the task, in words. One query."""
    records = list(task.history.select_related("history_user", "owner")[:11])
    told = []
    for new, old in pairwise(records):
        fields = [
            (label(name), shown(old, name), shown(new, name)) for name in SHOWN if shown(old, name) != shown(new, name)
        ]
        if fields:
            why = new.history_change_reason
            told.append({"at": new.history_date, "by": new.history_user, "why": why, "fields": fields})
    return told


def label(name: str) -> str:
    field: Any = Task._meta.get_field(name)
    return field.verbose_name


def shown(record: Any, name: str) -> Any:
    """A field of a history record as a person reads it."""
    if name == "levels":
        return "、".join(str(Level(level).label) for level in record.levels)
    if name == "standing":
        return gettext("Yes") if record.standing else gettext("No")
    display = getattr(record, f"get_{name}_display", None)
    return display() if display else getattr(record, name)
