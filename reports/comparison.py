"""A frozen comparison as a page shows it: rates with their parts, peers by code, who has no score apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tracker.models import Level, Line
from tracker.models.comparing import RATES

from .overview import share

LABELS: dict[str, str | Promise] = {
    "on_time": gettext_lazy("On-time rate"),
    "accepted": gettext_lazy("Acceptance rate"),
    "completed": gettext_lazy("Completion rate"),
}


class Weight(NamedTuple):
    label: str | Promise
    percent: int


class Rate(NamedTuple):
    label: str | Promise
    part: int
    whole: int

    @property
    def percent(self) -> int:
        return share(self.part, self.whole)


class Row:
    """One body's line, or that of all of a group together."""

    def __init__(self, told: Mapping[str, Any], own: int | None = None) -> None:
        self.told = told
        self.is_own = own is not None and told.get("pk") == own
        self.rates = [Rate(LABELS[name], told[part], told[whole]) for name, (part, whole) in RATES.items()]


class Group:
    """Peers, in the order of their codes: their ranks are a column, not an order."""

    def __init__(self, told: Mapping[str, Any], own: int | None) -> None:
        self.title = peers_title(told["level"], told["line"])
        self.count = told["count"]
        self.all = Row(told["all"]) if told["all"] else None
        rows = [Row(row, own) for row in told["bodies"]]
        self.named = bool(rows)
        self.scored = [row for row in rows if row.told["score"] is not None]
        self.apart = [row for row in rows if row.told["score"] is None]


def peers_title(level: str, line: str) -> str:
    if (level, line) == (Level.PROVINCE, Line.INDUSTRIAL):
        return _("National industrial unions")
    return _("%(level)s (%(line)s)") % {"level": Level(level).label, "line": Line(line).label}


def weights(told: Mapping[str, int]) -> list[Weight]:
    return [Weight(LABELS[name], told[name]) for name in RATES]


def names(groups: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """How the bodies of groups were called, by key; of those below city level, what level they are of."""
    found: dict[int, str] = {}
    for group in groups:
        found |= dict.fromkeys(group["peers"], str(Level(group["level"]).label))
        found |= {row["pk"]: row["name"] for row in group["bodies"]}
    return found
