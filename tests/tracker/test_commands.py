"""The commands of the back office's engine room: opening a period, the night's work, the tallies' check."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tracker.models import Assignment, AssignmentTally, Entry, EntryTally, Period

pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture
def run(capsys):
    def run(*arguments):
        call_command(*arguments)
        return capsys.readouterr().out

    return run


@pytest.fixture
def assigned(bodies, tasks, cast):
    return Assignment.objects.assign(tasks, [bodies.county, bodies.sister], by=cast.administrator)


# open_period


def test_a_period_opens_by_plan_and_code_and_says_how_many_were_made(run, assigned, period):
    assert run("open_period", "18", "2026Q4") == "2026, fourth quarter: 8 entries made.\n"
    assert run("open_period", "18", "2026Q4") == "2026, fourth quarter: 0 entries made.\n"
    assert Entry.objects.count() == 8


def test_a_dry_run_counts_and_makes_nothing(run, assigned, period):
    assert run("open_period", "18", "2026Q4", "--dry-run") == "8 items for 2 bodies\n"
    assert not Entry.objects.exists()
    period.refresh_from_db()
    assert period.opened_at is None
    period.open()
    Entry.objects.filter(assignment__organization__code="112").first().delete()
    assert run("open_period", "18", "2026Q4", "--dry-run") == "1 items for 1 bodies\n"


def test_an_unknown_plan_or_period_gets_a_sentence(run, period):
    with pytest.raises(CommandError, match=r"There is no plan “17”\. There are: 18\."):
        run("open_period", "17", "2026Q4")
    with pytest.raises(CommandError, match=r"has no period “2026Q3”\. It has: 2026Q4\."):
        run("open_period", "18", "2026Q3")


# nightly


def test_the_night_opens_what_has_come_and_leaves_what_has_not(run, assigned, period, plan):
    today = timezone.localdate()
    next_one = Period.objects.create(
        plan=plan,
        code="2027Q1",
        opens=today + dt.timedelta(1),
        due=today + dt.timedelta(30),
        locks=today + dt.timedelta(38),
    )
    assert "2026, fourth quarter: 8 entries made." in run("nightly")
    assert not next_one.entries.exists()


def test_the_night_turns_the_lights_whose_day_has_come(run, assigned, plan):
    today = timezone.localdate()
    turned = Assignment.objects.filter(task__code="3.2.1")
    turned.update(due=today - dt.timedelta(1), light_changes_on=today)
    assert "Lights turned: 2." in run("nightly")
    assert set(turned.values_list("light", "light_reason")) == {("red", "overdue")}
    assert call_command("check_tallies") is None


def test_the_night_sets_aside_the_tallies_of_a_locked_period_once(run, assigned, plan):
    today = timezone.localdate()
    locked = Period.objects.create(
        plan=plan,
        code="2026Q3",
        opens=today - dt.timedelta(90),
        due=today - dt.timedelta(9),
        locks=today - dt.timedelta(1),
    )
    locked.open(at=timezone.now() - dt.timedelta(90))
    assert "2026, third quarter: tallies set aside." in run("nightly")
    assert EntryTally.objects.filter(period=locked, set_aside=True, due=8).count() == 1
    assert "set aside" not in run("nightly")


def test_a_second_night_does_nothing(run, assigned, period):
    run("nightly")
    before = (Entry.objects.count(), list(Assignment.objects.values_list("light", "light_changes_on")))
    assert run("nightly") == "Lights turned: 0.\n"
    assert (Entry.objects.count(), list(Assignment.objects.values_list("light", "light_changes_on"))) == before


# check_tallies


def test_tallies_that_agree_are_clean(run, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    owed["3.2.1"].accept(by=cast.reviewer, version=2)
    assert run("check_tallies") == "Every tally agrees with its records.\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda: AssignmentTally.objects.filter(line="territorial").update(grey=99),
        lambda: EntryTally.objects.filter(line="territorial").update(due=0, accepted=7),
        lambda: EntryTally.objects.all().delete(),
        lambda: AssignmentTally.objects.all().delete(),
        lambda: Entry.objects.update(state="draft"),
        lambda: AssignmentTally.objects.update(line="industrial"),
    ],
)
def test_what_differs_is_printed_and_fails_until_it_is_repaired(owed, capsys, spoil):
    spoil()
    with pytest.raises(CommandError) as error:
        call_command("check_tallies")
    assert error.value.returncode == 1
    assert "counted" in capsys.readouterr().out
    assert "--repair" in str(error.value)
    call_command("check_tallies", "--repair")
    assert "counted afresh" in capsys.readouterr().out
    call_command("check_tallies")
    assert capsys.readouterr().out == "Every tally agrees with its records.\n"


def test_the_difference_is_told_count_by_count(owed, capsys):
    row = EntryTally.objects.get(line="territorial", set_aside=False)
    EntryTally.objects.filter(pk=row.pk).update(due=row.due + 3)
    with pytest.raises(CommandError, match="1 tally differs"):
        call_command("check_tallies")
    out = capsys.readouterr().out
    assert out == (
        f"EntryTally line=territorial tier={row.tier_id} period={row.period_id} area={row.area_id} set_aside=False: "
        f"due {row.due + 3} (counted {row.due})\n"
    )


def test_a_row_of_zeros_is_no_difference(run, owed, bodies):
    row = EntryTally.objects.filter(line="territorial").first()
    EntryTally.objects.create(line="industrial", tier_id=row.tier_id, period_id=row.period_id, area_id=row.area_id)
    assert run("check_tallies") == "Every tally agrees with its records.\n"


def test_what_was_set_aside_is_neither_checked_nor_repaired(run, owed, period):
    period.set_aside()
    EntryTally.objects.filter(set_aside=True).update(accepted=50)
    assert run("check_tallies") == "Every tally agrees with its records.\n"
    EntryTally.objects.filter(set_aside=False).update(accepted=50)
    run("check_tallies", "--repair")
    assert EntryTally.objects.filter(set_aside=True, accepted=50).exists()
    assert not EntryTally.objects.filter(set_aside=False, accepted=50).exists()
