"""The files themselves: CSV and XLSX as they leave, and as they come back from any spreadsheet program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import tablib
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rustpy_xlsxwriter import Format, write_worksheet

from tracker.models.plan_files import Cell, Line, read_table
from tracker.models.sheet_files import FILE_LIMIT, HEADER_WITHIN
from tracker.models.sheets import meanings, plain
from tracker.models.workbooks import fitting

from .cells import Column
from .resource import NUMBER, RecordResource

MOST_ROWS = 50_000  # of a file that comes in, and of a workbook that leaves: as many as can come back
GREY, HEAD = "#EDEFF1", "#DCE6EC"
CHOICES_LIMIT = 255  # characters that a spreadsheet takes of a list in a cell

Chunks = Iterator[list[list[Any]]]


def write_book(path: str, title: str, columns: list[Column], chunks: Chunks, notice: str) -> None:
    """Flat in memory, in the active language. The writer makes no formula of a text, so none needs a guard; what is
    only to be read is grey, as on the sheet."""
    headers = [column.head for column in columns] + ([notice] if notice else [])
    write_worksheet(
        records(headers, chunks, [""] if notice else []),
        path,
        sheet_name=title[:31],
        freeze_row=1,
        autofilter=True,
        column_widths=[column.width for column in columns] + ([12.0] if notice else []),
        column_formats={column.head: look(column) for column in columns},
        header_format=Format().set_bold().set_background_color(HEAD).set_border_bottom("thin"),
        ignore_errors=[column.head for column in columns if column.widget.format == "@"],
        data_validations={column.head: offered(column) for column in columns if offers(column)},
        page_setup={"landscape": True, "paper_size": 9, "repeat_rows": 0, "fit_to_pages": (1, 0)},
    )


def look(column: Column) -> Format:
    shape = Format().set_num_format(column.widget.format)
    return shape.set_background_color(GREY) if column.readonly else shape


def offers(column: Column) -> bool:
    return not column.readonly and 0 < len(",".join(column.widget.choices)) <= CHOICES_LIMIT


def offered(column: Column) -> dict[str, Any]:
    return {
        "type": "list",
        "values": column.widget.choices,
        "error_title": column.head,
        "error_message": _("This is not among the choices. Choose one from the list."),
    }


def records(headers: list[str], chunks: Chunks, after: list[str]) -> Iterator[dict[str, Any]]:
    """Rows by their headers, which the writer takes from the first; so there is one even where nothing was found."""
    empty = True
    for chunk in chunks:
        for row in chunk:
            empty = False
            yield dict(zip(headers, [*map(fitting, row), *after], strict=True))
    if empty:
        yield dict.fromkeys(headers)


# In.


def read_dataset(content: bytes, resource: RecordResource) -> tuple[tablib.Dataset, list[str]]:
    """The rows by the columns' names, and what the columns that are none of ours are called. Raises ValidationError."""
    lines = read_table(content, limit=FILE_LIMIT, most=MOST_ROWS + HEADER_WITHIN)
    at, names = header_of(lines, resource)
    headers = [name for name in names if name]
    dataset = tablib.Dataset(headers=[NUMBER, *headers])
    for line in lines[at + 1 :]:
        cells = {name: cell for name, cell in zip(names, line.cells, strict=False) if name}
        row = [cells.get(name, Cell("")) for name in headers]
        if any(cell.text.strip() or cell.fault for cell in row):
            dataset.append([line.number, *row])
    if not len(dataset):
        raise ValidationError(_("There is no row below the header."))
    if len(dataset) > MOST_ROWS:
        raise ValidationError(_("The file has more than %d rows.") % MOST_ROWS)
    strange = [cell.text.strip() for name, cell in zip(names, lines[at].cells, strict=True) if not name]
    return dataset, [told for told in strange if told]


def header_of(lines: list[Line], resource: RecordResource) -> tuple[int, list[str]]:
    """Which line names the columns, and what it names: in either language, in any order."""
    known = meanings({name: field.label for name, field in resource.fields.items()})
    for at, line in enumerate(lines[:HEADER_WITHIN]):
        names = [known.get(plain(cell.text), "") for cell in line.cells]
        if set(resource.KEYS) <= set(names):
            for name, times in Counter(filter(None, names)).items():
                if times > 1:
                    told = line.cells[names.index(name)].text.strip()
                    raise ValidationError(_("The column “%(column)s” stands in the file twice.") % {"column": told})
            return at, names
    words = _("The first line must name these columns: %(columns)s. Take the file that is exported here; it has them.")
    told = _(", ").join(f"“{resource.fields[name].head}”" for name in resource.KEYS)
    raise ValidationError(words % {"columns": told})
