"""Rules that correct the guided score: with the truth, or by more than one evaluation."""

from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array

from toy.densities import Density
from toy.guidance.rules import Points, Score, Weight, dot, norm, rule
from toy.registry import Knob


@rule(
    title="Optimal weight (oracle)",
    source="this project",
    formula="s = s_main + ω*Δ, ω* = ⟨s_true − s_main, Δ⟩/|Δ|², Δ = s_main − s_weak",
)
def optimal_weight(
    main: Score,
    weak: Score,
    truth: Score,
    *,
    most: Annotated[float, Knob(0, 50, 0.5, "most", "largest extra weight, either way", neutral=0)] = 20.0,
) -> Score:
    """At every point the weight that brings the guided score nearest to the true one: the ceiling for any w."""
    difference = main - weak
    best = dot(truth - main, difference) / (dot(difference, difference) + 1e-12)
    return main + jnp.clip(best, -most, most) * difference


Iterate = tuple[Points, Points, Points, Points]  # of Newton's method: shift, mismatch, both columns of the Jacobian


@rule(
    source="Zheng and Lan 2023, arXiv:2312.07586",
    formula="s = w s_main(x + (w − 1)δ) − (w − 1) s_uncond(x + wδ), with equal denoised points at both",
    memory=jnp.zeros_like,
    asks=lambda **_: {"main": 12, "unconditional": 12},  # mismatches, of which four are derivatives, and the score
)
def characteristic_guidance(
    main: Density,
    unconditional: Density,
    x: Points,
    sigma: Array,
    memory: Points,
    *,
    w: Weight = 4.0,
    tolerance: Annotated[float, Knob(1e-4, 0.1, 1e-4, "tolerance", "largest mismatch, over σ", log=True)] = 0.01,
) -> tuple[Score, Points]:
    """Correct CFG so that the guided score follows the Fokker-Planck equation; exact for Gaussians.

    The shift δ = σ²[s_main(x + (w − 1)δ) − s_uncond(x + wδ)] is found from the last step's by Newton's method, whose
    Jacobian of two by two is kept up to date by Broyden's rule (the paper iterates the equation itself, which takes
    hundreds of rounds at high noise). CFG where that does not converge.
    """

    def mismatch(shift: Points) -> Points:
        pull = main.score(x + (w - 1) * shift, sigma) - unconditional.score(x + w * shift, sigma)
        return shift - sigma * sigma * pull

    def jacobian(shift: Points) -> tuple[Points, Points]:
        axes = (jnp.zeros_like(x).at[..., i].set(1) for i in range(2))
        first, second = (jax.jvp(mismatch, (shift,), (axis,))[1] for axis in axes)
        return first, second

    def newton(off: Points, first: Points, second: Points) -> Points:
        det = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
        det = jnp.where(jnp.abs(det) < 1e-6, 1e-6, det)
        a = second[..., 1] * off[..., 0] - second[..., 0] * off[..., 1]
        b = first[..., 0] * off[..., 1] - first[..., 1] * off[..., 0]
        move = -jnp.stack([a / det, b / det], axis=-1)
        return move * jnp.minimum(1, (0.2 + sigma) / norm(move))

    def broyden(state: Iterate, _: None) -> tuple[Iterate, None]:
        shift, off, first, second = state  # the Jacobian's columns
        move = newton(off, first, second)
        found = mismatch(shift + move)
        change = (found - off - move[..., :1] * first - move[..., 1:] * second) / (dot(move, move) + 1e-20)
        return (shift + move, found, first + change * move[..., :1], second + change * move[..., 1:]), None

    found, *_ = jax.lax.scan(broyden, (memory, mismatch(memory), *jacobian(memory)), None, length=4)[0]
    # A last whole Newton step, which is also all that has to be differentiated.
    found = jax.lax.stop_gradient(found)
    shift = found + newton(mismatch(found), *jax.lax.stop_gradient(jacobian(found)))
    converged = norm(mismatch(shift)) <= tolerance * sigma  # also false for NaN
    shift = jnp.where(converged, shift, 0)
    # At shift 0 this is CFG.
    guided = w * main.score(x + (w - 1) * shift, sigma) - (w - 1) * unconditional.score(x + w * shift, sigma)
    return guided, shift
