"""Names lead to densities."""

import json
import re
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import models
from models import checkpoint, stored, zoo
from models.checkpoint import CheckpointError
from models.mlp import EnergyMLP, Spec
from models.training import Recipe
from toy import distributions
from toy.densities import Density, GaussianMixture
from toy.names import NETWORK
from toy.scene import ROLE_DEFAULTS
from toy.views import score_on

SHIPPED = [name for name in zoo.names() if ":" not in name]


def save(path, *, seed: int = 0) -> EnergyMLP:
    """Write an untrained network."""
    spec = Spec("B", 8, 1)
    net = EnergyMLP(spec, rngs=nnx.Rngs(seed))
    checkpoint.save(path, net, Recipe(spec, seed=seed), step=0, loss=1.0, command="")
    return net


def test_everything_that_is_promised_is_shipped():
    wanted = {f"{c}{w}@{s}" for c, w in (("A", 64), ("A", 32), ("A", 16)) for s in (256, 512, 1024, 2048, 4096)}
    wanted |= {f"A64@{s}#{seed}" for s in (256, 512, 1024, 2048, 4096) for seed in (1, 2)}
    wanted |= {f"{name}@4096" for name in ("AB64", "AB32", "B64")} | {"AB32@512"}
    assert wanted <= set(SHIPPED)
    assert set(ROLE_DEFAULTS.values()) <= set(zoo.names())


def test_exact_names_come_first_then_by_class_width_seed_and_step():
    names = models.names()
    assert names[:3] == ["exact:A", "exact:B", "exact:AB"]
    assert len(set(names)) == len(names)

    def order(name: str) -> tuple:
        match = NETWORK.fullmatch(name)
        return (match["classes"], -int(match["width"]), int(match["seed"] or 0), int(match["iterations"]))

    assert sorted(SHIPPED, key=order) == SHIPPED


def test_half_written_files_and_others_are_not_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "WEIGHTS", tmp_path / "shipped")
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path / "kept"))
    for folder in ("shipped", "kept"):
        (tmp_path / folder).mkdir()
        for name in ("A8@2", "A8@10", ".A8@2-x7"):
            (tmp_path / folder / f"{name}.safetensors").touch()
        (tmp_path / folder / ".A8@9.safetensors.state").touch()
    assert zoo.names()[3:] == ["A8@2", "A8@10", "kept:A8@10", "kept:A8@2"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_network(name):
    density = models.load(name)
    match = NETWORK.fullmatch(name)
    assert isinstance(density, Density)
    assert isinstance(density, EnergyMLP)
    assert density.normalised
    assert {layer.shape[1] for layer in density.layers} == {int(match["width"])}
    assert len(density.layers) == 1 + 4
    assert zoo.classes_of(name) == match["classes"]
    assert models.load(name) is density
    assert np.isfinite(score_on(density, jnp.array([[0.3, 0.2], [40.0, -30.0]]), jnp.float32(0.002))).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_file_says_how_it_was_made(name):
    path = stored.WEIGHTS / f"{name}.safetensors"
    _, header = checkpoint.read(path)
    said = NETWORK.fullmatch(name)
    assert (header["recipe"]["spec"]["classes"], header["step"]) == (said["classes"], int(said["iterations"]))
    assert header["step"] <= header["recipe"]["iterations"]
    assert header["command"].startswith("python -m ")
    assert {"jax", "flax", "optax", "numpy"} <= set(header["versions"])
    assert 0 < header["loss"] < 0.2
    assert path.stat().st_size < 100_000


def test_three_seeds_are_three_networks():
    gains = {float(models.load(f"A64@4096{suffix}").gain[...]) for suffix in ("", "#1", "#2")}
    assert len(gains) == 3


@pytest.mark.parametrize(
    ("name", "low", "high"), [("A64@4096", 0.007, 0.013), ("A32@512", 0.028, 0.046), ("AB32@512", 0.032, 0.052)]
)
def test_training_loss_is_the_papers(name, low, high):
    _, header = checkpoint.read(stored.WEIGHTS / f"{name}.safetensors")
    assert low < header["loss"] < high


@pytest.mark.parametrize("classes", distributions.targets())
def test_exact_name(classes):
    density = models.load(f"exact:{classes}")
    assert isinstance(density, GaussianMixture)
    assert set(density.labels) == set(classes)
    assert zoo.classes_of(f"exact:{classes}") == classes


@pytest.mark.parametrize(
    ("name", "have"),
    [
        *((name, "have: exact:A, exact:B, exact:AB") for name in ("exact:C", "exact:", "exact:a", "exact:BA")),
        ("exact:../A", r"unknown distribution '\.\.'; have: tree, moons, "),
        ("exact:moons/C", "have: exact:moons/A, exact:moons/B, exact:moons/AB"),
        ("exact:moons:width=9/A", "width = 9 is not a number from 0.01 to 0.3"),
        ("exact:moons:speed=9/A", "'speed=9' does not go with distribution 'moons'; it takes: width"),
    ],
)
def test_unknown_exact_name_lists_the_legal_ones(name, have):
    for ask in (models.load, zoo.classes_of):
        with pytest.raises(ValueError, match=f"unknown density {re.escape(repr(name))}; {have}"):
            ask(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A64",
        "A64@",
        "C64@4096",
        "a64@4096",
        "A64@4096 ",
        "../x",
        "../weights/A64@4096",
        "/etc/passwd",
        ".",
    ],
)
def test_unknown_name_lists_what_there_is(name):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        models.load(name)
    assert not isinstance(caught.value, CheckpointError)
    message = str(caught.value)
    assert message.startswith(f"unknown density {name!r}; have: ")
    nearest, count = re.search(r"have: (.+) and (\d+) more, or a \.safetensors file$", message).groups()
    assert set(nearest.split(", ")) <= set(models.names())
    assert len(nearest.split(", ")) + int(count) == len(models.names())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("A0@5", "width = 0 is not a whole number from 1 to 1024"),
        ("A64@0", "iterations = 0 is not a whole number from 1 to 1000000"),
        ("A64@2000000", "iterations = 2000000 is not a whole number from 1 to 1000000"),
    ],
)
def test_network_that_cannot_be_trained_is_refused(name, words):
    for ask in (models.load, zoo.classes_of, zoo.missing, zoo.check):
        with pytest.raises(ValueError, match=f"^{words}$"):
            ask(name)


@pytest.mark.parametrize("name", ["A24@512", "A64@7", "AB16@300#5", "A64@256~depth=2"])
def test_network_that_is_not_trained_says_how_to_train_it(tmp_path, monkeypatch, name):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    (recipe,) = zoo.missing(name)
    words = f"density {name!r} has to be trained first ({recipe.iterations} iterations): python -m models.zoo "
    with pytest.raises(ValueError, match=f"^{re.escape(words)}[^\n]+$"):
        models.load(name)
    zoo.check(name)
    assert zoo.classes_of(name) == recipe.spec.classes
    assert list(tmp_path.iterdir()) == []


def test_network_trained_on_demand_has_the_recipe_of_its_shipped_kin():
    (longer,) = zoo.missing("A32@700~depth=2")
    assert longer == replace(stored.SHIPPED["A32"], iterations=700, spec=Spec("A", 32, 2))
    assert zoo.missing("A32@512#1") == []  # the shipped one is of seed 1
    assert models.load("A32@512#1") is models.load("A32@512")
    assert models.load("A64@4096~depth=4") is models.load("A64@4096")


@pytest.mark.parametrize("name", ["none.safetensors", "../x.safetensors~dropout=0.1", "dns:exact:A,x.safetensors"])
def test_name_from_elsewhere_is_no_path(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"^unknown density '[^']*x?.safetensors"):
        zoo.check(name)


@pytest.mark.parametrize("name", ["none.safetensors", "../x.safetensors", "A64@4096#77.safetensors"])
def test_path_that_is_not_there(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"^checkpoint '.*' does not exist$"):
        models.load(name)


def test_path_loads(tmp_path, monkeypatch):
    path = tmp_path / "my net.safetensors"
    net = save(path)
    monkeypatch.chdir(tmp_path)
    x, sigma = jnp.array([[0.1, 0.2], [1.0, -1.0]]), jnp.float32(0.4)
    for name in (str(path), "my net.safetensors"):
        np.testing.assert_allclose(models.load(name).score(x, sigma), net.score(x, sigma), rtol=1e-4, atol=1e-5)
        assert zoo.classes_of(name) == "B"


def test_file_that_was_trained_again_is_read_again(tmp_path):
    path = tmp_path / "net.safetensors"
    save(path, seed=0)
    old = models.load(str(path))
    save(path, seed=1)
    assert not np.array_equal(models.load(str(path)).layers[0][...], old.layers[0][...])


def test_damaged_path_is_one_sentence(tmp_path):
    path = tmp_path / "net.safetensors"
    save(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(CheckpointError, match=r"^checkpoint '.*net\.safetensors' is damaged[^\n]*$"):
        models.load(str(path))


def test_cast():
    cast = models.cast({"main": "exact:A", "weak": "exact:B"}.items())
    assert cast == {"main": distributions.mixture("A"), "weak": distributions.mixture("B")}
    with pytest.raises(ValueError, match="unknown density 'exact:D'"):
        models.cast([("main", "exact:A"), ("weak", "exact:D")])


@pytest.mark.parametrize(("classes", "sigma"), [("A", 0.0), ("A", 0.03), ("B", 0.5), ("AB", 5.0)])
def test_probe_of_an_exact_density_is_exact(reference, classes, sigma):
    at = np.array([(0.0824, 0.1277), (0.45, 1.22), (-0.3, -0.4), (3.0, -2.0), (50.0, 0.0)])
    rows = zoo.probe(f"exact:{classes}", sigma, at)
    assert [(row["x"], row["y"], row["sigma"]) for row in rows] == [(x, y, sigma) for x, y in at]
    np.testing.assert_allclose([row["logp"] for row in rows], reference(classes).logp(at, sigma), rtol=1e-9)
    np.testing.assert_allclose(
        [row["score"] for row in rows], reference(classes).score(at, sigma), rtol=1e-7, atol=1e-9
    )
    json.dumps(rows, allow_nan=False)


def test_probe_in_double_precision_leaves_single_precision_alone():
    zoo.probe("exact:A", 0.1, np.zeros((1, 2)))
    assert distributions.mixture("A").logp(jnp.zeros((1, 2)), jnp.float32(0.1)).dtype == jnp.float32
    assert jnp.zeros(1).dtype == jnp.float32


def test_probe_of_a_degraded_density():
    at = np.array([[0.3, 0.2]])
    (exact,) = zoo.probe("exact:A~blur=0.3", 0.4, at)
    (wanted,) = zoo.probe("exact:A", 0.5, at)
    assert exact["score"] == pytest.approx(wanted["score"], rel=1e-4)
    assert exact["logp"] == pytest.approx(wanted["logp"], rel=1e-4)
    assert "up_to_constant" not in exact
    (net,) = zoo.probe("A64@4096~dropout=0.02", 0.5, at)
    assert net["up_to_constant"] is True


def test_probe_of_a_network_says_that_logp_has_a_free_constant():
    (row,) = zoo.probe("A64@4096", 0.5, np.array([[0.3, 0.2]]))
    assert row["up_to_constant"] is True
    density = models.load("A64@4096")
    np.testing.assert_allclose(
        row["score"], density.score(jnp.array([0.3, 0.2]), jnp.float32(0.5)), rtol=1e-4, atol=1e-5
    )


def test_normalised_probe_of_a_good_network_is_near_the_truth():
    at = np.array([[0.3, 0.2], [0.45, 1.0], [0.0, 0.0]])
    rows = zoo.probe("A64@4096", 0.5, at, normalise=True)
    assert all(row["up_to_constant"] is False and row["normalisation_error"] < 1e-3 for row in rows)
    exact = [row["logp"] for row in zoo.probe("exact:A", 0.5, at)]
    np.testing.assert_allclose([row["logp"] for row in rows], exact, atol=0.1)
