"""A figure over the periods: a column each. The table beside it has the same numbers and what they count."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reports.drawing import bar, compact, hatch, percent, picture, text
from reports.figures import Point
from tracker.models import Figure
from tracker.models.figures import written_number

register = template.Library()
WIDEST = 0.12  # of the picture
TOP, TALL, FOOT = 22, 110, 40  # pixels: the number, the column, the period's two lines


@register.simple_tag
def figure_trend(points: list[Point], figure: Figure, key: str) -> SafeString:
    """Nothing where fewer than two periods have a number. A period without one has no column, and says so: a null is
    not a zero. Of a period in which some numbers are still missing the column is striped."""
    given = [point.value for point in points if point.value is not None]
    if len(given) < 2:
        return SafeString()
    scale, step = max(given) or Decimal(1), 1 / len(points)
    wide = min(0.6 * step, WIDEST)
    parts = [hatch(f"{key}-hatch")]
    for n, point in enumerate(points):
        middle, at = percent((n + 0.5) * step), percent((n + 0.5) * step - wide / 2)
        year, number = split(point.period.code)
        parts += [
            text(year, middle, TOP + TALL + 17, "small", anchor="middle"),
            text(number, middle, TOP + TALL + 33, "small", anchor="middle"),
        ]
        if point.value is None:
            parts.append(text("—", middle, TOP + TALL - 6, anchor="middle"))
            continue
        tall = round(TALL * float(point.value / scale))
        whole = point.given >= point.asked
        parts += [
            text(compact(point.value), middle, TOP + TALL - tall - 6, "small", anchor="middle"),
            bar(
                f"bar {'now' if whole else 'part'}",
                percent(wide),
                x=at,
                y=TOP + TALL - tall,
                height=tall,
                fill="" if whole else f"{key}-hatch",
            ),
        ]
    parts.append(bar("ground", "100%", y=TOP + TALL, height=1))
    return picture(
        key, _("%(figure)s by period") % {"figure": figure}, told(points, figure), TOP + TALL + FOOT, "trend", parts
    )


def split(code: str) -> tuple[str, str]:
    """2026Q4 in two lines."""
    return (code[:4], code[4:].lstrip("-")) if code[:4].isdecimal() else (code, "")


def told(points: list[Point], figure: Figure) -> str:
    words = []
    for point in points:
        value = f"{written_number(point.value)} {figure.unit}" if point.value is not None else _("no number yet")
        words.append(_("%(label)s: %(value)s") % {"label": point.period, "value": value})
    return _("; ").join(words)
