"""The ledger's files: the page's query string, and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from reports import printed
from reports.columns import chosen, csv_file
from reports.filters import LedgerFilter
from reports.ledger import Ledger
from reports.packing import MOST_BYTES, MOST_FILES, Extent, extent_of, pieces_of, zipped
from reports.workbooks import MOST_ROWS, data_workbook
from tracker.middleware import SignedIn
from tracker.models.audit import Sent
from tracker.models.evidence import size_words
from tracker.models.workbooks import pieces

from .ledger import ledger_of, read, shown

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
def ledger_csv(request: SignedIn, slug: str) -> HttpResponse | StreamingHttpResponse:
    """The rows of the page's query string as a file; what the page cannot understand, the file refuses."""
    conditions = read(request, slug)
    if not conditions.is_valid():
        return shown(request, conditions, status=400)
    sent = Sent(request)
    columns, language = chosen(conditions.chosen_columns), get_language() or ""
    lines = sent.counted(ledger_of(conditions).lines(columns))
    text = csv_file(lines, language=language, notice=demo_notice(), columns=columns)
    return as_file(sent.logged(text), dated(_("ledger"), conditions) + ".csv", CSV)


@require_safe
def ledger_xlsx(request: SignedIn, slug: str) -> HttpResponse | StreamingHttpResponse:
    """The same rows as a workbook to reckon with; more than a sheet holds are refused before one is written."""
    conditions = read(request, slug)
    rows = ledger_of(conditions)
    if refusal := refused(request, conditions, rows, MOST_ROWS):
        return refusal
    sent = Sent(request)
    columns, notice, chunks = chosen(conditions.chosen_columns), demo_notice(), sent.counted(rows.chunks())
    book = sent.logged(pieces(lambda path: data_workbook(path, chunks, columns, notice=notice)))
    next(book)
    return as_file(book, dated(_("ledger"), conditions) + ".xlsx", XLSX)


@require_safe
def ledger_print(request: SignedIn, slug: str) -> HttpResponse | StreamingHttpResponse:
    """The same rows as a workbook to print, of as many as somebody might."""
    conditions = read(request, slug)
    rows = ledger_of(conditions)
    if refusal := refused(request, conditions, rows, printed.MOST_ROWS):
        return refusal
    sent = Sent(request)
    columns, heads, chunks = (
        chosen(conditions.chosen_columns, printed.usual()),
        heads_of(conditions, rows),
        rows.chunks(),
    )
    chunks = sent.counted(chunks)
    book = sent.logged(pieces(lambda path: printed.printed_workbook(path, chunks, columns, heads)))
    next(book)
    return as_file(book, dated(_("ledger to print"), conditions) + ".xlsx", XLSX)


def refused(request: SignedIn, conditions: LedgerFilter, rows: Ledger, most: int) -> HttpResponse | None:
    """The page instead of a workbook, where the conditions are not understood or leave too many rows."""
    if not conditions.is_valid():
        return shown(request, conditions, status=400)
    if rows.is_longer_than(most):
        return shown(request, conditions, status=422, most=most)
    return None


def heads_of(conditions: LedgerFilter, rows: Ledger) -> printed.Heads:
    """What stands above and below the printed table."""
    now = _("As of %(printed_at)s") % {"printed_at": f"{timezone.localtime():%Y-%m-%d %H:%M}"}
    scope = unescape(render_to_string("reports/scope.html", {"user": conditions.user})).strip()
    said = [chip.text for chip in conditions.conditions]
    if not conditions.chosen_period:
        said.insert(0, _("Latest accepted progress"))
    count = ngettext("%(n)d row", "%(n)d rows", rows.found) % {"n": rows.found}
    title = _("%(plan)s: ledger") % {"plan": conditions.plan}
    return printed.Heads(title, "　".join([scope, *said, count, now]), now, demo_notice())


def demo_notice() -> str:
    return _("Demo data: organizations, people and progress are all invented") if settings.DEMO else ""


def dated(word: str, conditions: LedgerFilter) -> str:
    """The name of a file of the ledger."""
    period = conditions.chosen_period
    return "_".join([word, conditions.plan.slug, period.code if period else timezone.localdate().isoformat()])


def as_file(content: Iterator[str] | Iterator[bytes], name: str, kind: str) -> StreamingHttpResponse:
    """Streamed, and kept by nobody on the way. The name says what is invented."""
    if settings.DEMO:
        name = _("demo data") + "_" + name
    headers = {"Content-Disposition": content_disposition_header(True, name), "Cache-Control": "no-store"}
    return StreamingHttpResponse(content, content_type=kind, headers=headers)


@require_safe
def evidence_zip(request: SignedIn, slug: str) -> HttpResponse | StreamingHttpResponse:
    """The files of the rows of the page's query string; too many, or none, is told before anything is sent."""
    conditions = read(request, slug)
    if not conditions.is_valid():
        return shown(request, conditions, status=400)
    extent = extent_of(conditions)
    if extent.is_too_large or not extent.files:
        messages.error(request, refusal(extent))
        return redirect(f"{reverse('ledger', args=[slug])}?{request.GET.urlencode()}")
    sent = Sent(request)
    packed = (piece for [piece] in sent.counted([piece] for piece in pieces_of(conditions)))
    content = sent.logged(zipped(packed, language=get_language() or "", notice=demo_notice()))
    return as_file(content, dated(_("evidence"), conditions) + ".zip", "application/zip")


def refusal(extent: Extent) -> str:
    if not extent.files:
        return _("These rows have no evidence that you can take away. Change the conditions.")
    return _(
        "%(files)d files of %(size)s together are too much for one package; %(most)d files and %(limit)s are the most. "
        "Narrow the conditions, for example to one period or one organization."
    ) % {"files": extent.files, "size": size_words(extent.size), "most": MOST_FILES, "limit": size_words(MOST_BYTES)}
