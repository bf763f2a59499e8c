"""The server killed between request and answer: an entry is handed in whole or not at all, and the counts agree."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from tracker.models import Assignment, Entry, Event, Task
from tracker.models.checking import differences

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
WRITERS, EACH = 4, 12


def address_of_database():
    """The test database, as the environment of another process names it."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    wanted = connection.settings_dict
    return f"postgres://{wanted['USER']}:{wanted['PASSWORD']}@{wanted['HOST']}:{wanted['PORT']}/{name}"


class Server:
    """A real server in a process group of its own, so that it dies at once, workers and all."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self):
        env = os.environ | {"DEBUG": "1", "DATABASE_URL": address_of_database()}
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "tracker.wsgi",
            "--workers",
            "2",
            "--bind",
            f"127.0.0.1:{self.port}",
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL, start_new_session=True)
        for _try in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2)
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def signed_in(user):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


@pytest.fixture
def many(bodies, cast, plan, tasks, period):
    Task.objects.bulk_create(
        Task(plan=plan, heading=tasks[0].heading, code=f"3.2.{n}", position=30200 + n, wording=f"第{n}号举措")
        for n in range(5, WRITERS * EACH + 1)
    )
    Task.objects.update(standing=False, reporting="full")
    Assignment.objects.assign(Task.objects.all(), [bodies.county], by=None)
    period.open()
    return list(Entry.objects.order_by("pk").values_list("pk", flat=True))


@pytest.fixture
def server(many):
    server = Server()
    server.start()
    yield server
    server.kill()


def submit(server, cookie, pk):
    """As a browser does: the form's page, then the form."""
    page = f"http://127.0.0.1:{server.port}/entries/{pk}/"
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
    with urllib.request.urlopen(urllib.request.Request(page, headers=headers), timeout=20) as answer:
        text = answer.read().decode()
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', text)[1]
        secret = re.search(r"csrftoken=(\w+)", answer.headers["Set-Cookie"])[1]
    headers["Cookie"] += f"; csrftoken={secret}"
    said = {"status": "in_progress", "progress": "新建站点四个。", "version": 1, "action": "submit"}
    data = urllib.parse.urlencode(said | {"csrfmiddlewaretoken": token}).encode()
    urllib.request.urlopen(urllib.request.Request(page, data, headers), timeout=20).close()


def test_killed_between_request_and_answer_nothing_is_half_done(server, many, cast):
    cookie = signed_in(cast.reporter)
    going = threading.Event()

    def write(share):
        for pk in share:
            try:
                submit(server, cookie, pk)
            except (OSError, urllib.error.URLError):
                return  # the server is gone
            going.set()

    for share in range(3):
        going.clear()
        pks = many[share * 16 : share * 16 + 16]
        writers = [threading.Thread(target=write, args=(pks[n::WRITERS],)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        assert going.wait(30)
        server.kill()
        for writer in writers:
            writer.join(30)
        server.start()
        handed_in = set(Entry.objects.filter(state="submitted").values_list("pk", flat=True))
        told = list(Event.objects.filter(action="submitted").values_list("entry", flat=True))
        assert sorted(told) == sorted(handed_in)
        assert set(Entry.objects.values_list("state", "version")) <= {("due", 1), ("submitted", 2)}
        assert list(differences()) == []
    left = Entry.objects.filter(state="due").values_list("pk", flat=True)
    assert left  # else nobody was interrupted
    for pk in list(left):
        submit(server, cookie, pk)
    assert Entry.objects.filter(state="submitted").count() == len(many)
    assert list(differences()) == []
