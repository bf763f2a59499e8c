"""The pages of figures: whom they open to, what they refuse, what they say where nothing is said yet."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import place
from tests.reports.conftest import entry_of
from tracker.models import Assignment, Figure, FigureValue, Handing, Period

LIST, ONE = "/reports/18/figures/", "/reports/18/figures/sites/"
STRANGE = ["%00", "11%00", "%ED%A0%80", "9" * 400, "' OR 1=1", "%E2%80%AE"]


def shown(page):
    return {measure.figure.slug: measure for measure in page.context["measures"]}


@pytest.fixture
def given(world, bodies):
    """The county's 3.2.3 says 40 sites, accepted."""
    entry = entry_of(bodies.county, "3.2.3", world.period)
    FigureValue.objects.create(entry=entry, figure=Figure.objects.get(slug="sites"), value=40)
    return world


def test_each_sees_their_own_scope_and_may_look_at_one_body_of_it(given, sign_in):
    for name, value in (
        ("administrator", 40),
        ("supervisor", 40),
        ("reviewer", 40),
        ("reporter", 40),
        ("outsider", None),
    ):
        assert shown(sign_in(name).get(LIST))["sites"].total.value == value, name
    assert shown(sign_in("administrator").get(LIST + "?organization=2"))["sites"].total.value is None
    assert shown(sign_in("administrator").get(LIST + "?organization=11"))["sites"].total.value == 40


@pytest.mark.parametrize("page", [LIST, ONE, "/reports/18/timeline/"])
def test_out_of_scope_is_not_found_and_neither_is_what_there_is_not(given, sign_in, page):
    for name, code in (("supervisor", "2"), ("supervisor", "0"), ("reporter", "112"), ("outsider", "111")):
        assert sign_in(name).get(f"{page}?organization={code}").status_code == 404, (name, code)
    client = sign_in("administrator")
    for query in ("line=sideways", "organization=111&line=industrial", *(f"organization={text}" for text in STRANGE)):
        assert client.get(f"{page}?{query}").status_code == 404, query
    assert client.get(page.replace("/18/", "/19/")).status_code == 404
    assert client.get("/reports/18/figures/no-such-figure/").status_code == 404


def test_a_period_that_there_is_not_is_not_found(given, sign_in, plan):
    client = sign_in("administrator")
    Period.objects.create(
        plan=plan, code="2030Q1", opens=dt.date(2030, 1, 1), due=dt.date(2030, 3, 31), locks=dt.date(2030, 4, 8)
    )
    for code in ("2030Q1", "1999Q1", *STRANGE):
        assert client.get(f"{ONE}?period={code}").status_code == 404, code
    for page in ("-1", "0", "999", "x", "9" * 5000, "%00"):
        assert client.get(f"{ONE}?page={page}").status_code == 200


def test_nothing_is_written_by_looking(given, sign_in):
    client = sign_in("administrator")
    with CaptureQueriesContext(connection) as queries:
        for page in (LIST, ONE, "/reports/18/timeline/"):
            client.get(page)
            assert client.post(page).status_code == 405
    assert not [
        query
        for query in queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE")) and "operation" not in query["sql"]
    ]


def test_a_null_is_not_a_zero(given, sign_in, bodies):
    client = sign_in("administrator")
    Figure.objects.create(
        plan=given.tasks[0].plan, slug="other", position=9, name="别的", unit="个", baseline=7
    ).tasks.add(given.tasks[1])
    page = client.get("/reports/18/figures/other/")
    assert page.context["measure"].total.value is None
    assert (page.context["measure"].given, page.context["measure"].asked) == (0, 1)
    assert "<b>0</b>" not in page.content.decode()
    FigureValue.objects.update(value=0)
    page = client.get(ONE)
    assert page.context["measure"].total.value == 0
    assert "<b>0</b> 个" in page.content.decode()


def test_the_whole_federations_target_stands_beside_the_whole_alone(given, sign_in):
    """A county's number beside a nation's baseline would look like failure; it stands beside the county's share."""
    whole = sign_in("administrator").get(ONE).content.decode()
    assert "figure-bars" in whole
    assert "4%（40/1,000）" in whole
    assert "figure-bars" not in sign_in("supervisor").get(ONE).content.decode()
    Handing.objects.filter(assignment__organization__code="111", assignment__task__code="3.2.3").update(
        figure=Figure.objects.get(slug="sites"), share=Decimal(160)
    )
    mine = sign_in("reporter").get(ONE).content.decode()
    assert "figure-bars" in mine
    assert "25%（40/160）" in mine


def test_a_chart_is_named_told_and_beside_its_numbers(given, sign_in):
    page = sign_in("administrator").get(LIST).content.decode()
    assert 'role="img" aria-labelledby="sites-title sites-words"' in page
    assert '<title id="sites-title">示范点</title>' in page
    assert '<desc id="sites-words">目标：1,000 个；目前（审核通过）：40 个</desc>' in page
    assert " style=" not in page


def test_a_figure_nobody_carries_on_is_told_apart(given, sign_in, plan):
    Figure.objects.create(plan=plan, slug="past", position=9, name="只说过去", unit="条", baseline=20)
    page = sign_in("administrator").get(LIST)
    assert "past" not in shown(page)
    assert [figure.slug for figure in page.context["closed"]] == ["past"]
    assert sign_in("administrator").get("/reports/18/figures/past/").status_code == 200


def test_a_closed_body_stands_there_while_its_numbers_count(given, bodies, sign_in):
    def named():
        page = sign_in("reviewer").get(ONE)
        return {body.code for body, *_rest in page.context["rows"]}

    assert named() == {"111", "112"}
    for body in (bodies.county, bodies.sister):
        type(body).objects.filter(pk=body.pk).update(closed_on=dt.date(2026, 1, 1))
    assert named() == {"111"}


def test_many_bodies_below_come_in_pages_and_cost_no_more_queries(given, bodies, cast, sign_in):
    client = sign_in("administrator")

    def asked(url):
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    urls = [
        LIST,
        ONE,
        f"{ONE}?organization=11",
        f"{ONE}?organization=11&period=2026Q4",
        f"{LIST}?organization=11",
        "/reports/18/timeline/",
    ]
    few = [asked(url) for url in urls]
    many = [place(f"7{n:03}", f"示例{n}县总工会", "county", bodies.city) for n in range(140)]
    Assignment.objects.assign(given.tasks, many, by=None, owe_now=True)
    assert [asked(url) for url in urls] == few
    assert max(few) <= 40
    first = client.get(f"{ONE}?organization=11")
    assert len(first.context["rows"]) == 100
    last = client.get(f"{ONE}?organization=11&page=2")
    assert len(last.context["rows"]) == 42
    assert 'rel="prev"' in last.content.decode()


def test_the_ledger_takes_a_figure_and_what_became_of_its_number(given, sign_in):
    client = sign_in("administrator")

    def found(query):
        page = client.get(f"/reports/18/ledger/?{query}")
        assert page.context["filter"].is_valid(), query
        return {row.body.name for row in page.context["page"].rows}

    assert found("figure=sites") == found("figure=sites&number=given") == {"甲县总工会"}
    assert found("figure=sites&number=missing") == found("figure=sites&number=waiting") == set()
    assert found("figure=sites&period=2026Q4&number=given") == {"甲县总工会"}
    page = client.get("/reports/18/ledger/?figure=sites&number=given")
    assert [chip.text for chip in page.context["filter"].chips] == ["指标：示范点", "指标数已审核通过"]
    for query in ("figure=none", "number=given", "figure=sites&number=x", "figure=%00"):
        page = client.get(f"/reports/18/ledger/?{query}")
        assert not page.context["filter"].is_valid()
        assert page.context["page"].rows == []
