"""What a story says is what the panels show: measured, with the shipped networks, for its own seed and for another."""

import re
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from toy import distributions
from toy.scene import Scene
from toy.state import SLOTS
from toy.ui.glossary import meaning
from toy.viewer import computing, packs
from toy.viewer.presets import PRESETS, opened
from toy.viewer.sources import VIEWER

side = cache(computing.side)  # stories share scenes


def seen(name, slot, seed):
    """What one panel of a story shows, by the names that a claim gives it."""
    state = opened(name)
    found = side(replace(state.scene(slot), seed=seed))
    numbers = dict(packs.measured(found)["values"])
    gain = found.arrays["branch_gain"]
    numbers |= {"trunk": 2.0 ** float(gain[0]), "emptied": int(np.sum(gain < -2))}
    view = dict(state.ui).get("view")
    if view:
        codes, lo, hi = found.arrays["positions"]
        x = (codes[-1] / 65535 * (hi - lo) + lo) * computing.SIGMA_DATA
        numbers["window"] = float(np.mean(np.abs(x - np.array(view[:2])).max(-1) < view[2]))
    return SimpleNamespace(**numbers)


@pytest.mark.computes
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PRESETS)
def test_a_story_says_what_its_panels_show(name, seed):
    shown = {slot: seen(name, slot, seed) for slot in SLOTS}
    claims = PRESETS[name].shows
    assert claims
    untrue = [claim for claim in claims if not eval(claim, {"__builtins__": {}}, shown)]
    assert not untrue, f"{PRESETS[name].sentence} {shown}"


@pytest.mark.computes
@pytest.mark.parametrize("name", PRESETS)
def test_both_sides_start_from_the_same_noise(name):
    """As the page says of every picture."""

    def start(slot):
        codes, lo, hi = side(opened(name).scene(slot)).arrays["positions"]
        return codes[0] / 65535 * (hi - lo) + lo

    np.testing.assert_allclose(start("left"), start("right"), atol=2e-3)


def test_the_glossary_says_what_the_tree_and_the_pictures_are():
    trunk = distributions.of("A").mass[0]
    assert "a quarter of the true samples" in meaning("trunk")
    assert trunk == pytest.approx(0.25, abs=0.015)
    assert trunk == distributions.of("A").mass.max()
    assert "from 5," in meaning("sigma")
    assert Scene.of("none").sigma_max == 5
    assert "an eighth" in meaning("lost")
    assert "eight times" in meaning("gained")
    limit = re.search(r"GAIN_LIMIT = (\d+)", (VIEWER / "colour.js").read_text(encoding="utf-8"))
    assert limit is not None
    assert 2.0 ** int(limit[1]) == 8
