"""The overview's pages: every number opens the rows it counts, whoever looks, and nothing out of scope opens at all."""

import datetime as dt
import random
import re
from html import unescape
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from django.http import QueryDict
from django.utils import timezone

from reports.views.ledger import ledger_of, read
from tests.conftest import person
from tracker.models import Blocker, Organization, Role

from .random_world import make

LINK = re.compile(r'<a [^>]*href="(/reports/18/ledger/\?[^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
PAGES = ("", "by-task/", "by-body/")


@pytest.fixture
def federation(db):
    return make(random.Random(18))


def signed_in(client, role, code):
    user = person(f"{role}-{code}", Organization.objects.get(code=code), Role(role))
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def numbers(page):
    """Each link to the ledger, with the number it shows; a share beside it is no number of rows."""
    for address, text in LINK.findall(page):
        said = re.findall(r"\d+(?![\d%])", re.sub(r"<[^>]*>", " ", text))
        assert said, text
        yield unescape(address), int(said[-1])


def found(user, address):
    """How many rows the ledger has at an address."""
    query = QueryDict(urlsplit(address).query)
    conditions = read(SimpleNamespace(GET=query, user=user), "18")
    assert conditions.is_valid(), (address, conditions.form.errors)
    assert set(query) <= set(conditions.filters), "a condition the ledger does not know narrows nothing"
    return ledger_of(conditions).found


@pytest.mark.parametrize(
    ("role", "code", "query"),
    [
        ("supervisor", "n0", ""),
        ("supervisor", "n0", "line=industrial"),
        ("supervisor", "n1", "show=completed"),
        ("supervisor", "n1", "organization=n4&period=2026Q3"),
        ("supervisor", "n4", ""),
        ("supervisor", "n6", "show=completed"),
        ("reviewer", "n4", ""),
        ("reporter", "n6", ""),
    ],
)
def test_every_number_opens_as_many_rows_as_it_says(client, federation, role, code, query):
    user, walked = signed_in(client, role, code), 0
    for page in PAGES:
        answer = client.get(f"/reports/18/{page}?{query}")
        assert answer.status_code == 200
        for address, number in set(numbers(answer.content.decode())):
            assert found(user, address) == number, address
            walked += 1
    assert walked > 30


def test_a_part_of_the_plan_narrows_the_ways_down(client, federation):
    user = signed_in(client, "supervisor", "n1")
    for query in ("area=2", "heading=2.1", "task=2.1.1"):
        for page in PAGES[1:]:
            for address, number in set(numbers(client.get(f"/reports/18/{page}?{query}").content.decode())):
                assert found(user, address) == number, address


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "query",
    [
        "organization=2",
        "organization=0",
        "organization=nowhere",
        "organization=%00",
        "period=2031Q1",
        "period=%00",
        "line=sideways",
    ],
)
def test_what_lies_outside_the_scope_or_does_not_exist_is_not_found(owed, sign_in, page, query):
    assert sign_in("supervisor").get(f"/reports/18/{page}?{query}").status_code == 404


@pytest.mark.parametrize("query", ["area=9", "heading=9.9", "task=9.9.9", "area=%00"])
def test_what_the_plan_does_not_have_is_not_found(owed, sign_in, query):
    for page in PAGES[1:]:
        assert sign_in("supervisor").get(f"/reports/18/{page}?{query}").status_code == 404


def test_without_a_period_or_a_task_it_says_so(plan, sign_in):
    page = sign_in("supervisor").get("/reports/18/").content.decode()
    assert "本规划尚未开启填报期" in page
    assert "目前尚未下达举措" in page
    assert "没有需要答复的事项" in page


def test_a_body_that_handed_in_nothing_is_named_first(owed, sign_in, content, cast):
    page = sign_in("supervisor").get("/reports/18/?organization=11").content.decode()
    assert "本期尚未报送的单位 2 家" in page
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    page = sign_in("supervisor").get("/reports/18/?organization=11").content.decode()
    assert "本期尚未报送的单位 1 家" in page
    assert "乙县总工会" in page.partition("本期尚未报送")[2][:300]


def test_a_matter_that_waits_for_our_answer_stands_first(owed, sign_in, cast):
    asked = {"need": "请协调场所。", "need_by": timezone.localdate()}
    owed["3.2.1"].submit(
        by=cast.reporter, version=1, status="blocked", progress="完成选址。", problems="无房。", **asked
    )
    Blocker.objects.update(reply_by=timezone.localdate() - dt.timedelta(1))
    page = sign_in("reviewer").get("/reports/18/").content.decode()
    assert "需协调事项 1 件待我单位答复" in page
    assert "其中 1 件已过答复日" in page
    assert "所属单位提出的需协调事项 1 件尚未答复" in sign_in("supervisor").get("/reports/18/").content.decode()
    matter = Blocker.objects.get()
    matter.reply("请使用街道用房。", by=cast.reviewer)
    assert "需协调事项 1 件" not in sign_in("reviewer").get("/reports/18/").content.decode()


def test_the_trail_leads_back_and_the_outsider_s_is_short(owed, sign_in):
    page = sign_in("supervisor").get("/reports/18/?organization=111").content.decode()
    assert '<a href="/reports/18/?period=2026Q4">' in page
    assert '<a href="/reports/18/?organization=11&amp;period=2026Q4">' in page
    assert "organization=0" not in page, "the way up ends at one's own body"


@pytest.mark.parametrize(
    "page", ["", "board/", "by-task/", "by-body/", "figures/", "figures/sites/", "timeline/", "briefs/", "comparison/"]
)
def test_every_summary_stands_in_the_section_of_the_overview_and_leads_back_to_it(sign_in, owed, page):
    said = sign_in("supervisor").get(f"/reports/18/{page}").content.decode()
    assert re.findall(r'<a href="([^"]*)" aria-current="page">', said) == ["/reports/18/"]
    if page:
        crumbs = re.search(r'class="crumbs[^>]*>(.*?)</', said, re.DOTALL)
        assert crumbs
        assert 'href="/reports/18/' in crumbs[1]
