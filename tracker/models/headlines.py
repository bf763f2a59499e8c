"""The plan's headline figures: what each measures, where it was left, and where it is to go."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from simple_history.models import HistoricalRecords

from .fields import WordsField, refuse_unstorable
from .plan import Plan, Task


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
        YEARLY = "yearly", _("Yearly flow: the periods of a year add up")

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
