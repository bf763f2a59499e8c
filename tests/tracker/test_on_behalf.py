"""Reporting on behalf (代报): of a body directly below that has no reporter, and of nobody else."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.refusals import as_also, fresh, refused
from tracker.models import Assignment, Entry, Event, Role, User


@pytest.fixture
def writer(bodies):
    return person("writer", bodies.city, Role.REPORTER, name="张三")


@pytest.fixture
def theirs(owed, bodies):
    """The sister's entry: nobody reports there."""
    return Entry.objects.for_transition().get(assignment__organization=bodies.sister)


@pytest.fixture
def reported(theirs, writer, content):
    theirs.submit(by=writer, version=1, **content)
    return fresh(theirs)


def test_the_parent_s_reporter_writes_for_a_body_without_one(theirs, writer, bodies, content):
    theirs.save_draft(by=writer, version=1, **content)
    assert theirs.proxy is None
    theirs.submit(by=writer, version=2, **content)
    told = fresh(theirs)
    assert (told.submitted_by, told.proxy, told.assignment.organization) == (writer, bodies.city, bodies.sister)
    event = Event.objects.filter(entry=theirs, action="submitted").get()
    assert (event.by, event.acting_organization, event.acting_role) == (writer, bodies.city, "reporter")
    assert event.on_behalf


def test_one_s_own_entry_names_no_proxy(owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    assert fresh(owed["3.2.1"]).proxy is None
    assert not Event.objects.filter(entry=owed["3.2.1"]).get().on_behalf


def test_withdrawing_takes_the_proxy_away(reported, writer):
    reported.withdraw(by=writer, version=2)
    assert (fresh(reported).proxy, fresh(reported).submitted_by) == (None, None)


def test_by_the_industrial_line_too(bodies, tasks, cast, period, content):
    Assignment.objects.assign(tasks[:1], [bodies.school], by=None)
    period.open()
    entry = Entry.objects.for_transition().get(assignment__organization=bodies.school)
    writer = person("union-writer", bodies.union, Role.REPORTER)
    entry.submit(by=writer, version=1, **content)
    assert fresh(entry).proxy == bodies.union


def test_a_body_with_a_reporter_reports_for_itself(theirs, writer, bodies, content):
    mine = person("mine", bodies.sister, Role.REPORTER)
    with refused(theirs, "not_yours"):
        theirs.submit(by=writer, version=1, **content)
    assert not Entry.objects.visible_to(writer).filter(pk=theirs.pk).exists()
    User.objects.filter(pk=mine.pk).update(is_active=False)  # a closed account reports nothing
    theirs.submit(by=writer, version=1, **content)


@pytest.mark.parametrize("where", ["province", "nation", "other", "union", "county"])
def test_nobody_further_up_or_aside_writes_for_it(theirs, bodies, content, where):
    with refused(theirs, "not_yours"):
        theirs.submit(by=person("far", getattr(bodies, where), Role.REPORTER), version=1, **content)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REPORTER])
def test_no_other_role_of_the_parent_writes_for_it(theirs, bodies, content, role):
    by = person("other-role", bodies.city, role)
    with refused(theirs, "not_yours"):
        theirs.submit(by=by, version=1, **content)
    assert not Entry.objects.on_behalf_by(by).exists()


def test_a_closed_body_is_not_written_for(theirs, writer, bodies, content):
    bodies.sister.closed_on = timezone.localdate()
    bodies.sister.save()
    with refused(theirs, "not_yours"):
        theirs.submit(by=writer, version=1, **content)


def test_the_writer_does_not_accept_it_and_a_colleague_does(reported, writer, cast, bodies):
    with refused(reported, "own"):
        reported.accept(by=as_also(writer, Role.REVIEWER, bodies.city), version=2)
    reported.accept(by=cast.reviewer, version=2)
    assert fresh(reported).state == "accepted"


def test_both_names_stand_where_the_author_is_shown(reported, sign_in, writer, cast, client, bodies):
    shown = "张三（示例一市总工会代报）"
    reviewer = sign_in("reviewer")
    assert shown in reviewer.get("/review/").content.decode()
    page = reviewer.get(reported.get_absolute_url()).content.decode()
    assert shown in page
    assert "示例一市总工会代报" in page[page.index('class="told"') :]
    reported.accept(by=cast.reviewer, version=2)
    assert shown in sign_in("supervisor").get("/reports/18/ledger.csv?period=2026Q4").getvalue().decode()
    assert shown in sign_in("administrator").get(f"/admin/tracker/entry/{reported.pk}/change/").content.decode()


def test_the_first_page_counts_what_can_be_reported_on_behalf(theirs, writer, client, bodies, content, cast):
    client.force_login(writer)
    page = client.get("/")
    assert page.context["behalf"] == 1
    assert "/entries/on-behalf/" in page.content.decode()
    listed = client.get("/entries/on-behalf/")
    assert listed.context["found"] == 1
    assert "乙县总工会" in listed.content.decode()
    entry = client.get(theirs.get_absolute_url())
    assert entry.context["form"]
    assert "乙县总工会" in entry.context["behalf"].name
    answer = client.post(theirs.get_absolute_url(), content | {"version": 1, "action": "submit"})
    assert answer.headers["Location"] == "/entries/on-behalf/"
    assert client.get("/").context["behalf"] == 0
    assert client.get("/entries/on-behalf/").context["found"] == 0


@pytest.mark.parametrize("name", ["reporter", "reviewer", "supervisor", "administrator", "outsider"])
def test_whoever_writes_for_nobody_finds_the_list_empty(sign_in, owed, name):
    page = sign_in(name).get("/entries/on-behalf/")
    assert (page.status_code, page.context["found"]) == (200, 0)
    assert page.content.decode().count("empty") == 1


def test_the_list_asks_as_many_queries_of_ten_times_the_bodies(theirs, writer, client, bodies, tasks, period):
    client.force_login(writer)

    def grow(first, count):
        made = [
            place(f"8{number:03}", f"示例{number}县", "county", bodies.city) for number in range(first, first + count)
        ]
        Assignment.objects.assign(tasks, made, by=None, owe_now=True)

    def asked(page):
        client.get(page)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page).status_code == 200
        return len(queries)

    pages = ["/", "/entries/on-behalf/", "/entries/on-behalf/?sort=-organization&page=2&per_page=20"]
    grow(0, 4)
    few = [asked(page) for page in pages]
    grow(4, 40)
    assert [asked(page) for page in pages] == few
    assert client.get("/").context["behalf"] == 1 + 44 * 4


@pytest.mark.parametrize("query", ["?page=x", "?per_page=-1", "?sort=nothing", "?per_page=99999999999", "?page=%00"])
def test_a_wrong_query_is_answered_with_the_list(theirs, writer, client, query):
    client.force_login(writer)
    assert client.get("/entries/on-behalf/" + query).status_code == 200


def test_the_body_s_first_reporter_takes_the_draft_over(theirs, writer, bodies, content):
    theirs.save_draft(by=writer, version=1, **content)
    mine = person("mine", bodies.sister, Role.REPORTER)
    assert Entry.objects.editable_by(mine).filter(pk=theirs.pk).exists()
    assert not Entry.objects.visible_to(writer).filter(pk=theirs.pk).exists()
