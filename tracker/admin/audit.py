"""The operations log in the back office: read by auditors, taken away as a file, and that is logged too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext_lazy as _

from tracker.models import Operation, Organization, User
from tracker.models.audit import Sent
from tracker.models.sheets import csv_lines

from .base import BackOfficeAdmin
from .events import WhenFilter
from .fields import is_key

CHUNK = 1_000  # rows of the file made at a time
DID = {
    "added": _("Added"),
    "changed": _("Changed"),
    "deleted": _("Deleted"),
    "invited": _("Handed out a one-time code"),
    "handed_over": _("Handed over"),
    "loaded": _("Loaded a roster"),
    "imported": _("Imported"),
    "made": _("Made"),
    "revoked": _("Revoked"),
}
DETAILS = {
    "filter": _("filter"),
    "rows": _("rows"),
    "status": _("status code"),
    "method": _("method"),
    "ran": _("action"),
    "keys": _("keys"),
    "token": _("token"),
}


class PickedFilter(admin.SimpleListFilter):
    """One person or body, picked in a row of the list: there are too many to offer."""

    model: type[User] | type[Organization]
    parameter_name = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Named only if a line that this auditor reads names it."""
        value = request.GET.get(self.parameter_name, "")
        if not is_key(value):
            return []
        told = model_admin.get_queryset(request).filter(**{self.parameter_name: value})
        found = self.model._default_manager.filter(pk=value).first() if told.exists() else None
        return [(value, str(found))] if found else []

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Operation]) -> QuerySet[Operation]:
        value = self.value() or ""
        return queryset.filter(**{self.parameter_name: value}) if is_key(value) else queryset


class PersonFilter(PickedFilter):
    title, parameter_name, model = Operation._meta.get_field("by").verbose_name, "by", User


class BodyFilter(PickedFilter):
    title = Operation._meta.get_field("acting_organization").verbose_name
    parameter_name, model = "acting_organization", Organization


def picking(name: str, key: int, words: Any) -> str:
    """The words, as a link that narrows the list to what they name."""
    return format_html('<a href="{}?{}={}">{}</a>', reverse("admin:tracker_operation_changelist"), name, key, words)


def as_words(row: Operation) -> str:
    """What the action does not say: the record and its fields, or the filter and its rows, or the answer given."""
    detail = dict(row.detail)
    try:
        opts = apps.get_model("tracker", detail.pop("model", ""))._meta
    except LookupError:
        opts = None
    said = []
    if opts:
        did = {
            "did": DID.get(detail.pop("did", ""), ""),
            "record": opts.verbose_name,
            "key": detail.pop("key", "") or "",
        }
        names = gettext(", ").join(str(field_name(opts, name)) for name in detail.pop("fields", []))
        said.append(labelled(gettext("%(did)s %(record)s %(key)s") % did, names))
    said += [labelled(DETAILS.get(name, name), value) for name, value in detail.items() if value not in ("", None, [])]
    return gettext("; ").join(said)


def labelled(label: Any, value: Any) -> str:
    words = gettext(", ").join(map(str, value)) if isinstance(value, list) else value
    return gettext("%(label)s: %(value)s") % {"label": label, "value": words} if words != "" else str(label).strip()


def field_name(opts: Any, name: str) -> Any:
    try:
        return opts.get_field(name).verbose_name
    except FieldDoesNotExist:
        return name


class OperationAdmin(BackOfficeAdmin):
    change_list_template = "admin/tracker/operation/change_list.html"
    list_display = ("at_second", "action", "result", "told_by", "told_as", "address", "what", "told")
    list_display_links = ("at_second",)
    list_filter = ("action", "result", WhenFilter, PersonFilter, BodyFilter)
    list_select_related = ("by", "acting_organization")
    search_fields = ("username", "by__name", "acting_organization__name", "^acting_organization__code", "target")
    search_help_text = _("A person, a user name, an organization, or what was done.")
    ordering = ("-pk",)  # as they were written: an index answers this at any size
    sortable_by = ()
    fields = ("at_second", "action", "result", "told_by", "username", "told_as", "address", "what", "told")
    readonly_fields = fields

    @admin.display(description=Operation._meta.get_field("at").verbose_name)
    def at_second(self, obj: Operation) -> str:
        return f"{timezone.localtime(obj.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=Operation._meta.get_field("by").verbose_name)
    def told_by(self, obj: Operation) -> str:
        return picking("by", obj.by_id, obj.by) if obj.by_id else obj.username

    @admin.display(description=Operation._meta.get_field("acting_role").verbose_name)
    def told_as(self, obj: Operation) -> str:
        body = obj.acting_organization
        if body is None:
            return obj.get_acting_role_display()
        return picking("acting_organization", body.pk, f"{body.short} · {obj.get_acting_role_display()}")

    @admin.display(description=Operation._meta.get_field("target").verbose_name)
    def what(self, obj: Operation) -> str:
        return obj.target

    @admin.display(description=Operation._meta.get_field("detail").verbose_name)
    def told(self, obj: Operation) -> str:
        return as_words(obj)

    # The file: what the list's filters leave, all of it.

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.csv_view)
        return [path("csv/", page, name="tracker_operation_csv"), *super().get_urls()]

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(f"{reverse('admin:tracker_operation_changelist')}?e=1")
        sent, language = Sent(request), get_language() or ""
        names = ("at", "action", "result", "by", "username", "acting_role", "acting_organization", "address", "target")
        header = [capfirst(field_name(self.opts, name)) for name in (*names, "detail")]
        name = f"{capfirst(self.opts.verbose_name_plural)}_{timezone.localdate()}.csv"
        return StreamingHttpResponse(
            sent.logged(csv_lines(header, sent.counted(chunks(rows, language)))),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": content_disposition_header(True, name) or "", "Cache-Control": "no-store"},
        )


def chunks(rows: QuerySet[Operation], language: str) -> Iterator[list[list[Any]]]:
    """The lines as rows of the file, a thousand at a time; made after the view, so the language is put on again."""
    stream = rows.iterator(chunk_size=CHUNK)
    while True:
        with override(language):
            chunk = [as_row(row) for row in islice(stream, CHUNK)]
        if not chunk:
            return
        yield chunk


def as_row(row: Operation) -> list[Any]:
    return [
        f"{timezone.localtime(row.at):%Y-%m-%d %H:%M:%S}",
        row.get_action_display(),
        row.get_result_display(),
        str(row.by or ""),
        row.username,
        row.get_acting_role_display(),
        str(row.acting_organization or ""),
        row.address or "",
        row.target,
        as_words(row),
    ]
