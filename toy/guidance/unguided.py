"""Rules without a guide: the main model, as it is or sharpened."""

from typing import Annotated

from jaxtyping import Array

from toy.guidance.rules import KARRAS_2024, Score, rule
from toy.registry import Knob


@rule(title="No guidance", source=KARRAS_2024, formula="s = s_main", tilt=lambda: {"main": 1.0})
def none(main: Score) -> Score:
    """Follow the main model alone."""
    return main


@rule(
    source=f"{KARRAS_2024}, Section 4",
    formula="s = γ s_main",
    tilt=lambda gamma: {"main": gamma},
)
def naive_truncation(
    main: Score,
    *,
    gamma: Annotated[float, Knob(0.5, 3, 0.05, "γ", "factor on the score: 1 is no truncation", neutral=1)] = 1.4,
) -> Score:
    """Multiply the score: a smaller effective temperature, which collapses the samples to the core."""
    return gamma * main


@rule(
    source="Xu et al. 2025, arXiv:2510.01184",
    formula="s = (v² + σ²) / (v²/k + σ²) s_main",
)
def temporal_score_rescaling(
    main: Score,
    sigma: Array,
    *,
    k: Annotated[float, Knob(0.2, 10, 0.1, "k", "inverse temperature: 1 changes nothing", neutral=1)] = 2.0,
    width: Annotated[float, Knob(0.001, 1, 0.001, "v", "standard deviation of one mode", log=True)] = 0.02,
) -> Score:
    """Sharpen every mode and keep the weights of the modes: exact for isotropic Gaussians of standard deviation v.

    The paper's form for x = alpha data + sigma noise, at alpha = 1. As v grows it becomes naive truncation by k.
    """
    variance = width * width
    return (variance + sigma * sigma) / (variance / k + sigma * sigma) * main
