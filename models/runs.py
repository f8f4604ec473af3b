"""Trainings to the end, of one network or of many at once: kept as they go, and gone on with when interrupted."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from models import checkpoint, ensemble, stored, training
from models.stored import file_of, trained_path
from models.training import Recipe
from toy.files import check_writable
from toy.progress import Progress, Report


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
    and gives what an uninterrupted one gives. It is reported after every chunk of iterations.
    """
    out = Path(out)
    stage = f"training {recipe.spec.classes}{recipe.spec.width}@{recipe.iterations}"
    tell = report or (lambda now: None)
    check_writable(out, _resume(out))
    state = _interrupted(recipe, out)
    tell(Progress(stage, 0 if state is None else int(state.step), recipe.iterations))
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
        tell(Progress(stage, step, recipe.iterations, note=f"loss {values.mean():.4f}"))
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


def train_many(recipes: Iterable[Recipe], *, command: str = "", report: Report | None = None) -> list[Path]:
    """Train many networks, as few programs as possible, each to its ``trained_path``; returns where all are.

    What is there already, or shipped, is left as it is. Recipes that differ in their length alone are one training; its
    usual snapshots are kept too. What is reported is in iterations, summed over networks. ValueError names what
    diverged; the rest is kept.
    """
    recipes = list(dict.fromkeys(recipes))
    together = ensemble.runs([recipe for recipe in recipes if not file_of(recipe).is_file()])
    check_writable(*(path for run in together for path in (trained_path(run), _resume(trained_path(run)))))
    states = {run: state for run in together if (state := _interrupted(run, trained_path(run))) is not None}
    done = {run: int(states[run].step) if run in states else 0 for run in together}
    total, diverged = sum(run.iterations for run in together), []
    tell = report or (lambda now: None)
    if together:
        tell(Progress("training", sum(done.values()), total))
    stops = {recipe.iterations for recipe in recipes}
    for now in (now for at in ensemble.train(list(together), states, stops=stops) for now in at):
        run, step, out = now.recipe, int(now.state.step), trained_path(now.recipe)
        done[run] = step
        tell(Progress("training", sum(done.values()), total))
        if run in diverged:
            continue
        if not np.isfinite(now.losses).all():
            diverged.append(run)
            continue
        facts = {"step": step, "loss": float(now.losses[-64:].mean()), "command": command}
        if step in {*stored.SNAPSHOTS, *(recipe.iterations for recipe in together[run])}:
            at = replace(run, iterations=step)
            checkpoint.save(trained_path(at), now.state.ema, at, **facts)
        if step < run.iterations:
            checkpoint.save(_resume(out), now.state, run, **facts)
        else:
            _resume(out).unlink(missing_ok=True)
    if diverged:
        which = ", ".join(trained_path(run).stem for run in diverged)
        raise ValueError(f"{len(diverged)} of {len(together)} trainings diverged: {which}")
    return [file_of(recipe) for recipe in recipes]
