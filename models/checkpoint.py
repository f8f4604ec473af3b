"""Networks as safetensors files: dotted parameter names, what made them as JSON in the metadata, no pickle."""

import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialised

from models import training
from models.mlp import Predictor, Spec, network
from toy import inputs
from toy.files import put
from toy.inputs import Json

FORMAT = "guidance-explorer/1"
MOST_HEADER = 2**20  # bytes


class CheckpointError(ValueError):
    """A file that is no checkpoint of ours, in one sentence."""


def tensors(tree: PyTree) -> dict[str, np.ndarray]:
    """Leaves of a pytree by dotted name."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def _name(path: tuple[object, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value").replace(".value.", ".")


def save(path: str | Path, tree: PyTree, recipe: training.Recipe, **facts: object) -> None:
    """Write a network or a whole training state, with its recipe and ``facts`` (step, loss, command)."""
    header = {
        "format": FORMAT,
        "recipe": asdict(recipe),
        "versions": {name: version(name) for name in ("jax", "flax", "optax", "numpy")},
        **facts,
    }
    data = serialised(tensors(tree), metadata={"header": json.dumps(header, sort_keys=True)})
    put(path, data)


@dataclass(frozen=True)
class Described:
    """What a file says that it holds: our header, and of each tensor its type and shape. No tensor has been read."""

    header: Json
    tensors: dict[str, tuple[str, tuple[int, ...]]]


def describe(path: str | Path) -> Described:
    """Read a file's first bytes alone; CheckpointError where it is damaged or not ours."""
    path = Path(path)
    if not os.path.isfile(path):  # unlike Path.is_file it takes any name
        raise CheckpointError(f"checkpoint {str(path)!r} does not exist")
    try:
        with path.open("rb") as file:
            length, size = int.from_bytes(file.read(8), "little"), path.stat().st_size
            if not 0 < length <= min(MOST_HEADER, size - 8):
                raise ValueError(f"its header would have {length} bytes")
            words = inputs.plain_json(file.read(length))
        header = inputs.plain_json(words.pop("__metadata__", {}).get("header", "{}"))
        found = {name: (str(each["dtype"]), tuple(each["shape"])) for name, each in words.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"checkpoint {str(path)!r} is damaged or no safetensors file: {reason}") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"checkpoint {str(path)!r} was not written by this program (no {FORMAT!r} header)")
    step = header.get("step")
    if step is not None and not (type(step) is int and 0 <= step <= training.MOST_ITERATIONS):
        raise CheckpointError(f"checkpoint {str(path)!r} says step = {step!r}, which is no number of iterations")
    return Described(header, found)


def read(path: str | Path) -> tuple[dict[str, np.ndarray], Json]:
    """Return the tensors and the header of a file; CheckpointError where it is damaged or not ours."""
    header = describe(path).header
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"checkpoint {str(path)!r} is damaged or no safetensors file: {reason}") from None


def recipe_of(header: Json, path: str | Path = "") -> training.Recipe:
    """The recipe in a header; CheckpointError where it has none that can be trained."""
    try:
        recipe = dict(header["recipe"])
        return training.Recipe(**{**recipe, "spec": Spec(**recipe["spec"])})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {str(path)!r} has no usable recipe: {error}") from None


def load(path: str | Path) -> Predictor:
    """Read a network; CheckpointError where the file is damaged, foreign or of another architecture."""
    described = describe(path)
    spec = recipe_of(described.header, path).spec
    blank: Predictor = jax.eval_shape(lambda: network(spec, rngs=nnx.Rngs(0)))
    return _fill(blank, described, path)


def load_state(path: str | Path, recipe: training.Recipe) -> training.State:
    """Read a training state to resume from; CheckpointError where it belongs to another recipe."""
    described = describe(path)
    if recipe_of(described.header, path) != recipe:
        raise CheckpointError(f"training state {str(path)!r} belongs to another recipe: {described.header['recipe']}")
    blank: training.State = jax.eval_shape(lambda: training.start(recipe))
    state = _fill(blank, described, path)
    if not 0 <= int(state.step) <= recipe.iterations:
        raise CheckpointError(f"training state {str(path)!r} is at step {int(state.step)} of {recipe.iterations}")
    return state


T = TypeVar("T")
TYPES = {"float32": "F32", "int32": "I32", "uint32": "U32"}  # as safetensors calls what networks and states hold


def _fill(blank: T, described: Described, path: str | Path) -> T:
    """Put the tensors into a pytree of the same names, types and shapes; they are read only where these agree."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(blank)
    wanted = {_name(key): leaf for key, leaf in leaves}
    have = described.tensors
    if set(have) != set(wanted) or any(have[name][1] != leaf.shape for name, leaf in wanted.items()):
        raise CheckpointError(f"checkpoint {str(path)!r} is of another architecture than its recipe says")
    for name, leaf in wanted.items():
        if have[name][0] != TYPES[str(leaf.dtype)]:
            words = f"holds {name!r} as {have[name][0]}, and not as {TYPES[str(leaf.dtype)]}"
            raise CheckpointError(f"checkpoint {str(path)!r} {words}")
    found, _ = read(path)
    if not all(np.isfinite(found[name]).all() for name in wanted):
        raise CheckpointError(f"checkpoint {str(path)!r} holds values that are not finite")
    filled: T = jax.tree.unflatten(structure, [jnp.asarray(found[n], leaf.dtype) for n, leaf in wanted.items()])
    return filled
