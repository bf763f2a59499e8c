"""Texts that people have suffered from, out of the sheet and in again: by CSV untouched, by a workbook that LibreOffice
saved anew. Through the pages, as a reporter does it."""

import datetime as dt
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from tests import hard_texts
from tests.libreoffice import converted, needs_libreoffice
from tracker.models import Assignment, Entry, Figure, Task
from tracker.models.sheets import guard, unguard

SHEET = "/sheet/18/2026Q4/"
BOXES = ("progress", "problems", "next_steps", "need", "need_from")


@pytest.fixture(autouse=True)
def _own_var(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"


@pytest.fixture
def written(bodies, plan, tasks, period, cast):
    """Drafts that hold every hard text in every box of some row, and a figure whose name is one."""
    heading, texts = tasks[0].heading, hard_texts.ALL
    more = [
        Task(plan=plan, heading=heading, code=f"3.2.{at}", position=30200 + at, wording=text, due=plan.due)
        for at, text in enumerate(texts, start=10)
    ]
    Task.objects.bulk_create(more)
    Figure.objects.create(plan=plan, slug="hard", position=9, name="=新建", unit="3-4", target=1).tasks.add(more[0])
    Assignment.objects.assign(more, [bodies.county], by=cast.administrator)
    period.open()
    for at, entry in enumerate(Entry.objects.for_transition().order_by("assignment__task__position")):
        said = {box: texts[(at + 7 * place) % len(texts)] for place, box in enumerate(BOXES)}
        asked = {"need_by": timezone.localdate() + dt.timedelta(9)}
        figures = {figure.pk: 12345 for figure in entry.asked_figures}
        entry.save_draft(by=cast.reporter, version=1, status="blocked", figures=figures, **said, **asked)
    return len(texts)


@pytest.fixture
def reporter(written, sign_in):
    return sign_in("reporter")


@pytest.fixture
def looked_over(reporter, written):
    """Upload the file and see what would change: rows unchanged, changed and refused."""

    def looked_over_(content, name):
        page = reporter.post(SHEET + "upload/", {"file": SimpleUploadedFile(name, content)})
        preview = page.context["preview"]
        changes = [(change.old, change.new) for row in preview.changed for change in row.changes]
        return len(preview.unchanged), changes, preview.refused

    return looked_over_


def downloaded(reporter, tmp_path, kind) -> Path:
    path = tmp_path / f"sheet.{kind}"
    path.write_bytes(reporter.get(f"{SHEET}file.{kind}").content)
    return path


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_untouched_every_row_is_unchanged(reporter, written, looked_over, tmp_path, kind):
    content = downloaded(reporter, tmp_path, kind).read_bytes()
    assert looked_over(content, f"sheet.{kind}") == (written, [], [])


@needs_libreoffice
def test_saved_anew_by_libreoffice_every_row_is_unchanged_and_nothing_became_a_formula(
    reporter, written, looked_over, tmp_path
):
    [anew] = converted([downloaded(reporter, tmp_path, "xlsx")], "xlsx", tmp_path)
    cells = [cell for row in openpyxl.load_workbook(anew).worksheets[0].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert looked_over(anew.read_bytes(), "sheet.xlsx") == (written, [], [])
    book = openpyxl.load_workbook(anew)
    hard = hard_texts.RUN[1]
    [_wording, *_boxes, cell] = [each for row in book.worksheets[0].iter_rows() for each in row if each.value == hard]
    cell.value = "改过"
    out = BytesIO()
    book.save(out)
    assert looked_over(out.getvalue(), "sheet.xlsx")[1] == [(hard, "改过")]


@pytest.mark.parametrize("text", hard_texts.ALL)
def test_the_guard_is_taken_off_again(text):
    assert unguard(guard(text)) == text
    assert unguard(guard(guard(text))) == guard(text)
