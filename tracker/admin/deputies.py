"""Deputies in the back office: an administrator names one, or ends one, for somebody in scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext

from tracker.forms import DeputyForm
from tracker.models import Deputy, User
from tracker.models.deputies import nameable_by

from .base import asker
from .fields import is_key

if TYPE_CHECKING:
    from .people import PersonAdmin


def deputies_page(admin: PersonAdmin, request: HttpRequest, person: User) -> HttpResponse:
    if not admin.may_change(request, person):
        raise PermissionDenied
    by, today = asker(request), timezone.localdate()
    theirs = nameable_by(by).filter(person=person)
    ending = request.POST.get("end", "")
    if ending:
        rows = Deputy.objects.filter(membership__person=person).ended_by(by)
        get_object_or_404(rows, pk=ending if is_key(ending) else 0).end(by=by)
        messages.success(request, gettext("The deputy no longer acts for %s.") % person)
        return redirect("admin:tracker_user_deputies", person.pk)
    form = DeputyForm(request.POST if request.method == "POST" else None, memberships=theirs)
    if request.method == "POST" and form.is_valid() and (deputy := form.name(by)):
        messages.success(request, gettext("%(deputy)s is deputy now.") % {"deputy": deputy.person})
        return redirect("admin:tracker_user_deputies", person.pk)
    context = admin.admin_site.each_context(request) | {
        "title": gettext("Deputies of %s") % person,
        "opts": admin.opts,
        "original": person,
        "form": form if theirs.exists() else None,
        "deputies": Deputy.objects.filter(membership__person=person).unended(today).with_names(),
        "today": today,
    }
    return TemplateResponse(request, "admin/tracker/user/deputies.html", context, status=422 if form.errors else 200)
