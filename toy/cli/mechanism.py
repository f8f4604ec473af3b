"""``python -m toy mechanism``: what the pull of a guide is made of, at every noise level."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from toy import interrupts, progress, tables
from toy.cli.flags import TRAININGS, checked, finite, given, on_option
from toy.files import check_ending, check_writable, put
from toy.mechanism import BETWEEN, PLACES, Mechanism, due_to_task
from toy.mechanism import mechanism as of_networks
from toy.scene import of_target
from toy.settings import Choice, Knob, flags
from toy.uncertainty import standard_error

if TYPE_CHECKING:
    from toy.lab.trainings import Kept

ROLES = {"main": "A64@4096", "guide": "AB32@512", "weak": "A32@512"}
N = Knob(1, 65536, 1, "n", "points of each noise level", log=True, whole=True, name="n", default=4096)
PLACE = Choice(
    PLACES,
    "place",
    "points of the true density, or where the main model's own samples pass",
    name="place",
    default="truth",
)
USUAL = {setting.name: setting.default for setting in (N, PLACE)}
COLUMNS = ("error_main", "error_guide", "cosine", "best_w", "left", "task_share")
SEEDS = 4  # draws, where the networks are those that there are
DRAWS = f"Means and standard errors over {SEEDS} draws of the points, by the same networks."


@dataclass(frozen=True)
class Pull:
    """What was measured of a guide: ``mean`` with its errors, and the share of the task below and above ``BETWEEN``,
    ``due`` [k, 2], of k trainings, or of one.
    """

    mean: Mechanism
    due: np.ndarray

    @staticmethod
    def of(each: Sequence[Mechanism], mean: Mechanism) -> "Pull":
        """That of trainings, or of one measurement, whose ``mean`` is given."""
        return Pull(mean, np.array([due_to_task(one) for one in each]))

    def numbers(self) -> dict[str, object]:
        """For JSON, by noise level."""
        parts = {part: getattr(self.mean, part) for part in ("values", "errors")}
        listed = {part: {name: each.tolist() for name, each in found.items()} for part, found in parts.items()}
        return {"sigmas": self.mean.sigmas.tolist(), **listed, "due_to_task": self.due.tolist()}

    def words(self) -> str:
        """The share of the task below and above, with their standard errors over trainings."""
        low, high = (
            f"{100 * each.mean():.1f}{f' ± {100 * standard_error(each):.1f}' if len(each) > 1 else ''}%"
            for each in self.due.T
        )
        return f"{low} below σ = {BETWEEN:g}, {high} above"

    def table(self) -> list[list[str]]:
        """A line a noise level."""
        values, errors = self.mean.values, self.mean.errors
        names = [name for name in COLUMNS if name in values]
        lines = [["σ", *(name.replace("_", " ") for name in names)]]
        for i, sigma in enumerate(self.mean.sigmas):
            pairs = ((values[name][i], errors[name][i]) for name in names)
            cells = (f"{value:.3g} ± {error:.1g}" if np.isfinite(error) else f"{value:.3g}" for value, error in pairs)
            lines.append([f"{sigma:.3g}", *cells])
        return lines


def sentences(own: Pull, placebo: Pull | None) -> list[str]:
    """What a pull is made of, in words; nothing without a weak model."""
    if not np.isfinite(own.due).all():
        return []
    found = [f"Of the guide's pull the task makes {own.words()}."]
    return [*found, f"Of a placebo's, the weak model trained once more: {placebo.words()}."] if placebo else found


@click.command()
@click.option("--main", metavar="DENSITY", help=f"the model that is guided [{ROLES['main']}]")
@click.option("--guide", metavar="DENSITY", help=f"what its guidance points away from [{ROLES['guide']}]")
@click.option("--weak", metavar="DENSITY", help=f"of main's own task, as poor as the guide, or none [{ROLES['weak']}]")
@checked(PLACE)
@checked(N)
@checked(TRAININGS)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option("--out", metavar="FILE", help="the .md report to write, with figure and numbers beside it")
@on_option
def mechanism(place: str, n: int, trainings: int | None, as_json: bool, out: str | None, **names: str | None) -> None:
    """Take the pull of a guide apart, at 25 noise levels: where it points, and how much of it another task makes.

    With --trainings a placebo stands beside it, a guide without another task: the weak model trained once more.

    \b
    python -m toy mechanism --guide AB32@512 --weak A32@512
    python -m toy mechanism --guide A32@512 --weak none --place sampler --json
    python -m toy mechanism --trainings 5 --out docs/mechanism.md
    """
    from models import stored, zoo
    from toy.lab.store import unfinished
    from toy.lab.trainings import OVER

    asked = given(names)
    target = str(asked.pop("target", "A"))
    cast = {role: asked.get(role, of_target(usual, target)) for role, usual in ROLES.items()}
    if cast["weak"] == "none":
        del cast["weak"]
    for name in cast.values():
        zoo.missing(name)  # refuses what is no name
    if out is not None:
        check_ending(out, ".md")
        check_writable(*(Path(out).with_suffix(suffix) for suffix in (".md", ".png", ".json")))
    interrupts.keeps("no report was written; networks that were trained are kept, and numbers that were measured.")
    with unfinished(Path(out) if out else stored.kept_path("mechanism")) as kept:
        own, placebo = _measured(cast, target, place, n, trainings, kept)
        words = OVER.format(trainings) if trainings else DRAWS
        lines = [*sentences(own, placebo), words]
        found = {"cast": cast, "place": place, "n": n, "trainings": trainings, "words": lines, "guide": own.numbers()}
        if placebo:
            found["placebo"] = placebo.numbers()
        text = json.dumps(finite(found), indent=1, ensure_ascii=False)
        click.echo(text if as_json else "\n".join([tables.aligned(own.table()), "", *lines]))
        if out is not None:
            command = command_of({**names, "place": place, "n": n, "trainings": trainings}, out)
            _write(out, cast["guide"], own, placebo, text, lines, command)


def _measured(
    names: Mapping[str, str], target: str, place: str, n: int, trainings: int | None, kept: "Kept"
) -> tuple[Pull, Pull | None]:
    import models
    from toy.lab.trainings import place_of, pulls, together

    if trainings is None:
        cast = {role: models.load(name) for role, name in names.items()}
        found = of_networks(
            cast["main"], cast["guide"], weak=cast.get("weak"), target=target, n=n, seeds=SEEDS, at=place
        )
        return Pull.of([found], found), None
    on = place_of(target)
    with progress.bars() as told:
        each, again = pulls(
            names["main"],
            names["guide"],
            names.get("weak", ""),
            trainings=trainings,
            n=n,
            on=on,
            at=place,
            kept=kept,
            report=told,
        )
    return Pull.of(each, together(each)), Pull.of(again, together(again)) if again else None


def command_of(values: Mapping[str, object], out: str) -> str:
    """The command line that asks for the same."""
    said = {name: value for name, value in values.items() if value is not None and value != USUAL.get(name)}
    return f"python -m toy mechanism {flags({**said, 'out': out})}"


def _write(
    out: str, guide: str, own: Pull, placebo: Pull | None, text: str, lines: Sequence[str], command: str
) -> None:
    """The report, its figure and its numbers."""
    from toy import figures

    path = Path(out)
    figure = figures.mechanism_figure({f"guide {guide}": own.mean}, placebo.mean if placebo else None)
    parts = [
        "# What the pull of a guide is made of",
        f"`{command}`",
        " ".join(lines),
        f"![By noise level]({path.stem}.png)",
    ]
    report = "\n\n".join([*parts, tables.markdown(own.table())])
    contents: dict[str, bytes | str] = {
        ".png": figures.encode(figure, "png", {"title": command}),
        ".json": f"{text}\n",
        ".md": f"{report}\n",
    }
    for suffix, content in contents.items():
        put(path.with_suffix(suffix), content)
