"""The back office as a whole: who comes in, what it is called, in what order its lists stand."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tracker.models import (
    Area,
    Assignment,
    ComparisonRule,
    Digest,
    Entry,
    Erasure,
    Event,
    Evidence,
    Figure,
    Heading,
    Holiday,
    Membership,
    Operation,
    Organization,
    Period,
    Plan,
    Task,
    User,
)

from .assignments import AssignmentAdmin
from .audit import OperationAdmin
from .base import BackOfficeAdmin, asker
from .comparisons import ComparisonRuleAdmin
from .entries import EntryAdmin
from .events import EventAdmin
from .evidence import ErasureAdmin, EvidenceAdmin
from .notices import DigestAdmin
from .organizations import OrganizationAdmin
from .people import MembershipAdmin, PersonAdmin
from .periods import HolidayAdmin, PeriodAdmin
from .plan import AreaAdmin, FigureAdmin, HeadingAdmin, PlanAdmin
from .tasks import TaskAdmin

# What is kept here, in the order of the work, not of the alphabet.
RECORDS: dict[type[models.Model], type[BackOfficeAdmin]] = {
    Task: TaskAdmin,
    Assignment: AssignmentAdmin,
    Entry: EntryAdmin,
    Period: PeriodAdmin,
    Holiday: HolidayAdmin,
    Organization: OrganizationAdmin,
    User: PersonAdmin,
    Membership: MembershipAdmin,
    Plan: PlanAdmin,
    Area: AreaAdmin,
    Heading: HeadingAdmin,
    Figure: FigureAdmin,
    ComparisonRule: ComparisonRuleAdmin,
    Event: EventAdmin,
    Evidence: EvidenceAdmin,
    Erasure: ErasureAdmin,
    Digest: DigestAdmin,
    Operation: OperationAdmin,
}

# Heads of Django's list of models, read aloud only; its own Chinese lacks them, so ours names them.
READ_ALOUD = [gettext_noop("Model name"), gettext_noop("Add link"), gettext_noop("Change or view list link")]


class BackOfficeSite(AdminSite):
    site_title = _("Luoshi back office")
    site_header = _("Luoshi back office")
    index_title = _("Back office")
    empty_value_display = "—"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        for model, admin_class in RECORDS.items():
            super().register(model, admin_class)

    def register(self, *args: Any, **options: Any) -> None:
        """Nothing registers itself: other apps' stock pages go by Django's permission rows, and delete."""

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and asker(request).may_inspect

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one place to sign in; who has signed in and comes here without the right is told so."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
        if not self.has_permission(request):
            raise PermissionDenied
        return super().login(request, extra_context)

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return Autocomplete.as_view(admin_site=self)(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda row: list(RECORDS).index(row["model"]))
        return apps


class Autocomplete(AutocompleteJsonView):
    """Names as each admin writes them: many unions share one, so a parent stands beside it. Nothing closed."""

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset()
        if rows.model is Organization:
            rows = rows.open()
        words = self.term.replace("\0", " ")  # which PostgreSQL cannot even compare
        return rows.best_first(words) if words and hasattr(rows, "best_first") else rows

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        return {"id": str(getattr(obj, to_field_name)), "text": cast(BackOfficeAdmin, self.model_admin).label(obj)}
