"""What a comparison (考核) counts and how it reckons. Counts come set-wise; the rest is arithmetic on plain values.

Peers only with peers: the bodies directly below one, each in its own line, stand in groups by level and line. A body is
counted with all below it in that line. Below city level a group has its number and its average, and no names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.db.models import Count, FilteredRelation, Q
from django.db.models.functions import Left
from django.utils import timezone

from .assignments import Assignment
from .organizations import Level, Line, Organization
from .plan import Reporting, Status
from .tallies import EntryTally, counting_path
from .tallies_below import COMPLETABLE, between, told

if TYPE_CHECKING:
    from .periods import Period

# By plan, the areas that take no part: leadership by the Party (1) and Party building (9) are assessed by the Party's
# own rules; political security (4) and exchanges abroad (8) are not to be measured by counts.
LEFT_OUT: dict[str, tuple[int, ...]] = {"18": (1, 4, 8, 9)}
NAMED = (Level.NATIONAL, Level.PROVINCE, Level.CITY)  # levels whose bodies are told by name
FEW = 3  # a nameless group smaller than this has no average: it would tell of one body
# Each rate as the part and the whole it is made of. All lie between 0 and 1, so there is neither bonus nor veto.
RATES = {"on_time": ("on_time", "owed"), "accepted": ("accepted", "owed"), "completed": ("done", "completable")}
NUMBERS = ("owed", "on_time", "accepted", "waiting", "completable", "done")

Counts = Mapping[str, int]
Group = dict[str, Any]


def taking_part(plan: str, prefix: str = "task__") -> Q:
    """The assignments that are compared: not of the areas left out, no standing duties, and reported here."""
    apart = Q(**{f"{prefix}heading__area__number__in": LEFT_OUT.get(plan, ())}) | Q(**{f"{prefix}standing": True})
    return ~(apart | Q(**{f"{prefix}reporting": Reporting.ELSEWHERE}))


def compared(body: Organization, period: Period) -> list[Organization]:
    """The bodies directly below, each in its own line, that were not closed when the period opened. One query."""
    own_line = Q(parent=body, line=Line.TERRITORIAL) | body.directly_below(Line.INDUSTRIAL) & Q(line=Line.INDUSTRIAL)
    opened = timezone.localdate(period.opened_at)
    open_then = Q(closed_on=None) | Q(closed_on__gte=opened)
    return list(Organization.objects.filter(own_line, open_then).exclude(pk=body.pk).order_by("code"))


def counted(bodies: Iterable[Organization], period: Period) -> dict[int, Counter[str]]:
    """By body, what it and all below it in its line owed in the period and have completed. One query for each line and
    length of path, whatever the number of bodies."""
    by_place: dict[tuple[Line, int], dict[str, int]] = defaultdict(dict)
    for body in bodies:
        line, path = counting_path(body)
        by_place[line, len(path)][path] = body.pk
    entry = FilteredRelation("entries", condition=Q(entries__period=period))
    records = Assignment.objects.annotate(entry=entry).filter(taking_part(period.plan.slug), task__plan=period.plan)
    completable = COMPLETABLE & Q(ended_on=None)
    aggregates = EntryTally.aggregates(period, "entry__")
    aggregates["n_completable"] = Count("pk", filter=completable)
    aggregates["n_done"] = Count("pk", filter=completable & Q(status=Status.COMPLETED))
    counts: dict[int, Counter[str]] = {pk: Counter() for pks in by_place.values() for pk in pks.values()}
    for (line, length), pks in by_place.items():
        column = "organization__path" if line == Line.TERRITORIAL else "organization__industry_path"
        for row in between(records, column, pks, length, "").annotate(**aggregates):
            counts[pks[row["at"]]] = told(row)
    for sums in counts.values():
        sums["owed"] = sum(sums[state] for state in EntryTally.STATES if state != "excused")
        sums["waiting"] = sums["submitted"]
    return counts


def grouped(body: Organization, period: Period, weights: Mapping[str, int]) -> list[Group]:
    """The groups of peers with all their numbers, as plain values that need nothing else to be read."""
    bodies = compared(body, period)
    counts = counted(bodies, period)
    peers: dict[tuple[str, str], list[Organization]] = defaultdict(list)
    for each in bodies:
        peers[each.level, each.line].append(each)
    levels, lines = list(Level.values), list(Line.values)
    order = sorted(peers, key=lambda key: (levels.index(key[0]), lines.index(key[1])))
    return [group(level, line, peers[level, line], counts, weights) for level, line in order]


def group(
    level: str, line: str, peers: list[Organization], counts: Mapping[int, Counter[str]], weights: Mapping[str, int]
) -> Group:
    total: Counter[str] = sum((counts[body.pk] for body in peers), Counter())
    named = level in NAMED
    told_of = {
        "level": level,
        "line": line,
        "count": len(peers),
        "peers": [body.pk for body in peers],
        "all": numbers(total) if named or len(peers) >= FEW else None,
        "bodies": [],
    }
    if named:
        rows: list[dict[str, Any]] = [
            {"pk": body.pk, "code": body.code, "name": body.name, **numbers(counts[body.pk])} for body in peers
        ]
        told_of["bodies"] = ranked([row | {"score": score(row, weights)} for row in rows])
    return told_of


class Peers:
    """Where the bodies of some groups stand now, so that what happens below one is found, and whose it is. One query.

    What was moved away from below a body since is no longer found with it.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        keys = [pk for group in groups for pk in group["peers"]]
        self.places: dict[tuple[Line, int], dict[str, int]] = defaultdict(dict)
        for body in Organization.objects.filter(pk__in=keys):
            line, path = counting_path(body)
            self.places[line, len(path)][path] = body.pk

    def below(self, rows: Any, prefix: str) -> Any:
        """The rows whose body, to which `prefix` leads, stands below one of these."""
        here = Q(pk__in=[])
        for number, ((line, length), pks) in enumerate(self.places.items()):
            column = "path" if line == Line.TERRITORIAL else "industry_path"
            rows = rows.alias(**{f"at_{number}": Left(prefix + column, length)})
            here |= Q(**{f"at_{number}__in": list(pks)})
        return rows.filter(here)

    def whose(self, body: Organization) -> int:
        """The key of the one it stands below, or is; 0 where there is none."""
        found = (pks.get((body.path_in(line) or "")[:length]) for (line, length), pks in self.places.items())
        return next(filter(None, found), 0)


def numbers(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in NUMBERS}


def score(counts: Counts, weights: Mapping[str, int]) -> float | None:
    """Out of a hundred, to one decimal. Where a rate that weighs has no denominator there is none: a null is no
    zero."""
    rates = [(weight, *(counts[name] for name in RATES[rate])) for rate, weight in weights.items() if weight]
    if not all(whole for _weight, _part, whole in rates):
        return None
    exact = sum((Fraction(weight * part, whole) for weight, part, whole in rates), Fraction())
    return int(exact * 10 + Fraction(1, 2)) / 10


def ranked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With `rank` among those that have a score, by the score as it is shown; ties share one. None of one alone."""
    scores = [row["score"] for row in rows if row["score"] is not None]

    def rank(one: float | None) -> int | None:
        return 1 + sum(other > one for other in scores) if one is not None and len(scores) > 1 else None

    return [row | {"rank": rank(row["score"])} for row in rows]
