"""Language by choice, not by browser; the membership a person acts in now; and programs that read with a token."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import get_resolver
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from tracker import access
from tracker.models import Membership, Operation, Token, User


class SignedIn(HttpRequest):
    """What a view gets behind LoginRequiredMiddleware: the user is a person of ours."""

    user: User
    plan_slug: str  # of what the page is about, where its address does not say


Next = Callable[[HttpRequest], HttpResponse]
API = "/api/"
ACTING = "acting"  # the session's key for the membership acted in


class LanguageMiddleware:
    """Chinese unless the person chose otherwise: office desktops often announce English without meaning it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            return response


class ActingMiddleware:
    """Sets the membership the session chose, if the person may still act in it; else forgets the choice.

    Asked at each request: a role taken away, or a deputy's last day, ends the acting in mid-session. No query without
    a choice.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.session.get(ACTING)
        if chosen and request.user.is_authenticated:
            membership = actable(request.user, chosen)
            if membership:
                request.user.acting = membership
            else:
                del request.session[ACTING]
        return self.get_response(request)


def actable(user: User, chosen: object) -> Membership | None:
    """The membership of this key, if the person may act in it today."""
    held = user.may_act_in(timezone.localdate()).select_related("organization", "person")
    key = str(chosen)
    return held.filter(pk=key).first() if key.isascii() and key.isdecimal() and len(key) < 19 else None


class TokenMiddleware:
    """Under `/api/` a token signs in for one request: the person, acting in the role it was made for.

    A person who is signed in may look without one. Nobody else is led to the login page, but told what is missing.
    After ActingMiddleware, so that no session's choice replaces the token's role.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(API):
            return self.get_response(request)
        header = request.headers.get("Authorization")
        why = sign_in_with(token_in(header), request) if header is not None else ""
        if not why and not request.user.is_authenticated:
            why = _("Send a token: “Authorization: Bearer …”. One is made on the page of your account.")
        response = told_in_json(why, 401) if why else self.get_response(request)
        if why:
            response.headers["WWW-Authenticate"] = 'Bearer realm="Luoshi", Basic realm="Luoshi", charset="UTF-8"'
        response.headers["Cache-Control"] = "private, no-cache"
        patch_vary_headers(response, ["Authorization", "Cookie"])
        return response


def told_in_json(words: str, status: int) -> JsonResponse:
    return JsonResponse({"error": words}, status=status, json_dumps_params={"ensure_ascii": False})


def token_in(header: str) -> str:
    """The token of an Authorization header: Bearer, or Basic with the token as the password, whatever the user name."""
    scheme, _blank, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2].strip()
    except (binascii.Error, ValueError):
        return ""


def sign_in_with(secret: str, request: HttpRequest) -> str:
    """Make the request the token's person's; or why not, which the operations log is told. The first use a day is
    logged as signing in, and noted with the token."""
    token = Token.objects.presented(secret)
    why = (
        token.refusal(timezone.now()) if token else _("This token is not known here. Copy it whole, or make a new one.")
    )
    told: dict[str, Any] = {"by": token.person, "token": token.name} if token else {}
    if not why and token:
        request.user = token.person
        request.user.acting = token.membership
        if token.use(timezone.localdate()):
            Operation.note(Operation.Action.SIGNED_IN, request, target=request.path, **told)
        return ""
    refused = Operation.Result.REFUSED
    Operation.note(Operation.Action.REFUSED, request, result=refused, target=request.path, status=401, **told)
    return why


class AccessMiddleware:
    """Every page asks `access.py` before it is opened, and what is refused stands in the operations log.

    A page without a row there is nobody's. Fine readings are not logged.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code in (403, 404) and request.resolver_match and request.user.is_authenticated:
            Operation.note(
                Operation.Action.REFUSED,
                request,
                result=Operation.Result.REFUSED,
                target=request.path,
                method=request.method,
                status=response.status_code,
            )
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Who has not signed in comes here only where LoginRequiredMiddleware lets anybody."""
        match = request.resolver_match
        posted = request.method not in ("GET", "HEAD", "OPTIONS")
        needed = access.needed(match.view_name, posted=posted) if match else None
        if needed is None:
            raise Http404
        if access.ANYBODY in needed:
            return
        if not isinstance(request.user, User) or not any(request.user.may(action) for action in needed):
            raise PermissionDenied


class DemoMiddleware:
    """The demo runs with DEBUG on, yet a wrong address answers as it does in use, in the product's own words."""

    def __init__(self, get_response: Next) -> None:
        if not settings.DEMO:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 404:
            show: Any = get_resolver().resolve_error_handler(404)
            return show(request, exception=Http404())
        return response
