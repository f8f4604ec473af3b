"""The Compare page: methods over strength, measured in the background with error bars, a trial after another."""

import math
import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TypeVar

import streamlit as st

import models
from toy import compare, cost, metrics, scenes, tables
from toy.captions import mode_word
from toy.compare import Point, Row
from toy.guidance import RULES
from toy.metrics import METRICS
from toy.registry import Knob
from toy.sampling import INTEGRATORS
from toy.schedules import SCHEDULES
from toy.settings import flags
from toy.ui import casting, charts, linked, links
from toy.ui.engine import Busy, Engine, engine
from toy.ui.words import plain
from toy.uncertainty import OF_DRAWS

METHODS = ("none", "cfg", "autoguidance", "cfg+interval", "adaptive_projected_guidance", "naive_truncation")
MOST = 9  # methods at once: as many as there are colours, and grey
STRENGTHS = [f"{strength:g}" for strength in compare.STRENGTHS]
COUNTS = (512, 1024, 2048, 4096)
STEPS, COSTS = "steps", ("64", "128", "256", "512")  # what is equal: the steps, or the scores that a sample takes
N, SEEDS = 2048, Knob(1, 8, 1, "seeds", "each a run of its own; error bars are over them", name="seeds", default=3)
POLL, PATIENCE = 1.0, 0.7  # seconds between looks at the engine, and within one


def title(name: str) -> str:
    """A method's name for people."""
    base, _, other = name.partition("+")
    for registry in (SCHEDULES, INTEGRATORS):
        if other in registry:
            return f"{RULES[base].title}, {registry[other].title}"
    return RULES[base].title


def cost_words(spent: str) -> str:
    """What is equal for all methods, for people."""
    return "no, 32 steps each" if spent == STEPS else f"at most {spent} evaluations"


# --- What is measured -------------------------------------------------------------------------------------------------


def measure(point: Point) -> list[Row]:
    """The rows of a point."""
    found = scenes.measure_seeds(point.scene, models.cast(point.scene.cast), point.seeds)
    return compare.rows(point, compare.columns(found), found.seconds)


T = TypeVar("T")


class Table:
    """What one visitor's trials gave so far, by their keys; asks the engine for the next one, no more."""

    def __init__(self) -> None:
        """Nothing is known."""
        self.rows: dict[str, list[Row]] = {}
        self.failures: dict[str, str] = {}
        self.floors: dict[tuple[str, int], metrics.Values] = {}
        self._held: tuple[object, Future] | None = None

    def advance(self, found: Engine, wanted: Sequence[Point], patience: float) -> Point | None:
        """Take what is done and ask for what comes next; the trial that is being measured, None at the end."""
        end = time.monotonic() + patience
        for trial in wanted:
            if trial.key in self.rows or trial.key in self.failures:
                continue
            place = (trial.scene.target, trial.scene.n)
            if place not in self.floors:
                floor = self._ask(found, ("floor", *place), partial(metrics.floor, *place), end)
                if floor is None:
                    return trial
                self.floors[place] = floor
            try:
                rows = self._ask(found, ("trial", trial.key), partial(measure, trial), end)
            except ValueError as error:
                self.failures[trial.key] = str(error)
                continue
            if rows is None:
                return trial
            self.rows[trial.key] = rows
        return None

    def _ask(self, found: Engine, key: Hashable, work: Callable[[], T], end: float) -> T | None:
        """The result of ``work``; None where it is not there in time."""
        held = self._held[1] if self._held and self._held[0] == key else None
        if held is None or not held.done() or held.cancelled():
            try:
                held = found.lease(key, work)
            except Busy:
                return None
            self._held = (key, held)
            with suppress(TimeoutError):
                held.result(max(0.0, end - time.monotonic()))
        if not held.done():
            return None
        self._held = None
        return held.result()


# --- What is drawn ----------------------------------------------------------------------------------------------------


def number(name: str, value: float, error: float = math.nan) -> str:
    """A measure's value with its standard error, as it is read."""
    return tables.cell(name, value, error, digits=3) if math.isfinite(value) else "diverged"


def curve(rows: Sequence[Row], name: str, ends: tuple[float, float], flat: Collection[str] = ()) -> list[Row]:
    """Points of a chart of one measure; a method of ``flat``, which has no strength, stands at both ends."""
    out = []
    for method, its in compare.summary(list(rows), name).items():
        at, mean, error = (its[part].tolist() for part in ("strength", "mean", "error"))
        if method in flat:
            at, mean, error = list(ends), mean * 2, error * 2
        for x, value, spread in zip(at, mean, error, strict=True):
            wide = 2 * spread if math.isfinite(spread) else 0.0
            if math.isfinite(value):
                point = {"series": title(method), "x": x, "mean": value, "lo": value - wide, "hi": value + wide}
                out.append(point | {"text": number(name, value, spread)})
    return out


def axis(name: str, points: Sequence[Row], words: str) -> dict[str, object]:
    """Scale and title of a measure."""
    values = [point["mean"] for point in points] or [0.0]
    if name == "outliers":
        return {"title": words, **charts.percent(max(values))}
    domain = [0, min(1.0, 1.08 * max(*values, 0.1))] if name == "branch_tv" else [min(0.9, *values) - 0.02, 1.005]
    return {"title": words, "scale": {"domain": domain, "nice": False}, "axis": {"tickCount": 5}}


def crossing(rows: Sequence[Row]) -> list[Row]:
    """Points of the trade-off, each method's in order of strength."""
    quality, variation = (compare.summary(list(rows), name) for name in ("outliers", "branch_tv"))
    out = []
    for method, its in quality.items():
        other = variation[method]
        points = [
            {"series": title(method), "strength": strength, "x": x, "y": y, "last": False}
            | {"at_x": number("branch_tv", x, dx), "at_y": number("outliers", y, dy)}
            for strength, x, dx, y, dy in zip(
                its["strength"].tolist(), other["mean"].tolist(), other["error"].tolist(), its["mean"].tolist(),
                its["error"].tolist(), strict=True,
            )
            if math.isfinite(x) and math.isfinite(y)
        ]  # fmt: skip
        out += points
        if points:
            points[-1]["last"] = all(_apart(points[-1], other) for other in out if other["last"])
    return out


def _apart(one: Row, other: Row) -> bool:
    """Whether the names of two lines, written at their ends, would not lie over each other."""
    across = abs(one["x"] - other["x"])
    up = abs(math.log1p(one["y"] / 0.01) - math.log1p(other["y"] / 0.01))  # as the axis is
    return across > 0.3 or up > 0.12


def table(rows: Sequence[Row], floor: metrics.Values, asked: Mapping[str, tuple[int, int]]) -> dict[str, list[object]]:
    """Every measure that is one number, with its standard error, a line a method and strength.

    ``asked`` are the scores that a sample takes and the steps, by method.
    """
    names = [name for name in METRICS if rows and name in rows[0]]
    found = {name: compare.summary(list(rows), name) for name in names}
    lines: list[tuple[str, float | None, tuple[int | None, int | None], dict[str, str]]] = []
    if floor:
        lines.append(("true samples", None, (None, None), {name: number(name, float(floor[name])) for name in names}))
    for method, its in (found[names[0]] if names else {}).items():
        for i, strength in enumerate(its["strength"].tolist()):
            values = {n: number(n, found[n][method]["mean"][i], found[n][method]["error"][i]) for n in names}
            lines.append((title(method), strength, asked[method], values))
    out: dict[str, list[object]] = {
        "method": [method for method, *_ in lines],
        "strength": [strength for _, strength, *_ in lines],
        "evaluations": [times for _, _, (times, _), _ in lines],
        "steps": [steps for _, _, (_, steps), _ in lines],
    }
    return out | {METRICS[name].title: [values[name] for *_, values in lines] for name in names}


# --- The page ---------------------------------------------------------------------------------------------------------


def page() -> None:
    """Choose beside the charts; they fill while the trials are measured."""
    with st.sidebar:
        names = linked.many(
            "Methods", list(compare.methods()), "methods", METHODS, most=MOST, format_func=title, max_selections=MOST
        )
        strengths = linked.many(
            "Strengths", STRENGTHS, "strengths", STRENGTHS, widget=st.pills, selection_mode="multi",
            help="1 is no guidance; a weight w is the strength itself, other knobs are at their default at 2",
        )  # fmt: skip
        n = int(linked.levels("Samples", "n", COUNTS, N))
        seeds = linked.whole(SEEDS, "seeds")
        scores = linked.scores("learned")
        spent = linked.select(
            "Equal cost", [STEPS, *COSTS], "cost", STEPS, cost_words,
            help="score evaluations a sample, of all densities together: each method gets as many steps as they allow",
        )  # fmt: skip
        with st.expander("Distribution"):
            target = linked.target("A")
    if not names or not strengths:
        st.info("Choose a method and a strength.")
        return
    wanted = compare.points(
        compare.chosen(",".join(names)), tuple(map(float, strengths)), n=n, seeds=seeds, scores=scores, target=target
    )
    if spent != STEPS:
        wanted, dear = compare.at_cost(wanted, int(spent))
        for words in dear:
            st.warning(f"Not measured: {plain(words)}.")
        if not wanted:
            return
    casting.hold(dict.fromkeys(played for point in wanted for played in point.scene.cast))
    found: Table = st.session_state.setdefault("compare.table", Table())
    if len(found.rows) > 4000:
        found.rows.clear()
    st.subheader("Quality against variation")
    unfinished = found.advance(engine(), wanted, 0.0) is not None
    st.fragment(_results, run_every=POLL if unfinished else None)(wanted, unfinished)
    with st.expander("Link and command"):
        links.show()
        links.show_command(command(names, strengths, n, seeds, scores, spent, target))


def _results(wanted: Sequence[Point], unfinished: bool) -> None:
    found: Table = st.session_state["compare.table"]
    now = found.advance(engine(), wanted, PATIENCE) if unfinished else None
    if unfinished and now is None:
        links.rerun()
    rows = [row for trial in wanted for row in found.rows.get(trial.key, ())]
    target = wanted[0].scene.target
    floor, mode = found.floors.get((target, wanted[0].scene.n), {}), mode_word(target)
    said = {"outliers": "outliers", "branch_tv": f"{mode} TV", "alignment": METRICS["alignment"].label}
    done = sum(trial.key in found.rows or trial.key in found.failures for trial in wanted)
    look = charts.series([title(name) for name in dict.fromkeys(t.method.name for t in wanted)], [title("none")])
    if now:
        words = f"measuring {title(now.method.name)} at {now.strength:g}: {done} of {len(wanted)} done"
        st.progress(done / len(wanted), words)
    for words in dict.fromkeys(found.failures[trial.key] for trial in wanted if trial.key in found.failures):
        st.warning(f"Not measured: {plain(words)}")
    st.html(charts.legend(look))
    ends = (min(t.strength for t in wanted), max(t.strength for t in wanted))
    across = {"title": "strength", "scale": {"domain": [ends[0] - 0.1, ends[1] + 0.1], "nice": False},
              "axis": {"values": [1, 1.5, 2, 2.5, 3, 3.5, 4], "format": ".2~g"}}  # fmt: skip
    flat = {t.method.name for t in wanted if compare.strength_knob(t.scene) is None}
    left, right = st.columns([5, 6], gap="medium")
    with right:
        points = crossing(rows)
        x, y = ([{"mean": point[part]} for point in points] for part in ("x", "y"))
        st.vega_lite_chart(
            charts.trade_off(
                points, look,
                x=axis("branch_tv", x, f"{mode} TV: variation that is lost →"),
                y=axis("outliers", y, "outliers: quality that is lost →"),
                truth=(floor["branch_tv"], floor["outliers"]) if floor else None, height=592,
            ),
            key="compare.trade", width="stretch",
            alt=f"Outliers over {mode} TV, a line a method through its strengths; the table below has the numbers",
        )  # fmt: skip
    with left:
        for name, words in said.items():
            points, last = curve(rows, name, ends, flat), name == "alignment"
            bare = {"title": None, "axis": {"values": [1, 1.5, 2, 2.5, 3, 3.5, 4], "labels": False, "ticks": False}}
            spec = charts.lines(
                points, look, x=across if last else {**across, **bare}, y=axis(name, points, words),
                rules={"true samples": floor[name]} if floor else {}, height=214 if last else 172,
            )  # fmt: skip
            alt = f"{words} over strength, a curve a method; the table below has the numbers"
            st.vega_lite_chart(spec, key=f"compare.{name}", width="stretch", alt=alt)
    st.caption(
        "Lower left is better: few outliers, nothing lost. Dots grow with strength, bands are two standard errors "
        f"over the seeds, dashed lines and the star are what true samples measure; {OF_DRAWS}."
    )
    with st.expander(f"All measures, {len(rows)} rows"):
        helps = {METRICS[name].title: st.column_config.TextColumn(help=METRICS[name].summary) for name in METRICS}
        helps["evaluations"] = st.column_config.NumberColumn(help="scores of any density that one sample takes")
        helps["steps"] = st.column_config.NumberColumn(help="of the sampler")
        asked = {trial.method.name: (cost.total(trial.scene), trial.scene.steps) for trial in wanted}
        st.dataframe(table(rows, floor, asked), hide_index=True, column_config=helps, width="stretch")
    st.download_button(
        "Download CSV", tables.csv_bytes(rows), "compare.csv", "text/csv", on_click="ignore", disabled=not rows,
        icon=":material/download:",
    )  # fmt: skip


def command(
    names: Sequence[str], strengths: Sequence[str], n: int, seeds: int, scores: str, spent: str, target: str
) -> str:
    """The command line that makes the same table."""
    said = {"methods": ",".join(names), "strengths": ",".join(strengths), "n": n, "seeds": seeds}
    said |= {"scores": scores} if scores != "learned" else {}
    said |= {"evaluations": spent} if spent != STEPS else {}
    said |= {"target": target} if target != "A" else {}
    return f"python -m toy compare {flags(said)} --out compare.csv"
