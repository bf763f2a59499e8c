"""Asking for a later due date, and deciding on it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models.fields import TEXT_LIMIT

from .fields import DayField, DayInput, ModelRefusals


class ExtensionForm(ModelRefusals):
    new_due = DayField(label=_("due date asked for"), widget=DayInput(attrs={"class": "form-control short"}))
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 3}),
        help_text=_("What kept it from being done in time, and what will be done until then."),
    )


class ExtensionDecisionForm(ModelRefusals):
    """`beyond` is shown where the date asked for lies after the plan's own."""

    comment = forms.CharField(
        label=_("Opinion or reason"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )
    beyond = forms.BooleanField(label=_("Grant it beyond the plan’s own due date"), required=False)
