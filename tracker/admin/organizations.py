"""Organizations in the back office: added under their parents, described, reorganized, and loaded from files."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tracker.models import Organization

from .base import RecordAdmin, plain
from .exchange import Exchanged
from .exchange.records import OrganizationResource
from .fields import CodedForm, beside_parent
from .loading import load_page
from .reorganizing import ACTS, reorganize_page


class ClosedFilter(admin.SimpleListFilter):
    title = Organization._meta.get_field("closed_on").verbose_name
    parameter_name = "closed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", pgettext_lazy("organization", "Going on")), ("yes", pgettext_lazy("organization", "Closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Organization]) -> QuerySet[Organization]:
        if self.value() in ("yes", "no"):
            return queryset.filter(closed_on__isnull=self.value() == "no")
        return queryset


class CreditCodeField(forms.CharField):
    """Typed in small letters or with blanks it is the same code."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return "".join(text.split()).upper() if text else text


class OrganizationAdmin(Exchanged, RecordAdmin):
    form = CodedForm
    exchanged = OrganizationResource
    change_list_template = "admin/tracker/organization/change_list.html"
    change_form_template = "admin/tracker/organization/change_form.html"
    list_display = ("code", "name", "parent_name", "level", "line", "kind", "contact", "telephone", "closed_day")
    list_display_links = ("code", "name")
    list_filter = ("level", "line", "kind", ClosedFilter)
    search_fields = ("name",)  # a box is shown; where it looks is said by `search`
    search_help_text = _("Part of a name, pinyin or its initials, or the beginning of a code.")
    ordering = ("code",)
    sortable_by = ("code", "name")
    autocomplete_fields = ("parent", "industry")
    closed_day = plain(Organization, "closed_on")
    ENDED = ("closed_on", "merged_into_name", "split_from_name")
    fieldsets = (
        (None, {"fields": ("code", "name", "short_name", "level", "kind", "credit_code", "founded_on")}),
        (
            _("Place in the federation"),
            {
                "fields": ("line", "parent", "industry"),
                "description": _("Given when the organization is added; afterwards it is moved, with all below it."),
            },
        ),
        (_("Contact"), {"fields": ("contact", "telephone")}),
    )

    def label(self, obj: Organization) -> str:
        return beside_parent(obj)

    @admin.display(description=Organization._meta.get_field("parent").verbose_name)
    def parent_name(self, obj: Organization) -> str | None:
        return obj.parent.name if obj.parent else None

    @admin.display(description=Organization._meta.get_field("merged_into").verbose_name)
    def merged_into_name(self, obj: Organization) -> str | None:
        return beside_parent(obj.merged_into) if obj.merged_into else None

    @admin.display(description=Organization._meta.get_field("split_from").verbose_name)
    def split_from_name(self, obj: Organization) -> str | None:
        return beside_parent(obj.split_from) if obj.split_from else None

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("parent")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or not (obj.closed_on or obj.split_from_id):
            return self.fieldsets
        return [*self.fieldsets, (_("Changes of organization"), {"fields": self.ENDED})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("code", "line", "parent", "industry", *self.ENDED) if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest | None, **kwargs: Any) -> Any:
        if db_field.name == "credit_code":
            kwargs["form_class"] = CreditCodeField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        obj._history_user = request.user  # type: ignore[attr-defined]
        if change:
            # Named fields alone: the counter of children may have moved on since this row was read.
            obj.save(update_fields=form.changed_data)
        else:
            obj.place()

    # Reorganizing and loading have pages of their own.

    def get_urls(self) -> list[Any]:
        def page(kind: str) -> Any:
            def view(request: HttpRequest, object_id: str) -> HttpResponse:
                return reorganize_page(self, request, object_id, kind)

            return self.admin_site.admin_view(view)

        def load(request: HttpRequest) -> HttpResponse:
            return load_page(self, request)

        acts = [path(f"<path:object_id>/{kind}/", page(kind), name=f"tracker_organization_{kind}") for kind in ACTS]
        loading = path("load/", self.admin_site.admin_view(load), name="tracker_organization_load")
        return [loading, *acts, *super().get_urls()]

    def beside_form(self, request: HttpRequest, obj: Organization) -> dict[str, Any]:
        """What can be done to it, as pairs of a page's name and the button's word."""
        possible = self.may_change(request, obj) and obj.parent_id and not obj.closed_on
        acts = [(f"admin:tracker_organization_{kind}", form.button) for kind, form in ACTS.items()]
        return {"acts": acts if possible else []}
