"""Whole trajectories, and how a sampler stretches volume on the way."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy.densities import Density
from toy.guidance import RULES, Step
from toy.registry import Entry
from toy.sampling.integrators import INTEGRATORS, Field, FieldAt, Integrator, LogDensity, Memory, Points
from toy.sampling.scores import guided, scheduled, start_of, tilted
from toy.schedules import SCHEDULES

_State = tuple[Points, Memory, Memory]  # and an integrator's past
_Tangents = tuple[Float[Array, "2 n 2"], Memory, Memory]  # two of a state
_Stretched = tuple[_State, _Tangents, Float[Array, " n"]]  # with log |det|


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
) -> Float[Array, "t n 2"]:
    """Follow the guided ODE, or what a stochastic integrator makes of it, through all noise levels.

    One compilation serves all values of the knobs, noise levels, points and keys.

    Args:
        x: Points at the first noise level.
        sigmas: Falling to 0, as ``noise_levels`` gives them.
        cast: The density that plays each role.
        knobs: Of rule, schedule and integrator together, by name.
        key: For integrators that draw noise.
        rule: A name of ``RULES``.
        schedule: A name of ``SCHEDULES``.
        integrator: A name of ``INTEGRATORS``.
        keep: Whether all steps are returned, or the last points alone.

    Returns:
        Points at every level, [steps + 1, n, 2], or [1, n, 2].

    Raises:
        ValueError: The rule, the schedule or the integrator is not known.

    Source:
        Karras et al. 2022, arXiv:2206.00364.

    Example:
        >>> truth = distributions.mixture("gaussians/A")
        >>> sigmas, key = sampling.noise_levels(8, 5.0, 0.002), jax.random.key(0)
        >>> x = truth.sample(key, 64, 5.0)
        >>> path = sampling.trajectory(x, sigmas, {"main": truth}, {}, key, rule="none")
        >>> [round(float(now.std()), 2) for now in (path[0], path[-1])], path.shape
        ([4.88, 0.34], (9, 64, 2))
    """
    advance, start, levels = step_of(x, sigmas, cast, knobs, key, rule, schedule, integrator)

    def body(state: _State, now: tuple[Array, ...]) -> tuple[_State, Points | None]:
        state = advance(state, now)
        return state, (state[0] if keep else None)

    (last, *_), path = jax.lax.scan(body, start, levels)
    return last[None] if path is None else jnp.concatenate([x[None], path])


def volume(
    x: Float[Array | np.ndarray, "n 2"],
    sigmas: Float[Array | np.ndarray, " s"],
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    *,
    rule: str,
    schedule: str = "constant",
    integrator: str = "heun",
    upwards: bool = False,
    since: int | Array = 0,
) -> tuple[Points, Float[Array, " n"]]:
    """Where a deterministic sampler takes ``x``, and by how much it stretches the plane there.

    A sample's own log-density is that of its start less log |det|. Two tangents are carried along with everything that
    the sampler remembers, and made orthogonal again at each step: what was taken out adds up to the logarithm.

    Args:
        x: Points at the first noise level.
        sigmas: Falling to 0, or with ``upwards`` rising.
        cast: The density that plays each role.
        knobs: Of rule, schedule and integrator together, by name.
        rule: A name of ``RULES``.
        schedule: A name of ``SCHEDULES``.
        integrator: A name of ``INTEGRATORS``.
        upwards: Where a point comes from, to the integrator's order: each step is guided as the same step downwards.
        since: How many first steps are left out.

    Returns:
        The last points, [n, 2], and log |det| of the map's Jacobian, in nats, [n].

    Raises:
        ValueError: The integrator is stochastic, so that samples are no function of their start, or a name is unknown.

    Example:
        >>> truth = distributions.mixture("gaussians/A")
        >>> x, sigmas = truth.sample(jax.random.key(0), 64, 5.0), sampling.noise_levels(8, 5.0, 0.002)
        >>> ends, log_det = sampling.volume(x, sigmas, {"main": truth}, {}, rule="none")
        >>> shrunk = jnp.log(ends.std(axis=0) / x.std(axis=0)).sum()  # a Gaussian shrinks alike everywhere
        >>> bool(jnp.allclose(log_det, shrunk, atol=1e-3))
        True
    """
    if INTEGRATORS[integrator].stochastic:
        have = ", ".join(name for name, entry in INTEGRATORS.items() if not entry.stochastic)
        raise ValueError(f"integrator {integrator!r} is stochastic and gives no exact log q; these do: {have}")
    entry, stepper, shares = RULES[rule], INTEGRATORS[integrator], None
    if "field_at" not in stepper.inputs:  # which would ask for the share at levels that are no step's
        shares = shares_of(sigmas, knobs, schedule=schedule, upwards=upwards)
        schedule, knobs = "", {name: knobs[name] for name in (*entry.knobs, *stepper.knobs)}
    ends: tuple[Points, Array] = _volume(
        x, sigmas, cast, knobs, shares, since, rule=rule, schedule=schedule, integrator=integrator, upwards=upwards
    )
    return ends


@partial(jax.jit, static_argnames=("schedule", "upwards"))
def shares_of(sigmas: Float[Array, " s"], knobs: Mapping[str, Array], *, schedule: str, upwards: bool) -> Array:
    """The share of the extra weight at each step, [steps]; ``upwards`` as the same step downwards has it."""
    steps = len(sigmas) - 1
    sigma, progress = sigmas[:-1], jnp.arange(steps) / steps
    if upwards:
        sigma, progress = sigmas[1:], 1 - progress - 1 / steps
    shares: Array = jax.vmap(lambda sigma, progress: share_at(SCHEDULES[schedule], sigma, progress, knobs))(
        sigma, progress
    )
    return shares


@partial(jax.jit, static_argnames=("rule", "schedule", "integrator", "upwards"))
def _volume(
    x: Points,
    sigmas: Float[Array, " s"],
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    shares: Float[Array, " steps"] | None,
    since: int | Array,
    *,
    rule: str,
    schedule: str,
    integrator: str,
    upwards: bool,
) -> tuple[Points, Float[Array, " n"]]:
    """``volume``, compiled for no schedule where the ``shares`` of all steps are given."""
    advance, start, levels = step_of(
        x, sigmas, cast, knobs, jax.random.key(0), rule, schedule, integrator, upwards, shares
    )
    still = jax.tree.map(lambda a: jnp.zeros((2, *a.shape), a.dtype), start)
    tangents = (still[0] + jnp.eye(2)[:, None], *still[1:])  # of x along both axes

    def body(carry: _Stretched, now: tuple[Array, ...]) -> _Stretched:
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

    def counted(carry: _Stretched, now: tuple[Array, tuple[Array, ...]]) -> tuple[_Stretched, None]:
        index, given = now
        return jax.lax.cond(index >= since, body, lambda carry, _: carry, carry, given), None

    begin = (start, tangents, jnp.zeros(len(x)))
    (state, _, log_det), _ = jax.lax.scan(counted, begin, (jnp.arange(len(sigmas) - 1), levels))
    return state[0], log_det


def step_of(
    x: Points,
    sigmas: Float[Array, " s"],
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    key: Array,
    rule: str,
    schedule: str,
    integrator: str,
    upwards: bool = False,
    shares: Float[Array, " steps"] | None = None,
) -> tuple[Callable[[_State, tuple[Array, ...]], _State], _State, tuple[Array, ...]]:
    """One step as a function of (points, rule's memory, integrator's past), what it starts from, and all its levels.

    With the ``shares`` of all steps no schedule is asked.
    """
    entry, stepper, steps = RULES[rule], INTEGRATORS[integrator], len(sigmas) - 1

    def field_at(
        sigma: Array, sigma_next: Array, progress: Array, x: Points, memory: Memory, share: Array | None = None
    ) -> tuple[Field, Memory]:
        """The score of a step that begins at ``x``, and the memory that its evaluations are given."""
        if upwards:
            sigma, sigma_next, progress = sigma_next, sigma, 1 - progress - 1 / steps
        if share is None:
            share = share_at(SCHEDULES[schedule], sigma, progress, knobs)
        step, values = Step(sigma, sigma_next, progress, share), scheduled(entry, knobs, share)
        if entry.observe:
            memory = entry.observe(x, memory, **values)
        return lambda x, sigma, memory: guided(entry, cast, x, sigma, values, memory, step), memory

    tilt = tilted(entry, cast, _pick(entry, knobs)).logp if "tilt" in stepper.inputs else None

    def advance(state: _State, now: tuple[Array, ...]) -> _State:
        field = field_at if shares is None else partial(field_at, share=now[4])
        return stepped(stepper, field, cast, state, now[:4], steps, _pick(stepper, knobs), tilt)

    start = (x, start_of(entry.memory, x), start_of(stepper.past, x))
    levels = (sigmas[:-1], sigmas[1:], jnp.arange(steps) / steps, jax.random.split(key, steps))
    return advance, start, levels if shares is None else (*levels, shares)


def share_at(schedule: Entry, sigma: Array, progress: Array, knobs: Mapping[str, Array]) -> Array:
    """The share of the extra weight that a schedule has at a step."""
    given = {"sigma": sigma, "progress": progress}
    share: Array = schedule(*(given[name] for name in schedule.inputs), **_pick(schedule, knobs))
    return share


def stepped(
    stepper: Integrator,
    field_at: FieldAt,
    cast: Mapping[str, Density],
    state: _State,
    now: tuple[Array, ...],
    steps: int | Array,
    knobs: Mapping[str, Array],
    tilt: LogDensity | None = None,
) -> _State:
    """One step of an integrator, ``now`` its noise level, the next one, its progress and its key."""
    x, memory, past = state
    sigma, sigma_next, progress, key = now
    field, memory = field_at(sigma, sigma_next, progress, x, memory)
    given = {
        "field": field,
        "field_at": field_at,
        "unguided": lambda x, sigma: cast["main"].score(x, sigma),
        "logp": lambda x, sigma: cast["main"].logp(x, sigma),
        "tilt": tilt,
        "x": x,
        "sigma": sigma,
        "sigma_next": sigma_next,
        "steps": steps,
        "memory": memory,
        "past": past,
        "key": key,
    }
    x, memory, *moved_on = stepper(*(given[name] for name in stepper.inputs), **knobs)
    return (x, memory, moved_on[0] if moved_on else ())


def _pick(entry: Entry, knobs: Mapping[str, Array]) -> dict[str, Array]:
    return {name: knobs[name] for name in entry.knobs}
