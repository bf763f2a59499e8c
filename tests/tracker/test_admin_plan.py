"""The plan, its figures, the periods and the holidays in the back office."""

import datetime as dt
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import faults, filled, said, url
from tracker.models import Area, Assignment, Entry, EntryTally, Figure, Heading, Holiday, Period, Plan, Role


@pytest.fixture
def office(client, cast):
    client.force_login(cast.administrator)
    return client


def save(client, model, key=None, **changes):
    address = url(model, "change", key) if key else url(model, "add")
    return client.post(address, filled(client.get(address), **changes))


def test_a_plan_is_changed_with_a_history_and_its_text_stays(office, plan, cast):
    assert faults(save(office, "plan", plan.pk, review="none", general_requirement="改写", slug="x")) == {}
    plan.refresh_from_db()
    assert (plan.review, plan.general_requirement, plan.slug) == ("none", "", "18")
    assert plan.history.first().history_user == cast.administrator
    page = office.get(url("plan", "history", plan.pk)).content.decode()
    assert plan.get_review_display() in page


def test_thresholds_turn_the_lights_at_once(office, plan, owed):
    Assignment.objects.update(due=timezone.localdate() + dt.timedelta(20))
    assert faults(save(office, "plan", plan.pk, yellow_days=30)) == {}
    assert set(Assignment.objects.filter(standing=False).values_list("light", flat=True)) == {"yellow"}


def test_where_assignments_are_many_the_night_turns_the_lights(office, plan, owed, monkeypatch):
    from tracker.admin import plan as page

    monkeypatch.setattr(page, "LIST_LIMIT", 3)
    Assignment.objects.update(due=timezone.localdate() + dt.timedelta(20))
    save(office, "plan", plan.pk, yellow_days=30)
    assert not Assignment.objects.filter(light="yellow").exists()
    call_command("nightly", stdout=StringIO())
    assert set(Assignment.objects.filter(standing=False).values_list("light", flat=True)) == {"yellow"}


@pytest.mark.parametrize(
    ("model", "changes", "field"),
    [
        ("plan", {"due": "2020-01-01"}, "due"),
        ("plan", {"red_points": "1"}, "red_points"),
        ("plan", {"yellow_points": "0"}, "yellow_points"),
        ("plan", {"red_points": "101"}, "red_points"),
        ("plan", {"title": "长" * 100_000}, "title"),
        ("plan", {"title": "改\x00"}, "title"),
        ("figure", {"target": "9" * 40}, "target"),
        ("figure", {"target": "NaN"}, "target"),
        ("figure", {"target": "1e400"}, "target"),
        ("figure", {"target": ""}, "__all__"),
        ("figure", {"tasks": ["x"]}, "tasks"),
        ("figure", {"tasks": ["9" * 30]}, "tasks"),
        ("figure", {"tasks": ["0"]}, "tasks"),
        ("figure", {"position": "9" * 30}, "position"),
        ("area", {"short": "长" * 9}, "short"),
        ("period", {"due": "2020-01-01"}, "due"),
        ("period", {"locks": "2020-01-01"}, "locks"),
        ("period", {"due": "9999-12-31", "locks": "9999-12-31"}, "due"),
        ("period", {"code": "2026Q5"}, "code"),
        ("period", {"code": "2026Q4\x00"}, "code"),
        ("period", {"kind": "x"}, "kind"),
        ("holiday", {"day": ""}, "day"),
        ("holiday", {"day": "x"}, "day"),
        ("holiday", {"name": "改\x00"}, "name"),
    ],
)
def test_bad_input_gets_a_message_beside_its_field(office, plan, tasks, period, model, changes, field):
    Holiday.objects.create(day="2026-10-01", name="国庆节")
    record = {"plan": Plan, "figure": Figure, "area": Area, "period": Period, "holiday": Holiday}[model]
    before = list(record._base_manager.values())
    answer = save(office, model, record._base_manager.first().pk, **changes)
    assert answer.status_code == 200
    assert field in faults(answer)
    assert list(record._base_manager.values()) == before


def test_areas_and_headings_are_added_and_keep_their_titles(office, plan, tasks):
    assert faults(save(office, "area", plan=plan.pk, number="4", title="第四方面")) == {}
    area = Area.objects.get(number=4)
    assert faults(save(office, "heading", area=area.pk, number="1", code="4.1", title="第一条")) == {}
    save(office, "area", area.pk, title="改写", short="四方")
    area.refresh_from_db()
    assert (area.title, area.short) == ("第四方面", "四方")
    heading = Heading.objects.get(code="4.1")
    save(office, "heading", heading.pk, title="改写", code="9.9")
    heading.refresh_from_db()
    assert (heading.title, heading.code) == ("第一条", "4.1")


def test_a_figure_keeps_its_tasks_and_its_history(office, tasks):
    figure = Figure.objects.get()
    assert faults(save(office, "figure", figure.pk, target="2000", tasks=[tasks[0].pk, tasks[2].pk])) == {}
    assert set(figure.tasks.all()) == {tasks[0], tasks[2]}
    assert "2000" in office.get(url("figure", "history", figure.pk)).content.decode()


def test_holidays_come_and_go(office, cast):
    assert faults(save(office, "holiday", day="2027-10-01", name="国庆节")) == {}
    holiday = Holiday.objects.get()
    assert list(faults(save(office, "holiday", day="2027-10-01", name="重复"))) == ["day"]
    office.post(url("holiday", "delete", holiday.pk), {"post": "yes"})
    assert not Holiday.objects.exists()
    assert Holiday.history.first().history_type == "-"
    assert office.get(url("holiday", "history", holiday.pk)).status_code == 200


# Periods.


def test_opening_says_first_how_many_items_for_how_many_bodies(office, bodies, tasks, period, cast):
    Assignment.objects.assign(tasks, [bodies.county, bodies.sister], by=cast.administrator)
    page = office.post(url("period", "changelist"), {"action": "open_periods", "_selected_action": period.pk})
    (opening,) = page.context["openings"]
    assert (opening.entries, opening.bodies) == (8, 2)
    assert not Entry.objects.exists()
    period.refresh_from_db()
    assert period.opened_at is None


def test_opening_makes_what_was_said_and_a_second_time_nothing(office, bodies, tasks, period, cast):
    Assignment.objects.assign(tasks, [bodies.county, bodies.sister], by=cast.administrator)
    data = {"action": "open_periods", "_selected_action": period.pk, "confirm": "1"}
    answer = office.post(url("period", "changelist"), data, follow=True)
    assert "8" in said(answer)[0]
    assert Entry.objects.count() == 8
    office.post(url("period", "changelist"), data)
    assert Entry.objects.count() == 8
    page = office.get(url("period", "change", period.pk))
    assert dict(page.context["counts"])[Entry(state="due").get_state_display()] == 8


def test_opening_early_or_late_is_warned_of(office, period):
    today = timezone.localdate()
    for opens, locks in (
        (today + dt.timedelta(3), today + dt.timedelta(9)),
        (today - dt.timedelta(9), today - dt.timedelta(3)),
    ):
        Period.objects.filter(pk=period.pk).update(opens=opens, due=locks, locks=locks)
        page = office.post(url("period", "changelist"), {"action": "open_periods", "_selected_action": period.pk})
        assert page.context["openings"][0].warning


def test_after_opening_only_the_dates_change(office, owed, period):
    save(office, "period", period.pk, code="2027Q1", kind="year", locks=(period.locks + dt.timedelta(5)).isoformat())
    before = period.locks
    period.refresh_from_db()
    assert (period.code, period.kind, period.locks) == ("2026Q4", "quarter", before + dt.timedelta(5))


def test_a_due_date_moved_after_the_opening_turns_late_into_on_time(office, owed, period, cast, content):
    yesterday = timezone.localdate() - dt.timedelta(1)
    Period.objects.filter(pk=period.pk).update(due=yesterday)
    entry = Entry.objects.for_transition().get(pk=owed["3.2.1"].pk)
    entry.submit(by=cast.reporter, version=1, **content)
    assert EntryTally.objects.get(line="territorial", set_aside=False).late == 1
    save(office, "period", period.pk, due=timezone.localdate().isoformat())
    row = EntryTally.objects.get(line="territorial", set_aside=False)
    assert (row.late, row.on_time) == (0, 1)


def test_only_a_period_never_opened_is_deleted(office, owed, period, plan):
    assert office.post(url("period", "delete", period.pk), {"post": "yes"}).status_code == 403
    fresh = Period.objects.create(plan=plan, code="2027Q1", opens="2027-03-01", due="2027-03-31", locks="2027-04-05")
    assert office.post(url("period", "delete", fresh.pk), {"post": "yes"}).status_code == 302
    assert list(Period.objects.all()) == [period]


def test_counts_of_a_period_keep_to_the_asker_s_scope(client, owed, period, bodies):
    client.force_login(person("other-auditor", bodies.other, Role.AUDITOR))
    page = client.get(url("period", "change", period.pk))
    assert sum(count for _label, count in page.context["counts"]) == 0
