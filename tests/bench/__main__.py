"""All figures in one run: the ledger's files beside what else writes them, the summaries, then the pages of the demo.

    make bench                       348,400 rows on SQLite
    python -m tests.bench --small    a hundredth of it

With DATABASE_URL the ledger is measured there; it must name an empty database.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = 35  # lines of organizations.csv: its header and 34 bodies


def run(*command: str, **env: str) -> None:
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, env=os.environ | {"DEBUG": "1"} | env, check=True)
    print(f"[{' '.join(command)}: {time.perf_counter() - started:.1f} s]\n", flush=True)


def main() -> None:
    small = "--small" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("DATABASE_URL") or f"sqlite:///{folder}/bench.sqlite3"
        real = {"DATABASE_URL": url, "DEMO": "0"}
        if small:
            some = Path(folder) / "organizations.csv"
            lines = (ROOT / "fixtures" / "organizations.csv").read_text("utf-8").splitlines(keepends=True)
            some.write_text("".join(lines[:SMALL]), "utf-8")
            run("manage.py", "migrate", "--verbosity=0", **real)
            run("manage.py", "load_organizations", str(some), **real)
        run("manage.py", "quickstart", "--no-server", "--assign", "--all-levels", **real)
        run("-m", "tests.bench.bench_ledger", *(["--few", "200"] if small else []), **real)
        run("-m", "tests.bench.bench_xlsx", *(["--small"] if small else []), **real)
        run("-m", "tests.bench.bench_summaries", "--periods", "5", **real)
        demo = {"DATABASE_URL": f"sqlite:///{folder}/demo.sqlite3", "DEMO": "1"}
        run("manage.py", "quickstart", "--no-server", **demo)
        run("-m", "tests.bench.bench_pages", **demo)
        run("-m", "tests.bench.bench_sheet", **demo)


if __name__ == "__main__":
    main()
