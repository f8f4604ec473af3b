"""Claims on other distributions than the tree: the same words, a verdict on each, or a sentence why there is none."""

import json

import numpy as np
import pytest

from toy import metrics, scenes
from toy.figures.claims import claims_figure
from toy.lab import report
from toy.lab.claim import claim
from toy.lab.claims import run
from toy.lab.laboratory import Lab, Size
from toy.lab.questions import Pull
from toy.lab.verdict import FAILS, HOLDS

TINY = Size("tiny", n=256, trainings=2, draws=2, steps=8, small=True)


@pytest.fixture
def measured(monkeypatch):
    """Scenes that were measured; made-up numbers, 1 on the tree and 0 elsewhere, stand in for what takes seconds."""
    found = []

    def measure(many, casts, measures):
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


def test_one_mode_cannot_be_lost():
    here = Lab(TINY, on="gaussians", exact=True)
    assert np.isnan(here.measure("branch_tv")).all()
    assert list(here.lacks) == ["several modes in a class"]
