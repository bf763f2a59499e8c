"""Organizations in the back office: added under their parents, described and described again, never moved here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tracker.models import Organization

from .base import RecordAdmin
from .fields import CodedForm, beside_parent


class OrganizationAdmin(RecordAdmin):
    form = CodedForm
    list_display = ("code", "name", "parent_name", "level", "line", "contact", "telephone")
    list_display_links = ("code", "name")
    list_filter = ("level", "line")
    search_fields = ("name", "short_name", "^code")
    search_help_text = _("Part of a name, or the beginning of a code.")
    ordering = ("path",)
    sortable_by = ("code", "name")
    autocomplete_fields = ("parent", "industry")
    fieldsets = (
        (None, {"fields": ("code", "name", "short_name", "level", "credit_code")}),
        (
            _("Place in the federation"),
            {
                "fields": ("line", "parent", "industry"),
                "description": _("Set once, when the organization is added: everything below it stands on this place."),
            },
        ),
        (_("Contact"), {"fields": ("contact", "telephone")}),
    )

    def label(self, obj: Organization) -> str:
        return beside_parent(obj)

    @admin.display(description=Organization._meta.get_field("parent").verbose_name)
    def parent_name(self, obj: Organization) -> str | None:
        return obj.parent.name if obj.parent else None

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("parent")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("code", "line", "parent", "industry") if obj else ()

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        obj._history_user = request.user  # type: ignore[attr-defined]
        if change:
            # Named fields alone: the counter of children may have moved on since this row was read.
            obj.save(update_fields=form.changed_data)
        else:
            obj.place()
