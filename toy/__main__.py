"""The command line: ``python -m toy``."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.__main__", "toy")

import click

from toy import door
from toy.cli.bench import bench
from toy.cli.compare import compare
from toy.cli.figure import figure
from toy.cli.listing import list_
from toy.cli.mechanism import mechanism
from toy.cli.metrics import metrics
from toy.cli.optimise import optimise
from toy.cli.probe import probe
from toy.cli.sample import sample
from toy.cli.site import site
from toy.cli.table import table
from toy.cli.train import train
from toy.files import keep_compiled
from toy.lab.commands.claims import claims
from toy.lab.commands.sweep import sweep


@click.group(cls=door.Group, context_settings=door.HELP)
@click.version_option(package_name=None, version="0.1.0", prog_name="toy")
def main() -> None:
    """See, test and settle how guidance steers diffusion models, on 2D distributions that are known exactly.

    \b
    python -m toy figure all --out out/figures
    python -m toy metrics --rule autoguidance --w 3 --json
    python -m toy sample --rule cfg --w 4 --n 4096 --out samples.npz
    """
    keep_compiled()


for command in (
    figure, train, sample, metrics, mechanism, compare, table, probe, list_, bench, claims, sweep, optimise, site,
):  # fmt: skip
    main.add_command(command)
