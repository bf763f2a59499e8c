"""The plainest use works alone: one organization, no review, no cascade. What is added on top can be left off."""

import pytest
from django.utils import timezone

from tests.conftest import person, place
from tracker.models import Assignment, AssignmentTally, Entry, EntryTally, Event, Plan, Role, Task

from .refusals import recounted_tallies, standing_tallies


@pytest.fixture
def alone(db):
    return place("0", "某市总工会", "national")


@pytest.fixture
def clerk(alone):
    return person("clerk", alone, Role.REPORTER)


@pytest.fixture
def office(alone):
    return person("office", alone, Role.ADMINISTRATOR)


@pytest.fixture
def unreviewed(plan, tasks):
    Plan.objects.update(review="none")
    return list(Task.objects.order_by("position"))


def test_a_task_without_an_owner_is_a_row_with_a_status_of_its_own(unreviewed, office):
    unreviewed[0].state_status("in_progress", "已部署", by=office)
    assert Task.objects.without_owner().count() == 4
    assert list(Task.objects.order_by("position").values_list("status", flat=True)) == [
        "in_progress",
        "not_started",
        "not_started",
        "not_started",
    ]


def test_one_organization_names_itself_opens_a_period_logs_and_is_done(unreviewed, alone, clerk, office, period):
    for task in unreviewed:
        task.name_owner(alone, by=office)
    unreviewed[0].state_status("blocked", "待协调", by=office)
    assert period.open() == 4
    entry = Entry.objects.for_transition().get(assignment__task=unreviewed[0])
    assert Entry.objects.editable_by(clerk).count() == 4
    entry.save_draft(by=clerk, version=1, progress="进行中")
    entry.submit(by=clerk, version=2, status="completed", progress="全部建成。")
    assert (entry.state, entry.decided_by) == ("accepted", clerk)
    assert Task.objects.get(pk=unreviewed[0].pk).status == "completed"
    assignment = Assignment.objects.get(task=unreviewed[0])
    assert (assignment.status, assignment.light, assignment.reviewing) == ("completed", "blue", None)
    totals = EntryTally.totals(period, alone)
    assert (totals["owed"], totals["accepted"], totals["on_time"]) == (4, 1, 1)
    assert AssignmentTally.totals(alone)["completed"] == 1
    assert standing_tallies() == recounted_tallies()


def test_the_one_who_logged_corrects_it_alone(unreviewed, alone, clerk, office, period):
    unreviewed[0].name_owner(alone, by=office)
    period.open()
    entry = Entry.objects.for_transition().get()
    entry.submit(by=clerk, version=1, status="completed", progress="全部建成。")
    entry.reopen(by=clerk, version=3, comment="一处未验收")
    entry.submit(by=clerk, version=4, status="in_progress", progress="余一处待验收。")
    assert Task.objects.get(pk=unreviewed[0].pk).status == "in_progress"
    assert list(Event.objects.filter(entry=entry).order_by("pk").values_list("action", flat=True)) == [
        "submitted",
        "accepted",
        "reopened",
        "submitted",
        "accepted",
    ]


def test_nobody_else_is_needed_and_nothing_waits_for_anybody(unreviewed, alone, clerk, office, period):
    leader, reviewer = person("leader", alone, Role.LEADER), person("reviewer", alone, Role.REVIEWER)
    Assignment.objects.assign(unreviewed, [alone], by=office)
    period.open()
    for entry in Entry.objects.for_transition():
        entry.submit(by=clerk, version=1, status="in_progress", no_change=True, at=timezone.now())
    assert set(Entry.objects.values_list("state", flat=True)) == {"accepted"}
    for user in (leader, reviewer, clerk, office):
        assert not Entry.objects.reviewable_by(user).exists()
