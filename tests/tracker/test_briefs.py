"""Briefs: who drafts and reads them, whom they name, and that one says tomorrow what it says today."""

import datetime as dt
import json

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reports.briefs import told
from tests.conftest import person, place
from tests.tracker.office import faults, filled, url
from tracker.models import (
    Assignment,
    Blocker,
    Brief,
    Entry,
    Erasure,
    Event,
    Organization,
    Period,
    Plan,
    Role,
    Task,
    TransitionRefused,
    User,
)
from tracker.models.reorganizing import Moving

NEED = "请协调资产管理部门明确站点用房的使用方式。"
WHY = "多次催办未报送，影响全局进度。"


@pytest.fixture
def at_work(owed, bodies, cast, content, period):
    """The county is blocked on 3.2.1, returned on 3.2.4 and red on 3.2.3; the rest was not reported."""
    asked = {"problems": "用房未定。", "need": NEED, "need_by": timezone.localdate() + dt.timedelta(7)}
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content | {"status": "blocked"} | asked)
    owed["3.2.4"].submit(by=cast.reporter, version=1, status="in_progress")
    owed["3.2.4"].return_(by=cast.reviewer, version=2, comment="请补充")
    owed["3.2.3"].assignment.state_light("red", WHY, by=cast.administrator)
    return owed


def draft(period, body, by):
    return Brief.objects.draft(period, body, by=by)


def words(brief):
    """Everything a brief says, in one string."""
    said = told(brief)
    return json.dumps([said.title, said.as_of, said.blocks], ensure_ascii=False)


# Who.


def test_a_supervisor_drafts_for_their_own_body_and_those_below(at_work, bodies, cast, period):
    for body in (bodies.province, bodies.city, bodies.county, bodies.school):
        brief = draft(period, body, cast.supervisor)
        assert (brief.organization, brief.made_by, brief.period) == (body, cast.supervisor, period)
    for body in (bodies.nation, bodies.other, bodies.union):
        with pytest.raises(TransitionRefused) as refusal:
            draft(period, body, cast.supervisor)
        assert refusal.value.code == "not_yours"
    assert Brief.objects.count() == 4


@pytest.mark.parametrize("name", ["reporter", "leader", "reviewer", "administrator", "auditor", "outsider"])
def test_nobody_else_drafts_or_withdraws(name, at_work, bodies, cast, period):
    brief, who = draft(period, bodies.county, cast.supervisor), getattr(cast, name)
    with pytest.raises(TransitionRefused):
        draft(period, who.organization, who)
    with pytest.raises(TransitionRefused):
        brief.withdraw("数据有误", by=who)
    assert Brief.objects.filter(withdrawn_at=None).count() == 1


def test_it_is_read_by_who_sees_all_it_tells_of_and_by_the_body_s_own_leader(at_work, bodies, cast, period):
    county, province = (draft(period, body, cast.supervisor) for body in (bodies.county, bodies.province))
    seen = {
        name: set(Brief.objects.visible_to(getattr(cast, name)))
        for name in ("reporter", "leader", "reviewer", "supervisor", "administrator", "auditor", "outsider")
    }
    both = {county, province}
    assert seen == {
        "reporter": set(),
        "leader": {county},
        "reviewer": set(),
        "supervisor": both,
        "administrator": both,
        "auditor": both,
        "outsider": set(),
    }
    elsewhere = person("elsewhere", bodies.other, Role.SUPERVISOR)
    assert not Brief.objects.visible_to(elsewhere).exists()


def test_a_period_that_has_not_opened_has_no_brief(bodies, cast, period):
    with pytest.raises(TransitionRefused) as refusal:
        draft(period, bodies.province, cast.supervisor)
    assert refusal.value.code == "not_opened"


def test_another_is_another_record(at_work, bodies, cast, period):
    first = draft(period, bodies.city, cast.supervisor)
    before = first.figures
    at_work["3.2.2"].submit(by=cast.reporter, version=1, status="in_progress", progress="已开展。", next_steps="继续。")
    second = draft(period, bodies.city, cast.supervisor)
    assert list(Brief.objects.all()) == [second, first]
    first.refresh_from_db()
    assert first.figures == before
    assert second.figures["totals"]["waiting"] == before["totals"]["waiting"] + 1


# Withdrawing.


def test_it_is_withdrawn_once_with_a_reason_and_never_deleted(at_work, bodies, cast, period):
    brief = draft(period, bodies.city, cast.supervisor)
    with pytest.raises(ValidationError) as error:
        brief.withdraw("  ", by=cast.supervisor)
    assert set(error.value.message_dict) == {"reason"}
    brief.withdraw("数据有误", by=cast.supervisor)
    assert (brief.withdrawn_by, brief.why_withdrawn) == (cast.supervisor, "数据有误")
    with pytest.raises(TransitionRefused) as refusal:
        brief.withdraw("再次", by=cast.supervisor)
    assert refusal.value.code == "stale"
    assert Brief.objects.get().why_withdrawn == "数据有误"


# Whom it names.


def test_bodies_are_named_at_the_levels_allowed_and_counted_at_the_others(at_work, bodies, cast, period, plan):
    names = {"county": "甲县总工会", "city": "示例一市总工会", "province": "示例一省总工会"}
    for allowed in ([], ["city"], ["county"], ["province", "city"], ["city", "county"]):
        Plan.objects.update(brief_levels=allowed)
        brief = draft(Period.objects.get(), bodies.province, cast.supervisor)
        kept = json.dumps(brief.figures, ensure_ascii=False) + words(brief)
        for level, name in names.items():
            assert (name in kept) == (level in allowed or level == "province"), (allowed, level)
        assert brief.figures["named"] == allowed
        assert {row["level"]: row["bodies"] for row in brief.figures["bodies"]["levels"]} == {"county": 2}


def test_the_levels_are_province_and_city_until_an_administrator_says_otherwise(at_work, client, bodies, plan):
    assert plan.brief_levels == ["province", "city"]
    root = User.objects.get(username="administrator")
    client.force_login(root)
    page = url("plan", "change", plan.pk)
    form = filled(client.get(page))
    assert faults(client.post(page, form | {"brief_levels": ["county", "province"]})) == {}
    plan.refresh_from_db()
    assert plan.brief_levels == ["province", "county"]
    assert plan.history.first().brief_levels == ["province", "county"]
    assert faults(client.post(page, form | {"brief_levels": []})) == {}
    plan.refresh_from_db()
    assert plan.brief_levels == []
    assert set(faults(client.post(page, form | {"brief_levels": ["village"]}))) == {"brief_levels"}


def test_where_names_repeat_the_parent_stands_beside(at_work, bodies, cast, period, tasks):
    place("211", "鼓楼区总工会", "city", bodies.province)
    twin = place("1111", "鼓楼区总工会", "county", bodies.city)
    Assignment.objects.assign(tasks[:1], [twin], by=cast.administrator, owe_now=True)
    Plan.objects.update(brief_levels=["city", "county"])
    brief = draft(Period.objects.get(), bodies.province, cast.supervisor)
    assert "鼓楼区总工会（示例一市总工会）（1项）" in words(brief)


def test_no_person_is_named(at_work, bodies, cast, period):
    Assignment.objects.update(responsible="密责任人", leader="密分管", department="密部门")
    Organization.objects.update(contact="密联系人", telephone="密电话")
    User.objects.update(name="密姓名")
    Plan.objects.update(brief_levels=["national", "province", "city", "county"])
    brief = draft(Period.objects.get(), bodies.province, cast.supervisor)
    assert NEED.rstrip("。") in words(brief)
    assert "密" not in json.dumps(brief.figures, ensure_ascii=False) + words(brief)


# Tomorrow.


def test_it_says_the_same_after_everything_it_tells_of_has_changed(at_work, bodies, cast, period, plan, tasks):
    Plan.objects.update(brief_levels=["province", "city", "county"])
    brief = draft(Period.objects.get(), bodies.province, cast.supervisor)
    figures, said = brief.figures, words(brief)
    entry = Entry.objects.for_transition().get(pk=at_work["3.2.1"].pk)
    entry.accept(by=cast.reviewer, version=entry.version)
    Blocker.objects.get().reply("已协调。", by=cast.reviewer)
    at_work["3.2.3"].assignment.state_light("", "恢复", by=cast.administrator)
    at_work["3.2.2"].excuse(by=cast.supervisor, version=1, comment="撤并")
    tasks[0].reword("另一表述", "调整", by=cast.administrator)
    Moving(bodies.city, parent=bodies.other, industry=None, by=cast.administrator, reason="调整").carry_out()
    Organization.objects.update(name="改名", short_name="改名", level="grassroots")
    Task.objects.update(wording="改")
    Plan.objects.update(title="改名的规划", brief_levels=[])
    period.refresh_from_db()
    day = timezone.localdate()
    period.move(opens=period.opens, due=day - dt.timedelta(9), locks=day - dt.timedelta(1))
    period.set_aside()
    again = Brief.objects.get(pk=brief.pk)
    assert again.figures == figures
    assert words(again) == said


def test_tomorrow_a_late_matter_is_as_late_as_it_was(at_work, bodies, cast, period, time_machine):
    brief = draft(period, bodies.province, cast.supervisor)
    said = words(brief)
    time_machine.move_to(timezone.now() + dt.timedelta(days=40))
    assert words(Brief.objects.get()) == said


# What is erased goes from briefs too.


def test_a_text_that_is_erased_goes_from_every_brief_that_repeats_it(at_work, bodies, cast, period):
    kept = draft(period, bodies.city, cast.supervisor)
    other = draft(period, bodies.province, cast.supervisor)
    second = person("second", bodies.city, Role.SUPERVISOR)
    entry = Entry.objects.for_transition().get(pk=at_work["3.2.1"].pk)
    assert NEED in kept.figures["matters"]["rows"][0]["need"]
    Erasure.objects.ask(entry, by=cast.supervisor, texts=["need"], reason="误录入内部事项").agree(by=second)
    for brief in Brief.objects.all():
        assert NEED[:10] not in json.dumps(brief.figures, ensure_ascii=False)
        assert "误录入内部事项" in brief.figures["matters"]["rows"][0]["need"]
        assert brief.figures["totals"] == kept.figures["totals"]
        assert brief.figures["reds"] == {kept.pk: kept, other.pk: other}[brief.pk].figures["reds"]
    assert not Event.objects.filter(content__icontains=NEED[:10]).exists()


# What it costs.


def test_a_brief_of_many_bodies_asks_as_many_queries_as_one_of_few(at_work, bodies, cast, period, tasks):
    Plan.objects.update(brief_levels=["province", "city", "county"])
    period = Period.objects.get()

    def asked():
        with CaptureQueriesContext(connection) as queries:
            Brief.objects.draft(period, bodies.province, by=cast.supervisor)
        return len(queries)

    asked()  # who asks, and the plan, are read once
    few = asked()
    for number in range(30):
        place(f"9{number:02}", f"示例{number}县总工会", "county", bodies.city)
    more = Organization.objects.filter(code__startswith="9")
    Assignment.objects.assign(tasks, more, by=None, owe_now=True)
    Assignment.objects.filter(organization__in=more).update(light="red", light_reason="overdue")
    assert asked() == few <= 20


@pytest.mark.django_db(transaction=True)
def test_all_of_it_is_of_one_moment_and_stops_no_writer(at_work, bodies, cast, period):
    """On PostgreSQL each statement would otherwise see what was committed before it; on SQLite a writer would wait."""
    usual = getattr(connection, "transaction_mode", None)
    with CaptureQueriesContext(connection) as queries:
        draft(period, bodies.province, cast.supervisor)
    said = [query["sql"] for query in queries]
    begun = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    first = said.index(begun if connection.vendor == "postgresql" else "BEGIN DEFERRED")
    last = said.index("COMMIT")
    counting = [n for n, sql in enumerate(said) if "tally" in sql or "tracker_blocker" in sql]
    assert first < min(counting) < max(counting) < last
    assert not any(sql.startswith("INSERT") for sql in said[:last])
    assert getattr(connection, "transaction_mode", None) == usual
