"""Small drawn pieces."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag
def meter(done: int, owed: int) -> SafeString:
    """A bar of `done` out of `owed`; SVG, because the CSP forbids inline style. The numbers stand beside it."""
    return format_html(
        '<svg class="meter" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect width="100" height="1" class="rail"/><rect width="{}" height="1" class="fill"/></svg>',
        _("%(done)d of %(owed)d reported") % {"done": done, "owed": owed},
        f"{100 * done / owed:.2f}" if owed else "0",
    )


@register.filter
def number(value: Decimal) -> str:
    """131000.0000 as 131,000: grouped, without empty decimals."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
