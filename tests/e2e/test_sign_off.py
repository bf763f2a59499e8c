"""A leader signs off the whole set of a period; and its sheet is printed."""

import re
import shutil
import subprocess

import pytest


def take_back(visitor, page, addresses):
    """As it was before, so that the next window finds the same."""
    for address in addresses:
        visitor.go(address)
        page.get_by_role("button", name="撤销我的审核").click()


def test_a_leader_signs_the_whole_set_and_its_sheet_says_so(visitor):
    page = visitor.sign_in("leader")
    page.get_by_role("link", name=re.compile("待您审签")).last.click()
    visitor.shoot("sign-off-1-set")
    assert not visitor.scrolls_sideways
    rows = page.locator(".set tbody tr").count()
    codes = page.locator(".set tbody .code").all_inner_texts()
    addresses = page.locator(".set a.wording").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert rows == len(codes) == len(addresses) > 2

    # One goes back with a reason, first without.
    first = page.locator(".set tbody tr").first
    first.locator("summary").click()
    first.get_by_role("button", name="退回").click()
    assert page.locator(".set .fault").count() == 1
    visitor.shoot("sign-off-2-refused")
    reason = page.locator(".set textarea").first
    reason.fill("请补充数据来源。")
    page.locator(".set tbody tr").first.get_by_role("button", name="退回").click()
    assert f"{codes[0]} 已退回" in page.locator(".said").inner_text()

    # One is chosen, then all that are left.
    page.locator(".set [name=chosen]").first.check()
    assert "(1)" in page.get_by_role("button", name="审签所选").inner_text()
    page.get_by_role("button", name="审签所选").click()
    assert "已审签 1 项" in page.locator(".said").inner_text()
    page.get_by_label("审签意见").fill("情况属实，同意。")
    page.get_by_role("button", name="全部审签").click()
    assert f"已审签 {rows - 2} 项" in page.locator(".said").inner_text()
    assert page.locator(".set").count() == 0
    visitor.shoot("sign-off-3-signed")

    # On paper.
    page.get_by_role("link", name="打印审签表").click()
    visitor.shoot("sign-off-4-sheet")
    assert not visitor.scrolls_sideways
    assert page.get_by_role("button", name="打印").is_visible()
    assert "情况属实，同意。" in page.locator(".sign-block").inner_text()
    take_back(visitor, page, addresses)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils reads the file back")
def test_the_sheet_is_printed_with_all_its_rows(visitor, tmp_path):
    page = visitor.sign_in("leader")
    page.get_by_role("link", name=re.compile("待您审签")).last.click()
    page.get_by_role("link", name="打印审签表").click()
    codes = page.locator(".paper-table tbody .code").all_inner_texts()
    assert len(codes) > 40
    page.pdf(path=tmp_path / "sheet.pdf", prefer_css_page_size=True)
    read = ["pdftotext", "-layout", tmp_path / "sheet.pdf", "-"]
    printed = subprocess.run(read, capture_output=True, check=True).stdout.decode()
    assert [code for code in codes if code not in printed] == []
    pages = printed.count("\f")
    assert printed.count("下一步措施") == pages > 1  # the header stands on each page
    assert f"{pages}/{pages}" in printed.replace(" ", "")
    assert "领导签字" in printed
    assert "退出" not in printed  # nothing of the screen's own
