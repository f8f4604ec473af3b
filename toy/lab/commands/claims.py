"""``python -m toy claims``: published statements about guidance, put to the test."""

import json
import shlex
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toy import interrupts, progress
from toy.files import check_ending, check_writable, keep_compiled, put

if TYPE_CHECKING:
    from toy.lab.claim import Claim
    from toy.lab.claims import Findings


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--on", "on", multiple=True, metavar="NAMES", help="distributions, as for metrics: moons,gaussians:distance=2,tree"
)
@click.option("--points", metavar="FILE", help="a distribution of your own points, as for metrics")
@click.option("--learned", is_flag=True, help="of these claims those about networks, and none about exact scores alone")
@click.option("--paper", "papers", multiple=True, metavar="ARXIV", help="all claims of a paper, as 2408.09000")
@click.option("--quick", is_flag=True, help="fewer seeds and samples, small trainings: two minutes or so")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option("--out", metavar="FILE", help="the .md report to write, with figure and numbers beside it")
@click.option("--module", metavar="FILE", help="a Python file of claims of your own, which are then measured")
@click.option("--most", type=click.IntRange(1, 1000), metavar="N", help="main models trained at most")
@click.option("--recorded", multiple=True, metavar="FILE", help="judge what reports' .json say; nothing is measured")
@click.option("--list", "listed", is_flag=True, help="list the claims with their thresholds, and measure nothing")
def claims(
    names: tuple[str, ...],
    on: tuple[str, ...],
    points: str | None,
    learned: bool,
    papers: tuple[str, ...],
    quick: bool,
    as_json: bool,
    out: str | None,
    module: str | None,
    most: int | None,
    recorded: tuple[str, ...],
    listed: bool,
) -> None:
    """Measure what would decide published statements about guidance, and give verdicts.

    Networks that a claim needs are trained once, and kept. All claims without NAMEs; with --module those of the file,
    which is run. They are about the paper's tree, or about what --on names, as far as they mean something there. Some
    papers' own distributions are there too: their claims are measured with --paper, or by NAME. What is undecided is
    measured with more and more repetitions, up to 40 trainings of the main model or --most; --quick looks once.
    --list says what there is, and with --on or --points which networks would be trained first.

    \b
    python -m toy claims --quick
    python -m toy claims cfg_does_not_sample_the_tilted_density
    python -m toy claims --on tree,moons cfg_drops_branches_with_exact_scores
    python -m toy claims --on moons --learned --quick --list
    python -m toy claims --points points.csv --quick cfg_does_not_sample_the_tilted_density
    python -m toy claims --paper 2408.09000 --quick
    python -m toy claims --out docs/claims.md
    """
    from models import stored
    from toy.lab import claims as lab
    from toy.lab import report
    from toy.lab.claim import chosen, load, of_paper
    from toy.lab.store import state_of, unfinished

    have = lab.published() | lab.papers()
    own = load(module) if module else {}
    for name in own:
        if name in have:
            raise ValueError(f"claim {name!r} of {module!r} has the name of a published one")
    every = have | own
    asked = [*names, *(name for paper in papers for name in of_paper(paper, every))]
    wanted = chosen(asked or tuple(own or lab.published()), every)
    if learned and not (wanted := [item for item in wanted if not item.exact]):
        raise ValueError("--learned leaves none of these claims: all are about exact scores alone")
    places = places_of(on, points)
    size = lab.QUICK if quick else lab.FULL
    if listed:
        click.echo("\n".join(_listing(item) for item in wanted))
        if places:
            plan = lab.plan(wanted, size, on=places)
            click.echo("\n".join([*(f"not measured: {sentence}" for sentence in plan.skipped), plan.line()]))
        return
    if out is not None:
        check_ending(out, ".md")
        check_writable(*(Path(out).with_suffix(suffix) for suffix in (".md", ".png", ".json")))
    if recorded:
        for flag, value in (("--quick", quick), ("--most", most), ("--on", on), ("--points", points)):
            if value:
                raise ValueError(f"{flag} does not go with --recorded, which measures nothing")
        known = report.recorded(recorded, wanted)
        _show(known, known.conditions["command"], as_json, out)
        return
    place = Path(out) if out else stored.kept_path("claims")
    interrupts.keeps("no verdict was written; networks that were trained are kept, and numbers that were measured.")
    keep_compiled()
    with unfinished(place) as kept:
        shared = (state_of(place), [item.name for item in wanted], module, size, places, most)
        helped = nullcontext() if points else lab.helped(*shared)  # no other process knows the points of a file
        with helped, progress.bars() as told:
            findings = lab.run(wanted, size, on=places, most=most, report=told, kept=kept)
        flags = {"--on": ",".join(on), "--points": points, "--learned": learned, "--paper": papers, "--module": module,
                 "--quick": quick, "--most": most, "--out": out}  # fmt: skip
        command = command_of(names, flags)
        _show(findings, command, as_json, out)


def places_of(on: tuple[str, ...], file: str | None = None) -> list[str]:
    """The distributions that ``--on`` names and that of a file's points, each once; ValueError for what is not one."""
    from toy import distributions
    from toy.distributions.points import FAMILY, facts
    from toy.distributions.points import given as of_file

    texts = [text.strip() for many in on for text in many.split(",")]
    if file is not None:
        own = [text for text in texts if text.partition(":")[0] == FAMILY]
        name = distributions.canonical(of_file(file, own[0] if own else FAMILY))
        click.echo(f"{name}: {facts(name).line()}", err=True)
        texts = [*(text for text in texts if text not in own), name]
    return list(dict.fromkeys(distributions.canonical(text) or distributions.USUAL for text in texts))


def command_of(names: tuple[str, ...], flags: Mapping[str, object]) -> str:
    """The command line that asks for the same: ``flags`` with their values, one that is alone is True."""
    words = []
    for flag, value in flags.items():
        for each in value if isinstance(value, tuple) else [value]:
            words += [flag] if each is True else [flag, str(each)] if each else []
    return shlex.join(["python", "-m", "toy", "claims", *names, *words])


def _listing(item: "Claim") -> str:
    bounds = ", ".join(f"{name}: {bound}" if name else str(bound) for name, bound in item.bounds.items())
    on = f", on {' and '.join(place or 'tree' for place in item.on)}" if any(item.on) else ""
    return f"{item.name}\n    {item.statement}\n    {bounds}  {item.source}{on}"


def _show(findings: "Findings", command: str, as_json: bool, out: str | None) -> None:
    """Print the table or the JSON; write the report and its figure."""
    from toy import tables
    from toy.lab import report

    if as_json:
        click.echo(json.dumps(report.as_json(findings, command), indent=2, ensure_ascii=False))
    else:
        click.echo(report.table(findings.outcomes))
        board = report.board(findings.outcomes)
        if len(board[0]) > 2:  # several distributions
            click.echo(f"\n{tables.aligned(board)}\n")
        for sentence in findings.skipped:
            click.echo(f"not measured: {sentence}")
        for sentence in report.open_parts(findings.outcomes):
            click.echo(sentence)
        click.echo(f"{report.counts(findings.outcomes)}; {findings.seconds:.0f} s")
    if out is None:
        return
    from toy.figures.claims import claims_figure
    from toy.figures.files import encode_small

    path, picture, numbers = (Path(out).with_suffix(suffix) for suffix in (".md", ".png", ".json"))
    image = encode_small(claims_figure(report.rows(findings.outcomes)), pixels=1600)
    put(picture, image)
    put(path, report.markdown(findings, command=command, picture=picture.name))
    put(numbers, json.dumps(report.as_json(findings, command), indent=1, ensure_ascii=False) + "\n")
    click.echo(f"{path}\n{picture}\n{numbers}", err=as_json)
