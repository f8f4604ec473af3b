"""``python -m toy optimise``: the best weight of every step."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from toy import interrupts, tables
from toy.cli.flags import checked, decorated, scene_of, scene_options
from toy.files import check_ending, check_writable
from toy.lab.problem import DESCENT, FREE, Problem, everything
from toy.progress import Progress, Report, bars
from toy.settings import Several, declared

N, BATCH = "2048", {"kl": 512}  # samples of a seed; points of an iteration where not the usual number
SHARES = "what is optimised: shares are a weight for each of 32 steps"
USUAL = declared(Problem)["batch"].default
SETTINGS = {
    **declared(Problem),
    "free": Several([*FREE, "all"], "free", SHARES, name="free", default=["shares"]),
    "batch": replace(declared(Problem)["batch"], default=None),  # that of the objective
    **DESCENT,
}


def problem_options(command: Callable) -> Callable:
    """A flag for each of what a problem is, and how long it is worked at."""
    return decorated(command, list(map(checked, SETTINGS.values())))


@click.command()
@problem_options
@click.option("--out", default="out/optimum.json", show_default=True, metavar="FILE", help="a .json file")
@scene_options
def optimise(
    objective: str, free: list[str], smooth: bool, mixing: float, roughness: float, batch: int | None, seeds: int,
    held_out: int, iterations: int, rate: float, out: str, **flags: str | None,
) -> None:  # fmt: skip
    """Find the best weight of every step by gradient; a table, the result as JSON, and a figure beside it.

    Ctrl-C ends the iterations; what was found so far is measured and written. Killed, the same command goes on
    where it was.

    \b
    python -m toy optimise --rule cfg --out out/cfg.json
    python -m toy optimise --rule autoguidance --objective quality_variation --no-smooth --out out/auto.json
    python -m toy optimise --rule cfg_autoguidance --free all --out out/both.json
    """
    check_ending(out, ".json")
    flags["n"] = flags.get("n") or N
    scene = scene_of(**flags)
    import models
    from toy import figures
    from toy.figures.optimum import optimum_figure
    from toy.lab import optima
    from toy.lab.optimise import optimise as run
    from toy.lab.store import unfinished

    problem = Problem(
        scene, objective, everything(scene) if free == ["all"] else tuple(free), smooth, mixing, roughness,
        batch or BATCH.get(objective, USUAL), seeds, held_out,
    )  # fmt: skip
    picture = Path(out).with_suffix(".png")
    check_writable(out, picture)
    cast = models.cast(scene.cast)
    words = optima.command(problem, iterations=iterations, rate=rate) + f" --out {shlex.quote(out)}"
    with unfinished(Path(out)) as kept:
        with bars() as report:
            found = run(
                problem, cast, iterations=iterations, rate=rate, command=words, kept=kept, report=_patient(report)
            )
        optima.write(found, out)
    caption = {"title": "optimum", "command": words}
    figures.save(optimum_figure([optima.drawn(found, cast)]), picture, caption=caption)
    click.echo(tables.aligned([optima.HEAD, *optima.table(found)]))
    click.echo(optima.verdict(found))
    for path in (out, picture):
        click.echo(path)


def _patient(report: Report) -> Report:
    """The first Ctrl-C while there is something to keep is the optimiser's own affair."""

    def told(now: Progress) -> None:
        found = now.stage == "iterations" and now.done > 0
        interrupts.patient("what was found so far is measured and written; Ctrl-C again ends at once." if found else "")
        report(now)

    return told
