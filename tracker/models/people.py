"""People, and the roles they hold in bodies."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from tracker import access

from .fields import refuse_unstorable
from .organizations import Organization

if TYPE_CHECKING:
    import datetime as dt


class Role(models.TextChoices):
    REPORTER = access.REPORTER, _("Reporter")
    LEADER = access.LEADER, _("Leader in charge")
    REVIEWER = access.REVIEWER, _("Reviewer")
    SUPERVISOR = access.SUPERVISOR, _("Supervisor")
    ADMINISTRATOR = access.ADMINISTRATOR, _("Administrator")
    SECURITY = access.SECURITY, _("Security administrator")
    AUDITOR = access.AUDITOR, _("Auditor")


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: User) -> Self:
        """Who holds a role in scope; who holds none is seen from the root alone."""
        if user.at_root:
            return self.all()
        held = Membership.objects.filter(user.scope("organization__"), person=OuterRef("pk"))
        return self.filter(Exists(held))

    def editable_by(self, user: User) -> Self:
        """Of these, who holds no role out of scope; superusers are changed by superusers alone."""
        if not user.may_grant:
            return self.none()
        people = self.visible_to(user) if user.is_superuser else self.visible_to(user).filter(is_superuser=False)
        if user.at_root:
            return people
        mine = Organization.objects.visible_to(user).values("pk")
        return people.exclude(Exists(Membership.objects.filter(person=OuterRef("pk")).exclude(organization__in=mine)))

    def invitable_by(self, user: User) -> Self:
        """Whom this administrator hands a one-time code.

        Never themselves; an administrator of their own body gets it from the level above, at the root from a colleague.
        """
        people = self.editable_by(user).filter(is_active=True).exclude(pk=user.pk)
        if user.at_root or not user.organization:
            return people
        peers = Membership.objects.filter(organization=user.organization, role=Role.ADMINISTRATOR)
        return people.exclude(Exists(peers.filter(person=OuterRef("pk"))))

    def in_or_above(self, *organizations: Organization) -> Self:
        """With an open account and a role in one of these bodies, or in a body right above it by either line."""
        bodies = {pk for body in organizations for pk in (body.pk, body.parent_id, body.industry_id) if pk}
        held = Membership.objects.filter(person=OuterRef("pk"), organization__in=bodies)
        return self.filter(Exists(held), is_active=True)


class PeopleManager(UserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    use_in_migrations = False


class User(AbstractUser):
    """A person with an account. What they see and may do follows from the membership they act in now."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(pgettext_lazy("person", "name"), max_length=60, blank=True, validators=[refuse_unstorable])
    telephone = models.CharField(_("office telephone"), max_length=60, blank=True, validators=[refuse_unstorable])

    objects = PeopleManager()  # type: ignore[misc]
    history = HistoricalRecords(
        verbose_name=_("person history"), excluded_fields=["password", "last_login"], m2m_fields=[]
    )

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def named(self) -> str:
        """Beside the user name: names repeat."""
        return (
            gettext("%(name)s (%(username)s)") % {"name": self, "username": self.username} if self.name else str(self)
        )

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @cached_property
    def acting(self) -> Membership | None:
        """The membership acted in: the session's choice (set by the middleware), else the first one."""
        return self.memberships.select_related("organization").order_by("pk").first()

    def may_act_in(self, day: dt.date) -> MembershipQuerySet:
        """The memberships this person may act in that day: their own, and those they deputize for."""
        return Membership.objects.acted_in_by(self, day)

    @cached_property
    def organization(self) -> Organization | None:
        if self.acting:
            return self.acting.organization
        return Organization.objects.filter(parent=None).first() if self.is_superuser else None

    @property
    def role(self) -> str:
        """The role acted in. A superuser without a membership stands in for one at the root."""
        if self.acting:
            return self.acting.role
        return self.stands_in_as if self.is_superuser else ""

    @cached_property
    def stands_in_as(self) -> str:
        """As administrator; where duties are separated as security administrator, until the root has one of its own:
        somebody must give the first roles, and nobody does everything (三员分立)."""
        if not settings.SEPARATE_DUTIES:
            return access.ADMINISTRATOR
        named = Membership.objects.filter(
            role=access.SECURITY, organization__parent=None, person__is_active=True
        ).exists()
        return "" if named else access.SECURITY

    def may(self, action: str) -> bool:
        return self.is_active and access.may(self.role, action, separate=settings.SEPARATE_DUTIES)

    @property
    def may_log(self) -> bool:
        return self.may(access.LOG)

    @property
    def may_review(self) -> bool:
        return self.may(access.REVIEW) or self.may(access.SIGN_OFF)

    @property
    def may_answer(self) -> bool:
        """Speak for one's body where another asks: those who report or lead."""
        return self.may(access.LOG) or self.may(access.SIGN_OFF)

    @property
    def may_coordinate(self) -> bool:
        return self.may(access.COORDINATE)

    @property
    def may_instruct(self) -> bool:
        return self.may(access.INSTRUCT)

    @property
    def may_read_briefs(self) -> bool:
        return self.may(access.READ_BRIEF)

    @property
    def may_urge(self) -> bool:
        return self.may(access.URGE)

    @property
    def may_hand_down(self) -> bool:
        return self.may(access.HAND_DOWN)

    @property
    def may_sign(self) -> bool:
        return self.may(access.SIGN)

    @property
    def may_administer(self) -> bool:
        return self.may(access.ADMINISTER)

    @property
    def may_grant(self) -> bool:
        return self.may(access.GRANT)

    @property
    def may_inspect(self) -> bool:
        return self.may(access.INSPECT)

    @property
    def at_root(self) -> bool:
        return self.organization is not None and self.organization.parent_id is None

    @property
    def sees_below(self) -> bool:
        return access.SCOPE.get(self.role) == access.SUBTREE

    def assignment_scope(self, prefix: str = "") -> Q:
        """The assignments this person may see, as a condition on the assignment that `prefix` leads to (rule 5)."""
        if self.organization is None or not self.role:
            return Q(pk__in=[])
        if self.sees_below:
            return self.organization.subtree(f"{prefix}organization__")
        own = Q(**{f"{prefix}organization": self.organization})
        if access.SCOPE[self.role] == access.OWN:
            return own
        return own | Q(**{f"{prefix}reviewing": self.organization})

    def scope(self, prefix: str = "") -> Q:
        """The bodies this person may see, as a condition on the organization that `prefix` leads to (rule 5)."""
        if self.organization is None or not self.role:
            return Q(**{f"{prefix}pk__in": []})
        if self.sees_below:
            return self.organization.subtree(prefix)
        own = Q(**{f"{prefix}pk": self.organization.pk})
        if access.SCOPE[self.role] == access.OWN:
            return own
        reviewed: Any = Organization.objects.filter(assignments__reviewing=self.organization).values("pk")
        return own | Q(**{f"{prefix}pk__in": reviewed})

    def reports_on_behalf_of(self) -> models.QuerySet[Organization]:
        """The bodies directly below, by either line, whose entries this reporter writes (代报): nobody there can."""
        if self.organization is None or not self.may_log:
            return Organization.objects.none()
        below = Organization.objects.filter(self.organization.directly_below(), closed_on=None)
        return below.exclude(Exists(Membership.objects.reporting().filter(organization=OuterRef("pk"))))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def separated(self) -> Self:
        """The roles of which one account holds one at most where duties are separated."""
        return self.filter(role__in=access.SEPARATED)

    def combining(self) -> Self:
        """Those of accounts that hold more than one of the separated roles. What is loaded in bulk asks this."""
        others = Membership.objects.separated().filter(person=OuterRef("person")).exclude(role=OuterRef("role"))
        return self.separated().filter(Exists(others))

    def visible_to(self, user: User) -> Self:
        return self.filter(user.scope("organization__"))

    def editable_by(self, user: User) -> Self:
        """Those in scope of people one may change."""
        return self.visible_to(user).filter(person__in=User.objects.editable_by(user))

    def reporting(self) -> Self:
        """Held by somebody who can sign in and report."""
        return self.filter(role=Role.REPORTER, person__is_active=True)

    def acted_in_by(self, person: User, day: dt.date) -> Self:
        """A person's own, and those they deputize for that day. One query."""
        from .deputies import Deputy

        return self.filter(Q(person=person) | Q(pk__in=Deputy.objects.acting(person, day).values("membership")))


class Membership(models.Model):
    """A role that a person holds in a body."""

    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"), related_name="memberships")
    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=16, choices=Role)
    department = models.CharField(_("department"), max_length=60, blank=True, validators=[refuse_unstorable])

    objects = MembershipQuerySet.as_manager()
    history = HistoricalRecords(verbose_name=_("membership history"))

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["organization__path", "role"]
        constraints = [
            models.UniqueConstraint(fields=["person", "organization", "role"], name="membership_unique"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        words = (self.organization.short, str(self.get_role_display()), self.department)
        return " · ".join(word for word in words if word)

    def clean(self) -> None:
        """A closed body takes no new members; who is in it may still be changed and leave."""
        self._refuse_combining()
        if self.organization_id and self.organization.closed_on:
            stands = Membership.objects.filter(pk=self.pk, organization=self.organization_id) if self.pk else None
            if not (stands and stands.exists()):
                raise ValidationError({"organization": closed_words(self.organization)})

    def is_last(self) -> bool:
        """Whether nobody else with an open account holds this role in this body."""
        others = Membership.objects.filter(organization=self.organization_id, role=self.role, person__is_active=True)
        return not others.exclude(person=self.person_id).exists()

    def _refuse_combining(self) -> None:
        """Where duties are separated, system, security and audit are three people's (三员分立)."""
        if not settings.SEPARATE_DUTIES or self.role not in access.SEPARATED or not self.person_id:
            return
        held = Membership.objects.separated().filter(person=self.person_id).exclude(role=self.role)
        other = held.exclude(pk=self.pk).first()
        if other:
            raise ValidationError({"role": apart(other.role, self.role)})


def apart(held: str, wanted: str) -> str:
    """Why one account cannot hold two of the separated roles."""
    return gettext("One account cannot be both %(held)s and %(wanted)s. Give the role to somebody else.") % {
        "held": Role(held).label,
        "wanted": Role(wanted).label,
    }


def closed_words(organization: Organization) -> str:
    words = gettext("%(body)s was closed on %(day)s and takes no new members.")
    return words % {"body": organization, "day": organization.closed_on}
