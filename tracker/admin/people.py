"""People and the roles they hold: scopes bound both whom one sees and what one grants."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import unquote
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import SetPasswordForm, UserCreationForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from tracker import access
from tracker.models import Membership, Organization, User
from tracker.models.people import apart

from .base import RecordAdmin, ScopedFields, asker, plain
from .codes import code_page, file_of_codes, invitations, may_hand_out
from .deputies import deputies_page
from .exchange import Exchanged
from .exchange.records import PersonResource
from .fields import beside_parent, is_key
from .handover import handover_page
from .rosters import roster_page

ROLES_LIMIT = 60  # forms of one page, whatever number is posted


class MembershipFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        """Two of the separated roles given on one page: neither row alone sees the other."""
        super().clean()
        gone = self.deleted_forms
        kept = [form for form in self.forms if getattr(form, "cleaned_data", {}) and form not in gone]
        roles = [form.cleaned_data["role"] for form in kept if form.cleaned_data.get("role") in access.SEPARATED]
        if settings.SEPARATE_DUTIES and len(set(roles)) > 1:
            raise ValidationError(apart(roles[0], next(role for role in roles if role != roles[0])))


class MembershipInline(ScopedFields, admin.TabularInline):
    model = Membership
    formset = MembershipFormSet
    autocomplete_fields = ("organization",)
    fields = ("organization", "role", "department")
    max_num = ROLES_LIMIT - 10

    def get_queryset(self, request: HttpRequest) -> Any:
        held: Any = super().get_queryset(request).select_related("organization__parent")
        return held.visible_to(asker(request)).order_by("organization__path", "role")

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj or not asker(request).at_root else 1

    def get_min_num(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """A person without any role belongs to the root: below it, one role at least keeps them in sight."""
        return 0 if asker(request).at_root else 1

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, validate_min=True, absolute_max=ROLES_LIMIT, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_inspect

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_grant

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_grant

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_grant


class NewPersonForm(UserCreationForm):
    class Meta(UserCreationForm.Meta):
        model = User


class PersonAdmin(Exchanged, RecordAdmin):
    exchanged = PersonResource
    change_form_template = "admin/tracker/user/change_form.html"
    object_history_template = "admin/tracker/user/history.html"
    inlines = (MembershipInline,)
    list_display = ("username", "name", "roles", "telephone", "active", "login_day")
    list_display_links = ("username", "name")
    list_filter = ("is_active", "memberships__role", "is_superuser")
    search_fields = ("username", "name")
    found_by = {"memberships__organization": Organization}
    search_help_text = _("A name, a user name, or an organization by name, code or pinyin.")
    ordering = ("username",)
    sortable_by = ("username", "name", "login_day")
    active, login_day = plain(User, "is_active"), plain(User, "last_login")
    NEW = ("username", "name", "telephone", "password1", "password2")
    SHOWN = ("last_login", "date_joined")

    change_list_template = "admin/tracker/user/change_list.html"
    actions = ("invite",)

    def label(self, obj: User) -> str:
        return obj.named

    @admin.display(description=Membership._meta.verbose_name_plural)
    def roles(self, obj: User) -> str:
        return gettext(", ").join(str(membership) for membership in obj.in_scope)  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> Any:
        held = Membership.objects.visible_to(asker(request)).select_related("organization")
        return super().get_queryset(request).prefetch_related(Prefetch("memberships", held, to_attr="in_scope"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": self.NEW})]
        rights = ("is_active", "is_superuser") if asker(request).is_superuser else ("is_active",)
        return [(None, {"fields": ("username", "name", "telephone", *rights)}), (None, {"fields": self.SHOWN})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.SHOWN if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs.setdefault("form", NewPersonForm)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.list_filter if asker(request).is_superuser else self.list_filter[:-1]

    @method_decorator(sensitive_post_parameters("password1", "password2"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().add_view(request, form_url, extra_context)

    # What is done to somebody beside their record has a page of its own.

    PAGES = {"code": code_page, "handover": handover_page, "deputies": deputies_page}

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        pages = [
            path(
                f"<path:object_id>/{name}/", view(self.page_of, cacheable=True), {"page": name}, f"tracker_user_{name}"
            )
            for name in self.PAGES
        ]
        return [
            path("<path:object_id>/password/", view(self.password_view), name="tracker_user_password"),
            path("roster/", view(self.roster_view), name="tracker_user_roster"),
            path("invitations/", view(invitations), name="tracker_user_invitations"),
            *pages,
            *super().get_urls(),
        ]

    def page_of(self, request: HttpRequest, object_id: str, page: str) -> HttpResponse:
        return self.PAGES[page](self, request, self.get_object(request, unquote(object_id)))

    def roster_view(self, request: HttpRequest) -> HttpResponse:
        return roster_page(self, request)

    def beside_form(self, request: HttpRequest, obj: User) -> dict[str, Any]:
        return {"may_hand_out": may_hand_out(request, obj)}

    @admin.action(permissions=["change"], description=_("Make one-time codes and take their file"))
    def invite(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        """For whom one may invite among the chosen; the others' passwords stay as they are."""
        return file_of_codes(request, queryset)

    @method_decorator(sensitive_post_parameters())
    def password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person = self.get_object(request, unquote(object_id))
        if not may_hand_out(request, person):  # a password in the clear is no less than a code
            raise PermissionDenied
        form = SetPasswordForm(person, request.POST or None)
        if form.is_valid():
            person._change_reason = gettext("A new password was set in the back office.")
            with transaction.atomic():
                form.save()
                self.record(request, person, "changed", ["password"])
            update_session_auth_hash(request, person)
            messages.success(request, gettext("The new password of %s holds from now on.") % person)
            return redirect("admin:tracker_user_change", person.pk)
        context = self.admin_site.each_context(request) | {
            "title": gettext("Set a new password"),
            "opts": self.opts,
            "original": person,
            "form": form,
            "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.fields)})], {}),
        }
        return TemplateResponse(request, "admin/tracker/user/password.html", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With the roles given, changed and taken away: those that are gone stand nowhere else."""
        context = dict(extra_context or {})
        if is_key(object_id):
            held = Membership.history.filter(asker(request).scope("organization__"), person_id=object_id)
            context["given"] = held.select_related("organization", "history_user").order_by(
                "-history_date", "-history_id"
            )
        return super().history_view(request, object_id, context)


class MembershipAdmin(RecordAdmin):
    list_display = ("person", "username", "organization_name", "role", "department")
    list_filter = ("role", "organization__level")
    search_fields = ("person__name", "person__username", "department")
    found_by = {"organization": Organization}
    search_help_text = _("A person, a department, or an organization by name, code or pinyin.")
    ordering = ("organization__code", "role")
    sortable_by = ()
    autocomplete_fields = ("person", "organization")
    fields = ("person", "organization", "role", "department")

    def label(self, obj: Membership) -> str:
        return f"{obj.person} · {obj}"

    @admin.display(description=User._meta.get_field("username").verbose_name)
    def username(self, obj: Membership) -> str:
        return obj.person.username

    @admin.display(description=Membership._meta.get_field("organization").verbose_name)
    def organization_name(self, obj: Membership) -> str:
        return beside_parent(obj.organization)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("person", "organization__parent")

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """A role is given to whom one may change."""
        if db_field.name == "person":
            return User.objects.editable_by(asker(request))
        return super().get_field_queryset(db, db_field, request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("person", "organization_name", "role", "department") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("person", "organization_name") if obj else ()
