"""Who has which task: every province hands down its own choice, in three rounds, some of it with nearer dates."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import NamedTuple

from tracker.models import Assignment, Organization, Part, Task

from .people import DEPARTMENTS, People
from .timeline import Quarter, moment
from .tree import Tree, official

MEASURED = "3.4.5"  # the one task with a target, so the one that asks for percent
WITHOUT_OWNER = 10
OWNED_BY_UNIONS = 8


class Handing(NamedTuple):
    round: int  # before which quarter: 0, 1 or 2
    tasks: list[Task]
    bodies: list[Organization]
    due: dt.date | None = None
    part: str = Part.LEAD
    standard: str = ""


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

    def handed(self, above: list[Organization], counties: list[Organization], dates: Dates) -> list[Handing]:
        bodies = [*above, *counties]
        nearer = {task.pk for task in (*self.past, *self.soon, *self.next_year)}
        rest = [task for task in self.tasks if task.pk not in nearer]
        reported = "按期完成，形成总结报告，台账资料齐全。"
        return [
            Handing(0, self.past[:1], bodies, dates.past, standard=reported),
            Handing(1, self.past[1:], bodies, dates.past, standard=reported),
            Handing(1, self.soon, bodies, dates.soon, standard="完成既定数量，经上级核验通过。"),
            Handing(1, rest[:8], bodies),
            Handing(2, rest[8:10], bodies),
            Handing(2, rest[10:], above),
            Handing(2, self.next_year, bodies, dates.next_year),
        ]


def hand_down(tasks: list[Task], tree: Tree, quarters: list[Quarter], today: dt.date, rng: Random) -> list[Handing]:
    dates = Dates(
        quarters[0].due + dt.timedelta(days=45), today + dt.timedelta(days=9), dt.date(today.year + 1, 12, 31)
    )
    measured = [task for task in tasks if task.code == MEASURED]
    narrow = [task for task in tasks if "county" not in task.levels]
    wide = [task for task in tasks if "county" in task.levels and task.code != MEASURED]
    deck = rng.sample(wide, len(wide))
    handed = [Handing(0, measured, [*tree.provinces, *tree.cities[:12], tree.counties[0], *tree.counties[4:9]])]
    handed += [Handing(0, narrow, tree.provinces[::2]), Handing(1, narrow, tree.provinces[1::2])]
    for n, province in enumerate(tree.provinces):
        choice = choose(deck[n :: len(tree.provinces)])
        above = [province, *under(province, tree.cities)]
        handed += choice.handed(above, under(province, tree.counties), dates)
        others = rng.sample([task for task in wide if task not in choice.tasks], 38)
        handed.append(Handing(1, others[:3], above))
        handed.append(Handing(1, others[3:8], under(province, tree.branches)))
        handed.append(Handing(2, others[8:11], under(province, tree.branches), part=Part.COOPERATING))
        if province == tree.provinces[0]:
            handed += [Handing(1, others[11:31], tree.counties[:1]), Handing(2, others[31:], tree.counties[:1])]
    return handed


def choose(tasks: list[Task]) -> Choice:
    dated = [task for task in tasks if not task.standing]
    return Choice(tasks, past=dated[:2], soon=dated[2:3], next_year=dated[3:4])


def under(above: Organization, bodies: list[Organization]) -> list[Organization]:
    return [body for body in bodies if body.path.startswith(above.path)]


def owners(tasks: list[Task], tree: Tree, handed: list[Handing], rng: Random) -> dict[Task, Organization]:
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


def handed_at(handing: Handing, quarters: list[Quarter]) -> dt.datetime:
    return moment(quarters[handing.round].opens - dt.timedelta(days=6), 10)


def assign(handing: Handing, quarters: list[Quarter], people: People) -> None:
    Assignment.objects.assign(
        handing.tasks,
        handing.bodies,
        by=people.named["admin"],
        part=handing.part,
        due=handing.due,
        standard=handing.standard,
        at=handed_at(handing, quarters),
    )


def name_owners(chosen: dict[Task, Organization], quarters: list[Quarter], people: People) -> None:
    for owner in dict.fromkeys(chosen.values()):
        assign(Handing(0, [task for task in chosen if chosen[task] == owner], [owner]), quarters, people)
    for task, owner in chosen.items():
        task.name_owner(owner, by=people.named["admin"])


def name_officials(tree: Tree, rng: Random) -> None:
    """Who answers for it in each body. These are no transitions, so they are set at once."""
    for body in tree.all:
        Assignment.objects.filter(organization=body).update(
            responsible=body.contact, department=rng.choice(DEPARTMENTS), leader=official(rng)
        )
