"""The inbox: what one is told. Reading is a POST."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from tracker.middleware import SignedIn
from tracker.models import Notice

SHOWN = 100


@require_safe
def notices(request: SignedIn) -> HttpResponse:
    mine = Notice.objects.visible_to(request.user)
    return render(request, "tracker/notices/notices.html", {"notices": mine[:SHOWN], "shown": SHOWN})


@require_POST
def read(request: SignedIn, pk: int) -> HttpResponse:
    """Read one, and go where it points."""
    if pk > 2**63 - 1:
        pk = 0
    notice = get_object_or_404(Notice.objects.visible_to(request.user), pk=pk)
    Notice.objects.filter(pk=notice.pk).read()
    return redirect(notice.url if url_has_allowed_host_and_scheme(notice.url, None) else "notices")


@require_POST
def read_all(request: SignedIn) -> HttpResponse:
    Notice.objects.visible_to(request.user).read()
    return redirect("notices")
