"""CSV, workbook and page have their columns from one list. The CSV takes a way of its own to the same cells."""

import csv
import io
import random

import openpyxl
import pytest

import reports.ledger
from reports.columns import COLUMNS, cell
from tests.conftest import person
from tracker.models import Assignment, Entry, Organization, Task, User
from tracker.models.sheets import unguard

from .conftest import FILE, KEYS, PAGE, read_page
from .test_ledger_csv import HARD, RUN
from .test_ledger_xlsx import DATA, SPREADSHEET, as_filed, decoded

EVERY = "&".join(f"columns={key}" for key in KEYS) + "&per_page=200"
QUERIES = ("", "period=2026Q4", "sort=-percent", "period=2026Q4&sort=state", "light=red&light=green", "task=3.2.1")
ALPHABET = "'=+-@\t\r\n\\,\"; a中文𠮷😀\u202e\u200f\x1f\x0b0123"
NUMBERS = ("number", "percent", "evidence")


@pytest.fixture(params=range(4))
def chance(request):
    return random.Random(request.param)


def some_text(chance, longest=10_000):
    kinds = (
        lambda: chance.choice([*HARD, *RUN, *SPREADSHEET]),
        lambda: "".join(chance.choices(ALPHABET, k=chance.randrange(12))),
        lambda: chance.choice(["", "推进顺利。", "1,5", "2026年", "it's"]),
    )
    return chance.choice(kinds)()[:longest]


@pytest.fixture
def written(world, bodies, chance):
    """The small federation, with anything in every text of it, and in the names of bodies and people."""
    proxy = person("proxy", bodies.province, "supervisor")
    for body in Organization.objects.all():
        names = {"name": some_text(chance, 100) or "名", "short_name": some_text(chance, 60)}
        Organization.objects.filter(pk=body.pk).update(**names, telephone=some_text(chance, 60))
    for user in User.objects.all():
        User.objects.filter(pk=user.pk).update(name=some_text(chance, 60))
    for task in Task.objects.all():
        Task.objects.filter(pk=task.pk).update(wording=some_text(chance) or "举措")
    for row in Assignment.objects.all():
        texts = {name: some_text(chance, 60) for name in ("standard", "leader", "responsible", "stated_light_why")}
        Assignment.objects.filter(pk=row.pk).update(**texts)
    for entry in Entry.objects.all():
        texts = {name: some_text(chance) for name in ("progress", "problems", "next_steps", "comment")}
        behalf = {"submitted_by": proxy, "proxy": bodies.city} if chance.random() < 0.5 else {}
        Entry.objects.filter(pk=entry.pk).update(**texts, **(behalf if entry.submitted_by_id else {}))


def test_page_csv_and_workbook_say_the_same_cell_by_cell(written, sign_in, monkeypatch, chance):
    monkeypatch.setattr(reports.ledger, "CHUNK", chance.choice([1, 3, 250]))
    for name in ("administrator", "reporter"):
        client = sign_in(name)
        for query in QUERIES:
            page = [
                [column.value(row) for column in COLUMNS] for row in read_page(client.get(f"{PAGE}?{query}&{EVERY}"))
            ]
            assert page
            content = client.get(f"{FILE}?{query}").getvalue().decode("utf-8-sig")
            assert content.partition("\r\n")[2] == "".join(",".join(map(cell, row)) + "\r\n" for row in page)
            filed = list(csv.reader(io.StringIO(content, newline=""), strict=True))[1:]
            shown = [["" if value is None else str(value) for value in row] for row in page]
            assert [[unguard(value) for value in row] for row in filed] == shown
            sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"{DATA}?{query}").getvalue())).active
            held = [[decoded(as_filed(value)) for value in row] for row in sheet.iter_rows(2, values_only=True)]
            assert [[str(value) for value in row] for row in held] == shown


def test_columns_leave_in_any_choice_of_them(written, sign_in, chance):
    client = sign_in("administrator")
    whole = list(csv.reader(io.StringIO(client.get(FILE).getvalue().decode("utf-8-sig"), newline="")))
    for keys in [chance.sample(KEYS, chance.randrange(1, len(KEYS))) for _ in range(8)]:
        asked = "&".join(f"columns={key}" for key in keys)
        places = [place for place, key in enumerate(KEYS) if key in keys]
        some = list(csv.reader(io.StringIO(client.get(f"{FILE}?{asked}").getvalue().decode("utf-8-sig"), newline="")))
        assert some == [[row[place] for place in places] for row in whole]
