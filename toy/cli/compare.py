"""``python -m toy compare``: quality against variation, for many methods at many strengths."""

import re
from dataclasses import replace
from pathlib import Path

import click

from toy import distributions, interrupts, memory, progress
from toy.cli.flags import checked, on_option, option, target_of
from toy.files import check_ending, check_writable
from toy.scene import CHOICES, SETTINGS
from toy.settings import Knob

N = replace(SETTINGS["n"], default=4096)
EQUAL = "equal cost: every method in as many steps as so many scores a sample, of all densities, allow"
EVALUATIONS = Knob(8, 100_000, 1, "evaluations", EQUAL, whole=True, name="evaluations", default=None)
STRENGTH = Knob(0, 8, 0.5, "strength", "1 is no guidance", name="strength")
SEEDS = Knob(1, 100, 1, "seeds", "seeds of every trial", whole=True, name="seeds", default=5)


@click.command()
@click.option("--methods", default="all", show_default=True, metavar="NAMES", help="names by commas, or all")
@click.option("--strengths", metavar="NUMBERS", help="by commas, 0 to 8: 1 is no guidance [1,1.5,...,4]")
@checked(N)
@checked(SEEDS)
@click.option(
    "--scores",
    default="learned",
    show_default=True,
    metavar="NAME",
    help="exact, exact-main, exact-guides: "
    "the exact densities in place of networks in all roles, in main, in the others",
)
@checked(EVALUATIONS)
@click.option("--out", metavar="FILE", help="the .csv file to write [out/compare.csv, with --on NAME compare-NAME.csv]")
@option(CHOICES["target"])
@on_option
def compare(
    methods: str,
    strengths: str | None,
    n: int,
    seeds: int,
    scores: str,
    evaluations: int | None,
    out: str | None,
    **flags: str | None,
) -> None:
    """Measure many methods over strengths and seeds; a table as CSV and Parquet, and a figure beside it.

    Interrupted, the same command goes on where it was.

    \b
    python -m toy compare --out out/compare.csv
    python -m toy compare --methods cfg,autoguidance,cfg+interval --n 1024 --seeds 3
    python -m toy compare --methods cfg,negative_prompt --scores exact
    python -m toy compare --methods none,cfg,cfg+gibbs,self_guidance --evaluations 126
    python -m toy compare --on moons --methods none,cfg,autoguidance
    """
    import models
    from toy import compare, figures
    from toy.compare import STRENGTHS, chosen
    from toy.lab.compare import run
    from toy.uncertainty import OF_DRAWS

    target = target_of(flags)
    out = out or f"out/compare{re.sub('[/:]', '-', f'-{name}' if (name := distributions.of(target).on) else '')}.csv"
    check_ending(out, ".csv")
    levels = STRENGTHS if strengths is None else tuple(map(STRENGTH.check, strengths.split(",")))
    wanted = compare.points(chosen(methods), levels, n=n, seeds=seeds, scores=scores, target=target)
    if evaluations is not None:
        wanted, dear = compare.at_cost(wanted, evaluations)
        if not wanted:
            raise ValueError(f"nothing takes as few as {evaluations} score evaluations: {'; '.join(dear)}")
        for words in dear:
            click.echo(f"not measured: {words}", err=True)
    for name in {name for point in wanted for _, name in point.scene.cast}:
        models.load(name)  # before the first one is measured
    for point in wanted:
        memory.check(point.scene, seeds=point.seeds)
    picture = Path(out).with_suffix(".png")
    check_writable(out, Path(out).with_suffix(".parquet"), picture)
    interrupts.keeps(f"what was measured is kept in {out}; the same command goes on from there.")
    with progress.bars() as report:
        rows = run(wanted, out, report=report)
    figures.save(figures.compare_figure(rows), picture, caption={"title": "compare", "methods": methods})
    for path in (Path(out), Path(out).with_suffix(".parquet"), picture):
        click.echo(path)
    click.echo(OF_DRAWS, err=True)
