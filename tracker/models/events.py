"""Events: who did what to an assignment or an entry, when, acting as whom, and why. Never changed, never deleted."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import WordsField
from .organizations import Organization
from .people import Role, User

if TYPE_CHECKING:
    from .assignments import Assignment
    from .entries import Entry


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(user.assignment_scope("assignment__"))

    def told(self) -> Self:
        """Newest first, with whom each line names."""
        return self.select_related("by", "acting_organization", "entry__period").order_by("-at", "-pk")


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
    content = models.JSONField(_("content"), null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["assignment", "at"], name="event_assignment"),
            models.Index(fields=["entry", "at"], name="event_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.get_action_display()}"

    @classmethod
    def record(
        cls,
        assignment: Assignment,
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
        return cls.objects.create(
            assignment=assignment,
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
