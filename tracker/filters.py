"""How lists narrow. An invalid filter shows its sentence and finds nothing, never everything."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django import forms
from django.utils.translation import gettext_lazy as _

from .models import Area, Entry, Heading, Organization, Period, Plan, Status, Task
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


class TaskFilter(filters.FilterSet):
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
        self.filters["area"].extra["queryset"] = Area.objects.filter(plan=plan).select_related("plan")
        self.filters["heading"].extra["queryset"] = Heading.objects.filter(area__plan=plan)

    def by_owner(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(owner__isnull=value == "none")

    @property
    def found(self) -> Any:
        return self.qs if self.is_valid() else self.queryset.none()


class QueueFilter(filters.FilterSet):
    """Narrows the review queue. The choices are those that wait: a reviewer has tens of bodies below, not thousands."""

    organization = filters.ModelChoiceFilter(
        label=_("Organization"),
        field_name="assignment__organization",
        to_field_name="code",
        queryset=Organization.objects.none(),
        widget=select(),
        empty_label=_("All"),
    )
    period = filters.ModelChoiceFilter(
        label=_("Period"), to_field_name="code", queryset=Period.objects.none(), widget=select(), empty_label=_("All")
    )
    area = filters.ModelChoiceFilter(
        label=_("Work area"),
        field_name="assignment__task__heading__area",
        queryset=Area.objects.none(),
        widget=select(),
        empty_label=_("All"),
    )

    class Meta:
        model = Entry
        fields: list[str] = []

    def __init__(self, *args: Any, waiting: Any, **kwargs: Any) -> None:
        super().__init__(*args, queryset=waiting, **kwargs)
        bodies = Organization.objects.filter(pk__in=waiting.order_by().values("assignment__organization"))
        self.filters["organization"].extra["queryset"] = bodies
        self.filters["period"].extra["queryset"] = Period.objects.filter(pk__in=waiting.order_by().values("period"))
        areas = Area.objects.filter(pk__in=waiting.order_by().values("assignment__task__heading__area"))
        self.filters["area"].extra["queryset"] = areas.select_related("plan")

    @property
    def found(self) -> Any:
        return self.qs if self.is_valid() else self.queryset.none()
