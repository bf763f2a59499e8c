"""What a table of a plan may say: its columns, and the words its cells know, in Chinese and in English."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from .organizations import Level
from .plan import Frequency, Reporting
from .sheets import in_every_language, meanings, plain

COLUMNS = {
    "area_number": pgettext_lazy("plan file", "Area no."),
    "area": pgettext_lazy("plan file", "Work area"),
    "short": pgettext_lazy("plan file", "Short name"),
    "heading_code": pgettext_lazy("plan file", "Heading no."),
    "heading": pgettext_lazy("plan file", "Heading"),
    "task_code": pgettext_lazy("plan file", "Task no."),
    "wording": pgettext_lazy("plan file", "Task"),
    "due": pgettext_lazy("plan file", "Due"),
    "standing": pgettext_lazy("plan file", "Standing duty"),
    "levels": pgettext_lazy("plan file", "Levels"),
    "frequency": pgettext_lazy("plan file", "Frequency"),
    "reporting": pgettext_lazy("plan file", "Way of reporting"),
    "owner": pgettext_lazy("plan file", "Lead organization code"),
    "milestones": pgettext_lazy("plan file", "Milestones"),
}
REQUIRED = ("area_number", "area", "heading_code", "heading", "task_code", "wording")

# Words a cell may say besides the names on the screen; alternatives are parted by |.
LEVEL_WORDS = {
    Level.NATIONAL: pgettext_lazy("accepted words", "national|nation"),
    Level.PROVINCE: pgettext_lazy("accepted words", "province|provincial"),
    Level.CITY: pgettext_lazy("accepted words", "city|prefecture"),
    Level.COUNTY: pgettext_lazy("accepted words", "county|district"),
    Level.TOWNSHIP: pgettext_lazy("accepted words", "township|street"),
    Level.GRASSROOTS: pgettext_lazy("accepted words", "grassroots|enterprise"),
}
EVERY_LEVEL = pgettext_lazy("accepted words", "all|every level")
FREQUENCY_WORDS = {
    Frequency.MONTH: pgettext_lazy("accepted words", "month|every month"),
    Frequency.QUARTER: pgettext_lazy("accepted words", "quarter|every quarter"),
    Frequency.HALF_YEAR: pgettext_lazy("accepted words", "half a year|every half-year"),
    Frequency.YEAR: pgettext_lazy("accepted words", "year|every year"),
    Frequency.ONE_OFF: pgettext_lazy("accepted words", "once|one-off"),
}
REPORTING_WORDS = {
    Reporting.FULL: pgettext_lazy("accepted words", "full|texts"),
    Reporting.STATUS_ONLY: pgettext_lazy("accepted words", "status|only the status"),
    Reporting.ELSEWHERE: pgettext_lazy("accepted words", "elsewhere|apart"),
}
YES = pgettext_lazy("accepted words", "yes|standing|standing duty|true|1")
NO = pgettext_lazy("accepted words", "no|false|0|-")


@cache
def headers() -> dict[str, str]:
    return meanings(COLUMNS)


@cache
def vocabulary(kind: str) -> dict[str, str]:
    """What a cell may say, and what it means."""
    choices: dict[str, Any] = {"levels": LEVEL_WORDS, "frequency": FREQUENCY_WORDS, "reporting": REPORTING_WORDS}
    if kind == "standing":
        return {plain(word): key for key, said in (("yes", YES), ("", NO)) for word in alternatives(said)}
    known = {}
    for choice, said in choices[kind].items():
        for word in [choice.value, *in_every_language(choice.label), *alternatives(said)]:
            known[plain(word)] = str(choice.value)
    if kind == "levels":
        known |= {plain(word): "" for word in alternatives(EVERY_LEVEL)}
    return known


def alternatives(said: Any) -> list[str]:
    return [word for told in in_every_language(said) for word in told.split("|")]


def whole(said: str) -> int | None:
    """A number up to 999, in digits or, up to nine, in the words of either language (一 is 1)."""
    text = plain(said)
    if text.isascii() and text.isdecimal() and len(text) < 4 and int(text):
        return int(text)
    for told in in_every_language(gettext_lazy("0 1 2 3 4 5 6 7 8 9")):
        if text in told.split()[1:]:
            return told.split().index(text)
    return None


def numbers_of(code: str, count: int) -> list[int] | None:
    """3.2.4 as [3, 2, 4]: so many whole numbers, none of them 0 or longer than three digits."""
    if not re.fullmatch(r"[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2})*", code, re.ASCII):
        return None
    numbers = [int(part) for part in code.split(".")]
    return numbers if len(numbers) == count else None


def milestone_in(said: str) -> tuple[dt.date, str] | None:
    """A day and what is to be reached on it."""
    match = re.match(r"\s*(\d{4})(\D)(\d{1,2})\D(\d{1,2})", said, re.ASCII)
    if not match:
        return None
    rest = said[match.end() :]
    if match[2] not in "-/.":
        rest = rest[1:]  # the word for day
    title = rest.strip(" \t\u3000:：,，、.。")
    try:
        return (dt.date(int(match[1]), int(match[3]), int(match[4])), title) if title else None
    except ValueError:
        return None


def template_rows() -> Iterable[list[str]]:
    """A file to start from: the header, and one row that shows how each column is filled in."""
    yield [str(label) for label in COLUMNS.values()]
    yield [
        "1",
        str(pgettext_lazy("plan file example", "Name of the first work area")),
        str(pgettext_lazy("plan file example", "Area 1")),
        "1.1",
        str(pgettext_lazy("plan file example", "Name of its first heading")),
        "1.1.1",
        str(pgettext_lazy("plan file example", "The wording of the first task, whole")),
        "",
        str(_("No")),
        _(", ").join(str(level.label) for level in Level),
        str(Frequency.QUARTER.label),
        str(Reporting.FULL.label),
        "",
        "",
    ]
