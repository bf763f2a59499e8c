"""One body: where it stands in both lines, what it has to do, who is below it."""

import datetime as dt

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from tracker.middleware import SignedIn
from tracker.models import (
    Assignment,
    AssignmentTally,
    Entry,
    EntryTally,
    Handing,
    Light,
    Milestone,
    Organization,
    Period,
    Plan,
    Status,
    User,
)
from tracker.models.moves import WRITABLE
from tracker.tables import BY_PLAN, DutyTable, page_of

from .instructions import notes_beside
from .milestones import shown_milestones

MILESTONES = 30  # of a body's duties, the ones due first

HANDINGS_SHOWN = 20


def locked_rounds(user: User, body: Organization) -> list[tuple[Period, int]]:
    """The periods that locked in the past year with something this body did not hand in, which this person may open."""
    since = timezone.localdate() - dt.timedelta(days=366)
    missing = Entry.objects.filter(assignment__organization=body, state__in=WRITABLE).excusable_by(user)
    missing = missing.filter(period__locks__gte=since, period__locks__lt=timezone.localdate())
    counts = dict(missing.order_by().values_list("period").annotate(n=Count("pk")))
    return [(period, counts[period.pk]) for period in Period.objects.filter(pk__in=counts).select_related("plan")]


def organization(request: SignedIn, code: str) -> HttpResponse:
    """Sums over everything below are for those whose scope it is; the others see the body alone."""
    visible = Organization.objects.visible_to(request.user)
    body = get_object_or_404(visible.select_related("parent", "industry", "merged_into", "split_from"), code=code)
    duties = Assignment.objects.live().visible_to(request.user).filter(organization=body)
    several = duties.order_by().values("task__plan").distinct().count() > 1
    hidden = () if several else BY_PLAN
    table = page_of(DutyTable(duties.select_related("task__plan"), exclude=hidden), request.GET, per_page=200)
    children = visible.filter(body.directly_below()).order_by("code")
    related = [*body.ancestor_paths(), *(other.path for other in (body.merged_into, body.split_from) if other)]
    sums = request.user.sees_below
    tallied = []
    for plan in Plan.objects.all():
        counts = AssignmentTally.totals(body, task__plan=plan) if sums else duties.filter(task__plan=plan).counts()
        statuses = [(status, counts[status]) for status in Status]
        if any(count for _status, count in statuses):
            tallied.append((plan, statuses, [(light, counts[light]) for light in Light]))
    steps = Milestone.objects.of_duties(body).open().visible_to(request.user)
    periods = Period.objects.open_on(timezone.localdate()).select_related("plan") if sums else []
    context = {
        "body": body,
        "ancestors": list(body.ancestors()),
        "visible": set(visible.filter(path__in=related).values_list("pk", flat=True)),
        "table": table,
        "found": table.paginator.count,
        "children": children[:500],
        "handings": Handing.objects.visible_to(request.user)
        .filter(assignment__organization=body)
        .with_place()
        .order_by("-handed_at", "-pk")[:HANDINGS_SHOWN],
        "locked": locked_rounds(request.user, body),
        "sums": sums and children.exists(),
        "tallied": tallied,
        "several": several,
        **notes_beside(body, request.user),
        "milestones": shown_milestones(steps[:MILESTONES], request.user),
        "rounds": [(period, EntryTally.totals(period, body)) for period in periods],
    }
    return render(request, "tracker/organization.html", context)
