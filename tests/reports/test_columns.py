"""The columns, and the formula guard that the way back in takes off again."""

import re

from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from reports.columns import COLUMNS, ON_PAGE, csv_file, on_page
from tracker.models.sheets import guard, unguard

ORDER = """
    number area heading code task standard organization parent owner cooperating leader responsible telephone due
    status percent light reason state progress problems next_steps evidence reported_by reported_at reviewed_by opinion
    struck_off_on system_number
""".split()  # noqa: SIM905
risky = st.text(alphabet="'=+-@\t\r\n a中", max_size=6)


def test_the_columns_are_those_of_the_design_in_its_order():
    assert [column.key for column in COLUMNS] == ORDER
    assert len(COLUMNS) == 29


def test_the_page_shows_a_choice_of_them():
    assert [column.key for column in on_page()] == list(ON_PAGE)


@given(st.text() | risky)
def test_taking_the_guard_off_gives_the_text_back(text):
    assert unguard(guard(text)) == text


@given(st.text() | risky)
def test_a_guarded_text_is_never_a_formula_and_has_at_most_one_apostrophe_more(text):
    guarded = guard(text)
    assert not re.match(r"[=+\-@\t\r]", guarded)
    assert guarded in (text, "'" + text)
    assert (guarded != text) == bool(re.match(r"'*[=+\-@\t\r]", text))


@given(st.text() | risky)
def test_a_text_from_elsewhere_without_a_guard_is_left_alone(text):
    if not re.match(r"'+[=+\-@\t\r]", text):
        assert unguard(text) == text


def test_the_language_of_the_file_does_not_leak_into_what_comes_after():
    stream = csv_file(iter([]), language="en")
    with translation.override("zh-hans"):
        next(stream)
        assert translation.get_language() == "zh-hans"
        assert list(stream) == []
        assert translation.get_language() == "zh-hans"
