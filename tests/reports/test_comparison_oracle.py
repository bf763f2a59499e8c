"""Every number of a frozen comparison, recounted from entries and assignments by a naive walk over a random federation
that knows nothing of paths and querysets; and what a group may say of whom."""

import datetime as dt
import json
import random
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import place
from tests.tracker.matrix import chain, in_line
from tracker.models import Area, Comparison, ComparisonRule, Organization, Period, Plan, Task
from tracker.models.comparing import grouped, ranked, score

from .random_world import Walk, make

LEVELS = ["national", "province", "city", "county", "township", "grassroots", "grassroots"]
WEIGHTS = {"on_time": 50, "accepted": 30, "completed": 20}


def ruled(body, period, **values):
    opens = period.opens - dt.timedelta(1)
    told = {"authority": "示工发〔2026〕3号", "starts_on": opens, **WEIGHTS, **values}
    return ComparisonRule.objects.create(plan=period.plan, organization=body, **told)


@pytest.fixture(params=[3, 18, 2026])
def walk(db, request):
    """Levels by how deep a body stands, areas by any of the programme's numbers."""
    rng = random.Random(request.param)
    make(rng)
    for number, new in zip((2, 3), rng.sample([2, 3, 4, 5, 8, 9], 2), strict=True):
        Area.objects.filter(number=number).update(number=100 + new)
    for area in Area.objects.filter(number__gt=100):
        Area.objects.filter(pk=area.pk).update(number=area.number - 100)
    parents = {body.pk: body.parent_id for body in Organization.objects.all()}
    for pk in parents:
        Organization.objects.filter(pk=pk).update(level=LEVELS[len(chain(pk, parents)) - 1])
    Task.objects.filter(pk=rng.choice(Task.objects.all()).pk).update(reporting="elsewhere")
    return Walk()


def counted(task):
    left_out = task.heading.area.number in (1, 4, 8, 9) or task.standing or task.reporting == "elsewhere"
    return not left_out


def recounted(walk, body, code):
    here = walk.under(body, body.line)
    entries = [
        entry
        for entry in walk.entries
        if entry.period.code == code and entry.assignment.organization_id in here and counted(entry.assignment.task)
    ]
    owed = [entry for entry in entries if entry.state != "excused"]
    came = [entry for entry in owed if entry.first_submitted_at]
    lead = [
        one
        for one in walk.assignments
        if one.organization_id in here and one.part == "lead" and not one.ended_on and counted(one.task)
    ]
    return {
        "owed": len(owed),
        "on_time": sum(timezone.localdate(entry.first_submitted_at) <= entry.period.due for entry in came),
        "accepted": sum(entry.state == "accepted" for entry in owed),
        "waiting": sum(entry.state == "submitted" for entry in owed),
        "completable": len(lead),
        "done": sum(one.status == "completed" for one in lead),
    }


def scored(numbers):
    if not numbers["owed"] or not numbers["completable"]:
        return None
    rates = [(50, numbers["on_time"], numbers["owed"]), (30, numbers["accepted"], numbers["owed"])]
    rates.append((20, numbers["done"], numbers["completable"]))
    whole = sum(Decimal(weight) * part / out_of for weight, part, out_of in rates)
    return float(whole.quantize(Decimal("0.1"), ROUND_HALF_UP))


def peers_of(walk, body):
    """By level and line, who stands directly below in their own line."""
    above, found = in_line(walk.bodies), {}
    for each in walk.bodies.values():
        if each.line == "territorial":
            directly = each.parent_id == body.pk
        else:
            parent = above.get(each.pk, False)
            directly = parent == body.pk or (parent is None and body.parent_id is None)
        if directly and each.pk != body.pk:
            found.setdefault((each.level, each.line), []).append(each)
    return found


def test_the_frozen_numbers_scores_and_ranks_are_those_of_a_walk(walk):
    period, named, nameless = Period.objects.get(code="2026Q3"), 0, 0
    for body in walk.bodies.values():
        groups = grouped(body, period, WEIGHTS)
        peers = peers_of(walk, body)
        assert {(group["level"], group["line"]) for group in groups} == set(peers)
        for group in groups:
            bodies = {each.pk: each for each in peers[group["level"], group["line"]]}
            assert set(group["peers"]) == set(bodies)
            assert group["count"] == len(bodies)
            numbers = {pk: recounted(walk, each, "2026Q3") for pk, each in bodies.items()}
            total = {name: sum(one[name] for one in numbers.values()) for name in next(iter(numbers.values()))}
            if group["level"] in ("province", "city"):
                named += 1
                check_named(group, bodies, numbers)
                assert group["all"] == total
            else:
                nameless += 1
                assert group["bodies"] == []
                assert group["all"] == (total if len(bodies) >= 3 else None)
    assert named > 2
    assert nameless > 1


def check_named(group, bodies, numbers):
    assert [row["code"] for row in group["bodies"]] == sorted(body.code for body in bodies.values())
    scores = {pk: scored(one) for pk, one in numbers.items()}
    reached = sorted((score for score in scores.values() if score is not None), reverse=True)
    for row in group["bodies"]:
        assert {name: row[name] for name in numbers[row["pk"]]} == numbers[row["pk"]]
        assert row["score"] == scores[row["pk"]]
        ranked = row["score"] is not None and len(reached) > 1
        assert row["rank"] == (reached.index(row["score"]) + 1 if ranked else None)


def test_below_city_level_no_name_is_kept_anywhere(walk):
    period = Period.objects.get(code="2026Q3")
    for body in list(walk.bodies.values()):
        rule = ruled(body, period)
        assert Comparison.objects.freeze(rule, period)
        result = Comparison.objects.get(rule=rule)
        kept = json.dumps(result.groups, ensure_ascii=False)
        below = [each for each in walk.bodies.values() if each.level not in ("national", "province", "city")]
        assert [each.name for each in below if f'"{each.name}"' in kept] == []
        assert not result.named.filter(pk__in=[each.pk for each in below]).exists()


def test_as_many_queries_for_forty_bodies_as_for_four(db):
    nation = place("0", "示例总工会", "national")
    plan = Plan.objects.create(slug="18", title="规划", start=dt.date(2023, 10, 1), due=dt.date(2028, 10, 31))
    day, asked = timezone.localdate(), []
    period = Period.objects.create(plan=plan, code="2026Q3", opens=day, due=day, locks=day)
    period.open()
    for first, last in ((0, 4), (4, 40)):
        for number in range(first, last):
            place(f"p{number:02}", f"第{number}省", "province", Organization.objects.get(pk=nation.pk))
        nation.refresh_from_db()
        with CaptureQueriesContext(connection) as queries:
            assert len(grouped(nation, period, WEIGHTS)[0]["bodies"]) == last
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 3


def test_equal_scores_share_a_rank_and_none_is_no_zero():
    rows = ranked([{"score": score} for score in (80.0, 90.5, None, 80.0, 0.0)])
    assert [row["rank"] for row in rows] == [2, 1, None, 2, 4]
    assert ranked([{"score": 70.0}]) == [{"score": 70.0, "rank": None}]  # nobody to stand beside


def test_a_rate_that_weighs_nothing_is_not_missed():
    counts = {"owed": 8, "on_time": 8, "accepted": 1, "completable": 0, "done": 0}
    assert score(counts, {"on_time": 50, "accepted": 50, "completed": 0}) == 56.3  # 56.25, rounded half up
    assert score(counts, WEIGHTS) is None
