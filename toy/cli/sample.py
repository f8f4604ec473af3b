"""``python -m toy sample``: samples of a scene as a file."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from toy import memory
from toy.cli.flags import scene_of, scene_options
from toy.files import check_writable, replacing
from toy.scene import Scene


@click.command()
@click.option("--out", required=True, metavar="FILE", help="the .npz or .csv file to write")
@click.option("--path/--no-path", default=False, help="keep the whole trajectory (npz only)")
@scene_options
def sample(out: str, path: bool, **flags: str | None) -> None:
    """Draw samples and write them with the scene that made them.

    \b
    python -m toy sample --rule autoguidance --weak A32@512 --w 3 --n 4096 --out samples.npz
    """
    suffix = Path(out).suffix
    if suffix not in (".npz", ".csv"):
        raise ValueError(f"--out {out!r} does not end in .npz or .csv")
    if path and suffix == ".csv":
        raise ValueError(f"--path does not go with {out!r}: a trajectory is written to .npz only")
    scene = scene_of(**flags)
    check_writable(out)
    points, logp = drawn(scene, keep=path)
    with replacing(out) as temporary:
        if suffix == ".csv":
            np.savetxt(
                temporary,
                np.column_stack([points[-1], logp]),
                delimiter=",",
                header="x,y,true_logp",
                comments="",
            )
        else:
            arrays: dict[str, Any] = {"samples": points[-1], "logp": logp, "sigmas": scene.sigmas()}
            if path:
                arrays["path"] = points
            np.savez_compressed(temporary, **arrays, scene=json.dumps(scene.flat()))
    click.echo(out)


def drawn(scene: Scene, *, keep: bool) -> tuple[np.ndarray, np.ndarray]:
    """The path [steps + 1, n, 2], or its end [1, n, 2], and the true log-density [n] there; nothing is measured."""
    import models
    from toy import distributions, scenes, views

    cast = models.cast(scene.cast)
    memory.check(scene, keep=keep)
    path = scenes.sample(scene, cast, keep=keep)
    return np.asarray(path), np.asarray(views.logp_on(distributions.mixture(scene.target), path[-1], np.float32(0)))
