"""The app is opened, on any screen, by any link, at any moment of the server's life."""

import re

import pytest
from browser_server import OUT, WAIT
from browser_visitor import WITHOUT_ENGINE
from ui_helpers import PAGES, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_it_opens_with_a_picture(visit):
    visitor = visit().ready()
    for slot in ("left", "right"):
        picture = visitor.dots(slot)
        assert picture["width"] > 250
        assert 500 < picture["drawn"] < 0.8 * picture["width"] * picture["height"]
        assert visitor.scenery(slot)["drawn"] > 500
    data = visitor.data
    assert data["quality"] == "full"
    assert data["id"]
    assert visitor.get("title-left").inner_text() == "CFG"
    assert visitor.get("title-right").inner_text() == "Autoguidance"
    assert "%" in visitor.get("metric-outliers-left").inner_text()
    assert visitor.query() == {}
    visitor.fine()
    # The transport is on the screen without scrolling.
    assert visitor.get("play").evaluate("button => button.getBoundingClientRect().bottom") <= 800
    visitor.page.screenshot(path=OUT / "light.png")


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("dark", {"color_scheme": "dark"}),
        ("narrow", {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}),
    ],
)
def test_other_screens(visit, name, context):
    visitor = visit(**context).ready()
    if name == "dark":
        background = visitor.viewer.evaluate("root => getComputedStyle(root).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", background)[:3])) < 150
    until(lambda: visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), 20)
    assert visitor.dots()["drawn"] > 500
    visitor.page.screenshot(path=OUT / f"{name}.png")
    visitor.fine()


def test_everything_of_explore_is_on_the_screen(follow):
    from playwright.sync_api import expect

    visitor = follow("/?n=512").ready()
    for width, height in ((1280, 720), (1920, 1080)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        plot, main = visitor.get("plot-left"), visitor.page.locator(".stMain")
        until(lambda plot=plot, height=height: plot.bounding_box()["height"] > 0.58 * height)
        until(lambda main=main: main.evaluate("main => main.scrollHeight <= innerHeight"))  # nothing to scroll
        for label in ("Link", "Command", "Download"):
            expect(visitor.page.get_by_role("button", name=label)).to_be_in_viewport(ratio=1)
        expect(visitor.get("scrub")).to_be_in_viewport(ratio=1)
        for slot in ("left", "right"):
            expect(visitor.get(f"foot-{slot}")).to_be_in_viewport(ratio=1)
        header = visitor.page.locator(".st-key-bar").bounding_box()
        first = visitor.get("lead").bounding_box()
        assert header is not None
        assert first is not None
        assert header["y"] + header["height"] <= first["y"], "the header covers nothing"
        visitor.page.screenshot(path=OUT / f"explore-{width}.png")


APART = """row => {
  const all = [...row.querySelectorAll(".tv-metric-said > *, .tv-metric-scale > *")];
  const parts = all.filter((part) => part.checkVisibility());
  const boxes = parts.map((part) => part.getBoundingClientRect());
  const beside = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1;
  const above = (a, b) => a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  return boxes.length && boxes.every((a, i) => boxes.slice(i + 1).every((b) => beside(a, b) || above(a, b)));
}"""


def test_no_measure_covers_another(follow):
    visitor = follow("/?n=512").ready()
    for width in (360, 768, 960, 1280):
        visitor.page.set_viewport_size({"width": width, "height": 900})
        until(lambda width=width: visitor.viewer.evaluate("root => innerWidth") == width)
        for slot in ("left", "right"):
            until(lambda slot=slot: visitor.get(f"metrics-{slot}").evaluate(APART))
        visitor.page.screenshot(path=OUT / f"explore-{width}-measures.png")


# The engine is ready when a file is there, not before.
GATE = """
import time
from pathlib import Path
from toy.ui import startup
warm_up = startup.warm_up
def held():
    while not Path({gate!r}).exists(): time.sleep(0.02)
    return warm_up()
startup.warm_up = held
"""


def test_the_first_link_is_a_page_of_the_app_and_a_knob_moved_then_is_answered_when_the_engine_is_ready(
    own, visit, tmp_path
):
    from playwright.sync_api import expect

    gate = tmp_path / "gate"
    own.start(GATE.format(gate=str(gate)))
    visitor = visit(f"/{list(PAGES.values())[-1]}", at=own)
    links = visitor.page.locator(".st-key-pages").get_by_role("link")
    expect(links).to_have_count(len(PAGES), timeout=WAIT)
    expect(links.last).to_have_attribute("disabled", "")
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    visitor.fine()

    visitor.page.goto(own.url, wait_until="commit")
    expect(visitor.get("badge-left")).to_contain_text("precomputed", timeout=WAIT)
    shipped = visitor.data
    visitor.fill("number-w-left", "2")
    visitor.when('d.state === "pending"')
    visitor.hear(3)  # the server has been asked, and its page still says that it starts
    assert visitor.requests() > 0
    expect(visitor.page.get_by_text("The engine is starting")).to_be_visible()
    assert visitor.data["id"] == shipped["id"]
    gate.touch()
    visitor.ready()
    answered = visitor.changed(shipped)
    assert visitor.get("number-w-left").input_value() == "2.00"
    visitor.until_query(left__w="2")
    assert visit("/?left.w=2", at=own).ready().data["id"] == answered["id"]
    visitor.fine()


def test_open_pages_survive_a_restart(own, visit):
    from playwright.sync_api import expect

    own.start()
    scripts = ("", WITHOUT_ENGINE)  # both engines, and the server's alone
    visitors = [visit("/?n=512&left.w=2", at=own, script=script).ready() for script in scripts]
    before = [visitor.data["id"] for visitor in visitors]
    apps, connected = [visitor.page.get_by_test_id("stApp") for visitor in visitors], "data-test-connection-state"
    for app in apps:
        expect(app).to_have_attribute(connected, "CONNECTED")
    own.kill()
    for app, visitor in zip(apps, visitors, strict=True):
        expect(app).not_to_have_attribute(connected, "CONNECTED", timeout=WAIT)
        # What was drawn is still there to play with.
        visitor.get("step-back").click()
        visitor.when("Number(d.frame) === 31")
    own.start()
    for app, visitor, script, old in zip(apps, visitors, scripts, before, strict=True):
        expect(app).to_have_attribute(connected, "CONNECTED", timeout=WAIT)
        # What is changed before the page has come back by itself is lost, and the old value stands there again.
        while visitor.query()["left.w"] != "3":
            visitor.ready().when(f'd.id === "{old}" && d.state === "idle"')
            visitor.fill("number-w-left", "3")
            number = visitor.get("number-w-left").last
            until(lambda it=visitor, number=number: it.query()["left.w"] == "3" or number.input_value() == "2.00")
        other = visit("/?n=512&left.w=3", at=own, script=script).ready()
        visitor.when(f'd.id === "{other.data["id"]}" && d.quality === "full"')  # as the server calls it, which was told
        assert visitor.get("number-w-left").input_value() == "3.00"
        visitor.fine()
