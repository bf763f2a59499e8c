"""Periods and holidays in the back office."""

from __future__ import annotations

from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tracker.models import EntryTally, Holiday, Period, State
from tracker.models.periods import working_day_from

from .base import RootAdmin, asker, plain
from .exchange import Exchanged
from .exchange.records import HolidayResource
from .fields import check_order


class PeriodForm(forms.ModelForm):
    """A due date on a day off moves to the next working day, unless exactly that day is meant."""

    exactly = forms.BooleanField(
        label=_("due exactly on this day"),
        required=False,
        help_text=_("Otherwise a due date on a weekend or holiday moves to the next working day."),
    )

    def clean(self) -> None:
        super().clean()
        due = self.cleaned_data.get("due")
        if due and "due" in self.changed_data and not self.cleaned_data.get("exactly"):
            self.cleaned_data["due"] = working_day_from(due)
        words = _("A period opens, is due and locks, in this order.")
        check_order(self, "opens", "due", words)
        check_order(self, "due", "locks", words)


class Opening(NamedTuple):
    """What opening a period would do."""

    period: Period
    entries: int  # that would be made now
    bodies: int  # that would owe them
    warning: str


def foresee(period: Period) -> Opening:
    today = timezone.localdate()
    missing = period.owing().exclude(entries__period=period)
    warning = ""
    if period.is_locked:
        warning = gettext("This period has locked already; nobody could report in it.")
    elif today < period.opens:
        warning = (
            gettext("This period opens by itself on %s; opened now, it can be reported in from today.") % period.opens
        )
    return Opening(period, missing.count(), missing.values("organization").distinct().count(), warning)


class PeriodAdmin(RootAdmin):
    form = PeriodForm
    change_form_template = "admin/tracker/period/change_form.html"
    list_display = ("code", "title", "plan", "kind", "opens_day", "due_day", "locks_day", "opened_day")
    list_display_links = ("code", "title")
    list_filter = ("plan", "kind")
    list_select_related = ("plan",)
    search_fields = ("code", "plan__title")
    ordering = ("-due", "-pk")
    autocomplete_fields = ("plan",)
    actions = ("open_periods",)
    opens_day, due_day, locks_day = plain(Period, "opens"), plain(Period, "due"), plain(Period, "locks")
    opened_day = plain(Period, "opened_at")
    GIVEN = ("plan", "code", "kind", "opens", "due", "exactly", "locks")

    @admin.display(description=_("title"))
    def title(self, obj: Period) -> str:
        return obj.title

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": self.GIVEN})]
        return [(None, {"fields": self.GIVEN}), (_("Opening"), {"fields": ("opened_at", "set_aside_at")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        fixed = ("plan", "code", "kind") if obj.opened_at else ()
        return (*fixed, "opened_at", "set_aside_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A period that was opened has entries, and these stay."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.opened_at is None)

    def save_model(self, request: HttpRequest, obj: Period, form: Any, change: bool) -> None:
        obj._history_user = request.user  # type: ignore[attr-defined]
        if change:
            days = {name: getattr(obj, name) for name in ("opens", "due", "locks")}
            obj.due = form.initial["due"]
            obj.move(**days)
        else:
            super().save_model(request, obj, form, change)
        typed = form.fields["due"].to_python(form["due"].data)
        if typed != obj.due:
            words = gettext("%(typed)s is a day off; the period is due on the next working day, %(due)s.")
            messages.info(request, words % {"typed": typed, "due": obj.due})

    def has_open_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    def beside_form(self, request: HttpRequest, obj: Period) -> dict[str, Any]:
        """The entries by state in the asker's own scope: a sum of tallies, or below the tiers a live count."""
        body = asker(request).organization
        totals = EntryTally.totals(obj, body) if obj.opened_at and body else {}
        return {"body": body, "counts": [(state.label, totals[state.value]) for state in State if totals]}

    @admin.action(permissions=["open"], description=_("Open period…"))
    def open_periods(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Show what opening would make; confirmed, open. Run again it makes only what is missing."""
        periods = list(queryset.order_by("due", "pk"))
        if "confirm" in request.POST:
            for period in periods:
                made = period.open()
                words = ngettext("%(period)s: %(n)d entry was made.", "%(period)s: %(n)d entries were made.", made)
                messages.success(request, words % {"period": period.title, "n": made})
            return None
        openings = [foresee(period) for period in periods]
        context = self.admin_site.each_context(request) | {
            "title": gettext("Open period"),
            "opts": self.opts,
            "openings": openings,
            "possible": any(opening.entries or opening.period.opened_at is None for opening in openings),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/tracker/period/open.html", context)


class HolidayAdmin(Exchanged, RootAdmin):
    exchanged = HolidayResource
    list_display = ("shown_day", "name", "is_working")
    shown_day, is_working = plain(Holiday, "day"), plain(Holiday, "working")
    list_filter = ("working",)
    search_fields = ("name",)
    ordering = ("-day",)
    fields = ("day", "name", "working")
