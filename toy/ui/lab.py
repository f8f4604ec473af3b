"""The Lab page: published claims with their verdicts, sweeps while they run and afterwards, optimised schedules."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import streamlit as st
from cachetools import LRUCache

from toy import distributions, figures, tables
from toy.figures.sweeps import sweep_figure
from toy.inputs import Json
from toy.lab import claims, grid, optima, report, sweep
from toy.lab.claim import Claim
from toy.lab.grid import Sweep
from toy.lab.sweep import Look
from toy.metrics import METRICS
from toy.progress import Progress
from toy.ui import linked, links, tasks
from toy.ui.tasks import Report
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
         "undecided": ":gray[:material/help:]", "nothing to gain": ":gray[:material/block:]"}  # fmt: skip


ELSEWHERE = ("claims_by_distribution", "claims_elsewhere")  # reports of several distributions


def _claims() -> None:
    with st.sidebar, st.expander("Distribution", expanded=True):
        on = distributions.of(linked.target("A", None)).on
        st.caption("Published claims are shown as they were measured on it, and measured on it here.")
    several = [report for name in ELSEWHERE if (report := _reported(name))]
    if on:
        st.subheader(f"Published claims on {plain(on)}, put to the test")
        _board(claims.published(), [_of_place(report, on) for report in several], {}, on)
        links.show_command(f"python -m toy claims --on {on} --quick")
    else:
        st.subheader("Published claims, put to the test")
        _board(claims.published(), [_reported("claims")], _entries(several))
        links.show_command("python -m toy claims --quick")
    st.subheader("Papers, on their own distributions")
    _board(claims.papers(), [_reported("papers")], {})
    shown = [f"[{name}](figures?figure={name})" for name, entry in figures.FIGURES.items() if entry.on]
    st.markdown(f"Pictures of what is measured: {', '.join(shown)}.")
    links.show_command("python -m toy claims --paper 2408.09000 --quick")


def _of_place(found: Json, on: str) -> Json | None:
    """What a report of several distributions says of one; None where that is nothing."""
    own = [each for each in found["claims"] if each["on"] == on]
    return {**found, "claims": own} if own else None


def _board(
    have: Mapping[str, Claim],
    reports: Sequence[Json | None],
    elsewhere: Mapping[str, list[Json]],
    on: str = "",
) -> None:
    """Claims with their verdicts in reports, those ``elsewhere`` than on the tree, and a way to measure them here.

    ``on`` another distribution than their own, where that is asked for.
    """
    reported = [found for found in reports if found]
    for found in reported:
        known = found["conditions"]
        mains, draws, n = (known[name] for name in ("seeds with training", "seeds of exact claims", "n"))
        counts = Counter(each["verdict"] for each in found["claims"])
        st.markdown(" · ".join(f"{MARKS[word]} {word}: {counts[word]}" for word in MARKS if counts[word]))
        st.caption(
            f"Measured over {n:d} samples each, at least {mains:d} main models with {_guides(known['guides of each'])} "
            f"each, or {draws:d} draws of exact scores; {plain(known['device'])}. "
            "A verdict is wrong in at most one of twenty claims, looks and parts included; thresholds were set before."
        )
        links.show_command(known["command"])
    before = _entries(reported)
    sizes = {each["name"]: found["conditions"] for found in reported for each in found["claims"]}
    for name, item in have.items():
        here, shown = st.session_state.get(_field(name, on), []), before.get(name, [])
        verdicts = {each["verdict"] for each in shown or here}
        mark = MARKS[verdicts.pop()] if len(verdicts) == 1 else ":gray[:material/radio_button_unchecked:]"
        with st.expander(f"{mark} **{_verdict(shown or here)}** · {item.statement}"):
            st.caption(f"{item.source}. {item.method}")
            for each in shown:
                _told(each, "From the report that comes with the program.")
            if name in elsewhere:
                st.caption(f"Measured on several distributions: {_verdict(elsewhere[name])}.")
            for each in here:
                _told(each, _smaller(sizes.get(name)))
            if on and not item.places([on]):
                own = " and ".join(plain(place or distributions.USUAL) for place in item.on)
                st.caption(f"It is about {own} alone.")
                continue
            _again(name, on)


def _field(name: str, on: str) -> str:
    """Where what was measured here of a claim on a distribution is kept."""
    return f"lab.claim.{name} {on}".rstrip()


def _guides(count: int) -> str:
    return "a guide" if count == 1 else f"{count} guides"


def _entries(reports: Sequence[Json]) -> dict[str, list[Json]]:
    """The entries of reports by claim, one a distribution."""
    entries: dict[str, list[Json]] = {}
    for each in [each for found in reports for each in found["claims"]]:
        entries.setdefault(each["name"], []).append(each)
    return entries


def _verdict(entries: Sequence[Json]) -> str:
    """A word, or where several distributions are measured on which of them it is said."""
    by_verdict: dict[str, list[str]] = {}
    for each in entries:
        by_verdict.setdefault(each["verdict"], []).append(each.get("on", ""))
    if len(entries) < 2:
        return next(iter(by_verdict), "not measured")
    return "; ".join(f"{verdict} on {', '.join(map(plain, places))}" for verdict, places in by_verdict.items())


def _told(item: Json, words: str) -> None:
    """One measurement of a claim, and whose it is."""
    st.caption(words + (f" On **{plain(item['on'])}**." if "on" in item else ""))
    st.table(_parts(item))
    for note in item["notes"]:
        st.caption(plain(note))


def _smaller(known: Json | None) -> str:
    """What was measured here, and by how much it is less than the report."""
    size = claims.QUICK
    words = f"Measured here, in small: **{size.n} samples** a scene, {size.trainings} repetitions with training"
    words += f", {size.draws} of exact claims"
    if known:
        words += f" (the report: {known['n']}, {known['seeds with training']}, {known['seeds of exact claims']})"
    return f"{words}. Fewer samples and repetitions give wider intervals; where they differ, believe the narrower."


def _reported(name: str) -> Json | None:
    """A report that comes with the program."""
    path = DOCS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _parts(item: Json) -> dict[str, list[str]]:
    """The parts of a claim as columns."""
    parts = item["parts"]
    return {
        "part": [part["part"] or "effect" for part in parts],
        "verdict": [part["verdict"] for part in parts],
        "effect": [_number(part["mean"]) for part in parts],
        "95% interval": [f"{_number(part['low'])} to {_number(part['high'])}" for part in parts],
        "holds for": [_bound(part) for part in parts],
        "unit": [part["unit"] for part in parts],
        "seeds": [str(len(part["values"])) for part in parts],
        "power": ["–" if part["power"] is None else f"{part['power']:.0%}" for part in parts],
        "needs": ["–" if part["needed"] is None else f"{part['needed']:.0f}" for part in parts],
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _bound(part: Json) -> str:
    lo, hi = part["lo"], part["hi"]
    if lo is not None and hi is not None:
        return f"{lo:.3g} to {hi:.3g}"
    return f"above {lo:.3g}" if lo is not None else f"below {hi:.3g}"


def _again(name: str, on: str) -> None:
    """A button that measures a claim here, in small, and what it found."""

    def take(found: list[Json]) -> None:
        st.session_state[_field(name, on)] = found

    tasks.on_demand(
        "Measure it here, in small", ("claim", name, on), partial(_measure, name, on), take, "Not measured",
        key=f"lab.measure.{name}", icon=":material/play_arrow:",
    )  # fmt: skip


def _measure(name: str, on: str, tell: Report) -> list[Json]:
    def told(now: Progress) -> None:
        tell(f"{now.stage}: {now.done} of {now.total}", now.done / max(now.total, 1))

    item = (claims.published() | claims.papers())[name]
    measured = claims.run([item], claims.QUICK, on=[on] if on else (), report=told)
    found: list[Json] = report.as_json(measured)["claims"]
    return found


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
    links.show_command(f"python -m toy sweep {path.as_posix()}")
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
    held = st.session_state.setdefault("lab.pictures", LRUCache(8))
    key = (name, metric, len(found.rows), wanted)
    if key not in held:
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
    base = links.address().removesuffix("lab")
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
    links.show_command("python -m toy optimise --rule cfg --objective quality_variation --out out/optimum/cfg.json")
