"""Many trainings as one compiled program: stacked along a leading axis, spread over all devices.

What one program trains may differ in seed, data seed, length, learning rate, dropout, noise levels and, where the data
are of one size, in the data. Networks of another shape, batch or loss are another program. Trainings that share data
and data seed share every batch, and so the cost of the true score, which is most of a small network's iteration.
"""

import itertools
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, PyTree

from models import training
from models.mlp import Spec
from models.training import SNAPSHOT_EVERY, Recipe, State
from toy import inputs
from toy.densities import GaussianMixture


@dataclass(frozen=True)
class Now:
    """Where a training of an ensemble is: its ``state`` after the last iteration, and the losses of the last ones."""

    recipe: Recipe
    state: State
    losses: np.ndarray


MOST = 10_000  # networks in one grid
SPEC = ("classes", "width", "depth", "parametrisation")


def grid(axes: Mapping[str, Sequence[Any]], **shared: Any) -> list[Recipe]:
    """Every combination of the axes' values, names as in Recipe and Spec; ``shared`` are those of all.

    ValueError, one sentence, names what is no such name, or cannot be trained.
    """
    have = (*SPEC, *(part.name for part in fields(Recipe) if part.name != "spec"))
    for name in (*axes, *shared):
        if name not in have:
            raise ValueError(f"unknown axis {name!r} of a grid; have: {', '.join(have)}")
    count = math.prod(len(values) for values in axes.values())
    if not 1 <= count <= MOST:
        raise ValueError(f"a grid of {count} networks is not one of 1 to {MOST}")
    found = []
    for values in itertools.product(*axes.values()):
        chosen = {**shared, **dict(zip(axes, values, strict=True))}
        spec = Spec(**{name: chosen.pop(name) for name in SPEC if name in chosen})
        found.append(Recipe(spec, **chosen))
    return list(dict.fromkeys(found))


def axes_of(text: str) -> dict[str, list[Any]]:
    """The axes of a TOML file, or of words such as 'width=8,16 seed=0,1,2'; ValueError where it cannot be read."""
    if text.endswith(".toml"):
        try:
            given = inputs.toml(inputs.text(text))
        except ValueError as error:
            raise ValueError(f"cannot read the grid {text!r}: {error}") from None
    else:
        pairs = [word.partition("=") for word in text.split()]
        given = {name: [_value(part) for part in values.split(",")] for name, _, values in pairs}
    return {name: each if isinstance(each, list) else [each] for name, each in given.items()}


def _value(text: str) -> str | int | float:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def runs(recipes: Sequence[Recipe]) -> dict[Recipe, list[Recipe]]:
    """The trainings that give all recipes: those that differ in their length alone are one, stopped on the way."""
    found: dict[Recipe, list[Recipe]] = {}
    for recipe in dict.fromkeys(recipes):
        found.setdefault(replace(recipe, iterations=1), []).append(recipe)
    return {max(group, key=lambda recipe: recipe.iterations): group for group in found.values()}


def groups(recipes: Sequence[Recipe], states: Mapping[Recipe, State] | None = None) -> list[list[Recipe]]:
    """The recipes by program: of one shape, data of one size, and at the same iteration."""
    found: dict[Hashable, list[Recipe]] = {}
    for recipe in recipes:
        step = int(states[recipe].step) if states and recipe in states else 0
        shapes = tuple(leaf.shape for leaf in jax.tree.leaves(recipe.density()))
        found.setdefault((training.in_common(recipe), recipe.spec.classes, shapes, step), []).append(recipe)
    return list(found.values())


def train(
    recipes: Sequence[Recipe],
    states: Mapping[Recipe, State] | None = None,
    *,
    every: int = SNAPSHOT_EVERY,
    stops: Collection[int] = (),
) -> Iterator[list[Now]]:
    """Yield where every training of a program is, in NumPy, after each ``every`` iterations, at ``stops`` and ends.

    ``states`` are what some go on from. One program after another; a training that is done leaves its program.
    """
    for group in groups(recipes, states):
        alive = list(group)
        begun = [states[recipe] if states and recipe in states else training.start(recipe) for recipe in alive]
        step = int(begun[0].step)
        stack = stacked(begun)
        while alive:
            end = min(recipe.iterations for recipe in alive)
            length = min(every - step % every, *(stop - step for stop in (*stops, end) if stop > step))
            stack, losses = advance(alive, stack, length, room=every)
            step += length
            values, rows = jax.tree.map(np.array, stack), np.asarray(losses)  # copies: the stack is donated
            yield [Now(recipe, _take(values, i), rows[i]) for i, recipe in enumerate(alive)]
            if step == end:
                left = [i for i, recipe in enumerate(alive) if recipe.iterations > step]
                alive = [alive[i] for i in left]
                stack = _take(values, np.array(left, int))


def stacked(trees: Sequence[PyTree]) -> PyTree:
    """Trees of the same structure as one, with a leading axis."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def _take(tree: PyTree, at: int | slice | np.ndarray) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[at], tree)


def advance(
    recipes: Sequence[Recipe], stack: State, length: int, *, room: int = SNAPSHOT_EVERY
) -> tuple[State, Float[Array, "t l"]]:
    """``length`` iterations, no more than ``room``, of the trainings in a stack; the new one and the losses [t, l]."""
    count, devices = len(recipes), jax.devices()
    used = min(count, len(devices))
    padded = np.minimum(np.arange(-(-count // used) * used), count - 1)  # each device trains as many
    alike = len({(recipe.data, *_stream(recipe)) for recipe in recipes}) == 1
    one = len({recipe.data for recipe in recipes}) == 1
    density = recipes[0].density() if one else stacked([recipes[i].density() for i in padded])
    spread = NamedSharding(Mesh(np.array(devices[:used]), ("training",)), PartitionSpec("training"))
    whole = NamedSharding(spread.mesh, PartitionSpec())
    stack = jax.device_put(_take(stack, padded) if len(padded) > count else stack, spread)
    density = jax.device_put(density, whole if one else spread)
    common = training.in_common(recipes[0])
    at_once = 1 if jax.default_backend() == "cpu" and used == 1 else None
    stack, losses = chunk(common, density, stack, length, room, alike, one, at_once)
    return (_take(stack, slice(count)) if len(padded) > count else stack), losses[:count, :length]


def _stream(recipe: Recipe) -> tuple[int | float, ...]:
    """What fixes the batches besides the data."""
    seed = recipe.seed if recipe.data_seed is None else recipe.data_seed
    return seed, recipe.log_sigma_mean, recipe.log_sigma_std


@partial(jax.jit, static_argnames=("recipe", "room", "alike", "one", "at_once"), donate_argnames="stack")
def chunk(
    recipe: Recipe,
    density: GaussianMixture,
    stack: State,
    length: Int[Array, ""] | int,
    room: int,
    alike: bool,
    one: bool,
    at_once: int | None,
) -> tuple[State, Float[Array, "t room"]]:
    """``length`` iterations of a whole stack; one compilation serves all lengths up to ``room``.

    ``alike``: all see the same batches. ``one``: there is one density for all, else one each. With ``at_once`` 1 they
    are trained one after the other within an iteration, which keeps each in a CPU's cache; with None all together.
    """

    def over(step: Callable[..., tuple[State, Array]], trials: PyTree) -> tuple[State, Array]:
        made: tuple[State, Array] = jax.vmap(step)(trials) if at_once is None else jax.lax.map(step, trials)
        return made

    def body(i: Array, now: tuple[State, Array]) -> tuple[State, Array]:
        stack, losses = now
        if alike:
            first = _take(stack, 0)
            batch = training.draw(recipe, density, training.stream(first), first.settings)
            stack, values = over(lambda state: training.learn(recipe, state, batch), stack)
        elif one:
            stack, values = over(lambda state: training.iterate(recipe, density, state), stack)
        else:
            stack, values = over(lambda now: training.iterate(recipe, *now), (density, stack))
        return stack, losses.at[:, i].set(values)

    start = stack, jnp.zeros((len(stack.step), room))
    end: tuple[State, Array] = jax.lax.fori_loop(0, length, body, start)
    return end
