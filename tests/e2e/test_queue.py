"""The review queue in a real browser: four hundred entries on the last afternoon, and what may go wrong meanwhile.

Each test has a server and a database of its own, copied from one that is made once: the demo, with a next quarter open
in which the bodies of the reviewer's city have handed in four hundred entries.
"""

import re
import subprocess
import sys
import time

import pytest

from .conftest import ROOT
from .test_look import faults_of
from .test_sheet import Office, copy, environment

FOUR_HUNDRED = """
import datetime as dt
from django.utils import timezone
from tracker.models import *
reviewer = User.objects.get(username="reviewer")
city, now = reviewer.organization, Period.objects.open_on(timezone.localdate()).get()
for entry in Entry.objects.reviewable_by(reviewer).for_transition():
    entry.accept(by=reviewer, version=entry.version)
due = now.due + dt.timedelta(days=90)
period = Period.objects.create(plan=now.plan, code="2031Q1", opens=timezone.localdate(), due=due, locks=due)
bodies = Organization.objects.filter(parent=city)
Assignment.objects.assign(Task.objects.select_related("plan"), bodies, by=None, all_levels=True)
period.open()
people = {m.organization_id: m.person for m in Membership.objects.filter(role="reporter", organization__in=bodies)}
owed = Entry.objects.for_transition().filter(period=period, assignment__reviewing=city).order_by("pk")
with tallying():
    for n, entry in enumerate(owed[:400]):
        last = entry.previous()
        said = (last.progress if last else "按计划推进。") + f"本期新建站点 {n} 个，服务职工 {n}00 人次。"
        words = {"progress": said} if entry.assignment.task.takes_texts else {}
        by = people[entry.assignment.organization_id]
        entry.submit(by=by, version=entry.version, status="in_progress", **words)
print(Entry.objects.reviewable_by(reviewer).count())
"""
PAGES = 10


@pytest.fixture(scope="session")
def four_hundred(tmp_path_factory):
    file = tmp_path_factory.mktemp("queue") / "queue.sqlite3"
    env = environment(file)
    subprocess.run([sys.executable, "manage.py", "quickstart", "--no-server"], cwd=ROOT, env=env, check=True)
    ask = [sys.executable, "manage.py", "shell", "-v0", "-c", FOUR_HUNDRED]
    made = subprocess.run(ask, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    assert made.stdout.split()[-1] == "400"
    return file


@pytest.fixture
def office(browser, four_hundred, tmp_path):
    own = tmp_path / "own.sqlite3"
    copy(four_hundred, own)
    office = Office(browser, own, "2031Q1")
    yield office
    for window in office.windows:
        window.context.close()
    office.kill()
    wanted = re.compile(r"status of (400|401|403|404|409|422)|ERR_(INTERNET_DIS|CONNECTION_|EMPTY_RESPONSE|FAILED)")
    assert [line for window in office.windows for line in window.complaints if not wanted.search(line)] == []


def queue(office, width="wide"):
    window = office.open(width, "reviewer")
    window.go("/review/")
    window.page.locator("#queue.scripted").wait_for()
    return window


def counted(office, **condition):
    said = ", ".join(f"{name}={value!r}" for name, value in condition.items())
    return int(office.do(f"print(Entry.objects.filter(period__code='2031Q1', {said}).count())"))


def case(page, n):
    return page.locator(".case").nth(n)


def wait_decided(page, n):
    page.locator(".far [data-count=done]", has_text=re.compile(f"^{n}$")).wait_for()
    page.locator(".state", has_text="正在提交").first.wait_for(state="hidden")


@pytest.mark.parametrize("bulk", [True, False], ids=["singly and by page", "all singly"])
def test_four_hundred_reviews(office, capsys, bulk):
    """Twenty returned with a phrase, the others accepted. Every key and click is counted, every request from the first
    page on."""
    window = office.open("wide", "reviewer")
    page = window.page
    asked, presses = [], 0
    page.on("request", lambda request: asked.append(request.url))

    def press(key):
        nonlocal presses
        presses += 1
        page.keyboard.press(key)

    started = time.perf_counter()
    page.goto(office.address + "/")
    presses += 1
    page.get_by_role("link", name=re.compile("待您审核")).click()
    page.locator("#queue.scripted").wait_for()
    press("j")  # shows which entry the keys mean
    for number in range(PAGES):
        for at in range(10 if bulk else 40):
            if at < 2:
                press("r")
                press("Alt+1")
                press("Control+Enter")
            else:
                press("a")
        if bulk:
            presses += 1
            page.get_by_role("button", name="通过本页全部").click()
            press("Enter")
        page.locator("a:focus").wait_for()
        press("Enter")  # the link to the next page has the focus
        if number < PAGES - 1:
            page.locator("[data-count=done]", has_text=re.compile("^0$")).wait_for()
            page.locator(".case:focus").wait_for()
    page.get_by_text("目前没有待审核的填报").wait_for()
    took = time.perf_counter() - started
    assert (counted(office, state="returned"), counted(office, state="accepted")) == (20, 380)
    way = "singly and by page" if bulk else "all singly"
    with capsys.disabled():
        told = f"\nfour hundred reviews, {way}: {presses} presses, {len(asked)} requests, {took:.1f} s\n"
        sys.stdout.write(told)
    assert presses <= (200 if bulk else 470)
    assert len(asked) <= 600


def test_keys_move_decide_and_take_back_in_place(office):
    page = queue(office).page
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == case(page, 0).get_attribute("id")
    page.keyboard.press("a")
    wait_decided(page, 1)
    assert case(page, 0).locator(".state").inner_text() == "审核通过"
    assert page.evaluate("document.activeElement.id") == case(page, 1).get_attribute("id")
    page.keyboard.press("r")
    page.keyboard.type("请补充 a 和 j。")  # no key while one writes
    page.keyboard.press("Control+Enter")
    wait_decided(page, 2)
    assert "请补充 a 和 j。" in case(page, 1).locator(".state").inner_text()
    assert counted(office, state="returned", comment="请补充 a 和 j。") == 1
    page.keyboard.press("u")  # the last one
    wait_decided(page, 1)
    assert page.evaluate("document.activeElement.id") == case(page, 1).get_attribute("id")
    case(page, 0).get_by_role("button", name="撤销").click()
    wait_decided(page, 0)
    assert counted(office, state="submitted") == 400
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    assert page.locator(".case .pick input:checked").count() == 2
    page.get_by_role("button", name="通过所选（2）").click()
    wait_decided(page, 2)
    assert counted(office, state="accepted") == 2


def test_an_input_method_and_the_switch_hold_the_keys_off(office):
    page = queue(office).page
    page.keyboard.press("j")
    held = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true, %s}))"
    page.evaluate(held % "isComposing: true")
    page.evaluate(held % "keyCode: 229")
    page.locator(".legend summary").click()
    page.get_by_label("启用单键操作").uncheck()
    case(page, 0).focus()
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    assert counted(office, state="accepted") == 0
    page.reload()
    assert not page.get_by_label("启用单键操作").is_checked()


def test_what_was_decided_offline_goes_by_itself_later(office):
    window = queue(office)
    page = window.page
    page.keyboard.press("j")
    window.context.set_offline(True)
    page.keyboard.press("a")
    page.locator("#queue-net", has_text="网络已断开").wait_for()
    page.keyboard.press("a")
    window.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_decided(page, 2)
    page.locator("#queue-net").wait_for(state="hidden")
    assert counted(office, state="accepted") == 2


def test_a_lost_answer_and_a_login_that_ran_out_lose_nothing(office):
    window = queue(office)
    page = window.page
    page.keyboard.press("j")

    def lose(route):
        route.fetch()  # the server has it
        route.abort()  # and nobody hears of it

    page.route("**/decide/", lose, times=1)
    page.keyboard.press("a")
    page.locator("#queue-net", has_text="网络已断开").wait_for()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_decided(page, 1)
    window.context.clear_cookies(name="sessionid")
    page.keyboard.press("r")
    page.keyboard.type("请补充。")
    page.keyboard.press("Control+Enter")
    page.locator("#queue-net", has_text="登录已过期").wait_for()
    with window.context.expect_page() as opened:
        page.get_by_role("link", name="在新窗口中重新登录").click()
    opened.value.locator("form:has(input[name=username][value=reviewer]) button").click()
    opened.value.wait_for_url(office.address + "/")
    opened.value.close()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    wait_decided(page, 2)
    assert (counted(office, state="accepted"), counted(office, comment="请补充。")) == (1, 1)


def test_somebody_who_was_first_is_told_beside_the_entry(office):
    first, second = queue(office), queue(office)
    for window in (first, second):
        window.page.keyboard.press("j")
    first.page.keyboard.press("a")
    wait_decided(first.page, 1)
    second.page.keyboard.press("r")
    second.page.keyboard.type("请补充。")
    second.page.keyboard.press("Control+Enter")
    second.page.locator("#queue-told", has_text="1 份未能办理").wait_for()
    assert "审核通过" in case(second.page, 0).locator(".fault").inner_text()
    assert case(second.page, 0).locator("textarea").input_value() == "请补充。"
    assert counted(office, state="accepted") == 1


def test_a_phrase_is_kept_from_what_was_typed(office):
    page = queue(office).page
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.keyboard.type("请附上照片。")
    case(page, 0).get_by_role("button", name="保存为常用语").click()
    page.locator(".phrases .chip", has_text="请附上照片。").wait_for()
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.keyboard.press("Alt+1")
    assert case(page, 0).locator("textarea").input_value() == "请附上照片。"


def test_without_javascript_the_same_form_decides(office, browser):
    window = office.open("wide", "reviewer")
    plain = browser.new_context(java_script_enabled=False, locale="zh-CN")
    plain.add_cookies(window.context.cookies())
    page = plain.new_page()
    page.goto(office.address + "/review/?by=task")
    second = case(page, 1).get_attribute("id")
    case(page, 0).get_by_role("button", name="审核通过").click()
    assert page.url.endswith("#" + second)
    assert "by=task" in page.url
    page.locator("form.done").get_by_role("button", name="撤销").click()
    assert counted(office, state="submitted") == 400
    case(page, 0).locator(".returning summary").click()
    case(page, 0).locator("textarea").fill("请补充。")
    case(page, 0).get_by_role("button", name=re.compile("^退回(?!…)")).click()
    assert counted(office, state="returned") == 1
    page.get_by_role("button", name="通过本页全部").click()
    assert page.locator("h1").inner_text() == "将 40 份填报审核通过？"
    page.screenshot(path=ROOT / "var" / "screens" / "queue-confirm-1440.png")
    page.get_by_role("button", name="确认通过").click()
    assert "已审核通过 40 份填报" in page.locator(".said").inner_text()
    assert counted(office, state="accepted") == 40
    plain.close()


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_the_queue_can_be_looked_at(office, width):
    window = queue(office, width)
    page = window.page
    window.shoot("queue")
    assert [*faults_of(window, "queue")] == []
    case(page, 0).get_by_role("button", name="审核通过").click()
    wait_decided(page, 1)
    case(page, 1).locator(".returning summary").click()
    case(page, 1).locator(".phrases .chip").first.click()
    case(page, 1).get_by_role("button", name=re.compile("^退回(?!…)")).click()
    wait_decided(page, 2)
    page.get_by_role("button", name="下一项").click()
    case(page, 2).locator(".returning summary").click()
    page.get_by_role("button", name="通过本页全部").click()
    page.screenshot(path=ROOT / "var" / "screens" / f"queue-decided-{width}.png")
    assert [*faults_of(window, "queue, decided")] == []
    for path in ("/review/?by=task", "/review/?by=waiting", "/review/phrases/"):
        window.go(path)
        window.shoot("queue" + re.sub(r"[^a-z]+", "-", path))
        assert [*faults_of(window, path)] == []
