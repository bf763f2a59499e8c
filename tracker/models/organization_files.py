"""Reading organizations from a CSV file, as any spreadsheet program writes one."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from .loading import COLUMNS, OPTIONAL, Row, Table
from .organizations import Kind, Level, Line
from .sheets import lines_of, meanings, plain, text_of

# What a column may be called, in either language: the names are parted by slashes.
HEADERS = {
    "code": pgettext_lazy("column", "organization code / number"),
    "name": pgettext_lazy("column", "organization name / full name"),
    "short_name": pgettext_lazy("column", "short name"),
    "level": pgettext_lazy("column", "level"),
    "line": pgettext_lazy("column", "line"),
    "parent_code": pgettext_lazy("column", "parent code / code of the parent"),
    "industry_parent_code": pgettext_lazy("column", "industrial parent code / code of the industrial parent"),
    "kind": pgettext_lazy("column", "kind"),
    "credit_code": pgettext_lazy("column", "credit code / unified social credit code"),
    "founded_on": pgettext_lazy("column", "founded on / founded"),
    "contact": pgettext_lazy("column", "contact / contact person"),
    "telephone": pgettext_lazy("column", "telephone / office telephone"),
}
CHOICES: dict[str, Any] = {"level": Level, "line": Line, "kind": Kind}
DAY = re.compile(r"([0-9]{4})\D([0-9]{1,2})\D([0-9]{1,2})\D?")


@cache
def header_names() -> dict[str, str]:
    return meanings(HEADERS, split="/")


@cache
def choice_names(column: str) -> dict[str, str]:
    return meanings(dict(CHOICES[column].choices))


def read(content: bytes) -> Table:
    """The rows of a CSV file, its columns in any order. Raises ValidationError when it is none."""
    lines = lines_of(text_of(content))
    number, header = next(lines, (0, []))
    columns = [header_names().get(plain(name[:100]), "") for name in header]
    if not set(COLUMNS) <= set(columns):
        message = _("The first line must name these columns: %(columns)s. It may name: %(more)s.")
        raise ValidationError(message % {"columns": ", ".join(COLUMNS), "more": ", ".join(OPTIONAL)})
    for place, column in enumerate(columns):
        if not column or column in columns[:place]:
            message = _("Line %(line)d: the column “%(name)s” is not known, or stands there twice.")
            raise ValidationError(message % {"line": number, "name": header[place][:40]})
    rows = [as_row(number, columns, cells) for number, cells in lines]
    return Table(rows, dict(zip(columns, header, strict=True)))


def as_row(number: int, columns: list[str], cells: list[str]) -> Row:
    given: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict(zip(columns, cells, strict=False))
    for column in CHOICES.keys() & given.keys():
        given[column] = choice_names(column).get(plain(given[column][:100]), given[column])
    if given.get("founded_on"):
        given["founded_on"] = as_day(given["founded_on"])
    if given.get("credit_code"):
        given["credit_code"] = given["credit_code"].upper()
    return Row(number, cells=len(cells), wanted=len(columns), **given)


def as_day(text: str) -> str:
    """A day as a spreadsheet shows it, in ISO; what is none stays as it is, to be refused by name."""
    found = DAY.fullmatch(text[:20])
    try:
        return dt.date(*map(int, found.groups())).isoformat() if found else text
    except ValueError:
        return text
