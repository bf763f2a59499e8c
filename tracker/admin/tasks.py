"""Tasks in the back office: wording as adopted and re-worded, settings, owners, statuses and milestones."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Level, Milestone, Plan, Task
from tracker.models.milestones import MOST

from .base import RootAdmin, asker, at_root, plain
from .exchange import Exchanged
from .exchange.records import TaskResource
from .fields import CodedForm, DayField, DayInput, ReasonField, beside_parent, check_order
from .plan_changes import begin_merging, end_page, merge_page, reword_page

TASKS_LIMIT = 400  # their codes travel in the address


class MilestoneFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        for form in self.deleted_forms:
            if form.instance.reached_on:
                raise ValidationError(_("A milestone that is reached stays. Take that back first."))


class MilestoneInline(admin.TabularInline):
    """Of the task, for everybody who has it."""

    model = Milestone
    fk_name = "task"
    formset = MilestoneFormSet
    fields = ("title", "due", "reached_on")
    extra = 1
    max_num = MOST
    formfield_overrides = {models.DateField: {"form_class": DayField, "widget": DayInput}}

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, absolute_max=MOST, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_inspect

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = asker(request)
        return user.may_administer and at_root(user) and not (obj and obj.ended_on)

    has_add_permission = has_delete_permission = has_change_permission


class TaskForm(CodedForm):
    levels = forms.MultipleChoiceField(
        label=Task._meta.get_field("levels").verbose_name,
        choices=Level.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=Level.values,
        error_messages={"required": _("Choose at least one level.")},
    )
    reason = ReasonField(
        label=_("reason for the status"),
        required=False,
        help_text=_("Only needed when the status is changed: it holds until the next accepted entry."),
    )
    carry = forms.BooleanField(label=_("carry to what is assigned"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["carry"].help_text = followers_words(self.instance)

    def clean_levels(self) -> list[str]:
        return [level for level in Level.values if level in self.cleaned_data["levels"]]

    def clean(self) -> None:
        super().clean()
        check_order(self, "start", "due")
        if "status" in self.changed_data and not self.cleaned_data.get("reason", "").strip():
            self.add_error("reason", _("Give the reason for setting the status by hand."))
        if self.instance.pk and not self.errors:
            given = {name: self.cleaned_data[name] for name in Task.AMENDABLE if name in self.changed_data}
            try:
                Task.objects.get(pk=self.instance.pk).check_amendable(carry=self.cleaned_data["carry"], **given)
            except ValidationError as error:
                self.add_error(None, error)


def followers_words(task: Task) -> str:
    """How many would follow, said before anything is done."""
    counts = task.followers()
    due = ngettext(
        "%d assignment follows the due date above", "%d assignments follow the due date above", counts["due"]
    )
    often = ngettext("%d its frequency", "%d its frequency", counts["frequency"])
    words = gettext("%(due)s, %(often)s. Ticked, these follow the change; those with terms of their own keep them.")
    return words % {"due": due % counts["due"], "often": often % counts["frequency"]}


class TaskAdmin(Exchanged, RootAdmin):
    exchanged = TaskResource
    form = TaskForm
    change_form_template = "admin/tracker/task/change_form.html"
    inlines = (MilestoneInline,)
    list_display_links = ("code", "wording")
    list_filter = (
        "plan",
        "heading__area",
        "status",
        ("owner", admin.EmptyFieldListFilter),
        ("ended_on", admin.EmptyFieldListFilter),
        "standing",
        "frequency",
        "reporting",
    )
    search_fields = ("wording",)  # a box is shown; where it looks is said by `search`
    search_help_text = _("The beginning of a code, words of the task, or their pinyin.")
    ordering = ("plan", "position")
    sortable_by = ("code", "status", "due_day")
    autocomplete_fields = ("plan", "heading", "owner")
    actions = ("hand_down", "merge")
    due_day, is_standing, ended_day = plain(Task, "due"), plain(Task, "standing"), plain(Task, "ended_on")
    ADOPTED = ("plan", "heading", "code", "position", "wording")
    SETTINGS = Task.AMENDABLE
    SETTINGS_WORDS = _(
        "Start, due date, standing, levels and frequency hold for what is assigned from now on; what stands keeps its "
        "own, unless it is carried along."
    )

    def label(self, obj: Task) -> str:
        """With the plan where there are several: their codes repeat."""
        return f"{obj}（{obj.plan.title}）" if getattr(obj, "beside_others", False) else str(obj)

    def get_list_display(self, request: HttpRequest) -> Any:
        several = ("plan",) if Plan.objects.count() > 1 else ()
        ended = ("ended_day",) if request.GET.get("ended_on__isempty") == "0" else ()
        return ("code", "wording", *several, "owner_name", "status", "due_day", "is_standing", *ended)

    def may_change(self, request: HttpRequest, obj: Any = None) -> bool:
        """What has ended stays as it ended."""
        return super().may_change(request, obj) and not (obj and obj.ended_on)

    @admin.display(description=Task._meta.get_field("owner").verbose_name)
    def owner_name(self, obj: Task) -> str | None:
        return beside_parent(obj.owner) if obj.owner else None

    @admin.display(description=Task._meta.get_field("levels").verbose_name)
    def level_list(self, obj: Task) -> str:
        return gettext(", ").join(obj.level_names)

    def get_queryset(self, request: HttpRequest) -> Any:
        others = Plan.objects.exclude(pk=OuterRef("plan"))
        rows = super().get_queryset(request).select_related("plan", "owner__parent", "superseded_by")
        return rows.annotate(beside_others=Exists(others))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            settings = {"fields": self.SETTINGS, "description": self.SETTINGS_WORDS}
            return [(None, {"fields": (*self.ADOPTED, "owner")}), (_("Settings"), settings)]
        if not self.may_change(request, obj):
            readable = {"levels": "level_list", "standing": "is_standing"}
            shown = [readable.get(name, name) for name in self.SETTINGS]
            return [
                (None, {"fields": self.ADOPTED}),
                (_("Lead and status"), {"fields": ("owner_name", "status")}),
                (_("Settings"), {"fields": shown}),
            ]
        return [
            (None, {"fields": self.ADOPTED}),
            (_("Lead and status"), {"fields": ("owner", "status", "reason")}),
            (_("Settings"), {"fields": (*self.SETTINGS, "carry"), "description": self.SETTINGS_WORDS}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.ADOPTED, "owner_name", "level_list", "is_standing") if obj else ()

    def save_model(self, request: HttpRequest, obj: Task, form: Any, change: bool) -> None:
        """Settings by a plain save, owner and status by the task's own methods: these assign and leave events."""
        user, given = asker(request), form.cleaned_data
        owner = given["owner"]
        with transaction.atomic():
            if change:
                task = Task.objects.get(pk=obj.pk)
                settings = {name: given[name] for name in self.SETTINGS if name in form.changed_data}
                if settings:
                    task.amend(by=user, carry=given["carry"], **settings)
            else:
                task, obj.owner = obj, None
                super().save_model(request, obj, form, change)
            if "owner" in form.changed_data:
                task.name_owner(owner, by=user)
            if change and "status" in form.changed_data:
                task.state_status(given["status"], given["reason"], by=user)
        obj.refresh_from_db()

    def beside_form(self, request: HttpRequest, obj: Task) -> dict[str, Any]:
        return {"rewordings": obj.rewordings.select_related("by")}

    # Each change of the plan has a page of its own; handing down has its page outside the back office.

    def get_urls(self) -> list[Any]:
        def page(address: str, view: Any, name: str) -> Any:
            return path(address, self.admin_site.admin_view(view), name=f"tracker_task_{name}")

        return [
            page("merge/", self.merge_view, "merge"),
            page("<int:key>/reword/", self.reword_view, "reword"),
            page("<int:key>/end/", self.end_view, "end"),
            *super().get_urls(),
        ]

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        return merge_page(self, request)

    def reword_view(self, request: HttpRequest, key: int) -> HttpResponse:
        return reword_page(self, request, key)

    def end_view(self, request: HttpRequest, key: int) -> HttpResponse:
        return end_page(self, request, key)

    def has_merge_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    @admin.action(permissions=["merge"], description=_("Merge into one task…"))
    def merge(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return begin_merging(queryset)

    @admin.action(permissions=["administer"], description=_("Hand down…"))
    def hand_down(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        slug = queryset.values_list("plan__slug", flat=True).first()
        codes = queryset.filter(plan__slug=slug, ended_on=None).values_list("code", flat=True)[:TASKS_LIMIT]
        return redirect(f"{reverse('hand_down', args=[slug])}?{urlencode({'task': list(codes)}, doseq=True)}")
