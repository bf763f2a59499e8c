"""Whatever the order of steps whoever tries them: events replay to the state, refusals change nothing, counts agree.

Two assignments of the county over two periods, one locked and one past its due date. The machine keeps its own small
table of what the rules allow, and compares every outcome with it.
"""

import datetime as dt
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.conftest import person
from tracker.models import Assignment, Blocker, Entry, Event, Organization, Period, Plan, Role, Task, TransitionRefused
from tracker.models.lights import judge

from .refusals import as_also, recounted_tallies, standing_tallies

WRITABLE = ("due", "draft", "returned")
DECISIONS = ("accepted", "returned", "reopened")
WHY = "意见"
FULL = {"status": "in_progress", "progress": "新建站点四个。", "problems": "", "need": "", "no_change": False}
GOOD = [
    FULL,
    FULL | {"no_change": True},
    FULL | {"status": "blocked", "problems": "缺场地", "need": "请协调场地", "need_by": dt.date(2099, 1, 1)},
    FULL | {"status": "completed", "percent": None},
    {"status": "not_started", "percent": None, "need": "", "no_change": True},
]
MEASURED = [FULL | {"percent": 40}, FULL | {"status": "completed", "percent": 100}]
BAD = [
    FULL | {"percent": 101},
    FULL | {"problems": "\ud800"},
    FULL | {"status": "completed", "percent": 40},
    FULL | {"progress": " ", "status": "in_progress"},
    {"status": ""},
]
STEPS = ["save_draft", "submit", "withdraw", "accept", "return_", "reopen", "undo", "excuse", "owe_again", "let_in"]
PEOPLE = ["reporter", "second", "both", "both above", "leader", "reviewer", "supervisor", "own", "above", "outsider"]
DECIDERS = ["both above", "leader", "reviewer"]  # once more, as wrong ones likely to be taken for right
HANDS = ["blocked", "completed", "in_progress", "done"]


class Reporting(RuleBasedStateMachine):
    scene: SimpleNamespace
    review: str

    def __init__(self):
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()

    def teardown(self):
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize(owned=st.booleans())
    def begin(self, owned):
        if owned:
            Task.objects.get(code="3.2.1").name_owner(self.scene.county, by=None)
        self.stated = {}
        self.handed_in = {pk: [] for pk in self.scene.entries}
        self.look()

    # Steps: the right one for the state, by whom it falls to; and the same with one thing wrong.

    @rule(
        number=st.integers(0, 3), pick=st.integers(0, 59), content=st.integers(0, 59), ago=st.sampled_from([0, 0, 10])
    )
    def go_on(self, number, pick, content, ago):
        self.attempt(*self.right_step(number, pick, content, ago))

    @rule(number=st.integers(0, 3), pick=st.integers(0, 59), content=st.integers(0, 59), then=st.integers(0, 59))
    def go_on_twice(self, number, pick, content, then):
        self.attempt(*self.right_step(number, pick, content, 0))
        self.all_agrees()
        self.attempt(*self.right_step(number, then, content, 0))

    @rule(
        number=st.integers(0, 3),
        pick=st.integers(0, 59),
        wrong=st.sampled_from(
            [("who", name) for name in (*PEOPLE, *DECIDERS)]
            + [("step", name) for name in STEPS]
            + [("content", content) for content in BAD]
            + [("off", -1), ("off", 1), ("why", " "), ("why", "意见\x00"), ("ago", 100)]
        ),
    )
    def go_wrong(self, number, pick, wrong):
        names = ("entry", "step", "who", "off", "why", "content", "ago")
        step = dict(zip(names, self.right_step(number, pick, pick, 0), strict=True))
        self.attempt(**step | dict([wrong]))

    def right_step(self, number, pick, content, ago):
        entry = self.entry(number)
        leader = self.review == "own_then_above" and not self.signed_off(entry)
        decider, steps = "leader" if leader else "reviewer", {}
        if entry.state in WRITABLE and not self.is_open(entry, ago) and pick % 2:
            ago = 100
        if entry.state in WRITABLE:
            steps = {"submit": "both", "save_draft": "second"}
            if not self.is_open(entry, ago):
                steps = {"let_in": "supervisor"}
        if entry.state == "submitted":
            steps = {"accept": decider, "return_": decider, "withdraw": "second"}
        if entry.state == "accepted":
            steps = {"reopen": "reporter" if self.review == "none" else "reviewer"}
        if entry.state in ("accepted", "returned") and self.review != "none":
            steps |= {"undo": "leader" if self.last(entry).by == self.scene.leader else "reviewer"}
        if entry.state == "excused":
            steps = {"owe_again": "supervisor"}
        elif entry.state != "accepted" and pick > 50:
            steps = {"excuse": "supervisor"}
        step, who = list(steps.items())[pick // 2 % len(steps)]
        contents = GOOD + MEASURED if self.is_measured(entry) else GOOD
        return entry, step, who, 0, WHY, contents[content % len(contents)], ago

    @rule(
        which=st.integers(0, 1),
        status=st.sampled_from(HANDS),
        light=st.sampled_from(["", "red", "no light", "no light", "no light"]),
        why=st.sampled_from([True, True, True, False]),
    )
    def set_by_hand(self, which, status, light, why):
        assignment = Assignment.objects.get(pk=self.scene.assignments[which])
        why, by = WHY if why else " ", self.scene.supervisor
        if light != "no light":
            self.attempt_by_hand(lambda: assignment.state_light(light, why, by=by), why == WHY)
        elif self.attempt_by_hand(lambda: assignment.state_status(status, why, by=by), why == WHY and status != "done"):
            self.stated[which] = status

    @rule(
        which=st.integers(0, 1),
        part=st.sampled_from(["lead", "cooperating"]),
        ended=st.booleans(),
        days=st.integers(-20, 40),
    )
    def amend(self, which, part, ended, days):
        today = timezone.localdate()
        assignment = Assignment.objects.get(pk=self.scene.assignments[which])
        if days < -5:
            assignment.take_part(part, by=self.scene.supervisor)
        else:
            due, ended_on = today + dt.timedelta(days), today if ended else None
            assignment.amend(by=self.scene.supervisor, part=part, due=due, ended_on=ended_on)

    def attempt(self, entry, step, who, off, why, content, ago):
        by = getattr(self.scene, who.replace(" ", "_"))
        given = {"by": by, "version": entry.version + off}
        if step in ("save_draft", "submit"):
            given |= content | {"at": timezone.now() - dt.timedelta(ago)}
        elif step not in ("withdraw", "undo"):
            given["comment"] = why
        if step == "let_in":
            given["until"] = timezone.localdate() + dt.timedelta(5)
        allowed = not off and self.allows(entry, step, by, why, content, ago)
        try:
            getattr(entry, step)(**given)
        except (TransitionRefused, ValidationError) as refusal:
            if allowed:
                raise
            event(f"{step} refused: {getattr(refusal, 'code', 'invalid')}")
            self.nothing_changed()
            return
        assert allowed, (step, who)
        event(f"{step}: {self.review}")
        stands = Entry.objects.get(pk=entry.pk)
        assert (entry.state, entry.version) == (stands.state, stands.version)
        self.keep_first_submission(entry.pk, step, given.get("at"))
        if entry.state == "accepted":
            self.was_accepted(entry)

    def keep_first_submission(self, pk, step, at):
        """The moments handed in and not withdrawn: withdrawing takes the last one away."""
        if step == "submit":
            self.handed_in[pk].append(at)
        elif step == "withdraw":
            self.handed_in[pk] = self.handed_in[pk][:-1]
        elif step == "owe_again":
            self.handed_in[pk] = []

    def attempt_by_hand(self, act, allowed):
        try:
            act()
        except ValidationError:
            if allowed:
                raise
            self.nothing_changed()
        else:
            assert allowed
        return allowed

    # What the rules allow.

    def entry(self, number):
        return Entry.objects.for_transition().get(pk=self.scene.entries[number])

    def allows(self, entry, step, by, why, content, ago):
        body, state, good = by.organization.code, entry.state, why == WHY
        reporter = (by.role, body) == ("reporter", "111")
        if step in ("save_draft", "submit"):
            valid = self.is_valid(entry, content, complete=step == "submit")
            return reporter and state in WRITABLE and self.is_open(entry, ago) and valid
        if step == "withdraw":
            return reporter and state == "submitted" and self.is_open(entry) and not self.signed_off(entry)
        if step in ("accept", "return_"):
            said = good or (step == "accept" and why == " ")
            return state == "submitted" and self.decides(entry, by) and said
        if step == "reopen":
            turn = reporter if self.review == "none" else (by.role, body) == ("reviewer", "11")
            return state == "accepted" and turn and good
        if step == "undo":
            last = self.last(entry)
            return bool(last and last.action in DECISIONS and last.by == by and self.decides(entry, by))
        states = {"excuse": (*WRITABLE, "submitted"), "owe_again": ("excused",), "let_in": WRITABLE}[step]
        return (by.role, body) == ("supervisor", "1") and state in states and good

    def is_open(self, entry, ago=0):
        day = timezone.localdate() - dt.timedelta(ago)
        return day <= entry.period.locks or (entry.open_until is not None and day <= entry.open_until)

    def is_measured(self, entry):
        return entry.assignment.task.code == "3.2.3"

    def is_valid(self, entry, content, complete):
        now = {name: getattr(entry, name) for name in Entry.CONTENT} | content
        if now["problems"] == "\ud800" or now["percent"] == 101 or (now["percent"] and not self.is_measured(entry)):
            return False
        texts = now["no_change"] or now["status"] == "not_started" or now["progress"].strip()
        whole = now["status"] != "completed" or now["percent"] in (None, 100)
        asked = now["problems"] and now["need"] and now["need_by"]
        blocked = now["no_change"] or asked if now["status"] == "blocked" else not now["need"]
        return not complete or bool(now["status"] and texts and whole and blocked)

    def last(self, entry):
        return entry.events.exclude(action__in=Event.MATTERS).select_related("by").order_by("-pk").first()

    def signed_off(self, entry):
        """Since it was last handed in, whatever was decided and taken back after that."""
        since = entry.events.filter(action="submitted").order_by("-pk").first()
        return bool(since) and entry.events.filter(action="signed_off", pk__gt=since.pk).exists()

    def decides(self, entry, by):
        """Whose turn it is, at the step where it stands; nobody on what they submitted themselves."""
        leader = self.review == "own_then_above" and not self.signed_off(entry)
        turn = ("leader", "111") if leader else ("reviewer", "11")
        return (by.role, by.organization.code) == turn and entry.submitted_by != by

    def was_accepted(self, entry):
        accepted = Entry.objects.filter(assignment=entry.assignment_id, state="accepted").order_by("-period__due")
        if accepted.first() == entry:
            self.stated.pop(self.scene.assignments.index(entry.assignment_id), None)

    # What always holds.

    def look(self):
        self.entries = list(Entry.objects.order_by("pk").select_related("period"))
        self.assignments = list(Assignment.objects.order_by("pk").select_related("task__plan", "latest"))
        self.events = list(Event.objects.order_by("pk").values_list("entry", "action", "from_state", "to_state"))
        self.tallies = standing_tallies()

    def nothing_changed(self):
        before = [vars_of(self.entries), vars_of(self.assignments), self.events, self.tallies]
        self.look()
        assert [vars_of(self.entries), vars_of(self.assignments), self.events, self.tallies] == before

    @invariant()
    def all_agrees(self):
        self.look()
        self.events_replay_to_the_state()
        self.assignments_follow_their_latest_accepted_entry()
        self.every_owed_entry_is_on_time_late_or_was_never_submitted()
        self.what_is_asked_was_handed_in_and_one_a_body_and_task()
        assert self.tallies == recounted_tallies()

    def events_replay_to_the_state(self):
        states = dict.fromkeys(self.scene.entries, "due")
        for entry, action, before, after in self.events:
            if entry:
                assert before == states[entry]
                assert (before == after) == (action in ("let_in", "signed_off", *Event.MATTERS))
                states[entry] = after
        assert states == {entry.pk: entry.state for entry in self.entries}

    def what_is_asked_was_handed_in_and_one_a_body_and_task(self):
        asked = [matter.entry for matter in Blocker.objects.open().select_related("entry")]
        assert len({entry.assignment_id for entry in asked}) == len(asked)
        assert not [entry for entry in asked if entry.state in ("due", "excused")]

    def assignments_follow_their_latest_accepted_entry(self):
        for row in self.assignments:
            accepted = [e for e in self.entries if e.assignment_id == row.pk and e.state == "accepted"]
            latest = max(accepted, key=lambda entry: entry.period.due, default=None)
            stated = self.stated.get(self.scene.assignments.index(row.pk), "")
            assert (row.latest, row.stated_status) == (latest, stated)
            if stated:
                assert row.status == stated
            else:
                assert (row.status, row.percent) == (
                    (latest.status, latest.percent) if latest else ("not_started", None)
                )
            assert row.status != "completed" or row.percent in (None, 100)
            stands = (row.light, row.light_reason, row.light_changes_on)
            assert stands == judge(row, row.task.plan, timezone.localdate())
            owns = row.task.owner_id == row.organization_id and row.part == "lead"
            assert not owns or row.task.status == row.status

    def every_owed_entry_is_on_time_late_or_was_never_submitted(self):
        for period in {entry.period for entry in self.entries}:
            owed = [e for e in self.entries if e.period == period and e.state != "excused"]
            came = [e.first_submitted_at >= period.due_end for e in owed if e.first_submitted_at]
            never = [e for e in owed if not e.first_submitted_at]
            assert {e.state for e in never} <= {"due", "draft"}
            for entry in owed:
                assert entry.first_submitted_at == next(iter(self.handed_in[entry.pk]), None)
            assert len(never) + came.count(True) + came.count(False) == len(owed)


def vars_of(rows):
    return [{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields} for row in rows]


@pytest.fixture
def scene(bodies, cast, tasks, plan):
    today, school = timezone.localdate(), bodies.school
    # The county stands in both lines, so that both are counted.
    values = {"industry": school, "industry_path": f"{school.industry_path}0001", "industry_tier": school}
    Organization.objects.filter(pk=bodies.county.pk).update(**values)
    Assignment.objects.assign([tasks[0], tasks[2]], [bodies.county], by=None, at=timezone.now() - dt.timedelta(200))
    for code, opens, due, locks in (("2026Q4", -20, -3, 18), ("2026Q3", -120, -90, -80)):
        days = {"opens": opens, "due": due, "locks": locks}
        days = {name: today + dt.timedelta(number) for name, number in days.items()}
        Period.objects.create(plan=plan, code=code, **days).open()
    both = person("both", bodies.county, Role.REPORTER)
    return SimpleNamespace(
        **vars(cast),
        county=bodies.county,
        second=person("second", bodies.county, Role.REPORTER),
        both=both,
        both_above=as_also(both, Role.REVIEWER, bodies.city),
        above=person("above", bodies.province, Role.REVIEWER),
        own=person("own", bodies.county, Role.SUPERVISOR),
        assignments=list(Assignment.objects.order_by("pk").values_list("pk", flat=True)),
        entries=list(Entry.objects.order_by("pk").values_list("pk", flat=True)),
    )


@pytest.mark.parametrize("review", ["none", "above", "own_then_above"])
def test_whatever_the_order_of_steps_the_records_agree(scene, review):
    Plan.objects.update(review=review)

    class Machine(Reporting):
        pass

    Machine.scene, Machine.review = scene, review
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # add Phase.shrink to have a failure cut down; it takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
