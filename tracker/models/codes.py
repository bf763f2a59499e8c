"""One-time codes: they set a password once, and are handed over by the next administrator up. No mail is needed."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from typing import Self

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .histories import signed
from .moves import TransitionRefused
from .people import User

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32, so five bits each; none that is taken for another in print
GROUPS, GROUP = 4, 4  # 80 bits: a digest without salt is not searched through
BATCH = 1_000


def new_code() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _letter in range(GROUP)) for _group in range(GROUPS))


def digest_of(code: str) -> str:
    """Of the letters alone: people type small ones, full-width ones, spaces or no hyphens."""
    plain = unicodedata.normalize("NFKC", code).upper()
    return hashlib.sha256("".join(letter for letter in plain if letter in LETTERS).encode()).hexdigest()


class OneTimeCode(models.Model):
    """A code that sets a password once, handed over by an administrator: for a first sign-in or a forgotten password.

    Only its digest is kept, so that nobody reads a code out of the database.
    """

    class Purpose(models.TextChoices):
        INVITATION = "invitation", _("Invitation")
        RESET = "reset", _("Password reset")

    LASTS = {Purpose.INVITATION: dt.timedelta(days=14), Purpose.RESET: dt.timedelta(hours=24)}

    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"), related_name="codes")
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(User, models.CASCADE, verbose_name=_("made by"), related_name="+")
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("one-time code")
        verbose_name_plural = _("one-time codes")
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=["invitation", "reset"]), name="one_time_code_purpose_known")
        ]

    def __str__(self) -> str:
        return f"{self.person} · {self.get_purpose_display()}"

    @classmethod
    def hand_out(cls, person: User, *, by: User, at: dt.datetime | None = None) -> tuple[Self, str]:
        """A new code for one person, and the code itself, which is nowhere else. Raises TransitionRefused."""
        made = cls.hand_out_all([person], by=by, at=at)
        if not made:
            raise TransitionRefused(
                "not_yours", gettext("Codes are handed out by the administrator above, and never to oneself.")
            )
        return made[0]

    @classmethod
    @transaction.atomic
    def hand_out_all(cls, people: Iterable[User], *, by: User, at: dt.datetime | None = None) -> list[tuple[Self, str]]:
        """New codes for those of them whom `by` may invite; earlier ones stop working. By the thousand, set-wise.

        An invitation where there never was a password, else a reset, which expires sooner.
        """
        at, made = at or timezone.now(), []
        keys = sorted({person.pk for person in people})
        for first in range(0, len(keys), BATCH):
            invited = User.objects.invitable_by(by).filter(pk__in=keys[first : first + BATCH]).order_by("username")
            # Whoever hands out to the same people at the same time waits, and voids these.
            batch = list(invited.select_for_update(of=("self",), no_key=True))
            unused = cls.objects.filter(person__in=batch, used_at=None, expires_at__gt=at)
            unused.update(expires_at=at)
            codes = [(cls._for(person, secret := new_code(), by, at), secret) for person in batch]
            cls.objects.bulk_create([row for row, _secret in codes])
            made += codes
        return made

    @classmethod
    def _for(cls, person: User, secret: str, by: User, at: dt.datetime) -> Self:
        purpose = cls.Purpose.RESET if person.has_usable_password() else cls.Purpose.INVITATION
        return cls(
            person=person,
            purpose=purpose,
            digest=digest_of(secret),
            made_at=at,
            made_by=by,
            expires_at=at + cls.LASTS[purpose],
        )

    @classmethod
    @transaction.atomic
    def redeem(cls, username: str, code: str, password: str, *, at: dt.datetime | None = None) -> User | None:
        """Set the password; None where name and code do not go together, whatever the reason.

        Used once: the row that is still unused is taken by one statement. Raises ValidationError, with the code left
        unused, for a password that this person should not have.
        """
        at = at or timezone.now()
        found = cls.objects.filter(digest=digest_of(code), used_at=None, expires_at__gt=at)
        row = found.filter(person__username=username, person__is_active=True).select_related("person").first()
        if row is None or not found.filter(pk=row.pk).update(used_at=at):
            return None
        person = row.person
        try:
            validate_password(password, person)
        except ValidationError as error:
            raise ValidationError({"password": error.messages}) from error
        person.set_password(password)
        signed(person, person, gettext("The password was set with a one-time code.")).save(update_fields=["password"])
        return person
