"""Every task handed down to every body, beside as many rows inserted with nothing around them, in one run.

    DATABASE_URL=… DEBUG=1 python -m tests.bench.bench_cascade

Migrates and fills the database that DATABASE_URL names, which must be empty: the real tree and the 104 tasks. Ours is
the whole act in its one transaction (lock, assignments, handings, lights, tallies); beside it `executemany` of as many
rows into two bare tables. Then what the page counts first, and the same act once more, which finds everything there.
"""

import io
import os
import sys
import time
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from tracker.models import Assignment, Cascade, Handing, Organization, Plan

    settings.DEBUG = False  # no query log
    call_command("migrate", verbosity=0)
    if Assignment.objects.exists():
        sys.exit("There are assignments already: name an empty database.")
    call_command("loaddata", FIXTURES / "report_18.json", verbosity=0)
    call_command("load_organizations", FIXTURES / "organizations.csv", stdout=io.StringIO())
    root, tasks = Organization.objects.get(parent=None), list(Plan.objects.get(slug="18").tasks.select_related("plan"))

    def cascade() -> Cascade:
        return Cascade(tasks, Organization.objects.all(), giver=root, superior_reviews=True, all_levels=True)

    counted = timed(lambda: cascade().preview())
    cpu = time.process_time()
    took, outcome = timed(lambda: cascade().carry_out(by=None))
    cpu = time.process_time() - cpu
    rows = Handing.objects.count()
    print(
        f"{connection.vendor}: {outcome.made} assignments and {rows} handings in {took:.2f} s ({cpu:.2f} s of our CPU)"
    )
    bare, _none = timed(lambda: insert_bare(connection, outcome.made, rows))
    print(f"{'executemany of as many bare rows':44} {bare:.2f} s   ratio {took / bare:.2f}")
    print(f"{'counted before, nothing there':44} {counted[0]:.2f} s")
    print(f"{'counted again, everything there':44} {timed(lambda: cascade().preview())[0]:.2f} s")
    again, outcome = timed(lambda: cascade().carry_out(by=None))
    print(f"{'handed down again, ' + str(outcome.handed) + ' made':44} {again:.2f} s")


def timed(act):
    started = time.perf_counter()
    result = act()
    return time.perf_counter() - started, result


def insert_bare(connection, assignments: int, handings: int) -> None:
    """As wide as ours, without an index beyond the key."""
    from django.db import transaction

    wide = (1, 2, "lead", "2023-10-01", "2028-10-31", "", "quarter", 0, 3, "grey", "not_begun", "2026-11-24")
    narrow = (1, "territorial", 2, "2028-10-31", "", "quarter", "handed", "2026-11-24 10:00:00")
    names = {"bare_assignment": (wide, assignments), "bare_handing": (narrow, handings)}
    with transaction.atomic(), connection.cursor() as cursor:
        for table, (row, count) in names.items():
            kinds = ", ".join(f"c{n} {'integer' if isinstance(v, int) else 'text'}" for n, v in enumerate(row))
            cursor.execute(f"CREATE TEMP TABLE {table} (id integer PRIMARY KEY, {kinds})")
            marks = ", ".join(["%s"] * (len(row) + 1))
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", ((n, *row) for n in range(count)))


if __name__ == "__main__":
    main()
