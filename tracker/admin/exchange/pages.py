"""The pages: take what the list shows as a file; choose a changed file, see what it does, take all of it or nothing.

Of django-import-export's pages the addresses and the list's filter are used, and not the views: these read a file
unchecked, keep it under a name that the browser says, and mark differences by inline styles.
"""

from __future__ import annotations

from typing import Any

import tablib
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin, ImportMixin

from tracker.forms.trip import UploadForm
from tracker.models import Operation
from tracker.models.audit import Sent
from tracker.models.looked_over import drop, keep, kept
from tracker.models.sheet_files import FILE_LIMIT
from tracker.models.sheets import csv_lines
from tracker.models.workbooks import pieces

from .files import MOST_ROWS, read_dataset, write_book
from .resource import Outcome, RecordResource

SHOWN = 200  # rows of each list on the page
TYPES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}


class ExportForm(forms.Form):
    """Which file, and which columns beside those that name the record."""

    format = forms.ChoiceField(
        label=_("Kind of file"),
        choices=[("xlsx", _("Excel or WPS (.xlsx)")), ("csv", _("CSV"))],
        initial="xlsx",
        widget=forms.RadioSelect,
    )
    columns = forms.MultipleChoiceField(label=_("Columns"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, resource: RecordResource, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = {name: field for name, field in resource.fields.items() if name not in resource.KEYS}
        self.fields["columns"].choices = [(name, field.head) for name, field in offered.items()]  # type: ignore[attr-defined]
        self.fields["columns"].initial = [name for name, field in offered.items() if field.ticked]


class Exported(ExportMixin):
    """Records that are taken out: what the list's filter and search leave, in the scope of the person."""

    exchanged: type[RecordResource]
    import_export_change_list_template = "admin/import_export/change_list.html"
    export_template_name = "admin/import_export/export.html"

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_export_queryset(request)
        except IncorrectLookupParameters:
            return redirect(f"admin:tracker_{self.opts.model_name}_changelist")
        resource = self.exchanged(self, request)
        form = ExportForm(request.POST if request.method == "POST" else None, resource=resource)
        if form.is_valid():
            names = [name for name in resource.fields if name in (*resource.KEYS, *form.cleaned_data["columns"])]
            if form.cleaned_data["format"] == "csv":
                return self.as_csv(request, resource, rows, names)
            if rows.order_by()[: MOST_ROWS + 1].count() <= MOST_ROWS:
                return self.as_book(request, resource, rows, names)
            words = gettext("A workbook has at most %(most)d rows here. Narrow the list by a filter, or take CSV.")
            form.add_error("format", words % {"most": MOST_ROWS})
        context = self.admin_site.each_context(request) | {
            "title": gettext("Export: %s") % capfirst(self.opts.verbose_name_plural),
            "opts": self.opts,
            "form": form,
            "keys": [resource.fields[name].head for name in resource.KEYS],
            "count": rows.order_by()[: self.list_limit + 1].count(),
            "limit": self.list_limit,
            "query": request.GET.urlencode(),
            "narrowed": bool({name for name, value in request.GET.items() if value} - {"o", "p", "e"}),
        }
        return TemplateResponse(request, self.export_template_name, context, status=422 if form.errors else 200)

    def as_csv(self, request: HttpRequest, resource: RecordResource, rows: Any, names: list[str]) -> HttpResponseBase:
        sent = Sent(request)
        header = [*(resource.fields[name].head for name in names), *filter(None, [notice()])]
        chunks = sent.counted(resource.rows(rows, names, get_language() or ""))
        return self.file(sent.logged(csv_lines(header, chunks)), "csv")

    def as_book(self, request: HttpRequest, resource: RecordResource, rows: Any, names: list[str]) -> HttpResponseBase:
        sent, columns = Sent(request), [resource.fields[name] for name in names]
        chunks = sent.counted(resource.rows(rows, names, get_language() or ""))
        title = capfirst(self.opts.verbose_name_plural)
        book = sent.logged(pieces(lambda path: write_book(path, title, columns, chunks, notice())))
        next(book)
        return self.file(book, "xlsx")

    def file(self, content: Any, kind: str) -> StreamingHttpResponse:
        name = f"{capfirst(self.opts.verbose_name_plural)}_{timezone.localdate()}.{kind}"
        if settings.DEMO:
            name = gettext("demo data") + "_" + name
        headers = {"Content-Disposition": content_disposition_header(True, name) or "", "Cache-Control": "no-store"}
        return StreamingHttpResponse(content, content_type=TYPES[kind], headers=headers)


def notice() -> str:
    return gettext("Demo data: organizations, people and progress are all invented") if settings.DEMO else ""


class NotTaken(Exception):
    """A row was refused after all, so none is taken."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Exchanged(ImportMixin, Exported):
    """Records that come back as well: changed, and new where the record allows it."""

    import_export_change_list_template = Exported.import_export_change_list_template
    import_template_name = "admin/import_export/import.html"

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    @property
    def session_key(self) -> str:
        """Of the file that was looked over: the name it is kept under, and what it was called."""
        return f"import_{self.opts.model_name}"

    def import_action(self, request: HttpRequest) -> HttpResponse:
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self.shown(request, UploadForm())
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            for _name, why in getattr(request, "refused_files", []):
                form.errors["file"] = form.error_class([why])
            return self.shown(request, form)
        content = form.cleaned_data["file"]
        resource = self.exchanged(self, request)
        try:
            dataset, strange = read_dataset(content, resource)
        except ValidationError as error:
            form.add_error("file", error)
            return self.shown(request, form)
        outcome = resource.look_over(dataset)
        self.forget(request)
        if outcome.changed and not outcome.refused and not outcome.too_many:
            request.session[self.session_key] = [keep(content), str(form.files["file"])]
        return self.shown(request, form, outcome, strange=strange)

    def process_import(self, request: HttpRequest) -> HttpResponse:
        """The file is looked over once more: what was seen is what is taken."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        name, called = request.session.get(self.session_key, ["", ""])
        content = kept(name)
        if request.method != "POST" or content is None:
            if request.method == "POST":
                messages.warning(request, gettext("The file is not there any more. Choose it once more."))
            return redirect(f"admin:tracker_{self.opts.model_name}_import")
        try:
            outcome = self.take(request, content, called)
        except NotTaken as refused:
            words = gettext("Something has changed since you looked at this, so nothing was taken. Look once more.")
            messages.error(request, words)
            return self.shown(request, UploadForm(), refused.outcome, status=409)
        self.forget(request)
        words = gettext("Imported: %(changed)d changed, %(made)d new.")
        messages.success(request, words % {"changed": outcome.altered, "made": outcome.made})
        return redirect(f"admin:tracker_{self.opts.model_name}_changelist")

    def take(self, request: HttpRequest, content: bytes, called: str) -> Outcome:
        """The rows that change something, in one transaction that holds no others. Raises NotTaken."""
        resource, seen = self.exchanged(self, request), request.POST.get("seen")
        dataset, _strange = read_dataset(content, resource)
        looked = resource.look_over(dataset)
        if looked.refused or looked.too_many or looked.mark != seen:
            raise NotTaken(looked)
        numbers = {row.number for row in looked.changed}
        chosen = tablib.Dataset(*(row for row in dataset if row[0] in numbers), headers=dataset.headers)
        with type(resource).holding():
            outcome = self.exchanged(self, request).take(chosen)
            if outcome.refused or outcome.mark != seen:
                raise NotTaken(outcome)
            self.record_import(request, resource, outcome, called)
        return outcome

    def record_import(self, request: HttpRequest, resource: RecordResource, outcome: Outcome, called: str) -> None:
        """One line for the file: each record's own history has old and new."""
        names = {change.column for row in outcome.changed for change in row.changes}
        told: dict[str, Any] = {
            "did": "imported",
            "model": self.opts.model_name,
            "fields": [name for name, field in resource.fields.items() if field.head in names],
            "rows": len(outcome.changed),
            "keys": [row.record for row in outcome.changed][:SHOWN],
        }
        action = Operation.Action.ACCOUNT if self.opts.model_name == "user" else Operation.Action.ADMINISTERED
        Operation.record(action, request, target=called, **told)

    def forget(self, request: HttpRequest) -> None:
        """The file that was looked over before, if there is one."""
        if self.session_key in request.session:
            drop(request.session.pop(self.session_key)[0])

    def shown(
        self,
        request: HttpRequest,
        form: UploadForm,
        outcome: Outcome | None = None,
        *,
        strange: list[str] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        resource = self.exchanged(self, request)
        called = {name: field.head for name, field in resource.fields.items()}
        context = self.admin_site.each_context(request) | {
            "title": gettext("Import changes: %s") % capfirst(self.opts.verbose_name_plural),
            "opts": self.opts,
            "form": form,
            "keys": [called[name] for name in resource.KEYS],
            "changeable": [called[name] for name in resource.changeable],
            "read_only": [
                called[name] for name, field in resource.fields.items() if field.readonly and name not in resource.KEYS
            ],
            "resource": resource,
            "most_rows": MOST_ROWS,
            "megabytes": FILE_LIMIT // 1024**2,
            "outcome": outcome,
            "strange": [told for told in strange or [] if told != notice()],
        }
        if outcome:
            context |= {
                "refused": outcome.refused[:SHOWN],
                "more_refused": max(len(outcome.refused) - SHOWN, 0),
                "changed": outcome.changed[:SHOWN],
                "more_changed": max(len(outcome.changed) - SHOWN, 0),
            }
        if status == 200 and (form.errors or (outcome and (outcome.refused or outcome.too_many))):
            status = 422
        return TemplateResponse(request, self.import_template_name, context, status=status)
