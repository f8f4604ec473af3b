"""Sums over the components of a Gaussian mixture: the log of its density, and its gradient.

A CPU takes some thousand points in blocks: what a group of components makes of a block stays in a core's cache, and is
not shared out between cores, for which XLA would spend as much again. More points are shared out.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

LOG_2PI = float(np.log(2 * np.pi))
FLOOR = -1e30  # finite in place of -inf, so that the running log-sum-exp starts without a NaN
BLOCK = 512  # points
MOST = 8192  # points that are taken in blocks

T = TypeVar("T")
Parameter = Float[Array | np.ndarray, "..."]
Sums = tuple[Float[Array, "*b"], Float[Array, "*b"], Float[Array, "*b"], Float[Array, "*b"]]


@runtime_checkable
class Groups(Protocol):
    """The arrays of a ``toy.densities.GaussianMixture``; within a loop over its groups those of one."""

    @property
    def log_weights(self) -> Parameter: ...
    @property
    def origins(self) -> Parameter: ...
    @property
    def centres(self) -> Parameter: ...
    @property
    def axes(self) -> Parameter: ...
    @property
    def variances(self) -> Parameter: ...


def in_blocks(function: Callable[..., T], *arrays: Float[Array, "*b"]) -> T:
    """A function of arrays [*b], one number a point, that gives such arrays; on a CPU block after block of the points.

    All at once on an accelerator, where there are more, and where they fill no whole blocks.
    """
    shape, n = arrays[0].shape, math.prod(arrays[0].shape)
    if jax.default_backend() != "cpu" or n % BLOCK or not BLOCK < n <= MOST:
        return function(*arrays)
    blocks = tuple(each.reshape(-1, BLOCK) for each in arrays)
    found: T = jax.tree.map(lambda each: each.reshape(shape), jax.lax.map(lambda block: function(*block), blocks))
    return found


def coordinates(x: Float[Array, "*b 2"]) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    """Both coordinates of points, each in an array of its own: taken apart once, and not again for every group."""
    return x[..., 0], x[..., 1]


def _points(x: Array, sigma: Array) -> tuple[Array, ...]:
    """Both coordinates and, where points have levels of their own, these, all of one shape."""
    shape = jnp.broadcast_shapes(x.shape[:-1], sigma.shape)
    plane = coordinates(jnp.broadcast_to(x, (*shape, 2)))
    return (*plane, jnp.broadcast_to(sigma, shape)) if sigma.ndim else plane


def components(
    group: Groups, plane: tuple[Array, Array], sigma: Array
) -> tuple[list[Array], tuple[Array, Array], tuple[Array, Array]]:
    """Of one group: log of weight times density of each part, the points in the group's axes, the precisions."""
    if sigma.ndim:
        sigma = jax.lax.broadcast_to_rank(sigma, max(plane[0].ndim, sigma.ndim))
    x1, x2 = plane[0] - group.origins[0], plane[1] - group.origins[1]
    (a11, a12), (a21, a22) = group.axes[0], group.axes[1]
    u, v = a11 * x1 + a12 * x2, a21 * x1 + a22 * x2
    var_u, var_v = group.variances[0] + sigma * sigma, group.variances[1] + sigma * sigma
    inverse = 1 / (var_u * var_v)
    precision_u, precision_v = inverse * var_v, inverse * var_u
    log_norm = 0.5 * jnp.log(inverse) - LOG_2PI
    logits = []
    for k in range(group.log_weights.shape[0]):  # unrolled: one fused pass over the points
        du, dv = u - group.centres[k, 0], v - group.centres[k, 1]
        logits.append(group.log_weights[k] + log_norm - 0.5 * (du * du * precision_u + dv * dv * precision_v))
    return logits, (u, v), (precision_u, precision_v)


def logp(mixture: Groups, x: Array, sigma: Array) -> Array:
    """Scan over the groups with a running log-sum-exp: no array of [points, components] is ever in memory."""

    def block(x1: Array, x2: Array, levels: Array = sigma) -> Array:
        def body(carry: tuple[Array, Array], group: Groups) -> tuple[tuple[Array, Array], None]:
            top, total = carry
            logits, _, _ = components(group, (x1, x2), levels)
            new_top = reduce(jnp.maximum, logits, top)
            mass = sum(jnp.exp(logit - new_top) for logit in logits)
            return (new_top, total * jnp.exp(top - new_top) + mass), None

        (top, total), _ = jax.lax.scan(body, (jnp.full_like(x1, FLOOR), jnp.zeros_like(x1)), mixture)
        return top + jnp.log(total)

    return in_blocks(block, *_points(x, sigma))


def score(mixture: Groups, x: Array, sigma: Array) -> Array:
    """The gradient, from the sums of all groups."""
    return pull(sums(mixture, x, sigma))


def pull(sums: Sums) -> Float[Array, "*b 2"]:
    """The gradient of the log of what was summed."""
    _, total, s1, s2 = sums
    return jnp.stack([s1, s2], axis=-1) / total[..., None]


def _moments(r: list[Array], centres: Parameter) -> tuple[Array, Array, Array]:
    """Of the parts of a group: their sum, and those with both coordinates of their centres as weights.

    Left to itself, XLA would work out the exponentials again for each. Few points are summed one part after the other,
    more as one small matrix product.
    """
    if r[0].size <= BLOCK:
        r, weights = jax.lax.optimization_barrier(r), ([1.0] * len(r), *centres.T)
        mass, mass_u, mass_v = (reduce(jnp.add, map(jnp.multiply, each, r)) for each in weights)
        return mass, mass_u, mass_v
    moments = jnp.concatenate([jnp.ones((1, len(r)), r[0].dtype), centres.T])
    mass, mass_u, mass_v = jnp.tensordot(moments, jnp.stack(r), 1, precision="highest")
    return mass, mass_u, mass_v


def sums(mixture: Groups, x: Array, sigma: Array, before: Sums | None = None) -> Sums:
    """The same scan for the gradient: the largest logit, and relative to it the density and both parts of its gradient.

    A group shares its precision, so its pull on a point needs only three weighted sums of its parts. With the sums of
    other groups ``before`` it goes on from there.
    """
    x1, x2, *levels = _points(x, sigma)
    zero = jnp.zeros_like(x1)
    start = before or (jnp.full_like(x1, FLOOR), zero, zero, zero)

    def block(x1: Array, x2: Array, top: Array, total: Array, s1: Array, s2: Array, level: Array = sigma) -> Sums:
        def body(carry: Sums, group: Groups) -> tuple[Sums, None]:
            top, total, s1, s2 = carry
            logits, (u, v), (precision_u, precision_v) = components(group, (x1, x2), level)
            new_top = reduce(jnp.maximum, logits, top)
            shrink = jnp.exp(top - new_top)
            r = [jnp.exp(logit - new_top) for logit in logits]
            mass, mass_u, mass_v = _moments(r, group.centres)
            pull_u, pull_v = precision_u * (u * mass - mass_u), precision_v * (v * mass - mass_v)
            (a11, a12), (a21, a22) = group.axes[0], group.axes[1]
            return (
                new_top,
                total * shrink + mass,
                s1 * shrink - (a11 * pull_u + a21 * pull_v),
                s2 * shrink - (a12 * pull_u + a22 * pull_v),
            ), None

        found: Sums = jax.lax.scan(body, (top, total, s1, s2), mixture)[0]
        return found

    return in_blocks(block, x1, x2, *start, *levels)
