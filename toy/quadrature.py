"""Integrals over the plane by adaptive quadrature, with the error that was reached."""

import hashlib
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from cachetools import LRUCache, cached
from jaxtyping import Array, Float

from toy.densities import Density, GaussianMixture, Level, Normalised, Points
from toy.identity import Same, same

A = TypeVar("A", Array, np.ndarray)
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(4)
BATCH = 1024  # cells evaluated at once: one shape, one compilation


def _content(density: Density, sigma: float, *, tolerance: float = 1e-4, most: int = 2**18) -> Hashable:
    """What an integral depends on: a product of powers is made anew for every question that it is asked."""
    leaves, structure = jax.tree.flatten(density)
    arrays = [np.asarray(leaf) for leaf in leaves]
    content = tuple((a.dtype.str, a.shape, hashlib.sha256(a.tobytes()).digest()) for a in arrays)
    return structure, content, float(sigma), tolerance, most


@cached(LRUCache(256), key=_content, lock=threading.Lock())
def log_mass(density: Density, sigma: float, *, tolerance: float = 1e-4, most: int = 2**18) -> tuple[float, float]:
    """Log of the integral of a density over the plane: 0 for one that is normalised.

    Cells of a square that reaches 8 standard deviations beyond the data are halved where one Gauss-Legendre rule and
    its four children's disagree by most. What was found is kept.

    Args:
        density: Whose exp(log p(x; sigma)) is integrated.
        sigma: Noise level.
        tolerance: Sum of disagreements, over the integral, at which it ends.
        most: How many cells are evaluated at most.

    Returns:
        In nats, and its estimated relative error.

    Example:
        >>> mass, error = quadrature.log_mass(distributions.mixture("gaussians/A"), 0.5)
        >>> abs(mass) < 1e-4, error < 1e-4
        (True, True)
    """
    half = 8 * float(np.hypot(sigma, 0.5))
    logp = partial(_logp, density, sigma)
    cells = _square(half, 64)
    logs = _at_nodes(logp, cells)
    top = float(np.max(logs))
    values = _integrals(logs, cells, top)
    done, error_done, used = 0.0, 0.0, len(cells)
    while True:
        children = _split(cells)
        parts = _integrals(_at_nodes(logp, children), children, top).reshape(-1, 4)
        used += len(children)
        sums = parts.sum(axis=1)
        errors = np.abs(sums - values)
        total = done + sums.sum()
        budget = tolerance * total / 2
        order = np.argsort(errors)
        settled = np.zeros(len(cells), bool)
        settled[order[np.cumsum(errors[order]) < budget * 0.25]] = True
        done += sums[settled].sum()
        error_done += errors[settled].sum()
        rest = ~settled
        if error_done + errors[rest].sum() < tolerance * total or used >= most or not rest.any():
            total = done + sums[rest].sum()
            return top + float(np.log(total)), float((error_done + errors[rest].sum()) / total)
        cells = children.reshape(-1, 4, 3)[rest].reshape(-1, 3)
        values = parts[rest].reshape(-1)


@partial(jax.tree_util.register_dataclass, data_fields=["density", "knots", "coefficients"], meta_fields=["error"])
@dataclass(frozen=True)
class Tabulated:
    """A density divided by its mass, which is interpolated from a table over the noise levels; a Normalised.

    Between the table's entries a cubic spline in log sigma adds up to 0.01 nats at the lowest noise levels, less than
    0.001 above sigma 0.01.

    Attributes:
        density: As it is.
        knots: The table's levels, log sigma, [m].
        coefficients: Of the spline, [4, m - 1].
        error: The largest estimated relative error of the table's masses.

    Example:
        >>> quadrature.normalised(distributions.mixture("A")) is distributions.mixture("A")  # which needs no table
        True
    """

    density: Density
    knots: Float[Array, " m"]  # log sigma
    coefficients: Float[Array, "4 m-1"]
    error: float

    def log_mass(self, sigma: Float[Array, "*b"]) -> Float[Array, "*b"]:
        """Log of the density's integral, nats; outside the table's noise levels that of its last one."""
        sigma = jnp.clip(sigma, TABLE[0], TABLE[-1])
        level = jnp.log(sigma)
        i = jnp.clip(jnp.searchsorted(self.knots, level) - 1, 0, len(self.knots) - 2)
        t = level - self.knots[i]
        a, b, c, d = self.coefficients
        smooth: Array = ((a[i] * t + b[i]) * t + c[i]) * t + d[i]
        return smooth / _tame(sigma)

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log-density in nats."""
        return self.density.logp(x, sigma) - self.log_mass(jnp.asarray(sigma, x.dtype))

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """Gradient of ``logp`` with respect to ``x``: the density's own."""
        return self.density.score(x, sigma)


def _tame(sigma: A) -> A:
    """The constant of an energy network grows as 1/sigma: what makes it smooth enough for a spline."""
    return sigma / (sigma**2 + 0.25) ** 0.5


TABLE = np.geomspace(0.002, 80, 48)
_made: LRUCache[Same, Tabulated] = LRUCache(32)


def normalised(density: Density) -> Normalised:
    """The density with its constant put right at every noise level.

    For a network the table of 48 levels takes seconds to work out, once.

    Args:
        density: A network or a product of powers; mixtures are normalised already.

    Returns:
        The same density where it needed nothing, or a Tabulated one.

    Example:
        >>> A = distributions.mixture("A")
        >>> quadrature.normalised(A) is A
        True
    """
    return density if isinstance(density, GaussianMixture | Tabulated) else _tabulated(density)


@cached(_made, key=same, lock=threading.Lock())
def _tabulated(density: Density) -> Tabulated:
    from scipy.interpolate import CubicSpline  # here: it would be a third of a second of every start

    masses, errors = np.transpose([log_mass(density, float(sigma), tolerance=1e-3) for sigma in TABLE])
    spline = CubicSpline(np.log(TABLE), masses * _tame(TABLE))
    knots, coefficients = (jnp.asarray(a, jnp.float32) for a in (spline.x, spline.c))
    return Tabulated(density, knots, coefficients, float(errors.max()))


def _square(half: float, count: int) -> np.ndarray:
    """Cells [count^2, 3] of a square about the origin: centre x, centre y, half-width."""
    centres = (np.arange(count) + 0.5) / count * 2 * half - half
    x, y = np.meshgrid(centres, centres)
    return np.column_stack([x.ravel(), y.ravel(), np.full(count**2, half / count)])


def _split(cells: np.ndarray) -> np.ndarray:
    """The four quarters of each cell, [4 m, 3]."""
    offsets = np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)]) / 2
    centres = cells[:, None, :2] + offsets * cells[:, None, 2:]
    halves = np.broadcast_to(cells[:, None, 2:] / 2, (len(cells), 4, 1))
    return np.concatenate([centres, halves], axis=-1).reshape(-1, 3)


def _at_nodes(logp: Callable[[np.ndarray], np.ndarray], cells: np.ndarray) -> np.ndarray:
    """``logp`` at the 4 x 4 nodes of a Gauss-Legendre rule in each cell, [m, 16]."""
    u, v = np.meshgrid(NODES, NODES)
    points = cells[:, None, :2] + cells[:, None, 2:] * np.column_stack([u.ravel(), v.ravel()])
    return logp(points.reshape(-1, 2)).reshape(-1, 16)


def _integrals(logs: np.ndarray, cells: np.ndarray, top: float) -> np.ndarray:
    """Integral of exp(log p - top) over each cell, from the logs at its nodes."""
    weights = np.outer(NODE_WEIGHTS, NODE_WEIGHTS).ravel()
    return np.asarray(np.exp(logs - top) @ weights * cells[:, 2] ** 2)


def _logp(density: Density, sigma: float, points: np.ndarray) -> np.ndarray:
    size = BATCH * 16
    padded = np.resize(points.astype(np.float32), (-(-len(points) // size) * size, 2))
    chunks = [_chunk(density, part, jnp.float32(sigma)) for part in padded.reshape(-1, size, 2)]
    return np.concatenate(chunks)[: len(points)].astype(np.float64)


@jax.jit
def _chunk(density: Density, points: jax.Array, sigma: jax.Array) -> jax.Array:
    return density.logp(points, sigma)
