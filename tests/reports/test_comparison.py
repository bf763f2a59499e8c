"""Comparison of peers: off until it is ordered, frozen once at the cut-off, corrections beside it; who may read it."""

import datetime as dt
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.conftest import person
from tracker.models import Assignment, Comparison, ComparisonRule, Entry, Event, Organization, Period, Role

from .test_comparison_oracle import ruled

PAGE = "/reports/18/comparison/"


@pytest.fixture
def locked(owed, bodies, period, cast, content, tasks):
    """The first city's county handed in 3.2.1 (accepted) and 3.2.3 (waits); 3.2.2 is a standing duty, 3.2.4 is owed.
    The period locked yesterday. Another city of the province owes nothing at all."""
    for code in ("3.2.1", "3.2.3"):
        owed[code].submit(by=cast.reporter, version=1, **content | ({"percent": 10} if code == "3.2.3" else {}))
    owed["3.2.1"].accept(by=cast.reviewer, version=2)
    Assignment.objects.filter(organization=bodies.county).update(part="lead")
    Assignment.objects.filter(organization=bodies.sister).update(part="cooperating")
    today = timezone.localdate()
    Period.objects.filter(pk=period.pk).update(due=today - dt.timedelta(1), locks=today - dt.timedelta(1))
    Entry.objects.exclude(first_submitted_at=None).update(first_submitted_at=timezone.now() - dt.timedelta(9))
    period.refresh_from_db()
    other_city = Organization(code="12", name="示例二市总工会", level="city", parent=bodies.province)
    other_city.place()
    return SimpleNamespace(period=period, city=bodies.city, other_city=other_city, owed=owed)


@pytest.fixture
def frozen(locked, bodies):
    rule = ruled(bodies.province, locked.period)
    call_command("nightly")
    return Comparison.objects.get(rule=rule)


def entry(frozen, code="3.2.1", body="111"):
    entries = Entry.objects.for_transition().filter(period=frozen.period, assignment__organization__code=body)
    return entries.get(assignment__task__code=code)


def test_it_is_off_by_default_and_says_who_may_switch_it_on(locked, sign_in):
    call_command("nightly")
    assert not Comparison.objects.exists()
    for name in ("supervisor", "administrator", "leader", "auditor"):
        page = sign_in(name).get(PAGE).content.decode()
        assert "考核比较未启用" in page
        assert "管理员录入依据" in page
        assert ("/admin/tracker/comparisonrule/add/" in page) == (name == "administrator")
        assert "comparison/" not in sign_in(name).get("/reports/18/").content.decode()


def test_the_night_after_the_lock_freezes_it_once(frozen, locked, bodies):
    cities, *others = frozen.groups
    assert not others
    first, second = cities["bodies"]
    assert first["name"] == "示例一市总工会"
    numbers = {name: first[name] for name in ("owed", "on_time", "accepted", "waiting", "completable", "done")}
    assert numbers == {"owed": 4, "on_time": 2, "accepted": 1, "waiting": 1, "completable": 3, "done": 0}
    assert first["score"] == 32.5  # 50 % of 2/4, 30 % of 1/4, 20 % of 0/3
    assert second["score"] is None  # owed nothing: no zero
    call_command("nightly")
    assert not Comparison.objects.freeze(frozen.rule, locked.period)
    assert Comparison.objects.count() == 1


def test_a_period_that_opened_before_the_rule_is_not_compared(locked, bodies):
    late = ruled(bodies.province, locked.period, starts_on=locked.period.opens + dt.timedelta(1))
    ended = ruled(bodies.nation, locked.period, ended_on=locked.period.locks)
    call_command("nightly")
    assert not Comparison.objects.filter(rule__in=[late, ended]).exists()


def test_the_page_shows_every_part_and_keeps_who_has_no_score_apart(frozen, sign_in):
    page = sign_in("supervisor").get(frozen.get_absolute_url()).content.decode()
    for said in ("示工发〔2026〕3号", "2/4", "1/4", "0/3", "32.5", "示例二市总工会", "不计得分", "1、4、8、9"):
        assert said in page
    assert "甲县总工会" not in page
    assert page.index("示例一市总工会") < page.index("不计得分（") < page.index("示例二市总工会")


def test_the_snapshot_says_the_same_after_everything_changed(frozen, cast, bodies, tasks):
    before = frozen.groups, frozen.weights, frozen.authority, frozen.as_of
    entry(frozen).reopen(by=cast.reviewer, version=3, comment="数字有误")
    Entry.objects.filter(state="due").update(state="excused")
    Assignment.objects.update(status="completed", part="cooperating")
    Organization.objects.filter(code="11").update(name="改名市总工会")
    ComparisonRule.objects.update(on_time=10, accepted=10, completed=80, authority="新文号")
    call_command("nightly")
    after = Comparison.objects.get()
    assert (after.groups, after.weights, after.authority, after.as_of) == before


def test_what_is_corrected_later_is_listed_beside_it(frozen, cast, sign_in, content):
    client = sign_in("supervisor")
    assert client.get(frozen.get_absolute_url()).context["corrections"] == []
    entry(frozen, "3.2.3").accept(by=cast.reviewer, version=2)
    entry(frozen).reopen(by=cast.reviewer, version=3, comment="数字有误")
    entry(frozen).submit(by=cast.reporter, version=4, **content)  # nothing is counted otherwise by this
    entry(frozen).accept(by=cast.reviewer, version=5)
    entry(frozen, "3.2.4").excuse(by=cast.supervisor, version=1, comment="汛期")
    entry(frozen, "3.2.2").excuse(by=cast.supervisor, version=1, comment="汛期")  # a standing duty takes no part
    page = client.get(frozen.get_absolute_url())
    told = [(event.assignment.task.code, event.action, whose) for event, whose in page.context["corrections"]]
    city = "示例一市总工会"
    assert told == [
        ("3.2.4", Event.Action.EXCUSED, city),
        ("3.2.1", Event.Action.ACCEPTED, city),
        ("3.2.1", Event.Action.REOPENED, city),
        ("3.2.3", Event.Action.ACCEPTED, city),
    ]
    assert "甲县总工会" not in page.content.decode()
    assert "2/4" in page.content.decode()  # the numbers stay


def test_without_a_live_rule_what_is_frozen_is_not_shown(frozen, sign_in):
    ComparisonRule.objects.update(ended_on=timezone.localdate())
    client = sign_in("supervisor")
    assert client.get(frozen.get_absolute_url()).status_code == 404
    page = client.get(PAGE).content.decode()
    assert "考核比较未启用" in page
    assert frozen.get_absolute_url() not in page
    assert Comparison.objects.count() == 1
    ruled(frozen.rule.organization, frozen.period)
    assert client.get(frozen.get_absolute_url()).status_code == 200


@pytest.mark.parametrize(
    ("body", "role", "answer"),
    [
        ("province", Role.SUPERVISOR, 200),
        ("province", Role.LEADER, 200),
        ("province", Role.REPORTER, 403),
        ("province", Role.REVIEWER, 403),
        ("nation", Role.AUDITOR, 200),  # above
        ("city", Role.LEADER, 200),  # compared
        ("city", Role.ADMINISTRATOR, 200),
        ("city", Role.SECURITY, 403),
        ("county", Role.SUPERVISOR, 404),  # below who is compared
        ("other", Role.SUPERVISOR, 404),
        ("school", Role.LEADER, 404),  # stands in another line
    ],
)
def test_who_may_read_it(frozen, bodies, client, body, role, answer):
    client.force_login(person("reader", getattr(bodies, body), role))
    assert client.get(frozen.get_absolute_url()).status_code == answer
    listed = client.get(PAGE)
    assert listed.status_code == (403 if answer == 403 else 200)
    assert (frozen.get_absolute_url() in listed.content.decode()) == (answer == 200)


def test_a_compared_body_sees_its_own_peers_alone(locked, bodies, client):
    ruled(bodies.nation, locked.period)
    call_command("nightly")
    result = Comparison.objects.get()
    assert [group["line"] for group in result.groups] == ["territorial", "industrial"]
    for body, seen, unseen in ((bodies.province, "二省", "教育"), (bodies.union, "教育", "二省")):
        client.force_login(person(f"of-{body.code}", body, Role.SUPERVISOR))
        page = client.get(result.get_absolute_url()).content.decode()
        assert seen in page
        assert unseen not in page.split("<main", 1)[1]
        assert "本单位" in page


def test_any_address_gets_an_answer(frozen, sign_in):
    client = sign_in("supervisor")
    for address in (f"{PAGE}{10**30}/", f"{PAGE}0/", "/reports/19/comparison/", f"/reports/19/comparison/{frozen.pk}/"):
        assert client.get(address).status_code == 404
    for query in ("page=0", "page=x%00", "page=%ED%A0%80", "page=99999999999"):
        assert client.get(f"{PAGE}?{query}").status_code == 200
        assert client.get(f"{frozen.get_absolute_url()}?{query}").status_code == 200
