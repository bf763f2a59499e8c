"""Field types and checks that several records share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from .pinyin import spelled, spelled_words

Row = TypeVar("Row", bound=models.Model)
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


def clean_only(record: models.Model, names: Iterable[str]) -> None:
    """The own rules of these fields, and of no others. Raises ValidationError by field."""
    record.clean_fields(exclude={field.name for field in record._meta.fields} - set(names))


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


class PinyinField(models.TextField):
    """How the texts of other fields of the record are spelled, for `search`. Whatever writes those writes this.

    With `words` the source is a long text, otherwise names. The record is `Spelled`, its queryset a `SpelledQuerySet`.
    """

    def __init__(self, *args: Any, sources: Iterable[str] = (), words: bool = False, **kwargs: Any) -> None:
        self.sources, self.words = tuple(sources), words
        super().__init__(*args, **kwargs | {"editable": False, "default": "", "db_default": ""})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"sources": self.sources} | ({"words": True} if self.words else {})

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        texts = [getattr(model_instance, source) for source in self.sources]
        text = spelled_words("\n".join(texts)) if self.words else spelled(texts)
        setattr(model_instance, self.attname, text)
        return text

    @classmethod
    def following(cls, model: type[models.Model], written: Iterable[str]) -> list[PinyinField]:
        """The spellings that change with these fields of the model."""
        names = set(written)
        fields = [field for field in model._meta.concrete_fields if isinstance(field, cls)]
        return [field for field in fields if field.name not in names and names.intersection(field.sources)]


class Spelled(models.Model):
    """A record with spellings: one that is saved in part is saved with them."""

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        if update_fields is not None:
            names = list(update_fields)
            update_fields = names + [field.name for field in PinyinField.following(type(self), names)]
        super().save(*args, update_fields=update_fields, **kwargs)


class SpelledQuerySet(models.QuerySet[Row]):
    """Rows renamed many at a time are spelled anew: by `bulk_update` at no more queries, by `update` one a row."""

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        rows, names = tuple(objs), list(fields)
        for field in PinyinField.following(self.model, names):
            names.append(field.name)
            for row in rows:
                field.pre_save(row, False)
        return super().bulk_update(rows, names, batch_size=batch_size)

    @transaction.atomic
    def update(self, **values: Any) -> int:
        fields = PinyinField.following(self.model, values)
        if not fields:
            return super().update(**values)
        keys = list(self.values_list("pk", flat=True))
        changed = super().update(**values)
        for row in (rows := self.model._base_manager.filter(pk__in=keys)):
            for field in fields:
                rows.filter(pk=row.pk).update(**{field.name: field.pre_save(row, False)})
        return changed

    update.alters_data = True  # type: ignore[attr-defined]
