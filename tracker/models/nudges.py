"""Urging (催办): a recorded reminder to one body about one period, read and answered."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple, Self

from django.db import models, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker import access

from .entries import Entry
from .fields import WordsField, said
from .moves import WRITABLE, TransitionRefused
from .notices import Notice
from .organizations import Organization
from .people import User
from .periods import Period


class Urged(NamedTuple):
    """What urging did, or would do: bodies urged, those left alone because they were urged today already, and how many
    items all of these have not handed in."""

    bodies: int
    again: int
    items: int


class NudgeQuerySet(models.QuerySet["Nudge"]):
    def visible_to(self, user: User) -> Self:
        """What one's own body was urged to, and what went to bodies in one's scope."""
        return self.filter(user.scope("organization__"))

    def received_by(self, user: User) -> Self:
        return self.filter(organization=user.organization) if user.organization else self.none()

    def sent_by(self, user: User) -> Self:
        return self.filter(sender=user.organization) if user.organization else self.none()

    def waiting_for(self, user: User) -> Self:
        """What one's body was urged to and nobody there has read."""
        return self.received_by(user).filter(read_at=None)

    def with_names(self) -> Self:
        return self.select_related("organization__parent", "period__plan", "sender", "by", "read_by", "answered_by")

    def missing(self, period: Period, organizations: Any, user: User) -> dict[int, int]:
        """How many items each of these bodies has not handed in; never one's own body. One query."""
        rows = Entry.objects.filter(period=period, state__in=WRITABLE, assignment__organization__in=organizations)
        rows = rows.filter(user.assignment_scope("assignment__")).exclude(assignment__organization=user.organization)
        return dict(rows.order_by().values_list("assignment__organization").annotate(n=Count("pk")))

    def foresee(self, period: Period, organizations: Any, user: User) -> Urged:
        """What `urge` would do now, without a reason given. Two queries."""
        missing = self.missing(period, organizations, user)
        again = set(self.urged_today(period, missing))
        return Urged(len(missing) - len(again), len(again), sum(missing.values()))

    def urged_today(self, period: Period, bodies: Any) -> Any:
        today = self.filter(period=period, day=timezone.localdate(), organization__in=list(bodies))
        return today.values_list("organization", flat=True).distinct()

    def urge(
        self, period: Period, organizations: Any, *, by: User, reason: str = "", at: dt.datetime | None = None
    ) -> Urged:
        """Urge every body of these that has something to hand in: once a day, unless a reason is given.

        Set-wise: five statements and one for each thousand people told. Raises TransitionRefused where nothing can be
        handed in any more, or the role may not.
        """
        at, reason = at or timezone.now(), said("reason", reason)
        if not by.may_urge:
            raise TransitionRefused("not_yours", gettext("Only those who review or supervise can urge."))
        if period.is_locked:
            raise TransitionRefused(
                "locked", gettext("%s is locked: nothing can be handed in any more.") % period.title
            )
        with transaction.atomic():
            missing = self.missing(period, organizations, by)
            again = set() if reason else set(self.urged_today(period, missing))
            bodies = {body: n for body, n in missing.items() if body not in again}
            rows = [
                Nudge(
                    organization_id=body,
                    period=period,
                    sender=by.organization,
                    by=by,
                    at=at,
                    day=timezone.localdate(at),
                    missing=n,
                    reason=reason,
                )
                for body, n in bodies.items()
            ]
            # Two people pressing at once make one row: the database holds "once a day".
            Nudge.objects.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)
            for n in sorted(set(bodies.values())):
                same = [body for body, items in bodies.items() if items == n]
                url, what = reverse("nudges"), {"who": str(by.organization), "what": period.title, "n": n}
                roles = (access.REPORTER, access.LEADER)
                Notice.tell(same, roles, Notice.Kind.URGED, url=url, by=by, at=at, why=reason, **what)
        return Urged(len(bodies), len(again), sum(missing.values()))


class Nudge(models.Model):
    """Once a day to one body for one period; a second one the same day gives its reason."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), related_name="nudges"
    )
    period = models.ForeignKey(Period, models.PROTECT, verbose_name=_("period"), related_name="nudges")
    sender = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("urged by"), related_name="+")
    by = models.ForeignKey(User, models.PROTECT, verbose_name=_("by"), related_name="+")
    at = models.DateTimeField(_("at"))
    day = models.DateField(_("day"))
    missing = models.PositiveIntegerField(_("items not reported"))
    reason = WordsField(_("reason"))
    read_at = models.DateTimeField(_("read at"), null=True)
    read_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("read by"), null=True, related_name="+")
    answer = WordsField(_("answer"))
    answered_at = models.DateTimeField(_("answered at"), null=True)
    answered_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("answered by"), null=True, related_name="+")

    objects = NudgeQuerySet.as_manager()

    class Meta:
        verbose_name = _("urging")
        verbose_name_plural = _("urgings")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "period", "day"], condition=Q(reason=""), name="nudge_once_a_day"
            )
        ]
        indexes = [models.Index(fields=["sender", "at"], name="nudge_sender")]

    def __str__(self) -> str:
        return f"{self.organization} {self.day:%Y-%m-%d}"

    def read(self, *, by: User) -> None:
        """Somebody of the urged body has read it; the first one counts."""
        self._guard(by)
        Nudge.objects.filter(pk=self.pk, read_at=None).update(read_at=timezone.now(), read_by=by)
        self.refresh_from_db()

    @transaction.atomic
    def reply(self, text: str, *, by: User) -> None:
        """Answer once; answering reads it. The answer reaches who urged."""
        self._guard(by)
        text, now = said("answer", text, missing=gettext("Write the answer.")), timezone.now()
        unanswered = Nudge.objects.filter(pk=self.pk, answered_at=None)
        if not unanswered.update(answer=text, answered_at=now, answered_by=by):
            raise TransitionRefused("stale", gettext("This urging has been answered already."))
        self.read(by=by)
        what = {"who": str(self.organization), "what": self.period.title, "why": text}
        Notice.objects.create(
            person=self.by, kind=Notice.Kind.NUDGE_ANSWERED, at=now, url=reverse("nudges") + "?sent=1", words=what
        )

    def _guard(self, by: User) -> None:
        if not (by.may_answer and by.organization == self.organization):
            raise TransitionRefused("not_yours", gettext("Only the organization that was urged can answer."))
