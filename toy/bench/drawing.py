"""Benchmarks of drawing: from pen up to the exact picture, and to the first networks."""

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from toy.bench.browser import UNTIL, VIEWER, Stage, Visit
from toy.bench.rows import Measured, benchmark
from toy.bench.server import serving
from toy.bench.static import site

# From pen up to the first picture of what was drawn.
PEN_UP = f"""root => {{
  const {{ id }} = root.dataset;
  const up = new Promise(done => document.addEventListener("pointerup", done, {{ capture: true, once: true }}));
  const changed = () => root.dataset.id !== id;
  window.penUp = up.then(() => ({UNTIL})(root, changed, "nothing was drawn", () => {{}}, {{ attributes: true }}, 60));
}}"""


def stroke(visit: Visit, bend: float, height: float) -> float:
    """Milliseconds from the end of a stroke over the left picture to a new one."""
    page = visit.page
    box = page.get_by_test_id("plot-left").bounding_box()
    assert box
    page.locator(VIEWER).evaluate(PEN_UP)
    for i, x in enumerate(np.linspace(0.2, 0.8, 30)):
        y = height + 0.1 * math.sin(bend * x)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    return float(page.evaluate("window.penUp"))


@contextmanager
def drawing(stage: Stage) -> Iterator[Visit]:
    """Explore of a server that keeps nothing, with a stroke of each of two classes: what is compiled is there then."""
    with tempfile.TemporaryDirectory() as folder, serving(GUIDANCE_EXPLORER_MODELS=folder) as server:
        page = stage.page()
        page.goto(server.url, wait_until="commit")
        visit = Visit(page)
        visit.wait_ready()
        begin(visit)
        yield visit
        page.context.close()


def begin(visit: Visit) -> None:
    """Draw a stroke of each of two classes."""
    visit.page.get_by_test_id("draw").click()
    for label, height in (("A", 0.35), ("B", 0.65)):
        visit.page.get_by_test_id(f"brush-{label}").click()
        stroke(visit, 9.0, height)


def strokes(visit: Visit, count: int) -> list[float]:
    """Milliseconds of so many strokes, each after a look at the one before."""
    whole = visit.page.locator(f'{VIEWER}[data-quality="full"]')
    whole.wait_for(timeout=120_000)
    visit.page.get_by_test_id("brush-A").click()
    times = []
    for i in range(count + 1):
        times.append(stroke(visit, 5.0 + i, 0.3 + 0.4 * i / count))
        visit.page.wait_for_timeout(1000)
        whole.wait_for(timeout=120_000)  # whose coming is not that of the next stroke
    return times[1:]


@benchmark("pen-up", "ms", app=True, browser=True, rerun=True, budget=300)
def pen_up(stage: Stage) -> Measured:
    """From the end of a stroke to the picture that exact scores make of the drawing, n = 512."""
    with drawing(stage) as visit:
        return Measured(strokes(visit, stage.count))


@benchmark("pen-up-site", "ms", app=True, browser=True, budget=300)
def pen_up_site(stage: Stage) -> Measured:
    """The same on the site, where the browser makes the distribution too, n = 2048 after a preview of 512."""
    page = stage.page()
    page.goto(site(stage).url, wait_until="commit")
    visit = Visit(page)
    page.locator(f'{VIEWER}[data-quality="full"]').wait_for(state="attached")
    begin(visit)
    times = strokes(visit, stage.count)
    page.context.close()
    return Measured(times)


@benchmark("drawn-network", "s", app=True, browser=True, budget=25)
def drawn_network(stage: Stage) -> Measured:
    """From the end of a stroke to a main model of width 64 after 1024 iterations, and its guides."""
    with drawing(stage) as visit:
        began = time.perf_counter()
        for slot in ("left", "right"):
            visit.page.get_by_test_id(f"asked-{slot}").filter(has_text="A64@1024").wait_for(timeout=300_000)
        return Measured([time.perf_counter() - began])
