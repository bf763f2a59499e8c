"""The states of an entry and the moves between them (rule 2)."""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.utils.translation import pgettext_lazy

from .events import Event


class State(models.TextChoices):
    DUE = "due", pgettext_lazy("entry", "To be reported")
    DRAFT = "draft", pgettext_lazy("entry", "Draft")
    SUBMITTED = "submitted", pgettext_lazy("entry", "Awaiting review")
    RETURNED = "returned", pgettext_lazy("entry", "Returned")
    ACCEPTED = "accepted", pgettext_lazy("entry", "Accepted")
    EXCUSED = "excused", pgettext_lazy("entry", "Excused")


class Move(NamedTuple):
    action: str
    sources: tuple[str, ...]
    target: str


WRITABLE = (State.DUE, State.DRAFT, State.RETURNED)
REPORTED = (State.SUBMITTED, State.RETURNED, State.ACCEPTED)  # handed in, whatever was decided on it since
DRAFT = Move(Event.Action.DRAFTED, WRITABLE, State.DRAFT)
SUBMIT = Move(Event.Action.SUBMITTED, WRITABLE, State.SUBMITTED)
WITHDRAW = Move(Event.Action.WITHDRAWN, (State.SUBMITTED,), State.DRAFT)
SIGN_OFF = Move(Event.Action.SIGNED_OFF, (State.SUBMITTED,), State.SUBMITTED)
ACCEPT = Move(Event.Action.ACCEPTED, (State.SUBMITTED,), State.ACCEPTED)
RETURN = Move(Event.Action.RETURNED, (State.SUBMITTED,), State.RETURNED)
REOPEN = Move(Event.Action.REOPENED, (State.ACCEPTED,), State.RETURNED)
EXCUSE = Move(Event.Action.EXCUSED, (*WRITABLE, State.SUBMITTED), State.EXCUSED)
OWE = Move(Event.Action.OWED_AGAIN, (State.EXCUSED,), State.DUE)
UNDO = Move(Event.Action.UNDONE, (State.ACCEPTED, State.RETURNED), State.SUBMITTED)


class TransitionRefused(Exception):
    """A transition that the rules or somebody faster forbid. `code` says which; the message is for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
