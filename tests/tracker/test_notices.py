"""The inbox: what one is told, in one's own words and language; and the digest by mail, once a day."""

import datetime as dt
import socket
import threading

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person, place
from tracker.models import Cascade, Digest, Erasure, Handing, Notice, Nudge, Organization, Period, Role, User


@pytest.fixture
def returned(owed, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    entry.return_(by=cast.reviewer, version=2, comment="请补充数量")
    return entry


def test_a_return_tells_the_bodys_reporters_and_nobody_else(returned, cast):
    notice = Notice.objects.get()
    assert (notice.person, notice.kind) == (cast.reporter, "returned")
    assert "请补充数量" in notice.sentence
    assert notice.url == returned.get_absolute_url()


def test_reopening_tells_them_too(owed, cast, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    entry.accept(by=cast.reviewer, version=2)
    assert not Notice.objects.exists()
    entry.reopen(by=cast.reviewer, version=3, comment="口径有误")
    assert Notice.objects.get().kind == "reopened"


def test_who_left_or_did_it_themselves_is_not_told(bodies, cast):
    person("gone", bodies.county, Role.REPORTER, is_active=False)
    assert Notice.tell(bodies.county, ["reporter", "leader"], "returned", url="/", by=cast.leader) == 1
    assert Notice.objects.get().person == cast.reporter


def test_the_counter_stands_on_every_page_and_reading_takes_it_off(returned, sign_in):
    client = sign_in("reporter")
    assert client.get("/plans/18/").context["unread"] == 1
    client.get("/notices/")
    assert Notice.objects.unread().count() == 1  # a GET reads nothing
    answer = client.post(f"/notices/{Notice.objects.get().pk}/")
    assert answer.url == returned.get_absolute_url()
    assert client.get("/").context["unread"] == 0


def test_all_at_once(returned, cast, bodies, sign_in):
    for _time in range(3):
        Notice.tell(bodies.county, ["reporter"], "returned", url="/")
    client = sign_in("reporter")
    client.post("/notices/read/")
    assert not Notice.objects.unread().exists()


def test_somebody_elses_notice_is_not_found(returned, sign_in):
    pk = Notice.objects.get().pk
    assert sign_in("leader").post(f"/notices/{pk}/").status_code == 404
    assert sign_in("reporter").post(f"/notices/{10**30}/").status_code == 404
    assert Notice.objects.unread().count() == 1


def test_a_notice_never_leads_away(bodies, cast, sign_in):
    Notice.tell(bodies.county, ["reporter"], "returned", url="https://example.org/")
    answer = sign_in("reporter").post(f"/notices/{Notice.objects.get().pk}/")
    assert answer.url == "/notices/"


def test_every_kind_has_its_sentence():
    for kind in Notice.Kind:
        notice = Notice(
            kind=kind, words={"who": "示例总工会", "what": "3.2.1", "why": "原因", "n": 3, "day": "2026-11-30"}
        )
        assert "示例总工会" in notice.sentence


def test_the_inbox_asks_as_many_queries_for_many_as_for_one(returned, bodies, sign_in):
    client = sign_in("reporter")

    def asked():
        client.get("/notices/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/notices/")
        return len(queries)

    few = asked()
    for _time in range(40):
        Notice.tell(bodies.county, ["reporter"], "returned", url="/")
    assert asked() == few


# The digest.


@pytest.fixture
def mailed(settings, cast):
    settings.MAIL, settings.SITE_URL = True, "https://luoshi.example.org"
    User.objects.filter(username__in=["reporter", "reviewer", "supervisor"]).update(email="someone@example.org")
    return settings


TODAY = timezone.localdate


def test_one_mail_a_day_with_what_is_to_be_done(returned, mailed, cast, period):
    Period.objects.update(due=TODAY() + dt.timedelta(2))
    Nudge.objects.urge(Period.objects.get(), Organization.objects.all(), by=cast.supervisor)
    assert Digest.send_all(TODAY()) == (1, 0)
    (letter,) = mail.outbox
    assert letter.to == ["someone@example.org"]
    for words in ("已退回，待更正：1", "三日内截止，尚未填报：4", "未读催办：1", "https://luoshi.example.org/"):
        assert words in letter.body
    assert Digest.send_all(TODAY()) == (0, 0)
    assert Digest.send_all(TODAY() + dt.timedelta(1)) == (1, 0)
    assert len(mail.outbox) == 2


def test_a_reviewer_is_told_what_waits_and_who_has_nothing_to_do_gets_no_mail(owed, mailed, cast, content):
    Period.objects.update(due=TODAY() + dt.timedelta(9))
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    assert Digest.send_all(TODAY()) == (1, 0)
    assert "待您审核：1" in mail.outbox[0].body
    assert Digest.objects.get().person == cast.reviewer


def test_after_the_due_date_it_says_overdue(owed, mailed, cast):
    Period.objects.update(opens=TODAY() - dt.timedelta(9), due=TODAY() - dt.timedelta(1))
    Digest.send_all(TODAY())
    assert "已过截止日，尚未填报：4" in mail.outbox[0].body


def test_a_mail_server_that_refuses_is_tried_again_shown_and_stops_nothing(returned, mailed, sign_in):
    """A real server on a real port, that hangs up."""
    server = socket.create_server(("127.0.0.1", 0))

    def hang_up():
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return

    threading.Thread(target=hang_up, daemon=True).start()
    mailed.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    mailed.EMAIL_HOST, mailed.EMAIL_PORT = server.getsockname()
    for tried in (1, 2):
        assert Digest.send_all(TODAY()) == (0, 1)
        digest = Digest.objects.get()
        assert (digest.sent_at, digest.tries) == (None, tried)
        assert digest.error
    page = sign_in("administrator").get("/admin/tracker/digest/").content.decode()
    assert digest.error[:20] in page
    server.close()
    mailed.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert Digest.send_all(TODAY()) == (1, 0)
    digest.refresh_from_db()
    assert digest.sent_at
    assert digest.error == ""


def test_without_a_mail_server_nothing_is_sent(returned, mailed):
    mailed.MAIL = False
    assert Digest.send_all(TODAY()) == (0, 0)
    assert not Digest.objects.exists()


def test_the_night_sends_and_twice_sends_once(returned, mailed):
    Period.objects.update(due=TODAY() + dt.timedelta(2))
    call_command("nightly")
    call_command("nightly")
    assert len(mail.outbox) == 1


def test_the_numbers_cost_the_same_for_many_bodies(returned, mailed, cast, bodies):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            Digest.due_on(TODAY())
        return len(queries)

    few = asked()
    for number in range(30):
        person(f"more-{number}", bodies.county, Role.REPORTER, email="x@example.org")
    assert asked() == few
    assert len(Digest.due_on(TODAY())) == 31


# Handing down, sending back, erasing.


def hand(tasks, bodies, giver, by, **terms):
    return Cascade(tasks, bodies, giver=giver, **terms).carry_out(by=by)


def test_handing_down_tells_each_body_once_how_many_tasks(bodies, tasks, cast):
    person("sister-reporter", bodies.sister, Role.REPORTER)
    hand(tasks[:1], [bodies.sister], bodies.city, cast.administrator)
    Notice.objects.all().delete()
    hand(tasks, [bodies.county, bodies.sister], bodies.city, cast.administrator)
    told = {(row.person.username, row.words["n"]) for row in Notice.objects.select_related("person")}
    assert told == {("reporter", 4), ("leader", 4), ("sister-reporter", 3)}  # one of them the sister had already
    notice = Notice.objects.get(person=cast.reporter)
    assert notice.sentence == "示例一市总工会向贵单位下达举措 4 项，请及时签收。"
    assert notice.url == "/handings/"


def test_handed_down_once_more_nobody_is_told_again(bodies, tasks, cast):
    for _time in range(2):
        hand(tasks, [bodies.county], bodies.city, cast.administrator)
    assert Notice.objects.count() == 2


def test_who_handed_down_to_themselves_is_not_told(bodies, tasks, cast):
    cast.reporter.memberships.create(organization=bodies.city, role=Role.SUPERVISOR)
    hand(tasks, [bodies.county], bodies.city, cast.reporter)
    assert set(Notice.objects.values_list("person__username", flat=True)) == {"leader"}


def test_telling_of_a_hand_down_costs_the_same_for_many_bodies(bodies, tasks, cast):
    def asked(first, count):
        for number in range(first, first + count):
            body = place(f"9{number:04}", f"示例{number}县总工会", "county", bodies.city)
            person(f"r{number}", body, Role.REPORTER)
        many = Organization.objects.filter(code__in=[f"9{number:04}" for number in range(first, first + count)])
        with CaptureQueriesContext(connection) as queries:
            hand(tasks, many, bodies.city, cast.administrator)
        return len(queries)

    assert cast.administrator.organization  # read once
    assert asked(0, 2) == asked(2, 30)
    assert Notice.objects.count() == 32


def test_sending_back_tells_the_giver_s_supervisors_and_administrators_why(bodies, tasks, cast):
    person("city-supervisor", bodies.city, Role.SUPERVISOR)
    person("city-admin", bodies.city, Role.ADMINISTRATOR)
    hand(tasks, [bodies.county], bodies.city, cast.administrator)
    Notice.objects.all().delete()
    Handing.objects.filter(assignment__task__in=tasks[:2]).send_back(by=cast.leader, comment="非本县职责")
    told = list(Notice.objects.filter(kind="sent_back").select_related("person"))
    assert {notice.person.username for notice in told} == {"city-supervisor", "city-admin"}
    assert told[0].sentence == "甲县总工会退回下达的举措 2 项（3.2.1、3.2.2）：非本县职责"
    assert told[0].url == "/plans/18/given/"


def test_an_erasure_asked_for_tells_the_nearest_who_may_agree_and_done_the_body(owed, cast, bodies, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    city = person("city-supervisor", bodies.city, Role.SUPERVISOR)
    asked = Erasure.objects.ask(entry, by=cast.reviewer, reason="误录入", texts=["progress"])
    notice = Notice.objects.get(kind="erasure_asked")
    assert (notice.person, notice.url) == (city, "/erasures/")  # not the province's, who would be next
    assert "误录入" in notice.sentence
    asked.agree(by=city)
    told = Notice.objects.filter(kind="erased")
    assert set(told.values_list("person__username", flat=True)) == {"reporter", "leader"}
    assert "误录入" in told[0].sentence
    assert content["progress"] not in str(list(Notice.objects.values()))


def test_who_asked_is_not_the_second_person_so_the_next_above_is_told(owed, cast, bodies, content):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    city = person("city-supervisor", bodies.city, Role.SUPERVISOR)
    Erasure.objects.ask(entry, by=city, reason="误录入", texts=["progress"])
    assert Notice.objects.get(kind="erasure_asked").person == cast.supervisor
