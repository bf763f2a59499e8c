"""A trend over periods as a drawn line; its table stands beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from django import template
from django.utils.translation import gettext as _

from reports.overview import share
from tracker.models import Period

register = template.Library()
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 520, 190, 46, 14, 26


class Point(NamedTuple):
    x: float
    y: float
    percent: int
    part: int


class Series(NamedTuple):
    """`mark` draws each point: series differ in shape and line, not by colour alone."""

    name: str
    mark: str
    points: list[Point]

    @property
    def path(self) -> str:
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@register.inclusion_tag("reports/overview/trend.html")
def trend(periods: Sequence[tuple[Period, Counter[str]]]) -> dict[str, Any]:
    """The share of what each period owed that was reported on time, and that was accepted."""
    step = (WIDTH - 2 * LEFT) / max(len(periods) - 1, 1)
    height = HEIGHT - TOP - BOTTOM
    at = [LEFT + step * number for number in range(len(periods))]

    def drawn(name: str, key: str, mark: str) -> Series:
        points = []
        for x, (_period, counts) in zip(at, periods, strict=True):
            percent = share(counts[key], counts["owed"])
            points.append(Point(x, TOP + height * (100 - percent) / 100, percent, counts[key]))
        return Series(name, mark, points)

    series = [drawn(_("Reported on time"), "on_time", "disc"), drawn(_("Accepted entries"), "accepted", "square")]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - LEFT,
        "base": HEIGHT - BOTTOM,
        "grid": [(percent, TOP + height * (100 - percent) / 100) for percent in (0, 50, 100)],
        "series": series,
        "labels": [(x, period.code) for x, (period, _counts) in zip(at, periods, strict=True)],
        "rows": [
            (period, counts["owed"], [line.points[number] for line in series])
            for number, (period, counts) in enumerate(periods)
        ],
    }
