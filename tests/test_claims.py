"""Published claims and a user's own, from the command to the report."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import models
from toy import door, metrics, scenes
from toy.figures.claims import claims_figure
from toy.lab import claims as lab
from toy.lab import report
from toy.lab.claim import Bound, Claim, chosen, load
from toy.lab.commands.claims import claims as command
from toy.lab.laboratory import Record, Size
from toy.lab.verdict import FAILS, HOLDS, UNDECIDED, Part

TINY = Size("tiny", n=256, trainings=2, draws=2, steps=8, small=True)
ORDER = (FAILS, UNDECIDED, HOLDS)


def run(*arguments):
    group = door.Group()
    group.add_command(command)
    return CliRunner().invoke(group, ["claims", *map(str, arguments)])


def written(tmp_path, body, name="mine.py"):
    path = tmp_path / name
    path.write_text(body, encoding="utf-8")
    return path


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
    for item in chosen(names, lab.published()):
        assert f"## {item.name.replace('_', ' ')}" in text
        assert item.statement in text
        assert item.source in text
    assert "(claims.png)" in text
    assert (tmp_path / "claims.png").read_bytes().startswith(b"\x89PNG")


def test_every_published_claim_can_be_planned(monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("planning measures nothing")

    monkeypatch.setattr(scenes, "measure_scenes", forbidden)
    monkeypatch.setattr(metrics, "floor", forbidden)
    for size in (lab.QUICK, lab.FULL):
        record = Record()
        record.planning = True
        for item in lab.published().values():
            here, *others = lab.labs(item, size, record)
            parts = lab.parts_of(item, item(here), here.seeds)
            assert not [item(other) for other in others if item.exact]
            assert {part.verdict for part in parts} == {UNDECIDED}
        assert record.planned
        for name in {name for question in record.planned for name in question.names}:
            if not name.endswith(".safetensors"):
                models.zoo.missing(name)


def test_a_quick_run_trains_small_networks_alone():
    record = Record()
    record.planning = True
    for item in lab.published().values():
        item(lab.labs(item, lab.QUICK, record)[0])
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
        (["--most", "0"], "0"),
        (["--recorded", "a.json", "--quick"], "--quick does not go with --recorded, which measures nothing"),
        (["--recorded", "a.json", "--most", "5"], "--most does not go with --recorded"),
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
    assert list(load(path)) == list(load(path)) == ["rescaling_keeps_branches"]


# --- Reports ----------------------------------------------------------------------------------------------------------


def made(values, name="mine", **bounds):
    item = Claim(name, made, "here", {part: Bound(**b) for part, b in bounds.items()}, dict.fromkeys(bounds, ""))
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


def test_what_was_recorded_is_judged_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    docs = Path(__file__).parents[1] / "docs" / "claims.json"
    data = json.loads(docs.read_text(encoding="utf-8"))
    result = run("--recorded", docs, "--json", "--out", "again.md")
    assert result.exit_code == 0, result.output
    again = json.loads(result.stdout)
    assert again == data
    assert (tmp_path / "again.md").read_text(encoding="utf-8").replace("again.png", "claims.png") == docs.with_suffix(
        ".md"
    ).read_text(encoding="utf-8")
    first = data["claims"][0]
    first["parts"][0]["values"] = [-value for value in first["parts"][0]["values"]]
    (tmp_path / "other.json").write_text(json.dumps(data), encoding="utf-8")
    other = json.loads(run("--recorded", "other.json", "--json").stdout)
    assert (first["verdict"], other["claims"][0]["verdict"]) == (HOLDS, FAILS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "'r.json' is no report of claims that can be judged again: it lacks 'conditions'"),
        ("[]", "'r.json' is no report of claims that can be judged again"),
        ('{"conditions": {"size": "full"}, "claims": [{"name": "small_models_make_outliers"}]}', "it lacks 'parts'"),
        ("{", "r.json"),
    ],
)
def test_what_is_no_report_gets_one_sentence(tmp_path, monkeypatch, body, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.json").write_text(body, encoding="utf-8")
    result = run("--recorded", "r.json")
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_no_claim_no_figure():
    with pytest.raises(ValueError, match="nothing to draw"):
        claims_figure([])
