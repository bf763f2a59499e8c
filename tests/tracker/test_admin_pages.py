"""Every page of the back office: who comes in, what they find, and what a page costs."""

import datetime as dt

import pytest
import zeal
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from zeal.apps import ZealConfig

from tests.conftest import person, place
from tests.tracker.office import furnish, model_of, url
from tracker.models import Assignment, Event, Holiday, Membership, Period, Role, User

MODELS = (
    "task",
    "assignment",
    "entry",
    "period",
    "holiday",
    "organization",
    "user",
    "membership",
    "plan",
    "area",
    "heading",
    "figure",
    "comparisonrule",
    "event",
    "evidence",
    "erasure",
    "digest",
)
ADDED = (
    "task",
    "assignment",
    "period",
    "holiday",
    "organization",
    "user",
    "membership",
    "plan",
    "area",
    "heading",
    "figure",
    "comparisonrule",
)


@pytest.fixture
def office(owed, cast, content, tasks, bodies):
    return furnish(owed, cast, content, tasks, bodies)


@pytest.mark.parametrize("who", ["administrator", "auditor"])
def test_lists_forms_and_histories_open_for_inspectors(client, office, cast, who):
    client.force_login(getattr(cast, who))
    for model in MODELS:
        row = model_of(model)._default_manager.first()
        pages = [url(model, "changelist"), url(model, "change", row.pk)]
        if model not in ("event", "evidence", "erasure", "digest"):
            pages.append(url(model, "history", row.pk))
        for page in pages:
            response = client.get(page)
            assert response.status_code == 200, page
            assert b"style=" not in response.content, page
            assert b"<script>" not in response.content, page
        added = client.get(url(model, "add"))
        assert added.status_code == (200 if who == "administrator" and model in ADDED else 403), model


def test_the_first_page_names_the_product_and_lists_the_records_in_working_order(client, office, cast):
    client.force_login(cast.administrator)
    response = client.get(reverse("admin:index"))
    assert response.status_code == 200
    listed = [row["model"]._meta.model_name for app in response.context["app_list"] for row in app["models"]]
    assert listed == list(MODELS)


def test_a_superuser_sees_no_stock_page_of_another_app(client, db, bodies):
    client.force_login(User.objects.create_superuser("root", password="a-long-password"))
    response = client.get(reverse("admin:index"))
    assert [app["app_label"] for app in response.context["app_list"]] == ["tracker"]


@pytest.mark.parametrize("who", ["reporter", "leader", "reviewer", "supervisor"])
def test_whoever_does_not_inspect_is_refused(client, cast, who):
    client.force_login(getattr(cast, who))
    for name in ("admin:index", "admin:tracker_task_changelist", "admin:tracker_user_add"):
        response = client.get(reverse(name), follow=True)
        assert response.status_code == 403, name
    response = client.get(reverse("admin:autocomplete"), {"term": "县"}, follow=True)
    assert response.status_code == 403


def test_a_deactivated_administrator_does_not_come_in(client, cast):
    client.force_login(cast.administrator)
    User.objects.filter(pk=cast.administrator.pk).update(is_active=False)
    assert client.get(reverse("admin:index")).status_code == 302


def test_who_has_not_signed_in_is_led_to_the_one_place_to_do_it(client, db):
    response = client.get(reverse("admin:tracker_task_changelist"))
    assert response.status_code == 302
    assert response.url.startswith(reverse("login"))
    assert client.get(reverse("admin:login")).url.startswith(reverse("login"))


def test_an_administrator_who_acts_as_a_reporter_now_is_refused(client, cast, bodies):
    other = Membership.objects.create(person=cast.administrator, organization=bodies.county, role=Role.REPORTER)
    client.force_login(cast.administrator)
    client.post(reverse("acting"), {"membership": other.pk})
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


# What a page costs.


@pytest.fixture(scope="module")
def patched():
    ZealConfig.create("zeal").ready()


@pytest.fixture
def grown(bodies, tasks, period, cast):
    """A function that adds counties with everything hanging on them."""

    def grow(count):
        counties = [place(f"9{n:03}", f"新{n}县总工会", "county", bodies.city) for n in range(grow.so_far, count)]
        grow.so_far = count
        Assignment.objects.assign(tasks, counties, by=cast.administrator)
        for county in counties:
            person(f"p{county.code}", county, Role.REPORTER, name="县报")
            Holiday.objects.create(day=dt.date(2027, 1, 1) + dt.timedelta(int(county.code[1:])))
            Period.objects.create(
                plan=period.plan,
                code=f"2{county.code[1:]}",
                kind="year",
                opens="2027-01-01",
                due="2027-01-02",
                locks="2027-01-03",
            )
        for task, county in zip(tasks, counties, strict=False):
            task.name_owner(county, by=cast.administrator)
        period.open()
        Assignment.objects.first().amend(by=cast.administrator, responsible="甲")
        for assignment in Assignment.objects.filter(organization__in=counties):
            assignment.amend(by=cast.administrator, responsible="张三")

    grow.so_far = 0
    return grow


def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(client, patched, grown, cast, bodies):
    client.force_login(cast.administrator)
    counted = []
    for count in (2, 12):
        grown(count)
        counts = {}
        for model in MODELS:
            client.get(url(model, "changelist"))
            with CaptureQueriesContext(connection) as queries, zeal.zeal_context():
                assert client.get(url(model, "changelist")).status_code == 200
            counts[model] = len(queries)
        counted.append(counts)
    assert counted[0] == counted[1]
    assert max(counted[0].values()) < 20


@pytest.mark.parametrize(
    ("model", "field"), [("assignment", "organization"), ("assignment", "task"), ("membership", "person")]
)
def test_autocompletes_take_as_many_queries_for_many_rows_as_for_few(client, patched, grown, cast, model, field):
    client.force_login(cast.administrator)
    grown(12)
    with zeal.zeal_context():
        response = client.get(
            reverse("admin:autocomplete"),
            {"app_label": "tracker", "model_name": model, "field_name": field, "term": ""},
        )
    assert response.status_code == 200


def test_events_are_told_at_the_same_cost_however_many(client, patched, office, cast, bodies, tasks):
    client.force_login(cast.administrator)
    assignment = Assignment.objects.get(task=tasks[0], organization=bodies.county)
    counted = []
    for many in range(2):
        for n in range(many * 10):
            assignment.amend(by=cast.administrator, responsible=f"第{n}人")
        page = url("assignment", "change", assignment.pk)
        client.get(page)
        with CaptureQueriesContext(connection) as queries, zeal.zeal_context():
            assert client.get(page).status_code == 200
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_a_list_counts_no_further_than_it_pages(client, cast, grown, monkeypatch):
    from tracker.admin import base

    monkeypatch.setattr(base, "LIST_LIMIT", 20)
    monkeypatch.setattr(base.BackOfficeAdmin, "list_limit", 20)
    grown(8)
    client.force_login(cast.administrator)
    with CaptureQueriesContext(connection) as queries:
        page = client.get(url("assignment", "changelist")).content.decode()
    counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
    assert counts
    assert all("LIMIT 21" in sql for sql in counts)
    assert "20" in page


# Addresses typed or spoilt.

ADDRESSES = (
    "?q=%00",
    "?q=" + "%E5%8E%BF" * 2_000,
    "?status__exact=%00",
    "?status__exact=nonsense",
    "?code__regex=(",
    "?id__in=1,,x",
    "?p=0",
    "?p=99999",
    "?p=x",
    "?o=9.x.-3",
    "?e=1",
    "?nonsense=1",
    "?since=x",
    "?at__gte=0001-01-01",
    "?at__gte=9999-12-31",
    "?task__heading__area__id__exact=%00",
    "?task__heading__area__id__exact=99999999999999999999",
    "?task__heading__area__id__exact=x",
    "?plan__id__exact=x",
    "?standing__exact=x",
    "?ended=x",
    "?owner__isempty=x",
    "?period__id__exact=-1",
    "?all=",
    "?_popup=1",
    "?memberships__role__exact=%ED%A0%80",
    "?password__startswith=a",
)


def test_a_spoilt_address_gets_a_page_and_never_a_fault(client, office, cast):
    client.force_login(cast.administrator)
    for model in MODELS:
        for address in ADDRESSES if model in ("assignment", "user") else ADDRESSES[:3]:
            response = client.get(url(model, "changelist") + address, follow=True)
            assert response.status_code == 200, (model, address)
    twice = client.get(url("task", "changelist") + "?p=99999&e=1", follow=True)
    assert twice.status_code == 200


def test_a_filter_that_means_nothing_is_left_out_and_the_page_says_so(client, office, cast):
    client.force_login(cast.administrator)
    response = client.get(url("task", "changelist") + "?code__regex=(", follow=True)
    assert [message.level_tag for message in response.context["messages"]] == ["warning"]


def test_a_key_that_names_nothing_is_not_found(client, office, cast):
    client.force_login(cast.administrator)
    for model in MODELS:
        base = url(model, "changelist")
        for key in ("0", "x", "%00", "99999999999999999999", "-1", "1/2", "9" * 5000):
            for page in ("change", "history", "password") if model == "user" else ("change", "history"):
                assert client.get(f"{base}{key}/{page}/").status_code == 404, (model, key[:20], page)


def test_what_was_searched_finds(client, office, cast):
    client.force_login(cast.administrator)
    for model, words, found in (
        ("task", "3.2.1", 1),
        ("task", "举措", 4),
        ("assignment", "3.2.1 甲县", 1),
        ("assignment", "111", 4),
        ("entry", "3.2.2", 1),
        ("organization", "甲县", 1),
        ("organization", "11", 4),
        ("user", "审核人", 1),
        ("user", "甲县总工会", 2),
        ("membership", "省总工会 督办", 1),
        ("event", "甲县 审核人甲", 1),
        ("figure", "示范", 1),
        ("plan", "十八大", 1),
        ("area", "维权", 1),
        ("heading", "3.2", 1),
        ("holiday", "国庆", 1),
        ("period", "2026Q4", 1),
    ):
        response = client.get(url(model, "changelist"), {"q": words})
        assert response.context["cl"].result_count == found, (model, words)


def test_the_demo_is_announced_on_every_page(client, cast, settings):
    client.force_login(cast.administrator)
    assert b"demo-band" not in client.get(reverse("admin:index")).content
    settings.DEMO = True
    assert b"demo-band" in client.get(reverse("admin:index")).content


def test_events_are_kept_to_read(client, office, cast):
    client.force_login(cast.administrator)
    event = Event.objects.first()
    assert client.post(url("event", "change", event.pk), {"comment": "x"}).status_code == 403
    assert client.post(url("event", "delete", event.pk), {"post": "yes"}).status_code == 403
