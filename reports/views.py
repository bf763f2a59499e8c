"""The ledger's page and its file: one query string, the same rows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tracker.middleware import SignedIn
from tracker.models import Plan

from .columns import csv_file
from .filters import LedgerFilter
from .ledger import COUNTED, Ledger
from .tables import LedgerTable

PER_PAGE, MOST_PER_PAGE = 50, 200


@require_safe
def ledger(request: SignedIn, slug: str) -> HttpResponse:
    return shown(request, read(request, slug))


@require_safe
def ledger_csv(request: SignedIn, slug: str) -> HttpResponse | StreamingHttpResponse:
    """The rows of the page's query string as a file; what the page cannot understand, the file refuses."""
    conditions = read(request, slug)
    if not conditions.is_valid():
        return shown(request, conditions, status=400)
    notice = _("Demo data: organizations, people and progress are all invented") if settings.DEMO else ""
    period = conditions.chosen_period
    name = "_".join([_("ledger"), slug, period.code if period else timezone.localdate().isoformat()])
    if settings.DEMO:
        name = _("demo data") + "_" + name
    return StreamingHttpResponse(
        csv_file(ledger_of(conditions).chunks(), language=get_language() or "", notice=notice),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, f"{name}.csv"), "Cache-Control": "no-store"},
    )


def read(request: SignedIn, slug: str) -> LedgerFilter:
    """The conditions of the query string. Three queries."""
    plan = get_object_or_404(Plan, slug=slug)
    tasks = list(plan.tasks.select_related("heading__area", "owner").order_by("position"))
    periods = list(plan.periods.exclude(opened_at=None))
    return LedgerFilter(request.GET, user=request.user, plan=plan, tasks=tasks, periods=periods)


def ledger_of(conditions: LedgerFilter) -> Ledger:
    return Ledger(
        conditions.user,
        conditions.plan,
        conditions.left,
        conditions.found,
        ownerless=conditions.ownerless,
        sort=conditions.chosen.get("sort", ""),
    )


def shown(request: SignedIn, conditions: LedgerFilter, *, status: int = 200) -> HttpResponse:
    rows = ledger_of(conditions)
    size = min(max(whole(request.GET.get("per_page"), PER_PAGE), 1), MOST_PER_PAGE)
    page = rows.page(whole(request.GET.get("page"), 1), size)
    query = request.GET.copy()
    for name in ("page", "per_page"):
        query.pop(name, None)
    context = {
        "plan": conditions.plan,
        "filter": conditions,
        "period": conditions.chosen_period,
        "table": LedgerTable(page.rows, sort=rows.sort_key, with_period=bool(conditions.chosen_period)),
        "page": page,
        "found": rows.found,
        "all_counted": rows.is_counted,
        "counted": COUNTED,
        "query": query.urlencode(),
        "now": timezone.now(),
    }
    return render(request, "reports/ledger.html", context, status=status)


def whole(text: str | None, otherwise: int) -> int:
    """A whole number from an address; what is none, or beyond all sense, counts as left out."""
    try:
        return int(text or "") if len(text or "") < 10 else otherwise
    except ValueError:
        return otherwise
