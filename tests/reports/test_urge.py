"""One click urges every body that the ledger's filter shows; the count comes first."""

import datetime as dt

import pytest
from django.utils import timezone

from tracker.models import Nudge, Period, User

URL = "/reports/18/urge/"


def test_the_page_counts_and_the_click_urges_just_those(owed, sign_in):
    client = sign_in("supervisor")
    page = client.get(URL + "?period=2026Q4&task=3.2.2")
    assert page.context["foreseen"] == (1, 0, 4)
    assert not Nudge.objects.exists()
    client.post(URL + "?period=2026Q4&task=3.2.2")
    assert list(Nudge.objects.values_list("organization__code", flat=True)) == ["111"]
    client.post(URL + "?period=2026Q4")
    assert sorted(Nudge.objects.values_list("organization__code", flat=True)) == ["111", "112"]


def test_the_text_for_a_chat_group_has_counts_and_a_link_and_no_names(owed, sign_in, cast):
    text = sign_in("supervisor").get(URL + "?period=2026Q4").context["text"]
    assert "2 家单位" in text
    assert "5 项" in text
    assert "http" in text
    for user in User.objects.all():
        assert user.name not in text


def test_whoever_was_urged_today_is_urged_once_more_for_a_reason_alone(owed, sign_in):
    client, address = sign_in("supervisor"), URL + "?period=2026Q4"
    client.post(address)
    page = client.get(address)
    assert page.context["foreseen"] == (0, 2, 5)
    assert "截至" in page.context["text"]
    assert "2 家单位" in page.context["text"]
    assert "再次催办 2 家单位" in page.content.decode()
    again = client.post(address)
    assert again.status_code == 422
    assert again.content.decode().count("所列单位今日均已催办") == 1
    assert Nudge.objects.count() == 2
    client.post(address, {"reason": "明日截止，请抓紧。"})
    assert Nudge.objects.count() == 4


def test_without_a_period_or_with_a_locked_one_it_leads_back_with_a_sentence(owed, sign_in):
    client = sign_in("supervisor")
    assert client.get(URL).status_code == 302
    Period.objects.update(due=timezone.localdate() - dt.timedelta(9), locks=timezone.localdate() - dt.timedelta(1))
    answer = client.post(URL + "?period=2026Q4", follow=True)
    assert "请先在筛选中选择尚未锁定的报送周期" in answer.content.decode()
    assert not Nudge.objects.exists()


def test_a_wrong_filter_urges_nobody(owed, sign_in):
    assert sign_in("supervisor").post(URL + "?period=2026Q4&area=99").status_code == 400
    assert not Nudge.objects.exists()


@pytest.mark.parametrize("name", ["reporter", "leader", "auditor", "administrator", "outsider"])
def test_others_may_not(owed, sign_in, name):
    client = sign_in(name)
    assert client.post(URL + "?period=2026Q4").status_code == 403
    assert URL not in client.get("/reports/18/ledger/?period=2026Q4").content.decode()


def test_a_text_that_cannot_be_stored_is_refused_and_kept(owed, sign_in):
    page = sign_in("supervisor").post(URL + "?period=2026Q4", {"reason": "请\x00抓紧"})
    assert page.status_code == 422
    assert not Nudge.objects.exists()
