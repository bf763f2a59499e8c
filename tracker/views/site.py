"""What every page stands on: masthead, signing in, the role acted in, language, health and refusals."""

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from tracker import access
from tracker.demo import PASSWORD, PEOPLE
from tracker.forms import SignInForm
from tracker.middleware import ACTING, API, SignedIn, actable, told_in_json
from tracker.models import Assignment, Notice, Operation, Plan

CHOSEN = "plan"  # the session's key for the plan chosen where there are several
INSIDE = {
    "home": "entry sheet sign_off sign_off_print received matters matter instructions instruction instruction_new",
    "review": "phrases",
    "overview": "by_task by_body board figures figure timeline briefs brief comparison comparison_frozen",
    "plan": "area task tasks hand_down given given_task",
}
SECTION_OF = {page: section for section, pages in INSIDE.items() for page in pages.split()}


def plan_at_hand(request: HttpRequest, plans: list[Plan]) -> Plan | None:
    """The page's own plan, else the one chosen, else the newest begun in which one's body has something to do."""
    named = getattr(request, "plan_slug", "")
    if request.resolver_match:
        named = request.resolver_match.kwargs.get("slug") or named
    slug, today = named or request.session.get(CHOSEN), timezone.localdate()
    fitting = [plan for plan in plans if plan.slug == slug] or [plan for plan in plans if plan.start <= today]
    if len(fitting) > 1:
        duties = Assignment.objects.live().filter(organization=cast(SignedIn, request).user.organization)
        busy = set(duties.order_by().values_list("task__plan", flat=True).distinct())
        fitting = [plan for plan in fitting if plan.pk in busy] or fitting
    return next(iter(fitting or plans), None)


def masthead(request: HttpRequest) -> dict[str, Any]:
    """The plan, the sections a role can use and the memberships to switch between. At most four queries."""
    context: dict[str, Any] = {"demo": settings.DEMO, "languages": settings.LANGUAGES}
    user = getattr(request, "user", None)
    match = request.resolver_match
    if user is None or not user.is_authenticated or (match and match.app_name == "admin"):
        return context
    plans = list(Plan.objects.only("slug", "title", "start"))
    plan = plan_at_hand(request, plans)
    sections = [("home", reverse("home"), _("My reports") if user.may_log else _("Our organization"))]
    if user.may_review:
        sections.append(("review", reverse("review"), _("Review")))
    if plan and user.may(access.READ):
        sections.append(("ledger", reverse("ledger", args=[plan.slug]), _("Ledger")))
        sections.append(("overview", reverse("overview", args=[plan.slug]), _("Overview")))
        sections.append(("plan", plan.get_absolute_url(), _("Plan")))
    if user.may_inspect:
        sections.append(("admin", reverse("admin:index"), _("Back office")))
    here = (match.url_name or "") if match else ""
    return context | {
        "plan_named": plan,
        "plans": plans,
        "sections": sections,
        "section": "review" if here == "entry" and user.may_review else SECTION_OF.get(here, here),
        "unread": Notice.objects.visible_to(user).unread()[:100].count(),
        "memberships": list(user.may_act_in(timezone.localdate()).select_related("organization", "person")),
    }


def safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe else reverse("home")


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class Login(auth.LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """The role chosen last on this computer is acted in again, if it is this person's still."""
        answer = super().form_valid(form)
        chosen = self.request.COOKIES.get(ACTING, "")
        if chosen and (membership := actable(form.get_user(), chosen)):
            self.request.session[ACTING] = membership.pk
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        offered = {"people": PEOPLE, "password": PASSWORD} if settings.DEMO else {}
        return super().get_context_data(**kwargs) | offered


class Logout(auth.LogoutView):
    pass


class Password(auth.PasswordChangeView):
    template_name = "registration/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password has been changed."))
        with transaction.atomic():
            told: Any = {"target": str(self.request.user), "did": "changed", "model": "user", "fields": ["password"]}
            Operation.record(Operation.Action.ACCOUNT, self.request, **told)
            return super().form_valid(form)


@require_POST
def acting(request: SignedIn) -> HttpResponse:
    """Act in another of one's own memberships, or in one deputized for; remembered for the next sign-in."""
    chosen = request.POST.get("membership", "")
    if not chosen.isdecimal() or len(chosen) > 18:
        return redirect("home")
    membership = actable(request.user, chosen)
    if membership is None:
        raise Http404
    request.session[ACTING] = membership.pk
    response = redirect("home")
    remember(response, ACTING, str(membership.pk), secure=settings.SESSION_COOKIE_SECURE)
    return response


def remember(response: HttpResponse, name: str, value: str, *, secure: bool) -> None:
    """For a year, in this browser."""
    response.set_cookie(name, value, max_age=31_536_000, httponly=True, samesite="Lax", secure=secure)


@require_POST
def choose_plan(request: SignedIn) -> HttpResponse:
    """Work in another plan from here on: its ledger where one came from a ledger, else its first page."""
    plan = {plan.slug: plan for plan in Plan.objects.only("slug")}.get(request.POST.get("plan", ""))
    if plan is None:
        raise Http404
    request.session[CHOSEN] = plan.slug
    return redirect("ledger" if request.POST.get("place") == "ledger" else "plan", plan.slug)


@require_POST
@login_not_required
def language(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(safe_next(request))
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        remember(response, settings.LANGUAGE_COOKIE_NAME, chosen, secure=settings.LANGUAGE_COOKIE_SECURE)
    return response


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers; for load balancers and start scripts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def refusal(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    """A page that says so; for a program the same in JSON."""
    if request.path_info.startswith(API):
        return told_in_json(_("%(what)s. %(words)s") % {"what": title, "words": words}, status)
    return render(request, "refusal.html", {"title": title, "words": words}, status=status)


@login_not_required
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(
        request,
        400,
        _("This request cannot be understood"),
        _("Check the address, or send less at once. Nothing was changed."),
    )


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(
        request, 403, _("This is not yours to do"), _("Your role does not allow it. Ask your administrator.")
    )


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return refusal(
        request,
        403,
        _("This page had been open too long"),
        _("Go back, copy what you wrote, reload the page and send it again. Nothing was changed."),
    )


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(
        request,
        404,
        _("There is nothing here for you"),
        _("The address is wrong, or what it names lies outside your organization’s scope."),
    )


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith(API):
        return told_in_json(_("Something went wrong on our side"), 500)
    return render(request, "error.html", status=500)
