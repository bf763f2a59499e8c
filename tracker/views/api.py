"""What programs read (Power Query, scripts): the plan, the organizations and the tallies, as JSON.

GET alone, in the scope of the token's person and role (`TokenMiddleware`); the pages' own rules and numbers. Codes
stand for states, lights and levels; what each is called is told at `/api/`. Lists come in pages; `next` leads on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import Case, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import conditional_page

from tracker.middleware import SignedIn, told_in_json
from tracker.models import (
    Area,
    AssignmentTally,
    EntryTally,
    Figure,
    Frequency,
    Heading,
    Level,
    Light,
    Line,
    Organization,
    Period,
    Plan,
    Reporting,
    Role,
    State,
    Status,
    Task,
)
from tracker.models.tallies_below import assignment_totals, entry_totals

PER_PAGE, MOST, LAST_PAGE = 200, 500, 1_000_000
PAGING = ("page", "per_page")
WORDS: dict[str, Any] = {
    "level": Level,
    "line": Line,
    "status": Status,
    "light": Light,
    "state": State,
    "reporting": Reporting,
    "frequency": Frequency,
    "role": Role,
}
Answer = dict[str, Any]


def reading(*known: str) -> Callable[[Callable[..., Answer]], Callable[..., HttpResponse]]:
    """A view that answers a record: by GET alone, with an ETag; a parameter that is not `known`, or cannot be, gets a
    sentence (400), so that a slip of the pen does not pass for an answer."""

    def decorate(view: Callable[..., Answer]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def answer(request: SignedIn, **kwargs: Any) -> HttpResponse:
            if request.method not in ("GET", "HEAD"):
                refused = told_in_json(_("This address is only read, with GET."), 405)
                refused.headers["Allow"] = "GET, HEAD"
                return refused
            try:
                for name, value in request.GET.items():
                    if name not in known or "\0" in value:
                        raise BadRequest(_("“%(name)s” cannot be asked here.") % {"name": name})
                record = view(request, **kwargs)
            except BadRequest as error:
                return told_in_json(str(error), 400)
            return JsonResponse(record, json_dumps_params={"ensure_ascii": False})

        return csrf_exempt(conditional_page(answer))  # nothing is changed here, whoever sends it

    return decorate


def number(request: HttpRequest, name: str, default: int, most: int) -> int:
    """Raises BadRequest for what is no number from 1 to `most`."""
    text = request.GET.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= most):
        raise BadRequest(_("“%(name)s” is a number from 1 to %(most)d.") % {"name": name, "most": most})
    return int(text)


def choice(request: HttpRequest, name: str, choices: list[str]) -> str:
    text = request.GET.get(name, "")
    if text and text not in choices:
        told = {"name": name, "choices": _(", ").join(choices)}
        raise BadRequest(_("“%(name)s” is one of: %(choices)s.") % told)
    return text


def paged(request: HttpRequest, rows: Any) -> tuple[list[Any], Answer]:
    """One page of the rows, and where it stands. One more is read than shown, so that nothing is counted."""
    page, per_page = number(request, "page", 1, LAST_PAGE), number(request, "per_page", PER_PAGE, MOST)
    first = (page - 1) * per_page
    found = list(rows[first : first + per_page + 1])
    more = None
    if len(found) > per_page:
        query = request.GET.copy()
        query["page"] = str(page + 1)
        more = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return found[:per_page], {"page": page, "per_page": per_page, "next": more}


@reading()
def root(request: SignedIn) -> Answer:
    """Who reads, what there is to read, and what the codes are called."""
    at = request.build_absolute_uri
    user = request.user
    return {
        "acting": {
            "person": str(user),
            "organization": user.organization and user.organization.code,
            "role": user.role,
        },
        "organizations": at(reverse("api_organizations")),
        "plans": [
            {
                "slug": plan.slug,
                "title": plan.title,
                "url": at(reverse("api_plan", args=[plan.slug])),
                "tallies": at(reverse("api_tallies", args=[plan.slug])),
                "periods": [period.code for period in plan.periods.all() if period.opened_at],
            }
            for plan in Plan.objects.prefetch_related("periods")
        ],
        "words": {name: {value: str(label) for value, label in words.choices} for name, words in WORDS.items()},
    }


@reading(*PAGING)
def plan(request: SignedIn, slug: str) -> Answer:
    """The plan whole; its tasks in pages."""
    plan = get_object_or_404(Plan, slug=slug)
    rows = plan.tasks.select_related("heading__area", "owner", "superseded_by").order_by("position", "pk")
    tasks, place = paged(request, rows)
    headings = Heading.objects.filter(area__plan=plan).select_related("area").order_by("area__number", "number")
    return {
        "slug": plan.slug,
        "title": plan.title,
        "start": plan.start,
        "due": plan.due,
        "areas": [area_record(area) for area in plan.areas.order_by("number")],
        "headings": [
            {"code": heading.code, "area": heading.area.number, "title": heading.title} for heading in headings
        ],
        "figures": [figure_record(figure) for figure in plan.figures.prefetch_related("tasks")],
        **place,
        "tasks": [task_record(task) for task in tasks],
    }


def area_record(area: Area) -> Answer:
    return {"number": area.number, "title": area.title, "short_name": area.short}


def figure_record(figure: Figure) -> Answer:
    return {
        "slug": figure.slug,
        "name": figure.name,
        "unit": figure.unit,
        "baseline": as_number(figure.baseline),
        "baseline_over": figure.qualifier == Figure.Qualifier.OVER,
        "target": as_number(figure.target),
        "over_time": figure.over_time,
        "over_organizations": figure.over_organizations,
        "tasks": [task.code for task in figure.tasks.all()],
    }


def as_number(value: Any) -> int | float | None:
    """A decimal of four places as JSON writes it: whole ones without a point."""
    return None if value is None else int(value) if value == int(value) else float(value)


def task_record(task: Task) -> Answer:
    return {
        "code": task.code,
        "area": task.heading.area.number,
        "heading": task.heading.code,
        "wording": task.wording,
        "start": task.start,
        "due": task.due,
        "standing": task.standing,
        "reporting": task.reporting,
        "frequency": task.frequency,
        "levels": task.levels,
        "owner": task.owner.code if task.owner else None,
        "status": task.status,
        "ended_on": task.ended_on,
        "superseded_by": task.superseded_by.code if task.superseded_by else None,
    }


ORGANIZATION = ("code", "name", "short_name", "level", "line", "parent__code", "industry__code", "closed_on")


@reading(*PAGING)
def organizations(request: SignedIn) -> Answer:
    """The bodies in scope, parents before those below them. Whom to call there stands on the pages alone."""
    visible = Organization.objects.visible_to(request.user).order_by("path")
    rows, place = paged(request, visible.values(*ORGANIZATION))
    return place | {
        "organizations": [{name.removesuffix("__code"): row[name] for name in ORGANIZATION} for row in rows]
    }


@reading(*PAGING, "period", "organization", "line")
def tallies(request: SignedIn, slug: str) -> Answer:
    """A body and those directly below it, each counted with all below it; for who does not see below, each alone."""
    user = request.user
    plan = get_object_or_404(Plan, slug=slug)
    line = choice(request, "line", Line.values)
    period = period_asked(request, plan)
    visible = Organization.objects.visible_to(user)
    body = get_object_or_404(visible, code=request.GET["organization"]) if request.GET.get("organization") else None
    body = body or user.organization
    if body is None:
        raise Http404
    first = Case(When(pk=body.pk, then=Value(0)), default=Value(1))
    bodies, place = paged(request, visible.filter(at_or_below(body, line)).order_by(first, "code"))
    standing = assignment_totals(plan, bodies, user=user, line=line)
    owed = entry_totals(period, bodies, user=user, line=line) if period else {}
    return {
        "plan": plan.slug,
        "period": period and period.code,
        "due": period and period.due,
        "organization": body.code,
        "line": line or None,
        "with_below": user.sees_below,
        **place,
        "tallies": [
            {
                "organization": row.code,
                "name": row.name,
                "itself": row.pk == body.pk,
                "entries": {name: owed[row.pk][name] for name in ("owed", *EntryTally.COUNTS)} if period else None,
                "assignments": sum(standing[row.pk][name] for name in AssignmentTally.STATUSES),
                "status": {name: standing[row.pk][name] for name in AssignmentTally.STATUSES},
                "light": {name: standing[row.pk][name] for name in AssignmentTally.LIGHTS},
            }
            for row in bodies
        ],
    }


def period_asked(request: HttpRequest, plan: Plan) -> Period | None:
    """The one named, else the newest that has opened, if any has. Raises BadRequest."""
    opened = plan.periods.exclude(opened_at=None)
    code = request.GET.get("period", "")
    if not code:
        return opened.first()
    if period := opened.filter(code=code).first():
        return period
    raise BadRequest(_("No period “%(code)s” of this plan has opened.") % {"code": code})


def at_or_below(body: Organization, line: str) -> Q:
    """The body and those directly below it: by either line as its page lists them, or by the one asked for."""
    if line and body.path_in(line) is None:
        return Q(pk__in=[])
    return Q(pk=body.pk) | body.directly_below(line)
