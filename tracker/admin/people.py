"""People and the roles they hold: scopes bound both whom one sees and what one grants."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import unquote
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import SetPasswordForm, UserCreationForm
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from tracker.models import Membership, Organization, User

from .base import RecordAdmin, ScopedFields, asker, at_root, plain
from .fields import beside_parent, is_key


def people_visible_to(user: User) -> QuerySet[User]:
    """Who holds a role in scope; who holds none is seen from the root alone."""
    if at_root(user):
        return User.objects.all()
    held = Membership.objects.filter(user.scope("organization__"), person=OuterRef("pk"))
    return User.objects.filter(Exists(held))


def people_editable_by(user: User) -> QuerySet[User]:
    """Of these, who holds no role out of scope; superusers are changed by superusers alone."""
    if not user.may_administer:
        return User.objects.none()
    people = people_visible_to(user) if user.is_superuser else people_visible_to(user).filter(is_superuser=False)
    if at_root(user):
        return people
    mine = Organization.objects.visible_to(user).values("pk")
    return people.exclude(Exists(Membership.objects.filter(person=OuterRef("pk")).exclude(organization__in=mine)))


ROLES_LIMIT = 60  # forms of one page, whatever number is posted


class MembershipInline(ScopedFields, admin.TabularInline):
    model = Membership
    autocomplete_fields = ("organization",)
    fields = ("organization", "role", "department")
    max_num = ROLES_LIMIT - 10

    def get_queryset(self, request: HttpRequest) -> Any:
        held = super().get_queryset(request).select_related("organization__parent")
        return held.filter(asker(request).scope("organization__")).order_by("organization__path", "role")

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj or not at_root(asker(request)) else 1

    def get_min_num(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """A person without any role belongs to the root: below it, one role at least keeps them in sight."""
        return 0 if at_root(asker(request)) else 1

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, validate_min=True, absolute_max=ROLES_LIMIT, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_inspect

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_administer

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_administer

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asker(request).may_administer


class NewPersonForm(UserCreationForm):
    class Meta(UserCreationForm.Meta):
        model = User


class PersonAdmin(RecordAdmin):
    change_form_template = "admin/tracker/user/change_form.html"
    object_history_template = "admin/tracker/user/history.html"
    inlines = (MembershipInline,)
    list_display = ("username", "name", "roles", "telephone", "active", "login_day")
    list_display_links = ("username", "name")
    list_filter = ("is_active", "memberships__role", "is_superuser")
    search_fields = ("username", "name", "memberships__organization__name")
    search_help_text = _("A name, a user name, or an organization.")
    ordering = ("username",)
    sortable_by = ("username", "name", "login_day")
    active, login_day = plain(User, "is_active"), plain(User, "last_login")
    NEW = ("username", "name", "telephone", "password1", "password2")
    SHOWN = ("last_login", "date_joined")

    def label(self, obj: User) -> str:
        return f"{obj} ({obj.username})" if obj.name else obj.username

    @admin.display(description=Membership._meta.verbose_name_plural)
    def roles(self, obj: User) -> str:
        return gettext(", ").join(str(membership) for membership in obj.in_scope)  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> Any:
        held = Membership.objects.filter(asker(request).scope("organization__")).select_related("organization")
        return people_visible_to(asker(request)).prefetch_related(Prefetch("memberships", held, to_attr="in_scope"))

    def get_editable(self, request: HttpRequest) -> Any:
        return people_editable_by(asker(request))

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

    # A new password for somebody else has a page of its own.

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.password_view)
        return [path("<path:object_id>/password/", page, name="tracker_user_password"), *super().get_urls()]

    @method_decorator(sensitive_post_parameters())
    def password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person = self.get_object(request, unquote(object_id))
        if not self.may_change(request, person):
            raise PermissionDenied
        form = SetPasswordForm(person, request.POST or None)
        if form.is_valid():
            person._change_reason = gettext("A new password was set in the back office.")
            form.save()
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
    search_fields = ("person__name", "person__username", "organization__name", "^organization__code", "department")
    search_help_text = _("A person, an organization or a department.")
    ordering = ("organization__path", "role")
    sortable_by = ()
    autocomplete_fields = ("person", "organization")
    fields = ("person", "organization", "role", "department")

    @admin.display(description=User._meta.get_field("username").verbose_name)
    def username(self, obj: Membership) -> str:
        return obj.person.username

    @admin.display(description=Membership._meta.get_field("organization").verbose_name)
    def organization_name(self, obj: Membership) -> str:
        return beside_parent(obj.organization)

    def get_queryset(self, request: HttpRequest) -> Any:
        held = Membership.objects.filter(asker(request).scope("organization__"))
        return held.select_related("person", "organization__parent")

    def get_editable(self, request: HttpRequest) -> Any:
        return self.get_queryset(request).filter(person__in=people_editable_by(asker(request)))

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """A role is given to whom one may change."""
        if db_field.name == "person":
            return people_editable_by(asker(request))
        return super().get_field_queryset(db, db_field, request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("person", "organization_name", "role", "department") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("person", "organization_name") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_change(request, obj)
