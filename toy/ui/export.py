"""Files made from the State: figures by the command line's own code, samples, and a page that needs no server."""

import io
import json
from dataclasses import replace

import numpy as np

import models
import toy
from toy import scenes
from toy.captions import captions
from toy.state import SLOTS, State, figure
from toy.viewer import computing, packs
from toy.viewer.requests import Request
from toy.viewer.sources import standalone_html


def movie(state: State, dark: bool = False) -> bytes:
    """The animation of both sides as GIF."""
    scenes_now = [replace(state.scene(slot), n=min(state.scene(slot).n, 2048)) for slot in SLOTS]
    frames = [scenes.compute(scene, models.cast(scene.cast), floor=False) for scene in scenes_now]
    return toy.figures.animation(frames, dark=dark)


def samples(state: State, dark: bool = False) -> bytes:
    """Both trajectories as npz, with the scenes that made them."""
    arrays: dict[str, np.ndarray] = {}
    for slot in SLOTS:
        frame = scenes.compute(state.scene(slot), models.cast(state.scene(slot).cast), floor=False)
        arrays |= {f"{slot}_path": frame.path, f"{slot}_logp": frame.logp, "sigmas": frame.sigmas}
        arrays[f"{slot}_scene"] = np.array(json.dumps(frame.scene.flat()))
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def table(state: State, dark: bool = False) -> bytes:
    """The samples of both sides as CSV."""
    rows = ["side,x,y,true_logp"]
    for slot in SLOTS:
        frame = scenes.compute(state.scene(slot), models.cast(state.scene(slot).cast), keep=False, floor=False)
        rows += [f"{slot},{x:.6g},{y:.6g},{logp:.6g}" for (x, y), logp in zip(frame.samples, frame.logp, strict=True)]
    return "\n".join(rows).encode()


def page(state: State, dark: bool = False) -> bytes:
    """One HTML file without a server: it plays the scene, and computes what its knobs ask for where a browser can."""
    sides = {slot: computing.side(state.scene(slot)) for slot in SLOTS}
    names = " and ".join(captions(state.left, state.right))
    try:
        living = packs.living_pack(state)
    except ValueError:  # it plays what was computed here
        living = b""
    return standalone_html(packs.assemble(state, sides, Request()), names, living).encode()


CHOICES = (
    ("Figure, PNG", "guidance.png", "image/png", lambda state, dark=False: figure(state, "png", dark=dark)),
    ("Figure, SVG", "guidance.svg", "image/svg+xml", lambda state, dark=False: figure(state, "svg", dark=dark)),
    ("Figure, PDF", "guidance.pdf", "application/pdf", lambda state, dark=False: figure(state, "pdf", dark=dark)),
    ("Animation of the dots, GIF", "guidance.gif", "image/gif", movie),
    ("Page without a server, HTML", "guidance.html", "text/html", page),
    ("Trajectories, NPZ", "guidance.npz", "application/octet-stream", samples),
    ("Samples, CSV", "guidance.csv", "text/csv", table),
)
