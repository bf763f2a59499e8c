"""The body that a report is about: one's own, or one of one's scope that the address names; by a line or by either."""

from __future__ import annotations

from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404
from django.urls import reverse

from tracker.middleware import SignedIn
from tracker.models import Line, Organization, Plan, User
from tracker.models.organizations import ROOT_PATH, SEGMENT, OrganizationQuerySet

from .viewed import body_of


class Place(NamedTuple):
    user: User
    plan: Plan
    body: Organization
    line: str  # empty for either line

    @classmethod
    def asked(cls, request: SignedIn, plan: Plan) -> Self:
        """One query. Raises Http404 for a body out of scope, and where the body does not stand in the line."""
        user, line = request.user, request.GET.get("line", "")
        place = cls(user, plan, body_of(user, request.GET), line)
        if line and (line not in Line.values or (line == Line.INDUSTRIAL and not place.in_both_lines)):
            raise Http404
        return place

    @property
    def in_both_lines(self) -> bool:
        return self.body.path == ROOT_PATH or self.body.industry_path is not None

    @property
    def is_own(self) -> bool:
        """The whole of one's scope."""
        return self.body == self.user.organization and not self.line

    @property
    def is_whole(self) -> bool:
        """The whole federation, seen by somebody who sees it."""
        return self.body.path == ROOT_PATH and self.line != Line.INDUSTRIAL and self.user.sees_below

    def scope(self, prefix: str = "") -> Q:
        """The assignments at or below the body that the person may see, as a condition on the one `prefix` leads to."""
        visible = self.user.assignment_scope(prefix)
        return (
            visible if self.is_own else visible & self.body.subtree(f"{prefix}organization__", line=self.line or None)
        )

    def below(self) -> OrganizationQuerySet:
        """The bodies directly below that the person may see: by the line, or by either."""
        return Organization.objects.visible_to(self.user).filter(self.body.directly_below(self.line))

    def above(self) -> list[Organization]:
        """From the person's own body, or as high as they see, down to the parent: by the line. One query."""
        path, column = self.body.path, "path"
        if self.line == Line.INDUSTRIAL and self.body.path != ROOT_PATH:
            path, column = self.body.industry_path or "", "industry_path"
        prefixes = [path[:end] for end in range(SEGMENT, len(path), SEGMENT)]
        rows = Organization.objects.visible_to(self.user).filter(
            Q(**{f"{column}__in": prefixes}) | Q(path__in=prefixes)
        )
        return list(rows.order_by(column))

    def at(self, body: Organization) -> Self:
        return self._replace(body=body)

    # Addresses that keep the place.

    def query(self, **more: Any) -> str:
        """The query string that names the body and the line, where they are not one's own and either; and `more`."""
        named = {} if self.is_own else {"organization": self.body.code, "line": self.line}
        return urlencode([(key, value) for key, value in (named | more).items() if value])

    def address(self, page: str, *args: Any, **more: Any) -> str:
        query = self.query(**more)
        return reverse(page, args=[self.plan.slug, *args]) + (f"?{query}" if query else "")
