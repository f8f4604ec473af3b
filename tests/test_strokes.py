"""A drawing as a distribution: strokes of a brush, kept by content."""

from pathlib import Path

import numpy as np
import pytest

from toy import distributions
from toy.distributions import keeping, strokes
from toy.distributions.strokes import Stroke, store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of one's own."""
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))


def wave(width: float = 8.0) -> Stroke:
    """As a pen reports it: in pixels, at uneven steps, some twice in the same place."""
    t = np.sort(np.random.default_rng(0).random(200))
    return Stroke("A", width, np.repeat(np.stack([400 * t, 60 * np.sin(6 * t)], axis=1), 2, axis=0))


DOT = Stroke("C", 20.0, np.array([[200.0, 200.0]]))


def test_a_stroke_is_a_chain_as_wide_as_the_brush_and_as_heavy_as_it_is_long():
    name = store([wave(), DOT])
    made = distributions.distribution_of(name)
    length = np.linalg.norm(np.diff(wave().at, axis=0), axis=1).sum()
    assert distributions.prior(f"{name}/A") == pytest.approx(length / (length + DOT.width), rel=0.01)
    assert made.classes == "AC"
    np.testing.assert_allclose(made.thickness * made.unit, [*[8.0] * (len(made.start) - 1), 20.0], rtol=1e-9)
    weights = made.weights / made.weights.sum()
    np.testing.assert_allclose(np.einsum("gk,gki->i", weights, made.means), 0, atol=1e-12)
    # Every point of the pen is within half a width of a piece, and pieces follow one another.
    at = (wave().at - made.origin) / made.unit
    start, end = made.start[:-1], made.end[:-1]
    np.testing.assert_array_equal(start[1:], end[:-1])
    along = end - start
    share = np.clip(np.einsum("ngi,gi->ng", at[:, None] - start, along) / np.square(along).sum(axis=1), 0, 1)
    away = np.linalg.norm(at[:, None] - start - share[..., None] * along, axis=-1).min(axis=1)
    assert away.max() < 0.5 * made.thickness[0]


def test_a_drawing_is_kept_by_content_and_read_back():
    name = store([wave(), DOT])
    assert name.startswith("strokes-")
    assert store([wave(), DOT]) == name != store([wave(7.0), DOT])
    again = strokes.read(keeping.text_of(name))
    assert store(again) == name
    assert len(distributions.distribution_of(store([wave(0.5)] * 10)).start) <= 10 + strokes.PIECES


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        ([], "a drawing has 0 strokes, not from 1 to 512"),
        ([DOT] * 513, "a drawing has 513 strokes, not from 1 to 512"),
        ([wave()] * 11, "a drawing has 4400 points, more than 4096"),
        ([Stroke("A", 1.0, np.zeros((0, 2)))], "no line of points in the plane"),
        ([Stroke("A", 1.0, np.zeros(2))], "no line of points in the plane"),
        ([Stroke("A", 1.0, np.array([[np.nan, 0]]))], "not two finite numbers"),
        ([Stroke("Q", 1.0, DOT.at)], "class 'Q' of a stroke is not a letter from A to P"),
        ([Stroke("AB", 1.0, DOT.at)], "class 'AB' of a stroke is not a letter from A to P"),
        ([Stroke("A", 0.0, DOT.at)], "width 0 of a stroke"),
        ([Stroke("A", np.nan, DOT.at)], "width nan of a stroke"),
        ([wave(0.1)], "width 0.1 of a stroke is not at least 0.001 of the drawing's size"),
    ],
)
def test_what_is_no_drawing_gets_one_sentence(drawing, words):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        store(drawing)
    assert words in str(caught.value)
