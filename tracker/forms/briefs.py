"""Drafting a brief, and withdrawing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models import Organization, Period, Plan, User
from tracker.models.fields import TEXT_LIMIT

from .fields import ModelRefusals
from .finding import OrganizationChoice


class BriefForm(ModelRefusals):
    """Of which period, and of which body in one's scope: one's own, if nothing else is said."""

    period = forms.ChoiceField(
        label=_("Period"),
        widget=forms.Select(attrs={"class": "form-select"}),
        error_messages={"invalid_choice": _("This is not among the choices. Choose one from the list.")},
    )
    organization = OrganizationChoice(
        label=_("Organization"), required=False, help_text=_("It and all below it. Left empty: your own organization.")
    )

    def __init__(self, *args: Any, plan: Plan, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        opened = plan.periods.exclude(opened_at=None)
        self.periods: dict[str, Period] = {period.code: period for period in opened}
        self.fields["period"].choices = [(code, period.title) for code, period in self.periods.items()]  # type: ignore[attr-defined]
        self.fields["organization"].queryset = Organization.objects.visible_to(user)  # type: ignore[attr-defined]
        self.initial.setdefault("organization", user.organization)
        self.user = user

    def clean_period(self) -> Period:
        return self.periods[self.cleaned_data["period"]]

    def clean_organization(self) -> Organization | None:
        return self.cleaned_data["organization"] or self.user.organization


class BriefWithdrawalForm(ModelRefusals):
    reason = forms.CharField(
        label=_("Why it is withdrawn"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )
