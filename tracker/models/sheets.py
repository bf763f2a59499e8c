"""CSV as offices send it: any Chinese encoding, any line ends, every fault named by its line; and as we write it.

What we write a spreadsheet reads, and runs nothing in it.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext as _

# The formula guard. A spreadsheet runs a cell that begins like this, so one apostrophe is put before it; a text that
# would read as guarded gets one too, which makes taking it off exact.
RISKY = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")
STARTS = frozenset("'=+-@\t\r")  # what a text the guard looks at begins with

# A cell that is far too long is read, so that its column can be named; the standard limit would only name its line.
csv.field_size_limit(2**31 - 1)


def guard(text: str) -> str:
    return "'" + text if RISKY.match(text) else text


def unguard(text: str) -> str:
    """The inverse of `guard`, for the way back in."""
    return text[1:] if GUARDED.match(text) else text


# Reading.


def text_of(content: bytes) -> str:
    """UTF-8 as any program writes it, UTF-16 as some do, else GB18030 (and with it GBK) as Chinese Windows does."""
    encodings = ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValidationError(_("The file is neither UTF-8 nor GB18030. Save it as CSV UTF-8 and try again."))


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row as it stands, with the line it begins on. Raises ValidationError naming the line that is no CSV."""
    lines = csv.reader(StringIO(text, newline=""), strict=True)
    while True:
        number = lines.line_num + 1
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            message = _("Line %(line)d cannot be read as CSV: %(why)s.")
            raise ValidationError(message % {"line": number, "why": error}) from error
        yield number, cells


def lines_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The same, its cells stripped and unguarded; blank lines are passed over."""
    for number, row in rows_of(text):
        if any(cells := [unguard(cell.strip()) for cell in row]):
            yield number, cells


# Words. A file need not speak its reader's language, nor keep to our spelling.


def in_every_language(said: Any) -> list[str]:
    """A text of ours, as a Chinese and as an English file may write it."""
    told = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            told.append(str(said))
    return told


def plain(text: str) -> str:
    """Full-width and half-width, capitals and spaces do not tell two words apart."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def meanings(words: dict[str, Any], *, split: str = "") -> dict[str, str]:
    """The key of each thing by everything it may be called, plain: itself, or its words, parted by `split`."""
    known: dict[str, str] = {}
    for key, said in words.items():
        for told in [key, *in_every_language(said)]:
            known |= dict.fromkeys(map(plain, told.split(split) if split else [told]), key)
    return known


# Writing.


class Lines(list[str]):
    """What `csv.writer` writes to: keeps the lines until they are sent."""

    write = list.append


def guarded(value: Any) -> Any:
    return guard(value) if isinstance(value, str) else value


def csv_lines(header: Iterable[Any], chunks: Iterable[Iterable[Iterable[Any]]]) -> Iterator[str]:
    """A small table as a file, a chunk at a time: UTF-8 with BOM, RFC 4180, every text guarded."""
    lines = Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(map(guarded, header))  # a column may be called what somebody typed
    yield "\ufeff" + lines.pop()
    for chunk in chunks:
        for row in chunk:
            writer.writerow(map(guarded, row))
        yield "".join(lines)
        lines.clear()


def csv_of(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """The same, whole."""
    return "".join(csv_lines(header, [rows]))
