"""Benchmarks of the laboratory: what the store adds to a trial, how time goes with trials and processes, all claims."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toy.bench.library import child
from toy.bench.rows import Measured, benchmark

if TYPE_CHECKING:
    from toy.lab.grid import Sweep
    from toy.lab.trial import Trial

SPEC = """
metrics = ["outliers", "branch_tv"]
[scene]
rule = "{rule}"
main = "exact:A"
{guide}
n = {n}
steps = {steps}
[axes]
seed = {{ from = {first}, to = {last}, count = {count} }}
"""


def spec(count: int, *, first: int = 0, n: int = 64, steps: int = 8, rule: str = "none") -> "Sweep":
    """A sweep of ``count`` seeds."""
    from toy.lab.grid import of_text

    guide = 'weak = "exact:AB"\nw = 2' if rule == "autoguidance" else ""
    last = first + count - 1
    return of_text(SPEC.format(rule=rule, guide=guide, n=n, steps=steps, first=first, last=last, count=count))


@benchmark("sweep-store", "ms", budget=5)
def sweep_store(count: int = 500, most: int = 1, repeats: int = 3) -> Measured:
    """What the store adds to one trial of a sweep that measures nothing: address, lease, result, each a batch."""
    from unittest import mock

    from toy.lab import trial
    from toy.lab.sweep import run

    def zeros(many: "Sequence[Trial]") -> list[dict[str, float]]:
        return [dict.fromkeys(each.measures, 0.0) for each in many]

    values = []
    for repeat in range(repeats):
        sweep = spec(count, first=repeat * count)
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(trial, "measure", zeros):
            began = time.perf_counter()
            run(sweep, Path(folder) / "store.sqlite", most=most)
            values.append(1e3 * (time.perf_counter() - began) / count)
    batches = "one trial a batch" if most == 1 else f"up to {most} trials a batch"
    return Measured(values, note=f"{count} trials, {batches}")


def _timed(count: int, processes: int, *, n: int, repeats: int) -> Measured:
    """Seconds of sweeps of so many trials, after one that compiles."""
    from toy.lab.sweep import run

    values = []
    for repeat in range(repeats + 1):
        with tempfile.TemporaryDirectory() as folder:
            sweep = spec(count if repeat else 64, first=repeat * count, n=n, steps=32, rule="autoguidance")
            began = time.perf_counter()
            run(sweep, Path(folder) / "store.sqlite", most=16 if repeat else 1, processes=processes)
            values.append(time.perf_counter() - began)
    each = sorted(values[1:])[repeats // 2] / count
    return Measured(values[1:], note=f"{count} trials, {1e3 * each:.0f} ms each")


def _sweep(count: int, processes: int, words: str) -> Callable[..., Measured]:
    def measured(n: int = 512, repeats: int = 2) -> Measured:
        return _timed(count, processes, n=n, repeats=repeats)

    measured.__doc__ = f"A sweep of {count} trials of 512 points and exact densities, {words}."
    return measured


for _count in (16, 64):
    benchmark(f"sweep-trials-{_count}", "s")(_sweep(_count, 1, "in this process"))
benchmark("sweep-workers-2", "s")(_sweep(64, 2, "by 2 processes, their start included"))


CLAIMS = "import runpy, sys; sys.argv = {}; runpy.run_module('toy', run_name='__main__')"


@benchmark("claims-quick", "s", budget=100, by_name=True)
def claims_quick(*names: str) -> Measured:
    """All claims, or those of some names, by --quick in a new process that has neither networks nor compiled code."""
    asked = CLAIMS.format(["toy", "claims", "--quick", *names])
    seconds, busy = [], []
    with tempfile.TemporaryDirectory() as folder:
        for run in ("first", "second"):
            kept = {"GUIDANCE_EXPLORER_MODELS": f"{folder}/{run}", "JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled"}
            before, began = os.times(), time.perf_counter()
            child(asked, **kept)
            seconds.append(time.perf_counter() - began)
            after = os.times()
            busy.append(after.children_user + after.children_system - before.children_user - before.children_system)
    note = f"of CPU {busy[0]:.0f} s; with the compiled code of before {seconds[1]:.0f} s, of CPU {busy[1]:.0f} s"
    return Measured(seconds[:1], note=note)
