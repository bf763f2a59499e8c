"""The people of the demo: the nine the login page offers, and in every body somebody who reports and reviews."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from django.contrib.auth.hashers import make_password
from simple_history.utils import bulk_create_with_history

from tracker.models import Membership, Organization, Role, User

from . import PASSWORD, PEOPLE
from .tree import Tree, official, telephone

DEPARTMENTS = ("办公室", "组织部", "宣传教育部", "权益保障部", "基层工作部", "经济工作部")


@dataclass
class People:
    named: dict[str, User] = field(default_factory=dict)
    reporters: dict[int, User] = field(default_factory=dict)  # by body
    deciders: dict[int | None, User] = field(default_factory=dict)  # by reviewing body; the root's own leader by None

    def excuser(self, body: Organization) -> User:
        """A supervisor above the body."""
        supervisor = self.named["supervisor"]
        assert supervisor.organization
        below = body.path.startswith(supervisor.organization.path) and body.pk != supervisor.organization.pk
        return supervisor if below else self.named["national"]


def make_people(tree: Tree, rng: Random) -> People:
    """Nine with the demo's password, the others with none that works."""
    county, city, province = tree.counties[0], tree.cities[0], tree.provinces[0]
    places = {
        "reporter": (county, Role.REPORTER),
        "reviewer": (city, Role.REVIEWER),
        "city": (city, Role.ADMINISTRATOR),
        "supervisor": (province, Role.SUPERVISOR),
        "national": (tree.root, Role.SUPERVISOR),
        "leader": (tree.root, Role.LEADER),
        "industry": (tree.unions[1], Role.SUPERVISOR),
        "auditor": (tree.root, Role.AUDITOR),
        "admin": (tree.root, Role.ADMINISTRATOR),
    }
    wanted = [(username, *places[username]) for username, _description in PEOPLE]
    wanted += [(f"reporter-{body.code}", body, Role.REPORTER) for body in tree.all if body != county]
    above = [*tree.provinces, *(body for body in tree.cities if body != city)]
    wanted += [(f"reviewer-{body.code}", body, Role.REVIEWER) for body in (tree.root, *above)]

    password, none = make_password(PASSWORD), make_password(None)  # hashed once: it takes a third of a second
    users = [
        User(
            username=username,
            name=official(rng),
            telephone=telephone(rng),
            is_staff=username == "admin",
            is_superuser=username == "admin",
            password=password if username in places else none,
        )
        for username, _body, _role in wanted
    ]
    users = bulk_create_with_history(users, User)
    memberships = [
        Membership(person=user, organization=body, role=role, department=rng.choice(DEPARTMENTS))
        for user, (_username, body, role) in zip(users, wanted, strict=True)
    ]
    people = People()
    for membership in bulk_create_with_history(memberships, Membership):
        user, body = membership.person, membership.organization
        user.acting = membership  # as the middleware does, so that nobody is looked up twice
        if user.username in places:
            people.named[user.username] = user
        if membership.role == Role.REPORTER:
            people.reporters[body.pk] = user
        if membership.role == Role.REVIEWER:
            people.deciders[body.pk] = user
        if membership.role == Role.LEADER:
            people.deciders[None] = user
    return people
