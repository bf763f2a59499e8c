"""The ledger's page: what its query string asks for, read once for the page and for every file of it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from reports.columns import chosen, on_page
from reports.filters import LedgerFilter
from reports.ledger import COUNTED, Ledger
from reports.packing import MOST_FILES, counted
from reports.tables import LedgerTable
from tracker.middleware import SignedIn
from tracker.models import Plan
from tracker.models.milestones import worded_on

PER_PAGE, MOST_PER_PAGE = 50, 200


@require_safe
def ledger(request: SignedIn, slug: str) -> HttpResponse:
    return shown(request, read(request, slug))


def read(request: SignedIn, slug: str) -> LedgerFilter:
    """The conditions of the query string; with a period, on the wordings of its time. Four queries."""
    plan = get_object_or_404(Plan, slug=slug)
    tasks = list(plan.tasks.select_related("heading__area", "owner").order_by("position"))
    periods = list(plan.periods.exclude(opened_at=None))
    chosen = next((period for period in periods if period.code == request.GET.get("period")), None)
    if chosen:
        worded_on(tasks, chosen.due)
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


def shown(
    request: SignedIn, conditions: LedgerFilter, *, status: int = 200, most: int = 0, asks_period: bool = False
) -> HttpResponse:
    """The page. `most`: how many rows the workbook holds that was asked for in vain; `asks_period`: a file of one
    period was, without one."""
    rows = ledger_of(conditions)
    columns = chosen(conditions.chosen_columns, on_page())
    size = min(max(whole(request.GET.get("per_page"), PER_PAGE), 1), MOST_PER_PAGE)
    beside = any(column.key == "cooperating" for column in columns)
    page = rows.page(whole(request.GET.get("page"), 1), size, beside=beside)
    query = request.GET.copy()
    for name in ("page", "per_page"):
        query.pop(name, None)
    context = {
        "plan": conditions.plan,
        "filter": conditions,
        "period": conditions.chosen_period,
        "table": LedgerTable(
            page.rows, columns=columns, sort=rows.sort_key, with_period=bool(conditions.chosen_period)
        ),
        "page": page,
        "found": rows.found,
        "all_counted": rows.is_counted,
        "counted": COUNTED,
        "files": counted(conditions) if conditions.is_valid() else 0,
        "most_files": MOST_FILES,
        "query": query.urlencode(),
        "now": timezone.now(),
        "most": most,
        "asks_period": asks_period,
    }
    return render(request, "reports/ledger.html", context, status=status)


def whole(text: str | None, otherwise: int) -> int:
    """A whole number from an address; what is none, or beyond all sense, counts as left out."""
    try:
        return int(text or "") if len(text or "") < 10 else otherwise
    except ValueError:
        return otherwise
