"""The ledger's file beside what else writes the same rows, in one run.

    DATABASE_URL=… DEBUG=1 python -m tests.bench.bench_ledger [--few N] [--rounds N]

Measures on the database that DATABASE_URL names, as `quickstart --no-server --assign --all-levels` fills it, and writes
no more than the line of the log that tells of the file. Ours is the view, read to its end. Beside it all rows by
`sqlite3 -csv` or `psql \\copy`, with 29 columns as near to ours as plain SQL comes and in the same order, and by
`values_list` with csv.writer; the first N (20,000) by django-import-export and django-tables2. Each runs in a fresh
process, so that its peak memory is its own, in turns; medians count. Times are of the work without the start of Python.
"""

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

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


OURS, VALUES = "ledger.csv", "values_list + csv.writer"
IN_FULL = {OURS: "ours", VALUES: "by_values_list"}
OF_A_FEW = {"django-import-export": "by_import_export", "django-tables2 TableExport": "by_table_export"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=20_000, help="rows for what holds them all in memory")
    parser.add_argument("--rounds", type=int, default=3, help="turns, of which the medians are shown")
    parser.add_argument("--writer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from tests.bench import writers
    from tracker.models import Assignment, Plan

    settings.DEBUG = False  # no query log
    if options.writer:
        print(json.dumps(measured(getattr(writers, options.writer), options.few)))
        return
    rows = Assignment.objects.live().count()
    if not rows or not Plan.objects.filter(slug="18").exists():
        sys.exit("There is nothing to measure here. First: manage.py quickstart --no-server --assign --all-levels")
    print(f"{connection.vendor}: {rows} rows, {options.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")  # as a server at work is
    name, command = tool(connection)
    told: dict[str, list[dict[str, float]]] = {}
    for _round in range(options.rounds):
        told.setdefault(OURS, []).append(in_python(IN_FULL[OURS], options.few))
        if shutil.which(command[0]):
            told.setdefault(name, []).append(run(command))
    told[VALUES] = [in_python(IN_FULL[VALUES], options.few)]
    for other, writer in OF_A_FEW.items():
        told[other] = [in_python(writer, options.few)]
    table(told, rows)


def in_python(writer: str, few: int) -> dict[str, float]:
    run = [sys.executable, "-m", "tests.bench.bench_ledger", "--writer", writer, "--few", str(few)]
    return json.loads(subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout)


def measured(write, few: int) -> dict[str, float]:
    """What one writer took; a dictionary without seconds where it is not installed."""
    started, cpu = time.perf_counter(), time.process_time()
    told = write(few)
    took = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    return (took if told else {}) | told | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def run(command: list[str]) -> dict[str, float]:
    """What a command took. Its peak is read while it runs: what `wait4` tells begins with the peak of this process."""
    started, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        status = Path(f"/proc/{process.pid}/status")
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            if found := re.search(r"VmHWM:\s+(\d+)", status.read_text()):
                peak = int(found[1])
            time.sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    cpu = ended[2].ru_utime + ended[2].ru_stime
    return {"seconds": time.perf_counter() - started, "cpu": cpu, "peak": peak / 1024}


def table(told: dict[str, list[dict[str, float]]], rows: int) -> None:
    """`ours is` so many times as fast, by time and by the CPU of the process (a server's own is not in it)."""
    print(f"{'':28}{'rows':>8}{'seconds':>9}{'CPU':>7}{'µs a row':>10}{'ours is':>9}{'by CPU':>8}{'peak MB':>9}")
    mine: dict[str, float] = {}
    for name, runs in told.items():
        if "seconds" not in runs[0]:
            print(f"{name:28}not installed")
            continue
        took = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        count = took.get("rows", rows)
        row = {key: 1e6 * took[key] / count for key in ("seconds", "cpu")}
        mine = mine or row
        ratios = [f"{row[key] / mine[key]:.2f} ×" for key in row]
        print(
            f"{name:28}{count:8.0f}{took['seconds']:9.2f}{took['cpu']:7.2f}{row['seconds']:10.1f}"
            f"{ratios[0]:>9}{ratios[1]:>8}{took['peak']:9.0f}"
        )
        if "first" in took:
            first, row_at = 1000 * took["first"], 1000 * took["first_row"]
            print(f"{'':28}first byte after {first:.0f} ms, first row after {row_at:.0f} ms")


def tool(connection) -> tuple[str, list[str]]:
    """The database's own, as a command."""
    select = f"SELECT {COLUMNS} FROM {TABLES} WHERE a.ended_on IS NULL ORDER BY t.position, o.path"
    select, settings = " ".join(select.split()), connection.settings_dict
    if connection.vendor == "sqlite":
        return "sqlite3 -csv", ["sqlite3", "-readonly", "-csv", str(settings["NAME"]), select]
    return "psql \\copy", ["psql", os.environ["DATABASE_URL"], "-c", rf"\copy ({select}) TO STDOUT WITH (FORMAT csv)"]


if __name__ == "__main__":
    main()
