"""Opening a locked period for one body: an exception, with a reason, logged with each entry."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from tracker.forms import LetInForm
from tracker.middleware import SignedIn
from tracker.models import Organization, Period, TransitionRefused


@require_http_methods(["GET", "HEAD", "POST"])
def let_in(request: SignedIn, code: str, slug: str, period: str) -> HttpResponse:
    """How many items a body has not handed in; confirmed, all of them open until a day."""
    body = get_object_or_404(Organization.objects.visible_to(request.user).select_related("parent"), code=code)
    locked = get_object_or_404(
        Period.objects.exclude(opened_at=None).select_related("plan"), plan__slug=slug, code=period
    )
    unreported = locked.unreported(body)
    count = unreported.excusable_by(request.user).count()
    if not count and unreported.exists():
        raise Http404  # it is not theirs to open
    form = LetInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            count = locked.let_in(body, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_refusal(error)
        except TransitionRefused as refused:
            messages.error(request, refused.message)
            return redirect(request.path)
        else:
            words = ngettext("%(n)d item of %(body)s is open.", "%(n)d items of %(body)s are open.", count)
            messages.success(request, words % {"n": count, "body": body})
            return redirect(body)
    context = {"body": body, "period": locked, "count": count, "form": form}
    return render(request, "tracker/periods/let_in.html", context, status=422 if form.errors else 200)
