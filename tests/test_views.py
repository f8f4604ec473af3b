"""Views: a window by name or by numbers, and the grid that fills it."""

import numpy as np
import pytest

from toy.views import VIEWS, view_of


@pytest.mark.parametrize("name", VIEWS)
def test_view_by_name(name):
    view = view_of(name)
    assert view == VIEWS[name]
    assert view_of(f"{view.x},{view.y},{view.half}") == view


def test_view_grid_fills_its_box():
    grid = view_of("0.5,-1,2").grid(5)
    assert grid.shape == (5, 5, 2)
    assert grid.dtype == np.float32
    np.testing.assert_allclose(grid[0, 0], (-1.5, -3))
    np.testing.assert_allclose(grid[-1, -1], (2.5, 1))
    np.testing.assert_allclose(grid[0, :, 0], np.linspace(-1.5, 2.5, 5))
    assert view_of("0.5,-1,2").box == (-1.5, 2.5, -3, 1)


@pytest.mark.parametrize(
    "bad", ["wide", "1,2", "1,2,3,4", "a,b,c", "", "nan,0,1", "0,0,nan", "0,0,0", "0,0,-1", "101,0,1"]
)
def test_bad_view_names_itself(bad):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        view_of(bad)
    assert str(caught.value).startswith(f"view = {bad} is not tree, closeup, ")
