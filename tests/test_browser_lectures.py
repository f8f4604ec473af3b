"""In a lecture: others follow what is shown, a frozen page waits to be tried, a challenge says when it is met."""

import re

import pytest
from accessibility import accessible
from browser_server import OUT, WAIT
from ui_helpers import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CARD = "?n=512&seed=0&left.w=4&right.w=3&challenge=outside<9.5,mode_tv<0.5"
LOCKED = "e => Boolean(e.closest('[inert]'))"
NUMBER = r"([\d.]+) ± ([\d.]+)"


def shown_of(visitor, condition: str, slot: str) -> tuple[float, bool]:
    """The number that a challenge's card says, and whether it says that the condition is met."""
    text = visitor.get(f"condition-{condition}-{slot}").inner_text()
    found = re.match(NUMBER, text)
    assert found, text
    return float(found[1]), "✓" in text


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_a_challenge_says_when_it_is_met_and_by_how_much(follow, width, scheme):
    visitor = follow(f"/{CARD}", viewport={"width": width, "height": 844}, color_scheme=scheme).ready()
    card, state = visitor.get("challenge"), visitor.get("challenge-state")
    until(lambda: "…" not in state.inner_text())
    slots = ["left", "right"]
    for slot in slots:
        out, fewer = shown_of(visitor, "outside", slot)
        tv, less = shown_of(visitor, "mode_tv", slot)
        assert (fewer, less) == (out < 9.5, tv < 0.5), slot
        assert f"{out:.1f} ±" in visitor.get(f"metric-outliers-{slot}").text_content()
    assert shown_of(visitor, "mode_tv", "left")[1] is False, "CFG at w = 4 loses branches"
    assert state.inner_text() == "Met: right"
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = card.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    visitor.page.screenshot(path=OUT / f"challenge-{width}.png")
    if width < 768:
        return
    visitor.fill("number-w-right", "1")
    visitor.until_query(right__w="1")
    until(lambda: state.inner_text() == "Not met yet")
    assert not shown_of(visitor, "outside", "right")[1]
    visitor.until_query(challenge="outside<9.5,mode_tv<0.5", right__w="1")


def test_the_measured_score_is_copied_with_all_that_it_takes_to_see_it_again(follow):
    visitor = follow(f"/{CARD}").ready()
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    until(lambda: "…" not in visitor.get("challenge-state").inner_text())
    visitor.get("copy-score").click()
    until(lambda: visitor.get("score-copied").inner_text() == "Copied.")
    text = visitor.page.evaluate("navigator.clipboard.readText()")
    left, right, link = text.splitlines()
    assert re.match(rf"✗ left, CFG, .*w 4.*: outside < 9.5%: {NUMBER}%; TV < 0.5: {NUMBER}; n = 512, seed 0$", left)
    assert re.match(rf"✓ right, Autoguidance, .*: outside < 9.5%: {NUMBER}%; .*; n = 512, seed 0$", right)
    assert link == visitor.page.url
    assert "challenge=" in link


def test_a_challenge_is_said_in_the_language_of_the_link(follow):
    visitor = follow(f"/{CARD}&language=zh").ready()
    until(lambda: visitor.get("challenge-state").inner_text() == "已达成：右侧")
    assert visitor.get("challenge").inner_text().startswith("挑战：区域外 < 9.5%")


def test_nothing_strange_gets_into_a_challenge(follow):
    from playwright.sync_api import expect

    visitor = follow("/?n=512&challenge=<img src=x onerror=alert(1)><9").ready()
    expect(visitor.page.get_by_test_id("stAlert").filter(has_text="challenge")).to_be_visible()
    assert not visitor.get("challenge").is_visible()


def test_a_frozen_page_is_tried_when_one_says_so(follow):
    visitor = follow("/?n=512&left.w=2&freeze=1").ready()
    assert visitor.get("number-w-left").input_value() == "2.00"
    assert visitor.get("number-w-left").evaluate(LOCKED)
    assert visitor.get("show-trails").evaluate(LOCKED)
    assert visitor.get("number-w-left").is_disabled()
    assert visitor.page.get_by_test_id("stSidebar").count() == 0
    assert not visitor.get("play").evaluate(LOCKED), "what is shown may be played"
    visitor.page.screenshot(path=OUT / "frozen.png")
    visitor.get("lecture-button").click()
    visitor.until_query(freeze=None, left__w="2")
    visitor.page.get_by_test_id("stSidebar").wait_for(timeout=WAIT)
    assert not visitor.get("lecture").is_visible()
    visitor.fill("number-w-left", "3")
    visitor.until_query(left__w="3", freeze=None)
    visitor.fine()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_challenge_on_a_frozen_page(follow, scheme):
    visitor = follow(f"/{CARD}&freeze=1&language=ko", color_scheme=scheme).ready()
    until(lambda: "…" not in visitor.get("challenge-state").inner_text())
    accessible(visitor.page, scheme)


def lecture_of(visitor) -> str:
    """Begin a lecture; its link."""
    visitor.page.get_by_test_id("stPopover").filter(has_text="Link").get_by_role("button").click()
    visitor.page.get_by_role("button", name="Lead a lecture").click()
    code = visitor.page.get_by_test_id("stCode").filter(has_text="lecture=")
    code.wait_for(timeout=WAIT)
    until(lambda: visitor.get("qr").locator("svg path").count() == 2)
    return code.inner_text().strip()


def test_others_follow_what_the_lecturer_shows(visit):
    lecturer = visit("/?n=512&left.w=2").ready()
    link = lecture_of(lecturer)
    lecturer.page.screenshot(path=OUT / "lecture.png")
    lecturer.page.keyboard.press("Escape")
    path = "/" + link.partition("?")[1] + link.partition("?")[2]
    others = [visit(path), visit(f"{path}&language=ko", viewport={"width": 390, "height": 844})]
    for other in others:
        until(lambda other=other: other.get("number-w-left").last.input_value() == "2.00")
        assert other.page.get_by_test_id("stSidebar").count() == 0
    lecturer.fill("number-w-left", "3.5")
    lecturer.until_query(left__w="3.5")
    for other in others:
        until(lambda other=other: other.get("number-w-left").input_value() == "3.50")
        assert "lecture=" in other.page.url
        other.when('d.state === "idle"')
    first, phone = others
    assert first.data["id"] == lecturer.data["id"] or first.data["engine"] != lecturer.data["engine"]
    assert phone.get("lecture-words").inner_text() == "강의자가 보여 주는 것을 보고 있습니다."
    phone.page.screenshot(path=OUT / "follower.png")

    # One goes his own way: what is shown does not come in between.
    first.fill("number-w-right", "1.5")
    until(lambda: first.get("lecture-button").inner_text() == "Follow again")
    lecturer.fill("number-w-left", "1")
    until(lambda: phone.get("number-w-left").input_value() == "1.00")
    assert first.get("number-w-left").input_value() == "3.50"
    assert first.get("number-w-right").input_value() == "1.50"
    first.get("lecture-button").click()
    until(lambda: first.get("number-w-left").input_value() == "1.00")
    until(lambda: first.get("number-w-right").input_value() == "3.00")

    # Frozen: the lecturer turns what he likes, and it is shown when he lets go.
    lecturer.page.get_by_test_id("stPopover").filter(has_text="Link").get_by_role("button").click()
    words = lecturer.page.get_by_text("Freeze what they see")
    words.click()
    until(lambda: lecturer.page.get_by_role("switch", name="Freeze what they see").is_checked())
    lecturer.page.keyboard.press("Escape")
    lecturer.fill("number-w-left", "5")
    lecturer.until_query(left__w="5")
    for _ in range(2):  # one look may have been on its way
        with first.page.expect_response(lambda answer: "/following?" in answer.url):
            pass
    assert first.get("number-w-left").input_value() == "1.00"
    lecturer.page.get_by_test_id("stPopover").filter(has_text="Link").get_by_role("button").click()
    words.click()
    until(lambda: first.get("number-w-left").input_value() == "5.00")

    lecturer.page.get_by_role("button", name="End", exact=True).click()
    until(lambda: "There is no lecture at this link" in first.get("lecture-words").inner_text())
    assert first.get("number-w-left").input_value() == "5.00", "what was shown last stays"
    for one in (lecturer, *others):
        one.fine()


@pytest.mark.parametrize("name", ["nobody", "..%2F..%2Fx", "%3Cscript%3E", "a%20b"])
def test_a_lecture_that_is_not_there_is_said_in_one_sentence(follow, name):
    visitor = follow(f"/?n=512&lecture={name}")
    until(lambda: visitor.get("lecture-words").last.inner_text().startswith("There is no lecture at this link"))
    visitor.when('d.state === "idle"')
    visitor.fine()


def test_the_link_stands_beside_its_qr_code(follow):
    visitor = follow("/?n=512").ready()
    visitor.page.get_by_test_id("stPopover").filter(has_text="Link").get_by_role("button").click()
    visitor.get("qr").locator("svg").wait_for(timeout=WAIT)
    assert visitor.get("qr").locator("svg").get_attribute("aria-label") == "QR code of the link"
    visitor.page.screenshot(path=OUT / "link-qr.png")
    visitor.fine()
