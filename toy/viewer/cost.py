"""How long a scene takes to compute, estimated from what it is before anything is loaded, and what is done about it.

Constants were measured on two cores; what counts is that a scene beyond ``MOST`` holds a server up, and others do not.
"""

import math
from dataclasses import replace

from models import degradations, zoo
from toy import distributions
from toy.cost import evaluations
from toy.names import Name
from toy.scene import Scene
from toy.state import COUNTS, SLOTS, State

WEIGHT, COMPONENT = 5e-11, 2e-9  # seconds for one weight of a network, one component of a mixture, at one point
LONG = 1.5  # seconds from which on work does not keep others waiting
MOST = 12.0  # seconds for one side
MOST_DRAWN = 30.0  # seconds for a sampler's own density
SHORTEST = 32  # steps that are always allowed
LARGEST = (128, 16)  # width and depth of a network of which no more is known


def of_point(name: str) -> float:
    """Seconds for one score of a density at one point."""
    parsed = Name.parse(name)
    numbers = {step.kind: dict(step.knobs) for step in parsed.steps}
    if parsed.fitted or parsed.distribution is not None:
        count: float = degradations.DRAWS
        if not parsed.fitted:
            count = distributions.mixture(zoo.classes_of(name)).log_weights.size
        if "subset" in numbers:
            count = numbers["subset"]["count"]
        return COMPONENT * count * (2 if "label_mixing" in numbers else 1)
    width, depth = (parsed.network.width, 4) if parsed.network else LARGEST
    depth = int(numbers["depth"]["layers"]) if "depth" in numbers else depth
    return WEIGHT * width * (width * depth + 4)


def seconds(scene: Scene) -> float:
    """Of computing one side: every score that its method asks for, and the true density all along the path.

    A program may work out up to twice what the method asks for.
    """
    cast = dict(scene.cast)
    one = sum(count * of_point(cast[role]) for role, count in evaluations(scene).items())
    return scene.n * (one + (scene.steps + 1) * of_point(f"exact:{scene.target}"))


def drawn_seconds(scene: Scene, points: int, cover: int) -> float:
    """Of the sampler's own density on ``points`` points: ``cover`` samples, and as many paths back with tangents."""
    return seconds(replace(scene, n=cover)) + 3 * seconds(replace(scene, n=points))


def affordable(state: State) -> tuple[State, str]:
    """The state with as many particles and steps as one may ask for, and a sentence where these are fewer."""
    sides = [state.scene(slot) for slot in SLOTS]
    asked = max(map(seconds, sides))
    if asked <= MOST or (state.left.n, state.left.steps) == (COUNTS[0], min(state.left.steps, SHORTEST)):
        return state, ""
    choices = [(n, steps) for steps in _halves(state.left.steps) for n in reversed(COUNTS) if n <= state.left.n]
    n, steps = next((c for c in choices if max(_shrunk(side, *c) for side in sides) <= MOST), choices[-1])
    fewer = f"n = {n}" if steps == state.left.steps else f"n = {n} and {steps} steps"
    what = f"n = {state.left.n} with {state.left.steps} steps takes about {asked:.0f} s with these densities"
    left, right = (replace(side, n=n, steps=steps) for side in sides)
    return replace(state, left=left, right=right), f"{what}: shown with {fewer}"


def _shrunk(scene: Scene, n: int, steps: int) -> float:
    return seconds(replace(scene, n=n, steps=steps))


def _halves(steps: int) -> list[int]:
    """The steps, then half as many and so on, at least ``SHORTEST``."""
    found = [steps]
    while found[-1] > SHORTEST:
        found.append(max(SHORTEST, math.ceil(found[-1] / 2)))
    return found
