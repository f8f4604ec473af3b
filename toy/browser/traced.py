"""Rules, schedules, integrators and measures as programs, each traced once, for any number ``n`` of points.

In a rule each role's density is asked where the program runs; in an integrator the guided field is, and the rule's
memory passes through as one value. So any rule goes with any schedule and integrator, and a new one needs no
JavaScript.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array

from toy import metrics, sampling
from toy.browser import remote
from toy.browser.programs import Program, equations, program
from toy.browser.remote import Remote
from toy.densities import Normalised
from toy.guidance import RULES, Rule, Step
from toy.guidance.rules import Memory
from toy.metrics import Truth
from toy.registry import Entry
from toy.sampling import INTEGRATORS, Integrator
from toy.sampling.integrators import Field
from toy.schedules import SCHEDULES

FLOAT: Any = jax.ShapeDtypeStruct((), jnp.float32)
KEY = jax.eval_shape(lambda: jax.random.key(0))
N, GROUPS, MODES = export.symbolic_shape("n, g, m")
POINTS = jax.ShapeDtypeStruct((N, 2), jnp.float32)
SHOWN = ("outliers", "branch_tv", "root_share", "alignment")  # the measures that stand under a picture
Knobs = Mapping[str, Array]
Dimension = object  # a number or a symbol
Made = dict[str, Program | list[str]]
ALL_POINTS = "it needs all points at once, and the browser's workers have a part of them each"


def _floats(*shape: Dimension) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _knobs(entry: Entry) -> dict[str, jax.ShapeDtypeStruct]:
    return {name: _floats(*([knob.size] if knob.size else [])) for name, knob in entry.knobs.items()}


def rule_program(entry: Rule) -> Made:
    """A rule: ``body`` (x, sigma, *memory, σ, σ', progress, share, *knobs) -> (score, *memory), from σ of its step.

    ``start`` (x) -> memory; ``observe`` (x, *memory, share, *knobs) -> memory and ``tilt`` (share, *knobs) -> exponents
    of the roles ``tilts``, where there are; ``whole`` are the roles whose log-density has to have its constant.
    """
    cast = {role: Remote(role) for role in ("main", *entry.roles)}

    def body(x: Array, sigma: Array, memory: Memory, step: Step, knobs: Knobs) -> tuple[Array, Memory]:
        return sampling.guided(entry, cast, x, sigma, sampling.scheduled(entry, knobs, step.share), memory, step)

    def observe(x: Array, memory: Memory, share: Array, knobs: Knobs) -> Memory:
        assert entry.observe
        return entry.observe(x, memory, **sampling.scheduled(entry, knobs, share))

    memory, knobs = jax.eval_shape(lambda x: sampling.start_of(entry.memory, x), POINTS), _knobs(entry)
    made: Made = {
        "knobs": sorted(knobs),
        "roles": list(entry.roles),
        "whole": [role for role in entry.roles if entry.types[role] is Normalised],
        "start": program(lambda x: sampling.start_of(entry.memory, x), POINTS),
        "body": program(body, POINTS, FLOAT, memory, Step(FLOAT, FLOAT, FLOAT, FLOAT), knobs),
    }
    if entry.observe:
        made["observe"] = program(observe, POINTS, memory, FLOAT, knobs)
    if entry.tilt:
        tilt = entry.tilt
        powers = tilt(**{name: knob.default for name, knob in entry.knobs.items()})
        made["tilts"] = list(powers)

        def exponents(share: Array, knobs: Knobs) -> list[Array]:
            found = tilt(**sampling.scheduled(entry, knobs, share))
            return [jnp.float32(found[role]) for role in powers]

        made["tilt"] = program(exponents, FLOAT, knobs)
    return made


def schedule_program(entry: Entry) -> Made:
    """A schedule: ``body`` (progress, sigma, *knobs) -> the share of the extra weight."""

    def body(given: Mapping[str, Array], knobs: Knobs) -> Array:
        share: Array = jnp.float32(entry(*(given[name] for name in entry.inputs), **knobs))
        return share

    return {
        "knobs": sorted(entry.knobs),
        "body": program(body, {"progress": FLOAT, "sigma": FLOAT}, _knobs(entry)),
    }


def integrator_program(entry: Integrator) -> Made:
    """An integrator: ``body`` (x, σ, σ', progress, key, steps, memory, *past, *knobs) -> (x, memory, *past).

    ``start`` (x) -> past. Raises ValueError for one that moves all points together.
    """
    if "tilt" in entry.inputs:
        raise ValueError(ALL_POINTS)

    def field_at(sigma: Array, sigma_next: Array, progress: Array, x: Array, memory: Memory) -> tuple[Field, Memory]:
        step = (sigma, sigma_next, progress)
        return lambda x, sigma, memory: remote.field(x, sigma, memory, step), remote.observe(x, memory, step)

    def body(
        x: Array, now: tuple[Array, ...], steps: Array, memory: Memory, past: Memory, knobs: Knobs
    ) -> tuple[Array, Memory, Memory]:
        return sampling.stepped(entry, field_at, {"main": Remote("main")}, (x, memory, past), now, steps, knobs)

    past = jax.eval_shape(lambda x: sampling.start_of(entry.past, x), POINTS)
    return {
        "knobs": sorted(entry.knobs),
        "start": program(lambda x: sampling.start_of(entry.past, x), POINTS),
        "body": program(body, POINTS, (FLOAT, FLOAT, FLOAT, KEY), FLOAT, FLOAT, past, _knobs(entry)),
    }


def measures_program(names: tuple[str, ...] = SHOWN) -> Made:
    """Measures of samples: (x, prior, threshold, tail, far, mode, mass, level) -> (log p, occupancy, *names, *erring).

    The densities asked are ``density``, the target's, and ``both``, that of all classes.
    """

    def body(x: Array, numbers: tuple[Array, ...]) -> tuple[Array, ...]:
        prior, threshold, tail, far, mode, mass, level = numbers
        unasked: Any = dict.fromkeys(("reference", "projected", "apart"))
        truth = Truth(
            density=Remote("density", groups=mode.shape[0]),  # type: ignore[arg-type]
            both=Remote("both"),  # type: ignore[arg-type]
            prior=prior,
            threshold=threshold,
            tail=tail,
            far=far,
            mode=mode,
            mass=mass,
            level=level,
            **unasked,
        )
        found = metrics.statistics(x, truth)
        values = metrics.of_statistics(found, names)
        n = jnp.asarray(x.shape[0], jnp.float32)
        errors = [metrics.share_error(value, n) for name, value in values.items() if name in metrics.SHARES]
        errors.append(metrics.tv_error(found["occupancy"], mass, n))
        return found["logp"], found["occupancy"], *values.values(), *errors

    of_groups, of_modes = (jax.ShapeDtypeStruct((size,), jnp.int32) for size in (GROUPS, MODES))
    numbers = (FLOAT, FLOAT, FLOAT, FLOAT, of_groups, _floats(MODES), of_modes)
    erring = [*(name for name in names if name in metrics.SHARES), "branch_tv"]
    return {"names": list(names), "erring": erring, "body": program(body, POINTS, numbers)}


PRIMITIVES = frozenset(json.loads((Path(__file__).parent / "web" / "primitives.json").read_text(encoding="utf-8")))


def unknown_primitives(made: Made) -> list[str]:
    """What an entry's programs need and the browser's interpreter does not have."""
    programs = [part for part in made.values() if isinstance(part, dict)]
    return sorted({equation[0] for part in programs for equation in equations(part)} - PRIMITIVES)


KINDS: Mapping[str, tuple[Mapping[str, Entry], Callable[[Any], Made]]] = {
    "rules": (RULES, rule_program),
    "schedules": (SCHEDULES, schedule_program),
    "integrators": (INTEGRATORS, integrator_program),
}


_made: dict[tuple[str, str], tuple[Entry, Made]] = {}  # with the entry: a notebook may define it anew


def traced(kind: str, name: str) -> Made:
    """The program of a rule, a schedule or an integrator; ``kind`` is one of ``KINDS``.

    Raises ValueError, one sentence, for one that the browser cannot run.
    """
    registry, make = KINDS[kind]
    entry = registry[name]
    known, made = _made.get((kind, name), (None, {}))
    if known is not entry:
        try:
            made = make(entry)
        except (TypeError, NotImplementedError) as error:
            raise ValueError(f"{entry.title} cannot be traced for any number of points: {error}") from None
        if unknown := unknown_primitives(made):
            raise ValueError(f"{entry.title} needs what the browser's interpreter does not have: {', '.join(unknown)}")
        _made[kind, name] = entry, made
    return made


def needs_server() -> dict[str, str]:
    """What the browser cannot run, as 'kind name', and why in one sentence."""
    found = {}
    for kind, (registry, _) in KINDS.items():
        for name in registry:
            try:
                traced(kind, name)
            except ValueError as error:
                found[f"{kind.removesuffix('s')} {name}"] = str(error)
    return found
