"""The evidence of the ledger's rows as one zip, made while it is sent: a piece of a file in memory, however large."""

from __future__ import annotations

import datetime as dt
import logging
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

from django.db.models import Count, Q, Sum
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from tracker.models import Evidence, State
from tracker.models.evidence import CHUNK, EvidenceQuerySet, kept, place_of
from tracker.models.files import safe_name

from .columns import cell
from .filters import LedgerFilter

MOST_FILES, MOST_BYTES = 5_000, 2 * 1024**3  # what every office program still opens
FOLDER = 60  # characters of a folder's and of a file's name: Windows takes no path longer than 260
NAME = 100
log = logging.getLogger(__name__)


class Piece(NamedTuple):
    """One file and what the index says of it; columns of one query."""

    digest: str
    name: str
    size: int
    uploaded_at: dt.datetime
    uploaded_by: str
    username: str
    code: str
    wording: str
    period: str
    body: str
    body_code: str


COLUMNS = (
    "digest",
    "name",
    "size",
    "uploaded_at",
    "uploaded_by__name",
    "uploaded_by__username",
    "entry__assignment__task__code",
    "entry__assignment__task__wording",
    "entry__period__code",
    "entry__assignment__organization__name",
    "entry__assignment__organization__code",
)


def evidence_of(conditions: LedgerFilter) -> EvidenceQuerySet:
    """The files of the ledger's rows that this person may open: of accepted entries, and of any of one's own body."""
    user, found = conditions.user, cast(Any, conditions.found)  # `entry_key` is put on by `ledger_rows`
    entries = found.order_by().values("entry_key")
    told = Q(entry__state=State.ACCEPTED) | Q(entry__assignment__organization=user.organization)
    return Evidence.objects.live().visible_to(user).filter(told, entry__in=entries)


def counted(conditions: LedgerFilter) -> int:
    """How many files; never more than one above the most."""
    return evidence_of(conditions).order_by().values("pk")[: MOST_FILES + 1].count()


class Extent(NamedTuple):
    files: int
    size: int

    @property
    def is_too_large(self) -> bool:
        return self.files > MOST_FILES or self.size > MOST_BYTES


def extent_of(conditions: LedgerFilter) -> Extent:
    sums = evidence_of(conditions).aggregate(files=Count("pk"), size=Sum("size"))
    return Extent(sums["files"], sums["size"] or 0)


def pieces_of(conditions: LedgerFilter) -> list[Piece]:
    """In the order of the plan. Held whole, a few hundred bytes each: an open query would keep the database from
    tidying up as long as somebody's slow line takes."""
    order = ("entry__assignment__task__position", "entry__assignment__organization__path", "entry", "pk")
    return [Piece._make(values) for values in evidence_of(conditions).order_by(*order).values_list(*COLUMNS)]


class Names:
    """Paths within the zip: safe everywhere, and none twice even where capitals are not told apart."""

    def __init__(self) -> None:
        self.folders: dict[tuple[str, str], str] = {}
        self.taken: set[str] = set()

    def path(self, piece: Piece) -> str:
        key = piece.code, piece.body_code
        if key not in self.folders:
            self.folders[key] = self._free("", safe_name(f"{piece.code}_{piece.body}"[:FOLDER].replace("/", "_")), "")
        stem, dot, ending = safe_name(piece.name).rpartition(".")
        if not dot or len(ending) > 19:
            stem, dot, ending = safe_name(piece.name), "", ""
        return self._free(self.folders[key] + "/", stem[:NAME].strip(), dot + ending)

    def _free(self, folder: str, stem: str, ending: str) -> str:
        number, path = 1, f"{folder}{stem}{ending}"
        while path.casefold() in self.taken:
            number += 1
            path = f"{folder}{stem} ({number}){ending}"
        self.taken.add(path.casefold())
        return path


class Outlet:
    """What the zip writes to: it cannot go back, and what was written is taken out at once."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self.written.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        written, self.written = self.written, []
        return b"".join(written)


def zipped(pieces: Iterable[Piece], *, language: str, notice: str = "") -> Iterator[bytes]:
    """Files as they are (what offices send is packed already), then the index of them. A file that was erased or lost
    since the list was read is not in it, and the index says so."""
    outlet, names = Outlet(), Names()
    with translation.override(language):
        index_name, gone = _("Index") + ".csv", _("no longer there")
        lines = [line(header(), notice)]
    names.taken.add(index_name.casefold())
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for piece in pieces:
            path = names.path(piece)
            try:
                yield from stored(archive, outlet, path, piece)
            except FileNotFoundError:
                log.exception("A file of evidence is missing from the storage.")
                path = gone
            lines.append(line(said(path, piece), notice))
        archive.writestr(named(index_name), "\ufeff" + "".join(lines))
    yield outlet.taken()


def stored(archive: zipfile.ZipFile, outlet: Outlet, path: str, piece: Piece) -> Iterator[bytes]:
    with kept().open(place_of(piece.digest)) as file, archive.open(named(path), "w") as target:
        for chunk in file.chunks(CHUNK):
            target.write(chunk)
            yield outlet.taken()


def named(path: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(path, timezone.localtime().timetuple()[:6])


def header() -> list[str]:
    return [
        _("Path"),
        _("Organization"),
        _("Code"),
        _("Task"),
        _("Period"),
        _("File name"),
        _("Size in bytes"),
        "SHA-256",
        _("Uploaded by"),
        _("Uploaded at"),
    ]


def said(path: str, piece: Piece) -> list[str | int]:
    at = f"{timezone.localtime(piece.uploaded_at):%Y-%m-%d %H:%M}"
    by = piece.uploaded_by or piece.username
    return [path, piece.body, piece.code, piece.wording, piece.period, piece.name, piece.size, piece.digest, by, at]


def line(values: Iterable[str | int], notice: str) -> str:
    return ",".join(map(cell, [*values, notice] if notice else values)) + "\r\n"
