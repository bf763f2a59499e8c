"""The phrases a reviewer keeps."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tracker.forms import PhraseForm, is_key
from tracker.middleware import SignedIn
from tracker.models import Phrase


@require_http_methods(["GET", "HEAD", "POST"])
def phrases(request: SignedIn) -> HttpResponse:
    """One's own, to add to and to delete from. To the script of the queue it answers as JSON."""
    if request.method != "POST":
        return phrases_page(request, PhraseForm())
    if gone := request.POST.get("forget", ""):
        get_object_or_404(Phrase.objects.visible_to(request.user), pk=gone if is_key(gone) else 0).delete()
        messages.success(request, _("Deleted."))
        return redirect("phrases")
    as_page = request.accepts("text/html")
    try:
        Phrase.keep(request.POST.get("text", ""), by=request.user)
    except ValidationError as error:
        if not as_page:
            return JsonResponse({"fault": " ".join(error.messages)}, status=422)
        form = PhraseForm(request.POST)
        form.full_clean()
        form.add_refusal(error)
        return phrases_page(request, form, status=422)
    if not as_page:
        return JsonResponse({"phrases": texts(request)})
    messages.success(request, _("Kept as a phrase."))
    return redirect("phrases")


def phrases_page(request: SignedIn, form: PhraseForm, status: int = 200) -> HttpResponse:
    own = Phrase.objects.visible_to(request.user)
    context = {"form": form, "phrases": own, "suggested": () if own else Phrase.suggested(), "most": Phrase.MOST}
    return render(request, "tracker/review/phrases.html", context, status=status)


def texts(request: SignedIn) -> list[str]:
    """One's own, else those suggested."""
    return [phrase.text for phrase in Phrase.objects.visible_to(request.user)] or Phrase.suggested()
