"""3.2.3 in a browser: from a province to its cities, signed for in a city, handed on to a county, on its first page."""

CODE = "3.2.3"


def take_back(page, address):
    """What an earlier visitor handed down is taken back, so that each width begins alike."""
    page.goto(f"{address}/plans/18/given/{CODE}/")
    if page.locator("input[name=handing]").count():
        page.locator("input[name=all]").check()
        page.locator("summary", has_text="撤销下达").click()
        page.get_by_label("撤销原因").fill("重新下达。")
        page.get_by_role("button", name="撤销对所选单位的下达").click()
        page.locator(".said").wait_for()


def hand_down(visitor, page, name, *, due, standard):
    page.goto(f"{visitor.address}/plans/18/tasks/{CODE}/")
    page.get_by_role("link", name="下达", exact=True).click()
    assert page.locator(f"input[name=tasks][value='{CODE}']").is_checked()
    page.get_by_text("全部直接下级", exact=True).click()
    page.locator("input[name=due]").fill(due) if due else None
    page.locator("textarea[name=standard]").fill(standard) if standard else None
    visitor.shoot(f"cascade-{name}-choose")
    page.get_by_role("button", name="先看数量").last.click()
    visitor.shoot(f"cascade-{name}-preview")
    assert "项次" in page.locator("main").inner_text()
    page.get_by_role("button", name="下达", exact=True).click()
    page.wait_for_url("**/plans/18/given/")
    assert "已下达" in page.locator(".said").inner_text()
    visitor.shoot(f"cascade-{name}-given")


def test_from_the_province_to_the_county_s_first_page(visitor):
    page = visitor.sign_in("city")
    take_back(page, visitor.address)
    page = visitor.sign_in("supervisor")
    take_back(page, visitor.address)
    hand_down(visitor, page, "1-province", due="2027-12-31", standard="每市建成示范站点不少于十个。")

    page = visitor.sign_in("city")
    assert "待签收" in page.locator(".to-sign .head").inner_text()
    assert CODE in page.locator(".to-sign").inner_text()
    visitor.shoot("cascade-2-city-home")
    page.locator(".to-sign").get_by_role("link", name="签收").click()
    row = page.locator("form tr", has_text=CODE)
    assert "每市建成示范站点不少于十个。" in row.inner_text()
    page.get_by_label("责任人", exact=True).fill("王部长")
    page.get_by_label("分管领导").fill("李副主席")
    page.get_by_label("责任部门").fill("权益保障部")
    visitor.shoot("cascade-3-city-signing")
    page.get_by_role("button", name="签收所选").click()
    assert "已签收" in page.locator(".said").inner_text()
    visitor.shoot("cascade-4-city-signed")
    page.locator("tr", has_text=CODE).first.get_by_role("link", name="继续下达").click()
    hand_down(visitor, page, "5-city", due="", standard="")

    page = visitor.sign_in("reporter")
    waiting = page.get_by_role("region", name="待签收")
    visitor.shoot("cascade-6-county-home")
    assert waiting.locator("li", has_text=CODE).count() == 1
    assert "2027-12-31" in waiting.locator("li", has_text=CODE).inner_text()
    assert page.locator(".to-sign").first.bounding_box()["y"] < 740  # a leader's note may stand before it
