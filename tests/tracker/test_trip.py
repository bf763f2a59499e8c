"""The sheet as a file and back: what a file may look like, what comes back as it was, what is refused and where."""

import datetime as dt
import time
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from tracker.forms.trip import Preview
from tracker.models import Entry, FigureValue, Period
from tracker.models.sheet_files import COLUMNS, read_sheet
from tracker.models.sheet_writing import SheetFile

HARD = {
    "progress": '=1+1\n第二行，“引号”"半角"，逗号,制表\t完\n😀𠮷',
    "problems": "@SUM(A1)",
    "next_steps": "-3-4\n_x0041_ 与 \x0b 竖表",
}


def owed_by(body, period):
    own = Entry.objects.filter(assignment__organization=body, period=period)
    return list(own.for_logging().select_related("saved_by").order_by("assignment__task__position"))


@pytest.fixture
def entries(owed, bodies, period):
    return lambda: owed_by(bodies.county, period)


@pytest.fixture
def file(entries, period):
    return lambda: SheetFile(entries(), Entry.objects.all().reported_before(period))


@pytest.fixture
def look(entries, period):
    def look_(content):
        rows = entries()
        FigureValue.objects.last_known(rows, period)
        return Preview(content, rows, period)

    return look_


class Filled:
    """A workbook filled in as a person does: cells by the task's code and the column's key."""

    def __init__(self, content):
        self.book = openpyxl.load_workbook(BytesIO(content))
        self.sheet = self.book.worksheets[0]

    def column(self, name):
        told = next((str(told) for key, told in COLUMNS.items() if key == name), name)
        return next(cell.column for cell in self.sheet[1] if cell.value == told)

    def cell(self, code, name):
        row = next(row for row in range(2, 99) if self.sheet.cell(row, self.column("code")).value == code)
        return self.sheet.cell(row, self.column(name))

    def put(self, code, **values):
        for name, value in values.items():
            self.cell(code, name).value = value
        return self

    @property
    def content(self):
        out = BytesIO()
        self.book.save(out)
        return out.getvalue()


@pytest.fixture
def filled(file):
    return lambda: Filled(file().as_workbook())


def said(preview):
    """What would change, by code and field."""
    return {row.entry.assignment.task.code: row.typed for row in preview.changed}


def refusals(preview):
    return [(one.number, one.column, one.message) for one in preview.refused]


# Out and in again.


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_out_and_in_again_nothing_is_changed(owed, cast, file, look, kind, language, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    owed["3.2.2"].save_draft(by=cast.reporter, version=1, **content | HARD)
    figure = owed["3.2.3"].asked_figures[0].pk
    asked = {"need": "请协调用地", "need_from": "=市总", "need_by": timezone.localdate() + dt.timedelta(9)}
    blocked = content | {"status": "blocked", "problems": "0012", **asked}
    owed["3.2.3"].save_draft(by=cast.reporter, version=1, percent=40, figures={figure: Decimal("1234.5")}, **blocked)
    with translation.override(language):
        made = file().as_workbook() if kind == "xlsx" else file().as_csv().encode()
    preview = look(made)
    assert (preview.changed, preview.refused) == ([], [])
    assert len(preview.unchanged) == 4


TEXTS = ["=HYPERLINK(1)", "'=1", "+8", "#N/A", "1234567890123456", "007", "3-4", "1e5", "TRUE", "45%", "𠮷\n😀", "'"]


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
@pytest.mark.parametrize("text", TEXTS)
def test_hard_texts_stand_in_the_file_as_texts_and_come_back_as_they_were(owed, cast, file, look, kind, text, content):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content | {"progress": text})
    made = file().as_workbook() if kind == "xlsx" else file().as_csv().encode()
    if kind == "xlsx":
        cell = Filled(made).cell("3.2.1", "progress")
        assert (cell.data_type, cell.number_format, cell.value) == ("s", "@", text)
    preview = look(made)
    assert (preview.changed, preview.refused) == ([], [])


def test_the_workbook_has_a_frozen_header_a_list_of_statuses_and_a_hidden_number(owed, filled):
    sheet = filled().sheet
    assert sheet.freeze_panes == "C2"
    number = sheet.cell(1, filled().column("number")).column_letter
    assert sheet.column_dimensions[number].hidden
    lists = {rule.formula1: str(rule.sqref) for rule in sheet.data_validations.dataValidation}
    standing = [cells for formula, cells in lists.items() if "已完成" not in formula and "Completed" not in formula]
    column = sheet.cell(1, filled().column("status")).column_letter
    assert (len(lists), standing) == (2, [f"{column}3"])


def test_a_column_nobody_is_asked_for_is_left_out(owed, file):
    FigureValue.objects.all().delete()
    rows = [entry for entry in file().entries if entry.assignment.task.code != "3.2.3"]
    assert "percent" not in SheetFile(rows, {}).headings
    assert "percent" in file().headings


# What a file may look like.


def test_what_was_filled_in_is_found_by_cell(owed, filled, look):
    figure = owed["3.2.3"].asked_figures[0]
    book = filled().put("3.2.1", status="正在推进", progress="不是公式", next_steps="继续")
    book.put("3.2.3", status="Completed", percent=100, **{f"{figure.name}（{figure.unit}）": "１，２３４"})
    preview = look(book.content)
    assert preview.refused == []
    assert said(preview) == {
        "3.2.1": {"status": "in_progress", "progress": "不是公式", "next_steps": "继续"},
        "3.2.3": {"status": "completed", "percent": "100", f"figure_{figure.pk}": "1234"},
    }
    assert [(change.old, change.new) for change in preview.changed[1].changes][1] == ("", "100%")


def test_rows_sorted_columns_moved_added_and_left_out_and_a_title_above(owed, cast, file, look, content):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content)
    rows = [list(row) for row in openpyxl.load_workbook(BytesIO(file().as_workbook())).worksheets[0].values]
    header, *body = rows
    body = [*reversed(body)]
    kept = [at for at, told in enumerate(header) if told not in (str(COLUMNS["next_steps"]), str(COLUMNS["task"]))]
    book = openpyxl.Workbook()
    book.active.append(["甲县总工会填报表"])
    book.active.append([])
    for row in [header, *body]:
        book.active.append(["备注", *[row[at] for at in reversed(kept)]])
        book.active.append([])
    book.active.append(["合计"])
    for row in book.active.iter_rows():
        for cell in row:
            if cell.value == "新建站点四个。":
                cell.value = "新建站点五个。"
    out = BytesIO()
    book.save(out)
    preview = look(out.getvalue())
    assert preview.refused == []
    assert said(preview) == {"3.2.1": {"progress": "新建站点五个。"}}  # the next steps stay


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_each_encoding(owed, file, look, encoding):
    with translation.override("zh-hans"):
        text = file().as_csv().removeprefix("\ufeff")
    text = text.replace("一号举措,待填报,,", "一号举措,待填报,正在推进,", 1).replace("\r\n", "\n")
    assert said(look(text.encode(encoding))) == {"3.2.1": {"status": "in_progress"}}


@pytest.mark.parametrize(
    ("value", "number_format", "percent"),
    [
        (45, "General", "45"),
        ("45%", "@", "45"),
        (0.45, "0%", "45"),
        ("４５", "@", "45"),
        ("４５％", "@", "45"),
        (1, "0%", "100"),
        (1, "General", "1"),
        (45.0, "0.00", "45"),
        (0.29, "0%", "29"),
        ("45.0", "@", "45"),
    ],
)
def test_percents_by_the_format_of_their_cell(owed, filled, look, value, number_format, percent):
    book = filled().put("3.2.3", percent=value)
    book.cell("3.2.3", "percent").number_format = number_format
    assert said(look(book.content)) == {"3.2.3": {"percent": percent}}


@pytest.mark.parametrize(("value", "number_format"), [(0.45, "General"), (101, "General"), ("-1", "@"), (0.455, "0%")])
def test_what_is_no_whole_percent_is_refused(owed, filled, look, value, number_format):
    book = filled().put("3.2.3", percent=value)
    book.cell("3.2.3", "percent").number_format = number_format
    [(number, column, _why)] = refusals(look(book.content))
    assert (number, column) == (4, str(COLUMNS["percent"]))


DAYS = ["2026年11月22日", "2026-11-22", "2026/11/22", "2026.11.22", "２０２６年１１月２２日", dt.datetime(2026, 11, 22)]  # noqa: DTZ001


@pytest.mark.parametrize("day", [*DAYS, 46348])
def test_days_as_people_and_programs_write_them(owed, filled, look, day):
    book = filled().put("3.2.3", status="需协调解决", need_by=day)
    assert said(look(book.content)) == {"3.2.3": {"status": "blocked", "need_by": "2026-11-22"}}


def test_merged_cells_say_the_same_in_each_row(owed, filled, look):
    book = filled().put("3.2.1", status="正在推进")
    letter = book.cell("3.2.1", "status").column_letter
    book.sheet.merge_cells(f"{letter}2:{letter}4")
    assert {code: typed["status"] for code, typed in said(look(book.content)).items()} == {
        "3.2.1": "in_progress",
        "3.2.2": "in_progress",
        "3.2.3": "in_progress",
    }


def test_an_emptied_cell_empties(owed, cast, filled, look, content):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content)
    assert said(look(filled().put("3.2.1", next_steps=None).content)) == {"3.2.1": {"next_steps": ""}}


# What is refused, row by row.


def test_another_organizations_row_and_an_unknown_one_are_refused_alike(owed, bodies, period, filled, look):
    other = owed_by(bodies.sister, period)[0]
    book = filled()
    number = book.cell("3.2.1", "number").value
    book.put("3.2.1", number=f"{other.assignment_id}-{period.pk}-{other.pk}.1")
    book.put("3.2.2", number=f"{owed['3.2.2'].assignment_id}-{period.pk}-999999.1")
    book.put("3.2.3", number=number.replace(f"-{period.pk}-", f"-{period.pk + 1}-"))
    book.put("3.2.4", number="999999999999999999999")
    found = refusals(look(book.content))
    assert [one[0] for one in found] == [2, 3, 4, 5]
    assert found[0][2] == found[1][2]
    assert len({one[2] for one in found}) == 3


def test_an_older_version_is_refused_and_says_who_changed_it(owed, cast, filled, look, content):
    book = filled().put("3.2.1", progress="我的")
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content)
    [(number, _column, why)] = refusals(look(book.content))
    assert number == 2
    assert "填报人甲" in why


def test_an_older_version_that_says_what_stands_is_unchanged(owed, cast, filled, look, content):
    book = filled().put("3.2.1", status="正在推进", progress="新建站点四个。", next_steps="继续推进。")
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content)
    preview = look(book.content)
    assert (preview.changed, preview.refused) == ([], [])


def test_a_locked_period_and_a_submitted_row_are_refused(owed, cast, period, filled, look, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    book = filled().put("3.2.1", progress="改")
    assert "撤回" in refusals(look(book.content))[0][2] or "Withdraw" in refusals(look(book.content))[0][2]
    Period.objects.update(locks=timezone.localdate() - dt.timedelta(1), due=timezone.localdate() - dt.timedelta(1))
    period.refresh_from_db()
    assert len(refusals(look(filled().put("3.2.2", progress="改").content))) == 1


def test_cells_the_task_does_not_have_are_refused(owed, filled, look):
    book = filled().put("3.2.4", progress="文字", percent=10).put("3.2.2", status="已完成")
    figure = owed["3.2.3"].asked_figures[0]
    book.put("3.2.1", **{f"{figure.name}（{figure.unit}）": 5, "status": "不知道"})
    places = [(number, column) for number, column, _why in refusals(look(book.content))]
    told = {name: str(COLUMNS[name]) for name in COLUMNS}
    assert places == [
        (2, told["status"]),
        (2, f"{figure.name}（{figure.unit}）"),
        (3, told["status"]),
        (5, told["percent"]),
        (5, told["progress"]),
    ]


def test_a_number_twice_and_a_row_without_one_are_refused(owed, filled, look):
    book = filled()
    book.put("3.2.2", number=book.cell("3.2.1", "number").value).put("3.2.3", number=None)
    assert [number for number, _column, _why in refusals(look(book.content))] == [3, 4]


def test_formulas_errors_and_characters_that_cannot_be_kept_are_refused(owed, filled, look):
    book = filled().put("3.2.1", progress="=A1").put("3.2.2", progress="_x0000_").put("3.2.3", status="#N/A")
    assert [number for number, _column, _why in refusals(look(book.content))] == [2, 3, 4]
    assert look(filled().put("3.2.1", progress="_xD83D_").content).refused == []


def test_a_text_that_is_too_long_is_refused_by_the_field_itself(owed, filled, look):
    [(number, column, _why)] = refusals(look(filled().put("3.2.1", progress="长" * 20_001).content))
    assert (number, column) == (2, str(COLUMNS["progress"]))


def test_what_lacks_to_submit_is_named_and_is_no_refusal(owed, filled, look):
    preview = look(filled().put("3.2.1", status="正在推进").put("3.2.2", status="未启动").content)
    assert preview.refused == []
    assert [(one.number, one.column) for one in preview.lacking] == [(2, str(COLUMNS["progress"]))]


def test_a_number_of_a_person_keeps_from_submitting_as_on_the_screen(owed, filled, look):
    book = filled().put("3.2.1", status="正在推进", progress="联系 13800138000")
    assert [one.column for one in look(book.content).lacking] == [str(COLUMNS["progress"])]


# What is no such file.


def broken(text):
    return pytest.raises(ValidationError, match=text)


def test_files_that_are_none(owed, file, filled):
    for content, words in [
        (b"", "空|empty"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, r"\.xlsx"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "密码|password"),
        (b"PK\x03\x04 nothing", "无法|cannot"),
        ("甲,乙\n1,2\n".encode(), "系统编号|System number"),
        (file().as_csv().splitlines()[0].encode(), "没有|no row"),
        (b"x" * (10 * 1024 * 1024 + 1), "10 MB"),
    ]:
        with broken(words):
            read_sheet(content, [])
    book = filled()
    book.sheet.cell(1, book.column("task")).value = str(COLUMNS["status"])
    with broken(str(COLUMNS["status"])):
        read_sheet(book.content, [])


def test_ten_thousand_rows_are_looked_over_soon_and_without_a_query_more(
    owed, entries, period, file, django_assert_num_queries
):
    header, first, *_rest = openpyxl.load_workbook(BytesIO(file().as_workbook())).worksheets[0].values
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(header)
    for number in range(10_000):
        sheet.append([*first[:-1], f"{number + 10**6}-{period.pk}-{number + 10**6}.1"])
    out = BytesIO()
    book.save(out)
    rows = entries()
    with django_assert_num_queries(0):
        began = time.monotonic()
        preview = Preview(out.getvalue(), rows, period)
        took = time.monotonic() - began
    assert len(preview.refused) == 10_000
    assert took < 10


def test_looking_over_costs_no_query_for_each_row(owed, filled, look, django_assert_max_num_queries):
    book = filled()
    for code in ("3.2.1", "3.2.2", "3.2.3"):
        book.put(code, status="正在推进", progress="改")
    with django_assert_max_num_queries(11):
        assert look(book.content).lacking == []
