"""The site in a real Chromium: what is written of it, and who comes to it."""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import filelock
import pytest
from browser_server import WAIT
from browser_visitor import SCREEN, fingers
from file_server import served_folder

from toy.site import building

DENSITIES = re.compile(
    r"densities/(exact-(A|B|AB|(rings|moons)-A|(rings|moons)-AB|gaussians-A|gaussians-ABC)"
    r"|exact-rings-A-blur-[\d.]+|(A64|B64|AB64)-4096|A?B?32-512)\.bin"
)
TARGETS = tuple(f"targets/{name}.bin" for name in ("A", "rings-A", "moons-A", "gaussians-A"))
ON = ("tree", "rings", "moons", "gaussians")


def few(files: dict) -> dict:
    """The files that these tests read: the others take long to work out."""
    return {
        name: make
        for name, make in files.items()
        if not name.endswith(".bin") or name in TARGETS or DENSITIES.fullmatch(name)
    }


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A site under a path of its own, and the single file beside it: one for all processes that run tests together."""
    whole, base = building.contents, tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "static"
    with filelock.FileLock(shared / "static.lock"), pytest.MonkeyPatch.context() as patch:
        if not (folder / "explorer.html").exists():
            patch.setattr(building, "contents", lambda on=None: few(whole(ON)))
            building.build(folder / "a" / "course" / "site")
            building.single(folder / "explorer.html")
    return folder


@pytest.fixture(scope="module")
def served(written) -> Iterator[str]:
    """The address of what is written."""
    with served_folder(written) as url:
        yield url


class Guest:
    """A tab, and whatever goes wrong in it."""

    def __init__(self, tab) -> None:
        self.page, self.context = tab, tab.context
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", self._error)
        self.page.on("console", self._said)
        self.page.on("request", self._request)

    def _error(self, error) -> None:
        self.wrong.append(str(error))

    def _said(self, message) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _request(self, request) -> None:
        self.asked.append(request.url)

    def leave(self) -> None:
        """See nothing any more of what happens in the tab."""
        self.page.remove_listener("pageerror", self._error)
        self.page.remove_listener("console", self._said)
        self.page.remove_listener("request", self._request)

    def get(self, name: str):
        return self.page.get_by_test_id(name)

    def settled(self) -> "Guest":
        """Wait until the whole picture of what is chosen is there."""
        self.page.wait_for_function(
            "() => { const v = document.querySelector('.toy-viewer')?.viewer;"
            " return v?.header && v.root.dataset.state === 'idle' && v.root.dataset.quality === 'full'; }"
        )
        return self

    def stroke(self, height: float, slot: str = "left") -> None:
        """A stroke across a picture, a little bent."""
        box = self.get(f"plot-{slot}").bounding_box()
        places = [(x, height + 0.08 * math.sin(9 * x)) for x in (0.25 + 0.025 * i for i in range(21))]
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for place in at[1:]:
            self.page.mouse.move(*place)
        self.page.mouse.up()

    def touch(self, *stations: list[tuple[float, float]]) -> None:
        """Fingers, one place each, that go from station to station and are lifted."""
        fingers(self.page, *stations)

    @property
    def target(self) -> str:
        """What the address says of it; empty where it is the usual one."""
        return dict(parse_qsl(self.query)).get("target", "")

    @property
    def query(self) -> str:
        self.page.evaluate("0")  # what the browser has told by now is heard
        return urlsplit(self.page.url).query

    def hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in self.asked if not url.startswith(("blob:", "data:"))}


@pytest.fixture
def come(tabs, served):
    """Opens pages of the site; looks for errors and for foreign requests at the end."""
    guests: list[tuple[Guest, dict]] = []
    site = f"{served}/a/course/site"

    def go(page: str = "", *, viewport: dict[str, int] = SCREEN, color_scheme: str = "light", **device) -> Guest:
        guest = Guest(tabs.take(**device))
        guests.append((guest, device))
        guest.page.set_viewport_size(viewport)
        guest.page.emulate_media(color_scheme=color_scheme)
        guest.page.goto(f"{site}/{page}")
        return guest

    yield go
    for guest, _ in guests:
        guest.page.evaluate("0")
    for guest, device in guests:
        guest.leave()
        tabs.give_back(guest.page, f"{site}/site.json", **device)
    for guest, _ in guests:
        assert not guest.wrong
        assert guest.hosts() == {urlsplit(served).netloc}


@contextmanager
def alone(browser, url: str) -> Iterator[Guest]:
    """A guest of one page, whatever its address, in a profile of its own."""
    context = browser.new_context(viewport=SCREEN)
    context.set_default_timeout(WAIT)
    guest = Guest(context.new_page())
    guest.page.goto(url)
    yield guest
    assert not guest.wrong
    assert {url for url in guest.asked if not url.startswith(("blob:", "data:", "file:"))} == set()
    guest.context.close()
