"""Finding a body by its sound, with the keyboard alone; what an input method is composing is left in peace."""

COMPOSED = """box => {
  box.focus();
  box.dispatchEvent(new CompositionEvent("compositionstart"));
  box.value = "shili";
  box.dispatchEvent(new InputEvent("input", { isComposing: true, bubbles: true }));
  const enter = new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true });
  return box.dispatchEvent(enter);
}"""


def test_a_body_is_found_by_its_sound_and_opened_with_the_keyboard(visitor):
    page = visitor.sign_in("national")
    box = page.locator("#find")
    box.press_sequentially("shiliyisheng")
    options = page.locator("#find-suggestions [role=option]")
    options.first.wait_for()
    assert box.get_attribute("aria-expanded") == "true"
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    assert options.first.get_attribute("aria-selected") == "true"
    assert not visitor.scrolls_sideways
    box.press("Escape")
    assert box.get_attribute("aria-expanded") == "false"
    box.press("ArrowDown")
    options.first.wait_for()
    name = options.first.locator(".text").inner_text()
    box.press("ArrowDown")
    box.press("Enter")
    page.wait_for_url("**/organizations/**")
    assert page.locator("h1").inner_text() == name


def test_what_an_input_method_composes_asks_for_nothing(visitor):
    page = visitor.sign_in("national")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/find/" in request.url else None)
    assert page.locator("#find").evaluate(COMPOSED)  # the key was left to the input method
    page.wait_for_timeout(500)
    assert asked == []
    page.locator("#find").dispatch_event("compositionend")
    page.locator("#find-suggestions [role=option]").first.wait_for()


def test_a_suggestion_fills_the_ledgers_field_and_the_field_is_understood(visitor):
    visitor.sign_in("national")
    page = visitor.go("/reports/18/ledger/")
    if visitor.width == "narrow":
        page.locator("details.fold-filters summary").click()
    box = page.locator("[name=organization]")
    box.press_sequentially("shiliyishijiaxian")
    page.locator("[role=option]:visible").first.click()
    value = box.input_value()
    page.locator("form.ledger-filters button").first.click()
    page.wait_for_url("**organization=**")
    assert page.locator(".fault").count() == 0
    assert value.split()[1] in page.locator(".chip").first.inner_text()


def test_without_a_script_the_box_is_a_form_that_finds(browser, address):
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{address}/accounts/login/")
    page.locator("form:has(input[name=username][value=national]) button").click()
    page.locator("#find").fill("shiliyisheng")
    page.locator("#find").press("Enter")
    page.wait_for_url("**/find/?q=shiliyisheng")
    assert page.locator(".finds a").count() > 0
    context.close()
