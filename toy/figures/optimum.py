"""Optimised schedules beside each other: courses of the weight, losses, samples, and numbers on held-out seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toy.figures.charts import plain, ticked
from toy.figures.panels import BLUE, DARK, DPI, GREEN, GREY, ORANGE, PURPLE, WIDTH, dots, outline, panel, style
from toy.views import window

OPTIMUM, CONSTANT = "optimum", "best constant"  # what is drawn against each other; other methods have a colour each
COLOURS = {OPTIMUM: BLUE, CONSTANT: ORANGE, "no guidance": GREY, "oracle": GREEN}
WORDS = {"objective": "objective", "outliers": "outliers", "branch_tv": "branch\nTV", "kl": "KL"}
MOST = 2.0  # times the best constant's number: longer bars are cut


@dataclass(frozen=True)
class Drawn:
    """What a row of the figure shows: the ``weight``, a symbol, over ``sigmas`` [steps] by method, ``neutral`` without
    guidance; losses by start; ``samples`` [n, 2] by method; numbers (mean, standard error) by method and measure.
    """

    title: str
    target: str
    weight: str
    neutral: float
    sigmas: np.ndarray
    courses: Mapping[str, np.ndarray]
    history: Mapping[str, np.ndarray]
    samples: Mapping[str, np.ndarray]
    train: Mapping[str, Mapping[str, tuple[float, float]]]
    held_out: Mapping[str, Mapping[str, tuple[float, float]]]


def optimum_figure(results: Sequence[Drawn]) -> Figure:
    """A row for each result: its course, its losses, samples of the best constant and of the optimum, its numbers.

    Bars are held-out numbers over those of the best constant weight, with two standard errors; the mark on the
    optimum's is the same on the training seeds. ValueError where there are no results.
    """
    if not results:
        raise ValueError("there are no results to draw")
    side, left, top, title, below = 1.42, 0.36, 0.06, 0.18, 0.36
    tall = title + side + below
    height = top + tall * len(results)
    with style():
        figure = Figure(figsize=(WIDTH, height), dpi=DPI)

        def room(row: int, x: float, wide: float) -> Axes:
            y = height - top - row * tall - title - side
            return figure.add_axes((x / WIDTH, y / height, wide / WIDTH, side / height))

        for row, its in enumerate(results):
            x = left
            _course(plain(room(row, x, 1.2)), its)
            x += 1.2 + 0.34
            _losses(plain(room(row, x, 0.8)), its)
            x += 0.8 + 0.1
            for method in (CONSTANT, OPTIMUM):
                _samples(room(row, x, side), its, method)
                x += side + 0.04
            x += 0.3
            _bars(plain(room(row, x, WIDTH - 0.06 - x)), its)
            y = height - top - row * tall - 0.08
            figure.text(0.06 / WIDTH, y / height, its.title, fontsize=7, fontweight="bold", va="center")
    return figure


def _course(ax: Axes, its: Drawn) -> None:
    ax.axhline(its.neutral, color=GREY, linewidth=0.6, linestyle=(0, (0.8, 1.2)))
    sigmas = np.append(its.sigmas, its.sigmas.min() / 1.5)  # so that the last step has a length too
    for method, course in its.courses.items():
        look: dict[str, Any] = {"where": "post", "linewidth": 1.0, "label": method}
        ax.step(sigmas, np.append(course, course[-1]), color=COLOURS.get(method, PURPLE), **look)
    ax.set(xscale="log", xlim=(sigmas.max(), sigmas.min()))
    ax.set_xlabel(r"$\sigma$, as the run goes", fontsize=6)
    ax.set_ylabel(f"{its.weight}", labelpad=1)
    ticked(ax, "x", tuple(at for at in (0.01, 0.1, 1.0) if its.sigmas.min() <= at <= its.sigmas.max()))
    ax.legend(fontsize=5.2, frameon=False, handlelength=1.4, borderpad=0, labelspacing=0.2)


def _losses(ax: Axes, its: Drawn) -> None:
    for start, losses in its.history.items():
        if not len(losses):
            continue
        ax.plot(losses, color=COLOURS.get(start, PURPLE), linewidth=0.3, alpha=0.5)
        wide = min(8, len(losses))
        mean = np.convolve(losses, np.ones(wide) / wide, mode="valid")
        ax.plot(np.arange(len(mean)) + wide / 2, mean, color=COLOURS.get(start, PURPLE), linewidth=1.0)
    ax.set_xlabel("loss by iteration", fontsize=6)
    ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    ax.yaxis.offsetText.set_fontsize(5)
    known = np.concatenate([losses[np.isfinite(losses)] for losses in its.history.values()] or [np.zeros(0)])
    if len(known):
        low, high = np.quantile(known, (0.0, 0.97))
        ax.set_ylim(low - 0.05 * (high - low) - 1e-9, high + 0.05 * (high - low) + 1e-9)


def _samples(ax: Axes, its: Drawn, method: str) -> None:
    view = window("tree", its.target)
    numbers = its.held_out[method]
    words = f"{numbers['outliers'][0]:.1%} outside, branch TV {numbers['branch_tv'][0]:.2f}"
    panel(ax, view, f"{method}\n{words}")
    ax.xaxis.label.set_fontsize(5.6)
    outline(ax, its.target, view=view)
    dots(ax, its.samples[method], size=0.35)


def _bars(ax: Axes, its: Drawn) -> None:
    names = [name for name in WORDS if all(name in found for found in its.held_out.values())]
    shown = [method for method in its.held_out if method != CONSTANT]
    wide = 0.8 / max(len(shown), 1)
    for place, name in enumerate(names):
        unit, doubt = its.held_out[CONSTANT][name]
        if not unit > 2 * doubt:  # nothing to divide by
            ax.text(place, 0.06, "at 0", ha="center", fontsize=5, color=GREY)
            continue
        for i, method in enumerate(shown):
            mean, error = (value / unit for value in its.held_out[method][name])
            x = place + (i - (len(shown) - 1) / 2) * wide
            colour = COLOURS.get(method, PURPLE)
            ax.bar(x, min(mean, MOST), 0.9 * wide, color=colour, linewidth=0)
            if mean <= MOST:
                ax.errorbar(x, mean, yerr=2 * np.nan_to_num(error), color=DARK, linewidth=0.6)
            if method == OPTIMUM:
                ax.plot(x, min(its.train[method][name][0] / unit, MOST), marker="_", color=DARK, markersize=5)
    for method in shown:
        ax.bar(np.nan, np.nan, color=COLOURS.get(method, PURPLE), label=method)
    ax.axhline(1, color=COLOURS[CONSTANT], linewidth=1.0)
    ax.set_xticks(range(len(names)), [WORDS[name] for name in names], fontsize=5.0)
    ax.tick_params(axis="x", length=0)
    ax.set(ylim=(0, MOST), xlim=(-0.5, len(names) - 0.5))
    ax.set_xlabel("held-out; best constant = 1", fontsize=6, labelpad=1)
    ax.grid(axis="x", visible=False)
    ax.legend(fontsize=5.2, frameon=False, handlelength=0.8, borderpad=0, labelspacing=0.2, loc="upper right")
