"""Periods by schedule: which days, over which holidays, made once; and moved dates."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.tracker.office import faults, filled, said, url
from tracker.models import Assignment, Entry, EntryTally, Frequency, Holiday, Period, inserting
from tracker.models.periods import span, working_day_from

from .refusals import recounted_tallies, standing_tallies

DAY = dt.date


@pytest.mark.parametrize(
    ("kind", "day", "code", "first", "last"),
    [
        ("month", DAY(2026, 2, 28), "2026-02", DAY(2026, 2, 1), DAY(2026, 2, 28)),
        ("month", DAY(2028, 2, 1), "2028-02", DAY(2028, 2, 1), DAY(2028, 2, 29)),
        ("month", DAY(2026, 12, 31), "2026-12", DAY(2026, 12, 1), DAY(2026, 12, 31)),
        ("quarter", DAY(2026, 11, 22), "2026Q4", DAY(2026, 10, 1), DAY(2026, 12, 31)),
        ("quarter", DAY(2026, 1, 1), "2026Q1", DAY(2026, 1, 1), DAY(2026, 3, 31)),
        ("half_year", DAY(2026, 6, 30), "2026H1", DAY(2026, 1, 1), DAY(2026, 6, 30)),
        ("half_year", DAY(2026, 7, 1), "2026H2", DAY(2026, 7, 1), DAY(2026, 12, 31)),
        ("year", DAY(2026, 7, 1), "2026", DAY(2026, 1, 1), DAY(2026, 12, 31)),
    ],
)
def test_a_period_is_the_whole_month_quarter_half_year_or_year(kind, day, code, first, last):
    assert span(kind, day) == (code, first, last)


def test_every_day_of_ten_years_lies_in_its_period_and_the_next_day_after_it_in_the_next():
    day = DAY(2023, 1, 1)
    while day.year < 2033:
        for kind in ("month", "quarter", "half_year", "year"):
            code, first, last = span(kind, day)
            assert first <= day <= last
            assert span(kind, last)[0] == code
            assert span(kind, last + dt.timedelta(1))[1] == last + dt.timedelta(1)
        day += dt.timedelta(days=13)


@pytest.fixture
def scheduled(plan, bodies, tasks):
    plan.by_schedule, plan.due_after, plan.locks_after = True, 0, 8
    plan.save()
    Assignment.objects.assign(tasks, [bodies.county], by=None)
    return plan


def test_the_schedule_makes_the_frequencies_in_use_once(scheduled, tasks):
    day = DAY(2026, 11, 22)
    Assignment.objects.filter(task=tasks[0]).update(frequency=Frequency.MONTH)
    Assignment.objects.filter(task=tasks[1]).update(frequency=Frequency.ONE_OFF)
    made = Period.objects.make_scheduled(day)
    assert {period.code for period in made} == {"2026-11", "2026Q4"}
    assert Period.objects.make_scheduled(day) == []
    quarter = Period.objects.get(code="2026Q4")
    assert (quarter.opens, quarter.due, quarter.locks) == (DAY(2026, 10, 1), DAY(2026, 12, 31), DAY(2027, 1, 8))


def test_a_due_date_steps_over_weekends_and_holidays(scheduled):
    Holiday.objects.bulk_create(Holiday(day=DAY(2027, 1, n), name="元旦") for n in (1, 2, 3))
    Holiday.objects.create(day=DAY(2027, 1, 10), name="调休", working=True)  # a Sunday that is worked
    scheduled.due_after = 1
    scheduled.save()
    (quarter,) = Period.objects.make_scheduled(DAY(2026, 12, 1))
    assert quarter.due == DAY(2027, 1, 4)
    assert working_day_from(DAY(2027, 1, 9)) == DAY(2027, 1, 10)
    assert working_day_from(DAY(2027, 1, 8)) == DAY(2027, 1, 8)


def test_nothing_is_made_outside_the_plan_or_without_a_schedule(scheduled):
    assert Period.objects.make_scheduled(DAY(2023, 9, 30)) == []
    assert Period.objects.make_scheduled(DAY(2028, 11, 1)) == []
    scheduled.by_schedule = False
    scheduled.save()
    assert Period.objects.make_scheduled(DAY(2026, 11, 22)) == []


def test_a_due_date_days_before_the_end_never_comes_before_the_opening(scheduled):
    scheduled.due_after = -31
    scheduled.save()
    Assignment.objects.update(frequency=Frequency.MONTH)
    (month,) = Period.objects.make_scheduled(DAY(2026, 2, 10))
    assert month.opens == month.due == DAY(2026, 2, 1)


def test_the_night_makes_and_opens_and_the_next_night_does_nothing(scheduled, capsys):
    call_command("nightly")
    assert Entry.objects.count() == 4
    capsys.readouterr()
    call_command("nightly")
    assert Period.objects.count() == 1
    assert Entry.objects.count() == 4


def looked_at(table):
    """Whether the database has looked how full a table is."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            if "sqlite_stat1" not in connection.introspection.table_names(cursor):
                return False
            cursor.execute("SELECT COUNT(*) FROM sqlite_stat1 WHERE tbl = %s", [table])
        else:
            cursor.execute("SELECT COUNT(*) FROM pg_stats WHERE tablename = %s", [table])
        return cursor.fetchone()[0] > 1


def test_the_night_lets_the_database_see_how_full_it_is(owed):
    call_command("nightly")
    assert looked_at("tracker_entry")


def test_after_many_rows_at_once_the_database_sees_how_full_the_table_is(owed, period, monkeypatch):
    """Else pages would read whole periods, for seconds, until the night or PostgreSQL's autovacuum."""
    Entry.objects.all().delete()
    assert not looked_at("tracker_entry")
    period.open()  # five are few
    assert not looked_at("tracker_entry")
    Entry.objects.all().delete()
    monkeypatch.setattr(inserting, "MANY", 5)
    assert period.open() == 5
    assert looked_at("tracker_entry")


def test_dates_moved_after_the_opening_count_on_time_and_late_afresh(owed, period, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    assert EntryTally.objects.get(line="territorial").on_time == 1
    today = timezone.localdate()
    period.move(opens=period.opens, due=today - dt.timedelta(2), locks=period.locks)
    assert EntryTally.objects.get(line="territorial").late == 1
    assert standing_tallies() == recounted_tallies()
    with pytest.raises(ValidationError):
        period.move(opens=period.locks, due=period.opens, locks=period.locks)
    assert Period.objects.get(pk=period.pk).due == today - dt.timedelta(2)


def test_in_the_back_office_a_due_date_on_a_day_off_moves_and_says_so(sign_in, plan):
    client = sign_in("administrator")
    page = client.get(url("period", "add"))
    days = {"plan": plan.pk, "code": "2026Q4", "opens": "2026-10-01", "due": "2027-01-02", "locks": "2027-01-08"}
    done = client.post(url("period", "add"), filled(page, **days), follow=True)
    assert Period.objects.get().due == DAY(2027, 1, 4)
    assert any("2027-01-02" in line and "2027-01-04" in line for line in said(done))
    page = client.get(url("period", "change", Period.objects.get().pk))
    client.post(page.request["PATH_INFO"], filled(page, due="2027-01-03", exactly="on"))
    assert Period.objects.get().due == DAY(2027, 1, 3)
    page = client.get(url("period", "change", Period.objects.get().pk))
    client.post(page.request["PATH_INFO"], filled(page, locks="2027-01-09"))
    assert Period.objects.get().due == DAY(2027, 1, 3)  # untouched, it stays


def test_a_due_date_that_moves_past_the_lock_is_refused_beside_the_lock(sign_in, plan):
    client = sign_in("administrator")
    page = client.get(url("period", "add"))
    days = {"plan": plan.pk, "code": "2026Q4", "opens": "2026-10-01", "due": "2027-01-02", "locks": "2027-01-03"}
    refused = client.post(url("period", "add"), filled(page, **days))
    assert set(faults(refused)) == {"locks"}
    assert not Period.objects.exists()
