"""First contact: who comes without a link is told, once, what is seen and what to press; words say what they mean."""

import pytest
from browser_server import OUT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What a browser does that stores nothing for the viewer; the framework around it would not start at all.
FORBIDDEN = """for (const name of ["getItem", "setItem"]) {
  const own = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...rest) {
    if (key.startsWith("toy-viewer")) throw new DOMException("storage is forbidden", "SecurityError");
    return own.call(this, key, ...rest);
  };
}"""


def inside(visitor, testid) -> bool:
    """Whether an element is on the screen with all of itself."""
    return visitor.get(testid).evaluate(
        "e => (b => b.left >= 0 && b.top >= 0 && b.right <= innerWidth && b.bottom <= innerHeight)"
        "(e.getBoundingClientRect())"
    )


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_a_first_visitor_is_told_what_is_seen_and_what_to_press_once(visit, width, height):
    from playwright.sync_api import expect

    phone = {"has_touch": True, "is_mobile": True} if width < 500 else {}
    visitor = visit("/", viewport={"width": width, "height": height}, **phone).ready()
    press = "tap" if phone else "click"
    expect(visitor.get("callout")).to_be_visible()
    expect(visitor.get("invitation")).to_be_visible()
    assert visitor.data["frame"] == "0.00", "the scene is about to begin"
    assert visitor.query() == {}
    if not phone:
        assert visitor.page.locator(".stMain").evaluate("main => main.scrollHeight <= innerHeight")
    for part in ("inside the coloured outline", "lost samples"):
        expect(visitor.get("callout")).to_contain_text(part)
        assert inside(visitor, "callout")
        visitor.page.screenshot(path=OUT / f"callout-{part.split()[0]}-{width}.png")
        getattr(visitor.get("callout-next"), press)()
    expect(visitor.get("callout")).to_contain_text("Press play")
    assert inside(visitor, "callout")
    getattr(visitor.get("play"), press)()
    expect(visitor.get("callout")).to_have_count(0)
    expect(visitor.get("invitation")).to_be_hidden()
    visitor.when('d.state === "playing"')

    visitor.page.goto(visitor.page.url.split("?")[0])  # another day
    visitor.ready()
    assert visitor.get("callout").count() == 0
    assert float(visitor.data["frame"]) == 32
    visitor.fine()


@pytest.mark.parametrize("link", ["?n=512", "?embed=true", "?hide=metrics"])
def test_who_comes_by_a_link_sees_what_it_says(visit, link):
    visitor = visit(f"/{link}").ready()
    assert visitor.get("callout").count() == 0
    assert visitor.get("invitation").is_hidden()
    assert float(visitor.data["frame"]) == 32


def test_a_dismissed_note_stays_away_where_nothing_can_be_stored(visit):
    from playwright.sync_api import expect

    visitor = visit("/", script=FORBIDDEN).ready()
    visitor.get("callout-skip").click()
    expect(visitor.get("callout")).to_have_count(0)
    page = visitor.page
    page.get_by_role("link", name="Figures").click()
    page.wait_for_url("**/figures*")
    page.get_by_role("link", name="Explore").click()
    visitor.ready()
    assert visitor.get("callout").count() == 0


def test_a_word_says_what_it_means_by_mouse_keyboard_and_touch(follow):
    from playwright.sync_api import expect

    visitor = follow("/?n=512", has_touch=True).ready()
    note, legend = visitor.get("meaning"), visitor.get("legend")
    word = legend.get_by_role("button", name="outside")
    word.tap()
    expect(note).to_contain_text("outside the region that holds 99%")
    word.tap()
    expect(note).to_be_hidden()
    word.focus()
    word.press("Enter")
    expect(note).to_contain_text("outside the region")
    word.press("Escape")
    expect(note).to_be_hidden()
    visitor.get("show-follow").hover()
    expect(note).to_contain_text("Camera")
    visitor.get("show-quality").click()
    expect(word).to_have_count(0)
    visitor.fine()


def test_the_keyboard_comes_to_play_then_to_the_weight_then_to_what_is_shown(follow):
    visitor = follow("/?n=512").ready()
    order = visitor.viewer.evaluate(
        "root => [...root.querySelectorAll('button, input, [tabindex]')].map((e) => e.dataset.testid).filter(Boolean)"
    )
    wanted = ["play", "knob-w-left", "knob-w-right", "show-quality", "show-variation", "layer-p1"]
    assert sorted(wanted, key=order.index) == wanted
