"""Statements about guidance as functions that measure what would decide them, and their verdicts.

A claim is one function of a ``Lab``. It returns its effect, one number a seed, [seeds], or, where several parts are all
necessary, such numbers by part. The decorator says whose statement it is and where the effect must lie for it to hold;
the docstring's first sentence is the statement, the rest how it is measured. The verdict is that of the two-sided 95%
t interval over the seeds: holds where all of it is within the bounds, does not hold where all of it is outside, else
undecided. Claims are called twice: first with NaN for every number, to learn all that has to be trained and sampled.
"""

import importlib.util
import inspect
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from models import runs, stored, zoo
from models.training import Recipe
from toy import compare, flows, mechanism, scenes, views
from toy.files import spare_maps
from toy.metrics import METRICS
from toy.names import Name
from toy.quadrature import log_mass
from toy.scene import Scene, default_cast
from toy.settings import Refused
from toy.uncertainty import interval

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"

Effect = np.ndarray | Mapping[str, np.ndarray]
Report = Callable[[str, int, int], None]  # what is being done, how much of it is, out of how much


# --- Bounds and verdicts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bound:
    """Where an effect must lie for a claim to hold: strictly between ``lo`` and ``hi``."""

    lo: float = -math.inf
    hi: float = math.inf

    def verdict(self, low: float, high: float) -> str:
        """Of an interval from ``low`` to ``high``; undecided where one of them is NaN."""
        if self.lo < low <= high < self.hi:
            return HOLDS
        return FAILS if high < self.lo or low > self.hi else UNDECIDED

    def __str__(self) -> str:
        """As in a table: '> 0.01', '< 0.1', 'from -0.02 to 0.02'."""
        if math.isinf(self.hi):
            return f"> {self.lo:g}"
        return f"< {self.hi:g}" if math.isinf(self.lo) else f"from {self.lo:g} to {self.hi:g}"


@dataclass(frozen=True)
class Part:
    """What was measured of one part of a claim: ``values`` [seeds], and the bound that they are held against."""

    name: str
    values: np.ndarray
    bound: Bound
    unit: str = ""

    @property
    def interval(self) -> tuple[float, float, float]:
        """Mean, and the ends of its interval."""
        return interval(self.values)

    @property
    def verdict(self) -> str:
        """Of this part alone."""
        return self.bound.verdict(*self.interval[1:])

    @property
    def note(self) -> str:
        """Why there is no interval; empty where there is one."""
        lost = int(np.sum(~np.isfinite(self.values)))
        if lost:
            return f"{lost} of {len(self.values)} seeds gave no finite number"
        return "one seed has no interval" if len(self.values) == 1 else ""


def verdict(parts: Iterable[Part]) -> str:
    """Of a claim whose parts are all necessary: holds if all do, does not if one does not, else undecided."""
    found = {part.verdict for part in parts}
    return FAILS if FAILS in found else HOLDS if found == {HOLDS} else UNDECIDED


# --- Claims -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """A statement, who made it, and the function that measures the effect which decides it.

    ``bounds`` by part; a claim of one part calls it ''. ``why`` argues the bounds, ``limits`` says what a verdict does
    not say. ``exact``: every role is played by an exact density, and the seeds are of sampling alone.
    """

    name: str
    function: Callable[["Lab"], Effect]
    source: str
    bounds: Mapping[str, Bound]
    units: Mapping[str, str]
    exact: bool = False
    why: str = ""
    limits: str = ""

    @property
    def statement(self) -> str:
        """First paragraph of the docstring."""
        return " ".join(self._paragraphs()[0].split())

    @property
    def method(self) -> str:
        """The rest of it: how the effect is measured."""
        return "\n\n".join(" ".join(text.split()) for text in self._paragraphs()[1:])

    def _paragraphs(self) -> list[str]:
        return (inspect.getdoc(self.function) or "").split("\n\n")

    def __call__(self, lab: "Lab") -> Effect:
        """Call the function itself."""
        return self.function(lab)


Threshold = float | Mapping[str, float]


def claim(
    *,
    source: str,
    above: Threshold | None = None,
    below: Threshold | None = None,
    within: Threshold | None = None,
    unit: str | Mapping[str, str] = "",
    exact: bool = False,
    why: str = "",
    limits: str = "",
) -> Callable[[Callable[["Lab"], Effect]], Claim]:
    """Return a decorator that makes a claim of a function of a Lab.

    The effect must lie ``above`` a number, ``below`` one, or ``within`` ± one; for a claim of several parts give a
    mapping from the names of its parts. Set the threshold before looking, and say in ``why`` where it comes from.
    """

    def decorate(function: Callable[["Lab"], Effect]) -> Claim:
        name = function.__name__
        bounds = _bounds(name, above, below, within)
        if not (inspect.getdoc(function) or "").strip():
            raise ValueError(f"claim {name!r} has no docstring, whose first sentence is the statement")
        if not source.strip():
            raise ValueError(f"claim {name!r} has no source")
        units = {part: unit if isinstance(unit, str) else unit.get(part, "") for part in bounds}
        return Claim(name, function, source, bounds, units, exact, why, limits)

    return decorate


def _bounds(name: str, above: Threshold | None, below: Threshold | None, within: Threshold | None) -> dict[str, Bound]:
    """The bounds by part; ValueError unless every part has one threshold, a finite number."""
    kinds: tuple[tuple[Threshold | None, Callable[[float], Bound]], ...] = (
        (above, lambda t: Bound(lo=t)),
        (below, lambda t: Bound(hi=t)),
        (within, lambda t: Bound(-t, t)),
    )
    found: dict[str, Bound] = {}
    for given, bound in kinds:
        for part, number in (given if isinstance(given, Mapping) else {} if given is None else {"": given}).items():
            if part in found:
                raise ValueError(f"claim {name!r} has two thresholds for part {part!r}")
            if not _is_finite(number):
                raise ValueError(f"threshold {number} of claim {name!r} is not a finite number")
            found[part] = bound(float(number))
            if found[part].lo >= found[part].hi:
                raise ValueError(f"within = {number} of claim {name!r} is not a number above 0")
    if not found or ("" in found and len(found) > 1):
        raise ValueError(f"claim {name!r} needs above, below or within: one number, or numbers by the names of parts")
    return found


def _is_finite(number: Any) -> bool:
    return isinstance(number, int | float) and math.isfinite(number)


def claims_of(module: ModuleType) -> dict[str, Claim]:
    """The claims that a module makes, by name, in its order; not those that it imports."""
    found = [item for item in vars(module).values() if isinstance(item, Claim)]
    return {item.name: item for item in found if item.function.__module__ == module.__name__}


def published() -> dict[str, Claim]:
    """The claims of the literature, by name."""
    from toy.lab import published as module

    return claims_of(module)


def load(path: str | Path) -> dict[str, Claim]:
    """The claims in a Python file, which is run; ValueError, one sentence, where that fails or there is none."""
    path = Path(path)
    if not (path.is_file() and path.suffix == ".py"):
        raise ValueError(f"claims file {str(path)!r} is no Python file that exists")
    spec = importlib.util.spec_from_file_location(f"claims_in_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a user's file may raise
        raise ValueError(f"claims file {str(path)!r} failed: {_sentence(error)}") from None
    found = claims_of(module)
    if not found:
        raise ValueError(f"claims file {str(path)!r} has no claim: a function of a Lab under @claim(...)")
    return found


def chosen(names: Sequence[str], have: Mapping[str, Claim]) -> list[Claim]:
    """Claims by name, all without names; ValueError lists what there is."""
    for name in names:
        if name not in have:
            raise ValueError(f"unknown claim {name!r}; have: {', '.join(have)}")
    return [have[name] for name in dict.fromkeys(names)] if names else list(have.values())


def _sentence(error: BaseException) -> str:
    """An error in one line, with its kind where that says more."""
    lines = str(error).splitlines() or [""]
    return lines[0] if type(error) in (ValueError, Refused) else f"{type(error).__name__}: {lines[0]}"


# --- What can be asked ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """How much is measured: ``n`` points a scene, ``trainings`` seeds of claims about networks, ``draws`` of claims
    about exact scores. ``small``: what is trained for one claim alone is small too.
    """

    name: str
    n: int
    trainings: int
    draws: int
    steps: int = 32
    small: bool = False


QUICK = Size("quick", n=2048, trainings=3, draws=3, small=True)
FULL = Size("full", n=8192, trainings=5, draws=8)


@dataclass(frozen=True)
class Sampled:
    """A measure of a scene's samples."""

    scene: Scene
    measure: str

    @property
    def names(self) -> tuple[str, ...]:
        """Densities that it takes."""
        return tuple(name for _, name in self.scene.cast)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer."""
        return METRICS[self.measure].shape


@dataclass(frozen=True)
class Divergence:
    """KL(q || p) of the density q that a scene's sampler draws, from the 'truth' or the 'tilt'; nats."""

    scene: Scene
    of: str

    @property
    def names(self) -> tuple[str, ...]:
        """Densities that it takes."""
        return tuple(name for _, name in self.scene.cast)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer: one number."""
        return ()

    def answer(self) -> np.ndarray:
        """By the exact log q of the scene's samples; NaN where one of them has none."""
        cast = zoo.cast(self.scene.cast)
        found = flows.flow(self.scene, cast, tilt=False)
        if self.of == "truth":
            return np.asarray(np.mean(found.logq - found.logp))
        product, level = flows.tilted(self.scene, cast), flows.tilt_level(self.scene, cast)
        logp = views.logp_on(product, jnp.asarray(found.samples), jnp.float32(level))
        return np.asarray(np.mean(found.logq - logp) + _tilt_mass(replace(self.scene, seed=0, n=1)))


@lru_cache(maxsize=16)
def _tilt_mass(scene: Scene) -> float:
    """Log of the tilted density's integral, the same for all seeds."""
    cast = zoo.cast(scene.cast)
    product = flows.tilted(scene, cast)
    assert product is not None
    return log_mass(product, flows.tilt_level(scene, cast))[0]


@dataclass(frozen=True)
class Pull:
    """A value of ``toy.mechanism``, by noise level: what the pull of a guide is made of."""

    value: str
    main: str
    guide: str
    at: str
    sigmas: tuple[float, ...]
    n: int

    @property
    def names(self) -> tuple[str, ...]:
        """Densities that it takes."""
        return self.main, self.guide

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the answer."""
        return (len(self.sigmas),)

    def answer(self) -> np.ndarray:
        """At the points of one seed, the same for all networks."""
        found = _mechanism(self.main, self.guide, self.at, self.sigmas, self.n)
        if self.value not in found:
            raise ValueError(f"unknown value {self.value!r} of a pull; have: {', '.join(found)}")
        return found[self.value]


@lru_cache(maxsize=64)
def _mechanism(main: str, guide: str, at: str, sigmas: tuple[float, ...], n: int) -> Mapping[str, np.ndarray]:
    pair = zoo.load(main), zoo.load(guide)
    return mechanism.mechanism(*pair, sigmas=np.array(sigmas), n=n, seeds=1, at=at).values


Question = Sampled | Divergence | Pull


class Record:
    """Answers by question, each found once; while ``planning`` questions are only noted."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self.known: dict[Question, np.ndarray] = {}
        self.planned: dict[Question, None] = {}
        self.recipes: dict[Recipe, None] = {}
        self.planning = False

    def ask(self, question: Question) -> np.ndarray:
        """The answer; NaN while planning."""
        if self.planning:
            self.planned[question] = None
            return np.full(question.shape, np.nan)
        if question not in self.known:
            self.answer([question])
        return self.known[question]

    def train(self, report: Report | None = None) -> None:
        """Train all networks that the planned questions lack, as few programs as possible; they are kept."""
        names = dict.fromkeys(name for question in self.planned for name in question.names)
        own = [recipe for recipe in self.recipes if not stored.trained_path(recipe).is_file()]
        recipes = dict.fromkeys([*own, *(recipe for name in names for recipe in zoo.missing(name))])
        if recipes:
            told = (lambda done, total: report("training", done, total)) if report else None
            runs.train_many(recipes, command="python -m toy claims", report=told)

    def answer(self, questions: Iterable[Question], report: Report | None = None) -> None:
        """Answer what is not known yet, two programs at a time: compiling one keeps a single core busy."""
        left = [question for question in questions if question not in self.known]
        stop, lock = threading.Event(), threading.Lock()

        def work(program: Sequence[Question]) -> None:
            for portion in _portions(program):
                if stop.is_set():
                    return
                answers = _answers(portion)
                with lock:
                    self.known |= answers
                    if report:
                        report("measuring", sum(question in self.known for question in left), len(left))

        if report and left:
            report("measuring", 0, len(left))
        pool = ThreadPoolExecutor(2)
        try:
            for future in [pool.submit(work, program) for program in _programs(left)]:
                future.result()
        finally:  # also where a user interrupts it
            stop.set()
            pool.shutdown(cancel_futures=True)
            spare_maps()


def _programs(questions: Sequence[Question]) -> list[list[Question]]:
    """The questions by the program that answers them; one program measures all that its scenes are asked."""
    found: dict[Any, list[Question]] = {}
    for question in questions:
        key: tuple[Any, ...] = (type(question), *_shapes(question.names))
        if isinstance(question, Pull):
            key += (question.at, question.sigmas, question.n)
        else:
            scene = question.scene
            key += (scene.rule, scene.schedule, scene.integrator, scene.target, scene.start, scene.n, scene.steps)
        found.setdefault(key, []).append(question)
    return list(found.values())


def _shapes(names: Iterable[str]) -> list[Any]:
    """What a program depends on of densities."""
    found = [zoo.load(name) for name in names]
    return [(jax.tree.structure(density), *map(np.shape, jax.tree.leaves(density))) for density in found]


def _portions(program: Sequence[Question]) -> Iterator[list[Question]]:
    """What to answer at once: a CPU takes scene by scene, so little at a time tells more of how far it is."""
    whole = isinstance(program[0], Sampled) and jax.default_backend() != "cpu"
    size = len(program) if whole else 1
    rows: dict[Any, list[Question]] = {}
    for question in program:
        rows.setdefault(question.scene if isinstance(question, Sampled) else question, []).append(question)
    measures = list(dict.fromkeys(question.measure for question in program if isinstance(question, Sampled)))
    # All scenes are asked all the measures, so that one program serves them.
    each = [[Sampled(row, name) for name in measures] if isinstance(row, Scene) else [row] for row in rows]
    for begin in range(0, len(each), size):
        yield [question for row in each[begin : begin + size] for question in row]


def _answers(portion: Sequence[Question]) -> dict[Question, np.ndarray]:
    """Answers to questions about scenes, or to one of another kind."""
    sampled = [question for question in portion if isinstance(question, Sampled)]
    if not sampled:
        return {question: question.answer() for question in portion if not isinstance(question, Sampled)}
    many = list(dict.fromkeys(question.scene for question in sampled))
    measures = tuple(dict.fromkeys(question.measure for question in sampled))
    found = scenes.measure_scenes(many, [zoo.cast(scene.cast) for scene in many], measures)
    rows = dict(zip(many, found, strict=True))
    return {question: np.asarray(rows[question.scene][question.measure], float) for question in sampled}


# --- The laboratory ---------------------------------------------------------------------------------------------------


class Lab:
    """What claims measure with: every answer is [seeds], one number for each repetition of the experiment.

    A seed is a whole repetition, trainings included: with seed i the networks are those of seed i, unless a name says
    another, and so are the initial noise and the samples. In an exact claim every role is played by the exact density
    of its classes, unless one is named, and a seed is of the sampling alone.
    """

    def __init__(self, size: Size, *, exact: bool = False, record: Record | None = None) -> None:
        """A laboratory of its own, or one that shares the ``record`` of another."""
        self.size, self.exact, self.record = size, exact, record or Record()
        self.notes: list[str] = []

    @property
    def seeds(self) -> int:
        """How many."""
        return self.size.draws if self.exact else self.size.trainings

    def measure(self, measure: str, rule: str = "none", **values: Any) -> np.ndarray:
        """A measure of ``toy.metrics`` of a rule's samples, [seeds], or [seeds, numbers] for one of several numbers.

        ``values`` are those of ``Scene.of``: knobs, schedule, integrator, target, n, and who plays a role, by name or
        by a sequence of names, one a seed.
        """
        entry = METRICS[measure]
        return np.stack([self.record.ask(Sampled(scene, entry.name)) for scene in self.scenes(rule, **values)])

    def best(self, measure: str, rule: str, options: Sequence[Mapping[str, Any]], **values: Any) -> np.ndarray:
        """A measure [seeds] under the best of several options, for each seed the best of the other seeds' mean.

        So the choice never sees the number that is reported; with one seed there is none. A note says what was chosen.
        """
        better = METRICS[measure].better
        if better not in ("low", "high"):
            raise ValueError(f"measure {measure!r} has no best: it is to be near the truth")
        table = np.stack([self.measure(measure, rule, **values, **option) for option in options])
        if table.ndim != 2 or self.seeds < 2:
            return np.full(self.seeds, np.nan)
        cost = np.nan_to_num(table if better == "low" else -table, nan=np.inf, posinf=np.inf)
        picks = [int(np.argmin(np.delete(cost, seed, axis=1).sum(axis=1))) for seed in range(self.seeds)]
        texts = [", ".join(f"{name} = {value}" for name, value in option.items()) for option in options]
        counts = Counter(texts[pick] for pick in picks)
        who = " ".join(f"{values[role]}" for role in ("main", "weak") if isinstance(values.get(role), str))
        listed = "; ".join(f"{text} ({count} of {self.seeds} seeds)" for text, count in counts.items())
        self.notes.append(f"best by {measure}{f' for {who}' if who else ''}: {listed}")
        return table[picks, np.arange(self.seeds)]

    def divergence(self, of: str, rule: str, **values: Any) -> np.ndarray:
        """KL(q || p) in nats, [seeds], of the density q that a deterministic sampler draws.

        p is the 'truth', or the 'tilt': the normalised density that the rule's formula stands for.
        """
        if of not in ("truth", "tilt"):
            raise ValueError(f"unknown density {of!r} to diverge from; have: truth, tilt")
        found = self.scenes(rule, **{"n": self.size.n // 4, **values})
        if of == "tilt" and found[0].entry.tilt is None:
            raise ValueError(f"rule {rule!r} stands for no tilted density")
        return np.stack([self.record.ask(Divergence(scene, of)) for scene in found])

    def pull(self, value: str, *, main: str, guide: str, sigmas: Sequence[float], at: str = "truth") -> np.ndarray:
        """A value of ``toy.mechanism.Mechanism``, such as 'cosine', at noise levels, [seeds, levels]."""
        pairs = [(self.named("main", main, i), self.named("guide", guide, i)) for i in range(self.seeds)]
        asked = [Pull(value, *pair, at, tuple(sigmas), self.size.n // 2) for pair in pairs]
        return np.stack([self.record.ask(question) for question in asked])

    def trained(self, recipe: Recipe) -> tuple[str, ...]:
        """Names of networks trained by a recipe, one a seed: for what no name can say."""
        found = []
        for seed in range(self.seeds):
            wanted = replace(recipe, seed=seed)
            name = f"{recipe.spec.classes}{recipe.spec.width}@{recipe.iterations}#{seed}"
            if zoo.identity(name) == {"recipe": asdict(wanted), "steps": []}:
                found.append(name)
                continue
            self.record.recipes[wanted] = None
            found.append(str(stored.trained_path(wanted)))
        return tuple(found)

    def scenes(self, rule: str, **values: Any) -> list[Scene]:
        """The scene of each seed; ValueError for one that is set, since a seed is what is repeated."""
        if "seed" in values:
            raise ValueError(f"seed = {values['seed']} cannot be set: a claim is measured over seeds")
        usual = {"n": self.size.n, "steps": self.size.steps}
        roles = default_cast(rule, values.get("target", "A"))
        found = []
        for seed in range(self.seeds):
            given = {role: values.get(role, self.usual(role, name)) for role, name in roles.items()}
            cast = {role: self.named(role, name, seed) for role, name in given.items()}
            found.append(Scene.of(rule, **{**usual, **values, **cast, "seed": seed}))
        return found

    def usual(self, role: str, name: str) -> str:
        """Who plays a role that no one was named for."""
        return compare.exact_name(role, name) if self.exact else name

    def named(self, role: str, name: str | Sequence[str], seed: int) -> str:
        """The density's name for one seed; ValueError where an exact claim names a network."""
        if not isinstance(name, str):
            if len(name) != self.seeds:
                raise ValueError(f"{role} has {len(name)} names for {self.seeds} seeds")
            return str(name[seed])
        if self.exact and Name.parse(name).is_learned:
            raise ValueError(f"role {role!r} is played by {name!r}, and a claim with exact=True takes no network")
        return str(Name.parse(name).seeded(seed))


# --- Putting claims to the test ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What became of a claim: its parts, over how many ``seeds``, with notes on choices that were made."""

    claim: Claim
    parts: tuple[Part, ...]
    seeds: int
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Of all parts together."""
        return verdict(self.parts)


@dataclass(frozen=True)
class Findings:
    """The outcomes of claims measured at one size, and the seconds that it took, trainings included."""

    size: Size
    outcomes: tuple[Outcome, ...]
    seconds: float = field(default=0.0, compare=False)


def run(claims: Sequence[Claim], size: Size = FULL, *, report: Report | None = None) -> Findings:
    """Put claims to the test. Networks that are not there are trained first, all in one go, and kept.

    ``report(stage, done, total)`` is called as training and measuring go on. ValueError names a claim that asks for
    what there is not, before anything is trained.
    """
    began = time.perf_counter()
    record = Record()
    record.planning = True
    for item in claims:
        lab = Lab(size, exact=item.exact, record=record)
        try:
            parts_of(item, item(lab), lab.seeds)
        except (Exception, SystemExit) as error:  # whatever a user's function may raise
            raise ValueError(f"claim {item.name!r} cannot be measured: {_sentence(error)}") from None
    record.planning = False
    record.train(report)
    record.answer(record.planned, report)
    outcomes = tuple(outcome(item, Lab(size, exact=item.exact, record=record)) for item in claims)
    return Findings(size, outcomes, time.perf_counter() - began)


def outcome(item: Claim, lab: Lab) -> Outcome:
    """Measure one claim. An error that numbers alone bring about leaves it undecided, with a note."""
    try:
        return Outcome(item, parts_of(item, item(lab), lab.seeds), lab.seeds, tuple(lab.notes))
    except (Exception, SystemExit) as error:  # after minutes of measuring: what the other claims found must not be lost
        blank = {part: np.full(lab.seeds, np.nan) for part in item.bounds}
        return Outcome(item, parts_of(item, blank, lab.seeds), lab.seeds, (f"failed: {_sentence(error)}",))


def parts_of(item: Claim, effect: Effect, seeds: int) -> tuple[Part, ...]:
    """The parts of an effect; ValueError unless they are those of the bounds, each [seeds]."""
    given = effect if isinstance(effect, Mapping) else {"": effect}
    if set(given) != set(item.bounds):
        have, want = (", ".join(names) or "none" for names in (given, item.bounds))
        raise ValueError(f"it returned the parts {have} where its thresholds are for {want}")
    found = []
    for name, bound in item.bounds.items():
        values = np.asarray(given[name], float)
        if values.shape != (seeds,):
            raise ValueError(f"it returned numbers of shape {values.shape} where one a seed makes {(seeds,)}")
        found.append(Part(name, values, bound, item.units[name]))
    return tuple(found)
