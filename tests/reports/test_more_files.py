"""Files of records: a period's entries, accepted figures, organizations that come back in."""

import csv
import datetime as dt
import io
from decimal import Decimal
from urllib.parse import unquote

import pytest

from tests.conftest import place
from tracker.models import Entry, Figure, Operation, Organization, Task
from tracker.models.loading import load_organizations
from tracker.models.organization_files import read
from tracker.models.values import FigureValue

from .conftest import entry_of, in_file
from .test_ledger_csv import RUN

ENTRIES, FIGURES, ORGANIZATIONS = "/reports/18/entries.csv", "/reports/18/figures.csv", "/reports/organizations.csv"


def rows_of(client, address):
    response = client.get(address)
    assert response.status_code == 200, response.content.decode()
    data = response.getvalue()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\xef\xbb\xbf") == 1
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.fixture
def english(sign_in):
    def signed_in(name):
        client = sign_in(name)
        client.cookies["django_language"] = "en"
        return client

    return signed_in


# Entries.


def test_the_entries_are_the_rows_of_the_ledger_of_that_period(world, english):
    client = english("supervisor")
    for query in ("period=2026Q4", "period=2026Q4&state=draft&state=accepted", "period=2026Q4&organization=112"):
        rows = rows_of(client, f"{ENTRIES}?{query}")
        told = [(row["System number"], row["Code"], row["Organization"]) for row in rows]
        assert told == in_file(client, query)
        assert told


def test_an_accepted_entry_says_what_the_ledger_leaves_out(world, bodies, english):
    (row,) = rows_of(english("supervisor"), f"{ENTRIES}?period=2026Q4&organization=111&task=3.2.3")
    assert (row["Organization code"], row["Period"], row["Entry state"]) == ("111", "2026Q4", "Accepted")
    assert (row["What is needed"], row["Needed from"], row["Needed by"]) == ("请协调场所。", "", "2099-01-01")
    assert (row["No change"], row["Late"], row["Status"], row["Percent"]) == ("No", "No", "Needs coordination", "40")


def test_what_was_not_accepted_leaves_no_word_of_it(world, bodies, sign_in):
    asked = {"need": "草稿里的需求", "need_from": "某单位", "need_by": dt.date(2099, 1, 1), "no_change": True}
    keys = [entry_of(bodies.county, code, world.period).pk for code in ("3.2.2", "3.2.4")]
    keys.append(entry_of(bodies.sister, "3.2.1", world.period).pk)
    Entry.objects.filter(pk__in=keys).update(**asked)
    for who in ("supervisor", "administrator", "auditor", "reviewer", "reporter"):
        client = sign_in(who)
        client.cookies["django_language"] = "en"
        rows = rows_of(client, f"{ENTRIES}?period=2026Q4")
        text = str(rows)
        assert "草稿里" not in text
        assert "待审核的话" not in text
        for row in rows:
            if row["Entry state"] != "Accepted":
                texts = ("Progress in this period", "Problems", "Next steps", "What is needed", "Needed from")
                blank = ("Needed by", "No change", "Status", "Percent", "Reported by", "Review opinion")
                assert {row[name] for name in (*texts, *blank)} == {""}


def test_late_is_told_by_the_first_submission(world, bodies, english):
    entry = Entry.objects.filter(pk=entry_of(bodies.county, "3.2.1", world.period).pk)
    address = f"{ENTRIES}?period=2026Q4&organization=111&task=3.2.1"
    for first, late in ((world.period.due_end - dt.timedelta(seconds=1), "No"), (world.period.due_end, "Yes")):
        entry.update(first_submitted_at=first)
        (row,) = rows_of(english("supervisor"), address)
        assert row["Late"] == late
    assert row["First submitted at"] == f"{world.period.due + dt.timedelta(1)} 00:00"
    (due,) = rows_of(english("supervisor"), f"{ENTRIES}?period=2026Q4&organization=111&task=1.1.1")
    assert (due["Late"], due["First submitted at"]) == ("", "")


def test_without_a_period_the_page_asks_for_one(world, sign_in):
    response = sign_in("supervisor").get(f"{ENTRIES}?organization=111")
    assert response.status_code == 400
    assert "请先在上方选择报送周期" in response.content.decode()
    assert sign_in("supervisor").get(f"{ENTRIES}?period=1999Q4").status_code == 400


def test_texts_of_entries_are_guarded(world, bodies, english):
    entry = Entry.objects.filter(pk=entry_of(bodies.county, "3.2.3", world.period).pk)
    for text in RUN:
        entry.update(need=text, need_from=text)
        (row,) = rows_of(english("supervisor"), f"{ENTRIES}?period=2026Q4&organization=111&task=3.2.3")
        assert (row["What is needed"], row["Needed from"]) == ("'" + text,) * 2


# Figures.


@pytest.fixture
def numbers(world, plan, bodies):
    figure = Figure.objects.create(plan=plan, slug="built", position=90, name="新建站点", unit="个", target=100)
    figure.tasks.add(*Task.objects.filter(code__startswith="3.2"))
    for code, value, confirmed in (("3.2.1", "12.5000", False), ("3.2.3", "1234567", True), ("3.2.4", "9", False)):
        entry = entry_of(bodies.county, code, world.period)
        FigureValue.objects.create(entry=entry, figure=figure, value=Decimal(value), confirmed=confirmed)
    FigureValue.objects.create(entry=entry_of(bodies.sister, "3.2.1", world.period), figure=figure, value=7)
    return figure


def test_every_accepted_number_is_a_line_and_no_other(numbers, english):
    rows = rows_of(english("supervisor"), FIGURES)
    told = [
        (row["Figure"], row["Unit"], row["Period"], row["Organization code"], row["Parent organization"])
        for row in rows
    ]
    assert told == [("新建站点", "个", "2026Q4", "111", "示例一市总工会")] * 2
    assert [(row["Task code"], row["Value"], row["Confirmed"]) for row in rows] == [
        ("3.2.1", "12.5", "No"),
        ("3.2.3", "1234567", "Yes"),
    ]


def test_numbers_are_of_the_scope_and_the_period_asked_for(numbers, english):
    assert rows_of(english("outsider"), FIGURES) == []
    assert len(rows_of(english("reporter"), f"{FIGURES}?period=2026Q4")) == 2
    assert english("reporter").get(f"{FIGURES}?period=1999Q1").status_code == 404
    assert english("reporter").get(f"{FIGURES}?period=%00").status_code == 404


def test_a_whole_number_keeps_its_noughts(numbers, english):
    FigureValue.objects.filter(value=Decimal("12.5")).update(value=Decimal("1200.0000"))
    assert rows_of(english("supervisor"), FIGURES)[0]["Value"] == "1200"


# Organizations.


def test_the_organizations_are_those_of_the_scope_parents_first(bodies, cast, english):
    codes = [row["organization code"] for row in rows_of(english("supervisor"), ORGANIZATIONS)]
    assert codes == ["1", "11", "111", "112", "113"]
    assert [row["organization code"] for row in rows_of(english("reporter"), ORGANIZATIONS)] == ["111"]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_file_of_organizations_comes_back_in_unchanged(bodies, cast, sign_in, settings, language):
    settings.DEMO = True  # a column of its notice would be refused
    place("114", "=风险县", "county", bodies.city, contact="-王", telephone="+86 10", founded_on=dt.date(1951, 5, 1))
    client = sign_in("administrator")
    client.cookies["django_language"] = language
    content = client.get(ORGANIZATIONS).getvalue()
    loaded = load_organizations(read(content), by=cast.administrator)
    assert (loaded.made, loaded.changed, loaded.unchanged) == (0, 0, 9)
    assert Organization.objects.get(code="114").name == "=风险县"


def test_what_the_file_says_differently_is_changed_by_it(bodies, cast, sign_in):
    content = sign_in("administrator").get(ORGANIZATIONS).getvalue().decode()
    loaded = load_organizations(read(content.replace("甲县总工会", "甲县新总工会").encode()), by=cast.administrator)
    assert (loaded.made, loaded.changed) == (0, 1)


def test_a_closed_organization_is_left_out(bodies, cast, sign_in):
    Organization.objects.filter(pk=bodies.sister.pk).update(closed_on=dt.date(2026, 1, 1))
    assert "乙县" not in sign_in("administrator").get(ORGANIZATIONS).getvalue().decode()


# All three.


def test_each_is_logged_with_its_rows_and_named_after_what_it_holds(numbers, sign_in, settings):
    client = sign_in("supervisor")
    names = []
    for address in (f"{ENTRIES}?period=2026Q4", f"{FIGURES}?period=2026Q4", ORGANIZATIONS):
        response = client.get(address)
        names.append(unquote(response.headers["Content-Disposition"]).split("''")[-1])
        response.getvalue()
    told = Operation.objects.filter(action="exported").order_by("pk")
    assert [(each.target, each.detail["rows"]) for each in told] == [(ENTRIES, 8), (FIGURES, 2), (ORGANIZATIONS, 5)]
    assert names[0] == "进展填报_18_2026Q4.csv"
    settings.DEMO = True
    assert "演示数据_" in unquote(client.get(ORGANIZATIONS).headers["Content-Disposition"])
    for address in (f"{ENTRIES}?period=2026Q4", FIGURES):
        last = [list(row.values())[-1] for row in rows_of(client, address)]
        assert set(last) == {"演示数据：组织、人员与进展均为虚构"}
