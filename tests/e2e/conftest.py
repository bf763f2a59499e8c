"""A real server on the demo's data, and a real browser at two widths."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "var" / "screens"
WIDTHS = {"wide": (1440, 900), "narrow": (360, 740)}
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The demo, made and served in a process of its own."""
    env = os.environ | {
        "DEBUG": "1",
        "DEMO": "1",
        "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('demo') / 'demo.sqlite3'}",
    }
    subprocess.run([sys.executable, "manage.py", "quickstart", "--no-server"], cwd=ROOT, env=env, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    with open(os.devnull, "w") as quiet:
        server = subprocess.Popen(serve, cwd=ROOT, env=env, stdout=quiet, stderr=quiet)
    base = f"http://127.0.0.1:{port}"
    for _try in range(100):
        try:
            urllib.request.urlopen(base + "/healthz", timeout=2)
            break
        except OSError:
            time.sleep(0.2)
    yield base
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="session")
def browser():
    SCREENS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        yield chromium
        chromium.close()


class Visitor:
    """One person's window. Everything the browser complains of is kept, and must stay empty."""

    def __init__(self, browser: Browser, address: str, width: str) -> None:
        self.address, self.width = address, width
        size = WIDTHS[width]
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            accept_downloads=True,
            is_mobile=width == "narrow",
            has_touch=width == "narrow",
        )
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, name: str) -> Page:
        """By one click on the login page, as the demo offers."""
        self.context.clear_cookies()
        self.page.goto(self.address + "/accounts/login/")
        self.page.locator(f"form:has(input[name=username][value={name}]) button").click()
        self.page.wait_for_url(self.address + "/")
        return self.page

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def shoot(self, name: str) -> None:
        self.page.screenshot(path=SCREENS / f"{name}-{WIDTHS[self.width][0]}.png", full_page=True)

    @property
    def scrolls_sideways(self) -> bool:
        self.page.wait_for_load_state()  # a style sheet still on its way leaves everything wide
        return self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.fixture(params=list(WIDTHS))
def visitor(request, browser, address):
    visitor = Visitor(browser, address, request.param)
    yield visitor
    visitor.context.close()
    # The browser notes every refusal (403, 404, 409, 422); anything else it complains of is a fault.
    refused = re.compile(r"status of (403|404|409|422)")
    assert [line for line in visitor.complaints if not refused.search(line)] == []
