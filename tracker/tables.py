"""How lists look: columns, order and what a cell links to. Every order ends with the key."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from .models import Assignment, Entry, Task


class Plain(tables.Table):
    """The slim template, whole-row ordering by the key, and no column of its own."""

    class Meta:
        template_name = "includes/table.html"
        attrs = {"class": "ledger stack"}
        empty_text = _("Nothing is found.")


class TaskTable(Plain):
    code = tables.TemplateColumn(
        template_name="tracker/cells/code.html",
        verbose_name=_("Code"),
        order_by=("position", "pk"),
        attrs={"td": {"class": "code"}},
    )
    wording = tables.TemplateColumn(template_name="tracker/cells/task.html", verbose_name=_("Task"), orderable=False)
    owner = tables.Column(verbose_name=_("Lead organization"), order_by=("owner__path", "position", "pk"), default="—")
    status = tables.Column(verbose_name=_("Status"), order_by=("status", "position", "pk"))
    due = tables.TemplateColumn(
        template_name="tracker/cells/due.html",
        verbose_name=_("Due"),
        order_by=("due", "position", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )

    class Meta(Plain.Meta):
        model = Task
        fields = ("code", "wording", "owner", "status", "due")
        order_by = "code"


class HolderTable(Plain):
    """Who has a task, and how far each is."""

    organization = tables.TemplateColumn(
        template_name="tracker/cells/organization.html",
        verbose_name=_("Organization"),
        order_by=("organization__path", "pk"),
        attrs={"td": {"class": "org"}},
    )
    part = tables.Column(verbose_name=_("Part"), order_by=("part", "organization__path", "pk"))
    light = tables.TemplateColumn(
        template_name="tracker/cells/light.html",
        verbose_name=_("Light"),
        order_by=("light", "organization__path", "pk"),
    )
    status = tables.Column(verbose_name=_("Status"), order_by=("status", "organization__path", "pk"))
    percent = tables.TemplateColumn(
        template_name="tracker/cells/percent.html",
        verbose_name=_("Percent"),
        order_by=("percent", "organization__path", "pk"),
        attrs={"td": {"class": "num"}, "th": {"class": "num"}},
    )
    due = tables.TemplateColumn(
        template_name="tracker/cells/due.html",
        verbose_name=_("Due"),
        order_by=("due", "organization__path", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )

    class Meta(Plain.Meta):
        model = Assignment
        fields = ("organization", "part", "light", "status", "percent", "due")
        order_by = "organization"


class DutyTable(Plain):
    """What one body has to do, and how far it is."""

    code = tables.TemplateColumn(
        "{{ record.task.code }}",
        verbose_name=_("Code"),
        order_by=("task__position", "pk"),
        attrs={"td": {"class": "code"}},
    )
    wording = tables.TemplateColumn(
        template_name="tracker/cells/duty.html", verbose_name=_("Task"), orderable=False, accessor="task"
    )
    light = tables.TemplateColumn(
        template_name="tracker/cells/light.html", verbose_name=_("Light"), order_by=("light", "task__position", "pk")
    )
    status = tables.Column(verbose_name=_("Status"), order_by=("status", "task__position", "pk"))
    percent = tables.TemplateColumn(
        template_name="tracker/cells/percent.html",
        verbose_name=_("Percent"),
        order_by=("percent", "task__position", "pk"),
        attrs={"td": {"class": "num"}, "th": {"class": "num"}},
    )
    due = tables.TemplateColumn(
        template_name="tracker/cells/due.html",
        verbose_name=_("Due"),
        order_by=("due", "task__position", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )

    class Meta(Plain.Meta):
        model = Assignment
        fields = ("code", "wording", "light", "status", "percent", "due")
        order_by = "code"


class QueueTable(Plain):
    """What waits for the reviewer."""

    code = tables.TemplateColumn(
        "{{ record.assignment.task.code }}",
        verbose_name=_("Code"),
        order_by=("assignment__task__position", "pk"),
        attrs={"td": {"class": "code"}},
    )
    wording = tables.TemplateColumn(
        template_name="tracker/cells/queued.html", verbose_name=_("Task"), orderable=False, accessor="assignment"
    )
    organization = tables.TemplateColumn(
        template_name="tracker/cells/queued_organization.html",
        verbose_name=_("Organization"),
        accessor="assignment",
        order_by=("assignment__organization__path", "assignment__task__position", "pk"),
        attrs={"td": {"class": "org"}},
    )
    status = tables.Column(verbose_name=_("Status"), order_by=("status", "assignment__task__position", "pk"))
    period = tables.Column(
        verbose_name=_("Period"), accessor="period__title", order_by=("period__due", "assignment__task__position", "pk")
    )
    submitted_at = tables.TemplateColumn(
        template_name="tracker/cells/submitted.html",
        verbose_name=_("Submitted"),
        order_by=("submitted_at", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )
    action = tables.TemplateColumn(
        template_name="tracker/cells/review.html", verbose_name=_("Action"), orderable=False, accessor="pk"
    )

    class Meta(Plain.Meta):
        model = Entry
        fields = ("code", "wording", "organization", "status", "period", "submitted_at", "action")
        order_by = "period"
        empty_text = _("Nothing waits for your review.")


PER_PAGE = 50


def page_of(table: tables.Table, query: Any, *, per_page: int = PER_PAGE) -> tables.Table:
    """Sort and cut a table as the URL asks. A wrong sort is ignored; a wrong page is the nearest there is."""
    wanted = [name for name in query.getlist("sort") if name.removeprefix("-") in table.columns.names()]
    if wanted:
        table.order_by = wanted
    asked = query.get("per_page", "")
    size = min(max(int(asked), 1), 200) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else per_page
    page = query.get("page", "1")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 9 else 1
    table.paginate(page=1, per_page=size)
    table.page = table.paginator.get_page(number)
    return table
