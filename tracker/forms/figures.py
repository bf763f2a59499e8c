"""The numbers of an entry's figures as they are typed: each in its own box, with its unit and the last number."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tracker.models import Entry, Figure
from tracker.models.figures import JUMP, Last, field_name, is_flow, read_number

from .fields import ModelRefusals


def tick_name(figure: int) -> str:
    return f"confirm_{figure}"


def plain(value: Decimal) -> str:
    """A number to be typed over: no separators, no empty decimals."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def typed_numbers(entry: Entry) -> dict[str, str]:
    """The boxes and ticks of an entry as it stands, by field name."""
    boxes = {field_name(pk): plain(value) for pk, value in entry.figures.items()}
    return boxes | {tick_name(pk): plain(value) for pk, value in entry.confirmed.items()}


class FigureField(forms.Field):
    """One figure's number; nothing is none."""

    widget = forms.TextInput

    def __init__(self, figure: Figure) -> None:
        super().__init__(label=figure.name, required=False)
        self.widget.attrs |= {"class": "form-control", "inputmode": "decimal", "maxlength": 40, "autocomplete": "off"}

    def to_python(self, value: Any) -> Decimal | None:
        return read_number(value or "")


class Tick(forms.CheckboxInput):
    """Its value is the number it is ticked for: another number asks again."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name, "")


@dataclass(frozen=True)
class Box:
    """A figure as the page shows it."""

    figure: Figure
    field: forms.BoundField
    tick: forms.BoundField
    last: Last | None
    ticked: str  # the number the tick stands for, where there is a tick to show
    checked: bool

    @property
    def last_plain(self) -> str:
        """What 沿用上期 puts here: a stock goes on, a flow begins anew."""
        return plain(self.last.value) if self.last and not is_flow(self.figure) else ""


class FiguredForm(ModelRefusals):
    """A form with a box for each figure of the entry's task, and a tick where a number looked like a slip."""

    entry: Entry

    def add_figures(self) -> None:
        self.jumps: set[str] = set()
        self.numbered = {field_name(figure.pk): figure for figure in self.entry.asked_figures}
        for figure in self.numbered.values():
            self.fields[field_name(figure.pk)] = FigureField(figure)
            label = _("This number is right")
            self.fields[tick_name(figure.pk)] = forms.CharField(label=label, required=False, widget=Tick)
        self.initial = {**self.initial, **typed_numbers(self.entry)}

    @property
    def figure_names(self) -> set[str]:
        return {name for figure in self.numbered.values() for name in (field_name(figure.pk), tick_name(figure.pk))}

    @property
    def figure_content(self) -> dict[str, Any]:
        """The numbers, and those of them that are ticked."""
        said = {figure.pk: self.cleaned_data.get(name) for name, figure in self.numbered.items()}
        ticked = {
            pk: value if value is not None and self.cleaned_data.get(tick_name(pk)) == plain(value) else None
            for pk, value in said.items()
        }
        return {"figures": said, "confirmed": ticked} if said else {}

    def add_refusal(self, error: ValidationError) -> None:
        super().add_refusal(error)
        self.jumps |= {name for name, faults in error.error_dict.items() if any(one.code == JUMP for one in faults)}

    @property
    def asks(self) -> dict[str, str]:
        """The ticks that are asked for, each with its number."""
        return {tick_name(self.numbered[name].pk): self.plain_of(name) for name in sorted(self.jumps)}

    @property
    def boxes(self) -> list[Box]:
        last, asks = self.entry.last_figures() if self.numbered else {}, self.asks
        boxes = []
        for name, figure in self.numbered.items():
            tick, number = self[tick_name(figure.pk)], self.plain_of(name)
            checked = tick.name not in asks and number != "" and tick.value() == number
            ticked = number if checked or tick.name in asks else ""
            boxes.append(Box(figure, self[name], tick, last.get(figure.pk), ticked, checked))
        return boxes

    def plain_of(self, name: str) -> str:
        """What stands in the box, as a number is written plainly; empty where it is none."""
        try:
            value = read_number(str(self[name].value() or ""))
        except ValidationError:
            return ""
        return "" if value is None else plain(value)
