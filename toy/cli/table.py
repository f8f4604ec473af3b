"""``python -m toy table``: the methods of the paper, one line each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from toy import cost, interrupts, metrics, progress, tables
from toy.cli.flags import ROLES, TRAININGS, checked, frame_of, on_option, option, target_of
from toy.files import check_ending, check_writable, put
from toy.metrics import Values
from toy.scene import CHOICES, SETTINGS, Scene, of_target
from toy.settings import flags
from toy.uncertainty import standard_error

PAPER_METHODS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("exact score, no guidance", "none", {"main": "exact:A"}),
    ("no guidance", "none", {}),
    ("autoguidance, w = 2", "autoguidance", {"w": 2}),
    ("autoguidance, w = 3", "autoguidance", {"w": 3}),
    ("CFG, w = 2", "cfg", {"w": 2}),
    ("CFG, w = 4", "cfg", {"w": 4}),
    ("naive truncation, 1.4", "naive_truncation", {"gamma": 1.4}),
    ("guide alone", "none", {"main": "A32@512"}),
    ("exact scores, CFG, w = 4", "cfg", {"w": 4, "main": "exact:A", "unconditional": "exact:AB"}),
)

COLUMNS = ("outliers", "deep_tail", "mean_logp", "branch_tv", "root_share", "alignment", "sw1")


@click.command()
@checked(SETTINGS["n"])
@option(SETTINGS["seed"])
@checked(TRAININGS)
@click.option("--out", metavar="FILE", help="a .md file to write the table of --trainings to")
@option(CHOICES["target"])
@on_option
def table(n: int, seed: str | None, trainings: int | None, out: str | None, **place: str | None) -> None:
    """Measure the paper's methods and print a Markdown table; evaluations are the scores that one sample takes.

    \b
    python -m toy table --n 4096
    python -m toy table --on moons
    python -m toy table --trainings 5
    """
    target = target_of(place)
    columns = metrics.defined(COLUMNS, target)
    scenes = []
    for label, rule, values in PAPER_METHODS:
        cast = {role: of_target(name, target) for role, name in values.items() if role in ROLES}
        scenes.append((label, Scene.of(rule, n=n, seed=seed or 0, target=target, **values | cast)))
    if trainings is not None:
        if seed is not None:
            raise ValueError(f"--seed {seed} does not go with --trainings, each of which has its own")
        _over_trainings(columns, scenes, trainings, out)
        return
    if out is not None:
        raise ValueError(f"--out {out!r} is for the table of --trainings")
    rows = []
    floor: Values = {}
    with progress.bars() as report:
        for label, scene in progress.each(scenes, "measuring", report):
            frame = frame_of(scene, keep=False)
            floor = dict(frame.floor)
            cells = [tables.cell(name, frame.metrics[name], digits=3) for name in columns]
            rows.append([label, *cells, str(cost.total(scene))])
    click.echo(_markdown(columns, floor, rows))


def _markdown(columns: Sequence[str], floor: Values, rows: Sequence[Sequence[str]]) -> str:
    true = [tables.cell(name, floor[name], digits=3) for name in columns]
    head = ["", *(name.replace("_", " ") for name in columns), "evaluations"]
    return tables.markdown([head, ["true samples (noise floor)", *true, ""], *rows])


def _over_trainings(
    columns: Sequence[str], scenes: Sequence[tuple[str, Scene]], trainings: int, out: str | None
) -> None:
    """The same with errors over trainings; killed, the same command goes on where it was."""
    from models import stored
    from toy.lab.store import unfinished
    from toy.lab.trainings import OVER, measured, place_of

    target, n = scenes[0][1].target, scenes[0][1].n
    on = place_of(target)
    if out is not None:
        check_ending(out, ".md")
        check_writable(Path(out))
    methods = [(rule, values) for _, rule, values in PAPER_METHODS]
    interrupts.keeps("no table was written; networks that were trained are kept, and numbers that were measured.")
    with unfinished(Path(out) if out else stored.kept_path("table")) as kept:
        with progress.bars() as told:
            found = measured(methods, columns, trainings=trainings, n=n, on=on, kept=kept, report=told)
        rows = []
        for (label, scene), values in zip(scenes, found, strict=True):
            pairs = ((name, np.asarray(values[name], float)) for name in columns)
            cells = [tables.cell(k, v.mean(), float(standard_error(v)), digits=3) for k, v in pairs]
            rows.append([label, *cells, str(cost.total(scene))])
        text = _markdown(columns, metrics.floor(target, n, columns), rows)
        words = f"{n} samples. {OVER.format(trainings)}"
        click.echo(f"{text}\n\n{words}")
        if out is not None:
            others = {k: v for k, v in (("n", n), ("on", on)) if v not in (SETTINGS["n"].default, "")}
            command = f"python -m toy table {flags({'trainings': trainings, **others, 'out': out})}"
            put(out, f"# The paper's methods\n\n`{command}`: {words}\n\n{text}\n")
