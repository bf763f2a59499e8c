"""Events: who did what to an assignment or an entry, when, acting as whom, and why. Never changed, never deleted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import WordsField
from .organizations import Organization
from .people import Role, User

if TYPE_CHECKING:
    from .assignments import Assignment
    from .entries import Entry

BATCH = 2_000


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(user.assignment_scope("assignment__"))

    def told(self) -> Self:
        """Newest first, with whom each line names."""
        return self.select_related("by", "acting_organization", "entry__period", "assignment").order_by("-at", "-pk")


class Event(models.Model):
    class Action(models.TextChoices):
        DRAFTED = "drafted", _("saved a draft")
        SUBMITTED = "submitted", _("submitted")
        WITHDRAWN = "withdrawn", _("withdrew")
        SIGNED_OFF = "signed_off", _("signed off")
        ACCEPTED = "accepted", _("accepted")
        RETURNED = "returned", _("returned")
        REOPENED = "reopened", _("reopened for correction")
        EXCUSED = "excused", _("excused")
        OWED_AGAIN = "owed_again", _("owed again")
        UNDONE = "undone", _("took the decision back")
        LET_IN = "let_in", _("opened after the lock")
        AMENDED = "amended", _("changed the assignment")
        STATUS_STATED = "status_stated", _("set the status by hand")
        LIGHT_STATED = "light_stated", _("set the light by hand")
        SIGNED = "signed", _("signed for it")
        SENT_BACK = "sent_back", _("sent it back to the giver")
        TAKEN_BACK = "taken_back", _("took the handing down back")
        ENDED = "ended", _("ended with its task")
        MILESTONE_SET = "milestone_set", _("set a milestone")
        MILESTONE_CHANGED = "milestone_moved", _("changed a milestone")
        MILESTONE_GONE = "milestone_gone", _("took a milestone away")
        REACHED = "reached", _("reached a milestone")
        NOT_REACHED = "not_reached", _("took back that a milestone was reached")
        ASKED = "asked", _("asked for coordination")
        PASSED_UP = "passed_up", _("passed the matter up")
        ANSWERED = "answered", _("answered the matter")
        ASKED_NO_MORE = "asked_no_more", _("withdrew the matter")
        ERASED = "erased", _("erased")
        STRUCK_OFF = "struck_off", _("struck it off")
        RESUMED = "resumed", _("reopened it as not completed")
        EXTENSION_ASKED = "extension_asked", _("asked for an extension")
        EXTENDED = "extended", _("granted the extension")
        NOT_EXTENDED = "not_extended", _("refused the extension")
        EXTENSION_GONE = "extension_gone", _("withdrew the request for an extension")

    # What becomes of a matter for coordination: no decision on its entry, which waits as it did.
    MATTERS = (Action.ASKED, Action.PASSED_UP, Action.ANSWERED, Action.ASKED_NO_MORE)

    assignment = models.ForeignKey("tracker.Assignment", models.PROTECT, related_name="events")
    entry = models.ForeignKey("tracker.Entry", models.PROTECT, null=True, related_name="events")
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(User, models.PROTECT, verbose_name=_("by"), null=True, related_name="events")
    acting_role = models.CharField(_("acting as"), max_length=16, choices=Role, blank=True)
    acting_organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("acting for"), null=True, related_name="+"
    )
    action = models.CharField(_("action"), max_length=16, choices=Action)
    from_state = models.CharField(_("from"), max_length=12, blank=True)
    to_state = models.CharField(_("to"), max_length=12, blank=True)
    comment = WordsField(_("comment"))
    content = models.JSONField(_("content"), null=True, encoder=DjangoJSONEncoder)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["assignment", "at"], name="event_assignment"),
            models.Index(fields=["entry", "at"], name="event_entry"),
        ]

    @property
    def on_behalf(self) -> bool:
        """Whether a reporter of another body wrote this (代报)."""
        written = (self.Action.DRAFTED, self.Action.SUBMITTED, self.Action.WITHDRAWN)
        return self.action in written and self.acting_organization_id != self.assignment.organization_id

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.get_action_display()}"

    @classmethod
    def record(cls, assignment: Assignment, *, action: str, by: User | None, **told: Any) -> Event:
        event = cls.made(assignment, action=action, by=by, **told)
        event.save(force_insert=True)
        return event

    @classmethod
    def made(
        cls,
        assignment: Assignment | int,
        *,
        action: str,
        by: User | None,
        entry: Entry | None = None,
        at: dt.datetime | None = None,
        from_state: str = "",
        to_state: str = "",
        comment: str = "",
        content: dict[str, Any] | None = None,
    ) -> Event:
        """One event, of an assignment or its key, not written yet: many are written at once."""
        of: dict[str, Any] = (
            {"assignment_id": assignment} if isinstance(assignment, int) else {"assignment": assignment}
        )
        return cls(
            **of,
            entry=entry,
            action=action,
            by=by,
            at=at or timezone.now(),
            acting_role=by.role if by else "",
            acting_organization=by.organization if by else None,
            from_state=from_state,
            to_state=to_state,
            comment=comment,
            content=content,
        )

    @classmethod
    def record_many(
        cls,
        assignments: Iterable[int],
        *,
        action: str,
        by: User | None,
        at: dt.datetime,
        content: Callable[[int], dict[str, Any] | None] = lambda pk: None,
        **told: Any,
    ) -> None:
        """One event of each assignment, by key: what was done to many at once is told of each."""
        rows = (cls.made(pk, action=action, by=by, at=at, content=content(pk), **told) for pk in assignments)
        Event.objects.bulk_create(rows, batch_size=BATCH)
