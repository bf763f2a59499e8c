"""Sixteen writers submitting and four reviewers accepting at once, with tallies and without, in one run.

    DATABASE_URL=… DEBUG=1 python -m tests.bench.bench_writers [--each N]

DATABASE_URL must name an empty database: it is filled and left. Every writer is a process of its own with its own
connection, as under gunicorn; a submission and an acceptance are one transaction each.
"""

import argparse
import datetime as dt
import os
import sys
import time
from multiprocessing import get_context

WRITERS, REVIEWERS = 16, 4
TEXT = {"status": "in_progress", "progress": "新建站点四个，服务职工三千人次。"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=60, help="entries a writer submits")
    each = parser.parse_args().each
    start()
    from django.core.management import call_command

    from tracker.models import Organization
    from tracker.models.checking import differences

    call_command("migrate", verbosity=0)
    if Organization.objects.exists():
        sys.exit("This needs an empty database.")
    call_command("loaddata", "fixtures/report_18.json", verbosity=0)
    rates = {}
    for n, tallied in enumerate((True, False)):
        furnish(n, each)
        rates[tallied] = race(n, tallied)
        if tallied:
            assert not list(differences()), "the tallies are not what the records say"
    print(f"ratio with tallies to without: {rates[True] / rates[False]:.2f}")


def start() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    from django.conf import settings

    settings.DEBUG = False


def furnish(n: int, each: int) -> None:
    """A city with a reviewer for each of four, and a county for every writer, each owing `each` entries."""
    from tracker.models import Assignment, Membership, Organization, Period, Plan, Task, User

    def place(code, level, parent=None):
        body = Organization(code=code, name=code, level=level, parent=parent)
        body.place()
        return body

    def person(name, body, role):
        user = User.objects.create(username=name, password="!")
        Membership.objects.create(person=user, organization=body, role=role)

    root = Organization.objects.filter(parent=None).first() or place("0", "national")
    city = place(f"{n}1", "city", root)
    for number in range(REVIEWERS):
        person(f"reviewer-{n}-{number}", city, "reviewer")
    counties = [place(f"{n}1{number:02}", "county", city) for number in range(WRITERS)]
    for number, county in enumerate(counties):
        person(f"writer-{n}-{number}", county, "reporter")
    Assignment.objects.update(ended_on=dt.date(2020, 1, 1))  # the first round owes nothing in the second
    Task.objects.update(reporting="full", levels=["county"])
    tasks = Task.objects.select_related("plan").order_by("position")[:each]
    Assignment.objects.assign(tasks, counties, by=None)
    today = dt.date.today()  # noqa: DTZ011
    days = {"opens": today, "due": today, "locks": today + dt.timedelta(9)}
    Period.objects.create(plan=Plan.objects.get(), code=f"202{n}Q1", **days).open()


def race(n: int, tallied: bool) -> float:
    """Transactions a second of all twenty together."""
    from django.db import connections

    connections.close_all()
    fork = get_context("fork")
    gate, lost = fork.Barrier(WRITERS + REVIEWERS + 1), fork.Value("i", 0)
    people = [(write, number) for number in range(WRITERS)] + [(review, number) for number in range(REVIEWERS)]
    workers = [fork.Process(target=run, args=(act, n, number, tallied, gate, lost)) for act, number in people]
    for worker in workers:
        worker.start()
    gate.wait()
    started = time.perf_counter()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - started
    assert not any(worker.exitcode for worker in workers), "somebody failed"
    from django.db import connection

    from tracker.models import Entry

    entries = Entry.objects.filter(period__code=f"202{n}Q1")
    assert set(entries.values_list("state", "version")) == {("accepted", 3)}, "something was lost"
    done = 2 * entries.count()
    print(
        f"{connection.vendor}, {'with' if tallied else 'without'} tallies: {done} transactions in {seconds:.1f} s, "
        f"{done / seconds:.0f} tx/s, no error; {lost.value} times a reviewer was told somebody was faster"
    )
    return done / seconds


def run(act, n, number, tallied, gate, lost) -> None:
    from tracker.models import tallies

    if not tallied:
        tallies.Changes.apply = lambda self: None
    gate.wait()
    act(n, number, lost)


def write(n: int, number: int, lost) -> None:
    from tracker.models import Entry, User

    by = User.objects.get(username=f"writer-{n}-{number}")
    owed = Entry.objects.for_transition().filter(assignment__organization=by.organization, period__code=f"202{n}Q1")
    for entry in owed:
        entry.submit(by=by, version=1, **TEXT)


def review(n: int, number: int, lost) -> None:
    from tracker.models import Entry, TransitionRefused, User

    by = User.objects.get(username=f"reviewer-{n}-{number}")
    left = Entry.objects.filter(period__code=f"202{n}Q1").exclude(state="accepted")
    while left.exists():
        waiting = Entry.objects.reviewable_by(by).for_transition().order_by("pk")[number * 8 : number * 8 + 8]
        for entry in list(waiting) or Entry.objects.reviewable_by(by).for_transition()[:8]:
            try:
                entry.accept(by=by, version=2)
            except TransitionRefused:
                with lost.get_lock():
                    lost.value += 1
        time.sleep(0.01)


if __name__ == "__main__":
    main()
