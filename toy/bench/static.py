"""Benchmarks of the site: from a click on its link to a picture that moves, and what came over the wire until then."""

import gzip
import tempfile
import threading
from functools import cache, cached_property, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from toy.bench.browser import VIEWER, Stage
from toy.bench.rows import Measured, benchmark

WIRE = 300  # kB
GIVEN: list[Path] = []  # files that were asked for since a visit began


class Plain(SimpleHTTPRequestHandler):
    """A plain file server, as any static host is, that says nothing and adds up what it gave."""

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def translate_path(self, path: str) -> str:
        """The file that is asked for, noted."""
        found = super().translate_path(path)
        GIVEN.append(Path(found))
        return found


class Site:
    """The tree's part of the site, served, and opened so many times in a fresh profile."""

    def __init__(self, stage: Stage) -> None:
        """Nothing is built yet."""
        self.stage = stage

    @cached_property
    def url(self) -> str:
        """Its address; it is built and served once that is asked for."""
        from toy import distributions
        from toy.site import building

        folder = self.stage.stack.enter_context(tempfile.TemporaryDirectory())
        building.build(Path(folder) / "site", on=(distributions.USUAL,))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Plain, directory=folder))
        self.stage.stack.callback(server.server_close)
        self.stage.stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/site/"

    def visits(self) -> list[tuple[float, float]]:
        """Seconds to the whole picture, and kB that came over the wire, as a host that compresses would send them."""
        return [self._visit(self.url) for _ in range(self.stage.count)]

    def _visit(self, url: str) -> tuple[float, float]:
        GIVEN.clear()
        page = self.stage.page()
        page.goto(url, wait_until="commit")
        page.locator(f'{VIEWER}[data-quality="full"]').wait_for(state="attached")
        seconds = page.evaluate("performance.now()") / 1e3
        page.context.close()
        files = [path / "index.html" if path.is_dir() else path for path in GIVEN]
        return seconds, sum(len(gzip.compress(path.read_bytes())) for path in files if path.is_file()) / 1e3


@cache
def site(stage: Stage) -> Site:
    """The one of all that is measured at a stage: it takes a while to build."""
    return Site(stage)


@benchmark("site-picture", "s", app=True, browser=True, budget=1.5)
def site_picture(stage: Stage) -> Measured:
    """From a click on the site's link, in a new profile and without a server, to the whole picture."""
    visits = site(stage).visits()
    wire = max(kilobytes for _, kilobytes in visits)
    return Measured([seconds for seconds, _ in visits], f"{wire:.0f} kB over the wire, of {WIRE}", fine=wire <= WIRE)
