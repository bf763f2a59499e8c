"""What waits for my decision."""

from django.http import HttpResponse
from django.shortcuts import render

from tracker.filters import QueueFilter
from tracker.middleware import SignedIn
from tracker.models import Entry
from tracker.tables import QueueTable, page_of


def queue(request: SignedIn) -> HttpResponse:
    waiting = Entry.objects.reviewable_by(request.user).in_review_order()
    narrowed = QueueFilter(request.GET, waiting=waiting)
    rows = narrowed.found.select_related(
        "assignment__task", "assignment__organization__parent", "period", "submitted_by"
    )
    table = page_of(QueueTable(rows.defer("problems", "next_steps")), request.GET)
    return render(request, "tracker/review.html", {"filter": narrowed, "table": table, "found": table.paginator.count})
