"""Records on their way through a file: found by their key, compared cell by cell, checked, and saved or refused.

The course of a row is django-import-export's; nothing is written in bulk, so that every change keeps its history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import tablib
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.instance_loaders import BaseInstanceLoader
from import_export.resources import Resource
from import_export.results import Result, RowResult

from tracker.models import Organization, TransitionRefused
from tracker.models.histories import signed
from tracker.models.rosters import storable
from tracker.models.sheets import plain

from ..base import asker
from .cells import Body, Column

if TYPE_CHECKING:
    from django.http import HttpRequest

    from .pages import Exported

NUMBER = ""  # the column of a dataset that says which row of the file it is
CHUNK = 1_000  # rows looked up, or written, at a time
NUMBERS = range(2**31)  # that a key may be
REASON = gettext_lazy("Imported from a file.")


class Change(NamedTuple):
    column: str
    old: str
    new: str


class Refusal(NamedTuple):
    """What cannot be taken, and where; without a column the whole row is."""

    number: int
    key: str
    called: str
    column: str
    message: str


class Looked(RowResult):
    """What a row does: to which record, by the words of its key and what it is called, and what it changes."""

    number = 0
    key = called = ""
    record: Any = None
    changes: list[Change]

    def add_instance_info(self, instance: Any) -> None:
        """Not the record's words: they may cost a query."""


class Outcome(Result):
    def __init__(self, resource: RecordResource) -> None:
        super().__init__()
        self.resource, self.refused = resource, list[Refusal]()

    def append_invalid_row(self, number: int, row: dict[str, Any], validation_error: ValidationError) -> None:
        columns, words = self.resource.fields, self.resource.words_of(row)
        told = getattr(validation_error, "error_dict", None) or {NON_FIELD_ERRORS: validation_error.error_list}
        for name, errors in told.items():
            column = columns[name].head if name in columns else ""
            for message in ValidationError(errors).messages:
                self.refused.append(Refusal(row[NUMBER], *words, column, message))

    def has_validation_errors(self) -> bool:
        return bool(self.refused)

    @property
    def changed(self) -> list[Looked]:
        return [row for row in self.rows if row.is_update() or row.is_new()]

    @property
    def altered(self) -> int:
        return self.totals[RowResult.IMPORT_TYPE_UPDATE]

    @property
    def made(self) -> int:
        return self.totals[RowResult.IMPORT_TYPE_NEW]

    @property
    def unchanged(self) -> int:
        return self.totals[RowResult.IMPORT_TYPE_SKIP]

    @property
    def too_many(self) -> bool:
        return self.resource.altered > self.resource.most

    @property
    def mark(self) -> str:
        """Of what would be taken: another mark, and it is not what was looked at."""
        said = [(row.key, row.import_type, row.changes) for row in self.changed]
        return hashlib.blake2s(repr(said).encode(), digest_size=16).hexdigest()


class RecordResource(Resource):
    """The columns of one record. `KEYS` name it, and a row whose key is not found is refused unless it `creates`."""

    model: Any
    KEYS: tuple[str, ...] = ()
    CALLED = ""  # the column that tells a person which record this is
    BESIDE: tuple[str, ...] = ()  # relations that the columns read
    most = 2_000  # rows changed at once: they are saved one by one, and others wait meanwhile
    creates = False
    holding: Any = transaction.atomic  # the transaction that all rows of a file share
    new_words: Any = ""  # where new ones come from instead

    class Meta:
        instance_loader_class = BaseInstanceLoader
        using_db = "default"
        skip_diff = True  # of what changes we keep old and new ourselves
        store_instance = True
        report_skipped = False

    def __init__(self, admin: Exported, request: HttpRequest) -> None:
        super().__init__()
        self.admin, self.request, self.by = admin, request, asker(request)
        self.found: dict[tuple[Any, ...], Any] = {}
        self.seen: dict[tuple[Any, ...], int] = {}
        self.taken: dict[tuple[str, Any], int] = {}
        self.altered, self.holds = 0, False
        self.changes: dict[str, Change] = {}  # of the row at hand, by column

    @property
    def changeable(self) -> list[str]:
        return [name for name, field in self.fields.items() if not field.readonly and name not in self.KEYS]

    # Out.

    def rows(self, queryset: QuerySet[Any], names: Iterable[str], language: str) -> Iterator[list[list[Any]]]:
        """A thousand at a time. They are made while the file is sent, so the language is put on again."""
        fields = [self.fields[name] for name in names]
        stream = queryset.select_related(*self.BESIDE).iterator(chunk_size=CHUNK)
        while True:
            with translation.override(language):
                chunk = [[field.export(record) for field in fields] for record in islice(stream, CHUNK)]
            if not chunk:
                return
            yield chunk

    # In: which records the rows are of.

    def look_over(self, dataset: tablib.Dataset) -> Outcome:
        """What the file would do, and what is wrong with it. Writes nothing and holds nothing."""
        return self._run(dataset, self.import_data_inner(dataset, True, False, False, False))

    def take(self, dataset: tablib.Dataset) -> Outcome:
        """Inside a transaction: save every row, or none where one is refused. The records are held meanwhile."""
        self.holds = True
        return self._run(dataset, self.import_data(dataset, rollback_on_validation_errors=True))

    def _run(self, dataset: tablib.Dataset, outcome: Any) -> Outcome:
        for error in [*outcome.base_errors, *(error for row in outcome.error_rows for error in row.errors)]:
            raise error.error  # what no rule of ours refused is nobody's fault but ours
        return outcome

    def get_result_class(self) -> Any:
        return lambda: Outcome(self)

    @classmethod
    def get_row_result_class(cls) -> Any:
        return Looked

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        """Three queries a thousand rows, and one for each column that names organizations."""
        rows = [dict(zip(dataset.headers, row, strict=True)) for row in dataset]
        for first in range(0, len(rows), CHUNK):
            keys = {key for row in rows[first : first + CHUNK] if (key := self._findable(row))}
            if keys:
                self._find(keys)
        for name in self.changeable:
            widget = self.fields[name].widget
            if isinstance(widget, Body):
                codes = {row[name].text.strip() for row in rows if name in row}
                mine = Organization.objects.visible_to(self.by).open()
                widget.found = mine.in_bulk(list(filter(storable, codes)), field_name="code")

    def _find(self, wanted: set[tuple[Any, ...]]) -> None:
        """Keys first: the conditions name every pairing of their parts, and only the rows wanted are read whole."""
        paths = [self.fields[name].attribute for name in self.KEYS]
        rows: Any = self.admin.get_queryset(self.request).order_by()
        parts = {f"{path}__in": set(values) for path, values in zip(paths, zip(*wanted, strict=True), strict=True)}
        keys = {pk: tuple(key) for pk, *key in rows.filter(**parts).values_list("pk", *paths) if tuple(key) in wanted}
        held = rows.order_by("pk").select_for_update(of=("self",), no_key=True) if self.holds else rows
        records = held.select_related(*self.BESIDE).in_bulk(keys)
        if hasattr(self.model.objects.all(), "editable_by"):
            mine = set(self.admin.get_editable(self.request).filter(pk__in=keys).values_list("pk", flat=True))
            for pk, record in records.items():
                record.may_be_changed = pk in mine
        self.found |= {keys[pk]: record for pk, record in records.items()}

    def _findable(self, row: dict[str, Any]) -> tuple[Any, ...] | None:
        """Where the database can be asked for it; what is wrong with another is told when its turn comes."""
        try:
            key = self.key_of(row)
        except ValidationError:
            return None
        if any(isinstance(part, str) and not storable(part) for part in key):
            return None
        return None if any(isinstance(part, int) and part not in NUMBERS for part in key) else key

    def key_of(self, row: dict[str, Any]) -> tuple[Any, ...]:
        """Raises ValidationError by column."""
        said = []
        for name in self.KEYS:
            try:
                said.append(self.fields[name].clean(row))
            except ValidationError as error:
                raise ValidationError({name: error}) from error
            if said[-1] in ("", None):
                raise ValidationError({name: _("This cell is empty.")})
        return tuple(said)

    def words_of(self, row: dict[str, Any]) -> tuple[str, str]:
        """The key as the file has it, and beside it what the record is called, where there is one."""
        record = self.found.get(self._findable(row) or ())
        called = str(self.fields[self.CALLED].export(record)) if record and self.CALLED else ""
        return " ".join(row[name].text.strip()[:40] for name in self.KEYS), called

    def get_or_init_instance(self, instance_loader: Any, row: dict[str, Any]) -> tuple[Any, bool]:
        key = self.key_of(row)
        if self.seen.setdefault(key, row[NUMBER]) != row[NUMBER]:
            words = _("The same record stands in row %(number)d already.")
            raise ValidationError({self.KEYS[-1]: words % {"number": self.seen[key]}})
        if key in self.found:
            return self.found[key], False
        if self.creates:
            return self.model(**dict(zip(self.KEYS, key, strict=True))), True
        words = _("There is no such record in your scope.")
        if self.new_words:
            words = _("%(first)s %(second)s") % {"first": words, "second": self.new_words}
        raise ValidationError({self.KEYS[-1]: words})

    # In: what a row changes.

    def import_instance(self, instance: Any, row: dict[str, Any], **kwargs: Any) -> None:
        """Put what the file says anew into the record. A column that the file lacks stays as it is."""
        self.changes, faults = dict[str, Change](), dict[str, ValidationError]()
        for name, field in self.fields.items():
            if name in row and name not in self.KEYS:
                try:
                    self.compare(name, field, instance, row)
                except ValidationError as error:
                    faults[name] = error
        if faults:
            raise ValidationError(faults)

    def compare(self, name: str, field: Column, instance: Any, row: dict[str, Any]) -> None:
        stands = field.get_value(instance)
        if field.readonly:
            if not self.says(field, instance, row):
                words = _("This column is only to be read and stands as “%(stands)s”. Put that back, or delete it.")
                raise ValidationError(words % {"stands": shown(field.export(instance)) or _("(empty)")})
            return
        said = field.clean(row)
        if said != field.widget.settled(stands):
            old, new = (shown(field.widget.render(value)) for value in (stands, said))
            setattr(instance, field.attribute, said)
            self.changes[name] = Change(field.head, "" if instance._state.adding else old, new)

    def says(self, field: Column, instance: Any, row: dict[str, Any]) -> bool:
        """Whether a cell that is only to be read says what stands there, in whichever language it was written."""
        cell = row[field.column_name]
        for language in [translation.get_language(), *(code for code, _name in settings.LANGUAGES)]:
            with translation.override(language):
                stands = field.export(instance)
            if plain(cell.text) == plain(shown(stands)) or (cell.day is not None and cell.day == stands):
                return True
        return False

    def skip_row(self, instance: Any, original: Any, row: dict[str, Any], import_validation_errors: Any = None) -> bool:
        """What changes nothing; and, once the file changes too much, the rest of it."""
        if not (self.changes or instance._state.adding or import_validation_errors):
            return True
        self.altered += 1
        return self.altered > self.most

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """By the record's own rules, as its form does. Raises ValidationError by field."""
        if not instance._state.adding and not self.admin.may_change(self.request, instance):
            raise ValidationError(_("This record is not yours to change."))
        faults: dict[str, Any] = dict(import_validation_errors or {})
        try:
            self.check(instance, faults)
        except ValidationError as error:
            faults = error.update_error_dict(faults)
        if faults:
            raise ValidationError(faults)

    def check(self, instance: Any, faults: dict[str, Any]) -> None:
        """The fields of the file's columns, as far as they could be read."""
        named = {*self.changeable, *(self.KEYS if instance._state.adding else ())} - faults.keys()
        instance.full_clean(exclude={field.name for field in self.model._meta.fields} - named)

    # In: saved.

    def save_instance(self, instance: Any, is_create: bool, row: dict[str, Any], **kwargs: Any) -> None:
        self.refuse_twice(instance, row)
        super().save_instance(instance, is_create, row, **kwargs)

    def refuse_twice(self, instance: Any, row: dict[str, Any]) -> None:
        """What may stand once only, and stands in two rows of the file: no row alone sees the other."""
        for name in self.changes:
            value = getattr(instance, self.fields[name].attribute)
            if value is None or not self.model._meta.get_field(name).unique:
                continue
            if self.taken.setdefault((name, value), row[NUMBER]) != row[NUMBER]:
                words = _("The same stands in row %(number)d; it may stand once only.")
                raise ValidationError({name: words % {"number": self.taken[name, value]}})

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        try:
            with transaction.atomic():
                self.write(instance, list(self.changes))
        except TransitionRefused as refused:
            raise ValidationError(refused.message) from refused
        except IntegrityError as error:
            raise ValidationError(_("Somebody was here before you; look at the file once more.")) from error

    def write(self, instance: Any, names: list[str]) -> None:
        signed(instance, self.by, REASON).save(update_fields=None if instance._state.adding else names)

    def after_import_row(self, row: dict[str, Any], row_result: Looked, **kwargs: Any) -> None:
        instance = row_result.instance
        row_result.number, row_result.record, row_result.instance = row[NUMBER], instance.pk, None
        row_result.changes = list(self.changes.values())
        if row_result.import_type != RowResult.IMPORT_TYPE_SKIP:
            row_result.key, row_result.called = self.words_of(row)


def shown(value: Any) -> str:
    return "" if value is None else str(value)
