"""清除 (rule 6): asked by one, agreed to by another; then it is gone everywhere, and that it went stays."""

import json
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.conftest import person
from tracker.models import Blocker, Erasure, Event, Evidence, Role, TransitionRefused, keeping

from .filing import PDF, kept, upload
from .refusals import fresh, recounted_tallies, standing_tallies

SECRET = "某涉密工程位于某地，编号甲字第七号。"
REASON = "误录入内部事项"


@pytest.fixture
def entry(owed, cast, content):
    """Handed in with the secret, returned with a comment that quotes it, handed in again without, accepted."""
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content | {"progress": SECRET})
    entry.return_(by=cast.reviewer, version=2, comment=f"“{SECRET}”不应出现")
    entry = fresh(entry)
    entry.submit(by=cast.reporter, version=3, **content | {"progress": SECRET + "另建站点四个。", "problems": "无"})
    entry.accept(by=cast.reviewer, version=4, comment="同意")
    return fresh(entry)


@pytest.fixture
def second(bodies):
    return person("second", bodies.city, Role.SUPERVISOR, name="督办人乙")


def ask(entry, by, **values):
    return Erasure.objects.ask(fresh(entry), by=by, **{"reason": REASON} | values)


def agree(erasure, by, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        erasure.agree(by=by)


def everywhere():
    """Every text the database and the storage hold."""
    from django.apps import apps

    rows = [str(row) for model in apps.get_models() for row in model._base_manager.values()]
    return "\n".join(rows) + "".join(path.read_bytes().decode("latin-1") for path in kept().values())


def refused(code, act, **kwargs):
    before = everywhere()
    with pytest.raises(TransitionRefused) as refusal:
        act(**kwargs)
    assert refusal.value.code == code
    assert everywhere() == before


def test_a_text_goes_from_the_entry_and_every_event_and_the_reason_stays(
    entry, cast, second, django_capture_on_commit_callbacks
):
    Blocker.objects.create(
        entry=entry,
        need=f"请协调：{SECRET}",
        reply_by=timezone.localdate(),
        holder=entry.assignment.organization,
        asked_at=timezone.now(),
        asked_by=cast.reporter,
    )
    assert SECRET in everywhere()
    agree(ask(entry, cast.supervisor, texts=["progress"]), second, django_capture_on_commit_callbacks)
    assert SECRET not in everywhere()
    assert "甲字第七号" not in everywhere()
    now = fresh(entry)
    assert REASON in now.progress
    assert (now.state, now.problems, now.next_steps, now.comment) == ("accepted", "无", "继续推进。", "同意")
    event = Event.objects.filter(entry=entry).first()
    assert (event.action, event.by, event.comment) == ("erased", second, REASON)
    assert event.content == {"erased": ["progress"]}
    returned = Event.objects.get(entry=entry, action="returned")
    assert REASON in returned.comment
    assert standing_tallies() == recounted_tallies()


def test_a_short_text_erased_takes_no_other_text_that_merely_holds_it(
    entry, cast, second, django_capture_on_commit_callbacks
):
    Event.objects.filter(entry=entry, action="accepted").update(comment="无异议")
    agree(ask(entry, cast.supervisor, texts=["problems"]), second, django_capture_on_commit_callbacks)
    assert fresh(entry).progress.startswith(SECRET)
    assert Event.objects.get(entry=entry, action="accepted").comment == "无异议"


def test_review_opinions_are_erased_as_the_texts_are(entry, cast, second, django_capture_on_commit_callbacks):
    agree(ask(entry, cast.supervisor, texts=["comment"]), second, django_capture_on_commit_callbacks)
    assert fresh(entry).comment != "同意"
    comments = Event.objects.filter(entry=entry, action__in=["returned", "accepted"]).values_list("comment", flat=True)
    assert all(REASON in comment and SECRET not in comment for comment in comments)


def test_one_who_asked_never_agrees(entry, cast, bodies):
    erasure = ask(entry, cast.supervisor, texts=["progress"])
    refused("own", erasure.agree, by=cast.supervisor)
    with pytest.raises(IntegrityError), transaction.atomic():
        Erasure.objects.update(agreed_at=timezone.now(), agreed_by=cast.supervisor)


def test_the_second_is_a_supervisor_or_administrator_whose_scope_holds_it(entry, cast, bodies, second):
    erasure = ask(entry, cast.reviewer, texts=["progress"])
    elsewhere = person("elsewhere", bodies.other, Role.SUPERVISOR)
    others = (cast.reporter, cast.leader, cast.auditor, cast.outsider, elsewhere)
    for who in others:
        refused("not_yours", erasure.agree, by=who)
        assert erasure not in Erasure.objects.agreeable_by(who)
    for who in (cast.supervisor, cast.administrator, second):
        assert erasure in Erasure.objects.agreeable_by(who)


def test_those_who_review_or_supervise_the_entry_ask(entry, cast, bodies):
    elsewhere = person("elsewhere", bodies.other, Role.SUPERVISOR)
    for who in (cast.reporter, cast.leader, cast.auditor, cast.outsider, elsewhere):
        refused("not_yours", lambda who=who: ask(entry, who, texts=["progress"]))
    for who in (cast.reviewer, cast.supervisor, cast.administrator):
        ask(entry, who, texts=["progress"])
    assert Erasure.objects.waiting().count() == 3


def test_asking_names_something_of_this_entry_and_a_reason(entry, owed, cast):
    elsewhere = Evidence.objects.attach(owed["3.2.2"], upload(), by=cast.reporter)
    for values in (
        {"texts": []},
        {"texts": ["status"]},
        {"texts": ["assignment"]},
        {"evidence": elsewhere},
        {"texts": ["progress"], "reason": "  "},
        {"texts": ["progress"], "reason": "长" * 501},
        {"texts": ["progress"], "reason": "a\x00"},
    ):
        with pytest.raises(ValidationError):
            ask(entry, cast.supervisor, **values)
    assert not Erasure.objects.exists()


def test_what_was_dropped_or_done_is_not_agreed_to_again(entry, cast, second, django_capture_on_commit_callbacks):
    dropped = ask(entry, cast.supervisor, texts=["progress"])
    refused("not_yours", dropped.drop, by=cast.reviewer)
    dropped.drop(by=cast.supervisor)
    refused("stale", dropped.agree, by=second)
    assert fresh(entry).progress.startswith(SECRET)
    done = ask(entry, cast.supervisor, texts=["progress"])
    agree(done, second, django_capture_on_commit_callbacks)
    refused("stale", done.agree, by=cast.administrator)
    refused("stale", done.drop, by=cast.supervisor)
    later = ask(entry, cast.supervisor, texts=["progress"])
    later.drop(by=second)


def test_a_save_that_was_begun_before_the_erasure_does_not_bring_the_text_back(
    owed, cast, second, content, django_capture_on_commit_callbacks
):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content | {"progress": SECRET})
    entry.return_(by=cast.reviewer, version=2, comment="请改")
    open_page = fresh(entry)
    agree(ask(entry, cast.supervisor, texts=["progress"]), second, django_capture_on_commit_callbacks)
    with pytest.raises(TransitionRefused):
        open_page.save_draft(by=cast.reporter, version=3, **content | {"progress": SECRET})
    assert SECRET not in everywhere()


# Files.


@pytest.fixture
def leaked(owed, cast, content):
    """The same file in two entries of the county, one of them accepted; another file beside it."""
    pieces = []
    for code in ("3.2.1", "3.2.2"):
        pieces.append(Evidence.objects.attach(owed[code], upload("涉密名单.pdf"), by=cast.reporter))
    Evidence.objects.attach(owed["3.2.1"], upload("别的.pdf", PDF + b"2"), by=cast.reporter)
    for code in ("3.2.1", "3.2.2"):
        entry = fresh(owed[code])
        entry.submit(by=cast.reporter, version=1, **content)
    return pieces


def test_a_file_goes_with_its_bytes_from_every_entry_that_holds_it(
    leaked, cast, second, sign_in, django_capture_on_commit_callbacks
):
    here, beside = leaked
    erasure = ask(here.entry, cast.supervisor, evidence=here)
    assert [piece.pk for piece in erasure.beside()] == [beside.pk]
    agree(erasure, second, django_capture_on_commit_callbacks)
    assert here.digest not in kept()
    assert len(kept()) == 1
    assert "涉密名单" not in everywhere()
    for piece in leaked:
        piece.refresh_from_db()
        assert piece.erased_at
        assert piece.name == ""
        assert Event.objects.get(entry=piece.entry_id, action="erased").comment == REASON
        assert sign_in("reviewer").get(piece.get_absolute_url()).status_code == 404
        assert REASON in sign_in("reviewer").get(piece.entry.get_absolute_url()).content.decode()
    assert list(keeping.differences()) == []


def test_an_erased_file_is_not_taken_again(leaked, owed, cast, second, django_capture_on_commit_callbacks):
    agree(ask(leaked[0].entry, cast.supervisor, evidence=leaked[0]), second, django_capture_on_commit_callbacks)
    with pytest.raises(ValidationError) as refusal:
        Evidence.objects.attach(owed["3.2.3"], upload("换个名字.pdf"), by=cast.reporter)
    assert refusal.value.code == "erased"
    assert not Evidence.objects.filter(entry=owed["3.2.3"]).exists()


def test_what_was_taken_off_before_is_erased_all_the_same(
    owed, cast, second, content, django_capture_on_commit_callbacks
):
    piece = Evidence.objects.attach(owed["3.2.1"], upload("名单.pdf"), by=cast.reporter)
    piece.take_off(by=cast.reporter)
    again = Evidence.objects.attach(owed["3.2.1"], upload("名单2.pdf"), by=cast.reporter)
    fresh(owed["3.2.1"]).submit(by=cast.reporter, version=1, **content)
    agree(ask(owed["3.2.1"], cast.supervisor, evidence=again), second, django_capture_on_commit_callbacks)
    assert not kept()
    assert not Evidence.objects.filter(erased_at=None).exists()


def test_bytes_that_could_not_be_deleted_go_at_night(leaked, cast, second):
    erasure = ask(leaked[0].entry, cast.supervisor, evidence=leaked[0])
    erasure.agree(by=second)  # the transaction of the test never commits, so nothing deletes them
    assert leaked[0].digest in kept()
    assert [difference.fault for difference in keeping.differences()] == ["stayed"]
    assert keeping.repair() == 1
    assert leaked[0].digest not in kept()
    assert list(keeping.differences()) == []


# The list outside the database.


def test_every_erasure_is_written_down_without_what_it_said(
    entry, leaked_file, cast, second, settings, django_capture_on_commit_callbacks
):
    agree(ask(entry, cast.supervisor, texts=["progress"]), second, django_capture_on_commit_callbacks)
    agree(ask(leaked_file.entry, cast.supervisor, evidence=leaked_file), second, django_capture_on_commit_callbacks)
    written = Path(settings.ERASURES_FILE).read_text("utf-8")
    lines = [json.loads(line) for line in written.splitlines()]
    assert [(line["entry"], line["texts"], line["digest"]) for line in lines] == [
        (entry.pk, ["progress"], None),
        (leaked_file.entry_id, [], leaked_file.digest),
    ]
    assert all(line["agreed_at"] for line in lines)
    assert SECRET not in written
    assert "名单" not in written


@pytest.fixture
def leaked_file(owed, cast, content):
    piece = Evidence.objects.attach(owed["3.2.2"], upload("名单.pdf"), by=cast.reporter)
    fresh(owed["3.2.2"]).submit(by=cast.reporter, version=1, **content)
    return piece


def test_an_erasure_that_cannot_be_written_down_is_not_done(entry, cast, second, settings, tmp_path):
    erasure = ask(entry, cast.supervisor, texts=["progress"])
    settings.ERASURES_FILE = tmp_path / "folder"
    settings.ERASURES_FILE.mkdir()
    refused("disk", erasure.agree, by=second)
    assert Erasure.objects.waiting().count() == 1


def test_a_list_that_was_lost_is_written_anew(entry, cast, second, settings, django_capture_on_commit_callbacks):
    agree(ask(entry, cast.supervisor, texts=["progress"]), second, django_capture_on_commit_callbacks)
    path = Path(settings.ERASURES_FILE)
    whole = path.read_text("utf-8")
    path.write_text(whole[:10], "utf-8")
    assert [difference.fault for difference in keeping.differences()] == ["unlisted"]
    keeping.repair()
    assert whole.strip() in path.read_text("utf-8")
    assert list(keeping.differences()) == []


# Pages.


def test_it_is_asked_for_on_a_page_and_done_on_another(
    leaked, cast, second, client, sign_in, django_capture_on_commit_callbacks
):
    entry = fresh(leaked[0].entry)
    address = f"/entries/{entry.pk}/erasure/"
    assert address in sign_in("supervisor").get(entry.get_absolute_url()).content.decode()
    page = sign_in("supervisor").get(address).content.decode()
    assert "涉密名单.pdf" in page
    assert sign_in("supervisor").post(address, {"reason": REASON}).status_code == 422
    response = sign_in("supervisor").post(address, {"texts": ["progress"]})
    assert response.status_code == 422
    assert response.context["form"].errors["reason"]
    assert response.context["form"]["texts"].value() == ["progress"]
    sent = {"texts": ["progress"], "evidence": leaked[0].pk, "reason": REASON}
    assert sign_in("supervisor").post(address, sent).status_code == 302
    erasure = Erasure.objects.get()
    own = sign_in("supervisor").get("/erasures/").content.decode()
    assert 'value="agree"' not in own
    assert 'value="drop"' in own
    client.force_login(second)
    assert "/erasures/" in client.get("/").content.decode()
    listed = client.get("/erasures/").content.decode()
    assert 'value="agree"' in listed
    assert leaked[1].entry.get_absolute_url() in listed
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/erasures/{erasure.pk}/", {"action": "agree"})
    erasure.refresh_from_db()
    assert erasure.agreed_by == second
    assert "/erasures/" not in client.get("/").content.decode()
    assert REASON in client.get(entry.get_absolute_url()).content.decode()


def test_the_pages_are_closed_to_others(entry, cast, sign_in):
    erasure = ask(entry, cast.supervisor, texts=["progress"])
    for who in ("reporter", "leader", "outsider", "auditor"):
        client = sign_in(who)
        assert client.get(f"/entries/{entry.pk}/erasure/").status_code == 403
        assert client.get("/erasures/").status_code == 403
        client.post(f"/erasures/{erasure.pk}/", {"action": "agree"})
    assert client.get(f"/erasures/{'9' * 40}/").status_code in (403, 404, 405)
    assert Erasure.objects.waiting().count() == 1
    assert sign_in("supervisor").get("/erasures/1/").status_code == 405
