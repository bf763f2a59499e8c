"""The sheet's file on its way back: chosen, looked over, and held against the screen's own form of each row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tracker.models import Entry, Period
from tracker.models.figures import Jump
from tracker.models.sheet_files import FILE_LIMIT, Changed, Matching, Refusal, read_sheet

from .figures import plain, tick_name
from .sheet import RowForm


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("The file you filled in"),
        widget=forms.FileInput(attrs={"class": "form-control", "accept": ".xlsx,.csv"}),
        error_messages={"required": _("Choose the file first."), "empty": _("The file is empty.")},
    )

    def clean_file(self) -> bytes:
        file = self.cleaned_data["file"]
        if file.size > FILE_LIMIT:
            raise ValidationError(_("The file is larger than %d MB.") % (FILE_LIMIT // 1024**2))
        content: bytes = file.read()
        return content


@dataclass(frozen=True)
class Doubt:
    """A number of the file that looks like a slip, and the tick that says it is none."""

    row: Changed
    column: str
    jump: Jump
    name: str  # of the tick, as the screen's own
    ticked: bool

    @property
    def value(self) -> str:
        return plain(self.jump.value)


class Preview:
    """What a file would do to these entries: `changed` would be taken, `refused` keeps all of it back, `lacking` says
    what is not there yet to submit, and `doubts` are to be ticked before. Raises ValidationError where it is no such
    file.

    `entries` are the sheet's, and know their last numbers: no query of its own but for those of blocked rows. `ticks`
    are what was ticked on the page, by name.
    """

    def __init__(
        self, content: bytes, entries: list[Entry], period: Period, ticks: Mapping[str, str] | None = None
    ) -> None:
        self.ticks = ticks or {}
        figures = {figure.pk: figure for entry in entries for figure in entry.asked_figures}
        matching = Matching(read_sheet(content, figures.values()), entries, period)
        self.columns, self.unchanged = matching.table.columns, matching.unchanged
        self.today = timezone.localdate()
        self.changed, self.refused = list[Changed](), list(matching.refused)
        for row in matching.changed:
            faults = self.faults(row, submitting=False)
            self.refused += faults
            if not faults:
                self.changed.append(row)
        self.refused.sort(key=lambda refusal: refusal.number)

    @cached_property
    def lacking(self) -> list[Refusal]:
        return [fault for row in self.changed for fault in self.faults(row, submitting=True)]

    @cached_property
    def doubts(self) -> list[Doubt]:
        return [doubt for row in self.changed for doubt in self._doubts(row)]

    @property
    def unconfirmed(self) -> list[Doubt]:
        return [doubt for doubt in self.doubts if not doubt.ticked]

    def _doubts(self, row: Changed) -> Iterator[Doubt]:
        """Also of a number that stands there, is not in the file, and was not ticked before."""
        if not row.entry.asked_figures:
            return
        form = form_of(row)
        content = form.figure_content if form.is_valid() else {}
        last = row.entry.last_figures() if content else {}
        for name, figure in form.numbered.items():
            value = content["figures"][figure.pk] if content else None
            if value is None or content["confirmed"][figure.pk] is not None:
                continue
            if jump := Jump.of(figure, last.get(figure.pk), value):
                tick = form.add_prefix(tick_name(figure.pk))
                ticked = self.ticks.get(tick) == plain(value)
                yield Doubt(row, str(self.columns.get(name, figure.name)), jump, tick, ticked)

    @property
    def mark(self) -> str:
        """Of what would be taken: another mark, and it is not what was looked at."""
        said = [(row.entry.pk, row.version, sorted(row.typed.items())) for row in self.changed]
        return hashlib.blake2s(repr(said).encode(), digest_size=16).hexdigest()

    def forms(self) -> list[RowForm]:
        return [form_of(row, [doubt for doubt in self._doubts(row) if doubt.ticked]) for row in self.changed]

    def faults(self, row: Changed, *, submitting: bool) -> Iterable[Refusal]:
        """By the form and the entry themselves, as if it were typed on the screen. Doubts are told apart."""
        form = form_of(row, self._doubts(row) if submitting else ())
        if form.is_valid() and (not submitting or form.looks_clean(row.entry.file_names())):
            try:
                row.entry.checked({"no_change": False} | form.content, complete=submitting, day=self.today)
            except ValidationError as error:
                form.add_refusal(error)
        labels: dict[str, Any] = {name: form[name].label for name in form.fields}
        code = row.entry.assignment.task.code
        return [
            Refusal(row.number, code, str(self.columns.get(name, labels.get(name, ""))), str(line))
            for name, lines in form.errors.items()
            for line in lines
        ]


def form_of(row: Changed, right: Iterable[Doubt] = ()) -> RowForm:
    """The row as the screen would send it: what stands, and over it what the file says; `right` is ticked."""
    data = QueryDict(mutable=True)
    for name, said in (RowForm(entry=row.entry).values | row.typed | {"version": str(row.version)}).items():
        data[f"e{row.entry.pk}-{name}"] = said
    for doubt in right:
        data[doubt.name] = doubt.value
    return RowForm(data, entry=row.entry)
