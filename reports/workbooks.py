"""The ledger as a workbook to reckon with: one row a row, every value repeated, a filter over each column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _
from rustpy_xlsxwriter import Format, write_worksheet

from tracker.models import Status
from tracker.models.workbooks import fitting

from .columns import COLUMNS, Column, reader
from .rows import Row

MOST_ROWS = 1_048_575  # of a sheet, below its header
SYSTEM_NUMBER = next(column for column in COLUMNS if column.key == "system_number")
NUMBERS = ("number", "percent", "evidence")


def data_workbook(path: str, chunks: Iterator[list[Row]], columns: Sequence[Column], *, notice: str = "") -> None:
    """Flat in memory, in the active language. The system number is always there, hidden where nobody chose it: by it
    the file comes back in. The writer makes no formula of a text, so no text needs a guard."""
    hidden = [] if SYSTEM_NUMBER in columns and list(columns) != list(COLUMNS) else [SYSTEM_NUMBER]
    shown = [column for column in columns if column not in hidden]
    written = [*shown, *hidden]
    headers = [str(column.header) for column in written] + ([notice] if notice else [])
    widths = [float(column.width) for column in written] + [12.0]
    status = str(next(column.header for column in COLUMNS if column.key == "status"))
    write_worksheet(
        records(chunks, headers, written, [notice] if notice else []),
        path,
        sheet_name=_("Ledger"),
        freeze_row=1,
        autofilter=True,
        column_widths=widths[: len(headers)],
        header_format=Format().set_bold().set_background_color("#E8EDF2").set_border_bottom("thin"),
        ignore_errors=[str(column.header) for column in written if column.key not in NUMBERS],
        outline={"columns": [{"from": str(each.header), "to": str(each.header), "collapsed": True} for each in hidden]},
        data_validations={status: statuses()} if status in headers else {},
        page_setup={"landscape": True, "paper_size": 9, "repeat_rows": 0, "fit_to_pages": (1, 0)},
    )


def statuses() -> dict[str, Any]:
    """What may be put into the status column."""
    return {
        "type": "list",
        "values": [str(label) for label in Status.labels],
        "error_title": _("Status"),
        "error_message": _("This is not among the choices. Choose one from the list."),
    }


def records(
    chunks: Iterator[list[Row]], headers: list[str], columns: Sequence[Column], after: list[str]
) -> Iterator[dict[str, Any]]:
    """Rows by their headers, which the writer takes from the first; so there is one even where nothing was found."""
    read, empty = reader(columns), True
    for chunk in chunks:
        for row in chunk:
            empty = False
            yield dict(zip(headers, [*map(fitting, read(row)), *after], strict=True))
    if empty:
        yield dict.fromkeys(headers)
