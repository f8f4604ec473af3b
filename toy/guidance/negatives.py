"""Rules whose guide says what the samples shall not be."""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array

from toy.densities import Density, Normalised
from toy.guidance.rules import P_B, Points, Prior, Score, Weight, dot, rule
from toy.registry import Knob


@rule(
    source="common practice of text-to-image samplers",
    formula="s = s_main + (w − 1)(s_main − s_negative)",
    tilt=lambda w: {"main": w, "negative": 1 - w},
)
def negative_prompt(main: Score, negative: Score, *, w: Weight = 1.5) -> Score:
    """Extrapolate away from a model of the other class, whether or not the point could belong to it."""
    return main + (w - 1) * (main - negative)


@rule(
    title="DNG",
    source="Koulischer et al. 2024, arXiv:2410.14398",
    formula="s = s_main − λ p/(1 − p) (s_negative − s_main), p = P(negative | x; σ)",
    cast={"main": "AB64@4096"},
    asks=lambda **_: {"main": 2, "negative": 2},
)
def dynamic_negative_guidance(
    main: Normalised,
    negative: Normalised,
    x: Points,
    sigma: Array,
    *,
    strength: Annotated[float, Knob(0, 5, 0.05, "λ", "1 removes the negative class exactly", neutral=0)] = 1.0,
    prior: Prior = P_B,
    most: Annotated[float, Knob(1, 10000, 1, "most", "limit of p/(1 − p)", log=True)] = 100.0,
) -> Score:
    """Dynamic negative guidance: a negative prompt weighted by the posterior odds that the point obeys it.

    Here ``main`` models all classes. With exact densities, the true prior and strength 1 the result is the exact score
    of the rest. The posterior is worked out from the densities; the paper tracks it along a stochastic trajectory.
    """
    log_p = jnp.minimum(jnp.log(prior) + negative.logp(x, sigma) - main.logp(x, sigma), -1e-7)
    odds = jnp.minimum(jnp.exp(log_p) / -jnp.expm1(log_p), most)[..., None]
    base = main.score(x, sigma)
    return base - strength * odds * (negative.score(x, sigma) - base)


@rule(
    title="DNS",
    source="Desai and Vasconcelos 2024, arXiv:2411.05473",
    formula="s = s_main + (w − 1)(s_main − s_cond)",
    cast={"main": "AB64@4096"},
    tilt=lambda w: {"main": w, "conditional": 1 - w},
)
def diffusion_negative_sampling(main: Score, conditional: Score, *, w: Weight = 2.0) -> Score:
    """Diffusion-negative sampling: extrapolate from the wanted class to whatever obeys it least.

    Here ``main`` models all classes. The paper describes it as an empty prompt with the wanted one as its negative.
    """
    return main + (w - 1) * (main - conditional)


@rule(
    title="DNP",
    source="Desai and Vasconcelos 2024, arXiv:2411.05473",
    formula="s = s_main + (w − 1)(s_main − s_DNS)",
    cast={"negative": "dns:A64@4096,AB64@4096"},
    tilt=lambda w: {"main": w, "negative": 1 - w},
)
def diffusion_negative_prompting(main: Score, negative: Score, *, w: Weight = 1.5) -> Score:
    """Diffusion-negative prompting: a negative found by the model itself, from samples of DNS.

    The paper describes those samples in words and prompts with the words; here a density is fitted to them.
    """
    return main + (w - 1) * (main - negative)


@rule(
    title="ANSWER",
    source="after Desai and Vasconcelos 2025, arXiv:2508.02973",
    formula="s = s_main + (w − 1)(D⁺ − D⁻)/σ², denoised after K steps of main and of DNS from x",
    asks=lambda k, **_: {"main": 2 * int(k) + 3, "unconditional": int(k) + 1},
)
def answer(
    main: Density,
    unconditional: Density,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 2.0,
    gamma: Annotated[float, Knob(1, 5, 0.1, "γ", "weight of DNS within a step")] = 2.0,
    k: Annotated[float, Knob(0, 4, 1, "K", "DNS steps, each to half the noise level")] = 2.0,
) -> Score:
    """A negative found anew at every step, by a few DNS steps from the point itself.

    The abstract says that K diffusion-negative steps give the negative, not how it enters: this is this project's
    reading, which compares the denoised points after K steps of the main model and of DNS. K = 0 is CFG with γ(w − 1).
    """

    def dns(x: Points, sigma: Array) -> Score:
        base = unconditional.score(x, sigma)
        return base + (gamma - 1) * (base - main.score(x, sigma))

    def denoised(score: Callable[[Points, Array], Points]) -> Points:
        at, level = x, sigma
        for i in range(4):
            at = jnp.where(i < k, at + level * level / 2 * score(at, level), at)  # Euler, to half the level
            level = jnp.where(i < k, level / 2, level)
        return at + level * level * score(at, level)

    difference = denoised(main.score) - denoised(dns)
    return main.score(x, sigma) + (w - 1) * difference / (sigma * sigma)


@rule(
    title="Perp-Neg",
    source="Armandpour et al. 2023, arXiv:2304.04968",
    formula="s = s_main + w[g − v n⊥], g = s_cond − s_main, n⊥ = s_negative − s_main less its part along g",
    cast={"main": "AB64@4096"},
)
def perp_neg(
    main: Score,
    conditional: Score,
    negative: Score,
    *,
    scale: Annotated[float, Knob(0, 8, 0.05, "w", "weight of both: 0 is no guidance", neutral=0)] = 2.0,
    strength: Annotated[float, Knob(0, 5, 0.05, "v", "of which the negative's: 0 is without it")] = 1.0,
) -> Score:
    """Towards a class, and away from a negative only across what the class itself asks for.

    Here ``main`` models all classes. Where the class asks for nothing there is no across, and the negative is left out.
    Of two classes alone the exact differences lie on one line, so that it is CFG: what is across is what the networks
    say otherwise.
    """
    toward, away = conditional - main, negative - main
    aside = jnp.stack([-toward[..., 1], toward[..., 0]], axis=-1)
    resolved = dot(toward, toward) + 1e-8 * dot(main, main) + 1e-20  # below that its direction is rounding
    return main + scale * (toward - strength * dot(away, aside) / resolved * aside)


@rule(
    source="after Liu et al. 2022, arXiv:2206.01714",
    formula="s = s_main + w(s_cond − s_negative)",
    cast={"main": "AB64@4096"},
    tilt=lambda scale: {"main": 1.0, "conditional": scale, "negative": -scale},
)
def composed_negation(
    main: Score,
    conditional: Score,
    negative: Score,
    *,
    scale: Annotated[float, Knob(0, 8, 0.05, "w", "weight of both classes: 0 is no guidance", neutral=0)] = 2.0,
) -> Score:
    """From all classes towards one and away from another: the class and not the other, of composable diffusion.

    Here ``main`` models all classes. It is no negative prompt, whose base is the class or the negative itself.
    The paper's own equation was not found to be read.
    """
    return main + scale * (conditional - negative)


@rule(
    title="Contrastive CFG",
    source="Chang et al. 2024, arXiv:2411.17077",
    formula="s = s_main + w[λ⁺(s_cond − s_main) − v λ⁻(s_negative − s_main)], "
    "λ⁺ = 2/(1 + exp(−τ r⁺²)), λ⁻ = 2/(1 + exp(τ r⁻²)), r of predicted noise",
    cast={"main": "AB64@4096"},
)
def contrastive_cfg(
    main: Score,
    conditional: Score,
    negative: Score,
    sigma: Array,
    *,
    scale: Annotated[float, Knob(0, 8, 0.05, "w", "weight of both: 0 is no guidance", neutral=0)] = 2.0,
    strength: Annotated[float, Knob(0, 5, 0.05, "v", "of which the negative's: 0 is without it")] = 1.0,
    tau: Annotated[float, Knob(0, 100, 0.1, "τ", "how fast a long difference counts; 0 counts none")] = 1.0,
) -> Score:
    """Towards the class at least as strongly as CFG, away from the negative only while the point is near it.

    Here ``main`` models all classes. The gradients of a contrastive loss: λ⁺ grows from 1 to 2 with the length r⁺ of
    the class's difference, λ⁻ falls from 1 to 0 with the negative's. The formula was read in a public implementation;
    the paper's τ, which depends on the dimension, was not found.
    """
    toward, away = conditional - main, negative - main
    pull = 2 * jax.nn.sigmoid(tau * jnp.square(sigma) * dot(toward, toward))
    push = 2 * jax.nn.sigmoid(-tau * jnp.square(sigma) * dot(away, away))
    return main + scale * (pull * toward - strength * push * away)
