"""What a sample costs: how often a scene asks each of its densities for a score, whatever machine it runs on."""

from collections.abc import Mapping

from toy.registry import Entry
from toy.scene import Scene


def evaluations(scene: Scene) -> dict[str, int]:
    """Scores that one sample takes, by role; a log-density counts as one, and so does a derivative of either.

    What the method asks for: a program that works out more than it uses, or one thing twice, is not counted for it.
    """
    rule, _, integrator = scene.entries
    guided, alone = integrator.asks(scene.steps, **_knobs(scene, integrator))
    asks = rule.asks(**_knobs(scene, rule))
    found = {role: round(guided * asks.get(role, 1)) for role in rule.roles}
    if alone:
        found["main"] = found.get("main", 0) + round(alone)
    return found


def total(scene: Scene) -> int:
    """Scores that one sample takes, of all densities: what methods are compared at equal cost by."""
    return sum(evaluations(scene).values())


def _knobs(scene: Scene, entry: Entry) -> Mapping[str, object]:
    return {name: value for name, value in scene.knobs if name in entry.knobs}
