"""Workbooks that leave: written whole before anything of them is sent, and no cell longer than a program takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from tempfile import NamedTemporaryFile
from typing import Any

from django.utils.translation import gettext as _

LONGEST = 32_767  # UTF-16 units of a cell
PIECE = 64 * 1024


def pieces(write: Callable[[str], None]) -> Iterator[bytes]:
    """A workbook, written whole to a temporary file before anything of it leaves.

    The first piece is empty and says that the file is there: whoever asks for it meets what went wrong in writing
    while an error page can still be sent.
    """
    with NamedTemporaryFile(suffix=".xlsx") as file:
        write(file.name)
        yield b""
        while piece := file.read(PIECE):
            yield piece


def fitting(value: Any) -> Any:
    """A text as long as a cell takes: a spreadsheet calls a file with a longer one damaged."""
    if value.__class__ is not str or len(value) <= LONGEST // 2:
        return value
    told = value.encode("utf-16-le")
    if len(told) <= 2 * LONGEST:
        return value
    cut = _("…… (cut here; the CSV file has the whole)")
    return told[: 2 * (LONGEST - len(cut))].decode("utf-16-le", "ignore") + cut
