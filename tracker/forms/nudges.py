"""Urging, and answering it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models.fields import TEXT_LIMIT

from .fields import ModelRefusals


class ReplyForm(ModelRefusals):
    """What the urged body answers."""

    answer = forms.CharField(
        label=_("Answer"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )


class UrgeForm(ModelRefusals):
    """Why those who were urged today are urged again."""

    reason = forms.CharField(
        label=_("Words to them"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
        help_text=_("Without words, whoever was urged today is left alone; with a reason they are urged once more."),
    )
