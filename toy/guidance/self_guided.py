"""Rules whose guide is made from the main model itself."""

from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array

from toy.densities import Density
from toy.guidance.rules import P_B, Points, Prior, Score, Weight, at_points, rule
from toy.registry import Knob


@rule(
    source="Li et al. 2024, arXiv:2412.05827",
    formula="s = s_main(x; σ) + (w − 1)[s_main(x; σ) − (1 + δ)ᵏ s_main(x; σ(1 + δ))]",
    also=({"kind": 0}, {"kind": 2}),
    asks=lambda **_: {"main": 2},
)
def self_guidance(
    main: Density,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 2.0,
    shift: Annotated[float, Knob(0.01, 2, 0.01, "δ", "relative shift of the noise level", log=True)] = 0.1,
    kind: Annotated[
        float, Knob(0, 2, 1, "k", "what is extrapolated: 0 scores, 1 the predicted noise, 2 denoised points")
    ] = 1.0,
) -> Score:
    """Extrapolate away from the model itself at a higher noise level.

    The authors' code extrapolates the predicted noise, ε = −σ s at each of the two levels. Extrapolating scores, or the
    denoised points x + σ² s, are other methods: ``kind`` chooses. At low noise, where what is denoised hardly depends
    on the level, scores at two levels differ by their factor 1/σ² alone: extrapolating them is nearly naive truncation.
    """
    here, above = main.score(x, sigma), main.score(x, sigma * (1 + shift))
    return here + (w - 1) * (here - jnp.power(1 + shift, kind) * above)


@rule(
    source="this project, in the spirit of arXiv:2411.10257 and arXiv:2412.05827",
    formula="s = s_main(x; σ) + (w − 1)[s_main(x; σ) − s_main(x; √(σ² + δ²))]",
    asks=lambda **_: {"main": 2},
)
def blur_guidance(
    main: Density,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 2.0,
    blur: Annotated[float, Knob(0.001, 0.5, 0.001, "δ", "standard deviation of the blur", log=True)] = 0.02,
) -> Score:
    """Extrapolate away from the main model blurred by δ: a guide that errs the same way everywhere.

    For Gaussians, truth s, main s₁ and guide s₀, the flow is right at w = 1 + ln(s₁/s)/ln(s₀/s₁), started far up.
    """
    here = main.score(x, sigma)
    return here + (w - 1) * (here - main.score(x, jnp.sqrt(sigma * sigma + blur * blur)))


@rule(
    source="after Sadat et al. 2024, arXiv:2407.02687",
    formula="D = D_main(x; σ) + (w − 1)[D_main(x; σ) − D_main(x; σ̃)], σ̃ = σ exp(s n), n ~ N(0, 1)",
    asks=lambda **_: {"main": 2},
)
def time_step_guidance(
    main: Density,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 2.0,
    spread: Annotated[float, Knob(0.01, 2, 0.01, "s", "standard deviation of ln σ", log=True)] = 0.2,
) -> Score:
    """Extrapolate away from the model itself, told a wrong noise level: another at each point and evaluation.

    The paper puts noise on the embedding of the time step, of a standard deviation s tᵅ beside the embedding's own;
    here the noise level is told as its logarithm, so that is what gets the noise. Self-guidance (``k`` = 2) with a
    random shift, up or down.
    """
    level = sigma * jnp.exp(spread * at_points(jax.random.normal, x, sigma))
    ratio = jnp.square(level / sigma)[..., None]
    here = main.score(x, sigma)
    return here + (w - 1) * (here - ratio * main.score(x, level))


@rule(
    source="after Sadat et al. 2024, arXiv:2407.02687",
    formula="s = s_ŷ + w(s_main − s_ŷ), ŷ drawn at random: the negative class with probability P, else the main one",
)
def independent_condition_guidance(
    main: Score,
    negative: Score,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 1.5,
    prior: Prior = P_B,
    draw: Annotated[float, Knob(0, 1, 1, "draw", "1 draws a label, 0 takes the mean over labels")] = 1.0,
) -> Score:
    """CFG without a model of all classes: the guide is the model itself, under a label that has nothing to do with x.

    Drawn anew at each point and evaluation. The paper draws it, or noise in its place, from many classes; of two every
    other draw is the class itself, which does not guide. On average the guide is P s_negative + (1 − P) s_main, where a
    model of all classes would weight by the posterior: far from the other class that is a negative prompt.
    """
    chance = at_points(jax.random.uniform, x, sigma)[..., None]
    share = jnp.where(draw < 0.5, prior, jnp.where(chance < prior, 1.0, 0.0))
    return main + (w - 1) * share * (main - negative)
