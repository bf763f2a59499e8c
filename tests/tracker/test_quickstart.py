"""Starting for real: the 3,350 bodies and the way to an administrator; and the sizes for benchmarks."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tracker.demo.benchmark import make_benchmark
from tracker.models import Assignment, Entry, Organization, Period, Plan, User
from tracker.models.lights import judge

pytestmark = pytest.mark.usefixtures("in_english")


def test_for_real_the_3350_bodies_are_loaded_and_the_way_to_an_administrator_is_told(db, capsys, settings):
    settings.DEMO = False
    call_command("quickstart", "--no-server")
    out = capsys.readouterr().out
    assert "104 tasks" in out
    assert "3350 made" in out
    assert "createsuperuser" in out
    assert (Organization.objects.count(), Assignment.objects.count(), User.objects.count()) == (3350, 0, 0)
    User.objects.create_superuser("first", password="a-long-password")
    call_command("quickstart", "--no-server")
    assert capsys.readouterr().out == ""
    settings.DEMO = True
    with pytest.raises(CommandError, match="real organizations"):
        call_command("quickstart", "--no-server")


def test_options_that_make_no_sense_get_a_sentence(db, settings):
    settings.DEMO = True
    with pytest.raises(CommandError, match="for the real tree"):
        call_command("quickstart", "--no-server", "--assign")
    settings.DEMO = False
    with pytest.raises(CommandError, match="belongs to --assign"):
        call_command("quickstart", "--no-server", "--all-levels")
    assert not Plan.objects.exists()


def test_the_benchmark_gives_every_body_an_accepted_entry(bodies, plan, tasks, capsys):
    tasks[0].levels = ["province"]
    tasks[0].save()
    assert make_benchmark(plan, all_levels=False) == 3 + 3 * 8
    check_benchmark(plan, capsys)


def test_the_benchmark_gives_it_at_all_levels_too(bodies, plan, tasks, capsys):
    tasks[0].levels = ["province"]
    tasks[0].save()
    assert make_benchmark(plan, all_levels=True) == 4 * 8
    check_benchmark(plan, capsys)


def check_benchmark(plan, capsys):
    call_command("check_tallies")
    assert "Every tally agrees" in capsys.readouterr().out
    period = Period.objects.get()
    assert period.open() == 0
    for entry in Entry.objects.select_related("assignment__task"):
        assignment = entry.assignment
        assert (entry.state, entry.period, assignment.latest_id) == ("accepted", period, entry.pk)
        assert (assignment.status, assignment.percent) == (entry.status, entry.percent)
        assert judge(assignment, plan, timezone.localdate()) == (
            assignment.light,
            assignment.light_reason,
            assignment.light_changes_on,
        )
        assert all(40 <= len(text) <= 200 for text in (entry.progress, entry.problems, entry.next_steps))
        assert (entry.percent is not None) == (assignment.task.code == "3.2.3")
        assert not (assignment.standing and entry.status == "completed")
    assert Entry.objects.count() == Assignment.objects.count()


def test_the_benchmark_leaves_work_alone(bodies, plan, tasks, settings, capsys):
    settings.DEMO = False
    Assignment.objects.assign(tasks[:1], [bodies.county], by=None)
    call_command("quickstart", "--no-server", "--assign")
    assert "left them as they are" in capsys.readouterr().out
    assert (Assignment.objects.count(), Entry.objects.count()) == (1, 0)
