"""Backed up while people write, restored into an empty system and nowhere else; what was erased since stays erased."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.conftest import person
from tracker.models import Entry, Erasure, Evidence, Role, backups
from tracker.models.evidence import place_of

from .filing import PDF, docx, kept, upload
from .refusals import fresh
from .test_killed import address_of_database

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
SECRET = "某涉密工程位于某地，编号甲字第七号。"
REASON = "误录入内部事项"


class System:
    """Another Luoshi: an empty database, a storage and a list of erasures of its own, run by its commands alone."""

    def __init__(self, address, folder):
        self.address, self.evidence, self.erasures = address, folder / "evidence", folder / "erasures.jsonl"

    def run(self, *command):
        env = {"DEBUG": "1", "DATABASE_URL": self.address, "EVIDENCE_DIR": str(self.evidence)}
        env["ERASURES_FILE"] = str(self.erasures)
        command = [sys.executable, "manage.py", *map(str, command)]
        return subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False)

    def files(self):
        return {path.name: path.read_bytes() for path in self.evidence.rglob("*") if path.is_file()}

    def rows(self):
        return rows_of(self.address)

    def text(self):
        return "\n".join("\n".join(rows) for rows in self.rows().values())


def rows_of(address):
    """Every row of every table, by a driver alone."""
    if address.startswith("sqlite"):
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as raw:
            listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            names = [name for (name,) in raw.execute(listed)]
            return {name: sorted(map(repr, raw.execute(f'SELECT * FROM "{name}"'))) for name in names}
    import psycopg

    with psycopg.connect(address) as raw:
        names = [name for (name,) in raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return {name: sorted(map(repr, raw.execute(f'SELECT * FROM "{name}"'))) for name in names}


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    if connection.vendor == "sqlite":
        yield System(f"sqlite:///{folder / 'db.sqlite3'}", folder)
        return
    name = f"restored_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
    yield System(address_of_database().rpartition("/")[0] + "/" + name, folder)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def leak(owed, cast, content):
    """The county's 3.2.1, handed in with a secret in its text and in a file; 3.2.2 has two files, one the same."""
    Evidence.objects.attach(owed["3.2.1"], upload("名单.pdf", PDF), by=cast.reporter)
    Evidence.objects.attach(owed["3.2.2"], upload("也是名单.pdf", PDF), by=cast.reporter)
    Evidence.objects.attach(owed["3.2.2"], upload("总结.docx", docx()), by=cast.reporter)
    for code, progress in (("3.2.1", SECRET), ("3.2.2", "照常推进。")):
        fresh(owed[code]).submit(by=cast.reporter, version=1, **content | {"progress": progress})
    return owed["3.2.1"]


@pytest.fixture
def second(bodies):
    return person("second", bodies.city, Role.SUPERVISOR, name="督办人乙")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups" / "2026-11-22"


def test_what_is_restored_is_every_row_and_every_file(leak, folder, elsewhere):
    call_command("backup", str(folder))
    done = elsewhere.run("restore", folder)
    assert done.returncode == 0, done.stderr
    assert elsewhere.rows() == rows_of(address_of_database())
    assert elsewhere.files() == {name: path.read_bytes() for name, path in kept().items()}
    assert len(elsewhere.files()) == 2
    assert elsewhere.run("migrate", "--check").returncode == 0


def test_only_the_owner_reads_it_and_the_manifest_says_what_it_is(leak, folder):
    folder.mkdir(parents=True)  # an empty folder is as good as none
    call_command("backup", str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files - {"manifest.json", "manifest.json.sha256"} == set(manifest["files"])
    assert manifest["vendor"] == connection.vendor
    assert manifest["tables"]["tracker_entry"] == Entry.objects.count()
    assert ["contenttypes", "0001_initial"] in manifest["migrations"]
    assert manifest["faults"] == {}
    checked = subprocess.run(["sha256sum", "-c", "manifest.json.sha256"], cwd=folder, capture_output=True, check=False)
    assert checked.returncode == 0
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_folder_that_holds_something_is_left_alone(leak, folder):
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("x")
    with pytest.raises(CommandError):
        call_command("backup", str(folder))
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_backup_that_breaks_off_leaves_nothing_that_looks_like_one(leak, folder, settings):
    root = Path(settings.STORAGES["evidence"]["OPTIONS"]["location"])
    place = root / place_of(Evidence.objects.first().digest)
    place.unlink()
    place.mkdir()  # cannot be read as a file
    with pytest.raises(CommandError):
        call_command("backup", str(folder))
    assert list(folder.parent.iterdir()) == []


def test_a_file_lost_before_is_told_and_one_erased_meanwhile_is_noted(leak, folder, settings, monkeypatch, capsys):
    lost, erased = Evidence.objects.values_list("digest", flat=True).distinct().order_by("digest")
    for path in kept().values():
        path.unlink()
    was = backups.sealed

    def between(place):
        """The database is copied; now one of the files is erased."""
        Evidence.objects.filter(digest=erased).update(erased_at="2026-11-22T00:00:00Z", name="")
        return was(place)

    monkeypatch.setattr(backups, "sealed", between)
    call_command("backup", str(folder))
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["faults"] == {lost: "lost", erased: "erased"}
    told = capsys.readouterr().err
    assert lost in told
    assert erased not in told


def test_a_changed_byte_anywhere_is_refused_before_anything_is_touched(leak, folder, elsewhere):
    call_command("backup", str(folder))
    elsewhere.run("migrate")
    before = elsewhere.rows()
    assert before
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])
        done = elsewhere.run("restore", folder)
        assert done.returncode == 1, path
        assert "Traceback" not in done.stderr, path
        path.write_bytes(whole)
    (folder / "manifest.json").rename(folder / "kept.json")
    assert elsewhere.run("restore", folder).returncode == 1
    assert elsewhere.rows() == before
    assert elsewhere.files() == {}
    (folder / "kept.json").rename(folder / "manifest.json")
    assert elsewhere.run("restore", folder).returncode == 0  # over the empty tables that are there
    assert elsewhere.rows() == rows_of(address_of_database())


def test_a_system_that_holds_something_is_left_alone(leak, folder):
    call_command("backup", str(folder))
    before = rows_of(address_of_database())
    with pytest.raises(CommandError):
        call_command("restore", str(folder))
    assert rows_of(address_of_database()) == before


@pytest.mark.parametrize(("name", "value"), [("migrations", [["tracker", "9999_younger"]]), ("vendor", "oracle")])
def test_a_newer_backup_and_one_of_another_database_are_refused(leak, folder, elsewhere, name, value):
    call_command("backup", str(folder))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    text = json.dumps(manifest | {name: value}).encode()
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.json.sha256").write_bytes(backups.seal_of(text))
    done = elsewhere.run("restore", folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert elsewhere.rows() == {}


def test_an_older_backup_is_brought_forward(db, folder, elsewhere):
    elsewhere.run("migrate", "tracker", "0002")
    assert elsewhere.run("backup", folder).returncode == 0
    elsewhere.run("migrate")
    done = elsewhere.run("restore", folder)
    assert done.returncode == 0, done.stderr
    assert elsewhere.run("migrate", "--check").returncode == 0


# 清除.


def erase(entry, asked_by, agreed_by, **what):
    Erasure.objects.ask(fresh(entry), by=asked_by, reason=REASON, **what).agree(by=agreed_by)


def test_what_was_erased_after_the_backup_does_not_come_back(leak, folder, elsewhere, cast, second, settings):
    file = Evidence.objects.get(name="名单.pdf")
    asked_before = Erasure.objects.ask(fresh(leak), by=cast.supervisor, reason=REASON, texts=["progress"])
    call_command("backup", str(folder))
    asked_before.agree(by=second)
    erase(leak, cast.supervisor, second, evidence=file)
    assert SECRET not in "".join(map(str, rows_of(address_of_database()).values()))
    elsewhere.erasures.write_bytes(settings.ERASURES_FILE.read_bytes())
    done = elsewhere.run("restore", folder)
    assert done.returncode == 0, done.stderr
    text = elsewhere.text()
    assert "甲字第七号" not in text
    assert "名单" not in text
    assert "照常推进" in text
    assert REASON in text
    assert file.digest not in elsewhere.files()
    assert len(elsewhere.files()) == 1
    assert elsewhere.run("check_evidence").returncode == 0
    # Backed up and restored once more it is known, and nothing is done twice.
    again = folder.with_name("again")
    assert elsewhere.run("backup", again).returncode == 0
    before = elsewhere.rows()
    empty(elsewhere)
    assert elsewhere.run("restore", again).returncode == 0
    assert elsewhere.rows() == before


def empty(system):
    assert system.run("flush", "--no-input").returncode == 0


def test_it_is_erased_again_where_nobody_of_that_time_is_there_any_more(leak, folder, elsewhere, bodies, settings):
    call_command("backup", str(folder))
    newcomers = [person(name, bodies.city, Role.SUPERVISOR) for name in ("new", "newer")]
    erase(leak, *newcomers, texts=["progress"])
    elsewhere.erasures.write_bytes(settings.ERASURES_FILE.read_bytes() + b'{"erasure": 9, "en')
    done = elsewhere.run("restore", folder)
    assert done.returncode == 0, done.stderr
    assert "甲字第七号" not in elsewhere.text()


def test_without_the_list_the_restore_says_what_that_means(leak, folder, elsewhere, cast, second):
    call_command("backup", str(folder))
    erase(leak, cast.supervisor, second, texts=["progress"])
    done = elsewhere.run("restore", folder)
    assert done.returncode == 0
    assert str(elsewhere.erasures) in done.stderr
    assert "甲字第七号" in elsewhere.text()


# While people write.


def test_writers_at_work_do_not_break_it(leak, folder, elsewhere, cast, content):
    going, stop, turns = threading.Event(), threading.Event(), []

    def write():
        try:
            while not stop.is_set():
                entry = fresh(leak)
                entry.withdraw(by=cast.reporter, version=entry.version)
                entry.submit(by=cast.reporter, version=entry.version, **content)
                turns.append(1)
                going.set()
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert going.wait(30)
        before = len(turns)
        call_command("backup", str(folder))
        during = len(turns) - before
    finally:
        stop.set()
        writer.join(30)
    assert during or connection.vendor == "sqlite"  # there it takes a few milliseconds
    done = elsewhere.run("restore", folder)  # which compares the tallies with the records
    assert done.returncode == 0, done.stderr
    said = elsewhere.rows()
    told = sum("'submitted'" in row or "'withdrawn'" in row for row in said["tracker_event"])
    assert told > before


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's programs")
def test_where_the_programs_are_missing_it_says_so(leak, folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CommandError, match="pg_dump"):
        call_command("backup", str(folder))
    assert list(folder.parent.iterdir()) == []
