"""A small federation at work, and how the tests read the ledger's page and file."""

import csv
import datetime as dt
import io
from types import SimpleNamespace

import pytest
from django.utils import timezone

from reports.columns import COLUMNS
from tests.conftest import person
from tracker.models import Area, Assignment, Entry, Heading, Role, Task

PAGE, FILE = "/reports/18/ledger/", "/reports/18/ledger.csv"
KEYS = [column.key for column in COLUMNS]


def entry_of(body, code, period):
    entries = Entry.objects.for_transition().filter(period=period)
    return entries.get(assignment__organization=body, assignment__task__code=code)


@pytest.fixture
def world(bodies, tasks, plan, period, cast, content):
    """Nine assignments owing in one period.

    The county has all five tasks: 3.2.1 in progress and accepted, 3.2.2 a draft, 3.2.3 blocked at 40 % and accepted,
    3.2.4 returned, 1.1.1 not begun. Its sister's 3.2.1 is submitted; the city, the school and the other province have
    one each, not begun. Nobody leads any task.
    """
    area = Area.objects.create(plan=plan, number=1, title="坚持党的全面领导", short="党的领导")
    heading = Heading.objects.create(area=area, number=1, code="1.1", title="凝心铸魂")
    first = Task.objects.create(
        plan=plan, heading=heading, code="1.1.1", position=10101, wording="开展主题教育", start=plan.start, due=plan.due
    )
    admin = cast.administrator
    Assignment.objects.assign([first, *tasks], [bodies.county], by=admin)
    Assignment.objects.assign(tasks[:1], [bodies.sister, bodies.other], by=admin)
    Assignment.objects.assign([first], [bodies.city, bodies.school], by=admin)
    near = timezone.localdate() + dt.timedelta(300)
    Assignment.objects.get(task=tasks[0], organization=bodies.county).amend(by=admin, due=near)
    Assignment.objects.get(task=tasks[3], organization=bodies.county).state_light("red", "多次催办未报", by=admin)
    period.open()

    def submitted(code, **values):
        entry = entry_of(bodies.county, code, period)
        entry.submit(by=cast.reporter, version=1, **content | values)
        return entry

    submitted("3.2.1").accept(by=cast.reviewer, version=2, comment="同意")
    asked = {"need": "请协调场所。", "need_by": dt.date(2099, 1, 1)}
    blocked = submitted("3.2.3", status="blocked", percent=40, problems="场所未定。", **asked)
    blocked.accept(by=cast.reviewer, version=2)
    returned = submitted("3.2.4", progress="", next_steps="")
    returned.return_(by=cast.reviewer, version=2, comment="请补充")
    draft = entry_of(bodies.county, "3.2.2", period)
    draft.save_draft(by=cast.reporter, version=1, **content | {"progress": "草稿里的话"})
    sister = person("sister", bodies.sister, Role.REPORTER)
    entry_of(bodies.sister, "3.2.1", period).submit(by=sister, version=1, **content | {"progress": "待审核的话"})
    return SimpleNamespace(first=first, tasks=tasks, period=period, near=near, sister=sister)


def read_file(response):
    """The rows of the file by column key, without its header."""
    text = b"".join(response.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:], newline="")))
    assert all(len(row) == len(rows[0]) for row in rows)
    return [dict(zip(KEYS, row, strict=False)) for row in rows[1:]]


def read_page(response):
    return response.context["page"].rows


def on_pages(client, query="", per_page=3):
    """The rows of every page of a query string, followed by its links, as (system number, code, body)."""
    found, number = [], 1
    while True:
        response = client.get(f"{PAGE}?{query}&per_page={per_page}&page={number}")
        assert response.status_code == 200
        page = response.context["page"]
        found += [(row.system_number, row.task.code, row.body.name) for row in page.rows]
        if number == page.last:
            return found
        number += 1


def in_file(client, query=""):
    response = client.get(f"{FILE}?{query}")
    assert response.status_code == 200, response.content.decode()
    return [(row["system_number"], row["code"], row["organization"]) for row in read_file(response)]


def places(rows):
    """(code, body) of each row, without its numbers."""
    return [row[1:] for row in rows]
