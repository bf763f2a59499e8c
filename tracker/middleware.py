"""Language by choice, not by browser; and the membership a person acts in now."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

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
    """Sets the membership the session chose on `request.user`, if the person still holds it. No query without a choice."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.session.get(ACTING)
        if chosen and request.user.is_authenticated:
            membership = request.user.memberships.select_related("organization").filter(pk=chosen).first()
            if membership:
                request.user.acting = membership
        return self.get_response(request)
