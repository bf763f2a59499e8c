"""Leaving: everything somebody holds is listed and goes to another in one action; what they wrote stays theirs."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tests.tracker.office import url
from tests.tracker.refusals import fresh
from tracker.models import Assignment, Deputy, Entry, Event, Membership, Role, TransitionRefused, User
from tracker.models.handover import Handover


@pytest.fixture
def office(client, cast):
    client.force_login(cast.administrator, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def busy(owed, cast, bodies, content):
    """The reporter has something of everything: two roles, names, a draft, a submitted entry."""
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    owed["3.2.2"].save_draft(by=cast.reporter, version=1, **content)
    Membership.objects.create(person=cast.reporter, organization=bodies.county, role=Role.ADMINISTRATOR)
    Membership.objects.filter(person=cast.reporter, role=Role.REPORTER).update(department="办公室")
    mine = {"responsible": "填报人甲", "leader": "领导甲"}
    for code, names in (("3.2.1", mine), ("3.2.2", {"responsible": "旁人", "leader": "填报人甲"}), ("3.2.3", {})):
        owed[code].assignment.amend(by=cast.administrator, **names)
    other = Assignment.objects.get(organization=bodies.sister)
    other.amend(by=cast.administrator, responsible="填报人甲")  # the same name in another body
    return cast.reporter


@pytest.fixture
def heir(bodies):
    return person("heir", bodies.sister, Role.REPORTER, name="接任者")


def give(leaver, heir, cast, **how):
    Handover(leaver).give(heir, by=cast.administrator, **{"reason": "调任"} | how)


def post(client, leaver, **data):
    return client.post(url("user", "handover", leaver.pk), {"reason": "调任", "close": "on", "confirm": "1"} | data)


def test_everything_they_hold_is_listed(office, busy, cast, bodies):
    page = office.get(url("user", "handover", busy.pk))
    assert page.status_code == 200
    shown = page.context
    assert [held.role for held in shown["memberships"]] == ["reporter", "administrator"]
    assert [held.role for held in shown["warnings"]] == ["reporter", "administrator"]
    assert (shown["named_count"], shown["drafts_count"]) == (2, 1)
    assert "唯一" in page.content.decode()


def test_one_action_gives_all_of_it_to_another(office, busy, heir, cast, bodies, owed):
    page = office.post(url("user", "handover", busy.pk), {"reason": "调任", "close": "on", "successor": "接任者"})
    assert page.context["asking"]
    assert User.objects.get(pk=busy.pk).is_active
    assert busy.memberships.count() == 2
    assert post(office, busy, successor="heir").status_code == 302
    assert not busy.memberships.exists()
    assert not User.objects.get(pk=busy.pk).is_active
    held = set(heir.memberships.values_list("organization__code", "role", "department"))
    assert held == {("112", "reporter", ""), ("111", "reporter", "办公室"), ("111", "administrator", "")}


def test_names_change_in_their_bodies_alone_each_with_an_event(busy, heir, cast, owed, bodies):
    give(busy, heir, cast)
    names = {a.task.code: (a.responsible, a.leader) for a in Assignment.objects.filter(organization=bodies.county)}
    assert names["3.2.1"] == ("接任者", "领导甲")
    assert names["3.2.2"] == ("旁人", "接任者")
    assert names["3.2.3"] == ("", "")
    assert Assignment.objects.get(organization=bodies.sister).responsible == "填报人甲"
    told = Event.objects.filter(assignment=owed["3.2.2"].assignment, action="amended").order_by("-pk").first()
    assert told.content == {"leader": ["填报人甲", "接任者"]}
    assert (told.by, told.acting_role, told.comment) == (cast.administrator, "administrator", "调任")


def test_what_they_wrote_and_decided_stays_theirs(busy, heir, cast, owed):
    before = list(Event.objects.filter(by=busy).order_by("pk").values())
    give(busy, heir, cast)
    assert list(Event.objects.filter(by=busy).order_by("pk").values()) == before
    assert fresh(owed["3.2.1"]).submitted_by == busy
    assert fresh(owed["3.2.2"]).saved_by == busy
    heir = User.objects.get(pk=heir.pk)
    heir.acting = heir.memberships.get(organization=owed["3.2.2"].assignment.organization, role="reporter")
    fresh(owed["3.2.2"]).submit(by=heir, version=2)  # the draft goes on


def test_histories_say_who_had_it_who_has_it_and_why(busy, heir, cast, bodies):
    give(busy, heir, cast)
    ended = Membership.history.filter(person=busy, history_type="-")
    begun = Membership.history.filter(person=heir, organization=bodies.county, history_type="+")
    for row in (*ended, *begun, busy.history.first()):
        assert (row.history_change_reason, row.history_user) == ("调任", cast.administrator)
    assert (ended.count(), begun.count()) == (2, 2)


def test_the_account_may_stay_open(busy, heir, cast):
    give(busy, heir, cast, close=False)
    assert User.objects.get(pk=busy.pk).is_active


def test_a_role_the_other_has_already_is_not_doubled(busy, heir, cast, bodies):
    Membership.objects.create(person=heir, organization=bodies.county, role=Role.REPORTER, department="权益部")
    give(busy, heir, cast)
    assert heir.memberships.get(organization=bodies.county, role="reporter").department == "权益部"


def test_without_anybody_to_follow_roles_end_and_names_stay(busy, cast, owed):
    give(busy, None, cast)
    assert not Membership.objects.filter(person=busy).exists()
    assert Assignment.objects.filter(responsible="填报人甲").count() == 2


def test_a_role_in_a_closed_body_ends_and_goes_to_nobody(busy, heir, cast, bodies):
    bodies.county.closed_on = timezone.localdate()
    bodies.county.save()
    give(busy, heir, cast)
    assert not busy.memberships.exists()
    assert not heir.memberships.filter(organization=bodies.county).exists()


def test_deputies_go_along(cast, bodies, heir, owed):
    today = timezone.localdate()
    days = {"first": today, "last": today + dt.timedelta(5), "by": cast.administrator}
    aide = person("aide", bodies.city, Role.REPORTER)
    chief = person("chief", bodies.province, Role.REVIEWER)
    theirs = Deputy.name(cast.reviewer.memberships.get(), aide, **days)
    Membership.objects.create(person=cast.reviewer, organization=bodies.province, role=Role.REPORTER)
    standing = Deputy.name(chief.memberships.get(), cast.reviewer, **days)
    give(cast.reviewer, heir, cast)
    theirs.refresh_from_db()
    standing.refresh_from_db()
    assert (theirs.membership.person, theirs.membership.role, theirs.person) == (heir, "reviewer", aide)
    assert standing.person == heir
    assert Membership.objects.acted_in_by(aide, today).filter(person=heir).exists()


def test_their_deputy_who_takes_over_is_deputy_of_nobody(cast, bodies, owed):
    today = timezone.localdate()
    aide = person("aide", bodies.city, Role.REPORTER)
    Deputy.name(cast.reviewer.memberships.get(), aide, first=today, last=today, by=cast.reviewer)
    give(cast.reviewer, aide, cast)
    assert not Deputy.objects.exists()
    assert aide.memberships.filter(role=Role.REVIEWER).exists()


def test_what_only_they_can_review_is_counted(office, busy, cast, bodies):
    page = office.get(url("user", "handover", cast.reviewer.pk))
    assert page.context["waiting"] == [(bodies.city.name, 1)]
    person("second", bodies.city, Role.REVIEWER)
    assert office.get(url("user", "handover", cast.reviewer.pk)).context["waiting"] == []


def test_somebody_of_the_same_name_there_is_pointed_out(office, busy, bodies):
    person("namesake", bodies.county, Role.LEADER, name="填报人甲")
    page = office.get(url("user", "handover", busy.pk))
    assert [user.username for user in page.context["namesakes"]] == ["namesake"]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "长" * 101}, "reason"),
        ({"reason": "改\x00"}, "reason"),
        ({"successor": "nobody"}, "successor"),
        ({"successor": "reporter"}, "successor"),
        ({"successor": "closed"}, "successor"),
        ({"successor": "同名"}, "successor"),
        ({"successor": "he\x00ir"}, "successor"),
        ({"successor": "x" * 500}, "successor"),
    ],
)
def test_a_wrong_answer_is_named_and_nothing_is_done(office, busy, heir, bodies, data, field):
    person("closed", bodies.county, Role.LEADER, is_active=False)
    for number in (1, 2):
        person(f"same-{number}", bodies.sister, Role.LEADER, name="同名")
    before = list(Membership.objects.order_by("pk").values())
    page = post(office, busy, **{"successor": "heir"} | data)
    assert page.status_code == 422
    assert field in page.context["form"].errors
    assert list(Membership.objects.order_by("pk").values()) == before
    assert User.objects.get(pk=busy.pk).is_active


def test_an_administrator_gives_within_their_scope_alone(client, busy, heir, cast, bodies):
    county = person("county-admin", bodies.county, Role.ADMINISTRATOR)
    client.force_login(county, backend="django.contrib.auth.backends.ModelBackend")
    page = post(client, busy, successor="heir")  # the heir is the sister's
    assert "successor" in page.context["form"].errors
    assert client.get(url("user", "handover", cast.outsider.pk)).status_code == 404
    Membership.objects.create(person=busy, organization=bodies.other, role=Role.REPORTER)
    assert post(client, busy).status_code == 403
    with pytest.raises(TransitionRefused):
        Handover(busy).give(None, reason="x", by=county)
    with pytest.raises(ValidationError):
        Handover(cast.leader).give(heir, reason="x", by=county)
    assert busy.memberships.count() == 3


@pytest.mark.parametrize("who", ["reporter", "reviewer", "supervisor", "auditor"])
def test_no_other_role_hands_over(client, cast, heir, who):
    client.force_login(getattr(cast, who), backend="django.contrib.auth.backends.ModelBackend")
    assert post(client, cast.leader, successor="heir").status_code in (302, 403, 404)
    assert cast.leader.memberships.exists()
    with pytest.raises(TransitionRefused):
        Handover(cast.leader).give(heir, reason="x", by=getattr(cast, who))


def test_it_fails_whole(busy, heir, cast, monkeypatch):
    before = [list(model.objects.order_by("pk").values()) for model in (Membership, Assignment, Event, User)]
    monkeypatch.setattr(Handover, "_give_names", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        give(busy, heir, cast)
    assert [list(model.objects.order_by("pk").values()) for model in (Membership, Assignment, Event, User)] == before


def test_as_many_statements_for_ten_times_the_assignments(cast, bodies, tasks, period):
    def leave(name, count):
        body = place(name, name, "county", bodies.city)
        leaver, heir = (
            person(f"l{name}", body, Role.REPORTER, name="某人"),
            person(f"h{name}", body, Role.LEADER, name="他人"),
        )
        Assignment.objects.assign(tasks[:count], [body], by=None, all_levels=True)
        Assignment.objects.filter(organization=body).update(responsible="某人")
        with CaptureQueriesContext(connection) as queries:
            give(leaver, heir, cast)
        assert Assignment.objects.filter(organization=body, responsible="他人").count() == count
        return len(queries)

    leave("90", 1)
    assert leave("91", 1) == leave("92", 4)


def test_the_page_asks_as_many_queries_of_more(office, busy, owed, content, cast):
    def asked():
        office.get(url("user", "handover", busy.pk))
        with CaptureQueriesContext(connection) as queries:
            office.get(url("user", "handover", busy.pk))
        return len(queries)

    few = asked()
    Entry.objects.for_transition().get(pk=owed["3.2.3"].pk).save_draft(by=cast.reporter, version=1, **content)
    owed["3.2.3"].assignment.amend(by=cast.administrator, responsible="填报人甲")
    assert asked() == few
