"""The site in a real Chromium: from a plain file server under a path, without a server, and from one file."""

import re

import numpy as np
import pytest
from accessibility import accessible
from browser_server import OUT
from browser_visitor import WITHOUT_ENGINE
from site_guests import Guest, alone
from ui_helpers import until

from toy.state import of_link
from toy.viewer.sources import words

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOM = "() => document.documentElement.scrollWidth <= innerWidth"
DARK = "getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'"


def outside(guest: Guest, slot: str = "left") -> float:
    return float(re.search(r"([\d.]+) ±", guest.get(f"metric-outliers-{slot}").inner_text())[1])


def test_it_computes_the_numbers_of_the_app(come):
    guest = come("?seed=0&n=512").settled()
    assert guest.get("title-left").inner_text() == "CFG"
    assert abs(outside(guest) - 14) < 5  # 14.2% of 2048
    assert "your browser" in guest.get("badge-left").inner_text()
    guest.page.screenshot(path=OUT / "site.png")
    assert guest.page.evaluate(ROOM)


def test_a_link_of_the_app_opens_and_goes_back(come):
    link = "left.rule=rescaled_cfg&left.phi=0.5&right.main=exact:A&n=512&layers=p1&view=0.3,0.4,0.8&hide=formula"
    guest = come(f"?{link}").settled()
    assert guest.get("title-left").inner_text() == "Rescaled CFG, main A64@4096"
    assert guest.get("number-phi-left").input_value() == "0.50"
    assert not guest.get("formula-left").is_visible()
    until(lambda: guest.page.evaluate("Boolean(document.querySelector('.toy-viewer').viewer.layers)"))
    guest.get("number-phi-left").fill("0.25")
    guest.page.keyboard.press("Enter")
    until(lambda: "left.phi=0.25" in guest.query)
    state = of_link(guest.page.url)
    assert (state.left.rule, dict(state.left.knobs)["phi"], dict(state.right.cast)["main"]) == (
        "rescaled_cfg",
        0.25,
        "exact:A",
    )
    assert dict(state.ui)["layers"] == ["p1"]


def test_what_is_chosen_is_computed_and_undone_by_going_back(come):
    guest = come("?n=512&seed=3").settled()
    first = outside(guest, "right")
    guest.get("rule-right").click()
    guest.get("rule-right-search").fill("naive")
    guest.page.keyboard.press("Enter")
    until(lambda: "right.rule=naive_truncation" in guest.query)
    guest.settled()
    until(lambda: outside(guest, "right") < 1)
    guest.get("exact-main-left").click()
    until(lambda: "left.main=exact:A" in guest.query)
    guest.settled()
    assert guest.get("exact-main-left").get_attribute("aria-pressed") == "true"
    guest.get("undo").click()
    guest.page.go_back()
    until(lambda: "right.rule" not in guest.query)
    guest.settled()
    until(lambda: outside(guest, "right") == first)
    guest.get("reset").click()
    until(lambda: guest.query == "")


def test_a_drag_is_answered_while_it_lasts(come):
    guest = come("?seed=0").settled()
    slider = guest.get("knob-w-left")
    slider.evaluate("range => { range.value = 1; range.dispatchEvent(new Event('input', { bubbles: true })); }")
    guest.page.wait_for_function("() => document.querySelector('.toy-viewer').dataset.quality === 'preview'")
    assert guest.query == "seed=0"
    slider.evaluate("range => range.dispatchEvent(new Event('change', { bubbles: true }))")
    until(lambda: "left.w=1" in guest.query)
    guest.settled()


def computes_another(guest: Guest) -> None:
    """Turns w to 1, and waits for the picture and the number of that."""
    guest.get("number-w-left").fill("1")
    guest.page.keyboard.press("Enter")
    until(lambda: "left.w=1" in guest.query)
    guest.settled()
    until(lambda: abs(outside(guest) - 10) < 5)


def test_it_goes_on_without_the_network(come):
    guest = come("?n=512&seed=1").settled()
    guest.context.set_offline(True)
    computes_another(guest)
    guest.get("cast-main-left").evaluate("select => select.closest('details').open = true")
    guest.get("cast-main-left").select_option("AB64@4096")  # which was not loaded
    until(lambda: "densities/AB64-4096.bin could not be loaded" in guest.get("status").inner_text())
    guest.context.set_offline(False)
    guest.get("undo").click()
    guest.settled()
    guest.wrong = [words for words in guest.wrong if "ERR_INTERNET_DISCONNECTED" not in words]


STOP = """() => {
  const engine = globalThis.toyEngine;
  const { ask } = engine;
  engine.ask = (...given) => {
    const asked = ask.apply(engine, given);
    engine.failed(engine.workers[0], "out of memory");
    return asked;
  };
}"""


def test_an_engine_that_stops_is_replaced(come):
    guest = come("?n=512&seed=1").settled()
    guest.page.evaluate(STOP)
    computes_another(guest)
    assert guest.get("status").inner_text() == ""
    assert guest.page.evaluate("toyEngine.broken") == ""


def test_what_the_page_lacks_is_said(come):
    guest = come("?target=rings/A&n=512").settled()
    assert "rings/A64@4096 is not on this page: exact densities stand in" in guest.get("status").inner_text()
    smc = come("?integrator=smc&right.rule=none&n=512")
    until(lambda: "Feynman-Kac SMC needs the app" in smc.get("waiting-left").inner_text())
    refused = come("?left.w=99&left.main=kept:mine&n=512").settled()
    words = refused.get("note").inner_text()
    assert "w = 99 is not a number from 0 to 8" in words
    assert "'kept:mine' is not on this page" in words


def test_sharing_and_presenting(come):
    guest = come("?n=512&seed=7").settled()
    guest.get("share").click()
    assert guest.get("link").input_value() == guest.page.url
    assert guest.get("qr").locator("path").count() == 1
    guest.get("frozen").check()
    assert of_link(guest.get("link").input_value()) == of_link(f"{guest.page.url}&freeze=1")
    guest.get("close-share").click()
    guest.get("present").click()
    assert guest.page.url.endswith("#present")
    assert not guest.get("settings").is_visible()
    guest.page.keyboard.press("PageDown")
    until(lambda: "story=cfg-or-autoguidance" in guest.query)
    guest.settled()
    guest.page.keyboard.press("b")
    assert guest.get("black").is_visible()
    guest.page.keyboard.press("b")
    assert not guest.get("black").is_visible()
    guest.page.keyboard.press("PageUp")
    guest.page.screenshot(path=OUT / "presenting.png")
    guest.page.keyboard.press("Escape")
    until(lambda: guest.get("settings").is_visible())
    assert "#" not in guest.page.url


def test_fields_and_claims(come):
    guest = come("fields.html?rule=cfg&sigma=0.2&panels=p1,ratio")
    guest.page.wait_for_function("() => document.querySelector('.toy-fields')?.viewer?.shown?.side >= 128")
    guest.get("rule").click()
    guest.get("rule-search").fill("autoguidance weak")
    guest.page.keyboard.press("Enter")
    until(lambda: guest.query == "sigma=0.2&panels=p1,ratio")
    guest.page.wait_for_function("() => document.querySelector('.toy-fields').viewer.header.title === 'Autoguidance'")
    guest.page.screenshot(path=OUT / "site-fields.png")
    guest.page.get_by_role("link", name="Claims").click()
    rows = guest.page.locator("td[data-verdict]")
    assert rows.count() > 30
    guest.page.get_by_role("link", name="Open its scenes").first.click()
    guest.settled()
    assert "left.rule=none" in guest.query


FIELD = """(root) => new Promise((done) => {
  const names = ["left.logp1", "left.logp0", "left.error", "left.arrows.main", "left.arrows.guide", "truth.logp"];
  const look = () => {
    if (!root.viewer?.header) return setTimeout(look, 50);
    const { fine, header, shown, ui } = root.viewer;
    if (!fine || shown?.sigma !== ui.sigma || shown.id !== header.id) return setTimeout(look, 50);
    const grids = Object.fromEntries(names.map((name) => [name, [...shown.layers.values(name)]]));
    done({ ui, names: header.names, sigma: shown.sigma, box: shown.box, shape: shown.shape, grids });
  };
  look();
})"""


def test_a_link_of_fields_draws_the_same_field_as_in_the_app(come, visit):
    link = "?rule=cfg&main=exact:A&sigma=0.2&view=0.3,0.4,0.8&panels=p1,ratio&arrows=0"
    guest, visitor = come(f"fields.html{link}"), visit(f"/fields{link}", script=WITHOUT_ENGINE)
    here, there = guest.get("fields").evaluate(FIELD), visitor.viewer.evaluate(FIELD)
    said = {"sigma": 0.2, "view": [0.3, 0.4, 0.8], "panels": ["p1", "ratio"], "arrows": False}
    assert here["ui"] == there["ui"] == there["ui"] | said
    for name in ("names", "sigma", "box", "shape"):
        assert here[name] == there[name], name
    for name, grid in here["grids"].items():
        top = max(map(abs, there["grids"][name]))
        np.testing.assert_allclose(grid, there["grids"][name], rtol=0, atol=2e-5 * top, err_msg=name)
    visitor.fine()


def test_another_language_is_read_when_it_is_asked_for(come):
    plain = come("?n=512&seed=0").settled()
    assert not [url for url in plain.asked if "/words/" in url]
    plain.get("view-language").select_option("ko")
    until(lambda: plain.get("show-trails").inner_text() == words("ko")["labels"]["trails"])
    plain.page.wait_for_function("() => location.search.includes('language=ko')")
    plain.page.get_by_role("link", name="Fields").click()
    plain.page.wait_for_function("() => document.querySelector('.toy-fields')?.viewer?.shown")
    assert plain.get("view-language").input_value() == "ko"
    assert plain.get("play").get_attribute("aria-label") == words("ko")["labels"]["fieldPlay"]

    guest = come("?n=512&seed=0&language=zh").settled()
    assert [url.partition("?")[0][-13:] for url in guest.asked if "/words/" in url] == ["words/zh.json"]
    assert guest.get("lead").inner_text().startswith(words("zh")["stories"][""]["title"])
    guest.get("story").select_option("interval")
    until(lambda: "story=interval" in guest.query)
    guest.settled()
    assert guest.get("lead").inner_text().startswith(words("zh")["stories"]["interval"]["title"])
    assert "language=zh" in guest.query
    assert guest.page.evaluate(ROOM)
    guest.page.screenshot(path=OUT / "site-zh.png")


def test_a_frozen_link_waits_to_be_tried_and_a_challenge_is_measured(come):
    guest = come("?n=512&seed=0&freeze=1&challenge=outside<50").settled()
    assert guest.get("number-w-left").is_disabled()
    assert not guest.get("rule-left").is_visible()
    until(lambda: guest.get("challenge-state").inner_text() == "Met: left, right")
    guest.get("lecture-button").click()
    guest.page.wait_for_function("() => !location.search.includes('freeze')")
    assert guest.get("settings").is_visible()
    assert not guest.get("number-w-left").is_disabled()
    assert "challenge=outside%3C50" in guest.query


def test_a_lesson_is_read(come):
    guest = come("learn.html")
    guest.get("open-branches").click()
    guest.page.wait_for_function("() => document.querySelector('[data-testid=viewer]')?.dataset.quality === 'full'")
    assert "lesson=branches&step=1" in guest.query
    assert guest.get("title-left").inner_text().startswith("No guidance, exact scores")
    guest.page.goto(guest.page.url.replace("step=1", "step=3"))
    guest.page.wait_for_function("() => document.querySelector('[data-testid=viewer]')?.dataset.quality === 'full'")
    assert guest.get("title-left").inner_text().startswith("CFG, exact scores")


CROWDED = """() => [...document.querySelectorAll('.tv-metric')]
  .filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(come, scheme):
    guest = come(
        "?n=512&seed=0", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme=scheme
    )
    guest.settled()
    assert guest.page.evaluate(ROOM)
    assert guest.page.evaluate(CROWDED) == []
    assert not guest.get("rule-left").is_visible()
    guest.get("settings").tap()
    guest.get("rule-left").tap()
    guest.get("rule-left-popup").get_by_role("option", name="No guidance").tap()
    until(lambda: "left.rule=none" in guest.query)
    guest.get("close-settings").tap()
    assert not guest.get("rule-left").is_visible()
    assert guest.page.evaluate(DARK) == (scheme == "dark")
    guest.get("theme").tap()
    assert not guest.page.evaluate(DARK)
    here = guest.page.url.partition("?")[0]
    for page in ("fields.html", "claims.html", "learn.html"):
        guest.page.goto(here + page)
        guest.page.wait_for_function("() => window.toySite")
        assert guest.page.evaluate(ROOM), page


# Of titles, and of words for what is waited for, which the view would soon take away: where each begins and ends.
ENDS = """words => {
  const all = name => [...document.querySelectorAll(name)];
  const ends = box => [box.getBoundingClientRect().left, box.getBoundingClientRect().right];
  for (const asked of all(".tv-asked")) asked.textContent = words;
  return [".tv-tag", ".tv-asked"].map(name => all(name).map(ends));
}"""


def test_captions_of_both_sides_stand_apart_on_a_phone(come):
    guest = come(
        "?n=512&seed=0&left.rule=autoguidance&integrator=ancestral",
        viewport={"width": 390, "height": 844},
        is_mobile=True,
    )
    guest.settled()
    ends = guest.page.evaluate(ENDS, "showing what was before " * 4)
    for left, right in ends:
        assert 0 < left[1] <= right[0]


def test_one_file_speaks_every_language(browser, written):
    with alone(browser, f"{(written / 'explorer.html').as_uri()}?n=512&language=ko") as guest:
        guest.settled()
        assert guest.get("loop").inner_text() == words("ko")["labels"]["loop"]


def test_one_file_is_all_it_needs(browser, written):
    with alone(browser, f"{(written / 'explorer.html').as_uri()}?n=512&left.w=2") as guest:
        guest.settled()
        assert len([url for url in guest.asked if url.startswith("file:")]) == 1
        guest.get("number-w-left").fill("1")
        guest.page.keyboard.press("Enter")
        until(lambda: "left.w=1" in guest.page.url)
        guest.settled()
        guest.get("story").select_option("exact-cfg")
        guest.settled()
        until(lambda: guest.get("title-left").inner_text() == "CFG, exact scores")


NAMELESS = """() => [...document.querySelectorAll('button, input, select, a')].filter((part) => part.checkVisibility()
  && !(part.getAttribute('aria-label') || part.labels?.length || part.textContent.trim()))
  .map((part) => part.outerHTML)"""
TWICE = """() => [...document.querySelectorAll('[id]')].map(({ id }) => id)
  .filter((id, i, all) => all.indexOf(id) !== i)"""


def test_every_control_has_a_name(come):
    guest = come("?left.rule=rescaled_cfg&n=512").settled()
    guest.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    guest.get("rule-left").click()
    assert guest.page.evaluate(NAMELESS) == []
    assert guest.page.evaluate(TWICE) == []
    # By keyboard alone: the list is left as it was, and what opened it has the focus again.
    guest.page.keyboard.press("Escape")
    assert guest.page.evaluate("document.activeElement.dataset.testid") == "rule-left"
    fields = come("fields.html")
    fields.page.wait_for_function("() => document.querySelector('.toy-fields')?.viewer?.shown")
    assert fields.page.evaluate(NAMELESS) == []


@pytest.mark.parametrize(
    "page", ["?n=512", "fields.html", "learn.html", "learn.html?lesson=branches&step=4", "claims.html"]
)
def test_axe_finds_nothing(come, page):
    guest = come(page)
    guest.page.wait_for_function("() => window.toySite")
    if page.startswith("?"):
        guest.settled()
        guest.get("more").click()
        guest.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    elif "lesson" in page:
        guest.page.wait_for_function("() => document.querySelector('[data-testid=viewer]')?.dataset.quality === 'full'")
    for scheme in ("light", "dark"):
        guest.page.emulate_media(color_scheme=scheme)
        until(lambda scheme=scheme: guest.page.evaluate(DARK) == (scheme == "dark"), 20)
        accessible(guest.page, scheme)


def test_in_another_page_it_is_the_picture_alone(come):
    guest = come("?embed=true&n=512&seed=0").settled()
    assert not guest.page.locator(".ts-bar").is_visible()
    assert not guest.get("rule-left").is_visible()
    guest.get("number-w-left").fill("2")
    guest.page.keyboard.press("Enter")
    until(lambda: "left.w=2" in guest.query and "embed=true" in guest.query)
