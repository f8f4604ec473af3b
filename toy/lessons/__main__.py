"""``python -m toy.lessons`` measures every number that the lessons say."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.lessons.__main__", "toy.lessons")

import click

from toy import door, lessons
from toy.files import check_writable, keep_compiled, put
from toy.lessons import measuring
from toy.progress import bars


def asked() -> dict[str, dict[str, tuple[str, str]]]:
    """Link and measure of every number, by lesson and name."""
    return {
        lesson.name: {name: (step.link, what) for step in lesson.steps for name, what in step.measured}
        for lesson in lessons.lessons()
    }


@click.command(cls=door.Command, context_settings=door.HELP)
@click.option("--out", default=str(measuring.NUMBERS), help="File to write.", show_default=True)
def main(out: str) -> None:
    """Measure the numbers of all lessons from the links of their steps, with seeds 0 to 4, and write them."""
    wanted = asked()
    check_writable(out)
    keep_compiled()
    with bars() as report:
        found = measuring.measure_all(wanted, report)
    click.echo(put(out, measuring.written(found)))
