"""Small screens, fingers, and the app inside another page."""

import pytest
from browser_server import OUT, WAIT
from ui_helpers import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONES = ((360, 740), (390, 844))
SCREENS = (*PHONES, (768, 1024), (1024, 576), (1280, 720))

HINT = """bar => bar.scrollWidth <= bar.clientWidth || getComputedStyle(bar, "::after").content.includes("›")"""
SCROLLED = """() => document.querySelector('[data-testid="stMain"]').scrollTop"""


def box(visitor, testid: str) -> dict[str, float]:
    return visitor.get(testid).evaluate("element => element.getBoundingClientRect().toJSON()")


def apart(one: dict[str, float], other: dict[str, float]) -> bool:
    return one["bottom"] <= other["top"] + 1 or other["bottom"] <= one["top"] + 1


def placed(visitor, one: bool) -> bool:
    """Whether both pictures lie on each other where there is one, else beside each other, and the bar below them."""
    left, right, bar = (box(visitor, name) for name in ("plot-left", "plot-right", "scrub"))
    on_each_other = (left["left"], left["top"]) == (right["left"], right["top"])
    beside = left["top"] == right["top"] and left["right"] <= right["left"]
    return (on_each_other if one else beside) and apart(left, bar)


def test_panels_stand_beside_each_other_or_share_one_picture(follow):
    visitor = follow("/?n=512", viewport={"width": 1280, "height": 720}).ready()
    for width, height in SCREENS:
        visitor.page.set_viewport_size({"width": width, "height": height})
        one = width < 600
        until(lambda one=one: visitor.get("divider").is_visible() == one)
        until(lambda: visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), 20)
        until(lambda one=one: placed(visitor, one), 20)
        assert visitor.page.locator(".tv-toolbar").evaluate(HINT), "a row that scrolls says so"
        visitor.page.screenshot(path=OUT / f"screen-{width}.png")
    assert "layout" not in visitor.query(), "nobody chose it"
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.get("layout-two").click()
    until(lambda: visitor.get("divider").is_hidden())
    assert apart(box(visitor, "plot-right"), box(visitor, "scrub"))


def test_on_a_phone_one_finger_scrolls_and_a_tap_opens_a_sheet(follow):
    visitor = follow("/?n=512", has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740}).ready()
    view, (x, y) = visitor.view, visitor.centre("plot-left")
    x += 60  # beside the divider
    visitor.touch(*([(x, y - 25 * i)] for i in range(8)))
    until(lambda: visitor.page.evaluate(SCROLLED) > 40)
    assert visitor.view == view
    visitor.page.touchscreen.tap(x, visitor.centre("plot-left")[1])
    card = visitor.get("card-left")
    card.wait_for(state="visible", timeout=WAIT)
    assert apart(box(visitor, "card-left"), box(visitor, "plot-left"))
    assert apart(box(visitor, "card-left"), box(visitor, "card-right"))
    visitor.page.screenshot(path=OUT / "sheet.png", full_page=True)


def test_inside_another_page_the_picture_is_alone_and_lets_the_page_scroll(visit, server):
    visitor = visit("/_stcore/health")
    page = visitor.page
    page.wait_for_load_state()
    page.evaluate(
        """source => {
          const frame = `<iframe src="${source}" width="1000" height="600"></iframe>`;
          document.body.innerHTML = `${frame}<div style="height:3000px">`;
        }""",
        f"{server.url}/?embed=true",
    )
    inside = page.frame_locator("iframe")
    viewer = inside.locator('[data-testid="viewer"][data-quality="full"][data-state="idle"]')
    viewer.wait_for(timeout=WAIT)
    for name in ("stSidebar", "stHeader", "share.link"):
        assert inside.get_by_test_id(name).or_(inside.locator(f".st-key-{name.replace('.', '-')}")).is_hidden()

    def view() -> str:
        return viewer.get_attribute("data-view")

    plot = inside.get_by_test_id("plot-left")
    middle = plot.bounding_box()
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
    before = view()
    page.mouse.move(x, y)
    page.mouse.wheel(0, 120)
    until(lambda: page.evaluate("scrollY") > 50)
    assert view() == before
    assert inside.get_by_test_id("hint").first.is_visible()

    page.evaluate("scrollTo(0, 0)")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -60)
    page.keyboard.up("Control")
    until(lambda: view() != before)
    assert page.evaluate("scrollY") == 0
    near = view()
    page.mouse.click(x, y)
    page.mouse.wheel(0, 120)
    until(lambda: view() != near)
    assert page.evaluate("document.activeElement.tagName") == "IFRAME"
    page.keyboard.press("Escape")  # what was pinned
    page.keyboard.press("Escape")
    until(lambda: page.keyboard.press("PageDown") or page.evaluate("scrollY") > 50)  # the keyboard is the page's again
    page.evaluate("scrollTo(0, 0)")
    until(lambda: page.mouse.wheel(0, 120) or page.evaluate("scrollY") > 50)
    visitor.page.screenshot(path=OUT / "embedded.png")
