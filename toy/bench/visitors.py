"""Benchmarks of many visitors at once, of one beside another's new methods, and of memory after many scenes."""

import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import islice, product

import numpy as np

from toy.bench.browser import Stage
from toy.bench.rows import Measured, benchmark
from toy.bench.server import Load, apart, beside, load, serving, tour

SCENES = 100


@cache
def _load(stage: Stage, sessions: int, told: bool = False) -> Load:
    """So many visitors for a minute, at a server of their own; where they are ``told``, their browsers compute."""
    with serving() as server:
        return apart(load(server, sessions, told=told))


def _met(found: Load) -> Measured:
    failed = found.lost or any(answer.error for answer in found.answers)
    return Measured([answer.seconds for answer in found.answers], found.note, fine=not failed)


@benchmark("thirty-visitors", "s", app=True, budget=4)
def thirty_visitors(stage: Stage) -> Measured:
    """From a change of w to the picture that was asked for, while thirty sessions change it once a second."""
    return _met(_load(stage, 30))


@benchmark("thirty-visitors-memory", "MB", app=True, budget=1500)
def thirty_visitors_memory(stage: Stage) -> Measured:
    """Peak memory of the server meanwhile."""
    return Measured([_load(stage, 30).peak])


@benchmark("thirty-visitors-after", "s", app=True, budget=1)
def thirty_visitors_after(stage: Stage) -> Measured:
    """An answer to one visitor alone, after the thirty have left; at most half as long again as before they came."""
    found = _load(stage, 30)
    before, after = (float(np.median(times)) for times in (found.before, found.after))
    return Measured(found.after, f"before: {before:.2f} s", fine=after <= 1.5 * before)


@benchmark("sixty-visitors", "s", app=True, budget=8)
def sixty_visitors(stage: Stage) -> Measured:
    """The same with sixty sessions."""
    return _met(_load(stage, 60))


@benchmark("thirty-visitors-told", "s", app=True, budget=0.2)
def thirty_visitors_told(stage: Stage) -> Measured:
    """The server's share of an answer that the browser computes: from a change of w to what that needs, with thirty."""
    return _met(_load(stage, 30, told=True))


@benchmark("sixty-visitors-told", "s", app=True, budget=0.2)
def sixty_visitors_told(stage: Stage) -> Measured:
    """The same with sixty sessions."""
    return _met(_load(stage, 60, told=True))


def _methods() -> Iterator[str]:
    """Queries that need a program of their own each."""
    from toy.guidance import RULES
    from toy.sampling import INTEGRATORS

    usual = ("none", "cfg", "autoguidance")
    rules = [name for name, rule in RULES.items() if name not in usual and rule.tilt]
    for integrator, steps, rule in product(INTEGRATORS, (32, 24, 40), [*rules, *usual]):
        yield f"left.rule={rule}&integrator={integrator}&steps={steps}&n=1024"


@benchmark("beside-compiling", "s", app=True, budget=1)
def beside_compiling(stage: Stage) -> Measured:
    """From a change of w to its picture, while another visitor's new methods are compiled for the first time."""
    with tempfile.TemporaryDirectory() as folder, serving(XDG_CACHE_HOME=folder) as server:
        found = apart(beside(server, islice(_methods(), 6)))
    longest = max(answer.seconds for answer in found.compiled)
    failed = any(answer.error for answer in (*found.answers, *found.compiled))
    note = f"{len(found.compiled)} methods were compiled, the longest in {longest:.1f} s"
    return Measured([answer.seconds for answer in found.answers], note, fine=not failed)


@benchmark("memory-scenes", "MB", app=True, budget=1200)
def memory_scenes(stage: Stage) -> Measured:
    """Memory of the server after a hundred different scenes."""
    with serving() as server:
        answers, peak = apart(tour(server, islice(_methods(), SCENES)))
        after = server.memory()
    failed = [answer.error for answer in answers if answer.error]
    return Measured([after], f"peak {peak:.0f} MB" + f"; {len(failed)} failed: {failed[:1]}" * bool(failed), not failed)
