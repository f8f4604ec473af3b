"""A bench for the viewer alone: synthetic scenes, a fake server, a real browser. It writes to out/viewer/.

    python tests/js/harness.py [--only NAME] [--page]

It knows nothing of the models: the tree is a sketch of the real one, the "methods" are caricatures.
"""

import argparse
import base64
import importlib.util
import itertools
import json
import math
import statistics
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
OUT = ROOT / "out" / "viewer"
_SPEC = importlib.util.spec_from_file_location("toy_ui_packing", ROOT / "toy" / "ui" / "packing.py")
packing = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = packing
_SPEC.loader.exec_module(packing)

SIGMA_DATA, SIGMA_MAX, SIGMA_MIN, STEPS = 0.5, 5.0, 0.002, 32


def sigmas():
    i = np.arange(STEPS)
    s = (SIGMA_MAX ** (1 / 7) + i / (STEPS - 1) * (SIGMA_MIN ** (1 / 7) - SIGMA_MAX ** (1 / 7))) ** 7
    return np.append(s, 0.0)


def branches(angle, rng):
    """Depth-first: x0, y0, x1, y1, depth, thickness."""
    scale = np.array([1.3136, 1.3844])
    out = []

    def grow(start, angle, depth):
        length = 0.292 * 0.8**depth * (1 + 0.2 * rng.normal())
        u = np.array([math.cos(angle), math.sin(angle)])
        end = start + u * length
        out.append((*(start * scale), *(end * scale), depth, 0.016 * 0.8**depth))
        if depth < 6:
            for sign in (1, -1):
                grow(end, angle + sign * 0.7**depth * (1 + 0.2 * rng.normal()), depth + 1)

    grow(np.array([0.003, 0.0325]), angle, 0)
    return np.array(out)


class World:
    def __init__(self):
        rng = np.random.default_rng(2)
        self.a, self.b = branches(math.pi / 4, rng), branches(5 * math.pi / 4, rng)
        self.tree = np.concatenate([self.a, self.b])
        self.logp_cache = {}

    def mixture(self, rows, sigma):
        t = np.linspace(0.07, 0.93, 8)
        means = (rows[:, None, :2] * (1 - t)[:, None] + rows[:, None, 2:4] * t[:, None]).reshape(-1, 2)
        lengths = np.hypot(*(rows[:, 2:4] - rows[:, :2]).T)
        weights = np.repeat(lengths * 0.5 ** rows[:, 4], 8)
        var = np.repeat((1.3 * rows[:, 5]) ** 2, 8) + sigma**2
        return means, weights / weights.sum(), var

    def logp_score(self, x, rows, sigma):
        means, weights, var = self.mixture(rows, sigma)
        flat = x.reshape(-1, 2)
        logp, score = np.empty(len(flat)), np.empty_like(flat)
        for k in range(0, len(flat), 2048):
            d = flat[k : k + 2048, None] - means
            e = np.log(weights / (2 * np.pi * var)) - (d**2).sum(-1) / (2 * var)
            top = e.max(1, keepdims=True)
            r = np.exp(e - top)
            logp[k : k + 2048] = top[:, 0] + np.log(r.sum(1))
            r /= r.sum(1, keepdims=True)
            score[k : k + 2048] = -(r[..., None] * d / var[:, None]).sum(1)
        return logp.reshape(x.shape[:-1]), score.reshape(x.shape)

    def sample(self, rows, n, rng, favour=None):
        lengths = np.hypot(*(rows[:, 2:4] - rows[:, :2]).T)
        weights = lengths * 0.5 ** rows[:, 4] * (1 if favour is None else favour)
        k = rng.choice(len(rows), n, p=weights / weights.sum())
        t = rng.uniform(0, 1, (n, 1))
        return rows[k, :2] * (1 - t) + rows[k, 2:4] * t + rng.normal(size=(n, 2)) * rows[k, 5:6], k

    def contour(self, rows, level, box, n=260):
        xs, ys = np.linspace(box[0], box[1], n), np.linspace(box[2], box[3], n)
        logp = self.logp_score(np.stack(np.meshgrid(xs, ys), -1), rows, 0.012)[0]
        out = []
        for j in range(n - 1):
            for i in range(n - 1):
                a, b, c, d = logp[j, i], logp[j, i + 1], logp[j + 1, i + 1], logp[j + 1, i]
                ends = []
                for u, v, p, q in (
                    (a, b, (i, j), (i + 1, j)),
                    (b, c, (i + 1, j), (i + 1, j + 1)),
                    (d, c, (i, j + 1), (i + 1, j + 1)),
                    (a, d, (i, j), (i, j + 1)),
                ):
                    if (u > level) != (v > level):
                        f = (level - u) / (v - u)
                        ends.append(
                            (
                                xs[0] + (p[0] + f * (q[0] - p[0])) * (xs[1] - xs[0]),
                                ys[0] + (p[1] + f * (q[1] - p[1])) * (ys[1] - ys[0]),
                            )
                        )
                out += ends[: len(ends) // 2 * 2]
        return np.array(out, np.float32)

    def scenery(self):
        if not hasattr(self, "_scenery"):
            box = [-1.5, 1.8, -1.5, 1.9]
            self._scenery = {
                "tree.segments": self.tree[:, :4].astype(np.float32),
                "tree.depth": self.tree[:, 4].astype(np.uint8),
                "tree.thickness": self.tree[:, 5].astype(np.float32),
            }
            for name, rows in (("A", self.a), ("B", self.b), ("AB", self.tree)):
                points = self.contour(rows, -1.85, box)
                self._scenery[f"outline.{name}"] = points
                self._scenery[f"outline.{name}.starts"] = np.arange(0, len(points), 2, dtype=np.uint32)
        return self._scenery

    def positions(self, slot, w, n):
        rng = np.random.default_rng(5)
        x0, k = self.sample(self.a, n, rng)
        eps = rng.normal(size=(n, 2))
        s = sigmas()
        strength = (w - 1) / 3
        depth = self.a[:, 4]
        if slot == "left":
            favour = np.exp(-1.6 * strength * np.maximum(0, 3 - depth))
        else:
            favour = np.exp(-0.25 * strength * depth)
        end, branch = self.sample(self.a, n, np.random.default_rng(5), favour)
        stray = np.random.default_rng(9).uniform(size=n) < (0.05 + 0.05 * strength * (slot == "left"))
        end = end + stray[:, None] * np.random.default_rng(10).normal(size=(n, 2)) * 0.07
        blend = (s / SIGMA_MAX)[:, None, None] ** 0.25
        x = blend * (x0 + 0 * k[:, None]) + (1 - blend) * end + s[:, None, None] * eps
        logp = self.logp_score(end, self.a, 0.004)[0]
        outside = np.zeros((STEPS + 1, n), np.uint8)
        outside[STEPS // 2 :] = logp < -1.85
        true = np.hypot(*(self.a[:, 2:4] - self.a[:, :2]).T) * 0.5 ** self.a[:, 4]
        got = np.bincount(branch, minlength=127) / n
        gain = np.clip(np.log2((got + 1e-9) / (true / true.sum())), -3, 3).astype(np.float32)
        return x, outside, gain, x0, float(outside[-1].mean())

    def pack(self, request=None, *, n=4096, ui=None, hide=(), note="", single=False, precomputed=False):
        request = request or {
            "seq": 0,
            "have": None,
            "phase": "release",
            "knobs": {"left": {"w": 4.0}, "right": {"w": 3.0}},
            "layers": [],
            "sigma": 0.03,
        }
        phase = request["phase"]
        n = 512 if phase == "drag" else n
        arrays, panels = {}, []
        s = sigmas()
        ident = json.dumps([request["knobs"], request.get("interval"), n], sort_keys=True)
        slots = ["left"] if single else ["left", "right"]
        for slot in slots:
            w = request["knobs"].get(slot, {}).get("w", 3.0)
            x, outside, gain, x0, share = self.positions(slot, w, n)
            if request["have"] != ident or phase in ("drag", "release"):
                arrays[f"{slot}.positions"] = packing.quantise(x / np.sqrt(s**2 + SIGMA_DATA**2)[:, None, None])
                arrays[f"{slot}.outside"] = outside
                arrays[f"{slot}.branch_gain"] = gain
                arrays["truth.positions"] = x0.astype(np.float32)
            cfg = slot == "left"
            interval = (request.get("interval") or {}).get(slot) or [0.05, 1.0]
            panels.append(
                {
                    "slot": slot,
                    "title": "Classifier-free guidance" if cfg else "Autoguidance",
                    "rule": "cfg" if cfg else "autoguidance",
                    "formula": "s = s_A + (w − 1)(s_A − s_AB)" if cfg else "s = s_A + (w − 1)(s_A − s_A′)",
                    "summary": "Extrapolates away from the unconditional model."
                    if cfg
                    else "Extrapolates from a worse model of the same task.",
                    "knobs": [
                        {
                            "name": "w",
                            "label": "w",
                            "lo": 0.0,
                            "hi": 8.0,
                            "step": 0.05,
                            "value": w,
                            "help": "Guidance weight; 1 is none",
                            "live": True,
                        }
                    ],
                    "schedule": {"name": "interval", "lo": interval[0], "hi": interval[1]}
                    if not cfg
                    else {"name": "constant", "lo": None, "hi": None},
                    "conventions": [
                        {"label": "w here", "value": f"{w:.2f}"},
                        {"label": "extra weight", "value": f"{w - 1:.2f}"},
                    ],
                    "metrics": [
                        {
                            "key": "quality",
                            "label": "quality",
                            "value": share,
                            "text": f"{100 * share:.1f}% out",
                            "floor_text": "floor 1.0%",
                            "fill": min(1, 5 * share),
                            "ends": ["0", "20%"],
                            "better": "less is better",
                        },
                        {
                            "key": "variation",
                            "label": "variation",
                            "value": 0.3,
                            "text": "0.567" if cfg else "0.213",
                            "floor_text": "floor .026",
                            "fill": 0.57 if cfg else 0.21,
                            "floor": 0.03,
                            "ends": ["0", "1"],
                            "better": "less is better",
                        },
                        {
                            "key": "alignment",
                            "label": "alignment",
                            "value": 0.99,
                            "text": "0.997",
                            "floor_text": "true .986",
                            "fill": 0.99,
                            "ends": ["0", "1"],
                            "better": "more is better",
                        },
                    ],
                    "n": n,
                    "ms": 37.4,
                    "stochastic": False,
                }
            )
        if request["have"] is None:
            arrays |= self.scenery()
        field = probe = None
        if request["layers"] and phase != "drag":
            field = self.field(arrays, request, slots)
        if request.get("probe"):
            at, sigma = np.array(request["probe"]), request["sigma"]
            (l1, s1), (l0, s0) = (
                self.logp_score(at[None], self.a, sigma * 1.15 + 0.004),
                self.logp_score(at[None], self.tree, sigma * 1.3 + 0.01),
            )
            lt, st = self.logp_score(at[None], self.a, sigma)
            panel = {
                "s1": s1[0].tolist(),
                "s0": s0[0].tolist(),
                "guided": (s1 + 3 * (s1 - s0))[0].tolist(),
                "truth": st[0].tolist(),
                "logp1": l1[0],
                "logp0": l0[0],
                "logp_true": lt[0],
            }
            probe = {"at": request["probe"], "sigma": sigma, "panels": [panel] * len(slots)}
        header = {
            "version": 1,
            "id": ident,
            "seq": request["seq"],
            "quality": "preview" if phase == "drag" else "full",
            "precomputed": precomputed,
            "busy": False,
            "note": note,
            "sigmas": s.tolist(),
            "sigma_data": SIGMA_DATA,
            "sigma_max": SIGMA_MAX,
            "sigma_min": SIGMA_MIN,
            "layout": {"view": [0.30, 0.30, 1.2]},
            "target": "A",
            "panels": panels,
            "field": field,
            "probe": probe,
            "ui": ui or {},
            "hide": list(hide),
        }
        return packing.pack(header, arrays)

    def field(self, arrays, request, slots):
        x0, x1, y0, y1 = request["box"]
        ny, nx = 72, 72
        sigma = request["sigma"]
        x = np.stack(np.meshgrid(np.linspace(x0, x1, nx), np.linspace(y0, y1, ny)), -1)
        l1 = self.logp_score(x, self.a, sigma * 1.1 + 0.01)[0]
        lt = self.logp_score(x, self.a, sigma)[0]
        at = np.stack(np.meshgrid(np.linspace(x0, x1, 17)[1:-1], np.linspace(y0, y1, 17)[1:-1]), -1).reshape(-1, 2)
        arrays["arrows.at"] = at.astype(np.float32)
        truth = self.logp_score(at, self.a, sigma)[1]
        arrays["truth.logp"] = packing.quantise(np.maximum(lt, lt.max() - 60))
        arrays["arrows.truth"] = (truth * sigma**2).astype(np.float32)
        for slot in slots:
            rows = self.tree if slot == "left" else self.a
            blur = sigma * 1.3 + 0.03
            l0 = self.logp_score(x, rows, blur)[0]
            s1, s0 = self.logp_score(at, self.a, sigma * 1.1 + 0.01)[1], self.logp_score(at, rows, blur)[1]
            arrays[f"{slot}.logp1"] = packing.quantise(np.maximum(l1, l1.max() - 60))
            arrays[f"{slot}.logp0"] = packing.quantise(np.maximum(l0, l0.max() - 60))
            arrays[f"{slot}.error"] = packing.quantise(np.exp(-((l1 + 3) ** 2) / 8))
            for name, v in (("main", s1), ("guide", s0), ("guided", s1 + 2 * (s1 - s0))):
                arrays[f"{slot}.arrows.{name}"] = (v * sigma**2).astype(np.float32)
        return {"id": "f", "sigma": sigma, "box": request["box"], "shape": [ny, nx]}


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
    page = packing.standalone_html(blob, "harness")
    return page[: page.index('<script type="module">')] + SERVED % packing.bundle() + "</html>"


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
            served_html(blob) if served else packing.standalone_html(blob, "Guidance on a fractal tree"),
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
viewer = st.components.v2.component("toy_viewer", **harness.packing.viewer_sources(), isolate_styles=True)
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
            packing.standalone_html(world.pack(), "Guidance on a fractal tree"), encoding="utf-8"
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
