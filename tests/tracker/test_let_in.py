"""A locked period opens for one body only by a logged exception."""

import datetime as dt

import pytest
from django.utils import timezone

from tracker.models import Entry, Event, Period, TransitionRefused

URL = "/organizations/111/let-in/18/2026Q4/"


@pytest.fixture
def locked(owed, period):
    today = timezone.localdate()
    Period.objects.update(due=today - dt.timedelta(9), locks=today - dt.timedelta(1))
    return owed


def soon():
    return (timezone.localdate() + dt.timedelta(3)).isoformat()


def test_what_was_not_handed_in_opens_for_that_body_alone_and_is_logged(locked, sign_in, cast, content):
    Entry.objects.filter(pk=locked["3.2.2"].pk).update(state="excused")
    client = sign_in("supervisor")
    page = client.get(URL)
    assert page.context["count"] == 3
    done = client.post(URL, {"until": soon(), "comment": "停电，无法按时填报"}, follow=True)
    assert done.status_code == 200
    opened = Entry.objects.exclude(open_until=None)
    assert {entry.assignment.organization.code for entry in opened} == {"111"}
    assert opened.count() == 3
    assert Event.objects.filter(action="let_in", comment="停电，无法按时填报", by=cast.supervisor).count() == 3
    entry = Entry.objects.for_transition().get(pk=locked["3.2.1"].pk)
    entry.submit(by=cast.reporter, version=entry.version, **content)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"until": "", "comment": "停电"}, "until"),
        ({"until": "明天", "comment": "停电"}, "until"),
        ({"until": "2020-01-01", "comment": "停电"}, "until"),
        ({"until": "2099-01-01", "comment": " "}, "comment"),
        ({"until": "2099-01-01", "comment": "停\x00电"}, "comment"),
    ],
)
def test_a_wrong_day_or_no_reason_gets_a_sentence_beside_its_field_and_opens_nothing(locked, sign_in, given, field):
    page = sign_in("supervisor").post(URL, given)
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {field}
    assert not Entry.objects.exclude(open_until=None).exists()
    assert given["until"] in page.content.decode()


@pytest.mark.parametrize("who", ["reporter", "reviewer", "auditor", "outsider"])
def test_nobody_else_may(locked, sign_in, who):
    client = sign_in(who)
    assert client.get(URL).status_code == 403
    assert client.post(URL, {"until": soon(), "comment": "停电"}).status_code == 403
    assert not Entry.objects.exclude(open_until=None).exists()


def test_the_model_refuses_whom_the_page_would(locked, period, bodies, cast):
    with pytest.raises(TransitionRefused):
        period.let_in(bodies.county, by=cast.reporter, until=timezone.localdate(), comment="停电")


def test_what_does_not_exist_is_not_found(locked, sign_in):
    client = sign_in("supervisor")
    for path in ("111/let-in/18/2026Q3/", "111/let-in/19/2026Q4/", "2/let-in/18/2026Q4/", "nobody/let-in/18/2026Q4/"):
        assert client.get(f"/organizations/{path}").status_code == 404


def test_the_organization_page_offers_it_to_whom_it_belongs(locked, sign_in):
    assert URL in sign_in("supervisor").get("/organizations/111/").content.decode()
    assert URL not in sign_in("reporter").get("/organizations/111/").content.decode()
