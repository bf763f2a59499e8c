"""How the ledger narrows. The page and the file ask the same questions of the same query string (rule 9)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, reduce
from operator import or_
from typing import Any, NamedTuple, cast

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, TextChoices
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tracker.forms import OrganizationChoice
from tracker.models import Assignment, Figure, Light, Line, Organization, Part, Period, Plan, State, Status, Task, User
from tracker.models.assignments import AssignmentQuerySet
from tracker.models.fields import refuse_unstorable
from tracker.models.organizations import OrganizationQuerySet
from tracker.models.pinyin import word_patterns

from .columns import COLUMNS
from .figures import GIVEN, MISSING, WAITING, answering, asked_for
from .ledger import SORTS, ledger_rows

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


def carried(condition: filters.Filter) -> filters.Filter:
    """A condition that links from other pages set: it has no field to fill in, but a chip to take it off."""
    condition.extra["widget"] = forms.HiddenInput
    return condition


NUMBERS = [
    (GIVEN, gettext_lazy("Number accepted")),
    (WAITING, gettext_lazy("Number waiting for review")),
    (MISSING, gettext_lazy("No accepted number")),
]


class LedgerForm(forms.Form):
    """The checks that need more than one field or the viewer's scope; `user`, `tasks` and `figures` are set by the
    filter."""

    user: User
    tasks: list[Task]
    figures: QuerySet[Figure]

    def clean_task(self) -> str:
        code: str = self.cleaned_data["task"]
        if code and not any(task.code == code for task in self.tasks):
            raise ValidationError(_("No task has this code. Codes look like 3.2.3."))
        return code

    def clean_figure(self) -> Figure | None:
        slug: str = self.cleaned_data["figure"]
        figure = self.figures.filter(slug=slug).first() if slug else None
        if slug and figure is None:
            raise ValidationError(_("The plan has no such figure. Choose it from the page of figures."))
        return figure

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("number") and not values.get("figure") and "figure" not in self.errors:
            self.add_error("number", _("Choose the figure too."))
        if values.get("due_from") and values.get("due_to") and values["due_to"] < values["due_from"]:
            self.add_error("due_to", _("This date is before the first one."))
        if "period" not in self.errors and not values.get("period"):
            if values.get("state"):
                self.add_error("state", _("Entry states belong to a period. Choose the period too."))
            if values.get("came"):
                self.add_error("came", _("How reports came in belongs to a period. Choose the period too."))
            if values.get("sort", "").removeprefix("-") == "state":
                self.add_error("sort", _("Entry states belong to a period. Choose the period too."))
        return values


class Came(TextChoices):
    """How an entry that is owed came in, or did not (rules 1 and 3): the first three add up to what is owed."""

    ON_TIME = "on_time", gettext_lazy("Came in on time")
    LATE = "late", gettext_lazy("Came in late")
    NEVER = "never", gettext_lazy("Not come in yet")
    NO_CHANGE = "no_change", gettext_lazy("No change")


class OrganizationFilter(filters.Filter):
    field_class = OrganizationChoice


class Chip(NamedTuple):
    """One active condition, and the query string without it."""

    text: str
    without: str


class LedgerFilter(filters.FilterSet):
    period = choice(gettext_lazy("Period"), every=gettext_lazy("Latest accepted"), method="in_rows")
    area = choice(gettext_lazy("Work area"), method="in_tasks")
    organization = OrganizationFilter(
        label=gettext_lazy("Organization"),
        method="in_place",
        widget=forms.TextInput(attrs={"list": "bodies", "placeholder": gettext_lazy("Code, name or pinyin")}),
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
    part = choice(gettext_lazy("Part"), choices=Part.choices, field_name="part")
    standing = choice(
        gettext_lazy("Kind of task"),
        choices=[("no", gettext_lazy("To be completed")), ("yes", gettext_lazy("Standing duties"))],
        method="in_tasks",
    )
    came = several(gettext_lazy("Coming in"), Came.choices, method="as_came")
    figure = carried(typed(gettext_lazy("Figure"), method="by_figure"))
    number = carried(choice(gettext_lazy("Its number"), choices=NUMBERS, method="by_figure"))
    due_from = day(gettext_lazy("Due from"), field_name="due", lookup_expr="gte")
    due_to = day(gettext_lazy("Due to"), field_name="due", lookup_expr="lte")
    sort = choice(gettext_lazy("Order"), every=None, method="in_rows")
    columns = several(
        gettext_lazy("Columns"),
        [(column.key, column.header) for column in COLUMNS],
        method="in_rows",
        help_text=gettext_lazy("With none ticked the page shows the usual ones, and the files have all of them."),
    )

    BAR = ("period", "area", "organization", "words")
    LIGHTS = "light"
    MORE = (
        *("heading", "task", "line", "below", "status", "part", "standing", "due_from", "due_to", "sort"),
        *("state", "came", "columns"),
    )
    CARRIED = ("figure", "number")
    NOT_OF_TASKS = ("organization", "line", "below", "period", "state", "came", "light", "part", "figure")

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
        form.user, form.tasks, form.figures = self.user, self.tasks, self.plan.figures.all()
        form.fields["organization"].queryset = Organization.objects.visible_to(self.user)
        return form

    # What the conditions leave.

    @property
    def chosen(self) -> dict[str, Any]:
        return self.form.cleaned_data if self.is_valid() else {}

    @property
    def chosen_period(self) -> Period | None:
        return self.periods.get(self.chosen.get("period", ""))

    @property
    def chosen_columns(self) -> list[str]:
        """The keys of the columns that page and files are to have; none where nobody chose any."""
        return self.chosen.get("columns") or []

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
        area, heading, code, standing = (self.chosen.get(name, "") for name in ("area", "heading", "task", "standing"))
        return [
            task
            for task in self.tasks
            if (not area or str(task.heading.area.number) == area)
            and (not heading or task.heading.code == heading)
            and (not code or task.code == code)
            and (not standing or task.standing == (standing == "yes"))
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
            and task.ended_on is None
            and (not chosen["status"] or task.status == chosen["status"])
            and (first is None or (task.due is not None and task.due >= first))
            and (last is None or (task.due is not None and task.due <= last))
            and all(says(task, word) for word in chosen["words"].split())
        ]

    def in_rows(self, rows: AssignmentQuerySet, name: str, value: str) -> AssignmentQuerySet:
        return rows  # the period shapes the rows in `found`; order and columns are those of what shows them

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

    def by_figure(self, rows: AssignmentQuerySet, name: str, value: str) -> AssignmentQuerySet:
        """Those asked for the figure's number, and what became of it: one condition. Who is excused is not asked."""
        chosen = self.chosen
        if name != "figure":
            return rows
        figure: Figure = chosen["figure"]
        rows = rows.filter(asked_for(figure))
        if self.chosen_period:
            rows = rows.exclude(Q(entry_state=State.EXCUSED))
        if not chosen["number"]:
            return rows
        return rows.filter(answering(figure, chosen["number"], self.chosen_period, self.user))

    def by_light(self, rows: AssignmentQuerySet, name: str, value: list[str]) -> AssignmentQuerySet:
        return rows.filter(light__in=value)

    def by_state(self, rows: AssignmentQuerySet, name: str, value: list[str]) -> AssignmentQuerySet:
        return rows.filter(Q(entry_state__in=value))

    def as_came(self, rows: AssignmentQuerySet, name: str, value: list[str]) -> AssignmentQuerySet:
        """As the tallies count it: what is excused is not owed, and so came in neither on time nor late."""
        if self.chosen_period is None:
            return rows.none()
        came = {
            Came.ON_TIME: Q(entry_came__lt=self.chosen_period.due_end),
            Came.LATE: Q(entry_came__gte=self.chosen_period.due_end),
            Came.NEVER: Q(entry_came=None),
            Came.NO_CHANGE: Q(entry_came__isnull=False, entry_unchanged=True),
        }
        return rows.filter(reduce(or_, [came[Came(each)] for each in value]), ~Q(entry_state=State.EXCUSED))

    def saying(self, rows: AssignmentQuerySet, name: str, value: str) -> AssignmentQuerySet:
        """Every word finds the task or the organization, each as it is found elsewhere."""
        for word in value.split():
            tasks = [task.pk for task in self.left if says(task, word)]
            rows = rows.filter(Q(task__in=tasks) | Q(organization__in=Organization.objects.search(word).values("pk")))
        return rows

    # What is shown of them.

    @property
    def bar(self) -> list[forms.BoundField]:
        return [self.form[name] for name in self.BAR]

    @property
    def lights(self) -> forms.BoundField:
        return self.form[self.LIGHTS]

    @property
    def carried(self) -> list[forms.BoundField]:
        return [self.form[name] for name in self.CARRIED if self.data.get(name)]

    @property
    def more(self) -> list[forms.BoundField]:
        for name in ("due_from", "due_to"):
            if name in self.form.errors:  # a date field would drop what was typed
                self.form.fields[name].widget.input_type = "text"
        return [self.form[name] for name in self.MORE]

    @property
    def more_is_open(self) -> bool:
        unseen = [name for name in self.MORE if name != "columns"]  # they narrow nothing, and would fill a screen
        return any(self.data.get(name) for name in unseen) or any(name in self.form.errors for name in self.MORE)

    @property
    def bodies(self) -> OrganizationQuerySet:
        """What the organization field suggests: the bodies directly below the viewer's own, never thousands."""
        if not self.user.sees_below:
            return Organization.objects.none()
        below = Organization.objects.open().filter(parent=self.user.organization)
        return below.only("name").order_by("code")[:SUGGESTED]

    @property
    def candidates(self) -> list[Organization]:
        self.is_valid()
        return cast(OrganizationChoice, self.form.fields["organization"]).candidates

    @property
    def chips(self) -> list[Chip]:
        """What is active, each with the address that takes it off."""
        return self.conditions + self.columns_chip

    @property
    def conditions(self) -> list[Chip]:
        """Those that say which rows there are."""
        chips = []
        for name in self.filters:
            for value in dict.fromkeys(self.data.getlist(name)):
                if value.strip() and name not in ("sort", "columns"):
                    chips.append(Chip(self.said(name, value), without(self.data, name, value)))
        return chips

    @property
    def columns_chip(self) -> list[Chip]:
        """One for all of them: taken off together."""
        count = len(set(self.data.getlist("columns")))
        text = ngettext("%(n)d column chosen", "%(n)d columns chosen", count) % {"n": count}
        rest = self.data.copy()
        rest.pop("columns", None)
        return [Chip(text, rest.urlencode())] if count else []

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
        if isinstance(chosen, Figure):
            return _("%(label)s: %(value)s") % {"label": label, "value": chosen.name}
        if name == "words":
            return _("“%(words)s”") % {"words": value}
        choices = dict(self.filters[name].extra.get("choices", ()))
        return str(choices[value]) if value in choices else _("%(label)s: %(value)s") % {"label": label, "value": value}


def says(task: Task, word: str) -> bool:
    """As `TaskQuerySet.search` finds it, of a task that is read already."""
    if word.casefold() in task.wording.casefold() or task.code.casefold().startswith(word.casefold()):
        return True
    return any(pattern in task.pinyin for pattern in word_patterns(word))


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
