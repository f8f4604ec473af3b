"""``python -m models.zoo``: train the networks of names, or the shipped ones."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from models import runs, stored, zoo
from models.stored import SHIPPED
from models.training import Recipe
from toy import door, interrupts
from toy.files import check_writable, keep_compiled
from toy.progress import bars


@click.command(cls=door.Command, context_settings=door.HELP)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--force", is_flag=True, help="train the shipped networks again that are there")
def main(names: tuple[str, ...], force: bool) -> None:
    """Train the networks that NAMEs need, or every shipped one that is not there yet.

    Interrupted, the same command goes on from the last snapshot.

    \b
    python -m models.zoo 'A24@512~depth=2'
    """
    if force and names:
        raise ValueError(f"--force does not go with {names[0]!r}: it is for the shipped networks, all of them")
    keep_compiled()
    command = shlex.join(["python", "-m", "models.zoo", *names, *["--force"] * force])
    interrupts.keeps(f"what was trained is kept; the same command goes on from there: {command}")
    for name in names:
        zoo.missing(name)  # refuses what is no name, before the first one is trained
    for name in names:
        with bars() as report:
            zoo.ensure(name, report=report)
    for label, recipe in SHIPPED.items() if not names else ():
        out = stored.snapshot(label, recipe.iterations)
        if out.exists() and not force:
            continue
        snapshots = {step: stored.snapshot(label, step) for step in stored.SNAPSHOTS}
        for path in snapshots.values():
            check_writable(path)
        _train(recipe, out, snapshots)
    for name in stored.ALSO if not names else ():
        out = stored.shipped_path(name)
        if force or not out.exists():
            _train(zoo.recipe_of(name), out, {})


def _train(recipe: Recipe, out: Path, snapshots: Mapping[int, Path]) -> None:
    check_writable(out)
    with bars() as report:
        runs.train(recipe, out, snapshots=snapshots, command="python -m models.zoo", report=report)
