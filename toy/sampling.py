"""Sampling: noise levels, integrators, whole trajectories, and the density that a sampler itself gives its samples.

``dx = -sigma s(x; sigma) dsigma`` from ``sigma_max`` down to 0; Karras et al. 2022, arXiv:2206.00364.

An integrator is one function of one step. It may take ``field``, the guided score ``(x, sigma, memory) -> (score,
memory)``; ``unguided``, the main model's score ``(x, sigma) -> score``; ``field_at``, which makes the ``field`` of
another step and the memory that it begins with; ``logp`` and ``tilt``, the logs of the main density and of the tilted
density that the rule stands for, up to a constant, ``(x, sigma) -> log p``; ``x``, ``sigma``, ``sigma_next``, the
number of ``steps`` and a ``key``. ``memory`` is the rule's and moves on once a step: a rule that observes does so where
the step begins, all evaluations of a step are given the memory that it begins with, and the first one's is handed on.
An integrator that carries something itself takes ``past`` and returns it third. What its decorator may say are the
fields of ``Integrator``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.densities import Density, Normalised, Tilted
from toy.guidance import RULES, Rule, Step
from toy.registry import Entry, Knob, Registry
from toy.schedules import SCHEDULES

Points = Float[Array, "n 2"]
Memory = Any  # what a rule carries from step to step; () for most
Field = Callable[[Points, Array, Memory], tuple[Points, Memory]]
Score = Callable[[Points, Array], Points]
LogDensity = Callable[[Points, Array], Float[Array, " n"]]

EDM = "Karras et al. 2022, arXiv:2206.00364"


@dataclass(frozen=True, kw_only=True)
class Integrator(Entry):
    """An integrator: its ``order``, whether it is ``stochastic``, and the ``least`` number of particles it takes.

    ``past`` gives what it carries from step to step at the start, given ``x``.
    """

    order: int
    stochastic: bool = False
    least: int = 1
    past: Callable[[Any], Any] | None = None


INTEGRATORS = Registry("integrator", Integrator)
integrator = INTEGRATORS.register


def noise_levels(steps: int, sigma_max: Any, sigma_min: Any, rho: Any = 7.0) -> Float[Array, " s"]:
    """EDM noise levels, [steps + 1], from sigma_max to sigma_min and then 0."""
    ramp = jnp.linspace(0, 1, steps)
    top, bottom = jnp.power(sigma_max, 1 / rho), jnp.power(sigma_min, 1 / rho)
    return jnp.append(jnp.power(top + ramp * (bottom - top), rho), 0.0)


# --- Deterministic integrators ----------------------------------------------------------------------------------------


@integrator(source=EDM, formula="x' = x − (σ' − σ) σ s(x; σ)", order=1)
def euler(field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory) -> tuple[Points, Memory]:
    """First order, one evaluation a step."""
    score, memory = field(x, sigma, memory)
    return x + (sigma - sigma_next) * sigma * score, memory


@integrator(
    source=f"{EDM}, Algorithm 1",
    formula="x' = x − (σ' − σ) ½[σ s(x; σ) + σ' s(x_Euler; σ')]",
    order=2,
)
def heun(field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory) -> tuple[Points, Memory]:
    """Second order, two evaluations a step; the last step, to 0, is an Euler step."""
    score, moved_on = field(x, sigma, memory)
    slope = sigma * score
    euler_x = x + (sigma - sigma_next) * slope

    def correct() -> Points:
        score, _ = field(euler_x, sigma_next, memory)
        return x + (sigma - sigma_next) * 0.5 * (slope + sigma_next * score)

    return jax.lax.cond(sigma_next > 0, correct, lambda: euler_x), moved_on


class Denoised(NamedTuple):
    """What the multistep solver remembers: the last denoised points, and the log of the last step's ratio of levels."""

    points: Points
    log_step: Array


@integrator(
    title="DPM-Solver++ 2M",
    source="Lu et al. 2022, arXiv:2211.01095",
    formula="x' = (σ'/σ) x + (1 − σ'/σ)[(1 + 1/2r) D − (1/2r) D_last], r = ln(σ_last/σ)/ln(σ/σ')",
    order=2,
    past=lambda x: Denoised(jnp.zeros_like(x), jnp.zeros(())),
)
def dpm_2m(
    field: Field, x: Points, sigma: Array, sigma_next: Array, memory: Memory, past: Denoised
) -> tuple[Points, Memory, Denoised]:
    """Second order from one evaluation a step and the one before; the first and the last step are Euler steps."""
    score, memory = field(x, sigma, memory)
    denoised = x + sigma * sigma * score
    log_step = jnp.log(sigma / jnp.maximum(sigma_next, 1e-12))
    half = jnp.where(past.log_step > 0, 0.5 * log_step / jnp.maximum(past.log_step, 1e-12), 0)
    half = jnp.where(sigma_next > 0, half, 0)
    mixed = denoised + half * (denoised - past.points)
    ratio = sigma_next / sigma
    return ratio * x + (1 - ratio) * mixed, memory, Denoised(denoised, log_step)


# --- Stochastic integrators -------------------------------------------------------------------------------------------


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
)
def edm_stochastic(
    field: Field,
    x: Points,
    sigma: Array,
    sigma_next: Array,
    steps: int,
    memory: Memory,
    key: Array,
    *,
    churn: Annotated[float, Knob(0, 100, 1, "S churn", "how much noise is renewed over all steps; 0 is Heun")] = 10.0,
    churn_min: Annotated[float, Knob(0, 5, 0.001, "S min", "no renewal below this noise level", log=True)] = 0.0,
    churn_max: Annotated[float, Knob(0, 100, 0.1, "S max", "no renewal above this noise level", log=True)] = 100.0,
    noise: Annotated[float, Knob(0.9, 1.1, 0.001, "S noise", "standard deviation of the new noise")] = 1.0,
) -> tuple[Points, Memory]:
    """Renew some of the noise before each of N Heun steps, which forgets earlier errors."""
    gamma = jnp.minimum(churn / steps, jnp.sqrt(2.0) - 1) * ((sigma >= churn_min) & (sigma <= churn_max))
    higher = sigma * (1 + gamma)
    noisy = x + jnp.sqrt(higher * higher - sigma * sigma) * noise * jax.random.normal(key, x.shape)
    return heun(field, noisy, higher, sigma_next, memory)


@integrator(
    title="Predictor-corrector (PCG)",
    source="Bradley and Nakkiran 2024, arXiv:2408.09000",
    formula="an unguided Euler step to σ', then K times x += ε/2 s(x; σ') + √ε z, ε = σ² − σ'²",
    order=1,
    stochastic=True,
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

    def correct(i: Array, x: Points) -> Points:
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
    weights = jnp.where(past.started, past.log_weights, tilt(x, sigma) - logp(x, sigma))
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
    """Systematic resampling: as many indices as there are shares, each about as often as its share says."""
    edges = jnp.cumsum(share)
    at = (jnp.arange(len(share)) + jax.random.uniform(key)) / len(share) * edges[-1]
    return jnp.minimum(jnp.searchsorted(edges, at, side="right"), len(share) - 1)


GIBBS_STEPS = 16


@integrator(
    title="Gibbs-like refinement (CFGiG)",
    source="Moufad et al. 2025, arXiv:2505.21101",
    formula="an unguided sample; then R times: noise up to σ*, and a guided run back down",
    order=2,
    stochastic=True,
)
def gibbs(
    field_at: Callable[[Array, Array, Array, Points, Memory], tuple[Field, Memory]],
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

    def refine(i: Array, x: Points) -> Points:
        noisy = x + renoise * jax.random.normal(jax.random.fold_in(key, i), x.shape)
        steps = (levels[:-1], levels[1:], jnp.arange(GIBBS_STEPS) / GIBBS_STEPS)
        return jax.lax.scan(down, (noisy, memory), steps)[0][0]

    return jax.lax.fori_loop(0, jnp.where(sigma_next > 0, 0, rounds).astype(int), refine, x), memory


# --- Rules on densities -----------------------------------------------------------------------------------------------


def scheduled(rule: Entry, knobs: Mapping[str, Any], share: Array) -> dict[str, Array]:
    """The rule's knobs with its weights moved to ``share`` of their way from neutral."""
    values = {}
    for name, knob in rule.knobs.items():
        value = jnp.asarray(knobs[name])
        values[name] = value if knob.neutral is None else knob.neutral + share * (value - knob.neutral)
    return values


def start_of(carried: Callable[[Any], Any] | None, x: Float[Array, "*b 2"]) -> Memory:
    """What a rule's ``memory`` or an integrator's ``past`` starts from; () where it carries nothing."""
    return () if carried is None else carried(x)


def guided(
    rule: Rule,
    cast: Mapping[str, Density],
    x: Float[Array, "*b 2"],
    sigma: Array,
    knobs: Mapping[str, Array],
    memory: Memory = (),
    step: Step | None = None,
) -> tuple[Float[Array, "*b 2"], Memory]:
    """Score of the rule at (x, sigma) and its new memory; ``cast`` gives each role its density.

    Without a ``step`` it is one from ``sigma`` to 0, guided in full.
    """
    step = step or Step(sigma, jnp.zeros_like(sigma), jnp.ones(()), jnp.ones(()))
    given = {"x": x, "sigma": sigma, "memory": memory, "step": step}
    for role in rule.roles:
        whole = rule.types[role] in (Density, Normalised)
        given[role] = cast[role] if whole else cast[role].score(x, sigma)
    result = rule(*(given[name] for name in rule.inputs), **knobs)
    return result if "memory" in rule.inputs else (result, memory)


def tilted(rule: Rule, cast: Mapping[str, Density], knobs: Mapping[str, Any]) -> Tilted:
    """The tilted density whose score the rule is; ValueError without one."""
    if rule.tilt is None:
        have = ", ".join(name for name, entry in RULES.items() if entry.tilt)
        raise ValueError(f"rule {rule.name!r} stands for no tilted density; these do: {have}")
    exponents = rule.tilt(**knobs)
    return Tilted(tuple(cast[role] for role in exponents), tuple(jnp.float32(power) for power in exponents.values()))


# --- Trajectories -----------------------------------------------------------------------------------------------------


@partial(jax.jit, static_argnames=("rule", "schedule", "integrator", "keep"))
def trajectory(
    x: Points,
    sigmas: Float[Array, " s"],
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    key: Array,
    *,
    rule: str,
    schedule: str = "constant",
    integrator: str = "heun",
    keep: bool = True,
) -> Float[Array, "s n 2"]:
    """Follow the guided ODE from ``x`` at ``sigmas[0]`` through all noise levels; [steps + 1, n, 2].

    One compilation serves all values of the knobs, noise levels, points and keys. With ``keep=False`` only the last
    points are returned, [1, n, 2].
    """
    advance, start, levels = _steps(x, sigmas, cast, knobs, key, rule, schedule, integrator)

    def body(state: _State, now: tuple[Array, ...]) -> tuple[_State, Points | None]:
        state = advance(state, now)
        return state, (state[0] if keep else None)

    (last, *_), path = jax.lax.scan(body, start, levels)
    return last[None] if path is None else jnp.concatenate([x[None], path])


@partial(jax.jit, static_argnames=("rule", "schedule", "integrator", "upwards"))
def volume(
    x: Points,
    sigmas: Float[Array, " s"],
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    *,
    rule: str,
    schedule: str = "constant",
    integrator: str = "heun",
    upwards: bool = False,
    since: int | Array = 0,
) -> tuple[Points, Float[Array, " n"]]:
    """Where a deterministic sampler takes ``x``, and log |det| of the Jacobian of that map, [n], in nats.

    A sample's own log-density is that of its start less this. Two tangents are carried along with everything that the
    sampler remembers, and made orthogonal again at each step: what was taken out adds up to the logarithm. ValueError
    for a stochastic integrator, whose samples are no function of their start.

    With ``upwards`` the noise levels rise instead, and every step is guided as the same step downwards is: where a
    point comes from, to the order of the integrator. The ``since`` first steps are left out.
    """
    if INTEGRATORS[integrator].stochastic:
        have = ", ".join(name for name, entry in INTEGRATORS.items() if not entry.stochastic)
        raise ValueError(f"integrator {integrator!r} is stochastic and gives no exact log q; these do: {have}")
    advance, start, levels = _steps(x, sigmas, cast, knobs, jax.random.key(0), rule, schedule, integrator, upwards)
    still = jax.tree.map(lambda a: jnp.zeros((2, *a.shape), a.dtype), start)
    tangents = (still[0] + jnp.eye(2)[:, None], *still[1:])  # of x along both axes

    def body(carry: tuple, now: tuple[Array, ...]) -> tuple:
        state, tangents, log_det = carry

        def push(tangent: _State) -> tuple[_State, _State]:
            return jax.jvp(lambda state: advance(state, now), (state,), (tangent,))

        state, tangents = jax.vmap(push, out_axes=(None, 0))(tangents)
        first, second = tangents[0]
        length = jnp.sqrt(jnp.sum(first * first, axis=-1))
        unit = first / length[..., None]
        along = jnp.sum(unit * second, axis=-1)
        across = unit[..., 0] * second[..., 1] - unit[..., 1] * second[..., 0]

        def straighten(t: Array) -> Array:
            shape = (*length.shape, *(1,) * (t.ndim - 1 - length.ndim))
            one = t[0] / length.reshape(shape)
            return jnp.stack([one, (t[1] - along.reshape(shape) * one) / jnp.abs(across).reshape(shape)])

        # What is not a particle's own, such as a step's length, does not depend on where it started.
        tangents = jax.tree.map(lambda t: straighten(t) if t.ndim > 1 else t, tangents)
        return state, tangents, log_det + jnp.log(length) + jnp.log(jnp.abs(across))

    def counted(carry: tuple, now: tuple[Array, tuple[Array, ...]]) -> tuple[tuple, None]:
        index, given = now
        return jax.lax.cond(index >= since, body, lambda carry, _: carry, carry, given), None

    begin = (start, tangents, jnp.zeros(len(x)))
    (state, _, log_det), _ = jax.lax.scan(counted, begin, (jnp.arange(len(sigmas) - 1), levels))
    return state[0], log_det


_State = tuple[Points, Memory, Any]


def _steps(
    x: Points,
    sigmas: Float[Array, " s"],
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    key: Array,
    rule: str,
    schedule: str,
    integrator: str,
    upwards: bool = False,
) -> tuple[Callable[[_State, tuple[Array, ...]], _State], _State, tuple[Array, ...]]:
    """One step as a function of (points, rule's memory, integrator's past), what it starts from, and all its levels."""
    entry, stepper, shares = RULES[rule], INTEGRATORS[integrator], SCHEDULES[schedule]
    steps = len(sigmas) - 1

    def field_at(sigma: Array, sigma_next: Array, progress: Array, x: Points, memory: Memory) -> tuple[Field, Memory]:
        """The score of a step that begins at ``x``, and the memory that its evaluations are given."""
        if upwards:
            sigma, sigma_next, progress = sigma_next, sigma, 1 - progress - 1 / steps
        given = {"sigma": sigma, "progress": progress}
        share = shares(*(given[name] for name in shares.inputs), **_pick(shares, knobs))
        step, values = Step(sigma, sigma_next, progress, share), scheduled(entry, knobs, share)
        if entry.observe:
            memory = entry.observe(x, memory, **values)
        return lambda x, sigma, memory: guided(entry, cast, x, sigma, values, memory, step), memory

    def advance(state: _State, now: tuple[Array, ...]) -> _State:
        x, memory, past = state
        sigma, sigma_next, progress, key = now
        field, memory = field_at(sigma, sigma_next, progress, x, memory)
        given = {
            "field": field,
            "field_at": field_at,
            "unguided": lambda x, sigma: cast["main"].score(x, sigma),
            "logp": lambda x, sigma: cast["main"].logp(x, sigma),
            "x": x,
            "sigma": sigma,
            "sigma_next": sigma_next,
            "steps": steps,
            "memory": memory,
            "past": past,
            "key": key,
        }
        if "tilt" in stepper.inputs:
            given["tilt"] = tilted(entry, cast, _pick(entry, knobs)).logp
        x, memory, *past = stepper(*(given[name] for name in stepper.inputs), **_pick(stepper, knobs))
        return (x, memory, past[0] if past else ())

    start = (x, start_of(entry.memory, x), start_of(stepper.past, x))
    return advance, start, (sigmas[:-1], sigmas[1:], jnp.arange(steps) / steps, jax.random.split(key, steps))


def _pick(entry: Entry, knobs: Mapping[str, Array]) -> dict[str, Array]:
    return {name: knobs[name] for name in entry.knobs}
