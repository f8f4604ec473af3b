"""``python -m toy bench``: what was measured here, beside what it may take."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option("--app", is_flag=True, help="measure the app in a real Chromium (minutes)")
@click.option("--only", metavar="NAME", help="run one benchmark, of either kind")
def bench(as_json: bool, app: bool, only: str | None) -> None:
    """Measure speed and memory here, as ratios to a yardstick timed in the same run."""
    from toy import bench as benchmarks

    measure = benchmarks.run_app if app else benchmarks.run
    rows = measure(only, report=lambda name: click.echo(name, err=True))
    click.echo(json.dumps(rows, indent=2) if as_json else benchmarks.table(rows))
