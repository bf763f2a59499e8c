"""Records taken out of the back office: what the list shows, in the person's scope, as CSV or as a workbook."""

import io
from urllib.parse import unquote

import openpyxl
import pytest

from tests.conftest import person
from tests.tracker.exchanging import content, export, table
from tests.tracker.office import url
from tracker import access
from tracker.admin.exchange import pages
from tracker.models import Operation, Organization, Role

pytestmark = pytest.mark.usefixtures("in_english")

MODELS = (*access.EXCHANGED, "plan", "heading")
HARD = [
    "=1+1",
    "'=1",
    "-1",
    "@a",
    "+86 1",
    "\ttab",
    "007",
    "3-4",
    "1234567890123456",
    "有,逗号",
    '引"号',
    "𠮷🙂",
    "_x0041_",
]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("model", MODELS)
def test_each_record_leaves_as_its_list_shows_it(office, everything, model, kind):
    listed = office.get(url(model, "changelist")).context["cl"].result_count
    rows = table(export(office, model, kind=kind))
    assert len(rows) == listed > 0
    assert all(any(row.values()) for row in rows)


def test_the_columns_are_the_records_own_words(office, bodies):
    rows = {row["Organization code"]: row for row in table(export(office, "organization"))}
    county = rows["111"]
    assert (county["Name"], county["Parent code"], county["Parent"]) == ("甲县总工会", "11", "示例一市总工会")
    assert (county["Level"], county["Line"], county["Telephone"]) == ("County", "Territorial", "0000-0001")
    assert rows["113"]["Industrial parent code"] == "U"
    chosen = table(export(office, "organization", columns=["telephone"]))
    assert list(chosen[0]) == ["Organization code", "Telephone"]  # what names the record is always there


def test_the_file_has_what_filter_and_search_of_the_list_leave(office, bodies):
    codes = {row["Organization code"] for row in table(export(office, "organization", "?level__exact=county&q=甲"))}
    assert codes == {"111"}
    page = office.get(url("organization", "export") + "?level__exact=county")
    assert (page.context["count"], page.context["narrowed"]) == (2, True)
    answer = office.get(url("organization", "export") + "?nonsense=1")
    assert (answer.status_code, answer.url) == (302, url("organization", "changelist"))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_file_has_the_persons_scope_and_no_more(client, bodies, owed, kind):
    local = person("local", bodies.city, Role.ADMINISTRATOR)
    person("elsewhere", bodies.other, Role.REPORTER)
    client.force_login(local)
    client.cookies["django_language"] = "en"
    own = {row["Organization code"] for row in table(export(client, "organization", kind=kind))}
    assert own == {"11", "111", "112"}
    assert {row["Organization code"] for row in table(export(client, "assignment", kind=kind))} == {"111", "112"}
    people = {row["User name"] for row in table(export(client, "user", kind=kind))}
    assert people == {"reporter", "leader", "reviewer", "local"}


@pytest.mark.parametrize("text", HARD)
def test_texts_leave_as_texts(office, bodies, text):
    Organization.objects.filter(pk=bodies.county.pk).update(contact=text)
    guarded = f"'{text}" if text[0] in "=-@+'\t" else text
    assert table(export(office, "organization", "?q=111"))[0]["Contact person"] == guarded
    book = openpyxl.load_workbook(io.BytesIO(content(export(office, "organization", "?q=111", kind="xlsx"))))
    cell = next(cell for cell in book.active[2] if cell.column == 8)
    assert cell.data_type in ("s", "inlineStr")
    assert openpyxl.utils.escape.unescape(cell.value) == text


def test_a_workbook_says_what_may_be_written_where(office, bodies):
    sheet = openpyxl.load_workbook(io.BytesIO(content(export(office, "organization", kind="xlsx")))).active
    heads = {cell.value: cell.column_letter for cell in sheet[1]}
    looks = {head: sheet.column_dimensions[letter] for head, letter in heads.items()}
    grey = {head for head, look in looks.items() if look.fill.fgColor.rgb == "FFEDEFF1"}
    assert grey == {*("Line", "Parent code", "Parent", "Industrial parent code", "Closed on", "Merged into")}
    assert looks["Telephone"].number_format == "@"  # what is typed over it stays a text
    lists = {str(rule.sqref).split(":")[0][:1]: rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert lists[heads["Level"]] == '"National,Province,City,County,Township,Grassroots"'
    assert sheet.freeze_panes == "A2"


@pytest.mark.parametrize(("who", "may"), [("auditor", True), ("administrator", True), ("reporter", False)])
def test_who_reads_the_list_takes_its_file(sign_in, bodies, who, may):
    client = sign_in(who)
    assert client.get(url("organization", "export")).status_code == (200 if may else 403)
    if may:
        assert content(export(client, "organization")).startswith(b"\xef\xbb\xbf")


def test_what_was_taken_stands_in_the_operations_log_with_filter_and_count(office, bodies):
    for kind in ("csv", "xlsx"):
        content(export(office, "organization", "?level__exact=county", kind=kind))
        line = Operation.objects.filter(action="exported").first()
        assert (line.target, line.result) == (url("organization", "export"), "done")
        assert line.detail == {"filter": "level__exact=county", "rows": 2}


def test_the_file_is_called_by_what_it_holds(office, bodies):
    answer = export(office, "organization")
    assert "Organizations_" in unquote(answer["Content-Disposition"])
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    content(answer)


def test_a_demo_says_so_in_its_files(office, bodies, settings):
    settings.DEMO = True
    answer = export(office, "organization", kind="xlsx")
    assert "demo data_" in unquote(answer["Content-Disposition"])
    assert any(str(head).startswith("Demo data") for head in table(answer)[0])


def test_a_workbook_holds_as_many_rows_as_can_come_back(office, bodies, monkeypatch):
    monkeypatch.setattr(pages, "MOST_ROWS", 3)
    page = export(office, "organization", kind="xlsx")
    assert page.status_code == 422
    assert "at most 3 rows" in page.context["form"].errors["format"][0]
    assert len(table(export(office, "organization"))) == 8


def test_a_form_that_is_not_filled_in_is_shown_again(office, bodies):
    page = office.post(url("organization", "export"), {"format": "pdf", "columns": ["pinyin"]})
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {"format", "columns"}


@pytest.mark.parametrize("model", ["organization", "user", "assignment"])
def test_the_number_of_queries_does_not_follow_the_rows(office, everything, model, django_assert_max_num_queries):
    with django_assert_max_num_queries(30):
        content(export(office, model))
