"""Claims of single papers: found by number, a file each, on the paper's own distribution."""

import sys
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

import models
from toy import door, ends
from toy.lab import claims as lab
from toy.lab.claim import load, of_paper
from toy.lab.commands.claims import claims as command
from toy.lab.laboratory import Lab, Record, Size
from toy.lab.published import papers as folder
from toy.lab.published.papers import bradley_nakkiran as bradley
from toy.lab.trial import addresses
from toy.lab.verdict import UNDECIDED

TINY = Size("tiny", n=256, trainings=2, draws=2, steps=8, small=True)


def run(*arguments):
    group = door.Group()
    group.add_command(command)
    return CliRunner().invoke(group, ["claims", *map(str, arguments)])


@pytest.mark.parametrize("size", [lab.QUICK, lab.FULL], ids=lambda size: size.name)
def test_every_paper_says_what_it_needs_and_can_be_planned(size):
    record = Record()
    record.planning = True
    for item in lab.papers().values():
        assert all((item.statement.endswith("."), item.method, item.why, item.limits, *item.units.values()))
        assert "arXiv:" in item.source
        assert item.on != ("",)
        for on in item.on:
            here = Lab(size, exact=item.exact, record=record, on=on)
            assert {part.verdict for part in lab.parts_of(item, item(here), here.seeds)} == {UNDECIDED}
    names = {name for question in record.planned for name in question.names}
    wanted = [recipe for name in names for recipe in models.zoo.missing(name)]
    assert size is lab.FULL or all(recipe.spec.width <= 32 and recipe.iterations <= 512 for recipe in wanted)


def test_a_paper_is_found_by_its_number():
    have = lab.published() | lab.papers()
    assert not set(lab.published()) & set(lab.papers())
    mine = ["weight_hurts_the_well_trained_and_helps_the_under_trained", "weight_helps_a_model_that_mixes_classes"]
    for text in ("2510.00815", "arXiv:2510.00815v1", "https://arxiv.org/abs/2510.00815"):
        assert of_paper(text, have) == mine
    tree, *own = of_paper("2408.09000", have)
    assert tree == "cfg_does_not_sample_the_tilted_density"
    listed = run("--paper", "2408.09000", "--list")
    assert all(name in listed.stdout for name in (tree, *own))
    assert not any(name in run("--list").stdout for name in own)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--paper", "1312.6114"], "no claim is of paper '1312.6114'; have, by arXiv number: 2105.05233, "),
        (["--paper", "cfg"], "no claim is of paper 'cfg'; have"),
        (["--on", "mooons"], "unknown distribution 'mooons'; have: tree, moons"),
        (
            ["--on", "moons", "smc_restores_what_cfg_drops"],
            "nothing to measure on moons: smc_restores_what_cfg_drops, ",
        ),
        (["--on", "moons", "cfg_with_ddpm_is_a_predictor_corrector"], "which is about gaussians:classes=2 alone"),
    ],
)
def test_what_cannot_be_measured_gets_one_sentence(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_paper_is_one_file(tmp_path, monkeypatch):
    body = '''
from toy.lab.claims import Lab, claim


@claim(source="Somebody 2026, arXiv:2612.00001", above=0, on=("moons", "tree"))
def something(lab: Lab):
    """Something is so."""
    return lab.measure("outliers")
'''
    (tmp_path / "somebody.py").write_text(body, encoding="utf-8")
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    try:
        found = lab.papers()
        assert found["something"].on == ("moons", "")
        assert of_paper("2612.00001", found) == ["something"]
    finally:
        sys.modules.pop(f"{folder.__name__}.somebody", None)


# --- Statistics of one's own ------------------------------------------------------------------------------------------


def test_cfg_on_gaussians_has_the_variance_of_the_closed_form():
    """s1² [s1² (s0² + S²) / (s0² (s1² + S²))]^(w − 1) from noise level S: with s0² = 2 s1² nearly 2^(1 − w)."""
    here = Lab(Size("one", n=4096, trainings=1, draws=1), exact=True, on=bradley.ON)
    wide = f"exact:A~blur={bradley.SPREAD}"
    found = here.statistic(partial(ends.variance, spread=bradley.SPREAD), "cfg", w=3.0, unconditional=wide)
    ratio = (5 / bradley.SPREAD) ** 2
    assert found == pytest.approx((0.5 * (2 + ratio) / (1 + ratio)) ** 2, rel=0.05)
    assert bradley.FLOW == 0.25
    assert abs(bradley.STOCHASTIC - 0.3875) < 1e-6


def last(path, sigmas, *, axis=0):
    """Mean of a coordinate of the samples."""
    return path[-1, :, axis].mean()


def other(path, sigmas, *, axis=0):
    return path[0, :, axis].mean()


def test_a_statistic_is_known_by_what_it_does():
    record = Record()
    record.planning = True
    here = Lab(TINY, exact=True, record=record)
    for function in (last, partial(last, axis=0), partial(last, axis=1), other, last):
        assert np.isnan(here.statistic(function)).all()
    assert len(record.planned) == 4 * TINY.draws
    assert len(set(addresses(record.planned).values())) == 4 * TINY.draws


OWN = '''
from toy.lab.claims import claim

EDGE = 0.5

def inside(x):
    return abs(x) < EDGE

def near(path, sigmas):
    return inside(path[-1, :, 0]).mean()

@claim(source="here", above=0, exact=True)
def mine(lab):
    """Something is so."""
    return lab.statistic(near)
'''


def test_a_statistic_of_a_user_s_file_is_known_by_all_that_it_calls(tmp_path):
    found = set()
    for i, edge in enumerate(("0.5", "0.6", "0.6  # again")):
        path = tmp_path / str(i) / "own.py"
        path.parent.mkdir()
        path.write_text(OWN.replace("0.5", edge), encoding="utf-8")
        record = Record()
        record.planning = True
        load(path)["mine"](Lab(TINY, exact=True, record=record))
        found.add(tuple(addresses(record.planned).values()))
    assert len(found) == 2


def test_a_statistic_has_no_variables_that_its_address_would_not_tell():
    axis = 1
    for function in (lambda path, sigmas: path[-1, :, axis].mean(), np.mean):
        with pytest.raises(ValueError, match="is no plain function: what it needs besides goes into a partial"):
            Lab(TINY).statistic(function)
