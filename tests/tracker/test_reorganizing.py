"""Moving, merging, splitting and closing: what they do, what they refuse, and that nothing is lost on the way."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.matrix import check_matrix
from tracker.models import Assignment, Entry, Event, Handing, Membership, Organization, Period, Role, TransitionRefused
from tracker.models.checking import differences
from tracker.models.reorganizing import Closing, Merging, Moving, Part, Splitting

pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture
def cast_of(cast):
    return cast


def fresh(body):
    return Organization.objects.get(pk=body.pk)


def move(body, parent="same", industry="same", by=None, reason="区划调整", **how):
    body = fresh(body)
    parent = body.parent if parent == "same" else parent
    industry = body.industry if industry == "same" else industry
    return Moving(body, parent=parent, industry=industry, by=by, reason=reason).carry_out(**how)


def state():
    """Everything a refusal must leave as it was."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Organization, Assignment, Entry, Event, Organization.history.model, Handing, Membership)
    ]


def refused(act, *fields, saying=""):
    before = state()
    with pytest.raises(ValidationError) as error:
        act()
    assert set(error.value.message_dict) == set(fields or ["__all__"])
    assert saying in str(error.value.messages)
    assert state() == before
    assert list(differences()) == []


# Moving


def test_a_body_takes_everything_below_it_along(bodies, owed):
    village = place("1111", "某村工会", "grassroots", bodies.county)
    effect = move(bodies.city, bodies.other)
    assert effect.bodies == 4  # city, two counties, village
    assert fresh(bodies.city).path == bodies.other.path + "0001"
    assert fresh(village).path == bodies.other.path + "0001" + village.path[12:]
    assert set(Organization.objects.below(fresh(bodies.other))) == {
        fresh(body) for body in (bodies.other, bodies.city, bodies.county, bodies.sister, village)
    }
    check_matrix()


def test_the_path_left_behind_is_given_to_nobody(bodies):
    given = check_matrix()
    move(bodies.city, bodies.other)
    place("12", "新市总工会", "city", fresh(bodies.province))
    move(bodies.city, bodies.province)
    check_matrix(given)
    assert fresh(bodies.city).path != bodies.city.path


def test_the_new_parent_reviews_what_the_old_one_did(bodies, owed, cast):
    third = Assignment.objects.get(task__code="3.2.3", organization=bodies.county)
    third.amend(by=None, reviewing=bodies.nation)
    effect = move(bodies.county, bodies.other, by=cast.administrator)
    assert effect.reviewing == 3
    own = Assignment.objects.filter(organization=bodies.county)
    assert {row.task.code: row.reviewing for row in own.select_related("task", "reviewing")} == {
        "3.2.1": bodies.other,
        "3.2.2": bodies.other,
        "3.2.3": bodies.nation,
        "3.2.4": bodies.other,
    }
    events = Event.objects.filter(action="amended", acting_role="administrator")
    assert events.count() == 3
    assert events[0].content == {"reviewing": [bodies.city.name, bodies.other.name]}
    assert events[0].comment == "区划调整"
    assert Assignment.objects.get(organization=bodies.sister).reviewing == bodies.city


def test_the_tallies_follow(bodies, owed):
    from tracker.models import AssignmentTally, EntryTally

    period = Period.objects.get()
    assert AssignmentTally.totals(bodies.city)["grey"] == 5
    move(bodies.county, bodies.other)
    assert list(differences()) == []
    assert AssignmentTally.totals(bodies.city)["grey"] == 1
    assert AssignmentTally.totals(bodies.other)["grey"] == 4
    assert EntryTally.totals(period, bodies.other)["owed"] == 4
    assert EntryTally.totals(period, bodies.nation)["owed"] == 5


def test_history_keeps_who_moved_it_and_why(bodies, cast):
    move(bodies.county, bodies.other, by=cast.administrator)
    record = fresh(bodies.county).history.first()
    assert (record.parent_id, record.history_user, record.history_change_reason) == (
        bodies.other.pk,
        cast.administrator,
        "区划调整",
    )
    assert fresh(bodies.city).history.count() == 1


def test_the_industrial_line_is_joined_changed_and_left(bodies):
    department = place("1131", "直属学校工会", "grassroots", fresh(bodies.school))
    energy = place("E", "示例能源工会", "province", bodies.nation, line="industrial")
    move(bodies.school, industry=energy)
    assert fresh(bodies.school).industry_path == energy.industry_path + "0001"
    assert fresh(department).industry_path == energy.industry_path + "0001" + department.path[-4:]
    assert fresh(bodies.school).path == bodies.school.path
    move(bodies.school, industry=None)
    assert fresh(bodies.school).industry_path == bodies.school.path  # its own line begins there
    move(bodies.county, industry=fresh(bodies.school))
    assert fresh(bodies.county).industry_path.startswith(bodies.school.path)
    move(bodies.county, industry=None)
    assert fresh(bodies.county).industry_path is None
    check_matrix()


def test_a_territory_that_comes_under_an_industrial_body_and_leaves_it_again(bodies):
    village = place("1111", "某村工会", "grassroots", bodies.county)
    teachers = place("1112", "县教育工会", "grassroots", bodies.county, line="industrial")
    below = place("11121", "某校工会", "grassroots", teachers)
    move(bodies.city, bodies.union)
    for body in (bodies.city, bodies.county, village, teachers, below):
        assert fresh(body).industry_path.startswith(bodies.union.industry_path)
    check_matrix()
    move(bodies.city, bodies.province)
    assert fresh(village).industry_path is None
    assert fresh(teachers).industry_path == fresh(teachers).path
    assert fresh(below).industry_path == fresh(below).path
    check_matrix()


def test_a_body_does_not_come_below_itself_by_any_way(bodies):
    village = place("1111", "某村工会", "grassroots", bodies.county)
    for above in (bodies.city, bodies.county, village):
        refused(lambda above=above: move(bodies.city, above), "parent", saying="stands below it")
    refused(lambda: move(bodies.union, bodies.school), "parent")  # the school has it as industrial parent
    refused(lambda: move(bodies.union, industry=fresh(bodies.school)), "industry")
    pupil = place("1132", "某厂工会", "county", bodies.school, line="industrial")
    low = place("U2", "其下", "county", bodies.other, industry=pupil)
    refused(lambda: move(bodies.province, low), "parent")  # province > school > pupil, and by industry > low


def test_what_stands_where_it_is_to_go_is_told(bodies):
    refused(lambda: move(bodies.county, bodies.city), "parent", saying="stands there already")
    refused(lambda: move(bodies.county, None), "parent")


def test_the_root_stays(bodies):
    refused(lambda: move(bodies.nation, bodies.province), saying="national body")


def test_a_closed_body_neither_moves_nor_receives(bodies):
    Closing(fresh(bodies.sister), by=None, reason="撤销").carry_out()
    refused(lambda: move(bodies.sister, bodies.other), saying="was closed on")
    refused(lambda: move(bodies.county, fresh(bodies.sister)), "parent", saying="was closed on")
    late = Organization(code="x", name="某", level="grassroots", parent=fresh(bodies.sister))
    with pytest.raises(ValidationError, match="was closed on"):
        late.full_clean(exclude=["path"])


def test_an_industrial_parent_is_in_the_line_and_stays_in_it(bodies):
    refused(lambda: move(bodies.county, industry=bodies.city), "industry", saying="must itself belong")
    office = place("UT", "直属单位", "city", bodies.union)
    place("1133", "某校工会", "county", bodies.city, industry=office)
    refused(lambda: move(office, bodies.other), "parent", saying="would leave that line")


def test_a_tree_has_so_many_levels_and_no_more(bodies):
    low = bodies.county
    for number in range(12):
        low = place(f"d{number}", "其下", "grassroots", low)
    assert low.depth == 16
    refused(lambda: move(bodies.city, bodies.sister), "parent")
    extra = place("21", "某市总工会", "city", bodies.other)
    refused(lambda: move(bodies.city, extra), "parent", saying="room for 16")
    move(bodies.city, bodies.other)
    assert fresh(low).depth == 16


def test_a_full_parent_says_so(bodies):
    Organization.objects.filter(pk=bodies.other.pk).update(last_child=36**4 - 1)
    refused(lambda: move(bodies.city, fresh(bodies.other)), "parent", saying="no room")


def test_both_ends_lie_in_the_movers_scope(bodies):
    here = person("here", bodies.province, Role.ADMINISTRATOR)
    second = place("12", "二市总工会", "city", bodies.province)
    refused(lambda: move(bodies.city, bodies.other, by=here), "parent", saying="outside the bodies")
    refused(lambda: move(bodies.province, bodies.other, by=here), "parent")
    there = person("there", bodies.city, Role.ADMINISTRATOR)
    refused(lambda: move(bodies.county, second, by=there), "parent")
    refused(lambda: move(bodies.school, industry=None, by=here), "industry")
    in_line = person("in_line", bodies.union, Role.ADMINISTRATOR)
    refused(lambda: move(bodies.school, bodies.union, by=in_line), "parent")  # taken away from the province
    reader = person("reader", bodies.nation, Role.SUPERVISOR)
    refused(lambda: move(bodies.county, second, by=reader))
    move(bodies.county, second, by=here)
    move(bodies.school, industry=None, by=person("above", bodies.nation, Role.ADMINISTRATOR))


def test_a_reason_is_given(bodies):
    for reason in ("", "  ", "长" * 101, "\x00"):
        refused(lambda reason=reason: move(bodies.county, bodies.other, reason=reason), "reason")


def test_the_statements_are_few_however_many_bodies(bodies, owed):
    def asked(act):
        with CaptureQueriesContext(connection) as queries:
            act()
        return len(queries)

    few = asked(lambda: move(bodies.city, bodies.other))
    for number in range(300):
        place(f"v{number}", "某村工会", "grassroots", fresh(bodies.county))
    assert asked(lambda: move(bodies.city, bodies.province)) <= few
    merged = asked(lambda: Merging(fresh(bodies.county), into=fresh(bodies.sister), by=None, reason="合并").carry_out())
    assert merged < few + 90  # 300 bodies directly below it come under another; each task taken over costs one or two
    check_matrix()


# Looking first


def test_a_rehearsal_tells_the_effect_and_leaves_everything(bodies, owed):
    before = state()
    act = Merging(fresh(bodies.county), into=fresh(bodies.sister), by=None, reason="合并")
    shown = act.rehearse()
    assert state() == before
    assert (shown.ended, shown.assigned, shown.excused, shown.bodies) == (4, 3, 4, 0)
    assert shown.tallies > 0
    assert act.carry_out(seen=shown.mark) == shown
    assert list(differences()) == []


@pytest.mark.parametrize("change", ["entry", "body", "assignment", "name"])
def test_what_changed_since_one_looked_is_refused(bodies, owed, cast, content, tasks, change):
    act = Merging(fresh(bodies.county), into=fresh(bodies.sister), by=None, reason="合并")
    seen = act.rehearse().mark
    if change == "entry":
        owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    elif change == "body":
        place("1111", "某村工会", "grassroots", bodies.county)
    elif change == "assignment":
        Assignment.objects.get(organization=bodies.county, task=tasks[0]).amend(by=None, ended_on=dt.date(2026, 1, 1))
    else:
        Organization.objects.filter(pk=bodies.sister.pk).update(name="另一个名称")
    before = state()
    with pytest.raises(TransitionRefused) as refusal:
        act.carry_out(seen=seen)
    assert refusal.value.code == "stale"
    assert state() == before


# Merging


def merge(body, into, by=None):
    return Merging(fresh(body), into=fresh(into), by=by, reason="撤县设区").carry_out()


def test_the_merged_body_closes_and_its_duties_go_to_the_other(bodies, owed, cast, tasks, content):
    owed["3.2.3"].submit(by=cast.reporter, version=1, **content | {"percent": 10})
    effect = merge(bodies.county, bodies.sister, by=cast.administrator)
    assert (effect.ended, effect.assigned, effect.excused) == (4, 3, 4)
    county = fresh(bodies.county)
    assert (county.closed_on, county.merged_into) == (timezone.localdate(), bodies.sister)
    assert not county.assignments.live().exists()
    new = Assignment.objects.get(organization=bodies.sister, task=tasks[2])
    assert (new.reviewing, new.status, new.due, new.handed_on) == (
        bodies.city,
        "not_started",
        tasks[2].due,
        timezone.localdate(),
    )
    assert set(Entry.objects.filter(assignment__organization=county).values_list("state", "comment")) == {
        ("excused", "撤县设区")
    }
    event = Event.objects.get(entry=owed["3.2.3"], action="excused")
    assert (event.from_state, event.to_state, event.comment, event.by) == (
        "submitted",
        "excused",
        "撤县设区",
        cast.administrator,
    )
    assert county.history.first().history_change_reason == "撤县设区"
    check_matrix()


def test_nothing_is_deleted_and_all_of_it_can_be_read(client, bodies, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    entries = Entry.objects.count()
    merge(bodies.county, bodies.sister)
    assert Entry.objects.count() == entries
    for who in (cast.reporter, cast.supervisor):
        client.force_login(who)
        page = client.get(owed["3.2.1"].get_absolute_url())
        assert page.status_code == 200
        assert content["progress"] in page.content.decode()
        assert client.get(bodies.county.get_absolute_url()).status_code == 200
        assert client.get("/").status_code == 200


def test_what_was_accepted_stays_accepted(bodies, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    Entry.objects.for_transition().get(pk=owed["3.2.1"].pk).accept(by=cast.reviewer, version=2)
    assert merge(bodies.county, bodies.sister).excused == 3
    assert Entry.objects.get(pk=owed["3.2.1"].pk).state == "accepted"


def test_what_stood_below_stands_below_the_other_by_either_line(bodies, owed):
    village = place("1111", "某村工会", "grassroots", bodies.county)
    merge(bodies.county, bodies.sister)
    assert fresh(village).parent == bodies.sister
    energy = place("E", "示例能源工会", "province", bodies.nation, line="industrial")
    merge(bodies.union, energy)
    assert fresh(bodies.school).industry == energy
    check_matrix()


def test_the_other_reviews_and_leads_what_it_did(bodies, owed, tasks):
    second = place("12", "二市总工会", "city", bodies.province)
    tasks[0].name_owner(bodies.city, by=None)
    effect = merge(bodies.city, second)
    assert effect.owned == 1
    assert set(Assignment.objects.live().exclude(organization=second).values_list("reviewing", flat=True)) == {
        second.pk
    }
    tasks[0].refresh_from_db()
    assert tasks[0].owner == second
    assert tasks[0].lead_assignment.ended_on is None
    check_matrix()


def test_a_body_may_be_merged_into_its_parent(bodies, owed):
    village = place("1111", "某村工会", "grassroots", bodies.county)
    merge(bodies.county, bodies.city)
    assert fresh(village).parent == bodies.city
    assert Assignment.objects.live().filter(organization=bodies.city).count() == 4
    check_matrix()


def test_what_had_ended_with_the_other_comes_back_to_life(bodies, owed, tasks):
    old = Assignment.objects.get(organization=bodies.sister, task=tasks[0])
    old.amend(by=None, ended_on=dt.date(2026, 1, 1))
    assert merge(bodies.county, bodies.sister).assigned == 4
    old.refresh_from_db()
    assert old.ended_on is None
    assert Event.objects.filter(assignment=old).first().content == {"ended_on": ["2026-01-01", ""]}


def test_a_body_is_not_merged_into_what_hangs_below_it(bodies):
    for into in (bodies.city, bodies.county):
        refused(lambda into=into: merge(bodies.city, into), "into")
    refused(lambda: merge(bodies.union, bodies.school), "into")
    refused(lambda: merge(bodies.union, bodies.other), "into", saying="outside the industrial line")
    refused(lambda: merge(bodies.nation, bodies.city))


def test_the_one_merged_into_lies_in_the_scope_too(bodies):
    here = person("here", bodies.city, Role.ADMINISTRATOR)
    refused(lambda: merge(bodies.county, bodies.other, by=here), "into", saying="outside the bodies")
    merge(bodies.county, bodies.sister, by=here)


def test_live_handings_are_withdrawn(bodies, owed):
    assignment = Assignment.objects.get(organization=bodies.sister)
    live = Handing.objects.get(assignment=assignment)
    common = {"assignment": assignment, "giver": bodies.city, "frequency": "quarter"}
    back = Handing.objects.create(line="industrial", state="sent_back", **common)
    merge(bodies.sister, bodies.county)
    live.refresh_from_db()
    back.refresh_from_db()
    assert (live.state, back.state) == ("withdrawn", "sent_back")


# Splitting


def split(body, *parts, **how):
    parts = [Part(*part) for part in parts]
    return Splitting(fresh(body), parts=parts, by=None, reason="拆分", **how).carry_out()


def test_new_bodies_stand_beside_the_old_one_which_goes_on(bodies, owed):
    village = place("1111", "某村工会", "grassroots", bodies.county)
    effect = split(bodies.county, ("111a", "甲一区总工会"), ("111b", "甲二区总工会"), assigning=True)
    assert (effect.made, effect.assigned, effect.ended, effect.bodies) == (2, 8, 0, 0)
    for code in ("111a", "111b"):
        part = Organization.objects.get(code=code)
        assert (part.parent, part.level, part.split_from) == (bodies.city, "county", bodies.county)
        assert part.assignments.live().count() == 4
        assert part.history.first().history_change_reason == "拆分"
    assert fresh(bodies.county).closed_on is None
    assert fresh(village).parent == bodies.county
    check_matrix()


def test_where_it_closes_the_first_takes_what_stands_below(bodies, owed, tasks):
    tasks[0].name_owner(bodies.school, by=None)
    pupil = place("1131", "某校工会", "county", bodies.other, industry=bodies.school)
    split(bodies.school, ("113a", "甲教育工会"), ("113b", "乙教育工会"), assigning=False, closing=True)
    first = Organization.objects.get(code="113a")
    assert fresh(pupil).industry == first
    assert fresh(bodies.school).closed_on
    tasks[0].refresh_from_db()
    assert tasks[0].owner == first
    assert not Assignment.objects.filter(organization__code="113b").exists()
    check_matrix()


def test_the_new_codes_are_free_and_there_is_one_at_least(bodies):
    refused(lambda: split(bodies.county))
    refused(lambda: split(bodies.county, ("x", "某"), ("112", "重码")), "code")
    refused(lambda: split(bodies.county, ("x", "")), "name")


# Closing


def close(body, by=None):
    return Closing(fresh(body), by=by, reason="撤销").carry_out()


def test_a_closed_body_owes_nothing_any_more(bodies, owed, plan):
    close(bodies.county)
    assert not Entry.objects.filter(assignment__organization=bodies.county).exclude(state="excused").exists()
    today = timezone.localdate()
    later = Period.objects.create(plan=plan, code="2027Q1", opens=today, due=today, locks=today)
    later.open()
    assert set(later.entries.values_list("assignment__organization", flat=True)) == {bodies.sister.pk}
    check_matrix()


def test_what_stands_below_goes_first(bodies):
    refused(lambda: close(bodies.city), saying="2 open bodies")
    refused(lambda: close(bodies.union), saying="1 open bodies")
    close(bodies.county)
    close(bodies.sister)
    close(bodies.city)
    refused(lambda: close(bodies.city), saying="was closed on")


def test_what_it_leads_goes_first(bodies, tasks):
    tasks[0].name_owner(bodies.county, by=None)
    refused(lambda: close(bodies.county), saying="3.2.1")


def test_nobody_closes_the_body_they_act_in(bodies):
    own = person("own", bodies.county, Role.ADMINISTRATOR)
    refused(lambda: close(bodies.county, by=own))


def test_what_it_reviewed_falls_back_to_each_ones_parent(bodies, owed):
    Assignment.objects.filter(organization=bodies.county).update(reviewing=bodies.other)
    assert close(bodies.other).reviewing == 4
    assert set(Assignment.objects.live().values_list("reviewing", flat=True)) == {bodies.city.pk}
