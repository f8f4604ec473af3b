"""The density that a deterministic sampler itself gives: exact log q of its samples, and of any point by going back.

No density estimate is involved: a sampler is a map of its start, and log q is the start's log-density less the
log |det| of the map's Jacobian. Its distance from the truth, and from the tilted density that a rule's formula
seems to promise, follow.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from toy import distributions, sampling, scenes, views
from toy.densities import Density, GaussianMixture
from toy.quadrature import log_mass
from toy.sampling.scores import Tilted
from toy.scene import Scene

CHUNK = 4096  # points taken back at once


def tilted(scene: Scene, cast: Mapping[str, Density]) -> Tilted | None:
    """The tilted density that the scene's rule stands for at its full weight.

    Args:
        scene: Whose rule and knobs.
        cast: The density that plays each role.

    Returns:
        Not normalised; None for rules without one.

    Example:
        >>> cfg = Scene.of("cfg", target="gaussians/A", w=3)
        >>> main, every = distributions.mixture("gaussians/A"), distributions.mixture("gaussians/ABC")
        >>> print(np.array(flows.tilted(cfg, {"main": main, "unconditional": every}).powers))
        [ 3. -2.]
    """
    if scene.entry.tilt is None:
        return None
    knobs = dict(scene.knobs)
    return sampling.tilted(scene.entry, cast, {name: knobs[name] for name in scene.entry.knobs})


def tilt_level(scene: Scene, cast: Mapping[str, Density]) -> float:
    """Noise level at which the tilted density is compared.

    Args:
        scene: Whose rule.
        cast: The density that plays each role.

    Returns:
        0 where all its parts are exact, else the scene's lowest.

    Example:
        >>> scene = Scene.of("none", target="gaussians/A", main="exact:gaussians/A")
        >>> flows.tilt_level(scene, {"main": distributions.mixture("gaussians/A")})
        0.0
    """
    return 0.0 if all(isinstance(cast[role], GaussianMixture) for role in scene.entry.roles) else scene.sigma_min


def log_start(scene: Scene, x: Float[Array, "n 2"]) -> Float[Array, " n"]:
    """Log-density of the scene's starting points.

    Args:
        scene: Whose start.
        x: Points.

    Returns:
        In nats, [n].

    Example:
        >>> exact, normal = (Scene.of("none", target="gaussians/A", start=start) for start in ("exact", "normal"))
        >>> print(flows.log_start(exact, X) - flows.log_start(normal, X))  # p(x; 5) is not quite N(0, 5²)
        [ 0.   -0.01 -0.01]
    """
    if scene.start == "exact":
        logp: Array = views.logp_on(distributions.mixture(scene.target), x, jnp.float32(scene.sigma_max))
        return logp
    variance = scene.sigma_max**2
    return -jnp.sum(jnp.square(x), axis=-1) / (2 * variance) - math.log(2 * math.pi * variance)


@dataclass(frozen=True)
class Flow:
    """What a deterministic sampler draws, and how likely it finds that.

    Attributes:
        scene: What was sampled.
        samples: Where it ends, [n, 2].
        logq: Their exact log-density by the sampler, in nats, [n].
        logp: Their true one, in nats, [n].
        logtilt: That of the normalised tilted density, in nats, [n]; None without one.
        tilt_error: Relative error of its quadrature.

    Example:
        >>> flows.Flow(Scene.of("none", n=2), np.zeros((2, 2)), np.array([1.0, 2.0]), np.array([0.5, 1.5])).logtilt
    """

    scene: Scene
    samples: np.ndarray
    logq: np.ndarray
    logp: np.ndarray
    logtilt: np.ndarray | None = None
    tilt_error: float = math.nan

    def summary(self) -> dict[str, float]:
        """How far the sampler is from the truth and from what its formula stands for.

        Returns:
            ``kl_truth`` KL(q || p), ``entropy`` of q, ``kl_tilt`` KL(q || tilt), in nats, each with the standard error
            of its Monte Carlo mean, ``kl_truth_error`` and so on; ``not_finite``, the share of samples that have none.

        Example:
            >>> logq, logp = np.array([1.0, 2.0]), np.array([0.5, 1.5])
            >>> found = flows.Flow(Scene.of("none", n=2), np.zeros((2, 2)), logq, logp).summary()
            >>> found["kl_truth"], found["entropy"]
            (0.5, -1.5)
        """
        rows = {"kl_truth": self.logq - self.logp, "entropy": -self.logq}
        if self.logtilt is not None:
            rows["kl_tilt"] = self.logq - self.logtilt
        found = {}
        for name, values in rows.items():
            finite = values[np.isfinite(values)]
            found[name] = float(np.mean(finite)) if len(finite) else math.nan
            found[f"{name}_error"] = float(np.std(finite) / math.sqrt(max(len(finite), 1)))
        found["not_finite"] = float(np.mean(~np.isfinite(self.logq - self.logp)))
        return found


def flow(scene: Scene, cast: Mapping[str, Density], *, tilt: bool = True) -> Flow:
    """Sample, with the exact log q of every sample.

    Args:
        scene: What to sample.
        cast: The density that plays each role.
        tilt: Whether the tilted density is normalised and compared too.

    Returns:
        Samples and log-densities.

    Raises:
        ValueError: The scene's integrator is stochastic.

    Example:
        >>> scene = Scene.of("none", target="gaussians/A", main="exact:gaussians/A", n=64, steps=8)
        >>> found = flows.flow(scene, {"main": distributions.mixture("gaussians/A")}, tilt=False)
        >>> round(found.summary()["kl_truth"], 2), found.logq.shape
        (0.01, (64,))
    """
    x = scenes.initial(scene)
    samples, log_det = _volume(scene, cast, x, scene.sigmas(), upwards=False)
    logq = log_start(scene, x) - log_det
    logp = views.logp_on(distributions.mixture(scene.target), samples, jnp.float32(0))
    product = tilted(scene, cast) if tilt else None
    logtilt, error = None, math.nan
    if product is not None:
        level = tilt_level(scene, cast)
        mass, error = log_mass(product, level)
        logtilt = np.asarray(views.logp_on(product, samples, jnp.float32(level))) - mass
    return Flow(scene, np.asarray(samples), np.asarray(logq), np.asarray(logp), logtilt, error)


def pulled_back(
    scene: Scene,
    cast: Mapping[str, Density],
    points: Float[np.ndarray, "n 2"],
    *,
    sigma: float | None = None,
    report: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Log-density that the sampler gives to any points.

    Each point is taken back along the guided flow to where it started. The way back is not the exact inverse of the
    discrete steps; both are the flow's to the order of the integrator. Where the sampler puts nothing the flow is stiff
    and 32 steps may give a density far too high: trust it near samples, or take more steps.

    Args:
        scene: What is sampled.
        cast: The density that plays each role.
        points: Anywhere.
        sigma: Noise level, by default the scene's lowest; to one between two of the sampler's a shorter step leads.
        report: Called with the number of points that are done.

    Returns:
        In nats, [n].

    Raises:
        ValueError: The scene's integrator is stochastic.

    Example:
        >>> scene = Scene.of("none", target="gaussians/A", main="exact:gaussians/A", n=64, steps=8)
        >>> cast = {"main": distributions.mixture("gaussians/A")}
        >>> there, far = flows.pulled_back(scene, cast, np.float32([[0.45, 0.2], [9, 9]]))
        >>> bool(there > far)
        True
    """
    levels = scene.sigmas()[::-1].copy()  # upwards from 0
    level = min(max(sigma or 0.0, scene.sigma_min), scene.sigma_max)
    since = max(int(np.searchsorted(levels, level * (1 + 1e-6))) - 1, 1)
    levels[since] = level
    found = []
    for begin in range(0, len(points), CHUNK):
        part = np.resize(points[begin : begin + CHUNK], (CHUNK, 2)).astype(np.float32)
        start, log_det = _volume(scene, cast, part, levels, upwards=True, since=since)
        found.append(np.asarray(log_start(scene, start) + log_det)[: len(points) - begin])
        if report:
            report(min(begin + CHUNK, len(points)))
    return np.concatenate(found)


def on_grid(
    scene: Scene,
    cast: Mapping[str, Density],
    points: Float[np.ndarray, "r r 2"],
    *,
    sigma: float | None = None,
    cover: int = 4,
    report: Callable[[float], None] | None = None,
) -> np.ndarray:
    """``pulled_back`` on a regular grid, where samples are near.

    Near is within a cell, or half the noise level, on whose scale densities are smooth. Off the data the way back is
    not that of the steps: without the samples it finds density where nothing is drawn.

    Args:
        scene: What is sampled.
        cast: The density that plays each role.
        points: The grid.
        sigma: Noise level, by default the scene's lowest.
        cover: How many times the scene's n samples are drawn.
        report: Called with the share of the grid that is done.

    Returns:
        In nats, [r, r]; -inf where no sample is near.

    Raises:
        ValueError: The scene's integrator is stochastic.

    Example:
        >>> scene = Scene.of("none", target="gaussians/A", main="exact:gaussians/A", n=64, steps=8)
        >>> cast = {"main": distributions.mixture("gaussians/A")}
        >>> logq = flows.on_grid(scene, cast, View(0, 0, 2).grid(9))
        >>> logq.shape, bool(np.isneginf(logq[0, 0]))  # nothing is drawn in the corner
        ((9, 9), True)
    """
    from scipy.spatial import KDTree  # slow to import, and rarely needed

    level, count = scene.sigma_min if sigma is None else sigma, len(points)
    samples = _at_level(scene, cast, level, cover)
    cell = float(np.linalg.norm(points[1, 1] - points[0, 0]))
    tree = KDTree(samples[np.all(np.isfinite(samples), axis=1)])
    near = tree.query(points, distance_upper_bound=max(cell, level / 2))[0] < np.inf
    found = np.full((count, count), -np.inf)
    if near.any():
        total = int(near.sum())
        done = (lambda count: report(count / total)) if report else None
        found[near] = pulled_back(scene, cast, points[near], sigma=sigma, report=done)
    return found


def _at_level(scene: Scene, cast: Mapping[str, Density], sigma: float, cover: int) -> np.ndarray:
    """``cover`` times n samples [cover n, 2] on their way, at any noise level: straight between two steps."""
    path = np.asarray(scenes.sample(scene.change(n=cover * scene.n), cast))
    levels = scene.sigmas()
    below = int(np.clip(np.searchsorted(-levels, -sigma), 1, len(levels) - 1))
    share = np.clip((levels[below - 1] - sigma) / (levels[below - 1] - levels[below]), 0, 1)
    return np.asarray((1 - share) * path[below - 1] + share * path[below])


def _volume(
    scene: Scene,
    cast: Mapping[str, Density],
    x: Array | np.ndarray,
    sigmas: np.ndarray,
    *,
    upwards: bool,
    since: int = 0,
) -> tuple[Array, Array]:
    return sampling.volume(
        jnp.asarray(x),
        jnp.asarray(sigmas),
        scenes.players(scene, cast),
        {name: jnp.float32(value) for name, value in scene.knobs},
        rule=scene.rule,
        schedule=scene.schedule,
        integrator=scene.integrator,
        upwards=upwards,
        since=since,
    )
