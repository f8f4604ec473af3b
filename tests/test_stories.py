"""What a story says is what the panels show: measured, with the shipped networks, for its own seed and for another."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from toy.state import SLOTS
from toy.ui import explorer
from toy.ui.presets import PRESETS, opened

side = cache(explorer.side)  # stories share scenes


def seen(name, slot, seed):
    """What one panel of a story shows, by the names that a claim gives it."""
    state = opened(name)
    found = side(replace(state.scene(slot), seed=seed))
    numbers = {row["key"]: row["value"] for row in explorer.measures(found)}
    gain = found.arrays["branch_gain"]
    numbers |= {"trunk": 2.0 ** float(gain[0]), "emptied": int(np.sum(gain < -2))}
    view = dict(state.ui).get("view")
    if view:
        codes, lo, hi = found.arrays["positions"]
        x = (codes[-1] / 65535 * (hi - lo) + lo) * explorer.SIGMA_DATA
        numbers["window"] = float(np.mean(np.abs(x - np.array(view[:2])).max(-1) < view[2]))
    return SimpleNamespace(**numbers)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PRESETS)
def test_a_story_says_what_its_panels_show(name, seed):
    shown = {slot: seen(name, slot, seed) for slot in SLOTS}
    claims = PRESETS[name].shows
    assert claims
    untrue = [claim for claim in claims if not eval(claim, {"__builtins__": {}}, shown)]
    assert not untrue, f"{PRESETS[name].sentence} {shown}"
