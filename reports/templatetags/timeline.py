"""A heading's line of time, and the years above all lines."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from reports.drawing import bar, hatch, percent, picture, text, upright
from reports.timeline import Row, Scale, state_of
from tracker.models import Period

register = template.Library()
AXIS, LINE, SPAN = 44, 30, 54  # pixels: the years; a line; a line with a span under it
SHAPES = {  # about (0, 0): a filled lozenge with a hole of its own, a square, an empty lozenge
    "reached": "M0-8 8 0 0 8-8 0Z M-3.2 0 -.6 2.6 3.6-2.4",
    "overdue": "M-6-6H6V6H-6Z",
    "ahead": "M0-8 8 0 0 8-8 0Z",
}
register.filter("milestone_state", state_of)


@register.simple_tag
def timeline_axis(scale: Scale, periods: list[Period]) -> SafeString:
    """The years, a tick where each period is due, and today."""
    parts = [bar("ground", "100%", y=AXIS - 1, height=1)]
    for year in scale.years:
        at = percent(scale.at(year))
        parts += [
            upright("year", at, AXIS - 14, AXIS),
            text(str(year.year), percent(scale.at(year) + 0.006), AXIS - 6, "small"),
        ]
    for period in periods:
        if scale.start <= period.due <= scale.due:
            parts.append(upright("tick", percent(scale.after(period.due)), AXIS - 6, AXIS))
    now = scale.after(scale.today)
    if 0 <= now <= 1:
        anchor = "end" if now > 0.9 else "start" if now < 0.1 else "middle"
        parts += [
            upright("today", percent(now), 18, AXIS),
            text(_("Today"), percent(now), 13, "small strong", anchor=anchor),
        ]
    words = _("From %(start)s to %(due)s; %(percent)d%% of the time has passed.") % {
        "start": scale.start,
        "due": scale.due,
        "percent": scale.passed,
    }
    words += "".join(" " + _("Due: %(period)s, %(day)s.") % {"period": each.title, "day": each.due} for each in periods)
    return picture("axis", _("The years of the plan"), words, AXIS, "axis", parts)


@register.simple_tag
def timeline_line(row: Row, scale: Scale) -> SafeString:
    """From start to due date, filled as far as time has come; dashed where duties go on; milestones by their shape."""
    key = f"line-{row.heading.pk}"
    parts = [upright("year", percent(scale.at(year)), 0, "100%") for year in scale.years]
    first, last = scale.at(row.start), scale.after(row.due)
    if row.standing:
        parts.append(
            format_html('<line class="going-on" x1="{}" x2="{}" y1="15" y2="15"/>', percent(first), percent(last))
        )
    else:
        parts.append(bar("rail", percent(last - first), x=percent(first), y=12, height=6))
        passed = min(max(scale.after(scale.today) - first, 0), last - first)
        parts.append(bar("passed", percent(passed), x=percent(first), y=12, height=6))
    if row.heading.span:
        parts += drawn_span(row.heading, scale, key)
    parts.append(upright("today", percent(scale.after(scale.today)), 0, "100%"))
    parts += [mark(state_of(milestone), scale.after(milestone.due)) for milestone in row.milestones]
    height = SPAN if row.heading.span else LINE
    css = "line spanned" if row.heading.span else "line"
    return picture(key, str(row.heading), told(row), height, css, parts)


def drawn_span(heading: Any, scale: Scale, key: str) -> list[SafeString]:
    first, last = max(scale.at(heading.span_start), 0), min(scale.after(heading.span_due), 1)
    return [
        hatch(f"{key}-hatch"),
        bar("span", percent(last - first), x=percent(first), y=24, height=10, fill=f"{key}-hatch"),
        text(span_words(heading), percent(first), 49, "small"),
    ]


@register.filter
def span_words(heading: Any) -> str:
    return _("%(span)s, %(start)s to %(due)s") % {
        "span": heading.span,
        "start": f"{heading.span_start:%Y-%m}",
        "due": f"{heading.span_due:%Y-%m}",
    }


def mark(state: str, at: float) -> SafeString:
    """A shape that keeps its size wherever it lies."""
    return format_html(
        '<svg x="{}" y="15" overflow="visible"><path class="step {}" d="{}"/></svg>', percent(at), state, SHAPES[state]
    )


def told(row: Row) -> str:
    words = [_("%(start)s to %(due)s") % {"start": row.start, "due": row.due}]
    if row.heading.span:
        words.append(span_words(row.heading))
    states = {"reached": _("reached"), "overdue": _("overdue"), "ahead": _("to be reached")}
    words += [f"{step.due} {step.title} ({states[state_of(step)]})" for step in row.milestones]
    return _("; ").join(words)


@register.simple_tag
def milestone_key(state: str) -> SafeString:
    """The shape before its word."""
    return format_html(
        '<svg class="chart key" width="18" height="18" viewBox="-9 -9 18 18" aria-hidden="true" focusable="false">'
        '<path class="step {}" d="{}"/></svg>',
        *(state, SHAPES[state]),
    )


@register.simple_tag
def line_key(css: str) -> SafeString:
    """A line before its word."""
    across = css != "today"
    ends = (0, 18, 9, 9) if across else (9, 9, 0, 18)
    return format_html(
        '<svg class="chart key" width="18" height="18" aria-hidden="true" focusable="false">'
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/></svg>',
        *(css, *ends),
    )
