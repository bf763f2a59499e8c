"""Language by choice, not by browser; and the membership a person acts in now."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_resolver
from django.utils import translation

from tracker.models import User


class SignedIn(HttpRequest):
    """What a view gets behind LoginRequiredMiddleware: the user is a person of ours."""

    user: User


Next = Callable[[HttpRequest], HttpResponse]
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
    """Sets the membership the session chose, if the person still holds it. No query without a choice."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.session.get(ACTING)
        if chosen and request.user.is_authenticated:
            membership = request.user.memberships.select_related("organization").filter(pk=chosen).first()
            if membership:
                request.user.acting = membership
        return self.get_response(request)


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
