"""The ledger's rows as lines of its CSV. What thousands of rows say alike is written once (design §4).

The values come as the database sends them (`sending`): texts are bytes in UTF-8, and leave as they came unless
something in them needs care. What a line says is what `Row` says in the same columns; a test holds them to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from tracker.models.sheets import STARTS

from .columns import Column, cell
from .rows import ACCEPTED, FIELDS, PLACES, Body, Row, Rows, Values

KEPT = 100_000  # of the cells of a part, while a file is made
SHARED = ("task", "body", "course")  # parts with columns that many rows share
ALONE = ("number", "cooperating", "reported_at", "evidence")
# What a row's cells are picked from: these, what of it is never a comma nor a formula, its texts, then the shared ones.
OWN = (*ALONE, *FIELDS["plain"], *FIELDS["own"], *FIELDS["report"])
TASK, REVIEWING, MINUTE, EVIDENCE = (PLACES[part].start for part in ("task", "reviewing", "minute", "evidence"))
BODY, COURSE, PLAIN = PLACES["body"], PLACES["course"], PLACES["plain"]
STATE = COURSE.stop - 1
TEXTS = slice(PLACES["own"].start, PLACES["report"].stop)
SAID = len(FIELDS["own"])  # where the report's begin among the texts
BLANK = (b"",) * len(FIELDS["report"])
ACCEPTED_SENT = ACCEPTED.encode()
LAST = max(map(ord, STARTS))  # of the characters that the guard looks for; letters and Chinese come after it


class Cells(dict[Any, Any]):
    """The cells of one part of a row, by the values that it is made of."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, key: Any) -> Any:
        if len(self) >= KEPT:
            self.clear()
        made = self[key] = self.make(key)
        return made


class Lines:
    """Makes lines of these columns, for the viewer and in the language of `rows`."""

    def __init__(self, rows: Rows, columns: Sequence[Column]) -> None:
        self.rows, self.columns = rows, columns
        runs: dict[str, list[list[str]]] = {part: [] for part in SHARED}
        order: list[tuple[str, int]] = []
        for part, beside in groupby(columns, lambda column: column.path.partition(".")[0]):
            names = [column.path.rpartition(".")[2] for column in beside]
            if part in runs:
                order.append((part, len(runs[part])))
                runs[part].append(names)
            else:
                order += [("", OWN.index(name)) for name in names]
        begins, at = {"": 0}, len(OWN)
        for part in SHARED:
            begins[part] = at
            at += len(runs[part])
        self.order = picker([begins[part] + place for part, place in order])
        self.task = shared(runs["task"], lambda key: rows.tasks[int(key)])
        self.body = shared(runs["body"], lambda key: Body(*map(plain, key)))
        self.course = shared(runs["course"], lambda key: rows.course(*map(plain, key)))
        self.moments = Cells(lambda minute: rows.written(plain(minute)).encode())
        self.numbers = Cells(lambda number: str(plain(number)).encode())

    def line(self, row: Row) -> bytes:
        """Of a row that is made already."""
        return (",".join(cell(column.value(row)) for column in self.columns) or '""').encode()

    def of(self, chunk: Iterable[Values], first: int) -> list[bytes]:
        """Of the values of a chunk, numbered from `first`."""
        task, body, course, moments, numbers = self.task, self.body, self.course, self.moments, self.numbers
        order, beside, lines = self.order, self.rows.names_beside, []
        for number, values in enumerate(chunk, first):
            names, texts = self.beside(values) if beside else b"", values[TEXTS]
            if values[STATE] == ACCEPTED_SENT:
                alone = b"%d" % number, names, moments[values[MINUTE]], numbers[values[EVIDENCE]]
            else:
                alone, texts = (b"%d" % number, names, b"", b"0"), texts[:SAID] + BLANK
            if need_care(texts):
                texts = tuple(careful(text) for text in texts)
            cells = alone + values[PLAIN] + texts + task[values[TASK]] + body[values[BODY]] + course[values[COURSE]]
            lines.append(b",".join(order(cells)) or b'""')  # an empty line would be no row
        return lines

    def beside(self, values: Values) -> bytes:
        pair = int(values[TASK]), int(values[REVIEWING] or 0)
        return cell(self.rows.names_beside.get(pair, "")).encode()


def shared(runs: list[list[str]], part_of: Callable[[Any], Any]) -> Cells:
    """Columns that stand side by side are one cell."""

    def made(key: Any) -> tuple[bytes, ...]:
        part = part_of(key)
        return tuple(",".join(cell(getattr(part, name)) for name in names).encode() for names in runs)

    return Cells(made)


def plain(value: Any) -> Any:
    """A text that came as bytes as itself, a null as an empty one."""
    return value.decode() if value.__class__ is bytes else "" if value is None else value


def need_care(texts: Sequence[bytes]) -> bool:
    """Nearly always nothing in any of them does, which is seen fastest of all together."""
    together = b"".join(texts)
    if b"," in together or b'"' in together or b"\n" in together or b"\r" in together:
        return True
    for text in texts:  # noqa: SIM110 — a generator would take longer than all the rest
        if text and text[0] <= LAST:
            return True
    return False


def careful(text: bytes) -> bytes:
    return cell(text.decode()).encode()


def picker(places: list[int]) -> Callable[[Sequence[bytes]], tuple[bytes, ...]]:
    """As `itemgetter`, which is a tuple's only from two places on."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[at] for at in places)
