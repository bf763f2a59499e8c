"""What the bodies directly below reported on the same task, beside one's own entry, to be quoted from (汇总)."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import QueryDict

from tracker.models import Assignment, Entry, FigureValue, User

AT_ONCE = 50


def beneath_context(entry: Entry, user: User, query: QueryDict) -> dict[str, Any]:
    """How far those below are, what their figures come to, and a page of what they had accepted. One query where nobody
    below owes the task; without figures four at most, five on behalf of another; with figures two more."""
    counts = Entry.objects.beneath(entry, user).reported()
    if not counts["owed"]:
        return {}
    quotable = Entry.objects.quotable_by(user, entry).select_related("assignment__organization")
    page = Paginator(quotable.order_by("assignment__organization__path", "pk"), AT_ONCE).get_page(query.get("page"))
    keys = [below.pk for below in page]
    seen = set(Entry.objects.visible_to(user).filter(pk__in=keys).values_list("pk", flat=True))
    figures, whose = entry.asked_figures, Assignment.objects.filter(entries__in=quotable.order_by().values("pk"))
    totals = FigureValue.objects.totals(figures, whose, until=entry.period, since=entry.period) if figures else {}
    return {
        "beneath": counts,
        "sums": [(figure, totals[figure.pk]) for figure in figures if totals[figure.pk].bodies],
        "quotes": page,
        "quotes_seen": seen,
        "quotes_open": "page" in query,
    }
