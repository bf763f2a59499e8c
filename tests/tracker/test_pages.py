"""Every page: it renders, it keeps to its scope, it takes bad input with a sentence."""

import pytest
from django.urls import reverse

ANYONE = ["reporter", "leader", "reviewer", "supervisor", "administrator", "auditor", "outsider"]


@pytest.fixture
def pages(owed, bodies):
    return [
        "/",
        "/review/",
        "/plans/18/",
        "/plans/18/areas/3/",
        "/plans/18/tasks/",
        "/plans/18/tasks/3.2.3/",
        "/reports/18/ledger/",
        "/accounts/password/",
    ]


@pytest.mark.parametrize("name", ANYONE)
def test_every_page_opens_for_every_role(sign_in, pages, name):
    client = sign_in(name)
    for page in pages:
        response = client.get(page)
        assert response.status_code == 200, page
        assert "Content-Security-Policy" in response.headers


def test_without_signing_in_there_is_only_the_login_page_and_the_health_check(client, pages):
    for page in pages:
        assert client.get(page).headers["Location"].startswith("/accounts/login/")
    assert client.get("/accounts/login/").status_code == 200
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.parametrize(
    "page",
    [
        "/plans/nowhere/",
        "/plans/18/areas/99/",
        "/plans/18/tasks/9.9.9/",
        "/entries/0/",
        "/organizations/nobody/",
        "/plans/18/areas/99999999999999999999/",
        "/entries/99999999999999999999999/",
        "/nothing/at/all",
        "/plans/18/tasks/%00/",
        "/organizations/%00/",
    ],
)
def test_a_wrong_address_is_a_page_that_says_so(sign_in, owed, page):
    response = sign_in("reporter").get(page)
    assert response.status_code == 404
    assert "masthead" in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?page=abc",
        "?page=99999999999999999999",
        "?page=-1",
        "?per_page=-1",
        "?per_page=1000000",
        "?sort=nothing",
        "?sort=-wording",
        "?area=99",
        "?area=x",
        "?heading=%00",
        "?status=odd",
        "?owner=odd",
        "?words=%00",
        "?words=" + "x" * 5000,
        "?organization=zzz",
        "?period=zzz",
    ],
)
@pytest.mark.parametrize("page", ["/plans/18/tasks/", "/plans/18/tasks/3.2.1/", "/review/", "/organizations/111/"])
def test_a_wrong_query_is_answered_with_the_page(sign_in, owed, page, query):
    assert sign_in("reviewer").get(page + query).status_code == 200


def test_a_wrong_filter_finds_nothing_and_says_why(sign_in, owed):
    response = sign_in("reviewer").get("/plans/18/tasks/?area=99")
    assert response.context["found"] == 0
    assert response.context["filter"].form.errors["area"]


def test_the_first_page_says_what_is_owed(sign_in, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    response = sign_in("reporter").get("/")
    (round_,) = response.context["rounds"]
    assert (round_["owed"], round_["reported"], len(round_["open"])) == (4, 1, 3)


def test_the_first_page_of_a_supervisor_counts_all_below(sign_in, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    ((_period, counts),) = sign_in("supervisor").get("/").context["below"]
    assert (counts["owed"], counts["reported"], counts["due"]) == (5, 1, 4)


def test_an_entry_outside_my_scope_is_not_found(sign_in, owed):
    page = owed["3.2.1"].get_absolute_url()
    assert sign_in("outsider").get(page).status_code == 404
    assert sign_in("supervisor").get(page).status_code == 200


def test_a_draft_is_seen_inside_its_own_body_alone(sign_in, owed, cast, content):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content)
    page = owed["3.2.1"].get_absolute_url()
    assert sign_in("leader").get(page).status_code == 200
    assert sign_in("reviewer").get(page).status_code == 404
    assert sign_in("supervisor").get(page).status_code == 404


def test_an_organization_outside_my_scope_is_not_found(sign_in, owed, bodies):
    assert sign_in("reporter").get(bodies.sister.get_absolute_url()).status_code == 404
    assert sign_in("supervisor").get(bodies.sister.get_absolute_url()).status_code == 200
    assert sign_in("supervisor").get(bodies.other.get_absolute_url()).status_code == 404


def test_english_stands_beside_chinese(sign_in, owed):
    client = sign_in("reporter")
    assert 'lang="zh-Hans"' in client.get("/").content.decode()
    response = client.post("/language/", {"language": "en", "next": "/plans/18/"})
    assert response.headers["Location"] == "/plans/18/"
    assert 'lang="en"' in client.get("/").content.decode()


def test_the_language_switch_does_not_lead_away(client, db):
    response = client.post("/language/", {"language": "en", "next": "https://example.org/"})
    assert response.headers["Location"] == "/"


def test_a_person_acts_in_one_of_their_own_roles_alone(sign_in, cast, bodies, owed):
    second = cast.reporter.memberships.create(organization=bodies.sister, role="reporter")
    client = sign_in("reporter")
    client.post("/accounts/acting/", {"membership": second.pk})
    assert client.get("/").context["body"] == bodies.sister
    foreign = cast.outsider.memberships.get()
    assert client.post("/accounts/acting/", {"membership": foreign.pk}).status_code == 404
    assert client.get("/").context["body"] == bodies.sister


def test_healthz_and_admin_are_reachable(sign_in, owed):
    assert reverse("healthz") == "/healthz"
    assert sign_in("administrator").get("/admin/").status_code == 200
