"""One-time codes in the back office: shown once to the administrator who asks for one, or taken as a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from axes.utils import reset
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext

from tracker.models import Membership, OneTimeCode, Operation, User
from tracker.models.rosters import heading
from tracker.models.sheets import csv_of

from .base import asker

if TYPE_CHECKING:
    from .people import PersonAdmin

INVITED = "invited"  # the session's key for whom a roster made and no file of codes was taken yet


def may_hand_out(request: HttpRequest, person: User) -> bool:
    return User.objects.invitable_by(asker(request)).filter(pk=person.pk).exists()


def code_page(admin: PersonAdmin, request: HttpRequest, person: User) -> HttpResponse:
    """Asks first; then shows the code this one time. It stands in no address, no session and no record."""
    if not may_hand_out(request, person):
        raise PermissionDenied
    context = admin.admin_site.each_context(request) | {"opts": admin.opts, "original": person}
    if request.method != "POST":
        context |= {"title": gettext("Hand out a one-time code"), "earlier": earlier(person)}
        return TemplateResponse(request, "admin/tracker/user/code.html", context)
    with transaction.atomic():
        row, code = OneTimeCode.hand_out(person, by=asker(request))
        admin.record(request, person, "invited")
    reset(username=person.username)  # who is vouched for need not wait out wrong passwords
    held = list(person.memberships.filter(asker(request).scope("organization__")).select_related("organization"))
    context |= {"title": gettext("One-time code"), "row": row, "code": code, "held": held}
    response = TemplateResponse(request, "admin/tracker/user/slip.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def earlier(person: User) -> OneTimeCode | None:
    """The code that a new one would void."""
    return person.codes.filter(used_at=None, expires_at__gt=timezone.now()).select_related("made_by").first()


def invitations(request: HttpRequest) -> HttpResponse:
    """The file of codes for whom a roster just made; it can be taken once."""
    keys = request.session.pop(INVITED, []) if request.method == "POST" else []
    if not keys:
        messages.warning(request, gettext("The file was taken already. Choose people in the list to make new codes."))
        return redirect("admin:tracker_user_changelist")
    return file_of_codes(request, User.objects.in_bulk(keys).values())


def file_of_codes(request: HttpRequest, people: Iterable[User]) -> HttpResponse:
    """New codes for those of them whom one may invite, as CSV. A few queries a thousand people."""
    with transaction.atomic():
        made = OneTimeCode.hand_out_all(people, by=asker(request))
        told: dict[str, Any] = {"did": "invited", "model": "user", "rows": len(made)}
        Operation.record(Operation.Action.ACCOUNT, request, **told)
    held = Membership.objects.filter(asker(request).scope("organization__")).select_related("organization")
    prefetch_related_objects(
        [row.person for row, _code in made], Prefetch("memberships", held.order_by("pk"), to_attr="in_scope")
    )
    rows: list[list[Any]] = [
        [heading("username"), heading("name"), gettext("Organization"), gettext("One-time code"), gettext("expires at")]
    ]
    for row, code in made:
        in_scope = row.person.in_scope  # type: ignore[attr-defined]
        bodies = dict.fromkeys(membership.organization.name for membership in in_scope)
        until = f"{timezone.localtime(row.expires_at):%Y-%m-%d %H:%M}"
        rows.append([row.person.username, row.person.name, gettext(", ").join(bodies), code, until])
    response = HttpResponse(csv_of(rows[0], rows[1:]), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="invitations.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response
