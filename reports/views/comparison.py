"""Comparison (考核): what is frozen, under which rule, and what was corrected since."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from reports.comparison import Group, names, weights
from tracker.middleware import SignedIn
from tracker.models import Comparison, ComparisonRule, Plan
from tracker.models.comparing import LEFT_OUT, Peers
from tracker.models.comparisons import COMPARING
from tracker.views.assignments import LARGEST_KEY

from .ledger import whole

PER_PAGE = 50


@require_safe
def comparison(request: SignedIn, slug: str) -> HttpResponse:
    """The rules that concern one's own body, and every result one may read; or that comparison is off."""
    plan, user = get_object_or_404(Plan, slug=slug), request.user
    rules = ComparisonRule.objects.concerning(user).live().filter(plan=plan).select_related("organization")
    results = Comparison.objects.visible_to(user).filter(rule__plan=plan).defer("groups")
    results = results.select_related("rule__organization", "rule__plan", "period")
    context = {
        "plan": plan,
        "rules": [(rule, weights(rule.weights)) for rule in rules.order_by("organization__path", "pk")],
        "page": Paginator(results, PER_PAGE).get_page(whole(request.GET.get("page"), 1)),
        "left_out": LEFT_OUT.get(plan.slug, ()),
        "may_enter": user.may_administer and user.organization and user.organization.level in COMPARING,
    }
    return render(request, "reports/comparison/comparison.html", context)


@require_safe
def frozen(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    """One result as it was frozen, and beside it what was corrected afterwards."""
    user = request.user
    results = Comparison.objects.visible_to(user).filter(rule__plan__slug=slug)
    results = results.select_related("rule__organization", "rule__plan", "period")
    result = get_object_or_404(results, pk=pk if pk <= LARGEST_KEY else 0)
    groups = result.groups_for(user)
    peers, called = Peers(groups), names(groups)
    page = Paginator(result.corrections(peers), PER_PAGE).get_page(whole(request.GET.get("page"), 1))
    own = user.organization.pk if user.organization else None
    context = {
        "plan": result.rule.plan,
        "result": result,
        "weights": weights(result.weights),
        "groups": [Group(group, own) for group in groups],
        "left_out": LEFT_OUT.get(slug, ()),
        "page": page,
        "corrections": [(event, called.get(peers.whose(event.assignment.organization))) for event in page],
    }
    return render(request, "reports/comparison/frozen.html", context)
