"""Rosters (人员名册): accounts and roles many at a time. Every line is checked before one is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from tracker import access

from .fields import clean_only
from .moves import TransitionRefused
from .organizations import Organization
from .people import Membership, Role, User, apart, closed_words
from .sheets import lines_of, meanings, plain

BATCH = 1_000
MOST = 20_000  # lines of one file
# What each column may be called, between strokes; the first is what we call it.
COLUMNS: dict[str, Any] = {
    "username": pgettext_lazy("column of a roster", "username/user name/account"),
    "name": pgettext_lazy("column of a roster", "name/full name"),
    "telephone": pgettext_lazy("column of a roster", "telephone/office telephone"),
    "organization": pgettext_lazy("column of a roster", "organization code/organization"),
    "role": pgettext_lazy("column of a roster", "role"),
    "department": pgettext_lazy("column of a roster", "department"),
}
OF_THE_PERSON = ("name", "telephone")
NEEDED = ("username", "organization", "role")


class Line(NamedTuple):
    """One line of a roster, as text: a person in a role."""

    number: int
    username: str
    name: str
    telephone: str
    organization: str
    role: str
    department: str


class Roster(NamedTuple):
    """What a file would do. Nothing is written while there are complaints."""

    complaints: list[str]
    made: list[User]
    changed: list[User]
    given: list[Membership]
    moved: list[Membership]  # roles that stand, in another department now
    unchanged: int

    @property
    def words(self) -> str:
        counts = {name: len(getattr(self, name)) for name in ("made", "changed", "given", "moved")}
        return (
            _("People: %(made)d new, %(changed)d changed. Roles: %(given)d given, %(moved)d in another department.")
            % counts
        )

    @property
    def does_something(self) -> bool:
        return bool(self.made or self.changed or self.given or self.moved)


def heading(name: str) -> str:
    """What the column is called in the language spoken now."""
    return str(COLUMNS[name]).split("/")[0]


def read_roster(text: str) -> list[Line]:
    """The lines of a file, its columns in any order, each named in Chinese or English. Raises ValidationError."""
    rows = lines_of(text)
    _number, header = next(rows, (0, []))
    known = meanings(COLUMNS, split="/")
    names = [known.get(plain(cell), "") for cell in header]
    if sorted(names) != sorted(COLUMNS):
        wanted = _(", ").join(heading(name) for name in COLUMNS)
        raise ValidationError(_("The first line must name these columns: %(columns)s.") % {"columns": wanted})
    lines: list[Line] = []
    for number, cells in rows:
        if len(cells) != len(names):
            message = _("Line %(line)d has %(count)d columns; there should be %(wanted)d.")
            raise ValidationError(message % {"line": number, "count": len(cells), "wanted": len(names)})
        lines.append(Line(number, **dict(zip(names, cells, strict=True))))
    if not lines:
        raise ValidationError(_("The file names nobody."))
    if len(lines) > MOST:
        raise ValidationError(_("A file may have %(most)d lines; divide it.") % {"most": MOST})
    return lines


@transaction.atomic
def load_roster(lines: Iterable[Line], *, by: User | None) -> Roster:
    """Load all of it, or nothing: raises ValidationError with every complaint. Histories name `by` and why.

    New people get no password; a one-time code lets them set one. Statements by the thousand, whatever the number.
    """
    roster = check_roster(lines, by=by)
    if roster.complaints:
        raise ValidationError(roster.complaints)
    how: dict[str, Any] = {"batch_size": BATCH, "default_user": by, "default_change_reason": _("Loaded from a roster.")}
    try:
        bulk_create_with_history(roster.made, User, **how)
        bulk_create_with_history(roster.given, Membership, **how)
    except IntegrityError as error:
        raise TransitionRefused(
            "stale", _("Somebody was here before you; nothing was saved. Look, then try once more.")
        ) from error
    if roster.changed:
        bulk_update_with_history(roster.changed, User, list(OF_THE_PERSON), **how)
    if roster.moved:
        bulk_update_with_history(roster.moved, Membership, ["department"], **how)
    return roster


def check_roster(lines: Iterable[Line], *, by: User | None) -> Roster:
    """What the lines would do, and what is wrong with them. `by` bounds whom and where; without, everywhere."""
    checking = Checking(list(lines), by)
    checking.check()
    complaints = [message for _number, message in sorted(checking.complaints, key=itemgetter(0))]
    return Roster(
        complaints, checking.made, list(checking.changed.values()), checking.given, checking.moved, checking.unchanged
    )


class Checking:
    def __init__(self, lines: list[Line], by: User | None) -> None:
        self.lines = [line._replace(username=User.normalize_username(line.username)) for line in lines]
        self.by = by
        self.complaints: list[tuple[int, str]] = []
        self.made: list[User] = []
        self.changed: dict[int, User] = {}
        self.given: list[Membership] = []
        self.moved: list[Membership] = []
        self.unchanged = 0

    def complain(self, line: Line, name: str, message: Any) -> None:
        words = _("Line %(line)d, “%(column)s”: %(message)s")
        said = words % {"line": line.number, "column": heading(name), "message": message}
        self.complaints.append((line.number, said))

    def check(self) -> None:
        """Six queries and one more a thousand lines."""
        for line in self.lines:
            for name in NEEDED:
                if not getattr(line, name):
                    self.complain(line, name, _("This cell is empty."))
        self._look_up()
        by_person: dict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            by_person[line.username].append(line)
        for username, lines in by_person.items():
            if username:
                self._check_person(lines)
        for line in self.lines:
            self._check_role(line)

    def _look_up(self) -> None:
        codes = {line.organization for line in self.lines}
        names = {line.username for line in self.lines}
        bodies = Organization.objects.editable_by(self.by) if self.by else Organization.objects.all()
        self.bodies = bodies.in_bulk(sorted(filter(storable, codes)), field_name="code")
        self.people = User.objects.in_bulk(sorted(filter(storable, names)), field_name="username")
        keys = sorted(person.pk for person in self.people.values())
        self.mine = set(keys)
        self.held: dict[tuple[int, int, str], Membership] = {}
        for first in range(0, len(keys), BATCH):
            some = keys[first : first + BATCH]
            if self.by:
                mine = User.objects.editable_by(self.by).filter(pk__in=some).values_list("pk", flat=True)
                self.mine -= set(some) - set(mine)
            for held in Membership.objects.filter(person__in=some):
                self.held[held.person_id, held.organization_id, held.role] = held
        self.roles = meanings(dict(Role.choices))
        self.given_already: dict[tuple[str, str, str], int] = {}
        usernames = {person.pk: username for username, person in self.people.items()}
        self.separated: dict[str, set[str]] = defaultdict(set)
        for pk, _body, role in self.held:
            if role in access.SEPARATED:
                self.separated[usernames[pk]].add(role)

    def _check_person(self, lines: list[Line]) -> None:
        """Several lines give one person several roles, and say the same of them or nothing."""
        first = lines[0]
        said: dict[str, tuple[str, int]] = {}
        for name in OF_THE_PERSON:
            for line in lines:
                value = getattr(line, name)
                if value and value != said.setdefault(name, (value, line.number))[0]:
                    message = _("Line %(line)d says “%(other)s” of the same person.")
                    self.complain(line, name, message % {"line": said[name][1], "other": said[name][0][:60]})
        values = {name: value for name, (value, _line) in said.items()}
        person = self.people.get(first.username)
        if person is None:
            self._make_person(first, values)
        elif person.pk not in self.mine:
            self.complain(first, "username", _("This user name belongs to somebody who is not yours to change."))
        elif not person.is_active:
            self.complain(first, "username", _("This account is closed. Open it first."))
        elif any(getattr(person, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(person, name, value)
            self._check_fields(first, person, *values)
            self.changed[person.pk] = person

    def _make_person(self, line: Line, values: dict[str, str]) -> None:
        if not values.get("name"):
            self.complain(line, "name", _("A new person needs a name."))
        person = User(username=line.username, password=make_password(None), **values)
        self._check_fields(line, person, "username", *values)
        self.people[line.username] = person
        self.made.append(person)

    def _check_role(self, line: Line) -> None:
        body, role = self.bodies.get(line.organization), self.roles.get(plain(line.role))
        if line.organization and body is None:
            message = _("There is no organization with the code %(code)s in your scope.")
            self.complain(line, "organization", message % {"code": line.organization[:32]})
        if line.role and role is None:
            words = _(", ").join(str(known.label) for known in Role)
            self.complain(line, "role", _("This is none of the roles: %(roles)s.") % {"roles": words})
        person = self.people.get(line.username)
        if body is None or role is None or person is None:
            return
        earlier = self.given_already.setdefault((line.username, body.code, role), line.number)
        if earlier != line.number:
            message = _("The same person in the same role stands on line %(line)d.")
            self.complain(line, "role", message % {"line": earlier})
            return
        held = self.held.get((person.pk, body.pk, role)) if person.pk else None
        if held is None:
            if body.closed_on:
                self.complain(line, "organization", closed_words(body))
            held = Membership(person=person, organization=body, role=role, department=line.department)
            self.given.append(held)
            self._check_apart(line, role)
        elif line.department and line.department != held.department:
            held.department = line.department
            self.moved.append(held)
        else:
            self.unchanged += 1
        self._check_fields(line, held, "department")

    def _check_apart(self, line: Line, role: str) -> None:
        """Where duties are separated, one account holds one of system, security and audit, over all its lines too."""
        if not settings.SEPARATE_DUTIES or role not in access.SEPARATED:
            return
        others = self.separated[line.username] - {role}
        self.separated[line.username].add(role)
        if others:
            self.complain(line, "role", apart(min(others), role))

    def _check_fields(self, line: Line, record: Any, *names: str) -> None:
        """By the record's own fields."""
        try:
            clean_only(record, names)
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.complain(line, name, messages[0])


def storable(text: str) -> bool:
    """Whether the database can be asked for it at all."""
    return text.isprintable() and len(text) <= 150
