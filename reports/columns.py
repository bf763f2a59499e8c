"""The ledger's columns, defined once for the page and the file, and how the file is written (design §6)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils import translation
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from .ledger import Row


class Column(NamedTuple):
    """`path` leads from a `Row` to the value: a text, a number, or None."""

    key: str
    header: _StrPromise
    path: str

    def value(self, row: Row) -> str | int | None:
        return attrgetter(self.path)(row)


COLUMNS = (
    Column("number", _("No."), "number"),
    Column("area", _("Work area"), "task.area"),
    Column("heading", _("Heading"), "task.heading"),
    Column("code", _("Code"), "task.code"),
    Column("task", _("Task"), "task.wording"),
    Column("standard", _("Completion standard"), "standard"),
    Column("organization", _("Organization"), "body.name"),
    Column("parent", _("Parent organization"), "body.parent"),
    Column("owner", _("Lead organization"), "task.owner"),
    Column("cooperating", _("Cooperating organizations"), "cooperating"),
    Column("leader", _("Leader in charge"), "leader"),
    Column("responsible", _("Person responsible"), "responsible"),
    Column("telephone", _("Telephone"), "body.telephone"),
    Column("due", _("Due"), "due"),
    Column("status", _("Status"), "status_word"),
    Column("percent", _("Percent"), "percent"),
    Column("light", _("Light"), "light_word"),
    Column("reason", _("Light reason"), "reason"),
    Column("state", _("Entry state"), "state_word"),
    Column("progress", _("Progress in this period"), "progress"),
    Column("problems", _("Problems"), "problems"),
    Column("next_steps", _("Next steps"), "next_steps"),
    Column("evidence", _("Pieces of evidence"), "evidence"),
    Column("reported_by", _("Reported by"), "reported_by"),
    Column("reported_at", _("Reported at"), "reported_at"),
    Column("reviewed_by", _("Reviewed by"), "reviewed_by"),
    Column("opinion", _("Review opinion"), "opinion"),
    Column("struck_off_on", _("Struck off on"), "struck_off_on"),
    Column("system_number", _("System number"), "system_number"),
)
ON_PAGE = ("code", "task", "organization", "light", "status", "percent", "progress", "state")


def on_page() -> list[Column]:
    return sorted((column for column in COLUMNS if column.key in ON_PAGE), key=lambda column: ON_PAGE.index(column.key))


# The formula guard. A spreadsheet runs a cell that begins like this, so one apostrophe is put before it; a text that
# would read as guarded gets one too, which makes taking it off exact.
RISKY = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")
STARTS = frozenset("'=+-@\t\r")


def guard(text: str) -> str:
    return "'" + text if RISKY.match(text) else text


def unguard(text: str) -> str:
    """The inverse of `guard`, for the way back in."""
    return text[1:] if GUARDED.match(text) else text


class Lines(list[str]):
    """What `csv.writer` writes to: keeps the lines until they are sent."""

    write = list.append


def csv_file(chunks: Iterator[list[Row]], *, language: str, notice: str = "") -> Iterator[str]:
    """The ledger as a file, a chunk at a time: UTF-8 with BOM, RFC 4180.

    Made after the view has returned, so the language is put on for each chunk. A `notice` becomes one more column,
    because a file leaves the page that says it. What goes wrong on the way raises, and the file ends unfinished.
    """
    cells = attrgetter(*(column.path for column in COLUMNS))
    after: list[Any] = [notice] if notice else []
    lines = Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    with translation.override(language):
        writer.writerow([*(str(column.header) for column in COLUMNS), *after])
    yield "\ufeff" + lines.pop()
    while True:
        with translation.override(language):
            chunk = next(chunks, None)
        if chunk is None:
            return
        for row in chunk:
            # The first character settles nearly every cell without a call.
            said = [guard(cell) if cell.__class__ is str and cell[:1] in STARTS else cell for cell in cells(row)]
            writer.writerow(said + after)
        yield "".join(lines)
        lines.clear()
