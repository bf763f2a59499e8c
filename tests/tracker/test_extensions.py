"""延期申请: asked on the due date at the latest, decided on above; granted, the date moves as every handing's does."""

import datetime as dt
import threading
from contextlib import contextmanager

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from tests.conftest import person
from tracker.models import Assignment, Cascade, Digest, Event, Extension, Handing, Notice, Role, TransitionRefused, User
from tracker.models.digests import owed_by_body

from .refusals import recounted_tallies, standing_tallies

TODAY = timezone.localdate
NEAR = TODAY() + dt.timedelta(5)
LATER = TODAY() + dt.timedelta(60)


@pytest.fixture(autouse=True)
def _tallies_agree(db):
    yield
    assert standing_tallies() == recounted_tallies()


def hand(tasks, body, giver, **terms):
    Cascade(tasks, [body], giver=giver, **terms).carry_out(by=None)
    return Assignment.objects.select_related("organization", "task__plan").get(organization=body)


@pytest.fixture
def near(bodies, tasks, cast):
    """The city handed 3.2.1 to the county, due in five days: yellow once begun."""
    row = hand(tasks[:1], bodies.county, bodies.city, due=NEAR)
    row.state_status("in_progress", "已启动", by=cast.administrator)
    return row


def ask(row, cast, new_due=LATER, **said):
    return Extension.objects.ask(row, by=cast.reporter, new_due=new_due, reason="汛期延误", **said)


@pytest.fixture
def asked(near, cast):
    return ask(near, cast)


def state():
    """What a refusal must leave as it was."""
    tables = (Extension, Assignment, Handing, Event, Notice)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@contextmanager
def refused(code):
    before = state()
    with pytest.raises(TransitionRefused) as refusal:
        yield
    assert refusal.value.code == code
    assert str(refusal.value)
    assert state() == before


# Asking.


def test_until_it_is_granted_the_old_date_counts(asked, near):
    near.refresh_from_db()
    assert (near.due, near.light, asked.state, asked.old_due) == (NEAR, "yellow", "asked", NEAR)
    assert Handing.objects.get().due == NEAR


def test_the_body_that_reviews_is_told(asked, near, cast):
    notice = Notice.objects.get(kind="extension_asked")
    assert notice.person == cast.reviewer
    assert notice.url == asked.get_absolute_url()
    for words in ("甲县总工会", "3.2.1", LATER.isoformat(), "汛期延误"):
        assert words in notice.sentence
    assert Event.objects.get(action="extension_asked").by == cast.reporter


def test_the_leader_may_ask_too(near, cast):
    asked = Extension.objects.ask(near, by=cast.leader, new_due=LATER, reason="汛期延误")
    assert asked.asked_by == cast.leader


@pytest.mark.parametrize("name", ["reviewer", "supervisor", "administrator", "auditor", "outsider"])
def test_nobody_else_asks(near, cast, name):
    with refused("not_yours"):
        Extension.objects.ask(near, by=getattr(cast, name), new_due=LATER, reason="x")


def test_on_the_due_date_it_can_still_be_asked_and_the_day_after_no_more(near, cast, bodies):
    Assignment.objects.filter(pk=near.pk).update(due=TODAY())
    asked = ask(near, cast)
    asked.withdraw(by=cast.reporter)
    Assignment.objects.filter(pk=near.pk).update(due=TODAY() - dt.timedelta(1))
    with refused("late"):
        ask(near, cast)


def test_one_open_request_an_assignment(asked, near, cast):
    with refused("asked"):
        ask(near, cast, LATER + dt.timedelta(9))
    asked.withdraw(by=cast.leader)
    assert ask(near, cast).state == "asked"


@pytest.mark.parametrize("wrong", [NEAR, NEAR - dt.timedelta(1)])
def test_the_new_date_is_later(near, cast, wrong):
    with pytest.raises(ValidationError) as error:
        ask(near, cast, wrong)
    assert "new_due" in error.value.message_dict
    assert not Extension.objects.exists()


@pytest.mark.parametrize("reason", ["", "  ", "好\x00的", "好" * 20_001])
def test_a_reason_is_given_and_can_be_kept(near, cast, reason):
    with pytest.raises(ValidationError):
        Extension.objects.ask(near, by=cast.reporter, new_due=LATER, reason=reason)


def test_what_is_completed_ended_or_has_no_date_is_not_extended(near, cast):
    Assignment.objects.filter(pk=near.pk).update(due=None)
    with refused("no_due"):
        ask(near, cast)
    near.refresh_from_db()
    near.amend(by=cast.administrator, due=NEAR)
    near.state_status("completed", "已完成", by=cast.administrator)
    with refused("over"):
        ask(near, cast)
    near.amend(by=cast.administrator, ended_on=TODAY())
    with refused("over"):
        ask(near, cast)


def test_at_the_root_nobody_decides(bodies, tasks, cast):
    Assignment.objects.assign(tasks[:1], [bodies.nation], by=None)
    row = Assignment.objects.select_related("organization", "task__plan").get(organization=bodies.nation)
    with refused("nobody"):
        Extension.objects.ask(row, by=person("root", bodies.nation, Role.REPORTER), new_due=LATER, reason="x")


@pytest.mark.django_db(transaction=True)
def test_two_asking_at_once_make_one_request(near, cast):
    start, outcomes = threading.Barrier(2), []

    def press(name):
        try:
            start.wait(10)
            row = Assignment.objects.select_related("organization", "task__plan").get(pk=near.pk)
            Extension.objects.ask(row, by=User.objects.get(username=name), new_due=LATER, reason="x")
            outcomes.append("asked")
        except TransitionRefused as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(name,)) for name in ("reporter", "leader")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == ["asked", "asked"]
    assert Extension.objects.count() == 1


# Deciding.


def test_granted_the_date_moves_with_its_handing_the_light_turns_and_the_body_is_told(asked, near, cast):
    asked.grant(by=cast.reviewer, comment="同意")
    near.refresh_from_db()
    assert (near.due, near.light, near.light_reason) == (LATER, "green", "on_track")
    assert Handing.objects.get().due == LATER
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by, asked.comment) == ("granted", cast.reviewer, "同意")
    actions = set(Event.objects.filter(by=cast.reviewer).values_list("action", flat=True))
    assert actions == {"extended", "amended"}
    told = Notice.objects.filter(kind="extension_granted")
    assert set(told.values_list("person__username", flat=True)) == {"reporter", "leader"}
    assert LATER.isoformat() in told[0].sentence


def test_granted_after_the_old_date_has_passed_it_is_red_no_more(asked, near, cast):
    past = TODAY() - dt.timedelta(2)
    Handing.objects.update(due=past)
    Assignment.objects.filter(pk=near.pk).update(due=past)
    Assignment.objects.all().relight(TODAY(), everything=True)
    near.refresh_from_db()
    assert near.light == "red"
    asked.grant(by=cast.reviewer)
    near.refresh_from_db()
    assert near.light == "green"


def test_what_the_body_handed_on_keeps_its_date(asked, near, cast, bodies, tasks):
    from tests.conftest import place

    town = place("1111", "某镇总工会", "township", bodies.county)
    Cascade(tasks[:1], [town], giver=bodies.county).carry_out(by=None)
    asked.grant(by=cast.reviewer)
    assert Assignment.objects.get(organization=town).due == NEAR


def test_refused_with_a_reason_nothing_moves(asked, near, cast):
    with pytest.raises(ValidationError):
        asked.refuse(by=cast.reviewer, comment=" ")
    asked.refuse(by=cast.reviewer, comment="请按期完成")
    near.refresh_from_db()
    assert (near.due, near.light) == (NEAR, "yellow")
    assert Event.objects.get(action="not_extended").comment == "请按期完成"
    assert "请按期完成" in Notice.objects.get(kind="extension_refused", person=cast.reporter).sentence


@pytest.mark.parametrize("name", ["reporter", "leader", "supervisor", "administrator", "auditor", "outsider"])
def test_who_neither_reviews_nor_handed_down_does_not_decide(asked, cast, name):
    """The supervisor is of the province: two levels above, where nothing was handed down and nothing is reviewed."""
    code = "own" if name == "reporter" else "not_yours"
    with refused(code):
        asked.grant(by=getattr(cast, name))
    with refused(code):
        asked.refuse(by=getattr(cast, name), comment="x")


def test_a_supervisor_of_the_reviewing_body_decides(asked, near, bodies):
    asked.grant(by=person("city-supervisor", bodies.city, Role.SUPERVISOR))
    near.refresh_from_db()
    assert near.due == LATER


def test_nobody_decides_on_what_they_asked_for(near, cast, bodies):
    cast.reporter.memberships.create(organization=bodies.city, role=Role.REVIEWER)
    asked = ask(near, cast)
    both = User.objects.get(pk=cast.reporter.pk)
    both.acting = both.memberships.get(role=Role.REVIEWER)
    with refused("own"):
        asked.grant(by=both)
    assert not Extension.objects.decidable_by(both).exists()


def test_what_is_decided_on_is_decided_once(asked, cast):
    asked.refuse(by=cast.reviewer, comment="请按期完成")
    for again in (
        lambda: asked.grant(by=cast.reviewer),
        lambda: asked.refuse(by=cast.reviewer, comment="x"),
        lambda: asked.withdraw(by=cast.reporter),
    ):
        with refused("stale"):
            again()


def test_withdrawn_by_its_body_alone(asked, cast):
    with refused("not_yours"):
        asked.withdraw(by=cast.reviewer)
    asked.withdraw(by=cast.leader)
    assert asked.state == "withdrawn"
    assert Event.objects.get(action="extension_gone").by == cast.leader
    assert not Extension.objects.waiting().exists()


def test_completed_or_moved_meanwhile_there_is_nothing_to_grant(asked, near, cast):
    near.state_status("completed", "已完成", by=cast.administrator)
    assert not Extension.objects.waiting().exists()
    with refused("over"):
        asked.grant(by=cast.reviewer)
    near.state_status("in_progress", "未完成", by=cast.administrator)
    Handing.objects.get().assignment.amend(by=cast.administrator, due=LATER + dt.timedelta(1))
    with refused("stale"):
        asked.grant(by=cast.reviewer)


@pytest.mark.django_db(transaction=True)
def test_two_deciding_at_once_decide_once(asked, near, bodies, cast):
    person("second", bodies.city, Role.SUPERVISOR)
    start, outcomes = threading.Barrier(2), []

    def press(name, act):
        try:
            start.wait(10)
            row = Extension.objects.with_place().get(pk=asked.pk)
            getattr(row, act)(by=User.objects.get(username=name), comment="意见")
            outcomes.append(act)
        except TransitionRefused as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=press, args=pressed) for pressed in (("reviewer", "grant"), ("second", "refuse"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert "stale" in outcomes
    asked.refresh_from_db()
    near.refresh_from_db()
    assert near.due == (LATER if asked.state == "granted" else NEAR)


# The plan's own date.


def test_beyond_the_plan_s_date_only_where_that_is_said(near, cast, plan):
    asked = ask(near, cast, plan.due + dt.timedelta(30))
    with pytest.raises(ValidationError) as error:
        asked.grant(by=cast.reviewer)
    assert "beyond" in error.value.message_dict
    asked.grant(by=cast.reviewer, beyond=True)
    near.refresh_from_db()
    assert near.due == plan.due + dt.timedelta(30)


def test_an_assignment_that_follows_its_task_gets_a_date_of_its_own(bodies, tasks, cast, plan):
    row = hand(tasks[:1], bodies.county, bodies.city)
    asked = ask(row, cast, plan.due + dt.timedelta(30))
    asked.grant(by=cast.reviewer, beyond=True)
    row.refresh_from_db()
    assert row.due == plan.due + dt.timedelta(30)
    assert Handing.objects.get().due == row.due


# Two lines.


@pytest.fixture
def two(bodies, tasks, cast):
    """The school has 3.2.1 from its province, which reviews, and from its union. Returns what asks and decides."""
    for giver, days in ((bodies.province, 5), (bodies.union, 20)):
        due = TODAY() + dt.timedelta(days)
        Cascade(tasks[:1], [bodies.school], giver=giver, line=giver.line, due=due).carry_out(by=None)
    row = Assignment.objects.select_related("organization", "task__plan").get(organization=bodies.school)
    reporter = person("school-reporter", bodies.school, Role.REPORTER)
    return row, reporter, person("union-reviewer", bodies.union, Role.REVIEWER)


def test_granting_moves_one_s_own_line_and_the_other_line_s_earlier_date_holds(two, cast, bodies):
    row, reporter, _union = two
    assert row.due == TODAY() + dt.timedelta(5)
    asked = Extension.objects.ask(row, by=reporter, new_due=LATER, reason="汛期延误")
    assert [handing.giver for handing in asked.kept_by(bodies.province)] == [bodies.union]
    assert asked.due_if_granted(bodies.province) == TODAY() + dt.timedelta(20)
    asked.grant(by=cast.supervisor)
    row.refresh_from_db()
    assert row.due == TODAY() + dt.timedelta(20)
    assert dict(Handing.objects.values_list("giver__code", "due")) == {"1": LATER, "U": TODAY() + dt.timedelta(20)}
    told = Notice.objects.get(kind="extension_granted", person=reporter).sentence
    assert LATER.isoformat() in told
    assert (TODAY() + dt.timedelta(20)).isoformat() in told


def test_the_other_line_s_giver_decides_on_its_own_date(two, cast, bodies):
    row, reporter, union = two
    asked = Extension.objects.ask(row, by=reporter, new_due=TODAY() + dt.timedelta(19), reason="汛期延误")
    with refused("other_line"):
        asked.grant(by=union)  # its own date is later: it is the province's that stands in the way
    asked.grant(by=cast.supervisor)
    row.refresh_from_db()
    assert row.due == TODAY() + dt.timedelta(19)
    asked = Extension.objects.ask(row, by=reporter, new_due=LATER, reason="仍未完成")
    assert set(Notice.objects.filter(kind="extension_asked").values_list("person__username", flat=True)) == {
        "supervisor",
        "union-reviewer",
    }
    asked.grant(by=union)
    row.refresh_from_db()
    assert row.due == TODAY() + dt.timedelta(19)
    assert Handing.objects.get(giver=bodies.union).due == LATER


def test_a_handing_without_a_date_of_its_own_holds_to_the_task_s(bodies, tasks, cast, plan):
    """One line asked for a nearer day, the other for none: extended beyond the task, the task's day still counts."""
    Cascade(tasks[:1], [bodies.school], giver=bodies.province, due=NEAR).carry_out(by=None)
    Cascade(tasks[:1], [bodies.school], giver=bodies.union, line="industrial").carry_out(by=None)
    row = Assignment.objects.select_related("organization", "task__plan").get(organization=bodies.school)
    reporter = person("school-reporter", bodies.school, Role.REPORTER)
    beyond = plan.due + dt.timedelta(30)
    asked = Extension.objects.ask(row, by=reporter, new_due=beyond, reason="汛期延误")
    assert asked.due_if_granted(bodies.province) == plan.due
    asked.grant(by=cast.supervisor, beyond=True)
    row.refresh_from_db()
    assert row.due == plan.due


def test_who_reviews_for_a_giver_further_above_decides_too(bodies, tasks, cast):
    """逐级审核: the province handed down and set the date, the city reviews; either may grant."""
    row = hand(tasks[:1], bodies.county, bodies.province, due=NEAR, superior_reviews=True)
    assert row.reviewing == bodies.city
    ask(row, cast).grant(by=cast.reviewer)
    row.refresh_from_db()
    assert row.due == LATER
    asked = ask(row, cast, LATER + dt.timedelta(30))
    asked.grant(by=cast.supervisor)
    row.refresh_from_db()
    assert row.due == LATER + dt.timedelta(30)


def test_what_nobody_handed_down_but_somebody_reviews_moves_all_the_same(bodies, tasks, cast):
    row = hand(tasks[:1], bodies.county, bodies.city, due=NEAR)
    Handing.objects.all().delete()
    ask(row, cast).grant(by=cast.reviewer)
    row.refresh_from_db()
    assert row.due == LATER


# Who has what to do.


def test_the_digest_counts_what_waits_for_each_body_that_may_decide(two, asked, cast, bodies, settings):
    row, reporter, _union = two
    Extension.objects.ask(row, by=reporter, new_due=LATER, reason="汛期延误")
    assert owed_by_body(TODAY()).to_decide == {bodies.city.pk: 1, bodies.province.pk: 1, bodies.union.pk: 1}
    User.objects.filter(username__in=["reviewer", "supervisor"]).update(email="someone@example.org")
    numbers = {str(who.username): counts["to_decide"] for who, counts in Digest.due_on(TODAY())}
    assert numbers == {"reviewer": 1, "supervisor": 1}


def test_what_is_decided_or_over_waits_for_nobody(asked, near, cast):
    near.state_status("completed", "已完成", by=cast.administrator)
    assert owed_by_body(TODAY()).to_decide == {}
