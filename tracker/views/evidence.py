"""Files beside an entry: put there, taken off, taken away."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tracker.middleware import SignedIn
from tracker.models import Entry, Evidence, Operation, TransitionRefused, User
from tracker.models.evidence import size_words
from tracker.models.files import ACCEPTED

log = logging.getLogger(__name__)
Refused = list[tuple[str, str]]  # a file's name, and why it was not taken


def change_files(request: SignedIn, entry: Entry) -> Refused:
    """Take off what is ticked, attach what is chosen: each by itself, so that one refused keeps no other back."""
    chosen = request.FILES.getlist("files")  # read first: what was left out on the way in is known then
    refused: Refused = list(getattr(request, "refused_files", []))
    for piece in ticked(request, entry):
        try:
            piece.take_off(by=request.user)
        except TransitionRefused as refusal:
            refused.append((piece.name, refusal.message))
    for upload in chosen:
        try:
            Evidence.objects.attach(entry, upload, by=request.user)
        except ValidationError as refusal:
            refused.append((upload.name or "", " ".join(refusal.messages)))
        except TransitionRefused as refusal:
            refused.append((upload.name or "", refusal.message))
    return refused


def ticked(request: SignedIn, entry: Entry) -> list[Evidence]:
    keys = [key for key in request.POST.getlist("take_off") if key.isdecimal() and len(key) <= 18]
    return list(Evidence.objects.live().filter(entry=entry, pk__in=keys)) if keys else []


def files_of(entry: Entry, user: User) -> list[Evidence]:
    """What the page of an entry shows this person. One query."""
    pieces = Evidence.objects.standing().visible_to(user).filter(entry=entry)
    return list(pieces.with_reasons().select_related("uploaded_by"))


def files_context(entry: Entry, user: User, *, can_change: bool) -> dict[str, Any]:
    return {
        "evidence": files_of(entry, user),
        "takes_files": can_change and entry.assignment.task.takes_texts,
        "accepted_files": ACCEPTED,
        "file_limit": size_words(settings.EVIDENCE_FILE_LIMIT),
        "file_count": settings.EVIDENCE_FILES,
    }


@require_POST
def change(request: SignedIn, pk: int) -> HttpResponse:
    """The same as the form of the entry does, in the background: the list as it now is, and what was refused."""
    if pk > 2**63 - 1:
        pk = 0
    entry = get_object_or_404(Entry.objects.visible_to(request.user).for_transition(), pk=pk)
    mine = Entry.objects.editable_by(request.user).filter(pk=entry.pk).exists()
    refused = change_files(request, entry)
    context = {"entry": entry, **files_context(entry, request.user, can_change=mine and entry.can_write)}
    shown = render_to_string("tracker/evidence/list.html", context, request)
    return JsonResponse({"list": shown, "refused": refused}, status=422 if refused else 200)


@require_safe
def download(request: SignedIn, pk: int) -> FileResponse:
    """One file, to be saved: never shown within our own pages, whatever it holds."""
    if pk > 2**63 - 1:
        pk = 0
    piece = get_object_or_404(Evidence.objects.visible_to(request.user).filter(erased_at=None), pk=pk)
    try:
        file = piece.open()
    except FileNotFoundError as error:
        log.exception("The file of evidence %s is missing from the storage.", piece.pk)
        raise Http404(_("The file is missing.")) from error
    Operation.note(Operation.Action.DOWNLOADED, request, target=f"{piece.entry} · {piece.name}")
    return FileResponse(
        file,
        as_attachment=True,
        filename=piece.name,
        content_type=piece.content_type,
        headers={
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )
