"""The plan in the back office: its wording stands as adopted, its settings, owners and statuses are worked with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Assignment, Level, Plan, Task

from .assigning import assign_page, begin_assigning
from .base import LIST_LIMIT, RootAdmin, asker, plain
from .fields import CodedForm, ReasonField, beside_parent, check_order


class PlanForm(forms.ModelForm):
    def clean(self) -> None:
        super().clean()
        check_order(self, "start", "due")
        check_order(self, "yellow_points", "red_points", _("Red must not come before yellow."))


class PlanAdmin(RootAdmin):
    form = PlanForm
    list_display = ("title", "slug", "congress", "start_day", "due_day", "review")
    list_filter = ("review",)
    search_fields = ("title", "full_title", "slug", "congress")
    ordering = ("-start", "slug")
    fieldsets = (
        (None, {"fields": ("slug", "title", "full_title", "general_requirement")}),
        (_("Adoption"), {"fields": ("congress", "body", "delivered_by", "delivered_on", "source")}),
        (_("Rules"), {"fields": ("start", "due", "review", "yellow_days", "yellow_points", "red_points")}),
    )
    start_day, due_day = plain(Plan, "start"), plain(Plan, "due")
    THRESHOLDS = {"yellow_days", "yellow_points", "red_points"}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("slug", "general_requirement") if obj else ()

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and self.THRESHOLDS.intersection(form.changed_data):
            self.judge_anew(request, obj)

    def judge_anew(self, request: HttpRequest, plan: Plan) -> None:
        """Other thresholds, other lights: at once where they are few, else by the nightly command."""
        today, rows = timezone.localdate(), Assignment.objects.live().filter(task__plan=plan)
        rows.update(light_changes_on=today)
        if rows[: LIST_LIMIT + 1].count() <= LIST_LIMIT:
            rows.relight(today)
        else:
            messages.info(request, gettext("The lights follow the new thresholds with the next nightly run."))


class AreaAdmin(RootAdmin):
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


class HeadingAdmin(RootAdmin):
    form = CodedForm
    list_display = ("code", "title", "area")
    list_display_links = ("code", "title")
    list_filter = ("area__plan", "area")
    list_select_related = ("area",)
    search_fields = ("^code", "title")
    ordering = ("area__plan", "area__number", "number")
    autocomplete_fields = ("area",)
    fields = ("area", "number", "code", "title")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ()


class TaskForm(CodedForm):
    levels = forms.MultipleChoiceField(
        label=Task._meta.get_field("levels").verbose_name,
        choices=Level.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=Level.values,
        error_messages={"required": _("Choose at least one level.")},
    )
    reason = ReasonField(
        label=_("reason for the status"),
        required=False,
        help_text=_("Only needed when the status is changed: it holds until the next accepted entry."),
    )

    def clean_levels(self) -> list[str]:
        return [level for level in Level.values if level in self.cleaned_data["levels"]]

    def clean(self) -> None:
        super().clean()
        check_order(self, "start", "due")
        if "status" in self.changed_data and not self.cleaned_data.get("reason", "").strip():
            self.add_error("reason", _("Give the reason for setting the status by hand."))


class TaskAdmin(RootAdmin):
    form = TaskForm
    list_display = ("code", "wording", "owner_name", "status", "due_day", "is_standing")
    list_display_links = ("code", "wording")
    list_filter = (
        "plan",
        "heading__area",
        "status",
        ("owner", admin.EmptyFieldListFilter),
        "standing",
        "frequency",
        "reporting",
    )
    search_fields = ("^code", "wording")
    search_help_text = _("The beginning of a code, or words of the task.")
    ordering = ("plan", "position")
    sortable_by = ("code", "status", "due_day")
    autocomplete_fields = ("plan", "heading", "owner")
    actions = ("assign",)
    due_day, is_standing = plain(Task, "due"), plain(Task, "standing")
    ADOPTED = ("plan", "heading", "code", "position", "wording")
    SETTINGS = ("start", "due", "standing", "levels", "frequency", "reporting")
    settings_set = (
        _("Settings"),
        {
            "fields": SETTINGS,
            "description": _(
                "Start, due date, standing, levels and frequency hold for what is assigned from now on; "
                "what stands keeps its own."
            ),
        },
    )

    @admin.display(description=Task._meta.get_field("owner").verbose_name)
    def owner_name(self, obj: Task) -> str | None:
        return beside_parent(obj.owner) if obj.owner else None

    @admin.display(description=Task._meta.get_field("levels").verbose_name)
    def level_list(self, obj: Task) -> str:
        return gettext(", ").join(obj.level_names)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("plan", "owner__parent")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": (*self.ADOPTED, "owner")}), self.settings_set]
        if not self.may_change(request, obj):
            readable = {"levels": "level_list", "standing": "is_standing"}
            shown = [readable.get(name, name) for name in self.SETTINGS]
            return [
                (None, {"fields": self.ADOPTED}),
                (_("Lead and status"), {"fields": ("owner_name", "status")}),
                (_("Settings"), {"fields": shown}),
            ]
        return [
            (None, {"fields": self.ADOPTED}),
            (_("Lead and status"), {"fields": ("owner", "status", "reason")}),
            self.settings_set,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.ADOPTED, "owner_name", "level_list", "is_standing") if obj else ()

    def save_model(self, request: HttpRequest, obj: Task, form: Any, change: bool) -> None:
        """Settings by a plain save, owner and status by the task's own methods: these assign and leave events."""
        user, given = asker(request), form.cleaned_data
        owner = given["owner"]
        with transaction.atomic():
            if change:
                task = Task.objects.get(pk=obj.pk)
                settings = [name for name in self.SETTINGS if name in form.changed_data]
                for name in settings:
                    setattr(task, name, given[name])
                if settings:
                    task.save(update_fields=settings)
            else:
                task, obj.owner = obj, None
                super().save_model(request, obj, form, change)
            if "owner" in form.changed_data:
                task.name_owner(owner, by=user)
            if change and "status" in form.changed_data:
                task.state_status(given["status"], given["reason"], by=user)
        obj.refresh_from_db()

    # Assigning many tasks to many bodies has a page of its own.

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.assign_view)
        return [path("assign/", page, name="tracker_task_assign"), *super().get_urls()]

    def assign_view(self, request: HttpRequest) -> HttpResponse:
        return assign_page(self, request)

    @admin.action(permissions=["administer"], description=_("Assign to organizations…"))
    def assign(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return begin_assigning(queryset)


class FigureAdmin(RootAdmin):
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
