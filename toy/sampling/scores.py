"""The score that a sampler follows: a rule on densities, its weights moved by a schedule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from toy.densities import Density, Level, Normalised, Points
from toy.extensions import scores
from toy.guidance import RULES, Rule, Step
from toy.guidance.rules import Memory
from toy.registry import Entry


def scheduled(rule: Entry, knobs: Mapping[str, ArrayLike], share: Array) -> dict[str, Array]:
    """The rule's knobs with its weights moved to ``share`` of their way from neutral.

    Args:
        rule: Whose knobs they are.
        knobs: All of the rule's, by name.
        share: Of the extra weight, as a schedule gives it.

    Returns:
        The knobs by name; those that are no weights as they were.

    Example:
        >>> share = schedules.SCHEDULES["linear"](jnp.float32(0.25))  # a quarter of the run is done
        >>> moved = sampling.scheduled(guidance.RULES["cfg"], {"w": 3.0}, share)
        >>> float(share), float(moved["w"])
        (0.5, 2.0)
    """
    values = {}
    for name, knob in rule.knobs.items():
        value = jnp.asarray(knobs[name])
        values[name] = value if knob.neutral is None else knob.neutral + share * (value - knob.neutral)
    return values


def start_of(carried: Callable[[Float[Array, "*b 2"]], Memory] | None, x: Float[Array, "*b 2"]) -> Memory:
    """What a rule's ``memory`` or an integrator's ``past`` starts from; () where it carries nothing."""
    return () if carried is None else carried(x)


def guided(
    rule: Rule,
    cast: Mapping[str, Density],
    x: Float[Array, "*b 2"],
    sigma: Array,
    knobs: Mapping[str, ArrayLike],
    memory: Memory = (),
    step: Step | None = None,
) -> tuple[Float[Array, "*b 2"], Memory]:
    """What a sampler follows: the rule's score at (x, sigma), and its new memory.

    Args:
        rule: An entry of ``RULES``.
        cast: The density that plays each role.
        x: Points.
        sigma: Noise level, a scalar array.
        knobs: All of the rule's, by name.
        memory: What the rule carries; () for most.
        step: The one that is made; by default from ``sigma`` to 0, guided in full.

    Returns:
        The score in 1/length, [*b, 2], and the memory.

    Example:
        >>> cast = {"main": distributions.mixture("A"), "unconditional": distributions.mixture("AB")}
        >>> cfg, knobs, sigma = guidance.RULES["cfg"], {"w": 2.0}, jnp.float32(0.5)
        >>> score, _ = sampling.guided(cfg, cast, X, sigma, knobs)
        >>> bool(jnp.allclose(score, sampling.tilted(cfg, cast, knobs).score(X, sigma), atol=1e-4))
        True
    """
    step = step or Step(sigma, jnp.zeros_like(sigma), jnp.ones(()), jnp.ones(()))
    given: dict[str, object] = {"x": x, "sigma": sigma, "memory": memory, "step": step}
    whole = {role for role in rule.roles if rule.types[role] in (Density, Normalised)}
    given |= {role: cast[role] for role in whole}
    given |= scores({role: cast[role] for role in rule.roles if role not in whole}, x, sigma)
    result = rule(*(given[name] for name in rule.inputs), **knobs)
    return result if "memory" in rule.inputs else (result, memory)


@partial(jax.tree_util.register_dataclass, data_fields=["parts", "powers"], meta_fields=[])
@dataclass(frozen=True)
class Tilted:
    """A product of powers of densities, p1^w p0^(1 − w) for a rule with one guide; not normalised.

    Attributes:
        parts: The densities.
        powers: The exponent of each.

    Example:
        >>> A, AB = distributions.mixture("A"), distributions.mixture("AB")
        >>> len(Tilted((A, AB), (jnp.float32(2), jnp.float32(-1))).parts)  # of CFG at w = 2
        2
    """

    parts: tuple[Density, ...]
    powers: tuple[Float[Array, ""], ...]

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log of the product.

        Args:
            x: Points.
            sigma: Noise level, one or one a point.

        Returns:
            In nats, up to a constant per sigma, [*b].

        Example:
            >>> A = distributions.mixture("A")
            >>> bool(jnp.allclose(Tilted((A,), (jnp.float32(2),)).logp(X, 0.5), 2 * A.logp(X, 0.5), atol=1e-4))
            True
        """
        return reduce(jnp.add, [w * part.logp(x, sigma) for w, part in zip(self.powers, self.parts, strict=True)])

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """What the rule follows, at every noise level.

        Args:
            x: Points.
            sigma: Noise level, one or one a point.

        Returns:
            Gradient of ``logp`` with respect to ``x``, in 1/length, [*b, 2].

        Example:
            >>> A, AB = distributions.mixture("A"), distributions.mixture("AB")
            >>> cfg = Tilted((A, AB), (jnp.float32(2), jnp.float32(-1)))  # at w = 2
            >>> bool(jnp.allclose(cfg.score(X, 0.5), 2 * A.score(X, 0.5) - AB.score(X, 0.5), atol=1e-4))
            True
        """
        return reduce(jnp.add, [w * part.score(x, sigma) for w, part in zip(self.powers, self.parts, strict=True)])


def tilted(rule: Rule, cast: Mapping[str, Density], knobs: Mapping[str, ArrayLike]) -> Tilted:
    """The tilted density whose score the rule is.

    Args:
        rule: An entry of ``RULES``.
        cast: The density that plays each role.
        knobs: All of the rule's, by name.

    Returns:
        The product of powers, not normalised.

    Raises:
        ValueError: The rule stands for none.

    Example:
        >>> cast = {"main": distributions.mixture("A"), "unconditional": distributions.mixture("AB")}
        >>> [float(power) for power in sampling.tilted(guidance.RULES["cfg"], cast, {"w": 3}).powers]
        [3.0, -2.0]
    """
    if rule.tilt is None:
        have = ", ".join(name for name, entry in RULES.items() if entry.tilt)
        raise ValueError(f"rule {rule.name!r} stands for no tilted density; these do: {have}")
    exponents = rule.tilt(**knobs)
    return Tilted(tuple(cast[role] for role in exponents), tuple(jnp.float32(power) for power in exponents.values()))
