"""What every page stands on: masthead, signing in, the role acted in, language, health and refusals."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from tracker.demo import PASSWORD, PEOPLE
from tracker.middleware import ACTING, SignedIn
from tracker.models import Plan


def masthead(request: HttpRequest) -> dict[str, Any]:
    """The plan, the places a role can use and the memberships to switch between. At most three queries."""
    context: dict[str, Any] = {"demo": settings.DEMO, "languages": settings.LANGUAGES}
    user = getattr(request, "user", None)
    match = request.resolver_match
    if user is None or not user.is_authenticated or (match and match.app_name == "admin"):
        return context
    slug = match.kwargs.get("slug") if match else None
    plan = Plan.objects.filter(slug=slug).first() if slug else Plan.objects.first()
    places = [("home", reverse("home"), _("My reports") if user.may_log else _("Our organization"))]
    if user.may_review:
        places.append(("review", reverse("review"), _("Review")))
    if plan:
        places.append(("ledger", reverse("ledger", args=[plan.slug]), _("Ledger")))
        places.append(("plan", plan.get_absolute_url(), _("Plan")))
    if user.may_inspect:
        places.append(("admin", reverse("admin:index"), _("Back office")))
    at = {"area": "plan", "task": "plan", "tasks": "plan", "entry": "review" if user.may_review else "home"}
    here = (match.url_name or "") if match else ""
    return context | {
        "plan_named": plan,
        "places": places,
        "place": at.get(here, here),
        "memberships": list(user.memberships.select_related("organization")),
    }


def safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe else reverse("home")


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class Login(auth.LoginView):
    redirect_authenticated_user = True

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
        return super().form_valid(form)


@require_POST
def acting(request: SignedIn) -> HttpResponse:
    """Act in another of one's own memberships."""
    chosen = request.POST.get("membership", "")
    if not chosen.isdecimal() or len(chosen) > 18:
        return redirect("home")
    request.session[ACTING] = get_object_or_404(request.user.memberships, pk=chosen).pk
    return redirect("home")


@require_POST
@login_not_required
def language(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(safe_next(request))
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=31_536_000,
            httponly=True,
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
    return response


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers; for load balancers and start scripts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def refusal(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
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
    return render(request, "error.html", status=500)
