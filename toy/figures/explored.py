"""What the Explore page shows, drawn: step, layers, tints and window of its link, on a light or dark page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from toy import distributions, flows, scenes, views
from toy.captions import captions, mode_word
from toy.densities import Density
from toy.figures.panels import arrows, captioned, dots, outline, panel, style
from toy.palette import PAGES, colour_of
from toy.scene import Scene
from toy.scenes import Frame
from toy.views import View

SIGMA_DATA = 0.5
GRID, ARROWS = 240, 17
DENSITIES = {name: name for name in ("ratio", "tilt", "drawn", "truth")}
DENSITIES |= {"p1": "main", "p0": "guide", "error": "correction"}
VECTORS = {"main": "main", "guide": "guide", "difference": "ratio", "guided": "ink", "correction": "correction"}
LOGS = {"p1": "logp1", "p0": "logp0", "tilt": "logtilt", "truth": "truth"}
WORDS = {
    "p1": "$p_1$",
    "p0": "$p_0$",
    "ratio": "$p_1/p_0$",
    "tilt": "tilted density",
    "drawn": "q, drawn",
    "truth": "true p",
    "error": "score error",
    "main": "$s_1$",
    "guide": "$s_0$",
    "difference": "$s_1-s_0$",
    "guided": "guided score",
    "correction": "true correction",
}
LEFT_OUT = {"trails": "trails", "paths": "paths", "curve": "curve over w"}


def explored(
    frames: Sequence[Frame], casts: Sequence[Mapping[str, Density]], ui: Mapping[str, object], *, dark: bool = False
) -> Figure:
    """Frames beside each other as the viewer shows them under the settings ``ui`` of a link.

    The step is the whole one that is nearest to ``ui['t']``; frames that hold only their end are shown there. What is
    not drawn is said in words.
    """
    said = []
    for caption, frame in zip(captions(*(frame.scene for frame in frames)), frames, strict=True):
        words = f"{frame.metrics['outliers']:.1%} outside, branch TV {frame.metrics['branch_tv']:.2f}"
        sigma = frame.sigmas[_step(frame, ui)]
        said.append(f"{caption}\n{words}{f' in the end; here σ = {sigma:.3g}' if sigma else ''}")
    missing = [words for name, words in LEFT_OUT.items() if ui.get(name)]
    with style():
        figure, axes, titles = captioned([f"{title}\n " for title in said])
        figure.set_facecolor(PAGES[dark])
        marks: dict[str, Line2D] = {}
        for ax, frame, cast, title in zip(axes, frames, casts, titles, strict=True):
            lacks = _side(ax, frame, cast, ui, title, marks, dark)
            missing += [word for word in lacks if word not in missing]
        ink = colour_of("ink", dark)
        legend = figure.legend(
            handles=list(marks.values()), loc="lower center", ncol=len(marks), fontsize=5.4, frameon=False,
            labelcolor=ink, handlelength=1.2, columnspacing=1.0, borderpad=0.1, bbox_to_anchor=(0.5, 0.0),
        )  # fmt: skip
        legend.set_zorder(6)
        if missing:
            figure.text(0.99, 0.99, f"not drawn: {', '.join(missing)}", ha="right", va="top", fontsize=5, color=ink)
    return figure


def _step(frame: Frame, ui: Mapping[str, Any]) -> int:
    """Index into ``sigmas`` of what is shown."""
    last = len(frame.sigmas) - 1
    return last if len(frame.path) == 1 else min(max(round(float(ui.get("t", last))), 0), last)


def _side(
    ax: Axes, frame: Frame, cast: Mapping[str, Density], ui: Mapping[str, Any], title: str, marks: dict[str, Line2D],
    dark: bool,
) -> list[str]:  # fmt: skip
    """One panel; returns what it lacks. ``marks`` gathers the legend."""
    scene, at = frame.scene, _step(frame, ui)
    sigma, target = float(frame.sigmas[at]), scene.target
    view = View(*ui["view"]) if ui.get("view") else views.window("tree", target)
    if ui.get("follow", True):  # the camera steps back as far as the noise reaches
        view = View(view.x, view.y, view.half * float(np.hypot(sigma, SIGMA_DATA)) / SIGMA_DATA)
    plain, layers = bool(ui.get("paper_look")), list(ui.get("layers", ()))
    panel(ax, view, title)
    ink = colour_of("ink", dark)
    ax.set_facecolor(PAGES[dark])
    ax.xaxis.label.set_color(ink)
    covered = any(layer in DENSITIES for layer in layers)
    tinted = ui.get("variation", True) and not plain and not covered
    if tinted:
        _limbs(ax, frame, view, dark)
        dashes, words = (0, (0.7, 0.5)), f"{mode_word(target)} that lost mass"
        marks["lost"] = Line2D([], [], color=colour_of("lost", dark), linewidth=2.4, linestyle=dashes, label=words)
        marks["gained"] = Line2D([], [], color=colour_of("gained", dark), linewidth=2.4, label="gained")
    outline(ax, target, view=view, both=plain, fill=plain, dark=dark)
    if (rest := distributions.of(target).rest) and not plain:
        outline(ax, rest.name, view=view, both=False, fill=False, dark=dark, role="other")
    marks["target"] = Line2D([], [], color=colour_of("target", dark), linewidth=1, label=f"true 99% region of {target}")
    lacks = _layers(ax, scene, cast, max(sigma, scene.sigma_min), view, layers, marks, dark)
    if ui.get("samples"):
        x0, noise = (np.asarray(part) for part in scenes.data_and_noise(scene))
        dots(ax, x0 + sigma * noise / scene.sigma_max, colour=colour_of("target", dark))
        marks["truth"] = _dot("target", "true sample", dark)
    points = frame.path[-1 if len(frame.path) == 1 else at]
    outside = np.zeros(len(points), bool)
    if ui.get("quality", True) and not plain:
        logp = np.asarray(views.logp_on(distributions.mixture(target), points, np.float32(sigma)))
        outside = ~(logp >= float(distributions.region_thresholds(target, sigma)))
        marks["outside"] = _dot("outside", "outside it", dark, hollow=True)
    marks["inside"] = _dot("ink", "sample", dark)
    dots(ax, points[~outside], colour=ink)
    rings: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": colour_of("outside", dark)}
    rings |= {"linestyle": "none", "marker": "o", "markersize": 2.4, "markeredgewidth": 0.5}
    ax.plot(*points[outside].T, zorder=3.5, rasterized=len(points) > 2000, **rings)
    return lacks


def _dot(role: str, words: str, dark: bool, *, hollow: bool = False) -> Line2D:
    colour = colour_of(role, dark)
    return Line2D([], [], linestyle="none", marker="o", markersize=3 if hollow else 2, markeredgecolor=colour,
                  markerfacecolor="none" if hollow else colour, label=words)  # fmt: skip


def _limbs(ax: Axes, frame: Frame, view: View, dark: bool) -> None:
    """The target's branches by log2 of sampled over true mass: cut across where they lost, with a core where gained."""
    known = distributions.of(frame.scene.target)
    drawn, own = known.distribution, known.modes
    if drawn.start is None or drawn.end is None or drawn.thickness is None:
        return
    page = np.array(to_rgb(PAGES[dark]))
    plain = 0.7 * page + 0.3 * np.array(to_rgb(colour_of("target", dark)))
    inch = ax.get_position().width * ax.get_figure(root=True).get_figwidth() / (2 * view.half)  # type: ignore[union-attr]
    widths = np.maximum(0.4, 4 * drawn.thickness[own] * inch * 72)
    gain = np.clip(np.log2(np.maximum(frame.occupancy, 1e-9) / known.mass), -3, 3)
    lines = np.stack([drawn.start[own], drawn.end[own]], axis=1)
    size = np.abs(gain) / 3
    amount = np.where(size < 0.06, 0, 0.12 + 0.78 * size**0.7)[:, None]
    ends = np.array([to_rgb(colour_of("lost" if g < 0 else "gained", dark)) for g in gain])
    look: dict[str, Any] = {"capstyle": "round", "zorder": 1.1}
    ax.add_collection(LineCollection(list(lines), colors=plain + (ends - plain) * amount, linewidths=widths, **look))
    lost, gained = gain < -0.5, gain > 0.5
    for line, width, part in zip(lines[lost], widths[lost], size[lost], strict=True):
        # In line widths; of a mode that is wider than long something is left too.
        cut = min(0.8, float(np.linalg.norm(line[1] - line[0])) * inch * 72 / (2.2 * width))
        ax.plot(*line.T, color=page, linewidth=1.1 * width, linestyle=(0, (cut * (0.3 + 0.7 * part), cut)),
                dash_capstyle="butt", zorder=1.2)  # fmt: skip
    core = (ends[gained] + to_rgb(colour_of("ink", dark))) / 2
    ax.add_collection(LineCollection(list(lines[gained]), colors=core, linewidths=0.25 * widths[gained], zorder=1.2))


def _layers(
    ax: Axes, scene: Scene, cast: Mapping[str, Density], sigma: float, view: View, layers: Sequence[str],
    marks: dict[str, Line2D], dark: bool,
) -> list[str]:  # fmt: skip
    """Densities and arrows at one noise level; returns those that this side has not."""
    if not layers:
        return []
    found = views.fields(scene, cast, sigma=sigma, box=view.box, resolution=GRID, arrows=ARROWS)
    lacks = []
    for name in layers:
        if name in DENSITIES:
            share = _shares(name, found, scene, cast, view, sigma)
            if share is None:
                lacks.append(f"{WORDS[name]} of {scene.entry.title}")
                continue
            rgba = np.empty((*share.shape, 4))
            rgba[..., :3] = to_rgb(colour_of(DENSITIES[name], dark))
            rgba[share < 0, :3] = to_rgb(colour_of("ratioLow", dark))
            rgba[..., 3] = 0.7 * np.abs(share)
            ax.imshow(rgba, extent=view.box, origin="lower", interpolation="bilinear", zorder=0.5)
            marks[name] = Line2D([], [], color=colour_of(DENSITIES[name], dark), linewidth=4, label=WORDS[name])
            continue
        parts = {"difference": ("main", "guide"), "correction": ("true", "main")}.get(name, (name,))
        if any(part not in found for part in parts):
            lacks.append(f"{WORDS[name]} of {scene.entry.title}")
            continue
        vectors = found[parts[0]] - (found[parts[1]] if len(parts) > 1 else 0)
        colour = colour_of(VECTORS[name], dark)
        arrows(ax, found["at"], vectors, longest=1.9 * view.half / ARROWS, colour=colour)
        marks[name] = Line2D([], [], color=colour, linewidth=0.8, marker=">", markersize=2.4, label=WORDS[name])
    return lacks


def _shares(
    name: str, found: Mapping[str, np.ndarray], scene: Scene, cast: Mapping[str, Density], view: View, sigma: float
) -> np.ndarray | None:
    """How strong a density is drawn, 0 to 1; the ratio from -1 to 1; None where there is none."""
    if name == "error":
        return np.sqrt(found["error"] / max(float(found["error"].max()), 1e-12))
    if name == "ratio":
        if "logp0" not in found:
            return None
        ratio = found["logp1"] - found["logp0"]
        return np.clip((ratio - ratio.mean()) / (2.5 * ratio.std() + 1e-12), -1, 1)
    if name == "drawn":
        try:
            logq = flows.on_grid(scene, cast, view.grid(96), sigma=sigma)
        except ValueError:  # stochastic
            return None
        return np.exp(0.5 * np.minimum(np.nan_to_num(logq, nan=-80) - found["truth"].max(), 0))
    if LOGS[name] not in found:
        return None
    logp = found[LOGS[name]]
    return np.exp(0.5 * (logp - logp.max()))
