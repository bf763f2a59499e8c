"""Completion: striking a completed assignment off (销号), and reopening one that is not done after all."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tracker import access

from .events import Event
from .fields import said
from .moves import WRITABLE, State, TransitionRefused
from .notices import Notice, several
from .plan import Status
from .tallies import tallying

if TYPE_CHECKING:
    from .assignments import Assignment
    from .organizations import Organization
    from .people import User

TO_STRIKE_OFF = Q(status=Status.COMPLETED, ended_on=None, struck_off_on=None)


class CompletionQuerySet(models.QuerySet["Assignment"]):
    """Which assignments wait to be struck off, and by whom; a part of AssignmentQuerySet."""

    def supervised_by(self, user: User) -> Self:
        """Those on whose completion this person decides: in their scope, never their own body's but at the root."""
        if not user.may(access.STRIKE_OFF):
            return self.none()
        own = Q(organization=user.organization, organization__parent__isnull=False)
        return self.filter(user.assignment_scope()).exclude(own)

    def to_strike_off(self) -> Self:
        """Completed by an accepted entry, not by hand, and not struck off yet."""
        accepted = Q(latest__state=State.ACCEPTED, latest__status=Status.COMPLETED)
        return self.filter(TO_STRIKE_OFF & accepted, stated_status="")

    @transaction.atomic
    def strike_off(self, *, by: User, comment: str = "", at: dt.datetime | None = None) -> int:
        """Strike off those of these that wait for it, and excuse what they still owe; returns how many.

        Set-wise. What somebody struck off or reopened meanwhile is left as it is.
        """
        from .handings import owed_now

        at, comment = at or timezone.now(), said("comment", comment)
        waiting = self.supervised_by(by).to_strike_off().order_by("pk").select_for_update(of=("self",), no_key=True)
        rows = list(waiting.values_list("pk", "organization", "task__code"))
        if not rows:
            return 0
        pks, codes = [pk for pk, _body, _code in rows], defaultdict[int, list[str]](list)
        for _pk, body, code in rows:
            codes[body].append(code)
        self.model._default_manager.filter(pk__in=pks).update(struck_off_on=timezone.localdate(at))
        Event.record_many(pks, action=Event.Action.STRUCK_OFF, by=by, at=at, comment=comment)
        owed = owed_now(pks, timezone.localdate(at)).filter(state__in=WRITABLE)
        owed.excuse_all(by=by, comment=comment or _("Struck off."), at=at)
        told = {body: {"n": len(found), "what": several(found)} for body, found in codes.items()}
        roles, who = (access.REPORTER, access.LEADER), str(by.organization)
        Notice.tell_each(told, roles, Notice.Kind.STRUCK_OFF, url=reverse("home"), by=by, at=at, who=who, why=comment)
        return len(rows)


class Completion(models.Model):
    """The end of an assignment's course; the rest of it is the assignment's own."""

    organization: Any  # these are the assignment's
    status: str
    stated_status: str
    due: dt.date | None
    ended_on: dt.date | None
    struck_off_on: dt.date | None

    class Meta:
        abstract = True

    @property
    def is_completed(self) -> bool:
        return self.status == Status.COMPLETED and self.ended_on is None

    @property
    def can_be_extended(self) -> bool:
        """Asked on the due date at the latest, while there is something left to do."""
        open_now = self.ended_on is None and self.status != Status.COMPLETED
        return open_now and self.due is not None and timezone.localdate() <= self.due

    def strike_off(self, *, by: User, comment: str = "", at: dt.datetime | None = None) -> None:
        """What is done to many, of one. Raises TransitionRefused where nothing was changed."""
        alone = self._rows()
        if not alone.supervised_by(by).exists():
            raise TransitionRefused("not_yours", _not_yours())
        if not alone.strike_off(by=by, comment=comment, at=at):
            raise TransitionRefused("stale", self._rows().get().unstrikable_words)
        self.refresh_from_db()

    def reopen(self, *, by: User, comment: str, at: dt.datetime | None = None) -> None:
        """It is not done after all, with a reason: in progress until the next accepted entry, and no longer struck off.

        It owes again from the next period on. How far it is nobody has said.
        """
        at, comment = at or timezone.now(), said("comment", comment, missing=_("Give the reason."))
        if not self._rows().supervised_by(by).exists():
            raise TransitionRefused("not_yours", _not_yours())
        with tallying() as changes:
            row: Any = self._locked()
            if not row.is_completed:
                raise TransitionRefused("stale", row.unstrikable_words)
            again = Status.IN_PROGRESS
            row._follow(changes, status=again, stated_status=again, percent=None, struck_off_on=None)
            Event.record(row, action=Event.Action.RESUMED, by=by, at=at, comment=comment)
            told = {"who": str(by.organization), "what": str(row), "why": comment}
            body: Organization = row.organization
            roles, url = (access.REPORTER, access.LEADER), row.get_absolute_url()
            Notice.tell(body, roles, Notice.Kind.RESUMED, url=url, by=by, at=at, **told)
        self.refresh_from_db()

    @property
    def unstrikable_words(self) -> str:
        """Why it does not wait to be struck off, as it stands now."""
        if self.struck_off_on:
            return _("It is struck off already, since %s.") % self.struck_off_on
        if not self.is_completed:
            return _("It is not completed, or not any more. Nothing was changed.")
        return _("It was set to completed by hand. It is struck off once an entry that says so is accepted.")

    def _guard_struck_off(self) -> None:
        """What is struck off stays completed until a supervisor reopens it."""
        if self.struck_off_on and self.status != Status.COMPLETED:
            words = _("It was struck off on %s. A supervisor reopens it first; then this can be done.")
            raise TransitionRefused("struck_off", words % self.struck_off_on)

    def _rows(self) -> Any:
        return type(self)._default_manager.filter(pk=self.pk)

    def _locked(self) -> Assignment:
        raise NotImplementedError  # the assignment's


def _not_yours() -> str:
    return _("Only a supervisor of a body above strikes it off or reopens it.")
