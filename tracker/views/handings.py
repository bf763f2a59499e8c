"""Handing down: choosing and counting first, signing for it, and how far what was handed down has come."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from tracker.forms import GivenForm, HandDownForm, ShareForm, SigningForm, is_key
from tracker.forms.handings import CHOSEN, OURSELVES, SHARED
from tracker.middleware import SignedIn
from tracker.models import Figure, Handing, HandingState, Plan, Task

PER_PAGE, ANSWERED_SHOWN = 100, 20


def page_of_handings(request: SignedIn, handings: Any, *, per_page: int = PER_PAGE) -> Any:
    return Paginator(handings.with_place(), per_page).get_page(request.GET.get("page"))


def chosen(request: SignedIn) -> list[str]:
    """The keys that were ticked; what cannot be one names nothing."""
    return [key for key in request.POST.getlist("handing")[: 2 * PER_PAGE] if is_key(key)]


# Handing down.


@require_http_methods(["GET", "HEAD", "POST"])
def hand_down(request: SignedIn, slug: str) -> HttpResponse:
    """The choice; what it would do, with the choice kept hidden; and, confirmed, the doing."""
    plan = get_object_or_404(Plan, slug=slug)
    if not request.user.may_hand_down or request.user.organization is None:
        raise PermissionDenied
    if request.method != "POST":
        initial: dict[str, Any] = {"tasks": request.GET.getlist("task")}
        if bodies := request.GET.getlist("body"):
            initial |= {"bodies": bodies, "reach": CHOSEN}
        return choosing(request, HandDownForm(user=request.user, plan=plan, initial=initial), plan)
    form = HandDownForm(request.POST, user=request.user, plan=plan)
    if "back" in request.POST or "find" in request.POST.getlist("action"):
        form.errors.clear()
        return choosing(request, form, plan)
    if not form.is_valid():
        return choosing(request, form, plan, status=422)
    sharing = share_form(request, form)
    if "confirm" in request.POST and (sharing is None or sharing.is_valid()):
        return carry_out(request, form, sharing, plan)
    if sharing and "recount" not in request.POST and "confirm" not in request.POST:
        sharing = share_form(request, form, blank=True)
    return counting(request, form, sharing, plan)


def share_form(request: SignedIn, form: HandDownForm, *, blank: bool = False) -> ShareForm | None:
    """Where one task with a target is handed to bodies that fit on a page."""
    tasks, bodies = form.cleaned_data["tasks"], form.receiving
    if len(tasks) != 1 or bodies.count() > SHARED:
        return None
    figures = list(Figure.objects.filter(tasks=tasks[0], target__isnull=False))
    reached = list(bodies.filter(level__in=tasks[0].levels).select_related("parent").order_by("code"))
    if not figures or not reached or form.cleaned_data["reach"] == OURSELVES:
        return None
    sharing = ShareForm(None if blank else request.POST, bodies=reached, figures=figures)
    if sharing.is_bound:
        sharing.is_valid()
    return sharing


def choosing(request: SignedIn, form: HandDownForm, plan: Plan, *, status: int = 200) -> HttpResponse:
    context = {"plan": plan, "form": form, "groups": form.task_groups(), "bodies": form.body_choices()}
    return render(request, "tracker/handings/choose.html", context, status=status)


def counting(request: SignedIn, form: HandDownForm, sharing: ShareForm | None, plan: Plan) -> HttpResponse:
    preview = form.cascade().preview(owe_now=form.cleaned_data["owe_now"])
    context = {"plan": plan, "form": form, "preview": preview, "sharing": sharing, "tasks": form.cleaned_data["tasks"]}
    status = 422 if sharing and sharing.errors else 200
    return render(request, "tracker/handings/preview.html", context, status=status)


def carry_out(request: SignedIn, form: HandDownForm, sharing: ShareForm | None, plan: Plan) -> HttpResponse:
    shares = {"figure": sharing.shared, "shares": sharing.shares} if sharing and sharing.shares else {}
    try:
        outcome = form.cascade(**shares).carry_out(by=request.user, owe_now=form.cleaned_data["owe_now"])
    except ValidationError as error:
        for name, lines in error.message_dict.items():
            form.add_error(name if name in form.fields else None, lines)
        return choosing(request, form, plan, status=422)
    if outcome.handed:
        words = ngettext("%d item is handed down.", "%d items are handed down.", outcome.handed) % outcome.handed
        messages.success(request, words)
    else:
        messages.info(request, _("Nothing was handed down: all of it is there already."))
    return redirect("given", plan.slug)


# Signing for it.


@require_http_methods(["GET", "HEAD", "POST"])
def received(request: SignedIn) -> HttpResponse:
    """What was handed down to my body: what waits for signing first, then what was answered."""
    if not request.user.may_sign:
        raise PermissionDenied
    if request.method != "POST":
        return received_page(request, SigningForm())
    form, keys = SigningForm(request.POST), chosen(request)
    if not form.is_valid():
        return received_page(request, form, keys=keys, status=422)
    if not keys:
        form.add_error(None, _("Tick what you sign for or send back."))
        return received_page(request, form, status=422)
    rows, given = Handing.objects.filter(pk__in=keys), dict(form.cleaned_data)
    comment = given.pop("comment")
    try:
        if request.POST.get("action") == "send_back":
            done = rows.send_back(by=request.user, comment=comment)
            words = ngettext(
                "%d item is sent back, with your reason.", "%d items are sent back, with your reason.", done
            )
        else:
            done = rows.sign(by=request.user, **given)
            words = ngettext("%d item is signed for.", "%d items are signed for.", done)
    except ValidationError as error:
        form.add_refusal(error)
        return received_page(request, form, keys=keys, status=422)
    if done:
        messages.success(request, words % done)
    if done < len(keys):
        tell_of_the_others(request, rows, len(keys) - done)
    return redirect("received")


def tell_of_the_others(request: SignedIn, rows: Any, left: int) -> None:
    if rows.signable_by(request.user).waiting().exists():
        words = _("Progress on %d of them was accepted already: sign for these, or ask the giver to take them back.")
    else:
        words = _("%d of them had been answered or taken back by somebody before you, and stay as they are.")
    messages.warning(request, words % left)


def received_page(
    request: SignedIn, form: SigningForm, *, keys: list[str] | None = None, status: int = 200
) -> HttpResponse:
    mine = Handing.objects.signable_by(request.user)
    ticked = set(map(int, keys or []))
    waiting = list(mine.waiting().with_place().order_by("assignment__task__position", "pk")[:PER_PAGE])
    for handing in waiting:
        handing.ticked = handing.pk in ticked  # type: ignore[attr-defined]
    answered = mine.exclude(state=HandingState.HANDED).order_by("-answered_at", "-pk")
    context = {
        "form": form,
        "waiting": waiting,
        "found": mine.waiting().count(),
        "page": page_of_handings(request, answered, per_page=ANSWERED_SHOWN),
        "on": set(handable_tasks(request)) if request.user.may_hand_down else set(),
    }
    return render(request, "tracker/handings/received.html", context, status=status)


def handable_tasks(request: SignedIn) -> Any:
    for plan in Plan.objects.all():
        yield from Handing.objects.handable(request.user, plan).values_list("pk", flat=True)


# What became of it.


def given(request: SignedIn, slug: str) -> HttpResponse:
    """Each task my body handed down: how many signed, wait, sent it back. Two queries."""
    plan = get_object_or_404(Plan, slug=slug)
    if not request.user.may_hand_down or request.user.organization is None:
        raise PermissionDenied
    mine = Handing.objects.given_by(request.user.organization)
    rows = list(counted(mine.filter(assignment__task__plan=plan)))
    tasks = Task.objects.in_bulk([row["assignment__task"] for row in rows])
    for row in rows:
        row["task"] = tasks[row["assignment__task"]]
        row["task"].plan = plan
    rows.sort(key=lambda row: row["task"].position)
    back = mine.come_back().filter(assignment__task__plan=plan).with_place()[:PER_PAGE]
    return render(request, "tracker/handings/given.html", {"plan": plan, "rows": rows, "back": back})


def counted(handings: Any) -> Any:
    states = {state: Count("pk", filter=Q(state=state)) for state in HandingState.values}
    return handings.order_by().values("assignment__task").annotate(last=Max("handed_at"), **states)


@require_http_methods(["GET", "HEAD", "POST"])
def given_task(request: SignedIn, slug: str, code: str) -> HttpResponse:
    """One task my body handed down: who signed, who waits (with the telephone), who sent it back and why."""
    task = get_object_or_404(Task.objects.select_related("plan"), plan__slug=slug, code=code)
    if not request.user.may_hand_down or request.user.organization is None:
        raise PermissionDenied
    mine = Handing.objects.given_by(request.user.organization).filter(assignment__task=task)
    if not mine.exists():
        return redirect("given", slug)
    if request.method != "POST":
        return given_page(request, task, mine, GivenForm())
    return change_given(request, task, mine, GivenForm(request.POST))


def change_given(request: SignedIn, task: Task, mine: Any, form: GivenForm) -> HttpResponse:
    """Take back, or move the date: the latter counts first whom else it would reach."""
    keys, action = chosen(request), request.POST.get("action", "")
    rows = mine.live() if "all" in request.POST else mine.live().filter(pk__in=keys)
    if not form.is_valid():
        return given_page(request, task, mine, form, keys=keys, status=422)
    if not rows.exists():
        form.add_error(
            None, _("Tick the organizations first. What was answered or taken back meanwhile stays as it is.")
        )
        return given_page(request, task, mine, form, keys=keys, status=422)
    due, comment = form.cleaned_data["due"], form.cleaned_data["comment"]
    if action == "due":
        moving = {"rows": rows.count(), "beneath": rows.beneath().count(), "due": due or task.due}
        return given_page(request, task, mine, form, keys=keys, moving=moving)
    try:
        if action == "move":
            done = rows.move_due(due, by=request.user, carry="carry" in request.POST)
            words = ngettext("%d assignment has another due date.", "%d assignments have another due date.", done)
        else:
            done = rows.withdraw(by=request.user, comment=comment)
            words = ngettext("Taken back from %d organization.", "Taken back from %d organizations.", done)
    except ValidationError as error:
        form.add_refusal(error)
        return given_page(request, task, mine, form, keys=keys, status=422)
    messages.success(request, words % done)
    return redirect("given_task", task.plan.slug, task.code)


def given_page(
    request: SignedIn,
    task: Task,
    mine: Any,
    form: GivenForm,
    *,
    keys: list[str] | None = None,
    moving: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    state = request.GET.get("state", "")
    rows = mine.filter(state=state) if state in HandingState.values else mine
    counts = mine.counts()
    page = page_of_handings(request, rows.order_by("assignment__organization__path", "-pk"))
    ticked = set(map(int, keys or []))
    for handing in page.object_list:
        handing.ticked = handing.pk in ticked
    context = {
        "task": task,
        "plan": task.plan,
        "form": form,
        "page": page,
        "state": state,
        "states": [(choice, counts[choice]) for choice in HandingState],
        "keys": keys or [],
        "all": "all" in request.POST,
        "moving": moving,
    }
    return render(request, "tracker/handings/given_task.html", context, status=status)
