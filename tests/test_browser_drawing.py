"""A distribution is drawn, answered by exact scores, learned, and opened by another; a file of points is given."""

import re

import numpy as np
import pytest
from browser_server import OUT, WAIT
from browser_visitor import WITHOUT_ENGINE
from ui_helpers import until

from toy.distributions.strokes import FAMILY

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# One small network, so that it is trained in moments, and none.
LEARNED = "/?n=512&left.main=A8@64&left.unconditional=exact:AB&right.rule=none&right.main=A8@64"
EXACT = "/?n=512&left.rule=none&left.main=exact:A&right.rule=none&right.main=exact:A"


def stroke(visitor, height: float, slot: str = "left") -> None:
    """A stroke across a picture, a little bent."""
    box = visitor.get(f"plot-{slot}").bounding_box()
    mouse = visitor.page.mouse
    for i, x in enumerate(np.linspace(0.25, 0.75, 20)):
        mouse.move(box["x"] + x * box["width"], box["y"] + (height + 0.08 * np.sin(9 * x)) * box["height"])
        if i == 0:
            mouse.down()
    mouse.up()


def target(visitor) -> str:
    visitor.page.evaluate("0")  # what the browser has told by now is heard
    return visitor.query().get("target", "")


def test_what_is_drawn_is_answered_and_learned_and_opened_by_others(visit):
    from playwright.sync_api import expect

    visitor = visit(LEARNED).ready()
    visitor.get("draw").click()
    expect(visitor.get("brush")).to_be_visible()
    view = visitor.view
    tree = visitor.data["id"]
    stroke(visitor, 0.3)
    visitor.when(f'd.id !== "{tree}"')
    until(lambda: target(visitor).startswith(f"{FAMILY}-"))  # the picture is there before the server has heard of it
    one = target(visitor)
    visitor.get("brush-B").click()
    stroke(visitor, 0.7, "right")
    until(lambda: target(visitor) not in ("", one))
    visitor.page.screenshot(path=OUT / "drawing.png")
    # The paper has not moved: the picture's middle is where the pen was, whatever the drawing's own scale is.
    until(lambda: visitor.view != view)

    # Undo takes the second stroke back, and Ctrl+Z on the picture the first: nothing is then asked.
    visitor.get("brush-undo").click()
    until(lambda: target(visitor) == one)
    stroke(visitor, 0.6)
    until(lambda: target(visitor) not in ("", one))
    visitor.page.keyboard.press("Escape")
    expect(visitor.get("brush")).to_be_hidden()
    drawn = target(visitor)

    # The network is trained, and plays; the sidebar has the drawing.
    visitor.when('d.state === "idle"')
    until(lambda: target(visitor) == drawn)  # it says nothing for a moment while it is written
    expect(visitor.get("asked-left")).to_be_empty()
    assert visitor.dots("left")["drawn"] > 100
    assert visitor.dots("right")["drawn"] > 100
    expect(visitor.get("title-left")).to_contain_text("drawing")
    visitor.page.screenshot(path=OUT / "drawing-learned.png")
    ends = visitor.data["id"]
    visitor.fine()

    other = visit(visitor.page.url.removeprefix(visitor.server.url)).ready()
    assert other.data["id"] == ends
    # The drawing can be gone on with: its strokes are there.
    other.get("draw").click()
    expect(other.get("brush-clear")).to_be_enabled()
    stroke(other, 0.45)
    until(lambda: target(other) not in ("", drawn))
    other.fine()


SKETCHED = """root => new Promise(done => {
  const look = () => (root.viewer.local?.base?.header.sketch ? done() : setTimeout(look, 20));
  look();
})"""
HEARD = """root => new Promise(done => {
  const look = () => (root.viewer.local.untold ? setTimeout(look, 20) : done());
  look();
})"""
MADE = "({ viewer: { header, local } }) => [header.target.drawing, header.panels[0].title, local.base !== null]"


def test_strokes_are_answered_while_the_server_is_not_there(visit, server):
    from playwright.sync_api import expect

    visitor = visit("/?n=512&left.w=3").ready()
    expect(visitor.get("badge-left")).to_have_text(re.compile("your browser"))
    visitor.get("draw").click()
    visitor.viewer.evaluate(SKETCHED)
    with server.frozen():
        for height, label in ((0.3, "A"), (0.7, "B"), (0.5, "A")):
            before = visitor.data["id"].removesuffix(
                "-first"
            )  # a first picture, and the whole one, which may be there by now
            visitor.get(f"brush-{label}").click()
            stroke(visitor, height)
            visitor.when(f'!d.id.startsWith("{before}")')
        visitor.when(f'!d.id.startsWith("{before}") && d.quality === "full"')
        assert visitor.viewer.evaluate(MADE) == [True, "CFG, your drawing, class A", True]
        expect(visitor.get("badge-left")).to_have_text(re.compile("your browser"))
        numbers = visitor.get("metrics-left").inner_text()
        visitor.page.screenshot(path=OUT / "drawing-alone.png")
    # It hears of the last one, and leaves picture and numbers what they are.
    until(lambda: target(visitor).startswith(f"{FAMILY}-"))
    visitor.viewer.evaluate(HEARD)
    assert visitor.viewer.evaluate(MADE) == [True, "CFG, your drawing, class A", True]
    assert visitor.viewer.evaluate("root => root.viewer.header.target.name") == target(visitor)
    assert visitor.get("metrics-left").inner_text() == numbers
    visitor.fine()


def test_where_the_browser_computes_nothing_the_server_answers_a_stroke(visit):
    from playwright.sync_api import expect

    visitor = visit(EXACT, script=WITHOUT_ENGINE).ready()
    before = visitor.data
    visitor.get("draw").click()
    stroke(visitor, 0.4)
    visitor.when(f'd.id !== "{before["id"]}"')
    assert target(visitor).startswith(f"{FAMILY}-")
    expect(visitor.get("badge-left")).to_have_text(re.compile("server"))
    visitor.fine()


def test_one_finger_draws_and_two_zoom(visit):
    visitor = visit(EXACT, viewport={"width": 390, "height": 844}, has_touch=True).ready()
    visitor.get("draw").click()
    box, paper = visitor.get("plot-left").bounding_box(), visitor.view
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    asked = visitor.requests()
    visitor.touch([(x - 60, y)], [(x, y + 20)], [(x + 60, y)])
    until(lambda: target(visitor).startswith(f"{FAMILY}-") and visitor.view != paper)  # in the drawing's own scale
    drawn, half = target(visitor), visitor.view[2]
    assert visitor.requests() > asked
    visitor.touch([(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)])
    until(lambda: visitor.view[2] < 0.7 * half)
    assert target(visitor) == drawn
    visitor.page.screenshot(path=OUT / "drawing-phone.png")
    visitor.fine()


HOSTILE = {
    "formula.csv": b'x,y,class\n=1+1,2,a\n"=HYPERLINK(""http://x"")",1,b\n',
    "wide.csv": b",".join([b"1"] * 1_000_000) + b"\n",
    "nul.csv": b"x,y\n1,2\0\n",
    "utf16.csv": "x,y\n1,2\n3,4\n".encode("utf-16"),
    "huge.csv": b"x,y\n1e308,2\n-1e308,4\n",
    "nan.csv": b"x,y\nnan,2\n1,4\n",
}


def test_a_file_of_points_is_given_and_a_hostile_one_gets_a_sentence(visit):
    from playwright.sync_api import expect

    visitor = visit(EXACT).ready()
    page = visitor.page
    visitor.unfold("Distribution, both sides")
    page.get_by_role("button", name="Own points").click()
    given = page.locator('input[type="file"]')
    refused = page.get_by_test_id("stPopoverBody").get_by_test_id("stAlert")
    for name, content in HOSTILE.items():
        before = refused.inner_text() if refused.count() else ""
        given.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
        until(lambda before=before: refused.count() == 1 and refused.inner_text() not in ("", before))
        assert "\n" not in refused.inner_text().strip(), name
        assert "Traceback" not in refused.inner_text()
    at = np.random.default_rng(0).normal(size=(90, 2)) + np.repeat([[0, 0], [6, 0], [0, 6]], 30, axis=0)
    rows = "".join(f"{x},{y},{kind}\n" for (x, y), kind in zip(at, np.repeat(["cat", "dog", "owl"], 30), strict=True))
    given.set_input_files({"name": "pets.csv", "mimeType": "text/csv", "buffer": f"x,y,class\n{rows}".encode()})
    expect(page.get_by_text("90 points in 3 classes")).to_be_visible(timeout=WAIT)
    expect(visitor.get("title-left")).to_contain_text("class cat", timeout=WAIT)
    visitor.ready()
    assert target(visitor).startswith("points-")
    visitor.fine()
