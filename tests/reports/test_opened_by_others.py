"""Our files opened by what others open them with: every reader says the same in every cell, and it is what the page
says."""

import csv
import datetime as dt
import io
import re
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path

import openpyxl
import polars
import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from reports.columns import COLUMNS
from tests import hard_texts
from tests.libreoffice import AS_CSV, GUESSING, as_texts, converted, needs_libreoffice
from tracker.models import Assignment, Entry, Figure, FigureValue, Organization, State, Task
from tracker.models.sheet_writing import SheetFile
from tracker.models.sheets import guard

from .conftest import KEYS, PAGE, read_page

ALL_COLUMNS = "&".join(f"columns={key}" for key in KEYS)
TO_PRINT = [key for key in KEYS if key not in ("area", "heading")]  # these are merged
LEDGER, DATA, PRINT = "ledger.csv", "ledger.xlsx", "ledger-print.xlsx"
RECORDS = ("entries.csv", "figures.csv", "organizations.csv")
SHEET_CSV, SHEET_XLSX = "sheet.csv", "sheet.xlsx"
FOUND = {
    LEDGER: "/reports/18/ledger.csv?period=2026Q4",
    DATA: "/reports/18/ledger.xlsx?period=2026Q4",
    PRINT: "/reports/18/ledger-print.xlsx?period=2026Q4&" + "&".join(f"columns={key}" for key in TO_PRINT),
    "entries.csv": "/reports/18/entries.csv?period=2026Q4",
    "figures.csv": "/reports/18/figures.csv",
    "organizations.csv": "/reports/organizations.csv",
    SHEET_CSV: "/sheet/18/2026Q4/file.csv",
    SHEET_XLSX: "/sheet/18/2026Q4/file.xlsx",
}


@pytest.fixture
def hard(world, plan, bodies):
    """The small federation with a hard text wherever one can be written, and every one somewhere in the ledger."""
    texts = cycle([*hard_texts.ALL, "无"])  # one more, or the same text would come to the entry nobody here sees
    now = timezone.now()
    taken = {"state": State.ACCEPTED, "status": "in_progress", "first_submitted_at": now, "submitted_at": now}
    in_order = ("organization__path", "task__position")  # keys differ between databases
    for entry in Entry.objects.order_by(*(f"assignment__{name}" for name in in_order)):
        progress, problems, next_steps, comment, need, need_from = islice(texts, 6)
        said = {"progress": progress, "problems": problems, "next_steps": next_steps}
        asked = {"need": need, "need_from": need_from, "need_by": dt.date(2099, 1, 1)}
        Entry.objects.filter(pk=entry.pk).update(comment=comment, **said, **asked, **taken)
    for assignment in Assignment.objects.order_by(*in_order):
        standard, leader, responsible, department = islice(texts, 4)
        Assignment.objects.filter(pk=assignment.pk).update(
            standard=standard, leader=leader[:60], responsible=responsible[:60], department=department[:60]
        )
    for body in Organization.objects.order_by("path"):
        name, contact, telephone = islice(texts, 3)
        Organization.objects.filter(pk=body.pk).update(name=name, contact=contact[:60], telephone=telephone[:60])
    figure = Figure.objects.create(plan=plan, slug="built", position=90, name="=新建站点", unit="个", target=100)
    figure.tasks.add(*Task.objects.filter(code__in=["3.2.1", "3.2.3"]))
    for entry, value in zip(Entry.objects.order_by("pk")[:3], ("12.5", "1234567", "0"), strict=True):
        FigureValue.objects.create(entry=entry, figure=figure, value=Decimal(value))
    return world


@pytest.fixture
def files(hard, sign_in, tmp_path):
    """Each file of ours, as it is downloaded, in a folder."""

    def made(*names):
        folder = tmp_path / "ours"
        folder.mkdir(exist_ok=True)
        for name in names:
            client = sign_in("reporter" if name in (SHEET_CSV, SHEET_XLSX) else "supervisor")
            response = client.get(FOUND[name])
            assert response.status_code == 200
            (folder / name).write_bytes(response.getvalue())
        return [folder / name for name in names]

    return made


# What each reader finds: rows of texts and numbers, a day as ISO writes it, nothing as an empty text.


def with_csv(path: Path):
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def with_polars(path: Path):
    frame = polars.read_csv(path, has_header=False, infer_schema=False)
    return [["" if value is None else value for value in row] for row in frame.rows()]


def with_openpyxl(path: Path):
    """It leaves to its caller what stands for characters that XML cannot hold."""
    return [[decoded(value) for value in row] for row in cells_of(path)]


def cells_of(path: Path):
    return [[plain(value) for value in row] for row in openpyxl.load_workbook(path).worksheets[0].values]


def with_calamine(path: Path):
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
    return [[plain(value) for value in row] for row in rows]


def plain(value):
    if value is None:
        return ""
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    if isinstance(value, int | float):
        return int(value) if value == int(value) else value
    return value


def decoded(value):
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value) if isinstance(value, str) else value


def as_texts_all(rows):
    return [[str(value) for value in row] for row in rows]


# What must be found.


def on_page(client, keys):
    """The page's rows, a number as one."""
    columns = [column for column in COLUMNS if column.key in keys]
    rows = read_page(client.get(f"{PAGE}?period=2026Q4&{ALL_COLUMNS}"))
    said = [["" if (value := column.value(row)) is None else value for column in columns] for row in rows]
    return [[str(column.header) for column in columns], *said]


def guarded(rows):
    return [[guard(value) if isinstance(value, str) else str(value) for value in row] for row in rows]


def in_sheet(hard, bodies):
    rows = Entry.objects.filter(assignment__organization=bodies.county, period=hard.period).for_logging()
    file = SheetFile(rows.order_by("assignment__task__position"), Entry.objects.all().reported_before(hard.period))
    return [list(file.headings.values()), *[[plain_cell(value) for value in row] for row in file.rows()]]


def plain_cell(value):
    return value if isinstance(value, str) else plain(float(value) if isinstance(value, Decimal) else value)


def test_every_hard_text_is_somewhere_in_these_files(files):
    held = {cell for path in files(LEDGER, "entries.csv", SHEET_CSV) for row in with_csv(path) for cell in row}
    assert {guard(text) for text in hard_texts.ALL} - held == set()


@pytest.mark.parametrize("reader", [with_csv, with_polars])
def test_csv_is_what_the_page_says_with_its_guard(files, hard, bodies, sign_in, reader):
    ledger, sheet = files(LEDGER, SHEET_CSV)
    assert reader(ledger) == guarded(on_page(sign_in("supervisor"), KEYS))
    assert reader(sheet) == guarded(in_sheet(hard, bodies))


def test_the_records_are_the_same_to_each_reader(files):
    for path in files(*RECORDS):
        rows = with_csv(path)
        assert len(rows) > 2
        assert with_polars(path) == rows


@pytest.mark.parametrize("reader", [with_openpyxl, with_calamine])
def test_workbooks_are_what_the_page_says(files, hard, bodies, sign_in, reader):
    data, printed, sheet = files(DATA, PRINT, SHEET_XLSX)
    assert reader(data) == on_page(sign_in("supervisor"), KEYS)
    assert reader(sheet) == in_sheet(hard, bodies)
    assert reader(printed)[2:] == to_print(sign_in("supervisor"))


def to_print(client):
    header, *rows = on_page(client, TO_PRINT)
    at = TO_PRINT.index("percent")
    return [header, *[[f"{row[at]}%" if i == at and row[at] != "" else v for i, v in enumerate(row)] for row in rows]]


@needs_libreoffice
def test_libreoffice_finds_the_same_in_every_workbook(files, hard, bodies, sign_in, tmp_path):
    paths = files(DATA, PRINT, SHEET_XLSX)
    data, printed, sheet = map(with_csv, converted(paths, AS_CSV, tmp_path))
    assert data == as_texts_all(on_page(sign_in("supervisor"), KEYS))
    assert sheet == as_texts_all(in_sheet(hard, bodies))
    assert printed[2:] == as_texts_all(to_print(sign_in("supervisor")))


@needs_libreoffice
def test_libreoffice_finds_the_same_in_every_csv_file(files, tmp_path):
    paths = files(LEDGER, SHEET_CSV, *RECORDS)
    for path, opened in zip(paths, converted(paths, "xlsx", tmp_path, read_as=as_texts(40)), strict=True):
        assert cells_of(opened) == with_csv(path)


@needs_libreoffice
def test_a_csv_file_opened_with_a_double_click_runs_nothing(files, tmp_path):
    """The program makes numbers and days of what looks like them; what it would reckon with stands there as a text."""
    paths = files(LEDGER, SHEET_CSV, *RECORDS)
    seen = set()
    for path, opened in zip(paths, converted(paths, "xlsx", tmp_path, read_as=GUESSING), strict=True):
        cells = [cell for row in openpyxl.load_workbook(opened).worksheets[0].iter_rows() for cell in row]
        assert {cell.data_type for cell in cells} <= {"s", "n", "d", "b"}
        held = {cell.value for cell in cells}
        risky = {cell for row in with_csv(path) for cell in row if cell.startswith("'") and guard(cell[1:]) == cell}
        assert risky - held == set()
        seen |= risky
    assert {"'" + text for text in hard_texts.RUN} - seen == set()
