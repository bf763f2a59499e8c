"""A random history of a small matrix: added to, moved, merged, split and closed, and right after every step."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.conftest import place
from tests.tracker.matrix import check_matrix
from tracker.models import Area, Assignment, Entry, Heading, Organization, Period, Plan, Task
from tracker.models.reorganizing import Closing, Merging, Moving, Part, Splitting

NUMBER = st.integers(0, 10**6)
LINES = st.sampled_from(["territorial", "industrial"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), NUMBER, LINES, st.none() | NUMBER),
        st.tuples(st.just("move"), NUMBER, NUMBER, st.none() | NUMBER),
        st.tuples(st.just("merge"), NUMBER, NUMBER, st.none()),
        st.tuples(st.just("split"), NUMBER, st.booleans(), st.none()),
        st.tuples(st.just("close"), NUMBER, st.none(), st.none()),
    ),
    min_size=4,
    max_size=14,
)
TREE = [  # parent, line, industry
    (0, "territorial", None),
    (0, "territorial", None),
    (0, "industrial", None),
    (1, "territorial", None),
    (1, "industrial", 3),
    (4, "territorial", None),
    (4, "industrial", None),
    (7, "territorial", None),
    (5, "territorial", None),
    (2, "industrial", None),
]


def pick(bodies, number):
    return bodies[number % len(bodies)]


class Matrix:
    def __init__(self):
        self.number = 0
        bodies = [self.add(None, "territorial", None)]
        for parent, line, industry in TREE:
            bodies.append(self.add(bodies[parent], line, bodies[industry] if industry else None))

    def add(self, parent, line, industry):
        self.number += 1
        level = "county" if parent else "national"
        fresh = Organization.objects.get
        parent, industry = (fresh(pk=above.pk) if above else None for above in (parent, industry))
        return place(f"n{self.number}", f"第{self.number}家", level, parent, line=line, industry=industry)

    def act(self, step):
        """One step; a refusal is an answer too. Returns whether it was done."""
        kind, first, second, third = step
        bodies = list(Organization.objects.order_by("pk"))
        body = pick(bodies, first)
        in_line = [each for each in bodies if each.industry_path]
        try:
            if kind == "add":
                body = pick([each for each in bodies if not each.closed_on], first)
                above = [each for each in in_line if not each.closed_on]
                self.add(body, second, pick(above, third) if third is not None and above else None)
            elif kind == "move":
                # An industrial parent of anybody: what is outside the line is refused.
                industry = body.industry if third is None else pick([None, *in_line, body], third)
                Moving(body, parent=pick(bodies, second), industry=industry, by=None, reason="调整").carry_out()
            elif kind == "merge":
                Merging(body, into=pick(bodies, second), by=None, reason="合并").carry_out()
            elif kind == "split":
                self.number += 1
                part = Part(f"n{self.number}", f"第{self.number}家")
                Splitting(body, parts=[part], by=None, reason="拆分", assigning=True, closing=second).carry_out()
            else:
                Closing(body, by=None, reason="撤销").carry_out()
        except ValidationError:
            return False
        return True


def furnish():
    """Two tasks that every body has, owed in an open period."""
    plan = Plan.objects.create(slug="18", title="规划", start=dt.date(2023, 10, 1), due=dt.date(2028, 10, 31))
    area = Area.objects.create(plan=plan, number=1, title="工作领域")
    heading = Heading.objects.create(area=area, number=1, code="1.1", title="重点任务")
    for number in (1, 2):
        Task.objects.create(plan=plan, heading=heading, code=f"1.1.{number}", position=number, wording="举措")
    Assignment.objects.assign(Task.objects.all(), Organization.objects.all(), by=None)
    day = dt.date(2026, 11, 1)
    Period.objects.create(plan=plan, code="2026Q4", opens=day, due=day, locks=dt.date(2027, 1, 1)).open()


class TestAnyHistory(TestCase):
    done: list[str] = []

    @settings(max_examples=25, deadline=None, database=None, phases=[Phase.generate])  # shrinking takes minutes
    @given(steps=STEPS)
    def test_after_every_step_paths_tiers_and_tallies_are_those_of_a_walk(self, steps):
        matrix = Matrix()
        furnish()
        paths = check_matrix()
        known, entries = set(Organization.objects.values_list("code", flat=True)), Entry.objects.count()
        for step in steps:
            if matrix.act(step):
                self.done.append(step[0])
            check_matrix(paths)
            now = set(Organization.objects.values_list("code", flat=True))
            assert known <= now, "nobody vanishes"
            known = now
            assert Entry.objects.count() == entries, "nor does what was owed"
            assert not Assignment.objects.live().exclude(organization__closed_on=None).exists()
            assert not Assignment.objects.live().exclude(reviewing__closed_on=None).exists()

    @classmethod
    def tearDownClass(cls):
        """The histories reach every kind of step, or the test above says nothing."""
        super().tearDownClass()
        assert set(cls.done) == {"add", "move", "merge", "split", "close"}


@pytest.mark.django_db
def test_the_walk_sees_a_wrong_path():
    """Were the check blind, the test above could not fail."""
    Matrix()
    check_matrix()
    body = Organization.objects.get(code="n9")
    Organization.objects.filter(pk=body.pk).update(path=body.path + "0001")
    with pytest.raises(AssertionError):
        check_matrix()
