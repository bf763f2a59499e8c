"""Urgings: what we were urged to, read and answered; what we urged others to."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tracker.forms import ReplyForm
from tracker.middleware import SignedIn
from tracker.models import Nudge, TransitionRefused
from tracker.tables import NudgeTable, page_of


@require_safe
def nudges(request: SignedIn) -> HttpResponse:
    return shown(request)


def shown(request: SignedIn, *, form: ReplyForm | None = None, at: int = 0, status: int = 200) -> HttpResponse:
    """Received ones whole, the newest first; sent ones as a table. A refused answer stands where it was typed."""
    user = request.user
    received = list(Nudge.objects.received_by(user).with_names()[:50])
    for nudge in received:
        refused = form if nudge.pk == at else None
        nudge.form = refused or ReplyForm(auto_id=f"id_%s_{nudge.pk}")  # type: ignore[attr-defined]
    context: dict[str, Any] = {"received": received, "may_answer": user.may_answer}
    if user.may_urge:
        table = page_of(NudgeTable(Nudge.objects.sent_by(user).with_names()), request.GET)
        context |= {"table": table, "found": table.paginator.count}
    return render(request, "tracker/nudges/nudges.html", context, status=status)


@require_POST
def answer(request: SignedIn, pk: int) -> HttpResponse:
    """Read, or read and answered: the button says which."""
    if pk > 2**63 - 1:
        pk = 0
    nudge = get_object_or_404(Nudge.objects.received_by(request.user).with_names(), pk=pk)
    form = ReplyForm(request.POST, auto_id=f"id_%s_{pk}")
    try:
        if request.POST.get("action") == "read":
            nudge.read(by=request.user)
        elif form.is_valid():
            nudge.reply(form.cleaned_data["answer"], by=request.user)
            messages.success(request, _("Answered. Who urged will read it."))
    except ValidationError as error:
        form.add_refusal(error)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
    if form.errors and request.POST.get("action") != "read":
        return shown(request, form=form, at=pk, status=422)
    return redirect("nudges")
