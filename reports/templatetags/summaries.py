"""What summaries say with one word each: addresses and shares."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from reports.overview import Cell, Line, share
from reports.viewed import Viewed

register = template.Library()


@register.simple_tag
def summary_address(view: Viewed, page: str, **changes: Any) -> str:
    return view.address(page, **changes)


@register.simple_tag
def percent(part: int, whole: int) -> str | SafeString:
    """A share beside its numbers; none of nothing."""
    return format_html('<span class="share">{}%</span>', share(part, whole)) if whole else ""


@register.simple_tag
def heat_cells(row: Line) -> SafeString:
    """The cells of a row of the map, all areas first. Joined here: a nation's has hundreds, and a template would take
    longer over them than the database over their numbers."""
    waits, red = _("waits %(n)s"), escape(_("red lights"))
    cells = [heat_cell(cell, " all" if at == 0 else "", waits, red) for at, cell in enumerate(row.cells)]
    return mark_safe("".join(cells))


def heat_cell(cell: Cell, more: str, waits: str, red: str) -> str:
    """The share with its numerator, the denominator, what waits, what is red: each a link to its rows."""
    if cell.whole:
        part = f'<a class="part" href="{escape(cell.to_part)}"><b>{cell.percent}%</b>{cell.part}</a>'
        inside = f'{part}<span class="of">/<a href="{escape(cell.to_whole)}">{cell.whole}</a></span>'
    else:
        inside = '<span class="nothing">—</span>'
    if cell.waiting:
        inside += f'<a class="waits" href="{escape(cell.to_waiting)}">{escape(waits % {"n": cell.waiting})}</a>'
    if cell.red:
        said = f'<span class="visually-hidden">{red}</span>{cell.red}'
        inside += f'<a class="reds" href="{escape(cell.to_red)}">{said}</a>'
    return f'<td class="{f"t{cell.tint}" if cell.whole else "none"}{more}">{inside}</td>'
