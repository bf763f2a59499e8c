"""汇总: what the bodies directly below had accepted on the same task, beside one's own entry."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.refusals import as_also
from tracker.models import Assignment, Entry, FigureValue, Period, Role

STATES = ["due", "draft", "submitted", "returned", "accepted", "excused"]


def put(entry, state, progress):
    """As it would stand in a state, without walking there."""
    now = timezone.now()
    values = {"status": "in_progress", "first_submitted_at": now, "submitted_at": now}
    Entry.objects.filter(pk=entry.pk).update(state=state, progress=progress, **values)


@pytest.fixture
def everywhere(bodies, cast, tasks, period):
    """Everybody owes 3.2.1 and 3.2.2; everything is accepted, and says whose it is."""
    Assignment.objects.assign(tasks[:2], type(bodies.city).objects.all(), by=None)
    period.open()
    for entry in Entry.objects.select_related("assignment__organization", "assignment__task"):
        put(entry, "accepted", f"{entry.assignment.organization.code} 的 {entry.assignment.task.code} 进展")
    cast.city_reporter = person("cr", bodies.city, Role.REPORTER)
    cast.city_leader = person("cl", bodies.city, Role.LEADER)
    cast.province_reporter = person("pr", bodies.province, Role.REPORTER)
    cast.union_reporter = person("ur", bodies.union, Role.REPORTER)
    return {
        (entry.assignment.organization.code, entry.assignment.task.code): entry
        for entry in Entry.objects.for_transition()
    }


def quoted(user, entry):
    return sorted(Entry.objects.quotable_by(user, entry).values_list("assignment__organization__code", flat=True))


def test_the_children_s_accepted_entries_of_the_same_task_and_period(everywhere, cast):
    found = Entry.objects.quotable_by(cast.city_reporter, everywhere["11", "3.2.1"])
    assert {entry.assignment.task.code for entry in found} == {"3.2.1"}
    assert quoted(cast.city_reporter, everywhere["11", "3.2.1"]) == ["111", "112"]


def test_no_grandchildren_and_nobody_beside(everywhere, cast):
    assert quoted(cast.province_reporter, everywhere["1", "3.2.1"]) == ["11", "113"]


def test_children_by_either_line_each_once(everywhere, cast, bodies):
    assert quoted(cast.union_reporter, everywhere["U", "3.2.1"]) == ["113"]
    type(bodies.school).objects.filter(pk=bodies.school.pk).update(industry=bodies.province)
    assert quoted(cast.province_reporter, everywhere["1", "3.2.1"]) == ["11", "113"]


def test_not_of_another_period(everywhere, cast, plan, period):
    days = {name: period.locks + dt.timedelta(n) for n, name in enumerate(("opens", "due", "locks"), start=1)}
    later = Period.objects.create(plan=plan, code="2027Q1", **days)
    later.open()
    entry = Entry.objects.for_transition().get(period=later, assignment=everywhere["11", "3.2.1"].assignment)
    assert quoted(cast.city_reporter, entry) == []


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_accepted_and_never_a_draft(everywhere, cast, state):
    put(everywhere["111", "3.2.1"], state, "别人的话")
    want = ["111", "112"] if state == "accepted" else ["112"]
    assert quoted(cast.city_reporter, everywhere["11", "3.2.1"]) == want
    counts = Entry.objects.beneath(everywhere["11", "3.2.1"], cast.city_reporter).reported()
    owed = {"owed": 1 if state == "excused" else 2, "accepted": len(want), "submitted": int(state == "submitted")}
    assert counts == owed


def test_who_logs_or_signs_off_the_entry_may_quote_and_the_others_see_their_scope(everywhere, cast, bodies):
    entry = everywhere["11", "3.2.1"]
    assert quoted(cast.city_leader, entry) == ["111", "112"]
    assert quoted(cast.supervisor, entry) == ["111", "112"]
    assert quoted(cast.reporter, entry) == quoted(cast.leader, entry) == ["111"]
    assert quoted(cast.outsider, entry) == quoted(cast.province_reporter, entry) == []
    auditor = person("ca", bodies.sister, Role.AUDITOR)
    assert quoted(auditor, entry) == ["112"]


def test_somebody_acting_in_another_role_there_quotes_nothing(everywhere, cast, bodies):
    elsewhere = as_also(cast.city_reporter, Role.REPORTER, bodies.other)
    assert quoted(elsewhere, everywhere["11", "3.2.1"]) == []


def test_on_behalf_of_a_body_one_quotes_what_lies_below_it(everywhere, cast, bodies):
    """The city has no reporter: the province's reports for it, and reads what the counties say."""
    type(cast.city_reporter).objects.filter(pk=cast.city_reporter.pk).update(is_active=False)
    assert quoted(cast.province_reporter, everywhere["11", "3.2.1"]) == ["111", "112"]


# The page.


@pytest.fixture
def page(client, everywhere, cast):
    def open_(user, entry, query=""):
        client.force_login(user)
        answer = client.get(reverse("entry", args=[entry.pk]) + query)
        assert answer.status_code == 200
        return answer.content.decode()

    return open_


def test_the_page_has_a_block_for_each_child_and_a_button_where_one_writes(page, everywhere, cast):
    entry = everywhere["11", "3.2.1"]
    Entry.objects.filter(pk=entry.pk).update(state="draft")
    put(everywhere["112", "3.2.1"], "submitted", "还没审的话")
    text = page(cast.city_reporter, entry)
    assert "111 的 3.2.1 进展" in text
    assert "还没审的话" not in text
    assert "1 / 2" in text
    assert text.count("data-quote=") == 1
    assert "quote.js" in text
    assert "甲县总工会" in text


def test_who_does_not_write_reads_without_buttons(page, everywhere, cast):
    text = page(cast.city_leader, everywhere["11", "3.2.1"])
    assert "111 的 3.2.1 进展" in text
    assert "data-quote=" not in text
    assert "quote.js" not in text


def test_a_link_stands_only_where_it_opens(page, everywhere, cast):
    address = reverse("entry", args=[everywhere["111", "3.2.1"].pk])
    assert address not in page(cast.city_reporter, everywhere["11", "3.2.1"])
    assert address in page(cast.supervisor, everywhere["11", "3.2.1"])


def test_a_body_with_nothing_below_has_no_such_section(page, everywhere, cast):
    assert 'class="fold quotes"' not in page(cast.reporter, everywhere["111", "3.2.1"])


def test_none_accepted_yet_is_said(page, everywhere, cast):
    for code in ("111", "112"):
        put(everywhere[code, "3.2.1"], "due", "")
    assert "0 / 2" in page(cast.city_reporter, everywhere["11", "3.2.1"])


def test_many_children_are_paged_and_asked_for_in_as_many_queries(
    page, client, everywhere, cast, bodies, tasks, period
):
    entry = everywhere["11", "3.2.1"]

    def asked(query=""):
        page(cast.city_reporter, entry, query)
        with CaptureQueriesContext(connection) as queries:
            text = page(cast.city_reporter, entry, query)
        return len(queries), text

    few, _text = asked()
    for n in range(60):
        place(f"8{n:03}", f"示例{n}县总工会", "county", bodies.city)
    more = type(bodies.city).objects.filter(code__startswith="8")
    Assignment.objects.assign(tasks[:1], more, by=None, owe_now=True)
    for new in Entry.objects.filter(assignment__organization__in=more):
        put(new, "accepted", "新进展。")
    many, text = asked()
    assert many == few
    assert text.count('class="quote"') == 50
    assert "62 / 62" in text
    assert "page=2" in text
    _count, second = asked("?page=2")
    assert second.count('class="quote"') == 12
    for wrong in ("?page=x", "?page=-1", "?page=99999999999999999999", "?page=%00"):
        assert 'class="quote"' in page(cast.city_reporter, entry, wrong)


def test_figures_come_to_a_sum_beside_the_texts(bodies, cast, tasks, period, sign_in):
    figure = tasks[2].figures.get()
    Assignment.objects.assign(tasks[2:3], [bodies.city, bodies.county, bodies.sister], by=None)
    period.open()
    entries = {entry.assignment.organization.code: entry for entry in Entry.objects.for_transition()}
    for code, value in (("111", 3), ("112", 4)):
        put(entries[code], "accepted", "已建成。")
        FigureValue.objects.create(entry=entries[code], figure=figure, value=value)
    FigureValue.objects.create(entry=entries["11"], figure=figure, value=100)  # one's own is not from below
    person("cr", bodies.city, Role.REPORTER)
    client = sign_in("reviewer")
    shown = client.get(reverse("entry", args=[entries["11"].pk])).context["sums"]
    assert [(name.name, int(total.value), total.bodies) for name, total in shown] == [("示范点", 7, 2)]
    put(entries["112"], "submitted", "待审核。")
    shown = client.get(reverse("entry", args=[entries["11"].pk])).context["sums"]
    assert [(int(total.value), total.bodies) for _name, total in shown] == [(3, 1)]
