"""All methods on the same axes: a table of every measure over strengths and seeds, a row a seed."""

import csv
import io
import json
import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from toy import cost, inputs, metrics
from toy.guidance import RULES
from toy.names import Name
from toy.sampling import INTEGRATORS
from toy.scene import SETTINGS, Scene
from toy.scenes import Spread
from toy.schedules import SCHEDULES
from toy.uncertainty import standard_error

STRENGTHS = tuple(np.linspace(1, 4, 7))
STEPS = SETTINGS["steps"]
BASE = "cfg"  # the rule that other schedules and integrators are compared under
N, SEEDS = 4096, 5


@dataclass(frozen=True)
class Method:
    """A way to guide: a rule with a schedule and an integrator; ``kind`` says which of them it stands for."""

    name: str
    kind: str
    settings: Mapping[str, str]

    def scene(self, **values: object) -> Scene:
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
    return scene.change(**{name: knob.within(value)})


@dataclass(frozen=True)
class Point:
    """One row group of the table: a method at a strength, all seeds."""

    method: Method
    strength: float
    scene: Scene
    seeds: int

    @property
    def key(self) -> str:
        """What makes it the same trial in another run."""
        return json.dumps({**self.scene.flat(), "strength": self.strength, "seeds": self.seeds}, sort_keys=True)


def points(
    wanted: list[Method],
    strengths: tuple[float, ...] = STRENGTHS,
    *,
    n: int = N,
    seeds: int = SEEDS,
    scores: str = "learned",
    **values: object,
) -> list[Point]:
    """All points of a table, the roles played as ``scores`` says: one of SCORES."""
    found = []
    for method in wanted:
        scene = scored(method.scene(n=n, **values), scores)
        distinct: dict[Scene, float] = {}
        for strength in strengths:
            distinct.setdefault(at_strength(scene, float(strength)), float(strength))
        found += [Point(method, strength, at, seeds) for at, strength in distinct.items()]
    return found


def at_cost(wanted: Sequence[Point], evaluations: int) -> tuple[list[Point], list[str]]:
    """The points with as many steps each as ``evaluations`` scores a sample allow, of all densities together.

    And in a sentence each the methods that take more at the fewest steps: their points are left out.
    """
    found: list[Point] = []
    dear: dict[str, None] = {}
    for point in wanted:
        steps = steps_within(point.scene, evaluations)
        if steps is None:
            least = cost.total(point.scene.change(steps=STEPS.lo))
            dear[f"{point.method.name} takes {least} score evaluations with {STEPS.lo:g} steps, the fewest"] = None
        else:
            found.append(replace(point, scene=point.scene.change(steps=steps)))
    return found, list(dear)


def steps_within(scene: Scene, evaluations: int) -> int | None:
    """The most steps of the scene that take at most so many scores a sample; None where the fewest take more."""
    counts = range(int(STEPS.lo), int(STEPS.hi) + 1)
    affordable = bisect_right(counts, evaluations, key=lambda steps: cost.total(scene.change(steps=steps)))
    return counts[affordable - 1] if affordable else None


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


def rows(point: Point, values: Mapping[str, np.ndarray], seconds: float) -> list[Row]:
    """One row a seed: the method, its strength, and every measure [seeds], one of several numbers in columns."""
    same = {"method": point.method.name, "kind": point.method.kind, "strength": point.strength}
    return [
        same
        | {"seed": point.scene.seed + i, "seeds": point.seeds, "seconds": round(seconds, 4)}
        | {name: float(value[i]) for name, value in values.items()}
        | {"trial": point.key}
        for i in range(point.seeds)
    ]


def columns(spread: Spread) -> dict[str, np.ndarray]:
    """Measures [seeds] by the name of their column."""
    return {column: v for name, values in spread.values.items() for column, v in metrics.columns(name, values).items()}


def read(path: str | Path) -> list[Row]:
    """The rows of all complete points in a table, numbers as numbers; ValueError where it is no such table."""
    path = Path(path)
    if not os.path.lexists(path):
        return []
    words = inputs.text(path, inputs.MOST_TABLE)
    reader = csv.DictReader(io.StringIO(words, newline=""), strict=True)
    groups: dict[object, dict[object, Row]] = {}
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
    """A cell's number, of one type in all of a column; ValueError names the column."""
    with suppress(ValueError):
        return int(text) if name in WHOLE else float(text)
    raise ValueError(f"{name} = {text!r} is not a {'whole ' if name in WHOLE else ''}number")


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
