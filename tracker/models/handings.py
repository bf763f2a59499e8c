"""Handings (下达): a task handed down one line to a body, and what the body answers: signs for it, or sends it back."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from tracker import access

from .assignments import Assignment
from .blockers import Blocker
from .entries import Entry
from .entry_lists import EntryQuerySet
from .events import Event
from .fields import WordsField, clean_only, said
from .headlines import Figure
from .moves import State, TransitionRefused
from .notices import Notice, several
from .organizations import Line, Organization
from .people import User
from .periods import Period
from .plan import Frequency, Plan, Task
from .tallies import tallying


class HandingState(models.TextChoices):
    HANDED = "handed", pgettext_lazy("handing", "To be signed for")
    SIGNED = "signed", pgettext_lazy("handing", "Signed for")
    SENT_BACK = "sent_back", pgettext_lazy("handing", "Sent back")
    WITHDRAWN = "withdrawn", pgettext_lazy("handing", "Withdrawn")


LIVE = (HandingState.HANDED, HandingState.SIGNED)


class HandingQuerySet(models.QuerySet["Handing"]):
    def live(self) -> Self:
        return self.filter(state__in=LIVE)

    def lapse(self, *, by: User | None, at: dt.datetime, comment: str = "") -> None:
        """With their assignments they end: nobody need sign any more for what has ended."""
        self.live().update(state=HandingState.WITHDRAWN, answered_at=at, answered_by=by, comment=comment)

    def visible_to(self, user: User) -> Self:
        return self.filter(user.assignment_scope("assignment__"))

    def signable_by(self, user: User) -> Self:
        """What was handed down to this person's own body, where they answer for it."""
        return self.filter(assignment__organization=user.organization) if user.may_sign else self.none()

    def editable_by(self, user: User) -> Self:
        """What this person's own body handed down; administrators answer for the bodies below theirs too."""
        if not user.may_hand_down:
            return self.none()
        return self.filter(user.scope("giver__") if user.may_administer else Q(giver=user.organization))

    def waiting(self) -> Self:
        return self.filter(state=HandingState.HANDED)

    def given_by(self, organization: Organization) -> Self:
        return self.filter(giver=organization)

    def come_back(self) -> Self:
        """Sent back, and not handed down once more by the same line."""
        again = Handing.objects.live().filter(assignment=OuterRef("assignment"), line=OuterRef("line"))
        return self.filter(~Exists(again), state=HandingState.SENT_BACK)

    def with_place(self) -> Self:
        """With what a row shows beside itself. One query."""
        return self.select_related(
            "assignment__task__plan", "assignment__organization__parent", "giver", "figure", "handed_by", "answered_by"
        )

    def handable(self, user: User, plan: Plan) -> models.QuerySet[Task]:
        """The tasks this person's body may hand down: at the root all that go on, below it what it has signed for."""
        tasks, body = plan.tasks.live(), user.organization
        if body is None or not user.may_hand_down:
            return tasks.none()
        if body.parent_id is None:
            return tasks
        live = self.live().filter(assignment=OuterRef("pk"))
        held = Assignment.objects.live().filter(organization=body, task=OuterRef("pk"))
        unsigned = Exists(live) & ~Exists(live.filter(state=HandingState.SIGNED))
        return tasks.filter(Exists(held.exclude(unsigned)))

    def counts(self) -> dict[str, int]:
        """How many stand in each state. One query."""
        return self.aggregate(**{state: Count("pk", filter=Q(state=state)) for state in HandingState.values})

    # Transitions, of one or of many: each is conditional on the state the row has when it is held, and answers how many
    # it changed. What somebody else answered meanwhile is left as they left it.

    @transaction.atomic
    def sign(self, *, by: User, at: dt.datetime | None = None, **officials: str) -> int:
        """Sign for what waits (签收), naming who answers for it: `responsible`, `leader`, `department`.

        Who stands there already stays where nobody else is named. Raises ValidationError by field.
        """
        assert set(officials) <= set(OFFICIALS), officials
        named = {name: text.strip() for name, text in officials.items() if text.strip()}
        clean_only(Assignment(**named), named)
        rows = self.signable_by(by).waiting()
        signed = rows._turn(HandingState.SIGNED, Event.Action.SIGNED, by=by, at=at, content=named or None)
        if named:
            Assignment.objects.filter(pk__in=[row.assignment_id for row in signed]).update(**named)
        return len(signed)

    @transaction.atomic
    def send_back(self, *, by: User, comment: str, at: dt.datetime | None = None) -> int:
        """Send what waits back to its giver (退回), with a reason; left by both lines, the assignment ends.

        Where progress was accepted already and no other line holds it, it is signed for, not sent back.
        """
        comment = said("comment", comment, missing=gettext("Give the reason."))
        rows = self.signable_by(by).waiting().exclude(begun())
        back = rows._turn(HandingState.SENT_BACK, Event.Action.SENT_BACK, by=by, at=at, comment=comment)
        settle(back, by=by, at=at, comment=comment)
        tell_givers(back, by=by, at=at, comment=comment)
        return len(back)

    @transaction.atomic
    def withdraw(self, *, by: User, comment: str, at: dt.datetime | None = None) -> int:
        """Take back what was handed down, signed for or not, with a reason; left by both lines, the assignment ends."""
        comment = said("comment", comment, missing=gettext("Give the reason."))
        rows = self.editable_by(by).live()
        taken = rows._turn(HandingState.WITHDRAWN, Event.Action.TAKEN_BACK, by=by, at=at, comment=comment)
        settle(taken, by=by, at=at, comment=comment)
        return len(taken)

    def _turn(
        self,
        target: str,
        action: str,
        *,
        by: User,
        at: dt.datetime | None,
        comment: str = "",
        content: dict[str, Any] | None = None,
    ) -> list[Handing]:
        """Hold the rows (assignments first, as everybody does), turn those still in place, leave an event of each."""
        at, rows = at or timezone.now(), self._held()
        changed = Handing.objects.filter(pk__in=[row.pk for row in rows])
        changed.update(state=target, answered_at=at, answered_by=by, comment=comment)
        for was in LIVE:
            Event.record_many(
                [row.assignment_id for row in rows if row.state == was],
                action=action,
                by=by,
                at=at,
                from_state=was,
                to_state=target,
                comment=comment,
                content=lambda pk: content,
            )
        return rows

    def _held(self) -> list[Handing]:
        """These rows as they stand, held until the transaction ends."""
        found = dict(self.order_by("assignment", "pk").values_list("pk", "assignment"))
        held = Assignment.objects.filter(pk__in=set(found.values())).order_by("pk")
        list(held.select_for_update(no_key=True).values_list("pk"))
        return list(self.filter(pk__in=list(found)).order_by("pk").select_for_update(of=("self",)))

    # Due dates.

    def beneath(self) -> HandingQuerySet:
        """The live handings that passed these on with the same due date, level by level. A query a level."""
        found: set[int] = set()
        level = list(self.live().dated())
        while level:
            known = {(task, body): due for _pk, task, _giver, body, due in level}
            tasks, givers = {task for task, _body in known}, {body for _task, body in known}
            below = Handing.objects.live().filter(assignment__task__in=tasks, giver__in=givers).dated()
            level = [row for row in below if row[0] not in found and known.get((row[1], row[2]), ()) == row[4]]
            found.update(row[0] for row in level)
        return Handing.objects.filter(pk__in=found)

    def dated(self) -> Any:
        """Key, task, giver, body, and the due date that counts: its own, else the task's."""
        due = Coalesce("due", "assignment__task__due")
        return self.order_by().values_list("pk", "assignment__task", "giver", "assignment__organization", due)

    @transaction.atomic
    def move_due(self, due: dt.date | None, *, by: User, carry: bool = False, at: dt.datetime | None = None) -> int:
        """Give another due date (none: the task's own); `carry` takes those below that had the old one along.

        Returns how many assignments got another date. Raises ValidationError where work would begin after it.
        """
        mine = set(self.editable_by(by).live().values_list("pk", flat=True))
        if carry:
            mine.update(Handing.objects.filter(pk__in=mine).beneath().values_list("pk", flat=True))
        return Handing.objects.filter(pk__in=mine).live().follow_date(due, by=by, at=at)

    def follow_date(self, due: dt.date | None, *, by: User | None, at: dt.datetime | None) -> int:
        """What giving another due date is, whoever may: these have it, and their assignments follow."""
        rows = self._held()
        wrong = (
            Q(start__gt=due) | Q(assignment__start__gt=due)
            if due
            else Q(assignment__start__gt=F("assignment__task__due"))
        )
        changed = Handing.objects.filter(pk__in=[row.pk for row in rows])
        late = changed.filter(wrong).select_related("assignment__organization", "assignment__task").first()
        if late:
            words = gettext("%(body)s begins on %(start)s, after this date.")
            body, start = late.assignment.organization, late.start or late.assignment.start
            raise ValidationError({"due": words % {"body": body, "start": start}})
        changed.update(due=due)
        return move_dates(Assignment.objects.filter(pk__in={row.assignment_id for row in rows}), by=by, at=at)


OFFICIALS = ("responsible", "leader", "department")


def tell_givers(handings: list[Handing], *, by: User, at: dt.datetime | None, comment: str) -> None:
    """Each giver learns once what was sent back to it, a plan at a time, and why."""
    codes: dict[tuple[int, str], list[str]] = defaultdict(list)
    rows = Handing.objects.filter(pk__in=[row.pk for row in handings]).order_by("assignment__task__position")
    for giver, plan, code in rows.values_list("giver", "assignment__task__plan__slug", "assignment__task__code"):
        codes[giver, plan].append(code)
    roles, kind, who = (access.SUPERVISOR, access.ADMINISTRATOR), Notice.Kind.SENT_BACK, str(by.organization)
    for (giver, plan), found in codes.items():
        told, url = {"what": several(found), "n": len(found)}, reverse("given", args=[plan])
        Notice.tell([giver], roles, kind, url=url, by=by, at=at, who=who, why=comment, **told)


def begun() -> Q:
    """Of handings: progress was accepted, and no other line holds the assignment."""
    accepted = Entry.objects.filter(assignment=OuterRef("assignment"), state=State.ACCEPTED)
    others = Handing.objects.live().filter(assignment=OuterRef("assignment")).exclude(pk=OuterRef("pk"))
    return Q(Exists(accepted)) & ~Q(Exists(others))


def settle(handings: Iterable[Handing], *, by: User, at: dt.datetime | None, comment: str) -> None:
    """After handings ended: assignments that no line holds end, with what they owe; the others follow what is left."""
    at = at or timezone.now()
    rows = Assignment.objects.live().filter(pk__in={row.assignment_id for row in handings})
    held = Handing.objects.live().filter(assignment=OuterRef("pk"))
    with tallying() as changes:
        left = list(rows.exclude(Exists(held)).select_related("organization"))
        for row in left:
            changes.move_assignment(row, [row.status, row.light], [])
        pks = [row.pk for row in left]
        Assignment.objects.filter(pk__in=pks).update(ended_on=timezone.localdate(at))
        owed_now(pks, timezone.localdate(at)).excuse_all(by=by, comment=comment, at=at)
        Blocker.objects.of(pks).withdraw_all(by=by, comment=comment, at=at)
        rows.filter(Exists(held)).follow_handings(timezone.localdate(at))


def owe_again(assignments: list[int], *, by: User | None, at: dt.datetime) -> None:
    """Handed down once more, and for the period now open too: what was excused when it ended is owed again."""
    comment = gettext("Handed down again.")
    excused = owed_now(assignments, timezone.localdate(at)).filter(state=State.EXCUSED)
    for entry in excused.for_transition().order_by("pk"):
        entry.owe_anew(by=by, version=entry.version, comment=comment, at=at)


def owed_now(assignments: list[int], day: dt.date) -> EntryQuerySet:
    """What some assignments owe in the periods open that day."""
    return Entry.objects.filter(assignment__in=assignments, period__in=Period.objects.open_on(day))


def move_dates(assignments: Any, *, by: User | None, at: dt.datetime | None = None) -> int:
    """Let assignments follow their handings, and leave an event of each whose due date changed."""
    at = at or timezone.now()
    before = dict(assignments.values_list("pk", "due"))
    rows = Assignment.objects.filter(pk__in=list(before))
    rows.follow_handings(timezone.localdate(at))
    after = dict(rows.values_list("pk", "due"))
    moved = [pk for pk, old in before.items() if after[pk] != old]
    Event.record_many(
        moved,
        action=Event.Action.AMENDED,
        by=by,
        at=at,
        content=lambda pk: {"due": [str(before[pk] or ""), str(after[pk] or "")]},
    )
    return len(moved)


class Handing(models.Model):
    """One line's handing-down of an assignment. Of each line one is live at a time; the others stand as they ended."""

    assignment = models.ForeignKey(Assignment, models.PROTECT, verbose_name=_("assignment"), related_name="handings")
    line = models.CharField(_("line"), max_length=12, choices=Line)
    giver = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("handed down by"), related_name="given", db_index=False
    )
    start = models.DateField(_("start"), null=True, blank=True)
    due = models.DateField(_("due"), null=True, blank=True)
    standard = WordsField(_("completion standard"))
    figure = models.ForeignKey(
        Figure, models.PROTECT, verbose_name=_("figure"), null=True, blank=True, related_name="shares", db_index=False
    )
    share = models.DecimalField(_("share of the figure"), max_digits=20, decimal_places=4, null=True, blank=True)
    frequency = models.CharField(_("frequency"), max_length=12, choices=Frequency)
    state = models.CharField(
        pgettext_lazy("handing", "state"),
        max_length=12,
        choices=HandingState,
        default=HandingState.HANDED,
        db_default=HandingState.HANDED.value,
    )
    handed_at = models.DateTimeField(_("handed down at"), default=timezone.now, db_default=Now())
    handed_by = models.ForeignKey(
        User, models.PROTECT, verbose_name=_("by"), null=True, related_name="+", db_index=False
    )
    answered_at = models.DateTimeField(_("answered at"), null=True)
    answered_by = models.ForeignKey(
        User, models.PROTECT, verbose_name=_("answered by"), null=True, related_name="+", db_index=False
    )
    comment = WordsField(_("reason"))

    objects = HandingQuerySet.as_manager()

    class Meta:
        verbose_name = _("handing down")
        verbose_name_plural = _("handings down")
        ordering = ["-handed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "line"], condition=Q(state__in=LIVE), name="handing_one_live_a_line"
            ),
            models.CheckConstraint(
                condition=Q(start__isnull=True) | Q(due__isnull=True) | Q(due__gte=F("start")),
                name="handing_due_after_start",
                violation_error_message=_("The due date is before the start."),
            ),
            models.CheckConstraint(condition=Q(line__in=Line.values), name="handing_line_known"),
            models.CheckConstraint(condition=Q(state__in=HandingState.values), name="handing_state_known"),
            models.CheckConstraint(condition=Q(frequency__in=Frequency.values), name="handing_frequency_known"),
            models.CheckConstraint(
                condition=Q(share__isnull=True) | Q(figure__isnull=False), name="handing_share_of_a_figure"
            ),
        ]
        indexes = [models.Index(fields=["giver", "state"], name="handing_giver")]

    def __str__(self) -> str:
        return f"{self.assignment} · {self.giver.short}"

    @property
    def due_shown(self) -> dt.date | None:
        """The date that counts: its own, else the task's."""
        return self.due or self.assignment.task.due

    # One's own transition is that of many, of one; nothing changed is refused, and says why.

    def sign(self, *, by: User, at: dt.datetime | None = None, **officials: str) -> None:
        self._refuse_unless(self._alone().sign(by=by, at=at, **officials), self._alone().signable_by(by))

    def send_back(self, *, by: User, comment: str, at: dt.datetime | None = None) -> None:
        self._refuse_unless(self._alone().send_back(by=by, comment=comment, at=at), self._alone().signable_by(by))

    def withdraw(self, *, by: User, comment: str, at: dt.datetime | None = None) -> None:
        self._refuse_unless(self._alone().withdraw(by=by, comment=comment, at=at), self._alone().editable_by(by))

    def _alone(self) -> HandingQuerySet:
        return Handing.objects.filter(pk=self.pk)

    def _refuse_unless(self, changed: int, may: HandingQuerySet) -> None:
        if changed:
            self.refresh_from_db()
            return
        if not may.exists():
            raise TransitionRefused(
                "not_yours", gettext("This was not handed down to your organization, or not by it.")
            )
        if may.waiting().filter(begun()).exists():
            words = gettext("Progress on this was accepted already. Sign for it, or ask %(giver)s to take it back.")
            raise TransitionRefused("begun", words % {"giver": self.giver})
        now = Handing.objects.only("state").get(pk=self.pk)
        words = gettext("Somebody was here before you: this is now “%(state)s”. Nothing was changed.")
        raise TransitionRefused("stale", words % {"state": now.get_state_display()})
