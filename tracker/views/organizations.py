"""One body: where it stands in both lines, what it has to do, who is below it."""

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from tracker.middleware import SignedIn
from tracker.models import Assignment, AssignmentTally, EntryTally, Light, Organization, Period, Status
from tracker.tables import DutyTable, page_of


def organization(request: SignedIn, code: str) -> HttpResponse:
    """Sums over everything below are for those whose scope it is; the others see the body alone."""
    visible = Organization.objects.visible_to(request.user)
    body = get_object_or_404(visible.select_related("parent", "industry"), code=code)
    duties = Assignment.objects.live().visible_to(request.user).filter(organization=body)
    table = page_of(DutyTable(duties.select_related("task__plan")), request.GET, per_page=200)
    children = visible.filter(Q(parent=body) | Q(industry=body)).order_by("code")
    sums = request.user.sees_below
    counts = AssignmentTally.totals(body) if sums else duties.counts()
    periods = Period.objects.open_on(timezone.localdate()).select_related("plan") if sums else []
    context = {
        "body": body,
        "ancestors": list(body.ancestors()),
        "visible": set(visible.filter(path__in=body.ancestor_paths()).values_list("pk", flat=True)),
        "table": table,
        "found": table.paginator.count,
        "children": children[:500],
        "sums": sums and children.exists(),
        "statuses": [(status, counts[status]) for status in Status],
        "lights": [(light, counts[light]) for light in Light],
        "rounds": [(period, EntryTally.totals(period, body)) for period in periods],
    }
    return render(request, "tracker/organization.html", context)
