"""Giving chosen tasks to many bodies at once: choose, see how many, then assign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxLengthValidator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Assignment, Level, Organization, Part, Period, Task
from tracker.models.fields import TEXT_LIMIT, refuse_unstorable

from .base import asker
from .fields import DayField, OrganizationField, Picker, is_key

if TYPE_CHECKING:
    from .plan import TaskAdmin

ALONE, ALL, BELOW = "alone", "all", "below"
TASKS_LIMIT = 400  # their keys travel in the address


class AssignForm(forms.Form):
    organization = OrganizationField(
        label=Assignment._meta.get_field("organization").verbose_name, queryset=Organization.objects.none()
    )
    reach = forms.ChoiceField(
        label=_("reach"),
        initial=ALL,
        widget=forms.RadioSelect,
        choices=[
            (ALONE, _("This organization alone")),
            (ALL, _("This organization and all below it, by either line")),
            (BELOW, _("All below it, not itself")),
        ],
    )
    levels = forms.MultipleChoiceField(
        label=Task._meta.get_field("levels").verbose_name,
        choices=Level.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Tick none for every level each task applies to."),
    )
    part = forms.ChoiceField(
        label=Assignment._meta.get_field("part").verbose_name,
        choices=Part.choices,
        widget=forms.RadioSelect,
        initial=Part.LEAD,
    )
    due = DayField(
        label=Assignment._meta.get_field("due").verbose_name,
        required=False,
        help_text=_("Leave empty for each task's own due date."),
    )
    standard = forms.CharField(
        label=Assignment._meta.get_field("standard").verbose_name,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        validators=[MaxLengthValidator(TEXT_LIMIT), refuse_unstorable],
    )
    owe_now = forms.BooleanField(
        label=_("owes in the period now open"),
        required=False,
        help_text=_("Otherwise what is assigned today owes from the next period on."),
    )

    def __init__(self, *args: Any, tasks: list[Task], admin: TaskAdmin, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tasks = tasks
        field: Any = self.fields["organization"]
        field.widget = Picker(Assignment._meta.get_field("organization"), admin.admin_site)
        field.queryset = Organization.objects.editable_by(asker(request)).select_related("parent")

    def clean_due(self) -> Any:
        due = self.cleaned_data["due"]
        late = next((task for task in self.tasks if due and task.start and due < task.start), None)
        if late:
            words = _("The due date is before the start of %(code)s (%(start)s).")
            raise ValidationError(words, params={"code": late.code, "start": late.start})
        return due

    @property
    def bodies(self) -> Any:
        """The bodies chosen, whatever the tasks' own levels."""
        chosen: Organization = self.cleaned_data["organization"]
        bodies = self.fields["organization"].queryset.select_related(None)  # type: ignore[attr-defined]
        bodies = bodies.filter(pk=chosen.pk) if self.cleaned_data["reach"] == ALONE else bodies.below(chosen)
        if self.cleaned_data["reach"] == BELOW:
            bodies = bodies.exclude(pk=chosen.pk)
        levels = self.cleaned_data["levels"]
        return bodies.filter(level__in=levels) if levels else bodies

    @property
    def terms(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("part", "due", "standard", "owe_now")}


class Preview(NamedTuple):
    bodies: int  # that the tasks' levels allow
    made: int
    standing: int
    periods: list[Period]


def preview(form: AssignForm) -> Preview:
    """What assigning would do. One query for the bodies, one for each set of levels among the tasks."""
    bodies = form.bodies.order_by()
    at_level = dict(bodies.values_list("level").annotate(Count("pk")))
    sets: dict[frozenset[str], list[Task]] = {}
    for task in form.tasks:
        sets.setdefault(frozenset(task.levels), []).append(task)
    wanted = standing = 0
    for levels, tasks in sets.items():
        wanted += len(tasks) * sum(at_level.get(level, 0) for level in levels)
        standing += Assignment.objects.filter(task__in=tasks, organization__in=bodies.filter(level__in=levels)).count()
    reached = sum(count for level, count in at_level.items() if any(level in levels for levels in sets))
    periods = Period.objects.open_on(timezone.localdate()).filter(plan__in={task.plan_id for task in form.tasks})
    return Preview(reached, wanted - standing, standing, list(periods) if form.cleaned_data["owe_now"] else [])


def begin_assigning(tasks: Any) -> HttpResponse:
    keys = ",".join(str(key) for key in tasks.values_list("pk", flat=True)[:TASKS_LIMIT])
    return redirect(f"{reverse('admin:tracker_task_assign')}?{urlencode({'tasks': keys})}")


def assign_page(admin: TaskAdmin, request: HttpRequest) -> HttpResponse:
    """The form; what it would do, with the choices kept hidden; and, confirmed, the doing."""
    if not admin.has_administer_permission(request):
        raise PermissionDenied
    keys = [key for key in request.GET.get("tasks", "").split(",")[:TASKS_LIMIT] if is_key(key)]
    tasks = list(admin.get_queryset(request).filter(pk__in=keys).order_by("position"))
    if not tasks:
        messages.warning(request, gettext("Choose the tasks to assign first."))
        return redirect("admin:tracker_task_changelist")
    form = AssignForm(request.POST or None, tasks=tasks, admin=admin, request=request)
    if "back" in request.POST or not form.is_valid():
        return show(admin, request, form, tasks)
    if "confirm" in request.POST:
        try:
            made = Assignment.objects.assign(tasks, form.bodies, by=asker(request), **form.terms)
        except ValidationError as error:
            for name, lines in error.message_dict.items():
                form.add_error(name if name in form.fields else None, lines)
            return show(admin, request, form, tasks)
        words = ngettext("%d assignment was made.", "%d assignments were made.", made) % made
        messages.success(request, words)
        return redirect("admin:tracker_assignment_changelist")
    return show(admin, request, form, tasks, preview(form))


def show(
    admin: TaskAdmin, request: HttpRequest, form: AssignForm, tasks: list[Task], counted: Preview | None = None
) -> HttpResponse:
    context = admin.admin_site.each_context(request) | {
        "title": gettext("Assign to organizations"),
        "opts": admin.opts,
        "form": form,
        "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.fields)})], {}),
        "media": admin.media + form.media,
        "tasks": tasks,
        "preview": counted,
    }
    return TemplateResponse(request, "admin/tracker/task/assign.html", context)
