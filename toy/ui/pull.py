"""What a guide pulls towards, in a sentence and in charts over noise levels."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st

from toy.inputs import Json
from toy.mechanism import BETWEEN, REGIONS, Mechanism, due_to_task
from toy.ui import charts

REPORT = Path(__file__).parents[2] / "docs/mechanism.json"


@dataclass(frozen=True)
class Verdict:
    """How much of the pull is due to the task, ``below`` σ = 0.07 and ``above``, and where its parts point."""

    below: float
    above: float
    quality_cosine: float
    task_cosine: float

    @property
    def sentence(self) -> str:
        """Whether the negative side is a bad version of the model itself or a distribution shift, and where."""
        parts = {"quality part": self.quality_cosine, "task part": self.task_cosine}
        towards = ", ".join(f"the {name} with cosine {c:+.2f}" for name, c in parts.items() if math.isfinite(c))
        low, high = (f"{share:.0%} of its pull is due to the task" for share in (self.below, self.above))
        at, kinds = f"σ = {BETWEEN:g}", [_kind(self.below), _kind(self.above)]
        what = f"Below {at} the negative side is {kinds[0]}: {low}. Above it is {kinds[1]}: {high}."
        if kinds[0] == kinds[1]:
            what = f"The negative side is {kinds[0]}: {low} below {at}, {high} above."
        return f"{what} Towards what the main model lacks points {towards}."


def _kind(share: float) -> str:
    """What a guide is whose pull is to this share due to its task."""
    shift, bad = "a **distribution shift**", "a **bad version of the model itself**"
    if 1 / 3 <= share <= 2 / 3:
        return f"both {bad} and {shift}"
    return f"{'mostly' if 0.02 < share < 0.98 else 'entirely'} {shift if share > 0.5 else bad}"


def verdict(measured: Mechanism) -> Verdict | None:
    """The numbers, means over noise levels weighted by the square lengths of the parts; None without a weak model."""
    if "task_share" not in measured.values:
        return None
    quality, task = (np.square(measured.values[name]) for name in ("quality", "task"))

    def cosine(name: str, weights: np.ndarray) -> float:
        there = weights > 1e-6 * (quality + task)
        values = measured.values[f"{name}_cosine"]
        return float(np.average(values[there], weights=weights[there])) if there.any() else math.nan

    return Verdict(*due_to_task(measured), cosine("quality", quality), cosine("task", task))


CURVES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "errors": (
        "score error ½σ²|s − s true|²",
        {f"error_{part}": (part, "guide" if part == "guide" else "main") for part in ("main", "guide", *REGIONS)},
    ),
    "cosines": (
        "cosine with the true correction",
        {"cosine": ("whole pull", "ratio")}
        | {f"{part}_cosine": (f"{part} part", part) for part in ("quality", "task")},
    ),
    "best": ("best weight w", {"best_w": ("best w", "other")}),
    "left": ("error left at the best w", {"left": ("error left", "other")}),
    "lengths": (
        "length σ|·| of the pull's parts",
        {"quality": ("quality part", "quality"), "task": ("task part", "task")}
        | {"correction": ("true correction", "correction")},
    ),
    "share": (
        "task share of the pull",
        {"task_share": ("task share", "task"), "placebo": ("placebo's, over trainings", "other")},
    ),
}
LOGARITHMIC = ("errors", "lengths")
ENDS = {"share": [-0.05, 1.05], "left": [0, 1.08]}
DASHES = {
    "core": (5, 2, 1, 2),
    "rim": (5, 3),
    "outside": (2, 2),
    "true correction": (5, 3),
    "placebo's, over trainings": (5, 3),
}
UNBANDED = ("core", "rim", "outside", "true correction")
LEVELS = {"cosines": {"no direction": 0.0}, "best": {"no guidance": 1.0}, "left": {"nothing repaired": 1.0}}


@dataclass(frozen=True)
class Recorded:
    """What a report over trainings says of a cast, in ``words``, and the task share in its placebo's pull."""

    words: tuple[str, ...]
    sigmas: np.ndarray
    placebo: np.ndarray
    error: np.ndarray

    def beside(self, measured: Mechanism) -> Mechanism:
        """The measurement with the placebo's curve, at the same noise levels."""
        if not np.allclose(self.sigmas, measured.sigmas):
            return measured
        values, errors = dict(measured.values), dict(measured.errors)
        return replace(measured, values=values | {"placebo": self.placebo}, errors=errors | {"placebo": self.error})


@lru_cache(maxsize=1)
def _report() -> Json:
    try:
        found: Json = json.loads(REPORT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def recorded(cast: Mapping[str, str]) -> Recorded | None:
    """What ``python -m toy mechanism --trainings`` measured of the same cast; None where it was of another."""
    found = _report()
    if found.get("cast") != dict(cast) or "placebo" not in found:
        return None
    placebo = found["placebo"]
    share, error = (np.array(placebo[part]["task_share"]) for part in ("values", "errors"))
    return Recorded(tuple(found["words"]), np.array(placebo["sigmas"]), share, error)


def chart(measured: Mechanism, name: str) -> charts.Spec | None:
    """One chart over noise levels; None where there is nothing to draw."""
    _, curves = CURVES[name]
    values, sigmas, log = dict(measured.values), measured.sigmas, name in LOGARITHMIC
    if "task" in values:
        values["correction"] = np.sqrt(2 * np.maximum(values["error_main"], 0))
    rows: list[Json] = []
    for key, (label, _) in curves.items():
        if key not in values:
            continue
        error = measured.errors.get(key, np.zeros(len(sigmas)))
        part, there = key.removesuffix("_cosine"), np.ones(len(sigmas), bool)
        if part in ("quality", "task") and "task" in values:
            there = values[part] > 1e-3 * np.hypot(values["quality"], values["task"])
        for sigma, value, spread in zip(sigmas[there], values[key][there], error[there], strict=True):
            if math.isfinite(value) and not (log and value <= 0):
                wide = 2 * spread if math.isfinite(spread) and label not in UNBANDED else 0.0
                low = max(value - wide, 0.5 * value) if log else value - wide
                text = f"{value:.3g}" + (f" ± {spread:.2g}" if math.isfinite(spread) and spread else "")
                row = {"series": label, "x": float(f"{sigma:.4g}"), "mean": float(value), "lo": float(low)}
                rows.append(row | {"hi": float(value + wide), "text": text})
    if not rows:
        return None
    low, high = min(row["lo"] for row in rows), max(row["hi"] for row in rows)
    domain = ENDS.get(name, [low, high if high > low else low + 1])
    scale = {"domain": domain} | ({"type": "log"} if log else {"nice": False} if name in ENDS else {"zero": False})
    ticks = {"values": [10.0**k for k in range(-6, 4)], "format": "~g"} if log else {"format": ".3~g"}
    ends = [float(max(sigmas)), float(min(sigmas))]
    return charts.lines(
        rows, {label: (charts.colour(role), "circle") for label, role in curves.values()},
        # From noise to data, as everywhere; a scale that has its ends asks nothing of data that are not there yet.
        x={"title": "noise level σ", "scale": {"type": "log", "nice": False, "domain": ends},
           "axis": {"values": [0.005, 0.02, 0.1, 0.5, 2], "format": "~g"}},
        y={"title": None, "scale": scale, "axis": {"tickCount": 5} | ticks},
        rules=LEVELS.get(name), dashes=DASHES, size=14, height=230,
    )  # fmt: skip


def show(measured: Mechanism, *, seeds: int, known: Recorded | None = None) -> None:
    """The sentence and the charts on the page, with their keys and how they were measured; beside it what is ``known``
    over trainings.
    """
    answer = verdict(measured)
    hint = "Choose a weak model, of the main model's own task and as poor as the guide, to split the pull."
    st.markdown(answer.sentence if answer else hint)
    if known:
        st.markdown(" ".join(known.words))
        measured = known.beside(measured)
    drawn = {name: spec for name in CURVES if (spec := chart(measured, name)) is not None}
    names = list(drawn)
    for row in (names[:3], names[3:]):
        for column, name in zip(st.columns(3), row, strict=False):
            words, curves = CURVES[name]
            there = {point["series"] for point in drawn[name]["data"]["values"]}
            look = {
                label: (charts.colour(role), DASHES.get(label, ())) for label, role in curves.values() if label in there
            }
            with column:
                st.caption(f"**{words}**")
                st.html(charts.strokes(look))
                alt = f"{words} over noise levels"
                st.vega_lite_chart(drawn[name], key=f"mechanism.{name}", width="stretch", alt=alt)
    st.caption(
        f"Means over points of the true density at each noise level, bands two standard errors over {seeds} seeds. The "
        "best w is the one weight for all points that leaves the least score error. Core, rim and outside "
        "are the main model's error in the densest half of the true mass, up to 99% of it, and beyond."
    )
