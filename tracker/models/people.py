"""People, and the roles they hold in bodies."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from simple_history.models import HistoricalRecords

from tracker import access

from .fields import refuse_unstorable
from .organizations import Organization


class Role(models.TextChoices):
    REPORTER = access.REPORTER, _("Reporter")
    LEADER = access.LEADER, _("Leader in charge")
    REVIEWER = access.REVIEWER, _("Reviewer")
    SUPERVISOR = access.SUPERVISOR, _("Supervisor")
    ADMINISTRATOR = access.ADMINISTRATOR, _("Administrator")
    AUDITOR = access.AUDITOR, _("Auditor")


class User(AbstractUser):
    """A person with an account. What they see and may do follows from the membership they act in now."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(pgettext_lazy("person", "name"), max_length=60, blank=True, validators=[refuse_unstorable])
    telephone = models.CharField(_("office telephone"), max_length=60, blank=True, validators=[refuse_unstorable])

    history = HistoricalRecords(
        verbose_name=_("person history"), excluded_fields=["password", "last_login"], m2m_fields=[]
    )

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @cached_property
    def acting(self) -> Membership | None:
        """The membership acted in: the session's choice (set by the middleware), else the first one."""
        return self.memberships.select_related("organization").order_by("pk").first()

    @cached_property
    def organization(self) -> Organization | None:
        if self.acting:
            return self.acting.organization
        return Organization.objects.filter(parent=None).first() if self.is_superuser else None

    @property
    def role(self) -> str:
        """The role acted in. A superuser without a membership acts as administrator of the root."""
        if self.acting:
            return self.acting.role
        return access.ADMINISTRATOR if self.is_superuser else ""

    def may(self, action: str) -> bool:
        return self.is_active and action in access.MAY.get(self.role, ())

    @property
    def may_log(self) -> bool:
        return self.may(access.LOG)

    @property
    def may_review(self) -> bool:
        return self.may(access.REVIEW) or self.may(access.SIGN_OFF)

    @property
    def may_administer(self) -> bool:
        return self.may(access.ADMINISTER)

    @property
    def may_inspect(self) -> bool:
        return self.may(access.INSPECT)

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


class Membership(models.Model):
    """A role that a person holds in a body."""

    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"), related_name="memberships")
    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=16, choices=Role)
    department = models.CharField(_("department"), max_length=60, blank=True, validators=[refuse_unstorable])

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
        return f"{self.organization.short} · {self.get_role_display()}"
