"""销号: struck off by a supervisor above once an accepted entry says completed; reopened with a reason."""

import csv
import datetime as dt
import io
import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tracker.models import Assignment, Entry, Event, Notice, Organization, Period, Role, Task, User

from .refusals import fresh, recounted_tallies, refused, standing_tallies

DONE = {"status": "completed", "progress": "全部建成。"}


@pytest.fixture(autouse=True)
def _tallies_agree(db):
    yield
    assert standing_tallies() == recounted_tallies()


@pytest.fixture
def done(owed, cast):
    """The county's 3.2.1, completed by an accepted entry; returns the entry."""
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **DONE)
    entry.accept(by=cast.reviewer, version=2)
    return fresh(entry)


def row(entry):
    return Assignment.objects.select_related("organization", "task__plan").get(pk=entry.assignment_id)


@pytest.fixture
def struck(done, cast):
    row(done).strike_off(by=cast.supervisor, comment="已核验")
    return done


def test_a_supervisor_above_strikes_off_what_is_completed(done, cast):
    row(done).strike_off(by=cast.supervisor, comment="已核验")
    assert row(done).struck_off_on == timezone.localdate()
    event = Event.objects.get(action="struck_off")
    assert (event.by, event.comment, event.assignment_id) == (cast.supervisor, "已核验", done.assignment_id)
    told = Notice.objects.filter(kind="struck_off")
    assert set(told.values_list("person__username", flat=True)) == {"reporter", "leader"}
    assert "3.2.1" in told[0].sentence


@pytest.mark.parametrize("name", ["reporter", "leader", "reviewer", "administrator", "auditor", "outsider"])
def test_nobody_else_does(done, cast, name):
    with refused(done, "not_yours"):
        row(done).strike_off(by=getattr(cast, name))
    with refused(done, "not_yours"):
        row(done).reopen(by=getattr(cast, name), comment="未完成")


def test_a_supervisor_of_another_subtree_does_not(done, bodies):
    with refused(done, "not_yours"):
        row(done).strike_off(by=person("elsewhere", bodies.other, Role.SUPERVISOR))


def test_one_s_own_body_s_is_not_one_s_to_strike_off(done, bodies):
    with refused(done, "not_yours"):
        row(done).strike_off(by=person("own", bodies.county, Role.SUPERVISOR))


def test_at_the_root_one_s_own_may_be(bodies, tasks, period, cast):
    Assignment.objects.assign(tasks[:1], [bodies.nation], by=cast.administrator)
    period.open()
    entry = Entry.objects.for_transition().get(assignment__organization=bodies.nation)
    entry.submit(by=person("at-root", bodies.nation, Role.REPORTER), version=1, **DONE)
    entry.accept(by=person("root-leader", bodies.nation, Role.LEADER), version=2)
    row(entry).strike_off(by=person("root-supervisor", bodies.nation, Role.SUPERVISOR))
    assert row(entry).struck_off_on


def test_what_is_not_completed_is_not_struck_off(owed, cast, content):
    entry = owed["3.2.1"]
    with refused(entry, "stale"):
        row(entry).strike_off(by=cast.supervisor)
    entry.submit(by=cast.reporter, version=1, **DONE)  # said, not accepted
    with refused(entry, "stale"):
        row(entry).strike_off(by=cast.supervisor)


def test_what_was_set_to_completed_by_hand_is_not(owed, cast):
    entry = owed["3.2.1"]
    row(entry).state_status("completed", "据报表", by=cast.administrator)
    with refused(entry, "stale"):
        row(entry).strike_off(by=cast.supervisor)


def test_nor_what_was_reopened_and_then_set_to_completed_by_hand(done, cast):
    row(done).reopen(by=cast.supervisor, comment="未完成")
    row(done).state_status("completed", "据报表", by=cast.administrator)
    with refused(done, "stale"):
        row(done).strike_off(by=cast.supervisor)


def test_a_second_time_is_refused_and_says_since_when(struck, cast):
    with refused(struck, "stale"):
        row(struck).strike_off(by=cast.supervisor)


@pytest.mark.parametrize("comment", ["好\x00的", "好" * 20_001])
def test_a_comment_that_cannot_be_kept_is_refused(done, cast, comment):
    with pytest.raises(ValidationError):
        row(done).strike_off(by=cast.supervisor, comment=comment)
    assert row(done).struck_off_on is None


def next_period(plan):
    today = timezone.localdate()
    days = {"opens": today, "due": today + dt.timedelta(90), "locks": today + dt.timedelta(98)}
    period = Period.objects.create(plan=plan, code="2027Q1", **days)
    period.open()
    return period


def test_what_it_still_owes_in_an_open_period_is_excused(done, cast, plan):
    """Completed after the next period had opened: that entry is owed to nobody once it is struck off."""
    later = next_period(plan)
    Entry.objects.create(assignment=done.assignment, period=later)
    later_tallies()
    row(done).strike_off(by=cast.supervisor)
    entry = Entry.objects.get(assignment=done.assignment, period=later)
    assert entry.state == "excused"
    assert fresh(done).state == "accepted"


def later_tallies():
    from tracker.models import EntryTally

    for period in Period.objects.exclude(opened_at=None):
        EntryTally.recount(period)


def test_struck_off_owes_nothing_in_the_next_period_and_reopened_it_owes_again(struck, cast, plan):
    row(struck).reopen(by=cast.supervisor, comment="复查发现两个站点未启用")
    assert not Entry.objects.filter(assignment=struck.assignment).exclude(pk=struck.pk).exists()
    assert Entry.objects.filter(assignment=struck.assignment, period=next_period(plan)).get().state == "due"


def test_completed_it_owes_nothing(struck, plan):
    assert not Entry.objects.filter(assignment=struck.assignment, period=next_period(plan)).exists()


def test_reopening_takes_the_date_off_lights_anew_and_tells_the_body(struck, cast):
    row(struck).reopen(by=cast.supervisor, comment="复查发现两个站点未启用")
    again = row(struck)
    assert (again.status, again.struck_off_on, again.percent) == ("in_progress", None, None)
    assert (again.light, again.light_reason) == ("green", "on_track")
    event = Event.objects.get(action="resumed")
    assert (event.by, event.comment) == (cast.supervisor, "复查发现两个站点未启用")
    notice = Notice.objects.get(kind="resumed", person=cast.reporter)
    assert "复查发现两个站点未启用" in notice.sentence
    assert notice.url == again.get_absolute_url()


def test_what_is_completed_but_not_struck_off_is_reopened_too(done, cast):
    row(done).reopen(by=cast.supervisor, comment="未完成")
    assert row(done).status == "in_progress"
    with refused(done, "stale"):
        row(done).strike_off(by=cast.supervisor)  # the entry that was accepted does not count any more
    with refused(done, "stale"):
        row(done).reopen(by=cast.supervisor, comment="再来")


def test_reopening_wants_a_reason(done, cast):
    with pytest.raises(ValidationError):
        row(done).reopen(by=cast.supervisor, comment="  ")
    assert row(done).status == "completed"


def test_reopened_it_stays_so_until_the_next_accepted_entry(struck, cast, plan):
    row(struck).reopen(by=cast.supervisor, comment="未完成")
    later = next_period(plan)
    entry = Entry.objects.for_transition().get(assignment=struck.assignment, period=later)
    fresh(struck).reopen(by=cast.reviewer, version=struck.version, comment="口径")
    assert row(struck).status == "in_progress"
    entry.submit(by=cast.reporter, version=1, **DONE)
    entry.accept(by=cast.reviewer, version=2)
    assert row(struck).status == "completed"
    row(struck).strike_off(by=cast.supervisor)


def test_what_is_struck_off_stays_completed_until_it_is_reopened(struck, cast):
    with refused(struck, "struck_off"):
        fresh(struck).reopen(by=cast.reviewer, version=struck.version, comment="口径有误")
    with refused(struck, "struck_off"):
        fresh(struck).undo(by=cast.reviewer, version=struck.version)
    with refused(struck, "struck_off"):
        row(struck).state_status("in_progress", "改", by=cast.administrator)


def test_the_owner_s_task_follows(bodies, tasks, period, cast):
    Assignment.objects.assign(tasks[:1], [bodies.county], by=cast.administrator)
    tasks[0].name_owner(bodies.county, by=cast.administrator)
    period.open()
    entry = Entry.objects.for_transition().get(assignment__organization=bodies.county)
    entry.submit(by=cast.reporter, version=1, **DONE)
    entry.accept(by=cast.reviewer, version=2)
    assert Task.objects.get(pk=tasks[0].pk).status == "completed"
    row(entry).reopen(by=cast.supervisor, comment="未完成")
    assert Task.objects.get(pk=tasks[0].pk).status == "in_progress"


# Many at once.


def finish(bodies, tasks, cast, first, count):
    """Counties that have completed 3.2.1."""
    for number in range(first, first + count):
        place(f"9{number:04}", f"示例{number}县总工会", "county", bodies.city)
    Assignment.objects.assign(tasks[:1], Organization.objects.filter(code__startswith="9"), by=None, owe_now=True)
    for entry in Entry.objects.for_transition().filter(assignment__organization__code__startswith="9", state="due"):
        with transaction.atomic():
            told = person(f"r{entry.pk}", entry.assignment.organization, Role.REPORTER)
            entry.submit(by=told, version=1, **DONE)
            entry.accept(by=cast.reviewer, version=2)


def test_many_at_once_cost_as_many_statements_as_few(bodies, tasks, period, cast):
    period.open()
    assert cast.supervisor.organization
    counts = []
    for first, many in ((0, 3), (3, 12)):
        finish(bodies, tasks, cast, first, many)
        with CaptureQueriesContext(connection) as asked:
            assert Assignment.objects.all().strike_off(by=cast.supervisor, comment="批量") == many
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert Event.objects.filter(action="struck_off").count() == 15
    assert Notice.objects.filter(kind="struck_off").count() == 15


@pytest.mark.django_db(transaction=True)
def test_two_at_once_strike_it_off_once(done, cast, bodies):
    second, start, outcomes = person("second", bodies.city, Role.SUPERVISOR), threading.Barrier(2), []

    def press(pk):
        try:
            start.wait(10)
            outcomes.append(Assignment.objects.all().strike_off(by=User.objects.get(pk=pk)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(user.pk,)) for user in (cast.supervisor, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [0, 1]
    assert Event.objects.filter(action="struck_off").count() == 1


# Pages.


def test_the_ledger_says_when(struck, sign_in):
    answer = sign_in("supervisor").get("/reports/18/ledger.csv")
    table = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    dates = {line["编号"]: line["销号时间"] for line in table if line["组织"] == "甲县总工会"}
    assert dates["3.2.1"] == timezone.localdate().isoformat()
    assert dates["3.2.2"] == ""


def test_the_list_shows_what_waits_and_strikes_off_what_is_ticked(done, sign_in):
    client = sign_in("supervisor")
    assert "/strike-off/" in client.get("/").content.decode()
    page = client.get("/strike-off/")
    assert f'value="{done.assignment_id}"' in page.content.decode()
    answer = client.post("/strike-off/", {"assignment": done.assignment_id, "comment": "已核验"})
    assert answer.status_code == 302
    assert row(done).struck_off_on
    assert f'value="{done.assignment_id}"' not in client.get("/strike-off/").content.decode()
    assert "/strike-off/" not in client.get("/").content.decode()


def test_nothing_ticked_or_a_wrong_comment_gets_a_sentence_and_keeps_what_was_typed(done, sign_in):
    client = sign_in("supervisor")
    answer = client.post("/strike-off/", {"comment": "已核验"})
    assert answer.status_code == 422
    assert "已核验" in answer.content.decode()
    answer = client.post("/strike-off/", {"assignment": done.assignment_id, "comment": "x" * 20_001})
    assert answer.status_code == 422
    assert f'value="{done.assignment_id}" checked' in answer.content.decode()
    assert row(done).struck_off_on is None


@pytest.mark.parametrize("key", ["0", "-1", "x", "1\0", "9" * 30])
def test_a_guessed_key_strikes_nothing_off(done, sign_in, key):
    answer = sign_in("supervisor").post("/strike-off/", {"assignment": key})
    assert answer.status_code in (302, 422)
    assert row(done).struck_off_on is None


def test_what_lies_elsewhere_is_neither_listed_nor_struck_off(done, client, bodies):
    client.force_login(person("elsewhere", bodies.other, Role.SUPERVISOR))
    assert f'value="{done.assignment_id}"' not in client.get("/strike-off/").content.decode()
    client.post("/strike-off/", {"assignment": done.assignment_id})
    assert row(done).struck_off_on is None


def test_the_list_narrows_by_body_and_words(done, sign_in, bodies):
    client = sign_in("supervisor")
    narrowed = {"?under=11": 1, "?words=3.2.1": 1, "?words=3.2.3": 0, "?under=zz": 0, "?words=%00": 0}
    for query, found in narrowed.items():
        assert client.get("/strike-off/" + query).context["found"] == found, query


def test_the_list_asks_as_many_queries_of_many(bodies, tasks, period, cast, sign_in):
    period.open()
    client, counts = sign_in("supervisor"), []
    for first, many in ((0, 2), (2, 20)):
        finish(bodies, tasks, cast, first, many)
        client.get("/strike-off/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/strike-off/").context["found"] == first + many
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_page_of_an_assignment_strikes_off_and_reopens(done, sign_in):
    client, url = sign_in("supervisor"), row(done).get_absolute_url()
    assert client.post(url, {"action": "strike_off", "comment": ""}).status_code == 302
    assert row(done).struck_off_on
    answer = client.post(url, {"action": "reopen", "comment": ""})
    assert answer.status_code == 422
    assert row(done).struck_off_on
    assert client.post(url, {"action": "reopen", "comment": "未完成"}).status_code == 302
    assert row(done).status == "in_progress"
    page = client.get(url).content.decode()
    for words in ("销号", "重新打开", "未完成", "督办人甲"):
        assert words in page


@pytest.mark.parametrize("action", ["strike_off", "reopen", "odd", ""])
def test_the_page_refuses_others(done, sign_in, action):
    url = row(done).get_absolute_url()
    for name, status in (("reporter", 403), ("reviewer", 403), ("outsider", 403), ("administrator", 403)):
        assert sign_in(name).post(url, {"action": action, "comment": "x"}).status_code == status
    assert sign_in("outsider").get(url).status_code == 404
    assert row(done).struck_off_on is None


def test_where_it_is_struck_off_it_says_so(struck, sign_in):
    client = sign_in("supervisor")
    for page in ("/plans/18/tasks/3.2.1/", "/organizations/111/", row(struck).get_absolute_url()):
        assert "已销号" in client.get(page).content.decode(), page
