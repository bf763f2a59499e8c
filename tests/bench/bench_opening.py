"""Opening a period for everything that is assigned, beside a bare insert of as many pairs of numbers, in one run.

    DATABASE_URL=… DEBUG=1 python -m tests.bench.bench_opening

Measures on the database that DATABASE_URL names, as `quickstart --no-server --assign --all-levels` fills it; what it
makes is rolled back.
"""

import datetime as dt
import os
import sys
import time


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection, transaction

    from tracker.models import Assignment, Period, Plan

    settings.DEBUG = False  # no query log
    plan = Plan.objects.filter(slug="18").first()
    if plan is None or not Assignment.objects.exists():
        sys.exit("There is nothing to measure here. First: manage.py quickstart --no-server --assign --all-levels")
    with transaction.atomic():
        Assignment.objects.filter(status="completed").update(status="in_progress", percent=None)  # they owe too
        days = {"opens": dt.date(2028, 1, 1), "due": dt.date(2028, 3, 31), "locks": dt.date(2028, 4, 8)}
        period = Period.objects.create(plan=plan, code="2028Q1", **days)
        started = time.perf_counter()
        made = period.open()
        ours = time.perf_counter() - started
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE bare (a bigint, b bigint, UNIQUE (a, b))")
            started = time.perf_counter()
            cursor.executemany("INSERT INTO bare VALUES (%s, %s)", ((n, period.pk) for n in range(made)))
            bare = time.perf_counter() - started
        transaction.set_rollback(True)
    print(f"{connection.vendor}: {made} entries opened and counted in {ours:.2f} s ({made / ours:.0f}/s)")
    print(f"a bare executemany of as many pairs: {bare:.2f} s; ratio {bare / ours:.2f}")


if __name__ == "__main__":
    main()
