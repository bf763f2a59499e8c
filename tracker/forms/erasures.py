"""Erasing a leaked text or file: what, and why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tracker.models import Entry, Erasure, Evidence, Instruction
from tracker.models.erasures import REASON_LIMIT, words_for
from tracker.models.instruction_erasing import NAMES, texts_of

from .fields import ModelRefusals


class WhyErased(ModelRefusals):
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
        help_text=_("It will stand where the text or file stood. Do not repeat what is to go."),
    )


class NoteErasureForm(WhyErased):
    """What of a leader's note is to be erased, and why."""

    field_order = ("texts", "reason")
    texts = forms.MultipleChoiceField(label=_("Texts"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, note: Instruction, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["texts"].choices = [(name, NAMES[name]) for name in texts_of(note)]


class ErasureForm(WhyErased):
    """What of an entry is to be erased, and why. Texts are chosen by field, in all versions handed in."""

    field_order = ("texts", "evidence", "reason")
    texts = forms.MultipleChoiceField(
        label=_("Texts, in all versions handed in"), required=False, widget=forms.CheckboxSelectMultiple
    )
    evidence = forms.ModelChoiceField(
        label=_("File"),
        queryset=Evidence.objects.none(),
        required=False,
        widget=forms.RadioSelect,
        blank=True,
        empty_label=_("no file"),
    )

    def __init__(self, *args: Any, entry: Entry, files: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["texts"].choices = [(name, words_for(name)) for name in Erasure.texts_of(entry)]
        fields["evidence"].queryset = files
        if not fields["texts"].choices:
            del fields["texts"]
        if not files:
            del fields["evidence"]
