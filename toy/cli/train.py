"""``python -m toy train``: one network, or all of a grid."""

import shlex
import sys

import click
import numpy as np

from toy import interrupts


@click.command()
@click.option("--classes", default="A", show_default=True, help="A, B or AB; of another distribution moons/A")
@click.option("--width", default=64, show_default=True, type=int)
@click.option("--depth", default=4, show_default=True, type=int, help="hidden layers")
@click.option("--iters", default=4096, show_default=True, type=int, help="iterations")
@click.option("--batch", default=4096, show_default=True, type=int, help="points in a batch")
@click.option("--seed", default=0, show_default=True, type=int, help="seed of the weights and the data stream")
@click.option("--loss", default="exact", show_default=True, help="exact (the true score) or denoising")
@click.option("--out", metavar="FILE", help="the .safetensors file to write")
@click.option("--grid", metavar="GRID", help="train all of a grid, as few programs as possible: a .toml file or words")
def train(
    classes: str,
    width: int,
    depth: int,
    iters: int,
    batch: int,
    seed: int,
    loss: str,
    out: str | None,
    grid: str | None,
) -> None:
    """Train a denoiser, or a grid of them. Interrupted, the same command goes on from its last snapshot.

    The networks of a grid are kept where their names are looked up, and the names are printed.

    \b
    python -m toy train --classes A --width 32 --iters 512 --out A32.safetensors
    python -m toy train --grid 'width=8,16,32 iterations=256,512 seed=0,1,2 data_seed=0'
    """
    from models import runs
    from models.mlp import Spec
    from models.training import Recipe

    if grid is not None:
        if out is not None:
            raise ValueError(f"--out {out!r} does not go with --grid: its networks are kept under their names")
        shared = {"classes": classes, "width": width, "depth": depth, "iterations": iters}
        given = click.get_current_context().get_parameter_source
        flags = {{"iters": "iterations"}.get(name, name): name for name in TRAINED if given(name) is COMMANDLINE}
        train_grid(grid, flags, **shared, batch=batch, seed=seed, loss=loss)
        return
    if out is None:
        raise ValueError("a training needs --out FILE.safetensors, or --grid")
    if not out.endswith(".safetensors"):
        raise ValueError(f"--out {out!r} does not end in .safetensors")
    recipe = Recipe(Spec(classes, width, depth), iterations=iters, seed=seed, batch=batch, loss=loss)
    command = (
        f"python -m toy train --classes {classes} --width {width} --depth {depth} --iters {iters}"
        f" --batch {batch} --seed {seed} --loss {loss}"
    )
    interrupts.keeps(f"the training is kept beside {out}; the same command goes on from its last snapshot.")
    with click.progressbar(length=iters, label=f"training {classes}{width}", file=sys.stderr) as bar:

        def report(step: int, losses: np.ndarray) -> None:
            bar.label = f"training {classes}{width}" + (f", loss {losses.mean():.4f}" if len(losses) else "")
            bar.update(step - bar.pos)

        click.echo(runs.train(recipe, out, command=command, report=report))


TRAINED = ("classes", "width", "depth", "iters", "batch", "seed", "loss")
COMMANDLINE = click.core.ParameterSource.COMMANDLINE


def train_grid(grid: str, flags: dict[str, str], **shared: object) -> None:
    """Train all networks of a grid and print their names, or their files where a name does not say all of them.

    ``flags`` are those that were given, by the name of what they set: what is an axis of the grid has no one value.
    """
    from models import ensemble, runs, zoo

    axes = ensemble.axes_of(grid)
    for name, flag in flags.items():
        if name in axes:
            raise ValueError(f"--{flag} does not go with --grid {grid!r}, which has an axis {name!r}")
    recipes = ensemble.grid(axes, **shared)
    interrupts.keeps("what was trained is kept; the same command goes on from the last snapshots.")
    with click.progressbar(length=1, label=f"training {len(recipes)} networks", file=sys.stderr) as bar:

        def report(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        paths = runs.train_many(recipes, command=f"python -m toy train --grid {shlex.quote(grid)}", report=report)
    for recipe, path in zip(recipes, paths, strict=True):
        click.echo(zoo.name_of(recipe) or path)
