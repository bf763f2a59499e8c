"""The sheet as a file to be filled in away from the screen: one row an entry, as XLSX or CSV."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from .headlines import Figure
from .plan import Status
from .sheet_files import COLUMNS, READ_ONLY, TEXTS, figure_headings, system_number, takes
from .sheets import csv_of

if TYPE_CHECKING:
    from .entries import Entry

Value = str | int | Decimal | dt.date | None
WIDTHS = {"code": 8, "task": 42, "state": 10, "status": 13, "percent": 9, "progress": 44, "problems": 30}
WIDTHS |= {"next_steps": 30, "need": 30, "need_from": 16, "need_by": 13, "last_status": 13, "last_progress": 40}
FIGURE_WIDTH = 16
# What XML cannot hold, and what would be read as standing for such a thing.
UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
GREY, HEAD = PatternFill("solid", fgColor="EDEFF1"), PatternFill("solid", fgColor="DCE6EC")
HAIRLINE = Border(*[Side("thin", color="C9D0D6")] * 4)


class SheetFile:
    """Some entries as a table. A column that none of them takes is left out. `entries` as the sheet reads them."""

    def __init__(self, entries: Iterable[Entry], last: dict[int, Entry], *, notice: str = "") -> None:
        self.entries, self.last, self.notice = list(entries), last, notice
        figures: dict[int, Figure] = {figure.pk: figure for entry in self.entries for figure in entry.asked_figures}
        numbers = figure_headings(sorted(figures.values(), key=lambda figure: figure.position))
        self.headings: dict[str, str] = {}
        for name, told in COLUMNS.items():
            if name != "percent" or any(takes(entry, name) for entry in self.entries):
                self.headings[name] = str(told)
            if name == "need_by":
                self.headings |= numbers

    def values(self, entry: Entry) -> dict[str, Value]:
        last = self.last.get(entry.assignment_id)
        said: dict[str, Value] = {
            "code": entry.assignment.task.code,
            "task": entry.assignment.task.wording,
            "state": entry.get_state_display(),
            "status": entry.get_status_display(),
            "last_status": last.get_status_display() if last else "",
            "last_progress": last.progress if last else "",
            "number": system_number(entry),
        }
        said |= {name: getattr(entry, name) for name in (*TEXTS, "percent", "need_by")}
        return said | {f"figure_{pk}": value for pk, value in entry.figures.items()}

    def rows(self) -> Iterable[list[Value]]:
        for entry in self.entries:
            values = self.values(entry)
            yield [values.get(name) for name in self.headings]

    def as_csv(self) -> str:
        """Guarded as every file of ours; a number that a program would make a date of stays in the text it is."""
        after = [self.notice] if self.notice else []
        return csv_of([*self.headings.values(), *after], ([plainly(cell) for cell in row] for row in self.rows()))

    def as_workbook(self) -> bytes:
        book = Workbook()
        sheet: Any = book.active
        sheet.title = _("The sheet")
        self._write_header(sheet)
        for number, (entry, row) in enumerate(zip(self.entries, self.rows(), strict=True), start=2):
            for column, (name, value) in enumerate(zip(self.headings, row, strict=True), start=1):
                write(sheet.cell(number, column), name, value, grey=name in READ_ONLY or not takes(entry, name))
        self._offer_statuses(sheet)
        self._tell_how(book)
        return saved(book)

    def _write_header(self, sheet: Any) -> None:
        for column, (name, told) in enumerate([*self.headings.items(), ("", self.notice)], start=1):
            letter, cell = get_column_letter(column), sheet.cell(1, column)
            if not told:
                continue
            put(cell, told)
            cell.font, cell.fill, cell.border = Font(bold=True), HEAD, HAIRLINE
            cell.alignment = Alignment(wrap_text=True, vertical="center")
            sheet.column_dimensions[letter].width = WIDTHS.get(name, FIGURE_WIDTH)
            sheet.column_dimensions[letter].hidden = name == "number"
        sheet.freeze_panes = "C2"
        sheet.print_title_rows = "1:1"
        sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True

    def _offer_statuses(self, sheet: Any) -> None:
        """A list in the column's cells: a standing duty is never completed."""
        letter = get_column_letter(list(self.headings).index("status") + 1)
        for standing in (False, True):
            words = [str(status.label) for status in Status if not (standing and status == Status.COMPLETED)]
            rule = DataValidation("list", formula1='"' + ",".join(words) + '"', allow_blank=True, showErrorMessage=True)
            rule.error = _("Choose one of these: %(known)s.") % {"known": _(", ").join(words)}
            cells = [n for n, entry in enumerate(self.entries, start=2) if entry.assignment.standing == standing]
            for number in cells:
                rule.add(f"{letter}{number}")
            if cells:
                sheet.add_data_validation(rule)

    def _tell_how(self, book: Workbook) -> None:
        """A second leaf, for whoever has the file in hand and not the page."""
        leaf: Any = book.create_sheet(_("How to fill it in"))
        leaf.column_dimensions["A"].width = 100
        lines = [
            _("Fill in the white cells; the grey ones are to be read, or are not asked of the task."),
            _("Rows may be sorted or deleted, columns moved, added or hidden. The system number stays as it is."),
            _("An emptied cell empties what stood there; a deleted row or column leaves what stands as it is."),
            _("Then upload it on the page of the sheet: it shows what would change before anything is taken."),
            _("This is an unclassified system: never enter state secrets, work secrets or needless personal data."),
        ]
        for number, line in enumerate(lines, start=1):
            put(leaf.cell(number, 1), line)
            leaf.cell(number, 1).alignment = Alignment(wrap_text=True)


def write(cell: Cell, name: str, value: Value, *, grey: bool) -> None:
    """A text stays one whatever it looks like, and so does what is typed over it."""
    if isinstance(value, str):
        put(cell, value)
    elif value is not None:
        cell.value = value
    cell.number_format = {"percent": "General", "need_by": "yyyy-mm-dd"}.get(
        name, "@" if name in COLUMNS else "General"
    )
    cell.alignment, cell.border = Alignment(wrap_text=name != "number", vertical="top"), HAIRLINE
    if grey:
        cell.fill, cell.font = GREY, Font(color="5B6670")


def put(cell: Cell, text: str) -> None:
    cell.value = UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    cell.data_type = "s"  # "=1+1" is no formula, "#N/A" no error


def plainly(value: Value) -> str | int:
    """A value as a CSV file has it."""
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)


def saved(book: Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()
