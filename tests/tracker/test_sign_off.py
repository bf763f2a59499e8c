"""The own leader's signature: when it is put, how long it stands, and whose it is to put."""

import pytest
from django.utils import timezone

from tests.conftest import person
from tests.tracker.refusals import as_also, fresh, refused, review
from tracker.models import Assignment, Digest, Entry, Event, Role, User
from tracker.models.digests import owed_by_body


def signature(entry):
    now = fresh(entry)
    return now.signed_by, bool(now.signed_at), now.is_signed


UNSIGNED = (None, False, False)


@pytest.fixture
def signed(plan, owed, cast, content):
    """The county's 3.2.1, signed off by its own leader and waiting for the city."""
    review(plan, "own_then_above")
    entry = fresh(owed["3.2.1"])
    entry.submit(by=cast.reporter, version=1, **content)
    assert signature(entry) == UNSIGNED
    entry.accept(by=cast.leader, version=2, comment="同意上报")
    return fresh(entry)


@pytest.fixture
def nation(bodies, tasks, period, cast):
    """The national body's own people and what it owes."""
    Assignment.objects.assign(tasks, [bodies.nation], by=cast.administrator)
    period.open()
    cast.national_reporter = person("nr", bodies.nation, Role.REPORTER, name="本级填报人")
    cast.national_leader = person("nl", bodies.nation, Role.LEADER, name="本级领导")
    entries = Entry.objects.for_transition().filter(assignment__organization=bodies.nation)
    return {entry.assignment.task.code: entry for entry in entries}


def test_the_leaders_step_signs(signed, cast):
    assert signature(signed) == (cast.leader, True, True)
    assert signed.signed_at == Event.objects.get(entry=signed, action="signed_off").at
    assert not signed.awaits_leader


def test_the_level_above_decides_and_the_signature_stands(signed, cast):
    signed.accept(by=cast.reviewer, version=3)
    assert signature(signed) == (cast.leader, True, True)
    assert fresh(signed).decided_by == cast.reviewer


def test_where_only_the_level_above_reviews_nobody_signs(owed, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    assert not entry.awaits_leader
    entry.accept(by=cast.reviewer, version=2)
    assert signature(entry) == UNSIGNED


def test_where_nobody_reviews_nobody_signs(plan, owed, cast, content):
    review(plan, "none")
    entry = fresh(owed["3.2.1"])
    entry.submit(by=cast.reporter, version=1, **content)
    assert (fresh(entry).state, signature(entry)) == ("accepted", UNSIGNED)


def test_a_signature_is_of_the_words_it_was_put_under(signed, cast, content):
    """Returned above it is history; with the first word written anew it goes, and so it does with handing in."""
    signed.return_(by=cast.reviewer, version=3, comment="补充")
    assert signature(signed) == (cast.leader, True, False)
    signed.save_draft(by=cast.reporter, version=4, progress="改写")
    assert signature(signed) == UNSIGNED
    signed.submit(by=cast.reporter, version=5, **content)
    assert signature(signed) == UNSIGNED
    assert fresh(signed).awaits_leader


def test_handed_in_again_at_once_it_is_signed_again(signed, cast, content):
    signed.return_(by=cast.reviewer, version=3, comment="补充")
    signed.submit(by=cast.reporter, version=4, **content)
    assert signature(signed) == UNSIGNED


def test_a_return_taken_back_leaves_the_signature_where_it_was(signed, cast):
    signed.return_(by=cast.reviewer, version=3, comment="补充")
    signed.undo(by=cast.reviewer, version=4)
    assert signature(signed) == (cast.leader, True, True)


def test_an_acceptance_above_taken_back_leaves_the_signature(signed, cast):
    signed.accept(by=cast.reviewer, version=3)
    signed.undo(by=cast.reviewer, version=4)
    assert signature(signed) == (cast.leader, True, True)


def test_owed_again_nothing_of_it_counts(signed, cast):
    signed.excuse(by=cast.supervisor, version=3, comment="不适用")
    assert not fresh(signed).is_signed
    signed.owe_again(by=cast.supervisor, version=4, comment="仍须填报")
    assert signature(signed) == UNSIGNED


def test_signed_is_not_withdrawn(signed, cast):
    with refused(signed, "state"):
        signed.withdraw(by=cast.reporter, version=3)


def test_at_the_national_body_accepting_signs(nation, cast, content):
    entry = nation["3.2.1"]
    entry.submit(by=cast.national_reporter, version=1, **content)
    assert entry.awaits_leader
    entry.accept(by=cast.national_leader, version=2)
    assert (fresh(entry).state, signature(entry)) == ("accepted", (cast.national_leader, True, True))
    assert fresh(entry).signed_at == fresh(entry).decided_at


@pytest.mark.parametrize("kind", ["above", "own_then_above"])
def test_there_an_acceptance_taken_back_takes_the_signature_along(nation, cast, content, plan, kind):
    review(plan, kind)
    entry = fresh(nation["3.2.1"])
    entry.submit(by=cast.national_reporter, version=1, **content)
    entry.accept(by=cast.national_leader, version=2)
    entry.undo(by=cast.national_leader, version=3)
    assert signature(entry) == UNSIGNED
    assert fresh(entry).awaits_leader


def test_there_a_correction_taken_back_is_to_be_signed_again(nation, cast, content):
    entry = nation["3.2.1"]
    entry.submit(by=cast.national_reporter, version=1, **content)
    entry.accept(by=cast.national_leader, version=2)
    entry.reopen(by=cast.national_leader, version=3, comment="更正")
    assert signature(entry) == (cast.national_leader, True, False)
    entry.undo(by=cast.national_leader, version=4)
    assert signature(entry) == UNSIGNED


def test_nobody_signs_what_they_submitted_themselves(plan, owed, bodies, cast, content):
    review(plan, "own_then_above")
    entry, same = fresh(owed["3.2.1"]), as_also(cast.reporter, Role.LEADER, bodies.county)
    entry.submit(by=cast.reporter, version=1, **content)
    with refused(entry, "own"):
        entry.accept(by=same, version=2)
    assert Entry.objects.to_sign_off(same) == []


def test_somebody_faster_leaves_one_signature(signed, cast, bodies):
    second = person("second", bodies.county, Role.LEADER)
    with refused(signed, "not_yours"):
        signed.accept(by=second, version=3)
    assert signature(signed) == (cast.leader, True, True)


def test_what_waits_is_counted_by_period_for_the_leader_alone(plan, owed, cast, content, period):
    review(plan, "own_then_above")
    for code in ("3.2.1", "3.2.2"):
        fresh(owed[code]).submit(by=cast.reporter, version=1, **content)
    assert Entry.objects.to_sign_off(cast.leader) == [(period, 2)]
    for who in (cast.reporter, cast.reviewer, cast.supervisor, cast.outsider):
        assert Entry.objects.to_sign_off(who) == []
    fresh(owed["3.2.1"]).accept(by=cast.leader, version=2)
    assert Entry.objects.to_sign_off(cast.leader) == [(period, 1)]


def test_the_digest_counts_an_entry_at_one_step_only(plan, owed, cast, content, bodies):
    review(plan, "own_then_above")
    entry = fresh(owed["3.2.1"])
    entry.submit(by=cast.reporter, version=1, **content)

    def told():
        owed_now = owed_by_body(timezone.localdate())
        return owed_now.to_sign_off[bodies.county.pk], owed_now.to_review[bodies.city.pk]

    assert told() == (1, 0)
    entry.accept(by=cast.leader, version=2)
    assert told() == (0, 1)
    entry.accept(by=cast.reviewer, version=3)
    assert told() == (0, 0)


def test_the_leader_gets_it_by_mail(plan, owed, cast, content):
    review(plan, "own_then_above")
    User.objects.filter(pk=cast.leader.pk).update(email="leader@example.org")
    fresh(owed["3.2.1"]).submit(by=cast.reporter, version=1, **content)
    ((who, numbers),) = Digest.due_on(timezone.localdate())
    assert (who, numbers["to_sign_off"]) == (cast.leader, 1)


def test_of_one_and_of_many_it_is_the_same_question(signed, owed, bodies, tasks, cast, content):
    """What `awaiting_leader` and `awaiting_above` find is what each entry says of itself."""
    Assignment.objects.assign(tasks[1:2], [bodies.nation], by=cast.administrator, owe_now=True)
    nation = Entry.objects.for_transition().get(assignment__organization=bodies.nation)
    nation.submit(by=person("nr", bodies.nation, Role.REPORTER), version=1, **content)
    fresh(owed["3.2.2"]).submit(by=cast.reporter, version=1, **content)
    entries = Entry.objects.for_transition()
    leader = {entry.pk for entry in entries if entry.awaits_leader}
    above = {entry.pk for entry in entries if entry.state == "submitted" and not entry.awaits_leader}
    assert leader == set(Entry.objects.awaiting_leader().values_list("pk", flat=True)) == {nation.pk, owed["3.2.2"].pk}
    assert above == set(Entry.objects.awaiting_above().values_list("pk", flat=True)) == {signed.pk}
