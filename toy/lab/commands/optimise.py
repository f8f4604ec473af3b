"""``python -m toy optimise``, and the report of what it found: ``python -m toy.lab.commands.optimise docs/optimum``."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.lab.commands.optimise")

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toy import door, interrupts, tables
from toy.files import check_writable, keep_compiled, replacing
from toy.progress import Progress, Report, bars
from toy.scene import Scene

if TYPE_CHECKING:
    from toy.lab.optima import Optimum

N, BATCH = "2048", {"kl": 512}  # samples of a seed; points of an iteration where not the usual number


def command(scene_options: Callable[[Callable], Callable], scene_of: Callable[..., Scene]) -> click.Command:
    """The command, with the flags of a Scene as ``toy.__main__`` makes them."""

    @click.command()
    @click.option("--objective", default="energy", show_default=True, help="energy, kl or quality_variation")
    @click.option(
        "--free", default="shares", show_default=True, metavar="NAMES",
        help="by commas: shares (a weight for each of 32 steps), w, alpha, interval; or all",
    )  # fmt: skip
    @click.option("--smooth/--no-smooth", default=True, show_default=True, help="eight shares, linear in between")
    @click.option("--mixing", default=0.5, show_default=True, type=float, help="share of quality in quality_variation")
    @click.option("--roughness", default=0.0, show_default=True, type=float, help="penalty on the shares' differences")
    @click.option("--iterations", default=200, show_default=True, type=int)
    @click.option("--rate", default=0.04, show_default=True, type=float, help="of Adam, in the first iteration")
    @click.option("--batch", type=int, help="points of an iteration [1024; 512 for kl]")
    @click.option("--seeds", default=4, show_default=True, type=int, help="seeds that are trained with")
    @click.option("--held-out", default=8, show_default=True, type=int, help="seeds after them, that are only measured")
    @click.option("--out", default="out/optimum.json", show_default=True, metavar="FILE", help="a .json file")
    @scene_options
    def optimise(
        objective: str, free: str, smooth: bool, mixing: float, roughness: float, iterations: int, rate: float,
        batch: int | None, seeds: int, held_out: int, out: str, **flags: object,
    ) -> None:  # fmt: skip
        """Find the best weight of every step by gradient; a table, the result as JSON, and a figure beside it.

        Ctrl-C ends the iterations; what was found so far is measured and written. Killed, the same command goes on
        where it was.

        \b
        python -m toy optimise --rule cfg --out out/cfg.json
        python -m toy optimise --rule autoguidance --objective quality_variation --no-smooth --out out/auto.json
        python -m toy optimise --rule cfg_autoguidance --free all --out out/both.json
        """
        if not out.endswith(".json"):
            raise ValueError(f"--out {out!r} does not end in .json")
        flags["n"] = flags.get("n") or N
        scene = scene_of(**flags)
        import models
        from toy import figures
        from toy.figures.optimum import optimum_figure
        from toy.lab import optima
        from toy.lab.optimise import optimise as run
        from toy.lab.problem import Problem, chosen
        from toy.lab.store import unfinished

        problem = Problem(
            scene, objective, chosen(free, scene), smooth, mixing, roughness,
            batch or BATCH.get(objective, 1024), seeds, held_out,
        )  # fmt: skip
        picture = Path(out).with_suffix(".png")
        check_writable(out, picture)
        cast = models.cast(scene.cast)
        words = optima.command(problem, iterations=iterations, rate=rate) + f" --out {shlex.quote(out)}"
        with unfinished(Path(out)) as kept:
            with bars() as report:
                found = run(problem, cast, iterations=iterations, rate=rate, command=words, kept=kept,
                            report=_patient(report))  # fmt: skip
            optima.write(found, out)
        caption = {"title": "optimum", "command": words}
        figures.save(optimum_figure([optima.drawn(found, cast)]), picture, caption=caption)
        click.echo(tables.aligned([optima.HEAD, *optima.table(found)]))
        click.echo(optima.verdict(found))
        for path in (out, picture):
            click.echo(path)

    return optimise


def _patient(report: Report) -> Report:
    """The first Ctrl-C while there is something to keep is the optimiser's own affair."""

    def told(now: Progress) -> None:
        found = now.stage == "iterations" and now.done > 0
        interrupts.patient("what was found so far is measured and written; Ctrl-C again ends at once." if found else "")
        report(now)

    return told


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
    with replacing(picture) as temporary:
        temporary.write_bytes(figures.encode_small(optimum_figure(rows), pixels=1500, colours=128))
    with replacing(page) as temporary:
        temporary.write_text(optima.report(found), encoding="utf-8")
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
