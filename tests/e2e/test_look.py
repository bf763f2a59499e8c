"""Every page as each person meets it: no complaint, no sideways scrolling, nothing axe finds, Chinese throughout."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

PAGES = {
    "reporter": [
        "/",
        "/plans/18/",
        "/plans/18/areas/3/",
        "/plans/18/tasks/",
        "/plans/18/tasks/3.4.5/",
        "/reports/18/ledger/",
        "/accounts/password/",
        "/nothing/",
    ],
    "reviewer": ["/", "/review/", "/reports/18/ledger/"],
    "supervisor": [
        "/",
        "/reports/18/ledger/",
        "/reports/18/ledger/?light=red&light=yellow",
        "/reports/18/ledger/?area=99",
        "/plans/18/tasks/3.2.3/",
        "/plans/18/tasks/?words=%E9%93%B6%E6%B2%B3",
    ],
    "national": ["/", "/reports/18/ledger/", "/plans/18/tasks/3.2.3/"],
    "industry": ["/"],
    "auditor": ["/"],
    "admin": ["/"],
}
# Latin letters a Chinese page may carry: names of formats and languages, codes, user names.
LATIN = re.compile(
    r"CSV|English|Excel|UTF|[A-Z]\d+|2\d{3}[QH]\d|\b(?:reporter|reviewer|supervisor|national|industry|auditor|admin)\b"
)


def faults_of(visitor, name):
    """What is wrong with the page shown, each fault with the page's name."""
    page = visitor.page
    if page.locator("h1").count() != 1:
        yield name, "not one h1"
    if visitor.scrolls_sideways:
        yield name, "scrolls sideways"
    words = re.findall(r"[A-Za-z]{2,}", LATIN.sub("", page.locator("body").inner_text()))
    if words:
        yield name, words
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    if found.violations_count:
        yield name, found.generate_report()


@pytest.mark.parametrize("name", list(PAGES))
def test_every_page_can_be_looked_at(visitor, name):
    visitor.sign_in(name)
    faults = []
    for path in PAGES[name]:
        visitor.go(path)
        visitor.shoot(f"{name}{re.sub(r'[^a-z0-9.]+', '-', path)}")
        faults += faults_of(visitor, path)
    assert faults == []


def test_the_login_page_and_an_organization_and_an_entry(visitor):
    visitor.go("/accounts/login/")
    visitor.shoot("login")
    faults = [*faults_of(visitor, "login")]
    page = visitor.sign_in("supervisor")
    page.get_by_role("link", name=re.compile("承担的全部举措")).click()
    visitor.shoot("organization")
    faults += faults_of(visitor, "organization")
    page = visitor.sign_in("reporter")
    for state in ("due", "returned", "accepted"):
        page.goto(visitor.address + "/")
        page.evaluate("document.querySelectorAll('details').forEach((fold) => fold.open = true)")
        page.locator(f"tr:has(.tag.{state}) a.btn").first.click()
        visitor.shoot(f"entry-{state}")
        faults += faults_of(visitor, f"entry {state}")
    assert faults == []


def test_the_keyboard_alone_reaches_the_form(visitor):
    page = visitor.sign_in("reporter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className").startswith("visually-hidden-focusable")
