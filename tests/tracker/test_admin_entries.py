"""Entries in the back office: read, excused, owed again, opened after the lock; never written over."""

import datetime as dt

import pytest
from django.utils import timezone

from tests.conftest import person
from tests.tracker.office import said, url
from tracker.models import Assignment, Entry, EntryTally, Event, Period, Role


@pytest.fixture
def office(client, cast, owed):
    client.force_login(cast.administrator)
    return client


def begin(client, action, entries):
    return client.post(
        url("entry", "changelist"), {"action": action, "_selected_action": [entry.pk for entry in entries]}
    )


def finish(client, page, **given):
    entries = page.context["entries"]
    data = {"action": page.context["action"], "_selected_action": [entry.pk for entry in entries]}
    return client.post(url("entry", "changelist"), data | {"seen": page.context["seen"]} | given, follow=True)


def states(owed):
    return [Entry.objects.get(pk=entry.pk).state for entry in owed.values()]


def test_choosing_asks_why_and_changes_nothing(office, owed):
    page = begin(office, "excuse", owed.values())
    assert page.status_code == 200
    assert set(page.context["entries"]) == set(owed.values())
    assert states(owed) == ["due"] * 4


def test_many_are_excused_with_one_reason_and_counted_once(office, owed, cast):
    page = begin(office, "excuse", owed.values())
    answer = finish(office, page, comment="本期机构改革")
    assert len(said(answer)) == 1
    assert "4" in said(answer)[0]
    assert states(owed) == ["excused"] * 4
    assert set(Event.objects.values_list("action", "comment", "by")) == {
        ("excused", "本期机构改革", cast.administrator.pk)
    }
    row = EntryTally.objects.get(line="territorial", set_aside=False)
    assert (row.excused, row.due) == (4, 1)


def test_excused_ones_are_owed_again(office, owed, cast):
    owed["3.2.1"].excuse(by=cast.administrator, version=1, comment="改革")
    finish(office, begin(office, "owe_again", [owed["3.2.1"]]), comment="改革暂缓")
    assert states(owed) == ["due"] * 4


def test_entries_are_opened_after_the_lock_until_a_day(office, owed, period):
    today = timezone.localdate()
    Period.objects.filter(pk=period.pk).update(
        opens=today - dt.timedelta(60), due=today - dt.timedelta(30), locks=today - dt.timedelta(20)
    )
    until = today + dt.timedelta(3)
    finish(office, begin(office, "let_in", [owed["3.2.1"]]), comment="系统故障", until=until.isoformat())
    entry = Entry.objects.get(pk=owed["3.2.1"].pk)
    assert (entry.open_until, entry.can_write) == (until, True)
    assert Event.objects.get().action == "let_in"


@pytest.mark.parametrize(
    ("action", "given", "field"),
    [
        ("excuse", {"comment": "  "}, "comment"),
        ("excuse", {}, "comment"),
        ("excuse", {"comment": "改\x00"}, "comment"),
        ("excuse", {"comment": "长" * 100_000}, "comment"),
        ("let_in", {"comment": "故障"}, "until"),
        ("let_in", {"comment": "故障", "until": "2020-01-01"}, "until"),
        ("let_in", {"comment": "故障", "until": "9999-12-31"}, "until"),
    ],
)
def test_without_a_reason_or_a_day_nothing_happens_and_the_page_says_so(office, owed, action, given, field):
    page = finish(office, begin(office, action, owed.values()), **given)
    assert list(page.context["form"].errors) == [field]
    assert page.context["seen"]
    assert states(owed) == ["due"] * 4
    assert not Event.objects.exists()


def test_each_refusal_is_said_and_the_others_go_through(office, owed, cast, content):
    """One was accepted meanwhile, one was saved by its reporter after the page was opened, one is excused already."""
    owed["3.2.4"].excuse(by=cast.administrator, version=1, comment="改革")
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    page = begin(office, "excuse", owed.values())
    Entry.objects.for_transition().get(pk=owed["3.2.1"].pk).accept(by=cast.reviewer, version=2)
    owed["3.2.2"].save_draft(by=cast.reporter, version=1, **content)
    answer = finish(office, page, comment="本期机构改革")
    assert states(owed) == ["accepted", "draft", "excused", "excused"]
    words = said(answer)
    assert "1" in words[0]
    assert any("3.2.1" in line for line in words)
    assert Event.objects.filter(comment="本期机构改革").count() == 1


def test_what_was_seen_is_what_is_decided_on(office, owed, cast, content):
    """Submitted after the page was opened: excusing it now would bury a report nobody has read."""
    page = begin(office, "excuse", [owed["3.2.1"]])
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    answer = finish(office, page, comment="本期机构改革")
    assert states(owed)[0] == "submitted"
    assert "3.2.1" in said(answer)[0]


def test_one_refused_alone_leaves_the_counts_as_they_were(office, owed, cast, content):
    owed["3.2.1"].submit(by=cast.reporter, version=1, **content)
    Entry.objects.for_transition().get(pk=owed["3.2.1"].pk).accept(by=cast.reviewer, version=2)
    before = list(EntryTally.objects.order_by("pk").values())
    finish(office, begin(office, "excuse", [owed["3.2.1"]]), comment="改革")
    assert list(EntryTally.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("seen", ["", "x", "1:1:1", "\x00", ":", "999999999999999999999:1", "1:x," * 9])
def test_spoilt_versions_change_nothing(office, owed, seen):
    data = {"action": "excuse", "_selected_action": owed["3.2.1"].pk, "seen": seen, "comment": "改革"}
    assert office.post(url("entry", "changelist"), data).status_code in (200, 302)
    assert states(owed) == ["due"] * 4


@pytest.mark.parametrize("key", ["x", "\x00", "9" * 30, "", "-1"])
def test_spoilt_choices_get_a_sentence(office, owed, key):
    answer = office.post(url("entry", "changelist"), {"action": "excuse", "_selected_action": key}, follow=True)
    assert answer.status_code == 200
    assert said(answer)


def test_what_lies_out_of_scope_is_not_touched(client, owed, bodies):
    client.force_login(person("other-admin", bodies.other, Role.ADMINISTRATOR))
    data = {"action": "excuse", "_selected_action": owed["3.2.1"].pk, "seen": f"{owed['3.2.1'].pk}:1", "comment": "x"}
    client.post(url("entry", "changelist"), data)
    assert states(owed) == ["due"] * 4


def test_what_lies_out_of_scope_is_not_even_named(client, owed, bodies, tasks, cast, period):
    Assignment.objects.assign(tasks[:1], [bodies.other], by=cast.administrator, owe_now=True)
    mine, foreign = Entry.objects.get(assignment__organization=bodies.other), owed["3.2.1"]
    client.force_login(person("other-admin", bodies.other, Role.ADMINISTRATOR))
    data = {"action": "excuse", "_selected_action": mine.pk, "seen": f"{mine.pk}:1,{foreign.pk}:1", "comment": "x"}
    answer = client.post(url("entry", "changelist"), data, follow=True)
    assert said(answer)
    assert "甲县" not in "".join(said(answer))
    assert states(owed) == ["due"] * 4


def test_more_than_a_transaction_should_take_is_refused(office, owed, monkeypatch):
    from tracker.admin import entries

    monkeypatch.setattr(entries, "AT_ONCE", 3)
    answer = begin(office, "excuse", owed.values())
    assert answer.status_code == 302
    assert states(owed) == ["due"] * 4


def test_an_entry_is_read_and_offers_what_can_be_done(office, owed, cast):
    page = office.get(url("entry", "change", owed["3.2.1"].pk))
    assert [name for name, _title in page.context["turns"]] == ["excuse"]
    assert office.post(url("entry", "change", owed["3.2.1"].pk), {"state": "accepted"}).status_code == 403
    owed["3.2.1"].excuse(by=cast.administrator, version=1, comment="改革")
    page = office.get(url("entry", "change", owed["3.2.1"].pk))
    assert [name for name, _title in page.context["turns"]] == ["owe_again"]


def test_an_auditor_is_offered_nothing_to_do(client, owed, cast):
    client.force_login(cast.auditor)
    page = client.get(url("entry", "change", owed["3.2.1"].pk))
    assert page.context["turns"] == []
    assert client.get(url("entry", "changelist")).context["action_form"] is None


def test_drafts_are_seen_in_their_own_body_alone(office, owed, cast, content):
    owed["3.2.1"].save_draft(by=cast.reporter, version=1, **content)
    assert office.get(url("entry", "change", owed["3.2.1"].pk)).status_code == 404
    assert content["progress"] not in office.get(url("entry", "changelist")).content.decode()
