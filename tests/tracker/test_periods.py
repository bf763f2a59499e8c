"""Rule 1: who owes when a period opens. Rule 2: the lock, its exceptions, and the working days they are counted in."""

import datetime as dt

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from tests.conftest import person
from tracker.models import Assignment, Entry, Event, Frequency, Holiday, Period, Role, TransitionRefused
from tracker.models.periods import working_days_after, working_days_between

from .refusals import fresh, recounted_tallies, refused, review, standing_tallies, tally


def day(text):
    return dt.date.fromisoformat(text)


def noon(text):
    return timezone.make_aware(dt.datetime.combine(day(text), dt.time(12)))


@pytest.fixture
def autumn(plan):
    """A quarter that is due before the National Day week and locks on its eve."""
    return Period.objects.create(
        plan=plan, code="2026Q3", opens=day("2026-09-10"), due=day("2026-09-25"), locks=day("2026-09-30")
    )


@pytest.fixture
def national_day(db):
    """1–7 October off; Sunday 20 September and Saturday 10 October worked."""
    for number in range(1, 8):
        Holiday.objects.create(day=dt.date(2026, 10, number), name="国庆节")
    for worked in ("2026-09-20", "2026-10-10"):
        Holiday.objects.create(day=day(worked), name="国庆节调休", working=True)


@pytest.fixture
def entry(bodies, tasks, cast, autumn, national_day):
    with time_machine.travel(noon("2026-09-10"), tick=False):
        Assignment.objects.assign(tasks[:1], [bodies.county], by=cast.administrator)
        autumn.open()
    return Entry.objects.for_transition().get()


def at(moment):
    return time_machine.travel(noon(moment) if isinstance(moment, str) else moment, tick=False)


# Opening.


def test_everybody_active_owes_and_opening_again_makes_nothing(bodies, tasks, cast, period):
    Assignment.objects.assign(tasks, [bodies.county, bodies.sister, bodies.school], by=cast.administrator)
    assert period.open() == 12
    assert set(Entry.objects.values_list("state", "version", "status", "percent")) == {("due", 1, "", None)}
    opened_at = period.opened_at
    assert period.open() == 0
    assert Period.objects.get().opened_at == opened_at
    assert standing_tallies() == recounted_tallies()


def test_what_is_not_handed_down_ended_completed_elsewhere_or_of_another_frequency_owes_nothing(
    bodies, tasks, cast, period
):
    Assignment.objects.assign(tasks, [bodies.county, bodies.sister], by=cast.administrator)
    rows = Assignment.objects.filter(organization=bodies.county).order_by("task__position")
    rows[0].amend(by=None, ended_on=period.opens)
    rows[1].state_status("in_progress", "核查", by=cast.administrator)
    Assignment.objects.filter(pk=rows[2].pk).update(handed_on=None)
    rows[3].state_status("completed", "核查", by=cast.administrator)
    period.open()
    assert list(Entry.objects.filter(assignment__organization=bodies.county).values_list("assignment__task")) == [
        (tasks[1].pk,)
    ]
    tasks[1].reporting = "elsewhere"
    tasks[1].save()
    later = {"opens": period.locks, "due": period.locks, "locks": period.locks, "plan": period.plan}
    assert Period.objects.create(code="2027Q1", **later).open() == 3
    assert Period.objects.create(code="2027-01", kind="month", **later).open() == 0
    Assignment.objects.filter(organization=bodies.sister).update(frequency="month")
    assert Period.objects.create(code="2027-02", kind="month", **later).open() == 3


def test_lead_and_cooperating_both_owe(bodies, tasks, period):
    Assignment.objects.assign(tasks[:1], [bodies.county], by=None)
    Assignment.objects.assign(tasks[:1], [bodies.sister], by=None, part="cooperating")
    assert period.open() == 2


def test_a_completed_assignment_owes_again_once_it_is_reopened(owed, cast, content, period):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content | {"status": "completed"})
    entry.accept(by=cast.reviewer, version=2)
    later = {"opens": period.locks, "due": period.locks, "locks": period.locks, "plan": period.plan}
    following = Period.objects.create(code="2027Q1", **later)
    assert following.open() == 4
    entry.reopen(by=cast.reviewer, version=3, comment="未完成")
    assert following.open() == 1


def test_periods_to_open_and_to_set_aside_are_found_by_their_days(autumn):
    found = Period.objects
    assert not found.to_open(day("2026-09-09")).exists()
    assert found.to_open(day("2026-09-10")).get() == autumn
    assert not found.to_open(day("2026-10-01")).exists()
    autumn.open()
    assert not found.to_open(day("2026-09-10")).exists()
    assert found.open_on(day("2026-09-30")).get() == autumn
    assert not found.to_set_aside(day("2026-09-30")).exists()
    assert not found.open_on(day("2026-10-01")).exists()
    assert found.to_set_aside(day("2026-10-01")).get() == autumn
    autumn.set_aside()
    assert not found.to_set_aside(day("2026-10-01")).exists()


# On time, late, locked. The days are Shanghai's.


@pytest.mark.parametrize(
    ("moment", "late"),
    [
        ("2026-09-25T15:59:59.999999+00:00", False),  # 23:59:59 in Shanghai
        ("2026-09-25T16:00:00+00:00", True),  # midnight
    ],
)
def test_on_time_is_to_the_last_moment_of_the_due_date(entry, cast, content, moment, late):
    with at(dt.datetime.fromisoformat(moment)):
        entry.submit(by=cast.reporter, version=1, **content)
    assert fresh(entry).was_late is late
    assert (tally(entry).on_time, tally(entry).late) == (not late, late)
    assert standing_tallies() == recounted_tallies()


def test_a_correction_handed_in_late_stays_on_time(entry, cast, content):
    with at("2026-09-24"):
        entry.submit(by=cast.reporter, version=1, **content)
        entry.return_(by=cast.reviewer, version=2, comment="补充")
    with at("2026-09-28"):
        entry.submit(by=cast.reporter, version=3, **content)
    assert (tally(entry).on_time, tally(entry).late) == (1, 0)
    with at("2026-09-29"):
        entry.withdraw(by=cast.reporter, version=4)
    assert (tally(entry).on_time, tally(entry).late) == (1, 0)


def test_what_was_withdrawn_and_handed_in_after_the_due_date_is_late(entry, cast, content):
    with at("2026-09-24"):
        entry.submit(by=cast.reporter, version=1, **content)
        entry.withdraw(by=cast.reporter, version=2)
    with at("2026-09-28"):
        entry.submit(by=cast.reporter, version=3, **content)
    assert (tally(entry).on_time, tally(entry).late) == (0, 1)


def test_nobody_drafts_or_submits_after_the_lock(entry, cast, content):
    with at(dt.datetime.fromisoformat("2026-09-30T15:59:59+00:00")):
        assert entry.can_write
        entry.save_draft(by=cast.reporter, version=1, **content)
    with at(dt.datetime.fromisoformat("2026-09-30T16:00:00+00:00")):
        assert not entry.can_write
        assert entry.period.is_locked
        with refused(entry, "locked"):
            entry.save_draft(by=cast.reporter, version=2, **content)
        with refused(entry, "locked"):
            entry.submit(by=cast.reporter, version=2, **content)


def test_after_the_lock_nothing_is_withdrawn_and_reviewers_still_decide(entry, cast, content):
    with at("2026-09-30"):
        entry.submit(by=cast.reporter, version=1, **content)
        assert entry.can_withdraw
    with at("2026-10-08"):
        assert not entry.can_withdraw
        with refused(entry, "locked"):
            entry.withdraw(by=cast.reporter, version=2)
        entry.accept(by=cast.reviewer, version=2)
    assert fresh(entry).state == "accepted"


def test_open_until_is_an_exception_for_one_entry_to_its_last_day(entry, bodies, cast, content):
    with at("2026-10-08"):
        entry.let_in(by=cast.supervisor, version=1, until=day("2026-10-09"), comment="受灾补报")
    event = Event.objects.get(entry=entry)
    assert (event.action, event.from_state, event.to_state, event.comment) == ("let_in", "due", "due", "受灾补报")
    assert event.content == {"open_until": "2026-10-09"}
    assert fresh(entry).comment == ""  # no review opinion
    with at("2026-10-09"):
        entry.save_draft(by=cast.reporter, version=2, **content)
    with at("2026-10-10"), refused(entry, "locked"):
        entry.submit(by=cast.reporter, version=3, **content)


def test_the_words_of_a_locked_period_say_when_and_whom_to_ask(entry, bodies):
    with at("2026-10-08"):
        words = entry.locked_words()
    assert "30" in words
    assert "示例一市总工会" in words


# Returned after the lock.


@pytest.mark.parametrize("step", ["return_", "reopen"])
@pytest.mark.parametrize(
    ("returned", "until"),
    [
        ("2026-10-01", "2026-10-10"),  # 8th, 9th, and the worked Saturday
        ("2026-10-08", "2026-10-12"),  # 9th, the worked Saturday, Monday
        ("2026-10-09", "2026-10-13"),
        ("2026-10-16", "2026-10-21"),  # a Friday: Monday to Wednesday
    ],
)
def test_a_return_after_the_lock_opens_that_entry_for_three_working_days(entry, cast, content, step, returned, until):
    with at("2026-09-24"):
        entry.submit(by=cast.reporter, version=1, **content)
        if step == "reopen":
            entry.accept(by=cast.reviewer, version=2)
    with at(returned):
        getattr(entry, step)(by=cast.reviewer, version=entry.version, comment="补充")
    assert fresh(entry).open_until == day(until)
    assert Event.objects.order_by("-pk").first().content == {"open_until": until}
    with at(until):
        entry.save_draft(by=cast.reporter, version=entry.version, **content)
    with at(dt.datetime.combine(day(until), dt.time(16, 1), dt.UTC)), refused(entry, "locked"):
        entry.submit(by=cast.reporter, version=entry.version, **content)


def test_a_return_before_the_lock_opens_nothing(entry, cast, content):
    with at("2026-09-30"):
        entry.submit(by=cast.reporter, version=1, **content)
        entry.return_(by=cast.reviewer, version=2, comment="补充")
    assert fresh(entry).open_until is None
    assert Event.objects.order_by("-pk").first().content is None


def test_a_return_taken_back_closes_what_it_opened_and_not_what_a_supervisor_opened(entry, cast, content):
    with at("2026-09-24"):
        entry.submit(by=cast.reporter, version=1, **content)
    with at("2026-10-08"):
        entry.return_(by=cast.reviewer, version=2, comment="补充")
        entry.undo(by=cast.reviewer, version=3)
        assert (fresh(entry).state, fresh(entry).open_until) == ("submitted", None)
        entry.return_(by=cast.reviewer, version=4, comment="补充")
        entry.let_in(by=cast.supervisor, version=5, until=day("2026-10-30"), comment="受灾补报")
        entry.submit(by=cast.reporter, version=6, **content)
        entry.return_(by=cast.reviewer, version=7, comment="再补充")
        assert fresh(entry).open_until == day("2026-10-30")
        entry.undo(by=cast.reviewer, version=8)
        assert fresh(entry).open_until == day("2026-10-30")


def test_without_review_reopening_after_the_lock_opens_too(entry, cast, plan, content):
    review(plan, "none")
    entry = fresh(entry)
    with at("2026-09-24"):
        entry.submit(by=cast.reporter, version=1, **content)
    with at("2026-10-08"):
        entry.reopen(by=cast.reporter, version=3, comment="更正")
        entry.submit(by=cast.reporter, version=4, **content)
    assert (fresh(entry).state, fresh(entry).open_until) == ("accepted", day("2026-10-12"))


def test_an_older_submission_that_the_lock_shut_out_changes_nothing(entry, bodies, content):
    late = person("late", bodies.county, Role.REPORTER)
    with at("2026-10-01"), pytest.raises(TransitionRefused):
        entry.submit(by=late, version=1, **content)
    assert not Event.objects.exists()


# Working days.


def test_working_days_step_over_holidays_and_onto_worked_weekends(national_day):
    assert working_days_after(day("2026-09-18"), 1) == day("2026-09-20")  # Friday; the Sunday is worked
    assert working_days_after(day("2026-09-30"), 1) == day("2026-10-08")
    assert working_days_after(day("2026-09-30"), 0) == day("2026-09-30")
    assert working_days_between(day("2026-09-28"), day("2026-10-11")) == 6
    assert working_days_between(day("2026-10-01"), day("2026-10-07")) == 0
    assert working_days_between(day("2026-10-10"), day("2026-10-10")) == 1
    assert working_days_between(day("2026-10-10"), day("2026-10-09")) == 0


# Codes.


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Frequency.MONTH, "2026-11", ["2026-13", "2026-00", "2026Q4", "2026-1", "x2026-11", "2026-111", "2026-11\n"]),
        (Frequency.QUARTER, "2026Q4", ["2026Q0", "2026Q5", "2026q4", "26Q4", "2026Q4\n", "２０２６Q4"]),
        (Frequency.HALF_YEAR, "2026H2", ["2026H3", "2026Q2", "2026H"]),
        (Frequency.YEAR, "2026", ["2026Q4", "26", "20266"]),
        (Frequency.ONE_OFF, "专项排查", ["", "排查\x00", "长" * 17]),
    ],
)
def test_a_code_fits_the_kind_of_its_period(plan, kind, good, bad):
    days = {"opens": day("2026-10-01"), "due": day("2026-10-02"), "locks": day("2026-10-03")}
    period = Period(plan=plan, kind=kind, code=good, **days)
    period.full_clean()
    assert period.title
    for code in bad:
        with pytest.raises(ValidationError) as error:
            Period(plan=plan, kind=kind, code=code, **days).full_clean()
        assert set(error.value.message_dict) == {"code"}, code


def test_an_unknown_kind_and_days_out_of_order_get_a_sentence(plan):
    days = {"opens": day("2026-10-01"), "due": day("2026-10-02"), "locks": day("2026-10-03")}
    for values in ({"kind": "week"}, {"due": day("2026-09-30")}, {"locks": day("2026-10-01")}):
        with pytest.raises(ValidationError):
            Period(plan=plan, **{"kind": "quarter", "code": "2026Q4"} | days | values).full_clean()
