"""The views in other languages than English: what they say, whether it fits, and how one comes to another."""

import pytest
from browser_server import OUT, WAIT
from ui_helpers import until

from toy.languages import LANGUAGES
from toy.state import of_link
from toy.ui import export
from toy.viewer.sources import words

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OTHERS = [language for language in LANGUAGES if language != "en"]

# What is read, heard or pointed at anywhere in a view.
SAID = """(root) => [root, ...root.querySelectorAll("*")].flatMap((part) => [
  ...[...part.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent.trim()),
  ...["label", "description", "valuetext"].map((name) => part.getAttribute(`aria-${name}`)), part.dataset.meaning,
]).filter(Boolean)"""
# Controls that stick out of the view, or whose words do not fit into them.
TIGHT = """(root) => [...root.querySelectorAll("button, select, .tv-group, .tv-challenge")].filter((part) => {
  if (!part.checkVisibility()) return false;
  const [own, outer] = [part.getBoundingClientRect(), root.getBoundingClientRect()];
  const scrolls = part.closest(".tv-for-show, .tv-toolbar, .tf-strip, .tv-legend");
  const out = own.left < outer.left - 1 || own.right > outer.right + 1;
  return (!scrolls && out) || part.scrollWidth > part.clientWidth + 1;
}).map((part) => `${part.dataset.testid}: ${part.textContent}`)"""
ROOM = "() => document.documentElement.scrollWidth <= innerWidth"


def english(language: str) -> set[str]:
    """What the views say in English and say otherwise in a language."""
    ours, theirs = words("en"), words(language)
    return {
        text
        for part in ("labels", "meanings")
        for key, text in ours[part].items()
        if theirs[part][key] != text and "{" not in text
    }


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("width", [390, 1280])
def test_explore_says_nothing_in_english(follow, language, width):
    visitor = follow(f"/?language={language}&n=512&steps=8&curve=1", viewport={"width": width, "height": 844}).ready()
    if width > 768:
        visitor.open_drawer()
    said = visitor.viewer.evaluate(SAID)
    assert len(said) > 100
    assert not [text for text in said if text in english(language)]
    for label in ("trails", "follow", "view", "loop", "forward"):
        assert words(language)["labels"][label] in said
    assert visitor.viewer.get_attribute("lang") == language
    assert visitor.page.evaluate(ROOM)
    assert visitor.viewer.evaluate(TIGHT) == []
    visitor.page.screenshot(path=OUT / f"explore-{language}-{width}.png")
    visitor.fine()


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("width", [390, 1280])
def test_fields_says_nothing_in_english(follow, language, width):
    link = f"/fields?language={language}&sigma=0.1&panels=p1,p0,ratio,truth,error"
    visitor = follow(link, viewport={"width": width, "height": 844})
    visitor.when('d.state === "idle"')
    said = visitor.viewer.evaluate(SAID)
    assert not [text for text in said if text in english(language)]
    assert words(language)["labels"]["field.truth"] in said
    assert visitor.page.evaluate(ROOM)
    assert visitor.viewer.evaluate(TIGHT) == []
    visitor.page.screenshot(path=OUT / f"fields-{language}-{width}.png")
    visitor.fine()


def test_the_language_is_chosen_on_the_view_and_goes_along(visit):
    visitor = visit("/?n=512").ready()
    before = visitor.data
    visitor.get("view-language").select_option("ko")
    korean = words("ko")["labels"]
    until(lambda: visitor.get("show-trails").inner_text() == korean["trails"])
    visitor.until_query(language="ko", n="512")
    assert visitor.data["id"] == before["id"], "the same picture"
    assert visitor.get("play").get_attribute("aria-label") == korean["play"]
    assert visitor.get("knob-w-left").get_attribute("aria-label") == f"w, {korean['left']} 그림"
    visitor.fill("number-w-left", "2")
    visitor.until_query(language="ko", left__w="2")
    visitor.page.get_by_role("link", name="Fields").click()
    visitor.drawn_by = "fields"
    visitor.when('d.state === "idle"')
    until(lambda: visitor.get("view-language").input_value() == "ko")
    assert visitor.get("fields").get_attribute("lang") == "ko"
    visitor.get("view-language").select_option("en")
    visitor.until_query(language=None)
    assert visitor.get("arrows").inner_text() == words("en")["labels"]["fieldArrows"]
    visitor.fine()


def test_newcomers_are_told_in_their_language(visit):
    visitor = visit("/")
    visitor.get("callout").wait_for(timeout=WAIT)
    visitor.get("view-language").select_option("zh")
    chinese = words("zh")["labels"]
    until(lambda: visitor.get("callout-next").inner_text() == chinese["onward"])
    assert chinese["welcome.dots"].partition("{")[0] in visitor.get("callout").inner_text()
    assert visitor.get("callout").locator(".tv-swatch").count() == 1
    visitor.get("callout-next").click()
    assert visitor.get("callout").locator(".tv-swatch").count() == 2
    assert visitor.get("callout").inner_text().startswith(chinese["welcome.branches"].partition("{")[0].strip())


def test_the_view_beside_a_lesson_speaks_the_lessons_language(follow):
    visitor = follow("/learn?lesson=branches&step=5&language=zh")
    visitor.when('d.state === "idle"')
    label = "aria-label"
    assert visitor.get("play").get_attribute(label) == words("zh")["labels"]["play"]
    assert not visitor.get("view-language").is_visible()
    visitor.get("language").select_option("ko")
    until(lambda: visitor.get("play").get_attribute(label) == words("ko")["labels"]["play"])
    visitor.until_query(language="ko")
    assert not [text for text in visitor.viewer.evaluate(SAID) if text in english("ko")]
    assert "language=ko" in visitor.get("explore").get_attribute("href")
    visitor.page.screenshot(path=OUT / "lesson-view-ko.png")
    visitor.fine()


def test_a_page_that_was_downloaded_speaks_the_language_it_was_seen_in(browser, tmp_path):
    file = tmp_path / "guidance.html"
    file.write_bytes(export.page(of_link("language=zh&n=512&left.rule=none&right.rule=none")))
    page = browser.new_page()
    page.goto(file.as_uri())
    page.get_by_test_id("loop").wait_for()
    assert page.get_by_test_id("loop").inner_text() == words("zh")["labels"]["loop"]
    page.get_by_test_id("view-language").select_option("ko")
    until(lambda: page.get_by_test_id("loop").inner_text() == words("ko")["labels"]["loop"])
    page.close()
