"""The tokens of one's own account: made, shown once, revoked."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tracker.forms import TokenForm
from tracker.middleware import SignedIn
from tracker.models import Operation, Token
from tracker.models.tokens import MOST


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: SignedIn) -> HttpResponse:
    """Which I have, and making one: the secret stands on the answer and nowhere else."""
    user = request.user
    form = TokenForm(request.POST if request.method == "POST" else None)
    made, secret = None, ""
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            if given := form.make(user):
                made, secret = given
                log(request, "made", made)
        form = form if form.errors else TokenForm()
    mine = Token.objects.filter(person=user).live(timezone.now()).select_related("organization", "membership", "person")
    context = {"tokens": mine, "form": form, "made": made, "secret": secret, "most": MOST}
    context["own"] = user.acting is not None and user.acting.person_id == user.pk
    context["api_address"] = request.build_absolute_uri(reverse("api"))
    return render(request, "tracker/people/tokens.html", context, status=422 if form.errors else 200)


@require_POST
def revoke(request: SignedIn, pk: int) -> HttpResponse:
    token = get_object_or_404(Token, person=request.user, pk=min(pk, 2**63 - 1))
    with transaction.atomic():
        if token.revoke():
            log(request, "revoked", token)
    messages.success(request, _("The token “%(token)s” is revoked and lets nobody in any more.") % {"token": token})
    return redirect("tokens")


def log(request: SignedIn, did: str, token: Token) -> None:
    told: dict[str, Any] = {"did": did, "model": "token", "key": token.pk}
    Operation.record(Operation.Action.ACCOUNT, request, target=token.name, **told)
