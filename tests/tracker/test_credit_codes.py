"""Unified social credit codes by GB 32100-2015."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from tracker.models.credit_codes import ALPHABET, check_character, refuse_wrong_credit_code

# The standard's own example, and two whose last character is worked out here as the standard says.
RIGHT = ["91350100M000100Y43", "81110000500000001" + "D", "81530100MC0000001" + "D"]


def by_the_table(body):
    """The check as the standard tabulates it: weights, sum, 31 minus the remainder, 31 read as 0."""
    weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
    values = {character: value for value, character in enumerate(ALPHABET)}
    rest = 31 - sum(values[character] * weight for character, weight in zip(body, weights, strict=True)) % 31
    return ALPHABET[0 if rest == 31 else rest]


def fault(code):
    with translation.override("en"), pytest.raises(ValidationError) as error:
        refuse_wrong_credit_code(code)
    with translation.override("en"):
        return error.value.messages[0]


def test_the_alphabet_is_the_standards():
    assert len(ALPHABET) == 31
    assert not set(ALPHABET) & set("IOSVZ")


def test_the_check_character_is_what_the_table_gives():
    assert check_character("91350100M000100Y4") == by_the_table("91350100M000100Y4") == "3"
    for number in range(400):
        body = f"8153{number:04}MC{number * 7919 % 10**7:07}"
        assert check_character(body) == by_the_table(body)
    assert {check_character(f"81110000{number:09}") for number in range(100)} == set(ALPHABET)


def test_right_codes_are_taken():
    for code in RIGHT:
        refuse_wrong_credit_code(code[:-1] + by_the_table(code[:-1]))


def test_one_wrong_or_exchanged_character_is_seen():
    code = RIGHT[0]
    for place, character in enumerate(code):
        if place not in range(2, 8):
            other = ALPHABET[(ALPHABET.index(character) + 1) % 31]
            assert "does not fit" in fault(code[:place] + other + code[place + 1 :])
    assert "does not fit" in fault("91350100M00010Y043")


def test_what_is_no_code_is_refused_in_a_sentence():
    assert "this one has 17" in fault("91350100M000100Y4")
    assert "this one has 0" in fault("")
    assert "“O”" in fault("91350100MO00100Y43")
    assert "“m”" in fault("91350100m000100Y43")
    assert "six digits" in fault("9135A100M000100Y43")
    assert "“１”" in fault("9135010０M000100Y43".replace("０", "１"))
