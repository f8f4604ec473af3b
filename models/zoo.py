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
import json
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import platformdirs

from models import checkpoint, degradations, ensemble, training
from models.mlp import Predictor, Spec
from models.training import Recipe
from toy import fractal
from toy.densities import Density
from toy.files import check_writable
from toy.names import DEGRADATIONS, FITTED, Name, Step
from toy.quadrature import log_mass

WEIGHTS = Path(__file__).parent / "weights"
SNAPSHOTS = (256, 512, 1024, 2048)
# Trainings differ by seed: with guides of width 32 from seeds 0 to 3, autoguidance at w = 3 leaves 9.4, 6.7, 7.9 and
# 10.0% outliers (8192 samples). Seed 1 was chosen after seeing them, as the nearest to the paper; its file says so.
SHIPPED = {
    "A64": Recipe(Spec("A", 64)),
    "A64#1": Recipe(Spec("A", 64), seed=1),
    "A64#2": Recipe(Spec("A", 64), seed=2),
    "A32": Recipe(Spec("A", 32), seed=1),
    "A16": Recipe(Spec("A", 16)),
    "AB64": Recipe(Spec("AB", 64)),
    "AB32": Recipe(Spec("AB", 32)),
    "B64": Recipe(Spec("B", 64)),
    "B32": Recipe(Spec("B", 32)),
}
KEPT_LIMIT = 64


def kept_path(name: str) -> Path:
    """The file of a model that the user kept: in ``GUIDANCE_EXPLORER_MODELS``, or the user's own data folder."""
    folder = os.environ.get("GUIDANCE_EXPLORER_MODELS") or platformdirs.user_data_dir("guidance-explorer")
    return Path(folder) / f"{name}.safetensors"


def kept() -> list[str]:
    """Names of the models that the user kept: ``kept:NAME``."""
    return sorted(f"kept:{path.stem}" for path in kept_path("any").parent.glob("[!.]*.safetensors"))


def snapshot(label: str, step: int) -> Path:
    """The file of a shipped model's snapshot: label 'A64#1' at step 512 is ``A64@512#1``."""
    stem, hash_, number = label.partition("#")
    return WEIGHTS / f"{stem}@{step}{hash_}{number}.safetensors"


def names() -> list[str]:
    """All densities that can be loaded by name: the exact ones, the shipped ones, those that the user kept."""
    learned = sorted((path.stem for path in WEIGHTS.glob("[!.]*.safetensors")), key=_order)
    return [f"exact:{classes}" for classes in fractal.CLASSES] + learned + kept()


def _order(name: str) -> tuple:
    found = Name.parse(name).network
    return (found.classes, -found.width, found.seed or 0, found.iterations, name) if found else ("", 0, 0, 0, name)


Report = Callable[[int, np.ndarray], None]


@dataclass(frozen=True)
class Made:
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


def load(name: str) -> Density:
    """Return the density of that name; ValueError says what there is, or how to get what has to be trained first.

    Learned ones come with the weight normalisation applied: the same function, fewer operations. The grammar of
    degraded ones is in ``models.degradations``. The same name gives the same object.
    """
    if absent := missing(name):
        how = f"python -m models.zoo {shlex.quote(name)}"
        raise ValueError(f"density {name!r} has to be trained first ({absent[0].iterations} iterations): {how}")
    return _make(name, _stamps(_take_apart(name)))


def ensure(name: str, *, report: Report | None = None) -> Density:
    """Train what ``load`` lacks for this name, then load it. An interrupted training goes on where it was.

    ``report(step, losses)`` is called after every chunk of iterations.
    """
    for recipe in missing(name):
        steps = [step for step in SNAPSHOTS if step < recipe.iterations]
        snapshots = {step: trained_path(replace(recipe, iterations=step)) for step in steps}
        command = f"python -m models.zoo {shlex.quote(name)}"
        train(recipe, trained_path(recipe), snapshots=snapshots, command=command, report=report)
    return load(name)


def ensure_many(names: Iterable[str], *, report: Callable[[int, int], None] | None = None) -> None:
    """Train what all these names lack, many networks in one program; interrupted, it goes on where it was.

    ``report(done, total)`` is called in iterations, summed over networks. ValueError names what diverged; the rest
    is kept.
    """
    train_many([recipe for name in names for recipe in missing(name)], command="python -m models.zoo", report=report)


def name_of(recipe: Recipe) -> str | None:
    """A name that gives the network of a recipe; None where no name says all of it."""
    spec, usual = recipe.spec, Recipe()
    name = f"{spec.classes}{spec.width}@{recipe.iterations}#{recipe.seed}"
    changes = {"depth": spec.depth, "trained_dropout": recipe.dropout, "learning_rate": recipe.learning_rate}
    plain = {"depth": usual.spec.depth, "trained_dropout": usual.dropout, "learning_rate": usual.learning_rate}
    parts = [f"{kind}={value!r}" for kind, value in changes.items() if value != plain[kind]]
    parts += [f"data_seed={recipe.data_seed}"] * (recipe.data_seed is not None)
    name = "~".join([name, *parts, *([recipe.data] if recipe.data else [])])
    return name if _take_apart(name).recipe == recipe else None


def identity(name: str) -> Any:
    """What a density is, whatever its name: how it is made, or the SHA-256 of a file that came from elsewhere.

    Of JSON's types, for the addresses of results. Networks that are trained by a recipe are the recipe.
    """
    made = _take_apart(name)
    steps = [str(step) for step in (*(filter(None, [made.fitted])), *made.steps)]
    if made.parts:
        return {"parts": [identity(part) for part in made.parts], "steps": steps}
    if made.path is None:
        return {"exact": str(made.base), "steps": steps}
    if made.recipe and (made.changes or made.base.network):
        return {"recipe": asdict(made.recipe), "steps": steps}
    if not made.path.is_file():
        raise ValueError(f"checkpoint {str(made.path)!r} does not exist")
    return {"file": hashlib.sha256(made.path.read_bytes()).hexdigest(), "steps": steps}


def missing(name: str) -> list[Recipe]:
    """What has to be trained before the name can be loaded, each to be kept at its ``trained_path``; [] for most.

    Trains and loads nothing. ValueError, one sentence, where the name is not legal.
    """
    made = _take_apart(name)
    if made.parts:
        return [recipe for part in made.parts for recipe in missing(part)]
    if made.recipe is None or made.path != trained_path(made.recipe) or made.path.is_file():
        return []
    return [made.recipe]


def paths(name: str) -> list[Path]:
    """The files that the density of a legal name is read from."""
    made = _take_apart(name)
    if made.parts:
        return [path for part in made.parts for path in paths(part)]
    stored = _snapshots(made) if any("snapshots" in step.entry.inputs for step in made.steps) else {}
    return list(dict.fromkeys(filter(None, [made.path, *stored.values()])))


def trained_path(recipe: Recipe) -> Path:
    """The file of a network that is trained on demand: one for each recipe, in the folder of what the user kept."""
    spec, changes = recipe.spec, f"~{recipe.data}" if recipe.data else ""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()[:12]
    name = f"{spec.classes}{spec.width}@{recipe.iterations}{changes}~{digest}.safetensors"
    return kept_path("any").parent / "trained" / name


def check(name: str) -> None:
    """ValueError unless the name is a density, trained or not, and no file's path: for names from elsewhere.

    What a name is fitted to is checked, the fit itself is left to ``load``.
    """
    made = _take_apart(name)
    if made.base.is_file:
        raise ValueError(f"unknown density {name!r}; have: {_nearest(name)}")
    for part in made.parts:
        check(part)
    if not made.parts and not missing(name):
        load(name)


def examples() -> list[str]:
    """One name for each kind of degraded density, with its default values: for help texts."""
    found = [f"{kind}:A64@4096,AB64@4096" for kind in FITTED]
    for kind, entry in DEGRADATIONS.items():
        base = "A64@4096" if {"net", "snapshots", "spec", "recipe"}.intersection(entry.inputs) else "exact:A"
        found.append(f"{base}~{kind}={next(iter(entry.knobs.values())).default:g}")
    return found


def _take_apart(name: str) -> Made:
    """How the name leads to a density; ValueError where it cannot."""
    parsed = Name.parse(name)
    base, fitted, steps = Name(parsed.base), parsed.fit, parsed.steps
    if fitted:
        made = Made(base, (), steps, fitted, parts=_parts(base, fitted))
    elif base.distribution is not None:
        if base.distribution not in fractal.CLASSES:
            have = ", ".join(f"exact:{c}" for c in fractal.CLASSES)
            raise ValueError(f"unknown density {str(base)!r}; have: {have}")
        made = Made(base, (), steps)
    else:
        changes = tuple(takewhile(lambda step: step.trains, steps))
        made = _network_of(base, changes, steps[len(changes) :])
    before = "~".join(map(str, (base, *made.changes)))
    degradations.check_order(before, made.steps, network=made.path is not None)
    if any("snapshots" in step.entry.inputs for step in made.steps) and len(_snapshots(made)) < 2:
        raise ValueError(f"{made.steps[0].kind} needs at least two stored snapshots, and {str(base)!r} has only itself")
    return made


def _parts(base: Name, fitted: Step) -> tuple[str, ...]:
    """The names that play the roles of a fitted density."""
    roles = fitted.entry.roles
    if len(base.parts) != len(roles) or any(part.fitted for part in base.parts):
        form = ",".join(role.upper() for role in roles)
        raise ValueError(f"density {str(base)!r} is not {fitted.kind}:{form}, each of them exact or a network")
    return tuple(map(str, base.parts))


def _network_of(base: Name, changes: tuple[Step, ...], steps: tuple[Step, ...]) -> Made:
    """Where the network of a base is, as it is or trained with changes; its recipe where that is needed."""
    if said := base.network:
        label = f"{said.classes}{said.width}" + ("" if said.seed is None else f"#{said.seed}")
        plain = Recipe(Spec(said.classes, said.width), seed=said.seed or 0)
        recipe = replace(SHIPPED.get(label, plain), iterations=said.iterations)
        path = WEIGHTS / f"{base}.safetensors"
        if not changes:
            return Made(base, (), steps, path=path if path.is_file() else _file_of(recipe), recipe=recipe)
    else:
        if base.kept and str(base) in kept():
            path = kept_path(base.kept)
        elif base.is_file:
            path = Path(str(base))
        else:
            raise ValueError(f"unknown density {str(base)!r}; have: {_nearest(str(base))}, or a .safetensors file")
        if not changes and not any("snapshots" in step.entry.inputs for step in steps):
            return Made(base, (), steps, path=path)
        header = checkpoint.describe(path).header
        recipe = checkpoint.recipe_of(header, path)
        recipe = replace(recipe, iterations=int(header.get("step") or recipe.iterations))
        if not changes:
            return Made(base, (), steps, path=path, recipe=recipe)
    for step in changes:
        if "spec" in step.entry.inputs:
            recipe = replace(recipe, spec=step(spec=recipe.spec))
        elif "recipe" in step.entry.inputs:
            recipe = replace(recipe, **step(recipe=asdict(recipe)))
        elif not step.neutral:
            recipe = replace(recipe, data="~".join(filter(None, (recipe.data, str(step)))))
    return Made(base, changes, steps, path=_file_of(recipe), recipe=recipe)


def _file_of(recipe: Recipe) -> Path:
    """Where the network of a recipe is: shipped, or trained on demand."""
    for label, shipped in SHIPPED.items():
        path = snapshot(label, recipe.iterations)
        if replace(shipped, iterations=recipe.iterations) == recipe and path.is_file():
            return path
    return trained_path(recipe)


def _snapshots(made: Made) -> dict[int, Path]:
    """The stored averages on the way to a network and its own, by iteration; before its training those to come."""
    assert made.recipe is not None
    assert made.path is not None
    end = made.recipe.iterations
    found = {step: _file_of(replace(made.recipe, iterations=step)) for step in SNAPSHOTS if step < end}
    if made.path.is_file():
        found = {step: path for step, path in found.items() if path.is_file()}
    return {**found, end: made.path}


def _stamps(made: Made) -> tuple:
    """What changes when a file that the density is made of is written again."""
    return (*(_stamps(_take_apart(part)) for part in made.parts), made.path and _stamp(made.path))


def _stamp(path: Path) -> tuple[int, int] | None:
    now = path.stat() if path.is_file() else None
    return now and (now.st_mtime_ns, now.st_ino)


@lru_cache(maxsize=96)
def _make(name: str, _: tuple) -> Density:
    """The density of a name whose files are there."""
    made = _take_apart(name)
    density: Density
    if made.fitted:
        parts = dict(zip(made.fitted.entry.roles, map(load, made.parts), strict=True))
        every = fractal.mixture(classes_of(name))
        x = every.sample(jax.random.key(made.fitted.seed), degradations.DRAWS, degradations.START)
        density = made.fitted(x=x, **parts)
    elif made.path is None:
        density = fractal.mixture(made.base.distribution)
    else:
        density = _network(made.path)
    for step in made.steps:
        given: dict[str, Any] = dict.fromkeys(("density", "net", "data"), density)
        if "snapshots" in step.entry.inputs:
            given["snapshots"] = {at: checkpoint.load(path) for at, path in _snapshots(made).items()}
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
    made = _take_apart(name)
    if made.parts:
        return classes_of(made.parts[-1])
    if made.base.distribution is not None:
        return made.base.distribution
    assert made.path is not None
    return made.recipe.spec.classes if made.recipe else _network(made.path).classes


def cast(roles: Iterable[tuple[str, str]]) -> dict[str, Density]:
    """Load the density of each (role, name)."""
    return {role: load(name) for role, name in roles}


def probe(name: str, sigma: float, points: np.ndarray, *, normalise: bool = False) -> list[dict[str, Any]]:
    """Log-density and score at ``points`` [n, 2], one dictionary a point.

    Exact densities are evaluated in double precision, unless they are degraded. A learned log p is right up to a
    constant per sigma; with ``normalise`` the constant is found by quadrature and its relative error is given.
    """
    facts: dict[str, Any] = {"density": name, "sigma": sigma}
    made = _take_apart(name)
    if name == str(made.base) and made.base.distribution is not None:
        with jax.enable_x64(True):
            density: Density = fractal.mixture.__wrapped__(made.base.distribution)
            logp, score = (np.asarray(f(jnp.asarray(points), sigma)) for f in (density.logp, density.score))
    else:
        density, x = load(name), jnp.asarray(points, jnp.float32)
        logp, score = np.asarray(density.logp(x, jnp.float32(sigma))), np.asarray(density.score(x, jnp.float32(sigma)))
        learned = made.path is not None
        if learned:
            facts["up_to_constant"] = not normalise
        if learned and normalise:
            log_z, error = log_mass(density, sigma)
            logp, facts["normalisation_error"] = logp - log_z, error
    rows = zip(points.tolist(), logp.tolist(), score.tolist(), strict=True)
    return [{"x": x, "y": y, "logp": value, "score": s, **facts} for (x, y), value, s in rows]


def train(
    recipe: Recipe,
    out: str | Path,
    *,
    snapshots: Mapping[int, Path] | None = None,
    command: str = "",
    report: Report | None = None,
) -> Path:
    """Train to the end and write the averaged network to ``out``; ``snapshots`` says where earlier ones go, by step.

    The state is kept beside ``out`` until the end, so that an interrupted training goes on from its last snapshot
    and gives what an uninterrupted one gives. ``report(step, losses)`` is called after every chunk.
    """
    out = Path(out)
    check_writable(out, _resume(out))
    state = _interrupted(recipe, out)
    if state is not None and report:
        report(int(state.step), np.zeros(0))
    snapshots = snapshots or {}
    for now, losses in training.train(recipe, state):
        step = int(now.step)
        values = np.asarray(losses)
        if not np.isfinite(values).all():
            raise ValueError(f"training diverged before iteration {step}: the loss is not finite")
        facts = {"step": step, "loss": float(values[-64:].mean()), "command": command}
        if step in snapshots:
            checkpoint.save(snapshots[step], now.ema, recipe, **facts)
        if step == recipe.iterations:
            checkpoint.save(out, now.ema, recipe, **facts)
        else:
            checkpoint.save(_resume(out), now, recipe, **facts)
        if report:
            report(step, values)
    _resume(out).unlink(missing_ok=True)
    return out


def _resume(out: Path) -> Path:
    """Where the state of a training is kept until its end."""
    return out.with_name(f".{out.name}.state")


def _interrupted(recipe: Recipe, out: Path) -> training.State | None:
    """The state that an interrupted training left."""
    try:
        return checkpoint.load_state(_resume(out), recipe) if _resume(out).exists() else None
    except checkpoint.CheckpointError:
        _resume(out).unlink()  # of another recipe, or damaged: training starts afresh
        return None


def train_many(
    recipes: Iterable[Recipe], *, command: str = "", report: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Train many networks, as few programs as possible, each to its ``trained_path``; returns where all are.

    What is there already, or shipped, is left as it is. Recipes that differ in their length alone are one training; its
    usual snapshots are kept too. ``report(done, total)`` and ValueError as in ``ensure_many``.
    """
    recipes = list(dict.fromkeys(recipes))
    together = ensemble.runs([recipe for recipe in recipes if not _file_of(recipe).is_file()])
    check_writable(*(path for run in together for path in (trained_path(run), _resume(trained_path(run)))))
    states = {run: state for run in together if (state := _interrupted(run, trained_path(run))) is not None}
    done = {run: int(states[run].step) if run in states else 0 for run in together}
    total, diverged = sum(run.iterations for run in together), []
    if report and together:
        report(sum(done.values()), total)
    stops = {recipe.iterations for recipe in recipes}
    for now in (now for at in ensemble.train(list(together), states, stops=stops) for now in at):
        run, step, out = now.recipe, int(now.state.step), trained_path(now.recipe)
        done[run] = step
        if report:
            report(sum(done.values()), total)
        if run in diverged:
            continue
        if not np.isfinite(now.losses).all():
            diverged.append(run)
            continue
        facts = {"step": step, "loss": float(now.losses[-64:].mean()), "command": command}
        if step in {*SNAPSHOTS, *(recipe.iterations for recipe in together[run])}:
            at = replace(run, iterations=step)
            checkpoint.save(trained_path(at), now.state.ema, at, **facts)
        if step < run.iterations:
            checkpoint.save(_resume(out), now.state, run, **facts)
        else:
            _resume(out).unlink(missing_ok=True)
    if diverged:
        which = ", ".join(trained_path(run).stem for run in diverged)
        raise ValueError(f"{len(diverged)} of {len(together)} trainings diverged: {which}")
    return [_file_of(recipe) for recipe in recipes]
