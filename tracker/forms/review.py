"""What a reviewer says of many entries on one page, and the phrases kept for it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models import Entry, Phrase

from .entries import DecisionForm
from .fields import ModelRefusals

LONGEST = Phrase._meta.get_field("text").max_length


class QueuedForm(DecisionForm):
    """One entry of the queue: the page carries one for each, told apart by the key. A phrase chosen stands for a reason
    that was not typed."""

    phrase = forms.CharField(required=False, max_length=LONGEST)

    def __init__(self, data: Any = None, *, entry: Entry) -> None:
        super().__init__(data, prefix=f"e{entry.pk}", initial={"version": entry.version})
        self.fields["comment"].widget.attrs["aria-describedby"] = f"e{entry.pk}-fault"

    @property
    def reason(self) -> str:
        return self.cleaned_data["comment"].strip() or self.cleaned_data["phrase"]


class PhraseForm(ModelRefusals):
    text = forms.CharField(
        label=_("New phrase"),
        required=False,  # that something must be written is the record's to say
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2, "maxlength": LONGEST}),
    )
