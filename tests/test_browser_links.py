"""What is set is in the link and in the command, and comes back from them."""

import shlex
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from browser_server import OUT, WAIT
from browser_visitor import PIXELS
from ui_helpers import ROOT

from toy.viewer.presets import PRESETS

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_moved_slider_changes_the_picture_and_a_link_restores_it(follow, visit):
    visitor = follow("/?n=512").ready()
    first, picture = visitor.data, visitor.dots()
    right = visitor.dots("right")
    visitor.fill("number-w-left", "2")
    second = visitor.changed(first)
    assert visitor.dots()["hash"] != picture["hash"]
    assert visitor.dots("right") == right
    visitor.until_query(left__w="2", n="512")

    slider = visitor.get("knob-w-left")
    slider.focus()
    slider.press("ArrowRight")
    visitor.changed(second)
    visitor.until_query(left__w="2.05", n="512")
    assert visitor.get("number-w-left").input_value() == "2.05"

    link = urlsplit(visitor.page.url)
    other = visit(f"/?{link.query}").ready()
    visitor.when(f'd.id === "{other.data["id"]}"')  # as the server calls it, which was told
    assert other.get("number-w-left").input_value() == "2.05"
    assert other.dots() == visitor.dots()
    other.fine()

    # Back to where it was.
    visitor.page.get_by_role("button", name="Reset", exact=True).click()
    visitor.until_query(left__w=None, n=None)


def test_the_command_redraws_what_the_viewer_was_changed_to(follow, tmp_path):
    from playwright.sync_api import expect

    visitor = follow("/?n=512&steps=8&right.rule=none").ready()
    before = visitor.data
    visitor.fill("number-w-left", "2.5")
    visitor.changed(before)
    visitor.until_query(left__w="2.5")
    visitor.page.get_by_role("button", name="Command").click()
    line = visitor.page.get_by_test_id("stCode").filter(has_text="figure explore")
    expect(line).to_contain_text("left.w=2.5", timeout=WAIT)
    command = shlex.split(line.inner_text())
    visitor.page.screenshot(path=OUT / "command.png")
    visitor.page.keyboard.press("Escape")
    visitor.page.get_by_role("button", name="Download", exact=True).click()
    with visitor.page.expect_download() as waiting:
        visitor.page.get_by_role("button", name="Figure, PNG").click()
    waiting.value.save_as(tmp_path / "download.png")
    done = subprocess.run(
        [sys.executable, *command[1:], "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "explore.png").read_bytes() == (tmp_path / "download.png").read_bytes()
    visitor.fine()


def test_a_value_out_of_range_becomes_the_end_of_the_range(follow):
    visitor = follow("/?n=512").ready()
    before = visitor.data
    visitor.fill("number-w-left", "99")
    visitor.changed(before)
    assert float(visitor.get("number-w-left").input_value()) == 8
    visitor.until_query(left__w="8")


def test_dragging_shows_previews_and_ends_with_the_whole_picture(visit):
    visitor = visit("/").ready()
    before = visitor.data
    slider = visitor.get("knob-w-left")
    slider.evaluate("input => { input.value = 6; input.dispatchEvent(new Event('input', { bubbles: true })); }")
    preview = visitor.when(f'd.id !== "{before["id"]}" && d.quality === "preview"')
    assert "preview" in visitor.get("badge-left").inner_text()
    assert visitor.query() == {}, "what is dragged is not a place in the history yet"
    slider.evaluate("input => input.dispatchEvent(new Event('change', { bubbles: true }))")
    full = visitor.changed(preview)
    assert full["id"] not in (before["id"], preview["id"])
    visitor.until_query(left__w="6")


def test_a_bad_link_says_so_and_still_shows_a_picture(follow):
    from playwright.sync_api import expect

    visitor = follow("/?left.w=99&right.rule=magic&n=512").ready()
    for word in ("99", "magic"):
        expect(visitor.page.get_by_test_id("stAlert").filter(has_text=word)).to_be_visible()
    assert visitor.dots()["drawn"] > 300
    assert visitor.get("number-w-left").input_value() == "4.00"
    visitor.fine()


def test_the_viewers_own_settings_are_in_the_link(follow, visit):
    visitor = follow("/?n=512").ready()
    visitor.get("show-trails").click()
    visitor.get("layout-swipe").click()
    visitor.until_query(trails="1", layout="swipe")
    other = visit(f"/?{urlsplit(visitor.page.url).query}").ready()
    assert other.get("show-trails").get_attribute("aria-pressed") == "true"
    assert other.get("divider").is_visible()
    other.fine()


def test_a_story_brings_its_own_view_and_layers(follow, visit):
    visitor = follow("/?n=512").ready()
    before = visitor.data
    box = visitor.page.get_by_test_id("stSidebar").get_by_role("combobox").first
    box.click()
    box.press_sequentially("Close-up")
    box.press("Enter")
    visitor.changed(before)
    visitor.until_query(layers="ratio", view="0.45,1.22,0.3")
    from playwright.sync_api import expect

    expect(visitor.get("layer-ratio")).to_have_attribute("aria-pressed", "true")
    expect(visitor.get("show-paths")).to_have_attribute("aria-pressed", "true")
    expect(visitor.get("lead")).to_contain_text(PRESETS["close-up"].sentence)
    visitor.until_query(story="close-up")
    linked = visit(f"/?{urlsplit(visitor.page.url).query}").ready()
    expect(linked.get("lead")).to_contain_text(PRESETS["close-up"].sentence)
    assert visitor.get("dots-left").evaluate(PIXELS)["drawn"] == pytest.approx(linked.dots()["drawn"], rel=0.02)
    # A sentence is of its own picture alone: another weight, and it is gone from the page and the link.
    linked.fill("number-w-right", "2")
    expect(linked.get("lead-text")).not_to_have_text(PRESETS["close-up"].sentence)
    linked.until_query(story=None, right__w="2")
    linked.fine()
