"""A figure's past five years, target, share and present, as bars on one scale."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reports.drawing import bar, hatch, joined, percent, picture, text, upright
from reports.figures import Measure
from tracker.models.figures import written_number

register = template.Library()
ROW, BAR = 44, 14  # pixels
STRIP = 22


def named(measure: Measure, *, whole: bool) -> list[tuple[str, str, Decimal]]:
    """What can be set beside each other: (kind, words, number). The past and the target are the whole federation's, so
    only the whole is drawn beside them; a body beside the share that was handed down to it."""
    figure, rows = measure.figure, []
    if whole and figure.baseline is not None:
        rows.append(("past", _("Past five years"), figure.baseline))
    if whole and figure.target is not None:
        rows.append(("target", _("Target"), figure.target))
    if measure.share is not None:
        rows.append(("target", _("Share handed down"), measure.share))
    if measure.total.value is not None:
        rows.append(("now", _("Now (accepted)"), measure.total.value))
    return rows


def told(measure: Measure, rows: list[tuple[str, str, Decimal]]) -> str:
    unit = measure.figure.unit
    words = [
        _("%(label)s: %(value)s") % {"label": label, "value": f"{written_number(n)} {unit}"} for _k, label, n in rows
    ]
    return _("; ").join(words)


@register.simple_tag
def figure_chart(measure: Measure, key: str, *, whole: bool) -> SafeString:
    """Nothing where there is nothing to compare."""
    rows = named(measure, whole=whole)
    scale = max((value for _kind, _label, value in rows), default=Decimal(0))
    if len(rows) < 2 or not scale:
        return SafeString()
    parts = [hatch(f"{key}-hatch")]
    for n, (kind, label, value) in enumerate(rows):
        words = _("%(label)s: %(value)s") % {"label": label, "value": f"{written_number(value)} {measure.figure.unit}"}
        fill = f"{key}-hatch" if kind == "past" else ""
        parts += [
            text(words, "0", n * ROW + 16),
            bar(f"bar {kind}", percent(value / scale), y=n * ROW + 22, height=BAR, fill=fill),
        ]
    return picture(key, str(measure.figure), told(measure, rows), len(rows) * ROW, "figure-bars", parts)


@register.simple_tag
def figure_strip(measure: Measure, key: str, *, whole: bool) -> SafeString:
    """The same in one line of a table, whose numbers stand in the row: a bar, a dashed mark and a pointed one."""
    rows = named(measure, whole=whole)
    scale = max((value for _kind, _label, value in rows), default=Decimal(0))
    if len(rows) < 2 or not scale:
        return SafeString()
    parts = [bar("rail", "100%", y=8, height=8)]
    for kind, _label, value in rows:
        at = percent(value / scale)
        if kind == "now":
            parts.insert(1, bar("bar now", at, y=8, height=8))
        else:
            parts.append(upright(f"mark {kind}", at, 3, STRIP - 1))
    return picture(key, str(measure.figure), told(measure, rows), STRIP, "figure-strip", parts)


@register.filter
def rate_bar(rate: object) -> SafeString:
    """A share of a whole as a bar; the numbers stand beside it, so a screen reader passes it over."""
    done = getattr(rate, "percent", None)
    if done is None:
        return SafeString()
    parts = [bar("rail", "100%", y=2, height=8), bar("bar now", percent(done / 100), y=2, height=8)]
    return format_html(
        '<svg class="chart rate-bar" width="100%" height="12" aria-hidden="true" focusable="false">{}</svg>',
        joined(parts),
    )
