"""Reading a table from a CSV or XLSX file that somebody else made: checked before it is opened, never trusted."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

import openpyxl
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.datetime import from_excel

from .sheets import rows_of, text_of, unguard

FILE_LIMIT = 3 * 1024 * 1024
UNPACKED_LIMIT = 60 * 1024 * 1024
RATIO_LIMIT = 150  # a member of an honest workbook shrinks to a tenth, a bomb to a thousandth
MEMBERS_LIMIT = 500
ROWS_LIMIT, COLUMNS_LIMIT = 5_000, 60
PARTS = {"[Content_Types].xml", "xl/workbook.xml"}
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the stream in which a workbook with a password lies
SERIALS = range(1, 73_415)  # days an Excel date may count: to the end of 2100
ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # how a workbook writes a character that XML cannot hold
WRITTEN = re.compile(r"(\d{4})\D{1,3}(\d{1,2})\D{1,3}(\d{1,2})\D{0,2}")  # 2026-11-22, 2026/11/22, with 年月日


class Cell(NamedTuple):
    """What stands in a cell: its text, and the day where it is one; `fault` says why it cannot be taken. `raw` is the
    text before what stands for other characters was read: LibreOffice saves a text that only looks like it so."""

    text: str
    day: dt.date | None = None
    fault: str = ""
    raw: str = ""


BLANK = Cell("")


class Line(NamedTuple):
    number: int  # as the program that made the file counts
    cells: list[Cell]

    @property
    def is_blank(self) -> bool:
        return not any(cell.text.strip() or cell.fault for cell in self.cells)


def read_table(content: bytes, *, limit: int = FILE_LIMIT, most: int = ROWS_LIMIT) -> list[Line]:
    """The rows that are not blank, of a CSV file or a workbook's first sheet. Raises ValidationError if it is none, or
    has more than `limit` bytes or `most` rows."""
    if not content:
        raise ValidationError(_("The file is empty."))
    if len(content) > limit:
        raise ValidationError(_("The file is larger than %d MB.") % (limit // 1024**2))
    if content.startswith(OLD_EXCEL):
        if ENCRYPTED in content:
            raise ValidationError(locked_words())
        words = _("This is an old or a protected Excel file. Save it as .xlsx without a password and try again.")
        raise ValidationError(words)
    lines = []
    for line in sheet_lines(content, most) if content.startswith(b"PK") else csv_lines(content):
        if line.number > most:
            raise ValidationError(_("The file has more than %d rows.") % most)
        if not line.is_blank:
            lines.append(line)
    return lines


# CSV.


def csv_lines(content: bytes) -> Iterator[Line]:
    text = text_of(content)
    if "\x00" in text:
        raise ValidationError(_("This is neither a CSV file in UTF-8 or GB18030 nor an .xlsx workbook."))
    for number, cells in rows_of(text):
        yield Line(number, [typed(cell) for cell in cells[:COLUMNS_LIMIT]])


def typed(text: str) -> Cell:
    """A cell of a CSV file. One `'` before what looks like a formula is the guard our own files put there."""
    if text.startswith("="):
        return Cell(text, fault=_("This is a formula. Write its value instead."))
    text = unguard(text)
    return Cell(text, day_in(text))


def day_in(text: str) -> dt.date | None:
    match = WRITTEN.fullmatch(text.strip())
    if match:
        try:
            return dt.date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return None
    serial = text.strip()
    if serial.isascii() and serial.isdecimal() and len(serial) == 5 and int(serial) in SERIALS:
        return from_excel(int(serial)).date()
    return None


# XLSX.


def sheet_lines(content: bytes, most: int) -> Iterator[Line]:
    """The first sheet's rows. Read as it is written, not as last computed: a formula is to be seen, and refused."""
    check_workbook(content)
    try:
        book = openpyxl.load_workbook(BytesIO(content), read_only=True, keep_links=False)
        sheet: Any = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size is not believed
        rows, epoch, lines = sheet.iter_rows(max_row=most + 1), book.epoch, []
        for number, row in enumerate(rows, start=1):
            cells = [cell_of(cell, epoch) for cell in row[:COLUMNS_LIMIT]]
            lines.append(Line(number, cells + [BLANK] * (COLUMNS_LIMIT - len(cells))))  # as long, to be merged into
        spread(lines, merged(content, sheet._worksheet_path))
        yield from lines
    except ValidationError:
        raise
    except Exception as error:  # a broken workbook fails in as many ways as there are
        raise ValidationError(_("This workbook cannot be read. Save it anew as .xlsx and try again.")) from error


def check_workbook(content: bytes) -> None:
    """What can be known before it is opened: that it is a workbook, how large it unpacks, and that it leads nowhere."""
    try:
        members = zipfile.ZipFile(BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ValidationError(_("This workbook cannot be read. Save it anew as .xlsx and try again.")) from error
    names = {member.filename for member in members}
    if not names >= PARTS:
        raise ValidationError(_("This is not an .xlsx workbook."))
    unpacked = sum(member.file_size for member in members)
    bloated = any(m.file_size > RATIO_LIMIT * max(m.compress_size, 1) and m.file_size > 1024**2 for m in members)
    if len(members) > MEMBERS_LIMIT or unpacked > UNPACKED_LIMIT or bloated:
        raise ValidationError(_("This workbook unpacks to far more than such a table needs, so it was not opened."))
    if any(member.flag_bits & 1 for member in members):
        raise ValidationError(locked_words())
    if any(name.startswith("xl/externalLinks/") for name in names):
        raise ValidationError(_("This workbook links to other files. Break the links, save it, and try again."))
    if any(name.endswith("vbaProject.bin") for name in names):
        raise ValidationError(_("This workbook has macros. Save it as .xlsx without them and try again."))


def locked_words() -> str:
    return _("This workbook is protected by a password. Save it without one and try again.")


def merged(content: bytes, path: str) -> list[tuple[int, int, int, int]]:
    """First column and row, last column and row of what is merged: openpyxl leaves it out where it only reads."""
    text = zipfile.ZipFile(BytesIO(content)).read(path).decode("utf-8", "replace")
    return [range_boundaries(ref) for ref in re.findall(r'<mergeCell ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"', text)]


def spread(lines: list[Line], ranges: list[tuple[int, int, int, int]]) -> None:
    """Put what stands in the corner of merged cells into each of them."""
    for left, top, right, bottom in ranges:
        if top > len(lines) or left > len(lines[top - 1].cells):
            continue
        corner = lines[top - 1].cells[left - 1]
        for line in lines[top - 1 : bottom]:
            for column in range(left - 1, min(right, len(line.cells))):
                line.cells[column] = corner


def cell_of(cell: Any, epoch: Any) -> Cell:
    value = cell.value
    if value is None:
        return BLANK
    if cell.data_type == "f":
        return Cell(str(value), fault=_("This is a formula. Write its value instead."))
    if cell.data_type == "e":
        return Cell(str(value), fault=_("This cell holds an error."))
    if isinstance(value, dt.datetime):
        return Cell(value.date().isoformat(), value.date())
    if isinstance(value, bool | dt.time | dt.timedelta | dt.date):
        return Cell(str(value))
    if isinstance(value, int | float):
        if "%" in (cell.number_format or ""):  # 0.45 that is shown as 45%
            return Cell(f"{round(value * 100, 10):.12g}%")
        text = str(int(value)) if value == int(value) and abs(value) < 1e15 else str(value)
        whole = int(value) if 10_000 <= value < SERIALS.stop and value == int(value) else None
        return Cell(text, from_excel(whole, epoch).date() if whole else None)
    text = ESCAPED.sub(unescaped, str(value))
    return Cell(text, day_in(text), raw=str(value))


def unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match[0] if "\ud800" <= character <= "\udfff" else character
