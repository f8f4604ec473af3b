"""What a sweep measured: a heat map over two axes, curves along one, and quality against variation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from toy.figures.charts import banded, plain, ticked
from toy.figures.comparison import LOG, label_ends, measure_name, scale_axis
from toy.figures.panels import BLUE, DARK, DPI, GREEN, GREY, ORANGE, PURPLE, RED, WIDTH, style
from toy.metrics import METRICS
from toy.tables import in_percent
from toy.uncertainty import interval, standard_error

Row = dict[str, Any]

FEW_CURVES, MOST_CURVES, MOST_PANELS, FEW_TICKS = 5, 8, 10, 7
DISTINCT = (BLUE, RED, GREEN, PURPLE, ORANGE)
RAMP = LinearSegmentedColormap.from_list("", ["#F3E8B8", "#7FA6A0", "#2F5D8A", DARK])  # also read in grey
COLUMNS = 5  # panels of curves in a row


def is_seed(axis: str) -> bool:
    """Whether an axis repeats what is else the same: errors are over such axes."""
    return "seed" in axis


def chosen_axes(
    rows: Sequence[Row], axes: Sequence[str], x: str | None = None, y: str | None = None, line: str | None = None
) -> tuple[str | None, str | None, str | None]:
    """The axes (x, y, line) of a figure: those given, else guessed from the values that there are.

    Lines run along ``w``, else along the axis of most numbers; ``x`` and ``y`` are the first of the rest, numbers
    before words. Axes of seeds and of one value are left out.
    """
    values = {axis: distinct(rows, axis) for axis in axes}
    free = [a for a in axes if len(values[a]) > 1 and not is_seed(a) and a not in (x, y, line)]
    numeric = [a for a in free if all(isinstance(v, int | float) for v in values[a])]
    if line is None:
        line = "w" if "w" in free else max(numeric or free, key=lambda a: len(values[a]), default=None)
    rest = [a for a in [*numeric, *(a for a in free if a not in numeric)] if a != line]
    if x is None and rest:
        x = rest.pop(0)
    if y is None and rest:
        y = next((a for a in rest if a != x), None)
    return x, y, line


def distinct(rows: Sequence[Row], axis: str) -> list[Any]:
    """An axis's values: numbers in order, words as they come."""
    found = list(dict.fromkeys(row[axis] for row in rows))
    return sorted(found) if all(isinstance(value, int | float) for value in found) else found


def pareto(quality: np.ndarray, variation: np.ndarray) -> np.ndarray:
    """Which points no other point beats: another is nowhere worse and somewhere better; less is better in both.

    [n] bools; what is not finite is no such point.
    """
    finite = np.isfinite(quality) & np.isfinite(variation)
    order = np.lexsort((variation, quality))
    order = order[finite[order]]
    front, least = np.zeros(len(quality), bool), math.inf
    for i in order:
        front[i] = variation[i] < least
        least = min(least, float(variation[i]))
    for i in np.flatnonzero(front):  # equal points stand together
        front |= finite & (quality == quality[i]) & (variation == variation[i])
    return front


def cells(rows: Sequence[Row], axes: Sequence[str], metric: str) -> dict[tuple[object, ...], np.ndarray]:
    """All values of a metric by the values of some axes: those of seeds and of all axes that are not named."""
    found: dict[tuple[object, ...], list[float]] = {}
    for row in rows:
        found.setdefault(tuple(row[axis] for axis in axes), []).append(float(row[metric]))
    return {key: np.array(values) for key, values in found.items()}


def best(metric: str) -> str | None:
    """'low' or 'high'; None where neither is better."""
    found = METRICS[metric].better if metric in METRICS else None
    return found if found in ("low", "high") else None


def heat(rows: Sequence[Row], x: str, y: str, over: str | None, metric: str) -> tuple[np.ndarray, str]:
    """A table [values of y, values of x] of a metric, and words for what it is.

    The mean over what is not shown, then the best over ``over`` where the metric has a better side: the mean first, so
    that a lucky seed does not win.
    """
    kept = _kept(rows, x, y, over, metric)
    ys, xs = distinct(rows, y), distinct(rows, x)
    table = np.full((len(ys), len(xs)), np.nan)
    for (at_y, at_x), values in kept.items():
        table[ys.index(at_y), xs.index(at_x)] = np.mean(list(values.values()))
    return table, f", best over {over}" if best(metric) and over not in (x, y, None) else ""


def tied(rows: Sequence[Row], x: str, y: str, over: str | None, metric: str, axes: Sequence[str]) -> np.ndarray:
    """Which cells of ``heat`` cannot be told from its best one: [values of y, values of x] bools, False for itself.

    Over what the ``axes`` have besides, seeds above all, the two differ by less than the 95% interval of their paired
    difference. Of single values nothing is said.
    """
    side, (table, _) = best(metric), heat(rows, x, y, over, metric)
    found = np.zeros(table.shape, bool)
    if not side or not np.isfinite(table).any():
        return found
    kept = _kept(rows, x, y, over, metric, [axis for axis in axes if axis not in (x, y, over)])
    ys, xs = distinct(rows, y), distinct(rows, x)
    at = np.unravel_index(np.nanargmin(table if side == "low" else -table), table.shape)
    winner = kept[ys[at[0]], xs[at[1]]]
    for (at_y, at_x), values in kept.items():
        shared = [key for key in values if key in winner]
        if len(shared) > 1 and values is not winner:
            _, low, high = interval(np.array([values[key] - winner[key] for key in shared]))
            found[ys.index(at_y), xs.index(at_x)] = low <= 0 <= high
    return found


def _kept(
    rows: Sequence[Row], x: str, y: str, over: str | None, metric: str, rest: Sequence[str] | None = None
) -> dict[tuple[object, object], dict[object, float]]:
    """By cell, its values at the best of ``over``, by those of the ``rest`` of the axes, or by their number."""
    side = best(metric)
    found: dict[tuple[object, object], dict[object, dict[object, float]]] = {}
    for number, row in enumerate(rows):
        at = row[over] if side and over is not None and over not in (x, y) else None
        key = number if rest is None else tuple(row[axis] for axis in rest)
        found.setdefault((row[y], row[x]), {}).setdefault(at, {})[key] = float(row[metric])
    choose = max if side == "high" else min

    def mean(values: dict[object, float]) -> float:
        return float(np.mean(list(values.values())))

    return {cell: choose(options.values(), key=mean) for cell, options in found.items()}


def sweep_figure(
    rows: Sequence[Row],
    axes: Sequence[str],
    *,
    x: str | None = None,
    y: str | None = None,
    line: str | None = None,
    metric: str = "outliers",
    title: str = "",
) -> Figure:
    """A heat map of a metric over ``x`` and ``y``, outliers against branch TV with the Pareto front, and curves.

    ``rows`` are those of ``toy.lab.sweep.look`` and ``axes`` the sweep's; which play which part is guessed where it is
    not said. The heat map has the mean over seeds, best over ``line``; the curves run along ``line``, a colour for each
    value of ``x`` and a panel for each of ``y``, with bands of two standard errors over all that is not shown. Points
    of the trade-off are means too. ValueError where there are no rows or no such metric.
    """
    rows = list(rows)
    if not rows:
        raise ValueError("there are no rows to draw")
    if any(metric not in row or isinstance(row[metric], str) for row in rows):
        raise ValueError(f"the table has no metric {metric!r} in every row")
    x, y, line = chosen_axes(rows, axes, x, y, line)
    if line is None:  # nothing varies but seeds, or nothing at all
        line = next((a for a in axes if len(distinct(rows, a)) > 1), axes[0] if axes else "n")
    traded = all("outliers" in row and "branch_tv" in row for row in rows)
    panels = distinct(rows, y)[:MOST_PANELS] if y else [None]
    with style():
        figure, top, below = _page(bool(x), traded, len(panels))
        figure.text(0.44 / WIDTH, 1 - 0.13 / figure.get_figheight(), title, fontsize=8, va="center")
        if x:
            across, up = (x, y) if y else (line, x)
            tie = tied(rows, across, up, line, metric, axes)
            _heat(top[0], rows, across, up, line, metric, _rest(rows, axes, (across, up, line)), tie)
        if traded:
            _trade_off(top[-1], rows, [a for a in (y, x, line) if a], x or y)
        for ax, value in zip(below, panels, strict=True):
            some = rows if y is None else [row for row in rows if row[y] == value]
            _curves(ax, some, rows, line, x, metric)
            if y:
                ax.set_title(f"{y} {_label(value)}", loc="left")
        _same(below)
        for i, ax in enumerate(below):
            ax.tick_params(labelleft=i % COLUMNS == 0)
            ax.set_xlabel(line)
        below[0].set_ylabel(measure_name(metric))
        if x:
            _legend(below[0], x)
    return figure


def _rest(rows: Sequence[Row], axes: Sequence[str], shown: Sequence[str | None]) -> str:
    """Words for what a mean is over."""
    rest = [axis for axis in axes if axis not in shown and len(distinct(rows, axis)) > 1]
    return f", mean over {', '.join(rest)}" if rest else ""


def _label(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _page(heat: bool, traded: bool, panels: int) -> tuple[Figure, list[Axes], list[Axes]]:
    """Axes of the heat map and the trade-off beside each other, and of the curves in rows below."""
    left, right, head, tall, gap, low, under = 0.5, 0.1, 0.5, 2.6, 0.62, 1.45, 0.42
    lines = -(-panels // COLUMNS)
    upper = tall + gap if heat or traded else 0.0
    height = head + upper + lines * low + (lines - 1) * 0.5 + under
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    count = int(heat) + int(traded)
    wide = (WIDTH - left - right - 0.62 * (count - 1)) / max(count, 1)
    top = []
    for i in range(count):
        at = (left + i * (wide + 0.62), height - head - tall, wide, tall)
        top.append(figure.add_axes((at[0] / WIDTH, at[1] / height, at[2] / WIDTH, at[3] / height)))
    below, columns = [], min(panels, COLUMNS)
    side = (WIDTH - left - right - 0.1 * (columns - 1)) / columns
    for i in range(panels):
        row, column = divmod(i, COLUMNS)
        bottom = height - head - upper - (row + 1) * low - row * 0.5
        where = ((left + column * (side + 0.1)) / WIDTH, bottom / height, side / WIDTH, low / height)
        below.append(plain(figure.add_axes(where)))
    return figure, top, below


def _heat(
    ax: Axes, rows: Sequence[Row], x: str, y: str, line: str | None, metric: str, rest: str, tie: np.ndarray
) -> None:
    table, words = heat(rows, x, y, line, metric)
    ramp: Colormap = RAMP if best(metric) != "high" else RAMP.reversed()
    low, high = (np.nanmin(table), np.nanmax(table)) if np.isfinite(table).any() else (0.0, 1.0)
    norm = Normalize(low, high if high > low else low + 1)
    ax.imshow(table, origin="lower", cmap=ramp, norm=norm, aspect="auto")
    ax.set_facecolor("#E4E6EA")  # what is not measured yet
    xs, ys = distinct(rows, x), distinct(rows, y)
    ax.set_xticks(range(len(xs)), [_label(v) for v in xs], rotation=0 if _short(xs) else 90)
    ax.set_yticks(range(len(ys)), [_label(v) for v in ys])
    if any(len(_label(v)) > 5 for v in ys):
        ax.tick_params(axis="y", labelrotation=90)
        for label in ax.get_yticklabels():
            label.set_verticalalignment("center")
    ax.tick_params(length=0, labelsize=6)
    ax.set(xlabel=x, ylabel=y)
    told = "\n≈: not told from the best" if tie.any() else ""
    ax.set_title(f"{measure_name(metric)}{words}{rest}{told}", loc="left")
    if table.size > 150:
        return
    for (i, j), value in np.ndenumerate(table):
        if np.isfinite(value):
            red, green, blue, _ = ramp(norm(value))
            dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.55
            words = f"≈ {_number(value, metric)}" if tie[i, j] else _number(value, metric)
            ax.text(j, i, words, ha="center", va="center", fontsize=6, color="w" if dark else "k")


def _short(values: Sequence[object]) -> bool:
    return sum(len(_label(value)) + 2 for value in values) < 60


def _number(value: float, metric: str) -> str:
    return f"{100 * value:.2g}%" if in_percent(metric) else f"{value:.3g}"


def _colours(values: Sequence[object]) -> list[Any]:
    """Colours that tell values apart; of many numbers a ramp."""
    if len(values) <= FEW_CURVES and any(isinstance(value, str) for value in values):
        return list(DISTINCT[: len(values)])
    return [RAMP(0.25 + 0.75 * i / max(len(values) - 1, 1)) for i in range(len(values))]


def _some(values: Sequence[object], most: int) -> list[object]:
    """At most so many values, evenly chosen, the ends among them."""
    at = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int))
    return [values[i] for i in at]


def _curves(ax: Axes, rows: Sequence[Row], every: Sequence[Row], line: str, x: str | None, metric: str) -> None:
    """A metric along an axis, a curve for each value of another; words along the axis are evenly spaced."""
    at = distinct(every, line)
    words = not all(isinstance(value, int | float) for value in at)
    place = {value: i for i, value in enumerate(at)} if words else {value: value for value in at}
    values = _some(distinct(every, x), MOST_CURVES) if x else [None]
    for value, colour in zip(values, _colours(values) if x else [DARK], strict=True):
        found = cells(rows if x is None else [row for row in rows if row[x] == value], [line], metric)
        keys = [key for key in at if (key,) in found]
        if not keys:
            continue
        mean = np.array([found[(key,)].mean() for key in keys])
        error = np.array([standard_error(found[(key,)]) for key in keys])
        banded(ax, np.array([place[key] for key in keys]), mean, error, colour, label=_label(value))
    if words:
        ax.set_xticks(range(len(at)), [_label(v) for v in at], rotation=0 if _short(at) else 90)
    else:
        if len(at) > 2 and min(at) > 0 and max(at) / min(at) >= 30:
            ax.set_xscale("log")
        if len(at) <= FEW_TICKS:
            ticked(ax, "x", tuple(at))
    if metric in LOG:
        scale_axis(ax, "y", metric, (0.0, _top(every, metric)))
    elif in_percent(metric):
        ax.yaxis.set_major_formatter(lambda v, _: f"{100 * v:g}%")


def _top(rows: Sequence[Row], metric: str) -> float:
    """Where the axis of a share ends."""
    return min(1.15, 1.3 * max(0.01, *(float(np.nan_to_num(row[metric])) for row in rows)))


def _same(axes: Sequence[Axes]) -> None:
    """One vertical scale for all."""
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def _trade_off(ax: Axes, rows: Sequence[Row], axes: Sequence[str], shade: str | None) -> None:
    """A dot for each combination of ``axes``, the mean over all else, coloured by one of them; the front as a line."""
    plain(ax)
    quality, variation = (cells(rows, axes, metric) for metric in ("outliers", "branch_tv"))
    keys = list(quality)
    y, x = (np.array([found[key].mean() for key in keys]) for found in (quality, variation))
    if shade:
        values = distinct(rows, shade)
        of = dict(zip(values, _colours(values), strict=True))
        colours = [of[key[axes.index(shade)]] for key in keys]
    else:
        colours = [DARK] * len(keys)
    ax.scatter(x, y, s=7, c=colours, linewidths=0, alpha=0.75, zorder=2)
    front = np.flatnonzero(pareto(y, x))
    front = front[np.argsort(x[front])]
    ax.plot(x[front], y[front], color=RED, linewidth=0.8, marker="o", markersize=3.6, markerfacecolor="none", zorder=3)
    scale_axis(ax, "y", "outliers", (0.0, _top(rows, "outliers")))
    ax.set(xlabel="branch TV: variation that is lost", ylabel="outliers")
    label_ends(ax, [(x[i], y[i], ", ".join(map(_label, keys[i])), RED) for i in _spaced(front, x)])
    named = f" ({', '.join(axes)})" if axes else ""
    ax.set_title(f"in red what nothing else beats{named}", loc="left")


def _spaced(front: np.ndarray, x: np.ndarray) -> list[int]:
    """Points of the front to be named, from its right end on: no two nearer than a fifth of the axis."""
    apart = 0.2 * float(np.ptp(x[np.isfinite(x)]))
    chosen: list[int] = list(front[-1:])
    for i in front[::-1]:
        if x[chosen[-1]] - x[i] >= apart:
            chosen.append(i)
    return chosen


def _legend(ax: Axes, x: str) -> None:
    legend = ax.legend(title=x, fontsize=5.4, frameon=False, handlelength=1.3, labelspacing=0.15, borderpad=0)
    legend.get_title().set_fontsize(5.4)
    legend.get_title().set_color(GREY)
