"""How far long work is: one value for all of it, and one bar on stderr that shows it."""

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` of a ``stage``, such as 'training', which counts iterations.

    ``found`` of them were there already. ``left`` is the remaining time in seconds, None where too little was measured.
    ``note`` says what else is worth seeing: what is measured now, the loss.
    """

    stage: str
    done: int
    total: int
    found: int = 0
    left: float | None = None
    note: str = ""

    @property
    def words(self) -> str:
        """What stands beside a bar."""
        return ", ".join(filter(None, [self.note, "" if self.left is None else duration(self.left)]))


Report = Callable[[Progress], None]
T = TypeVar("T")


def duration(seconds: float) -> str:
    """A remaining time in words, without digits that it does not have."""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min left"
    return f"{seconds / 3600:.1f} h left"


def each(
    items: Collection[T], stage: str, report: Report | None = None, note: Callable[[T], str] = lambda item: ""
) -> Iterator[T]:
    """The items one after another, with a report, if any is wanted, before each of them and after the last."""
    tell = report or (lambda now: None)
    for done, item in enumerate(items):
        tell(Progress(stage, done, len(items), note=note(item)))
        yield item
    tell(Progress(stage, len(items), len(items)))


@contextmanager
def bars() -> Iterator[Report]:
    """A bar on stderr for the stage that the work is in; another stage ends it, more to do makes it longer."""
    from tqdm import tqdm

    bar: Any = None

    def report(now: Progress) -> None:
        nonlocal bar
        if bar is None or bar.desc != now.stage:
            if bar is not None:
                bar.close()
            form = "{l_bar}{bar}| {n_fmt}/{total_fmt}{postfix}"
            bar = tqdm(total=now.total, initial=now.done, desc=now.stage, file=sys.stderr, bar_format=form)
        bar.total = now.total
        bar.set_postfix_str(now.words, refresh=False)
        bar.update(now.done - bar.n)

    try:
        yield report
    finally:
        if bar is not None:
            bar.close()
