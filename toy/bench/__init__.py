"""The speed budgets: what was measured here, beside what it may take.

Budgets of compute were set on a machine where a 2048 x 2048 float32 matrix product runs at 400 GFLOP/s. That product,
the yardstick, is timed next to every benchmark, and the budget moves with it. The app's answers are compared with an
empty rerun of Streamlit measured in the same run, or with the yardstick; their budgets are what a person notices, and
do not move.
"""
# ruff: noqa: F401

from contextlib import ExitStack

import numpy as np

from toy.bench.library import child, device, yardstick
from toy.bench.rows import BENCHMARKS, Measured, Report, attempt, row, select, table
from toy.bench.server import Server, load, serving

# isort: split
from toy.bench import lab  # registers the benchmarks of sweeps
from toy.bench.browser import CHROMIUM_FLAGS, Stage, chromium  # after the library's, which are listed first

# isort: split
from toy.bench import drawing, static, visitors  # registers those of drawing, the site, many visitors

ASK_DEVICE = "import jax; from toy import bench; print(jax.default_backend(), bench.device(), sep=chr(10))"
ASK_SPEED = "from toy import bench; print(*bench.yardstick(repeats=5).values)"


def run(only: str | None = None, *, on: str = "", report: Report | None = None) -> list[dict[str, object]]:
    """Run the benchmarks of the library; with ``only`` one of any kind. ``report(name)`` is called before each.

    On another distribution than the tree those that compute with one, of its first class.
    """
    import jax

    from toy import distributions

    on = distributions.canonical(on or distributions.USUAL)
    values = {"target": distributions.targets(on)[0]} if on else {}
    gpu = jax.default_backend() == "gpu"
    chosen = [entry.on(on) for entry in select(only, app=False, gpu=gpu, elsewhere=bool(on))]
    if not chosen and on:
        raise ValueError(f"benchmark {only!r} means nothing on {on}: it does not compute with a distribution")
    if not chosen:
        if not select(only, app=True, gpu=gpu):
            raise ValueError(f"benchmark {only!r} runs only on a GPU")
        return run_app(only, report=report)
    rows = []
    for entry in chosen:
        if report:
            report(entry.name)
        speeds = yardstick(repeats=5).values
        found = attempt(entry, **values)
        # Before and after: on a machine that others use too, speed is that of the moment.
        speeds += yardstick(repeats=5).values
        rows.append(row(entry, found, device=device(), gpu=gpu, speed=float(np.median(speeds))))
    return rows


def run_app(only: str | None = None, *, count: int = 20, report: Report | None = None) -> list[dict[str, object]]:
    """Run the benchmarks of the app in a real Chromium, each ``count`` times; ValueError where there is none."""
    chosen = select(only, app=True, gpu=True)
    if any(entry.browser for entry in chosen):
        chromium()
    # Asked in another process: this one would keep the memory of a GPU from the server.
    backend, name = child(ASK_DEVICE).splitlines()[-2:]
    rows = []
    with ExitStack() as stack:
        stage, after = Stage(stack, count), _speeds()
        for entry in chosen:
            if report:
                report(entry.name)
            empty = stage.empty if entry.rerun else None
            before, found, after = after, attempt(entry, stage), _speeds()
            speed = float(np.median(before + after))
            rows.append(row(entry, found, device=name, gpu=backend == "gpu", speed=speed, empty=empty))
    return rows


def _speeds() -> list[float]:
    """The yardstick in GFLOP/s, in another process."""
    return [float(word) for word in child(ASK_SPEED).splitlines()[-1].split()]
