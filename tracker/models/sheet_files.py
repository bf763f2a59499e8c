"""The sheet as a file that comes back: which rows are whose, and what was changed in them.

What a cell says is settled here; whether the entry takes it is the entry's own to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .fields import refuse_unstorable
from .figures import field_name, read_number, written_number
from .headlines import Figure
from .moves import WRITABLE
from .plan import Status
from .plan_files import Cell, Line, read_table
from .sheets import in_every_language, meanings, plain

if TYPE_CHECKING:
    from .entries import Entry
    from .periods import Period

FILE_LIMIT = 10 * 1024 * 1024
ROWS_LIMIT = 20_000
HEADER_WITHIN = 10  # lines a title may take before the header

# The columns, in their order. Those of READ_ONLY are for the person who fills it in, and are not read back.
COLUMNS = {
    "code": gettext_lazy("Code"),
    "task": gettext_lazy("Task"),
    "state": gettext_lazy("Entry state"),
    "status": gettext_lazy("Status"),
    "percent": gettext_lazy("Percent complete"),
    "progress": gettext_lazy("Progress in this period"),
    "problems": gettext_lazy("Problems"),
    "next_steps": gettext_lazy("Next steps"),
    "need": gettext_lazy("What the level above is asked for"),
    "need_from": gettext_lazy("Whom it is asked of"),
    "need_by": gettext_lazy("Reply wanted by"),
    "last_status": gettext_lazy("Status last period"),
    "last_progress": gettext_lazy("Progress last period"),
    "number": gettext_lazy("System number"),
}
READ_ONLY = ("code", "task", "state", "last_status", "last_progress")
TEXTS = ("progress", "problems", "next_steps", "need", "need_from")
NUMBER = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})\.([0-9]{1,9})")
PERCENT = re.compile(r"([0-9]{1,9})(?:\.0+)?%?")


def system_number(entry: Entry) -> str:
    return f"{entry.assignment_id}-{entry.period_id}-{entry.pk}.{entry.version}"


def figure_headings(figures: Iterable[Figure]) -> dict[str, str]:
    """What the column of each figure is called, by the name its number is typed under."""
    figures = list(figures)
    headings = {field_name(figure.pk): f"{figure.name}（{figure.unit}）" for figure in figures}
    said = Counter(headings.values())
    slugs = {field_name(figure.pk): figure.slug for figure in figures}
    return {name: f"{told} {slugs[name]}" if said[told] > 1 else told for name, told in headings.items()}


# Reading.


class Row(NamedTuple):
    number: int  # as the program that made the file counts
    cells: dict[str, Cell]

    def text(self, name: str) -> str:
        return self.cells[name].text.strip() if name in self.cells else ""


class Table(NamedTuple):
    columns: dict[str, str]  # those the file has, and what it calls them
    rows: list[Row]


def read_sheet(content: bytes, figures: Iterable[Figure]) -> Table:
    """Columns in any order, in either language; those not ours are passed over. Raises ValidationError."""
    lines = read_table(content, limit=FILE_LIMIT, most=ROWS_LIMIT)
    known = {plain(told): name for name, said in COLUMNS.items() for told in in_every_language(said)}
    known |= {plain(told): name for name, told in figure_headings(figures).items()}
    at, names = header_of(lines, known)
    columns = {name: cell.text.strip() for name, cell in zip(names, lines[at].cells, strict=True) if name}
    rows = []
    for line in lines[at + 1 :]:
        cells = dict.fromkeys(columns, Cell(""))
        cells |= {name: cell for name, cell in zip(names, line.cells, strict=False) if name}
        if any(cell.text.strip() or cell.fault for cell in cells.values()):
            rows.append(Row(line.number, cells))
    if not rows:
        raise ValidationError(_("There is no row below the header."))
    return Table(columns, rows)


def header_of(lines: list[Line], known: dict[str, str]) -> tuple[int, list[str]]:
    """Which line names the columns, and what it names."""
    for at, line in enumerate(lines[:HEADER_WITHIN]):
        names = [known.get(plain(cell.text), "") for cell in line.cells]
        if "number" in names:
            for name, times in Counter(filter(None, names)).items():
                if times > 1:
                    told = line.cells[names.index(name)].text.strip()
                    raise ValidationError(_("The column “%(column)s” stands in the file twice.") % {"column": told})
            return at, names
    words = _("The column “%(column)s” is missing. Fill in the file that is downloaded here; it has it, hidden.")
    raise ValidationError(words % {"column": COLUMNS["number"]})


# Matching.


class Refusal(NamedTuple):
    """What cannot be taken, and where; without a column the whole row is."""

    number: int
    code: str
    column: str
    message: str


class Change(NamedTuple):
    column: str
    old: str
    new: str


class Changed(NamedTuple):
    """A row that says something new: `typed` is what would be typed on the screen, by the field's name."""

    number: int
    entry: Entry
    version: int
    typed: dict[str, str]
    changes: list[Change]


class Matching:
    """The rows of a file beside the entries they are of. No query."""

    def __init__(self, table: Table, entries: Iterable[Entry], period: Period) -> None:
        self.table, self.period = table, period
        self.entries = {entry.pk: entry for entry in entries}
        self.refused: list[Refusal] = []
        self.changed: list[Changed] = []
        self.unchanged: list[Entry] = []
        seen: dict[int, int] = {}
        for row in table.rows:
            self._match(row, seen)

    def refuse(self, row: Row, message: Any, column: str = "") -> None:
        told = self.table.columns.get(column, "")
        self.refused.append(Refusal(row.number, row.text("code")[:20], told, str(message)))

    def _match(self, row: Row, seen: dict[int, int]) -> None:
        found = self._find(row)
        if found is None:
            return None
        entry, version = found
        if seen.setdefault(entry.pk, row.number) != row.number:
            words = _("The same system number stands in row %(number)d.")
            return self.refuse(row, words % {"number": seen[entry.pk]}, "number")
        typed, changes, faults = self._compare(row, entry)
        if not typed and not faults:
            self.unchanged.append(entry)
        elif why := unwritable(entry, version):
            self.refuse(row, why)
        elif faults:
            for name, message in faults.items():
                self.refuse(row, message, name)
        else:
            self.changed.append(Changed(row.number, entry, version, typed, changes))
        return None

    def _find(self, row: Row) -> tuple[Entry, int] | None:
        """The entry a row is of, and in which version; refused where it is none of these."""
        said = unicodedata.normalize("NFKC", row.text("number"))
        match = NUMBER.fullmatch(said)
        if not said:
            self.refuse(row, _("This row has no system number, so nobody knows what it is of. Delete it."), "number")
        elif not match:
            words = _("This is no system number of the downloaded file; it must stay as it was.")
            self.refuse(row, words, "number")
        elif int(match[2]) != self.period.pk:
            self.refuse(row, _("This row is of another period."), "number")
        else:
            entry = self.entries.get(int(match[3]))
            if entry and entry.assignment_id == int(match[1]) and int(match[4]) <= entry.version:
                return entry, int(match[4])
            self.refuse(row, _("This is nothing that your organization owes in this period."), "number")
        return None

    def _compare(self, row: Row, entry: Entry) -> tuple[dict[str, str], list[Change], dict[str, Any]]:
        """What the row says anew, as it would be typed and as it is read, and which cells say what cannot be."""
        typed, changes, faults = dict[str, str](), list[Change](), dict[str, Any]()
        for name, cell in row.cells.items():
            if name in READ_ONLY or name == "number":
                continue
            try:
                said = read_cell(name, cell)
                old = stands(entry, name)
                if said != old and not (old and one_line_end(cell.raw) == old):
                    refuse_unasked(entry, name, said)
                    typed[name] = said
                    changes.append(Change(self.table.columns[name], shown(name, old), shown(name, said)))
            except ValidationError as error:
                faults[name] = error.messages[0]
        return typed, changes, faults


def unwritable(entry: Entry, version: int) -> str:
    """Why this row's changes cannot be taken, whatever they are; nothing where they can."""
    if version < entry.version:
        words = _(
            "Since the file was downloaded this was changed by %(who)s at %(at)s. Download it anew, or delete this row."
        )
        at = timezone.localtime(entry.saved_at).strftime("%Y-%m-%d %H:%M") if entry.saved_at else "—"
        return words % {"who": entry.saved_by or "—", "at": at}
    if entry.state not in WRITABLE:
        words = _("This is “%(state)s” and can be changed no more. Withdraw it first, or delete this row.")
        return words % {"state": entry.get_state_display()}
    return "" if entry.can_write else entry.locked_words()


# Cells: as they would be typed, and as they stand.


def read_cell(name: str, cell: Cell) -> str:
    """What a cell says, as it would be typed into the box on the screen. Raises ValidationError."""
    if cell.fault:
        raise ValidationError(cell.fault)
    if name in TEXTS:
        text = one_line_end(cell.text)
        refuse_unstorable(text)
        return text if text.strip() else ""
    text = unicodedata.normalize("NFKC", cell.text).strip()
    if not text or (name == "status" and text in ("-", "—")):
        return ""
    if name == "status":
        return read_status(text)
    if name == "percent":
        return read_percent(text)
    if name == "need_by":
        if cell.day is None:
            raise ValidationError(_("This is no day. Write it as 2026-11-22."))
        return cell.day.isoformat()
    return typed_number(read_number(text))


def read_status(text: str) -> str:
    status = meanings(dict(Status.choices)).get(plain(text))
    if status is None:
        words = _("This is none of the statuses: %(known)s.")
        raise ValidationError(words % {"known": _(", ").join(str(status.label) for status in Status)})
    return status


def read_percent(text: str) -> str:
    match = PERCENT.fullmatch(text)
    if not match or int(match[1]) > 100:
        raise ValidationError(_("A percentage is a whole number from 0 to 100."))
    return str(int(match[1]))


def typed_number(value: Decimal | None) -> str:
    return "" if value is None else written_number(value).replace(",", "")


def one_line_end(text: str) -> str:
    """Programs end lines in their own ways; that is no change."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def stands(entry: Entry, name: str) -> str:
    """What the entry says there now, as `read_cell` gives it."""
    if name in COLUMNS:
        value = getattr(entry, name)
        text = "" if value is None else one_line_end(str(value))
        return text if text.strip() else ""
    return typed_number({field_name(pk): value for pk, value in entry.figures.items()}.get(name))


def shown(name: str, said: str) -> str:
    if name == "status":
        return str(dict(Status.choices).get(said, ""))
    return f"{said}%" if name == "percent" and said else said


def refuse_unasked(entry: Entry, name: str, said: str) -> None:
    """The screen has no box for it, so the file takes nothing there. Raises ValidationError."""
    if name == "status" and said == Status.COMPLETED and entry.assignment.standing:
        raise ValidationError(_("A standing duty goes on; it is not reported as completed."))
    if not said or takes(entry, name):
        return
    if name == "percent":
        raise ValidationError(_("This task is not measured in percent; leave it empty."))
    if name in TEXTS:
        raise ValidationError(_("Only the status of this task is reported; texts are not taken."))
    raise ValidationError(_("This figure is none of this task’s; leave it empty."))


def takes(entry: Entry, name: str) -> bool:
    """Whether the entry has such a cell."""
    if name == "percent":
        return entry.assignment.asks_percent
    if name in TEXTS:
        return entry.assignment.task.takes_texts
    return name in COLUMNS or name in {field_name(figure.pk) for figure in entry.asked_figures}
