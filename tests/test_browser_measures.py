"""The pages that measure: Compare and Mechanism."""

import re
from pathlib import Path

import pytest
from browser_server import OUT, WAIT
from browser_visitor import Visitor
from ui_helpers import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


CURVES = "svg.marks path[aria-roledescription='line mark'], canvas.marks"


def charts_drawn(visitor: Visitor) -> int:
    """How many charts are drawn, each with something in it."""
    return visitor.page.locator("[data-testid='stVegaLiteChart']").filter(has=visitor.page.locator(CURVES)).count()


def test_methods_are_compared_while_one_watches(visit):
    from playwright.sync_api import expect

    visitor = visit("/compare?methods=cfg,autoguidance&strengths=1,2,4&n=512&seeds=2")
    expect(visitor.page.get_by_text(re.compile(r"measuring .* of 6 done"))).to_be_visible(timeout=WAIT)
    expect(visitor.page.get_by_text("All measures, 12 rows")).to_be_visible(timeout=WAIT)
    expect(visitor.page.get_by_text(re.compile(r"measuring .* done"))).to_have_count(0, timeout=WAIT)
    until(lambda: charts_drawn(visitor) == 4)
    with visitor.page.expect_download() as waiting:
        visitor.page.get_by_role("button", name="Download CSV").click()
    table = Path(waiting.value.path()).read_text()
    assert table.startswith("method,")
    assert len(table.splitlines()) == 13
    visitor.page.screenshot(path=OUT / "compare.png")
    visitor.fine()


def test_a_guide_is_taken_apart(visit):
    from playwright.sync_api import expect

    visitor = visit("/mechanism?cfg.w=2")
    told: list[str] = []
    visitor.page.on("console", lambda message: told.append(message.text))
    expect(visitor.page.get_by_text("mostly a distribution shift")).to_be_visible(timeout=WAIT)
    until(lambda: charts_drawn(visitor) == 6)
    visitor.page.get_by_text("Autoguidance", exact=True).first.click()
    expect(visitor.page.get_by_text("entirely a bad version of the model itself")).to_be_visible(timeout=WAIT)
    visitor.until_query(guide="A32@512")
    expect(visitor.page.get_by_text("KL from the truth").first).to_be_visible(timeout=WAIT)
    visitor.page.screenshot(path=OUT / "mechanism.png", full_page=True)
    assert not [words for words in told if "extent" in words], "a scale without ends"
    visitor.fine()
