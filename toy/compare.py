"""All methods on the same axes: a table of every measure over strengths and seeds, made so that it can be resumed."""

import csv
import io
import json
import os
import queue
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from toy import inputs, scenes
from toy.densities import Density
from toy.files import alone, check_writable, replacing
from toy.guidance import RULES
from toy.names import Name
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.scenes import Spread
from toy.schedules import SCHEDULES
from toy.uncertainty import standard_error

STRENGTHS = tuple(np.linspace(1, 4, 7))
BASE = "cfg"  # the rule that other schedules and integrators are compared under
N, SEEDS = 4096, 5


@dataclass(frozen=True)
class Method:
    """A way to guide: a rule with a schedule and an integrator; ``kind`` says which of them it stands for."""

    name: str
    kind: str
    settings: Mapping[str, str]

    def scene(self, **values: Any) -> Scene:
        """The method's scene; ValueError where the values do not fit it."""
        settings = dict(self.settings)
        return Scene.of(settings.pop("rule"), **settings, **values)


def methods() -> dict[str, Method]:
    """Every rule, then CFG under every other schedule and integrator, by name."""
    found = [Method(name, "rule", {"rule": name}) for name in RULES]
    for kind, registry, usual in (("schedule", SCHEDULES, "constant"), ("integrator", INTEGRATORS, "heun")):
        found += [Method(f"{BASE}+{name}", kind, {"rule": BASE, kind: name}) for name in registry if name != usual]
    return {method.name: method for method in found}


def chosen(names: str) -> list[Method]:
    """Methods by name, separated by commas; 'all' is all. ValueError lists what there is."""
    have = methods()
    if names == "all":
        return list(have.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in have:
            raise ValueError(f"unknown method {name!r}; have: all, {', '.join(have)}")
    if not wanted:
        raise ValueError(f"no method was named; have: all, {', '.join(have)}")
    return [have[name] for name in wanted]


def strength_knob(scene: Scene) -> str | None:
    """The knob that a sweep of strengths turns: ``w`` where there is one, else the rule's first weight, else its first
    knob; None for a rule without knobs.
    """
    knobs = scene.entry.knobs
    weights = [name for name, knob in knobs.items() if knob.neutral is not None]
    return "w" if "w" in knobs else next(iter(weights + list(knobs)), None)


def at_strength(scene: Scene, strength: float) -> Scene:
    """The scene at a strength, on one scale for all rules: 1 is no guidance, and a ``w`` is the strength itself.

    Another weight is at its default at 2, and as much further from neutral beyond; a knob without a neutral value
    covers its range from 1 to 4.
    """
    name = strength_knob(scene)
    if name is None:
        return scene
    knob = scene.entry.knobs[name]
    if name == "w":
        value = strength
    elif knob.neutral is not None:
        value = knob.neutral + (strength - 1) * (knob.default - knob.neutral)
    else:
        value = knob.lo + (strength - 1) / 3 * (knob.hi - knob.lo)
    return scene.change(**{name: float(f"{min(max(value, knob.lo), knob.hi):.6g}")})


@dataclass(frozen=True)
class Trial:
    """One row group of the table: a method at a strength, all seeds."""

    method: Method
    strength: float
    scene: Scene
    seeds: int

    @property
    def key(self) -> str:
        """What makes it the same trial in another run."""
        return json.dumps({**self.scene.flat(), "strength": self.strength, "seeds": self.seeds}, sort_keys=True)


def trials(
    wanted: list[Method],
    strengths: tuple[float, ...] = STRENGTHS,
    *,
    n: int = N,
    seeds: int = SEEDS,
    scores: str = "learned",
    **values: Any,
) -> list[Trial]:
    """All trials of a table, the roles played as ``scores`` says: one of SCORES."""
    found = []
    for method in wanted:
        scene = scored(method.scene(n=n, **values), scores)
        distinct: dict[Scene, float] = {}
        for strength in strengths:
            distinct.setdefault(at_strength(scene, float(strength)), float(strength))
        found += [Trial(method, strength, at, seeds) for at, strength in distinct.items()]
    return found


SCORES = ("learned", "exact", "exact-main", "exact-guides")


def scored(scene: Scene, scores: str) -> Scene:
    """The scene with the roles that ``scores`` names played by the exact densities of their classes.

    What a method does for a model with errors, and what the method itself does wrong, are told apart by it. A weak
    model stays learned. ValueError lists what there is.
    """
    if scores not in SCORES:
        raise ValueError(f"unknown scores {scores!r}; have: {', '.join(SCORES)}")
    roles = [role for role, _ in scene.cast]
    guides = [role for role in roles if role != "main"]
    played = {"learned": [], "exact": roles, "exact-main": ["main"], "exact-guides": guides}[scores]
    return scene.change(**{role: exact_name(role, dict(scene.cast)[role]) for role in played})


def exact_name(role: str, name: str) -> str:
    """The exact density in place of a learned one; a weak model stays, since being learned badly is its point.

    ValueError for a name that does not tell its classes.
    """
    parsed = Name.parse(name)
    return str(parsed.exact()) if parsed.is_learned and role != "weak" else name


Row = dict[str, Any]


def rows(trial: Trial, spread: Spread) -> list[Row]:
    """One row a seed: the method, its strength, and every measure, one with several numbers in a column for each."""
    found = []
    for i in range(trial.seeds):
        row: Row = {
            "method": trial.method.name,
            "kind": trial.method.kind,
            "strength": trial.strength,
            "seed": trial.scene.seed + i,
            "seeds": trial.seeds,
            "seconds": round(spread.seconds, 4),
        }
        for name, values in spread.values.items():
            value = values[i]
            many = value.ndim > 0
            row |= {f"{name}_{j}": float(v) for j, v in enumerate(value)} if many else {name: float(value)}
        found.append(row | {"trial": trial.key})
    return found


def read(path: str | Path) -> list[Row]:
    """The rows of all complete trials in a table, numbers as numbers; ValueError where it is no such table."""
    path = Path(path)
    if not os.path.lexists(path):
        return []
    words = inputs.text(path, inputs.MOST_TABLE)
    reader = csv.DictReader(io.StringIO(words, newline=""), strict=True)
    groups: dict[Any, dict[Any, Row]] = {}
    for name in (*WORDS, *WHOLE, "strength"):
        if words and name not in (reader.fieldnames or ()):
            raise ValueError(f"{str(path)!r} is not a table of trials: it has no column {name!r}")
    try:
        for raw in reader:
            cut = None in raw or None in raw.values()
            if cut and not words.endswith("\n"):  # the last line was cut short
                break
            if cut:
                raise ValueError(f"it has not the {len(reader.fieldnames or ())} columns of the first line")
            row = {name: value if name in WORDS else _number(name, value) for name, value in raw.items()}
            groups.setdefault(row["trial"], {}).setdefault(row["seed"], row)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"line {reader.line_num} of {str(path)!r}: {error}") from None
    whole = [rows for rows in groups.values() if all(len(rows) == row["seeds"] for row in rows.values())]
    return [row for rows in whole for row in rows.values()]


WORDS = ("method", "kind", "trial")
WHOLE = ("seed", "seeds")


def _number(name: str, text: str) -> int | float:
    """A cell's number, whatever a measure gave; ValueError names the column."""
    for kind in (int,) if name in WHOLE else (int, float):
        with suppress(ValueError):
            return kind(text)
    raise ValueError(f"{name} = {text!r} is not a {'whole ' if name in WHOLE else ''}number")


def run(
    wanted: list[Trial],
    cast: Callable[[Any], Mapping[str, Density]],
    path: str | Path,
    *,
    report: Callable[[Trial, bool], None] | None = None,
) -> list[Row]:
    """Measure the trials that the table at ``path``, a CSV file, lacks, and write it as Parquet beside it too.

    Rows are appended trial by trial, so that an interrupted run goes on where it was, and what several processes
    measure for one file at once comes together in it. ``report(trial, computed)`` is
    called after each. ``cast`` loads densities. Returns the rows of the trials that were wanted.
    """
    path = Path(path)
    check_writable(path, path.with_suffix(".parquet"))
    with alone(path):
        table = read(path)
        _write(path, table)  # without what an interruption cut short
    done = {row["trial"] for row in table}
    for trial in wanted:
        if trial.key in done and report:
            report(trial, False)
    missing = [trial for trial in wanted if trial.key not in done]
    with closing(_measured(missing, cast)) as measured:
        for trial, found in measured:
            with alone(path):
                _append(path, found)
            if report:
                report(trial, True)
    order = {trial.key: i for i, trial in enumerate(wanted)}
    with alone(path):
        table = read(path)  # with what others measured meanwhile
        table.sort(key=lambda row: order.get(row["trial"], -1))
        _write(path, table)
        _parquet(path.with_suffix(".parquet"), table)
    return [row for row in table if row["trial"] in order]


WORKERS = 2  # compiling keeps one core busy, and so does much of a small network's sampling


def _measured(wanted: list[Trial], cast: Callable[[Any], Mapping[str, Density]]) -> Generator[tuple[Trial, list[Row]]]:
    """The trials' rows as they come; a method's trials one after another, since they share what is compiled."""
    groups: dict[str, list[Trial]] = {}
    for trial in wanted:
        groups.setdefault(trial.method.name, []).append(trial)
    found: queue.Queue[tuple[Trial, list[Row]] | BaseException] = queue.Queue()
    stop = threading.Event()

    def work(group: list[Trial]) -> None:
        for trial in group:
            if stop.is_set():
                return
            try:
                spread = scenes.measure_seeds(trial.scene, cast(trial.scene.cast), trial.seeds)
                found.put((trial, rows(trial, spread)))
            except BaseException as error:  # for the caller
                found.put(error)
                return

    with ThreadPoolExecutor(WORKERS) as pool:
        for group in groups.values():
            pool.submit(work, group)
        try:
            for _ in wanted:
                now = found.get()
                if isinstance(now, BaseException):
                    raise now
                yield now
        finally:
            stop.set()


def _write(path: Path, table: list[Row]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        if table:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)


def _append(path: Path, found: list[Row]) -> None:
    """Add rows at a table's end; a line that a process left half-written there goes."""
    lines = io.StringIO(newline="")
    writer = csv.DictWriter(lines, list(found[0]))
    with path.open("a+b") as file:
        file.seek(0)
        head = file.readline()
        writer.writeheader()
        if head.endswith(b"\n") and head.strip() != lines.getvalue().strip().encode():
            raise ValueError(f"{str(path)!r} has other columns than are measured now: choose another file")
        if head.endswith(b"\n"):
            lines.seek(lines.truncate(0))
        writer.writerows(found)
        file.truncate(_whole_lines(file))
        file.write(lines.getvalue().encode())


def _whole_lines(file: BinaryIO) -> int:
    """The length of a file up to the end of its last whole line."""
    end = file.seek(0, 2)
    while end:
        begin = max(end - 65536, 0)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _parquet(path: Path, table: list[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(table), temporary)


def summary(table: list[Row], measure: str) -> dict[str, dict[str, np.ndarray]]:
    """By method: ``strength`` [m], and of a measure the ``mean`` [m] and its standard ``error`` [m] over the seeds."""
    found: dict[str, dict[float, list[float]]] = {}
    for row in table:
        found.setdefault(row["method"], {}).setdefault(row["strength"], []).append(row[measure])
    out = {}
    for name, by_strength in found.items():
        strengths = sorted(by_strength)
        values = [np.array(by_strength[strength]) for strength in strengths]
        out[name] = {
            "strength": np.array(strengths),
            "mean": np.array([v.mean() for v in values]),
            "error": np.array([standard_error(v) for v in values]),
        }
    return out
