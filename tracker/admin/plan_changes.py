"""Changing an adopted plan: choose, see what it would do, then do it. The plan's administrators alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxLengthValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Task, TransitionRefused
from tracker.models.fields import TEXT_LIMIT, refuse_unstorable
from tracker.models.plan_changes import Effect

from .base import asker
from .fields import DayField, Picker, ReasonField, is_key

TASKS_LIMIT = 400  # their keys travel in the address

if TYPE_CHECKING:
    from .tasks import TaskAdmin

Pairs = list[tuple[str, Any]]


class EndForm(forms.Form):
    reason = ReasonField(label=_("reason"), help_text=_("Everybody concerned will read it."))


class RewordForm(EndForm):
    wording = forms.CharField(
        label=_("new wording"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 60}),
        validators=[MaxLengthValidator(TEXT_LIMIT), refuse_unstorable],
    )
    until = DayField(label=_("last day of the old wording"))
    field_order = ["wording", "until", "reason"]


class MergeForm(EndForm):
    into = forms.ModelChoiceField(
        label=_("into which task"),
        queryset=Task.objects.none(),
        error_messages={"invalid_choice": _("Choose a task of the same plan that has not ended.")},
    )
    carry = forms.BooleanField(
        label=_("give it to the same organizations, on the terms they had"),
        required=False,
        initial=True,
        help_text=_("They owe for it from the next period on. Who has it already keeps their own terms."),
    )
    field_order = ["into", "carry", "reason"]

    def __init__(self, *args: Any, tasks: list[Task], admin: TaskAdmin, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["into"]
        field.widget = Picker(Task._meta.get_field("superseded_by"), admin.admin_site)
        field.queryset = Task.objects.live().filter(plan=tasks[0].plan_id).exclude(pk__in=[task.pk for task in tasks])


def reword_page(admin: TaskAdmin, request: HttpRequest, key: int) -> HttpResponse:
    task = changed_task(admin, request, key)
    form = RewordForm(request.POST or None, initial={"wording": task.wording, "until": timezone.localdate()})

    def act(wording: str, until: Any, reason: str) -> str:
        task.reword(wording, reason, by=asker(request), until=until)
        return gettext("The new wording is in force; the old one is kept.")

    def foresee(given: dict[str, Any]) -> Pairs:
        return [
            (gettext("wording in force now"), task.wording),
            (gettext("its last day"), given["until"].isoformat()),
            (gettext("new wording"), given["wording"]),
        ]

    return page(admin, request, [task], form, gettext("Re-word a task"), gettext("Re-word"), foresee, act)


def end_page(admin: TaskAdmin, request: HttpRequest, key: int) -> HttpResponse:
    task = changed_task(admin, request, key)

    def act(reason: str) -> str:
        task.end(reason, by=asker(request))
        return gettext("%(code)s has ended.") % {"code": task.code}

    def foresee(given: dict[str, Any]) -> Pairs:
        return in_words(Task.objects.filter(pk=task.pk).foresee())

    form = EndForm(request.POST or None)
    return page(admin, request, [task], form, gettext("End a task"), gettext("End"), foresee, act)


def begin_merging(tasks: Any) -> HttpResponse:
    keys = ",".join(str(key) for key in tasks.values_list("pk", flat=True)[:TASKS_LIMIT])
    return redirect(f"{reverse('admin:tracker_task_merge')}?{urlencode({'tasks': keys})}")


def merge_page(admin: TaskAdmin, request: HttpRequest) -> HttpResponse:
    """One task, or several, into another."""
    if not admin.may_change(request):
        raise PermissionDenied
    keys = [key for key in request.GET.get("tasks", "").split(",")[:TASKS_LIMIT] if is_key(key)]
    tasks = list(admin.get_queryset(request).filter(pk__in=keys).live().order_by("position"))
    if not tasks or len({task.plan_id for task in tasks}) > 1:
        messages.warning(request, gettext("Choose tasks of one plan that have not ended."))
        return redirect("admin:tracker_task_changelist")

    def act(into: Task, carry: bool, reason: str) -> str:
        into.merge(tasks, reason, by=asker(request), carry=carry)
        words = ngettext("%(n)d task was merged into %(into)s.", "%(n)d tasks were merged into %(into)s.", len(tasks))
        return words % {"n": len(tasks), "into": into.code}

    def foresee(given: dict[str, Any]) -> Pairs:
        effect = Task.objects.filter(pk__in=[task.pk for task in tasks]).foresee(given["into"])
        return [(gettext("into which task"), given["into"]), *in_words(effect, carry=given["carry"])]

    form = MergeForm(request.POST or None, tasks=tasks, admin=admin)
    return page(admin, request, tasks, form, gettext("Merge into another task"), gettext("Merge"), foresee, act)


def changed_task(admin: TaskAdmin, request: HttpRequest, key: int) -> Task:
    if not admin.may_change(request):
        raise PermissionDenied
    task = admin.get_queryset(request).live().filter(pk=key if key < 2**63 else 0).first()
    if task is None:
        raise Http404
    return task


def in_words(effect: Effect, *, carry: bool = False) -> Pairs:
    pairs: Pairs = [
        (gettext("Assignments that end"), effect.assignments),
        (gettext("Open entries that are excused"), effect.entries),
        (gettext("Entries awaiting review, still to be decided on"), effect.waiting),
    ]
    if carry:
        pairs += [
            (gettext("Organizations that get the other task"), effect.given),
            (gettext("Organizations that have it already"), effect.standing),
        ]
    return pairs


def page(
    admin: TaskAdmin,
    request: HttpRequest,
    tasks: list[Task],
    form: forms.Form,
    title: str,
    verb: str,
    foresee: Callable[[dict[str, Any]], Pairs],
    act: Callable[..., str],
) -> HttpResponse:
    """The form; what it would do, with the choices kept hidden; and, confirmed, the doing."""
    seen: Pairs = []
    if request.method == "POST" and "back" not in request.POST and form.is_valid():
        if "confirm" in request.POST:
            try:
                words = act(**form.cleaned_data)
            except ValidationError as error:
                for name, lines in error.message_dict.items():
                    form.add_error(name if name in form.fields else None, lines)
            except TransitionRefused as refused:
                messages.error(request, refused.message)
                return redirect("admin:tracker_task_changelist")
            else:
                messages.success(request, words)
                return redirect("admin:tracker_task_change", tasks[0].pk)
        else:
            seen = foresee(form.cleaned_data)
    context = admin.admin_site.each_context(request) | {
        "title": title,
        "verb": verb,
        "opts": admin.opts,
        "form": form,
        "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.fields)})], {}),
        "media": admin.media + form.media,
        "tasks": tasks,
        "seen": seen,
    }
    return TemplateResponse(request, "admin/tracker/task/change.html", context)
