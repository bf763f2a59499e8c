"""What holds for the whole site: headers, refusals, settings, files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks

ROOT = Path(__file__).resolve().parents[1]


def test_every_answer_carries_the_strict_headers(client, db):
    headers = client.get("/accounts/login/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_no_template_has_an_inline_script_or_style():
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), path


def test_the_demo_is_refused_without_debug(settings):
    settings.DEMO, settings.DEBUG = True, False
    assert "luoshi.E001" in {message.id for message in run_checks()}
    settings.DEBUG = True
    assert "luoshi.E001" not in {message.id for message in run_checks()}


def test_settings_start_only_with_a_secret_key():
    env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "tracker.settings"}
    ask = [sys.executable, "-c", "from django.conf import settings; settings.SECRET_KEY"]
    assert b"SECRET_KEY" in subprocess.run(ask, cwd=ROOT, env=env, capture_output=True, check=False).stderr


def test_logging_in_is_locked_for_the_pair_of_name_and_address(client, cast):
    for _try in range(settings.AXES_FAILURE_LIMIT):
        response = client.post("/accounts/login/", {"username": "reporter", "password": "wrong"})
    assert response.status_code == 429
    assert client.post("/accounts/login/", {"username": "reporter", "password": "a-long-password"}).status_code == 429
    assert client.post("/accounts/login/", {"username": "reviewer", "password": "a-long-password"}).status_code == 302


def test_a_form_without_its_token_gets_a_sentence(cast):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    response = client.post("/accounts/login/", {"username": "reporter", "password": "x"})
    assert response.status_code == 403
    assert "masthead" in response.content.decode()


@pytest.mark.parametrize("name", ["README.md", "README.zh-Hans.md"])
def test_the_quick_start_is_two_commands_each_alone(name):
    text = (ROOT / name).read_text("utf-8")
    quick = re.split(r"^## ", text, flags=re.M)[1]
    assert re.findall(r"```sh\n(.*?)\n```", quick, flags=re.S) == ["make run", "make test"]


def test_every_environment_variable_is_documented_once():
    asked = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "tracker" / "settings.py").read_text("utf-8")))
    for name in ("README.md", "README.zh-Hans.md"):
        rows = re.findall(r"^\| `([A-Z_]+)`", (ROOT / name).read_text("utf-8"), flags=re.M)
        assert sorted(rows) == sorted(asked), name


def test_files_stay_readable():
    for folder in ("tracker", "reports"):
        for path in (ROOT / folder).rglob("*.py"):
            if "migrations" not in path.parts:
                assert len(path.read_text("utf-8").splitlines()) <= 520, path
