"""The table of all methods, measured: what a run that was cut off has measured is not measured again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toy import compare, metrics, tables
from toy.compare import Point, Row
from toy.files import alone, check_writable
from toy.lab import run as running
from toy.lab.code import digest
from toy.lab.store import Store, state_of, unfinished
from toy.lab.trial import Trial, addresses
from toy.metrics import METRICS
from toy.progress import Report


def run(wanted: Sequence[Point], path: str | Path, *, report: Report | None = None) -> list[Row]:
    """Measure the points that the table at ``path``, a CSV file, lacks, and write it as Parquet beside it too.

    Whatever ends it, what was measured is kept beside the table, and what several processes measure for one table at
    once comes together in it. Returns the rows of the points that were wanted.
    """
    path = Path(path)
    check_writable(path, path.with_suffix(".parquet"))
    with alone(path):
        table = compare.read(path)
    target = wanted[0].scene.target if wanted else "A"
    _check_columns(path, table, target)
    done = {row["trial"] for row in table}
    lacking = [point for point in wanted if point.key not in done]
    measures = metrics.chosen(None, target)
    trials = [Trial(point.scene, measures, point.seeds) for point in lacking]
    known = addresses(trials, digest())
    missing = {known[trial]: point for trial, point in zip(trials, lacking, strict=True)}
    if not missing and not state_of(path).exists():
        _merge(path, [], wanted)
    else:
        with unfinished(path) as (store, owner):
            try:
                every = {address: trial for trial, address in known.items()}
                running.run(every, store, owner, stage="comparing", report=report)
            finally:
                _merge(path, _rows(missing, store), wanted)
    keys = {point.key for point in wanted}
    return [row for row in compare.read(path) if row["trial"] in keys]


def _rows(points: dict[str, Point], store: Store) -> list[Row]:
    found: list[Row] = []
    for key, result in store.results(points).items():
        values = {name: result.measures[name] for name in _columns(points[key].scene.target)}
        found += compare.rows(points[key], values, result.seconds)
    return found


def _merge(path: Path, found: Sequence[Row], wanted: Sequence[Point]) -> None:
    """Write the table with what was found now, and with what others wrote meanwhile."""
    order = {point.key: i for i, point in enumerate(wanted)}
    with alone(path):
        table = compare.read(path)
        have = {row["trial"] for row in table}
        table = sorted([*table, *(row for row in found if row["trial"] not in have)],
                       key=lambda row: order.get(row["trial"], -1))  # fmt: skip
        for suffix in tables.FORMATS:
            tables.write(table, path.with_suffix(suffix))


def _check_columns(path: Path, table: Sequence[Row], target: str) -> None:
    """ValueError where the rows of a table are of other measures."""
    if table and set(table[0]) - {"method", "kind", "strength", "seed", "seeds", "seconds", "trial"} != set(
        _columns(target)
    ):
        raise ValueError(f"{str(path)!r} has other columns than are measured now: choose another file")


def _columns(target: str) -> list[str]:
    """The columns of all measures that a target has, in the registry's order."""
    blank = {name: np.zeros((1, *METRICS[name].shape)) for name in metrics.chosen(None, target)}
    return [column for name, values in blank.items() for column in metrics.columns(name, values)]
