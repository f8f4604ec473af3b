"""``python -m toy.viewer.default`` writes the default scene that the app shows while the engine starts."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.viewer.default")

import click

from toy import door
from toy.files import check_writable, put
from toy.viewer.packing import DEFAULT_PACK
from toy.viewer.packs import default_pack


@click.command(cls=door.Command, context_settings=door.HELP)
def main() -> None:
    """Compute what the app shows first, and write it where the app finds it."""
    check_writable(DEFAULT_PACK)
    click.echo(put(DEFAULT_PACK, default_pack()))
