"""CFG by the lengths and angles of what the networks predict: noise, denoised points, or a flow's velocity.

At one noise level each of these is the score times a number plus the point times another, so extrapolating one is
extrapolating the other: ``predicted`` changes nothing in a sum whose weights add up to 1. It does in a projection, a
ratio of lengths or a cosine, which is where these rules differ from CFG.
"""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.guidance.rules import Points, Score, Step, Weight, dot, norm, rule
from toy.registry import Knob

Predicted = Annotated[
    float, Knob(0, 2, 1, "k", "what is predicted: 0 the noise, 1 the denoised point, 2 the velocity of rectified flow")
]


def prediction(predicted: Array | float, sigma: Array) -> tuple[Array, Array]:
    """What a network predicts as ``of_point`` x + ``of_score`` s: the noise −σ s, the denoised point x + σ² s, or
    noise less denoised point, which is the velocity of rectified flow at t = σ/(1 + σ).
    """

    def chosen(noise: Array | float, denoised: Array | float, velocity: Array | float) -> Array:
        return jnp.where(predicted < 0.5, noise, jnp.where(predicted < 1.5, denoised, velocity))

    return chosen(0.0, 1.0, -1.0), chosen(-sigma, sigma * sigma, -sigma * (1 + sigma))


@rule(
    title="ADG",
    source="Jin et al. 2025, arXiv:2506.11039",
    formula="D = cos θ_w D_main + (sin θ_w/sin θ) D⊥, θ = ∠(D_main, D_uncond), θ_w = min((w − 1)θ, θ max)",
)
def angle_domain_guidance(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 4.0,
    most: Annotated[float, Knob(0.01, 1.57, 0.01, "θ max", "largest turn, in radians")] = 1.05,
) -> Score:
    """Angle-domain guidance: turn the denoised point away from the unconditional one, and leave its length.

    D⊥ is the part of D_main across D_uncond. The limit is π/3 in the authors' code, which does not guide where w is
    below 1; here it then turns back. Angles and lengths are seen from the origin, so they depend on where the data are
    centred.
    """
    positive, base = x + sigma * sigma * main, x + sigma * sigma * unconditional
    quarter = jnp.stack([-base[..., 1], base[..., 0]], axis=-1)  # the unconditional point, turned by 90 degrees
    angle = jnp.arctan2(dot(quarter, positive), dot(base, positive) + 1e-20)
    turn = jnp.clip((w - 1) * angle, -most, most)
    # sin θ of D_main is what lies across, so the ratio needs no θ that could be 0; and cos − 1 keeps its digits so.
    moved = norm(positive) / norm(base) * jnp.sin(turn) * quarter - 2 * jnp.square(jnp.sin(turn / 2)) * positive
    return main + moved / (sigma * sigma)


@rule(
    title="CFG-Zero*",
    source="Fan et al. 2025, arXiv:2503.18886",
    formula="v = s* v_uncond + w(v_main − s* v_uncond), s* = ⟨v_main, v_uncond⟩/|v_uncond|²; v = 0 at first",
)
def cfg_zero_star(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    step: Step,
    *,
    w: Weight = 4.0,
    zero: Annotated[float, Knob(0, 0.2, 0.01, "zero", "share of the run that stands still", neutral=0)] = 0.04,
    predicted: Predicted = 2.0,
) -> Score:
    """Scale the unconditional velocity to fit the main one before extrapolating; the first steps stand still.

    Where rectified flow stands still the point shrinks with the noise level as (1 + σ')/(1 + σ), which an Euler step
    does exactly; neither model has a say there. The paper is about velocities: with another prediction s* is another.
    Its first 4% of the steps are those of ``zero``; diffusers subtracts the unscaled v_uncond in the difference.
    """
    of_point, of_score = prediction(predicted, sigma)
    positive, base = of_point * x + of_score * main, of_point * x + of_score * unconditional
    fit = dot(positive, base) / (dot(base, base) + 1e-12) * base
    guided = main + (w - 1) / of_score * (positive - fit)
    return jnp.where(step.progress < zero, -x / (sigma * (1 + sigma)), guided)


@rule(
    title="TCFG",
    source="Kwon et al. 2025, arXiv:2503.18137",
    formula="ε = ε' + w(ε_main − ε'), ε' = ε_uncond on the leading right singular vector of [ε_main; ε_uncond]",
)
def tangential_cfg(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 4.0,
    predicted: Predicted = 0.0,
) -> Score:
    """Tangential damping: of the unconditional prediction only the part along both predictions' common direction."""
    of_point, of_score = prediction(predicted, sigma)
    positive, base = of_point * x + of_score * main, of_point * x + of_score * unconditional

    def squared(y: Points) -> Points:
        """As complex numbers: of a sum of squares the root is the leading singular vector."""
        return jnp.stack([y[..., 0] ** 2 - y[..., 1] ** 2, 2 * y[..., 0] * y[..., 1]], axis=-1)

    axis = squared(positive) + squared(base)
    axis = axis / norm(axis)
    mirrored = jnp.stack(
        [
            axis[..., 0] * base[..., 0] + axis[..., 1] * base[..., 1],
            axis[..., 1] * base[..., 0] - axis[..., 0] * base[..., 1],
        ],
        axis=-1,
    )
    return main + (w - 1) / of_score * (positive - (base + mirrored) / 2)


@rule(
    title="MAMBO-G",
    source="Zhu et al. 2025, arXiv:2508.03442",
    formula="s = s_main + (w − 1) exp(−α |v_main − v_uncond|/|v_uncond|)(s_main − s_uncond)",
)
def magnitude_aware_guidance(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 4.0,
    alpha: Annotated[float, Knob(0, 20, 0.1, "α", "how much a long difference damps the weight: 0 is CFG")] = 8.0,
    predicted: Predicted = 2.0,
) -> Score:
    """Guide less where the difference is long beside the unconditional prediction.

    The form and its usual α are those of diffusers; the paper itself was not found to be read.
    """
    of_point, of_score = prediction(predicted, sigma)
    base = of_point * x + of_score * unconditional
    ratio = norm(of_score * (main - unconditional)) / norm(base)
    return main + (w - 1) * jnp.exp(-alpha * ratio) * (main - unconditional)


def _going_on(x: Points) -> Float[Array, "*b 1"]:
    return jnp.zeros_like(x[..., :1])


@rule(
    source="after Castillo et al. 2023, arXiv:2312.12487",
    formula="CFG until cos(D_main, D_uncond) > c for the first time, s = s_main from the next step on",
    memory=_going_on,
)
def adaptive_guidance(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    memory: Float[Array, "*b 1"],
    *,
    w: Weight = 4.0,
    threshold: Annotated[float, Knob(0.8, 1, 0.001, "c", "cosine at which guidance ends, point by point")] = 0.991,
    predicted: Predicted = 1.0,
) -> tuple[Score, Float[Array, "*b 1"]]:
    """Stop guiding a point for good once both models agree on the direction.

    The step that finds it out is still guided. The paper compares predicted noise and spares the unconditional model's
    evaluations from then on. In two dimensions the noise agrees where there is most of it, so guidance would end as it
    begins: denoised points are compared instead, which depends on where the data are centred; all are evaluated.
    """
    of_point, of_score = prediction(predicted, sigma)
    positive, base = of_point * x + of_score * main, of_point * x + of_score * unconditional
    agree = dot(positive, base) / (norm(positive) * norm(base)) > threshold
    return main + (1 - memory) * (w - 1) * (main - unconditional), jnp.maximum(memory, agree.astype(memory.dtype))
