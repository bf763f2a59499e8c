"""Who has which task: every province hands down its own choice, in three rounds, some of it with nearer dates."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import partial
from random import Random
from typing import NamedTuple

from django.utils import timezone

from tracker.models import Assignment, Figure, Handing, Organization, Part, Task

from .people import DEPARTMENTS, People
from .timeline import Quarter, Timeline, moment, office_hour
from .tree import Tree, official

MEASURED = "3.4.5"  # the one task with a target, so the one that asks for percent
KEPT_BACK = "3.2.3"  # the first province has it and has not handed it on: left for a visitor to do
SHARES = (14, 15, 16, 17, 18, 20)  # of a hundred, by province
LATELY = 3  # tasks that the reporter's city handed down in the last days, and that wait for the county's signature
NOT_OURS = "此项工作由市级统筹，我县不具备实施条件，建议调整承担单位。"
WITHOUT_OWNER = 10
OWNED_BY_UNIONS = 8


class HandedDown(NamedTuple):
    round: int  # before which quarter: 0, 1 or 2
    tasks: list[Task]
    bodies: list[Organization]
    due: dt.date | None = None
    part: str = Part.LEAD
    standard: str = ""
    figure: Figure | None = None
    shares: dict[int, Decimal] | None = None  # of the figure, by body


class Dates(NamedTuple):
    """What is asked for earlier than the plan's own end."""

    past: dt.date
    soon: dt.date
    next_year: dt.date


class Choice(NamedTuple):
    """One province's: what everybody in it has, and what of that is due earlier."""

    tasks: list[Task]
    past: list[Task]
    soon: list[Task]
    next_year: list[Task]

    def handed(self, above: list[Organization], counties: list[Organization], dates: Dates) -> list[HandedDown]:
        bodies = [*above, *counties]
        nearer = {task.pk for task in (*self.past, *self.soon, *self.next_year)}
        rest = [task for task in self.tasks if task.pk not in nearer]
        reported = "按期完成，形成总结报告，台账资料齐全。"
        return [
            HandedDown(0, self.past[:1], bodies, dates.past, standard=reported),
            HandedDown(1, self.past[1:], bodies, dates.past, standard=reported),
            HandedDown(1, self.soon, bodies, dates.soon, standard="完成既定数量，经上级核验通过。"),
            HandedDown(1, rest[:8], bodies),
            HandedDown(2, rest[8:10], bodies),
            HandedDown(2, rest[10:], above),
            HandedDown(2, self.next_year, bodies, dates.next_year),
        ]


def hand_down(tasks: list[Task], tree: Tree, quarters: list[Quarter], today: dt.date, rng: Random) -> list[HandedDown]:
    dates = Dates(
        quarters[0].due + dt.timedelta(days=45), today + dt.timedelta(days=9), dt.date(today.year + 1, 12, 31)
    )
    measured = [task for task in tasks if task.code == MEASURED]
    narrow = [task for task in tasks if "county" not in task.levels]
    wide = [task for task in tasks if "county" in task.levels and task.code != MEASURED]
    deck = rng.sample(wide, len(wide))
    bodies = [*tree.provinces, *tree.cities[:12], tree.counties[0], *tree.counties[4:9]]
    figure = measured[0].figures.get()
    handed = [HandedDown(0, measured, bodies, figure=figure, shares=share_out(figure, tree))]
    handed += [HandedDown(0, narrow, tree.provinces[::2]), HandedDown(1, narrow, tree.provinces[1::2])]
    for n, province in enumerate(tree.provinces):
        choice = choose(deck[n :: len(tree.provinces)])
        above = [province, *under(province, tree.cities)]
        handed += choice.handed(above, under(province, tree.counties), dates)
        others = rng.sample([task for task in wide if task not in choice.tasks], 38)
        handed.append(HandedDown(1, others[:3], above))
        handed.append(HandedDown(1, others[3:8], under(province, tree.branches)))
        handed.append(HandedDown(2, others[8:11], under(province, tree.branches), part=Part.COOPERATING))
        if province == tree.provinces[0]:
            handed += [HandedDown(1, others[11:31], tree.counties[:1]), HandedDown(2, others[31:], tree.counties[:1])]
    return keep_back(handed, tree.provinces[0], next(task for task in tasks if task.code == KEPT_BACK))


def share_out(figure: Figure, tree: Tree) -> dict[int, Decimal]:
    """The target over the provinces, and two thirds of each one's share over its cities."""
    target = figure.target or Decimal(0)
    shares = {province.pk: target * share / 100 for province, share in zip(tree.provinces, SHARES, strict=True)}
    return shares | {
        city.pk: shares[province.pk] // 6 for province in tree.provinces for city in under(province, tree.cities[:12])
    }


def keep_back(handed: list[HandedDown], province: Organization, task: Task) -> list[HandedDown]:
    """The province has the task, and nobody in it has."""
    inside = province.path
    kept = []
    for one in handed:
        outside = [body for body in one.bodies if not body.path.startswith(inside)]
        if task in one.tasks and len(outside) < len(one.bodies):
            kept.append(one._replace(tasks=[task], bodies=outside))
            one = one._replace(tasks=[other for other in one.tasks if other != task])
        kept.append(one)
    return [*kept, HandedDown(0, [task], [province])]


def choose(tasks: list[Task]) -> Choice:
    dated = [task for task in tasks if not task.standing]
    return Choice(tasks, past=dated[:2], soon=dated[2:3], next_year=dated[3:4])


def under(above: Organization, bodies: list[Organization]) -> list[Organization]:
    return [body for body in bodies if body.path.startswith(above.path)]


def owners(tasks: list[Task], tree: Tree, handed: list[HandedDown], rng: Random) -> dict[Task, Organization]:
    """Most tasks have a lead: the nation itself, a province that has the task, or an industrial union."""
    wide = [task for task in tasks if "county" in task.levels and task.code != MEASURED]
    ownerless = set(rng.sample(wide, WITHOUT_OWNER))
    unions = set(rng.sample([task for task in wide if task not in ownerless], OWNED_BY_UNIONS))
    whole = [handing for handing in handed if handing.bodies[1:] and handing.bodies[1] in tree.cities]  # provinces
    provinces = {task: handing.bodies[0] for handing in whole for task in handing.tasks}
    chosen: dict[Task, Organization] = {}
    for n, task in enumerate(tasks):
        if task in unions:
            chosen[task] = tree.unions[len(chosen) % len(tree.unions)]
        elif task not in ownerless:
            chosen[task] = provinces[task] if n % 4 == 3 and task in provinces else tree.root
    return chosen


def handed_at(handing: HandedDown, quarters: list[Quarter]) -> dt.datetime:
    return moment(quarters[handing.round].opens - dt.timedelta(days=6), 10)


def assign(handing: HandedDown, quarters: list[Quarter], people: People) -> None:
    Assignment.objects.assign(
        handing.tasks,
        handing.bodies,
        by=people.named["admin"],
        part=handing.part,
        due=handing.due,
        standard=handing.standard,
        figure=handing.figure,
        shares=handing.shares,
        at=handed_at(handing, quarters),
    )


def name_owners(chosen: dict[Task, Organization], quarters: list[Quarter], people: People) -> None:
    for owner in dict.fromkeys(chosen.values()):
        assign(HandedDown(0, [task for task in chosen if chosen[task] == owner], [owner]), quarters, people)
    for task, owner in chosen.items():
        task.name_owner(owner, by=people.named["admin"])


def sign_all(tree: Tree, timeline: Timeline, quarters: list[Quarter], people: People, rng: Random) -> None:
    """Before each quarter every body signs for what it was handed, naming who answers for it."""
    for body in tree.all:
        named = {"responsible": body.contact, "department": rng.choice(DEPARTMENTS), "leader": official(rng)}
        for quarter in quarters:
            at = office_hour(quarter.opens - dt.timedelta(days=rng.randint(2, 5)), rng)
            timeline.add(at, partial(sign, body, people, at, named))


def sign(body: Organization, people: People, at: dt.datetime, named: dict[str, str]) -> None:
    waiting = Handing.objects.filter(assignment__organization=body).waiting()
    if body.parent_id and waiting.exists():
        waiting.sign(by=people.reporters[body.pk], at=at, **named)


def hand_down_lately(tasks: list[Task], tree: Tree, timeline: Timeline, people: People, now: dt.datetime) -> None:
    """In the last days the reporter's city handed some more to its counties: one has signed, one has sent them back."""
    opened = moment(timezone.localdate(now).replace(day=1))
    given_at = max(opened + (now - opened) / 4, now - dt.timedelta(days=3))
    city = tree.cities[0]
    counties = [body for body in tree.counties if body.parent_id == city.pk]
    timeline.add(given_at, partial(hand_on, tasks, city, counties, people, given_at), alone=True)
    for county, act, share in ((counties[1], sign_lately, 0.4), (counties[2], send_one_back, 0.6)):
        at = given_at + (now - given_at) * share
        timeline.add(at, partial(act, county, people, at))


def hand_on(
    tasks: list[Task], city: Organization, counties: list[Organization], people: People, at: dt.datetime
) -> None:
    """What the city has and its counties have not."""
    known = Assignment.objects.filter(organization__in=counties).values("task")
    held = city.assignments.live().exclude(task__in=known).values_list("task", flat=True)
    chosen = [task for task in tasks if task.pk in set(held) and "county" in task.levels][:LATELY]
    due = timezone.localdate(at) + dt.timedelta(days=200)
    standard = "每季度至少开展一次，留存台账和影像资料。"
    Assignment.objects.assign(chosen, counties, by=people.named["city"], giver=city, due=due, standard=standard, at=at)


def sign_lately(county: Organization, people: People, at: dt.datetime) -> None:
    named = {"responsible": county.contact, "department": DEPARTMENTS[0]}
    Handing.objects.filter(assignment__organization=county).sign(by=people.reporters[county.pk], at=at, **named)


def send_one_back(county: Organization, people: People, at: dt.datetime) -> None:
    first = Handing.objects.filter(assignment__organization=county).waiting().order_by("pk").first()
    if first:
        first.send_back(by=people.reporters[county.pk], comment=NOT_OURS, at=at)
