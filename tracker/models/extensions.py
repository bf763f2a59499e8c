"""Extensions (延期申请): a later due date, asked for before the old one, decided on above."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from tracker import access

from .assignments import Assignment
from .events import Event
from .fields import WordsField, said
from .handings import Handing
from .lights import written
from .moves import TransitionRefused
from .notices import Notice
from .people import User
from .plan import Status
from .tallies import tallying

if TYPE_CHECKING:
    from .organizations import Organization


class ExtensionState(models.TextChoices):
    ASKED = "asked", pgettext_lazy("extension", "Waiting for a decision")
    GRANTED = "granted", pgettext_lazy("extension", "Granted")
    REFUSED = "refused", pgettext_lazy("extension", "Refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("extension", "Withdrawn")


class ExtensionQuerySet(models.QuerySet["Extension"]):
    def waiting(self) -> Self:
        """Not decided on; what was completed or ended meanwhile waits for nothing any more."""
        going_on = self.filter(state=ExtensionState.ASKED, assignment__ended_on=None)
        return going_on.exclude(assignment__status=Status.COMPLETED)

    def _above(self, body: Organization | None) -> Q:
        """Those that the body decides on: it reviews the assignment, or a live handing of it is its own."""
        given = Handing.objects.live().filter(assignment=OuterRef("assignment"), giver=body)
        return Q(assignment__reviewing=body) | Q(Exists(given)) if body else Q(pk__in=[])

    def decidable_by(self, user: User) -> Self:
        """Those this person decides on, in the role acted in now. Never what they asked for themselves."""
        if not user.may(access.DECIDE_EXTENSION):
            return self.none()
        return self.filter(self._above(user.organization)).exclude(asked_by=user)

    def withdrawable_by(self, user: User) -> Self:
        """Those of one's own body, where one speaks for it."""
        if not user.may(access.ASK_EXTENSION):
            return self.none()
        return self.filter(assignment__organization=user.organization, state=ExtensionState.ASKED)

    def visible_to(self, user: User) -> Self:
        """Those of visible assignments; and what one decides on, wherever it lies."""
        seen = user.assignment_scope("assignment__")
        return self.filter(seen | self._above(user.organization) if user.may(access.DECIDE_EXTENSION) else seen)

    def with_place(self) -> Self:
        """With what a row shows beside itself. One query."""
        place = ("assignment__task__plan", "assignment__organization__parent", "assignment__reviewing")
        return self.select_related(*place, "asked_by", "decided_by")

    def by_decider(self) -> Counter[int]:
        """How many of these wait for each body that may decide on them. Two queries."""
        rows = self.order_by()
        pairs = set(rows.exclude(assignment__reviewing=None).values_list("pk", "assignment__reviewing"))
        given = Handing.objects.live().filter(assignment__extensions__in=rows)
        pairs |= set(given.order_by().values_list("assignment__extensions", "giver"))
        return Counter(body for _pk, body in pairs)

    def ask(
        self, assignment: Assignment, *, new_due: dt.date, reason: str, by: User, at: dt.datetime | None = None
    ) -> Extension:
        """Ask for a later due date, on the old one at the latest. Until it is granted the old date counts.

        Raises ValidationError by field, TransitionRefused.
        """
        at, reason = at or timezone.now(), said("reason", reason, missing=gettext("Give the reason."))
        if not (by.may(access.ASK_EXTENSION) and assignment.organization == by.organization):
            words = gettext("Only those who report for this organization, or lead it, can ask for an extension.")
            raise TransitionRefused("not_yours", words)
        with tallying():
            row = assignment._locked()
            deciders = guard_asking(row, timezone.localdate(at))
            assert row.due
            if new_due <= row.due:
                words = gettext("It is due on %s now; ask for a later day.") % written(row.due, timezone.localdate(at))
                raise ValidationError({"new_due": words})
            asked = self.create(
                assignment=row, old_due=row.due, new_due=new_due, reason=reason, asked_at=at, asked_by=by
            )
            asked._record(Event.Action.EXTENSION_ASKED, by, at, reason)
            told = {"who": str(by.organization), "what": str(row), "why": reason, "day": new_due}
            roles, url = (access.REVIEWER, access.SUPERVISOR), asked.get_absolute_url()
            Notice.tell(deciders, roles, Notice.Kind.EXTENSION_ASKED, url=url, by=by, at=at, **told)
        return asked


def guard_asking(row: Assignment, day: dt.date) -> set[int]:
    """Whether an extension can be asked for now; returns the bodies that decide. Raises TransitionRefused."""
    if row.ended_on or row.status == Status.COMPLETED:
        raise TransitionRefused("over", gettext("This is completed or has ended; there is nothing to extend."))
    if row.due is None:
        raise TransitionRefused("no_due", gettext("This has no due date, so there is none to extend."))
    if day > row.due:
        words = gettext("It was due on %(day)s. An extension is asked for before that day has passed.")
        raise TransitionRefused("late", words % {"day": written(row.due, day)})
    if row.extensions.filter(state=ExtensionState.ASKED).exists():
        raise TransitionRefused("asked", gettext("An extension of this is asked for already; it waits for a decision."))
    deciders = {pk for pk in (row.reviewing_id, *row.handings.live().values_list("giver", flat=True)) if pk}
    if not deciders:
        raise TransitionRefused("nobody", gettext("Nobody stands above who could decide; change the date of the task."))
    return deciders


class Extension(models.Model):
    """Until it is granted the old date counts."""

    assignment = models.ForeignKey(Assignment, models.PROTECT, verbose_name=_("assignment"), related_name="extensions")
    old_due = models.DateField(_("due until now"))
    new_due = models.DateField(_("due date asked for"))
    reason = WordsField(_("reason"), blank=False)
    state = models.CharField(
        pgettext_lazy("extension", "state"), max_length=12, choices=ExtensionState, default=ExtensionState.ASKED
    )
    asked_at = models.DateTimeField(_("asked at"))
    asked_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("asked by"), related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decided_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("decided by"), null=True, related_name="+")
    comment = WordsField(_("comment"))

    objects = ExtensionQuerySet.as_manager()

    class Meta:
        verbose_name = _("extension")
        verbose_name_plural = _("extensions")
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(state="asked"), name="extension_one_asked_an_assignment"
            ),
            models.CheckConstraint(condition=Q(state__in=ExtensionState.values), name="extension_state_known"),
            models.CheckConstraint(
                condition=Q(new_due__gt=F("old_due")),
                name="extension_is_later",
                violation_error_message=_("The new due date must be later than the old one."),
            ),
            models.CheckConstraint(
                condition=Q(state="asked", decided_at__isnull=True)
                | ~Q(state="asked") & Q(decided_at__isnull=False, decided_by__isnull=False),
                name="extension_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.assignment} {self.new_due:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return reverse("extension", args=[self.pk])

    @property
    def beyond_plan(self) -> bool:
        return self.new_due > self.assignment.task.plan.due

    # Whose dates these are.

    def moved_by(self, body: Organization) -> list[Handing]:
        """The live handings with an earlier date whose date this body may move: its own, and, where it reviews, those
        that reached the assignment's body through it."""
        return [handing for handing in self._earlier() if self._speaks_for(body, handing)]

    def kept_by(self, body: Organization) -> list[Handing]:
        """The live handings with an earlier date that are another line's: granting leaves these as they are."""
        return [handing for handing in self._earlier() if not self._speaks_for(body, handing)]

    def _earlier(self) -> list[Handing]:
        rows = self.assignment.handings.live().select_related("giver", "assignment__task").order_by("due", "pk")
        return [row for row in rows if row.due_shown and row.due_shown < self.new_due]

    def _speaks_for(self, body: Organization, handing: Handing) -> bool:
        if handing.giver_id == body.pk:
            return True
        mine = self.assignment
        inside = body.subtree("organization__", line=handing.line)
        return mine.reviewing_id == body.pk and Assignment.objects.filter(inside, pk=mine.pk).exists()

    def due_if_granted(self, body: Organization) -> dt.date:
        """What the due date would be: the one asked for, or an earlier one that another line holds to."""
        return min((row.due_shown for row in self.kept_by(body) if row.due_shown), default=self.new_due)

    # Transitions.

    def grant(self, *, by: User, comment: str = "", beyond: bool = False, at: dt.datetime | None = None) -> None:
        """Move the dates that are the deciding body's to move; the assignment follows its earliest handing.

        `beyond` says that a date after the plan's own is meant. Raises ValidationError by field, TransitionRefused.
        """
        at, comment = at or timezone.now(), said("comment", comment)
        if self.beyond_plan and not beyond:
            words = gettext("The plan itself is due on %s, before this date. Say that you grant it all the same.")
            raise ValidationError({"beyond": words % self.assignment.task.plan.due})
        with tallying():
            row = self._begin(by)
            assert by.organization
            self._guard_granting(row, by.organization)
            moved = Handing.objects.filter(pk__in=[handing.pk for handing in self.moved_by(by.organization)])
            self._decide(ExtensionState.GRANTED, Event.Action.EXTENDED, by=by, comment=comment, at=at)
            if row.handings.live().exists():
                moved.follow_date(self.new_due, by=by, at=at)
            else:
                row.amend(by=by, due=self.new_due)
            row.refresh_from_db()
            self._tell(Notice.Kind.EXTENSION_GRANTED, by=by, at=at, why=comment, due=row.due)
        self.assignment.refresh_from_db()

    def refuse(self, *, by: User, comment: str, at: dt.datetime | None = None) -> None:
        at, comment = at or timezone.now(), said("comment", comment, missing=gettext("Give the reason."))
        with tallying():
            self._begin(by)
            self._decide(ExtensionState.REFUSED, Event.Action.NOT_EXTENDED, by=by, comment=comment, at=at)
            self._tell(Notice.Kind.EXTENSION_REFUSED, by=by, at=at, why=comment)

    def withdraw(self, *, by: User, at: dt.datetime | None = None) -> None:
        """By the body that asked, as long as nobody has decided."""
        with tallying():
            self.assignment = self.assignment._locked()
            mine = by.may(access.ASK_EXTENSION) and self.assignment.organization == by.organization
            if not mine:
                raise TransitionRefused("not_yours", gettext("Only the organization that asked can withdraw this."))
            self._decide(ExtensionState.WITHDRAWN, Event.Action.EXTENSION_GONE, by=by, at=at or timezone.now())

    def _begin(self, by: User) -> Assignment:
        """The assignment held, and the right to decide. Raises TransitionRefused."""
        row = self.assignment = self.assignment._locked()
        if self.asked_by_id == by.pk:
            raise TransitionRefused("own", gettext("You asked for this yourself; somebody else must decide on it."))
        if not Extension.objects.decidable_by(by).filter(pk=self.pk).exists():
            words = gettext("Only the organization that reviews this or handed it down decides on it.")
            raise TransitionRefused("not_yours", words)
        return row

    def _guard_granting(self, row: Assignment, body: Organization) -> None:
        if row.ended_on or row.status == Status.COMPLETED:
            raise TransitionRefused("over", gettext("This is completed or has ended; there is nothing to extend."))
        if row.due is None or row.due >= self.new_due:
            raise TransitionRefused("stale", gettext("Its due date has been changed meanwhile and is no earlier now."))
        kept = self.kept_by(body)
        if kept and not self.moved_by(body):
            words = gettext("The date is set by %(giver)s, not by you: it alone can move it. Nothing was changed.")
            raise TransitionRefused("other_line", words % {"giver": kept[0].giver})

    def _decide(self, state: str, action: str, *, by: User, at: dt.datetime, comment: str = "") -> None:
        """The conditional update and the event. Raises TransitionRefused where somebody was first."""
        values: dict[str, Any] = {"state": state, "decided_at": at, "decided_by": by, "comment": comment}
        if not Extension.objects.filter(pk=self.pk, state=ExtensionState.ASKED).update(**values):
            now = Extension.objects.only("state").get(pk=self.pk)
            words = gettext("Somebody was here before you: this is now “%(state)s”. Nothing was changed.")
            raise TransitionRefused("stale", words % {"state": now.get_state_display()})
        self._record(action, by, at, comment)
        for name, value in values.items():
            setattr(self, name, value)

    def _record(self, action: str, by: User, at: dt.datetime, comment: str) -> None:
        days = {"old_due": self.old_due, "new_due": self.new_due}
        Event.record(self.assignment, action=action, by=by, at=at, comment=comment, content=days)

    def _tell(self, kind: str, *, by: User, at: dt.datetime, **words: Any) -> None:
        """Those who ask for the body."""
        body, roles = self.assignment.organization, (access.REPORTER, access.LEADER)
        told = {"who": str(by.organization), "what": str(self.assignment), "day": self.new_due}
        Notice.tell(body, roles, kind, url=self.get_absolute_url(), by=by, at=at, **told | words)
