"""Processes that measure the same claims share the work: no program compiled twice, nothing waited for in vain."""

import os
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from models import runs
from models.mlp import Spec
from models.training import Recipe
from toy.lab import claims, run
from toy.lab.claims import Lab, claim
from toy.lab.laboratory import Record, Size
from toy.lab.store import Owner, Result, Store, at_work

TINY = Size("tiny", n=256, trainings=2, draws=2, steps=8, small=True)


@dataclass(frozen=True)
class Fake:
    """A trial of a program."""

    program: tuple[str, ...]
    work: int = 1


def test_programs_that_another_process_is_at_come_last(tmp_path: Path) -> None:
    wanted = {f"{name}{i}": Fake((name,)) for name in "ABC" for i in range(3)}
    with closing(Store(tmp_path / "store")) as store:
        one, other = (run.Pending(store, Owner.here(), wanted, most=1) for _ in range(2))
        first = one.take(False, ())
        taken = [other.take(False, ()) for _ in range(8)]
        assert list(first.trials) == ["A0"]
        assert [next(iter(batch.trials)) for batch in taken] == ["B0", "B1", "B2", "C0", "C1", "C2", "A1", "A2"]
        assert other.take(False, ()) is None
        assert [address for address, _ in other.held] == ["A0"]
        store.add([Result("A0", {}, {}, 0.0)], one.owner)
        assert other.again()
        assert other.take(False, ()) is None
        assert other.found == 1


def test_what_needs_no_training_is_measured_while_another_process_trains(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    recipe = Recipe(Spec("A", 8, 1), iterations=2, batch=16)

    @claim(source="here", within=1.0, exact=True)
    def exact(lab):
        """The truth is aligned."""
        return lab.measure("alignment") / 2

    @claim(source="here", within=1.0)
    def trained(lab):
        """Networks are networks."""
        return lab.measure("alignment", main=lab.trained(recipe)) / 2

    record = Record()
    record.plan(lambda: [item(Lab(TINY, exact=item.exact, record=record)) for item in (exact, trained)])
    seen = []
    with closing(Store(tmp_path / "store")) as store, at_work(store) as owner:
        other = Owner.here()
        trainings = run.by_program(record.recipes)
        assert store.lease(list(trainings), other)[0] == set(trainings)

        def ends(_: float) -> None:  # the other one, when there is nothing left to do but wait
            seen.append(len(store))
            runs.train_many(record.recipes)
            store.leave(other)

        monkeypatch.setattr(run.time, "sleep", ends)
        record.answer(record.planned, (store, owner))
        assert seen == [TINY.draws]
        assert len(store) == TINY.draws + TINY.trainings


def test_networks_of_another_program_are_trained_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    trained, told = [], []
    recipes = [Recipe(Spec("A", width, 1), iterations=4, batch=16, seed=seed) for width in (4, 8) for seed in range(2)]
    with closing(Store(tmp_path / "store")) as store, at_work(store) as owner:
        other, (first, second) = Owner.here(), run.by_program(recipes).items()
        store.lease([first[0]], other)

        def train_many(some, *, command, report):
            trained.append(list(some))
            runs_train_many(some, command=command, report=report)

        def ends(_: float) -> None:
            runs_train_many(first[1])
            store.leave(other)

        runs_train_many = runs.train_many
        monkeypatch.setattr(runs, "train_many", train_many)
        monkeypatch.setattr(run.time, "sleep", ends)
        run.train((), store, owner, told.append, recipes=recipes)
    assert trained == [second[1]]
    assert {now.total for now in told} == {16}
    assert (told[0].done, told[-1].done) == (0, 8)


@pytest.mark.slow
def test_a_helper_fills_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(claims, "FEW", 0)
    monkeypatch.setenv(run.ONE, "1")
    path, name = tmp_path / "store", "negative_prompting_leaves_the_data_unless_weighted"
    with closing(Store(path)) as store, claims.helped(path, [name], None, TINY, (), None):
        while store.empty:
            time.sleep(0.1)


@pytest.mark.parametrize(("count", "plugins", "platforms"), [(2, [], ""), (9, ["cuda"], ""), (9, ["cuda"], "cuda,cpu")])
def test_few_claims_and_those_on_a_device_are_measured_alone(tmp_path, monkeypatch, count, plugins, platforms):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(claims, "entry_points", lambda group: plugins)
    monkeypatch.setenv(run.ONE, "1")
    monkeypatch.setenv("JAX_PLATFORMS", platforms)
    monkeypatch.setattr(run, "helpers", None)  # which calling would not survive
    with claims.helped(tmp_path / "store", ["a"] * count, None, TINY, (), None):
        assert not list(tmp_path.iterdir())
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    with pytest.raises(TypeError), claims.helped(tmp_path / "store", ["a"] * 9, None, TINY, (), None):
        pass
