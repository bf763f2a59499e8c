"""Assignments in the back office: changed by their own methods, so that each change leaves its event."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Assignment, Event, Organization, Task, tallying

from .base import BackOfficeAdmin, asker, plain
from .events import events_page, tell
from .exchange import Exchanged
from .exchange.records import AssignmentResource
from .fields import ReasonField, beside_parent, check_order

EVENTS_SHOWN = 50


class EndedFilter(admin.SimpleListFilter):
    title = Assignment._meta.get_field("ended_on").verbose_name
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("Going on")), ("yes", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Assignment]) -> QuerySet[Assignment]:
        if self.value() in ("yes", "no"):
            return queryset.filter(ended_on__isnull=self.value() == "no")
        return queryset


class AssignmentForm(forms.ModelForm):
    """Changing one assignment. A reason is asked for only where status or light is set by hand."""

    status_why = ReasonField(
        label=_("reason for the status"),
        required=False,
        help_text=_("Only needed when the status is changed: it holds until the next accepted entry."),
    )
    light_why = ReasonField(
        label=_("reason for the light"),
        required=False,
        help_text=_("Only needed when the light is set by hand, or given back to the rules (—)."),
    )

    def clean(self) -> None:
        super().clean()
        check_order(self, "start", "due")
        for name, why, words in (
            ("status", "status_why", _("Give the reason for setting the status by hand.")),
            ("stated_light", "light_why", _("Give the reason for setting the light by hand.")),
        ):
            if name in self.changed_data and not self.cleaned_data.get(why, "").strip():
                self.add_error(why, words)
        body, reviewing = self.instance.organization, self.cleaned_data.get("reviewing")
        if "reviewing" in self.changed_data and "reviewing" in self.cleaned_data:
            if reviewing is None and body.parent_id:
                self.add_error("reviewing", _("Name the organization that reviews; only the national body has none."))
            elif reviewing == body:
                self.add_error("reviewing", _("An organization does not review its own entries."))


class NewAssignmentForm(forms.ModelForm):
    owe_now = forms.BooleanField(
        label=_("owes in the period now open"),
        required=False,
        help_text=_("Otherwise what is assigned today owes from the next period on."),
    )

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        task, body = given.get("task"), given.get("organization")
        if task and given.get("start") is None and task.start and given.get("due") and given["due"] < task.start:
            words = gettext("The due date is before the start of %(code)s (%(start)s).")
            self.add_error("due", words % {"code": task.code, "start": task.start})
        check_order(self, "start", "due")
        if not task or not body:
            return
        if body.assignments.filter(task=task).exists():
            self.add_error("organization", _("This organization has the task already; change that assignment instead."))
        elif body.level not in task.levels:
            words = gettext("This organization's level (%s) is not among the task's levels.")
            self.add_error("organization", words % body.get_level_display())


class AssignmentAdmin(Exchanged, BackOfficeAdmin):
    exchanged = AssignmentResource
    change_form_template = "admin/tracker/assignment/change_form.html"
    list_display = ("code", "organization_name", "part", "status", "light_shown", "light_words", "due_day", "ended_day")
    list_display_links = ("code", "organization_name")
    list_filter = ("status", "light", "part", "standing", EndedFilter, "task__plan", "task__heading__area")
    found_by = {"task": Task, "organization": Organization}
    search_help_text = _("A code, or words or pinyin of a task or an organization.")
    ordering = ("organization__path", "task")
    sortable_by = ()
    autocomplete_fields = ("task", "organization", "reviewing")
    due_day, ended_day = plain(Assignment, "due"), plain(Assignment, "ended_on")
    is_standing = plain(Assignment, "standing")
    SETTINGS = Assignment.AMENDABLE
    FOLLOWS = ("percent", "light_shown", "light_words", "handed_on", "struck_off_on", "frequency", "is_standing")

    @admin.display(description=Assignment._meta.get_field("task").verbose_name)
    def code(self, obj: Assignment) -> str:
        return obj.task.code

    @admin.display(description=Assignment._meta.get_field("organization").verbose_name)
    def organization_name(self, obj: Assignment) -> str:
        return beside_parent(obj.organization)

    @admin.display(description=Assignment._meta.get_field("reviewing").verbose_name)
    def reviewing_name(self, obj: Assignment) -> str | None:
        return beside_parent(obj.reviewing) if obj.reviewing else None

    @admin.display(description=Assignment._meta.get_field("light").verbose_name)
    def light_shown(self, obj: Assignment) -> str:
        return format_html('<span class="light {}">{}</span>', obj.light, obj.get_light_display())

    @admin.display(description=Assignment._meta.get_field("light_reason").verbose_name)
    def light_words(self, obj: Assignment) -> str:
        return obj.light_words

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("task__plan", "organization__parent", "reviewing__parent")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs.setdefault("form", AssignmentForm if obj else NewAssignmentForm)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("task", "organization", "part", "start", "due", "standard", "owe_now")})]
        may = self.may_change(request, obj)
        settings = [name if may or name != "reviewing" else "reviewing_name" for name in self.SETTINGS]
        return [
            (None, {"fields": ("task", "organization_name", *settings)}),
            (_("Status"), {"fields": ("status", *(("status_why",) if may else ()), "stated_status")}),
            (_("Light"), {"fields": ("stated_light", "light_why" if may else "stated_light_why")}),
            (_("What follows from this and from the entries"), {"fields": self.FOLLOWS}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return ("task", "organization_name", "reviewing_name", "stated_status", "stated_light_why", *self.FOLLOWS)

    def save_model(self, request: HttpRequest, obj: Assignment, form: Any, change: bool) -> None:
        user, given = asker(request), form.cleaned_data
        if not change:
            terms = {name: given[name] for name in ("part", "start", "due", "standard", "owe_now")}
            Assignment.objects.assign([obj.task], [obj.organization], by=user, **terms)
            obj.pk = Assignment.objects.get(task=obj.task, organization=obj.organization).pk
            return
        with tallying():
            settings = {name: given[name] for name in self.SETTINGS if name in form.changed_data}
            if settings:
                obj.amend(by=user, **settings)
            if "status" in form.changed_data:
                obj.state_status(given["status"], given["status_why"], by=user)
            if "stated_light" in form.changed_data:
                obj.state_light(given["stated_light"], given["light_why"], by=user)

    # Events stand below the form, and take the place of a history.

    def beside_form(self, request: HttpRequest, obj: Assignment) -> dict[str, Any]:
        return {"told": tell(events_of(obj)[:EVENTS_SHOWN])}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, object_id)
        return events_page(self, request, obj, events_of(obj))


def events_of(assignment: Assignment) -> QuerySet[Event]:
    return Event.objects.filter(assignment=assignment).told()
