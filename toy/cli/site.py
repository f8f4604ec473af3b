"""``python -m toy site``: the explorer as a folder for any static host, and as one file."""

from pathlib import Path

import click

from toy.files import check_ending, check_writable
from toy.progress import bars


@click.command()
@click.option("--out", default="out/site", show_default=True, metavar="FOLDER", help="folder to write the site into")
@click.option("--single", metavar="FILE.html", help="Explore in one file, which opens without a server")
def site(out: str, single: str | None) -> None:
    """Write the explorer as pages that compute in the visitor's own browser.

    \b
    python -m toy site --out out/site
    python -m toy site --out out/site --single out/explorer.html
    """
    from toy.site import building

    building.check_place(Path(out))
    if single:
        check_ending(single, ".html", what="the file")
        check_writable(single)
    with bars() as report:
        files = building.build(out, report)
    click.echo(f"{out}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    if single:
        with bars() as report:
            path = building.single(single, report)
        click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
