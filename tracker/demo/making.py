"""The demo, made whole or not at all, the same every time but for the day it is made on."""

from __future__ import annotations

import datetime as dt
from functools import partial
from random import Random

from django.db import transaction
from django.utils import timezone

from tracker.models import Assignment, Period, Plan

from .course import end_lately, read_long_ago
from .handing import assign, hand_down, hand_down_lately, handed_at, name_owners, owners, sign_all
from .milestones import set_milestones
from .notes import write_notes
from .people import make_people
from .reporting import Reporting
from .timeline import Timeline, moment, quarters
from .tree import make_tree


@transaction.atomic
def make_demo(plan: Plan) -> None:
    """Bodies, people and three quarters of work under an empty plan, in the order in which it would have happened."""
    now, rng, timeline = timezone.now(), Random(18), Timeline()
    today = timezone.localdate(now)
    tree = make_tree(rng)
    people = make_people(tree, rng)
    tasks = list(plan.tasks.select_related("plan").order_by("position"))
    dates = quarters(today)
    periods = [Period.objects.create(plan=plan, **quarter._asdict()) for quarter in dates]

    handed = hand_down(tasks, tree, dates, today, rng)
    leads = owners(tasks, tree, handed, rng)
    reporting = Reporting(tree, people, timeline, rng, now)
    name_owners(leads, dates, people)
    for handing in handed:
        timeline.add(handed_at(handing, dates), partial(assign, handing, dates, people), alone=True)
    sign_all(tree, timeline, dates, people, rng)
    hand_down_lately(tasks, tree, timeline, people, now)
    end_lately(tree, timeline, people, now)
    write_notes(tree, timeline, people, now)
    for period in periods:
        at = moment(period.opens)
        timeline.add(at, partial(reporting.open, period, at), alone=True)
        if period.is_locked:
            at = moment(period.locks + dt.timedelta(days=1), 2)
            timeline.add(at, partial(period.set_aside, at=at), alone=True)
    timeline.run()
    read_long_ago(now)
    set_milestones(plan, people, today)
    Assignment.objects.relight(today)
