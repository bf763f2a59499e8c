"""The digest: one mail a person and day at most, with what is due, late, returned, urged or waiting for them."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from smtplib import SMTPException
from typing import Any, NamedTuple, Self

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import models
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from tracker import access

from .blockers import Blocker
from .entries import Entry
from .extensions import Extension
from .instructions import InstructionReply
from .moves import WRITABLE, State
from .nudges import Nudge
from .people import Membership, User
from .periods import Period

SOON = dt.timedelta(days=3)  # due soon: as many days before the due date
TRIES = 5  # nights a mail that does not go is tried again


class Owed(NamedTuple):
    """What a body has before it: numbers of things, each with what to call them."""

    due_soon: Counter[int]
    overdue: Counter[int]
    returned: Counter[int]
    urged: Counter[int]
    to_sign_off: Counter[int]
    to_review: Counter[int]
    kept_waiting: Counter[int]
    to_answer: Counter[int]
    answered: Counter[int]
    to_decide: Counter[int]
    instructed: Counter[int]
    instruction_answers: Counter[int]
    instructions_late: Counter[int]


INSTRUCTING = ("instruction_answers", "instructions_late")
# Which numbers concern which role.
CONCERNS = {
    access.REPORTER: ("due_soon", "overdue", "returned", "instructed", "urged", "answered"),
    access.LEADER: ("to_sign_off", "overdue", "instructed", "urged", "to_answer", "answered", *INSTRUCTING),
    access.REVIEWER: ("to_review", "kept_waiting", "to_answer", "to_decide"),
    access.SUPERVISOR: ("to_answer", "to_decide", *INSTRUCTING),
}


def owed_by_body(day: dt.date) -> Owed:
    """The numbers of every body at once. Fourteen queries, whatever the number of bodies."""
    open_now = Period.objects.open_on(day)
    unreported = Entry.objects.filter(state__in=WRITABLE, period__in=open_now)
    body = "assignment__organization"
    return Owed(
        due_soon=counted(unreported.filter(period__due__range=(day, day + SOON)), body),
        overdue=counted(unreported.filter(period__due__lt=day), body),
        returned=counted(Entry.objects.filter(state=State.RETURNED, period__in=open_now), body),
        urged=counted(Nudge.objects.filter(read_at=None, period__in=open_now), "organization"),
        to_sign_off=counted(Entry.objects.awaiting_leader(), body),
        to_review=counted(Entry.objects.awaiting_above(), "assignment__reviewing"),
        kept_waiting=counted(Entry.objects.awaiting_above().waiting_long(day), "assignment__reviewing"),
        to_answer=counted(Blocker.objects.open(), "holder"),
        answered=counted(Blocker.objects.unread(), f"entry__{body}"),
        to_decide=Extension.objects.waiting().by_decider(),
        instructed=counted(InstructionReply.objects.waiting(), "organization"),
        instruction_answers=counted(InstructionReply.objects.unread_answers(), "instruction__sender"),
        instructions_late=counted(InstructionReply.objects.late(day), "instruction__sender"),
    )


def counted(rows: Any, body: str) -> Counter[int]:
    return Counter(dict(rows.order_by().values_list(body).annotate(n=Count("pk"))))


def lines_of(numbers: dict[str, int]) -> list[str]:
    """The sentences of a mail, the most pressing first."""
    said = {
        "returned": gettext("returned, to be corrected: %d"),
        "overdue": gettext("past the due date, not reported: %d"),
        "due_soon": gettext("due within three days, not reported: %d"),
        "instructed": gettext("leaders’ notes awaiting your answer: %d"),
        "urged": gettext("urgings not read: %d"),
        "to_sign_off": gettext("awaiting your signature: %d"),
        "to_review": gettext("awaiting your review: %d"),
        "kept_waiting": gettext("of these waiting for more than two working days: %d"),
        "to_answer": gettext("matters for coordination awaiting your answer: %d"),
        "answered": gettext("answers to your matters for coordination, not read: %d"),
        "instructions_late": gettext("your leaders’ notes not answered in time: %d"),
        "instruction_answers": gettext("answers to your leaders’ notes, not read: %d"),
        "to_decide": gettext("extensions awaiting your decision: %d"),
    }
    return [words % numbers[name] for name, words in said.items() if numbers.get(name)]


class DigestQuerySet(models.QuerySet["Digest"]):
    def visible_to(self, user: User) -> Self:
        """The mails of people one sees."""
        return self.filter(person__in=User.objects.visible_to(user))


class Digest(models.Model):
    """One person's mail of one day: at most one, tried again until it goes."""

    person = models.ForeignKey(User, models.CASCADE, verbose_name=_("person"), related_name="digests")
    day = models.DateField(_("day"))
    sent_at = models.DateTimeField(_("sent at"), null=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.CharField(_("error"), max_length=300, blank=True)

    objects = DigestQuerySet.as_manager()

    class Meta:
        verbose_name = _("digest")
        verbose_name_plural = _("digests")
        ordering = ["-day", "-pk"]
        constraints = [models.UniqueConstraint(fields=["person", "day"], name="digest_once_a_day")]

    def __str__(self) -> str:
        return f"{self.person} {self.day:%Y-%m-%d}"

    @classmethod
    def send_all(cls, day: dt.date) -> tuple[int, int]:
        """Send the digests of `day` that have not gone yet; returns how many went and how many did not.

        Who has nothing to do gets no mail. A failure is kept with its error and tried again the next time this runs;
        after TRIES of them it is left, and stays in sight. Without a mail server nothing is sent.
        """
        if not settings.MAIL:
            return 0, 0
        sent = failed = 0
        connection = get_connection()
        for person, numbers in cls.due_on(day):
            digest, _made = cls.objects.get_or_create(person=person, day=day)
            if digest.sent_at or digest.tries >= TRIES:
                continue
            if digest.send(numbers, connection):
                sent += 1
            else:
                failed += 1
        return sent, failed

    @classmethod
    def due_on(cls, day: dt.date) -> list[tuple[User, dict[str, int]]]:
        """Everybody with an address who has something to do, and their numbers. Sixteen queries."""
        owed = owed_by_body(day)
        numbers: dict[User, Counter[str]] = defaultdict(Counter)
        held = Membership.objects.filter(role__in=CONCERNS, person__is_active=True).exclude(person__email="")
        for membership in held.select_related("person"):
            for name in CONCERNS[membership.role]:
                numbers[membership.person][name] += getattr(owed, name)[membership.organization_id]
        return [(person, dict(counts)) for person, counts in numbers.items() if any(counts.values())]

    def send(self, numbers: dict[str, int], connection: Any) -> bool:
        with override(settings.LANGUAGE_CODE):
            lines = lines_of(numbers)
            body = [gettext("%(name)s, today in Luoshi:") % {"name": self.person}, "", *lines, ""]
            body += [settings.SITE_URL + reverse("home"), "", gettext("Sent once a day. No reply is read.")]
            subject = gettext("Luoshi, %(day)s: %(first)s") % {"day": self.day.isoformat(), "first": lines[0]}
        message = EmailMessage(subject, "\n".join(body), to=[self.person.email], connection=connection)
        self.tries += 1
        try:
            message.send()
        except (SMTPException, OSError) as error:
            self.error = f"{type(error).__name__}: {error}"[:300]
        else:
            self.sent_at, self.error = timezone.now(), ""
        self.save(update_fields=["tries", "error", "sent_at"])
        return self.sent_at is not None
