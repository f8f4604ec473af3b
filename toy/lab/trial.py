"""A trial is what is measured once: a scene with its seeds and measures. Its address is the SHA-256 of all that fixes
its numbers, whatever its densities are called, so that a store knows it again.
"""

import hashlib
import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from models import zoo
from toy import scenes
from toy.densities import Density
from toy.files import spare_maps
from toy.inputs import Json
from toy.metrics import Values, columns
from toy.names import Name
from toy.scene import Scene

VERSION = 1  # of what a trial's numbers mean: raised when the same scene would be measured otherwise
SAMPLED = ("coverage", "energy_distance", "sw1")  # measures that hold samples against a true sample
Program = tuple[Hashable, ...]


class Measurable(Protocol):
    """Whatever has numbers that a store may keep."""

    @property
    def names(self) -> tuple[str, ...]:
        """Densities that it takes."""
        ...

    @property
    def program(self) -> Program:
        """What it has in common with others that one compiled program measures, as far as names tell."""
        ...

    @property
    def work(self) -> int:
        """What its time goes with: points moved."""
        ...

    def content(self, known: Json) -> Json:
        """All that fixes its numbers, of JSON's types; ``known`` says what each density is."""
        ...

    def described(self) -> Json:
        """What is written beside its numbers, for people."""
        ...

    def measure(self) -> Values:
        """Its numbers, by name."""
        ...


@dataclass(frozen=True)
class Trial:
    """A scene and its measures: one number of each, or with ``seeds`` one for each seed from the scene's own on.

    With an ``own_reference`` the true sample of the measures that need one is drawn for the scene's seed. Without, it
    is the same for all seeds, whose spread then lacks its share.
    """

    scene: Scene
    measures: tuple[str, ...]
    seeds: int | None = None
    own_reference: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Densities that play a role."""
        return tuple(name for _, name in self.scene.cast)

    @property
    def drawn(self) -> bool:
        """Whether a reference of its own is drawn: where none of its measures needs one, seeds go together as ever."""
        return self.own_reference and not set(self.measures).isdisjoint(SAMPLED)

    @property
    def program(self) -> Program:
        """By what the scene is compiled for."""
        return (*program(self.scene), self.seeds, self.drawn)

    @property
    def work(self) -> int:
        """Points times steps."""
        return self.scene.n * self.scene.steps * (self.seeds or 1)

    def content(self, known: Json) -> Json:
        """The scene with what its densities are, and the measures."""
        scene = self.scene.flat() | {role: known[name] for role, name in self.scene.cast}
        seeds = {} if self.seeds is None else {"seeds": self.seeds}
        reference = {"reference": "of the seed"} if self.drawn else {}
        return {"version": VERSION, "scene": scene, "measures": self.measures, **seeds, **reference}

    def described(self) -> Json:
        """The scene."""
        return self.scene.flat()

    def measure(self) -> Values:
        """By its seeds; one without is measured with others of its program by ``measure``."""
        assert self.seeds is not None
        found = scenes.measure_seeds(self.scene, zoo.cast(self.scene.cast), self.seeds, self.measures).values
        return {column: values for name in self.measures for column, values in columns(name, found[name]).items()}


def program(scene: Scene) -> Program:
    """What of a scene a program is compiled for, as far as names tell."""
    return (scene.rule, scene.schedule, scene.integrator, scene.n, scene.steps, scene.target, scene.start,
            architectures(name for _, name in scene.cast))  # fmt: skip


def architectures(names: Iterable[str]) -> tuple[str, ...]:
    """What the shapes of densities follow from."""
    return tuple(str(Name.parse(name).architecture()) for name in names)


T = TypeVar("T", bound=Measurable)


def addresses(trials: Iterable[T], code: str = "") -> dict[T, str]:
    """The address of each trial; ``code`` is a digest of what else its numbers follow from."""
    once = dict.fromkeys(trials)
    known = {name: zoo.identity(name) for name in {name for trial in once for name in trial.names}}
    return {trial: address(trial.content(known), code) for trial in once}


def address(content: Json, code: str = "") -> str:
    """The SHA-256 of the content, of JSON's types."""
    given = {**content, "code": code} if code else content
    text = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def measure(trials: Sequence[Measurable]) -> list[Values]:
    """The numbers of trials of one program, of JSON's types; scenes of one seed go together on a device."""
    spare_maps()
    if all(isinstance(trial, Trial) and trial.seeds is None for trial in trials):
        many = [trial.scene for trial in trials if isinstance(trial, Trial)]
        first = trials[0]
        assert isinstance(first, Trial)
        found: Sequence[Values] = scenes.measure_scenes(
            many, list(map(_cast, many)), first.measures, own_reference=first.drawn
        )
    else:
        found = [trial.measure() for trial in trials]
    return [{name: np.asarray(value, float).tolist() for name, value in row.items()} for row in found]


def _cast(scene: Scene) -> dict[str, Density]:
    return zoo.cast(scene.cast)
