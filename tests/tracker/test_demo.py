"""The demo is made by the product's own methods, is all invented, and a second start keeps what was done in it.

The demo is made once for the whole file, which takes some twenty seconds; no other test is as slow.
"""

import csv
import datetime as dt
import re
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Length
from django.test import override_settings
from django.utils import timezone, translation

from tracker.demo import PASSWORD, PEOPLE
from tracker.demo.texts import PROGRESS
from tracker.demo.timeline import in_order, quarters
from tracker.models import (
    Assignment,
    Entry,
    EntryTally,
    Event,
    Evidence,
    Handing,
    Light,
    Membership,
    Organization,
    Period,
    Plan,
    State,
    Status,
    Task,
)
from tracker.models.keeping import differences
from tracker.models.lights import judge

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
User = get_user_model()


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


# The demo itself, made once; each test's own changes are rolled back to it.


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("evidence"))
    storages = settings.STORAGES | {"evidence": settings.STORAGES["evidence"] | {"OPTIONS": {"location": folder}}}
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(DEMO=True, STORAGES=storages):
            call_command("quickstart", "--no-server", verbosity=0)
        yield storages
        transaction.set_rollback(True)


@pytest.fixture
def demo(made, db):
    first, second, now = Period.objects.order_by("due")
    return [first, second, now]


def test_the_federation_is_invented_and_of_the_size_promised(demo):
    bodies = Organization.objects.all()
    levels = Counter(bodies.filter(line="territorial").values_list("level", flat=True))
    assert levels == {"national": 1, "province": 6, "city": 24, "county": 102}
    assert bodies.filter(line="industrial", level="province").count() == 2
    assert bodies.exclude(industry=None).count() == 15
    assert bodies.count() == 150
    assert Plan.objects.get().tasks.count() == 104


def test_no_real_name_or_code_is_among_the_bodies(demo):
    with (FIXTURES / "organizations.csv").open(encoding="utf-8", newline="") as file:
        real = list(csv.DictReader(file))
    bodies = list(Organization.objects.all())
    for column, invented in (
        ("name", {b.name for b in bodies}),
        ("code", {b.code for b in bodies}),
        ("short_name", {b.short_name for b in bodies}),
    ):
        assert not invented & {row[column] for row in real}
    assert all(body.name.startswith("示例") for body in bodies)
    assert len({body.name for body in bodies}) == 150
    telephones = [
        *Organization.objects.values_list("telephone", flat=True),
        *User.objects.values_list("telephone", flat=True),
    ]
    assert all(re.fullmatch(r"0000-\d{4}", telephone) for telephone in telephones)


def test_two_quarters_are_locked_and_one_is_open(demo):
    first, second, now = demo
    today = timezone.localdate()
    assert [period.is_locked for period in demo] == [True, True, False]
    assert now.opens <= today <= now.due
    assert (first.due + dt.timedelta(1), second.due + dt.timedelta(1)) == (second.opens, now.opens)
    assert [period.set_aside_at is not None for period in demo] == [True, True, False]
    assert EntryTally.objects.filter(period=second, set_aside=True).exists()
    assert not Period.objects.to_set_aside(today).exists()


def test_every_state_status_and_light_occurs_and_green_is_the_most_common_light(demo):
    assert set(demo[2].entries.values_list("state", flat=True)) == set(State.values)
    assert set(Assignment.objects.values_list("status", flat=True)) == set(Status.values)
    lights = Counter(Assignment.objects.values_list("light", flat=True))
    assert set(lights) == set(Light.values)
    assert lights["green"] > sum(lights.values()) * 0.45
    assert all(lights[light] > sum(lights.values()) * 0.04 for light in ("red", "yellow", "blue"))
    assert Entry.objects.filter(first_submitted_at__date__gt=F("period__due")).count() > 5
    assert set(Event.objects.values_list("action", flat=True)) >= {
        "drafted",
        "submitted",
        "withdrawn",
        "accepted",
        "returned",
        "reopened",
        "excused",
    }
    assert 2_000 < Assignment.objects.count() < 3_000


def test_events_replay_to_the_state_of_every_entry_in_the_order_of_time(demo):
    states, moments = defaultdict(lambda: "due"), defaultdict(list)
    for event in Event.objects.exclude(entry=None).order_by("pk"):
        assert event.from_state == states[event.entry_id]
        states[event.entry_id] = event.to_state
        moments[event.entry_id].append(event.at)
    for entry in Entry.objects.select_related("period"):
        assert states[entry.pk] == entry.state
        assert moments[entry.pk] == sorted(moments[entry.pk])
        assert all(entry.period.opened_at <= at for at in moments[entry.pk])
    all_moments = list(Event.objects.order_by("pk").values_list("at", flat=True))
    assert all_moments == sorted(all_moments)
    assert all_moments[-1] <= timezone.now()


def test_nobody_acted_beyond_what_they_may(demo):
    events = Event.objects.exclude(entry=None)
    own = Q(acting_organization=F("assignment__organization"), acting_role="reporter")
    assert not events.filter(action__in=["drafted", "submitted", "withdrawn"]).exclude(own).exists()
    above = Q(acting_organization=F("assignment__reviewing"), acting_role="reviewer")
    root = Q(assignment__reviewing=None, acting_organization__parent=None, acting_role="leader")
    assert not events.filter(action__in=["accepted", "returned", "reopened"]).exclude(above | root).exists()
    assert not events.filter(action="excused").exclude(acting_role="supervisor").exists()
    late = events.filter(action="submitted", at__date__gt=F("entry__period__locks"))
    assert not late.exists()


def test_tallies_and_lights_are_what_the_records_say(demo, capsys):
    call_command("check_tallies")
    assert "Every tally agrees" in capsys.readouterr().out
    today = timezone.localdate()
    for assignment in Assignment.objects.select_related("task__plan"):
        stored = (assignment.light, assignment.light_reason, assignment.light_changes_on)
        assert judge(assignment, assignment.task.plan, today) == stored


def test_texts_and_percent_stand_only_where_they_are_asked(demo):
    assert set(PROGRESS) == set(Task.objects.filter(reporting="full").values_list("code", flat=True))
    silent = Entry.objects.exclude(assignment__task__reporting="full")
    assert silent.exclude(status="").exists()
    assert not silent.exclude(progress="", problems="", next_steps="").exists()
    assert set(Entry.objects.exclude(percent=None).values_list("assignment__task__code", flat=True)) == {"3.4.5"}
    written = Entry.objects.exclude(progress="")
    assert written.values("progress").distinct().count() > written.count() * 0.9
    assert written.annotate(length=Length("progress")).filter(length__gt=100).count() > 50
    assert not any("{" in text for text in written.values_list("progress", flat=True))


def test_most_tasks_have_an_owner_who_leads(demo):
    assert Task.objects.without_owner().count() == 10
    for task in Task.objects.exclude(owner=None):
        assert (task.lead_assignment.part, task.lead_assignment.status) == ("lead", task.status)
    assert not Task.objects.filter(assignments=None).exists()


def test_the_reporters_county_has_something_of_everything(demo):
    county = User.objects.get(username="reporter").organization
    assert county.level == "county"
    states = Counter(demo[2].entries.filter(assignment__organization=county).values_list("state", flat=True))
    assert 36 <= sum(states.values()) <= 46
    assert states.pop("due") > 8
    assert states == {"accepted": 12, "submitted": 8, "draft": 3, "returned": 2, "excused": 1}
    mine = Assignment.objects.filter(organization=county)
    assert mine.filter(status="blocked").count() == 1
    assert {"red", "yellow", "green"} <= set(mine.values_list("light", flat=True))
    assert {"overdue", "due_soon", "behind"} <= set(mine.values_list("light_reason", flat=True))
    blocked = mine.get(status="blocked").latest
    assert blocked.problems
    assert all(entry.comment for entry in demo[2].entries.filter(assignment__organization=county, state="returned"))


def test_some_entries_show_invented_files_that_are_whole_and_handed_in(demo, made, settings):
    settings.STORAGES = made
    pieces = Evidence.objects.select_related("entry")
    assert 20 < pieces.count() < 60
    assert {name.rpartition(".")[2] for name in pieces.values_list("name", flat=True)} == {"txt", "png", "pdf", "csv"}
    assert all(piece.uploaded_at <= piece.entry.submitted_at for piece in pieces)
    assert set(pieces.values_list("entry__state", flat=True)) == {"accepted", "submitted"}
    county = User.objects.get(username="reporter").organization
    assert pieces.filter(entry__period=demo[2], entry__assignment__organization=county).exists()
    assert list(differences()) == []
    told = b"".join(piece.open().read() for piece in pieces if piece.name.endswith(("txt", "csv")))
    assert told.decode().count("演示数据") >= 2


def test_a_dozen_entries_wait_for_the_reviewer(demo):
    reviewer = User.objects.get(username="reviewer")
    waiting = Entry.objects.reviewable_by(reviewer)
    assert waiting.count() == 12
    assert waiting.values("assignment__organization").distinct().count() > 1


def test_the_nine_sign_in_with_the_password_and_nobody_else_does(demo, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    named = {username: User.objects.get(username=username) for username, _description in PEOPLE}
    assert len(named) == 9
    assert all(user.check_password(PASSWORD) for user in named.values())
    others = User.objects.exclude(username__in=named)
    assert others.count() > 150
    assert not any(user.has_usable_password() for user in others)
    places = {username: (user.organization.level, user.role) for username, user in named.items()}
    assert places == {
        "reporter": ("county", "reporter"),
        "reviewer": ("city", "reviewer"),
        "city": ("city", "administrator"),
        "supervisor": ("province", "supervisor"),
        "national": ("national", "supervisor"),
        "leader": ("national", "leader"),
        "industry": ("province", "supervisor"),
        "auditor": ("national", "auditor"),
        "admin": ("national", "administrator"),
    }
    county, city, province = (named[name].organization for name in ("reporter", "reviewer", "supervisor"))
    assert (county.parent, city.parent) == (city, province)
    assert named["industry"].organization.line == "industrial"
    assert Assignment.objects.visible_to(named["industry"]).values("organization").distinct().count() > 5
    assert [user.username for user in User.objects.filter(is_superuser=True)] == ["admin"]


def test_what_was_handed_down_is_signed_for_waits_or_came_back(demo):
    county = User.objects.get(username="reporter").organization
    city = User.objects.get(username="city").organization
    states = Counter(Handing.objects.values_list("state", flat=True))
    assert set(states) == {"handed", "signed", "sent_back"}
    assert states["signed"] > 2_000
    waiting = Handing.objects.waiting().filter(assignment__organization=county)
    assert set(waiting.values_list("giver", flat=True)) == {city.pk}
    assert 2 <= waiting.count() <= 3
    assert Handing.objects.come_back().get().giver == city
    assert not Assignment.objects.exclude(organization__parent=None).filter(handings=None).exists()
    province = User.objects.get(username="supervisor").organization
    assert [
        a.organization for a in Assignment.objects.filter(province.subtree("organization__"), task__code="3.2.3")
    ] == [province]


def counted():
    models = (Organization, User, Membership, Plan, Task, Period, Assignment, Entry, Event, EntryTally)
    return {model.__name__: (model.objects.count(), model.objects.order_by("-pk").first().pk) for model in models}


def test_a_second_start_keeps_everything(demo, settings, capsys):
    settings.DEMO = True
    Task.objects.filter(code="1.1.1").update(wording="改过的文字")
    User.objects.get(username="reporter").set_password("another-password")
    before = counted()
    call_command("quickstart", "--no-server")
    assert counted() == before
    assert Task.objects.get(code="1.1.1").wording == "改过的文字"
    out = capsys.readouterr().out
    assert "Making" not in out
    assert "luoshi-demo" in out


def test_the_demo_is_never_served_as_real(demo, settings):
    settings.DEMO = False
    before = counted()
    with pytest.raises(CommandError, match="passwords are public"):
        call_command("quickstart", "--no-server")
    assert counted() == before


# Time.


@pytest.mark.parametrize(
    "today",
    [
        dt.date(2026, 11, 22),
        dt.date(2026, 10, 1),
        dt.date(2026, 10, 8),
        dt.date(2026, 12, 31),
        dt.date(2027, 1, 1),
        dt.date(2027, 1, 9),
        dt.date(2028, 2, 29),
        dt.date(2028, 3, 31),
        dt.date(2028, 7, 1),
    ],
)
def test_quarters_are_two_locked_and_one_open_whatever_the_day(today):
    first, second, now = quarters(today)
    assert now.opens <= today <= now.due
    assert second.locks < today
    assert first.locks == first.due + dt.timedelta(8)
    assert (now.due + dt.timedelta(8)) == now.locks
    for quarter in (first, second, now):
        assert quarter.opens.day == 1
        assert quarter.opens < quarter.due <= quarter.locks
        assert re.fullmatch(r"\d{4}Q[1-4]", quarter.code)
        assert quarter.code == f"{quarter.opens.year}Q{quarter.opens.month // 3 + 1}"
    assert first.due < second.opens <= second.due < now.opens


@pytest.mark.parametrize("minutes", [0, 1, 90, 24 * 60, 40 * 24 * 60])
def test_moments_are_in_order_and_never_in_the_future(minutes):
    last = timezone.now()
    first = last - dt.timedelta(minutes=minutes)
    for steps in (1, 2, 4):
        moments = in_order(first, last, steps, Random(steps))
        assert [first, *moments, last] == sorted([first, *moments, last])
