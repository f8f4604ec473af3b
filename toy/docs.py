"""The pages of docs/methods: one for each rule, schedule, integrator, degradation and measure, made by

    python -m toy.docs docs/methods

All text comes from the registries, all numbers are measured. They are kept in ``numbers.json`` beside the pages, each
with a digest of the code that made it, so that only what is new or was changed is measured again.
"""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.docs")

import inspect
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from models import zoo
from models.degradations import DEGRADATIONS, FITTED
from toy import door, figures, interrupts, metrics, scenes, tables
from toy.densities import Density, Normalised
from toy.distributions import DISTRIBUTIONS
from toy.files import check_writable, keep_compiled, put
from toy.guidance import RULES, Rule
from toy.lab import methods
from toy.lab.code import parts
from toy.lab.methods import MEASURES, SEEDS, entry_words, references, rows
from toy.metrics import METRICS, Metric, Values
from toy.progress import Progress, Report, bars
from toy.registry import Entry, Knob, Registry
from toy.sampling import INTEGRATORS
from toy.scene import Scene, default_cast
from toy.scenes import Frame
from toy.schedules import SCHEDULES
from toy.settings import flags

FOLDERS: dict[str, Registry[Any]] = {
    "rules": RULES,
    "schedules": SCHEDULES,
    "integrators": INTEGRATORS,
    "degradations": DEGRADATIONS,
    "fitted": FITTED,
    "metrics": METRICS,
    "distributions": DISTRIBUTIONS,
}
TITLES = {
    "rules": "Guidance rules",
    "schedules": "Weight schedules, under CFG",
    "integrators": "Integrators, under CFG",
    "degradations": "Degradations: the main model, degraded, as the guide of autoguidance",
    "fitted": "Densities fitted to samples",
    "metrics": "Measures",
    "distributions": "Distributions",
}
COMMAND = "python -m toy.docs docs/methods"


# --- Pages ------------------------------------------------------------------------------------------------------------


def head(entry: Entry) -> str:
    """Title, formula, explanation, roles, knobs and source: all that is not measured."""
    doc = inspect.getdoc(entry.function) or ""
    article = "an" if entry.kind[0] in "aeiou" else "a"
    blocks = [f"# {entry.title}", f"`{entry.name}`, {article} {entry.kind}."]
    blocks += [f"    {entry.formula}"] if entry.formula else []
    blocks += [prose(doc)]
    if isinstance(entry, Rule):
        usual = default_cast(entry.name)
        lines = [[f"`{role}`", f"`{usual[role]}`", asked(entry, role)] for role in entry.roles]
        blocks += ["## Roles", tables.markdown([["role", "usual density", "asked for"], *lines])]
    elif entry.kind in ("degradation", "fitted density"):
        blocks += [f"Made from: {', '.join(f'`{name}`' for name in entry.inputs)}."]
    if isinstance(entry, Metric):
        blocks += [f"Better: {entry.better}."]
    if isinstance(entry, Rule) and entry.integrator:
        blocks += [f"Derived for the integrator `{entry.integrator}`, which is the one to choose with it."]
    blocks += ["## Knobs", knob_table(entry.knobs) if entry.knobs else "None."]
    if "w" in entry.knobs and entry.knobs["w"].neutral == 1:
        blocks += ["The default weight in other conventions: " + "; ".join(conventions(entry.knobs["w"].default)) + "."]
    blocks += ["## Source", linked(entry.source)]
    return "\n\n".join(blocks) + "\n"


def prose(doc: str) -> str:
    """A docstring as Markdown: names in code marks, nothing taken for markup."""
    text = re.sub(r"``([^`]+)``", r"`\1`", doc)
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*_<|])", r"\\\1", p) for p in parts)


def asked(entry: Entry, role: str) -> str:
    """What a rule gets of a role."""
    kinds: dict[object, str] = {
        Density: "its score, anywhere",
        Normalised: "its score and its normalised log-density, anywhere",
    }
    return kinds.get(entry.types[role], "its score at (x, σ)")


def knob_table(knobs: Mapping[str, Knob]) -> str:
    """All knobs with their ranges."""
    lines = ["| knob | | default | from | to | no effect at | meaning |", "|---|---|---|---|---|---|---|"]
    for knob in knobs.values():
        neutral = "" if knob.neutral is None else f"{knob.neutral:g}"
        label = knob.label if knob.label != knob.name else ""
        usual = ", ".join(f"{number:g}" for number in dict.fromkeys(knob.spelled(knob.default).values()))
        numbers = f"{usual}{f', {knob.size} times' if knob.size else ''} | {knob.lo:g} | {knob.hi:g}"
        lines.append(f"| `{knob.name}` | {label} | {numbers} | {neutral} | {prose(knob.help)} |")
    return "\n".join(lines)


CONVENTIONS: tuple[tuple[str, str, Callable[[float], float]], ...] = (
    ("weight w of Karras et al. 2024, and guidance scale", "s₀ + w(s₁ − s₀)", lambda w: w),
    ("extra weight", "s₁ + γ(s₁ − s₀)", lambda w: w - 1),
    ("weight of Ho and Salimans 2022", "(1 + w)s₁ − w s₀", lambda w: w - 1),
    ("power of the likelihood in the tilted density", "p₁ (p₁/p₀)^γ", lambda w: w - 1),
)


def conventions(w: float) -> list[str]:
    """The same guidance as others count it."""
    return [f"{name}, {formula}: {of(w):g}" for name, formula, of in CONVENTIONS]


def linked(source: str) -> str:
    """A source with its identifiers as links."""
    source = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", source)
    return re.sub(r"doi:(\S+[^\s.,;)])", r"[doi:\1](https://doi.org/\1)", source)


def command(scene: Scene) -> str:
    """The command line that measures the scene, seed by seed."""
    values = {name: value for name, value in scene.short().items() if name != "seed"}
    seeds = " ".join(str(scene.seed + i) for i in range(SEEDS))
    return f"for seed in {seeds}; do python -m toy metrics {flags(values)} --seed $seed; done"


def cell(name: str, found: Values) -> str:
    """A number with its standard error."""
    mean, error = found[name]["mean"], found[name].get("error")
    if isinstance(mean, list):
        return ", ".join("not finite" if v is None else f"{v:.3f}" for v in mean)
    return tables.cell(name, math.nan if mean is None else mean, math.nan if error is None else error)


def table(lines: list[tuple[str, Values]], names: tuple[str, ...]) -> str:
    """Measures of several scenes."""
    head = ["", *map(tables.words, names)]
    return tables.markdown([head, *([label, *(cell(name, found) for name in names)] for label, found in lines)])


def tail(folder: str, entry: Entry, numbers: methods.Numbers) -> str:
    """What the 2D toy shows: measured numbers, their command and a picture."""
    lines = [("true samples (noise floor)", numbers["floor"])]  # these, and references, are of the tree
    if entry.kind == "metric":
        lines += [(row.label, numbers[row.key]) for row in references()]
        return "\n\n".join(["## What 2D shows", how(), table(lines, (entry.name,))]) + "\n"
    mine = rows(folder, entry)
    alone = folder == "distributions"
    if alone and not mine:
        return "## What 2D shows\n\nWhat the points are.\n"
    if not mine:
        used = [rule.title for rule in RULES.values() if any(f"{entry.name}:" in name for name in _usual(rule))]
        return f"## What 2D shows\n\nMeasured as the usual density of: {', '.join(used) or 'no rule'}.\n"
    lines = [] if alone else [*lines, *((row.label, numbers[row.key]) for row in references()[:2])]
    done = {row: row.scene for row in mine if row.scene}
    for row, at in done.items():
        words = row.label if alone else f"**{described(folder, entry, at)}, {row.label}**"
        lines.append((words, numbers[row.key]))
    blocks = ["## What 2D shows", how(), table(lines, mine[0].measures)]
    blocks += [f"Not measured, {row.label}: {row.why}." for row in mine if not row.scene]
    if picture(folder):
        kinds = "without and with guidance" if alone else "with learned and with exact densities"
        blocks += [f"![{entry.title}: samples {kinds}]({entry.name}.png)"]
    commands = [command(scene) for scene in done.values()]
    blocks += ["The numbers again:\n\n```sh\n" + "\n".join(commands) + "\n```"] if commands else []
    return "\n\n".join(blocks) + "\n"


def _usual(rule: Entry) -> list[str]:
    return list(default_cast(rule.name).values())


def described(folder: str, entry: Entry, scene: Scene) -> str:
    """The method of a row in a few words."""
    if folder == "degradations":
        return f"{entry_words(scene)}, guide `{dict(scene.cast)['weak']}`"
    values = dict(scene.knobs)
    knobs = {name: knob for part in parts(scene).values() for name, knob in part.knobs.items()}
    words = "".join(f", {knobs[name].label} = {value:g}" for name, value in values.items() if not knobs[name].size)
    return (entry.title if folder == "rules" else f"CFG, {entry.title}") + words


def how() -> str:
    """What the numbers of a page are."""
    return (
        f"At the default knobs, {methods.N} samples a seed, mean and standard error over {SEEDS} seeds. *Learned* are "
        "the usual densities; *exact* the analytic ones in the same roles, but a weak model stays as it is. "
        "None of these measures stands alone."
    )


def picture(folder: str) -> bool:
    """Whether pages of this folder have a picture."""
    return folder in ("rules", "schedules", "integrators", "distributions")


def page(folder: str, entry: Entry, numbers: methods.Numbers) -> str:
    """A whole page."""
    return f"{head(entry)}\n{tail(folder, entry, numbers)}\n[All methods](../README.md)\n"


def index(numbers: methods.Numbers) -> str:
    """The list of all pages, and the conventions of weights."""
    blocks = [
        "# Methods",
        f"Made by `{COMMAND}` from the registries and measurements; not to be edited. {how()}",
        "## Conventions of the guidance weight",
        "s₁ is the main model's score, s₀ the guide's. Weights in this project are those of the first line.",
    ]
    weights = (0, 1, 1.5, 2, 3, 4)
    lines = [[name, formula, *(f"{of(w):g}" for w in weights)] for name, formula, of in CONVENTIONS]
    head = ["convention", "formula", *[""] * len(weights)]
    blocks += [tables.markdown([head, *lines]), "w = 1 is no guidance, w = 0 the guide alone."]
    for folder, registry in FOLDERS.items():
        blocks += [f"## {TITLES[folder]}"]
        measured = folder != "distributions" and any(rows(folder, entry) for entry in registry.values())
        names = MEASURES[:2] if measured else ()
        top = [f"{tables.words(name)}, {label}" for label in ("learned", "exact") for name in names]
        table = [["", "", *top]]
        for entry in registry.values():
            mine = rows(folder, entry)[:2] if measured else []
            cells = [cell(name, numbers[row.key]) if row.scene else "" for row in mine for name in names]
            table.append([f"[{entry.title}]({folder}/{entry.name}.md)", prose(entry.summary), *cells])
        blocks += [tables.markdown(table)]
    return "\n\n".join(blocks) + "\n"


# --- Writing ----------------------------------------------------------------------------------------------------------


def write(folder: str | Path, report: Report | None = None) -> list[Path]:
    """Measure what ``numbers.json`` in ``folder`` lacks, then write every page; returns the files, the index first.

    Pages and pictures of what is no longer registered are removed, and so are their numbers.
    """
    folder = Path(folder)
    kept = folder / "numbers.json"
    entries = [(name, entry) for name, registry in FOLDERS.items() for entry in registry.values()]
    every = [*references(), *(row for name, entry in entries for row in rows(name, entry))]
    numbers, fresh = methods.measure(every, kept, report)
    numbers["floor"] = floor()
    written = []
    for i, (name, entry) in enumerate(entries):
        mine = rows(name, entry)
        image = folder / name / f"{entry.name}.png"
        if picture(name) and mine:
            if not image.exists() or any(row.scene and row.key in fresh for row in mine):
                frames = [_frame(row.scene) for row in mine[:2] if row.scene]
                titles = [row.label if name == "distributions" else f"{row.label} densities" for row in mine[:2]]
                put(image, figures.encode_small(figures.side_by_side(frames, titles=titles)))
            written.append(image)
        written.append(put(folder / name / f"{entry.name}.md", page(name, entry, numbers)))
        if report:
            report(Progress("pages", i + 1, len(entries), note=f"{name}/{entry.name}"))
    methods.write(kept, numbers, only=["floor", *(row.key for row in every if row.scene)])
    written.insert(0, put(folder / "README.md", index(numbers)))
    for old in (path for name in FOLDERS for path in (folder / name).glob("*") if path.suffix in (".md", ".png")):
        if old not in written:
            old.unlink()
    return written


def floor() -> Values:
    """The noise floor as the tables want it."""
    found = metrics.floor("A", methods.N, tuple(METRICS))
    return {name: {"mean": methods.plain(np.asarray(value)), "error": None} for name, value in found.items()}


def _frame(scene: Scene) -> Frame:
    return scenes.compute(scene, zoo.cast(scene.cast), keep=False, floor=False)


@click.command(cls=door.Command, context_settings=door.HELP)
@click.argument("folder", default="docs/methods")
def main(folder: str) -> None:
    """Measure what is new or changed and write the pages of all methods into FOLDER [docs/methods]."""
    keep_compiled()
    numbers = Path(folder) / "numbers.json"
    check_writable(numbers)
    interrupts.keeps(f"what was measured is kept in {numbers}; the same command goes on from there.")
    with bars() as report:
        written = write(folder, report)
    click.echo(f"{len(written)} files in {folder}, {sum(p.stat().st_size for p in written) / 1e6:.1f} MB")
