"""The score that a sampler follows: a rule on densities, its weights moved by a schedule."""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.densities import Density, Normalised, Tilted
from toy.guidance import RULES, Rule, Step
from toy.registry import Entry
from toy.sampling.integrators import Memory


def scheduled(rule: Entry, knobs: Mapping[str, Any], share: Array) -> dict[str, Array]:
    """The rule's knobs with its weights moved to ``share`` of their way from neutral."""
    values = {}
    for name, knob in rule.knobs.items():
        value = jnp.asarray(knobs[name])
        values[name] = value if knob.neutral is None else knob.neutral + share * (value - knob.neutral)
    return values


def start_of(carried: Callable[[Any], Any] | None, x: Float[Array, "*b 2"]) -> Memory:
    """What a rule's ``memory`` or an integrator's ``past`` starts from; () where it carries nothing."""
    return () if carried is None else carried(x)


def guided(
    rule: Rule,
    cast: Mapping[str, Density],
    x: Float[Array, "*b 2"],
    sigma: Array,
    knobs: Mapping[str, Array],
    memory: Memory = (),
    step: Step | None = None,
) -> tuple[Float[Array, "*b 2"], Memory]:
    """Score of the rule at (x, sigma) and its new memory; ``cast`` gives each role its density.

    Without a ``step`` it is one from ``sigma`` to 0, guided in full.
    """
    step = step or Step(sigma, jnp.zeros_like(sigma), jnp.ones(()), jnp.ones(()))
    given = {"x": x, "sigma": sigma, "memory": memory, "step": step}
    for role in rule.roles:
        whole = rule.types[role] in (Density, Normalised)
        given[role] = cast[role] if whole else cast[role].score(x, sigma)
    result = rule(*(given[name] for name in rule.inputs), **knobs)
    return result if "memory" in rule.inputs else (result, memory)


def tilted(rule: Rule, cast: Mapping[str, Density], knobs: Mapping[str, Any]) -> Tilted:
    """The tilted density whose score the rule is; ValueError without one."""
    if rule.tilt is None:
        have = ", ".join(name for name, entry in RULES.items() if entry.tilt)
        raise ValueError(f"rule {rule.name!r} stands for no tilted density; these do: {have}")
    exponents = rule.tilt(**knobs)
    return Tilted(tuple(cast[role] for role in exponents), tuple(jnp.float32(power) for power in exponents.values()))
