"""What the engine forgets where memory is short, and what it keeps."""

import threading

import pytest
from ui_helpers import Gate

from toy.ui import memory
from toy.ui.engine import Engine, Work


@pytest.fixture
def forgotten(monkeypatch):
    """How often compiled programs were forgotten; they are not, here."""
    calls: list[int] = []
    monkeypatch.setattr(memory, "_after", 0.0)
    monkeypatch.setattr(memory.jax, "clear_caches", lambda: calls.append(1))
    monkeypatch.setattr(memory.files, "maps_are_full", lambda: False)
    return calls


def test_programs_are_forgotten_above_the_limit_and_not_below(forgotten):
    assert not memory.spare(lambda: memory.LIMIT)
    assert not forgotten
    assert memory.spare(lambda: 1.01 * memory.LIMIT)
    assert len(forgotten) == 1


def test_a_server_that_needs_its_memory_does_not_compile_for_ever(forgotten):
    needed = 2 * memory.LIMIT
    assert memory.spare(lambda: needed)
    assert not memory.spare(lambda: needed)
    assert memory.spare(lambda: 1.2 * needed)
    assert len(forgotten) == 2


def test_a_failing_job_frees_memory_and_what_is_forgotten_is_compiled_again(monkeypatch):
    full = threading.Event()
    monkeypatch.setattr(memory, "spare", full.is_set)
    found = Engine()
    for future in found.ask("me", [Work("a", str, "program")]):
        future.result(60)
    full.set()
    (failed,) = found.ask("me", [Work("bad", lambda: 1 / 0, "other")])
    with pytest.raises(ZeroDivisionError):
        failed.result(60)
    full.clear()
    gate = Gate()
    (last,) = found.ask("me", [Work("gate", gate, "new")], seconds=60)
    assert gate.held.wait(60)
    work = Work("b", str, "program", "CADS")
    (later,) = found.ask("another", [work], seconds=60)
    assert found.words(work) == "waiting behind 1 other computation"  # no longer quick
    gate.open.set()
    later.result(60)
    last.result(60)
    found.close()
