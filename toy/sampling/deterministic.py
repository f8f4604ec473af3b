"""Integrators that follow the guided flow: where a sample ends is a function of where it starts."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from toy.sampling.integrators import EDM, Field, Memory, Points, integrator


@integrator(source=EDM, formula="x' = x − (σ' − σ) σ s(x; σ)", order=1)
def euler(field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory) -> tuple[Points, Memory]:
    """First order, one evaluation a step."""
    score, memory = field(x, sigma, memory)
    return x + (sigma - sigma_next) * sigma * score, memory


@integrator(
    source=f"{EDM}, Algorithm 1",
    formula="x' = x − (σ' − σ) ½[σ s(x; σ) + σ' s(x_Euler; σ')]",
    order=2,
    asks=lambda steps: (2 * steps - 1, 0),
)
def heun(field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory) -> tuple[Points, Memory]:
    """Second order, two evaluations a step; the last step, to 0, is an Euler step."""
    score, moved_on = field(x, sigma, memory)
    slope = sigma * score
    euler_x = x + (sigma - sigma_next) * slope

    def correct() -> Points:
        score, _ = field(euler_x, sigma_next, memory)
        return x + (sigma - sigma_next) * 0.5 * (slope + sigma_next * score)

    return jax.lax.cond(sigma_next > 0, correct, lambda: euler_x), moved_on


class Denoised(NamedTuple):
    """What the multistep solver remembers: the last denoised points, and the log of the last step's ratio of levels."""

    points: Points
    log_step: Array


@integrator(
    title="DPM-Solver++ 2M",
    source="Lu et al. 2022, arXiv:2211.01095",
    formula="x' = (σ'/σ) x + (1 − σ'/σ)[(1 + 1/2r) D − (1/2r) D_last], r = ln(σ_last/σ)/ln(σ/σ')",
    order=2,
    past=lambda x: Denoised(jnp.zeros_like(x), jnp.zeros(())),
)
def dpm_2m(
    field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory, past: Denoised
) -> tuple[Points, Memory, Denoised]:
    """Second order from one evaluation a step and the one before; the first and the last step are Euler steps."""
    score, memory = field(x, sigma, memory)
    denoised = x + sigma * sigma * score
    log_step = jnp.log(sigma / jnp.maximum(sigma_next, 1e-12))
    half = jnp.where(past.log_step > 0, 0.5 * log_step / jnp.maximum(past.log_step, 1e-12), 0)
    half = jnp.where(sigma_next > 0, half, 0)
    mixed = denoised + half * (denoised - past.points)
    ratio = sigma_next / sigma
    return ratio * x + (1 - ratio) * mixed, memory, Denoised(denoised, log_step)
