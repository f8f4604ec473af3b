"""The magnitude-preserving MLP that predicts a scalar energy, and its score by differentiation.

Karras et al. 2024, arXiv:2406.02507, Appendix C. Beside it the same MLP predicting the score or the denoised point.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from toy import distributions
from toy.densities import Level, Points, on_points, rounded
from toy.distributions import TargetChoice
from toy.settings import Choice, Knob

SIGMA_DATA = 0.5
# The paper starts the gain at 0 and leaves its sign free, so the first iterations decide it. A gain that turns positive
# makes mean(F^2) a log-density without an upper bound, never turns back, and ends with 1.5-2 times the loss. Here the
# energy is kept non-negative. The start matters too: from 0.1 instead of 0.01 the three main models gave
# 32, 20 and 17% outliers under CFG at w = 4 where these give 14, 15 and 11%; 0.01 was kept as the nearer to the paper.
GAIN_START = 0.01
SILU_GAIN = 0.596  # root mean square of SiLU under a unit normal: dividing keeps magnitudes


Own = TypeVar("Own", bound="Network")
Matrix = TypeVar("Matrix", Array, np.ndarray)
PARAMETRISATIONS = ("energy", "score", "denoiser")


@dataclass(frozen=True)
class Spec:
    """What a network is.

    Example:
        >>> mlp.Spec("moons/A", width=32)
        Spec(classes='moons/A', width=32, depth=4, parametrisation='energy')
    """

    classes: Annotated[str, TargetChoice(distributions.targets(), "Class", "classes of the data", "class")] = "A"
    width: Annotated[int, Knob(1, 1024, 1, "Width", "hidden units of a layer", whole=True)] = 64
    depth: Annotated[int, Knob(1, 16, 1, "Hidden layers", "hidden layers", whole=True)] = 4
    parametrisation: Annotated[str, Choice(PARAMETRISATIONS, "Parametrisation", "what is predicted")] = "energy"


class Dropout(NamedTuple):
    """Hidden units left out in training: another random share ``rate`` for each point and layer."""

    key: Array
    rate: Float[Array, ""]


class Network(nnx.Module):
    """``4 -> n``, then ``depth`` layers ``n -> n``, and ``n -> 2`` for what predicts a vector; one gain.

    A plain pytree of parameters: use it with ``jax.jit``, ``jax.grad``, ``jax.vmap`` directly.
    ``frozen()`` gives the same function with the weight normalisation already applied, for sampling.
    """

    outputs = 0  # of a last layer of its own

    def __init__(self, spec: Spec, *, rngs: nnx.Rngs) -> None:
        """Draw all weights from N(0, 1) and a small gain: before training the score is near a Gaussian's."""
        n = spec.width
        shapes = [(4, n)] + [(n, n)] * spec.depth + [(n, self.outputs)] * (self.outputs > 0)
        self.layers = nnx.List(
            [nnx.Param(jax.random.normal(rngs.params(), shape)) for shape in shapes]  # [in, out]
        )
        self.gain = nnx.Param(jnp.asarray(GAIN_START, jnp.float32))
        self.parametrisation = spec.parametrisation
        self.normalised = False

    def weights(self) -> list[Float[Array, "_ _"]]:
        """What the layers multiply by.

        Returns:
            [in, out] each: what feeds an output has unit norm.

        Example:
            >>> net = mlp.network(mlp.Spec(width=8, depth=1), rngs=nnx.Rngs(0))
            >>> [w.shape for w in net.weights()], round(float(jnp.linalg.norm(net.weights()[1][:, 0])), 2)
            ([(4, 8), (8, 8)], 1.0)
        """
        layers = [layer[...] for layer in self.layers]
        if self.normalised:
            return layers
        return [rms_normalise(w) / jnp.sqrt(w.shape[0]) for w in layers]

    def frozen(self: Own) -> Own:
        """The same function of (x, sigma), with normalisation done once instead of at each evaluation.

        Returns:
            Another network, for sampling.

        Example:
            >>> net = mlp.network(mlp.Spec(width=8, depth=1), rngs=nnx.Rngs(0))
            >>> bool(jnp.allclose(net.frozen().score(X, 0.5), net.score(X, 0.5), atol=1e-4))
            True
        """
        clone = nnx.clone(self)
        for layer in clone.layers:  # in NumPy: nothing to compile
            w = np.asarray(layer[...])
            if not self.normalised:
                layer[...] = rounded(rms_normalise(w) / np.sqrt(np.float32(w.shape[0])))
        clone.normalised = True
        return clone

    def outcome(
        self, scaled: Float[Array, "*b 2"], sigma: Float[Array, "*#b 1"], dropout: Dropout | None = None
    ) -> Float[Array, "*b o"]:
        """What the last layer gives for ``scaled`` = x / sqrt(sigma^2 + sigma_data^2)."""
        first, *rest = self.weights()
        # At one sigma for all points the last two inputs are a bias, so the first layer is written out.
        a, b, c, d = (jax.lax.broadcast_to_rank(row, scaled.ndim) for row in first)
        h = scaled[..., :1] * a + scaled[..., 1:] * b + (jnp.log(sigma) / 4 * c + d)
        for i, w in enumerate(rest):
            h = jax.nn.silu(h) / SILU_GAIN
            if dropout is not None:
                kept = jax.random.bernoulli(jax.random.fold_in(dropout.key, i), 1 - dropout.rate, h.shape)
                h = jnp.where(kept, h / (1 - dropout.rate), 0)
            h = jnp.matmul(h, w, precision="highest")
        return h


class EnergyMLP(Network):
    """log p(x; sigma) up to a constant per sigma."""

    def logp(self, x: Points, sigma: Level, *, dropout: Dropout | None = None) -> Float[Array, "*b"]:
        """Log-density in nats, up to a constant that depends on sigma alone.

        Args:
            x: Points.
            sigma: Noise level, one or one a point, above 0.
            dropout: In training, what leaves units out.

        Returns:
            [*b]; differences mean something within one noise level, never across.

        Example:
            >>> net = mlp.network(mlp.Spec(width=8, depth=1), rngs=nnx.Rngs(0))
            >>> bool((net.logp(X, 0.5) <= 0).all())  # the energy is never negative
            True
        """
        sigma = on_points(sigma, x)
        scaled = jnp.asarray(x) / jnp.sqrt(jnp.square(sigma) + SIGMA_DATA**2)
        h = self.outcome(scaled, sigma, dropout)
        energy = jnp.abs(self.gain[...]) / sigma[..., 0] * jnp.mean(jnp.square(h), axis=-1)
        return -energy - jnp.sum(jnp.square(scaled), axis=-1) / 2

    def score(self, x: Points, sigma: Level, *, dropout: Dropout | None = None) -> Float[Array, "*b 2"]:
        """Gradient of ``logp`` with respect to ``x``.

        Args:
            x: Points.
            sigma: Noise level, one or one a point, above 0.
            dropout: In training, what leaves units out.

        Returns:
            In 1/length, [*b, 2].

        Example:
            >>> net = mlp.network(mlp.Spec(width=8, depth=1), rngs=nnx.Rngs(0))
            >>> gaussian = -X / (0.5**2 + mlp.SIGMA_DATA**2)
            >>> bool(jnp.allclose(net.score(X, 0.5), gaussian, atol=0.2))  # before training: nearly a Gaussian's
            True
        """
        x = jnp.broadcast_to(x, (*jnp.broadcast_shapes(x.shape[:-1], jnp.shape(sigma)), 2))
        score: Array = jax.grad(lambda points: jnp.sum(self.logp(points, sigma, dropout=dropout)))(x)
        return score


class VectorMLP(Network):
    """The score itself from the same layers and one more, to two outputs: no gradient of anything, so no log-density.

    Predicting the 'score', what is added to a Gaussian's score is gain/sigma times the output; predicting the
    'denoiser', the output enters as in the preconditioning of Karras et al. 2022, arXiv:2206.00364.
    """

    outputs = 2

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """There is none: ValueError."""
        raise ValueError(f"a network that predicts the {self.parametrisation} has no log-density")

    def score(self, x: Points, sigma: Level, *, dropout: Dropout | None = None) -> Float[Array, "*b 2"]:
        """What the layers predict, as a score.

        Args:
            x: Points.
            sigma: Noise level, one or one a point, above 0.
            dropout: In training, what leaves units out.

        Returns:
            In 1/length, [*b, 2].

        Example:
            >>> spec = mlp.Spec(width=8, depth=1, parametrisation="score")
            >>> mlp.network(spec, rngs=nnx.Rngs(0)).score(X, 0.5).shape
            (3, 2)
        """
        sigma = on_points(sigma, x)
        variance = jnp.square(sigma) + SIGMA_DATA**2
        out = self.gain[...] / sigma * self.outcome(jnp.asarray(x) / jnp.sqrt(variance), sigma, dropout)
        if self.parametrisation == "denoiser":
            out = SIGMA_DATA / jnp.sqrt(variance) * out
        return out - x / variance


Predictor = EnergyMLP | VectorMLP


def network(spec: Spec, *, rngs: nnx.Rngs) -> Predictor:
    """A network before training.

    Args:
        spec: What it is.
        rngs: Where its weights are drawn from.

    Returns:
        An EnergyMLP, or a VectorMLP for another parametrisation.

    Example:
        >>> net = mlp.network(mlp.Spec(width=64), rngs=nnx.Rngs(0))
        >>> sum(leaf.size for leaf in jax.tree.leaves(net))  # four inputs, four hidden layers, one gain
        16641
    """
    return (EnergyMLP if spec.parametrisation == "energy" else VectorMLP)(spec, rngs=rngs)


def rms_normalise(w: Matrix, eps: float = 1e-4) -> Matrix:
    """Scale what feeds each output to a root mean square of one.

    Args:
        w: A layer [in, out], JAX or NumPy.
        eps: Keeps a layer of zeros finite.

    Returns:
        Shaped as ``w``.

    Source:
        After Karras et al. 2024, arXiv:2312.02696.

    Example:
        >>> print(mlp.rms_normalise(np.array([[3.0], [4.0]])))
        [[0.85]
         [1.13]]
    """
    norm = (w * w).sum(axis=0, keepdims=True) ** 0.5
    scaled: Matrix = w / (eps + norm / w.shape[0] ** 0.5)
    return scaled
