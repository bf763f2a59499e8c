"""The deadline board's page."""

from __future__ import annotations

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from reports.board import Board
from reports.forms import BoardForm
from reports.viewed import body_of, crumbs, lines_of, period_now, usual_line
from tracker.middleware import SignedIn
from tracker.models import Period, Plan

from .ledger import whole


@require_safe
def board(request: SignedIn, slug: str) -> HttpResponse:
    """What it asks is worked out anew each time; its script fetches the same address again."""
    plan = get_object_or_404(Plan, slug=slug)
    user, body = request.user, body_of(request.user, request.GET)
    periods, lines = list(plan.periods.exclude(opened_at=None)), lines_of(user, body)
    form = BoardForm(asked(request, periods, usual_line(lines, body)), periods=periods, lines=lines)
    context = {"plan": plan, "body": body, "form": form, "now": timezone.localtime(), "board": None, "period": None}
    if form.is_valid():
        chosen, page = form.cleaned_data, whole(request.GET.get("page"), 1)
        period = next((each for each in periods if each.code == chosen["period"]), None)
        line, order = chosen["line"], {"sort": chosen["sort"], "missing": bool(chosen["show"])}
        context |= {"period": period, "line": line, "crumbs": crumbs(user, body, line)}
        if period:
            context["board"] = Board(user, period, body, line=line, page=page, **order)
            context["may_urge"] = user.may_urge and not period.is_locked
            context["days"] = (period.due - timezone.localdate()).days
    return render(request, "reports/board.html", context)


def asked(request: SignedIn, periods: list[Period], line: str) -> QueryDict:
    """The query string, with what holds where nothing is chosen."""
    query, now = request.GET.copy(), period_now(periods)
    for name, usual in (("period", now.code if now else ""), ("line", line)):
        if not query.get(name):
            query[name] = usual
    return query
