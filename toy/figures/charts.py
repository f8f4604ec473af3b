"""Axes with ticks: what the figures of numbers share, beside the square panels of pictures."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from toy.figures.panels import DPI, WIDTH

FAINT = "#E4E6EA"  # grids and what stands behind the data


def rooms(
    heights: tuple[float, ...], columns: int, *, left: float, top: float, across: float = 0.08
) -> tuple[Figure, np.ndarray]:
    """Rows of axes of the given heights under each other; all numbers in inches."""
    right, below, between = 0.06, 0.34, 0.1
    height = top + sum(heights) + between * (len(heights) - 1) + below
    side = (WIDTH - left - right - across * (columns - 1)) / columns
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    axes = np.empty((len(heights), columns), object)
    y = height - top
    for row, tall in enumerate(heights):
        y -= tall
        for column in range(columns):
            x = left + column * (side + across)
            axes[row, column] = plain(figure.add_axes((x / WIDTH, y / height, side / WIDTH, tall / height)))
        y -= between
    return figure, axes


def plain(ax: Axes) -> Axes:
    """No frame above and at the right, a faint grid, short ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(which="both", width=0.5, length=2, pad=1.5, labelsize=6, color="#555555")
    ax.tick_params(which="minor", length=0)
    ax.grid(color=FAINT, linewidth=0.5)
    ax.set_axisbelow(True)
    return ax


def ticked(ax: Axes, axis: str, at: tuple[float, ...], *, percent: bool = False) -> None:
    """Ticks at these values alone, written without needless digits."""
    which = ax.xaxis if axis == "x" else ax.yaxis
    which.set_major_locator(FixedLocator(at))
    which.set_minor_locator(NullLocator())
    which.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.4g}" if not percent else f"{100 * v:g}%"))


Line = str | tuple[float, tuple[float, ...]]  # as matplotlib takes it


def banded(
    ax: Axes, x: np.ndarray, mean: np.ndarray, error: np.ndarray, colour: str, *, label: str = "", line: Line = "-",
    width: float = 1.0,
) -> None:  # fmt: skip
    """A curve in a band of two standard errors; a single point with a bar; nothing where there is no number."""
    spread = 2 * np.nan_to_num(error)
    if len(x) == 1:
        ax.errorbar(x, mean, yerr=spread, color=colour, marker="o", markersize=2, linewidth=width, label=label)
        return
    ax.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
    ax.plot(x, mean, color=colour, linewidth=width, linestyle=line, label=label)
