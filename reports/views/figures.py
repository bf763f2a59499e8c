"""The plan's figures: where the past five years left each, where it is to go, where it is; and one figure's bodies."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from reports.figures import Asking
from reports.place import Place
from reports.viewed import period_named
from tracker.middleware import SignedIn
from tracker.models import Figure, FigureValue, Period, Plan

BODIES = 100  # on one page


def chosen_period(request: SignedIn, plan: Plan) -> tuple[Period | None, list[Period]]:
    """The period that the address names, and all that have opened. One query. Raises Http404."""
    periods = list(plan.periods.exclude(opened_at=None))
    return period_named(periods, request.GET.get("period", "")), periods


@require_safe
def figures(request: SignedIn, slug: str) -> HttpResponse:
    plan = get_object_or_404(Plan, slug=slug)
    place = Place.asked(request, plan)
    period, periods = chosen_period(request, plan)
    every = list(plan.figures.prefetch_related("tasks"))
    carried = [figure for figure in every if figure.tasks.all()]
    measures = Asking(place, carried, period).measures()
    context = {
        "plan": plan,
        "place": place,
        "period": period,
        "periods": periods,
        "measures": measures,
        "shared": any(measure.shares for measure in measures),
        "closed": [figure for figure in every if not figure.tasks.all()],
        "above": place.above(),
        "now": timezone.now(),
    }
    return render(request, "reports/figures/figures.html", context)


@require_safe
def figure(request: SignedIn, slug: str, key: str) -> HttpResponse:
    plan = get_object_or_404(Plan, slug=slug)
    figure = get_object_or_404(Figure.objects.prefetch_related("tasks"), plan=plan, slug=key)
    place = Place.asked(request, plan)
    period, periods = chosen_period(request, plan)
    asking = Asking(place, [figure], period)
    page = Paginator(bodies_below(place, figure), BODIES).get_page(request.GET.get("page"))
    bodies = list(page.object_list)
    measures = asking.below(bodies) if bodies else {}
    measure = asking.measures()[0]
    own = Asking(place, [figure], period, alone=True).measures()[0] if page.paginator.count else None
    context = {
        "plan": plan,
        "figure": figure,
        "place": place,
        "period": period,
        "periods": periods,
        "measure": measure,
        "own": own,
        "own_part": own and own.part_of(measure),
        "handed_on": asking.handed_on() if page.paginator.count else None,
        "trend": asking.trend([each for each in periods if not period or each.due <= period.due]),
        "rows": [(body, measures[body.pk], measures[body.pk].part_of(measure)) for body in bodies],
        "page": page,
        "above": place.above(),
        "now": timezone.now(),
    }
    return render(request, "reports/figures/figure.html", context)


def bodies_below(place: Place, figure: Figure) -> Any:
    """Those that go on, and of the closed those whose numbers still count."""
    gave = FigureValue.objects.filter(figure=figure, entry__assignment__organization=OuterRef("pk"))
    return place.below().filter(Q(closed_on=None) | Exists(gave)).order_by("code", "pk")
