"""Load organizations from a CSV file: all of it, or nothing with every bad row named by line and column."""

import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tracker.models.loading import COLUMNS, Row, load_organizations


class Command(BaseCommand):
    help = "Load organizations from a CSV file; safe to run again. Columns: " + ", ".join(COLUMNS)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            loaded = load_organizations(read(file))
        except ValidationError as error:
            raise CommandError("\n".join([*error.messages, _("Nothing was loaded.")])) from error
        self.stdout.write(
            _("Organizations: %(made)d made, %(changed)d changed, %(unchanged)d as they were.") % loaded._asdict()
        )


def read(file: Path) -> list[Row]:
    """The rows of a CSV file, its columns in any order. Raises ValidationError when it is none."""
    lines = numbered(csv.reader(StringIO(text_of(file), newline=""), strict=True))
    _number, header = next(lines, (0, []))
    if sorted(header) != sorted(COLUMNS):
        message = _("The first line must name these columns: %(columns)s.")
        raise ValidationError(message % {"columns": ", ".join(COLUMNS)})
    blank = dict.fromkeys(COLUMNS, "")
    return [Row(number, cells=len(cells), **blank | dict(zip(header, cells, strict=False))) for number, cells in lines]


def text_of(file: Path) -> str:
    """UTF-8 as any program writes it, else GB18030 as Chinese Windows does."""
    try:
        content = file.read_bytes()
    except OSError as error:
        message = _("The file %(file)s cannot be read: %(why)s.")
        raise ValidationError(message % {"file": file, "why": error.strerror}) from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValidationError(_("The file is neither UTF-8 nor GB18030. Save it as CSV UTF-8 and try again."))


def numbered(lines: Any) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line it begins on; blank lines are passed over."""
    while True:
        number = lines.line_num + 1
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            message = _("Line %(line)d cannot be read as CSV: %(why)s.")
            raise ValidationError(message % {"line": number, "why": error}) from error
        if any(cells := [cell.strip() for cell in cells]):
            yield number, cells
