"""Matters for coordination (需协调事项): what a blocked entry asks of the level above, until it is answered.

An entry's own transitions make, restate and withdraw what it asks (`Blocker.follow`); the body a matter lies with
answers it or passes it up. It turns no light and is in no tally.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from tracker import access

from .events import BATCH, Event
from .fields import WordsField, refuse_unstorable, said
from .moves import REPORTED, State, TransitionRefused
from .notices import Notice
from .organizations import Organization
from .people import User
from .plan import Status

if TYPE_CHECKING:
    from .entries import Entry
    from .plan import Plan

COORDINATORS = tuple(role for role, answer in access.ROLES[access.COORDINATE].items() if answer == "yes")
SPEAKERS = (access.REPORTER, access.LEADER)  # who is told of an answer, in the body that asked


class BlockerState(models.TextChoices):
    OPEN = "open", pgettext_lazy("blocker", "Waiting for an answer")
    ANSWERED = "answered", pgettext_lazy("blocker", "Answered")
    WITHDRAWN = "withdrawn", pgettext_lazy("blocker", "Withdrawn")


class BlockerQuerySet(models.QuerySet["Blocker"]):
    def open(self) -> Self:
        return self.filter(state=BlockerState.OPEN)

    def late(self, on: dt.date) -> Self:
        """Unanswered past the day by which a reply was asked for: a count for the body it lies with, never for those
        that asked."""
        return self.open().filter(reply_by__lt=on)

    def of(self, assignments: Iterable[int]) -> Self:
        return self.filter(entry__assignment__in=list(assignments))

    def lying_with(self, body: Organization | None) -> Self:
        return self.filter(holder=body)

    def open_below(self, body: Organization, plan: Plan, line: str) -> Self:
        """What a body and those below it in a line asked, of one plan, and nobody has answered.

        Two queries: the keys of the open ones first, or the database would look among a period's entries for them.
        """
        keys = list(self.open().values_list("pk", flat=True))
        of_plan = self.filter(pk__in=keys, entry__period__plan=plan)
        return of_plan.filter(body.subtree("entry__assignment__organization__", line=line))

    def visible_to(self, user: User) -> Self:
        """What bodies in scope asked; and for those who coordinate, what lies with their own body or went through it.

        Withdrawn together with its entry, it is that body's own draft again.
        """
        # The root's scope is no condition at all, which "or" would drop.
        seen = user.assignment_scope("entry__assignment__") or Q(pk__isnull=False)
        if user.may_coordinate:
            passed = Event.objects.filter(entry=OuterRef("entry"), action=Event.Action.PASSED_UP)
            seen |= Q(holder=user.organization) | Q(answering=user.organization)
            seen |= Q(Exists(passed.filter(acting_organization=user.organization)))
        unsaid = Q(state=BlockerState.WITHDRAWN, entry__state=State.DRAFT)
        own = Q(entry__assignment__organization=user.organization)
        return self.filter(seen & (~unsaid | own) | self._on_behalf(user))

    def asked_for(self, user: User) -> Self:
        """What this person's own body asked, or a body they report for: theirs to read the answer of, and to
        withdraw."""
        own = Q(entry__assignment__organization=user.organization)
        return self.filter(own | self._on_behalf(user)) if user.may_answer else self.none()

    @staticmethod
    def _on_behalf(user: User) -> Q:
        return Q(entry__assignment__organization__in=user.reports_on_behalf_of().order_by().values("pk"))

    def answerable_by(self, user: User) -> Self:
        """What waits for this person: it lies with their own body, and they review, supervise or lead there."""
        return self.open().lying_with(user.organization) if user.may_coordinate else self.none()

    def unread(self) -> Self:
        """Answered, and nobody of those who asked has read it."""
        return self.filter(state=BlockerState.ANSWERED, read_at=None)

    def with_place(self) -> Self:
        """With everything a line of it shows. One query."""
        asked = ("entry__assignment__organization__parent", "entry__assignment__task__plan", "entry__period")
        return self.select_related(*asked, "holder", "answering", "asked_by", "answered_by")

    def beside(self, entry: Entry) -> Self:
        """What to show with an entry: what it asked itself, and what its assignment asked before and is not settled,
        or is not read."""
        unsettled = Q(state=BlockerState.OPEN) | Q(state=BlockerState.ANSWERED, read_at=None)
        mine = Q(entry=entry) & ~Q(state=BlockerState.WITHDRAWN)
        return self.of([entry.assignment_id]).filter(mine | unsettled).with_place().in_order()

    def answering_to(self, entries: Iterable[Entry]) -> dict[int, list[Blocker]]:
        """These, of the assignments of some entries: by assignment. One query."""
        found: dict[int, list[Blocker]] = {}
        for row in self.of([entry.assignment_id for entry in entries]).select_related("entry", "answering"):
            found.setdefault(row.entry.assignment_id, []).append(row)
        return found

    def in_order(self) -> Self:
        """Open ones first, by the day they want a reply; then the others, the newest first."""
        waiting = Q(state=BlockerState.OPEN)
        rank = Case(When(waiting, then=Value(0)), default=Value(1))
        return self.annotate(rank=rank).order_by("rank", Case(When(waiting, then="reply_by")), "-asked_at", "pk")

    # What is done to many at once. Inside a transaction; one statement where there is nothing to do.

    def withdraw_all(self, *, by: User | None, comment: str, at: dt.datetime) -> int:
        """Withdraw those of these that are open: what asked for them is gone. Returns how many."""
        rows = self._held()
        self.model.objects.filter(pk__in=[row.pk for row in rows]).update(state=BlockerState.WITHDRAWN)
        return self._told(rows, Event.Action.ASKED_NO_MORE, by=by, comment=comment, at=at)

    def lie_with(self, body: Organization, *, by: User | None, comment: str, at: dt.datetime) -> int:
        """Let another body answer these: the one they lay with is closed, or no longer above. What that body asked
        itself goes to the one above it. Returns how many."""
        rows = self._held()
        these = self.model.objects.filter(pk__in=[row.pk for row in rows])
        own = Q(entry__assignment__organization=body)
        these.filter(own).update(holder=body.parent_id or body.pk)
        these.exclude(own).update(holder=body)
        return self._told(rows, Event.Action.PASSED_UP, by=by, comment=comment, at=at)

    def _held(self) -> list[Blocker]:
        return list(self.open().select_related("entry").order_by("pk").select_for_update(of=("self",)))

    @staticmethod
    def _told(rows: list[Blocker], action: str, **told: Any) -> int:
        events = [Event.made(row.entry.assignment_id, action=action, **row._told_of(), **told) for row in rows]
        Event.objects.bulk_create(events, batch_size=BATCH)
        return len(rows)


class Blocker(models.Model):
    """Made when a blocked entry is submitted. `holder` is the body it lies with now: passed up, it is the next one."""

    entry = models.ForeignKey("tracker.Entry", models.PROTECT, verbose_name=_("entry"), related_name="blockers")
    need = WordsField(_("what is needed"), blank=False)
    need_from = models.CharField(_("needed from"), max_length=120, blank=True, validators=[refuse_unstorable])
    reply_by = models.DateField(_("reply by"))
    holder = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("lies with"), related_name="blockers")
    state = models.CharField(
        pgettext_lazy("blocker", "state"), max_length=12, choices=BlockerState, default=BlockerState.OPEN
    )
    asked_at = models.DateTimeField(_("asked at"))
    asked_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("asked by"), related_name="+")
    answer = WordsField(_("answer"))
    answered_at = models.DateTimeField(_("answered at"), null=True)
    answered_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("answered by"), null=True, related_name="+")
    answering = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("answering organization"), null=True, related_name="+"
    )
    read_at = models.DateTimeField(_("read at"), null=True)
    read_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("read by"), null=True, related_name="+")

    objects = BlockerQuerySet.as_manager()

    class Meta:
        verbose_name = _("matter for coordination")
        verbose_name_plural = _("matters for coordination")
        ordering = ["reply_by", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["entry"], condition=Q(state="open"), name="blocker_one_open_an_entry"),
            models.CheckConstraint(condition=Q(state__in=BlockerState.values), name="blocker_state_known"),
            models.CheckConstraint(
                condition=~Q(state="answered") | Q(answered_at__isnull=False, answering__isnull=False),
                name="blocker_answered_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["holder", "state"], name="blocker_holder")]

    def __str__(self) -> str:
        return str(self.entry)

    def get_absolute_url(self) -> str:
        return reverse("matter", args=[self.pk])

    @property
    def days_late(self) -> int:
        """Whole days past the day a reply was wanted by; 0 once it is not waited for any more."""
        late = (timezone.localdate() - self.reply_by).days if self.state == BlockerState.OPEN else 0
        return max(late, 0)

    def history(self) -> Any:
        """Asked, passed up, answered: newest first."""
        return Event.objects.filter(entry=self.entry_id, content__matter=self.pk).told()

    # What follows from an entry. Called inside the entry's own transaction.

    @classmethod
    def follow(cls, entry: Entry, action: str, *, by: User | None, at: dt.datetime) -> None:
        """What a move of an entry means for what is asked: submitted as blocked it asks, submitted otherwise it and the
        reports before ask no more; withdrawn or excused, what it asked goes with it."""
        if action == Event.Action.SUBMITTED:
            assert by
            if entry.status == Status.BLOCKED:
                cls._ask(entry, by, at)
            else:
                why = gettext("The report for %(period)s no longer asks for it.") % {"period": entry.period.title}
                earlier = cls._of_assignment(entry).filter(entry__period__due__lte=entry.period.due)
                earlier.withdraw_all(by=by, comment=why, at=at)
        elif action in (Event.Action.WITHDRAWN, Event.Action.EXCUSED):
            cls.objects.filter(entry=entry).withdraw_all(by=by, comment="", at=at)

    @classmethod
    def _of_assignment(cls, entry: Entry) -> BlockerQuerySet:
        return cls.objects.of([entry.assignment_id]).open()

    @classmethod
    def _ask(cls, entry: Entry, by: User, at: dt.datetime) -> None:
        """One matter of an assignment is open at a time: the newest report's, where the last one has come to lie.

        Said again in the same words, what was answered is not asked anew.
        """
        entry.assignment._locked()
        newer = entry.assignment.entries.filter(period__due__gt=entry.period.due, state__in=REPORTED)
        words = {"need": entry.need, "need_from": entry.need_from, "reply_by": entry.need_by}
        if entry.need_by is None or newer.exists():
            return  # "no change" leaves what was asked as it is
        if cls.objects.filter(entry=entry, state=BlockerState.ANSWERED, **words).exists():
            return
        rows = cls._of_assignment(entry).select_related("holder").select_for_update(of=("self",))
        standing = rows.order_by("pk").first()
        holder = standing.holder if standing else level_above(entry)
        if standing and standing.entry_id == entry.pk:
            if all(getattr(standing, name) == value for name, value in words.items()):
                return
            cls.objects.filter(pk=standing.pk).update(**words, asked_at=at, asked_by=by)
            matter = cls.objects.get(pk=standing.pk)
        else:
            why = gettext("Asked anew in the report for %(period)s.") % {"period": entry.period.title}
            rows.withdraw_all(by=by, comment=why, at=at)
            matter = cls.objects.create(entry=entry, holder=holder, asked_at=at, asked_by=by, **words)
        matter.entry, matter.holder = entry, holder
        matter._record(Event.Action.ASKED, by, at, "")
        matter._tell_holder(holder, entry.assignment.organization, entry.need, by, at)

    # Transitions. Each raises TransitionRefused or ValidationError, and changes nothing when somebody was first.

    @transaction.atomic
    def reply(self, text: str, *, by: User, seen: dt.datetime | None = None, at: dt.datetime | None = None) -> None:
        """Answer, once, for the body it lies with; the answer reaches who asked.

        `seen` is when the words that are answered were asked: other words meanwhile refuse it.
        """
        self._guard_holder(by)
        at, text = at or timezone.now(), said("answer", text, missing=gettext("Write the answer."))
        values = {"answer": text, "answered_at": at, "answered_by": by, "answering": by.organization}
        self._turn(Event.Action.ANSWERED, by, at, text, seen, state=BlockerState.ANSWERED, **values)
        what = {"who": str(by.organization), "what": str(self.entry), "why": text}
        url, kind = self.get_absolute_url(), Notice.Kind.ANSWERED
        Notice.tell(self.entry.assignment.organization, SPEAKERS, kind, url=url, by=by, at=at, **what)
        if self.entry.proxy:
            Notice.tell(self.entry.proxy, [access.REPORTER], kind, url=url, by=by, at=at, **what)

    @transaction.atomic
    def pass_up(self, reason: str, *, by: User, seen: dt.datetime | None = None, at: dt.datetime | None = None) -> None:
        """Let the level above answer (转报上级), with a reason."""
        self._guard_holder(by)
        at, reason = at or timezone.now(), said("reason", reason, missing=gettext("Give the reason."))
        above = self.holder.parent
        if above is None:
            raise TransitionRefused("root", gettext("There is no level above to pass it up to. Answer it here."))
        self._turn(Event.Action.PASSED_UP, by, at, reason, seen, holder=above)
        self._tell_holder(above, by.organization, reason, by, at)

    @transaction.atomic
    def withdraw(self, reason: str, *, by: User, at: dt.datetime | None = None) -> None:
        """No longer needed: by those who asked, with a reason. What the entry says stays as it was reported."""
        if not Blocker.objects.asked_for(by).filter(pk=self.pk).exists():
            raise TransitionRefused("not_yours", gettext("Only the organization that asked can withdraw it."))
        at, reason = at or timezone.now(), said("reason", reason, missing=gettext("Give the reason."))
        self._turn(Event.Action.ASKED_NO_MORE, by, at, reason, state=BlockerState.WITHDRAWN)

    def read(self, *, by: User) -> None:
        """Somebody of those who asked has read the answer; the first one counts."""
        if not Blocker.objects.asked_for(by).filter(pk=self.pk).exists():
            raise TransitionRefused(
                "not_yours", gettext("Only the organization that asked reads the answer as its own.")
            )
        Blocker.objects.unread().filter(pk=self.pk).update(read_at=timezone.now(), read_by=by)
        self.refresh_from_db()

    def _turn(
        self, action: str, by: User, at: dt.datetime, comment: str, seen: dt.datetime | None = None, **values: Any
    ) -> None:
        """Conditional update and event. The entry is held first, as everybody holds it before what hangs on it, so that
        nobody waits in a ring."""
        self.entry.state = type(self.entry).objects.select_for_update(no_key=True).get(pk=self.entry_id).state
        held = Blocker.objects.open().filter(pk=self.pk, holder=self.holder_id, asked_at=seen or self.asked_at)
        if not held.update(**values):
            raise TransitionRefused("stale", self._moved_on())
        for name, value in values.items():
            setattr(self, name, value)
        self._record(action, by, at, comment)

    def _record(self, action: str, by: User, at: dt.datetime, comment: str) -> None:
        Event.record(self.entry.assignment, action=action, by=by, at=at, comment=comment, **self._told_of())

    def _told_of(self) -> dict[str, Any]:
        """What an event of a matter says besides: it leaves its entry in the state it is in."""
        state = self.entry.state
        return {"entry": self.entry, "from_state": state, "to_state": state, "content": {"matter": self.pk}}

    def _tell_holder(self, holder: Organization, who: Organization | None, why: str, by: User, at: dt.datetime) -> None:
        what = {"who": str(who), "what": str(self.entry), "day": self.reply_by.isoformat(), "why": why}
        url = self.get_absolute_url()
        Notice.tell(holder, COORDINATORS, Notice.Kind.ASKED, url=url, by=by, at=at, **what)

    def _guard_holder(self, by: User) -> None:
        if not (by.may_coordinate and by.organization and by.organization.pk == self.holder_id):
            raise TransitionRefused(
                "not_yours", gettext("This lies with %(body)s; only it can answer.") % {"body": self.holder}
            )

    def _moved_on(self) -> str:
        now = Blocker.objects.select_related("holder").get(pk=self.pk)
        if now.state != BlockerState.OPEN:
            words = gettext("Somebody was here before you: this matter is now “%(state)s”. Nothing was changed.")
            return words % {"state": now.get_state_display()}
        if now.holder_id != self.holder_id:
            return gettext("This matter lies with %(body)s now. Nothing was changed.") % {"body": now.holder}
        return gettext("It was asked in other words meanwhile. Read them first; nothing was changed.")


def level_above(entry: Entry) -> Organization:
    """With whom a matter lies first: the body that reviews, else the parent; the national body's own with itself."""
    assignment = entry.assignment
    return assignment.reviewing or assignment.organization.parent or assignment.organization
