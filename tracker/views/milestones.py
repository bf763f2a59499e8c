"""Milestones: set for an assignment, recorded as reached, taken back, moved, taken away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tracker.forms import MilestoneForm, ReachForm
from tracker.middleware import SignedIn
from tracker.models import Assignment, Milestone, TransitionRefused, User

LARGEST_KEY = 2**63 - 1


def shown_milestones(rows: Any, user: User, span: tuple[dt.date, dt.date] | None = None) -> list[Any]:
    """Milestones in order, each with whether this person may do something about it, and whether a period has its day.

    Two queries.
    """
    shown = list(rows.with_place())
    mine = set(
        Milestone.objects.reachable_by(user).filter(pk__in=[row.pk for row in shown]).values_list("pk", flat=True)
    )
    for row in shown:
        row.mine = row.pk in mine
        row.due_now = span is not None and row.falls_in(span)
    return shown


@require_http_methods(["GET", "HEAD", "POST"])
def milestones(request: SignedIn, pk: int) -> HttpResponse:
    """Those of one assignment, its task's among them; and a new one."""
    visible = Assignment.objects.visible_to(request.user).with_place()
    assignment = get_object_or_404(visible, pk=pk if pk <= LARGEST_KEY else 0)
    dates = Assignment.objects.dated_by(request.user).filter(pk=assignment.pk).exists()
    request.plan_slug = assignment.task.plan.slug
    form, status = MilestoneForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                Milestone.make(assignment, by=request.user, **form.cleaned_data)
            except ValidationError as error:
                form.add_refusal(error)
            except TransitionRefused as refused:
                form.add_error(None, refused.message)
                status = 409
            else:
                messages.success(request, _("The milestone is set."))
                return redirect("milestones", assignment.pk)
    context = {
        "assignment": assignment,
        "task": assignment.task,
        "milestones": shown_milestones(Milestone.objects.of(assignment), request.user),
        "form": form if dates or form.errors else None,
    }
    return render(request, "tracker/milestones.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def milestone(request: SignedIn, pk: int) -> HttpResponse:
    """One milestone, and what this person may do about it."""
    visible = Milestone.objects.visible_to(request.user).with_place()
    row = get_object_or_404(visible, pk=pk if pk <= LARGEST_KEY else 0)
    reach = ReachForm(initial={"reached_on": timezone.localdate()})
    change = MilestoneForm(initial={"title": row.title, "due": row.due})
    if request.method != "POST":
        return milestone_page(request, row, reach, change)
    action = request.POST.get("action", "")
    if action == "reach":
        reach = ReachForm(request.POST)
    elif action == "amend":
        change = MilestoneForm(request.POST)
    form = {"reach": reach, "amend": change}.get(action)
    acts: dict[str, tuple[Callable[[], None], str]] = {
        "reach": (lambda: row.reach(reach.cleaned_data["reached_on"], by=request.user), _("Recorded as reached.")),
        "amend": (lambda: row.amend(by=request.user, **change.cleaned_data), _("The milestone is changed.")),
        "take_back": (lambda: row.take_back(by=request.user), _("Taken back: it is not reached.")),
        "withdraw": (lambda: row.withdraw(by=request.user), _("The milestone is taken away.")),
    }
    if action not in acts or (form and not form.is_valid()):
        return milestone_page(request, row, reach, change, status=422)
    act, words = acts[action]
    try:
        act()
    except ValidationError as error:
        (form or reach).add_refusal(error)
        return milestone_page(request, row, reach, change, status=422)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
        return redirect(back_from(request, row))
    messages.success(request, f"{row.title}：{words}")
    return redirect(back_from(request, row))


def milestone_page(
    request: SignedIn, row: Milestone, reach: ReachForm, change: MilestoneForm, status: int = 200
) -> HttpResponse:
    request.plan_slug = row.of_task.plan.slug
    context = {
        "milestone": row,
        "task": row.of_task,
        "assignment": row.assignment,
        "reach": reach,
        "change": change,
        "can_reach": Milestone.objects.reachable_by(request.user).filter(pk=row.pk).exists(),
        "can_change": Milestone.objects.editable_by(request.user).filter(pk=row.pk).exists(),
        "next": request.POST.get("next", "") or request.GET.get("next", ""),
    }
    return render(request, "tracker/milestone.html", context, status=status)


def back_from(request: SignedIn, row: Milestone) -> str:
    """Where one came from, if that is a page of ours; else the page of what it is a milestone of."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return row.of_task.get_absolute_url()
