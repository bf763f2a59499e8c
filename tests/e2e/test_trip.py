"""The sheet out of the browser, filled in as a file, and back in: looked over, then taken."""

import openpyxl
import pytest

from .conftest import Visitor

SHEET = "/sheet/18/2026Q4/"


@pytest.fixture
def visitor(browser, address):
    visitor = Visitor(browser, address, "wide")
    yield visitor
    visitor.context.close()
    assert [line for line in visitor.complaints if "status of 422" not in line] == []


def upload(page, path):
    page.get_by_label("填好的文件").set_input_files(path)
    page.get_by_role("button", name="查看改动").click()


def test_a_sheet_is_filled_in_as_a_file_and_taken(visitor, tmp_path):
    page = visitor.sign_in("reporter")
    page = visitor.go(SHEET)
    with page.expect_download() as download:
        page.get_by_role("link", name="下载我的填报表").click()
    path = tmp_path / "sheet.xlsx"
    download.value.save_as(path)

    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    columns = {cell.value: cell.column for cell in sheet[1]}
    rows = [row for row in range(2, sheet.max_row + 1) if sheet.cell(row, columns["填报状态"]).value == "待填报"]
    codes = [sheet.cell(row, columns["编号"]).value for row in rows[:2]]
    for row in rows[:2]:
        sheet.cell(row, columns["状态"]).value = "差不多"
    book.save(path)
    page.get_by_role("link", name="上传填好的填报表").click()
    upload(page, path)
    assert page.get_by_text("没有这种状态").count() == 2
    visitor.shoot("trip-refused")

    for row in rows[:2]:
        sheet.cell(row, columns["状态"]).value = "正在推进"
        sheet.cell(row, columns["本期进展"]).value = "按计划推进，\n已走访企业 12 家。"
    book.save(path)
    upload(page, path)
    assert page.get_by_text("将采用 2 项改动").is_visible()
    visitor.shoot("trip-preview")
    page.get_by_role("button", name="全部存为草稿").click()
    page.wait_for_url(f"{visitor.address}{SHEET}")
    for code in codes:
        row = page.locator(f"tbody.entry[data-code='{code}']")
        assert row.get_attribute("data-kind") == "draft"
        assert row.locator("textarea").first.input_value() == "按计划推进，\n已走访企业 12 家。"

    page = visitor.go(SHEET + "upload/")
    upload(page, path)
    assert page.get_by_text("没有需要采用的改动").is_visible()
