"""The browser's engine takes samples where Python takes them: every rule, schedule, integrator, from the same noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from parity_helpers import ALL_SCHEDULES, AT, CASES, CLOSE, DRAWN, LEVEL, PARTED, N, apart, in_node

import models
from toy import metrics, sampling, scenes, views
from toy.browser import traced
from toy.schedules import SCHEDULES


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By case, what the engine made of it in node."""
    return dict(zip(CASES, in_node(CASES.values(), tmp_path_factory.mktemp("parity")), strict=True))


def ends(scene, x):
    """Where Python's sampler takes the points."""
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    names = {name: getattr(scene, name) for name in ("rule", "schedule", "integrator")}
    key = jax.random.split(jax.random.key(scene.seed))[1]
    players = scenes.players(scene, models.cast(scene.cast))
    path = sampling.trajectory(x, scene.sigmas(), players, knobs, key, keep=False, **names)
    return np.asarray(path[-1], np.float64)


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


def test_shares_of_every_schedule_are_python_s(tmp_path):
    """At every step of a run, all knobs elsewhere than usual."""
    made = in_node(list(ALL_SCHEDULES.values()), tmp_path)
    for (name, scene), run in zip(ALL_SCHEDULES.items(), made, strict=True):
        entry, knobs, levels = SCHEDULES[name], dict(scene.knobs), scene.sigmas()
        for i, share in enumerate(run["shares"]):
            given = {"sigma": jnp.float32(levels[i]), "progress": jnp.float32(i / scene.steps)}
            values = {knob: jnp.float32(knobs[knob]) for knob in entry.knobs}
            wanted = entry(*(given[part] for part in entry.inputs), **values)
            assert share == pytest.approx(float(wanted), rel=1e-5, abs=1e-6), (name, i)


@pytest.mark.parametrize("case", ["rule none", "another distribution"])
def test_floors_are_python_s(found, case):
    scene = CASES[case]
    wanted = metrics.floor(scene.target, N, metrics.defined(traced.SHOWN, scene.target))
    assert {name: found[case]["floor"][name] for name in wanted} == pytest.approx(wanted, abs=1e-5)
