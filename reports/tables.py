"""How the ledger looks on a page: the cells of its columns, drawn by a slim template of our own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import django_tables2 as tables
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tracker.models import Entry, Light, Reason, Status

from .columns import ON_PAGE, Column
from .ledger import SORTS
from .rows import Row

SAYS_DUE = (Reason.DUE_SOON, Reason.OVERDUE)  # reasons that name the due date themselves
SHOWN = 300  # characters of a progress text shown in a row; its entry has the whole
CLASSES = {"code": "code", "organization": "org", "percent": "num", "status": "text-nowrap", "state": "text-nowrap"}


def cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "……"


class Cell(tables.Column):
    """A column whose class is a plain word: django-tables2 works out `attrs` anew for every cell."""

    def __init__(self, column: Column) -> None:
        super().__init__(verbose_name=column.header, empty_values=())
        self.css = f"col-{column.key} {CLASSES.get(column.key, '' if column.key in ON_PAGE else 'named')}".strip()
        self.says = column.value

    def render(self, record: Row) -> str | SafeString:
        """What the file says in this column, cut where it is long."""
        value = self.says(record)
        if value is None or value == "":
            return "—"
        text = str(value)
        return text if len(text) < 40 else format_html('<div class="said-text">{}</div>', cut(text))


class LedgerTable(tables.Table):
    """One page of rows, sorted already; `sort` is what the header shows, and what its links turn round."""

    class Meta:
        template_name = "reports/ledger_table.html"
        empty_text = gettext_lazy("No row meets these conditions. Take one off, or choose another period.")

    def __init__(
        self, rows: list[Row], *, columns: Iterable[Column], sort: str, with_period: bool, **kwargs: Any
    ) -> None:
        super().__init__(
            rows, extra_columns=[(column.key, Cell(column)) for column in columns], orderable=False, **kwargs
        )
        self.sort = sort or "code"
        self.sortable = {name for name in SORTS if with_period or name != "state"}

    @property
    def headers(self) -> list[dict[str, Any]]:
        """Each column with the order its link asks for, and the one it has now."""
        headers = []
        for column in self.columns:
            now = {column.name: "ascending", f"-{column.name}": "descending"}.get(self.sort, "")
            turn = "" if column.name not in self.sortable else f"-{column.name}" if now == "ascending" else column.name
            headers.append({"column": column, "now": now, "turn": turn})
        return headers

    def render_code(self, record: Row) -> str:
        return record.task.code

    def render_task(self, record: Row) -> SafeString:
        return format_html('<div class="wording"><a href="{}">{}</a></div>', record.task.url, record.task.wording)

    def render_organization(self, record: Row) -> str | SafeString:
        if not record.body.name:
            return format_html('<span class="why">{}</span>', _("No lead organization yet"))
        contact = (
            render_to_string("includes/contact.html", {"reach": record.body})
            if record.course.light == Light.RED
            else ""
        )
        return format_html('{}<span class="why">{}</span>{}', record.body.name, record.body.parent_short, contact)

    def render_light(self, record: Row) -> SafeString:
        course = record.course
        light = format_html('<span class="light {}">{}</span>', course.light, course.chip) if course.light else ""
        reason = format_html('<span class="why">{}</span>', course.reason) if course.reason else ""
        due = _("Due %(day)s") % {"day": course.due} if course.due[:1].isdigit() else course.due
        due = "" if course.reason_key in SAYS_DUE or due == course.reason else due
        return format_html("{}{}{}", light, reason, format_html('<span class="why">{}</span>', due) if due else "")

    def render_status(self, record: Row) -> str | SafeString:
        if record.course.status == Status.BLOCKED:
            return format_html('<span class="tag help">{}</span>', record.course.status_word)
        return record.course.status_word or "—"

    def render_percent(self, record: Row) -> str:
        return "—" if record.course.percent is None else f"{record.course.percent}%"

    def render_progress(self, record: Row) -> str | SafeString:
        progress, evidence = record.report.progress, record.report.evidence
        if not progress:
            return "—"
        pieces = ngettext("%d piece of evidence", "%d pieces of evidence", evidence) % evidence
        beside = format_html('<span class="why">{}</span>', pieces) if evidence else ""
        return format_html('<div class="said-text">{}</div>{}', cut(progress), beside)

    def render_state(self, record: Row) -> str | SafeString:
        if not record.course.state:
            return "—"
        tag = format_html('<span class="tag {}">{}</span>', record.course.state, record.course.state_word)
        if record.entry and record.opens:
            return format_html('<a href="{}">{}</a>', Entry(pk=record.entry).get_absolute_url(), tag)
        return tag
