"""Sums over the components of a Gaussian mixture: the log of its density, its gradient and its curvature.

A CPU takes some thousand points in blocks: what a group of components makes of a block stays in a core's cache, and is
not shared out between cores, for which XLA would spend as much again. More points are shared out.
"""

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, PyTree

LOG_2PI = float(np.log(2 * np.pi))
FLOOR = -1e30  # finite in place of -inf, so that the running log-sum-exp starts without a NaN
BLOCK = 512  # points
MOST = 8192  # points that are taken in blocks

T = TypeVar("T")
Parameter = Float[Array | np.ndarray, "..."]
Sums = tuple[Float[Array, "*b"], Float[Array, "*b"], Float[Array, "*b"], Float[Array, "*b"]]
Curvature = tuple[Float[Array, "*b"], Float[Array, "*b"], Float[Array, "*b"]]  # both diagonal entries, then the other


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


class Arrays(NamedTuple):
    """The same, of a mixture's values or of their tangents, which are no arrays where there are none."""

    log_weights: PyTree
    origins: PyTree
    centres: PyTree
    axes: PyTree
    variances: PyTree

    @classmethod
    def of(cls, mixture: Groups) -> "Arrays":
        """Of a mixture."""
        return cls(*(getattr(mixture, name) for name in cls._fields))


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
    found: Array = _logp(Arrays.of(mixture), x, sigma)
    return found


@jax.custom_jvp
def _logp(mixture: Groups, x: Array, sigma: Array) -> Array:
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


@partial(_logp.defjvp, symbolic_zeros=True)
def _logp_jvp(primals: tuple[PyTree, ...], tangents: tuple[PyTree, ...]) -> tuple[Array, Array]:
    """By ``x`` the score: no derivative of the scan."""
    if not _is_by_points(tangents):
        return jax.jvp(_logp.fun, primals, _whole(tangents))
    found = sums(*primals)
    top, total, *_ = found
    return top + jnp.log(total), jnp.sum(pull(found) * _whole(tangents[1]), axis=-1)


def _is_by_points(tangents: tuple[PyTree, ...]) -> bool:
    """Whether neither a mixture nor a noise level is varied."""
    mixture, _, sigma, *_ = tangents
    return all(isinstance(leaf, SymbolicZero) for leaf in jax.tree.leaves((mixture, sigma)))


def _whole(tangents: PyTree) -> PyTree:
    """Tangents with zeros written out."""
    return jax.tree.map(lambda t: jnp.zeros(t.shape, t.dtype) if isinstance(t, SymbolicZero) else t, tangents)


def score(mixture: Groups, x: Array, sigma: Array) -> Array:
    """The gradient, from the sums of all groups."""
    return pull(sums(mixture, x, sigma))


def pull(sums: Sums) -> Float[Array, "*b 2"]:
    """The gradient of the log of what was summed."""
    _, total, s1, s2 = sums
    return jnp.stack([s1, s2], axis=-1) / total[..., None]


def _moments(r: list[Array], weights: Parameter) -> tuple[Array, ...]:
    """Of the parts of a group: their sum, and those with each of ``weights`` [w, parts].

    Left to itself, XLA would work out the exponentials again for each. Few points are summed one part after the other,
    more as one small matrix product.
    """
    if r[0].size <= BLOCK:
        r = jax.lax.optimization_barrier(r)
        return tuple(reduce(jnp.add, map(jnp.multiply, each, r)) for each in ([1.0] * len(r), *weights))
    moments = jnp.concatenate([jnp.ones((1, len(r)), r[0].dtype), weights])
    return tuple(jnp.tensordot(moments, jnp.stack(r), 1, precision="highest"))


def _in_plane(group: Groups, u: Array, v: Array) -> tuple[Array, Array]:
    """A vector in the group's axes, in the plane."""
    (a11, a12), (a21, a22) = group.axes[0], group.axes[1]
    return a11 * u + a21 * v, a12 * u + a22 * v


def sums(mixture: Groups, x: Array, sigma: Array, before: Sums | None = None) -> Sums:
    """The same scan for the gradient: the largest logit, and relative to it the density and both parts of its gradient.

    A group shares its precision, so its pull on a point needs only three weighted sums of its parts. With the sums of
    other groups ``before`` it goes on from there.
    """
    found: Sums = _sums(Arrays.of(mixture), x, sigma, before)
    return found


@jax.custom_jvp
def _sums(mixture: Groups, x: Array, sigma: Array, before: Sums | None) -> Sums:
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
            mass, mass_u, mass_v = _moments(r, group.centres.T)
            g1, g2 = _in_plane(group, precision_u * (u * mass - mass_u), precision_v * (v * mass - mass_v))
            return (new_top, total * shrink + mass, s1 * shrink - g1, s2 * shrink - g2), None

        found: Sums = jax.lax.scan(body, (top, total, s1, s2), mixture)[0]
        return found

    return in_blocks(block, x1, x2, *start, *levels)


# --- Derivatives ------------------------------------------------------------------------------------------------------


def curved(mixture: Groups, x: Array, sigma: Array) -> tuple[Sums, Curvature]:
    """The sums, and the Hessian of the log of the density.

    One more scan, in which every group adds how its pulls are spread about their mean, and its mean about that of all
    before: so no large numbers are subtracted far from the data.
    """
    x1, x2, *levels = _points(x, sigma)
    least = jnp.sqrt(jnp.finfo(x1.dtype).tiny)  # what weighs less is nothing, and its square still a number

    def block(x1: Array, x2: Array, level: Array = sigma) -> tuple[Sums, Curvature]:
        def body(carry: tuple[Sums, Curvature], group: Groups) -> tuple[tuple[Sums, Curvature], None]:
            (top, total, s1, s2), spread = carry
            logits, (u, v), (precision_u, precision_v) = components(group, (x1, x2), level)
            new_top = reduce(jnp.maximum, logits, top)
            shrink = jnp.exp(top - new_top)
            c1, c2 = group.centres.T
            weights = jnp.stack([c1, c2, c1 * c1, c2 * c2, c1 * c2])
            mass, m1, m2, m11, m22, m12 = _moments([jnp.exp(logit - new_top) for logit in logits], weights)
            weight = jnp.where(mass > least, mass, 1)
            mean_u, mean_v = m1 / weight, m2 / weight
            g1, g2 = _in_plane(group, precision_u * (mean_u - u), precision_v * (mean_v - v))  # mean pull of the group
            uu = precision_u * (precision_u * (m11 - mean_u * m1) - mass)
            vv = precision_v * (precision_v * (m22 - mean_v * m2) - mass)
            uv = precision_u * precision_v * (m12 - mean_u * m2)
            (a11, a12), (a21, a22) = group.axes[0], group.axes[1]
            own = (
                a11 * a11 * uu + 2 * a11 * a21 * uv + a21 * a21 * vv,
                a12 * a12 * uu + 2 * a12 * a22 * uv + a22 * a22 * vv,
                a11 * a12 * uu + (a11 * a22 + a21 * a12) * uv + a21 * a22 * vv,
            )
            total, s1, s2 = total * shrink, s1 * shrink, s2 * shrink
            share = total * mass / (total + mass)
            weight = jnp.where(total > least, total, 1)
            d1, d2 = g1 - s1 / weight, g2 - s2 / weight
            between = (share * d1 * d1, share * d2 * d2, share * d1 * d2)
            spread = tuple(a * shrink + b + c for a, b, c in zip(spread, own, between, strict=True))
            return ((new_top, total + mass, s1 + mass * g1, s2 + mass * g2), spread), None

        zero = jnp.zeros_like(x1)
        start = (jnp.full_like(x1, FLOOR), zero, zero, zero), (zero, zero, zero)
        found: tuple[Sums, Curvature] = jax.lax.scan(body, start, mixture)[0]
        return found

    found, (h11, h22, h12) = in_blocks(block, x1, x2, *levels)
    total = found[1]
    return found, (h11 / total, h22 / total, h12 / total)


@partial(_sums.defjvp, symbolic_zeros=True)
def _sums_jvp(primals: tuple[PyTree, ...], tangents: tuple[PyTree, ...]) -> tuple[Sums, Sums]:
    """By ``x`` from the Hessian. What is common to all logits is a part of the largest: total does not change."""
    mixture, x, sigma, before = primals
    if not _is_by_points(tangents):
        return jax.jvp(_sums.fun, primals, _whole(tangents))
    found, (h11, h22, h12) = curved(mixture, x, sigma)
    _, total, s1, s2 = found
    t1, t2 = coordinates(_whole(tangents[1]))
    along, steeper = (s1 * t1 + s2 * t2) / total, (h11 * t1 + h12 * t2, h12 * t1 + h22 * t2)
    change = along, jnp.zeros_like(total), total * steeper[0], total * steeper[1]
    if before is None:
        return found, change
    return jax.jvp(_merged, (before, found), (_whole(tangents[3]), change))


def _merged(one: Sums, other: Sums) -> Sums:
    """The sums of all groups of two."""
    top = jnp.maximum(one[0], other[0])
    shares = jnp.exp(one[0] - top), jnp.exp(other[0] - top)
    total, s1, s2 = (shares[0] * a + shares[1] * b for a, b in zip(one[1:], other[1:], strict=True))
    return top, total, s1, s2
