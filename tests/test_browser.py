"""What a person does, in a real Chromium, against the real server."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from ui_helpers import PAGES, ROOT, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OUT = ROOT / "out" / "browser"
WAIT = 40_000  # ms: the machine may be busy; nothing waits longer than it must


# --- Server and browser -----------------------------------------------------------------------------------------------


class Server:
    """The app on a port of its own, which can be killed and started again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self, log: Path) -> None:
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
        }
        command = [sys.executable, "-m", "streamlit", "run", "app.py", *(f"--{k}={v}" for k, v in options.items())]
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
        until(self.healthy)

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the server did not start"
        try:
            with urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server answers nothing, as if it were far away."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        reason = "no Chromium was found: apt install chromium"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    OUT.mkdir(parents=True, exist_ok=True)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=flags)
        yield found
        found.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = Server()
    found.start(tmp_path_factory.mktemp("server") / "log")
    yield found
    found.kill()


# --- A visitor --------------------------------------------------------------------------------------------------------

WHEN = """(root, [test, ms]) => new Promise((done, fail) => {
  const holds = new Function("d", `return ${test}`);
  const look = () => holds(root.dataset) && (watch.disconnect(), done({ ...root.dataset }));
  const watch = new MutationObserver(look);
  watch.observe(root, { attributes: true });
  setTimeout(() => fail(new Error(`never ${test}; ${JSON.stringify(root.dataset)}`)), ms);
  look();
})"""

# How many pixels are drawn, and a hash of all of them.
PIXELS = """canvas => {
  const { width, height } = canvas;
  const data = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer);
  let drawn = 0;
  let hash = 0;
  for (const pixel of data) {
    if (pixel >>> 24) drawn += 1;
    hash = (Math.imul(hash, 31) + pixel) | 0;
  }
  return { width, height, drawn, hash };
}"""

# A place in the picture, in CSS pixels: on a dot, or with no dot within 40 pixels of it.
PLACE = """(canvas, onDot) => {
  const { width, height } = canvas;
  const data = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer);
  const filled = (x, y) => data[Math.round(y) * width + Math.round(x)] >>> 24 > 200;
  const scale = canvas.clientWidth / width;
  for (let y = height * 0.25; y < height * 0.75; y += 3) {
    for (let x = width * 0.25; x < width * 0.75; x += 3) {
      let near = 0;
      for (let dy = -40; dy <= 40; dy += 2) for (let dx = -40; dx <= 40; dx += 2) near += filled(x + dx, y + dy);
      if (onDot ? filled(x, y) : near === 0) return [x * scale, y * scale];
    }
  }
  return null;
}"""


class Visitor:
    """A page in a fresh profile, with what went wrong in it and what it said to the server."""

    def __init__(self, browser, server: Server, path: str = "/", **context) -> None:
        context = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "no-preference"} | context
        self.context = browser.new_context(**context)
        self.context.set_default_timeout(WAIT)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.sent: list[bytes] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("websocket", lambda socket: socket.on("framesent", self._note))
        self.page.goto(server.url + path, wait_until="commit")

    def _note(self, payload: str | bytes) -> None:
        self.sent.append(payload.encode() if isinstance(payload, str) else payload)

    def requests(self) -> int:
        """How often the viewer asked the server for something: the number of its latest request."""
        self.page.evaluate("0")  # what the browser has told by now is heard
        # Streamlit sends the state of every widget each time, so the latest request comes along with whatever else.
        found = re.findall(rb'\\?"seq\\?":\s*(\d+)', b"".join(self.sent))
        return max(map(int, found), default=0)

    def get(self, testid: str):
        return self.page.get_by_test_id(testid)

    @property
    def viewer(self):
        return self.get("viewer")

    def ready(self) -> "Visitor":
        """Wait until the engine has drawn what the link says."""
        from playwright.sync_api import expect

        # For a moment the viewer with the shipped scene stands beside the one that takes over.
        badge = self.get("badge-left")
        expect(badge.last).to_have_text(re.compile("^(?!.*precomputed).*n="), timeout=WAIT)
        expect(self.viewer).to_have_count(1, timeout=WAIT)
        self.when('d.state === "idle"')
        return self

    def when(self, test: str) -> dict[str, str]:
        """Wait until the viewer's data say so; returns them."""
        return self.viewer.evaluate(WHEN, [test, WAIT])

    @property
    def data(self) -> dict[str, str]:
        return self.viewer.evaluate("root => ({ ...root.dataset })")

    def changed(self, before: dict[str, str]) -> dict[str, str]:
        """Wait for the whole picture of another scene."""
        return self.when(f'd.id !== "{before["id"]}" && d.quality === "full" && d.state === "idle"')

    def dots(self, slot: str = "left") -> dict[str, int]:
        return self.get(f"dots-{slot}").evaluate(PIXELS)

    def scenery(self, slot: str = "left") -> dict[str, int]:
        """The layer below the particles."""
        return self.get(f"plot-{slot}").locator("canvas").first.evaluate(PIXELS)

    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.page.url).query).items()}

    def until_query(self, *, timeout: float = WAIT, **wanted: str | None) -> None:
        """Wait until the URL says so; None: until it says nothing of it."""

        def told(url: str) -> bool:
            query = parse_qs(urlsplit(url).query)
            return all(query.get(k.replace("__", "."), [None])[0] == value for k, value in wanted.items())

        self.page.wait_for_url(told, wait_until="commit", timeout=timeout)

    def fill(self, testid: str, value: str) -> None:
        field = self.get(testid)
        field.fill(value)
        field.press("Enter")

    def place(self, slot: str, *, on_dot: bool) -> tuple[float, float]:
        """Where to click, in the page's pixels."""
        found = self.get(f"dots-{slot}").evaluate(PLACE, on_dot)
        assert found, "no such place in the picture"
        box = self.get(f"plot-{slot}").bounding_box()
        assert box is not None
        return box["x"] + found[0] + 1, box["y"] + found[1] + 1

    def point_at_bar(self, share: float) -> tuple[float, float]:
        box = self.get("scrub").bounding_box()
        assert box is not None
        return box["x"] + share * box["width"], box["y"] + box["height"] / 2

    def fine(self) -> None:
        """Nothing went wrong in the page."""
        assert not self.errors
        assert self.page.get_by_test_id("stException").count() == 0

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def visit(browser, server):
    """Opens pages; closes them, and looks for errors, at the end."""
    opened: list[Visitor] = []

    def open_page(path: str = "/", **context) -> Visitor:
        opened.append(Visitor(browser, server, path, **context))
        return opened[-1]

    yield open_page
    errors = [error for visitor in opened for error in visitor.errors]
    for visitor in opened:
        visitor.close()
    assert not errors


# --- Opening ----------------------------------------------------------------------------------------------------------


def test_it_opens_with_a_picture(visit):
    visitor = visit().ready()
    for slot in ("left", "right"):
        picture = visitor.dots(slot)
        assert picture["width"] > 250
        assert 500 < picture["drawn"] < 0.8 * picture["width"] * picture["height"]
        assert visitor.scenery(slot)["drawn"] > 500
    data = visitor.data
    assert data["quality"] == "full"
    assert data["id"]
    assert visitor.get("title-left").inner_text() == "CFG"
    assert visitor.get("title-right").inner_text() == "Autoguidance"
    assert "%" in visitor.get("metric-outliers-left").inner_text()
    assert visitor.query() == {}
    visitor.fine()
    # The transport is on the screen without scrolling.
    assert visitor.get("play").evaluate("button => button.getBoundingClientRect().bottom") <= 800
    visitor.page.screenshot(path=OUT / "light.png")


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("dark", {"color_scheme": "dark"}),
        ("narrow", {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}),
    ],
)
def test_other_screens(visit, name, context):
    visitor = visit(**context).ready()
    if name == "dark":
        background = visitor.viewer.evaluate("root => getComputedStyle(root).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", background)[:3])) < 150
    assert not visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert visitor.dots()["drawn"] > 500
    visitor.page.screenshot(path=OUT / f"{name}.png")
    visitor.fine()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_from_a_link(visit, page):
    from playwright.sync_api import expect

    visitor = visit("/" + PAGES[page])
    shown = visitor.page.locator(
        '[data-testid="viewer"], [data-testid="stMain"] [data-testid="stImage"], [data-testid="stMain"] h3'
    )
    expect(shown.first).to_be_visible(timeout=WAIT)
    # The app's own frame: every page is one click away.
    for title in ("Explore", "Fields", "Train", "Figures"):
        expect(visitor.page.get_by_role("link", name=title)).to_be_visible()
    expect(visitor.page).to_have_title(re.compile("Guidance explorer|Explore|Fields|Train|Figures"))
    visitor.page.screenshot(path=OUT / f"page-{Path(page).stem}.png")
    visitor.fine()


def test_the_first_link_after_a_start_is_a_page_of_the_app(browser, tmp_path):
    from playwright.sync_api import expect

    own = Server()
    own.start(tmp_path / "log")
    try:
        path = list(PAGES.values())[-1]
        visitor = Visitor(browser, own, f"/{path}")
        links = visitor.page.get_by_test_id("stHeader").get_by_role("link")
        expect(links).to_have_count(len(PAGES), timeout=WAIT)
        expect(links.last).to_have_attribute("aria-current", "page")
        expect(visitor.page.get_by_role("dialog")).to_have_count(0)
        visitor.fine()
    finally:
        own.kill()


# --- Settings and links -----------------------------------------------------------------------------------------------


def test_a_moved_slider_changes_the_picture_and_a_link_restores_it(visit):
    visitor = visit("/?n=512").ready()
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
    third = visitor.changed(second)
    visitor.until_query(left__w="2.05", n="512")
    assert visitor.get("number-w-left").input_value() == "2.05"

    link = urlsplit(visitor.page.url)
    other = visit(f"/?{link.query}").ready()
    assert other.data["id"] == third["id"]
    assert other.get("number-w-left").input_value() == "2.05"
    assert other.dots() == visitor.dots()
    other.fine()

    # Back to where it was.
    visitor.page.get_by_role("button", name="Reset", exact=True).click()
    visitor.until_query(left__w=None, n=None)


def test_a_value_out_of_range_becomes_the_end_of_the_range(visit):
    visitor = visit("/?n=512").ready()
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


def test_a_bad_link_says_so_and_still_shows_a_picture(visit):
    from playwright.sync_api import expect

    visitor = visit("/?left.w=99&right.rule=magic&n=512").ready()
    for word in ("99", "magic"):
        expect(visitor.page.get_by_test_id("stAlert").filter(has_text=word)).to_be_visible()
    assert visitor.dots()["drawn"] > 300
    assert visitor.get("number-w-left").input_value() == "4.00"
    visitor.fine()


def test_the_viewers_own_settings_are_in_the_link(visit):
    visitor = visit("/?n=512").ready()
    visitor.get("show-trails").click()
    visitor.get("layout-swipe").click()
    visitor.until_query(trails="1", layout="swipe")
    other = visit(f"/?{urlsplit(visitor.page.url).query}").ready()
    assert other.get("show-trails").get_attribute("aria-pressed") == "true"
    assert other.get("divider").is_visible()
    other.fine()


def test_a_story_brings_its_own_view_and_layers(visit):
    visitor = visit("/?n=512").ready()
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
    linked = visit(f"/?{urlsplit(visitor.page.url).query}").ready()
    assert visitor.get("dots-left").evaluate(PIXELS)["drawn"] == pytest.approx(linked.dots()["drawn"], rel=0.02)


# --- What needs no server ---------------------------------------------------------------------------------------------


def test_scrubbing_playing_zooming_and_hovering_need_no_server(visit, server):
    visitor = visit("/?n=1024").ready()
    mouse = visitor.page.mouse
    asked = visitor.requests()
    end, scenery = visitor.dots(), visitor.scenery()
    with server.frozen():
        # Scrub: the frame follows the pointer.
        mouse.move(*visitor.point_at_bar(0.9))
        mouse.down()
        seen = []
        for share in (0.7, 0.5, 0.3):
            mouse.move(*visitor.point_at_bar(share))
            seen.append(float(visitor.when(f"Number(d.frame) < {seen[-1] if seen else 31}")["frame"]))
        mouse.up()
        assert seen == sorted(seen, reverse=True)
        assert visitor.dots()["hash"] != end["hash"]

        # Play: time goes on by itself, to the end, where it stops.
        visitor.page.evaluate("document.activeElement.blur()")
        visitor.get("speed").select_option("4")
        visitor.get("play").click()
        visitor.when(f'd.state === "playing" && Number(d.frame) > {seen[-1] + 2}')
        visitor.when('d.state !== "playing" && Number(d.frame) === 32')
        visitor.get("step-back").click()
        visitor.when("Number(d.frame) === 31")
        visitor.get("step-forward").click()
        visitor.when("Number(d.frame) === 32")

        # Zoom about the pointer, and back.
        mouse.move(*visitor.place("left", on_dot=True))
        right = visitor.scenery("right")
        mouse.wheel(0, -400)
        until(lambda: visitor.scenery()["hash"] != scenery["hash"], 20)
        until(lambda: visitor.scenery("right")["hash"] != right["hash"], 20)
        visitor.get("home").click()
        until(lambda: visitor.scenery()["hash"] == scenery["hash"], 20)

        # Hovering lights the same particle on both sides.
        above = visitor.get("plot-right").locator("canvas").nth(2)
        mouse.move(*visitor.point_at_bar(0.5))
        plain = above.evaluate(PIXELS)
        mouse.move(*visitor.place("left", on_dot=True))
        until(lambda: above.evaluate(PIXELS)["drawn"] > plain["drawn"], 20)

        # A switch that only changes how the picture is drawn.
        visitor.get("show-quality").click()
        until(lambda: visitor.dots()["hash"] != end["hash"], 20)
    assert visitor.requests() == asked
    visitor.fine()


def test_space_and_arrows(visit):
    visitor = visit("/?n=512").ready()
    visitor.get("plot-left").focus()
    press = visitor.page.keyboard.press
    press("Home")
    visitor.when("Number(d.frame) === 0")
    press("ArrowRight")
    visitor.when("Number(d.frame) === 1")
    press(" ")
    visitor.when('d.state === "playing" && Number(d.frame) > 1.5')
    press(" ")
    paused = float(visitor.when('d.state !== "playing"')["frame"])
    assert 1.5 < paused < 32
    press("End")
    visitor.when("Number(d.frame) === 32")
    # Where one stopped is in the link.
    press("Home")
    visitor.until_query(t="0")


# --- What the server is asked for -------------------------------------------------------------------------------------


def test_a_layer_is_fetched_and_follows_the_noise_level(visit):
    visitor = visit("/?n=512").ready()
    before, asked = visitor.scenery(), visitor.requests()
    visitor.get("layer-ratio").click()
    until(lambda: visitor.scenery()["hash"] != before["hash"])
    visitor.when('d.state === "idle"')
    until(lambda: visitor.requests() > asked, 20)
    until(lambda: visitor.scenery()["drawn"] > before["drawn"])
    assert visitor.get("layer-ratio").get_attribute("aria-pressed") == "true"
    visitor.until_query(layers="ratio")
    visitor.page.screenshot(path=OUT / "ratio.png")

    late, asked = visitor.scenery(), visitor.requests()
    visitor.page.mouse.click(*visitor.point_at_bar(0.45))
    until(lambda: visitor.requests() > asked, 20)
    visitor.when('d.state === "idle"')
    until(lambda: visitor.scenery()["hash"] != late["hash"])
    visitor.page.screenshot(path=OUT / "ratio-noisy.png")

    visitor.get("scrub").press("End")
    visitor.get("layer-ratio").click()
    until(lambda: visitor.scenery()["hash"] == before["hash"])
    visitor.until_query(layers=None)
    visitor.fine()


def test_a_click_pins_a_particle_and_probes_the_scores(visit):
    from playwright.sync_api import expect

    visitor = visit("/?n=512").ready()
    card = visitor.get("card-left")
    expect(card).to_be_hidden()
    visitor.page.mouse.click(*visitor.place("left", on_dot=True))
    for slot in ("left", "right"):
        expect(visitor.get(f"card-{slot}")).to_be_visible()
        expect(visitor.get(f"card-{slot}")).to_contain_text("particle")
        expect(visitor.get(f"card-{slot}").locator("tbody tr:visible").first).to_contain_text(re.compile(r"s₁.*\d\.\d"))
        expect(visitor.get(f"distance-{slot}")).to_contain_text(re.compile(r"\d"))
    visitor.page.screenshot(path=OUT / "pinned.png")
    visitor.page.keyboard.press("Escape")
    expect(card).to_be_hidden()

    visitor.page.mouse.click(*visitor.place("left", on_dot=False))
    expect(card).to_be_visible()
    expect(card).not_to_contain_text("particle")
    expect(card.locator("tbody tr:visible").first).to_contain_text(re.compile(r"s₁.*\d\.\d"))
    visitor.fine()


def test_a_double_click_resets_the_zoom_and_nothing_else(visit):
    from playwright.sync_api import expect

    visitor = visit("/?n=512").ready()
    scenery = visitor.scenery()
    x, y = visitor.place("left", on_dot=False)
    visitor.page.mouse.move(x, y)
    visitor.page.mouse.wheel(0, 200)
    until(lambda: visitor.scenery()["hash"] != scenery["hash"], 20)
    visitor.page.mouse.dblclick(x, y)
    until(lambda: visitor.scenery()["hash"] == scenery["hash"], 20)
    expect(visitor.get("card-left")).to_be_hidden()


def test_an_open_page_survives_a_restart(browser, tmp_path):
    from playwright.sync_api import TimeoutError as PlaywrightTimeout
    from playwright.sync_api import expect

    own = Server()
    own.start(tmp_path / "log")
    try:
        visitor = Visitor(browser, own, "/?n=512&left.w=2").ready()
        before = visitor.data
        own.kill()
        # What was drawn is still there to play with.
        visitor.get("step-back").click()
        visitor.when("Number(d.frame) === 31")
        own.start(tmp_path / "log")
        # The first change may be lost with the old server, or while the new one starts; the page comes back by itself.
        for _ in range(3):
            visitor.fill("number-w-left", "3")
            try:
                visitor.until_query(left__w="3", n="512", timeout=WAIT / 2)
                break
            except PlaywrightTimeout:
                expect(visitor.get("number-w-left").last).to_have_value("2.00", timeout=WAIT)
                assert visitor.ready().data["id"] == before["id"]
        visitor.until_query(left__w="3", n="512", timeout=1000)
        assert visitor.changed(before)["id"] == Visitor(browser, own, "/?n=512&left.w=3").ready().data["id"]
        visitor.fine()
    finally:
        own.kill()
