"""The site in a real Chromium: what is written of it, and who comes to it."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import pytest
from browser_server import WAIT
from browser_visitor import fingers
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
    """A site under a path of its own, and the single file beside it."""
    whole = building.contents
    folder = tmp_path_factory.mktemp("static")
    with pytest.MonkeyPatch.context() as patch:
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
    """A page in a profile of its own, and whatever went wrong in it."""

    def __init__(self, browser, **device) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | device)
        self.context.set_default_timeout(WAIT)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "console", lambda message: message.type in ("error", "warning") and self.wrong.append(message.text)
        )
        self.page.on("request", lambda request: self.asked.append(request.url))

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
def come(browser, served):
    """Opens pages of the site; looks for errors and for foreign requests at the end."""
    guests: list[Guest] = []

    def go(page: str = "", **device) -> Guest:
        guests.append(Guest(browser, **device))
        guests[-1].page.goto(f"{served}/a/course/site/{page}")
        return guests[-1]

    yield go
    for guest in guests:
        guest.page.evaluate("0")
        assert not guest.wrong
        assert guest.hosts() == {urlsplit(served).netloc}
        guest.context.close()


@contextmanager
def alone(browser, url: str, **device) -> Iterator[Guest]:
    guest = Guest(browser, **device)
    guest.page.goto(url)
    yield guest
    assert not guest.wrong
    assert {url for url in guest.asked if not url.startswith(("blob:", "data:", "file:"))} == set()
    guest.context.close()
