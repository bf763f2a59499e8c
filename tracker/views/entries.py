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

from tracker import access
from tracker.forms import DecisionForm, EntryForm
from tracker.middleware import SignedIn
from tracker.models import (
    Assignment,
    Blocker,
    Entry,
    EntryTally,
    Erasure,
    Event,
    Extension,
    Handing,
    InstructionReply,
    Milestone,
    Nudge,
    Organization,
    Period,
    State,
    TransitionRefused,
)
from tracker.models.periods import working_days_between
from tracker.tables import BehalfTable, page_of

from .evidence import Refused, change_files, files_context
from .milestones import shown_milestones
from .quoting import beneath_context
from .review import held_up

HANDED_SHOWN = 10
MATTERS_SHOWN = 5
NOTES_SHOWN = 5  # and one more, which says that there are more
COUNTED = 100  # completed ones; from here on there are "many"
OPEN = (State.RETURNED, State.DUE, State.DRAFT)


def home(request: SignedIn) -> HttpResponse:
    """What my organization owes in each open period, and how far it is; for those who see below, how far they are."""
    today, body = timezone.localdate(), request.user.organization
    periods = list(Period.objects.open_on(today).select_related("plan").order_by("plan", "-due", "-pk"))
    context: dict[str, Any] = {"body": body, "today": today}
    if body:
        owed = own_entries(body, periods)
        context["rounds"] = [
            as_round(period, [entry for entry in owed if entry.period_id == period.pk], today) for period in periods
        ]
        if request.user.may_sign:
            mine = Handing.objects.signable_by(request.user).waiting()
            context["handed"] = mine.count()
            context["handings"] = mine.with_place().order_by("assignment__task__position", "pk")[:HANDED_SHOWN]
        if request.user.may_hand_down:
            given = Handing.objects.given_by(body).come_back()
            context["come_back"] = list(given.values_list("assignment__task__plan__slug", flat=True))
        if request.user.sees_below:
            context["below"] = [(period, EntryTally.totals(period, body)) for period in periods]
    waiting_notes = InstructionReply.objects.waiting_for(request.user).in_order(today)
    context["instructed"] = waiting_notes.with_place()[: NOTES_SHOWN + 1]
    if request.user.may_instruct:
        news = InstructionReply.objects.news_for(request.user, today)
        context["instruction_news"] = news.with_place()[: NOTES_SHOWN + 1]
    if request.user.may_answer:
        context["urged"] = Nudge.objects.waiting_for(request.user).with_names()[:3]
        context["answers"] = Blocker.objects.asked_for(request.user).unread().with_place()[:MATTERS_SHOWN]
    if request.user.may_coordinate:
        asked = Blocker.objects.answerable_by(request.user)
        context["asked"] = asked.count()
        context["matters"] = asked.in_order().with_place()[:MATTERS_SHOWN]
    if request.user.may_log:
        context["behalf"] = Entry.objects.on_behalf_by(request.user).owed_on(today).count()
    if request.user.may(access.SIGN_OFF):
        context["to_sign_off"] = Entry.objects.to_sign_off(request.user)
    elif request.user.may_review:
        waiting = Entry.objects.reviewable_by(request.user)
        context |= {"waiting": waiting.count(), "waiting_long": waiting.waiting_long(today).count()}
    if body and request.user.sees_below and request.user.may_urge:
        context["held_up"] = held_up(body, today)
    context["to_decide"] = Extension.objects.waiting().decidable_by(request.user).count()
    context["to_strike_off"] = Assignment.objects.supervised_by(request.user).to_strike_off()[:COUNTED].count()
    if request.user.may(access.ERASE):
        context["erasures"] = Erasure.objects.agreeable_by(request.user).count()
    if not periods:
        upcoming = Period.objects.filter(opened_at=None, locks__gte=today).order_by("opens")
        context["next_period"] = upcoming.first()
    return render(request, "tracker/home.html", context)


def on_behalf(request: SignedIn) -> HttpResponse:
    """What the bodies directly below owe that have no reporter of their own, and I may report for (代报)."""
    owed = Entry.objects.on_behalf_by(request.user).owed_on(timezone.localdate())
    rows = owed.select_related("assignment__task__plan", "assignment__organization__parent", "period")
    table = page_of(BehalfTable(rows.defer(*Entry.TEXTS)), request.GET)
    return render(request, "tracker/on_behalf.html", {"table": table, "found": table.paginator.count})


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
        "to_write": len(by_state[State.RETURNED]) + len(by_state[State.DUE]) + len(by_state[State.DRAFT]),
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
    refused_files = change_files(request, entry)
    ready = form.is_valid() and not refused_files
    if not ready or (action == "submit" and not form.looks_clean(entry.file_names())):
        return entry_page(request, entry, form=form, refused_files=refused_files, status=422)
    version, content = form.cleaned_data["version"], form.content
    try:
        (entry.submit if action == "submit" else entry.save_draft)(by=request.user, version=version, **content)
    except ValidationError as error:
        form.add_refusal(error)
        return entry_page(request, entry, form=form, status=422)
    except TransitionRefused as refused:
        stands = Entry.objects.for_transition().select_related("saved_by").get(pk=entry.pk)
        asked = {"submitted": action == "submit", "by": request.user, "version": version}
        if refused.code == "stale" and stands.has_already(**asked, **content):
            return redirect("home" if action == "submit" else entry)
        form.add_error(None, refused.message)
        form.data = {**request.POST.dict(), "version": str(stands.version)}
        return entry_page(request, stands, form=form, stands=stands, status=409)
    if action == "save":
        messages.success(request, _("Draft saved. It is not submitted yet."))
        return redirect(entry)
    messages.success(request, submitted_words(entry))
    return redirect("on_behalf" if entry.proxy else "home")


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
        "accept": _("Accepted.") if entry.state == State.ACCEPTED else _("Signed off."),
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
    refused_files: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    user = request.user
    request.plan_slug = entry.assignment.task.plan.slug
    mine = Entry.objects.editable_by(user).filter(pk=entry.pk).exists()
    if form is None and mine and entry.can_write:
        form = EntryForm(entry=entry)
    steps = shown_milestones(Milestone.objects.of(entry.assignment), user, entry.period.span)
    deciding = entry.state == State.SUBMITTED and Entry.objects.reviewable_by(user).filter(pk=entry.pk).exists()
    context = {
        "behalf": entry.assignment.organization
        if mine and entry.assignment.organization != user.organization
        else None,
        "entry": entry,
        "task": entry.assignment.task,
        "assignment": entry.assignment,
        "form": form,
        "decision": decision or DecisionForm(initial={"version": entry.version}),
        "stands": stands,
        "matters": Blocker.objects.visible_to(user).beside(entry),
        "previous": entry.previous(),
        "milestones": steps,
        "due_now": any(step.due_now and not step.reached_on for step in steps),
        "dates": Assignment.objects.dated_by(user).filter(pk=entry.assignment_id).exists(),
        "mine": mine,
        "deciding": deciding,
        "can_withdraw": mine and entry.can_withdraw,
        "can_reopen": entry.can_reopen(user),
        "can_undo": entry.can_undo(user),
        "locked": mine and entry.state in OPEN and not entry.can_write,
        "events": Event.objects.filter(entry=entry).told(),
        "refused_files": refused_files,
        "may_ask_erasure": user.may(access.ASK_ERASURE),
        **files_context(entry, user, can_change=form is not None),
        **beneath_context(entry, user, request.GET),
    }
    return render(request, "tracker/entry.html", context, status=status)
