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
        "/reports/18/",
        "/reports/18/ledger/",
        "/handings/",
        "/accounts/password/",
        "/nothing/",
    ],
    "reviewer": ["/", "/review/", "/reports/18/", "/reports/18/ledger/", "/reports/18/board/"],
    "supervisor": [
        "/",
        "/reports/18/",
        "/reports/18/?show=completed",
        "/reports/18/?organization=S010100",
        "/reports/18/by-task/?area=3",
        "/reports/18/by-body/?task=3.4.5",
        "/reports/18/ledger/",
        "/reports/18/ledger/?light=red&light=yellow",
        "/reports/18/ledger/?area=99",
        "/reports/18/briefs/",
        "/reports/18/board/",
        "/reports/18/board/?period=2026Q3&sort=missing",
        "/reports/18/board/?line=diagonal",
        "/plans/18/tasks/3.2.3/",
        "/plans/18/hand-down/?task=3.2.3",
        "/plans/18/given/",
        "/plans/18/tasks/?words=%E9%93%B6%E6%B2%B3",
    ],
    "national": [
        "/",
        "/reports/18/",
        "/reports/18/?line=industrial",
        "/reports/18/ledger/",
        "/reports/18/board/?line=industrial",
        "/plans/18/tasks/3.2.3/",
    ],
    "city": [
        "/",
        "/reports/18/board/",
        "/handings/",
        "/plans/18/given/",
        "/plans/18/given/3.2.1/",
        "/plans/18/hand-down/",
    ],
    "leader": ["/", "/sign-off/18/2026Q4/", "/sign-off/18/2026Q4/print/"],
    "industry": ["/"],
    "auditor": ["/"],
    "admin": ["/"],
}
# What everybody may ask for; whoever may not see it meets a refusal, which is looked at too.
EVERYWHERE = [
    "/handings/",
    "/plans/18/hand-down/",
    "/plans/18/hand-down/?task=3.2.3",
    "/plans/18/given/",
    "/plans/18/given/3.2.3/",
    "/find/?q=%E7%A4%BA%E4%BE%8B",
    "/accounts/",
    "/accounts/code/",
    "/entries/on-behalf/",
]
EVERYBODY = ["reporter", "reviewer", "supervisor", "national", "city", "auditor", "admin"]
# The back office: a list, whose first row is opened, and what hangs on that row.
OFFICE = [
    ("organization", ["change/", "move/", "merge/", "close/"], ["load/", "add/"]),
    ("task", ["change/", "reword/", "end/"], []),
    ("user", ["change/", "code/", "handover/", "deputies/"], ["roster/", "invitations/"]),
    ("assignment", ["change/"], []),
    ("entry", ["change/"], []),
    ("plan", ["change/"], ["load/"]),
    ("event", [], []),
]
# Latin letters a Chinese page may carry: names of formats and languages, codes, user names.
LATIN = re.compile(
    r"CSV|XLSX|Power Query|JSON|JPG|PNG|WebP|PDF|OFD|\bWord\b|PowerPoint|TXT|WPS|\bGET\b|English|Excel|UTF|GBK|\bMB\b"
    r"|yunnan-15|[A-Z]\d+|2\d{3}[QH]\d|\bKB\b|\b(?:pdf|csv|txt|png)\b"
    r"|\b(?:reporter|reviewer|supervisor|national|industry|auditor|admin|city|leader)\b"
)


def wrong_in(visitor, name):
    """What any page must have: one heading, and Chinese throughout."""
    page = visitor.page
    if page.locator("h1").count() != 1:
        yield name, "not one h1"
    text = page.locator("body").inner_text()
    codes = page.locator("code, td.field-what").all_inner_texts()  # names of columns, addresses asked for
    for code in sorted(codes, key=len, reverse=True):
        text = text.replace(code, "")
    words = re.findall(r"[A-Za-z]{2,}", LATIN.sub("", text))
    if words:
        yield name, words


def faults_of(visitor, name):
    """What is wrong with the page shown, each fault with the page's name."""
    page = visitor.page
    yield from wrong_in(visitor, name)
    if visitor.scrolls_sideways:
        yield name, "scrolls sideways"
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


@pytest.mark.parametrize("name", EVERYBODY)
def test_handing_finding_and_the_account_for_everybody(visitor, name):
    visitor.sign_in(name)
    faults = []
    for path in EVERYWHERE:
        visitor.go(path)
        visitor.shoot(f"{name}{re.sub(r'[^a-z0-9.]+', '-', path)}")
        faults += faults_of(visitor, path)
    assert faults == []


def test_an_assignment_s_milestones_for_everybody(visitor):
    page = visitor.sign_in("reporter")
    page.goto(visitor.address + "/plans/18/tasks/3.4.5/")
    address = page.locator("a[href$='/milestones/']").first.get_attribute("href")
    faults = []
    for name in EVERYBODY:
        visitor.sign_in(name)
        visitor.go(address)
        visitor.shoot(f"{name}-milestones")
        faults += faults_of(visitor, f"{name} {address}")
    assert faults == []


@pytest.mark.parametrize("visitor", ["wide"], indirect=True)
@pytest.mark.parametrize("kind", [kind for kind, _of_one, _of_all in OFFICE])
def test_the_back_office_speaks_chinese(visitor, kind):
    of_one, of_all = next(acts for name, *acts in OFFICE if name == kind)
    visitor.sign_in("admin")
    faults, start = [], f"/admin/tracker/{kind}/"
    page = visitor.go(start)
    paths = [start, *(start + act for act in of_all)]
    if of_one:
        one = page.locator("#result_list a[href$='/change/']").last.get_attribute("href")
        paths += [one.partition("?")[0].removesuffix("change/") + act for act in of_one]
    for path in paths:
        answer = page.goto(visitor.address + path)
        visitor.shoot(f"office{re.sub(r'[^a-z0-9.]+', '-', path.removeprefix('/admin/tracker'))}")
        faults += wrong_in(visitor, path)
        faults += [(path, answer.status)] if answer.status != 200 else []
    assert faults == []


@pytest.mark.parametrize("visitor", ["wide"], indirect=True)
def test_the_operations_log_as_the_auditor(visitor):
    visitor.sign_in("auditor")
    visitor.go("/admin/tracker/operation/")
    visitor.shoot("office-operations")
    assert list(wrong_in(visitor, "operations")) == []


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
