"""The role acted in: switched, remembered, lost in mid-session; and a deputy's days, to the day."""

import datetime as dt

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import url
from tests.tracker.refusals import fresh, refused
from tracker.models import Deputy, Entry, Event, Membership, Role, TransitionRefused, User

DAY = dt.timedelta(1)
NOON = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))


@pytest.fixture
def aide(bodies):
    """A reporter in the reviewer's own body."""
    return person("aide", bodies.city, Role.REPORTER, name="代理人甲")


@pytest.fixture
def today():
    return timezone.localdate()


@pytest.fixture
def deputy(cast, aide, today):
    return Deputy.name(cast.reviewer.memberships.get(), aide, first=today, last=today, by=cast.reviewer)


def enter(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def act(client, membership):
    return client.post(reverse("acting"), {"membership": membership.pk})


# Switching.


def test_the_masthead_offers_organization_role_and_department_under_a_label(client, cast, bodies, owed):
    Membership.objects.filter(person=cast.reporter).update(department="办公室")
    Membership.objects.create(person=cast.reporter, organization=bodies.city, role=Role.REVIEWER)
    page = enter(client, cast.reporter).get("/").content.decode()
    assert "甲县总工会 · 填报人 · 办公室" in page
    assert '<label class="visually-hidden" for="membership">' in page
    switch = page[page.index('action="/accounts/acting/"') :]
    assert '<button class="btn btn-sm btn-outline-primary">' in switch[: switch.index("</form>")]  # it needs no script


def test_the_choice_is_remembered_at_the_next_sign_in(client, cast, bodies, owed):
    second = Membership.objects.create(person=cast.reporter, organization=bodies.sister, role=Role.REPORTER)
    act(enter(client, cast.reporter), second)
    client.post(reverse("logout"))
    client.post(reverse("login"), {"username": "reporter", "password": "a-long-password"})
    assert client.get("/").context["body"] == bodies.sister


def test_another_s_choice_on_the_same_computer_is_nothing_to_me(client, cast, bodies, owed):
    second = Membership.objects.create(person=cast.reporter, organization=bodies.sister, role=Role.REPORTER)
    act(enter(client, cast.reporter), second)
    client.post(reverse("logout"))
    client.post(reverse("login"), {"username": "leader", "password": "a-long-password"})
    assert client.get("/").context["body"] == bodies.county


@pytest.mark.parametrize("cookie", ["x", "9" * 40, "-1", "%00"])
def test_a_forged_memory_is_ignored(client, cast, bodies, owed, cookie):
    client.cookies["acting"] = cookie
    answer = client.post(reverse("login"), {"username": "reporter", "password": "a-long-password"})
    assert answer.status_code == 302
    assert client.get("/").context["body"] == bodies.county


def test_a_role_taken_away_in_mid_session_falls_back(client, cast, bodies, owed):
    second = Membership.objects.create(person=cast.reporter, organization=bodies.nation, role=Role.ADMINISTRATOR)
    act(enter(client, cast.reporter), second)
    assert client.get("/admin/").status_code == 200
    second.delete()
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get("/").context["body"] == bodies.county


def test_who_has_no_role_left_gets_a_page_that_says_so(client, cast, bodies, owed):
    act(enter(client, cast.reporter), cast.reporter.memberships.get())
    cast.reporter.memberships.all().delete()
    for page in ("/", "/accounts/"):
        assert client.get(page).status_code == 200
    assert "请" in client.get("/").content.decode()


# Deputies.


def test_a_deputy_switches_to_the_role_and_decides_in_their_own_name(client, deputy, aide, cast, owed, content, bodies):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    page = enter(client, aide).get("/")
    assert "（代理审核人甲）" in page.content.decode()
    assert client.get(owed["3.2.1"].get_absolute_url()).status_code == 404
    act(client, deputy.membership)
    assert client.get("/review/").context["found"] == 1
    client.post(owed["3.2.1"].get_absolute_url(), {"action": "accept", "version": 2})
    entry = fresh(owed["3.2.1"])
    assert (entry.state, entry.decided_by) == ("accepted", aide)
    told = Event.objects.filter(entry=entry, action="accepted").get()
    assert (told.by, told.acting_role, told.acting_organization) == (aide, "reviewer", bodies.city)


def test_what_they_submitted_themselves_stays_forbidden(deputy, aide, cast, owed, bodies, content):
    mine = Membership.objects.create(person=aide, organization=bodies.county, role=Role.REPORTER)
    aide.acting = mine
    owed["3.2.1"].submit(by=aide, version=1, **content)
    again = User.objects.get(pk=aide.pk)
    again.acting = deputy.membership
    with refused(fresh(owed["3.2.1"]), "own"):
        fresh(owed["3.2.1"]).accept(by=again, version=2)
    assert not Entry.objects.reviewable_by(again).exists()


def test_both_days_count_by_the_clock_of_shanghai(cast, aide):
    first = NOON.date()
    membership = cast.reviewer.memberships.get()
    Deputy.name(membership, aide, first=first, last=first + DAY, by=cast.reviewer, today=first)
    midnight = dt.datetime.combine(first, dt.time(), NOON.tzinfo)
    for moment, acts in (
        (midnight - dt.timedelta(seconds=1), False),
        (midnight, True),
        (midnight + 2 * DAY - dt.timedelta(seconds=1), True),
        (midnight + 2 * DAY, False),
    ):
        with time_machine.travel(moment, tick=False):
            assert aide.may_act_in(timezone.localdate()).filter(pk=membership.pk).exists() == acts, moment


def test_it_ends_silently_in_mid_session(client, aide, cast, bodies, owed, content):
    with time_machine.travel(NOON, tick=False):
        membership = cast.reviewer.memberships.get()
        Deputy.name(membership, aide, first=NOON.date(), last=NOON.date(), by=cast.reviewer)
    with time_machine.travel(NOON + dt.timedelta(hours=11, minutes=59), tick=False):
        enter(client, aide)
        act(client, membership)
        assert client.get("/review/").context["user"].role == "reviewer"
    with time_machine.travel(NOON + dt.timedelta(hours=12), tick=False):
        page = client.get("/review/")
        assert (page.status_code, page.context["user"].role) == (200, "reporter")
        assert act(client, membership).status_code == 404


@pytest.mark.parametrize("what", ["holder left", "holder closed", "deputy left", "deputy closed", "role changed"])
def test_it_ends_with_what_it_stands_on(deputy, aide, cast, today, what):
    assert aide.may_act_in(today).count() == 2
    if what == "holder left":
        cast.reviewer.memberships.all().delete()
    elif what == "holder closed":
        User.objects.filter(pk=cast.reviewer.pk).update(is_active=False)
    elif what == "deputy left":
        aide.memberships.all().delete()
    elif what == "role changed":
        Membership.objects.filter(person=cast.reviewer).update(role=Role.ADMINISTRATOR)
    else:
        User.objects.filter(pk=aide.pk).update(is_active=False)
        assert not User.objects.get(pk=aide.pk).may("log")
        return
    assert not aide.may_act_in(today).filter(pk=deputy.membership_id).exists()


@pytest.mark.parametrize(
    ("who", "field"),
    [("reporter", "person"), ("outsider", "person"), ("reviewer", "person"), ("closed", "person"), ("upper", None)],
)
def test_a_deputy_has_an_account_in_the_body_or_above(cast, bodies, today, who, field):
    person("closed", bodies.city, Role.REPORTER, is_active=False)
    person("upper", bodies.province, Role.REPORTER)
    membership, whom = cast.reviewer.memberships.get(), User.objects.get(username=who)
    if field is None:
        assert Deputy.name(membership, whom, first=today, last=today, by=cast.reviewer)
        return
    with pytest.raises(ValidationError) as error:
        Deputy.name(membership, whom, first=today, last=today, by=cast.reviewer)
    assert set(error.value.message_dict) == {field}
    assert not Deputy.objects.exists()


def test_days_are_in_order_not_past_and_not_twice(cast, aide, today):
    membership = cast.reviewer.memberships.get()
    for first, last, field in ((today, today - DAY, "last"), (today - 3 * DAY, today - DAY, "last")):
        with pytest.raises(ValidationError) as error:
            Deputy.name(membership, aide, first=first, last=last, by=cast.reviewer)
        assert set(error.value.message_dict) == {field}
    Deputy.name(membership, aide, first=today, last=today + 3 * DAY, by=cast.reviewer)
    with pytest.raises(ValidationError) as error:
        Deputy.name(membership, aide, first=today + 3 * DAY, last=today + 9 * DAY, by=cast.reviewer)
    assert set(error.value.message_dict) == {"first"}
    Deputy.name(membership, aide, first=today + 4 * DAY, last=today + 9 * DAY, by=cast.reviewer)


def test_the_holder_or_an_administrator_names_and_nobody_else(cast, aide, bodies, today):
    membership = cast.reviewer.memberships.get()
    days = {"first": today, "last": today}
    for by in (cast.reporter, cast.supervisor, cast.auditor, aide, person("far", bodies.other, Role.ADMINISTRATOR)):
        with pytest.raises(TransitionRefused):
            Deputy.name(membership, aide, by=by, **days)
    assert Deputy.name(membership, aide, by=cast.administrator, **days)
    with pytest.raises(TransitionRefused):  # only those who decide have deputies
        Deputy.name(aide.memberships.get(), cast.reviewer, by=aide, **days)


def test_a_deputy_names_no_deputy_of_their_own(deputy, aide, cast, bodies, today):
    third = person("third", bodies.city, Role.REPORTER)
    aide.acting = deputy.membership
    with pytest.raises(TransitionRefused):
        Deputy.name(deputy.membership, third, first=today, last=today, by=aide)


# The pages.


def name(client, membership, whom, first, last, address="/accounts/"):
    data = {"membership": membership.pk, "person": whom.pk, "first": first, "last": last}
    return client.post(address, data)


def test_on_one_s_own_page_a_deputy_is_named_and_ended(client, cast, aide, today, owed):
    enter(client, cast.reviewer)
    assert client.get("/accounts/").status_code == 200
    membership = cast.reviewer.memberships.get()
    assert name(client, membership, aide, today - DAY, today + DAY).status_code == 302
    deputy = Deputy.objects.get()
    assert (deputy.person, deputy.history.get().history_user) == (aide, cast.reviewer)
    assert "代理人甲" in client.get("/accounts/").content.decode()
    assert client.get(reverse("deputy_end", args=[deputy.pk])).status_code == 405
    assert client.post(reverse("deputy_end", args=[deputy.pk])).status_code == 302
    deputy.refresh_from_db()
    assert deputy.last == today - DAY
    assert not aide.may_act_in(today).filter(pk=membership.pk).exists()


def test_ended_before_it_had_a_day_it_leaves_its_history(client, deputy, cast, aide, today):
    enter(client, cast.reviewer).post(reverse("deputy_end", args=[deputy.pk]))
    assert not Deputy.objects.exists()
    assert Deputy.history.filter(history_type="-").get().history_user == cast.reviewer


@pytest.mark.parametrize("who", ["aide", "reporter", "administrator", "supervisor"])
def test_nobody_ends_another_s_on_their_own_page(client, deputy, who):
    enter(client, User.objects.get(username=who))
    for key in (deputy.pk, 0, "9" * 25):
        assert client.post(f"/accounts/deputies/{key}/end/").status_code == 404
    assert Deputy.objects.exists()


def test_whoever_decides_nothing_is_offered_no_deputy(client, cast, owed, aide, today):
    enter(client, cast.reporter)
    assert client.get("/accounts/").context["form"] is None
    assert name(client, cast.reviewer.memberships.get(), aide, today, today).status_code == 422
    assert not Deputy.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"person": ""}, "person"),
        ({"person": "x"}, "person"),
        ({"person": "9" * 40}, "person"),
        ({"person": "\x00"}, "person"),
        ({"membership": "9" * 40}, "membership"),
        ({"membership": "0"}, "membership"),
        ({"first": ""}, "first"),
        ({"first": "2026-13-40"}, "first"),
        ({"last": "2020-01-01"}, "last"),
        ({"last": "\x00"}, "last"),
        ({"last": "99999-01-01"}, "last"),
    ],
)
@pytest.mark.parametrize("where", ["own page", "back office"])
def test_a_wrong_deputy_is_named_beside_the_field(client, cast, aide, today, owed, changes, field, where):
    membership = cast.reviewer.memberships.get()
    enter(client, cast.reviewer if where == "own page" else cast.administrator)
    address = "/accounts/" if where == "own page" else url("user", "deputies", cast.reviewer.pk)
    data = {"membership": membership.pk, "person": aide.pk, "first": today, "last": today} | changes
    page = client.post(address, data)
    assert page.status_code == 422
    assert field in page.context["form"].errors
    assert not Deputy.objects.exists()


def test_an_administrator_names_and_ends_for_somebody_in_scope(client, cast, aide, today, bodies):
    address = url("user", "deputies", cast.reviewer.pk)
    membership = cast.reviewer.memberships.get()
    far = person("far-admin", bodies.other, Role.ADMINISTRATOR)
    assert name(enter(client, far), membership, aide, today, today, address).status_code == 404
    enter(client, cast.administrator)
    assert name(client, membership, aide, today, today, address).status_code == 302
    deputy = Deputy.objects.get()
    assert "代理人甲" in client.get(address).content.decode()
    assert client.post(address, {"end": "9" * 30}).status_code == 404
    assert client.post(address, {"end": deputy.pk}).status_code == 302
    assert not Deputy.objects.exists()


def test_the_account_page_asks_as_many_queries_of_more(client, cast, bodies, aide, today, owed):
    enter(client, cast.reviewer)

    def asked():
        client.get("/accounts/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/accounts/")
        return len(queries)

    membership = cast.reviewer.memberships.get()
    Deputy.name(membership, aide, first=today, last=today, by=cast.reviewer)
    few = asked()
    for number in range(5):
        more = person(f"aide-{number}", bodies.city, Role.REPORTER)
        Deputy.name(membership, more, first=today, last=today, by=cast.reviewer)
    for role in (Role.REPORTER, Role.SUPERVISOR, Role.AUDITOR):
        Membership.objects.create(person=cast.reviewer, organization=bodies.city, role=role)
    assert asked() == few
