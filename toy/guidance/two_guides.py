"""Rules with two guides, one for the class and one for quality."""

from typing import Annotated

import jax.numpy as jnp

from toy.guidance.rules import KARRAS_2024, Score, Step, Weight, rule
from toy.registry import Knob


@rule(
    title="CFG + autoguidance",
    source=f"{KARRAS_2024}, Eq. 6",
    formula="s = s_main + (w − 1)[(1 − α)(s_main − s_uncond) + α(s_main − s_weak)]",
    tilt=lambda w, alpha: {"main": w, "unconditional": (1 - w) * (1 - alpha), "weak": (1 - w) * alpha},
)
def cfg_autoguidance(
    main: Score,
    unconditional: Score,
    weak: Score,
    *,
    w: Weight = 3.0,
    alpha: Annotated[float, Knob(0, 1, 0.05, "α", "0 is CFG alone, 1 autoguidance alone")] = 0.5,
) -> Score:
    """Mix CFG and autoguidance: one extra weight, shared out between the two guides by alpha."""
    return main + (w - 1) * ((1 - alpha) * (main - unconditional) + alpha * (main - weak))


@rule(
    source="Yuan et al. 2026, arXiv:2603.20584",
    formula="s = s_main + (w − 1)(s_main − s_uncond) for σ > σ_switch, else s_main + (w − 1)(s_main − s_weak)",
)
def segmented_guidance(
    main: Score,
    unconditional: Score,
    weak: Score,
    step: Step,
    *,
    w: Weight = 2.0,
    switch: Annotated[float, Knob(0.002, 5, 0.001, "σ switch", "CFG above, autoguidance below", log=True)] = 0.25,
) -> Score:
    """Choose the class early and the details late: CFG at high noise, autoguidance at low noise."""
    return main + (w - 1) * (main - jnp.where(step.sigma > switch, unconditional, weak))
