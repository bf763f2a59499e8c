"""System checks: what must not be deployed."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError
from django.urls import URLResolver, get_resolver

from tracker import access


@register(Tags.security)
def demo_needs_debug(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The demo's passwords are public: it never runs where real work is done."""
    if settings.DEMO and not settings.DEBUG:
        return [
            Error(
                "DEMO is on and DEBUG is off: the demo's passwords are public.",
                hint="Unset DEMO to work with real data, or set DEBUG=1 to look at the demo.",
                id="luoshi.E001",
            )
        ]
    return []


@register()
def mail_needs_an_address(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A mail leads to a page; without the site's address its link would lead nowhere."""
    if settings.MAIL and not settings.SITE_URL:
        return [Error("EMAIL_URL is set and SITE_URL is not.", hint="Set SITE_URL.", id="luoshi.E003")]
    return []


def pages(patterns: Any = None, within: tuple[str, ...] = ()) -> Iterator[str]:
    """The name of every page there is, as a request's match tells it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, (*within, pattern.namespace) if pattern.namespace else within)
        else:
            view = getattr(pattern.callback, "view_class", pattern.callback)
            yield ":".join([*within, pattern.name or f"{view.__module__}.{view.__name__}"])


@register(Tags.urls)
def pages_have_rows(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A page that access.py does not know is opened by nobody: better said here than found out there."""
    return [
        Error(
            f"The page {name!r} has no row in tracker/access.py, so nobody may open it.",
            hint="Add it to PAGES; a record of the back office to BACK_OFFICE, a page beside Django's own to BESIDE.",
            id="luoshi.E002",
        )
        for name in sorted(set(pages()))
        if access.needed(name) is None
    ]


@register(Tags.database)
def duties_are_separate(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Runs with `check --database default`, and with every migration."""
    if not settings.SEPARATE_DUTIES or not databases:
        return []
    from tracker.models import Membership, User

    try:
        combining = set(Membership.objects.combining().values_list("person__username", flat=True))
        held = Membership.objects.separated().values("person")
        above = set(
            User.objects.filter(is_superuser=True, is_active=True, pk__in=held).values_list("username", flat=True)
        )
    except DatabaseError:  # before the first migration
        return []
    said = [(name, "holds more than one of them") for name in sorted(combining)]
    said += [(name, "is a superuser besides") for name in sorted(above - combining)]
    return [
        Warning(
            f"SEPARATE_DUTIES is on, but the account {name!r} {why}: system, security and audit are three people's.",
            hint="Give the other roles, or the superuser's rights, to somebody else.",
            id="luoshi.W001",
        )
        for name, why in said
    ]
