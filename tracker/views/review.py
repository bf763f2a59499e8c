"""What waits for my decision: read and decided on in one place."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from tracker.filters import QueueFilter
from tracker.forms import EntryForm, QueuedForm, is_key
from tracker.middleware import SignedIn
from tracker.models import Entry, Organization, Phrase
from tracker.models.entry_lists import COUNTED
from tracker.models.moves import UNDO as UNDONE
from tracker.models.reviewing import ACCEPT, RETURN, UNDO, Decision, Outcome, Reading, decide_all, readings

from .phrases import texts
from .review_words import words
from .scripted import AT_ONCE, rows_sent

PER_PAGE = 40
KEEP, ALL = "keep", "accept_all"
BODIES_NAMED = 5  # on the first page of a supervisor
GROUPED = {
    "organization": lambda entry: entry.assignment.organization_id,
    "task": lambda entry: entry.assignment.task_id,
    "waiting": lambda entry: timezone.localdate(entry.submitted_at),
}


class Row:
    """One entry on the page, as it is read, and the form in which it is decided on."""

    def __init__(self, reading: Reading, typed: str, fault: str) -> None:
        self.entry, self.reading, self.fault = reading.entry, reading, fault
        prefix = f"e{self.entry.pk}"
        kept = {f"{prefix}-version": str(self.entry.version), f"{prefix}-comment": typed}
        self.form = QueuedForm(kept if typed else None, entry=self.entry)
        self.open = bool(typed or fault)
        texts = reading.texts if self.entry.assignment.task.takes_texts else {}
        self.texts = [(EntryForm.base_fields[name].label, text) for name, text in texts.items()]
        self.was = any(text.before for text in texts.values())
        self.removed = any(text.removed for text in texts.values())


@require_http_methods(["GET", "HEAD", "POST"])
def queue(request: SignedIn) -> HttpResponse:
    if request.method == "POST":
        return handed_in(request)
    return queue_page(request)


def queue_page(request: SignedIn, faults: dict[int, str] | None = None, status: int = 200) -> HttpResponse:
    """What was typed and not sent (`request.POST`) stays in its place; `faults` by entry stand beside it."""
    today, faults = timezone.localdate(), faults or {}
    waiting = Entry.objects.reviewable_by(request.user).order_by()
    narrowed = QueueFilter(request.GET, waiting=waiting)
    by = request.GET.get("by", "waiting" if request.GET.get("waiting") else "organization")
    by = by if by in GROUPED else "organization"
    rows = narrowed.found.in_review_order(by).for_transition().select_related("submitted_by", "proxy")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    read = [
        Row(reading, request.POST.get(f"e{reading.entry.pk}-comment", ""), faults.get(reading.entry.pk, ""))
        for reading in readings(list(page.object_list), by=request.user, on=today)
    ]
    kept = texts(request)
    context = {
        "filter": narrowed,
        "several_plans": narrowed.several_plans,
        "by": by,
        "page": page,
        "rows": read,
        "groups": grouped(read, by, narrowed.found),
        "found": page.paginator.count,
        "long": waiting.waiting_long(today).count(),
        "done": just_decided(request),
        "phrases": kept,
        "words": words(),
    }
    return render(request, "tracker/review/queue.html", context, status=status)


def grouped(rows: list[Row], by: str, found: Any) -> list[tuple[Entry, list[Row], int | None]]:
    """The groups of a page: one entry of each to name it by, its rows here, and how many wait in it on all pages."""
    groups = [list(some) for _key, some in groupby(rows, lambda row: GROUPED[by](row.entry))]
    counts: dict[Any, int] = {}
    if by != "waiting":
        keys = {GROUPED[by](row.entry) for row in rows}
        counted = found.order_by().filter(**{f"assignment__{by}__in": keys}).values_list(f"assignment__{by}")
        counts = dict(counted.annotate(n=Count("pk")))
    return [(some[0].entry, some, counts.get(GROUPED[by](some[0].entry))) for some in groups]


def just_decided(request: SignedIn) -> Entry | None:
    """What was decided on last without the script: it may be taken back from the page one is led on to."""
    key = request.GET.get("done", "")
    if not is_key(key):
        return None
    decided = Entry.objects.decided_on_by(request.user).filter(pk=key, decided_by=request.user)
    return decided.filter(state__in=UNDONE.sources).for_transition().first()


# What is sent: by the page's own form, and by its script.


def handed_in(request: SignedIn) -> HttpResponse:
    """The form as a browser without JavaScript sends it."""
    act, _dash, one = request.POST.get("do", "").partition("-")
    listed = [name[1:-8] for name in request.POST if re.fullmatch(r"e[0-9]{1,18}-version", name)]
    written = [key for key in listed if request.POST.get(f"e{key}-comment", "").strip()]
    unwritten = [key for key in listed if key not in written]
    asked = [one] if one else unwritten if act == ALL else request.POST.getlist("chosen")
    keys = [key for key in asked if is_key(key)][:AT_ONCE]
    entries = list(Entry.objects.visible_to(request.user).for_transition().filter(pk__in=keys))
    if act == KEEP and entries:
        return kept_phrase(request, entries[0])
    if act not in (ACCEPT, RETURN, UNDO, ALL) or not entries:
        messages.warning(request, words()["choose"])
        return queue_page(request, status=422)
    if not one and "sure" not in request.POST:
        return confirm(request, entries, written)
    decisions, faults = understood_form(request, entries, ACCEPT if act == ALL else act)
    outcomes = decide_all(decisions, by=request.user)
    tell(request, outcomes)
    faults |= {outcome.entry.pk: outcome.message for outcome in outcomes if outcome.kind == "invalid"}
    if faults or (one and not all(outcome.done for outcome in outcomes)):
        return queue_page(request, faults, status=422 if faults else 409)
    if set(written) - set(keys):
        return queue_page(request)  # what was typed elsewhere on the page is not lost
    return redirect(onward(request, listed, one))


def understood_form(request: SignedIn, entries: list[Entry], act: str) -> tuple[list[Decision], dict[int, str]]:
    decisions, faults = [], {}
    for entry in entries:
        form = QueuedForm(request.POST, entry=entry)
        if form.is_valid():
            said = form.reason if act == RETURN else form.cleaned_data["comment"] if act == ACCEPT else ""
            decisions.append(Decision(entry, act, form.cleaned_data["version"], said))
        else:
            faults[entry.pk] = " ".join(str(line) for lines in form.errors.values() for line in lines)
    return decisions, faults


def onward(request: SignedIn, listed: list[str], one: str) -> str:
    """The queue as it was, at the entry after the one decided on."""
    query = request.GET.copy()
    query.pop("done", None)
    if one:
        query["done"] = one
    after = listed[listed.index(one) + 1 :] if one in listed else []
    place = f"#e{after[0]}" if after else ""
    return request.path + (f"?{query.urlencode()}" if query else "") + place


def confirm(request: SignedIn, entries: list[Entry], written: list[str]) -> HttpResponse:
    """How many, and whose, before many are accepted at once. What was written beside others is carried along."""
    keys = [entry.pk for entry in entries]
    still = set(Entry.objects.reviewable_by(request.user).filter(pk__in=keys).values_list("pk", flat=True))
    entries = [entry for entry in entries if entry.pk in still]
    seen = [(entry, request.POST.get(f"e{entry.pk}-version", "")) for entry in entries]
    bodies = Counter(entry.assignment.organization for entry in entries)
    aside = [key for key in written if int(key) not in still]
    carried = [(name, request.POST[name]) for key in aside for name in (f"e{key}-version", f"e{key}-comment")]
    context = {"seen": seen, "bodies": sorted(bodies.items(), key=lambda pair: pair[0].code), "carried": carried}
    return render(request, "tracker/review/confirm.html", context)


def kept_phrase(request: SignedIn, entry: Entry) -> HttpResponse:
    try:
        Phrase.keep(request.POST.get(f"e{entry.pk}-comment", ""), by=request.user)
    except ValidationError as error:
        return queue_page(request, {entry.pk: " ".join(error.messages)}, status=422)
    messages.success(request, words()["phrase_kept"])
    return queue_page(request)


def tell(request: SignedIn, outcomes: list[Outcome]) -> None:
    """What was done, counted; what was not, each named with why."""
    done = [outcome for outcome in outcomes if outcome.done]
    said = {ACCEPT: _("Accepted."), RETURN: _("Returned, with your reason."), UNDO: words()["undone"]}
    if len(done) == 1:
        messages.success(request, f"{done[0].entry.assignment}：{said[done[0].act]}")
    elif done:
        n = len(done)
        messages.success(request, ngettext("%(n)d entry accepted.", "%(n)d entries accepted.", n) % {"n": n})
    for outcome in outcomes:
        if outcome.kind in ("stale", "refused"):
            messages.error(request, f"{outcome.entry.assignment}：{outcome.message}")


@login_not_required
@require_POST
def decide(request: HttpRequest) -> JsonResponse:
    """Decisions as the page's script sends them: {user, rows: [{entry, version, do, comment}]}. Answers row by row.

    A login that has run out is answered as such, not by a page, so that what was decided waits where it is.
    """
    rows = rows_sent(request, is_sound, login=words()["login"])
    if isinstance(rows, JsonResponse):
        return rows
    by: Any = request.user
    keys = [row["entry"] for row in rows]
    seen = {entry.pk: entry for entry in Entry.objects.visible_to(by).for_transition().filter(pk__in=keys)}
    decisions = [
        Decision(seen[row["entry"]], row["do"], row["version"], row["comment"]) for row in rows if row["entry"] in seen
    ]
    answers = [told(outcome) for outcome in decide_all(decisions, by=by)]
    gone = _("This entry is not waiting for your review.")
    answers += [{"entry": key, "outcome": "refused", "message": gone} for key in keys if key not in seen]
    return JsonResponse({"rows": answers})


def is_sound(row: dict[str, Any]) -> bool:
    return row["do"] in (ACCEPT, RETURN, UNDO) and type(row["comment"]) is str


def told(outcome: Outcome) -> dict[str, Any]:
    entry = outcome.entry
    return {
        "entry": entry.pk,
        "outcome": outcome.kind,
        "version": entry.version,
        "state": entry.state,
        "word": entry.get_state_display(),
        "undo": outcome.done and entry.state in UNDONE.sources,
        "message": outcome.message,
    }


def held_up(body: Organization, on: dt.date) -> dict[str, Any]:
    """What waits too long at a body and below it, and at which bodies: the most first. Three queries."""
    counts = Entry.objects.waiting_long(on).waiting_below(body).by_decider()
    most = counts.most_common(BODIES_NAMED)
    bodies = Organization.objects.in_bulk([key for key, _n in most])
    return {
        "total": counts.total(),
        "more": counts.total() >= COUNTED,
        "bodies": [(bodies[key], n) for key, n in most],
        "others": len(counts) - len(most),
    }
