"""A network is trained on a page, or by its name, and plays a role."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from browser_server import OUT, WAIT
from ui_helpers import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FEW = "/?n=512&steps=8&left.rule=none&left.main=exact:A"  # a guide is on the right


def type_density(page, role: str, name: str) -> None:
    """Type a name into a role's list, again where the list closed because what is around it still moved."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    def taken(url: str) -> bool:
        return [name] in parse_qs(urlsplit(url).query).values()

    box = page.get_by_role("combobox", name=re.compile(role))
    for _ in range(12):
        box.click()
        box.fill(name)
        try:
            page.get_by_role("option", name=name).first.wait_for(timeout=5000)
            box.press("Enter")
            page.wait_for_url(taken, wait_until="commit", timeout=10_000)
            return
        except PlaywrightTimeout:
            box.press("Escape")
    pytest.fail(f"{name} was not taken for {role}")


def test_a_training_is_held_and_kept_and_cast(visit):
    from playwright.sync_api import expect

    visitor = visit("/train?width=8&iterations=8192")
    page = visitor.page
    progress = page.get_by_test_id("stProgress")

    def button(name: str):
        return page.get_by_role("button", name=name, exact=True)

    def step() -> int:
        return int(re.search(r"iteration (\d+) of 8192", progress.inner_text())[1])

    button("Train").click()
    expect(progress).to_contain_text("running", timeout=WAIT)
    until(lambda: step() > 0)
    button("Pause").click()
    expect(progress).to_contain_text("paused", timeout=WAIT)
    # The chunk in hand ends, and then nothing moves, though the page draws itself anew every second.
    steps = [0, step()]
    while steps[-1] != steps[-2]:
        assert len(steps) < 8, f"it goes on: {steps}"
        visitor.hear(24)
        steps.append(step())
    held = steps[-1]
    page.screenshot(path=OUT / "train-paused.png")
    button("Go on").click()
    until(lambda: step() > held)
    button("Stop").click()
    expect(progress).to_contain_text("stopped", timeout=WAIT)
    expect(button("Pause")).to_be_disabled()

    page.get_by_label("Name", exact=True).fill("pupil")
    page.get_by_label("Name", exact=True).press("Enter")
    button("Keep").click()
    expect(page.get_by_text("Kept. It can play any role under the name kept:pupil.")).to_be_visible(timeout=WAIT)
    page.screenshot(path=OUT / "train-kept.png")

    page.reload()
    expect(page.get_by_text("Kept models: kept:pupil")).to_be_visible(timeout=WAIT)
    expect(progress).to_contain_text("stopped", timeout=WAIT)
    assert step() > held
    visitor.fine()

    cast = visit(FEW).ready()
    before = cast.data
    cast.unfold("Cast and schedule, right")
    type_density(cast.page, "weak", "kept:pupil")
    after = cast.changed(before)
    cast.until_query(right__weak="kept:pupil")
    cast.page.screenshot(path=OUT / "train-cast.png")
    cast.page.reload()
    cast.ready()
    assert cast.data["id"] == after["id"]
    expect(cast.page.get_by_test_id("stAlert")).to_have_count(0)
    cast.fine()


def test_a_name_is_typed_and_its_network_trained(visit):
    from playwright.sync_api import expect

    visitor = visit(FEW).ready()
    before = visitor.data
    visitor.unfold("Cast and schedule, right")
    type_density(visitor.page, "weak", "A8@128~depth=1")
    expect(visitor.get("waiting-right")).to_contain_text("training A8@128~depth=1", timeout=WAIT)
    visitor.page.screenshot(path=OUT / "waiting.png")
    visitor.until_query(right__weak="A8@128~depth=1")
    visitor.changed(before)
    expect(visitor.get("waiting-right")).to_be_empty(timeout=WAIT)
    until(lambda: visitor.dots("right")["drawn"] > 100)
    visitor.fine()
