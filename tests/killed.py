"""Begin each long work in a process of its own, which kills itself when a store has a result of it.

All are forked from this process, which has imported what they need and computed nothing.
"""

import json
import os
import signal
import sys
from collections.abc import Callable

from toy import docs, files
from toy.__main__ import main
from toy.lab import methods, store
from toy.metrics import METRICS
from toy.scene import Scene


def small_pages() -> None:
    """Two scenes and one page."""
    scene = Scene.of(main="exact:A", n=64, steps=8)
    every = [methods.Row(str(seed), scene.change(seed=seed), measures=tuple(METRICS)) for seed in range(4)]
    docs.references = lambda: every
    docs.FOLDERS = {"metrics": {"sw1": METRICS["sw1"]}}


def command(args: list[str]) -> Callable[[], None]:
    """``python -m toy`` with these arguments, or the pages' own program; its end is that of a process."""
    if args[0] == "docs":
        small_pages()
        return lambda: docs.main(args[1:])
    return lambda: main(args)


def killed_at(seen: Callable[[list[store.Result]], bool]) -> None:
    """Have this process killed as soon as a store has what is ``seen``."""
    add, all_added = store.Store.add, []

    def added(self: store.Store, results: list[store.Result], *given: object, **options: object) -> None:
        add(self, results, *given, **options)
        all_added.extend(results)
        if seen(all_added):
            os.kill(os.getpid(), signal.SIGKILL)

    store.Store.add = added


def begin(args: list[str]) -> None:
    """Until something is kept: a descent, of an optimum."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    killed_at(lambda results: args[0] != "optimise" or "descent" in results[-1].scene)
    command(args)()


if __name__ == "__main__":
    files.keep_compiled()
    for args in json.loads(sys.argv[1]):
        child = os.fork()
        if not child:
            begin(args)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
