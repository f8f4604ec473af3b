"""The paper's figures and the panels that they are made of, as matplotlib Figures; the only room that draws.

``particles(frame)`` draws what a Scene became; ``draw("fig1", load)`` a whole figure, given a loader of densities by
name; ``save`` and ``encode`` write it with its parameters in the metadata. Figures of Karras et al. 2024,
arXiv:2406.02507, drawn anew.
"""

import io
import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toy import fractal, sampling, scenes
from toy.densities import Density
from toy.files import replacing
from toy.guidance import RULES
from toy.registry import Registry
from toy.scenes import VIEWS, Frame, Scene, View

Load = Callable[[str], Density]

# Colours after Okabe and Ito, which most colour-blind readers can tell apart.
ORANGE, GREY, DARK = "#E69F00", "#8A8A8A", "#1B1E3A"  # target class, both classes, particles
GREEN, RED, BLUE = "#00875A", "#C63A22", "#0067B0"  # p1, p0, their ratio

OUTLINE = 2.12  # drawn where log p is this far (squared) below its maximum: about the 99% contour
SPACING = 0.15  # least distance of the points that carry arrows, in half-widths: 0.045 in the close-up
FIG9_SIGMAS = (0.5, 0.25, 0.08, 0.03, 0.01)
METHODS = ("none", "cfg", "naive_truncation", "autoguidance")  # what the paper's figures compare
FORMATS = ("png", "pdf", "svg")
WIDTH, DPI = 7.5, 300  # inches of a figure's width; a page of the paper has 5.5

STYLE: dict[Any, Any] = {
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

FIGURES = Registry("figure")


@contextmanager
def style() -> Iterator[None]:
    """The figures' settings, whatever the user's are; one thread at a time."""
    with _LOCK, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


@dataclass(frozen=True)
class Options:
    """What a figure may be drawn with instead of the paper's values.

    ``cast`` (role -> density's name) and ``knobs`` go to every method of the figure that has such a role or knob; both
    take a mapping or pairs and are kept as sorted pairs. ``view`` is the window (of the close-ups, in ``overview``),
    ``sigma`` the noise level of the close-ups, ``resolution`` the side of the grids. ValueError names a bad value.
    """

    cast: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    knobs: Mapping[str, float] | Sequence[tuple[str, float]] = ()
    n: int = 2**14
    seed: int = 0
    steps: int = 32
    sigma: float = 0.03
    view: View | None = None
    target: str = "A"
    resolution: int = 500

    def __post_init__(self) -> None:
        """Check, and keep the pairs sorted: equal options are equal keys of a cache."""
        for name, kind in (("cast", "role"), ("knobs", "knob")):
            pairs: dict[str, Any] = dict(getattr(self, name))
            known = dict.fromkeys(
                key for rule in (RULES if kind == "role" else METHODS) for key in getattr(RULES[rule], f"{kind}s")
            )
            for key in pairs:
                if key not in known:
                    raise ValueError(f"no figure has a {kind} {key!r}; have: {', '.join(known)}")
            object.__setattr__(self, name, tuple(sorted(pairs.items())))
        for rule in METHODS:
            self.scene(rule)
        if not 1e-3 <= self.sigma <= 100:
            raise ValueError(f"sigma = {self.sigma} is not a number from 0.001 to 100")
        if not 16 <= self.resolution <= 4096:
            raise ValueError(f"resolution = {self.resolution} is not from 16 to 4096")

    def scene(self, rule: str) -> Scene:
        """The Scene of one method of a figure."""
        entry = RULES[rule]
        given = {k: v for k, v in (*self.cast, *self.knobs) if k in entry.roles or k in entry.knobs}
        return Scene.of(rule, n=self.n, seed=self.seed, steps=self.steps, target=self.target, **given)

    def window(self, name: str) -> View:
        """The chosen view, or the one of that name."""
        return self.view or VIEWS[name]


# --- What is drawn: points, fields and trajectories -------------------------------------------------------------------


def thinned(points: np.ndarray, distance: float) -> np.ndarray:
    """The points, in order, that are at least ``distance`` from all those kept before; [m, 2]."""
    kept = np.empty((0, 2))
    for point in np.asarray(points, np.float64):
        if not len(kept) or np.min(np.sum((kept - point) ** 2, axis=1)) >= distance**2:
            kept = np.vstack([kept, point])
    return kept


@lru_cache(maxsize=16)
def spread(target: str, sigma: float, view: View, seed: int = 0) -> np.ndarray:
    """Points of p(x | target; sigma) within the view, thinned to SPACING; ValueError where there is none."""
    x = np.asarray(fractal.mixture(target).sample(jax.random.key(seed), 2**16, sigma))
    within = np.max(np.abs(x - [view.x, view.y]), axis=1) < 0.95 * view.half
    if not within.any():
        raise ValueError(f"no sample of class {target!r} at sigma = {sigma:g} is in view {view.x},{view.y},{view.half}")
    return thinned(x[within][:4096], SPACING * view.half)


@lru_cache(maxsize=32)
def _exact_logp(classes: str, sigma: float, view: View, resolution: int) -> np.ndarray:
    return _logp(fractal.mixture(classes), view, sigma, resolution)


def _logp(density: Density, view: View, sigma: float, resolution: int) -> np.ndarray:
    return np.asarray(scenes.logp_on(density, jnp.asarray(view.grid(resolution)), jnp.float32(sigma)))


def _within(target: str, sigma: float, view: View, resolution: int) -> np.ndarray:
    """Where the true p(x | target; sigma) is above its outline, on the view's grid."""
    logp = _exact_logp(target, sigma, view, resolution)
    return logp > logp.max() - OUTLINE**2


def followed(points: np.ndarray, scene: Scene, cast: Mapping[str, Density], sigma: float) -> np.ndarray:
    """Paths of the points along the scene's guided ODE from ``sigma`` to 0, [steps + 1, m, 2]."""
    levels = sampling.noise_levels(scene.steps, sigma, min(scene.sigma_min, sigma / 4), scene.rho)
    roles = {role: cast[role] for role in scene.entry.roles}
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    x, key = jnp.asarray(points, jnp.float32), jax.random.key(scene.seed)
    return np.asarray(sampling.trajectory(x, levels, roles, knobs, key, rule=scene.rule))


# --- Building blocks: each draws into one panel -----------------------------------------------------------------------


def panel(ax: Axes | None = None, view: View = VIEWS["tree"], title: str = "") -> Axes:
    """An empty square panel of the view with its title below; of a new Figure where no axes are given."""
    if ax is None:
        ax = Figure(figsize=(4, 4), dpi=DPI / 2).add_axes((0.02, 0.06, 0.96, 0.92))
    left, right, bottom, top = view.box
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[], xlabel=title)
    return ax


def particles(
    frame: Frame, ax: Axes | None = None, *, view: View = VIEWS["tree"], title: str = "", colour: str = DARK
) -> Figure:
    """Draw a Frame's samples over the trees; a new Figure where no axes are given."""
    with style():
        ax = panel(ax, view, title)
        outline(ax, frame.scene.target, view=view)
        dots(ax, frame.samples, colour=colour)
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
    view: View = VIEWS["tree"],
    sigma: float = 0.0,
    both: bool = True,
    fill: bool = True,
    resolution: int = 500,
) -> None:
    """Outline of the target class in orange over that of both classes in grey, about the 99% regions of p(x; sigma)."""
    xs, ys = np.linspace(*view.box[:2], resolution), np.linspace(*view.box[2:], resolution)
    for classes, colour, wanted in (("AB", GREY, both), (target, ORANGE, True)):
        if not wanted:
            continue
        logp = _exact_logp(classes, sigma, view, resolution)
        depth = np.sqrt(logp.max() - logp)  # close to linear across a branch: smooth contours from few pixels
        if logp.max() < -8 - 2 * math.log(max(sigma, 1)):
            continue  # the view is far from all branches
        if fill:
            ax.contourf(xs, ys, depth, levels=[0, OUTLINE], colors=[colour], alpha=0.3, zorder=1)
        if depth.max() > OUTLINE:
            ax.contour(xs, ys, depth, levels=[OUTLINE], colors=[colour], linewidths=0.4, zorder=1.5)


def density_panel(ax: Axes, logp: np.ndarray, *, view: View, colour: str = GREEN) -> None:
    """A density known up to a constant, [r, r] in nats, relative to its maximum in the view.

    The shade is the square root of that, so that thin branches show beside the trunk.
    """
    _shade(ax, np.exp(0.5 * (logp - np.nanmax(logp))), view, colour)


def ratio_panel(
    ax: Axes, logp1: np.ndarray, logp0: np.ndarray, *, view: View, within: np.ndarray | None = None, colour: str = BLUE
) -> None:
    """Ratio p1/p0 of densities known up to a constant, as the shade 1 / (1 + c p0 / p1): half where it is typical.

    ``c`` is the median ratio of the points ``within`` [r, r], or of the view. Far from the data neither network was
    trained and their ratio may be anything: there it must not set the scale.
    """
    ratio = logp1 - logp0
    typical = np.nanmedian(ratio if within is None or not within.any() else ratio[within])
    _shade(ax, 0.5 + 0.5 * np.tanh(0.5 * (ratio - typical)), view, colour)


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


def trajectories(ax: Axes, path: np.ndarray, *, colour: str = DARK) -> None:
    """Paths [steps + 1, m, 2] as lines, each with a dot at its end."""
    ax.add_collection(LineCollection(list(np.swapaxes(path, 0, 1)), colors=colour, linewidths=0.6, zorder=3))
    dots(ax, path[-1], size=2.2, colour=colour)


# --- The figures ------------------------------------------------------------------------------------------------------


def _panels(
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


def _cast(load: Load, scene: Scene) -> dict[str, Density]:
    return {role: load(name) for role, name in scene.cast}


def _truth(options: Options) -> np.ndarray:
    return np.asarray(fractal.mixture(options.target).sample(jax.random.key(options.seed), options.n))


def _weight(scene: Scene) -> str:
    symbols = {"w": "$w$", "gamma": r"$\gamma$"}
    return "".join(f", {symbols.get(name, name)} = {value:g}" for name, value in scene.knobs)


def _samples(ax: Axes, points: np.ndarray, title: str, view: View, options: Options) -> None:
    panel(ax, view, title)
    outline(ax, options.target, view=view, resolution=options.resolution)
    dots(ax, points)


def _method(ax: Axes, letter: str, rule: str, view: View, load: Load, options: Options) -> None:
    """Samples of one method."""
    scene = options.scene(rule)
    x = np.asarray(scenes.sample(scene, _cast(load, scene), keep=False))[-1]
    _samples(ax, x, f"({letter}) {RULES[rule].title}{_weight(scene)}", view, options)


def _field_panels(
    axes: Sequence[Axes], scene: Scene, cast: Mapping[str, Density], points: np.ndarray, options: Options, view: View
) -> None:
    """Three panels: p1 and p0 with their scores at ``points``, and their ratio with the difference of the scores."""
    guide = scenes.guide_role(scene)
    if guide is None:
        raise ValueError(f"rule {scene.rule!r} has no guide, so there is no ratio to draw")
    sigma, target = options.sigma, options.target
    titles = ("Main $p_1$", f"Guide $p_0$ ({scene.entry.title})", "Ratio $p_1/p_0$")
    for ax, title in zip(axes, titles, strict=True):
        panel(ax, view, title)
        outline(ax, target, view=view, sigma=sigma, both=False, fill=False, resolution=options.resolution)
    logp1, logp0 = (_logp(cast[role], view, sigma, options.resolution) for role in ("main", guide))
    density_panel(axes[0], logp1, view=view, colour=GREEN)
    density_panel(axes[1], logp0, view=view, colour=RED)
    ratio_panel(axes[2], logp1, logp0, view=view, within=_within(target, sigma, view, options.resolution))
    if not len(points):
        return
    at = jnp.asarray(points, jnp.float32)
    s1, s0 = (np.asarray(scenes.score_on(cast[role], at, jnp.float32(sigma))) for role in ("main", guide))
    longest = 0.9 * SPACING * view.half
    # sigma^2 s is the step that the denoiser takes; the ratio's arrows are twice as long beside it
    arrows(axes[0], points, sigma**2 * s1, longest=longest)
    arrows(axes[1], points, sigma**2 * s0, longest=longest)
    arrows(axes[2], points, 2 * sigma**2 * (s1 - s0), longest=longest)


def _closeups(axes: Sequence[Axes], letters: str, rule: str, load: Load, options: Options) -> None:
    """Five panels about one rule with a guide: p1, p0, ratio, trajectories without and with guidance."""
    view, sigma, target = options.window("closeup"), options.sigma, options.target
    scene = options.scene(rule)
    cast = _cast(load, scene)
    points = spread(target, sigma, view, options.seed)
    _field_panels(axes[:3], scene, cast, points, options, view)
    for ax, method in ((axes[3], options.scene("none")), (axes[4], scene)):
        panel(ax, view, f"{method.entry.title}{_weight(method)}")
        outline(ax, target, view=view, sigma=sigma, both=False, resolution=options.resolution)
        outline(ax, target, view=view, both=False, resolution=options.resolution)  # where they should end
        trajectories(ax, followed(points, method, cast, sigma))
    for ax, letter in zip(axes, letters, strict=True):
        ax.set_xlabel(f"({letter}) {ax.get_xlabel()}")


def fields(load: Load, rule: str, options: Options = Options(), *, with_arrows: bool = True) -> Figure:
    """Main density, guide's density and their ratio at one noise level, with their scores."""
    view = options.window("tree")
    scene = options.scene(rule)
    points = spread(options.target, options.sigma, view, options.seed) if with_arrows else np.zeros((0, 2))
    with style():
        figure, axes = _panels(1, 3)
        _field_panels(list(axes[0]), scene, _cast(load, scene), points, options, view)
    return figure


def side_by_side(frames: Sequence[Frame], *, view: View | None = None) -> Figure:
    """Samples of several Frames beside each other, with their method, weights and measures."""
    with style():
        figure, axes = _panels(1, len(frames))
        for ax, frame in zip(axes[0], frames, strict=True):
            scene = frame.scene
            window = view or VIEWS["tree" if scene.target == "A" else "both"]
            numbers = f"{frame.metrics['outliers']:.1%} outside, branch TV {frame.metrics['branch_tv']:.2f}"
            particles(frame, ax, view=window, title=f"{scene.entry.title}{_weight(scene)}: {numbers}")
    return figure


PAPER = "Karras et al. 2024, arXiv:2406.02507"


@FIGURES.register(source=f"{PAPER}, Figure 1", rules=METHODS, settings=("n", "seed", "steps"))
def fig1(load: Load, options: Options = Options()) -> Figure:
    """Samples of the true distribution and of four ways to sample a trained model."""
    view = options.window("tree")
    figure, axes = _panels(1, 5)
    _samples(axes[0, 0], _truth(options), "(a) Ground truth", view, options)
    for ax, letter, rule in zip(axes[0, 1:], "bcde", METHODS, strict=True):
        _method(ax, letter, rule, view, load, options)
    left, right, bottom, top = VIEWS["closeup"].box
    axes[0, 2].add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, linewidth=0.6, zorder=5))
    return figure


@FIGURES.register(source=f"{PAPER}, Figure 2", rules=("none", "cfg"), settings=("seed", "steps", "sigma"))
def fig2(load: Load, options: Options = Options()) -> Figure:
    """Close-up of CFG at one noise level: the two densities, their ratio, and where it drives the samples."""
    figure, axes = _panels(1, 5)
    _closeups(axes[0], "abcde", "cfg", load, options)
    return figure


@FIGURES.register(source=f"{PAPER}, Figure 9", rules=("cfg", "autoguidance"), settings=())
def fig9(load: Load, options: Options = Options()) -> Figure:
    """Densities and ratios of CFG and autoguidance over five noise levels."""
    view = options.window("tree")
    figure, axes = _panels(len(FIG9_SIGMAS), 5, left=0.22, top=0.2, below=0.06)
    casts = {rule: _cast(load, options.scene(rule)) for rule in ("cfg", "autoguidance")}
    main, uncond, weak = casts["cfg"]["main"], casts["cfg"]["unconditional"], casts["autoguidance"]["weak"]
    titles = ("$p_1$", "$p_0$, CFG", "$p_0$, autoguidance", "$p_1/p_0$, CFG", "$p_1/p_0$, autoguidance")
    for row, sigma in zip(axes, FIG9_SIGMAS, strict=True):
        p1, cfg, auto = (_logp(density, view, sigma, options.resolution) for density in (main, uncond, weak))
        for ax in row:
            panel(ax, view)
            outline(ax, options.target, view=view, fill=False, resolution=options.resolution)
            ax.set_rasterization_zorder(2)  # 25 trees as vectors would make files of 10 MB
        density_panel(row[0], p1, view=view, colour=GREEN)
        density_panel(row[1], cfg, view=view, colour=RED)
        density_panel(row[2], auto, view=view, colour=RED)
        within = _within(options.target, sigma, view, options.resolution)
        ratio_panel(row[3], p1, cfg, view=view, within=within)
        ratio_panel(row[4], p1, auto, view=view, within=within)
        row[0].set_ylabel(rf"$\sigma$ = {sigma:g}")
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title)
    return figure


@FIGURES.register(
    source=f"{PAPER}, Section 4", rules=("none", "autoguidance"), settings=("n", "seed", "steps", "sigma")
)
def overview(load: Load, options: Options = Options()) -> Figure:
    """Autoguidance in eight panels: samples, densities, their ratio, trajectories."""
    figure, axes = _panels(2, 4)
    view = VIEWS["tree"]
    _samples(axes[0, 0], _truth(options), "(a) Ground truth", view, options)
    _method(axes[0, 1], "b", "none", view, load, options)
    _method(axes[0, 2], "c", "autoguidance", view, load, options)
    closeups = (axes[1, 0], axes[1, 1], axes[1, 2], axes[0, 3], axes[1, 3])
    _closeups(closeups, "efgdh", "autoguidance", load, options)
    return figure


def draw(name: str, load: Load, options: Options = Options()) -> Figure:
    """Draw the figure of that name; ``load`` gives the density of a name. ValueError lists the figures."""
    entry = FIGURES[name]
    with style():
        return entry(load, options)


# --- Files ------------------------------------------------------------------------------------------------------------


def check(name: str, kind: str) -> None:
    """ValueError unless there is such a figure and such a format."""
    FIGURES[name]
    if kind not in FORMATS:
        raise ValueError(f"unknown format {kind!r}; have: {', '.join(FORMATS)}")


def caption(name: str, options: Options = Options()) -> dict[str, str]:
    """What the figure shows and every value that it is drawn with, as text; knobs as ``rule.knob``."""
    entry = FIGURES[name]
    made = [options.scene(rule) for rule in entry.facts["rules"]]
    values: dict[str, Any] = {"figure": name, "title": entry.summary, "after": entry.source}
    values |= {role: density for scene in made for role, density in scene.cast}
    if entry.facts["settings"]:  # otherwise nothing is sampled
        values |= {f"{scene.rule}.{knob}": f"{value:g}" for scene in made for knob, value in scene.knobs}
    values |= {setting: getattr(options, setting) for setting in ("target", *entry.facts["settings"])}
    if options.view:
        values["view"] = f"{options.view.x:g},{options.view.y:g},{options.view.half:g}"
    return {key: str(value) for key, value in values.items()}


def _metadata(kind: str, caption: Mapping[str, str]) -> dict[str, Any]:
    title = caption.get("title", "")
    text = json.dumps(dict(caption))
    if kind == "png":
        return {"Title": title, "Description": text, "Software": "toy.figures"}
    if kind == "pdf":
        return {"Title": title, "Subject": text, "Creator": "toy.figures", "CreationDate": None}
    return {"Title": title, "Description": text, "Creator": "toy.figures", "Date": None}


def encode(figure: Figure, kind: str, caption: Mapping[str, str]) -> bytes:
    """The file's bytes, the same for the same figure: png, pdf or svg, with the caption as JSON in its metadata."""
    if kind not in FORMATS:
        raise ValueError(f"unknown format {kind!r}; have: {', '.join(FORMATS)}")
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=_metadata(kind, caption))
    return buffer.getvalue()


def save(figure: Figure, path: str | Path, *, caption: Mapping[str, str]) -> Path:
    """Write the figure, whole or not at all, in the format of the path's suffix; returns the path."""
    path = Path(path)
    data = encode(figure, path.suffix.removeprefix(".").lower(), caption)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path
