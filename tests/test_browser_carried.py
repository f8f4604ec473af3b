"""A link of a drawing opens everywhere: on another server, on the site, and back."""

import numpy as np
import pytest
from browser_server import OUT, WAIT
from ui_helpers import until

from toy.distributions import carrying
from toy.distributions.strokes import Stroke, name_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]
DRAWN = "A,0.05,-1,0.5,1,0.4;B,0.04,-1,-0.5,1,-0.625"
NAME = name_of([Stroke(label, width, np.array(at)) for label, width, at in (
    ("A", 0.05, [[-1, 0.5], [1, 0.4]]),
    ("B", 0.04, [[-1, -0.5], [1, -0.625]]),
)])  # fmt: skip
# Exact scores, so that nothing is trained; the second class, knobs of both sides, a seed and a view of one's own.
ASKED = (
    f"target={NAME}/B&n=512&seed=7&left.w=2.5&left.main=exact:{NAME}/B&left.unconditional=exact:{NAME}/AB"
    "&right.rule=none&right.main=exact:{NAME}/A&trails=1&view=0.1,0.2,0.9"
).replace("{NAME}", NAME)
SEEN = """root => {
  const { header, values, ui } = root.viewer;
  const { name, all, drawing } = header.target;
  return [name, all, drawing, header.panels.map(({ title }) => title), values.left.w, ui.trails, ui.view];
}"""


def seen(visitor) -> list:
    """Target, titles, weight and what is looked at."""
    return visitor.get("viewer").evaluate(SEEN)


def not_taken(visitor):
    return visitor.page.get_by_test_id("stAlert").filter(has_text="Not taken")


def copied(visitor) -> str:
    """The link that the app's page gives, and that it is said to carry the drawing."""
    from playwright.sync_api import expect

    visitor.page.get_by_role("button", name="Link").click()
    shown = visitor.page.get_by_test_id("stCode").first
    expect(shown).to_contain_text(carrying.MARK, timeout=WAIT)
    expect(visitor.page.get_by_text("This link carries the drawing")).to_be_visible()
    return shown.inner_text().strip()


def shared(guest) -> str:
    """The same of the site's page."""
    guest.get("share").click()
    assert "carries the drawing, and opens on this site and in the app" in guest.get("link-words").inner_text()
    return guest.get("link").input_value()


def test_a_link_goes_from_the_app_to_the_site_and_to_another_server(own, visit, come):
    own.start()
    visitor = visit(f"/?{ASKED}{carrying.MARK}{DRAWN}").ready()
    assert not_taken(visitor).count() == 0
    what = seen(visitor)
    assert what[:3] == [f"{NAME}/B", "AB", True]
    assert "your drawing, class B" in what[3][0]
    assert what[4:] == [2.5, True, [0.1, 0.2, 0.9]]
    link = copied(visitor)
    assert link.endswith(carrying.MARK + DRAWN)
    visitor.page.screenshot(path=OUT / "carried-link.png")
    visitor.fine()

    guest = come(f"?{link.partition('?')[2]}").settled()
    assert seen(guest) == what
    guest.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    for role, classes in (("main", "B"), ("unconditional", "AB")):
        chosen = guest.get(f"cast-{role}-left").locator("option:checked")
        assert chosen.inner_text() == f"your drawing, {classes}, exact"
    assert "strokes-" not in guest.page.locator("body").inner_text()
    guest.page.screenshot(path=OUT / "carried-site.png")
    again = shared(guest)
    assert again.endswith(carrying.MARK + DRAWN)

    other = visit(f"/?{again.partition('?')[2]}", at=own).ready()
    assert seen(other) == what
    assert not_taken(other).count() == 0
    until(lambda: other.query()["target"] == f"{NAME}/B")
    other.page.reload()
    assert seen(other.ready()) == what  # without what it carried: it is known there
    other.fine()


def test_a_link_goes_from_the_site_to_the_app_and_back_to_another_browser(visit, come):
    exact = "left.main=exact:A&left.unconditional=exact:AB&right.rule=none&right.main=exact:A"
    guest = come(f"?n=512&seed=3&left.w=2&{exact}").settled()
    guest.get("draw").click()
    guest.stroke(0.3)
    until(lambda: guest.target.startswith("strokes-"))
    guest.get("brush-done").click()
    link = shared(guest.settled())

    visitor = visit(f"/?{link.partition('?')[2]}")
    assert seen(visitor.ready()) == seen(guest)
    assert not_taken(visitor).count() == 0
    back = copied(visitor)
    assert back.partition(carrying.MARK)[2] == link.partition(carrying.MARK)[2]

    other = come(f"?{back.partition('?')[2]}").settled()
    assert other.target == guest.target
    assert seen(other) == seen(guest)


def test_fields_takes_what_its_link_carries(visit):
    drawn = "A,0.05,-1,0.5,1,0.3"
    name = name_of([Stroke("A", 0.05, np.array([[-1, 0.5], [1, 0.3]]))])
    visitor = visit(f"/fields?rule=none&target={name}/A&main=exact:{name}/A{carrying.MARK}{drawn}")
    visitor.when('d.state === "idle"')
    assert visitor.viewer.evaluate("root => root.viewer.header.target.name") == f"{name}/A"
    assert not_taken(visitor).count() == 0
    visitor.fine()


def test_what_is_carried_and_is_not_what_is_named_gets_a_sentence(visit):
    from playwright.sync_api import expect

    for drawn, words in (
        (DRAWN, "carries another drawing"),
        ("", "open a link that carries the drawing, or draw it again"),
    ):
        visitor = visit(f"/?n=512&target=strokes-0123456789ab/A{carrying.MARK}{drawn}").ready()
        expect(not_taken(visitor).filter(has_text=words)).to_be_visible()
        assert visitor.dots()["drawn"] > 100
        visitor.fine()
