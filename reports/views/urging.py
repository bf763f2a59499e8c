"""Urging from the ledger: the bodies its filter shows, counted first."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from tracker.forms import UrgeForm
from tracker.middleware import SignedIn
from tracker.models import Nudge, Period, TransitionRefused
from tracker.models.nudges import Urged

from .ledger import read, shown


@require_http_methods(["GET", "HEAD", "POST"])
def urge(request: SignedIn, slug: str) -> HttpResponse:
    """How many would be urged; confirmed, all of them. The query string is the ledger's own."""
    if not request.user.may_urge:
        raise PermissionDenied
    conditions = read(request, slug)
    if not conditions.is_valid():
        return shown(request, conditions, status=400)
    period = conditions.chosen_period
    if period is None or period.is_locked:
        messages.error(request, _("Choose a period that is still open in the filter, then urge."))
        return redirect(f"{reverse('ledger', args=[slug])}?{request.GET.urlencode()}")
    bodies = conditions.found.order_by().values("organization")
    query, back = came_from(request)
    form = UrgeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            urged = Nudge.objects.urge(period, bodies, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_refusal(error)
        except TransitionRefused as refused:
            messages.error(request, refused.message)
        else:
            if urged.bodies or not urged.again:
                messages.success(request, told(urged))
                return redirect(back or "nudges")
            form.add_error("reason", _("All of them were urged today already. To urge them once more, say why."))
    foreseen = Nudge.objects.foresee(period, bodies, request.user)
    context = {
        "plan": conditions.plan,
        "period": period,
        "foreseen": foreseen,
        "form": form,
        "query": query,
        "back": back,
        "chips": conditions.chips,
        "text": for_chat(request, period, foreseen),
    }
    return render(request, "reports/urge.html", context, status=422 if form.errors else 200)


def came_from(request: SignedIn) -> tuple[str, str]:
    """The ledger's conditions, and the page one came from to urge, if that is another page of ours."""
    query = request.GET.copy()
    back = query.pop("next", [""])[-1]
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return query.urlencode(), back if safe else ""


def told(urged: Urged) -> str:
    words = ngettext("%(n)d organization was urged.", "%(n)d organizations were urged.", urged.bodies)
    return words % {"n": urged.bodies} + (
        _(" %(n)d had been urged today already.") % {"n": urged.again} if urged.again else ""
    )


def for_chat(request: SignedIn, period: Period, foreseen: Urged) -> str:
    """Counts and a link; no names of people or bodies, because a chat group is no place for them."""
    site = settings.SITE_URL or f"{request.scheme}://{request.get_host()}"
    return _(
        "[Reminder] %(period)s is due on %(due)s. As of %(now)s, %(bodies)d organizations have %(items)d items not "
        "reported yet. Please sign in and report: %(link)s"
    ) % {
        "period": period.title,
        "due": date_format(period.due, "DATE_FORMAT"),
        "now": f"{timezone.localtime():%Y-%m-%d %H:%M}",
        "bodies": foreseen.bodies + foreseen.again,
        "items": foreseen.items,
        "link": site + reverse("home"),
    }
