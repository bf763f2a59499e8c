"""A page asks as many queries of 45,000 assignments as of 4,500."""

from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import place
from tracker.models import Assignment, Entry, EntryTally, Organization, Period, Plan, Task

PAGES = [
    ("reporter", "/"),
    ("reviewer", "/"),
    ("supervisor", "/"),
    ("administrator", "/"),
    ("leader", "/"),
    ("supervisor", "/instructions/?side=scope"),
    ("reviewer", "/review/"),
    ("reviewer", "/extensions/"),
    ("supervisor", "/strike-off/"),
    ("reporter", "/plans/18/"),
    ("reporter", "/plans/18/areas/3/"),
    ("reporter", "/plans/18/tasks/"),
    ("administrator", "/plans/18/tasks/3.2.3/"),
    ("administrator", "/plans/18/tasks/3.2.3/?page=2"),
    ("reporter", "/organizations/111/"),
    ("administrator", "/organizations/0/"),
    ("administrator", "/organizations/11/"),
    ("administrator", "/reports/18/"),
    ("administrator", "/reports/18/?show=completed"),
    ("supervisor", "/reports/18/?organization=11"),
    ("administrator", "/reports/18/by-task/"),
    ("supervisor", "/reports/18/by-body/?organization=11"),
    ("administrator", "/reports/18/ledger/"),
    ("administrator", "/reports/18/ledger/?page=40"),
    ("administrator", "/reports/18/ledger/?period=2026Q4&state=submitted"),
    ("supervisor", "/reports/18/ledger/?light=grey&sort=-due"),
    ("reporter", "/reports/18/board/"),
    ("reviewer", "/reports/18/board/"),
    ("administrator", "/reports/18/board/"),
    ("administrator", "/reports/18/board/?organization=11"),
    ("supervisor", "/reports/18/board/?organization=11&sort=missing&show=missing"),
    ("administrator", "/admin/tracker/assignment/"),
    ("administrator", "/admin/tracker/entry/"),
    ("administrator", "/admin/tracker/task/"),
    ("administrator", "/admin/tracker/organization/"),
]


def grow(bodies, count, first):
    """Counties under the city, each with every task, owed in the open period; every tenth entry awaits review."""
    for number in range(first, first + count):
        place(f"9{number:04}", f"示例{number}县总工会", "county", bodies.city)
    tasks = Task.objects.select_related("plan")
    Assignment.objects.assign(
        tasks, Organization.objects.filter(code__startswith="9"), by=None, all_levels=True, owe_now=True
    )
    period = Period.objects.get()
    if period.opened_at is None:
        period.open()
    now = timezone.now()
    waiting = Entry.objects.filter(state="due", assignment__organization__code__endswith="0")
    waiting.update(state="submitted", status="in_progress", progress="进展。", first_submitted_at=now, submitted_at=now)
    EntryTally.recount(period)


def asked(sign_in):
    counts = {}
    for name, page in PAGES:
        client = sign_in(name)
        client.get(page)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page).status_code == 200, page
        counts[name, page] = len(queries)
    return counts


def test_a_page_asks_as_many_queries_of_ten_times_the_rows(bodies, cast, sign_in):
    call_command("loaddata", "fixtures/report_18.json", verbosity=0)
    today = timezone.localdate()
    Period.objects.create(plan=Plan.objects.get(), code="2026Q4", opens=today, due=today, locks=today)
    Assignment.objects.assign(Task.objects.select_related("plan"), [bodies.county], by=None)
    grow(bodies, 43, first=0)
    assert Assignment.objects.count() > 4_500
    few = asked(sign_in)
    grow(bodies, 390, first=43)
    assert Assignment.objects.count() > 45_000
    many = asked(sign_in)
    assert many == few
    assert max(many.values()) <= 30, many
