"""The board in a browser: down one level, numbers that come anew in their place, and urging from there."""

import re

from .conftest import Visitor

MINUTE = 61_000  # the board asks again after sixty seconds


def report_one(visitor):
    """The county hands in a task of which the status alone is asked, and no other journey takes."""
    page = visitor.sign_in("reporter")
    page.evaluate("document.querySelectorAll('details').forEach((fold) => fold.open = true)")
    owed = page.locator("tr:has(.tag.due)").filter(has=page.locator(".code", has_text=re.compile(r"^\s*4\.2")))
    owed.first.locator("a.btn").click()
    page.get_by_text("正在推进", exact=True).last.click()
    page.get_by_role("button", name="提交审核").click()
    page.wait_for_url(visitor.address + "/")


def test_the_board_drills_down_follows_in_its_place_and_urges(visitor, browser):
    visitor.context.clock.install()
    page = visitor.sign_in("supervisor")
    page.emulate_media(reduced_motion="reduce")  # a smooth scroll would still be under way when the place is read
    page.locator("section.owed").get_by_role("link", name="报送情况").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "报送情况"
    visitor.shoot("board-1-province")
    assert not visitor.scrolls_sideways
    page.get_by_role("link", name="示例一市总工会", exact=True).click()
    assert page.locator(".crumbs").inner_text() == "总览 › 示例一省总工会 › 示例一市总工会"

    county = page.locator("tr[data-row='below-S010101']")
    reported = county.locator(".col-reported a")
    before, order = int(reported.inner_text()), page.locator("tr[data-row] th").all_inner_texts()
    other = Visitor(browser, visitor.address, visitor.width)
    report_one(other)
    other.context.close()

    # Paused nothing comes; going on, the numbers do, with the rows, the place and the focus as they were.
    page.get_by_role("button", name="暂停自动更新").click()
    page.clock.fast_forward(MINUTE)
    assert int(reported.inner_text()) == before
    page.get_by_role("button", name="继续自动更新").click()
    county.locator(".col-never a").focus()
    place = page.evaluate("window.scrollY")
    page.clock.fast_forward(MINUTE)
    county.locator(".col-reported a", has_text=re.compile(rf"^{before + 1}$")).wait_for()
    assert page.evaluate("window.scrollY") == place
    assert page.evaluate("document.activeElement.closest('td').className").startswith("num col-never")
    assert page.locator("tr[data-row] th").all_inner_texts() == order
    assert page.locator("[data-trouble]").inner_text() == ""
    visitor.shoot("board-2-city")

    here = page.url
    county.get_by_role("link", name=re.compile("^催办")).click()
    assert "示例一市甲县总工会" in page.locator(".lede").inner_text()
    page.get_by_label("催办说明").fill("请于今日下班前报送。")  # whoever was urged today already is urged once more
    page.get_by_role("button", name=re.compile(r"催办 \d 家单位$")).click()
    page.wait_for_url(here)
    assert "已催办 1 家单位" in page.locator(".said").inner_text()
