"""The plan as adopted: areas, headings, tasks and figures. Its wording is never cut and never rewritten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords
from simple_history.utils import update_change_reason

from .fields import PinyinField, Spelled, SpelledQuerySet, WordsField, refuse_unstorable, said
from .levels import every_level, known_levels, no_lower_than_city, only_levels
from .lights import written
from .organizations import Level, Organization
from .pinyin import word_patterns

if TYPE_CHECKING:
    from .assignments import Assignment
    from .people import User
    from .plan_changes import Effect


class Review(models.TextChoices):
    NONE = "none", _("None: submitting accepts")
    ABOVE = "above", _("The level above")
    OWN_THEN_ABOVE = "own_then_above", _("Own leader, then the level above")


class Status(models.TextChoices):
    NOT_STARTED = "not_started", _("Not started")
    IN_PROGRESS = "in_progress", _("In progress")
    BLOCKED = "blocked", _("Needs coordination")
    COMPLETED = "completed", _("Completed")


class Frequency(models.TextChoices):
    MONTH = "month", _("Monthly")
    QUARTER = "quarter", _("Quarterly")
    HALF_YEAR = "half_year", _("Half-yearly")
    YEAR = "year", _("Yearly")
    ONE_OFF = "one_off", pgettext_lazy("frequency", "Once")


class Reporting(models.TextChoices):
    FULL = "full", _("Status and texts")
    STATUS_ONLY = "status_only", _("Status only")
    ELSEWHERE = "elsewhere", _("Reported elsewhere")


class PlanManager(models.Manager["Plan"]):
    def get_by_natural_key(self, slug: str) -> Plan:
        return self.get(slug=slug)


class Plan(models.Model):
    slug = models.SlugField(_("slug"), max_length=32, unique=True)
    title = models.CharField(_("title"), max_length=120, validators=[refuse_unstorable])
    full_title = models.CharField(_("full title"), max_length=300, blank=True, validators=[refuse_unstorable])
    congress = models.CharField(_("congress"), max_length=120, blank=True, validators=[refuse_unstorable])
    body = models.CharField(_("adopted by"), max_length=120, blank=True, validators=[refuse_unstorable])
    delivered_by = models.CharField(_("delivered by"), max_length=60, blank=True, validators=[refuse_unstorable])
    delivered_on = models.DateField(_("delivered on"), null=True, blank=True)
    general_requirement = WordsField(_("general requirement"))
    source = models.CharField(_("source"), max_length=200, blank=True, validators=[refuse_unstorable])
    start = models.DateField(_("start"))
    due = models.DateField(_("due"))
    review = models.CharField(_("review"), max_length=16, choices=Review, default=Review.ABOVE)
    yellow_days = models.PositiveSmallIntegerField(
        _("yellow: days before the due date"), default=15, validators=[MaxValueValidator(366)]
    )
    yellow_points = models.PositiveSmallIntegerField(
        _("yellow: points behind pace"), default=10, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    red_points = models.PositiveSmallIntegerField(
        _("red: more than these points behind pace"), default=30, validators=[MaxValueValidator(100)]
    )

    by_schedule = models.BooleanField(
        _("periods by schedule"), default=False, help_text=_("The nightly run makes each next period and opens it.")
    )
    due_after = models.SmallIntegerField(
        _("due: days after the end of the period"),
        default=0,
        validators=[MinValueValidator(-31), MaxValueValidator(60)],
        help_text=_("Negative for days before it. A due date on a day off moves to the next working day."),
    )
    locks_after = models.PositiveSmallIntegerField(
        _("locks: days after the due date"), default=8, validators=[MaxValueValidator(60)]
    )
    brief_levels = models.JSONField(
        _("levels named in briefs"),
        default=no_lower_than_city,
        blank=True,
        validators=[only_levels],
        help_text=_("Organizations of other levels are counted there and not named."),
    )

    history = HistoricalRecords(verbose_name=_("plan history"))
    objects = PlanManager()

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["-start", "slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(due__gte=F("start")),
                name="plan_due_after_start",
                violation_error_message=_("The due date is before the start."),
            ),
            models.CheckConstraint(condition=Q(review__in=Review.values), name="plan_review_known"),
            models.CheckConstraint(
                condition=Q(red_points__gte=F("yellow_points")),
                name="plan_red_after_yellow",
                violation_error_message=_("Red must not come before yellow."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def natural_key(self) -> tuple[str]:
        return (self.slug,)

    def get_absolute_url(self) -> str:
        return reverse("plan", args=[self.slug])

    def frequencies_in_use(self) -> set[str]:
        """The frequencies of what is active. One query."""
        from .assignments import Assignment

        rows = Assignment.objects.active().filter(task__plan=self).order_by()
        return set(rows.values_list("frequency", flat=True).distinct())


class AreaManager(models.Manager["Area"]):
    def get_by_natural_key(self, plan: str, number: int) -> Area:
        return self.get(plan__slug=plan, number=number)


class Area(models.Model):
    plan = models.ForeignKey(Plan, models.PROTECT, verbose_name=_("plan"), related_name="areas")
    number = models.PositiveSmallIntegerField(_("number"))
    title = models.CharField(_("title"), max_length=200, validators=[refuse_unstorable])
    short = models.CharField(_("short name"), max_length=8, blank=True, validators=[refuse_unstorable])

    history = HistoricalRecords(verbose_name=_("area history"))
    objects = AreaManager()

    class Meta:
        verbose_name = _("work area")
        verbose_name_plural = _("work areas")
        ordering = ["plan", "number"]
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="area_unique")]

    def __str__(self) -> str:
        return f"{self.ordinal}　{self.title}"

    def natural_key(self) -> tuple[str, int]:
        return (self.plan.slug, self.number)

    natural_key.dependencies = ["tracker.plan"]  # type: ignore[attr-defined]

    def get_absolute_url(self) -> str:
        return reverse("area", args=[self.plan.slug, self.number])

    @property
    def ordinal(self) -> str:
        """一 for 1, in Chinese; the digit in English."""
        return gettext("0 1 2 3 4 5 6 7 8 9").split()[self.number] if self.number < 10 else str(self.number)


class HeadingManager(models.Manager["Heading"]):
    def get_by_natural_key(self, plan: str, code: str) -> Heading:
        return self.get(area__plan__slug=plan, code=code)


class Heading(models.Model):
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("work area"), related_name="headings")
    number = models.PositiveSmallIntegerField(_("number"))
    code = models.CharField(_("code"), max_length=16, validators=[refuse_unstorable])
    title = models.CharField(_("title"), max_length=200, validators=[refuse_unstorable])
    span = models.CharField(
        _("span of years it names"),
        max_length=60,
        blank=True,
        default="",
        validators=[refuse_unstorable],
        help_text=_("Such as a three-year campaign. The text gives no dates: they count from the start of the plan."),
    )
    span_start = models.DateField(_("the span starts on"), null=True, blank=True)
    span_due = models.DateField(_("the span ends on"), null=True, blank=True)

    history = HistoricalRecords(verbose_name=_("heading history"))
    objects = HeadingManager()

    class Meta:
        verbose_name = _("heading")
        verbose_name_plural = _("headings")
        ordering = ["area", "number"]
        constraints = [
            models.UniqueConstraint(fields=["area", "number"], name="heading_number_unique"),
            models.UniqueConstraint(fields=["area", "code"], name="heading_code_unique"),
            models.CheckConstraint(
                condition=Q(span="", span_start__isnull=True, span_due__isnull=True)
                | ~Q(span="") & Q(span_start__isnull=False, span_due__isnull=False, span_due__gte=F("span_start")),
                name="heading_span_is_whole",
                violation_error_message=_("A span has a name, a start and an end, in this order."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}　{self.title}"

    def natural_key(self) -> tuple[str, str]:
        return (self.area.plan.slug, self.code)

    natural_key.dependencies = ["tracker.area"]  # type: ignore[attr-defined]


class TaskQuerySet(SpelledQuerySet["Task"]):
    def get_by_natural_key(self, plan: str, code: str) -> Task:
        return self.get(plan__slug=plan, code=code)

    def with_place(self) -> Self:
        return self.select_related("plan", "heading__area", "owner")

    def editable_by(self, user: User) -> Self:
        """The plan belongs to the root: its administrators alone change it."""
        root = user.organization is not None and user.organization.parent_id is None
        return self.all() if user.may_administer and root else self.none()

    def live(self) -> Self:
        """What the plan asks for now: what has ended, or is merged into another, is not counted any more."""
        return self.filter(ended_on=None)

    def ended(self) -> Self:
        return self.exclude(ended_on=None)

    def without_owner(self) -> Self:
        return self.filter(owner=None)

    def measured(self) -> Self:
        """Those with something to measure percent by: a figure with a target, or milestones (rule 4)."""
        from .headlines import Figure
        from .milestones import Milestone

        target = Figure.tasks.through.objects.filter(task=OuterRef("pk"), figure__target__isnull=False)
        return self.filter(Exists(target) | Exists(Milestone.objects.filter(task=OuterRef("pk"))))

    def asking_percent(self) -> Self:
        """Percent is asked of what is measured, and never of a standing duty (rule 4)."""
        return self.measured().filter(standing=False)

    def foresee(self, into: Task | None = None) -> Effect:
        """What ending these, or merging them into another, would do."""
        from .plan_changes import foresee

        return foresee(list(self), into)

    def search(self, words: str) -> Self:
        """Every word must be in the wording, begin the code, or be pinyin: full, or initials from a word's start."""
        found = self
        for word in words.split():
            sounds = [Q(pinyin__contains=pattern) for pattern in word_patterns(word)]
            found = found.filter(reduce(or_, sounds, Q(wording__icontains=word) | Q(code__istartswith=word)))
        return found

    def best_first(self, words: str) -> Self:
        """The code itself, wordings that begin so, the rest, the ended; newest plan first, in its order inside each."""
        text = words.strip()
        place = Case(
            When(code__iexact=text, then=0),
            When(ended_on__isnull=False, then=3),
            When(wording__istartswith=text, then=1),
            default=Value(2),
        )
        return self.alias(place=place).order_by("place", "-plan__start", "plan", "position")


class Task(Spelled):
    """One thing to be done. `wording` is the adopted text, whole."""

    plan = models.ForeignKey(Plan, models.PROTECT, verbose_name=_("plan"), related_name="tasks")
    heading = models.ForeignKey(Heading, models.PROTECT, verbose_name=_("heading"), related_name="tasks")
    code = models.CharField(_("code"), max_length=16, validators=[refuse_unstorable])
    position = models.PositiveIntegerField(_("position"), help_text=_("The order in the plan."))
    wording = WordsField(_("wording"), blank=False)
    pinyin = PinyinField(sources=["wording"], words=True)
    owner = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("lead organization"), null=True, blank=True, related_name="owned"
    )
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.NOT_STARTED)
    start = models.DateField(_("start"), null=True, blank=True)
    due = models.DateField(_("due"), null=True, blank=True)
    standing = models.BooleanField(_("standing duty"), default=False)
    levels = models.JSONField(_("levels"), default=every_level, validators=[known_levels])
    frequency = models.CharField(_("frequency"), max_length=12, choices=Frequency, default=Frequency.QUARTER)
    reporting = models.CharField(_("reporting"), max_length=12, choices=Reporting, default=Reporting.FULL)
    evidence_required = models.BooleanField(_("evidence required"), default=False)
    ended_on = models.DateField(_("ended on"), null=True, blank=True, editable=False)
    superseded_by = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("superseded by"), null=True, editable=False, related_name="supersedes"
    )

    history = HistoricalRecords(verbose_name=_("task history"), excluded_fields=["pinyin"])
    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["plan", "position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "code"], name="task_code_unique"),
            models.CheckConstraint(
                condition=Q(start__isnull=True) | Q(due__isnull=True) | Q(due__gte=F("start")),
                name="task_due_after_start",
                violation_error_message=_("The due date is before the start."),
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="task_status_known"),
            models.CheckConstraint(condition=Q(frequency__in=Frequency.values), name="task_frequency_known"),
            models.CheckConstraint(condition=Q(reporting__in=Reporting.values), name="task_reporting_known"),
            models.CheckConstraint(
                condition=Q(superseded_by__isnull=True) | Q(ended_on__isnull=False), name="task_superseded_is_ended"
            ),
            models.CheckConstraint(
                condition=Q(superseded_by__isnull=True) | ~Q(superseded_by=F("pk")), name="task_superseded_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}　{self.wording}"

    def natural_key(self) -> tuple[str, str]:
        return (self.plan.slug, self.code)

    natural_key.dependencies = ["tracker.heading", "tracker.organization"]  # type: ignore[attr-defined]

    def get_absolute_url(self) -> str:
        return reverse("task", args=[self.plan.slug, self.code])

    def clean(self) -> None:
        if self.heading_id and self.plan_id and self.heading.area.plan_id != self.plan_id:
            raise ValidationError({"heading": _("This heading belongs to another plan.")})

    @property
    def is_measured(self) -> bool:
        """Two queries at most, none where figures and milestones are prefetched."""
        return any(figure.target is not None for figure in self.figures.all()) or bool(self.milestones.all())

    @property
    def asks_percent(self) -> bool:
        return not self.standing and self.is_measured

    @property
    def takes_texts(self) -> bool:
        return self.reporting == Reporting.FULL

    @property
    def level_names(self) -> list[str]:
        return [str(Level(level).label) for level in Level.values if level in self.levels]

    @transaction.atomic
    def name_owner(self, organization: Organization | None, *, by: User | None) -> None:
        """Make `organization` the lead; its lead assignment is made where it has none (rule 4)."""
        from .assignments import Assignment, Part
        from .moves import TransitionRefused

        if self.ended_on:
            raise TransitionRefused("ended", self.ended_words)
        self.owner = organization
        if organization:
            Assignment.objects.assign([self], [organization], by=by, all_levels=True)
            assignment = Assignment.objects.get(task=self, organization=organization)
            assignment.take_part(Part.LEAD, by=by)  # holds the row: nobody accepts an entry of it meanwhile
            assignment.refresh_from_db(fields=["status"])
            self.status = assignment.status
        self.save()

    @transaction.atomic
    def state_status(self, status: str, reason: str, *, by: User) -> None:
        """Set the status by hand, with a reason; it holds until the owner's next accepted entry (rule 4)."""
        reason = said("reason", reason, missing=gettext("Give the reason for setting the status by hand."))
        if status not in Status.values:
            raise ValidationError({"status": _("Choose the status.")})
        lead = self.lead_assignment
        if lead:
            lead.state_status(status, reason, by=by)
            self.refresh_from_db(fields=["status"])
            return
        self.status = status
        self.save()
        update_change_reason(self, reason[:100])

    def follow_owner(self) -> None:
        """Take the status of the owner's lead assignment, where there is an owner (rule 4)."""
        lead = self.lead_assignment
        if lead and lead.status != self.status:
            self.status = lead.status
            Task.objects.filter(pk=self.pk).update(status=lead.status)

    @property
    def lead_assignment(self) -> Assignment | None:
        """The owner's, while it leads: one that was put down to cooperate does not speak for the task."""
        return self.assignments.filter(organization=self.owner_id, part="lead").first() if self.owner_id else None

    # How an adopted task changes (rule 6): by the plan's administrators alone, with a reason. Each raises
    # ValidationError by field, and TransitionRefused where the task has ended or the person may not.

    AMENDABLE = ("start", "due", "standing", "levels", "frequency", "reporting", "evidence_required")

    def reword(self, wording: str, reason: str, *, by: User, until: dt.date | None = None) -> None:
        """Put a new wording in force; the one before is kept, with its last day and the reason."""
        from .plan_changes import reword

        reword(self, wording, reason, by=by, until=until)

    def end(self, reason: str, *, by: User) -> None:
        """It is done with: its assignments end, what can still be written of it is excused."""
        from .plan_changes import close

        close([self], None, reason, by=by)

    def supersede(self, old: Task, reason: str, *, by: User, carry: bool = True) -> None:
        """Take the place of another task; `carry` gives this one to the same bodies on the same terms."""
        self.merge([old], reason, by=by, carry=carry)

    def merge(self, olds: Iterable[Task], reason: str, *, by: User, carry: bool = True) -> None:
        """Take the place of several."""
        from .plan_changes import close

        close(list(olds), self, reason, by=by, carry=carry)

    def amend(self, *, by: User, carry: bool = False, **values: Any) -> int:
        """Change what holds for the task; `carry` takes due date, standing and frequency to the live assignments that
        followed the task's own. Returns how many these were.
        """
        from .plan_changes import amend

        assert set(values) <= set(self.AMENDABLE), values
        return amend(self, values, by=by, carry=carry)

    def check_amendable(self, *, carry: bool = False, **values: Any) -> None:
        """Whether `amend` would take these values. Raises ValidationError by field."""
        from .plan_changes import check_amendable

        check_amendable(self, values, carry=carry)

    def followers(self) -> dict[str, int]:
        """How many live assignments follow the task's own due date, and how many its frequency. Two queries."""
        from .plan_changes import followers

        return followers(self)

    @property
    def ended_words(self) -> str:
        """Since when nothing is to be done of it any more; empty while there is."""
        if self.ended_on is None:
            return ""
        values = {"code": self.code, "day": written(self.ended_on, timezone.localdate())}
        if self.superseded_by:
            into = values | {"into": self.superseded_by.code}
            return gettext("%(code)s was merged into %(into)s on %(day)s.") % into
        return gettext("%(code)s ended on %(day)s.") % values
