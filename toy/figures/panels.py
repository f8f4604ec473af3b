"""The panels that figures are made of: each function draws into one."""

import math
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from toy import distributions, views
from toy.densities import Density
from toy.palette import SERIES, colour_of
from toy.scenes import Frame
from toy.views import VIEWS, View

BLUE, RED, GREEN, ORANGE, PURPLE = SERIES[:5]  # of methods; what has a role has the role's own colour
GREY, DARK = colour_of("other"), colour_of("ink")

OUTLINE = 2.12  # drawn where log p is this far (squared) below its maximum: about the 99% contour


LETTERS, LINE = 140, 0.12  # that fit across a figure in the size of its titles; inches from one line to the next
WIDTH, DPI = 7.5, 300  # inches of a figure's width; a page of the paper has 5.5

STYLE: dict[Any, object] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "mathtext.fontset": "dejavusans",
    "axes.linewidth": 0.5,
    "axes.edgecolor": "#555555",
    "axes.labelsize": 7,
    "axes.labelpad": 3.5,
    "axes.titlesize": 7,
    "axes.titlepad": 3.5,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "toy",
    "path.simplify": True,
}
_LOCK = threading.RLock()  # matplotlib's settings are one global for all threads of the app


@contextmanager
def style() -> Iterator[None]:
    """The figures' settings, whatever the user's are; one thread at a time."""
    with _LOCK, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def grid(
    rows: int, columns: int, *, left: float = 0.04, top: float = 0.04, below: float = 0.2
) -> tuple[Figure, np.ndarray]:
    """A grid of square panels with room for a title below each; margins in inches."""
    gap = 0.06
    side = (WIDTH - left - 0.04 - gap * (columns - 1)) / columns
    height = top + rows * (side + below)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    axes = np.empty((rows, columns), object)
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * (side + gap), height - top - side - row * (side + below)
            axes[row, column] = figure.add_axes((x / WIDTH, y / height, side / WIDTH, side / height))
    return figure, axes


def captioned(titles: Sequence[str]) -> tuple[Figure, np.ndarray, list[str]]:
    """One row of panels with room for a title of several lines below each: Figure, axes, and the titles in lines."""
    across = int(LETTERS / len(titles))
    broken = ["\n".join(textwrap.fill(line, across) for line in title.splitlines()) for title in titles]
    most = max(title.count("\n") for title in broken)
    figure, axes = grid(1, len(titles), below=0.2 + LINE * most)
    return figure, axes[0], broken


def logp_grid(density: Density, view: View, sigma: float, resolution: int) -> np.ndarray:
    return np.asarray(views.logp_on(density, view.grid(resolution), jnp.float32(sigma)))


@lru_cache(maxsize=32)
def exact_logp(classes: str, sigma: float, view: View, resolution: int) -> np.ndarray:
    return logp_grid(distributions.mixture(classes), view, sigma, resolution)


def panel(ax: Axes | None = None, view: View = VIEWS["tree"], title: str = "") -> Axes:
    """An empty square panel of the view with its title below; of a new Figure where no axes are given."""
    if ax is None:
        ax = Figure(figsize=(4, 4), dpi=DPI / 2).add_axes((0.02, 0.06, 0.96, 0.92))
    left, right, bottom, top = view.box
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[], xlabel=title)
    return ax


def particles(frame: Frame, ax: Axes | None = None, *, view: View | None = None, title: str = "") -> Figure:
    """Draw a Frame's samples over the trees; a new Figure where no axes are given."""
    view = view or views.window("tree", frame.scene.target)
    with style():
        ax = panel(ax, view, title)
        outline(ax, frame.scene.target, view=view)
        dots(ax, frame.samples)
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def dots(ax: Axes, points: np.ndarray, *, colour: str = DARK, size: float | None = None) -> None:
    """Points [n, 2]; the more there are, the finer. Stored as pixels in PDF and SVG."""
    size = float(np.clip(50 / math.sqrt(len(points) + 1), 0.25, 3)) if size is None else size
    many = len(points) > 2000
    style: dict[str, Any] = {"marker": "o", "markersize": size, "markeredgewidth": 0, "linestyle": "none"}
    ax.plot(points[:, 0], points[:, 1], color=colour, alpha=0.8 if many else 1, rasterized=many, zorder=3, **style)


def outline(
    ax: Axes,
    target: str = "A",
    *,
    view: View | None = None,
    sigma: float = 0.0,
    both: bool = True,
    fill: bool = True,
    resolution: int = 500,
    dark: bool = False,
    role: str = "target",
) -> None:
    """Outline of the target class in orange over that of both classes in grey, about the 99% regions of p(x; sigma)."""
    view = view or views.window("tree", target)
    xs, ys = np.linspace(*view.box[:2], resolution), np.linspace(*view.box[2:], resolution)
    every = distributions.of(target).all.name
    for classes, colour, wanted in ((every, colour_of("other", dark), both), (target, colour_of(role, dark), True)):
        if not wanted:
            continue
        logp = exact_logp(classes, sigma, view, resolution)
        depth = np.sqrt(logp.max() - logp)  # close to linear across a branch: smooth contours from few pixels
        if logp.max() < -8 - 2 * math.log(max(sigma, 1)):
            continue  # the view is far from all branches
        if fill:
            ax.contourf(xs, ys, depth, levels=[0, OUTLINE], colors=[colour], alpha=0.3, zorder=1)
        if depth.max() > OUTLINE:
            ax.contour(xs, ys, depth, levels=[OUTLINE], colors=[colour], linewidths=0.4, zorder=1.5)


def density_panel(ax: Axes, logp: np.ndarray, *, view: View, colour: str = colour_of("main")) -> None:
    """A density known up to a constant, [r, r] in nats, relative to its maximum in the view.

    The shade is the square root of that, so that thin branches show beside the trunk.
    """
    _shade(ax, np.exp(0.5 * (logp - np.nanmax(logp))), view, colour)


def ratio_panel(
    ax: Axes, logp1: np.ndarray, logp0: np.ndarray, *, view: View, within: np.ndarray | None = None
) -> None:
    """Ratio p1/p0 of densities known up to a constant, as the shade 1 / (1 + c p0 / p1): half where it is typical.

    ``c`` is the median ratio of the points ``within`` [r, r], or of the view. Far from the data neither network was
    trained and their ratio may be anything: there it must not set the scale.
    """
    ratio = logp1 - logp0
    typical = np.nanmedian(ratio if within is None or not within.any() else ratio[within])
    _shade(ax, 0.5 + 0.5 * np.tanh(0.5 * (ratio - typical)), view, colour_of("ratio"))


def _shade(ax: Axes, share: np.ndarray, view: View, colour: str) -> None:
    ramp = LinearSegmentedColormap.from_list("", ["#FFFFFF", colour])
    ax.imshow(share, extent=view.box, origin="lower", cmap=ramp, vmin=0, vmax=1, interpolation="bilinear", zorder=0)


def arrows(ax: Axes, points: np.ndarray, vectors: np.ndarray, *, longest: float, colour: str = DARK) -> None:
    """Arrows [m, 2] from points [m, 2]; those longer than ``longest`` are shortened to it."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    shown = vectors * np.minimum(1, longest / np.maximum(length, 1e-12))
    style: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "units": "inches", "width": 0.0075}
    heads: dict[str, Any] = {"headwidth": 4.5, "headlength": 5, "headaxislength": 4.5, "minlength": 0, "minshaft": 1}
    ax.quiver(*points.T, *shown.T, color=colour, zorder=4, **style, **heads)


def trajectories(ax: Axes, path: np.ndarray) -> None:
    """Paths [steps + 1, m, 2] as lines, each with a dot at its end."""
    ax.add_collection(LineCollection(list(np.swapaxes(path, 0, 1)), colors=DARK, linewidths=0.6, zorder=3))
    dots(ax, path[-1], size=2.2)
