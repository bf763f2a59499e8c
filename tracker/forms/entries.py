"""What is reported, and what is decided on it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tracker.models import Entry, Status
from tracker.models.fields import TEXT_LIMIT

from .fields import DayField, DayInput, ModelRefusals
from .figures import FiguredForm
from .looking import LookedThrough


class EntryForm(LookedThrough, FiguredForm):
    """One entry's content. `version` is the one the person saw; a newer one on the row refuses the save."""

    ASIDE: tuple[str, ...] = ("version", "looked_through")  # fields that go with the content and are not part of it
    LOOKED = Entry.WORDS

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
    need = forms.CharField(label=_("What the level above is asked for"), required=False, strip=False)
    need_from = forms.CharField(
        label=_("Whom it is asked of"),
        required=False,
        max_length=120,
        widget=forms.TextInput(
            attrs={"class": "form-control", "placeholder": pgettext_lazy("asked of", "The level above")}
        ),
    )
    need_by = DayField(
        label=_("Reply wanted by"), required=False, widget=DayInput(attrs={"class": "form-control short"})
    )

    def __init__(self, *args: Any, entry: Entry, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = entry.content() | {"version": entry.version}
        self.entry = entry
        task = entry.assignment.task
        if not entry.assignment.asks_percent:
            del self.fields["percent"]
        if not task.takes_texts:
            for name in Entry.WORDS:
                del self.fields[name]
        for name, rows in (("progress", 5), ("problems", 3), ("next_steps", 3), ("need", 3)):
            if name in self.fields:
                attrs = {"class": "form-control", "rows": rows, "maxlength": TEXT_LIMIT}
                self.fields[name].widget = forms.Textarea(attrs=attrs)
        self.add_figures()
        if entry.assignment.standing:
            choices = [choice for choice in Status.choices if choice[0] != Status.COMPLETED]
            self.fields["status"] = forms.ChoiceField(
                label=_("Status"), choices=choices, widget=forms.RadioSelect, required=False
            )

    @property
    def asking(self) -> list[forms.BoundField]:
        """What is asked of the level above, where the status is that it needs coordination."""
        return [self[name] for name in Entry.ASKING if name in self.fields]

    @property
    def asking_open(self) -> bool:
        """Whether these are to be seen at once."""
        said = any(field.errors or field.value() for field in self.asking)
        return said or self["status"].value() == Status.BLOCKED

    @property
    def content(self) -> dict[str, Any]:
        """What is said, with line ends as they are stored, whichever way the browser sent them; a percent drafted while
        it was asked for goes when it no longer is."""
        aside = {*self.ASIDE, *self.figure_names}
        said = {name: value for name, value in self.cleaned_data.items() if name not in aside}
        stored = {n: value.replace("\r\n", "\n") if isinstance(value, str) else value for n, value in said.items()}
        return {"percent": None} | stored | self.figure_content

    @property
    def faults(self) -> list[tuple[forms.BoundField, Any]]:
        """Every error with its field, for the count and the links at the top of the page."""
        return [(self[name], line) for name, lines in self.errors.items() if name in self.fields for line in lines]


class DecisionForm(ModelRefusals):
    """What a reviewer says. A reason is demanded by the transition itself where the rules ask for one."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)
    comment = forms.CharField(
        label=_("Review opinion"),
        required=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )
