"""Rule 2: who may take an entry from one state to the next, and what each step leaves behind."""

import pytest
from django.utils import timezone

from tests.conftest import person
from tracker.models import Assignment, AssignmentTally, Entry, Event, Period, Role, TransitionRefused

from .refusals import as_also, fresh, invalid, recounted_tallies, refused, review, standing_tallies, tally


@pytest.fixture
def submitted(owed, cast, content):
    """The county's 3.2.1, handed in and waiting for the city."""
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    return fresh(entry)


@pytest.fixture
def accepted(submitted, cast):
    submitted.accept(by=cast.reviewer, version=2)
    return fresh(submitted)


# The way through.


def test_an_entry_goes_from_due_to_accepted_and_the_assignment_follows(owed, cast, content):
    entry = owed["3.2.1"]
    entry.save_draft(by=cast.reporter, version=1, **content)
    entry.submit(by=cast.reporter, version=2, **content)
    entry = fresh(entry)
    assert entry.state == "submitted"
    assert entry.assignment.status == "not_started"
    entry.accept(by=cast.reviewer, version=entry.version, comment="同意")
    assignment = Assignment.objects.get(pk=entry.assignment_id)
    assert (assignment.status, assignment.light, assignment.latest_id) == ("in_progress", "green", entry.pk)
    row = tally(entry)
    assert (row.due, row.accepted, row.on_time, row.late) == (4, 1, 1, 0)
    lights = AssignmentTally.objects.get(task=assignment.task, line="territorial")
    assert (lights.not_started, lights.in_progress, lights.grey, lights.green) == (1, 1, 1, 1)
    assert list(Event.objects.filter(entry=entry).order_by("pk").values_list("action", flat=True)) == [
        "drafted",
        "submitted",
        "accepted",
    ]


def test_an_event_says_who_acting_as_whom_and_the_submission_keeps_its_content(submitted, cast, bodies, content):
    event = Event.objects.get(entry=submitted)
    assert (event.by, event.acting_role, event.acting_organization) == (cast.reporter, "reporter", bodies.county)
    assert (event.from_state, event.to_state) == ("due", "submitted")
    silent = {"percent": None, "no_change": False, "need": "", "need_from": "", "need_by": None}
    assert event.content == content | silent


def test_saving_a_draft_again_counts_up_the_version_and_is_no_event(owed, cast, content):
    entry = owed["3.2.1"]
    entry.save_draft(by=cast.reporter, version=1, progress="一")
    entry.save_draft(by=cast.reporter, version=2, progress="二")
    assert (fresh(entry).version, fresh(entry).progress) == (3, "二")
    assert Event.objects.filter(entry=entry).count() == 1


def test_a_returned_entry_is_corrected_and_keeps_its_first_submission(submitted, cast, content):
    first = submitted.first_submitted_at
    submitted.return_(by=cast.reviewer, version=2, comment="请补充站点数")
    assert (fresh(submitted).state, fresh(submitted).comment) == ("returned", "请补充站点数")
    submitted.submit(by=cast.reporter, version=3, **content | {"progress": "新建站点四个，均已启用。"})
    assert (fresh(submitted).state, fresh(submitted).first_submitted_at) == ("submitted", first)
    assert fresh(submitted).submitted_at > first


# Somebody was first.


def test_the_second_of_two_writers_is_told_and_nothing_changes(owed, cast, content):
    entry = owed["3.2.1"]
    other = fresh(entry)
    entry.save_draft(by=cast.reporter, version=1, **content)
    with refused(entry, "stale"):
        other.save_draft(by=cast.reporter, version=1, **content | {"progress": "另一份"})
    assert fresh(entry).progress == content["progress"]


def test_only_the_version_that_was_seen_and_stands_is_changed(submitted, cast):
    for version in (0, 1, 3, 99):
        with refused(submitted, "stale"):
            submitted.accept(by=cast.reviewer, version=version)


def test_the_row_is_judged_and_not_what_was_read_before(owed, cast, content):
    """An object read in state `due` may not write over a draft by naming the draft's version."""
    entry = owed["3.2.1"]
    old = fresh(entry)
    entry.save_draft(by=cast.reporter, version=1, **content)
    with refused(entry, "stale"):
        old.submit(by=cast.reporter, version=2, **content)


def test_two_who_change_one_draft_are_told_apart_by_its_version(owed, cast, content):
    entry = owed["3.2.1"]
    entry.save_draft(by=cast.reporter, version=1, **content)
    other = fresh(entry)
    entry.save_draft(by=cast.reporter, version=2, **content | {"progress": "先一步"})
    for version in (2, 3):  # what was read before; and a version it was not read at
        with refused(entry, "stale"):
            other.save_draft(by=cast.reporter, version=version, **content | {"progress": "后一步"})
        with refused(entry, "stale"):
            other.submit(by=cast.reporter, version=version, **content | {"progress": "后一步"})


def test_a_refused_transition_leaves_the_object_as_it_was_too(owed, cast, content):
    entry = owed["3.2.1"]
    other = fresh(entry)
    entry.save_draft(by=cast.reporter, version=1, **content)
    with pytest.raises(TransitionRefused):
        other.submit(by=cast.reporter, version=1, **content)
    assert (other.state, other.version, other.submitted_at, other.progress) == ("due", 1, None, "")


def test_a_decision_that_came_second_is_told_so_and_not_that_it_has_no_right(submitted, cast):
    late = fresh(submitted)
    submitted.accept(by=cast.reviewer, version=2)
    for decide in (late.accept, late.return_):
        with refused(submitted, "stale"):
            decide(by=cast.reviewer, version=2, comment="意见")


def test_a_leader_who_signs_second_is_told_so(two_steps, cast, content):
    two_steps.submit(by=cast.reporter, version=1, **content)
    late = fresh(two_steps)
    two_steps.accept(by=cast.leader, version=2)
    with refused(two_steps, "stale"):
        late.accept(by=cast.leader, version=2)


def test_reopening_second_is_told_so(accepted, cast):
    late = fresh(accepted)
    accepted.reopen(by=cast.reviewer, version=3, comment="数字有误")
    with refused(accepted, "stale"):
        late.reopen(by=cast.reviewer, version=3, comment="数字有误")
    with refused(accepted, "stale"):
        fresh(accepted).reopen(by=cast.reviewer, version=3, comment="数字有误")


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("due", {"save_draft", "submit", "excuse", "let_in"}),
        ("draft", {"save_draft", "submit", "excuse", "let_in"}),
        ("submitted", {"withdraw", "accept", "return_", "excuse"}),
        ("returned", {"save_draft", "submit", "excuse", "let_in", "undo"}),
        ("accepted", {"reopen", "undo"}),
        ("excused", {"owe_again"}),
    ],
)
def test_each_state_allows_its_own_steps_and_no_others(owed, cast, content, state, actions):
    stamp = timezone.now()
    values = {
        "submitted_at": stamp,
        "first_submitted_at": stamp,
        "submitted_by": cast.reporter,
        "status": "in_progress",
    }
    if state in ("returned", "accepted"):
        values |= {"decided_by": cast.reviewer, "decided_at": stamp}
        Event.record(owed["3.2.1"].assignment, entry=owed["3.2.1"], action=state, by=cast.reviewer, to_state=state)
    Entry.objects.filter(pk=owed["3.2.1"].pk).update(state=state, **values if state not in ("due", "draft") else {})
    steps = {
        "save_draft": (cast.reporter, content),
        "submit": (cast.reporter, content),
        "withdraw": (cast.reporter, {}),
        "accept": (cast.reviewer, {}),
        "return_": (cast.reviewer, {"comment": "补充"}),
        "reopen": (cast.reviewer, {"comment": "更正"}),
        "undo": (cast.reviewer, {}),
        "excuse": (cast.supervisor, {"comment": "撤并"}),
        "owe_again": (cast.supervisor, {"comment": "恢复"}),
        "let_in": (cast.supervisor, {"until": timezone.localdate(), "comment": "补报"}),
    }
    for name, (by, values) in steps.items():
        if name not in actions:
            entry = fresh(owed["3.2.1"])
            with refused(entry, "stale" if name != "let_in" else "state"):
                getattr(entry, name)(by=by, version=1, **values)


# Who.


def test_nobody_accepts_their_own(owed, cast, bodies, content):
    entry, same = owed["3.2.1"], as_also(cast.reporter, Role.REVIEWER, bodies.city)
    entry.submit(by=cast.reporter, version=1, **content)
    with refused(entry, "own"):
        entry.accept(by=same, version=2)
    with refused(entry, "own"):
        entry.return_(by=same, version=2, comment="自己退回")
    assert not Entry.objects.reviewable_by(same).exists()
    entry.accept(by=cast.reviewer, version=2)


def test_a_role_that_does_not_review_decides_nothing(submitted, cast):
    roles = {name: by for name, by in vars(cast).items() if name != "reviewer"}
    for name, by in roles.items():
        code = "own" if name == "reporter" else "not_yours"
        with refused(submitted, code):
            submitted.accept(by=by, version=2)
        with refused(submitted, code):
            submitted.return_(by=by, version=2, comment="补充")
    submitted.accept(by=cast.reviewer, version=2)
    for by in roles.values():
        with refused(submitted, "not_yours"):
            submitted.reopen(by=by, version=3, comment="更正")
        with refused(submitted, "not_yours"):
            submitted.undo(by=by, version=3)


def test_a_reviewer_of_another_body_decides_nothing(submitted, bodies):
    for name in ("nation", "province", "other", "county", "sister", "union"):
        wrong = person(f"wrong-{name}", getattr(bodies, name), Role.REVIEWER)
        with refused(submitted, "not_yours"):
            submitted.accept(by=wrong, version=2)
        assert not Entry.objects.reviewable_by(wrong).exists()


def test_only_the_bodys_own_reporters_log(owed, cast, bodies, content):
    entry = owed["3.2.1"]
    others = [by for name, by in vars(cast).items() if name != "reporter"]
    others += [person(f"wrong-{name}", getattr(bodies, name), Role.REPORTER) for name in ("city", "sister", "nation")]
    for by in others:
        with refused(entry, "not_yours"):
            entry.save_draft(by=by, version=1, **content)
        with refused(entry, "not_yours"):
            entry.submit(by=by, version=1, **content)
    entry.submit(by=cast.reporter, version=1, **content)
    for by in others:
        with refused(entry, "not_yours"):
            entry.withdraw(by=by, version=2)


def test_somebody_whose_account_is_closed_does_nothing(submitted, cast):
    cast.reviewer.is_active = False
    with refused(submitted, "not_yours"):
        submitted.accept(by=cast.reviewer, version=2)


def test_only_supervisors_and_administrators_excuse_and_let_in(owed, cast):
    entry, today = owed["3.2.1"], timezone.localdate()
    others = (cast.reporter, cast.leader, cast.reviewer, cast.auditor, cast.outsider)
    for by in others:
        with refused(entry, "not_yours"):
            entry.excuse(by=by, version=1, comment="撤并")
        with refused(entry, "not_yours"):
            entry.let_in(by=by, version=1, until=today, comment="补报")
    entry.let_in(by=cast.supervisor, version=1, until=today, comment="补报")
    entry.excuse(by=cast.administrator, version=2, comment="撤并")
    for by in others:
        with refused(entry, "not_yours"):
            entry.owe_again(by=by, version=3, comment="恢复")


def test_a_supervisor_excuses_below_and_never_their_own_body_or_another_branch(owed, bodies):
    for name in ("county", "sister", "other", "union"):
        wrong = person(f"wrong-{name}", getattr(bodies, name), Role.SUPERVISOR)
        with refused(owed["3.2.1"], "not_yours"):
            owed["3.2.1"].excuse(by=wrong, version=1, comment="撤并")


def test_the_national_supervisor_excuses_the_national_body(bodies, cast, tasks, period):
    Assignment.objects.assign(tasks[:1], [bodies.nation], by=cast.administrator)
    period.open()
    Entry.objects.for_transition().get().excuse(by=cast.administrator, version=1, comment="另有安排")
    assert Entry.objects.get().state == "excused"


def test_a_reason_is_demanded_and_must_be_storable(submitted, cast):
    nothing, unstorable = ("", "  \n"), ("退回\x00", "退回\ud800", "长" * 20_001)
    for comment in nothing + unstorable:
        with invalid(submitted, "comment"):
            submitted.return_(by=cast.reviewer, version=2, comment=comment)
        with invalid(submitted, "comment"):
            submitted.excuse(by=cast.supervisor, version=2, comment=comment)
    for comment in unstorable:
        with invalid(submitted, "comment"):
            submitted.accept(by=cast.reviewer, version=2, comment=comment)
    submitted.accept(by=cast.reviewer, version=2, comment="")
    for comment in nothing + unstorable:
        with invalid(submitted, "comment"):
            submitted.reopen(by=cast.reviewer, version=3, comment=comment)


# Withdrawing, undoing, excusing.


def test_withdrawing_clears_the_first_submission(submitted, cast):
    assert tally(submitted).on_time == 1
    submitted.withdraw(by=cast.reporter, version=2)
    assert (fresh(submitted).state, fresh(submitted).first_submitted_at) == ("draft", None)
    row = tally(submitted)
    assert (row.draft, row.submitted, row.on_time) == (1, 0, 0)


def test_withdrawing_a_correction_keeps_the_first_submission_that_was_decided_on(submitted, cast, content):
    first = submitted.first_submitted_at
    submitted.return_(by=cast.reviewer, version=2, comment="补充")
    submitted.submit(by=cast.reporter, version=3, **content)
    submitted.withdraw(by=cast.reporter, version=4)
    assert (fresh(submitted).state, fresh(submitted).first_submitted_at) == ("draft", first)
    assert tally(submitted).on_time == 1


def test_what_was_decided_on_cannot_be_withdrawn(accepted, cast):
    with refused(accepted, "stale"):
        accepted.withdraw(by=cast.reporter, version=3)


@pytest.mark.parametrize("decision", ["accept", "return_"])
def test_the_one_who_decided_takes_it_back_and_nobody_else(submitted, cast, bodies, decision):
    getattr(submitted, decision)(by=cast.reviewer, version=2, comment="意见")
    colleague = person("colleague", bodies.city, Role.REVIEWER)
    with refused(submitted, "not_yours"):
        submitted.undo(by=colleague, version=3)
    submitted.undo(by=cast.reviewer, version=3)
    entry = fresh(submitted)
    assert (entry.state, entry.comment, entry.decided_by, entry.assignment.latest) == ("submitted", "", None, None)
    assert entry.assignment.status == "not_started"


def test_a_decision_is_taken_back_in_the_role_it_was_made_in(accepted, cast, bodies):
    for role, place in ((Role.REVIEWER, bodies.other), (Role.LEADER, bodies.county), (Role.SUPERVISOR, bodies.city)):
        with refused(accepted, "not_yours"):
            accepted.undo(by=as_also(cast.reviewer, role, place), version=3)
    accepted.undo(by=cast.reviewer, version=3)


def test_a_return_is_not_taken_back_once_the_reporter_has_begun_again(submitted, cast):
    submitted.return_(by=cast.reviewer, version=2, comment="补充")
    submitted.save_draft(by=cast.reporter, version=3, progress="补充中")
    with refused(submitted, "stale"):
        submitted.undo(by=cast.reviewer, version=4)


def test_a_return_is_not_taken_back_once_a_supervisor_has_acted_on_it(submitted, cast):
    submitted.return_(by=cast.reviewer, version=2, comment="补充")
    submitted.let_in(by=cast.supervisor, version=3, until=timezone.localdate(), comment="补报")
    with refused(submitted, "stale"):
        submitted.undo(by=cast.reviewer, version=4)


def test_an_excused_entry_is_not_owed_and_comes_back_as_due(submitted, cast):
    assert (tally(submitted).submitted, tally(submitted).on_time) == (1, 1)
    submitted.excuse(by=cast.supervisor, version=2, comment="机构撤并")
    row = tally(submitted)
    assert (row.submitted, row.excused, row.on_time, row.late) == (0, 1, 0, 0)
    assert standing_tallies() == recounted_tallies()
    submitted.owe_again(by=cast.supervisor, version=3, comment="恢复")
    row, entry = tally(submitted), fresh(submitted)
    assert (row.excused, row.due, row.on_time) == (0, 5, 0)
    assert (entry.state, entry.first_submitted_at, entry.submitted_by) == ("due", None, None)


def test_what_says_no_change_is_counted_so_and_no_longer_when_it_says_otherwise(owed, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, status="in_progress", no_change=True)
    assert tally(entry).no_change == 1
    entry.return_(by=cast.reviewer, version=2, comment="请写明进展")
    entry.save_draft(by=cast.reporter, version=3, **content, no_change=False)
    assert tally(entry).no_change == 0
    entry.submit(by=cast.reporter, version=4, **content, no_change=True)
    assert tally(entry).no_change == 1


# The other ways of reviewing.


def test_without_review_submitting_accepts(owed, cast, plan, content):
    review(plan, "none")
    entry = fresh(owed["3.2.1"])
    entry.submit(by=cast.reporter, version=1, **content)
    entry = fresh(entry)
    assert (entry.state, entry.version, entry.assignment.status) == ("accepted", 3, "in_progress")
    assert list(Event.objects.filter(entry=entry).order_by("pk").values_list("to_state", flat=True)) == [
        "submitted",
        "accepted",
    ]


def test_without_review_the_reporter_reopens_with_a_reason_and_the_level_above_does_not(owed, cast, plan, content):
    review(plan, "none")
    entry = fresh(owed["3.2.1"])
    entry.submit(by=cast.reporter, version=1, **content)
    for wrong in (cast.reviewer, cast.leader, cast.outsider, cast.supervisor):
        with refused(entry, "not_yours"):
            entry.reopen(by=wrong, version=3, comment="更正")
    with invalid(entry, "comment"):
        entry.reopen(by=cast.reporter, version=3, comment="")
    entry.reopen(by=cast.reporter, version=3, comment="数字有误")
    assert (fresh(entry).state, fresh(entry).assignment.status) == ("returned", "not_started")


def test_without_review_nobody_takes_an_acceptance_back(owed, cast, plan, bodies, content):
    review(plan, "none")
    entry, same = fresh(owed["3.2.1"]), as_also(cast.reporter, Role.REVIEWER, bodies.city)
    entry.submit(by=cast.reporter, version=1, **content)
    for by in (cast.reporter, same, cast.reviewer):
        with refused(entry, "not_yours"):
            entry.undo(by=by, version=3)


@pytest.fixture
def two_steps(plan, owed):
    review(plan, "own_then_above")
    return fresh(owed["3.2.1"])


def test_the_own_leader_signs_first_and_then_the_level_above_decides(two_steps, cast, content):
    entry = two_steps
    entry.submit(by=cast.reporter, version=1, **content)
    with refused(entry, "not_yours"):
        entry.accept(by=cast.reviewer, version=2)
    entry.accept(by=cast.leader, version=2, comment="同意上报")
    assert (fresh(entry).state, fresh(entry).review_step) == ("submitted", 1)
    assert fresh(entry).assignment.status == "not_started"
    with refused(entry, "not_yours"):
        entry.accept(by=cast.leader, version=3)
    with refused(entry, "state"):
        entry.withdraw(by=cast.reporter, version=3)
    entry.accept(by=cast.reviewer, version=3)
    assert (fresh(entry).state, fresh(entry).assignment.status) == ("accepted", "in_progress")
    assert list(Event.objects.filter(entry=entry).order_by("pk").values_list("action", "from_state", "to_state")) == [
        ("submitted", "due", "submitted"),
        ("signed_off", "submitted", "submitted"),
        ("accepted", "submitted", "accepted"),
    ]


def test_what_either_step_returns_starts_again_at_the_leader(two_steps, cast, content):
    entry = two_steps
    entry.submit(by=cast.reporter, version=1, **content)
    entry.return_(by=cast.leader, version=2, comment="内部修改")
    entry.submit(by=cast.reporter, version=3, **content)
    entry.accept(by=cast.leader, version=4)
    entry.return_(by=cast.reviewer, version=5, comment="补充")
    entry.submit(by=cast.reporter, version=6, **content)
    assert fresh(entry).review_step == 0
    assert Entry.objects.reviewable_by(cast.leader).get() == entry
    assert not Entry.objects.reviewable_by(cast.reviewer).exists()


def test_a_return_taken_back_waits_at_the_step_that_returned_it(two_steps, cast, content):
    entry = two_steps
    entry.submit(by=cast.reporter, version=1, **content)
    entry.accept(by=cast.leader, version=2)
    entry.return_(by=cast.reviewer, version=3, comment="补充")
    entry.undo(by=cast.reviewer, version=4)
    assert Entry.objects.reviewable_by(cast.reviewer).get() == entry
    entry.accept(by=cast.reviewer, version=5)


def test_the_national_bodys_entries_are_accepted_by_its_own_leader(bodies, cast, tasks, period, content):
    Assignment.objects.assign(tasks[:1], [bodies.nation], by=cast.administrator)
    period.open()
    reporter, leader = person("np", bodies.nation, Role.REPORTER), person("nl", bodies.nation, Role.LEADER)
    wrong = person("nr", bodies.nation, Role.REVIEWER)
    entry = Entry.objects.for_transition().get()
    entry.submit(by=reporter, version=1, **content)
    with refused(entry, "not_yours"):
        entry.accept(by=wrong, version=2)
    with refused(entry, "own"):
        entry.accept(by=reporter, version=2)
    entry.accept(by=leader, version=2)
    entry.reopen(by=leader, version=3, comment="更正")
    assert fresh(entry).state == "returned"


def test_the_national_body_needs_one_step_even_where_others_need_two(bodies, cast, tasks, period, plan, content):
    review(plan, "own_then_above")
    Assignment.objects.assign(tasks[:1], [bodies.nation], by=cast.administrator)
    period.open()
    entry = Entry.objects.for_transition().get()
    entry.submit(by=person("np", bodies.nation, Role.REPORTER), version=1, **content)
    entry.accept(by=person("nl", bodies.nation, Role.LEADER), version=2)
    assert fresh(entry).state == "accepted"


def test_last_periods_report_is_what_was_handed_in_and_no_draft(owed, cast, plan, content, submitted):
    today = timezone.localdate()
    days = {name: today + timezone.timedelta(90 + n) for n, name in enumerate(("opens", "due", "locks"))}
    later = Period.objects.create(plan=plan, code="2027Q1", **days)
    later.open()
    following = Entry.objects.for_transition().get(assignment=submitted.assignment, period=later)
    assert following.previous() == submitted
    submitted.return_(by=cast.reviewer, version=2, comment="补充")
    assert following.previous() == submitted
    submitted.save_draft(by=cast.reporter, version=3, progress="未定稿")
    assert following.previous() is None
