"""Briefs (通报代拟稿): the list of them and drafting one, one as a page, and as a Word file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from reports.briefs import told
from reports.word import word_file
from tracker import access
from tracker.forms import BriefForm, BriefWithdrawalForm, is_key
from tracker.middleware import SignedIn
from tracker.models import Brief, Plan, TransitionRefused
from tracker.models.audit import Sent

from .files import as_file, demo_notice

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PER_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def briefs(request: SignedIn, slug: str) -> HttpResponse:
    """Those in scope, the newest first; and for who may, drafting another."""
    plan = get_object_or_404(Plan, slug=slug)
    if request.method != "POST":
        return briefs_page(request, plan, BriefForm(plan=plan, user=request.user))
    form = BriefForm(request.POST, plan=plan, user=request.user)
    if not form.is_valid():
        return briefs_page(request, plan, form, status=422)
    try:
        made = Brief.objects.draft(**form.cleaned_data, by=request.user)
    except TransitionRefused as refused:
        form.add_error(None, refused.message)
        return briefs_page(request, plan, form, status=409)
    messages.success(request, _("Drafted. It stays as it is; whatever changes from now on is not in it."))
    return redirect(made)


def briefs_page(request: SignedIn, plan: Plan, form: BriefForm, *, status: int = 200) -> HttpResponse:
    rows = Brief.objects.visible_to(request.user).of(plan).with_place().defer("figures")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"plan": plan, "page": page, "form": form if request.user.may(access.BRIEF) else None}
    return render(request, "reports/briefs/briefs.html", context, status=status)


def found(request: SignedIn, slug: str, pk: int) -> Brief:
    rows = Brief.objects.visible_to(request.user).with_place()
    return get_object_or_404(rows, period__plan__slug=slug, pk=pk if is_key(str(pk)) else 0)


@require_http_methods(["GET", "HEAD", "POST"])
def brief(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    row = found(request, slug, pk)
    if request.method != "POST":
        return brief_page(request, row, BriefWithdrawalForm())
    form = BriefWithdrawalForm(request.POST)
    if not form.is_valid():
        return brief_page(request, row, form, status=422)
    try:
        row.withdraw(form.cleaned_data["reason"], by=request.user)
    except ValidationError as error:
        form.add_refusal(error)
        return brief_page(request, row, form, status=422)
    except TransitionRefused as refused:
        form.add_error(None, refused.message)
        row.refresh_from_db()
        return brief_page(request, row, form, status=409)
    messages.success(request, _("Withdrawn. It can still be read; its Word file is not given out any more."))
    return redirect(row)


def brief_page(request: SignedIn, row: Brief, form: BriefWithdrawalForm, *, status: int = 200) -> HttpResponse:
    may = Brief.objects.withdrawable_by(request.user).filter(pk=row.pk).exists()
    context: dict[str, Any] = {
        "plan": row.period.plan,
        "brief": row,
        "told": told(row),
        "form": form if may or form.errors else None,
    }
    return render(request, "reports/briefs/brief.html", context, status=status)


@require_safe
def brief_docx(request: SignedIn, slug: str, pk: int) -> HttpResponse | StreamingHttpResponse:
    """The same words as the page; what is withdrawn leaves no more."""
    row = found(request, slug, pk)
    if row.withdrawn_at:
        messages.error(request, _("This brief is withdrawn, so its Word file is not given out. Draft another."))
        return redirect(row)
    content = word_file(told(row), made_at=row.as_of, notice=demo_notice())
    sent = Sent(request, brief=row.pk)
    file = sent.logged(piece for [piece] in sent.counted([[content]]))
    at = f"{timezone.localtime(row.as_of):%Y%m%d-%H%M}"
    name = "_".join([_("brief (draft)"), row.figures["body"]["name"], row.period.code, at])
    return as_file(file, f"{name}.docx", DOCX)
