"""The pages of leaders' notes: first page, lists, writing one, one of them; and beside what they are about."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.http import urlencode

from tests.conftest import person
from tracker.models import Erasure, Instruction, InstructionReply, Role

TEXT = "进度落后，请说明原因，提出按月赶进度的安排。"
ANSWER = "已按月排出计划，确保年底前完成。"
IDENTITY = "11010519491231002X"
NEW = "/instructions/new/"
TODAY = timezone.localdate


@pytest.fixture
def chief(bodies):
    return person("chief", bodies.city, Role.LEADER, name="市领导")


@pytest.fixture
def note(chief, bodies, duty):
    return Instruction.objects.write(duty, [bodies.county, bodies.sister], text=TEXT, by=chief)


def address(**query):
    return f"{NEW}?{urlencode(query)}"


def text(response):
    return response.content.decode()


def row_of(note, body):
    return InstructionReply.objects.get(instruction=note, organization=body)


def sent(note, body, action, **typed):
    row = row_of(note, body)
    return {"action": action, "reply": row.pk} | {f"r{row.pk}-{name}": value for name, value in typed.items()}


# Writing.


def test_a_leader_is_led_from_the_task_s_page_to_one_where_it_is_written(client, cast, chief, bodies, tasks):
    client.force_login(chief)
    page = address(plan="18", task="3.2.1")
    assert page.replace("&", "&amp;") in text(client.get(tasks[0].get_absolute_url()))
    form = text(client.get(page))
    assert tasks[0].wording in form
    assert bodies.county.name in form
    assert "严禁录入国家秘密" in form
    assert 'name="leader"' not in form
    response = client.post(page, {"action": "send", "text": TEXT, "bodies": ["111", "112"]})
    made = Instruction.objects.get()
    assert response.url == made.get_absolute_url()
    assert (made.task, made.replies.count(), made.leader) == (tasks[0], 2, "市领导")


def test_an_organization_s_and_an_assignment_s_page_lead_to_a_note_about_them(client, cast, bodies, duty):
    client.force_login(cast.supervisor)
    for of, query in (
        (bodies.county, {"organization": "111"}),
        (duty, {"plan": "18", "task": "3.2.1", "organization": "111"}),
    ):
        page = address(**query)
        assert page.replace("&", "&amp;") in text(client.get(of.get_absolute_url()))
        assert client.get(page).context["form"]["bodies"].value() == ["111"]
        sent = {"action": "send", "text": TEXT, "bodies": "111", "leader": "王主席", "given_on": "2026-01-05"}
        assert client.post(page, sent).status_code == 302
        assert Instruction.objects.first().of == of


def test_who_may_not_write_is_offered_nothing_and_refused(sign_in, cast, bodies, tasks):
    for who in ("reporter", "reviewer", "administrator", "auditor"):
        client = sign_in(who)
        assert NEW not in text(client.get(tasks[0].get_absolute_url()))
        assert client.get(NEW).status_code == 403
        assert client.post(NEW, {"action": "send", "text": TEXT, "bodies": "111"}).status_code == 403
    assert not Instruction.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        {"organization": "2"},
        {"organization": "1"},
        {"organization": "none"},
        {"task": "3.2.1"},
        {"plan": "18", "task": "9.9.9"},
        {"plan": "18", "task": "3.2.1", "organization": "2"},
        {"plan": "18", "task": "3.2.4", "organization": "112"},
        {"plan": "18", "task": "3.2.1\x00"},
        {"plan": "\ud800", "task": "3.2.1"},
        {"organization": "1\x001"},
    ],
)
def test_what_is_not_there_or_out_of_scope_is_not_found(client, chief, owed, query):
    client.force_login(chief)
    page = (
        NEW + "?" + "&".join(f"{k}={v}" for k, v in query.items()).replace("\x00", "%00").replace("\ud800", "%ED%A0%80")
    )
    assert client.get(page).status_code == 404
    assert client.post(page, {"action": "send", "text": TEXT, "bodies": "111"}).status_code == 404


def test_a_refused_note_keeps_what_was_typed(client, chief, bodies, tasks):
    client.force_login(chief)
    page = address(plan="18", task="3.2.1")
    whole = {"action": "send", "text": TEXT, "bodies": "111", "reply_by": (TODAY() + dt.timedelta(3)).isoformat()}
    for wrong, field in (
        ({"text": ""}, "text"),
        ({"text": "长" * 20_001}, "text"),
        ({"text": "缺\x00地"}, "text"),
        ({"bodies": []}, "bodies"),
        ({"bodies": "2"}, "bodies"),
        ({"bodies": "1\x001"}, "bodies"),
        ({"reply_by": "2020-01-01"}, "reply_by"),
        ({"reply_by": "明天"}, "reply_by"),
        ({"reply_by": "9999-12-31"}, "reply_by"),
    ):
        response = client.post(page, whole | wrong)
        assert response.status_code == 422, wrong
        assert set(response.context["form"].errors) == {field}
        assert TEXT in text(response) or field == "text"
    assert not Instruction.objects.exists()


def test_looking_for_a_body_keeps_what_was_typed_and_ticked(client, cast, bodies, tasks):
    client.force_login(cast.supervisor)
    page = address(plan="18", task="3.2.1")
    assert bodies.sister.name not in text(client.get(page))
    typed = {"action": "find", "find": "乙县", "text": TEXT, "bodies": "11", "leader": "王主席"}
    response = client.post(page, typed)
    assert response.status_code == 200
    assert not response.context["form"].errors
    shown = {body.name: getattr(body, "ticked", False) for body in response.context["bodies"]}
    assert shown[bodies.city.name] is True
    assert shown[bodies.sister.name] is False
    assert TEXT in text(response)
    assert "王主席" in text(response)
    assert client.post(page, typed | {"find": "a\x00"}).status_code == 200


def test_a_number_of_a_person_is_pointed_out_in_the_note_and_in_the_answer(client, cast, chief, bodies, note):
    client.force_login(chief)
    page = address(plan="18", task="3.2.1")
    said = {"action": "send", "text": f"请联系 {IDENTITY}。", "bodies": "111"}
    response = client.post(page, said)
    assert response.status_code == 422
    form = response.context["form"]
    assert set(form.errors) == {"text"}
    assert client.post(page, said | {"looked_through": form.to_look_through}).status_code == 302
    client.force_login(cast.reporter)
    page, typed = note.get_absolute_url(), sent(note, bodies.county, "answer", answer=IDENTITY)
    response = client.post(page, typed)
    assert response.status_code == 422
    assert "已核对" in text(response)
    assert row_of(note, bodies.county).answered_at is None
    form = next(row.form for row in response.context["replies"])
    typed[form.add_prefix("looked_through")] = form.to_look_through
    assert client.post(page, typed).status_code == 302
    assert row_of(note, bodies.county).answer == IDENTITY


# On the first page, and answered.


def test_it_stands_at_the_top_of_the_first_page_until_it_is_answered(client, cast, bodies, note):
    client.force_login(cast.reporter)
    page = text(client.get("/"))
    assert page.index(TEXT) < page.index("<h2")
    assert "市领导" in page
    row_of(note, bodies.county).read(by=cast.reporter)
    assert TEXT in text(client.get("/"))
    assert client.get(note.get_absolute_url()).status_code == 200
    typed = sent(note, bodies.county, "answer", answer=ANSWER)
    assert client.post(note.get_absolute_url(), typed).status_code == 302
    assert TEXT not in text(client.get("/"))
    assert ANSWER in text(client.get(note.get_absolute_url()))
    for who in (cast.reviewer, cast.administrator, cast.outsider):
        client.force_login(who)
        assert TEXT not in text(client.get("/"))


def test_the_answer_stands_on_the_first_page_of_those_who_wrote_until_they_read_it(client, cast, chief, bodies, note):
    client.force_login(chief)
    assert TEXT not in text(client.get("/"))
    row_of(note, bodies.county).reply(ANSWER, by=cast.reporter)
    assert ANSWER in text(client.get("/"))
    assert client.post(note.get_absolute_url(), sent(note, bodies.county, "see")).url == "/"
    assert ANSWER not in text(client.get("/"))


def test_an_overdue_one_stands_on_the_first_page_and_first_on_the_list_of_those_who_wrote(
    client, cast, chief, bodies, note, tasks
):
    newer = Instruction.objects.write(tasks[1], [bodies.county], text="请报送材料。", by=chief)
    day = TODAY() - dt.timedelta(3)
    Instruction.objects.filter(pk=note.pk).update(given_on=day, reply_by=day)
    client.force_login(chief)
    assert "超期 3 天" in text(client.get("/"))
    listed = text(client.get("/instructions/"))
    assert "超期 3 天" in listed
    assert listed.index(TEXT) < listed.index(newer.text)
    assert newer.text not in text(client.get("/instructions/?state=late"))
    client.force_login(cast.reporter)
    assert "超期 3 天" in text(client.get("/"))


def test_the_lists_hold_what_came_to_us_what_we_wrote_and_what_is_seen(client, cast, chief, bodies, note):
    for who, side, n in (
        (chief, "given", 2),
        (chief, "ours", 0),
        (cast.reporter, "ours", 1),
        (cast.leader, "ours", 1),
        (cast.leader, "given", 0),
        (cast.supervisor, "scope", 2),
        (cast.supervisor, "given", 0),
        (cast.auditor, "scope", 2),
        (cast.outsider, "ours", 0),
    ):
        client.force_login(who)
        assert client.get(f"/instructions/?side={side}").context["found"] == n, (who, side)
    client.force_login(chief)
    for query, n in (
        ("state=waiting", 2),
        ("state=answered", 0),
        ("state=withdrawn", 0),
        ("organization=%E4%B9%99%E5%8E%BF", 1),
        ("organization=%00", 0),
        ("state=odd", 0),
        ("side=odd", 2),
        ("sort=odd&page=9&per_page=-1", 2),
        ("sort=-state", 2),
        ("sort=reply_by", 2),
    ):
        response = client.get(f"/instructions/?{query}")
        assert (response.status_code, response.context["found"]) == (200, n), query


def test_reading_changes_nothing_and_is_said_by_a_button(client, cast, bodies, note):
    client.force_login(cast.reporter)
    client.get(note.get_absolute_url())
    assert row_of(note, bodies.county).read_at is None
    client.post(note.get_absolute_url(), sent(note, bodies.county, "read"))
    assert row_of(note, bodies.county).read_by == cast.reporter


def test_a_refused_answer_keeps_its_words_and_says_why(client, cast, chief, bodies, note):
    client.force_login(cast.reporter)
    page = note.get_absolute_url()
    for words in ("", " \n", "好" * 20_001, "好\x00"):
        assert client.post(page, sent(note, bodies.county, "answer", answer=words)).status_code == 422
    for odd in ({"action": "odd"}, {"action": "answer"}, {"action": "answer", "reply": "9" * 40}, {"reply": "x"}):
        assert client.post(page, odd).status_code == 422
    typed = sent(note, bodies.county, "answer", answer=ANSWER)
    note.withdraw("已了解", by=chief)
    response = client.post(page, typed)
    assert response.status_code == 409
    assert ANSWER in text(response)
    assert "撤回" in text(response)


def test_nobody_answers_for_another_body_or_sees_what_it_answered(client, cast, chief, bodies, note):
    page = note.get_absolute_url()
    sister = person("sister", bodies.sister, Role.REPORTER)
    client.force_login(cast.reporter)
    assert client.post(page, sent(note, bodies.sister, "answer", answer=ANSWER)).status_code == 422
    assert client.post(page, sent(note, bodies.county, "see")).status_code == 302
    row_of(note, bodies.sister).reply(ANSWER, by=sister)
    shown = text(client.get(page))
    assert ANSWER not in shown
    assert bodies.sister.name not in shown
    for who, status in ((chief, 409), (cast.supervisor, 409), (cast.outsider, 404), (cast.administrator, 403)):
        client.force_login(who)
        assert client.post(page, sent(note, bodies.county, "answer", answer=ANSWER)).status_code == status, who
    assert row_of(note, bodies.county).answered_at is None


def test_it_is_withdrawn_on_its_page_with_a_reason(client, cast, chief, bodies, note):
    page = note.get_absolute_url()
    client.force_login(cast.reporter)
    assert client.post(page, {"action": "withdraw", "reason": "不办"}).status_code == 409
    client.force_login(chief)
    response = client.post(page, {"action": "withdraw", "reason": " "})
    assert response.status_code == 422
    assert client.post(page, {"action": "withdraw", "reason": "已了解情况"}).status_code == 302
    shown = text(client.get(page))
    assert "已了解情况" in shown
    assert TEXT in shown
    client.force_login(cast.reporter)
    assert TEXT not in text(client.get("/"))


@pytest.mark.parametrize("key", ["0", str(2**63), "9" * 400])
def test_a_key_that_names_nothing_is_not_found(sign_in, key):
    for page in (f"/instructions/{key}/", f"/instructions/{key}/erasure/"):
        assert sign_in("supervisor").get(page).status_code == 404
        assert sign_in("supervisor").post(page, {"action": "see"}).status_code == 404


# Beside what it is about.


def test_it_stands_on_the_pages_of_its_task_its_body_and_its_assignment(client, cast, chief, bodies, tasks, duty, note):
    row_of(note, bodies.county).reply(ANSWER, by=cast.reporter)
    pages = [of.get_absolute_url() for of in (tasks[0], bodies.county, duty)]
    for who, sees in ((cast.supervisor, True), (cast.reporter, True), (cast.leader, True)):
        client.force_login(who)
        for page in pages:
            assert (TEXT in text(client.get(page))) is sees, (who, page)
            assert ANSWER in text(client.get(page))
    client.force_login(cast.outsider)
    assert TEXT not in text(client.get(pages[0]))


def test_its_erasure_is_asked_for_on_a_page_of_its_own_and_done_by_a_second(client, cast, bodies, note):
    second = person("second", bodies.city, Role.SUPERVISOR)
    client.force_login(cast.supervisor)
    page = f"{note.get_absolute_url()}erasure/"
    assert page in text(client.get(note.get_absolute_url()))
    assert client.post(page, {"texts": ["text"]}).status_code == 422
    assert client.post(page, {"texts": ["text"], "reason": "误录入"}).status_code == 302
    client.force_login(second)
    assert 'value="agree"' in text(client.get("/erasures/"))
    client.post(f"/erasures/{Erasure.objects.get().pk}/", {"action": "agree"})
    assert TEXT not in text(client.get(note.get_absolute_url()))
    client.force_login(cast.administrator)
    assert client.get("/admin/tracker/erasure/").status_code == 200
    assert client.get(f"/admin/tracker/erasure/{Erasure.objects.get().pk}/change/").status_code == 200


def test_the_pages_ask_as_many_queries_of_many_notes_as_of_one(client, cast, chief, bodies, duty, tasks, note):
    def asked():
        counts = []
        for who in (chief, cast.reporter, cast.supervisor):
            client.force_login(who)
            pages = ["/", "/instructions/", "/instructions/?side=scope", note.get_absolute_url()]
            for page in [*pages, tasks[0].get_absolute_url(), duty.get_absolute_url()]:
                with CaptureQueriesContext(connection) as queries:
                    client.get(page)
                counts.append(len(queries))
        return counts

    row_of(note, bodies.county).reply(ANSWER, by=cast.reporter)
    one = Instruction.objects.write(tasks[0], [bodies.county], text=TEXT, by=chief)
    few = asked()
    for _time in range(3):
        Instruction.objects.write(duty, [bodies.county, bodies.sister, bodies.city], text=TEXT, by=chief)
        more = Instruction.objects.write(tasks[0], [bodies.county], text=TEXT, by=chief)
        row_of(more, bodies.county).reply(ANSWER, by=cast.reporter)
    assert one.replies.count() == 1
    assert asked() == few
