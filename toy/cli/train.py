"""``python -m toy train``: one network, or all of a grid."""

import shlex
from collections.abc import Callable
from typing import Any

import click

from models import ensemble, runs, zoo
from models.mlp import Spec
from models.training import Recipe
from toy import interrupts
from toy.cli.flags import checked, decorated
from toy.files import check_ending
from toy.progress import bars
from toy.settings import declared, flags

OF_SPEC, OF_RECIPE = ("classes", "width", "depth"), ("iterations", "batch", "seed", "loss")
TRAINED = {name: declared(owner)[name] for owner, names in ((Spec, OF_SPEC), (Recipe, OF_RECIPE)) for name in names}
FLAGS = {name: {"iterations": "iters"}.get(name, name) for name in TRAINED}
COMMANDLINE = click.core.ParameterSource.COMMANDLINE


def training_options(command: Callable) -> Callable:
    """A flag for each of what fixes a training."""
    return decorated(command, [checked(setting, f"--{FLAGS[name]}") for name, setting in TRAINED.items()])


@click.command()
@training_options
@click.option("--out", metavar="FILE", help="the .safetensors file to write")
@click.option("--grid", metavar="GRID", help="train all of a grid, as few programs as possible: a .toml file or words")
def train(out: str | None, grid: str | None, **trained: Any) -> None:
    """Train a denoiser, or a grid of them. Interrupted, the same command goes on from its last snapshot.

    The networks of a grid are kept where their names are looked up, and the names are printed.

    \b
    python -m toy train --classes A --width 32 --iters 512 --out A32.safetensors
    python -m toy train --grid 'width=8,16,32 iterations=256,512 seed=0,1,2 data_seed=0'
    """
    if grid is not None:
        if out is not None:
            raise ValueError(f"--out {out!r} does not go with --grid: its networks are kept under their names")
        given = click.get_current_context().get_parameter_source
        train_grid(grid, {name for name in trained if given(name) is COMMANDLINE}, **trained)
        return
    if out is None:
        raise ValueError("a training needs --out FILE.safetensors, or --grid")
    check_ending(out, ".safetensors")
    spec = Spec(**{name: trained[name] for name in OF_SPEC})
    recipe = Recipe(spec, **{name: trained[name] for name in OF_RECIPE})
    command = f"python -m toy train {flags({FLAGS[name]: value for name, value in trained.items()})}"
    interrupts.keeps(f"the training is kept beside {out}; the same command goes on from its last snapshot.")
    with bars() as report:
        path = runs.train(recipe, out, command=command, report=report)
    click.echo(path)


def train_grid(grid: str, given: set[str], **shared: object) -> None:
    """Train all networks of a grid and print their names, or their files where a name does not say all of them.

    ``given`` are the settings that had a flag: what is an axis of the grid has no one value.
    """
    axes = ensemble.axes_of(grid)
    for name in TRAINED:
        if name in given and name in axes:
            raise ValueError(f"--{FLAGS[name]} does not go with --grid {grid!r}, which has an axis {name!r}")
    recipes = ensemble.grid(axes, **shared)
    interrupts.keeps("what was trained is kept; the same command goes on from the last snapshots.")
    with bars() as report:
        paths = runs.train_many(recipes, command=f"python -m toy train --grid {shlex.quote(grid)}", report=report)
    for recipe, path in zip(recipes, paths, strict=True):
        click.echo(zoo.name_of(recipe) or path)
