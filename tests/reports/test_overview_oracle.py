"""Every number of the overview and of the ways down from it, recounted from entries and assignments by a naive walk."""

import random

import pytest
from django.http import QueryDict

from reports.drilling import Standing
from reports.overview import Overview
from reports.viewed import Viewed
from tests.conftest import person
from tracker.models import Organization, Role

from .random_world import Walk, make

SEEDS = [1, 18]
VIEWS = [
    ("supervisor", "n0", "territorial"),
    ("supervisor", "n0", "industrial"),
    ("supervisor", "n1", "territorial"),
    ("supervisor", "n3", "industrial"),
    ("supervisor", "n4", "territorial"),
    ("supervisor", "n5", "industrial"),
    ("supervisor", "n6", "territorial"),
    ("supervisor", "n9", "territorial"),
    ("reviewer", "n4", "territorial"),
    ("reporter", "n6", "territorial"),
]
AREAS = (None, 1, 2, 3)


@pytest.fixture(params=SEEDS)
def walk(request, db):
    make(random.Random(request.param))
    return Walk()


def seen_by(role, code, line, period="2026Q4", measure="reported", part=""):
    user = person(f"{role}-{code}-{line}-{measure}-{part}", Organization.objects.get(code=code), Role(role))
    viewed = Viewed(user, "18", QueryDict(f"line={line}&period={period}&{part}"))
    return viewed, Overview(viewed, measure)


def parts_of(walk, viewed):
    """The bodies each row of a page counts, by their key: the viewed alone, then each below with all below it."""
    if viewed.user.sees_below:
        below = {child.pk: walk.under(child, viewed.line) for child in viewed.children}
    else:
        below = {child.pk: {child.pk} for child in viewed.children}
    return {body.pk: {body.pk} for body in viewed.itself} | below


def whole_of(walk, viewed):
    if viewed.user.sees_below:
        return walk.under(viewed.body, viewed.line)
    return {viewed.body.pk, *(child.pk for child in viewed.children)}


def test_the_overview_s_numbers_are_those_of_a_walk(walk):
    for role, code, line in VIEWS:
        check_overview(walk, role, code, line)


def check_overview(walk, role, code, line):
    viewed, seen = seen_by(role, code, line)
    whole, parts = whole_of(walk, viewed), parts_of(walk, viewed)
    entries = walk.reported(whole, "2026Q4")
    names = ("owed", "accepted", "submitted", "returned", "draft", "due", "excused", "on_time", "late", "never")
    assert {name: seen.totals[name] for name in names} == {name: entries[name] for name in names}
    assert seen.totals["no_change"] == entries["no_change"]
    before = walk.reported(whole, "2026Q3")
    assert {name: seen.totals_before[name] for name in names} == {name: before[name] for name in names}
    assert seen.lights["red"] == walk.standing(whole)["red"]
    for row in seen.rows:
        for cell, area in zip(row.cells, AREAS, strict=True):
            owed = walk.reported(parts[row.body.pk], "2026Q4", area)
            red = walk.standing(parts[row.body.pk], **({"area": area} if area else {}))["red"]
            assert cell[:4] == (owed["accepted"], owed["owed"], owed["submitted"], red)
    silent = {pk for pk in parts if pk != viewed.body.pk and quiet(walk.reported(parts[pk], "2026Q4"))}
    assert {body.pk for body in seen.silent} == silent
    assert sum(n for _task, n, _address in seen.reds) <= seen.lights["red"]
    for task, n, _address in seen.reds:
        assert n == walk.standing(whole, task=task.code)["red"]
    assert sum(n for _label, n in seen.reasons) == seen.lights["red"]
    for period, counts in seen.trend:
        told = walk.reported(whole, period.code)
        assert {name: counts[name] for name in names[:9]} == {name: told[name] for name in names[:9]}


def quiet(counts):
    return counts["owed"] and not counts["on_time"] + counts["late"]


def test_completion_is_of_lead_assignments_that_can_be_completed(walk):
    for view in VIEWS:
        viewed, seen = seen_by(*view, measure="completed")
        parts = parts_of(walk, viewed)
        for row in seen.rows:
            for cell, area in zip(row.cells, AREAS, strict=True):
                told = walk.standing(parts[row.body.pk], **({"area": area} if area else {}))
                assert cell[:4] == (told["done"], told["completable"], 0, told["red"])


def test_the_ways_down_count_as_a_walk(walk):
    for view in VIEWS[:5] + VIEWS[-2:]:
        for part in ("", "area=2", "heading=2.1", "task=2.1.1"):
            check_down(walk, *view, part)


def check_down(walk, role, code, line, part):
    viewed, _seen = seen_by(role, code, line, part=part)
    standing = Standing(viewed)
    name, _is, value = part.partition("=")
    of = {name: int(value) if name == "area" else value} if name else {}
    whole, parts = whole_of(walk, viewed), parts_of(walk, viewed)
    for row in standing.by_task():
        told = walk.standing(whole, **({"task": row.task.code} if row.task else of))
        check(row, told)
    rows = standing.by_body()
    check(rows[0], walk.standing(whole, **of))
    bodies = {body.short: body.pk for body in (viewed.body, *viewed.children)}
    for row in rows[1:]:
        check(row, walk.standing(parts[bodies[row.name]], **of))
        if name in ("", "area"):
            owed = walk.reported(parts[bodies[row.name]], "2026Q4", of.get("area"))
            assert row.reported[:3] == (owed["accepted"], owed["owed"], owed["submitted"])
            before = walk.reported(parts[bodies[row.name]], "2026Q3", of.get("area"))
            assert (row.before[:2] if row.before else (0, 0)) == (before["accepted"], before["owed"])
        else:
            assert row.reported is None


def check(row, told):
    assert row.total == told["total"]
    assert {status: n for status, n, _to in row.statuses} == {status: told[status] for status, _n, _to in row.statuses}
    assert {light: n for light, n, _to in row.lights} == {light: told[light] for light, _n, _to in row.lights}
    assert row.done[:2] == (told["done"], told["completable"])
