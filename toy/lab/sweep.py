"""Sweeps: every scene of a grid is a trial, kept in a store as it is measured.

A run that was cut off, by whatever, goes on where it was, and several processes share the work. ``look`` reads a sweep
at any time, also while it runs.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toy import tables
from toy.files import keep_compiled
from toy.lab import run as running
from toy.lab.grid import Point, Sweep
from toy.lab.run import AT_ONCE, Ran, helpers
from toy.lab.store import Result, Store, StoreError, at_work
from toy.lab.trial import Trial
from toy.lab.trial import addresses as addresses_of
from toy.progress import Report


def addresses(sweep: Sweep) -> list[str]:
    """The address of each point's trial: some have the same."""
    every = [Trial(point.scene, sweep.measures) for point in sweep.points]
    found = addresses_of(every)
    return [found[trial] for trial in every]


def trials(sweep: Sweep) -> dict[str, Trial]:
    """Everything that is to be measured, once, by its address."""
    every = (Trial(point.scene, sweep.measures) for point in sweep.points)
    return dict(zip(addresses(sweep), every, strict=True))


def run(
    sweep: Sweep, path: str | Path, *, report: Report | None = None, most: int = AT_ONCE, processes: int = 1
) -> Ran:
    """Measure what the store at ``path`` lacks of a sweep, as ``toy.lab.run`` says, by so many processes of this
    machine.
    """
    with closing(Store(path)) as store, at_work(store) as owner, ExitStack() as stack:
        if processes > 1:
            stack.enter_context(helpers(processes - 1, _help, sweep, str(path)))
        return running.run(trials(sweep), store, owner, stage=sweep.title, report=report, most=most)


def _help(sweep: Sweep, path: str) -> None:
    """The same in another process, whose compiled programs are kept too."""
    keep_compiled()
    run(sweep, path)


# --- Reading ----------------------------------------------------------------------------------------------------------

Row = dict[str, object]
LAST = ("seconds", "address")  # columns of a table


@dataclass(frozen=True)
class Look:
    """What a store has of a sweep now.

    ``rows`` are one for each point that is measured, in the sweep's order; ``done`` of ``total`` trials; ``at_work``
    processes; ``left`` seconds until the end at the rate of what was measured, None where nothing runs or was measured.
    """

    rows: list[Row]
    done: int
    total: int
    at_work: int
    left: float | None


def look(sweep: Sweep, path: str | Path) -> Look:
    """Read a sweep from a store without touching it, also while other processes write; nothing where there is none."""
    keys = addresses(sweep)
    wanted = dict(zip(keys, (Trial(point.scene, sweep.measures) for point in sweep.points), strict=True))
    if not Path(path).exists():
        return Look([], 0, len(wanted), 0, None)
    with closing(Store(path, reading=True)) as store:
        results, owners = store.results(wanted), len(store.owners())
    rows = [row_of(sweep, p, results[key]) for p, key in zip(sweep.points, keys, strict=True) if key in results]
    spent = sum(result.seconds for result in results.values())
    amount = sum(wanted[key].work for key in results)
    missing = sum(trial.work for key, trial in wanted.items() if key not in results)
    left = missing * spent / amount / owners if owners and amount else None
    return Look(rows, len(results), len(wanted), owners, left)


def row_of(sweep: Sweep, point: Point, result: Result) -> Row:
    """A point as a row of a table: axes by their labels, the scene's other values, measures, seconds, address.

    A measure of several numbers has a column for each: ``mass_by_depth_0``.
    """
    labels = {axis.name: label for axis, label in zip(sweep.axes, point.at, strict=True)}
    row: Row = labels | {name: value for name, value in point.scene.flat().items() if name not in labels}
    for name in sweep.measures:
        if name not in result.measures:
            raise StoreError(f"the result {result.address[:12]!r} lacks {name!r}: its store was changed by hand")
        value = result.measures[name]
        row |= {f"{name}_{i}": v for i, v in enumerate(value)} if isinstance(value, list) else {name: value}
    return row | {"seconds": result.seconds, "at": result.at, "address": result.address}


def export(rows: Sequence[Row], path: str | Path) -> None:
    """Write rows as CSV or Parquet, by the path's suffix, whole or not at all; what a rule does not take is empty.

    The time of storing is left out: the same trials give the same table but for the seconds they took.
    """
    names = dict.fromkeys(name for row in rows for name in row if name not in ("at", *LAST))
    names |= dict.fromkeys(name for name in LAST if any(name in row for row in rows))
    tables.write([{name: row.get(name) for name in names} for row in rows], path)


def figure_of(sweep: Sweep, path: str | Path) -> Any:
    """The matplotlib Figure of what a store has of a sweep; StoreError where it has nothing."""
    from toy.figures.sweeps import sweep_figure

    rows = look(sweep, path).rows
    if not rows:
        raise StoreError(f"{str(path)!r} has no result of this sweep: run it first")
    drawn: dict[str, str] = dict(sweep.drawn)
    metric = drawn.pop("metric", "outliers" if "outliers" in sweep.measures else sweep.measures[0])
    names = [axis.name for axis in sweep.axes]
    return sweep_figure(rows, names, metric=metric, title=sweep.title, **drawn)


def default_store(spec: str | Path) -> Path:
    """Where the results of a spec's file go unless one says otherwise."""
    return Path("out") / "sweeps" / f"{Path(spec).stem}.sqlite"
