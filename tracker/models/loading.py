"""Loading organizations many at a time: every row checked before one is written, paths as `place()` gives them out."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from simple_history.utils import bulk_update_with_history

from .organizations import DEEPEST, ROOT_PATH, SEGMENT, Level, Line, Organization, paths_below

if TYPE_CHECKING:
    from .people import User

COLUMNS = ("code", "name", "short_name", "level", "line", "parent_code", "industry_parent_code")
OPTIONAL = ("kind", "credit_code", "founded_on", "contact", "telephone")  # an empty cell leaves what stands
CHANGEABLE = ("name", "short_name", "level")
LONGEST = 200  # characters of a cell that are looked at; no column takes more
BATCH = 1_000


class Row(NamedTuple):
    """One line of a file, as text; `cells` is how many cells it had, `wanted` how many the header has."""

    number: int
    code: str
    name: str
    short_name: str
    level: str
    line: str
    parent_code: str
    industry_parent_code: str
    kind: str = ""
    credit_code: str = ""
    founded_on: str = ""
    contact: str = ""
    telephone: str = ""
    cells: int = len(COLUMNS)
    wanted: int = len(COLUMNS)

    @property
    def parents(self) -> list[str]:
        return [code for code in (self.parent_code, self.industry_parent_code) if code]


class Table(NamedTuple):
    """A file's rows, and what it calls its columns."""

    rows: list[Row]
    headers: dict[str, str]


class Loaded(NamedTuple):
    made: int
    changed: int
    unchanged: int


class Complaint(NamedTuple):
    """What is wrong, and where; without a column the whole line is."""

    number: int
    column: str
    message: str

    def __str__(self) -> str:
        if not self.column:
            return self.message
        return _("Line %(number)d, column %(column)s: %(message)s") % self._asdict()


@transaction.atomic
def load_organizations(table: Table, *, by: User | None = None) -> Loaded:
    """Make the bodies that are new, describe anew those that are not, in one transaction.

    Rows may come in any order. Raises ValidationError with a message for every bad row, and then writes nothing.
    The standing bodies are locked meanwhile, so that nobody else gives out the same paths. `by` is None for the system
    itself; anybody else loads within the bodies they administer.
    """
    loading = Loading(table, by)
    loading.check()
    if loading.complaints:
        raise ValidationError([str(complaint) for complaint in loading.complaints])
    return Loaded(loading.make(), loading.describe(), loading.unchanged)


@transaction.atomic
def look_over(table: Table, *, by: User | None) -> Loading:
    """The same checks, and nothing is written: what is new, what would change, what is wrong."""
    loading = Loading(table, by)
    loading.check()
    return loading


class Loading:
    def __init__(self, table: Table, by: User | None) -> None:
        self.rows, self.headers, self.by = table.rows, table.headers, by
        standing = Organization.objects.select_for_update(of=("self",)).order_by("pk")
        self.standing = {body.code: body for body in standing}
        self.by_pk = {body.pk: body.code for body in self.standing.values()}
        self.new: dict[str, Row] = {}
        self.changed: dict[str, dict[str, Any]] = {}  # a standing body's fields that the file has otherwise
        self.named: dict[tuple[int, str], Complaint] = {}

    @property
    def complaints(self) -> list[Complaint]:
        return sorted(self.named.values(), key=attrgetter("number"))

    @property
    def unchanged(self) -> int:
        return len(self.rows) - len(self.new) - len(self.changed)

    @cached_property
    def editable(self) -> set[str] | None:
        """The codes of the bodies this person administers; None where that is all of them. One query."""
        if self.by is None:
            return None
        return set(Organization.objects.editable_by(self.by).order_by().values_list("code", flat=True))

    def complain(self, row: Row, column: str, message: str) -> None:
        """Name a bad cell, once; where cells are missing or too many, the rest of that line means nothing."""
        if row.cells == row.wanted:
            named = Complaint(row.number, self.headers.get(column, column), message)
            self.named.setdefault((row.number, column), named)

    # Checking: one pass per question, so that every bad row is named at once.

    def check(self) -> None:
        self._check_values()
        self._check_codes()
        self._check_credit_codes()
        for row in self.rows:
            if row.code in self.standing:
                self._check_unmoved(row, self.standing[row.code])
        for row in self.new.values():
            self._check_parents(row)
        self._check_root()
        if not self.named:
            self._check_depth()
        if not self.named:
            self._check_industry()
        if not self.named:
            self._compare()

    def _check_values(self) -> None:
        """What one column may hold, by the record's own fields."""
        fields: dict[str, Any] = {
            name: Organization._meta.get_field(name)
            for name in (*COLUMNS, *OPTIONAL)
            if name not in ("parent_code", "industry_parent_code")
        }
        for row in self.rows:
            if row.cells != row.wanted:
                message = _("Line %(line)d has %(count)d columns; there should be %(wanted)d.")
                values = {"line": row.number, "count": row.cells, "wanted": row.wanted}
                self.named[row.number, ""] = Complaint(row.number, "", message % values)
                continue
            for name in (*COLUMNS, *OPTIONAL):
                value = getattr(row, name)
                if len(value) > LONGEST:
                    message = _("This cell has %(count)d characters; no column takes more than %(most)d.")
                    self.complain(row, name, message % {"count": len(value), "most": LONGEST})
                elif name in fields and (value or name not in OPTIONAL):
                    try:
                        fields[name].clean(value, None)
                    except ValidationError as error:
                        self.complain(row, name, " ".join(error.messages))

    def _check_codes(self) -> None:
        first: dict[str, int] = {}
        for row in self.rows:
            if row.code in first:
                message = _("The code %(code)s stands in line %(line)d already.")
                self.complain(row, "code", message % {"code": row.code[:LONGEST], "line": first[row.code]})
                continue
            first[row.code] = row.number
            if row.code not in self.standing:
                self.new[row.code] = row

    def _check_credit_codes(self) -> None:
        holders = {body.credit_code: code for code, body in self.standing.items() if body.credit_code}
        for row in self.rows:
            holder = holders.setdefault(row.credit_code, row.code) if row.credit_code else row.code
            if holder != row.code:
                message = _("The credit code stands beside %(code)s already.")
                self.complain(row, "credit_code", message % {"code": holder})

    def _check_unmoved(self, row: Row, body: Organization) -> None:
        for column, pk in (("parent_code", body.parent_id), ("industry_parent_code", body.industry_id)):
            stands = self.by_pk[pk] if pk else ""
            if getattr(row, column) != stands:
                message = _("%(code)s stands under “%(parent)s”. Loading moves nobody; that is done elsewhere.")
                self.complain(row, column, message % {"code": row.code, "parent": stands})
        if row.line != body.line and row.line in Line.values:
            message = _("%(code)s belongs to the line “%(line)s”. Loading moves nobody; that is done elsewhere.")
            self.complain(row, "line", message % {"code": row.code, "line": body.line})

    def _check_parents(self, row: Row) -> None:
        for column in ("parent_code", "industry_parent_code"):
            code = getattr(row, column)
            if not code or code in self.new:
                continue
            above = self.standing.get(code)
            if above is None or (self.editable is not None and code not in self.editable):
                message = (
                    _("There is no organization with the code %(code)s.")
                    if self.editable is None
                    else _("There is no organization with the code %(code)s among those you administer.")
                )
                self.complain(row, column, message % {"code": code[:LONGEST]})
            elif above.closed_on:
                self.complain(row, column, above.closed_words())
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

    def _compare(self) -> None:
        """What the file has otherwise of standing bodies; whose administrator somebody else is, is left to them."""
        given = [name for name in (*CHANGEABLE, *OPTIONAL) if name in self.headers]
        for row in self.rows:
            body = self.standing.get(row.code)
            if body is None:
                continue
            values = {name: value_of(row, name) for name in given if name in CHANGEABLE or getattr(row, name)}
            changed = {name: value for name, value in values.items() if value != getattr(body, name)}
            if changed and self.editable is not None and row.code not in self.editable:
                self.complain(row, "code", _("This organization lies outside the bodies you administer."))
            elif changed:
                self.changed[row.code] = changed

    # Writing.

    def describe(self) -> int:
        """Give standing bodies the names, levels and contacts of the file, with history. Returns how many changed."""
        bodies: list[Organization] = []
        fields: set[str] = set()
        for code, values in self.changed.items():
            body = self.standing[code]
            fields |= values.keys()
            for name, value in values.items():
                setattr(body, name, value)
            bodies.append(body)
        if bodies:
            bulk_update_with_history(bodies, Organization, sorted(fields), batch_size=BATCH, default_user=self.by)
        return len(bodies)

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
            Organization.history.bulk_history_create(members, batch_size=BATCH, default_user=self.by)
        had_children = [body for code, body in self.standing.items() if body.last_child != before[code]]
        Organization.objects.bulk_update(had_children, ["last_child"], batch_size=BATCH)
        Organization.objects.filter(tier=None).settle_tiers()
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
            **{name: value_of(row, name) for name in OPTIONAL if getattr(row, name)},
        )
        if parent is None:
            return body
        own = parent.next_child()
        own_there = own if industry is None or industry is parent else industry.next_child()
        body.path, body.industry_path = paths_below(row.line, parent, own, industry, own_there)
        return body


def value_of(row: Row, name: str) -> Any:
    """A checked cell as its field holds it."""
    return dt.date.fromisoformat(row.founded_on) if name == "founded_on" else getattr(row, name)
