"""A number ten times the last one: the sheet asks in the row, the reviewer sees the leap."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


def row_with_a_last_number(page):
    """A row that said a number last period; leafed to where the rows are cards."""
    row = page.locator(".entry[data-entry]:not(.folded):has(.box .why.inline > span)").first
    if page.viewport_size["width"] < 640:
        page.locator("#cards").wait_for()  # till then they stand below each other
    while not row.is_visible():
        page.get_by_role("button", name="下一项").click()
    return row


def test_a_leap_is_asked_about_in_its_row_and_shown_to_the_reviewer(visitor):
    page = visitor.sign_in("reporter")
    page.locator("a.btn-primary", has_text="填报本期").first.click()
    row = row_with_a_last_number(page)
    box = row.locator(".box").first
    last = box.locator(".why.inline > span").inner_text().replace(",", "")
    tick, number = box.get_by_role("checkbox"), box.locator("input[inputmode=decimal]")
    row.locator("select").select_option("in_progress")
    row.locator("textarea").first.fill("按计划开展。")
    number.fill(f"{last}０")
    expect(tick).to_be_hidden()
    row.get_by_role("button", name=re.compile("^提交")).click()
    expect(tick).to_be_visible()
    expect(box.locator(".fault")).to_contain_text("10 倍")
    assert not visitor.scrolls_sideways
    assert Axe().run(page).violations_count == 0
    visitor.shoot("figures-asked")
    number.fill(f"{last}1")
    expect(tick).to_be_hidden()
    row.get_by_role("button", name=re.compile("^提交")).click()
    expect(tick).to_be_visible()
    tick.check()
    row.locator(".course .saved", has_text=re.compile(r"已保存 \d\d:\d\d$")).wait_for()
    page.reload()
    row = row_with_a_last_number(page)
    box = row.locator(".box").first
    expect(box.get_by_role("checkbox")).to_be_checked()
    assert box.locator("input[inputmode=decimal]").input_value() == f"{last}1"
    entry = row.locator("a.code").get_attribute("href")
    row.get_by_role("button", name=re.compile("^提交")).click()
    page.locator(f".entry.folded:has(a[href='{entry}'])").wait_for(state="attached")

    page = visitor.sign_in("reviewer")
    visitor.go(entry)
    expect(page.locator(".jump")).to_contain_text("填报人已确认无误。")
    visitor.shoot("figures-reviewed")
    assert Axe().run(page).violations_count == 0
    page = visitor.sign_in("reporter")
    visitor.go(entry)
    page.get_by_role("button", name="撤回").click()
    assert page.locator("input[inputmode=decimal]").first.input_value() == f"{last}1"
