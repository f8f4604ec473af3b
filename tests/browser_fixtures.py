"""A real Chromium, the real server, one of each for all tests, and what a visitor does there."""

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
from ui_helpers import ROOT, until

OUT = ROOT / "out" / "browser"
WAIT = 120_000  # ms: the machine may be busy; nothing waits longer than it must


# --- Server and browser -----------------------------------------------------------------------------------------------


class Server:
    """The app on a port of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        """Keep models and the log in a folder of its own."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {"GUIDANCE_EXPLORER_MODELS": str(folder / "models")}
        self.log = folder / "log"
        self.process: subprocess.Popen | None = None

    def start(self, before: str = "") -> None:
        """Start it; ``before`` is Python that runs ahead of the app."""
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
        }
        start = f"{before}\nfrom streamlit.web import cli\ncli.main()"
        command = [sys.executable, "-c", start, "run", "app.py", *(f"--{k}={v}" for k, v in options.items())]
        with self.log.open("ab") as file:
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


@pytest.fixture(scope="session")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        reason = "no Chromium was found: apt install chromium"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT)
    OUT.mkdir(parents=True, exist_ok=True)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=flags)
        yield found
        found.close()


# What fills these pages is measured and drawn elsewhere, and takes its time.
FEWER = """
from matplotlib.figure import Figure
from toy import figures, flows
from toy.figures import explanation
from toy.ui import mechanism
figures.draw = lambda *given: Figure()
mechanism.N, mechanism.FLOW_N, mechanism.SIDE = 512, 64, 24
flows.log_mass = explanation.log_mass = lambda *given: (0.0, 0.0)
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    found = Server(tmp_path_factory.mktemp("server"))
    found.start(FEWER)
    yield found
    found.kill()


@pytest.fixture
def own(tmp_path):
    """A server of a test's own, not started yet; it is ended behind those who ``visit`` it."""
    found = Server(tmp_path)
    yield found
    found.kill()


# --- Tabs -------------------------------------------------------------------------------------------------------------


class Tabs:
    """Browser tabs, each with a profile of its own, emptied after use: a new one takes twice as long to open a page."""

    def __init__(self, browser) -> None:
        self.browser = browser
        self.free: dict[tuple, list] = {}

    def take(self, **device):
        """A tab that shows nothing, on a device as Playwright describes it; ``script`` runs ahead of every page."""
        free = self.free.setdefault(tuple(sorted(device.items())), [])
        if free:
            return free.pop()
        script = device.pop("script", "")
        context = self.browser.new_context(**device)
        context.set_default_timeout(WAIT)
        context.add_init_script(script)
        return context.new_page()

    def give_back(self, tab, server: "Server", **device) -> None:
        """Take it back, without anything that the last visitor left in it."""
        for other in tab.context.pages:
            if other is not tab:
                other.close()
        tab.goto(f"{server.url}/_stcore/health")
        tab.mouse.move(0, 0)
        tab.evaluate("localStorage.clear(); sessionStorage.clear()")
        tab.context.clear_cookies()
        tab.context.new_cdp_session(tab).send("Page.resetNavigationHistory")
        self.free[tuple(sorted(device.items()))].append(tab)


@pytest.fixture(scope="session")
def tabs(browser) -> Tabs:
    return Tabs(browser)


# --- A visitor --------------------------------------------------------------------------------------------------------

# Streamlit may put the viewer into the page anew: null, and the one that stands there now is asked.
WHEN = """(root, [test, ms]) => new Promise((done, fail) => {
  const holds = new Function("d", `return ${test}`);
  const end = (found) => (watch.disconnect(), clearInterval(there), done(found));
  const look = () => holds(root.dataset) && end({ ...root.dataset });
  const watch = new MutationObserver(look);
  watch.observe(root, { attributes: true });
  const there = setInterval(() => root.isConnected || end(null), 200);
  setTimeout(() => fail(new Error(`never ${test}; ${JSON.stringify(root.dataset)}`)), ms);
  look();
})"""

# What the picture is in the very moment in which the data say so.
MOMENT = """(root, [test, ms, pixels]) => new Promise((done, fail) => {
  const holds = new Function("d", `return ${test}`);
  const part = (id) => root.querySelector(`[data-testid="${id}-left"]`);
  const now = () => ({ data: { ...root.dataset }, dots: eval(pixels)(part("dots")), corner: part("corner").innerText });
  const look = () => holds(root.dataset) && (watch.disconnect(), done(now()));
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


SCREEN = {"width": 1280, "height": 800}


class Visitor:
    """A page in a fresh profile, with what went wrong in it and what it said to the server."""

    def __init__(
        self,
        tabs: Tabs,
        server: Server,
        path: str = "/",
        *,
        viewport: dict[str, int] = SCREEN,
        color_scheme: str = "light",
        **device,
    ) -> None:
        self.tabs, self.server, self.device = tabs, server, device
        self.page = tabs.take(**device)
        self.context = self.page.context
        self.page.set_viewport_size(viewport)
        self.page.emulate_media(color_scheme=color_scheme, reduced_motion="no-preference")
        self.errors: list[str] = []
        self.foreign: list[str] = []  # what other hosts were asked for
        self.sent: list[bytes] = []
        self.heard = 0
        self.drawn_by = "fields" if path.startswith("/fields") else "viewer"
        self.page.on("pageerror", self._wrong)
        self.page.on("websocket", self._listen)
        self.context.on("request", self._asked)
        self.page.goto(server.url + path, wait_until="commit")

    def _wrong(self, error) -> None:
        self.errors.append(str(error))

    def _asked(self, request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in ("data", "blob") and asked.netloc != urlsplit(self.server.url).netloc:
            self.foreign.append(request.url)

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
        while (found := self.viewer.evaluate(WHEN, [test, WAIT])) is None:
            pass
        return found

    def moment(self, test: str) -> dict:
        """Wait until the viewer's data say so; these, the left panel's dots and its corner's words, all at once."""
        return self.viewer.evaluate(MOMENT, [test, WAIT, PIXELS])

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

    def open_drawer(self) -> None:
        """Show the layers' chips, and wait until the pictures have made room for them."""
        self.get("more").click()
        self.page.evaluate(
            "() => [1, 2, 3].reduce((wait) => wait.then(() => new Promise(requestAnimationFrame)), Promise.resolve())"
        )

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
        """Nothing went wrong in the page, and nobody but the server was asked."""
        self.page.evaluate("0")  # what the browser has told by now is heard
        assert not self.errors
        assert not self.foreign
        assert self.page.get_by_test_id("stException").count() == 0

    def close(self) -> None:
        """Leave the tab to the next visitor."""
        self.page.remove_listener("pageerror", self._wrong)
        self.page.remove_listener("websocket", self._listen)
        self.context.remove_listener("request", self._asked)
        self.tabs.give_back(self.page, self.server, **self.device)


@pytest.fixture
def visit(tabs, server):
    """Opens pages; closes them, and looks for errors, at the end."""
    opened: list[Visitor] = []

    def open_page(path: str = "/", *, at: Server = server, **options) -> Visitor:
        opened.append(Visitor(tabs, at, path, **options))
        return opened[-1]

    yield open_page
    errors = [error for visitor in opened for error in visitor.errors]
    for visitor in opened:
        visitor.close()
    assert not errors
