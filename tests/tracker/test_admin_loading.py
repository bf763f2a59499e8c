"""Organizations loaded in the back office: looked over first, and then loaded."""

import datetime as dt
import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests.conftest import person
from tests.tracker.office import said
from tracker.admin import loading
from tracker.models import Organization, Role

pytestmark = pytest.mark.usefixtures("in_english")

SEVEN = "code,name,short_name,level,line,parent_code,industry_parent_code"
NEW = "g1,某公司工会,,grassroots,territorial,111,"


@pytest.fixture(autouse=True)
def _aside(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def choose(client, *lines, content=None):
    content = "\n".join(lines).encode() if content is None else content
    return client.post(reverse("admin:tracker_organization_load"), {"file": SimpleUploadedFile("o.csv", content)})


def load(client):
    return client.post(reverse("admin:tracker_organization_load"), {"load": "1"})


def test_a_file_is_looked_over_and_then_loaded(office, bodies, tmp_path):
    changed = "112,乙区总工会,,county,territorial,11,"
    page = choose(office, SEVEN, NEW, changed, f"2,{bodies.other.name},,province,territorial,0,")
    assert not Organization.objects.filter(code="g1").exists()
    shown = page.context["loading"]
    assert (len(shown.new), len(shown.changed), shown.unchanged, shown.complaints) == (1, 1, 1, [])
    assert "乙县总工会 → 乙区总工会" in page.content.decode()
    answer = load(office)
    assert answer.status_code == 302
    assert "1 made, 1 changed, 1 as they were" in said(office.get(answer.url))[0]
    assert Organization.objects.get(code="112").name == "乙区总工会"
    assert list((tmp_path / "looked-over").iterdir()) == []
    assert "not there any more" in said(load(office))[0]


def test_what_is_wrong_is_shown_by_line_and_column_and_cannot_be_loaded(office, bodies):
    page = choose(office, SEVEN, NEW, "g2,某,,nowhere,territorial,nobody,")
    text = page.content.decode()
    assert [(one.number, one.column) for one in page.context["complaints"]] == [(3, "level"), (3, "parent_code")]
    assert 'name="load"' not in text
    assert "not there any more" in said(load(office))[0]
    assert not Organization.objects.filter(code="g1").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\xff\xfe\xff", b"PK\x03\x04", b'code,name\n"', b"a,b\n1,2", SEVEN.encode()]
)
def test_what_is_no_such_file_gets_a_sentence(office, bodies, content):
    page = choose(office, content=content)
    assert page.status_code == 200
    assert page.context["form"].errors or page.context["loading"].unchanged == 0


def test_a_file_that_is_too_large_is_not_read(office, bodies, monkeypatch):
    monkeypatch.setattr(loading, "MEGABYTES", 0)
    assert "more than 0 MB" in choose(office, SEVEN, NEW).context["form"].errors["file"][0]
    assert "file" in office.post(reverse("admin:tracker_organization_load"), {}).context["form"].errors


def test_what_changed_between_looking_and_loading_is_told(office, bodies):
    choose(office, SEVEN, NEW)
    Organization.objects.filter(pk=bodies.county.pk).update(closed_on=dt.date(2026, 1, 1))
    page = load(office)
    assert "Line 2, column parent_code" in said(page)[0]
    assert not Organization.objects.filter(code="g1").exists()


def test_a_file_is_loaded_by_who_looked_it_over(office, client, bodies, cast, tmp_path):
    choose(office, SEVEN, NEW)
    client.force_login(person("second", bodies.nation, Role.ADMINISTRATOR))
    assert "not there any more" in said(load(client))[0]
    [kept] = (tmp_path / "looked-over").iterdir()
    os.utime(kept, (0, 0))
    choose(client, SEVEN, NEW)
    assert kept not in (tmp_path / "looked-over").iterdir()


@pytest.mark.parametrize("who", ["reporter", "leader", "reviewer", "supervisor", "auditor"])
def test_administrators_alone_load(sign_in, bodies, who):
    client = sign_in(who)
    assert client.get(reverse("admin:tracker_organization_load")).status_code in (302, 403)
    assert choose(client, SEVEN, NEW).status_code in (302, 403)
    assert load(client).status_code in (302, 403)


def test_within_the_scope(client, bodies):
    client.force_login(person("local", bodies.other, Role.ADMINISTRATOR))
    page = choose(client, SEVEN, NEW)
    assert [(one.number, one.column) for one in page.context["complaints"]] == [(2, "parent_code")]
