"""What every page of the back office shares: who may, within which scope, how lists, fields and histories behave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
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
from django.db.models import Q
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from simple_history.template_utils import HistoricalRecordContextHelper

from tracker import access
from tracker.models import Operation, Organization, TransitionRefused, User
from tracker.models.course import in_words

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
    return user.at_root


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
        """What may be chosen is what the list of those records shows this person; a closed body receives nothing."""
        rows = self.admin_site.get_model_admin(db_field.remote_field.model).get_queryset(request)
        return rows.open() if db_field.remote_field.model is Organization else rows

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
    found_by: dict[str, Any] = {}  # relations to bodies and tasks that find a row
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

    def may(self, request: HttpRequest, column: str) -> bool:
        """Whether this person's role opens such a page of these records."""
        return asker(request).may(access.record(self.opts.model_name or "", column))

    def may_change(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether this person changes such records, or this one. One query an object."""
        if not self.may(request, "change") or obj is None or obj.pk is None:
            return self.may(request, "change")
        if not hasattr(obj, "may_be_changed"):
            obj.may_be_changed = self.get_editable(request).filter(pk=obj.pk).exists()
        return obj.may_be_changed

    def get_editable(self, request: HttpRequest) -> models.QuerySet[Any]:
        return self.model._default_manager.editable_by(asker(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "see")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "see")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "delete") and self.may_change(request, obj)

    def has_administer_permission(self, request: HttpRequest) -> bool:
        """For actions that change what the list itself does not."""
        return self.may(request, "act")

    # Within which scope.

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> models.QuerySet[Any]:
        rows: Any = super().get_field_queryset(db, db_field, request)
        return rows.open() if rows.model is Organization else rows

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.visible_to(asker(request)) if hasattr(rows, "visible_to") else rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field) if is_key(object_id) else None
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
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not all(map(is_key, chosen)):
            messages.warning(request, gettext("Choose rows of the list first."))
            return None
        response = super().response_action(request, queryset, *args)
        if response and response.status_code == 302 and chosen:  # done; a page would only ask
            action = request.POST.get("action", "")
            Operation.note(Operation.Action.ADMINISTERED, request, target=request.path, ran=action, keys=chosen[:200])
        return response

    # What is done here stands in the operations log, in the same transaction.

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Called when a form and the rows below it (a person's roles) are saved; each is told by itself."""
        if add or form.changed_data:
            self.record(request, form.instance, "added" if add else "changed", [] if add else form.changed_data)
        for rows in formsets or ():
            for obj in rows.new_objects:
                self.record(request, obj, "added")
            for obj, names in rows.changed_objects:
                self.record(request, obj, "changed", names)
            for obj in rows.deleted_objects:
                self.record(request, obj, "deleted")
        return super().construct_change_message(request, form, formsets, add)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self.record(request, obj, "deleted")
        return super().log_deletions(request, queryset)

    def record(self, request: HttpRequest, obj: Any, did: str, names: Iterable[str] = ()) -> None:
        """Which record and which of its fields; never what was typed, which may be a password."""
        model = obj._meta.model_name
        action = {"user": Operation.Action.ACCOUNT, "membership": Operation.Action.ROLE}.get(model)
        kept_by = cast(BackOfficeAdmin, self.admin_site._registry.get(type(obj)))
        target = kept_by.label(obj) if kept_by else str(obj)  # what stands on another record's page has no list
        told = {"did": did, "model": model, "key": obj.pk, "fields": list(names)}
        Operation.record(action or Operation.Action.ADMINISTERED, request, target=target, **told)

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

    def get_search_fields(self, request: HttpRequest) -> Any:
        return super().get_search_fields(request) or tuple(self.found_by)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Bodies and tasks are found by their own `search`, and rows also by that of the bodies and tasks they name."""
        words = search_term.replace("\0", " ")[:WORDS_LIMIT]
        if hasattr(queryset, "search"):
            return queryset.search(words), False
        if not self.found_by:
            return super().get_search_results(request, queryset, words)
        for word in words.split():
            found = Q(*((f"{name}__icontains", word) for name in self.search_fields), _connector=Q.OR)
            for name, model in self.found_by.items():
                found |= Q((f"{name}__in", model.objects.search(word).values("pk")))
            queryset = queryset.filter(found)
        return queryset, True


class ReadAdmin(BackOfficeAdmin):
    """Records that are only read here."""

    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
        return self.may(request, "change") and at_root(asker(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and at_root(asker(request))


class Changes(HistoricalRecordContextHelper):
    """What a version changed, in words, uncut."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        return in_words(self.model._meta.get_field(change.field), super().prepare_delta_change_value(change, value))
