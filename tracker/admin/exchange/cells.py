"""Cells: how a value is written into a file, and how what comes back is read."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.fields import Field
from import_export.widgets import Widget

from tracker.forms import DayField
from tracker.models import Level, Organization
from tracker.models.plan_files import Cell
from tracker.models.plan_words import vocabulary
from tracker.models.sheet_files import one_line_end
from tracker.models.sheets import meanings, plain

YES_OR_NO = {"yes": gettext_lazy("Yes"), "no": gettext_lazy("No")}
EXACT = 15  # digits that a spreadsheet keeps of a number


class Words(Widget):
    """A text. The other kinds of cell say what they read differently."""

    format = "@"  # a text stays one whatever is typed over it
    width = 16.0

    def clean(self, value: Cell, row: Any = None, **kwargs: Any) -> Any:
        """What the cell says, as the record would hold it. Raises ValidationError."""
        if value.fault:
            raise ValidationError(value.fault)
        return self.read(value)

    def read(self, cell: Cell) -> Any:
        return one_line_end(cell.text).strip()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if value is None else str(value)

    def settled(self, value: Any) -> Any:
        """What stands, as `read` gives it, to be compared."""
        return one_line_end(str(value or "")).strip()

    @property
    def choices(self) -> list[str]:
        """What may be put into such a cell; empty where anything may."""
        return []


class NullWords(Words):
    """A text that is absent, not empty: only so can it be unique."""

    def read(self, cell: Cell) -> str | None:
        return super().read(cell) or None

    def settled(self, value: Any) -> str | None:
        return value or None


class CreditCode(NullWords):
    """Typed in small letters or with blanks it is the same code."""

    def read(self, cell: Cell) -> str | None:
        return "".join(cell.text.split()).upper() or None


class Day(Words):
    format, width = "yyyy-mm-dd", 13.0

    def read(self, cell: Cell) -> dt.date | None:
        if cell.day is None and cell.text.strip():
            raise ValidationError(_("This is no day. Write it as 2026-11-22."))
        return DayField(required=False).clean(cell.day)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> dt.date | None:
        return value

    def settled(self, value: Any) -> Any:
        return value


class Choice(Words):
    """One of a few words, in either language."""

    def __init__(self, words: Iterable[tuple[Any, Any]]) -> None:
        super().__init__()
        self.words = {key: said for key, said in words if key != ""}
        self.width = 14.0

    @cached_property
    def known(self) -> dict[str, str]:
        return meanings(self.words)

    @property
    def choices(self) -> list[str]:
        return [str(said) for said in self.words.values()]

    def read(self, cell: Cell) -> Any:
        text = cell.text.strip()
        if not text or text in ("-", "—"):
            return ""
        if plain(text) not in self.known:
            words = _("“%(word)s” is not understood. Write one of: %(words)s.")
            raise ValidationError(words % {"word": text[:40], "words": _(", ").join(self.choices)})
        return self.known[plain(text)]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return str(self.words.get(value, value or ""))

    def settled(self, value: Any) -> Any:
        return value or ""


class YesNo(Choice):
    def __init__(self) -> None:
        super().__init__(YES_OR_NO.items())
        self.width = 10.0

    @cached_property
    def known(self) -> dict[str, str]:
        return meanings(self.words) | {"true": "yes", "1": "yes", "false": "no", "0": "no"}

    def read(self, cell: Cell) -> bool:
        return super().read(cell) == "yes"

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return str(YES_OR_NO["yes" if value else "no"])

    def settled(self, value: Any) -> bool:
        return bool(value)


class Levels(Words):
    """Several levels, between commas of any kind."""

    width = 30.0

    def read(self, cell: Cell) -> list[str]:
        known = vocabulary("levels")
        named = set()
        for part in unicodedata.normalize("NFKC", cell.text).replace("、", ",").split(","):
            word = plain(part)
            if word and word not in known:
                words = _("“%(word)s” is not understood. Write one of: %(words)s.")
                raise ValidationError(words % {"word": part.strip()[:40], "words": self.render(Level.values)})
            named |= {known[word]} if word else set()
        return [level for level in Level.values if level in named or "" in named]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return _(", ").join(str(Level(level).label) for level in Level.values if level in (value or ()))

    def settled(self, value: Any) -> list[str]:
        return [level for level in Level.values if level in (value or ())]


class Number(Words):
    """A number as the record's own field reads it."""

    format, width = "General", 12.0

    def __init__(self, field: models.Field[Any, Any]) -> None:
        super().__init__()
        self.field = field

    def read(self, cell: Cell) -> Any:
        text = "".join(unicodedata.normalize("NFKC", cell.text).split()).replace(",", "")
        return self.field.to_python(text) if text else None

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """A number where a spreadsheet keeps every digit of it, else a text."""
        if not isinstance(value, Decimal):
            return value
        text = f"{value.normalize():f}"
        if len(text.replace(".", "").lstrip("-0")) > EXACT:
            return text
        return int(text) if "." not in text else float(text)

    def settled(self, value: Any) -> Any:
        return value


class Body(Words):
    """An organization by its code. `found` has those that may be named here, as far as the file names them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Organization] = {}

    def read(self, cell: Cell) -> Organization | None:
        code = cell.text.strip()
        if not code:
            return None
        if code not in self.found:
            words = _("There is no organization with the code %(code)s in your scope that can be named here.")
            raise ValidationError(words % {"code": code[:32]})
        return self.found[code]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.code if value else ""

    def settled(self, value: Any) -> Any:
        return value


def cell_for(field: Any) -> Words:
    """How the values of a record's field stand in a file."""
    if field.flatchoices:
        return Choice(field.flatchoices)
    if isinstance(field, models.ForeignKey):
        return Body()
    if isinstance(field, models.DateField):
        return Day()
    if isinstance(field, models.BooleanField):
        return YesNo()
    if isinstance(field, models.DecimalField | models.IntegerField):
        return Number(field)
    return Words()


class Column(Field):
    """A column of a record's file: `shown` columns are there to be read, `ticked` says whether it is offered chosen."""

    def __init__(
        self, path: str, label: Any, cell: Words, *, shown: bool = False, ticked: bool = True, width: float = 0.0
    ) -> None:
        super().__init__(attribute=path, widget=cell, readonly=shown)
        self.label, self.ticked, self.width = label, ticked, width or cell.width

    @property
    def head(self) -> str:
        """What the column is called in the language spoken now."""
        return capfirst(str(self.label))


def column(model: Any, name: str, *, cell: Words | None = None, **options: Any) -> Column:
    """A field of the record itself, called as it is on the screen."""
    field = model._meta.get_field(name)
    return Column(name, options.pop("label", field.verbose_name), cell or cell_for(field), **options)


def beside(path: str, label: Any, *, cell: Words | None = None, **options: Any) -> Column:
    """What stands beside it for whoever reads, and is not changed here."""
    return Column(path, label, cell or Words(), shown=True, **options)
