"""A real Chromium, the real server, one of each for all tests, and what is seen by those who visit it."""

import os
import shutil

import pytest
from browser_server import OUT, WAIT, Server, Tabs
from browser_visitor import SCREEN, Visitor

# Pages that Chromium makes for its own address bar, out of sight, with every window: more work than ours has to open.
# Chromium heeds the last such list alone, so that Playwright's follows, of what is there on any system.
NOT_NEEDED = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
    *("AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay"),
    *("MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch"),
    "ThirdPartyStoragePartitioning",
)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@pytest.fixture(scope="session")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        reason = "no Chromium was found: apt install chromium"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT)
    OUT.mkdir(parents=True, exist_ok=True)
    flags = [*FLAGS, f"--disable-features={','.join(NOT_NEEDED)}"]
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=flags)
        yield found
        found.close()


# What fills these pages is measured and drawn elsewhere, and takes its time, as does a training with whole batches.
FEWER = """
from dataclasses import replace
from matplotlib.figure import Figure
from models import training
from toy import figures, flows
from toy.figures import explanation
from toy.ui import compare, mechanism
compare.METHODS, compare.N = compare.METHODS[1:3], 512
figures.draw = lambda *given: Figure()
mechanism.N, mechanism.FLOW_N, mechanism.SIDE = 512, 64, 24
train = training.train
training.train = lambda recipe, *, every: train(replace(recipe, batch=1024), every=every)
flows.log_mass = explanation.log_mass = lambda *given: (0.0, 0.0)
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    found = Server(tmp_path_factory.mktemp("server"))
    found.start(FEWER)
    yield found
    found.kill()


@pytest.fixture
def own(tmp_path):
    """A server of a test's own, not started yet; it is ended behind those who ``visit`` it."""
    found = Server(tmp_path)
    yield found
    found.kill()


@pytest.fixture(scope="session")
def tabs(browser) -> Tabs:
    return Tabs(browser)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def staying() -> dict[tuple, list[Visitor]]:
    """Visitors between two tests, by their device and whether the screen has room for the settings."""
    return {}


@pytest.fixture
def follow(tabs, server, staying, request):
    """Follows links within the app, in pages that stay open: half of what it takes to load one.

    The view is new each time, and shows what the link says. What the page has loaded, the browser's engine with all it
    was told, and the server's session are those of tests before: who asks for them visits.
    """
    followed: list[tuple[Visitor, list[Visitor]]] = []

    def follow_link(path: str, *, viewport: dict[str, int] = SCREEN, color_scheme: str = "light", **device) -> Visitor:
        free = staying.setdefault((viewport["width"] > 768, *sorted(device.items())), [])
        if free:
            visitor = free.pop()
            visitor.follow(path, viewport=viewport, color_scheme=color_scheme)
        else:
            visitor = Visitor(tabs, server, path, viewport=viewport, color_scheme=color_scheme, **device)
        followed.append((visitor, free))
        return visitor

    yield follow_link
    errors = [error for visitor, _ in followed for error in visitor.errors]
    for visitor, free in followed:
        if errors or request.node.stash.get(FAILED, False):
            visitor.close()
        else:
            visitor.leave()
            free.append(visitor)
    assert not errors


@pytest.fixture
def visit(tabs, server):
    """Opens pages; closes them, and looks for errors, at the end."""
    opened: list[Visitor] = []

    def open_page(path: str = "/", *, at: Server = server, **options) -> Visitor:
        opened.append(Visitor(tabs, at, path, **options))
        return opened[-1]

    yield open_page
    errors = [error for visitor in opened for error in visitor.errors]
    for visitor in opened:
        visitor.close()
    assert not errors
