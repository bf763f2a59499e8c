"""In the last days: what is completed is struck off, a later date is asked for, granted and refused."""

from __future__ import annotations

import datetime as dt
from functools import partial

from django.db.models import F
from django.utils import timezone

from tracker.models import Assignment, Extension, Notice, Organization, Status

from .people import People
from .timeline import Timeline
from .tree import Tree

STRUCK_OFF = 4  # by the province; as many as are left wait for a visitor
HOUR = dt.timedelta(hours=1)
ASKED = (  # by counties of the reviewer's city: why, and what became of it; the first waits for a visitor
    ("受汛期影响，站点装修进度滞后，预计推迟两个月完工，期间每月报送进度。", "", ""),
    ("配套资金下月到位，申请顺延，完成标准不变。", "grant", "情况属实，同意延期。"),
    ("新一届领导班子刚完成换届，需重新研究实施方案。", "refuse", "换届不影响推进，请按期完成。"),
)


def end_lately(tree: Tree, timeline: Timeline, people: People, now: dt.datetime) -> None:
    counties = [county for county in tree.counties if county.parent_id == tree.cities[0].pk]
    for county, (why, decision, comment) in zip(counties, ASKED, strict=False):
        at = now - 30 * HOUR
        timeline.add(at, partial(ask, county, why, people, at))
        if decision:
            at = now - 6 * HOUR
            timeline.add(at, partial(decide, county, decision, comment, people, at))
    at = now - 20 * HOUR
    timeline.add(at, partial(strike_off, people, at))


def strike_off(people: People, at: dt.datetime) -> None:
    by = people.named["supervisor"]
    done = Assignment.objects.supervised_by(by).to_strike_off().order_by("pk").values_list("pk", flat=True)
    chosen = Assignment.objects.filter(pk__in=list(done[:STRUCK_OFF]))
    chosen.strike_off(by=by, comment="经现场核验，达到完成标准，予以销号。", at=at)


def ask(county: Organization, why: str, people: People, at: dt.datetime) -> None:
    """For what of a county is due first and can still be extended."""
    going_on = county.assignments.live().exclude(status=Status.COMPLETED).filter(due__gte=timezone.localdate(at))
    first = going_on.with_place().order_by("due", "pk").first()
    if first and first.due:
        new_due = first.due + dt.timedelta(days=60)
        Extension.objects.ask(first, new_due=new_due, reason=why, by=people.reporters[county.pk], at=at)


def decide(county: Organization, decision: str, comment: str, people: People, at: dt.datetime) -> None:
    for asked in Extension.objects.waiting().filter(assignment__organization=county).with_place():
        getattr(asked, decision)(by=people.named["reviewer"], comment=comment, at=at)


def read_long_ago(now: dt.datetime) -> None:
    """What people were told of more than a week ago they have read."""
    Notice.objects.filter(at__lt=now - 7 * 24 * HOUR).update(read_at=F("at"))
