"""Deputies: somebody acts in a reviewer's or leader's membership between two days."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from .moves import TransitionRefused
from .people import Membership, Role, User

DEPUTIZED = (Role.REVIEWER, Role.LEADER)  # roles that may have a deputy: others decide nothing that cannot wait


class DeputyQuerySet(models.QuerySet["Deputy"]):
    def on(self, day: dt.date) -> Self:
        return self.filter(first__lte=day, last__gte=day)

    def acting(self, person: User, day: dt.date) -> Self:
        """Where this person deputizes that day.

        The holder's account must be open, and the deputy still have a role in the body or above it: who has left, or
        stands in for somebody who has, decides nothing more.
        """
        bodies = Membership.objects.filter(person=person).order_by().values("organization")
        here = Q(membership__organization__in=bodies)
        above = Q(membership__organization__parent__in=bodies) | Q(membership__organization__industry__in=bodies)
        held = self.filter(here | above, membership__person__is_active=True, membership__role__in=DEPUTIZED)
        return held.on(day).filter(person=person)

    def unended(self, day: dt.date) -> Self:
        return self.filter(last__gte=day)

    def with_names(self) -> Self:
        return self.select_related("person", "membership__person", "membership__organization")

    def ended_by(self, user: User) -> Self:
        """What this person may end: what they named or is theirs to administer."""
        theirs = Q(membership__person=user)
        if user.may_grant:
            theirs |= Q(membership__in=Membership.objects.editable_by(user))
        return self.filter(theirs)


class Deputy(models.Model):
    """Somebody who acts in another's membership from a first day to a last, both included."""

    membership = models.ForeignKey(Membership, models.CASCADE, verbose_name=_("membership"), related_name="deputies")
    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("deputy"), related_name="deputizing")
    first = models.DateField(_("first day"))
    last = models.DateField(_("last day"))

    objects = DeputyQuerySet.as_manager()
    history = HistoricalRecords(verbose_name=_("deputy history"))

    class Meta:
        verbose_name = _("deputy")
        verbose_name_plural = _("deputies")
        ordering = ["-last", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last__gte=F("first")),
                name="deputy_days_in_order",
                violation_error_message=_("The last day is before the first."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} → {self.membership}"

    @classmethod
    @transaction.atomic
    def name(
        cls,
        membership: Membership,
        person: User,
        *,
        first: dt.date,
        last: dt.date,
        by: User,
        today: dt.date | None = None,
    ) -> Deputy:
        """Let `person` act in `membership` from `first` to `last`; the holder or an administrator says so.

        Raises TransitionRefused for whoever may not, and ValidationError by field. Holding the membership's row keeps
        two from naming the same person twice.
        """
        if not nameable_by(by).filter(pk=membership.pk).exists():
            raise TransitionRefused("not_yours", gettext("A deputy is named by the holder or by their administrator."))
        Membership.objects.select_for_update(of=("self",)).get(pk=membership.pk)
        deputy = cls(membership=membership, person=person, first=first, last=last)
        deputy._check(today or timezone.localdate())
        deputy._history_user = by
        deputy.save()
        return deputy

    def _check(self, today: dt.date) -> None:
        errors: dict[str, str] = {}
        if self.person_id == self.membership.person_id:
            errors["person"] = gettext("Nobody is their own deputy.")
        elif not User.objects.in_or_above(self.membership.organization).filter(pk=self.person_id).exists():
            errors["person"] = gettext("A deputy has an open account and a role in the same body or the one above it.")
        if self.last < self.first:
            errors["last"] = gettext("The last day is before the first.")
        elif self.last < today:
            errors["last"] = gettext("The last day has passed already.")
        meeting = Deputy.objects.filter(membership=self.membership, person=self.person_id)
        if not errors and meeting.filter(first__lte=self.last, last__gte=self.first).exists():
            errors["first"] = gettext("This person is deputy on some of these days already.")
        if errors:
            raise ValidationError(errors)

    @transaction.atomic
    def end(self, *, by: User, today: dt.date | None = None) -> None:
        """End it at once: yesterday was the last day, or, where it had not begun before today, there was none."""
        if not Deputy.objects.ended_by(by).filter(pk=self.pk).exists():
            raise TransitionRefused("not_yours", gettext("A deputy is named by the holder or by their administrator."))
        self._history_user = by
        self.stop(today or timezone.localdate())

    def stop(self, today: dt.date) -> None:
        """What ends it, whoever asked and may."""
        yesterday = today - dt.timedelta(1)
        if self.first > yesterday:
            self.delete()  # its history keeps it
        elif self.last > yesterday:
            self.last = yesterday
            self.save()


def nameable_by(user: User) -> models.QuerySet[Membership]:
    """The memberships this person names deputies for: their own, and those of whom they administer."""
    mine = Q(person=user)
    if user.may_grant:
        mine |= Q(pk__in=Membership.objects.editable_by(user))
    return Membership.objects.filter(mine, role__in=DEPUTIZED)
