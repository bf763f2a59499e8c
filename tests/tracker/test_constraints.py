"""The database itself refuses what the rules forbid: `update()` and `bulk_create()` ask no model method."""

import datetime as dt

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.conftest import place
from tracker.models import (
    Area,
    Assignment,
    AssignmentTally,
    Entry,
    EntryTally,
    Figure,
    Heading,
    Holiday,
    Membership,
    Organization,
    Period,
    Plan,
    Task,
    User,
)

PAST = dt.date(1999, 1, 1)


def again(record, **changes):
    """The same row once more, under a key of its own."""
    row = record.objects.order_by("pk").first()
    values = {field.attname: getattr(row, field.attname) for field in record._meta.concrete_fields}
    values.pop("id")
    record.objects.bulk_create([record(**values | changes)])


def path_of_another(field):
    taken = Organization.objects.exclude(**{field: None}).order_by("pk").last()
    Organization.objects.filter(code="112").update(**{field: getattr(taken, field)})


def own_parent():
    body = Organization.objects.get(code="112")
    Organization.objects.filter(pk=body.pk).update(parent=body.pk)


def entries(**values):
    return lambda: Entry.objects.update(**values)


HANDED_IN = {"first_submitted_at": timezone.now(), "submitted_at": timezone.now(), "status": "in_progress"}

# What each constraint refuses, by the constraint's name; unique fields by record and field.
REFUSED = {
    "organization_path_unique": lambda: path_of_another("path"),
    "organization_industry_path_unique": lambda: path_of_another("industry_path"),
    "organization_one_root": lambda: Organization.objects.filter(code="112").update(parent=None),
    "organization_not_its_own_parent": own_parent,
    "organization_level_known": lambda: Organization.objects.filter(code="112").update(level="village"),
    "organization_line_known": lambda: Organization.objects.filter(code="112").update(line=""),
    "membership_unique": lambda: again(Membership),
    "membership_role_known": lambda: Membership.objects.update(role="king"),
    "plan_due_after_start": lambda: Plan.objects.update(due=PAST),
    "plan_review_known": lambda: Plan.objects.update(review="all"),
    "plan_red_after_yellow": lambda: Plan.objects.update(yellow_points=31),
    "area_unique": lambda: again(Area),
    "heading_number_unique": lambda: again(Heading, code="9.9"),
    "heading_code_unique": lambda: again(Heading, number=9),
    "task_code_unique": lambda: again(Task),
    "task_due_after_start": lambda: Task.objects.filter(code="3.2.1").update(due=PAST),
    "task_status_known": lambda: Task.objects.update(status="done"),
    "task_frequency_known": lambda: Task.objects.update(frequency="week"),
    "task_reporting_known": lambda: Task.objects.update(reporting=""),
    "figure_unique": lambda: again(Figure),
    "figure_has_a_number": lambda: Figure.objects.update(target=None),
    "period_code_unique": lambda: again(Period),
    "period_dates_in_order": lambda: Period.objects.update(locks=PAST),
    "period_kind_known": lambda: Period.objects.update(kind="week"),
    "assignment_unique": lambda: again(Assignment),
    "assignment_due_after_start": lambda: Assignment.objects.update(due=PAST),
    "assignment_percent_in_range": lambda: Assignment.objects.update(percent=101),
    "assignment_completed_is_100": lambda: Assignment.objects.update(status="completed", percent=40),
    "assignment_part_known": lambda: Assignment.objects.update(part="helper"),
    "assignment_status_known": lambda: Assignment.objects.update(status="blue"),
    "assignment_light_known": lambda: Assignment.objects.update(light="purple"),
    "entry_unique": lambda: again(Entry),
    "entry_percent_in_range": entries(percent=101),
    "entry_state_known": entries(state="lost"),
    "entry_status_known": entries(status="done"),
    "entry_submitted_is_complete": entries(state="submitted"),
    "entry_completed_is_100": entries(**HANDED_IN | {"state": "accepted", "status": "completed", "percent": 40}),
    "assignment_tally_unique": lambda: again(AssignmentTally),
    "entry_tally_unique": lambda: again(EntryTally),
    # No row without its name.
    "organization.code": lambda: again(Organization, path="zzzz", industry_path=None, parent_id=1),
    "organization.credit_code": lambda: Organization.objects.update(credit_code="911100001000000000"),
    "plan.slug": lambda: again(Plan),
    "holiday.day": lambda: again(Holiday),
    "user.username": lambda: again(User),
    # A number is not negative, on either database.
    "entry.percent": entries(percent=-1),
    "entry.version": entries(version=-1),
    # Handed in without a status, or without the time.
    "entry_submitted_is_complete: status": entries(**HANDED_IN | {"state": "accepted", "status": ""}),
    "entry_submitted_is_complete: first": entries(**HANDED_IN | {"state": "submitted", "first_submitted_at": None}),
    "entry_submitted_is_complete: last": entries(**HANDED_IN | {"state": "submitted", "submitted_at": None}),
    # A second root under another path; the first one moved.
    "organization_one_root: path": lambda: Organization.objects.filter(parent=None).update(path="0002"),
    "organization_one_root: moved": lambda: Organization.objects.filter(parent=None).update(parent=2),
}


@pytest.fixture
def everything(owed, bodies):
    Holiday.objects.create(day=dt.date(2026, 10, 1))
    place("U2", "某校工会", "grassroots", bodies.school)


def test_the_database_refuses_each_by_its_constraint(everything):
    taken, otherwise = [], []
    for name, write in REFUSED.items():
        constraint = name.split(":")[0]
        try:
            with transaction.atomic():
                write()
                taken.append(name)
                transaction.set_rollback(True)
        except IntegrityError as error:
            by_name = constraint in constraints() and "UNIQUE" not in str(error)  # there SQLite names the columns
            if by_name and constraint not in str(error):
                otherwise.append((name, str(error)))
    assert not taken
    assert not otherwise


def constraints():
    return {
        constraint.name
        for record in apps.get_app_config("tracker").get_models()
        for constraint in record._meta.constraints
    }


def test_each_constraint_is_tried():
    assert constraints() <= set(REFUSED)


def test_what_the_rules_allow_the_database_takes(everything):
    Assignment.objects.update(status="completed", percent=None)
    Assignment.objects.update(status="completed", percent=100)
    Assignment.objects.update(status="in_progress", percent=100, start=None, due=None)
    Assignment.objects.update(start=PAST, due=PAST)
    Entry.objects.update(**HANDED_IN | {"state": "accepted", "status": "completed", "percent": 100})
    Entry.objects.update(state="draft", status="completed", percent=40)
    Period.objects.update(opens=PAST, due=PAST, locks=PAST)
    Plan.objects.update(yellow_points=30)
