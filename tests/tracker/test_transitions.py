import pytest
from django.core.exceptions import ValidationError

from tracker.models import Assignment, AssignmentTally, Entry, EntryTally, Event, TransitionRefused


def tally(entry, line="territorial"):
    return EntryTally.objects.get(
        line=line, tier=entry.assignment.organization.tier, period=entry.period, set_aside=False
    )


def test_an_entry_goes_from_due_to_accepted_and_the_assignment_follows(owed, cast, content):
    entry = owed["3.2.1"]
    entry.save_draft(by=cast.reporter, version=1, **content)
    entry.submit(by=cast.reporter, version=2, **content)
    entry = Entry.objects.for_transition().get(pk=entry.pk)
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
        "drafted", "submitted", "accepted",
    ]  # fmt: skip


def test_the_second_of_two_writers_is_told_and_nothing_changes(owed, cast, content):
    entry = owed["3.2.1"]
    other = Entry.objects.for_transition().get(pk=entry.pk)
    entry.save_draft(by=cast.reporter, version=1, **content)
    with pytest.raises(TransitionRefused) as refused:
        other.save_draft(by=cast.reporter, version=1, **content | {"progress": "另一份"})
    assert refused.value.code == "stale"
    assert Entry.objects.get(pk=entry.pk).progress == content["progress"]


def test_a_reviewer_returns_with_a_reason_and_not_without(owed, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    with pytest.raises(ValidationError):
        entry.return_(by=cast.reviewer, version=2, comment="  ")
    entry.return_(by=cast.reviewer, version=2, comment="请补充站点数")
    assert Entry.objects.get(pk=entry.pk).state == "returned"
    assert Entry.objects.get(pk=entry.pk).comment == "请补充站点数"
