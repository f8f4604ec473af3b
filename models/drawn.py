"""Densities that are drawn anew wherever they are asked: networks less some units or layers, any with a noisy input.

What is drawn at a point depends on a key, the strength, the noise level and the point itself, bit by bit: as good as
another draw for each point and evaluation, and still a function. A point may be asked again, alone or among others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from models.mlp import Dropout, EnergyMLP
from toy.densities import Density, Level, Points, on_points

TINY = 1e-12  # a noise level that is none


def bits(value: Array | float) -> Array:
    """The bits of a number in float32."""
    return jax.lax.bitcast_convert_type(jnp.asarray(value, jnp.float32), jnp.uint32)


def at_point(key: Array, strength: Array, x: Float[Array, "2"], sigma: Array) -> Array:
    """A key of its own for a point at a noise level; of another strength, since main and guide may share their seed."""
    for number in (strength, sigma, x[0], x[1]):
        key = jax.random.fold_in(key, bits(number))
    return key


def each(ask: Callable[[Array, Array], Array], x: Points, sigma: Level) -> Array:
    """``ask`` for each point alone: ``x`` [*b, 2], ``sigma`` [*#b]; what it gives, with axes [*b] before it."""
    shape = jnp.broadcast_shapes(x.shape[:-1], jnp.shape(sigma))
    x = jnp.broadcast_to(x, (*shape, 2)).reshape(-1, 2)
    one = jnp.ndim(sigma) == 0
    levels = jnp.asarray(sigma, jnp.float32) if one else jnp.broadcast_to(sigma, shape).ravel()
    answers: Array = jax.vmap(ask, in_axes=(0, None if one else 0))(x, levels)
    return answers.reshape(*shape, *answers.shape[1:])


@partial(jax.tree_util.register_dataclass, data_fields=["net", "key", "rate"], meta_fields=[])
@dataclass(frozen=True)
class Dropped:
    """A network that leaves out another random share of its hidden units at each point and evaluation.

    As a network itself it has ``weights``, and can be degraded further. The log-density is that of the units that are
    left at the point, and the score its gradient with them held.
    """

    net: EnergyMLP
    key: Array
    rate: Float[Array, ""]

    def weights(self) -> list[Float[Array, "_ _"]]:
        """Effective weights, of all units."""
        return self.net.weights()

    def frozen(self) -> "Dropped":
        """The same with the normalisation of its weights applied."""
        return replace(self, net=self.net.frozen())

    def dropout(self, x: Float[Array, "2"], sigma: Array) -> Dropout:
        """What is left out at one point."""
        return Dropout(at_point(self.key, self.rate, x, sigma), self.rate)

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log-density in nats, up to a constant that is another at each point."""
        return each(lambda x, sigma: self.net.logp(x, sigma, dropout=self.dropout(x, sigma)), x, sigma)

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """Gradient of ``logp`` with respect to ``x``, in 1/length."""
        return each(lambda x, sigma: self.net.score(x, sigma, dropout=self.dropout(x, sigma)), x, sigma)


Net = EnergyMLP | Dropped


class PerLevel:
    """A network that is another at each noise level: the one that is drawn ``at`` it."""

    def at(self, sigma: Float[Array, ""]) -> Net:
        """The network of one noise level."""
        raise NotImplementedError

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log-density in nats, up to a constant per sigma; many noise levels at once take their time."""
        return self._each(lambda net, x, sigma: net.logp(x, sigma), x, sigma, ())

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """Gradient of ``logp`` with respect to ``x``, in 1/length."""
        return self._each(lambda net, x, sigma: net.score(x, sigma), x, sigma, (2,))

    def _each(self, ask: Callable[..., Array], x: Points, sigma: Level, last: tuple[int, ...]) -> Array:
        sigma = jnp.asarray(sigma, jnp.float32)
        if sigma.ndim == 0:
            return ask(self.at(sigma), x, sigma)
        shape = jnp.broadcast_shapes(x.shape[:-1], sigma.shape)
        flat = jnp.broadcast_to(x, (*shape, 2)).reshape(-1, 2), jnp.broadcast_to(sigma, shape).ravel()
        answers: Array = jax.lax.map(lambda now: ask(self.at(now[1]), *now), flat, batch_size=256)
        return answers.reshape(*shape, *last)


# These have their fields in another order than ``Dropped`` has: JAX takes two dataclasses for one where their fields
# hold the same kinds of arrays, and may then run one's compiled program for the other.
@partial(jax.tree_util.register_dataclass, data_fields=["key", "net", "rate"], meta_fields=[])
@dataclass(frozen=True)
class DroppedPerLevel(PerLevel):
    """A network with another dropout mask at each noise level, drawn from ``key`` and the bits of sigma in float32."""

    net: Net
    key: Array
    rate: Float[Array, ""]

    def at(self, sigma: Float[Array, ""]) -> Net:
        """The network less the units that are left out at one noise level."""
        return masked(self.net, jax.random.fold_in(self.key, bits(sigma)), self.rate)


@partial(jax.tree_util.register_dataclass, data_fields=["count", "key", "net"], meta_fields=[])
@dataclass(frozen=True)
class SkippedPerLevel(PerLevel):
    """A network less ``count`` hidden layers, others at each noise level, drawn as ``DroppedPerLevel`` draws units."""

    count: Int[Array, ""]
    key: Array
    net: Net

    def at(self, sigma: Float[Array, ""]) -> Net:
        """The network less the layers that are left out at one noise level."""
        ranks = jax.random.permutation(jax.random.fold_in(self.key, bits(sigma)), hidden_layers(self.net))
        return without(self.net, ranks < self.count)


def masked(net: Net, key: Array, rate: Float[Array, ""] | float) -> Net:
    """The network without a random share of what feeds its hidden layers, the rest scaled up to keep the mean."""
    first, *rest = net.weights()
    keys = jax.random.split(key, len(rest))
    kept = [jax.random.bernoulli(k, 1 - rate, (len(w), 1)).astype(w.dtype) for k, w in zip(keys, rest, strict=True)]
    return with_weights(net, [first, *(w * mask / (1 - rate) for w, mask in zip(rest, kept, strict=True))])


def hidden_layers(net: Net, *, least: int = 0) -> int:
    """How many layers from hidden units to hidden units a network has; ValueError where they are fewer than asked."""
    found = len(net.weights()) - 1
    if found < least:
        raise ValueError(f"the network has {found} hidden layers, not {least}")
    return found


def without(net: Net, left_out: Bool[Array, " depth"]) -> Net:
    """The network less the hidden layers that are ``left_out``: the identity in their place."""
    first, *rest = net.weights()
    same = jnp.eye(first.shape[1], dtype=first.dtype)
    return with_weights(net, [first, *(jnp.where(out, same, w) for out, w in zip(left_out, rest, strict=True))])


def with_weights(net: Net, weights: list[Float[Array, "_ _"]]) -> Net:
    """A network with other effective weights; of the same structure, so that what is compiled serves it too."""
    clone = nnx.clone(net.net if isinstance(net, Dropped) else net)
    for layer, w in zip(clone.layers, weights, strict=True):
        layer[...] = w
    return replace(net, net=clone) if isinstance(net, Dropped) else clone


@partial(jax.tree_util.register_dataclass, data_fields=["density", "key", "share", "drawn"], meta_fields=[])
@dataclass(frozen=True)
class NoisyInput:
    """A denoiser whose input gets noise before it: D'(x; σ) = D(x + √(σ'² − σ²) n; σ'), σ' = (1 + share) σ.

    The sampler keeps σ, so the score is (D' − x)/σ². ``drawn`` is a factor on n ~ N(0, 1): 0 leaves the point where it
    is, and the density is one again.
    """

    density: Density
    key: Array
    share: Float[Array, ""]
    drawn: Float[Array, ""]

    def _ask(self, x: Points, sigma: Level) -> tuple[Array, Array, Array]:
        """What is added to the points, over sigma, [*b, 2]; where the density is asked, [*b, 2], and at which level."""
        ratio, sigma = 1 + self.share, jnp.asarray(sigma)
        noise = each(lambda x, sigma: jax.random.normal(at_point(self.key, self.share, x, sigma), (2,)), x, sigma)
        noise = jnp.sqrt(jnp.maximum(ratio * ratio - 1, 0)) * self.drawn * noise
        return noise, jnp.asarray(x) + on_points(sigma, x) * noise, ratio * sigma

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log-density in nats up to a constant that is another at each point; with n held its gradient is the score."""
        noise, moved, level = self._ask(x, sigma)
        pull = jnp.sum(noise * x, axis=-1) / jnp.maximum(sigma, TINY)
        return pull + jnp.square(1 + self.share) * self.density.logp(moved, level)

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """(D' − x)/σ², in 1/length."""
        noise, moved, level = self._ask(x, sigma)
        pull = noise / jnp.maximum(on_points(sigma, x), TINY)
        return pull + jnp.square(1 + self.share) * self.density.score(moved, level)
