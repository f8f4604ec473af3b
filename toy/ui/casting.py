"""Who plays a role: exact or learned in one click, and networks that are trained because a name asks for them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from models import stored, zoo
from toy.captions import called
from toy.names import DEGRADATIONS, Name
from toy.scene import Scene, default_cast
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
SOON = "networks are trained as soon as you pause"


@dataclass(frozen=True)
class Waiting:
    """Words for what a cast waits for, and whether it is worth asking again."""

    words: str
    retry: bool = True
    share: float = 0.0


def waiting(found: Trainer, cast: Iterable[tuple[str, str]]) -> Waiting | None:
    """The trainings that a cast needs, begun where they were not; words for the first. None where it can be loaded."""
    session = _session()
    runs: list[Waiting] = []
    for _, name in cast:
        try:
            run = found.need(name, session)
        except Crowded as error:
            return runs[0] if runs else Waiting(str(error))
        except ValueError as error:
            return Waiting(str(error), retry=False)
        if run and run.status == "failed":
            return Waiting(f"{called(name)} could not be trained: {run.message}", retry=False)
        if run:
            words = f"training {called(name)}: {run.step} of {run.recipe.iterations} iterations"
            runs.append(Waiting(words, share=run.step / run.recipe.iterations))
    return runs[0] if runs else None


def _session() -> str | None:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else None


def drawn_on(found: Trainer) -> None:
    """The visitor draws: what is trained for the drawing before is not wanted any more."""
    found.leave_drawings(_session())


def standing(found: Trainer, scene: Scene, *, train: bool = True) -> tuple[Scene | None, Waiting | None]:
    """What is shown of a scene while its networks are trained, None where that is nothing, and what it waits for.

    Nothing is trained unless ``train``.
    """
    if train:
        words = waiting(found, scene.cast)
    else:
        words = Waiting(SOON) if any(zoo.missing(name) for _, name in scene.cast) else None
    if words is None:
        return scene, None
    now = so_far(scene) if words.retry else scene
    return (None if now is scene else now), words


def so_far(scene: Scene) -> Scene:
    """The scene with what there is in the place of its plain networks that are not trained: an earlier state of each.

    Where one has none yet they are all exact, and a guide that is then what main is is blurred: else it would guide
    by nothing.
    """
    cast = dict(scene.cast)
    absent = {role: Name.parse(name) for role, name in cast.items() if zoo.missing(name)}
    if not absent or not all(name.network and not name.items for name in absent.values()):
        return scene
    early = {role: _earlier(name) for role, name in absent.items()}
    if all(early.values()):
        return replace(scene, cast=tuple((cast | early).items()))
    cast |= {role: exact(name) for role, name in cast.items() if Name.parse(name).network}
    blurred = f"~blur={DEGRADATIONS['blur'].knobs['width'].default}"
    cast |= {role: name + blurred for role, name in cast.items() if role != "main" and name == cast["main"]}
    return replace(scene, cast=tuple(cast.items()))


def _earlier(name: Name) -> str:
    """The name of the latest state of a network on its way that can be loaded; empty where there is none."""
    most = name.network.iterations if name.network else 0
    names = [str(name.after(step)) for step in reversed(stored.SNAPSHOTS) if step < most]
    return next((each for each in names if not zoo.missing(each)), "")


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


def menu(names: Iterable[str]) -> Callable[[str], str]:
    """What a menu of densities calls each: what people do, but its own name where two would be called the same."""
    every = Counter(map(called, dict.fromkeys(names)))
    return lambda name: name if every[called(name)] > 1 else called(name)


def exact(name: str) -> str:
    """The exact density in place of this one, with the same classes."""
    return str(Name.parse(name).exact(zoo.classes_of))


def switchable(rule: str) -> tuple[str, ...]:
    """The roles of a rule that are usually learned: those that can be made exact."""
    return tuple(role for role, name in default_cast(rule).items() if not Name.parse(name).is_exact)
