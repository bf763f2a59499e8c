"""The operations log (操作日志): who did what to accounts, rights, files and records, or was refused. Append-only."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.conf import settings
from django.db import DatabaseError, models, transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tracker import access

from .organizations import Organization
from .people import Membership, Role, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

KEPT_DAYS = 180  # at least; the database itself refuses to delete anything younger
TARGET_LIMIT, DETAIL_LIMIT = 300, 2_000
log = logging.getLogger(__name__)


class OperationQuerySet(models.QuerySet["Operation"]):
    def visible_to(self, user: User) -> Self:
        """Read by auditors alone: at the root all of it; below, what was done in one's scope or by its people."""
        body = user.organization
        if body is None or not user.may(access.AUDIT):
            return self.none()
        if body.parent_id is None:
            return self.all()
        held = Membership.objects.filter(user.scope("organization__"))
        return self.filter(
            user.scope("acting_organization__")
            | Exists(held.filter(person=OuterRef("by")))
            | Exists(held.filter(person__username=OuterRef("username")))
        )

    def update(self, **values: Any) -> NoReturn:
        raise TypeError("The operations log is only added to.")

    def delete(self) -> NoReturn:
        raise TypeError("The operations log is only added to; `prune` takes what is old enough.")

    delete.alters_data = True  # type: ignore[attr-defined]

    def prune(self, days: int) -> int:
        """Delete what is older than so many days, 180 at least. Returns how many lines went."""
        if days < KEPT_DAYS:
            raise ValueError(f"The operations log is kept {KEPT_DAYS} days at least.")
        return self.filter(at__lt=timezone.now() - dt.timedelta(days))._raw_delete(self.db)


class Operation(models.Model):
    """One line of the log. It repeats names as they were: people are renamed, and a failed sign-in names nobody."""

    class Action(models.TextChoices):
        SIGNED_IN = "signed_in", _("signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("failed to sign in")
        LOCKED_OUT = "locked_out", _("was locked out")
        SIGNED_OUT = "signed_out", _("signed out")
        ACCOUNT = "account", _("changed an account")
        ROLE = "role", _("changed a role")
        EXPORTED = "exported", _("took a file of rows")
        DOWNLOADED = "downloaded", _("took a file")
        ADMINISTERED = "administered", _("changed a record in the back office")
        REFUSED = "refused", _("was refused")

    class Result(models.TextChoices):
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        BROKEN = "broken", _("broken off")

    at = models.DateTimeField(_("at"))
    action = models.CharField(_("action"), max_length=16, choices=Action)
    result = models.CharField(_("result"), max_length=8, choices=Result)
    by = models.ForeignKey(User, models.PROTECT, verbose_name=_("by"), null=True, related_name="+")
    username = models.CharField(_("user name"), max_length=150, blank=True)
    acting_role = models.CharField(_("acting as"), max_length=16, choices=Role, blank=True)
    acting_organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("acting for"), null=True, related_name="+"
    )
    address = models.GenericIPAddressField(_("network address"), null=True)
    target = models.CharField(_("what"), max_length=300, blank=True)
    detail = models.JSONField(_("detail"), default=dict)

    objects = OperationQuerySet.as_manager()

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations log")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["at"], name="operation_at")]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.at):%Y-%m-%d %H:%M} {self.username} {self.get_action_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("The operations log is only added to.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("The operations log is only added to.")

    @classmethod
    def record(
        cls,
        action: str,
        request: HttpRequest | None,
        *,
        by: User | AnonymousUser | None = None,
        username: str = "",
        result: str = Result.DONE,
        target: Any = "",
        **detail: Any,
    ) -> Operation:
        """Add a line, in the transaction of what it tells. Who, acting as what and from where is the request's;
        whatever is told is made storable and cut to its column."""
        who = by or getattr(request, "user", None)
        person = who if isinstance(who, User) else None
        return cls.objects.create(
            at=timezone.now(),
            action=action,
            result=result,
            by=person,
            username=storable(username or (person.username if person else ""), 150),
            acting_role=person.role if person else "",
            acting_organization=person.organization if person else None,
            address=address_of(request),
            target=storable(target, TARGET_LIMIT),
            detail=storable(detail),
        )

    @classmethod
    def note(cls, action: str, request: HttpRequest | None, **told: Any) -> None:
        """As `record`, where what happened stands whether or not it can be told: a page does not break over its log."""
        try:
            with transaction.atomic():
                cls.record(action, request, **told)
        except DatabaseError:
            log.exception("A line of the operations log was lost: %s %s", action, told.get("target", ""))


def storable(told: Any, limit: int = DETAIL_LIMIT) -> Any:
    """Without NUL and lone surrogates, which no database takes, and no longer than its column."""
    if isinstance(told, dict):
        return {str(name): storable(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [storable(value) for value in told]
    if told is None or isinstance(told, bool | int):
        return told
    return str(told).replace("\0", "�").encode("utf-8", "replace").decode()[:limit]


def address_of(request: HttpRequest | None) -> str | None:
    """The network address asked from: behind a proxy the last hop it was handed, which the proxy itself wrote."""
    meta: dict[str, str] = getattr(request, "META", {})
    told = meta.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        told = meta.get("HTTP_X_FORWARDED_FOR", told).rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(told.partition("%")[0]))
    except ValueError:
        return None


class Sent:
    """A file of rows on its way: counts what really leaves, and tells the log when it is through or broken off."""

    def __init__(self, request: HttpRequest, **detail: Any) -> None:
        self.request, self.detail = request, detail
        self.rows, self.begun, self.whole, self.told = 0, False, False, False

    def counted(self, chunks: Iterable[list[Any]]) -> Iterator[list[Any]]:
        """A chunk counts when the next is asked for: then it was taken."""
        for chunk in chunks:
            yield chunk
            self.rows += len(chunk)

    def logged(self, pieces: Iterator[Any]) -> Self:
        """The pieces of the file, watched. A server closes what it has done with; what is merely forgotten tells
        nothing: a line must not be written whenever memory happens to be tidied."""
        self.pieces = pieces
        return self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        self.begun = True
        try:
            return next(self.pieces)
        except StopIteration:
            self.whole = True
            self.close()
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.told or not self.begun:
            return
        self.told = True
        if close := getattr(self.pieces, "close", None):
            close()
        Operation.note(
            Operation.Action.EXPORTED,
            self.request,
            result=Operation.Result.DONE if self.whole else Operation.Result.BROKEN,
            target=self.request.path,
            filter=self.request.GET.urlencode(),
            rows=self.rows,
            **self.detail,
        )
