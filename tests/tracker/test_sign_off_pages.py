"""The leader's page of a period's whole set, and the sheet of it on paper."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.conftest import person
from tests.tracker.filing import upload
from tests.tracker.office import said
from tests.tracker.refusals import fresh, recounted_tallies, review, standing_tallies
from tracker.models import Assignment, Entry, Event, Evidence, Heading, Role, Task

PAGE, PRINTED = "/sign-off/18/2026Q4/", "/sign-off/18/2026Q4/print/"


@pytest.fixture
def handed_in(plan, owed, cast, content):
    """Three of the county's four wait for its own leader, under a plan that has two steps."""
    review(plan, "own_then_above")
    for code in ("3.2.1", "3.2.2", "3.2.3"):
        fresh(owed[code]).submit(by=cast.reporter, version=1, **content | {"progress": f"{code} 的进展"})
    return {code: fresh(entry) for code, entry in owed.items()}


def sent(entries, **more):
    """What the page sends: the version of each that waits."""
    waiting = [entry for entry in entries.values() if entry.state == "submitted"]
    return {f"e{entry.pk}-version": entry.version for entry in waiting} | more


def steps(entries):
    return {code: (fresh(entry).state, fresh(entry).review_step) for code, entry in entries.items()}


SIGNED, WAITS, DUE = ("submitted", 1), ("submitted", 0), ("due", 0)


def text_of(answer, status=200):
    assert answer.status_code == status
    return answer.content.decode()


def test_the_leader_sees_the_whole_set(sign_in, handed_in, cast):
    text = text_of(sign_in("leader").get(PAGE))
    page = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", text))
    assert "3 / 4 项已填报" in page
    assert "待您审签 3" in page
    assert "尚未交齐：1 项" in page
    for code in ("3.2.1", "3.2.2", "3.2.3"):
        assert f"{code} 的进展" in page
    assert text.count('name="chosen"') == 3
    assert "四号举措" in page  # what is missing is listed too


def test_files_and_last_period_stand_beside(sign_in, plan, owed, cast, content, period):
    review(plan, "own_then_above")
    Evidence.objects.attach(owed["3.2.1"], upload(), by=cast.reporter)
    fresh(owed["3.2.1"]).submit(by=cast.reporter, version=1, **content)
    earlier = type(period).objects.create(
        plan=plan, code="2026Q3", **dict.fromkeys(("opens", "due", "locks"), period.opens - timezone.timedelta(9))
    )
    now = timezone.now()
    Entry.objects.create(
        assignment=owed["3.2.1"].assignment, period=earlier, state="accepted", status="blocked",
        first_submitted_at=now, submitted_at=now,
    )  # fmt: skip
    page = re.sub(r"\s+", " ", text_of(sign_in("leader").get(PAGE)))
    assert "佐证材料 1 份" in page
    assert "上期：需协调解决" in page


def test_all_are_signed_in_one_action_with_one_opinion(sign_in, handed_in, cast):
    answer = sign_in("leader").post(PAGE, sent(handed_in, do="sign_all", comment="同意上报"), follow=True)
    assert said(answer) == ["已审签 3 项。"]
    assert steps(handed_in) == {"3.2.1": SIGNED, "3.2.2": SIGNED, "3.2.3": SIGNED, "3.2.4": DUE}
    signed = Event.objects.filter(action="signed_off")
    assert set(signed.values_list("by", "comment")) == {(cast.leader.pk, "同意上报")}
    assert signed.count() == 3
    assert standing_tallies() == recounted_tallies()


def test_the_chosen_are_signed_and_the_others_wait(sign_in, handed_in):
    sign_in("leader").post(PAGE, sent(handed_in, do="sign", chosen=[handed_in["3.2.2"].pk]))
    assert steps(handed_in) == {"3.2.1": WAITS, "3.2.2": SIGNED, "3.2.3": WAITS, "3.2.4": DUE}


def test_each_refusal_is_named_and_the_others_go(sign_in, handed_in, cast, content):
    seen = sent(handed_in, do="sign_all")
    handed_in["3.2.1"].withdraw(by=cast.reporter, version=2)
    fresh(handed_in["3.2.2"]).withdraw(by=cast.reporter, version=2)
    fresh(handed_in["3.2.2"]).submit(by=cast.reporter, version=3, **content)
    answer = sign_in("leader").post(PAGE, seen, follow=True)
    first, *refusals = said(answer)
    assert first == "已审签 1 项。"
    assert sorted(refusal.split("：")[0] for refusal in refusals) == ["3.2.1", "3.2.2"]
    states = {"3.2.1": ("draft", 0), "3.2.2": WAITS, "3.2.3": SIGNED, "3.2.4": DUE}
    assert steps(handed_in) == states
    assert standing_tallies() == recounted_tallies()


def test_what_came_after_the_page_was_opened_is_not_signed_unseen(sign_in, handed_in):
    seen = sent({"3.2.1": handed_in["3.2.1"]}, do="sign_all")
    sign_in("leader").post(PAGE, seen)
    assert steps(handed_in)["3.2.2"] == WAITS


def test_nothing_chosen_is_said_and_what_was_typed_stays(sign_in, handed_in):
    typed = {f"e{handed_in['3.2.1'].pk}-comment": "还没写完的理由", "comment": "写好的意见"}
    page = text_of(sign_in("leader").post(PAGE, sent(handed_in, do="sign", **typed)), 422)
    assert "请先勾选" in page
    assert "还没写完的理由" in page
    assert "写好的意见" in page


@pytest.mark.parametrize("bad", ["意见\x00", "字" * 20_001])
def test_an_opinion_that_cannot_be_kept_is_refused_and_nothing_signed(sign_in, handed_in, bad):
    answer = sign_in("leader").post(PAGE, sent(handed_in, do="sign_all", comment=bad))
    assert answer.status_code == 422
    assert set(steps(handed_in).values()) == {WAITS, DUE}


def test_one_is_returned_with_its_reason(sign_in, handed_in, cast):
    one = handed_in["3.2.2"]
    reason = {f"e{one.pk}-comment": "请补充数据"}
    answer = sign_in("leader").post(PAGE, sent(handed_in, do=f"return-{one.pk}", **reason), follow=True)
    assert "3.2.2" in said(answer)[0]
    assert (fresh(one).state, fresh(one).comment, fresh(one).decided_by) == ("returned", "请补充数据", cast.leader)
    assert steps(handed_in)["3.2.1"] == WAITS


def test_without_a_reason_it_is_not_returned_and_the_rest_stays(sign_in, handed_in):
    one = handed_in["3.2.2"]
    typed = {"comment": "写好的意见", "chosen": [handed_in["3.2.3"].pk]}
    page = text_of(sign_in("leader").post(PAGE, sent(handed_in, do=f"return-{one.pk}", **typed)), 422)
    assert "请填写" in page
    assert "写好的意见" in page
    assert page.count(" checked") == 1
    assert steps(handed_in)["3.2.2"] == WAITS


def test_returning_what_somebody_was_faster_with_says_so(sign_in, handed_in, cast):
    one = handed_in["3.2.2"]
    data = sent(handed_in, do=f"return-{one.pk}", **{f"e{one.pk}-comment": "请补充"})
    fresh(one).withdraw(by=cast.reporter, version=2)
    page = text_of(sign_in("leader").post(PAGE, data), 409)
    assert "3.2.2：" in page
    assert fresh(one).state == "draft"


@pytest.mark.parametrize("key", ["", "0", "-1", "x", str(2**63), "9" * 400, "１"])
def test_guessed_keys_change_nothing(sign_in, handed_in, owed, bodies, key):
    client, before = sign_in("leader"), list(Entry.objects.order_by("pk").values())
    assert client.post(PAGE, {"do": f"return-{key}", f"e{key}-comment": "x"}).status_code == 404
    assert client.post(PAGE, {"do": "sign", "chosen": [key], f"e{key}-version": "2"}).status_code == 422
    assert client.post(PAGE, {"do": key}).status_code == 422
    assert list(Entry.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("version", ["", "x", "-1", str(10**30), "1\0"])
def test_a_version_that_cannot_be_signs_nothing(sign_in, handed_in, version):
    key = handed_in["3.2.1"].pk
    sent_ = {"do": "sign", "chosen": [key], f"e{key}-version": version}
    assert sign_in("leader").post(PAGE, sent_).status_code == 422
    assert steps(handed_in)["3.2.1"] == WAITS


def test_another_body_s_entry_is_not_signed_from_here(sign_in, handed_in, bodies, content):
    other = Entry.objects.for_transition().get(assignment__organization=bodies.sister)
    other.submit(by=person("sr", bodies.sister, Role.REPORTER), version=1, **content)
    client = sign_in("leader")
    assert client.post(PAGE, {"do": "sign", "chosen": [other.pk], f"e{other.pk}-version": "2"}).status_code == 422
    assert client.post(PAGE, {"do": f"return-{other.pk}", f"e{other.pk}-comment": "x"}).status_code == 404
    assert fresh(other).review_step == 0


def test_the_reporter_reads_and_prints_but_signs_nothing(sign_in, handed_in):
    client = sign_in("reporter")
    text = text_of(client.get(PAGE))
    assert "待领导审签" in text
    assert 'name="chosen"' not in text
    assert "sign_all" not in text
    assert client.post(PAGE, sent(handed_in, do="sign_all")).status_code == 403
    assert client.get(PRINTED).status_code == 200


def test_no_such_period_is_not_found(sign_in, handed_in):
    client = sign_in("leader")
    for address in ("/sign-off/18/2020Q1/", "/sign-off/x/2026Q4/", "/sign-off/18/%00/", "/sign-off/18/x/print/"):
        assert client.get(address).status_code == 404


def test_where_the_level_above_reviews_it_says_so_and_prints(sign_in, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    assert "不需要在系统中审签" in text_of(sign_in("leader").get(PAGE))


def test_the_leaders_home_page_leads_there(sign_in, handed_in, cast):
    text = text_of(sign_in("leader").get("/"))
    assert "待您审签 3 项" in text
    assert PAGE in text
    assert "待您审签" not in text_of(sign_in("reporter").get("/"))
    handed_in["3.2.1"].accept(by=cast.leader, version=2)
    assert "待您审签 2 项" in text_of(sign_in("leader").get("/"))


def test_signing_on_the_entry_s_own_page_says_what_it_was(sign_in, handed_in):
    entry = handed_in["3.2.1"]
    client = sign_in("leader")
    answer = client.post(reverse("entry", args=[entry.pk]), {"action": "accept", "version": 2}, follow=True)
    assert said(answer)[0].endswith("已审签。")
    assert "领导甲 于" in text_of(client.get(reverse("entry", args=[entry.pk])))


# On paper.


def test_the_sheet_has_every_owed_item_and_room_to_sign(sign_in, handed_in):
    text = text_of(sign_in("reporter").get(PRINTED))
    assert text.count("<tr><td") == 4
    assert "甲县总工会 2026 年第四季度进展情况审签表" in text
    assert "3.2.1 的进展" in text
    assert "领导签字" in text
    assert "审签人" not in text


def test_signed_whole_it_says_who_and_when_and_with_what_words(sign_in, handed_in, cast, owed):
    owed["3.2.4"].excuse(by=cast.supervisor, version=1, comment="不适用")
    sign_in("leader").post(PAGE, sent(handed_in, do="sign_all", comment="同意上报"))
    text = text_of(sign_in("reporter").get(PRINTED))
    assert text.count("<tr><td") == 3  # what is excused is not owed
    assert "领导甲" in text
    assert timezone.localtime(fresh(handed_in["3.2.1"]).signed_at).strftime("%Y-%m-%d %H:%M") in text
    assert text.count("同意上报") == 1
    assert "领导签字" not in text


def test_signed_in_part_it_says_how_much_and_keeps_room(sign_in, handed_in):
    sign_in("leader").post(PAGE, sent(handed_in, do="sign", chosen=[handed_in["3.2.1"].pk]))
    text = text_of(sign_in("leader").get(PRINTED))
    assert "已审签 1 / 4 项" in text
    assert "领导签字" in text
    assert "审签人" in text


def test_what_the_level_above_said_is_not_the_leaders_opinion(sign_in, handed_in, cast):
    handed_in["3.2.1"].accept(by=cast.leader, version=2, comment="本级意见")
    fresh(handed_in["3.2.1"]).accept(by=cast.reviewer, version=3, comment="上级意见")
    text = text_of(sign_in("leader").get(PRINTED))
    assert "本级意见" in text
    assert "上级意见" not in text


def test_a_hundred_rows_ask_no_more_than_three(sign_in, handed_in, bodies, plan):
    def asked():
        counts = []
        for who, address in (("leader", PAGE), ("leader", PRINTED), ("reporter", PAGE), ("leader", "/")):
            client = sign_in(who)
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
        return counts

    few = asked()
    heading = Heading.objects.get()
    places = {"plan": plan, "heading": heading, "start": plan.start, "due": plan.due}
    tasks = [
        Task.objects.create(code=f"3.2.{n}", position=40000 + n, wording=f"{n} 号", **places) for n in range(10, 60)
    ]
    Assignment.objects.assign(tasks, [bodies.county], by=None, owe_now=True)
    now = timezone.now()
    waiting = Entry.objects.filter(assignment__task__in=tasks)
    waiting.update(state="submitted", status="in_progress", progress="进展。", first_submitted_at=now, submitted_at=now)
    assert asked() == few
    assert max(few) <= 25, few
