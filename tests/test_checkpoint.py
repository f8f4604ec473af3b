"""A network comes back as it was saved; any other file is one sentence with its path."""

import io
import json
import pickle
import zipfile
from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from models import checkpoint, training
from models.checkpoint import CheckpointError
from models.mlp import EnergyMLP, Spec
from models.training import Recipe

RECIPE = Recipe(Spec("AB", 8, 2), iterations=12, seed=3, batch=64)


@pytest.fixture(scope="module")
def net() -> EnergyMLP:
    """A network with weights of its own."""
    return EnergyMLP(RECIPE.spec, rngs=nnx.Rngs(5))


@pytest.fixture
def saved(net, tmp_path):
    """That network in a file."""
    path = tmp_path / "net.safetensors"
    checkpoint.save(path, net, RECIPE, step=12, loss=0.25, command="python -m toy train")
    return path


def refused(path, words: str, load=checkpoint.load) -> None:
    """Loading is one sentence that has the path and the words."""
    with pytest.raises(CheckpointError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert repr(str(path)) in message
    assert words in message
    assert len(message) < 600
    assert isinstance(caught.value, ValueError)


def rewrite(path, *, change=None, header=None, metadata=None) -> None:
    """Write the file again with other tensors or another header."""
    with safe_open(path, framework="numpy") as file:
        old = json.loads(file.metadata()["header"])
    tensors = load_file(path)
    if change:
        change(tensors)
    text = json.dumps(old | header) if isinstance(header, dict) else header or json.dumps(old)
    save_file(tensors, path, metadata={"header": text} if metadata is None else metadata)


def test_network_comes_back_to_the_last_bit(net, saved):
    loaded = checkpoint.load(saved)
    assert jax.tree.structure(loaded) == jax.tree.structure(net)
    for found, wanted in zip(jax.tree.leaves(loaded), jax.tree.leaves(net), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    x, sigma = jnp.ones((3, 2)), jnp.float32(0.3)
    np.testing.assert_array_equal(loaded.logp(x, sigma), net.logp(x, sigma))


def test_training_state_comes_back_to_the_last_bit(tmp_path):
    state = training.start(RECIPE)
    noisy = jax.tree.map(lambda a: a + 3 if a.ndim == 0 else a + jnp.arange(a.size).reshape(a.shape) / 7, state)
    checkpoint.save(tmp_path / "state", noisy, RECIPE)
    loaded = checkpoint.load_state(tmp_path / "state", RECIPE)
    assert jax.tree.structure(loaded) == jax.tree.structure(noisy)
    for found, wanted in zip(jax.tree.leaves(loaded), jax.tree.leaves(noisy), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


def test_header_says_what_made_the_file(saved):
    tensors, header = checkpoint.read(saved)
    assert header["recipe"] == asdict(RECIPE)
    assert (header["step"], header["loss"], header["command"]) == (12, 0.25, "python -m toy train")
    assert set(header["versions"]) >= {"jax", "flax", "optax", "numpy"}
    assert header["versions"]["jax"] == jax.__version__
    assert checkpoint.recipe_of(header) == RECIPE
    assert set(tensors) == {"layers.0", "layers.1", "layers.2", "gain"}


def test_file_is_safetensors_without_pickle(saved):
    raw = saved.read_bytes()
    assert not zipfile.is_zipfile(io.BytesIO(raw))
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(raw)
    length = int.from_bytes(raw[:8], "little")
    assert set(json.loads(raw[8 : 8 + length])) == {"__metadata__", "layers.0", "layers.1", "layers.2", "gain"}


def test_same_network_same_bytes(net, saved, tmp_path):
    again = tmp_path / "again.safetensors"
    checkpoint.save(again, net, RECIPE, step=12, loss=0.25, command="python -m toy train")
    assert again.read_bytes() == saved.read_bytes()


def test_failed_save_leaves_the_old_file(net, saved):
    before = saved.read_bytes()
    with pytest.raises(TypeError):
        checkpoint.save(saved, net, RECIPE, loss=object())
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_file_cut_short(saved, share):
    raw = saved.read_bytes()
    saved.write_bytes(raw[: int(share * len(raw))])
    refused(saved, "damaged or no safetensors file")


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes(saved, seed):
    saved.write_bytes(np.random.default_rng(seed).bytes(4000))
    refused(saved, "damaged or no safetensors file")


def test_pickle_is_not_run(saved):
    saved.write_bytes(pickle.dumps({"a": 1}))
    refused(saved, "damaged or no safetensors file")


def test_missing_file(tmp_path):
    refused(tmp_path / "none.safetensors", "does not exist")


def test_folder(tmp_path):
    refused(tmp_path, "")


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"header": "{}"}, {"header": "[]"}, {"header": "3"}])
def test_safetensors_file_of_another_program(saved, metadata):
    rewrite(saved, metadata=metadata)
    refused(saved, "was not written by this program")


@pytest.mark.parametrize("header", ["{", "\x00", "[" * 100_000])
def test_header_that_is_no_json(saved, header):
    rewrite(saved, header=header)
    refused(saved, "")


def test_later_format(saved):
    rewrite(saved, header={"format": "guidance-explorer/99"})
    refused(saved, "was not written by this program")


BAD_RECIPES = [
    None,
    3,
    [],
    {},
    "A64",
    {"spec": None},
    {"spec": {"classes": "C"}},
    {"spec": {"classes": "A", "width": "wide"}},
    {"spec": {"classes": "A", "width": -8}},
    {"spec": {"classes": "A", "width": 10**9}},
    {"spec": {"classes": "A", "width": 8.5}},
    {"spec": {"classes": "A", "width": None}},
    {"spec": {"classes": ["A"]}},
    {"spec": {"classes": "A"}, "iterations": "many"},
    {"spec": {"classes": "A"}, "loss": "mse"},
    {"spec": {"classes": "A"}, "colour": "red"},
    {"spec": {"classes": "A", "heads": 2}},
]


@pytest.mark.parametrize("recipe", BAD_RECIPES, ids=str)
def test_recipe_that_cannot_be_read(saved, recipe):
    rewrite(saved, header={"recipe": recipe})
    refused(saved, "has no usable recipe")


@pytest.mark.parametrize("spec", [Spec("AB", 9, 2), Spec("AB", 8, 3), Spec("AB", 8, 1)])
def test_recipe_of_another_architecture(saved, spec):
    rewrite(saved, header={"recipe": asdict(replace(RECIPE, spec=spec))})
    refused(saved, "is of another architecture")


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("gain"),
        lambda tensors: tensors.update(extra=np.zeros(1, np.float32)),
        lambda tensors: tensors.update(gain=np.zeros(1, np.float32)),
        lambda tensors: tensors.update({"layers.0": tensors["layers.0"].T.copy()}),
    ],
)
def test_tensors_of_another_architecture(saved, change):
    rewrite(saved, change=change)
    refused(saved, "is of another architecture")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(saved, bad):
    def change(tensors):
        tensors["layers.1"][2, 3] = bad

    rewrite(saved, change=change)
    refused(saved, "not finite")


def test_state_is_no_network_and_a_network_no_state(saved, tmp_path):
    checkpoint.save(tmp_path / "state", training.start(RECIPE), RECIPE)
    refused(tmp_path / "state", "is of another architecture")
    refused(saved, "is of another architecture", lambda path: checkpoint.load_state(path, RECIPE))


@pytest.mark.parametrize("change", [{"seed": 4}, {"iterations": 13}, {"batch": 32}, {"loss": "denoising"}])
def test_state_of_another_recipe(tmp_path, change):
    checkpoint.save(tmp_path / "state", training.start(RECIPE), RECIPE)
    other = replace(RECIPE, **change)
    refused(tmp_path / "state", "belongs to another recipe", lambda path: checkpoint.load_state(path, other))
