"""Entries: what an assignment owes for a period, and the guarded transitions it goes through (rules 1–3)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tracker import access

from .assignments import Assignment
from .events import Event
from .fields import WordsField, said
from .lights import written
from .moves import (
    ACCEPT,
    DRAFT,
    EXCUSE,
    OWE,
    REOPEN,
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
from .periods import Period, working_days_after
from .plan import Review, Status
from .tallies import Changes, tallying

if TYPE_CHECKING:
    from .people import User

RETURN_DAYS = 3  # working days an entry returned after the lock stays open


class EntryQuerySet(models.QuerySet["Entry"]):
    def for_transition(self) -> Self:
        """With everything a transition reads, in one query."""
        return self.select_related(
            "assignment__organization",
            "assignment__reviewing",
            "assignment__task__heading__area",
            "assignment__task__plan",
            "period__plan",
        )

    def visible_to(self, user: User) -> Self:
        """The entries of visible assignments; drafts inside their own body only (rule 5)."""
        visible = self.filter(user.assignment_scope("assignment__"))
        return visible.filter(~Q(state=State.DRAFT) | Q(assignment__organization=user.organization))

    def editable_by(self, user: User) -> Self:
        """What this person logs: their own body's."""
        return self.filter(assignment__organization=user.organization) if user.may_log else self.none()

    def decided_on_by(self, user: User) -> Self:
        """What this person, in the role acted in now, decides on at its step. Never what they submitted themselves."""
        body = user.organization
        if body is None or not user.may_review:
            return self.none()
        steps = Q(assignment__task__plan__review=Review.OWN_THEN_ABOVE)
        if user.may(access.SIGN_OFF):
            mine = Q(assignment__organization=body) & (Q(assignment__reviewing=None) | steps & Q(review_step=0))
        else:
            mine = Q(assignment__reviewing=body) & (~steps | Q(review_step=1))
        return self.filter(mine).exclude(submitted_by=user)

    def reviewable_by(self, user: User) -> Self:
        """What waits for this person's decision."""
        return self.decided_on_by(user).filter(state=State.SUBMITTED)

    def in_review_order(self) -> Self:
        """The oldest period first, then by task, then by body: what a reviewer works through."""
        return self.order_by("period__due", "assignment__task__position", "assignment__organization__path", "pk")

    def excusable_by(self, user: User) -> Self:
        """Supervisors and administrators excuse within their scope, never their own body but at the root."""
        if not (user.sees_below and user.role != access.AUDITOR):
            return self.none()
        visible = self.filter(user.assignment_scope("assignment__"))
        own = Q(assignment__organization=user.organization, assignment__organization__parent__isnull=False)
        return visible.exclude(own)


class Entry(models.Model):
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
    status = models.CharField(
        gettext_lazy("status"), max_length=16, choices=Status, blank=True, default="", db_default=""
    )
    percent = models.PositiveSmallIntegerField(gettext_lazy("percent"), null=True, blank=True)
    progress = WordsField(gettext_lazy("progress"))
    problems = WordsField(gettext_lazy("problems"))
    next_steps = WordsField(gettext_lazy("next steps"))
    no_change = models.BooleanField(gettext_lazy("no change"), default=False, db_default=False)
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

    CONTENT = ("status", "percent", "progress", "problems", "next_steps", "no_change")
    TEXTS = ("progress", "problems", "next_steps")

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
        ]
        indexes = [
            models.Index(fields=["period", "state"], name="entry_period_state"),
            models.Index(fields=["assignment"], name="entry_waiting", condition=Q(state="submitted")),
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

    def can_undo(self, user: User) -> bool:
        if self.state not in UNDO.sources or self.decided_by_id != user.pk:
            return False
        return Entry.objects.decided_on_by(user).filter(pk=self.pk).exists()

    def can_reopen(self, user: User) -> bool:
        if self.state != State.ACCEPTED:
            return False
        if self.assignment.task.plan.review == Review.NONE:
            return user.may_log and user.organization == self.assignment.organization
        if self.assignment.reviewing_id is None:
            return user.may(access.SIGN_OFF) and user.organization == self.assignment.organization
        return user.may(access.REVIEW) and user.organization == self.assignment.reviewing

    @property
    def was_late(self) -> bool | None:
        """Whether the first submission came after the due date; null while there is none (rule 3)."""
        return self.first_submitted_at >= self.period.due_end if self.first_submitted_at else None

    def previous(self) -> Entry | None:
        """What this assignment reported in the period before: as handed in, never a draft."""
        reported = (State.SUBMITTED, State.RETURNED, State.ACCEPTED)
        earlier = self.assignment.entries.filter(period__due__lt=self.period.due, state__in=reported)
        return earlier.select_related("period").order_by("-period__due").first()

    def content(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.CONTENT}

    # Transitions. `by` is the person, `version` what they saw; each raises TransitionRefused or ValidationError.

    def save_draft(self, *, by: User, version: int, at: dt.datetime | None = None, **content: Any) -> None:
        self._guard_writer(by, at)
        at, content = at or timezone.now(), self._checked(content, complete=False)
        self._turn(DRAFT, by=by, version=version, at=at, saved_at=at, saved_by=by, **content)

    def submit(self, *, by: User, version: int, at: dt.datetime | None = None, **content: Any) -> None:
        """Hand in; where the plan asks for no review, that accepts too, in the same transaction."""
        self._guard_writer(by, at)
        at, content = at or timezone.now(), self._checked(content, complete=True)
        with tallying():
            self._turn(
                SUBMIT,
                by=by,
                version=version,
                at=at,
                event_content=content,
                submitted_at=at,
                submitted_by=by,
                first_submitted_at=self.first_submitted_at or at,
                review_step=0,
                saved_at=at,
                saved_by=by,
                **content,
            )
            if self.assignment.task.plan.review == Review.NONE:
                self._turn(ACCEPT, by=by, version=self.version, at=at, decided_at=at, decided_by=by, comment="")

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
            first_submitted_at=None if undecided else self.first_submitted_at,
        )

    def accept(self, *, by: User, version: int, comment: str = "", at: dt.datetime | None = None) -> None:
        """Accept; under "own leader, then above" the leader's acceptance is a signature and the next step follows."""
        self._guard_reviewer(by)
        at, comment = at or timezone.now(), said("comment", comment)
        plan, assignment = self.assignment.task.plan, self.assignment
        if plan.review == Review.OWN_THEN_ABOVE and self.review_step == 0 and assignment.reviewing_id:
            self._turn(SIGN_OFF, by=by, version=version, at=at, comment=comment, review_step=1)
        else:
            self._turn(ACCEPT, by=by, version=version, at=at, decided_at=at, decided_by=by, comment=comment)

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
        """Take one's own decision back, until anyone acts on it. Closes what the decision opened after the lock."""
        self._guard_state(UNDO)
        if not self.can_undo(by):
            raise TransitionRefused("not_yours", _("Only the person who decided can take the decision back."))
        last = self.events.order_by("-pk").first()
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
        )

    def excuse(self, *, by: User, version: int, comment: str, at: dt.datetime | None = None) -> None:
        """Nothing is owed any more (免报), with a reason."""
        self._guard_excuser(by)
        self._turn(EXCUSE, by=by, version=version, at=at, comment=required(comment))

    def owe_again(self, *, by: User, version: int, comment: str, at: dt.datetime | None = None) -> None:
        self._guard_excuser(by)
        self._turn(
            OWE,
            by=by,
            version=version,
            at=at,
            comment=required(comment),
            first_submitted_at=None,
            submitted_at=None,
            submitted_by=None,
            review_step=0,
        )

    def let_in(self, *, by: User, version: int, until: dt.date, comment: str, at: dt.datetime | None = None) -> None:
        """Open this one entry after the lock until a day, with a reason (an exception, logged)."""
        self._guard_excuser(by)
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
        by: User,
        version: int,
        at: dt.datetime | None,
        event_content: dict[str, Any] | None = None,
        event_comment: str | None = None,
        **values: Any,
    ) -> None:
        """Conditional update, event, assignment, tallies: one transaction. Raises TransitionRefused and changes nothing
        when somebody was first."""
        at = at or timezone.now()
        before, was, kept = self._columns(), self.state, {name: getattr(self, name) for name in values}
        self._guard_state(move)
        with tallying() as changes:
            # What is counted and told of is this object's: it must be the row as it stands.
            held = Entry.objects.filter(pk=self.pk, state=was, version=version)
            if version != self.version or not held.update(**values, state=move.target, version=F("version") + 1):
                raise TransitionRefused("stale", self._moved_on())
            for name, value in (values | {"state": str(move.target), "version": version + 1}).items():
                setattr(self, name, value)
            try:
                comment = values.get("comment", "") if event_comment is None else event_comment
                self._record(move, was, by, at, comment, event_content)
                self._count(changes, before)
                if State.ACCEPTED in (was, self.state) and was != self.state:
                    self.assignment.follow_entries(accepted_now=self.state == State.ACCEPTED)
            except BaseException:
                for name, value in (kept | {"state": was, "version": version}).items():
                    setattr(self, name, value)
                raise

    def _record(
        self, move: Move, was: str, by: User, at: dt.datetime, comment: str, content: dict[str, Any] | None
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
        after = self._columns()
        if before != after:
            changes.move_entry(self, before, after)

    def _columns(self) -> list[str]:
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
        self._turn(move, by=by, version=version, at=at, event_content=content, **values)

    # Guards.

    def _guard_state(self, move: Move) -> None:
        if self.state not in move.sources:
            raise TransitionRefused("stale", self._moved_on())

    def _guard_writer(self, by: User, at: dt.datetime | None) -> None:
        if not (by.may_log and by.organization == self.assignment.organization):
            raise TransitionRefused("not_yours", _("Only this organization's reporters can fill in this entry."))
        if not self.is_open(timezone.localdate(at or timezone.now())):
            raise TransitionRefused("locked", self.locked_words())

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

    def _checked(self, content: dict[str, Any], *, complete: bool) -> dict[str, Any]:
        """The whole content as it would be, cleaned. Raises ValidationError by field; leaves the object as it was."""
        assert set(content) <= set(self.CONTENT), content
        old = self.content()
        for name, value in content.items():
            setattr(self, name, value)
        try:
            self.check_content(complete=complete)
            return self.content()
        finally:
            for name, value in old.items():
                setattr(self, name, value)

    def check_content(self, *, complete: bool) -> None:
        """What may be kept, and what must be there to submit. Raises ValidationError by field."""
        task = self.assignment.task
        errors: dict[str, list[str]] = {}
        try:
            self.clean_fields(exclude=[f.name for f in self._meta.fields if f.name not in self.CONTENT])
        except ValidationError as error:
            errors |= error.message_dict
        if "percent" in errors or (self.percent is not None and self.percent > 100):
            errors["percent"] = [_("A percentage is a whole number from 0 to 100.")]
        elif self.percent is not None and not task.asks_percent:
            errors["percent"] = [_("This task is not measured in percent; leave it empty.")]
        for name in self.TEXTS:
            if getattr(self, name).strip() and not task.takes_texts:
                errors.setdefault(name, [_("Only the status of this task is reported; texts are not taken.")])
        if complete:
            for name, message in self._missing().items():
                errors.setdefault(name, [message])
        if errors:
            raise ValidationError(errors)

    def _missing(self) -> dict[str, str]:
        task, missing = self.assignment.task, {}
        if not self.status:
            missing["status"] = _("Choose the status.")
        if self.status == Status.COMPLETED and self.percent not in (None, 100):
            missing["percent"] = _("Completed means 100 %. Correct the percentage or choose another status.")
        if self.status == Status.COMPLETED and self.assignment.standing:
            missing["status"] = _("A standing duty goes on; it is not reported as completed.")
        if not task.takes_texts or self.no_change:
            return missing
        if self.status in (Status.IN_PROGRESS, Status.BLOCKED, Status.COMPLETED) and not self.progress.strip():
            missing["progress"] = _("Say what was done in this period.")
        if self.status == Status.BLOCKED and not self.problems.strip():
            missing["problems"] = _("Say what needs coordination.")
        return missing


def required(comment: str) -> str:
    return said("comment", comment, missing=_("Give the reason."))
