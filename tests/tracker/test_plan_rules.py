"""Rule 4: a task's owner and its status. And what a plan's records refuse."""

import pytest
from django.core.exceptions import ValidationError

from tests.conftest import person
from tracker.models import Area, Assignment, Event, Figure, Heading, Plan, Role, Task

from .refusals import recounted_tallies, standing_tallies


def accept(entry, cast, content):
    entry.submit(by=cast.reporter, version=entry.version, **content)
    entry.accept(by=cast.reviewer, version=entry.version)


def status(task):
    return Task.objects.get(pk=task.pk).status


def test_naming_an_owner_makes_its_lead_assignment(bodies, tasks, cast):
    tasks[0].name_owner(bodies.county, by=cast.administrator)
    task = Task.objects.get(pk=tasks[0].pk)
    assert (task.owner, task.lead_assignment.part) == (bodies.county, "lead")
    task.name_owner(bodies.county, by=cast.administrator)
    assert Assignment.objects.count() == 1


def test_an_owner_of_a_level_that_the_task_is_not_for_is_named_too(bodies, tasks, cast):
    tasks[0].levels = ["city"]
    tasks[0].save()
    tasks[0].name_owner(bodies.nation, by=cast.administrator)
    assert tasks[0].lead_assignment.organization == bodies.nation


def test_an_owner_that_cooperated_or_had_ended_leads_again(bodies, tasks, cast):
    Assignment.objects.assign(tasks[:1], [bodies.county], by=None, part="cooperating")
    assignment = Assignment.objects.get()
    assignment.amend(by=None, ended_on=tasks[0].start)
    tasks[0].name_owner(bodies.county, by=cast.administrator)
    assignment.refresh_from_db()
    assert (assignment.part, assignment.ended_on) == ("lead", None)
    assert Event.objects.order_by("-pk").first().by == cast.administrator
    assert standing_tallies() == recounted_tallies()


def test_a_task_follows_its_owners_accepted_entries_and_nobody_elses(owed, bodies, tasks, cast, content):
    tasks[0].name_owner(bodies.sister, by=cast.administrator)
    accept(owed["3.2.1"], cast, content)
    assert status(tasks[0]) == "not_started"
    tasks[0].name_owner(bodies.county, by=cast.administrator)
    assert status(tasks[0]) == "in_progress"
    accept(owed["3.2.3"], cast, content)
    assert status(tasks[2]) == "not_started"  # nobody owns it
    entry = owed["3.2.1"]
    entry.reopen(by=cast.reviewer, version=entry.version, comment="更正")
    assert status(tasks[0]) == "not_started"


def test_a_status_set_on_a_task_holds_until_the_owners_next_accepted_entry(owed, bodies, tasks, cast, content):
    task = tasks[0]
    task.name_owner(bodies.county, by=cast.administrator)
    with pytest.raises(ValidationError):
        task.state_status("blocked", "  ", by=cast.administrator)
    task.state_status("blocked", "场地未定", by=cast.administrator)
    assert (task.status, status(task), task.lead_assignment.status) == ("blocked", "blocked", "blocked")
    accept(owed["3.2.1"], cast, content)
    assert status(task) == "in_progress"


def test_a_task_without_an_owner_has_its_own_status_and_history_keeps_the_reason(tasks, cast):
    task = tasks[0]
    task.state_status("in_progress", "省总确认", by=cast.administrator)
    assert status(task) == "in_progress"
    assert task.history.first().history_change_reason == "省总确认"
    for bad, field in ((("done", "原因"), "status"), (("blocked", "原因\x00"), "reason"), (("blocked", ""), "reason")):
        with pytest.raises(ValidationError) as error:
            task.state_status(*bad, by=cast.administrator)
        assert set(error.value.message_dict) == {field}
    assert status(task) == "in_progress"


def test_an_owner_may_be_taken_away_and_the_status_stays(owed, bodies, tasks, cast, content):
    tasks[0].name_owner(bodies.county, by=cast.administrator)
    accept(owed["3.2.1"], cast, content)
    task = Task.objects.get(pk=tasks[0].pk)
    task.name_owner(None, by=cast.administrator)
    assert (task.owner, status(task)) == (None, "in_progress")
    assert Assignment.objects.get(task=task, organization=bodies.county).part == "lead"


def test_an_owner_that_only_cooperates_does_not_speak_for_the_task(owed, bodies, tasks, cast, content):
    tasks[0].name_owner(bodies.county, by=cast.administrator)
    owed["3.2.1"].assignment.amend(by=cast.administrator, part="cooperating")
    accept(owed["3.2.1"], cast, content)
    assert status(tasks[0]) == "not_started"
    owed["3.2.1"].assignment.amend(by=cast.administrator, responsible="李主席")
    assert status(tasks[0]) == "not_started"
    owed["3.2.1"].assignment.take_part("lead", by=cast.administrator)
    assert status(tasks[0]) == "in_progress"


def test_percent_is_asked_where_a_figure_has_a_target_and_never_of_a_standing_duty(plan, tasks):
    assert [task.asks_percent for task in tasks] == [False, False, True, False]
    Figure.objects.get().tasks.add(tasks[1])
    baseline = Figure.objects.create(plan=plan, slug="past", position=2, name="过去", unit="个", baseline=3)
    baseline.tasks.add(tasks[0])
    assert [task.asks_percent for task in tasks] == [False, False, True, False]
    assert list(Task.objects.asking_percent()) == [tasks[2]]


def test_only_the_roots_administrators_change_the_plan(bodies, tasks, cast):
    below = person("below", bodies.province, Role.ADMINISTRATOR)
    assert Task.objects.editable_by(cast.administrator).count() == 4
    for user in (below, cast.supervisor, cast.auditor, cast.reporter):
        assert not Task.objects.editable_by(user).exists()


@pytest.mark.parametrize("levels", [[], ["village"], ["county", "village"], "county", None, {"county": 1}])
def test_levels_are_known_and_at_least_one(tasks, levels):
    tasks[0].levels = levels
    with pytest.raises(ValidationError) as error:
        tasks[0].full_clean()
    assert set(error.value.message_dict) == {"levels"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"wording": "字\x00"}, "wording"),
        ({"wording": ""}, "wording"),
        ({"code": "3.2\ud800"}, "code"),
        ({"code": "3.2.2"}, "__all__"),
        ({"due": "2000-01-01"}, "__all__"),
        ({"status": "done"}, "status"),
        ({"frequency": "weekly"}, "frequency"),
    ],
)
def test_a_task_names_what_is_wrong_with_it(tasks, values, field):
    for name, value in values.items():
        setattr(tasks[0], name, value)
    with pytest.raises(ValidationError) as error:
        tasks[0].full_clean()
    assert field in error.value.message_dict


def test_a_heading_of_another_plan_is_refused(tasks, plan):
    other = Plan.objects.create(slug="17", title="十七大", start=plan.start, due=plan.due)
    area = Area.objects.create(plan=other, number=1, title="领域")
    tasks[0].heading = Heading.objects.create(area=area, number=1, code="1.1", title="任务")
    with pytest.raises(ValidationError) as error:
        tasks[0].full_clean()
    assert set(error.value.message_dict) == {"heading"}


def test_red_does_not_come_before_yellow_nor_the_due_date_before_the_start(plan):
    for values in ({"yellow_points": 31}, {"due": "2020-01-01"}, {"yellow_points": 0}):
        changed = Plan.objects.get(pk=plan.pk)
        for name, value in values.items():
            setattr(changed, name, value)
        with pytest.raises(ValidationError):
            changed.full_clean()


def test_a_change_by_hand_looks_at_the_owner_as_it_stands_and_not_as_it_was_read(owed, bodies, tasks, cast, content):
    accept(owed["3.2.1"], cast, content)
    old = Assignment.objects.select_related("task").get(pk=owed["3.2.1"].assignment_id)
    old.take_part("cooperating", by=cast.administrator)
    old = Assignment.objects.select_related("task").get(pk=old.pk)
    Task.objects.filter(pk=tasks[0].pk).update(owner=bodies.county)
    old.take_part("lead", by=cast.administrator)
    assert status(tasks[0]) == "in_progress"
