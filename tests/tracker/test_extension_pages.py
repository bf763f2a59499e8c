"""The pages of extensions: asked for, decided on above; and the course that the page of an assignment shows."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tracker.models import Assignment, Cascade, Entry, Event, Extension, Handing, Notice, Nudge, Organization, Role

TODAY = timezone.localdate
NEAR = TODAY() + dt.timedelta(5)
LATER = TODAY() + dt.timedelta(60)


@pytest.fixture
def near(bodies, tasks, cast):
    Cascade(tasks[:1], [bodies.county], giver=bodies.city, due=NEAR).carry_out(by=cast.administrator)
    return Assignment.objects.select_related("organization", "task__plan").get(organization=bodies.county)


@pytest.fixture
def asked(near, cast):
    return Extension.objects.ask(near, by=cast.reporter, new_due=LATER, reason="汛期延误")


def text(answer):
    return answer.content.decode()


def test_from_the_entry_to_the_request_to_the_decision(near, period, sign_in):
    period.opened_at = None
    Assignment.objects.update(created_at=timezone.now() - dt.timedelta(1))
    period.open()
    entry = Entry.objects.get(assignment=near)
    client = sign_in("reporter")
    assert f"/assignments/{near.pk}/extension/" in text(client.get(entry.get_absolute_url()))
    assert "申请延期" in text(client.get(near.get_absolute_url()))
    answer = client.post(f"/assignments/{near.pk}/extension/", {"new_due": LATER.isoformat(), "reason": "汛期延误"})
    asked = Extension.objects.get()
    assert answer.url == asked.get_absolute_url()
    assert "待审批" in text(client.get("/extensions/"))
    client = sign_in("reviewer")
    assert "1 项延期申请待您审批" in text(client.get("/"))
    assert "汛期延误" in text(client.get("/extensions/"))
    page = text(client.get(asked.get_absolute_url()))
    assert f"同意延期至 {LATER.isoformat()}" in page
    assert client.post(asked.get_absolute_url(), {"action": "grant", "comment": "同意"}).status_code == 302
    near.refresh_from_db()
    assert near.due == LATER
    assert "延期申请待您审批" not in text(client.get("/"))
    assert "已同意" in text(sign_in("reporter").get("/extensions/"))


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"new_due": ""}, "new_due"),
        ({"new_due": "九月"}, "new_due"),
        ({"new_due": "9999-12-31"}, "new_due"),
        ({"new_due": NEAR.isoformat()}, "new_due"),
        ({"reason": " "}, "reason"),
        ({"reason": "好\x00的"}, "reason"),
        ({"reason": "好" * 20_001}, "reason"),
    ],
)
def test_wrong_input_gets_a_sentence_beside_its_field_and_is_kept(near, sign_in, typed, field):
    sent = {"new_due": LATER.isoformat(), "reason": "汛期延误"} | typed
    answer = sign_in("reporter").post(f"/assignments/{near.pk}/extension/", sent)
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    kept = "reason" if field == "new_due" else "new_due"
    assert sent[kept] in text(answer)
    assert not Extension.objects.exists()


def test_where_none_can_be_asked_for_the_page_says_why_and_offers_no_form(asked, near, sign_in):
    client = sign_in("reporter")
    page = text(client.get(f"/assignments/{near.pk}/extension/"))
    assert "此项已有延期申请" in page
    assert 'name="new_due"' not in page
    sent = {"new_due": LATER.isoformat(), "reason": "再次"}
    assert client.post(f"/assignments/{near.pk}/extension/", sent).status_code == 409
    assert Extension.objects.count() == 1


def test_refusing_wants_a_reason(asked, sign_in):
    client = sign_in("reviewer")
    answer = client.post(asked.get_absolute_url(), {"action": "refuse", "comment": " "})
    assert answer.status_code == 422
    assert answer.context["form"].errors["comment"]
    client.post(asked.get_absolute_url(), {"action": "refuse", "comment": "请按期完成"})
    asked.refresh_from_db()
    assert asked.state == "refused"
    assert "请按期完成" in text(sign_in("reporter").get(asked.get_absolute_url()))


def test_withdrawn_by_its_body(asked, sign_in):
    client = sign_in("leader")
    assert "撤回" in text(client.get(asked.get_absolute_url()))
    client.post(asked.get_absolute_url(), {"action": "withdraw"})
    asked.refresh_from_db()
    assert asked.state == "withdrawn"


def test_beyond_the_plan_the_page_says_so_and_asks_for_a_tick(near, cast, plan, sign_in):
    beyond = plan.due + dt.timedelta(30)
    asked = Extension.objects.ask(near, by=cast.reporter, new_due=beyond, reason="汛期延误")
    client, url = sign_in("reviewer"), asked.get_absolute_url()
    assert "晚于规划完成时限" in text(client.get(url))
    answer = client.post(url, {"action": "grant"})
    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"beyond"})
    client.post(url, {"action": "grant", "beyond": "on"})
    near.refresh_from_db()
    assert near.due == beyond


def test_another_line_s_earlier_date_is_said_before_granting(bodies, tasks, cast, client):
    for giver, days in ((bodies.province, 5), (bodies.union, 20)):
        due = TODAY() + dt.timedelta(days)
        Cascade(tasks[:1], [bodies.school], giver=giver, line=giver.line, due=due).carry_out(by=None)
    row = Assignment.objects.select_related("organization", "task__plan").get(organization=bodies.school)
    reporter = person("school-reporter", bodies.school, Role.REPORTER)
    asked = Extension.objects.ask(row, by=reporter, new_due=LATER, reason="汛期延误")
    client.force_login(cast.supervisor)
    page = text(client.get(asked.get_absolute_url()))
    assert "示例教育工会也下达了此项举措" in page
    assert "您同意后" in page
    Handing.objects.filter(giver=bodies.province).update(due=LATER + dt.timedelta(1))
    page = text(client.get(asked.get_absolute_url()))
    assert 'value="grant"' not in page  # nothing of it is the province's to move
    assert 'value="refuse"' in page


def test_the_giver_s_reviewer_reads_the_request_though_not_the_assignment(bodies, tasks, cast, client):
    Cascade(tasks[:1], [bodies.county], giver=bodies.province, due=NEAR, superior_reviews=True).carry_out(by=None)
    row = Assignment.objects.select_related("organization", "task__plan").get(organization=bodies.county)
    asked = Extension.objects.ask(row, by=cast.reporter, new_due=LATER, reason="汛期延误")
    client.force_login(person("province-reviewer", bodies.province, Role.REVIEWER))
    page = text(client.get(asked.get_absolute_url()))
    assert 'value="grant"' in page
    assert row.get_absolute_url() not in page
    assert client.get(row.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("action", ["grant", "refuse", "withdraw", "odd", ""])
def test_out_of_scope_is_not_found_and_the_wrong_role_is_refused(asked, sign_in, action):
    sent = {"action": action, "comment": "x"}
    for name, status in (("outsider", 404), ("administrator", 403), ("auditor", 403)):
        assert sign_in(name).post(asked.get_absolute_url(), sent).status_code == status
    asked.refresh_from_db()
    assert asked.state == "asked"
    for key in (0, 10**30):
        assert sign_in("reviewer").get(f"/extensions/{key}/").status_code == 404
        assert sign_in("reporter").get(f"/assignments/{key}/extension/").status_code == 404


def test_somebody_else_s_requests_are_not_listed(asked, sign_in, client, bodies):
    client.force_login(person("sister-reporter", bodies.sister, Role.REPORTER))
    assert "汛期延误" not in text(client.get("/extensions/"))
    assert client.get(asked.get_absolute_url()).status_code == 404


def test_the_list_asks_as_many_queries_of_many(asked, bodies, tasks, cast, sign_in):
    client = sign_in("reviewer")

    def counted():
        client.get("/extensions/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/extensions/").status_code == 200
        return len(queries)

    few = counted()
    for number in range(12):
        place(f"9{number:04}", f"示例{number}县总工会", "county", bodies.city)
    many = Organization.objects.filter(code__startswith="9")
    Cascade(tasks[:1], many, giver=bodies.city, due=NEAR).carry_out(by=None)
    for row in Assignment.objects.filter(organization__in=many).select_related("organization", "task__plan"):
        by = person(f"r{row.pk}", row.organization, Role.REPORTER)
        Extension.objects.ask(row, by=by, new_due=LATER, reason="汛期延误")
    assert counted() == few
    assert len(client.get("/extensions/").context["waiting"]) == 13


# The course of an assignment.


def test_its_page_tells_the_whole_course_in_words(near, cast, bodies, period, sign_in, content):
    Assignment.objects.update(created_at=timezone.now() - dt.timedelta(1))
    period.open()
    Handing.objects.get().sign(by=cast.reporter, responsible="王部长")
    Nudge.objects.urge(period, Organization.objects.all(), by=cast.supervisor, reason="请尽快填报")
    asked = Extension.objects.ask(near, by=cast.reporter, new_due=LATER, reason="汛期延误")
    asked.grant(by=cast.reviewer, comment="同意")
    entry = Entry.objects.for_transition().get(assignment=near)
    entry.submit(by=cast.reporter, version=1, **content | {"status": "completed"})
    entry.accept(by=cast.reviewer, version=2)
    near.strike_off(by=cast.supervisor, comment="已核验")
    near.reopen(by=cast.supervisor, comment="复查未通过")
    page = text(sign_in("supervisor").get(near.get_absolute_url()))
    told = page[page.index('<ol class="told">') :]
    said = ["重新打开", "销号", "审核通过", "提交", "同意延期", "申请延期", "催办", "签收", "下达"]
    places = [told.index(f"<b>{words}") for words in said]
    assert places == sorted(places), "the newest first"
    for words in ("复查未通过", "请尽快填报", "汛期延误", "示例一市总工会", period.title):
        assert words in told
    assert f"{NEAR.isoformat()} → {LATER.isoformat()}" in told


def test_a_draft_is_told_in_its_own_body_alone(near, cast, period, sign_in, content):
    Assignment.objects.update(created_at=timezone.now() - dt.timedelta(1))
    period.open()
    entry = Entry.objects.for_transition().get(assignment=near)
    entry.save_draft(by=cast.reporter, version=1, **content)
    assert entry.get_absolute_url() in text(sign_in("reporter").get(near.get_absolute_url()))
    page = text(sign_in("supervisor").get(near.get_absolute_url()))
    assert entry.get_absolute_url() not in page
    assert content["progress"] not in page


def test_the_course_asks_as_many_queries_of_many_events(near, cast, sign_in):
    client, url = sign_in("supervisor"), near.get_absolute_url()

    def counted():
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    few = counted()
    for number in range(20):
        near.amend(by=cast.administrator, standard=f"标准 {number}")
    assert Event.objects.filter(assignment=near).count() == 20
    assert counted() == few


def test_handing_down_told_the_county(near):
    assert set(Notice.objects.values_list("kind", "person__username")) == {
        ("handed_down", "reporter"),
        ("handed_down", "leader"),
    }
