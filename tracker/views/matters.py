"""Matters for coordination (需协调事项): those that lie with us, those we asked, and one of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tracker.filters import MatterFilter
from tracker.forms import AnswerForm, PassUpForm, WithdrawForm
from tracker.middleware import SignedIn
from tracker.models import Blocker, Entry, TransitionRefused
from tracker.models.moves import REPORTED
from tracker.tables import MatterTable, page_of

FORMS: dict[str, Any] = {"answer": AnswerForm, "pass_up": PassUpForm, "withdraw": WithdrawForm}


def sides(request: SignedIn) -> list[tuple[str, str, Any]]:
    """The lists this person has: key, what it is called, and its matters."""
    user, rows = request.user, Blocker.objects.all()
    found: list[tuple[str, str, Any]] = []
    if user.may_coordinate:
        found.append(("ours", _("Lie with us"), rows.lying_with(user.organization)))
    if user.may_answer:
        found.append(("asked", _("Asked by us"), rows.asked_for(user)))
    if user.sees_below or user.may_coordinate or not found:
        found.append(("scope", _("All we may see"), rows.visible_to(user)))
    return found


@require_safe
def matters(request: SignedIn) -> HttpResponse:
    """One of the lists, open ones first; how many wait, and how many of them too long."""
    lists = sides(request)
    named = {key: rows for key, _label, rows in lists}
    side = request.GET.get("side", "")
    side = side if side in named else lists[0][0]
    narrowed = MatterFilter(request.GET, queryset=named[side])
    table = page_of(MatterTable(narrowed.found.in_order().with_place()), request.GET)
    context = {
        "sides": [(key, label, rows.open().count()) for key, label, rows in lists],
        "side": side,
        "late": named[side].late(timezone.localdate()).count(),
        "filter": narrowed,
        "table": table,
        "found": table.paginator.count,
    }
    return render(request, "tracker/matters/matters.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def matter(request: SignedIn, pk: int) -> HttpResponse:
    """Read one; answer it, pass it up, withdraw it or mark the answer as read: the button says which."""
    if pk > 2**63 - 1:
        pk = 0
    visible = Blocker.objects.visible_to(request.user).with_place()
    row = get_object_or_404(visible.select_related("entry__proxy", "holder__parent"), pk=pk)
    if request.method == "POST":
        return act(request, row, request.POST.get("action", ""))
    return matter_page(request, row)


def act(request: SignedIn, row: Blocker, action: str) -> HttpResponse:
    if action == "read":
        return read(request, row)
    if action not in FORMS:
        return matter_page(request, row, status=422)
    made = {"matter": row} if action != "withdraw" else {}
    form = FORMS[action](request.POST, prefix=action, **made)
    if not form.is_valid():
        return matter_page(request, row, refused={action: form}, status=422)
    said = form.cleaned_data
    try:
        if action == "answer":
            row.reply(said["answer"], by=request.user, seen=said["seen"])
        elif action == "pass_up":
            row.pass_up(said["reason"], by=request.user, seen=said["seen"])
        else:
            row.withdraw(said["reason"], by=request.user)
    except ValidationError as error:
        form.add_refusal(error)
        return matter_page(request, row, refused={action: form}, status=422)
    except TransitionRefused as refused:
        form.add_error(None, refused.message)
        stands = Blocker.objects.with_place().select_related("entry__proxy", "holder__parent").get(pk=row.pk)
        return matter_page(request, stands, refused={action: form}, status=409)
    told = {
        "answer": _("Answered. Those who asked will read it."),
        "pass_up": _("Passed up to %(body)s.") % {"body": row.holder},
        "withdraw": _("Withdrawn."),
    }
    messages.success(request, told[action])
    return redirect("matters")


def read(request: SignedIn, row: Blocker) -> HttpResponse:
    try:
        row.read(by=request.user)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
    return redirect("home")


def matter_page(
    request: SignedIn, row: Blocker, *, refused: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    user, entry, refused = request.user, row.entry, refused or {}
    one = Blocker.objects.filter(pk=row.pk)
    asked = one.asked_for(user).exists()
    request.plan_slug = entry.assignment.task.plan.slug
    can_answer = one.answerable_by(user).exists()
    forms: dict[str, Any] = {}
    if can_answer:
        forms |= {name: FORMS[name](prefix=name, matter=row) for name in ("answer", "pass_up")}
    if asked and row.state == "open":
        forms["withdraw"] = WithdrawForm(prefix="withdraw")
    # What was typed stays in sight, also where it is not taken any more; it is sent again against what stands now.
    kept = {name: form for name, form in refused.items() if name not in forms}
    for form in refused.values():
        if "seen" in form.fields:
            form.data = form.data.copy() | {form.add_prefix("seen"): row.asked_at.isoformat()}
    context = {
        "matter": row,
        "entry": entry,
        "assignment": entry.assignment,
        "task": entry.assignment.task,
        "forms": forms | {name: form for name, form in refused.items() if name in forms},
        "kept": kept,
        "above": row.holder.parent,
        "to_read": asked and row.state == "answered" and row.read_at is None,
        "entry_visible": Entry.objects.visible_to(user).filter(pk=entry.pk).exists(),
        "reported": entry.state in REPORTED,
        "events": row.history(),
    }
    return render(request, "tracker/matters/matter.html", context, status=status)
