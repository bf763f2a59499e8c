"""What I owe, and logging it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tracker.forms import DecisionForm, EntryForm
from tracker.middleware import SignedIn
from tracker.models import Entry, EntryTally, Event, Organization, Period, State, TransitionRefused
from tracker.models.periods import working_days_between

OPEN = (State.RETURNED, State.DUE, State.DRAFT)


def home(request: SignedIn) -> HttpResponse:
    """What my organization owes in each open period, and how far it is; for those who see below, how far they are."""
    today, body = timezone.localdate(), request.user.organization
    periods = list(Period.objects.open_on(today).select_related("plan"))
    context: dict[str, Any] = {"body": body, "today": today}
    if body:
        owed = own_entries(body, periods)
        context["rounds"] = [
            as_round(period, [entry for entry in owed if entry.period_id == period.pk], today) for period in periods
        ]
        if request.user.sees_below:
            context["below"] = [(period, EntryTally.totals(period, body)) for period in periods]
    if request.user.may_review:
        context["waiting"] = Entry.objects.reviewable_by(request.user).count()
    if not periods:
        upcoming = Period.objects.filter(opened_at=None, locks__gte=today).order_by("opens")
        context["next_period"] = upcoming.first()
    return render(request, "tracker/home.html", context)


def own_entries(body: Organization, periods: list[Period]) -> list[Entry]:
    """One query; the long texts stay in the database."""
    entries = Entry.objects.filter(assignment__organization=body, period__in=periods)
    entries = entries.select_related("assignment__task__heading__area", "decided_by")
    entries = entries.defer("progress", "problems", "next_steps", "assignment__standard")
    return list(entries.order_by("assignment__task__position"))


def as_round(period: Period, entries: list[Entry], today: dt.date) -> dict[str, Any]:
    """One period's counts and lists. Owed excludes excused (rule 1)."""
    by_state = {state: [entry for entry in entries if entry.state == state] for state in State}
    owed = len(entries) - len(by_state[State.EXCUSED])
    reported = len(by_state[State.SUBMITTED]) + len(by_state[State.ACCEPTED])
    return {
        "period": period,
        "owed": owed,
        "reported": reported,
        "returned": by_state[State.RETURNED],
        "open": [entry for entry in entries if entry.state in (State.DUE, State.DRAFT)],
        "done": [entry for entry in entries if entry.state in (State.SUBMITTED, State.ACCEPTED)],
        "counts": [
            (state.label, len(by_state[state]))
            for state in (State.ACCEPTED, State.SUBMITTED, State.DRAFT, State.RETURNED, State.DUE, State.EXCUSED)
            if by_state[state]
        ],
        "working_days": working_days_between(today, period.due) if today <= period.due else 0,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def entry(request: SignedIn, pk: int) -> HttpResponse:
    """Read an entry; log it, or decide on it, by the one transition its buttons name."""
    if pk > 2**63 - 1:
        pk = 0
    entry = get_object_or_404(Entry.objects.visible_to(request.user).for_transition(), pk=pk)
    if request.method != "POST":
        return entry_page(request, entry)
    action = request.POST.get("action", "")
    if action in ("save", "submit"):
        return log(request, entry, action)
    return decide(request, entry, action)


def log(request: SignedIn, entry: Entry, action: str) -> HttpResponse:
    """Save or submit. Refused: the same page with what was typed, and what stands on the row beside it."""
    form = EntryForm(request.POST, entry=entry)
    if not form.is_valid():
        return entry_page(request, entry, form=form, status=422)
    version, content = form.cleaned_data["version"], form.content
    try:
        (entry.submit if action == "submit" else entry.save_draft)(by=request.user, version=version, **content)
    except ValidationError as error:
        form.add_refusal(error)
        return entry_page(request, entry, form=form, status=422)
    except TransitionRefused as refused:
        stands = Entry.objects.for_transition().select_related("saved_by").get(pk=entry.pk)
        if refused.code == "stale" and is_same_submission(request, stands, version, action, content):
            return redirect("home" if action == "submit" else entry)
        form.add_error(None, refused.message)
        form.data = {**request.POST.dict(), "version": str(stands.version)}
        return entry_page(request, stands, form=form, stands=stands, status=409)
    if action == "save":
        messages.success(request, _("Draft saved. It is not submitted yet."))
        return redirect(entry)
    messages.success(request, submitted_words(entry))
    return redirect("home")


def is_same_submission(request: SignedIn, stands: Entry, version: int, action: str, content: dict[str, Any]) -> bool:
    """A double click: the first of the two did what the second asks, so there is nothing to refuse."""
    done = State.SUBMITTED if stands.assignment.task.plan.review != "none" else State.ACCEPTED
    return (
        stands.saved_by_id == request.user.pk
        and stands.state == (done if action == "submit" else State.DRAFT)
        and stands.version > version
        and all(getattr(stands, name) == value for name, value in content.items())
    )


def submitted_words(entry: Entry) -> str:
    code = entry.assignment.task.code
    if entry.state == State.ACCEPTED:
        return _("%(code)s is submitted and counts.") % {"code": code}
    reviewer = entry.assignment.reviewing
    if reviewer is None:
        return _("%(code)s is submitted; your own leader reviews it.") % {"code": code}
    return _("%(code)s is submitted; %(reviewer)s reviews it.") % {"code": code, "reviewer": reviewer}


DECISIONS = {"withdraw", "accept", "return", "reopen", "undo"}


def decide(request: SignedIn, entry: Entry, action: str) -> HttpResponse:
    form = DecisionForm(request.POST)
    if action not in DECISIONS or not form.is_valid():
        return entry_page(request, entry, decision=form, status=422)
    version, comment = form.cleaned_data["version"], form.cleaned_data["comment"]
    said = {"comment": comment} if action in ("accept", "return", "reopen") else {}
    method = {"return": "return_"}.get(action, action)
    try:
        getattr(entry, method)(by=request.user, version=version, **said)
    except ValidationError as error:
        form.add_refusal(error)
        return entry_page(request, entry, decision=form, status=422)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
        still = Entry.objects.visible_to(request.user).filter(pk=entry.pk).exists()
        return redirect(entry if still else "review")
    words = {
        "withdraw": _("Withdrawn. You can change it and submit again."),
        "accept": _("Accepted."),
        "return": _("Returned, with your reason."),
        "reopen": _("Reopened for correction."),
        "undo": _("Taken back. It waits for a decision again."),
    }
    messages.success(request, f"{entry.assignment}：{words[action]}")
    if action in ("accept", "return"):
        following = Entry.objects.reviewable_by(request.user).in_review_order().first()
        return redirect(following or "review")
    return redirect(entry)


def entry_page(
    request: SignedIn,
    entry: Entry,
    *,
    form: EntryForm | None = None,
    decision: DecisionForm | None = None,
    stands: Entry | None = None,
    status: int = 200,
) -> HttpResponse:
    user = request.user
    mine = Entry.objects.editable_by(user).filter(pk=entry.pk).exists()
    if form is None and mine and entry.can_write:
        form = EntryForm(entry=entry)
    deciding = entry.state == State.SUBMITTED and Entry.objects.reviewable_by(user).filter(pk=entry.pk).exists()
    context = {
        "entry": entry,
        "task": entry.assignment.task,
        "assignment": entry.assignment,
        "form": form,
        "decision": decision or DecisionForm(initial={"version": entry.version}),
        "stands": stands,
        "previous": entry.previous(),
        "mine": mine,
        "deciding": deciding,
        "can_withdraw": mine and entry.can_withdraw,
        "can_reopen": entry.can_reopen(user),
        "can_undo": entry.can_undo(user),
        "locked": mine and entry.state in OPEN and not entry.can_write,
        "events": Event.objects.filter(entry=entry).told(),
    }
    return render(request, "tracker/entry.html", context, status=status)
