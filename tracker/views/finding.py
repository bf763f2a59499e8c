"""Finding a body or a task: one box for both, and the suggestions under it and under every field that takes a body."""

from collections.abc import Iterator
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tracker.forms import FindForm
from tracker.middleware import SignedIn
from tracker.models import Organization, Task

SHOWN = 20  # of each kind, before one asks for more
PER_PAGE = 50
SUGGESTED_BODIES, SUGGESTED_TASKS = 8, 4
ORGANIZATIONS, TASKS = "organizations", "tasks"


def bodies_found(request: SignedIn, words: str) -> Any:
    found = Organization.objects.visible_to(request.user).search(words).best_first(words)
    return found.select_related("parent")


def tasks_found(words: str) -> Any:
    return Task.objects.search(words).best_first(words).select_related("plan", "heading__area__plan")


@require_safe
def find(request: SignedIn) -> HttpResponse:
    """Bodies in scope and tasks of every plan; the first of each, or with `of` all of one kind, in pages."""
    form = FindForm(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "q": request.GET.get("q", "").replace("\0", ""),
        "asked": "q" in request.GET,
    }
    if form.is_valid():
        words, of = form.cleaned_data["q"], request.GET.get("of")
        kinds = [of] if of in (ORGANIZATIONS, TASKS) else [ORGANIZATIONS, TASKS]
        rows = {ORGANIZATIONS: bodies_found(request, words), TASKS: tasks_found(words)}
        if len(kinds) == 1:
            context["page"] = Paginator(rows[kinds[0]], PER_PAGE).get_page(request.GET.get("page"))
            context[kinds[0]] = context["page"].object_list
        else:
            for kind in kinds:
                first = list(rows[kind][: SHOWN + 1])
                context |= {kind: first[:SHOWN], f"more_{kind}": len(first) > SHOWN}
        context["kinds"] = sorted(kinds, key=lambda kind: not context[kind])  # what was found stands first
    return render(request, "tracker/finding/find.html", context)


@require_safe
def suggestions(request: SignedIn) -> JsonResponse:
    """For the box in the masthead: where each leads."""
    form = FindForm(request.GET)
    if not form.is_valid():
        return answer([])
    words = form.cleaned_data["q"]
    bodies = suggested(bodies_found(request, words)[:SUGGESTED_BODIES])
    tasks = (
        {"text": task.wording, "code": task.code, "beside": task.plan.title, "url": task.get_absolute_url()}
        for task in tasks_found(words).filter(ended_on=None)[:SUGGESTED_TASKS]
    )
    return answer([*bodies, *tasks])


@require_safe
def organizations(request: SignedIn) -> JsonResponse:
    """For a field that takes a body: bodies in scope that are not closed. A code of one character is enough here."""
    form = FindForm(request.GET)
    form.fields["q"].min_length = None  # type: ignore[attr-defined]
    if not form.is_valid():
        return answer([])
    return answer(list(suggested(bodies_found(request, form.cleaned_data["q"]).open()[:SUGGESTED_BODIES])))


def suggested(bodies: Any) -> Iterator[dict[str, str]]:
    """`value` is what the field is given: the code, which is one body's, and the name, which a person reads."""
    for body in bodies:
        yield {
            "text": body.name,
            "code": body.code,
            "beside": body.parent.short if body.parent else "",
            "url": body.get_absolute_url(),
            "value": f"{body.code} {body.name}",
        }


def answer(results: list[dict[str, str]]) -> JsonResponse:
    return JsonResponse({"results": results}, headers={"Cache-Control": "no-store"})
