"""What stands on the screen is what the controls ask for, or says at once that it is not; and all controls fit."""

import base64
import re

import pytest
from browser_visitor import WITHOUT_ENGINE

from toy.guidance import RULES
from toy.scene import Scene
from toy.state import DEFAULTS, SLOTS, State
from toy.viewer import computing, packs, requests

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Counts the frames in which the viewer says that it is idle while a knob is not the one that made the picture.
WATCH = """root => {
  root.wrong = 0;
  const { viewer } = root;
  const look = () => {
    for (const { slot, shown, knobs } of viewer.header.panels) {
      for (const { name } of knobs) {
        const differs = shown && Math.abs(shown.knobs[name] - viewer.values[slot][name]) > 1e-4;
        if (differs && root.dataset.state === "idle") root.wrong += 1;
      }
    }
  };
  const frame = () => (setTimeout(look, 0), requestAnimationFrame(frame));
  frame();
}"""


def test_a_moved_knob_makes_its_panel_pending_at_once(visit, server):
    from playwright.sync_api import expect

    visitor = visit("/?n=512&right.schedule=interval", script=WITHOUT_ENGINE).ready()
    visitor.viewer.evaluate(WATCH)
    before = visitor.data
    with server.frozen():
        visitor.fill("number-w-left", "1,7")
        assert visitor.when('d.state !== "idle"')["state"] == "pending"
        expect(visitor.get("asked-left")).to_have_text("showing w 4.00 …")
        expect(visitor.get("asked-right")).to_be_hidden()
        for testid, pending in (("plot-left", True), ("metrics-left", True), ("plot-right", False)):
            assert (visitor.get(testid).get_attribute("data-pending") is not None) == pending
        assert visitor.get("plot-left").locator("canvas").first.evaluate("c => getComputedStyle(c).opacity") < "1"
        # Back where the picture was made, nothing is missing.
        visitor.fill("number-w-left", "4")
        expect(visitor.get("asked-left")).to_be_hidden()
        visitor.get("interval-hi-right").press("ArrowRight")
        expect(visitor.get("asked-right")).to_have_text(re.compile("^showing σ .* …$"))
        visitor.get("knob-w-left").press("ArrowLeft")
        expect(visitor.get("asked-left")).to_have_text("showing w 4.00 …")
        # A server that is late is not another one: what is asked of it, or drawn, must not be lost by a reload.
        visitor.viewer.evaluate("root => Object.assign(window, { stayed: true }) && (root.viewer.queue.timeout = 0)")
        expect(visitor.get("status")).to_have_text("The server does not answer.")
        visitor.viewer.evaluate("root => { root.viewer.queue.timeout = 60000 }")
    visitor.changed(before)
    assert visitor.page.evaluate("window.stayed")
    for slot in SLOTS:
        expect(visitor.get(f"asked-{slot}")).to_be_hidden()
    assert visitor.viewer.evaluate("root => root.wrong") == 0
    visitor.fine()


def test_what_is_chosen_beside_the_viewer_makes_it_pending_at_once(follow, server):
    from playwright.sync_api import expect

    visitor = follow("/?n=512").ready()
    before = visitor.data
    visitor.page.get_by_role("combobox", name="Left method").click()
    option = visitor.page.get_by_role("option", name="No guidance")
    expect(option).to_be_visible()
    with server.frozen():
        option.click()
        visitor.when('d.state === "pending"')
        expect(visitor.get("asked-left")).to_have_text("showing CFG, w 4 …")
    visitor.changed(before)
    expect(visitor.get("asked-left")).to_be_hidden()
    expect(visitor.get("title-left")).to_have_text("No guidance")
    visitor.fine()


def test_numbers_are_taken_as_people_type_them(follow):
    from playwright.sync_api import expect

    visitor = follow("/?n=512").ready()
    field, said = visitor.get("number-w-left"), visitor.get("said-number-w-left")
    for typed, kept, words in (
        ("2,5", "2.50", ""),
        (" 3 ", "3.00", ""),
        ("2 5", "3.00", "“2 5” is not a number: w is from 0 to 8"),
        ("", "3.00", ""),
        ("1e1", "8.00", "w is from 0 to 8, not 10"),
        ("abc", "8.00", "“abc” is not a number: w is from 0 to 8"),
        ("25e-1", "2.50", ""),
    ):
        visitor.fill("number-w-left", typed)
        expect(field).to_have_value(kept)
        expect(said).to_have_text(words)
    field.press("ArrowUp")
    expect(field).to_have_value("2.55")
    visitor.until_query(left__w="2.55")
    visitor.fine()


def pack_of(*rules: str) -> str:
    """What a page without particles is told of two rules, with numbers as wide as they get."""
    state = State(*(Scene.of(rule, **DEFAULTS) for rule in rules))
    numbers = dict.fromkeys(computing.MEASURES, 1.0)
    sides = {slot: computing.Side(state.scene(slot), {}, numbers, numbers) for slot in SLOTS}
    request = requests.Request(have=packs.identity(state.left, state.right))
    return base64.b64encode(packs.assemble(state, sides, request)).decode()


def test_every_rule_leaves_the_whole_page_on_a_small_screen(follow):
    visitor = follow("/?n=512", viewport={"width": 1280, "height": 720}).ready()
    visitor.viewer.evaluate("root => { root.viewer.send = null; }")  # it is told of every rule here
    update = """(root, text) => new Promise((done) => {
      root.viewer.update(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
        const main = document.querySelector('[data-testid="stMain"]');
        const low = (name) => root.querySelector(`[data-testid="${name}"]`).getBoundingClientRect().bottom;
        const high = root.querySelector('[data-testid="plot-left"]').clientHeight;
        done([main.scrollHeight - main.clientHeight, low("play"), low("foot-left"), low("foot-right"), high]);
      }, 0)));
    })"""
    seen = {rule: visitor.viewer.evaluate(update, pack_of(rule, rule)) for rule in RULES}
    for rule, (over, *bottoms, high) in seen.items():
        assert over <= 0, rule
        assert max(bottoms) <= 720, rule
        assert high >= 220, rule
    visitor.fine()
