"""The laboratory of claims: what they ask, and the trials that answer it, all planned before any is measured."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from models import stored, zoo
from models.training import Recipe
from toy import compare, distributions, metrics
from toy.lab import run as running
from toy.lab.code import digest
from toy.lab.questions import Divergence, Pull, Question, Sampled, Statistic
from toy.lab.store import Owner, Store, unfinished
from toy.lab.trial import Measurable, Trial, addresses
from toy.metrics import METRICS, Metric
from toy.names import Name
from toy.progress import Report
from toy.scene import Scene, default_cast
from toy.uncertainty import interval

COMMAND = "python -m toy claims"
DIVERGENCE = "divergence"  # KL(q || p) from the truth, the one measure of everything at once


@dataclass(frozen=True)
class Size:
    """How much is measured: ``n`` points a scene, ``trainings`` main models of claims about networks, with ``guides``
    each, ``draws`` of claims about exact scores. ``small``: what is trained for one claim alone is small too.

    Of what is undecided twice as many are measured again and again, until one has looked ``looks`` times.
    """

    name: str
    n: int
    trainings: int
    draws: int
    steps: int = 32
    guides: int = 1
    looks: int = 1
    small: bool = False

    def at(self, look: int) -> "Size":
        """What has been measured at a look, counted from 0."""
        return replace(self, trainings=self.trainings << look, draws=self.draws << look)


QUICK = Size("quick", n=2048, trainings=3, draws=3, small=True)
FULL = Size("full", n=8192, trainings=5, draws=8, guides=2, looks=4)
GUIDES = 1000  # more than there are main models: from here on seeds are of guides


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

    def plan(self, ask: Callable[[], object]) -> None:
        """Note the questions that are asked, and answer none."""
        self.planning = True
        try:
            ask()
        finally:
            self.planning = False

    def answer(
        self, questions: Iterable[Question], kept: tuple[Store, Owner] | None = None, report: Report | None = None
    ) -> None:
        """Answer questions: train what they and the recipes lack, as few programs as possible, then measure.

        What is trained is kept, and what is measured is, in the store that has ``kept`` what was measured before. While
        another process trains, what needs none of it is measured.
        """
        questions = [question for question in questions if question not in self.known]
        names = {name for question in questions for name in question.names}
        trials = _trials(questions)
        with ExitStack() as stack:
            store, owner = kept or stack.enter_context(unfinished(None))

            def measure(some: Iterable[Measurable]) -> dict[Measurable, str]:
                known = addresses(some, digest())
                if known:
                    wanted = {address: trial for trial, address in known.items()}
                    running.run(wanted, store, owner, report=report, command=COMMAND)
                return known

            def ready() -> None:
                measure(trial for trial in trials.values() if _is_there(trial.names))

            running.train(names, store, owner, report, COMMAND, self.recipes, ready)
            known = measure(trials.values())
            found = store.results(known.values())
            for question, trial in trials.items():
                self.known[question] = np.asarray(found[known[trial]].measures[question.value], float)


def _is_there(names: Iterable[str]) -> bool:
    """Whether all that densities are read from is there."""
    return all(path.is_file() for name in names for path in zoo.paths(name))


def _trials(questions: Iterable[Question]) -> dict[Question, Measurable]:
    """The trial that answers each question; all scenes of a target and size are asked all measures that one of them is,
    since then one program measures them all.
    """
    measures: dict[tuple[str, int], dict[str, None]] = {}
    for each in questions:
        if isinstance(each, Sampled):
            measures.setdefault((each.scene.target, each.scene.n), {})[each.value] = None
    found: dict[Question, Measurable] = {}
    for question in questions:
        if isinstance(question, Sampled):
            scene = question.scene
            found[question] = Trial(scene, tuple(measures[scene.target, scene.n]), own_reference=True)
        else:
            found[question] = question
    return found


SEVERAL = "several classes"  # without which a claim that speaks of two means nothing at all


def _alone(rule: str, target: str) -> bool:
    """Whether a rule asks for other classes than the target's, and there are none."""
    others = any(Name.parse(name).classes != "A" for name in default_cast(rule).values())
    return others and distributions.of(target).all.name == target


def _lacking(measure: Metric, target: str) -> str:
    """What a target does not have that a measure needs to mean something; nothing as a rule."""
    known = distributions.of(target)
    if measure.levels and known.level is None:
        return "levels"
    return "several modes in a class" if measure.name == "branch_tv" and len(known.modes) == 1 else ""


class Lab:
    """What claims measure with: every answer is [seeds], one number for each repetition of the experiment.

    A seed is a whole repetition, trainings included: with seed i the main model is that of seed i, and so are the
    initial noise and the samples. A guide's training shares nothing with it, not even the data: it has seed 1000 + i,
    the second guide of the same main model 2000 + i. A name may say another, such as 'A64@4096#{i}' for the main model
    itself. In an exact claim every role is played by the exact density of its classes, unless one is named, and a seed
    is of the sampling alone.

    Names are the tree's, whatever the laboratory is ``on``: there 'A64@4096' is that distribution's first class, 'AB'
    all its classes, and 'B' the rest of them.
    """

    def __init__(
        self, size: Size, *, exact: bool = False, record: Record | None = None, on: str = "", guide: int = 0
    ) -> None:
        """A laboratory of its own, or one that shares the ``record`` of another; ``on`` a distribution, '' the tree.

        ``guide`` says which of each main model's.
        """
        self.size, self.exact, self.record, self.on, self.guide = size, exact, record or Record(), on, guide
        self.target = f"{on}/A" if on else "A"
        self.notes: list[str] = []
        self.asked = 0  # questions that have a meaning here
        self.idle: dict[str, str] = {}  # by part: why there is nothing to gain
        self.lacks: dict[str, None] = {}  # what others would need to have one: their numbers are NaN

    @property
    def seeds(self) -> int:
        """How many."""
        return self.size.draws if self.exact else self.size.trainings

    def measure(self, measure: str, rule: str = "none", **values: object) -> np.ndarray:
        """A measure of ``toy.metrics`` of a rule's samples, [seeds], or [seeds, numbers] for one of several numbers.

        ``values`` are those of ``Scene.of``: knobs, schedule, integrator, target, n, and who plays a role, by name or
        by a sequence of names, one a seed.
        """
        entry, scenes = METRICS[measure], self.scenes(rule, **values)
        if needed := _lacking(entry, scenes[0].target):
            self.lacks[needed] = None
            return np.full((self.seeds, *entry.shape), np.nan)
        return self._ask(Sampled(scene, entry.name) for scene in scenes)

    def best(self, measure: str, rule: str, options: Sequence[Mapping[str, object]], **values: object) -> np.ndarray:
        """A measure [seeds] under the best of several options, for each seed the best of the other seeds' mean.

        So the choice never sees the number that is reported; with one seed there is none. A note says what was chosen.
        """
        better = "low" if measure == DIVERGENCE else METRICS[measure].better
        if better not in ("low", "high"):
            raise ValueError(f"measure {measure!r} has no best: it is to be near the truth")
        table = np.stack([self._numbers(measure, rule, **values, **option) for option in options])
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

    def gain(
        self, measure: str, rule: str, options: Sequence[Mapping[str, object]], *, part: str = "", **values: object
    ) -> np.ndarray:
        """By how much the ``best`` of several options lowers a measure below that without guidance, [seeds].

        Where that is as good as true samples already, the ``part`` of the claim is told that there is nothing to gain.
        """
        plain = {name: value for name, value in values.items() if name in ("main", "n", "target")}
        before = self._numbers(measure, "none", **plain)
        low = interval(before)[1]
        if measure != DIVERGENCE and not np.isnan(low):  # while a claim is planned there are no numbers yet
            scene = self.scenes("none", **plain)[0]
            floor = float(np.mean(metrics.floor(scene.target, scene.n, (measure,))[measure]))
            if low <= floor:
                self.idle[part] = f"without guidance {measure} is not told from that of true samples, {floor:.3g}"
        return before - self.best(measure, rule, options, **values)

    def _numbers(self, measure: str, rule: str, **values: object) -> np.ndarray:
        """A measure of samples, or the ``divergence`` from the truth."""
        ask = self.divergence if measure == DIVERGENCE else self.measure
        return ask("truth" if measure == DIVERGENCE else measure, rule, **values)

    def divergence(self, of: str, rule: str, **values: object) -> np.ndarray:
        """KL(q || p) in nats, [seeds], of the density q that a deterministic sampler draws.

        p is the 'truth', or the 'tilt': the normalised density that the rule's formula stands for.
        """
        if of not in ("truth", "tilt"):
            raise ValueError(f"unknown density {of!r} to diverge from; have: truth, tilt")
        found = self.scenes(rule, **{"n": self.size.n // 4, **values})
        if of == "tilt" and found[0].entry.tilt is None:
            raise ValueError(f"rule {rule!r} stands for no tilted density")
        return self._ask(Divergence(scene, of) for scene in found)

    def statistic(self, function: Callable[..., object], rule: str = "none", **values: object) -> np.ndarray:
        """A number of a rule's runs by a function of your own, [seeds].

        It is given the path of the particles [steps + 1, n, 2], the samples last, and the noise levels [steps + 1], and
        by name what ``functools.partial`` gives it, numbers and words.
        """
        given = function if isinstance(function, partial) else partial(function)
        plain = given.func
        if not inspect.isfunction(plain) or plain.__closure__:
            raise ValueError(f"statistic {plain!r} is no plain function: what it needs besides goes into a partial")
        asked = plain.__name__, plain, tuple(sorted(given.keywords.items()))
        return self._ask(Statistic(scene, *asked) for scene in self.scenes(rule, **values))

    def pull(
        self, value: str, *, main: str, guide: str | Sequence[str], sigmas: Sequence[float], at: str = "truth",
        weak: str = "",
    ) -> np.ndarray:  # fmt: skip
        """A value of ``toy.mechanism.Mechanism``, such as 'cosine', at noise levels, [seeds, levels]."""
        one = partial(Pull, value, at=at, sigmas=tuple(sigmas), n=self.size.n // 2, target=self.target)
        asked = []
        for i in range(self.seeds):
            third = self.named("weak", weak, i) if weak else ""
            asked.append(one(self.named("main", main, i), self.named("guide", guide, i), weak=third))
        return self._ask(asked)

    def _ask(self, questions: Iterable[Question]) -> np.ndarray:
        """Their answers, [questions, ...]."""
        found = [self.record.ask(question) for question in questions]
        self.asked += len(found)
        return np.stack(found)

    def trained(self, recipe: Recipe, *, guides: bool = False) -> tuple[str, ...]:
        """Names of networks trained by a recipe, one a seed, or one a guide's seed: for what no name can say."""
        found, spec = [], replace(recipe.spec, classes=distributions.counterpart(recipe.spec.classes, self.target))
        first = GUIDES * (self.guide + 1) if guides else 0
        for seed in range(first, first + self.seeds):
            wanted = replace(recipe, spec=spec, seed=seed)
            name = f"{spec.classes}{spec.width}@{recipe.iterations}#{seed}"
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
        target = distributions.counterpart(values.get("target", "A"), self.target)
        roles = default_cast(rule, target)
        if _alone(rule, target):
            self.lacks[SEVERAL] = None
        found = []
        for seed in range(self.seeds):
            given = {role: values.get(role, self.usual(role, name)) for role, name in roles.items()}
            cast = {role: self.named(role, name, seed) for role, name in given.items()}
            found.append(Scene.of(rule, **{**usual, **values, **cast, "target": target, "seed": seed}))
        return found

    def usual(self, role: str, name: str) -> str:
        """Who plays a role that no one was named for."""
        return compare.exact_name(role, name) if self.exact else name

    def named(self, role: str, name: str | Sequence[str], seed: int) -> str:
        """The density's name for one seed; ValueError where an exact claim names a network."""
        if not isinstance(name, str):
            if len(name) != self.seeds:
                raise ValueError(f"{role} has {len(name)} names for {self.seeds} seeds")
            return str(Name.parse(name[seed]).of_target(self.target))
        if self.exact and Name.parse(name).is_learned:
            raise ValueError(f"role {role!r} is played by {name!r}, and a claim with exact=True takes no network")
        own = seed if role == "main" else GUIDES * (self.guide + 1) + seed
        return str(Name.parse(name.replace("{i}", str(seed))).seeded(own).of_target(self.target))
