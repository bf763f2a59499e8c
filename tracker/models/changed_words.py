"""What changed between two texts: phrases, not single characters, at a cost that stays bounded for any text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

# A number, in digits or in the Chinese numerals from nought to a hundred million, goes with its unit (12 个, 五家);
# other Chinese is compared character by character.
HAN = r"[\u4e00-\u9fff]"
NUMERAL = r"[\u3007\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u767e\u5343\u4e07\u4ebf\u4e24]"
WORD = re.compile(rf"[0-9]+(?:[.,:/-][0-9]+)*(?:[%％]| ?{HAN})?|{NUMERAL}+{HAN}?|[A-Za-z]+|.", re.DOTALL)
CLAUSE = re.compile(r"[^，。；：！？,;!?\n]*[，。；：！？,;!?\n]+|[^，。；：！？,;!?\n]+")
SHORT = 3  # so few characters that stayed between two changes are no phrase: they are told as changed with them
A_BLOCK, A_TEXT = 4_000, 12_000  # pairs of equal words compared, at most: some milliseconds
KEPT = 0.2  # a text of which less than this stayed is written anew, and nothing in it is marked


class Piece(NamedTuple):
    text: str
    changed: bool


class Compared(NamedTuple):
    """A text in pieces, those added changed; and the one before, those removed changed."""

    now: list[Piece]
    before: list[Piece]
    rewritten: bool = False

    @property
    def same(self) -> bool:
        return bool(self.before) and not any(piece.changed for piece in (*self.now, *self.before))

    @property
    def removed(self) -> bool:
        return any(piece.changed for piece in self.before)


class Step(NamedTuple):
    old: str
    new: str
    kept: bool


def unmarked(text: str) -> list[Piece]:
    return [Piece(text, False)] if text else []


def compared(old: str, new: str) -> Compared:
    """Nothing is marked where there was nothing before, or where hardly anything of it stayed."""
    old, new = old.replace("\r\n", "\n").strip(), new.replace("\r\n", "\n").strip()
    if not old or not new or old == new:
        return Compared(unmarked(new), unmarked(old))
    steps = widened(joined(clean(joined(Comparison().steps(old, new)))))
    if sum(len(step.new) for step in steps if step.kept) < KEPT * max(len(old), len(new)):
        return Compared(unmarked(new), unmarked(old), rewritten=True)
    now = [Piece(step.new, not step.kept) for step in steps if step.new]
    return Compared(now, [Piece(step.old, not step.kept) for step in steps if step.old])


class Comparison:
    """Clause by clause, and word by word where clauses were replaced, until the allowance of a text is spent."""

    def __init__(self) -> None:
        self.left = A_TEXT

    def steps(self, old: str, new: str) -> Iterator[Step]:
        for gone, come, kept in self.matched(CLAUSE.findall(old), CLAUSE.findall(new)):
            if kept or not gone or not come:
                yield Step("".join(gone), "".join(come), kept)
                continue
            words = [
                Step("".join(was), "".join(now), same)
                for was, now, same in self.matched(WORD.findall("".join(gone)), WORD.findall("".join(come)))
            ]
            stayed = sum(len(step.new) for step in words if step.kept)
            alike = stayed >= KEPT * 2 * min(len("".join(gone)), len("".join(come)))
            yield from words if alike else [Step("".join(gone), "".join(come), False)]

    def matched(self, old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str], bool]]:
        """What one pass of the matcher costs is known before: how often the same word stands on both sides."""
        counts = Counter(new)
        cost = sum(counts[word] for word in old)
        if cost > min(A_BLOCK, self.left):
            yield old, new, False
            return
        self.left -= cost
        for name, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield old[i:j], new[k:m], name == "equal"


def clean(steps: list[Step]) -> list[Step]:
    """What stayed between two changes and is no phrase goes with them."""
    last = len(steps) - 1
    return [
        Step(step.old, step.new, False) if step.kept and 0 < at < last and len(step.new.strip()) < SHORT else step
        for at, step in enumerate(steps)
    ]


def joined(steps: Iterable[Step]) -> list[Step]:
    """Neighbours of one kind become one."""
    made: list[Step] = []
    for step in steps:
        if made and made[-1].kept == step.kept:
            last = made.pop()
            step = Step(last.old + step.old, last.new + step.new, step.kept)
        made.append(step)
    return made


def widened(steps: list[Step]) -> list[Step]:
    """Where one character took the place of one, the next is marked with both, so that it can be seen."""
    made: list[Step] = []
    for step in steps:
        if made and step.kept and len(made[-1].old) == len(made[-1].new) == 1 and re.match(HAN, step.new):
            last = made.pop()
            made.append(Step(last.old + step.old[0], last.new + step.new[0], False))
            step = Step(step.old[1:], step.new[1:], True)
        made.append(step)
    return made
