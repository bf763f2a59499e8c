"""What becomes of each entry: in time or late, returned, accepted, excused, forgotten. By the product's methods."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from functools import partial
from random import Random
from typing import Any

from django.utils import timezone

from tracker.models import Blocker, Entry, Period, Status

from . import texts
from .handing import MEASURED
from .numbers import Numbers
from .people import People
from .showing import Showing
from .timeline import Timeline, in_order, office_hour, working
from .tree import Tree

WAITING_FOR_LEADER = 12  # in the national body, to be signed off at once
WAITING_FOR_REVIEWER = 4  # in the other bodies of the reviewer's city; the reporter's county adds its own
SHOWING = 8  # entries a quarter that have evidence, of the reporter's county and its city


class Ending(Enum):
    MISSING = "missing"
    DRAFT = "draft"
    WAITING = "waiting"
    RETURNED = "returned"
    EXCUSED = "excused"
    ACCEPTED = "accepted"
    NO_CHANGE = "no change"
    LATE = "late"
    CORRECTED = "corrected"  # returned, handed in again, accepted
    WITHDRAWN = "withdrawn"  # taken back, handed in again, accepted
    REOPENED = "reopened"  # accepted, opened for correction, accepted again


E = Ending
SHOWN = (E.ACCEPTED, E.WAITING)
LOCKED: dict[Ending, float] = {
    E.ACCEPTED: 76,
    E.NO_CHANGE: 8,
    E.CORRECTED: 6,
    E.WITHDRAWN: 1,
    E.REOPENED: 1,
    E.EXCUSED: 2,
    E.RETURNED: 0.7,
    E.DRAFT: 1,
    E.WAITING: 0.7,
}
OPEN: dict[Ending, float] = {
    E.MISSING: 68,
    E.ACCEPTED: 13,
    E.WAITING: 8,
    E.DRAFT: 4,
    E.RETURNED: 2,
    E.NO_CHANGE: 2,
    E.CORRECTED: 1,
    E.EXCUSED: 2,
}
# The reporter's county in the open quarter; what is left over is still to be reported.
COUNTY = [E.ACCEPTED] * 12 + [E.WAITING] * 8 + [E.DRAFT] * 3 + [E.RETURNED] * 2 + [E.EXCUSED]
# Bodies differ: how many of a hundred entries never come, and how many come late.
HABITS = [(0.5, 1), (2, 3), (4, 6), (8, 10), (18, 14)]


class Reporting:
    def __init__(self, tree: Tree, people: People, timeline: Timeline, rng: Random, now: dt.datetime) -> None:
        self.people, self.timeline, self.rng, self.now = people, timeline, rng, now
        self.county, self.city = tree.counties[0], tree.cities[0]
        self.habits = {body.pk: rng.choices(HABITS, [20, 30, 25, 15, 10])[0] for body in tree.all}
        self.known: dict[int, tuple[str, int | None]] = {}  # status and percent last reported, by assignment
        self.blocks: set[int] = set()  # the entries that will be reported as blocked whatever the dice say
        self.numbers, self.showing = Numbers(), Showing()

    # What will become of them.

    def open(self, period: Period, at: dt.datetime) -> None:
        period.open(at=at)
        rows = Entry.objects.for_transition().prefetch_related("assignment__task__figures", "values")
        entries = list(rows.filter(period=period).order_by("pk"))
        endings = self.locked_endings(entries) if period.is_locked else self.open_endings(entries)
        near = [entry for entry in entries if entry.assignment.organization_id in (self.county.pk, self.city.pk)]
        able = [entry for entry in near if entry.assignment.task.takes_texts and endings[entry.pk] in SHOWN]
        self.showing.entries |= {entry.pk for entry in able[:SHOWING]}
        for entry in entries:
            self.plan(entry, endings[entry.pk], at)

    def locked_endings(self, entries: list[Entry]) -> dict[int, Ending]:
        return {entry.pk: self.locked_ending(entry) for entry in entries}

    def locked_ending(self, entry: Entry) -> Ending:
        missing, late = self.habits[entry.assignment.organization_id]
        weights = LOCKED | {E.MISSING: missing, E.LATE: late}
        if entry.assignment.reviewing_id == self.city.pk:
            weights.pop(E.WAITING)  # the reviewer has nothing left over
        if entry.period.locks == entry.period.due:
            weights.pop(E.LATE)  # no day to be late on
        return self.pick(weights)

    def open_endings(self, entries: list[Entry]) -> dict[int, Ending]:
        endings = {}
        mine = [entry for entry in entries if entry.assignment.organization_id == self.county.pk]
        reviewed = [entry for entry in entries if entry.assignment.reviewing_id == self.city.pk and entry not in mine]
        for entry in entries:
            ending = self.pick(OPEN)
            endings[entry.pk] = E.ACCEPTED if ending == E.WAITING and entry in reviewed else ending
        for entry in self.rng.sample(reviewed, WAITING_FOR_REVIEWER):
            endings[entry.pk] = E.WAITING
        self.rng.shuffle(mine)
        mine.sort(key=lambda entry: entry.assignment.task.code != MEASURED)
        endings |= {entry.pk: E.MISSING for entry in mine}
        endings |= {entry.pk: ending for entry, ending in zip(mine, COUNTY, strict=False)}
        own = [entry for entry in entries if entry.assignment.reviewing_id is None]
        endings |= {entry.pk: E.WAITING for entry in self.rng.sample(own, WAITING_FOR_LEADER)}
        waiting = [entry for entry in [*mine, *reviewed] if endings[entry.pk] == E.WAITING]
        self.numbers.leap_in([*waiting, *mine[1:12]])
        self.blocks.add(next(entry.pk for entry in mine[1:12] if self.may_block(entry)))
        return endings

    def pick(self, weights: dict[Ending, float]) -> Ending:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    # When it happens.

    def plan(self, entry: Entry, ending: Ending, opened: dt.datetime) -> None:
        """Put the entry's transitions on the timeline."""
        acts = {
            E.MISSING: [],
            E.DRAFT: [self.draft],
            E.WAITING: [self.submit],
            E.RETURNED: [self.submit, self.return_],
            E.EXCUSED: [self.excuse],
            E.ACCEPTED: [self.submit, self.accept],
            E.NO_CHANGE: [self.submit_unchanged, self.accept],
            E.LATE: [self.submit, self.accept],
            E.CORRECTED: [self.submit, self.return_, self.submit, self.accept],
            E.WITHDRAWN: [self.submit, self.withdraw, self.submit, self.accept],
            E.REOPENED: [self.submit, self.accept, self.reopen, self.submit, self.accept],
        }[ending]
        if not acts:
            return
        locked = entry.period.is_locked
        moments = self.moments(entry, ending, len(acts)) if locked else in_order(opened, self.now, len(acts), self.rng)
        for at, act in zip(moments, acts, strict=True):
            self.timeline.add(at, partial(act, entry, at))

    def moments(self, entry: Entry, ending: Ending, steps: int) -> list[dt.datetime]:
        """In a quarter that is over: most hand in during its last days, and a decision takes a day or three."""
        period, rng = entry.period, self.rng
        if ending == E.LATE:
            day = period.due + dt.timedelta(days=rng.randint(1, (period.locks - period.due).days))
        else:
            room = 12 if steps > 2 else 0  # so that the last of several still falls before the lock
            before = min(int(rng.expovariate(1 / 6)), 60)
            day = working(period.due - dt.timedelta(days=room + before), forward=False)
        made = [office_hour(day, rng)]
        while len(made) < steps:
            day = working(day + dt.timedelta(days=rng.choice([1, 1, 2])), forward=True)
            made.append(max(min(office_hour(day, rng), self.now), made[-1]))
        return made

    # What is done. Each runs when its moment has come.

    def reporter(self, entry: Entry) -> Any:
        return self.people.reporters[entry.assignment.organization_id]

    def decider(self, entry: Entry) -> Any:
        return self.people.deciders[entry.assignment.reviewing_id]

    def draft(self, entry: Entry, at: dt.datetime) -> None:
        entry.save_draft(by=self.reporter(entry), version=entry.version, at=at, **self.content(entry))

    def submit(self, entry: Entry, at: dt.datetime) -> None:
        content = self.content(entry)
        self.showing.attach(entry, by=self.reporter(entry), at=at)
        entry.submit(by=self.reporter(entry), version=entry.version, at=at, **content)
        self.known[entry.assignment_id] = (content["status"], content["percent"])
        if content["status"] == Status.BLOCKED:
            self.settle(entry, at)

    def settle(self, entry: Entry, at: dt.datetime) -> None:
        """What it asks is answered in a few days, here and there one level further up; the reporter's county waits."""
        if entry.assignment.organization_id == self.county.pk:
            return
        steps = [self.pass_up] if entry.pk % 4 == 0 else []
        steps += [self.answer] if entry.pk % 5 else []
        for days, step in enumerate(steps, start=2):
            day = working(timezone.localdate(at) + dt.timedelta(days=2 * days), forward=True)
            if (moment := timezone.localtime(at).replace(year=day.year, month=day.month, day=day.day)) < self.now:
                self.timeline.add(moment, partial(step, entry, moment))

    def answer(self, entry: Entry, at: dt.datetime) -> None:
        for matter in Blocker.objects.open().filter(entry=entry):
            words = texts.NEEDS[entry.assignment.task.heading.area.number][1]
            matter.reply(words, by=self.people.deciders[matter.holder_id], at=at)

    def pass_up(self, entry: Entry, at: dt.datetime) -> None:
        for matter in Blocker.objects.open().filter(entry=entry).exclude(holder__parent=None):
            matter.pass_up(texts.PASSED_UP, by=self.people.deciders[matter.holder_id], at=at)

    def submit_unchanged(self, entry: Entry, at: dt.datetime) -> None:
        """ "No change" says the same status again, and nothing else."""
        status, percent = self.known.get(entry.assignment_id, (Status.BLOCKED, None))
        if status == Status.BLOCKED:  # where that stands is said in words
            return self.submit(entry, at)
        status, percent = self.known[entry.assignment_id]
        said = {"status": status, "percent": percent, "no_change": True} | self.numbers.said(entry, unchanged=True)
        entry.submit(by=self.reporter(entry), version=entry.version, at=at, **said)
        return None

    def withdraw(self, entry: Entry, at: dt.datetime) -> None:
        entry.withdraw(by=self.reporter(entry), version=entry.version, at=at)

    def accept(self, entry: Entry, at: dt.datetime) -> None:
        opinion = self.rng.choice(texts.OPINIONS)
        entry.accept(by=self.decider(entry), version=entry.version, comment=opinion, at=at)

    def return_(self, entry: Entry, at: dt.datetime) -> None:
        reason = self.rng.choice(texts.RETURNED)
        entry.return_(by=self.decider(entry), version=entry.version, comment=reason, at=at)

    def reopen(self, entry: Entry, at: dt.datetime) -> None:
        reason = self.rng.choice(texts.REOPENED)
        entry.reopen(by=self.decider(entry), version=entry.version, comment=reason, at=at)

    def excuse(self, entry: Entry, at: dt.datetime) -> None:
        by = self.people.excuser(entry.assignment.organization)
        entry.excuse(by=by, version=entry.version, comment=self.rng.choice(texts.EXCUSED), at=at)

    # What is written.

    def content(self, entry: Entry) -> dict[str, Any]:
        if entry.status:  # handed in again: the same, with a sentence more
            added = {"progress": entry.progress + texts.ADDED} if entry.assignment.task.takes_texts else {}
            return entry.content() | added
        task, level = entry.assignment.task, entry.assignment.organization.level
        status = self.status(entry)
        content = {"status": status, "percent": self.percent(entry, status)} | self.numbers.said(entry)
        said = self.words(entry, status, level) if task.takes_texts else {}
        if status == Status.BLOCKED:
            opened = (
                timezone.localdate(self.now) if entry.period.locks > timezone.localdate(self.now) else entry.period.due
            )
            said["need"] = texts.NEEDS[task.heading.area.number][0]
            said["need_by"] = opened + dt.timedelta(days=14)
        return content | said

    def words(self, entry: Entry, status: str, level: str) -> dict[str, Any]:
        task, rng = entry.assignment.task, self.rng
        area = task.heading.area.number
        if status == Status.NOT_STARTED:
            return {"next_steps": rng.choice(texts.NOT_BEGUN)}
        written = {"progress": texts.progress(task.code, level, rng)}
        if status == Status.COMPLETED:
            return {"progress": rng.choice(texts.DONE) + written["progress"]}
        if status == Status.BLOCKED:
            written["problems"] = rng.choice(texts.BLOCKED[area])
        elif rng.random() < 0.45:
            written["problems"] = rng.choice(texts.PROBLEMS[area])
        if rng.random() < 0.8:
            written["next_steps"] = rng.choice(texts.NEXT[area])
        return written

    def status(self, entry: Entry) -> str:
        assignment, rng = entry.assignment, self.rng
        last, _percent = self.known.get(assignment.pk, ("", None))
        if entry.pk in self.blocks:
            return Status.BLOCKED
        mine = assignment.organization_id == self.county.pk
        over = assignment.due is not None and assignment.due <= timezone.localdate(self.now)
        ends = not assignment.standing and assignment.task.code != MEASURED and not (mine and over)
        if last == Status.COMPLETED or (ends and rng.random() < (0.4 if over else 0.025)):
            return Status.COMPLETED
        if last in ("", Status.NOT_STARTED) and rng.random() < 0.09:
            return Status.NOT_STARTED
        if self.may_block(entry) and not mine and rng.random() < 0.04:
            return Status.BLOCKED
        return Status.IN_PROGRESS

    @staticmethod
    def may_block(entry: Entry) -> bool:
        task = entry.assignment.task
        return task.takes_texts and task.heading.area.number in texts.BLOCKED

    def percent(self, entry: Entry, status: str) -> int | None:
        """Asked for only where there is a target; the reporter's county is behind its pace, a few others far behind."""
        if entry.assignment.task.code != MEASURED:
            return None
        if status == Status.NOT_STARTED:
            return 0
        _status, last = self.known.get(entry.assignment_id, ("", None))
        if entry.assignment.organization_id == self.county.pk:
            return 31 if last is None else last + 7
        return self.rng.choice([20, 41, 55, 58, 60, 62, 66]) if not last else min(last + self.rng.randint(2, 8), 95)
