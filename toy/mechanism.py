"""Why guidance helps or harms: errors of scores, and what the pull of a guide is made of, at every noise level.

The pull of a guide is ``Δ = s_main − s_guide``; the true correction is ``s_true − s_main``. Where they point the same
way, extrapolating away from the guide repairs the main model. A third model, ``weak``, of the main one's own task but
as poor as the guide, splits the pull in two: ``s_main − s_weak`` is due to quality, ``s_weak − s_guide`` to the task.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import distributions
from toy.densities import Density, GaussianMixture
from toy.sampling import noise_levels, trajectory
from toy.uncertainty import standard_error

SIGMAS = np.geomspace(0.005, 5, 25)
PLACES = ("truth", "sampler")
BETWEEN = 0.07  # noise level about which CFG's guide turns from a bad version of the model into another task
REGIONS = {"core": (0.0, 0.5), "rim": (0.5, 0.99), "outside": (0.99, 1.0)}  # of mass, from the densest point on


@dataclass(frozen=True)
class Mechanism:
    """Measures by noise level, means over seeds.

    ``error_main``, ``error_guide``: E σ²|s − s_true|²/2, the training loss. ``cosine``: of the pull with the true
    correction, pooled, E⟨Δ, c⟩/√(E|Δ|² E|c|²). ``best_w``: the weight that leaves the least error. ``left``: the share
    of the main model's error that is left at that weight. With a weak model also ``quality`` and ``task``, the lengths
    σ√E|.|² of both parts, ``quality_cosine`` and ``task_cosine`` with the true correction, and ``task_share`` of the
    pull's square length. ``error_core``, ``error_rim``, ``error_outside``: the main model's error by true region.
    Of points that are outside: ``cosine_outside``, the same cosine; ``uphill_outside``, that of the pull with the true
    score; ``raised_outside``, the share of them whose true log-density rises along the pull, NaN without any.

    Attributes:
        sigmas: Noise levels, [m].
        values: Measures by name, [m] each.
        errors: Their standard errors over seeds; NaN for one seed.

    Example:
        >>> mechanism.Mechanism(np.array([0.1]), {"cosine": np.array([0.5])}, {"cosine": np.array([0.1])}).values
        {'cosine': array([0.5])}
    """

    sigmas: np.ndarray
    values: Mapping[str, np.ndarray]
    errors: Mapping[str, np.ndarray]


def mechanism(
    main: Density,
    guide: Density,
    *,
    target: str = "A",
    weak: Density | None = None,
    sigmas: np.ndarray = SIGMAS,
    n: int = 4096,
    seeds: int = 4,
    at: str = "truth",
) -> Mechanism:
    """Measure why a guide helps or harms, at every noise level.

    Args:
        main: The model that is guided.
        guide: What it is guided away from.
        target: What is true.
        weak: A model of the main one's task, as poor as the guide, that splits the pull in two.
        sigmas: Noise levels.
        n: Points a level and seed.
        seeds: How many.
        at: 'truth', points of p(x | target; sigma), or 'sampler', where the main model's own unguided samples pass:
            there its mistakes have had their effect. The levels are then the nearest ones of a run of 64 steps.

    Returns:
        Measures by noise level.

    Raises:
        ValueError: ``at`` is neither, or the target is not known.

    Source:
        This project's measures of what Karras et al. 2024, arXiv:2406.02507, explain guidance by.

    Example:
        >>> main, guide = (distributions.mixture(f"gaussians/{classes}") for classes in ("A", "ABC"))
        >>> levels = np.array([0.1, 1.0])
        >>> found = mechanism.mechanism(main, guide, target="gaussians/A", sigmas=levels, n=64, seeds=2)
        >>> [bool((found.values[name] < 1e-6).all()) for name in ("error_main", "error_guide")]
        [True, False]
    """
    if at not in PLACES:
        raise ValueError(f"unknown place {at!r}; have: {', '.join(PLACES)}")
    truth = distributions.mixture(target)
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))
    run = np.asarray(noise_levels(64, 5.0, 0.002))
    steps = tuple(int(np.argmin(np.abs(np.log(run[:-1] / sigma)))) for sigma in sigmas) if at == "sampler" else ()
    if steps:
        sigmas = run[list(steps)]
    levels, known = jnp.asarray(sigmas, jnp.float32), _known(target, tuple(map(float, sigmas)))
    found = {
        name: np.asarray(value)
        for name, value in _measure(
            truth, main, guide, weak if weak is not None else guide, levels, known, keys, n, steps
        ).items()
        if weak is not None or name not in SPLIT
    }
    means = {name: value.mean(axis=0) for name, value in found.items()}
    return Mechanism(np.asarray(sigmas), means, {name: standard_error(value) for name, value in found.items()})


def due_to_task(found: Mechanism) -> tuple[float, float]:
    """Share of the pull that is due to the task, below the noise level ``BETWEEN`` and above it.

    Args:
        found: By ``mechanism`` with a weak model.

    Returns:
        Two means over noise levels, each weighted by the square lengths of the parts; NaN without a weak model.

    Example:
        >>> one = np.ones(2)
        >>> values = {"quality": one, "task": one, "task_share": np.array([0.2, 0.9])}
        >>> mechanism.due_to_task(mechanism.Mechanism(np.array([0.01, 1.0]), values, {}))
        (0.2, 0.9)
    """
    if "task_share" not in found.values:
        return math.nan, math.nan
    weights = np.square(found.values["quality"]) + np.square(found.values["task"]) + 1e-30
    share, low = np.clip(found.values["task_share"], 0, 1), found.sigmas < BETWEEN
    below, above = (float(np.average(share[there], weights=weights[there])) for there in (low, ~low))
    return below, above


SPLIT = ("quality", "task", "quality_cosine", "task_cosine", "task_share")


@lru_cache(maxsize=32)
def _known(target: str, sigmas: tuple[float, ...]) -> Float[Array, "m 4096"]:
    """By noise level, how improbable the points of a true sample are, in order: once for all guides."""
    found: Array = _improbable(distributions.mixture(target), jnp.asarray(sigmas, jnp.float32))
    return found


@jax.jit
def _improbable(truth: GaussianMixture, sigmas: Float[Array, " m"]) -> Float[Array, "m 4096"]:
    def level(sigma: Array) -> Float[Array, " 4096"]:
        return jnp.sort(-truth.logp(truth.sample(jax.random.key(0), 4096, sigma), sigma))

    found: Array = jax.lax.map(level, sigmas)
    return found


@partial(jax.jit, static_argnames=("n", "steps"))
def _measure(
    truth: GaussianMixture,
    main: Density,
    guide: Density,
    weak: Density,
    sigmas: Array,
    known: Float[Array, "m 4096"],
    keys: Array,
    n: int,
    steps: tuple[int, ...],
) -> dict[str, Float[Array, "k m"]]:
    def points(key: Array) -> Float[Array, "m n 2"]:
        if not steps:
            each = (jax.random.split(key, len(sigmas)), sigmas)
            drawn: Array = jax.lax.map(lambda now: truth.sample(now[0], n, now[1]), each)
            return drawn
        start = truth.sample(key, n, 5.0)
        path: Array = trajectory(start, noise_levels(64, 5.0, 0.002), {"main": main}, {}, key, rule="none")
        return path[jnp.array(steps)]

    def level(x: Array, sigma: Array, known: Array) -> dict[str, Array]:
        s1, s0, sw, s = (density.score(x, sigma) for density in (main, guide, weak, truth))
        pull, correction = s1 - s0, s - s1
        quality, task = s1 - sw, sw - s0
        # The share of the true density's mass that is denser, from a true sample.
        rank = jnp.searchsorted(known, -truth.logp(x, sigma)) / 4096
        wrong = square(correction)
        outside = (rank >= REGIONS["outside"][0]).astype(x.dtype)[:, None]

        def error(inside: Array) -> Array:
            inside = inside.astype(wrong.dtype)
            return sigma**2 / 2 * jnp.sum(wrong * inside) / jnp.maximum(jnp.sum(inside), 1)

        both = jnp.mean(jnp.sum(pull * correction, axis=-1))
        extra = both / jnp.maximum(jnp.mean(square(pull)), TINY)
        return {
            "error_main": error(jnp.ones(n)),
            "error_guide": sigma**2 / 2 * jnp.mean(square(s - s0)),
            "cosine_outside": cosine(pull * outside, correction * outside),
            "uphill_outside": cosine(pull * outside, s * outside),
            "raised_outside": jnp.sum(jnp.where(jnp.sum(pull * s, axis=-1, keepdims=True) > 0, outside, 0))
            / jnp.sum(outside),
            **{f"error_{name}": error((rank >= lo) & (rank < hi + (hi == 1))) for name, (lo, hi) in REGIONS.items()},
            "cosine": cosine(pull, correction),
            "best_w": 1 + extra,
            "left": jnp.mean(square(correction - extra * pull)) / jnp.maximum(jnp.mean(wrong), TINY),
            "quality": sigma * jnp.sqrt(jnp.mean(square(quality))),
            "task": sigma * jnp.sqrt(jnp.mean(square(task))),
            "quality_cosine": cosine(quality, correction),
            "task_cosine": cosine(task, correction),
            "task_share": jnp.mean(jnp.sum(task * pull, axis=-1)) / jnp.maximum(jnp.mean(square(pull)), TINY),
        }

    def one(key: Array) -> dict[str, Array]:
        measures: dict[str, Array] = jax.lax.map(lambda now: level(*now), (points(key), sigmas, known))
        return measures

    measures: dict[str, Array] = jax.lax.map(one, keys)
    return measures


TINY = 1e-12


def square(v: Float[Array, "n 2"]) -> Float[Array, " n"]:
    """Squared length of each vector."""
    return jnp.sum(v * v, axis=-1)


def cosine(a: Float[Array, "n 2"], b: Float[Array, "n 2"]) -> Float[Array, ""]:
    """Pooled cosine of two vector fields.

    Args:
        a: Vectors at some points.
        b: Vectors at the same points.

    Returns:
        From -1 to 1; 0 where one of them vanishes.

    Example:
        >>> round(float(mechanism.cosine(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]]))), 4)
        0.7071
    """
    lengths = jnp.sqrt(jnp.mean(square(a)) * jnp.mean(square(b)))
    return jnp.mean(jnp.sum(a * b, axis=-1)) / jnp.maximum(lengths, TINY)
