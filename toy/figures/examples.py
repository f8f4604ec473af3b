"""What single papers claim, seen on their own distributions: a picture each of what their claims measure.

Numbers are of one seed; the claims in ``toy.lab.published.papers`` have them over many, with thresholds.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toy import distributions, ends, metrics, scenes
from toy.figures.charts import rooms, ticked
from toy.figures.panels import GREY
from toy.figures.paper import FIGURES, Load, Options
from toy.palette import SERIES
from toy.scene import Scene

MOST = 4096  # samples whose distances from one another are taken
TALL = 1.6  # inches


def example(source: str, on: str, settings: tuple[str, ...] = ("n", "seed"), **fields: Any) -> Callable:
    """Register a figure of a paper's own distribution."""
    return FIGURES.register(source=source, rules=(), settings=settings, on=on, **fields)


def _run(load: Load, options: Options, on: str, w: float, **values: object) -> tuple[np.ndarray, np.ndarray]:
    """Path and noise levels of CFG with exact scores, where nothing else is named, on a distribution."""
    target = f"{on}/A"
    roles = {"main": f"exact:{target}", "unconditional": f"exact:{distributions.of(target).all.name}"}
    given = {"n": options.n, "seed": options.seed, **roles, **values}
    scene = Scene.of("cfg", w=w, target=target, **given)
    return np.asarray(scenes.sample(scene, {role: load(name) for role, name in scene.cast})), scene.sigmas()


def _labelled(ax: Axes, title: str, x: str, y: str) -> None:
    ax.set_title(title, fontsize=6.5)
    ax.set_xlabel(x, fontsize=6)
    ax.set_ylabel(y, fontsize=6)
    ax.legend(fontsize=5.2, frameon=False, handlelength=1.8, labelspacing=0.2, borderpad=0)


def _histogram(ax: Axes, values: np.ndarray, over: tuple[float, float], w: float, colour: str) -> None:
    look: dict[str, Any] = {"density": True, "histtype": "step", "color": colour, "linewidth": 1, "label": f"w = {w:g}"}
    ax.hist(values, 60, range=over, **look)


def _two() -> tuple[Figure, Sequence[Axes]]:
    figure, axes = rooms((TALL,), 2, left=0.42, top=0.22, across=0.5)
    return figure, axes[0]


# --- Bradley and Nakkiran ---------------------------------------------------------------------------------------------

POWERED = "gaussians:classes=2"
POWERS = (1.0, 1.5, 2.0, 3.0, 4.0)


def by_ddim(w: np.ndarray) -> np.ndarray:
    """Variance under CFG with DDIM, over that of p(x|c), in the limit of small steps."""
    return np.asarray(2 ** (1 - w))


def by_ddpm(w: np.ndarray) -> np.ndarray:
    """The same with DDPM."""
    return np.asarray((2 - 2 ** (2 - 2 * w)) / (2 * w - 1))


def gamma_powered(w: np.ndarray) -> np.ndarray:
    """Variance of p(x|c)^w p(x)^(1 − w), over that of p(x|c)."""
    return np.asarray(2 / (w + 1))


@example("Bradley and Nakkiran 2024, arXiv:2408.09000", POWERED)
def powers(load: Load, options: Options) -> Figure:
    """Variance of a Gaussian under CFG: with DDIM, with DDPM, and in the density of the formula's power."""
    spread = float(np.sqrt(distributions.distribution_of(POWERED).covariances[0, 0, 0]))
    wide, w = f"exact:{POWERED}/A~blur={spread}", np.linspace(POWERS[0], POWERS[-1], 100)
    figure, ((ax,),) = rooms((TALL,), 1, left=0.42, top=0.22)
    ax.plot(w, gamma_powered(w), color=GREY, linestyle="--", linewidth=1, label="$p(x|c)^w\\,p(x)^{1-w}$, closed form")
    ways = {"DDPM": ("ancestral", by_ddpm, SERIES[1]), "DDIM": ("heun", by_ddim, SERIES[0])}
    for name, (integrator, closed, colour) in ways.items():
        values = {"unconditional": wide, "integrator": integrator, "steps": 256}
        found = [ends.variance(*_run(load, options, POWERED, each, **values), spread=spread) for each in POWERS]
        ax.plot(w, closed(w), color=colour, linewidth=1, label=f"{name}, closed form")
        ax.plot(POWERS, found, color=colour, marker="o", markersize=3, linestyle="none", label=f"{name}, samples")
    ax.set_ylim(bottom=0)
    ticked(ax, "x", POWERS)
    _labelled(ax, "CFG on Gaussians is no power of densities", "weight $w$", "variance over that of $p(x|c)$")
    return figure


# --- Chidambaram et al. -----------------------------------------------------------------------------------------------

SUPPORT, LAST = "segments", 1.4  # the segment of class A ends at 1.5
WEIGHTS = (1.0, 2.0, 4.0, 8.0)


@example("Chidambaram et al. 2024, arXiv:2409.13074", SUPPORT)
def support(load: Load, options: Options) -> Figure:
    """Where samples of CFG end along a segment, and how many at the end that is away from the other class."""
    figure, (left, right) = _two()
    unit, shares = distributions.distribution_of(SUPPORT).unit, []
    for w, colour in zip(WEIGHTS, SERIES, strict=False):
        path, sigmas = _run(load, options, SUPPORT, w)
        _histogram(left, path[-1, :, 0] * unit, (0.4, 1.6), w, colour)
        shares.append(ends.share_beyond(path, sigmas, at=LAST, on=SUPPORT))
    left.axvspan(LAST, 1.5, color=GREY, alpha=0.2, linewidth=0, label="last tenth")
    left.set_yscale("log")
    _labelled(left, "Samples along the segment of class A", "place", "density")
    right.plot(WEIGHTS, shares, color=SERIES[0], marker="o", markersize=3, linewidth=1, label="samples")
    right.axhline(0.1, color=GREY, linestyle="--", linewidth=1, label="truth")
    right.set_ylim(0, 1)
    ticked(right, "x", WEIGHTS)
    ticked(right, "y", (0.0, 0.5, 1.0), percent=True)
    _labelled(right, "Mass at the boundary of the support", "weight $w$", "share in the last tenth")
    return figure


# --- Galashov et al. --------------------------------------------------------------------------------------------------

TRAINED = "gaussians"
LEVELS: Mapping[str, tuple[str, str]] = {
    "exact scores": ("exact:gaussians/A", "exact:gaussians/ABC"),
    "after 512 iterations": ("gaussians/A32@512", "gaussians/ABC32@512"),
    "after 64 iterations": ("gaussians/A32@64", "gaussians/ABC32@64"),
    "a fifth of other classes in it": ("exact:gaussians/A~label_mixing=0.2", "exact:gaussians/ABC"),
}


@example(
    "Galashov et al. 2025, arXiv:2510.00815", TRAINED, settings=("seed",),
    needs=tuple(name for pair in LEVELS.values() for name in pair), also=lambda options: {"n": min(options.n, MOST)},
)  # fmt: skip
def training(load: Load, options: Options) -> Figure:
    """Distance of CFG's samples from true ones over the weight, by how well trained the networks are."""
    figure, ((ax,),) = rooms((TALL,), 1, left=0.5, top=0.22)
    target, weights = f"{TRAINED}/A", (1.0, 1.5, 2.0, 3.0)
    for (name, (main, every)), colour in zip(LEVELS.items(), SERIES, strict=False):
        given = {"main": main, "unconditional": every, "n": min(options.n, MOST)}
        found = [_distance(target, _run(load, options, TRAINED, w, **given)[0][-1]) for w in weights]
        ax.plot(weights, found, color=colour, marker="o", markersize=3, linewidth=1, label=name)
    ax.set_ylim(bottom=0)
    ticked(ax, "x", weights)
    _labelled(ax, "Weight harms what is well trained", "weight $w$", "energy distance, lengths")
    return figure


def _distance(target: str, x: np.ndarray) -> float:
    return float(np.asarray(metrics.measure(x, target, ("energy_distance",))["energy_distance"]))


# --- Zhao and Schwing -------------------------------------------------------------------------------------------------

BOUNDED = "gaussians:classes=2"


@example("Zhao and Schwing 2025, arXiv:2503.10638", BOUNDED)
def boundary(load: Load, options: Options) -> Figure:
    """Where CFG ends relative to the decision boundary, and how many points are near it on the way."""
    figure, (left, right) = _two()
    target, known = f"{BOUNDED}/A", distributions.of(f"{BOUNDED}/A")
    near = partial(ends.entangled, target=target)
    away = known.distribution.means[known.groups].mean(axis=(0, 1)) - known.distribution.means.mean(axis=(0, 1))
    for w, colour in zip(WEIGHTS[:3], SERIES, strict=False):
        path, sigmas = _run(load, options, BOUNDED, w)
        along = path[-1] @ away / np.linalg.norm(away)
        _histogram(left, along, (-1.0, 2.0), w, colour)
        shares = [near(x, float(sigma)) for x, sigma in zip(path, sigmas, strict=True)]
        right.plot(np.maximum(sigmas, sigmas[-2]), shares, color=colour, linewidth=1, label=f"w = {w:g}")
    left.axvline(0, color=GREY, linestyle="--", linewidth=1, label="decision boundary")
    _labelled(left, "Samples across the boundary", "distance from the boundary, lengths", "density")
    right.set_xscale("log")
    right.invert_xaxis()
    ticked(right, "y", (0.0, 0.5, 1.0), percent=True)
    _labelled(right, "On the way, from high noise to low", "noise level σ", "share near the boundary")
    return figure
