"""What was made of classifier-free guidance: other steps, lengths, directions and weights."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.densities import Density, Normalised
from toy.guidance.rules import P_B, Points, Prior, Score, Step, Weight, dot, norm, rule
from toy.registry import Knob


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
    asks=lambda **_: {"main": 2, "negative": 2},
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
    asks=lambda **_: {"main": 2},
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

    uphill: Points = jax.grad(log_odds)(x)
    return main.score(x, sigma) + scale * uphill


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
    extra = jnp.exp(-jnp.log1p(-_doubt(pi) * jnp.exp(-memory.log_ratio))) - 1
    scale = 1 + jnp.where(pi < 1, extra, 0)[..., None]
    shrink = jnp.square(step.sigma_next / sigma)
    towards = (1 - shrink) * sigma * sigma
    variance = jnp.square(step.sigma_next) * (1 - shrink)
    remembered = Posterior(memory.log_ratio, x + towards * main, x + towards * unconditional, variance)
    return unconditional + scale * (main - unconditional), remembered
