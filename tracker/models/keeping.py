"""Whether the files kept and the rows that name them agree; what is left over goes, what is lost is told."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .erasures import Erasure, forget, write_down
from .evidence import Evidence, digest_of, kept, place_of

CHUNK = 1_000
SETTLED = dt.timedelta(days=1)  # a younger file may be waiting for its row


class Fault(models.TextChoices):
    LOST = "lost", _("its file is missing")
    DAMAGED = "damaged", _("its file is not what was taken")
    ORPHAN = "orphan", _("no piece of evidence needs this file")
    STAYED = "stayed", _("erased, and its file is still there")
    UNLISTED = "unlisted", _("erased, and not in the list of erasures")


class Difference(NamedTuple):
    fault: Fault
    name: str  # a digest, the place of a file, or the key of an erasure


def differences(*, read: bool = True) -> Iterator[Difference]:
    """`read` reads every file through to compare its hash; without, only its size is compared."""
    yield from rows_without(read=read)
    yield from files_without()
    for erasure in unlisted():
        yield Difference(Fault.UNLISTED, str(erasure.pk))


def rows_without(*, read: bool) -> Iterator[Difference]:
    """Rows that are not erased (taken off or not) need their bytes."""
    needed = Evidence.objects.filter(erased_at=None).order_by("digest").values_list("digest", "size").distinct()
    for digest, size in needed.iterator(chunk_size=CHUNK):
        place = place_of(digest)
        if not kept().exists(place):
            yield Difference(Fault.LOST, digest)
        elif kept().size(place) != size or (read and not reads_as(digest)):
            yield Difference(Fault.DAMAGED, digest)


def reads_as(digest: str) -> bool:
    with kept().open(place_of(digest)) as file:
        return digest_of(file.file) == digest


def files_without() -> Iterator[Difference]:
    before = timezone.now() - SETTLED
    names: list[str] = []
    for name in places():
        names.append(name)
        if len(names) == CHUNK:
            yield from left_over(names, before)
            names = []
    yield from left_over(names, before)


def places() -> Iterator[str]:
    """Every file of the storage, two folders down; also what a crash left half-written."""
    for first in folders(""):
        for second in folders(first):
            yield from (f"{second}/{name}" for name in kept().listdir(second)[1])


def folders(place: str) -> list[str]:
    try:
        return [f"{place}/{name}".lstrip("/") for name in sorted(kept().listdir(place)[0])]
    except FileNotFoundError:
        return []


def left_over(names: list[str], before: dt.datetime) -> Iterator[Difference]:
    """Of these files, the ones no row needs. One query."""
    rows = Evidence.objects.filter(digest__in=[name.rpartition("/")[2] for name in names])
    known: dict[str, bool] = {}
    for digest, erased_at in rows.order_by().values_list("digest", "erased_at"):
        known[digest] = known.get(digest, False) or erased_at is None
    for name in names:
        digest = name.rpartition("/")[2]
        if known.get(digest) is False:
            yield Difference(Fault.STAYED, name)
        elif digest not in known and kept().get_modified_time(name) < before:
            yield Difference(Fault.ORPHAN, name)


def unlisted() -> list[Erasure]:
    """Agreed erasures that the list outside the database lacks: it was put back, or lost."""
    listed: set[int] = set()
    path = Path(settings.ERASURES_FILE)
    if path.exists():
        for line in path.read_text("utf-8", errors="replace").splitlines():
            try:
                listed.add(json.loads(line)["erasure"])
            except (ValueError, KeyError, TypeError):
                continue  # a line cut short by a crash; its erasure is written anew
    return [erasure for erasure in Erasure.objects.agreed().order_by("pk") if erasure.pk not in listed]


def repair() -> int:
    """Delete what nothing needs, list what was erased; what is lost or damaged only a backup brings back."""
    mended = 0
    for fault, name in list(files_without()):
        if fault == Fault.STAYED:
            forget(name.rpartition("/")[2])
        else:
            kept().delete(name)
        mended += 1
    for erasure in unlisted():
        write_down(erasure)
        mended += 1
    return mended
