"""The sheet as a file: downloaded, uploaded, looked over, and taken whole or not at all."""

import datetime as dt
from io import BytesIO

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from tracker.models import Assignment, Entry, Event, FigureValue, Operation, Period

from .refusals import everything, fresh, recounted_tallies, review, standing_tallies
from .test_trip import Filled

SHEET = "/sheet/18/2026Q4/"
DAY = timezone.localdate() - dt.timedelta(60)
SAID = {"version": 2, "status": "in_progress", "first_submitted_at": timezone.now(), "submitted_at": timezone.now()}
XLSX, CSV, UPLOAD = SHEET + "file.xlsx", SHEET + "file.csv", SHEET + "upload/"


@pytest.fixture(autouse=True)
def _own_var(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def reporter(owed, sign_in):
    return sign_in("reporter")


@pytest.fixture
def filled(reporter):
    return lambda: Filled(reporter.get(XLSX).content)


@pytest.fixture
def upload(reporter):
    def upload_(content, name="sheet.xlsx"):
        return reporter.post(UPLOAD, {"file": SimpleUploadedFile(name, content)})

    return upload_


@pytest.fixture
def take(reporter):
    """Press one of the buttons of a page that shows what would change."""
    return lambda page, do, **ticks: reporter.post(UPLOAD, {"do": do, "seen": page.context["preview"].mark} | ticks)


def kept(tmp_path):
    return list((tmp_path / "looked-over").iterdir())


# Out.


def test_the_file_is_named_for_body_and_period_and_logged(reporter):
    answer = reporter.get(XLSX)
    assert answer["Content-Type"].endswith("spreadsheetml.sheet")
    assert "filename*=utf-8''" in answer["Content-Disposition"]
    assert "2026Q4.xlsx" in answer["Content-Disposition"]
    [line] = Operation.objects.filter(action="exported")
    assert (line.target, line.detail["rows"], line.by.username) == (XLSX, 4, "reporter")
    assert reporter.get(CSV).content.startswith(b"\xef\xbb\xbf")
    assert Operation.objects.filter(action="exported").count() == 2


def test_the_file_has_the_department_that_the_sheet_shows_and_not_what_is_excused(reporter, owed, cast):
    Assignment.objects.filter(pk=owed["3.2.1"].assignment_id).update(department="办公室")
    assert (
        'file.xlsx?department=%E5%8A%9E%E5%85%AC%E5%AE%A4"'
        in reporter.get(SHEET + "?department=办公室").content.decode()
    )
    sheet = openpyxl.load_workbook(BytesIO(reporter.get(XLSX + "?department=办公室").content)).worksheets[0]
    assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == ["3.2.1"]
    owed["3.2.2"].excuse(by=cast.supervisor, version=1, comment="本期免报")
    sheet = openpyxl.load_workbook(BytesIO(reporter.get(XLSX).content)).worksheets[0]
    assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == ["3.2.1", "3.2.3", "3.2.4"]


def test_demo_data_is_said_in_the_file(reporter, settings):
    settings.DEMO = True
    header = reporter.get(CSV).content.decode().splitlines()[0]
    assert header.endswith("虚构") or "invented" in header
    assert "%E6%BC%94%E7%A4%BA" in reporter.get(XLSX)["Content-Disposition"]


def test_queries_do_not_grow_with_the_rows(reporter, owed, django_assert_max_num_queries):
    for path in (XLSX, CSV):
        with django_assert_max_num_queries(22):
            reporter.get(path)


# Back: the preview.


def test_the_same_file_again_says_that_nothing_was_changed(upload, filled, tmp_path):
    page = upload(filled().content)
    assert page.status_code == 200
    assert 'name="seen"' not in page.content.decode()
    assert not (tmp_path / "looked-over").exists() or kept(tmp_path) == []


def test_a_preview_shows_old_and_new_and_changes_nothing(upload, filled, owed, cast, content):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content)
    before = everything(fresh(owed["3.2.1"]))
    page = upload(filled().put("3.2.1", progress="新建站点<b>五个</b>").content)
    text = page.content.decode()
    assert page.status_code == 200
    assert "新建站点四个。" in text
    assert "新建站点&lt;b&gt;五个&lt;/b&gt;" in text
    assert everything(fresh(owed["3.2.1"])) == before


def test_refused_cells_are_shown_by_row_and_column_and_nothing_can_be_taken(upload, filled, take, owed):
    page = upload(filled().put("3.2.1", status="正在推进", progress="改").put("3.2.2", status="快了").content)
    text = page.content.decode()
    assert page.status_code == 422
    assert "3.2.2" in text
    assert 'name="do"' not in text
    assert take(page, "save").status_code == 302  # there is no file to take
    assert set(Entry.objects.values_list("version", flat=True)) == {1}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "空"), (b"\xd0\xcf\x11\xe0" + b"\0" * 99, ".xlsx"), (b"PK\x03\x04", "无法"), (b"%PDF-1.7", "系统编号")],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(upload, content, said):
    page = upload(content)
    assert page.status_code == 422
    assert said in page.content.decode()


def test_no_file_and_one_that_is_too_large(reporter, upload):
    assert reporter.post(UPLOAD).status_code == 422
    assert "10 MB" in upload(b"x" * (10 * 1024 * 1024 + 1)).content.decode()
    assert upload(b"x" * (21 * 1024 * 1024)).status_code == 422


# Back: a number that looks like a slip.


@pytest.fixture
def doubtful(owed, cast, plan, period):
    """What the file says of 3.2.3 is ten times its last number."""
    figure = owed["3.2.3"].asked_figures[0]
    earlier = Period.objects.create(plan=plan, code="2026Q3", opens=DAY, due=DAY, locks=DAY)
    last = Entry.objects.create(assignment=owed["3.2.3"].assignment, period=earlier, state="submitted", **SAID)
    FigureValue.objects.create(entry=last, figure=figure, value=40)
    return figure


@pytest.fixture
def jumped(filled, doubtful, upload):
    column = f"{doubtful.name}（{doubtful.unit}）"
    book = filled().put("3.2.3", status="正在推进", percent=40, progress="已建站点。", **{column: 400})
    return upload(book.put("3.2.1", status="正在推进", progress="已建站点。").content)


def test_a_number_that_looks_like_a_slip_is_asked_about_and_not_submitted_unticked(jumped, take, owed):
    [doubt] = jumped.context["preview"].doubts
    assert jumped.context["preview"].lacking == []
    page = jumped.content.decode()
    assert f'name="{doubt.name}" value="400"' in page
    assert "10 倍" in page
    answer = take(jumped, "submit")
    assert answer.status_code == 409
    assert "勾选" in answer.content.decode()
    for ticked in ({doubt.name: "4000"}, {doubt.name: "on"}, {"e999-confirm_1": "400"}):
        assert take(jumped, "submit", **ticked).status_code == 409
    assert {fresh(owed[code]).state for code in ("3.2.1", "3.2.3")} == {"due"}


def test_ticked_it_is_submitted_and_stands_as_confirmed(jumped, take, owed):
    [doubt] = jumped.context["preview"].doubts
    assert take(jumped, "submit", **{doubt.name: "400"}).status_code == 302
    assert {fresh(owed[code]).state for code in ("3.2.1", "3.2.3")} == {"submitted"}
    assert FigureValue.objects.get(entry=owed["3.2.3"]).confirmed


@pytest.mark.parametrize("ticked", [True, False])
def test_a_draft_keeps_the_tick_or_asks_again_on_the_screen(jumped, take, owed, ticked):
    [doubt] = jumped.context["preview"].doubts
    assert take(jumped, "save", **({doubt.name: "400"} if ticked else {})).status_code == 302
    value = FigureValue.objects.get(entry=owed["3.2.3"])
    assert (value.value, value.confirmed) == (400, ticked)


def test_a_number_confirmed_before_is_not_asked_about_again(filled, doubtful, upload, owed, cast):
    said = {"status": "in_progress", "percent": 40, "progress": "已建。", "figures": {doubtful.pk: 400}}
    owed["3.2.3"].save_draft(by=cast.reporter, version=1, **said, confirmed={doubtful.pk: 400})
    preview = upload(filled().put("3.2.3", progress="改").content).context["preview"]
    assert (len(preview.changed), preview.doubts, preview.lacking) == (1, [], [])


# Back: taking.


def test_all_of_it_is_saved_as_drafts(upload, filled, take, owed, cast, tmp_path):
    book = filled().put("3.2.1", status="正在推进", progress="一\n二").put("3.2.3", percent="45%")
    answer = take(upload(book.content), "save")
    assert (answer.status_code, answer.url) == (302, SHEET)
    first, third = fresh(owed["3.2.1"]), fresh(owed["3.2.3"])
    assert (first.state, first.status, first.progress, first.saved_by) == (
        "draft",
        "in_progress",
        "一\n二",
        cast.reporter,
    )
    assert (third.state, third.percent) == ("draft", 45)
    assert fresh(owed["3.2.2"]).state == "due"
    assert kept(tmp_path) == []
    assert standing_tallies() == recounted_tallies()


def test_all_of_it_is_submitted(upload, filled, take, owed, cast):
    book = filled()
    for code in ("3.2.1", "3.2.2"):
        book.put(code, status="正在推进", progress="已建站点。")
    assert take(upload(book.content), "submit").status_code == 302
    assert {code: fresh(entry).state for code, entry in owed.items()} == {
        "3.2.1": "submitted",
        "3.2.2": "submitted",
        "3.2.3": "due",
        "3.2.4": "due",
    }
    assert Event.objects.filter(action="submitted", by=cast.reporter).count() == 2
    assert standing_tallies() == recounted_tallies()


def test_without_review_submitting_accepts(upload, filled, take, owed, plan):
    review(plan, "none")
    take(upload(filled().put("3.2.1", status="正在推进", progress="已建站点。").content), "submit")
    assert fresh(owed["3.2.1"]).state == "accepted"


def test_what_is_incomplete_is_not_submitted_and_can_be_saved(upload, filled, take, owed):
    book = filled().put("3.2.1", status="正在推进").put("3.2.2", status="正在推进", progress="已建站点。")
    page = upload(book.content)
    assert 'value="submit"' not in page.content.decode()
    assert take(page, "submit").status_code == 409
    assert fresh(owed["3.2.2"]).state == "due"
    assert take(page, "save").status_code == 302
    assert fresh(owed["3.2.2"]).state == "draft"


def test_what_changed_between_looking_and_taking_keeps_all_of_it_back(upload, filled, take, owed, cast, content):
    book = filled().put("3.2.1", status="正在推进", progress="我的").put("3.2.2", status="正在推进", progress="我的")
    page = upload(book.content)
    owed["3.2.2"].save_draft(by=cast.reporter, version=1, **content)
    for do in ("save", "submit"):
        answer = take(page, do)
        assert answer.status_code == 409
        assert "填报人甲" in answer.content.decode()
    assert fresh(owed["3.2.1"]).state == "due"
    assert fresh(owed["3.2.2"]).progress == content["progress"]


def test_a_period_locked_between_looking_and_taking_keeps_all_of_it_back(upload, filled, take, owed):
    page = upload(filled().put("3.2.1", status="正在推进", progress="我的").content)
    yesterday = timezone.localdate() - dt.timedelta(1)
    Period.objects.update(due=yesterday, locks=yesterday)
    assert take(page, "save").status_code == 409
    assert fresh(owed["3.2.1"]).state == "due"


def test_another_file_looked_over_meanwhile_is_not_taken_by_the_first_page(upload, filled, take, owed):
    first = upload(filled().put("3.2.1", status="正在推进").content)
    upload(filled().put("3.2.1", status="未启动").content)
    assert take(first, "save").status_code == 409
    assert fresh(owed["3.2.1"]).state == "due"


def test_a_row_refused_while_it_is_taken_takes_all_the_others_back(upload, filled, take, owed, monkeypatch, cast):
    """Somebody comes in after the last look: the transition itself refuses, and what was written before goes."""
    book = filled().put("3.2.1", status="正在推进", progress="甲").put("3.2.2", status="正在推进", progress="乙")
    page = upload(book.content)
    before, write = everything(fresh(owed["3.2.1"])), Entry.save_draft

    def late(entry, **said):
        if entry.pk == owed["3.2.2"].pk:
            Entry.objects.filter(pk=entry.pk).update(version=7)
        return write(entry, **said)

    monkeypatch.setattr(Entry, "save_draft", late)
    assert take(page, "save").status_code == 409
    assert everything(fresh(owed["3.2.1"])) == before
    assert standing_tallies() == recounted_tallies()


def test_a_second_click_takes_nothing_twice(upload, filled, take, owed):
    page = upload(filled().put("3.2.1", status="正在推进", progress="我的").content)
    take(page, "submit")
    assert take(page, "submit").status_code == 302
    assert fresh(owed["3.2.1"]).version == 2


def test_the_file_of_one_period_is_not_taken_in_another(upload, filled, reporter, period, plan):
    page = upload(filled().put("3.2.1", status="正在推进").content)
    Period.objects.create(plan=plan, code="2027Q1", opens=period.opens, due=period.due, locks=period.locks)
    answer = reporter.post("/sheet/18/2027Q1/upload/", {"do": "save", "seen": page.context["preview"].mark})
    assert answer.status_code == 302
    assert set(Entry.objects.values_list("version", flat=True)) == {1}


@pytest.mark.parametrize("name", ["leader", "reviewer", "supervisor", "administrator", "auditor"])
def test_only_reporters(owed, sign_in, name):
    client = sign_in(name)
    assert [client.get(path).status_code for path in (XLSX, CSV, UPLOAD)] == [403, 403, 403]
    assert client.post(UPLOAD).status_code == 403


def test_a_period_that_is_none(reporter):
    paths = [SHEET.replace("2026Q4", "2099Q9") + end for end in ("file.xlsx", "file.csv", "upload/")]
    assert [reporter.get(path).status_code for path in paths] == [404, 404, 404]
