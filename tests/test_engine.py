"""The engine: one computation for all who ask, the most urgent first, and nothing that nobody waits for."""

import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from ui_helpers import Blocked, Clock, Gate, until

from toy.ui import engine as engines
from toy.ui.engine import BACKGROUND, FULL, PREVIEW, Busy, Engine, Work
from toy.ui.live import collected, patience


class Weighed:
    """A result of so many bytes."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


def test_the_same_key_is_computed_once():
    blocked, calls = Blocked(), []
    futures = [blocked.engine.submit("key", lambda: calls.append(1) or "done") for _ in range(5)]
    blocked.go()
    assert [future.result(60) for future in futures] == ["done"] * 5
    assert blocked.engine.get("key", lambda: pytest.fail("computed again")) == "done"
    assert calls == [1]


def test_many_visitors_share_one_computation():
    found, calls, answers = Engine(), [], []

    def visit():
        answers.append(found.get("key", lambda: calls.append(1) or len(calls), wait=60))

    threads = [threading.Thread(target=visit) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [1] * 16


def test_the_most_urgent_goes_first():
    blocked, order = Blocked(), []
    for name, priority in (("a", BACKGROUND), ("b", FULL), ("c", PREVIEW), ("d", FULL), ("e", PREVIEW)):
        last = blocked.engine.submit(name, lambda name=name: order.append(name), priority=priority)
    end = blocked.engine.submit("end", lambda: None, priority=BACKGROUND + 1)
    blocked.go()
    end.result(60)
    assert last.done()
    assert order == ["c", "e", "b", "d", "a"]


def test_what_waits_in_the_background_goes_first_once_it_is_asked_for():
    blocked, order = Blocked(), []

    def work(name):
        return lambda: order.append(name) or name

    later = blocked.engine.submit("later", work("later"), priority=BACKGROUND)
    blocked.engine.submit("full", work("full"), priority=FULL)
    assert blocked.engine.submit("later", work("twice"), priority=PREVIEW) is later
    blocked.engine.submit("preview", work("preview"), priority=PREVIEW)
    # Less urgent than it is already: it stays where it is.
    blocked.engine.submit("preview", work("twice"), priority=BACKGROUND)
    end = blocked.engine.submit("end", lambda: None, priority=BACKGROUND + 1)
    blocked.go()
    end.result(60)
    assert order == ["later", "preview", "full"]
    assert blocked.engine.idle.wait(60)


def test_a_promoted_job_that_was_dropped_is_not_done_for_its_second_place():
    blocked, order = Blocked(), []
    for priority in (BACKGROUND, PREVIEW):
        with pytest.raises(Busy):
            blocked.engine.get("left", lambda: order.append("left"), priority=priority, wait=0.01)
    end = blocked.engine.submit("end", lambda: None, priority=BACKGROUND + 1)
    blocked.go()
    end.result(60)
    assert order == []
    assert blocked.engine.get("left", lambda: 7, wait=60) == 7


def test_a_full_queue_is_said(monkeypatch):
    monkeypatch.setattr(engines, "QUEUE_LIMIT", 3)
    blocked = Blocked()
    waiting = [blocked.engine.submit(k, lambda: None) for k in range(2)]
    with pytest.raises(Busy):
        blocked.engine.submit("one more", lambda: None)
    # What is awaited already does not count twice.
    assert blocked.engine.submit(0, lambda: None) is waiting[0]
    blocked.go()
    for future in waiting:
        future.result(60)
    assert blocked.engine.get("one more", lambda: 7, wait=60) == 7


def test_work_under_way_goes_on_when_its_visitor_gave_up():
    found, begun, gate = Engine(), threading.Event(), threading.Event()

    def slow():
        begun.set()
        return gate.wait(60) and 42

    while not begun.is_set():  # what was given up before it began was dropped
        with pytest.raises(Busy):
            found.get("slow", slow, wait=0.01)
    gate.set()
    assert found.get("slow", lambda: pytest.fail("computed again"), wait=60) == 42


def test_work_that_nobody_waits_for_is_dropped():
    blocked, calls = Blocked(), []
    with pytest.raises(Busy):
        blocked.engine.get("left", lambda: calls.append("left"), wait=0.01)
    kept = blocked.engine.submit("kept", lambda: calls.append("kept"))
    blocked.go()
    kept.result(60)
    assert calls == ["kept"]
    assert blocked.engine.get("left", lambda: 7, wait=60) == 7
    assert blocked.engine.idle.wait(60)


def test_what_is_leased_is_dropped_when_nobody_asks_again(monkeypatch):
    blocked, calls, clock = Blocked(), [], Clock()
    monkeypatch.setattr(engines, "time", clock)
    left = blocked.engine.lease("left", lambda: calls.append("left"), seconds=6)
    kept = blocked.engine.lease("kept", lambda: calls.append("kept") or 7, seconds=6)
    assert blocked.engine.lease("kept", lambda: pytest.fail("twice"), seconds=60) is kept
    clock.now += 7
    blocked.go()
    assert kept.result(60) == 7
    until(left.cancelled)
    assert calls == ["kept"]
    assert blocked.engine.lease("left", lambda: 8).result(60) == 8


def test_a_failure_is_its_visitors_alone():
    found = Engine()
    with pytest.raises(ValueError, match="no such density"):
        found.get("bad", lambda: (_ for _ in ()).throw(ValueError("no such density")), wait=60)
    assert found.get("good", lambda: 1, wait=60) == 1
    assert found.get("bad", lambda: 2, wait=60) == 2


@pytest.mark.parametrize(
    "held", [lambda a: a, lambda a: a.tobytes(), lambda a: {"own": {"logp": (a, 0.0, 1.0)}}, lambda a: [{"a": a}, {}]]
)
def test_a_result_weighs_what_its_arrays_do(monkeypatch, held):
    monkeypatch.setattr(engines, "CACHE_BYTES", 10**6)
    found, computed = Engine(), []
    for key in (0, 1, 2, 2, 0):
        found.get(key, lambda key=key: computed.append(key) or held(np.zeros(400_000, np.uint8)), wait=60)
    assert computed == [0, 1, 2, 0]


def test_the_cache_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(engines, "CACHE_BYTES", 1000)
    found = Engine()
    computed = []

    def ask(key, size):
        return found.get(key, lambda: computed.append(key) or Weighed(size), wait=60)

    for key in range(5):
        ask(key, 300)
    ask(4, 300)
    ask(3, 300)
    assert computed == [0, 1, 2, 3, 4]
    ask(0, 300)
    assert computed == [0, 1, 2, 3, 4, 0]
    # Larger than all of it: handed over, and the others stay.
    assert ask("huge", 5000).nbytes == 5000
    ask(0, 300)
    ask("huge", 5000)
    assert computed == [0, 1, 2, 3, 4, 0, "huge", "huge"]


def test_ready_comes_after_the_warm_up_and_a_failed_one_is_told():
    gate = threading.Event()
    found = Engine(lambda: gate.wait(60) and None)
    assert not found.ready.is_set()
    gate.set()
    assert found.ready.wait(60)

    failed = Engine(lambda: (_ for _ in ()).throw(RuntimeError("no JAX")))
    until(lambda: failed.failure)
    assert "no JAX" in failed.failure
    assert not failed.ready.is_set()
    with pytest.raises(Busy):
        failed.get("key", lambda: 1, wait=0.01)


# --- Workers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def lanes(monkeypatch):
    """An engine with program "known" compiled, whose slow worker is held inside a compilation; no lease runs out."""
    monkeypatch.setattr(engines, "time", Clock())
    found, gate = Engine(), Gate()
    (first,) = found.ask("somebody", [Work("first", lambda: None, "known")])
    first.result(60)
    found.ask("somebody", [Work("endless", gate, "new", "CADS")], seconds=60)
    assert gate.held.wait(60)
    yield found, gate
    gate.open.set()
    found.close()


def test_what_is_compiled_overtakes_an_endless_compilation(lanes):
    found, gate = lanes
    (future,) = found.ask("another", [Work("quick", lambda: "answer", "known")])
    assert future.result(60) == "answer"
    assert not gate.open.is_set()


def test_two_that_are_compiled_are_computed_at_once(lanes):
    found, _ = lanes
    gates = [Gate(), Gate()]
    futures = [found.ask(number, [Work(gate, gate, "known")])[0] for number, gate in enumerate(gates)]
    assert all(gate.held.wait(60) for gate in gates)
    for gate in gates:
        gate.open.set()
    assert [future.result(60) for future in futures] == ["done"] * 2


def test_what_sixty_wait_for_is_done_before_they_are_taken_to_have_left():
    crowded, memory = SimpleNamespace(waiting=60), {}
    _, waits = (patience(crowded, memory, "asked", "w", live=False) for _ in range(2))
    assert 1.5 * waits < engines.ASKED  # and the viewer asks again after a second or two


def test_a_compilation_waits_for_another_and_for_nothing_else(lanes):
    found, _ = lanes
    (next_,) = found.ask("another", [Work("next", str, "other")])
    for number, work in enumerate(
        [Work("quick", str, "known"), Work("plain", str), Work("h", str, "known", heavy=True)]
    ):
        (future,) = found.ask(number, [work])
        assert future.result(60) == ""
    assert not next_.done()


@pytest.mark.parametrize("work", [{}, {"program": "known", "heavy": True}, {"program": "other", "heavy": True}])
def test_what_may_take_long_never_stands_in_the_way_of_what_does_not(work):
    found, gate = Engine(), Gate()
    found.ask("somebody", [Work("long", gate, **work)], seconds=60)
    assert gate.held.wait(60)
    for program in ("known", "known", "new"):
        (future,) = found.ask("another", [Work(object(), lambda: "answer", program)])
        assert future.result(60) == "answer"
    assert not gate.open.is_set()
    gate.open.set()
    found.close()


def test_what_waits_for_a_compilation_is_quick_once_it_is_there(lanes):
    found, gate = lanes
    same = found.ask("another", [Work("same", lambda: "same", "new")])[0]
    later = Gate()
    found.ask("a third", [Work("later", later, "newer")], seconds=60)
    gate.open.set()
    assert later.held.wait(60)  # the slow worker went on to the next program
    assert same.result(60) == "same"
    later.open.set()


def test_a_failed_compilation_leaves_its_program_to_be_compiled():
    found = Engine()
    (failed,) = found.ask("a", [Work("bad", lambda: 1 / 0, "new")])
    with pytest.raises(ZeroDivisionError):
        failed.result(60)
    gate = Gate()
    found.ask("a", [Work("again", gate, "new")], seconds=60)
    assert gate.held.wait(60)
    (quick,) = found.ask("b", [Work("light", lambda: None, "new")])
    assert found.words(Work("light", str, "new"), besides=()).startswith("waiting behind 1 other")
    gate.open.set()
    quick.result(60)
    found.close()


def test_the_words_say_what_is_waited_for(lanes):
    found, _ = lanes
    endless = Work("endless", str, "new", "CADS")
    assert found.words(endless) == "compiling CADS: its first use takes some seconds"
    mine = [Work("left", str, "one", "APG"), Work("right", str, "two", "DNG")]
    found.ask("me", mine, seconds=60)
    # One's own two sides are not others.
    assert [found.words(work, besides=mine) for work in mine] == ["waiting behind 1 other computation"] * 2
    assert found.words(mine[1]) == "waiting behind 2 other computations"
    assert found.words(Work("gone", str)) == "computing"


def test_who_asks_for_something_else_lets_go_of_what_he_asked_for(lanes):
    found, gate = lanes
    (old,) = found.ask("me", [Work("old", lambda: pytest.fail("nobody wants it"), "one")], seconds=600)
    (shared,) = found.ask("me", [Work("shared", lambda: "shared", "one")], seconds=600)
    found.ask("another", [Work("shared", lambda: "shared", "one")], seconds=600)
    (new,) = found.ask("me", [Work("new", lambda: "new", "one")], seconds=600)
    gate.open.set()
    assert (new.result(60), shared.result(60)) == ("new", "shared")
    assert old.cancelled()


def test_what_is_late_gets_words_and_what_cannot_be_a_sentence(lanes):
    found, _ = lanes

    def refuse() -> None:
        raise ValueError("there is no such density")

    works = {
        "there": Work("there", lambda: "result", "known"),
        "refused": Work("refused", refuse, "known"),
        "late": Work("endless", str, "new", "CADS"),
    }
    for future in found.ask("me", [works["there"], works["refused"]]):
        future.exception(60)
    seen: list[bool] = []
    results, late = collected(found, "me", {"there": works["there"]}, FULL, end=0)
    assert (results, late) == ({"there": "result"}, {})
    futures = found.ask("me", [works["refused"]])
    futures[0].exception(60)
    results, late = collected(found, "me", {"late": works["late"]}, FULL, end=0, pause=lambda: seen.append(True))
    assert (results, late) == ({}, {"late": "compiling CADS: its first use takes some seconds"})
    results, _ = collected(found, "me", {"refused": works["refused"]}, FULL, end=math.inf)
    assert results == {"refused": "there is no such density"}
    assert not seen


def test_a_visitor_who_waits_can_be_called_away(lanes):
    found, _ = lanes

    class CalledAway(Exception):
        pass

    def pause() -> None:
        raise CalledAway

    with pytest.raises(CalledAway):
        collected(found, "me", {"late": Work("endless", str, "new")}, FULL, end=math.inf, pause=pause)


def test_the_first_asking_is_answered_soon_and_the_next_may_wait():
    memory: dict = {}
    found = Engine()
    first = patience(found, memory, "asked", "a", live=False)
    assert first <= 0.1 < patience(found, memory, "asked", "a", live=False)
    assert patience(found, memory, "asked", "b", live=False) == first
    assert patience(found, memory, "asked", "c", live=True) > first
    found.close()


def test_a_closed_engine_leaves_no_thread_behind():
    before = set(threading.enumerate())
    found = Engine(rehearsals=lambda: pytest.fail("closed before"))
    assert found.ready.wait(60)
    found.close()
    assert set(threading.enumerate()) <= before


def test_rehearsals_compile_and_are_done_once(monkeypatch):
    monkeypatch.setattr(engines, "REHEARSAL_DELAY", 0.0)
    calls = []
    works = [Work("one", lambda: calls.append(1), "program"), Work("two", lambda: calls.append(2), "other")]
    found = Engine(rehearsals=lambda: works)
    until(lambda: found._programs >= {"program", "other"})
    found.prepare([Work("three", lambda: calls.append(3), "program")])
    (end,) = found.ask("me", [Work("end", str, "a third")])
    end.result(10)
    assert sorted(calls) == [1, 2]
    found.close()
