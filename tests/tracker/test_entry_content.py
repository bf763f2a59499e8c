"""What an entry may hold, and what must be there to hand it in (rules 4 and 10). Each refusal names its field."""

import pytest

from tracker.models import Assignment, Entry

from .refusals import fresh, invalid


def test_what_cannot_be_stored_is_refused_and_named_by_field(owed, cast, content):
    entry = owed["3.2.1"]
    for field in Entry.TEXTS:
        for text in ("一\x00二", "一\ud800二", "一\udfff", "长" * 20_001):
            for step in (entry.save_draft, entry.submit):
                with invalid(entry, field):
                    step(by=cast.reporter, version=1, **content | {field: text})
        assert getattr(entry, field) == ""


def test_20000_characters_and_characters_beyond_the_basic_plane_are_taken(owed, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content | {"progress": "𠮷" * 20_000})
    assert fresh(entry).progress == "𠮷" * 20_000


def test_several_faults_are_named_together(owed, cast):
    entry = owed["3.2.4"]
    with invalid(entry, "status", "percent", "progress", "problems"):
        entry.submit(by=cast.reporter, version=1, status="", percent=101, progress="一", problems="二\x00")


def test_a_percentage_outside_0_to_100_is_refused(owed, cast, content):
    entry = owed["3.2.3"]
    for percent in (-1, 101, 40_000, 10**30, "abc"):
        for step in (entry.save_draft, entry.submit):
            with invalid(entry, "percent"):
                step(by=cast.reporter, version=1, **content | {"percent": percent})


@pytest.mark.parametrize("percent", [0, 100, None])
def test_a_percentage_is_asked_for_and_may_be_left_empty(owed, cast, content, percent):
    owed["3.2.3"].submit(by=cast.reporter, version=1, **content | {"percent": percent})
    assert fresh(owed["3.2.3"]).percent == percent


def test_a_percentage_is_refused_where_nothing_measures_it(owed, cast):
    for code in ("3.2.1", "3.2.2", "3.2.4"):
        with invalid(owed[code], "percent"):
            owed[code].submit(by=cast.reporter, version=1, status="not_started", percent=10)


def test_completed_at_40_percent_is_refused_and_at_100_taken(owed, cast, content):
    entry = owed["3.2.3"]
    with invalid(entry, "percent"):
        entry.submit(by=cast.reporter, version=1, **content | {"status": "completed", "percent": 40})
    entry.submit(by=cast.reporter, version=1, **content | {"status": "completed", "percent": 100})
    entry.accept(by=cast.reviewer, version=2)
    assignment = Assignment.objects.get(pk=entry.assignment_id)
    assert (assignment.status, assignment.percent, assignment.light) == ("completed", 100, "blue")


def test_a_standing_duty_is_never_reported_completed(owed, cast, content):
    with invalid(owed["3.2.2"], "status"):
        owed["3.2.2"].submit(by=cast.reporter, version=1, **content | {"status": "completed"})


def test_a_task_of_status_only_takes_a_status_and_no_texts(owed, cast):
    entry = owed["3.2.4"]
    for field in Entry.TEXTS:
        with invalid(entry, field):
            entry.submit(by=cast.reporter, version=1, status="in_progress", **{field: "新建站点四个。"})
    entry.submit(by=cast.reporter, version=1, status="in_progress")


def test_what_is_missing_is_named_at_submission(owed, cast):
    entry = owed["3.2.1"]
    for content, fields in (
        ({}, ["status"]),
        ({"status": "done"}, ["status"]),
        ({"status": "in_progress", "progress": " \n"}, ["progress"]),
        ({"status": "completed"}, ["progress"]),
        ({"status": "blocked"}, ["progress", "problems", "need", "need_by"]),
        ({"no_change": True}, ["status"]),
    ):
        with invalid(entry, *fields):
            entry.submit(by=cast.reporter, version=1, **content)


@pytest.mark.parametrize("content", [{"status": "not_started"}, {"status": "in_progress", "no_change": True}])
def test_not_started_and_no_change_need_no_texts(owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    assert fresh(owed["3.2.1"]).state == "submitted"


def test_a_draft_may_be_incomplete(owed, cast):
    owed["3.2.3"].save_draft(by=cast.reporter, version=1, status="completed", percent=40, progress="一半")
    assert fresh(owed["3.2.3"]).state == "draft"
