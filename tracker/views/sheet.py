"""The sheet (本期待填报): every entry my organization owes in a period, on one screen, logged like a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from tracker.forms import RowForm, as_typed, typed_numbers
from tracker.middleware import SignedIn
from tracker.models import Blocker, Entry, FigureValue, Period, State, TransitionRefused
from tracker.models.figures import field_name
from tracker.models.moves import WRITABLE
from tracker.models.tallies import tallying

from .scripted import rows_sent
from .sheet_words import words

COLUMNS = ("status", "percent", *Entry.TEXTS)
SAVE, SUBMIT, UNCHANGED, CARRY = "save", "submit", "unchanged", "carry"


class Outcome(NamedTuple):
    """What became of one row: saved, reported, incomplete (kept as a draft), invalid, stale or refused."""

    kind: str
    entry: Entry  # as it stands now
    form: RowForm
    message: str = ""

    @property
    def done(self) -> bool:
        return self.kind in ("saved", "reported")


class Row:
    """One entry on the page: what it is, what was said last, and its form where it can be written."""

    matters: list[Blocker] = []  # answered, and not read yet

    def __init__(self, entry: Entry, last: Entry | None, outcome: Outcome | None) -> None:
        self.entry, self.last, self.task = entry, last, entry.assignment.task
        self.trouble = outcome if outcome and not outcome.done else None
        if self.trouble:
            self.form: RowForm | None = self.trouble.form
            self.form.show_again(entry.version)
        else:
            self.form = RowForm(entry=entry) if entry.can_write else None
        fields = {field.name: field for field in self.form.visible_fields()} if self.form else {}
        self.cells = [(name, fields.pop(name, None)) for name in COLUMNS]
        for name in self.form.figure_names if self.form else ():
            fields.pop(name)
        self.further = [field for field in fields.values() if not field.field.widget.needs_multipart_form]
        self.further_open = any(field.errors or as_typed(field.value()) for field in self.further)
        self.further_open |= bool(self.form and self.form.asking_open)

    @property
    def kind(self) -> str:
        """Where the filters put it."""
        if self.entry.was_returned:
            return "returned"
        return {State.DUE: "due", State.DRAFT: "draft", State.EXCUSED: "excused"}.get(State(self.entry.state), "done")

    @property
    def said(self) -> str:
        """What it says, for the script: so that it knows whether what it keeps has arrived."""
        content = self.entry.content()
        said = {name: as_typed(content[name]) for name in (*COLUMNS, *Entry.ASKING)}
        return json.dumps(said | typed_numbers(self.entry))

    @property
    def labels(self) -> str:
        """What its boxes are called, for the script: they are no columns."""
        return json.dumps({field_name(figure.pk): figure.name for figure in self.entry.asked_figures})

    @property
    def stands(self) -> Entry | None:
        """What another has saved meanwhile, to be read beside one's own."""
        return self.entry if self.trouble and self.trouble.kind == "stale" else None


@require_http_methods(["GET", "HEAD", "POST"])
def sheet(request: SignedIn, slug: str, code: str) -> HttpResponse:
    if not request.user.may_log:
        raise PermissionDenied
    period = get_object_or_404(Period.objects.select_related("plan"), plan__slug=slug, code=code)
    if request.method == "POST":
        return handed_in(request, period)
    return sheet_page(request, period)


def owed(request: SignedIn, period: Period) -> list[Entry]:
    """As many queries for a hundred entries as for one."""
    own = Entry.objects.editable_by(request.user).filter(assignment__organization=request.user.organization)
    entries = own.filter(period=period).for_logging()
    entries = entries.select_related("saved_by", "decided_by").order_by("assignment__task__position", "pk")
    return list(entries)


def sheet_page(
    request: SignedIn, period: Period, outcomes: dict[int, Outcome] | None = None, blank: int = 0
) -> HttpResponse:
    outcomes, entries = outcomes or {}, owed(request, period)
    departments = sorted({entry.assignment.department for entry in entries if entry.assignment.department})
    mine = request.user.acting.department if request.user.acting else ""
    chosen = request.GET.get("department", mine if mine in departments else "")
    last = Entry.objects.filter(pk__in=[entry.pk for entry in entries]).reported_before(period)
    FigureValue.objects.last_known(entries, period)
    rows = [
        Row(entry, last.get(entry.assignment_id), outcomes.get(entry.pk))
        for entry in entries
        if chosen in ("", entry.assignment.department) or entry.pk in outcomes
    ]
    answers = Blocker.objects.asked_for(request.user).unread().answering_to(entries)
    for row in rows:
        row.matters = answers.get(row.entry.assignment_id, [])
    trouble = [row for row in rows if row.trouble]
    columns = [name for name in COLUMNS if any(cell for row in rows for key, cell in row.cells if key == name)]
    for row in rows:
        row.cells = [(name, cell) for name, cell in row.cells if name in columns]
    kinds = {kind: sum(row.kind == kind for row in rows) for kind in ("due", "draft", "returned", "done", "excused")}
    shown = request.GET.get("show", "")
    context = {
        "period": period,
        "body": request.user.organization,
        "today": timezone.localdate(),
        "groups": grouped(rows),
        "rows": rows,
        "columns": [(name, RowForm.base_fields[name].label) for name in columns],
        "owed": len(rows) - kinds["excused"],
        "kinds": kinds,
        "shown": shown if shown in kinds else "",
        "departments": departments,
        "department": chosen,
        "trouble": trouble,
        "faults": [(row, field, line) for row in trouble if row.form for field, line in row.form.faults],
        "blank": blank,
        "words": words(),
    }
    stale = any(row.stands for row in trouble)
    return render(request, "tracker/sheet/sheet.html", context, status=(409 if stale else 422) if outcomes else 200)


def grouped(rows: Iterable[Row]) -> list[tuple[Any, list[Row]]]:
    """Returned ones first, then by area; what is reported is folded at the end. A title is an area or a word."""
    groups: dict[Any, list[Row]] = {"returned": []}
    done = []
    for row in rows:
        if row.form is None:
            done.append(row)
        elif row.kind == "returned":
            groups["returned"].append(row)
        else:
            groups.setdefault(row.task.heading.area, []).append(row)
    return [(title, some) for title, some in [*groups.items(), ("done", done)] if some]


# What is sent: by the page's own form, and by its script.


def handed_in(request: SignedIn, period: Period) -> HttpResponse:
    """The form as a browser without JavaScript sends it: every touched row is kept, the chosen ones are handed in."""
    act, _dash, one = request.POST.get("do", SAVE).partition("-")
    chosen = {one} if one else set(request.POST.getlist("chosen"))
    everything = act == "submit_all"
    if everything:
        act = SUBMIT
    asked, blank = [], 0
    for entry in owed(request, period):
        if f"e{entry.pk}-version" not in request.POST:
            continue
        form = RowForm(request.POST, entry=entry)
        picked = everything or str(entry.pk) in chosen
        if everything and not form.touched and entry.state == State.DUE:
            blank += 1
        elif picked and act in (SUBMIT, UNCHANGED, CARRY):
            asked.append((form, act))
        elif form.touched:
            asked.append((form, SAVE))
    if not asked:
        nothing = _("Nothing was changed, so nothing was saved.") if act == SAVE else words()["choose"]
        messages.warning(request, blank_words(blank) if blank else nothing)
        return redirect(request.get_full_path())
    outcomes = carry_out(request, asked)
    tell(request, outcomes)
    if all(outcome.done for outcome in outcomes):
        if blank:
            messages.warning(request, blank_words(blank))
        return redirect(request.get_full_path())
    return sheet_page(request, period, {outcome.entry.pk: outcome for outcome in outcomes}, blank)


def blank_words(n: int) -> str:
    return ngettext("%(n)d item is not filled in yet.", "%(n)d items are not filled in yet.", n) % {"n": n}


def tell(request: HttpRequest, outcomes: list[Outcome]) -> None:
    reported = sum(outcome.kind == "reported" for outcome in outcomes)
    saved = sum(outcome.kind in ("saved", "incomplete") for outcome in outcomes)
    if reported:
        told = ngettext("%(n)d item submitted.", "%(n)d items submitted.", reported)
        messages.success(request, told % {"n": reported})
    if saved:
        told = ngettext("%(n)d draft saved, not submitted yet.", "%(n)d drafts saved, not submitted yet.", saved)
        messages.success(request, told % {"n": saved})


def carry_out(request: SignedIn, asked: list[tuple[RowForm, str]]) -> list[Outcome]:
    """Each row by its own transition, refused by its own sentence; all in one transaction that counts once.

    In the order of their keys, so that two who send the same rows never wait for each other in a ring.
    """
    with tallying():
        return [turn(request, form, act) for form, act in sorted(asked, key=lambda pair: pair[0].entry.pk)]


def turn(request: SignedIn, form: RowForm, act: str) -> Outcome:
    entry = form.entry
    if not form.is_valid():
        return Outcome("invalid", entry, form)
    said: dict[str, Any] = {"by": request.user, "version": form.cleaned_data["version"]}
    content = form.content
    try:
        if act == UNCHANGED:
            entry.submit_unchanged(**said, **content)
        elif act == SUBMIT and not form.looks_clean(entry.file_names()):
            form.add_error(None, _("If it is no such number, hand this item in on its own page."))
            return kept(form, said, content)
        elif act == SUBMIT:
            entry.submit(**said, **content)
        else:
            last = entry.previous() if act == CARRY else None
            entry.save_draft(**said, **(entry.carried_over(last, content) if last else content))
    except ValidationError as error:
        form.add_refusal(error)
        return kept(form, said, content) if act != SAVE else Outcome("invalid", entry, form)
    except TransitionRefused as refused:
        stands = Entry.objects.for_logging().select_related("saved_by").get(pk=entry.pk)
        wanted = {"no_change": True} if act == UNCHANGED else content
        if refused.code == "stale" and stands.has_already(submitted=act in (SUBMIT, UNCHANGED), **said, **wanted):
            return Outcome("reported" if act in (SUBMIT, UNCHANGED) else "saved", stands, form)
        form.add_error(None, refused.message)
        return Outcome("stale" if refused.code == "stale" else "refused", stands, form, refused.message)
    return Outcome("reported" if act in (SUBMIT, UNCHANGED) else "saved", entry, form)


def kept(form: RowForm, said: dict[str, Any], content: dict[str, Any]) -> Outcome:
    """What cannot be handed in yet is kept as a draft, if as much as that is possible."""
    entry = form.entry
    if entry.says(content):
        return Outcome("incomplete", entry, form)
    try:
        entry.save_draft(**said, **content)
    except (ValidationError, TransitionRefused):
        return Outcome("invalid", entry, form)
    return Outcome("incomplete", entry, form)


@login_not_required
@require_POST
def save(request: HttpRequest, slug: str, code: str) -> JsonResponse:
    """Rows as the page's script sends them: {user, rows: [{entry, version, do, values}]}. Answers row by row.

    A login that has run out is answered as such, not by a page, so that what was typed waits where it is.
    """
    rows = rows_sent(request, is_sound, login=words()["login"])
    if isinstance(rows, JsonResponse):
        return rows
    signed_in: Any = request
    entries = Entry.objects.editable_by(signed_in.user).filter(
        period__plan__slug=slug, period__code=code, pk__in=[row["entry"] for row in rows]
    )
    found = {entry.pk: entry for entry in entries.for_logging()}
    asked = [(as_form(found[row["entry"]], row), row["do"]) for row in rows if row["entry"] in found]
    answers = [told(outcome) for outcome in carry_out(signed_in, asked)]
    gone = _("This is not an entry you can fill in, in the role you act in now.")
    answers += [
        {"entry": row["entry"], "outcome": "refused", "message": gone, "errors": {}}
        for row in rows
        if row["entry"] not in found
    ]
    return JsonResponse({"rows": answers})


def is_sound(row: dict[str, Any]) -> bool:
    return row["do"] in (SAVE, SUBMIT, UNCHANGED) and all(type(text) is str for text in row["values"].values())


def as_form(entry: Entry, row: dict[str, Any]) -> RowForm:
    data = QueryDict(mutable=True)
    data[f"e{entry.pk}-version"] = str(row["version"])
    for name, text in row["values"].items():
        data[f"e{entry.pk}-{name}"] = text
    return RowForm(data, entry=entry)


def told(outcome: Outcome) -> dict[str, Any]:
    entry, form = outcome.entry, outcome.form
    answer = {
        "entry": entry.pk,
        "outcome": outcome.kind,
        "version": entry.version,
        "state": entry.state,
        "word": entry.get_state_display(),
        "at": timezone.localtime(entry.saved_at).strftime("%H:%M") if entry.saved_at else "",
        "message": outcome.message,
        "errors": {name: list(lines) for name, lines in form.errors.items()} if not outcome.done else {},
        "asks": form.asks if not outcome.done else {},
    }
    if outcome.kind == "stale":
        answer["stands"] = {
            "who": str(entry.saved_by or ""),
            "values": RowForm(entry=entry).values,
            "writable": entry.state in WRITABLE,
        }
    return answer
