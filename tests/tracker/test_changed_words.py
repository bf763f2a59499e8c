"""What is marked as changed between two texts: phrases, exactly, and at a bounded cost."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.models.changed_words import compared


def marked(old, new):
    """The text now and the one before, what changed in brackets."""
    found = compared(old, new)
    assert not found.rewritten
    return tuple(
        "".join(f"[{piece.text}]" if piece.changed else piece.text for piece in side)
        for side in (found.now, found.before)
    )


@pytest.mark.parametrize(
    ("old", "new", "now", "before"),
    [
        # A number goes with its unit.
        ("新建服务站点四个。", "新建服务站点六个。", "新建服务站点[六个]。", "新建服务站点[四个]。"),
        ("培训 12 场，参训踊跃。", "培训 18 场，参训踊跃。", "培训 [18 场]，参训踊跃。", "培训 [12 场]，参训踊跃。"),
        ("完成率为 30% 左右。", "完成率为 45.5% 左右。", "完成率为 [45.5%] 左右。", "完成率为 [30%] 左右。"),
        # One character in the place of one is marked with the next, so that it can be seen.
        ("甲县已建成三家。", "乙县已建成三家。", "[乙县]已建成三家。", "[甲县]已建成三家。"),
        # What stayed between two changes and is no phrase goes with them.
        (
            "召开工作推进会，明确责任分工。",
            "召开工作调度会，压实责任分工。",
            "召开工作[调度会，压实]责任分工。",
            "召开工作[推进会，明确]责任分工。",
        ),
        # A clause put in, a clause taken out, paragraphs.
        (
            "开展竞赛。继续推进。",
            "开展竞赛。新建三个。继续推进。",
            "开展竞赛。[新建三个。]继续推进。",
            "开展竞赛。继续推进。",
        ),
        (
            "开展竞赛，新建三个，继续推进。",
            "开展竞赛，继续推进。",
            "开展竞赛，继续推进。",
            "开展竞赛，[新建三个，]继续推进。",
        ),
        ("第一段如此。", "第一段如此。\r\n第二段。", "第一段如此。[\n第二段。]", "第一段如此。"),
    ],
)
def test_phrases_are_marked(old, new, now, before):
    assert marked(old, new) == (now, before)


def test_the_same_text_and_a_first_one_have_no_marks():
    same = compared("继续推进。", "继续推进。 ")
    assert same.same
    assert not same.removed
    first = compared("", "新建站点。")
    assert ([*first.now], first.before, first.same) == ([("新建站点。", False)], [], False)
    gone = compared("新建站点。", "")
    assert (gone.now, [*gone.before]) == ([], [("新建站点。", False)])


def test_a_text_written_anew_is_said_to_be_and_has_no_marks():
    found = compared("召开工作推进会", "走访困难职工家庭并发放慰问金")
    assert found.rewritten
    assert not found.removed
    assert not any(piece.changed for piece in found.now)


TEXTS = st.text(alphabet="一二三甲乙建站点，。；\n 0123%abXY🎉", max_size=80)


@given(TEXTS, TEXTS)
def test_nothing_is_lost_or_made_up(old, new):
    found = compared(old, new)
    assert "".join(piece.text for piece in found.now) == new.strip()
    assert "".join(piece.text for piece in found.before) == old.strip()
    kept = [[piece.text for piece in side if not piece.changed] for side in (found.now, found.before)]
    if not found.rewritten and old.strip() and new.strip():
        assert "".join(kept[0]) == "".join(kept[1])


@pytest.mark.parametrize(
    "alphabet",
    ["的是在了和有工会职工服务站点建设推进落实开展培训，。", "ab", "，a", "，", "一个", "一二，", "中。文，", "a "],
)
def test_ten_thousand_characters_of_anything_are_compared_in_a_moment(alphabet):
    dice = random.Random(18)
    old, new = ("".join(dice.choices(alphabet, k=10_000)) for _text in range(2))
    started = time.process_time()
    compared(old, new)
    compared(old, old[:5_000] + "新" + old[5_000:])
    assert time.process_time() - started < 0.5
