"""Opening a locked period for one body."""

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models.fields import TEXT_LIMIT

from .fields import DayField, DayInput, ModelRefusals


class LetInForm(ModelRefusals):
    """Until when what was not handed in stays open after the lock, and why."""

    until = DayField(label=_("Open until"), widget=DayInput(attrs={"class": "form-control short"}))
    comment = forms.CharField(
        label=_("Reason"),
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
        help_text=_("Everybody concerned will read it."),
    )
