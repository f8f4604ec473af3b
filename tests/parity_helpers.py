"""Scenes that both engines run, and what the browser's makes of them in node."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from models import zoo
from toy.browser import told
from toy.densities import Normalised
from toy.guidance import RULES
from toy.names import Name
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.schedules import SCHEDULES
from toy.viewer.packing import pack

RUNNER = Path(__file__).parent / "js" / "parity.mjs"
N = 64
CLOSE = 2e-6  # of a length, or of a sample's own where that is above 1
PARTED = 1e-3
AT, LEVEL = np.float32([[0.3, 0.4], [-0.2, 0.1], [1.0, -1.0], [0.0, 0.0]]), 0.3  # where the guided score is asked
# They draw anew at every place, by the bits of its coordinates: one rounding of a start is another draw.
DRAWN = {"time_step_guidance", "independent_condition_guidance"}


def usual(rule, **values):
    """A rule as it is, but with exact densities where a log-density's constant is asked, which takes long to find."""
    types = RULES[rule].types
    scene = Scene.of(rule, n=N, **values)
    whole = {role: Name.parse(name) for role, name in scene.cast if types[role] is Normalised}
    return scene.change(**{role: str(name.exact(zoo.classes_of)) for role, name in whole.items()})


def turned(scene):
    """The same with every knob of its schedule and integrator elsewhere than usual."""
    knobs = {name: knob for entry in scene.entries[1:] for name, knob in entry.knobs.items()}

    def other(knob):
        return min(knob.hi, round((knob.default + 0.15 * (knob.hi - knob.lo)) / knob.step) * knob.step)

    numbers = {name: other(knob) for name, knob in knobs.items() if not knob.size}
    vectors = {name: tuple(np.linspace(0, 1, knob.size)) for name, knob in knobs.items() if knob.size}
    return scene.change(**numbers, **vectors)


CASES = {f"rule {rule}": usual(rule) for rule in RULES}
OTHERS = [name for name in INTEGRATORS if name not in ("smc", "heun")]
CASES |= {f"integrator {name}": turned(usual("cfg", w=3, integrator=name)) for name in OTHERS}
CASES |= {
    "schedule interval": turned(usual("cfg", w=3, schedule="interval")),
    "exact scores": usual("cfg", w=3, main="exact:A", unconditional="exact:AB"),
    "another distribution": usual("cfg", w=2, target="moons/A"),
    "from N(0, σ²)": usual("autoguidance", start="normal", seed=5, steps=16),
}
ALL_SCHEDULES = {name: turned(usual("cfg", schedule=name)) for name in SCHEDULES}


def given(scenes) -> bytes:
    """What the engine needs for some scenes, and their runs, as one pack."""
    lists, arrays = told.told(told.needed(scenes))
    runs = [{"scene": told.scene_of(scene), "at": AT.ravel().tolist(), "sigma": LEVEL} for scene in scenes]
    return pack({**lists, "runs": runs}, arrays)


def in_node(scenes, folder: Path) -> list[dict]:
    """What the engine makes of each scene in node, without workers; skips where there is no node."""
    if shutil.which("node") is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("node is not installed")
        pytest.skip("node is not installed")
    (folder / "given.pack").write_bytes(given(scenes))
    subprocess.run(["node", RUNNER, folder / "given.pack", folder / "found.json"], check=True)
    return json.loads((folder / "found.json").read_text())


def apart(end, other):
    """Distance of each point from where it should be, over its length where that is above 1."""
    return np.hypot(*(other - end).T) / np.maximum(1, np.hypot(*end.T))
