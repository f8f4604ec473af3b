"""Every page on every screen: controls can be reached, nobody but the server is asked, foreign words stay words."""

import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote, urlsplit

import pytest
from accessibility import accessible
from browser_server import OUT, WAIT
from browser_visitor import Visitor
from ui_helpers import PAGES, ROOT, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES = [(360, 740), (390, 844), (768, 1024), (844, 390), (1024, 576), (1100, 800), (1280, 720), (1920, 1080)]

# The controls whose centre belongs to something else, each brought into view before it is asked.
COVERED = """() => {
  const KINDS = "a[href], button, input, select, textarea, summary, [role=slider], [role=radio], [role=tab]";
  const deep = (e) => (e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
  const all = (root) => [...root.querySelectorAll("*")].flatMap(deep);
  const up = (e) => e.assignedSlot ?? e.parentElement ?? e.getRootNode().host ?? null;
  const within = (e, other) => e !== null && (e === other || within(up(e), other));
  const at = (x, y) => {
    let found = document.elementFromPoint(x, y);
    while (found?.shadowRoot?.elementFromPoint(x, y) && found.shadowRoot.elementFromPoint(x, y) !== found)
      found = found.shadowRoot.elementFromPoint(x, y);
    return found;
  };
  const away = document.querySelector('[data-testid="stSidebar"][data-collapsed="true"]');
  const covered = [];
  for (const control of all(document).filter((e) => e.matches(KINDS))) {
    const shown = control.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!shown || (away && within(control, away)) || control.closest('[aria-hidden="true"]')) continue;
    control.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const { left, top, width, height } = control.getBoundingClientRect();
    if (width < 4 || height < 4) continue; // stands for another that is drawn
    const hit = at(left + width / 2, top + height / 2);
    const owner = control.closest("label, [data-rac]"); // a hidden input belongs to what is drawn for it
    if (hit && (within(hit, control) || (owner && within(hit, owner)))) continue;
    const name = control.getAttribute("aria-label") || control.textContent.trim() || control.outerHTML;
    covered.push(`${name.slice(0, 80)} lies under ${hit ? hit.outerHTML.slice(0, 120) : "the edge of the screen"}`);
  }
  document.querySelector(".stMain").scrollTo(0, 0);
  return covered;
}"""


def shown(visitor: Visitor, path: str, query: str = "") -> None:
    """Wait until a page shows what it is for."""
    from playwright.sync_api import expect

    main = visitor.page.get_by_test_id("stMain")
    if path == "learn":
        lessons = "[data-testid^=open-], [data-testid=viewer][data-state=idle]"
        expect(main.locator(lessons).first).to_be_visible(timeout=WAIT)
    elif path in ("", "fields"):
        visitor.drawn_by = "viewer" if path == "" else "fields"
        expect(visitor.viewer).to_have_count(1, timeout=WAIT)
        visitor.when('d.state === "idle"')
    else:
        expect(main.locator("h3, [data-testid=stImage], [data-testid=stAlert]").first).to_be_visible(timeout=WAIT)
    expect(visitor.page.get_by_text("The engine is starting")).to_have_count(0, timeout=WAIT)


# Than what takes longest to compute; of lessons one, which stands beside a view.
LESS = {"": "?n=512", "compare": "?n=512", "learn": "?lesson=branches&step=4"}


@pytest.fixture(scope="module", params=PAGES)
def opened(tabs, server, request) -> Iterator[tuple[Visitor, str]]:
    """A visitor with a page open, the same for all tests, and the page's path; the screen is a phone's at first."""
    path = PAGES[request.param]
    visitor = Visitor(tabs, server, f"/{path}{LESS.get(path, '')}", viewport={"width": 360, "height": 740})
    shown(visitor, path)
    yield visitor, path
    visitor.close()


def settings_are_open(sidebar, expand) -> bool:
    """Whether the settings, if there are any, are open; opens them unless a wider screen does."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    if not sidebar.count() or sidebar.get_attribute("data-collapsed") == "false":
        return True
    if expand.is_visible():
        with suppress(PlaywrightTimeout):
            expand.click(timeout=1000)
    return False


def resize(visitor: Visitor, width: int, height: int) -> None:
    """Give the page another screen; on one that has room for them the settings are open."""
    visitor.page.set_viewport_size({"width": width, "height": height})
    if width > 768:
        sidebar = visitor.page.get_by_test_id("stSidebar")
        expand = visitor.page.get_by_test_id("stExpandSidebarButton")
        until(lambda: settings_are_open(sidebar, expand))


LIGHT = """() => {
  const { backgroundColor } = getComputedStyle(document.querySelector(".stApp"));
  return backgroundColor.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) > 380;
}"""


def repaint(visitor: Visitor, scheme: str) -> None:
    """Choose the browser's colours, and wait until the page has them."""
    visitor.page.emulate_media(color_scheme=scheme)
    until(lambda: visitor.page.evaluate(LIGHT) == (scheme == "light"))


def test_every_control_can_be_reached_on_every_screen(opened):
    visitor, path = opened
    for width, height in SIZES:
        resize(visitor, width, height)
        try:
            until(lambda: not visitor.page.evaluate(COVERED), 20)
        except AssertionError:
            visitor.page.screenshot(path=OUT / f"covered-{path or 'explore'}-{width}.png")
            pytest.fail(f"at {width} x {height}: {'; '.join(visitor.page.evaluate(COVERED))}")
        # A chart that Streamlit draws keeps its old width for a moment.
        until(lambda: visitor.page.evaluate("document.querySelector('.stMain').scrollWidth <= innerWidth"), 20)
        visitor.page.screenshot(path=OUT / f"{path or 'explore'}-{width}.png")
    visitor.fine()


def test_every_page_opens_from_a_link(opened):
    from playwright.sync_api import expect

    visitor, _ = opened
    resize(visitor, 1280, 720)
    wanted = '[data-testid="viewer"], [data-testid="stMain"] [data-testid="stImage"], [data-testid="stMain"] h3'
    expect(visitor.page.locator(wanted).first).to_be_visible(timeout=WAIT)
    # The app's own frame: every page is one click away.
    for title in ("Explore", "Fields", "Train", "Figures"):
        expect(visitor.page.locator(".st-key-pages").get_by_role("link", name=title)).to_be_visible()
    expect(visitor.page).to_have_title(re.compile("Guidance explorer|Explore|Fields|Train|Figures"))
    visitor.fine()


def test_axe_finds_nothing(opened):
    visitor, path = opened
    resize(visitor, 1280, 720)
    if not path:
        visitor.get("draw").click()  # its row, too
    for scheme in ("light", "dark"):
        repaint(visitor, scheme)
        accessible(visitor.page, scheme, seconds=300)


def test_the_settings_open_and_close_by_touch(visit):
    from playwright.sync_api import expect

    visitor = visit("/train", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    shown(visitor, "train")
    box = visitor.page.get_by_role("button", name="Train", exact=True)
    visitor.page.get_by_test_id("stExpandSidebarButton").tap()
    expect(box).to_be_in_viewport()
    visitor.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").tap()
    expect(box).not_to_be_in_viewport()
    visitor.page.get_by_role("link", name="Figures").tap()
    expect(visitor.page.get_by_test_id("stMain").get_by_test_id("stImage")).to_be_visible(timeout=WAIT)
    visitor.fine()


# --- One place in the history a page ----------------------------------------------------------------------------------


def at(path: str) -> re.Pattern[str]:
    """The URL of a page."""
    return re.compile(rf"^[^?]*:\d+/{path}(\?|$)")


def test_each_page_is_one_place_in_the_history_and_is_left_as_it_was(visit):
    from playwright.sync_api import expect

    visitor = visit("/fields?rule=cfg&main=exact:A", viewport={"width": 1280, "height": 720})
    page = visitor.page
    shown(visitor, "fields")
    pages = page.locator(".st-key-pages")
    start = page.evaluate("history.length")
    steps = [("mechanism", "Mechanism"), ("compare", "Compare"), ("figures", "Figures"), ("", "Explore")]
    for i, (path, title) in enumerate(steps):
        pages.get_by_role("link", name=title).click()
        expect(page).to_have_url(at(path), timeout=WAIT)
        shown(visitor, path)
        assert urlsplit(page.url).query == "", f"{path} opens with what is usual there"
        assert page.evaluate("history.length") == start + i + 1
    pages.get_by_role("link", name="Fields").click()
    expect(page).to_have_url(at("fields"), timeout=WAIT)
    shown(visitor, "fields")
    visitor.until_query(rule="cfg", main="exact:A")
    assert visitor.query() == {"rule": "cfg", "main": "exact:A"}
    expect(page.get_by_test_id("name-p1")).to_have_text("exact:A")
    for path in ("", "figures", "compare", "mechanism", "fields"):
        page.go_back(wait_until="commit")
        # What Streamlit does when it hears of a run that was going already.
        page.evaluate("history.pushState({}, '', '/lab')")
        expect(page).to_have_url(at(path), timeout=WAIT)
        shown(visitor, path)
        expect(page.get_by_test_id("stAlert")).to_have_count(0)
    expect(page.get_by_test_id("name-p1")).to_have_text("exact:A")
    assert visitor.query() == {"rule": "cfg", "main": "exact:A"}
    visitor.fine()


# --- Foreign words, foreign hosts -------------------------------------------------------------------------------------

HOSTILE = (
    "![a](http://elsewhere.example/x.png) [b](http://elsewhere.example) <img src='//elsewhere.example/y'> "
    "`![c](http://elsewhere.example/z.png)` www.elsewhere.example"
)
PARAMETERS = {
    "": ["left.main", "right.weak", "left.rule", "left.w", "n", "seed", "layers", "layout", "view", "hide", "other"],
    "fields": ["rule", "main", "weak", "target", "sigma", "view", "panels", "arrows"],
    "compare": ["methods", "strengths", "n", "seeds", "scores"],
    "mechanism": ["main", "guide", "weak", "target", "rule", "scores", "integrator", "cfg.w"],
    "learn": ["lesson", "step", "language"],
    "lab": ["show"],
    "train": ["classes", "width", "depth", "iterations", "loss", "seed", "run"],
    "figures": ["figure", "main", "weak", "unconditional", "seed", "view", "sigma", "set.w"],
}
MADE = """() => {
  const inside = [document.querySelector(".stMain .stMainBlockContainer"), document.querySelector(".stSidebar")];
  const found = inside.filter(Boolean).flatMap((root) => [...root.querySelectorAll("img, a[href], iframe, object")]);
  // A page's own link may carry these words in its query: what counts is where it leads.
  const host = (e) => new URL(e.getAttribute("href") ?? e.getAttribute("src") ?? e.data ?? "", location).hostname;
  return found.filter((e) => host(e) && host(e) !== location.hostname).map((e) => `${host(e)}: ${e.outerHTML}`);
}"""


@pytest.mark.parametrize("path", PAGES.values())
def test_foreign_words_are_no_markdown_and_no_page_asks_another_host(visit, path):
    from playwright.sync_api import expect

    query = "&".join(f"{key}={quote(HOSTILE)}" for key in PARAMETERS[path])
    visitor = visit(f"/{path}?{query}", viewport={"width": 1280, "height": 720})
    shown(visitor, path)
    said = visitor.page.get_by_test_id("stAlert").filter(has_text="elsewhere.example")
    for scheme in ("light", "dark"):
        repaint(visitor, scheme)
        expect(said.first).to_be_visible(timeout=WAIT)
        assert not visitor.page.evaluate(MADE)
        assert not visitor.page.get_by_text(str(ROOT)).count(), "no path of the server's"
    visitor.fine()


def test_play_is_one_tab_away(visit):
    visitor = visit("/?n=512").ready()
    visitor.page.keyboard.press("Tab")
    assert visitor.get("skip").evaluate("e => e.contains(document.activeElement) && getComputedStyle(e).opacity") == "1"
    visitor.page.screenshot(path=OUT / "skip.png")
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Space")
    visitor.when('d.state === "playing"')
    visitor.fine()
