"""Guidance rules: each combines the scores of its roles, at one (x, sigma), into the score that is followed.

A rule is one function. Its positional names are roles (scores [*b, 2], in 1/length), plus ``x``, ``sigma`` or
``memory`` if it wants them; its keyword-only names are knobs. Weights follow Karras et al. 2024: ``w = 1`` is no
guidance, ``w = 0`` is the guide alone. A rule that carries state between steps takes ``memory`` and returns
``(score, memory)``; it names what it starts from with ``memory=`` in its decorator.
"""

from typing import Annotated

from jaxtyping import Array, Float

from toy.registry import Knob, Registry

RULES = Registry("rule")
rule = RULES.register

Score = Float[Array, "*b 2"]
Weight = Annotated[
    float,
    Knob(0, 8, 0.05, "w", "guidance weight: 1 is no guidance, 0 the guide alone", neutral=1),
]

KARRAS_2024 = "Karras et al. 2024, arXiv:2406.02507"


@rule(title="No guidance", source=KARRAS_2024, formula="s = s_main")
def none(main: Score) -> Score:
    """Follow the main model alone."""
    return main


@rule(
    title="CFG",
    source="Ho and Salimans 2022, arXiv:2207.12598",
    formula="s = s_main + (w − 1)(s_main − s_uncond)",
)
def cfg(main: Score, unconditional: Score, *, w: Weight = 4.0) -> Score:
    """Classifier-free guidance: extrapolate away from a model of all classes."""
    return main + (w - 1) * (main - unconditional)


@rule(source=KARRAS_2024, formula="s = s_main + (w − 1)(s_main − s_weak)")
def autoguidance(main: Score, weak: Score, *, w: Weight = 3.0) -> Score:
    """Extrapolate away from a worse model of the same task."""
    return main + (w - 1) * (main - weak)


@rule(
    title="CFG + autoguidance",
    source=f"{KARRAS_2024}, Eq. 6",
    formula="s = s_main + (w − 1)[(1 − α)(s_main − s_uncond) + α(s_main − s_weak)]",
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


@rule(source=f"{KARRAS_2024}, Section 4", formula="s = γ s_main")
def naive_truncation(
    main: Score,
    *,
    gamma: Annotated[float, Knob(0.5, 3, 0.05, "γ", "factor on the score: 1 is no truncation", neutral=1)] = 1.4,
) -> Score:
    """Multiply the score: a smaller effective temperature, which collapses the samples to the core."""
    return gamma * main
