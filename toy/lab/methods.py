"""What the pages of methods measure, and its numbers: kept by what they are of, and by the code that made them."""

import ast
import hashlib
import inspect
import json
import os
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from models.zoo import missing
from toy import compare, inputs
from toy.distributions import targets
from toy.files import alone, put
from toy.guidance import Rule
from toy.lab import run as running
from toy.lab.code import digest, parts
from toy.lab.store import Result, unfinished
from toy.lab.trial import Trial, addresses
from toy.metrics import METRICS, defined
from toy.progress import Report
from toy.registry import Entry
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.uncertainty import standard_error

N, SEEDS = 4096, 3
MEASURES = ("outliers", "branch_tv", "root_share", "alignment")  # of every page

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A line of a page's table: a scene under a label, or in words why it is not measured."""

    label: str
    scene: Scene | None
    why: str = ""
    measures: tuple[str, ...] = MEASURES

    @property
    def trial(self) -> Trial:
        """What is measured."""
        assert self.scene is not None
        return Trial(self.scene, self.measures, SEEDS)

    @cached_property
    def address(self) -> str:
        """Of the trial, and of the code of what it names, of what that calls and of the measures."""
        assert self.scene is not None
        return addresses([self.trial], digest(parts(self.scene).values(), self.measures))[self.trial]

    @property
    def key(self) -> str:
        """The address, shorter."""
        return self.address[:16]

    def former_key(self) -> str:
        """The key in files of earlier versions: of the scene, and of the registered functions alone."""
        assert self.scene is not None
        code = {name: _own_digest(entry) for name, entry in parts(self.scene).items()}
        values = {**self.scene.flat(), "seeds": SEEDS, "code": code}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _own_digest(entry: Entry) -> str:
    observe = [entry.observe] if isinstance(entry, Rule) and entry.observe else []
    return hashlib.sha256("\n".join(map(_bare, [entry.function, *observe])).encode()).hexdigest()[:8]


def _bare(function: Callable[..., object]) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:]
    tree.decorator_list = []
    return ast.unparse(tree)


def rows(folder: str, entry: Entry) -> list[Row]:
    """What is measured for an entry's page at its default knobs: with learned densities, then with exact ones.

    After these two come, with both, the integrator that a rule is derived for and what else its ``also`` names. Of a
    distribution no guidance and CFG, with exact densities.
    """
    if folder in ("rules", "schedules", "integrators"):
        chosen = {"rule": entry.name} if folder == "rules" else {"rule": compare.BASE, entry.kind: entry.name}
        scene = Scene.of(chosen.pop("rule"), n=N, **chosen)
        others = [{"integrator": entry.integrator}] if isinstance(entry, Rule) and entry.integrator else []
        found = []
        for other in ({}, *others, *(entry.also if isinstance(entry, Rule) else ())):
            words = "".join(f", {INTEGRATORS[v].title}" for v in other.values() if v in INTEGRATORS)
            for scores in ("learned", "exact"):
                found.append(Row(scores + words, compare.scored(scene.change(**other), scores)))
        return found
    if folder == "distributions" and not entry.inputs:
        target = targets(entry.name)[0]
        usual = Scene.of("none", n=N, target=target), Scene.of(compare.BASE, n=N, target=target)
        measures = defined(MEASURES, target)
        return [Row(entry_words(one), compare.scored(one, "exact"), measures=measures) for one in usual]
    if folder == "degradations":
        return [degraded(entry, label, base) for label, base in (("learned", "A64@4096"), ("exact", "exact:A"))]
    return []


def degraded(entry: Entry, label: str, base: str) -> Row:
    """Autoguidance whose guide is the main model itself, degraded; or why that cannot be measured here."""
    name = f"{base}~{entry.name}={next(iter(entry.knobs.values())).default:g}"
    try:
        if missing(name):
            return Row(label, None, f"`{name}` has to be trained first: `python -m models.zoo '{name}'`")
    except ValueError as error:
        return Row(label, None, f"{error}")
    return Row(label, Scene.of("autoguidance", n=N, main=base, weak=name))


def references() -> list[Row]:
    """What every page compares with, and what the pages of measures show."""
    plain, every = Scene.of("none", n=N), tuple(METRICS)
    exact = compare.scored(plain, "exact")
    found = [Row("no guidance, learned", plain, measures=every), Row("no guidance, exact", exact, measures=every)]
    for name in (compare.BASE, "autoguidance"):
        scene = Scene.of(name, n=N)
        found += [
            Row(f"{entry_words(scene)}, learned", scene, measures=every),
            Row(f"{entry_words(scene)}, exact", compare.scored(scene, "exact"), measures=every),
        ]
    return found


def entry_words(scene: Scene) -> str:
    """The rule's title and its knobs."""
    return scene.entry.title + "".join(
        f", {scene.entry.knobs[k].label} = {v:g}" for k, v in scene.knobs if k in scene.entry.knobs
    )


# --- Numbers ----------------------------------------------------------------------------------------------------------


def measure(rows: Iterable[Row], kept: Path, report: Report | None = None) -> tuple[Numbers, set[str]]:
    """Mean and standard error of the measures of all rows, by their keys, and the keys of what was measured now.

    What the file ``kept`` has is not measured again, and what another process wrote there meanwhile stays.
    """
    wanted = {row.key: row for row in rows if row.scene is not None}
    with alone(kept):
        before = read(kept)
    numbers = {key: found for key, row in wanted.items() if (found := _found(before, row))}
    lacking = {row.address: row for key, row in wanted.items() if key not in numbers}
    if lacking:
        with unfinished(kept) as (store, owner):
            try:
                running.run({at: row.trial for at, row in lacking.items()}, store, owner, report=report)
            finally:
                done = store.results(lacking)
                numbers |= {lacking[at].key: _summary(lacking[at], result) for at, result in done.items()}
                numbers = write(kept, before | numbers)
    return numbers, {row.key for row in lacking.values()}


def _found(numbers: Numbers, row: Row) -> Numbers | None:
    """What a file has of a row; None where it lacks it, or a measure of it."""
    found = numbers.get(row.key) or numbers.get(row.former_key())
    complete = isinstance(found, dict) and set(row.measures) <= set(found)
    return {name: found[name] for name in row.measures} if found and complete else None


def _summary(row: Row, result: Result) -> Numbers:
    """Mean and standard error over the seeds."""
    found = {}
    for name in row.measures:
        columns = [f"{name}_{i}" for i in range(*METRICS[name].shape)] if METRICS[name].shape else [name]
        values = np.stack([np.asarray(result.measures[column], float) for column in columns], axis=-1)
        values = values if METRICS[name].shape else values[:, 0]
        found[name] = {"mean": plain(values.mean(axis=0)), "error": plain(standard_error(values))}
    return found


def plain(values: np.ndarray) -> object:
    """Six digits, which is more than the seeds settle; None for what is not finite, which JSON lacks."""
    rounded = [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.atleast_1d(values)]
    return rounded if values.ndim else rounded[0]


def read(path: Path) -> Numbers:
    """What was measured before; ValueError where the file is none of ours."""
    if not os.path.lexists(path):
        return {}
    words = inputs.text(path, inputs.MOST_TABLE)
    try:
        found = inputs.plain_json(words)
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{str(path)!r} holds no numbers by name: remove it to measure all again")
    return found


def write(path: Path, numbers: Numbers, only: Iterable[str] | None = None) -> Numbers:
    """Write numbers, with what another process wrote meanwhile; ``only`` those of some keys. Returns them."""
    with alone(path):
        merged = numbers | {key: found for key, found in read(path).items() if key != "floor"}
        if only is not None:
            merged = {key: merged[key] for key in only if key in merged}
        put(path, json.dumps(merged, indent=1, sort_keys=True))
    return merged
