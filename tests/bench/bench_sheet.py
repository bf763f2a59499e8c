"""The sheet with every task of the plan on it, and what its script sends. Nothing of it stays in the database.

DATABASE_URL=… DEBUG=1 DEMO=1 python -m tests.bench.bench_sheet
"""

import json
import os
import sys
import time

from .bench_pages import median_ms


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection, transaction
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from tracker.models import Assignment, Entry, Period, Task, User

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False  # no query log, cached templates: as served
    user = User.objects.get(username="reporter")
    period = Period.objects.open_on(timezone.localdate()).latest("due")
    path = f"/sheet/{period.plan.slug}/{period.code}/"
    client = Client()
    with transaction.atomic():
        tasks = Task.objects.select_related("plan")
        Assignment.objects.assign(tasks, [user.organization], by=None, all_levels=True, owe_now=True)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path)
        took = median_ms(lambda: client.get(path))
        size = len(page.content) // 1024
        mine = Entry.objects.editable_by(user).filter(period=period)
        rows = mine.count()
        print(f"{connection.vendor}: the sheet, {rows} rows: {took:.0f} ms, {len(queries)} queries, {size} KiB")
        for do, count in (("save", 1), ("save", 40), ("submit", 40), ("unchanged", 30)):
            last = mine.reported_before(period)
            some = [entry for entry in mine.filter(state="due") if do != "unchanged" or entry.assignment_id in last][
                :count
            ]
            said = {"status": "in_progress", "progress": "新建站点四个。"} if do != "unchanged" else {}
            rows = [{"entry": entry.pk, "version": entry.version, "do": do, "values": said} for entry in some]
            body = json.dumps({"user": user.pk, "rows": rows})
            started = time.perf_counter()
            answer = client.post(path + "save/", body, content_type="application/json")
            took = 1000 * (time.perf_counter() - started)
            done = sum(one["outcome"] in ("saved", "reported") for one in answer.json()["rows"])
            print(f"{do} {len(rows)} rows in one request: {took:.0f} ms ({done} done)")
        transaction.set_rollback(True)


if __name__ == "__main__":
    sys.exit(main())
