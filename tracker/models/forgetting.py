"""What was erased after a backup was made is erased again in what was restored from it (rule 6)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from .entries import Entry
from .erasures import ANSWER, ERASABLE, Erasure, forget
from .evidence import Evidence
from .instruction_erasing import NAMES
from .instructions import Instruction
from .people import User

# An erasure older than a backup was done in it. A transaction may end a little after the time it notes.
MARGIN = dt.timedelta(hours=1)
# Lines as the list began: without the people and the reason.
OLDER = {"instruction": None, "reason": "—", "asked_by": "", "asked_at": "1970-01-01T00:00:00+00:00", "agreed_by": ""}


class Forgotten(NamedTuple):
    again: int  # done again
    unread: int  # lines that cannot be read


def erase_again(since: dt.datetime) -> Forgotten:
    """Carry out what the list outside the database names and these records, of that time, do not know of."""
    again = unread = 0
    for told in listed():
        if told is None:
            unread += 1
        elif told["agreed_at"] >= since - MARGIN and not is_known(told):
            again += carry_out_again(told)
    return Forgotten(again, unread)


def listed() -> Iterator[dict[str, Any] | None]:
    """The lines of the list; none for one that a crash cut short."""
    path = Path(settings.ERASURES_FILE)
    if not path.exists():
        return
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            told = json.loads(line)
            yield OLDER | told | {"agreed_at": dt.datetime.fromisoformat(told["agreed_at"])}
        except (ValueError, KeyError, TypeError):
            yield None


def is_known(told: dict[str, Any]) -> bool:
    of = {name: told[name] for name in ("entry", "instruction")}
    known = Erasure.objects.agreed().filter(**of, agreed_at=told["agreed_at"])
    return any(line == (told["texts"], told["digest"]) for line in known.values_list("texts", "evidence__digest"))


def carry_out_again(told: dict[str, Any]) -> bool:
    """Whether there was anything: an entry or a file younger than the backup is not in it. The two people's word
    stands as it was given; the event says that this time the system did it."""
    if told["instruction"]:
        note = Instruction.objects.filter(pk=told["instruction"]).first()
        texts = [name for name in told["texts"] if name in NAMES]
        return bool(note and texts) and done_again({"instruction": note, "evidence": None}, texts, told)
    entry = Entry.objects.filter(pk=told["entry"]).first()
    same = Evidence.objects.filter(digest=told["digest"]).order_by("pk")
    piece = same.filter(entry=entry).first() or same.first()
    if piece and not entry:
        entry = piece.entry
    texts = [name for name in told["texts"] if name in (*ERASABLE, ANSWER)]
    if entry is None or not (texts or piece):
        return False
    return done_again({"entry": entry, "evidence": piece}, texts, told)


def done_again(of: dict[str, Any], texts: list[str], told: dict[str, Any]) -> bool:
    erasure = asked_for(of, texts) or anew(of, texts, told)
    with transaction.atomic():
        digest = erasure.carry_out(by=None, at=timezone.now())
        if erasure.asked_by_id:  # else whoever asked came after the backup; the event stands in any case
            erasure.agreed_by, erasure.agreed_at = named(told["agreed_by"]), told["agreed_at"]
            erasure.save()
    if digest:
        forget(digest)
    return True


def asked_for(of: dict[str, Any], texts: list[str]) -> Erasure | None:
    """What was asked for before the backup and agreed to after it."""
    waiting = Erasure.objects.waiting().filter(**of)
    return next((erasure for erasure in waiting if erasure.texts == texts), None)


def anew(of: dict[str, Any], texts: list[str], told: dict[str, Any]) -> Erasure:
    asked = {"asked_by": named(told["asked_by"]), "asked_at": dt.datetime.fromisoformat(told["asked_at"])}
    return Erasure(**of, texts=texts, reason=told["reason"], **asked)


def named(username: str) -> User | None:
    return User.objects.filter(username=username).first()
