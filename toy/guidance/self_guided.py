"""Rules whose guide is made from the main model itself."""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array

from toy.densities import Density
from toy.guidance.rules import Points, Score, Weight, rule
from toy.registry import Knob


@rule(
    source="Li et al. 2024, arXiv:2412.05827",
    formula="s = s_main(x; σ) + (w − 1)[s_main(x; σ) − (1 + δ)ᵏ s_main(x; σ(1 + δ))]",
    also=({"kind": 0}, {"kind": 2}),
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
