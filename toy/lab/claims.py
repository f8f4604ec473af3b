"""Claims put to the test, measured together, each with its verdict. Files of claims import what they need here."""

import importlib
import os
import pkgutil
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np

from models.training import Recipe
from toy import distributions
from toy.files import keep_compiled
from toy.inputs import Json
from toy.lab import run as running
from toy.lab.claim import Claim, Effect, claim, claims_of, load, sentence
from toy.lab.laboratory import FULL, QUICK, SEVERAL, Lab, Record, Size
from toy.lab.store import Owner, Store, at_work
from toy.lab.verdict import FAILS, Part, judged, verdict
from toy.progress import Report

__all__ = [
    "FULL", "QUICK", "Claim", "Effect", "Findings", "Lab", "Outcome", "Plan", "Size", "claim", "helped", "labs",
    "outcome", "papers", "parts_of", "plan", "published", "run",
]  # fmt: skip


def published() -> dict[str, Claim]:
    """The claims of the literature about the paper's tree, by name."""
    from toy.lab.published import causes, lengths, outcomes, schedules, variants

    modules = (outcomes, causes, schedules, variants, lengths)
    return {name: item for module in modules for name, item in claims_of(module).items()}


def papers() -> dict[str, Claim]:
    """The claims of single papers on their own distributions, by name: each file in the folder is one paper."""
    from toy.lab.published import papers as folder

    names = [f"{folder.__name__}.{found.name}" for found in pkgutil.iter_modules(folder.__path__)]
    return {name: item for module in map(importlib.import_module, names) for name, item in claims_of(module).items()}


@dataclass(frozen=True)
class Outcome:
    """What became of a claim ``on`` a distribution: its parts, over up to so many ``seeds`` and as many ``guides`` of
    each main model, with notes on choices made.
    """

    claim: Claim
    parts: tuple[Part, ...]
    seeds: int
    notes: tuple[str, ...] = ()
    on: str = ""
    guides: int = 1

    @property
    def verdict(self) -> str:
        """Of all parts together."""
        return verdict(self.parts)

    @property
    def decided(self) -> bool:
        """Whether more repetitions would change nothing."""
        return all(part.decided for part in self.parts)

    def after(self, before: "Outcome | None") -> "Outcome":
        """With the parts that were decided ``before``, by fewer repetitions, as they were then."""
        kept = {part.name: part for part in before.parts if part.decided} if before else {}
        rivals = [kept.get(part.name, part) for part in self.parts]
        fresh = {part.name: part for part in judged([part for part in rivals if part.verdict != FAILS])}
        parts = tuple(kept.get(part.name, fresh.get(part.name, part)) for part in self.parts)
        return replace(self, parts=parts)


@dataclass(frozen=True)
class Findings:
    """The outcomes of claims measured at one size, and the seconds that it took, trainings included.

    ``skipped`` says in a sentence each what has no meaning on a distribution that was asked for. ``conditions`` are
    those of numbers that were recorded elsewhere; empty: those of here.
    """

    size: Size
    outcomes: tuple[Outcome, ...]
    seconds: float = field(default=0.0, compare=False)
    skipped: tuple[str, ...] = ()
    conditions: Json = field(default_factory=dict, compare=False)


def run(
    claims: Sequence[Claim],
    size: Size = FULL,
    *,
    on: Sequence[str] = (),
    most: int | None = None,
    report: Report | None = None,
    kept: tuple[Store, Owner] | None = None,
) -> Findings:
    """Put claims to the test, each on its own distributions, or ``on`` others. Networks that are not there are trained
    first, all in one go, and kept.

    What is undecided is measured with more repetitions, until nothing is or the looks of the size are spent; with
    ``most`` no look has more repetitions with training than that.

    Before each look claims are called with NaN for every number, to learn all that has to be trained and sampled. What
    a store has ``kept`` is not measured again. ValueError names a claim that asks for what there is not, before
    anything is trained, and says so where no claim has a meaning on what was asked for.
    """
    began = time.perf_counter()
    record = Record()
    size = replace(size, trainings=min(size.trainings, most or size.trainings))
    wanted, skipped = _planned(claims, on, size, record)
    found: dict[tuple[str, str], Outcome] = {}
    left = wanted
    for look in range(size.looks):
        now = size.at(look)
        if not left or (look and most is not None and now.trainings > most):
            break
        if look:  # what the first needs is planned
            for item, place in left:
                record.plan(partial(_parts, item, labs(item, now, record, place)))
        record.answer(record.planned, kept, report)
        for item, place in left:
            key = item.name, place
            found[key] = outcome(item, labs(item, now, record, place)).after(found.get(key))
        left = [(item, place) for item, place in left if not found[item.name, place].decided]
    outcomes = tuple(found[item.name, place] for item, place in wanted)
    return Findings(size, outcomes, time.perf_counter() - began, skipped)


@contextmanager
def helped(
    path: Path, names: Sequence[str], module: str | None, size: Size, on: Sequence[str], most: int | None
) -> Iterator[None]:
    """With a process for every other core, which measures the same claims, by name, into the store at ``path``.

    Each process uses one thread, this one too where it has computed nothing yet: two that do are through in less time,
    and in a fifth less of the processor's, than one with two. For few claims, without a second core, or with another
    device than the CPU, there is none.
    """
    count = min(os.cpu_count() or 1, MOST)
    device = os.environ.get("JAX_PLATFORMS") != "cpu" and entry_points(group="jax_plugins")
    if count == 1 or len(names) <= FEW or device:
        yield
        return
    os.environ.setdefault(running.ONE, "1")
    with running.helpers(count - 1, _help, path, names, module, size, on, most):
        yield


FEW = 3  # claims, for which a process more is not worth its start
MOST = 8  # processes, each of some hundred megabytes


def _help(
    path: Path, names: Sequence[str], module: str | None, size: Size, on: Sequence[str], most: int | None
) -> None:
    """The same in another process, whose compiled programs are kept too."""
    keep_compiled()
    every = published() | papers() | (load(module) if module else {})
    with closing(Store(path)) as store, at_work(store) as owner:
        run([every[name] for name in names], size, on=on, most=most, kept=(store, owner))


SEED = re.compile(r"~seed=\d+")


@dataclass(frozen=True)
class Plan:
    """What claims take: the networks that have to be trained before a first look, and in a sentence each what is
    ``skipped``.
    """

    networks: tuple[Recipe, ...]
    skipped: tuple[str, ...]

    def line(self) -> str:
        """The networks in a line, by what they are called without their seeds."""
        if not self.networks:
            return "nothing has to be trained first"
        kinds = Counter(
            "~".join(filter(None, [f"{one.spec.classes}{one.spec.width}@{one.iterations}", SEED.sub("", one.data)]))
            for one in self.networks
        )
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        return f"to be trained first, and kept: {len(self.networks)} networks: {listed}"


def plan(claims: Sequence[Claim], size: Size = FULL, *, on: Sequence[str] = ()) -> Plan:
    """What it takes to measure claims, as ``run`` would; nothing is trained or measured. ValueError as ``run``."""
    record = Record()
    _, skipped = _planned(claims, on, size, record)
    names = {name for question in record.planned for name in question.names}
    return Plan(tuple(running.missing(names, record.recipes)), skipped)


def _planned(
    claims: Sequence[Claim], on: Sequence[str], size: Size, record: Record
) -> tuple[list[tuple[Claim, str]], tuple[str, ...]]:
    """The claims with the places where they have a meaning, and in a sentence each those without; ValueError as run."""
    wanted: list[tuple[Claim, str]] = []
    skipped: dict[str, list[str]] = {}
    for item in claims:
        places = item.places([distributions.canonical(name) for name in on])
        if not places:
            skipped[f"{item.name}, which is about {_listed(item.on)} alone"] = []
        for place in places:
            own = Record()
            here = labs(item, size, own, place)
            try:
                own.plan(partial(_parts, item, here))
            except (Exception, SystemExit) as error:  # whatever a user's function may raise
                where = f" on {place}" if place else ""
                raise ValueError(f"claim {item.name!r} cannot be measured{where}: {sentence(error)}") from None
            if SEVERAL in here[0].lacks or (here[0].lacks and not here[0].asked):
                skipped.setdefault(f"{item.name}, for want of {' and '.join(here[0].lacks)} on ", []).append(place)
            else:
                wanted.append((item.at(place), place))
                record.planned |= own.planned
                record.recipes |= own.recipes
    sentences = tuple(words + _listed(places) for words, places in skipped.items())
    if not wanted and sentences:
        raise ValueError(f"nothing to measure on {_listed(on)}: {'; '.join(sentences)}")
    return wanted, sentences


def _listed(places: Sequence[str]) -> str:
    """Distributions by name, in words."""
    return ", ".join(place or distributions.USUAL for place in places)


def labs(item: Claim, size: Size, record: Record, on: str = "") -> list[Lab]:
    """The laboratories that measure a claim, one for each guide of a main model: their mean is its effect."""
    count = 1 if item.exact else min(size.guides, item.guides or size.guides)
    return [Lab(size, exact=item.exact, record=record, on=on, guide=guide) for guide in range(count)]


def outcome(item: Claim, here: Sequence[Lab]) -> Outcome:
    """Measure one claim. An error that numbers alone bring about leaves it undecided, with a note.

    Parts that have no meaning on the laboratories' distribution are left out, with a note.
    """
    first = here[0]
    try:
        parts = _parts(item, here)
    except (Exception, SystemExit) as error:  # after minutes of measuring: what the other claims found must not be lost
        blank = {part: np.full(first.seeds, np.nan) for part in item.bounds}
        parts = judged(parts_of(item, blank, first.seeds))
        return Outcome(item, parts, first.seeds, (f"failed: {sentence(error)}",), first.on, len(here))
    notes = list(dict.fromkeys(note for lab in here for note in lab.notes))
    lost = [part.name for part in parts if part.name and first.lacks and np.isnan(part.values).all()]
    if lost:
        notes.append(f"left out for want of {' and '.join(first.lacks)}: {', '.join(lost)}")
    parts = judged([part for part in parts if part.name not in lost])
    return Outcome(item, parts, first.seeds, tuple(notes), first.on, len(here))


def _parts(item: Claim, here: Sequence[Lab]) -> tuple[Part, ...]:
    """The parts of a claim, mean over the guides of each main model; nothing to gain where that is so for every one."""
    found = [parts_of(item, item(lab), lab.seeds) for lab in here]
    idle = {name: words for name, words in here[0].idle.items() if all(name in lab.idle for lab in here)}
    return tuple(
        replace(
            parts[0],
            values=np.mean([part.values for part in parts], axis=0),
            looks=here[0].size.looks,
            idle=idle.get(parts[0].name, ""),
        )
        for parts in zip(*found, strict=True)
    )


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
