"""Playing, zooming, swiping, saving: what the viewer does by itself."""

import re
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pytest
from browser_server import OUT
from browser_visitor import PIXELS
from ui_helpers import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_scrubbing_playing_zooming_and_hovering_need_no_server(follow, server):
    visitor = follow("/?n=1024").ready()
    mouse = visitor.page.mouse
    asked = visitor.requests()
    end, scenery = visitor.dots(), visitor.scenery()
    with server.frozen():
        # Scrub: the frame follows the pointer.
        mouse.move(*visitor.point_at_bar(0.9))
        mouse.down()
        seen = []
        for share in (0.7, 0.5, 0.3):
            mouse.move(*visitor.point_at_bar(share))
            seen.append(float(visitor.when(f"Number(d.frame) < {seen[-1] if seen else 31}")["frame"]))
        mouse.up()
        assert seen == sorted(seen, reverse=True)
        assert visitor.dots()["hash"] != end["hash"]

        # Play: time goes on by itself, to the end, where it stops.
        visitor.page.evaluate("document.activeElement.blur()")
        visitor.get("speed").select_option("4")
        visitor.get("play").click()
        visitor.when(f'd.state === "playing" && Number(d.frame) > {seen[-1] + 2}')
        visitor.when('d.state !== "playing" && Number(d.frame) === 32')
        visitor.get("step-back").click()
        visitor.when("Number(d.frame) === 31")
        visitor.get("step-forward").click()
        visitor.when("Number(d.frame) === 32")

        # Zoom about the pointer, and back.
        mouse.move(*visitor.place("left", on_dot=True))
        right = visitor.scenery("right")
        mouse.wheel(0, -400)
        until(lambda: visitor.scenery()["hash"] != scenery["hash"])
        until(lambda: visitor.scenery("right")["hash"] != right["hash"])
        visitor.get("home").click()
        until(lambda: visitor.scenery()["hash"] == scenery["hash"])

        # Hovering lights the same particle on both sides.
        above = visitor.get("plot-right").locator("canvas").nth(2)
        mouse.move(*visitor.point_at_bar(0.5))
        plain = above.evaluate(PIXELS)
        mouse.move(*visitor.place("left", on_dot=True))
        until(lambda: above.evaluate(PIXELS)["drawn"] > plain["drawn"])

        # A switch that only changes how the picture is drawn.
        visitor.get("show-quality").click()
        until(lambda: visitor.dots()["hash"] != end["hash"])
    assert visitor.requests() == asked
    visitor.fine()


def test_space_and_arrows(follow):
    visitor = follow("/?n=512").ready()
    press = visitor.page.keyboard.press
    visitor.get("speed").select_option("0.25")  # so that it does not come to its end before it is stopped
    visitor.get("plot-left").focus()
    press("Home")
    visitor.when("Number(d.frame) === 0")
    press("ArrowRight")
    visitor.when("Number(d.frame) === 1")
    press(" ")
    visitor.when('d.state === "playing" && Number(d.frame) > 1.5')
    press(" ")
    paused = float(visitor.when('d.state !== "playing"')["frame"])
    assert 1.5 < paused < 32
    press("End")
    visitor.when("Number(d.frame) === 32")
    # Where one stopped is in the link.
    press("Home")
    visitor.until_query(t="0")


def test_two_fingers_zoom_and_pan_both_panels_and_one_does_not(follow):
    visitor = follow("/?n=512&paper_look=1", has_touch=True).ready()
    (cx, cy, half), (x, y) = visitor.view, visitor.centre("plot-left")
    assert visitor.scenery("left") == visitor.scenery("right")

    # Fingers go apart to twice their distance: what lies between them stays there, twice as large.
    narrow, middle, wide = ([(x - reach, y), (x + reach, y)] for reach in (60, 90, 120))
    visitor.touch(narrow, middle, wide)
    visitor.when(f'd.view !== "{cx},{cy},{half}"')
    until(lambda: visitor.view == pytest.approx([cx, cy, half / 2], abs=0.002 * half))
    until(lambda: visitor.scenery("left") == visitor.scenery("right"))
    assert visitor.page.evaluate("visualViewport.scale") == 1, "the page itself is not zoomed"

    # One finger is the page's, two carry the picture along.
    here = visitor.view
    visitor.touch([(x, y)], [(x + 30, y)], [(x + 60, y)])
    box = visitor.get("plot-left").bounding_box()
    assert box is not None
    scale = min(box["width"], box["height"]) / half  # pixels per unit: the view is half / 2 to each side
    near = visitor.scenery()
    assert visitor.view == here
    visitor.touch(*([(x + 30 * i - 40, y - 20 * i), (x + 30 * i + 40, y - 20 * i)] for i in range(3)))
    until(lambda: visitor.view == pytest.approx([cx - 60 / scale, cy - 40 / scale, half / 2], abs=0.02 * half))
    until(lambda: visitor.scenery()["hash"] != near["hash"])
    until(lambda: visitor.scenery("left") == visitor.scenery("right"))
    assert visitor.get("card-left").is_hidden(), "a pan is no click"
    visitor.page.screenshot(path=OUT / "touch.png")

    # And back.
    visitor.touch(wide, narrow)
    until(lambda: visitor.view[2] == pytest.approx(half))
    visitor.fine()


def test_a_pinch_on_a_phone_zooms_the_picture(follow):
    visitor = follow("/?n=512", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}).ready()
    half, (x, y) = visitor.view[2], visitor.centre("plot-left")
    visitor.touch(*([(x - reach, y - reach), (x + reach, y + reach)] for reach in (40, 60, 80)))
    until(lambda: visitor.view[2] == pytest.approx(half / 2))
    assert visitor.page.evaluate("visualViewport.scale") == 1


def test_the_forward_process_dissolves_the_data_and_comes_back(follow, server):
    visitor = follow("/?n=512").ready()
    asked, end = visitor.requests(), visitor.dots()
    with server.frozen():
        visitor.get("forward").click()
        data = visitor.moment('d.phase === "forward" && d.state === "playing" && Number(d.frame) > 25')["dots"]
        far = visitor.moment('d.phase === "forward" && Number(d.frame) < 8')
        assert far["corner"].startswith("forward process")
        noise = far["dots"]
        visitor.page.screenshot(path=OUT / "forward.png")
        visitor.get("speed").select_option("4")
        visitor.when('d.phase === "reverse" && d.state === "idle" && Number(d.frame) === 32')
        until(lambda: visitor.dots() == end)
    assert data["hash"] != end["hash"]
    assert noise["hash"] != data["hash"]
    assert visitor.requests() == asked
    visitor.fine()


def test_the_divider_swipes_between_both_sides(follow):
    visitor = follow("/?n=512&layout=swipe").ready()
    plot, divider = visitor.get("plot-right"), visitor.get("divider")
    left, width = plot.evaluate("plot => [plot.getBoundingClientRect().left, plot.clientWidth]")
    _, y = visitor.centre("divider")
    for share in (0.25, 0.8):
        visitor.drag("divider", left + share * width, y)
        until(lambda share=share: abs(int(divider.get_attribute("aria-valuenow")) - 100 * share) <= 1)
        assert visitor.centre("divider")[0] == pytest.approx(left + share * width, abs=3)
        shown = float(re.search(r"([\d.]+)%\)", plot.evaluate("plot => plot.style.clipPath"))[1])
        assert shown == pytest.approx(100 * share, abs=1), "the right side is seen from the divider on"
        visitor.page.screenshot(path=OUT / f"swipe-{share:g}.png")
    # What lies under the pointer is the side that is seen there.
    under = """([x, y]) => {
      const host = document.elementFromPoint(x, y);
      return host.shadowRoot.elementFromPoint(x, y).closest("[data-testid]").dataset.testid;
    }"""
    assert visitor.page.evaluate(under, [left + 0.4 * width, y]).endswith("left")
    assert visitor.page.evaluate(under, [left + 0.9 * width, y]).endswith("right")
    visitor.drag("divider", left - 500, y)
    until(lambda: divider.get_attribute("aria-valuenow") == "0")
    divider.focus()
    divider.press("ArrowRight")
    until(lambda: divider.get_attribute("aria-valuenow") == "2")
    visitor.fine()


def test_full_screen_and_back(follow):
    visitor = follow("/?n=512").ready()
    before = visitor.dots()
    full = "root => root.matches(':fullscreen')"
    visitor.get("fullscreen").click()
    until(lambda: visitor.viewer.evaluate(full))
    until(lambda: visitor.dots()["width"] > before["width"])
    until(lambda: visitor.dots()["drawn"] > 300)
    assert visitor.viewer.evaluate("root => root.scrollHeight <= innerHeight"), "all of it is on the screen"
    visitor.page.screenshot(path=OUT / "fullscreen.png")
    visitor.get("fullscreen").click()
    until(lambda: not visitor.viewer.evaluate(full))
    until(lambda: visitor.dots() == before)
    visitor.fine()


@pytest.mark.parametrize(("layout", "panels"), [("two", 2), ("swipe", 1)])
def test_the_picture_is_saved_as_it_is_seen(follow, tmp_path, layout, panels):
    visitor = follow(f"/?n=512&layout={layout}").ready()
    with visitor.page.expect_download() as waiting:
        visitor.get("save-png").click()
    assert re.fullmatch(r"toy-[0-9a-f]{8}\.png", waiting.value.suggested_filename)
    path = tmp_path / "saved.png"
    waiting.value.save_as(path)
    image = plt.imread(path)  # [height, width, RGBA]
    side = visitor.dots()
    assert image.shape[1] == pytest.approx(2 * panels * side["width"], abs=70), "twice as sharp as the screen"
    assert image.shape[0] > 2 * side["height"]
    # Not a blank: the dots' ink is there in each panel.
    for column in np.array_split(image, panels, axis=1):
        assert 500 < np.sum(column[..., :3].mean(axis=-1) < 0.4) < 0.5 * column.shape[0] * column.shape[1]
    shutil.copy(path, OUT / f"saved-{layout}.png")
    visitor.fine()


def test_what_is_swiped_away_is_not_in_the_saved_picture(follow, tmp_path):
    pictures = []
    visitor = follow("/?n=512", viewport={"width": 800, "height": 1500}).ready()  # as high as wide in both
    for layout in ("swipe", "right"):
        visitor.get(f"layout-{layout}").click()
        if layout == "swipe":
            visitor.drag("divider", 0, visitor.centre("divider")[1])
            until(lambda: visitor.get("divider").get_attribute("aria-valuenow") == "0")
        with visitor.page.expect_download() as waiting:
            visitor.get("save-png").click()
        waiting.value.save_as(tmp_path / layout)
        pictures.append(plt.imread(tmp_path / layout, format="png")[60 : 2 * visitor.dots("right")["height"]])
    np.testing.assert_array_equal(*pictures)
