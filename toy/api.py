"""A page to read the library by, from signatures and docstrings: what is public, in the order in which one learns.

``python -m toy.api docs/api.md`` writes it. A docstring is prose, then sections as Google writes them; the examples are
run by a test, after the imports of ``BEFORE``.
"""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.api")

import ast
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple

import click

from toy import docs, door, tables
from toy.files import check_writable, put
from toy.settings import Setting, declared

COMMAND = "python -m toy.api docs/api.md"
SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Source", "Example")

BEFORE = """\
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from models import degradations, mlp, training
from toy import distributions, flows, guidance, mechanism, metrics, quadrature, sampling, schedules
from toy.densities import GaussianMixture
from toy.distributions.distribution import gaussians, lines
from toy.distributions import points
from toy.distributions.points import read, store, usual_bandwidth
from toy.sampling.scores import Tilted
from toy.scene import Scene
from toy.views import View

np.set_printoptions(precision=2, suppress=True)
X = jnp.array([[0.45, 1.22], [0.1, 0.1], [-0.4, 0.3]])  # three points
"""


class Room(NamedTuple):
    """A part of the page: the module that says what it is about, its registries by folder of docs, what is public."""

    title: str
    about: str
    registries: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Room":
        """'TITLE: MODULE, REGISTRIES' on the first line, then whole names of what is public."""
        head, _, names = text.partition("\n")
        title, about, registries = re.fullmatch(r"(\w+): ([\w.]+),? ?(.*)", head).groups()  # type: ignore[union-attr]
        return cls(title, about, tuple(registries.split()), tuple(names.split()))


PUBLIC = """\
Density: toy.distributions, distributions
toy.distributions.of toy.distributions.targets.targets toy.distributions.mixture toy.distributions.prior
toy.distributions.threshold toy.distributions.far toy.distributions.distribution.lines
toy.distributions.distribution.gaussians toy.distributions.points.store toy.distributions.points.usual_bandwidth
toy.densities.GaussianMixture toy.densities.GaussianMixture.of toy.densities.GaussianMixture.logp
toy.densities.GaussianMixture.responsibilities models.degradations.of_points toy.quadrature.log_mass
toy.quadrature.normalised toy.quadrature.Tabulated

Noise: toy.sampling.noise
toy.sampling.noise_levels toy.densities.GaussianMixture.sample

Score: toy.densities
toy.densities.GaussianMixture.score toy.sampling.scores.Tilted toy.sampling.scores.Tilted.logp
toy.sampling.scores.Tilted.score

Guidance: toy.guidance.rules, rules
toy.sampling.guided toy.sampling.tilted toy.guidance.dot toy.guidance.norm toy.guidance.rules.at_points

Schedule: toy.schedules, schedules
toy.sampling.scheduled

Sampler: toy.sampling, integrators
toy.sampling.trajectory toy.sampling.volume toy.sampling.resample

Measure: toy.metrics, metrics
toy.metrics.measure toy.metrics.evaluate toy.metrics.floor toy.metrics.truth

Mechanism: toy.mechanism
toy.mechanism.mechanism toy.mechanism.Mechanism toy.mechanism.due_to_task toy.mechanism.cosine

Flow: toy.flows
toy.flows.flow toy.flows.Flow toy.flows.Flow.summary toy.flows.pulled_back toy.flows.on_grid toy.flows.tilted
toy.flows.tilt_level toy.flows.log_start

Network: models.mlp, degradations fitted
models.mlp.Spec models.mlp.network models.mlp.EnergyMLP.logp models.mlp.EnergyMLP.score models.mlp.VectorMLP.score
models.mlp.Network.weights models.mlp.Network.frozen models.mlp.rms_normalise models.degradations.altered

Training: models.training
models.training.Recipe models.training.Recipe.density models.training.start models.training.draw
models.training.loss models.training.learn models.training.iterate models.training.train
models.training.learning_rate models.training.ema_decay
"""
ROOMS = tuple(map(Room.of, PUBLIC.split("\n\n")))


# --- What a docstring says --------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """A docstring: its prose, and its sections by title."""

    prose: str
    sections: Mapping[str, str]

    def items(self, title: str) -> dict[str, str]:
        """The names of a section with what is said of each, in order."""
        found = re.split(r"^(\S+): ", self.sections.get(title, ""), flags=re.M)[1:]
        return {name: _joined(words) for name, words in zip(found[::2], found[1::2], strict=True)}


def said(doc: str) -> Said:
    """A docstring in parts."""
    prose, *rest = re.split(rf"^({'|'.join(SECTIONS)}):\n", inspect.cleandoc(doc), flags=re.M)
    titled = zip(rest[::2], rest[1::2], strict=True)
    return Said(prose.strip(), {title: textwrap.dedent(body).strip() for title, body in titled})


def bare(thing: Any) -> Any:
    """A function or class itself, under whatever binds, compiles or keeps it."""
    return inspect.unwrap(getattr(thing, "__func__", thing))


@cache
def source(thing: Any) -> tuple[str, ast.FunctionDef | ast.ClassDef]:
    """A function or class as its file has it: its lines, and what they say."""
    lines = textwrap.dedent(inspect.getsource(bare(thing)))
    definition = ast.parse(lines).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    return lines, definition


def arguments(thing: Any) -> list[str]:
    """What a function is given, by name, without what a method is called on."""
    _, function = source(thing)
    assert isinstance(function, ast.FunctionDef)
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [argument.arg for argument in given if argument.arg not in ("self", "cls")]


# --- The page ---------------------------------------------------------------------------------------------------------


def page() -> str:
    """The whole page."""
    blocks = [
        "# The library",
        f"Made by `{COMMAND}` from signatures and docstrings; not to be edited. What is public, in the order in which "
        'one learns it. `Float[Array, "*b 2"]` is an array of any shape whose last axis is 2, `*#b` one that is '
        "broadcast to its shape; `Points` are of the first kind, a `Level` of noise of the second, or a number. "
        "Examples begin with:",
        f"```python\n{BEFORE}```",
        "\n".join(_contents(room) for room in ROOMS),
    ]
    for room in ROOMS:
        blocks += [f"## {room.title}", _text(said(import_module(room.about).__doc__ or "").prose)]
        blocks += [_registered(folder) for folder in room.registries]
        blocks += [entry(name) for name in room.names]
    return "\n\n".join(blocks) + "\n"


def entry(name: str) -> str:
    """What the page says of one function or class, by its whole name."""
    thing = resolve_name(name)
    told, is_class = said(thing.__doc__ or ""), inspect.isclass(thing)
    blocks = [f"### `{name}`", _text(told.prose)]
    if is_class:
        settable = {field: _setting(kind) for field, kind in declared(thing).items()}
        blocks += _table("field", told.items("Attributes") | settable)
    else:
        blocks[1:1] = [f"```python\n{_signature(thing)}\n```"]
        blocks += _table("argument", told.items("Args"))
    for title in ("Returns", "Raises", "Source"):
        if words := told.sections.get(title):
            blocks += [f"**{title}:** {_text(_joined(words))}"]
    if example := told.sections.get("Example"):
        blocks += [f"```pycon\n{example}\n```"]
    return "\n\n".join(blocks)


def anchors(headings: Iterable[str]) -> dict[str, str]:
    """Where a link to each heading of a page leads on GitHub: one that is there already gets a number."""
    found: dict[str, str] = {}
    times: Counter[str] = Counter()
    for heading in headings:
        base = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[heading] = f"{base}-{times[base]}" if times[base] else base
        times[base] += 1
    return found


def _contents(room: Room) -> str:
    """Links to a room and to all that is in it, without their modules."""
    to = anchors(heading for room in ROOMS for heading in (room.title, *room.names))
    short = {name: re.sub(r".*?\.(?=[A-Z])|.*\.", "", name, count=1) for name in room.names}
    links = ", ".join(f"[`{words}`](#{to[name]})" for name, words in short.items())
    return f"- [{room.title}](#{to[room.title]}): {links}"


def _registered(folder: str) -> str:
    """The names in a registry, each with its page."""
    names = ", ".join(f"[`{name}`](methods/{folder}/{name}.md)" for name in docs.FOLDERS[folder])
    return f"{re.split('[:,]', docs.TITLES[folder])[0]}, with a page each: {names}."


def _signature(thing: Any) -> str:
    """The lines by which a function begins."""
    lines, function = source(thing)
    return "\n".join(lines.split("\n")[function.lineno - 1 : function.body[0].lineno - 1]).removesuffix(":")


def _table(head: str, rows: Mapping[str, str]) -> list[str]:
    lines = [[f"`{name}`", docs.prose(words)] for name, words in rows.items()]
    return [tables.markdown([[head, ""], *lines])] if rows else []


def _setting(kind: Setting) -> str:
    """What a field may be."""
    words = "; ".join(filter(None, [kind.help, kind.legal]))
    return words[:1].upper() + words[1:]


def _text(words: str) -> str:
    return docs.linked(docs.prose(words))


def _joined(words: str) -> str:
    """On one line."""
    return " ".join(words.split())


@click.command(cls=door.Command, context_settings=door.HELP)
@click.argument("file", default="docs/api.md")
def main(file: str) -> None:
    """Write the page of the library into FILE [docs/api.md]."""
    check_writable(Path(file))
    put(Path(file), page())
    click.echo(f"{sum(len(room.names) for room in ROOMS)} functions and classes in {file}")
