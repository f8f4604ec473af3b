"""The speed budgets: what was measured here, beside what it may take.

Budgets of compute were set on a machine where a 2048 x 2048 float32 matrix product runs at 400 GFLOP/s. That product,
the yardstick, is timed next to every benchmark, and the budget moves with it. The app's answers are compared with an
empty rerun of Streamlit, measured in the same run; their budgets are what a person notices, and do not move.
"""

import asyncio
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import psutil

from toy.registry import Entry, Registry

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent
YARDSTICK = 400.0  # GFLOP/s
ASK_DEVICE = "import jax; from toy import bench; print(jax.default_backend(), bench.device(), sep=chr(10))"
MB = 1e6

BENCHMARKS = Registry("benchmark")


def benchmark(name: str, unit: str, **facts: Any) -> Callable:
    """Register a benchmark.

    ``budget`` and ``p95_budget`` are its limits, ``gpu_budget`` the one on a GPU; ``scaled`` budgets move with the
    yardstick. ``only_gpu``, ``app`` and ``browser`` say where it runs; ``rerun``: it is compared with an empty rerun.
    """
    return BENCHMARKS.register(source="measured here", name=name, unit=unit, **facts)


@dataclass(frozen=True)
class Measured:
    """Repeated values of one quantity, what else there is to say, and whether what else was asked for holds."""

    values: list[float]
    note: str = ""
    fine: bool = True


# --- Rows -------------------------------------------------------------------------------------------------------------


def row(
    entry: Entry,
    found: Measured,
    *,
    device: str,
    gpu: bool = False,
    speed: float | None = None,
    empty: float | None = None,
) -> dict[str, Any]:
    """One line of the report. ``speed`` is the yardstick in GFLOP/s, ``empty`` the empty rerun in ms."""
    facts = entry.facts
    unscaled = facts.get("gpu_budget") if gpu else facts.get("budget")
    scale = YARDSTICK / speed if speed and facts.get("scaled") and not gpu else 1.0
    budget = None if unscaled is None else unscaled * scale
    median, p95 = (float(np.percentile(found.values, q)) for q in (50, 95)) if found.values else (None, None)
    limits = [(median, budget), (p95, None if gpu else facts.get("p95_budget"))]
    checks = [value <= limit for value, limit in limits if value is not None and limit is not None]
    ratio, to = None, ""
    milliseconds = {"ms": 1.0, "s": 1e3}.get(facts["unit"])
    if median is not None and milliseconds and (empty or speed):
        base, to = (empty, "empty rerun") if empty else (2 * 2048**3 / speed / 1e6, "2048^3 product")  # type: ignore[operator]
        ratio = median * milliseconds / base
    return {
        "name": entry.name,
        "what": entry.summary,
        "median": median,
        "p95": p95,
        "min": min(found.values, default=None),
        "count": len(found.values),
        "unit": facts["unit"],
        "ratio": ratio,
        "ratio_to": to,
        "budget": budget,
        "p95_budget": None if gpu else facts.get("p95_budget"),
        "unscaled_budget": unscaled,
        "yardstick": speed,
        "ok": found.fine and all(checks) if checks or not found.fine else None,
        "note": found.note,
        "device": device,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as aligned text, the device above, what each one measures below its numbers."""
    head = ["benchmark", "median", "p95", "unit", "ratio", "budget", "", "unscaled"]
    lines = [head]
    for r in rows:
        ok = {True: "ok", False: "OVER", None: ""}[r["ok"]]
        moved = r["budget"] != r["unscaled_budget"]
        budget = " / ".join(_digits(r[key]) for key in ("budget", "p95_budget") if r[key] is not None)
        ratio = f"{r['ratio']:.2f} x {r['ratio_to']}" if r["ratio"] is not None else ""
        numbers = [_digits(r["median"]), _digits(r["p95"]), r["unit"], ratio, budget, ok]
        lines.append([r["name"], *numbers, _digits(r["unscaled_budget"]) if moved else ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    left = (0, 3, 4, 6)
    out = [" | ".join(dict.fromkeys(r["device"] for r in rows))]
    for i, line in enumerate(lines):
        cells = (c.ljust(w) if k in left else c.rjust(w) for k, (c, w) in enumerate(zip(line, widths, strict=True)))
        out.append("  ".join(cells).rstrip())
        if i > 0:
            what, note = rows[i - 1]["what"], rows[i - 1]["note"]
            out.append(f"    {what} ({note})" if note else f"    {what}")
    return "\n".join(out)


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def select(only: str | None, *, app: bool, gpu: bool) -> list[Entry]:
    """The benchmarks to run here: all, one by its name, or a family ('sampling': sampling-2048, sampling-16384)."""
    if only is not None and not any(_in_family(name, only) for name in BENCHMARKS):
        raise ValueError(f"unknown benchmark {only!r}; have: {', '.join(BENCHMARKS)}")
    return [
        entry
        for name, entry in BENCHMARKS.items()
        if (only is None or _in_family(name, only))
        and bool(entry.facts.get("app")) == app
        and (gpu or not entry.facts.get("only_gpu"))
    ]


def _in_family(name: str, only: str) -> bool:
    return name == only or name.startswith(f"{only}-")


Report = Callable[[str], None]


def attempt(entry: Entry, *given: Any) -> Measured:
    """Measure; what fails is a row that says why, so that it does not take the others' numbers along."""
    try:
        return entry(*given)
    except Exception as error:
        return Measured([], f"failed: {' '.join(str(error).split())[:300] or type(error).__name__}", fine=False)


def run(only: str | None = None, *, report: Report | None = None) -> list[dict[str, Any]]:
    """Run the benchmarks of the library; with ``only`` one of any kind. ``report(name)`` is called before each."""
    import jax

    gpu = jax.default_backend() == "gpu"
    chosen = select(only, app=False, gpu=gpu)
    if not chosen:
        if not select(only, app=True, gpu=gpu):
            raise ValueError(f"benchmark {only!r} runs only on a GPU")
        return run_app(only, report=report)
    rows = []
    for entry in chosen:
        if report:
            report(entry.name)
        speeds = yardstick(repeats=5).values
        found = attempt(entry)
        # Before and after: on a machine that others use too, speed is that of the moment.
        speeds += yardstick(repeats=5).values
        rows.append(row(entry, found, device=device(), gpu=gpu, speed=float(np.median(speeds))))
    return rows


def run_app(only: str | None = None, *, count: int = 20, report: Report | None = None) -> list[dict[str, Any]]:
    """Run the benchmarks of the app in a real Chromium, each ``count`` times; ValueError where there is none."""
    chosen = select(only, app=True, gpu=True)
    if any(entry.facts.get("browser") for entry in chosen):
        chromium()
    # Asked in another process: this one would keep the memory of a GPU from the server.
    backend, name = child(ASK_DEVICE).splitlines()[-2:]
    rows = []
    with ExitStack() as stack:
        stage = Stage(stack, count)
        for entry in chosen:
            if report:
                report(entry.name)
            empty = stage.empty if entry.facts.get("rerun") else None
            rows.append(row(entry, attempt(entry, stage), device=name, gpu=backend == "gpu", empty=empty))
    return rows


@cache
def device() -> str:
    """Name of what JAX computes on."""
    import jax

    if jax.default_backend() != "cpu":
        return jax.devices()[0].device_kind
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{names[0] if names else 'CPU'}, {cores} cores"


# --- The library ------------------------------------------------------------------------------------------------------


def timed(call: Callable[[], Any], repeats: int) -> list[float]:
    """Milliseconds of each call, after one that compiles."""
    import jax

    jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(1e3 * (time.perf_counter() - began))
    return times


@benchmark("yardstick", "GFLOP/s")
def yardstick(size: int = 2048, repeats: int = 20) -> Measured:
    """A float32 matrix product of 2048^3, the machine's speed that budgets are scaled by."""
    a, product = _product(size)
    return Measured([2 * size**3 / ms / 1e6 for ms in timed(lambda: product(a, a), repeats)])


@cache
def _product(size: int) -> tuple[Any, Callable]:
    import jax
    import jax.numpy as jnp

    return jax.random.normal(jax.random.key(0), (size, size)), jax.jit(
        lambda a, b: jnp.matmul(a, b, precision="highest")
    )


@benchmark("training", "ms", budget=15, scaled=True)
def training(iterations: int = 64, width: int = 64, batch: int = 4096, repeats: int = 5) -> Measured:
    """One training iteration, width 64, batch 4096, true scores of the batch included."""
    return Measured([ms / iterations for ms in timed(_chunks(iterations, width, batch), repeats)])


@benchmark("training-main", "s", gpu_budget=3, only_gpu=True)
def training_main(repeats: int = 3) -> Measured:
    """The main model's 4096 iterations, compiled before."""
    chunk = _chunks(256, 64, 4096)
    return Measured([ms / 1e3 for ms in timed(lambda: [chunk() for _ in range(16)][-1], repeats)])


def _chunks(iterations: int, width: int, batch: int) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    from models import training
    from models.mlp import Spec
    from toy import fractal

    recipe = training.Recipe(Spec("A", width), batch=batch)
    state = jax.tree.map(jnp.copy, training.start(recipe))  # its buffers are given away in every chunk

    def chunk() -> Any:
        nonlocal state
        state, losses = training.chunk(recipe, fractal.mixture("A"), state, iterations)
        return losses

    return chunk


@benchmark("sampling-2048", "ms", budget=70, scaled=True)
def sampling_2048(n: int = 2048, repeats: int = 20) -> Measured:
    """Autoguided sampling of 2048 points, A64@4096 with A32@512, 32 Heun steps, whole trajectory."""
    import models
    from toy import scenes

    scene = scenes.Scene.of("autoguidance", main="A64@4096", weak="A32@512", w=3, n=n)
    cast = models.cast(scene.cast)
    return Measured(timed(lambda: scenes.sample(scene, cast), repeats))


@benchmark("sampling-16384", "ms", budget=650, scaled=True, gpu_budget=10)
def sampling_16384(repeats: int = 7) -> Measured:
    """The same of 16384 points."""
    return sampling_2048(16384, repeats)


@benchmark("logp-grid", "ms", budget=300, scaled=True)
def logp_grid(classes: str = "A", resolution: int = 400, repeats: int = 7) -> Measured:
    """Exact log-density of class A on a grid of 400 x 400."""
    import jax.numpy as jnp

    from toy import fractal, scenes

    grid = jnp.asarray(scenes.VIEWS["both"].grid(resolution))
    return Measured(timed(lambda: scenes.logp_on(fractal.mixture(classes), grid, jnp.float32(0.03)), repeats))


@benchmark("logp-grid-AB", "ms")
def logp_grid_both(repeats: int = 7) -> Measured:
    """The same of both classes."""
    return logp_grid("AB", repeats=repeats)


@benchmark("score-4096", "ms")
def score_4096(n: int = 4096, repeats: int = 20) -> Measured:
    """Exact score of 4096 points, each at its own noise level: the target of one training batch."""
    import jax
    import jax.numpy as jnp

    from toy import fractal, scenes

    density = fractal.mixture("A")
    sigma = jnp.exp(-2.3 + 1.5 * jax.random.normal(jax.random.key(1), (n,)))
    x = density.sample(jax.random.key(2), n, sigma)
    return Measured(timed(lambda: scenes.score_on(density, x, sigma), repeats))


@benchmark("compile", "s")
def compile_(repeats: int = 3) -> Measured:
    """Load, compile and run the default scene in a new process with no compilation cache, imports not counted."""
    source = "from toy import bench; print(bench.default_scene())"
    return Measured([float(child(source, JAX_ENABLE_COMPILATION_CACHE="false")) for _ in range(repeats)])


def default_scene(n: int = 2048) -> float:
    """Compute both sides of the default scene; seconds."""
    import models
    from toy.scenes import Scene, compute

    began = time.perf_counter()
    for scene in (Scene.of("cfg", w=4, n=n), Scene.of("autoguidance", w=3, n=n)):
        compute(scene, models.cast(scene.cast), floor=False)
    return time.perf_counter() - began


@benchmark("memory-training", "MB", budget=1500)
def memory_training(iterations: int = 16) -> Measured:
    """Peak memory of a process that trains 16 iterations of the main model."""
    return Measured([float(child(f"from toy import bench; print(bench.trained_memory({iterations}))"))])


def trained_memory(iterations: int, batch: int = 4096) -> float:
    """Train in this process; its peak memory in MB."""
    from models import training

    for _ in training.train(training.Recipe(iterations=iterations, batch=batch), every=iterations):
        pass
    return peak_memory()


@benchmark("memory-app", "MB", budget=800)
def memory_app() -> Measured:
    """Memory of the app's server after one visitor has loaded the Explore page."""

    async def visit(url: str) -> None:
        async with Visitor.at(url) as visitor:
            await visitor.ready()

    with serving() as server:
        asyncio.run(visit(server.url))
        return Measured([server.memory()])


def peak_memory() -> float:
    """Peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux a new process starts from the peak of the one that started it.
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0]) * 1024 / MB
    info = psutil.Process().memory_info()
    return getattr(info, "peak_wset", info.rss) / MB


def child(source: str, **environment: str) -> str:
    """What a new Python process prints; ValueError with its last line where it fails."""
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", **environment}
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"a benchmark's process failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return done.stdout.strip()


# --- The app's server and visitors without a browser ------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A running Streamlit server."""

    url: str
    process: psutil.Process

    def memory(self) -> float:
        """Memory in MB."""
        return sum(p.memory_info().rss for p in (self.process, *self.process.children(recursive=True))) / MB


@contextmanager
def serving(script: Path = ROOT / "app.py", **environment: str) -> Iterator[Server]:
    """Serve a script on a free port of 127.0.0.1; ValueError where it does not start."""
    if not script.exists():
        raise ValueError(f"there is no {script}: the app is benchmarked from a checkout of the repository")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(script), *(f"--{k}={v}" for k, v in options.items())]
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", **environment}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            end = time.monotonic() + 60
            while not _healthy(url):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise ValueError(f"the server did not start: {' '.join(log.read().split())[-300:]}")
                time.sleep(0.02)
            yield Server(url, psutil.Process(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/_stcore/health", timeout=1) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


# Streamlit's protocol is protobuf over a websocket. Four numbers of it are enough here, and spare importing Streamlit.
RERUN, QUERY = 11, 1  # BackMsg.rerun_script, ClientState.query_string
DELTA, FINISHED = 5, 6  # ForwardMsg
ELEMENT, EXCEPTION = 3, 8  # Delta.new_element, Element.exception


def rerun(query: str) -> bytes:
    """The message that runs the page anew with a query string."""
    return _sized(RERUN, _sized(QUERY, query.encode()))


def _sized(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def fields(message: memoryview) -> dict[int, Any]:
    """Fields of a protobuf message by number: integers, and everything else as bytes; the last one of each."""
    found: dict[int, Any] = {}
    at = 0

    def integer() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    while at < len(message):
        key = integer()
        kind = key & 7
        if kind == 0:
            found[key >> 3] = integer()
            continue
        size = integer() if kind == 2 else {1: 8, 5: 4}[kind]
        found[key >> 3] = message[at : at + size]
        at += size
    return found


@dataclass(frozen=True)
class Answer:
    """What came back for one change: seconds from the change, what went wrong, the header of the picture."""

    seconds: float
    error: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)


class Visitor:
    """A session without a browser: it changes the page's URL and reads what the viewer would be sent."""

    def __init__(self, socket: Any) -> None:
        """Speak over an open websocket."""
        self.socket = socket

    @staticmethod
    @asynccontextmanager
    async def at(url: str) -> AsyncIterator["Visitor"]:
        """Connect: ``async with Visitor.at(url) as visitor``."""
        from websockets.asyncio.client import connect
        from websockets.typing import Subprotocol

        address = url.replace("http", "ws", 1) + "/_stcore/stream"
        async with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None) as socket:
            yield Visitor(socket)

    async def change(self, query: str, *, since: float | None = None, patience: float = 60) -> Answer:
        """Run the page with a query string and wait until it has been drawn whole."""
        began = time.perf_counter() if since is None else since
        await self.socket.send(rerun(query))
        error = ""
        header: dict[str, Any] = {}
        while True:
            try:
                message = await asyncio.wait_for(self.socket.recv(), patience)
            except TimeoutError:
                return Answer(time.perf_counter() - began, f"no answer within {patience:g} s", header)
            part = fields(memoryview(message))
            if DELTA in part:
                header = _pack_header(message) or header
                if EXCEPTION in fields(fields(part[DELTA]).get(ELEMENT, memoryview(b""))):
                    error = "a traceback was shown"
            if FINISHED in part and part[FINISHED] != 2:  # 2: overtaken by another run
                if part[FINISHED] == 1:
                    error = "the page did not compile"
                return Answer(time.perf_counter() - began, error, header)

    async def ready(self) -> None:
        """Wait until the engine answers with its own pictures; ValueError where it does not."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            answer = await self.change("")
            if answer.error:
                raise ValueError(f"the Explore page failed: {answer.error}")
            if answer.header and not answer.header.get("precomputed"):
                return
            await asyncio.sleep(0.2)
        raise ValueError("the engine was not ready within two minutes")


def _pack_header(message: bytes) -> dict[str, Any]:
    found = re.search(rb'TOYV(.{4})\{"', message, re.DOTALL)  # the viewer's source has the first four letters too
    if not found:
        return {}
    (size,) = struct.unpack("<I", found[1])
    return json.loads(message[found.end() - 2 : found.end() - 2 + size])


@dataclass
class Load:
    """What many visitors at once met: seconds of every answer, and of one visitor alone before and afterwards."""

    answers: list[Answer] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    lost: int = 0
    overtaken: int = 0
    peak: float = 0.0

    @property
    def note(self) -> str:
        """In words."""
        seconds = [answer.seconds for answer in self.answers]
        errors = [answer.error for answer in self.answers if answer.error]
        kinds = {
            "answers": len(seconds),
            "errors": len(errors),
            "lost sessions": self.lost,
            "previews": sum(answer.header.get("quality") == "preview" for answer in self.answers),
            "busy": sum(bool(answer.header.get("busy")) for answer in self.answers),
            "changes overtaken by the next": self.overtaken,
        }
        return f"max {max(seconds, default=0):.2f} s; " + ", ".join(f"{n} {kind}" for kind, n in kinds.items())


def load(server: Server, sessions: int = 30, seconds: float = 60, alone: int = 20) -> Load:
    """Let sessions change w once a second each. A change that comes before the last one's answer waits for it, and of
    those that wait the latest is sent, as the viewer does; its time counts from when it was made.
    """
    found = Load()
    with ThreadPoolExecutor(1) as other:  # the driver of a browser may keep a loop in this thread
        other.submit(asyncio.run, _load(server, found, sessions, seconds, alone)).result()
    return found


async def _load(server: Server, found: Load, sessions: int, seconds: float, alone: int) -> None:
    from websockets.exceptions import WebSocketException

    async def visit(number: int, start: float) -> None:
        dice = random.Random(number)
        try:
            async with Visitor.at(server.url) as visitor:
                due = start + number / sessions
                while due < start + seconds:
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    missed = max(0, int(time.perf_counter() - due))
                    found.overtaken += missed
                    due += missed
                    found.answers.append(await visitor.change(f"left.w={dice.uniform(1, 8):.3f}", since=due))
                    due += 1
        except (OSError, WebSocketException):
            found.lost += 1

    async def watch() -> None:
        while True:
            found.peak = max(found.peak, server.memory())
            await asyncio.sleep(0.25)

    async with Visitor.at(server.url) as single:
        await single.ready()
        for i in range(alone):
            found.before.append((await single.change(f"left.w={2 + i / 1000:.3f}")).seconds)
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(visit(number, time.perf_counter()) for number in range(sessions)))
        watching.cancel()
        for i in range(alone):
            found.after.append((await single.change(f"left.w={3 + i / 1000:.3f}")).seconds)


# --- The app in a browser ---------------------------------------------------------------------------------------------

TINY = """import streamlit as st
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.button("again")
st.text(f"run {st.session_state.runs}.")
"""

# All clocks are the page's own, so that the driver's messages are not measured.
PRESS = """button => new Promise((done, fail) => {
  const shown = document.querySelector('[data-testid="stText"]');
  const next = `run ${Number(shown.textContent.match(/\\d+/)[0]) + 1}.`;
  const began = performance.now();
  const watch = new MutationObserver(() => {
    if (!document.body.textContent.includes(next)) return;
    watch.disconnect();
    done(performance.now() - began);
  });
  watch.observe(document.body, { subtree: true, childList: true, characterData: true });
  setTimeout(() => fail(new Error("no rerun within 20 s")), 20000);
  button.click();
})"""

MOVE = """(slider, { event, value, quality }) => new Promise((done, fail) => {
  const root = slider.getRootNode().querySelector("[data-toy-viewer]");
  const { seq, id } = root.dataset;
  const began = performance.now();
  const watch = new MutationObserver(() => {
    const now = root.dataset;
    if (Number(now.seq) <= Number(seq) || now.quality !== quality || now.id === id) return;
    watch.disconnect();
    done(performance.now() - began);
  });
  watch.observe(root, { attributes: true });
  setTimeout(() => fail(new Error(`no ${quality} picture within 20 s`)), 20000);
  slider.value = value;
  slider.dispatchEvent(new Event(event, { bubbles: true }));
})"""

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

VIEWER = '[data-testid="viewer"]'
READY = re.compile(r"^(?!.*precomputed).*n=")


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
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=chromium(), args=flags)
        self.stack.callback(browser.close)
        return browser

    def page(self) -> "Page":
        """A page of a new profile, 1280 x 900."""
        return self.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()

    @cached_property
    def server(self) -> Server:
        """The app's server, used by all that do not need their own."""
        return self.stack.enter_context(serving())

    def explore(self, query: str = "") -> "Visit":
        """The Explore page, ready."""
        page = self.page()
        visit = Visit(page)
        page.on("websocket", lambda ws: ws.on("framesent", lambda _: visit.sent.append(1)))
        page.goto(f"{self.server.url}/?{query}", wait_until="commit")
        visit.wait_ready()
        return visit

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
    def starts(self) -> dict[str, list[tuple[float, float]]]:
        """Seconds from navigation to first picture and ready engine, by what the compilation cache is."""
        found: dict[str, list[tuple[float, float]]] = {"empty": [], "full": []}
        for _ in range(self.count):
            with tempfile.TemporaryDirectory() as folder:  # compiled code is kept below
                for cache_is in found:
                    found[cache_is].append(self._start(folder))
        return found

    def _start(self, folder: str) -> tuple[float, float]:
        with serving(XDG_CACHE_HOME=folder) as server:
            page = self.page()
            page.goto(server.url, wait_until="commit")
            page.locator(f'{VIEWER}[data-quality="full"]').wait_for(state="attached")
            first = page.evaluate("performance.now()") / 1e3
            Visit(page).wait_ready()
            ready = page.evaluate("performance.now()") / 1e3
            page.context.close()
            return first, ready

    @cached_property
    def load(self) -> Load:
        """Thirty visitors for a minute, at a server of their own."""
        with serving() as server:
            return load(server)


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
        expect(self.page.locator(f'{VIEWER}[data-state="idle"][data-quality="full"]')).to_have_count(1, timeout=60_000)

    def slider(self) -> Any:
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


@benchmark("empty-rerun", "ms", app=True, browser=True, rerun=True)
def empty_rerun(stage: Stage) -> Measured:
    """A rerun of a script with one button and one text: the least that Streamlit takes."""
    return Measured(stage.empty_reruns)


@benchmark("drag", "ms", app=True, browser=True, rerun=True, budget=150, p95_budget=300, gpu_budget=80)
def drag(stage: Stage) -> Measured:
    """From a movement of w's slider to its preview, n = 512, on the screen."""
    visit, times = stage.explore(), []
    for value in visit.values(stage.count):
        times.append(visit.move("input", value, "preview"))
        visit.move("change", value, "full")
    visit.page.context.close()
    return Measured(times)


@benchmark("drag-sweep", "ms", app=True, browser=True, rerun=True)
def drag_sweep(stage: Stage) -> Measured:
    """Between two pictures while the slider moves at every frame: the age of what is seen is at most twice that."""
    visit = stage.explore("seed=1")
    gaps = visit.slider().evaluate(SWEEP, 8)
    visit.idle()
    visit.page.context.close()
    return Measured(gaps)


@benchmark("release", "ms", app=True, browser=True, rerun=True, budget=350)
def release(stage: Stage) -> Measured:
    """From letting w's slider go to the whole scene, n = 2048, 32 steps, all frames, on the screen."""
    visit, times = stage.explore("seed=2"), []
    for value in visit.values(stage.count):
        visit.move("input", value, "preview")
        times.append(visit.move("change", value, "full"))
    visit.page.context.close()
    return Measured(times)


@benchmark("frames", "ms", app=True, browser=True, p95_budget=20)
def frames(stage: Stage, seconds: float = 10) -> Measured:
    """Between two frames while 2 x 4096 particles play; nothing is sent to the server."""
    visit = stage.explore("n=4096&loop=1")
    visit.page.get_by_test_id("play").click()
    visit.page.locator(f'{VIEWER}[data-state="playing"]').wait_for()
    before = len(visit.sent)
    gaps = visit.page.evaluate(FRAMES, seconds)
    sent = len(visit.sent) - before
    visit.page.context.close()
    rate, share = 1e3 * len(gaps) / sum(gaps), float(np.mean(np.array(gaps) <= 20))
    note = f"{rate:.1f} frames a second, {share:.1%} within 20 ms, {sent} messages sent"
    return Measured(gaps, note, fine=rate >= 55 and share >= 0.95 and sent == 0)


@benchmark("messages", "messages", app=True, browser=True, budget=2)
def messages(stage: Stage) -> Measured:
    """Sent to the server by thirty movements each of zooming, scrubbing and hovering; resting writes the URL."""
    visit = stage.explore("n=4096&seed=3")
    counts = []
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
    visit.page.context.close()
    return Measured(counts, "zooming and hovering, scrubbing: " + ", ".join(f"{c:.0f}" for c in counts))


@benchmark("memory-visited", "MB", app=True, browser=True, budget=800)
def memory_visited(stage: Stage) -> Measured:
    """Memory of the server after all of the above."""
    return Measured([stage.server.memory()])


@benchmark("first-picture", "s", app=True, browser=True, rerun=True, budget=1.5)
def first_picture(stage: Stage) -> Measured:
    """From a navigation in a new profile to the first picture, of a server that has just started."""
    return Measured([first for times in stage.starts.values() for first, _ in times])


@benchmark("engine-ready", "s", app=True, browser=True, rerun=True, budget=6)
def engine_ready(stage: Stage) -> Measured:
    """From that navigation to the engine's own picture, nothing compiled before."""
    return Measured([ready for _, ready in stage.starts["empty"]])


@benchmark("engine-ready-warm", "s", app=True, browser=True, rerun=True, budget=3.5)
def engine_ready_warm(stage: Stage) -> Measured:
    """The same with the compilation cache of an earlier start."""
    return Measured([ready for _, ready in stage.starts["full"]])


@benchmark("thirty-visitors", "s", app=True, budget=5)
def thirty_visitors(stage: Stage) -> Measured:
    """From a change of w to the whole answer, while thirty sessions change it once a second for a minute."""
    found = stage.load
    failed = found.lost or any(answer.error for answer in found.answers)
    return Measured([answer.seconds for answer in found.answers], found.note, fine=not failed)


@benchmark("thirty-visitors-memory", "MB", app=True, budget=1500)
def thirty_visitors_memory(stage: Stage) -> Measured:
    """Peak memory of the server meanwhile."""
    return Measured([stage.load.peak])


@benchmark("thirty-visitors-after", "s", app=True, budget=1)
def thirty_visitors_after(stage: Stage) -> Measured:
    """An answer to one visitor alone, after the thirty have left; at most half as long again as before they came."""
    before, after = (float(np.median(times)) for times in (stage.load.before, stage.load.after))
    return Measured(stage.load.after, f"before: {before:.2f} s", fine=after <= 1.5 * before)
