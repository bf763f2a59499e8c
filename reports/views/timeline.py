"""The five years at one glance: headings on a line of time, and where each stands."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from reports.place import Place
from reports.timeline import Timeline
from tracker.middleware import SignedIn
from tracker.models import Plan


@require_safe
def timeline(request: SignedIn, slug: str) -> HttpResponse:
    plan = get_object_or_404(Plan, slug=slug)
    place = Place.asked(request, plan)
    years = Timeline(place, timezone.localdate())
    context = {
        "plan": plan,
        "place": place,
        "years": years,
        "scale": years.scale,
        "rows": years.rows(),
        "above": place.above(),
        "now": timezone.now(),
    }
    return render(request, "reports/timeline/timeline.html", context)
