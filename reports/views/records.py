"""Files of records beside the ledger: a period's entries, the figures that were accepted, the organizations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from reports.columns import chosen, reader, spoken
from reports.ledger import CHUNK
from reports.rows import Row
from tracker.middleware import SignedIn
from tracker.models import Assignment, Entry, Organization, Period, Plan, State
from tracker.models.audit import Sent
from tracker.models.loading import COLUMNS, OPTIONAL
from tracker.models.organization_files import CHOICES, HEADERS
from tracker.models.sheets import csv_lines
from tracker.models.values import FigureValue

from .files import CSV, as_file, dated, demo_notice
from .ledger import ledger_of, read, shown

# Of the ledger's row, and what follows them is the entry's own.
OF_THE_ROW = """
    code task organization parent state status percent progress problems next_steps evidence reported_by reported_at
    reviewed_by opinion system_number
""".split()  # noqa: SIM905
OF_THE_ENTRY = (
    *("assignment__organization__code", "period__code", "first_submitted_at"),
    *("state", "no_change", "need", "need_from", "need_by"),
)
OF_A_FIGURE = (
    *("figure__plan__title", "figure__name", "figure__unit", "entry__period__code"),
    *("entry__assignment__organization__code", "entry__assignment__organization__name"),
    *("entry__assignment__organization__parent__name", "entry__assignment__task__code", "value", "confirmed"),
)


@require_safe
def entries_csv(request: SignedIn, slug: str) -> HttpResponse | StreamingHttpResponse:
    """One line an entry of a period, of the rows that the ledger's conditions leave; texts of accepted ones alone."""
    conditions = read(request, slug)
    period = conditions.chosen_period
    if period is None:
        return shown(request, conditions, status=400, asks_period=conditions.is_valid())
    sent, notice = Sent(request), noticed()
    columns = chosen(OF_THE_ROW)
    header = [str(column.header) for column in columns] + [
        *(_("Organization code"), _("Period"), _("First submitted at"), pgettext("submission", "Late")),
        *(_("No change"), _("What is needed"), _("Needed from"), _("Needed by"), *notice),
    ]
    said = Said(period)
    words_of = reader(columns)

    def lines(rows: list[Row]) -> Iterator[Iterable[Any]]:
        own = said.of(rows)
        return ((*words_of(row), *own[row.entry], *notice) for row in rows if row.entry in own)

    chunks = spoken(sent.counted(ledger_of(conditions).chunks()), get_language() or "")
    content = sent.logged(csv_lines(header, map(lines, chunks)))
    return as_file(content, dated(_("entries"), conditions) + ".csv", CSV)


class Said:
    """What the file of a period's entries says beside the ledger's row, in the language it is made in."""

    def __init__(self, period: Period) -> None:
        self.end = period.due_end
        self.yes_no = {True: _("Yes"), False: _("No"), None: ""}

    def of(self, rows: list[Row]) -> dict[int | None, list[Any]]:
        """By entry. One query."""
        keys = [row.entry for row in rows if row.entry]
        return {
            pk: self.cells(*values)
            for pk, *values in Entry.objects.filter(pk__in=keys).order_by().values_list("pk", *OF_THE_ENTRY)
        }

    def cells(self, body: str, period: str, first: Any, state: str, no_change: bool, *asked: Any) -> list[Any]:
        """What was written counts from its acceptance on; when it first came in is known from then on (rule 3)."""
        late = first >= self.end if first and state != State.EXCUSED else None
        came = f"{timezone.localtime(first):%Y-%m-%d %H:%M}" if first else ""
        written = (self.yes_no[no_change], *asked) if state == State.ACCEPTED else ("", "", "", "")
        return [body, period, came, self.yes_no[late], *written]


@require_safe
def figures_csv(request: SignedIn, slug: str) -> StreamingHttpResponse:
    """One line a number that was accepted in the person's scope; of one period where the address names one."""
    plan = get_object_or_404(Plan, slug=slug)
    code = request.GET.get("period", "")
    period = get_object_or_404(plan.periods.exclude(opened_at=None), code=code.replace("\0", "")) if code else None
    bodies = Assignment.objects.visible_to(request.user).order_by().values("pk")
    values = FigureValue.objects.filter(figure__plan=plan, entry__state=State.ACCEPTED, entry__assignment__in=bodies)
    if period:
        values = values.filter(entry__period=period)
    order = ("figure__position", "entry__period__due", "entry__assignment__organization__path", "pk")
    header = [
        *(_("Plan"), _("Figure"), _("Unit"), _("Period"), _("Organization code"), _("Organization")),
        *(_("Parent organization"), _("Task code"), _("Value"), _("Confirmed"), *(notice := noticed())),
    ]
    yes_no = {True: _("Yes"), False: _("No")}

    def line(row: tuple[Any, ...]) -> Iterable[Any]:
        *said, value, confirmed = row
        return (*said, f"{value:f}".rstrip("0").rstrip("."), yes_no[confirmed], *notice)

    sent = Sent(request)
    chunks = sent.counted(chunks_of(values.order_by(*order).values_list(*OF_A_FIGURE)))
    content = sent.logged(csv_lines(header, (map(line, chunk) for chunk in chunks)))
    name = "_".join([_("figures"), plan.slug, period.code if period else timezone.localdate().isoformat()])
    return as_file(content, name + ".csv", CSV)


@require_safe
def organizations_csv(request: SignedIn) -> StreamingHttpResponse:
    """The bodies in scope that are not closed, parents first, as the back office takes them in again.

    No line says that a demo's are invented, for which a load file has no column: the name of the file does.
    """
    columns = [*COLUMNS, *OPTIONAL]
    words = {name: {value: str(label) for value, label in CHOICES[name].choices} for name in CHOICES}
    header = [str(HEADERS[name]).split("/")[0].strip() for name in columns]
    bodies = Organization.objects.visible_to(request.user).open().order_by("path")
    values = bodies.values_list(
        *[{"parent_code": "parent__code", "industry_parent_code": "industry__code"}.get(name, name) for name in columns]
    )

    def line(row: tuple[Any, ...]) -> Iterable[Any]:
        return (
            words[name][value] if value and name in words else value for name, value in zip(columns, row, strict=True)
        )

    sent = Sent(request)
    content = sent.logged(csv_lines(header, (map(line, chunk) for chunk in sent.counted(chunks_of(values)))))
    return as_file(content, "_".join([_("organizations"), timezone.localdate().isoformat()]) + ".csv", CSV)


def chunks_of(rows: QuerySet[Any, Any]) -> Iterator[list[Any]]:
    """Flat in memory, whatever their number."""
    stream = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def noticed() -> list[str]:
    """One more column in a demo, as in the ledger's file."""
    return [notice] if (notice := demo_notice()) else []
