"""Organizations from a file: choose it, see what it would do and what is wrong with it, then load it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Organization
from tracker.models.loading import OPTIONAL, Loading, load_organizations, look_over
from tracker.models.looked_over import drop, keep, kept
from tracker.models.organization_files import HEADERS, read

from .base import asker

if TYPE_CHECKING:
    from .organizations import OrganizationAdmin

MEGABYTES = 20
SHOWN = 200  # lines of each list on the page
SESSION = "organizations_file"  # the session's key for the file that was looked over


class FileForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": _("Choose the file first."), "empty": _("The file is empty.")},
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MEGABYTES * 1024 * 1024:
            words = _("The file has more than %(most)d MB. Load it in parts, or ask for it to be loaded on the server.")
            raise ValidationError(words, params={"most": MEGABYTES})
        return file


def load_page(admin: OrganizationAdmin, request: HttpRequest) -> HttpResponse:
    if not admin.has_administer_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return show(admin, request, FileForm())
    if "load" in request.POST:
        return load(admin, request)
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return show(admin, request, form)
    content = form.cleaned_data["file"].read()
    try:
        loading = look_over(read(content), by=asker(request))
    except ValidationError as error:
        form.add_error("file", error.messages)
        return show(admin, request, form)
    if not loading.complaints:
        request.session[SESSION] = keep(content)
    return show(admin, request, form, loading)


def load(admin: OrganizationAdmin, request: HttpRequest) -> HttpResponse:
    """Load the file that was looked over. It is checked once more: somebody may have been here meanwhile."""
    form = FileForm()
    name = request.session.pop(SESSION, "")
    content = kept(name)
    if content is None:
        messages.warning(request, gettext("The file is not there any more. Choose it once more."))
        return show(admin, request, form)
    drop(name)
    try:
        loaded = load_organizations(read(content), by=asker(request))
    except ValidationError as error:
        for line in error.messages[:SHOWN]:
            messages.error(request, line)
        messages.error(request, gettext("Nothing was loaded."))
        return show(admin, request, form)
    except IntegrityError:
        messages.error(request, gettext("Somebody was here before you; nothing was loaded. Look it over once more."))
        return show(admin, request, form)
    words = gettext("Organizations: %(made)d made, %(changed)d changed, %(unchanged)d as they were.")
    messages.success(request, words % loaded._asdict())
    return redirect("admin:tracker_organization_changelist")


def show(
    admin: OrganizationAdmin, request: HttpRequest, form: FileForm, loading: Loading | None = None
) -> HttpResponse:
    context = admin.admin_site.each_context(request) | {
        "title": gettext("Load organizations from a file"),
        "opts": admin.opts,
        "form": form,
        "loading": loading,
        "columns": list(columns()),
        "shown": SHOWN,
        "megabytes": MEGABYTES,
    }
    if loading:
        context |= {
            "complaints": loading.complaints[:SHOWN],
            "made": list(loading.new.values())[:SHOWN],
            "changed": list(changes(loading)),
        }
    return TemplateResponse(request, "admin/tracker/organization/load.html", context)


def columns() -> Iterator[tuple[str, str, bool]]:
    """Each column's name in files, its names in the reader's language, and whether it may be left out."""
    for column, label in HEADERS.items():
        yield column, str(label), column in OPTIONAL


def changes(loading: Loading) -> Iterator[tuple[Organization, list[tuple[Any, Any, Any]]]]:
    """The first of the standing bodies that change, each with field, old and new."""
    for code, values in list(loading.changed.items())[:SHOWN]:
        body = loading.standing[code]
        fields: list[tuple[Any, Any, Any]] = []
        for name, value in values.items():
            field: Any = Organization._meta.get_field(name)
            labels = dict(field.flatchoices)
            old = getattr(body, name)
            fields.append((field.verbose_name, labels.get(old, old) or "—", labels.get(value, value) or "—"))
        yield body, fields
