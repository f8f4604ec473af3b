"""What the methods do on the tree, at the protocol of the paper's toy: 16384 samples, 32 steps."""

import pytest

import models
from toy import scenes
from toy.scene import Scene

EXACT = {"main": "exact:A", "unconditional": "exact:AB"}
pytestmark = [pytest.mark.slow, pytest.mark.computes]


def measured(rule: str, **values) -> dict[str, float]:
    """Measures of a scene of 16384 samples."""
    scene = Scene.of(rule, **values)
    assert scene.n == 16384
    return dict(scenes.compute(scene, models.cast(scene.cast), keep=False, floor=False).metrics)


def test_exact_cfg_loses_the_root_that_its_tilted_density_keeps():
    # The tilted density's own share, 24.9%, is in test_flows.py.
    assert measured("cfg", w=4, **EXACT)["root_share"] < 0.01


def test_an_exact_negative_prompt_leaves_the_tree():
    found = measured("negative_prompt", w=1.5, main="exact:A", negative="exact:B")
    assert found["outliers"] > 0.85


def test_smc_keeps_the_root_that_the_flow_drops():
    assert measured("cfg", w=2, integrator="smc", **EXACT)["root_share"] > 0.15
    assert measured("cfg", w=2, **EXACT)["root_share"] == pytest.approx(0.06, abs=0.02)


def test_a_limited_interval_recovers_branches():
    interval = measured("cfg", w=4, schedule="interval")
    everywhere = measured("cfg", w=4)
    assert interval["branch_tv"] < everywhere["branch_tv"] / 2
    assert interval["outliers"] < everywhere["outliers"]


def test_diffusion_negative_sampling_heads_for_what_obeys_least():
    found = measured("diffusion_negative_sampling", main="exact:AB", conditional="exact:A")
    assert found["alignment"] < 0.3


def test_dynamic_negative_guidance_needs_no_positive_model():
    found = measured("dynamic_negative_guidance", main="exact:AB", negative="exact:B")
    assert found["outliers"] < 0.015
    assert found["branch_tv"] < 0.04
    assert found["alignment"] > 0.99


def test_the_oracle_is_a_ceiling_for_autoguidance():
    oracle, autoguidance = measured("optimal_weight"), measured("autoguidance")
    assert oracle["outliers"] < autoguidance["outliers"]
    assert oracle["branch_tv"] < autoguidance["branch_tv"]


def test_rescaling_keeps_branches_that_naive_truncation_drops():
    rescaled, naive = measured("temporal_score_rescaling"), measured("naive_truncation")
    assert rescaled["branch_tv"] < naive["branch_tv"] / 4
    assert rescaled["outliers"] < measured("none")["outliers"]
