"""Files beside an entry: who puts them there, until when, who sees them, how they are kept (evidence.py)."""

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import person
from tracker.models import Event, Evidence, Period, Plan, Role, Task, TransitionRefused
from tracker.models.evidence import place_of

from .filing import PDF, camera_notes, kept, picture, upload
from .refusals import fresh, invalid

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def entry(owed):
    return owed["3.2.1"]


def attach(entry, by, name="方案.pdf", content=PDF):
    return Evidence.objects.attach(fresh(entry), upload(name, content), by=by)


def refused(code, act, *args, **kwargs):
    before = list(Evidence.objects.order_by("pk").values())
    with pytest.raises(TransitionRefused) as refusal:
        act(*args, **kwargs)
    assert refusal.value.code == code
    assert list(Evidence.objects.order_by("pk").values()) == before


def submit(entry, cast, content):
    entry = fresh(entry)
    entry.submit(by=cast.reporter, version=entry.version, **content)
    return entry


# Putting there, taking off.


def test_a_file_is_kept_by_its_content_and_named_as_it_came(entry, cast):
    piece = attach(entry, cast.reporter, "附件1：方案🎉.pdf")
    assert (piece.name, piece.size, piece.content_type) == ("附件1：方案🎉.pdf", len(PDF), "application/pdf")
    assert piece.digest == hashlib.sha256(PDF).hexdigest()
    assert kept()[piece.digest].read_bytes() == PDF
    assert kept()[piece.digest].parts[-3:] == tuple(place_of(piece.digest).split("/"))


def test_the_same_file_twice_is_stored_once_and_stands_once_in_an_entry(entry, owed, cast):
    first = attach(entry, cast.reporter, "一.pdf")
    again = attach(entry, cast.reporter, "二.pdf")
    assert again == first
    elsewhere = attach(owed["3.2.2"], cast.reporter, "三.pdf")
    assert elsewhere.digest == first.digest
    assert Evidence.objects.count() == 2
    assert len(kept()) == 1


def test_the_database_holds_a_file_once_an_entry(entry, cast):
    piece = attach(entry, cast.reporter)
    again = Evidence(**{f.attname: getattr(piece, f.attname) for f in Evidence._meta.fields if f.name != "id"})
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()


def test_photographs_are_kept_without_place_and_time(entry, cast):
    piece = attach(entry, cast.reporter, "现场.jpg", picture(exif=camera_notes()))
    assert b"Exif" not in kept()[piece.digest].read_bytes()


def test_what_is_taken_off_keeps_its_row_and_its_bytes_and_may_come_back(entry, cast):
    piece = attach(entry, cast.reporter)
    piece.take_off(by=cast.reporter)
    piece.refresh_from_db()
    assert piece.removed_at
    assert piece.removed_by == cast.reporter
    assert piece.digest in kept()
    assert not Evidence.objects.live().exists()
    assert attach(entry, cast.reporter) != piece
    assert Evidence.objects.live().count() == 1


def test_files_come_and_go_only_while_the_entry_can_be_written(entry, cast, content):
    piece = attach(entry, cast.reporter)
    now = submit(entry, cast, content)
    refused("state", attach, entry, cast.reporter, content=PDF + b"2")
    refused("state", piece.take_off, by=cast.reporter)
    now.accept(by=cast.reviewer, version=now.version)
    refused("state", piece.take_off, by=cast.reporter)
    now.reopen(by=cast.reviewer, version=now.version, comment="更正")
    piece.take_off(by=cast.reporter)
    attach(entry, cast.reporter, content=PDF + b"2")
    assert len(kept()) == 2


def test_a_page_open_since_before_the_entry_was_handed_in_brings_no_file_in_and_takes_none_off(entry, cast, content):
    piece = attach(entry, cast.reporter)
    stale = fresh(entry)
    submit(entry, cast, content)
    assert stale.state == "due"
    refused("state", Evidence.objects.attach, stale, upload(content=PDF + b"2"), by=cast.reporter)
    refused("state", piece.take_off, by=cast.reporter)


def test_after_the_lock_files_neither_come_nor_go(entry, cast):
    piece = attach(entry, cast.reporter)
    past = timezone.localdate() - timezone.timedelta(3)
    Period.objects.update(opens=past, due=past, locks=past)
    refused("locked", attach, entry, cast.reporter, content=PDF + b"2")
    refused("locked", piece.take_off, by=cast.reporter)


def test_only_the_bodys_own_reporters_put_files_there(entry, cast, bodies):
    for who in (cast.leader, cast.reviewer, cast.supervisor, cast.administrator, cast.auditor, cast.outsider):
        refused("not_yours", attach, entry, who)
    assert kept() == {}
    piece = attach(entry, cast.reporter)
    for who in (cast.leader, cast.reviewer, cast.administrator, person("neighbour", bodies.sister, Role.REPORTER)):
        refused("not_yours", piece.take_off, by=who)


def test_status_only_takes_no_files_by_method_or_form(owed, cast, sign_in):
    entry = owed["3.2.4"]
    refused("no_files", attach, entry, cast.reporter)
    response = sign_in("reporter").post(f"/entries/{entry.pk}/evidence/", {"files": [upload()]})
    assert response.status_code == 422
    assert response.json()["refused"][0][0] == "方案.pdf"
    sign_in("reporter").post(
        entry.get_absolute_url(), {"version": 1, "status": "in_progress", "action": "submit", "files": [upload()]}
    )
    assert fresh(entry).state == "due"
    assert not Evidence.objects.exists()
    assert b'type="file"' not in sign_in("reporter").get(entry.get_absolute_url()).content
    assert kept() == {}


def test_an_entry_takes_so_many_files_and_so_many_bytes(entry, cast, settings):
    settings.EVIDENCE_FILES, settings.EVIDENCE_ENTRY_LIMIT = 2, 3 * len(PDF)
    for number in "12":
        attach(entry, cast.reporter, content=PDF + number.encode())
    with pytest.raises(ValidationError) as refusal:
        attach(entry, cast.reporter, content=PDF + b"3")
    assert refusal.value.code == "many"
    settings.EVIDENCE_FILES = 3
    with pytest.raises(ValidationError) as refusal:
        attach(entry, cast.reporter, content=PDF + b"34")
    assert refusal.value.code == "together"
    assert Evidence.objects.count() == 2


# Handing in.


def test_a_task_that_requires_evidence_is_not_handed_in_without(entry, cast, content):
    Task.objects.filter(pk=entry.assignment.task_id).update(evidence_required=True)
    entry = fresh(entry)
    with invalid(entry, "evidence"):
        entry.submit(by=cast.reporter, version=1, **content)
    entry.save_draft(by=cast.reporter, version=1, **content)
    piece = attach(entry, cast.reporter)
    piece.take_off(by=cast.reporter)
    entry = fresh(entry)
    with invalid(entry, "evidence"):
        entry.submit(by=cast.reporter, version=2, **content)
    attach(entry, cast.reporter)
    submit(entry, cast, content)


def test_where_nothing_was_done_no_evidence_of_it_is_asked_for(entry, cast):
    Task.objects.filter(pk=entry.assignment.task_id).update(evidence_required=True)
    submit(entry, cast, {"status": "not_started"})


def test_a_submission_lists_the_files_handed_in_with_it(entry, cast, content):
    piece = attach(entry, cast.reporter)
    attach(entry, cast.reporter, content=PDF + b"2").take_off(by=cast.reporter)
    submit(entry, cast, content)
    assert Event.objects.get(entry=entry, action="submitted").content["evidence"] == [piece.pk]


# Who sees them.


def seen(piece, who):
    return Evidence.objects.visible_to(who).filter(pk=piece.pk).exists()


def test_a_file_is_seen_by_those_who_see_the_entry_once_it_is_handed_in(entry, cast, content, bodies):
    piece = attach(entry, cast.reporter)
    above = (cast.reviewer, cast.supervisor, cast.administrator, cast.auditor)
    neighbour = person("neighbour", bodies.sister, Role.REPORTER)
    assert seen(piece, cast.reporter)
    assert seen(piece, cast.leader)
    assert not any(seen(piece, who) for who in (*above, cast.outsider, neighbour))
    now = submit(entry, cast, content)
    assert all(seen(piece, who) for who in (*above, cast.reporter, cast.leader))
    assert not any(seen(piece, who) for who in (cast.outsider, neighbour))
    now.withdraw(by=cast.reporter, version=now.version)
    assert not any(seen(piece, who) for who in above)


def test_what_is_added_after_a_return_is_seen_above_when_it_is_handed_in_again(entry, cast, content):
    old = attach(entry, cast.reporter)
    now = submit(entry, cast, content)
    now.return_(by=cast.reviewer, version=now.version, comment="补材料")
    new = attach(entry, cast.reporter, content=PDF + b"2")
    assert seen(old, cast.reviewer)
    assert not seen(new, cast.reviewer)
    assert seen(new, cast.leader)
    submit(entry, cast, content)
    assert seen(new, cast.reviewer)


def test_what_was_handed_in_and_taken_off_remains_for_those_who_inspect(entry, cast, content):
    old = attach(entry, cast.reporter)
    never = attach(entry, cast.reporter, content=PDF + b"2")
    never.take_off(by=cast.reporter)
    now = submit(entry, cast, content)
    now.return_(by=cast.reviewer, version=now.version, comment="换一份")
    old.take_off(by=cast.reporter)
    assert not seen(old, cast.reviewer)
    assert not seen(old, cast.reporter)
    submit(entry, cast, content)
    assert seen(old, cast.auditor)
    assert not seen(never, cast.auditor)


# Taking away.


def test_a_file_comes_as_a_download_and_never_as_a_page(entry, cast, sign_in):
    piece = attach(entry, cast.reporter, "现场 情况.txt", "<b>一</b>".encode())
    response = sign_in("reporter").get(piece.get_absolute_url())
    assert b"".join(response.streaming_content) == "<b>一</b>".encode()
    assert response.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["Content-Length"] == str(piece.size)
    assert "no-store" in response.headers["Cache-Control"]


def test_out_of_scope_taken_off_and_unknown_files_are_not_found(entry, cast, sign_in):
    piece = attach(entry, cast.reporter)
    for who in ("reviewer", "outsider", "administrator"):
        assert sign_in(who).get(piece.get_absolute_url()).status_code == 404
    for key in ("0", "9" * 18, "9" * 40):
        assert sign_in("reporter").get(f"/evidence/{key}/").status_code == 404
    piece.take_off(by=cast.reporter)
    assert sign_in("reporter").get(piece.get_absolute_url()).status_code == 404


def test_nobody_takes_a_file_without_signing_in(entry, cast, client):
    piece = attach(entry, cast.reporter)
    assert client.get(piece.get_absolute_url()).status_code == 302
    assert client.post(piece.get_absolute_url()).status_code in (302, 405)


def test_a_file_lost_from_the_disk_is_not_found_and_no_error(entry, cast, sign_in):
    piece = attach(entry, cast.reporter)
    kept()[piece.digest].unlink()
    assert sign_in("reporter").get(piece.get_absolute_url()).status_code == 404


# The form of an entry, and its like in the background.


def test_several_files_go_along_when_the_entry_is_handed_in(entry, cast, sign_in, content):
    files = [upload("一.pdf"), upload("二.jpg", picture())]
    response = sign_in("reporter").post(
        entry.get_absolute_url(), content | {"version": 1, "action": "submit", "files": files}
    )
    assert response.status_code == 302
    assert fresh(entry).state == "submitted"
    assert [piece.name for piece in Evidence.objects.all()] == ["一.pdf", "二.jpg"]
    page = sign_in("reviewer").get(entry.get_absolute_url()).content.decode()
    assert "一.pdf" in page
    assert 'name="take_off"' not in page


def test_one_refused_keeps_no_other_back_and_the_words_typed_stay(entry, cast, sign_in, content):
    files = [upload("一.pdf"), upload("病毒.exe", b"MZ"), upload("二.jpg", PDF)]
    response = sign_in("reporter").post(
        entry.get_absolute_url(), content | {"version": 1, "action": "submit", "files": files}
    )
    assert response.status_code == 422
    page = response.content.decode()
    assert content["progress"] in page
    assert [name for name, _why in response.context["refused_files"]] == ["病毒.exe", "二.jpg"]
    assert all(why in page for _name, why in response.context["refused_files"])
    assert [piece.name for piece in Evidence.objects.all()] == ["一.pdf"]
    assert fresh(entry).state == "due"


def test_a_tick_takes_a_file_off_when_the_draft_is_saved(entry, owed, cast, sign_in, content):
    piece = attach(entry, cast.reporter)
    other = attach(owed["3.2.2"], cast.reporter)
    ticks = [piece.pk, other.pk, "x", "9" * 30]
    sign_in("reporter").post(entry.get_absolute_url(), content | {"version": 1, "action": "save", "take_off": ticks})
    assert list(Evidence.objects.live()) == [other]
    assert fresh(entry).state == "draft"


def test_in_the_background_the_answer_is_the_list_as_it_now_is(entry, cast, sign_in):
    address = f"/entries/{entry.pk}/evidence/"
    response = sign_in("reporter").post(address, {"files": [upload("一.pdf")]})
    assert response.status_code == 200
    assert response.json()["refused"] == []
    assert "一.pdf" in response.json()["list"]
    piece = Evidence.objects.get()
    response = sign_in("reporter").post(address, {"take_off": piece.pk, "files": [upload("二.exe")]})
    assert response.status_code == 422
    assert "一.pdf" not in response.json()["list"]
    assert sign_in("outsider").post(address, {"files": [upload()]}).status_code == 404
    assert sign_in("reporter").get(address).status_code == 405
    assert fresh(entry).version == 1


def test_a_name_with_markup_is_shown_as_it_is_called(entry, cast, sign_in):
    attach(entry, cast.reporter, "a&'.pdf")
    page = sign_in("reporter").get(entry.get_absolute_url()).content.decode()
    assert "a&amp;&#x27;.pdf" in page


def test_the_page_asks_as_many_queries_of_twenty_files_as_of_one(entry, cast, sign_in):
    counts = []
    for number in range(12):
        attach(entry, cast.reporter, content=PDF + b"%d" % number)
        if number in (0, 11):
            client = sign_in("reporter")
            with CaptureQueriesContext(connection) as queries:
                client.get(entry.get_absolute_url())
            counts.append(len(queries))
    assert counts[0] == counts[1]


# What comes in is bounded, and a full disk says so.


def test_a_file_too_large_is_left_out_while_it_arrives_and_the_rest_is_taken(entry, cast, sign_in, content, settings):
    settings.EVIDENCE_FILE_LIMIT = 200_000
    files = [upload("一.pdf"), upload("大.pdf", PDF.ljust(300_000)), upload("二.pdf", PDF + b"2")]
    response = sign_in("reporter").post(
        entry.get_absolute_url(), content | {"version": 1, "action": "save", "files": files}
    )
    assert response.status_code == 422
    assert [name for name, _why in response.context["refused_files"]] == ["大.pdf"]
    assert content["progress"] in response.content.decode()
    assert [piece.name for piece in Evidence.objects.all()] == ["一.pdf", "二.pdf"]


def test_more_than_an_entry_takes_is_left_out_while_it_arrives(entry, cast, sign_in, settings):
    settings.EVIDENCE_ENTRY_LIMIT = 150_000
    files = [upload(f"{number}.pdf", PDF.ljust(70_000) + b"%d" % number) for number in range(4)]
    response = sign_in("reporter").post(f"/entries/{entry.pk}/evidence/", {"files": files})
    assert [name for name, _why in response.json()["refused"]] == ["2.pdf", "3.pdf"]
    assert Evidence.objects.count() == 2


FULL = """
import os, resource, sys, tempfile
os.environ["DJANGO_SETTINGS_MODULE"] = "tracker.settings"
import django
from django.conf import settings
django.setup()
settings.STORAGES["evidence"]["OPTIONS"]["location"] = sys.argv[1]
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from tracker.models.evidence import Taken
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
taken = Taken.from_upload(SimpleUploadedFile("a.pdf", b"%PDF-1.7".ljust(300_000)))
try:
    taken.keep()
except ValidationError as refusal:
    print(refusal.code)
tempfile.tempdir = sys.argv[1]
files = [SimpleUploadedFile(f"{n}.pdf", b"%PDF-1.7".ljust(size)) for n, size in enumerate((90_000, 300_000, 100_050))]
request = RequestFactory().post("/", {"progress": "kept", "files": [*files, SimpleUploadedFile("9.pdf", b"%PDF")]})
taken = [file.name for file in request.FILES.getlist("files")]
print(request.POST["progress"], taken, [name for name, _why in request.refused_files])
"""


def test_a_disk_that_takes_no_more_leaves_a_sentence_and_no_half_file(tmp_path):
    """The limit on the size of a file is the system's own refusal to write, as a full disk's is."""
    env = os.environ | {"DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["disk", "kept ['0.pdf', '9.pdf'] ['1.pdf', '2.pdf']"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_on_a_full_disk_the_page_says_so_and_keeps_the_words(entry, cast, sign_in, content, settings, tmp_path):
    blocked = tmp_path / "evidence"
    blocked.write_bytes(b"")  # a file stands where the folder would: the system refuses every write into it
    response = sign_in("reporter").post(
        entry.get_absolute_url(), content | {"version": 1, "action": "submit", "files": [upload()]}
    )
    assert response.status_code == 422
    assert content["progress"] in response.content.decode()
    assert response.context["refused_files"]
    assert not Evidence.objects.exists()
    assert fresh(entry).state == "due"


# Rows and files agree.


def checked(**options):
    out = io.StringIO()
    try:
        call_command("check_evidence", stdout=out, **options)
    except CommandError as error:
        return out.getvalue() + str(error)
    return ""


def test_lost_damaged_and_left_over_files_are_found(entry, cast):
    lost = attach(entry, cast.reporter, content=PDF + b"1").digest
    damaged = attach(entry, cast.reporter, content=PDF + b"2").digest
    taken_off = attach(entry, cast.reporter, content=PDF + b"3")
    taken_off.take_off(by=cast.reporter)
    assert checked() == ""
    kept()[lost].unlink()
    kept()[damaged].write_bytes(PDF + b"9")
    assert damaged not in checked(quick=True)
    said = checked()
    assert lost in said
    assert damaged in said
    assert taken_off.digest not in said
    kept()[taken_off.digest].unlink()
    assert taken_off.digest in checked(repair=True)


def test_what_no_row_needs_goes_after_a_day(entry, cast):
    needed = attach(entry, cast.reporter)
    orphan = kept()[needed.digest].parent / ("0" * 64)
    half = kept()[needed.digest].parent / ".part-x"
    for path in (orphan, half):
        path.write_bytes(b"x")
    assert checked() == ""
    for path in (orphan, half):
        os.utime(path, (0, 0))
    assert orphan.name in checked()
    call_command("nightly", stdout=io.StringIO())
    assert set(kept()) == {needed.digest}
    assert checked() == ""


def test_attaching_again_mends_a_file_cut_short(entry, cast, owed):
    piece = attach(entry, cast.reporter)
    kept()[piece.digest].write_bytes(b"")
    attach(owed["3.2.2"], cast.reporter)
    assert kept()[piece.digest].read_bytes() == PDF


# Numbers of people, before handing in.


def test_a_number_of_a_person_is_pointed_out_once_masked_and_may_be_answered_for(entry, cast, sign_in, content):
    said = content | {"progress": "慰问困难职工。\n其中张三（11010519491231002X）。", "version": 1, "action": "submit"}
    client = sign_in("reporter")
    response = client.post(entry.get_absolute_url(), said)
    assert response.status_code == 422
    form = response.context["form"]
    assert "1101…X" in form.errors["progress"][0]
    assert "2" in form.errors["progress"][0]
    assert "11010519491231002X" not in "".join(form.errors["progress"])
    assert fresh(entry).state == "due"
    ticked = said | {"looked_through": form.to_look_through}
    other = ticked | {"problems": "另有13812345678。"}
    assert client.post(entry.get_absolute_url(), other).status_code == 422
    assert client.post(entry.get_absolute_url(), ticked).status_code == 302
    assert fresh(entry).state == "submitted"


def test_a_draft_is_saved_without_being_asked(entry, cast, sign_in, content):
    said = content | {"progress": "张三11010519491231002X", "version": 1, "action": "save"}
    assert sign_in("reporter").post(entry.get_absolute_url(), said).status_code == 302


def test_a_number_in_a_files_name_is_pointed_out(entry, cast, sign_in, content):
    attach(entry, cast.reporter, "张三11010519491231002X.pdf")
    response = sign_in("reporter").post(entry.get_absolute_url(), content | {"version": 1, "action": "submit"})
    assert response.status_code == 422
    sentence = response.context["form"].non_field_errors()[0]
    assert "张三1101…X.pdf" in sentence


def test_an_entry_without_numbers_of_people_is_handed_in_at_once(entry, cast, sign_in, content):
    response = sign_in("reporter").post(entry.get_absolute_url(), content | {"version": 1, "action": "submit"})
    assert response.status_code == 302


# The ledger.


def test_the_ledger_counts_live_pieces_of_accepted_entries(entry, owed, cast, content, sign_in):
    Plan.objects.update(review="none")
    for number in range(3):
        piece = attach(entry, cast.reporter, content=PDF + b"%d" % number)
    piece.take_off(by=cast.reporter)
    attach(owed["3.2.2"], cast.reporter)
    submit(entry, cast, content)
    client = sign_in("administrator")
    for query in ("", "?period=2026Q4"):
        body = b"".join(client.get(f"/reports/18/ledger.csv{query}").streaming_content).decode("utf-8-sig")
        header, *rows = [line.split(",") for line in body.splitlines()]
        at = header.index(next(name for name in header if name in ("佐证材料数", "Pieces of evidence")))
        assert sorted(row[at] for row in rows) == ["0"] * (len(rows) - 1) + ["2"], query
    page = client.get("/reports/18/ledger/?period=2026Q4").content.decode()
    assert any(row.report.evidence == 2 for row in client.get("/reports/18/ledger/").context["page"].rows)
    assert content["progress"] in page
