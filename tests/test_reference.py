"""True samples that others are held against: one for all seeds, or one of each seed's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toy import distributions, metrics, scenes
from toy.lab.laboratory import Lab, Record, Size, _trials
from toy.lab.trial import SAMPLED, Trial, addresses
from toy.scene import Scene

EXACT = {"main": distributions.mixture("A")}


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_an_own_reference_is_another_for_each_seed_and_changes_what_needs_one(monkeypatch, backend):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    many = [Scene.of("none", n=256, steps=8, seed=seed, main="exact:A") for seed in (0, 1)]
    casts, names = [EXACT for scene in many], tuple(metrics.METRICS)
    usual, own = (scenes.measure_scenes(many, casts, names, own_reference=flag) for flag in (False, True))
    for scene, before, after in zip(many, usual, own, strict=True):
        changed = [name for name in names if not np.allclose(before[name], after[name], atol=1e-5)]
        assert sorted(changed) == list(SAMPLED)
        x = jnp.asarray(scenes.compute(scene, EXACT, keep=False, floor=False).path[-1])
        wanted = metrics.sw1(x, metrics.truth("A", 256, scene.seed))
        assert float(after["sw1"]) == pytest.approx(float(wanted), rel=1e-3)
    drawn = [np.asarray(metrics.truth("A", 256, draw_of).reference) for draw_of in (None, 0, 1)]
    assert not any(np.array_equal(drawn[i], drawn[j]) for i in range(3) for j in range(i))


def test_an_own_reference_is_in_the_address_of_what_needs_one_alone():
    scene = Scene.of("none", main="exact:A", n=16, steps=8)

    def address(measures, **given):
        one = Trial(scene, measures, **given)
        return addresses([one])[one]

    assert address(("outliers",), own_reference=True) == address(("outliers",))
    for name in SAMPLED:
        assert address(("outliers", name), own_reference=True) != address(("outliers", name))
    assert address(("sw1",)) == "8c55fbd883b929c07a914a79f45483f56b6d0a70b17548ad4e8511c242a2b626"  # of all stores


def test_claims_are_measured_against_references_of_the_seeds_own():
    record = Record()
    record.plan(lambda: Lab(Size("tiny", n=16, trainings=2, draws=2), exact=True, record=record).measure("sw1"))
    assert [found.own_reference for found in _trials(record.planned).values()] == [True, True]


def test_where_no_measure_needs_a_reference_seeds_go_together():
    scene = Scene.of("none", main="exact:A", n=16, steps=8)
    assert not Trial(scene, ("outliers",), own_reference=True).drawn
    assert Trial(scene, ("outliers", "sw1"), own_reference=True).drawn
    assert not Trial(scene, ("sw1",)).drawn
