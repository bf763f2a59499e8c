"""Comparison (考核): off until a body's administrators enter the authority for it (文号) and its formula.

The night after a period locked freezes one result under the rule that held then; nobody chooses the moment. What is
corrected later is listed beside it, from the events; its numbers stay.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from tracker import access

from .comparing import RATES, Group, Peers, grouped, taking_part
from .events import Event, EventQuerySet
from .fields import refuse_unstorable
from .moves import State
from .organizations import Level, Line, Organization
from .periods import Period
from .plan import Plan

if TYPE_CHECKING:
    from .people import User

COMPARING = (Level.NATIONAL, Level.PROVINCE)  # below these nobody would be compared by name
RECKONED = (State.ACCEPTED, State.EXCUSED)  # who comes into one of these states or leaves it is counted differently
WEIGHT = [MaxValueValidator(100)]


class RuleQuerySet(models.QuerySet["ComparisonRule"]):
    def live(self) -> Self:
        """Not ended by today; one that begins later counts too."""
        return self.filter(Q(ended_on=None) | Q(ended_on__gt=timezone.localdate()))

    def visible_to(self, user: User) -> Self:
        """For the back office: of bodies in scope."""
        return self.filter(user.scope("organization__"))

    def concerning(self, user: User) -> Self:
        """Of one's own body, and of the one right above in its line, under which it is compared."""
        body = user.organization
        if body is None or not user.may(access.COMPARE):
            return self.none()
        above = (body.industry_id if body.line == Line.INDUSTRIAL else None) or body.parent_id
        return self.filter(organization__in=[pk for pk in (body.pk, above) if pk])

    def known_to(self, user: User) -> Self:
        """These, and those of all bodies in scope."""
        if not user.may(access.COMPARE):
            return self.none()
        in_scope = Organization.objects.visible_to(user).order_by().values("pk")
        return self.filter(Q(pk__in=self.concerning(user).values("pk")) | Q(organization__in=in_scope))

    def editable_by(self, user: User) -> Self:
        """One's own body's alone: nobody makes a rule for another."""
        return self.filter(organization=user.organization) if user.may_administer else self.none()


class ComparisonRule(models.Model):
    """考核办法: by what authority a body compares those below it, and how. Superseded by the next, never deleted.

    It holds for the periods that open from `starts_on` on and lock before `ended_on`.
    """

    plan = models.ForeignKey(Plan, models.PROTECT, verbose_name=_("plan"), related_name="comparison_rules")
    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), related_name="comparison_rules"
    )
    authority = models.CharField(
        _("authority"),
        max_length=200,
        validators=[refuse_unstorable],
        help_text=_("The document that orders this comparison, with its number. Without one there is none."),
    )
    on_time = models.PositiveSmallIntegerField(_("weight of the on-time rate (%)"), validators=WEIGHT)
    accepted = models.PositiveSmallIntegerField(_("weight of the acceptance rate (%)"), validators=WEIGHT)
    completed = models.PositiveSmallIntegerField(_("weight of the completion rate (%)"), validators=WEIGHT)
    starts_on = models.DateField(
        _("in force from"), help_text=_("It holds for the reporting periods that open on this day or later.")
    )
    ended_on = models.DateField(
        _("in force until before"),
        null=True,
        blank=True,
        help_text=_(
            "From this day on it holds no longer, and its results are not shown unless another takes its place."
        ),
    )

    history = HistoricalRecords(verbose_name=_("comparison rule history"))
    objects = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("comparison rule")
        verbose_name_plural = _("comparison rules")
        ordering = ["-starts_on", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "organization"], condition=Q(ended_on__isnull=True), name="comparison_rule_one_live"
            ),
            models.CheckConstraint(
                condition=Q(on_time=100 - F("accepted") - F("completed")),
                name="comparison_rule_weights_are_100",
                violation_error_message=_("The three weights must add up to 100."),
            ),
            models.CheckConstraint(condition=~Q(authority=""), name="comparison_rule_has_authority"),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=F("starts_on")),
                name="comparison_rule_days_in_order",
                violation_error_message=_("It cannot end before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization} · {self.authority}"

    @property
    def weights(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in RATES}

    def holds_for(self, period: Period) -> bool:
        """In force from the period's opening to its lock."""
        held = self.ended_on is None or self.ended_on > period.locks
        return period.plan_id == self.plan_id and self.starts_on <= period.opens and held

    def clean(self) -> None:
        """Known beforehand: a rule begins today at the earliest, and after the one before it."""
        if not self._state.adding:
            return
        if self.organization_id and self.organization.level not in COMPARING:
            words = gettext("Only bodies at national or province level, whose bodies below are cities or above.")
            raise ValidationError({"organization": words})
        if not self.starts_on:
            return
        if self.starts_on < timezone.localdate():
            raise ValidationError(
                {"starts_on": gettext("A rule is known before it holds: from today on, not earlier.")}
            )
        others = ComparisonRule.objects.filter(plan=self.plan_id, organization=self.organization_id)
        if others.filter(ended_on=None).exists():
            raise ValidationError(gettext("There is a rule in force already. End that one first."))
        if others.filter(ended_on__gt=self.starts_on).exists():
            raise ValidationError({"starts_on": gettext("The rule before it is still in force on this day.")})


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def shown(self) -> Self:
        """Under a live rule; without one nothing is shown anywhere."""
        live = ComparisonRule.objects.live()
        same = live.filter(plan=OuterRef("rule__plan"), organization=OuterRef("rule__organization"))
        return self.filter(Exists(same))

    def visible_to(self, user: User) -> Self:
        """Of bodies in scope, and those in which one's own body is named (its own group of them: `groups_for`)."""
        if not user.may(access.COMPARE):
            return self.none()
        named = Comparison.named.through.objects.filter(comparison=OuterRef("pk"), organization=user.organization)
        in_scope = Q(rule__organization__in=Organization.objects.visible_to(user).order_by().values("pk"))
        return self.shown().filter(in_scope | Exists(named))

    def to_freeze(self, day: dt.date) -> list[tuple[ComparisonRule, Period]]:
        """What locked before `day` and has no result yet, with the rule that holds for it. Three queries."""
        rules = list(ComparisonRule.objects.select_related("plan", "organization").order_by("pk"))
        locked = Period.objects.filter(opened_at__isnull=False, locks__lt=day, plan__in={rule.plan for rule in rules})
        frozen = set(self.values_list("rule", "period"))
        due = [(rule, period) for period in locked.select_related("plan").order_by("locks", "pk") for rule in rules]
        return [(rule, period) for rule, period in due if rule.holds_for(period) and (rule.pk, period.pk) not in frozen]

    def freeze(self, rule: ComparisonRule, period: Period) -> bool:
        """Reckon and keep; once a rule and period. Returns whether this was the time. What takes long is done before
        anything is locked."""
        as_of = timezone.now()
        groups = grouped(rule.organization, period, rule.weights)
        with transaction.atomic():
            Period.objects.select_for_update(no_key=True).get(pk=period.pk)  # two nightly runs, one after the other
            if self.filter(rule=rule, period=period).exists():
                return False
            told = {"authority": rule.authority, "weights": rule.weights, "groups": groups}
            made = self.create(rule=rule, period=period, as_of=as_of, **told)
            made.named.set([row["pk"] for group in groups for row in group["bodies"]])
        return True


class Comparison(models.Model):
    """考核结果: how a period stood at its cut-off, complete in itself. Nothing of it is ever written again."""

    rule = models.ForeignKey(ComparisonRule, models.PROTECT, related_name="comparisons")
    period = models.ForeignKey(Period, models.PROTECT, related_name="comparisons")
    as_of = models.DateTimeField(_("as of"))
    authority = models.CharField(_("authority"), max_length=200)
    weights = models.JSONField()
    groups = models.JSONField()
    named = models.ManyToManyField(Organization, related_name="+")

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        verbose_name = _("comparison result")
        verbose_name_plural = _("comparison results")
        ordering = ["-as_of", "-pk"]
        constraints = [models.UniqueConstraint(fields=["rule", "period"], name="comparison_once")]

    def __str__(self) -> str:
        return f"{self.rule.organization} · {self.period}"

    def get_absolute_url(self) -> str:
        return reverse("comparison_frozen", args=[self.rule.plan.slug, self.pk])

    def groups_for(self, user: User) -> list[Group]:
        """All of them for whom the comparing body lies in scope; a compared body's own peers for the others."""
        if Organization.objects.visible_to(user).filter(pk=self.rule.organization_id).exists():
            return self.groups
        body = user.organization
        return [group for group in self.groups if body and body.pk in (row["pk"] for row in group["bodies"])]

    def corrections(self, peers: Peers) -> EventQuerySet:
        """What changed the counting of the period's entries after the cut-off, newest first, at these peers and
        below them."""
        reckoned = Q(from_state__in=RECKONED) | Q(to_state__in=RECKONED) | Q(action=Event.Action.WITHDRAWN)
        events = Event.objects.filter(reckoned, entry__period=self.period_id, at__gt=self.as_of)
        events = events.filter(taking_part(self.rule.plan.slug, "assignment__task__"))
        events = peers.below(events, "assignment__organization__")
        return events.select_related("assignment__task", "assignment__organization").order_by("-at", "-pk")
