"""The app's server, which can be killed and started again, and tabs of a browser that look at it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from ui_helpers import ROOT, until

OUT = ROOT / "out" / "browser"
WAIT = 120_000  # ms: the machine may be busy; nothing waits longer than it must


# Nothing is compiled ahead of those who may come: tests come soon, and wait for what they ask.
ASKED_ONLY = """
from toy.ui import startup
startup.rehearsals = list
"""


class Server:
    """The app on a port of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        """Keep models and the log in a folder of its own."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {"GUIDANCE_EXPLORER_MODELS": str(folder / "models")}
        self.log = folder / "log"
        self.process: subprocess.Popen | None = None

    def start(self, before: str = "") -> None:
        """Start it; ``before`` is Python that runs ahead of the app."""
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
        }
        start = f"{ASKED_ONLY}{before}\nfrom streamlit.web import cli\ncli.main()"
        command = [sys.executable, "-c", start, "run", "app.py", *(f"--{k}={v}" for k, v in options.items())]
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, env=self.environment)
        until(self.healthy)

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the server did not start"
        try:
            with urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server answers nothing, as if it were far away."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


class Tabs:
    """Browser tabs, each with a profile of its own, emptied after use: a new one takes twice as long to open a page."""

    def __init__(self, browser) -> None:
        self.browser = browser
        self.free: dict[tuple, list] = {}

    def take(self, **device):
        """A tab that shows nothing, on a device as Playwright describes it; ``script`` runs ahead of every page."""
        free = self.free.setdefault(tuple(sorted(device.items())), [])
        if free:
            return free.pop()
        script = device.pop("script", "")
        context = self.browser.new_context(**device)
        context.set_default_timeout(WAIT)
        context.add_init_script(script)
        return context.new_page()

    def give_back(self, tab, empty: str, **device) -> None:
        """Take it back, without anything that the last visitor left in it: ``empty`` is a page of the same host."""
        for other in tab.context.pages:
            if other is not tab:
                other.close()
        tab.goto(empty)
        tab.mouse.move(0, 0)
        tab.evaluate("localStorage.clear(); sessionStorage.clear()")
        tab.context.clear_cookies()
        tab.context.new_cdp_session(tab).send("Page.resetNavigationHistory")
        self.free[tuple(sorted(device.items()))].append(tab)
