"""Effects with their intervals against what they had to exceed: a forest plot with a scale of its own in each row."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toy.figures.charts import FAINT
from toy.figures.panels import DARK, DPI, GREEN, GREY, RED, WIDTH, style

COLOURS = {"holds": GREEN, "does not hold": RED, "undecided": GREY, "nothing to gain": GREY}
INSIDE = "#DDEFE6"  # where an effect must lie
LINE = 0.155  # inches
LEFT, RIGHT = 3.0, 2.05  # inches of text on both sides


@dataclass(frozen=True)
class Row:
    """One part of a claim: mean effect, interval, bounds, both verdicts; infinite where there is none."""

    claim: str
    part: str
    mean: float
    low: float
    high: float
    lo: float
    hi: float
    verdict: str
    of_claim: str


def claims_figure(rows: Sequence[Row]) -> Figure:
    """A row a part under its claim; shaded where the effect must lie. ValueError without rows."""
    if not rows:
        raise ValueError("no claim was measured, so there is nothing to draw")
    titles = list(dict.fromkeys(row.claim for row in rows))
    alone = {row.claim for row in rows if not row.part}
    lines = len(rows) + len(titles) - len(alone)
    with style():
        height = 0.3 + LINE * lines
        figure = Figure(figsize=(WIDTH, height), dpi=DPI)
        ax = figure.add_axes((0, 0.05 / height, 1, LINE * lines / height))
        ax.set_xlim(0, WIDTH)
        ax.set_ylim(lines, 0)
        ax.axis("off")
        y = 0.5
        for title in titles:
            own = [row for row in rows if row.claim == title]
            words, colour = f"{title.replace('_', ' ')}: {own[0].of_claim}", COLOURS[own[0].of_claim]
            ax.text(0.06, y, words, color=colour, fontsize=6, fontweight="bold", va="center")
            y += title not in alone
            for row in own:
                _row(ax, y, row)
                y += 1
        figure.text(
            LEFT / WIDTH, 1 - 0.14 / height, "0 and threshold: lines; shaded: holds", fontsize=5.5, color="#555555"
        )
        figure.text(
            1 - (RIGHT - 0.1) / WIDTH, 1 - 0.14 / height, "effect [95% interval], threshold", fontsize=5.5, color="#555"
        )
    return figure


def _row(ax: Axes, y: float, row: Row) -> None:
    """A part's name, its strip, its numbers."""
    if row.part:
        ax.text(0.2, y, row.part, color="#333333", fontsize=6, va="center")
    left, right = LEFT, WIDTH - RIGHT
    at = _scale(row, left, right)
    ends = [at(end) if math.isfinite(end) else side for end, side in ((row.lo, left), (row.hi, right))]
    ax.fill_between(ends, y - 0.42, y + 0.42, color=INSIDE, linewidth=0)
    ax.plot([left, right], [y, y], color=FAINT, linewidth=0.5, zorder=1)
    ax.plot([at(0)] * 2, [y - 0.42, y + 0.42], color="#AAAAAA", linewidth=0.5)
    for end in (row.lo, row.hi):
        if math.isfinite(end):
            ax.plot([at(end)] * 2, [y - 0.42, y + 0.42], color=GREEN, linewidth=0.8)
    if math.isfinite(row.mean):
        spread = [at(end) if math.isfinite(end) else side for end, side in ((row.low, left), (row.high, right))]
        ax.plot(spread, [y, y], color=COLOURS[row.verdict], linewidth=1.4, solid_capstyle="butt", zorder=3)
        ax.plot([at(row.mean)], [y], "o", color=DARK, markersize=2.4, zorder=4)
    ax.text(right + 0.1, y, numbers(row), color=COLOURS[row.verdict], fontsize=5.6, va="center")


def _scale(row: Row, left: float, right: float) -> Callable[[float], float]:
    """Map of effects onto the strip, wide enough for zero, the bounds and the interval."""
    shown = np.array([0.0, *(v for v in (row.mean, row.low, row.high, row.lo, row.hi) if math.isfinite(v))])
    low, high = float(shown.min()), float(shown.max())
    room = 0.08 * (high - low) or 1.0
    low, high = low - room, high + room
    return lambda value: left + (value - low) / (high - low) * (right - left)


def numbers(row: Row) -> str:
    """The effect, its interval and the threshold, as text."""
    threshold = (
        f"> {row.lo:.3g}" if math.isinf(row.hi) else f"< {row.hi:.3g}" if math.isinf(row.lo) else f"±{row.hi:.3g}"
    )
    if not math.isfinite(row.mean):
        return f"no number, {threshold}"
    ends = f"[{row.low:.3g}, {row.high:.3g}]" if math.isfinite(row.low) else "[no interval]"
    return f"{row.mean:.3g} {ends}, {threshold}"
