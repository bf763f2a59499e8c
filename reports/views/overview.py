"""The overview, and the ways down from it: by task, by body."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from reports.drilling import Row, Standing
from reports.overview import MEASURES, Overview
from reports.viewed import Viewed
from tracker.middleware import SignedIn
from tracker.models import Blocker, ComparisonRule, Entry
from tracker.models.entry_lists import COUNTED

SILENT_NAMED = 8


@require_safe
def overview(request: SignedIn, slug: str) -> HttpResponse:
    viewed = Viewed(request.user, slug, request.GET)
    measure = request.GET.get("show", MEASURES[0])
    seen = Overview(viewed, measure)
    today = timezone.localdate()
    context = {
        "view": viewed,
        "plan": viewed.plan,
        "seen": seen,
        "now": timezone.now(),
        "silent": seen.silent[:SILENT_NAMED],
        "silent_more": max(0, len(seen.silent) - SILENT_NAMED),
        "compared": ComparisonRule.objects.known_to(request.user).live().filter(plan=viewed.plan).exists(),
        "other_measure": MEASURES[seen.measure == MEASURES[0]],
    }
    own = viewed.body == request.user.organization
    if own and request.user.may_coordinate:
        asked = Blocker.objects.answerable_by(request.user).filter(entry__period__plan=viewed.plan)
        context |= {"asked": asked.count(), "asked_late": asked.late(today).count()}
    if request.user.sees_below:
        unanswered = Blocker.objects.open_below(viewed.body, viewed.plan, viewed.line)
        reply_by = list(unanswered.visible_to(request.user).values_list("reply_by", flat=True))
        waiting = Entry.objects.waiting_long(today).waiting_below(viewed.body).filter(period__plan=viewed.plan)
        context |= {
            "asked_below": len(reply_by),
            "asked_below_late": sum(day < today for day in reply_by),
            "waiting_long": waiting[:COUNTED].count(),
        }
    return render(request, "reports/overview/overview.html", context)


@require_safe
def by_task(request: SignedIn, slug: str) -> HttpResponse:
    """One row a task: what the bodies of a scope make of it together."""
    viewed = Viewed(request.user, slug, request.GET)
    standing = Standing(viewed)
    return render(request, "reports/overview/by_task.html", drilled(viewed, standing, standing.by_task()))


@require_safe
def by_body(request: SignedIn, slug: str) -> HttpResponse:
    """One row a body: what each makes of a task, a heading, an area or the whole plan."""
    viewed = Viewed(request.user, slug, request.GET)
    standing = Standing(viewed)
    return render(request, "reports/overview/by_body.html", drilled(viewed, standing, standing.by_body()))


def drilled(viewed: Viewed, standing: Standing, rows: list[Row]) -> dict[str, Any]:
    return {
        "view": viewed,
        "plan": viewed.plan,
        "standing": standing,
        "rows": rows if rows[0].total else [],
        "kept": list(standing.part.items()),
        "now": timezone.now(),
    }
