"""Measures of samples against the exact distribution: quality, variation, alignment, distance.

A measure is one function of what it names: ``x`` [n, 2], ``logp`` [n] their true log-density at sigma 0,
``occupancy`` [modes] the mean responsibility of each true mode, ``posterior`` [n] the true probability of the
target class, and ``truth``. None stands alone: a sharper sampler with fewer branches is not a better one.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from toy import distributions
from toy.densities import GaussianMixture, Points, rounded
from toy.registry import Entry, Registry


@dataclass(frozen=True, kw_only=True)
class Metric(Entry):
    """A measure: its short ``label``, whether 'low', 'high' or the 'truth' is ``better``, and the ``shape`` of one.

    A share of samples or of mass is read in ``percent``. Some need ``levels``, which not every distribution has.
    """

    label: str
    better: str
    percent: bool = False
    shape: tuple[int, ...] = ()
    levels: bool = False


Values = Mapping[str, Any]  # of measures by name: a number, or a list of them where a measure has a shape

METRICS = Registry("metric", Metric)
metric = METRICS.register

PAPER_TOY = "Karras et al. 2024, arXiv:2406.02507, Section 4"
DIRECTIONS = 64
LEVELS = 7  # of a hierarchy, at most
COVERAGE_CELLS = 500  # of 0.01
RESAMPLES = 200
SHARES = ("outliers", "tail", "deep_tail", "root_share", "alignment")  # whose standard error is that of a share


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Truth:
    """What is known exactly of the target: densities, thresholds of log p, masses of the modes, a reference sample."""

    density: GaussianMixture
    both: GaussianMixture
    prior: Float[Array, ""]
    threshold: Float[Array, ""]  # 99% highest-density region
    tail: Float[Array, ""]  # 99.9%
    far: Float[Array, ""]
    mode: Int[Array, " g"]  # of each group
    mass: Float[Array, " m"]
    level: Int[Array, " m"]  # of each mode; -1 where there is no hierarchy
    reference: Float[Array, "n 2"]
    projected: Float[Array, "d n"]  # the reference along each direction, sorted
    apart: Float[Array, ""]  # mean distance between two points of the reference


@partial(jax.jit, static_argnames="n")
def draw(density: GaussianMixture, key: Array, *, n: int) -> Float[Array, "n 2"]:
    """``n`` true samples, compiled."""
    return density.sample(key, n)


@lru_cache(maxsize=64)
def truth(target: str, n: int, draw_of: int | None = None) -> Truth:
    """What measures compare with.

    Args:
        target: Its name.
        n: Points of the reference sample.
        draw_of: The seed it is drawn for; None is the usual one.

    Returns:
        Densities, thresholds, masses of the modes, the sample; kept.

    Raises:
        ValueError: The target is not known.

    Example:
        >>> round(float(metrics.truth("A", 64).mass[0]), 4)  # of the root branch
        0.2572
    """
    known, density = distributions.of(target), distributions.mixture(target)
    key = jax.random.key(2024) if draw_of is None else jax.random.fold_in(jax.random.key(2024), draw_of)
    reference = draw(density, key, n=n)
    return Truth(
        density,
        distributions.mixture(known.all.name),
        jnp.asarray(known.prior),
        jnp.asarray(distributions.threshold(target)),
        jnp.asarray(distributions.threshold(target, 0.999)),
        jnp.asarray(distributions.far(target)),
        rounded(known.mode_of_group),
        rounded(known.mass),
        rounded(np.full(len(known.mass), -1) if known.level is None else known.level),
        reference,
        along_directions(reference),
        mean_distance(reference, reference) * n / max(n - 1, 1),
    )


@jax.jit
def along_directions(x: Float[Array, "n 2"]) -> Float[Array, "d n"]:
    """Coordinates of the points along evenly spread directions, sorted."""
    angles = jnp.pi * jnp.arange(DIRECTIONS, dtype=x.dtype) / DIRECTIONS
    directions = jnp.stack([jnp.cos(angles), jnp.sin(angles)])
    return jnp.sort(jnp.matmul(x, directions, precision="highest").T)


@metric(source=PAPER_TOY, label="quality", better="low", percent=True)
def outliers(logp: Array, truth: Truth) -> Array:
    """Share outside the true 99% highest-density region."""
    return jnp.mean(~(logp >= truth.threshold))  # NaN counts as outside


@metric(source=PAPER_TOY, label="tail", better="low", percent=True)
def tail(logp: Array, truth: Truth) -> Array:
    """Share outside the true 99.9% highest-density region."""
    return jnp.mean(~(logp >= truth.tail))


@metric(source=PAPER_TOY, label="deep tail", better="low", percent=True)
def deep_tail(logp: Array, truth: Truth) -> Array:
    """Share far from everything: with true log p below -10 nats, elsewhere 8 below the edge of the 99% region."""
    return jnp.mean(~(logp >= truth.far))


@metric(source=PAPER_TOY, label="mean log p", better="high")
def mean_logp(logp: Array) -> Array:
    """Mean true log-density, nats."""
    return jnp.mean(logp)


@metric(title="Mode TV", source="this project", label="variation", better="low")
def branch_tv(occupancy: Array, truth: Truth) -> Array:
    """Total variation distance between the sampled and true shares of the modes: of the tree, its branches."""
    return 0.5 * jnp.sum(jnp.abs(occupancy - truth.mass))


@metric(source="this project", label="root share", better="truth", percent=True, levels=True)
def root_share(occupancy: Array, truth: Truth) -> Array:
    """Share of the samples on the first level: of the tree, its root branch."""
    return jnp.where(truth.level[0] < 0, jnp.nan, jnp.sum(jnp.where(truth.level == 0, occupancy, 0)))


@metric(source="this project", label="mass by depth", better="truth", shape=(LEVELS,), levels=True)
def mass_by_depth(occupancy: Array, truth: Truth) -> Array:
    """Share of the samples on the modes of each level, [7]: of the tree, the branches of each depth."""
    shares = jnp.sum(jnp.where(truth.level[None] == jnp.arange(LEVELS)[:, None], occupancy[None], 0), axis=1)
    return jnp.where(truth.level[0] < 0, jnp.nan, shares)


@metric(title="Class posterior", source="this project", label="P(class|x)", better="high")
def alignment(posterior: Array) -> Array:
    """Mean true posterior of the target class at the samples: which class, not whether a sample belongs to either.

    Far outside of both it may be nearer to 1 than at any true sample.
    """
    return jnp.mean(posterior)


@metric(
    title="Sliced Wasserstein",
    source="Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3",
    label="sliced Wasserstein",
    better="low",
)
def sw1(x: Array, truth: Truth) -> Array:
    """Sliced Wasserstein-1 distance to a true sample of the same size, 64 directions, in lengths."""
    return jnp.mean(jnp.abs(along_directions(x) - truth.projected))


@metric(source="Székely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018", label="energy distance", better="low")
def energy_distance(x: Array, truth: Truth) -> Array:
    """Energy distance E|X − Y| − ½E|X − X'| − ½E|Y − Y'| to a true sample of the same size, in lengths.

    Without self-pairs, so that true samples give 0 on average, and sometimes less.
    """
    n = len(x)
    within: Array = mean_distance(x, x) * n / max(n - 1, 1)
    between: Array = mean_distance(x, truth.reference)
    return between - 0.5 * (within + truth.apart)


@jax.jit
def mean_distance(a: Float[Array, "n 2"], b: Float[Array, "m 2"]) -> Float[Array, ""]:
    """Mean distance between the points of two sets, self-pairs included; inner products would lose near digits."""

    def to_all(point: Array) -> Array:
        return jnp.mean(jnp.sqrt(jnp.square(point[0] - b[:, 0]) + jnp.square(point[1] - b[:, 1])))

    return jnp.mean(jax.lax.map(to_all, a, batch_size=64))


@metric(
    source="after Naeem et al. 2020, arXiv:2002.09797, with known densities in place of neighbours",
    label="coverage",
    better="high",
    percent=True,
)
def coverage(x: Array, truth: Truth) -> Array:
    """Share of a true sample within the samples' own 99% region, from their density smoothed by 0.02.

    The samples' density is a kernel estimate on a grid, so that twigs thinner than 0.02 count as covered when near.
    """
    edges = jnp.linspace(-2.5, 2.5, COVERAGE_CELLS + 1)
    inside = jnp.all(jnp.abs(x) < 2.5, axis=-1)  # also false for NaN
    counts, *_ = jnp.histogram2d(x[:, 0], x[:, 1], bins=(edges, edges), weights=inside.astype(x.dtype))
    width = 5.0 / COVERAGE_CELLS
    offsets = jnp.arange(-6, 7, dtype=x.dtype) * width
    kernel = jnp.exp(-0.5 * jnp.square(offsets / 0.02))
    kernel = kernel / jnp.sum(kernel)
    smooth = jax.vmap(lambda row: jnp.convolve(row, kernel, mode="same", precision="highest"))
    density = smooth(smooth(counts).T).T

    def at(points: Array) -> Array:
        i = jnp.clip(jnp.floor((points + 2.5) / width).astype(int), 0, COVERAGE_CELLS - 1)
        return density[i[:, 0], i[:, 1]]

    level = jnp.quantile(jnp.where(inside, at(x), 0), 0.01)
    return jnp.mean((at(truth.reference) >= level) & (at(truth.reference) > 0))


def statistics(x: Float[Array, "n 2"], truth: Truth) -> dict[str, Any]:
    """What measures are made from, each worked out once."""
    logp = truth.density.logp(x, 0.0)
    by_group = jnp.mean(truth.density.responsibilities(x, 0.0), axis=0)
    log_share = jnp.log(truth.prior) + logp - truth.both.logp(x, 0.0)
    return {
        "x": x,
        "logp": logp,
        "occupancy": jnp.zeros_like(truth.mass).at[truth.mode].add(by_group),
        "posterior": jnp.exp(jnp.minimum(log_share, 0)),
        "truth": truth,
    }


def columns(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """A measure [...] under its name, one of several numbers [..., k] in a column for each: 'mass_by_depth_0'."""
    shape = METRICS[name].shape
    return {f"{name}_{i}": values[..., i] for i in range(*shape)} if shape else {name: values}


def chosen(names: tuple[str, ...] | None, target: str) -> tuple[str, ...]:
    """All measures that a target has, or those named; ValueError for one that there is not.

    One that is named and needs the levels of a hierarchy is NaN for a target without.
    """
    return defined(METRICS, target) if names is None else tuple(METRICS[name].name for name in names)


def defined(names: Iterable[str], target: str) -> tuple[str, ...]:
    """Those of some measures that mean something for a target: without a hierarchy there are no levels."""
    flat = distributions.of(target).level is None
    return tuple(name for name in names if not (flat and METRICS[name].levels))


def of_statistics(stats: Mapping[str, object], names: tuple[str, ...]) -> dict[str, Array]:
    """Measures by name from what ``statistics`` gives."""
    return {name: METRICS[name](*(stats[given] for given in METRICS[name].inputs)) for name in names}


@partial(jax.jit, static_argnames="names")
def _evaluate(x: Array, truth: Truth, names: tuple[str, ...]) -> tuple[Array, Array, dict[str, Array]]:
    stats = statistics(x, truth)
    return stats["logp"], stats["occupancy"], of_statistics(stats, names)


def values(x: Float[Array, "n 2"], truth: Truth, names: tuple[str, ...]) -> dict[str, Array]:
    """Measures of samples by name."""
    return dict(_evaluate(x, truth, names)[2])


@dataclass(frozen=True)
class Measured:
    """True log-density [n] of samples, mean responsibilities [modes], and measures by name; shares as fractions."""

    logp: np.ndarray
    occupancy: np.ndarray
    values: dict[str, Any]


def evaluate(x: Points, target: str, names: tuple[str, ...] | None = None) -> Measured:
    """Measure samples at sigma 0.

    Args:
        x: Samples.
        target: What they should be of.
        names: Which measures; all by default.

    Returns:
        Measures, and the log-densities and shares that they are made from.

    Raises:
        ValueError: The target or a measure is not known.

    Example:
        >>> x = distributions.mixture("A").sample(jax.random.key(1), 64, 0.1)  # as by a sampler that stops early
        >>> found = metrics.evaluate(x, "A", ("outliers", "alignment"))
        >>> round(found.values["outliers"], 2), found.logp.shape
        (0.73, (64,))
    """
    logp, occupancy, found = _evaluate(jnp.asarray(x, jnp.float32), truth(target, len(x)), chosen(names, target))
    return Measured(
        np.asarray(logp), np.asarray(occupancy), {name: np.asarray(value).tolist() for name, value in found.items()}
    )


def measure(x: Points, target: str, names: tuple[str, ...] | None = None) -> Values:
    """The values of ``evaluate`` alone.

    Args:
        x: Samples.
        target: What they should be of.
        names: Which measures; all by default.

    Returns:
        By name; a list where a measure is several numbers.

    Raises:
        ValueError: As by ``evaluate``.

    Example:
        >>> metrics.measure(np.zeros((4, 2)) + 9, "A", ("outliers", "alignment"))["outliers"]  # far away
        1.0
    """
    return evaluate(x, target, names).values


@lru_cache(maxsize=32)
def floor(target: str, n: int, names: tuple[str, ...] | None = None) -> Values:
    """The noise floor: what the measures give for true samples.

    Args:
        target: Its name.
        n: How many samples.
        names: Which measures; all by default.

    Returns:
        The mean over four draws, by name.

    Raises:
        ValueError: As by ``evaluate``.

    Example:
        >>> 0.005 < metrics.floor("gaussians/A", 4096, ("outliers",))["outliers"] < 0.015  # of true ones
        True
    """
    draws = [measure(draw(distributions.mixture(target), jax.random.key(i), n=n), target, names) for i in range(4)]
    return {name: np.mean([found[name] for found in draws], axis=0).tolist() for name in draws[0]}


def errors(values: Values, occupancy: Float[np.ndarray, " m"], n: int, target: str) -> dict[str, float]:
    """Standard errors of shares and of the mode TV over draws of ``n`` samples, from one draw's own ``values``.

    Without one where the value is NaN because it means nothing for the target, or because the shares of the modes are.
    """
    found = {name: share_error(values[name], n) for name in SHARES if name in values and values[name] is not None}
    found = {name: error for name, error in found.items() if not (METRICS[name].levels and math.isnan(values[name]))}
    if "branch_tv" in values and np.all(np.isfinite(occupancy)):
        found["branch_tv"] = tv_error(jnp.asarray(occupancy), rounded(distributions.of(target).mass), n)
    return {name: float(error) for name, error in found.items()}


@jax.jit
def share_error(share: Float[Array, ""] | float, n: int | Array) -> Float[Array, ""]:
    """Standard error of a share of ``n`` samples.

    It is binomial, and of all or none of the samples still uncertain by one of them: exact for the outliers; for means
    of probabilities, as the class posterior is, the most that it can be. A share that is no number is held to be 1.
    """
    share, n = jnp.asarray(share, jnp.float32), jnp.asarray(n, jnp.float32)
    share = jnp.where(jnp.isnan(share), 1.0, jnp.clip(share, 0, 1))
    return jnp.sqrt(jnp.maximum(share * (1 - share), 1 / n) / n)


@jax.jit
def tv_error(occupancy: Float[Array, " m"], mass: Float[Array, " m"], n: int | Array) -> Float[Array, ""]:
    """Standard error of the mode TV, drawn again from the sampled shares (parametric bootstrap, Efron 1979).

    Draws of ``n`` samples among the modes are taken as normal, with the multinomial's means and covariances.
    """
    share = jnp.maximum(occupancy, 0) / jnp.sum(jnp.maximum(occupancy, 0))
    share, mass = share[None], mass[None]
    normal = jnp.sqrt(share) * jax.random.normal(jax.random.key(0), (RESAMPLES, share.shape[1]))
    drawn = share + (normal - share * jnp.sum(normal, axis=1, keepdims=True)) / jnp.sqrt(jnp.asarray(n, share.dtype))
    distances = 0.5 * jnp.sum(jnp.abs(drawn - mass), axis=1)
    return jnp.sqrt(jnp.mean(jnp.square(distances - jnp.mean(distances))))
