"""Urging: once a day to one body for one period, counted first; read and answered."""

import datetime as dt
import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tracker.models import Assignment, Notice, Nudge, Organization, Period, Role, TransitionRefused, User

EVERYBODY = Organization.objects.all


@pytest.fixture
def urged(owed, period, cast):
    Nudge.objects.urge(period, EVERYBODY(), by=cast.supervisor)
    return Nudge.objects.get(organization__code="111")


def test_every_body_with_something_missing_is_urged_once_and_its_people_are_told(owed, period, cast, bodies):
    foreseen = Nudge.objects.foresee(period, EVERYBODY(), cast.supervisor)
    assert foreseen == (2, 0, 5)
    assert Nudge.objects.urge(period, EVERYBODY(), by=cast.supervisor) == foreseen
    assert dict(Nudge.objects.values_list("organization__code", "missing")) == {"111": 4, "112": 1}
    assert set(Notice.objects.values_list("person__username", "kind")) == {("reporter", "urged"), ("leader", "urged")}
    assert Notice.objects.filter(person=cast.reporter).get().words["n"] == 4


def test_who_has_handed_in_everything_is_not_urged(owed, period, cast, content):
    for entry in owed.values():
        said = content if entry.assignment.task.takes_texts else {"status": "in_progress"}
        entry.submit(by=cast.reporter, version=1, **said)
    Nudge.objects.urge(period, EVERYBODY(), by=cast.supervisor)
    assert list(Nudge.objects.values_list("organization__code", flat=True)) == ["112"]


def test_a_second_time_the_same_day_only_with_a_reason(urged, period, cast):
    assert Nudge.objects.foresee(period, EVERYBODY(), cast.supervisor) == (0, 2, 5)
    assert Nudge.objects.urge(period, EVERYBODY(), by=cast.supervisor) == (0, 2, 5)
    assert Nudge.objects.count() == 2
    assert Nudge.objects.urge(period, EVERYBODY(), by=cast.supervisor, reason="明日截止") == (2, 0, 5)
    assert Nudge.objects.filter(reason="明日截止").count() == 2
    Nudge.objects.update(day=timezone.localdate() - dt.timedelta(1))
    assert Nudge.objects.urge(period, EVERYBODY(), by=cast.supervisor).bodies == 2


def test_nobody_urges_beyond_their_scope_or_themselves(owed, period, cast, bodies):
    outside = person("elsewhere", bodies.other, Role.SUPERVISOR)
    assert Nudge.objects.urge(period, EVERYBODY(), by=outside).bodies == 0
    own = person("own", bodies.county, Role.SUPERVISOR)
    assert Nudge.objects.urge(period, EVERYBODY(), by=own).bodies == 0
    assert Nudge.objects.urge(period, EVERYBODY(), by=cast.reviewer).bodies == 2  # the city reviews both


@pytest.mark.parametrize("name", ["reporter", "leader", "auditor", "administrator"])
def test_who_neither_reviews_nor_supervises_cannot_urge(owed, period, cast, name):
    with pytest.raises(TransitionRefused):
        Nudge.objects.urge(period, EVERYBODY(), by=getattr(cast, name))
    assert not Nudge.objects.exists()


def test_a_locked_period_urges_nobody(owed, period, cast):
    Period.objects.update(due=timezone.localdate() - dt.timedelta(9), locks=timezone.localdate() - dt.timedelta(1))
    with pytest.raises(TransitionRefused) as refusal:
        Nudge.objects.urge(Period.objects.get(), EVERYBODY(), by=cast.supervisor)
    assert refusal.value.code == "locked"


def test_urging_a_thousand_costs_as_many_statements_as_urging_ten(bodies, tasks, period, cast):
    assert cast.supervisor.organization  # read once

    def grow(first, count):
        for number in range(first, first + count):
            place(f"9{number:04}", f"示例{number}县总工会", "county", bodies.city)
        Assignment.objects.assign(tasks[:1], EVERYBODY(), by=None, owe_now=True)
        period.open()
        with CaptureQueriesContext(connection) as asked:
            Nudge.objects.urge(Period.objects.get(), EVERYBODY(), by=cast.supervisor, reason="请抓紧")
        return len(asked)

    assert grow(0, 10) == grow(10, 60)


@pytest.mark.django_db(transaction=True)
def test_two_pressing_at_once_urge_each_body_once(owed, period, cast, bodies):
    second = person("second", bodies.city, Role.SUPERVISOR)
    start = threading.Barrier(2)

    def press(pk):
        try:
            start.wait(10)
            Nudge.objects.urge(Period.objects.get(), EVERYBODY(), by=User.objects.get(pk=pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(user.pk,)) for user in (cast.supervisor, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(Nudge.objects.values_list("organization__code", flat=True)) == ["111", "112"]


def test_it_stands_on_the_first_page_until_read_and_reading_is_a_post(urged, sign_in):
    client = sign_in("reporter")
    for _time in range(2):
        assert f"#nudge-{urged.pk}" in client.get("/").content.decode()
        client.get("/nudges/")
    client.post(f"/nudges/{urged.pk}/", {"action": "read"})
    assert f"#nudge-{urged.pk}" not in client.get("/").content.decode()
    urged.refresh_from_db()
    assert urged.read_by.username == "reporter"


def test_the_answer_reaches_who_urged(urged, sign_in, cast):
    sign_in("reporter").post(f"/nudges/{urged.pk}/", {"action": "answer", "answer": "今日下班前报齐"})
    urged.refresh_from_db()
    assert (urged.answer, urged.answered_by) == ("今日下班前报齐", cast.reporter)
    assert urged.read_at
    assert Notice.objects.get(person=cast.supervisor).kind == "nudge_answered"
    page = sign_in("supervisor").get("/nudges/").content.decode()
    assert "今日下班前报齐" in page
    with pytest.raises(TransitionRefused):
        urged.reply("再答", by=cast.leader)


@pytest.mark.parametrize("text", ["", "  ", "好\x00的", "好" * 20_001])
def test_a_wrong_answer_gets_a_sentence_and_is_kept(urged, sign_in, text):
    page = sign_in("reporter").post(f"/nudges/{urged.pk}/", {"action": "answer", "answer": text})
    assert page.status_code == 422
    assert 'class="fault"' in page.content.decode()
    urged.refresh_from_db()
    assert urged.answered_at is None


def test_only_the_urged_body_answers(urged, sign_in):
    for name, status in (("reviewer", 403), ("supervisor", 403), ("outsider", 404)):
        assert sign_in(name).post(f"/nudges/{urged.pk}/", {"action": "read"}).status_code == status
    for key in (0, 10**30):
        assert sign_in("reporter").post(f"/nudges/{key}/", {"action": "read"}).status_code == 404
    urged.refresh_from_db()
    assert urged.read_at is None


def test_the_sender_sees_whom_to_telephone(urged, sign_in):
    page = sign_in("supervisor").get("/nudges/").content.decode()
    assert "tel:0000-0001" in page


def test_a_returned_entry_is_still_to_be_urged(owed, period, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    entry.return_(by=cast.reviewer, version=2, comment="补充")
    missing = Nudge.objects.missing(period, EVERYBODY(), cast.supervisor)
    assert missing[entry.assignment.organization_id] == 4
