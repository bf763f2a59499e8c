"""Unified social credit codes (统一社会信用代码)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z, which are read as digits
LENGTH = 18


def check_character(body: str) -> str:
    """The 18th character of a code by its first 17: GB 32100-2015, 4.2.6, weights 3^(i-1) mod 31, complement to 31."""
    total = sum(ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return ALPHABET[-total % 31]


def refuse_wrong_credit_code(value: str) -> None:
    """Eighteen characters of the standard's alphabet, places 3–8 digits, the last one as the others demand.

    Raises ValidationError.
    """
    if len(value) != LENGTH:
        raise ValidationError(
            _("A credit code has 18 characters; this one has %(count)d."), params={"count": len(value)}, code="credit"
        )
    wrong = next((character for character in value if character not in ALPHABET), None)
    if wrong:
        words = _("“%(character)s” does not occur in a credit code: digits and capital letters without I, O, S, V, Z.")
        raise ValidationError(words, params={"character": wrong}, code="credit")
    if not (value[2:8].isascii() and value[2:8].isdecimal()):
        raise ValidationError(
            _("The third to eighth character of a credit code are the six digits of its area."), code="credit"
        )
    if check_character(value[:-1]) != value[-1]:
        raise ValidationError(
            _("The last character of the credit code does not fit the others: one of them is mistyped."), code="credit"
        )
