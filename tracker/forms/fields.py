"""Fields that several forms share."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from tracker.models.fields import refuse_unstorable

EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2100, 12, 31)


def is_key(text: str) -> bool:
    """Whether this can be a primary key: digits, and no more of them than a column holds."""
    return text.isascii() and text.isdecimal() and len(text) < 19


class DayInput(forms.DateInput):
    """The browser's own date field: it needs no script and opens a calendar on a phone."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class DayField(forms.DateField):
    """A day that later arithmetic can stand on: year 9999 has no tomorrow."""

    widget = DayInput
    default_validators = [
        MinValueValidator(EARLIEST, _("Write a day between 1900 and 2100.")),
        MaxValueValidator(LATEST, _("Write a day between 1900 and 2100.")),
    ]


class Codes(forms.MultipleChoiceField):
    """Codes of records that are looked for in a queryset afterwards: no list of choices is built."""

    widget = forms.MultipleHiddenInput

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")
        for code in value:
            refuse_unstorable(code)


class ModelRefusals(forms.Form):
    """A form whose model checks what is sent: a refusal stands beside the field it names, or at the top."""

    def add_refusal(self, error: ValidationError) -> None:
        for name, lines in error.message_dict.items():
            self.add_error(name if name in self.fields else None, lines)
