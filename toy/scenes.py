"""A Scene is everything that is sampled, in one frozen value; compute() turns it into a Frame of NumPy arrays.

URL, command line, slider, cache key, test case and figure caption are all the same Scene.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import contourpy
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import fractal, metrics, sampling
from toy.densities import Density, GaussianMixture, Normalised
from toy.guidance import RULES, Rule, Step
from toy.names import OTHER, Name
from toy.quadrature import normalised
from toy.registry import Entry, Knob
from toy.sampling import INTEGRATORS, Integrator
from toy.schedules import SCHEDULES

STARTS = ("exact", "normal")
ROLE_DEFAULTS = {  # of target A; default_cast puts another target's classes in
    "main": "A64@4096",
    "unconditional": "AB32@512",
    "weak": "A32@512",
    "negative": "B64@4096",
    "conditional": "A64@4096",
    "truth": "exact:A",
}

SETTINGS = {
    knob.name: knob
    for knob in (
        Knob(8, 256, 1, "steps", "integration steps (under 8 even the exact score diverges)", name="steps", default=32),
        Knob(0.5, 80, 0.5, "σ max", "noise level of the start", name="sigma_max", default=5.0, log=True),
        Knob(0.0005, 0.1, 0.0005, "σ min", "last noise level before 0", name="sigma_min", default=0.002, log=True),
        Knob(1, 20, 0.5, "ρ", "spacing of the noise levels: larger is denser at low noise", name="rho", default=7.0),
        Knob(1, 2**20, 1, "n", "number of samples", name="n", default=16384, log=True),
        Knob(0, 2**31 - 1, 1, "seed", "seed of the initial noise, the same for every method", name="seed", default=0),
    )
}
INTEGERS = ("steps", "n", "seed")


@dataclass(frozen=True)
class Scene:
    """What is sampled: rule, cast, knobs, schedule, integrator, noise levels, number of samples, seed.

    ``cast`` gives the density's name of every role that the rule needs and ``knobs`` the value of every knob of rule,
    schedule and integrator, both as sorted tuples of pairs. ``Scene.of`` fills in defaults and is the way to make one.
    ``target`` is the class that the samples are measured against.
    """

    rule: str = "none"
    cast: tuple[tuple[str, str], ...] = (("main", ROLE_DEFAULTS["main"]),)
    knobs: tuple[tuple[str, float], ...] = ()
    schedule: str = "constant"
    integrator: str = "heun"
    target: str = "A"
    start: str = "exact"
    steps: int = 32
    sigma_max: float = 5.0
    sigma_min: float = 0.002
    rho: float = 7.0
    n: int = 16384
    seed: int = 0

    @classmethod
    def of(cls, rule: str = "none", **values: Any) -> "Scene":
        """A checked Scene from flat values: settings, roles and knobs by name; strings are parsed.

        ``Scene.of("autoguidance", w=2, weak="A32@512", n=4096)``. ValueError names the first bad value and what is
        allowed, also for a role or knob that the chosen rule, schedule and integrator do not have.
        """
        schedule, integrator = str(values.pop("schedule", "constant")), str(values.pop("integrator", "heun"))
        entries = chosen(rule, schedule, integrator)
        knobs = {name: knob for entry in entries for name, knob in entry.knobs.items()}
        given = {name: values.pop(name) for name in list(values) if name in knobs}
        target = str(values.pop("target", "A"))
        cast = {role: str(values.pop(role, name)) for role, name in default_cast(rule, target).items()}
        settings: dict[str, Any] = {
            name: _number(SETTINGS[name], values.pop(name)) for name in list(values) if name in SETTINGS
        }
        start = str(values.pop("start", "exact"))
        if values:
            have = ", ".join([*cast, *knobs, *SETTINGS, "schedule", "integrator", "target", "start"])
            raise ValueError(f"{next(iter(values))!r} does not go with rule {rule!r}; it takes: {have}")
        if start not in STARTS:
            raise ValueError(f"unknown start {start!r}; have: {', '.join(STARTS)}")
        scene = cls(
            rule=rule,
            cast=tuple(sorted(cast.items())),
            knobs=tuple(
                (name, knob.check(given.get(name, usual_value(knob, target)))) for name, knob in sorted(knobs.items())
            ),
            schedule=schedule,
            integrator=integrator,
            target=target,
            start=start,
            **settings,
        )
        if scene.sigma_min >= scene.sigma_max:
            raise ValueError(f"sigma_min = {scene.sigma_min:g} is not below sigma_max = {scene.sigma_max:g}")
        _check_combination(scene)
        return scene

    def flat(self) -> dict[str, Any]:
        """All values by name, as ``Scene.of`` takes them."""
        names = ("schedule", "integrator", "target", "start", *SETTINGS)
        return {"rule": self.rule, **dict(self.cast), **dict(self.knobs), **{n: getattr(self, n) for n in names}}

    def short(self) -> dict[str, Any]:
        """The values that differ from the rule's defaults, and the rule: for links, commands and captions."""
        choices = {"schedule": self.schedule, "integrator": self.integrator, "target": self.target}
        default = Scene.of(self.rule, **choices).flat() | {"schedule": "constant", "integrator": "heun", "target": "A"}
        return {k: v for k, v in self.flat().items() if k == "rule" or v != default[k]}

    def change(self, **values: Any) -> "Scene":
        """The scene with some values changed, checked; values that the new rule does not take are dropped.

        Under a new rule or target a role that played the old one's usual density plays the new one's; under a new
        target so do its exact counterpart, and a knob whose usual value is the target's.
        """
        merged = self.flat() | values
        rule, target = merged.pop("rule"), merged["target"]
        if rule != self.rule or target != self.target:
            usual: dict[str, Any] = {**default_cast(self.rule, self.target), "prior": prior_of_negative(self.target)}
            mine = {name: value for name, value in merged.items() if name in usual and name not in values}
            for name, value in mine.items():
                if value == usual[name]:
                    del merged[name]
                elif target != self.target and name != "prior" and value == exact_of(usual[name]):
                    merged[name] = exact_of(default_cast(rule, target).get(name, value))
        entries = chosen(rule, merged["schedule"], merged["integrator"])
        takes = {*RULES[rule].roles, *(name for entry in entries for name in entry.knobs)}
        takes |= {"schedule", "integrator", "target", "start", *SETTINGS, *values} - {"rule"}
        return Scene.of(rule, **{name: value for name, value in merged.items() if name in takes})

    @property
    def entry(self) -> Rule:
        """The rule."""
        return RULES[self.rule]

    @property
    def entries(self) -> tuple[Rule, Entry, Integrator]:
        """The rule, the schedule and the integrator."""
        return chosen(self.rule, self.schedule, self.integrator)

    @property
    def advice(self) -> str:
        """A sentence where the rule was derived for another integrator; else nothing."""
        derived = self.entry.integrator or self.integrator
        if derived == self.integrator:
            return ""
        return (
            f"{self.entry.title} is derived for the integrator {INTEGRATORS[derived].title}: choose it for both sides."
        )

    def sigmas(self) -> np.ndarray:
        """Noise levels [steps + 1], the last one 0."""
        return np.asarray(_levels(self.steps, self.sigma_max, self.sigma_min, self.rho))


def chosen(rule: str, schedule: str, integrator: str) -> tuple[Rule, Entry, Integrator]:
    """A rule, a schedule and an integrator by their names; ValueError lists what there is."""
    return RULES[rule], SCHEDULES[schedule], INTEGRATORS[integrator]


def default_cast(rule: str, target: str = "A") -> dict[str, str]:
    """The density's name that plays each role of a rule unless one asks for another: the target's own."""
    own = RULES[rule].cast
    return {role: of_target(own.get(role, ROLE_DEFAULTS[role]), target) for role in RULES[rule].roles}


def of_target(name: str, target: str) -> str:
    """A density's name for target A as it is for another: ``Name.of_target``. ValueError for an unknown target."""
    fractal.branches().of(target)
    return str(Name.parse(name).of_target(target))


def exact_of(name: str) -> str:
    """The exact density in place of a usual one: 'exact:A' of 'A64@4096'."""
    return str(Name.parse(name).exact())


def prior_of_negative(target: str) -> float:
    """Prior probability, among both classes, of what plays the negative by default."""
    return round(fractal.prior(OTHER[target].get("B", "B")), 3)


def usual_value(knob: Knob, target: str) -> float:
    """A knob's value unless one asks for another: its default, but a ``prior`` is that of the target's negative."""
    return prior_of_negative(target) if knob.name == "prior" else knob.default


def _check_combination(scene: Scene) -> None:
    """ValueError in one sentence where rule, schedule, integrator and numbers do not go together."""
    values, (_, _, stepper) = dict(scene.knobs), scene.entries
    for entry in scene.entries:
        low, high = entry.ordered or ("", "")
        if low and values[low] > values[high]:
            raise ValueError(f"{low} = {values[low]:g} is above {high} = {values[high]:g}")
    if "tilt" in stepper.inputs:
        if scene.entry.tilt is None:
            have = ", ".join(name for name, rule in RULES.items() if rule.tilt)
            raise ValueError(
                f"integrator {scene.integrator!r} needs a rule that stands for a tilted density, and {scene.rule!r} "
                f"does not; these do: {have}"
            )
        if scene.schedule != "constant":
            raise ValueError(f"integrator {scene.integrator!r} needs schedule 'constant', not {scene.schedule!r}")
    if scene.n < stepper.least:
        raise ValueError(
            f"n = {scene.n} is too few for integrator {scene.integrator!r}, which needs at least {stepper.least}"
        )


@partial(jax.jit, static_argnames="steps")
def _levels(steps: int, sigma_max: float, sigma_min: float, rho: float) -> Array:
    return sampling.noise_levels(steps, sigma_max, sigma_min, rho)


def _number(knob: Knob, value: Any) -> float | int:
    number = knob.check(value)
    if knob.name not in INTEGERS:
        return number
    if number != math.floor(number):
        raise ValueError(f"{knob.name} = {value} is not a whole number")
    return int(number)


@dataclass(frozen=True)
class Frame:
    """What a Scene becomes: ``path`` [steps + 1, n, 2] (only the last points unless kept), ``sigmas``, true ``logp``
    [n] and ``occupancy`` [branches] of the samples, ``metrics`` with their noise ``floor``, and the seconds it took.
    """

    scene: Scene
    sigmas: np.ndarray
    path: np.ndarray
    logp: np.ndarray
    occupancy: np.ndarray
    metrics: Mapping[str, Any]
    floor: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def samples(self) -> np.ndarray:
        """The points at sigma 0, [n, 2]."""
        return self.path[-1]


@partial(jax.jit, static_argnames="n")
def _start(density: GaussianMixture, key: Array, sigma: Array, *, n: int) -> tuple[Array, Array]:
    key_data, key_noise = jax.random.split(key)
    return density.sample(key_data, n), sigma * jax.random.normal(key_noise, (n, 2))


def data_and_noise(scene: Scene) -> tuple[Float[Array, "n 2"], Float[Array, "n 2"]]:
    """True samples of the target, and noise of N(0, sigma_max^2 I): what the forward process adds up."""
    key_start, _ = jax.random.split(jax.random.key(scene.seed))
    return _start(fractal.mixture(scene.target), key_start, jnp.float32(scene.sigma_max), n=scene.n)


def initial(scene: Scene) -> Float[Array, "n 2"]:
    """The starting points: of p(x | target; sigma_max) exactly, or of N(0, sigma_max^2 I)."""
    data, noise = data_and_noise(scene)
    return data + noise if scene.start == "exact" else noise


def players(scene: Scene, cast: Mapping[str, Density]) -> dict[str, Density]:
    """The density of each of the rule's roles, normalised where the rule asks for it."""
    types = scene.entry.types
    return {role: normalised(cast[role]) if types[role] is Normalised else cast[role] for role in scene.entry.roles}


def sample(scene: Scene, cast: Mapping[str, Density], *, keep: bool = True) -> Float[Array, "s n 2"]:
    """Run the scene's sampler; [steps + 1, n, 2], or [1, n, 2] with ``keep=False``."""
    _, key_path = jax.random.split(jax.random.key(scene.seed))
    return sampling.trajectory(
        initial(scene),
        jnp.asarray(scene.sigmas()),
        players(scene, cast),
        {name: jnp.float32(value) for name, value in scene.knobs},
        key_path,
        rule=scene.rule,
        schedule=scene.schedule,
        integrator=scene.integrator,
        keep=keep,
    )


def compute(
    scene: Scene,
    cast: Mapping[str, Density],
    *,
    keep: bool = True,
    floor: bool = True,
    measures: tuple[str, ...] | None = None,
) -> Frame:
    """Sample and measure. ``cast`` holds the density of each of the rule's roles."""
    began = time.perf_counter()
    path = np.asarray(sample(scene, cast, keep=keep))
    found = metrics.evaluate(path[-1], scene.target, measures)
    return Frame(
        scene,
        scene.sigmas(),
        path,
        found.logp,
        found.occupancy,
        found.values,
        metrics.floor(scene.target, scene.n) if floor else {},
        time.perf_counter() - began,
    )


@dataclass(frozen=True)
class Spread:
    """Measures of a scene over seeds: ``values`` [seeds, ...] by name, and the seconds that it took."""

    scene: Scene
    values: Mapping[str, np.ndarray]
    seconds: float

    @property
    def mean(self) -> dict[str, np.ndarray]:
        """Mean over the seeds."""
        return {name: np.mean(found, axis=0) for name, found in self.values.items()}

    @property
    def error(self) -> dict[str, np.ndarray]:
        """Standard error of the mean; NaN for one seed."""
        count = len(next(iter(self.values.values())))
        wide = {
            name: np.std(found, axis=0, ddof=1) if count > 1 else found[0] * np.nan
            for name, found in self.values.items()
        }
        return {name: found / math.sqrt(count) for name, found in wide.items()}


def over_seeds(
    scene: Scene, cast: Mapping[str, Density], seeds: int, measures: tuple[str, ...] | None = None
) -> Spread:
    """Sample and measure with the ``seeds`` seeds from the scene's own on, all in one batch."""
    began = time.perf_counter()
    chosen = metrics.chosen(measures)
    keys = jax.vmap(jax.random.key)(scene.seed + jnp.arange(seeds))
    found = _over_keys(keys, *_traced(scene, cast), **_fixed(scene, chosen))
    return Spread(scene, {name: np.asarray(found[name]) for name in chosen}, time.perf_counter() - began)


def measured(
    many: Sequence[Scene], casts: Sequence[Mapping[str, Density]], measures: tuple[str, ...] | None = None
) -> list[dict[str, np.ndarray]]:
    """Sample and measure many scenes, as ``over_seeds`` does each with its own seed alone; element i is scene i's.

    On a GPU those of one shape are worked on together; on a CPU one scene of some thousand points fills the machine,
    and all of one shape share a compiled program.
    """
    chosen = metrics.chosen(measures)
    groups: dict[Any, list[int]] = {}
    for i, (scene, cast) in enumerate(zip(many, casts, strict=True)):
        shapes = jax.tree.structure(cast), tuple(np.shape(leaf) for leaf in jax.tree.leaves(cast))
        groups.setdefault((*_fixed(scene, chosen).values(), scene.target, scene.steps, shapes), []).append(i)
    found: list[dict[str, np.ndarray]] = [{} for _ in many]
    for indices in groups.values():
        width = 1 if jax.default_backend() == "cpu" else max(1, min(len(indices), POINTS_AT_ONCE // many[indices[0]].n))
        for begin in range(0, len(indices), width):
            part = indices[begin : begin + width]
            padded = [*part, *part[-1:] * (width - len(part))]  # one shape, one program
            values = _together([many[i] for i in padded], [casts[i] for i in padded], chosen)
            for row, i in enumerate(part):
                found[i] = {name: value[row] for name, value in values.items()}
    return found


POINTS_AT_ONCE = 2**19


def _together(
    many: Sequence[Scene], casts: Sequence[Mapping[str, Density]], chosen: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Measures [scenes, ...] of scenes of one shape."""
    fixed, keys = _fixed(many[0], chosen), [jax.random.key(scene.seed) for scene in many]
    traced = [_traced(scene, cast) for scene, cast in zip(many, casts, strict=True)]
    if len(many) == 1:
        found = _alone(keys[0], *traced[0], **fixed)
        return {name: np.asarray(found[name])[None] for name in chosen}
    targets, sigmas, players_, knobs, truths = zip(*traced, strict=True)
    differ = {role: len({id(cast[role]) for cast in casts}) > 1 for role in players_[0]}
    same = {role: density for role, density in players_[0].items() if not differ[role]}
    other = [{role: density for role, density in each.items() if differ[role]} for each in players_]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *zip(keys, sigmas, other, knobs, strict=True))
    found = _many(*stacked, targets[0], same, truths[0], **fixed)
    return {name: np.asarray(found[name]) for name in chosen}


def _traced(scene: Scene, cast: Mapping[str, Density]) -> tuple[Any, ...]:
    """What of a scene a compiled program takes besides its key."""
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    truth = metrics.truth(scene.target, scene.n)
    return fractal.mixture(scene.target), jnp.asarray(scene.sigmas()), players(scene, cast), knobs, truth


def _fixed(scene: Scene, chosen: tuple[str, ...]) -> dict[str, Any]:
    """What of a scene a program is compiled for."""
    names = (scene.rule, scene.schedule, scene.integrator)
    return {"n": scene.n, "exact": scene.start == "exact", "names": names, "measures": chosen}


def _measured(
    key: Array,
    target: GaussianMixture,
    sigmas: Array,
    cast: Mapping[str, Density],
    knobs: Mapping[str, Array],
    truth: metrics.Truth,
    *,
    n: int,
    exact: bool,
    names: tuple[str, str, str],
    measures: tuple[str, ...],
) -> dict[str, Array]:
    rule, schedule, integrator = names
    key_start, key_path = jax.random.split(key)
    data, noise = _start(target, key_start, sigmas[0], n=n)
    x = data + noise if exact else noise
    path = sampling.trajectory(
        x, sigmas, cast, knobs, key_path, rule=rule, schedule=schedule, integrator=integrator, keep=False
    )
    return metrics.values(path[-1], truth, measures)


_FIXED = ("n", "exact", "names", "measures")
_alone = partial(jax.jit, static_argnames=_FIXED)(_measured)


@partial(jax.jit, static_argnames=_FIXED)
def _over_keys(keys: Array, *traced: Any, **fixed: Any) -> dict[str, Array]:
    return jax.vmap(lambda key: _measured(key, *traced, **fixed))(keys)


@partial(jax.jit, static_argnames=_FIXED)
def _many(
    keys: Array, sigmas: Array, other: Any, knobs: Any, target: Any, same: Any, truth: Any, **fixed: Any
) -> dict[str, Array]:
    def one(key: Array, sigmas: Array, other: Any, knobs: Any) -> dict[str, Array]:
        return _measured(key, target, sigmas, {**same, **other}, knobs, truth, **fixed)

    return jax.vmap(one)(keys, sigmas, other, knobs)


def truth_frame(scene: Scene) -> Frame:
    """True samples in place of the sampler's, measured the same way."""
    x = np.asarray(metrics.draw(fractal.mixture(scene.target), jax.random.key(scene.seed), n=scene.n))
    found = metrics.evaluate(x, scene.target)
    return Frame(
        scene,
        np.zeros(1),
        x[None],
        found.logp,
        found.occupancy,
        found.values,
        metrics.floor(scene.target, scene.n),
    )


# --- Views and fields -------------------------------------------------------------------------------------------------


def grid(box: tuple[float, float, float, float], resolution: int) -> np.ndarray:
    """Points on a regular grid over (left, right, bottom, top), [resolution, resolution, 2], row 0 at the bottom."""
    left, right, bottom, top = box
    xs, ys = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    return np.stack(np.meshgrid(xs, ys), axis=-1).astype(np.float32)


@dataclass(frozen=True)
class View:
    """A square window on the plane: centre and half-width."""

    x: float
    y: float
    half: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, right, bottom, top)."""
        return (self.x - self.half, self.x + self.half, self.y - self.half, self.y + self.half)

    def grid(self, resolution: int) -> np.ndarray:
        """Points on a regular grid, [resolution, resolution, 2], row 0 at the bottom."""
        return grid(self.box, resolution)


VIEWS = {
    "tree": View(0.30, 0.30, 1.2),
    "closeup": View(0.45, 1.22, 0.3),
    "both": View(0.0, 0.0, 2.0),
    "tree-B": View(-0.30, -0.30, 1.2),
    "closeup-B": View(-0.30, -1.15, 0.3),
}
WINDOWS = {"tree": {"B": "tree-B", "AB": "both"}, "closeup": {"B": "closeup-B"}}


def window(name: str, target: str) -> View:
    """The 'tree' or 'closeup' where the target class is: of A's tree, of B's, or of both."""
    return VIEWS[WINDOWS[name].get(target, name)]


def view_of(name: str) -> View:
    """A view by name, or from 'x,y,half'; ValueError lists what there is."""
    if name in VIEWS:
        return VIEWS[name]
    try:
        x, y, half = (float(part) for part in name.split(","))
    except ValueError:
        raise ValueError(f"unknown view {name!r}; have: {', '.join(VIEWS)}, or X,Y,HALFWIDTH") from None
    if not (abs(x) <= 100 and abs(y) <= 100 and 1e-3 <= half <= 100):
        raise ValueError(f"view {name!r} is not within 100 of the origin with a half-width from 0.001 to 100")
    return View(x, y, half)


@jax.jit
def logp_on(density: Density, x: Array, sigma: Array) -> Array:
    """Log-density at points, compiled."""
    return density.logp(x, sigma)


@jax.jit
def score_on(density: Density, x: Array, sigma: Array) -> Array:
    """Score at points, compiled."""
    return density.score(x, sigma)


@partial(jax.jit, static_argnames="rule")
def _guided(
    rule: str, cast: Mapping[str, Density], x: Array, knobs: Mapping[str, Any], sigma: Array, step: Step
) -> Array:
    entry = RULES[rule]
    return sampling.guided(entry, cast, x, sigma, knobs, sampling.start_of(entry.memory, x), step)[0]


def guided_score(scene: Scene, cast: Mapping[str, Density], x: Array | np.ndarray, sigma: float) -> Array:
    """Score that the scene's rule follows at points ``x`` and noise level ``sigma``, its schedule applied.

    The step is the one that begins at ``sigma``; a rule that remembers is asked as at the start of its run.
    """
    step, values = _step_at(scene, sigma)
    return _guided(scene.rule, players(scene, cast), jnp.asarray(x), values, step.sigma, step)


def _step_at(scene: Scene, sigma: float) -> tuple[Step, dict[str, Any]]:
    """The step that begins at ``sigma``, and the rule's knobs there, its schedule applied."""
    shares, knobs, levels = SCHEDULES[scene.schedule], dict(scene.knobs), scene.sigmas()
    done = int(np.sum(levels > sigma * (1 + 1e-6)))
    lower = levels[levels < sigma * (1 - 1e-6)]
    given = {"sigma": jnp.float32(sigma), "progress": jnp.float32(done / scene.steps)}
    share = shares(*(given[name] for name in shares.inputs), **{name: knobs[name] for name in shares.knobs})
    step = Step(given["sigma"], jnp.float32(lower[0] if len(lower) else 0), given["progress"], jnp.float32(share))
    return step, sampling.scheduled(scene.entry, knobs, share)


def exponents(scene: Scene, sigma: float) -> dict[str, float]:
    """Exponent of each role in the tilted density whose score the scene follows at ``sigma``, its schedule applied.

    Empty where the rule is the score of no such density.
    """
    if scene.entry.tilt is None:
        return {}
    _, values = _step_at(scene, sigma)
    powers = scene.entry.tilt(**{name: values[name] for name in scene.entry.knobs})
    return {role: float(power) for role, power in powers.items()}


def guide_role(scene: Scene) -> str | None:
    """The role that the rule extrapolates away from: the first besides main; None for rules without a guide."""
    others = [role for role in scene.entry.roles if role != "main"]
    return others[0] if others else None


POINTS_A_PIECE = 2**14  # enough for all cores, and few enough for their caches


def outside(frame: Frame) -> np.ndarray:
    """Whether each point of the path is outside the true 99% region of its noise level, [steps + 1, n]."""
    target, n = frame.scene.target, frame.scene.n
    sigmas = frame.sigmas.astype(np.float32)
    thresholds = fractal.region_thresholds(target, sigmas).astype(np.float32)
    return ~np.asarray(
        _inside(fractal.mixture(target), frame.path, sigmas, thresholds, steps=max(1, POINTS_A_PIECE // n))
    )


@partial(jax.jit, static_argnames="steps")
def _inside(density: GaussianMixture, path: Array, sigmas: Array, thresholds: Array, *, steps: int) -> Array:
    return jax.lax.map(lambda now: density.reaches(*now), (path, sigmas, thresholds), batch_size=steps)


def contours(classes: str, *, sigma: float = 0.0, resolution: int = 480) -> list[np.ndarray]:
    """Closed polylines [m, 2] around the 99% highest-density region of the exact p(x; sigma)."""
    view = VIEWS["both"]
    points = view.grid(resolution)
    logp = np.asarray(logp_on(fractal.mixture(classes), jnp.asarray(points), jnp.float32(sigma)))
    generator = contourpy.contour_generator(points[0, :, 0], points[:, 0, 1], logp)
    return [np.asarray(line, np.float32) for line in generator.lines(fractal.threshold(classes, sigma=sigma))]


def fields(
    scene: Scene,
    cast: Mapping[str, Density],
    *,
    sigma: float,
    box: tuple[float, float, float, float],
    resolution: int = 96,
    arrows: int = 17,
) -> dict[str, np.ndarray]:
    """Densities and scores on regular grids over ``box`` (left, right, bottom, top) at one noise level.

    ``logp1``, ``logp0`` (where there is a guide), ``logtilt`` (of ``exponents``, where there are any), ``truth``,
    ``error`` (the main model's score error times sigma): [resolution, resolution], row 0 at the bottom; ``at``
    [arrows^2, 2] and there the scores ``main``, ``guide``, ``guided``, ``true``, times sigma^2: the displacement to the
    denoised point.
    """
    left, right, bottom, top = box
    points = grid(box, resolution)
    inner = (np.arange(arrows) + 0.5) / arrows
    at = np.stack(np.meshgrid(left + inner * (right - left), bottom + inner * (top - bottom)), axis=-1)
    at = at.reshape(-1, 2).astype(np.float32)
    main, truth = cast["main"], fractal.mixture(scene.target)
    guide = guide_role(scene)
    level = jnp.float32(sigma)
    error = sigma * (score_on(main, points, level) - score_on(truth, points, level))
    out = {
        "logp1": logp_on(main, points, level),
        "truth": logp_on(truth, points, level),
        "error": jnp.linalg.norm(error, axis=-1),
        "at": at,
        "main": sigma**2 * score_on(main, at, level),
        "guided": sigma**2 * guided_score(scene, cast, at, sigma),
        "true": sigma**2 * score_on(truth, at, level),
    }
    if guide:
        out["logp0"] = logp_on(cast[guide], points, level)
        out["guide"] = sigma**2 * score_on(cast[guide], at, level)
    known = {"main": out["logp1"]} | ({guide: out["logp0"]} if guide else {})
    powers = {role: power for role, power in exponents(scene, sigma).items() if power}
    if powers:
        logs = {role: known[role] if role in known else logp_on(cast[role], points, level) for role in powers}
        out["logtilt"] = sum(power * np.asarray(logs[role], np.float64) for role, power in powers.items())
    return {name: np.asarray(value) for name, value in out.items()}
