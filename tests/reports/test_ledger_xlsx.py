"""The ledger as workbooks: one to reckon with, one to print. Read back as a spreadsheet program would."""

import csv
import io
import re
from urllib.parse import unquote

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import reports.ledger
import reports.printed
import reports.views.files
from reports.columns import COLUMNS, ON_PAGE
from reports.rows import Rows
from tracker.models import Assignment, Entry, Operation, Organization
from tracker.models.workbooks import LONGEST

from .conftest import FILE, KEYS, PAGE, entry_of, read_file, read_page
from .test_ledger_csv import HARD, RUN

DATA, PRINT = "/reports/18/ledger.xlsx", "/reports/18/ledger-print.xlsx"
SPREADSHEET = [*RUN, "1234567890123456", "007", "3-4", "1E5", "TRUE", "{=1}", "http://example.org", "#REF!"]
ASKED = "columns=code&columns=organization&columns=status&columns=percent&columns=evidence&columns=cooperating"


def opened(client, address):
    response = client.get(address)
    assert response.status_code == 200, response.content.decode()
    return openpyxl.load_workbook(io.BytesIO(response.getvalue())).active


def table(sheet, first=1):
    """The rows by column header; a number as it is, nothing as an empty text."""
    header, *rows = list(sheet.iter_rows(min_row=first, values_only=True))
    return [dict(zip(header, ["" if value is None else value for value in row], strict=True)) for row in rows]


def decoded(text):
    """As a spreadsheet reads _x000D_, which its format writes for what XML cannot hold."""
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text)


def as_filed(value):
    """A value of a cell as the CSV has it; every number is a float to the format."""
    return "" if value is None else str(int(value)) if isinstance(value, float) else value


def cell_of(sheet, key, row=2):
    return sheet.cell(row, KEYS.index(key) + 1)


@pytest.fixture
def client_(world, sign_in):
    return sign_in("supervisor")


# One definition of columns for the page and the files.


def on_page(client, query):
    table = client.get(f"{PAGE}?{query}").context["table"]
    return [str(column.header) for column in table.columns]


def test_page_csv_and_workbook_say_the_same_of_the_same_rows(client_, bodies, cast):
    assignment = Assignment.objects.get(organization=bodies.county, task__code="3.2.1")
    assignment.amend(by=cast.administrator, standard="建成站点", leader="张领导")
    for query in ("period=2026Q4", "sort=-percent", "organization=111&light=red", "words=nothing-like-it"):
        every = "&".join([query, *(f"columns={key}" for key in KEYS)])
        page = read_page(client_.get(f"{PAGE}?{every}"))
        shown = [[str(column.value(row) or "") for column in COLUMNS] for row in page]
        for row in shown:
            row[KEYS.index("evidence")] = row[KEYS.index("evidence")] or "0"
        filed = [list(row.values()) for row in read_file(client_.get(f"{FILE}?{every}"))]
        sheet = opened(client_, f"{DATA}?{every}")
        held = [[as_filed(each) for each in row] for row in sheet.iter_rows(2, values_only=True)]
        if not filed:
            held = [row for row in held if any(row)]
        assert shown == filed == held
        assert on_page(client_, every) == [str(column.header) for column in COLUMNS]


def test_chosen_columns_are_those_of_page_and_files(client_):
    wanted = [str(column.header) for column in COLUMNS if f"columns={column.key}" in ASKED]
    header = next(csv.reader(io.StringIO(client_.get(f"{FILE}?{ASKED}").getvalue().decode("utf-8-sig"))))
    assert on_page(client_, ASKED) == header == wanted
    sheet = opened(client_, f"{DATA}?{ASKED}")
    assert [cell.value for cell in sheet[1]] == [*wanted, str(COLUMNS[-1].header)]
    assert [cell.value for cell in opened(client_, f"{PRINT}?{ASKED}")[3]] == wanted


def test_without_a_choice_the_page_has_its_usual_columns_and_the_file_all(client_):
    assert [column.name for column in client_.get(PAGE).context["table"].columns] == list(ON_PAGE)
    assert [cell.value for cell in opened(client_, DATA)[1]] == [str(column.header) for column in COLUMNS]


def test_an_unknown_column_is_refused_by_page_and_files(client_):
    assert "columns" in client_.get(f"{PAGE}?columns=password").context["filter"].form.errors
    for address in (FILE, DATA, PRINT):
        assert client_.get(f"{address}?columns=password").status_code == 400


def test_chosen_columns_are_one_chip_and_narrow_nothing(client_):
    whole = client_.get(PAGE).context
    page = client_.get(f"{PAGE}?{ASKED}&light=red").context
    assert [chip.without for chip in page["filter"].chips] == [ASKED, "light=red"]
    assert client_.get(f"{PAGE}?{ASKED}").context["found"] == whole["found"]


def test_a_file_of_one_empty_column_still_has_its_rows(client_):
    lines = client_.get(f"{FILE}?columns=struck_off_on").getvalue().decode("utf-8-sig").splitlines()
    assert lines[1:] == ['""'] * 8


def test_the_page_names_who_cooperates_where_that_column_is_chosen(world, bodies, cast, sign_in):
    Assignment.objects.assign([world.tasks[1]], [bodies.sister], by=cast.administrator, part="cooperating")
    client = sign_in("supervisor")
    rows = read_page(client.get(f"{PAGE}?columns=cooperating&task=3.2.2&organization=111"))
    assert [row.cooperating for row in rows] == ["乙县总工会"]
    assert [row.cooperating for row in read_page(client.get(f"{PAGE}?task=3.2.2&organization=111"))] == [""]


# The workbook to reckon with.


def test_the_data_workbook_is_ready_to_filter(client_):
    sheet = opened(client_, DATA)
    assert sheet.auto_filter.ref == "A1:AC9"
    assert sheet.freeze_panes == "A2"
    assert not sheet.merged_cells.ranges
    (rule,) = sheet.data_validations.dataValidation
    assert rule.formula1 == '"未启动,正在推进,需协调解决,已完成"'
    assert str(rule.sqref) == "O2:O9"
    assert sheet.column_dimensions["E"].width > 40 > sheet.column_dimensions["D"].width
    assert sheet.column_dimensions["AC"].hidden


def test_the_system_number_is_there_whatever_is_chosen_and_seen_where_it_is_chosen(client_):
    sheet = opened(client_, f"{DATA}?columns=code")
    assert sheet.column_dimensions["B"].hidden
    assert all(re.fullmatch(r"\d+-\d+-\d+", sheet.cell(row, 2).value) for row in range(2, 10))
    assert not opened(client_, f"{DATA}?columns=code&columns=system_number").column_dimensions["B"].hidden


def test_numbers_are_numbers_and_nothing_is_an_empty_cell(client_):
    sheet = opened(client_, f"{DATA}?organization=111&task=3.2.3")
    assert [cell_of(sheet, key).value for key in ("number", "percent", "evidence")] == [1, 40, 0]
    assert {cell_of(sheet, key).data_type for key in ("number", "percent", "evidence")} == {"n"}
    assert cell_of(sheet, "struck_off_on").value is None
    assert cell_of(sheet, "due").value == "2028-10-31"


@pytest.mark.parametrize("address", [DATA, PRINT])
def test_any_text_is_a_text_and_comes_back(client_, world, bodies, address):
    entry = Entry.objects.filter(pk=entry_of(bodies.county, "3.2.1", world.period).pk)
    query = "?organization=111&task=3.2.1&columns=organization&columns=progress&columns=opinion"
    for text in [*HARD, *SPREADSHEET]:
        entry.update(progress=text, comment=text)
        Organization.objects.filter(pk=bodies.county.pk).update(name=text[:60])
        sheet = opened(client_, address + query)
        cells = sheet[sheet.max_row][:3]
        assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}, text  # n is an empty cell
        said = [decoded(cell.value or "") for cell in cells]
        assert said == [text[:60], text, text], text


def test_a_text_longer_than_a_cell_is_cut_and_says_so(client_, world, bodies):
    entry = Entry.objects.filter(pk=entry_of(bodies.county, "3.2.1", world.period).pk)
    for text in ("字" * (LONGEST + 1), "😀" * (LONGEST // 2 + 1)):
        entry.update(progress=text)
        value = cell_of(opened(client_, f"{DATA}?organization=111&task=3.2.1"), "progress").value
        assert len(value.encode("utf-16-le")) <= 2 * LONGEST
        assert value.startswith(text[:10_000])
        assert value.endswith("全文见 CSV 文件）")


def test_no_rows_are_a_header_with_its_filter(client_):
    for address, first in ((DATA, 1), (PRINT, 3)):
        sheet = opened(client_, f"{address}?words=nothing-like-it")
        assert sheet.cell(first, 1).value == "序号"
        assert not any(sheet.cell(first + 1, at).value for at in range(1, 10))


def test_the_workbook_speaks_the_language_of_the_page(client_):
    client_.cookies["django_language"] = "en"
    sheet = opened(client_, DATA)
    assert [cell.value for cell in sheet[1]][:5] == ["No.", "Work area", "Heading", "Code", "Task"]
    (rule,) = sheet.data_validations.dataValidation
    assert rule.formula1 == '"Not started,In progress,Needs coordination,Completed"'


def test_no_two_columns_share_a_header_in_either_language(client_):
    for language in ("zh-hans", "en"):
        client_.cookies["django_language"] = language
        header = [cell.value for cell in opened(client_, DATA)[1]]
        assert len(set(header)) == len(header) == 29


def test_a_demo_says_so_in_name_and_column_and_in_the_printed_foot(client_, settings):
    settings.DEMO = True
    notice = "演示数据：组织、人员与进展均为虚构"
    response = client_.get(DATA)
    assert response.getvalue()
    header = unquote(response.headers["Content-Disposition"])
    assert "演示数据_台账_18_" in header
    assert header.endswith(".xlsx")
    assert {row[29] for row in opened(client_, DATA).iter_rows(values_only=True)} == {notice}
    assert opened(client_, PRINT).oddFooter.right.text == notice


# Limits, and how it is sent.


@pytest.mark.parametrize(("address", "module"), [(DATA, reports.views.files), (PRINT, reports.printed)])
def test_too_many_rows_are_refused_with_a_sentence_before_any_is_written(client_, monkeypatch, address, module):
    monkeypatch.setattr(module, "MOST_ROWS", 7)
    response = client_.get(f"{address}?period=2026Q4")
    page = response.content.decode()
    assert response.status_code == 422
    assert "超过此表上限（7 行）" in page
    assert f'href="{FILE}?period=2026Q4"' in page
    assert f'action="{PAGE}"' in page
    assert "<table" not in page
    assert not Operation.objects.filter(action="exported").exists()
    monkeypatch.setattr(module, "MOST_ROWS", 8)
    assert opened(client_, f"{address}?period=2026Q4")


@pytest.mark.django_db(transaction=True)  # what broke off is told in a transaction of its own
@pytest.mark.parametrize("address", [DATA, PRINT])
def test_what_goes_wrong_in_writing_sends_nothing_and_is_told(client_, monkeypatch, address):
    row, made = Rows.row, []

    def breaks(self, *args):
        made.append(1)
        if len(made) == 5:
            raise RuntimeError("the database went away")
        return row(self, *args)

    monkeypatch.setattr(Rows, "row", breaks)
    with pytest.raises(RuntimeError):
        client_.get(address)
    assert Operation.objects.get(action="exported").result == Operation.Result.BROKEN


def test_the_log_tells_of_both_with_their_rows(client_):
    for address in (DATA, PRINT):
        client_.get(f"{address}?task=3.2.1").getvalue()
    told = Operation.objects.filter(action="exported").order_by("pk")
    assert [(each.target, each.detail["rows"], each.result) for each in told] == [(DATA, 2, "done"), (PRINT, 2, "done")]


def test_the_workbook_asks_as_many_questions_for_many_rows_as_for_few(client_, monkeypatch):
    def asked(query):
        with CaptureQueriesContext(connection) as queries:
            client_.get(f"{DATA}?{query}").getvalue()
        return len(queries)

    assert asked("task=3.2.1") == asked("")


# The workbook to print.


def test_the_printed_one_is_a_document(client_):
    sheet = opened(client_, f"{PRINT}?period=2026Q4&light=red")
    assert sheet["A1"].value.endswith("台账")
    assert "示例一省总工会" in sheet["A2"].value
    assert "红灯" in sheet["A2"].value or "红" in sheet["A2"].value
    assert "截至 " in sheet["A2"].value
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$3:$3"
    assert sheet.freeze_panes == "A4"
    assert sheet.oddFooter.center.text == "第 &P 页，共 &N 页"
    assert sheet.oddFooter.left.text.startswith("截至 ")


def test_areas_and_headings_are_merged_where_they_go_on(client_):
    sheet = opened(client_, f"{PRINT}?organization=111")
    rows = [[cell.value for cell in row[:4]] for row in sheet.iter_rows(4)]
    assert [row[3] for row in rows] == ["1.1.1", "3.2.1", "3.2.2", "3.2.3", "3.2.4"]
    assert [bool(row[1]) for row in rows] == [bool(row[2]) for row in rows] == [True, True, False, False, False]
    assert {str(each) for each in sheet.merged_cells.ranges} == {"A1:L1", "A2:L2", "B5:B8", "C5:C8"}


def test_what_stands_apart_in_another_order_is_not_merged(client_):
    sheet = opened(client_, f"{PRINT}?organization=111&sort=-percent")
    apart = [row[1].value for row in sheet.iter_rows(4)]
    assert sheet.cell(4, 1).value == 1
    assert apart[0]
    assert len([each for each in apart if each]) == 5 - sum(
        each.size["rows"] - 1 for each in sheet.merged_cells.ranges if each.coord.startswith("B")
    )


def test_a_light_is_a_word_and_a_colour(client_):
    sheet = opened(client_, f"{PRINT}?organization=111&columns=light&columns=code")
    cells = {row[0].value: row[1] for row in sheet.iter_rows(4)}
    assert cells["3.2.4"].value.startswith("红")
    assert cells["3.2.4"].fill.fgColor.rgb.endswith("FBD5D2")
    assert cells["3.2.1"].fill.fgColor.rgb != cells["3.2.4"].fill.fgColor.rgb


# The page's buttons.


def test_the_page_offers_each_file_with_its_conditions(client_):
    page = client_.get(f"{PAGE}?period=2026Q4&light=red").content.decode()
    query = "?period=2026Q4&amp;light=red"
    for name in ("ledger.csv", "ledger.xlsx", "ledger-print.xlsx", "entries.csv"):
        assert f'href="/reports/18/{name}{query}"' in page
    assert "导出 1 行" in page
    assert "entries.csv" not in client_.get(PAGE).content.decode()
