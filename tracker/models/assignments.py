"""Assignments: one task in the hands of one body."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce, Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tracker import access

from .blockers import Blocker
from .completion import TO_STRIKE_OFF, Completion, CompletionQuerySet
from .events import Event
from .fields import WordsField, clean_only, refuse_unstorable, said
from .lights import Light, Reason, judge, word, words
from .moves import TransitionRefused
from .organizations import Organization
from .plan import Frequency, Plan, Status, Task
from .tallies import tallying

if TYPE_CHECKING:
    from .people import User

CHUNK = 10_000  # rows a nightly transaction holds the write lock for


class Part(models.TextChoices):
    LEAD = "lead", gettext_lazy("Lead")
    COOPERATING = "cooperating", gettext_lazy("Cooperating")


class AssignmentQuerySet(CompletionQuerySet):
    def live(self) -> Self:
        """Not ended: what lists, tallies and the ledger count."""
        return self.filter(ended_on=None)

    def red(self) -> Self:
        return self.live().filter(light=Light.RED)

    def active(self) -> Self:
        """Handed down, not ended, not completed: what owes entries (rule 1)."""
        return self.live().exclude(handed_on=None).exclude(status=Status.COMPLETED)

    def visible_to(self, user: User) -> Self:
        return self.filter(user.assignment_scope())

    def editable_by(self, user: User) -> Self:
        return self.visible_to(user) if user.may_administer else self.none()

    def dated_by(self, user: User) -> Self:
        """Those whose milestones this person sets: of the own body, of those it reviews, of what is administered."""
        if user.may(access.LOG) or user.may(access.SIGN_OFF):
            return self.live().filter(organization=user.organization)
        if user.may(access.REVIEW):
            return self.live().filter(reviewing=user.organization)
        return self.live().editable_by(user)

    def asking_percent(self) -> Self:
        """As for tasks, but its own milestones count too, and whether it is standing is its own (rule 4)."""
        from .milestones import Milestone

        own = Milestone.objects.filter(assignment=OuterRef("pk"))
        measured = Task.objects.filter(pk=OuterRef("task")).measured()
        return self.filter(Exists(own) | Exists(measured), standing=False)

    def with_place(self) -> Self:
        """With what a row shows beside itself: task, area, body, its parent, its reviewers. One query."""
        return self.select_related("task__plan", "task__heading__area", "organization__parent", "reviewing")

    def counts(self) -> dict[str, int]:
        """How many stand in each status and under each light. One query."""
        statuses = {status: Count("pk", filter=Q(status=status)) for status in Status.values}
        return self.aggregate(**statuses, **{light: Count("pk", filter=Q(light=light)) for light in Light.values})

    def assign(
        self,
        tasks: Iterable[Task],
        organizations: models.QuerySet[Organization] | list[Organization],
        *,
        by: User | None,
        owe_now: bool = False,
        at: dt.datetime | None = None,
        **terms: Any,
    ) -> int:
        """Hand every task down to every body of its levels, leaving what they have already. Returns how many got one.

        `terms` are those of a Cascade: giver, part, start, due, standard, frequency …; without a giver each body has it
        from the one directly above it. `owe_now` makes them owe in periods already open (rule 1). Set-wise: 104 × 3,350
        in seconds. Raises ValidationError by field, TransitionRefused where a task has ended.
        """
        from .cascade import Cascade

        tasks = list(tasks)
        for ended in (task for task in tasks if task.ended_on):
            raise TransitionRefused("ended", ended.ended_words)
        return Cascade(tasks, organizations, **terms).carry_out(by=by, owe_now=owe_now, at=at).handed

    def follow_handings(self, day: dt.date) -> None:
        """Take due date, standard and frequency from the live handings, and the light from these (design §2).

        The earliest due date counts, and a handing without one has the task's; of standards the first that was said;
        the frequency of the first to hand down. A start that would come after the due date is dropped.
        """
        from .handings import Handing

        live = Handing.objects.live().filter(assignment=OuterRef("pk"))
        task = Task.objects.filter(pk=OuterRef("task"))
        first = live.order_by("handed_at", "pk")
        dated = live.annotate(counts=Coalesce("due", "assignment__task__due")).exclude(counts=None)
        due = Coalesce(Subquery(dated.order_by("counts").values("counts")[:1]), Subquery(task.values("due")))
        self.update(
            due=due,
            start=Case(When(start__gt=due, then=None), default=F("start"), output_field=models.DateField()),
            standard=Coalesce(Subquery(first.exclude(standard="").values("standard")[:1]), F("standard")),
            frequency=Coalesce(Subquery(first.values("frequency")[:1]), F("frequency")),
            standing=Case(
                When(Exists(live.exclude(due=None)), then=False),
                default=Subquery(task.values("standing")),
                output_field=models.BooleanField(),
            ),
            light_changes_on=day,
        )
        self.relight(day)

    def relight(self, day: dt.date, *, everything: bool = False) -> int:
        """Turn the lights whose day has come; returns how many rows were written.

        One rule for one and for many: rows are judged in Python and written grouped by outcome, in transactions of
        10,000 rows, so the write lock is never held long.
        """
        rows = self.live() if everything else self.live().filter(light_changes_on__lte=day)
        plans = {plan.pk: plan for plan in Plan.objects.all()}
        pks, written = list(rows.order_by("pk").values_list("pk", flat=True)), 0
        for first in range(0, len(pks), CHUNK):
            written += self._relight_chunk(pks[first : first + CHUNK], plans, day)
        return written

    def _relight_chunk(self, pks: list[int], plans: dict[int, Plan], day: dt.date) -> int:
        outcomes: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        with tallying() as changes:
            rows = Assignment.objects.live().filter(pk__gte=pks[0], pk__lte=pks[-1], pk__in=pks).order_by("pk")
            rows = rows.select_for_update(of=("self",), no_key=True).select_related("organization", "task")
            for row in rows.defer("task__wording"):
                verdict = judge(row, plans[row.task.plan_id], day)
                if verdict != (row.light, row.light_reason, row.light_changes_on):
                    outcomes[verdict].append(row.pk)
                    changes.move_assignment(row, [row.light], [verdict.light])
            for (light, reason, changes_on), turned in outcomes.items():
                Assignment.objects.filter(pk__in=turned).update(
                    light=light, light_reason=reason, light_changes_on=changes_on
                )
        return sum(map(len, outcomes.values()))


class Assignment(Completion):
    """What one body has to do of one task, and how far it is: status, percent and light follow its accepted entries."""

    # Keys without an index of their own begin one of the table's below: an index the less for every row that is made.
    task = models.ForeignKey(
        Task, models.PROTECT, verbose_name=gettext_lazy("task"), related_name="assignments", db_index=False
    )
    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        verbose_name=gettext_lazy("organization"),
        related_name="assignments",
        db_index=False,
    )
    part = models.CharField(
        gettext_lazy("part"), max_length=12, choices=Part, default=Part.LEAD, db_default=Part.LEAD.value
    )
    start = models.DateField(gettext_lazy("start"), null=True, blank=True)
    due = models.DateField(gettext_lazy("due"), null=True, blank=True)
    standard = WordsField(gettext_lazy("completion standard"))
    frequency = models.CharField(gettext_lazy("frequency"), max_length=12, choices=Frequency)
    standing = models.BooleanField(gettext_lazy("standing duty"), default=False, db_default=False)
    reviewing = models.ForeignKey(
        Organization,
        models.PROTECT,
        verbose_name=gettext_lazy("reviewing organization"),
        null=True,
        blank=True,
        related_name="reviews",
        db_index=False,
    )
    responsible = models.CharField(
        gettext_lazy("person responsible"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        validators=[refuse_unstorable],
    )
    department = models.CharField(
        gettext_lazy("department responsible"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        validators=[refuse_unstorable],
    )
    leader = models.CharField(
        gettext_lazy("leader in charge"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        validators=[refuse_unstorable],
    )
    status = models.CharField(
        gettext_lazy("status"),
        max_length=16,
        choices=Status,
        default=Status.NOT_STARTED,
        db_default=Status.NOT_STARTED.value,
    )
    percent = models.PositiveSmallIntegerField(gettext_lazy("percent"), null=True, blank=True)
    stated_status = models.CharField(
        gettext_lazy("status set by hand"),
        max_length=16,
        blank=True,
        default="",
        db_default="",
        choices=[("", gettext_lazy("—")), *Status.choices],
    )
    light = models.CharField(
        gettext_lazy("light"), max_length=8, choices=Light, default=Light.GREY, db_default=Light.GREY.value
    )
    light_reason = models.CharField(
        gettext_lazy("light reason"),
        max_length=12,
        choices=Reason,
        default=Reason.NOT_BEGUN,
        db_default=Reason.NOT_BEGUN.value,
    )
    light_changes_on = models.DateField(null=True, editable=False)
    stated_light = models.CharField(
        gettext_lazy("light set by hand"),
        max_length=8,
        blank=True,
        default="",
        db_default="",
        choices=[("", gettext_lazy("—")), *Light.choices],
    )
    stated_light_why = models.CharField(
        gettext_lazy("reason"), max_length=200, blank=True, default="", db_default="", validators=[refuse_unstorable]
    )
    latest = models.ForeignKey("tracker.Entry", models.SET_NULL, null=True, editable=False, related_name="+")
    handed_on = models.DateField(gettext_lazy("handed down on"), null=True, blank=True)
    ended_on = models.DateField(gettext_lazy("ended on"), null=True, blank=True)
    struck_off_on = models.DateField(gettext_lazy("struck off on"), null=True, blank=True)
    created_at = models.DateTimeField(gettext_lazy("created at"), default=timezone.now, db_default=Now())

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("assignment")
        verbose_name_plural = gettext_lazy("assignments")
        ordering = ["task__position", "organization__path"]
        constraints = [
            models.UniqueConstraint(fields=["task", "organization"], name="assignment_unique"),
            models.CheckConstraint(
                condition=Q(start__isnull=True) | Q(due__isnull=True) | Q(due__gte=F("start")),
                name="assignment_due_after_start",
                violation_error_message=gettext_lazy("The due date is before the start."),
            ),
            models.CheckConstraint(
                condition=Q(percent__isnull=True) | Q(percent__lte=100), name="assignment_percent_in_range"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.COMPLETED) | Q(percent__isnull=True) | Q(percent=100),
                name="assignment_completed_is_100",
            ),
            models.CheckConstraint(
                condition=Q(struck_off_on__isnull=True) | Q(status=Status.COMPLETED), name="assignment_struck_off_done"
            ),
            models.CheckConstraint(condition=Q(part__in=Part.values), name="assignment_part_known"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="assignment_status_known"),
            models.CheckConstraint(condition=Q(light__in=Light.values), name="assignment_light_known"),
        ]
        indexes = [
            models.Index(fields=["organization", "task"], name="assignment_organization"),
            models.Index(fields=["reviewing", "organization"], name="assignment_reviewing"),
            models.Index(fields=["light_changes_on"], name="assignment_light_changes"),
            models.Index(fields=["organization"], name="assignment_to_strike_off", condition=TO_STRIKE_OFF),
            models.Index(
                fields=["organization", "light_reason"],
                name="assignment_red",
                condition=Q(light="red", ended_on__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task.code} · {self.organization.short}"

    def get_absolute_url(self) -> str:
        return reverse("assignment", args=[self.pk])

    @property
    def asks_percent(self) -> bool:
        """Three queries at most, none where figures and milestones are prefetched."""
        return not self.standing and (self.task.is_measured or bool(self.milestones.all()))

    @property
    def light_word(self) -> str:
        return word(self)

    @property
    def light_words(self) -> str:
        return words(self, timezone.localdate())

    def check_fields(self, *names: str) -> None:
        """These fields' own rules, and that the dates are in order. Raises ValidationError by field."""
        clean_only(self, names)
        if "reviewing" in names and self.reviewing_id is None and self.organization.parent_id:
            raise ValidationError(
                {"reviewing": _("Name the organization that reviews; only the national body has none.")}
            )
        if "reviewing" in names and self.reviewing_id == self.organization_id:
            raise ValidationError({"reviewing": _("An organization does not review its own entries.")})
        if self.start and self.due and self.due < self.start:
            raise ValidationError({"due": _("The due date is before the start.")})

    # What people change by hand. Each leaves an event; the admin and the pages call the same methods.

    AMENDABLE = ("part", "start", "due", "standard", "reviewing", "responsible", "department", "leader", "ended_on")

    @transaction.atomic
    def amend(self, *, by: User | None, **values: Any) -> bool:
        """Change what may be changed by hand; returns whether anything did. The event keeps old and new.

        Raises ValidationError by field, and when the due date is before the start.
        """
        assert set(values) <= set(self.AMENDABLE), values
        with tallying() as changes:
            row = self._locked()
            kept = {
                name: [str(getattr(row, name) or ""), str(new or "")]
                for name, new in values.items()
                if getattr(row, name) != new
            }
            if not kept:
                return False
            if row.ended_on is None:
                changes.move_assignment(row, [row.status, row.light], [])
            for name, value in values.items():
                setattr(row, name, value)
            row.check_fields(*kept)
            if "ended_on" in kept and row.ended_on is None and row.task.ended_on:
                raise ValidationError({"ended_on": row.task.ended_words})
            if "due" in kept:
                row.standing = row.task.standing and row.due == row.task.due
            row._tell_handings(kept, by)
            row._judge()
            if row.ended_on is None:
                changes.move_assignment(row, [], [row.status, row.light])
            row.save()
            Event.record(row, action=Event.Action.AMENDED, by=by, content=kept)
            Task.objects.get(pk=row.task_id).follow_owner()
        self.refresh_from_db()
        return True

    def _tell_handings(self, kept: Iterable[str], by: User | None) -> None:
        """What was handed down says the same afterwards; with the assignment it ends."""
        values: dict[str, Any] = {name: getattr(self, name) for name in ("start", "due", "standard") if name in kept}
        if "due" in kept and self.due == self.task.due:
            values["due"] = None
        elif "due" in kept:
            values.setdefault("start", Case(When(start__gt=self.due, then=None), default=F("start")))
        if values:
            self.handings.live().update(**values)
        if "ended_on" in kept and self.ended_on:
            self.handings.lapse(by=by, at=timezone.now())
            Blocker.objects.of([self.pk]).withdraw_all(by=by, comment="", at=timezone.now())

    def take_part(self, part: str, *, by: User | None = None) -> None:
        """Become the lead, or cooperate; comes back to life if it had ended."""
        self.amend(by=by, part=part, ended_on=None)

    def state_status(self, status: str, reason: str, *, by: User) -> None:
        """Set the status by hand, with a reason; it holds until the next accepted entry (rule 4)."""
        reason = said("reason", reason, missing=_("Give the reason for setting the status by hand."))
        if status not in Status.values:
            raise ValidationError({"status": _("Choose the status.")})
        with tallying() as changes:
            row = self._locked()
            percent = 100 if status == Status.COMPLETED and row.percent is not None else row.percent
            row._follow(changes, status=status, percent=percent, stated_status=status)
            Event.record(row, action=Event.Action.STATUS_STATED, by=by, comment=reason, content={"status": status})
        self.refresh_from_db()

    def state_light(self, light: str, reason: str, *, by: User) -> None:
        """Set the light by hand, with a reason, or take that back with an empty light (rule 7)."""
        column: Any = self._meta.get_field("stated_light_why")
        missing = _("Give the reason for setting the light by hand.")
        reason = said("reason", reason, missing=missing, limit=column.max_length)
        if light and light not in Light.values:
            raise ValidationError({"light": _("Choose the light.")})
        with tallying() as changes:
            row = self._locked()
            row._follow(changes, stated_light=light, stated_light_why=reason if light else "")
            Event.record(row, action=Event.Action.LIGHT_STATED, by=by, comment=reason, content={"light": light})
        self.refresh_from_db()

    # What follows from entries.

    def follow_entries(self, *, accepted_now: bool) -> None:
        """Take status and percent from the latest accepted entry; a status set by hand holds until one is accepted.

        Called inside the entry's own `tallying()`. Three queries.
        """
        with tallying() as changes:
            row = self._locked()
            accepted = row.entries.filter(state="accepted").order_by("-period__due", "-period_id")
            latest, status, percent = accepted.values_list("pk", "status", "percent").first() or (
                None,
                Status.NOT_STARTED,
                None,
            )
            values: dict[str, Any] = {"latest_id": latest}
            if accepted_now and latest != row.latest_id:
                values |= {"stated_status": "", "stated_light": "", "stated_light_why": ""}
            if not values.get("stated_status", row.stated_status):
                values |= {"status": status, "percent": percent}
            row._follow(changes, **values)

    def _locked(self) -> Assignment:
        """This row afresh, held until the transaction ends; task and body are those already at hand.

        `no_key`: whoever writes an event of it meanwhile need not wait for us, who may wait for their tallies.
        """
        row = Assignment.objects.select_for_update(no_key=True).get(pk=self.pk)
        row.task, row.organization = self.task, self.organization
        return row

    def _judge(self) -> None:
        verdict = judge(self, self.task.plan, timezone.localdate())
        self.light, self.light_reason, self.light_changes_on = verdict

    def _follow(self, changes: Any, **values: Any) -> None:
        before = [self.status, self.light]
        for name, value in values.items():
            setattr(self, name, value)
        self._guard_struck_off()
        self._judge()
        if self.ended_on is None:
            changes.move_assignment(self, before, [self.status, self.light])
        light = {"light": self.light, "light_reason": self.light_reason, "light_changes_on": self.light_changes_on}
        Assignment.objects.filter(pk=self.pk).update(**values | light)
        if self.part == Part.LEAD and self.status != before[0]:
            Task.objects.filter(pk=self.task_id, owner=self.organization_id).update(status=self.status)
