"""The pages of matters: first page, lists, one of them; and what is asked on the entry and the sheet."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from tests.conftest import person
from tracker.models import Assignment, Blocker, Entry, Period, Role

NEED = "请协调资产管理部门明确站点用房的使用方式。"
ANSWER = "资产管理部门已同意，书面意见本周送达。"
TODAY = timezone.localdate


@pytest.fixture
def blocked(content):
    return content | {"status": "blocked", "problems": "用房未定。", "need": NEED, "need_by": TODAY() + dt.timedelta(7)}


@pytest.fixture
def matter(owed, cast, blocked):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **blocked)
    return Blocker.objects.get()


@pytest.fixture
def chief(bodies):
    return person("chief", bodies.province, Role.LEADER, name="省领导")


def fresh(entry):
    return Entry.objects.for_transition().get(pk=entry.pk)


def sent(matter, action, **typed):
    return (
        {"action": action}
        | {f"{action}-{k}": v for k, v in typed.items()}
        | {f"{action}-seen": matter.asked_at.isoformat()}
    )


def text(response):
    return response.content.decode()


# Asking.


def test_the_entry_page_asks_what_is_needed_and_keeps_what_was_typed(sign_in, owed, blocked):
    client, page = sign_in("reporter"), owed["3.2.1"].get_absolute_url()
    assert 'name="need_by"' in text(client.get(page))
    typed = blocked | {"action": "submit", "version": 1, "need_by": "2020-01-01"}
    response = client.post(page, typed)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"need_by"}
    assert NEED in text(response)
    assert client.post(page, typed | {"need_by": blocked["need_by"].isoformat()}).status_code == 302
    assert Blocker.objects.get().reply_by == blocked["need_by"]


def test_a_date_that_is_none_is_refused_beside_its_field(sign_in, owed, blocked):
    for day in ("明天", "9999-12-31", "2026-13-01"):
        typed = blocked | {"action": "submit", "version": 1, "need_by": day}
        response = sign_in("reporter").post(owed["3.2.1"].get_absolute_url(), typed)
        assert set(response.context["form"].errors) == {"need_by"}
        assert day in text(response)


def test_a_task_of_status_only_asks_for_the_day_alone(sign_in, owed):
    page = text(sign_in("reporter").get(owed["3.2.4"].get_absolute_url()))
    assert 'name="need_by"' in page
    assert 'name="need"' not in page


def test_the_sheet_takes_what_is_asked_and_names_what_is_missing(sign_in, owed, blocked, period):
    client, page = sign_in("reporter"), reverse("sheet", args=["18", "2026Q4"])
    key = owed["3.2.1"].pk
    said = {f"e{key}-{name}": str(value) for name, value in blocked.items()} | {f"e{key}-version": "1"}
    response = client.post(page, said | {"do": f"submit-{key}", f"e{key}-need": ""})
    assert response.status_code == 422
    assert "<details open>" in text(response)
    said[f"e{key}-version"] = str(fresh(owed["3.2.1"]).version)
    assert client.post(page, said | {"do": f"submit-{key}"}).status_code == 302
    assert Blocker.objects.get().need == NEED


# Lying with us.


def test_the_first_page_of_the_level_above_says_it_first(client, cast, bodies, matter, chief):
    city_chief = person("city-chief", bodies.city, Role.LEADER)
    city_supervisor = person("city-supervisor", bodies.city, Role.SUPERVISOR)
    for who in (cast.reviewer, city_chief, city_supervisor):
        client.force_login(who)
        page = text(client.get("/"))
        assert NEED in page
        assert page.index(NEED) < re.search("<h2", page).start()
    for who in (cast.reporter, cast.supervisor, cast.administrator, chief):
        client.force_login(who)
        assert NEED not in text(client.get("/"))
    matter.pass_up("需省级协调", by=cast.reviewer)
    client.force_login(chief)
    assert NEED in text(client.get("/"))


def test_the_lists_hold_what_lies_with_us_what_we_asked_and_what_is_below(client, cast, matter):
    for who, side, n in (
        (cast.reviewer, "ours", 1),
        (cast.reporter, "asked", 1),
        (cast.supervisor, "ours", 0),
        (cast.supervisor, "scope", 1),
        (cast.auditor, "scope", 1),
        (cast.outsider, "asked", 0),
    ):
        client.force_login(who)
        response = client.get(reverse("matters"), {"side": side})
        assert (response.context["side"], response.context["found"]) == (side, n), who
        assert (NEED in text(response)) == bool(n)
    client.force_login(cast.reporter)
    assert client.get(reverse("matters"), {"side": "ours"}).context["side"] == "asked"


def test_the_list_narrows_by_state_and_organization_and_marks_what_is_late(client, cast, matter):
    Blocker.objects.update(reply_by=TODAY() - dt.timedelta(3))
    client.force_login(cast.reviewer)
    for query, n in (
        ({"state": "open"}, 1),
        ({"state": "answered"}, 0),
        ({"organization": "甲县"}, 1),
        ({"organization": "jiax"}, 1),
        ({"organization": "乙县"}, 0),
        ({"state": "lost"}, 0),
        ({"organization": "甲\x00"}, 0),
        ({"sort": "-reply_by", "page": "9", "per_page": "-1"}, 1),
    ):
        response = client.get(reverse("matters"), query)
        assert (response.status_code, response.context["found"]) == (200, n), query
    response = client.get(reverse("matters"))
    assert response.context["late"] == 1
    with translation.override("zh-hans"):
        assert "答复已逾期 3 天" in text(response)


def test_one_matter_says_who_asks_for_what_and_whom_to_call(client, cast, matter, chief):
    client.force_login(cast.reviewer)
    page = text(client.get(matter.get_absolute_url()))
    for said in (NEED, "甲县总工会", "王办公", "0000-0001", "用房未定。", "3.2.1", matter.entry.get_absolute_url()):
        assert said in page, said
    matter.pass_up("需省级协调", by=cast.reviewer)
    client.force_login(chief)
    page = text(client.get(matter.get_absolute_url()))
    assert "需省级协调" in page
    assert f'href="{matter.entry.get_absolute_url()}"' not in page  # out of the chief's scope


def test_an_answer_reaches_the_entry_the_sheet_and_the_first_page_until_it_is_read(client, cast, matter, period):
    client.force_login(cast.reviewer)
    assert client.post(matter.get_absolute_url(), sent(matter, "answer", answer=ANSWER)).status_code == 302
    assert Blocker.objects.get().answer == ANSWER
    client.force_login(cast.reporter)
    assert ANSWER in text(client.get("/"))
    assert ANSWER in text(client.get(matter.entry.get_absolute_url()))
    later = Period.objects.create(
        plan=period.plan,
        code="2027Q1",
        opens=TODAY(),
        due=period.due + dt.timedelta(90),
        locks=TODAY() + dt.timedelta(120),
    )
    later.open()
    sheet = reverse("sheet", args=["18", "2027Q1"])
    assert ANSWER in text(client.get(sheet))
    assert client.post(matter.get_absolute_url(), {"action": "read"}).status_code == 302
    assert ANSWER not in text(client.get("/"))
    assert ANSWER not in text(client.get(sheet))
    assert ANSWER in text(client.get(matter.entry.get_absolute_url()))


def test_a_refused_answer_keeps_its_words_and_says_why(client, cast, matter):
    client.force_login(cast.reviewer)
    page = matter.get_absolute_url()
    for words, status in (("", 422), ("好" * 20_001, 422)):
        assert client.post(page, sent(matter, "answer", answer=words)).status_code == status
    assert client.post(page, sent(matter, "pass_up", reason="")).status_code == 422
    assert client.post(page, {"action": "answer", "answer-answer": ANSWER, "answer-seen": "x"}).status_code == 422
    assert client.post(page, {"action": "odd"}).status_code == 422
    Blocker.objects.update(asked_at=timezone.now(), need="请协调经费。")
    response = client.post(page, sent(matter, "answer", answer=ANSWER))
    assert response.status_code == 409
    assert ANSWER in text(response)
    assert "请协调经费。" in text(response)
    again = Blocker.objects.get()
    assert f'value="{again.asked_at.isoformat()}"' in text(response)  # sent once more it answers what stands now
    again.reply("先答复了", by=cast.reviewer)
    response = client.post(page, sent(again, "answer", answer=ANSWER))
    assert response.status_code == 409
    assert ANSWER in text(response)


def test_pages_answer_for_whom_it_lies_with_and_for_nobody_else(client, cast, matter, chief):
    page = matter.get_absolute_url()
    for who, status in (
        (cast.supervisor, 409),
        (cast.leader, 409),
        (cast.reporter, 409),
        (cast.administrator, 403),
        (cast.auditor, 403),
        (cast.outsider, 404),
        (chief, 404),
    ):
        client.force_login(who)
        assert client.post(page, sent(matter, "answer", answer=ANSWER)).status_code == status, who
    assert Blocker.objects.get().state == "open"
    client.force_login(cast.reporter)
    assert client.post(page, {"action": "withdraw", "withdraw-reason": "已解决"}).status_code == 302
    assert Blocker.objects.get().state == "withdrawn"


@pytest.mark.parametrize("key", ["0", str(2**63), "9" * 400])
def test_a_key_that_names_nothing_is_not_found(sign_in, matter, key):
    assert sign_in("reviewer").get(f"/matters/{key}/").status_code == 404
    assert sign_in("reviewer").post(f"/matters/{key}/", {"action": "read"}).status_code == 404


def test_the_pages_ask_as_many_queries_of_many_matters_as_of_one(client, cast, owed, blocked, bodies, period):
    def asked():
        counts = []
        for who in (cast.reviewer, cast.reporter, cast.supervisor):
            client.force_login(who)
            for page in ("/", reverse("matters"), reverse("matters") + "?side=scope"):
                with CaptureQueriesContext(connection) as queries:
                    assert client.get(page).status_code == 200
                counts.append(len(queries))
        client.force_login(cast.reporter)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("sheet", args=["18", "2026Q4"]))
        return [*counts, len(queries)]

    owed["3.2.1"].submit(by=cast.reporter, version=1, **blocked)
    few = asked()
    for code in ("3.2.2", "3.2.3"):
        owed[code].submit(by=cast.reporter, version=1, **blocked)
    sister = person("sister-reporter", bodies.sister, Role.REPORTER)
    theirs = Entry.objects.for_transition().get(assignment__in=Assignment.objects.filter(organization=bodies.sister))
    theirs.submit(by=sister, version=1, **blocked)
    assert asked() == few
