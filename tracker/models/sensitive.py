"""Numbers of people (个人信息) in texts and file names, found to be pointed out before anything is handed in.

A hint, never a refusal: what only looks like one is told from a real one by its check digit, its date, its way of
being grouped; the rest the person says. Numbers are found in any writing: full width, with spaces or hyphens between.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _


class Sort(models.TextChoices):
    IDENTITY_CARD = "identity_card", _("an identity card number")
    BANK_CARD = "bank_card", _("a bank card number")
    MOBILE = "mobile", _("a mobile number")


class Found(NamedTuple):
    sort: Sort
    number: str
    at: int

    @property
    def masked(self) -> str:
        """Enough to find it in the text, too little to be the number."""
        return f"{self.number[:4]}…{self.number[-1]}"


FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF38: "X", 0xFF58: "X", ord("x"): "X"}
BETWEEN = r"[ \t\u00a0\u2000-\u200d\u2010-\u2015\u202f\u2060\u3000\ufeff\uff0d-]{1,3}"
CHAIN = re.compile(rf"(?<![0-9A-Za-z.])[0-9]+(?:{BETWEEN}[0-9]+)*(?:(?:{BETWEEN})?X)?(?![0-9A-Za-z]|\.[0-9])")
GROUP = re.compile(r"[0-9]+X?|X")
MONEY = re.compile(r"\s*(?:%|\u4e07|\u4ebf|\u5143)")  # a sum in yuan, or in ten thousands of it
SHORTEST, LONGEST = 11, 19  # digits of a mobile number, of a bank card

PROVINCES = {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66)}
PROVINCES |= {71, 81, 82, 83}
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
MOBILE_GROUPS = {(11,), (3, 4, 4), (3, 8), (2, 11), (2, 3, 4, 4), (13,)}
CARD_GROUPS = {(4, 4, 4, 4), *((4, 4, 4, 4, rest) for rest in (1, 2, 3)), (6, 10), (6, 13)}


def find(text: str) -> list[Found]:
    """What looks like a number of a person, in the order of the text. Linear in its length."""
    found: list[Found] = []
    for chain in CHAIN.finditer(text.translate(FULL_WIDTH)):
        groups = [(match.start() + chain.start(), match.group()) for match in GROUP.finditer(chain.group())]
        is_money = bool(MONEY.match(text, chain.end()))
        first = 0
        while first < len(groups):
            hit = next(read(groups, first, is_money), None)
            if hit:
                found.append(hit[0])
            first = hit[1] if hit else first + 1
    return found


def read(groups: list[tuple[int, str]], first: int, is_money: bool) -> Iterator[tuple[Found, int]]:
    """The numbers that begin with this group, the longest first, each with the group that follows it."""
    tried: list[tuple[str, tuple[int, ...], int]] = []
    number, sizes = "", tuple[int, ...]()
    for last in range(first, len(groups)):
        number += groups[last][1]
        sizes += (len(groups[last][1]),)
        if len(number) > LONGEST:
            break
        if len(number) >= SHORTEST:
            tried.append((number, sizes, last + 1))
    for number, sizes, after in reversed(tried):
        sort = sort_of(number, sizes)
        if sort and not (is_money and sort != Sort.IDENTITY_CARD and after == len(groups)):
            yield Found(sort, number, groups[first][0]), after


def sort_of(number: str, sizes: tuple[int, ...]) -> Sort | None:
    if is_identity_card(number):
        return Sort.IDENTITY_CARD
    whole = len(sizes) == 1
    if (whole or sizes in CARD_GROUPS) and is_bank_card(number):
        return Sort.BANK_CARD
    if sizes in MOBILE_GROUPS and re.fullmatch(r"(?:86)?1[3-9][0-9]{9}", number):
        return Sort.MOBILE
    return None


def is_identity_card(number: str) -> bool:
    """GB 11643: a province, a day of birth that was, and the check digit."""
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number) or int(number[:2]) not in PROVINCES:
        return False
    try:
        born = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, number, strict=False))
    return born.year >= 1900 and number[17] == "10X98765432"[total % 11]


def is_bank_card(number: str) -> bool:
    """16 to 19 digits of a card issuer's range whose Luhn digit is right; a credit code of digits alone is none."""
    if not re.fullmatch(r"[3-6][0-9]{15,18}", number) or is_credit_code(number):
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0 and len(set(number)) > 1


def is_credit_code(number: str) -> bool:
    """GB 32100 (统一社会信用代码), of digits alone: 18 of them, the last a check on the others."""
    if not re.fullmatch(r"[0-9]{18}", number):
        return False
    total = sum(pow(3, place, 31) * int(digit) for place, digit in enumerate(number[:17]))
    return (31 - total % 31) % 31 == int(number[17])
