"""Weight schedules: how much of the extra guidance weight acts at each step.

A schedule returns a share of the extra weight: 1 applies the rule's weight in full, 0 switches guidance off. Positional
names: ``sigma``, the noise level at the start of the step; ``progress``, the step's index over the number of steps.
The weight is held through a step, so that a second-order step never straddles a jump. Progress runs from 0 to
1 − 1/N, so that a mean over N steps is not quite the mean over the run.
"""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.registry import Entry, Knob, Registry

SCHEDULES = Registry("schedule", Entry)
schedule = SCHEDULES.register

Share = Float[Array, "..."]


@schedule(source="Ho and Salimans 2022, arXiv:2207.12598", formula="w(σ) = w")
def constant(sigma: Share) -> Share:
    """The same weight at every noise level."""
    return jnp.ones_like(sigma)


WANG = "Wang et al. 2024, arXiv:2404.13040"


@schedule(source=WANG, formula="w(τ) = 1 + 2τ (w − 1), τ the share of the run that is done")
def linear(progress: Share) -> Share:
    """From none at the start towards twice the extra weight at the end.

    The mean share over N steps is 1 − 1/N: nearly the same mean weight.
    """
    return 2 * progress


@schedule(source=WANG, formula="w(τ) = 1 + (1 − cos πτ)(w − 1)")
def cosine(progress: Share) -> Share:
    """From none towards twice the extra weight along a half cosine.

    The mean share over N steps is 1 − 1/N: nearly the same mean weight.
    """
    return 1 - jnp.cos(jnp.pi * progress)


@schedule(source=WANG, formula="w(τ) = 1 + 2(1 − |1 − 2τ|)(w − 1)")
def triangle(progress: Share) -> Share:
    """Twice the extra weight in the middle of the run, none at its ends.

    The mean share over N steps is 1, the same mean weight, for an even N, and 1 − 1/N² for an odd one.
    """
    return 2 * (1 - jnp.abs(1 - 2 * progress))


@schedule(source=WANG, formula="w(τ) = 1 + max(c, 2τ)(w − 1)")
def clamped(
    progress: Share,
    *,
    floor: Annotated[float, Knob(0, 2, 0.05, "c", "least share of the extra weight")] = 0.5,
) -> Share:
    """Linear, but never below a floor.

    The paper's c is an absolute weight, 2 or 4, under a linear course that starts at none. Here it is a share of the
    extra weight, so that it goes with any w: the paper's floor of weight v is c = (v − 1)/(w − 1).
    """
    return jnp.maximum(floor, 2 * progress)


@schedule(source=WANG, formula="w(τ) = 1 + ½(1 − cos πτˢ)(w − 1)")
def power_cosine(
    progress: Share,
    *,
    power: Annotated[float, Knob(0.1, 8, 0.1, "s", "larger is later", log=True)] = 4.0,
) -> Share:
    """Late guidance: from none to the whole extra weight along the cosine of a power; not normalised."""
    return 0.5 * (1 - jnp.cos(jnp.pi * jnp.power(progress, power)))


@schedule(source=WANG, formula="w(τ) = 1 + 2(1 − τ)(w − 1)")
def linear_decreasing(progress: Share) -> Share:
    """From twice the extra weight at the start towards none: the paper's contrast to what rises.

    The mean share over N steps is 1 + 1/N: nearly the same mean weight.
    """
    return 2 * (1 - progress)


@schedule(source=WANG, formula="w(τ) = 1 + (1 + cos πτ)(w − 1)")
def cosine_decreasing(progress: Share) -> Share:
    """From twice the extra weight towards none along a half cosine.

    The mean share over N steps is 1 + 1/N: nearly the same mean weight.
    """
    return 1 + jnp.cos(jnp.pi * progress)


@schedule(source="after Gao et al. 2026, arXiv:2603.08155", formula="w(τ) = 1 + exp(λτ)(w − 1)")
def exponential(
    progress: Share,
    *,
    growth: Annotated[float, Knob(-3, 3, 0.01, "λ", "growth along the run; below 0 the weight decays")] = 0.69,
) -> Share:
    """C²FG: the weight decays exponentially in the paper's time, 1 − τ, so it grows along the run; not normalised.

    From the whole extra weight to exp(λ) times that: about twice at the usual λ. The form ω(t) = ω₀ exp(λ(1 − t)) was
    read in secondary sources.
    """
    return jnp.exp(growth * progress)


@schedule(source="Jin et al. 2025, arXiv:2509.22007", formula="w(τ) = 1 + 2 min(τ/m, (1 − τ)/(1 − m))(w − 1)")
def middle_peaked(
    progress: Share,
    *,
    peak: Annotated[float, Knob(0.05, 0.95, 0.05, "m", "where in the run the weight is largest")] = 0.5,
) -> Share:
    """Strong while the modes separate, weak before and after: twice the extra weight at the peak.

    The mean share over N steps is at most 1, the same mean weight, and less by no more than 1/(4 m (1 − m) N²).
    """
    return 2 * jnp.minimum(progress / peak, (1 - progress) / (1 - peak))


TABLE = 32
Shares = Annotated[
    Float[Array, " table"] | tuple[float, ...],
    Knob(-4, 8, 0.05, "share", "share of the extra weight at each step of 32; linear in between", size=TABLE),
]


@schedule(source="this project", formula="w(τ) = 1 + share(τ)(w − 1), a table of 32 values, linear in between")
def free(progress: Share, *, share: Shares = (1.0,) * TABLE) -> Share:
    """Any course of the weight: a value for each of 32 steps.

    A share below 0 turns the guide round. With another number of steps the values stay where they are in the run.
    ``python -m toy optimise`` finds such a table by gradient.
    """
    table = jnp.asarray(share, float)
    # The last value once more, at the end of the run: a step of 32 lies on a node then, and takes its value exactly.
    return jnp.interp(progress, jnp.arange(TABLE + 1) / TABLE, jnp.append(table, table[-1]))


@schedule(
    source="Kynkäänniemi et al. 2024, arXiv:2404.07724",
    formula="w(σ) = w for lo < σ ≤ hi, else 1",
    ordered=("lo", "hi"),
)
def interval(
    sigma: Share,
    *,
    lo: Annotated[float, Knob(0, 5, 0.01, "σ low", "no guidance at or below this noise level", log=True)] = 0.05,
    hi: Annotated[float, Knob(0, 5, 0.01, "σ high", "no guidance above this noise level", log=True)] = 0.3,
) -> Share:
    """Guide only in an interval of noise levels; a step is guided if it starts inside.

    With lo = 0 it is delayed guidance: none until the noise has fallen to hi, all the way from there.
    """
    return ((sigma > lo) & (sigma <= hi)).astype(sigma.dtype)
