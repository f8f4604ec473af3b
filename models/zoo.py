"""Names to densities: ``exact:A``, ``A64@4096``, ``A32@512``, ``A64@4096#1`` (another seed),
``kept:NAME`` (trained and kept in the app), a file's path, and degraded ones: ``A64@4096~dropout=0.1``.

Networks of other widths, depths, lengths and data are trained on demand: ``python -m models.zoo 'A24@512~depth=2'``.
``python -m models.zoo`` alone trains the shipped models again.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # the door, before anything that is slow to import; and no 'toy' of the working folder
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from toy import door

    door.enter("models.command", "models.zoo")

import difflib
import hashlib
import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from models import checkpoint, degradations, runs, stored
from models.mlp import Predictor, Spec
from models.stored import SHIPPED, file_of, kept, kept_path, trained_path
from models.training import Recipe
from toy import distributions
from toy.densities import Density
from toy.inputs import Json
from toy.names import DEGRADATIONS, FITTED, NETWORK, Name, Step
from toy.progress import Report
from toy.quadrature import log_mass


def names(on: str = "") -> list[str]:
    """Densities that can be loaded by name: a distribution's exact ones and shipped ones, those that the user kept."""
    shipped = (stored.WEIGHTS / on).glob("[!.]*.safetensors")
    learned = sorted((path.relative_to(stored.WEIGHTS).with_suffix("").as_posix() for path in shipped), key=_order)
    return [f"exact:{target}" for target in distributions.targets(on)] + learned + kept()


def _order(name: str) -> tuple[str, int, int, int, str]:
    net = Name.parse(name).network
    return (net.classes, -net.width, net.seed or 0, net.iterations, name) if net else ("", 0, 0, 0, name)


@dataclass(frozen=True)
class Plan:
    """How a name leads to a density: what it starts from, what that is trained with, what is done to it then.

    ``path`` and ``recipe`` are a network's: where it is or will be, and what it is trained by, where that is known.
    ``parts`` are the names that a fitted density is made of.
    """

    base: Name
    changes: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    fitted: Step | None = None
    path: Path | None = None
    recipe: Recipe | None = None
    parts: tuple[str, ...] = ()

    @property
    def averages(self) -> bool:
        """Whether a step averages over snapshots on the way."""
        return any("snapshots" in step.entry.inputs for step in self.steps)


def load(name: str) -> Density:
    """Return the density of that name; ValueError says what there is, or how to get what has to be trained first.

    Learned ones come with the weight normalisation applied: the same function, fewer operations. The grammar of
    degraded ones is in ``models.degradations``. The same name gives the same object.
    """
    if absent := missing(name):
        how = f"python -m models.zoo {shlex.quote(name)}"
        raise ValueError(f"density {name!r} has to be trained first ({absent[0].iterations} iterations): {how}")
    return _make(name, _stamps(_plan(name)))


def ensure(name: str, *, report: Report | None = None) -> Density:
    """Train what ``load`` lacks for this name, then load it. An interrupted training goes on where it was."""
    for recipe in missing(name):
        steps = [step for step in stored.SNAPSHOTS if step < recipe.iterations]
        snapshots = {step: trained_path(replace(recipe, iterations=step)) for step in steps}
        command = f"python -m models.zoo {shlex.quote(name)}"
        runs.train(recipe, trained_path(recipe), snapshots=snapshots, command=command, report=report)
    return load(name)


def recipe_of(name: str) -> Recipe:
    """What the network of a name is trained by; ValueError where it has none."""
    if (recipe := _plan(name).recipe) is None:
        raise ValueError(f"density {name!r} is not trained by a recipe")
    return recipe


def name_of(recipe: Recipe) -> str | None:
    """A name that gives the network of a recipe; None where no name says all of it."""
    spec, usual = recipe.spec, Recipe()
    name = f"{spec.classes}{spec.width}@{recipe.iterations}#{recipe.seed}"
    changes = {"depth": spec.depth, "trained_dropout": recipe.dropout, "learning_rate": recipe.learning_rate}
    plain = {"depth": usual.spec.depth, "trained_dropout": usual.dropout, "learning_rate": usual.learning_rate}
    parts = [f"{kind}={value!r}" for kind, value in changes.items() if value != plain[kind]]
    parts += [f"data_seed={recipe.data_seed}"] * (recipe.data_seed is not None)
    name = "~".join([name, *parts, *([recipe.data] if recipe.data else [])])
    return name if _plan(name).recipe == recipe else None


def identity(name: str) -> object:
    """What a density is, whatever its name: how it is made, or the SHA-256 of a file that came from elsewhere.

    Of JSON's types, for the addresses of results. Networks that are trained by a recipe are the recipe.
    """
    plan = _plan(name)
    steps = [str(step) for step in (*(filter(None, [plan.fitted])), *plan.steps)]
    if plan.parts:
        return {"parts": [identity(part) for part in plan.parts], "steps": steps}
    if plan.path is None:
        return {"exact": f"exact:{distributions.of(str(plan.base.distribution)).name}", "steps": steps}
    if plan.recipe and (plan.changes or plan.base.network):
        return {"recipe": asdict(plan.recipe), "steps": steps}
    if not plan.path.is_file():
        raise ValueError(f"checkpoint {str(plan.path)!r} does not exist")
    return {"file": hashlib.sha256(plan.path.read_bytes()).hexdigest(), "steps": steps}


def written(name: str) -> str:
    """What tells the networks apart that a name has had: of its file's SHA-256; empty where the name says all of it.

    It does of what is exact, shipped, or trained by a recipe: only a file from elsewhere is written again with others.
    Empty too for what there is not.
    """
    try:
        plan = _plan(name)
    except ValueError:
        return ""
    found = list(map(written, plan.parts))
    if plan.path and not (plan.recipe and (plan.changes or plan.base.network)):
        found.append(_digest(plan.path, _stamp(plan.path)))
    return "".join(found)


@lru_cache(maxsize=96)
def _digest(path: Path, stamp: tuple[int, int] | None) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if stamp else ""


def missing(name: str) -> list[Recipe]:
    """What has to be trained before the name can be loaded, each to be kept at its ``trained_path``; [] for most.

    Trains and loads nothing. ValueError, one sentence, where the name is not legal.
    """
    plan = _plan(name)
    if plan.parts:
        return [recipe for part in plan.parts for recipe in missing(part)]
    if plan.recipe is None or plan.path != trained_path(plan.recipe) or plan.path.is_file():
        return []
    return [plan.recipe]


def paths(name: str) -> list[Path]:
    """The files that the density of a legal name is read from."""
    plan = _plan(name)
    if plan.parts:
        return [path for part in plan.parts for path in paths(part)]
    snapshots = _snapshots(plan).values() if plan.averages else ()
    return list(dict.fromkeys(filter(None, [plan.path, *snapshots])))


def check(name: str) -> None:
    """ValueError unless the name is a density, trained or not, and no file's path: for names from elsewhere.

    What a name is fitted to is checked, the fit itself is left to ``load``.
    """
    plan = _plan(name)
    if plan.base.is_file:
        raise ValueError(f"unknown density {name!r}; have: {_nearest(name)}")
    for part in plan.parts:
        check(part)
    if not plan.parts and not missing(name):
        load(name)


def examples() -> list[str]:
    """One name for each kind of degraded density, with its default values: for help texts."""
    examples = [f"{kind}:A64@4096,AB64@4096" for kind in FITTED]
    for kind, entry in DEGRADATIONS.items():
        base = "A64@4096" if {"net", "snapshots", "spec", "recipe"}.intersection(entry.inputs) else "exact:A"
        examples.append(f"{base}~{kind}={next(iter(entry.knobs.values())).default:g}")
    return examples


def _plan(name: str) -> Plan:
    """How the name leads to a density; ValueError where it cannot."""
    parsed = Name.parse(name)
    base, fitted, steps = Name(parsed.base), parsed.fit, parsed.steps
    if fitted:
        plan = Plan(base, (), steps, fitted, parts=_parts(base, fitted))
    elif base.distribution is not None:
        _check_exact(base)
        plan = Plan(base, (), steps)
    else:
        changes = tuple(takewhile(lambda step: step.trains, steps))
        plan = _network_of(base, changes, steps[len(changes) :])
    before = "~".join(map(str, (base, *plan.changes)))
    degradations.check_order(before, plan.steps, network=plan.path is not None)
    if plan.averages and len(_snapshots(plan)) < 2:
        raise ValueError(f"{plan.steps[0].kind} needs at least two stored snapshots, and {str(base)!r} has only itself")
    return plan


def _check_exact(base: Name) -> None:
    """ValueError, which lists what there is, unless there is a target of that name."""
    try:
        distributions.of(str(base.distribution))
    except ValueError as error:
        on = str(base.distribution).rpartition("/")[0]
        have = distributions.targets(on) if distributions.is_target(f"{on}/A" if on else "A") else []
        words = f"have: {', '.join(f'exact:{target}' for target in have)}" if have else str(error)
        raise ValueError(f"unknown density {str(base)!r}; {words}") from None


def _parts(base: Name, fitted: Step) -> tuple[str, ...]:
    """The names that play the roles of a fitted density."""
    roles = fitted.entry.roles
    if len(base.parts) != len(roles) or any(part.fitted for part in base.parts):
        form = ",".join(role.upper() for role in roles)
        raise ValueError(f"density {str(base)!r} is not {fitted.kind}:{form}, each of them exact or a network")
    return tuple(map(str, base.parts))


def _network_of(base: Name, changes: tuple[Step, ...], steps: tuple[Step, ...]) -> Plan:
    """Where the network of a base is, as it is or trained with changes; its recipe where that is needed."""
    if net := base.network:
        label = f"{net.classes}{net.width}" + ("" if net.seed is None else f"#{net.seed}")
        plain = Recipe(Spec(net.classes, net.width), seed=net.seed or 0)
        recipe = replace(SHIPPED.get(label, plain), iterations=net.iterations)
        path = stored.shipped_path(str(base))
        if not changes:
            return Plan(base, (), steps, path=path if path.is_file() else file_of(recipe), recipe=recipe)
    else:
        if base.kept and str(base) in kept():
            path = kept_path(base.kept)
        elif base.is_file:
            path = Path(str(base))
        else:
            if (found := NETWORK.fullmatch(str(base))) and "/" in found["classes"]:
                distributions.of(found["classes"])  # says what there is, or that it is not here
            raise ValueError(f"unknown density {str(base)!r}; have: {_nearest(str(base))}, or a .safetensors file")
        if not changes and not any("snapshots" in step.entry.inputs for step in steps):
            return Plan(base, (), steps, path=path)
        header = checkpoint.describe(path).header
        recipe = checkpoint.recipe_of(header, path)
        recipe = replace(recipe, iterations=int(header.get("step") or recipe.iterations))
        if not changes:
            return Plan(base, (), steps, path=path, recipe=recipe)
    for step in changes:
        if "spec" in step.entry.inputs:
            recipe = replace(recipe, spec=step(spec=recipe.spec))
        elif "recipe" in step.entry.inputs:
            recipe = replace(recipe, **step(recipe=asdict(recipe)))
        elif not step.neutral:
            recipe = replace(recipe, data="~".join(filter(None, (recipe.data, str(step)))))
    return Plan(base, changes, steps, path=file_of(recipe), recipe=recipe)


def _snapshots(plan: Plan) -> dict[int, Path]:
    """The stored averages on the way to a network and its own, by iteration; before its training those to come."""
    assert plan.recipe is not None
    assert plan.path is not None
    end = plan.recipe.iterations
    early = {step: file_of(replace(plan.recipe, iterations=step)) for step in stored.SNAPSHOTS if step < end}
    if plan.path.is_file():
        early = {step: path for step, path in early.items() if path.is_file()}
    return {**early, end: plan.path}


def _stamps(plan: Plan) -> tuple[object, ...]:
    """What changes when a file that the density is made of is written again."""
    return (*(_stamps(_plan(part)) for part in plan.parts), plan.path and _stamp(plan.path))


def _stamp(path: Path) -> tuple[int, int] | None:
    now = path.stat() if path.is_file() else None
    return now and (now.st_mtime_ns, now.st_ino)


@lru_cache(maxsize=96)
def _make(name: str, _: tuple[object, ...]) -> Density:
    """The density of a name whose files are there."""
    plan = _plan(name)
    density: Density
    if plan.fitted:
        parts = dict(zip(plan.fitted.entry.roles, map(load, plan.parts), strict=True))
        every = distributions.mixture(classes_of(name))
        x = every.sample(jax.random.key(plan.fitted.seed), degradations.DRAWS, degradations.START)
        density = plan.fitted(x=x, **parts)
    elif plan.path is None:
        density = distributions.mixture(plan.base.distribution)
    else:
        density = _network(plan.path)
    for step in plan.steps:
        given: dict[str, Any] = dict.fromkeys(("density", "net", "data"), density)
        if "snapshots" in step.entry.inputs:
            given["snapshots"] = {at: checkpoint.load(path) for at, path in _snapshots(plan).items()}
        density = step(**given)
    return density


def _network(path: Path) -> Predictor:
    """The network in a file; a file that was written again is read again."""
    return _read(path, _stamp(path))


@lru_cache(maxsize=96)
def _read(path: Path, _: tuple[int, int] | None) -> Predictor:
    return checkpoint.load(path).frozen()


def _nearest(name: str) -> str:
    """The names most like this one, in words: all of them would be a page."""
    have = names()
    near = difflib.get_close_matches(name, have, n=3, cutoff=0.0)
    return f"{', '.join(near)} and {len(have) - len(near)} more"


def classes_of(name: str) -> str:
    """The classes that a density is of: 'A', 'B' or 'AB'.

    Mixed labels count as what they claim to be, a fitted density as its last part.
    """
    plan = _plan(name)
    if plan.parts:
        return classes_of(plan.parts[-1])
    if plan.base.distribution is not None:
        return plan.base.distribution
    assert plan.path is not None
    recipe = plan.recipe or checkpoint.recipe_of(checkpoint.describe(plan.path).header, plan.path)
    return recipe.spec.classes


def cast(roles: Iterable[tuple[str, str]]) -> dict[str, Density]:
    """Load the density of each (role, name)."""
    return {role: load(name) for role, name in roles}


def probe(name: str, sigma: float, points: np.ndarray, *, normalise: bool = False) -> list[Json]:
    """Log-density and score at ``points`` [n, 2], one dictionary a point.

    Exact densities are evaluated in double precision, unless they are degraded. A learned log p is right up to a
    constant per sigma; with ``normalise`` the constant is found by quadrature and its relative error is given.
    """
    facts: Json = {"density": name, "sigma": sigma}
    plan = _plan(name)
    if name == str(plan.base) and plan.base.distribution is not None:
        with jax.enable_x64(True):
            density: Density = distributions.of(plan.base.distribution).density()
            logp, score = (np.asarray(f(jnp.asarray(points), sigma)) for f in (density.logp, density.score))
    else:
        density, x = load(name), jnp.asarray(points, jnp.float32)
        logp, score = np.asarray(density.logp(x, jnp.float32(sigma))), np.asarray(density.score(x, jnp.float32(sigma)))
        learned = plan.path is not None
        if learned:
            facts["up_to_constant"] = not normalise
        if learned and normalise:
            log_z, error = log_mass(density, sigma)
            logp, facts["normalisation_error"] = logp - log_z, error
    rows = zip(points.tolist(), logp.tolist(), score.tolist(), strict=True)
    return [{"x": x, "y": y, "logp": value, "score": s, **facts} for (x, y), value, s in rows]
