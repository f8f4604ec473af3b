"""Guidance rules: each combines its roles, at one (x, sigma), into the score that is followed.

A rule is one function. Its positional names are roles: a role annotated ``Score`` arrives as its score at (x, sigma),
[*b, 2] in 1/length; one annotated ``Density`` arrives whole, to be asked elsewhere; one annotated ``Normalised`` has a
log-density whose constant is right too. It may also take ``x``, ``sigma``, the ``step`` that is being made, and
``memory``. Its keyword-only names are knobs.

The role ``main`` is what is followed where the weights are neutral. Weights follow Karras et al. 2024: ``w = 1`` is no
guidance, ``w = 0`` is the guide alone. A rule that carries state from step to step takes ``memory`` and returns
``(score, memory)``. What else its decorator may say are the fields of ``Rule``.

A knob called ``prior`` is the prior probability of the negative class: what is usual follows the target.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.densities import Density, Normalised
from toy.registry import Entry, Knob, Registry

Points = Float[Array, "*b 2"]
Score = Annotated[Float[Array, "*b 2"], "of a role"]


@dataclass(frozen=True, kw_only=True)
class Rule(Entry):
    """A guidance rule.

    ``tilt`` gives the exponents of the tilted density whose score the rule is, a product of powers of its roles'
    densities, given its knobs; None where it stands for none. ``memory`` gives what its memory starts from, given
    ``x``; ``observe`` what becomes of that, given the rule's knobs, once a step, where the last one led. ``cast`` names
    densities for roles whose usual one does not fit, ``integrator`` the one that the paper derives the rule for,
    ``also`` other values of a Scene that its page shows.
    """

    tilt: Callable[..., dict[str, Any]] | None = None
    memory: Callable[[Any], Any] | None = None
    observe: Callable[..., Any] | None = None
    cast: Mapping[str, str] = field(default_factory=dict)
    integrator: str = ""
    also: tuple[Mapping[str, Any], ...] = ()


RULES = Registry("rule", Rule, roles=(Score, Density, Normalised))
rule = RULES.register

Weight = Annotated[
    float,
    Knob(0, 8, 0.05, "w", "guidance weight: 1 is no guidance, 0 the guide alone", neutral=1),
]

Prior = Annotated[float, Knob(0.01, 0.99, 0.001, "P", "prior probability of the negative class among both")]

KARRAS_2024 = "Karras et al. 2024, arXiv:2406.02507"
P_B = 0.523  # prior probability of class B among both: of the negative where the target is A


class Step(NamedTuple):
    """The step being made: its noise levels, its index over the number of steps, its share of the extra weight."""

    sigma: Array
    sigma_next: Array
    progress: Array
    share: Array


def dot(a: Points, b: Points) -> Float[Array, "*b 1"]:
    """Inner product of each pair of vectors, with a last axis of 1."""
    return jnp.sum(a * b, axis=-1, keepdims=True)


def norm(a: Points) -> Float[Array, "*b 1"]:
    """Length of each vector, with a last axis of 1; never quite 0, so that it can be divided by and differentiated."""
    return jnp.sqrt(dot(a, a) + 1e-20)


# --- No guide ---------------------------------------------------------------------------------------------------------


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


# --- One guide --------------------------------------------------------------------------------------------------------


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

    def denoised(score: Any) -> Points:
        at, level = x, sigma
        for i in range(4):
            at = jnp.where(i < k, at + level * level / 2 * score(at, level), at)  # Euler, to half the level
            level = jnp.where(i < k, level / 2, level)
        return at + level * level * score(at, level)

    difference = denoised(main.score) - denoised(dns)
    return main.score(x, sigma) + (w - 1) * difference / (sigma * sigma)


@rule(
    title="CFG++",
    source="Chung et al. 2024, arXiv:2406.08070",
    formula="s = s_uncond + λσ/(σ − σ′) (s_main − s_uncond)",
    integrator="euler",
)
def cfg_plus_plus(
    main: Score,
    unconditional: Score,
    step: Step,
    *,
    scale: Annotated[float, Knob(0, 1, 0.05, "λ", "weight of denoising; noise is put back unconditionally")] = 0.6,
) -> Score:
    """CFG++: the guided model says where to go, the unconditional one which noise to go there with.

    On an Euler step it is CFG with the weight λσ/(σ − σ'), so that more steps mean more guidance: the paper's DDIM.
    Under Heun both evaluations of a step are guided with that step's weight, which is neither the paper's method nor
    any other that was published: ``euler`` is the integrator to choose. No value of λ is the main model.
    """
    w = scale * step.sigma / (step.sigma - step.sigma_next)
    return main + step.share * (w - 1) * (main - unconditional)


@rule(
    title="APG",
    source="Sadat et al. 2024, arXiv:2410.02416",
    formula="D = D_main + (w − 1)(g⊥ + η g∥), g = D_main − D_uncond with momentum β, capped at r",
    memory=jnp.zeros_like,
)
def adaptive_projected_guidance(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    memory: Points,
    *,
    w: Weight = 4.0,
    parallel: Annotated[float, Knob(0, 1, 0.05, "η", "what remains of the part along the denoised point")] = 0.0,
    cap: Annotated[float, Knob(0.001, 10, 0.001, "r", "longest difference of denoised points", log=True)] = 0.2,
    momentum: Annotated[float, Knob(-0.95, 0.95, 0.05, "β", "momentum; negative works against the past")] = -0.5,
) -> tuple[Score, Points]:
    """Adaptive projected guidance: cap the difference, turn it away from the denoised point, push back on its past.

    The projection is onto the denoised point as a vector from the origin, so it depends on where the data are centred.
    All evaluations of a step have the momentum of its start, so that it moves on once a step, as in the paper's one
    evaluation a step. Diffusers by default takes D_uncond + w g instead: the paper's form, which is this one, plus
    g − (D_main − D_uncond), so that what was turned away or cut off is missing once more.
    """
    memory = sigma * sigma * (main - unconditional) + momentum * memory
    g = memory * jnp.minimum(1, cap / norm(memory))
    denoised = x + sigma * sigma * main
    along = dot(g, denoised) / (dot(denoised, denoised) + 1e-12) * denoised
    return main + (w - 1) * (g - (1 - parallel) * along) / (sigma * sigma), memory


@rule(
    title="CADS",
    source="after Sadat et al. 2023, arXiv:2310.17347",
    formula="s = s_y + (w − 1)(s_y − s_uncond), p_y = π p_main + (1 − π) p_negative",
    ordered=("tau1", "tau2"),
)
def cads(
    main: Normalised,
    negative: Normalised,
    unconditional: Score,
    x: Points,
    sigma: Array,
    step: Step,
    *,
    w: Weight = 4.0,
    anneal: Annotated[float, Knob(0, 1, 0.05, "s", "how far the label is annealed: 0 is CFG", neutral=0)] = 1.0,
    prior: Prior = P_B,
    tau1: Annotated[float, Knob(0, 1, 0.05, "τ₁", "share of the run left when the label is whole")] = 0.6,
    tau2: Annotated[float, Knob(0, 1, 0.05, "τ₂", "share of the run left when the label appears")] = 0.9,
) -> Score:
    """Condition-annealed sampling: the label fades in, so that early steps do not yet know the class.

    The paper adds noise, of strength s, to a vector that stands for the class, and puts a share ψ of the vector's scale
    back. Two classes have no such vector: a soft label, from the prior to the class, stands in for it, annealed by s.
    Nothing is left to rescale, so there is no ψ.
    """
    left = 1 - step.progress
    whole = jnp.clip((tau2 - left) / jnp.maximum(tau2 - tau1, 1e-3), 0, 1)
    pi = 1 - jnp.clip(anneal, 0, 1) * (1 - whole) * prior
    log_odds = jnp.log(pi) - jnp.log1p(-jnp.minimum(pi, 1 - 1e-7))
    share = jax.nn.sigmoid(log_odds + main.logp(x, sigma) - negative.logp(x, sigma))[..., None]
    share = jnp.where(pi >= 1, 1.0, share)
    soft = share * main.score(x, sigma) + (1 - share) * negative.score(x, sigma)
    return soft + (w - 1) * (soft - unconditional)


@rule(
    title="Rescaled CFG",
    source="Lin et al. 2023, arXiv:2305.08891",
    formula="D = φ D_cfg |D_main|/|D_cfg| + (1 − φ) D_cfg",
)
def rescaled_cfg(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    *,
    w: Weight = 4.0,
    phi: Annotated[float, Knob(0, 1, 0.05, "φ", "how much of the length is put back")] = 0.7,
) -> Score:
    """CFG whose denoised point keeps some of the main model's length.

    The paper, and diffusers' ``guidance_rescale``, rescale by standard deviations over an image's values; over two
    coordinates only lengths make sense, and those depend on where the data are centred.
    """
    denoised = x + sigma * sigma * main
    guided = x + sigma * sigma * (main + (w - 1) * (main - unconditional))
    ratio = norm(denoised) / norm(guided)
    return ((phi * ratio + 1 - phi) * guided - x) / (sigma * sigma)


@rule(
    source="Dhariwal and Nichol 2021, arXiv:2105.05233",
    formula="s = s_main + v ∇ log P(class | x; σ)",
    cast={"main": "AB64@4096"},
)
def classifier_guidance(
    main: Density,
    conditional: Density,
    x: Points,
    sigma: Array,
    *,
    scale: Annotated[float, Knob(0, 8, 0.05, "v", "factor on the gradient: 0 is no guidance", neutral=0)] = 2.0,
) -> Score:
    """Climb a classifier's log-probability, differentiated; here ``main`` models all classes.

    The classifier is the posterior of the two densities, P(class | x) = prior p_cond / p_main; with exact ones it is
    CFG with w = v.
    """

    def log_odds(points: Points) -> Array:
        return jnp.sum(conditional.logp(points, sigma) - main.logp(points, sigma))

    return main.score(x, sigma) + scale * jax.grad(log_odds)(x)


@rule(
    title="Power-law CFG",
    source="Pavasovic et al. 2025, arXiv:2502.07849",
    formula="s = s_main + ω |Δ|^α Δ, Δ = s_main − s_uncond",
)
def power_law_cfg(
    main: Score,
    unconditional: Score,
    sigma: Array,
    *,
    omega: Annotated[float, Knob(0, 8, 0.05, "ω", "factor on the difference: 0 is no guidance", neutral=0)] = 1.0,
    alpha: Annotated[float, Knob(-0.9, 2, 0.05, "α", "power of the difference's length: 0 is CFG")] = 0.9,
    most: Annotated[float, Knob(0.1, 100, 0.1, "most", "largest extra weight", log=True)] = 10.0,
) -> Score:
    """Guide strongly where the models differ much, weakly where they agree.

    The length is that of the paper's process, √(1 + σ²) Δ. Where σ is small it is huge, hence the limit.
    """
    difference = main - unconditional
    length = jnp.sqrt(1 + sigma * sigma) * norm(difference)
    return main + jnp.minimum(omega * jnp.power(length, alpha), most) * difference


class Posterior(NamedTuple):
    """What feedback guidance remembers: log R, R = P(class | x)/P(class); the means and variance of its last step."""

    log_ratio: Float[Array, "*b"]
    main: Points
    unconditional: Points
    variance: Array


SUREST = 3.0  # of log R


def _no_posterior(x: Points) -> Posterior:
    return Posterior(jnp.zeros(x.shape[:-1]), jnp.zeros_like(x), jnp.zeros_like(x), jnp.zeros(()))


def _posterior_at(x: Points, memory: Posterior, *, pi: Array, tau: Array, delta: Array, most: Array) -> Posterior:
    """Bayes' rule once a step: how much likelier under the main model is it that the last step led to ``x``?"""
    known = memory.variance > 0
    gain = dot(x - memory.unconditional, x - memory.unconditional) - dot(x - memory.main, x - memory.main)
    gain = tau * gain[..., 0] / jnp.where(known, 2 * memory.variance, 1)
    lowest = jnp.log(_doubt(pi) * most / (most - 1))
    log_ratio = jnp.clip(memory.log_ratio + gain - delta, lowest, SUREST)
    return memory._replace(log_ratio=jnp.where(known, log_ratio, memory.log_ratio))


def _doubt(pi: Array | float) -> Array:
    return jnp.maximum(1 - pi, 1e-6)


@rule(
    source="Koulischer et al. 2025, arXiv:2506.06085",
    formula="s = s_uncond + λ(s_main − s_uncond), λ = R/(R − (1 − π)), R = P(class | x)/P(class)",
    memory=_no_posterior,
    observe=_posterior_at,
    integrator="ancestral",
)
def feedback_guidance(
    main: Score,
    unconditional: Score,
    x: Points,
    sigma: Array,
    step: Step,
    memory: Posterior,
    *,
    pi: Annotated[float, Knob(0.05, 1, 0.01, "π", "trust in the main model: 1 is no guidance", neutral=1)] = 0.7,
    tau: Annotated[float, Knob(0, 5, 0.05, "τ", "how fast the posterior learns")] = 1.0,
    delta: Annotated[float, Knob(0, 1, 0.001, "δ", "what the log-posterior loses at each step")] = 0.01,
    most: Annotated[float, Knob(1.1, 50, 0.1, "most", "largest λ", log=True)] = 10.0,
) -> tuple[Score, Posterior]:
    """Guide only points whose class is still in doubt: the weight follows a posterior that the run itself updates.

    The posterior is updated once a step, by the likelihood ratio of where the last step led under both models, and is
    kept below log R = 3; all evaluations of a step have its λ. The main model is taken for a mixture: π of the truth,
    1 − π of the unconditional model. Where the truth is known log R cannot exceed −log P(class), 0.74 here: with δ per
    step much above 0.74 over the number of steps every point ends with the largest λ.

    The ratio is one of random steps: choose the integrator ``ancestral``, for which the paper derives it. The steps of
    the others are of no such variance, and what is tracked then is no posterior.
    """
    scale = 1 + (jnp.exp(-jnp.log1p(-_doubt(pi) * jnp.exp(-memory.log_ratio))) - 1)[..., None] * (pi < 1)
    shrink = jnp.square(step.sigma_next / sigma)
    towards = (1 - shrink) * sigma * sigma
    variance = jnp.square(step.sigma_next) * (1 - shrink)
    remembered = Posterior(memory.log_ratio, x + towards * main, x + towards * unconditional, variance)
    return unconditional + scale * (main - unconditional), remembered


# --- Guides made from the main model ----------------------------------------------------------------------------------


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


# --- Two guides -------------------------------------------------------------------------------------------------------


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


# --- With the truth, or more than one evaluation ----------------------------------------------------------------------


@rule(
    title="Optimal weight (oracle)",
    source="this project",
    formula="s = s_main + ω*Δ, ω* = ⟨s_true − s_main, Δ⟩/|Δ|², Δ = s_main − s_weak",
)
def optimal_weight(
    main: Score,
    weak: Score,
    truth: Score,
    *,
    most: Annotated[float, Knob(0, 50, 0.5, "most", "largest extra weight, either way", neutral=0)] = 20.0,
) -> Score:
    """At every point the weight that brings the guided score nearest to the true one: the ceiling for any w."""
    difference = main - weak
    best = dot(truth - main, difference) / (dot(difference, difference) + 1e-12)
    return main + jnp.clip(best, -most, most) * difference


@rule(
    source="Zheng and Lan 2023, arXiv:2312.07586",
    formula="s = w s_main(x + (w − 1)δ) − (w − 1) s_uncond(x + wδ), with equal denoised points at both",
    memory=jnp.zeros_like,
)
def characteristic_guidance(
    main: Density,
    unconditional: Density,
    x: Points,
    sigma: Array,
    memory: Points,
    *,
    w: Weight = 4.0,
    tolerance: Annotated[float, Knob(1e-4, 0.1, 1e-4, "tolerance", "largest mismatch, over σ", log=True)] = 0.01,
) -> tuple[Score, Points]:
    """Correct CFG so that the guided score follows the Fokker-Planck equation; exact for Gaussians.

    The shift δ = σ²[s_main(x + (w − 1)δ) − s_uncond(x + wδ)] is found from the last step's by Newton's method, whose
    Jacobian of two by two is kept up to date by Broyden's rule (the paper iterates the equation itself, which takes
    hundreds of rounds at high noise). CFG where that does not converge.
    """

    def mismatch(shift: Points) -> Points:
        pull = main.score(x + (w - 1) * shift, sigma) - unconditional.score(x + w * shift, sigma)
        return shift - sigma * sigma * pull

    def jacobian(shift: Points) -> tuple[Points, Points]:
        axes = (jnp.zeros_like(x).at[..., i].set(1) for i in range(2))
        first, second = (jax.jvp(mismatch, (shift,), (axis,))[1] for axis in axes)
        return first, second

    def newton(off: Points, first: Points, second: Points) -> Points:
        det = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
        det = jnp.where(jnp.abs(det) < 1e-6, 1e-6, det)
        a = second[..., 1] * off[..., 0] - second[..., 0] * off[..., 1]
        b = first[..., 0] * off[..., 1] - first[..., 1] * off[..., 0]
        move = -jnp.stack([a / det, b / det], axis=-1)
        return move * jnp.minimum(1, (0.2 + sigma) / norm(move))

    def broyden(state: tuple[Points, Points, Points, Points], _: None) -> tuple[tuple, None]:
        shift, off, first, second = state  # the Jacobian's columns
        move = newton(off, first, second)
        found = mismatch(shift + move)
        change = (found - off - move[..., :1] * first - move[..., 1:] * second) / (dot(move, move) + 1e-20)
        return (shift + move, found, first + change * move[..., :1], second + change * move[..., 1:]), None

    found, *_ = jax.lax.scan(broyden, (memory, mismatch(memory), *jacobian(memory)), None, length=4)[0]
    # A last whole Newton step, which is also all that has to be differentiated.
    found = jax.lax.stop_gradient(found)
    shift = found + newton(mismatch(found), *jax.lax.stop_gradient(jacobian(found)))
    converged = norm(mismatch(shift)) <= tolerance * sigma  # also false for NaN
    shift = jnp.where(converged, shift, 0)
    # At shift 0 this is CFG.
    guided = w * main.score(x + (w - 1) * shift, sigma) - (w - 1) * unconditional.score(x + w * shift, sigma)
    return guided, shift
