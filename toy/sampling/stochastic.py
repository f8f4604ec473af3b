"""Integrators that draw noise on the way, one particle by itself or many that are weighted and resampled."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.registry import Knob
from toy.sampling.deterministic import heun
from toy.sampling.integrators import EDM, Field, FieldAt, LogDensity, Memory, Points, Score, integrator
from toy.sampling.noise import noise_levels


@integrator(
    source="Song et al. 2020, arXiv:2010.02502; Ho et al. 2020, arXiv:2006.11239",
    formula="Euler from σ to σ_down, then noise of σ_up = η σ' √(1 − σ'²/σ²)",
    order=1,
    stochastic=True,
)
def ancestral(
    field: Field,
    x: Points,
    sigma: Array,
    sigma_next: Array,
    memory: Memory,
    key: Array,
    *,
    eta: Annotated[float, Knob(0, 1, 0.05, "η", "0 is Euler, 1 the posterior of the forward process")] = 1.0,
) -> tuple[Points, Memory]:
    """Step too far down and put noise back: at η = 1 the sampler of DDPM."""
    up = eta * sigma_next * jnp.sqrt(jnp.maximum(1 - jnp.square(sigma_next / sigma), 0))
    down = jnp.sqrt(jnp.maximum(sigma_next * sigma_next - up * up, 0))
    score, memory = field(x, sigma, memory)
    return x + (sigma - down) * sigma * score + up * jax.random.normal(key, x.shape), memory


@integrator(
    title="EDM stochastic",
    source=f"{EDM}, Algorithm 2",
    formula="noise from σ up to σ(1 + γ), then a Heun step to σ'; γ = min(S_churn/N, √2 − 1) within [S_min, S_max]",
    order=2,
    stochastic=True,
    ordered=("churn_min", "churn_max"),
    asks=lambda steps, **_: (2 * steps - 1, 0),
)
def edm_stochastic(
    field: Field,
    x: Points,
    sigma: Array,
    sigma_next: Array,
    steps: int | Array,
    memory: Memory,
    key: Array,
    *,
    churn: Annotated[float, Knob(0, 100, 1, "S churn", "how much noise is renewed over all steps; 0 is Heun")] = 10.0,
    churn_min: Annotated[float, Knob(0, 5, 0.001, "S min", "no renewal below this noise level", log=True)] = 0.0,
    churn_max: Annotated[float, Knob(0, 100, 0.1, "S max", "no renewal above this noise level", log=True)] = 100.0,
    noise: Annotated[float, Knob(0.9, 1.1, 0.001, "S noise", "standard deviation of the new noise")] = 1.0,
) -> tuple[Points, Memory]:
    """Renew some of the noise before each of N Heun steps, which forgets earlier errors."""
    renewed = (sigma >= churn_min) & (sigma <= churn_max)
    gamma = jnp.where(renewed, jnp.minimum(churn / steps, jnp.sqrt(2.0) - 1), 0)
    added = sigma * jnp.sqrt(gamma * (2 + gamma))  # the difference of both variances, which rounding would take below 0
    noisy = x + added * noise * jax.random.normal(key, x.shape)
    return heun(field, noisy, sigma * (1 + gamma), sigma_next, memory)


@integrator(
    title="Predictor-corrector (PCG)",
    source="Bradley and Nakkiran 2024, arXiv:2408.09000",
    formula="an unguided Euler step to σ', then K times x += ε/2 s(x; σ') + √ε z, ε = σ² − σ'²",
    order=1,
    stochastic=True,
    asks=lambda steps, corrections: (int(corrections) * (steps - 1), steps),
)
def predictor_corrector(
    field: Field,
    unguided: Score,
    x: Points,
    sigma: Array,
    sigma_next: Array,
    memory: Memory,
    key: Array,
    *,
    corrections: Annotated[float, Knob(0, 16, 1, "K", "Langevin steps at each noise level")] = 4.0,
) -> tuple[Points, Memory]:
    """Predict with the main model, correct by Langevin steps along the guided score.

    With many corrections each level follows the tilted density of that level. CFG's own stochastic sampler with weight
    w is, in the limit of small steps, one correction with the weight 2w − 1.
    """
    _, moved_on = field(x, sigma, memory)
    x = x + (sigma - sigma_next) * sigma * unguided(x, sigma)
    epsilon = sigma * sigma - sigma_next * sigma_next

    def correct(i: int | Array, x: Points) -> Points:
        score, _ = field(x, sigma_next, memory)
        return x + epsilon / 2 * score + jnp.sqrt(epsilon) * jax.random.normal(jax.random.fold_in(key, i), x.shape)

    count = jnp.where(sigma_next > 0, corrections, 0).astype(int)
    return jax.lax.fori_loop(0, count, correct, x), moved_on


class Particles(NamedTuple):
    """What SMC remembers: log weights, and whether they were set."""

    log_weights: Float[Array, " n"]
    started: Array


@integrator(
    title="Feynman-Kac SMC",
    source="Skreta et al. 2025, arXiv:2503.02819",
    formula="x' = x + (σ² − σ'²) s(x; σ) + √(σ² − σ'²) z, weighted towards the tilted density and resampled",
    order=1,
    stochastic=True,
    least=16,
    past=lambda x: Particles(jnp.zeros(x.shape[:-1]), jnp.zeros((), bool)),
    asks=lambda steps, **_: (steps + 1 + 2 * (steps - 1), 1),  # the tilted density at first, and around every step
)
def smc(
    field: Field,
    tilt: LogDensity,
    logp: LogDensity,
    x: Points,
    sigma: Array,
    sigma_next: Array,
    memory: Memory,
    key: Array,
    past: Particles,
    *,
    ess: Annotated[float, Knob(0, 1, 0.05, "ESS", "resample below this share of effective particles")] = 0.5,
) -> tuple[Points, Memory, Particles]:
    """Weighted particles that sample the tilted density itself, which no guided flow does.

    The paper's weights are those of continuous time, w(w − 1) σ |Δ|² |dσ|; with few steps they are far off. Here each
    step is weighted by the ratio of its target to its own transition density, which is right for any step and needs
    log-densities only up to a constant at each noise level. A resampled particle goes on from its parent's place.

    The densities of all noise levels must be one density's: with the exact ones they are. Learned ones contradict each
    other, most at low noise, and the weights then favour a few spots, even without guidance.
    """
    key_noise, key_resample = jax.random.split(key)
    weights = jax.lax.cond(past.started, lambda: past.log_weights, lambda: tilt(x, sigma) - logp(x, sigma))
    weights = jnp.where(jnp.isfinite(weights), weights, -jnp.inf)
    share = jax.nn.softmax(weights)
    again = (ess * len(x) * jnp.sum(share * share) > 1) | (sigma_next == 0)
    chosen = jnp.where(again, resample(key_resample, share), jnp.arange(len(x)))
    x, weights = x[chosen], jnp.where(again, 0, weights)
    memory = jax.tree.map(lambda a: a[chosen] if a.ndim else a, memory)
    score, memory = field(x, sigma, memory)

    def move() -> tuple[Points, Float[Array, " n"]]:
        variance = sigma * sigma - sigma_next * sigma_next
        noise = jax.random.normal(key_noise, x.shape)
        moved = x + variance * score + jnp.sqrt(variance) * noise
        back = jnp.sum(jnp.square(moved - x), axis=-1) / (2 * variance)
        forth = jnp.sum(jnp.square(noise), axis=-1) / 2
        return moved, tilt(moved, sigma_next) - tilt(x, sigma) - back + forth

    def denoise() -> tuple[Points, Float[Array, " n"]]:
        return x + sigma * sigma * score, jnp.zeros(len(x))

    x, gain = jax.lax.cond(sigma_next > 0, move, denoise)
    return x, memory, Particles(weights + gain, jnp.ones((), bool))


def resample(key: Array, share: Float[Array, " n"]) -> Array:
    """Systematic resampling: each index about as often as its share says, from one random number for all.

    Args:
        key: Of the random stream.
        share: Of each particle, adding up to 1.

    Returns:
        As many indices as there are shares, rising.

    Example:
        >>> sampling.resample(jax.random.key(0), jnp.array([0.5, 0.25, 0.25, 0.0])).tolist()
        [0, 0, 1, 2]
    """
    edges = jnp.cumsum(share)
    at = (jnp.arange(len(share), dtype=share.dtype) + jax.random.uniform(key)) / len(share) * edges[-1]
    return jnp.minimum(jnp.searchsorted(edges, at, side="right"), len(share) - 1)


GIBBS_STEPS = 16


@integrator(
    title="Gibbs-like refinement (CFGiG)",
    source="Moufad et al. 2025, arXiv:2505.21101",
    formula="an unguided sample; then R times: noise up to σ*, and a guided run back down",
    order=2,
    stochastic=True,
    asks=lambda steps, rounds, **_: (int(rounds) * (2 * GIBBS_STEPS - 1), 2 * steps - 1),
)
def gibbs(
    field_at: FieldAt,
    unguided: Score,
    x: Points,
    sigma: Array,
    sigma_next: Array,
    memory: Memory,
    key: Array,
    *,
    rounds: Annotated[float, Knob(0, 4, 1, "R", "times that noise is added and removed again")] = 2.0,
    renoise: Annotated[float, Knob(0.01, 5, 0.01, "σ*", "noise level that a round starts from", log=True)] = 1.0,
) -> tuple[Points, Memory]:
    """Sample without guidance, then refine: what CFG's flow misses matters least at low noise.

    All rounds, of 16 Heun steps each, are made in the last step.
    """

    def plain(x: Points, sigma: Array, memory: Memory) -> tuple[Points, Memory]:
        return unguided(x, sigma), memory

    x, _ = heun(plain, x, sigma, sigma_next, ())
    levels = noise_levels(GIBBS_STEPS, renoise, jnp.minimum(0.002, renoise / 2))

    def down(carry: tuple[Points, Memory], now: tuple[Array, ...]) -> tuple[tuple[Points, Memory], None]:
        x, memory = carry
        sigma, sigma_next, progress = now
        field, memory = field_at(sigma, sigma_next, progress, x, memory)
        return heun(field, x, sigma, sigma_next, memory), None

    def refine(i: int | Array, x: Points) -> Points:
        noisy = x + renoise * jax.random.normal(jax.random.fold_in(key, i), x.shape)
        steps = (levels[:-1], levels[1:], jnp.arange(GIBBS_STEPS) / GIBBS_STEPS)
        return jax.lax.scan(down, (noisy, memory), steps)[0][0]

    return jax.lax.fori_loop(0, jnp.where(sigma_next > 0, 0, rounds).astype(int), refine, x), memory
