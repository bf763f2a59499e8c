"""Milestones of an assignment, and the day one was reached."""

from django import forms
from django.utils.translation import gettext_lazy as _

from .fields import DayField, DayInput, ModelRefusals


class MilestoneForm(ModelRefusals):
    title = forms.CharField(
        label=_("What is to be reached"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control", "maxlength": 200, "autocomplete": "off"}),
    )
    due = DayField(label=_("Due"), widget=DayInput(attrs={"class": "form-control short"}))


class ReachForm(ModelRefusals):
    reached_on = DayField(label=_("reached on"), widget=DayInput(attrs={"class": "form-control short"}))
