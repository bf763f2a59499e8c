"""The ledger's page: whose rows, which rows, in what order, and what each says."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import reports.ledger
import reports.views.ledger
from reports.ledger import SORTS
from reports.rows import NO_REPORT
from tests.conftest import person, place
from tracker.models import Assignment, Entry, Organization, Part, Task, User

from .conftest import FILE, PAGE, entry_of, in_file, on_pages, places, read_file, read_page

COUNTY = [("1.1.1", "甲县总工会"), *((f"3.2.{n}", "甲县总工会") for n in (1, 2, 3, 4))]
SISTER, OTHER = ("3.2.1", "乙县总工会"), ("3.2.1", "示例二省总工会")
CITY, SCHOOL = ("1.1.1", "示例一市总工会"), ("1.1.1", "示例一省教育工会")
OWNERLESS = [("1.1.1", ""), *((f"3.2.{n}", "") for n in (1, 2, 3, 4))]
SEEN = {
    "reporter": COUNTY,
    "leader": COUNTY,
    "reviewer": [*COUNTY, SISTER, CITY],
    "supervisor": [*COUNTY, SISTER, CITY, SCHOOL],
    "outsider": [OTHER],
    "administrator": [*COUNTY, SISTER, CITY, SCHOOL, OTHER, *OWNERLESS],
    "auditor": [*COUNTY, SISTER, CITY, SCHOOL, OTHER, *OWNERLESS],
}


def row_of(client, body, code, query=""):
    rows = read_page(client.get(f"{PAGE}?{query}"))
    (row,) = [row for row in rows if (row.task.code, row.body.name) == (code, body.name)]
    return row


# Whose rows.


@pytest.mark.parametrize("ask", [on_pages, in_file])
def test_everybody_sees_the_rows_of_their_scope_and_no_others(world, sign_in, ask):
    for name, seen in SEEN.items():
        assert sorted(places(ask(sign_in(name)))) == sorted(seen), name


@pytest.mark.parametrize("ask", [on_pages, in_file])
def test_a_period_does_not_widen_the_scope(world, sign_in, ask):
    for name, seen in SEEN.items():
        owing = [place for place in seen if place not in OWNERLESS]
        assert sorted(places(ask(sign_in(name), "period=2026Q4"))) == sorted(owing), name


@pytest.mark.parametrize("ask", [on_pages, in_file])
def test_an_industrial_union_sees_its_line_wherever_it_stands(world, bodies, client, ask):
    client.force_login(
        person("industry", bodies.union, "supervisor"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert places(ask(client)) == [SCHOOL]


def test_a_person_without_a_role_sees_nothing(world, client):
    nobody = User.objects.create_user("nobody", password="a-long-password")
    client.force_login(nobody, backend="django.contrib.auth.backends.ModelBackend")
    assert [client.get(f"/reports/18/{page}").status_code for page in ("ledger/", "ledger.csv")] == [403, 403]


def test_the_ledger_of_an_unknown_plan_is_not_found(world, sign_in):
    client = sign_in("supervisor")
    assert client.get("/reports/19/ledger/").status_code == 404
    assert client.get("/reports/19/ledger.csv").status_code == 404


def test_the_ledger_only_answers_questions(world, sign_in):
    client = sign_in("supervisor")
    assert client.post(PAGE).status_code == 405
    assert client.post(FILE).status_code == 405
    assert client.head(PAGE).status_code == 200


def test_without_signing_in_there_is_no_ledger_and_no_file(world, client):
    for address in (PAGE, FILE):
        assert client.get(address).headers["Location"].startswith("/accounts/login/")


# What a row says (rule 9).


def test_without_a_period_a_row_says_what_was_accepted_last(world, bodies, sign_in):
    row = row_of(sign_in("supervisor"), bodies.county, "3.2.1")
    assert (row.course.status, row.report.progress, row.course.state) == ("in_progress", "新建站点四个。", "accepted")
    assert (row.report.reported_by, row.report.reviewed_by, row.report.opinion) == ("填报人甲", "审核人甲", "同意")
    blocked = row_of(sign_in("supervisor"), bodies.county, "3.2.3")
    assert (blocked.course.status, blocked.course.percent, blocked.report.problems) == ("blocked", 40, "场所未定。")


def test_without_a_period_what_is_not_accepted_is_not_said(world, bodies, sign_in):
    client = sign_in("administrator")
    sister = row_of(client, bodies.sister, "3.2.1")
    assert (sister.course.status, sister.report.progress, sister.course.state, sister.entry) == (
        "not_started",
        "",
        "",
        None,
    )
    assert "待审核的话" not in client.get(PAGE).content.decode()


def test_with_a_period_what_is_not_accepted_is_blank_and_its_state_is_shown(world, bodies, sign_in):
    for name in ("reporter", "supervisor"):
        client = sign_in(name)
        for code, state in (("3.2.2", "draft"), ("3.2.4", "returned"), ("1.1.1", "due")):
            row = row_of(client, bodies.county, code, "period=2026Q4")
            assert row.course.state == state
            assert (row.course.status, row.course.status_word, row.course.percent) == ("", "", None)
            assert row.report == NO_REPORT


def test_with_a_period_a_submitted_text_waits_for_acceptance(world, bodies, sign_in):
    client = sign_in("reviewer")
    assert row_of(client, bodies.sister, "3.2.1", "period=2026Q4").course.state == "submitted"
    assert "待审核的话" not in client.get(f"{PAGE}?period=2026Q4").content.decode()


def test_an_accepted_entry_reopened_is_blank_again(world, bodies, cast, sign_in):
    entry = entry_of(bodies.county, "3.2.1", world.period)
    entry.reopen(by=cast.reviewer, version=entry.version, comment="数字有误")
    row = row_of(sign_in("supervisor"), bodies.county, "3.2.1", "period=2026Q4")
    assert (row.course.state, row.course.status, row.report.progress) == ("returned", "", "")
    assert row_of(sign_in("supervisor"), bodies.county, "3.2.1").report.progress == ""


def test_an_ended_assignment_stays_in_its_periods_and_leaves_the_present(world, bodies, cast, sign_in):
    assignment = Assignment.objects.get(organization=bodies.county, task__code="3.2.1")
    assignment.amend(by=cast.administrator, ended_on=world.near)
    client = sign_in("supervisor")
    assert ("3.2.1", "甲县总工会") in places(on_pages(client, "period=2026Q4"))
    assert ("3.2.1", "甲县总工会") not in places(on_pages(client))


def test_an_assignment_that_owes_nothing_in_a_period_is_no_row_of_it(world, bodies, cast, sign_in):
    Assignment.objects.assign(world.tasks[1:2], [bodies.sister], by=cast.administrator)  # after the period opened
    client = sign_in("supervisor")
    assert ("3.2.2", "乙县总工会") in places(on_pages(client))
    for query in ("period=2026Q4", "period=2026Q4&light=grey", "period=2026Q4&sort=-percent"):
        assert ("3.2.2", "乙县总工会") not in places(on_pages(client, query) + in_file(client, query))


def test_a_draft_opens_for_its_own_organization_alone(world, bodies, sign_in):
    draft = entry_of(bodies.county, "3.2.2", world.period).get_absolute_url()
    assert draft in sign_in("reporter").get(f"{PAGE}?period=2026Q4").content.decode()
    supervised = sign_in("supervisor").get(f"{PAGE}?period=2026Q4").content.decode()
    assert draft not in supervised
    assert "草稿里的话" not in supervised
    assert entry_of(bodies.county, "3.2.1", world.period).get_absolute_url() in supervised


def test_the_wording_is_set_whole_and_what_people_write_is_escaped(world, bodies, sign_in):
    long = "加强" * 300 + "<b>&"
    Task.objects.filter(pk=world.first.pk).update(wording=long)
    Entry.objects.filter(pk=entry_of(bodies.county, "3.2.1", world.period).pk).update(
        progress="<script>alert(1)</script>"
    )
    page = sign_in("supervisor").get(PAGE).content.decode()
    assert "加强" * 300 + "&lt;b&gt;&amp;" in page
    assert "<script>alert" not in page


# Tasks without an owner (rule 4).


def test_tasks_without_an_owner_come_first_with_their_own_status(world, cast, sign_in):
    world.tasks[1].state_status("in_progress", "已部署", by=cast.administrator)
    rows = read_page(sign_in("administrator").get(PAGE))
    assert [row.system_number for row in rows[:5]] == [f"T{task.pk}" for task in (world.first, *world.tasks)]
    assert [row.course.status for row in rows[:5]] == [
        "not_started",
        "not_started",
        "in_progress",
        "not_started",
        "not_started",
    ]
    assert all(not row.system_number.startswith("T") for row in rows[5:])


def test_a_task_whose_owner_is_named_is_no_row_of_its_own(world, bodies, cast, sign_in):
    world.tasks[0].name_owner(bodies.county, by=cast.administrator)
    rows = on_pages(sign_in("administrator"))
    assert ("3.2.1", "") not in places(rows)
    assert ("3.2.2", "") in places(rows)


def test_a_condition_on_bodies_or_entries_leaves_tasks_without_an_owner_out(world, sign_in):
    client = sign_in("administrator")
    for query in ("organization=0", "line=territorial", "below=no", "period=2026Q4", "light=grey"):
        assert not [row for row in on_pages(client, query) if row[0].startswith("T")], query


# Pages.


@pytest.mark.parametrize("large", [False, True])
def test_pages_cut_every_order_without_loss(world, sign_in, monkeypatch, large):
    if large:  # as in a ledger too large to sort whole
        monkeypatch.setattr(reports.ledger, "SORTED_AT_ONCE", 0)
    client = sign_in("administrator")
    for sort in [sign + name for name in SORTS for sign in ("", "-")]:
        query = f"sort={sort}&period=2026Q4"
        whole = on_pages(client, query, per_page=200)
        assert len(whole) == len(set(whole)) == 9, sort
        assert on_pages(client, query, per_page=2) == whole, sort
        assert in_file(client, query) == whole, sort


def test_a_large_ledger_has_the_order_of_a_small_one(world, sign_in, monkeypatch):
    client = sign_in("administrator")
    small = {sort: on_pages(client, f"sort={sort}") for sort in ("code", "-code")}
    monkeypatch.setattr(reports.ledger, "SORTED_AT_ONCE", 0)
    assert {sort: on_pages(client, f"sort={sort}") for sort in ("code", "-code")} == small


def test_the_order_of_the_plan_is_task_then_place_in_the_tree(world, sign_in):
    assert places(on_pages(sign_in("supervisor"))) == [
        ("1.1.1", "示例一市总工会"),
        ("1.1.1", "甲县总工会"),
        ("1.1.1", "示例一省教育工会"),
        ("3.2.1", "甲县总工会"),
        ("3.2.1", "乙县总工会"),
        ("3.2.2", "甲县总工会"),
        ("3.2.3", "甲县总工会"),
        ("3.2.4", "甲县总工会"),
    ]


def test_lights_sort_worst_first_and_blanks_stand_last(world, sign_in):
    client = sign_in("reporter")
    assert read_page(client.get(f"{PAGE}?sort=light"))[0].course.light == "red"
    for sort in ("percent", "-percent", "due", "-due"):
        rows = read_page(client.get(f"{PAGE}?sort={sort}"))
        assert (rows[-1].course.percent if "percent" in sort else rows[-1].course.due[:1].isdigit()) in (None, False)


def test_fifty_rows_a_page_and_at_most_two_hundred(world, sign_in, monkeypatch):
    client = sign_in("supervisor")
    assert (reports.views.ledger.PER_PAGE, reports.views.ledger.MOST_PER_PAGE) == (50, 200)
    monkeypatch.setattr(reports.views.ledger, "MOST_PER_PAGE", 3)
    assert len(read_page(client.get(f"{PAGE}?per_page=1000000"))) == 3


def test_a_page_says_which_rows_it_holds_and_links_its_neighbours(world, sign_in):
    response = sign_in("supervisor").get(f"{PAGE}?per_page=3&page=2&area=3")
    page = response.context["page"]
    assert (page.first_row, page.last_row, page.number, page.last, response.context["found"]) == (4, 5, 2, 2, 5)
    html = response.content.decode()
    assert 'rel="prev" href="?per_page=3&amp;page=1&amp;area=3"' in html
    assert 'rel="next"' not in html


def test_above_the_limit_rows_are_neither_counted_nor_paged_but_the_file_has_them(world, sign_in, monkeypatch):
    monkeypatch.setattr(reports.ledger, "COUNTED", 4)
    monkeypatch.setattr(reports.views.ledger, "COUNTED", 4)
    client = sign_in("supervisor")
    with CaptureQueriesContext(connection) as queries:
        response = client.get(f"{PAGE}?per_page=3&page=99&sort=due")
    assert [query for query in queries.captured_queries if "COUNT(*)" in query["sql"] and "LIMIT 5)" in query["sql"]]
    assert not response.context["all_counted"]
    assert response.context["page"].number == 2
    assert len(in_file(client)) == 8


@pytest.mark.parametrize("name", ["supervisor", "reviewer"])
def test_a_page_asks_as_many_queries_of_4500_assignments_as_of_450(bodies, tasks, period, cast, sign_in, name):
    for number in range(100):
        place(f"9{number:03}", f"第{number}区总工会", "county", bodies.city)
    below, heading, client, asked = Organization.objects.filter(parent=bodies.city), tasks[0].heading, sign_in(name), []
    more = [{"code": f"3.2.{n}", "position": 30200 + n, "wording": f"举措{n}"} for n in range(5, 45)]
    more = [Task(plan=heading.area.plan, heading=heading, due=period.plan.due, **values) for values in more]
    Task.objects.bulk_create(more)
    period.open()
    for wave in (tasks, more):
        Assignment.objects.assign(wave, below, by=cast.administrator, owe_now=True)
        for query in ("", "period=2026Q4", "words=举措&light=grey&organization=11"):
            with CaptureQueriesContext(connection) as queries:
                response = client.get(f"{PAGE}?{query}")
            assert len(read_page(response)) == 50
            asked.append(len(queries))
    assert response.context["found"] > 4000
    assert asked[:3] == asked[3:]
    assert max(asked) <= 16, [query["sql"] for query in queries]


def test_cooperating_bodies_are_those_beside_the_row(world, bodies, cast, sign_in):
    Assignment.objects.get(organization=bodies.sister, task__code="3.2.1").take_part(Part.COOPERATING)
    rows = read_file(sign_in("administrator").get(f"{FILE}?task=3.2.1"))
    beside = {row["organization"]: row["cooperating"] for row in rows if row["organization"]}
    assert beside == {"甲县总工会": "乙县总工会", "乙县总工会": "乙县总工会", "示例二省总工会": ""}
