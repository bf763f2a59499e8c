"""The sheet: what it shows, what each of its buttons does, and what it refuses, row by row."""

import datetime as dt
import json
import re
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person
from tracker.models import Area, Assignment, Entry, EntryTally, Event, Heading, Period, Role, Task

from .refusals import fresh, invalid, recounted_tallies, refused, review, standing_tallies

PATH = "/sheet/18/2026Q4/"
SAVE = PATH + "save/"


@pytest.fixture
def before(plan):
    """The quarter before, locked."""
    day = timezone.localdate() - dt.timedelta(40)
    return Period.objects.create(plan=plan, code="2026Q3", opens=day - dt.timedelta(60), due=day, locks=day)


@pytest.fixture
def reported(before, owed, cast, content):
    """The county's entries again, each reported and accepted in the quarter before; 3.2.3 stood at 40 %."""
    before.open()
    Assignment.objects.update(created_at=timezone.now() - dt.timedelta(200))
    before.opened_at = None
    before.open()
    at = timezone.make_aware(dt.datetime.combine(before.due, dt.time(9)))
    for entry in Entry.objects.for_transition().filter(
        period=before, assignment__organization=cast.reporter.organization
    ):
        task = entry.assignment.task
        said = content if task.takes_texts else {"status": "in_progress"}
        entry.submit(by=cast.reporter, version=1, at=at, **said, percent=40 if task.asks_percent else None)
        entry.accept(by=cast.reviewer, version=2, at=at)
    return {code: fresh(entry) for code, entry in owed.items()}


def row(entry, do="save", version=None, **values):
    return {"entry": entry.pk, "version": version or entry.version, "do": do, "values": values}


@pytest.fixture
def send(send_rows):
    return partial(send_rows, SAVE, name="reporter")


def posted(page, do, chosen=(), **typed):
    """What a browser without JavaScript sends of the page: every field as shown, but for what was typed."""
    data = {"do": do, "chosen": [str(entry.pk) for entry in chosen]}
    for shown in page.context["rows"]:
        if shown.form:
            for field in shown.form:
                value = field.value()
                data[field.html_name] = "" if value is None else str(value).replace("\n", "\r\n")
    return data | typed


# The page.


def test_it_shows_what_my_body_owes_with_the_returned_on_top(owed, cast, sign_in, content):
    owed["3.2.3"].submit(by=cast.reporter, version=1, **content)
    fresh(owed["3.2.3"]).return_(by=cast.reviewer, version=2, comment="请补充数量")
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    page = sign_in("reporter").get(PATH)
    titles = [str(title) for title, _rows in page.context["groups"]]
    assert (titles[0], titles[-1]) == ("returned", "done")
    text = page.content.decode()
    assert "请补充数量" in text
    assert re.search(r'data-count="done">1</b> / <span data-count="owed">4<', text)
    assert [row.entry.assignment.task.code for _title, rows in page.context["groups"] for row in rows] == [
        "3.2.3",
        "3.2.2",
        "3.2.4",
        "3.2.1",
    ]


def test_a_task_of_status_only_has_no_text_cells_and_percent_stands_only_where_it_is_asked(owed, sign_in):
    page = sign_in("reporter").get(PATH).content.decode()
    assert f'name="e{owed["3.2.3"].pk}-percent"' in page
    assert re.findall(r'name="e(\d+)-percent"', page) == [str(owed["3.2.3"].pk)]
    assert f'name="e{owed["3.2.4"].pk}-status"' in page
    assert f'name="e{owed["3.2.4"].pk}-progress"' not in page


def test_my_department_first_and_everything_one_click_away(owed, cast, sign_in, bodies):
    Assignment.objects.filter(task__code="3.2.1", organization=bodies.county).update(department="权益保障部")
    Assignment.objects.filter(task__code="3.2.2", organization=bodies.county).update(department="办公室")
    membership = cast.reporter.memberships.get()
    membership.department = "权益保障部"
    membership.save()
    client = sign_in("reporter")

    def codes(query=""):
        return [row.task.code for row in client.get(PATH + query).context["rows"]]

    assert codes() == ["3.2.1"]
    assert codes("?department=") == ["3.2.1", "3.2.2", "3.2.3", "3.2.4"]
    assert codes("?department=办公室") == ["3.2.2"]
    membership.department = "财务部"  # none of the entries is theirs: all of the body's are shown
    membership.save()
    assert len(codes()) == 4


def test_the_first_page_leads_to_it(owed, sign_in):
    assert f'class="btn btn-primary" href="{PATH}"' in sign_in("reporter").get("/").content.decode()
    assert PATH not in sign_in("leader").get("/").content.decode()


def test_only_who_logs_has_a_sheet_and_nothing_is_said_of_what_is_not_there(owed, sign_in):
    for name in ("leader", "reviewer", "supervisor", "administrator", "auditor"):
        assert sign_in(name).get(PATH).status_code == 403
    for path in ("/sheet/18/2031Q1/", "/sheet/19/2026Q4/"):
        assert sign_in("reporter").get(path).status_code == 404
    assert sign_in("outsider").get(PATH).context["rows"] == []


def test_as_many_queries_of_a_hundred_rows_as_of_four(reported, plan, bodies, cast, sign_in, period):
    client = sign_in("reporter")

    def asked():
        client.get(PATH)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PATH).status_code == 200
        return len(queries)

    few = asked()
    area = Area.objects.get()
    heading = Heading.objects.create(area=area, number=3, code="3.3", title="更多")
    tasks = [
        Task.objects.create(plan=plan, heading=heading, code=f"3.3.{n}", position=40000 + n, wording=f"举措 {n}")
        for n in range(1, 101)
    ]
    Assignment.objects.assign(tasks, [bodies.county], by=cast.administrator, owe_now=True)
    assert asked() == few <= 16
    assert len(client.get(PATH).context["rows"]) == 104


def test_a_chat_apps_own_browser_is_told_how_to_download(owed, sign_in):
    client = sign_in("reporter")
    for agent, told in (
        ("Mozilla/5.0 MicroMessenger/8.0", True),
        ("Mozilla/5.0 (dingtalk) DingTalk/7.0", True),
        ("Mozilla/5.0 MQQBrowser/13 Chrome/98", False),
        ("Mozilla/5.0 Chrome/90", False),
    ):
        page = client.get("/reports/18/ledger/", headers={"user-agent": agent}).content.decode()
        assert ("in-app" in page) == told, agent


# Rows the script sends.


def test_changed_rows_are_saved_together_and_the_counts_agree(owed, send, content, cast):
    answers = send(
        row(owed["3.2.1"], status="in_progress", progress="一。\r\n二。"), row(owed["3.2.4"], status="not_started")
    )
    assert {one["outcome"] for one in answers.values()} == {"saved"}
    assert fresh(owed["3.2.1"]).progress == "一。\n二。"
    assert (fresh(owed["3.2.4"]).state, fresh(owed["3.2.4"]).saved_by) == ("draft", cast.reporter)
    assert answers[owed["3.2.1"].pk]["version"] == 2
    assert re.fullmatch(r"\d\d:\d\d", answers[owed["3.2.1"].pk]["at"])
    assert standing_tallies() == recounted_tallies()


def test_complete_rows_go_and_the_incomplete_are_kept_and_named(owed, send, content):
    answers = send(
        row(owed["3.2.1"], "submit", **content),
        row(owed["3.2.2"], "submit", status="blocked", progress="进展。"),
        row(owed["3.2.3"], "submit", status="completed", percent="40", progress="完。"),
    )
    outcomes = [answers[owed[code].pk]["outcome"] for code in ("3.2.1", "3.2.2", "3.2.3")]
    assert outcomes == ["reported", "incomplete", "incomplete"]
    assert set(answers[owed["3.2.2"].pk]["errors"]) == {"problems", "need", "need_by"}
    assert set(answers[owed["3.2.3"].pk]["errors"]) == {"percent"}
    assert [fresh(owed[code]).state for code in ("3.2.1", "3.2.2", "3.2.3")] == ["submitted", "draft", "draft"]
    assert fresh(owed["3.2.2"]).progress == "进展。"
    assert answers[owed["3.2.2"].pk]["version"] == fresh(owed["3.2.2"]).version


def test_what_cannot_be_kept_is_refused_beside_its_field_and_the_rest_is_saved(owed, send):
    answers = send(
        row(owed["3.2.1"], progress="一\x00二"),
        row(owed["3.2.2"], progress="长" * 20_001, problems="一\ud800"),
        row(owed["3.2.3"], percent="101"),
        row(owed["3.2.4"], status="in_progress", progress="不收文字"),
    )
    errors = {code: set(answers[owed[code].pk]["errors"]) for code in owed}
    assert errors == {"3.2.1": {"progress"}, "3.2.2": {"progress", "problems"}, "3.2.3": {"percent"}, "3.2.4": set()}
    assert answers[owed["3.2.4"].pk]["outcome"] == "saved"
    assert fresh(owed["3.2.4"]).progress == ""
    assert [fresh(owed[code]).state for code in ("3.2.1", "3.2.2", "3.2.3")] == ["due", "due", "due"]


def test_a_row_that_somebody_changed_meanwhile_is_not_overwritten(owed, send, bodies):
    colleague = person("colleague", bodies.county, Role.REPORTER, name="同事甲")
    owed["3.2.1"].save_draft(by=colleague, version=1, progress="同事写的。")
    answer = send(row(owed["3.2.1"], version=1, progress="我写的。"))[owed["3.2.1"].pk]
    assert answer["outcome"] == "stale"
    assert (answer["stands"]["who"], answer["stands"]["values"]["progress"]) == ("同事甲", "同事写的。")
    assert (answer["stands"]["writable"], answer["version"]) == (True, 2)
    assert fresh(owed["3.2.1"]).progress == "同事写的。"


@pytest.mark.parametrize("do", ["save", "submit", "unchanged"])
def test_the_same_sent_twice_is_done_once(reported, send, do, content):
    entry = reported["3.2.1"]
    values = {} if do == "unchanged" else content
    first = send(row(entry, do, **values))[entry.pk]
    second = send(row(entry, do, **values))[entry.pk]
    assert first["outcome"] == second["outcome"] == ("saved" if do == "save" else "reported")
    assert Event.objects.filter(entry=entry).count() == 1


def test_under_no_review_submitting_twice_is_done_once_too(owed, send, plan, content):
    review(plan, "none")
    for _time in range(2):
        assert send(row(owed["3.2.1"], "submit", **content))[owed["3.2.1"].pk]["outcome"] == "reported"
    assert fresh(owed["3.2.1"]).state == "accepted"


def test_a_locked_period_refuses_each_row_in_a_sentence(owed, send, period, content):
    Period.objects.filter(pk=period.pk).update(due=period.opens, locks=period.opens)
    answers = send(row(owed["3.2.1"], "submit", **content), row(owed["3.2.2"], progress="一"))
    assert {one["outcome"] for one in answers.values()} == {"refused"}
    assert all("锁定" in one["message"] for one in answers.values())
    Entry.objects.filter(pk=owed["3.2.2"].pk).update(open_until=timezone.localdate())
    assert send(row(owed["3.2.2"], progress="一"))[owed["3.2.2"].pk]["outcome"] == "saved"


def test_entries_of_others_are_refused_and_nothing_of_them_is_told(owed, send, bodies):
    sister = Entry.objects.get(assignment__organization=bodies.sister)
    Entry.objects.filter(pk=sister.pk).update(progress="乙县的进展")
    answers = send(row(sister, progress="改"), row(owed["3.2.1"], progress="改"), {**row(sister), "entry": 2**62})
    assert answers[owed["3.2.1"].pk]["outcome"] == "saved"
    assert set(answers[sister.pk]) == set(answers[2**62]) == {"entry", "outcome", "message", "errors"}
    assert answers[sister.pk]["message"] == answers[2**62]["message"]
    assert fresh(sister).progress == "乙县的进展"


@pytest.mark.parametrize("name", ["leader", "reviewer", "supervisor", "administrator", "auditor", "outsider"])
def test_nobody_else_saves_a_row(owed, send, name):
    assert send(row(owed["3.2.1"], progress="改"), name=name)[owed["3.2.1"].pk]["outcome"] == "refused"
    assert fresh(owed["3.2.1"]).state == "due"


def test_what_is_not_understood_changes_nothing(owed, sign_in, cast):
    client, user, good = sign_in("reporter"), cast.reporter.pk, row(owed["3.2.1"], progress="改")
    wrong = [
        "",
        "{",
        "[]",
        "null",
        '{"user": 1}',
        "[" * 100_000,
        {"user": user, "rows": 1},
        {"user": user, "rows": [1]},
        {"user": user, "rows": [good] * 2},
        {"user": user, "rows": [{**good, "entry": n} for n in range(1, 202)]},
        {"user": "x", "rows": [good]},
        {"user": True, "rows": [good]},
    ]
    for name, value in (
        ("entry", "1"),
        ("entry", True),
        ("entry", [1]),
        ("entry", 10**30),
        ("version", None),
        ("version", 2**40),
        ("do", "accept"),
        ("do", []),
        ("values", []),
        ("values", {"progress": 1}),
    ):
        wrong.append({"user": user, "rows": [{**good, name: value}]})
    for body in wrong:
        text = body if isinstance(body, str) else json.dumps(body)
        answer = client.post(SAVE, text, content_type="application/json")
        assert (answer.status_code, bool(answer.json()["message"])) == (400, True), body
    assert client.get(SAVE).status_code == 405
    assert fresh(owed["3.2.1"]).state == "due"


def test_200_rows_at_once(plan, bodies, cast, period, tasks, send):
    tasks += [
        Task.objects.create(
            plan=plan, heading=tasks[0].heading, code=f"3.2.{n}", position=50000 + n, wording=f"举措 {n}"
        )
        for n in range(10, 206)
    ]
    Assignment.objects.assign(tasks, [bodies.county], by=cast.administrator)
    period.open()
    entries = list(Entry.objects.filter(assignment__task__reporting="full").order_by("-pk"))[:199]
    answers = send(*(row(entry, "submit", status="in_progress", progress="进展。") for entry in entries))
    assert {one["outcome"] for one in answers.values()} == {"reported"}
    assert EntryTally.totals(period, bodies.county)["submitted"] == 199
    assert standing_tallies() == recounted_tallies()


def test_a_login_that_ran_out_is_answered_as_such(owed, client, cast):
    body = json.dumps({"user": cast.reporter.pk, "rows": [row(owed["3.2.1"], progress="改")]})
    answer = client.post(SAVE, body, content_type="application/json")
    assert (answer.status_code, answer.json()["login"]) == (401, "/accounts/login/")


def test_another_person_signed_in_meanwhile_saves_nothing(owed, sign_in, cast, bodies):
    person("colleague", bodies.county, Role.REPORTER)
    body = json.dumps({"user": cast.outsider.pk, "rows": [row(owed["3.2.1"], progress="改")]})
    answer = sign_in("reporter").post(SAVE, body, content_type="application/json")
    assert answer.status_code == 401
    assert "填报人甲" in answer.json()["message"]
    assert fresh(owed["3.2.1"]).state == "due"


# No change.


def test_no_change_says_where_the_last_report_stood_and_counts(reported, cast, period, bodies):
    entry = reported["3.2.3"]
    entry.submit_unchanged(by=cast.reporter, version=1)
    entry = fresh(entry)
    assert (entry.state, entry.status, entry.percent, entry.no_change) == ("submitted", "in_progress", 40, True)
    assert [getattr(entry, name) for name in Entry.TEXTS] == ["", "", ""]
    totals = EntryTally.totals(period, bodies.county)
    assert (totals["no_change"], totals["reported"], totals["on_time"]) == (1, 1, 1)
    reported["3.2.4"].submit_unchanged(by=cast.reporter, version=1)
    assert standing_tallies() == recounted_tallies()


def test_no_change_is_refused_where_words_are_owed_or_would_be_lost(reported, cast, owed):
    entry = reported["3.2.1"]
    last = entry.previous()
    with refused(entry, "words"):
        entry.submit_unchanged(by=cast.reporter, version=1, progress="其实有进展")
    for values in ({"status": "blocked"}, {"state": "returned"}):
        kept = {name: getattr(last, name) for name in values}
        Entry.objects.filter(pk=last.pk).update(**values)
        with refused(entry, "words"):
            entry.submit_unchanged(by=cast.reporter, version=1)
        Entry.objects.filter(pk=last.pk).update(**kept)
    entry.save_draft(by=cast.reporter, version=1, progress="写了一半")
    with refused(entry, "words"):
        entry.submit_unchanged(by=cast.reporter, version=2)
    entry.save_draft(by=cast.reporter, version=2, progress="")
    entry.submit_unchanged(by=cast.reporter, version=3)
    with refused(entry, "stale"):
        entry.submit_unchanged(by=cast.reporter, version=4)


def test_no_change_needs_an_earlier_report(owed, cast):
    with refused(owed["3.2.1"], "words"):
        owed["3.2.1"].submit_unchanged(by=cast.reporter, version=1)


def test_what_was_returned_is_answered_in_words_also_from_a_draft(reported, cast):
    entry = reported["3.2.1"]
    entry.submit_unchanged(by=cast.reporter, version=1)
    entry.return_(by=cast.reviewer, version=2, comment="请写明")
    with refused(entry, "words"):
        entry.submit_unchanged(by=cast.reporter, version=3)
    entry.save_draft(by=cast.reporter, version=3, next_steps="")
    with refused(entry, "words"):
        entry.submit_unchanged(by=cast.reporter, version=4)


def test_no_change_is_the_reporters_and_stops_at_the_lock(reported, cast, period):
    for by in (cast.leader, cast.reviewer, cast.outsider):
        with refused(reported["3.2.1"], "not_yours"):
            reported["3.2.1"].submit_unchanged(by=by, version=1)
    Period.objects.filter(pk=period.pk).update(due=period.opens, locks=period.opens)
    with refused(fresh(reported["3.2.1"]), "locked"):
        fresh(reported["3.2.1"]).submit_unchanged(by=cast.reporter, version=1)


def test_what_says_something_after_no_change_no_longer_counts_as_such(reported, cast, content, period, bodies):
    entry = reported["3.2.1"]
    entry.submit_unchanged(by=cast.reporter, version=1)
    entry.return_(by=cast.reviewer, version=2, comment="请写明")
    with invalid(entry, "progress"):
        entry.submit(by=cast.reporter, version=3, status="in_progress")
    entry.submit(by=cast.reporter, version=3, **content)
    assert fresh(entry).no_change is False
    assert EntryTally.totals(period, bodies.county)["no_change"] == 0


def test_no_change_of_many_is_the_same_transition_each_refused_by_itself(reported, send, cast):
    reported["3.2.2"].save_draft(by=cast.reporter, version=1, progress="写了")
    rows = [
        row(entry, "unchanged", progress=entry.progress)
        for entry in reported.values()
        if entry.assignment.task.takes_texts
    ]
    rows.append(row(reported["3.2.4"], "unchanged"))
    answers = send(*rows)
    assert [answers[entry.pk]["outcome"] for entry in reported.values()] == [
        "reported",
        "refused",
        "reported",
        "reported",
    ]
    assert "已写有内容" in answers[reported["3.2.2"].pk]["message"]
    assert fresh(reported["3.2.2"]).progress == "写了"


# Without JavaScript.


def test_saving_the_form_keeps_only_what_was_touched(owed, sign_in):
    client = sign_in("reporter")
    page = client.get(PATH)
    typed = {f"e{owed['3.2.1'].pk}-progress": "一。\r\n二。"}
    answer = client.post(PATH, posted(page, "save", **typed), follow=True)
    assert answer.redirect_chain == [(PATH, 302)]
    assert (fresh(owed["3.2.1"]).state, fresh(owed["3.2.1"]).progress) == ("draft", "一。\n二。")
    assert [fresh(owed[code]).version for code in ("3.2.2", "3.2.3", "3.2.4")] == [1, 1, 1]
    again = client.post(PATH, posted(client.get(PATH), "save"), follow=True)
    assert "没有改动" in again.content.decode()


def test_what_a_colleague_saved_in_a_row_i_did_not_touch_is_no_quarrel(owed, sign_in, bodies):
    client = sign_in("reporter")
    page = client.get(PATH)
    colleague = person("colleague", bodies.county, Role.REPORTER)
    owed["3.2.2"].save_draft(by=colleague, version=1, progress="同事写的。")
    typed = {f"e{owed['3.2.1'].pk}-progress": "我写的。"}
    assert client.post(PATH, posted(page, "save", **typed)).status_code == 302
    typed = {f"e{owed['3.2.2'].pk}-progress": "我也写了。"}
    answer = client.post(PATH, posted(page, "save", **typed))
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "同事写的。" in text
    assert "我也写了。" in text
    (shown,) = [row for row in answer.context["rows"] if row.trouble]
    assert client.post(PATH, posted(answer, "save")).status_code == 302
    assert fresh(shown.entry).progress == "我也写了。"


def test_the_chosen_are_submitted_and_the_incomplete_named_with_links(owed, sign_in):
    client = sign_in("reporter")
    one, two = owed["3.2.1"], owed["3.2.2"]
    typed = {f"e{one.pk}-status": "in_progress", f"e{one.pk}-progress": "一。", f"e{two.pk}-status": "in_progress"}
    typed[f"e{owed['3.2.3'].pk}-progress"] = "未选的也留着。"
    answer = client.post(PATH, posted(client.get(PATH), "submit", [one, two], **typed))
    assert answer.status_code == 422
    assert f'href="#id_e{two.pk}-progress"' in answer.content.decode()
    assert [fresh(owed[code]).state for code in owed] == ["submitted", "draft", "draft", "due"]
    assert fresh(owed["3.2.3"]).progress == "未选的也留着。"


def test_submit_all_leaves_blank_rows_alone_and_counts_them(owed, sign_in):
    client, one = sign_in("reporter"), owed["3.2.1"]
    typed = {f"e{one.pk}-status": "in_progress", f"e{one.pk}-progress": "一。"}
    answer = client.post(PATH, posted(client.get(PATH), "submit_all", **typed), follow=True)
    assert "3 项尚未填报" in answer.content.decode()
    assert fresh(one).state == "submitted"


def test_one_row_is_carried_over_and_another_unchanged(reported, sign_in):
    client, one, two = sign_in("reporter"), reported["3.2.3"], reported["3.2.1"]
    typed = {f"e{one.pk}-problems": "自己写的。"}
    assert client.post(PATH, posted(client.get(PATH), f"carry-{one.pk}", **typed)).status_code == 302
    entry = fresh(one)
    assert (entry.state, entry.status, entry.percent, entry.progress) == ("draft", "in_progress", 40, "新建站点四个。")
    assert (entry.problems, entry.no_change) == ("自己写的。", False)
    assert client.post(PATH, posted(client.get(PATH), f"unchanged-{two.pk}")).status_code == 302
    assert (fresh(two).state, fresh(two).no_change) == ("submitted", True)


def test_wrong_input_in_the_form_is_shown_beside_its_field_and_kept(owed, sign_in):
    client, one = sign_in("reporter"), owed["3.2.3"]
    typed = {f"e{one.pk}-percent": "一半", f"e{one.pk}-progress": "留着的字"}
    answer = client.post(PATH, posted(client.get(PATH), "save", **typed))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert 'value="一半"' in text
    assert "留着的字" in text
    assert f'id="id_e{one.pk}-percent_error"' in text
    typed = {f"e{one.pk}-version": "x", f"e{one.pk}-progress": "改"}
    assert client.post(PATH, posted(client.get(PATH), "save", **typed)).status_code == 422
    for do in ("nothing", "submit-x", "carry-99999999999999999999", ""):
        assert client.post(PATH, posted(client.get(PATH), do)).status_code == 302
    assert fresh(one).state == "due"
