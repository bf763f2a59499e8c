"""Steps on the way of a few tasks: most of what is past was reached, one is late, the rest lie ahead."""

from __future__ import annotations

import datetime as dt

from tracker.models import Milestone, Plan

from .people import People

STEPS = (
    ("3.4.5", "制定培育选树标准和申报办法", dt.date(2024, 6, 30)),
    ("3.4.5", "首批示范点挂牌", dt.date(2025, 12, 31)),
    ("3.4.5", "示范点评估验收", dt.date(2028, 3, 31)),
    ("5.1.1", "完成基层服务能力摸底", dt.date(2024, 3, 31)),
    ("5.1.1", "三年行动总结评估", dt.date(2026, 9, 30)),
    ("7.4.1", "工会数字化平台一期上线", dt.date(2025, 9, 30)),
    ("7.4.1", "各级平台互联互通", dt.date(2027, 9, 30)),
    ("8.2.1", "形成年度交流计划", dt.date(2027, 1, 31)),
)
LATE = "三年行动总结评估"  # where its day has come, it is still to be done


def set_milestones(plan: Plan, people: People, today: dt.date) -> None:
    """At the end: so that nothing reported before was asked for a percentage."""
    tasks = {task.code: task for task in plan.tasks.filter(code__in=[code for code, _title, _due in STEPS])}
    for code, title, due in STEPS:
        reached_on = due - dt.timedelta(days=5) if due < today and title != LATE else None
        milestone = Milestone(task=tasks[code], title=title, due=due, reached_on=reached_on)
        milestone.full_clean()
        milestone._history_user = people.named["admin"]
        milestone.save()
