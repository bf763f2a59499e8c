"""Numbers of people in texts are found; numbers of the work are not (sensitive.py)."""

import ast
import time
from pathlib import Path

import pytest

from tracker.models import sensitive
from tracker.models.sensitive import Sort, find

ROOT = Path(__file__).resolve().parents[2]
CARD = "6222021234567890128"


def luhn(stem):
    for last in "0123456789":
        if sensitive.is_bank_card(stem + last):
            return stem + last
    raise AssertionError


@pytest.mark.parametrize(
    "text",
    [
        "身份证号11010519491231002X，",
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105 19491231 002X",
        "110105-1949-1231-002X",
        "110105　19491231　002　X",
        "张三11010519491231002X住址",
        "1101051949\u200b1231002X",
    ],
)
def test_an_identity_card_is_found_however_it_is_written(text):
    assert [(found.sort, found.number) for found in find(text)] == [(Sort.IDENTITY_CARD, "11010519491231002X")]


def test_the_check_digit_the_date_and_the_province_are_looked_at():
    for last in "0123456789":
        assert not find(f"11010519491231002{last}")
    assert not find("110105194902310021")
    assert not find("99010519491231002X")
    assert not sensitive.is_identity_card("110105194913310029")


@pytest.mark.parametrize(
    "text", ["13812345678", "138 1234 5678", "138-1234-5678", "+86 13812345678", "电话：13812345678。"]
)
def test_a_mobile_number_is_found(text):
    assert [found.sort for found in find(text)] == [Sort.MOBILE]
    assert "12345" not in find(text)[0].masked


def test_bank_cards_are_found_by_their_check_digit():
    for stem in ("622202123456789", "62220212345678901", "622202123456789012"):
        card = luhn(stem)
        assert [found.sort for found in find(f"卡号{card}，")] == [Sort.BANK_CARD]
        wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
        assert not find(f"卡号{wrong}，")
    card = luhn("622202123456789")
    spaced = " ".join(card[at : at + 4] for at in range(0, 16, 4))
    assert [found.number for found in find(spaced)] == [card]


@pytest.mark.parametrize(
    "text",
    [
        "统一社会信用代码 91430100MA4L16JQ9T",
        "统一社会信用代码 81430000006123456X",
        "累计投入13800000000元",
        "1500 200 3000",
        "2023-2025 2026-11-22 15:30",
        "办公电话 0731-84585555、010-68591114",
        "第 12345678901 号",
        "IMG_20231122_153012.jpg",
        "mmexport1700000000000.jpg",
        "微信图片_20231122153012.jpg",
        "3.2.1 3.2.2 3.2.3 3.2.4",
        "服务职工1234567人次，比上年增长15.3812345678%",
        "6222 0212 3456",
        "SN13812345678A",
    ],
)
def test_numbers_of_the_work_are_not_mistaken(text):
    assert find(text) == []


def test_a_credit_code_of_digits_alone_is_no_bank_card():
    codes = []
    for number in range(3_000):
        stem = f"5143{number:013d}"
        codes += [stem + last for last in "0123456789" if sensitive.is_credit_code(stem + last)]
    assert len(codes) > 900
    assert not any(find(code) for code in codes)


def test_several_are_found_in_their_order_and_masked():
    found = find("甲13812345678，乙13912345679；11010519491231002X")
    assert [piece.masked for piece in found] == ["1381…8", "1391…9", "1101…X"]
    assert [piece.at for piece in find("2026-11-22 13812345678")] == [11]


def test_the_texts_of_the_demo_raise_no_alarm():
    source = ast.parse((ROOT / "tracker" / "demo" / "texts.py").read_text("utf-8"))
    texts = [node.value for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert len(texts) > 200
    assert [text for text in texts if find(text)] == []
    seed = (ROOT / "fixtures" / "report_18.json").read_text("utf-8")
    assert find(seed) == []


def test_the_longest_text_is_looked_through_in_no_time():
    start = time.process_time()
    for text in ("1 " * 10_000, "1" * 20_000, "123456789012345678 " * 1_050, "1-" * 10_000):
        find(text)
    assert time.process_time() - start < 5
