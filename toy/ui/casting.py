"""Who plays a role: exact or learned in one click, and networks that are trained because a name asks for them."""

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from models import zoo
from toy.names import Name
from toy.scene import default_cast
from toy.ui import links
from toy.ui.engine import engine
from toy.ui.trainer import Crowded, Trainer, trainer
from toy.ui.words import plain

GRAMMAR = (
    "Exact, trained, or any name that you type: `A24@1024` is width 24 after 1024 iterations (trained when it is asked "
    "for), `~kind=value` degrades what is before it. For example "
    + ", ".join(f"`{name}`" for name in zoo.examples())
    + "."
)


@dataclass(frozen=True)
class Waiting:
    """Words for what a cast waits for, and whether it is worth asking again."""

    words: str
    retry: bool = True
    share: float = 0.0


def waiting(found: Trainer, cast: Iterable[tuple[str, str]]) -> Waiting | None:
    """The training that a cast needs first, begun if it was not; None where all of it can be loaded."""
    context = get_script_run_ctx(suppress_warning=True)
    session = context and context.session_id
    for _, name in cast:
        try:
            run = found.need(name, session)
        except Crowded as error:
            return Waiting(str(error))
        except ValueError as error:
            return Waiting(str(error), retry=False)
        if run and run.status == "failed":
            return Waiting(f"{name} could not be trained: {run.message}", retry=False)
        if run:
            words = f"training {name}: {run.step} of {run.recipe.iterations} iterations"
            return Waiting(words, share=run.step / run.recipe.iterations)
    return None


def hold(cast: Iterable[tuple[str, str]]) -> None:
    """Return when a cast can be loaded; until then the page stays as drawn so far, and says what it waits for."""
    if not ready(cast):
        st.stop()


def ready(cast: Iterable[tuple[str, str]]) -> bool:
    """Whether a cast can be loaded; else the page says what it waits for, and runs again when it has it."""
    roles = tuple(cast)
    if waiting(trainer(engine()), roles) is None:
        return True
    _watch(roles)
    return False


@st.fragment(run_every=1.0)
def _watch(cast: tuple[tuple[str, str], ...]) -> None:
    found = waiting(trainer(engine()), cast)
    if found is None:
        links.rerun()
    elif found.retry:
        st.progress(found.share, plain(found.words))
    else:
        st.warning(plain(found.words))


def exact(name: str) -> str:
    """The exact density in place of this one, with the same classes."""
    return str(Name.parse(name).exact(zoo.classes_of))


def switchable(rule: str) -> tuple[str, ...]:
    """The roles of a rule that are usually learned: those that can be made exact."""
    return tuple(role for role, name in default_cast(rule).items() if not Name.parse(name).is_exact)
