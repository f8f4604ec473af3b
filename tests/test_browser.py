"""What a person does, in a real Chromium, against the real server."""

import os
import re
import shlex
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

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ui_helpers import PAGES, ROOT, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OUT = ROOT / "out" / "browser"
WAIT = 120_000  # ms: the machine may be busy; nothing waits longer than it must


# --- Server and browser -----------------------------------------------------------------------------------------------


class Server:
    """The app on a port of its own, which can be killed and started again."""

    def __init__(self, models: Path, *, before: str = "") -> None:
        """Keep models in a folder of its own; ``before`` is Python that runs ahead of the app."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {"GUIDANCE_EXPLORER_MODELS": str(models)}
        self.before = before
        self.process: subprocess.Popen | None = None

    def start(self, log: Path) -> None:
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
        }
        start = f"{self.before}\nfrom streamlit.web import cli\ncli.main()"
        command = [sys.executable, "-c", start, "run", "app.py", *(f"--{k}={v}" for k, v in options.items())]
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, env=self.environment)
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
    folder = tmp_path_factory.mktemp("server")
    found = Server(folder / "models")
    found.start(folder / "log")
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
        self.heard = 0
        self.drawn_by = "fields" if path.startswith("/fields") else "viewer"
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("websocket", self._listen)
        self.page.goto(server.url + path, wait_until="commit")

    def _listen(self, socket) -> None:
        socket.on("framesent", self._note)
        socket.on("framereceived", self._hear)

    def _hear(self, _: str | bytes) -> None:
        self.heard += 1

    def hear(self, messages: int) -> None:
        """Wait until the server has said so much more."""
        until_then = self.heard + messages
        until(lambda: self.page.evaluate("0") or self.heard >= until_then)

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
        """What draws the page's pictures, and says of them what it can."""
        return self.get(self.drawn_by)

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

    @property
    def view(self) -> list[float]:
        """Centre and half-width of what is looked at."""
        return [float(number) for number in self.data["view"].split(",")]

    def centre(self, testid: str) -> tuple[float, float]:
        """Middle of an element, in the page's pixels."""
        box = self.get(testid).bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, testid: str, x: float, y: float) -> None:
        """Take an element by its middle and let it go at (x, y)."""
        mouse = self.page.mouse
        mouse.move(*self.centre(testid))
        mouse.down()
        mouse.move(x, y, steps=6)
        mouse.up()

    def touch(self, *stations: list[tuple[float, float]]) -> None:
        """Fingers, one place each, that go from station to station and are lifted."""
        session = self.context.new_cdp_session(self.page)
        for i, places in enumerate(stations):
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
            kind = "touchMove" if i else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

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


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_everything_of_explore_is_on_the_screen(visit, width, height):
    from playwright.sync_api import expect

    visitor = visit("/?n=512", viewport={"width": width, "height": height}).ready()
    for label in ("Link", "Command", "Download"):
        expect(visitor.page.get_by_role("button", name=label)).to_be_in_viewport(ratio=1)
    expect(visitor.get("scrub")).to_be_in_viewport(ratio=1)
    for slot in ("left", "right"):
        expect(visitor.get(f"foot-{slot}")).to_be_in_viewport(ratio=1)
    assert visitor.page.locator(".stMain").evaluate("main => main.scrollHeight <= innerHeight"), "nothing to scroll"
    plot = visitor.get("plot-left").bounding_box()
    assert plot is not None
    assert plot["height"] > 0.58 * height
    header = visitor.page.get_by_test_id("stHeader").bounding_box()
    chip = visitor.get("layer-p1").bounding_box()
    assert header is not None
    assert chip is not None
    assert header["y"] + header["height"] <= chip["y"], "the header covers nothing"
    visitor.page.screenshot(path=OUT / f"explore-{width}.png")


@pytest.mark.parametrize("width", [360, 768, 960, 1280])
def test_no_measure_covers_another(visit, width):
    visitor = visit("/?n=512", viewport={"width": width, "height": 900}).ready()
    apart = """row => {
      const parts = [...row.querySelectorAll(".tv-metric > *")].filter((part) => part.checkVisibility());
      const boxes = parts.map((part) => part.getBoundingClientRect());
      const beside = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1;
      const above = (a, b) => a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
      return boxes.length && boxes.every((a, i) => boxes.slice(i + 1).every((b) => beside(a, b) || above(a, b)));
    }"""
    for slot in ("left", "right"):
        assert visitor.get(f"metrics-{slot}").evaluate(apart)
    visitor.page.screenshot(path=OUT / f"explore-{width}-measures.png")


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

    own = Server(tmp_path)
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


# The engine is ready when a file is there, not before.
GATE = """
import time
from pathlib import Path
from toy.ui import engine
warm_up = engine.warm_up
def held():
    while not Path({gate!r}).exists(): time.sleep(0.02)
    return warm_up()
engine.warm_up = held
"""


def test_a_knob_moved_before_the_engine_is_ready_is_answered_when_it_is(browser, tmp_path):
    from playwright.sync_api import expect

    gate = tmp_path / "gate"
    own = Server(tmp_path, before=GATE.format(gate=str(gate)))
    own.start(tmp_path / "log")
    try:
        visitor = Visitor(browser, own)
        badge = visitor.get("badge-left")
        expect(badge).to_contain_text("precomputed", timeout=WAIT)
        shipped = visitor.data
        visitor.fill("number-w-left", "2")
        visitor.when('d.state === "waiting"')
        visitor.hear(3)  # the server has been asked, and its page still says that it starts
        assert visitor.requests() > 0
        expect(visitor.page.get_by_text("The engine is starting")).to_be_visible()
        assert visitor.data["id"] == shipped["id"]
        gate.touch()
        visitor.ready()
        answered = visitor.changed(shipped)
        assert visitor.get("number-w-left").input_value() == "2.00"
        visitor.until_query(left__w="2")
        linked = Visitor(browser, own, "/?left.w=2").ready()
        assert linked.data["id"] == answered["id"]
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


def test_the_command_redraws_what_the_viewer_was_changed_to(visit, tmp_path):
    from playwright.sync_api import expect

    visitor = visit("/?n=512&right.rule=none").ready()
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
        until(lambda: visitor.scenery()["hash"] != scenery["hash"])
        until(lambda: visitor.scenery("right")["hash"] != right["hash"])
        visitor.get("home").click()
        until(lambda: visitor.scenery()["hash"] == scenery["hash"])

        # Hovering lights the same particle on both sides.
        above = visitor.get("plot-right").locator("canvas").nth(2)
        mouse.move(*visitor.point_at_bar(0.5))
        plain = above.evaluate(PIXELS)
        mouse.move(*visitor.place("left", on_dot=True))
        until(lambda: above.evaluate(PIXELS)["drawn"] > plain["drawn"])

        # A switch that only changes how the picture is drawn.
        visitor.get("show-quality").click()
        until(lambda: visitor.dots()["hash"] != end["hash"])
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


def test_two_fingers_zoom_and_one_pans_both_panels(visit):
    visitor = visit("/?n=512&paper_look=1", has_touch=True).ready()
    (cx, cy, half), (x, y) = visitor.view, visitor.centre("plot-left")
    assert visitor.scenery("left") == visitor.scenery("right")

    # Fingers go apart to twice their distance: what lies between them stays there, twice as large.
    narrow, middle, wide = ([(x - reach, y), (x + reach, y)] for reach in (60, 90, 120))
    visitor.touch(narrow, middle, wide)
    visitor.when(f'd.view !== "{cx},{cy},{half}"')
    until(lambda: visitor.view == pytest.approx([cx, cy, half / 2], abs=0.002 * half))
    until(lambda: visitor.scenery("left") == visitor.scenery("right"))
    assert visitor.page.evaluate("visualViewport.scale") == 1, "the page itself is not zoomed"

    # One finger carries the picture along.
    box = visitor.get("plot-left").bounding_box()
    assert box is not None
    scale = min(box["width"], box["height"]) / half  # pixels per unit: the view is half / 2 to each side
    near = visitor.scenery()
    visitor.touch([(x, y)], [(x + 30, y - 20)], [(x + 60, y - 40)])
    until(lambda: visitor.view == pytest.approx([cx - 60 / scale, cy - 40 / scale, half / 2], abs=0.02 * half))
    until(lambda: visitor.scenery()["hash"] != near["hash"])
    until(lambda: visitor.scenery("left") == visitor.scenery("right"))
    assert visitor.get("card-left").is_hidden(), "a pan is no click"
    visitor.page.screenshot(path=OUT / "touch.png")

    # And back.
    visitor.touch(wide, narrow)
    until(lambda: visitor.view[2] == pytest.approx(half))
    visitor.fine()


def test_a_pinch_on_a_phone_zooms_the_picture(visit):
    visitor = visit("/?n=512", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}).ready()
    half, (x, y) = visitor.view[2], visitor.centre("plot-left")
    visitor.touch(*([(x - reach, y - reach), (x + reach, y + reach)] for reach in (40, 60, 80)))
    until(lambda: visitor.view[2] == pytest.approx(half / 2))
    assert visitor.page.evaluate("visualViewport.scale") == 1


def test_the_forward_process_dissolves_the_data_and_comes_back(visit, server):
    visitor = visit("/?n=512").ready()
    asked, end = visitor.requests(), visitor.dots()
    visitor.get("speed").select_option("4")
    with server.frozen():
        visitor.get("forward").click()
        visitor.when('d.phase === "forward" && d.state === "playing" && Number(d.frame) > 25')
        data = visitor.dots()
        visitor.when('d.phase === "forward" && Number(d.frame) < 8')
        assert visitor.get("corner-left").inner_text().startswith("forward process")
        noise = visitor.dots()
        visitor.page.screenshot(path=OUT / "forward.png")
        visitor.when('d.phase === "reverse" && Number(d.frame) > 2')
        visitor.when('d.phase === "reverse" && d.state === "idle" && Number(d.frame) === 32')
        until(lambda: visitor.dots() == end)
    assert data["hash"] != end["hash"]
    assert noise["hash"] != data["hash"]
    assert visitor.requests() == asked
    visitor.fine()


def test_the_divider_swipes_between_both_sides(visit):
    visitor = visit("/?n=512&layout=swipe").ready()
    plot, divider = visitor.get("plot-right"), visitor.get("divider")
    left, width = plot.evaluate("plot => [plot.getBoundingClientRect().left, plot.clientWidth]")
    _, y = visitor.centre("divider")
    for share in (0.25, 0.8):
        visitor.drag("divider", left + share * width, y)
        until(lambda share=share: abs(int(divider.get_attribute("aria-valuenow")) - 100 * share) <= 1)
        assert visitor.centre("divider")[0] == pytest.approx(left + share * width, abs=3)
        shown = float(re.search(r"([\d.]+)%\)", plot.evaluate("plot => plot.style.clipPath"))[1])
        assert shown == pytest.approx(100 * share, abs=1), "the right side is seen from the divider on"
        visitor.page.screenshot(path=OUT / f"swipe-{share:g}.png")
    # What lies under the pointer is the side that is seen there.
    under = """([x, y]) => {
      const host = document.elementFromPoint(x, y);
      return host.shadowRoot.elementFromPoint(x, y).closest("[data-testid]").dataset.testid;
    }"""
    assert visitor.page.evaluate(under, [left + 0.4 * width, y]).endswith("left")
    assert visitor.page.evaluate(under, [left + 0.9 * width, y]).endswith("right")
    visitor.drag("divider", left - 500, y)
    until(lambda: divider.get_attribute("aria-valuenow") == "0")
    divider.focus()
    divider.press("ArrowRight")
    until(lambda: divider.get_attribute("aria-valuenow") == "2")
    visitor.fine()


def test_full_screen_and_back(visit):
    visitor = visit("/?n=512").ready()
    before = visitor.dots()
    full = "root => root.matches(':fullscreen')"
    visitor.get("fullscreen").click()
    until(lambda: visitor.viewer.evaluate(full))
    until(lambda: visitor.dots()["width"] > before["width"])
    until(lambda: visitor.dots()["drawn"] > 300)
    assert visitor.viewer.evaluate("root => root.scrollHeight <= innerHeight"), "all of it is on the screen"
    visitor.page.screenshot(path=OUT / "fullscreen.png")
    visitor.get("fullscreen").click()
    until(lambda: not visitor.viewer.evaluate(full))
    until(lambda: visitor.dots() == before)
    visitor.fine()


@pytest.mark.parametrize(("layout", "panels"), [("two", 2), ("swipe", 1)])
def test_the_picture_is_saved_as_it_is_seen(visit, tmp_path, layout, panels):
    visitor = visit(f"/?n=512&layout={layout}").ready()
    with visitor.page.expect_download() as waiting:
        visitor.get("save-png").click()
    assert re.fullmatch(r"toy-[0-9a-f]{8}\.png", waiting.value.suggested_filename)
    path = tmp_path / "saved.png"
    waiting.value.save_as(path)
    image = plt.imread(path)  # [height, width, RGBA]
    side = visitor.dots()
    assert image.shape[1] == pytest.approx(panels * side["width"], abs=20)
    assert image.shape[0] > side["height"]
    # Not a blank: the dots' ink is there in each panel.
    for column in np.array_split(image, panels, axis=1):
        assert 500 < np.sum(column[..., :3].mean(axis=-1) < 0.4) < 0.5 * column.shape[0] * column.shape[1]
    shutil.copy(path, OUT / f"saved-{layout}.png")
    visitor.fine()


def test_what_is_swiped_away_is_not_in_the_saved_picture(visit, tmp_path):
    pictures = []
    for layout in ("swipe", "right"):
        visitor = visit("/?n=512").ready()
        visitor.get(f"layout-{layout}").click()
        if layout == "swipe":
            visitor.drag("divider", 0, visitor.centre("divider")[1])
            until(lambda visitor=visitor: visitor.get("divider").get_attribute("aria-valuenow") == "0")
        with visitor.page.expect_download() as waiting:
            visitor.get("save-png").click()
        waiting.value.save_as(tmp_path / layout)
        pictures.append(plt.imread(tmp_path / layout, format="png")[30 : visitor.dots("right")["height"]])
    np.testing.assert_array_equal(*pictures)


# --- What the server is asked for -------------------------------------------------------------------------------------


def test_a_layer_is_fetched_and_follows_the_noise_level(visit):
    visitor = visit("/?n=512").ready()
    before, asked = visitor.scenery(), visitor.requests()
    visitor.get("layer-ratio").click()
    until(lambda: visitor.scenery()["hash"] != before["hash"])
    visitor.when('d.state === "idle"')
    until(lambda: visitor.requests() > asked)
    until(lambda: visitor.scenery()["drawn"] > before["drawn"])
    assert visitor.get("layer-ratio").get_attribute("aria-pressed") == "true"
    visitor.until_query(layers="ratio")
    visitor.page.screenshot(path=OUT / "ratio.png")

    late, asked = visitor.scenery(), visitor.requests()
    visitor.page.mouse.click(*visitor.point_at_bar(0.45))
    until(lambda: visitor.requests() > asked)
    visitor.when('d.state === "idle"')
    until(lambda: visitor.scenery()["hash"] != late["hash"])
    visitor.page.screenshot(path=OUT / "ratio-noisy.png")

    visitor.get("scrub").press("End")
    visitor.get("layer-ratio").click()
    until(lambda: visitor.scenery()["hash"] == before["hash"])
    visitor.until_query(layers=None)
    visitor.fine()


def test_the_density_that_the_sampler_draws_is_a_layer(visit):
    visitor = visit("/?n=512&t=30").ready()
    before = visitor.scenery()
    visitor.get("layer-drawn").click()
    until(lambda: visitor.scenery()["hash"] != before["hash"])
    visitor.when('d.state === "idle"')
    visitor.until_query(layers="drawn")
    visitor.page.screenshot(path=OUT / "drawn.png")
    visitor.get("layer-drawn").click()
    until(lambda: visitor.scenery()["hash"] == before["hash"])
    visitor.fine()


def test_the_ends_of_the_interval_are_dragged_on_the_bar(visit):
    visitor = visit("/?n=512&right.schedule=interval&right.lo=0.05&right.hi=0.8").ready()
    track, bar = visitor.get("scrub").locator(".tv-track"), visitor.get("scrub").locator(".tv-band")

    def shaded() -> tuple[float, float]:
        """Where the shaded part lies on the track, in shares of it."""
        all_, part = track.bounding_box(), bar.bounding_box()
        assert all_ is not None
        assert part is not None
        begin = (part["x"] - all_["x"]) / all_["width"]
        return begin, begin + part["width"] / all_["width"]

    def at(share: float) -> tuple[float, float]:
        all_ = track.bounding_box()
        assert all_ is not None
        return all_["x"] + share * all_["width"], visitor.centre("scrub")[1]

    def interval() -> tuple[float, float]:
        query = visitor.query()
        return float(query.get("right.lo", 0.05)), float(query.get("right.hi", 0.3))

    def moved(end: str, share: float) -> tuple[float, float]:
        before = visitor.data
        visitor.drag(f"interval-{end}-right", *at(share))
        visitor.changed(before)
        handle = visitor.get(f"interval-{end}-right")
        until(lambda: float(handle.get_attribute("aria-valuenow")) == interval()[end == "hi"])
        return interval()

    start = shaded()
    # High noise is on the left: the upper end starts the shaded part.
    lo, hi = moved("hi", 0.1)
    assert lo == 0.05
    assert hi > 1
    assert shaded() == pytest.approx((0.1, start[1]), abs=0.01)
    lo, hi = moved("lo", 0.8)
    assert 0 < lo < 0.05
    assert shaded() == pytest.approx((0.1, 0.8), abs=0.01)
    visitor.page.screenshot(path=OUT / "interval.png")
    # One end past the other stops there, and both can be taken again.
    lo, hi = moved("lo", 0.02)
    assert lo == hi > 1
    assert shaded()[0] == pytest.approx(shaded()[1], abs=0.01)
    assert moved("lo", 0.6)[0] < 0.5 < hi
    assert shaded() == pytest.approx((0.1, 0.6), abs=0.01)
    lo, hi = moved("hi", 0.95)
    assert lo == hi < 0.5
    # At the very end of the bar the upper one can still be taken.
    assert moved("lo", 1.2)[0] == 0
    assert moved("hi", 1.2) == (0, 0)
    assert moved("hi", 0.3)[1] > 0.3
    link = urlsplit(visitor.page.url).query
    assert visit(f"/?{link}").ready().data["id"] == visitor.data["id"]
    visitor.fine()


def test_a_click_pins_a_particle_and_probes_the_scores(visit):
    from playwright.sync_api import expect

    visitor = visit("/?n=512&right.rule=none&right.main=exact:A").ready()
    card = visitor.get("card-left")
    expect(card).to_be_hidden()
    visitor.page.mouse.click(*visitor.place("left", on_dot=True))
    for slot in ("left", "right"):
        expect(visitor.get(f"card-{slot}")).to_be_visible()
        expect(visitor.get(f"card-{slot}")).to_contain_text("particle")
        expect(visitor.get(f"card-{slot}").locator("tbody tr:visible").first).to_contain_text(re.compile(r"s₁.*\d\.\d"))
        expect(visitor.get(f"distance-{slot}")).to_contain_text(re.compile(r"\d"))
    # Only a learned log-density lacks its constant.
    expect(visitor.get("up-to-left")).to_have_text("a learned log p is right up to a constant per σ")
    expect(visitor.get("up-to-right")).to_be_hidden()
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
    until(lambda: visitor.scenery()["hash"] != scenery["hash"])
    visitor.page.mouse.dblclick(x, y)
    until(lambda: visitor.scenery()["hash"] == scenery["hash"])
    expect(visitor.get("card-left")).to_be_hidden()


def test_an_open_page_survives_a_restart(browser, tmp_path):
    from playwright.sync_api import TimeoutError as PlaywrightTimeout
    from playwright.sync_api import expect

    own = Server(tmp_path)
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
                visitor.until_query(left__w="3", n="512", timeout=20_000)
                break
            except PlaywrightTimeout:
                expect(visitor.get("number-w-left").last).to_have_value("2.00", timeout=WAIT)
                assert visitor.ready().data["id"] == before["id"]
        visitor.until_query(left__w="3", n="512", timeout=1000)
        assert visitor.changed(before)["id"] == Visitor(browser, own, "/?n=512&left.w=3").ready().data["id"]
        visitor.fine()
    finally:
        own.kill()


# --- Fields -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def fields(visit):
    """The Fields page with three panels, as sharp as they become."""
    visitor = visit("/fields?sigma=0.1")
    visitor.viewer.wait_for()
    visitor.when('d.state === "idle" && d.side === "128"')
    return visitor


MOVED = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
PANELS = ("p1", "p0", "ratio")


def pictures(visitor: Visitor) -> list[int]:
    """What each panel of the Fields page shows."""
    return [visitor.scenery(panel)["hash"] for panel in PANELS]


def other(now: list[int], before: list[int]) -> bool:
    """Whether every panel shows something else."""
    return all(a != b for a, b in zip(now, before, strict=True))


def test_all_fields_are_zoomed_and_panned_together(fields):
    before, (cx, cy, half) = pictures(fields), fields.view
    x, y = fields.centre("plot-p0")
    fields.page.mouse.move(x, y)
    fields.page.mouse.wheel(0, -240)
    fields.when(f'd.view !== "{cx:g},{cy:g},{half:g}" && d.state === "idle" && d.side === "128"')
    assert fields.view == pytest.approx([cx, cy, half * np.exp(-240 * 0.0018)], abs=0.01)
    zoomed = pictures(fields)
    assert other(zoomed, before)
    fields.drag("plot-ratio", fields.centre("plot-ratio")[0] + 40, fields.centre("plot-ratio")[1])
    fields.when(f'Number(d.view.split(",")[0]) < {cx - 0.01} && d.state === "idle"')
    assert other(pictures(fields), zoomed)
    view = fields.data["view"]
    fields.until_query(view=view)
    fields.page.screenshot(path=OUT / "fields-zoomed.png")
    linked = fields.context.new_page()
    linked.goto(fields.page.url)
    linked.get_by_test_id("fields").evaluate(WHEN, [f'd.view === "{view}" && d.state === "idle"', WAIT])
    fields.get("home").click()
    fields.when(f'd.view === "{cx:g},{cy:g},{half:g}" && d.state === "idle"')
    until(lambda: pictures(fields) == before)
    fields.until_query(view=None)
    fields.fine()


def test_the_noise_level_of_the_fields_is_dragged(fields):
    before = pictures(fields)
    slider = fields.get("sigma")
    seen = []
    for value in ("0.3", "0.2", "0.1"):  # towards more noise
        slider.evaluate(MOVED, value)
        seen.append(float(fields.when(f"Number(d.field) > {seen[-1] if seen else 0.1}")["field"]))
    assert fields.data["side"] == "64", "what is dragged is drawn coarsely"
    slider.evaluate("s => s.dispatchEvent(new Event('change', { bubbles: true }))")
    sharp = fields.when('d.state === "idle" && d.side === "128"')
    assert float(sharp["field"]) == float(sharp["sigma"]) == seen[-1] > 1
    assert other(pictures(fields), before)
    fields.until_query(sigma=f"{seen[-1]:g}")
    fields.page.screenshot(path=OUT / "fields-noisy.png")
    # A number is taken too.
    fields.fill("sigma-number", "0.1")
    fields.when('d.field === "0.1" && d.state === "idle" && d.side === "128"')
    until(lambda: pictures(fields) == before)
    fields.fine()


def test_the_fields_play_from_noise_to_data(fields):
    fields.get("play").click()
    first = fields.when('d.state === "playing" && Number(d.sigma) < 0.09')
    second = fields.when(f'd.state === "playing" && Number(d.field) < {float(first["sigma"]) * 0.7}')
    assert second["side"] == "128", "each level is seen sharply"
    last = fields.when('d.state === "idle" && Number(d.sigma) === 0.01 && d.field === d.sigma')
    assert last["side"] == "128"
    fields.until_query(sigma="0.01")
    fields.fine()


# --- Who plays --------------------------------------------------------------------------------------------------------


def type_density(page, role: str, name: str) -> None:
    """Type a name into a role's list, again where the list closed because what is around it still moved."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    def taken(url: str) -> bool:
        return [name] in parse_qs(urlsplit(url).query).values()

    box = page.get_by_role("combobox", name=re.compile(role))
    for _ in range(5):
        box.click()
        box.fill(name)
        try:
            page.get_by_role("option", name=name).first.wait_for(timeout=2000)
            box.press("Enter")
            page.wait_for_url(taken, wait_until="commit", timeout=10_000)
            return
        except PlaywrightTimeout:
            box.press("Escape")
    pytest.fail(f"{name} was not taken for {role}")


# --- Train ------------------------------------------------------------------------------------------------------------


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

    cast = visit("/?n=512").ready()
    before = cast.data
    cast.page.get_by_text("Cast and schedule, right").click()
    type_density(cast.page, "weak", "kept:pupil")
    after = cast.changed(before)
    cast.until_query(right__weak="kept:pupil")
    cast.page.screenshot(path=OUT / "train-cast.png")
    cast.page.reload()
    cast.ready()
    assert cast.data["id"] == after["id"]
    expect(cast.page.get_by_test_id("stAlert")).to_have_count(0)
    cast.fine()


# --- Compare and Mechanism --------------------------------------------------------------------------------------------

CURVES = "svg.marks path[aria-roledescription='line mark'], canvas.marks"


def charts_drawn(visitor: Visitor) -> int:
    """How many charts are drawn, each with something in it."""
    return visitor.page.locator("[data-testid='stVegaLiteChart']").filter(has=visitor.page.locator(CURVES)).count()


def test_methods_are_compared_while_one_watches(visit):
    from playwright.sync_api import expect

    visitor = visit("/compare?methods=cfg,autoguidance&strengths=1,2,4&n=512&seeds=2")
    expect(visitor.page.get_by_text(re.compile(r"measuring .* of 6 done"))).to_be_visible(timeout=WAIT)
    expect(visitor.page.get_by_text("All measures, 12 rows")).to_be_visible(timeout=2 * WAIT)
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
    expect(visitor.page.get_by_text("mostly a distribution shift")).to_be_visible(timeout=2 * WAIT)
    until(lambda: charts_drawn(visitor) == 6)
    visitor.page.get_by_text("Autoguidance", exact=True).first.click()
    expect(visitor.page.get_by_text("entirely a bad version of the model itself")).to_be_visible(timeout=2 * WAIT)
    visitor.until_query(guide="A32@512")
    expect(visitor.page.get_by_text("KL from the truth").first).to_be_visible(timeout=2 * WAIT)
    visitor.page.screenshot(path=OUT / "mechanism.png", full_page=True)
    visitor.fine()


def test_a_name_is_typed_and_its_network_trained(visit):
    from playwright.sync_api import expect

    visitor = visit("/?n=512").ready()
    before = visitor.data
    visitor.page.get_by_text("Cast and schedule, right").click()
    type_density(visitor.page, "weak", "A8@128~depth=1")
    expect(visitor.get("waiting-right")).to_contain_text("training A8@128~depth=1", timeout=WAIT)
    visitor.page.screenshot(path=OUT / "waiting.png")
    visitor.until_query(right__weak="A8@128~depth=1")
    visitor.changed(before)
    expect(visitor.get("waiting-right")).to_be_empty(timeout=WAIT)
    until(lambda: visitor.dots("right")["drawn"] > 100)
    visitor.fine()
