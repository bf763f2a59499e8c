"""Backup and restore: the database, the files of evidence, and a manifest that says what they are.

The database is copied first, then the files its rows name: files are never changed, only added or erased, so those
belong to the rows or were erased in between. What was erased after a backup is erased again when it is restored.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.translation import gettext as _

from . import databases
from .databases import BackupRefused
from .evidence import CHUNK, Evidence, kept, place_of
from .organizations import Organization
from .people import User
from .storing import PART, push

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.json.sha256"
EVIDENCE = "evidence"  # the folder of the files, under the names they have in the storage
ERASED, LOST, DAMAGED = "erased", "lost", "damaged"  # why a file is not in a backup, or not as it was taken

Manifest = dict[str, Any]


def back_up(place: Path) -> Manifest:
    """Into a folder that is new or empty. It is written under another name, which it loses when whole; only its owner
    reads it. Raises BackupRefused, or OSError, and leaves nothing."""
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise BackupRefused(_("%(place)s is not empty. Name a new or an empty folder.") % {"place": place})
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{PART}{place.name}-", dir=place.parent))
    try:
        manifest = write(part)
        if place.exists():
            place.rmdir()
        part.rename(place)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    push(place.parent)
    return manifest


def write(part: Path) -> Manifest:
    started, name = timezone.now(), databases.file_name()
    with databases.copied_to(part / name) as cursor:
        tables, migrations = databases.tables_of(cursor), databases.migrations_of(cursor)
        digests = named_by(cursor)
    files = {name: sealed(part / name)}
    faults: dict[str, str] = {}
    for digest in digests:
        target = f"{EVIDENCE}/{place_of(digest)}"
        try:
            with kept().open(place_of(digest)) as file:
                files[target] = copy(file.chunks(CHUNK), part / target)
        except FileNotFoundError:
            needed = Evidence.objects.filter(digest=digest, erased_at=None).exists()
            faults[digest] = LOST if needed else ERASED
            continue
        if files[target]["sha256"] != digest:
            faults[digest] = DAMAGED
    manifest = {
        "format": FORMAT,
        "luoshi": tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"]["version"],
        "started_at": started.isoformat(),
        "finished_at": timezone.now().isoformat(),
        "vendor": connection.vendor,
        "migrations": migrations,
        "tables": tables,
        "files": files,
        "faults": faults,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    copy([text], part / MANIFEST)
    copy([seal_of(text)], part / SEAL)
    return manifest


def named_by(cursor: Any) -> list[str]:
    """The files that the rows of a copy need, each once."""
    cursor.execute("SELECT DISTINCT digest FROM tracker_evidence WHERE erased_at IS NULL ORDER BY digest")
    return [digest for (digest,) in cursor.fetchall()]


def seal_of(text: bytes) -> bytes:
    """As `sha256sum` writes it, and checks it."""
    return f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()


def copy(chunks: Iterable[bytes], place: Path) -> dict[str, Any]:
    """A new file on the disk for its owner alone. Returns what the manifest says of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    hashed, size = hashlib.sha256(), 0
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for chunk in chunks:
            out.write(chunk)
            hashed.update(chunk)
            size += len(chunk)
        out.flush()
        os.fsync(out.fileno())
    return {"size": size, "sha256": hashed.hexdigest()}


def sealed(place: Path) -> dict[str, Any]:
    """What the manifest says of a file that is there, and is on the disk once this returns."""
    with place.open("rb+") as file:
        os.fsync(file.fileno())
        return {"size": place.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


# Restoring. The steps in their order; `manage.py restore` takes them.


def read(place: Path) -> Manifest:
    """The manifest of a backup that is whole: every file read and compared. Raises BackupRefused."""
    try:
        text = (place / MANIFEST).read_bytes()
        if (place / SEAL).read_bytes() != seal_of(text):
            raise changed(MANIFEST)
    except OSError as error:
        raise BackupRefused(_("%(place)s is no whole backup: it has no manifest.") % {"place": place}) from error
    manifest: Manifest = json.loads(text)
    if manifest["format"] != FORMAT:
        raise newer()
    for name, told in manifest["files"].items():
        try:
            with (place / name).open("rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == told["sha256"]
        except OSError as error:
            raise changed(name) from error
        if not same:
            raise changed(name)
    return manifest


def changed(name: str) -> BackupRefused:
    return BackupRefused(
        _("%(name)s is missing or is not what was backed up. Nothing was restored; take another backup.")
        % {"name": name}
    )


def newer() -> BackupRefused:
    return BackupRefused(_("This backup was made by a newer Luoshi. Install that version, then restore."))


def guard_restore(manifest: Manifest) -> None:
    """Raises BackupRefused where this system is not the one to restore into."""
    tables = connection.introspection.table_names()
    for model in (User, Organization):
        if model._meta.db_table in tables and model._base_manager.exists():
            raise BackupRefused(
                _("This system holds people or organizations. A backup is restored into an empty database alone.")
            )
    if manifest["vendor"] != connection.vendor:
        raise BackupRefused(
            _("This backup is of %(its)s, and DATABASE_URL names %(ours)s. Restore it into the same kind.")
            % {"its": manifest["vendor"], "ours": connection.vendor}
        )
    known = MigrationLoader(connection).disk_migrations
    if any((app, name) not in known for app, name in manifest["migrations"]):
        raise newer()


def put_back_database(place: Path, manifest: Manifest) -> None:
    databases.put_back(place / databases.file_name())
    with connection.cursor() as cursor:
        if databases.tables_of(cursor) != manifest["tables"]:
            raise BackupRefused(_("The tables do not have as many rows as were backed up."))


def put_back_files(place: Path) -> Iterator[tuple[str, bool]]:
    """The files that rows need, each with whether the backup has it; what was erased since is not among them."""
    needed = Evidence.objects.filter(erased_at=None).order_by("digest").values_list("digest", flat=True).distinct()
    for digest in needed.iterator(chunk_size=1_000):
        try:
            with (place / EVIDENCE / place_of(digest)).open("rb") as file:
                kept().save(place_of(digest), File(file))
        except FileNotFoundError:
            yield digest, False
        else:
            yield digest, True


def taken_at(manifest: Manifest) -> dt.datetime:
    return dt.datetime.fromisoformat(manifest["started_at"])
