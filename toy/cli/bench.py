"""``python -m toy bench``: what was measured here, beside what it may take."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option("--app", is_flag=True, help="measure the app in a real Chromium (minutes)")
@click.option("--only", metavar="NAME", help="run one benchmark, of either kind")
@click.option("--on", metavar="NAME", help="a distribution in place of the tree, for what computes with one")
def bench(as_json: bool, app: bool, only: str | None, on: str | None) -> None:
    """Measure speed and memory here, as ratios to a yardstick timed in the same run."""
    from toy import bench as benchmarks

    def report(name: str) -> None:
        click.echo(name, err=True)

    if app and on is not None:
        raise ValueError(f"--on {on} does not go with --app, which measures the app's own scenes")
    rows = benchmarks.run_app(only, report=report) if app else benchmarks.run(only, on=on or "", report=report)
    click.echo(json.dumps(rows, indent=2) if as_json else benchmarks.table(rows))
