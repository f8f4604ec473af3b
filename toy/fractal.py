"""The paper's 2D distribution: two classes, each a fractal tree of anisotropic Gaussians.

Karras et al. 2024, arXiv:2406.02507, Section 4 and Appendix C.
"""

from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from toy.densities import GaussianMixture

CLASSES = ("A", "B", "AB")
DEPTH = 6  # branches of depth 0..6: 127 a class
PARTS = 8  # Gaussians a branch
ROOT = (0.0030, 0.0325)
SCALE = np.array([1.3136, 1.3844])
SEED = 2
# What threshold() works out at sigma 0, kept so that no start waits for it; a test works it out again.
THRESHOLDS = {
    ("A", 0.99): -1.8748,
    ("A", 0.999): -3.9343,
    ("B", 0.99): -1.8824,
    ("B", 0.999): -4.0762,
    ("AB", 0.99): -2.5561,
    ("AB", 0.999): -4.597,
}
# The same at mass 0.99 and at these noise levels.
REGION_SIGMAS = np.geomspace(1e-3, 100, 24)
# fmt: off
REGIONS = {
    "A": (-1.888, -1.913, -1.967, -2.074, -2.261, -2.521, -2.803, -3.086, -3.296, -3.575, -3.951, -4.437,
          -5.062, -5.835, -6.720, -7.680, -8.655, -9.642, -10.644, -11.644, -12.649, -13.649, -14.651, -15.651),
    "B": (-1.890, -1.909, -1.970, -2.071, -2.253, -2.553, -2.841, -3.154, -3.407, -3.637, -4.009, -4.539,
          -5.141, -5.880, -6.723, -7.668, -8.651, -9.650, -10.648, -11.646, -12.645, -13.648, -14.654, -15.658),
    "AB": (-2.564, -2.587, -2.631, -2.744, -2.940, -3.205, -3.467, -3.749, -3.913, -4.059, -4.275, -4.740,
           -5.326, -5.999, -6.789, -7.682, -8.648, -9.639, -10.637, -11.647, -12.643, -13.654, -14.654, -15.657),
}
# fmt: on


@dataclass(frozen=True)
class Branches:
    """The branches of both classes, A's 127 first, in drawing order (depth first).

    ``start``, ``end`` [254, 2] in the plane; ``depth`` [254]; ``weight`` [254], unnormalised mass;
    ``means`` [254, 8, 2], ``covariances`` [254, 2, 2] of the Gaussians; ``thickness`` [254], standard deviation
    across; ``labels`` the class of each.
    """

    start: np.ndarray
    end: np.ndarray
    depth: np.ndarray
    weight: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    thickness: np.ndarray
    labels: tuple[str, ...]

    def mass(self, classes: str) -> np.ndarray:
        """Share of each branch in the chosen classes, [branches], summing to one."""
        weight = self.weight[self.of(classes)]
        return np.asarray(weight / weight.sum())

    def of(self, classes: str) -> np.ndarray:
        """Mask of the branches that belong to the chosen classes; ValueError names the legal ones."""
        if classes not in CLASSES:
            raise ValueError(f"unknown class {classes!r}; have: {', '.join(CLASSES)}")
        return np.array([label in classes for label in self.labels])


@lru_cache(maxsize=1)
def branches() -> Branches:
    """Grow both trees from NumPy's legacy generator, one stream, class A whole before class B."""
    random = np.random.RandomState(SEED)
    rows: list[tuple[str, np.ndarray, np.ndarray, int, float, np.ndarray, np.ndarray]] = []

    def grow(label: str, start: np.ndarray, angle: float, depth: int) -> None:
        u = np.array([np.cos(angle), np.sin(angle)])
        typical = 0.8**depth
        length = 0.292 * typical * (1 + 0.2 * random.randn())
        tau = 0.2 * typical / length
        t = np.linspace(0.07, 0.93, PARTS)
        z = 0.06 * length * SCALE
        along = np.outer(u, u)
        covariance = (along + tau**2 * (np.eye(2) - along)) * np.outer(z, z)
        end = start + u * length
        means = (start + np.outer(t * length, u)) * SCALE
        rows.append((label, start * SCALE, end * SCALE, depth, length * 0.5**depth, means, covariance))
        for sign in (1, -1):
            turn = sign * 0.7**depth * (1 + 0.2 * random.randn())  # drawn for absent children too
            if depth < DEPTH:
                grow(label, end, angle + turn, depth + 1)

    grow("A", np.array(ROOT), np.pi / 4, 0)
    grow("B", np.array(ROOT), 5 * np.pi / 4, 0)
    labels, start, end, depth, weight, means, covariances = zip(*rows, strict=True)
    thickness = np.sqrt(np.linalg.eigvalsh(np.array(covariances))[:, 0])
    return Branches(
        np.array(start),
        np.array(end),
        np.array(depth),
        np.array(weight),
        np.array(means),
        np.array(covariances),
        thickness,
        labels,
    )


@lru_cache(maxsize=len(CLASSES))
def mixture(classes: str) -> GaussianMixture:
    """The exact density of class 'A', 'B' or both 'AB' (P(A) = 0.477 in 'AB'), one group a branch."""
    tree = branches()
    chosen = tree.of(classes)
    weights = np.repeat(tree.weight[chosen, None], PARTS, axis=1)
    labels = [label for label, keep in zip(tree.labels, chosen, strict=True) if keep]
    return GaussianMixture.of(weights, tree.means[chosen], tree.covariances[chosen], labels)


def prior(classes: str) -> float:
    """Probability of the chosen class in 'AB'."""
    tree = branches()
    return float(tree.weight[tree.of(classes)].sum() / tree.weight.sum())


@lru_cache(maxsize=256)
def threshold(classes: str, mass: float = 0.99, sigma: float = 0.0) -> float:
    """Log-density that bounds the highest-density region of the given mass of p(x; sigma), in nats.

    The (1 - mass) quantile of log p over 2^17 samples of a fixed seed: standard error about 0.025 at mass 0.99.
    """
    if sigma == 0 and (classes, mass) in THRESHOLDS:
        return THRESHOLDS[classes, mass]
    return quantile(classes, mass, sigma)


def region_thresholds(classes: str, sigmas: np.ndarray | float) -> np.ndarray:
    """``threshold`` at mass 0.99 for any noise levels, interpolated in log sigma: for pictures, within 0.03 nats."""
    sigmas = np.asarray(sigmas, float)
    table = np.interp(np.log(np.maximum(sigmas, REGION_SIGMAS[0])), np.log(REGION_SIGMAS), REGIONS[classes])
    return np.where(sigmas == 0, threshold(classes), table)


def quantile(classes: str, mass: float, sigma: float) -> float:
    """``threshold``, worked out."""
    return float(_quantile(mixture(classes), jnp.float32(sigma), jnp.float32(1 - mass)))


@jax.jit
def _quantile(density: GaussianMixture, sigma: jax.Array, share: jax.Array) -> jax.Array:
    return jnp.quantile(density.logp(density.sample(jax.random.key(0), 2**17, sigma), sigma), share)
