"""The laboratory of claims: choices that never see what they are judged by, nothing measured twice."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import models
from models.mlp import Spec
from models.training import Recipe
from toy import flows, mechanism, metrics, scenes
from toy.lab import report
from toy.lab.claim import claim
from toy.lab.claims import run
from toy.lab.laboratory import Lab, Size
from toy.lab.verdict import FAILS, HOLDS, NOTHING, UNDECIDED
from toy.progress import Progress
from toy.scene import Scene

TINY = Size("tiny", n=256, trainings=2, draws=2, steps=8, small=True)


# --- The laboratory ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_measure_is_that_of_the_seeds_own_scene():
    found = Lab(TINY).measure("branch_tv", "autoguidance", w=2, weak="A64@512#{i}")
    for seed, value in enumerate(found):
        names = {"main": f"A64@4096#{seed}", "weak": f"A64@512#{seed}"}
        scene = Scene.of("autoguidance", w=2, n=256, steps=8, seed=seed, **names)
        alone = scenes.compute(scene, models.cast(scene.cast), keep=False, floor=False, measures=("branch_tv",))
        assert value == pytest.approx(alone.metrics["branch_tv"], rel=2e-3)


@pytest.mark.computes
@pytest.mark.slow
def test_without_guidance_the_tilted_density_is_the_truth():
    exact = Lab(replace(TINY, draws=1), exact=True)
    truth, tilt = (exact.divergence(of, "none") for of in ("truth", "tilt"))
    np.testing.assert_allclose(truth, tilt, atol=1e-3)
    scene = exact.scenes("none", n=64)[0]
    assert truth[0] == pytest.approx(flows.flow(scene, models.cast(scene.cast)).summary()["kl_truth"], abs=1e-5)
    with pytest.raises(ValueError, match="unknown density 'prior' to diverge from"):
        exact.divergence("prior", "none")
    with pytest.raises(ValueError, match="rule 'rescaled_cfg' stands for no tilted density"):
        exact.divergence("tilt", "rescaled_cfg")


@pytest.mark.slow
def test_a_pull_is_that_of_the_seeds_own_networks():
    here = Lab(TINY)
    found = here.pull("cosine", main="A64@4096", guide="A64@512#{i}", sigmas=(0.1, 1.0))
    pair = models.load("A64@4096#1"), models.load("A64@512#1")
    alone = mechanism.mechanism(*pair, sigmas=np.array([0.1, 1.0]), n=TINY.n // 2, seeds=1)
    np.testing.assert_allclose(found[1], alone.values["cosine"], rtol=1e-5)
    assert (found[0] != found[1]).all()
    with pytest.raises(ValueError, match="unknown value 'sine' of a pull; have: best_w, cosine, "):
        here.pull("sine", main="A64@4096", guide="A64@512#{i}", sigmas=(0.1, 1.0))


def test_exact_claims_take_exact_densities_alone():
    exact = Lab(TINY, exact=True)
    casts = [dict(scene.cast) for scene in exact.scenes("cfg", w=2)]
    assert casts == [{"main": "exact:A", "unconditional": "exact:AB"}] * TINY.draws
    with pytest.raises(ValueError, match="role 'weak' is played by 'A32@512'"):
        exact.scenes("autoguidance")
    with pytest.raises(ValueError, match="role 'main' is played by 'kept:mine'"):
        exact.scenes("none", main="kept:mine")
    with pytest.raises(ValueError, match="seed = 3 cannot be set"):
        exact.scenes("none", seed=3)
    with pytest.raises(ValueError, match="main has 3 names for 2 seeds"):
        exact.scenes("none", main=["exact:A"] * 3)


def test_the_best_option_is_chosen_without_the_seed_that_it_is_reported_for(monkeypatch):
    size = Size("four", n=256, trainings=4, draws=4)
    table = np.random.default_rng(0).normal(size=(3, 4))
    here = Lab(size)
    monkeypatch.setattr(here, "measure", lambda measure, rule, w: table[w])
    options = [{"w": 0}, {"w": 1}, {"w": 2}]
    found = here.best("outliers", "autoguidance", options)
    for seed in range(4):
        others = [other for other in range(4) if other != seed]
        assert found[seed] == table[np.argmin(table[:, others].mean(axis=1)), seed]
    table[:, 0] = [-100, 100, 100]  # whatever seed 0 says, its own choice stays
    again = here.best("outliers", "autoguidance", options)
    others = table[:, 1:].mean(axis=1)
    assert again[0] == table[np.argmin(others), 0]
    high = here.best("alignment", "autoguidance", options)
    assert high[0] == table[np.argmax(others), 0]
    assert "best by outliers: w = " in here.notes[0]
    with pytest.raises(ValueError, match="measure 'root_share' has no best"):
        here.best("root_share", "autoguidance", options)


def test_the_best_of_noise_is_no_better_than_noise(monkeypatch):
    size = Size("many", n=256, trainings=400, draws=1)
    here = Lab(size)
    noise = np.random.default_rng(1).normal(size=(8, 400))
    monkeypatch.setattr(here, "measure", lambda measure, rule, w: noise[w])
    found = here.best("outliers", "autoguidance", [{"w": w} for w in range(8)])
    assert abs(found.mean()) < 0.25
    assert noise.min(axis=0).mean() < -1  # what a choice that sees its number would give


@pytest.fixture
def calls(monkeypatch):
    """Scenes that were measured; made-up numbers stand in for what takes seconds to compile."""
    found = []

    def measured(many, casts, measures, **_):
        found.extend(many)
        return [
            {name: np.full(metrics.METRICS[name].shape, 0.1 * scene.seed + 0.01 * i) for i, name in enumerate(measures)}
            for scene in many
        ]

    monkeypatch.setattr(scenes, "measure_scenes", measured)
    return found


def test_nothing_is_measured_while_planning_or_twice(calls):
    seen = []

    @claim(source="here", above=0, exact=True)
    def first(lab):
        """Something is so."""
        seen.append(lab.measure("outliers"))
        assert bool(calls) == np.isfinite(seen[-1]).all()
        return seen[-1] - lab.measure("tail")

    @claim(source="here", above=0, exact=True)
    def second(lab):
        """Something else is so."""
        return lab.measure("outliers") - lab.measure("outliers")

    found = run([first, second], TINY)
    assert len(calls) == len(set(calls)) == TINY.draws
    assert len(seen) == 2
    assert np.isnan(seen[0]).all()
    assert (found.outcomes[1].parts[0].values == 0).all()


def test_scenes_of_a_target_and_a_size_are_asked_the_same_measures(monkeypatch):
    asked = {}

    def measured(many, casts, measures, **_):
        asked.update({(scene.rule, scene.n, scene.target): measures for scene in many})
        return [{name: np.zeros(metrics.METRICS[name].shape) for name in measures} for scene in many]

    monkeypatch.setattr(scenes, "measure_scenes", measured)

    @claim(source="here", above=0, exact=True)
    def several(lab):
        """Something is so."""
        lab.measure("tail", "cfg", w=2, n=16)
        return lab.measure("outliers") - lab.measure("branch_tv", "cfg", w=2) + lab.measure("sw1", target="B")

    run([several], TINY)
    n = TINY.n
    assert {key: set(names) for key, names in asked.items()} == {
        ("none", n, "A"): {"outliers", "branch_tv"},
        ("cfg", n, "A"): {"outliers", "branch_tv"},
        ("none", n, "B"): {"sw1"},
        ("cfg", 16, "A"): {"tail"},
    }


def test_a_guide_shares_no_seed_with_a_main_model():
    many = replace(TINY, trainings=40)
    mains, guides = set(), set()
    for guide in range(2):
        for scene in Lab(many, guide=guide).scenes("autoguidance", w=2):
            cast = dict(scene.cast)
            mains.add(cast["main"].partition("#")[2])
            guides.add(cast["weak"].partition("#")[2])
    assert (len(mains), len(guides)) == (40, 80)
    assert not mains & guides
    itself = Lab(TINY, guide=1).scenes("autoguidance", w=2, weak="A64@4096#{i}~dropout=0.1~seed=1{i}")[1]
    assert dict(itself.cast) == {"main": "A64@4096#1", "weak": "A64@4096#1~dropout=0.1~seed=11"}


def test_an_effect_is_the_mean_over_the_guides_of_each_main_model(monkeypatch):
    def measured(many, casts, measures, **_):
        seeds = [int(dict(scene.cast).get("weak", "#0").partition("#")[2]) for scene in many]
        return [{name: np.asarray(float(seed)) for name in measures} for seed in seeds]

    monkeypatch.setattr(scenes, "measure_scenes", measured)
    names = {"main": "A64@256", "weak": "A64@256#{i}"}

    @claim(source="here", above=0)
    def guided(lab):
        """Something is so."""
        return lab.measure("outliers", "autoguidance", w=2, **{**names, "weak": f"A64@256#{lab.guide}"})

    few = replace(TINY, guides=3)
    (found,) = run([guided], few).outcomes
    assert (found.guides, list(found.parts[0].values)) == (3, [1.0, 1.0])
    (one,) = run([replace(guided, guides=1)], few).outcomes
    assert (one.guides, list(one.parts[0].values)) == (1, [0.0, 0.0])


def test_one_looks_again_only_at_what_is_undecided(calls):
    asked = []

    @claim(source="here", above={"sure": -999, "open": 0.35}, exact=True)
    def doubtful(lab):
        """Something is so."""
        asked.append(lab.seeds)
        found = lab.measure("outliers")  # 0, 0.1, 0.2, ...
        return {"sure": found, "open": found}

    @claim(source="here", above=-999, exact=True)
    def clear(lab):
        """Something else is so."""
        assert lab.seeds == 2
        return lab.measure("outliers")

    size = replace(TINY, looks=3)
    found = run([doubtful, clear], size)
    assert asked == [2, 2, 4, 4, 8, 8]
    assert len(calls) == len(set(calls)) == 8
    assert [(part.verdict, len(part.values)) for part in found.outcomes[0].parts] == [(HOLDS, 2), (UNDECIDED, 8)]
    assert (found.outcomes[1].verdict, found.outcomes[1].seeds) == (HOLDS, 2)
    assert {part.looks for item in found.outcomes for part in item.parts} == {3}
    few = run([doubtful], size, most=4)
    assert len(few.outcomes[0].parts[1].values) == 4
    (words,) = report.open_parts(few.outcomes)
    assert words.startswith("doubtful, open: undecided after 4 repetitions; about ")
    assert "needs" in report.table(few.outcomes)


@pytest.mark.parametrize(("most", "count"), [(1, 1), (2, 2), (3, 2), (None, 2)])
def test_no_look_has_more_main_models_than_are_allowed(calls, most, count):
    @claim(source="here", above=0)
    def learned(lab):
        """Something is so."""
        return lab.measure("outliers")

    assert len(run([learned], TINY, most=most).outcomes[0].parts[0].values) == count
    assert len(calls) == count


def test_where_samples_are_as_good_as_true_ones_there_is_nothing_to_gain(calls, monkeypatch):
    @claim(source="here", above=0.01, exact=True)
    def better(lab):
        """Something helps."""
        return lab.gain("outliers", "autoguidance", [{"w": 2.0}], weak="exact:A")

    for floor, verdict in ((-9.0, FAILS), (0.2, NOTHING)):
        monkeypatch.setattr(metrics, "floor", lambda target, n, names, floor=floor: {names[0]: floor})
        found = run([better], TINY)
        assert found.outcomes[0].verdict == verdict
    assert found.outcomes[0].parts[0].note == "without guidance outliers is not told from that of true samples, 0.2"
    assert report.counts(found.outcomes) == "0 hold, 0 do not hold, 0 undecided, 1 with nothing to gain"


def test_planned_numbers_have_the_shape_of_measured_ones(calls):
    truth = metrics.truth("A", 16)
    found = jax.eval_shape(lambda x: metrics.values(x, truth, tuple(metrics.METRICS)), np.zeros((16, 2), np.float32))
    shapes = {name: entry.shape for name, entry in metrics.METRICS.items()}
    assert {name: value.shape for name, value in found.items()} == shapes

    @claim(source="here", within=1.0, exact=True)
    def spread(lab):
        """Mass is a share."""
        return lab.measure("mass_by_depth")[:, 2:].mean(axis=1)

    np.testing.assert_allclose(run([spread], TINY).outcomes[0].parts[0].values, [0.0, 0.1])


def test_a_claim_that_asks_for_what_there_is_not_is_named_before_anything_is_measured():
    @claim(source="here", above=0, exact=True)
    def mistaken(lab):
        """Something is so."""
        return lab.measure("outliers", "cgf")

    @claim(source="here", above={"a": 0, "b": 0}, exact=True)
    def partial(lab):
        """Something is so."""
        return {"a": lab.measure("outliers")}

    @claim(source="here", above=0, exact=True)
    def summed(lab):
        """Something is so."""
        return lab.measure("outliers").mean()

    for item, message in (
        (mistaken, "claim 'mistaken' cannot be measured: unknown rule 'cgf'"),
        (partial, "returned the parts a where its thresholds are for a, b"),
        (summed, r"numbers of shape \(\) where one a seed makes \(2,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            run([item], TINY)


def test_a_claim_that_fails_on_its_numbers_does_not_take_the_others_with_it(calls):
    @claim(source="here", above=0, exact=True)
    def brittle(lab):
        """Something is so."""
        found = lab.measure("outliers")
        if np.isfinite(found).all():
            raise ZeroDivisionError("nothing there")
        return found

    @claim(source="here", above=-1, exact=True)
    def sturdy(lab):
        """Something is so."""
        return lab.measure("outliers") / 1000

    found = run([brittle, sturdy], TINY)
    assert [item.verdict for item in found.outcomes] == [UNDECIDED, HOLDS]
    assert found.outcomes[0].notes == ("failed: ZeroDivisionError: nothing there",)
    assert "ZeroDivisionError" in report.markdown(found, command="here", picture="a.png")


@pytest.mark.slow
def test_what_a_claim_lacks_is_trained_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))

    @claim(source="here", within=1.0)
    def trained(lab):
        """Small networks are networks."""
        recipe = Recipe(Spec("A", 8, 1), iterations=16, batch=64, loss="denoising")
        return lab.measure("alignment", main=lab.trained(recipe)) / 2

    told = []
    found = run([trained], TINY, report=told.append)
    assert [now for now in told if now.stage == "training"][-1] == Progress("training", 2 * 16, 2 * 16)
    assert told[-1].done == told[-1].total
    assert len(list(tmp_path.glob("trained/A8@16~*.safetensors"))) == 2
    again = run([trained], TINY, report=told.append)
    np.testing.assert_array_equal(again.outcomes[0].parts[0].values, found.outcomes[0].parts[0].values)
    assert len([now for now in told if now == Progress("training", 32, 32)]) == 1


def test_shipped_networks_are_not_trained_again():
    here = Lab(TINY)
    assert here.trained(Recipe(Spec("A", 64))) == ("A64@4096#0", "A64@4096#1")
    other = Lab(TINY, guide=1)
    assert other.trained(Recipe(Spec("A", 64)), guides=True) == ("A64@4096#2000", "A64@4096#2001")
    assert not here.record.recipes
