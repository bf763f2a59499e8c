"""Guessed ids, codes and hidden fields: 404 or a sentence; nothing is saved, and nothing breaks."""

import pytest
from django.urls import reverse

from tests.conftest import person
from tests.tracker.office import faults, filled, furnish, url
from tracker.middleware import ACTING
from tracker.models import Assignment, Entry, Membership, Organization, Plan, Role, Task, User

KEYS = ["0", "-1", str(2**63), str(10**30), "9" * 400, "x", "%00", "1%00", "１２", "%F0%9F%98%80", "1e3", "0x1"]
RECORDS = ("assignment", "entry", "event", "user", "membership", "organization", "task", "plan", "period", "operation")


def everything():
    models = (Assignment, Entry, Membership, Organization, Plan, Task, User)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


@pytest.fixture
def office(owed, cast, content, tasks, bodies):
    return furnish(owed, cast, content, tasks, bodies)


@pytest.fixture
def province(client, office, bodies):
    client.force_login(person("province-admin", bodies.province, Role.ADMINISTRATOR))
    return client


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_names_nothing_is_not_found_on_the_site(sign_in, office, key):
    client = sign_in("reporter")
    for path in (f"/entries/{key}/", f"/organizations/{key}/", f"/plans/18/tasks/{key}/", f"/plans/18/areas/{key}/"):
        for method in (client.get, client.post):
            assert method(path).status_code == 404, (method, path)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_names_nothing_is_not_found_in_the_back_office(client, cast, office, key):
    client.force_login(cast.auditor)
    for model in RECORDS:
        for page in ("change", "history"):
            assert client.get(f"{reverse('admin:index')}tracker/{model}/{key}/{page}/").status_code == 404, (
                model,
                page,
            )


def test_a_key_of_another_record_opens_nothing(province, office, bodies, cast):
    """Keys are told apart by the record, and the scope holds for each: the school's keys are no counties'."""
    before = everything()
    outsider = cast.outsider
    for model in ("user", "membership"):
        key = outsider.pk if model == "user" else outsider.memberships.get().pk
        for page in ("change", "history") + (("password",) if model == "user" else ("delete",)):
            for method in (province.get, province.post):
                assert method(url(model, page, key)).status_code == 404, (model, page)
    assert everything() == before


# Hidden fields and choices.


@pytest.mark.parametrize("kind", ["nation", "other", "union", "nothing", "huge", "nul", "negative"])
def test_a_choice_out_of_scope_is_refused_beside_its_field(province, office, bodies, cast, kind):
    value = {"nothing": "99999", "huge": str(10**30), "nul": "1\0", "negative": "-1"}.get(kind)
    value = value or getattr(bodies, kind).pk
    before = everything()
    held = office["3.2.2"].assignment
    person_out = cast.outsider.pk if kind in ("nation", "other", "union") else value
    for model, key, changes, field in (
        ("organization", None, {"code": "119", "name": "丙", "level": "county", "parent": value}, "parent"),
        ("assignment", held.pk, {"reviewing": value}, "reviewing"),
        ("assignment", None, {"task": Task.objects.first().pk, "organization": value}, "organization"),
        ("membership", None, {"person": cast.reporter.pk, "organization": value, "role": "auditor"}, "organization"),
        ("membership", None, {"person": person_out, "organization": bodies.city.pk, "role": "auditor"}, "person"),
    ):
        if field == "reviewing" and kind == "nation":
            continue  # asked for below: what reviews already may go on
        address = url(model, "change", key) if key else url(model, "add")
        answer = province.post(address, filled(province.get(address), **changes))
        assert answer.status_code == 200, (model, field)
        assert field in faults(answer), (model, field)
    assert everything() == before


def test_a_role_out_of_scope_is_not_slipped_into_a_person_s_page(province, office, bodies, cast):
    before = everything()
    address = url("user", "change", cast.reporter.pk)
    abroad = cast.outsider.memberships.get()
    page = province.get(address)
    for changes in (
        {"memberships-0-organization": bodies.other.pk},
        {"memberships-0-id": abroad.pk},
        {"memberships-0-id": abroad.pk, "memberships-0-DELETE": "on"},
        {"memberships-0-person": cast.outsider.pk},
        {
            "memberships-TOTAL_FORMS": "2",
            "memberships-1-organization": bodies.nation.pk,
            "memberships-1-role": "auditor",
        },
    ):
        assert province.post(address, filled(page, **changes)).status_code in (200, 302), changes
    assert everything() == before


def test_a_filter_out_of_scope_leaves_nothing_and_names_nobody(province, office, bodies):
    for query in (f"?q={bodies.other.name}", f"?q={bodies.other.code}"):
        assert province.get(url("organization", "changelist") + query).context["cl"].result_count == 0


@pytest.mark.parametrize("action", ["excuse", "owe_again", "let_in"])
def test_rows_out_of_scope_are_not_slipped_into_an_action(client, office, bodies, action):
    client.force_login(person("other-admin", bodies.other, Role.ADMINISTRATOR))
    before = everything()
    for key in (office["3.2.2"].pk, 10**30, -1, "x", "1\0"):
        data = {"action": action, "_selected_action": key, "seen": f"{key}:1", "comment": "x", "until": "2099-01-01"}
        assert client.post(url("entry", "changelist"), data).status_code in (200, 302)
    assert everything() == before


# Reviewing.


@pytest.mark.parametrize("who", ["outsider", "reviewer", "leader", "supervisor", "auditor"])
@pytest.mark.parametrize("action", ["accept", "return", "reopen", "undo", "withdraw", "save", "submit", "x", "", "\0"])
def test_nobody_moves_an_entry_that_does_not_wait_for_them(client, cast, owed, content, who, action):
    """The county's entry is due: only its reporter has something to do with it, whatever the form says."""
    client.force_login(getattr(cast, who))
    before = everything()
    data = {"action": action, "version": "1", "comment": "x", "organization": "1", "assignment": "1", **content}
    answer = client.post(reverse("entry", args=[owed["3.2.2"].pk]), data)
    assert answer.status_code in (302, 403, 404, 409, 422)
    assert everything() == before


@pytest.mark.parametrize("version", ["", "0", "-1", str(10**30), "x", "1\0", "1.5"])
def test_a_version_that_cannot_be_is_refused_with_a_sentence(sign_in, owed, content, version):
    client, address = sign_in("reporter"), reverse("entry", args=[owed["3.2.1"].pk])
    before = everything()
    for action in ("submit", "accept"):
        answer = client.post(address, {"action": action, "version": version, **content})
        assert answer.status_code == 422
    assert everything() == before


# Acting as somebody else.


@pytest.mark.parametrize("key", ["", "0", "-1", str(10**17), str(10**30), "x", "1\0"])
def test_a_membership_that_is_none_is_not_acted_in(sign_in, cast, key):
    client = sign_in("reporter")
    assert client.post(reverse("acting"), {"membership": key}).status_code in (302, 404)
    assert ACTING not in client.session


def test_nobody_acts_in_another_s_membership(sign_in, cast):
    client = sign_in("reporter")
    theirs = cast.administrator.memberships.get()
    assert client.post(reverse("acting"), {"membership": theirs.pk}).status_code == 404
    assert ACTING not in client.session
    session = client.session
    session[ACTING] = theirs.pk  # even if it stood there
    session.save()
    assert client.get(reverse("admin:index")).status_code == 403


def test_no_page_finds_any_record_by_its_key(client, cast, bodies):
    """Django's own way from a record to its page asks for no scope."""
    from django.contrib.contenttypes.models import ContentType

    client.force_login(person("province-admin", bodies.province, Role.ADMINISTRATOR))
    kind = ContentType.objects.get_for_model(Organization)
    for body in (bodies.other, bodies.city):
        assert client.get(reverse("admin:view_on_site", args=[kind.pk, body.pk])).status_code == 403


def test_a_body_that_cooperates_out_of_scope_is_not_named_in_the_file(sign_in, tasks, bodies, cast, period):
    Assignment.objects.assign(tasks[:1], [bodies.county], by=None)
    Assignment.objects.assign(tasks[:1], [bodies.sister], by=None, part="cooperating")
    for who, named in (("reporter", False), ("reviewer", True), ("supervisor", True)):
        page = sign_in(who).get("/reports/18/ledger.csv?organization=111")
        assert (bodies.sister.name in b"".join(page.streaming_content).decode()) is named, who
