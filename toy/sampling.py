"""Sampling: noise levels, integrators, and whole trajectories of the probability-flow ODE.

``dx = -sigma s(x; sigma) dsigma`` from ``sigma_max`` down to 0; Karras et al. 2022, arXiv:2206.00364.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.densities import Density
from toy.guidance import RULES
from toy.registry import Entry, Registry
from toy.schedules import SCHEDULES

INTEGRATORS = Registry("integrator")
integrator = INTEGRATORS.register

Points = Float[Array, "n 2"]
Memory = Any  # what a rule carries from step to step; () for most
Field = Callable[[Points, Array, Memory], tuple[Points, Memory]]


def noise_levels(steps: int, sigma_max: Any, sigma_min: Any, rho: Any = 7.0) -> Float[Array, " s"]:
    """EDM noise levels, [steps + 1], from sigma_max to sigma_min and then 0."""
    ramp = jnp.linspace(0, 1, steps)
    top, bottom = jnp.power(sigma_max, 1 / rho), jnp.power(sigma_min, 1 / rho)
    return jnp.append(jnp.power(top + ramp * (bottom - top), rho), 0.0)


@integrator(source="Karras et al. 2022, arXiv:2206.00364", formula="x' = x − (σ' − σ) σ s(x; σ)", order=1)
def euler(field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory) -> tuple[Points, Memory]:
    """First order, one evaluation a step."""
    score, memory = field(x, sigma, memory)
    return x + (sigma - sigma_next) * sigma * score, memory


@integrator(
    source="Karras et al. 2022, arXiv:2206.00364, Algorithm 1",
    formula="x' = x − (σ' − σ) ½[σ s(x; σ) + σ' s(x_Euler; σ')]",
    order=2,
)
def heun(field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory) -> tuple[Points, Memory]:
    """Second order, two evaluations a step; the last step, to 0, is an Euler step."""
    score, memory = field(x, sigma, memory)
    slope = sigma * score
    euler_x = x + (sigma - sigma_next) * slope

    def correct(memory: Memory) -> tuple[Points, Memory]:
        score, memory = field(euler_x, sigma_next, memory)
        return x + (sigma - sigma_next) * 0.5 * (slope + sigma_next * score), memory

    return jax.lax.cond(sigma_next > 0, correct, lambda memory: (euler_x, memory), memory)


def scheduled(rule: Entry, knobs: Mapping[str, Any], share: Array) -> dict[str, Array]:
    """The rule's knobs with its weights moved to ``share`` of their way from neutral."""
    values = {}
    for name, knob in rule.knobs.items():
        value = jnp.asarray(knobs[name])
        values[name] = value if knob.neutral is None else knob.neutral + share * (value - knob.neutral)
    return values


def guided(
    rule: Entry,
    cast: Mapping[str, Density],
    x: Float[Array, "*b 2"],
    sigma: Array,
    knobs: Mapping[str, Array],
    memory: Memory = (),
) -> tuple[Float[Array, "*b 2"], Memory]:
    """Score of the rule at (x, sigma) and its new memory; ``cast`` gives each role its density."""
    given = {"x": x, "sigma": sigma, "memory": memory}
    args = [given[name] if name in given else cast[name].score(x, sigma) for name in rule.inputs]
    result = rule(*args, **knobs)
    return result if "memory" in rule.inputs else (result, memory)


@partial(jax.jit, static_argnames=("rule", "schedule", "integrator", "keep"))
def trajectory(
    x: Points,
    sigmas: Float[Array, " s"],
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    key: Array,
    *,
    rule: str,
    schedule: str = "constant",
    integrator: str = "heun",
    keep: bool = True,
) -> Float[Array, "s n 2"]:
    """Follow the guided ODE from ``x`` at ``sigmas[0]`` through all noise levels; [steps + 1, n, 2].

    One compilation serves all values of the knobs, noise levels, points and keys. With ``keep=False`` only the last
    points are returned, [1, n, 2].
    """
    entry, step = RULES[rule], INTEGRATORS[integrator]
    shares = SCHEDULES[schedule]
    steps = len(sigmas) - 1
    progress = jnp.arange(steps) / steps
    given = {"sigma": sigmas[:-1], "progress": progress}
    share = shares(*(given[name] for name in shares.inputs), **_pick(shares, knobs))
    start = entry.facts.get("memory", lambda x: ())(x)

    def body(carry: tuple[Points, Memory], now: tuple[Array, ...]) -> tuple[tuple[Points, Memory], Points | None]:
        x, memory = carry
        sigma, sigma_next, share, key = now
        values = scheduled(entry, knobs, share)

        def field(x: Points, sigma: Array, memory: Memory) -> tuple[Points, Memory]:
            return guided(entry, cast, x, sigma, values, memory)

        extra = {"key": key} if "key" in step.inputs else {}
        x, memory = step(field, x, sigma, sigma_next, memory, **extra, **_pick(step, knobs))
        return (x, memory), (x if keep else None)

    levels = (sigmas[:-1], sigmas[1:], share, jax.random.split(key, steps))
    (last, _), path = jax.lax.scan(body, (x, start), levels)
    return last[None] if path is None else jnp.concatenate([x[None], path])


def _pick(entry: Entry, knobs: Mapping[str, Array]) -> dict[str, Array]:
    return {name: knobs[name] for name in entry.knobs}
