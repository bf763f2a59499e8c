"""Entries: what an assignment owes for a period, and the guarded transitions it goes through (rules 1–3)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tracker import access

from .assignments import Assignment
from .blockers import Blocker
from .content import Content
from .entry_lists import EntryQuerySet
from .events import Event
from .fields import WordsField, said
from .lights import written
from .moves import (
    ACCEPT,
    DRAFT,
    EXCUSE,
    OWE,
    REOPEN,
    REPORTED,
    RETURN,
    SIGN_OFF,
    SUBMIT,
    UNDO,
    WITHDRAW,
    WRITABLE,
    Move,
    State,
    TransitionRefused,
)
from .notices import Notice
from .periods import Period, working_days_after
from .plan import Review, Status
from .sign_off import SIGNED_BY_SOMEBODY, UNSIGNED, SignedOff
from .tallies import Changes, tallying

if TYPE_CHECKING:
    from .people import User

RETURN_DAYS = 3  # working days an entry returned after the lock stays open


class Entry(Content, SignedOff):
    """One obligation, one row: made in state `due` when the period opens, so that what is missing can be listed."""

    assignment = models.ForeignKey(
        Assignment, models.PROTECT, verbose_name=gettext_lazy("assignment"), related_name="entries"
    )
    period = models.ForeignKey(Period, models.PROTECT, verbose_name=gettext_lazy("period"), related_name="entries")
    state = models.CharField(
        gettext_lazy("state"), max_length=12, choices=State, default=State.DUE, db_default=State.DUE.value
    )
    version = models.PositiveIntegerField(gettext_lazy("version"), default=1, db_default=1)
    review_step = models.PositiveSmallIntegerField(gettext_lazy("review step"), default=0, db_default=0)
    first_submitted_at = models.DateTimeField(gettext_lazy("first submitted at"), null=True, editable=False)
    submitted_at = models.DateTimeField(gettext_lazy("submitted at"), null=True, editable=False)
    submitted_by = models.ForeignKey(
        "tracker.User",
        models.PROTECT,
        verbose_name=gettext_lazy("submitted by"),
        null=True,
        editable=False,
        related_name="+",
    )
    proxy = models.ForeignKey(
        "tracker.Organization",
        models.PROTECT,
        verbose_name=gettext_lazy("reported on behalf by"),
        null=True,
        editable=False,
        related_name="+",
    )
    decided_at = models.DateTimeField(gettext_lazy("decided at"), null=True, editable=False)
    decided_by = models.ForeignKey(
        "tracker.User",
        models.PROTECT,
        verbose_name=gettext_lazy("decided by"),
        null=True,
        editable=False,
        related_name="+",
    )
    comment = WordsField(gettext_lazy("review opinion"))
    open_until = models.DateField(gettext_lazy("open after the lock until"), null=True, blank=True)
    saved_at = models.DateTimeField(gettext_lazy("saved at"), null=True, editable=False)
    saved_by = models.ForeignKey(
        "tracker.User",
        models.PROTECT,
        verbose_name=gettext_lazy("saved by"),
        null=True,
        editable=False,
        related_name="+",
    )

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("entry")
        verbose_name_plural = gettext_lazy("entries")
        ordering = ["-period__due", "assignment"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "period"], name="entry_unique"),
            models.CheckConstraint(
                condition=Q(percent__isnull=True) | Q(percent__lte=100), name="entry_percent_in_range"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="entry_state_known"),
            models.CheckConstraint(condition=Q(status__in=["", *Status.values]), name="entry_status_known"),
            models.CheckConstraint(
                condition=~Q(state__in=[State.SUBMITTED, State.ACCEPTED])
                | Q(first_submitted_at__isnull=False, submitted_at__isnull=False) & ~Q(status=""),
                name="entry_submitted_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.ACCEPTED, status=Status.COMPLETED) | Q(percent__isnull=True) | Q(percent=100),
                name="entry_completed_is_100",
            ),
            SIGNED_BY_SOMEBODY,
        ]
        indexes = [
            models.Index(fields=["period", "state"], name="entry_period_state"),
            models.Index(fields=["assignment"], name="entry_waiting", condition=Q(state="submitted")),
            models.Index(fields=["submitted_at"], name="entry_waiting_since", condition=Q(state="submitted")),
        ]

    def __str__(self) -> str:
        return f"{self.assignment} · {self.period.code}"

    def get_absolute_url(self) -> str:
        return reverse("entry", args=[self.pk])

    # What may be done now.

    def is_open(self, day: dt.date) -> bool:
        """Nobody drafts or submits after the lock, but where an exception says so (rule 2)."""
        return day <= self.period.locks or (self.open_until is not None and day <= self.open_until)

    @property
    def can_write(self) -> bool:
        return self.state in WRITABLE and self.is_open(timezone.localdate())

    @property
    def can_withdraw(self) -> bool:
        return self.state == State.SUBMITTED and self.review_step == 0 and self.is_open(timezone.localdate())

    def has_already(self, *, submitted: bool, by: User, version: int, **content: Any) -> bool:
        """A second click, or a retry after a lost answer: what is asked for stands here, so nothing is refused."""
        done = (State.SUBMITTED, State.ACCEPTED) if submitted else (State.DRAFT,)
        said = self.settled(content) if submitted else content
        return self.saved_by_id == by.pk and self.state in done and self.version > version and self.says(said)

    def can_undo(self, user: User) -> bool:
        if self.state not in UNDO.sources or self.decided_by_id != user.pk:
            return False
        return Entry.objects.decided_on_by(user).filter(pk=self.pk).exists()

    def can_reopen(self, user: User) -> bool:
        if self.state != State.ACCEPTED:
            return False
        if self.assignment.task.plan.review == Review.NONE:
            return self.is_logged_by(user)
        if self.assignment.reviewing_id is None:
            return user.may(access.SIGN_OFF) and user.organization == self.assignment.organization
        return user.may(access.REVIEW) and user.organization == self.assignment.reviewing

    def is_logged_by(self, user: User) -> bool:
        """Whether this person writes it: no query for one's own body's, one on behalf of another."""
        if user.may_log and user.organization == self.assignment.organization:
            return True
        return Entry.objects.on_behalf_by(user).filter(pk=self.pk).exists()

    @property
    def author(self) -> str:
        """Who submitted it; reported on behalf, also for which body they wrote."""
        return authored(str(self.submitted_by or ""), self.proxy.short if self.proxy else "")

    def listed_evidence(self) -> dict[str, list[int]]:
        """The files handed in with a submission, by key; nothing where there are none."""
        keys = [piece.pk for piece in self.evidence.all() if piece.is_live]
        return {"evidence": keys} if keys else {}

    def file_names(self) -> list[str]:
        return [piece.name for piece in self.evidence.all() if piece.is_live]

    @property
    def was_late(self) -> bool | None:
        """Whether the first submission came after the due date; null while there is none (rule 3)."""
        return self.first_submitted_at >= self.period.due_end if self.first_submitted_at else None

    def previous(self) -> Entry | None:
        """What this assignment reported in the period before: as handed in, never a draft."""
        earlier = self.assignment.entries.filter(period__due__lt=self.period.due, state__in=REPORTED)
        return earlier.select_related("period").order_by("-period__due").first()

    # Transitions. `by` is the person, `version` what they saw; each raises TransitionRefused or ValidationError.

    def save_draft(self, *, by: User, version: int, at: dt.datetime | None = None, **content: Any) -> None:
        self._guard_writer(by, at)
        at = at or timezone.now()
        content = self.checked({"no_change": False} | content, complete=False, day=timezone.localdate(at))
        self._turn(DRAFT, by=by, version=version, at=at, saved_at=at, saved_by=by, **UNSIGNED, **content)

    def submit(self, *, by: User, version: int, at: dt.datetime | None = None, **content: Any) -> None:
        """Hand in; where the plan asks for no review, that accepts too, in the same transaction."""
        self._guard_writer(by, at)
        at = at or timezone.now()
        content = self.checked({"no_change": False} | content, complete=True, day=timezone.localdate(at))
        with tallying():
            self._turn(
                SUBMIT,
                by=by,
                version=version,
                at=at,
                event_content=self.told(content),
                submitted_at=at,
                submitted_by=by,
                proxy=None if by.organization == self.assignment.organization else by.organization,
                first_submitted_at=self.first_submitted_at or at,
                review_step=0,
                saved_at=at,
                saved_by=by,
                **UNSIGNED,
                **content,
            )
            if self.assignment.task.plan.review == Review.NONE:
                self._turn(ACCEPT, by=by, version=self.version, at=at, decided_at=at, decided_by=by, comment="")

    def submit_unchanged(self, *, by: User, version: int, at: dt.datetime | None = None, **typed: Any) -> None:
        """Report "no change" (无变化): where the last report stood, and no words. It counts as reported.

        Refused where words are owed or would be lost; `typed` is what stands in the form beside it.
        """
        self._guard_writer(by, at)
        self._guard_state(SUBMIT)
        last = self.previous()
        if refusal := self.words_owed(last, self.content() | typed):
            raise TransitionRefused("words", refusal)
        assert last
        self.submit(by=by, version=version, at=at, **self.repeated(last, typed))

    def withdraw(self, *, by: User, version: int, at: dt.datetime | None = None) -> None:
        """Take back before a decision. What was never decided on was never submitted."""
        self._guard_writer(by, at)
        if self.review_step:
            raise TransitionRefused(
                "state", _("Your own leader has signed this off already; ask for it to be returned.")
            )
        undecided = self.first_submitted_at == self.submitted_at
        self._turn(
            WITHDRAW,
            by=by,
            version=version,
            at=at,
            submitted_at=None,
            submitted_by=None,
            proxy=None,
            first_submitted_at=None if undecided else self.first_submitted_at,
        )

    def accept(self, *, by: User, version: int, comment: str = "", at: dt.datetime | None = None) -> None:
        """Accept; under "own leader, then above" the leader's acceptance is a signature and the next step follows. At
        the national body it is both."""
        self._guard_reviewer(by)
        at, comment = at or timezone.now(), said("comment", comment)
        signed: dict[str, Any] = {"signed_at": at, "signed_by": by} if self.at_leader else {}
        if signed and self.assignment.reviewing_id:
            self._turn(SIGN_OFF, by=by, version=version, at=at, comment=comment, review_step=1, **signed)
        else:
            self._turn(ACCEPT, by=by, version=version, at=at, comment=comment, decided_at=at, decided_by=by, **signed)

    def return_(self, *, by: User, version: int, comment: str, at: dt.datetime | None = None) -> None:
        """Send back with a reason; after the lock this entry alone is open for three working days, logged."""
        self._guard_reviewer(by)
        self._hand_back(RETURN, by=by, version=version, comment=comment, at=at or timezone.now())

    def reopen(self, *, by: User, version: int, comment: str, at: dt.datetime | None = None) -> None:
        """Send an accepted entry back for correction (更正), with a reason."""
        self._guard_state(REOPEN)
        if not self.can_reopen(by):
            raise TransitionRefused("not_yours", _("Only the reviewing organization can reopen an accepted entry."))
        self._hand_back(REOPEN, by=by, version=version, comment=comment, at=at or timezone.now())

    def undo(self, *, by: User, version: int, at: dt.datetime | None = None) -> None:
        """Take one's own decision back, until anyone acts on it. Closes what the decision opened after the lock. A
        signature stands where the leader's step is over."""
        self._guard_state(UNDO)
        if not self.can_undo(by):
            raise TransitionRefused("not_yours", _("Only the person who decided can take the decision back."))
        last = self.events.exclude(action__in=Event.MATTERS).order_by("-pk").first()
        if last and last.action == Event.Action.LET_IN:
            raise TransitionRefused("stale", self._moved_on())
        opened = last is not None and "open_until" in (last.content or {})
        self._turn(
            UNDO,
            by=by,
            version=version,
            at=at,
            decided_at=None,
            decided_by=None,
            comment="",
            open_until=None if opened else self.open_until,
            **({} if self.review_step else UNSIGNED),
        )

    def excuse(self, *, by: User, version: int, comment: str, at: dt.datetime | None = None) -> None:
        """Nothing is owed any more (免报), with a reason."""
        self._guard_excuser(by)
        self._turn(EXCUSE, by=by, version=version, at=at, comment=required(comment))

    def owe_again(self, *, by: User, version: int, comment: str, at: dt.datetime | None = None) -> None:
        self._guard_excuser(by)
        self.owe_anew(by=by, version=version, comment=required(comment), at=at)

    def owe_anew(self, *, by: User | None, version: int, comment: str, at: dt.datetime | None = None) -> None:
        """What owing again is, whoever asked and may: nothing of what was handed in before counts."""
        self._turn(
            OWE,
            by=by,
            version=version,
            at=at,
            comment=comment,
            first_submitted_at=None,
            submitted_at=None,
            submitted_by=None,
            proxy=None,
            review_step=0,
            **UNSIGNED,
        )

    def let_in(self, *, by: User, version: int, until: dt.date, comment: str, at: dt.datetime | None = None) -> None:
        """Open this one entry after the lock until a day, with a reason (an exception, logged)."""
        self._guard_excuser(by)
        if until < timezone.localdate(at):
            raise ValidationError({"until": _("This day has passed.")})
        if self.state not in WRITABLE:
            raise TransitionRefused("state", self._moved_on())
        move = Move(Event.Action.LET_IN, (State(self.state),), self.state)
        self._turn(
            move,
            by=by,
            version=version,
            at=at,
            open_until=until,
            event_comment=required(comment),
            event_content={"open_until": until.isoformat()},
        )

    # The one path every transition takes.

    def _turn(
        self,
        move: Move,
        *,
        by: User | None,
        version: int,
        at: dt.datetime | None,
        event_content: dict[str, Any] | None = None,
        event_comment: str | None = None,
        **values: Any,
    ) -> None:
        """Conditional update, event, assignment, tallies: one transaction. Raises TransitionRefused and changes nothing
        when somebody was first."""
        at = at or timezone.now()
        before, was, kept = self.columns, self.state, {name: getattr(self, name) for name in values}
        self._guard_state(move)
        with tallying() as changes:
            # What is counted and told of is this object's: it must be the row as it stands.
            held = Entry.objects.filter(pk=self.pk, state=was, version=version)
            columns = {name: value for name, value in values.items() if name not in self.FIGURES}
            if version != self.version or not held.update(**columns, state=move.target, version=F("version") + 1):
                raise TransitionRefused("stale", self._moved_on())
            for name, value in (values | {"state": str(move.target), "version": version + 1}).items():
                setattr(self, name, value)
            try:
                if "figures" in values:
                    self.keep_figures(kept)
                comment = values.get("comment", "") if event_comment is None else event_comment
                self._record(move, was, by, at, comment, event_content)
                self._count(changes, before)
                Blocker.follow(self, move.action, by=by, at=at)
                if State.ACCEPTED in (was, self.state) and was != self.state:
                    self.assignment.follow_entries(accepted_now=self.state == State.ACCEPTED)
            except BaseException:
                for name, value in (kept | {"state": was, "version": version}).items():
                    setattr(self, name, value)
                raise

    def _record(
        self, move: Move, was: str, by: User | None, at: dt.datetime, comment: str, content: dict[str, Any] | None
    ) -> None:
        if move is DRAFT and was == State.DRAFT:
            return  # saving a draft again is no transition; the last writer stands on the entry
        Event.record(
            self.assignment,
            entry=self,
            action=move.action,
            by=by,
            at=at,
            from_state=was,
            to_state=self.state,
            comment=comment,
            content=content,
        )

    def _count(self, changes: Changes, before: list[str]) -> None:
        after = self.columns
        if before != after:
            changes.move_entry(self, before, after)

    @property
    def columns(self) -> list[str]:
        """The tally columns that count this entry; excused ones are not owed, so neither on time nor late."""
        columns = [str(self.state)]
        if self.first_submitted_at and self.state != State.EXCUSED:
            columns.append("late" if self.was_late else "on_time")
            if self.no_change:
                columns.append("no_change")
        return columns

    def _hand_back(self, move: Move, *, by: User, version: int, comment: str, at: dt.datetime) -> None:
        """Keeps the review step, which submitting sets to 0, so that an undone return waits where it did."""
        values: dict[str, Any] = {"comment": required(comment), "decided_at": at, "decided_by": by}
        content, today = None, timezone.localdate(at)
        if not self.is_open(today):
            values["open_until"] = until = working_days_after(today, RETURN_DAYS)
            content = {"open_until": until.isoformat()}
        with tallying():
            self._turn(move, by=by, version=version, at=at, event_content=content, **values)
            kind = Notice.Kind.RETURNED if move is RETURN else Notice.Kind.REOPENED
            what = {"who": str(by.organization), "what": str(self), "why": comment}
            body, url = self.assignment.organization, self.get_absolute_url()
            Notice.tell(body, [access.REPORTER], kind, url=url, by=by, at=at, **what)

    # Guards.

    def _guard_state(self, move: Move) -> None:
        if self.state not in move.sources:
            raise TransitionRefused("stale", self._moved_on())

    def _guard_writer(self, by: User, at: dt.datetime | None) -> None:
        if not self.is_logged_by(by):
            raise TransitionRefused("not_yours", _("Only this organization's reporters can fill in this entry."))
        if not self.is_open(timezone.localdate(at or timezone.now())):
            raise TransitionRefused("locked", self.locked_words())

    def guard_files(self, by: User, at: dt.datetime) -> None:
        """Files come and go while the entry can be written. Raises TransitionRefused."""
        self._guard_writer(by, at)
        if self.state not in WRITABLE:
            raise TransitionRefused("state", self._moved_on())

    def _guard_reviewer(self, by: User) -> None:
        if self.submitted_by_id == by.pk:
            raise TransitionRefused("own", _("You submitted this entry yourself; somebody else must decide on it."))
        self._guard_state(ACCEPT)
        if Entry.objects.reviewable_by(by).filter(pk=self.pk).exists():
            return
        if not Entry.objects.filter(pk=self.pk, version=self.version).exists():
            raise TransitionRefused("stale", self._moved_on())
        raise TransitionRefused("not_yours", _("This entry is not waiting for your review."))

    def _guard_excuser(self, by: User) -> None:
        if not Entry.objects.excusable_by(by).filter(pk=self.pk).exists():
            raise TransitionRefused("not_yours", _("Only a supervisor or administrator above can do this."))

    def locked_words(self) -> str:
        reviewer = self.assignment.reviewing or self.assignment.organization
        return _(
            "%(period)s was locked on %(day)s, so this cannot be submitted. If it must be, ask the reviewer of "
            "%(reviewer)s to open it for you."
        ) % {"period": self.period.title, "day": written(self.period.locks, timezone.localdate()), "reviewer": reviewer}

    def _moved_on(self) -> str:
        now = Entry.objects.only("state", "version").get(pk=self.pk)
        return _("Somebody was here before you: this entry is now “%(state)s”. Nothing of yours was saved over it.") % {
            "state": now.get_state_display()
        }


def authored(name: str, proxy: str) -> str:
    """An author's name as it is shown everywhere."""
    return _("%(name)s (on behalf, %(body)s)") % {"name": name, "body": proxy} if proxy else name


def required(comment: str) -> str:
    return said("comment", comment, missing=_("Give the reason."))
