"""The ledger as a workbook to print: a title, areas and headings merged, A4 landscape, lights in word and colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from tracker.models import Light
from tracker.models.sheet_writing import put
from tracker.models.workbooks import fitting

from .columns import COLUMNS, Column
from .rows import Row
from .workbooks import NUMBERS

MOST_ROWS = 5_000  # more is no document any more: some hundreds of sheets of paper
USUAL = "number area heading code task organization due status percent light state progress".split()  # noqa: SIM905
MERGED = ("area", "heading")
CENTRED = (*NUMBERS, "code", "due", "status", "light", "state", "reported_at", "struck_off_on")
HEADER_ROW = 3
A4 = 9  # as the format numbers papers
COLOURS = {  # of a light: behind its word, and the word's own
    Light.RED: ("FBD5D2", "9C1F17"),
    Light.YELLOW: ("FDEBB8", "6E4800"),
    Light.GREEN: ("D3ECD5", "1E5A22"),
    Light.GREY: ("E5E7EB", "4B5563"),
    Light.BLUE: ("D2E4F8", "0D4A94"),
}
LINE = Side(style="thin", color="9AA5B1")
BOX = Border(left=LINE, right=LINE, top=LINE, bottom=LINE)
TOP = Alignment(vertical="top", wrap_text=True)
CENTRE = Alignment(horizontal="center", vertical="top", wrap_text=True)
MIDDLE = Alignment(horizontal="center", vertical="center", wrap_text=True)
LIT = {light: PatternFill("solid", fgColor=behind) for light, (behind, _word) in COLOURS.items()}
WORD = {light: Font(size=10, bold=True, color=word) for light, (_behind, word) in COLOURS.items()}
HEADED = PatternFill("solid", fgColor="E8EDF2")
TEXT, BOLD = Font(size=10), Font(size=10, bold=True)


class Heads(NamedTuple):
    """What stands around the table."""

    title: str
    below: str  # whose rows, which, how many, as of when
    left: str  # of the foot
    right: str


def usual() -> list[Column]:
    return [column for column in COLUMNS if column.key in USUAL]


def width(column: Column) -> int:
    """What wraps may be narrower than on a screen; what does not, not."""
    return column.width if column.width <= 14 else max(14, round(column.width * 0.6))


def printed_workbook(path: str, chunks: Iterator[list[Row]], columns: Sequence[Column], heads: Heads) -> None:
    """In the active language. A row is written when it comes, the merged cells are told at the end."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Ledger"))
    last = get_column_letter(len(columns))
    for at, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(at)].width = width(column)
    sheet.freeze_panes = f"A{HEADER_ROW + 1}"
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", A4
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.print_options.horizontalCentered = True
    sheet.oddFooter.left.text, sheet.oddFooter.right.text = footed(heads.left), footed(heads.right) or None
    sheet.oddFooter.center.text = _("Page %(page)s of %(pages)s") % {"page": "&P", "pages": "&N"}
    sheet.row_dimensions[1].height = sheet.row_dimensions[2].height = 30
    sheet.append([cell(sheet, heads.title, font=Font(size=16, bold=True), alignment=MIDDLE)])
    sheet.append([cell(sheet, heads.below, font=TEXT, alignment=Alignment(vertical="center", wrap_text=True))])
    sheet.append([boxed(sheet, str(column.header), BOLD, MIDDLE, HEADED) for column in columns])
    merged = [f"A{row}:{last}{row}" for row in (1, 2)] if len(columns) > 1 else []
    rows = (row for chunk in chunks for row in chunk)
    for each in [*merged, *body(sheet, rows, columns)]:
        sheet.merged_cells.add(each)
    book.save(path)


def body(sheet: Any, rows: Iterable[Row], columns: Sequence[Column]) -> list[str]:
    """Write the rows; returns the ranges of cells that say the same all the way down."""
    merged: list[str] = []
    began: dict[str, tuple[int, tuple[str, str]]] = {}
    number = HEADER_ROW

    def end(key: str) -> None:
        first, _said = began.pop(key)
        if number > first:
            letter = get_column_letter([column.key for column in columns].index(key) + 1)
            merged.append(f"{letter}{first}:{letter}{number}")

    merging = [column.key for column in columns if column.key in MERGED]
    for row in rows:
        said = {"area": (row.task.area, ""), "heading": (row.task.area, row.task.heading)}
        goes_on = [key for key in merging if key in began and began[key][1] == said[key]]
        for key in [key for key in began if key not in goes_on]:
            end(key)
        number += 1
        began |= {key: (number, said[key]) for key in merging if key not in goes_on}
        sheet.append([written(sheet, row, column, blank=column.key in goes_on) for column in columns])
    for key in list(began):
        end(key)
    return merged


def written(sheet: Any, row: Row, column: Column, *, blank: bool) -> WriteOnlyCell:
    if column.key == "light" and row.course.light:
        light = Light(row.course.light)
        return boxed(sheet, row.course.light_word, WORD[light], CENTRE, LIT[light])
    value = None if blank else column.value(row)
    if column.key == "percent" and value is not None:
        value = f"{value}%"
    return boxed(sheet, value, TEXT, CENTRE if column.key in CENTRED else TOP)


def boxed(sheet: Any, value: Any, font: Font, alignment: Alignment, fill: PatternFill | None = None) -> WriteOnlyCell:
    made = cell(sheet, value, font=font, alignment=alignment)
    made.border = BOX
    if fill:
        made.fill = fill
    return made


def cell(sheet: Any, value: Any, *, font: Font, alignment: Alignment) -> WriteOnlyCell:
    """A text is written as one, whatever it begins with and holds."""
    made = WriteOnlyCell(sheet)
    if isinstance(value, str):
        put(made, fitting(value))
    else:
        made.value = value
    made.font, made.alignment = font, alignment
    return made


def footed(text: str) -> str:
    """In a foot & begins a code."""
    return text.replace("&", "&&")
