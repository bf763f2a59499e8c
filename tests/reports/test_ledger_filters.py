"""What the ledger can be asked, what it does not understand, and that page and file agree (rules 9 and 10)."""

from urllib.parse import quote

import pytest

from tests.conftest import place

from .conftest import FILE, PAGE, in_file, on_pages, places, read_page
from .test_ledger_page import CITY, COUNTY, OTHER, SCHOOL, SISTER

ALL = [*COUNTY, SISTER, CITY, SCHOOL, OTHER]
C111, C321, C322, C323, C324 = COUNTY
EACH = {
    "area=1": [C111, CITY, SCHOOL],
    "area=3": [C321, C322, C323, C324, SISTER, OTHER],
    "heading=3.2": [C321, C322, C323, C324, SISTER, OTHER],
    "task=3.2.1": [C321, SISTER, OTHER],
    "area=1&heading=3.2": [],
    "organization=111": COUNTY,
    "organization=11": [*COUNTY, SISTER, CITY],
    "organization=11&below=no": [CITY],
    "organization=1": [*COUNTY, SISTER, CITY, SCHOOL],
    "organization=1&line=territorial": [*COUNTY, SISTER, CITY, SCHOOL],
    "organization=U": [SCHOOL],
    "organization=U&line=industrial": [SCHOOL],
    "organization=U&line=territorial": [],
    "organization=甲县总工会": COUNTY,
    "organization=甲县": COUNTY,
    "status=in_progress": [C321],
    "status=blocked": [C323],
    "status=completed": [],
    "light=red": [C324],
    "light=red&light=green": [C321, C324],
    "due_from={near}&due_to={near}": [C321],
    "due_to={near}": [C321],
    "due_from=2028-10-31": [C111, C323, C324, SISTER, CITY, SCHOOL, OTHER],
    "words=主题": [C111, CITY, SCHOOL],
    "words=乙县": [SISTER],
    "words=举措 甲县": [C321, C322, C323, C324],
    "words=3.2.1": [C321, SISTER, OTHER],
    "words=一号 二号": [],
    "period=2026Q4": ALL,
    "period=2026Q4&state=accepted": [C321, C323],
    "period=2026Q4&state=due&state=draft": [C111, C322, CITY, SCHOOL, OTHER],
    "period=2026Q4&state=submitted": [SISTER],
    "period=2026Q4&came=on_time": [C321, C323, C324, SISTER],
    "period=2026Q4&came=late": [],
    "period=2026Q4&came=never": [C111, C322, CITY, SCHOOL, OTHER],
    "period=2026Q4&came=on_time&came=never&area=1": [C111, CITY, SCHOOL],
    "period=2026Q4&came=on_time&state=returned": [C324],
    "period=2026Q4&came=no_change": [],
    "period=2026Q4&status=in_progress": [C321],
    "period=2026Q4&status=not_started": [],
    "period=2026Q4&area=3&light=red&state=returned&organization=1&words=四号": [C324],
}


@pytest.mark.parametrize("ask", [on_pages, in_file])
def test_each_condition_leaves_its_rows(world, sign_in, ask):
    client = sign_in("administrator")
    for query, expected in EACH.items():
        rows = ask(client, query.format(near=world.near.isoformat()))
        assert sorted(places(row for row in rows if not row[0].startswith("T"))) == sorted(expected), query


TASKS = {
    "": ["1.1.1", "3.2.1", "3.2.2", "3.2.3", "3.2.4"],
    "area=1": ["1.1.1"],
    "heading=3.2": ["3.2.1", "3.2.2", "3.2.3", "3.2.4"],
    "task=3.2.2": ["3.2.2"],
    "status=in_progress": ["3.2.2"],
    "due_from=2028-10-31": ["1.1.1", "3.2.1", "3.2.3", "3.2.4"],
    "due_to=2028-10-30": [],
    "words=举措": ["3.2.1", "3.2.2", "3.2.3", "3.2.4"],
    "words=甲县": [],
}


@pytest.mark.parametrize("ask", [on_pages, in_file])
def test_the_conditions_narrow_the_tasks_without_an_owner_too(world, cast, sign_in, ask):
    world.tasks[1].state_status("in_progress", "已部署", by=cast.administrator)
    client = sign_in("administrator")
    for query, expected in TASKS.items():
        assert [code for number, code, _body in ask(client, query) if number.startswith("T")] == expected, query


@pytest.mark.parametrize("name", ["administrator", "reviewer"])
def test_the_file_holds_exactly_the_rows_of_the_pages_in_their_order(world, sign_in, name):
    client = sign_in(name)
    for query in [*EACH, "sort=-due", "sort=light&area=3", "sort=-organization&period=2026Q4"]:
        query = query.format(near=world.near.isoformat())
        if client.get(f"{PAGE}?{query}").context["filter"].is_valid():
            assert in_file(client, query) == on_pages(client, query), query
        else:
            assert client.get(f"{FILE}?{query}").status_code == 400, query


# What is not understood.

WRONG = [
    "area=99",
    "area=abc",
    "area=9999999999999999999999",
    "area=-1",
    "area=%ED%A0%80",
    "heading=9.9",
    "task=9.9.9",
    "task=%00",
    "organization=nowhere",
    "organization=%00",
    "organization=%ED%A0%80",
    "line=diagonal",
    "below=yes",
    "status=done",
    "state=due",
    "period=2026Q4&state=lost",
    "came=never",
    "period=2026Q4&came=sometimes",
    "light=purple",
    "light=red&light=purple",
    "period=2099Q1",
    "period=%00",
    "due_from=yesterday",
    "due_from=2026-02-30",
    "due_to=99999-01-01",
    "words=%00",
    "sort=colour",
    "sort=-",
    "sort=state",
    "due_from=2027-02-01&due_to=2027-01-31",
    "words=" + "a" * 101,
    "task=" + "3" * 101,
    "organization=" + "甲" * 101,
]


def test_a_wrong_value_gets_a_sentence_and_no_rows(world, sign_in):
    client = sign_in("administrator")
    for query in WRONG:
        page = client.get(f"{PAGE}?{query}")
        assert page.status_code == 200, query
        assert read_page(page) == [], query
        html = page.content.decode()
        assert '<p class="fault">' in html, query
        assert '<table class="ledger' not in html, query
        assert FILE not in html, query
        file = client.get(f"{FILE}?{query}")
        assert (file.status_code, file.headers["Content-Type"]) == (400, "text/html; charset=utf-8"), query
        assert '<p class="fault">' in file.content.decode(), query


NEAREST = [
    ("page=abc", 1, 8),
    ("page=0", 1, 8),
    ("page=-1", 1, 8),
    ("page=99999", 1, 8),
    ("page=%00", 1, 8),
    ("page=1e3", 1, 8),
    ("page=" + "9" * 5000, 1, 8),
    ("per_page=3&page=99999", 3, 2),
    ("per_page=abc", 1, 8),
    ("page=%EF%BC%92&per_page=3", 2, 3),
    ("per_page=-1", 1, 1),
    ("per_page=0", 1, 1),
    ("per_page=" + "9" * 30, 1, 8),
    ("odd=1", 1, 8),
]


def test_a_wrong_page_is_the_nearest_there_is(world, sign_in):
    client = sign_in("supervisor")
    for query, number, size in NEAREST:
        page = client.get(f"{PAGE}?{query}")
        assert page.status_code == 200, query
        assert (page.context["page"].number, len(read_page(page))) == (number, size), query


def test_an_organization_outside_the_scope_is_as_unknown_as_one_that_is_not(world, sign_in):
    client = sign_in("outsider")
    for value in ("111", "甲县总工会", "0"):
        page = client.get(f"{PAGE}?organization={value}")
        unknown = client.get(f"{PAGE}?organization=nowhere")
        assert read_page(page) == []
        assert page.context["filter"].errors == unknown.context["filter"].errors
        assert client.get(f"{FILE}?organization={value}").status_code == 400


def test_a_name_that_several_bodies_bear_is_answered_with_all_of_them(world, bodies, sign_in):
    here = place("901", "鼓楼区总工会", "county", bodies.city)
    there = place("902", "鼓楼区总工会", "county", bodies.other)
    client = sign_in("administrator")
    page = client.get(f"{PAGE}?organization={quote('鼓楼区总工会')}&area=3")
    assert page.context["filter"].candidates == [here, there]
    html = page.content.decode()
    for body in (here, there):
        assert f"?organization={body.code}&amp;area=3" in html
        assert body.parent.short in html
    assert client.get(f"{FILE}?organization=鼓楼区总工会").status_code == 400
    assert client.get(f"{PAGE}?organization=901&area=3").context["filter"].is_valid()
    # In a scope that holds one of them the name says enough.
    assert sign_in("supervisor").get(f"{PAGE}?organization=鼓楼区总工会").context["filter"].is_valid()


def test_part_of_a_name_is_enough_where_it_fits_one_body_and_at_most_ten_are_offered(world, bodies, sign_in):
    for number in range(12):
        place(f"95{number:02}", f"丙{number}区总工会", "county", bodies.city)
    client = sign_in("administrator")
    assert client.get(f"{PAGE}?organization=丙11").context["filter"].is_valid()
    assert len(client.get(f"{PAGE}?organization=丙").context["filter"].candidates) == 10


def test_only_the_bodies_directly_below_are_suggested(world, bodies, sign_in):
    html = sign_in("supervisor").get(PAGE).content.decode()
    options = html.split('<datalist id="bodies">')[1].split("</datalist>")[0]
    assert options.count("<option") == 2
    assert "示例一市总工会" in options
    assert "<option" not in sign_in("reporter").get(PAGE).content.decode().split("<datalist")[1].split("</datalist>")[0]


# What is shown of the conditions.


def test_every_condition_is_a_chip_that_takes_itself_off(world, sign_in):
    client = sign_in("administrator")
    query = "period=2026Q4&area=3&organization=1&words=举措&light=red&light=grey&state=returned&page=2&sort=-due"
    chips = client.get(f"{PAGE}?{query}").context["filter"].chips
    assert len(chips) == 7
    for chip in chips:
        assert "page=" not in chip.without
        assert "sort=-due" in chip.without
        assert f"?{chip.without}".replace("&", "&amp;") in client.get(f"{PAGE}?{query}").content.decode()
    (light,) = [chip for chip in chips if "light=grey" in chip.without and "light=red" not in chip.without]
    assert len(client.get(f"{PAGE}?{light.without}").context["filter"].chips) == 6


def test_a_chip_names_a_body_with_its_parent(world, sign_in):
    page = sign_in("administrator").get(f"{PAGE}?organization=111")
    assert "甲县总工会" in page.context["filter"].chips[0].text
    assert "示例一市总工会" in page.context["filter"].chips[0].text


def test_a_wrong_condition_can_be_taken_off_too(world, sign_in):
    page = sign_in("administrator").get(f"{PAGE}?area=99&status=blocked")
    assert {chip.without for chip in page.context["filter"].chips} == {"status=blocked", "area=99"}


def test_the_export_carries_the_conditions_of_the_page(world, sign_in):
    client = sign_in("supervisor")
    html = client.get(f"{PAGE}?area=3&light=red&light=grey&page=1&per_page=2").content.decode()
    assert f'href="{FILE}?area=3&amp;light=red&amp;light=grey"' in html


def test_more_conditions_are_open_where_one_of_them_holds(world, sign_in):
    client = sign_in("supervisor")
    assert '<details class="more">' in client.get(f"{PAGE}?area=3").content.decode()
    assert '<details class="more" open>' in client.get(f"{PAGE}?status=blocked").content.decode()
    assert '<details class="more" open>' in client.get(f"{PAGE}?due_from=x").content.decode()
