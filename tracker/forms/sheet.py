"""One entry as a row of the sheet."""

from __future__ import annotations

import hashlib
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from tracker.models import Entry

from .entries import EntryForm
from .fields import DayInput


class Cell:
    """A widget written straight, without a template: a sheet of a hundred rows has five hundred of them."""

    def render(self: Any, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return self.written(name, self.format_value(value), flatatt(self.build_attrs(self.attrs, attrs)))


class AreaCell(Cell, forms.Textarea):
    def written(self, name: str, value: Any, attrs: str) -> SafeString:
        return format_html('<textarea name="{}"{}>\n{}</textarea>', name, attrs, value or "")


class InputCell(Cell, forms.TextInput):
    def written(self, name: str, value: Any, attrs: str) -> SafeString:
        valued = flatatt({"value": value} if value is not None else {})
        return format_html('<input type="{}" name="{}"{}{}>', self.input_type, name, valued, attrs)


class DayCell(Cell, DayInput):
    written = InputCell.written


class HiddenCell(InputCell, forms.HiddenInput):
    input_type = "hidden"


class SelectCell(Cell, forms.Select):
    def written(self, name: str, value: Any, attrs: str) -> SafeString:
        parts = [
            (key, flatatt({"selected": str(key) in value}), label)
            for key, label in self.choices  # one level of choices
        ]
        options = format_html_join("", '<option value="{}"{}>{}</option>', parts)
        return format_html('<select name="{}"{}>{}</select>', name, attrs, options)


class RowForm(EntryForm):
    """The same as a row of the sheet. `seen` marks what the page showed: only rows that were touched are saved."""

    ASIDE = (*EntryForm.ASIDE, "seen")
    version = forms.IntegerField(widget=HiddenCell, min_value=1, max_value=2**31 - 1)
    seen = forms.CharField(widget=HiddenCell, required=False, max_length=16)

    def __init__(self, *args: Any, entry: Entry, **kwargs: Any) -> None:
        super().__init__(*args, entry=entry, prefix=f"e{entry.pk}", **kwargs)
        del self.fields["looked_through"]  # its tick stands on the entry's own page
        code = entry.assignment.task.code
        status: Any = self.fields["status"]
        choices = [("", "—"), *status.choices]
        select = SelectCell(attrs={"class": "form-select"})
        self.fields["status"] = forms.ChoiceField(label=status.label, choices=choices, required=False, widget=select)
        if "percent" in self.fields:
            attrs = {"class": "form-control", "inputmode": "numeric", "maxlength": 4}
            self.fields["percent"].widget = InputCell(attrs=attrs)
        for name in self.numbered:
            self.fields[name].widget = InputCell(attrs=self.fields[name].widget.attrs)
        for field in self.fields.values():
            if field.widget.is_hidden:
                continue
            if isinstance(field.widget, forms.Textarea):
                field.widget = AreaCell(attrs=field.widget.attrs | {"rows": 2})
            elif isinstance(field.widget, DayInput):
                field.widget = DayCell(attrs=field.widget.attrs)
            elif type(field.widget) is forms.TextInput:
                field.widget = InputCell(attrs=field.widget.attrs)
            field.widget.attrs["aria-label"] = f"{code} {field.label}"
        self.initial["seen"] = self.mark({field.name: field.initial for field in self.visible_fields()})

    @staticmethod
    def mark(values: dict[str, Any]) -> str:
        text = "\0".join(f"{name}={as_typed(value)}" for name, value in values.items())
        return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @property
    def touched(self) -> bool:
        """Whether what was sent is not what the page had shown."""
        return self.data.get(self.add_prefix("seen"), "") != self.mark({f.name: f.data for f in self.visible_fields()})

    @property
    def values(self) -> dict[str, str]:
        """Its fields as the page shows them, by name."""
        return {field.name: as_typed(field.value()) for field in self.visible_fields()}

    def show_again(self, version: int) -> None:
        """What was typed stays, to be sent once more against the row as it stands now."""
        again = {self.add_prefix("version"): str(version), self.add_prefix("seen"): ""}
        self.data = {name: self.data.get(name) for name in self.data if name.startswith(self.add_prefix(""))} | again


def as_typed(value: Any) -> str:
    """A field's value as text: nothing and an empty box are the same, and so are the ways to end a line."""
    return "" if value is None or value is False else str(value).replace("\r\n", "\n")
