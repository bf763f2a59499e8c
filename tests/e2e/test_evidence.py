"""Files leave for the server as they are chosen, while one goes on writing."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.tracker.filing import PDF, camera_notes, picture

FILES = [
    {"name": "慰问活动现场（10月）.jpg", "mimeType": "image/jpeg", "buffer": picture(exif=camera_notes())},
    {"name": "工作总结.pdf", "mimeType": "application/pdf", "buffer": PDF},
    {"name": "安装.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"},
]


def writable(visitor):
    """The first entry owed that takes files."""
    page = visitor.sign_in("reporter")
    for address in page.eval_on_selector_all("a[href*='/entries/']", "links => links.map(link => link.href)"):
        page.goto(address)
        if page.locator("#id_files").count():
            return page
    raise AssertionError


def test_files_are_sent_one_by_one_and_what_is_typed_stays(visitor):
    page = writable(visitor)
    page.fill("textarea[name=progress]", "走访慰问困难职工三户。")
    page.set_input_files("#id_files", FILES)
    expect(page.locator("#uploads .fault")).to_have_count(1)
    expect(page.locator("#uploads li")).to_have_count(1)
    assert "安装.exe" in page.inner_text("#uploads")
    assert page.locator("#files a").all_inner_texts() == ["慰问活动现场（10月）.jpg", "工作总结.pdf"]
    assert page.input_value("textarea[name=progress]") == "走访慰问困难职工三户。"
    assert not visitor.scrolls_sideways
    assert Axe().run(page).violations_count == 0
    visitor.shoot("evidence")
    with page.expect_download() as download:
        page.click("#files a >> nth=1")
    assert download.value.suggested_filename == "工作总结.pdf"
    page.click("#files button.off >> nth=0")
    expect(page.locator("#files li")).to_have_count(1)
    page.click("#files button.off")
    expect(page.locator("#files li")).to_have_count(0)
    assert page.input_value("textarea[name=progress]") == "走访慰问困难职工三户。"


def test_a_lost_connection_says_so_and_the_file_can_be_sent_again(visitor):
    page = writable(visitor)
    visitor.context.set_offline(True)
    page.set_input_files("#id_files", FILES[1:2])
    page.wait_for_selector("#uploads .fault button")
    visitor.complaints.clear()
    visitor.context.set_offline(False)
    page.click("#uploads button")
    page.wait_for_selector("#files a")
    page.click("#files button.off")
    expect(page.locator("#files li")).to_have_count(0)


def test_a_login_that_expired_meanwhile_says_so(visitor):
    page = writable(visitor)
    visitor.context.clear_cookies(name="sessionid")
    page.set_input_files("#id_files", FILES[1:2])
    page.wait_for_selector("#uploads .fault button")
    assert page.locator("#files a").count() == 0
    assert "登录" in page.inner_text("#uploads")
