"""The browser's engine takes samples where Python takes them: every rule, schedule, integrator, from the same noise."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import models
from models import zoo
from toy import metrics, sampling, scenes, views
from toy.browser import told, traced
from toy.densities import Normalised
from toy.guidance import RULES
from toy.names import Name
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.schedules import SCHEDULES
from toy.viewer.packing import pack

RUNNER = Path(__file__).parent / "js" / "parity.mjs"
N = 64
CLOSE = 2e-6  # of a length, or of a sample's own where that is above 1
PARTED = 1e-3
# They draw anew at every place, by the bits of its coordinates: one rounding of a start is another draw.
DRAWN = {"time_step_guidance", "independent_condition_guidance"}


def usual(rule, **values):
    """A rule as it is, but with exact densities where a log-density's constant is asked, which takes long to find."""
    types = RULES[rule].types
    scene = Scene.of(rule, n=N, **values)
    whole = {role: Name.parse(name) for role, name in scene.cast if types[role] is Normalised}
    return scene.change(**{role: str(name.exact(zoo.classes_of)) for role, name in whole.items()})


def turned(scene):
    """The same with every knob of its schedule and integrator elsewhere than usual."""
    knobs = {name: knob for entry in scene.entries[1:] for name, knob in entry.knobs.items()}

    def other(knob):
        return min(knob.hi, round((knob.default + 0.15 * (knob.hi - knob.lo)) / knob.step) * knob.step)

    numbers = {name: other(knob) for name, knob in knobs.items() if not knob.size}
    vectors = {name: tuple(np.linspace(0, 1, knob.size)) for name, knob in knobs.items() if knob.size}
    return scene.change(**numbers, **vectors)


CASES = {f"rule {rule}": usual(rule) for rule in RULES}
CASES |= {f"schedule {name}": turned(usual("cfg", w=3, schedule=name)) for name in SCHEDULES if name != "constant"}
OTHERS = [name for name in INTEGRATORS if name not in ("smc", "heun")]
CASES |= {f"integrator {name}": turned(usual("cfg", w=3, integrator=name)) for name in OTHERS}
CASES |= {
    "exact scores": usual("cfg", w=3, main="exact:A", unconditional="exact:AB"),
    "another distribution": usual("cfg", w=2, target="moons/A"),
    "from N(0, σ²)": usual("autoguidance", start="normal", seed=5, steps=16),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By case, what the engine made of it in node."""
    if shutil.which("node") is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("node is not installed")
        pytest.skip("node is not installed")
    lists, arrays = told.told(told.needed(CASES.values()))
    folder = tmp_path_factory.mktemp("parity")
    runs = [{"scene": told.scene_of(scene), "at": AT.ravel().tolist(), "sigma": LEVEL} for scene in CASES.values()]
    (folder / "given.pack").write_bytes(pack({**lists, "runs": runs}, arrays))
    subprocess.run(["node", RUNNER, folder / "given.pack", folder / "found.json"], check=True)
    return dict(zip(CASES, json.loads((folder / "found.json").read_text()), strict=True))


AT, LEVEL = np.float32([[0.3, 0.4], [-0.2, 0.1], [1.0, -1.0], [0.0, 0.0]]), 0.3


def ends(scene, x):
    """Where Python's sampler takes the points."""
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    names = {name: getattr(scene, name) for name in ("rule", "schedule", "integrator")}
    key = jax.random.split(jax.random.key(scene.seed))[1]
    players = scenes.players(scene, models.cast(scene.cast))
    path = sampling.trajectory(x, scene.sigmas(), players, knobs, key, keep=False, **names)
    return np.asarray(path[-1], np.float64)


def apart(end, other):
    """Distance of each point from where it should be, over its length where that is above 1."""
    return np.hypot(*(other - end).T) / np.maximum(1, np.hypot(*end.T))


@pytest.mark.parametrize("case", CASES)
def test_ends_are_python_s(found, case):
    """Nearer than 2e-6 in the median, and no more points part than of Python's own from starts moved by a millionth."""
    scene, made = CASES[case], found[case]
    assert "error" not in made, made
    x = scenes.initial(scene)
    np.testing.assert_allclose(np.reshape(made["start"], (-1, 2)), x, atol=2e-5)
    end, moved = ends(scene, x), ends(scene, x * (1 + 1e-6))
    far, own = apart(end, np.reshape(made["end"], (-1, 2))), apart(end, moved)
    if scene.rule in DRAWN:
        assert np.median(own) > PARTED, "the rule does not draw at every place any more"
        return
    assert np.median(far) < max(CLOSE, 2 * np.median(own))
    assert np.mean(far > PARTED) <= np.mean(own > PARTED) + 2 / N


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case].rule in DRAWN])
def test_what_draws_at_every_place_draws_the_same(found, case):
    scene = CASES[case]
    guided = views.guided_score(scene, models.cast(scene.cast), AT, LEVEL)
    np.testing.assert_allclose(np.reshape(found[case]["guided"], (-1, 2)), guided, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", ["rule none", "rule cfg", "exact scores", "another distribution"])
def test_measures_and_their_errors_are_python_s(found, case):
    scene, made = CASES[case], found[case]
    samples = np.float32(np.reshape(made["end"], (-1, 2)))
    names = metrics.defined(traced.SHOWN, scene.target)
    measured = metrics.evaluate(samples, scene.target, names)
    errors = metrics.errors(measured.values, measured.occupancy, N, scene.target)
    for name in names:
        assert made["values"][name] == pytest.approx(measured.values[name], abs=1e-5), name
        assert made["errors"][name] == pytest.approx(errors[name], rel=1e-3), name
