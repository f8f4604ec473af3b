"""The report of what ``python -m toy optimise`` found: ``python -m toy.lab.commands.optimise docs/optimum``."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.lab.commands.optimise")

from pathlib import Path
from typing import TYPE_CHECKING

import click

from toy import door
from toy.files import keep_compiled, put
from toy.progress import bars

if TYPE_CHECKING:
    from toy.lab.optima import Optimum


@click.command(cls=door.Command, context_settings=door.HELP)
@click.argument("folder", default="docs/optimum")
@click.option(
    "--trainings", type=click.IntRange(2, 40), metavar="N", help="measure them with networks of N other trainings"
)
def report(folder: str, trainings: int | None) -> None:
    """Write the report of all results in a folder beside it, and their picture into it.

    With --trainings each result is first measured with networks of other trainings, which are kept, and written again.

    \b
    python -m toy.lab.commands.optimise docs/optimum --trainings 5
    """
    keep_compiled()
    import models
    from toy import figures
    from toy.figures.optimum import optimum_figure
    from toy.lab import optima

    found = optima.read_all(folder)
    if not found:
        raise click.ClickException(f"{folder!r} has no result of optimise")
    if trainings is not None:
        found = {name: _elsewhere(Path(folder) / f"{name}.json", each, trainings) for name, each in found.items()}
    page, picture = Path(folder).with_suffix(".md"), Path(folder) / "optimum.png"
    rows = [optima.drawn(each, models.cast(each.problem.scene.cast)) for each in found.values()]
    put(picture, figures.encode_small(optimum_figure(rows), pixels=1500, colours=128))
    put(page, optima.report(found))
    for path in (page, picture):
        click.echo(path)


def _elsewhere(path: Path, optimum: "Optimum", trainings: int) -> "Optimum":
    """The result measured with other networks, and written again."""
    from toy.lab import optima
    from toy.lab.store import unfinished
    from toy.lab.trainings import elsewhere

    with unfinished(path) as kept:
        with bars() as told:
            found = elsewhere(optimum, trainings, kept=kept, report=told)
        optima.write(found, path)
    return found


main = report  # of this module as a program
