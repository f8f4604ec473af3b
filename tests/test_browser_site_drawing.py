"""A distribution is drawn on the site, where there is no server: exact at once, kept in the browser, sent in a link."""

import json
import re

import pytest
from browser_server import OUT
from site_guests import alone
from ui_helpers import until

from toy import lessons
from toy.distributions.strokes import MOST_STROKES

pytestmark = [pytest.mark.browser, pytest.mark.slow]
DRAWING = re.compile(r"strokes-[0-9a-f]{12}/A")
SHOWN = "document.querySelector('[data-testid=viewer]').viewer"
KEPT = "toy-site:drawings"
ROOM = "() => document.documentElement.scrollWidth <= innerWidth"
LESSON = lessons.read(lessons.FOLDER / "yours.en.md", lessons.numbers())


def drawn(guest) -> str:
    """Draw two strokes of two classes, and return the target's name."""
    from playwright.sync_api import expect

    guest.get("draw").click()
    expect(guest.get("brush")).to_be_visible()
    guest.stroke(0.3)
    until(lambda: DRAWING.fullmatch(guest.target))
    one = guest.target
    guest.get("brush-B").click()
    guest.stroke(0.7, "right")
    until(lambda: guest.target not in ("", one))
    guest.get("brush-done").click()
    guest.settled()
    return guest.target


def outside(guest, slot: str) -> float:
    return float(re.search(r"([\d.]+) ±", guest.get(f"metric-outliers-{slot}").inner_text())[1])


def test_what_is_drawn_is_there_at_once_and_stays(come):
    from playwright.sync_api import expect

    guest = come("?n=512&seed=0").settled()
    name = drawn(guest)
    target = guest.page.evaluate(f"{SHOWN}.header.target")
    assert [target[key] for key in ("name", "classes", "rest", "all", "drawing")] == [name, "A", "B", "AB", True]
    assert sorted(guest.page.evaluate(f"Object.keys({SHOWN}.scenery.outlines)")) == ["A", "AB", "B"]
    expect(guest.get("title-left")).to_contain_text("drawing")
    expect(guest.get("status")).to_contain_text(
        "networks of a drawing are trained by the app: exact densities stand in"
    )
    assert "your browser" in guest.get("badge-left").inner_text()
    guest.page.screenshot(path=OUT / "site-drawing.png")
    # With exact scores and no extra weight, samples are as good as true ones.
    guest.get("number-w-left").fill("1")
    guest.page.keyboard.press("Enter")
    until(lambda: "left.w=1" in guest.query)
    guest.settled()
    until(lambda: outside(guest, "left") < 4)
    floor = guest.page.evaluate(f"{SHOWN}.header.panels[0].measured.floor")
    assert set(floor) == {"outliers", "branch_tv", "alignment"}
    assert 0.003 < floor["outliers"] < 0.03
    guest.page.reload()
    guest.settled()
    assert guest.target == name
    assert guest.page.evaluate(f"{SHOWN}.header.target.drawing")
    assert outside(guest, "left") < 4
    # It is one of the distributions, and can be gone on with.
    guest.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert guest.get("distribution").locator("option:checked").inner_text() == "Your drawing"
    guest.get("distribution").select_option("rings")
    until(lambda: guest.target == "rings/A")
    guest.settled()
    guest.get("distribution").select_option(label="Your drawing")
    until(lambda: guest.target == name)
    guest.settled()
    guest.get("draw").click()
    expect(guest.get("brush-clear")).to_be_enabled()
    guest.stroke(0.45)
    until(lambda: guest.target not in ("", name, "rings/A"))
    guest.page.keyboard.press("Control+z")
    guest.page.keyboard.press("Escape")
    expect(guest.get("brush")).to_be_hidden()


def test_a_link_carries_a_drawing_and_one_without_it_says_so(come):
    guest = come("?n=512&seed=0").settled()
    name = drawn(guest)
    guest.get("share").click()
    link = guest.get("link").input_value()
    assert "carries the drawing" in guest.get("link-words").inner_text()
    other = come(link.partition("/site/")[2]).settled()
    assert other.target == name
    assert "#" not in other.page.url
    assert other.page.evaluate(f"{SHOWN}.header.id") == guest.page.evaluate(f"{SHOWN}.header.id")
    other.page.reload()
    assert other.settled().target == name
    stranger = come(f"?target={name}&n=512").settled()
    words = f"target = {name.partition('/')[0]} is a drawing that this browser does not have"
    assert words in stranger.get("note").inner_text()
    assert not stranger.page.evaluate(f"{SHOWN}.header.target.drawing")
    odd = come("?n=512#drawing=A,1e-9,0,0,1,1").settled()
    assert "width 1e-09 of a stroke is not at least 0.001" in odd.get("note").inner_text()


def test_what_is_kept_and_is_no_drawing_is_refused(come):
    name = "strokes-0123456789ab"
    wrong = {"label": "A", "width": 0.1, "at": [0, 0, 1, 1]}
    guest = come("?n=512").settled()
    for kept in ("{", json.dumps([[name, [wrong]]]), json.dumps([[name, "x"]]), json.dumps({name: [wrong]})):
        guest.page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEPT, kept])
        guest.page.goto(f"{guest.page.url.partition('?')[0]}?n=512&target={name}/A")
        guest.settled()
        assert "a drawing that this browser does not have" in guest.get("note").inner_text()
        assert not guest.page.evaluate(f"{SHOWN}.header.target.drawing")
    drawn(guest)
    assert len(json.loads(guest.page.evaluate("key => localStorage.getItem(key)", KEPT))) == 2


def test_one_finger_draws_on_a_phone(come):
    guest = come("?n=512&seed=0", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).settled()
    guest.get("draw").tap()
    box = guest.get("plot-left").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    guest.touch([(x - 60, y)], [(x, y + 20)], [(x + 60, y)])
    until(lambda: DRAWING.fullmatch(guest.target))
    name = guest.target
    guest.page.wait_for_function(f"() => {SHOWN}.root.dataset.quality === 'full' && {SHOWN}.header.target.drawing")
    half = guest.page.evaluate(f"{SHOWN}.view.half")
    guest.touch([(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)])
    until(lambda: guest.page.evaluate(f"{SHOWN}.view.half") < 0.7 * half)
    assert guest.target == name
    guest.page.wait_for_function(f"() => {SHOWN}.root.dataset.quality === 'full' && {SHOWN}.header.target.drawing")
    assert guest.page.evaluate(ROOM)
    for scheme in ("light", "dark"):
        guest.page.emulate_media(color_scheme=scheme)
        guest.page.screenshot(path=OUT / f"site-drawing-phone-{scheme}.png")


def test_one_file_draws_too(browser, written):
    with alone(browser, f"{(written / 'explorer.html').as_uri()}?n=512") as guest:
        guest.settled()
        guest.get("draw").click()
        guest.stroke(0.3)
        guest.page.wait_for_function(f"() => {SHOWN}.header.target.drawing && {SHOWN}.root.dataset.quality === 'full'")
        guest.get("brush-done").click()
        guest.settled()


def test_the_lesson_in_which_one_draws_goes_from_first_to_last(come):
    from playwright.sync_api import expect

    guest = come("learn.html")
    guest.get("open-yours").click()
    for number, step in enumerate(LESSON.steps, 1):
        expect(guest.get("step-count")).to_have_text(re.compile(rf"\b{number}\b"))
        guest.page.wait_for_function(f"() => {SHOWN}?.opening === null && {SHOWN}.root.dataset.state === 'idle'")
        expect(guest.get("step-heading")).to_have_text(step.heading)
        if step.kind == "predict-choice":
            guest.get("choice-1").check()
            guest.get("lock").click()
        elif step.kind == "predict-draw":
            guest.stroke(0.4)
            guest.get("lock").click()
        elif step.kind == "turn" and step.turn[0] == "drawn":
            guest.get("draw").click()
            guest.get("brush-A").click()
            guest.stroke(0.4)
            expect(guest.get("turn")).to_contain_text("Done")
            guest.get("brush-B").click()
            guest.stroke(0.6)
            guest.get("brush-done").click()
            guest.page.wait_for_function(f"() => {SHOWN}.root.dataset.quality === 'full' && !{SHOWN}.queue.busy")
        elif step.kind == "turn":
            assert guest.page.evaluate(f"{SHOWN}.header.target.drawing")
            assert DRAWING.search(guest.get("explore").get_attribute("href"))
            guest.get(f"number-{step.turn[0].partition('.')[2]}-left").fill(str(step.turn[2]))
            guest.page.keyboard.press("Enter")
            expect(guest.get("turn")).to_contain_text("Done")
            explore = guest.get("explore").evaluate("a => a.href")
        guest.page.screenshot(path=OUT / f"site-lesson-{number}.png")
        guest.get("step-after").click()
    expect(guest.get("book-yours")).to_contain_text("Done")
    guest.page.goto(explore)
    guest.settled()
    assert guest.page.evaluate(f"{SHOWN}.header.target.drawing"), "Explore shows what was drawn in the lesson"


def test_a_drawing_of_too_many_strokes_says_so(come):
    guest = come("?n=512").settled()
    guest.get("draw").click()
    guest.page.evaluate(
        f"most => {SHOWN}.strokes.put(Array.from({{ length: most }}, (_, i) =>"
        " ({ label: 'A', width: 0.05, at: [[i % 32, Math.floor(i / 32)]] })))",
        MOST_STROKES,
    )
    guest.stroke(0.5)
    until(lambda: f"at most {MOST_STROKES} strokes" in guest.get("status").inner_text())
