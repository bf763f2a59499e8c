"""How the tests of the back office furnish it, and fill in its forms as a browser would."""

import datetime as dt
from typing import Any

from django import forms
from django.apps import apps
from django.urls import reverse

from tracker.models import Assignment, ComparisonRule, Digest, Entry, Erasure, Evidence, Holiday

from .filing import upload


def url(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:tracker_{model}_{page}", args=args)


def model_of(name: str) -> Any:
    return apps.get_model("tracker", name)


def furnish(owed, cast, content, tasks, bodies) -> dict[str, Entry]:
    """Something of everything: an owner, a decided entry with a file, a status and a light by hand, a holiday."""
    Evidence.objects.attach(owed["3.2.1"], upload(), by=cast.reporter)
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    Entry.objects.for_transition().get(pk=owed["3.2.1"].pk).accept(by=cast.reviewer, version=2)
    assignment = Assignment.objects.get(task=tasks[1], organization=bodies.county)
    assignment.amend(by=cast.administrator, responsible="张三", reviewing=bodies.province)
    assignment.state_status("blocked", "资金未到位", by=cast.administrator)
    assignment.state_light("yellow", "需要关注", by=cast.administrator)
    tasks[3].name_owner(bodies.county, by=cast.administrator)
    Erasure.objects.ask(owed["3.2.1"], by=cast.administrator, texts=["progress"], reason="误录入")
    Holiday.objects.create(day=dt.date(2026, 10, 1), name="国庆节")
    weights = {"on_time": 40, "accepted": 30, "completed": 30}
    in_force = {"authority": "示办发〔2026〕1号", "starts_on": dt.date(2026, 1, 1)}
    ComparisonRule.objects.create(plan=tasks[0].plan, organization=bodies.nation, **weights, **in_force)
    Digest.objects.create(person=cast.reporter, day=dt.date(2026, 11, 22))
    return owed


def as_typed(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    return "" if value is None else value


def typed(form: Any) -> dict[str, Any]:
    """What a browser sends of a form left as it is."""
    sent = {}
    for field in form:
        value = field.value()
        boxes = isinstance(field.field, forms.MultipleChoiceField)
        if value is not False and not (boxes and not value):
            sent[field.html_name] = as_typed(value)
    return sent


def filled(page: Any, **changes: Any) -> dict[str, Any]:
    """What a browser sends of an admin page, after `changes`. A change to None takes the field away."""
    data = typed(page.context["adminform"].form)
    for inline in page.context.get("inline_admin_formsets") or []:
        data |= typed(inline.formset.management_form)
        for form in inline.formset:
            data |= typed(form)
    return {name: value for name, value in (data | changes).items() if value is not None}


def faults(page: Any) -> dict[str, list[str]]:
    """The messages beside the fields; empty when the form was taken."""
    if page.status_code == 302:
        return {}
    return {name: list(lines) for name, lines in page.context["adminform"].form.errors.items()}


def said(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]
