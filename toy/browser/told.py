"""What a visitor's browser is told so that it computes scenes itself: programs, densities, truths, the scenes."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

import numpy as np

import models
from toy import distributions
from toy.browser import traced
from toy.browser.numbers import Numbers, numbers_of
from toy.browser.truth import truth_of
from toy.densities import Normalised
from toy.scene import Scene

WHOLE = " normalised"  # after the name of a density whose log-density has its constant
WRITTEN = " written "  # after the name of a file that may be written again, before what is in it
OTHERS = {"measures": traced.measures_program}


def played(scene: Scene) -> dict[str, str]:
    """The id of each role's density: its name, for a file also what is in it, so that another one of the name is news.

    And another id where the rule needs the constant of its log-density.
    """
    whole = {role for role in scene.entry.roles if scene.entry.types[role] is Normalised}
    return {role: _with_content(name) + WHOLE * (role in whole) for role, name in scene.cast}


def _with_content(name: str) -> str:
    content = models.written(name)
    return f"{name}{WRITTEN}{content}" if content else name


def scene_of(scene: Scene) -> dict[str, object]:
    """A scene as the engine takes it: what a run follows from, as numbers and words."""
    return {
        **{name: getattr(scene, name) for name in ("rule", "schedule", "integrator", "target", "start", "n", "seed")},
        "cast": played(scene),
        "knobs": {name: list(value) if isinstance(value, tuple) else value for name, value in scene.knobs},
        "sigmas": [float(sigma) for sigma in scene.sigmas()],
    }


def needed(scenes: Iterable[Scene]) -> dict[str, None]:
    """All that an engine has to know to compute these scenes, as words "kind name" in order."""
    found: dict[str, None] = dict.fromkeys(f"others {name}" for name in OTHERS)
    for scene in scenes:
        target = distributions.of(scene.target)
        found |= {f"rules {scene.rule}": None, f"schedules {scene.schedule}": None}
        found |= {f"integrators {scene.integrator}": None, f"truths {scene.target}": None}
        ids = [*played(scene).values(), f"exact:{target.name}", f"exact:{target.all.name}"]
        found |= {f"densities {each}": None for each in ids}
    return found


@lru_cache(maxsize=64)
def density_of(identity: str) -> Numbers:
    """The numbers of a density by its id; ValueError where the browser cannot have it."""
    name = identity.removesuffix(WHOLE).partition(WRITTEN)[0]
    return numbers_of(models.load(name), normalised=identity.endswith(WHOLE))


def engine_of(scenes: Mapping[str, Scene], lists: Mapping[str, object], *, anew: bool) -> dict[str, object]:
    """What a pack's header says to the engine: what it is told, and scenes by their names in the view.

    ``anew`` is whether it is told all that they need.
    """
    return {**lists, "scenes": {name: scene_of(scene) for name, scene in scenes.items()}, "anew": anew}


def told(words: Collection[str]) -> tuple[dict[str, list[list[object]]], dict[str, np.ndarray]]:
    """What these words stand for: ``programs``, ``densities`` and ``truths`` as lists, and the arrays of the densities.

    Raises ValueError, one sentence, for what the browser cannot compute.
    """
    lists: dict[str, list[list[object]]] = {"programs": [], "densities": [], "truths": []}
    arrays: dict[str, np.ndarray] = {}
    for word in words:
        kind, _, name = word.partition(" ")
        if kind == "densities":
            numbers = density_of(name)
            own = {key: value for key, value in numbers.items() if isinstance(value, np.ndarray)}
            arrays |= {f"density.{len(lists[kind])}.{key}": value for key, value in own.items()}
            lists[kind].append([name, {key: value for key, value in numbers.items() if key not in own}])
        elif kind == "truths":
            lists[kind].append([name, truth_of(name)])
        else:
            made = OTHERS[name]() if kind == "others" else traced.traced(kind, name)
            lists["programs"].append([kind, name, made])
    return lists, arrays
