"""Leaders' notes (批示): what a leader in charge writes of a task, a body or an assignment, to one or several bodies.

Written once, never edited: each body it went to reads and answers it, or it is withdrawn with a reason. Every turn
leaves an event of its own; it turns no light and is in no tally.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from tracker import access

from .assignments import Assignment
from .fields import WordsField, refuse_unstorable, said
from .moves import TransitionRefused
from .notices import Notice
from .organizations import Organization, OrganizationQuerySet
from .people import Role, User
from .plan import Task

MOST = 200  # bodies one note goes to
LEADER_LIMIT = 60
INSTRUCTORS = tuple(role for role, answer in access.ROLES[access.INSTRUCT].items() if answer == "yes")
SPEAKERS = (access.REPORTER, access.LEADER)  # who is told of a note, in a body it goes to
WAITING = Q(answered_at=None, instruction__withdrawn_at=None, organization__closed_on=None)
UNREAD_ANSWER = Q(answered_at__isnull=False, seen_at=None)


def late(on: dt.date) -> Q:
    """Unanswered past the day by which an answer was wanted."""
    return WAITING & Q(instruction__reply_by__lt=on)


def addressable_by(user: User) -> OrganizationQuerySet:
    """The bodies this person may write to, or about: their own and all below it, by either line."""
    if not (user.may_instruct and user.organization):
        return Organization.objects.none()
    return Organization.objects.below(user.organization).open()


class InstructionQuerySet(models.QuerySet["Instruction"]):
    def sent_within(self, user: User) -> Self:
        """Those one's own body wrote; for whoever sees below, those of the bodies below too."""
        if user.organization is None or not user.role:
            return self.none()
        subtree = user.organization.subtree("sender__") if user.sees_below else Q(sender=user.organization)
        return self.filter(subtree)

    def visible_to(self, user: User) -> Self:
        """Those written in one's scope, and those one's own body received."""
        received = InstructionReply.objects.received_by(user).filter(instruction=OuterRef("pk"))
        sent = self.model.objects.sent_within(user).filter(pk=OuterRef("pk"))
        return self.filter(Exists(sent) | Exists(received))

    def withdrawable_by(self, user: User) -> Self:
        """Not withdrawn yet, of one's own body, where one may write them."""
        if not (user.may_instruct and user.organization):
            return self.none()
        return self.filter(sender=user.organization, withdrawn_at=None)

    def concerning(self, of: Task | Organization | Assignment) -> Self:
        """Those on a page of one of these: about it, or about a part of it; on a body's also those that went to it."""
        if isinstance(of, Task):
            return self.filter(Q(task=of) | Q(assignment__task=of))
        if isinstance(of, Organization):
            went = InstructionReply.objects.filter(instruction=OuterRef("pk"), organization=of)
            return self.filter(Q(organization=of) | Q(assignment__organization=of) | Exists(went))
        went = InstructionReply.objects.filter(instruction=OuterRef("pk"), organization=of.organization_id)
        return self.filter(Q(assignment=of) | Q(Q(task=of.task_id) & Exists(went)))

    def with_place(self) -> Self:
        """With what a note shows of itself. One query."""
        about = ("task__plan", "organization__parent", "assignment__task__plan", "assignment__organization__parent")
        return self.select_related(*about, "sender", "by")

    def told_to(self, user: User) -> Self:
        """Newest first, each with those replies this person may see, as `seen`. Two queries."""
        replies = InstructionReply.objects.visible_to(user).with_place().order_by("organization__path", "pk")
        return self.with_place().prefetch_related(models.Prefetch("replies", replies, to_attr="seen"))

    def write(
        self,
        of: Task | Organization | Assignment,
        to: Iterable[Organization],
        *,
        text: str,
        by: User,
        leader: str = "",
        given_on: dt.date | None = None,
        reply_by: dt.date | None = None,
        at: dt.datetime | None = None,
    ) -> Instruction:
        """Write one, to bodies in scope. A supervisor says whose it is and of which day, as of one on paper.

        Raises TransitionRefused, ValidationError by field.
        """
        at = at or timezone.now()
        guard_writing(of, by)
        made = Instruction(sender=by.organization, by=by, at=at, reply_by=reply_by, **subject(of))
        made.text = said("text", text, missing=gettext("Write the note."))
        made._say_whose(leader, given_on, timezone.localdate(at))
        bodies = chosen(to, by)
        with transaction.atomic():
            made.save(force_insert=True)
            InstructionReply.objects.bulk_create(InstructionReply(instruction=made, organization=b) for b in bodies)
            made.record(Step.WRITTEN if by.role == Role.LEADER else Step.FILED, by, at)
            made._tell(bodies, Notice.Kind.INSTRUCTED, by, at, why=made.text)
        return made


def guard_writing(of: Task | Organization | Assignment, by: User) -> None:
    """About the plan's tasks, and about bodies and assignments in scope, as long as they go on."""
    if not by.may_instruct:
        raise TransitionRefused("not_yours", gettext("Only leaders in charge and supervisors write leaders’ notes."))
    body = of if isinstance(of, Organization) else of.organization if isinstance(of, Assignment) else None
    if body and not addressable_by(by).filter(pk=body.pk).exists():
        raise TransitionRefused("not_yours", gettext("This lies outside your organization’s scope."))
    if not isinstance(of, Organization) and of.ended_on:
        raise TransitionRefused("over", gettext("This has ended; nobody has anything to do with it any more."))


def subject(of: Task | Organization | Assignment) -> dict[str, Any]:
    """Which of the three fields says what a note is about."""
    return {{Task: "task", Organization: "organization", Assignment: "assignment"}[type(of)]: of}


def chosen(to: Iterable[Organization], by: User) -> list[Organization]:
    """The bodies it goes to, each once. Raises ValidationError."""
    keys = {body.pk for body in to}
    if not keys:
        raise ValidationError({"bodies": gettext("Choose at least one organization.")})
    if len(keys) > MOST:
        raise ValidationError({"bodies": gettext("One note goes to %d organizations at most.") % MOST})
    bodies = list(addressable_by(by).filter(pk__in=keys).order_by("path"))
    if len(bodies) < len(keys):
        raise ValidationError({"bodies": gettext("An organization is not below yours, or was closed. Choose again.")})
    return bodies


class Instruction(models.Model):
    """`leader` is whose words they are, `by` who wrote them down here: for a leader in charge the same person."""

    task = models.ForeignKey(Task, models.PROTECT, verbose_name=_("task"), null=True, related_name="instructions")
    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), null=True, related_name="instructions"
    )
    assignment = models.ForeignKey(
        Assignment, models.PROTECT, verbose_name=_("assignment"), null=True, related_name="instructions"
    )
    text = WordsField(_("leader’s note"), blank=False)
    leader = models.CharField(_("whose note it is"), max_length=LEADER_LIMIT, validators=[refuse_unstorable])
    given_on = models.DateField(_("day of the note"))
    reply_by = models.DateField(_("answer wanted by"), null=True)
    sender = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("sender"), related_name="+")
    by = models.ForeignKey(User, models.PROTECT, verbose_name=_("by"), related_name="+")
    at = models.DateTimeField(_("at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)

    objects = InstructionQuerySet.as_manager()

    class Meta:
        verbose_name = _("leader’s note")
        verbose_name_plural = _("leaders’ notes")
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(task__isnull=False, organization__isnull=True, assignment__isnull=True)
                | Q(task__isnull=True, organization__isnull=False, assignment__isnull=True)
                | Q(task__isnull=True, organization__isnull=True, assignment__isnull=False),
                name="instruction_of_one",
            ),
            models.CheckConstraint(condition=~Q(text="") & ~Q(leader=""), name="instruction_has_words_and_leader"),
            models.CheckConstraint(
                condition=Q(reply_by__isnull=True) | Q(reply_by__gte=F("given_on")), name="instruction_days_in_order"
            ),
        ]
        indexes = [models.Index(fields=["sender", "at"], name="instruction_sender")]

    def __str__(self) -> str:
        return gettext("leader’s note on %s") % self.about

    def get_absolute_url(self) -> str:
        return reverse("instruction", args=[self.pk])

    @property
    def of(self) -> Task | Organization | Assignment:
        found = self.task or self.organization or self.assignment
        assert found
        return found

    @property
    def about(self) -> str:
        """What it is about, in a few words."""
        return self.task.code if self.task else str(self.of)

    @property
    def of_task(self) -> Task | None:
        return self.assignment.task if self.assignment else self.task

    @property
    def of_body(self) -> Organization | None:
        return self.assignment.organization if self.assignment else self.organization

    def history(self, user: User) -> Any:
        """Every turn this person may know of, newest first: of the other bodies' replies a receiver hears nothing."""
        mine = InstructionReply.objects.visible_to(user).filter(instruction=self)
        rows = self.events.filter(Q(reply=None) | Q(reply__in=mine))
        return rows.select_related("by", "acting_organization", "reply__organization").order_by("-at", "-pk")

    def _say_whose(self, leader: str, given_on: dt.date | None, today: dt.date) -> None:
        """A leader writes their own, today; anybody else says whose it is and of which day."""
        own = self.by.role == Role.LEADER
        missing = gettext("Say whose note it is.")
        typed = str(self.by) if own else leader
        self.leader = said("leader", typed, missing=missing, limit=LEADER_LIMIT)
        self.given_on = today if own else given_on or today
        if self.given_on > today:
            raise ValidationError({"given_on": gettext("This day has not come yet.")})
        if self.reply_by and self.reply_by < today:
            raise ValidationError({"reply_by": gettext("This day has passed. Name a day from today on.")})

    # Transitions. Each raises TransitionRefused or ValidationError, and changes nothing when somebody was first.

    @transaction.atomic
    def withdraw(self, reason: str, *, by: User, at: dt.datetime | None = None) -> None:
        """Take it back, with a reason: by the body it came from. What was answered stays."""
        if not (by.may_instruct and by.organization and by.organization.pk == self.sender_id):
            words = gettext("Only leaders in charge and supervisors of %(body)s can withdraw it.")
            raise TransitionRefused("not_yours", words % {"body": self.sender})
        at, reason = at or timezone.now(), said("reason", reason, missing=gettext("Give the reason."))
        if not Instruction.objects.filter(pk=self.pk, withdrawn_at=None).update(withdrawn_at=at):
            raise TransitionRefused("stale", gettext("This note has been withdrawn already."))
        self.withdrawn_at = at
        self.record(Step.WITHDRAWN, by, at, comment=reason)
        self._tell(self.replies.values("organization"), Notice.Kind.INSTRUCTION_GONE, by, at, why=reason)

    def _held(self) -> Instruction:
        """This row afresh, held until the transaction ends: whoever answers or withdraws holds it first."""
        return Instruction.objects.select_for_update(no_key=True).get(pk=self.pk)

    def record(
        self, action: str, by: User | None, at: dt.datetime, *, reply: InstructionReply | None = None, comment: str = ""
    ) -> None:
        acting = {"acting_role": by.role if by else "", "acting_organization": by.organization if by else None}
        self.events.create(reply=reply, at=at, by=by, action=action, comment=comment, **acting)

    def _tell(self, bodies: Any, kind: str, by: User, at: dt.datetime, *, why: str) -> None:
        what = {"who": str(self.sender), "what": self.about, "why": why, "leader": self.leader}
        Notice.tell(bodies, SPEAKERS, kind, url=self.get_absolute_url(), by=by, at=at, **what)


class InstructionReplyQuerySet(models.QuerySet["InstructionReply"]):
    def received_by(self, user: User) -> Self:
        """Those of one's own body, and of the bodies one reports for."""
        own = Q(organization=user.organization, organization__isnull=False)
        on_behalf = Q(organization__in=user.reports_on_behalf_of().order_by().values("pk"))
        return self.filter(own | on_behalf) if user.role else self.none()

    def sent_by(self, user: User) -> Self:
        """Those of the notes one's own body wrote, where one may write them."""
        return self.filter(instruction__sender=user.organization) if user.may_instruct else self.none()

    def visible_to(self, user: User) -> Self:
        """All of the notes written in one's scope; of what was received, one's own body's alone."""
        sent = Instruction.objects.sent_within(user).filter(pk=OuterRef("instruction"))
        received = self.model.objects.received_by(user).filter(pk=OuterRef("pk"))
        return self.filter(Exists(sent) | Exists(received))

    def waiting(self) -> Self:
        """Neither answered nor withdrawn; a body that was closed is waited for no more."""
        return self.filter(WAITING)

    def late(self, on: dt.date) -> Self:
        return self.filter(late(on))

    def waiting_for(self, user: User) -> Self:
        """What waits for one's own body, but what one wrote to it oneself."""
        return self.waiting().received_by(user).exclude(instruction__by=user)

    def answerable_by(self, user: User) -> Self:
        """Of these, what a person answers who speaks for the body."""
        return self.waiting_for(user) if user.may_answer else self.none()

    def unread_answers(self) -> Self:
        """Answered, and nobody of those who wrote the note has read it."""
        return self.filter(UNREAD_ANSWER)

    def news_for(self, user: User, on: dt.date) -> Self:
        """What those who write notes are to look at: those overdue first, then answers they have not read."""
        return self.sent_by(user).filter(late(on) | UNREAD_ANSWER).in_order(on)

    def fall_to(self, heir: Organization, *, by: User | None, comment: str, at: dt.datetime) -> None:
        """Let a body answer what waits for one that closes, but what it received itself."""
        received = self.model.objects.filter(organization=heir, instruction=OuterRef("instruction"))
        for row in self.waiting().exclude(Exists(received)).select_related("instruction"):
            self.model.objects.filter(pk=row.pk).update(organization=heir, read_at=None, read_by=None)
            row.instruction.record(Step.FELL, by, at, reply=row, comment=comment)

    def with_place(self) -> Self:
        """With everything a line of it shows. One query."""
        note = ("task__plan", "organization", "assignment__task__plan", "assignment__organization", "sender", "by")
        related = [f"instruction__{name}" for name in note]
        return self.select_related(*related, "organization__parent", "read_by", "answered_by", "seen_by")

    def in_order(self, on: dt.date) -> Self:
        """Overdue ones first, then those that wait, by the day an answer is wanted; then the others, newest first."""
        rank = Case(When(late(on), then=Value(0)), When(WAITING, then=Value(1)), default=Value(2))
        by_day = Case(When(WAITING, then=F("instruction__reply_by"))).asc(nulls_last=True)
        return self.annotate(rank=rank).order_by("rank", by_day, "-instruction__at", "pk")


class InstructionReply(models.Model):
    """What became of a note in one of the bodies it went to: read, answered, and the answer read."""

    instruction = models.ForeignKey(
        Instruction, models.PROTECT, verbose_name=_("leader’s note"), related_name="replies"
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), related_name="instruction_replies"
    )
    read_at = models.DateTimeField(_("read at"), null=True)
    read_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("read by"), null=True, related_name="+")
    answer = WordsField(_("answer"))
    answered_at = models.DateTimeField(_("answered at"), null=True)
    answered_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("answered by"), null=True, related_name="+")
    seen_at = models.DateTimeField(_("answer read at"), null=True)
    seen_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("answer read by"), null=True, related_name="+")

    objects = InstructionReplyQuerySet.as_manager()

    class Meta:
        verbose_name = _("reply to a leader’s note")
        verbose_name_plural = _("replies to leaders’ notes")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["instruction", "organization"], name="instruction_reply_unique"),
            models.CheckConstraint(
                condition=Q(read_at__isnull=True, read_by__isnull=True, answered_at__isnull=True)
                | Q(read_at__isnull=False, read_by__isnull=False),
                name="instruction_reply_read_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="", seen_at__isnull=True)
                | Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer=""),
                name="instruction_reply_answered_whole",
            ),
        ]
        indexes = [models.Index(fields=["organization", "answered_at"], name="instruction_reply_body")]

    def __str__(self) -> str:
        return f"{self.organization} {self.instruction_id}"

    @property
    def state(self) -> str:
        """How far it is: answered, withdrawn, closed, read or unread."""
        if self.answered_at:
            return "answered"
        if self.instruction.withdrawn_at:
            return "withdrawn"
        if self.organization.closed_on:
            return "closed"
        return "read" if self.read_at else "unread"

    @property
    def state_words(self) -> Any:
        return STATES[self.state]

    @property
    def waits(self) -> bool:
        return self.state in ("read", "unread")

    @property
    def days_late(self) -> int:
        """Whole days past the day an answer was wanted by; 0 once none is waited for any more."""
        wanted = self.instruction.reply_by
        return max((timezone.localdate() - wanted).days, 0) if wanted and self.waits else 0

    # Transitions, as the note's own.

    @transaction.atomic
    def read(self, *, by: User, at: dt.datetime | None = None) -> None:
        """Somebody of the body it went to has read it; the first one counts."""
        self._guard(by)
        self._mark_read(by, at or timezone.now())
        self.refresh_from_db(fields=["read_at", "read_by"])

    @transaction.atomic
    def reply(self, text: str, *, by: User, at: dt.datetime | None = None) -> None:
        """Answer once; answering reads it. The answer reaches the body the note came from."""
        self._guard(by)
        at, text = at or timezone.now(), said("answer", text, missing=pgettext("leader’s note", "Write the answer."))
        if self.instruction._held().withdrawn_at:
            raise TransitionRefused("stale", gettext("This note has been withdrawn meanwhile. Nothing was changed."))
        self._mark_read(by, at)
        unanswered = InstructionReply.objects.filter(pk=self.pk, answered_at=None)
        if not unanswered.update(answer=text, answered_at=at, answered_by=by):
            raise TransitionRefused("stale", gettext("This note has been answered already."))
        self.refresh_from_db(fields=["read_at", "read_by", "answer", "answered_at", "answered_by"])
        note = self.instruction
        note.record(Step.ANSWERED, by, at, reply=self)
        what = {"who": str(self.organization), "what": note.about, "why": text}
        kind, url = Notice.Kind.INSTRUCTION_ANSWERED, note.get_absolute_url()
        Notice.tell(note.sender, INSTRUCTORS, kind, url=url, by=by, at=at, **what)

    @transaction.atomic
    def see(self, *, by: User, at: dt.datetime | None = None) -> None:
        """Somebody of the body the note came from has read the answer; the first one counts."""
        if not (by.may_instruct and by.organization and by.organization.pk == self.instruction.sender_id):
            words = gettext("Only leaders in charge and supervisors of %(body)s read the answer as their own.")
            raise TransitionRefused("not_yours", words % {"body": self.instruction.sender})
        at = at or timezone.now()
        if InstructionReply.objects.unread_answers().filter(pk=self.pk).update(seen_at=at, seen_by=by):
            self.instruction.record(Step.SEEN, by, at, reply=self)
        self.refresh_from_db(fields=["seen_at", "seen_by"])

    def _mark_read(self, by: User, at: dt.datetime) -> None:
        if InstructionReply.objects.filter(pk=self.pk, read_at=None).update(read_at=at, read_by=by):
            self.instruction.record(Step.READ, by, at, reply=self)

    def _guard(self, by: User) -> None:
        if not (by.may_answer and InstructionReply.objects.received_by(by).filter(pk=self.pk).exists()):
            words = gettext("Only those who report for %(body)s, or lead it, can answer.")
            raise TransitionRefused("not_yours", words % {"body": self.organization})
        if self.instruction.by_id == by.pk:
            raise TransitionRefused("own", gettext("You wrote this note yourself; somebody else answers it."))


STATES = {
    "unread": pgettext_lazy("leader’s note", "Not read"),
    "read": pgettext_lazy("leader’s note", "Read, not answered"),
    "answered": pgettext_lazy("leader’s note", "Answered"),
    "withdrawn": pgettext_lazy("leader’s note", "Withdrawn"),
    "closed": pgettext_lazy("leader’s note", "Organization closed"),
}


class Step(models.TextChoices):
    WRITTEN = "written", _("wrote the note")
    FILED = "filed", _("entered the note for the leader")
    READ = "read", _("read the note")
    ANSWERED = "answered", _("answered the note")
    SEEN = "seen", _("read the answer")
    WITHDRAWN = "withdrawn", _("withdrew the note")
    FELL = "fell", _("let the body’s heir answer the note")
    ERASED = "erased", _("erased")


class InstructionEvent(models.Model):
    """Who did what with a note, when, acting as whom, and why. Never changed, never deleted."""

    instruction = models.ForeignKey(Instruction, models.PROTECT, related_name="events")
    reply = models.ForeignKey(InstructionReply, models.PROTECT, null=True, related_name="events")
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(User, models.PROTECT, verbose_name=_("by"), null=True, related_name="+")
    acting_role = models.CharField(_("acting as"), max_length=16, choices=Role, blank=True)
    acting_organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("acting for"), null=True, related_name="+"
    )
    action = models.CharField(_("action"), max_length=12, choices=Step)
    comment = WordsField(_("comment"))

    class Meta:
        verbose_name = _("event of a leader’s note")
        verbose_name_plural = _("events of leaders’ notes")
        ordering = ["-at", "-pk"]
        constraints = [models.CheckConstraint(condition=Q(action__in=Step.values), name="instruction_event_known")]
        indexes = [models.Index(fields=["instruction", "at"], name="instruction_event_note")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.get_action_display()}"

    @property
    def on_behalf(self) -> bool:
        """Whether a reporter of another body read or answered it (代报)."""
        written = self.action in (Step.READ, Step.ANSWERED)
        return written and self.reply is not None and self.acting_organization_id != self.reply.organization_id

    @property
    def of(self) -> str:
        """Whose answer, where the line does not say it by who acted."""
        return self.reply.organization.short if self.reply and (self.on_behalf or self.action == Step.SEEN) else ""
