"""清除: asking that something leaked be erased, and the second person's word."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tracker import access
from tracker.forms import ErasureForm, NoteErasureForm
from tracker.middleware import SignedIn
from tracker.models import Entry, Erasure, Evidence, Instruction, TransitionRefused

SHOWN = 200  # what waits is seldom more than one or two


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: SignedIn, pk: int) -> HttpResponse:
    """Which texts, which file, why. It is asked for; a second person does it."""
    if pk > 2**63 - 1 or not request.user.may(access.ASK_ERASURE):
        raise Http404
    entry = get_object_or_404(Entry.objects.visible_to(request.user).for_transition(), pk=pk)
    files = Evidence.objects.visible_to(request.user).filter(entry=entry, erased_at=None)
    form = ErasureForm(request.POST if request.method == "POST" else None, entry=entry, files=files)

    def send() -> None:
        Erasure.objects.ask(
            entry,
            by=request.user,
            reason=form.cleaned_data["reason"],
            texts=form.cleaned_data.get("texts", []),
            evidence=form.cleaned_data.get("evidence"),
        )

    return _asked(request, entry, form, send)


@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_note(request: SignedIn, pk: int) -> HttpResponse:
    """As `ask`, of a leader's note."""
    if pk > 2**63 - 1:
        pk = 0
    note = get_object_or_404(Instruction.objects.visible_to(request.user).with_place(), pk=pk)
    form = NoteErasureForm(request.POST if request.method == "POST" else None, note=note)

    def send() -> None:
        said = {name: form.cleaned_data[name] for name in ("texts", "reason")}
        Erasure.objects.ask_for_note(note, by=request.user, **said)

    return _asked(request, note, form, send)


def _asked(
    request: SignedIn, of: Entry | Instruction, form: ErasureForm | NoteErasureForm, send: Callable[[], None]
) -> HttpResponse:
    if form.is_valid():
        try:
            send()
        except ValidationError as error:
            form.add_refusal(error)
        except TransitionRefused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("Asked for. It is done once a second person has agreed."))
            return redirect(of)
    return render(request, "tracker/evidence/ask.html", {"of": of, "form": form}, status=422 if form.is_bound else 200)


@require_safe
def waiting(request: SignedIn) -> HttpResponse:
    """What waits for a second person within this person's scope, and what this person asked for."""
    if not request.user.may(access.ASK_ERASURE):
        raise Http404
    rows = Erasure.objects.waiting().visible_to(request.user).with_place()
    agreeable = set(Erasure.objects.agreeable_by(request.user).values_list("pk", flat=True)[:SHOWN])
    shown = [(row, row.pk in agreeable, row.others_seen_by(request.user)) for row in rows[:SHOWN]]
    return render(request, "tracker/evidence/erasures.html", {"erasures": shown})


@require_POST
def decide(request: SignedIn, pk: int) -> HttpResponse:
    if pk > 2**63 - 1:
        pk = 0
    erasure = get_object_or_404(Erasure.objects.visible_to(request.user), pk=pk)
    action = request.POST.get("action", "")
    try:
        if action == "agree":
            erasure.agree(by=request.user)
            messages.success(request, _("Erased. An event with the reason stays."))
        elif action == "drop":
            erasure.drop(by=request.user)
            messages.success(request, _("Dropped. Nothing was erased."))
    except TransitionRefused as refused:
        messages.error(request, refused.message)
    return redirect("erasures")
