"""What a claim may ask for: each question has its numbers, and an address by all that they follow from."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from models import zoo
from toy import flows, mechanism, scenes, views
from toy.inputs import Json
from toy.lab.code import closure
from toy.lab.trial import Program, architectures, program
from toy.metrics import METRICS, Values
from toy.quadrature import log_mass
from toy.scene import Scene


@dataclass(frozen=True)
class OfScene:
    """A value that a scene is asked for."""

    scene: Scene
    value: str

    @property
    def names(self) -> tuple[str, ...]:
        """Densities that it takes."""
        return tuple(name for _, name in self.scene.cast)


@dataclass(frozen=True)
class Sampled(OfScene):
    """A measure of a scene's samples: a number of the scene's trial, which measures all that is asked of it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer."""
        return METRICS[self.value].shape


@dataclass(frozen=True)
class OfRun(OfScene):
    """One number of a scene's run, not among the measures of its samples."""

    kind: ClassVar[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer: one number."""
        return ()

    @property
    def program(self) -> Program:
        """By what its scene is compiled for."""
        return (self.kind, *program(self.scene))

    def played(self, known: Json) -> Json:
        """The scene, its roles played by what the densities are."""
        return self.scene.flat() | {role: known[name] for role, name in self.scene.cast}

    def described(self) -> Json:
        """The scene."""
        return self.scene.flat()


@dataclass(frozen=True)
class Divergence(OfRun):
    """KL(q || p) of the density q that a scene's sampler draws, from the 'truth' or the 'tilt'; nats."""

    kind = "divergence"

    @property
    def work(self) -> int:
        """Three times that of sampling: the points and two tangents."""
        return 3 * self.scene.n * self.scene.steps

    def content(self, known: Json) -> Json:
        """The scene, and from what."""
        return {"divergence": self.value, "scene": self.played(known)}

    def measure(self) -> Values:
        """By the exact log q of the scene's samples; NaN where one of them has none."""
        cast = zoo.cast(self.scene.cast)
        found = flows.flow(self.scene, cast, tilt=False)
        if self.value == "truth":
            return {self.value: np.asarray(np.mean(found.logq - found.logp))}
        product, level = flows.tilted(self.scene, cast), flows.tilt_level(self.scene, cast)
        assert product is not None
        logp = views.logp_on(product, jnp.asarray(found.samples), jnp.float32(level))
        return {self.value: np.asarray(np.mean(found.logq - logp) + log_mass(product, level)[0])}


UNSAID = ("target", "A"), ("weak", "")


@dataclass(frozen=True)
class Pull:
    """A value of ``toy.mechanism``, by noise level: what the pull of a guide is made of, which a weak model splits."""

    value: str
    main: str
    guide: str
    at: str
    sigmas: tuple[float, ...]
    n: int
    target: str = "A"
    weak: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Densities that it takes."""
        return tuple(filter(None, (self.main, self.guide, self.weak)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer."""
        return (len(self.sigmas),)

    @property
    def program(self) -> Program:
        """By shapes, places and levels."""
        return ("pull", *architectures(self.names), self.at, self.sigmas, self.n)

    @property
    def work(self) -> int:
        """Points at all levels."""
        return self.n * len(self.sigmas)

    def content(self, known: Json) -> Json:
        """What is asked, of what the densities are."""
        roles = {role: known[name] for role in ("main", "guide", "weak") if (name := getattr(self, role))}
        return {"pull": self.described() | roles}

    def described(self) -> Json:
        """What is asked; of the tree its class A, without saying so, and of no weak model nothing."""
        return {name: value for name, value in asdict(self).items() if (name, value) not in UNSAID}

    def measure(self) -> Values:
        """At the points of one seed, the same for all networks."""
        found = _mechanism(self.main, self.guide, self.weak, self.at, self.sigmas, self.n, self.target)
        if self.value not in found:
            raise ValueError(f"unknown value {self.value!r} of a pull; have: {', '.join(found)}")
        return {self.value: found[self.value]}


@lru_cache(maxsize=64)
def _mechanism(
    main: str, guide: str, weak: str, at: str, sigmas: tuple[float, ...], n: int, target: str
) -> Mapping[str, np.ndarray]:
    pair, third = (zoo.load(main), zoo.load(guide)), zoo.load(weak) if weak else None
    levels = np.array(sigmas)
    return mechanism.mechanism(*pair, weak=third, target=target, sigmas=levels, n=n, seeds=1, at=at).values


@dataclass(frozen=True)
class Statistic(OfRun):
    """A number of a scene's run: ``function`` of its path [steps + 1, n, 2] and noise levels [steps + 1]."""

    kind = "statistic"
    function: Callable[..., Any]
    options: tuple[tuple[str, object], ...] = ()

    @property
    def work(self) -> int:
        """That of sampling."""
        return self.scene.n * self.scene.steps

    def content(self, known: Json) -> Json:
        """The scene, the code of the function, and its options."""
        code = hashlib.sha256("\n".join(map(" ".join, sorted(closure(self.function)))).encode()).hexdigest()
        return {"statistic": code, "options": self.options, "scene": self.played(known)}

    def measure(self) -> Values:
        """Of the scene's own seed."""
        path = np.asarray(scenes.sample(self.scene, zoo.cast(self.scene.cast)))
        return {self.value: np.asarray(float(self.function(path, self.scene.sigmas(), **dict(self.options))))}


Question = Sampled | Divergence | Pull | Statistic
