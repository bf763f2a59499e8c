"""The evidence of the ledger's rows as one zip: what is in scope, nothing else, under names every system takes."""

import csv
import io
import shutil
import subprocess
import tracemalloc
import zipfile
from urllib.parse import unquote

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

import reports.packing
from reports.packing import Names, Piece
from tests.conftest import person
from tests.tracker.filing import PDF, docx, upload
from tracker.models import Entry, Evidence, Operation, Role
from tracker.models.evidence import kept, place_of

from .conftest import PAGE, entry_of

ZIP = "/reports/18/evidence.zip"
FOLDER = "3.2.1_甲县总工会"


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "evidence": settings.STORAGES["evidence"] | {"OPTIONS": {"location": str(tmp_path / "evidence")}}
    }


def give(body, code, period, name, content, by):
    """A file put to an entry as if before it was handed in."""
    entry = entry_of(body, code, period)
    piece = Evidence.objects.create(
        entry=entry,
        name=name,
        digest=f"{Evidence.objects.count():064x}",
        size=len(content),
        content_type="application/pdf",
        uploaded_at=entry.submitted_at or timezone.now(),
        uploaded_by=by,
    )
    kept().save(place_of(piece.digest), ContentFile(content))
    return piece


@pytest.fixture
def filed(world, bodies, cast):
    """The county: two files of the accepted 3.2.1, one each of the returned 3.2.4 and the draft 3.2.2; its sister one,
    submitted; another province one, accepted."""
    period, by = world.period, cast.reporter
    outside = person("outside-leader", bodies.other, Role.LEADER)
    other = entry_of(bodies.other, "3.2.1", period)
    other.submit(by=cast.outsider, version=1, status="in_progress", progress="外省进展。")
    Entry.objects.filter(pk=other.pk).update(state="accepted")
    return {
        "plan": give(bodies.county, "3.2.1", period, "方案.pdf", PDF, by),
        "sum": give(bodies.county, "3.2.1", period, "总结.docx", docx(), by),
        "returned": give(bodies.county, "3.2.4", period, "退回的.pdf", PDF + b"1", by),
        "draft": give(bodies.county, "3.2.2", period, "草稿的.pdf", PDF + b"2", by),
        "submitted": give(bodies.sister, "3.2.1", period, "待审核的.pdf", PDF + b"3", world.sister),
        "other": give(bodies.other, "3.2.1", period, "外省的.pdf", PDF + b"4", outside),
    }


def taken(client, query="period=2026Q4"):
    response = client.get(f"{ZIP}?{query}")
    assert response.status_code == 200, response.content.decode()
    content = b"".join(response.streaming_content)
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def refused(client, query="period=2026Q4"):
    """Back on the ledger with the same conditions, which says why."""
    answer = client.get(f"{ZIP}?{query}")
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?{query}")
    return client.get(answer["Location"]).content.decode()


def names(archive):
    return sorted(name.rpartition("/")[2] for name in archive.namelist() if "/" in name)


def index_of(archive, name="目录.csv"):
    text = archive.read(name).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline="")))


def test_the_files_of_accepted_entries_with_an_index(filed, sign_in, cast):
    archive = taken(sign_in("supervisor"))
    assert sorted(archive.namelist()) == sorted([f"{FOLDER}/方案.pdf", f"{FOLDER}/总结.docx", "目录.csv"])
    assert archive.read(f"{FOLDER}/方案.pdf") == PDF
    header, *rows = index_of(archive)
    assert len(header) == 10
    piece = filed["plan"]
    at = f"{timezone.localtime(piece.uploaded_at):%Y-%m-%d %H:%M}"
    told = [f"{FOLDER}/方案.pdf", "甲县总工会", "3.2.1", "一号举措", "2026Q4", "方案.pdf", str(len(PDF))]
    assert rows[0] == [*told, piece.digest, "填报人甲", at]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("reporter", ["总结.docx", "方案.pdf", "草稿的.pdf", "退回的.pdf"]),
        ("reviewer", ["总结.docx", "方案.pdf"]),
        ("supervisor", ["总结.docx", "方案.pdf"]),
        ("outsider", ["外省的.pdf"]),
        ("auditor", ["总结.docx", "外省的.pdf", "方案.pdf"]),
    ],
)
def test_what_is_accepted_in_scope_and_all_of_one_s_own_body(filed, sign_in, who, expected):
    assert names(taken(sign_in(who))) == sorted(expected)


def test_it_holds_what_the_filter_finds_and_without_a_period_the_latest_accepted(filed, sign_in, bodies):
    client = sign_in("auditor")
    assert names(taken(client, "period=2026Q4&organization=2")) == ["外省的.pdf"]
    assert names(taken(client, "")) == ["总结.docx", "方案.pdf"]
    assert "没有可供打包的佐证材料" in refused(client, "period=2026Q4&task=3.2.2")
    assert client.get(f"{ZIP}?period=no").status_code == 400


def test_what_is_erased_or_taken_off_is_never_in_it(filed, sign_in):
    now = timezone.now()
    Evidence.objects.filter(pk=filed["plan"].pk).update(erased_at=now, name="")
    assert names(taken(sign_in("supervisor"))) == ["总结.docx"]
    Evidence.objects.filter(pk=filed["sum"].pk).update(removed_at=now)
    refused(sign_in("supervisor"))


def test_what_is_erased_while_it_is_sent_is_left_out_and_the_index_says_so(filed, sign_in):
    response = sign_in("supervisor").get(f"{ZIP}?period=2026Q4")
    kept().delete(place_of(filed["plan"].digest))
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    assert archive.testzip() is None
    assert names(archive) == ["总结.docx"]
    assert [row[0] for row in index_of(archive)[1:]] == ["文件已不存在", f"{FOLDER}/总结.docx"]


def piece(name="a.pdf", body="甲县总工会", body_code="111", code="3.2.1"):
    return Piece("d", name, 1, timezone.now(), "", "", code, "", "", body, body_code)


def test_names_are_safe_on_every_system_and_never_twice():
    paths = Names()
    asked = [
        "../../etc/passwd",
        "..",
        "a/b\\c.pdf",
        "C:\\x.pdf",
        ".",
        "con\u202efdp.pdf",
        "尾. ",
        "行\n行.pdf",
        "x.pdf",
        "X.PDF",
    ]
    asked += ["长" * 180 + ".pdf", "长" * 180 + ".pdf", "没有后缀" * 40]
    made = [paths.path(piece(name)) for name in asked]
    assert len({path.casefold() for path in made}) == len(asked)
    for path in made:
        folder, _slash, name = path.partition("/")
        assert folder == FOLDER
        assert name.strip(". ") == name != ""
        assert not set(name) & set('/\\:*?"<>|\r\n\0')
        assert len(path) < 200
        assert len(name.encode()) < 400
    assert made[8:10] == [f"{FOLDER}/x (2).pdf", f"{FOLDER}/X (3).PDF"]  # the first x came from C:


def test_bodies_of_one_name_have_folders_of_their_own():
    paths = Names()
    made = [paths.path(piece(body="鼓楼区总工会", body_code=code)) for code in ("320106", "320302", "320106")]
    assert made == ["3.2.1_鼓楼区总工会/a.pdf", "3.2.1_鼓楼区总工会 (2)/a.pdf", "3.2.1_鼓楼区总工会/a (2).pdf"]


def test_hard_names_go_through_the_whole_way(filed, sign_in, tmp_path):
    for key, name in (("plan", "=一/二..\\三.pdf"), ("sum", "=一/二..\\三.pdf")):
        Evidence.objects.filter(pk=filed[key].pk).update(name=name)
    archive = taken(sign_in("supervisor"))
    assert names(archive) == ["三 (2).pdf", "三.pdf"]
    assert index_of(archive)[1][5] == "'=一/二..\\三.pdf"


@pytest.mark.skipif(not shutil.which("unzip"), reason="needs unzip")
def test_unzip_takes_it(filed, sign_in, tmp_path):
    path = tmp_path / "taken.zip"
    path.write_bytes(b"".join(sign_in("auditor").get(f"{ZIP}?period=2026Q4").streaming_content))
    done = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "No errors" in done.stdout


def test_too_much_is_told_before_anything_is_sent(filed, sign_in, monkeypatch):
    client = sign_in("auditor")
    for name in ("MOST_FILES", "MOST_BYTES"):
        with monkeypatch.context() as less:
            less.setattr(reports.packing, name, 2)
            assert "共 3 件" in refused(client)
    assert not Operation.objects.filter(action="exported").exists()


def test_it_is_logged_as_a_file_taken(filed, sign_in):
    taken(sign_in("supervisor"), "period=2026Q4&area=3")
    line = Operation.objects.get(action="exported")
    assert (line.target, line.result, line.username) == (ZIP, Operation.Result.DONE, "supervisor")
    assert line.detail == {"filter": "period=2026Q4&area=3", "rows": 2}


def test_its_name_says_what_it_is(filed, sign_in, settings):
    said = unquote(sign_in("supervisor").get(f"{ZIP}?period=2026Q4").headers["Content-Disposition"])
    assert said.endswith("佐证材料_18_2026Q4.zip")
    settings.DEMO = True
    response = sign_in("supervisor").get(f"{ZIP}?period=2026Q4")
    assert "演示数据_佐证材料" in unquote(response.headers["Content-Disposition"])
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    assert all("虚构" in row[-1] for row in index_of(archive))


def test_the_button_counts_and_is_there_only_if_there_is_something(filed, sign_in):
    client = sign_in("supervisor")
    page = client.get(f"{PAGE}?period=2026Q4").content.decode()
    assert "佐证材料打包（2 件）" in page
    assert f'href="{ZIP}?period=2026Q4"' in page
    assert "佐证材料打包" not in client.get(f"{PAGE}?period=2026Q4&task=3.2.2").content.decode()
    assert "佐证材料打包" not in client.get(f"{PAGE}?period=no").content.decode()


def test_a_large_file_is_sent_a_piece_at_a_time(filed, sign_in):
    size = 40 * 1024 * 1024
    kept().save(place_of(filed["plan"].digest), ContentFile(b"x" * size))
    response = sign_in("supervisor").get(f"{ZIP}?period=2026Q4")
    tracemalloc.start()
    sent = sum(len(chunk) for chunk in response.streaming_content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent > size
    assert peak < 8 * 1024 * 1024


def test_one_accepted_file_attached_the_usual_way_is_in_it(world, bodies, cast, sign_in, content):
    entry = entry_of(bodies.county, "1.1.1", world.period)
    Evidence.objects.attach(entry, upload("现场.pdf"), by=cast.reporter)
    entry_of(bodies.county, "1.1.1", world.period).submit(by=cast.reporter, version=1, **content)
    refused(sign_in("supervisor"))
    entry_of(bodies.county, "1.1.1", world.period).accept(by=cast.reviewer, version=2)
    assert names(taken(sign_in("supervisor"))) == ["现场.pdf"]
