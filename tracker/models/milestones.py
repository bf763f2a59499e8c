"""Milestones (时间节点) of tasks and assignments, and the wordings a task had before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, cast

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from simple_history.models import HistoricalRecords

from tracker import access

from .assignments import Assignment
from .events import Event
from .fields import WordsField, refuse_unstorable
from .lights import written
from .moves import TransitionRefused
from .people import User
from .plan import Task

if TYPE_CHECKING:
    from .organizations import Organization

MOST = 50  # milestones of one assignment: more is a diary


class MilestoneQuerySet(models.QuerySet["Milestone"]):
    def of(self, assignment: Assignment) -> Self:
        """The assignment's own and its task's, in order."""
        return self.filter(Q(assignment=assignment) | Q(task=assignment.task_id))

    def of_duties(self, body: Organization) -> Self:
        """Those of everything a body has to do now. One query."""
        live = Assignment.objects.live().filter(organization=body)
        return self.filter(Q(assignment__in=live) | Q(task__in=live.values("task")))

    def open(self) -> Self:
        return self.filter(reached_on=None)

    def with_place(self) -> Self:
        return self.select_related("task__plan", "assignment__task__plan", "assignment__organization")

    def visible_to(self, user: User) -> Self:
        """The plan's are everybody's to read; an assignment's go with the assignment."""
        if not user.role:
            return self.none()
        return self.filter(Q(task__isnull=False) | Q(assignment__in=Assignment.objects.visible_to(user)))

    def editable_by(self, user: User) -> Self:
        """A task's belong to the plan's administrators, an assignment's to its body and to who reviews it."""
        tasks = Task.objects.editable_by(user).live()
        return self.filter(Q(task__in=tasks) | Q(assignment__in=Assignment.objects.dated_by(user)))

    def reachable_by(self, user: User) -> Self:
        """Whoever may change it says that it is reached; of a task, its owner too, who speaks for it (rule 4)."""
        editable = Q(pk__in=self.editable_by(user).values("pk"))
        if user.organization and (user.may(access.LOG) or user.may(access.SIGN_OFF)):
            editable |= Q(task__owner=user.organization, task__ended_on=None)
        return self.filter(editable)


class Milestone(models.Model):
    """A dated step on the way: of a task, for everybody who has it, or of one assignment."""

    task = models.ForeignKey(
        Task, models.PROTECT, verbose_name=gettext_lazy("task"), null=True, blank=True, related_name="milestones"
    )
    assignment = models.ForeignKey(
        Assignment,
        models.PROTECT,
        verbose_name=gettext_lazy("assignment"),
        null=True,
        blank=True,
        related_name="milestones",
    )
    title = models.CharField(gettext_lazy("title"), max_length=200, validators=[refuse_unstorable])
    due = models.DateField(gettext_lazy("due"))
    reached_on = models.DateField(gettext_lazy("reached on"), null=True, blank=True)

    history = HistoricalRecords(verbose_name=gettext_lazy("milestone history"))
    objects = MilestoneQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("milestone")
        verbose_name_plural = gettext_lazy("milestones")
        ordering = ["due", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(task__isnull=False, assignment__isnull=True)
                | Q(task__isnull=True, assignment__isnull=False),
                name="milestone_of_one",
                violation_error_message=gettext_lazy(
                    "A milestone belongs to a task or to an assignment, to one of them."
                ),
            ),
            models.CheckConstraint(condition=~Q(title=""), name="milestone_has_a_title"),
        ]

    def __str__(self) -> str:
        return f"{self.due:%Y-%m-%d} {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("milestone", args=[self.pk])

    @property
    def of(self) -> Task | Assignment | None:
        return self.assignment or self.task

    @property
    def of_task(self) -> Task:
        return self.assignment.task if self.assignment else cast(Task, self.task)

    @property
    def overdue_days(self) -> int:
        """How many days it is overdue; 0 where it is reached, or its day is still to come."""
        return max((timezone.localdate() - self.due).days, 0) if self.reached_on is None else 0

    def falls_in(self, span: tuple[dt.date, dt.date]) -> bool:
        return span[0] <= self.due <= span[1]

    def clean(self) -> None:
        """Within what it is a milestone of, and reached on a day that has come. Raises ValidationError by field."""
        if self.of is not None and self.due:
            self._check_due(*self._bounds())
        if self.reached_on and self.reached_on > timezone.localdate():
            raise ValidationError({"reached_on": _("This day has not come yet.")})

    def _bounds(self) -> tuple[dt.date, dt.date]:
        of: Any = self.of
        plan = self.assignment.task.plan if self.assignment else of.plan
        return of.start or plan.start, of.due or plan.due

    def _check_due(self, start: dt.date, due: dt.date) -> None:
        today = timezone.localdate()
        if self.due < start:
            words = _("This is before the start, %s.") % written(start, today)
            raise ValidationError({"due": words})
        if self.due > due:
            words = _("This is after the due date, %s.") % written(due, today)
            raise ValidationError({"due": words})

    # Transitions. Of an assignment each leaves an event; the history keeps them all.

    @classmethod
    @transaction.atomic
    def make(cls, assignment: Assignment, *, title: str, due: dt.date, by: User) -> Milestone:
        """Set one for an assignment. Raises ValidationError by field, TransitionRefused to whom it is not open."""
        if not Assignment.objects.dated_by(by).filter(pk=assignment.pk).exists():
            raise TransitionRefused(
                "not_yours", _("Only its own body and the body that reviews it set its milestones.")
            )
        if assignment.milestones.count() >= MOST:
            raise ValidationError({"title": _("%d milestones are enough for one task. Take one away first.") % MOST})
        milestone = cls(assignment=assignment, title=title.strip(), due=due)
        milestone.full_clean()
        milestone._keep(Event.Action.MILESTONE_SET, by)
        return milestone

    @transaction.atomic
    def amend(self, *, title: str, due: dt.date, by: User) -> None:
        row = self._held(Milestone.objects.editable_by(by))
        was, row.title, row.due = str(row), title.strip(), due
        row.full_clean()
        if str(row) != was:
            row._keep(Event.Action.MILESTONE_CHANGED, by, was=was)
        self._follow(row)

    @transaction.atomic
    def reach(self, on: dt.date, *, by: User) -> None:
        row = self._held(Milestone.objects.reachable_by(by))
        if row.reached_on is not None:
            raise TransitionRefused("stale", _("This milestone was recorded as reached already."))
        row.reached_on = on
        row.clean()
        if on < row._bounds()[0]:
            raise ValidationError({"reached_on": _("This is before the start, %s.") % written(row._bounds()[0], on)})
        row._keep(Event.Action.REACHED, by)
        self._follow(row)

    @transaction.atomic
    def take_back(self, *, by: User) -> None:
        """It is not reached after all."""
        row = self._held(Milestone.objects.reachable_by(by))
        if row.reached_on is None:
            raise TransitionRefused("stale", _("This milestone is not recorded as reached."))
        row.reached_on = None
        row._keep(Event.Action.NOT_REACHED, by)
        self._follow(row)

    @transaction.atomic
    def withdraw(self, *, by: User) -> None:
        """Take away one that is not reached; the history, and of an assignment an event, keep what it was."""
        row = self._held(Milestone.objects.editable_by(by))
        if row.reached_on is not None:
            raise TransitionRefused("reached", _("A milestone that is reached stays. Take that back first."))
        if row.assignment:
            Event.record(row.assignment, action=Event.Action.MILESTONE_GONE, by=by, comment=str(row))
        row._history_user = by
        row.delete()

    def _held(self, open_to: MilestoneQuerySet) -> Milestone:
        """This row afresh, held until the transaction ends. Raises TransitionRefused."""
        row = Milestone.objects.select_for_update(of=("self",)).with_place().filter(pk=self.pk).first()
        if row is None:
            raise TransitionRefused("stale", _("Somebody was here before you: this milestone has been taken away."))
        if not open_to.filter(pk=self.pk).exists():
            raise TransitionRefused("not_yours", _("Your role does not change this milestone."))
        return row

    def _keep(self, action: str, by: User, *, was: str = "") -> None:
        self._history_user = by
        self.save()
        if self.assignment:
            told = f"{was} → {self}" if was else str(self)
            Event.record(self.assignment, action=action, by=by, comment=told)

    def _follow(self, row: Milestone) -> None:
        self.title, self.due, self.reached_on = row.title, row.due, row.reached_on


class RewordingQuerySet(models.QuerySet["Rewording"]):
    def on(self, day: dt.date) -> dict[int, str]:
        """The wordings in force on a day, by task, of those tasks that have been re-worded since. One query."""
        later = self.filter(until__gte=day).order_by("-until", "-pk").values_list("task", "wording")
        return dict(later)  # of several the one that ended first comes last, and stays


class Rewording(models.Model):
    """A wording that a task had until a day: the adopted text is superseded, never lost (rule 6)."""

    task = models.ForeignKey(Task, models.PROTECT, verbose_name=gettext_lazy("task"), related_name="rewordings")
    wording = WordsField(gettext_lazy("former wording"), blank=False)
    until = models.DateField(gettext_lazy("in force until"))
    reason = WordsField(gettext_lazy("reason"))
    by = models.ForeignKey(User, models.PROTECT, verbose_name=gettext_lazy("by"), null=True, related_name="+")

    objects = RewordingQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("rewording")
        verbose_name_plural = gettext_lazy("rewordings")
        ordering = ["-until", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(wording="") & ~Q(reason=""), name="rewording_has_words_and_reason")
        ]

    def __str__(self) -> str:
        return f"{self.task.code} {self.until:%Y-%m-%d}"


def worded_on(tasks: Iterable[Task], day: dt.date) -> None:
    """Give tasks, to be shown and not saved, the wording they had on a day. One query."""
    tasks = list(tasks)
    before = Rewording.objects.filter(task__in=[task.pk for task in tasks]).on(day)
    for task in tasks:
        task.wording = before.get(task.pk, task.wording)
