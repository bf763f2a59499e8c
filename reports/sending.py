"""Rows as the database sends them, texts as bytes: what is only sent on need not be decoded and encoded again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection

from .rows import Values

MEANT = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
CACHE = -16 * 1024  # KiB, as SQLite says it


def sent(values: Any, size: int) -> Iterator[list[Values]]:
    """The rows of a `values_list`, in lists of at most `size`. On PostgreSQL nothing else can be asked meanwhile."""
    try:
        sql, params = values.query.sql_with_params()
    except EmptyResultSet:
        return
    yield from (copied if connection.vendor == "postgresql" else fetched)(sql, params, size)


def copied(sql: str, params: Sequence[Any], size: int) -> Iterator[list[Values]]:
    """By COPY: everything is bytes, numbers too, and a null is empty. Whoever stops early ends it on the server."""
    with connection.cursor() as cursor:
        # Django's debugging cursor takes no parameters here.
        statement = cursor.mogrify(f"COPY ({sql}) TO STDOUT (NULL '')", params)
        with cursor.copy(statement) as copy:
            stream = iter(copy)
            while chunk := [split(bytes(row)) for row in islice(stream, size)]:
                yield chunk


def split(row: bytes) -> Values:
    """The values of a line of COPY's text format."""
    values = row[:-1].split(b"\t")
    if b"\\" in row:
        values = [ESCAPE.sub(lambda found: MEANT.get(found[1], found[1]), value) for value in values]
    return tuple(values)


def fetched(sql: str, params: Sequence[Any], size: int) -> Iterator[list[Values]]:
    """By SQLite's own cursor: a null is None, and numbers are numbers."""
    raw: Any = connection.connection
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while chunk := as_bytes(raw, cursor, size):
            yield chunk


def as_bytes(raw: Any, cursor: Any, size: int) -> list[Values]:
    """The connection makes bytes of texts for these rows alone: others are read between one chunk and the next."""
    raw.text_factory = bytes
    try:
        chunk: list[Values] = cursor.fetchmany(size)
        return chunk
    finally:
        raw.text_factory = str


@contextmanager
def read_once() -> Iterator[None]:
    """A whole ledger would fill SQLite's cache with pages that are read once: a smaller one, until it is through."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (usual,) = cursor.execute("PRAGMA cache_size").fetchone()
        cursor.execute(f"PRAGMA cache_size = {CACHE}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA cache_size = {usual}")
