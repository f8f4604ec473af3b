"""Claims: verdicts from intervals alone, choices that never see what they are judged by, nothing measured twice."""

import json
import math
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import models
from models.mlp import Spec
from models.training import Recipe
from toy import door, flows, mechanism, metrics, scenes
from toy.figures.claims import claims_figure
from toy.lab import claims as lab
from toy.lab import report
from toy.lab.claims import FAILS, HOLDS, UNDECIDED, Bound, Lab, Part, Size, claim
from toy.lab.commands.claims import claims as command
from toy.scene import Scene
from toy.uncertainty import interval

TINY = Size("tiny", n=256, trainings=2, draws=2, steps=8, small=True)
FINITE = st.floats(-10, 10, allow_nan=False)
ORDER = (FAILS, UNDECIDED, HOLDS)


def run(*arguments):
    group = door.Group()
    group.add_command(command)
    return CliRunner().invoke(group, ["claims", *map(str, arguments)])


def written(tmp_path, body, name="mine.py"):
    path = tmp_path / name
    path.write_text(body, encoding="utf-8")
    return path


def part(values, **bound):
    return Part("", np.asarray(values, float), Bound(**bound))


# --- Verdicts ---------------------------------------------------------------------------------------------------------


def test_the_interval_is_students():
    mean, low, high = interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, low, high) == pytest.approx((2, 2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), rel=1e-6)


@given(low=FINITE, high=FINITE, lo=FINITE, hi=FINITE)
def test_a_verdict_is_about_the_whole_interval(low, high, lo, hi):
    low, high = sorted((low, high))
    lo, hi = sorted((lo, hi))
    found = Bound(lo, hi).verdict(low, high)
    points = np.linspace(low, high, 101)
    if found == HOLDS:
        assert ((lo < points) & (points < hi)).all()
    elif found == FAILS:
        assert ((points < lo) | (points > hi)).all()
    else:
        assert low <= lo <= high or low <= hi <= high


@given(st.lists(FINITE, min_size=2, max_size=6), FINITE, FINITE)
def test_a_higher_threshold_is_never_easier(values, one, other):
    easy, hard = sorted((one, other))
    assert ORDER.index(part(values, lo=hard).verdict) <= ORDER.index(part(values, lo=easy).verdict)
    assert ORDER.index(part(values, hi=easy).verdict) <= ORDER.index(part(values, hi=hard).verdict)


@given(st.lists(FINITE, min_size=2, max_size=6), FINITE)
def test_above_and_below_are_opposite(values, threshold):
    above, below = part(values, lo=threshold).verdict, part(values, hi=threshold).verdict
    assert ORDER.index(above) + ORDER.index(below) == 2


@given(st.lists(FINITE, min_size=2, max_size=6), st.floats(0.001, 10))
def test_within_is_above_and_below(values, t):
    both = lab.verdict([part(values, lo=-t), part(values, hi=t)])
    within = part(values, lo=-t, hi=t).verdict
    assert (within == HOLDS) == (both == HOLDS)
    assert (within == FAILS) == (both == FAILS)


@given(FINITE, FINITE)
def test_one_seed_decides_nothing(value, threshold):
    found = part([value], lo=threshold)
    assert found.verdict == UNDECIDED
    assert "one seed" in found.note


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_lost_numbers_decide_nothing_and_are_counted(lost):
    found = part([5.0, lost, 5.0], lo=0)
    assert found.verdict == UNDECIDED
    assert found.note == "1 of 3 seeds gave no finite number"


def test_seeds_that_agree_exactly_decide_unless_they_are_the_threshold():
    assert part([1.0, 1.0], lo=0.5).verdict == HOLDS
    assert part([1.0, 1.0], lo=1.5).verdict == FAILS
    assert part([1.0, 1.0], lo=1.0).verdict == UNDECIDED


def test_all_parts_are_necessary():
    good, bad, open_ = part([1, 1], lo=0), part([1, 1], lo=2), part([-5, 5], lo=0)
    assert lab.verdict([good, good]) == HOLDS
    assert lab.verdict([good, open_]) == UNDECIDED
    assert lab.verdict([good, open_, bad]) == FAILS


# --- The decorator ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({}, "needs above, below or within"),
        ({"above": 1, "below": 2}, "two thresholds"),
        ({"above": 1, "below": {"other": 2}}, "needs above, below or within"),
        ({"above": math.nan}, "threshold nan of claim 'mine' is not a finite number"),
        ({"above": "much"}, "threshold much of claim 'mine' is not a finite number"),
        ({"within": -0.1}, "within = -0.1 of claim 'mine' is not a number above 0"),
    ],
)
def test_thresholds_that_cannot_decide_are_refused(thresholds, message):
    with pytest.raises(ValueError, match=message):

        @claim(source="here", **thresholds)
        def mine(lab):
            """Something is so."""


def test_a_claim_needs_words_and_a_source():
    with pytest.raises(ValueError, match="claim 'mute' has no docstring"):

        @claim(source="here", above=0)
        def mute(lab):
            return 0

    with pytest.raises(ValueError, match="claim 'rumour' has no source"):

        @claim(source=" ", above=0)
        def rumour(lab):
            """Something is so."""


def test_every_published_claim_says_what_it_needs():
    have = lab.published()
    assert len(have) >= 16
    for item in have.values():
        assert "arXiv:" in item.source
        assert item.statement.endswith(".")
        assert item.method
        assert item.why
        assert item.limits
        assert item.bounds
        assert all(item.units.values())


# --- The laboratory ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_measure_is_that_of_the_seeds_own_scene():
    found = Lab(TINY).measure("branch_tv", "autoguidance", w=2, weak="A64@512")
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
    found = here.pull("cosine", main="A64@4096", guide="A64@512", sigmas=(0.1, 1.0))
    pair = models.load("A64@4096#1"), models.load("A64@512#1")
    alone = mechanism.mechanism(*pair, sigmas=np.array([0.1, 1.0]), n=TINY.n // 2, seeds=1)
    np.testing.assert_allclose(found[1], alone.values["cosine"], rtol=1e-5)
    assert (found[0] != found[1]).all()
    with pytest.raises(ValueError, match="unknown value 'sine' of a pull; have: best_w, cosine, "):
        here.pull("sine", main="A64@4096", guide="A64@512", sigmas=(0.1, 1.0))


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

    def measured(many, casts, measures):
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

    found = lab.run([first, second], TINY)
    assert len(calls) == len(set(calls)) == TINY.draws
    assert len(seen) == 2
    assert np.isnan(seen[0]).all()
    assert (found.outcomes[1].parts[0].values == 0).all()


def test_planned_numbers_have_the_shape_of_measured_ones(calls):
    truth = metrics.truth("A", 16)
    found = jax.eval_shape(lambda x: metrics.values(x, truth, tuple(metrics.METRICS)), np.zeros((16, 2), np.float32))
    shapes = {name: entry.shape for name, entry in metrics.METRICS.items()}
    assert {name: value.shape for name, value in found.items()} == shapes

    @claim(source="here", within=1.0, exact=True)
    def spread(lab):
        """Mass is a share."""
        return lab.measure("mass_by_depth")[:, 2:].mean(axis=1)

    np.testing.assert_allclose(lab.run([spread], TINY).outcomes[0].parts[0].values, [0.0, 0.1])


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
            lab.run([item], TINY)


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

    found = lab.run([brittle, sturdy], TINY)
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
    found = lab.run([trained], TINY, report=lambda *now: told.append(now))
    assert [now for now in told if now[0] == "training"][-1] == ("training", 2 * 16, 2 * 16)
    assert told[-1][1] == told[-1][2]
    assert len(list(tmp_path.glob("trained/A8@16~*.safetensors"))) == 2
    again = lab.run([trained], TINY, report=lambda *now: told.append(now))
    np.testing.assert_array_equal(again.outcomes[0].parts[0].values, found.outcomes[0].parts[0].values)
    assert len([now for now in told if now[0] == "training" and now[1] == 32]) == 1


def test_shipped_networks_are_not_trained_again():
    here = Lab(TINY)
    assert here.trained(Recipe(Spec("A", 64))) == ("A64@4096#0", "A64@4096#1")
    assert not here.record.recipes


# --- Published claims, small ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_published_claims_run_end_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "QUICK", TINY)
    names = (
        "small_models_make_outliers",
        "negative_prompting_leaves_the_data_unless_weighted",
    )
    out = tmp_path / "claims.md"
    result = run(*names, "--quick", "--json", "--out", out)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [item["name"] for item in found["claims"]] == list(names)
    assert all(item["verdict"] in ORDER for item in found["claims"])
    assert all(np.isfinite(part["values"]).all() for item in found["claims"] for part in item["parts"])
    # Exact, and so large that 256 samples show it.
    constant, weighted = (part["mean"] for part in found["claims"][1]["parts"])
    assert constant > 0.5 > weighted
    text = out.read_text(encoding="utf-8")
    assert f"python -m toy claims {' '.join(names)} --quick --out {out}" in text
    for item in lab.chosen(names, lab.published()):
        assert f"## {item.name.replace('_', ' ')}" in text
        assert item.statement in text
        assert item.source in text
    assert "(claims.png)" in text
    assert (tmp_path / "claims.png").read_bytes().startswith(b"\x89PNG")


def test_every_published_claim_can_be_planned(monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("planning measures nothing")

    monkeypatch.setattr(scenes, "measure_scenes", forbidden)
    for size in (lab.QUICK, lab.FULL):
        record = lab.Record()
        record.planning = True
        for item in lab.published().values():
            here = Lab(size, exact=item.exact, record=record)
            parts = lab.parts_of(item, item(here), here.seeds)
            assert {part.verdict for part in parts} == {UNDECIDED}
        assert record.planned
        for name in {name for question in record.planned for name in question.names}:
            if not name.endswith(".safetensors"):
                models.zoo.missing(name)


def test_a_quick_run_trains_small_networks_alone():
    record = lab.Record()
    record.planning = True
    for item in lab.published().values():
        item(Lab(lab.QUICK, exact=item.exact, record=record))
    names = {name for question in record.planned for name in question.names if not name.endswith(".safetensors")}
    wanted = {*record.recipes, *(recipe for name in names for recipe in models.zoo.missing(name))}
    assert all(recipe.spec.width <= 32 and recipe.iterations <= 512 for recipe in wanted)


# --- A user's own -----------------------------------------------------------------------------------------------------

EXAMPLE = '''\
from toy.lab.claims import Lab, claim


@claim(source="Lin et al. 2023, arXiv:2305.08891", above=0.1, unit="branch TV", exact=True)
def rescaling_keeps_branches(lab: Lab):
    """Rescaled CFG keeps branches that CFG drops, even with exact scores."""
    plain = lab.measure("branch_tv", "cfg", w=4)
    return plain - lab.measure("branch_tv", "rescaled_cfg", w=4, phi=0.7)
'''


@pytest.mark.slow
def test_the_readmes_example_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "QUICK", TINY)
    path = written(tmp_path, EXAMPLE, "my_claims.py")
    result = run("--module", path, "--quick")
    assert result.exit_code == 0, result.output
    assert "rescaling_keeps_branches" in result.stdout
    assert "small_models_make_outliers" not in result.stdout
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert EXAMPLE in readme


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def f(:\n", "failed: SyntaxError"),
        ("import nothing_of_that_name\n", "failed: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("x = 1\n", "has no claim"),
        ("from toy.lab.published import small_models_make_outliers\n", "has no claim"),
        ("from toy.lab.claims import claim\n@claim(source='x')\ndef f(lab):\n    '''So.'''\n", "claim 'f' needs above"),
        (EXAMPLE.replace("rescaling_keeps_branches", "small_models_make_outliers"), "has the name of a published one"),
    ],
)
def test_a_broken_file_gets_one_sentence(tmp_path, body, message):
    result = run("--module", written(tmp_path, body), "--list")
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_claim"], "unknown claim 'no_such_claim'; have: small_models_make_outliers, "),
        (["--out", "claims.txt"], "--out 'claims.txt' does not end in .md"),
        (["--module", "missing.py"], "claims file 'missing.py' is no Python file that exists"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_listing_measures_nothing(monkeypatch):
    monkeypatch.setattr(lab, "run", None)
    result = run("--list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in lab.published())


def test_the_same_file_can_be_loaded_again(tmp_path):
    path = written(tmp_path, EXAMPLE)
    assert list(lab.load(path)) == list(lab.load(path)) == ["rescaling_keeps_branches"]


# --- Reports ----------------------------------------------------------------------------------------------------------


def made(values, name="mine", **bounds):
    item = lab.Claim(name, made, "here", {part: Bound(**b) for part, b in bounds.items()}, dict.fromkeys(bounds, ""))
    parts = tuple(Part(part, np.asarray(values, float), bound) for part, bound in item.bounds.items())
    return lab.Outcome(item, parts, len(values))


def test_no_number_is_hidden_and_none_is_made_up():
    made.__doc__ = "Something is so."
    outcomes = [made([1.0, 2.0], "sure", one={"lo": 0}, two={"hi": 9}), made([1.0], "single", one={"lo": 0})]
    outcomes.append(made([1.0, math.nan], "lost", one={"lo": -1, "hi": 1}))
    found = lab.Findings(TINY, tuple(outcomes), 1.0)
    data = json.loads(json.dumps(report.as_json(found), allow_nan=False))
    assert [item["verdict"] for item in data["claims"]] == [item.verdict for item in outcomes]
    assert data["claims"][2]["parts"][0]["values"] == [1.0, None]
    assert data["claims"][1]["parts"][0]["low"] is None
    text = report.markdown(found, command="here", picture="a.png")
    assert "1 of 2 seeds gave no finite number" in text
    assert "nan" not in text
    table = report.table(outcomes)
    assert all(name in table for name in ("sure", "one", "two", "single", "lost"))
    rows = report.rows(outcomes)
    assert len(rows) == 4
    figure = claims_figure(rows)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert sum("no interval" in word for word in words) == 1
    assert sum("no number" in word for word in words) == 1


def test_no_claim_no_figure():
    with pytest.raises(ValueError, match="nothing to draw"):
        claims_figure([])
