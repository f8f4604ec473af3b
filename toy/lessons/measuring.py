"""The numbers that lessons say: measured from the links of their steps, over seeds, and kept in ``numbers.json``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toy.lessons.measures import frame, value
from toy.progress import Report, each
from toy.state import SLOTS, of_link
from toy.uncertainty import standard_error

NUMBERS = Path(__file__).parent / "numbers.json"
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Number:
    """Mean of a number over seeds, its standard error, and what of which link it is."""

    value: float
    error: float
    what: str
    link: str


def numbers(path: Path = NUMBERS) -> dict[str, dict[str, float]]:
    """The values of all numbers that were measured, by lesson and name."""
    kept = json.loads(path.read_text(encoding="utf-8"))["numbers"] if path.exists() else {}
    return {lesson: {name: found["value"] for name, found in named.items()} for lesson, named in kept.items()}


def scenes_of(link: str) -> str:
    """What of a link decides its numbers: its scenes alone."""
    return replace(of_link(link), ui=(), hide=(), story="").link()


def measure(link: str, what: str, seeds: Iterable[int] = SEEDS) -> Number:
    """A number ``what``, such as ``left.root_share``, of a link's scenes. ValueError where there is no such number."""
    slot, _, name = what.partition(".")
    if slot not in SLOTS:
        raise ValueError(f"{what!r} is not left or right, a full stop, and a measure")
    scene = of_link(link).scene(slot)
    try:
        found = np.array([value(replace(scene, seed=seed), name) for seed in seeds])
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    if not np.isfinite(found).all():
        raise ValueError(f"{what} is not finite: {found.tolist()}")
    return Number(float(found.mean()), float(np.nan_to_num(standard_error(found))), what, scenes_of(link))


def measure_all(
    asked: Mapping[str, Mapping[str, tuple[str, str]]], report: Report | None = None
) -> dict[str, dict[str, Number]]:
    """Every number of ``asked``, (link, what) by lesson and name."""
    found: dict[str, dict[str, Number]] = {lesson: {} for lesson in asked}
    every = [(lesson, *named) for lesson, numbers in asked.items() for named in numbers.items()]
    for lesson, name, (link, what) in each(every, "measuring", report, note=lambda item: f"{item[0]} {item[1]}"):
        if not found[lesson]:
            frame.cache_clear()  # lessons share few scenes, and each holds its points
        found[lesson][name] = measure(link, what)
    return found


def written(found: Mapping[str, Mapping[str, Number]]) -> str:
    """The text of ``numbers.json``."""
    flat = {
        lesson: {
            name: {"value": _short(n.value), "error": _short(n.error), "what": n.what, "link": n.link}
            for name, n in named.items()
        }
        for lesson, named in found.items()
    }
    return json.dumps({"seeds": list(SEEDS), "numbers": flat}, indent=1, ensure_ascii=False) + "\n"


def _short(value: float) -> float:
    return float(f"{value:.4g}")
