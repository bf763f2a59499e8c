"""The operations log: what is written, by whom it is read, and that nobody rewrites it."""

import csv
import datetime as dt
import io
import logging

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import filled, url
from tracker.models import Operation, Role
from tracker.models.audit import Sent, address_of

TARGET = "甲县总工会（示例一市总工会）"
LIST = "admin:tracker_operation_changelist"
PASSWORD = "a-long-password"
NEW = {"new_password1": "another-password", "new_password2": "another-password"}


def lines(**which):
    return list(Operation.objects.filter(**which).order_by("pk"))


def the_line(**which):
    (line,) = lines(**which)
    return line


# What is written.


def test_signing_in_and_out_and_failing_to_are_told(client, cast, bodies):
    client.post(reverse("login"), {"username": "reporter", "password": "wrong"})
    failed = the_line(action="sign_in_failed")
    assert (failed.by, failed.username, failed.result, failed.address) == (None, "reporter", "refused", "127.0.0.1")
    client.post(reverse("login"), {"username": "reporter", "password": PASSWORD})
    client.post(reverse("logout"))
    for action in ("signed_in", "signed_out"):
        line = the_line(action=action)
        assert (line.by, line.acting_role, line.acting_organization) == (cast.reporter, "reporter", bodies.county)
        assert line.address == "127.0.0.1"
    assert not [line for line in lines() if "wrong" in str(vars(line)) or PASSWORD in str(vars(line))]


def test_a_lock_out_is_told(client, cast, settings):
    for _try in range(settings.AXES_FAILURE_LIMIT):
        client.post(reverse("login"), {"username": "reporter", "password": "wrong"})
    assert the_line(action="locked_out").username == "reporter"


def test_what_is_typed_as_a_name_cannot_break_the_log(client, cast):
    for username in ("x\0" * 400, "长" * 5_000, ""):
        answer = client.post(reverse("login"), {"username": username, "password": "wrong"})
        assert answer.status_code == 200
        assert answer.context["form"].errors
    for line in lines(action="sign_in_failed"):
        assert len(line.username) <= 150
        assert "\0" not in line.username
    line = Operation.record("refused", None, target="\ud800\0" * 999, keys=["\ud800", {"a": "\0"}], username="\udfff")
    assert "\0" not in Operation.objects.get(pk=line.pk).target


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/organizations/2/", 404),
        ("/organizations/" + "长" * 3_000 + "/", 404),
        ("/entries/0/", 404),
        ("/admin/", 403),
        ("/admin/tracker/user/add/", 403),
    ],
)
def test_a_refusal_is_told_with_who_as_what_from_where_and_for_what(sign_in, cast, bodies, path, status):
    assert sign_in("reporter").get(path, REMOTE_ADDR="10.1.2.3").status_code == status
    line = the_line(action="refused")
    assert (line.by, line.acting_role, line.acting_organization) == (cast.reporter, "reporter", bodies.county)
    assert (line.address, line.result, line.detail["status"]) == ("10.1.2.3", "refused", status)
    assert line.target == path[:300]


def test_fine_readings_and_addresses_that_name_no_page_are_not_told(sign_in, owed):
    client = sign_in("reporter")
    for path in ("/", "/organizations/111/", "/reports/18/ledger/", "/nothing/here/"):
        client.get(path)
    assert {line.action for line in lines()} == {"signed_in"}


def test_an_export_is_told_with_its_filter_and_the_rows_that_left(sign_in, owed):
    page = sign_in("supervisor").get("/reports/18/ledger.csv?period=2026Q4&organization=111")
    assert not lines(action="exported")
    sent = b"".join(page.streaming_content).decode()
    line = the_line(action="exported")
    assert line.detail == {"filter": "period=2026Q4&organization=111", "rows": 4}
    assert line.detail["rows"] == len(list(csv.reader(io.StringIO(sent)))) - 1
    assert line.result == "done"


def test_a_file_that_was_broken_off_says_so_and_how_far_it_came(cast):
    request = RequestFactory().get("/file.csv?a=1")
    request.user = cast.supervisor
    sent = Sent(request)
    file = sent.logged(",".join(chunk) for chunk in sent.counted([["1", "2"], ["3"], ["4"]]))
    assert [next(file), next(file)] == ["1,2", "3"]
    file.close()
    line = the_line(action="exported")
    assert (line.result, line.detail["rows"], line.target) == ("broken", 2, "/file.csv")


def test_a_file_that_fails_says_so(cast):
    request = RequestFactory().get("/file.csv")
    request.user = cast.supervisor

    def chunks():
        yield ["1"]
        raise ValueError

    sent = Sent(request)
    with pytest.raises(ValueError):
        list(sent.logged(map(str, sent.counted(chunks()))))
    assert (the_line(action="exported").result, the_line(action="exported").detail["rows"]) == ("broken", 1)


def test_accounts_and_roles_changed_in_the_back_office_are_told_without_what_was_typed(client, cast, bodies):
    client.force_login(cast.administrator)
    page = client.get(url("user", "change", cast.reporter.pk))
    client.post(page.request["PATH_INFO"], filled(page, name="新名", **{"memberships-0-role": "supervisor"}))
    account, role = the_line(action="account"), the_line(action="role")
    assert (account.detail["fields"], account.detail["key"]) == (["name"], cast.reporter.pk)
    assert (role.detail["did"], role.detail["fields"]) == ("changed", ["role"])
    client.post(url("user", "password", cast.reporter.pk), NEW)
    assert lines(action="account")[-1].detail["fields"] == ["password"]
    client.post(url("membership", "delete", cast.reporter.memberships.get().pk), {"post": "yes"})
    assert lines(action="role")[-1].detail["did"] == "deleted"
    assert all(line.by == cast.administrator for line in lines(action__in=["account", "role"]))
    assert not [line for line in lines() if "another-password" in str(vars(line))]


def test_one_s_own_new_password_is_told(sign_in):
    sign_in("reporter").post(reverse("password_change"), {"old_password": PASSWORD} | NEW)
    assert the_line(action="account").detail["fields"] == ["password"]


def test_an_edit_and_its_line_are_one(client, cast, bodies, monkeypatch):
    """Where the line cannot be written nothing is changed."""
    client.force_login(cast.administrator)
    page = client.get(url("organization", "change", bodies.county.pk))

    def fail(*args, **kwargs):
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(Operation, "record", fail)
        with pytest.raises(DatabaseError):
            client.post(page.request["PATH_INFO"], filled(page, contact="李办公"))
    bodies.county.refresh_from_db()
    assert bodies.county.contact == "王办公"
    client.post(page.request["PATH_INFO"], filled(page, contact="李办公"))
    line = the_line(action="administered")
    assert (line.detail["model"], line.detail["fields"], line.target) == ("organization", ["contact"], TARGET)


def test_a_page_does_not_break_over_its_log(sign_in, monkeypatch, caplog):
    client = sign_in("reporter")

    def fail(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr(Operation.objects, "create", fail)
    with caplog.at_level(logging.ERROR):
        assert client.get("/organizations/2/").status_code == 404
    assert "operations log was lost" in caplog.text


def test_what_a_list_does_to_many_rows_is_told(client, cast, period):
    client.force_login(cast.administrator)
    client.post(url("period", "changelist"), {"action": "open_periods", "_selected_action": period.pk, "confirm": "1"})
    assert the_line(action="administered").detail == {"ran": "open_periods", "keys": [str(period.pk)]}


@pytest.mark.parametrize(
    ("behind", "headers", "address"),
    [
        (False, {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.2.3.4"}, "10.0.0.1"),
        (True, {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 1.2.3.4"}, "1.2.3.4"),
        (True, {"REMOTE_ADDR": "10.0.0.1"}, "10.0.0.1"),
        (True, {"HTTP_X_FORWARDED_FOR": "nonsense"}, None),
        (False, {"REMOTE_ADDR": ""}, None),
        (False, {"REMOTE_ADDR": "fe80::1%eth0"}, "fe80::1"),
    ],
)
def test_the_address_is_the_last_hop_behind_a_proxy_alone(settings, behind, headers, address):
    settings.BEHIND_PROXY = behind
    request = RequestFactory().get("/")
    request.META = headers
    assert address_of(request) == address


# Nobody rewrites it.


@pytest.fixture
def line(db):
    return Operation.record("signed_in", None, username="x")


def test_the_code_only_adds(line):
    for act in (line.save, line.delete, Operation.objects.all().delete, lambda: Operation.objects.update(username="y")):
        with pytest.raises(TypeError):
            act()


@pytest.mark.parametrize("sql", ["UPDATE tracker_operation SET username = 'y'", "DELETE FROM tracker_operation"])
def test_the_database_itself_refuses(line, sql):
    """With the triggers that the migrations leave behind."""
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Operation.objects.get().username == "x"


def test_lines_go_when_they_are_older_than_half_a_year(db):
    for days in (400, 181, 179, 0):
        Operation.objects.create(
            at=timezone.now() - dt.timedelta(days), action="signed_in", result="done", username=days
        )
    with pytest.raises(CommandError):
        call_command("prune_operations", "179")
    with pytest.raises(ValueError):
        Operation.objects.prune(179)
    call_command("prune_operations", "365")
    assert {line.username for line in lines()} == {"181", "179", "0"}
    call_command("prune_operations", "180")
    assert {line.username for line in lines()} == {"179", "0"}
    call_command("prune_operations", str(10**30))
    assert len(lines()) == 2


@pytest.mark.django_db(transaction=True)
def test_a_flush_empties_the_log_and_leaves_it_guarded():
    Operation.record("signed_in", None, username="x")
    call_command("flush", interactive=False, verbosity=0)
    assert not Operation.objects.exists()
    Operation.record("signed_in", None, username="x")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracker_operation")


# Read by auditors alone.


@pytest.mark.parametrize("who", ["administrator", "supervisor", "reporter", "security"])
def test_nobody_but_an_auditor_reads_it(client, cast, bodies, who):
    client.force_login(getattr(cast, who, None) or person("security", bodies.nation, Role.SECURITY))
    for page in (reverse(LIST), reverse("admin:tracker_operation_csv")):
        assert client.get(page).status_code == 403
    index = client.get(reverse("admin:index"))
    assert reverse(LIST) not in index.content.decode()


def told(client, query=""):
    page = client.get(reverse(LIST) + query)
    assert page.status_code == 200
    return {(row.action, row.username) for row in page.context["cl"].result_list}


def test_the_root_s_auditor_reads_all_and_another_what_their_own_people_did(client, cast, bodies):
    for username in ("reporter", "outsider", "nobody-there"):
        client.post(reverse("login"), {"username": username, "password": "wrong"})
    for user in (cast.supervisor, cast.outsider):
        Operation.record("exported", None, by=user)
    client.force_login(cast.auditor)
    assert {("sign_in_failed", "nobody-there"), ("exported", "outsider"), ("exported", "supervisor")} <= told(client)
    client.force_login(person("province-auditor", bodies.province, Role.AUDITOR))
    assert told(client) == {
        ("sign_in_failed", "reporter"),
        ("exported", "supervisor"),
        ("signed_in", "province-auditor"),
    }


def test_it_is_filtered_by_action_result_day_person_and_body(client, cast, bodies):
    Operation.record("exported", None, by=cast.supervisor)
    Operation.record("refused", None, by=cast.reporter, result="refused")
    client.force_login(cast.auditor)
    signed = ("signed_in", "auditor")
    for query, found in {
        "?action__exact=refused": {("refused", "reporter")},
        "?result__exact=done": {("exported", "supervisor"), signed},
        "?since=day": {("exported", "supervisor"), ("refused", "reporter"), signed},
        f"?by={cast.supervisor.pk}": {("exported", "supervisor")},
        f"?acting_organization={bodies.county.pk}": {("refused", "reporter")},
        "?q=督办人": {("exported", "supervisor")},
        f"?by={10**30}": {("exported", "supervisor"), ("refused", "reporter"), signed},
    }.items():
        assert told(client, query) == found, query


def test_a_filter_names_nobody_whom_the_auditor_does_not_read_of(client, cast, bodies):
    Operation.record("exported", None, by=cast.outsider)
    client.force_login(person("province-auditor", bodies.province, Role.AUDITOR))
    assert "外省人" not in client.get(f"{reverse(LIST)}?by={cast.outsider.pk}").content.decode()


def test_the_list_takes_as_many_queries_for_many_lines_as_for_few(client, cast):
    client.force_login(cast.auditor)
    counted = []
    for many in (3, 40):
        for user in [cast.reporter, cast.reviewer, cast.supervisor] * (many // 3):
            Operation.record("administered", None, by=user, model="organization", key=1, did="changed", fields=["name"])
        client.get(reverse(LIST))
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse(LIST))
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_its_own_file_is_guarded_and_told(client, cast):
    client.post(reverse("login"), {"username": "=1+1", "password": "wrong"})
    client.force_login(cast.auditor)
    page = client.get(reverse("admin:tracker_operation_csv") + "?action__exact=sign_in_failed")
    header, row = csv.reader(io.StringIO(b"".join(page.streaming_content).decode("utf-8-sig")))
    assert len(header) == len(row)
    assert "'=1+1" in row
    line = the_line(action="exported")
    assert (line.by, line.detail["rows"]) == (cast.auditor, 1)
    assert line.detail["filter"] == "action__exact=sign_in_failed"


def test_a_line_is_shown_and_not_changed(client, cast):
    client.force_login(cast.auditor)
    line = Operation.record("role", None, by=cast.administrator, target="x", model="membership", did="added", key=3)
    page = client.get(url("operation", "change", line.pk))
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    for page in ("change", "delete"):
        assert client.post(url("operation", page, line.pk), {"post": "yes"}).status_code == 403
