"""What an entry says of its task's figures: how numbers are written, what "no change" asks, what looks like a slip.

Nothing is not zero: a figure without a number has no row.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from .headlines import Figure

if TYPE_CHECKING:
    from .assignments import Assignment
    from .periods import Period

Numbers = dict[int, Decimal]  # by the figure's key

DECIMALS = 4
WHOLE_DIGITS = 11  # with the decimals 15, as many as SQLite's numbers keep
LIMIT = 10**WHOLE_DIGITS
WRITTEN = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
SPACES = re.compile(r"(?<=[0-9])[ \u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")

SLIP = 9  # a digit too many or too few is about ten times, seldom exactly
WRONG_UNIT = (5_000, 20_000)  # 万 where the unit has none, or the other way round
JUMP = "jump"  # the code of the error that asks


def written_number(value: Decimal) -> str:
    """131000.0000 as 131,000: grouped, without empty decimals."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_flow(figure: Figure) -> bool:
    return figure.over_time != Figure.OverTime.STOCK


def is_yearly(figure: Figure) -> bool:
    """What the past five years left is told by the year (年均), so what came since is as well."""
    return figure.over_time == Figure.OverTime.YEARLY


def field_name(figure: int) -> str:
    """By which name a figure's number is typed and refused."""
    return f"figure_{figure}"


def read_number(text: str) -> Decimal | None:
    """A number as people write it: full width, with thousands separators; nothing where nothing is written.

    Raises ValidationError.
    """
    plain = unicodedata.normalize("NFKC", text.strip()).replace("\u2212", "-")
    plain = SPACES.sub("", plain)
    if not plain:
        return None
    if not WRITTEN.fullmatch(plain):
        raise ValidationError(_("Write a number, in digits and without its unit."))
    number = Decimal(plain.replace(",", "")) or Decimal(0)  # "-0" is 0
    check_number(number)
    return number


def check_number(value: Decimal | int) -> None:
    """Raises ValidationError where it cannot be kept as it is."""
    number = Decimal(value)
    if not number.is_finite():
        raise ValidationError(_("Write a number, in digits and without its unit."))
    if number < 0:
        raise ValidationError(_("A figure is not less than 0."))
    if number >= LIMIT:
        raise ValidationError(
            _("This number is too large: at most %(n)d digits before the decimal point.") % {"n": WHOLE_DIGITS}
        )
    if number != round(number, DECIMALS):
        raise ValidationError(_("At most %(n)d decimals.") % {"n": DECIMALS})


class Last(NamedTuple):
    """What was reported of a figure last, and when."""

    value: Decimal
    period: Period


class Jump(NamedTuple):
    """A number that looks like a slip beside the last one."""

    figure: Figure
    last: Last
    value: Decimal

    @classmethod
    def of(cls, figure: Figure, last: Last | None, value: Decimal) -> Jump | None:
        """None where nothing is to be compared: no number before, or one of the two is zero."""
        if last is None or not last.value or not value:
            return None
        small, large = sorted([last.value, value])
        return cls(figure, last, value) if large >= SLIP * small else None

    @property
    def times(self) -> int:
        return round(max(self.last.value, self.value) / min(self.last.value, self.value))

    @property
    def words(self) -> str:
        """By how much, in a sentence."""
        first, last = WRONG_UNIT
        values = {
            "period": self.last.period.title,
            "last": written_number(self.last.value),
            "unit": self.figure.unit,
            "times": f"{self.times:,}",
        }
        if first <= self.times <= last:
            return _("About ten thousand times apart from %(period)s (%(last)s %(unit)s): is the unit right?") % values
        if self.value > self.last.value:
            return _("About %(times)s times what %(period)s said (%(last)s %(unit)s).") % values
        return _("About 1/%(times)s of what %(period)s said (%(last)s %(unit)s).") % values

    @property
    def question(self) -> str:
        return _("%(jump)s If the number is right, tick “This number is right” and submit again.") % {
            "jump": self.words
        }


class Said(NamedTuple):
    """A figure's number in an entry as it is read."""

    figure: Figure
    value: Decimal
    jump: Jump | None
    confirmed: bool


class FiguresSaid:
    """The numbers half of an entry's content. `figures` and `confirmed` are the numbers by figure, and those of them
    that looked like a slip and of which the writer said they are none. As content they are given in part: what is left
    out stays as it stands, and null takes a number away.
    """

    pk: Any  # these are the entry's
    assignment: Assignment
    period: Any
    no_change: Any
    values: Any  # of FigureValue

    FIGURES = ("figures", "confirmed")
    known_last: dict[int, Last] | None = None  # set for many at once by `FigureValue.objects.last_before`
    _numbers: dict[str, Numbers] | None = None

    @cached_property
    def asked_figures(self) -> list[Figure]:
        """Where the status alone is reported, no figures are. One query, none where they are prefetched."""
        task = self.assignment.task
        return list(task.figures.all()) if task.takes_texts else []

    @property
    def figures(self) -> Numbers:
        return self._stored["figures"]

    @figures.setter
    def figures(self, numbers: Numbers) -> None:
        self._numbers = self._stored | {"figures": numbers}

    @property
    def confirmed(self) -> Numbers:
        return self._stored["confirmed"]

    @confirmed.setter
    def confirmed(self, numbers: Numbers) -> None:
        self._numbers = self._stored | {"confirmed": numbers}

    @property
    def _stored(self) -> dict[str, Numbers]:
        if self._numbers is None:
            rows = list(self.values.all()) if self.pk else []
            self._numbers = {
                "figures": {row.figure_id: row.value for row in rows},
                "confirmed": {row.figure_id: row.value for row in rows if row.confirmed},
            }
        return self._numbers

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)  # type: ignore[misc]
        self._numbers = None
        self.__dict__.pop("asked_figures", None)

    def last_figures(self) -> dict[int, Last]:
        """By figure, the last number this assignment reported before, and that was not returned. One query."""
        from .values import FigureValue

        if self.known_last is not None:
            return self.known_last
        earlier = FigureValue.objects.filter(entry__assignment=self.assignment)
        return earlier.last_before(self.period).get(self.assignment.pk, {})

    def whole(self, content: dict[str, Any]) -> dict[str, Any]:
        """Content with the numbers given in part made whole; those no longer asked for go."""
        asked = {figure.pk for figure in self.asked_figures}
        numbers = {}
        for name in self.FIGURES:
            stored = {pk: value for pk, value in getattr(self, name).items() if pk in asked}
            merged = stored | content.get(name, {})
            numbers[name] = {pk: value for pk, value in merged.items() if value is not None}
        said = numbers["figures"]
        numbers["confirmed"] = {pk: value for pk, value in numbers["confirmed"].items() if said.get(pk) == value}
        return content | numbers

    def says(self, content: dict[str, Any]) -> bool:
        """Whether this is what stands here."""
        return self.whole(content).items() <= self.content().items()

    def content(self) -> dict[str, Any]:
        raise NotImplementedError  # the entry's

    def figure_faults(self, *, complete: bool) -> dict[str, list[Any]]:
        """What cannot be kept, and what must be said or asked before it is handed in, by field."""
        asked, faults = {figure.pk: figure for figure in self.asked_figures}, dict[str, list[Any]]()
        for pk, value in self.figures.items():
            try:
                if pk not in asked:
                    raise ValidationError(_("This figure is not asked for here; leave it empty."))
                check_number(value)
            except ValidationError as error:
                faults[field_name(pk)] = error.messages
        if not complete or faults:
            return faults
        if self.no_change:
            missing = [pk for pk in asked if is_flow(asked[pk]) and pk not in self.figures]
            faults |= {field_name(pk): [_("Say how much came in this period; without any, write 0.")] for pk in missing}
        open_to_doubt = self.figures.keys() - self.confirmed.keys()
        last = self.last_figures() if open_to_doubt else {}
        for pk in sorted(open_to_doubt):
            if jump := Jump.of(asked[pk], last.get(pk), self.figures[pk]):
                faults[field_name(pk)] = [ValidationError(jump.question, code=JUMP)]
        return faults

    def carried_figures(self) -> Numbers:
        """The stocks as they were reported last, for whoever repeats them."""
        stocks = [figure.pk for figure in self.asked_figures if not is_flow(figure)]
        last = self.last_figures() if stocks else {}
        return {pk: last[pk].value for pk in stocks if pk in last}

    def unchanged_figures(self, typed: dict[str, Any]) -> dict[str, Any]:
        """What "no change" says in numbers: stocks as they stood, flows as they are typed.

        Raises ValidationError by field where a stock is typed that is another than it was.
        """
        said, stocks = self.whole({name: typed[name] for name in self.FIGURES if name in typed}), self.carried_figures()
        other = [pk for pk, value in stocks.items() if said["figures"].get(pk, value) != value]
        if other:
            words = _("This is another number than last period’s. Submit it, or empty it before saying “no change”.")
            raise ValidationError({field_name(pk): words for pk in other})
        return said | {"figures": said["figures"] | stocks}

    def figures_said(self) -> list[Said]:
        """In the plan's order, with what looks like a slip. At most three queries."""
        figures = {row.figure_id: row.figure for row in self.values.select_related("figure")}
        last = self.last_figures() if figures else {}
        rows = [
            Said(figures[pk], value, Jump.of(figures[pk], last.get(pk), value), pk in self.confirmed)
            for pk, value in self.figures.items()
        ]
        return sorted(rows, key=lambda said: (said.figure.position, said.figure.pk))

    def keep_figures(self, before: dict[str, Any]) -> None:
        """Write what has changed since `before`; the row of the entry is held. At most two statements."""
        from .values import FigureValue

        changed = [
            pk
            for pk, value in self.figures.items()
            if (before["figures"].get(pk), pk in before["confirmed"]) != (value, pk in self.confirmed)
        ]
        if gone := before["figures"].keys() - self.figures.keys():
            self.values.filter(figure__in=gone).delete()
        rows = [
            FigureValue(entry_id=self.pk, figure_id=pk, value=self.figures[pk], confirmed=pk in self.confirmed)
            for pk in changed
        ]
        FigureValue.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["entry", "figure"], update_fields=["value", "confirmed"]
        )

    def figures_told(self, numbers: Numbers, confirmed: Numbers) -> dict[str, list[dict[str, Any]]]:
        """Numbers as an event keeps them, to be read without the figures; nothing where there are none."""
        told = [
            {
                "figure": figure.pk,
                "name": figure.name,
                "value": written_number(numbers[figure.pk]),
                "unit": figure.unit,
                "confirmed": figure.pk in confirmed,
            }
            for figure in (self.asked_figures if numbers else [])
            if figure.pk in numbers
        ]
        return {"figures": told} if told else {}
