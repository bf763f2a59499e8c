"""Leaving and handing over (离岗交接): what somebody holds is listed, and goes to another in one action."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from .assignments import Assignment
from .deputies import Deputy
from .entries import Entry
from .events import Event
from .fields import said
from .histories import REASON_LIMIT, signed
from .moves import State, TransitionRefused
from .people import Membership, Role, User

NAMED = ("responsible", "leader")  # the fields of an assignment that hold a person's name
BATCH = 1_000


class Handover:
    """What one person holds, as it stands, and giving it away. What they wrote and decided keeps their name."""

    def __init__(self, leaver: User) -> None:
        self.leaver = leaver

    # What there is.

    @cached_property
    def memberships(self) -> list[Membership]:
        return list(self.leaver.memberships.select_related("organization__parent").order_by("organization__path", "pk"))

    @cached_property
    def last_of(self) -> list[Membership]:
        """Where nobody else with an open account has the role. One query."""
        peers = Membership.objects.filter(
            organization__in={held.organization_id for held in self.memberships}, person__is_active=True
        )
        shared = set(peers.exclude(person=self.leaver).values_list("organization", "role"))
        return [held for held in self.memberships if (held.organization_id, held.role) not in shared]

    @property
    def warnings(self) -> list[Membership]:
        """Roles without which a body cannot report, decide or be administered."""
        needed = (Role.ADMINISTRATOR, Role.REPORTER, Role.REVIEWER)
        return [held for held in self.last_of if held.role in needed and not held.organization.closed_on]

    @property
    def bodies(self) -> set[int]:
        return {held.organization_id for held in self.memberships}

    @property
    def named(self) -> QuerySet[Assignment]:
        """The live assignments of their bodies that name them, by name, as responsible or as leader."""
        if not self.leaver.name:
            return Assignment.objects.none()
        by_name = Q(responsible=self.leaver.name) | Q(leader=self.leaver.name)
        return Assignment.objects.live().filter(by_name, organization__in=self.bodies)

    @property
    def namesakes(self) -> QuerySet[User]:
        """Others of the same name in the same bodies: the names may mean them."""
        others = User.objects.filter(name=self.leaver.name, memberships__organization__in=self.bodies).distinct()
        return others.exclude(pk=self.leaver.pk)

    @property
    def drafts(self) -> QuerySet[Entry]:
        """What they saved last and nobody submitted. It stays where it is, open to every reporter of the body."""
        return Entry.objects.filter(state=State.DRAFT, saved_by=self.leaver, assignment__organization__in=self.bodies)

    @property
    def waiting(self) -> QuerySet[Entry]:
        """What waits for a review that nobody else can give."""
        alone = {held.organization_id for held in self.last_of if held.role == Role.REVIEWER}
        return Entry.objects.filter(state=State.SUBMITTED, assignment__reviewing__in=alone)

    @cached_property
    def deputies(self) -> list[Deputy]:
        """Theirs, and where they are one, that have not ended."""
        theirs = Q(membership__person=self.leaver) | Q(person=self.leaver)
        return list(Deputy.objects.filter(theirs).unended(timezone.localdate()).with_names().order_by("pk"))

    # Giving it.

    @transaction.atomic
    def give(
        self, successor: User | None, *, reason: str, by: User, close: bool = True, at: dt.datetime | None = None
    ) -> None:
        """All of it to one person, or, without one, roles and deputies end and the names stay. One transaction.

        Raises TransitionRefused for whom `by` may not change, ValidationError for the reason or the successor.
        """
        # Held for the whole: a role given to the leaver meanwhile waits, and is not lost from sight.
        User.objects.select_for_update().get(pk=self.leaver.pk)
        reason = said("reason", reason, missing=_("Give the reason."), limit=REASON_LIMIT)
        self._guard(successor, by)
        self._give_memberships(successor, reason, by)
        if successor and successor.name:
            self._give_names(successor.name, reason, by, at or timezone.now())
        if close and self.leaver.is_active:
            self.leaver.is_active = False
            signed(self.leaver, by, reason).save(update_fields=["is_active"])

    def _guard(self, successor: User | None, by: User) -> None:
        may = User.objects.editable_by(by)
        if not may.filter(pk=self.leaver.pk).exists():
            raise TransitionRefused("not_yours", _("This person is not yours to change."))
        if successor is None:
            return
        if successor.pk == self.leaver.pk:
            raise ValidationError({"successor": _("Choose somebody else: this is the person who leaves.")})
        if not successor.is_active or not may.filter(pk=successor.pk).exists():
            raise ValidationError({"successor": _("Choose somebody with an open account whom you may change.")})

    def _give_memberships(self, successor: User | None, reason: str, by: User) -> None:
        """Each ends for the one and begins for the other; a closed body takes no new members."""
        today = timezone.localdate()
        for held in self.memberships:
            deputies = list(held.deputies.unended(today).select_for_update(of=("self",)))
            if successor and not held.organization.closed_on:
                taken = self._take(successor, held, reason, by)
                for deputy in deputies:
                    if deputy.person_id != successor.pk:
                        deputy.membership = taken
                        signed(deputy, by, reason).save()
            signed(held, by, reason).delete()  # its history keeps it; deputies that nobody took over end with it
        for deputy in Deputy.objects.filter(person=self.leaver).unended(today).select_related("membership"):
            if successor and successor.pk != deputy.membership.person_id:
                deputy.person = successor
                signed(deputy, by, reason).save()
            else:
                signed(deputy, by, reason).stop(today)

    @staticmethod
    def _take(successor: User, held: Membership, reason: str, by: User) -> Membership:
        """The successor's own such role where there is one, else a new one with the leaver's department."""
        same: dict[str, Any] = {"organization": held.organization, "role": held.role}
        standing = successor.memberships.filter(**same).first()
        if standing:
            return standing
        taken = Membership(person=successor, department=held.department, **same)
        try:
            taken.clean()
        except ValidationError as error:
            raise ValidationError({"successor": error.messages}) from error
        signed(taken, by, reason).save()
        return taken

    def _give_names(self, name: str, reason: str, by: User, at: dt.datetime) -> None:
        """As `Assignment.amend` does it, set-wise: an event each, with the old name and the new."""
        rows = self.named.select_for_update(of=("self",), no_key=True).order_by("pk").only("pk", *NAMED)
        told = {
            row.pk: {field: [self.leaver.name, name] for field in NAMED if getattr(row, field) == self.leaver.name}
            for row in rows
        }
        Event.record_many(told, action=Event.Action.AMENDED, by=by, at=at, comment=reason, content=told.get)
        keys = list(told)
        for first in range(0, len(keys), BATCH):
            some = Assignment.objects.filter(pk__in=keys[first : first + BATCH])
            for field in NAMED:
                some.filter(**{field: self.leaver.name}).update(**{field: name})
