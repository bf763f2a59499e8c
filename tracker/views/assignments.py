"""One assignment: who handed it down, what was reported, its extensions and course; striking off what is done."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Case, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from tracker import access
from tracker.filters import CompletedFilter
from tracker.forms import CompletionForm, is_key
from tracker.middleware import SignedIn
from tracker.models import Assignment, Entry, Extension, ExtensionState, TransitionRefused, course_of
from tracker.tables import BY_PLAN, CompletedTable, page_of

from .instructions import notes_beside

LARGEST_KEY = 2**63 - 1
PER_PAGE = 100
REPORTS = 40  # ten years of quarters


def found(request: SignedIn, pk: int) -> Assignment:
    visible = Assignment.objects.visible_to(request.user).with_place().select_related("latest")
    return get_object_or_404(visible, pk=pk if pk <= LARGEST_KEY else 0)


@require_http_methods(["GET", "HEAD", "POST"])
def assignment(request: SignedIn, pk: int) -> HttpResponse:
    """Read it; where one supervises it, strike it off or reopen it."""
    row = found(request, pk)
    if request.method != "POST":
        return assignment_page(request, row, CompletionForm())
    form, action = CompletionForm(request.POST), request.POST.get("action", "")
    if action not in ("strike_off", "reopen") or not form.is_valid():
        return assignment_page(request, row, form, status=422)
    try:
        (row.strike_off if action == "strike_off" else row.reopen)(
            by=request.user, comment=form.cleaned_data["comment"]
        )
    except ValidationError as error:
        form.add_refusal(error)
        return assignment_page(request, row, form, status=422)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
        return redirect(row)
    struck, reopened = _("It is struck off."), _("It is reopened, and owes a report again from the next period on.")
    messages.success(request, f"{row}：{struck if action == 'strike_off' else reopened}")
    return redirect(row)


def assignment_page(request: SignedIn, row: Assignment, form: CompletionForm, *, status: int = 200) -> HttpResponse:
    request.plan_slug = row.task.plan.slug
    user, same = request.user, Assignment.objects.filter(pk=row.pk)
    entries = Entry.objects.visible_to(user).filter(assignment=row).select_related("period")
    own = row.organization == user.organization and user.may(access.ASK_EXTENSION)
    context = {
        "assignment": row,
        "task": row.task,
        "handings": row.handings.with_place(),
        "entries": entries.defer(*Entry.TEXTS).order_by("-period__due", "-period_id")[:REPORTS],
        "extensions": Extension.objects.visible_to(user).filter(assignment=row).with_place(),
        "events": course_of(row, user),
        "form": form,
        **notes_beside(row, user),
        "can_strike_off": same.supervised_by(user).to_strike_off().exists(),
        "can_reopen": row.is_completed and same.supervised_by(user).exists(),
        "can_ask": own and row.can_be_extended and not row.extensions.filter(state=ExtensionState.ASKED).exists(),
    }
    return render(request, "tracker/assignments/assignment.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def strike_off(request: SignedIn) -> HttpResponse:
    """What is completed below and waits to be struck off; many at once by the same rule as one."""
    if request.method != "POST":
        return waiting_page(request, CompletionForm())
    form = CompletionForm(request.POST)
    keys = [key for key in request.POST.getlist("assignment")[: 2 * PER_PAGE] if is_key(key)]
    if not form.is_valid():
        return waiting_page(request, form, keys=keys, status=422)
    if not keys:
        form.add_error(None, _("Tick what is to be struck off first."))
        return waiting_page(request, form, status=422)
    try:
        done = Assignment.objects.filter(pk__in=keys).strike_off(by=request.user, comment=form.cleaned_data["comment"])
    except ValidationError as error:
        form.add_refusal(error)
        return waiting_page(request, form, keys=keys, status=422)
    if done:
        messages.success(request, ngettext("%d item is struck off.", "%d items are struck off.", done) % done)
    if done < len(keys):
        words = _("%d of them had been struck off or reopened by somebody before you, and stay as they are.")
        messages.warning(request, words % (len(keys) - done))
    return redirect(request.get_full_path())


def waiting_page(
    request: SignedIn, form: CompletionForm, *, keys: list[str] | None = None, status: int = 200
) -> HttpResponse:
    waiting = Assignment.objects.supervised_by(request.user).to_strike_off()
    narrowed = CompletedFilter(request.GET, queryset=waiting, user=request.user)
    rows = narrowed.found.with_place().select_related("latest").defer("latest__problems", "latest__next_steps")
    rows = rows.annotate(ticked=Case(When(pk__in=keys or [], then=True), default=False))
    several = waiting.order_by().values("task__plan").distinct()[:2].count() > 1
    table = page_of(CompletedTable(rows, exclude=() if several else BY_PLAN), request.GET, per_page=PER_PAGE)
    context = {"filter": narrowed, "table": table, "found": table.paginator.count, "form": form}
    return render(request, "tracker/assignments/strike_off.html", context, status=status)
