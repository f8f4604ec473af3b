"""Names of degraded densities: one sentence where they are none; what has to be trained is trained once."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

import models
from models import checkpoint, command, stored, training, zoo
from models.degradations import DEGRADATIONS
from models.mlp import EnergyMLP, Spec
from models.training import Recipe
from toy.densities import GaussianMixture
from toy.progress import Progress

TINY = Recipe(Spec("A", 8, 1), batch=64)
KINDS = ", ".join(DEGRADATIONS)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("A64@4096~fade=1", f"unknown degradation 'fade'; have: {KINDS}"),
        ("A64@4096~seed=1", f"unknown degradation 'seed'; have: {KINDS}"),
        ("A64@4096~dropout", f"'~dropout' in density 'A64@4096~dropout' is not ~kind=value; kinds: {KINDS}"),
        ("A64@4096~Blur=1", f"'~Blur=1' in density 'A64@4096~Blur=1' is not ~kind=value; kinds: {KINDS}"),
        ("A64@4096~dropout=", "dropout =  is not a number from 0 to 0.9"),
        ("A64@4096~dropout=2", "dropout = 2 is not a number from 0 to 0.9"),
        ("A64@4096~dropout=nan", "dropout = nan is not a number from 0 to 0.9"),
        ("A64@4096~dropout=0.1~seed=-1", "seed = -1 is not a number from 0 to 2147483647"),
        ("A64@4096~dropout=0.1~seed=1.5", "seed = 1.5 is not a whole number"),
        ("A64@4096~dropout=0.1~seed=1~seed=2", "seed is given twice to dropout"),
        ("exact:A~blur=0.1~seed=1", "'seed=1' is no degradation and does not go with blur, which takes nothing else"),
        ("exact:A~subset=2.5", "subset = 2.5 is not a whole number"),
        ("exact:A~subset=5000", "subset = 5000 is not a number from 1 to 4096"),
        ("exact:A~dropout=0.1", "dropout needs a network and 'exact:A' is none"),
        ("exact:A~skip_layer=1", "skip_layer needs a network and 'exact:A' is none"),
        ("A64@4096~skip_layer=5", "the network has 4 hidden layers, not 5"),
        ("A64@4096~skip_random_layers=5", "the network has 4 hidden layers, not 5"),
        ("A64@4096~skip_layer=1.5", "skip_layer = 1.5 is not a whole number"),
        ("A64@4096~skip_layer=1~seed=1", "'seed=1' is no degradation and does not go with skip_layer, which takes"),
        ("exact:A~ema=0.1", "ema needs a network as it was trained and 'exact:A' is none"),
        ("exact:A~depth=2", "depth needs a network, unchanged, and 'exact:A' is none"),
        ("exact:AB~label_mixing=0.1", "label_mixing needs data of class A or of class B alone"),
        ("AB64@4096~label_mixing=0.1", "label_mixing needs data of class A or of class B alone"),
        (
            "exact:A~blur=0.1~subset=9",
            "subset needs an exact density or a network, unchanged, and 'exact:A~blur=0.1' is",
        ),
        ("A64@4096~blur=0.1~dropout=0.1", "dropout needs a network and 'A64@4096~blur=0.1' is none"),
        ("A64@4096~dropout=0.1~depth=2", "depth needs a network, unchanged, and 'A64@4096~dropout=0.1' is none"),
        ("A64@4096~dropout=0.1~ema=0.1", "ema needs a network as it was trained and 'A64@4096~dropout=0.1' is none"),
        ("A64@256~ema=0.1", "ema needs at least two stored snapshots, and 'A64@256' has only itself"),
        ("exact:C~blur=0.1", "unknown density 'exact:C'; have: exact:A, exact:B, exact:AB"),
        ("C64@4096~blur=0.1", "unknown density 'C64@4096'; have: "),
        ("dns:", "density 'dns:' is not dns:MAIN,UNCONDITIONAL, each of them exact or a network"),
        ("dns:exact:A", "density 'dns:exact:A' is not dns:MAIN,UNCONDITIONAL, each"),
        ("dns:exact:A,exact:A,exact:A", "density 'dns:exact:A,exact:A,exact:A' is not dns:MAIN,UNCONDITIONAL, each"),
        ("dns:dns:exact:A,exact:AB", "density 'dns:dns:exact:A,exact:AB' is not dns:MAIN,UNCONDITIONAL, each"),
        ("dns:exact:A,exact:C", "unknown density 'exact:C'; have: "),
        ("dns:exact:A,exact:AB~w=99", "w = 99 is not a number from 1 to 8"),
        ("exact:A" + "~blur=0.1" * 9, "9 degradations in one name are more than 8"),
    ],
)
def test_bad_name_is_one_sentence(name, words):
    for ask in (models.load, zoo.check):
        with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
            ask(name)
        assert str(caught.value).startswith(words)


def test_path_may_hold_a_tilde(tmp_path):
    path = tmp_path / "a~blur=1" / "net~x.safetensors"
    net = training.start(TINY).net
    checkpoint.save(path, net, TINY, step=0, loss=1.0, command="")
    assert isinstance(models.load(str(path)), EnergyMLP)


# --- Networks that are trained on demand ------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder of one's own, a recipe that trains at once, and a snapshot every 20 iterations."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setitem(stored.SHIPPED, "A8", TINY)
    monkeypatch.setattr(stored, "SNAPSHOTS", (20,))
    monkeypatch.setattr(training, "train", partial(training.train, every=20))
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "A8@40",
        "A8@40~label_mixing=0.2",
        "A8@40~depth=2~subset=20~seed=3~dropout=0.1",
        "A8@40~trained_dropout=0.1~learning_rate=0.002~data_seed=3",
    ],
)
def test_trained_once_and_found_again(small, name):
    steps: list[int] = []
    with pytest.raises(ValueError, match=r"has to be trained first \(40 iterations\): python -m models.zoo "):
        models.load(name)
    density = zoo.ensure(name, report=lambda now: steps.append(now.done))
    assert steps == [0, 20, 40]
    assert zoo.ensure(name, report=lambda now: steps.append(now.done)) is density
    assert models.load(name) is density
    assert steps == [0, 20, 40]
    assert models.names() == [n for n in models.names() if "A8" not in n]  # plain lists are as they were


def test_file_says_what_it_was_trained_on(small):
    name = "A8@40~label_mixing=0.20~subset=20~seed=3"
    (recipe,) = zoo.missing(name)
    zoo.ensure(name)
    _, header = checkpoint.read(stored.trained_path(recipe))
    assert checkpoint.recipe_of(header) == recipe
    assert header["recipe"]["data"] == "label_mixing=0.2~subset=20~seed=3"
    assert header["command"] == f"python -m models.zoo '{name}'" or name in header["command"]
    assert zoo.missing("A8@40~label_mixing=0.2~subset=20~seed=3") == []  # the same, written otherwise
    assert len(zoo.missing("A8@40~label_mixing=0.2~subset=20")) == 1


def test_killed_half_way_goes_on(small):
    name = "A8@40~subset=20"

    def kill(now: Progress) -> None:
        if now.done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zoo.ensure(name, report=kill)
    with pytest.raises(ValueError, match="has to be trained first"):
        models.load(name)
    steps: list[int] = []
    found = zoo.ensure(name, report=lambda now: steps.append(now.done))
    assert steps == [20, 40]
    *_, (state, _) = training.train(Recipe(TINY.spec, 40, batch=64, data="subset=20"))
    np.testing.assert_array_equal(found.gain[...], state.ema.frozen().gain[...])


def test_snapshots_on_the_way_are_networks_too_and_make_a_longer_average(small):
    zoo.ensure("A8@40")
    assert zoo.missing("A8@20") == []
    assert len(zoo.missing("A8@30")) == 1
    density = zoo.ensure("A8@40~ema=0.2")
    assert not np.array_equal(density.gain[...], models.load("A8@40").gain[...])


def test_data_without_change_is_the_plain_network(small):
    assert zoo.ensure("A8@40") is zoo.ensure("A8@40~label_mixing=0")


def test_kept_model_has_its_own_recipe(small):
    recipe = replace(TINY, iterations=30, seed=9)
    checkpoint.save(stored.kept_path("mine"), training.start(recipe).net, recipe, step=30, loss=1.0, command="")
    (wanted,) = zoo.missing("kept:mine~subset=20")
    assert wanted == replace(recipe, data="subset=20")
    assert isinstance(models.load("kept:mine~dropout_fixed=0.1"), EnergyMLP)
    with pytest.raises(ValueError, match="ema needs at least two stored snapshots, and 'kept:mine' has only itself"):
        models.load("kept:mine~ema=0.1")


def test_fitted_density_trains_its_parts(small):
    name = "dns:A8@40,AB64@4096"
    assert len(zoo.missing(name)) == 1
    with pytest.raises(ValueError, match="has to be trained first"):
        models.load(name)
    assert isinstance(zoo.ensure(name), GaussianMixture)


def test_command_trains_what_is_named(small):
    assert CliRunner().invoke(command.main, ["A8@40~subset=20"]).exit_code == 0
    assert zoo.missing("A8@40~subset=20") == []
    refused = CliRunner().invoke(command.main, ["A8@40~fade=1"])
    assert refused.exit_code == 2
    assert "Error: unknown degradation 'fade'" in refused.stderr
