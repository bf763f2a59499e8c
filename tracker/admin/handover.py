"""Leaving and handing over in the back office: what somebody holds, to whom it goes, and doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tracker.models import TransitionRefused, User
from tracker.models.fields import refuse_unstorable
from tracker.models.handover import Handover
from tracker.models.histories import REASON_LIMIT

from .base import asker

if TYPE_CHECKING:
    from .people import PersonAdmin

SHOWN = 50  # assignments and entries listed; the counts are of all


class HandoverForm(forms.Form):
    """To whom, why, and whether the account closes. Names repeat, so a name that two bear is refused."""

    successor = forms.CharField(
        label=_("Goes to"),
        required=False,
        max_length=150,
        validators=[refuse_unstorable],
        help_text=_("A user name, or a name. Empty: nobody follows, and the roles end."),
        widget=forms.TextInput(attrs={"list": "colleagues", "size": 40, "autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("reason"),
        max_length=REASON_LIMIT,
        validators=[refuse_unstorable],
        widget=forms.TextInput(attrs={"size": 60, "maxlength": REASON_LIMIT}),
    )
    close = forms.BooleanField(label=_("Close the account"), required=False, initial=True)

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by

    def clean_successor(self) -> User | None:
        """Only whom `by` may change: a name out of scope is not even told to exist."""
        said = self.cleaned_data["successor"].strip()
        if not said:
            return None
        people = User.objects.editable_by(self.by).filter(is_active=True)
        found = list(people.filter(username=said)) or list(people.filter(name=said)[:2])
        if not found:
            raise ValidationError(_("Nobody in your scope with an open account is called that."))
        if len(found) > 1:
            raise ValidationError(_("Several people bear this name. Give the user name."))
        return found[0]


def handover_page(admin: PersonAdmin, request: HttpRequest, person: User) -> HttpResponse:
    """First the list of what is held, with the form; then the same list and one question; then it is done."""
    if not admin.may_change(request, person):
        raise PermissionDenied
    by, held = asker(request), Handover(person)
    form = HandoverForm(request.POST if request.method == "POST" else None, by=by)
    if request.method == "POST" and form.is_valid() and "confirm" in request.POST:
        try:
            with transaction.atomic():
                held.give(by=by, **form.cleaned_data)
                admin.record(request, person, "handed_over")
        except ValidationError as error:
            for name, lines in error.message_dict.items():
                form.add_error(name, lines)
        except TransitionRefused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, gettext("What %s held is handed over.") % person)
            return redirect("admin:tracker_user_changelist")
    agreed = request.method == "POST" and form.is_valid() and "back" not in request.POST
    context = admin.admin_site.each_context(request) | {
        "title": gettext("Leaving and handing over: %s") % person,
        "opts": admin.opts,
        "original": person,
        "form": form,
        "asking": agreed,
        "successor": form.cleaned_data.get("successor") if agreed else None,
        **listed(held),
        "colleagues": User.objects.editable_by(by)
        .filter(is_active=True, memberships__organization__in=held.bodies)
        .exclude(pk=person.pk)
        .distinct()[:SHOWN],
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/tracker/user/handover.html", context, status=status)


def listed(held: Handover) -> dict[str, Any]:
    """What the person holds, the long lists cut and counted. A fixed number of queries."""
    drafts = held.drafts.select_related("assignment__task", "assignment__organization", "period")
    waiting = held.waiting.values("assignment__reviewing__name").annotate(n=Count("pk")).order_by()
    return {
        "memberships": held.memberships,
        "last_of": held.last_of,
        "warnings": held.warnings,
        "named": held.named.select_related("task", "organization").order_by("task__position", "pk")[:SHOWN],
        "named_count": held.named.count(),
        "namesakes": held.namesakes[:SHOWN],
        "drafts": drafts.order_by("pk")[:SHOWN],
        "drafts_count": held.drafts.count(),
        "waiting": [(row["assignment__reviewing__name"], row["n"]) for row in waiting],
        "deputies": held.deputies,
    }
