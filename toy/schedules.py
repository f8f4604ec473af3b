"""Weight schedules: how much of the extra guidance weight acts at each step.

A schedule returns a share of the extra weight: 1 applies the rule's weight in full, 0 switches guidance off. Positional
names: ``sigma``, the noise level at the start of the step; ``progress``, the step's index over the number of steps.
The weight is held through a step, so that a second-order step never straddles a jump.
"""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.registry import Knob, Registry

SCHEDULES = Registry("schedule")
schedule = SCHEDULES.register

Share = Float[Array, "..."]


@schedule(source="Ho and Salimans 2022, arXiv:2207.12598", formula="w(σ) = w")
def constant(sigma: Share) -> Share:
    """The same weight at every noise level."""
    return jnp.ones_like(sigma)


@schedule(
    source="Kynkäänniemi et al. 2024, arXiv:2404.07724",
    formula="w(σ) = w for lo < σ ≤ hi, else 1",
)
def interval(
    sigma: Share,
    *,
    lo: Annotated[float, Knob(0, 5, 0.01, "σ low", "no guidance at or below this noise level", log=True)] = 0.05,
    hi: Annotated[float, Knob(0, 5, 0.01, "σ high", "no guidance above this noise level", log=True)] = 0.8,
) -> Share:
    """Guide only in an interval of noise levels; a step is guided if it starts inside."""
    return ((sigma > lo) & (sigma <= hi)).astype(sigma.dtype)
