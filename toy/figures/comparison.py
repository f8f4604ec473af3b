"""All methods beside each other: measures over strength, and what each gives up of variation for quality."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from toy import compare, metrics, scenes
from toy.compare import Row
from toy.figures.charts import Line, banded, plain, ticked
from toy.figures.panels import BLUE, DARK, DPI, GREEN, GREY, PURPLE, RED, WIDTH, style
from toy.figures.paper import FIGURES, Load, Options
from toy.guidance import RULES
from toy.metrics import METRICS, Values
from toy.palette import colour_of
from toy.sampling import INTEGRATORS
from toy.scene import Scene
from toy.schedules import SCHEDULES
from toy.tables import in_percent, words

MEASURES = ("outliers", "branch_tv", "alignment")
COLOURS = {"outliers": colour_of("outside"), "branch_tv": colour_of("lost"), "alignment": colour_of("truth")}
KINDS = {"rule": RULES, "schedule": SCHEDULES, "integrator": INTEGRATORS}
REFERENCES: dict[str, Line] = {"cfg": "-", "autoguidance": (0, (3, 1.2))}  # grey in every panel, with this line
LOG = ("outliers", "tail", "deep_tail")  # a symmetric log scale, linear below one percent

FEW = 12  # up to as many methods share one trade-off panel, with their names in it

QUICK = "none,naive_truncation,cfg,autoguidance,cfg_plus_plus,adaptive_projected_guidance,cfg+interval,cfg+smc"
QUICK_N, QUICK_SEEDS, QUICK_STRENGTHS = 1024, 2, (1.0, 2.0, 3.0, 4.0)

Summary = dict[str, dict[str, np.ndarray]]


def method_title(name: str) -> str:
    """A method's name for people."""
    base, _, other = name.partition("+")
    have = {**SCHEDULES, **INTEGRATORS} if other else RULES
    return have[other or base].title if (other or base) in have else name


def measure_name(measure: str) -> str:
    """A measure in words, for a figure."""
    if measure == "alignment":  # the name in tables says less than its label
        return METRICS[measure].label
    return words(measure)


def compare_figure(rows: Sequence[Row], measures: Sequence[str] = MEASURES) -> Figure:
    """Measures over strength, a block a method, and the trade-off of outliers against branch TV, a line a method.

    ``rows`` are those of ``toy.compare``. Bands are two standard errors over the seeds. In every block grey lines are
    CFG and autoguidance, dots no guidance, and the dashed line is what true samples measure. ValueError where there
    are no rows, or where rows of different settings would be mixed.
    """
    rows = list(rows)
    _check(rows, measures)
    kinds = {row["method"]: str(row["kind"]) for row in rows}
    names = [name for kind in KINDS for name, its in kinds.items() if its == kind]
    number = {name: i + 1 for i, name in enumerate(names)}
    wanted = list(dict.fromkeys([*measures, "outliers", "branch_tv"]))
    table = {measure: compare.summary(rows, measure) for measure in wanted}
    floor = _floor(rows, wanted)
    with style():
        columns = 7 if len(names) > FEW else 4
        groups = [[n for n in names if kinds[n] == kind] for kind in KINDS if kind in kinds.values()]
        if len(names) <= FEW:
            groups = [names]
        lines = [group[i : i + columns] for group in groups for i in range(0, len(group), columns)]
        figure, blocks, below = _page(lines, columns, len(measures), [len(group) for group in groups])
        limits = {measure: _limits(table[measure], measure, floor.get(measure)) for measure in wanted}
        for name, axes in blocks.items():
            for ax, measure in zip(axes, measures, strict=True):
                _curve(ax, name, table[measure], measure, floor.get(measure), limits[measure])
            axes[0].set_title(f"{number[name]}  {_short(method_title(name), columns)}", loc="left", fontsize=5.4, pad=2)
        for ax, group in zip(below, groups, strict=True):
            title = {"rule": "Rules", "schedule": "CFG, schedules", "integrator": "CFG, integrators"}[kinds[group[0]]]
            _trade_off(ax, group, table, number, floor, limits)
            ax.set_title(title if len(groups) > 1 else "Quality against variation", loc="left")
        below[0].set_ylabel("outliers", labelpad=1)
        for ax in below[1:]:
            ax.tick_params(labelleft=False)
        _legend(figure, measures)
    return figure


def _check(rows: Sequence[Row], measures: Sequence[str]) -> None:
    if not rows:
        raise ValueError("there are no rows to draw")
    for measure in measures:
        if measure not in rows[0]:
            raise ValueError(
                f"the table has no measure {measure!r}; have: {', '.join(m for m in METRICS if m in rows[0])}"
            )
    keys = [(row["method"], row["strength"], row["seed"]) for row in rows]
    if len(set(keys)) < len(keys):
        raise ValueError("the table mixes rows of different settings: draw those of one number of samples and one cast")


def _floor(rows: Sequence[Row], measures: Sequence[str]) -> Values:
    """What true samples measure, as many as the table's; {} where its rows do not say how many."""
    settings = json.loads(rows[0].get("trial") or "{}")
    known = tuple(measure for measure in measures if measure in METRICS)
    return dict(metrics.floor(settings["target"], int(settings["n"]), known)) if "n" in settings else {}


def _page(
    lines: list[list[str]], columns: int, strips: int, sizes: list[int]
) -> tuple[Figure, dict[str, list[Axes]], list[Axes]]:
    """Blocks of strips for each method, and under them a row of axes, the wider the more methods are in it."""
    left, right, top, title, strip, inner, gap, foot = 0.44, 0.06, 0.24, 0.15, 0.34, 0.08, 0.1, 3.3
    tall = title + strips * strip + (strips - 1) * inner + gap
    height = top + tall * len(lines) + foot
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    side = (WIDTH - left - right - gap * (columns - 1)) / columns
    blocks: dict[str, list[Axes]] = {}
    for row, line in enumerate(lines):
        for column, name in enumerate(line):
            x, y = left + column * (side + gap), height - top - row * tall - title
            blocks[name] = []
            for i in range(strips):
                bottom = y - (i + 1) * strip - i * inner
                ax = plain(figure.add_axes((x / WIDTH, bottom / height, side / WIDTH, strip / height)))
                last = i == strips - 1 and (row == len(lines) - 1 or column >= len(lines[row + 1]))
                ax.tick_params(labelleft=column == 0, labelbottom=last)
                blocks[name].append(ax)
    shares = np.sqrt(sizes) / np.sum(np.sqrt(sizes))
    below, x = [], left
    for share in shares:
        wide = share * (WIDTH - left - right - 0.12 * (len(sizes) - 1))
        below.append(plain(figure.add_axes((x / WIDTH, 0.36 / height, wide / WIDTH, (foot - 0.66) / height))))
        x += wide + 0.12
    return figure, blocks, below


def _short(title: str, columns: int) -> str:
    most = 20 if columns >= 7 else 34
    base, _, brief = title.removesuffix(")").partition(" (")
    fits = [words for words in (title, base, brief) if words and len(words) <= most]
    return fits[0] if fits else title[: most - 1].rstrip() + "…"


def _limits(found: Summary, measure: str, floor: float | None) -> tuple[float, float]:
    values = np.concatenate(
        [its["mean"] for its in found.values()] + [np.array([floor if floor is not None else np.nan])]
    )
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if measure in LOG:
        return 0.0, min(1.15, 1.3 * max(high, 0.1))
    if measure in ("branch_tv", "coverage"):
        return 0.0, min(1.06, 1.08 * high)
    if measure == "alignment":
        return (0.0 if low < 0.5 else 0.5), 1.05
    margin = 0.05 * (high - low) or 0.1
    return low - margin, high + margin


def scale_axis(ax: Axes, axis: str, measure: str, limits: tuple[float, float], *, few: bool = False) -> None:
    """Scale, limits and ticks of a measure; ``few`` ticks for the small strips."""
    percent = in_percent(measure)
    (ax.set_xlim if axis == "x" else ax.set_ylim)(limits)
    if measure in LOG:
        (ax.set_xscale if axis == "x" else ax.set_yscale)("symlog", linthresh=0.01, linscale=0.6)
        marks = (0.01, 0.1, 1.0) if few else (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
        ticked(ax, axis, tuple(v for v in marks if v <= limits[1]), percent=True)
    elif measure in ("branch_tv", "coverage", "alignment"):
        at = (0, 0.5, 1) if few else (0, 0.2, 0.4, 0.6, 0.8, 1)
        ticked(ax, axis, tuple(v for v in at if limits[0] - 1e-9 <= v <= limits[1]), percent=percent)
    else:
        ticked(ax, axis, tuple(np.linspace(*limits, 3)), percent=percent)


def _curve(ax: Axes, name: str, found: Summary, measure: str, floor: float | None, limits: tuple[float, float]) -> None:
    """One measure of one method, before the references."""
    for other, line in REFERENCES.items():
        if other in found and other != name:
            ax.plot(found[other]["strength"], found[other]["mean"], color="#A6ABB4", linewidth=0.6, linestyle=line)
    if "none" in found and name != "none":
        ax.axhline(found["none"]["mean"][0], color="#A6ABB4", linewidth=0.7, linestyle=(0, (0.8, 1.2)))
    if floor is not None:
        ax.axhline(floor, color=DARK, linewidth=0.4)
    its = found[name]
    banded(ax, its["strength"], its["mean"], its["error"], COLOURS.get(measure, PURPLE))
    ax.set_xlim(0.9, 4.1)
    ticked(ax, "x", (1, 2, 3, 4))
    scale_axis(ax, "y", measure, limits, few=True)


def _trade_off(
    ax: Axes,
    names: Sequence[str],
    table: dict[str, Summary],
    number: dict[str, int],
    floor: Values,
    limits: dict[str, tuple[float, float]],
) -> None:
    """A line a method from the weakest on, with dots that grow with strength and the method's number at its end."""
    ends = []
    for name in names:
        x, y = (table[measure][name]["mean"] for measure in ("branch_tv", "outliers"))
        known = np.isfinite(x) & np.isfinite(y)
        strength, x, y = table["outliers"][name]["strength"][known], x[known], y[known]
        if not len(x):
            continue
        reference = name in REFERENCES or name == "none"
        colour = DARK if reference else (BLUE, PURPLE, GREEN, RED)[number[name] % 4]
        ax.plot(x, y, color=colour, linewidth=1.1 if reference else 0.6, alpha=0.9, zorder=3 if reference else 2)
        ax.scatter(x, y, s=0.9 * strength**1.6, color=colour, linewidths=0, zorder=3, alpha=0.9)
        ends.append((x[-1], y[-1], method_title(name) if len(number) <= FEW else str(number[name]), colour))
    if {"branch_tv", "outliers"} <= floor.keys():
        ax.plot(floor["branch_tv"], floor["outliers"], marker="*", markersize=6, color=DARK, linestyle="none", zorder=5)
        ax.annotate("truth", (floor["branch_tv"], floor["outliers"]), (4, -7), textcoords="offset points", fontsize=5.6)
    for axis, measure in (("x", "branch_tv"), ("y", "outliers")):
        scale_axis(ax, axis, measure, limits[measure])
    label_ends(ax, ends)
    ax.set_xlabel("branch TV: variation that is lost")


def label_ends(ax: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Words beside the lines' ends, within the axes, moved apart where they would lie on each other."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    left, bottom, right, top = (float(edge) * 72 / figure.dpi for edge in ax.bbox.extents)
    taken: list[tuple[float, float, float]] = []
    ring = [
        (r, r * math.cos(a), r * math.sin(a)) for r in (5.0, 9.0, 13.0, 18.0) for a in np.linspace(0, 2 * np.pi, 9)[:-1]
    ]
    for x, y, text, colour in sorted(ends):
        at, half = ax.transData.transform((x, y)) * 72 / figure.dpi, 1.0 + 1.6 * len(text)
        options = [(r, at[0] + dx + (dx > 1) * (half - 2) - (dx < -1) * (half - 2), at[1] + dy) for r, dx, dy in ring]
        options = [(r, u, v) for r, u, v in options if left + half < u < right - half and bottom + 3 < v < top]
        free = [p for p in options if all(abs(p[1] - q[0]) > half + q[2] or abs(p[2] - q[1]) > 6.5 for q in taken)]
        far, u, v = (free or options or [(5.0, at[0] + 5, at[1])])[0]
        taken.append((u, v, half))
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.25, "shrinkA": 2, "shrinkB": 0} if far > 9 else None
        ax.annotate(
            text, (x, y), (u - at[0], v - at[1]), textcoords="offset points", fontsize=5.6, color=colour, ha="center",
            va="center", zorder=6, arrowprops=line, path_effects=[withStroke(linewidth=1.2, foreground="white")],
        )  # fmt: skip


def _legend(figure: Figure, measures: Sequence[str]) -> None:
    height = figure.get_figheight()
    x = 0.44
    entries: list[tuple[str, Line, str]] = [(COLOURS.get(m, PURPLE), "-", measure_name(m)) for m in measures]
    entries += [("#A6ABB4", line, RULES[name].title) for name, line in REFERENCES.items()]
    entries += [("#A6ABB4", (0, (0.8, 1.2)), "no guidance"), (DARK, "-", "true samples")]
    ax = figure.add_axes((0, 1 - 0.2 / height, 1, 0.2 / height), label="legend")
    ax.set(xlim=(0, WIDTH), ylim=(0, 1))
    ax.axis("off")
    for colour, line, word in entries:
        ax.plot([x, x + 0.22], [0.5, 0.5], color=colour, linestyle=line, linewidth=1.0 if line == "-" else 0.8)
        ax.text(x + 0.27, 0.48, word, va="center", fontsize=6)
        x += 0.27 + 0.046 * len(word) + 0.14
    ax.text(WIDTH - 0.06, 0.48, "across: strength, 1 is none", va="center", ha="right", fontsize=6, color=GREY)


@FIGURES.register(
    source="this project",
    rules=("none", "cfg", "autoguidance"),
    settings=("seed", "steps"),
    weights=False,
    also=lambda options: {"n": min(options.n, QUICK_N), "seeds": QUICK_SEEDS, "methods": QUICK},
    name="compare",
)
def compare_quick(load: Load, options: Options) -> Figure:
    """Outliers, branch TV and alignment over strength for some methods, and the trade-off between the first two."""
    rows = []
    n = min(options.n, QUICK_N)
    values: dict[str, Any] = {"target": options.target, "steps": options.steps, "seed": options.seed}
    for point in compare.points(compare.chosen(QUICK), QUICK_STRENGTHS, n=n, seeds=QUICK_SEEDS, **values):
        cast = {role: name for role, name in dict(options.cast).items() if role in point.scene.entry.roles}
        scene: Scene = point.scene.change(**cast)
        spread = scenes.measure_seeds(scene, {role: load(name) for role, name in scene.cast}, QUICK_SEEDS, MEASURES)
        at = compare.Point(point.method, point.strength, scene, QUICK_SEEDS)
        rows += compare.rows(at, compare.columns(spread), spread.seconds)
    return compare_figure(rows)
