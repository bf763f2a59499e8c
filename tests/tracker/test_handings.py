"""Handing down: one assignment however many lines, signed for, sent back, taken back, and dates carried down."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from tests.conftest import person
from tracker.models import (
    Assignment,
    Cascade,
    Entry,
    Event,
    Figure,
    Handing,
    Organization,
    Role,
    Task,
    TransitionRefused,
)

from .refusals import recounted_tallies, standing_tallies

NEAR, FAR = dt.date(2027, 6, 30), dt.date(2027, 12, 31)


@pytest.fixture(autouse=True)
def _tallies_agree(request, db):
    yield
    assert standing_tallies() == recounted_tallies()


def hand(tasks, organizations, giver, *, by=None, owe_now=False, **terms):
    return Cascade(tasks, organizations, giver=giver, **terms).carry_out(by=by, owe_now=owe_now)


def the(body, task=None):
    rows = Assignment.objects.filter(organization=body)
    return (rows.filter(task=task) if task else rows).get()


@pytest.fixture
def handed(bodies, tasks, cast):
    """The province handed 3.2.1 to its city with a nearer date and a standard; the city has not answered."""
    hand(tasks[:1], [bodies.city], bodies.province, by=cast.supervisor, due=FAR, standard="建站四个")
    return Handing.objects.get()


@pytest.fixture
def city(bodies):
    return person("city-admin", bodies.city, Role.ADMINISTRATOR)


# Handing down.


def test_the_giver_reviews_and_its_date_and_standard_hold(handed, bodies, tasks):
    row = the(bodies.city)
    assert (row.due, row.standard, row.reviewing, row.standing) == (FAR, "建站四个", bodies.province, False)
    assert (handed.giver, handed.line, handed.state, handed.due) == (bodies.province, "territorial", "handed", FAR)
    assert row.handed_on == timezone.localdate()


def test_only_bodies_below_the_giver_are_reached_and_none_that_is_closed(bodies, tasks):
    Organization.objects.filter(pk=bodies.sister.pk).update(closed_on=dt.date(2026, 1, 1))
    hand(tasks[:1], Organization.objects.all(), bodies.city)
    assert set(Assignment.objects.values_list("organization__code", flat=True)) == {"111"}
    hand(tasks[:1], [bodies.other, bodies.city, bodies.nation], bodies.city)
    assert Assignment.objects.count() == 1


def test_an_ended_task_is_not_handed_down(bodies, tasks):
    Task.objects.filter(pk=tasks[0].pk).update(ended_on=dt.date(2026, 1, 1))
    assert hand(Task.objects.filter(pk__in=[tasks[0].pk, tasks[1].pk]), [bodies.city], bodies.province).made == 1
    assert the(bodies.city).task == tasks[1]


def test_each_body_is_reviewed_by_the_one_above_it_where_that_is_asked(bodies, tasks):
    hand(tasks[:1], Organization.objects.all(), bodies.nation, superior_reviews=True)
    assert (the(bodies.county).reviewing, the(bodies.school).reviewing) == (bodies.city, bodies.province)
    hand(tasks[1:2], [bodies.school], bodies.union, superior_reviews=True)
    assert the(bodies.school, tasks[1]).reviewing == bodies.union
    assert set(Handing.objects.filter(giver=bodies.nation).values_list("line", flat=True)) == {"territorial"}


def test_both_lines_make_one_assignment_with_two_handings_and_the_earlier_date_counts(bodies, tasks):
    hand(tasks[:1], [bodies.school], bodies.province, due=FAR, standard="省里的标准")
    outcome = hand(tasks[:1], [bodies.school], bodies.union, due=NEAR, standard="行业的标准")
    assert outcome == (0, 0, 1)
    row = the(bodies.school)
    assert (row.due, row.standard, row.reviewing) == (NEAR, "省里的标准", bodies.province)
    assert set(row.handings.values_list("line", "giver__code", "due")) == {
        ("territorial", "1", FAR),
        ("industrial", "U", NEAR),
    }
    assert hand(tasks[1:2], [bodies.school], bodies.union, due=NEAR).made == 1
    hand(tasks[1:2], [bodies.school], bodies.province, due=FAR)
    assert the(bodies.school, tasks[1]).due == NEAR


def test_the_earlier_date_moves_the_light(bodies, tasks):
    hand(tasks[:1], [bodies.school], bodies.province)
    hand(tasks[:1], [bodies.school], bodies.union, due=timezone.localdate() + dt.timedelta(3))
    assert the(bodies.school).light == "yellow"


def test_the_same_line_again_leaves_all_as_it_is_and_says_where_it_differs(handed, bodies, tasks):
    before = list(Assignment.objects.values()), list(Handing.objects.values())
    same = Cascade(tasks[:1], [bodies.city], giver=bodies.province, due=FAR, standard="建站四个")
    assert (same.preview().exist, same.preview().conflicts) == (1, 0)
    other = Cascade(tasks[:1], [bodies.city], giver=bodies.province, due=NEAR)
    assert (other.preview().exist, other.preview().conflicts, other.preview().made) == (0, 1, 0)
    assert other.preview().shown[0][1:] == (FAR, "建站四个", bodies.province)
    assert other.carry_out(by=None).handed == 0
    assert (list(Assignment.objects.values()), list(Handing.objects.values())) == before


def test_a_date_before_the_work_begins_is_a_conflict_of_the_second_line(bodies, tasks):
    hand(tasks[1:2], [bodies.school], bodies.province, start=FAR)
    second = Cascade(tasks[1:2], [bodies.school], giver=bodies.union, due=NEAR)
    assert (second.preview().conflicts, second.preview().joined) == (1, 0)
    assert second.carry_out(by=None).handed == 0


def test_the_preview_counts_what_then_happens(bodies, tasks):
    hand(tasks[:2], [bodies.city], bodies.province)
    Task.objects.filter(pk=tasks[3].pk).update(levels=["county"])
    everybody = Organization.objects.all()
    cascade = Cascade(Task.objects.all(), everybody, giver=bodies.province)
    preview = cascade.preview()
    assert (preview.bodies, preview.made, preview.exist) == (4, 12, 2)
    assert [(task.code, count) for task, count in preview.left_out] == [("3.2.4", 2)]
    assert {(load.level, load.bodies, load.least, load.most) for load in preview.loads} == {
        ("city", 2, 12, 12),
        ("county", 2, 16, 16),
    }
    assert cascade.carry_out(by=None).made == 12
    assert cascade.preview().made == 0
    assert {(load.level, load.least, load.most) for load in cascade.preview().loads} == {
        ("city", 12, 12),
        ("county", 16, 16),
    }


def test_what_is_handed_on_keeps_the_date_the_standard_and_the_frequency(handed, bodies, tasks, city):
    hand(tasks[:1], [bodies.county], bodies.city)
    row = the(bodies.county)
    assert (row.due, row.standard, row.reviewing) == (FAR, "建站四个", bodies.city)
    hand(tasks[:1], [bodies.sister], bodies.city, due=NEAR, standard="建站一个", frequency="month")
    row = the(bodies.sister)
    assert (row.due, row.standard, row.frequency) == (NEAR, "建站一个", "month")


def test_a_share_of_a_figure_is_kept_with_the_handing(bodies, tasks):
    shares = {bodies.county.pk: 300, bodies.sister.pk: 200}
    hand(tasks[2:3], [bodies.county, bodies.sister], bodies.city, figure=Figure.objects.get(), shares=shares)
    assert dict(Handing.objects.values_list("assignment__organization", "share")) == shares


# Answering.


def test_signing_keeps_who_answers_for_it(handed, bodies, city):
    handed.sign(by=city, responsible="张三", leader="李四", department="权益保障部")
    row = the(bodies.city)
    assert (row.responsible, row.leader, row.department) == ("张三", "李四", "权益保障部")
    assert (handed.state, handed.answered_by) == ("signed", city)
    event = Event.objects.get()
    assert (event.action, event.from_state, event.to_state) == ("signed", "handed", "signed")


@pytest.mark.parametrize("act", ["sign", "send_back"])
def test_what_was_answered_is_not_answered_again(handed, city, act):
    handed.sign(by=city)
    before = list(Handing.objects.values()), list(Event.objects.values())
    with pytest.raises(TransitionRefused) as refusal:
        getattr(handed, act)(by=city, **({"comment": "不合适"} if act == "send_back" else {}))
    assert refusal.value.code == "stale"
    assert (list(Handing.objects.values()), list(Event.objects.values())) == before


@pytest.mark.parametrize("name", ["reporter", "supervisor", "administrator", "reviewer", "auditor"])
def test_only_the_receiving_body_answers(handed, cast, name):
    for act, given in (("sign", {}), ("send_back", {"comment": "不合适"})):
        with pytest.raises(TransitionRefused) as refusal:
            getattr(handed, act)(by=getattr(cast, name), **given)
        assert refusal.value.code == "not_yours"
    assert not Event.objects.exists()


def test_a_body_signs_for_many_at_once_and_only_its_own(bodies, tasks, cast):
    hand(tasks, [bodies.county, bodies.sister], bodies.city)
    assert Handing.objects.all().sign(by=cast.reporter, responsible="张三") == 4
    assert set(Handing.objects.filter(state="signed").values_list("assignment__organization", flat=True)) == {
        bodies.county.pk
    }
    assert Event.objects.filter(action="signed").count() == 4


def test_sent_back_the_assignment_ends_and_owes_nothing_more(handed, bodies, city, period):
    period.open()
    handed.send_back(by=city, comment="应由县级承担")
    assert (handed.state, handed.comment) == ("sent_back", "应由县级承担")
    assert the(bodies.city).ended_on == timezone.localdate()
    assert Entry.objects.get().state == "excused"
    assert list(Handing.objects.come_back()) == [handed]


def test_sent_back_by_one_line_it_goes_on_by_the_other(bodies, tasks):
    hand(tasks[:1], [bodies.school], bodies.province, due=FAR)
    hand(tasks[:1], [bodies.school], bodies.union, due=NEAR)
    by = person("school", bodies.school, Role.REPORTER)
    Handing.objects.get(line="industrial").send_back(by=by, comment="以省里为准")
    row = the(bodies.school)
    assert (row.ended_on, row.due) == (None, FAR)


def test_what_was_begun_is_signed_for_and_not_sent_back(owed, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    entry.accept(by=cast.reviewer, version=2)
    handing = Handing.objects.get(assignment=entry.assignment)
    with pytest.raises(TransitionRefused) as refusal:
        handing.send_back(by=cast.reporter, comment="不合适")
    assert refusal.value.code == "begun"
    handing.sign(by=cast.reporter)


@pytest.mark.parametrize("comment", ["", "  ", "因\x00", "长" * 20_001])
def test_a_reason_is_demanded_for_sending_and_taking_back(handed, city, cast, comment):
    for act, by in (("send_back", city), ("withdraw", cast.supervisor)):
        with pytest.raises(ValidationError) as error:
            getattr(handed, act)(by=by, comment=comment)
        assert set(error.value.message_dict) == {"comment"}
    assert Handing.objects.get().state == "handed"


@pytest.mark.parametrize(
    ("field", "text"), [("responsible", "张" * 61), ("leader", "李\x00"), ("department", "部\ud800")]
)
def test_who_answers_for_it_must_be_storable(handed, city, field, text):
    with pytest.raises(ValidationError) as error:
        handed.sign(by=city, **{field: text})
    assert set(error.value.message_dict) == {field}
    assert Handing.objects.get().state == "handed"


def test_the_giver_takes_back_what_it_handed_down_and_nobody_beside_it(handed, bodies, city, cast):
    other = person("other", bodies.other, Role.SUPERVISOR)
    for by in (city, other, cast.reporter, cast.auditor):
        with pytest.raises(TransitionRefused):
            handed.withdraw(by=by, comment="调整")
    handed.sign(by=city)
    handed.withdraw(by=cast.supervisor, comment="调整")
    assert (handed.state, the(bodies.city).ended_on) == ("withdrawn", timezone.localdate())


def test_handed_down_again_it_comes_to_life_on_the_new_terms(handed, bodies, tasks, city, period, cast):
    period.open()
    handed.send_back(by=city, comment="时限过紧")
    assert hand(tasks[:1], [bodies.city], bodies.province, by=cast.supervisor, due=NEAR, part="cooperating") == (
        0,
        1,
        0,
    )
    row = the(bodies.city)
    assert (row.ended_on, row.due, row.part, row.standard) == (None, NEAR, "cooperating", "")
    assert period.open() == 0
    assert Entry.objects.get().state == "excused"
    assert row.handings.count() == 2
    assert not Handing.objects.come_back().exists()


def test_handed_down_again_after_the_opening_it_owes_from_the_next_period(handed, bodies, tasks, city, period):
    handed.send_back(by=city, comment="时限过紧")
    period.open()
    hand(tasks[:1], [bodies.city], bodies.province)
    assert period.open() == 0


def test_handed_down_again_for_this_period_it_is_owed_again(handed, bodies, tasks, city, period, cast):
    period.open()
    handed.send_back(by=city, comment="时限过紧")
    hand(tasks[:1], [bodies.city], bodies.province, by=cast.supervisor, owe_now=True)
    assert Entry.objects.get().state == "due"


def test_what_the_back_office_ends_is_no_longer_handed_down(handed, bodies, cast, tasks):
    the(bodies.city).amend(by=cast.administrator, ended_on=timezone.localdate())
    handed.refresh_from_db()
    assert handed.state == "withdrawn"
    assert hand(tasks[:1], [bodies.city], bodies.province) == (0, 1, 0)


# Dates.


def test_a_moved_date_is_carried_down_to_those_that_had_the_old_one(handed, bodies, tasks, cast, city):
    hand(tasks[:1], [bodies.county], bodies.city)
    hand(tasks[:1], [bodies.sister], bodies.city, due=NEAR)
    mine = Handing.objects.filter(pk=handed.pk)
    assert set(mine.beneath().values_list("assignment__organization", flat=True)) == {bodies.county.pk}
    later = dt.date(2028, 3, 31)
    assert mine.move_due(later, by=cast.supervisor, carry=True) == 2
    dues = {body: the(body).due for body in (bodies.city, bodies.county, bodies.sister)}
    assert dues == {bodies.city: later, bodies.county: later, bodies.sister: NEAR}
    assert Event.objects.filter(action="amended").count() == 2
    assert mine.move_due(FAR, by=cast.supervisor) == 1
    assert the(bodies.county).due == later


def test_a_date_nobody_may_move_stays(handed, cast, city, bodies):
    assert Handing.objects.all().move_due(NEAR, by=city) == 0
    assert Handing.objects.all().move_due(NEAR, by=cast.reporter) == 0
    with pytest.raises(ValidationError):
        Handing.objects.all().move_due(dt.date(2020, 1, 1), by=cast.supervisor)
    assert the(bodies.city).due == FAR


@pytest.mark.parametrize("carry", [True, False])
def test_a_task_s_own_date_reaches_what_followed_it_when_that_is_chosen(bodies, tasks, cast, carry):
    hand(tasks[:1], [bodies.city], bodies.province)
    hand(tasks[:1], [bodies.school], bodies.province, due=NEAR)
    old, new = tasks[0].due, dt.date(2028, 6, 30)
    assert tasks[0].amend(by=cast.administrator, due=new, carry=carry) == int(carry)
    assert the(bodies.city).due == (new if carry else old)
    Assignment.objects.all().follow_handings(timezone.localdate())
    assert (the(bodies.city).due, the(bodies.school).due) == (new if carry else old, NEAR)


def test_a_date_set_in_the_back_office_holds_for_what_was_handed_down(handed, bodies, cast):
    the(bodies.city).amend(by=cast.administrator, due=NEAR)
    Assignment.objects.all().follow_handings(timezone.localdate())
    assert the(bodies.city).due == NEAR


# Who has what to hand on.


def test_a_body_hands_on_what_it_has_signed_for_and_the_root_everything(handed, bodies, tasks, city, cast, plan):
    def codes(user):
        return set(Handing.objects.handable(user, plan).values_list("code", flat=True))

    assert codes(city) == set()
    handed.sign(by=city)
    assert codes(city) == {"3.2.1"}
    assert codes(person("root", bodies.nation, Role.SUPERVISOR)) == {"3.2.1", "3.2.2", "3.2.3", "3.2.4"}
    assert codes(cast.reviewer) == codes(cast.auditor) == set()
