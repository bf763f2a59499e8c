"""What the deadline board can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from tracker.models import Line, Period

from .board import SORTS

WRONG = {"invalid_choice": gettext_lazy("This is not among the choices. Choose one from the list.")}


def choice(label: Any, **kwargs: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=False, error_messages=WRONG, widget=forms.Select(attrs={"class": "form-select"}), **kwargs
    )


class BoardForm(forms.Form):
    period = choice(gettext_lazy("Period"))
    line = choice(gettext_lazy("Line"))
    sort = choice(gettext_lazy("Order"), choices=SORTS.items())
    show = choice(
        gettext_lazy("Show"),
        choices=[("", gettext_lazy("All bodies")), ("missing", gettext_lazy("Only those with something missing"))],
    )

    def __init__(self, data: Any, *, periods: Iterable[Period], lines: list[Line]) -> None:
        """`periods` are those that have opened, `lines` those the body can be looked at in."""
        super().__init__(data)
        offered = {"period": [(period.code, str(period)) for period in periods]}
        offered["line"] = [(str(line), str(line.label)) for line in lines]
        for name, choices in offered.items():
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        self.several_lines = len(lines) > 1
