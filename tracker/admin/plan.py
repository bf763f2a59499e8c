"""Plans, areas, headings and figures in the back office: the text stands as adopted, the settings are worked with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Assignment, Level, Plan
from tracker.models.levels import no_lower_than_city

from .base import LIST_LIMIT, RootAdmin, plain
from .exchange import Exchanged, Exported
from .exchange.records import AreaResource, FigureResource, HeadingResource, PlanResource
from .fields import CodedForm, check_order
from .plan_loading import load_page, template_file


class PlanForm(forms.ModelForm):
    brief_levels = forms.MultipleChoiceField(
        label=Plan._meta.get_field("brief_levels").verbose_name,
        help_text=Plan._meta.get_field("brief_levels").help_text,
        choices=Level.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        initial=no_lower_than_city,
    )

    def clean_brief_levels(self) -> list[str]:
        return [level for level in Level.values if level in self.cleaned_data["brief_levels"]]

    def clean(self) -> None:
        super().clean()
        check_order(self, "start", "due")
        check_order(self, "yellow_points", "red_points", _("Red must not come before yellow."))


class PlanAdmin(Exported, RootAdmin):
    exchanged = PlanResource
    change_list_template = "admin/tracker/plan/change_list.html"
    form = PlanForm
    list_display = ("title", "slug", "congress", "start_day", "due_day", "review")
    list_filter = ("review",)
    search_fields = ("title", "full_title", "slug", "congress")
    ordering = ("-start", "slug")
    fieldsets = (
        (None, {"fields": ("slug", "title", "full_title", "general_requirement")}),
        (_("Adoption"), {"fields": ("congress", "body", "delivered_by", "delivered_on", "source")}),
        (_("Rules"), {"fields": ("start", "due", "review", "yellow_days", "yellow_points", "red_points")}),
        (_("Reporting periods"), {"fields": ("by_schedule", "due_after", "locks_after")}),
        (_("Briefs"), {"fields": ("brief_levels",)}),
    )
    start_day, due_day = plain(Plan, "start"), plain(Plan, "due")
    THRESHOLDS = {"yellow_days", "yellow_points", "red_points"}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("slug", "general_requirement") if obj else ()

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and self.THRESHOLDS.intersection(form.changed_data):
            self.judge_anew(request, obj)

    # A whole plan comes from a table, on a page of its own.

    def get_urls(self) -> list[Any]:
        load = self.admin_site.admin_view(self.load_view)
        template = self.admin_site.admin_view(self.template_view)
        return [
            path("load/", load, name="tracker_plan_load"),
            path("load/template.csv", template, name="tracker_plan_template"),
            *super().get_urls(),
        ]

    def load_view(self, request: HttpRequest) -> HttpResponse:
        return load_page(self, request)

    def template_view(self, request: HttpRequest) -> HttpResponse:
        return template_file(self, request)

    def judge_anew(self, request: HttpRequest, plan: Plan) -> None:
        """Other thresholds, other lights: at once where they are few, else by the nightly command."""
        today, rows = timezone.localdate(), Assignment.objects.live().filter(task__plan=plan)
        rows.update(light_changes_on=today)
        if rows[: LIST_LIMIT + 1].count() <= LIST_LIMIT:
            rows.relight(today)
        else:
            messages.info(request, gettext("The lights follow the new thresholds with the next nightly run."))


class AreaAdmin(Exchanged, RootAdmin):
    exchanged = AreaResource
    list_display = ("number", "title", "short", "plan")
    list_display_links = ("number", "title")
    list_filter = ("plan",)
    list_select_related = ("plan",)
    search_fields = ("title", "short")
    ordering = ("plan", "number")
    autocomplete_fields = ("plan",)
    fields = ("plan", "number", "title", "short")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("plan", "number", "title") if obj else ()


class HeadingAdmin(Exported, RootAdmin):
    exchanged = HeadingResource
    form = CodedForm
    list_display = ("code", "title", "area")
    list_display_links = ("code", "title")
    list_filter = ("area__plan", "area")
    list_select_related = ("area",)
    search_fields = ("^code", "title")
    ordering = ("area__plan", "area__number", "number")
    autocomplete_fields = ("area",)
    TEXT = ("area", "number", "code", "title")
    fields = (*TEXT, "span", "span_start", "span_due")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.TEXT if obj else ()


class FigureAdmin(Exchanged, RootAdmin):
    exchanged = FigureResource
    list_display = ("position", "name", "baseline", "target", "unit", "over_time", "over_organizations")
    list_display_links = ("position", "name")
    list_filter = ("plan", "over_time", "over_organizations", ("target", admin.EmptyFieldListFilter))
    search_fields = ("name", "slug", "wording")
    ordering = ("plan", "position")
    autocomplete_fields = ("plan", "tasks")
    fieldsets = (
        (None, {"fields": ("plan", "slug", "position", "name", "wording")}),
        (_("Numbers"), {"fields": ("unit", "qualifier", "baseline", "target", "over_time", "over_organizations")}),
        (None, {"fields": ("tasks",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("plan", "slug", "wording") if obj else ()
