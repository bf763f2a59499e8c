"""The ledger's columns, defined once for the page and the file, and how the file is written (design §6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from tracker.models.sheets import STARTS, guard

from .rows import Row

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


T = TypeVar("T")


class Column(NamedTuple):
    """`path` leads from a `Row` to the value: a text, a number, or None. `width` is in characters of a spreadsheet."""

    key: str
    header: _StrPromise
    path: str
    width: int

    def value(self, row: Row) -> str | int | None:
        return attrgetter(self.path)(row)


COLUMNS = (
    Column("number", _("No."), "number", 6),
    Column("area", _("Work area"), "task.area", 24),
    Column("heading", _("Heading"), "task.heading", 28),
    Column("code", _("Code"), "task.code", 8),
    Column("task", _("Task"), "task.wording", 50),
    Column("standard", _("Completion standard"), "standard", 30),
    Column("organization", _("Organization"), "body.name", 24),
    Column("parent", _("Parent organization"), "body.parent", 20),
    Column("owner", _("Lead organization"), "task.owner", 20),
    Column("cooperating", _("Cooperating organizations"), "cooperating", 24),
    Column("leader", _("Leader in charge"), "leader", 10),
    Column("responsible", _("Person responsible"), "responsible", 10),
    Column("telephone", _("Telephone"), "body.telephone", 14),
    Column("due", _("Due"), "course.due", 12),
    Column("status", _("Status"), "course.status_word", 12),
    Column("percent", _("Percent"), "course.percent", 8),
    Column("light", _("Light"), "course.light_word", 8),
    Column("reason", _("Light reason"), "course.reason", 24),
    Column("state", _("Entry state"), "course.state_word", 10),
    Column("progress", _("Progress in this period"), "report.progress", 50),
    Column("problems", _("Problems"), "report.problems", 36),
    Column("next_steps", _("Next steps"), "report.next_steps", 36),
    Column("evidence", _("Pieces of evidence"), "report.evidence", 8),
    Column("reported_by", _("Reported by"), "report.reported_by", 12),
    Column("reported_at", _("Reported at"), "report.reported_at", 17),
    Column("reviewed_by", _("Reviewed by"), "report.reviewed_by", 12),
    Column("opinion", _("Review opinion"), "report.opinion", 24),
    Column("struck_off_on", _("Struck off on"), "struck_off_on", 12),
    Column("system_number", _("System number"), "system_number", 16),
)
ON_PAGE = ("code", "task", "organization", "light", "status", "percent", "progress", "state")


def on_page() -> list[Column]:
    return sorted((column for column in COLUMNS if column.key in ON_PAGE), key=lambda column: ON_PAGE.index(column.key))


def chosen(keys: Iterable[str], otherwise: Iterable[Column] = COLUMNS) -> list[Column]:
    """The columns somebody chose, in the order of the design; `otherwise` where none was."""
    return [column for column in COLUMNS if column.key in keys] or list(otherwise)


def reader(columns: Sequence[Column]) -> Callable[[Row], tuple[Any, ...]]:
    """What a row says in these columns, in one call."""
    paths = [column.path for column in columns]
    if len(paths) > 1:
        return attrgetter(*paths)
    return lambda row: tuple(column.value(row) for column in columns)


def csv_file(
    chunks: Iterator[list[bytes]], *, language: str, notice: str = "", columns: Sequence[Column] = COLUMNS
) -> Iterator[bytes]:
    """The ledger as a file, a chunk of lines at a time: UTF-8 with BOM, RFC 4180.

    Made after the view has returned, so the language is put on for each chunk. A `notice` becomes one more column,
    because a file leaves the page that says it. What goes wrong on the way raises, and the file ends unfinished.
    """
    with translation.override(language):
        header = [str(column.header) for column in columns]
    after = [notice] if notice else []
    end = ",".join(["", *map(cell, after)]).encode() + b"\r\n"
    yield ("\ufeff" + ",".join(map(cell, header + after)) + "\r\n").encode()
    for lines in spoken(chunks, language):
        yield end.join([*lines, b""])


def spoken(chunks: Iterator[T], language: str) -> Iterator[T]:
    """Each chunk made in this language, whatever is active when it is asked for."""
    while True:
        with translation.override(language):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def cell(value: Any) -> str:
    """A value as RFC 4180 writes it, a text guarded. The first character settles nearly every text without a call."""
    if value.__class__ is not str:
        return "" if value is None else str(value)
    text: str = value
    if text[:1] in STARTS:
        text = guard(text)
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
