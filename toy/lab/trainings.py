"""The paper's methods, and what pulls are made of, with every network trained anew: means and errors over trainings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from toy import distributions
from toy.lab.laboratory import Lab, Record, Size
from toy.lab.optimise import MEASURES, Optimum
from toy.lab.store import Owner, Store
from toy.mechanism import PLACES, SIGMAS, SPLIT, Mechanism
from toy.progress import Report
from toy.uncertainty import standard_error

OVER = (
    "Means and standard errors over {} trainings of every network: main models of seeds from 0 on, all others from "
    "1000 on."
)
ALONE = ("error_main", "error_guide", "error_core", "error_rim", "error_outside", "cosine", "best_w", "left")

Kept = tuple[Store, Owner]


def place_of(target: str) -> str:
    """The distribution of a target, '' for the tree; ValueError unless that is its first class, as main models are."""
    on = distributions.of(target).on
    if target != (first := distributions.targets(on)[0]):
        raise ValueError(f"target {target} does not go with --trainings, whose main models are of {first}")
    return on


T = TypeVar("T")


def answered(ask: Callable[[], T], record: Record, kept: Kept | None, report: Report | None) -> T:
    """What ``ask`` finds; it is called with NaN for every number first, to train and measure all at once."""
    record.plan(ask)
    record.answer(record.planned, kept, report)
    return ask()


def measured(
    methods: Sequence[tuple[str, Mapping[str, object]]],
    measures: Sequence[str],
    *,
    trainings: int,
    n: int,
    on: str = "",
    kept: Kept | None = None,
    report: Report | None = None,
) -> list[dict[str, np.ndarray]]:
    """Measures [trainings] of methods, each a rule and its values as in ``Scene.of``, with ``n`` samples each.

    With training i the main model is that of seed i and every other network that of seed 1000 + i; so is the noise.
    """
    record = Record()
    lab = Lab(Size("trainings", n, trainings, trainings), record=record, on=on)

    def ask() -> list[dict[str, np.ndarray]]:
        return [{name: lab.measure(name, rule, **values) for name in measures} for rule, values in methods]

    found: list[dict[str, np.ndarray]] = answered(ask, record, kept, report)
    return found


def elsewhere(optimum: Optimum, trainings: int, *, kept: Kept | None = None, report: Report | None = None) -> Optimum:
    """The optimum with its methods measured by networks of other trainings than those that it was found with.

    They are of the same kinds: main models of seeds 1 to ``trainings``, all others of 1001 on. ValueError where it is
    about KL(q || p), or not about the first class of its distribution.
    """
    problem = optimum.problem
    if problem.objective == "kl":
        raise ValueError(f"{problem.objective} of {problem.scene.target} is not measured over trainings")
    on = place_of(problem.scene.target)
    methods = []
    for each in optimum.methods.values():
        values = each.scene.short()
        methods.append((values["rule"], {k: v for k, v in values.items() if k not in ("rule", "seed", "target")}))
    count, n = trainings + 1, problem.scene.n
    found = measured(methods, MEASURES, trainings=count, n=n, on=on, kept=kept, report=report)
    others = [{name: value[1:] for name, value in values.items()} for values in found]
    return replace(optimum, others=dict(zip(optimum.methods, others, strict=True)))


def pulls(
    main: str,
    guide: str,
    weak: str = "",
    *,
    trainings: int,
    n: int = 4096,
    on: str = "",
    at: str = "truth",
    sigmas: np.ndarray = SIGMAS,
    kept: Kept | None = None,
    report: Report | None = None,
) -> tuple[list[Mechanism], list[Mechanism]]:
    """What the pull of a guide is made of, for each training, and that of a placebo, which without ``weak`` is [].

    The placebo is a guide without another task: ``weak`` itself, trained once more. What looks like a task in its pull
    is chance between trainings. Networks as for ``measured``, the placebo's seeds are 2000 + i. Points are the same for
    all trainings, ``n`` a noise level.
    """
    if at not in PLACES:
        raise ValueError(f"unknown place {at!r}; have: {', '.join(PLACES)}")
    record, size = Record(), Size("trainings", 2 * n, trainings, trainings)
    lab, second = (Lab(size, record=record, on=on, guide=which) for which in (0, 1))
    levels = tuple(map(float, sigmas))

    def asked(names: Sequence[str], of: str | Sequence[str]) -> list[Mechanism]:
        found = {name: lab.pull(name, main=main, guide=of, weak=weak, sigmas=levels, at=at) for name in names}
        return [Mechanism(sigmas, {name: each[i] for name, each in found.items()}, {}) for i in range(trainings)]

    def ask() -> tuple[list[Mechanism], list[Mechanism]]:
        own = asked((*ALONE, *(SPLIT if weak else ())), guide)
        return own, asked(SPLIT, [second.named("guide", weak, i) for i in range(trainings)]) if weak else []

    found: tuple[list[Mechanism], list[Mechanism]] = answered(ask, record, kept, report)
    return found


def together(each: Sequence[Mechanism]) -> Mechanism:
    """Means over trainings, with their standard errors."""
    values = {name: np.stack([one.values[name] for one in each]) for name in each[0].values}
    mean = {name: value.mean(axis=0) for name, value in values.items()}
    return Mechanism(each[0].sigmas, mean, {name: standard_error(value) for name, value in values.items()})
