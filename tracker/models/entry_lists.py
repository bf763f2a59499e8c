"""Which entries: whose to see, to log, to decide on, to excuse (rule 5)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, When
from django.utils import timezone

from tracker import access

from .blockers import Blocker
from .events import Event
from .moves import EXCUSE, REPORTED, WRITABLE, State
from .organizations import Organization
from .periods import Period, working_day_back
from .sign_off import AT_LEADER, STEPS
from .tallies import tallying

if TYPE_CHECKING:
    from .entries import Entry
    from .organizations import Organization
    from .people import User

BATCH = 1_000
REVIEW_DAYS = 2  # working days a reviewer has; what waits longer is shown to the level above
COUNTED = 2_000  # so many long waits are counted on a page, and not more


def long_ago(on: dt.date) -> dt.datetime:
    """What has waited since before this moment has waited more than REVIEW_DAYS working days. One query."""
    return timezone.make_aware(dt.datetime.combine(working_day_back(on, REVIEW_DAYS + 1), dt.time()))


class EntryQuerySet(models.QuerySet["Entry"]):
    def for_transition(self) -> Self:
        """With everything a transition reads, in one query."""
        return self.select_related(
            "assignment__organization",
            "assignment__reviewing",
            "assignment__task__heading__area",
            "assignment__task__plan",
            "period__plan",
        )

    def for_logging(self) -> Self:
        """With everything a form of its content reads too: as many queries for a hundred rows as for one."""
        return self.for_transition().prefetch_related(
            "assignment__task__figures", "assignment__task__milestones", "assignment__milestones", "evidence", "values"
        )

    def reported_before(self, period: Period) -> dict[int, Entry]:
        """By assignment, what `previous` is of each entry here. One query."""
        from .entries import Entry

        earlier = Entry.objects.filter(
            assignment=OuterRef("assignment"), period__due__lt=period.due, state__in=REPORTED
        ).order_by("-period__due")
        newest = self.order_by().annotate(newest=Subquery(earlier.values("pk")[:1])).values("newest")
        found = Entry.objects.filter(pk__in=newest).select_related("period")
        return {entry.assignment_id: entry for entry in found}

    def visible_to(self, user: User) -> Self:
        """The entries of visible assignments, drafts inside their own body only (rule 5); and what one may log."""
        visible = user.assignment_scope("assignment__") & (
            ~Q(state=State.DRAFT) | Q(assignment__organization=user.organization)
        )
        return self.filter(visible | self._behalf_of(user)) if user.may_log else self.filter(visible)

    def editable_by(self, user: User) -> Self:
        """What this person logs: their own body's, and on behalf of those below that cannot."""
        if not user.may_log:
            return self.none()
        return self.filter(Q(assignment__organization=user.organization) | self._behalf_of(user))

    def on_behalf_by(self, user: User) -> Self:
        """What this person logs for bodies directly below that have no reporter of their own (代报)."""
        return self.filter(self._behalf_of(user)) if user.may_log else self.none()

    @staticmethod
    def _behalf_of(user: User) -> Q:
        return Q(assignment__organization__in=user.reports_on_behalf_of().order_by().values("pk"))

    def owed_on(self, day: dt.date) -> Self:
        """What can still be written that day in the open periods, the returned among it."""
        return self.filter(period__in=Period.objects.open_on(day), state__in=WRITABLE)

    def decided_on_by(self, user: User) -> Self:
        """What this person, in the role acted in now, decides on at its step. Never what they submitted themselves."""
        body = user.organization
        if body is None or not user.may_review:
            return self.none()
        if user.may(access.SIGN_OFF):
            mine = Q(assignment__organization=body) & AT_LEADER
        else:
            mine = Q(assignment__reviewing=body) & (~STEPS | Q(review_step=1))
        return self.filter(mine).exclude(submitted_by=user)

    def reviewable_by(self, user: User) -> Self:
        """What waits for this person's decision."""
        return self.decided_on_by(user).filter(state=State.SUBMITTED)

    def waiting_long(self, on: dt.date) -> Self:
        """Waiting for a decision for more than REVIEW_DAYS working days on that day: from the submission, and at the
        second step from the own leader's signature."""
        since = long_ago(on)
        waiting = self.filter(state=State.SUBMITTED, submitted_at__lt=since)
        return waiting.filter(Q(review_step=0) | Q(signed_at=None) | Q(signed_at__lt=since))

    def waiting_below(self, body: Organization) -> Self:
        """What waits for a decision at a body or below it, by the step it stands at."""
        own = AT_LEADER & body.subtree("assignment__organization__")
        above = ~AT_LEADER & body.subtree("assignment__reviewing__")
        return self.filter(own | above, state=State.SUBMITTED)

    def by_decider(self) -> Counter[int]:
        """How many wait at each body, by its key. One query; of more than COUNTED any COUNTED are counted."""
        decider = Case(When(AT_LEADER, then=F("assignment__organization")), default=F("assignment__reviewing"))
        rows = self.order_by().annotate(decider=decider).values_list("decider", flat=True)
        return Counter(rows[:COUNTED])

    def two_before(self) -> dict[int, list[Entry]]:
        """By entry, the last two reports before it of the same assignment, newest first. Two queries."""
        from .entries import Entry

        earlier = Entry.objects.filter(
            assignment=OuterRef("assignment"), period__due__lt=OuterRef("period__due"), state__in=REPORTED
        ).order_by("-period__due")
        pairs = [Subquery(earlier.values("pk")[n : n + 1]) for n in (0, 1)]
        keys = {
            pk: found for pk, *found in self.order_by().annotate(a=pairs[0], b=pairs[1]).values_list("pk", "a", "b")
        }
        reports = Entry.objects.select_related("period").in_bulk({key for two in keys.values() for key in two if key})
        return {pk: [reports[key] for key in two if key] for pk, two in keys.items()}

    def awaiting_leader(self) -> Self:
        """Handed in, and not signed off by the own leader yet."""
        return self.filter(AT_LEADER, state=State.SUBMITTED)

    def awaiting_above(self) -> Self:
        """Handed in, and for the reviewing body to decide on now."""
        return self.filter(~STEPS | Q(review_step=1), state=State.SUBMITTED).exclude(assignment__reviewing=None)

    def to_sign_off(self, user: User) -> list[tuple[Period, int]]:
        """The periods in which something waits for this leader's signature, the oldest first, and how much. Two
        queries."""
        if not user.may(access.SIGN_OFF):
            return []
        waiting = self.reviewable_by(user).order_by()
        counts = dict(waiting.values_list("period").annotate(n=Count("pk")))
        periods = Period.objects.filter(pk__in=counts).select_related("plan").order_by("due", "pk")
        return [(period, counts[period.pk]) for period in periods]

    def of_own_body(self, user: User, period: Period) -> Self:
        """What one's own body owes in a period, as one who reads there sees it, with how many files each carries."""
        from .evidence import Evidence

        own = self.visible_to(user).filter(assignment__organization=user.organization, period=period)
        people = ("submitted_by", "proxy", "signed_by", "decided_by")
        rows = own.for_transition().select_related(*people).order_by("assignment__task__position", "pk")
        return rows.annotate(files=Evidence.objects.counted_for("pk"))

    def beneath(self, entry: Entry, user: User) -> Self:
        """What the bodies directly below an entry's, by either line, owe on the same task in the same period; each
        once. All of it for those who log or sign off the entry, for others what lies in their scope."""
        below = Organization.objects.filter(entry.assignment.organization.directly_below()).order_by()
        found = self.filter(
            assignment__organization__in=below.values("pk"),
            assignment__task=entry.assignment.task_id,
            period=entry.period_id,
        )
        leads = user.may(access.SIGN_OFF) and user.organization == entry.assignment.organization
        return found if leads or entry.is_logged_by(user) else found.filter(user.assignment_scope("assignment__"))

    def quotable_by(self, user: User, entry: Entry) -> Self:
        """The accepted ones beneath an entry, to be quoted from in it (汇总)."""
        return self.beneath(entry, user).filter(state=State.ACCEPTED)

    def reported(self) -> dict[str, int]:
        """How many are owed, accepted, and handed in but not decided on. One query."""
        counts = {"owed": ~Q(state=State.EXCUSED), "accepted": Q(state=State.ACCEPTED)}
        counts["submitted"] = Q(state=State.SUBMITTED)
        return self.order_by().aggregate(**{name: Count("pk", filter=which) for name, which in counts.items()})

    def hold(self, pk: int) -> Entry:
        """The row as it stands, held until the transaction ends."""
        return self.for_transition().select_for_update(of=("self",)).get(pk=pk)

    def in_review_order(self, by: str = "period") -> Self:
        """What a reviewer works through: the oldest period first, then by task, then by body; or grouped `by`
        organization or task first, or what has waited longest first."""
        task = ("assignment__task__plan", "assignment__task__position")
        body = ("assignment__organization__code",)
        order = {
            "organization": (*body, "period__due", *task),
            "task": (*task, "period__due", *body),
            "waiting": ("submitted_at", *body, *task),
        }.get(by, ("period__due", *task, "assignment__organization__path"))
        return self.order_by(*order, "pk")

    def excusable_by(self, user: User) -> Self:
        """Supervisors and administrators excuse within their scope, never their own body but at the root."""
        if not user.may(access.EXCUSE):
            return self.none()
        visible = self.filter(user.assignment_scope("assignment__"))
        own = Q(assignment__organization=user.organization, assignment__organization__parent__isnull=False)
        return visible.exclude(own)

    def excuse_all(self, *, by: User | None, comment: str, at: dt.datetime) -> int:
        """What `Entry.excuse` does, for all of these that it may be done to: they go with what they were owed for.

        Returns how many. Two statements for each thousand, and one that holds them.
        """
        with tallying() as changes:
            rows = self.filter(state__in=EXCUSE.sources).select_related("assignment__task__heading", "period")
            entries = list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))
            events = []
            for entry in entries:
                before, was = entry.columns, entry.state
                entry.state = EXCUSE.target
                changes.move_entry(entry, before, entry.columns)
                told: dict[str, Any] = {"from_state": was, "to_state": EXCUSE.target, "comment": comment}
                events.append(Event.made(entry.assignment, action=EXCUSE.action, by=by, entry=entry, at=at, **told))
            for first in range(0, len(entries), BATCH):
                keys = [entry.pk for entry in entries[first : first + BATCH]]
                self.model.objects.filter(pk__in=keys).update(
                    state=EXCUSE.target, comment=comment, version=F("version") + 1
                )
            Event.objects.bulk_create(events, batch_size=BATCH)
            for first in range(0, len(entries), BATCH):
                some = entries[first : first + BATCH]
                Blocker.objects.filter(entry__in=some).withdraw_all(by=by, comment=comment, at=at)
        return len(entries)
