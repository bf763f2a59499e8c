"""Moving, merging, splitting and closing an organization: choose, see what it does, then do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from tracker.models import Organization, TransitionRefused, User
from tracker.models.fields import refuse_unstorable
from tracker.models.histories import REASON_LIMIT
from tracker.models.reorganizing import Closing, Effect, Merging, Moving, Part, Reorganization, Splitting

from .base import asker
from .fields import OrganizationField, Picker, plain_code

if TYPE_CHECKING:
    from .organizations import OrganizationAdmin

PARTS = 4  # new bodies that one form takes; a body can be split once more

# The effect in words; those always said come first, the others where there are any.
ALWAYS = (
    ("bodies", _("Organizations that come under another parent")),
    ("ended", _("Assignments that end")),
    ("excused", _("Open entries that are excused")),
    ("tallies", _("Tally rows counted afresh")),
)
SOMETIMES = (
    ("made", _("New organizations")),
    ("assigned", _("Assignments that are taken over")),
    ("reviewing", _("Assignments that another body reviews")),
    ("owned", _("Tasks that get another lead")),
)


class ReorganizeForm(forms.Form):
    """One kind of act. `title` heads its page, `button` opens it, `doing` confirms it, `told` says what it means."""

    title: Any
    button: Any
    doing: Any
    done: Any
    told: Any
    closes = False
    reason = forms.CharField(
        label=_("reason"),
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        validators=[refuse_unstorable],
        help_text=_("It stands in the histories, and beside every entry that is excused."),
    )

    def __init__(self, *args: Any, body: Organization, admin: OrganizationAdmin, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body, self.by = body, by
        for name, field in self.fields.items():
            if isinstance(field, OrganizationField):
                field.widget = Picker(Organization._meta.get_field("parent"), admin.admin_site)
                rows = Organization.objects.editable_by(by).open()
                standing = Organization.objects.filter(pk=getattr(body, f"{name}_id", None) or 0)
                field.queryset = (rows | standing).select_related("parent")
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def act(self) -> Reorganization:
        raise NotImplementedError

    @property
    def is_closing(self) -> bool:
        return self.closes

    def add_refusal(self, error: ValidationError) -> None:
        for name, lines in error.message_dict.items():
            self.add_error(name if name in self.fields else None, lines)


class MoveForm(ReorganizeForm):
    title = _("Move an organization")
    button = pgettext_lazy("organization", "Move…")
    doing = pgettext_lazy("organization", "Move")
    done = _("“%(body)s” was moved, with everything below it.")
    told = _("It takes everything below it along, by both lines. Codes, accounts, entries and events stay as they are.")
    parent = OrganizationField(
        label=Organization._meta.get_field("parent").verbose_name, queryset=Organization.objects.none()
    )
    industry = OrganizationField(
        label=Organization._meta.get_field("industry").verbose_name,
        queryset=Organization.objects.none(),
        required=False,
        help_text=_("Leave empty where it has none."),
    )

    def __init__(self, *args: Any, body: Organization, **kwargs: Any) -> None:
        super().__init__(*args, body=body, **kwargs)
        self.initial = {"parent": body.parent_id, "industry": body.industry_id}

    def act(self) -> Reorganization:
        given = self.cleaned_data
        return Moving(self.body, parent=given["parent"], industry=given["industry"], by=self.by, reason=given["reason"])


class MergeForm(ReorganizeForm):
    title = _("Merge an organization into another")
    button = pgettext_lazy("organization", "Merge into another…")
    doing = pgettext_lazy("organization", "Merge")
    done = _("“%(body)s” was merged and closed.")
    told = _(
        "It closes. What stands below it goes to the other, which is also assigned what it lacks. Its own entries and "
        "events stay with it and can be read."
    )
    closes = True
    into = OrganizationField(label=_("merge into"), queryset=Organization.objects.none())

    def act(self) -> Reorganization:
        given = self.cleaned_data
        return Merging(self.body, into=given["into"], by=self.by, reason=given["reason"])


class SplitForm(ReorganizeForm):
    title = _("Split new organizations off")
    button = pgettext_lazy("organization", "Split…")
    doing = pgettext_lazy("organization", "Split")
    done = _("“%(body)s” was split.")
    told = _("New organizations are made beside it, under the same parents, of the same level, line and kind.")
    assigning = forms.BooleanField(label=_("the new ones take over its assignments"), required=False, initial=True)
    closing = forms.BooleanField(
        label=_("it closes"),
        required=False,
        help_text=_("Then what stands below it goes to the first of the new ones. Otherwise that stays where it is."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limits = {name: Organization._meta.get_field(name).max_length for name in Part._fields}  # type: ignore[union-attr]
        labels = {"code": _("code of new organization %d"), "name": _("its name"), "short_name": _("its short name")}
        for number in range(1, PARTS + 1):
            for name in Part._fields:
                label = str(labels[name])
                field = forms.CharField(
                    label=label % number if name == "code" else label,
                    required=number == 1 and name != "short_name",
                    max_length=limits[name],
                    validators=[refuse_unstorable, *([plain_code] if name == "code" else [])],
                )
                self.fields[f"{name}_{number}"] = field
        self.order_fields([name for name in self.fields if name not in ("assigning", "closing", "reason")])

    @property
    def is_closing(self) -> bool:
        return bool(getattr(self, "cleaned_data", {}).get("closing"))

    def clean(self) -> None:
        super().clean()
        codes: set[str] = set()
        for number in range(1, PARTS + 1):
            code, name = (self.cleaned_data.get(f"{field}_{number}") or "" for field in ("code", "name"))
            if code and not name and not self.errors.get(f"name_{number}"):
                self.add_error(f"name_{number}", _("Write the name beside the code."))
            if name and not code and not self.errors.get(f"code_{number}"):
                self.add_error(f"code_{number}", _("Write the code beside the name."))
            if code and (code in codes or Organization.objects.filter(code=code).exists()):
                self.add_error(f"code_{number}", _("This code is in use."))
            codes.add(code)

    def act(self) -> Reorganization:
        given = self.cleaned_data
        rows = [Part(*(given[f"{name}_{number}"] for name in Part._fields)) for number in range(1, PARTS + 1)]
        return Splitting(
            self.body,
            parts=[part for part in rows if part.code],
            by=self.by,
            reason=given["reason"],
            assigning=given["assigning"],
            closing=given["closing"],
        )


class CloseForm(ReorganizeForm):
    title = _("Close an organization")
    button = pgettext_lazy("organization", "Close…")
    doing = pgettext_lazy("organization", "Close")
    done = _("“%(body)s” was closed.")
    told = _(
        "It owes nothing any more and is offered nowhere; its entries and events can be read. What stands below it "
        "must be moved first."
    )
    closes = True

    def act(self) -> Reorganization:
        return Closing(self.body, by=self.by, reason=self.cleaned_data["reason"])


ACTS: dict[str, type[ReorganizeForm]] = {"move": MoveForm, "merge": MergeForm, "split": SplitForm, "close": CloseForm}


def reorganize_page(admin: OrganizationAdmin, request: HttpRequest, object_id: str, kind: str) -> HttpResponse:
    """The form; what it would do, with the choices kept hidden; and, confirmed, the doing."""
    body = admin.get_object(request, unquote(object_id))
    if not admin.may_change(request, body):
        raise PermissionDenied
    form = ACTS[kind](request.POST if request.method == "POST" else None, body=body, admin=admin, by=asker(request))
    if "back" in request.POST or not form.is_valid():
        return show(admin, request, form)
    try:
        if "confirm" in request.POST:
            form.act().carry_out(seen=request.POST.get("seen", ""))
            messages.success(request, str(form.done) % {"body": body})
            return redirect("admin:tracker_organization_change", body.pk)
        return show(admin, request, form, form.act().rehearse())
    except ValidationError as error:
        form.add_refusal(error)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
        if refused.code == "stale":
            return show(admin, request, form, form.act().rehearse())
    return show(admin, request, form)


def show(
    admin: OrganizationAdmin, request: HttpRequest, form: ReorganizeForm, effect: Effect | None = None
) -> HttpResponse:
    body = Organization.objects.select_related("parent").get(pk=form.body.pk)
    context = admin.admin_site.each_context(request) | {
        "title": form.title,
        "opts": admin.opts,
        "original": body,
        "form": form,
        "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.fields)})], {}),
        "media": admin.media + form.media,
        "effect": effect,
        "lines": in_words(effect) if effect else [],
        "chosen": chosen(form) if effect else [],
        "people": body.memberships.values("person").distinct().count() if form.is_closing else 0,
    }
    return TemplateResponse(request, "admin/tracker/organization/reorganize.html", context)


def in_words(effect: Effect) -> list[tuple[Any, int]]:
    """Labels and numbers of the effect."""
    numbers = effect._asdict()
    lines = [(label, numbers[name]) for name, label in ALWAYS]
    return lines[:1] + [(label, numbers[name]) for name, label in SOMETIMES if numbers[name]] + lines[1:]


def chosen(form: ReorganizeForm) -> list[tuple[str, str]]:
    """What was chosen, in words, for the page where the fields are hidden."""
    said = []
    for name, value in form.cleaned_data.items():
        if isinstance(value, bool):
            value = gettext("Yes") if value else gettext("No")
        elif isinstance(value, Organization):
            value = cast(OrganizationField, form.fields[name]).label_from_instance(value)
        if value or name == "industry":
            said.append((str(form.fields[name].label), str(value or "—")))
    return said
