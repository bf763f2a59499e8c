"""What a summary is about: a plan, a body as one line sees it, a period; and the addresses of the rows behind it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from tracker.models import Line, Organization, Period, Plan, State, User
from tracker.models.organizations import ROOT_PATH, SEGMENT
from tracker.models.tallies import counting_path

OWED = [state for state in State.values if state != State.EXCUSED]  # rule 1


class Viewed:
    """Read from a query string: `organization` (its code; one's own without), `line` and `period`.

    Raises Http404 for what lies outside the person's scope or does not exist.
    """

    def __init__(self, user: User, slug: str, query: QueryDict) -> None:
        self.user, self.query = user, query
        self.plan = get_object_or_404(Plan, slug=slug)
        self.body = body_of(user, query)
        self.lines = lines_of(user, self.body)
        named = query.get("line", "")
        if named and named not in Line.values:
            raise Http404
        self.line = Line(named) if named in self.lines else self.natural(self.body)
        self.period = self._period(query.get("period", ""))

    def _period(self, code: str) -> Period | None:
        """The one named, else the one that is due next."""
        return period_named(self.periods, code) or period_now(self.periods)

    @cached_property
    def periods(self) -> list[Period]:
        """Those that have opened, the newest first. One query."""
        return list(self.plan.periods.exclude(opened_at=None).order_by("-due", "-pk"))

    @property
    def before(self) -> Period | None:
        """The period of the same kind before the one looked at."""
        if self.period is None:
            return None
        earlier = [one for one in self.periods if one.kind == self.period.kind and one.due < self.period.due]
        return next(iter(earlier), None)

    def lately(self, most: int) -> list[Period]:
        """The period looked at and those of its kind before it, oldest first."""
        period = self.period
        if period is None:
            return []
        return [one for one in self.periods if one.kind == period.kind and one.due <= period.due][:most][::-1]

    @cached_property
    def children(self) -> list[Organization]:
        """The bodies directly below in this line, by code; for who reviews, all they review. One query."""
        visible = Organization.objects.visible_to(self.user).order_by("code")
        if not self.user.sees_below:
            return list(visible.exclude(pk=self.body.pk)) if self.body == self.user.organization else []
        return list(visible.filter(self.body.directly_below(self.line)))

    @property
    def whole(self) -> Organization | None:
        """Whose rows all of it is: the body's with all below it; for who reviews, whatever they may see."""
        return self.body if self.user.sees_below or not self.children else None

    @property
    def itself(self) -> list[Organization]:
        """The body, where it stands in the line: the root is above the industrial one, not in it."""
        return [] if self.line == Line.INDUSTRIAL and self.body.parent_id is None else [self.body]

    @property
    def counted(self) -> list[Organization]:
        """The bodies whose counts, each with all the person sees below it, together are all of it."""
        return self.itself if self.user.sees_below and self.itself else [*self.itself, *self.children]

    @cached_property
    def trail(self) -> list[Organization]:
        """From one's own body down to the one above the viewed, in this line. One query."""
        return crumbs(self.user, self.body, self.line) if self.user.sees_below else []

    # Addresses.

    def address(self, page: str = "overview", *args: Any, **changes: Any) -> str:
        """A summary's page on the same body, line and period, but for `changes`; blank ones are left out."""
        body = changes.pop("body", self.body)
        period = changes.pop("period", self.period)
        line = changes.pop("line", self.line)
        told = {
            "organization": "" if body == self.user.organization else body.code,
            "line": "" if line == self.natural(body) else line,
            "period": period.code if period else "",
        } | changes
        query = urlencode([(name, value) for name, value in told.items() if value != ""])
        return reverse(page, args=[self.plan.slug, *args]) + (f"?{query}" if query else "")

    def natural(self, body: Organization) -> Line:
        """The line in which a body is seen where none is named."""
        return Line(usual_line(lines_of(self.user, body), body) or Line.TERRITORIAL)

    def rows(self, body: Organization | None, *, alone: bool = False, **conditions: Any) -> str:
        """The ledger's rows of a body, with all below it in this line or alone, under more conditions; without a body
        all that the person may see."""
        told: dict[str, Any] = {"organization": body.code if body else ""}
        if body:
            told |= {"below": "no"} if alone or not self.user.sees_below else {"line": self.line}
        told |= conditions
        pairs = [(name, one) for name, value in told.items() for one in (value if is_many(value) else [value])]
        return f"{reverse('ledger', args=[self.plan.slug])}?{urlencode([pair for pair in pairs if pair[1] != ''])}"

    def owing(self, body: Organization | None, state: Iterable[str] = OWED, **conditions: Any) -> str:
        """The rows that owe in this period, in these states."""
        assert self.period
        return self.rows(body, period=self.period.code, state=state, **conditions)


def is_many(value: Any) -> bool:
    return not isinstance(value, str) and isinstance(value, Iterable)


def body_of(user: User, query: QueryDict) -> Organization:
    """The body that a query string names, else one's own. Raises Http404 for what is out of scope. One query."""
    bodies, code = Organization.objects.visible_to(user).select_related("parent", "industry"), query.get("organization")
    if code and "\0" not in code:
        return get_object_or_404(bodies, code=code)
    if code or user.organization is None:
        raise Http404
    return get_object_or_404(bodies, pk=user.organization.pk)


def lines_of(user: User, body: Organization) -> list[Line]:
    """The lines in which a body can be looked at with all below it: the viewer's own stands above it, or is it, so
    that all below it lies in scope."""
    own = user.organization
    if own is None or not user.sees_below:
        return []
    paths = [(line, body.path_in(line), own.path_in(line)) for line in Line]
    return [line for line, path, top in paths if path and top and path.startswith(top)]


def crumbs(user: User, body: Organization, line: str) -> list[Organization]:
    """From the viewer's own body down to the one above this. One query."""
    own = user.organization
    assert own
    path, top = body.path_in(line), own.path_in(line)
    if not user.sees_below or path is None or top is None:
        return [own] if own != body else []
    above = [path[:end] for end in range(len(top), len(path), SEGMENT)]
    column = Q(path__in=above) if line == Line.TERRITORIAL else Q(industry_path__in=above)
    bodies = Organization.objects.filter(column | Q(path__in={ROOT_PATH}.intersection(above)))
    return sorted(bodies, key=lambda each: len(each.path_in(line) or ""))


def usual_line(lines: list[Line], body: Organization) -> str:
    """The line a board is in where none is chosen: the body's own, if it can be looked at in that."""
    own = counting_path(body)[0]
    return own if own in lines else next(iter(lines), "")


def period_named(periods: list[Period], code: str) -> Period | None:
    """None where the address names none. Raises Http404 for what has not opened."""
    period = next((period for period in periods if period.code == code), None)
    if code and period is None:
        raise Http404
    return period


def period_now(periods: list[Period]) -> Period | None:
    """Of the opened periods, the newest first: the one due next, else the last that is not locked, else the newest."""
    today = timezone.localdate()
    ahead = [period for period in periods if period.due >= today]
    unlocked = [period for period in periods if not period.is_locked]
    return next(iter(ahead[::-1] or unlocked or periods), None)
