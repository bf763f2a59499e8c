"""The review queue: what it shows of each entry, deciding from it by form and by script, and who waits too long."""

import datetime as dt
import json
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person
from tracker.models import Assignment, Entry, Event, Evidence, Heading, Holiday, Notice, Period, Phrase, Role, Task
from tracker.models.digests import owed_by_body
from tracker.models.periods import working_day_back

from .filing import upload
from .refusals import everything, fresh, recounted_tallies, refused, review, standing_tallies

PATH = "/review/"
DECIDE = "/review/decide/"
MONDAY = dt.date(2026, 11, 23)


@pytest.fixture
def waiting(owed, cast, content, bodies):
    """All that the county and its sister owe, handed in; by code, the sister's as `sister`."""
    sister = person("sister", bodies.sister, Role.REPORTER, name="填报人乙")
    for code, entry in owed.items():
        said = content if code != "3.2.4" else {"status": "in_progress"}
        entry.submit(by=cast.reporter, version=1, **said, percent=40 if code == "3.2.3" else None)
    theirs = Entry.objects.for_transition().get(assignment__organization=bodies.sister)
    theirs.submit(by=sister, version=1, **content)
    return owed | {"sister": theirs}


@pytest.fixture
def earlier(plan):
    """Makes the quarters before, newest first, each with a report of an assignment, as handed in and accepted."""

    def earlier_(entry, *reports):
        made = []
        for n, said in enumerate(reports, start=1):
            day = entry.period.opens - dt.timedelta(90 * n)
            period, _made = Period.objects.get_or_create(
                plan=plan, code=f"{2026 - n}Q4", defaults={"opens": day, "due": day, "locks": day}
            )
            at = timezone.make_aware(dt.datetime.combine(day, dt.time(9)))
            facts = {"state": "accepted", "status": "in_progress", "submitted_at": at, "first_submitted_at": at}
            made.append(Entry.objects.create(assignment=entry.assignment, period=period, **facts | said))
        return made

    return earlier_


@pytest.fixture
def send(send_rows):
    return partial(send_rows, DECIDE, name="reviewer")


def row(entry, do="accept", comment="", version=None):
    return {"entry": entry.pk, "version": version or fresh(entry).version, "do": do, "comment": comment}


def posted(client, do, *chosen, path=PATH, **typed):
    """What a browser without JavaScript sends of the page: every version as shown, and what was typed."""
    data = {"do": do, "chosen": [entry.pk for entry in chosen]}
    for shown in client.get(path).context["rows"]:
        data[f"e{shown.entry.pk}-version"] = shown.entry.version
    return client.post(path, data | typed)


def shown(client, query=""):
    """(group, codes and bodies in it), as the page shows them."""
    page = client.get(PATH + query)
    return [
        [(each.entry.assignment.organization.code, each.entry.assignment.task.code) for each in some]
        for _first, some, _total in page.context["groups"]
    ]


# What is shown.


def test_it_is_grouped_by_organization_or_by_task_as_the_address_says(waiting, sign_in):
    client = sign_in("reviewer")
    county = [("111", f"3.2.{n}") for n in range(1, 5)]
    by_body = [county, [("112", "3.2.1")]]
    assert shown(client) == shown(client, "?by=organization") == shown(client, "?by=nonsense") == by_body
    assert shown(client, "?by=task") == [[("111", "3.2.1"), ("112", "3.2.1")], *([one] for one in county[1:])]
    groups = client.get(PATH).context["groups"]
    assert [total for _first, _some, total in groups] == [4, 1]
    assert "by=task" in client.get(PATH + "?by=task&page=1").text


def test_inside_a_group_the_oldest_period_comes_first(waiting, earlier, sign_in):
    (old,) = earlier(waiting["3.2.3"], {"state": "submitted"})
    assert shown(sign_in("reviewer"))[0][0] == ("111", "3.2.3")
    assert sign_in("reviewer").get(PATH).context["rows"][0].entry == old


def test_each_entry_says_all_that_is_needed_to_decide(waiting, cast, earlier, sign_in, bodies, period):
    entry = waiting["3.2.1"]
    entry.withdraw(by=cast.reporter, version=2)
    Evidence.objects.attach(entry, upload("方案.pdf"), by=cast.reporter)
    Period.objects.filter(pk=period.pk).update(due=period.opens)
    entry = fresh(entry)
    said = {"status": "in_progress", "progress": "新建站点六个，覆盖三个乡镇。", "next_steps": "继续推进。"}
    entry.submit(by=cast.reporter, version=entry.version, **said)
    earlier(entry, {"progress": "新建站点四个，覆盖三个乡镇。", "problems": "场地不足。", "status": "not_started"})
    page = sign_in("reviewer").get(PATH + "?period=" + str(period.pk)).text
    case = page.split(f'id="e{entry.pk}"')[1].split("</article>")[0]
    for said in ("方案.pdf", "逾期", "正在推进", "上期：未启动", "王办公", 'href="tel:0000-0001"', "填报人甲"):
        assert said in case, said
    assert '<mark><span class="visually-hidden">［新增］</span>六个<span' in case
    assert '<del><span class="visually-hidden">［删去］</span>四个<span' in case
    assert "场地不足。" in case.split("<details")[1]
    other = page.split(f'id="e{waiting["3.2.4"].pk}"')[1].split("</article>")[0]
    assert "<mark>" not in other


def test_no_change_is_tagged_and_compared_with_nothing(waiting, cast, earlier, sign_in):
    entry = waiting["3.2.1"]
    Entry.objects.filter(pk=entry.pk).update(no_change=True, progress="", next_steps="")
    earlier(entry, {"progress": "新建站点四个。"})
    earlier(waiting["3.2.2"], {"no_change": True})
    rows = {each.entry.pk: each for each in sign_in("reviewer").get(PATH).context["rows"]}
    assert [text.now for _label, text in rows[entry.pk].texts] == [[], [], []]
    assert not rows[waiting["3.2.2"].pk].was


def test_forty_stand_on_a_page_and_it_asks_as_many_queries_of_ten_times_the_rows(waiting, cast, plan, bodies, sign_in):
    client = sign_in("reviewer")

    def asked(query=""):
        client.get(PATH + query)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PATH + query).status_code == 200
        return len(queries)

    queries = ("", "?by=task", "?by=waiting", "?waiting=long")
    few = [asked(query) for query in queries]
    heading = Heading.objects.get()
    tasks = [
        Task.objects.create(plan=plan, heading=heading, code=f"3.3.{n}", position=40000 + n, wording=f"举措 {n}")
        for n in range(1, 101)
    ]
    Assignment.objects.assign(tasks, [bodies.county, bodies.sister], by=cast.administrator, owe_now=True)
    now = timezone.now()
    facts = {"state": "submitted", "status": "in_progress", "first_submitted_at": now, "submitted_at": now}
    Entry.objects.filter(state="due").update(**facts, submitted_by=cast.reporter)
    assert [asked(query) for query in queries] == few
    assert max(few) <= 28
    page = client.get(PATH)
    assert (len(page.context["rows"]), page.context["found"]) == (40, 205)
    assert [total for _first, _some, total in page.context["groups"]] == [104]
    assert len(client.get(PATH + "?page=6").context["rows"]) == 5


@pytest.mark.parametrize(
    "query", ["?by=%00", "?page=x", "?page=-1", "?done=x", "?done=99999999999999999999", "?waiting=x"]
)
def test_a_wrong_query_is_answered_with_the_page(waiting, sign_in, query):
    assert sign_in("reviewer").get(PATH + query).status_code == 200


# The quiet hint.


@pytest.mark.parametrize(
    ("now", "before", "hinted"),
    [
        ({}, [{}, {}], True),
        ({}, [{}], False),
        ({}, [{}, {"progress": "另外的话。"}], False),
        ({}, [{"progress": "另外的话。"}, {}], False),
        ({"no_change": True}, [{}, {}], False),
        ({}, [{"no_change": True}, {}], False),
        ({"progress": "", "next_steps": ""}, [{"progress": "", "next_steps": ""}] * 2, False),
    ],
)
def test_the_same_words_three_periods_running_are_hinted_at(waiting, earlier, sign_in, content, now, before, hinted):
    entry = waiting["3.2.1"]
    words = {name: content[name] for name in ("progress", "next_steps")}
    Entry.objects.filter(pk=entry.pk).update(**words | now)
    earlier(entry, *(words | one for one in before))
    rows = {each.entry.pk: each.reading for each in sign_in("reviewer").get(PATH).context["rows"]}
    assert rows[entry.pk].repeated is hinted
    assert ("连续三期文字相同" in sign_in("reviewer").get(PATH).text) is hinted


def test_a_standing_duty_may_repeat_itself_and_the_reporter_is_told_nothing(waiting, earlier, sign_in, content):
    words = {name: content[name] for name in ("progress", "next_steps")}
    for code in ("3.2.1", "3.2.2"):  # the second is a standing duty
        earlier(waiting[code], words, words)
    rows = {each.entry.pk: each.reading.repeated for each in sign_in("reviewer").get(PATH).context["rows"]}
    assert rows[waiting["3.2.1"].pk]
    assert not rows[waiting["3.2.2"].pk]
    for page in (waiting["3.2.1"].get_absolute_url(), "/", "/sheet/18/2026Q4/"):
        assert "连续三期" not in sign_in("reporter").get(page).text


# Deciding by the page's own form.


def test_without_the_script_accepting_leads_to_the_next_and_can_be_undone(waiting, sign_in, cast):
    client, first, second = sign_in("reviewer"), waiting["3.2.1"], waiting["3.2.2"]
    answer = posted(client, f"accept-{first.pk}", path=PATH + "?by=organization")
    assert answer.headers["Location"] == f"/review/?by=organization&done={first.pk}#e{second.pk}"
    assert (fresh(first).state, fresh(first).decided_by) == ("accepted", cast.reviewer)
    page = client.get(answer.headers["Location"])
    assert page.context["done"] == first
    data = {"do": f"undo-{first.pk}", f"e{first.pk}-version": page.context["done"].version}
    assert client.post(PATH, data).status_code == 302
    assert fresh(first).state == "submitted"


def test_what_somebody_else_decided_is_not_offered_to_be_undone(waiting, sign_in, bodies):
    other = person("other-reviewer", bodies.city, Role.REVIEWER)
    waiting["3.2.1"].accept(by=other, version=2)
    assert sign_in("reviewer").get(f"{PATH}?done={waiting['3.2.1'].pk}").context["done"] is None


def test_returning_asks_for_a_reason_and_takes_a_phrase(waiting, sign_in, cast):
    client, entry, other = sign_in("reviewer"), waiting["3.2.1"], waiting["3.2.2"]
    answer = posted(client, f"return-{entry.pk}", **{f"e{other.pk}-comment": "还没写完的意见"})
    assert answer.status_code == 422
    assert "请填写原因。" in answer.text
    assert "还没写完的意见" in answer.text
    assert fresh(entry).state == "submitted"
    Phrase.keep("请补充数据。", by=cast.reviewer)
    posted(client, f"return-{entry.pk}", **{f"e{entry.pk}-phrase": "请补充数据。"})
    assert (fresh(entry).state, fresh(entry).comment) == ("returned", "请补充数据。")
    assert Notice.objects.filter(person=cast.reporter, kind="returned").count() == 1


def test_what_was_typed_elsewhere_on_the_page_is_not_lost_by_a_decision(waiting, sign_in):
    client, entry, other = sign_in("reviewer"), waiting["3.2.1"], waiting["3.2.2"]
    answer = posted(client, f"accept-{entry.pk}", **{f"e{other.pk}-comment": "还没写完的意见"})
    assert answer.status_code == 200
    assert "还没写完的意见" in answer.text
    assert fresh(entry).state == "accepted"


def test_a_typed_reason_is_kept_as_a_phrase(waiting, sign_in, cast):
    entry = waiting["3.2.1"]
    answer = posted(sign_in("reviewer"), f"keep-{entry.pk}", **{f"e{entry.pk}-comment": "请补充数据。"})
    assert cast.reviewer.phrases.get().text == "请补充数据。"
    assert "请补充数据。</textarea>" in answer.text
    assert posted(sign_in("reviewer"), f"keep-{entry.pk}").status_code == 422
    assert fresh(entry).state == "submitted"


def test_somebody_who_was_first_is_told_and_what_was_typed_stays(waiting, sign_in, bodies):
    client, entry = sign_in("reviewer"), waiting["3.2.1"]
    data = {"do": f"return-{entry.pk}", f"e{entry.pk}-version": 2, f"e{entry.pk}-comment": "请补充"}
    other = person("other-reviewer", bodies.city, Role.REVIEWER)
    entry.accept(by=other, version=2)
    entry.undo(by=other, version=3)
    answer = client.post(PATH, data)
    assert answer.status_code == 409
    assert f"{entry.assignment}：" in answer.text
    assert "请补充</textarea>" in answer.text
    assert fresh(entry).state == "submitted"


def test_many_are_asked_about_first_and_then_accepted_each_by_its_own_method(waiting, sign_in, cast, bodies):
    client = sign_in("reviewer")
    for do, chosen, count in (("accept", [waiting["3.2.1"], waiting["sister"]], 2), ("accept_all", [], 5)):
        answer = posted(client, do, *chosen)
        assert [len(answer.context["seen"]), answer.status_code] == [count, 200]
        assert not Event.objects.filter(action="accepted").exists()
    data = {"do": "accept", "sure": "1", "chosen": [entry.pk for entry, _version in answer.context["seen"]]}
    data |= {f"e{entry.pk}-version": version for entry, version in answer.context["seen"]}
    other = person("other-reviewer", bodies.city, Role.REVIEWER)
    waiting["sister"].return_(by=other, version=2, comment="请补充")
    answer = client.post(PATH, data, follow=True)
    assert "已审核通过 4 份填报" in answer.text
    assert str(waiting["sister"].assignment) in answer.text
    assert {fresh(entry).state for code, entry in waiting.items() if code != "sister"} == {"accepted"}
    assert fresh(waiting["sister"]).state == "returned"
    assert Event.objects.filter(action="accepted", by=cast.reviewer).count() == 4
    assert standing_tallies() == recounted_tallies()


def test_what_is_being_written_is_not_accepted_with_all_and_not_lost(waiting, sign_in):
    client, entry = sign_in("reviewer"), waiting["3.2.1"]
    answer = posted(client, "accept_all", **{f"e{entry.pk}-comment": "还没写完的意见"})
    assert entry not in [seen for seen, _version in answer.context["seen"]]
    data = {"do": "accept", "sure": "1", "chosen": [seen.pk for seen, _version in answer.context["seen"]]}
    data |= {f"e{seen.pk}-version": version for seen, version in answer.context["seen"]}
    answer = client.post(PATH, data | dict(answer.context["carried"]))
    assert "还没写完的意见</textarea>" in answer.text
    assert fresh(entry).state == "submitted"
    assert Event.objects.filter(action="accepted").count() == 4


@pytest.mark.parametrize(
    "do", ["", "accept", "accept-0", "accept-x", "return", "undo", "odd-1", "accept-\x00", "keep-0"]
)
def test_what_names_nothing_changes_nothing(waiting, sign_in, do):
    answer = posted(sign_in("reviewer"), do)
    assert answer.status_code == 422
    assert not Event.objects.exclude(action="submitted").exists()


@pytest.mark.parametrize("name", ["reporter", "supervisor", "administrator", "auditor"])
def test_nobody_else_decides_by_the_form(waiting, sign_in, name):
    entry = waiting["3.2.1"]
    data = {"do": f"accept-{entry.pk}", f"e{entry.pk}-version": 2}
    assert sign_in(name).post(PATH, data).status_code == 403
    assert fresh(entry).state == "submitted"


# Deciding by the script.


def test_decisions_go_together_each_answered(waiting, send, cast):
    answers = send(
        row(waiting["3.2.1"]), row(waiting["3.2.2"], "return", "请补充数据。"), row(waiting["3.2.3"], "return", " ")
    )
    first, second, third = (answers[waiting[f"3.2.{n}"].pk] for n in (1, 2, 3))
    assert (first["outcome"], first["state"], first["undo"], first["version"]) == ("done", "accepted", True, 3)
    assert (second["outcome"], second["state"]) == ("done", "returned")
    assert (third["outcome"], third["message"]) == ("invalid", "请填写原因。")
    assert fresh(waiting["3.2.2"]).comment == "请补充数据。"
    assert fresh(waiting["3.2.3"]).state == "submitted"
    assert standing_tallies() == recounted_tallies()
    undone = send(row(waiting["3.2.1"], "undo", version=3))[waiting["3.2.1"].pk]
    assert (undone["outcome"], undone["state"], undone["undo"]) == ("done", "submitted", False)


@pytest.mark.parametrize(("do", "comment"), [("accept", ""), ("return", "请补充。"), ("undo", "")])
def test_the_same_sent_twice_is_done_once(waiting, send, cast, do, comment):
    entry = waiting["3.2.1"]
    if do == "undo":
        entry.accept(by=cast.reviewer, version=2)
    asked = row(entry, do, comment)
    assert [send(asked)[entry.pk]["outcome"] for _time in range(2)] == ["done", "done"]
    assert Event.objects.filter(entry=entry).count() == (3 if do == "undo" else 2)
    assert Notice.objects.count() == (do == "return")


def test_another_decision_meanwhile_is_stale_and_nothing_is_overwritten(waiting, send, bodies):
    entry, other = waiting["3.2.1"], person("other-reviewer", bodies.city, Role.REVIEWER)
    asked = row(entry, "return", "请补充。")
    entry.return_(by=other, version=2, comment="别的原因。")
    answer = send(asked)[entry.pk]
    assert answer["outcome"] == "stale"
    assert "已退回" in answer["message"]
    assert fresh(entry).comment == "别的原因。"


def test_one_s_own_other_reason_from_another_window_is_not_taken_for_the_same(waiting, send):
    first, second = (row(waiting["3.2.1"], "return", reason) for reason in ("请补充。", "另一条原因。"))
    assert [send(one)[waiting["3.2.1"].pk]["outcome"] for one in (first, second)] == ["done", "stale"]
    assert fresh(waiting["3.2.1"]).comment == "请补充。"


def test_under_two_steps_the_leader_signs_and_a_second_click_does_no_harm(waiting, send, plan):
    review(plan, "own_then_above")
    entry = waiting["3.2.1"]
    asked = row(entry)
    for _time in range(2):
        answer = send(asked, name="leader")[entry.pk]
        assert (answer["outcome"], answer["undo"]) == ("done", False)
    assert (fresh(entry).state, fresh(entry).review_step) == ("submitted", 1)
    assert fresh(entry).signed_by.username == "leader"
    assert send(row(entry))[entry.pk]["state"] == "accepted"


@pytest.mark.parametrize("name", ["reporter", "leader", "supervisor", "administrator", "auditor", "outsider"])
def test_nobody_else_decides_by_the_script(waiting, send, name):
    before = everything(waiting["3.2.1"])
    for do in ("accept", "return", "undo"):
        assert send(row(waiting["3.2.1"], do, "x"), name=name)[waiting["3.2.1"].pk]["outcome"] != "done"
    assert everything(waiting["3.2.1"]) == before


def test_an_entry_out_of_scope_is_refused_and_nothing_of_it_is_told(waiting, send):
    entry = waiting["3.2.1"]
    answers = send(row(entry), {**row(entry), "entry": 2**62}, name="outsider")
    assert set(answers[entry.pk]) == set(answers[2**62]) == {"entry", "outcome", "message"}
    assert answers[entry.pk]["message"] == answers[2**62]["message"]


def test_a_login_that_ran_out_and_another_person_are_answered_as_such(waiting, client, sign_in, cast):
    body = json.dumps({"user": cast.reviewer.pk, "rows": [row(waiting["3.2.1"])]})
    answer = client.post(DECIDE, body, content_type="application/json")
    assert (answer.status_code, answer.json()["login"]) == (401, "/accounts/login/")
    answer = sign_in("leader").post(DECIDE, body, content_type="application/json")
    assert answer.status_code == 401
    assert "领导甲" in answer.json()["message"]
    assert fresh(waiting["3.2.1"]).state == "submitted"


def test_what_is_not_understood_changes_nothing(waiting, sign_in, cast):
    client, user, good = sign_in("reviewer"), cast.reviewer.pk, row(waiting["3.2.1"])
    wrong = [
        "",
        "{",
        "[]",
        "null",
        '{"user": 1}',
        "[" * 100_000,
        {"user": user, "rows": 1},
        {"user": user, "rows": [1]},
    ]
    wrong += [
        {"user": user, "rows": [good] * 2},
        {"user": user, "rows": [{**good, "entry": n} for n in range(1, 202)]},
        {"user": "x", "rows": [good]},
        {"user": True, "rows": [good]},
    ]
    for name, value in (
        ("entry", "1"),
        ("entry", True),
        ("entry", 10**30),
        ("version", None),
        ("version", 2**40),
        ("do", "reopen"),
        ("do", []),
        ("comment", None),
    ):
        wrong.append({"user": user, "rows": [{**good, name: value}]})
    for body in wrong:
        text = body if isinstance(body, str) else json.dumps(body)
        answer = client.post(DECIDE, text, content_type="application/json")
        assert (answer.status_code, bool(answer.json()["message"])) == (400, True), body
    assert client.get(DECIDE).status_code == 405
    for comment in ("一\x00二", "一\ud800", "长" * 20_001):
        body = json.dumps({"user": user, "rows": [{**good, "do": "return", "comment": comment}]})
        answer = client.post(DECIDE, body, content_type="application/json")
        assert answer.json()["rows"][0]["outcome"] == "invalid"
    assert fresh(waiting["3.2.1"]).state == "submitted"


# Waiting too long.


def test_working_days_are_counted_back_over_weekends_and_holidays(db):
    assert working_day_back(MONDAY, 1) == MONDAY
    assert working_day_back(MONDAY, 3) == dt.date(2026, 11, 19)
    assert working_day_back(dt.date(2026, 11, 22), 1) == dt.date(2026, 11, 20)
    Holiday.objects.create(day=dt.date(2026, 11, 20))
    Holiday.objects.create(day=dt.date(2026, 11, 21), working=True)
    assert working_day_back(MONDAY, 3) == dt.date(2026, 11, 19)
    assert working_day_back(dt.date(2026, 11, 22), 1) == dt.date(2026, 11, 21)
    assert working_day_back(MONDAY, 10**6) == MONDAY - dt.timedelta(60)


def submitted(entry, day, hour=9, **values):
    at = timezone.make_aware(dt.datetime.combine(day, dt.time(hour, 59)))
    Entry.objects.filter(pk=entry.pk).update(submitted_at=at, first_submitted_at=at, **values)


@pytest.mark.parametrize(
    ("day", "on", "long"),
    [
        (dt.date(2026, 11, 18), MONDAY, True),  # Wednesday: Thursday, Friday and Monday
        (dt.date(2026, 11, 19), MONDAY, False),  # Thursday: Friday and Monday
        (dt.date(2026, 11, 18), dt.date(2026, 11, 22), False),  # two working days, then the weekend
        (MONDAY, MONDAY, False),
    ],
)
def test_more_than_two_working_days_is_long(waiting, day, on, long):
    for entry in waiting.values():
        submitted(entry, on)
    submitted(waiting["3.2.1"], day, hour=23)
    found = Entry.objects.waiting_long(on)
    assert list(found) == ([waiting["3.2.1"]] if long else [])


def test_the_second_step_waits_from_the_signature(waiting, cast, plan):
    review(plan, "own_then_above")
    Entry.objects.exclude(pk=waiting["3.2.1"].pk).update(submitted_at=timezone.now())
    submitted(waiting["3.2.1"], MONDAY - dt.timedelta(30))
    assert Entry.objects.waiting_long(MONDAY).count() == 1
    assert Entry.objects.waiting_long(MONDAY).by_decider() == {waiting["3.2.1"].assignment.organization_id: 1}
    entry = fresh(waiting["3.2.1"])
    entry.accept(by=cast.leader, version=2, at=timezone.make_aware(dt.datetime.combine(MONDAY, dt.time(9))))
    assert not Entry.objects.waiting_long(MONDAY).exists()
    Entry.objects.filter(pk=entry.pk).update(signed_at=entry.submitted_at)
    assert Entry.objects.waiting_long(MONDAY).by_decider() == {entry.assignment.reviewing_id: 1}


def test_the_reviewer_sees_the_longest_wait_first(waiting, sign_in, cast):
    today = timezone.localdate()
    submitted(waiting["3.2.3"], today - dt.timedelta(30))
    submitted(waiting["3.2.2"], today - dt.timedelta(40))
    client = sign_in("reviewer")
    assert "2 份等待超过两个工作日" in client.get(PATH).text
    page = client.get(PATH + "?waiting=long")
    assert [each.entry for each in page.context["rows"]] == [waiting["3.2.2"], waiting["3.2.3"]]
    assert all(each.reading.waits_long for each in page.context["rows"])
    assert "其中 2 份等待超过两个工作日" in client.get("/").text
    assert owed_by_body(today).kept_waiting == {waiting["3.2.1"].assignment.reviewing_id: 2}


def test_the_level_above_sees_at_which_body_and_nobody_below_does(waiting, sign_in, bodies, cast):
    person("elsewhere", bodies.other, Role.SUPERVISOR)
    assert "待审核已超过" not in sign_in("supervisor").get("/").text
    for code in ("3.2.2", "3.2.3"):
        submitted(waiting[code], timezone.localdate() - dt.timedelta(30))
    page = sign_in("supervisor").get("/")
    assert page.context["held_up"]["bodies"] == [(bodies.city, 2)]
    assert "2 份填报待审核已超过两个工作日" in page.text
    for name in ("reporter", "leader", "reviewer", "auditor"):
        assert "待审核已超过" not in sign_in(name).get("/").text
    assert Entry.objects.waiting_below(bodies.other).count() == 0
    assert Entry.objects.waiting_below(bodies.county).count() == 0
    assert Entry.objects.waiting_below(bodies.city).count() == 5


def test_counting_for_the_level_above_stops_somewhere(waiting, bodies, monkeypatch):
    monkeypatch.setattr("tracker.models.entry_lists.COUNTED", 3)
    assert Entry.objects.waiting_below(bodies.province).by_decider() == {bodies.city.pk: 3}


# What is returned.


def test_what_was_returned_tops_the_sheet_with_its_reason(waiting, send, sign_in):
    send(row(waiting["3.2.3"], "return", "请补充数据。"))
    page = sign_in("reporter").get("/sheet/18/2026Q4/")
    title, (first, *_rest) = page.context["groups"][0]
    assert (title, first.entry) == ("returned", waiting["3.2.3"])
    assert "请补充数据。" in page.text


def test_nobody_accepts_their_own_from_the_queue(waiting, send, cast, bodies):
    cast.reporter.memberships.create(organization=bodies.city, role=Role.REVIEWER)
    entry = waiting["3.2.1"]
    asked = row(entry)
    with refused(fresh(entry), "own"):
        fresh(entry).accept(by=cast.reporter, version=2)
    assert send(asked, name="reporter")[entry.pk]["outcome"] == "refused"
