"""Two who reorganize at once, and others who write meanwhile, on real connections."""

from functools import partial

import pytest
from django.core.exceptions import ValidationError

from tests.conftest import person, place
from tests.tracker.matrix import check_matrix
from tests.tracker.test_concurrency import read, same, together
from tracker.models import Assignment, Entry, Organization, Period, Role, Task
from tracker.models.reorganizing import Merging, Moving

pytestmark = pytest.mark.django_db(transaction=True)


def mover(body, parent):
    def act():
        return Moving(
            Organization.objects.get(pk=body.pk),
            parent=Organization.objects.get(pk=parent.pk),
            industry=None,
            by=None,
            reason="调整",
        ).carry_out()

    return act


def test_two_that_would_come_under_each_other_make_no_ring(bodies):
    for _n in range(3):
        outcomes = together(mover(bodies.city, bodies.other), mover(bodies.other, bodies.city))
        assert len([outcome for outcome in outcomes if isinstance(outcome, ValidationError)]) == 1, outcomes
        check_matrix()
        for body in (bodies.city, bodies.other):
            if Organization.objects.get(pk=body.pk).parent_id in (bodies.city.pk, bodies.other.pk):
                mover(body, bodies.province)()


def test_bodies_added_under_one_that_is_moved_come_along(bodies):
    def add(number):
        for one in range(5):
            body = Organization(code=f"v{number}{one}", name="某村工会", level="grassroots")
            body.parent = Organization.objects.get(pk=bodies.county.pk)
            body.place()

    def there_and_back():
        for _n in range(3):
            mover(bodies.city, bodies.other)()
            mover(bodies.city, bodies.province)()

    outcomes = together(*(partial(add, number) for number in range(4)), there_and_back)
    assert [outcome for outcome in outcomes if outcome is not None] == []
    assert Organization.objects.filter(parent=bodies.county).count() == 20
    check_matrix()


def test_who_reports_and_reviews_meanwhile_loses_nothing(bodies, cast, plan, tasks, period):
    Task.objects.bulk_create(
        Task(plan=plan, heading=tasks[0].heading, code=f"3.2.{n}", position=30200 + n, wording=f"第{n}号举措")
        for n in range(5, 21)
    )
    Task.objects.update(standing=False, reporting="full")
    Assignment.objects.assign(Task.objects.all(), [bodies.county, bodies.sister], by=None)
    period.open()
    keys = list(Entry.objects.filter(assignment__organization=bodies.county).values_list("pk", flat=True))
    text = {"status": "in_progress", "progress": "新建站点四个。"}

    def write(share):
        for pk in share:
            read(pk).submit(by=same(cast.reporter), version=1, **text)

    def amend(share):
        for pk in share:
            read(pk).assignment.amend(by=None, responsible="张三")

    def there_and_back():
        for _n in range(2):
            mover(bodies.county, bodies.other)()
            mover(bodies.county, bodies.city)()

    shares = [keys[n::3] for n in range(3)]
    outcomes = together(*(partial(write, share) for share in shares), partial(amend, keys), there_and_back)
    assert [outcome for outcome in outcomes if outcome is not None] == []
    assert set(Entry.objects.filter(pk__in=keys).values_list("state", flat=True)) == {"submitted"}
    assert set(Assignment.objects.filter(organization=bodies.county).values_list("reviewing", flat=True)) == {
        bodies.city.pk
    }
    check_matrix()


def test_a_body_merged_twice_at_once_is_merged_once(bodies, owed):
    second = person("second", bodies.nation, Role.ADMINISTRATOR)

    def merge(into):
        body = Organization.objects.get(pk=bodies.county.pk)
        return Merging(body, into=Organization.objects.get(pk=into.pk), by=same(second), reason="合并").carry_out()

    outcomes = together(partial(merge, bodies.sister), partial(merge, bodies.city))
    assert len([outcome for outcome in outcomes if isinstance(outcome, ValidationError)]) == 1, outcomes
    check_matrix()
    assert Period.objects.count() == 1
    place("late", "新工会", "county", bodies.city)
