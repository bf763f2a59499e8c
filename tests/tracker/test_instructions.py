"""Leaders' notes (批示): written to one's own body and those below, read, answered once, withdrawn; never changed."""

import datetime as dt
import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.utils import timezone

from tests.conftest import person
from tracker.models import (
    Digest,
    Entry,
    Erasure,
    Instruction,
    InstructionEvent,
    InstructionReply,
    Notice,
    Organization,
    Role,
    TransitionRefused,
    User,
)
from tracker.models.digests import owed_by_body
from tracker.models.forgetting import erase_again
from tracker.models.instructions import addressable_by
from tracker.models.reorganizing import Closing, Merging

TEXT = "进度落后，请说明原因，提出按月赶进度的安排。"
ANSWER = "已按月排出计划，确保年底前完成。"
TODAY = timezone.localdate
days = dt.timedelta


@pytest.fixture
def chief(bodies):
    """The leader in charge of the city."""
    return person("chief", bodies.city, Role.LEADER, name="市领导")


@pytest.fixture
def write(chief, bodies, duty):
    def as_(of=None, to=None, **said):
        return Instruction.objects.write(of or duty, to or [bodies.county], **{"text": TEXT, "by": chief} | said)

    return as_


def reply_of(note, body):
    return InstructionReply.objects.with_place().get(instruction=note, organization=body)


def stands():
    models = (Instruction, InstructionReply, InstructionEvent, Notice, Erasure)
    return [list(model.objects.order_by("pk").values()) for model in models]


def refused(code, act, *args, **kwargs):
    before = stands()
    with pytest.raises(TransitionRefused) as refusal:
        act(*args, **kwargs)
    assert refusal.value.code == code
    assert str(refusal.value)
    assert stands() == before


def told(who, kind):
    return [notice.words["why"] for notice in Notice.objects.filter(person=who, kind=kind)]


def steps(note):
    return [event.action for event in note.events.order_by("pk")]


# Writing.


def test_a_leader_writes_in_their_own_name_and_the_body_is_told(write, cast, chief, bodies, duty):
    note = write(reply_by=TODAY() + days(7), leader="别人", given_on=TODAY() - days(3))
    assert (note.assignment, note.task, note.organization) == (duty, None, None)
    assert (note.leader, note.given_on, note.sender, note.by) == ("市领导", TODAY(), bodies.city, chief)
    event = note.events.get()
    assert (event.action, event.by, event.acting_role) == ("written", chief, "leader")
    assert event.acting_organization == bodies.city
    assert told(cast.reporter, "instructed") == told(cast.leader, "instructed") == [TEXT]
    assert told(cast.reviewer, "instructed") == []
    assert "市领导" in Notice.objects.filter(person=cast.reporter).first().sentence


def test_a_supervisor_says_whose_note_it_is_and_of_which_day(cast, bodies, tasks):
    said = {"text": TEXT, "by": cast.supervisor}
    with pytest.raises(ValidationError) as invalid:
        Instruction.objects.write(tasks[0], [bodies.city], **said)
    assert set(invalid.value.message_dict) == {"leader"}
    paper = said | {"leader": "王主席", "given_on": TODAY() - days(3)}
    note = Instruction.objects.write(tasks[0], [bodies.city, bodies.county], **paper)
    assert (note.leader, note.given_on, note.by) == ("王主席", TODAY() - days(3), cast.supervisor)
    assert steps(note) == ["filed"]
    assert set(note.replies.values_list("organization", flat=True)) == {bodies.city.pk, bodies.county.pk}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"text": " \n"}, "text"),
        ({"text": "缺\x00地"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "长" * 20_001}, "text"),
        ({"reply_by": TODAY() - days(1)}, "reply_by"),
        ({"leader": "名" * 61}, "leader"),
        ({"given_on": TODAY() + days(1)}, "given_on"),
    ],
)
def test_what_is_written_is_whole_or_nothing_is(cast, bodies, tasks, said, field):
    paper = {"text": TEXT, "by": cast.supervisor, "leader": "王主席"}
    with pytest.raises(ValidationError) as invalid:
        Instruction.objects.write(tasks[0], [bodies.city], **paper | said)
    assert set(invalid.value.message_dict) == {field}
    assert not Instruction.objects.exists()


def test_leaders_and_supervisors_write_and_nobody_else(cast, chief, bodies, tasks):
    for who in (cast.reporter, cast.reviewer, cast.administrator, cast.auditor, cast.outsider):
        refused("not_yours", Instruction.objects.write, tasks[0], [who.organization], text=TEXT, by=who)
        assert not addressable_by(who).exists()


def test_it_goes_to_ones_own_body_and_those_below_by_either_line_and_to_no_other(write, chief, bodies, tasks):
    assert set(addressable_by(chief)) == {bodies.city, bodies.county, bodies.sister}
    union = person("union-chief", bodies.union, Role.LEADER)
    assert set(addressable_by(union)) == {bodies.union, bodies.school}
    Organization.objects.filter(pk=bodies.sister.pk).update(closed_on=TODAY())
    for body in (bodies.province, bodies.other, bodies.sister):
        with pytest.raises(ValidationError) as invalid:
            write(tasks[0], [bodies.county, body])
        assert set(invalid.value.message_dict) == {"bodies"}
    with pytest.raises(ValidationError):
        Instruction.objects.write(tasks[0], [], text=TEXT, by=chief)
    assert not Instruction.objects.exists()


def test_it_is_about_a_task_a_body_or_an_assignment_in_scope_that_goes_on(write, cast, chief, bodies, tasks, duty):
    elsewhere = person("elsewhere", bodies.other, Role.LEADER)
    refused("not_yours", write, duty, [bodies.other], by=elsewhere)
    refused("not_yours", write, bodies.county, [bodies.other], by=elsewhere)
    write(bodies.county)
    tasks[1].end("不再开展", by=cast.administrator)
    tasks[1].refresh_from_db()
    refused("over", write, tasks[1])
    duty.ended_on = TODAY()
    refused("over", write, duty)


# Read, answered, withdrawn.


def test_the_body_reads_it_and_answers_it_once_and_the_writer_s_body_is_told(write, cast, chief, bodies):
    note = write()
    row = reply_of(note, bodies.county)
    row.read(by=cast.leader)
    row.read(by=cast.reporter)
    assert (row.read_by, row.state) == (cast.leader, "read")  # the first one counts
    row.reply(ANSWER, by=cast.reporter)
    assert (row.answer, row.answered_by, row.read_by, row.state) == (ANSWER, cast.reporter, cast.leader, "answered")
    refused("stale", reply_of(note, bodies.county).reply, "另一答复", by=cast.leader)
    colleague = person("office", bodies.city, Role.SUPERVISOR)
    assert told(chief, "instruction_answered") == [ANSWER]
    assert list(InstructionReply.objects.news_for(colleague, TODAY())) == [row]
    row.see(by=colleague)
    row.see(by=chief)
    assert row.seen_by == colleague
    assert not InstructionReply.objects.news_for(chief, TODAY()).exists()
    assert steps(note) == ["written", "read", "answered", "seen"]
    answered = note.events.get(action="answered")
    assert (answered.by, answered.acting_role, answered.reply) == (cast.reporter, "reporter", row)


def test_answering_reads_it(write, cast, bodies):
    note = write()
    reply_of(note, bodies.county).reply(ANSWER, by=cast.reporter)
    assert reply_of(note, bodies.county).read_by == cast.reporter
    assert steps(note) == ["written", "read", "answered"]


def test_only_who_reports_for_the_body_or_leads_it_answers(write, cast, chief, bodies):
    row = reply_of(write(), bodies.county)
    sister = person("sister", bodies.sister, Role.REPORTER)
    for who in (cast.reviewer, cast.supervisor, cast.administrator, cast.auditor, cast.outsider, chief, sister):
        refused("not_yours", row.reply, ANSWER, by=who)
        refused("not_yours", row.read, by=who)
        assert row not in InstructionReply.objects.answerable_by(who)
    for words in ("", " \n", "好\x00", "长" * 20_001):
        with pytest.raises(ValidationError):
            row.reply(words, by=cast.reporter)
    for who in (cast.reporter, cast.leader):
        assert row in InstructionReply.objects.answerable_by(who)


def test_who_wrote_it_to_their_own_body_does_not_answer_it_themselves(write, chief, bodies, tasks):
    row = reply_of(write(tasks[0], [bodies.city]), bodies.city)
    refused("own", row.reply, ANSWER, by=chief)
    assert row not in InstructionReply.objects.waiting_for(chief)
    office = person("office", bodies.city, Role.REPORTER)
    assert row in InstructionReply.objects.answerable_by(office)
    row.reply(ANSWER, by=office)


def test_for_a_body_without_a_reporter_the_one_above_answers(write, bodies):
    note = write(bodies.sister, [bodies.sister])
    above = person("above", bodies.city, Role.REPORTER)
    row = reply_of(note, bodies.sister)
    assert row in InstructionReply.objects.answerable_by(above)
    row.reply(ANSWER, by=above)
    event = note.events.get(action="answered")
    assert (event.on_behalf, event.of) == (True, bodies.sister.short)


def test_the_answer_is_read_by_those_who_write_notes_in_the_sender_s_body(write, cast, bodies):
    row = reply_of(write(), bodies.county)
    row.reply(ANSWER, by=cast.reporter)
    for who in (cast.supervisor, cast.reviewer, cast.leader):
        refused("not_yours", row.see, by=who)


def test_it_is_withdrawn_with_a_reason_and_stays_as_it_was(write, cast, chief, bodies):
    note, row = write(), None
    row = reply_of(note, bodies.county)
    for who in (cast.reporter, cast.reviewer, cast.supervisor, cast.leader):
        refused("not_yours", note.withdraw, "已了解情况", by=who)
    with pytest.raises(ValidationError):
        note.withdraw(" ", by=chief)
    note.withdraw("已了解情况", by=chief)
    assert note.events.get(action="withdrawn").comment == "已了解情况"
    assert told(cast.reporter, "instruction_gone") == ["已了解情况"]
    refused("stale", note.withdraw, "再撤", by=chief)
    refused("stale", row.reply, ANSWER, by=cast.reporter)
    assert Instruction.objects.get().text == TEXT
    assert not InstructionReply.objects.waiting().exists()
    assert note in Instruction.objects.visible_to(cast.reporter)


def test_what_was_answered_stays_answered_when_it_is_withdrawn(write, cast, chief, bodies):
    note = write(to=[bodies.county, bodies.sister])
    reply_of(note, bodies.county).reply(ANSWER, by=cast.reporter)
    note.withdraw("已了解情况", by=chief)
    assert reply_of(note, bodies.county).state == "answered"
    assert reply_of(note, bodies.sister).state == "withdrawn"


@pytest.mark.django_db(transaction=True)
def test_of_an_answer_and_a_withdrawal_at_once_one_is_refused(write, cast, chief, bodies):
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time")
    note, outcomes, start = write(), [], threading.Barrier(2)

    def act(what):
        try:
            mine, who = Instruction.objects.get(pk=note.pk), User.objects.get(pk=cast.reporter.pk)
            row, withdrawing = reply_of(note, bodies.county), User.objects.get(pk=chief.pk)
            start.wait(10)
            if what == "reply":
                row.reply(ANSWER, by=who)
            else:
                mine.withdraw("已了解情况", by=withdrawing)
            outcomes.append(what)
        except TransitionRefused as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=[what]) for what in ("reply", "withdraw")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert "withdraw" in outcomes
    assert sorted(outcomes) in (["reply", "withdraw"], ["stale", "withdraw"])
    assert bool(InstructionReply.objects.get().answered_at) == ("reply" in outcomes)


# Who sees it.


def test_it_is_seen_where_it_was_written_above_that_and_where_it_went(write, cast, chief, bodies):
    note = write()
    city_reporter = person("city-reporter", bodies.city, Role.REPORTER)
    national = person("national", bodies.nation, Role.SUPERVISOR)
    seen = (chief, cast.reviewer, city_reporter, cast.reporter, cast.leader, cast.supervisor, cast.auditor, national)
    for who in seen:
        assert note in Instruction.objects.visible_to(who), who
    sister, elsewhere = (person(body.code, body, Role.SUPERVISOR) for body in (bodies.sister, bodies.other))
    province_leader = person("province-leader", bodies.province, Role.LEADER)
    for who in (cast.outsider, sister, elsewhere, province_leader):
        assert note not in Instruction.objects.visible_to(who), who


def test_a_body_sees_its_own_answer_and_not_those_of_the_others(write, cast, chief, bodies):
    note = write(to=[bodies.county, bodies.sister])
    sister = person("sister", bodies.sister, Role.REPORTER)
    reply_of(note, bodies.sister).reply("乙县的答复", by=sister)
    assert [row.organization for row in InstructionReply.objects.visible_to(cast.reporter)] == [bodies.county]
    assert InstructionReply.objects.visible_to(chief).count() == 2
    assert InstructionReply.objects.visible_to(cast.supervisor).count() == 2
    assert [event.action for event in note.history(cast.reporter)] == ["written"]
    assert [event.action for event in note.history(chief)] == ["answered", "read", "written"]


def test_it_stands_with_its_task_its_body_and_its_assignment(write, chief, bodies, tasks, duty):
    of_duty, of_body, of_task = write(), write(bodies.county), write(tasks[0], [bodies.county, bodies.sister])
    other = write(tasks[1], [bodies.sister])
    notes = Instruction.objects.visible_to(chief)
    assert set(notes.concerning(tasks[0])) == {of_duty, of_task}
    assert set(notes.concerning(bodies.county)) == {of_duty, of_body, of_task}
    assert list(notes.concerning(duty)) == [of_task, of_duty]
    assert set(notes.concerning(bodies.sister)) == {of_task, other}


def test_overdue_ones_stand_first_then_those_that_wait(write, cast, bodies, tasks):
    wanted = [None, TODAY() + days(9), TODAY() + days(1), TODAY() + days(2)]
    undated, later, late, answered = (write(tasks[0], reply_by=day) for day in wanted)
    reply_of(answered, bodies.county).reply(ANSWER, by=cast.reporter)
    past = TODAY() - days(4)
    Instruction.objects.filter(pk=late.pk).update(given_on=past, reply_by=past)
    rows = InstructionReply.objects.all().in_order(TODAY()).with_place()
    assert [row.instruction for row in rows] == [late, later, undated, answered]
    assert [row.days_late for row in rows] == [4, 0, 0, 0]
    assert [row.instruction for row in InstructionReply.objects.late(TODAY())] == [late]


def test_the_digest_counts_what_waits_answers_that_came_and_what_is_overdue(write, cast, chief, bodies):
    User.objects.update(email="x@example.org")
    answered, late = write(), write()
    reply_of(answered, bodies.county).reply(ANSWER, by=cast.reporter)
    Instruction.objects.filter(pk=late.pk).update(given_on=TODAY() - days(9), reply_by=TODAY() - days(1))
    owed = owed_by_body(TODAY())
    assert (owed.instructed, owed.instruction_answers) == ({bodies.county.pk: 1}, {bodies.city.pk: 1})
    assert owed.instructions_late == {bodies.city.pk: 1}
    numbers = {who.username: counts for who, counts in Digest.due_on(TODAY())}
    assert numbers["reporter"]["instructed"] == numbers["leader"]["instructed"] == 1
    assert numbers["chief"]["instruction_answers"] == numbers["chief"]["instructions_late"] == 1


# When bodies end.


def test_what_waits_for_a_merged_body_waits_for_its_heir(write, cast, bodies):
    note = write()
    row = reply_of(note, bodies.county)
    row.read(by=cast.reporter)
    Merging(bodies.county, into=bodies.sister, by=cast.administrator, reason="合并").carry_out()
    row.refresh_from_db()
    assert (row.organization, row.read_at) == (bodies.sister, None)
    assert note.events.get(action="fell").comment == "合并"


def test_a_heir_that_received_it_itself_answers_once_and_a_closed_body_is_waited_for_no_more(write, cast, bodies):
    note = write(to=[bodies.county, bodies.sister])
    Merging(bodies.county, into=bodies.sister, by=cast.administrator, reason="合并").carry_out()
    assert reply_of(note, bodies.county).state == "closed"
    assert InstructionReply.objects.waiting().get().organization == bodies.sister
    Closing(bodies.sister, by=cast.administrator, reason="撤销").carry_out()
    assert not InstructionReply.objects.waiting().exists()


# 清除.


def everything():
    models = (Instruction, InstructionReply, InstructionEvent, Notice, Entry)
    return str([list(model.objects.values()) for model in models])


@pytest.fixture
def second(bodies):
    return person("second", bodies.city, Role.SUPERVISOR)


def test_its_text_its_answers_and_its_reason_are_erased_by_two(write, cast, chief, bodies, second):
    note = write()
    reply_of(note, bodies.county).reply(f"“{TEXT}”收悉。{ANSWER}", by=cast.reporter)
    note.withdraw(f"误发：{TEXT}", by=chief)
    ask = Erasure.objects.ask_for_note
    for who in (cast.reporter, chief, cast.auditor, cast.outsider):
        refused("not_yours", ask, note, by=who, texts=["text"], reason="误录入")
    for wrong in ({"texts": []}, {"texts": ["progress"]}, {"texts": ["text"], "reason": " "}):
        with pytest.raises(ValidationError):
            ask(note, by=cast.reviewer, **{"reason": "误录入"} | wrong)
    erasure = ask(note, by=cast.reviewer, texts=["text"], reason="误录入")
    assert "progress" not in str(erasure.what)
    below = person("below", bodies.county, Role.SUPERVISOR)
    for who in (below, cast.auditor):
        refused("not_yours", erasure.agree, by=who)
    assert TEXT in everything()
    erasure.agree(by=second)
    assert TEXT not in everything()
    assert ANSWER not in everything()  # it quoted what went
    stays = Instruction.objects.get()
    assert "误录入" in stays.text
    event = stays.events.get(action="erased")
    assert (event.by, event.comment) == (second, "误录入")


def test_answers_are_erased_and_the_text_stays(write, cast, bodies, second):
    note = write()
    reply_of(note, bodies.county).reply(ANSWER, by=cast.reporter)
    erasure = Erasure.objects.ask_for_note(note, by=cast.supervisor, texts=["answer"], reason="误录入")
    erasure.agree(by=second)
    assert ANSWER not in everything()
    assert Instruction.objects.get().text == TEXT


def test_what_of_an_entry_is_erased_goes_from_the_notes_that_quote_it(write, cast, bodies, owed, content, tasks):
    secret = "某涉密工程位于某地。"
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content | {"progress": secret})
    for of in (None, tasks[0], bodies.county):
        write(of, text=f"“{secret}”一事请核实。")
    row = reply_of(Instruction.objects.first(), bodies.county)
    row.reply(f"{secret}属实。", by=cast.reporter)
    entry = Entry.objects.for_transition().get(pk=owed["3.2.1"].pk)
    erasure = Erasure.objects.ask(entry, by=cast.supervisor, texts=["progress"], reason="误录入")
    erasure.agree(by=cast.administrator)
    assert secret not in everything()


def test_what_was_erased_of_a_note_is_erased_again_in_what_was_restored(write, cast, bodies, second):
    note = write()
    before = timezone.now()
    Erasure.objects.ask_for_note(note, by=cast.supervisor, texts=["text"], reason="误录入").agree(by=second)
    Instruction.objects.update(text=TEXT)
    Erasure.objects.all().delete()  # as a backup of before would have it
    assert erase_again(before).again == 1
    assert TEXT not in Instruction.objects.get().text
    assert erase_again(before).again == 0
