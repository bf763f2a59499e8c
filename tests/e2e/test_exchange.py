"""Organizations out of the back office to a spreadsheet and back: looked over, taken, and in the history."""

import openpyxl
from playwright.sync_api import expect

from .conftest import WIDTHS

LIST = "/admin/tracker/organization/"


def test_an_exported_file_is_changed_and_comes_back(visitor, tmp_path):
    page = visitor.sign_in("admin")
    visitor.go(f"{LIST}?q=S0101")
    page.locator(".object-tools").get_by_role("link", name="导出").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="导出").click()
    path = tmp_path / "organizations.xlsx"
    taken.value.save_as(path)
    book = openpyxl.load_workbook(path)
    columns = {cell.value: cell.column for cell in book.active[1]}
    code, telephone = book.active.cell(2, columns["组织编码"]).value, f"0871-{WIDTHS[visitor.width][0]}"
    book.active.cell(2, columns["联系电话"]).value = telephone
    book.save(path)
    visitor.go(f"{LIST}import/")
    page.get_by_label("填好的文件").set_input_files(path)
    page.get_by_role("button", name="查看改动").click()
    expect(page.locator("table.exchanged")).to_contain_text(f"→ {telephone}")
    assert not visitor.scrolls_sideways
    page.get_by_role("button", name="全部写入").click()
    expect(page.get_by_text("已导入：修改 1 条，新增 0 条。")).to_be_visible()
    visitor.go(f"{LIST}?q={code}")
    page.locator("#result_list tbody th a").first.click()
    page.locator("a.historylink").click()
    expect(page.locator("#change-history tbody tr").first).to_contain_text("从文件导入。")
