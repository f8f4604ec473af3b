"""Where samples end and what they pass on the way, as single papers speak of it: one number of a run each.

Each takes the path of the particles [steps + 1, n, 2], the samples last, and the noise levels [steps + 1].
"""

import jax.numpy as jnp
import numpy as np

from toy import distributions
from toy.views import logp_on

UNSURE = (0.1, 0.9)  # true posteriors between which a point is near the decision boundary


def variance(path: np.ndarray, sigmas: np.ndarray, *, spread: float) -> float:
    """Of the samples, mean of both coordinates, over the square of a standard deviation."""
    return float(np.var(path[-1].astype(float), axis=0).mean() / spread**2)


def share_beyond(path: np.ndarray, sigmas: np.ndarray, *, at: float, on: str) -> float:
    """Of the samples, beyond a place along the line, away from the other class, in the distribution's own units."""
    return float(np.mean(path[-1, :, 0] * distributions.distribution_of(on).unit > at))


def entangled(x: np.ndarray, sigma: float, target: str) -> float:
    """Share of points [n, 2] near the decision boundary of a noise level, by the posterior of the target's classes."""
    known = distributions.of(target)
    own, every = (
        logp_on(distributions.mixture(name), jnp.asarray(x), jnp.float32(sigma)) for name in (target, known.all.name)
    )
    posterior = known.prior * np.exp(np.asarray(own - every))
    return float(np.mean((posterior > UNSURE[0]) & (posterior < UNSURE[1])))


def entangled_at_the_end(path: np.ndarray, sigmas: np.ndarray, *, target: str) -> float:
    """Share of the samples near the boundary."""
    return entangled(path[-1], 0.0, target)


def entangled_on_the_way(path: np.ndarray, sigmas: np.ndarray, *, target: str) -> float:
    """Share of the points of every fourth step near the boundary of its noise level."""
    return float(np.mean([entangled(x, float(sigma), target) for x, sigma in zip(path[::4], sigmas[::4], strict=True)]))
