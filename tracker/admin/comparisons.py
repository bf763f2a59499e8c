"""考核办法 in the back office: entered by a body's own administrators, then only ended."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import ComparisonRule, Organization
from tracker.models.comparisons import COMPARING

from .base import RecordAdmin, asker, plain


class RuleForm(forms.ModelForm):
    def clean_ended_on(self) -> Any:
        """What was in force yesterday was in force."""
        ended = self.cleaned_data.get("ended_on")
        if ended and "ended_on" in self.changed_data and ended < timezone.localdate():
            raise forms.ValidationError(gettext("Choose today or a later day."))
        return ended


class ComparisonRuleAdmin(RecordAdmin):
    form = RuleForm
    list_display = ("organization", "authority", "plan", "on_time", "accepted", "completed", "start_day", "end_day")
    list_display_links = ("organization", "authority")
    list_filter = ("plan",)
    list_select_related = ("organization__parent", "plan")
    search_fields = ("authority",)
    found_by = {"organization": Organization}
    ordering = ("-starts_on", "-pk")
    fieldsets = (
        (None, {"fields": ("plan", "organization", "authority")}),
        (_("Formula"), {"fields": ("on_time", "accepted", "completed"), "description": _("The three add up to 100.")}),
        (_("In force"), {"fields": ("starts_on", "ended_on")}),
    )
    start_day, end_day = plain(ComparisonRule, "starts_on"), plain(ComparisonRule, "ended_on")

    def has_add_permission(self, request: HttpRequest) -> bool:
        body = asker(request).organization
        return super().has_add_permission(request) and body is not None and body.level in COMPARING

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> models.QuerySet[Any]:
        """Nobody makes a rule for another body."""
        rows: Any = super().get_field_queryset(db, db_field, request)
        own = asker(request).organization
        return rows.filter(pk=own.pk if own else None) if rows.model is Organization else rows

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        own = asker(request).organization
        return {"organization": own.pk if own else None} | super().get_changeform_initial_data(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was announced is not rewritten: it is ended, once, and another takes its place."""
        given = ("plan", "organization", "authority", "on_time", "accepted", "completed", "starts_on")
        if obj is None:
            return ()
        return given if obj.ended_on is None else (*given, "ended_on")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        *others, (title, _in_force) = self.fieldsets
        return [*others, (title, {"fields": ("starts_on", "ended_on") if obj else ("starts_on",)})]
