"""A lesson in the browser: from first step to last by pointer and by keyboard, by link, again after a reload."""

import re

import pytest
from accessibility import accessible
from browser_server import OUT, WAIT
from ui_helpers import until

from toy import lessons

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BRANCHES = lessons.read(lessons.FOLDER / "branches.en.md", lessons.numbers())
DIFFUSION = lessons.read(lessons.FOLDER / "diffusion.en.md", lessons.numbers())
OPENED = "r => r.viewer.opening === null && ['idle', 'playing'].includes(r.dataset.state)"
KEPT = "JSON.parse(localStorage.getItem('toy-lessons'))"


def settled(visitor, step: int) -> None:
    """Wait until the step's text and its own picture are there."""
    from playwright.sync_api import expect

    expect(visitor.get("step-count")).to_have_text(re.compile(rf"\b{step}\b"), timeout=WAIT)
    expect(visitor.viewer).to_have_count(1, timeout=WAIT)
    until(lambda: visitor.viewer.evaluate(OPENED))
    visitor.until_query(step=str(step))


def circle(visitor, slot: str) -> None:
    """Draw round the middle of a picture."""
    x, y = visitor.centre(f"plot-{slot}")
    mouse = visitor.page.mouse
    mouse.move(x - 90, y)
    mouse.down()
    for dx, dy in [(0, -90), (90, 0), (0, 90), (-85, 10)]:
        mouse.move(x + dx, y + dy, steps=4)
    mouse.up()


def turn(visitor, turned) -> None:
    """Do what a step asks, by the control that it frames."""
    what, _, value = turned
    side, _, name = what.partition(".")
    if name in ("lo", "hi"):
        handle = visitor.get(f"interval-{name}-{side}")
        until(lambda: handle.press("ArrowRight") or float(handle.get_attribute("aria-valuenow")) <= value)
    elif name:
        visitor.fill(f"number-{name}-{side}", str(value))
    elif what == "sigma":
        visitor.page.mouse.click(*visitor.point_at_bar(0.9))
    else:
        visitor.get(what).click()


def answer(visitor, step) -> None:
    if step.kind == "predict-choice":
        visitor.get("choice-0").check()
    elif step.kind == "predict-number":
        visitor.get("number").focus()
        visitor.page.keyboard.press("ArrowLeft")
    else:
        circle(visitor, step.draw[0])
    visitor.get("lock").click()


def test_a_lesson_goes_from_its_first_step_to_its_last_by_pointer(visit):
    from playwright.sync_api import expect

    visitor = visit("/learn", viewport={"width": 1280, "height": 800})
    visitor.get("open-branches").click(timeout=WAIT)
    for number, step in enumerate(BRANCHES.steps, 1):
        settled(visitor, number)
        expect(visitor.get("step-heading")).to_have_text(step.heading)
        after = visitor.get("step-after")
        if step.kind.startswith("predict"):
            expect(after).to_be_disabled()
            if step.cover:
                assert visitor.get(f"plot-{step.cover}").locator("canvas").first.is_hidden(), "nothing is given away"
            answer(visitor, step)
            expect(visitor.get("locked")).to_be_visible()
        elif step.kind == "turn":
            expect(visitor.get("turn")).to_contain_text("framed")
            expect(visitor.page.locator(".tv-pointed")).to_have_count(1)
            turn(visitor, step.turn)
            expect(visitor.get("turn")).to_contain_text("Done")
            expect(visitor.page.locator(".tv-pointed")).to_have_count(0)
        elif step.kind == "reveal":
            asked = BRANCHES.steps[step.of]
            if asked.kind == "predict-draw":
                expect(visitor.get("verdict")).to_contain_text("%")
                assert visitor.viewer.evaluate("r => r.viewer.marker.regions.length") == 1, "it lies over the answer"
            elif asked.kind == "predict-number":
                for name in ("yours", "measured"):
                    expect(visitor.get(f"at-{name}")).to_be_visible()
            else:
                right = next(i for i, choice in enumerate(asked.choices) if choice.right)
                expect(visitor.get(f"said-{right}")).to_contain_text("✓")
                expect(visitor.get("said-0")).to_contain_text(asked.choices[0].why)
        visitor.page.screenshot(path=OUT / f"lesson-{number}.png")
        after.click()
    expect(visitor.get("book-branches")).to_contain_text("Done")
    visitor.until_query(lesson=None, step=None)

    said = visitor.page.evaluate(KEPT)["branches"]["said"]
    assert len(said) == sum(step.kind.startswith("predict") for step in BRANCHES.steps)
    told = b"".join(visitor.sent).decode(errors="ignore")
    assert "left.unconditional" in told, "what is looked at is told"
    for word in ("choice", "regions", "predict", '"said'):
        assert word not in told, "what is predicted is not"
    (region,) = next(one["regions"] for one in said.values() if "regions" in one)
    assert str(region[0][0]) not in told
    visitor.fine()


def test_a_lesson_goes_from_its_first_step_to_its_last_by_keyboard(follow):
    from playwright.sync_api import expect

    visitor = follow("/learn?lesson=diffusion&step=1", viewport={"width": 1280, "height": 800})
    press = visitor.page.keyboard.press
    visitor.get("step-heading").focus(timeout=WAIT)
    for number, step in enumerate(DIFFUSION.steps, 1):
        settled(visitor, number)
        if step.kind.startswith("predict"):
            press("ArrowRight")
            expect(visitor.get("step-count")).to_contain_text(f"{number} of")  # not before it is answered
            press("Tab")
            if step.kind == "predict-choice":
                press("Space")
            press("ArrowDown")
            press("Tab")
            expect(visitor.get("lock")).to_be_focused()
            press("Enter")
            expect(visitor.get("step-after")).to_be_focused()
            press("Enter")
        elif number < len(DIFFUSION.steps):
            assert visitor.get("step-heading").evaluate("e => e.getRootNode().activeElement === e") or number == 1
            press("ArrowRight")
    settled(visitor, len(DIFFUSION.steps))
    visitor.fine()


def test_a_region_is_drawn_by_keyboard(follow):
    from playwright.sync_api import expect

    visitor = follow("/learn?lesson=branches&step=2")
    settled(visitor, 2)
    plot = visitor.get("plot-left")
    plot.focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        plot.press(key)
    expect(visitor.get("drawn")).to_have_text("1 drawn")
    assert visitor.viewer.evaluate("r => r.viewer.pin") is None
    plot.press("Backspace")
    expect(visitor.get("drawn")).to_have_text("0 drawn")
    expect(visitor.get("lock")).to_be_disabled()


def test_a_link_opens_a_step_and_a_reload_keeps_what_was_said(visit):
    from playwright.sync_api import expect

    visitor = visit("/learn?lesson=branches&step=4")
    settled(visitor, 4)
    assert visitor.get("number-w-right").count() == 0 or visitor.get("number-w-right").is_hidden()
    answer(visitor, BRANCHES.steps[3])
    said = visitor.page.evaluate(KEPT)["branches"]["said"]["4"]["number"]
    visitor.page.reload()
    settled(visitor, 4)
    expect(visitor.get("locked")).to_be_visible()
    visitor.get("step-after").click()
    settled(visitor, 5)
    expect(visitor.get("says-yours")).to_contain_text(f"{said:.3g}")
    assert visitor.get("number-w-right").input_value() == "2.00"
    visitor.page.go_back()
    settled(visitor, 4)
    visitor.get("change").click()
    expect(visitor.get("lock")).to_be_visible()
    visitor.fine()


def test_what_a_reader_turned_does_not_come_along_to_the_next_picture(follow):
    visitor = follow("/learn?lesson=branches&step=6")
    settled(visitor, 6)
    visitor.fill("number-w-right", "7")
    visitor.get("step-before").click()
    settled(visitor, 5)
    visitor.get("step-before").click()
    visitor.get("step-after").click() if visitor.get("locked").count() else visitor.get("unknown").click()
    visitor.get("step-after").click()
    settled(visitor, 5)
    assert visitor.get("number-w-right").input_value() == "2.00"


def test_a_wrong_link_says_so_and_shows_the_lessons(follow):
    from playwright.sync_api import expect

    visitor = follow("/learn?lesson=magic&step=2&language=xx")
    expect(visitor.get("book-branches")).to_be_visible(timeout=WAIT)
    for word in ("magic", "xx"):
        expect(visitor.page.get_by_test_id("stAlert").filter(has_text=word)).to_be_visible()
    visitor.fine()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1920, 1080)])
def test_card_and_picture_are_both_on_the_screen(follow, width, height):
    phone = {"has_touch": True, "is_mobile": True} if width < 500 else {}
    visitor = follow("/learn?lesson=branches&step=4", viewport={"width": width, "height": height}, **phone)
    settled(visitor, 4)
    card, plot = (
        visitor.get(name).evaluate("e => e.getBoundingClientRect().toJSON()") for name in ("lesson-card", "plot-left")
    )
    assert card["bottom"] <= height + 1
    assert card["top"] < height - 200
    assert plot["top"] >= 0
    assert (card["right"] <= plot["left"]) == (width > 900)
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.page.screenshot(path=OUT / f"lesson-{width}.png")
    if phone:
        visitor.get("unknown").tap()
        visitor.get("step-after").tap()
        settled(visitor, 5)


def test_axe_finds_nothing_in_the_list_and_in_each_kind_of_step(follow):
    visitor = follow("/learn")
    visitor.get("book-branches").wait_for(timeout=WAIT)
    accessible(visitor.page, "the list")
    visitor.get("open-branches").click()
    for number, step in enumerate(BRANCHES.steps, 1):
        settled(visitor, number)
        accessible(visitor.page, step.heading)
        if step.kind.startswith("predict"):
            answer(visitor, step)
        if number < len(BRANCHES.steps):
            visitor.get("step-after").click()


def test_what_is_drawn_in_a_lesson_stays_for_its_next_steps(visit):
    from playwright.sync_api import expect

    visitor = visit("/learn?lesson=yours&step=4")
    settled(visitor, 4)
    visitor.get("draw").click()
    visitor.get("brush-A").click()
    circle(visitor, "left")
    expect(visitor.get("turn")).to_contain_text("Done", timeout=WAIT)
    visitor.get("brush-done").click()
    visitor.when('d.state === "idle"')
    visitor.get("step-after").click()
    settled(visitor, 5)
    assert visitor.viewer.evaluate("r => r.viewer.header.target.drawing")
    visitor.page.screenshot(path=OUT / "lesson-drawn.png")
    href = visitor.get("explore").evaluate("a => a.href")
    assert href.startswith(f"{visitor.server.url}/?")
    drawn = href.removeprefix(f"{visitor.server.url}/")
    visitor.get("step-before").click()
    settled(visitor, 4)
    visitor.get("step-before").click()
    visitor.until_query(step="3")
    settled(visitor, 3)
    assert not visitor.viewer.evaluate("r => r.viewer.header.target.drawing"), "an earlier step has its own picture"
    visitor.page.goto(f"{visitor.server.url}/{drawn}")
    visitor.ready()
    assert visitor.viewer.evaluate("r => r.viewer.header.target.drawing"), "Explore shows what was drawn here"
    visitor.fine()


@pytest.mark.parametrize("language", ["zh", "ko"])
def test_a_reader_chooses_the_language_and_keeps_the_step(follow, language):
    from playwright.sync_api import expect

    visitor = follow("/learn?lesson=branches&step=5")
    settled(visitor, 5)
    before = visitor.data
    visitor.get("language").select_option(language)
    other = lessons.read(lessons.FOLDER / f"branches.{language}.md", lessons.numbers())
    expect(visitor.get("step-heading")).to_have_text(other.steps[4].heading, timeout=WAIT)
    visitor.until_query(language=language, step="5", lesson="branches")
    assert visitor.data["id"] == before["id"], "the same picture"
    visitor.page.screenshot(path=OUT / f"lesson-{language}.png")
    visitor.get("all-lessons").click()
    expect(visitor.get("book-branches")).to_contain_text(other.title)
    visitor.fine()
