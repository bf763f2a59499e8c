"""Briefs (通报代拟稿): what a period came to for a body and all below it, drafted once and kept as it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from django.db import connection, models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker import access

from .brief_figures import SHAPE, figures_of
from .fields import WordsField, said
from .moves import TransitionRefused
from .organizations import Organization
from .people import User
from .periods import Period

if TYPE_CHECKING:
    from .plan import Plan


class BriefQuerySet(models.QuerySet["Brief"]):
    def visible_to(self, user: User) -> Self:
        """A brief tells of everything below its body: read by those who see that, and by the body's own leader, to
        whom it is put."""
        return self.filter(user.scope("organization__")) if user.may(access.READ_BRIEF) else self.none()

    def withdrawable_by(self, user: User) -> Self:
        return self.visible_to(user).filter(withdrawn_at=None) if user.may(access.BRIEF) else self.none()

    def of(self, plan: Plan) -> Self:
        return self.filter(period__plan=plan)

    def with_place(self) -> Self:
        return self.select_related("period__plan", "organization", "made_by", "withdrawn_by")

    def draft(self, period: Period, organization: Organization, *, by: User, at: dt.datetime | None = None) -> Brief:
        """Count and keep, as of now. A later one is another record. Raises TransitionRefused."""
        if not (by.may(access.BRIEF) and Organization.objects.visible_to(by).filter(pk=organization.pk).exists()):
            words = gettext("Only a supervisor drafts a brief, of their own organization or one below it.")
            raise TransitionRefused("not_yours", words)
        if period.opened_at is None:
            words = gettext("%s has not opened yet: there is nothing to tell of it.") % period.title
            raise TransitionRefused("not_opened", words)
        with one_moment():
            at = at or timezone.now()
            figures = figures_of(period, organization, at)
        return self.create(period=period, organization=organization, as_of=at, made_by=by, shape=SHAPE, figures=figures)

    def blank(self, holds: Callable[[str], bool], words: str) -> None:
        """Put words in the place of every text of these that `holds` says is to go (清除). The figures stay."""
        for brief in self.iterator(chunk_size=50):
            rows = [row for part in ("matters", "reds") for row in brief.figures[part]["rows"]]
            gone = [(row, name) for row in rows for name in WRITTEN if holds(row.get(name) or "")]
            for row, name in gone:
                row[name] = words
            if gone:
                brief.save(update_fields=["figures"])


WRITTEN = ("need", "need_from", "why")  # what people wrote, in the rows of a brief


@contextmanager
def one_moment() -> Iterator[None]:
    """What is read inside is of one moment, and stops no writer however long it takes. Inside another transaction it is
    too late to say so."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        sqlite: Any = connection
        usual, sqlite.transaction_mode = sqlite.transaction_mode, "DEFERRED"  # no write lock
        try:
            with transaction.atomic():
                yield
        finally:
            sqlite.transaction_mode = usual


class Brief(models.Model):
    """Everything its page and its file say is in `figures`, of the shape that `shape` numbers. Never deleted:
    withdrawn, with a reason."""

    period = models.ForeignKey(Period, models.PROTECT, verbose_name=_("period"), related_name="briefs")
    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name=_("organization"), related_name="briefs"
    )
    as_of = models.DateTimeField(_("as of"))
    made_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("drafted by"), related_name="+")
    shape = models.PositiveSmallIntegerField(_("shape of the figures"))
    figures: Any = models.JSONField(_("figures"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)
    withdrawn_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("withdrawn by"), null=True, related_name="+")
    why_withdrawn = WordsField(_("why it was withdrawn"))

    objects = BriefQuerySet.as_manager()

    class Meta:
        verbose_name = _("brief")
        verbose_name_plural = _("briefs")
        ordering = ["-as_of", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True, why_withdrawn="")
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~Q(why_withdrawn=""),
                name="brief_withdrawn_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=models.F("as_of")),
                name="brief_withdrawn_after_it_was_made",
            ),
            models.CheckConstraint(condition=Q(shape__gte=1, shape__lte=SHAPE), name="brief_shape_known"),
        ]
        indexes = [models.Index(fields=["period", "as_of"], name="brief_newest")]

    def __str__(self) -> str:
        return f"{self.organization} {self.period.code} {timezone.localtime(self.as_of):%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("brief", args=[self.period.plan.slug, self.pk])

    def withdraw(self, reason: str, *, by: User, at: dt.datetime | None = None) -> None:
        """Not to be used any more, with a reason; it can still be read. Raises TransitionRefused, ValidationError."""
        at, reason = at or timezone.now(), said("reason", reason, missing=gettext("Give the reason."))
        if not (by.may(access.BRIEF) and Brief.objects.visible_to(by).filter(pk=self.pk).exists()):
            raise TransitionRefused(
                "not_yours", gettext("Only a supervisor of this organization or above can do this.")
            )
        mine = Brief.objects.withdrawable_by(by).filter(pk=self.pk)
        if not mine.update(withdrawn_at=at, withdrawn_by=by, why_withdrawn=reason):
            raise TransitionRefused("stale", gettext("This brief was withdrawn already. Nothing was changed."))
        self.refresh_from_db()
