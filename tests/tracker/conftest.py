"""Files of the tests are kept in the tests' own folder; the back office in English, and something of everything."""

import json

import pytest
from django.utils import translation

from tests.tracker.office import furnish
from tracker.models import Assignment


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    settings.ERASURES_FILE = tmp_path / "erasures.jsonl"
    settings.STORAGES = settings.STORAGES | {
        "evidence": settings.STORAGES["evidence"] | {"OPTIONS": {"location": str(tmp_path / "evidence")}}
    }


@pytest.fixture
def in_english():
    """What a context holds is said when it is looked at."""
    with translation.override("en"):
        yield


@pytest.fixture
def office(client, cast):
    client.force_login(cast.administrator)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def send_rows(sign_in, cast):
    """Rows as a page's script sends them; returns the answers by entry."""

    def send(address, *rows, name, user=None):
        body = {"user": user or getattr(cast, name).pk, "rows": list(rows)}
        answer = sign_in(name).post(address, json.dumps(body), content_type="application/json")
        assert answer.status_code == 200, answer.content
        return {one["entry"]: one for one in answer.json()["rows"]}

    return send


@pytest.fixture
def duty(owed):
    return Assignment.objects.with_place().get(pk=owed["3.2.1"].assignment_id)


@pytest.fixture
def everything(owed, cast, content, tasks, bodies):
    return furnish(owed, cast, content, tasks, bodies)
