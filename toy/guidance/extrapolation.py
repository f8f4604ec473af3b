"""The two rules that the others are measured against: extrapolate away from one guide."""

from toy.guidance.rules import KARRAS_2024, Score, Weight, rule


@rule(
    title="CFG",
    source="Ho and Salimans 2022, arXiv:2207.12598",
    formula="s = s_main + (w − 1)(s_main − s_uncond)",
    tilt=lambda w: {"main": w, "unconditional": 1 - w},
)
def cfg(main: Score, unconditional: Score, *, w: Weight = 4.0) -> Score:
    """Classifier-free guidance: extrapolate away from a model of all classes."""
    return main + (w - 1) * (main - unconditional)


@rule(
    source=KARRAS_2024,
    formula="s = s_main + (w − 1)(s_main − s_weak)",
    tilt=lambda w: {"main": w, "weak": 1 - w},
)
def autoguidance(main: Score, weak: Score, *, w: Weight = 3.0) -> Score:
    """Extrapolate away from a worse model of the same task."""
    return main + (w - 1) * (main - weak)
