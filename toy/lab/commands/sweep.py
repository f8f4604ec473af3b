"""``python -m toy sweep``."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toy import interrupts

if TYPE_CHECKING:
    from toy.lab.sweep import Progress, Report


@click.command()
@click.argument("spec", metavar="SPEC.toml")
@click.option("--store", metavar="FILE", help="where results go [out/sweeps/SPEC.sqlite]")
@click.option("--cluster", metavar="ADDRESS", help="a Dask scheduler's address, or local:N for N processes here")
@click.option("--export", "tables", multiple=True, metavar="FILE", help="write the table as .csv or .parquet")
@click.option("--figure", "picture", metavar="FILE", help="draw the results as .png, .pdf or .svg")
def sweep(spec: str, store: str | None, cluster: str | None, tables: tuple[str, ...], picture: str | None) -> None:
    r"""Measure the product of any axes; what is measured is kept, and never measured twice.

    Interrupted, or killed, the same command goes on where it was. Several may run on one store at once.

    \b
    python -m toy sweep docs/sweeps/example.toml --figure out/sweeps/example.png
    python -m toy sweep docs/sweeps/guide_map.toml --export guide_map.csv --export guide_map.parquet
    python -m toy sweep docs/sweeps/guide_map.toml --cluster local:4
    """
    from toy import figures, memory
    from toy.files import check_writable, replacing
    from toy.lab import cluster as clusters
    from toy.lab import sweep as sweeps

    path = Path(store) if store else sweeps.default_store(spec)
    for table in tables:
        sweeps.check_export(table)
    if picture:
        figures.check_format(Path(picture).suffix.removeprefix("."))
    if cluster:
        clusters.check(cluster)
    wanted = sweeps.read(spec)
    for scene in {(point.scene.n, point.scene.steps): point.scene for point in wanted.points}.values():
        memory.check(scene)
    if store is None:  # the app's page finds the spec beside its store
        with replacing(path.with_suffix(".toml")) as temporary:
            temporary.write_bytes(Path(spec).read_bytes())
    check_writable(*tables, *([picture] if picture else []))
    interrupts.keeps(f"what was measured is kept in {path}; the same command goes on from there.")
    with ExitStack() as stack:
        executor = stack.enter_context(clusters.cluster(cluster)) if cluster else None
        report = stack.enter_context(_bars(wanted.title))
        ran = sweeps.run(wanted, path, executor=executor, report=report)
    click.echo(f"{ran.total} trials: {ran.computed} measured now, {ran.found} found in the store")
    click.echo(path)
    for table in tables:
        sweeps.export(sweeps.look(wanted, path).rows, table)
        click.echo(table)
    if picture:
        caption = {"title": wanted.title, "spec": Path(spec).name}
        click.echo(figures.save(sweeps.figure_of(wanted, path), picture, caption=caption))


@contextmanager
def _bars(title: str) -> Iterator["Report"]:
    """A bar of iterations while networks are trained, then one of trials with the remaining time."""
    from tqdm import tqdm

    bars: dict[bool, Any] = {}

    def report(now: "Progress") -> None:
        if now.training not in bars:
            for bar in bars.values():
                bar.close()
            words = "training" if now.training else title
            form = None if now.training else "{l_bar}{bar}| {n_fmt}/{total_fmt}{postfix}"
            bars[now.training] = tqdm(total=now.total, initial=now.done, desc=words, bar_format=form, file=sys.stderr)
        bar = bars[now.training]
        if not now.training:
            bar.set_postfix_str(left(now.left), refresh=False)
        bar.update(now.done - bar.n)

    try:
        yield report
    finally:
        for bar in bars.values():
            bar.close()


def left(seconds: float | None) -> str:
    """A remaining time in words, without digits that it does not have."""
    if seconds is None:
        return "time left unknown"
    if seconds < 90:
        return f"{seconds:.0f} s left"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min left"
    return f"{seconds / 3600:.1f} h left"
