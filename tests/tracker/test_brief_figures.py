"""Every number of a brief, recomputed by walking over entries and assignments one by one, over random records."""

import datetime as dt
import random
from collections import Counter, defaultdict

import pytest
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.matrix import closure, in_line, inverse
from tracker.models import (
    Area,
    Assignment,
    AssignmentTally,
    Blocker,
    Brief,
    Entry,
    EntryTally,
    Heading,
    Organization,
    Period,
    Plan,
    Task,
)
from tracker.models import brief_figures as made

DAY = timezone.localdate
BODIES = [  # code, level, parent, industry
    ("0", "national", "", ""),
    ("1", "province", "0", ""),
    ("2", "province", "0", ""),
    ("U", "province", "0", ""),
    ("11", "city", "1", ""),
    ("12", "city", "1", ""),
    ("13", "city", "1", "U"),
    ("14", "county", "1", ""),
    ("111", "county", "11", ""),
    ("112", "county", "11", ""),
    ("121", "county", "12", ""),
    ("131", "county", "13", ""),
    ("U1", "grassroots", "U", ""),
    ("1111", "township", "111", ""),
    ("1112", "township", "111", ""),
    ("11111", "grassroots", "1111", "13"),
]
ASKED = ("0", "1", "U", "13", "11", "14", "111", "1111")  # above the tiers, at them, below them; either line


def grow(chance):
    """Bodies by code, and a plan of three areas, one with nothing in it; a third of the tasks are standing duties."""
    bodies = {}
    for code, level, parent, industry in BODIES:
        line = "industrial" if code in ("U", "13", "131", "U1") else "territorial"
        above = {"parent": bodies.get(parent), "industry": bodies.get(industry)}
        bodies[code] = place(code, f"示例{code}号总工会", level, line=line, **above)
    plan = Plan.objects.create(slug="18", title="规划", start=dt.date(2023, 10, 1), due=dt.date(2028, 10, 31))
    for number in (1, 2, 3):
        area = Area.objects.create(plan=plan, number=number, title=f"领域{number}")
        heading = Heading.objects.create(area=area, number=1, code=f"{number}.1", title="任务")
        for n in range(1, 4) if number < 3 else ():
            standing = n == 3
            Task.objects.create(
                plan=plan,
                heading=heading,
                code=f"{number}.1.{n}",
                position=10 * number + n,
                wording=f"举措{number}{n}",
                standing=standing,
                due=None if standing else plan.due,
            )
    plan.brief_levels = chance.sample(["province", "city", "county", "township"], k=chance.randrange(4))
    plan.save()
    return bodies, plan


def at_some_hour(chance, day):
    return timezone.make_aware(dt.datetime.combine(day, dt.time(chance.choice([0, 9, 23]), 59)))


def report(chance, entry, period):
    """Any state that the rules let an entry be in, before and after the due date."""
    came = at_some_hour(chance, period.due + dt.timedelta(chance.choice([-5, -1, 0, 1, 3])))
    state = chance.choice(["due", "draft", "submitted", "returned", "accepted", "accepted", "excused", "rework"])
    if state in ("submitted", "returned", "accepted", "rework") or (state == "excused" and chance.random() < 0.5):
        entry.first_submitted_at = entry.submitted_at = came
        entry.status, entry.no_change = "in_progress", chance.random() < 0.3
    entry.state = "draft" if state == "rework" else state
    entry.save()


def work(chance, assignment):
    assignment.part = chance.choice(["lead", "lead", "cooperating"])
    assignment.status = chance.choice(["not_started", "in_progress", "blocked", "completed"])
    assignment.light = chance.choice(["grey", "green", "yellow", "red", "red", "blue"])
    assignment.light_reason = chance.choice(["overdue", "behind", "stated"])
    assignment.start, assignment.due = None, DAY() + dt.timedelta(chance.randrange(-90, 90))
    assignment.standing = assignment.task.standing and chance.random() < 0.6
    assignment.ended_on = DAY() if chance.random() < 0.1 else None
    assignment.save()


@pytest.fixture(params=range(4))
def world(request, db):
    chance = random.Random(request.param)
    bodies, plan = grow(chance)
    Assignment.objects.assign(Task.objects.all(), Organization.objects.all(), by=None)
    last = Period.objects.create(plan=plan, code="2026Q3", **days(-100))
    period = Period.objects.create(plan=plan, code="2026Q4", **days(-5))
    asker = person("asker", bodies["0"], "supervisor")
    for each in (last, period):
        each.open()
        for entry in Entry.objects.filter(period=each):
            report(chance, entry, each)
        EntryTally.recount(each)
    last.set_aside()
    was = {
        pk: (entry.state, entry.first_submitted_at) for pk, entry in Entry.objects.filter(period=last).in_bulk().items()
    }
    for entry in Entry.objects.filter(period=last):  # it goes on after it was set aside
        report(chance, entry, last)
    EntryTally.recount(last)
    for assignment in Assignment.objects.select_related("task"):
        work(chance, assignment)
    AssignmentTally.recount(Task.objects.all())
    entries = list(Entry.objects.select_related("assignment__organization__parent"))
    for entry in chance.sample(entries, 40):
        above = entry.assignment.organization
        for _step in range(chance.randrange(3)):
            above = above.parent or above
        asked = {
            "asked_at": timezone.now(),
            "asked_by": asker,
            "reply_by": DAY() + dt.timedelta(chance.randrange(-9, 9)),
        }
        state = chance.choice(["open", "open", "withdrawn"])
        Blocker.objects.create(entry=entry, need=f"请协调第{entry.pk}项。", holder=above, state=state, **asked)
    return bodies, plan, period, last, was, asker


def days(due):
    due = DAY() + dt.timedelta(due)
    return {"opens": due - dt.timedelta(60), "due": due, "locks": due + dt.timedelta(8)}


# The walk.


def reach(body):
    """Everything below a body by parents alone, or by either parent where it stands in the industrial line."""
    bodies = {each.pk: each for each in Organization.objects.all()}
    found = closure([body.pk], inverse({pk: each.parent_id for pk, each in bodies.items()}))
    industry = in_line(bodies)
    return found | (closure([body.pk], inverse(industry)) if body.pk in industry else set())


def counted(entries, period):
    """What a set of entries comes to, each looked at by itself."""
    n = Counter()
    for state, first, no_change in entries:
        if state == "excused":
            n["excused"] += 1
            continue
        n["owed"] += 1
        if first is None:
            n["never"] += 1
        else:
            n["on_time" if timezone.localtime(first).date() <= period.due else "late"] += 1
            n["no_change"] += no_change
            n["reworked"] += state == "draft"
        n["accepted"] += state == "accepted"
        n["waiting"] += state == "submitted"
        n["returned"] += state == "returned"
    return {name: n[name] for name in made.ENTRIES}


def rows_of(period, scope):
    entries = Entry.objects.filter(period=period).select_related(
        "assignment__task__heading__area", "assignment__organization"
    )
    return [entry for entry in entries if entry.assignment.organization_id in scope]


def names(body, subject, allowed):
    return body.name if body.level in allowed or body == subject else ""


def test_every_number_is_that_of_a_walk_over_the_records(world):
    for code in ASKED:
        check_brief(world, code)


def check_brief(world, code):
    bodies, plan, period, last, was, asker = world
    body = bodies[code]
    figures = Brief.objects.draft(period, body, by=asker).figures
    scope, allowed = reach(body), set(plan.brief_levels)
    entries = rows_of(period, scope)
    live = [
        row
        for row in Assignment.objects.select_related("task__heading__area", "organization")
        if row.organization_id in scope and row.ended_on is None
    ]
    assert len(entries) >= 6
    # By area, and as a whole.
    for area in figures["areas"]:
        mine = [e for e in entries if e.assignment.task.heading.area.number == area["number"]]
        want = counted([(e.state, e.first_submitted_at, e.no_change) for e in mine], period)
        lights = Counter(row.light for row in live if row.task.heading.area.number == area["number"])
        assert {name: area[name] for name in want} == want
        assert all(area[light] == lights[light] for light in ("grey", "green", "yellow", "red", "blue"))
        assert area["on_time"] + area["late"] + area["never"] == area["owed"]
        handed = area["accepted"] + area["waiting"] + area["returned"] + area["reworked"]
        assert handed + area["never"] == area["owed"]
    assert [area["number"] for area in figures["areas"]] == [1, 2, 3]
    want = counted([(e.state, e.first_submitted_at, e.no_change) for e in entries], period)
    want |= {light: sum(row.light == light for row in live) for light in ("grey", "green", "yellow", "red", "blue")}
    assert figures["totals"] == want
    # What can be completed.
    can = [row for row in live if row.part == "lead" and not row.standing]
    assert figures["completion"] == {"can": len(can), "completed": sum(row.status == "completed" for row in can)}
    # The period before, as it was when it was set aside; below the tiers nothing is.
    then = counted([(*was[e.pk], False) for e in rows_of(last, scope)], last)
    told = {"code": "2026Q3", "kind": "quarter"} | {name: then[name] for name in ("owed", "on_time", "accepted")}
    assert figures["before"] == (None if code in ("111", "1111") else told)
    check_matters(figures["matters"], body, scope, allowed)
    check_reds(figures["reds"], [row for row in live if row.light == "red"], body, allowed)
    check_bodies(figures["bodies"], entries, period, body, allowed)


def check_matters(told, body, scope, allowed):
    rows = Blocker.objects.filter(state="open").select_related("entry__assignment__organization", "holder")
    open_ = [row for row in rows if row.entry.assignment.organization_id in scope]
    assert told["open"] == len(open_) == len(told["rows"])
    assert told["late"] == sum(row.reply_by < DAY() for row in open_)
    assert told["ours"] == sum(row.holder_id == body.pk for row in open_)
    want = [
        (
            row.need,
            row.reply_by.isoformat(),
            row.entry.assignment.organization.level,
            names(row.entry.assignment.organization, body, allowed),
            names(row.holder, body, allowed),
        )
        for row in sorted(open_, key=lambda row: (row.reply_by, row.pk))
    ]
    assert want == [
        (row["need"], row["reply_by"], row["body"]["level"], row["body"]["name"], row["holder"]["name"])
        for row in told["rows"]
    ]


def check_reds(told, red, body, allowed):
    lines, unnamed = Counter(), defaultdict(list)
    for row in red:
        name = names(row.organization, body, allowed)
        key = (row.task.code, row.organization.level, name, row.light_reason)
        if name:
            lines[*key, 1, row.due.isoformat()] += 1
        else:
            unnamed[key].append(row.due)
    for key, dues in unnamed.items():
        lines[*key, len(dues), min(dues).isoformat()] += 1
    assert told["total"] == len(red) == sum(row["n"] for row in told["rows"])
    shown = [
        (row["code"], row["body"]["level"], row["body"]["name"], row["reason"], row["n"], row["due"])
        for row in told["rows"]
    ]
    assert Counter(shown) == lines
    rank = {"overdue": 0, "behind": 1, "stated": 2}
    order = [(rank[row["reason"]], row["due"]) for row in told["rows"]]
    assert order == sorted(order), "the worst first"


def check_bodies(told, entries, period, body, allowed):
    owing = defaultdict(list)
    for entry in entries:
        if entry.state != "excused":
            owing[entry.assignment.organization].append(entry)
    levels, missing, late = defaultdict(Counter), {}, {}
    for each, theirs in owing.items():
        never = sum(e.first_submitted_at is None for e in theirs)
        tardy = sum(is_late(e, period) for e in theirs)
        levels[each.level].update(bodies=1, missing_items=never, late_items=tardy)
        levels[each.level].update(on_time=int(never == tardy == 0), missing=int(never > 0), late=int(tardy > 0))
        if name := names(each, body, allowed):
            missing |= {name: never} if never else {}
            late |= {name: tardy} if tardy else {}
    assert {row["level"]: {name: row[name] for name in made.BODIES} for row in told["levels"]} == {
        level: {name: n[name] for name in made.BODIES} for level, n in levels.items()
    }
    assert {row["name"]: row["items"] for row in told["missing"]} == missing
    assert {row["name"]: row["items"] for row in told["late"]} == late
    for rows in (told["missing"], told["late"]):
        items = [row["items"] for row in rows]
        assert items == sorted(items, reverse=True)


def is_late(entry, period):
    first = entry.first_submitted_at
    return first is not None and timezone.localtime(first).date() > period.due


def test_a_list_that_is_cut_counts_the_rest(world, monkeypatch):
    bodies, _plan, period, _last, _was, asker = world
    whole = Brief.objects.draft(period, bodies["0"], by=asker).figures
    for name in ("MOST_MATTERS", "MOST_REDS", "MOST_BODIES"):
        monkeypatch.setattr(made, name, 3)
    cut = Brief.objects.draft(period, bodies["0"], by=asker).figures
    assert cut["matters"] == whole["matters"] | {"rows": whole["matters"]["rows"][:3]}
    assert cut["reds"]["total"] == whole["reds"]["total"]
    assert cut["reds"]["rows"] == whole["reds"]["rows"][:3]
    assert cut["bodies"]["levels"] == whole["bodies"]["levels"]
    assert cut["bodies"]["missing"] == whole["bodies"]["missing"][:3]


def test_a_period_before_that_was_not_set_aside_is_not_compared_with(world):
    bodies, _plan, period, last, _was, asker = world
    Period.objects.filter(pk=last.pk).update(set_aside_at=None)
    assert Brief.objects.draft(period, bodies["0"], by=asker).figures["before"] is None
