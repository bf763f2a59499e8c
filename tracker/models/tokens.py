"""Tokens: a program reads for a person, in one of their roles, with a secret that is shown once and can be revoked."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from .fields import clean_only, refuse_unstorable
from .moves import TransitionRefused
from .organizations import Organization
from .people import Membership, Role, User

MOST = 5  # a person's, at a time
LASTS = dt.timedelta(days=365)  # at most
PREFIX = "luoshi_"  # so that one left lying in a file or a repository is known for what it is


def digest_of(secret: str) -> str:
    """256 random bits need neither salt nor a slow hash; and who looks one up by its digest compares no secrets."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class TokenQuerySet(models.QuerySet["Token"]):
    def live(self, at: dt.datetime) -> Self:
        """Neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=at)

    def presented(self, secret: str) -> Token | None:
        found = self.filter(digest=digest_of(secret))
        return found.select_related("person", "organization", "membership__organization").first()


class Token(models.Model):
    """What lets a program read as one person in one role. Only its digest is kept.

    `organization` and `role` stand beside the membership, so that one which is changed or ends takes the token with it
    instead of lending it another scope.
    """

    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"), related_name="tokens")
    membership = models.ForeignKey(Membership, models.SET_NULL, verbose_name=_("membership"), null=True)
    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), related_name="+", editable=False
    )
    role = models.CharField(_("role"), max_length=16, choices=Role)
    name = models.CharField(pgettext_lazy("token", "used by"), max_length=60, validators=[refuse_unstorable])
    digest = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(_("made at"))
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(pgettext_lazy("token", "revoked at"), null=True)
    last_used_on = models.DateField(_("last used on"), null=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="token_role_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="token_expires_after_made"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    @transaction.atomic
    def make(cls, *, by: User, name: str, days: int, at: dt.datetime | None = None) -> tuple[Self, str]:
        """A token for the role `by` acts in now, and its secret, which is nowhere else.

        Raises TransitionRefused in a role that is not their own or when there are enough already, ValidationError by
        field. Holding the person's row keeps two windows from making a sixth.
        """
        at, acting = at or timezone.now(), by.acting
        if acting is None or acting.person_id != by.pk:
            raise TransitionRefused("not_yours", gettext("A token is made in a role of one’s own. Switch to it first."))
        if not dt.timedelta(0) < dt.timedelta(days=days) <= LASTS:
            raise ValidationError({"days": gettext("A token lasts a year at most.")})
        User.objects.select_for_update(of=("self",), no_key=True).get(pk=by.pk)
        if cls.objects.live(at).filter(person=by).count() >= MOST:
            words = gettext("You have %(most)d tokens that work. Revoke one that is not needed any more.")
            raise TransitionRefused("enough", words % {"most": MOST})
        secret = PREFIX + secrets.token_urlsafe(32)
        token = cls(
            person=by,
            membership=acting,
            organization=acting.organization,
            role=acting.role,
            name=name.strip(),
            digest=digest_of(secret),
            made_at=at,
            expires_at=at + dt.timedelta(days=days),
        )
        clean_only(token, ["name"])
        token.save()
        return token, secret

    def refusal(self, at: dt.datetime) -> str:
        """Why it does not let in; empty while it does."""
        if self.revoked_at:
            return gettext("This token was revoked.")
        if self.expires_at <= at:
            return gettext("This token has expired. Make a new one on the page of your account.")
        held = self.membership
        same = held and (held.person_id, held.organization_id, held.role) == (
            self.person_id,
            self.organization_id,
            self.role,
        )
        if not same or not self.person.is_active:
            return gettext("This token was made for a role that has ended. Make a new one on the page of your account.")
        return ""

    @property
    def works(self) -> bool:
        return not self.refusal(timezone.now())

    def revoke(self, at: dt.datetime | None = None) -> bool:
        """At once and for good. Whether it still let in until now; a second time changes nothing."""
        at = at or timezone.now()
        return bool(Token.objects.live(at).filter(pk=self.pk).update(revoked_at=at))

    def use(self, day: dt.date) -> bool:
        """Note the day it was used; whether this was the first time that day. One write a day at most."""
        if self.last_used_on == day:
            return False
        return bool(Token.objects.filter(pk=self.pk).exclude(last_used_on=day).update(last_used_on=day))
