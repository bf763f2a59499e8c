"""A county asks for a later due date, its city grants it; the province strikes off what is completed, and reopens."""

import re
import time

LATER = {"wide": "2028-10-29", "narrow": "2028-10-30"}  # the same assignment twice, each time to a later day


def open_extendable(page):
    """The page of the first duty under way that is due in time to come, before the plan is."""
    page.locator("main a[href^='/organizations/']").last.click()
    page.wait_for_url("**/organizations/*/")
    for row in page.locator("table.ledger tr", has_text="正在推进").all():
        found = re.search(r"\d{4}-\d\d-\d\d", row.locator("td").last.inner_text())
        if found and time.strftime("%Y-%m-%d") < found[0] < LATER["narrow"]:
            row.get_by_role("link", name="正在推进").click()
            return page.wait_for_url("**/assignments/*/")
    raise AssertionError("the county of the demo has nothing that could be extended")


def withdraw_open(page, visitor):
    """What the demo, or an earlier visitor, left waiting is withdrawn, so that each width begins alike."""
    visitor.go("/extensions/")
    waiting = page.locator("tr", has_text="待审批")
    if waiting.count():
        waiting.first.get_by_role("link").first.click()
        page.get_by_role("button", name="撤回").click()
        page.locator(".said").wait_for()


def test_a_county_asks_and_its_city_grants(visitor):
    page = visitor.sign_in("reporter")
    withdraw_open(page, visitor)
    visitor.go("/")
    open_extendable(page)
    here = page.url
    visitor.shoot("course-1-assignment")
    page.get_by_role("link", name="申请延期").click()
    page.locator("textarea[name=reason]").fill("受汛期影响，申请顺延。")
    page.locator("input[name=new_due]").fill("2020-01-01")
    page.get_by_role("button", name="提交申请").click()
    assert page.locator(".fault").first.is_visible()
    assert page.locator("textarea[name=reason]").input_value() == "受汛期影响，申请顺延。"
    page.locator("input[name=new_due]").fill(LATER[visitor.width])
    visitor.shoot("course-2-ask")
    page.get_by_role("button", name="提交申请").click()
    assert "待审批" in page.locator("main").inner_text()
    visitor.shoot("course-3-asked")
    assert not visitor.scrolls_sideways

    page = visitor.sign_in("reviewer")
    page.get_by_role("link", name=re.compile("项延期申请待您审批")).click()
    visitor.shoot("course-4-waiting")
    page.get_by_role("link", name=re.compile("^审批")).first.click()
    visitor.shoot("course-5-decide")
    page.get_by_role("button", name=f"同意延期至 {LATER[visitor.width]}").click()
    assert LATER[visitor.width] in page.locator(".said").inner_text()

    page = visitor.sign_in("reporter")
    page.goto(here)
    told = page.locator("ol.told").inner_text()
    assert told.index("同意延期") < told.index("申请延期", told.index("同意延期") + 4)
    assert "2028 年 10 月" in page.locator("dl").first.inner_text()
    visitor.shoot("course-6-granted")
    assert not visitor.scrolls_sideways


def test_the_province_strikes_off_and_reopens(visitor):
    page = visitor.sign_in("supervisor")
    page.get_by_role("link", name=re.compile("待销号")).click()
    found = page.locator("input[name=assignment]").count()
    pk = page.locator("input[name=assignment]").first.get_attribute("value")
    for box in page.locator("input[name=assignment]").all()[:2]:
        box.check()
    page.locator("textarea[name=comment]").fill("经核验，予以销号。")
    visitor.shoot("course-7-strike-off")
    page.get_by_role("button", name="对所选销号").click()
    assert "已对 2 项举措销号" in page.locator(".said").inner_text()
    assert page.locator("input[name=assignment]").count() == found - 2

    visitor.go(f"/assignments/{pk}/")
    assert "已销号" in page.locator("dl").first.inner_text()
    page.get_by_role("button", name="重新打开").click()
    assert page.locator(".fault").first.is_visible()
    page.locator("textarea[name=comment]").fill("复查发现尚未达标。")
    page.get_by_role("button", name="重新打开").click()
    assert "正在推进" in page.locator("dl").first.inner_text()
    assert "复查发现尚未达标。" in page.locator("ol.told").inner_text()
    visitor.shoot("course-8-reopened")
    assert not visitor.scrolls_sideways
