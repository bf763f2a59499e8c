"""How the ledger narrows. The page and the file ask the same questions of the same query string (rule 9)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tracker.models import Assignment, Light, Line, Organization, Period, Plan, State, Status, Task, User
from tracker.models.assignments import AssignmentQuerySet
from tracker.models.fields import refuse_unstorable
from tracker.models.organizations import OrganizationQuerySet

from .columns import COLUMNS
from .ledger import SORTS, ledger_rows

NAMED = 10  # organizations offered where a name fits several
SUGGESTED = 100  # organizations suggested while a name is typed
LONGEST = 100  # characters of what is typed


ALL = gettext_lazy("All")


def choice(label: Any, *, every: Any = ALL, choices: Any = (), **kwargs: Any) -> filters.ChoiceFilter:
    return filters.ChoiceFilter(
        label=label,
        choices=choices,
        empty_label=every,
        widget=forms.Select(attrs={"class": "form-select"}),
        error_messages={"invalid_choice": gettext_lazy("This is not among the choices. Choose one from the list.")},
        **kwargs,
    )


def several(label: Any, choices: Any, **kwargs: Any) -> filters.MultipleChoiceFilter:
    return filters.MultipleChoiceFilter(
        label=label,
        choices=choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": gettext_lazy("This is not among the choices. Choose one from the list.")},
        **kwargs,
    )


def typed(label: Any, **kwargs: Any) -> filters.CharFilter:
    attrs = {"class": "form-control", "maxlength": LONGEST, "autocomplete": "off"} | kwargs.pop("attrs", {})
    return filters.CharFilter(
        label=label, widget=forms.TextInput(attrs=attrs), max_length=LONGEST, validators=[refuse_unstorable], **kwargs
    )


def day(label: Any, **kwargs: Any) -> filters.DateFilter:
    return filters.DateFilter(
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"class": "form-control", "type": "date"}),
        error_messages={"invalid": gettext_lazy("Write the date like 2026-11-22.")},
        **kwargs,
    )


class LedgerForm(forms.Form):
    """The checks that need more than one field or the viewer's scope; `user` and `tasks` are set by the filter."""

    user: User
    tasks: list[Task]
    candidates: list[Organization]  # the bodies that an ambiguous name fits

    def clean_task(self) -> str:
        code: str = self.cleaned_data["task"]
        if code and not any(task.code == code for task in self.tasks):
            raise ValidationError(_("No task has this code. Codes look like 3.2.3."))
        return code

    def clean_organization(self) -> Organization | None:
        text: str = self.cleaned_data["organization"]
        if not text:
            return None
        bodies = Organization.objects.visible_to(self.user).select_related("parent")
        found = list(bodies.filter(Q(code=text) | Q(name=text) | Q(short_name=text))[: NAMED + 1])
        found = [body for body in found if body.code == text] or found
        found = found or list(bodies.filter(name__icontains=text)[: NAMED + 1])
        if not found:
            raise ValidationError(_("No organization in your scope has this code or name."))
        if len(found) > 1:
            self.candidates = found[:NAMED]
            if len(found) > NAMED:
                raise ValidationError(_("Many organizations have this name. Write more of it, or take one of these:"))
            raise ValidationError(_("Several organizations have this name. Take one of these:"))
        return found[0]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("due_from") and values.get("due_to") and values["due_to"] < values["due_from"]:
            self.add_error("due_to", _("This date is before the first one."))
        if "period" not in self.errors and not values.get("period"):
            if values.get("state"):
                self.add_error("state", _("Entry states belong to a period. Choose the period too."))
            if values.get("sort", "").removeprefix("-") == "state":
                self.add_error("sort", _("Entry states belong to a period. Choose the period too."))
        return values


class Chip(NamedTuple):
    """One active condition, and the query string without it."""

    text: str
    without: str


class LedgerFilter(filters.FilterSet):
    period = choice(gettext_lazy("Period"), every=gettext_lazy("Latest accepted"), method="in_rows")
    area = choice(gettext_lazy("Work area"), method="in_tasks")
    organization = typed(
        gettext_lazy("Organization"),
        method="in_place",
        attrs={"list": "bodies", "placeholder": gettext_lazy("Code or name")},
    )
    words = typed(gettext_lazy("Words"), method="saying")
    light = several(gettext_lazy("Light"), Light.choices, method="by_light")
    heading = choice(gettext_lazy("Heading"), method="in_tasks")
    task = typed(gettext_lazy("Task code"), method="in_tasks")
    line = choice(gettext_lazy("Line"), every=gettext_lazy("Either line"), choices=Line.choices, method="in_place")
    below = choice(
        gettext_lazy("Reach"),
        every=gettext_lazy("With all below"),
        choices=[("no", gettext_lazy("This organization alone"))],
        method="in_place",
    )
    status = choice(gettext_lazy("Status"), choices=Status.choices, field_name="shown_status")
    state = several(gettext_lazy("Entry state"), State.choices, method="by_state")
    due_from = day(gettext_lazy("Due from"), field_name="due", lookup_expr="gte")
    due_to = day(gettext_lazy("Due to"), field_name="due", lookup_expr="lte")
    sort = choice(gettext_lazy("Order"), every=None, method="in_rows")

    BAR = ("period", "area", "organization", "words")
    LIGHTS = "light"
    MORE = ("heading", "task", "line", "below", "status", "due_from", "due_to", "sort", "state")
    NOT_OF_TASKS = ("organization", "line", "below", "period", "state", "light")

    class Meta:
        model = Assignment
        fields: list[str] = []
        form = LedgerForm

    def __init__(self, data: QueryDict, *, user: User, plan: Plan, tasks: list[Task], periods: list[Period]) -> None:
        """`tasks` are the plan's, in order, with heading and area; `periods` those that have opened."""
        super().__init__(data, queryset=Assignment.objects.none())
        self.user, self.plan, self.tasks = user, plan, tasks
        self.periods = {period.code: period for period in periods}
        headings = {task.heading.code: task.heading for task in tasks}
        areas = {str(heading.area.number): heading.area for heading in headings.values()}
        choices: dict[str, Any]
        for name, choices in (("period", self.periods), ("area", areas), ("heading", headings)):
            self.filters[name].extra["choices"] = [(key, str(choice)) for key, choice in choices.items()]
        self.filters["sort"].extra["choices"] = list(sort_choices())

    @property
    def form(self) -> LedgerForm:
        form = super().form
        form.user, form.tasks = self.user, self.tasks
        return form

    # What the conditions leave.

    @property
    def chosen(self) -> dict[str, Any]:
        return self.form.cleaned_data if self.is_valid() else {}

    @property
    def chosen_period(self) -> Period | None:
        return self.periods.get(self.chosen.get("period", ""))

    @cached_property
    def found(self) -> AssignmentQuerySet:
        """The assignments; none where a condition is not understood, never all of them."""
        if not self.is_valid():
            return Assignment.objects.none()
        rows = ledger_rows(self.user, self.plan, self.chosen_period)
        if len(self.left) < len(self.tasks):
            rows = rows.filter(task__in=[task.pk for task in self.left])
        return self.filter_queryset(rows)

    @cached_property
    def left(self) -> list[Task]:
        """The tasks that area, heading and code leave, in the order of the plan."""
        area, heading, code = (self.chosen.get(name, "") for name in ("area", "heading", "task"))
        return [
            task
            for task in self.tasks
            if (not area or str(task.heading.area.number) == area)
            and (not heading or task.heading.code == heading)
            and (not code or task.code == code)
        ]

    @property
    def ownerless(self) -> list[Task]:
        """The tasks without an owner that the conditions leave: rows for who sees the whole federation (rule 4)."""
        body, chosen = self.user.organization, self.chosen
        whole = self.is_valid() and body is not None and bool(self.user.role) and body.parent_id is None
        if not whole or any(chosen[name] for name in self.NOT_OF_TASKS):
            return []
        first, last = chosen["due_from"], chosen["due_to"]
        return [
            task
            for task in self.left
            if task.owner_id is None
            and (not chosen["status"] or task.status == chosen["status"])
            and (first is None or (task.due is not None and task.due >= first))
            and (last is None or (task.due is not None and task.due <= last))
            and all(says(task, word) for word in chosen["words"].split())
        ]

    def in_rows(self, rows: AssignmentQuerySet, name: str, value: str) -> AssignmentQuerySet:
        return rows  # the period shapes the rows in `found`, the order is put on them by the ledger

    def in_tasks(self, rows: AssignmentQuerySet, name: str, value: str) -> AssignmentQuerySet:
        return rows  # narrowed in `found`, by the tasks left

    def in_place(self, rows: AssignmentQuerySet, name: str, value: Any) -> AssignmentQuerySet:
        """Organization, line and reach are one condition; without an organization it starts from the viewer's own."""
        chosen = self.chosen
        if name != next(each for each in ("organization", "line", "below") if chosen[each]):
            return rows
        body = chosen["organization"] or self.user.organization
        if body is None:
            return rows
        if chosen["below"]:
            return rows.filter(organization=body)
        return rows.filter(body.subtree("organization__", line=chosen["line"] or None))

    def by_light(self, rows: AssignmentQuerySet, name: str, value: list[str]) -> AssignmentQuerySet:
        return rows.filter(light__in=value)

    def by_state(self, rows: AssignmentQuerySet, name: str, value: list[str]) -> AssignmentQuerySet:
        return rows.filter(Q(entry_state__in=value))

    def saying(self, rows: AssignmentQuerySet, name: str, value: str) -> AssignmentQuerySet:
        """Every word is in the task's wording, begins its code, or is in the organization's name."""
        for word in value.split():
            tasks = [task.pk for task in self.left if says(task, word)]
            rows = rows.filter(Q(task__in=tasks) | Q(organization__name__icontains=word))
        return rows

    # What is shown of them.

    @property
    def bar(self) -> list[forms.BoundField]:
        return [self.form[name] for name in self.BAR]

    @property
    def lights(self) -> forms.BoundField:
        return self.form[self.LIGHTS]

    @property
    def more(self) -> list[forms.BoundField]:
        for name in ("due_from", "due_to"):
            if name in self.form.errors:  # a date field would drop what was typed
                self.form.fields[name].widget.input_type = "text"
        return [self.form[name] for name in self.MORE]

    @property
    def more_is_open(self) -> bool:
        return any(self.data.get(name) or self.form.errors.get(name) for name in self.MORE)

    @property
    def bodies(self) -> OrganizationQuerySet:
        """What the organization field suggests: the bodies directly below the viewer's own, never thousands."""
        if not self.user.sees_below:
            return Organization.objects.none()
        return Organization.objects.filter(parent=self.user.organization).only("name")[:SUGGESTED]

    @property
    def candidates(self) -> list[Organization]:
        self.is_valid()
        return getattr(self.form, "candidates", [])

    @property
    def chips(self) -> list[Chip]:
        """The active conditions, each with the address that takes it off."""
        chips = []
        for name in self.filters:
            for value in dict.fromkeys(self.data.getlist(name)):
                if value.strip() and name != "sort":
                    chips.append(Chip(self.said(name, value), without(self.data, name, value)))
        return chips

    def said(self, name: str, value: str) -> str:
        """A condition in words; what is not understood is repeated as it was typed."""
        value = value.replace("\x00", "�")[:LONGEST]
        label, chosen = self.filters[name].label, self.form.errors.get(name) is None and self.chosen.get(name)
        if isinstance(chosen, Organization):
            return (
                _("%(name)s (%(parent)s)") % {"name": chosen, "parent": chosen.parent.short}
                if chosen.parent
                else str(chosen)
            )
        if name == "words":
            return _("“%(words)s”") % {"words": value}
        choices = dict(self.filters[name].extra.get("choices", ()))
        return str(choices[value]) if value in choices else _("%(label)s: %(value)s") % {"label": label, "value": value}


def says(task: Task, word: str) -> bool:
    return word.casefold() in task.wording.casefold() or task.code.startswith(word)


def without(query: QueryDict, name: str, value: str) -> str:
    """The query string without one condition, from the first page."""
    rest = query.copy()
    rest.setlist(name, [each for each in rest.getlist(name) if each != value])
    rest.pop("page", None)
    return rest.urlencode()


def sort_choices() -> Iterable[tuple[str, str]]:
    """The first is what holds where none is chosen."""
    headers = {column.key: str(column.header) for column in COLUMNS}
    yield "code", _("In the order of the plan")
    yield "-code", _("In reverse order")
    for name in SORTS:
        if name != "code":
            yield name, _("%(column)s, ascending") % {"column": headers[name]}
            yield f"-{name}", _("%(column)s, descending") % {"column": headers[name]}
