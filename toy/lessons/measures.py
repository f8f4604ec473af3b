"""What a side of a step shows, in numbers: the measures of its samples, and what lessons ask for besides."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from models import zoo
from toy import distributions, flows, metrics, views
from toy.mechanism import cosine, mechanism
from toy.names import Name
from toy.sampling.scores import Tilted
from toy.scene import Scene
from toy.scenes import Frame, compute

FEW = 0.25  # of its true share: a branch with less is emptied
MANY = 2**16  # samples whose mean is the data's
LOW, HIGH = 0.02, 0.2  # noise levels at which a pull is taken apart
OF_SAMPLES = ("outliers", "branch_tv", "root_share", "alignment", "sw1")  # those that lessons ask for


@cache
def frame(scene: Scene) -> Frame:
    """What a scene becomes, its measures and its last points."""
    measures = metrics.defined(OF_SAMPLES, scene.target)
    return compute(scene, zoo.cast(scene.cast), keep=False, floor=False, measures=measures)


def value(scene: Scene, name: str) -> float:
    """One measure of a scene; ValueError for a name that there is not, and where the scene has none of it."""
    if name in MEASURES:
        return MEASURES[name](scene)
    found = frame(scene).metrics
    if name not in found:
        raise ValueError(f"unknown measure {name!r}; have: {', '.join([*MEASURES, *found])}")
    return float(found[name])


class Values:
    """All measures of a scene as attributes, each found when it is asked for."""

    def __init__(self, scene: Scene) -> None:
        """Of this scene."""
        self._scene = scene

    def __getattr__(self, name: str) -> float:
        """One of them."""
        return value(self._scene, name)


def trunk(scene: Scene) -> float:
    """Share of the samples on the first branch over its true share."""
    return float(frame(scene).occupancy[0] / distributions.of(scene.target).mass[0])


def emptied(scene: Scene) -> float:
    """Number of branches with less than a quarter of their true share."""
    return float(np.sum(frame(scene).occupancy < FEW * distributions.of(scene.target).mass))


def branches(scene: Scene) -> float:
    """Number of branches of the target."""
    return float(len(distributions.of(scene.target).mass))


def true_root(scene: Scene) -> float:
    """Share of the truth on the first branch."""
    return float(distributions.of(scene.target).mass[0])


def nats_from_tilt(scene: Scene) -> float:
    """KL(q || tilt) of what the sampler draws from the normalised tilted density of the rule, in nats."""
    _tilted(scene)  # says so where there is none
    return flows.flow(scene, zoo.cast(scene.cast)).summary()["kl_tilt"]


def _tilted(scene: Scene) -> Tilted:
    """The rule's tilted density; ValueError where it stands for none."""
    found = flows.tilted(scene, zoo.cast(scene.cast))
    if found is None:
        raise ValueError(f"rule {scene.rule!r} stands for no tilted density")
    return found


def nats_from_truth(scene: Scene) -> float:
    """KL(q || p) of what the sampler draws from the true density, in nats."""
    return flows.flow(scene, zoo.cast(scene.cast), tilt=False).summary()["kl_truth"]


def stray(scene: Scene) -> float:
    """Median distance of the samples that are outside the true 99% region from the nearest of many true samples."""
    from scipy.spatial import KDTree  # slow to import, and rarely needed

    found = frame(scene)
    out = found.samples[~(found.logp >= distributions.threshold(scene.target))]
    return float(np.median(KDTree(_true(scene.target)).query(out)[0]))


@cache
def _true(target: str) -> np.ndarray:
    return np.asarray(distributions.mixture(target).sample(jax.random.key(0), MANY, jnp.float32(0)))


def tilt_trunk(scene: Scene) -> float:
    """Share of the tilted density's mass on the first branch, from weighted true samples: the same for all seeds."""
    return _tilt_trunk(replace(scene, seed=0))


@cache
def _tilt_trunk(scene: Scene) -> float:
    product, truth = _tilted(scene), distributions.mixture(scene.target)
    x = _true(scene.target)
    log_weight = np.asarray(views.logp_on(product, x, jnp.float32(0)) - views.logp_on(truth, x, jnp.float32(0)))
    weight = np.exp(log_weight - log_weight.max())
    own = jax.jit(truth.responsibilities)(x, 0.0)
    on_trunk = np.asarray(own)[:, distributions.of(scene.target).mode_of_group == 0].sum(axis=1)
    return float(weight @ on_trunk / weight.sum())


def off_error(scene: Scene) -> float:
    """How much larger the main model's score error is outside the true 99% region than in its core, at low noise."""
    main = zoo.cast(scene.cast)["main"]
    found = mechanism(main, main, target=scene.target, sigmas=np.array([LOW]), n=scene.n, seeds=2).values
    return float(found["error_outside"][0] / found["error_core"][0])


def _to_middle(scene: Scene, sigma: float) -> float:
    """Cosine, pooled over true samples at a noise level, of the main model's score with the way to the data's mean."""
    truth = distributions.mixture(scene.target)
    x = truth.sample(jax.random.key(scene.seed), scene.n, jnp.float32(sigma))
    mean = _true(scene.target).mean(axis=0)
    score = zoo.cast(scene.cast)["main"].score(x, jnp.float32(sigma))
    return float(cosine(score, mean - x))


def _task_share(scene: Scene, sigma: float) -> float:
    """Share of the pull's square length that is due to the guide's task, and not to how well it was trained.

    The part of quality is what a network of the guide's size and training pulls that has the main model's task.
    """
    cast = dict(scene.cast)
    guide = next(name for role, name in cast.items() if role != "main")
    network = Name.parse(guide).network
    if network is None:
        raise ValueError(f"guide {guide!r} is no network")
    cast = {"main": cast["main"], "guide": guide, "weak": f"{scene.target}{network.width}@{network.iterations}"}
    parts = zoo.cast(cast.items())
    at, target = np.array([sigma]), scene.target
    found = mechanism(parts["main"], parts["guide"], target=target, weak=parts["weak"], sigmas=at, n=scene.n, seeds=2)
    return float(found.values["task_share"][0])


MEASURES: dict[str, Callable[[Scene], float]] = {
    "trunk": trunk,
    "emptied": emptied,
    "branches": branches,
    "true_root": true_root,
    "nats_from_tilt": nats_from_tilt,
    "nats_from_truth": nats_from_truth,
    "stray": stray,
    "tilt_trunk": tilt_trunk,
    "off_error": off_error,
    "to_middle_first": lambda scene: _to_middle(scene, scene.sigma_max),
    "to_middle_later": lambda scene: _to_middle(scene, 0.1),
    "task_share_low": lambda scene: _task_share(scene, LOW),
    "task_share_high": lambda scene: _task_share(scene, HIGH),
}
