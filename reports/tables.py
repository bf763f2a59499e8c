"""How the ledger looks on a page: the cells of its columns, drawn by a slim template of our own."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tracker.models import Entry, Reason, Status

from .columns import Column, on_page
from .ledger import SORTS, Row

SAYS_DUE = (Reason.DUE_SOON, Reason.OVERDUE)  # reasons that name the due date themselves
SHOWN = 300  # characters of a progress text shown in a row; its entry has the whole
CLASSES = {"code": "code", "organization": "org", "percent": "num", "status": "text-nowrap", "state": "text-nowrap"}


class Cell(tables.Column):
    """A column whose class is a plain word: django-tables2 works out `attrs` anew for every cell."""

    def __init__(self, column: Column) -> None:
        super().__init__(verbose_name=column.header, empty_values=())
        self.css = f"col-{column.key} {CLASSES.get(column.key, '')}".strip()


class LedgerTable(tables.Table):
    """One page of rows, sorted already; `sort` is what the header shows, and what its links turn round."""

    class Meta:
        template_name = "reports/ledger_table.html"
        empty_text = gettext_lazy("No row meets these conditions. Take one off, or choose another period.")

    def __init__(self, rows: list[Row], *, sort: str, with_period: bool, **kwargs: Any) -> None:
        super().__init__(
            rows, extra_columns=[(column.key, Cell(column)) for column in on_page()], orderable=False, **kwargs
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
        return format_html('{}<span class="why">{}</span>', record.body.name, record.body.parent_short)

    def render_light(self, record: Row) -> SafeString:
        light = format_html('<span class="light {}">{}</span>', record.light, record.chip) if record.light else ""
        reason = format_html('<span class="why">{}</span>', record.reason) if record.reason else ""
        due = _("Due %(day)s") % {"day": record.due} if record.due[:1].isdigit() else record.due
        due = "" if record.reason_key in SAYS_DUE or due == record.reason else due
        return format_html("{}{}{}", light, reason, format_html('<span class="why">{}</span>', due) if due else "")

    def render_status(self, record: Row) -> str | SafeString:
        if record.status == Status.BLOCKED:
            return format_html('<span class="tag help">{}</span>', record.status_word)
        return record.status_word or "—"

    def render_percent(self, record: Row) -> str:
        return "—" if record.percent is None else f"{record.percent}%"

    def render_progress(self, record: Row) -> str | SafeString:
        if not record.progress:
            return "—"
        text = record.progress if len(record.progress) <= SHOWN else record.progress[:SHOWN] + "……"
        return format_html('<div class="said-text">{}</div>', text)

    def render_state(self, record: Row) -> str | SafeString:
        if not record.state:
            return "—"
        tag = format_html('<span class="tag {}">{}</span>', record.state, record.state_word)
        if record.entry and record.opens:
            return format_html('<a href="{}">{}</a>', Entry(pk=record.entry).get_absolute_url(), tag)
        return tag
