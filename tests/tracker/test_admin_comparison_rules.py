"""考核办法 in the back office: a body's own administrators enter it, whole and beforehand, and then only end it."""

import datetime as dt

import pytest
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import faults, filled, url
from tracker.models import ComparisonRule, Role

TODAY = timezone.localdate()


@pytest.fixture
def province(client, bodies):
    client.force_login(person("province-admin", bodies.province, Role.ADMINISTRATOR))
    return client


def typed(plan, body, **changes):
    told = {"plan": plan.pk, "organization": body.pk, "authority": "滇工发〔2026〕8号", "starts_on": TODAY.isoformat()}
    return told | {"on_time": 40, "accepted": 30, "completed": 30} | changes


def test_an_administrator_enters_one_for_their_own_body(province, plan, bodies):
    page = province.get(url("comparisonrule", "add"))
    assert [choice[0] for choice in page.context["adminform"].form.fields["organization"].choices][1:] == [
        bodies.province.pk
    ]
    answer = province.post(url("comparisonrule", "add"), typed(plan, bodies.province))
    assert faults(answer) == {}
    rule = ComparisonRule.objects.get()
    assert rule.weights == {"on_time": 40, "accepted": 30, "completed": 30}
    assert rule.history.get().history_user.username == "province-admin"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"authority": " "}, "authority"),
        ({"authority": "a\0"}, "authority"),
        ({"completed": 31}, "__all__"),
        ({"completed": 130, "on_time": -60}, "on_time"),
        ({"completed": "29.5"}, "completed"),
        ({"starts_on": (TODAY - dt.timedelta(1)).isoformat()}, "starts_on"),
    ],
)
def test_what_is_not_whole_is_refused_beside_its_field(province, plan, bodies, changes, field):
    answer = province.post(url("comparisonrule", "add"), typed(plan, bodies.province, **changes))
    assert field in faults(answer)
    assert not ComparisonRule.objects.exists()


def test_weights_that_do_not_add_up_are_told_in_words(province, plan, bodies):
    answer = province.post(url("comparisonrule", "add"), typed(plan, bodies.province, completed=31))
    assert faults(answer)["__all__"] == ["三项权重之和须为 100。"]


def test_nobody_makes_one_for_another_body(province, plan, bodies, cast):
    assert "organization" in faults(province.post(url("comparisonrule", "add"), typed(plan, bodies.city)))
    rule = ComparisonRule.objects.create(
        **typed(plan, bodies.province) | {"plan": plan, "organization": bodies.province}
    )
    province.force_login(cast.administrator)
    assert province.get(url("comparisonrule", "change", rule.pk)).status_code == 200
    assert province.post(url("comparisonrule", "change", rule.pk), {"ended_on": "2099-01-01"}).status_code == 403


def test_a_city_has_none(client, bodies):
    client.force_login(person("city-admin", bodies.city, Role.ADMINISTRATOR))
    assert client.get(url("comparisonrule", "add")).status_code == 403


def test_one_rule_follows_another_and_none_is_rewritten(province, plan, bodies):
    province.post(url("comparisonrule", "add"), typed(plan, bodies.province))
    again = province.post(url("comparisonrule", "add"), typed(plan, bodies.province))
    assert faults(again) == {"__all__": ["已有施行中的考核办法，请先填写其停止施行日期。"]}
    rule = ComparisonRule.objects.get()
    change = url("comparisonrule", "change", rule.pk)
    page = province.get(change)
    assert list(page.context["adminform"].form.fields) == ["ended_on"]
    yesterday = (TODAY - dt.timedelta(1)).isoformat()
    assert "ended_on" in faults(province.post(change, filled(page, ended_on=yesterday)))
    end = TODAY + dt.timedelta(5)
    assert faults(province.post(change, filled(page, ended_on=end.isoformat(), on_time=90))) == {}
    rule.refresh_from_db()
    assert (rule.ended_on, rule.on_time) == (end, 40)
    assert "starts_on" in faults(province.post(url("comparisonrule", "add"), typed(plan, bodies.province)))
    then = typed(plan, bodies.province, starts_on=end.isoformat())
    assert faults(province.post(url("comparisonrule", "add"), then)) == {}
    assert ComparisonRule.objects.count() == 2
