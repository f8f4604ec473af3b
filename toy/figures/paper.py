"""The figures of Karras et al. 2024, arXiv:2406.02507, drawn anew, and what they may be drawn with instead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toy import distributions, sampling, scenes, settings, views
from toy.captions import captions
from toy.densities import Density
from toy.figures.files import check_format
from toy.figures.panels import (
    OUTLINE,
    arrows,
    captioned,
    density_panel,
    dots,
    exact_logp,
    grid,
    logp_grid,
    outline,
    panel,
    particles,
    ratio_panel,
    style,
    trajectories,
)
from toy.guidance import RULES
from toy.palette import colour_of
from toy.registry import Entry, Registry
from toy.scene import Scene
from toy.scenes import Frame
from toy.settings import Knob
from toy.views import SIGMA, View

Load = Callable[[str], Density]

SPACING = 0.15  # least distance of the points that carry arrows, in half-widths: 0.045 in the close-up
FIG9_SIGMAS = (0.5, 0.25, 0.08, 0.03, 0.01)
METHODS = ("none", "cfg", "naive_truncation", "autoguidance")  # what the paper's figures compare


@dataclass(frozen=True, kw_only=True)
class FigureEntry(Entry):
    """A figure: the ``rules`` that it samples with, and the ``settings`` of ``Options`` that it is drawn with.

    ``weights`` says whether its rules' knobs are among them; ``also`` gives other values that it is drawn with. ``on``
    is the distribution that it is about, where no other can be chosen, and ``needs`` are densities of its own.
    """

    rules: tuple[str, ...]
    settings: tuple[str, ...]
    weights: bool = True
    also: "Callable[[Options], Mapping[str, object]] | None" = None
    on: str = ""
    needs: tuple[str, ...] = ()


FIGURES = Registry("figure", FigureEntry)


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
    sigma: Annotated[float, SIGMA] = 0.03
    view: View | None = None
    target: str = "A"
    resolution: Annotated[int, Knob(16, 4096, 1, "resolution", "side of the grids", whole=True)] = 500

    def __post_init__(self) -> None:
        """Check, and keep the pairs sorted: equal options are equal keys of a cache."""
        for name, kind in (("cast", "role"), ("knobs", "knob")):
            pairs: dict[str, object] = dict(getattr(self, name))
            known = dict.fromkeys(
                key for rule in (RULES if kind == "role" else METHODS) for key in getattr(RULES[rule], f"{kind}s")
            )
            for key in pairs:
                if key not in known:
                    raise ValueError(f"no figure has a {kind} {key!r}; have: {', '.join(known)}")
            object.__setattr__(self, name, tuple(sorted(pairs.items())))
        for rule in METHODS:
            self.scene(rule)
        settings.check(self)

    def scene(self, rule: str) -> Scene:
        """The Scene of one method of a figure."""
        entry = RULES[rule]
        given = {k: v for k, v in (*self.cast, *self.knobs) if k in entry.roles or k in entry.knobs}
        return Scene.of(rule, n=self.n, seed=self.seed, steps=self.steps, target=self.target, **given)

    def window(self, name: str) -> View:
        """The chosen view, or the one of that name."""
        return self.view or views.window(name, self.target)


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
    x = np.asarray(distributions.mixture(target).sample(jax.random.key(seed), 2**16, sigma))
    within = np.max(np.abs(x - [view.x, view.y]), axis=1) < 0.95 * view.half
    if not within.any():
        raise ValueError(f"no sample of class {target!r} at sigma = {sigma:g} is in view {view.x},{view.y},{view.half}")
    return thinned(x[within][:4096], SPACING * view.half)


def _within(target: str, sigma: float, view: View, resolution: int) -> np.ndarray:
    """Where the true p(x | target; sigma) is above its outline, on the view's grid."""
    logp = exact_logp(target, sigma, view, resolution)
    return logp > logp.max() - OUTLINE**2


def followed(points: np.ndarray, scene: Scene, cast: Mapping[str, Density], sigma: float) -> np.ndarray:
    """Paths of the points along the scene's guided ODE from ``sigma`` to 0, [steps + 1, m, 2]."""
    levels = sampling.noise_levels(scene.steps, sigma, min(scene.sigma_min, sigma / 4), scene.rho)
    roles = {role: cast[role] for role in scene.entry.roles}
    knobs = {name: jnp.float32(value) for name, value in scene.knobs}
    x, key = jnp.asarray(points, jnp.float32), jax.random.key(scene.seed)
    return np.asarray(sampling.trajectory(x, levels, roles, knobs, key, rule=scene.rule))


def _cast(load: Load, scene: Scene) -> dict[str, Density]:
    return {role: load(name) for role, name in scene.cast}


def _truth(options: Options) -> np.ndarray:
    return np.asarray(distributions.mixture(options.target).sample(jax.random.key(options.seed), options.n))


def _weight(scene: Scene) -> str:
    symbols = {"w": "$w$", "gamma": r"$\gamma$"}
    return "".join(
        f", {symbols.get(name, name)} = {value:g}" for name, value in scene.knobs if name in scene.entry.knobs
    )


def _samples(ax: Axes, points: np.ndarray, title: str, view: View, options: Options) -> None:
    panel(ax, view, title)
    outline(ax, options.target, view=view, resolution=options.resolution)
    dots(ax, points)


def _method(ax: Axes, letter: str, rule: str, view: View, load: Load, options: Options) -> None:
    """Samples of one method."""
    scene = options.scene(rule)
    x = np.asarray(scenes.sample(scene, _cast(load, scene), keep=False))[-1]
    _samples(ax, x, f"({letter}) {RULES[rule].title}{_weight(scene)}", view, options)


def _fieldgrid(
    axes: Sequence[Axes], scene: Scene, cast: Mapping[str, Density], points: np.ndarray, options: Options, view: View
) -> None:
    """Three panels: p1 and p0 with their scores at ``points``, and their ratio with the difference of the scores."""
    guide = views.guide_role(scene)
    if guide is None:
        raise ValueError(f"rule {scene.rule!r} has no guide, so there is no ratio to draw")
    sigma, target = options.sigma, options.target
    titles = ("Main $p_1$", f"Guide $p_0$ ({scene.entry.title})", "Ratio $p_1/p_0$")
    for ax, title in zip(axes, titles, strict=True):
        panel(ax, view, title)
        outline(ax, target, view=view, sigma=sigma, both=False, fill=False, resolution=options.resolution)
    logp1, logp0 = (logp_grid(cast[role], view, sigma, options.resolution) for role in ("main", guide))
    density_panel(axes[0], logp1, view=view, colour=colour_of("main"))
    density_panel(axes[1], logp0, view=view, colour=colour_of("guide"))
    ratio_panel(axes[2], logp1, logp0, view=view, within=_within(target, sigma, view, options.resolution))
    if not len(points):
        return
    at = jnp.asarray(points, jnp.float32)
    s1, s0 = (np.asarray(views.score_on(cast[role], at, jnp.float32(sigma))) for role in ("main", guide))
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
    _fieldgrid(axes[:3], scene, cast, points, options, view)
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
        figure, axes = grid(1, 3)
        _fieldgrid(list(axes[0]), scene, _cast(load, scene), points, options, view)
    return figure


def side_by_side(frames: Sequence[Frame], *, titles: Sequence[str] = ()) -> Figure:
    """Samples of several Frames beside each other, with the given titles or with what differs, and measures."""
    titles = [
        f"{title}\n{frame.metrics['outliers']:.1%} outside, branch TV {frame.metrics['branch_tv']:.2f}"
        for title, frame in zip(titles or captions(*(frame.scene for frame in frames)), frames, strict=True)
    ]
    with style():
        figure, axes, titles = captioned(titles)
        for ax, frame, title in zip(axes, frames, titles, strict=True):
            particles(frame, ax, title=title)
    return figure


PAPER = "Karras et al. 2024, arXiv:2406.02507"


@FIGURES.register(source=f"{PAPER}, Figure 1", rules=METHODS, settings=("n", "seed", "steps"))
def fig1(load: Load, options: Options = Options()) -> Figure:
    """Samples of the true distribution and of four ways to sample a trained model."""
    view = options.window("tree")
    figure, axes = grid(1, 5)
    _samples(axes[0, 0], _truth(options), "(a) Ground truth", view, options)
    for ax, letter, rule in zip(axes[0, 1:], "bcde", METHODS, strict=True):
        _method(ax, letter, rule, view, load, options)
    left, right, bottom, top = views.window("closeup", options.target).box
    axes[0, 2].add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, linewidth=0.6, zorder=5))
    return figure


@FIGURES.register(source=f"{PAPER}, Figure 2", rules=("none", "cfg"), settings=("seed", "steps", "sigma"))
def fig2(load: Load, options: Options = Options()) -> Figure:
    """Close-up of CFG at one noise level: the two densities, their ratio, and where it drives the samples."""
    figure, axes = grid(1, 5)
    _closeups(axes[0], "abcde", "cfg", load, options)
    return figure


@FIGURES.register(source=f"{PAPER}, Figure 9", rules=("cfg", "autoguidance"), settings=())
def fig9(load: Load, options: Options = Options()) -> Figure:
    """Densities and ratios of CFG and autoguidance over five noise levels."""
    view = options.window("tree")
    figure, axes = grid(len(FIG9_SIGMAS), 5, left=0.22, top=0.2, below=0.06)
    casts = {rule: _cast(load, options.scene(rule)) for rule in ("cfg", "autoguidance")}
    main, uncond, weak = casts["cfg"]["main"], casts["cfg"]["unconditional"], casts["autoguidance"]["weak"]
    titles = ("$p_1$", "$p_0$, CFG", "$p_0$, autoguidance", "$p_1/p_0$, CFG", "$p_1/p_0$, autoguidance")
    for row, sigma in zip(axes, FIG9_SIGMAS, strict=True):
        p1, cfg, auto = (logp_grid(density, view, sigma, options.resolution) for density in (main, uncond, weak))
        for ax in row:
            panel(ax, view)
            outline(ax, options.target, view=view, fill=False, resolution=options.resolution)
            ax.set_rasterization_zorder(2)  # 25 trees as vectors would make files of 10 MB
        density_panel(row[0], p1, view=view, colour=colour_of("main"))
        density_panel(row[1], cfg, view=view, colour=colour_of("guide"))
        density_panel(row[2], auto, view=view, colour=colour_of("guide"))
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
    figure, axes = grid(2, 4)
    view = views.window("tree", options.target)
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


def check(name: str, kind: str) -> None:
    """ValueError unless there is such a figure and such a format."""
    FIGURES[name]
    check_format(kind)


def caption(name: str, options: Options = Options()) -> dict[str, str]:
    """What the figure shows and every value that it is drawn with, as text; knobs as ``rule.knob``."""
    entry = FIGURES[name]
    made = [options.scene(rule) for rule in entry.rules]
    values: dict[str, object] = {"figure": name, "title": entry.summary, "after": entry.source}
    values |= {role: density for scene in made for role, density in scene.cast}
    if entry.settings and entry.weights:  # otherwise nothing is sampled with them
        values |= {f"{scene.rule}.{knob}": f"{value:g}" for scene in made for knob, value in scene.knobs}
    values |= {setting: getattr(options, setting) for setting in ("target", *entry.settings)}
    values |= {"target": f"{entry.on}/A"} if entry.on else {}
    values |= entry.also(options) if entry.also else {}
    if options.view:
        values["view"] = f"{options.view.x:g},{options.view.y:g},{options.view.half:g}"
    return {key: str(value) for key, value in values.items()}
