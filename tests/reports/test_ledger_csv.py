"""The ledger's file: what a spreadsheet, a script or an import can rely on."""

import csv
import datetime as dt
import io
import re
from urllib.parse import unquote

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import reports.ledger
import reports.lines
from reports.lines import Lines
from tracker.models import Assignment, Entry, Operation, Organization

from .conftest import FILE, KEYS, entry_of, in_file, read_file


def raw(response):
    return b"".join(response.streaming_content)


def row_of(client, query="organization=111&task=3.2.1"):
    (row,) = read_file(client.get(f"{FILE}?{query}"))
    return row


def test_the_file_is_utf8_with_bom_and_lines_end_as_rfc_4180_says(world, sign_in):
    data = raw(sign_in("supervisor").get(FILE))
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\xef\xbb\xbf") == 1
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") == 1 + 8
    data.decode("utf-8")


def test_a_full_row_says_all_of_design_6(world, bodies, cast, sign_in):
    assignment = Assignment.objects.get(organization=bodies.county, task__code="3.2.3")
    assignment.amend(by=cast.administrator, standard="建成站点", leader="张领导", responsible="李责任")
    entry = entry_of(bodies.county, "3.2.3", world.period)
    row = row_of(sign_in("supervisor"), "organization=111&task=3.2.3&period=2026Q4")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row.pop("reported_at"))
    texts = {
        key: row[key]
        for key in ("number", "code", "task", "standard", "organization", "parent", "leader", "responsible")
    }
    assert texts == {
        "number": "1",
        "code": "3.2.3",
        "task": "三号举措",
        "standard": "建成站点",
        "organization": "甲县总工会",
        "parent": "示例一市总工会",
        "leader": "张领导",
        "responsible": "李责任",
    }
    assert (row["telephone"], row["due"], row["percent"], row["evidence"]) == ("0000-0001", "2028-10-31", "40", "0")
    assert (row["progress"], row["problems"], row["next_steps"]) == ("新建站点四个。", "场所未定。", "继续推进。")
    assert (row["reported_by"], row["reviewed_by"], row["opinion"]) == ("填报人甲", "审核人甲", "")
    assert (row["owner"], row["struck_off_on"], row["cooperating"]) == ("", "", "")
    assert row["system_number"] == f"{assignment.pk}-{world.period.pk}-{entry.version}"
    assert row["area"].endswith("用心用情做好维权服务工作")
    assert row["heading"].startswith("3.2")


def test_the_system_number_has_noughts_for_what_is_absent(world, bodies, sign_in):
    assignment = Assignment.objects.get(organization=bodies.sister, task__code="3.2.1")
    assert row_of(sign_in("supervisor"), "organization=112")["system_number"] == f"{assignment.pk}-0-0"


def test_the_lead_organization_is_the_owner_of_the_task(world, bodies, cast, sign_in):
    world.tasks[0].name_owner(bodies.province, by=cast.administrator)
    assert row_of(sign_in("supervisor"))["owner"] == "示例一省总工会"


def test_moments_are_written_in_local_time(world, bodies, sign_in):
    entry = entry_of(bodies.county, "3.2.1", world.period)
    Entry.objects.filter(pk=entry.pk).update(submitted_at=dt.datetime(2026, 11, 21, 16, 32, 59, 999999, tzinfo=dt.UTC))
    assert row_of(sign_in("supervisor"))["reported_at"] == "2026-11-22 00:32"
    Entry.objects.filter(pk=entry.pk).update(submitted_at=dt.datetime(2026, 11, 22, 6, 5, tzinfo=dt.UTC))
    assert row_of(sign_in("supervisor"))["reported_at"] == "2026-11-22 14:05"


def test_a_standing_duty_says_so_where_a_due_date_would_stand(world, sign_in):
    due = row_of(sign_in("supervisor"), "organization=111&task=3.2.2")["due"]
    assert due
    assert not due[0].isdigit()


HARD = [
    "第一行\n第二行",
    "有\r\n回车",
    '他说"好"',
    "逗号,顿号、",
    "😀 👩\u200d🔧",
    "𠮷野家 𠮷",
    " 前后空格 ",
    "\u3000全角",
    "'单引号",
    "制表\t符",
    '"',
    ",",
    "\\n",
    "a" * 20_000,
    "\u2028行\x85行",
    "\x1f",
    "\u202e从右",
]
RUN = ["=1+1", "+86 10", "-5", "@sum", "\tx", "\rx", "'=1", "''-1", "=cmd|' /C calc'!A0"]


def test_any_text_comes_back_unchanged(world, bodies, sign_in):
    client, entry = sign_in("supervisor"), Entry.objects.filter(pk=entry_of(bodies.county, "3.2.1", world.period).pk)
    for text in HARD:
        entry.update(progress=text, comment=text)
        Organization.objects.filter(pk=bodies.county.pk).update(telephone=text[:60])
        row = row_of(client)
        assert (row["progress"], row["opinion"], row["telephone"]) == (text, text, text[:60])


def test_a_text_that_a_spreadsheet_would_run_gets_one_apostrophe(world, bodies, sign_in):
    client, entry = sign_in("supervisor"), Entry.objects.filter(pk=entry_of(bodies.county, "3.2.1", world.period).pk)
    for text in RUN:
        entry.update(progress=text)
        Organization.objects.filter(pk=bodies.county.pk).update(telephone=text, name=text)
        row = row_of(client)
        assert (row["progress"], row["telephone"], row["organization"]) == ("'" + text,) * 3


def test_numbers_stay_numbers(world, sign_in):
    data = raw(sign_in("supervisor").get(f"{FILE}?task=3.2.3")).decode("utf-8-sig")
    (row,) = list(csv.reader(io.StringIO(data, newline=""), quoting=csv.QUOTE_MINIMAL))[1:]
    assert row[KEYS.index("percent")] == "40"
    assert ",40," in data
    assert data.splitlines()[1].startswith("1,")


# Names and languages.


def test_the_file_is_named_after_plan_and_period(world, sign_in):
    client = sign_in("supervisor")
    header = unquote(client.get(f"{FILE}?period=2026Q4").headers["Content-Disposition"])
    assert header.startswith("attachment; filename")
    assert header.rstrip('"').endswith("_18_2026Q4.csv")
    dated = unquote(client.get(FILE).headers["Content-Disposition"])
    assert dated.rstrip('"').endswith(f"_18_{timezone.localdate().isoformat()}.csv")


def test_the_file_speaks_the_language_of_the_page(world, sign_in):
    client = sign_in("supervisor")
    client.cookies["django_language"] = "en"
    rows = list(csv.reader(io.StringIO(raw(client.get(FILE)).decode("utf-8-sig"), newline="")))
    assert rows[0][:5] == ["No.", "Work area", "Heading", "Code", "Task"]
    assert rows[0][-1] == "System number"
    said = {row[KEYS.index("status")] for row in rows[1:]}
    assert said == {"Not started", "In progress", "Needs coordination"}
    red = next(row for row in rows[1:] if row[KEYS.index("light")] == "Red")
    assert red[KEYS.index("reason")] == "Set by the supervisor: 多次催办未报"


def test_demo_data_says_so_in_its_name_and_in_every_row(world, sign_in, settings):
    settings.DEMO = True
    client = sign_in("supervisor")
    client.cookies["django_language"] = "en"
    response = client.get(FILE)
    assert (
        "demo%20data_" in response.headers["Content-Disposition"]
        or "demo data_" in response.headers["Content-Disposition"]
    )
    rows = list(csv.reader(io.StringIO(raw(response).decode("utf-8-sig"), newline="")))
    assert {len(row) for row in rows} == {30}
    assert {row[29] for row in rows} == {"Demo data: organizations, people and progress are all invented"}


def test_real_data_carries_no_such_column(world, sign_in):
    rows = list(csv.reader(io.StringIO(raw(sign_in("supervisor").get(FILE)).decode("utf-8-sig"), newline="")))
    assert {len(row) for row in rows} == {29}


# How it is sent.


def test_the_rows_leave_in_chunks_and_are_numbered_through(world, sign_in, monkeypatch):
    monkeypatch.setattr(reports.ledger, "CHUNK", 2)
    response = sign_in("administrator").get(FILE)
    chunks = list(response.streaming_content)
    assert len(chunks) == 1 + 1 + 5  # header, tasks without an owner, nine rows by twos
    rows = list(csv.reader(io.StringIO(b"".join(chunks).decode("utf-8-sig"), newline="")))
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(1, 15)]


def test_cells_are_written_again_when_too_many_are_kept(world, sign_in, monkeypatch):
    client = sign_in("administrator")
    whole = in_file(client)
    monkeypatch.setattr(reports.ledger, "CHUNK", 2)
    monkeypatch.setattr(reports.lines, "KEPT", 0)
    assert in_file(client) == whole


def test_the_first_chunk_needs_no_row(world, sign_in):
    stream = iter(sign_in("supervisor").get(FILE).streaming_content)
    with CaptureQueriesContext(connection) as queries:
        assert next(stream).startswith(b"\xef\xbb\xbf")
    assert len(queries) == 0
    assert list(stream)  # left half read, the client would close it whenever memory is tidied: in another test


@pytest.mark.django_db(transaction=True)  # what broke off is told in a transaction of its own
def test_what_goes_wrong_on_the_way_is_raised_so_that_the_file_ends_unfinished(world, sign_in, monkeypatch):
    monkeypatch.setattr(reports.ledger, "CHUNK", 2)
    of, made = Lines.of, []

    def breaks(self, *args):
        made.append(1)
        if len(made) == 3:
            raise RuntimeError("the database went away")
        return of(self, *args)

    monkeypatch.setattr(Lines, "of", breaks)
    stream = iter(sign_in("supervisor").get(FILE).streaming_content)
    got = b""
    with pytest.raises(RuntimeError):  # noqa: PT012
        for chunk in stream:
            got += chunk
    assert got.count(b"\r\n") == 1 + 4
    assert Operation.objects.get(action="exported").result == Operation.Result.BROKEN


def test_whoever_goes_away_in_the_middle_leaves_a_connection_that_can_be_asked(world, sign_in, monkeypatch):
    monkeypatch.setattr(reports.ledger, "CHUNK", 2)
    response = sign_in("supervisor").get(FILE)
    stream = iter(response.streaming_content)
    assert [next(stream).count(b"\r\n") for _ in range(3)] == [1, 2, 2]
    for close in response._resource_closers:  # as the server does; `response.close()` would end the test's transaction
        close()
    assert Operation.objects.get(action="exported").result == Operation.Result.BROKEN
    assert Operation.objects.get(action="exported").detail["rows"] == 2
    assert Assignment.objects.filter(task__wording="三号举措").exists()  # and texts are texts again


def test_large_and_small_files_are_the_same(world, sign_in, monkeypatch):
    """Sorted task by task where they are many, whole where they are few; names beside are there in both."""
    Assignment.objects.filter(task=world.tasks[0]).exclude(organization__code="111").update(part="cooperating")
    call_command("check_tallies", "--repair", verbosity=0)
    client = sign_in("administrator")
    for query in ("", "period=2026Q4", "sort=-code", "sort=-percent"):
        whole = raw(client.get(f"{FILE}?{query}"))
        with monkeypatch.context() as patch:
            patch.setattr(reports.ledger, "SORTED_AT_ONCE", 0)
            assert raw(client.get(f"{FILE}?{query}")) == whole
    assert "乙县总工会" in {row["cooperating"] for row in read_file(client.get(f"{FILE}?task=3.2.1"))}
