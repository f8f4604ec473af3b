"""What a sample costs is what a run asks for: counted, step by step, in plain Python."""

from collections import Counter

import jax
import jax.numpy as jnp
import pytest
from test_guidance import Blob

from toy import cost, sampling
from toy.guidance import RULES
from toy.sampling import INTEGRATORS
from toy.scene import Scene

STEPS = 8


def counted(scene: Scene) -> Counter:
    """How often each role is asked in a run of two points or a few particles."""
    seen = Counter()

    class Counting(Blob):
        """A round Gaussian that counts."""

        def score(self, x, sigma):
            """Gradient of the log-density."""
            seen[roles[self.x]] += 1
            return Blob.score(self, x, sigma)

        def logp(self, x, sigma):
            """Log-density."""
            seen[roles[self.x]] += 1
            return Blob.logp(self, x, sigma)

    roles = {0.1 * i: role for i, role in enumerate(scene.entry.roles)}
    cast = {role: Counting(at, 0.5 + at) for at, role in roles.items()}
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    names = {"rule": scene.rule, "schedule": scene.schedule, "integrator": scene.integrator}
    x = jnp.linspace(-1, 1, 32).reshape(16, 2)
    with jax.disable_jit():
        sampling.trajectory(x, jnp.asarray(scene.sigmas()), cast, knobs, jax.random.key(0), keep=False, **names)
    return seen


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_asks_as_often_as_it_says(rule):
    scene = Scene.of(rule, steps=STEPS, integrator="euler")
    found = counted(scene)
    if rule == "answer":  # works out all that K could ask for
        scene = scene.change(k=4)
    assert cost.evaluations(scene) == found
    assert cost.total(scene) == found.total()


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_an_integrator_asks_as_often_as_it_says(integrator):
    scene = Scene.of("cfg", steps=STEPS, integrator=integrator)
    found = counted(scene)
    if integrator == "predictor_corrector":  # and once a step for a rule's memory, which CFG has none of
        found.subtract(dict.fromkeys(scene.entry.roles, STEPS))
    assert cost.evaluations(scene) == found
    if integrator == "heun":
        assert found == {"main": 2 * STEPS - 1, "unconditional": 2 * STEPS - 1}
