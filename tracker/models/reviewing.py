"""Reviewing many entries: what is to be read of each, and deciding on each by its own transition."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from django.core.exceptions import ValidationError

from .changed_words import Compared, compared
from .entries import Entry
from .entry_lists import long_ago
from .events import Event
from .evidence import Evidence
from .moves import TransitionRefused
from .people import User
from .tallies import tallying

ACCEPT, RETURN, UNDO = "accept", "return", "undo"
DONE = {
    ACCEPT: (Event.Action.ACCEPTED, Event.Action.SIGNED_OFF),
    RETURN: (Event.Action.RETURNED,),
    UNDO: (Event.Action.UNDONE,),
}


class Reading:
    """One entry as its reviewer reads it: against the report before it, with its files and what is odd about it."""

    def __init__(self, entry: Entry, before: list[Entry], files: list[Evidence], since: dt.datetime) -> None:
        self.entry, self.files = entry, files
        self.last = before[0] if before else None
        self.waits_long = self.waiting_since < since
        self.repeated = len(before) == 2 and self.says_the_same(before)

    @property
    def waiting_since(self) -> dt.datetime:
        since = self.entry.signed_at if self.entry.review_step else None
        since = since or self.entry.submitted_at
        assert since  # a constraint holds it
        return since

    def says_the_same(self, before: list[Entry]) -> bool:
        """Three periods in the same words: worth a look, but where that was said (无变化) or is the duty (长期坚持)."""
        reports = [self.entry, *before]
        if self.entry.assignment.standing or any(report.no_change for report in reports):
            return False
        words = {tuple(getattr(report, name).strip() for name in Entry.TEXTS) for report in reports}
        return len(words) == 1 and any(words.pop())

    @property
    def texts(self) -> dict[str, Compared]:
        """Against the last report; where that was 无变化 there are no words to compare with."""
        last = self.last if self.last and not self.last.no_change else None
        return {name: compared(getattr(last, name) if last else "", getattr(self.entry, name)) for name in Entry.TEXTS}


def readings(entries: list[Entry], *, by: User, on: dt.date) -> list[Reading]:
    """Four queries, whatever the number of entries."""
    keys = [entry.pk for entry in entries]
    before = Entry.objects.filter(pk__in=keys).two_before()
    files = defaultdict(list)
    shown = Evidence.objects.standing().visible_to(by).filter(entry__in=keys)
    for piece in shown.with_reasons().select_related("uploaded_by"):
        files[piece.entry_id].append(piece)
    since = long_ago(on)
    return [Reading(entry, before.get(entry.pk, []), files[entry.pk], since) for entry in entries]


class Decision(NamedTuple):
    """What somebody wants done to an entry, as they saw it."""

    entry: Entry
    act: str
    version: int
    comment: str = ""


class Outcome(NamedTuple):
    """What became of it: done, invalid (a reason is missing), stale or refused, and why."""

    kind: str
    entry: Entry  # as it stands now
    act: str
    message: str = ""

    @property
    def done(self) -> bool:
        return self.kind == "done"


def decide_all(decisions: Iterable[Decision], *, by: User) -> list[Outcome]:
    """Each by its own transition, refused by its own sentence; all in one transaction that counts once.

    In the order of their keys, so that two who decide on the same entries never wait for each other in a ring.
    """
    with tallying():
        return [decide(decision, by=by) for decision in sorted(decisions, key=lambda decision: decision.entry.pk)]


def decide(decision: Decision, *, by: User) -> Outcome:
    entry, act, version, comment = decision
    try:
        if act == ACCEPT:
            entry.accept(by=by, version=version, comment=comment)
        elif act == RETURN:
            entry.return_(by=by, version=version, comment=comment)
        else:
            entry.undo(by=by, version=version)
    except ValidationError as error:
        return Outcome("invalid", entry, act, " ".join(error.messages))
    except TransitionRefused as refused:
        stands = Entry.objects.for_transition().get(pk=entry.pk)
        if is_done(stands, decision, by=by):
            return Outcome("done", stands, act)
        return Outcome("stale" if refused.code == "stale" else "refused", stands, act, refused.message)
    return Outcome("done", entry, act)


def is_done(stands: Entry, decision: Decision, *, by: User) -> bool:
    """A second click, or a retry after a lost answer: what is asked for stands here, so nothing is refused."""
    last = stands.events.order_by("-pk").first()
    return (
        last is not None
        and stands.version == decision.version + 1
        and (last.by_id, last.action in DONE[decision.act]) == (by.pk, True)
        and last.comment == decision.comment.strip()
    )
