"""A matter in a browser: the county asks, its city passes it up, the province answers, the county reads."""

import datetime as dt

from django.utils import timezone

NEED = "请协调资产管理部门明确站点用房的使用方式。"
ANSWER = "资产管理部门已同意，书面意见本周送达，请据此办理手续。"


def test_from_the_county_s_report_to_the_answer_it_reads(visitor):
    need = f"{NEED}（{visitor.width}）"
    page = visitor.sign_in("reporter")
    page.locator("table.duties a.btn", has_text="填报").first.click()
    page.get_by_role("region", name="本期").get_by_text(
        "正在推进", exact=True
    ).click()  # whatever stood here last period
    page.locator("#asks").wait_for(state="hidden")
    page.get_by_text("需协调解决", exact=True).click()
    page.get_by_label("本期进展").fill("完成选址三处。")
    page.get_by_label("存在问题").fill("用房产权不清。")
    page.get_by_role("button", name="提交审核").click()
    assert "请写明需要上级协调什么。" in page.locator(".faults").inner_text()
    page.get_by_label("请求协调的事项").fill(need)
    page.get_by_label("希望答复时间").fill((timezone.localdate() + dt.timedelta(9)).isoformat())
    visitor.shoot("matters-1-entry")
    assert not visitor.scrolls_sideways
    page.get_by_role("button", name="提交审核").click()
    page.wait_for_url(visitor.address + "/")

    page = visitor.sign_in("reviewer")
    assert "需要答复" in page.locator("main section").first.inner_text()
    visitor.shoot("matters-2-city-home")
    assert not visitor.scrolls_sideways
    page.goto(visitor.address + "/matters/?side=ours")
    visitor.shoot("matters-3-city-list")
    page.get_by_role("link", name=need).click()
    page.locator("summary", has_text="转报上级").click()
    page.get_by_label("转报理由").fill("涉及省级部门职责。")
    visitor.shoot("matters-4-city-matter")
    assert not visitor.scrolls_sideways
    page.get_by_role("button", name="转报上级").click()
    assert "已转报" in page.locator(".said").inner_text()

    page = visitor.sign_in("supervisor")
    page.locator(".to-answer").get_by_role("link", name=need).click()
    assert "涉及省级部门职责。" in page.locator(".told").inner_text()
    page.get_by_label("答复", exact=True).fill(ANSWER)
    visitor.shoot("matters-5-province-matter")
    page.get_by_role("button", name="答复", exact=True).click()
    assert "已答复" in page.locator(".said").inner_text()

    page = visitor.sign_in("reporter")
    assert ANSWER in page.locator(".notice.answered").inner_text()
    visitor.shoot("matters-6-county-home")
    page.get_by_role("button", name="已阅").click()
    page.wait_for_load_state()
    assert page.locator(".notice.answered").count() == 0
