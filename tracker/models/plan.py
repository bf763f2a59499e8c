"""The plan as adopted: areas, headings, tasks and figures. Its wording is never cut and never rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords
from simple_history.utils import update_change_reason

from .fields import WordsField, refuse_unstorable, said
from .organizations import Level, Organization

if TYPE_CHECKING:
    from .assignments import Assignment
    from .people import User


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


def every_level() -> list[str]:
    return list(Level.values)


def known_levels(value: list[str]) -> None:
    if not isinstance(value, list) or not value or set(value) - set(Level.values):
        raise ValidationError(_("Choose at least one level."))


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

    history = HistoricalRecords(verbose_name=_("heading history"))
    objects = HeadingManager()

    class Meta:
        verbose_name = _("heading")
        verbose_name_plural = _("headings")
        ordering = ["area", "number"]
        constraints = [
            models.UniqueConstraint(fields=["area", "number"], name="heading_number_unique"),
            models.UniqueConstraint(fields=["area", "code"], name="heading_code_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.code}　{self.title}"

    def natural_key(self) -> tuple[str, str]:
        return (self.area.plan.slug, self.code)

    natural_key.dependencies = ["tracker.area"]  # type: ignore[attr-defined]


class TaskQuerySet(models.QuerySet["Task"]):
    def get_by_natural_key(self, plan: str, code: str) -> Task:
        return self.get(plan__slug=plan, code=code)

    def with_place(self) -> Self:
        return self.select_related("plan", "heading__area", "owner")

    def editable_by(self, user: User) -> Self:
        """The plan belongs to the root: its administrators alone change it."""
        root = user.organization is not None and user.organization.parent_id is None
        return self.all() if user.may_administer and root else self.none()

    def without_owner(self) -> Self:
        return self.filter(owner=None)

    def asking_percent(self) -> Self:
        """Percent is asked only where there is something to measure it by, and never of a standing duty (rule 4)."""
        target = Figure.tasks.through.objects.filter(task=OuterRef("pk"), figure__target__isnull=False)
        return self.filter(Exists(target), standing=False)

    def search(self, words: str) -> Self:
        found = self
        for word in words.split():
            found = found.filter(Q(wording__icontains=word) | Q(code__startswith=word))
        return found


class Task(models.Model):
    """One thing to be done. `wording` is the adopted text, whole."""

    plan = models.ForeignKey(Plan, models.PROTECT, verbose_name=_("plan"), related_name="tasks")
    heading = models.ForeignKey(Heading, models.PROTECT, verbose_name=_("heading"), related_name="tasks")
    code = models.CharField(_("code"), max_length=16, validators=[refuse_unstorable])
    position = models.PositiveIntegerField(_("position"), help_text=_("The order in the plan."))
    wording = WordsField(_("wording"), blank=False)
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

    history = HistoricalRecords(verbose_name=_("task history"))
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
    def asks_percent(self) -> bool:
        return Task.objects.filter(pk=self.pk).asking_percent().exists()

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


class FigureManager(models.Manager["Figure"]):
    def get_by_natural_key(self, plan: str, slug: str) -> Figure:
        return self.get(plan__slug=plan, slug=slug)


class Figure(models.Model):
    """A headline number: where the past five years left it (`baseline`), where it is to go (`target`)."""

    class Qualifier(models.TextChoices):
        EXACT = "exact", pgettext_lazy("figure", "exactly")
        OVER = "over", pgettext_lazy("figure", "more than")

    class OverTime(models.TextChoices):
        STOCK = "stock", _("Stock: the newest counts")
        FLOW = "flow", _("Flow: periods add up")

    class OverOrganizations(models.TextChoices):
        SUM = "sum", _("Sum")
        AVERAGE = "average", _("Average")

    plan = models.ForeignKey(Plan, models.PROTECT, verbose_name=_("plan"), related_name="figures")
    slug = models.SlugField(_("slug"), max_length=60)
    position = models.PositiveSmallIntegerField(_("position"))
    name = models.CharField(_("name"), max_length=120, validators=[refuse_unstorable])
    unit = models.CharField(_("unit"), max_length=20, validators=[refuse_unstorable])
    baseline = models.DecimalField(_("baseline"), max_digits=20, decimal_places=4, null=True, blank=True)
    qualifier = models.CharField(_("qualifier"), max_length=8, choices=Qualifier, default=Qualifier.EXACT)
    wording = WordsField(_("wording"))
    target = models.DecimalField(_("target"), max_digits=20, decimal_places=4, null=True, blank=True)
    over_time = models.CharField(_("over time"), max_length=8, choices=OverTime, default=OverTime.FLOW)
    over_organizations = models.CharField(
        _("over organizations"), max_length=8, choices=OverOrganizations, default=OverOrganizations.SUM
    )
    tasks = models.ManyToManyField(Task, verbose_name=_("tasks"), blank=True, related_name="figures")

    history = HistoricalRecords(verbose_name=_("figure history"), m2m_fields=[tasks])
    objects = FigureManager()

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["plan", "position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "slug"], name="figure_unique"),
            models.CheckConstraint(
                condition=Q(baseline__isnull=False) | Q(target__isnull=False),
                name="figure_has_a_number",
                violation_error_message=_("A figure has a baseline, a target, or both."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str, str]:
        return (self.plan.slug, self.slug)

    natural_key.dependencies = ["tracker.task"]  # type: ignore[attr-defined]
