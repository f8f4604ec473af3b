"""``python -m toy table``: the methods of the paper, one line each."""

import sys
from typing import Any

import click

from toy import cost, metrics, tables
from toy.cli.flags import ROLES, frame_of, given, on_option, option
from toy.scene import CHOICES, Scene, of_target

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
@click.option("--n", default="16384", show_default=True, metavar="NUMBER", help="number of samples")
@click.option("--seed", default="0", show_default=True, metavar="NUMBER", help="seed of the initial noise")
@option(CHOICES["target"])
@on_option
def table(n: str, seed: str, **flags: str | None) -> None:
    """Measure the paper's methods and print a Markdown table; evaluations are the scores that one sample takes.

    \b
    python -m toy table --n 4096
    python -m toy table --on moons
    """
    target = CHOICES["target"].check(given(flags).get("target", "A"))
    columns = metrics.defined(COLUMNS, target)
    scenes = []
    for label, rule, values in PAPER_METHODS:
        cast = {role: of_target(name, target) for role, name in values.items() if role in ROLES}
        scenes.append((label, Scene.of(rule, n=n, seed=seed, target=target, **values | cast)))
    rows = []
    floor: dict[str, Any] = {}
    with click.progressbar(scenes, label="measuring", file=sys.stderr) as bar:
        for label, scene in bar:
            frame = frame_of(scene, keep=False)
            floor = dict(frame.floor)
            rows.append((label, frame.metrics, str(cost.total(scene))))
    lines = [["", *(name.replace("_", " ") for name in columns), "evaluations"]]
    for label, values, asked in [("true samples (noise floor)", floor, ""), *rows]:
        lines.append([label, *(tables.cell(name, values[name], digits=3) for name in columns), asked])
    click.echo(tables.markdown(lines))
