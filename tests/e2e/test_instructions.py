"""A leader's note in a browser: the province enters it, the county reads and answers it, the province reads."""

import datetime as dt

from django.utils import timezone

TEXT = "请县总工会本周内说明此项工作的推进安排。"
ANSWER = "已召开专题会议，本周五前报送推进安排。"


def test_from_the_province_s_note_to_the_answer_it_reads(visitor):
    which = (
        "宽屏" if visitor.width == "wide" else "窄屏"
    )  # it stays on pages that other journeys read for their Chinese
    text, answer = f"{TEXT}（{which}）", f"{ANSWER}（{which}）"
    page = visitor.sign_in("supervisor")
    page.goto(visitor.address + "/plans/18/tasks/3.4.5/")
    page.get_by_role("link", name="批示", exact=True).click()
    page.get_by_label("批示", exact=True).fill(text)
    page.get_by_label("批示领导").fill("赵主席")
    page.get_by_label("查找其他下级单位").fill("示例一市甲县")
    page.get_by_role("button", name="搜索").click()
    page.get_by_role("checkbox", name="示例一市甲县总工会").check()
    assert page.get_by_label("批示", exact=True).input_value() == text
    page.get_by_label("答复期限").fill((timezone.localdate() + dt.timedelta(5)).isoformat())
    visitor.shoot("instructions-1-new")
    assert not visitor.scrolls_sideways
    page.get_by_role("button", name="送出批示").click()
    assert "批示已送出" in page.locator(".said").inner_text()
    assert text in page.locator(".asked").inner_text()
    visitor.shoot("instructions-2-sent")
    assert not visitor.scrolls_sideways

    page = visitor.sign_in("reporter")
    first = page.locator("main section").first
    assert text in first.inner_text()
    visitor.shoot("instructions-3-county-home")
    assert not visitor.scrolls_sideways
    first.locator("li", has_text=text).get_by_role("link", name="查看并答复").click()
    page.get_by_role("button", name="答复", exact=True).click()
    assert "请填写" in page.locator(".fault").first.inner_text()
    page.get_by_label("答复", exact=True).fill(answer)
    visitor.shoot("instructions-4-county-answers")
    page.get_by_role("button", name="答复", exact=True).click()
    assert "已答复" in page.locator(".said").inner_text()
    assert page.locator("li", has_text=text).count() == 0

    page = visitor.sign_in("supervisor")
    line = page.locator(".instructed li", has_text=answer)
    assert text in line.inner_text()
    visitor.shoot("instructions-5-province-home")
    assert not visitor.scrolls_sideways
    line.get_by_role("button", name="已阅").click()
    page.wait_for_load_state()
    assert page.locator(".instructed li", has_text=answer).count() == 0
    page.goto(visitor.address + "/instructions/")
    visitor.shoot("instructions-6-list")
    assert not visitor.scrolls_sideways
