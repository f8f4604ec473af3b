"""Figures of sweeps: what nothing beats, the best of means, axes that are guessed."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.figure import Figure
from sweep_helpers import SMALL

from toy.cli.figure import draw_sweep
from toy.figures import sweeps as drawn
from toy.lab.store import StoreError


@given(hnp.arrays(float, st.integers(0, 12).map(lambda n: (n, 2)), elements=st.sampled_from([0, 1, 2, 3, math.nan])))
def test_pareto_front_is_what_nothing_beats(points: np.ndarray) -> None:
    front = drawn.pareto(points[:, 0], points[:, 1])
    for i, point in enumerate(points):
        beaten = any((other <= point).all() and (other < point).any() for other in points)
        assert front[i] == (np.isfinite(point).all() and not beaten)


def made(**axes: list) -> list[dict]:
    """Rows over axes with numbers that differ."""
    rows: list[dict] = [{}]
    for name, values in axes.items():
        rows = [{**row, name: value} for row in rows for value in values]
    return [
        {**row, "outliers": 0.01 * (i % 7), "branch_tv": 0.1 * (i % 5), "alignment": 0.9} for i, row in enumerate(rows)
    ]


def test_heat_map_is_the_best_of_means() -> None:
    rows = [
        {"x": x, "y": y, "w": w, "seed": seed, "outliers": 10 * x + y + abs(w - x) + seed, "alignment": w + seed}
        for x in (1, 2) for y in (3, 4) for w in (1, 2) for seed in (0, 2)
    ]  # fmt: skip
    table, words = drawn.heat(rows, "x", "y", "w", "outliers")
    np.testing.assert_allclose(table, [[14, 24], [15, 25]])  # rows are y; mean over seeds 1, best w is x
    assert words == ", best over w"
    np.testing.assert_allclose(drawn.heat(rows, "x", "y", "w", "alignment")[0], 3)  # more is better
    np.testing.assert_allclose(drawn.heat(rows[:-4], "x", "y", "w", "outliers")[0], [[14, 24], [15, np.nan]])


def test_a_tie_is_what_paired_seeds_do_not_tell_from_the_best() -> None:
    def rows(*cells: list[float]) -> list[dict]:
        """A cell each, with a value a seed; at w = 2 all are worse."""
        found = [
            {"x": x, "y": 0, "w": w, "seed": seed, "outliers": value + w, "alignment": 0.9}
            for x, values in enumerate(cells) for seed, value in enumerate(values) for w in (1, 2)
        ]  # fmt: skip
        return found[::-1]

    axes, noise = ["x", "y", "w", "seed"], [5.0, -3.0, 1.0]  # which all cells share, so that it says nothing

    def ties(cells: list[list[float]], metric: str = "outliers") -> list[bool]:
        return drawn.tied(rows(*cells), "x", "y", "w", metric, axes)[0].tolist()

    best, near, far = noise, [5.1, -3.1, 1.2], [6.0, -1.9, 2.05]
    assert ties([best, near, far]) == [False, True, False]
    assert ties([far, near, best]) == [False, True, False]
    assert ties([[1.0], [2.0]]) == [False, False]  # one seed says nothing
    assert ties([best, [5.1, math.nan, 1.2]]) == [False, False]
    assert drawn.tied([], "x", "y", "w", "outliers", axes).size == 0


@pytest.mark.parametrize(
    ("axes", "parts"),
    [
        ({"w": [1, 2], "seed": [0, 1]}, (None, None, "w")),
        ({"width": [8, 16], "w": [1, 2], "guide_seed": [0, 1]}, ("width", None, "w")),
        ({"width": [8, 16], "its": [1, 2, 3], "w": [1, 2], "seed": [0]}, ("width", "its", "w")),
        ({"method": ["a", "b"], "n": [1, 2, 3]}, ("method", None, "n")),
        ({"method": ["a", "b"], "n": [1, 2, 3], "steps": [8, 9]}, ("steps", "method", "n")),
        ({"rule": ["a", "b"]}, (None, None, "rule")),
        ({"seed": [0, 1, 2]}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
def test_axes_are_guessed_and_drawn(axes: dict[str, list], parts: tuple) -> None:
    rows = made(**axes) if axes else [{"n": 64, "outliers": 0.1, "branch_tv": 0.2, "alignment": 0.9}]
    assert drawn.chosen_axes(rows, list(axes)) == parts
    for metric in ("outliers", "alignment"):
        figure = drawn.sweep_figure(rows, list(axes), metric=metric, title="t")
        assert isinstance(figure, Figure)
        figure.canvas.draw()


def test_titles_say_what_was_done_to_the_rest() -> None:
    rows = made(width=[8, 16], its=[1, 2], w=[1, 2, 3], guide_seed=[0, 1])
    figure = drawn.sweep_figure(rows, ["width", "its", "w", "guide_seed"])
    title = "outliers, best over w, mean over guide_seed\n≈: not told from the best"
    assert figure.axes[0].get_title(loc="left") == title
    assert sum(text.get_text().startswith("≈ ") for text in figure.axes[0].texts) == 1


def test_nothing_to_draw_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no rows to draw"):
        drawn.sweep_figure([], ["w"])
    with pytest.raises(ValueError, match="the table has no metric 'tail' in every row"):
        drawn.sweep_figure(made(w=[1]), ["w"], metric="tail")
    spec = tmp_path / "spec.toml"
    spec.write_text(SMALL)
    with pytest.raises(StoreError, match="has no result of this sweep: run it first"):
        draw_sweep(tmp_path, "png", str(spec), str(tmp_path / "none.sqlite"))
