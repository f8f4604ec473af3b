"""Colours by role can be told apart, by those too who see fewer of them, and from the page behind them."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

from toy.palette import PAGES, ROLES, SERIES, colour_of

ROOT = Path(__file__).parents[1]
THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]

# Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113, at severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
APART = 24.0  # Euclidean distance in CIELAB (D65); about 2 is just noticed side by side
TOGETHER = (  # roles that one picture shows beside each other
    ("ink", "outside", "target"),
    ("lost", "gained", "target"),
    ("target", "other"),
    ("main", "guide", "ratio", "ink", "correction"),
    ("ratio", "ratioLow"),
    ("drawn", "tilt", "main"),
    ("truth", "drawn"),
    ("truth", "main"),
    ("truth", "guide"),
    ("quality", "task", "correction"),
    ("outside", "lost"),
    ("outside", "gained"),
)
PAIRS = sorted({pair for roles in TOGETHER for pair in itertools.combinations(roles, 2)})
TO_LAB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour: str) -> np.ndarray:
    """Linear RGB of '#rrggbb'."""
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    t = TO_LAB @ rgb / TO_LAB.sum(axis=1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """Ratio of luminances as WCAG 2 has it."""
    low, high = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ linear(c)) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def distance(one: str, other: str, sight: str) -> float:
    seen = (lab(np.clip(SIGHTS[sight] @ linear(c), 0, 1)) for c in (one, other))
    return float(np.linalg.norm(np.subtract(*seen)))


def test_the_simulation_merges_what_such_eyes_merge():
    green, red = "#008a62", "#c82c28"
    assert distance(green, red, "normal") > 100
    assert distance(green, red, "protanopia") < APART
    assert distance("#ffffff", "#000000", "deuteranopia") == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sight", SIGHTS)
def test_roles_that_stand_beside_each_other_are_told_apart(sight, dark):
    found = {pair: distance(*(colour_of(role, dark) for role in pair), sight) for pair in PAIRS}
    assert {pair: f"{d:.1f}" for pair, d in found.items() if d < APART} == {}


@pytest.mark.parametrize("dark", [False, True])
def test_marks_stand_out_from_the_page(dark):
    page = THEMES["dark" if dark else "light"]["backgroundColor"]
    assert page == PAGES[dark], "figures stand on the same page"
    found = {role: contrast(colour_of(role, dark), page) for role in ROLES}
    found |= {shade: contrast(shade, page) for shade in SERIES}  # the same on both pages
    assert {role: f"{c:.2f}" for role, c in found.items() if c < 3} == {}


def test_no_control_has_the_colour_of_data():
    for dark, name in enumerate(("light", "dark")):
        accent = THEMES[name]["primaryColor"]
        assert accent == colour_of("accent", bool(dark))
        near = {role: distance(accent, colour_of(role, bool(dark)), "normal") for role in ROLES if role != "accent"}
        assert {role: f"{d:.1f}" for role, d in near.items() if d < APART / 2} == {}


def test_one_colour_one_role():
    for dark in (False, True):
        shades = [colour_of(role, dark) for role in ROLES]
        assert len(set(shades)) == len(shades)
    assert len(set(SERIES)) == len(SERIES)
