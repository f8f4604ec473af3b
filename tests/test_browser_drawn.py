"""The site's JavaScript makes of a drawing what Python makes of it: names, mixtures, truths, outlines, refusals."""

import json
from itertools import pairwise

import jax
import numpy as np
import pytest
from scipy.spatial import KDTree
from site_helpers import in_node, made

from toy import distributions, views
from toy.browser.numbers import numbers_of
from toy.browser.truth import truth_of
from toy.distributions.strokes import LARGEST, MOST_POINTS, MOST_STROKES, Stroke, store
from toy.site.catalogue import BLURRED, target, targets
from toy.viewer import computing

N = 256


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A data folder of one's own."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))


def given(label: str, width: float, *at: tuple[float, float]) -> dict:
    return {"label": label, "width": width, "at": [float(x) for point in at for x in point]}


def walk(rng: np.random.Generator, label: str, points: int, width: float) -> dict:
    """As a pen reports it, to five digits."""
    steps = np.cumsum(rng.normal(size=(points, 2)), axis=0) * 0.08 + rng.normal(size=2)
    return given(label, float(f"{width:.5g}"), *(tuple(float(f"{x:.5g}") for x in point) for point in steps))


def several(seed: int) -> list[dict]:
    """A drawing of one to twelve strokes in one to eight classes."""
    rng = np.random.default_rng(seed)
    letters = rng.choice(list("ABCDEFGH"), size=rng.integers(1, 4 if seed % 2 else 9), replace=False)
    return [
        walk(rng, str(rng.choice(letters)), int(rng.integers(1, 60)), 10 ** rng.uniform(-1.7, -0.5))
        for _ in range(rng.integers(1, 13))
    ]


SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
HOSTILE = {
    "one dot": [given("A", 0.05, (0.3, -0.2))],
    "one class": [given("C", 0.05, (0, 0), (1, 0)), given("C", 0.1, (0, 1), (1, 1.5))],
    "along the axes": [given("A", 0.04, (-1, 0), (1, 0)), given("B", 0.04, (0, -1), (0, 1))],
    "512 strokes": [given("AB"[i % 2], 0.05, (i % 32, i // 32), (i % 32 + 0.7, i // 32 + 0.1)) for i in range(512)],
    "4096 points": [walk(np.random.default_rng(i), "ABC"[i % 3], 64, 0.05) for i in range(64)],
    "the finest brush": [given("A", 0.001, (0, 0), (1, 0.2)), given("B", 0.02, (0, 1), (1, 1))],
    "wider than it is long": [given("A", 3.0, (0, 0), (1, 0)), given("B", 1.0, (0, 1), (1, 1))],
    "a loop in one step": [given("A", 0.6, *SQUARE), given("B", 0.1, (2, 0), (3, 0))],
    "there and back": [given("A", 0.05, (0, 0), (1, 0), (0, 0), (1, 0), (0, 0)), given("B", 0.1, (0, 1))],
    "twice in one place": [given("A", 0.05, (0, 0), (0, 0), (1, 1), (1, 1)), given("B", 0.1, (0, 1), (0, 1))],
    "huge": [given("A", 1e28, (-1e30, 0), (1e30, 1e30)), given("B", 1e28, (0, -1e30), (0, 1e29))],
    "tiny": [given("A", 1e-30, (0, 0), (1e-29, 0)), given("B", 1e-30, (0, 1e-29))],
    "far away": [given("A", 1e-3, (1e8, 1e8)), given("B", 1e-3, (1e8 + 0.1, 1e8))],
}
DRAWINGS = {**HOSTILE, **{f"drawing {seed}": several(seed) for seed in range(24)}}


def strokes(drawing: list[dict]) -> list[Stroke]:
    return [
        Stroke(one["label"], float(one["width"]), np.reshape([float(x) for x in one["at"]], (-1, 2))) for one in drawing
    ]


@pytest.fixture(scope="module")
def found() -> dict[str, dict]:
    answer = in_node("drawn.mjs", {"catalogue": made(), "drawings": list(DRAWINGS.values()), "n": N})
    return dict(zip(DRAWINGS, answer["drawings"], strict=True))


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_the_same_distribution(name, found):
    said, on = found[name], store(strokes(DRAWINGS[name]))
    assert said["on"] == on
    assert said["offered"] == distributions.targets(on)
    assert list(said["targets"]) == list(targets(on))
    assert said["densities"] == [f"exact:{each}{more}" for more in ("", BLURRED) for each in targets(on)]
    known = distributions.distribution_of(on)
    np.testing.assert_allclose(said["origin"], known.origin, rtol=1e-12, atol=1e-12 * known.unit)
    np.testing.assert_allclose(said["unit"], known.unit, rtol=1e-13)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_target_of_a_drawing_is_known_alike(name, found):
    store(strokes(DRAWINGS[name]))
    for each, said in found[name]["targets"].items():
        whole, of = json.loads(json.dumps(target(each))), distributions.of(each)
        close = {key: value for key, value in said["told"]["shown"].items() if key not in ("origin", "unit")}
        assert close == {key: value for key, value in whole["shown"].items() if key not in ("origin", "unit")}
        assert {key: said["told"][key] for key in ("on", "prior", "called", "said")} == {
            key: whole[key] for key in ("on", "prior", "called", "said")
        }
        np.testing.assert_allclose(said["told"]["view"], whole["view"], atol=1e-9)
        assert said["mode"] == of.mode_of_group.tolist()
        np.testing.assert_allclose(said["mass"], of.mass, rtol=1e-12)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_mixture_has_the_same_numbers_and_samples(name, found):
    store(strokes(DRAWINGS[name]))
    for each, said in found[name]["targets"].items():
        density = distributions.mixture(each)
        wanted = numbers_of(density)
        assert {key: said["density"][key] for key in ("kind", "groups", "parts", "level")} == {
            **{key: wanted[key] for key in ("kind", "groups", "parts")},
            "level": list(wanted["level"]),
        }
        for key in ("log_weights", "origins", "axes", "variances", "centres", "edges"):
            tight = {"rtol": 2e-6, "atol": 1e-5 if key == "axes" else 1e-6}
            np.testing.assert_allclose(said["density"][key], wanted[key].ravel(), **tight, err_msg=f"{each} {key}")
        sample = np.asarray(density.sample(jax.random.key(3), N))
        apart = np.linalg.norm(np.reshape(said["sample"], (-1, 2)) - sample, axis=1)
        assert np.mean(apart > 1e-4) < 0.01, each  # a draw that falls on the edge between two Gaussians


REFUSED = [
    [],
    [given("A", 0.1, (0, 0))] * (MOST_STROKES + 1),
    [walk(np.random.default_rng(0), "A", MOST_POINTS + 1, 0.05)],
    [{"label": "A", "width": 1, "at": []}],
    [given("A", 0.1, (0, 0)), given("A", 0.1, (0, 2 * LARGEST))],
    [given("Q", 1, (0, 0))],
    [given("AB", 1, (0, 0))],
    [given("'", 1, (0, 0))],
    [given("", 1, (0, 0))],
    [given("A", 0, (0, 0))],
    [given("A", -1, (0, 0))],
    [given("A", 1e-200, (0, 0))],
    [given("A", 1e31, (0, 0))],
    [given("A", 0.0009, (0, 0), (1, 0))],
    [given("A", 1e-6, (1e8, 0))],
    [{"label": "A", "width": "nan", "at": [0, 0]}],
    [{"label": "A", "width": 1, "at": ["nan", 0]}],
    [{"label": "A", "width": 1, "at": ["inf", 0]}],
]


def test_what_is_no_drawing_is_refused_in_the_same_words():
    answer = in_node("drawn.mjs", {"catalogue": made(), "drawings": REFUSED})
    for drawing, said in zip(REFUSED, answer["drawings"], strict=True):
        with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
            store(strokes(drawing))
        assert said == {"refused": str(caught.value)}


# --- By the engine ----------------------------------------------------------------------------------------------------

WORKED_OUT = [("along the axes", "A"), ("drawing 3", ""), ("a loop in one step", "AB"), ("one class", "C")]


def nearest(points: np.ndarray, lines: list[np.ndarray]) -> np.ndarray:
    """At most how far each point is from the nearest of some closed lines: of their parts with the nearest middles."""
    begin = np.concatenate(lines)
    end = np.concatenate([np.roll(line, -1, axis=0) for line in lines])
    _, some = KDTree((begin + end) / 2).query(points, k=8)
    begin, along = begin[some], (end - begin)[some]
    away = points[:, None] - begin
    share = (away * along).sum(axis=-1) / np.maximum(np.square(along).sum(axis=-1), 1e-30)
    return np.linalg.norm(away - np.clip(share, 0, 1)[..., None] * along, axis=-1).min(axis=1)


@pytest.mark.computes
def test_truth_and_outlines_are_those_of_python():
    names = {name: store(strokes(DRAWINGS[name])) for name, _ in WORKED_OUT}
    asked = [(name, classes or distributions.targets(names[name])[0][-1]) for name, classes in WORKED_OUT]
    pairs = [[list(DRAWINGS).index(name), classes] for name, classes in asked]
    answer = in_node("drawn.mjs", {"catalogue": made(), "drawings": list(DRAWINGS.values()), "targets": pairs, "n": 1})
    for (name, classes), said in zip(asked, answer["targets"], strict=True):
        each = f"{names[name]}/{classes}"
        wanted, truth = truth_of(each), said["truth"]
        assert truth.keys() == wanted.keys()
        assert {key: truth[key] for key in ("both", "mode", "level", "names")} == {
            key: wanted[key] for key in ("both", "mode", "level", "names")
        }
        for key in ("prior", "mass"):
            np.testing.assert_allclose(truth[key], wanted[key], rtol=1e-9)
        for key in ("threshold", "tail", "far"):
            assert truth[key] == pytest.approx(wanted[key], abs=2e-3), (each, key)
        assert truth["regions"]["sigmas"] == wanted["regions"]["sigmas"]
        np.testing.assert_allclose(truth["regions"]["edges"], wanted["regions"]["edges"], atol=5e-3)
        drawn = computing.drawn_scenery(each)
        for key in (key for key in drawn if key.startswith("tree.")):
            np.testing.assert_allclose(
                np.reshape(said["scenery"][key]["data"], drawn[key].shape), drawn[key], atol=1e-6
            )
        outlines = {key for key in said["scenery"] if key.startswith("outline.") and not key.endswith(".starts")}
        known = distributions.of(each)
        assert outlines == {f"outline.{one.classes}" for one in (known, known.rest, known.all) if one}
        for key in outlines:
            line, starts = np.reshape(said["scenery"][key]["data"], (-1, 2)), said["scenery"][f"{key}.starts"]["data"]
            mine = [line[a:b] for a, b in pairwise([*starts, len(line)])]
            own = views.contours(f"{known.on}/{key.removeprefix('outline.')}")
            assert len(mine) == len(own)
            cell = 2 * views.window("tree", known.all.name).half / 159
            assert nearest(np.concatenate(own), mine).max() < cell
            assert nearest(np.concatenate(mine), own).max() < cell
