"""Files of the tests are kept in the tests' own folder; the back office in English, and something of everything."""

import pytest
from django.utils import translation

from tests.tracker.office import furnish


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
def everything(owed, cast, content, tasks, bodies):
    return furnish(owed, cast, content, tasks, bodies)
