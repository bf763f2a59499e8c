"""What programs read: who is let in with what, what lies in scope, and that the numbers are the pages' own."""

import base64
import datetime as dt

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.refusals import as_also
from tracker.models import (
    Assignment,
    AssignmentTally,
    Entry,
    EntryTally,
    Membership,
    Operation,
    Organization,
    Role,
    Token,
    TransitionRefused,
    User,
)

TALLIES = "/api/plans/18/tallies/"


def token_of(user, **values):
    return Token.make(by=user, **{"name": "Power Query", "days": 90} | values)


def reader(secret):
    return Client(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture
def read(owed):
    """`read(user, address)` is the answer to that person's token, opened up."""

    def as_(user, address, **query):
        _token, secret = token_of(user)
        response = reader(secret).get(address, query)
        assert response.status_code == 200, response.content.decode()
        return response.json()

    return as_


def codes(rows):
    return {row["code"] for row in rows}


# Who is let in.


def test_a_token_lets_in_by_bearer_or_as_the_password_of_basic(owed, cast):
    token, secret = token_of(cast.supervisor)
    assert reader(secret).get("/api/").json()["acting"]["organization"] == "1"
    for username in ("supervisor", "", "任意"):
        basic = base64.b64encode(f"{username}:{secret}".encode()).decode()
        assert Client(headers={"authorization": f"Basic {basic}"}).get("/api/").status_code == 200
    assert secret not in str(Token.objects.values().get(pk=token.pk))


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer x", "Bearer 令牌", "Basic !!", "Basic eA==", "Digest x", "luoshi_x", "Bearer \0"],
)
def test_without_a_token_that_works_it_says_so_and_never_leads_to_the_login_page(owed, header):
    client = Client(headers={"authorization": header} if header is not None else {})
    for address in ("/api/", TALLIES, "/api/nowhere/"):
        for method in (client.get, client.post):
            response = method(address)
            assert response.status_code == 401
            assert response.json()["error"]
            assert "Basic" in response.headers["WWW-Authenticate"]


def test_a_revoked_an_expired_and_an_ended_token_let_nobody_in_and_the_log_says_who_tried(owed, cast, bodies):
    told = []
    for spoil in ("revoked", "expired", "role", "moved", "inactive", "ended"):
        token, secret = token_of(cast.supervisor)
        client, held = reader(secret), Membership.objects.filter(person=cast.supervisor)
        assert client.get("/api/").status_code == 200
        with_role = held.get()
        if spoil == "revoked":
            token.revoke()
        elif spoil == "expired":
            Token.objects.update(made_at=timezone.now() - dt.timedelta(2), expires_at=timezone.now())
        elif spoil == "role":
            held.update(role=Role.AUDITOR)
        elif spoil == "moved":
            held.update(organization=bodies.nation)
        elif spoil == "inactive":
            User.objects.filter(pk=cast.supervisor.pk).update(is_active=False)
        else:
            held.delete()
        response = client.get("/api/")
        assert response.status_code == 401, spoil
        told.append(response.json()["error"])
        line = Operation.objects.filter(action="refused").first()
        assert (line.by, line.result, line.detail["token"]) == (cast.supervisor, "refused", "Power Query")
        Token.objects.all().delete()
        User.objects.filter(pk=cast.supervisor.pk).update(is_active=True)
        if spoil != "ended":
            held.update(role=with_role.role, organization=with_role.organization)
    assert len(set(told)) == 3, told


def test_the_role_is_the_token_s_whatever_the_session_chose(owed, cast, bodies):
    _token, secret = token_of(cast.reporter)
    again = as_also(cast.reporter, Role.SUPERVISOR, bodies.nation)
    client = Client()
    client.force_login(again, backend="django.contrib.auth.backends.ModelBackend")
    client.post("/accounts/acting/", {"membership": again.acting.pk})
    assert client.get("/api/").json()["acting"] == {"person": "填报人甲", "organization": "0", "role": "supervisor"}
    with_both = client.get("/api/", headers={"authorization": f"Bearer {secret}"})
    assert with_both.json()["acting"] == {"person": "填报人甲", "organization": "111", "role": "reporter"}


def test_a_token_opens_no_page(owed, cast):
    _token, secret = token_of(cast.administrator)
    assert reader(secret).get("/plans/18/").status_code == 302
    assert reader(secret).get("/admin/").status_code == 302


def test_reading_writes_once_a_day_at_most(owed, cast):
    token, secret = token_of(cast.supervisor)
    client = reader(secret)
    client.get("/api/")
    assert Token.objects.get(pk=token.pk).last_used_on == timezone.localdate()
    assert Operation.objects.filter(action="signed_in", by=cast.supervisor).count() == 1
    with CaptureQueriesContext(connection) as queries:
        client.get("/api/")
    assert not [q["sql"] for q in queries if not q["sql"].lstrip().upper().startswith("SELECT")]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_it_is_read_and_nothing_else(owed, cast, method):
    _token, secret = token_of(cast.administrator)
    client = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {secret}"})
    response = getattr(client, method)(TALLIES)
    assert response.status_code == 405
    assert response.json()["error"]


# Tokens.


def test_a_sixth_token_is_refused_and_a_revoked_one_makes_room(owed, cast):
    made = [token_of(cast.supervisor)[0] for _n in range(5)]
    with pytest.raises(TransitionRefused):
        token_of(cast.supervisor)
    assert made[0].revoke()
    assert not made[0].revoke()
    token_of(cast.supervisor)


def test_a_token_is_made_shown_once_and_revoked_on_the_page_and_logged(sign_in, owed, cast):
    client = sign_in("supervisor")
    page = client.post("/accounts/tokens/", {"name": "季度汇总表", "days": "180"})
    secret = page.context["secret"]
    assert secret in page.content.decode()
    assert secret not in client.get("/accounts/tokens/").content.decode()
    assert reader(secret).get("/api/").status_code == 200
    token = Token.objects.get()
    assert sign_in("outsider").post(f"/accounts/tokens/{token.pk}/revoke/").status_code == 404
    assert sign_in("supervisor").post(f"/accounts/tokens/{token.pk}/revoke/").status_code == 302
    assert reader(secret).get("/api/").status_code == 401
    lines = Operation.objects.filter(action="account", target="季度汇总表")
    assert {line.detail["did"] for line in lines} == {"made", "revoked"}


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "", "days": "30"},
        {"name": "x" * 61, "days": "30"},
        {"name": "a\0", "days": "30"},
        {"name": "表", "days": "366"},
        {"name": "表", "days": "-1"},
        {"name": "表"},
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_stays(sign_in, owed, typed):
    page = sign_in("supervisor").post("/accounts/tokens/", typed)
    assert page.status_code == 422
    assert page.context["form"].errors
    assert not Token.objects.exists()


def test_no_token_is_made_in_a_role_deputized_for_or_without_any(owed, cast):
    cast.outsider.acting = cast.reporter.memberships.get()
    with pytest.raises(TransitionRefused):
        token_of(cast.outsider)
    with pytest.raises(TransitionRefused):
        token_of(User.objects.create_superuser("root", password="a-long-password"))


# Scope: own, below, above, sideways, the other line.


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("reporter", {"111"}),
        ("reviewer", {"11", "111", "112"}),
        ("supervisor", {"1", "11", "111", "112", "113"}),
        ("administrator", {"0", "1", "2", "U", "11", "111", "112", "113"}),
        ("outsider", {"2"}),
    ],
)
def test_organizations_are_those_in_scope(read, cast, who, seen):
    answer = read(getattr(cast, who), "/api/organizations/")
    assert codes(answer["organizations"]) == seen
    assert answer["next"] is None


def test_an_organization_says_where_it_stands_and_not_whom_to_call(read, cast, bodies):
    union = person("union", bodies.union, Role.SUPERVISOR)
    rows = read(union, "/api/organizations/")["organizations"]
    assert codes(rows) == {"U", "113"}
    school = next(row for row in rows if row["code"] == "113")
    assert (school["parent"], school["industry"], school["line"], school["closed_on"]) == ("1", "U", "industrial", None)
    assert "telephone" not in school
    Organization.objects.filter(pk=bodies.school.pk).update(closed_on=dt.date(2026, 3, 1))
    rows = read(union, "/api/organizations/")["organizations"]
    assert {row["closed_on"] for row in rows} == {None, "2026-03-01"}


@pytest.mark.parametrize(
    ("who", "organization", "status"),
    [
        ("supervisor", "1", 200),  # own
        ("supervisor", "111", 200),  # below
        ("supervisor", "113", 200),  # below, of the other line
        ("supervisor", "0", 404),  # above
        ("supervisor", "2", 404),  # sideways
        ("supervisor", "U", 404),  # the other line's
        ("supervisor", "nobody", 404),
        ("reporter", "111", 200),
        ("reporter", "112", 404),
        ("reviewer", "112", 200),
        ("reviewer", "1", 404),
    ],
)
def test_tallies_of_what_lies_out_of_scope_are_not_found(owed, cast, who, organization, status):
    _token, secret = token_of(getattr(cast, who))
    response = reader(secret).get(TALLIES, {"organization": organization})
    assert response.status_code == status
    assert status == 200 or response.json()["error"]


def test_who_does_not_see_below_gets_each_body_alone(read, cast, owed, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    answer = read(cast.reviewer, TALLIES)
    assert answer["with_below"] is False
    rows = {row["organization"]: row for row in answer["tallies"]}
    assert set(rows) == {"11", "111", "112"}
    assert (rows["11"]["assignments"], rows["111"]["assignments"], rows["112"]["assignments"]) == (0, 4, 1)
    assert (rows["111"]["entries"]["owed"], rows["111"]["entries"]["submitted"]) == (4, 1)


def test_a_person_without_a_role_reads_nothing(client, owed):
    client.force_login(User.objects.create_user("nobody", password="a-long-password"))
    response = client.get("/api/")
    assert response.status_code == 403
    assert response.json()["error"]


# What is read.


def test_the_plan_is_told_whole(read, cast, tasks, bodies):
    tasks[0].name_owner(bodies.province, by=cast.administrator)
    answer = read(cast.reporter, "/api/plans/18/")
    assert [task["code"] for task in answer["tasks"]] == ["3.2.1", "3.2.2", "3.2.3", "3.2.4"]
    first, second = answer["tasks"][:2]
    assert (first["wording"], first["due"], first["owner"], first["status"]) == (
        "一号举措",
        "2028-10-31",
        "1",
        "not_started",
    )
    assert (second["standing"], second["due"], second["heading"], second["area"]) == (True, None, "3.2", 3)
    assert answer["figures"][0]["target"] == 1000
    assert answer["figures"][0]["tasks"] == ["3.2.3"]
    assert "一号举措".encode() in reader(token_of(cast.reporter)[1]).get("/api/plans/18/").content


def test_the_root_lists_what_there_is_and_what_the_codes_are_called(read, cast):
    answer = read(cast.reporter, "/api/")
    assert answer["plans"][0]["tallies"].endswith(TALLIES)
    assert answer["plans"][0]["periods"] == ["2026Q4"]
    assert answer["words"]["status"]["in_progress"] == "正在推进"


def file_some(owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    owed["3.2.2"].save_draft(by=cast.reporter, version=1, **content)
    owed["3.2.3"].submit(by=cast.reporter, version=1, **content)
    owed["3.2.1"].refresh_from_db()
    owed["3.2.1"].accept(by=cast.reviewer, version=owed["3.2.1"].version, comment="")


def deepen(bodies, tasks, period):
    """Below the tiers: two bodies under the county, one of them also under an industrial one of the other county."""
    trade = place("T", "示例二县教育工会", "county", bodies.sister, industry=bodies.school, line="industrial")
    town = place("1111", "甲镇总工会", "township", bodies.county)
    works = place("1112", "甲校工会", "grassroots", bodies.county, industry=trade, line="industrial")
    village = place("11111", "甲村工会", "grassroots", town)
    below = [bodies.school, trade, town, works, village]
    Assignment.objects.assign(tasks[:2], below, by=None, all_levels=True, owe_now=True)
    return [*vars(bodies).values(), *below]


def test_the_numbers_are_the_pages_own_for_every_body_at_every_depth(read, cast, owed, bodies, tasks, period, content):
    everybody = deepen(bodies, tasks, period)
    file_some(owed, cast, content)
    seen = set()
    for body in everybody:
        body.refresh_from_db()
        for row in read_pages(cast.administrator, TALLIES, organization=body.code, period="2026Q4", per_page=2):
            of = Organization.objects.get(code=row["organization"])
            entries = EntryTally.totals(period, of)
            del entries["reported"]
            assert row["entries"] == entries, of
            counts = AssignmentTally.totals(of, task__plan=period.plan)
            assert row["status"] | row["light"] == counts, of
            assert row["assignments"] == sum(row["status"].values())
            seen.add((of.pk, row["entries"]["owed"]))
    assert {pk for pk, _owed in seen} == {body.pk for body in everybody}
    assert max(owed for _pk, owed in seen) == 15


def read_pages(user, address, **query):
    Token.objects.filter(person=user).delete()
    client, rows = reader(token_of(user)[1]), []
    answer = client.get(address, query).json()
    while True:
        rows += answer["tallies"]
        if not answer["next"]:
            return rows
        answer = client.get(answer["next"].removeprefix("http://testserver")).json()


@pytest.mark.parametrize("line", ["territorial", "industrial"])
def test_a_line_named_is_counted_alone(cast, owed, bodies, tasks, period, content, line):
    everybody = deepen(bodies, tasks, period)
    for body in everybody:
        for row in read_pages(cast.administrator, TALLIES, organization=body.code, line=line):
            of = Organization.objects.get(code=row["organization"])
            inside = of.subtree("assignment__organization__", line=line)
            assert row["entries"]["owed"] == Entry.objects.filter(inside, period=period).count(), (of, line)
            assert (
                row["assignments"] == Assignment.objects.live().filter(of.subtree("organization__", line=line)).count()
            )
    listed = read_pages(cast.administrator, TALLIES, line=line)
    below = {"territorial": {"0", "1", "2", "U"}, "industrial": {"0", "U"}}[line]
    assert {row["organization"] for row in listed} == below


def test_a_page_of_many_bodies_asks_as_many_queries_as_one_of_few(cast, owed, bodies, tasks):
    _token, secret = token_of(cast.administrator)
    client, counts = reader(secret), []
    client.get("/api/")
    for first in (0, 300):
        for number in range(first, first + (3 if first == 0 else 60)):
            place(f"9{number:03}", f"示例{number}县总工会", "county", bodies.city)
            place(f"8{number:03}", f"示例{number}镇总工会", "township", bodies.county)
        made = Organization.objects.filter(code__regex="^[89]...$")
        Assignment.objects.assign(tasks[:1], made, by=None, all_levels=True, owe_now=True)
        for address in (
            f"{TALLIES}?organization=11",
            f"{TALLIES}?organization=111",
            "/api/organizations/",
            "/api/plans/18/",
        ):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
    assert counts[:4] == counts[4:]
    assert max(counts) <= 14, counts


def test_the_whole_programme_is_one_page(cast, bodies, db):
    call_command("loaddata", "fixtures/report_18.json", verbosity=0)
    answer = reader(token_of(cast.reporter)[1]).get("/api/plans/18/").json()
    assert (len(answer["areas"]), len(answer["headings"]), len(answer["tasks"]), len(answer["figures"])) == (
        9,
        28,
        104,
        20,
    )
    assert answer["next"] is None


# Paging, not changed, bad input.


def test_pages_lead_on_to_the_last_and_lose_nothing(cast, owed):
    client, found, address = reader(token_of(cast.administrator)[1]), [], "/api/organizations/?per_page=3"
    while address:
        answer = client.get(address).json()
        found += [row["code"] for row in answer["organizations"]]
        address = answer["next"] and answer["next"].removeprefix("http://testserver")
    assert found == list(Organization.objects.order_by("path").values_list("code", flat=True))
    assert client.get("/api/organizations/?page=99").json()["organizations"] == []


def test_what_has_not_changed_is_not_sent_again(cast, owed, content):
    client = reader(token_of(cast.supervisor)[1])
    for address in ("/api/", "/api/plans/18/", "/api/organizations/", TALLIES):
        etag = client.get(address).headers["ETag"]
        again = client.get(address, headers={"if-none-match": etag})
        assert (again.status_code, again.content) == (304, b"")
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    changed = client.get(TALLIES, headers={"if-none-match": etag})
    assert changed.status_code == 200
    assert changed.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=9999999999",
        "page=１",
        "page=",
        "per_page=501",
        "per_page=0",
        "line=both",
        "period=2020Q1",
        "period=%00",
        "organization=%00",
        "organisation=11",
    ],
)
def test_bad_input_gets_a_sentence(cast, owed, query):
    response = reader(token_of(cast.supervisor)[1]).get(f"{TALLIES}?{query}")
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_wrong_address_gets_a_sentence(cast, owed):
    client = reader(token_of(cast.supervisor)[1])
    for address in ("/api/plans/19/", "/api/nowhere/", "/api/plans/19/tallies/"):
        response = client.get(address)
        assert response.status_code == 404
        assert response.json()["error"]


def test_before_a_period_opens_there_is_nothing_owed_to_tell(cast, bodies, plan, tasks):
    answer = reader(token_of(cast.supervisor)[1]).get(TALLIES).json()
    assert answer["period"] is None
    assert answer["tallies"][0]["entries"] is None
