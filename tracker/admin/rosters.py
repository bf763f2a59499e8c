"""Accounts and roles by the thousand: a file, what it would do, and doing all of it or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Operation, Role, TransitionRefused
from tracker.models.rosters import COLUMNS, Roster, check_roster, heading, load_roster, read_roster
from tracker.models.sheets import text_of

from .base import asker
from .codes import INVITED

if TYPE_CHECKING:
    from .people import PersonAdmin

LARGEST = 2 * 1024 * 1024  # bytes of a file: some 25,000 lines
SHOWN = 100  # complaints, people and roles listed; the counts are of all


class RosterForm(forms.Form):
    """A file at first; then its text, so that what was previewed is what is loaded. It is checked each time."""

    file = forms.FileField(label=_("CSV file"), required=False, widget=forms.FileInput(attrs={"accept": ".csv,.txt"}))
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        file = given.get("file")
        if file is not None and file.size > LARGEST:
            self.add_error("file", _("The file is larger than 2 MB. Divide it."))
        elif file is None and not given.get("text") and not self.errors:
            self.add_error("file", _("Choose a CSV file."))
        elif not self.errors:
            try:
                given["text"] = text_of(file.read()) if file is not None else given["text"]
                given["lines"] = read_roster(given["text"])
            except ValidationError as error:
                self.add_error("file", error)
        return given


def roster_page(admin: PersonAdmin, request: HttpRequest) -> HttpResponse:
    if not admin.may_change(request):
        raise PermissionDenied
    posted = request.method == "POST"
    form = RosterForm(request.POST if posted else None, request.FILES if posted else None)
    preview: Roster | None = None
    if form.is_valid():
        if "load" in request.POST and form.cleaned_data["file"] is None:
            try:
                with transaction.atomic():
                    roster = load_roster(form.cleaned_data["lines"], by=asker(request))
                    told: dict[str, Any] = {"did": "loaded", "model": "user", "rows": len(form.cleaned_data["lines"])}
                    Operation.record(Operation.Action.ACCOUNT, request, **told)
                return loaded(request, roster)
            except TransitionRefused as refused:
                messages.error(request, refused.message)
            except ValidationError:
                pass  # the preview below says what is wrong now
        preview = check_roster(form.cleaned_data["lines"], by=asker(request))
    context = admin.admin_site.each_context(request) | {
        "title": gettext("Load a roster"),
        "opts": admin.opts,
        "form": form,
        "preview": preview,
        "shown": SHOWN,
        "text": form.cleaned_data["text"] if preview and not preview.complaints else "",
        "invited": len(request.session.get(INVITED, [])),
        "columns": [heading(name) for name in COLUMNS],
        "roles": [role.label for role in Role],
    }
    status = 422 if form.errors or (preview and preview.complaints) else 200
    return TemplateResponse(request, "admin/tracker/user/roster.html", context, status=status)


def loaded(request: HttpRequest, roster: Roster) -> HttpResponse:
    messages.success(request, roster.words)
    request.session[INVITED] = [person.pk for person in roster.made]
    return redirect("admin:tracker_user_roster")
