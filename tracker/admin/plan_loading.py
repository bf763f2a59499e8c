"""A whole plan from a table: choose the file, see the tree it makes or every bad row, then load all of it."""

from __future__ import annotations

import base64
import csv
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tracker.models import Plan
from tracker.models.fields import refuse_unstorable
from tracker.models.plan_files import FILE_LIMIT
from tracker.models.plan_loading import PlanTable, plan_for
from tracker.models.plan_words import template_rows

from .base import asker
from .fields import DayField

if TYPE_CHECKING:
    from .plan import PlanAdmin

TOLD = 200  # bad rows named on one page


class LoadForm(forms.Form):
    file = forms.FileField(
        label=_("file"),
        required=False,
        help_text=_("A table of areas, headings and tasks, as CSV or XLSX, 3 MB at most."),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
    )
    content = forms.CharField(required=False, widget=forms.HiddenInput)
    slug = forms.SlugField(
        label=Plan._meta.get_field("slug").verbose_name,
        max_length=32,
        help_text=_("Letters, digits and hyphens: it stands in addresses, such as 19 or yunnan-15."),
    )
    title = forms.CharField(
        label=Plan._meta.get_field("title").verbose_name,
        max_length=120,
        required=False,
        validators=[refuse_unstorable],
        help_text=_("Title and dates are only needed for a new plan; an empty one keeps its own."),
    )
    start = DayField(label=Plan._meta.get_field("start").verbose_name, required=False)
    due = DayField(label=Plan._meta.get_field("due").verbose_name, required=False)
    SHOWN = ("file", "slug", "title", "start", "due")

    def clean(self) -> None:
        """The file's bytes, as chosen now or as kept by the page that showed what it would make."""
        super().clean()
        file, kept = self.cleaned_data.get("file"), self.cleaned_data.get("content")
        if file and file.size > FILE_LIMIT:
            self.add_error("file", _("The file is larger than %d MB.") % (FILE_LIMIT // 1024**2))
        elif file:
            self.cleaned_data["content"] = base64.b64encode(file.read()).decode()
        elif not kept and "file" not in self.errors:
            self.add_error("file", _("Choose a file."))

    @property
    def table(self) -> PlanTable | None:
        """What the file says, for the plan named; none where that plan cannot be."""
        given = self.cleaned_data
        try:
            plan = plan_for(given["slug"], title=given["title"], start=given["start"], due=given["due"])
            content = base64.b64decode(given["content"], validate=True)
            return PlanTable(content, plan)
        except ValueError:  # not what this page had kept there
            self.add_error("file", _("Choose a file."))
        except ValidationError as error:
            for name, lines in error.message_dict.items():
                self.add_error(name if name in self.fields else None, lines)
        return None


def load_page(admin: PlanAdmin, request: HttpRequest) -> HttpResponse:
    if not admin.may_change(request):
        raise PermissionDenied
    form = LoadForm(request.POST or None, request.FILES or None)
    table = form.table if request.method == "POST" and "back" not in request.POST and form.is_valid() else None
    if table and not table.complaints and "confirm" in request.POST:
        try:
            plan = table.make(by=asker(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages[:3]))
        else:
            count = table.counts.tasks
            words = ngettext("%(plan)s: %(n)d task was loaded.", "%(plan)s: %(n)d tasks were loaded.", count)
            messages.success(request, words % {"plan": plan.title, "n": count})
            return redirect("admin:tracker_plan_change", plan.pk)
    return shown(admin, request, form, table)


def shown(admin: PlanAdmin, request: HttpRequest, form: LoadForm, table: PlanTable | None) -> HttpResponse:
    complaints = table.complaints if table else []
    kept = dict(form.cleaned_data) if table else {}
    context = admin.admin_site.each_context(request) | {
        "title": gettext("Load a plan"),
        "opts": admin.opts,
        "form": form,
        "adminform": AdminForm(cast(Any, form), [(None, {"fields": list(form.SHOWN)})], {}),
        "media": admin.media + form.media,
        "complaints": complaints[:TOLD],
        "more": max(len(complaints) - TOLD, 0),
        "table": table if table and not complaints else None,
        "kept": [(name, kept[name] or "") for name in ("content", *form.SHOWN[1:]) if name in kept],
    }
    status = 422 if form.errors or complaints else 200
    return TemplateResponse(request, "admin/tracker/plan/load.html", context, status=status)


def template_file(admin: PlanAdmin, request: HttpRequest) -> HttpResponse:
    """An empty table with one row that shows how it is filled in; with the mark Excel asks of UTF-8."""
    if not admin.may_change(request):
        raise PermissionDenied
    out = StringIO()
    csv.writer(out).writerows(template_rows())
    disposition = {"Content-Disposition": 'attachment; filename="plan-template.csv"'}
    return HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8", headers=disposition)
