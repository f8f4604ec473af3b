"""What is looked at: windows on the plane, and densities, scores and regions there."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import contourpy
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from toy import distributions, sampling
from toy.densities import Density, GaussianMixture
from toy.guidance import RULES, Step
from toy.scene import Scene
from toy.scenes import Frame, players
from toy.schedules import SCHEDULES
from toy.settings import Knob, Numbers


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
    """The 'tree' or 'closeup' where the target is: of A's tree, of B's, or of both; of others all or a mode."""
    known = distributions.of(target)
    if not known.on:
        return VIEWS[WINDOWS[name].get(target, name)]
    means, weights = known.distribution.means[known.groups], known.distribution.weights[known.groups]
    if name == "closeup":
        x, y = np.round(np.average(means[np.argmax(weights.sum(axis=1))], axis=0), 2).tolist()
        return View(x, y, 0.3)
    spread = 3 * np.sqrt(np.linalg.eigvalsh(known.distribution.covariances[known.groups])[:, -1])[:, None, None]
    low, high = (means - spread).min(axis=(0, 1)), (means + spread).max(axis=(0, 1))
    x, y = np.round((low + high) / 2, 2).tolist()
    return View(x, y, float(np.ceil(5 * np.max(high - low)) / 10))


def view_setting(least: float = 1e-3, most: float = 100.0) -> Numbers:
    """What a view may be: by name, or its middle and half-width, within these."""
    form = f"X,Y,HALFWIDTH within 100 of the origin, the half-width from {least:g} to {most:g}"
    named = {name: (view.x, view.y, view.half) for name, view in VIEWS.items()}
    ranges = ((-100, 100), (-100, 100), (least, most))
    return Numbers(ranges, form, "view", "the window on the plane", named, name="view", default=None)


VIEW = view_setting()


def view_of(said: str) -> View:
    """A view as a setting has it: by name, or as 'x,y,half'; ValueError lists what there is."""
    return View(*VIEW.check(said))


SIGMA = Knob(1e-3, 100, 1e-3, "σ", "noise level", log=True, name="sigma", default=0.03)


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
    rule: str, cast: Mapping[str, Density], x: Array, knobs: Mapping[str, Array], sigma: Array, step: Step
) -> Array:
    entry = RULES[rule]
    return sampling.guided(entry, cast, x, sigma, knobs, sampling.start_of(entry.memory, x), step)[0]


def guided_score(scene: Scene, cast: Mapping[str, Density], x: Array | np.ndarray, sigma: float) -> Array:
    """Score that the scene's rule follows at points ``x`` and noise level ``sigma``, its schedule applied.

    The step is the one that begins at ``sigma``; a rule that remembers is asked as at the start of its run.
    """
    step, values = _step_at(scene, sigma)
    score: Array = _guided(scene.rule, players(scene, cast), x, values, step.sigma, step)
    return score


def _step_at(scene: Scene, sigma: float) -> tuple[Step, dict[str, Array]]:
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
    thresholds = distributions.region_thresholds(target, sigmas).astype(np.float32)
    return ~np.asarray(
        _inside(distributions.mixture(target), frame.path, sigmas, thresholds, steps=max(1, POINTS_A_PIECE // n))
    )


@partial(jax.jit, static_argnames="steps")
def _inside(density: GaussianMixture, path: Array, sigmas: Array, thresholds: Array, *, steps: int) -> Array:
    inside: Array = jax.lax.map(lambda now: density.reaches(*now), (path, sigmas, thresholds), batch_size=steps)
    return inside


def contours(classes: str, *, sigma: float = 0.0) -> list[np.ndarray]:
    """Closed polylines [m, 2] around the 99% highest-density region of the exact p(x; sigma).

    Read off a grid of half the finest standard deviation there is, and of 160 to 480 points a side.
    """
    known = distributions.of(classes)
    view = window("tree", known.all.name)
    finest = np.sqrt(np.linalg.eigvalsh(known.all.distribution.covariances).min())
    points = view.grid(int(np.clip(np.ceil(4 * view.half / finest), 160, 480)))
    logp = np.asarray(logp_on(distributions.mixture(classes), points, jnp.float32(sigma)))
    generator = contourpy.contour_generator(points[0, :, 0], points[:, 0, 1], logp)
    return [np.asarray(line, np.float32) for line in generator.lines(distributions.threshold(classes, sigma=sigma))]


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
    main, truth = cast["main"], distributions.mixture(scene.target)
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
