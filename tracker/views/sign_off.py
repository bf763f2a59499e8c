"""Sign-off (审签): a body's own leader sees a period's whole set, signs it in one action; and its sheet on paper."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from tracker.forms import DecisionForm, SignOffForm, is_key
from tracker.middleware import SignedIn
from tracker.models import Entry, Event, Period, State, TransitionRefused, User
from tracker.models.tallies import tallying

SIGN, SIGN_ALL, RETURN = "sign", "sign_all", "return"


class Waiting(NamedTuple):
    """One entry at the leader's step."""

    entry: Entry
    last: Entry | None  # what was reported the period before
    form: DecisionForm | None  # the version seen, and a reason to return it; none for who does not decide on it
    chosen: bool
    faults: list[str]


@require_http_methods(["GET", "HEAD", "POST"])
def sign_off(request: SignedIn, slug: str, code: str) -> HttpResponse:
    period = get_object_or_404(Period.objects.select_related("plan"), plan__slug=slug, code=code)
    if request.method != "POST":
        return sign_off_page(request, period)
    act, _dash, one = request.POST.get("do", "").partition("-")
    if act == RETURN:
        return return_one(request, period, one)
    return sign(request, period, everything=act == SIGN_ALL)


def sign_off_page(
    request: SignedIn,
    period: Period,
    *,
    form: SignOffForm | None = None,
    faults: dict[int, list[str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    """As many queries for a hundred entries as for one. Refused, with what was typed and chosen."""
    entries = list(Entry.objects.of_own_body(request.user, period))
    owed = [entry for entry in entries if entry.state != State.EXCUSED]
    missing = [entry for entry in owed if entry.state in (State.DUE, State.DRAFT, State.RETURNED)]
    waiting = waiting_rows(request, period, [entry for entry in owed if entry.awaits_leader], faults or {})
    context = {
        "period": period,
        "body": request.user.organization,
        "today": timezone.localdate(),
        "owed": len(owed),
        "reported": len(owed) - len(missing),
        "excused": len(entries) - len(owed),
        "counts": counted(entry for entry in owed if not entry.awaits_leader),
        "waiting": waiting,
        "mine": sum(row.form is not None for row in waiting),
        "missing": missing,
        "done": [entry for entry in owed if entry not in missing and not entry.awaits_leader],
        "signs": any(entry.at_leader or entry.is_signed for entry in owed),
        "form": form or SignOffForm(),
    }
    return render(request, "tracker/sign_off/sign_off.html", context, status=status)


def waiting_rows(
    request: SignedIn, period: Period, entries: list[Entry], faults: dict[int, list[str]]
) -> list[Waiting]:
    decided = Entry.objects.filter(pk__in=[entry.pk for entry in entries]).reviewable_by(request.user)
    mine = set(decided.values_list("pk", flat=True))
    last = Entry.objects.filter(pk__in=[entry.pk for entry in entries]).reported_before(period)
    chosen, rows = request.POST.getlist("chosen"), []
    for entry in entries:
        form = None
        if entry.pk in mine:
            typed = request.POST.get(f"{prefix(entry)}-comment", "")
            form = DecisionForm(prefix=prefix(entry), initial={"version": entry.version, "comment": typed})
        before = last.get(entry.assignment_id)
        rows.append(Waiting(entry, before, form, str(entry.pk) in chosen, faults.get(entry.pk, [])))
    return rows


def counted(entries: Iterable[Entry]) -> list[tuple[str, int]]:
    states = Counter(entry.state for entry in entries)
    order = (State.ACCEPTED, State.SUBMITTED, State.DRAFT, State.RETURNED, State.DUE)
    return [(str(state.label), states[state]) for state in order if states[state]]


def prefix(entry: Entry) -> str:
    return f"e{entry.pk}"


# What is decided.


def sign(request: SignedIn, period: Period, *, everything: bool) -> HttpResponse:
    """Sign the chosen entries, or all that the page showed, each in the version seen; what is refused is named."""
    form = SignOffForm(request.POST)
    asked = {}
    for entry in Entry.objects.of_own_body(request.user, period):
        seen = DecisionForm(request.POST, prefix=prefix(entry))
        if (everything or str(entry.pk) in request.POST.getlist("chosen")) and not seen.has_error("version"):
            asked[entry] = seen.cleaned_data["version"]
    if not asked:
        form.add_error(None, _("Choose at least one item to sign off."))
    if not form.is_valid():
        return sign_off_page(request, period, form=form, status=422)
    try:
        signed, refused = sign_all(request, asked, form.cleaned_data["comment"])
    except ValidationError as error:
        form.add_refusal(error)
        return sign_off_page(request, period, form=form, status=422)
    if signed:
        told = ngettext("%(n)d item signed off.", "%(n)d items signed off.", signed)
        messages.success(request, told % {"n": signed})
    for words, codes in refused.items():
        messages.error(request, named(codes, words))
    return redirect("sign_off", period.plan.slug, period.code)


def named(codes: list[str], why: str) -> str:
    return _("%(codes)s: %(why)s") % {"codes": ", ".join(codes), "why": why}


def sign_all(request: SignedIn, asked: dict[Entry, int], comment: str) -> tuple[int, dict[str, list[str]]]:
    """Each by its own transition, in one transaction that counts once; in the order of their keys, so that two who
    sign the same never wait for each other in a ring. Returns how many went, and the codes refused by sentence."""
    signed, refused, at = 0, dict[str, list[str]](), timezone.now()
    with tallying():
        for entry, version in sorted(asked.items(), key=lambda pair: pair[0].pk):
            try:
                entry.accept(by=request.user, version=version, comment=comment, at=at)
                signed += 1
            except TransitionRefused as refusal:
                refused.setdefault(refusal.message, []).append(entry.assignment.task.code)
    return signed, refused


def return_one(request: SignedIn, period: Period, key: str) -> HttpResponse:
    """Return a single entry with the reason written beside it."""
    rows = Entry.objects.of_own_body(request.user, period)
    entry = get_object_or_404(rows, pk=int(key) if is_key(key) else 0)
    form = DecisionForm(request.POST, prefix=prefix(entry))
    said = SignOffForm(initial={"comment": request.POST.get("comment", "")})
    try:
        if form.is_valid():
            entry.return_(by=request.user, **form.cleaned_data)
    except ValidationError as error:
        form.add_refusal(error)
    except TransitionRefused as refused:
        messages.error(request, named([entry.assignment.task.code], refused.message))
        return sign_off_page(request, period, form=said, status=409)
    if form.errors:
        faults = {entry.pk: [str(line) for lines in form.errors.values() for line in lines]}
        return sign_off_page(request, period, form=said, faults=faults, status=422)
    messages.success(request, _("%(code)s is returned, with your reason.") % {"code": entry.assignment.task.code})
    return redirect("sign_off", period.plan.slug, period.code)


# On paper.


class Signature(NamedTuple):
    """One person's signatures on a sheet."""

    who: User
    items: int
    first: dt.datetime
    last: dt.datetime


def printed(request: SignedIn, slug: str, code: str) -> HttpResponse:
    """The sheet (审签表) on A4: what is reported, and under it who signed, or room to sign by hand."""
    period = get_object_or_404(Period.objects.select_related("plan"), plan__slug=slug, code=code)
    entries = [e for e in Entry.objects.of_own_body(request.user, period) if e.state != State.EXCUSED]
    signed = [entry for entry in entries if entry.is_signed]
    context = {
        "period": period,
        "body": request.user.organization,
        "entries": entries,
        "reported": sum(entry.state in (State.SUBMITTED, State.ACCEPTED) for entry in entries),
        "signed": len(signed),
        "signatures": signatures(signed),
        "opinions": opinions(signed),
    }
    return render(request, "tracker/sign_off/printed.html", context)


def signatures(signed: list[Entry]) -> list[Signature]:
    """Who signed how much, and when; who signed first stands first."""
    by_person: dict[User, list[dt.datetime]] = {}
    for entry in signed:
        assert entry.signed_by
        assert entry.signed_at
        by_person.setdefault(entry.signed_by, []).append(entry.signed_at)
    lines = [Signature(who, len(at), min(at), max(at)) for who, at in by_person.items()]
    return sorted(lines, key=lambda line: line.first)


def opinions(signed: Iterable[Entry]) -> list[str]:
    """What was said when these were signed, each once. One query."""
    said = Event.objects.filter(
        entry__in=[entry.pk for entry in signed],
        action__in=[Event.Action.SIGNED_OFF, Event.Action.ACCEPTED],
        by=F("entry__signed_by"),
        at=F("entry__signed_at"),
    )
    return list(dict.fromkeys(said.exclude(comment="").order_by("at", "pk").values_list("comment", flat=True)))
