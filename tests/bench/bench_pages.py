"""Page times on the database that DATABASE_URL names, warm, as medians, beside the login page of the same run.

DATABASE_URL=… DEBUG=1 DEMO=1 python -m tests.bench.bench_pages
"""

import os
import statistics
import sys
import time

RUNS = 21
PAGES = [
    ("reporter", "/"),
    ("reviewer", "/review/"),
    ("national", "/"),
    ("supervisor", "/"),
    ("reporter", "/plans/18/"),
    ("reporter", "/plans/18/areas/3/"),
    ("reporter", "/plans/18/tasks/"),
    ("national", "/plans/18/tasks/3.2.3/"),
    ("supervisor", "/reports/18/ledger/"),
    ("national", "/reports/18/ledger/"),
]


def median_ms(ask) -> float:
    """The median of RUNS answers in milliseconds, after two that are not counted."""
    times = []
    for run in range(RUNS + 2):
        started = time.perf_counter()
        response = ask()
        assert response.status_code == 200, response.status_code
        if run > 1:
            times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tracker.models import Assignment, Entry, User

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False  # no query log, cached templates: as served
    print(f"{connection.vendor}: {Assignment.objects.count()} assignments, {Entry.objects.count()} entries")
    base = median_ms(lambda: Client().get("/accounts/login/"))
    print(f"{'login page':48} {base:7.1f} ms   1.0")
    for name, path in PAGES:
        user = User.objects.filter(username=name).first() or User.objects.filter(is_superuser=True).first()
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        asked = len(queries)  # counted now: the next request clears the log
        took = median_ms(lambda client=client, path=path: client.get(path))
        print(f"{name + ' ' + path:48} {took:7.1f} ms {took / base:5.1f}   {asked} queries")


if __name__ == "__main__":
    sys.exit(main())
