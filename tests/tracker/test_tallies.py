"""Tallies: what counts whom, and that deltas and a recount always agree (design §4)."""

import random

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tracker.models import (
    Assignment,
    AssignmentTally,
    Entry,
    EntryTally,
    Organization,
    Role,
    TransitionRefused,
    tallying,
)

from .refusals import fresh, recounted_tallies, standing_tallies


def count(line="territorial", **tier):
    """Live assignments counted in a line, for one tier or in all."""
    rows = AssignmentTally.objects.filter(line=line, **tier)
    return sum(sum(getattr(row, status) for status in AssignmentTally.STATUSES) for row in rows)


# Who is counted where.


def test_the_tier_is_the_ancestor_at_depth_3_or_the_body_itself_above_it(bodies):
    tiers = {
        "nation": bodies.nation,
        "province": bodies.province,
        "union": bodies.union,
        "city": bodies.city,
        "school": bodies.school,
        "county": bodies.city,
        "sister": bodies.city,
    }
    for name, tier in tiers.items():
        assert getattr(bodies, name).tier == tier, name
    town = place("1111", "甲乡总工会", "township", bodies.county)
    direct = place("121", "省直管县总工会", "county", bodies.province)
    assert (town.tier, direct.tier) == (bodies.city, direct)


def test_the_industrial_tier_is_the_same_by_the_other_line(bodies):
    assert bodies.county.industry_tier is None
    assert bodies.union.industry_tier == bodies.union
    assert bodies.school.industry_tier == bodies.school
    city = place("U11", "市教育工会", "city", bodies.city, industry=bodies.school, line="industrial")
    below = place("U111", "某中学工会", "grassroots", city)
    assert (city.tier, city.industry_tier) == (bodies.city, bodies.school)
    assert (below.tier, below.industry_tier) == (bodies.city, bodies.school)


def test_an_industrial_body_far_down_without_an_industrial_parent_counts_by_territory_alone(bodies, tasks):
    """Nobody at tier depth or above stands over it in that line, so no sum would read it there."""
    deep = place("1119", "甲县教育工会", "county", bodies.county, line="industrial")
    below = place("11191", "甲县一中工会", "grassroots", deep)
    assert (deep.tier, deep.industry_tier) == (bodies.city, None)
    assert (below.tier, below.industry_tier) == (bodies.city, None)
    Assignment.objects.assign(tasks[:1], [deep, below], by=None)
    assert (count(tier=bodies.city), count("industrial")) == (2, 0)
    assert standing_tallies() == recounted_tallies()


def test_a_body_with_two_parents_counts_once_in_each_line_and_once_nationally(bodies, tasks, period, content):
    Assignment.objects.assign(tasks[:1], [bodies.school, bodies.county], by=None)
    assert count() == 2
    assert count(tier=bodies.school) == 1
    assert count("industrial") == count("industrial", tier=bodies.school) == 1
    assert AssignmentTally.totals(bodies.nation)["not_started"] == 2
    assert AssignmentTally.totals(bodies.union)["not_started"] == 1
    assert AssignmentTally.totals(bodies.province)["not_started"] == 2
    period.open()
    reporter = person("school", bodies.school, Role.REPORTER)
    entry = Entry.objects.for_transition().get(assignment__organization=bodies.school)
    entry.submit(by=reporter, version=1, **content)
    for body, owed in ((bodies.nation, 2), (bodies.union, 1), (bodies.province, 2), (bodies.city, 1)):
        totals = EntryTally.totals(period, body)
        assert (totals["owed"], totals["submitted"]) == (owed, body != bodies.city), body


def test_below_the_tiers_the_count_is_live_and_says_the_same(owed, bodies, cast, period, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    owed["3.2.4"].excuse(by=cast.supervisor, version=1, comment="撤并")
    county, city = (EntryTally.totals(period, body) for body in (bodies.county, bodies.city))
    assert (county["owed"], county["submitted"], county["on_time"], county["excused"]) == (3, 1, 1, 1)
    assert city == county | {"owed": 4, "due": 3}  # and the sister's one
    assert AssignmentTally.totals(bodies.county)["not_started"] == 4
    assert AssignmentTally.totals(bodies.city)["not_started"] == 5


# Deltas.


def test_a_bulk_action_writes_each_tally_once(owed, cast, content):
    with CaptureQueriesContext(connection) as queries, tallying():
        for entry in owed.values():
            entry.save_draft(by=cast.reporter, version=1, status="in_progress")
    upserts = [query for query in queries if 'INSERT INTO "tracker_entrytally"' in query["sql"]]
    assert len(upserts) == 1
    assert standing_tallies() == recounted_tallies()


def test_what_fails_within_a_bulk_action_takes_its_deltas_with_it(owed, cast, content):
    def bulk(*versions):
        with tallying():
            for entry, version in versions:
                entry.submit(by=cast.reporter, version=version, **content)

    with tallying():
        owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
        with pytest.raises(TransitionRefused):
            owed["3.2.2"].submit(by=cast.reporter, version=9, **content)
        with pytest.raises(TransitionRefused):
            bulk((owed["3.2.3"], 1), (fresh(owed["3.2.1"]), 1))
        with tallying():
            owed["3.2.4"].submit(by=cast.reporter, version=1, status="in_progress")
    assert set(Entry.objects.filter(state="submitted")) == {owed["3.2.1"], owed["3.2.4"]}
    assert standing_tallies() == recounted_tallies()


def test_a_bulk_action_that_fails_leaves_nothing(owed, cast, content):
    before = standing_tallies()

    @tallying()
    def bulk():
        owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
        owed["3.2.3"].excuse(by=cast.supervisor, version=1, comment="撤并")
        owed["3.2.3"].excuse(by=cast.supervisor, version=1, comment="撤并")

    with pytest.raises(TransitionRefused):
        bulk()
    assert not Entry.objects.exclude(state="due").exists()
    assert standing_tallies() == before == recounted_tallies()
    fresh(owed["3.2.3"]).excuse(by=cast.supervisor, version=1, comment="撤并")
    assert standing_tallies() == recounted_tallies()


def test_a_surrounding_transaction_that_fails_takes_the_tallies_with_it(owed, cast, content):
    with transaction.atomic():
        owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
        transaction.set_rollback(True)
    assert standing_tallies() == recounted_tallies()


def test_a_recount_among_waiting_deltas_would_count_them_twice_and_is_refused(owed, bodies, tasks, period):
    with pytest.raises(AssertionError), tallying():
        Assignment.objects.assign(tasks, [bodies.school], by=None)
    with pytest.raises(AssertionError), tallying():
        EntryTally.recount(period)


def test_after_a_random_mix_the_tallies_equal_a_recount(bodies, tasks, period, cast, content):
    choose = random.Random(18)
    Assignment.objects.assign(tasks, Organization.objects.all(), by=None)
    period.open()
    reporters = {cast.reporter.organization.pk: cast.reporter}
    for name in ("city", "school", "sister", "province", "union"):
        body = getattr(bodies, name)
        reporters[body.pk] = person(f"r-{name}", body, Role.REPORTER)
    reviewers = {name: person(f"v-{name}", getattr(bodies, name), Role.REVIEWER) for name in ("nation", "province")}
    reviewers = {user.organization.pk: user for user in (*reviewers.values(), cast.reviewer)}
    leading = list(Entry.objects.values_list("pk", flat=True))
    for _step in range(120):
        entry = Entry.objects.for_transition().get(pk=choose.choice(leading))
        assignment, version = entry.assignment, entry.version
        reporter, reviewer = reporters.get(assignment.organization_id), reviewers.get(assignment.reviewing_id)
        if not reporter or not reviewer:
            continue
        if entry.state in ("due", "draft", "returned"):
            completed = {"status": "completed"} if choose.random() < 0.2 and not assignment.standing else {}
            texts = content if assignment.task.takes_texts else {"status": "in_progress"}
            entry.submit(by=reporter, version=version, **texts | completed, no_change=choose.random() < 0.3)
        elif entry.state == "submitted":
            step = choose.choice([entry.accept, entry.return_])
            step(by=reviewer, version=version, comment="意见")
        else:
            entry.reopen(by=reviewer, version=version, comment="更正")
        if choose.random() < 0.2:
            part = choose.choice(["lead", "cooperating"])
            ended = choose.choice([None, timezone.localdate()])
            assignment.amend(by=cast.administrator, part=part, ended_on=ended)
    states = set(Entry.objects.values_list("state", flat=True))
    assert {"due", "submitted", "accepted", "returned"} <= states
    assert standing_tallies() == recounted_tallies()
    before = standing_tallies()
    AssignmentTally.recount(tasks)
    EntryTally.recount(period)
    assert standing_tallies() == before


# Set aside.


def aside(period):
    return list(EntryTally.objects.filter(period=period, set_aside=True).order_by("pk").values())


def test_what_is_set_aside_stays_as_it_was_while_the_live_rows_go_on(owed, bodies, tasks, period, cast, content):
    period.set_aside()
    assert period.set_aside_at
    copy = aside(period)
    assert [row["due"] for row in copy] == [5]
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    owed["3.2.1"].accept(by=cast.reviewer, version=2)
    EntryTally.recount(period)
    assert aside(period) == copy
    assert EntryTally.objects.get(period=period, set_aside=False).accepted == 1
    assert EntryTally.totals(period, bodies.city)["accepted"] == 1


def test_setting_aside_twice_adds_nothing_that_came_later(owed, bodies, tasks, period, cast):
    period.set_aside()
    copy, at = aside(period), period.set_aside_at
    Assignment.objects.assign(tasks, [bodies.school], by=None, owe_now=True)
    period.refresh_from_db()
    period.set_aside()
    assert aside(period) == copy
    assert period.set_aside_at == at
