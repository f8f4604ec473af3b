"""The Lab page: published claims with their verdicts, sweeps while they run and afterwards, optimised schedules."""

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from toy import figures, tables
from toy.figures.sweeps import sweep_figure
from toy.lab import claims, grid, optima, report, sweep
from toy.lab.grid import Sweep
from toy.lab.sweep import Look
from toy.metrics import METRICS
from toy.progress import Progress
from toy.ui import linked, links
from toy.ui.engine import engine
from toy.ui.tasks import Report, tasks
from toy.ui.words import plain

ROOT = Path(__file__).parents[2]
DOCS, OUT = ROOT / "docs", Path("out")
SECTIONS = {"claims": "Claims", "sweeps": "Sweeps", "schedules": "Schedules"}
POLL = 2.0  # seconds between looks at what is being made


def page() -> None:
    """Choose a section beside it."""
    with st.sidebar:
        chosen = linked.select("Show", list(SECTIONS), "show", "claims", SECTIONS.__getitem__)
    {"claims": _claims, "sweeps": _sweeps, "schedules": _schedules}[chosen]()


# --- Claims -----------------------------------------------------------------------------------------------------------

MARKS = {"holds": ":green[:material/check_circle:]", "does not hold": ":red[:material/cancel:]",
         "undecided": ":gray[:material/help:]"}  # fmt: skip


def _claims() -> None:
    st.subheader("Published claims, put to the test")
    have, found = claims.published(), _reported()
    if found:
        known = found["conditions"]
        st.caption(
            f"Measured over {known['n']:d} samples each, {known['seeds with training']:d} repetitions with training, "
            f"{known['seeds of exact claims']:d} of exact claims; {plain(known['device'])}. "
            "A verdict is that of the 95% interval over the seeds, against a threshold set before looking."
        )
        st.code(known["command"], language="bash")
    before = {item["name"]: item for item in found["claims"]} if found else {}
    for name, item in have.items():
        here, shown = st.session_state.get(f"lab.claim.{name}"), before.get(name)
        verdict = (shown or here or {}).get("verdict", "not measured")
        mark = MARKS.get(verdict, ":gray[:material/radio_button_unchecked:]")
        with st.expander(f"{mark} **{verdict}** · {item.statement}"):
            st.caption(f"{item.source}. {item.method}")
            if shown:
                _told(shown, "From the report that comes with the program.")
            if here:
                _told(here, _smaller(found["conditions"] if found else None))
            _again(name)
    st.code("python -m toy claims --quick", language="bash")


def _told(item: Mapping[str, Any], words: str) -> None:
    """One measurement of a claim, and whose it is."""
    st.caption(words)
    st.table(_parts(item))
    for note in item["notes"]:
        st.caption(plain(note))


def _smaller(known: Mapping[str, Any] | None) -> str:
    """What was measured here, and by how much it is less than the report."""
    size = claims.QUICK
    words = f"Measured here, in small: **{size.n} samples** a scene, {size.trainings} repetitions with training"
    words += f", {size.draws} of exact claims"
    if known:
        words += f" (the report: {known['n']}, {known['seeds with training']}, {known['seeds of exact claims']})"
    return f"{words}. Fewer samples and repetitions give wider intervals; where they differ, believe the narrower."


def _reported() -> dict[str, Any] | None:
    """The report that comes with the program."""
    path = DOCS / "claims.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _parts(item: Mapping[str, Any]) -> dict[str, list[str]]:
    """The parts of a claim as columns."""
    parts = item["parts"]
    return {
        "part": [part["part"] or "effect" for part in parts],
        "effect": [_number(part["mean"]) for part in parts],
        "95% interval": [f"{_number(part['low'])} to {_number(part['high'])}" for part in parts],
        "holds for": [_bound(part) for part in parts],
        "unit": [part["unit"] for part in parts],
        "verdict": [part["verdict"] for part in parts],
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _bound(part: Mapping[str, Any]) -> str:
    lo, hi = part["lo"], part["hi"]
    if lo is not None and hi is not None:
        return f"{lo:g} to {hi:g}"
    return f"above {lo:g}" if lo is not None else f"below {hi:g}"


def _again(name: str) -> None:
    """A button that measures a claim here, in small, and what it found."""
    wanted = st.session_state.setdefault("lab.claims", set())
    if name not in wanted:
        if st.button("Measure it here, in small", key=f"lab.measure.{name}", icon=":material/play_arrow:"):
            wanted.add(name)
            links.rerun()
        return

    def watch() -> None:
        task = tasks(engine()).ask(("claim", name), partial(_measure, name))
        if not task.future.done():
            st.progress(task.share, plain(task.words))
            return
        wanted.discard(name)
        try:
            st.session_state[f"lab.claim.{name}"] = task.future.result()
        except ValueError as error:
            st.warning(f"Not measured: {plain(error)}")
            return
        links.rerun()

    st.fragment(watch, run_every=POLL)()


def _measure(name: str, tell: Report) -> dict[str, Any]:
    def told(now: Progress) -> None:
        tell(f"{now.stage}: {now.done} of {now.total}", now.done / max(now.total, 1))

    findings = claims.run([claims.published()[name]], claims.QUICK, report=told)
    return report.as_json(findings)["claims"][0]


# --- Sweeps -----------------------------------------------------------------------------------------------------------


def specs() -> dict[str, Path]:
    """The sweeps that there are, by name: those run from here, and the examples of the documentation."""
    folders = (DOCS / "sweeps", OUT / "sweeps")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def _sweeps() -> None:
    have = specs()
    with st.sidebar:
        name = linked.select("Sweep", list(have), "sweep", "guide_map" if "guide_map" in have else next(iter(have)))
    try:
        wanted = grid.read(have[name])
    except ValueError as error:
        st.warning(plain(error))
        return
    with st.sidebar:
        usual = "outliers" if "outliers" in wanted.measures else wanted.measures[0]
        flat = [measure for measure in wanted.measures if measure != "mass_by_depth"]
        metric = linked.select("Measure", flat, "metric", usual, lambda measure: METRICS[measure].title)
    st.subheader(plain(wanted.title))
    found = _look(wanted, name)
    unfinished = found.done < found.total  # it may be begun at any moment
    st.fragment(_sweep, run_every=POLL if unfinished else None)(wanted, name, metric, unfinished)
    path = have[name].relative_to(ROOT) if have[name].is_relative_to(ROOT) else have[name]  # not where the server is
    st.code(f"python -m toy sweep {path.as_posix()}", language="bash")
    with st.expander("What is swept"):
        st.code(have[name].read_text(encoding="utf-8"), language="toml")


def _look(wanted: Sweep, name: str) -> Look:
    """What there is of a sweep: in its store, else in the table of the documentation."""
    store, table = sweep.default_store(name), DOCS / "sweeps" / f"{name}.csv"
    found = sweep.look(wanted, store)
    if not found.rows and not found.at_work and table.exists():
        rows = tables.read_csv(table)
        return Look(rows, len(rows), len(rows), 0, None)
    return found


def _sweep(wanted: Sweep, name: str, metric: str, unfinished: bool) -> None:
    try:
        found = _look(wanted, name)
    except ValueError as error:
        st.warning(plain(error))
        return
    if unfinished and found.done >= found.total:
        links.rerun()
    if found.at_work:
        left = f", about {_duration(found.left)} left" if found.left is not None else ""
        st.progress(found.done / max(found.total, 1), f"{found.done} of {found.total} trials{left}")
    elif found.done < found.total:
        st.caption(f"{found.done} of {found.total} trials are measured; the command below goes on.")
    if not found.rows:
        st.info("Nothing is measured yet: run the command below, and look here while it runs.")
        return
    axes = " and ".join(axis.name for axis in wanted.axes)
    alt = f"{METRICS[metric].title} over {axes}; the rows below have the numbers"
    st.image(bytes(_picture(wanted, name, metric, found)), width="stretch", alt=alt)
    with st.expander(f"All rows, {len(found.rows)}"):
        columns = [
            *(axis.name for axis in wanted.axes),
            *(key for key in found.rows[0] if key.split("_by_")[0] in wanted.measures or key in METRICS),
        ]
        st.dataframe({key: [row.get(key) for row in found.rows] for key in columns}, hide_index=True, width="stretch")


def _picture(wanted: Sweep, name: str, metric: str, found: Look) -> bytes:
    """The figure of a sweep, drawn again when there is more to draw."""
    held = st.session_state.setdefault("lab.pictures", {})
    key = (name, metric, len(found.rows), wanted)
    if key not in held:
        if len(held) > 8:
            held.pop(next(iter(held)))
        options = {k: v for k, v in dict(wanted.drawn).items() if k != "metric"}
        drawn = sweep_figure(found.rows, [axis.name for axis in wanted.axes], metric=metric, title="", **options)
        held[key] = figures.encode(drawn, "png", {"title": wanted.title})
    return held[key]


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "an unknown time"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


# --- Schedules --------------------------------------------------------------------------------------------------------


def _schedules() -> None:
    st.subheader("Schedules found by gradient")
    try:
        found = {name: each for folder in (DOCS, OUT) for name, each in optima.read_all(folder / "optimum").items()}
    except ValueError as error:
        st.warning(plain(error))
        return
    if not found:
        st.info("Nothing was optimised yet: run the command below, and open this page again.")
    base = (st.context.url or "").split("?")[0].removesuffix("lab")
    for each in found.values():
        problem = each.problem
        st.markdown(f"**{problem.scene.entry.title}**, {optima.objective_words(problem)}")
        head, *rest = [optima.HEAD, *optima.table(each)]
        st.table({title: [row[i] for row in rest] for i, title in enumerate(head)})
        st.caption(optima.verdict(each))
        st.link_button("Open in Explore", f"{base}{optima.link(each)}", icon=":material/park:")
    picture = DOCS / "optimum" / "optimum.png"
    if picture.exists():
        st.image(str(picture), width="stretch", alt="The schedules over the noise level; the tables have the numbers")
    st.code(
        "python -m toy optimise --rule cfg --objective quality_variation --out out/optimum/cfg.json", language="bash"
    )
