"""Reporting periods, and the holidays that working days step over."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from simple_history.models import HistoricalRecords

from .fields import refuse_unstorable
from .inserting import insert_from
from .plan import Frequency, Plan, Reporting

if TYPE_CHECKING:
    from .assignments import AssignmentQuerySet
    from .entries import EntryQuerySet
    from .organizations import Organization
    from .people import User
    from .plan import Task

CODES = {
    Frequency.MONTH: re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])"),
    Frequency.QUARTER: re.compile(r"([0-9]{4})Q([1-4])"),
    Frequency.HALF_YEAR: re.compile(r"([0-9]{4})H([12])"),
    Frequency.YEAR: re.compile(r"([0-9]{4})"),
}
MONTHS = {Frequency.MONTH: 1, Frequency.QUARTER: 3, Frequency.HALF_YEAR: 6, Frequency.YEAR: 12}


class Holiday(models.Model):
    """A day off outside weekends, or (`working`) a weekend day that is worked."""

    day = models.DateField(gettext_lazy("day"), unique=True)
    name = models.CharField(gettext_lazy("name"), max_length=60, blank=True, validators=[refuse_unstorable])
    working = models.BooleanField(gettext_lazy("working day"), default=False)

    history = HistoricalRecords(verbose_name=gettext_lazy("holiday history"))

    class Meta:
        verbose_name = gettext_lazy("holiday")
        verbose_name_plural = gettext_lazy("holidays")
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.name}".strip()


def working_days_between(first: dt.date, last: dt.date) -> int:
    """How many working days from `first` to `last`, both included. One query."""
    known = dict(Holiday.objects.filter(day__range=(first, last)).values_list("day", "working"))
    days = (first + dt.timedelta(n) for n in range((last - first).days + 1))
    return sum(known.get(day, day.weekday() < 5) for day in days)


def working_days_after(day: dt.date, count: int) -> dt.date:
    """The `count`-th working day after `day`. One query; looks at most 60 days ahead."""
    horizon = day + dt.timedelta(days=60)
    known = dict(Holiday.objects.filter(day__gt=day, day__lte=horizon).values_list("day", "working"))
    while count and day < horizon:
        day += dt.timedelta(days=1)
        count -= known.get(day, day.weekday() < 5)
    return day


def working_day_back(day: dt.date, count: int) -> dt.date:
    """The day on which the last `count` working days up to `day` begin. One query; looks at most 60 days back."""
    horizon = day - dt.timedelta(days=60)
    known = dict(Holiday.objects.filter(day__gt=horizon, day__lte=day).values_list("day", "working"))
    count -= known.get(day, day.weekday() < 5)
    while count and day > horizon:
        day -= dt.timedelta(days=1)
        count -= known.get(day, day.weekday() < 5)
    return day


def working_day_from(day: dt.date) -> dt.date:
    """`day` itself where it is worked, else the first working day after it. One query."""
    return working_days_after(day - dt.timedelta(days=1), 1)


def span(kind: str, day: dt.date) -> tuple[str, dt.date, dt.date]:
    """The code, first and last day of the period of a kind that holds `day`."""
    months = MONTHS[Frequency(kind)]
    first = dt.date(day.year, (day.month - 1) // months * months + 1, 1)
    number = (first.month - 1) // months + 1
    after = (first.replace(day=28) + dt.timedelta(days=31 * months - 27)).replace(day=1)
    code = {1: f"{day.year}-{number:02}", 3: f"{day.year}Q{number}", 6: f"{day.year}H{number}", 12: f"{day.year}"}
    return code[months], first, after - dt.timedelta(days=1)


class PeriodQuerySet(models.QuerySet["Period"]):
    def make_scheduled(self, day: dt.date) -> list[Period]:
        """The periods that hold `day`, for plans that run by schedule and the frequencies in use; returns what is new.

        Run again it makes nothing. Four queries a plan and two a frequency.
        """
        made: list[Period] = []
        for plan in Plan.objects.filter(by_schedule=True, start__lte=day, due__gte=day):
            for kind in plan.frequencies_in_use() & MONTHS.keys():
                code, opens, last = span(kind, day)
                if not self.filter(plan=plan, code=code).exists():
                    due = max(opens, working_day_from(last + dt.timedelta(days=plan.due_after)))
                    locks = due + dt.timedelta(days=plan.locks_after)
                    made.append(self.create(plan=plan, code=code, kind=kind, opens=opens, due=due, locks=locks))
        return made

    def open_on(self, day: dt.date) -> Self:
        """Opened, and not locked yet on `day`."""
        return self.filter(opened_at__isnull=False, locks__gte=day)

    def to_open(self, day: dt.date) -> Self:
        return self.filter(opened_at=None, opens__lte=day, locks__gte=day)

    def to_set_aside(self, day: dt.date) -> Self:
        """Locked, and their tallies not yet copied for the trends."""
        return self.filter(opened_at__isnull=False, set_aside_at=None, locks__lt=day)


class Period(models.Model):
    """One round of reporting. `opens`, `due` and `locks` are days in Asia/Shanghai, each included."""

    plan = models.ForeignKey(Plan, models.PROTECT, verbose_name=gettext_lazy("plan"), related_name="periods")
    code = models.CharField(
        gettext_lazy("code"),
        max_length=16,
        validators=[refuse_unstorable],
        help_text=gettext_lazy("2026Q4 for a quarter, 2026-11 for a month, 2026H2 for a half-year, 2026 for a year."),
    )
    kind = models.CharField(gettext_lazy("kind"), max_length=12, choices=Frequency, default=Frequency.QUARTER)
    opens = models.DateField(gettext_lazy("opens"))
    due = models.DateField(gettext_lazy("due"))
    locks = models.DateField(gettext_lazy("locks"))
    opened_at = models.DateTimeField(gettext_lazy("opened at"), null=True, editable=False)
    set_aside_at = models.DateTimeField(gettext_lazy("tallies set aside at"), null=True, editable=False)

    history = HistoricalRecords(verbose_name=gettext_lazy("period history"))
    objects = PeriodQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("period")
        verbose_name_plural = gettext_lazy("periods")
        ordering = ["-due", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "code"], name="period_code_unique"),
            models.CheckConstraint(
                condition=Q(due__gte=F("opens"), locks__gte=F("due")),
                name="period_dates_in_order",
                violation_error_message=gettext_lazy("A period opens, is due and locks, in this order."),
            ),
            models.CheckConstraint(condition=Q(kind__in=Frequency.values), name="period_kind_known"),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        pattern = CODES.get(Frequency(self.kind)) if self.kind in Frequency.values else None
        if pattern and not pattern.fullmatch(self.code or ""):
            raise ValidationError({"code": _("This code does not fit the kind of period.")})

    @property
    def title(self) -> str:
        """2026 年第四季度, in the reader's language."""
        pattern = CODES.get(Frequency(self.kind))
        match = pattern.fullmatch(self.code) if pattern else None
        if not match:
            return self.code
        year, number = match[1], int(match[2]) if pattern and pattern.groups > 1 else 0
        if self.kind == Frequency.QUARTER:
            quarters = (
                _("%s, first quarter"),
                _("%s, second quarter"),
                _("%s, third quarter"),
                _("%s, fourth quarter"),
            )
            return quarters[number - 1] % year
        if self.kind == Frequency.HALF_YEAR:
            return (_("%s, first half"), _("%s, second half"))[number - 1] % year
        if self.kind == Frequency.MONTH:
            return _("%(year)s, month %(month)d") % {"year": year, "month": number}
        return _("year %s") % year

    @property
    def span(self) -> tuple[dt.date, dt.date]:
        """The first and the last day it tells of: by its code; of a one-off round, from its opening to its due date."""
        pattern = CODES.get(Frequency(self.kind))
        match = pattern.fullmatch(self.code) if pattern else None
        if not match or not 1 <= int(match[1]) < 9999:
            return self.opens, self.due
        months = {Frequency.MONTH: 1, Frequency.QUARTER: 3, Frequency.HALF_YEAR: 6}.get(Frequency(self.kind), 12)
        number = int(match[2]) if months < 12 else 1
        first = dt.date(int(match[1]), (number - 1) * months + 1, 1)
        return first, (first + dt.timedelta(days=31 * months)).replace(day=1) - dt.timedelta(days=1)

    @property
    def due_end(self) -> dt.datetime:
        """The first moment after the due date: submitted before it is on time."""
        return timezone.make_aware(dt.datetime.combine(self.due + dt.timedelta(days=1), dt.time()))

    @property
    def is_locked(self) -> bool:
        return timezone.localdate() > self.locks

    def owing(self) -> AssignmentQuerySet:
        """The assignments that owe an entry (rule 1): active, of this frequency, made before the period opened."""
        from .assignments import Assignment

        owing = Assignment.objects.active().filter(task__plan=self.plan_id, frequency=self.kind)
        owing = owing.exclude(task__reporting=Reporting.ELSEWHERE)
        return owing.filter(created_at__lte=self.opened_at) if self.opened_at else owing

    @transaction.atomic
    def open(self, *, at: dt.datetime | None = None) -> int:
        """Make an entry in state `due` for every assignment that owes one; returns how many were made.

        Idempotent: run again it makes only what is missing. Set-wise: two statements, whatever the number.
        """
        from .entries import Entry
        from .tallies import EntryTally

        made = insert_from(
            Entry, ["assignment", "period"], self.owing().annotate(p=Value(self.pk)).values_list("pk", "p")
        )
        if self.opened_at is None:
            self.opened_at = at or timezone.now()
            self.save(update_fields=["opened_at"])
        if made:
            EntryTally.recount(self)
        return made

    @transaction.atomic
    def owe_also(self, tasks: Iterable[Task], *, at: dt.datetime) -> int:
        """Let assignments made after the opening, up to `at`, owe in this period too (rule 1: "this period")."""
        from .entries import Entry
        from .tallies import EntryTally

        late = Period(plan=self.plan, kind=self.kind, opened_at=at).owing().filter(task__in=list(tasks))
        made = insert_from(Entry, ["assignment", "period"], late.annotate(p=Value(self.pk)).values_list("pk", "p"))
        if made:
            EntryTally.recount(self)
        return made

    @transaction.atomic
    def move(self, *, opens: dt.date, due: dt.date, locks: dt.date) -> None:
        """Other dates. A due date moved after the opening turns late into on time, so the counts are taken afresh.

        Raises ValidationError when the dates are out of order.
        """
        from .tallies import EntryTally

        before, (self.opens, self.due, self.locks) = self.due, (opens, due, locks)
        if not opens <= due <= locks:
            raise ValidationError(_("A period opens, is due and locks, in this order."))
        self.save()
        if self.opened_at and due != before:
            EntryTally.recount(self)

    def unreported(self, organization: Organization) -> EntryQuerySet:
        """What a body has not handed in, or has to correct."""
        from .entries import Entry
        from .moves import WRITABLE

        return Entry.objects.filter(period=self, assignment__organization=organization, state__in=WRITABLE)

    def let_in(self, organization: Organization, *, by: User, until: dt.date, comment: str) -> int:
        """Open what a body has not handed in after the lock, with a reason: each entry's own logged exception.

        Returns how many were opened. Raises TransitionRefused when `by` may not, ValidationError without a reason.
        """
        from .tallies import tallying

        with tallying():
            entries = list(self.unreported(organization).for_transition())
            for entry in entries:
                entry.let_in(by=by, version=entry.version, until=until, comment=comment)
        return len(entries)

    @transaction.atomic
    def set_aside(self, *, at: dt.datetime | None = None) -> None:
        """Copy the tallies of a locked period, for the trends; the live rows go on counting (design §4). Once."""
        from .tallies import EntryTally

        if self.set_aside_at:
            return
        EntryTally.set_aside_copy(self)
        self.set_aside_at = at or timezone.now()
        self.save(update_fields=["set_aside_at"])
