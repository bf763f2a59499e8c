"""Striking off and reopening."""

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models.fields import TEXT_LIMIT

from .fields import ModelRefusals


class CompletionForm(ModelRefusals):
    """Words to go with it; for reopening they are the reason."""

    comment = forms.CharField(
        label=_("Opinion or reason"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )
