"""Claims on other distributions than the tree: the same words, a verdict on each, or a sentence why there is none."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from models import stored, zoo
from toy import distributions, door, metrics, scenes
from toy.figures.claims import claims_figure
from toy.lab import claims, report
from toy.lab.claim import claim
from toy.lab.claims import published, run
from toy.lab.commands.claims import claims as command
from toy.lab.laboratory import Lab, Size
from toy.lab.questions import Pull
from toy.lab.verdict import FAILS, HOLDS

TINY = Size("tiny", n=256, trainings=2, draws=2, steps=8, small=True)


@pytest.fixture
def measured(monkeypatch):
    """Scenes that were measured; made-up numbers, 1 on the tree and 0 elsewhere, stand in for what takes seconds."""
    found = []

    def measure(many, casts, measures, **_):
        found.extend(many)
        ones = [float(scene.target == "A") for scene in many]
        return [{name: np.full(metrics.METRICS[name].shape, one) for name in measures} for one in ones]

    monkeypatch.setattr(scenes, "measure_scenes", measure)
    return found


@claim(source="here", above={"outliers": 0.5, "root": 0.5}, exact=True)
def both(lab):
    """Something is so."""
    return {"outliers": lab.measure("outliers"), "root": lab.measure("root_share")}


@claim(source="here", above=0.5, exact=True)
def rooted(lab):
    """The root is something."""
    return lab.measure("root_share")


@claim(source="here", above=0.5, exact=True, on="moons", elsewhere=False)
def lunar(lab):
    """Moons are something."""
    return lab.measure("outliers")


def test_names_are_the_tree_s_wherever_it_is():
    here = Lab(TINY, on="gaussians")
    (first, second), (away, _) = here.scenes("cfg", w=2, main="A64@4096~dropout=0.1"), here.scenes("none", target="B")
    assert dict(first.cast) == {"main": "gaussians/A64@4096#0~dropout=0.1", "unconditional": "gaussians/ABC32@512#1000"}
    assert second.target == "gaussians/A"
    assert (away.target, dict(away.cast)["main"]) == ("gaussians/BC", "gaussians/BC64@4096#0")
    exact = Lab(TINY, exact=True, on="moons")
    assert dict(exact.scenes("negative_prompt")[0].cast) == {"main": "exact:moons/A", "negative": "exact:moons/B"}
    assert here.named("main", ("A8@16", "exact:moons/B"), 1) == "exact:moons/B"


def test_what_is_asked_of_the_tree_does_not_name_it():
    asked = Lab(TINY).scenes("autoguidance", w=2, weak="A64@512")[1]
    assert dict(asked.cast) == {"main": "A64@4096#1", "weak": "A64@512#1001"}
    assert asked.target == "A"
    pulls = [Pull("cosine", "A64@4096", "A32@512", "truth", (0.1,), 8, target) for target in ("A", "moons/A")]
    assert [pull.described().get("target") for pull in pulls] == [None, "moons/A"]


def test_a_verdict_says_on_which_distribution_it_holds(measured):
    found = run([both, rooted, lunar], TINY, on=("tree", "moons"))
    verdicts = {(item.claim.name, item.on): item.verdict for item in found.outcomes}
    assert verdicts == {
        ("both", ""): HOLDS, ("both", "moons"): FAILS, ("rooted", ""): HOLDS, ("lunar", "moons"): FAILS
    }  # fmt: skip
    assert [part.name for part in found.outcomes[1].parts] == ["outliers"]
    assert found.outcomes[1].notes == ("left out for want of levels: root",)
    assert found.skipped == ("rooted, for want of levels on moons",)
    assert report.board(found.outcomes) == [
        ("claim", "tree", "moons"), ("both", HOLDS, FAILS), ("rooted", HOLDS, "–"), ("lunar", "–", FAILS)
    ]  # fmt: skip
    data = json.loads(json.dumps(report.as_json(found), allow_nan=False))
    assert [item["on"] for item in data["claims"]] == ["tree", "moons", "tree", "moons"]
    text = report.markdown(found, command="here", picture="a.png")
    assert all(
        word in text for word in ("## both on tree", "(#both-on-moons)", "| rooted | holds | – |", "for want of")
    )
    titles = [words.get_text() for words in claims_figure(report.rows(found.outcomes)).axes[0].texts]
    assert {"both on tree: holds", "both on moons: does not hold"} <= set(titles)
    assert titles.count("outliers") == 2  # the one part that is left is named, too
    assert report.table(found.outcomes).count("  outliers: ") == 2


def test_of_the_tree_alone_nothing_names_it(measured):
    found, again = run([both], TINY), run([both], TINY, on=["tree"])
    assert report.as_json(again)["claims"] == report.as_json(found)["claims"]
    assert "on" not in report.as_json(found)["claims"][0]
    assert "tree" not in report.table(found.outcomes) + report.markdown(found, command="here", picture="a.png")
    assert {scene.target for scene in measured} == {"A"}


def test_where_nothing_has_a_meaning_there_is_a_sentence(measured):
    with pytest.raises(ValueError, match="nothing to measure on rings: lunar, which is about moons alone"):
        run([lunar], TINY, on=["rings"])
    with pytest.raises(ValueError, match="nothing to measure on moons: rooted, for want of levels on moons"):
        run([rooted], TINY, on=["moons"])
    with pytest.raises(ValueError, match="unknown distribution 'mooons'; have: tree, moons"):
        run([both], TINY, on=["mooons"])
    with pytest.raises(ValueError, match="unknown distribution 'mooons'"):
        claim(source="here", above=0, on="mooons")(lunar.function)
    assert not measured


@claim(source="here", above={"far": 0.5, "share": 0.5}, exact=True, why="Half.", lengths=("far",))
def long(lab):
    """Something is long."""
    return {"far": lab.measure("outliers"), "share": lab.measure("outliers")}


def test_lengths_are_in_the_scale_of_each_distribution(measured):
    on_tree, on_moons = run([long], TINY, on=("tree", "moons")).outcomes
    tree, moons = (found.distribution.thickness[found.modes].min() for found in map(distributions.of, ("A", "moons/A")))
    assert [part.bound.lo for part in on_tree.parts] == [0.5, 0.5]
    assert [part.bound.lo for part in on_moons.parts] == pytest.approx([0.5 * moons / tree, 0.5])
    assert on_tree.claim.why == "Half."
    assert on_moons.claim.why.startswith("Half. Lengths are 14.6 times those of the tree")
    text = report.markdown(run([long], TINY, on=("tree", "moons")), command="here", picture="a.png")
    assert "Lengths alone are measured by the thinnest Gaussian of each." in text
    with pytest.raises(ValueError, match="'long' has no threshold for part 'wide'"):
        claim(source="here", above=0, lengths=("wide",))(long.function)


def test_thinnest_is_across_the_thinnest_line():
    for target in ("A", "AB", "moons/A", "spiral/B"):
        found = distributions.of(target)
        own = found.distribution.thickness[found.modes].min()
        assert found.thinnest == pytest.approx(own)
    one, other = (distributions.of(f"gaussians:{knob}/A").thinnest for knob in ("anisotropy=0.5", "anisotropy=0.1"))
    assert one > other


def test_a_verdict_that_was_recorded_elsewhere_is_judged_in_the_scale_there(measured, tmp_path):
    found = run([long], claims.QUICK, on=("moons",))
    path = tmp_path / "found.json"
    path.write_text(json.dumps(report.as_json(found)), encoding="utf-8")
    again = report.recorded([str(path)], [long])
    assert [part.bound for part in again.outcomes[0].parts] == [part.bound for part in found.outcomes[0].parts]


def test_what_a_report_could_not_measure_is_said_again(measured, tmp_path):
    path = tmp_path / "found.json"
    path.write_text(json.dumps(report.as_json(run([both, rooted], claims.QUICK, on=("moons",)))), encoding="utf-8")
    again = report.recorded([str(path), str(path)], [both, rooted])
    assert again.skipped == ("rooted, for want of levels on moons",)


def test_the_report_on_networks_elsewhere_is_judged_as_claims_are_now():
    docs = Path(__file__).parents[1] / "docs"
    have = published() | claims.papers()
    found = report.recorded([str(docs / "claims_elsewhere.json")], list(have.values()))
    lines = (docs / "claims_elsewhere.md").read_text(encoding="utf-8").splitlines()
    for name, *verdicts in report.board(found.outcomes):
        assert f"| {name} | {' | '.join(verdicts)} |" in lines
    written = json.loads((docs / "claims_elsewhere.json").read_text(encoding="utf-8"))["claims"]
    for entry in written:
        bounds = have[entry["name"]].at(entry["on"]).bounds
        for part in entry["parts"]:
            own = bounds[part["part"]]
            assert (part["lo"] or -np.inf, part["hi"] or np.inf) == (own.lo or -np.inf, own.hi or np.inf)
    learned = {name for name, item in published().items() if not item.exact and item.places(["moons"])}
    assert {entry["name"] for entry in written} == learned


def test_what_would_be_trained_is_told_and_what_is_shipped_is_not():
    have = published()
    plan = claims.plan([have["small_models_make_outliers"]], claims.QUICK, on=["moons"])
    assert {(one.spec.classes, one.seed) for one in plan.networks} == {("moons/A", 1), ("moons/A", 2)}
    assert plan.line() == "to be trained first, and kept: 2 networks: 2 moons/A64@4096"
    exact = claims.plan([have["cfg_does_not_sample_the_tilted_density"]], claims.QUICK, on=["moons", "rings"])
    assert exact.line() == "nothing has to be trained first"
    less = claims.plan([have["less_data_for_the_guide_does_not_help"]], claims.QUICK, on=["spiral"]).line()
    assert "3 spiral/A32@512~subset=1024, 3 spiral/A32@512" in less


@pytest.mark.parametrize("name", stored.ALSO)
def test_a_network_that_is_shipped_is_the_one_of_its_recipe(name):
    path, (base, _, seed) = stored.shipped_path(name), name.partition("#")
    assert stored.file_of(zoo.recipe_of(name)) == path
    assert zoo.paths(f"{base}#{seed or 0}") == [path]
    assert not zoo.missing(f"{base}#{seed or 0}")
    assert zoo.missing(f"{base}#5")


def test_what_is_said_of_the_tree_s_own_numbers_is_not_measured_elsewhere():
    own = [item for item in published().values() if item.places(["moons"]) == []]
    assert {item.name for item in own} == {
        "parametrisation_does_not_matter", "denoising_and_exact_score_matching_agree",
        "figure_1_is_so_with_other_parametrisations",
    }  # fmt: skip
    for item in published().values():
        lengths = {part for part, unit in item.units.items() if "distance" in part and "length" in unit}
        assert set(item.lengths) == lengths, item.name


def asked(*arguments):
    group = door.Group()
    group.add_command(command)
    return CliRunner().invoke(group, ["claims", *map(str, arguments)])


def test_claims_are_listed_with_what_they_would_train():
    done = asked("--on", "moons,gaussians", "--learned", "--quick", "--list")
    assert done.exit_code == 0
    assert "for want of several modes in a class on gaussians" in done.stdout
    assert "parametrisation_does_not_matter, which is about tree alone" in done.stdout
    assert "cfg_drops_branches_with_exact_scores\n" not in done.stdout
    assert "2 moons/A64@4096" in done.stdout.splitlines()[-1]
    assert "--learned leaves none of these claims" in asked("--learned", "smc_restores_what_cfg_drops").stderr


@pytest.fixture
def blob(tmp_path):
    """A file of points of two classes."""
    draw = np.random.default_rng(0)
    at = np.concatenate([draw.normal(size=(40, 2)), draw.normal(size=(40, 2)) + np.array([4, 0])])
    path = tmp_path / "blobs.csv"
    rows = [f"{x},{y},{'left' if i < 40 else 'right'}" for i, (x, y) in enumerate(at)]
    path.write_text("\n".join(["x,y,class", *rows]), encoding="utf-8")
    return path


def test_claims_are_measured_on_points(measured, blob, tmp_path):
    name, out = "dns_finds_the_class_that_obeys_least", tmp_path / "found.md"
    done = asked("--points", blob, "--on", "tree,points:bandwidth=0.1", "--quick", name, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "80 points in 2 classes (A left, B right); bandwidth 0.1" in done.stderr
    data = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    first, second = (entry["on"] for entry in data["claims"])
    assert first == "tree"
    assert second.startswith("points-")
    assert second.endswith(":bandwidth=0.1")
    words = f"claims {name} --on tree,points:bandwidth=0.1 --points {blob} --quick --out {out}"
    assert data["conditions"]["command"].endswith(words)


def test_of_points_of_one_class_there_is_nothing_to_guide_by(measured, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("\n".join(f"{x},{x * x % 7}" for x in range(30)), encoding="utf-8")
    done = asked("--points", path, "--quick", "dns_finds_the_class_that_obeys_least")
    assert done.exit_code == 2
    assert "for want of several classes" in done.stderr
    assert not measured


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--points", "none.csv"), "cannot read 'none.csv': No such file"),
        (("--points", "."), "cannot read '.': it is a folder"),
        (("--points", "two.csv"), "cannot read points from 'two.csv': it has 2 points, of at least 3"),
        (("--points", "three.csv", "--recorded", "docs/claims.json"), "--points does not go with --recorded"),
        (("--on", "points"), "distribution 'points' names no data: it is points-ID"),
    ],
)
def test_wrong_points_are_refused_in_a_sentence(flags, words, tmp_path, monkeypatch, measured):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.csv").write_text("0,1\n1,2\n", encoding="utf-8")
    (tmp_path / "three.csv").write_text("0,1\n1,2\n2,0\n", encoding="utf-8")
    done = asked(*flags, "dns_finds_the_class_that_obeys_least")
    assert done.exit_code == 2
    assert words in done.stderr
    assert not measured


def test_one_mode_cannot_be_lost():
    here = Lab(TINY, on="gaussians", exact=True)
    assert np.isnan(here.measure("branch_tv")).all()
    assert list(here.lacks) == ["several modes in a class"]
