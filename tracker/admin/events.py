"""Events in the back office: what was done, told in words; nothing here is changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Assignment, Entry, Event, Organization, State, Task
from tracker.models.course import changes_of

from .base import BackOfficeAdmin, plain


class Told(NamedTuple):
    """One event and what it changed: a label, the old value where there was one, the new one."""

    event: Event
    changes: list[tuple[str, str | None, str]]


def tell(events: Iterable[Event]) -> list[Told]:
    return [Told(event, list(changes_of(event))) for event in events]


def events_page(admin: BackOfficeAdmin, request: HttpRequest, obj: Any, events: QuerySet[Event]) -> HttpResponse:
    """The whole course of a record, where others have a history."""
    context = admin.admin_site.each_context(request) | {
        "title": gettext("History: %s") % obj,
        "opts": admin.opts,
        "object": obj,
        "told": tell(events),
    }
    return TemplateResponse(request, "admin/events.html", context)


class WhenFilter(admin.SimpleListFilter):
    """Since the start of a day, week, month or year. (Django's own filter takes any date, and fails at year 1.)"""

    title = Event._meta.get_field("at").verbose_name
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("day", _("Today")), ("week", _("Past 7 days")), ("month", _("This month")), ("year", _("This year"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        today = timezone.localdate()
        starts = {
            "day": today,
            "week": today - dt.timedelta(days=6),
            "month": today.replace(day=1),
            "year": today.replace(month=1, day=1),
        }
        start = starts.get(self.value() or "")
        return (
            queryset.filter(at__gte=timezone.make_aware(dt.datetime.combine(start, dt.time()))) if start else queryset
        )


class EventAdmin(BackOfficeAdmin):
    list_display = ("at_day", "action", "told_by", "told_as", "task_and_body", "period", "comment")
    list_filter = ("action", WhenFilter)
    list_select_related = ("by", "acting_organization", "assignment__task", "assignment__organization", "entry__period")
    search_fields = ("by__name", "by__username")
    found_by = {"assignment__organization": Organization, "assignment__task": Task}
    search_help_text = _("A person, or a code, words or pinyin of a task or an organization.")
    ordering = ("-pk",)  # as they were written: an index answers this at any size
    sortable_by = ()
    at_day = plain(Event, "at")
    fields = (
        "at",
        "action",
        "told_by",
        "told_as",
        "task_and_body",
        "period",
        "from_words",
        "to_words",
        "comment",
        "content_words",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=Event._meta.get_field("by").verbose_name)
    def told_by(self, obj: Event) -> str:
        return str(obj.by or _("The system"))

    @admin.display(description=Event._meta.get_field("acting_role").verbose_name)
    def told_as(self, obj: Event) -> str:
        return f"{obj.acting_organization.short} · {obj.get_acting_role_display()}" if obj.acting_organization else ""

    @admin.display(description=Assignment._meta.verbose_name)
    def task_and_body(self, obj: Event) -> str:
        return str(obj.assignment)

    @admin.display(description=Entry._meta.get_field("period").verbose_name)
    def period(self, obj: Event) -> str:
        return obj.entry.period.title if obj.entry else ""

    @admin.display(description=Event._meta.get_field("from_state").verbose_name)
    def from_words(self, obj: Event) -> str:
        return str(State(obj.from_state).label) if obj.from_state else ""

    @admin.display(description=Event._meta.get_field("to_state").verbose_name)
    def to_words(self, obj: Event) -> str:
        return str(State(obj.to_state).label) if obj.to_state else ""

    @admin.display(description=Event._meta.get_field("content").verbose_name)
    def content_words(self, obj: Event) -> str:
        return "\n".join(
            f"{label}: {new}" if old is None else f"{label}: {old} → {new}" for label, old, new in changes_of(obj)
        )
