"""Benchmarks of sweeps: what the store and Dask add to a trial, and how time goes with trials and processes."""

import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toy.bench.rows import Measured, benchmark

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


def spec(count: int, *, first: int = 0, n: int = 64, steps: int = 8, rule: str = "none") -> Any:
    """A sweep of ``count`` seeds."""
    from toy.lab.sweep import of_text

    guide = 'weak = "exact:AB"\nw = 2' if rule == "autoguidance" else ""
    last = first + count - 1
    return of_text(SPEC.format(rule=rule, guide=guide, n=n, steps=steps, first=first, last=last, count=count))


class Instant:
    """An executor that measures nothing: what is left is the store."""

    together = False

    def __init__(self) -> None:
        """Nothing is under way."""
        self._batches: list[Any] = []

    def workers(self) -> int:
        """One."""
        return 1

    def room(self) -> bool:
        """Whether no batch waits."""
        return not self._batches

    def busy(self) -> bool:
        """Whether one does."""
        return bool(self._batches)

    def submit(self, batch: Any, measures: tuple[str, ...]) -> None:
        """Keep it."""
        self._batches.append((batch, measures))

    def finished(self) -> list[Any]:
        """Zeros for all measures."""
        found = [(batch, zeros([*batch.scenes], {}, measures)) for batch, measures in self._batches]
        self._batches = []
        return found


def zeros(many: Any, densities: Any, measures: tuple[str, ...]) -> Any:
    """What ``toy.lab.sweep.measure`` gives, without measuring."""
    from toy.lab.sweep import Outcome

    return Outcome([dict.fromkeys(measures, 0.0) for _ in many], 0.0)


def _overhead(count: int, most: int, repeats: int, executor: Callable[[], Any]) -> Measured:
    """Milliseconds a trial of sweeps that measure nothing, all from addresses to rows in the store."""
    from toy.lab.sweep import run

    values = []
    for repeat in range(repeats):
        sweep = spec(count, first=repeat * count)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            run(sweep, Path(folder) / "store.sqlite", executor=executor(), most=most)
            values.append(1e3 * (time.perf_counter() - began) / count)
    batches = "one trial a batch" if most == 1 else f"up to {most} trials a batch"
    return Measured(values, note=f"{count} trials, {batches}")


@benchmark("sweep-store", "ms", budget=5)
def sweep_store(count: int = 500, most: int = 1, repeats: int = 3) -> Measured:
    """What the store adds to one trial of a sweep: address, lease, result, each trial a batch of its own."""
    return _overhead(count, most, repeats, Instant)


@benchmark("sweep-dask", "ms", budget=5)
def sweep_dask(count: int = 512, most: int = 16, repeats: int = 3) -> Measured:
    """What the store and Dask with two worker processes add to one trial, sixteen trials a batch."""
    from toy.lab.cluster import Cluster

    with _workers(2) as client:
        _overhead(64, most, 1, lambda: Cluster(client, zeros))  # the workers import
        return _overhead(count, most, repeats, lambda: Cluster(client, zeros))


@contextmanager
def _workers(count: int) -> Any:
    from toy.lab.cluster import cluster

    with cluster(f"local:{count}") as executor:
        yield executor.client


def _timed(count: int, executor: Callable[[], Any], *, n: int, repeats: int) -> Measured:
    """Seconds of sweeps of so many trials, after one that compiles."""
    from toy.lab.sweep import run

    values = []
    for repeat in range(repeats + 1):
        with tempfile.TemporaryDirectory() as folder:
            sweep = spec(count if repeat else 64, first=repeat * count, n=n, steps=32, rule="autoguidance")
            began = time.perf_counter()
            run(sweep, Path(folder) / "store.sqlite", executor=executor(), most=1 if not repeat else 16)
            values.append(time.perf_counter() - began)
    each = sorted(values[1:])[repeats // 2] / count
    return Measured(values[1:], note=f"{count} trials, {1e3 * each:.0f} ms each")


def _trials(count: int) -> Callable[..., Measured]:
    def measured(n: int = 512, repeats: int = 2) -> Measured:
        from toy.lab.sweep import Here

        return _timed(count, Here, n=n, repeats=repeats)

    measured.__doc__ = f"A sweep of {count} trials of 512 points and exact densities, in this process."
    return measured


def _processes(workers: int) -> Callable[..., Measured]:
    def measured(count: int = 64, n: int = 512, repeats: int = 2) -> Measured:
        from toy.lab.cluster import Cluster

        with _workers(workers) as client:
            return _timed(count, lambda: Cluster(client), n=n, repeats=repeats)

    many = "one worker process" if workers == 1 else f"{workers} worker processes"
    measured.__doc__ = f"A sweep of 64 such trials on a Dask cluster of {many}."
    return measured


for _count in (16, 64):
    benchmark(f"sweep-trials-{_count}", "s")(_trials(_count))
for _workers_here in (1, 2):
    benchmark(f"sweep-workers-{_workers_here}", "s")(_processes(_workers_here))
