"""Lights: how far an assignment stands from its time, and why (rule 7)."""

from __future__ import annotations

import datetime as dt
from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple

from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

if TYPE_CHECKING:
    from .assignments import Assignment
    from .plan import Plan

COMPLETED = "completed"
NOT_STARTED = "not_started"


class Light(models.TextChoices):
    """In the order they are told: what needs somebody first."""

    RED = "red", pgettext_lazy("light", "Red")
    YELLOW = "yellow", pgettext_lazy("light", "Yellow")
    GREEN = "green", pgettext_lazy("light", "Green")
    GREY = "grey", pgettext_lazy("light", "Grey")
    BLUE = "blue", pgettext_lazy("light", "Blue")


class Reason(models.TextChoices):
    """Why a light is what it is. Stored as a word, so that day counts and language are right when it is read."""

    NOT_BEGUN = "not_begun", gettext_lazy("Not begun")
    ON_TRACK = "on_track", gettext_lazy("On track")
    STANDING = "standing", gettext_lazy("Standing duty")
    NO_DUE = "no_due", gettext_lazy("No due date")
    DUE_SOON = "due_soon", gettext_lazy("Due soon")
    OVERDUE = "overdue", gettext_lazy("Overdue")
    BEHIND = "behind", gettext_lazy("Behind")
    DONE = "done", gettext_lazy("Done")
    STATED = "stated", gettext_lazy("Set by the supervisor")


WORSE = {Light.GREY: 0, Light.GREEN: 1, Light.YELLOW: 2, Light.RED: 3}


class Verdict(NamedTuple):
    """A light, its reason, and the day it next changes by itself (null: never)."""

    light: str
    reason: str
    changes_on: dt.date | None


def pace(start: dt.date, due: dt.date, day: dt.date) -> float:
    """The share of the time between start and due that has passed, in points 0–100 (序时进度)."""
    span = (due - start).days
    if span <= 0:
        return 100.0 if day >= due else 0.0
    return 100 * min(max((day - start).days, 0), span) / span


def judge(assignment: Assignment, plan: Plan, day: dt.date) -> Verdict:
    """The light of one assignment on one day, and the day on which it will be another or for another reason."""
    verdict = weigh(assignment, plan, day)
    # A family may pass a threshold behind the back of a worse one: nothing is seen to change on that day.
    while verdict.changes_on:
        later = weigh(assignment, plan, verdict.changes_on)
        if later[:2] != verdict[:2]:
            break
        verdict = later
    return verdict


def weigh(assignment: Assignment, plan: Plan, day: dt.date) -> Verdict:
    """The worse of the two families, deadline and pace, wins; `changes_on` is the next threshold of either."""
    if assignment.stated_light:
        return Verdict(assignment.stated_light, Reason.STATED, None)
    if assignment.status == COMPLETED:
        return Verdict(Light.BLUE, Reason.DONE, None)
    begun = assignment.status != NOT_STARTED
    if assignment.standing or assignment.due is None:
        if not begun:
            return Verdict(Light.GREY, Reason.NOT_BEGUN, None)
        return Verdict(Light.GREEN, Reason.STANDING if assignment.standing else Reason.NO_DUE, None)
    deadline = by_deadline(assignment.due, plan.yellow_days, day)
    paces = by_pace(assignment, plan, day)
    worse = paces if WORSE[Light(paces.light)] > WORSE[Light(deadline.light)] else deadline
    if worse.light == Light.GREEN and not begun:
        worse = Verdict(Light.GREY, Reason.NOT_BEGUN, None)
    days = [verdict.changes_on for verdict in (deadline, paces) if verdict.changes_on]
    return Verdict(worse.light, worse.reason, min(days, default=None))


def by_deadline(due: dt.date, yellow_days: int, day: dt.date) -> Verdict:
    if day > due:
        return Verdict(Light.RED, Reason.OVERDUE, None)
    yellow_from = due - dt.timedelta(days=yellow_days)
    if day >= yellow_from:
        return Verdict(Light.YELLOW, Reason.DUE_SOON, due + dt.timedelta(days=1))
    return Verdict(Light.GREEN, Reason.ON_TRACK, yellow_from)


def by_pace(assignment: Assignment, plan: Plan, day: dt.date) -> Verdict:
    start, due, percent = assignment.start, assignment.due, assignment.percent
    if percent is None or start is None or due is None or due <= start:
        return Verdict(Light.GREEN, Reason.ON_TRACK, None)
    span = (due - start).days
    passed = min(max((day - start).days, 0), span)
    # The first day a threshold is met; both in days after the start, compared with the same whole numbers.
    yellow_from = ceil((percent + plan.yellow_points) * span / 100)
    red_from = floor((percent + plan.red_points) * span / 100) + 1
    if passed >= red_from:
        return Verdict(Light.RED, Reason.BEHIND, None)
    if passed >= yellow_from:
        return Verdict(Light.YELLOW, Reason.BEHIND, start + dt.timedelta(red_from) if red_from <= span else None)
    return Verdict(Light.GREEN, Reason.ON_TRACK, start + dt.timedelta(yellow_from) if yellow_from <= span else None)


def word(assignment: Assignment) -> str:
    """The one word on a light's chip: 逾期, 落后, 临近时限, 正常, 未启动, 完成; the colour where it was set by hand."""
    reason = Reason(assignment.light_reason)
    if reason == Reason.STATED:
        return str(Light(assignment.light).label)
    return str(Reason.ON_TRACK.label if reason in (Reason.STANDING, Reason.NO_DUE) else reason.label)


def words(assignment: Assignment, day: dt.date) -> str:
    """The light's reason as a person reads it on `day`: 逾期 12 天（应于 9 月 30 日完成）."""
    reason, due = assignment.light_reason, assignment.due
    if reason == Reason.OVERDUE and due:
        return _("%(days)d days overdue (due %(due)s)") % {"days": (day - due).days, "due": written(due, day)}
    if reason == Reason.DUE_SOON and due:
        return _("due %(due)s") % {"due": written(due, day)}
    if reason == Reason.BEHIND and due and assignment.start:
        points = floor(pace(assignment.start, due, day) - (assignment.percent or 0))
        return _("%(points)d percentage points behind pace") % {"points": points}
    if reason == Reason.NOT_BEGUN and assignment.start and assignment.start > day:
        return _("starts %(start)s") % {"start": written(assignment.start, day)}
    if reason == Reason.STATED:
        return _("Set by the supervisor: %(why)s") % {"why": assignment.stated_light_why}
    if reason in (Reason.DONE, Reason.NOT_BEGUN, Reason.ON_TRACK):
        return ""
    return str(Reason(reason).label)


def written(day: dt.date, today: dt.date) -> str:
    """A date in running text; the year is said when it is not this one."""
    return date_format(day, "MONTH_DAY_FORMAT" if day.year == today.year else "DATE_FORMAT")
