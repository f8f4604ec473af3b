"""Benchmarks of the app: pages in a real Chromium, and many visitors at once."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toy.bench.rows import Measured, benchmark
from toy.bench.server import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

TINY = """import streamlit as st
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.button("again")
st.text(f"run {st.session_state.runs}.")
"""

# Milliseconds from an act to a change of what is watched after which it is over. All clocks are the page's own, so that
# the driver's messages are not measured.
UNTIL = """(watched, over, words, act, of = { attributes: true }, patience = 20) => new Promise((done, fail) => {
  const began = performance.now();
  const watch = new MutationObserver(() => {
    if (!over()) return;
    watch.disconnect();
    done(performance.now() - began);
  });
  watch.observe(watched, of);
  setTimeout(() => fail(new Error(`${words} within ${patience} s`)), 1e3 * patience);
  act();
})"""

PRESS = f"""button => {{
  const shown = document.querySelector('[data-testid="stText"]');
  const next = `run ${{Number(shown.textContent.match(/\\d+/)[0]) + 1}}.`;
  const over = () => document.body.textContent.includes(next);
  const whole = {{ subtree: true, childList: true, characterData: true }};
  return ({UNTIL})(document.body, over, "no rerun", () => button.click(), whole);
}}"""

MOVE = f"""(slider, {{ event, value, quality }}) => {{
  const root = slider.getRootNode().querySelector("[data-toy-viewer]");
  const {{ seq, id }} = root.dataset;
  const other = () => Number(root.dataset.seq) > Number(seq) && root.dataset.id !== id;
  return ({UNTIL})(root, () => other() && root.dataset.quality === quality, `no ${{quality}} picture`, () => {{
    slider.value = value;
    slider.dispatchEvent(new Event(event, {{ bubbles: true }}));
  }});
}}"""

SWEEP = """(slider, seconds) => new Promise(done => {
  const root = slider.getRootNode().querySelector("[data-toy-viewer]");
  const [lo, hi] = [Number(slider.min), Number(slider.max)];
  const began = performance.now();
  const drawn = [];
  let seq = root.dataset.seq;
  const step = now => {
    if (root.dataset.seq !== seq) {
      seq = root.dataset.seq;
      drawn.push(now);
    }
    const t = (now - began) / 1000;
    if (t > seconds) {
      slider.dispatchEvent(new Event("change", { bubbles: true }));
      done(drawn.slice(1).map((at, i) => at - drawn[i]));
      return;
    }
    slider.value = lo + (hi - lo) * (0.5 + 0.5 * Math.sin(t));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""

FRAMES = """seconds => new Promise(done => {
  const times = [];
  const step = now => {
    times.push(now);
    if (now - times[0] < seconds * 1000) requestAnimationFrame(step);
    else done(times.slice(1).map((at, i) => at - times[i]));
  };
  requestAnimationFrame(step);
})"""

# From a change to the panel that says that it waits, or shows what was asked for.
TOLD = f"""(root, {{ control, event, value }}) => {{
  const {{ id }} = root.dataset;
  return ({UNTIL})(root, () => root.dataset.state === "pending" || root.dataset.id !== id, "nothing was said", () => {{
    if (event !== "click") control.value = value;
    if (event === "click") control.click();
    else control.dispatchEvent(new Event(event, {{ bubbles: true }}));
  }});
}}"""

VIEWER = '[data-testid="viewer"]'
READY = re.compile(r"^(?!.*precomputed).*n=")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chromium() -> str:
    """Path of the Chromium to drive; ValueError says how to get what is missing."""
    if find_spec("playwright") is None:
        raise ValueError("playwright, which drives Chromium, is missing: pip install -r requirements-dev.txt")
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise ValueError("no Chromium was found, which this drives: install it (Debian and Ubuntu: apt install chromium)")


class Stage:
    """What the app's benchmarks share, each made when it is first needed: browser, server, long measurements."""

    def __init__(self, stack: ExitStack, count: int) -> None:
        """Whatever is opened is closed by ``stack``; everything is measured ``count`` times."""
        self.stack, self.count = stack, count

    @cached_property
    def browser(self) -> "Browser":
        """A Chromium with a fresh profile for every page."""
        from playwright.sync_api import sync_playwright

        play = self.stack.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        self.stack.callback(browser.close)
        return browser

    def page(self) -> "Page":
        """A page of a new profile, 1280 x 900."""
        return self.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()

    @cached_property
    def server(self) -> Server:
        """The app's server, used by all that do not need their own."""
        return self.stack.enter_context(serving())

    @contextmanager
    def explore(self, query: str = "", cores: int | None = None) -> "Iterator[Visit]":
        """The Explore page, ready; in a browser that says it has so many cores, as many workers as that compute."""
        page = self.page()
        if cores:
            page.add_init_script(f"Object.defineProperty(navigator, 'hardwareConcurrency', {{ get: () => {cores} }})")
        visit = Visit(page)
        page.on("websocket", lambda ws: ws.on("framesent", lambda _: visit.sent.append(1)))
        page.goto(f"{self.server.url}/?{query}", wait_until="commit")
        visit.wait_ready()
        yield visit
        page.context.close()

    @cached_property
    def empty(self) -> float:
        """Milliseconds of an empty rerun."""
        return float(np.median(self.empty_reruns))

    @cached_property
    def empty_reruns(self) -> list[float]:
        """Milliseconds from a click to the text of the next run, in a script of four lines."""
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "tiny.py")
            script.write_text(TINY)
            with serving(script) as server:
                page = self.page()
                page.goto(server.url)
                button = page.get_by_role("button", name="again")
                times = [button.evaluate(PRESS) for _ in range(self.count + 2)]
                page.context.close()
        return times[2:]  # the first ones load code

    @cached_property
    def starts(self) -> dict[str, list[tuple[float, float, float]]]:
        """Seconds to a listening server, then from navigation to first picture and ready engine, by what the
        compilation cache is.
        """
        found: dict[str, list[tuple[float, float, float]]] = {"empty": [], "full": []}
        for _ in range(self.count):
            with tempfile.TemporaryDirectory() as folder:  # compiled code is kept below
                for cache_is in found:
                    found[cache_is].append(self._start(folder))
        return found

    def _start(self, folder: str) -> tuple[float, float, float]:
        with serving(XDG_CACHE_HOME=folder) as server:
            page = self.page()
            page.goto(server.url, wait_until="commit")
            page.locator(f'{VIEWER}[data-quality="full"]').wait_for(state="attached")
            first = page.evaluate("performance.now()") / 1e3
            Visit(page).wait_ready()
            ready = page.evaluate("performance.now()") / 1e3
            page.context.close()
            return server.seconds, first, ready


@dataclass
class Visit:
    """An Explore page in the browser and the messages that it sent."""

    page: "Page"
    sent: list[int] = field(default_factory=list)

    def wait_ready(self) -> None:
        """Wait for the engine's own picture; ValueError where the page shows an error."""
        trouble = self.page.get_by_test_id("stException")
        self.page.get_by_test_id("badge-left").filter(has_text=READY).or_(trouble).first.wait_for(timeout=120_000)
        if trouble.count():
            raise ValueError(f"the page shows an error: {trouble.first.inner_text()}")
        self.idle()

    def idle(self) -> None:
        """Wait until the viewer waits for nothing, and is the only one: Streamlit keeps an old element for a moment."""
        from playwright.sync_api import expect

        expect(self.page.locator(VIEWER)).to_have_count(1, timeout=60_000)
        still = f'{VIEWER}[data-state="idle"][data-quality="full"]:not([data-engine="asking"])'
        expect(self.page.locator(still)).to_have_count(1, timeout=60_000)

    def slider(self) -> "Locator":
        """The left panel's w."""
        return self.page.get_by_test_id("knob-w-left")

    def values(self, count: int) -> list[float]:
        """Different values of w, in an order that is not sorted."""
        lo, hi, step = (float(self.slider().get_attribute(name) or 0) for name in ("min", "max", "step"))
        ticks = np.unique(np.round(np.linspace(1, (hi - lo) / step - 1, count)))
        return [float(f"{lo + step * tick:.6g}") for tick in np.random.default_rng(0).permutation(ticks)]

    def move(self, event: str, value: float, quality: str) -> float:
        """Milliseconds from the slider's event to a new picture of that quality."""
        return self.slider().evaluate(MOVE, {"event": event, "value": value, "quality": quality})

    def told(self, control: "Locator", event: str, value: float = 0.0) -> float:
        """Milliseconds from a control's event to a panel that says that it waits, or shows what was asked for."""
        given = {"control": control.element_handle(), "event": event, "value": value}
        return self.page.locator(VIEWER).evaluate(TOLD, given)


@benchmark("empty-rerun", "ms", app=True, browser=True, rerun=True)
def empty_rerun(stage: Stage) -> Measured:
    """A rerun of a script with one button and one text: the least that Streamlit takes."""
    return Measured(stage.empty_reruns)


@cache
def _dragged(stage: Stage, cores: int | None = None) -> tuple[Measured, Measured]:
    """From a movement of w's slider to its preview, and from letting it go to the whole scene."""
    previews, wholes = [], []
    with stage.explore("seed=2", cores) as visit:
        for value in visit.values(stage.count):
            previews.append(visit.move("input", value, "preview"))
            wholes.append(visit.move("change", value, "full"))
    return Measured(previews), Measured(wholes)


@benchmark("drag", "ms", app=True, browser=True, budget=100, p95_budget=300)
def drag(stage: Stage) -> Measured:
    """From a movement of w's slider to its preview, both sides with n = 512, on the screen."""
    return _dragged(stage)[0]


@benchmark("drag-one-core", "ms", app=True, browser=True, budget=100)
def drag_one_core(stage: Stage) -> Measured:
    """The same where one worker computes."""
    return _dragged(stage, 1)[0]


@benchmark("drag-sweep", "ms", app=True, browser=True)
def drag_sweep(stage: Stage) -> Measured:
    """Between two pictures while the slider moves at every frame: the age of what is seen is at most twice that."""
    with stage.explore("seed=1") as visit:
        gaps = visit.slider().evaluate(SWEEP, 8)
        visit.idle()
    return Measured(gaps)


@benchmark("release", "ms", app=True, browser=True, budget=250)
def release(stage: Stage) -> Measured:
    """From letting w's slider go to the whole scene, both sides with n = 2048, 32 steps, on the screen."""
    return _dragged(stage)[1]


@benchmark("release-one-core", "ms", app=True, browser=True, budget=400)
def release_one_core(stage: Stage) -> Measured:
    """The same where one worker computes."""
    return _dragged(stage, 1)[1]


@benchmark("told", "ms", app=True, browser=True, rerun=True, budget=150)
def told(stage: Stage) -> Measured:
    """From a changed knob to the panel that says that it waits for it, or shows it."""
    times = []
    with stage.explore("seed=4") as visit:
        for value in visit.values(stage.count):
            times.append(visit.told(visit.slider(), "change", value))
            visit.idle()
    return Measured(times)


@benchmark("told-method", "ms", app=True, browser=True, rerun=True, budget=150)
def told_method(stage: Stage) -> Measured:
    """From another method chosen beside the picture to the panel that says that it waits for it, or shows it."""
    times = []
    with stage.explore("seed=5") as visit:
        for turn in range(stage.count):
            visit.page.get_by_role("combobox", name="Left method").click()
            times.append(visit.told(visit.page.get_by_role("option").nth(1 + turn % 5), "click"))
            visit.idle()
    return Measured(times)


@benchmark("frames", "ms", app=True, browser=True, p95_budget=20)
def frames(stage: Stage, seconds: float = 10) -> Measured:
    """Between two frames while 2 x 4096 particles play; nothing is sent to the server."""
    with stage.explore("n=4096&loop=1") as visit:
        visit.page.get_by_test_id("play").click()
        visit.page.locator(f'{VIEWER}[data-state="playing"]').wait_for()
        before = len(visit.sent)
        gaps = visit.page.evaluate(FRAMES, seconds)
        sent = len(visit.sent) - before
    rate, share = 1e3 * len(gaps) / sum(gaps), float(np.mean(np.array(gaps) <= 20))
    note = f"{rate:.1f} frames a second, {share:.1%} within 20 ms, {sent} messages sent"
    return Measured(gaps, note, fine=rate >= 55 and share >= 0.95 and sent == 0)


@benchmark("messages", "messages", app=True, browser=True, budget=2)
def messages(stage: Stage) -> Measured:
    """Sent to the server by thirty movements each of zooming, scrubbing and hovering; resting writes the URL."""
    counts = []
    with stage.explore("n=4096&seed=3") as visit:
        for name in ("plot-left", "scrub"):
            box = visit.page.get_by_test_id(name).bounding_box()
            assert box is not None
            mouse, before = visit.page.mouse, len(visit.sent)
            for i in range(30):
                mouse.move(box["x"] + box["width"] * (0.2 + 0.02 * i), box["y"] + box["height"] / 2)
                if name == "scrub":
                    mouse.down()
                else:
                    mouse.wheel(0, -40 if i < 15 else 40)
            mouse.up()
            visit.page.evaluate(FRAMES, 1.5)
            counts.append(float(len(visit.sent) - before))
    return Measured(counts, "zooming and hovering, scrubbing: " + ", ".join(f"{c:.0f}" for c in counts))


@benchmark("memory-visited", "MB", app=True, browser=True, budget=800)
def memory_visited(stage: Stage) -> Measured:
    """Memory of the server after all of the above."""
    return Measured([stage.server.memory()])


@benchmark("server-start", "s", app=True, browser=True, rerun=True)
def server_start(stage: Stage) -> Measured:
    """From the command to a server that listens, with all that computing takes imported."""
    return Measured([seconds for times in stage.starts.values() for seconds, _, _ in times])


@benchmark("first-picture", "s", app=True, browser=True, rerun=True, budget=1.5)
def first_picture(stage: Stage) -> Measured:
    """From a navigation in a new profile to the first picture, of a server that has just started."""
    return Measured([first for times in stage.starts.values() for _, first, _ in times])


@benchmark("engine-ready", "s", app=True, browser=True, rerun=True, budget=6)
def engine_ready(stage: Stage) -> Measured:
    """From that navigation to the engine's own picture, nothing compiled before."""
    return Measured([ready for *_, ready in stage.starts["empty"]])


@benchmark("engine-ready-warm", "s", app=True, browser=True, rerun=True, budget=3.5)
def engine_ready_warm(stage: Stage) -> Measured:
    """The same with the compilation cache of an earlier start."""
    return Measured([ready for *_, ready in stage.starts["full"]])
