"""Integrals over the plane by adaptive quadrature, with the error that was reached."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from toy.densities import Density

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(4)
BATCH = 4096  # cells evaluated at once: one shape, one compilation


def log_mass(density: Density, sigma: float, *, tolerance: float = 1e-4, most: int = 2**18) -> tuple[float, float]:
    """Log of the integral of exp(log p(x; sigma)) over the plane, and its estimated relative error.

    Cells of a square that reaches 8 standard deviations beyond the data are halved where one Gauss-Legendre rule and
    its four children's disagree by most, until the sum of disagreements is below ``tolerance`` of the integral or
    ``most`` cells were evaluated.
    """
    half = 8 * float(np.hypot(sigma, 0.5))
    logp = partial(_logp, density, sigma)
    cells = _square(half, 64)
    top = float(np.max(logp(cells[:, :2])))
    values = _integrate(logp, cells, top)
    done, error_done, used = 0.0, 0.0, len(cells)
    while True:
        children = _split(cells)
        parts = _integrate(logp, children, top).reshape(-1, 4)
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


def _integrate(logp: Callable[[np.ndarray], np.ndarray], cells: np.ndarray, top: float) -> np.ndarray:
    """Integral of exp(logp - top) over each cell by a 4 x 4 Gauss-Legendre rule."""
    u, v = np.meshgrid(NODES, NODES)
    weights = np.outer(NODE_WEIGHTS, NODE_WEIGHTS).ravel()
    points = cells[:, None, :2] + cells[:, None, 2:] * np.column_stack([u.ravel(), v.ravel()])
    density = np.exp(logp(points.reshape(-1, 2)).reshape(len(cells), 16) - top)
    return density @ weights * cells[:, 2] ** 2


def _logp(density: Density, sigma: float, points: np.ndarray) -> np.ndarray:
    size = BATCH * 16
    padded = np.resize(points.astype(np.float32), (-(-len(points) // size) * size, 2))
    chunks = [_chunk(density, jnp.asarray(part), jnp.float32(sigma)) for part in padded.reshape(-1, size, 2)]
    return np.concatenate(chunks)[: len(points)].astype(np.float64)


@jax.jit
def _chunk(density: Density, points: jax.Array, sigma: jax.Array) -> jax.Array:
    return density.logp(points, sigma)
