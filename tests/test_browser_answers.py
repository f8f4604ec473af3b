"""What the viewer asks the server for, and what it makes of the answer."""

import re
from urllib.parse import urlsplit

import pytest
from browser_server import OUT
from ui_helpers import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_layer_is_fetched_and_follows_the_noise_level(follow):
    visitor = follow("/?n=512").ready()
    visitor.open_drawer()
    before = visitor.scenery()
    visitor.get("layer-ratio").click()
    until(lambda: visitor.scenery()["hash"] != before["hash"])
    visitor.when('d.state === "idle"')
    until(lambda: visitor.scenery()["drawn"] > before["drawn"])
    assert visitor.get("layer-ratio").get_attribute("aria-pressed") == "true"
    visitor.until_query(layers="ratio")
    visitor.page.screenshot(path=OUT / "ratio.png")

    late = visitor.scenery()
    visitor.page.mouse.click(*visitor.point_at_bar(0.45))
    visitor.when('d.state === "idle"')
    until(lambda: visitor.scenery()["hash"] != late["hash"])
    visitor.page.screenshot(path=OUT / "ratio-noisy.png")

    visitor.get("scrub").press("End")
    visitor.get("layer-ratio").click()
    until(lambda: visitor.scenery()["hash"] == before["hash"])
    visitor.until_query(layers=None)
    visitor.fine()


def test_a_curve_shows_both_numbers_over_the_weight(follow):
    from playwright.sync_api import expect

    visitor = follow("/?n=512&right.rule=none").ready()
    left, right = visitor.get("curve-left"), visitor.get("curve-right")
    expect(left).to_be_hidden()
    visitor.get("show-curve").click()
    expect(left).to_be_visible()
    expect(right).to_contain_text("has no weight w")
    assert len(left.locator("polyline").first.get_attribute("points").split(" ")) == 9
    visitor.until_query(curve="1")
    marked, drawn = left.locator("line").get_attribute("x1"), left.locator("polyline").first.get_attribute("points")
    before = visitor.data
    visitor.fill("number-w-left", "1")
    visitor.changed(before)
    expect(left.locator("line")).not_to_have_attribute("x1", marked)
    expect(left.locator("polyline").first).to_have_attribute("points", drawn)
    visitor.page.screenshot(path=OUT / "curve.png")
    visitor.get("show-curve").click()
    expect(left).to_be_hidden()
    visitor.until_query(curve=None)
    visitor.fine()


def test_the_density_that_the_sampler_draws_is_a_layer(follow):
    visitor = follow("/?n=512&t=30").ready()
    visitor.open_drawer()
    before = visitor.scenery()
    visitor.get("layer-drawn").click()
    until(lambda: visitor.scenery()["hash"] != before["hash"])
    visitor.when('d.state === "idle"')
    visitor.until_query(layers="drawn")
    visitor.page.screenshot(path=OUT / "drawn.png")
    visitor.get("layer-drawn").click()
    until(lambda: visitor.scenery()["hash"] == before["hash"])
    visitor.fine()


def test_the_ends_of_the_interval_are_dragged_on_the_bar(follow, visit):
    visitor = follow("/?n=512&right.schedule=interval&right.lo=0.05&right.hi=0.8").ready()
    track, bar = visitor.get("scrub").locator(".tv-track"), visitor.page.locator(".tv-band")

    def shaded() -> tuple[float, float]:
        """Where the shaded part lies on the track, in shares of it."""
        all_, part = track.bounding_box(), bar.bounding_box()
        assert all_ is not None
        assert part is not None
        begin = (part["x"] - all_["x"]) / all_["width"]
        return begin, begin + part["width"] / all_["width"]

    def at(share: float) -> tuple[float, float]:
        all_ = track.bounding_box()
        assert all_ is not None
        return all_["x"] + share * all_["width"], visitor.centre("scrub")[1]

    def interval() -> tuple[float, float]:
        query = visitor.query()
        return float(query.get("right.lo", 0.05)), float(query.get("right.hi", 0.3))

    def moved(end: str, share: float) -> tuple[float, float]:
        before = visitor.data
        visitor.drag(f"interval-{end}-right", *at(share))
        visitor.changed(before)
        handle = visitor.get(f"interval-{end}-right")
        until(lambda: float(handle.get_attribute("aria-valuenow")) == interval()[end == "hi"])
        return interval()

    start = shaded()
    # High noise is on the left: the upper end starts the shaded part.
    lo, hi = moved("hi", 0.1)
    assert lo == 0.05
    assert hi > 1
    assert shaded() == pytest.approx((0.1, start[1]), abs=0.01)
    lo, hi = moved("lo", 0.8)
    assert 0 < lo < 0.05
    assert shaded() == pytest.approx((0.1, 0.8), abs=0.01)
    visitor.page.screenshot(path=OUT / "interval.png")
    # One end past the other stops there, and both can be taken again.
    lo, hi = moved("lo", 0.02)
    assert lo == hi > 1
    assert shaded()[0] == pytest.approx(shaded()[1], abs=0.01)
    assert moved("lo", 0.6)[0] < 0.5 < hi
    assert shaded() == pytest.approx((0.1, 0.6), abs=0.01)
    lo, hi = moved("hi", 0.95)
    assert lo == hi < 0.5
    # At the very end of the bar the upper one can still be taken.
    assert moved("lo", 1.2)[0] == 0
    assert moved("hi", 1.2) == (0, 0)
    assert moved("hi", 0.3)[1] > 0.3
    link = urlsplit(visitor.page.url).query
    assert visit(f"/?{link}").ready().data["id"] == visitor.data["id"]
    visitor.fine()


def test_a_click_pins_a_particle_and_probes_the_scores(follow):
    from playwright.sync_api import expect

    visitor = follow("/?n=512&right.rule=none&right.main=exact:A").ready()
    card = visitor.get("card-left")
    expect(card).to_be_hidden()
    visitor.page.mouse.click(*visitor.place("left", on_dot=True))
    for slot in ("left", "right"):
        expect(visitor.get(f"card-{slot}")).to_be_visible()
        expect(visitor.get(f"card-{slot}")).to_contain_text("particle")
        expect(visitor.get(f"card-{slot}").locator("tbody tr:visible").first).to_contain_text(re.compile(r"s₁.*\d"))
        expect(visitor.get(f"distance-{slot}")).to_contain_text(re.compile(r"\d"))
    # Only a learned log-density lacks its constant.
    expect(visitor.get("up-to-left")).to_have_text("a learned log p is right up to a constant per σ")
    expect(visitor.get("up-to-right")).to_be_hidden()
    visitor.page.screenshot(path=OUT / "pinned.png")
    visitor.page.keyboard.press("Escape")
    expect(card).to_be_hidden()

    visitor.page.mouse.click(*visitor.place("left", on_dot=False))
    expect(card).to_be_visible()
    expect(card).not_to_contain_text("particle")
    expect(card.locator("tbody tr:visible").first).to_contain_text(re.compile(r"s₁.*\d"))
    visitor.fine()


def test_a_double_click_resets_the_zoom_and_nothing_else(follow):
    from playwright.sync_api import expect

    visitor = follow("/?n=512").ready()
    scenery = visitor.scenery()
    x, y = visitor.place("left", on_dot=False)
    visitor.page.mouse.move(x, y)
    visitor.page.mouse.wheel(0, 200)
    until(lambda: visitor.scenery()["hash"] != scenery["hash"])
    visitor.page.mouse.dblclick(x, y)
    until(lambda: visitor.scenery()["hash"] == scenery["hash"])
    expect(visitor.get("card-left")).to_be_hidden()
