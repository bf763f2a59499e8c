"""Field types and checks that several records share."""

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

TEXT_LIMIT = 20_000


def refuse_unstorable(value: str) -> None:
    """NUL and lone surrogates cannot be stored, shown or exported faithfully, so they are refused everywhere.

    Raises ValidationError.
    """
    if "\x00" in value or any(unicodedata.category(c) == "Cs" for c in value if c > "\ud7ff"):
        raise ValidationError(
            _("This text contains characters that cannot be stored. Paste it into a plain-text editor and copy again."),
            code="unstorable",
        )


def said(name: str, text: str, *, missing: str = "", limit: int = TEXT_LIMIT) -> str:
    """The words that go with an act (a comment, a reason), stripped.

    Raises ValidationError under `name`: not there where `missing` says they must be, too long, or not storable.
    """
    text = text.strip()
    if missing and not text:
        raise ValidationError({name: missing})
    try:
        MaxLengthValidator(limit)(text)
        refuse_unstorable(text)
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from error
    return text


class PathField(models.CharField):
    """A tree path compared byte by byte: `"C"` on PostgreSQL, where the database's own collation may differ."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        return super().db_parameters(connection) | {"collation": "C" if connection.vendor == "postgresql" else None}


class WordsField(models.TextField):
    """A text somebody writes: never null, bounded, storable."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", "")
        kwargs.setdefault("db_default", "")
        kwargs.setdefault("validators", [MaxLengthValidator(TEXT_LIMIT), refuse_unstorable])
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("validators", None)
        return name, path, args, kwargs
