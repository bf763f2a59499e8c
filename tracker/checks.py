"""System checks: what must not be deployed."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


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
