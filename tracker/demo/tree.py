"""The invented federation: 示例总工会 over six provinces, two industrial unions beside them, 150 bodies in all."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from tracker.models import Level, Line, Organization

from . import ROOT

PROVINCES = 6
CITIES = 4  # a province
COUNTIES = ("甲县", "乙县", "丙区", "丁县", "戊市")  # the first city of a province has all five, the others four
UNIONS = ("能源", "教育")
BRANCHED = (0, 1, 5)  # the cities with an education union of their own
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
TITLES = ("干事", "主任", "科长", "部长")
DIGITS = "零一二三四五六七八九十"


class Tree(NamedTuple):
    root: Organization
    provinces: list[Organization]
    cities: list[Organization]
    counties: list[Organization]
    unions: list[Organization]  # national
    branches: list[Organization]  # bodies with both parents

    @property
    def all(self) -> list[Organization]:
        return [self.root, *self.provinces, *self.cities, *self.counties, *self.unions, *self.branches]


def chinese(number: int) -> str:
    """一 to 二十四."""
    tens, ones = divmod(number, 10)
    return ("" if not tens else "十" if tens == 1 else DIGITS[tens] + "十") + (DIGITS[ones] if ones else "")


def official(rng: Random) -> str:
    """王干事: an office, not a person."""
    return rng.choice(SURNAMES) + rng.choice(TITLES)


def telephone(rng: Random) -> str:
    """0000 is no area code."""
    return f"0000-{rng.randint(1000, 9999)}"


def make_tree(rng: Random) -> Tree:
    def place(code: str, short: str, level: Level, parent: Organization | None = None, **values: Any) -> Organization:
        name = short if short.endswith("工会") else short + "总工会"
        body = Organization(
            code=code,
            name=name,
            short_name=short,
            level=level,
            parent=parent,
            contact=official(rng),
            telephone=telephone(rng),
            **values,
        )
        body.place()
        return body

    root = place(ROOT, "示例总工会", Level.NATIONAL)
    provinces = [place(f"S{p:02}0000", f"示例{chinese(p)}省", Level.PROVINCE, root) for p in range(1, PROVINCES + 1)]
    unions = [
        place(f"SU{u}", f"示例{union}工会", Level.PROVINCE, root, line=Line.INDUSTRIAL)
        for u, union in enumerate(UNIONS, start=1)
    ]
    cities, counties = [], []
    for p, province in enumerate(provinces):
        for c in range(CITIES):
            code, short = f"S{p + 1:02}{c + 1:02}", f"示例{chinese(p * CITIES + c + 1)}市"
            city = place(f"{code}00", short, Level.CITY, province)
            cities.append(city)
            for n, county in enumerate(COUNTIES if c == 0 else COUNTIES[:4], start=1):
                counties.append(place(f"{code}{n:02}", short + county, Level.COUNTY, city))
    branches = [
        place(
            f"S{p:02}U{u}", f"示例{chinese(p)}省{name}工会", Level.CITY, province, line=Line.INDUSTRIAL, industry=union
        )
        for p, province in enumerate(provinces, start=1)
        for u, (name, union) in enumerate(zip(UNIONS, unions, strict=True), start=1)
    ]
    education = {branch.parent_id: branch for branch in branches if branch.industry_id == unions[1].pk}
    branches += [
        place(
            f"{cities[n].code[:5]}U2",
            f"{cities[n].short_name}教育工会",
            Level.COUNTY,
            cities[n],
            line=Line.INDUSTRIAL,
            industry=education[cities[n].parent_id],
        )
        for n in BRANCHED
    ]
    return Tree(root, provinces, cities, counties, unions, branches)
