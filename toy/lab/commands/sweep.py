"""``python -m toy sweep``."""

import re
from pathlib import Path

import click

from toy import interrupts, progress

LOCAL = re.compile(r"local:([1-9]\d{0,2})")
MOST = 64  # processes


@click.command()
@click.argument("spec", metavar="SPEC.toml")
@click.option("--store", metavar="FILE", help="where results go [out/sweeps/SPEC.sqlite]")
@click.option("--cluster", metavar="local:N", help="share the work out over N processes of this machine")
@click.option("--export", "exports", multiple=True, metavar="FILE", help="write the table as .csv or .parquet")
@click.option("--figure", "picture", metavar="FILE", help="draw the results as .png, .pdf or .svg")
def sweep(spec: str, store: str | None, cluster: str | None, exports: tuple[str, ...], picture: str | None) -> None:
    """Measure the product of any axes; what is measured is kept, and never measured twice.

    Interrupted, or killed, the same command goes on where it was. Several may run on one store at once.

    \b
    python -m toy sweep docs/sweeps/example.toml --figure out/sweeps/example.png
    python -m toy sweep docs/sweeps/guide_map.toml --export guide_map.csv --export guide_map.parquet
    python -m toy sweep docs/sweeps/guide_map.toml --cluster local:4
    """
    from toy import figures, memory, tables
    from toy.files import check_writable, put
    from toy.lab import grid
    from toy.lab import sweep as sweeps

    path = Path(store) if store else sweeps.default_store(spec)
    for table in exports:
        tables.check_format(table)
    if picture:
        figures.check_format(Path(picture).suffix.removeprefix("."))
    count = processes(cluster) if cluster else 1
    wanted = grid.read(spec)
    for scene in {(point.scene.n, point.scene.steps): point.scene for point in wanted.points}.values():
        memory.check(scene)
    if store is None:  # the app's page finds the spec beside its store
        put(path.with_suffix(".toml"), Path(spec).read_bytes())
    check_writable(*exports, *([picture] if picture else []))
    interrupts.keeps(f"what was measured is kept in {path}; the same command goes on from there.")
    with progress.bars() as report:
        ran = sweeps.run(wanted, path, report=report, processes=count)
    click.echo(f"{ran.total} trials: {ran.computed} measured now, {ran.found} found in the store")
    click.echo(path)
    for table in exports:
        sweeps.export(sweeps.look(wanted, path).rows, table)
        click.echo(table)
    if picture:
        caption = {"title": wanted.title, "spec": Path(spec).name}
        click.echo(figures.save(sweeps.figure_of(wanted, path), picture, caption=caption))


def processes(cluster: str) -> int:
    """N of 'local:N'; ValueError for anything else, also for a Dask scheduler's address, which once was one."""
    local = LOCAL.fullmatch(cluster)
    if local and int(local[1]) > MOST:
        raise ValueError(f"cluster {cluster!r} is too many processes for this machine: local:1 to local:{MOST}")
    if local:
        return int(local[1])
    if "://" in cluster:
        raise ValueError(f"cluster {cluster!r} is a scheduler's address, and sweeps no longer use Dask: take local:N")
    raise ValueError(f"cluster {cluster!r} is not local:N, N processes of this machine")
