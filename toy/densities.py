"""Densities smoothed by noise: the protocol that exact mixtures and trained networks share.

Noise levels follow EDM (Karras et al. 2022, arXiv:2206.00364): ``p(x; sigma)`` is the data density convolved with
``N(0, sigma^2 I)``, ``score`` its gradient of the log with respect to ``x``, in 1/length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from toy import components
from toy.labels import UNNAMED, Labels

Points = Float[Array | np.ndarray, "*b 2"]
Level = Float[Array | np.ndarray, "*#b"] | float  # of noise

# Called by itself it is compiled once for its shapes; within what is compiled it is traced once, and is a part of it.
_inlined = partial(jax.jit, inline=True)


@runtime_checkable
class Density(Protocol):
    """Anything with a log-density and a score at a noise level: an exact mixture or a trained network."""

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log-density in nats; a learned one is right up to a constant per sigma."""

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """Gradient of ``logp`` with respect to ``x``, in 1/length."""


# What a rule asks for that needs the constant of log p too; no type can tell. ``toy.quadrature.normalised`` makes one.
Normalised = Annotated[Density, "its integral is 1 at every noise level"]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["log_weights", "origins", "centres", "axes", "variances"],
    meta_fields=["labels"],
)
@dataclass(frozen=True)
class GaussianMixture:
    """A 2D Gaussian mixture, exact at every noise level, in groups that share one covariance.

    Noise adds ``sigma^2`` to both eigenvalues of a covariance and leaves its axes alone, so everything is kept
    in the eigenbasis of its group: no matrix is inverted, whatever sigma is.

    Attributes:
        log_weights: Of each part, [groups, parts], normalised over all. Within a loop over groups each array is
            without that axis.
        origins: The middle of each group, [groups, 2].
        centres: Of each part, from there in the group's own axes, [groups, parts, 2]: small numbers, float32 keeps
            their digits.
        axes: Rows are unit eigenvectors, [groups, 2, 2].
        variances: Along these, [groups, 2].
        labels: The class of each group.

    Example:
        >>> A = distributions.mixture("A")
        >>> A.origins.shape, A.centres.shape, A.parts  # branches, each of eight Gaussians
        ((127, 2), (127, 8, 2), 8)
    """

    log_weights: Float[Array | np.ndarray, "*g k"]
    origins: Float[Array | np.ndarray, "*g 2"]
    centres: Float[Array | np.ndarray, "*g k 2"]
    axes: Float[Array | np.ndarray, "*g 2 2"]
    variances: Float[Array | np.ndarray, "*g 2"]
    labels: Labels = UNNAMED

    @classmethod
    def of(
        cls,
        weights: np.ndarray,
        means: np.ndarray,
        covariances: np.ndarray,
        labels: Sequence[str] = (),
    ) -> "GaussianMixture":
        """Build it from Gaussians as they are written down.

        Args:
            weights: Of any positive scale, [groups, parts].
            means: In the plane, [groups, parts, 2].
            covariances: One a group, [groups, 2, 2].
            labels: The class of each group.

        Returns:
            The mixture in single precision, or in double where that is switched on.

        Raises:
            ValueError: A weight is not positive and finite, or a covariance not positive definite.

        Example:
            >>> one = GaussianMixture.of(np.ones((1, 1)), np.zeros((1, 1, 2)), 0.25 * np.eye(2)[None])
            >>> round(float(one.logp(jnp.zeros(2), 0.5)), 4)  # variance 0.25 + 0.5² = 0.5, so -ln(2π 0.5)
            -1.1447
        """
        weights, means, covariances = (np.asarray(a, np.float64) for a in (weights, means, covariances))
        if not (np.isfinite(weights).all() and (weights > 0).all()):
            raise ValueError("mixture weights must be positive and finite")
        variances, vectors = np.linalg.eigh(covariances)
        if not (np.isfinite(variances).all() and (variances > 0).all()):
            raise ValueError("mixture covariances must be positive definite")
        axes = np.swapaxes(vectors, -1, -2)
        origins = means.mean(axis=1)
        centres = np.einsum("gij,gkj->gki", axes, means - origins[:, None])
        log_weights = np.log(weights / weights.sum())
        return cls(
            rounded(log_weights),
            rounded(origins),
            rounded(centres),
            rounded(axes),
            rounded(variances),
            Labels(labels),
        )

    @property
    def parts(self) -> int:
        """Components in each group."""
        return self.log_weights.shape[1]

    def regrouped(self, parts: int) -> "GaussianMixture":
        """The same mixture in groups of fewer parts; ``parts`` divides those that a group has now."""
        times = self.parts // parts
        if times == 1:
            return self
        origins, axes, variances = (jnp.repeat(a, times, axis=0) for a in (self.origins, self.axes, self.variances))
        labels = Labels(label for label in self.labels for _ in range(times))
        weights, centres = self.log_weights.reshape(-1, parts), self.centres.reshape(-1, parts, 2)
        return GaussianMixture(weights, origins, centres, axes, variances, labels)

    @property
    def means(self) -> Float[Array, "g k 2"]:
        """Component means in the plane."""
        offsets = jnp.einsum("gij,gki->gkj", self.axes, self.centres, precision="highest")
        return offsets + self.origins[:, None]

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Exact log p(x; sigma).

        Args:
            x: Points.
            sigma: Noise level, one or one a point.

        Returns:
            In nats, [*b], finite wherever ``x`` is.

        Example:
            >>> print(distributions.mixture("A").logp(X, 0.03))
            [ -2.21   1.7  -12.13]
        """
        logp: Array = _logp(self, x, jnp.asarray(sigma))
        return logp

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """Exact gradient of ``logp`` with respect to ``x``: where to go, and how steeply it rises.

        Args:
            x: Points.
            sigma: Noise level, one or one a point.

        Returns:
            In 1/length, [*b, 2].

        Example:
            >>> score = distributions.mixture("A").score(X, 0.5)
            >>> denoised = X + 0.5**2 * score  # Tweedie: the mean of what x may have been without its noise
            >>> print(denoised)
            [[0.38 0.68]
             [0.27 0.28]
             [0.15 0.35]]
        """
        score: Array = _score(self, x, jnp.asarray(sigma))
        return score

    @_inlined
    def reaches(self, x: Points, sigma: Level, least: Level) -> Bool[Array, "*b"]:
        """Whether log p(x; sigma) is ``least`` or more: a plain sum over the groups, in half the time of ``logp``."""
        sigma, least, plane = jnp.asarray(sigma), jnp.asarray(least), components.coordinates(jnp.asarray(x))

        def body(total: Array, group: "GaussianMixture") -> tuple[Array, None]:
            logits, *_rest = components.components(group, plane, sigma)
            return total + sum(jnp.exp(logit - least) for logit in logits), None

        shape = jnp.broadcast_shapes(x.shape[:-1], sigma.shape, least.shape)
        total, _ = jax.lax.scan(body, jnp.zeros(shape, x.dtype), self)
        return total >= 1

    @_inlined
    def responsibilities(self, x: Points, sigma: Level) -> Float[Array, "*b g"]:
        """Posterior probability of each group given ``x`` at this noise level.

        Args:
            x: Points.
            sigma: Noise level, one or one a point.

        Returns:
            Adds up to 1 over groups, [*b, groups].

        Example:
            >>> A = distributions.mixture("A")
            >>> print(A.responsibilities(X, 0.03).argmax(axis=-1))  # branches, depth first: the root is 0
            [42  0  6]
        """
        sigma, plane = jnp.asarray(sigma), components.coordinates(jnp.asarray(x))

        def body(_: None, group: "GaussianMixture") -> tuple[None, Array]:
            logits, *_rest = components.components(group, plane, sigma)
            return None, jax.nn.logsumexp(jnp.stack(logits), axis=0)

        _, logits = jax.lax.scan(body, None, self)  # [groups, *b]
        return jnp.moveaxis(jax.nn.softmax(logits, axis=0), 0, -1)

    def sample(self, key: Array, n: int, sigma: float | Array = 0.0) -> Float[Array, "n 2"]:
        """Draw points from p(x; sigma).

        Args:
            key: Of the random stream: the same one gives the same points.
            n: How many.
            sigma: Noise level, one or [n].

        Returns:
            Independent points, [n, 2].

        Example:
            >>> x = distributions.mixture("A").sample(jax.random.key(0), 4096)
            >>> print(x.mean(axis=0), x.std(axis=0))
            [0.37 0.36] [0.34 0.34]
        """
        points: Array = self.sample_with_groups(key, n, sigma)[0]
        return points

    @partial(_inlined, static_argnames="n")
    def sample_with_groups(
        self, key: Array, n: int, sigma: float | Array = 0.0
    ) -> tuple[Float[Array, "n 2"], Int[Array, " n"]]:
        """Draw ``n`` points and say which group each came from."""
        key_part, key_noise = jax.random.split(key)
        part = _pick(key_part, jnp.exp(self.log_weights).ravel(), n)
        group = part // self.parts
        variances = self.variances[group]
        std = jnp.sqrt(variances + jnp.square(on_points(sigma, variances)))
        local = self.centres.reshape(-1, 2)[part] + std * jax.random.normal(key_noise, (n, 2))
        axes = self.axes[group]
        return self.origins[group] + local[:, :1] * axes[:, 0] + local[:, 1:] * axes[:, 1], group


def rounded(values: ArrayLike) -> Array:
    """JAX's array of NumPy's, in single precision unless double is on: not told the type, JAX would compile for it."""
    dtype = jax.dtypes.canonicalize_dtype(np.asarray(values).dtype)
    return jnp.asarray(np.asarray(values, dtype), dtype)


def on_points(sigma: Level, x: Points) -> Float[Array, "*#b 1"]:
    """Noise levels as factors on points: one value for both coordinates, of as many axes as ``x`` and of its type."""
    sigma = jnp.asarray(sigma, x.dtype)[..., None]
    return jax.lax.broadcast_to_rank(sigma, max(x.ndim, sigma.ndim))


def _pick(key: Array, weights: Float[Array, " m"], n: int) -> Int[Array, " n"]:
    """Draw ``n`` indices by inverting the cumulative weights: one uniform and one binary search each."""
    edges = jnp.cumsum(weights)
    uniform = jax.random.uniform(key, (n,)) * edges[-1]
    return jnp.minimum(jnp.searchsorted(edges, uniform, side="right"), len(weights) - 1)


_logp = _inlined(components.logp)
_score = _inlined(components.score)
