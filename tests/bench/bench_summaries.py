"""Server time of the overview, the board and the other summaries at the nation, a province, a city and a county, as
median and p95, beside the login page of the same run; and what a brief and a comparison of the nation take to count.

    DATABASE_URL=… DEBUG=1 python -m tests.bench.bench_summaries [--periods N]

On the database that DATABASE_URL names, as `quickstart --no-server --assign --all-levels` fills it. `--periods` adds so
many locked periods before the present one, each owed by every assignment, until there are millions of entries. Every
accepted entry is given the numbers its task asks for.
"""

import argparse
import datetime as dt
import os
import statistics
import sys
import time

RUNS = 41
PAGES = ["", "board/", "by-task/", "by-body/", "figures/", "figures/innovation-studios/", "timeline/"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--periods", type=int, default=0, help="locked periods to add")
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from tracker.models import Assignment, Entry, FigureValue, Plan
    from tracker.models.inserting import analyze

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False
    if not Plan.objects.filter(slug="18").exists() or not Assignment.objects.exists():
        sys.exit("There is nothing to measure here. First: manage.py quickstart --no-server --assign --all-levels")
    plan = Plan.objects.get(slug="18")
    for number in range(options.periods):
        add_period(plan, number)
    give_numbers(plan)
    analyze()  # as the nightly run does
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")  # as a server at work does by itself
    counts = [f"{model._meta.model_name} {model.objects.count():,}" for model in (Assignment, Entry, FigureValue)]
    print(f"{connection.vendor}: {', '.join(counts)}")
    base = timed("/accounts/login/", None, options.runs)
    print(f"{'login page':44} median {base[0]:7.1f} ms   p95 {base[1]:7.1f} ms   1.0")
    for name, user in viewers():
        for page in PAGES:
            median, worst, queries = timed(f"/reports/18/{page}", user, options.runs)
            told = f"{name + ' /reports/18/' + page:44} median {median:7.1f} ms   p95 {worst:7.1f} ms"
            print(f"{told}   {median / base[0]:4.1f}   {queries} queries", flush=True)
    for name, count in kept(plan):
        started = time.perf_counter()
        count()
        print(f"{name:44} once   {1000 * (time.perf_counter() - started):7.0f} ms", flush=True)


def add_period(plan, number: int) -> None:
    """One locked quarter more, in which nine of ten entries were accepted: three statements and a recount."""
    from django.db.models import Case, F, Q, Value, When
    from django.utils import timezone

    from tracker.models import Assignment, Entry, EntryTally, Period
    from tracker.models.inserting import insert_from

    first = plan.periods.order_by("opens").first()
    last = first.opens - dt.timedelta(days=1)
    code = f"{last.year}Q{(last.month - 1) // 3 + 1}"
    opens = last.replace(month=(last.month - 1) // 3 * 3 + 1, day=1)
    period = Period.objects.create(plan=plan, code=code, opens=opens, due=last, locks=last)
    Period.objects.filter(pk=period.pk).update(opened_at=timezone.now())
    at = timezone.make_aware(dt.datetime.combine(last, dt.time()))
    due, late = Q(turn=0), Q(turn=1)
    came = Case(When(due, then=None), When(late, then=Value(at + dt.timedelta(days=2))), default=Value(at))
    made = {
        "assignment": F("pk"),
        "period": Value(period.pk),
        "state": Case(When(due, then=Value("due")), default=Value("accepted")),
        "version": Value(3),
        "status": F("status"),
        "first_submitted_at": came,
        "submitted_at": came,
        "decided_at": came,
    }
    rows = Assignment.objects.alias(turn=F("pk") % 10).annotate(
        **{f"made_{name}": value for name, value in made.items()}
    )
    insert_from(Entry, list(made), rows.values_list(*(f"made_{name}" for name in made)))
    EntryTally.recount(period)
    EntryTally.set_aside_copy(period)
    Period.objects.filter(pk=period.pk).update(set_aside_at=timezone.now())


def give_numbers(plan) -> None:
    """To accepted entries that have none yet, one for each figure of their task: one statement a period."""
    from django.db.models import F, Value

    from tracker.models import Entry, FigureValue
    from tracker.models.inserting import insert_from

    for period in plan.periods.exclude(opened_at=None):
        entries = Entry.objects.filter(period=period, state="accepted", assignment__task__figures__isnull=False)
        told = entries.annotate(value=F("pk") % 90 + 10, confirmed=Value(False))
        columns = ["entry", "figure", "value", "confirmed"]
        insert_from(FigureValue, columns, told.values_list("pk", "assignment__task__figures", "value", "confirmed"))


def kept(plan):
    """What is counted once and then kept: the figures of a brief and of a comparison of the nation."""
    from django.utils import timezone

    from tracker.models import Organization
    from tracker.models.brief_figures import figures_of
    from tracker.models.comparing import grouped

    nation = Organization.objects.get(parent=None)
    period = plan.periods.exclude(opened_at=None).order_by("due").last()
    yield "a brief of the nation, counted", lambda: figures_of(period, nation, timezone.now())
    weights = {"on_time": 40, "accepted": 30, "completed": 30}
    yield "a comparison of the nation, counted", lambda: grouped(nation, period, weights)


def viewers():
    """A supervisor at each level: where most bodies stand below."""
    from django.db.models import Count

    from tracker.models import Membership, Organization, Role, User

    for level in ("national", "province", "city", "county"):
        body = Organization.objects.filter(level=level).annotate(n=Count("children")).order_by("-n", "pk").first()
        if body is None:
            continue
        user, _made = User.objects.get_or_create(username=f"bench-{level}", defaults={"password": "!"})
        Membership.objects.get_or_create(person=user, organization=body, role=Role.SUPERVISOR)
        yield level, user


def timed(path: str, user, runs: int) -> tuple[float, float, int]:
    """Median and 95th percentile in milliseconds, warm, and how many queries one answer takes."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    if user:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    asked, times = len(queries), []
    for _run in range(runs):
        started = time.perf_counter()
        client.get(path)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times), statistics.quantiles(times, n=20)[-1], asked


if __name__ == "__main__":
    main()
