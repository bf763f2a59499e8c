"""Leaders' notes: the nation's on a task, answered by one province and overdue in another; a province's on a duty."""

from __future__ import annotations

import datetime as dt
from functools import partial

from django.utils import timezone

from tracker.models import Assignment, Instruction, InstructionReply, Task

from .handing import MEASURED
from .people import People
from .timeline import Timeline
from .tree import Tree

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
ON_A_TASK = "2.1.1"
TO_PROVINCES = "此项工作要落到基层，请两省各总结一个可复制的做法，一周内报来。"
ANSWER = "已选定两个示范点，做法总结已报办公室，拟于本季度末在全省推广。"
TO_THE_COUNTY = "进度落后于时间进度。请县总工会说明原因，提出按月赶进度的安排；确需省、市支持的，一并提出。"
LEADER = "周明远（分管副主席）"


def write_notes(tree: Tree, timeline: Timeline, people: People, now: dt.datetime) -> None:
    timeline.add(now - 12 * DAY, partial(write_to_provinces, tree, people, now - 12 * DAY))
    timeline.add(now - 8 * DAY, partial(answer, tree, people, now - 8 * DAY))
    timeline.add(now - 20 * HOUR, partial(write_to_county, tree, people, now - 20 * HOUR))


def write_to_provinces(tree: Tree, people: People, at: dt.datetime) -> None:
    task, by_when = Task.objects.get(code=ON_A_TASK), timezone.localdate(at) + 7 * DAY
    by = people.named["leader"]
    Instruction.objects.write(task, tree.provinces[:2], text=TO_PROVINCES, by=by, reply_by=by_when, at=at)


def answer(tree: Tree, people: People, at: dt.datetime) -> None:
    province = tree.provinces[0]
    for reply in InstructionReply.objects.waiting().filter(organization=province).with_place():
        reply.reply(ANSWER, by=people.reporters[province.pk], at=at)


def write_to_county(tree: Tree, people: People, at: dt.datetime) -> None:
    """As the province's office enters what its leader wrote on paper."""
    county = tree.counties[0]
    duty = Assignment.objects.with_place().get(organization=county, task__code=MEASURED)
    by, by_when = people.named["supervisor"], timezone.localdate(at) + 4 * DAY
    Instruction.objects.write(duty, [county], text=TO_THE_COUNTY, leader=LEADER, by=by, reply_by=by_when, at=at)
