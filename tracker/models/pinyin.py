"""Chinese by its sound: what a name is spelled like, and what somebody typed may stand for.

A spelling is stored as text that `LIKE '%…%'` can search. Of 昆明市 it is `| kun ming shi |.k.m.s|`: after `|` one
reading begins, each syllable stands between spaces, each initial after a full stop. So a syllable is found only
whole or from its beginning (`an` does not find `shan`), and initials only among initials.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

READINGS = Path(__file__).with_name("readings.txt")  # place names that the dictionary reads otherwise than people do
MOST = 8  # ways to cut what was typed into syllables that are tried: each is one more LIKE
LETTERS = 60  # of what was typed; a longer spelling is nobody's name

RUNS = re.compile(r"[\u3007\u3400-\u9fff\U00020000-\U0003ffff]+|[a-z]+|[0-9]+")

# Every syllable of the standard language, by its initial. A v is ü: a keyboard has no ü.
SYLLABLES = frozenset(
    initial + final
    for initial, finals in {
        "": "a ai an ang ao e ei en eng er o ou",
        "b": "a ai an ang ao ei en eng i ian iao ie in ing o u",
        "p": "a ai an ang ao ei en eng i ian iao ie in ing o ou u",
        "m": "a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u",
        "f": "a an ang ei en eng iao o ou u",
        "d": "a ai an ang ao e ei en eng i ia ian iao ie in ing iu ong ou u uan ui un uo",
        "t": "a ai an ang ao e ei eng i ian iao ie ing ong ou u uan ui un uo",
        "n": "a ai an ang ao e ei en eng i ia ian iang iao ie in ing iu o ong ou u uan ue un uo v ve",
        "l": "a ai an ang ao e ei en eng i ia ian iang iao ie in ing iu o ong ou u uan ue un uo v ve",
        "g": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
        "k": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
        "h": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
        "j": "i ia ian iang iao ie in ing iong iu u uan ue un",
        "q": "i ia ian iang iao ie in ing iong iu u uan ue un",
        "x": "i ia ian iang iao ie in ing iong iu u uan ue un",
        "zh": "a ai an ang ao e ei en eng i ong ou u ua uai uan uang ui un uo",
        "ch": "a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo",
        "sh": "a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo",
        "r": "an ang ao e en eng i ong ou u ua uan ui un uo",
        "z": "a ai an ang ao e ei en eng i ong ou u uan ui un uo",
        "c": "a ai an ang ao e en eng i ong ou u uan ui un uo",
        "s": "a ai an ang ao e en eng i ong ou u uan ui un uo",
        "y": "a an ang ao e i in ing o ong ou u uan ue un",
        "w": "a ai an ang ei en eng o u",
    }.items()
    for final in finals.split()
)
BEGINNINGS = frozenset(syllable[:end] for syllable in SYLLABLES for end in range(1, len(syllable) + 1))


# What is stored.


def spelled(names: Iterable[str]) -> str:
    """How these names are spelled, in full and by initials, in each way they may be read.

    A name is read as a phrase (重庆 chongqing) and also character by character (zhongqing), since both are typed;
    ü is written v and u.
    """
    stored = "|"
    for name in names:
        for reading in readings(name):
            full = f"| {' '.join(reading)} |"
            initials = f"|.{'.'.join(syllable[0] for syllable in reading)}|"
            for text in (full, initials):
                if text[:-1] not in stored:  # a short name is mostly the beginning of the name
                    stored += text[1:]
    return stored if stored != "|" else ""


def spelled_words(text: str) -> str:
    """How a long text is spelled: every clause in full, and eight initials from the start of each of its words."""
    _read, cut = reader()
    stored = ["|"]
    for clause in RUNS.findall(plain(text)):
        if clause.isascii():
            stored.append(f" {clause} |")
            continue
        words = [syllables(word) for word in cut(clause)]
        stored.append(f" {' '.join(syllable for word in words for syllable in word)} |")
        for start in range(len(words)):
            initials = [syllable[0] for word in words[start:] for syllable in word]
            stored.append(f".{'.'.join(initials[:8])}|")
    return "".join(dict.fromkeys(stored)) if len(stored) > 1 else ""


def readings(name: str) -> list[list[str]]:
    as_phrase, by_character = syllables(name), syllables(name, by_character=True)
    both = [as_phrase, by_character]
    both += [[syllable.replace("v", "u") for syllable in reading] for reading in both]
    return list({tuple(reading): reading for reading in both if reading}.values())


def syllables(name: str, *, by_character: bool = False) -> list[str]:
    """Of each Chinese character its syllable; letters and digits as they stand, a run at a time."""
    read, _cut = reader()
    found: list[str] = []
    for run in RUNS.findall(plain(name)):
        if run.isascii():
            found.append(run)
        else:
            found += read(list(run) if by_character else run)
    return found


@cache
def reader() -> tuple[Callable[[str | list[str]], list[str]], Callable[[str], Iterable[str]]]:
    """How the dictionary reads, and how it cuts a text into words.

    Loaded when a name is first stored: it takes a quarter of a second and 40 MB, and searching needs none of it.
    """
    import pypinyin
    from pypinyin.contrib.mmseg import seg

    for line in READINGS.read_text("utf-8").splitlines():
        word, *reading = line.split()
        if len(word) == 1:
            pypinyin.load_single_dict({ord(word): reading[0]})
        else:
            pypinyin.load_phrases_dict({word: [[syllable] for syllable in reading]})
    return pypinyin.lazy_pinyin, seg.cut


# What is looked for.


def full_patterns(typed: str) -> Iterator[str]:
    """What a spelling holds if `typed` is the full pinyin of a part of it, beginning with a whole syllable.

    The last syllable may be unfinished; where it is the only one, at the beginning of a name alone.
    """
    for cut in islice(cuts(letters(typed)), MOST):
        text = f" {' '.join(cut)}"
        if len(cut) > 1:
            yield text
        elif cut[0] in SYLLABLES or cut[0].isdecimal():
            yield f"{text} "
            yield f"|{text}"
        else:
            yield f"|{text}"


def initial_pattern(typed: str) -> str:
    """What a spelling holds if `typed` are initials; nothing where it cannot be."""
    text = letters(typed).replace("'", "")
    return f".{'.'.join(text)}" if len(text) > 1 and text.isalpha() else ""


def patterns(typed: str) -> list[str]:
    """All that a name's spelling may hold if `typed` means it. Empty where it is no pinyin."""
    initials = initial_pattern(typed)
    return [*full_patterns(typed), *([initials] if initials else [])]


def word_patterns(typed: str) -> list[str]:
    """The same for a long text, where two initials would stand somewhere in nearly every one: three at least."""
    initials = initial_pattern(typed)
    return [*full_patterns(typed), *([f"|{initials}"] if len(initials) > len(".a.a") else [])]


def plain(text: str) -> str:
    """Full-width letters as plain ones, in lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def letters(typed: str) -> str:
    """What was typed, by the letters of the stored spelling: no tones, v for ü, `'` between syllables kept apart.

    Empty where anything else is among it.
    """
    text = unicodedata.normalize("NFD", plain(typed)).replace("u\u0308", "v")
    text = "".join(character for character in text if not unicodedata.combining(character))
    text = re.sub(r"([jqxy])v", r"\1u", text)
    text = re.sub(r"[\s'\u2019\u2018-]+", "'", text).strip("'")
    return text if len(text) <= LETTERS and re.fullmatch(r"[a-z0-9']+", text) else ""


def cuts(text: str) -> Iterator[tuple[str, ...]]:
    """Every way to cut letters into syllables, the last perhaps unfinished: xian is xian, xi an and xia n.

    Whence no way leads to the end is found out first, so that a long word costs no more than its length.
    """
    ways: dict[int, list[int]] = {}  # from where to where a syllable leads on
    for start in range(len(text) - 1, -1, -1):
        ways[start] = [
            end for end in ends(text, start) if end == len(text) or ways[end] or (text[end] == "'" and ways[end + 1])
        ]

    def onward(start: int) -> Iterator[tuple[str, ...]]:
        if text[start] == "'":
            start += 1
        for end in ways[start]:
            if end == len(text):
                yield (text[start:end],)
            else:
                for rest in onward(end):
                    yield (text[start:end], *rest)

    if text:
        yield from onward(0)


def ends(text: str, start: int) -> Iterator[int]:
    """Where a syllable, or a number, that begins here may end; longest first."""
    if text[start].isdecimal():
        yield start + len(re.match(r"[0-9]+", text[start:]).group())  # type: ignore[union-attr]
        return
    for end in range(min(start + 6, len(text)), start, -1):
        syllable = text[start:end]
        if syllable in SYLLABLES or (end == len(text) and syllable in BEGINNINGS):
            yield end
