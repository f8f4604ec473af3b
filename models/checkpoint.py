"""Networks as safetensors files: dotted parameter names, what made them as JSON in the metadata, no pickle."""

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialised

from models import training
from models.mlp import Predictor, Spec, network
from toy.files import replacing

FORMAT = "guidance-explorer/1"


class CheckpointError(ValueError):
    """A file that is no checkpoint of ours, in one sentence."""


def tensors(tree: Any) -> dict[str, np.ndarray]:
    """Leaves of a pytree by dotted name."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value").replace(".value.", ".")


def save(path: str | Path, tree: Any, recipe: training.Recipe, **facts: Any) -> None:
    """Write a network or a whole training state, with its recipe and ``facts`` (step, loss, command)."""
    header = {
        "format": FORMAT,
        "recipe": asdict(recipe),
        "versions": {name: version(name) for name in ("jax", "flax", "optax", "numpy")},
        **facts,
    }
    data = serialised(tensors(tree), metadata={"header": json.dumps(header, sort_keys=True)})
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def read(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the tensors and the header of a file; CheckpointError where it is damaged or not ours."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"checkpoint {str(path)!r} does not exist")
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("header", "{}"))
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"checkpoint {str(path)!r} is damaged or no safetensors file: {reason}") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"checkpoint {str(path)!r} was not written by this program (no {FORMAT!r} header)")
    return found, header


def recipe_of(header: dict[str, Any], path: str | Path = "") -> training.Recipe:
    """The recipe in a header; CheckpointError where it has none that can be trained."""
    try:
        recipe = dict(header["recipe"])
        return training.Recipe(**{**recipe, "spec": Spec(**recipe["spec"])})
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"checkpoint {str(path)!r} has no usable recipe: {error}") from None


def load(path: str | Path) -> Predictor:
    """Read a network; CheckpointError where the file is damaged, foreign or of another architecture."""
    found, header = read(path)
    spec = recipe_of(header, path).spec
    blank = jax.eval_shape(lambda: network(spec, rngs=nnx.Rngs(0)))
    return _fill(blank, found, path)


def load_state(path: str | Path, recipe: training.Recipe) -> training.State:
    """Read a training state to resume from; CheckpointError where it belongs to another recipe."""
    found, header = read(path)
    if recipe_of(header, path) != recipe:
        raise CheckpointError(f"training state {str(path)!r} belongs to another recipe: {header['recipe']}")
    return _fill(jax.eval_shape(lambda: training.start(recipe)), found, path)


def _fill(blank: Any, found: dict[str, np.ndarray], path: str | Path) -> Any:
    """Put the tensors into a pytree of the same names and shapes."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(blank)
    wanted = {_name(key): leaf for key, leaf in leaves}
    if set(found) != set(wanted) or any(found[n].shape != leaf.shape for n, leaf in wanted.items()):
        raise CheckpointError(f"checkpoint {str(path)!r} is of another architecture than its recipe says")
    if not all(np.isfinite(found[name]).all() for name in wanted):
        raise CheckpointError(f"checkpoint {str(path)!r} holds values that are not finite")
    return jax.tree.unflatten(structure, [jnp.asarray(found[n], leaf.dtype) for n, leaf in wanted.items()])
