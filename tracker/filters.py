"""How lists narrow. An invalid filter shows its sentence and finds nothing, never everything."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_filters.fields import ModelChoiceField

from .models import (
    Area,
    Assignment,
    Blocker,
    BlockerState,
    Entry,
    Heading,
    InstructionReply,
    Organization,
    Period,
    Plan,
    Status,
    Task,
    User,
)
from .models.fields import refuse_unstorable


def select() -> forms.Select:
    return forms.Select(attrs={"class": "form-select"})


class WordsFilter(filters.CharFilter):
    """Words that must all be found; the queryset's own `search` says where."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"class": "form-control", "maxlength": 100})
        super().__init__(
            label=_("Words"),
            method=self.search,
            widget=widget,
            max_length=100,
            validators=[refuse_unstorable],
            **kwargs,
        )

    @staticmethod
    def search(queryset: Any, name: str, value: str) -> Any:
        return queryset.search(value)


class Narrowing(filters.FilterSet):
    @property
    def found(self) -> Any:
        return self.qs if self.is_valid() else self.queryset.none()


class SideNarrowing(Narrowing):
    """Narrows one of several lists. `side` is the list shown, kept while it is narrowed."""

    side = filters.CharFilter(method="as_it_is", widget=forms.HiddenInput())

    @staticmethod
    def as_it_is(queryset: Any, name: str, value: str) -> Any:
        return queryset


class TaskFilter(Narrowing):
    area = filters.ModelChoiceFilter(
        label=_("Work area"),
        field_name="heading__area",
        to_field_name="number",
        queryset=Area.objects.none(),
        widget=select(),
        empty_label=_("All"),
    )
    heading = filters.ModelChoiceFilter(
        label=_("Heading"), to_field_name="code", queryset=Heading.objects.none(), widget=select(), empty_label=_("All")
    )
    status = filters.ChoiceFilter(label=_("Status"), choices=Status.choices, widget=select(), empty_label=_("All"))
    owner = filters.ChoiceFilter(
        label=_("Lead organization"),
        choices=[("none", _("Not named")), ("named", _("Named"))],
        method="by_owner",
        widget=select(),
        empty_label=_("All"),
    )
    words = WordsFilter()

    class Meta:
        model = Task
        fields: list[str] = []

    def __init__(self, *args: Any, plan: Plan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["area"].queryset = Area.objects.filter(plan=plan).select_related("plan")
        self.filters["heading"].queryset = Heading.objects.filter(area__plan=plan)

    def by_owner(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(owner__isnull=value == "none")


class PeriodField(ModelChoiceField):
    """Periods of several plans: their codes and titles repeat, so the plan stands beside them."""

    several_plans = False

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.title} · {obj.plan.title}" if self.several_plans else obj.title


class PeriodFilter(filters.ModelChoiceFilter):
    field_class = PeriodField


class QueueFilter(Narrowing):
    """Narrows the review queue. The choices are those that wait: a reviewer has tens of bodies below, not thousands."""

    organization = filters.ModelChoiceFilter(
        label=_("Organization"),
        field_name="assignment__organization",
        to_field_name="code",
        queryset=Organization.objects.none(),
        widget=select(),
        empty_label=_("All"),
    )
    period = PeriodFilter(label=_("Period"), queryset=Period.objects.none(), widget=select(), empty_label=_("All"))
    area = filters.ModelChoiceFilter(
        label=_("Work area"),
        field_name="assignment__task__heading__area",
        queryset=Area.objects.none(),
        widget=select(),
        empty_label=_("All"),
    )
    waiting = filters.ChoiceFilter(
        label=_("Waiting"),
        choices=[("long", _("For more than two working days"))],
        method="by_wait",
        widget=select(),
        empty_label=_("All"),
    )

    class Meta:
        model = Entry
        fields: list[str] = []

    def __init__(self, *args: Any, waiting: Any, **kwargs: Any) -> None:
        super().__init__(*args, queryset=waiting, **kwargs)
        bodies = Organization.objects.filter(pk__in=waiting.order_by().values("assignment__organization"))
        self.filters["organization"].queryset = bodies.order_by("code")
        periods = Period.objects.filter(pk__in=waiting.order_by().values("period")).select_related("plan")
        self.filters["period"].queryset = periods
        self.several_plans = periods.order_by().values("plan").distinct().count() > 1
        self.filters["period"].field.several_plans = self.several_plans
        areas = Area.objects.filter(pk__in=waiting.order_by().values("assignment__task__heading__area"))
        self.filters["area"].queryset = areas.select_related("plan")

    def by_wait(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.waiting_long(timezone.localdate())


class MatterFilter(SideNarrowing):
    """Narrows matters for coordination."""

    state = filters.ChoiceFilter(
        label=_("State of the matter"), choices=BlockerState.choices, widget=select(), empty_label=_("All")
    )
    organization = filters.CharFilter(
        label=_("Organization"),
        method="by_organization",
        widget=forms.TextInput(attrs={"class": "form-control", "maxlength": 100}),
        max_length=100,
        validators=[refuse_unstorable],
    )

    class Meta:
        model = Blocker
        fields: list[str] = []

    @staticmethod
    def by_organization(queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(entry__assignment__organization__in=Organization.objects.search(value))


class InstructionFilter(SideNarrowing):
    """Narrows leaders' notes."""

    state = filters.ChoiceFilter(
        label=_("State of the note"),
        choices=[
            ("waiting", _("Not answered")),
            ("late", _("Overdue")),
            ("answered", pgettext_lazy("leader’s note", "Answered")),
            ("withdrawn", pgettext_lazy("leader’s note", "Withdrawn")),
        ],
        method="by_state",
        widget=select(),
        empty_label=_("All"),
    )
    organization = filters.CharFilter(
        label=pgettext_lazy("note", "To whom"),
        method="by_organization",
        widget=forms.TextInput(attrs={"class": "form-control", "maxlength": 100}),
        max_length=100,
        validators=[refuse_unstorable],
    )

    class Meta:
        model = InstructionReply
        fields: list[str] = []

    @staticmethod
    def by_state(queryset: Any, name: str, value: str) -> Any:
        if value == "waiting":
            return queryset.waiting()
        if value == "late":
            return queryset.late(timezone.localdate())
        if value == "answered":
            return queryset.exclude(answered_at=None)
        return queryset.filter(answered_at=None).exclude(instruction__withdrawn_at=None)

    @staticmethod
    def by_organization(queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(organization__in=Organization.objects.search(value))


class CompletedFilter(Narrowing):
    """Narrows what waits to be struck off: by a body right below, with all below it, and by the task."""

    under = filters.ModelChoiceFilter(
        label=_("Organization, with all below"),
        to_field_name="code",
        queryset=Organization.objects.none(),
        method="by_body",
        widget=select(),
        empty_label=_("All"),
    )
    words = WordsFilter()

    class Meta:
        model = Assignment
        fields: list[str] = []

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        body = user.organization
        below = Organization.objects.filter(body.directly_below()) if body else Organization.objects.none()
        self.filters["under"].queryset = below.order_by("code")
        self.filters["words"].method = self.by_words

    def by_body(self, queryset: Any, name: str, value: Organization) -> Any:
        return queryset.filter(value.subtree("organization__"))

    def by_words(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(task__in=Task.objects.search(value).order_by().values("pk"))
