"""The main job, in a browser: reporter, reviewer (return), reporter, reviewer (accept), supervisor (ledger, CSV)."""

import csv
import io
import re


def fill(page, **texts):
    for name, text in texts.items():
        page.locator(f"textarea[name={name}]").fill(text)


def test_from_the_county_to_the_ledger(visitor):
    said = f"新建服务站点四个，其中商圈两个（{'宽屏' if visitor.width == 'wide' else '窄屏'}）。"

    page = visitor.sign_in("reporter")
    visitor.shoot("journey-1-owed")
    # Tasks with texts, which no other journey takes: areas 5 to 7.
    owed = page.locator("tr:has(.tag.due)").filter(has=page.locator(".code", has_text=re.compile(r"^\s*[567]\.")))
    owed = owed.nth(0 if visitor.width == "wide" else 2)
    code = owed.locator(".code").inner_text().strip()
    owed.locator("a.btn").click()
    page.get_by_text("正在推进", exact=True).last.click()
    page.get_by_role("button", name="提交审核").click()
    assert page.locator(".faults").inner_text().count("请填写本期进展") == 1
    visitor.shoot("journey-2-refused")
    fill(page, progress=said, next_steps="年底前再建三个。")
    entry = page.url
    page.get_by_role("button", name="提交审核").click()
    page.wait_for_url(visitor.address + "/")
    assert f"{code} 已提交" in page.locator(".said").inner_text()

    page = visitor.sign_in("reviewer")
    page.get_by_role("link", name=re.compile("待您审核")).click()
    visitor.shoot("journey-3-queue")
    page.goto(entry)
    assert said in page.locator("main").inner_text()
    visitor.shoot("journey-4-reviewing")
    page.get_by_label("审核意见").fill("请补充站点分布。")
    page.get_by_role("button", name="退回", exact=True).click()
    assert "已退回" in page.locator(".said").inner_text()

    page = visitor.sign_in("reporter")
    returned = page.locator("tr", has_text="请补充站点分布。")
    visitor.shoot("journey-5-returned")
    returned.locator("a.btn").click()
    fill(page, progress=said + "另在公交场站建两个。")
    page.get_by_role("button", name="提交审核").click()
    page.wait_for_url(visitor.address + "/")

    page = visitor.sign_in("reviewer")
    page.goto(entry)
    page.get_by_role("button", name="审核通过").click()
    assert "已审核通过" in page.locator(".said").inner_text()

    page = visitor.sign_in("supervisor")
    body = page.goto(entry) and page.locator(".facts span").first.inner_text()
    page.goto(visitor.address + "/reports/18/ledger/")
    period = page.locator("select[name=period] option").nth(1).get_attribute("value")
    page.goto(
        f"{visitor.address}/reports/18/ledger/?task={code}&period={period}&state=accepted&words=%E7%A4%BA%E4%BE%8B"
    )
    visitor.shoot("journey-6-ledger")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("CSV")).click()
    with open(download.value.path(), "rb") as file:
        data = file.read()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    (row,) = [row for row in rows if row["组织"] == body and row["编号"] == code]
    assert row["本期进展"] == said + "另在公交场站建两个。"
    assert (row["填报状态"], row["状态"]) == ("审核通过", "正在推进")
    assert page.locator("table.ledger tbody tr").count() == len(rows)
