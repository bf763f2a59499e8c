"""Small drawn pieces."""

import re
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tracker.models.figures import written_number

register = template.Library()
IN_APP = re.compile(r"MicroMessenger|wxwork|DingTalk|\bQQ/|\b(?:Lark|Feishu)/")


@register.simple_tag
def meter(done: int, owed: int) -> SafeString:
    """A bar of `done` out of `owed`; SVG, because the CSP forbids inline style. The numbers stand beside it."""
    return format_html(
        '<svg class="meter" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect width="100" height="1" class="rail"/><rect width="{}" height="1" class="fill"/></svg>',
        _("%(done)d of %(owed)d reported") % {"done": done, "owed": owed},
        f"{100 * done / owed:.2f}" if owed else "0",
    )


register.filter("number", written_number)


@register.inclusion_tag("includes/in_app.html", takes_context=True)
def in_app(context: Any) -> dict[str, bool]:
    """Beside a download: whether the reader sits in a chat app's own browser, which takes none."""
    return {"in_app": bool(IN_APP.search(context["request"].headers.get("User-Agent", "")))}
