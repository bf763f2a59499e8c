"""Moving, merging, splitting and closing bodies: each in one transaction, each shown before it is done.

What is shown is what a rehearsal did: the same statements, taken back. Nothing is deleted; entries and events stay with
the body they were written for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.utils import bulk_update_with_history

from .assignments import Assignment
from .blockers import Blocker
from .entries import Entry
from .events import Event
from .fields import said
from .handings import Handing
from .histories import REASON_LIMIT, signed
from .instructions import InstructionReply
from .lights import judge
from .moves import EXCUSE, TransitionRefused
from .organizations import Line, Organization, within
from .plan import Status, Task
from .relocating import Place, holding, reaches, relocate
from .tallies import TIERS, AssignmentTally, EntryTally

if TYPE_CHECKING:
    from .people import User

BATCH = 1_000


class Effect(NamedTuple):
    """What a reorganization does, in numbers. `mark` tells one state of things from another."""

    bodies: int = 0  # that come under another parent, with all below them
    made: int = 0  # new bodies
    reviewing: int = 0  # assignments that another body reviews from now on
    ended: int = 0  # assignments
    assigned: int = 0  # assignments, made or brought back to life
    owned: int = 0  # tasks that get another lead
    excused: int = 0  # entries
    tallies: int = 0  # rows counted afresh
    mark: str = ""


class Reorganization:
    """One act on one body. `rehearse()` shows its effect; `carry_out(seen=mark)` does it, if nothing moved since."""

    def __init__(self, body: Organization, *, by: User | None, reason: str) -> None:
        self.body, self.by, self.reason = body, by, reason
        self.touched: dict[str, set[int]] = defaultdict(set)
        self.counts: dict[str, int] = defaultdict(int)

    def rehearse(self) -> Effect:
        """The effect, and nothing of it stays. Raises ValidationError by field, as `carry_out` does."""
        with holding():
            effect = self._act()
            transaction.set_rollback(True)
        for body in [self.body, *self._bodies()]:
            body.refresh_from_db()
        return effect

    def carry_out(self, *, seen: str | None = None) -> Effect:
        """Raises ValidationError by field where the rules forbid it, TransitionRefused when the effect is another than
        the one that was `seen`; then nothing is changed."""
        with holding():
            effect = self._act()
            if seen is not None and seen != effect.mark:
                words = _("Something has changed since you looked, so nothing was done. Look at the effect once more.")
                raise TransitionRefused("stale", words)
        return effect

    # Each kind says whom it takes, what forbids it, and what it does.

    def _bodies(self) -> list[Organization]:
        """The bodies it is about, besides `body`."""
        return []

    def _check(self) -> None:
        raise NotImplementedError

    def _do(self) -> None:
        raise NotImplementedError

    def _act(self) -> Effect:
        """Inside `holding()`: everything is read afresh, so that what is checked is what is changed."""
        self.touched.clear()
        self.counts.clear()
        self.reason = said("reason", self.reason, missing=_("Give the reason."), limit=REASON_LIMIT)
        self.body.refresh_from_db()
        for body in self._bodies():
            body.refresh_from_db()
        self._check_body()
        self._check()
        mark = self._mark()
        self._do()
        tiers = {line: pks for line, pks in self.touched.items() if pks}
        self.counts["tallies"] = AssignmentTally.recount_tiers(tiers) + EntryTally.recount_tiers(tiers)
        numbers = dict(self.counts)
        digest = hashlib.sha256(repr((mark, sorted(numbers.items()))).encode()).hexdigest()
        return Effect(**numbers, mark=digest)

    def _mark(self) -> Any:
        """What the person saw, besides the numbers: the bodies' places and names, and how far the entries are."""
        bodies = [
            (body.pk, body.name, body.path, body.industry_path, body.parent_id, body.industry_id, str(body.closed_on))
            for body in [self.body, *self._bodies()]
        ]
        entries = Entry.objects.filter(assignment__organization=self.body, state__in=EXCUSE.sources)
        return bodies, entries.aggregate(seen=Sum("version"))["seen"]

    # What forbids.

    def _check_body(self) -> None:
        if self.body.parent_id is None:
            raise refusal(_("The national body stays where it is; only what is below it can be reorganized."))
        if self.body.closed_on:
            raise refusal(self.body.closed_words())
        self._check_scope(None, self.body)

    def _check_scope(self, name: str | None, *bodies: Organization | None) -> None:
        """Both ends of an act lie in the scope of who does it. `by` is None for the system itself."""
        wanted = {body.pk for body in bodies if body}
        if self.by and Organization.objects.editable_by(self.by).filter(pk__in=wanted).count() < len(wanted):
            raise refusal(_("This lies outside the bodies you administer. Ask the administrator above."), name)

    def _check_open(self, name: str, body: Organization) -> None:
        if body.closed_on:
            raise refusal(body.closed_words(), name)

    # What several kinds do.

    def _relocate(self, places: list[Place], top: Organization) -> None:
        """Move bodies to where all of them stand below `top`, or are it; with tiers."""
        relocate(places, by=self.by, reason=self.reason)
        stands = Organization.objects.get(pk=top.pk)
        moved = within(stands.path) | within(stands.path, line=Line.INDUSTRIAL)
        if stands.industry_path:
            moved |= within(stands.industry_path, line=Line.INDUSTRIAL)
        for line, tiers in Organization.objects.filter(moved).settle_tiers().items():
            self.touched[line] |= tiers

    def _touch(self, body: Organization) -> None:
        stands = Organization.objects.get(pk=body.pk)
        for line, field in TIERS.items():
            if tier := getattr(stands, f"{field}_id"):
                self.touched[line.value].add(tier)

    def _review_by(self, assignments: QuerySet[Assignment], reviewing: Organization | None) -> None:
        """Let another body review these; each keeps an event, as `Assignment.amend()` leaves one."""
        rows = list(assignments.select_related("reviewing").only("pk", "reviewing", "reviewing__name"))
        self.counts["reviewing"] += len(rows)
        if reviewing:
            asked = Blocker.objects.of([row.pk for row in rows]).filter(holder=F("entry__assignment__reviewing"))
            asked.lie_with(reviewing, by=self.by, comment=self.reason, at=timezone.now())
        Assignment.objects.filter(pk__in=[row.pk for row in rows]).update(reviewing=reviewing)
        self._tell({row.pk: {"reviewing": [str(row.reviewing or ""), str(reviewing or "")]} for row in rows})

    def _tell(self, told: dict[int, dict[str, Any]]) -> None:
        """What changed of assignments, by key."""
        action, now = Event.Action.AMENDED, timezone.now()
        Event.record_many(told, action=action, by=self.by, at=now, comment=self.reason, content=told.get)

    def _assign_as(self, body: Organization) -> None:
        """Give a body what another had to do and it lacks; what had ended with it comes back to life."""
        today = timezone.localdate()
        rows = self.body.assignments.live().exclude(status=Status.COMPLETED).select_related("task__plan")
        lacking = list(rows.exclude(task__in=body.assignments.live().values("task")))
        ended = {row.task_id: row for row in body.assignments.filter(task__in=[row.task_id for row in lacking])}
        Assignment.objects.filter(pk__in=[row.pk for row in ended.values()]).update(ended_on=None)
        self._tell({row.pk: {"ended_on": [str(row.ended_on), ""]} for row in ended.values()})
        new = [taken_over(row, body, today) for row in lacking if row.task_id not in ended]
        Assignment.objects.bulk_create(new, batch_size=BATCH)
        self.counts["assigned"] += len(lacking)
        self._touch(body)

    def _owned_by(self, body: Organization) -> None:
        """The tasks it led are led by another from now on (rule 4)."""
        for task in Task.objects.live().filter(owner=self.body):
            signed(task, self.by, self.reason).name_owner(body, by=self.by)
            self.counts["owned"] += 1

    def _close(self, *, into: Organization | None = None, heir: Organization | None = None) -> None:
        """The body's duties end, its open entries are excused, and it gets its last day. What it was asked lies with
        its heir from now on."""
        now, today, live = timezone.now(), timezone.localdate(), self.body.assignments.live()
        entries = Entry.objects.filter(assignment__organization=self.body)
        self.counts["excused"] = entries.excuse_all(by=self.by, comment=self.reason, at=now)
        keys = list(live.values_list("pk", flat=True))
        Handing.objects.filter(assignment__in=keys).lapse(by=self.by, at=now, comment=self.reason)
        live.update(ended_on=today)
        self.counts["ended"] = len(keys)
        self._tell({key: {"ended_on": ["", today.isoformat()]} for key in keys})
        Blocker.objects.of(keys).withdraw_all(by=self.by, comment=self.reason, at=now)
        if above := into or heir or self.body.parent:
            Blocker.objects.lying_with(self.body).lie_with(above, by=self.by, comment=self.reason, at=now)
        if follows := into or heir:
            notes = InstructionReply.objects.filter(organization=self.body)
            notes.fall_to(follows, by=self.by, comment=self.reason, at=now)
        self._touch(self.body)
        self.body.closed_on, self.body.merged_into = today, into
        self._keep(self.body, "closed_on", "merged_into")

    def _keep(self, body: Organization, *fields: str) -> None:
        """Save some fields of a body, with history: its counters and paths may have moved on since it was read."""
        bulk_update_with_history(
            [body], Organization, list(fields), default_user=self.by, default_change_reason=self.reason
        )


def refusal(words: str, name: str | None = None) -> ValidationError:
    return ValidationError({name or NON_FIELD_ERRORS: words})


def taken_over(row: Assignment, body: Organization, today: dt.date) -> Assignment:
    """The same duty in another's hands, not begun."""
    new = Assignment(
        task=row.task,
        organization=body,
        part=row.part,
        start=row.start,
        due=row.due,
        standard=row.standard,
        frequency=row.frequency,
        standing=row.standing,
        reviewing_id=body.parent_id,
        handed_on=today,
    )
    new.light, new.light_reason, new.light_changes_on = judge(new, row.task.plan, today)
    return new


class Moving(Reorganization):
    """A body, with everything below it, to another parent; to another industrial parent, or out from under one."""

    def __init__(
        self,
        body: Organization,
        *,
        parent: Organization | None,
        industry: Organization | None,
        by: User | None,
        reason: str,
    ) -> None:
        super().__init__(body, by=by, reason=reason)
        self.parent = parent
        # The same body above by both lines is one object, so that its counter is.
        self.industry = parent if parent and industry and parent.pk == industry.pk else industry

    def _bodies(self) -> list[Organization]:
        return list({above.pk: above for above in (self.parent, self.industry) if above}.values())

    def _check(self) -> None:
        body, parent, industry = self.body, self.parent, self.industry
        if parent is None:
            raise refusal(_("Choose the parent: only the national body stands without one."), "parent")
        place = Place(body, parent, industry)
        if not (place.changes_parent or place.changes_industry):
            raise refusal(_("It stands there already."), "parent")
        for name, above, changes, old in (
            ("parent", parent, place.changes_parent, body.parent),
            ("industry", industry, place.changes_industry, body.industry),
        ):
            if not changes:
                continue
            self._check_scope(name, above, old)
            if above:
                self._check_open(name, above)
                if reaches(above, body):
                    words = _("“%(above)s” is this body itself, or stands below it. Choose another.")
                    raise refusal(words % {"above": above}, name)
        if place.changes_industry and industry and not industry.industry_path:
            raise refusal(_("The industrial parent must itself belong to the industrial line."), "industry")

    def _do(self) -> None:
        assert self.parent
        body, old, old_industry = self.body, self.body.parent, self.body.industry
        self._relocate([Place(body, self.parent, self.industry)], body)
        self.counts["bodies"] = Organization.objects.below(Organization.objects.get(pk=body.pk)).count()
        live = body.assignments.live()
        if old_industry and old_industry != self.industry:
            self._review_by(live.filter(reviewing=old_industry), self.industry or self.parent)
        if old != self.parent:
            self._review_by(live.filter(reviewing=old), self.parent)


class Merging(Reorganization):
    """A body into another: what lies below goes there, what the other lacks is assigned to it, and the body closes."""

    def __init__(self, body: Organization, *, into: Organization, by: User | None, reason: str) -> None:
        super().__init__(body, by=by, reason=reason)
        self.into = into

    def _bodies(self) -> list[Organization]:
        return [self.into]

    def _check(self) -> None:
        self._check_scope("into", self.into)
        self._check_open("into", self.into)
        if reaches(self.into, self.body):
            words = _("“%(above)s” is this body itself, or stands below it. Choose another.")
            raise refusal(words % {"above": self.into}, "into")
        depends = Organization.objects.filter(industry=self.body).first()
        if depends and not self.into.industry_path:
            words = _("“%(body)s” has its industrial parent here, and “%(into)s” is outside the industrial line.")
            raise refusal(words % {"body": depends, "into": self.into}, "into")

    def _do(self) -> None:
        body, into = self.body, self.into
        self.counts["bodies"] = Organization.objects.below(body).exclude(pk=body.pk).count()
        hand_below(self, into)
        reviewed = Assignment.objects.live().filter(reviewing=body)
        self._review_by(reviewed.filter(organization=into), into.parent)
        self._review_by(reviewed.exclude(organization=into), into)
        self._assign_as(into)
        self._owned_by(into)
        self._close(into=into)


def hand_below(act: Reorganization, into: Organization) -> None:
    """Whatever stands directly below a body, by either line, stands below another from now on."""
    body = act.body
    below = Organization.objects.filter(body.directly_below()).select_related("parent", "industry")
    same = {body.pk: into, into.pk: into}  # one object for each parent, so that its counter is one
    places = []
    for child in below.order_by("code"):
        assert child.parent
        industry = same.get(child.industry.pk, child.industry) if child.industry else None
        places.append(Place(child, same.get(child.parent.pk, child.parent), industry))
    if places:
        act._relocate(places, into)


class Part(NamedTuple):
    """A body that a split makes."""

    code: str
    name: str
    short_name: str = ""


class Splitting(Reorganization):
    """New bodies out of one, beside it, of its level, line and kind.

    It goes on with what is below it; or it closes, and what is below it and the tasks it leads go to the first of them.
    """

    def __init__(
        self,
        body: Organization,
        *,
        parts: list[Part],
        by: User | None,
        reason: str,
        assigning: bool = False,
        closing: bool = False,
    ) -> None:
        super().__init__(body, by=by, reason=reason)
        self.parts, self.assigning, self.closing = parts, assigning, closing

    def _check(self) -> None:
        if not self.parts:
            raise refusal(_("Name at least one new body."))
        self._check_scope(None, self.body.parent)

    def _do(self) -> None:
        made = [self._part(part) for part in self.parts]
        self.counts["made"] = len(made)
        if self.assigning:
            for new in made:
                self._assign_as(new)
        if not self.closing:
            return
        first = made[0]
        self.counts["bodies"] = Organization.objects.below(self.body).exclude(pk=self.body.pk).count()
        hand_below(self, first)
        self._review_by(Assignment.objects.live().filter(reviewing=self.body), first)
        self._owned_by(first)
        self._close(heir=first)

    def _part(self, part: Part) -> Organization:
        body = self.body
        new = Organization(**part._asdict(), level=body.level, line=body.line, kind=body.kind, split_from=body)
        new.parent, new.industry = body.parent, body.industry
        new.full_clean(exclude=["path"])
        signed(new, self.by, self.reason).place()
        return Organization.objects.get(pk=new.pk)


class Closing(Reorganization):
    """A body comes to its end. What is below it and the tasks it leads must have gone elsewhere before."""

    def _check(self) -> None:
        self._check_scope(None, self.body.parent)
        below = Organization.objects.open().filter(self.body.directly_below()).count()
        if below:
            words = _("%(count)d open bodies stand directly below it. Move them first, or merge it into another body.")
            raise refusal(words % {"count": below})
        owned = Task.objects.live().filter(owner=self.body).values_list("code", flat=True)[:5]
        if owned:
            words = _("It leads the tasks %(codes)s. Name another lead first, or merge this body into another.")
            raise refusal(words % {"codes": ", ".join(owned)})

    def _do(self) -> None:
        for parent, rows in self._reviewed():
            self._review_by(rows, parent)
        self._close()

    def _reviewed(self) -> list[tuple[Organization | None, QuerySet[Assignment]]]:
        """What it reviews though it is nobody's parent falls back to each one's own parent."""
        rows = Assignment.objects.live().filter(reviewing=self.body)
        parents = Organization.objects.filter(pk__in=rows.order_by().values("organization__parent"))
        return [(parent, rows.filter(organization__parent=parent)) for parent in parents]
