"""The tree of bodies by path: how paths are given out, and that ranges find what a walk would find (design §4)."""

import random

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.conftest import place
from tracker.models import Organization
from tracker.models.organizations import DIGITS, ROOT_PATH, segment


def test_a_segment_is_four_base_36_digits_in_byte_order():
    assert [segment(number) for number in (1, 9, 10, 35, 36, 36**4 - 1)] == [
        "0001",
        "0009",
        "000a",
        "000z",
        "0010",
        "zzzz",
    ]
    numbers = sorted(random.Random(18).sample(range(36**4), 500))
    assert [segment(number) for number in numbers] == sorted(segment(number) for number in numbers)
    assert sorted(DIGITS) == list(DIGITS)
    with pytest.raises(OverflowError):
        segment(36**4)


def test_paths_are_of_fixed_width_below_the_parents(bodies):
    assert bodies.nation.path == ROOT_PATH
    assert bodies.province.path == "00010001"
    assert bodies.city.path == "000100010001"
    assert (bodies.county.path, bodies.sister.path) == ("0001000100010001", "0001000100010002")
    assert [body.depth for body in (bodies.nation, bodies.province, bodies.city, bodies.county)] == [1, 2, 3, 4]
    assert list(bodies.county.ancestors()) == [bodies.nation, bodies.province, bodies.city]


def test_both_lines_take_from_one_counter_so_that_no_path_is_ever_given_twice(bodies):
    assert bodies.union.industry_path == bodies.union.path == "00010003"
    assert bodies.school.industry_path == bodies.union.path + "0001"
    of_both = place("U1", "二者皆在", "city", bodies.union, industry=bodies.union, line="industrial")
    assert (of_both.path, of_both.industry_path) == ("000100030002", "000100030002")
    under = place("U11", "其下", "grassroots", of_both)
    assert under.industry_path == of_both.industry_path + "0001"
    paths = [path for pair in Organization.objects.values_list("path", "industry_path") for path in set(pair) if path]
    assert len(paths) == len(set(paths))


def test_a_path_is_not_used_again_when_its_body_is_gone(bodies):
    gone = place("113x", "误建", "county", bodies.city)
    path = gone.path
    gone.delete()
    assert place("113y", "新建", "county", bodies.city).path == path[:-4] + segment(4)


def test_bodies_outside_the_industrial_line_have_no_path_in_it(bodies):
    for name in ("nation", "province", "other", "city", "county", "sister"):
        assert getattr(bodies, name).industry_path is None, name


def test_there_is_one_root(bodies):
    for values in ({}, {"line": "industrial"}):
        second = Organization(code="00", name="另一个", level="national", **values)
        with pytest.raises(ValidationError) as error:
            second.full_clean(exclude=["path"])
        assert "parent" in error.value.message_dict
        with pytest.raises(IntegrityError), transaction.atomic():
            second.place()
    assert Organization.objects.filter(parent=None).count() == 1


def test_an_industrial_parent_must_be_in_the_line(bodies):
    body = Organization(code="9", name="某工会", level="county", parent=bodies.city, industry=bodies.county)
    with pytest.raises(ValidationError) as error:
        body.full_clean(exclude=["path"])
    assert set(error.value.message_dict) == {"industry"}


def test_a_full_parent_says_so_and_nothing_is_made(bodies):
    Organization.objects.filter(pk=bodies.city.pk).update(last_child=36**4 - 2)
    last = place("z", "最后一家", "county", bodies.city)
    assert last.path.endswith("zzzz")
    assert set(Organization.objects.below(bodies.city)) == {bodies.city, bodies.county, bodies.sister, last}
    with pytest.raises(OverflowError):
        place("zz", "再一家", "county", bodies.city)
    assert Organization.objects.get(pk=bodies.city.pk).last_child == 36**4 - 1


def test_a_body_refused_by_the_database_uses_up_no_number(bodies):
    with pytest.raises(IntegrityError), transaction.atomic():
        place("111", "重码", "county", bodies.city)
    assert Organization.objects.get(pk=bodies.city.pk).last_child == 2


def test_a_body_outside_the_industrial_line_has_nobody_below_it_by_that_line(bodies):
    for body in (bodies.province, bodies.county):
        assert not Organization.objects.below(body, line="industrial").exists()
    assert set(Organization.objects.below(bodies.union, line="industrial")) == {bodies.union, bodies.school}
    assert set(Organization.objects.below(bodies.union, line="territorial")) == {bodies.union}


def test_the_root_stands_above_the_whole_industrial_line(bodies):
    deep = place("1119", "甲县教育工会", "county", bodies.county, line="industrial")
    line = Organization.objects.below(bodies.nation, line="industrial")
    assert set(line) == {bodies.union, bodies.school, deep}


def test_a_subtree_does_not_take_in_a_neighbour_whose_path_begins_alike(bodies):
    """The range ends before `~`, which is after every digit; LIKE and its wildcards are not used."""
    for number in range(40):
        place(f"c{number}", f"第{number}家", "county", bodies.city)
    tenth = Organization.objects.get(path=bodies.city.path + "0010")
    below = place("under", "其下", "grassroots", tenth)
    assert list(Organization.objects.below(tenth)) == [tenth, below]


# Against a walk. A tree is a list: which of those before it each body hangs below, its line, and maybe a second parent.

TREES = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["territorial", "industrial"]), st.none() | st.integers(0, 10**6)),
    max_size=18,
)


def grow(tree):
    bodies = [place("0", "根", "national")]
    for number, (above, line, industry) in enumerate(tree, start=1):
        parent = bodies[above % len(bodies)]
        in_line = [body for body in bodies if body.industry_path]
        second = in_line[industry % len(in_line)] if industry is not None and in_line else None
        bodies.append(place(str(number), f"第{number}家", "grassroots", parent, line=line, industry=second))
    return bodies


def walk(bodies, top, parent_of):
    found, grew = {top}, True
    while grew:
        more = {body for body in bodies if parent_of(body) in found} - found
        found, grew = found | more, bool(more)
    return found


class TestAgainstAWalk(TestCase):
    @settings(max_examples=40, deadline=None, database=None)
    @given(tree=TREES)
    def test_a_subtree_by_either_line_is_what_a_walk_finds(self, tree):
        bodies = grow(tree)
        line = set()
        for body in bodies[1:]:  # parents stand before their children
            if body.line == "industrial" or body.industry in line or body.parent in line:
                line.add(body)
        assert {body for body in bodies if body.industry_path} == line

        def by_industry(body):
            above = body.industry or body.parent
            return above if body in line and above in line else None

        for body in bodies:
            territorial = walk(bodies, body, lambda child: child.parent)
            industrial = walk(bodies, body, by_industry) if body in line else set()
            if body.parent is None:
                industrial = line
            found = Organization.objects
            assert set(found.below(body, line="territorial")) == territorial
            assert set(found.below(body, line="industrial")) == industrial
            either = list(found.below(body))
            assert set(either) == territorial | industrial
            assert len(either) == len(set(either))
            assert [above.path for above in body.ancestors()] == sorted(
                above.path for above in bodies if body in walk(bodies, above, lambda child: child.parent) - {above}
            )
            tier = next(above for above in [*body.ancestors(), body] if above.depth == min(3, body.depth))
            assert body.tier == tier
        paths = list(Organization.objects.order_by("path").values_list("path", flat=True))
        assert paths == sorted(paths, key=str.encode)
        assert len(paths) == len(set(paths)) == len(bodies)
