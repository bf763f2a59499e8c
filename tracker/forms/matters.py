"""Answering a matter for coordination, passing it up, and withdrawing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tracker.models import Blocker
from tracker.models.fields import TEXT_LIMIT

from .fields import ModelRefusals


def words(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"class": "form-control", "rows": rows})


class MatterForm(ModelRefusals):
    """`seen` is when the words on the page were asked; other words meanwhile refuse what is sent."""

    seen = forms.DateTimeField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, matter: Blocker, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = matter.asked_at.isoformat()


class AnswerForm(MatterForm):
    answer = forms.CharField(
        label=pgettext_lazy("matter", "Answer"), required=False, max_length=TEXT_LIMIT, widget=words(4)
    )


class PassUpForm(MatterForm):
    reason = forms.CharField(label=_("Why it is passed up"), required=False, max_length=TEXT_LIMIT, widget=words(2))


class WithdrawForm(ModelRefusals):
    reason = forms.CharField(
        label=_("Why it is no longer needed"), required=False, max_length=TEXT_LIMIT, widget=words(2)
    )
