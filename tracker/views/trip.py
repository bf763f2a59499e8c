"""The sheet to Excel or WPS and back: downloaded, filled in anywhere, looked over, taken as a whole or not at all."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tracker.forms.trip import Preview, UploadForm
from tracker.middleware import SignedIn
from tracker.models import Entry, FigureValue, Operation, Period
from tracker.models.looked_over import drop, keep, kept
from tracker.models.moves import State
from tracker.models.sheet_files import FILE_LIMIT
from tracker.models.sheet_writing import SheetFile
from tracker.models.tallies import tallying

from .sheet import SAVE, SUBMIT, Outcome, carry_out, owed, tell

SESSION = "sheet_file"  # the session's key for the file that was looked over: its name and its period
SHOWN = 200  # rows of each list on the page
TYPES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}


class NotTaken(Exception):
    """One of the rows was refused, so none is taken."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


def period_of(slug: str, code: str) -> Period:
    return get_object_or_404(Period.objects.select_related("plan"), plan__slug=slug, code=code)


@require_safe
def download(request: SignedIn, slug: str, code: str, kind: str) -> HttpResponse:
    """What the sheet shows of my body, or of the department chosen there; what is excused is not owed."""
    period = period_of(slug, code)
    department = request.GET.get("department", "")
    entries = [entry for entry in owed(request, period) if entry.state != State.EXCUSED]
    entries = [entry for entry in entries if department in ("", entry.assignment.department)]
    last = Entry.objects.filter(pk__in=[entry.pk for entry in entries]).reported_before(period)
    notice = _("Demo data: organizations, people and progress are all invented") if settings.DEMO else ""
    file = SheetFile(entries, last, notice=notice)
    content = file.as_workbook() if kind == "xlsx" else file.as_csv()
    name = "_".join([_("sheet"), str(request.user.organization), period.code])
    if settings.DEMO:
        name = _("demo data") + "_" + name
    told = {"target": request.path, "filter": request.GET.urlencode(), "rows": len(entries)}
    Operation.note(Operation.Action.EXPORTED, request, **told)
    disposition = content_disposition_header(True, f"{name}.{kind}")
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=TYPES[kind], headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: SignedIn, slug: str, code: str) -> HttpResponse:
    """Choose the file; see what it would change; take it, as drafts or handed in."""
    period = period_of(slug, code)
    if request.method != "POST":
        return shown(request, period, UploadForm())
    if "do" in request.POST:
        return take(request, period)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        for _name, why in getattr(request, "refused_files", []):
            form.errors["file"] = form.error_class([why])
        return shown(request, period, form)
    try:
        preview = look_over(request, period, form.cleaned_data["file"])
    except ValidationError as error:
        form.add_error("file", error)
        return shown(request, period, form)
    forget(request)
    if preview.changed and not preview.refused:
        request.session[SESSION] = [keep(form.cleaned_data["file"]), period.pk]
    return shown(request, period, form, preview)


def look_over(request: SignedIn, period: Period, content: bytes) -> Preview:
    entries = owed(request, period)
    FigureValue.objects.last_known(entries, period)
    return Preview(content, entries, period, request.POST)


def take(request: SignedIn, period: Period) -> HttpResponse:
    """All rows by the screen's own transitions in one transaction, or none. The file is looked over once more: what was
    seen is what is taken."""
    name, of = request.session.get(SESSION, ["", 0])
    content = kept(name) if of == period.pk else None
    if content is None:
        messages.warning(request, _("The file is not there any more. Choose it once more."))
        return redirect(request.path)
    preview, act = look_over(request, period, content), SUBMIT if request.POST["do"] == SUBMIT else SAVE
    moved = preview.refused or preview.mark != request.POST.get("seen")
    if moved or (act == SUBMIT and (preview.lacking or preview.unconfirmed)):
        words = _("Something has changed since you looked at this, so nothing was taken. Look once more.")
        if not moved:
            words = _("Nothing was submitted: it is not complete yet.")
            if not preview.lacking:
                words = _("Nothing was submitted: tick each number that is right, or correct it in the file.")
        messages.error(request, words)
        return shown(request, period, UploadForm(), preview, status=409)
    try:
        with tallying():
            outcomes = carry_out(request, [(form, act) for form in preview.forms()])
            if not all(outcome.done for outcome in outcomes):
                raise NotTaken(outcomes)
    except NotTaken as refused:
        for outcome in refused.outcomes:
            for line in [] if outcome.done else [line for lines in outcome.form.errors.values() for line in lines]:
                messages.error(request, f"{outcome.entry.assignment.task.code} {line}")
        messages.error(request, _("Nothing was taken."))
        return shown(request, period, UploadForm(), look_over(request, period, content), status=409)
    forget(request)
    tell(request, outcomes)
    return redirect("sheet", period.plan.slug, period.code)


def forget(request: SignedIn) -> None:
    """The file that was looked over before, if there is one."""
    if SESSION in request.session:
        drop(request.session.pop(SESSION)[0])


def shown(
    request: SignedIn, period: Period, form: UploadForm, preview: Preview | None = None, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "period": period,
        "body": request.user.organization,
        "form": form,
        "preview": preview,
        "megabytes": FILE_LIMIT // 1024**2,
    }
    if preview:
        context |= {
            "refused": preview.refused[:SHOWN],
            "more_refused": max(len(preview.refused) - SHOWN, 0),
            "changed": preview.changed[:SHOWN],
            "more_changed": max(len(preview.changed) - SHOWN, 0),
            "lacking": preview.lacking[:SHOWN] if not preview.refused else [],
        }
    if status == 200 and (form.errors or (preview and preview.refused)):
        status = 422
    return render(request, "tracker/trip/upload.html", context, status=status)
