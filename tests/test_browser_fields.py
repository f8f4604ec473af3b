"""The Fields page in a real Chromium."""

import numpy as np
import pytest
from browser_server import OUT, WAIT
from browser_visitor import WHEN, Visitor
from ui_helpers import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def fields(follow):
    """The Fields page with three panels, as sharp as they become."""
    visitor = follow("/fields?sigma=0.1")
    visitor.viewer.wait_for()
    visitor.when('d.state === "idle" && d.side === "128"')
    return visitor


MOVED = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
PANELS = ("p1", "p0", "ratio")


def pictures(visitor: Visitor) -> list[int]:
    """What each panel of the Fields page shows."""
    return [visitor.scenery(panel)["hash"] for panel in PANELS]


def other(now: list[int], before: list[int]) -> bool:
    """Whether every panel shows something else."""
    return all(a != b for a, b in zip(now, before, strict=True))


def test_all_fields_are_zoomed_and_panned_together(fields):
    before, (cx, cy, half) = pictures(fields), fields.view
    x, y = fields.centre("plot-p0")
    fields.page.mouse.move(x, y)
    fields.page.mouse.wheel(0, -240)
    fields.when(f'd.view !== "{cx:g},{cy:g},{half:g}" && d.state === "idle" && d.side === "128"')
    assert fields.view == pytest.approx([cx, cy, half * np.exp(-240 * 0.0018)], abs=0.01)
    zoomed = pictures(fields)
    assert other(zoomed, before)
    fields.drag("plot-ratio", fields.centre("plot-ratio")[0] + 40, fields.centre("plot-ratio")[1])
    fields.when(f'Number(d.view.split(",")[0]) < {cx - 0.01} && d.state === "idle"')
    assert other(pictures(fields), zoomed)
    view = fields.data["view"]
    fields.until_query(view=view)
    fields.page.screenshot(path=OUT / "fields-zoomed.png")
    linked = fields.context.new_page()
    linked.goto(fields.page.url)
    linked.get_by_test_id("fields").evaluate(WHEN, [f'd.view === "{view}" && d.state === "idle"', WAIT])
    fields.get("home").click()
    fields.when(f'd.view === "{cx:g},{cy:g},{half:g}" && d.state === "idle"')
    until(lambda: pictures(fields) == before)
    fields.until_query(view=None)
    fields.fine()


def test_the_noise_level_of_the_fields_is_dragged(fields):
    before = pictures(fields)
    slider = fields.get("sigma")
    seen = []
    for value in ("0.3", "0.2", "0.1"):  # towards more noise
        slider.evaluate(MOVED, value)
        seen.append(float(fields.when(f"Number(d.field) > {seen[-1] if seen else 0.1}")["field"]))
    assert fields.data["side"] == "64", "what is dragged is drawn coarsely"
    slider.evaluate("s => s.dispatchEvent(new Event('change', { bubbles: true }))")
    sharp = fields.when('d.state === "idle" && d.side === "128"')
    assert float(sharp["field"]) == float(sharp["sigma"]) == seen[-1] > 1
    assert other(pictures(fields), before)
    fields.until_query(sigma=f"{seen[-1]:g}")
    fields.page.screenshot(path=OUT / "fields-noisy.png")
    # A number is taken too.
    fields.fill("sigma-number", "0.1")
    fields.when('d.field === "0.1" && d.state === "idle" && d.side === "128"')
    until(lambda: pictures(fields) == before)
    fields.fine()


def test_the_fields_play_from_noise_to_data(fields):
    fields.get("play").click()
    first = fields.when('d.state === "playing" && Number(d.sigma) < 0.09')
    second = fields.when(f'd.state === "playing" && Number(d.field) < {float(first["sigma"]) * 0.7}')
    assert second["side"] == "128", "each level is seen sharply"
    last = fields.when('d.state === "idle" && Number(d.sigma) === 0.01 && d.field === d.sigma')
    assert last["side"] == "128"
    fields.until_query(sigma="0.01")
    fields.fine()
