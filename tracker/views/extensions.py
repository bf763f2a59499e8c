"""延期申请: asked for on the page of an assignment, decided on above, withdrawn by who asked."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tracker.forms import ExtensionDecisionForm, ExtensionForm
from tracker.middleware import SignedIn
from tracker.models import Assignment, Extension, ExtensionState, TransitionRefused
from tracker.models.extensions import guard_asking
from tracker.tables import ExtensionTable, page_of

from .assignments import LARGEST_KEY, found

SHOWN = 100


@require_safe
def extensions(request: SignedIn) -> HttpResponse:
    """What waits for my decision, whole; and every request in my scope with what became of it."""
    user = request.user
    waiting = Extension.objects.waiting().decidable_by(user).with_place().order_by("asked_at", "pk")
    table = page_of(ExtensionTable(Extension.objects.visible_to(user).with_place()), request.GET)
    context = {"waiting": waiting[:SHOWN], "table": table, "found": table.paginator.count}
    return render(request, "tracker/extensions/extensions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: SignedIn, pk: int) -> HttpResponse:
    row = found(request, pk)
    request.plan_slug = row.task.plan.slug
    form, status = ExtensionForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                asked = Extension.objects.ask(row, by=request.user, **form.cleaned_data)
            except ValidationError as error:
                form.add_refusal(error)
            except TransitionRefused as refused:
                form.add_error(None, refused.message)
                status = 409
            else:
                messages.success(request, _("Asked for. Until it is granted the old date counts."))
                return redirect(asked)
    context = {"assignment": row, "task": row.task, "form": form, "refusal": "" if form.errors else refusal(row)}
    return render(request, "tracker/extensions/ask.html", context, status=status)


def refusal(row: Assignment) -> str:
    """Why nothing can be asked for now; empty where it can."""
    try:
        guard_asking(row, timezone.localdate())
    except TransitionRefused as refused:
        return refused.message
    return ""


@require_http_methods(["GET", "HEAD", "POST"])
def extension(request: SignedIn, pk: int) -> HttpResponse:
    """One request; granted, refused or withdrawn by the button pressed."""
    visible = Extension.objects.visible_to(request.user).with_place()
    asked = get_object_or_404(visible, pk=pk if pk <= LARGEST_KEY else 0)
    if request.method != "POST":
        return extension_page(request, asked, ExtensionDecisionForm())
    form, action = ExtensionDecisionForm(request.POST), request.POST.get("action", "")
    if action not in ("grant", "refuse", "withdraw") or not form.is_valid():
        return extension_page(request, asked, form, status=422)
    comment, beyond = form.cleaned_data["comment"], form.cleaned_data["beyond"]
    said: dict[str, Any] = {"grant": {"comment": comment, "beyond": beyond}, "refuse": {"comment": comment}}
    try:
        getattr(asked, action)(by=request.user, **said.get(action, {}))
    except ValidationError as error:
        form.add_refusal(error)
        return extension_page(request, asked, form, status=422)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
        return redirect(asked)
    messages.success(request, f"{asked.assignment}：{outcome(asked)}")
    return redirect("extensions" if action != "withdraw" else asked.assignment)


def outcome(asked: Extension) -> str:
    if asked.state == ExtensionState.GRANTED:
        return _("Granted. It is due on %s now.") % asked.assignment.due
    return _("Refused, with your reason.") if asked.state == ExtensionState.REFUSED else _("Withdrawn.")


def extension_page(
    request: SignedIn, asked: Extension, form: ExtensionDecisionForm, *, status: int = 200
) -> HttpResponse:
    user, row = request.user, asked.assignment
    request.plan_slug = row.task.plan.slug
    same = Extension.objects.filter(pk=asked.pk)
    deciding = same.filter(state=ExtensionState.ASKED).decidable_by(user).exists()
    kept = asked.kept_by(user.organization) if deciding and user.organization else []
    context = {
        "extension": asked,
        "assignment": row,
        "task": row.task,
        "form": form,
        "deciding": deciding,
        "grantable": deciding and (not kept or bool(asked.moved_by(user.organization))),  # type: ignore[arg-type]
        "kept": kept,
        "due_then": asked.due_if_granted(user.organization) if deciding and user.organization else None,
        "can_withdraw": same.withdrawable_by(user).exists(),
        "seen": Assignment.objects.visible_to(user).filter(pk=row.pk).exists(),
    }
    return render(request, "tracker/extensions/extension.html", context, status=status)
