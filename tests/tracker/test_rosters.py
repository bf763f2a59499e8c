"""Rosters: accounts and roles from a file, all of it or nothing, by the thousand, within one's scope."""

import time

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import url
from tracker.models import Membership, OneTimeCode, Role, User
from tracker.models.rosters import MOST, check_roster, load_roster, read_roster
from tracker.models.sheets import text_of

HEAD = "username,name,telephone,organization,role,department"
GOOD = f"""{HEAD}
zhang,张三,0871-1,111,reporter,办公室
zhang,,,111,leader,
li,李四,,112,填报人,权益保障部
"""


def complaints(text, by=None):
    return check_roster(read_roster(text), by=by).complaints


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (User, Membership)]


@pytest.fixture
def office(client, cast):
    client.force_login(cast.administrator, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def chief(client, cast, bodies):
    """An administrator of the city."""
    made = person("chief", bodies.city, Role.ADMINISTRATOR)
    client.force_login(made, backend="django.contrib.auth.backends.ModelBackend")
    return made


def choose(client, content, **fields):
    content = content if isinstance(content, bytes) else content.encode()
    data = {"file": SimpleUploadedFile("roster.csv", content)} | fields
    return client.post("/admin/tracker/user/roster/", data)


def test_people_and_their_roles_are_made_with_a_history_and_without_a_password(cast, bodies):
    roster = load_roster(read_roster(GOOD), by=cast.administrator)
    assert (len(roster.made), len(roster.given)) == (2, 3)
    zhang = User.objects.get(username="zhang")
    assert (zhang.name, zhang.telephone, zhang.has_usable_password()) == ("张三", "0871-1", False)
    held = zhang.memberships.order_by("pk").values_list("organization__code", "role", "department")
    assert list(held) == [("111", "reporter", "办公室"), ("111", "leader", "")]
    for record in (zhang, *zhang.memberships.all()):
        told = record.history.get()
        assert (told.history_user, told.history_type) == (cast.administrator, "+")
        assert told.history_change_reason
    assert len(set(User.objects.filter(username__in=["zhang", "li"]).values_list("password", flat=True))) == 2


def test_loading_again_changes_nothing_and_what_is_empty_stays(cast, bodies):
    load_roster(read_roster(GOOD), by=None)
    before = rows()
    again = load_roster(read_roster(GOOD), by=None)
    assert not again.does_something
    assert again.unchanged == 3
    load_roster(read_roster(f"{HEAD}\nzhang,,,111,reporter,\n"), by=None)
    assert rows() == before


def test_who_is_known_gets_the_new_name_role_and_department(cast, bodies):
    load_roster(
        read_roster(f"{HEAD}\nreporter,改名,12,111,reporter,宣传部\nreporter,,,112,reporter,\n"), by=cast.administrator
    )
    cast.reporter.refresh_from_db()
    assert (cast.reporter.name, cast.reporter.telephone) == ("改名", "12")
    assert cast.reporter.check_password("a-long-password")
    assert cast.reporter.history.first().history_user == cast.administrator
    held = cast.reporter.memberships.get(organization=bodies.county)
    assert (held.department, held.history.first().history_type) == ("宣传部", "~")
    assert cast.reporter.memberships.filter(organization=bodies.sister).exists()


CHINESE = "用户名,姓名,电话,单位代码,角色,部室\r\nzhang,张三,0871-1,111,填报人,办公室\r\n"


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode(),
        CHINESE.encode("utf-8-sig"),
        CHINESE.encode("gbk"),
        CHINESE.encode("gb18030"),
        CHINESE.replace("\r\n", "\n").encode(),
        CHINESE.replace("张三", "𠮷三").encode("gb18030"),
        CHINESE.replace("\r\n", "\r\n\r\n").encode(),
        "角色,账号,部门,姓名,联系电话,组织代码\r\nReporter,zhang,办公室,张三,0871-1,111\r\n".encode(),
    ],
)
def test_any_encoding_line_end_heading_and_order_is_read(cast, bodies, content):
    (line,) = read_roster(text_of(content))
    assert (line.username, line.name[-1], line.organization, line.department) == ("zhang", "三", "111", "办公室")
    assert load_roster([line], by=None).given[0].role == "reporter"


@pytest.mark.parametrize(
    ("line", "where"),
    [
        (",张三,,111,reporter,", "第 2 行“用户名”"),
        ("a b,张三,,111,reporter,", "第 2 行“用户名”"),
        ("x" * 151 + ",张三,,111,reporter,", "第 2 行“用户名”"),
        ("zh\x00ang,张三,,111,reporter,", "第 2 行“用户名”"),
        ("zhang,,,111,reporter,", "第 2 行“姓名”"),
        ("zhang," + "长" * 61 + ",,111,reporter,", "第 2 行“姓名”"),
        ("zhang,张\x00三,,111,reporter,", "第 2 行“姓名”"),
        ("zhang,张三," + "1" * 61 + ",111,reporter,", "第 2 行“办公电话”"),
        ("zhang,张三,,,reporter,", "第 2 行“单位代码”"),
        ("zhang,张三,,nowhere,reporter,", "第 2 行“单位代码”"),
        ("zhang,张三,,1\x001,reporter,", "第 2 行“单位代码”"),
        ("zhang,张三,,111,,", "第 2 行“角色”"),
        ("zhang,张三,,111,king,", "第 2 行“角色”"),
        ("zhang,张三,,111,reporter," + "长" * 61, "第 2 行“部室”"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_column_and_nothing_is_loaded(cast, bodies, line, where):
    before = rows()
    text = f"{HEAD}\n{line}\nli,李四,,111,reporter,\n"
    (found,) = complaints(text)
    assert found.startswith(where), found
    with pytest.raises(Exception, match=where):
        load_roster(read_roster(text), by=None)
    assert rows() == before


def test_lines_that_contradict_or_repeat_each_other_are_named(cast, bodies):
    found = complaints(f"{HEAD}\nz,张三,,111,reporter,\nz,张四,,111,leader,\nz,张三,,111,填报人,\n")
    assert [line.split("：")[0] for line in found] == ["第 3 行“姓名”", "第 4 行“角色”"]


def test_every_fault_is_named_at_once_in_the_order_of_the_file(cast, bodies):
    text = HEAD + "".join(f"\np{number},,,x{number},king," for number in range(50))
    found = complaints(text)
    assert len(found) == 150
    assert [int(line.split()[1]) for line in found] == sorted(number + 2 for number in range(50) for _fault in range(3))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "首行"),
        ("username,name\nzhang,张三\n", "首行"),
        (HEAD + ",username\n", "首行"),
        (HEAD + "\n", "没有人员"),
        (HEAD + "\nzhang,张三\n", "第 2 行"),
        (HEAD + "\nzhang,张三,,111,reporter,,\n", "第 2 行"),
        (HEAD + '\n"zhang,张三,,111,reporter,\n', "第 2 行"),
        (HEAD + "\nzhang,张三,,111,reporter," * (MOST + 1), str(MOST)),
    ],
)
def test_what_is_no_roster_is_refused_with_a_sentence(cast, text, words):
    with pytest.raises(Exception, match=words):
        read_roster(text)


def test_what_is_no_text_is_refused(office):
    page = choose(office, b"\xff\xfe\x00\xff")
    assert page.status_code == 422
    assert page.context["form"].errors["file"]


# Whose.


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("zhang,张三,,1,reporter,", "“单位代码”"),  # above
        ("zhang,张三,,2,reporter,", "“单位代码”"),  # aside
        ("supervisor,,,111,reporter,", "“用户名”"),  # holds a role above
        ("outsider,,,111,reporter,", "“用户名”"),
        ("root,,,111,reporter,", "“用户名”"),
        ("closed,,,111,leader,", "“用户名”"),
    ],
)
def test_an_administrator_loads_into_their_scope_alone(chief, cast, bodies, line, column):
    person("root", bodies.county, Role.REPORTER, is_superuser=True)
    person("closed", bodies.county, Role.REPORTER, is_active=False)
    (found,) = complaints(f"{HEAD}\n{line}\n", by=chief)
    assert column in found
    assert not complaints(GOOD, by=chief)


def test_a_closed_body_takes_no_new_members_but_keeps_its_own(cast, bodies):
    bodies.county.closed_on = timezone.localdate()
    bodies.county.save()
    (found,) = complaints(f"{HEAD}\nreporter,,,111,reporter,宣传部\nreporter,,,111,leader,\n")
    assert found.startswith("第 3 行“单位代码”")


def test_in_the_back_office_too_a_closed_body_takes_none(office, cast, bodies):
    bodies.county.closed_on = timezone.localdate()
    bodies.county.save()
    data = {"person": cast.outsider.pk, "organization": bodies.county.pk, "role": "leader", "department": ""}
    page = office.post(url("membership", "add"), data)
    assert "organization" in page.context["adminform"].form.errors
    held = cast.reporter.memberships.get()
    assert office.post(url("membership", "change", held.pk), {"role": "leader", "department": "x"}).status_code == 302


# The page.


def test_a_file_is_previewed_then_loaded_then_its_codes_are_taken_once(office, cast, bodies):
    before = rows()
    page = choose(office, GOOD)
    assert page.status_code == 200
    assert (len(page.context["preview"].made), len(page.context["preview"].given)) == (2, 3)
    assert rows() == before
    answer = office.post("/admin/tracker/user/roster/", {"text": page.context["text"], "load": "1"})
    assert answer.status_code == 302
    assert User.objects.filter(username__in=["zhang", "li"]).count() == 2
    page = office.get("/admin/tracker/user/roster/")
    assert page.context["invited"] == 2
    file = office.post("/admin/tracker/user/invitations/")
    lines = file.content.decode().removeprefix("\ufeff").split("\r\n")
    assert lines[0] == "用户名,姓名,组织,一次性码,失效时间"
    name, full, body, code, _until = lines[1].split(",")
    assert (name, full, body) == ("li", "李四", "乙县总工会")
    assert OneTimeCode.redeem("li", code, "quite-another-password")
    again = office.post("/admin/tracker/user/invitations/")
    assert again.status_code == 302
    assert OneTimeCode.objects.count() == 2
    assert not any(code in str(session.get_decoded()) for session in Session.objects.all())


def test_a_get_takes_no_codes(office, bodies):
    answer = choose(office, GOOD)
    office.post("/admin/tracker/user/roster/", {"text": answer.context["text"], "load": "1"})
    assert office.get("/admin/tracker/user/invitations/").status_code == 302
    assert not OneTimeCode.objects.exists()
    assert office.get("/admin/tracker/user/roster/").context["invited"] == 2


def test_faults_are_shown_and_cannot_be_loaded_past(office, bodies):
    before = rows()
    bad = GOOD + "wang,王五,,nowhere,king,\n"
    page = choose(office, bad)
    assert page.status_code == 422
    assert len(page.context["preview"].complaints) == 2
    assert page.context["text"] == ""
    forced = office.post("/admin/tracker/user/roster/", {"text": bad, "load": "1"})
    assert forced.status_code == 422
    assert rows() == before


def test_what_came_in_between_is_seen_when_it_is_loaded(office, cast, bodies):
    page = choose(office, GOOD)
    bodies.county.closed_on = timezone.localdate()
    bodies.county.save()
    answer = office.post("/admin/tracker/user/roster/", {"text": page.context["text"], "load": "1"})
    assert answer.status_code == 422
    assert not User.objects.filter(username="li").exists()


@pytest.mark.parametrize(
    ("fields", "words"), [({}, "请选择"), ({"text": ""}, "请选择"), ({"text": "x", "load": "1"}, "首行")]
)
def test_without_a_file_it_says_so(office, fields, words):
    page = office.post("/admin/tracker/user/roster/", fields)
    assert page.status_code == 422
    assert words in str(page.context["form"].errors)


def test_a_file_too_large_is_refused(office):
    page = choose(office, HEAD + "\n" + "x" * (2 * 1024 * 1024))
    assert "2 MB" in str(page.context["form"].errors)


@pytest.mark.parametrize("who", ["reporter", "reviewer", "supervisor", "auditor"])
def test_no_other_role_loads(client, cast, who):
    client.force_login(getattr(cast, who), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/tracker/user/roster/", follow=True).status_code == 403
    assert choose(client, GOOD).status_code in (302, 403)
    assert not User.objects.filter(username="zhang").exists()


# The command, and what it costs.


def test_the_command_loads_a_file(cast, bodies, tmp_path, capsys):
    file = tmp_path / "people.csv"
    file.write_bytes(CHINESE.encode("gb18030"))
    call_command("load_people", file)
    assert User.objects.get(username="zhang").memberships.get().organization == bodies.county
    file.write_text(GOOD + "wang,王五,,nowhere,reporter,\n", "utf-8")
    with pytest.raises(CommandError, match="nowhere"):
        call_command("load_people", file)
    with pytest.raises(CommandError):
        call_command("load_people", tmp_path / "missing.csv")
    assert not User.objects.filter(username="li").exists()


def test_three_thousand_accounts_take_seconds_and_few_statements(cast, bodies):
    text = HEAD + "".join(f"\np{n:05},人员{n},0871-{n},{(111, 112)[n % 2]},reporter,办公室" for n in range(3_000))
    lines, begun = read_roster(text), time.process_time()
    with CaptureQueriesContext(connection) as queries:
        roster = load_roster(lines, by=cast.administrator)
    assert len(roster.made) == len(roster.given) == 3_000
    assert len(queries) < 150, len(queries)  # SQLite takes some hundred rows a statement, PostgreSQL a thousand
    assert time.process_time() - begun < 10  # seconds of our own; the machine may be busy with others
    with CaptureQueriesContext(connection) as queries:
        made = OneTimeCode.hand_out_all(roster.made, by=cast.administrator)
    assert len(made) == 3_000
    assert len(queries) < 60, len(queries)
