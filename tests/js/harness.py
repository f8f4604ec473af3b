"""A bench for the viewer alone: synthetic scenes, a fake server, a real browser. It writes to out/viewer/.

python tests/js/harness.py [--only NAME] [--page]
"""

import argparse
import base64
import itertools
import json
import statistics
import sys
from pathlib import Path

from world import ROOT, World

OUT = ROOT / "out" / "viewer"

SERVED = """<script type="module">
%s
const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
window.requests = [];
window.uis = [];
const first = decode(document.getElementById("toy-pack").textContent);
const send = (request) => {
  window.requests.push(request);
  if (window.deaf) return;
  window.answer(JSON.stringify(request)).then((text) => window.toyViewer.update(decode(text)));
};
const sendUi = (ui) => window.uis.push(ui);
window.toyViewer = mount(document.querySelector("[data-toy-viewer]"), first, { send, sendUi });
</script>
</body>"""


def served_html(blob):
    """The stand-alone page with a `send` that a browser driver answers."""
    page = sources.standalone_html(blob, "harness")
    return page[: page.index('<script type="module">')] + SERVED % sources.bundle() + "</html>"


class Bench:
    def __init__(self, browser, world):
        self.browser, self.world, self.errors = browser, world, []

    def open(self, size=(1280, 720), dark=False, scale=1, served=True, reduced=False, **pack):
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            device_scale_factor=scale,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if reduced else "no-preference",
        )
        page = context.new_page()
        page.on("pageerror", lambda error: self.error(str(error.stack)))
        page.on("console", lambda message: message.type == "error" and self.error(message.text))
        page.expose_function("answer", lambda text: base64.b64encode(self.world.pack(json.loads(text))).decode())
        blob = self.world.pack(**pack)
        path = OUT / ("served.html" if served else "standalone.html")
        path.write_text(
            served_html(blob) if served else sources.standalone_html(blob, "Guidance on a fractal tree"),
            encoding="utf-8",
        )
        page.goto(path.as_uri())
        self.idle(page)
        return page

    def answer(self, text):
        return base64.b64encode(self.world.pack(json.loads(text))).decode()

    def error(self, text):
        print(text)
        self.errors.append(text)

    def idle(self, page):
        page.wait_for_selector('[data-toy-viewer][data-state="idle"]', timeout=15000)

    def settled(self, page):
        page.wait_for_timeout(200)
        self.idle(page)

    def shot(self, page, name):
        page.wait_for_timeout(80)
        page.screenshot(path=OUT / f"{name}.png")


def t(page, name):
    return page.get_by_test_id(name)


def shots(bench):
    for name, size, dark, scale in (
        ("light-1280", (1280, 720), False, 1),
        ("dark-1280", (1280, 720), True, 1),
        ("light-1920", (1920, 1080), False, 1),
        ("dark-1920", (1920, 1080), True, 1),
        ("narrow", (390, 844), False, 2),
        ("narrow-dark", (390, 844), True, 2),
        ("tiny", (360, 640), False, 1),
    ):
        page = bench.open(size, dark, scale)
        bench.shot(page, name)
        overflow = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not overflow, name
        bottom = page.evaluate("document.querySelector('[data-testid=play]').getBoundingClientRect().bottom")
        print(f"{name}: sideways scroll {overflow}, play button ends at {bottom:.0f} of {size[1]}")
        page.context.close()
    page = bench.open(single=True)
    bench.shot(page, "single")
    page.context.close()
    page = bench.open(hide=["knobs", "layers", "show", "metrics"])
    bench.shot(page, "hidden")
    page.context.close()
    page = bench.open(served=False)
    bench.shot(page, "offline")
    print(
        "offline knob disabled:",
        t(page, "knob-w-left").is_disabled(),
        "layer disabled:",
        t(page, "layer-p1").is_disabled(),
    )
    page.context.close()


def layers(bench):
    for dark in (False, True):
        page = bench.open(dark=dark, ui={"view": [0.45, 1.22, 0.3], "t": 22})
        for name in (
            "p1",
            "p0",
            "ratio",
            "tilt",
            "truth",
            "error",
            "main",
            "guide",
            "difference",
            "guided",
            "correction",
        ):
            t(page, f"layer-{name}").click()
            bench.settled(page)
            bench.shot(page, f"layer-{name}{'-dark' if dark else ''}")
            t(page, f"layer-{name}").click()
        for name in ("trails", "paths", "samples"):
            t(page, f"show-{name}").click()
            bench.shot(page, f"show-{name}{'-dark' if dark else ''}")
            t(page, f"show-{name}").click()
        t(page, "paper-look").click()
        bench.shot(page, f"paper{'-dark' if dark else ''}")
        page.context.close()


def drive(bench):
    page = bench.open()
    root = page.locator("[data-toy-viewer]")
    assert page.evaluate("window.requests.length") == 0, "nothing is sent during mount"
    knob = t(page, "knob-w-left").bounding_box()
    y = knob["y"] + knob["height"] / 2
    page.mouse.move(knob["x"] + knob["width"] / 2, y)
    page.mouse.down()
    for k in range(12):
        page.mouse.move(knob["x"] + knob["width"] * (0.5 - 0.03 * k), y)
        page.wait_for_timeout(20)
    assert root.get_attribute("data-quality") == "preview", root.get_attribute("data-quality")
    bench.shot(page, "drag-preview")
    page.mouse.up()
    bench.settled(page)
    assert root.get_attribute("data-quality") == "full"
    phases = page.evaluate("window.requests.map((r) => r.phase)")
    print("phases while dragging:", phases)
    assert phases[-1] == "release"
    assert "drag" in phases
    t(page, "number-w-right").fill("99")
    t(page, "number-w-right").press("Enter")
    bench.settled(page)
    assert page.evaluate("window.requests.at(-1).knobs.right.w") == 8
    assert t(page, "number-w-right").input_value() == "8.00", t(page, "number-w-right").input_value()

    box = t(page, "plot-left").bounding_box()
    # A particle well inside the picture, found as a person would: by looking.
    dx, dy = page.evaluate("""() => {
      const v = window.toyViewer, c = v.cssCamera(v.panels.left), p = v.points.left;
      for (let k = 0; k < p.length; k += 2) {
        const x = c.ox + p[k] * c.scale, y = c.oy - p[k + 1] * c.scale;
        if (x > 330 && x < 420 && y > 100 && y < 250) return [x, y];
      }
    }""")
    cx, cy = box["x"] + 1 + dx, box["y"] + 1 + dy
    page.mouse.move(cx, cy)
    bench.shot(page, "hover")
    page.mouse.click(cx, cy)
    bench.settled(page)
    bench.shot(page, "pinned")
    assert "apart" in t(page, "distance-left").text_content()
    assert t(page, "card-right").is_visible()
    assert page.evaluate("window.requests.at(-1).phase") == "probe"
    page.keyboard.press("ArrowLeft")
    bench.settled(page)
    page.keyboard.press("Escape")
    t(page, "card-left").wait_for(state="hidden")
    for _ in range(4):
        page.mouse.wheel(0, -240)
    bench.settled(page)
    bench.shot(page, "zoomed")
    page.mouse.dblclick(box["x"] + 20, box["y"] + 60)
    page.keyboard.press("Escape")
    bench.settled(page)
    view = page.evaluate("window.toyViewer.view")
    assert abs(view["half"] - 1.2) < 1e-9, view

    scrub = t(page, "scrub").bounding_box()
    page.mouse.click(scrub["x"] + scrub["width"] * 0.45, scrub["y"] + 18)
    bench.shot(page, "scrubbed")
    page.keyboard.press("Home")
    page.wait_for_selector('[data-frame="0.00"]')
    bench.shot(page, "home")
    t(page, "show-follow").click()
    bench.shot(page, "home-fixed-camera")
    t(page, "show-follow").click()
    page.keyboard.press("End")
    end = t(page, "interval-hi-right").bounding_box()
    page.mouse.move(end["x"] + 7, end["y"] + 8)
    page.mouse.down()
    page.mouse.move(end["x"] - 60, end["y"] + 8, steps=5)
    page.mouse.up()
    bench.settled(page)
    print("interval:", page.evaluate("window.requests.at(-1).interval.right"))
    t(page, "layout-swipe").click()
    bench.shot(page, "swipe")
    t(page, "layout-left").click()
    bench.shot(page, "one")
    t(page, "layout-two").click()
    t(page, "forward").click()
    page.wait_for_timeout(2500)
    bench.shot(page, "forward")
    t(page, "forward").click()
    page.keyboard.press("End")
    with page.expect_download() as download:
        t(page, "save-png").click()
    download.value.save_as(OUT / "saved.png")
    page.wait_for_timeout(500)
    print("ui state:", page.evaluate("window.uis.at(-1)"))
    page.context.close()


APP = """
import sys
sys.path.insert(0, {here!r})
import streamlit as st
import harness

st.set_page_config(layout="wide")
viewer = st.components.v2.component("toy_viewer", **harness.sources.viewer_sources(), isolate_styles=True)
world = st.cache_resource(harness.World)()

@st.fragment
def explore():
    state = st.session_state.get("viewer") or {{}}
    request = dict(state.get("request") or {{}}) or None
    viewer(key="viewer", data=world.pack(request), on_request_change=lambda: None, on_ui_change=lambda: None)
    st.caption(f"seq {{request and request['seq']}}")

explore()
"""


def streamlit(bench):
    """The same viewer inside Streamlit: mount, drag, theme, no error."""
    import subprocess

    app = OUT / "app.py"
    app.write_text(APP.format(here=str(Path(__file__).parent)), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app),
        "--server.port",
        "8766",
        "--server.address",
        "127.0.0.1",
        "--server.headless",
        "true",
        "--browser.gatherUsageStats",
        "false",
        "--server.fileWatcherType",
        "none",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for dark in (False, True):
            page = bench.browser.new_page(
                viewport={"width": 1280, "height": 720}, color_scheme="dark" if dark else "light"
            )
            page.on("pageerror", lambda error: bench.error(str(error.stack)))
            for _ in range(60):
                try:
                    page.goto("http://127.0.0.1:8766/")
                    break
                except Exception:
                    page.wait_for_timeout(500)
            root = page.get_by_test_id("viewer")
            page.wait_for_selector('[data-testid="viewer"][data-state="idle"]', timeout=60000)
            bench.shot(page, f"streamlit{'-dark' if dark else ''}")
            seq = int(root.get_attribute("data-seq"))
            knob = t(page, "knob-w-left").bounding_box()
            page.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + 12)
            page.mouse.down()
            for k in range(10):
                page.mouse.move(knob["x"] + knob["width"] * (0.5 - 0.03 * k), knob["y"] + 12)
                page.wait_for_timeout(40)
            page.mouse.up()
            page.wait_for_timeout(300)
            page.wait_for_selector('[data-testid="viewer"][data-state="idle"][data-quality="full"]', timeout=20000)
            print(f"streamlit: seq {seq} -> {root.get_attribute('data-seq')}, play at {t(page, 'play').bounding_box()}")
            assert int(root.get_attribute("data-seq")) > seq
            t(page, "layer-p1").click()
            page.wait_for_selector('[data-testid="viewer"][data-state="idle"]:not([data-field=""])', timeout=20000)
            page.wait_for_timeout(1200)
            bench.shot(page, f"streamlit-after{'-dark' if dark else ''}")
            page.close()
    finally:
        server.terminate()


def speed(bench):
    for size, scale, ui in (
        ((1280, 720), 1, {}),
        ((1920, 1080), 1, {}),
        ((1280, 720), 2, {}),
        ((1280, 720), 1, {"trails": True, "paths": True, "samples": True}),
    ):
        page = bench.open(size, scale=scale, ui={"t": 0, **ui})
        page.evaluate("window.toyViewer.time.setPlaying(true)")
        page.wait_for_timeout(4500)
        stats = page.evaluate("window.toyViewer.stats.filter((s) => s.playing)")
        js = sorted(s["ms"] for s in stats[10:])
        gaps = sorted(b["at"] - a["at"] for a, b in itertools.pairwise(stats))
        quantile = lambda values, q: values[min(len(values) - 1, int(q * len(values)))]  # noqa: E731
        within = sum(g <= 20 for g in gaps) / len(gaps)
        print(
            f"{size} x{scale} {ui}: JS {statistics.median(js):.2f} / p95 {quantile(js, 0.95):.2f} ms;",
            f"frame {statistics.median(gaps):.1f} / p95 {quantile(gaps, 0.95):.1f} ms;",
            f"{100 * within:.0f}% within 20 ms; {len(gaps)} frames",
        )
        page.context.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="shots,layers,drive,streamlit,speed")
    parser.add_argument("--page", action="store_true", help="only write out/viewer/standalone.html")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    world = World()
    if options.page:
        (OUT / "standalone.html").write_text(
            sources.standalone_html(world.pack(), "Guidance on a fractal tree"), encoding="utf-8"
        )
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        bench = Bench(browser, world)
        for name in options.only.split(","):
            {"shots": shots, "layers": layers, "drive": drive, "streamlit": streamlit, "speed": speed}[name](bench)
        browser.close()
    if bench.errors:
        sys.exit("page errors:\n" + "\n".join(bench.errors))


if __name__ == "__main__":
    main()
