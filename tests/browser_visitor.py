"""What a visitor of the app does in a browser, and sees there."""

import re
from urllib.parse import parse_qs, urlsplit

from browser_server import WAIT, Server, Tabs
from ui_helpers import until

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


# Animations that have an end are over.
RESTS = """() => Promise.allSettled(document.getAnimations()
  .filter((animation) => animation.effect.getComputedTiming().endTime < Infinity)
  .map((animation) => animation.finished))"""

# As if it were gone back to: the history's own function, since where one goes back to a page stays what it was.
FOLLOWED = """url => {
  History.prototype.pushState.call(history, {}, "", url);
  dispatchEvent(new PopStateEvent("popstate"));
}"""
NOWHERE = "/train"  # a page without a view

WITHOUT_ENGINE = "globalThis.toyEngine = null"  # as a `script`: the server computes all that is shown
SCREEN = {"width": 1280, "height": 800}


def fingers(page, *stations: list[tuple[float, float]]) -> None:
    """Fingers, one place each, that go from station to station and are lifted."""
    session = page.context.new_cdp_session(page)
    for i, places in enumerate(stations):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


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
        self.heard = 0
        self._begin(path, viewport, color_scheme)
        self.page.on("pageerror", self._wrong)
        self.page.on("websocket", self._listen)
        self.context.on("request", self._asked)
        self.page.goto(server.url + path, wait_until="commit")

    def _begin(self, path: str, viewport: dict[str, int], color_scheme: str) -> None:
        self.page.set_viewport_size(viewport)
        self.page.emulate_media(color_scheme=color_scheme, reduced_motion="no-preference")
        self.errors: list[str] = []
        self.foreign: list[str] = []  # what other hosts were asked for
        self.sent: list[bytes] = []
        self.drawn_by = "fields" if path.startswith("/fields") else "viewer"

    def follow(self, path: str, *, viewport: dict[str, int] = SCREEN, color_scheme: str = "light") -> None:
        """Follow a link of the app, after ``leave``."""
        self._begin(path, viewport, color_scheme)
        self.page.evaluate(FOLLOWED, path)

    def leave(self) -> None:
        """Go where there is no view, so that the next one is made anew, and forget what the browser has kept."""
        from playwright.sync_api import expect

        for other in self.context.pages:
            if other is not self.page:
                other.close()
        self.page.mouse.move(0, 0)
        self.page.evaluate("document.fullscreenElement && document.exitFullscreen()")
        self.page.evaluate(FOLLOWED, NOWHERE)
        expect(self.get("viewer").or_(self.get("fields"))).to_have_count(0, timeout=WAIT)
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")

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
        self.when('d.state === "idle" && d.engine !== "asking"')
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

    def unfold(self, title: str) -> None:
        """Open a part of the sidebar, and wait until what is below has come to rest: a click meanwhile may miss."""
        self.page.get_by_text(title).click()
        self.page.evaluate(RESTS)

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
        fingers(self.page, *stations)

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
        self.tabs.give_back(self.page, f"{self.server.url}/_stcore/health", **self.device)
