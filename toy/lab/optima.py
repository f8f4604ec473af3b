"""What ``toy.lab.optimise`` found, kept: as a JSON file, a table, a verdict, a link to the explorer, a picture."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toy import inputs, scenes, tables
from toy.densities import Density
from toy.files import put
from toy.inputs import Json
from toy.lab.optimise import (
    KL_POINTS,
    MEASURES,
    OPTIMUM,
    Measured,
    Optimum,
    goal,
    weights,
)
from toy.lab.problem import CONSTANT, OBJECTIVES, PLAIN, Problem
from toy.scene import Scene
from toy.settings import declared, flags, to_query
from toy.state import COUNTS, State
from toy.uncertainty import standard_error

if TYPE_CHECKING:
    from toy.figures.optimum import Drawn

FORMAT, VERSION = "guidance-explorer optimum", 1
APP = "http://127.0.0.1:8501/"  # where ``make app`` serves it
WORDS = {
    "objective": "objective",
    "energy_distance": "energy distance",
    "outliers": "outliers",
    "branch_tv": "branch TV",
    "kl": "KL(q ‖ p), nats",
}
HEAD = ("method", "weight", "seeds", *WORDS.values())

# --- In words ---------------------------------------------------------------------------------------------------------


def numbers(optimum: Optimum, method: str, part: str) -> dict[str, np.ndarray]:
    """Objective and measures of a method, [seeds] each, on the seeds of a part: 'train' or 'held_out'."""
    found = getattr(optimum.methods[method], part)
    return {"objective": goal(optimum.problem, found), **found}


def table(optimum: Optimum) -> list[tuple[str, ...]]:
    """Rows of text under ``HEAD``: each method on the training seeds and on the held-out ones, mean and standard error.

    The optimum has a third row: the gap between the two.
    """
    found = []
    for method in optimum.methods:
        train, held_out = (numbers(optimum, method, part) for part in ("train", "held_out"))
        found.append((method, weight_words(optimum, method), "training", *_cells(train)))
        found.append(("", "", "held-out", *_cells(held_out)))
        if method == OPTIMUM:
            gaps = [
                _cell(
                    name,
                    held_out[name].mean() - train[name].mean(),
                    math.hypot(*map(standard_error, (train[name], values))),
                )
                for name, values in held_out.items()
            ]
            found.append(("", "", "gap", *gaps))
    return found


def _cells(measures: Mapping[str, np.ndarray]) -> list[str]:
    return [_cell(name, values.mean(), float(standard_error(values))) for name, values in measures.items()]


def _cell(name: str, mean: float, wide: float) -> str:
    """Mean and standard error, to two digits of the error."""
    if name == "outliers":
        return f"{mean:.2%} ± {wide:.2%}"
    digits = min(max(1 - math.floor(math.log10(wide)), 2), 8) if wide > 0 else 4
    return f"{mean:.{digits}f} ± {wide:.{digits}f}"


def weight_words(optimum: Optimum, method: str) -> str:
    """The weight of a method in a few words, with alpha where that was free."""
    scene, knob = optimum.methods[method].scene, optimum.problem.weight
    if scene.rule != optimum.problem.scene.rule:
        return "the best at every point"
    own, course = dict(scene.knobs), weights(scene, knob)
    alpha = f", alpha = {own['alpha']:.3g}" if "alpha" in optimum.problem.free else ""
    if scene.schedule == "interval":
        return f"{knob.name} = {own[knob.name]:.4g} for {own['lo']:.3g} < σ ≤ {own['hi']:.3g}{alpha}"
    if np.ptp(course) < 1e-6:
        return f"{knob.name} = {course[0]:.4g}{alpha}"
    return f"{knob.name} from {course.min():.3g} to {course.max():.3g}{alpha}"


def verdict_elsewhere(optimum: Optimum) -> str:
    """Whether it does so with networks of other trainings, in one sentence; empty where that was not measured."""
    if not optimum.others or optimum.scene == optimum.methods[CONSTANT].scene:
        return ""
    better, low, high = optimum.elsewhere
    count = len(optimum.others[OPTIMUM]["outliers"])
    shown = ", ".join(f"{value:.2g}" for value in (low, high))
    does = "beats" if low > 0 else "does not beat"
    return (
        f"With networks of {count} other trainings it {does} it: {better:.2g} below, 95% interval [{shown}] over "
        "trainings."
    )


def _rows_elsewhere(optimum: Optimum) -> list[tuple[str, ...]]:
    rows = []
    for method, measures in optimum.others.items():
        cells = _cells({"objective": goal(optimum.problem, measures), **measures})
        rows.append((method, weight_words(optimum, method), "other trainings", *cells, ""))
    return rows


def objective_words(problem: Problem) -> str:
    """The objective for people."""
    if problem.objective != "quality_variation":
        return OBJECTIVES[problem.objective]
    return f"{problem.mixing:g} outliers + {1 - problem.mixing:g} branch TV"


def verdict(optimum: Optimum) -> str:
    """Whether the optimum beats the best constant weight on held-out seeds, in one sentence."""
    better, wide = optimum.advantage
    facts = (
        f"on {optimum.problem.held_out} held-out seeds its objective, {objective_words(optimum.problem)}, is "
        f"{_cell('', abs(better), wide)} {'below' if better >= 0 else 'above'} that of "
        f"{weight_words(optimum, CONSTANT)}, paired by seed"
    )
    if optimum.beats:
        return f"The optimum beats the best constant weight: {facts}."
    if optimum.scene == optimum.methods[CONSTANT].scene:
        found = weight_words(optimum, CONSTANT)
        return f"The optimum does not beat the best constant weight: nothing better than {found} was found."
    return f"The optimum does not beat the best constant weight by more than two standard errors: {facts}."


def floor_words(optimum: Optimum) -> list[str]:
    """A sentence where energy distance cannot tell unguided samples from true ones; else none."""
    numbers = optimum.methods[PLAIN].held_out["energy_distance"]
    if optimum.problem.objective != "energy" or abs(numbers.mean()) > 2 * standard_error(numbers):
        return []
    return ["Without guidance it is 0 to within two standard errors: this measure leaves nothing to gain."]


def link(optimum: Optimum) -> str:
    """What follows the app's address: the optimum at the left, the best constant at the right.

    Where nothing better than a constant was found, that constant is at the left, and no guidance at the right.
    """
    n = min(COUNTS, key=lambda count: abs(count - optimum.problem.scene.n))
    other = PLAIN if optimum.scene == optimum.methods[CONSTANT].scene else CONSTANT
    left, right = (optimum.methods[name].scene.change(n=n) for name in (OPTIMUM, other))
    return "?" + State(left, right).link()


def command(problem: Problem, *, iterations: int, rate: float) -> str:
    """The command line that finds it, but for where to write it."""
    own = to_query(declared(Problem), {name: getattr(problem, name) for name in declared(Problem) if name != "smooth"})
    values = problem.scene.short() | own | {"iterations": iterations, "rate": rate}
    return " ".join(["python -m toy optimise", flags(values), *([] if problem.smooth else ["--no-smooth"])])


def report(optima: Mapping[str, Optimum]) -> str:
    """A report in Markdown of results by their files' names: commands, verdicts, tables, versions."""
    blocks = [
        "# Schedules found by gradient",
        "The weight of every step, found by differentiating the whole sampler. The *best constant* weight is the one "
        "of the least objective on the training seeds. *Held-out* seeds were used for nothing but these numbers, and "
        "the *gap* is held-out less training. All numbers are means and standard errors over seeds, of *other "
        "trainings* over these: networks that nothing was found with, each with noise of its own. The *oracle* takes "
        "the weight that brings each step's score nearest to the true one, at every point: no schedule can, but what "
        "all steps lead to may still be better elsewhere. KL is measured with at most "
        f"{KL_POINTS} points a seed, the rest with as many as the command says.",
        "![Courses, losses, samples and numbers](optimum/optimum.png)",
    ]
    for name, found in optima.items():
        losses = ", ".join(f"{len(history)} from {start}" for start, history in found.history.items())
        blocks += [
            f"## {found.problem.scene.entry.title}: {objective_words(found.problem)}",
            *([f"```sh\n{found.command}\n```"] if found.command else []),
            " ".join(filter(None, [verdict(found), verdict_elsewhere(found), *floor_words(found)])),
            tables.markdown([HEAD, *table(found), *_rows_elsewhere(found)]),
            f"Iterations: {losses}; the optimum came from {found.start}. {found.seconds:.0f} s in all. "
            f"[In the explorer]({APP}{link(found)}); [as a file](optimum/{name}.json).",
        ]
    known = sorted({", ".join(f"{k} {v}" for k, v in found.versions.items()) for found in optima.values()})
    return "\n\n".join([*blocks, f"Versions: {'; '.join(known)}."]) + "\n"


def drawn(optimum: Optimum, cast: Mapping[str, Density]) -> "Drawn":
    """What ``toy.figures.optimum_figure`` draws: courses, losses, samples of the first held-out seed, numbers."""
    from toy.figures.optimum import Drawn

    problem, shown = optimum.problem, (CONSTANT, OPTIMUM)
    own = {name: optimum.methods[name].scene for name in shown}
    first = {name: scene.change(seed=problem.test.start) for name, scene in own.items()}
    train, held_out = (
        {
            method: {
                name: (float(v.mean()), float(standard_error(v))) for name, v in numbers(optimum, method, part).items()
            }
            for method in optimum.methods
        }
        for part in ("train", "held_out")
    )
    return Drawn(
        title=f"{problem.scene.entry.title}, {objective_words(problem)}",
        target=problem.scene.target,
        weight=problem.weight.label,
        neutral=problem.neutral,
        sigmas=problem.scene.sigmas()[:-1],
        courses={name: weights(scene, problem.weight) for name, scene in own.items()},
        history={name: np.array(losses) for name, losses in optimum.history.items()},
        samples={name: np.asarray(scenes.sample(scene, cast, keep=False))[-1] for name, scene in first.items()},
        train=train,
        held_out=held_out,
    )


# --- Files ------------------------------------------------------------------------------------------------------------


def write(optimum: Optimum, path: str | Path) -> Path:
    """Write all of it as JSON, whole or not at all; returns the path. A number that is not finite becomes null."""
    problem = optimum.problem
    data = {
        "format": FORMAT,
        "version": VERSION,
        "command": optimum.command,
        "scene": optimum.scene.short(),
        "link": link(optimum),
        "problem": asdict(problem) | {"scene": problem.scene.short()},
        "start": optimum.start,
        "methods": {
            name: {"scene": each.scene.short(), "train": _plain(each.train), "held_out": _plain(each.held_out)}
            for name, each in optimum.methods.items()
        },
        **({"others": {name: _plain(each) for name, each in optimum.others.items()}} if optimum.others else {}),
        "history": _plain(optimum.history),
        "seconds": round(optimum.seconds, 1),
        "versions": dict(optimum.versions),
    }
    words = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    words = re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]), words)  # a list on one line
    return put(path, words + "\n")


def _plain(series: Mapping[str, Any]) -> dict[str, list[float | None]]:
    return {
        name: [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]
        for name, values in series.items()
    }


def read(path: str | Path) -> Optimum:
    """What ``write`` wrote; ValueError, one sentence, where the file is none or is damaged."""
    name = str(path)
    words = inputs.text(path, inputs.MOST_TABLE)
    try:
        data = inputs.plain_json(words)
    except ValueError:
        raise ValueError(f"{name!r} is no result of optimise: it is not JSON") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{name!r} is no result of optimise: its format is not {FORMAT!r}")
    if data.get("version") != VERSION:
        raise ValueError(f"{name!r} is of version {data.get('version')!r}, and this program reads version {VERSION}")
    try:
        return _optimum(data)
    except KeyError as problem:
        raise ValueError(f"{name!r} is damaged: it lacks {problem}") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as problem:
        raise ValueError(f"{name!r} is damaged: {problem}") from None


def read_all(folder: str | Path) -> dict[str, Optimum]:
    """All results in a folder by their files' names; files that are none are left out."""
    found = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            found[path.stem] = read(path)
        except ValueError:
            continue
    return found


def _optimum(data: Json) -> Optimum:
    """The Optimum of a file's content; KeyError, TypeError, ValueError or AttributeError where it is none."""
    told = dict(data["problem"])
    problem = Problem(scene=Scene.of(**told.pop("scene")), free=tuple(told.pop("free")), **told)
    methods = {
        str(name): Measured(
            Scene.of(**each["scene"]),
            _measures(each["train"], problem.seeds, f"{name}, training"),
            _measures(each["held_out"], problem.held_out, f"{name}, held-out"),
        )
        for name, each in data["methods"].items()
    }
    for name in (OPTIMUM, CONSTANT, PLAIN):
        if name not in methods:
            raise KeyError(name)
    others = {str(name): _others(each, f"{name}, other trainings") for name, each in data.get("others", {}).items()}
    if others and others.keys() != methods.keys():
        raise ValueError("other trainings are not of the same methods")
    history = {str(name): tuple(map(_number, losses)) for name, losses in data["history"].items()}
    known = {str(name): str(value) for name, value in data["versions"].items()}
    start, seconds, command = str(data["start"]), _number(data["seconds"]), str(data["command"])
    return Optimum(problem, methods, history, start, seconds, known, command, others)


def _measures(given: Json, count: int, where: str) -> dict[str, np.ndarray]:
    found = {name: np.array([_number(value) for value in given[name]]) for name in (*MEASURES, "kl")}
    for name, values in found.items():
        if len(values) != count:
            raise ValueError(f"{where}: {name} has {len(values)} numbers, not {count}")
    return found


def _others(given: Json, where: str) -> dict[str, np.ndarray]:
    found = {name: np.array([_number(value) for value in given[name]]) for name in MEASURES}
    if len({len(values) for values in found.values()}) != 1 or len(found["outliers"]) < 2:
        raise ValueError(f"{where}: its measures have not two numbers or more, one a training")
    return found


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)
