"""What the visitor's own browser computes, what it leaves to the server, and that both draw the same picture."""

import re

import pytest
from browser_server import OUT
from browser_visitor import WITHOUT_ENGINE

from toy.state import parse
from toy.ui import export

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LINK = "/?n=512&left.w=3&right.rule=none"
MOVE = """(range, value) => {
  range.value = value;
  range.dispatchEvent(new Event("input", { bubbles: true }));
}"""
BREAK = "root => { root.viewer.local.engine.side = async () => { throw new Error('out of memory') } }"
# Until the fields are the finest there are, and something holds besides.
FINE = """(root, test) => new Promise(done => {
  const holds = new Function("root", `return ${test}`);
  const look = () => (root.viewer.shown?.side === 128 && holds(root) ? done() : setTimeout(look, 50));
  look();
})"""
HERE, THERE = re.compile("your browser"), re.compile("server")


def in_browser(visitor):
    """Wait until the picture is the engine's own."""
    from playwright.sync_api import expect

    expect(visitor.get("badge-left")).to_have_text(HERE)
    visitor.when('d.state === "idle" && d.quality === "full"')
    return visitor


def test_knobs_are_answered_while_the_server_is_not_there(follow, server):
    from playwright.sync_api import expect

    visitor = in_browser(follow(LINK).ready())
    before = visitor.data
    with server.frozen():
        visitor.fill("number-w-left", "5")
        moved = visitor.changed(before)
        visitor.open_drawer()
        visitor.get("layer-ratio").click()
        visitor.when('d.field !== ""')
        visitor.get("show-curve").click()
        expect(visitor.get("curve-left")).to_be_visible()
    visitor.until_query(left__w="5")
    assert visitor.data["id"] != before["id"]
    assert moved["quality"] == "full"
    visitor.page.screenshot(path=OUT / "engine.png")
    visitor.fine()


def test_dragging_asks_the_server_nothing(follow):
    visitor = in_browser(follow(LINK).ready())
    asked, before = visitor.requests(), visitor.data
    knob = visitor.get("knob-w-left")
    for value in ("3.5", "4", "4.5"):
        knob.evaluate(
            "(range, v) => { range.value = v; range.dispatchEvent(new Event('input', { bubbles: true })) }", value
        )
        visitor.when(f'd.id !== "{before["id"]}" && d.state === "idle"')
        before = visitor.data
    assert visitor.requests() == asked
    knob.evaluate("range => range.dispatchEvent(new Event('change', { bubbles: true }))")
    visitor.until_query(left__w="4.5")
    visitor.fine()


@pytest.mark.parametrize("link", [LINK, "/?n=512&left.rule=cfg&left.main=exact:A&left.unconditional=exact:AB&seed=3"])
def test_both_engines_draw_the_same_picture(follow, visit, link):
    here = in_browser(follow(link).ready())
    there = visit(link, script=WITHOUT_ENGINE).ready()
    for slot in ("left", "right"):
        for measure in ("outliers", "branch_tv", "root_share", "alignment"):
            texts = [v.get(f"metric-{measure}-{slot}").locator(".tv-metric-number").inner_text() for v in (here, there)]
            numbers = [[float(number) for number in re.findall(r"[\d.]+", text)] for text in texts]
            assert numbers[0] == pytest.approx(numbers[1], abs=0.2), (slot, measure, texts)
        drawn = [v.dots(slot)["drawn"] for v in (here, there)]
        assert drawn[0] == pytest.approx(drawn[1], rel=2e-3)
    assert here.data["id"] == there.data["id"]
    for visitor in (here, there):
        visitor.fine()


def test_what_the_browser_cannot_compute_is_the_servers_and_says_why(follow):
    from playwright.sync_api import expect

    exact = "left.main=exact:A&left.unconditional=exact:AB&right.rule=none&right.main=exact:A"
    visitor = follow(f"/?n=512&integrator=smc&left.rule=cfg&{exact}").ready()
    expect(visitor.get("status")).to_contain_text("Computed by the server: it needs all points at once")
    expect(visitor.get("badge-left")).to_have_text(THERE)
    visitor.fine()


@pytest.mark.parametrize("script", ["delete globalThis.Worker", "WebAssembly.validate = () => false"])
def test_a_browser_without_the_means_is_answered_by_the_server(visit, script):
    from playwright.sync_api import expect

    visitor = visit(LINK, script=script).ready()
    before = visitor.data
    visitor.fill("number-w-left", "5")
    visitor.changed(before)
    expect(visitor.get("badge-left")).to_have_text(THERE)
    visitor.fine()


def test_an_engine_that_breaks_is_replaced_by_the_server(visit):
    from playwright.sync_api import expect

    visitor = in_browser(visit(LINK).ready())
    before = visitor.data
    visitor.viewer.evaluate("root => { for (const worker of root.viewer.local.engine.workers) worker.terminate() }")
    visitor.viewer.evaluate(
        "root => { root.viewer.local.engine.side = async () => { throw new Error('out of memory') } }"
    )
    visitor.fill("number-w-left", "5")
    visitor.changed(before)
    expect(visitor.get("badge-left")).to_have_text(THERE)
    visitor.until_query(left__w="5")
    visitor.fine()


def test_fields_are_the_browsers_own(follow, server):
    visitor = follow("/fields")
    visitor.viewer.evaluate(FINE, "root.viewer.local.base")
    with server.frozen():
        visitor.viewer.evaluate("root => root.viewer.jump(0.2)")
        visitor.viewer.evaluate(FINE, "root.viewer.shown.sigma === 0.2")
    visitor.fine()


def test_a_page_without_a_server_computes(browser, tmp_path):
    """The download is live: from a file, without a network, it answers its knobs."""
    state = parse({"n": "512", "right.rule": "none"})[0]
    (tmp_path / "guidance.html").write_bytes(export.page(state))
    context = browser.new_context(offline=True)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((tmp_path / "guidance.html").as_uri())
    page.wait_for_selector('[data-engine="your browser"][data-state="idle"]')
    page.get_by_test_id("number-w-left").fill("2")
    page.get_by_test_id("number-w-left").press("Enter")
    page.wait_for_function("toyViewer.header.panels[0].shown.knobs.w === 2")
    assert page.get_by_test_id("draw").is_disabled()
    page.get_by_test_id("more").click()
    assert page.get_by_test_id("layer-drawn").is_disabled()
    page.get_by_test_id("layer-p1").click()
    page.wait_for_function('document.querySelector("[data-toy-viewer]").dataset.field !== ""')
    context.close()
    assert not wrong


# The next message to the server is lost, as in a server that ends before it has read it.
DEAF = "({ viewer }) => { const { send } = viewer; viewer.send = () => Object.assign(viewer, { send }); }"
LATER = "({ viewer }) => { viewer.local.toldWhen -= 60_000; }"


def test_what_was_chosen_and_not_heard_is_told_again(follow, visit):
    visitor = follow("/?n=512&left.w=2").ready()
    before = visitor.data
    visitor.viewer.evaluate(DEAF)
    visitor.fill("number-w-left", "3")
    visitor.changed(before)
    assert visitor.query()["left.w"] == "2"
    visitor.viewer.evaluate(LATER)
    visitor.until_query(left__w="3")
    other = visit("/?n=512&left.w=3").ready()
    visitor.when(f'd.id === "{other.data["id"]}"')
    visitor.fine()
