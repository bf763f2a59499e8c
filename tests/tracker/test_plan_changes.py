"""How an adopted plan changes: re-worded, ended, superseded, merged, amended; and what stays as it was (rule 6)."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.refusals import recounted_tallies, standing_tallies
from tracker.models import (
    Assignment,
    Entry,
    Event,
    Handing,
    HandingState,
    Organization,
    Period,
    Plan,
    Rewording,
    Role,
    Task,
    TransitionRefused,
)
from tracker.models.milestones import worded_on

TODAY = timezone.localdate


def again(row):
    return type(row).objects.get(pk=row.pk)


def everything():
    models = (Task, Assignment, Entry, Event, Handing, Rewording)
    return [list(model.objects.order_by("pk").values()) for model in models] + standing_tallies()


# Re-wording.


def test_a_rewording_keeps_the_old_wording_with_its_last_day_the_reason_and_the_person(tasks, cast):
    tasks[0].reword("新一号举措", "常委会决定", by=cast.administrator, until=TODAY() - dt.timedelta(3))
    kept = tasks[0].rewordings.get()
    assert (kept.wording, kept.until, kept.reason) == ("一号举措", TODAY() - dt.timedelta(3), "常委会决定")
    assert kept.by == cast.administrator
    assert again(tasks[0]).wording == tasks[0].wording == "新一号举措"
    newest = tasks[0].history.first()
    assert (newest.history_user, newest.history_change_reason) == (cast.administrator, "常委会决定")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"wording": " \n"}, "wording"),
        ({"wording": "一号举措"}, "wording"),
        ({"wording": "字\x00"}, "wording"),
        ({"wording": "长" * 20_001}, "wording"),
        ({"reason": "  "}, "reason"),
        ({"reason": "因\ud800"}, "reason"),
        ({"until": TODAY() + dt.timedelta(1)}, "until"),
        ({"until": dt.date(2023, 9, 30)}, "until"),
    ],
)
def test_a_rewording_names_what_is_wrong_and_changes_nothing(tasks, cast, values, field):
    given = {"wording": "新一号举措", "reason": "决定"} | values
    before = everything()
    with pytest.raises(ValidationError) as error:
        tasks[0].reword(given.pop("wording"), given.pop("reason"), by=cast.administrator, **given)
    assert set(error.value.message_dict) == {field}
    assert everything() == before


def test_the_last_day_of_a_wording_does_not_come_before_its_first(tasks, cast):
    tasks[0].reword("第二版", "决定", by=cast.administrator, until=TODAY() - dt.timedelta(5))
    with pytest.raises(ValidationError):
        tasks[0].reword("第三版", "决定", by=cast.administrator, until=TODAY() - dt.timedelta(6))
    tasks[0].reword("第三版", "决定", by=cast.administrator, until=TODAY() - dt.timedelta(2))
    assert [row.wording for row in tasks[0].rewordings.all()] == ["第二版", "一号举措"]


def test_each_day_has_the_wording_that_was_in_force_on_it(plan, tasks, cast):
    for words, days in (("第二版", 50), ("第三版", 20)):
        tasks[0].reword(words, "决定", by=cast.administrator, until=TODAY() - dt.timedelta(days))
    told = {}
    for days in (60, 50, 49, 20, 19, 0):
        rows = list(Task.objects.order_by("position"))
        worded_on(rows, TODAY() - dt.timedelta(days))
        told[days] = rows[0].wording
        assert rows[1].wording == "二号举措"
    assert told == {60: "一号举措", 50: "一号举措", 49: "第二版", 20: "第二版", 19: "第三版", 0: "第三版"}


def test_a_wording_changed_by_somebody_else_meanwhile_is_not_written_over(tasks, cast):
    seen = again(tasks[0])
    tasks[0].reword("甲的改法", "决定", by=cast.administrator)
    with pytest.raises(TransitionRefused) as refused:
        seen.reword("乙的改法", "决定", by=cast.administrator)
    assert refused.value.code == "stale"
    assert again(tasks[0]).wording == "甲的改法"


# Ending.


def test_an_ended_task_ends_its_assignments_and_excuses_what_can_still_be_written(owed, bodies, tasks, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)  # waits for a decision, and goes on waiting
    effect = Task.objects.filter(pk=tasks[0].pk).foresee()
    assert (effect.assignments, effect.entries, effect.waiting, effect.given) == (2, 1, 1, 0)
    tasks[0].end("不再实施", by=cast.administrator)
    task = again(tasks[0])
    assert (task.ended_on, task.superseded_by) == (TODAY(), None)
    assert not Assignment.objects.live().filter(task=task).exists()
    states = dict(Entry.objects.filter(assignment__task=task).values_list("assignment__organization__code", "state"))
    assert states == {"111": "submitted", "112": "excused"}
    excused = Entry.objects.get(state="excused")
    assert (excused.comment, excused.version) == ("不再实施", 2)
    told = set(Event.objects.filter(comment="不再实施").values_list("action", "assignment__organization__code", "by"))
    who = cast.administrator.pk
    assert told == {("ended", "111", who), ("ended", "112", who), ("excused", "112", who)}
    event = Event.objects.get(action="excused")
    assert (event.from_state, event.to_state, event.entry_id) == ("due", "excused", excused.pk)
    assert standing_tallies() == recounted_tallies()
    call_command("check_tallies", verbosity=0)


def test_what_waits_for_a_decision_when_its_task_ends_is_decided_on(owed, bodies, tasks, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    tasks[0].end("不再实施", by=cast.administrator)
    entry = Entry.objects.for_transition().get(pk=owed["3.2.1"].pk)
    entry.accept(by=cast.reviewer, version=2)
    assert standing_tallies() == recounted_tallies()


def test_entries_of_a_locked_period_stay_as_they_were_but_where_one_is_open(owed, bodies, tasks, cast, period):
    past = TODAY() - dt.timedelta(30)
    Period.objects.filter(pk=period.pk).update(opens=past, due=past, locks=past)
    sister = Entry.objects.get(assignment__organization=bodies.sister)
    Entry.objects.filter(pk=sister.pk).update(open_until=TODAY())
    tasks[0].end("不再实施", by=cast.administrator)
    assert (again(owed["3.2.1"]).state, again(sister).state) == ("due", "excused")


def test_an_ended_task_is_never_handed_down_again_nor_owned_nor_brought_back_by_hand(owed, bodies, tasks, cast):
    tasks[0].end("不再实施", by=cast.administrator)
    task = again(tasks[0])
    before = everything()
    with pytest.raises(TransitionRefused) as refused:
        Assignment.objects.assign([tasks[1], task], [bodies.city], by=cast.administrator)
    assert refused.value.code == "ended"
    with pytest.raises(TransitionRefused):
        task.name_owner(bodies.city, by=cast.administrator)
    ended = Assignment.objects.filter(task=task).first()
    with pytest.raises(ValidationError) as error:
        ended.amend(by=cast.administrator, ended_on=None)
    assert set(error.value.message_dict) == {"ended_on"}
    assert everything() == before


@pytest.mark.parametrize(
    "act",
    [
        lambda ended, other, by: ended.reword("新", "因", by=by),
        lambda ended, other, by: ended.end("因", by=by),
        lambda ended, other, by: other.supersede(ended, "因", by=by),
        lambda ended, other, by: ended.supersede(other, "因", by=by),
        lambda ended, other, by: ended.amend(by=by, frequency="month"),
    ],
)
def test_what_has_ended_changes_no_more(tasks, cast, act):
    tasks[0].end("不再实施", by=cast.administrator)
    before = everything()
    with pytest.raises(TransitionRefused) as refused:
        act(again(tasks[0]), tasks[1], cast.administrator)
    assert refused.value.code == "ended"
    assert "3.2.1" in refused.value.message
    assert everything() == before


@pytest.mark.parametrize("who", ["province", "supervisor", "auditor", "reporter"])
def test_only_the_roots_administrators_change_the_plan(owed, bodies, tasks, cast, who):
    by = person("below", bodies.province, Role.ADMINISTRATOR) if who == "province" else getattr(cast, who)
    before = everything()
    for act in (
        lambda: tasks[0].reword("新", "因", by=by),
        lambda: tasks[0].end("因", by=by),
        lambda: tasks[1].supersede(tasks[0], "因", by=by),
        lambda: tasks[1].merge(tasks[2:], "因", by=by),
        lambda: tasks[0].amend(by=by, carry=True, frequency="month"),
    ):
        with pytest.raises(TransitionRefused) as refused:
            act()
        assert refused.value.code == "not_yours"
    assert everything() == before


def test_a_reason_is_asked_for(owed, tasks, cast):
    before = everything()
    for act in (
        lambda: tasks[0].end(" ", by=cast.administrator),
        lambda: tasks[1].supersede(tasks[0], "", by=cast.administrator),
    ):
        with pytest.raises(ValidationError) as error:
            act()
        assert set(error.value.message_dict) == {"reason"}
    assert everything() == before


# One task in the place of another, or of several.


def test_a_task_takes_the_place_of_another_at_the_same_bodies_on_the_same_terms(owed, bodies, tasks, cast):
    old = Assignment.objects.get(task=tasks[0], organization=bodies.sister)
    old.amend(
        by=None, part="cooperating", due=dt.date(2027, 3, 1), standard="建成", reviewing=bodies.province, leader="李"
    )
    effect = Task.objects.filter(pk=tasks[0].pk).foresee(tasks[3])
    assert (effect.given, effect.standing) == (1, 1)
    kept = Assignment.objects.values().get(task=tasks[3], organization=bodies.county)
    tasks[3].supersede(tasks[0], "合并同类", by=cast.administrator)
    assert again(tasks[0]).superseded_by == tasks[3]
    new = Assignment.objects.get(task=tasks[3], organization=bodies.sister)
    assert (new.part, new.due, new.standard) == ("cooperating", dt.date(2027, 3, 1), "建成")
    assert new.reviewing == bodies.province
    assert (new.leader, new.handed_on, new.status, new.light) == ("李", TODAY(), "not_started", "grey")
    assert Assignment.objects.values().get(task=tasks[3], organization=bodies.county) == kept
    assert standing_tallies() == recounted_tallies()


def test_where_nothing_is_carried_nobody_gets_the_new_task(owed, tasks, cast):
    tasks[3].supersede(tasks[0], "合并同类", by=cast.administrator, carry=False)
    assert Assignment.objects.filter(task=tasks[3]).count() == 1
    assert not Assignment.objects.live().filter(task=tasks[0]).exists()


def test_a_body_that_had_the_new_task_and_ended_gets_it_again(owed, bodies, tasks, cast):
    had = Assignment.objects.get(task=tasks[3], organization=bodies.county)
    had.amend(by=None, ended_on=TODAY())
    tasks[3].supersede(tasks[0], "合并同类", by=cast.administrator)
    assert again(had).ended_on is None
    assert standing_tallies() == recounted_tallies()


def test_several_are_merged_into_one_and_a_body_that_led_any_of_them_leads(owed, bodies, tasks, cast):
    Assignment.objects.get(task=tasks[0], organization=bodies.county).take_part("cooperating")
    Assignment.objects.get(task=tasks[3], organization=bodies.county).amend(by=None, ended_on=TODAY())
    tasks[1].name_owner(bodies.county, by=cast.administrator)
    tasks[3].merge([tasks[0], tasks[1]], "合并", by=cast.administrator)
    assert [again(task).superseded_by for task in tasks[:2]] == [tasks[3]] * 2
    rows = {row.organization.code: row for row in Assignment.objects.live().filter(task=tasks[3])}
    assert {code: row.part for code, row in rows.items()} == {"111": "lead", "112": "lead"}
    assert again(tasks[3]).owner == bodies.county
    assert standing_tallies() == recounted_tallies()


def test_handings_go_along_to_be_signed_for_anew_and_the_old_ones_are_withdrawn(owed, bodies, tasks, cast):
    old = Assignment.objects.get(task=tasks[0], organization=bodies.sister)
    handing = Handing.objects.get(assignment=old)
    Handing.objects.filter(pk=handing.pk).update(state="signed")
    tasks[3].supersede(tasks[0], "合并同类", by=cast.administrator)
    handing.refresh_from_db()
    assert (handing.state, handing.comment, handing.answered_by) == ("withdrawn", "合并同类", cast.administrator)
    new = Handing.objects.get(assignment__task=tasks[3], assignment__organization=bodies.sister)
    assert (new.state, new.giver, new.assignment.organization) == (HandingState.HANDED, bodies.city, bodies.sister)
    assert new.answered_at is None


def test_a_task_takes_neither_its_own_place_nor_that_of_another_plan(owed, plan, tasks, cast):
    other = Plan.objects.create(slug="19", title="十九大", start=plan.start, due=plan.due)
    area = other.areas.create(number=1, title="领域")
    heading = area.headings.create(number=1, code="1.1", title="任务")
    stranger = Task.objects.create(plan=other, heading=heading, code="3.2.1", position=1, wording="字")
    before = everything()
    for into in (tasks[0], stranger):
        with pytest.raises(ValidationError) as error:
            into.merge([tasks[0], tasks[1]], "合并", by=cast.administrator)
        assert set(error.value.message_dict) == {"into"}
    assert everything() == before


def test_a_failure_in_the_middle_leaves_nothing_done(owed, tasks, cast, monkeypatch):
    before = everything()
    monkeypatch.setattr(Event.objects, "bulk_create", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks[3].supersede(tasks[0], "合并", by=cast.administrator)
    assert everything() == before


def test_a_thousand_bodies_cost_no_more_queries_than_ten(bodies, tasks, cast, period, django_assert_max_num_queries):
    for number in range(300):
        place(f"9{number:04}", f"示例{number}县总工会", "county", bodies.city)
    Assignment.objects.assign(tasks[:1], Organization.objects.filter(level="county"), by=None)
    period.open()
    with django_assert_max_num_queries(44):
        tasks[3].supersede(tasks[0], "合并", by=cast.administrator)
    assert Assignment.objects.live().filter(task=tasks[3]).count() == 302
    assert Entry.objects.filter(state="excused").count() == 302
    assert standing_tallies() == recounted_tallies()


# Settings.


def test_settings_alone_hold_for_what_is_assigned_from_now_on(owed, tasks, cast):
    assert tasks[0].amend(by=cast.administrator, due=dt.date(2027, 1, 31), levels=["city"]) == 0
    assert (again(tasks[0]).due, again(tasks[0]).levels) == (dt.date(2027, 1, 31), ["city"])
    assert not Assignment.objects.filter(due=dt.date(2027, 1, 31)).exists()
    assert tasks[0].history.first().history_user == cast.administrator


def test_what_followed_the_task_follows_on_and_what_had_its_own_keeps_it(owed, bodies, tasks, cast):
    own = Assignment.objects.get(task=tasks[0], organization=bodies.sister)
    own.amend(by=None, due=dt.date(2027, 6, 30))
    assert tasks[0].followers() == {"due": 1, "frequency": 2}
    followed = tasks[0].amend(by=cast.administrator, carry=True, due=TODAY() + dt.timedelta(5), frequency="month")
    assert followed == 2
    row = Assignment.objects.get(task=tasks[0], organization=bodies.county)
    assert (row.due, row.frequency, row.light) == (TODAY() + dt.timedelta(5), "month", "yellow")
    assert (again(own).due, again(own).frequency) == (dt.date(2027, 6, 30), "month")
    event = Event.objects.get(assignment=row, action="amended")
    assert event.content == {"due": ["2028-10-31", str(row.due)], "frequency": ["quarter", "month"]}
    assert Event.objects.filter(assignment=own, action="amended").latest("pk").content == {
        "frequency": ["quarter", "month"]
    }
    assert standing_tallies() == recounted_tallies()


def test_a_due_date_that_was_handed_down_follows_its_handing_and_not_the_task(owed, bodies, tasks, cast):
    row = Assignment.objects.get(task=tasks[0], organization=bodies.sister)
    Handing.objects.filter(assignment=row).update(due=row.due, state="signed")
    assert tasks[0].followers()["due"] == 1
    tasks[0].amend(by=cast.administrator, carry=True, due=dt.date(2027, 1, 31), frequency="month")
    assert (again(row).due, again(row).frequency) == (dt.date(2028, 10, 31), "month")
    assert Handing.objects.get(assignment=row).frequency == "month"


def test_a_task_that_becomes_a_standing_duty_makes_its_followers_standing(owed, tasks, cast):
    tasks[0].amend(by=cast.administrator, carry=True, standing=True, due=None)
    assert set(Assignment.objects.filter(task=tasks[0]).values_list("standing", "due")) == {(True, None)}
    assert standing_tallies() == recounted_tallies()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"due": dt.date(2023, 1, 1)}, "due"),
        ({"levels": []}, "levels"),
        ({"frequency": "weekly"}, "frequency"),
        ({"start": dt.date(2026, 12, 1)}, "start"),
        ({"start": dt.date(2020, 1, 1), "due": dt.date(2021, 1, 1)}, "due"),
    ],
)
def test_settings_that_do_not_fit_are_named_and_nothing_is_changed(owed, tasks, cast, values, field):
    tasks[0].milestones.create(title="试点", due=dt.date(2026, 6, 30))
    before = everything()
    with pytest.raises(ValidationError) as error:
        again(tasks[0]).amend(by=cast.administrator, carry=True, **values)
    assert set(error.value.message_dict) == {field}
    assert everything() == before
