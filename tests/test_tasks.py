"""Long work: turns, trainings, tasks and trials."""

import threading
from contextlib import ExitStack
from itertools import count
from types import SimpleNamespace

import pytest
from ui_helpers import Blocked, Clock, until

from models import zoo
from models.mlp import Spec
from models.training import Recipe
from toy import compare
from toy.names import Name
from toy.ui import casting
from toy.ui import compare as comparing
from toy.ui import trainer as trainers
from toy.ui.engine import Engine
from toy.ui.tasks import Tasks
from toy.ui.trainer import Turns


@pytest.mark.parametrize("places", [1, 2])
def test_turns_are_given_in_order(places):
    turns, order, asked = Turns(places), [], []
    turns._tickets = (asked.append(i) or i for i in count())
    inside, most = [], []

    def work(name):
        for _ in range(2):
            with turns:
                order.append(name)
                inside.append(name)
                most.append(len(inside))
                inside.remove(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    with ExitStack() as taken:
        for _ in range(places):
            taken.enter_context(turns)
        for i, thread in enumerate(threads, places + 1):
            thread.start()
            until(lambda i=i: len(asked) == i)
        assert not order, "every place is taken"
    for thread in threads:
        thread.join(60)
    if places == 1:
        assert order[:3] == ["a", "b", "c"], "nobody twice while others wait"
    assert sorted(order) == sorted("aabbcc")
    assert max(most) <= places


def test_as_many_are_in_at_once_as_there_are_places():
    turns, together = Turns(2), threading.Barrier(2)

    def work():
        with turns:
            together.wait(60)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not together.broken


def test_a_training_that_nobody_asks_for_any_more_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    monkeypatch.setitem(zoo.SHIPPED, "A8", Recipe(Spec("A", 8, 1), batch=64))
    monkeypatch.setattr(trainers, "time", clock := Clock())
    found = trainers.Trainer(Engine())
    run = found.need("A8@8192~depth=1")
    assert found.need("A8@8192~depth=1") is run
    assert found.need("A64@4096") is None
    clock.now += trainers.PATIENCE + 1
    until(lambda: run.status == "stopped")
    again = found.need("A8@8192~depth=1")
    assert again is not run
    monkeypatch.setattr(trainers, "DEMANDED", 1)
    with pytest.raises(trainers.Crowded, match="A9@64"):
        found.need("A9@64")
    found.close()


def test_a_training_whose_program_is_compiled_holds_no_other_up(monkeypatch):
    compiled = threading.Event()

    def train(recipe, every):
        for step in (16, 32):
            if recipe.spec.width == 9:
                assert compiled.wait(60)
            yield SimpleNamespace(step=step, ema=None), [0.0]

    monkeypatch.setattr(trainers.training, "train", train)
    found = trainers.Trainer(Engine())
    slow, quick = (found.start(Recipe(Spec("A", width))) for width in (9, 8))
    until(lambda: quick.ended)
    assert (slow.status, slow.step) == ("running", 0)
    compiled.set()
    until(lambda: slow.ended)
    assert (slow.step, quick.step) == (32, 32)
    found.close()


def test_a_task_tells_how_far_it_is_and_is_done_once():
    found, gate = Tasks(Engine()), threading.Event()

    def work(report):
        report("half", 0.5)
        gate.wait(60)
        return 7

    task = found.ask("key", work)
    until(lambda: task.share == 0.5)
    assert found.ask("key", lambda report: pytest.fail("twice")) is task
    gate.set()
    assert task.future.result(60) == 7
    bad = found.ask("bad", lambda report: (_ for _ in ()).throw(ValueError("no")))
    assert str(bad.future.exception(60)) == "no"
    assert found.ask("bad", lambda report: 8).future.result(60) == 8


def test_trials_come_one_at_a_time_and_a_failed_one_is_said(monkeypatch):
    wanted = compare.points(compare.chosen("none,cfg"), (1.0, 2.0), n=512, seeds=2, scores="exact")
    asked = []

    def measured(trial):
        asked.append(trial)
        if trial.strength == 2:
            raise ValueError("it diverged")
        return [{"trial": trial.key}]

    monkeypatch.setattr(comparing, "measure", measured)
    monkeypatch.setattr(comparing.metrics, "floor", lambda *_: {"outliers": 0.01})
    blocked, found = Blocked(), comparing.Table()
    assert found.advance(blocked.engine, wanted, 0.01) == wanted[0]
    assert not asked
    blocked.go()
    until(lambda: found.advance(blocked.engine, wanted, 1.0) is None)
    assert asked == wanted
    assert list(found.rows) == [trial.key for trial in wanted[:2]]
    assert found.failures == {wanted[2].key: "it diverged"}


@pytest.mark.parametrize(
    ("name", "exact"),
    [("A64@4096", "exact:A"), ("AB32@512~dropout=0.1", "exact:AB"), ("exact:B~blur=0.1", "exact:B"),
     ("dns:A64@4096,AB64@4096~w=3", "dns:exact:A,exact:AB"), ("B8@64~depth=1", "exact:B")],
)  # fmt: skip
def test_every_density_has_an_exact_one(name, exact):
    assert casting.exact(name) == exact
    assert Name.parse(exact).is_exact
    assert not Name.parse(name).is_exact
