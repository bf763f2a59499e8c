"""The sheet in a real browser: forty entries by the keyboard, a pasted block, and everything that may go wrong.

Each test has a server and a database of its own, copied from one that is made once: the demo, with a next quarter open
in which the reporter's county owes forty entries, all of them reported on before.
"""

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest

from .conftest import ROOT, Visitor
from .test_look import faults_of

NEXT_QUARTER = """
import datetime as dt
from django.utils import timezone
from tracker.models import Entry, Period, Plan, User
reporter, reviewer, supervisor = (User.objects.get(username=name) for name in ("reporter", "reviewer", "supervisor"))
now = Period.objects.open_on(timezone.localdate()).get()
mine = Entry.objects.for_transition().filter(period=now, assignment__organization=reporter.organization)
for entry in mine.exclude(state="excused"):
    # What is completed owes nothing next time, and what is blocked does not stay unchanged.
    if entry.state == "submitted" and entry.status in ("completed", "blocked"):
        entry.return_(by=reviewer, version=entry.version, comment="尚未全部完成。")
    elif entry.state == "accepted" and entry.status == "blocked":
        entry.reopen(by=reviewer, version=entry.version, comment="已协调解决。")
    if entry.state in ("due", "draft", "returned"):
        said = {"progress": "按计划推进。"} if entry.assignment.task.takes_texts else {}
        said |= {"status": "in_progress", "percent": None, "need": "", "need_from": "", "need_by": None}
        entry.submit(by=reporter, version=entry.version, **said)
    if entry.state == "submitted":
        entry.accept(by=reviewer, version=entry.version)
year, quarter = int(now.code[:4]), int(now.code[5])
code = f"{year}Q{quarter + 1}" if quarter < 4 else f"{year + 1}Q1"
due = now.due + dt.timedelta(days=90)
period = Period.objects.create(plan=Plan.objects.get(), code=code, opens=timezone.localdate(), due=due, locks=due)
period.open()
owed = Entry.objects.for_transition().filter(period=period, assignment__organization=reporter.organization)
for entry in owed:
    if entry.previous() is None:
        entry.excuse(by=supervisor, version=1, comment="本期免报。")
print(code)
"""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A database and the code of the quarter to fill in."""
    file = tmp_path_factory.mktemp("sheet") / "sheet.sqlite3"
    env = environment(file)
    subprocess.run([sys.executable, "manage.py", "quickstart", "--no-server"], cwd=ROOT, env=env, check=True)
    ask = [sys.executable, "manage.py", "shell", "-v0", "-c", NEXT_QUARTER]
    made = subprocess.run(ask, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return file, made.stdout.split()[-1]


def environment(file):
    return os.environ | {"DEBUG": "1", "DEMO": "1", "DATABASE_URL": f"sqlite:///{file}"}


class Office:
    """A server of one test's own, and the windows opened on it."""

    def __init__(self, browser, file, code):
        self.browser, self.file, self.path = browser, file, f"/sheet/18/{code}/"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.windows = []
        self.start()

    def start(self):
        serve = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"]
        quiet = subprocess.DEVNULL
        self.server = subprocess.Popen(serve, cwd=ROOT, env=environment(self.file), stdout=quiet, stderr=quiet)
        for _try in range(100):
            try:
                urllib.request.urlopen(self.address + "/healthz", timeout=2)
                return
            except OSError:
                time.sleep(0.1)

    def kill(self):
        """As the power does."""
        self.server.kill()
        self.server.wait(10)

    def open(self, width="wide", name="reporter"):
        window = Visitor(self.browser, self.address, width)
        window.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.windows.append(window)
        window.sign_in(name)
        return window

    def sheet(self, width="wide"):
        window = self.open(width)
        window.go(self.path)
        return window

    def mine(self, condition):
        """How many of the county's entries in the period are so, counted in the database."""
        period, body = (
            "period=Period.objects.first()",
            "assignment__organization=User.objects.get(username='reporter').organization",
        )
        return int(self.do(f"print(Entry.objects.filter({period}, {body}, {condition}).count())"))

    def do(self, code):
        """Something done, or asked, behind the browser's back, in Python over the models."""
        ask = [sys.executable, "manage.py", "shell", "-v0", "-c", "from tracker.models import *\n" + code]
        env = environment(self.file)
        return subprocess.run(ask, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def office(browser, prepared, tmp_path):
    file, code = prepared
    own = tmp_path / "own.sqlite3"
    copy(file, own)
    office = Office(browser, own, code)
    yield office
    for window in office.windows:
        window.context.close()
    office.kill()
    # What these tests do to the line and the login, the browser notes; anything else it complains of is a fault.
    wanted = re.compile(r"status of (400|401|403|404|409|422)|ERR_(INTERNET_DIS|CONNECTION_|EMPTY_RESPONSE|FAILED)")
    assert [line for window in office.windows for line in window.complaints if not wanted.search(line)] == []


def copy(file, own):
    """A whole database, whatever still stands in its write-ahead log."""
    with sqlite3.connect(file) as old, sqlite3.connect(own) as new:
        old.backup(new)


def open_rows(page):
    return page.locator(".entry[data-entry]:not(.folded):not([hidden])")


def writing_rows(page):
    """The rows that take texts."""
    return page.locator(".entry[data-entry]:has(textarea)")


def cell(row, name):
    return row.locator(f"[data-column={name}] :is(select, input, textarea)")


def wait_saved(row):
    row.locator(".course .saved", has_text=re.compile(r"已保存 \d\d:\d\d$")).wait_for()


def block(page, text, html=""):
    """Put onto the clipboard what a spreadsheet would."""
    page.evaluate(
        """async ([text, html]) => {
            const parts = { "text/plain": new Blob([text], { type: "text/plain" }) };
            if (html) parts["text/html"] = new Blob([html], { type: "text/html" });
            await navigator.clipboard.write([new ClipboardItem(parts)]);
        }""",
        [text, html],
    )


def test_forty_entries_thirty_unchanged(office, capsys):
    """Every key is counted but those that write words; every request from the first page on."""
    window = office.open()
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
    page.locator("a.btn-primary", has_text="填报本期").first.click()
    page.wait_for_url("**" + office.path)
    total = open_rows(page).count()
    assert total == 40
    presses += 1
    page.locator(".entry select").first.click()
    page.keyboard.press("Escape")
    # Whoever is asked how much came in the period does not say "no change": those rows are among the ten.
    others, changed = 10 - page.locator(".entry[data-entry]:has(.boxes)").count(), 0
    for row in range(total):
        body = page.locator(".entry[data-entry]").nth(row)
        asked_number = body.locator(".boxes").count() > 0
        if asked_number or (others > 0 and body.locator("textarea").count()):
            others -= not asked_number
            changed += 1
            press("2")
            press("Tab")
            if body.locator("[data-column=percent] input").count():
                press("Tab")
            page.keyboard.insert_text(f"本期新建站点 {changed} 个，服务职工 {changed}00 人次。")
            press("Enter")
        else:
            press("0")
    press("Control+s")
    page.locator(".far [data-count=done]", has_text=re.compile("^30$")).wait_for()
    presses += 1
    page.get_by_role("button", name="提交全部").click()
    page.locator(".far [data-count=done]", has_text=re.compile("^40$")).wait_for()
    took = time.perf_counter() - started
    assert office.mine("state='submitted'") == 40
    assert office.mine("no_change=True") == 30
    with capsys.disabled():
        sys.stdout.write(f"\nforty entries, thirty unchanged: {presses} presses, {len(asked)} requests, {took:.1f} s\n")
    assert presses <= 90
    assert len(asked) <= 45


# Pasting, and input methods.


def test_a_block_from_a_spreadsheet_goes_into_the_cells_and_comes_out_again(office):
    page = office.sheet().page
    rows = [writing_rows(page).nth(n) for n in range(3)]
    cell(rows[1], "next_steps").fill("先写好的。")
    columns = page.locator("thead [data-column]").evaluate_all("heads => heads.map((head) => head.dataset.column)")
    gap = "\t" if "percent" in columns else ""
    lines = [
        f'正在推进\t{gap}"一季度建站 3 个；\n二季度建站 ""五"" 个。"\t无\t继续推进。',
        f"搞定了\t{gap}第二行的进展。\t\t",
        f"未启动\t{'45%' + gap if gap else ''}第三行。\t{'长' * 20_001}\t第三行措施。\t多出一格",
    ]
    block(page, "\r\n".join(lines) + "\r\n")
    cell(rows[0], "status").focus()
    page.keyboard.press("Control+v")
    told = page.locator("#sheet-told")
    told.locator("li").first.wait_for()
    assert cell(rows[0], "status").input_value() == "in_progress"
    assert cell(rows[0], "progress").input_value() == '一季度建站 3 个；\n二季度建站 "五" 个。'
    assert cell(rows[1], "status").input_value() == ""
    assert cell(rows[1], "next_steps").input_value() == "先写好的。"  # an empty cell empties nothing
    assert cell(rows[2], "problems").input_value() == ""
    refusals = told.locator("li").all_inner_texts()
    assert any("“搞定了”：不是可选的状态，可填：未启动 / 正在推进" in line for line in refusals)
    assert any("超过 20000 字" in line for line in refusals)
    assert any("右侧已没有对应的栏目" in line for line in refusals)
    assert len(refusals) == (4 if gap else 3)
    page.screenshot(path=ROOT / "var" / "screens" / "sheet-pasted-1440.png")
    page.keyboard.press("Control+z")
    assert cell(rows[0], "progress").input_value() == ""
    assert cell(rows[1], "progress").input_value() == ""
    assert cell(rows[1], "next_steps").input_value() == "先写好的。"


def test_a_table_copied_as_html_alone_is_a_block_and_lines_of_words_are_not(office):
    page = office.sheet().page
    first, second = writing_rows(page).nth(0), writing_rows(page).nth(1)
    html = (
        "<style>td {color: red}</style><table><tr><td style='color:red'>甲<br>乙</td></tr><tr><td>丙</td></tr></table>"
    )
    cell(
        first, "progress"
    ).evaluate(  # as it stands in the clipboard: the browser's own way in would take the styles off
        """(cell, html) => {
            const data = new DataTransfer();
            data.setData("text/html", html);
            cell.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        html,
    )
    page.locator("#sheet-told", has_text="已粘贴 2 格").wait_for()
    assert cell(first, "progress").input_value() == "甲\n乙"
    assert cell(second, "progress").input_value() == "丙"
    block(page, "第一段。\n第二段。")
    cell(first, "problems").focus()
    page.keyboard.press("Control+v")
    assert cell(first, "problems").input_value() == "第一段。\n第二段。"
    assert cell(second, "problems").input_value() == ""


def test_keys_are_left_to_the_input_method_while_it_composes(office):
    page = office.sheet().page
    text = cell(writing_rows(page).nth(0), "progress")
    text.focus()
    for options in (
        "{key: 'Enter', isComposing: true}",
        "{key: 'ArrowDown', keyCode: 229}",
        "{key: 'Enter', keyCode: 229}",
    ):
        pressed = f"Object.assign({{ bubbles: true, cancelable: true }}, {options})"
        went_on = text.evaluate(f"cell => cell.dispatchEvent(new KeyboardEvent('keydown', {pressed}))")
        assert went_on, options
        assert page.evaluate("document.activeElement.name") == text.get_attribute("name")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") != text.get_attribute("name")


def test_arrows_leave_a_cell_at_the_edge_of_its_text_alone(office):
    page = office.sheet().page
    first, second = writing_rows(page).nth(0), writing_rows(page).nth(1)
    text = cell(first, "progress")
    text.fill("两个字")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.name") == text.get_attribute("name")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.name") == cell(first, "problems").get_attribute("name")
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Alt+ArrowDown")
    assert page.evaluate("document.activeElement.name") == cell(second, "progress").get_attribute("name")
    page.keyboard.insert_text("上一行")
    page.keyboard.press("Alt+Enter")
    page.keyboard.insert_text("下一行")
    assert cell(second, "progress").input_value() == "上一行\n下一行"


# What goes wrong.


def test_a_dead_connection_loses_nothing(office):
    window = office.sheet()
    page, row = window.page, writing_rows(window.page).nth(0)
    window.context.set_offline(True)
    cell(row, "progress").fill("断网时填写的。")
    page.locator("#sheet-net", has_text="网络已断开").wait_for()
    window.context.set_offline(False)
    wait_saved(row)
    assert page.locator("#sheet-net").is_hidden()
    assert office.mine("progress='断网时填写的。'") == 1
    assert page.evaluate("Object.keys(localStorage).length") == 0


def test_a_closed_tab_is_offered_again(office):
    window = office.sheet()
    row = writing_rows(window.page).nth(0)
    name = row.get_attribute("id")
    window.context.set_offline(True)
    cell(row, "progress").fill("没来得及上传的。")
    window.page.locator("#sheet-net", has_text="网络已断开").wait_for()
    window.page.close()
    window.context.set_offline(False)
    page = window.context.new_page()
    page.goto(office.address + office.path)
    page.locator("#sheet-told", has_text="有 1 行未上传的内容，已为您恢复").wait_for()
    wait_saved(page.locator(f"#{name}"))
    assert office.mine("progress='没来得及上传的。'") == 1


def test_a_login_that_ran_out_is_told_and_what_was_typed_goes_up_after_the_next(office):
    window = office.sheet()
    page, row = window.page, writing_rows(window.page).nth(0)
    window.context.clear_cookies(name="sessionid")
    cell(row, "progress").fill("登录过期时填写的。")
    page.locator("#sheet-net", has_text="登录已过期").wait_for()
    with window.context.expect_page() as opened:
        page.get_by_role("link", name="在新窗口中重新登录").click()
    opened.value.locator("form:has(input[name=username][value=reporter]) button").click()
    opened.value.wait_for_url(office.address + "/")
    opened.value.close()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    wait_saved(row)
    assert page.locator("#sheet-net").is_hidden()
    assert office.mine("progress='登录过期时填写的。'") == 1


def test_somebody_else_signed_in_meanwhile_takes_nothing(office):
    window = office.sheet()
    row = writing_rows(window.page).nth(0)
    other = window.context.new_page()
    other.goto(office.address + "/")
    other.get_by_role("button", name="退出").click()
    other.locator("form:has(input[name=username][value=reviewer]) button").click()
    other.wait_for_url(office.address + "/")
    cell(row, "progress").fill("不该记在别人名下。")
    window.page.locator("#sheet-net", has_text="请用您本人的账号重新登录").wait_for()
    assert office.mine("progress='不该记在别人名下。'") == 0


def test_two_browsers_on_one_entry_see_both_texts(office):
    first, second = office.sheet(), office.sheet()
    rows = [writing_rows(window.page).nth(0) for window in (first, second)]
    cell(rows[0], "progress").fill("先保存的。")
    wait_saved(rows[0])
    cell(rows[1], "progress").fill("后保存的。")
    conflict = rows[1].locator(".stands", has_text="已先保存了不同的内容")
    conflict.wait_for()
    assert "先保存的。" in conflict.inner_text()
    assert cell(rows[1], "progress").input_value() == "后保存的。"
    assert office.mine("progress='先保存的。'") == 1
    second.page.screenshot(path=ROOT / "var" / "screens" / "sheet-conflict-1440.png")
    conflict.get_by_role("button", name="保留我的").click()
    wait_saved(rows[1])
    assert office.mine("progress='后保存的。'") == 1


def test_a_double_click_and_a_lost_answer_do_no_harm(office):
    window = office.sheet()
    page, rows = window.page, [writing_rows(window.page).nth(n) for n in range(2)]
    for row in rows:
        cell(row, "status").select_option("in_progress")
        cell(row, "progress").fill("完成季度任务。")
        wait_saved(row)
    rows[0].get_by_role("button", name="提交").dblclick()
    page.locator(".far [data-count=done]", has_text=re.compile("^1$")).wait_for()
    lost = []

    def lose(route):
        route.fetch()  # the server has it
        lost.append(route.request)
        route.abort()  # and nobody hears of it

    page.route("**/save/", lose, times=1)
    rows[1].get_by_role("button", name="提交").click()
    page.locator("#sheet-net", has_text="网络已断开").wait_for()
    page.locator(".far [data-count=done]", has_text=re.compile("^2$")).wait_for()
    assert len(lost) == 1
    assert office.mine("state='submitted'") == 2
    assert (
        office.do("print(Event.objects.filter(entry__period=Period.objects.first(), action='submitted').count())")
        == "2"
    )


def test_typing_on_after_a_lost_answer_is_no_quarrel_with_oneself(office):
    window = office.sheet()
    page, row = window.page, writing_rows(window.page).nth(0)

    def lose(route):
        route.fetch()
        route.abort()

    page.route("**/save/", lose, times=1)
    cell(row, "progress").fill("第一句。")
    page.locator("#sheet-net", has_text="网络已断开").wait_for()
    cell(row, "progress").fill("第一句。第二句。")
    wait_saved(row)
    assert row.locator(".stands").count() == 0
    assert office.mine("progress='第一句。第二句。'") == 1


def test_a_server_killed_between_request_and_answer(office):
    window = office.sheet()
    page, row = window.page, writing_rows(window.page).nth(0)
    cell(row, "status").select_option("in_progress")
    cell(row, "progress").fill("断电前填写的。")

    def kill(request):
        if request.url.endswith("/save/"):
            office.kill()

    page.on("request", kill)
    row.get_by_role("button", name="提交").click()
    page.locator("#sheet-net", has_text="网络已断开").wait_for()
    page.remove_listener("request", kill)
    office.start()
    page.locator(".far [data-count=done]", has_text=re.compile("^1$")).wait_for()
    assert office.mine("state='submitted', progress='断电前填写的。'") == 1
    assert office.do("from django.core.management import call_command\ncall_command('check_tallies')")


def test_a_period_that_locks_while_one_types_refuses_in_a_sentence_and_keeps_the_text(office):
    window = office.sheet()
    page, row = window.page, writing_rows(window.page).nth(0)
    office.do(
        "import datetime as dt\nday = dt.date.today() - dt.timedelta(days=2)\n"
        "Period.objects.filter(pk=Period.objects.first().pk).update(opens=day, due=day, locks=day)"
    )
    cell(row, "progress").fill("锁定之后填写的。")
    row.locator(".fault", has_text="锁定").wait_for()
    assert cell(row, "progress").input_value() == "锁定之后填写的。"
    assert "锁定之后填写的。" in page.evaluate("JSON.stringify(localStorage)")
    page.reload()
    page.locator(".stands", has_text="锁定之后填写的。").wait_for()


def test_signing_out_leaves_nothing_in_the_browser(office):
    window = office.sheet()
    page, row = window.page, writing_rows(window.page).nth(0)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.route("**/save/", lambda route: route.abort())
    cell(row, "progress").fill("退出前没能上传的。")
    page.locator("#sheet-net", has_text="网络已断开").wait_for()
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/accounts/login/**")
    assert "没有上传" in asked[0]
    assert page.evaluate("Object.keys(localStorage).length") == 0


def test_what_is_incomplete_is_named_and_the_first_is_where_one_lands(office):
    window = office.sheet()
    page, rows = window.page, [writing_rows(window.page).nth(n) for n in range(3)]
    cell(rows[0], "status").select_option("in_progress")
    cell(rows[0], "progress").fill("齐全的。")
    cell(rows[1], "status").select_option("in_progress")
    cell(rows[2], "progress").fill("只有文字。")
    page.get_by_role("button", name="提交全部").click()
    told = page.locator("#sheet-told")
    told.locator("li").nth(1).wait_for()
    assert "已提交 1 项" in told.inner_text()
    assert "另有 37 项尚未填报" in told.inner_text()
    assert "请填写本期进展" in told.locator("li").nth(0).inner_text()
    assert "请选择状态" in told.locator("li").nth(1).inner_text()
    assert page.evaluate("document.activeElement.name") == cell(rows[1], "progress").get_attribute("name")
    assert office.mine("state='draft'") == 2
    page.screenshot(path=ROOT / "var" / "screens" / "sheet-incomplete-1440.png")


def test_last_period_is_carried_over_into_what_is_empty(office):
    window = office.sheet()
    row = writing_rows(window.page).nth(0)
    cell(row, "problems").fill("自己写的。")
    row.get_by_role("button", name="沿用上期").click()
    assert cell(row, "status").input_value() == "in_progress"
    assert cell(row, "progress").input_value() == row.locator("[data-last=progress]").text_content()
    assert cell(row, "problems").input_value() == "自己写的。"
    wait_saved(row)


# Small screens, and none of this.


def test_a_phone_shows_one_entry_at_a_time(office):
    window = office.sheet("narrow")
    page = window.page
    assert page.locator(".entry:visible").count() == 1
    assert "第 1 项，共 40 项" in page.locator("#cards").inner_text()
    page.get_by_role("button", name="下一项").click()
    assert "第 2 项，共 40 项" in page.locator("#cards").inner_text()
    card = page.locator(".entry:visible")
    cell(card, "status").select_option("in_progress")
    if card.locator("textarea").count():
        cell(card, "progress").fill("手机上填写的。")
    card.locator("button", has_text="提交").click()
    page.locator(".far [data-count=done]", has_text=re.compile("^1$")).wait_for()
    page.locator("#cards", has_text="第 3 项，共 40 项").wait_for()
    assert not window.scrolls_sideways
    window.shoot("sheet")


def test_without_javascript_the_same_form_saves_and_submits(office, browser):
    window = office.open()
    cookies = window.context.cookies()
    plain = browser.new_context(java_script_enabled=False, locale="zh-CN")
    plain.add_cookies(cookies)
    page = plain.new_page()
    page.goto(office.address + office.path)
    rows = [writing_rows(page).nth(n) for n in range(3)]
    cell(rows[0], "status").select_option("in_progress")
    cell(rows[0], "progress").fill("齐全的。")
    cell(rows[1], "status").select_option("in_progress")
    page.get_by_role("button", name="提交全部").click()
    assert "1 项未能办理" in page.locator(".faults").inner_text()
    assert page.locator(".entry.in-trouble .fault").inner_text() == "请填写本期进展。"
    assert page.locator(".far").inner_text().startswith("1 / 40")
    rows[2].get_by_role("button", name="无变化").click()
    assert page.locator(".far").inner_text().startswith("2 / 40")
    plain.close()


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_the_sheet_can_be_looked_at(office, width):
    window = office.sheet(width)
    window.shoot("sheet-whole")
    assert [*faults_of(window, "sheet")] == []
    row = open_rows(window.page).first
    row.get_by_role("button", name="提交").click()
    row.locator(".fault").first.wait_for()
    assert [*faults_of(window, "sheet with a fault")] == []
