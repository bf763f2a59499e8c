"""What a blocked entry asks of the level above: made, restated and withdrawn with the entry; answered, or passed up."""

import datetime as dt
import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.utils import timezone

from tests.conftest import person
from tracker.models import (
    Assignment,
    Blocker,
    Digest,
    Entry,
    Erasure,
    Event,
    Notice,
    Organization,
    Period,
    Role,
    Task,
    TransitionRefused,
    User,
)
from tracker.models.digests import owed_by_body
from tracker.models.reorganizing import Closing, Merging, Moving

from .refusals import recounted_tallies, standing_tallies

NEED = "请协调资产管理部门明确站点用房的使用方式。"
ANSWER = "资产管理部门已同意，书面意见本周送达。"
TODAY = timezone.localdate
days = dt.timedelta


@pytest.fixture
def blocked(content):
    asked = {"need": NEED, "need_from": "资产管理部门", "need_by": TODAY() + days(7)}
    return content | {"status": "blocked", "problems": "用房未定。"} | asked


@pytest.fixture
def ask(owed, cast, blocked):
    """The county reports one of its tasks as blocked; returns the matter."""

    def as_(code="3.2.1", **changes):
        entry = fresh(owed[code])
        entry.submit(by=cast.reporter, version=entry.version, **blocked | changes)
        return Blocker.objects.filter(entry=entry).order_by("-pk").first()

    return as_


@pytest.fixture
def chief(bodies):
    return person("chief", bodies.province, Role.LEADER, name="省领导")


def fresh(entry):
    return Entry.objects.for_transition().get(pk=entry.pk)


def now(matter):
    return Blocker.objects.with_place().get(pk=matter.pk)


def refused(code, act, *args, **kwargs):
    before = list(Blocker.objects.values()), Event.objects.count(), Notice.objects.count()
    with pytest.raises(TransitionRefused) as refusal:
        act(*args, **kwargs)
    assert refusal.value.code == code
    assert (list(Blocker.objects.values()), Event.objects.count(), Notice.objects.count()) == before


def told(who, kind):
    return [notice.words["why"] for notice in Notice.objects.filter(person=who, kind=kind)]


def next_period(period, content, owed, bodies):
    """The quarter after, opened; the county's entry of the same task."""
    later = Period.objects.create(
        plan=period.plan, code="2027Q1", opens=TODAY(), due=period.due + days(90), locks=period.locks + days(90)
    )
    later.open()
    return Entry.objects.for_transition().get(period=later, assignment=owed["3.2.1"].assignment)


# What must be said.


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"need": " \n"}, "need"),
        ({"need_by": None}, "need_by"),
        ({"need_by": dt.date(2020, 1, 1)}, "need_by"),
        ({"problems": ""}, "problems"),
        ({"status": "in_progress"}, "need"),
        ({"need": "缺\x00地"}, "need"),
        ({"need_from": "长" * 121}, "need_from"),
    ],
)
def test_what_is_asked_is_said_whole_or_the_entry_is_not_handed_in(owed, cast, blocked, changes, field):
    with pytest.raises(ValidationError) as invalid:
        owed["3.2.1"].submit(by=cast.reporter, version=1, **blocked | changes)
    assert set(invalid.value.message_dict) == {field}
    assert not Blocker.objects.exists()


def test_a_draft_keeps_what_is_asked_whatever_its_status(owed, cast, blocked):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **blocked | {"status": "in_progress"})
    stands = fresh(owed["3.2.1"])
    assert (stands.need, stands.need_from, stands.need_by) == (NEED, "资产管理部门", blocked["need_by"])
    assert not Blocker.objects.exists()


def test_without_words_a_reply_date_goes_with_another_status(owed, cast, blocked):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **blocked | {"status": "in_progress", "need": ""})
    stands = fresh(owed["3.2.1"])
    assert (stands.need_from, stands.need_by) == ("", None)
    typed = blocked | {"status": "in_progress", "need": ""}
    assert stands.has_already(submitted=True, by=cast.reporter, version=1, **typed)


def test_a_task_without_texts_asks_only_by_when_it_is_to_be_called(owed, cast, bodies):
    with pytest.raises(ValidationError) as invalid:
        owed["3.2.4"].submit(by=cast.reporter, version=1, status="blocked")
    assert set(invalid.value.message_dict) == {"need_by"}
    with pytest.raises(ValidationError) as invalid:
        owed["3.2.4"].submit(by=cast.reporter, version=1, status="blocked", need_by=TODAY(), need=NEED)
    assert set(invalid.value.message_dict) == {"need"}
    owed["3.2.4"].submit(by=cast.reporter, version=1, status="blocked", need_by=TODAY())
    assert Blocker.objects.get().need == ""


def test_a_date_that_has_passed_since_it_was_asked_may_stand_when_it_is_corrected(ask, owed, cast, blocked):
    matter = ask()
    fresh(owed["3.2.1"]).return_(by=cast.reviewer, version=2, comment="请补充")
    past = TODAY() - days(1)
    Blocker.objects.filter(pk=matter.pk).update(reply_by=past)
    with pytest.raises(ValidationError):
        ask(need_by=past - days(1))
    assert ask(need_by=past) == matter


# It follows its entry.


def test_a_blocked_entry_asks_the_body_that_reviews(ask, cast, bodies, owed):
    matter = ask()
    assert (matter.need, matter.need_from, matter.state) == (NEED, "资产管理部门", "open")
    assert (matter.holder, matter.asked_by) == (bodies.city, cast.reporter)
    assert told(cast.reviewer, "asked") == [NEED]
    assert [event.action for event in matter.history()] == ["asked"]
    assert matter.history()[0].entry == owed["3.2.1"]


def test_without_a_body_that_reviews_it_lies_with_the_parent_and_the_nation_asks_itself(
    tasks, period, bodies, cast, blocked
):
    Assignment.objects.assign(tasks[:1], [bodies.nation], by=cast.administrator)
    period.open()
    reporter = person("national", bodies.nation, Role.REPORTER)
    Entry.objects.for_transition().get().submit(by=reporter, version=1, **blocked)
    matter = Blocker.objects.get()
    assert matter.holder == bodies.nation
    chief = person("root", bodies.nation, Role.LEADER)
    refused("root", matter.pass_up, "超出职权", by=chief)
    matter.reply(ANSWER, by=chief)


def test_a_correction_restates_the_open_matter_and_tells_only_of_other_words(ask, cast, owed):
    matter = ask()
    for version, changes in ((2, {}), (4, {"need": "请协调经费。"})):
        fresh(owed["3.2.1"]).return_(by=cast.reviewer, version=version, comment="请补充")
        assert now(matter).state == "open"
        assert ask(**changes) == matter
    assert now(matter).need == "请协调经费。"
    assert Blocker.objects.count() == 1
    assert told(cast.reviewer, "asked") == ["请协调经费。", NEED]


def test_an_answered_matter_is_not_asked_anew_in_the_same_words(ask, cast, owed):
    matter = ask()
    matter.reply(ANSWER, by=cast.reviewer)
    fresh(owed["3.2.1"]).return_(by=cast.reviewer, version=2, comment="请补充")
    assert ask() == matter
    assert now(matter).state == "answered"
    fresh(owed["3.2.1"]).return_(by=cast.reviewer, version=4, comment="请补充")
    again = ask(need="还请协调经费。")
    assert (again.state, again.holder) == ("open", matter.holder)
    assert Blocker.objects.count() == 2


def test_withdrawing_or_excusing_the_entry_withdraws_the_matter(ask, cast, owed):
    first = ask()
    fresh(owed["3.2.1"]).withdraw(by=cast.reporter, version=2)
    assert now(first).state == "withdrawn"
    second = ask()
    assert second != first
    fresh(owed["3.2.1"]).excuse(by=cast.supervisor, version=4, comment="免报")
    assert now(second).state == "withdrawn"
    third = ask("3.2.2")
    Entry.objects.all().excuse_all(by=cast.supervisor, comment="免报", at=timezone.now())
    assert now(third).state == "withdrawn"
    assert [event.action for event in third.history()] == ["asked_no_more", "asked"]


def test_the_next_report_takes_the_matter_over_where_it_has_come_to_lie(
    ask, cast, owed, period, content, bodies, blocked, chief
):
    matter = ask()
    matter.pass_up("需省级协调", by=cast.reviewer)
    later = next_period(period, content, owed, bodies)
    later.submit(by=cast.reporter, version=1, **blocked | {"need": "仍请协调。"})
    assert now(matter).state == "withdrawn"
    newer = Blocker.objects.get(state="open")
    assert (newer.entry, newer.holder, newer.need) == (later, bodies.province, "仍请协调。")
    assert told(chief, "asked") == ["仍请协调。", "需省级协调"]


def test_a_newer_report_that_is_not_blocked_closes_it_and_an_older_one_does_not(
    ask, cast, owed, period, content, bodies, blocked
):
    later = next_period(period, content, owed, bodies)
    later.submit(by=cast.reporter, version=1, **blocked)
    newer = Blocker.objects.get()
    fresh(owed["3.2.1"]).submit(by=cast.reporter, version=1, **content)  # the older period, late
    assert now(newer).state == "open"
    fresh(later).return_(by=cast.reviewer, version=2, comment="请核实")
    fresh(later).submit(by=cast.reporter, version=3, **content | {"need": ""})
    assert now(newer).state == "withdrawn"


def test_an_older_report_asks_nothing_once_a_newer_one_is_in(ask, cast, owed, period, content, bodies):
    next_period(period, content, owed, bodies).submit(by=cast.reporter, version=1, **content)
    assert ask() is None


def test_it_turns_no_light_and_stands_in_no_tally(ask, cast, owed):
    before = Assignment.objects.get(pk=owed["3.2.1"].assignment_id).light
    matter = ask()
    Blocker.objects.update(reply_by=TODAY() - days(30))
    now(matter).pass_up("需省级协调", by=cast.reviewer)
    Assignment.objects.all().relight(TODAY(), everything=True)
    assert Assignment.objects.get(pk=owed["3.2.1"].assignment_id).light == before
    assert standing_tallies() == recounted_tallies()


# Answered, passed up, withdrawn.


def test_the_body_it_lies_with_answers_and_those_who_asked_are_told(ask, cast, bodies):
    matter = ask()
    matter.reply(ANSWER, by=cast.reviewer)
    stands = now(matter)
    assert (stands.state, stands.answer, stands.answering) == ("answered", ANSWER, bodies.city)
    assert told(cast.reporter, "answered") == told(cast.leader, "answered") == [ANSWER]
    assert Blocker.objects.asked_for(cast.reporter).unread().get() == matter
    stands.read(by=cast.leader)
    stands.read(by=cast.reporter)
    assert now(matter).read_by == cast.leader  # the first one counts
    assert not Blocker.objects.unread().exists()


def test_only_those_who_coordinate_where_it_lies_answer_and_only_once(ask, cast, bodies, chief):
    matter = ask()
    for who in (cast.reporter, cast.leader, cast.supervisor, cast.administrator, cast.auditor, cast.outsider, chief):
        refused("not_yours", matter.reply, ANSWER, by=who)
        refused("not_yours", matter.pass_up, "需省级协调", by=who)
        assert matter not in Blocker.objects.answerable_by(who)
    for words in ("", " \n", "好\x00"):
        with pytest.raises(ValidationError):
            matter.reply(words, by=cast.reviewer)
        with pytest.raises(ValidationError):
            matter.pass_up(words, by=cast.reviewer)
    again = now(matter)
    matter.reply(ANSWER, by=cast.reviewer)
    refused("stale", again.reply, "另一答复", by=cast.reviewer)
    refused("stale", now(matter).pass_up, "需省级协调", by=cast.reviewer)
    refused("stale", now(matter).withdraw, "已解决", by=cast.reporter)


def test_passed_up_it_lies_with_the_next_level_and_its_way_is_kept(ask, cast, bodies, chief):
    matter, again = ask(), Blocker.objects.get()
    matter.pass_up("需省级协调", by=cast.reviewer)
    assert now(matter).holder == bodies.province
    assert told(chief, "asked") == told(cast.supervisor, "asked") == ["需省级协调"]
    refused("stale", again.reply, ANSWER, by=cast.reviewer)
    assert matter in Blocker.objects.visible_to(cast.reviewer)
    now(matter).reply(ANSWER, by=chief)
    assert [event.action for event in matter.history()] == ["answered", "passed_up", "asked"]
    assert told(cast.reporter, "answered") == [ANSWER]


def test_other_words_meanwhile_refuse_an_answer_to_the_old_ones(ask, cast, owed):
    matter = ask()
    seen = matter.asked_at
    fresh(owed["3.2.1"]).return_(by=cast.reviewer, version=2, comment="请补充")
    ask(need="请协调经费。")
    refused("stale", now(matter).reply, ANSWER, by=cast.reviewer, seen=seen)


def test_those_who_asked_may_withdraw_it_with_a_reason(ask, cast):
    matter = ask()
    for who in (cast.reviewer, cast.supervisor, cast.outsider):
        refused("not_yours", matter.withdraw, "已解决", by=who)
    with pytest.raises(ValidationError):
        matter.withdraw(" ", by=cast.reporter)
    matter.withdraw("已自行解决", by=cast.reporter)
    assert now(matter).state == "withdrawn"


def test_an_answer_is_no_decision_a_return_can_still_be_taken_back(ask, cast, owed, period):
    Period.objects.filter(pk=period.pk).update(opens=TODAY() - days(30), due=TODAY() - days(9), locks=TODAY())
    matter = ask()
    Period.objects.filter(pk=period.pk).update(locks=TODAY() - days(1))
    fresh(owed["3.2.1"]).return_(by=cast.reviewer, version=2, comment="请补充")
    matter.reply(ANSWER, by=cast.reviewer)
    fresh(owed["3.2.1"]).undo(by=cast.reviewer, version=3)
    assert (fresh(owed["3.2.1"]).state, fresh(owed["3.2.1"]).open_until) == ("submitted", None)


# Who sees it; what is counted.


def test_it_is_seen_in_scope_where_it_lies_and_where_it_went_through(ask, cast, bodies, chief):
    matter = ask()
    city_chief = person("city-chief", bodies.city, Role.LEADER)
    national = person("national", bodies.nation, Role.SUPERVISOR)
    seen = (
        national,
        cast.reporter,
        cast.leader,
        cast.reviewer,
        cast.supervisor,
        cast.administrator,
        cast.auditor,
        city_chief,
    )
    for who in seen:
        assert matter in Blocker.objects.visible_to(who), who
    for who in (cast.outsider, chief, person("city-reporter", bodies.city, Role.REPORTER)):
        assert matter not in Blocker.objects.visible_to(who), who
    matter.pass_up("需省级协调", by=cast.reviewer)
    assert matter in Blocker.objects.visible_to(chief)
    assert matter in Blocker.objects.visible_to(city_chief)


def test_withdrawn_with_its_entry_it_is_a_draft_of_that_body_alone(ask, cast, owed):
    matter = ask()
    fresh(owed["3.2.1"]).withdraw(by=cast.reporter, version=2)
    assert matter in Blocker.objects.visible_to(cast.reporter)
    assert matter not in Blocker.objects.visible_to(cast.reviewer)
    assert matter not in Blocker.objects.visible_to(cast.supervisor)


def test_unanswered_and_late_ones_are_counted_for_whom_they_lie_with(ask, cast, bodies):
    matter, other = ask(), ask("3.2.2")
    Blocker.objects.filter(pk=matter.pk).update(reply_by=TODAY() - days(1))
    assert set(Blocker.objects.lying_with(bodies.city).open()) == {matter, other}
    assert list(Blocker.objects.late(TODAY())) == [matter]
    assert list(Blocker.objects.all().in_order()) == [matter, other]
    assert now(matter).days_late == 1
    now(matter).reply(ANSWER, by=cast.reviewer)
    assert not Blocker.objects.late(TODAY()).exists()
    assert now(matter).days_late == 0
    assert list(Blocker.objects.all().in_order()) == [other, matter]


def test_the_digest_counts_what_waits_for_an_answer_and_answers_that_came(ask, cast, bodies):
    matter = ask()
    User.objects.update(email="x@example.org")
    ask("3.2.2")
    assert owed_by_body(TODAY()).to_answer == {bodies.city.pk: 2}
    matter.reply(ANSWER, by=cast.reviewer)
    numbers = {person.username: counts for person, counts in Digest.due_on(TODAY())}
    assert numbers["reviewer"]["to_answer"] == 1
    assert numbers["reporter"]["answered"] == numbers["leader"]["answered"] == 1


# When bodies and duties end.


def test_what_lies_with_a_closed_body_goes_to_its_heir(ask, cast, bodies):
    matter = ask()
    Merging(bodies.city, into=bodies.school, by=cast.administrator, reason="合并").carry_out()
    assert (now(matter).state, now(matter).holder) == ("open", bodies.school)
    assert matter.history()[0].comment == "合并"


def test_passed_up_to_a_body_that_closes_it_goes_to_the_parent(ask, cast, bodies):
    matter = ask()
    Blocker.objects.update(holder=bodies.sister)
    Closing(bodies.sister, by=cast.administrator, reason="撤销").carry_out()
    assert now(matter).holder == bodies.city


def test_moved_under_another_body_what_it_asked_goes_along(ask, cast, bodies):
    matter = ask()
    move = {"parent": bodies.other, "industry": None, "by": cast.administrator, "reason": "调整"}
    Moving(bodies.county, **move).carry_out()
    assert now(matter).holder == bodies.other


def test_a_closed_body_asks_no_more_even_where_its_report_was_accepted(ask, cast, bodies, owed):
    matter = ask()
    fresh(owed["3.2.1"]).accept(by=cast.reviewer, version=2)
    assert now(matter).state == "open"
    Merging(bodies.county, into=bodies.sister, by=cast.administrator, reason="合并").carry_out()
    assert now(matter).state == "withdrawn"


@pytest.mark.parametrize("how", ["amended", "taken back", "task ended"])
def test_with_its_assignment_the_matter_ends(ask, cast, owed, bodies, how):
    matter = ask()
    assignment = Assignment.objects.get(pk=owed["3.2.1"].assignment_id)
    if how == "amended":
        assignment.amend(by=cast.administrator, ended_on=TODAY())
    elif how == "taken back":
        giver = person("giver", bodies.city, Role.SUPERVISOR)
        assignment.handings.get().withdraw(by=giver, comment="收回")
    else:
        Task.objects.get(code="3.2.1").end("不再开展", by=cast.administrator)
    assert now(matter).state == "withdrawn"


# 清除.


def test_what_is_erased_goes_from_the_matter_its_events_and_notices(ask, cast, bodies, chief, owed):
    matter = ask()
    matter.pass_up(f"转报：{NEED}", by=cast.reviewer)
    now(matter).reply(ANSWER, by=chief)

    def everything():
        return str([list(model.objects.values()) for model in (Entry, Event, Blocker, Notice)])

    assert NEED in everything()
    assert ANSWER in everything()
    entry = fresh(owed["3.2.1"])
    assert Erasure.texts_of(entry)[-1] == "answer"
    erasure = Erasure.objects.ask(entry, by=cast.supervisor, reason="误录入", texts=["need", "answer"])
    assert "answer" not in str(erasure.what)
    erasure.agree(by=cast.administrator)
    assert NEED not in everything()
    assert ANSWER not in everything()
    assert "误录入" in now(matter).need
    assert "误录入" in now(matter).answer


@pytest.mark.django_db(transaction=True)
def test_of_two_who_answer_at_once_one_is_refused(ask, cast):
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time")
    matter = ask()
    outcomes, start = [], threading.Barrier(2)

    def answer(words):
        try:
            mine, who = now(matter), User.objects.get(pk=cast.reviewer.pk)
            start.wait(10)
            mine.reply(words, by=who)
            outcomes.append("answered")
        except TransitionRefused as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=answer, args=[words]) for words in ("甲", "乙")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["answered", "stale"]
    assert Event.objects.filter(action="answered").count() == 1
    assert Organization.objects.count()
