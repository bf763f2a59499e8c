"""One's own account: roles, deputies; and a password set with a one-time code, which needs no signing in."""

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_lockout_response
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from tracker.forms import CodeForm, DeputyForm
from tracker.middleware import SignedIn
from tracker.models import Deputy, Organization
from tracker.models.deputies import nameable_by


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: SignedIn) -> HttpResponse:
    """What I may act as, who deputizes for me, and naming a deputy."""
    user, today = request.user, timezone.localdate()
    mine = nameable_by(user).filter(person=user)
    form = DeputyForm(request.POST if request.method == "POST" else None, memberships=mine)
    if request.method == "POST" and form.is_valid() and (deputy := form.name(user)):
        messages.success(request, _("%(deputy)s acts for you from then on.") % {"deputy": deputy.person})
        return redirect("account")
    context = {
        "held": user.may_act_in(today).select_related("organization__parent", "person"),
        "deputies": Deputy.objects.filter(membership__person=user).unended(today).with_names(),
        "deputizing": Deputy.objects.filter(person=user).unended(today).with_names(),
        "form": form if mine.exists() else None,
        "today": today,
    }
    return render(request, "tracker/people/account.html", context, status=422 if form.errors else 200)


@require_POST
def end_deputy(request: SignedIn, pk: int) -> HttpResponse:
    deputy = get_object_or_404(Deputy.objects.filter(membership__person=request.user), pk=min(pk, 2**63 - 1))
    deputy.end(by=request.user)
    messages.success(request, _("%(deputy)s no longer acts for you.") % {"deputy": deputy.person})
    return redirect("account")


@sensitive_post_parameters()
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Set a password with a one-time code. Wrong ones count as wrong passwords do: name and address together wait."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        credentials = {"username": form.cleaned_data["username"]}
        if not AxesProxyHandler.is_allowed(request, credentials):
            return get_lockout_response(request, credentials=credentials)
        if form.redeem():
            messages.success(request, _("Your password is set. Sign in with it."))
            return redirect("login")
        if form.non_field_errors():
            user_login_failed.send(sender=__name__, credentials=credentials, request=request)
    root = Organization.objects.filter(parent=None).first()
    status = 422 if form.errors else 200
    return render(request, "registration/code.html", {"form": form, "root": root}, status=status)
