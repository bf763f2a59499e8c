"""How the tests take records out of the back office as files, and bring them back."""

import csv
import io

import openpyxl
from django.core.files.uploadedfile import SimpleUploadedFile

from .office import url


def export(client, model, query="", *, kind="csv", columns=None, form=None):
    """The answer to the export form; every column is chosen unless some are named."""
    page = client.get(url(model, "export") + query)
    offered = [name for name, _label in page.context["form"].fields["columns"].choices]
    data = {"format": kind, "columns": offered if columns is None else columns}
    return client.post(url(model, "export") + query, data | (form or {}))


def content(response):
    assert response.status_code == 200, response.content.decode()
    return b"".join(response.streaming_content)


def table(response):
    """Each row of a file that was sent, by its headers, as text."""
    sent = content(response)
    if sent.startswith(b"PK"):
        head, *rows = openpyxl.load_workbook(io.BytesIO(sent)).active.iter_rows(values_only=True)
    else:
        head, *rows = csv.reader(io.StringIO(sent.decode("utf-8-sig")))
    return [dict(zip(head, row, strict=False)) for row in rows]


def as_csv(head, *rows):
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(head, *rows):
    book = openpyxl.Workbook()
    for row in (head, *rows):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def choose(client, model, sent, name="改好的.csv"):
    """The page that says what a file would do."""
    return client.post(url(model, "import"), {"file": SimpleUploadedFile(name, sent)})


def take(client, model, page):
    """Press the button of that page."""
    outcome = page.context.get("outcome")
    return client.post(url(model, "process_import"), {"seen": outcome.mark if outcome else ""})


def changes(page):
    """What a preview shows: key → {column: (old, new)}."""
    return {row.key: {one.column: (one.old, one.new) for one in row.changes} for row in page.context["changed"]}


def refusals(page):
    """What it refuses: (row, column, why)."""
    assert page.status_code == 422, page.status_code
    return [(one.number, one.column, one.message) for one in page.context["refused"]]
