"""Whom to call stands where a body is late or stuck, and nowhere costs a query a row."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import place
from tracker.models import Assignment, Entry, Organization

CALL = '<a href="tel:0000-0001">0000-0001</a>'


@pytest.fixture
def late(owed):
    """The county's 3.2.1 is overdue, the sister's is not."""
    row = owed["3.2.1"].assignment
    row.amend(by=None, start=dt.date(2024, 1, 1), due=dt.date(2025, 1, 1))
    assert row.light == "red"
    return row


def text_of(client, address):
    client.cookies["django_language"] = "en"
    return client.get(address).content.decode()


def test_beside_what_is_overdue_on_the_task_page(sign_in, late, bodies, cast):
    text = text_of(sign_in("supervisor"), "/plans/18/tasks/3.2.1/")
    assert text.count(CALL) == 1
    assert "contact not given" not in text  # the sister has none, and is not late
    Organization.objects.filter(pk=bodies.county.pk).update(contact="", telephone="")
    assert text_of(sign_in("supervisor"), "/plans/18/tasks/3.2.1/").count("contact not given") == 1


def test_beside_what_was_returned(sign_in, owed, cast, content):
    assert CALL not in text_of(sign_in("supervisor"), "/plans/18/tasks/3.2.1/")
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    Entry.objects.for_transition().get(pk=owed["3.2.1"].pk).return_(by=cast.reviewer, version=2, comment="补充")
    assert CALL in text_of(sign_in("supervisor"), "/plans/18/tasks/3.2.1/")


def test_beside_red_rows_of_the_ledger(sign_in, late):
    assert text_of(sign_in("supervisor"), "/reports/18/ledger/").count(CALL) == 1


def test_for_who_reviews_an_entry_and_not_for_who_writes_it(sign_in, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    address = owed["3.2.1"].get_absolute_url()
    assert CALL in text_of(sign_in("reviewer"), address)
    assert CALL not in text_of(sign_in("reporter"), address)


def test_on_the_page_of_the_body_and_missing_it_says_so(sign_in, bodies):
    client = sign_in("supervisor")
    assert CALL in text_of(client, bodies.county.get_absolute_url())
    assert "contact not given" in text_of(client, bodies.sister.get_absolute_url())


@pytest.mark.parametrize("address", ["/plans/18/tasks/3.2.1/", "/reports/18/ledger/?light=red"])
def test_no_query_for_each_row(sign_in, late, bodies, tasks, address):
    def asked():
        client = sign_in("administrator")
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).content.decode().count("contact") > 0
        return len(queries)

    few = asked()
    for number in range(20):
        place(f"c{number}", f"第{number}县总工会", "county", bodies.city, telephone=f"0000-1{number:03}")
    Assignment.objects.assign(tasks[:1], Organization.objects.filter(code__startswith="c"), by=None)
    late = dt.date(2025, 1, 1)
    Assignment.objects.filter(task=tasks[0]).update(due=late, light="red", light_reason="overdue")
    assert asked() == few
