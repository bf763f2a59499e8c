"""What every page of the back office shares: who may, within which scope, how lists, fields and histories behave."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db import IntegrityError, models
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from simple_history.template_utils import HistoricalRecordContextHelper

from tracker.models import Level, Organization, TransitionRefused, User

from .fields import DayField, DayInput, ManyField, ManyPicker, OrganizationField, Picker, is_key

# The mixin stands before the classes of Django that have these methods.
Base: Any = admin.options.BaseModelAdmin if TYPE_CHECKING else object

LIST_LIMIT = 10_000  # rows a list counts and pages through; what is longer is narrowed, not counted (design §4)
WORDS_LIMIT = 200  # characters of a search: SQLite refuses longer patterns and deeper conditions
LOOKUPS = ("", "__exact", "__id__exact", "__isnull", "__isempty", "__gte", "__lt")


def asker(request: HttpRequest) -> User:
    """The person asking: nobody else comes past LoginRequiredMiddleware."""
    return cast(User, request.user)


def plain(model: type[models.Model], name: str, label: Any = None) -> Any:
    """A column of a list as a table shows it: ISO dates, and a mark only where something is so."""
    field: Any = model._meta.get_field(name)

    @admin.display(description=label or field.verbose_name, ordering=name)
    def shown(self: Any, obj: Any) -> str:
        value = getattr(obj, name)
        if isinstance(value, dt.datetime):
            return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
        if isinstance(value, bool):
            return str(_("Yes")) if value else "—"
        return value.isoformat() if value else "—"

    return shown


def at_root(user: User) -> bool:
    return user.organization is not None and user.organization.parent_id is None


class BoundedPaginator(Paginator):
    """Counts no further than a person pages, and finds the keys of a page before its rows."""

    @cached_property
    def count(self) -> int:
        rows = cast("models.QuerySet[Any]", self.object_list)
        return rows.order_by()[: LIST_LIMIT + 1].count()

    def page(self, number: Any) -> Any:
        number = self.validate_number(number)
        rows = cast("models.QuerySet[Any]", self.object_list)
        keys = list(rows.values_list("pk", flat=True)[(number - 1) * self.per_page : number * self.per_page])
        found = rows.in_bulk(keys)
        return Page([found[key] for key in keys if key in found], number, self)


class ScopedFields(Base):
    """Choices of a form: within the asker's scope, and an organization never without its parent."""

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> models.QuerySet[Any]:
        """What may be chosen is what the list of those records shows this person."""
        return self.admin_site.get_model_admin(db_field.remote_field.model).get_queryset(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest | None, **kwargs: Any) -> Any:
        """Without Django's icons for adding and changing beside a choice: each record has its own page."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and hasattr(field.widget, "can_add_related"):
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest | None, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Organization:
            kwargs.setdefault("form_class", OrganizationField)
        if db_field.name in self.autocomplete_fields:
            kwargs.setdefault("widget", Picker(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None, **kwargs: Any) -> Any:
        widget = ManyPicker(db_field, self.admin_site)
        return super().formfield_for_manytomany(db_field, request, form_class=ManyField, widget=widget, **kwargs)


class BackOfficeAdmin(ScopedFields, admin.ModelAdmin):
    """Rights come from `access.py`, scopes from the querysets; nothing is deleted."""

    list_per_page = 50
    list_limit = LIST_LIMIT
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    formfield_overrides = {
        models.DateField: {"form_class": DayField, "widget": DayInput},
        models.TextField: {"widget": AdminTextareaWidget(attrs={"rows": 4})},
    }

    def label(self, obj: Any) -> str:
        """How one row is written where it is picked."""
        return str(obj)

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None

    # Who may.

    def may_change(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether this person changes such records, or this one. One query an object."""
        user = asker(request)
        if not user.may_administer or obj is None or obj.pk is None:
            return user.may_administer
        if not hasattr(obj, "may_be_changed"):
            obj.may_be_changed = self.get_editable(request).filter(pk=obj.pk).exists()
        return obj.may_be_changed

    def get_editable(self, request: HttpRequest) -> models.QuerySet[Any]:
        return self.model._default_manager.editable_by(asker(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return asker(request).may_inspect

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_inspect

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_administer_permission(self, request: HttpRequest) -> bool:
        """For actions that change what the list itself does not."""
        return asker(request).may_administer

    # Within which scope.

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.visible_to(asker(request)) if hasattr(rows, "visible_to") else rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """What stands may go on standing, even where it lies out of scope (a province is reviewed by the nation)."""
        form = super().get_form(request, obj, change=change, **kwargs)
        for name, field in form.base_fields.items():
            current = getattr(obj, f"{name}_id", None)
            if current and isinstance(field, ModelChoiceField):
                rows: Any = field.queryset
                field.queryset = rows | rows.model._default_manager.filter(pk=current)
        return form

    # Pages.

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if ERROR_FLAG in request.GET:
            messages.warning(request, gettext("A filter in the address was not understood, so it was left out."))
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def response_action(self, request: HttpRequest, queryset: Any, *args: Any) -> HttpResponse | None:
        if not all(map(is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            messages.warning(request, gettext("Choose rows of the list first."))
            return None
        return super().response_action(request, queryset, *args)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """The forms check first; what the models still refuse was changed by somebody in between."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (ValidationError, TransitionRefused) as refusal:
            for line in getattr(refusal, "messages", None) or [str(refusal)]:
                messages.error(request, line)
        except IntegrityError:
            messages.error(
                request, gettext("Somebody was here before you; nothing was saved. Look, then try once more.")
            )
        return HttpResponseRedirect(request.get_full_path())

    def beside_form(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the page of one record shows beside its form."""
        return {}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        beside = self.beside_form(request, obj) if obj else {}
        return super().render_change_form(request, context | beside, *args, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """The list's own filters, and nothing typed into the address beside them."""
        known = [f[0] if isinstance(f, tuple) else getattr(f, "parameter_name", f) for f in self.list_filter]
        if "\0" in value or lookup not in {f"{name}{suffix}" for name in known for suffix in LOOKUPS}:
            raise IncorrectLookupParameters
        return True

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return super().get_search_results(request, queryset, search_term.replace("\0", " ")[:WORDS_LIMIT])


class RecordAdmin(BackOfficeAdmin, SimpleHistoryAdmin):
    """Records whose every change is kept."""

    object_history_template = "admin/history.html"
    object_history_list_template = "admin/history_list.html"

    def get_urls(self) -> list[Any]:
        """Without simple-history's page of one version: it saves what is posted there, whatever the person may."""
        return super(SimpleHistoryAdmin, self).get_urls()

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Of what lies in scope; of what was deleted, for inspectors of the root, who see everything."""
        key = unquote(object_id)
        if not is_key(key):
            raise Http404
        if not at_root(asker(request)):
            self.get_object(request, key)
        return super().history_view(request, key, extra_context)

    def get_historical_record_context_helper(self, request: HttpRequest, historical_record: Any) -> Any:
        return Changes(self.model, historical_record, max_displayed_delta_change_chars=1_000_000)


class RootAdmin(RecordAdmin):
    """The plan and the calendar belong to the root: its administrators alone change them, every inspector sees them."""

    def may_change(self, request: HttpRequest, obj: Any = None) -> bool:
        user = asker(request)
        return user.may_administer and at_root(user)


class Changes(HistoricalRecordContextHelper):
    """What a version changed, in words, uncut."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        return in_words(self.model._meta.get_field(change.field), super().prepare_delta_change_value(change, value))


def in_words(field: Any, value: Any) -> str:
    """A stored value as a person reads it."""
    if value is None or value == "" or value == []:
        return "—"
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if getattr(field, "name", "") == "levels":
        return gettext(", ").join(str(Level(level).label) for level in value)
    if isinstance(value, list):
        return gettext(", ").join(map(str, value))
    return str(dict(getattr(field, "flatchoices", ())).get(value, value))
