"""Notices: what a person is told in the inbox, as it happens; and the phrases a reviewer keeps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .fields import refuse_unstorable, said
from .organizations import Organization
from .people import Membership, User

BATCH = 1_000
SHOWN = 8  # codes that a notice names


def holders(organizations: Any, roles: Iterable[str]) -> models.QuerySet[User]:
    """The active people who hold one of the roles in these bodies, each once."""
    held = Q(memberships__organization__in=organizations, memberships__role__in=list(roles))
    return User.objects.filter(held, is_active=True).distinct()


def several(codes: list[str]) -> str:
    """The first of many codes; how many there are is said beside them."""
    return "、".join(codes[:SHOWN]) + ("…" if len(codes) > SHOWN else "")


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> Self:
        """One's own, whatever role one acts in."""
        return self.filter(person=user)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def read(self) -> int:
        """Mark these as read; returns how many were not."""
        return self.unread().update(read_at=timezone.now())


class Notice(models.Model):
    """One line of one person's inbox. `words` holds what the sentence of this kind is filled with."""

    class Kind(models.TextChoices):
        HANDED_DOWN = "handed_down", _("handed down to you")
        SENT_BACK = "sent_back", _("a handing sent back")
        RETURNED = "returned", _("returned")
        REOPENED = "reopened", _("reopened for correction")
        URGED = "urged", _("urged")
        ASKED = "asked", _("a matter for coordination")
        ANSWERED = "answered", _("your matter was answered")
        EXTENSION_ASKED = "extension_asked", _("an extension asked for")
        EXTENSION_GRANTED = "extension_granted", _("your extension was granted")
        EXTENSION_REFUSED = "extension_refused", _("your extension was refused")
        NUDGE_ANSWERED = "nudge_answered", _("an urging was answered")
        STRUCK_OFF = "struck_off", _("struck off")
        RESUMED = "resumed", _("reopened as not completed")
        INSTRUCTED = "instructed", _("a leader’s note")
        INSTRUCTION_ANSWERED = "instruction_answered", _("a leader’s note was answered")
        INSTRUCTION_GONE = "instruction_gone", _("a leader’s note was withdrawn")
        ERASURE_ASKED = "erasure_asked", _("an erasure asked for")
        ERASED = "erased", _("erased")

    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"), related_name="notices")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    at = models.DateTimeField(_("at"))
    words = models.JSONField(_("words"), default=dict, encoder=DjangoJSONEncoder)
    url = models.CharField(_("address"), max_length=300)
    read_at = models.DateTimeField(_("read at"), null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["person", "read_at"], name="notice_person")]

    def __str__(self) -> str:
        return f"{self.person} {self.get_kind_display()}"

    @classmethod
    def tell(
        cls,
        organizations: Organization | Iterable[Organization | int],
        roles: Iterable[str],
        kind: str,
        *,
        url: str,
        by: User | None = None,
        at: dt.datetime | None = None,
        **words: Any,
    ) -> int:
        """Tell everybody who holds one of the roles in these bodies, but the one who did it. Returns how many.

        Two statements for each thousand people.
        """
        bodies = [organizations] if isinstance(organizations, Organization) else organizations
        people = holders(bodies, roles).values_list("pk", flat=True)
        if by:
            people = people.exclude(pk=by.pk)
        at = at or timezone.now()
        rows = [Notice(person_id=pk, kind=kind, at=at, url=url, words=words) for pk in people]
        Notice.objects.bulk_create(rows, batch_size=BATCH)
        return len(rows)

    @classmethod
    def tell_each(
        cls,
        told: Mapping[int, Mapping[str, Any]],
        roles: Iterable[str],
        kind: str,
        *,
        url: str,
        by: User | None = None,
        at: dt.datetime | None = None,
        **words: Any,
    ) -> int:
        """As `tell`, but each body, by its key, in words of its own. As many statements."""
        held = Membership.objects.filter(role__in=list(roles), person__is_active=True)
        # Every body's holders are fewer than a list of bodies may be long.
        held = held.filter(organization__in=list(told)) if len(told) <= BATCH else held
        at, rows = at or timezone.now(), []
        for person, body in held.order_by().values_list("person", "organization").distinct():
            if body in told and (by is None or person != by.pk):
                rows.append(Notice(person_id=person, kind=kind, at=at, url=url, words=words | dict(told[body])))
        Notice.objects.bulk_create(rows, batch_size=BATCH)
        return len(rows)

    @property
    def sentence(self) -> str:
        """What happened, in the reader's language."""
        names = ("who", "what", "why", "n", "day", "due", "leader")
        words: dict[str, Any] = dict.fromkeys(names, "") | self.words
        return sentences()[self.kind] % words


def sentences() -> dict[str, str]:
    """Each kind's sentence; what is not said is empty."""
    kinds = Notice.Kind
    return {
        kinds.HANDED_DOWN: gettext("%(who)s handed down to you, to be signed for: %(n)s"),
        kinds.SENT_BACK: gettext("%(who)s sent back %(n)s (%(what)s): %(why)s"),
        kinds.RETURNED: gettext("%(who)s returned %(what)s: %(why)s"),
        kinds.REOPENED: gettext("%(who)s reopened %(what)s for correction: %(why)s"),
        kinds.URGED: gettext("%(who)s urges: %(what)s, not reported yet: %(n)s. %(why)s"),
        kinds.ASKED: gettext("%(who)s asks for coordination in %(what)s, reply wanted by %(day)s: %(why)s"),
        kinds.ANSWERED: gettext("%(who)s answered what you asked in %(what)s: %(why)s"),
        kinds.EXTENSION_ASKED: gettext("%(who)s asks to extend %(what)s to %(day)s: %(why)s"),
        kinds.EXTENSION_GRANTED: gettext("%(who)s granted extending %(what)s to %(day)s; due now: %(due)s. %(why)s"),
        kinds.EXTENSION_REFUSED: gettext("%(who)s refused extending %(what)s to %(day)s: %(why)s"),
        kinds.NUDGE_ANSWERED: gettext("%(who)s answered your urging about %(what)s: %(why)s"),
        kinds.STRUCK_OFF: gettext("%(who)s struck off, as completed: %(n)s (%(what)s). %(why)s"),
        kinds.RESUMED: gettext("%(who)s reopened %(what)s, which was completed: %(why)s"),
        kinds.INSTRUCTED: gettext("Leader’s note by %(leader)s (%(who)s) on %(what)s: %(why)s"),
        kinds.INSTRUCTION_ANSWERED: gettext("%(who)s answered the leader’s note on %(what)s: %(why)s"),
        kinds.INSTRUCTION_GONE: gettext("%(who)s withdrew the leader’s note on %(what)s: %(why)s"),
        kinds.ERASURE_ASKED: gettext("%(who)s asks to erase something in %(what)s and needs a second person: %(why)s"),
        kinds.ERASED: gettext("%(who)s erased something in %(what)s: %(why)s"),
    }


class PhraseQuerySet(models.QuerySet["Phrase"]):
    def visible_to(self, user: User) -> Self:
        """One's own, whatever role one acts in."""
        return self.filter(person=user)


class Phrase(models.Model):
    """A sentence a reviewer keeps for returning."""

    MOST = 30  # that one person keeps

    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"), related_name="phrases")
    text = models.CharField(_("phrase"), max_length=200, validators=[refuse_unstorable])

    objects = PhraseQuerySet.as_manager()

    class Meta:
        verbose_name = _("phrase")
        verbose_name_plural = _("phrases")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["person", "text"], name="phrase_once")]

    def __str__(self) -> str:
        return self.text

    @classmethod
    @transaction.atomic
    def keep(cls, text: str, *, by: User) -> Phrase:
        """Keep a sentence; the same again is kept once. Raises ValidationError: nothing, too long, or one too many."""
        text = said("text", text, missing=gettext("Write the phrase first."), limit=200)
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        kept = by.phrases.filter(text=text).first()
        if kept is None and by.phrases.count() >= cls.MOST:
            refusal = gettext("You keep %(most)d phrases already. Delete one first.") % {"most": cls.MOST}
            raise ValidationError({"text": refusal})
        return kept or cls.objects.create(person=by, text=text)

    @staticmethod
    def suggested() -> list[str]:
        """For whoever keeps none yet."""
        return [
            gettext("Please add what was actually done in this period, with figures."),
            gettext("Please say why this is behind its pace and what will be done about it."),
            gettext("This repeats the last period. Please write what is new."),
            gettext("The status does not fit the text. Please check both."),
            gettext("The evidence is missing or cannot be read. Please add it and submit again."),
        ]
