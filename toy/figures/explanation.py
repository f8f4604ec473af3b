"""Why guidance helps or harms: errors and pulls over noise levels, a pull taken apart, the density that is drawn."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from toy import compare, distributions, views
from toy.captions import caption
from toy.densities import Density
from toy.figures.charts import banded, rooms, ticked
from toy.figures.panels import (
    DARK,
    GREY,
    LETTERS,
    arrows,
    density_panel,
    exact_logp,
    grid,
    outline,
    panel,
    style,
)
from toy.figures.paper import FIGURES, SPACING, Load, Options, spread
from toy.flows import flow, on_grid, tilted
from toy.mechanism import Mechanism, mechanism
from toy.palette import colour_of
from toy.quadrature import log_mass
from toy.scene import Scene, of_target
from toy.views import View

# --- Mechanism --------------------------------------------------------------------------------------------------------

SIGMA_TICKS = (0.01, 0.1, 1)
ROWS = (
    r"score error $\frac{1}{2}\sigma^2|s-s_{true}|^2$",
    "cosine with the\ntrue correction",
    "best $w$",
    "share of the error\nleft at best $w$",
    r"length $\sigma|\cdot|$ of the pull",
    "task share of\nthe pull",
)
ERRORS = {"error_main": (colour_of("main"), "-", "main"), "error_guide": (colour_of("guide"), "-", "guide")}
REGION_LINES = {"error_outside": (0, (0.8, 1)), "error_rim": (0, (3, 1.2)), "error_core": (0, (5, 1, 1, 1))}
PARTS = {"quality": (colour_of("quality"), "quality part"), "task": (colour_of("task"), "task part")}


def mechanism_figure(results: Mapping[str, Mechanism], placebo: Mechanism | None = None) -> Figure:
    """Errors, directions, best weights and parts of the pull against sigma, a column for each of ``results``.

    Bands are two standard errors. A part of the pull that vanishes has no direction and is left out. Beside the task's
    share stands that of a ``placebo``, a guide without another task. ValueError where there are no results.
    """
    if not results:
        raise ValueError("there are no results to draw")
    with style():
        heights = (1.15, 1.0, 0.85, 0.85, 1.0, 0.85)
        figure, axes = rooms(heights, len(results), left=0.55, top=0.28)
        for column, (label, found) in zip(axes.T, results.items(), strict=True):
            column[0].set_title(label, fontsize=6.5)
            for ax, drawn in zip(column, DRAWN, strict=True):
                drawn(ax, found)
                ax.set(xscale="log", xlim=(found.sigmas.min(), found.sigmas.max()))
                ticked(ax, "x", SIGMA_TICKS)
                ax.tick_params(labelbottom=ax is column[-1], labelleft=column is axes.T[0] or ax in axes[:, 0])
            column[-1].set_xlabel(r"$\sigma$")
        if placebo is not None:
            _value(axes[-1, 0], placebo, "task_share", GREY, line="--", label="placebo's")
            axes[-1, 0].legend(fontsize=5.2, frameon=False, handlelength=1.6, borderpad=0)
        _same_limits(axes)
        for ax, text in zip(axes[:, 0], ROWS, strict=True):
            ax.set_ylabel(text, fontsize=6)
        for row in (0, 1, 4):
            ax = next((ax for ax in axes[row] if len(ax.get_legend_handles_labels()[1]) >= 3), axes[row, 0])
            ax.legend(fontsize=5.2, frameon=False, handlelength=1.6, labelspacing=0.15, borderpad=0, loc="best")
    return figure


def _value(ax: Axes, found: Mechanism, name: str, colour: str, *, keep: np.ndarray | None = None, **look: Any) -> None:
    if name not in found.values:
        return
    mean = np.array(found.values[name], float)
    banded(ax, found.sigmas, mean if keep is None else np.where(keep, mean, np.nan), found.errors[name], colour, **look)


def _errors(ax: Axes, found: Mechanism) -> None:
    for name, dashes in REGION_LINES.items():
        label = f"main, {name.removeprefix('error_')}"
        ax.plot(found.sigmas, found.values[name], color=colour_of("main"), linewidth=0.6, linestyle=dashes, label=label)
    for name, (colour, line, label) in ERRORS.items():
        _value(ax, found, name, colour, line=line, label=label)
    ax.set_yscale("log")


def _cosines(ax: Axes, found: Mechanism) -> None:
    ax.axhline(0, color=GREY, linewidth=0.5)
    for name, (colour, label) in PARTS.items():
        _value(ax, found, f"{name}_cosine", colour, keep=_present(found, name), label=label)
    _value(ax, found, "cosine", DARK, label="whole pull")


def _present(found: Mechanism, part: str) -> np.ndarray:
    """Where a part of the pull is not just rounding."""
    whole = np.hypot(found.values.get("quality", np.nan), found.values.get("task", np.nan))
    return found.values.get(part, np.zeros(len(found.sigmas))) > 1e-3 * whole


def _about_one(ax: Axes, found: Mechanism, *, name: str) -> None:
    ax.axhline(1, color=GREY, linewidth=0.5)
    _value(ax, found, name, DARK)


def _lengths(ax: Axes, found: Mechanism) -> None:
    for name, (colour, label) in PARTS.items():
        _value(ax, found, name, colour, keep=_present(found, name), label=label)
    correction = np.sqrt(2 * np.maximum(found.values["error_main"], 0))
    look: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (3, 1.2)), "label": "true correction"}
    ax.plot(found.sigmas, correction, color=colour_of("correction"), **look)
    ax.set_yscale("log")


def _share(ax: Axes, found: Mechanism) -> None:
    _value(ax, found, "task_share", colour_of("task"))


DRAWN: tuple[Callable[[Axes, Mechanism], None], ...] = (  # by row
    _errors, _cosines, partial(_about_one, name="best_w"), partial(_about_one, name="left"), _lengths, _share,
)  # fmt: skip


def _same_limits(axes: np.ndarray) -> None:
    """One vertical scale for each row, that of its curves."""
    for row, fixed in zip(axes, (None, None, None, None, None, (-0.05, 1.05)), strict=True):
        limits = np.array([ax.get_ylim() for ax in row if np.isfinite(ax.dataLim.intervaly).all()])
        for ax in row:
            if fixed or len(limits):
                ax.set_ylim(fixed or (limits[:, 0].min(), limits[:, 1].max()))


CONTROL = ("AB64@4096", "A64@4096")  # a guide of full size, and a weak model as poor as it: the pull is the task alone


@FIGURES.register(
    source="this project",
    name="mechanism",
    rules=("autoguidance", "cfg", "negative_prompt"),
    settings=(),
    also=lambda options: {"control": of_target(CONTROL[0], options.target)},
)
def mechanism_of_guides(load: Load, options: Options) -> Figure:
    """What guides pull towards at each noise level: errors, cosine with the true correction, best weight, parts."""
    cast = {name: dict(options.scene(name).cast) for name in ("autoguidance", "cfg", "negative_prompt")}
    main, weak = cast["autoguidance"]["main"], cast["autoguidance"]["weak"]
    control = of_target(CONTROL[0], options.target), of_target(CONTROL[1], options.target)
    trios = {
        "Autoguidance": (weak, weak),
        "CFG": (cast["cfg"]["unconditional"], weak),
        "CFG, full size": control,
        "Negative prompt": (cast["negative_prompt"]["negative"], control[1]),
    }
    results = {
        f"{label}: {guide}": mechanism(load(main), load(guide), target=options.target, weak=load(poor))
        for label, (guide, poor) in trios.items()
    }
    return mechanism_figure(results)


def pull_figure(
    main: Density,
    guide: Density,
    weak: Density,
    *,
    target: str = "A",
    sigma: float = 0.03,
    view: View | None = None,
    seed: int = 0,
    resolution: int = 400,
) -> Figure:
    """Arrows over the true density at one noise level: the guide's pull, its parts, and the true correction.

    Arrows are σ² times differences of scores, one scale for all four panels.
    """
    view = view or views.window("closeup", target)
    points = spread(target, sigma, view, seed)
    at, level = jnp.asarray(points, jnp.float32), jnp.float32(sigma)
    truth = distributions.mixture(target)
    s1, s0, sw, s = (np.asarray(views.score_on(d, at, level)) for d in (main, guide, weak, truth))
    fields = {
        "Pull of the guide": (s1 - s0, colour_of("ratio")),
        "its quality part": (s1 - sw, colour_of("quality")),
        "its task part": (sw - s0, colour_of("task")),
        "True correction": (s - s1, colour_of("correction")),
    }
    lengths = np.concatenate([np.linalg.norm(field, axis=1) for field, _ in fields.values()])
    scale = 0.9 * SPACING * view.half / max(float(np.quantile(lengths[np.isfinite(lengths)], 0.85)), 1e-9)
    with style():
        figure, axes = grid(1, 4)
        for ax, letter, (title, (field, colour)) in zip(axes[0], "abcd", fields.items(), strict=True):
            rms = sigma * float(np.sqrt(np.nanmean(np.sum(field**2, axis=1))))
            panel(ax, view, f"({letter}) {title}: $\\sigma|\\cdot|$ = {rms:.2g}")
            density_panel(ax, exact_logp(target, sigma, view, resolution), view=view, colour="#C9CDD6")
            outline(ax, target, view=view, both=False, fill=False, resolution=resolution)
            arrows(ax, points, scale * field, longest=1.2 * SPACING * view.half, colour=colour)
    return figure


@FIGURES.register(source="this project", rules=("cfg", "autoguidance"), settings=("seed", "sigma"), weights=False)
def pull(load: Load, options: Options) -> Figure:
    """The pull of CFG's guide at one noise level, split into what is due to its quality and to its other task."""
    cast = dict(options.scene("cfg").cast) | dict(options.scene("autoguidance").cast)
    main, guide, weak = (load(cast[role]) for role in ("main", "unconditional", "weak"))
    named = {name: getattr(options, name) for name in ("target", "sigma", "seed", "resolution")}
    return pull_figure(main, guide, weak, view=options.window("closeup"), **named)


# --- The density that is drawn ----------------------------------------------------------------------------------------

DENSITY_GRID, DENSITY_N = 240, 4096
DIVERGING = LinearSegmentedColormap.from_list(
    "", [colour_of("lost"), "#BBD6EE", "#FFFFFF", "#E8D9C4", colour_of("gained")]
)

Report = Callable[[str, float], None]  # what is being done, and the share that is done


def density_figure(
    scene: Scene,
    cast: Mapping[str, Density],
    *,
    view: View | None = None,
    resolution: int = DENSITY_GRID,
    report: Report | None = None,
) -> Figure:
    """What the sampler really draws, what the rule's formula promises, and the difference; exact, no estimate.

    ``scene`` needs a deterministic integrator and a rule that stands for a tilted density, else ValueError.
    ``report(words, share)`` is called as the grid is done.
    """
    with style():
        figure, axes = grid(1, 3, below=0.34)
        _densities(axes[0], scene, cast, view or views.window("tree", scene.target), resolution, report)
    return figure


def _densities(
    axes: Sequence[Axes], scene: Scene, cast: Mapping[str, Density], view: View, resolution: int, report: Report | None
) -> None:
    product = tilted(scene, cast)
    if product is None:
        raise ValueError(f"rule {scene.rule!r} stands for no tilted density, so there is none to draw")
    summary = flow(scene, cast).summary()
    points = view.grid(resolution)
    done = (lambda share: report("density", share)) if report else None
    logq = on_grid(scene, cast, points, report=done)
    mass, _ = log_mass(product, scene.sigma_min)  # the noise level of the grid's log q
    logtilt = np.asarray(views.logp_on(product, points, jnp.float32(scene.sigma_min)), np.float64) - mass
    top = float(exact_logp(scene.target, scene.sigma_min, view, resolution).max())  # black: as dense as the truth
    shades = [np.exp(0.5 * np.minimum(log - top, 0)) for log in (logq, logtilt)]
    cell = (2 * view.half / (resolution - 1)) ** 2
    inside = min(float(np.exp(np.minimum(logtilt, 50)).sum() * cell), 1.0)
    across = LETTERS // len(axes)
    titles = (
        f"{textwrap.fill(f'Drawn: {caption(replace(scene, n=Scene.n))}', across)}\n"
        f"KL from the truth {_nats(summary, 'kl_truth')}, entropy {_nats(summary, 'entropy')} nats",
        f"Promised: {_formula(scene)}\nKL of the drawn from it {_nats(summary, 'kl_tilt')} nats; {inside:.0%} in view",
        "Drawn minus promised\nbrown: more is drawn, blue: less",
    )
    for ax, title in zip(axes, titles, strict=True):
        panel(ax, view, title)
        ax.xaxis.label.set_fontsize(6)
        outline(ax, scene.target, view=view, fill=False, both=False, resolution=max(resolution, 300))
        ax.set_rasterization_zorder(2)
    for ax, shade in zip(axes, shades, strict=False):
        density_panel(ax, 2 * np.log(np.maximum(shade, 1e-30)), view=view, colour=DARK)
    axes[2].imshow(
        shades[0] - shades[1], extent=view.box, origin="lower", cmap=DIVERGING, vmin=-1, vmax=1,
        interpolation="bilinear", zorder=0,
    )  # fmt: skip


def _nats(summary: Mapping[str, float], name: str) -> str:
    value, error = summary.get(name, np.nan), summary.get(f"{name}_error", np.nan)
    return f"{value:.2f} ± {2 * error:.2f}" if abs(value) < 100 else f"{value:.0f} ± {2 * error:.0f}"


def _formula(scene: Scene) -> str:
    assert scene.entry.tilt is not None
    powers = scene.entry.tilt(**{name: dict(scene.knobs)[name] for name in scene.entry.knobs})
    parts = [rf"p_{{\mathrm{{{role}}}}}^{{\,{power:.3g}}}" for role, power in powers.items() if power]
    return f"$\\propto {' '.join(parts)}$"


@FIGURES.register(
    source="this project",
    name="density",
    rules=("cfg",),
    settings=("seed", "steps"),
    also=lambda options: {"n": min(options.n, DENSITY_N)},
)
def densities(load: Load, options: Options) -> Figure:
    """The density that CFG's flow really draws beside the tilted one of its formula: exact scores, learned ones."""
    view = options.window("tree")
    scene = options.scene("cfg").change(n=min(options.n, DENSITY_N))
    exact = compare.scored(scene, "exact")
    shown = list(dict.fromkeys((exact, scene)))
    figure, axes = grid(len(shown), 3, left=0.2, below=0.34)
    for row, now in zip(axes, shown, strict=True):
        cast = {role: load(name) for role, name in now.cast}
        _densities(row, now, cast, view, min(options.resolution, DENSITY_GRID), None)
        row[0].set_ylabel(", ".join(f"{role} {name}" for role, name in now.cast))
    return figure
