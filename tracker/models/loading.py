"""Loading organizations many at a time: every row checked before one is written, paths as `place()` gives them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Left
from django.utils.translation import gettext as _
from simple_history.utils import bulk_update_with_history

from .organizations import ROOT_PATH, SEGMENT, TIER_DEPTH, Level, Line, Organization, segment

COLUMNS = ("code", "name", "short_name", "level", "line", "parent_code", "industry_parent_code")
CHANGEABLE = ("name", "short_name", "level")
BATCH = 1_000
DEEPEST = Organization._meta.get_field("path").max_length // SEGMENT  # type: ignore[operator]


class Row(NamedTuple):
    """One line of a file, as text; `cells` is how many cells it had."""

    number: int
    code: str
    name: str
    short_name: str
    level: str
    line: str
    parent_code: str
    industry_parent_code: str
    cells: int = len(COLUMNS)

    @property
    def parents(self) -> list[str]:
        return [code for code in (self.parent_code, self.industry_parent_code) if code]


class Loaded(NamedTuple):
    made: int
    changed: int
    unchanged: int


def complaint(number: int, column: str, message: str) -> str:
    return _("Line %(number)d, column %(column)s: %(message)s") % {
        "number": number,
        "column": column,
        "message": message,
    }


@transaction.atomic
def load_organizations(rows: Iterable[Row]) -> Loaded:
    """Make the bodies that are new, rename those that are not, in one transaction.

    Rows may come in any order. Raises ValidationError with a message for every bad row, and then writes nothing.
    The standing bodies are locked meanwhile, so that nobody else gives out the same paths.
    """
    loading = Loading(rows)
    loading.check()
    if loading.complaints:
        raise ValidationError([message for _number, message in sorted(loading.complaints, key=itemgetter(0))])
    changed = loading.rename()
    return Loaded(loading.make(), changed, len(loading.rows) - len(loading.new) - changed)


class Loading:
    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        standing = Organization.objects.select_for_update(of=("self",)).order_by("pk")
        self.standing = {body.code: body for body in standing}
        self.by_pk = {body.pk: body.code for body in self.standing.values()}
        self.new: dict[str, Row] = {}
        self.complaints: list[tuple[int, str]] = []

    def complain(self, row: Row, column: str, message: str) -> None:
        """Name a bad cell; where cells are missing or too many, the rest of that line means nothing."""
        if row.cells == len(COLUMNS):
            self.complaints.append((row.number, complaint(row.number, column, message)))

    # Checking: one pass per question, so that every bad row is named at once.

    def check(self) -> None:
        self._check_values()
        self._check_codes()
        for row in self.rows:
            if row.code in self.standing:
                self._check_unmoved(row, self.standing[row.code])
        for row in self.new.values():
            self._check_parents(row)
        self._check_root()
        if not self.complaints:
            self._check_depth()
        if not self.complaints:
            self._check_industry()

    def _check_values(self) -> None:
        """What one column may hold, by the record's own fields."""
        fields: dict[str, Any] = {
            name: Organization._meta.get_field(name) for name in ("code", "name", "short_name", "level", "line")
        }
        for row in self.rows:
            if row.cells != len(COLUMNS):
                message = _("Line %(line)d has %(count)d columns; there should be %(wanted)d.")
                values = {"line": row.number, "count": row.cells, "wanted": len(COLUMNS)}
                self.complaints.append((row.number, message % values))
            for name, field in fields.items():
                try:
                    field.clean(getattr(row, name), None)
                except ValidationError as error:
                    self.complain(row, name, " ".join(error.messages))

    def _check_codes(self) -> None:
        first: dict[str, int] = {}
        for row in self.rows:
            if row.code in first:
                message = _("The code %(code)s stands in line %(line)d already.")
                self.complain(row, "code", message % {"code": row.code, "line": first[row.code]})
                continue
            first[row.code] = row.number
            if row.code not in self.standing:
                self.new[row.code] = row

    def _check_unmoved(self, row: Row, body: Organization) -> None:
        for column, pk in (("parent_code", body.parent_id), ("industry_parent_code", body.industry_id)):
            stands = self.by_pk[pk] if pk else ""
            if getattr(row, column) != stands:
                message = _("%(code)s stands under “%(parent)s”. Loading moves nobody; that is done elsewhere.")
                self.complain(row, column, message % {"code": row.code, "parent": stands})
        if row.line != body.line:
            message = _("%(code)s belongs to the line “%(line)s”. Loading moves nobody; that is done elsewhere.")
            self.complain(row, "line", message % {"code": row.code, "line": body.line})

    def _check_parents(self, row: Row) -> None:
        for column in ("parent_code", "industry_parent_code"):
            code = getattr(row, column)
            if code and code not in self.new and code not in self.standing:
                self.complain(row, column, _("There is no organization with the code %(code)s.") % {"code": code})
        if row.industry_parent_code and not row.parent_code:
            self.complain(row, "parent_code", _("An industrial parent stands beside a parent, never alone."))

    def _check_root(self) -> None:
        roots = any(body.parent_id is None for body in self.standing.values())
        for row in self.new.values():
            if row.parents:
                continue
            if roots:
                message = _("Only the national body may stand without a parent, and there is one.")
                self.complain(row, "parent_code", message)
            elif row.level != Level.NATIONAL and row.level in Level.values:
                self.complain(row, "level", _("The one body without a parent is the national body."))
            roots = True

    def _check_depth(self) -> None:
        """No cycles, and no more levels than a path has room for."""
        depths: dict[str, tuple[int, int]] = {}
        cycles = self._cyclic()
        for row in self.new.values():
            if row.code in cycles:
                message = _("%(code)s stands below itself: its parents lead back to it.")
                self.complain(row, "parent_code", message % {"code": row.code})
        if cycles:
            return
        for row in self._parents_first():
            depths[row.code] = self._depths_of(row, depths)
            if max(depths[row.code]) > DEEPEST:
                message = _("This body would stand on level %(depth)d of the tree; there is room for %(most)d.")
                self.complain(row, "parent_code", message % {"depth": max(depths[row.code]), "most": DEEPEST})

    def _depths_of(self, row: Row, depths: dict[str, tuple[int, int]]) -> tuple[int, int]:
        """How deep by territory and by industry."""

        def of(code: str) -> tuple[int, int]:
            if code in depths:
                return depths[code]
            body = self.standing.get(code)
            if body is None:
                return (0, 0)
            return body.depth, len(body.industry_path or body.path) // SEGMENT

        above = of(row.parent_code)
        return above[0] + 1, (of(row.industry_parent_code)[1] if row.industry_parent_code else above[1]) + 1

    def _cyclic(self) -> set[str]:
        """The new codes from which the way up never reaches the top: whoever is left when the tops are taken away."""
        waiting = {row.code: {code for code in row.parents if code in self.new} for row in self.new.values()}
        below: dict[str, list[str]] = {}
        for code, parents in waiting.items():
            for parent in parents:
                below.setdefault(parent, []).append(code)
        tops = [code for code, parents in waiting.items() if not parents]
        while tops:
            top = tops.pop()
            del waiting[top]
            for code in below.get(top, ()):
                waiting[code].discard(top)
                if not waiting[code]:
                    tops.append(code)
        return set(waiting)

    def _check_industry(self) -> None:
        in_line = {body.code for body in self.standing.values() if body.industry_path}
        for row in self._parents_first():
            if row.industry_parent_code and row.industry_parent_code not in in_line:
                message = _("The industrial parent must itself belong to the industrial line.")
                self.complain(row, "industry_parent_code", message)
            elif not row.parent_code and row.line == Line.INDUSTRIAL:
                self.complain(row, "line", _("The national body belongs to the territorial line."))
            if row.line == Line.INDUSTRIAL or row.industry_parent_code or row.parent_code in in_line:
                in_line.add(row.code)

    def _parents_first(self) -> Iterator[Row]:
        """The new rows in the order of the file, but a parent that comes later is taken before its children."""
        done: set[str] = set()
        for row in self.new.values():
            stack = [row]
            while stack:
                top = stack[-1]
                above = [self.new[code] for code in top.parents if code in self.new and code not in done]
                if above:
                    stack.append(above[0])
                    continue
                stack.pop()
                if top.code not in done:
                    done.add(top.code)
                    yield top

    # Writing.

    def rename(self) -> int:
        """Give standing bodies the names and levels of the file, with history. Returns how many changed."""
        changed = []
        for row in self.rows:
            body = self.standing.get(row.code)
            if body and any(getattr(body, name) != getattr(row, name) for name in CHANGEABLE):
                for name in CHANGEABLE:
                    setattr(body, name, getattr(row, name))
                changed.append(body)
        if changed:
            bulk_update_with_history(changed, Organization, list(CHANGEABLE), batch_size=BATCH)
        return len(changed)

    def make(self) -> int:
        """Insert the new bodies, parents before children, a generation at a time; returns how many."""
        bodies = dict(self.standing)
        before = Counter({code: body.last_child for code, body in bodies.items()})
        generations: dict[str, int] = {}
        waves: dict[int, list[Organization]] = {}
        for row in self._parents_first():
            body = bodies[row.code] = self._placed(row, bodies)
            generations[row.code] = wave = 1 + max((generations.get(code, 0) for code in row.parents), default=0)
            waves.setdefault(wave, []).append(body)
        for _wave, members in sorted(waves.items()):
            Organization.objects.bulk_create(members, batch_size=BATCH)  # the parents have their keys by now
            Organization.history.bulk_history_create(members, batch_size=BATCH)
        had_children = [body for code, body in self.standing.items() if body.last_child != before[code]]
        Organization.objects.bulk_update(had_children, ["last_child"], batch_size=BATCH)
        self._set_tiers()
        return len(self.new)

    def _placed(self, row: Row, bodies: dict[str, Organization]) -> Organization:
        """As `Organization.place()` does it, with the counters in memory."""
        parent, industry = bodies.get(row.parent_code), bodies.get(row.industry_parent_code)
        body = Organization(
            code=row.code,
            name=row.name,
            short_name=row.short_name,
            level=row.level,
            line=row.line,
            parent=parent,
            industry=industry,
            path=ROOT_PATH,
        )
        if parent is None:
            return body
        own = next_child_of(parent)
        body.path = parent.path + own
        if industry:
            segment_there = own if industry is parent else next_child_of(industry)
            body.industry_path = (industry.industry_path or industry.path) + segment_there
        elif row.line == Line.INDUSTRIAL and not parent.industry_path:
            body.industry_path = body.path
        elif parent.industry_path:
            body.industry_path = parent.industry_path + own
        return body

    @staticmethod
    def _set_tiers() -> None:
        """The bodies whose tallies count each one: the ancestor at tier depth, or oneself. Two statements."""
        cut = SEGMENT * TIER_DEPTH
        by_path = Organization.objects.filter(path=Left(OuterRef("path"), cut)).order_by().values("pk")
        by_industry = Organization.objects.filter(industry_path=Left(OuterRef("industry_path"), cut)).order_by()
        unset = Organization.objects.filter(tier=None)
        unset.exclude(industry_path=None).update(industry_tier=Subquery(by_industry.values("pk")))
        unset.update(tier=Subquery(by_path))


def next_child_of(parent: Organization) -> str:
    parent.last_child += 1
    return segment(parent.last_child)
