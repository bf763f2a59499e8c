"""Entries in the back office: read, and excused, owed again or opened after the lock by the entry's own methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, AdminForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Assignment, Entry, Event, Organization, State, Task, TransitionRefused, User, tallying
from tracker.models.entries import WRITABLE

from .base import BackOfficeAdmin, asker, plain
from .events import events_page, tell
from .fields import DayField, ReasonField, beside_parent, is_key

AT_ONCE = 200  # entries one action takes: their transitions share one transaction, and it must not hold the lock long


class ReasonForm(forms.Form):
    comment = ReasonField(label=_("reason"), help_text=_("Everybody concerned will read it."))


class LetInForm(ReasonForm):
    until = DayField(label=Entry._meta.get_field("open_until").verbose_name)

    field_order = ["until", "comment"]

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until < timezone.localdate():
            raise ValidationError(_("This day has passed."))
        return until


class Turn(NamedTuple):
    """One thing that can be done to entries here: its form, its title and what is said when it is done."""

    form: type[forms.Form]
    title: Any
    method: Callable[..., None]
    done: Callable[[int], str]


def excused(count: int) -> str:
    return ngettext("%d entry was excused.", "%d entries were excused.", count) % count


def owed_again(count: int) -> str:
    return ngettext("%d entry is owed again.", "%d entries are owed again.", count) % count


def let_in(count: int) -> str:
    return ngettext("%d entry was opened.", "%d entries were opened.", count) % count


TURNS = {
    "excuse": Turn(ReasonForm, _("Excuse entries"), Entry.excuse, excused),
    "owe_again": Turn(ReasonForm, _("Owe excused entries again"), Entry.owe_again, owed_again),
    "let_in": Turn(LetInForm, _("Open entries after the lock"), Entry.let_in, let_in),
}


def turn_all(
    turn: Turn, entries: Any, versions: dict[int, int], by: User, **given: Any
) -> tuple[int, dict[str, list[str]]]:
    """Run one transition on every row, in one transaction. Returns how many went, and who was refused by sentence."""
    done, refused = 0, dict[str, list[str]]()
    with tallying():
        for entry in entries.for_transition():
            try:
                turn.method(entry, by=by, version=versions[entry.pk], **given)
                done += 1
            except TransitionRefused as refusal:
                refused.setdefault(refusal.message, []).append(str(entry))
    return done, refused


def read_versions(text: str) -> dict[int, int]:
    """The versions the person saw, as the page kept them: `12:3,13:1`. What is not of this form is left out."""
    pairs = (pair.partition(":") for pair in text[: AT_ONCE * 32].split(","))
    return {int(key): int(version) for key, _colon, version in pairs if is_key(key) and is_key(version)}


def events_of(entry: Entry) -> QuerySet[Event]:
    return Event.objects.filter(entry=entry).told()


class EntryAdmin(BackOfficeAdmin):
    change_form_template = "admin/tracker/entry/change_form.html"
    list_display = (
        "organization_name",
        "code",
        "period_title",
        "state",
        "status",
        "submitted_day",
        "timeliness",
        "open_day",
    )
    list_display_links = ("organization_name", "code")
    list_filter = ("state", "period", "assignment__task__plan", "assignment__task__heading__area", "no_change")
    found_by = {"assignment__task": Task, "assignment__organization": Organization}
    search_help_text = _("A code, or words or pinyin of a task or an organization.")
    ordering = ("-pk",)  # the newest period first: an index answers this at any size
    sortable_by = ()
    submitted_day, open_day = plain(Entry, "first_submitted_at"), plain(Entry, "open_until")
    unchanged = plain(Entry, "no_change")
    actions = ("excuse", "owe_again", "let_in")
    fieldsets = (
        (None, {"fields": ("organization_name", "task_words", "period_title", "state", "version", "review_step")}),
        (_("Content"), {"fields": ("status", "percent", "progress", "problems", "next_steps", "unchanged")}),
        (
            _("Course"),
            {
                "fields": (
                    "first_submitted_at",
                    "timeliness",
                    "submitted_at",
                    "author",
                    "decided_at",
                    "decided_by",
                    "comment",
                    "open_until",
                    "saved_at",
                    "saved_by",
                )
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=Assignment._meta.get_field("organization").verbose_name)
    def organization_name(self, obj: Entry) -> str:
        return beside_parent(obj.assignment.organization)

    @admin.display(description=_("task"))
    def code(self, obj: Entry) -> str:
        return obj.assignment.task.code

    @admin.display(description=_("task"))
    def task_words(self, obj: Entry) -> str:
        return str(obj.assignment.task)

    @admin.display(description=Entry._meta.get_field("period").verbose_name)
    def period_title(self, obj: Entry) -> str:
        return obj.period.title

    @admin.display(description=Entry._meta.get_field("submitted_by").verbose_name)
    def author(self, obj: Entry) -> str:
        return obj.author or "—"

    @admin.display(description=_("timeliness"))
    def timeliness(self, obj: Entry) -> str:
        return "" if obj.was_late is None else gettext("late") if obj.was_late else gettext("on time")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related("assignment__task", "assignment__organization__parent", "period")

    def beside_form(self, request: HttpRequest, obj: Entry) -> dict[str, Any]:
        turns = self.turns_of(obj) if self.has_administer_permission(request) else []
        return {"told": tell(events_of(obj)), "turns": turns}

    def turns_of(self, entry: Entry) -> list[tuple[str, Any]]:
        """What can be done to this entry as it stands."""
        if entry.state == State.EXCUSED:
            return [("owe_again", _("Owe again…"))]
        turns = []
        if entry.state != State.ACCEPTED:
            turns.append(("excuse", _("Excuse…")))
        if entry.state in WRITABLE and not entry.can_write:
            turns.append(("let_in", _("Open after the lock…")))
        return turns

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, object_id)
        return events_page(self, request, obj, events_of(obj))

    # Transitions, one or many: asked for on a page of their own, done by the entry's own methods.

    @admin.action(permissions=["administer"], description=_("Excuse…"))
    def excuse(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self.ask(request, queryset, "excuse")

    @admin.action(permissions=["administer"], description=_("Owe again…"))
    def owe_again(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self.ask(request, queryset, "owe_again")

    @admin.action(permissions=["administer"], description=_("Open after the lock…"))
    def let_in(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        return self.ask(request, queryset, "let_in")

    def ask(self, request: HttpRequest, queryset: Any, name: str) -> HttpResponse | None:
        """Show what was chosen and ask why; asked already, do it and say how it went."""
        turn, asked = TURNS[name], "seen" in request.POST
        form = turn.form(request.POST if asked else None)
        if asked and form.is_valid():
            versions = read_versions(request.POST["seen"])
            done, refused = turn_all(
                turn, self.get_queryset(request).filter(pk__in=versions), versions, asker(request), **form.cleaned_data
            )
            if done:
                messages.success(request, turn.done(done))
            gone = len(versions) - done - sum(map(len, refused.values()))
            if gone:
                words = ngettext(
                    "%d entry has changed since and was left alone.",
                    "%d entries have changed since and were left alone.",
                    gone,
                )
                messages.error(request, words % gone)
            for sentence, names in refused.items():
                messages.error(
                    request, gettext("%(entries)s: %(why)s") % {"entries": gettext(", ").join(names), "why": sentence}
                )
            return None
        entries = list(queryset[: AT_ONCE + 1])
        if len(entries) > AT_ONCE:
            messages.error(request, gettext("Choose at most %d entries at a time.") % AT_ONCE)
            return None
        context = self.admin_site.each_context(request) | {
            "title": turn.title,
            "opts": self.opts,
            "entries": entries,
            "seen": request.POST.get("seen") or ",".join(f"{entry.pk}:{entry.version}" for entry in entries),
            "action": name,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "form": form,
            "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.fields)})], {}),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/tracker/entry/ask.html", context)
