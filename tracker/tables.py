"""How lists look: columns, order and what a cell links to. Every order ends with the key."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .models import Assignment, Blocker, Entry, Extension, Instruction, InstructionReply, Nudge, Task


class Plain(tables.Table):
    """The slim template, whole-row ordering by the key, and no column of its own."""

    class Meta:
        template_name = "includes/table.html"
        attrs = {"class": "ledger stack"}
        empty_text = _("Nothing is found.")


class TaskTable(Plain):
    chosen = tables.TemplateColumn(
        template_name="tracker/cells/chosen.html", verbose_name=_("Choose"), orderable=False, accessor="code"
    )
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
        fields = ("chosen", "code", "wording", "owner", "status", "due")
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
    status = tables.TemplateColumn(
        template_name="tracker/cells/status.html",
        verbose_name=_("Status"),
        order_by=("status", "organization__path", "pk"),
    )
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

    plan = tables.Column(verbose_name=_("Plan"), accessor="task__plan__title", orderable=False)
    code = tables.TemplateColumn(
        "{{ record.task.code }}",
        verbose_name=_("Code"),
        order_by=("task__plan", "task__position", "pk"),
        attrs={"td": {"class": "code"}},
    )
    wording = tables.TemplateColumn(
        template_name="tracker/cells/duty.html", verbose_name=_("Task"), orderable=False, accessor="task"
    )
    light = tables.TemplateColumn(
        template_name="tracker/cells/light.html", verbose_name=_("Light"), order_by=("light", "task__position", "pk")
    )
    status = tables.TemplateColumn(
        template_name="tracker/cells/status.html",
        verbose_name=_("Status"),
        order_by=("status", "task__position", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )
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
        fields = ("code", "wording", "plan", "light", "status", "percent", "due")
        order_by = "code"


class NudgeTable(Plain):
    """What we urged others to, and whether they read and answered it."""

    at = tables.TemplateColumn(
        '{{ record.at|date:"Y-m-d H:i" }}',
        verbose_name=_("When"),
        order_by=("at", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )
    organization = tables.TemplateColumn(
        template_name="tracker/cells/organization.html",
        verbose_name=_("Organization"),
        order_by=("organization__code", "pk"),
        attrs={"td": {"class": "org"}},
    )
    period = tables.Column(verbose_name=_("Period"), accessor="period__title", order_by=("period__due", "pk"))
    missing = tables.Column(
        verbose_name=_("Items not reported"),
        order_by=("missing", "pk"),
        attrs={"td": {"class": "num"}, "th": {"class": "num"}},
    )
    reason = tables.Column(verbose_name=_("Words to them"), orderable=False, default="—")
    answer = tables.TemplateColumn(
        template_name="tracker/cells/nudged.html",
        verbose_name=_("Answer"),
        order_by=("answered_at", "read_at", "pk"),
        accessor="pk",
    )

    class Meta(Plain.Meta):
        model = Nudge
        fields = ("at", "organization", "period", "missing", "reason", "answer")
        order_by = "-at"
        empty_text = _("Nobody has been urged yet.")


class BehalfTable(Plain):
    """What is owed by bodies that others report for."""

    organization = tables.TemplateColumn(
        template_name="tracker/cells/queued_organization.html",
        verbose_name=_("Organization"),
        accessor="assignment",
        order_by=("assignment__organization__path", "assignment__task__position", "pk"),
        attrs={"td": {"class": "org"}},
    )
    code = tables.TemplateColumn(
        "{{ record.assignment.task.code }}",
        verbose_name=_("Code"),
        order_by=("assignment__task__position", "assignment__organization__path", "pk"),
        attrs={"td": {"class": "code"}},
    )
    wording = tables.TemplateColumn(
        template_name="tracker/cells/behalf.html", verbose_name=_("Task"), orderable=False, accessor="assignment"
    )
    period = tables.Column(
        verbose_name=_("Period"),
        accessor="period__title",
        order_by=("period__due", "assignment__organization__path", "assignment__task__position", "pk"),
    )
    state = tables.TemplateColumn(
        template_name="tracker/cells/state.html",
        verbose_name=_("State"),
        order_by=("state", "assignment__organization__path", "assignment__task__position", "pk"),
    )
    action = tables.TemplateColumn(
        template_name="tracker/cells/report.html", verbose_name=_("Action"), orderable=False, accessor="pk"
    )

    class Meta(Plain.Meta):
        model = Entry
        fields = ("organization", "code", "wording", "period", "state", "action")
        order_by = "organization"
        empty_text = _("No body directly below waits for you to report on its behalf.")


class CompletedTable(Plain):
    """What is completed and waits to be struck off, with the report that said so."""

    chosen = tables.TemplateColumn(
        template_name="tracker/cells/ticked.html", verbose_name=_("Choose"), orderable=False, accessor="pk"
    )
    plan = tables.Column(verbose_name=_("Plan"), accessor="task__plan__title", orderable=False)
    wording = tables.TemplateColumn(
        template_name="tracker/cells/completed.html", verbose_name=_("Task"), orderable=False, accessor="task"
    )
    organization = tables.TemplateColumn(
        template_name="tracker/cells/organization.html",
        verbose_name=_("Organization"),
        order_by=("organization__path", "task__position", "pk"),
        attrs={"td": {"class": "org"}},
    )
    due = tables.TemplateColumn(
        template_name="tracker/cells/due.html",
        verbose_name=_("Due"),
        order_by=("due", "task__position", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )
    accepted = tables.TemplateColumn(
        '{{ record.latest.decided_at|date:"Y-m-d" }}',
        verbose_name=_("Accepted on"),
        accessor="latest",
        order_by=("latest__decided_at", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )

    class Meta(Plain.Meta):
        model = Assignment
        fields = ("chosen", "wording", "plan", "organization", "due", "accepted")
        order_by = "accepted"
        empty_text = _("Nothing waits to be struck off.")


class ExtensionTable(Plain):
    """Requests for a later due date, and what became of them."""

    asked_at = tables.TemplateColumn(
        '{{ record.asked_at|date:"Y-m-d" }}<span class="why">{{ record.asked_by }}</span>',
        verbose_name=_("Asked"),
        order_by=("asked_at", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )
    wording = tables.TemplateColumn(
        template_name="tracker/cells/extended.html", verbose_name=_("Task"), orderable=False, accessor="assignment"
    )
    organization = tables.TemplateColumn(
        template_name="tracker/cells/queued_organization.html",
        verbose_name=_("Organization"),
        accessor="assignment",
        order_by=("assignment__organization__path", "pk"),
        attrs={"td": {"class": "org"}},
    )
    new_due = tables.TemplateColumn(
        '{{ record.old_due|date:"Y-m-d" }} → {{ record.new_due|date:"Y-m-d" }}',
        verbose_name=_("Due date"),
        order_by=("new_due", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )
    state = tables.TemplateColumn(
        template_name="tracker/cells/extension_state.html",
        verbose_name=Extension._meta.get_field("state").verbose_name,
        order_by=("state", "-asked_at", "pk"),
    )

    class Meta(Plain.Meta):
        model = Extension
        fields = ("asked_at", "wording", "organization", "new_due", "state")
        order_by = "-asked_at"
        empty_text = _("No extension has been asked for.")


class MatterTable(Plain):
    """Matters for coordination. As it comes, open ones stand first; a column sorts as any other."""

    organization = tables.TemplateColumn(
        template_name="tracker/cells/matter_organization.html",
        verbose_name=_("Organization"),
        accessor="entry__assignment",
        order_by=("entry__assignment__organization__path", "pk"),
        attrs={"td": {"class": "org"}},
    )
    need = tables.TemplateColumn(
        template_name="tracker/cells/matter.html", verbose_name=_("What is asked"), orderable=False
    )
    state = tables.TemplateColumn(
        template_name="tracker/cells/matter_state.html",
        verbose_name=_("State of the matter"),
        order_by=("state", "reply_by", "pk"),
    )
    reply_by = tables.TemplateColumn(
        template_name="tracker/cells/matter_by.html",
        verbose_name=_("Reply wanted by"),
        order_by=("reply_by", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )
    asked_at = tables.TemplateColumn(
        '{{ record.asked_at|date:"Y-m-d" }}',
        verbose_name=_("Asked"),
        order_by=("asked_at", "pk"),
        attrs={"td": {"class": "text-nowrap"}},
    )

    class Meta(Plain.Meta):
        model = Blocker
        fields = ("organization", "need", "state", "reply_by", "asked_at")
        empty_text = _("Nothing is asked here.")


class InstructionTable(Plain):
    """Leaders' notes, a row for each body one went to. As it comes, overdue ones stand first; a column sorts as any."""

    text = tables.TemplateColumn(
        template_name="tracker/cells/instruction.html",
        verbose_name=Instruction._meta.verbose_name,
        orderable=False,
        accessor="instruction",
    )
    organization = tables.TemplateColumn(
        template_name="tracker/cells/instruction_organization.html",
        verbose_name=pgettext_lazy("note", "To whom"),
        order_by=("organization__path", "pk"),
        attrs={"td": {"class": "org"}},
    )
    state = tables.TemplateColumn(
        template_name="tracker/cells/instruction_state.html",
        verbose_name=_("State of the note"),
        order_by=("answered_at", "read_at", "pk"),
        accessor="pk",
    )
    reply_by = tables.TemplateColumn(
        template_name="tracker/cells/instruction_by.html",
        verbose_name=_("Answer wanted by"),
        order_by=("instruction__reply_by", "pk"),
        accessor="instruction",
        attrs={"td": {"class": "text-nowrap"}},
    )

    class Meta(Plain.Meta):
        model = InstructionReply
        fields = ("text", "organization", "state", "reply_by")
        empty_text = _("No leader’s note is found.")


PER_PAGE = 50
BY_PLAN = ("plan",)  # the column that tells plans apart; left out while there is one


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
