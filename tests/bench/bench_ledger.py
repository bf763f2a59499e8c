"""The ledger's file beside the database's own tool writing the same rows, in one run.

    DATABASE_URL=… DEBUG=1 python -m tests.bench.bench_ledger [--limit N]

Measures on the database that DATABASE_URL names, as `quickstart --no-server --assign --all-levels` fills it, and writes
nothing. Ours is the view, read to its end in a fresh process, so that its peak memory is its own; beside it `sqlite3
-csv` or `psql \\copy` with 29 columns as near to ours as plain SQL comes, in the same order.
With a limit both still sort everything, so that the ratio says little.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time

COLUMNS = """
    0 AS number, ar.title, h.title, t.code, t.wording, a.standard, o.name, p.name, w.name, '' AS cooperating, a.leader,
    a.responsible, o.telephone, a.due, a.status, a.percent, a.light, a.light_reason,
    e.state, e.progress, e.problems, e.next_steps, 0 AS evidence, r.name, e.submitted_at, d.name, e.comment,
    a.struck_off_on, a.id || '-' || coalesce(e.period_id, 0) || '-' || coalesce(e.version, 0)
"""
TABLES = """
    tracker_assignment a
    JOIN tracker_task t ON t.id = a.task_id
    JOIN tracker_heading h ON h.id = t.heading_id
    JOIN tracker_area ar ON ar.id = h.area_id
    JOIN tracker_organization o ON o.id = a.organization_id
    LEFT JOIN tracker_organization p ON p.id = o.parent_id
    LEFT JOIN tracker_organization w ON w.id = t.owner_id
    LEFT JOIN tracker_entry e ON e.id = a.latest_id
    LEFT JOIN tracker_user r ON r.id = e.submitted_by_id
    LEFT JOIN tracker_user d ON d.id = e.decided_by_id
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=10**9, help="stop after so many rows")
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    if options.ours:
        print(json.dumps(ours(options.limit)))
        return
    from django.db import connection

    from tracker.models import Assignment, Plan

    rows = min(Assignment.objects.live().count(), options.limit)
    if not rows or not Plan.objects.filter(slug="18").exists():
        sys.exit("There is nothing to measure here. First: manage.py quickstart --no-server --assign --all-levels")
    print(f"{connection.vendor}: {rows} rows")
    run = [sys.executable, "-m", "tests.bench.bench_ledger", "--ours", "--limit", str(options.limit)]
    mine = json.loads(subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout)
    tell(
        "ledger.csv", mine["rows"], mine["seconds"], f"peak {mine['peak'] / 1024:.0f} MB, {mine['bytes'] / 1e6:.0f} MB"
    )
    name, command = theirs(connection, options.limit)
    if not shutil.which(command[0]):
        print(f"{name}: {command[0]} is not installed, so there is nothing to compare with")
        return
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    tell(name, rows, seconds, "")
    print(f"ratio {(mine['rows'] / mine['seconds']) / (rows / seconds):.2f}")


def tell(name: str, rows: int, seconds: float, more: str) -> None:
    print(f"{name:14} {rows:>9} rows {seconds:8.2f} s {rows / seconds:>10.0f} rows/s  {more}".rstrip())


def ours(limit: int) -> dict[str, float]:
    """The view's answer, read to its end or to `limit` rows, as a superuser who stands in no table."""
    from django.conf import settings
    from django.test import RequestFactory

    from reports.views import ledger_csv
    from tracker.models import User

    settings.DEBUG = False  # no query log
    request = RequestFactory().get("/reports/18/ledger.csv")
    request.user = User(username="bench", is_superuser=True)
    request.user.acting = None
    rows, size, started = -1, 0, time.perf_counter()
    for part in ledger_csv(request, "18").streaming_content:
        rows, size = rows + part.count(b"\r\n"), size + len(part)
        if rows >= limit:
            break
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"rows": rows, "bytes": size, "seconds": seconds, "peak": peak}


def theirs(connection, limit: int) -> tuple[str, list[str]]:
    """The database's own tool, as a command."""
    select = f"SELECT {COLUMNS} FROM {TABLES} WHERE a.ended_on IS NULL ORDER BY t.position, o.path LIMIT {limit}"
    select, settings = " ".join(select.split()), connection.settings_dict
    if connection.vendor == "sqlite":
        return "sqlite3 -csv", ["sqlite3", "-readonly", "-csv", str(settings["NAME"]), select]
    return "psql \\copy", ["psql", os.environ["DATABASE_URL"], "-c", rf"\copy ({select}) TO STDOUT WITH (FORMAT csv)"]


if __name__ == "__main__":
    main()
