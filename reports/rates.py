"""A share of a whole, never without its numerator and denominator (rule 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Rate(NamedTuple):
    part: int | Decimal
    whole: int | Decimal

    def __str__(self) -> str:
        """37%; <1% where it is something and rounds to nothing."""
        percent = self.percent
        if percent is None:
            return "—"
        return "<1%" if percent == 0 and self.part else f"{percent}%"

    @property
    def percent(self) -> int | None:
        """Rounded down, so that only the whole is 100; null where there is no whole."""
        return int(100 * self.part // self.whole) if self.whole else None
