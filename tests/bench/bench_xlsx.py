"""The ledger's workbook beside openpyxl writing the same cells, in one run.

    DEBUG=1 python -m tests.bench.bench_xlsx [--rows N | --small]

Rows are made in memory, as a nation's ledger has them, so that both write the same and the database is not measured:
20,000 of them, or 2,000 with --small. Each writes in a fresh process, so that its peak memory is its own. Beside ours
stands openpyxl's write-only workbook without a filter, widths or a validation list.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROWS, FEW, CHUNK = 20_000, 2_000, 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS, help="write so many rows")
    parser.add_argument("--small", action="store_true", help=f"write {FEW} rows")
    parser.add_argument("--writer", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = FEW if options.small else options.rows
    if options.writer:
        print(json.dumps(measured(options.writer, rows)))
        return
    run = [sys.executable, "-m", "tests.bench.bench_xlsx", "--rows", str(rows), "--writer"]
    took = {}
    for writer, name in (("ours", "ledger.xlsx"), ("theirs", "openpyxl")):
        told = json.loads(subprocess.run([*run, writer], check=True, stdout=subprocess.PIPE).stdout)
        took[writer] = told["seconds"]
        print(
            f"{name:14} {rows:>9} rows {told['seconds']:8.2f} s {rows / told['seconds']:>10.0f} rows/s  "
            f"peak {told['peak'] / 1024:.0f} MB, {told['bytes'] / 1e6:.1f} MB"
        )
    print(f"ratio {took['theirs'] / took['ours']:.2f}")


def measured(writer: str, rows: int) -> dict[str, float]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from reports.columns import COLUMNS, reader
    from reports.workbooks import data_workbook

    with TemporaryDirectory() as folder:
        path, started = f"{folder}/ledger.xlsx", time.perf_counter()
        if writer == "ours":
            data_workbook(path, made(rows), COLUMNS)
        else:
            theirs(path, made(rows), COLUMNS, reader(COLUMNS))
        seconds, size = time.perf_counter() - started, Path(path).stat().st_size
    return {"seconds": seconds, "bytes": size, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def made(rows: int):
    """Rows by chunks: texts of a usual length, every third with a report of its own."""
    from reports.rows import NO_REPORT, Body, Course, Report, Row, TaskPart

    words = "以县级工会为单位，推动新就业形态劳动者建会入会，健全服务阵地，落实专项经费。"
    tasks = [
        TaskPart("18", f"3.2.{at}", "三　切实维护职工合法权益", "3.2　加强权益保障", words + str(at), "", "2028-10-31")
        for at in range(104)
    ]
    due = ("2028-10-31", "in_progress", "正在推进", 40)
    course = Course(*due, "yellow", "黄灯", "黄灯", "due_soon", "距完成时限不足 15 天", "", "")
    for first in range(0, rows, CHUNK):
        chunk = []
        for at in range(first, min(first + CHUNK, rows)):
            body = Body(f"示例{at // 104}县总工会", "0000-0000", f"示例{at // 1040}市总工会")
            said = Report(f"第 {at} 项。{words}", words, words, 2, "张干事", "2026-12-20 16:04", "李科长", "同意。")
            report = NO_REPORT if at % 3 else said
            place = (at + 1, tasks[at % 104], body, course, report)
            chunk.append(Row(*place, "", "建成站点", "领导", "责任人", "", f"{at}-3-2", at, True))
        yield chunk


def theirs(path: str, chunks, columns, read) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([str(column.header) for column in columns])
    for chunk in chunks:
        for row in chunk:
            sheet.append(read(row))
    book.save(path)


if __name__ == "__main__":
    main()
