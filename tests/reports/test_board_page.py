"""The deadline board's page: whom it shows, what it does not understand, its order and pages, and urging from it."""

import datetime as dt
from itertools import product

import pytest
from django.utils import timezone

from reports.board import MOST, shares
from reports.viewed import period_now
from tests.conftest import person, place
from tracker.models import Entry, Nudge, Organization, Period, Role

URL = "/reports/18/board/"


@pytest.fixture
def filed(owed, cast, content):
    """Of the county's four: one awaiting review, one accepted, one returned and being rewritten, one a draft."""
    for code in ("3.2.1", "3.2.2", "3.2.3"):
        owed[code].submit(by=cast.reporter, version=1, **content)
    owed["3.2.2"].accept(by=cast.reviewer, version=2)
    owed["3.2.3"].return_(by=cast.reviewer, version=2, comment="请补充")
    owed["3.2.3"].save_draft(by=cast.reporter, version=3, **content)
    owed["3.2.4"].save_draft(by=cast.reporter, version=1, status="in_progress")
    return owed


def rows_of(page):
    """(kind, code, numbers as they stand in the table) of every line."""
    return [(row.kind, row.body.code, [number.n for number in row.numbers]) for row in page.context["board"].lines]


def codes(page):
    return [row.body.code for row in page.context["board"].rows]


# Who sees what.


def test_a_supervisor_sees_every_body_directly_below_with_all_below_it(filed, sign_in):
    page = sign_in("supervisor").get(URL)
    #          owed reported waiting accepted returned missing on_time late no_change
    county = [5, 2, 1, 1, 1, 2, 3, 0, 0]
    none = [0] * 9
    assert rows_of(page) == [
        ("total", "1", county),
        ("own", "1", none),
        ("below", "11", county),
        ("below", "113", none),
    ]
    assert page.context["board"].total.bar == [60, 0, 40]
    html = page.content.decode()
    assert "<h1>报送情况</h1>" in html
    assert "示例一市总工会" in html


def test_a_draft_counts_as_missing_and_what_is_rewritten_after_its_return_as_returned(filed, sign_in):
    board = sign_in("supervisor").get(URL + "?organization=111").context["board"]
    sums = board.own.sums
    assert (sums["owed"], sums["never"], sums["returned"]) == (4, 1, 1)
    assert set(Entry.objects.filter(state="draft")) == {filed["3.2.3"], filed["3.2.4"]}


def test_a_reviewer_sees_those_it_reviews_each_alone_and_a_reporter_its_own_body(filed, sign_in):
    assert rows_of(sign_in("reviewer").get(URL)) == [
        ("total", "11", [5, 2, 1, 1, 1, 2, 3, 0, 0]),
        ("own", "11", [0] * 9),
        ("below", "111", [4, 2, 1, 1, 1, 1, 3, 0, 0]),
        ("below", "112", [1, 0, 0, 0, 0, 1, 0, 0, 0]),
    ]
    assert rows_of(sign_in("reporter").get(URL)) == [("own", "111", [4, 2, 1, 1, 1, 1, 3, 0, 0])]


def test_the_name_leads_one_level_down_and_the_breadcrumb_up_again(filed, sign_in):
    client = sign_in("supervisor")
    assert "?organization=11&amp;line=territorial" in client.get(URL).content.decode()
    page = client.get(URL + "?organization=11&line=territorial&sort=missing")
    assert codes(page) == ["111", "112"]
    html = page.content.decode()
    assert f'<a href="?organization=1&amp;line=territorial&amp;sort=missing">{page.context["crumbs"][0]}</a>' in html
    deeper = client.get(URL + "?organization=111").context
    assert [body.code for body in deeper["crumbs"]] == ["1", "11"]
    assert sign_in("reporter").get(URL).context["crumbs"] == []


def test_a_body_in_both_lines_is_shown_in_the_one_its_viewer_stands_above(filed, bodies, sign_in, client):
    assert codes(sign_in("administrator").get(URL)) == ["1", "2", "U"]
    assert codes(client.get(URL + "?line=industrial")) == ["U"]
    assert "按产业系统查看" in client.get(URL).content.decode()
    assert codes(client.get(URL + "?organization=U&line=industrial")) == ["113"]
    # The province stands above the school by territory alone, so it is not counted by the other line there.
    wrong = sign_in("supervisor").get(URL + "?organization=113&line=industrial")
    assert wrong.context["board"] is None
    client.force_login(person("union", bodies.union, Role.SUPERVISOR))
    assert codes(client.get(URL)) == ["113"]


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("supervisor", "1", 200),
        ("supervisor", "113", 200),
        ("supervisor", "0", 404),
        ("supervisor", "2", 404),
        ("supervisor", "nowhere", 404),
        ("supervisor", "1%00", 404),
        ("supervisor", "%ED%A0%80", 404),
        ("reviewer", "112", 200),
        ("reviewer", "1", 404),
        ("reporter", "112", 404),
        ("outsider", "111", 404),
    ],
)
def test_what_is_out_of_scope_is_not_found(filed, sign_in, name, code, status):
    assert sign_in(name).get(f"{URL}?organization={code}").status_code == status


def test_a_closed_body_is_listed_as_long_as_it_may_have_owed(filed, bodies, sign_in):
    client = sign_in("supervisor")
    today = timezone.localdate()
    Organization.objects.filter(pk=bodies.sister.pk).update(closed_on=today)
    page = client.get(URL + "?organization=11")
    assert codes(page) == ["111", "112"]
    assert "已撤销" in page.content.decode()
    Organization.objects.filter(pk=bodies.sister.pk).update(closed_on=today - dt.timedelta(1))
    assert codes(client.get(URL + "?organization=11")) == ["111"]


# What it can be asked.


@pytest.mark.parametrize("query", ["period=2099Q1", "period=%00", "line=diagonal", "sort=colour", "show=%ED%A0%80"])
def test_what_is_not_understood_gets_a_sentence_and_no_numbers(filed, sign_in, query):
    page = sign_in("supervisor").get(f"{URL}?{query}")
    assert page.status_code == 200
    html = page.content.decode()
    assert '<p class="fault">' in html
    assert "<table" not in html
    assert '<a href="/reports/18/">总览</a>' in html, "the way back is not what was not understood"


def test_the_period_is_the_one_due_next_else_the_last_unlocked_else_the_newest(plan, db):
    today = timezone.localdate()

    def period(code, due, locks):
        return Period(plan=plan, code=code, due=today + dt.timedelta(due), locks=today + dt.timedelta(locks))

    year, quarter, month = period("2026", 40, 50), period("2026Q4", 10, 12), period("2026-10", -1, 5)
    old, older = period("2026Q3", -80, -70), period("2026Q2", -170, -160)
    assert period_now([year, quarter, month, old, older]) == quarter
    assert period_now([month, old, older]) == month
    assert period_now([old, older]) == old
    assert period_now([]) is None


def test_before_anything_has_opened_it_says_so(period, cast, sign_in):
    html = sign_in("supervisor").get(URL).content.decode()
    assert "还没有报送周期开始填报" in html
    assert "<table" not in html


def test_the_order_and_only_those_with_something_missing(filed, bodies, sign_in, cast, content):
    sister = person("sister", bodies.sister, Role.REPORTER)
    entry = Entry.objects.for_transition().get(assignment__organization=bodies.sister)
    client = sign_in("supervisor")
    assert codes(client.get(URL + "?organization=11&sort=rate")) == ["112", "111"]
    entry.submit(by=sister, version=1, **content)
    assert codes(client.get(URL + "?organization=11&sort=rate")) == ["111", "112"]
    page = client.get(URL + "?organization=11&show=missing")
    assert codes(page) == ["111"]
    assert page.context["board"].total.sums["owed"] == 5


def test_more_than_two_hundred_bodies_come_in_pages(owed, bodies, sign_in):
    for number in range(MOST + 1):
        place(f"9{number:03}", f"示例{number}县总工会", "county", bodies.city)
    client = sign_in("supervisor")
    for query in ("", "&sort=missing"):
        first = client.get(f"{URL}?organization=11{query}")
        last = client.get(f"{URL}?organization=11{query}&page=2")
        assert (len(codes(first)), len(codes(last))) == (MOST, 3)
        assert not set(codes(first)) & set(codes(last))
        assert last.context["board"].total.sums["owed"] == 5
    assert codes(client.get(f"{URL}?organization=11&page=99999"))[-1] == "9200"
    assert client.get(f"{URL}?organization=11&page=%00").status_code == 200


def test_the_percents_of_a_bar_always_add_up_to_a_hundred():
    for parts in product(range(8), repeat=3):
        percents = shares(*parts)
        assert sum(percents) == (100 if sum(parts) else 0), parts
        exact = [100 * part / (sum(parts) or 1) for part in parts]
        assert all(abs(percent - part) < 1 for percent, part in zip(percents, exact, strict=False)), parts
    assert shares(1, 1, 1) == [34, 33, 33]
    assert shares(0, 0, 0) == []


# Urging.


BACK = "&next=%2Freports%2F18%2Fboard%2F%3Forganization%3D11"


def test_one_click_urges_the_whole_board_or_one_body_and_leads_back(filed, sign_in):
    client = sign_in("supervisor")
    html = client.get(URL + "?organization=11").content.decode().replace("&amp;", "&")
    unreported = "&state=due&state=draft&state=returned" + BACK
    whole, one = (f"/reports/18/urge/?period=2026Q4&organization={code}{unreported}" for code in ("11", "112"))
    assert f'href="{whole}"' in html
    assert f'href="{one}"' in html
    assert client.get(whole).context["foreseen"] == (2, 0, 3)
    page = client.get(one)
    assert page.context["foreseen"] == (1, 0, 1)
    assert f'<a href="{URL}?organization=11">返回</a>' in page.content.decode()
    answer = client.post(one)
    assert (answer.status_code, answer["Location"]) == (302, URL + "?organization=11")
    assert list(Nudge.objects.values_list("organization__code", flat=True)) == ["112"]


def test_nobody_is_led_to_another_site_after_urging(filed, sign_in):
    urge, client = "/reports/18/urge/?period=2026Q4&next=", sign_in("supervisor")
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "%00"):
        assert client.get(urge + target).context["back"] == "", target
    assert client.post(urge + "//evil.example")["Location"] == "/nudges/"


def test_urging_is_offered_to_who_may_while_the_period_is_open_and_never_of_the_own_body(
    filed, bodies, sign_in, client
):
    for name in ("reporter", "leader", "auditor", "administrator", "outsider"):
        assert "/urge/" not in sign_in(name).get(URL).content.decode(), name
    html = sign_in("reviewer").get(URL).content.decode()
    assert html.count("/urge/?") == 3  # the whole, and the two counties
    client.force_login(person("county", bodies.county, Role.SUPERVISOR))
    page = client.get(URL)
    assert page.context["board"].own.to_urge == 2
    assert "/urge/" not in page.content.decode()
    Period.objects.update(due=timezone.localdate() - dt.timedelta(9), locks=timezone.localdate() - dt.timedelta(1))
    page = sign_in("supervisor").get(URL)
    assert "/urge/" not in page.content.decode()
    assert "锁定" in page.content.decode()
