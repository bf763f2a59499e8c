"""What the charts share: pictures without script or inline style, that a screen reader can read.

Places along a line are percentages of the picture's width, so that marks and words keep their size on every screen and
on paper. A picture's colours stand in the style sheets; its patterns tell apart without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tracker.models.figures import written_number

Parts = Iterable[SafeString]


def picture(key: str, title: str, words: str, height: int, css: str, parts: Parts) -> SafeString:
    """`key` is unique on the page; `words` say what is drawn to whom does not see it."""
    return format_html(
        '<svg class="chart {}" width="100%" height="{}" role="img" aria-labelledby="{key}-title {key}-words" '
        'focusable="false"><title id="{key}-title">{}</title><desc id="{key}-words">{}</desc>{}</svg>',
        *(css, height, title, words, joined(parts)),
        key=key,
    )


def joined(parts: Parts) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def percent(share: float | Decimal) -> str:
    """A place or a length along the picture, inside it."""
    return f"{min(max(float(share), 0), 1) * 100:.2f}%"


def hatch(key: str) -> SafeString:
    """Stripes, to fill with url(#key)."""
    return format_html(
        '<defs><pattern id="{}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" class="hatch-ground"/><rect width="2" height="6" class="hatch-line"/>'
        "</pattern></defs>",
        key,
    )


def bar(css: str, width: str, *, y: int, height: int, x: str = "0", fill: str = "") -> SafeString:
    filled = format_html(' fill="url(#{})"', fill) if fill else ""
    return format_html('<rect class="{}" x="{}" y="{}" width="{}" height="{}"{}/>', css, x, y, width, height, filled)


def text(words: str, x: str, y: int, css: str = "", *, anchor: str = "start") -> SafeString:
    return format_html('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', css, x, y, anchor, words)


def upright(css: str, x: str, y1: int | str, y2: int | str) -> SafeString:
    return format_html('<line class="{}" x1="{x}" x2="{x}" y1="{}" y2="{}"/>', css, y1, y2, x=x)


def compact(value: Decimal) -> str:
    """Short enough for the top of a column: 5,806 万 where digits would run into each other."""
    for unit, words in ((10**8, _("%(n)s ×10⁸")), (10**4, _("%(n)s ×10⁴"))):
        if value >= unit:
            return words % {"n": written_number(round(Decimal(value) / unit, 1))}
    return written_number(Decimal(value))
