"""The numbers that lessons say: measured from the links of their steps, over seeds, and kept in ``numbers.json``."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from models import zoo
from toy import distributions, flows
from toy.mechanism import cosine, mechanism
from toy.progress import Progress, Report
from toy.scene import Scene
from toy.scenes import Frame, compute
from toy.state import SLOTS, of_link
from toy.uncertainty import standard_error

NUMBERS = Path(__file__).parent / "numbers.json"
SEEDS = (0, 1, 2, 3, 4)
FEW = 0.25  # of its true share: a branch with less is emptied
MANY = 2**16  # samples whose mean is the data's
LOW, HIGH = 0.02, 0.2  # noise levels at which a pull is taken apart


@dataclass(frozen=True)
class Number:
    """Mean of a number over seeds, its standard error, and what of which link it is."""

    value: float
    error: float
    what: str
    link: str


def numbers(path: Path = NUMBERS) -> dict[str, dict[str, float]]:
    """The values of all numbers that were measured, by lesson and name."""
    kept = json.loads(path.read_text(encoding="utf-8"))["numbers"] if path.exists() else {}
    return {lesson: {name: found["value"] for name, found in named.items()} for lesson, named in kept.items()}


def scenes_of(link: str) -> str:
    """What of a link decides its numbers: its scenes alone."""
    return replace(of_link(link), ui=(), hide=(), story="").link()


@cache
def frame(scene: Scene) -> Frame:
    """What a scene becomes, its measures and its last points."""
    return compute(scene, zoo.cast(scene.cast), keep=False, floor=False)


def values(scene: Scene) -> Any:
    """All that a side of a step shows, by name: the measures of its samples and what else ``MEASURES`` has."""
    return _Values(scene)


class _Values:
    """Values of a scene, each found when it is asked for."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __getattr__(self, name: str) -> float:
        if name in MEASURES:
            return MEASURES[name](self._scene)
        found = frame(self._scene).metrics
        if name.startswith("_") or name not in found:
            raise AttributeError(f"unknown measure {name!r}; have: {', '.join([*MEASURES, *found])}")
        return float(found[name])


def measure(link: str, what: str, seeds: Iterable[int] = SEEDS) -> Number:
    """A number ``what``, such as ``left.root_share``, of a link's scenes. ValueError where there is no such number."""
    slot, _, name = what.partition(".")
    if slot not in SLOTS:
        raise ValueError(f"{what!r} is not left or right, a full stop, and a measure")
    scene = of_link(link).scene(slot)
    try:
        found = np.array([getattr(values(replace(scene, seed=seed)), name) for seed in seeds])
    except AttributeError as error:
        raise ValueError(f"{what}: {error}") from None
    if not np.isfinite(found).all():
        raise ValueError(f"{what} is not finite: {found.tolist()}")
    return Number(float(found.mean()), float(np.nan_to_num(standard_error(found))), what, scenes_of(link))


def measure_all(
    asked: Mapping[str, Mapping[str, tuple[str, str]]], report: Report | None = None
) -> dict[str, dict[str, Number]]:
    """Every number of ``asked``, (link, what) by lesson and name."""
    total, done = sum(map(len, asked.values())), 0
    found: dict[str, dict[str, Number]] = {}
    for lesson, named in asked.items():
        found[lesson] = {}
        for name, (link, what) in named.items():
            if report:
                report(Progress("measuring", done, total, note=f"{lesson} {name}"))
            found[lesson][name] = measure(link, what)
            done += 1
        frame.cache_clear()  # lessons share few scenes, and each holds its points
    if report:
        report(Progress("measuring", done, total))
    return found


def written(found: Mapping[str, Mapping[str, Number]]) -> str:
    """The text of ``numbers.json``."""
    flat = {
        lesson: {
            name: {"value": _short(n.value), "error": _short(n.error), "what": n.what, "link": n.link}
            for name, n in named.items()
        }
        for lesson, named in found.items()
    }
    return json.dumps({"seeds": list(SEEDS), "numbers": flat}, indent=1, ensure_ascii=False) + "\n"


def _short(value: float) -> float:
    return float(f"{value:.4g}")


# --- What is measured beside the measures of samples ------------------------------------------------------------------


def trunk(scene: Scene) -> float:
    """Share of the samples on the first branch over its true share."""
    return float(frame(scene).occupancy[0] / distributions.of(scene.target).mass[0])


def emptied(scene: Scene) -> float:
    """Number of branches with less than a quarter of their true share."""
    return float(np.sum(frame(scene).occupancy < FEW * distributions.of(scene.target).mass))


def branches(scene: Scene) -> float:
    """Number of branches of the target."""
    return float(len(distributions.of(scene.target).mass))


def true_root(scene: Scene) -> float:
    """Share of the truth on the first branch."""
    return float(distributions.of(scene.target).mass[0])


def nats_from_tilt(scene: Scene) -> float:
    """KL(q || tilt) of what the sampler draws from the normalised tilted density of the rule, in nats."""
    return flows.flow(scene, zoo.cast(scene.cast)).summary()["kl_tilt"]


def nats_from_truth(scene: Scene) -> float:
    """KL(q || p) of what the sampler draws from the true density, in nats."""
    return flows.flow(scene, zoo.cast(scene.cast), tilt=False).summary()["kl_truth"]


def _to_middle(scene: Scene, sigma: float) -> float:
    """Cosine, pooled over true samples at a noise level, of the main model's score with the way to the data's mean."""
    truth = distributions.mixture(scene.target)
    x = truth.sample(jax.random.key(scene.seed), scene.n, jnp.float32(sigma))
    mean = truth.sample(jax.random.key(0), MANY, jnp.float32(0)).mean(axis=0)
    score = zoo.cast(scene.cast)["main"].score(x, jnp.float32(sigma))
    return float(cosine(score, mean - x))


def _task_share(scene: Scene, sigma: float) -> float:
    """Share of the pull's square length that is due to the guide's task and not to its quality.

    Quality is measured by a second training of the main model, which has its task and is as good.
    """
    cast = dict(scene.cast)
    guide = next(name for role, name in cast.items() if role != "main")
    parts = zoo.cast({"main": cast["main"], "guide": guide, "weak": f"{cast['main']}#1"}.items())
    found = mechanism(
        parts["main"],
        parts["guide"],
        target=scene.target,
        weak=parts["weak"],
        sigmas=np.array([sigma]),
        n=scene.n,
        seeds=2,
    )
    return float(found.values["task_share"][0])


MEASURES: dict[str, Callable[[Scene], float]] = {
    "trunk": trunk,
    "emptied": emptied,
    "branches": branches,
    "true_root": true_root,
    "nats_from_tilt": nats_from_tilt,
    "nats_from_truth": nats_from_truth,
    "to_middle_first": lambda scene: _to_middle(scene, scene.sigma_max),
    "to_middle_later": lambda scene: _to_middle(scene, 0.1),
    "task_share_low": lambda scene: _task_share(scene, LOW),
    "task_share_high": lambda scene: _task_share(scene, HIGH),
}
