"""Trained together or alone, on one device or several, at once or after a break: the same network."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models import checkpoint, ensemble, runs, stored, training, zoo
from models.ensemble import Now
from models.mlp import Spec, VectorMLP
from models.training import Recipe
from toy import distributions
from toy.densities import GaussianMixture
from toy.progress import Progress

TINY = Recipe(Spec("A", 8, 1), iterations=12, batch=64)
TOGETHER = {
    "one stream": [replace(TINY, seed=seed, data_seed=5) for seed in range(3)],
    "their own streams": [replace(TINY, seed=seed) for seed in range(3)],
    "learning rates": [replace(TINY, learning_rate=rate) for rate in (0.001, 0.01)],
    "noise levels": [replace(TINY, log_sigma_mean=mean, log_sigma_std=std) for mean, std in ((-2.3, 1.5), (-1, 0.5))],
    "dropout": [replace(TINY, dropout=rate) for rate in (0.1, 0.3)],
    "data": [replace(TINY, data=f"subset=16~seed={seed}") for seed in range(2)],
    "denoising": [replace(TINY, loss="denoising", seed=seed, data_seed=0) for seed in range(2)],
    "denoisers": [replace(TINY, spec=Spec("A", 8, 1, "denoiser"), seed=seed) for seed in range(2)],
}


TWO_BLOBS = GaussianMixture.of(
    np.array([[0.6], [0.4]]), np.array([[[0.5, 0.2]], [[-0.3, -0.4]]]), np.array([0.04 * np.eye(2), 0.01 * np.eye(2)])
)


@pytest.fixture(autouse=True)
def small_world(monkeypatch):
    """Two Gaussians in place of the tree: what is under test does not depend on the data, and compiles sooner."""
    monkeypatch.setattr(distributions, "mixture", lambda classes: TWO_BLOBS)


def ends(recipes, **options) -> dict[Recipe, Now]:
    """Where each training was last."""
    return {now.recipe: now for step in ensemble.train(recipes, every=5, **options) for now in step}


def close(one, two) -> bool:
    """Whether two trees hold the same numbers but for rounding, which training spreads."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    return all(np.allclose(a, b, rtol=1e-2, atol=2e-3) for a, b in pairs)


@pytest.mark.parametrize("kind", TOGETHER)
def test_together_as_alone(kind):
    recipes = TOGETHER[kind]
    assert len(ensemble.groups(recipes)) == 1
    found = ends(recipes)
    nets = []
    for recipe in recipes:
        *_, (alone, losses) = training.train(recipe, every=12)
        np.testing.assert_allclose(found[recipe].losses, losses[-2:], rtol=2e-3)
        assert close(found[recipe].state.ema, alone.ema)
        assert int(found[recipe].state.step) == recipe.iterations
        nets.append(found[recipe].state.ema)
    assert not close(nets[0], nets[1])


def test_other_shapes_are_other_programs():
    others = [replace(TINY, spec=Spec("A", 9, 1)), replace(TINY, batch=65), replace(TINY, data="subset=8")]
    assert [len(group) for group in ensemble.groups([TINY, *others, replace(TINY, seed=1)])] == [2, 1, 1, 1]


def test_lengths_alone_are_one_training():
    recipes = [replace(TINY, iterations=length) for length in (7, 12, 3)]
    assert ensemble.runs(recipes) == {recipes[1]: recipes}
    steps = [int(now.state.step) for step in ensemble.train([recipes[1]], every=5, stops=(3, 7)) for now in step]
    assert steps == [3, 5, 7, 10, 12]


def test_a_training_that_is_done_leaves_the_others_as_they_are():
    short, long = replace(TINY, iterations=4, seed=1, data_seed=5), replace(TINY, data_seed=5)
    found = ends([short, long])
    assert (int(found[short].state.step), int(found[long].state.step)) == (4, 12)
    assert close(found[long].state, ends([long])[long].state)


def test_resumed_as_uninterrupted():
    recipes = TOGETHER["one stream"]
    first = {now.recipe: now.state for now in next(ensemble.train(recipes, every=5))}
    whole = ends(recipes)
    for recipe, now in ends(recipes, states=first).items():
        assert close(now.state, whole[recipe].state)


def test_devices_share_the_work():
    code = """
import numpy as np
from dataclasses import replace
import jax
from models import ensemble
from toy import distributions
from toy.densities import GaussianMixture
centres, spreads = np.array([[[0.5, 0.2]], [[-0.3, -0.4]]]), np.array([0.04 * np.eye(2), 0.01 * np.eye(2)])
blobs = GaussianMixture.of(np.array([[0.6], [0.4]]), centres, spreads)
distributions.mixture = lambda classes: blobs
from models.training import Recipe
from models.mlp import Spec
recipes = [Recipe(Spec("A", 8, 1), iterations=12, batch=64, seed=seed, data_seed=5) for seed in range(3)]
*_, last = ensemble.train(recipes, every=5)
print(jax.device_count(), [float(now.losses[-1]) for now in last])
"""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"XLA_FLAGS": flags}, capture_output=True, text=True, check=True
    )
    devices, losses = done.stdout.strip().split(" ", 1)
    assert (int(devices), jax.device_count()) == (2, 1)
    here = [float(now.losses[-1]) for now in ends(TOGETHER["one stream"]).values()]
    np.testing.assert_allclose(json.loads(losses), here, rtol=1e-3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    return tmp_path


def test_many_are_kept_with_what_they_were_trained_by(folder):
    recipes = [*TOGETHER["one stream"], replace(TINY, data_seed=5, iterations=7)]
    told = []
    paths = runs.train_many(recipes, command="test", report=told.append)
    assert told[0] == Progress("training", 0, 36)
    assert told[-1] == Progress("training", 36, 36)
    for path, recipe in zip(paths, recipes, strict=True):
        _, header = checkpoint.read(path)
        assert checkpoint.recipe_of(header) == recipe
        assert header["step"] == recipe.iterations
    assert not list(folder.rglob(".*.state"))
    before = [path.stat().st_mtime_ns for path in paths]
    assert runs.train_many(recipes) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_interrupted_it_goes_on_where_it_was(folder, monkeypatch):
    recipes = TOGETHER["one stream"]
    real = ensemble.train

    def stop(now: Progress) -> None:
        if now.done == 36 - 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(ensemble, "train", lambda *given, **options: real(*given, **options, every=5))
    with pytest.raises(KeyboardInterrupt):
        runs.train_many(recipes, report=stop)
    monkeypatch.setattr(ensemble, "train", real)
    told = []
    paths = runs.train_many(recipes, report=told.append)
    assert told[0].done > 0
    for path, recipe in zip(paths, recipes, strict=True):
        assert close(checkpoint.load(path), ends([recipe])[recipe].state.ema)


def test_what_diverged_is_named_and_the_rest_kept(folder, monkeypatch):
    recipes = TOGETHER["one stream"]
    real = ensemble.train

    def diverge(*given, **options):
        for step in real(*given, **options):
            yield [replace(now, losses=now.losses * np.nan) if now.recipe == recipes[1] else now for now in step]

    monkeypatch.setattr(ensemble, "train", diverge)
    with pytest.raises(ValueError, match=f"1 of 3 trainings diverged: {stored.trained_path(recipes[1]).stem}"):
        runs.train_many(recipes)
    assert [stored.trained_path(recipe).is_file() for recipe in recipes] == [True, False, True]


def test_names_are_trained_together(folder):
    names = ["A8@3~depth=1~data_seed=4", "A8@3#1~depth=1~data_seed=4", "A8@3~depth=1~trained_dropout=0.1"]
    assert all(len(zoo.missing(name)) == 1 for name in names)
    runs.train_many(recipe for name in names for recipe in zoo.missing(name))
    for name in names:
        assert zoo.missing(name) == []
        assert [layer.shape for layer in zoo.load(name).layers] == [(4, 8), (8, 8)]


def test_a_network_without_a_density_says_so(folder):
    (path,) = runs.train_many([TOGETHER["denoisers"][0]])
    net = zoo.load(str(path))
    assert isinstance(net, VectorMLP)
    assert net.score(jnp.zeros((3, 2)), 0.1).shape == (3, 2)
    with pytest.raises(ValueError, match="predicts the denoiser has no log-density"):
        net.logp(jnp.zeros((3, 2)), 0.1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A64@4096", "A64@4096", True),
        ("A64@4096", "A64@4096#1", False),
        ("A64@4096", "A64@512", False),
        ("A64@4096", "A64@4096~dropout=0.1", False),
        ("A64@4096~dropout=0.1", "A64@4096~dropout=0.1~seed=0", True),
        ("A64@4096~depth=4", "A64@4096", True),
        ("exact:A", "exact:AB", False),
        ("dns:exact:A,exact:AB", "dns:exact:B,exact:AB", False),
    ],
)
def test_identity_is_how_a_density_is_made(one, other, same):
    first, second = (json.dumps(zoo.identity(name), sort_keys=True) for name in (one, other))
    assert (first == second) is same


def test_identity_of_a_file_is_what_is_in_it(folder):
    one, two = runs.train_many(TOGETHER["one stream"][:2])
    for path, name in ((one, "mine"), (one, "copy"), (two, "other")):
        (folder / f"{name}.safetensors").write_bytes(path.read_bytes())
    assert zoo.identity("kept:mine") == zoo.identity("kept:copy") != zoo.identity("kept:other")


def test_a_grid_is_every_combination():
    found = ensemble.grid(ensemble.axes_of("width=8,16 seed=0,1 iterations=5,5"), depth=1, width=3)
    assert found == [Recipe(Spec("A", w, 1), iterations=5, seed=s) for w in (8, 16) for s in (0, 1)]


def test_a_grid_of_a_file(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text('width = 8\ndata = ["", "subset=9"]\nlearning_rate = [0.001]\n')
    common = Recipe(Spec("A", 8), learning_rate=0.001)
    assert ensemble.grid(ensemble.axes_of(str(path))) == [common, replace(common, data="subset=9")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("widht=8", "unknown axis 'widht' of a grid; have: classes, width,"),
        ("width=8,x", "width = x is not a whole number from 1 to 1024"),
        ("seed=0.5", "seed = 0.5 is not a whole number"),
        ("classes=C", "C"),
        ("data=magic", "unknown degradation 'magic'"),
        ("width=", "width =  is not a whole number"),
        ("none.toml", "cannot read the grid 'none.toml'"),
        ("seed=" + ",".join(map(str, range(101))) + " width=" + ",".join(map(str, range(1, 101))), "a grid of 10100"),
    ],
)
def test_a_bad_grid_is_one_sentence(text, words):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        ensemble.grid(ensemble.axes_of(text))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "name", ["A8@40#0", "AB16@300#5~depth=2", "A8@40#1~trained_dropout=0.1~learning_rate=0.002~data_seed=3~subset=9"]
)
def test_a_recipe_has_a_name(name):
    (recipe,) = zoo.missing(name)
    assert zoo.missing(zoo.name_of(recipe)) == [recipe]
    assert zoo.name_of(replace(recipe, batch=64)) is None


def test_what_is_shipped_is_not_trained_again(folder):
    (path,) = runs.train_many([Recipe(Spec("A", 64), iterations=512)])
    assert path == stored.snapshot("A64", 512)
