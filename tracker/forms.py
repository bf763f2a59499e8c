"""Forms: what is typed is checked beside its field and kept when it is refused."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .models import Entry, Status
from .models.fields import TEXT_LIMIT


class EntryForm(forms.Form):
    """One entry's content. `version` is the one the person saw; a newer one on the row refuses the save."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)
    status = forms.ChoiceField(label=_("Status"), choices=Status.choices, widget=forms.RadioSelect, required=False)
    percent = forms.IntegerField(
        label=_("Percent complete"),
        min_value=0,
        max_value=100,
        required=False,
        error_messages=dict.fromkeys(
            ["min_value", "max_value", "invalid"], _("A percentage is a whole number from 0 to 100.")
        ),
        widget=forms.NumberInput(attrs={"class": "form-control short", "inputmode": "numeric"}),
    )
    progress = forms.CharField(label=_("Progress in this period"), required=False, strip=False)
    problems = forms.CharField(label=_("Problems"), required=False, strip=False)
    next_steps = forms.CharField(label=_("Next steps"), required=False, strip=False)

    def __init__(self, *args: Any, entry: Entry, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = entry.content() | {"version": entry.version}
        self.entry = entry
        task = entry.assignment.task
        if not task.asks_percent:
            del self.fields["percent"]
        if not task.takes_texts:
            for name in Entry.TEXTS:
                del self.fields[name]
        for name, rows in (("progress", 5), ("problems", 3), ("next_steps", 3)):
            if name in self.fields:
                attrs = {"class": "form-control", "rows": rows, "maxlength": TEXT_LIMIT}
                self.fields[name].widget = forms.Textarea(attrs=attrs)
        if entry.assignment.standing:
            choices = [choice for choice in Status.choices if choice[0] != Status.COMPLETED]
            self.fields["status"] = forms.ChoiceField(
                label=_("Status"), choices=choices, widget=forms.RadioSelect, required=False
            )

    @property
    def content(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}

    def add_refusal(self, error: ValidationError) -> None:
        """Put a model's refusal beside the fields it names; what names no field here goes to the top."""
        for name, lines in error.message_dict.items():
            self.add_error(name if name in self.fields else None, lines)

    @property
    def faults(self) -> list[tuple[forms.BoundField, Any]]:
        """Every error with its field, for the count and the links at the top of the page."""
        return [(self[name], line) for name, lines in self.errors.items() if name in self.fields for line in lines]


class DecisionForm(forms.Form):
    """What a reviewer says. A reason is demanded by the transition itself where the rules ask for one."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)
    comment = forms.CharField(
        label=_("Review opinion"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )

    def add_refusal(self, error: ValidationError) -> None:
        for name, lines in error.message_dict.items():
            self.add_error(name if name in self.fields else None, lines)
