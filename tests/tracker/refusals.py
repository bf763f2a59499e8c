"""How the tests of the rules read a record anew, and how they see that a refusal changed nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tracker.models import (
    Assignment,
    AssignmentTally,
    Entry,
    EntryTally,
    Event,
    Line,
    Membership,
    Organization,
    Period,
    Plan,
    TransitionRefused,
    User,
)


def fresh(entry: Entry) -> Entry:
    return Entry.objects.for_transition().get(pk=entry.pk)


def tally(entry: Entry, line: str = "territorial") -> EntryTally:
    tier = entry.assignment.organization.tier
    return EntryTally.objects.get(line=line, tier=tier, period=entry.period, set_aside=False)


def everything(entry: Entry) -> list[Any]:
    """What a refusal must leave as it was: the row, its assignment, its events and the counts."""
    return [
        Entry.objects.values().get(pk=entry.pk),
        Assignment.objects.values().get(pk=entry.assignment_id),
        list(Event.objects.filter(assignment=entry.assignment_id).order_by("pk").values()),
        list(EntryTally.objects.order_by("pk").values()),
        list(AssignmentTally.objects.order_by("pk").values()),
    ]


@contextmanager
def refused(entry: Entry, code: str) -> Iterator[None]:
    before = everything(entry)
    with pytest.raises(TransitionRefused) as refusal:
        yield
    assert refusal.value.code == code
    assert str(refusal.value)
    assert everything(entry) == before


@contextmanager
def invalid(entry: Entry, *fields: str) -> Iterator[None]:
    before = everything(entry)
    with pytest.raises(ValidationError) as error:
        yield
    assert set(error.value.message_dict) == set(fields)
    assert everything(entry) == before


def as_also(user: User, role: str, organization: Organization) -> User:
    """The same person, holding and acting in another role too."""
    Membership.objects.create(person=user, organization=organization, role=role)
    again = User.objects.get(pk=user.pk)
    again.acting = again.memberships.get(organization=organization, role=role)
    return again


def review(plan: Plan, kind: str) -> None:
    Plan.objects.filter(pk=plan.pk).update(review=kind)


def standing_tallies() -> list[set[tuple[Any, ...]]]:
    """The tallies as they stand, without the rows that count nothing."""
    return [
        {row for row in AssignmentTally.objects.values_list(*key(AssignmentTally)) if any(row[4:])},
        {row for row in EntryTally.objects.filter(set_aside=False).values_list(*key(EntryTally)) if any(row[5:])},
    ]


def recounted_tallies() -> list[set[tuple[Any, ...]]]:
    """The tallies as they ought to be, counted from the records."""
    entries = [f"n_{name}" for name in EntryTally.COUNTS]
    return [
        {row for line in Line.values for row in AssignmentTally.counted(line).values_list(*key(AssignmentTally))},
        {
            row
            for line in Line.values
            for period in Period.objects.all()
            for row in EntryTally.counted(period, line).values_list(*EntryTally.KEY, *entries)
        },
    ]


def key(tally: type[AssignmentTally] | type[EntryTally]) -> tuple[str, ...]:
    return (*tally.KEY, *tally.COUNTS)
