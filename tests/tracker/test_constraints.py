"""The database itself refuses what the rules forbid: `update()` and `bulk_create()` ask no model method."""

import datetime as dt

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from tests.conftest import place
from tracker.models import (
    Area,
    Assignment,
    AssignmentTally,
    Blocker,
    Brief,
    Comparison,
    ComparisonRule,
    Deputy,
    Digest,
    Entry,
    EntryTally,
    Erasure,
    Evidence,
    Extension,
    Figure,
    FigureValue,
    Handing,
    Heading,
    Holiday,
    Instruction,
    InstructionReply,
    Membership,
    Milestone,
    Nudge,
    OneTimeCode,
    Organization,
    Period,
    Phrase,
    Plan,
    Rewording,
    Task,
    Token,
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


def superseding():
    return Task.objects.get(code="3.2.2").pk


def reworded(**values):
    given = {"wording": "原表述", "reason": "因", "until": PAST} | values
    Rewording.objects.create(task_id=superseding(), **given)


def entries(**values):
    return lambda: Entry.objects.update(**values)


def deputy():
    days = {"first": dt.date(2026, 11, 2), "last": dt.date(2026, 11, 1)}
    Deputy.objects.create(membership=Membership.objects.first(), person=User.objects.first(), **days)


def code(**values):
    times = {"made_at": timezone.now(), "expires_at": timezone.now()}
    user = User.objects.first()
    OneTimeCode.objects.create(person=user, made_by=user, digest="d", **times, **values)


def twice(record, **values):
    return [record.objects.create(**values) for _time in range(2)]


def figure():
    plan = Plan.objects.first()
    return Figure.objects.create(plan=plan, slug="again", position=9, name="数", unit="个", target=1)


def blocker(**values):
    asked = {"need": "场地", "reply_by": PAST, "asked_at": timezone.now(), "asked_by": User.objects.first()}
    return Blocker.objects.create(entry=Entry.objects.first(), holder=Organization.objects.first(), **asked | values)


def place_of_note():
    return Organization.objects.first()


def note(**values):
    said = {"text": "请抓紧", "leader": "领导", "given_on": PAST, "at": timezone.now()}
    by = {"sender": place_of_note(), "by": User.objects.first(), "organization": place_of_note()}
    return Instruction.objects.create(**said | by | values)


def note_reply(**values):
    return InstructionReply.objects.create(instruction=note(), organization=place_of_note(), **values)


def comparison_rule(**values):
    place_of = {"plan": Plan.objects.first(), "organization": Organization.objects.first(), "starts_on": PAST}
    weights = {"authority": "示办发〔2026〕1号", "on_time": 40, "accepted": 30, "completed": 30}
    return ComparisonRule.objects.create(**place_of | weights | values)


def compared_twice():
    told = {"rule": comparison_rule(), "period": Period.objects.first(), "as_of": timezone.now(), "authority": "a"}
    return twice(Comparison, weights={}, groups=[], **told)


def paper():
    sent = {"uploaded_at": timezone.now(), "uploaded_by": User.objects.first()}
    return {"entry": Entry.objects.first(), "name": "a", "digest": "d", "size": 1, "content_type": "x", **sent}


def erasure(**values):
    asked = {"texts": ["progress"], "reason": "误录入", "asked_at": timezone.now(), "asked_by": User.objects.first()}
    return Erasure.objects.create(**{"entry": Entry.objects.first()} | asked | values)


def extension(**values):
    asked = {"reason": "汛期", "asked_at": timezone.now(), "asked_by": User.objects.first()}
    days = {"old_due": dt.date(2027, 1, 1), "new_due": dt.date(2027, 2, 1)}
    return Extension.objects.create(assignment=Assignment.objects.first(), **days | asked | values)


def urged():
    body, now = Organization.objects.first(), {"at": timezone.now(), "day": PAST, "missing": 1}
    return {"organization": body, "sender": body, "period": Period.objects.first(), "by": User.objects.first(), **now}


HANDED_IN = {"first_submitted_at": timezone.now(), "submitted_at": timezone.now(), "status": "in_progress"}


def later():
    return timezone.now() + dt.timedelta(minutes=1)


def brief(**values):
    made = {"as_of": timezone.now(), "made_by": User.objects.first(), "shape": 1, "figures": {}}
    place = {"period": Period.objects.first(), "organization": Organization.objects.first()}
    return Brief.objects.create(**place | made | values)


# What each constraint refuses, by the constraint's name; unique fields by record and field.
def token(**values):
    now, user = timezone.now(), User.objects.first()
    kept = {"person": user, "organization": Organization.objects.first(), "role": "reporter", "name": "Power Query"}
    return Token.objects.create(**kept | {"made_at": now, "expires_at": now + dt.timedelta(30)} | values)


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
    "heading_span_is_whole": lambda: Heading.objects.update(span="三年行动", span_start=PAST),
    "task_code_unique": lambda: again(Task),
    "task_due_after_start": lambda: Task.objects.filter(code="3.2.1").update(due=PAST),
    "task_status_known": lambda: Task.objects.update(status="done"),
    "task_frequency_known": lambda: Task.objects.update(frequency="week"),
    "task_reporting_known": lambda: Task.objects.update(reporting=""),
    "task_superseded_is_ended": lambda: Task.objects.filter(code="3.2.1").update(superseded_by=superseding()),
    "task_superseded_by_another": lambda: Task.objects.update(superseded_by=F("pk"), ended_on=PAST),
    "milestone_of_one": lambda: Milestone.objects.create(title="节点", due=PAST),
    "milestone_has_a_title": lambda: Milestone.objects.create(task_id=superseding(), title="", due=PAST),
    "rewording_has_words_and_reason": lambda: reworded(wording=""),
    "figure_unique": lambda: again(Figure),
    "figure_has_a_number": lambda: Figure.objects.update(target=None),
    "period_code_unique": lambda: again(Period),
    "period_dates_in_order": lambda: Period.objects.update(locks=PAST),
    "period_kind_known": lambda: Period.objects.update(kind="week"),
    "assignment_unique": lambda: again(Assignment),
    "assignment_due_after_start": lambda: Assignment.objects.update(due=PAST),
    "assignment_percent_in_range": lambda: Assignment.objects.update(percent=101),
    "assignment_completed_is_100": lambda: Assignment.objects.update(status="completed", percent=40),
    "assignment_struck_off_done": lambda: Assignment.objects.update(struck_off_on=PAST),
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
    "organization_kind_known": lambda: Organization.objects.update(kind="club"),
    "organization_merged_is_closed": lambda: Organization.objects.filter(code="112").update(merged_into=F("parent")),
    "deputy_days_in_order": deputy,
    "one_time_code_purpose_known": lambda: code(purpose="party"),
    "handing_one_live_a_line": lambda: again(Handing),
    "handing_due_after_start": lambda: Handing.objects.update(start="2027-01-01", due=PAST),
    "handing_line_known": lambda: Handing.objects.update(line="sideways"),
    "handing_state_known": lambda: Handing.objects.update(state="lost"),
    "handing_frequency_known": lambda: Handing.objects.update(frequency="never"),
    "handing_share_of_a_figure": lambda: Handing.objects.update(share=4),
    "figure_value_unique": lambda: twice(FigureValue, entry=Entry.objects.first(), figure=figure(), value=1),
    "figure_value_in_range": lambda: FigureValue.objects.create(entry=Entry.objects.first(), figure=figure(), value=-1),
    "figure_value_in_range: large": lambda: FigureValue.objects.create(
        entry=Entry.objects.first(), figure=figure(), value=10**11
    ),
    "blocker_answered_by_somebody": lambda: blocker(state="answered"),
    "blocker_state_known": lambda: blocker(state="lost"),
    "blocker_one_open_an_entry": lambda: [blocker(), blocker()],
    "instruction_of_one": lambda: note(task=Task.objects.first()),
    "instruction_of_one: none": lambda: note(organization=None),
    "instruction_has_words_and_leader": lambda: note(text=""),
    "instruction_has_words_and_leader: nobody": lambda: note(leader=""),
    "instruction_days_in_order": lambda: note(reply_by=PAST - dt.timedelta(1)),
    "instruction_reply_unique": lambda: twice(InstructionReply, instruction=note(), organization=place_of_note()),
    "instruction_reply_read_by_somebody": lambda: note_reply(read_at=timezone.now()),
    "instruction_reply_answered_whole": lambda: note_reply(
        read_at=timezone.now(), read_by=User.objects.first(), answered_at=timezone.now()
    ),
    "instruction_reply_answered_whole: seen": lambda: note_reply(seen_at=timezone.now()),
    "instruction_event_known": lambda: note().events.create(at=timezone.now(), action="lost"),
    "erasure_of_one": lambda: erasure(entry=None),
    "evidence_once_an_entry": lambda: twice(Evidence, **paper()),
    "erasure_by_two": lambda: erasure(agreed_by=User.objects.first()),
    "extension_state_known": lambda: extension(
        state="lost", decided_at=timezone.now(), decided_by=User.objects.first()
    ),
    "extension_decided_by_somebody": lambda: extension(state="granted"),
    "extension_is_later": lambda: extension(new_due=PAST),
    "extension_one_asked_an_assignment": lambda: [extension(), extension()],
    "nudge_once_a_day": lambda: twice(Nudge, **urged()),
    "digest_once_a_day": lambda: twice(Digest, person=User.objects.first(), day=PAST),
    "token_role_known": lambda: token(role="king"),
    "token_expires_after_made": lambda: token(expires_at=timezone.now() - dt.timedelta(1)),
    "phrase_once": lambda: twice(Phrase, person=User.objects.first(), text="请补充"),
    "brief_withdrawn_with_a_reason": lambda: brief(withdrawn_at=later(), withdrawn_by=User.objects.first()),
    "brief_withdrawn_with_a_reason: nobody": lambda: brief(withdrawn_at=later(), why_withdrawn="数据有误"),
    "brief_withdrawn_with_a_reason: never": lambda: brief(why_withdrawn="数据有误"),
    "brief_withdrawn_after_it_was_made": lambda: brief(
        withdrawn_at=timezone.now() - dt.timedelta(1), withdrawn_by=User.objects.first(), why_withdrawn="数据有误"
    ),
    "brief_shape_known": lambda: brief(shape=2),
    # No row without its name.
    "organization.code": lambda: again(Organization, path="zzzz", industry_path=None, parent_id=1),
    "organization.credit_code": lambda: Organization.objects.update(credit_code="911100001000000000"),
    "plan.slug": lambda: again(Plan),
    "holiday.day": lambda: again(Holiday),
    "user.username": lambda: again(User),
    "milestone_of_one: both": lambda: Milestone.objects.create(
        task_id=superseding(), assignment=Assignment.objects.first(), title="节点", due=PAST
    ),
    "rewording_has_words_and_reason: reason": lambda: reworded(reason=""),
    "comparison_rule_one_live": lambda: [comparison_rule() for _time in range(2)],
    "comparison_rule_weights_are_100": lambda: comparison_rule(completed=31),
    "comparison_rule_weights_are_100: none": lambda: comparison_rule(on_time=0, accepted=0, completed=0),
    "comparison_rule_has_authority": lambda: comparison_rule(authority=""),
    "comparison_rule_days_in_order": lambda: comparison_rule(ended_on=PAST - dt.timedelta(1)),
    "comparison_once": compared_twice,
    # A number is not negative, on either database.
    "entry.percent": entries(percent=-1),
    "entry.version": entries(version=-1),
    # Handed in without a status, or without the time.
    "entry_submitted_is_complete: status": entries(**HANDED_IN | {"state": "accepted", "status": ""}),
    "entry_submitted_is_complete: first": entries(**HANDED_IN | {"state": "submitted", "first_submitted_at": None}),
    "entry_submitted_is_complete: last": entries(**HANDED_IN | {"state": "submitted", "submitted_at": None}),
    # Signed at some time by nobody.
    "entry_signed_by_somebody": entries(signed_at=timezone.now()),
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
