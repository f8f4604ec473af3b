"""What a guidance rule is: one function.

Its positional names are roles: a role annotated ``Score`` arrives as its score at (x, sigma),
[*b, 2] in 1/length; one annotated ``Density`` arrives whole, to be asked elsewhere; one annotated ``Normalised`` has a
log-density whose constant is right too. It may also take ``x``, ``sigma``, the ``step`` that is being made, and
``memory``. Its keyword-only names are knobs.

The role ``main`` is what is followed where the weights are neutral. Weights follow Karras et al. 2024: ``w = 1`` is no
guidance, ``w = 0`` is the guide alone. A rule that carries state from step to step takes ``memory`` and returns
``(score, memory)``. What else its decorator may say are the fields of ``Rule``.

A knob called ``prior`` is the prior probability of the negative class: what is usual follows the target.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from toy.densities import Density, Normalised
from toy.registry import Entry, Knob, Registry

Points = Float[Array, "*b 2"]
Score = Annotated[Float[Array, "*b 2"], "of a role"]
Memory: TypeAlias = PyTree  # what a rule carries from step to step; () for most


@dataclass(frozen=True, kw_only=True)
class Rule(Entry):
    """A guidance rule.

    ``tilt`` gives the exponents of the tilted density whose score the rule is, a product of powers of its roles'
    densities, given its knobs; None where it stands for none. ``memory`` gives what its memory starts from, given
    ``x``; ``observe`` what becomes of that, given the rule's knobs, once a step, where the last one led. ``cast`` names
    densities for roles whose usual one does not fit, ``integrator`` the one that the paper derives the rule for,
    ``also`` other values of a Scene that its page shows. ``asks`` gives, given its knobs, how often one evaluation asks
    each role for a score or log-density, where that is not once.
    """

    tilt: Callable[..., Mapping[str, float | Array]] | None = None
    memory: Callable[[Points], Memory] | None = None
    observe: Callable[..., Memory] | None = None
    cast: Mapping[str, str] = field(default_factory=dict)
    integrator: str = ""
    also: tuple[Mapping[str, Any], ...] = ()
    asks: Callable[..., Mapping[str, float]] = lambda **_: {}


RULES = Registry("rule", Rule, roles=(Score, Density, Normalised))
rule = RULES.register

Weight = Annotated[
    float,
    Knob(0, 8, 0.05, "w", "guidance weight: 1 is no guidance, 0 the guide alone", neutral=1),
]

Prior = Annotated[float, Knob(0.01, 0.99, 0.001, "P", "prior probability of the negative class among both")]

KARRAS_2024 = "Karras et al. 2024, arXiv:2406.02507"
P_B = 0.523  # prior probability of class B among both: of the negative where the target is A


class Step(NamedTuple):
    """The step being made: its noise levels, its index over the number of steps, its share of the extra weight."""

    sigma: Array
    sigma_next: Array
    progress: Array
    share: Array


def dot(a: Points, b: Points) -> Float[Array, "*b 1"]:
    """Inner product of each pair of vectors.

    Args:
        a: Vectors.
        b: Vectors.

    Returns:
        With a last axis of 1, so that it multiplies vectors, [*b, 1].

    Example:
        >>> guidance.dot(jnp.array([[3.0, 4.0]]), jnp.array([[1.0, 1.0]])).tolist()
        [[7.0]]
    """
    return jnp.sum(a * b, axis=-1, keepdims=True)


def norm(a: Points) -> Float[Array, "*b 1"]:
    """Length of each vector; never quite 0, so that it can be divided by and differentiated.

    Args:
        a: Vectors.

    Returns:
        With a last axis of 1, [*b, 1].

    Example:
        >>> guidance.norm(jnp.array([[3.0, 4.0]])).tolist()
        [[5.0]]
    """
    return jnp.sqrt(dot(a, a) + 1e-20)


def at_points(draw: Callable[[Array], Array], x: Points, sigma: Array) -> Array:
    """What ``draw`` makes of a key for each point, another at each noise level and place: chance, yet a function.

    So a rule may draw at every evaluation and still be asked again, alone or among others, with the same answer.

    Args:
        draw: One random value from a key.
        x: Points.
        sigma: Noise level, a scalar array.

    Returns:
        A value for each point, [*b].

    Example:
        >>> once, again = (guidance.rules.at_points(jax.random.uniform, X, jnp.float32(1)) for _ in range(2))
        >>> once.shape, bool((once == again).all())
        ((3,), True)
    """

    def one(point: Float[Array, "2"]) -> Array:
        key = jax.random.key(0)
        for number in (sigma, point[0], point[1]):
            key = jax.random.fold_in(key, jax.lax.bitcast_convert_type(jnp.asarray(number, jnp.float32), jnp.uint32))
        return draw(key)

    drawn: Array = jax.vmap(one)(x.reshape(-1, 2)).reshape(x.shape[:-1])
    return drawn
