"""Leaders' notes (批示): those that came to us, those we wrote, one of them, and writing one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tracker import access
from tracker.filters import InstructionFilter
from tracker.forms import InstructionAnswerForm, InstructionForm, InstructionWithdrawForm
from tracker.middleware import SignedIn
from tracker.models import Assignment, Instruction, InstructionReply, Organization, Task, TransitionRefused, User
from tracker.models.fields import refuse_unstorable
from tracker.models.instructions import addressable_by, guard_writing, subject
from tracker.tables import InstructionTable, page_of

BESIDE = 20  # notes on the page of what they are about


def notes_beside(of: Task | Organization | Assignment, user: User) -> dict[str, Any]:
    """What the page of a task, a body or an assignment says of notes, and where one is written. Three queries."""
    notes = Instruction.objects.visible_to(user).concerning(of).told_to(user)
    return {"notes": notes[:BESIDE], "write": address_to_write(of) if may_write_about(user, of) else ""}


def may_write_about(user: User, of: Task | Organization | Assignment) -> bool:
    try:
        guard_writing(of, user)
    except TransitionRefused:
        return False
    return True


def address_to_write(of: Task | Organization | Assignment) -> str:
    about = Instruction(**subject(of))
    named = {"plan": about.of_task.plan.slug, "task": about.of_task.code} if about.of_task else {}
    named |= {"organization": about.of_body.code} if about.of_body else {}
    return f"{reverse('instruction_new')}?{urlencode(named)}"


def sides(request: SignedIn) -> list[tuple[str, str, Any]]:
    """The lists this person has: key, what it is called, and its replies."""
    user, rows = request.user, InstructionReply.objects.all()
    found: list[tuple[str, str, Any]] = [("ours", _("To us"), rows.received_by(user))]
    if user.may_instruct:
        found.insert(0, ("given", _("From us"), rows.sent_by(user)))
    if user.sees_below:
        found.append(("scope", _("All we may see"), rows.visible_to(user)))
    return found


@require_safe
def instructions(request: SignedIn) -> HttpResponse:
    """One of the lists, overdue ones first; how many wait for an answer, and how many of them too long."""
    today, lists = timezone.localdate(), sides(request)
    named = {key: rows for key, _label, rows in lists}
    side = request.GET.get("side", "")
    side = side if side in named else lists[0][0]
    narrowed = InstructionFilter(request.GET, queryset=named[side])
    table = page_of(InstructionTable(narrowed.found.in_order(today).with_place()), request.GET)
    context = {
        "sides": [(key, label, rows.waiting().count()) for key, label, rows in lists],
        "side": side,
        "late": named[side].late(today).count(),
        "filter": narrowed,
        "table": table,
        "found": table.paginator.count,
    }
    return render(request, "tracker/instructions/instructions.html", context)


# Writing one.


def meant(request: SignedIn) -> Task | Organization | Assignment:
    """What the address names: a task (with its plan), a body, an assignment (both); nothing is one's own body."""
    plan, code, body = (request.GET.get(name, "") for name in ("plan", "task", "organization"))
    for text in (plan, code, body):
        try:
            refuse_unstorable(text)
        except ValidationError as error:
            raise Http404 from error
    user = request.user
    if not code:
        chosen = {"code": body} if body else {"pk": user.organization.pk if user.organization else 0}
        return get_object_or_404(addressable_by(user).select_related("parent"), **chosen)
    if not body:
        return get_object_or_404(Task.objects.live().with_place(), plan__slug=plan, code=code)
    bodies = addressable_by(user).order_by().values("pk")
    duties = Assignment.objects.live().with_place().filter(organization__in=bodies)
    return get_object_or_404(duties, task__plan__slug=plan, task__code=code, organization__code=body)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Write one: about what the address names, to the bodies ticked. Looking for more bodies keeps what was typed."""
    of, user = meant(request), request.user
    if request.method != "POST":
        near = of if isinstance(of, Organization) else of.organization if isinstance(of, Assignment) else None
        return new_page(request, of, InstructionForm(user=user, initial={"bodies": [near.code] if near else []}))
    form = InstructionForm(request.POST, user=user)
    if request.POST.get("action") == "find":
        looked = InstructionForm(initial=as_sent(form), user=user)
        return new_page(request, of, looked)
    if not form.is_valid() or not form.looks_clean():
        return new_page(request, of, form, status=422)
    try:
        note = Instruction.objects.write(of, form.cleaned_data["bodies"], by=user, **form.said)
    except ValidationError as error:
        form.add_refusal(error)
        return new_page(request, of, form, status=422)
    except TransitionRefused as refused:
        form.add_error(None, refused.message)
        return new_page(request, of, form, status=409)
    messages.success(request, _("Sent. It stands on the first page of each of these organizations until answered."))
    return redirect(note)


def as_sent(form: InstructionForm) -> dict[str, Any]:
    """What was typed so far, not looked over yet."""
    return {field.name: field.value() for field in form if field.name != "looked_through"}


def new_page(
    request: SignedIn, of: Task | Organization | Assignment, form: InstructionForm, *, status: int = 200
) -> HttpResponse:
    about = Instruction(**subject(of))
    if about.of_task:
        request.plan_slug = about.of_task.plan.slug
    context = {"note": about, "of": of, "form": form, "bodies": form.body_choices()}
    return render(request, "tracker/instructions/new.html", context, status=status)


# One of them.


@require_http_methods(["GET", "HEAD", "POST"])
def instruction(request: SignedIn, pk: int) -> HttpResponse:
    """Read it; mark it as read, answer it, mark an answer as read, withdraw it: the button says which."""
    if pk > 2**63 - 1:
        pk = 0
    note = get_object_or_404(Instruction.objects.visible_to(request.user).with_place(), pk=pk)
    if request.method != "POST":
        return instruction_page(request, note)
    action, key = request.POST.get("action", ""), request.POST.get("reply", "")
    if action == "withdraw":
        return withdraw(request, note)
    replies = InstructionReply.objects.visible_to(request.user).with_place().filter(instruction=note)
    row = replies.filter(pk=int(key)).first() if key.isascii() and key.isdecimal() and len(key) < 19 else None
    if row is None or action not in ("read", "answer", "see"):
        return instruction_page(request, note, status=422)
    if action == "answer":
        return answer(request, note, row)
    try:
        (row.read if action == "read" else row.see)(by=request.user)
    except TransitionRefused as refused:
        messages.error(request, refused.message)
    return redirect(note if action == "read" else "home")


def answer(request: SignedIn, note: Instruction, row: InstructionReply) -> HttpResponse:
    form = InstructionAnswerForm(request.POST, prefix=f"r{row.pk}")
    if not form.is_valid() or not form.looks_clean():
        return instruction_page(request, note, refused={row.pk: form}, status=422)
    try:
        row.reply(form.cleaned_data["answer"], by=request.user)
    except ValidationError as error:
        form.add_refusal(error)
        return instruction_page(request, note, refused={row.pk: form}, status=422)
    except TransitionRefused as refused:
        form.add_error(None, refused.message)
        return instruction_page(request, note, refused={row.pk: form}, status=409)
    messages.success(request, _("Answered. The organization the note came from will read it."))
    return redirect("home")


def withdraw(request: SignedIn, note: Instruction) -> HttpResponse:
    form = InstructionWithdrawForm(request.POST)
    try:
        if form.is_valid():
            note.withdraw(form.cleaned_data["reason"], by=request.user)
            messages.success(request, _("Withdrawn, with your reason. It stays in the lists."))
            return redirect(note)
    except ValidationError as error:
        form.add_refusal(error)
    except TransitionRefused as refused:
        form.add_error(None, refused.message)
        return instruction_page(request, note, withdrawal=form, status=409)
    return instruction_page(request, note, withdrawal=form, status=422)


def instruction_page(
    request: SignedIn,
    note: Instruction,
    *,
    refused: dict[int, Any] | None = None,
    withdrawal: InstructionWithdrawForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """What was typed stays in sight, also where it is not taken any more."""
    user, refused = request.user, refused or {}
    note = Instruction.objects.with_place().get(pk=note.pk)  # as it stands now
    if note.of_task:
        request.plan_slug = note.of_task.plan.slug
    own = InstructionReply.objects.filter(instruction=note)
    open_to_me = set(own.answerable_by(user).values_list("pk", flat=True))
    rows = list(InstructionReply.objects.visible_to(user).filter(instruction=note).with_place())
    for row in rows:
        form = refused.get(row.pk) or (InstructionAnswerForm(prefix=f"r{row.pk}") if row.pk in open_to_me else None)
        row.form = form  # type: ignore[attr-defined]
        row.taken = row.pk in open_to_me  # type: ignore[attr-defined]
    sent = bool(user.organization and note.sender_id == user.organization.pk and user.may_instruct)
    context = {
        "note": note,
        "replies": rows,
        "sent": sent,
        "withdrawal": withdrawal or (InstructionWithdrawForm() if sent and not note.withdrawn_at else None),
        "events": note.history(user),
        "seen": places_seen(note, user),
        "may_ask_erasure": user.may(access.ASK_ERASURE),
    }
    return render(request, "tracker/instructions/instruction.html", context, status=status)


def places_seen(note: Instruction, user: User) -> dict[str, bool]:
    """Whether this person may open the body and the assignment a note is about. Two queries at most."""
    body, duty = note.of_body, note.assignment
    return {
        "body": bool(body and Organization.objects.visible_to(user).filter(pk=body.pk).exists()),
        "assignment": bool(duty and Assignment.objects.visible_to(user).filter(pk=duty.pk).exists()),
    }
