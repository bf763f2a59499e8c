"""Taking bodies to other places of the tree: whole subtrees rewritten set-wise, both lines kept right."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Concat, Left, Length, Substr
from django.utils.translation import gettext as _
from simple_history.utils import bulk_update_with_history

from .assignments import Assignment
from .entries import Entry
from .handings import Handing
from .moves import TransitionRefused
from .organizations import DEEPEST, SEGMENT, Line, Organization, paths_below, within
from .plan import Task

if TYPE_CHECKING:
    from .people import User

BATCH = 200  # prefixes rewritten by one statement
ATTEMPTS = 12  # of 0.8 seconds at most
HELD = (Entry, Assignment, Handing, Organization, Task)


@contextmanager
def holding() -> Iterator[None]:
    """One transaction in which nobody else writes what stands on the tree; readers go on.

    SQLite has but one writer. On PostgreSQL the tables are locked before anything is touched: a body added under a
    parent whose path is being rewritten would keep the old one, and rows locked one by one could meet other writers in
    a ring. PostgreSQL looks for rings when somebody has waited for a second, and stops whom it likes; so whoever waits
    for a table of ours, while we wait for the next, is let go before that, and we come again. Raises TransitionRefused
    when it is never quiet.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            hold_tables()
        yield


def hold_tables() -> None:
    names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in HELD)
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '800ms'")
                cursor.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
            return
        except OperationalError:
            time.sleep(0.05 * (attempt + 1))
    raise TransitionRefused("busy", _("Many are writing just now, so nothing was changed. Try again in a minute."))


class Place(NamedTuple):
    """A body, and under whom it is to stand."""

    body: Organization
    parent: Organization
    industry: Organization | None

    @property
    def changes_parent(self) -> bool:
        return self.parent.pk != self.body.parent_id

    @property
    def changes_industry(self) -> bool:
        return (self.industry.pk if self.industry else None) != self.body.industry_id


class Shift(NamedTuple):
    """A body's paths, as they were and as they will be."""

    body: Organization
    old: str
    new: str
    old_industry: str | None
    new_industry: str | None

    # The industrial path of a body outside that line, as the bodies below it see it: their own line begins there.

    @property
    def industry_from(self) -> str:
        return self.old_industry or self.old

    @property
    def industry_to(self) -> str:
        return self.new_industry or self.new


def relocate(places: list[Place], *, by: User | None, reason: str) -> None:
    """Put bodies under other parents, with everything below them. Inside `holding()`.

    `places` share the objects of their parents, so that no number is given out twice. None may lead below itself: see
    `reaches`. Costs few statements for each 200 bodies that are moved, whatever stands below them; tiers and tallies
    are the caller's. Raises ValidationError when a tree would be too deep, a parent is full, or an industrial parent
    would leave the industrial line.
    """
    try:
        shifts = [shift(place) for place in places]
    except OverflowError:
        raise ValidationError({"parent": _("The new parent has no room for more bodies.")}) from None
    check_depth(shifts)
    rewrite("path", [(moved.old, moved.new) for moved in shifts])
    rewrite("industry_path", [(moved.industry_from, moved.industry_to) for moved in shifts])
    join_line([moved for moved in shifts if moved.new_industry and not moved.old_industry])
    leave_line([moved for moved in shifts if moved.old_industry and not moved.new_industry])
    for place in places:
        place.body.parent, place.body.industry = place.parent, place.industry
    bulk_update_with_history(
        [place.body for place in places],
        Organization,
        ["parent", "industry"],
        batch_size=BATCH,
        default_user=by,
        default_change_reason=reason,
    )
    for pk, count in {above.pk: above.last_child for place in places for above in place[1:] if above}.items():
        Organization.objects.filter(pk=pk).update(last_child=count)


def shift(place: Place) -> Shift:
    """The paths as `Organization.place()` would give them out; what does not change keeps its number."""
    body, parent, industry = place.body, place.parent, place.industry
    own = parent.next_child() if place.changes_parent else body.path[-SEGMENT:]
    if industry and not place.changes_industry:
        return Shift(body, body.path, parent.path + own, body.industry_path, body.industry_path)
    own_there = own if industry is None or industry.pk == parent.pk else industry.next_child()
    path, industry_path = paths_below(body.line, parent, own, industry, own_there)
    return Shift(body, body.path, path, body.industry_path, industry_path)


def check_depth(shifts: list[Shift]) -> None:
    """No deeper than a path has room for, by either line. A query for each 200 prefixes and line."""
    longest = 0
    for column, pairs in (
        ("path", [(moved.old, moved.new) for moved in shifts]),
        ("industry_path", [(moved.industry_from, moved.industry_to) for moved in shifts]),
        (
            "path",
            [(moved.old, moved.new_industry) for moved in shifts if moved.new_industry and not moved.old_industry],
        ),
    ):
        for length, some, below in spans(column, pairs):
            deepest = below.aggregate(most=Max(Length(column)))["most"] or length
            longest = max(longest, deepest - length + max(map(len, some.values())))
    if longest > DEEPEST * SEGMENT:
        words = _("The lowest body would stand on level %(depth)d of the tree; there is room for %(most)d.")
        raise ValidationError({"parent": words % {"depth": longest // SEGMENT, "most": DEEPEST}})


Pairs = Iterable[tuple[str, str]]


def spans(column: str, pairs: Pairs) -> Iterator[tuple[int, dict[str, str], QuerySet[Organization]]]:
    """Prefixes, 200 of one length at a time: how long, old to new, and the bodies whose path begins with any."""
    for length, group in groupby(sorted(pairs, key=lambda pair: (len(pair[0]), pair)), key=lambda pair: len(pair[0])):
        alike = list(group)
        for first in range(0, len(alike), BATCH):
            some = dict(alike[first : first + BATCH])
            # One range holds them all; what else lies in it is left alone.
            span = Organization.objects.filter(**{f"{column}__gte": min(some), f"{column}__lt": max(some) + "~"})
            if len(some) > 1:
                span = span.annotate(begins=Left(column, length)).filter(begins__in=list(some))
            yield length, some, span.order_by()


def rewrite(column: str, pairs: Pairs, *, to: str = "", where: Q | None = None) -> None:
    """Give whatever begins with an old prefix the new one instead; or write it to another column."""
    line = Line.TERRITORIAL if column == "path" else Line.INDUSTRIAL
    for length, some, span in spans(column, [(old, new) for old, new in pairs if old != new or to]):
        begins = Case(*(When(within(old, line=line), then=Value(new)) for old, new in some.items()))
        span = span.filter(where) if where is not None else span
        span.update(**{to or column: Concat(begins, Substr(column, length + 1))})


def join_line(joining: list[Shift]) -> None:
    """Bodies below one that comes into the industrial line come with it, each by its own number."""
    pairs = [(moved.new, moved.industry_to) for moved in joining]
    rewrite("path", pairs, to="industry_path", where=Q(industry_path=None))


def leave_line(leaving: list[Shift]) -> None:
    """Bodies that were in the industrial line through one that leaves it leave too, down to where a line begins anew.

    By now their industrial path is their path. Raises ValidationError where others have one of them as their industrial
    parent.
    """
    for moved in leaving:
        ends = range(len(moved.new), DEEPEST * SEGMENT + 1, SEGMENT)
        begun = Organization.objects.filter(
            within(moved.new), line=Line.INDUSTRIAL, path__in=[Left(OuterRef("path"), end) for end in ends]
        )
        below = Organization.objects.filter(within(moved.new), industry_path=F("path"))
        below.exclude(Exists(begun)).order_by().update(industry_path=None)
        lost = Organization.objects.filter(within(moved.new, "industry__"), industry__industry_path=None).first()
        if lost:
            words = _("“%(body)s” has its industrial parent here, which would leave that line. Move it first.")
            raise ValidationError({"parent": words % {"body": lost}})


def reaches(body: Organization, top: Organization) -> bool:
    """Whether the way up from a body, by either line at every step, comes to another. A query a level."""
    seen: set[int] = set()
    ahead = {body.pk}
    while ahead:
        if top.pk in ahead:
            return True
        seen |= ahead
        pairs = Organization.objects.filter(pk__in=ahead).order_by().values_list("parent", "industry")
        ahead = {pk for pair in pairs for pk in pair if pk} - seen
    return False
