"""Handing down, signing for it, and what a giver does afterwards."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tracker.models import (
    Assignment,
    Cascade,
    Figure,
    Frequency,
    Handing,
    Kind,
    Level,
    Line,
    Organization,
    Part,
    Plan,
    Task,
    User,
)
from tracker.models.fields import TEXT_LIMIT, refuse_unstorable

from .fields import Codes, DayField, DayInput

CHILDREN, BELOW, CHOSEN, OURSELVES = "children", "below", "chosen", "ourselves"
FOUND = 50  # bodies that a search offers
SHARED = 200  # bodies among whom a figure is shared out on one page


class HandDownForm(forms.Form):
    """Which tasks, to whom, on what terms. Only what this person's body may hand down, and only bodies below it."""

    tasks = Codes(label=_("Tasks"), error_messages={"required": _("Choose at least one task.")})
    reach = forms.ChoiceField(
        label=_("To whom"),
        initial=CHILDREN,
        widget=forms.RadioSelect,
        choices=[
            (CHILDREN, _("All directly below")),
            (BELOW, _("All below, at every depth")),
            (CHOSEN, _("Chosen ones")),
        ],
    )
    line = forms.ChoiceField(
        label=_("Line"),
        required=False,
        choices=[("", _("By either line")), *Line.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    levels = forms.MultipleChoiceField(
        label=_("Only these levels"), choices=Level.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    kinds = forms.MultipleChoiceField(
        label=_("Only these kinds"), choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    bodies = Codes(label=_("Chosen ones"), required=False)
    find = forms.CharField(
        label=_("Name or code"),
        required=False,
        max_length=100,
        validators=[refuse_unstorable],
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    part = forms.ChoiceField(label=_("Part"), choices=Part.choices, widget=forms.RadioSelect, initial=Part.LEAD)
    start = DayField(label=_("Start"), required=False, widget=DayInput(attrs={"class": "form-control short"}))
    due = DayField(
        label=_("Due"),
        required=False,
        widget=DayInput(attrs={"class": "form-control short"}),
        help_text=_("Left empty: the date we have it by ourselves, else the task's own."),
    )
    standard = forms.CharField(
        label=_("Completion standard"),
        required=False,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2, "maxlength": TEXT_LIMIT}),
        validators=[MaxLengthValidator(TEXT_LIMIT), refuse_unstorable],
        help_text=_("Left empty: what is asked of ourselves."),
    )
    frequency = forms.ChoiceField(
        label=_("Frequency"),
        required=False,
        choices=[("", _("Each task's own")), *Frequency.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    review = forms.ChoiceField(
        label=_("Who reviews"),
        initial="superior",
        widget=forms.RadioSelect,
        choices=[
            ("superior", _("The body directly above each, level by level")),
            ("giver", _("Our organization, all of them")),
        ],
    )
    owe_now = forms.BooleanField(
        label=_("Also report in the period now open"),
        required=False,
        help_text=_("Otherwise what is handed down today is reported from the next period on."),
    )

    def __init__(self, *args: Any, user: User, plan: Plan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert user.organization
        self.giver = user.organization
        reach: Any = self.fields["reach"]
        if self.giver.parent_id is None:  # nobody stands above it who could hand down to it
            reach.choices = [*reach.choices, (OURSELVES, _("Our organization itself, with nothing to sign"))]
        self.handable = Handing.objects.handable(user, plan).select_related("plan", "heading__area")
        self.below = Organization.objects.below(self.giver).exclude(pk=self.giver.pk).filter(closed_on=None)

    def clean_tasks(self) -> list[Task]:
        codes = set(self.cleaned_data["tasks"])
        tasks = [task for task in self.handable.order_by("position") if task.code in codes]
        if len(tasks) < len(codes):
            raise ValidationError(_("A task is not yours to hand down, or was ended. Choose again."))
        return tasks

    def clean_bodies(self) -> list[Organization]:
        codes = set(self.cleaned_data["bodies"])
        bodies = list(self.below.filter(code__in=codes).select_related("parent"))
        if len(bodies) < len(codes):
            raise ValidationError(_("An organization is not below yours, or was closed. Choose again."))
        return bodies

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("reach") == CHOSEN and "bodies" in given and not given["bodies"]:
            self.add_error("bodies", _("Choose at least one organization."))
        start, due = given.get("start"), given.get("due")
        for task in given.get("tasks") or []:
            first, last = start or task.start, due or task.due
            if first and last and last < first:
                words = _("The due date is before the start of %(code)s (%(start)s).")
                error = ValidationError(words, params={"code": task.code, "start": first})
                self.add_error("due" if due else "start", error)
                break
        return given

    @property
    def receiving(self) -> Any:
        """The bodies chosen, as a queryset, whatever the tasks' own levels."""
        given = self.cleaned_data
        line, below = given["line"], self.below
        if given["reach"] == OURSELVES:
            return Organization.objects.filter(pk=self.giver.pk)
        if given["reach"] == CHOSEN:
            return below.filter(pk__in=[body.pk for body in given["bodies"]])
        if line:
            below = below.filter(self.giver.subtree(line=line))
        if given["reach"] == CHILDREN:
            by = {Line.TERRITORIAL: Q(parent=self.giver), Line.INDUSTRIAL: Q(industry=self.giver)}
            below = below.filter(by[Line(line)] if line else by[Line.TERRITORIAL] | by[Line.INDUSTRIAL])
        for name, field in (("levels", "level__in"), ("kinds", "kind__in")):
            if given[name]:
                below = below.filter(**{field: given[name]})
        return below

    def cascade(self, **shares: Any) -> Cascade:
        given = self.cleaned_data
        terms = {name: given[name] for name in ("line", "part", "start", "due", "standard", "frequency")}
        giver = None if given["reach"] == OURSELVES else self.giver
        superior = given["review"] == "superior"
        return Cascade(given["tasks"], self.receiving, giver=giver, superior_reviews=superior, **terms, **shares)

    # What the page offers.

    def task_groups(self) -> list[tuple[Any, list[Task], int]]:
        """The tasks by area, and how many of each are ticked. One query."""
        ticked = set(self["tasks"].value() or [])
        groups: dict[Any, list[Task]] = {}
        for task in self.handable.order_by("position"):
            task.ticked = task.code in ticked  # type: ignore[attr-defined]
            groups.setdefault(task.heading.area, []).append(task)
        counts = Counter(area for area, tasks in groups.items() for task in tasks if task.ticked)  # type: ignore[attr-defined]
        return [(area, tasks, counts[area]) for area, tasks in groups.items()]

    def body_choices(self) -> list[Organization]:
        """Those ticked, and those the words find. Two queries."""
        codes = [code for code in self["bodies"].value() or [] if "\0" not in code]
        ticked = list(self.below.filter(code__in=codes).select_related("parent").order_by("code"))
        words = (self["find"].value() or "").replace("\0", " ")[:100]
        search = self.below.search(words).select_related("parent").order_by("code")
        found: list[Organization] = list(search[:FOUND]) if words.strip() else []
        for body in ticked:
            body.ticked = True  # type: ignore[attr-defined]
        return ticked + [body for body in found if body not in ticked]

    @property
    def faults(self) -> list[tuple[forms.BoundField, Any]]:
        return [(self[name], line) for name, lines in self.errors.items() if name in self.fields for line in lines]


class ShareForm(forms.Form):
    """A figure shared out among the receiving bodies: a number for each, the sum to be set beside the target."""

    def __init__(self, *args: Any, bodies: list[Organization], figures: list[Figure], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bodies, self.figures = bodies, {figure.slug: figure for figure in figures}
        choices = [(figure.slug, figure.name) for figure in figures]
        self.fields["figure"] = forms.ChoiceField(
            label=_("Figure"),
            choices=choices,
            initial=choices[0][0],
            required=False,
            widget=forms.Select(attrs={"class": "form-select"}),
        )
        for body in bodies:
            self.fields[f"share-{body.pk}"] = forms.DecimalField(
                label=body.name,
                required=False,
                min_value=0,
                max_digits=20,
                decimal_places=4,
                widget=forms.TextInput(attrs={"class": "form-control short", "inputmode": "decimal"}),
            )

    def rows(self) -> list[tuple[Organization, forms.BoundField]]:
        return [(body, self[f"share-{body.pk}"]) for body in self.bodies]

    @property
    def shared(self) -> Figure:
        return self.figures.get(self["figure"].value()) or next(iter(self.figures.values()))

    @property
    def shares(self) -> dict[int, Decimal]:
        """By body; those left empty have none."""
        if not self.is_bound:
            return {}
        given = {body.pk: self.cleaned_data.get(f"share-{body.pk}") for body in self.bodies}
        return {pk: share for pk, share in given.items() if share is not None}

    @property
    def total(self) -> Decimal:
        return sum(self.shares.values(), Decimal(0))


class SigningForm(forms.Form):
    """Who answers for it here, or why it goes back. Which of the two is asked for, the button says."""

    responsible = forms.CharField(label=_("Person responsible"), required=False)
    leader = forms.CharField(label=_("Leader in charge"), required=False)
    department = forms.CharField(label=_("Department responsible"), required=False)
    comment = forms.CharField(
        label=_("Reason for sending back"),
        required=False,
        max_length=TEXT_LIMIT,
        validators=[refuse_unstorable],
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("responsible", "leader", "department"):
            column: Any = Assignment._meta.get_field(name)
            self.fields[name].widget.attrs = {"class": "form-control", "maxlength": column.max_length}
            self.fields[name].validators += [MaxLengthValidator(column.max_length), refuse_unstorable]

    def add_refusal(self, error: ValidationError) -> None:
        for name, lines in error.message_dict.items():
            self.add_error(name if name in self.fields else None, lines)


class GivenForm(forms.Form):
    """Taking back, with a reason; or another due date, empty for the task's own."""

    due = DayField(label=_("New due date"), required=False, widget=DayInput(attrs={"class": "form-control short"}))
    comment = forms.CharField(
        label=_("Reason for taking back"),
        required=False,
        max_length=TEXT_LIMIT,
        validators=[refuse_unstorable],
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )

    def add_refusal(self, error: ValidationError) -> None:
        for name, lines in error.message_dict.items():
            self.add_error(name if name in self.fields else None, lines)
