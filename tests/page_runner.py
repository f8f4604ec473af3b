"""The app's pages run by Streamlit's own test runner: opened as by a link, and what is seen on them."""

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from ui_helpers import FRAME, PAGES, ROOT
from ui_helpers import until as waiting_until

from toy.ui import engine as engines
from toy.ui import startup
from toy.ui.engine import Engine
from toy.ui.trainer import Trainer, trainer
from toy.viewer import computing
from toy.viewer.packing import unpack

# Every runner looks through all installed packages for components, of which there are none, for a third of a second.
manifest_scanner.scan_component_manifests = lru_cache(manifest_scanner.scan_component_manifests)

FILES = {Path(file).stem: file for file in PAGES}
EXPLORE, FIELDS, TRAIN, FIGURES = (FILES[name] for name in ("explore", "fields", "train", "figures"))
COMPARE, MECHANISM = FILES["compare"], FILES["mechanism"]


def engine() -> Engine:
    """The app's engine, ready with the few particles that most tests ask for; nothing is rehearsed for browsers."""
    found = engines.start(lambda: _few_particles(startup.warm_up))
    assert found.ready.wait(300), found.failure
    return found


def _few_particles(do: Callable[[], Any]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "usual", partial(computing.usual, 512))
        return do()


TRAIN_ON = Trainer._work  # before pages train nothing


@pytest.fixture
def pages(small_pages):
    """Pages that ask for little, which train no networks: what fills them is measured and drawn elsewhere.

    Afterwards the visitor is gone, and what still waits to be computed with him.
    """
    yield
    for run in list(trainer(engine()).runs.values()):
        run.stop()
    with engine()._lock:
        for job in engine()._jobs.values():
            job.leases.clear()


@pytest.fixture(scope="module")
def small_pages(coarse_outlines):
    """What ``pages`` has in place of what is large."""
    from toy import figures
    from toy.ui import compare, fieldpacks, mechanism

    engine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_work", lambda self, run: None)
        patch.setattr("toy.ui.live.SOON", 8.0)  # a runner asks no second time
        patch.setattr("toy.ui.memory.LIMIT", float("inf"))  # a server's; many tests' programs are more than that
        patch.setattr(figures, "draw", lambda *args: Figure(figsize=(1, 1)))  # a wide one is scaled down in every run
        patch.setattr(compare, "measure", lambda trial: [])
        patch.setattr(fieldpacks, "FINE", 32)
        patch.setattr(fieldpacks, "COARSE", 16)
        patch.setattr(mechanism, "N", 128)
        patch.setattr(mechanism, "SEEDS", 2)
        patch.setattr(mechanism, "FLOW_N", 64)
        patch.setattr(mechanism, "SIDE", 24)
        patch.setattr(mechanism, "_flow", lambda scene: {"not_finite": 0.0})
        patch.setattr("toy.flows.log_mass", lambda *given: (0.0, 0.0))
        yield


@lru_cache
def navigation() -> dict[str, Any]:
    """The pages that the frame tells of, which a runner knows after a first run only."""
    at = AppTest.from_file(str(FRAME), default_timeout=300)
    at.query_params["n"] = "512"
    return at.run()._registered_pages


def opened(page: str = EXPLORE, **query: str) -> AppTest:
    """The page as somebody sees it who follows a link."""
    at = AppTest.from_file(str(FRAME), default_timeout=300)
    if page != EXPLORE:
        at._registered_pages = navigation()
        at.switch_page(str(ROOT / page))
    for key, value in query.items():
        at.query_params[key] = value
    return at.run()


def unfolded(at: AppTest, *titles: str) -> AppTest:
    """The page with parts of its settings open."""
    for title in titles:
        at.session_state[f"fold.{title}"] = True
    return at.run()


def fine(at: AppTest) -> None:
    """No traceback, no error message."""
    assert not at.exception, [element.value for element in at.exception]
    assert not at.error, [element.value for element in at.error]


def pack(at: AppTest):
    """What the viewer was sent."""
    (component,) = (each for each in at.get("bidi_component") if each.proto.bytes)  # the link's QR code is another
    return unpack(component.proto.bytes)


def until(condition: Callable[[], object]) -> None:
    """Wait for what a page shows: to look again takes a run of it, so first the engine does what it was asked."""
    waiting_until(lambda: (engine().idle.wait(2), condition())[1])


def settled(at: AppTest):
    """What the viewer is sent in the end: compiling may take longer than a page waits."""
    until(lambda: not pack(at)[0]["busy"] or not at.run())
    return pack(at)


def shows_something(at: AppTest) -> bool:
    """The page has the viewer, a picture, or words."""
    return any(at.get(kind) for kind in ("bidi_component", "image", "subheader", "markdown"))


def link(at: AppTest) -> dict[str, str]:
    """The page's URL parameters."""
    return {key: value[0] if isinstance(value, list) else value for key, value in at.query_params.items()}


def control(at: AppTest, kind: str, key: str):
    """A widget by its key."""
    return getattr(at, kind)(key=key)
