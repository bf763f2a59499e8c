"""The database as one file, and back: SQLite's online copy, or PostgreSQL's own programs."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _


class BackupRefused(Exception):
    """Says in its one sentence why there is no backup, or why none is restored."""


def file_name() -> str:
    return "database.sqlite3" if connection.vendor == "sqlite" else "database.dump"


@contextmanager
def copied_to(place: Path) -> Iterator[Any]:
    """Copy the database into a new file while others write. Yields a cursor that sees exactly what was copied."""
    place.touch(0o600, exist_ok=False)
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(place)) as copy:
            connection.connection.backup(copy)  # all pages in one step: one read transaction, which stops no writer
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            yield copy.cursor()
        return
    with transaction.atomic(), connection.cursor() as cursor, place.open("wb") as out:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        run("pg_dump", "--format=custom", f"--snapshot={cursor.fetchone()[0]}", out=out)
        yield cursor


def put_back(place: Path) -> None:
    """Whatever stood in the database before is gone."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(f"{place.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            copy.backup(connection.connection)
    else:
        drop_tables()
        run("pg_restore", "--single-transaction", "--no-owner", "--no-privileges", "--clean", "--if-exists", str(place))
    connection.close()


def drop_tables() -> None:
    """Ours alone: tables that are younger than the backup would stand in its way."""
    with connection.cursor() as cursor:
        ours = {*connection.introspection.django_table_names(), MigrationRecorder.Migration._meta.db_table}
        names = [name for name in connection.introspection.table_names(cursor) if name in ours]
        if names:
            cursor.execute(f"DROP TABLE {', '.join(map(connection.ops.quote_name, names))} CASCADE")


def run(tool: str, *arguments: str, out: Any = None) -> None:
    """One of PostgreSQL's programs on our database; the password goes by the environment, where no process list
    shows it."""
    where, secrets = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    command = [tool, "--no-password", *where[1:-1], "--dbname", where[-1], *arguments]
    try:
        done = subprocess.run(
            command, env=os.environ | (secrets or {}), stdout=out, stderr=subprocess.PIPE, check=False
        )
    except FileNotFoundError as error:
        raise BackupRefused(
            _("%(tool)s is not on this machine. Install the client programs of PostgreSQL and try again.")
            % {"tool": tool}
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise BackupRefused(_("%(tool)s could not do it: %(said)s") % {"tool": tool, "said": said})


def tables_of(cursor: Any) -> dict[str, int]:
    """How many rows each table has."""
    if connection.vendor == "sqlite":
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        names = [name for (name,) in cursor.fetchall()]
    else:
        names = sorted(connection.introspection.table_names(cursor))
    return {name: value_of(cursor, f"SELECT COUNT(*) FROM {connection.ops.quote_name(name)}") for name in names}


def migrations_of(cursor: Any) -> list[list[str]]:
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
    return [list(row) for row in cursor.fetchall()]


def value_of(cursor: Any, query: str) -> int:
    cursor.execute(query)
    value: int = cursor.fetchone()[0]
    return value
