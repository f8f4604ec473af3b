"""The app's server, and visitors without a browser."""

import asyncio
import itertools
import json
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import psutil

ROOT = Path(__file__).parents[2]
MB = 1e6
T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """A running Streamlit server."""

    url: str
    process: psutil.Process
    seconds: float  # from its command to its first answer

    def memory(self) -> float:
        """Memory in MB."""
        return sum(p.memory_info().rss for p in (self.process, *self.process.children(recursive=True))) / MB


@contextmanager
def serving(script: Path = ROOT / "app.py", **environment: str) -> Iterator[Server]:
    """Serve a script on a free port of 127.0.0.1; ValueError where it does not start."""
    if not script.exists():
        raise ValueError(f"there is no {script}: the app is benchmarked from a checkout of the repository")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(script), *(f"--{k}={v}" for k, v in options.items())]
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", **environment}
    with tempfile.TemporaryFile("w+") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            end = began + 60
            while not _healthy(url):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise ValueError(f"the server did not start: {' '.join(log.read().split())[-300:]}")
                time.sleep(0.02)
            yield Server(url, psutil.Process(process.pid), time.monotonic() - began)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/_stcore/health", timeout=1) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


RETRY, RETRY_MOST = 0.05, 1.6  # seconds after which the viewer asks again, and longer each time
OVERTAKEN, BROKEN = "FINISHED_EARLY_FOR_RERUN", "FINISHED_WITH_COMPILE_ERROR"  # ends of a run


def rerun(query: str, fragment: str = "", said: Mapping[str, object] | None = None) -> bytes:
    """The message that runs the page anew with a query string, or one fragment of it alone; ``said`` is by whom."""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message = BackMsg()
    state = message.rerun_script
    state.query_string, state.fragment_id = query, fragment
    for widget, value in (said or {}).items():
        state.widget_states.widgets.add(id=widget, json_value=json.dumps(value))
    return message.SerializeToString()


@dataclass(frozen=True)
class Heard:
    """What one message of the server says: how a run ended, if it did, whether a traceback is shown, and of a viewer
    the header of its picture, the fragment that it is in, and its own name.
    """

    ended: str = ""
    failed: bool = False
    header: Mapping[str, object] = field(default_factory=dict)
    fragment: str = ""
    component: str = ""

    @classmethod
    def of(cls, message: bytes) -> "Heard":
        """The message, read."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        read = ForwardMsg.FromString(message)
        if read.WhichOneof("type") == "script_finished":
            return cls(ended=ForwardMsg.ScriptFinishedStatus.Name(read.script_finished))
        element = read.delta.new_element
        view, pack = element.bidi_component, element.bidi_component.bytes
        header = json.loads(pack[8 : 8 + int.from_bytes(pack[4:8], "little")]) if pack.startswith(b"TOYV") else {}
        return cls("", element.HasField("exception"), header, read.delta.fragment_id, view.id)


@dataclass(frozen=True)
class Answer:
    """What came back for one change: seconds from the change to what was asked for, what went wrong, the header of the
    picture, the seconds to the first answer, which may say what it waits for, and how often was asked.
    """

    seconds: float
    error: str = ""
    header: Mapping[str, object] = field(default_factory=dict)
    first: float = math.nan
    tries: int = 1


class Visitor:
    """A session without a browser: it changes the page's URL and reads what the viewer would be sent."""

    def __init__(self, socket: Any) -> None:
        """Speak over an open websocket."""
        self.socket = socket
        self.viewer = ""  # the fragment that the viewer is in
        self.component = ""  # the viewer's own name
        self.told = 0

    @staticmethod
    @asynccontextmanager
    async def at(url: str) -> AsyncIterator["Visitor"]:
        """Connect: ``async with Visitor.at(url) as visitor``."""
        from websockets.asyncio.client import connect
        from websockets.typing import Subprotocol

        address = url.replace("http", "ws", 1) + "/_stcore/stream"
        async with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None) as socket:
            yield Visitor(socket)

    async def change(self, query: str, *, since: float | None = None, patience: float = 60) -> Answer:
        """Run the page with a query string, and then its viewer alone until what it shows is what was asked for."""
        began = time.perf_counter() if since is None else since
        first, wait = math.nan, RETRY
        for tries in itertools.count(1):
            error, header = await self._run(rerun(query, self.viewer if tries > 1 else ""), patience)
            seconds = time.perf_counter() - began
            first = seconds if tries == 1 else first
            if not error and header.get("busy") and seconds > patience:
                error = f"not what was asked for within {patience:g} s"
            if error or not header.get("busy"):
                return Answer(seconds, error, header, first, tries)
            await asyncio.sleep(wait)
            wait = min(RETRY_MOST, 2 * wait)
        raise AssertionError

    async def tell(self, w: float, *, since: float | None = None, patience: float = 60) -> Answer:
        """Tell the page a weight, as a viewer does that computes in the browser; its answer says what that needs."""
        began = time.perf_counter() if since is None else since
        self.told += 1
        request = {"seq": self.told, "phase": "tell", "local": True, "knobs": {"left": {"w": w}}}
        error, header = await self._run(rerun("", self.viewer, {self.component: {"request": request}}), patience)
        if not error and not (header.get("engine") and header.get("seq") == self.told):
            error = "the server did not leave it to the browser"
        return Answer(time.perf_counter() - began, error, header)

    async def _run(self, message: bytes, patience: float) -> tuple[str, Mapping[str, object]]:
        """What went wrong in one run of the page, and the header of its picture."""
        await self.socket.send(message)
        error = ""
        header: Mapping[str, object] = {}
        while True:
            try:
                heard = Heard.of(await asyncio.wait_for(self.socket.recv(), patience))
            except TimeoutError:
                return f"no answer within {patience:g} s", header
            if heard.header:
                header, self.viewer, self.component = heard.header, heard.fragment, heard.component
            if heard.failed:
                error = "a traceback was shown"
            if heard.ended and heard.ended != OVERTAKEN:
                return error or ("the page did not compile" if heard.ended == BROKEN else ""), header

    async def ready(self) -> None:
        """Wait until the engine answers with its own pictures; ValueError where it does not."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            answer = await self.change("")
            if answer.error:
                raise ValueError(f"the Explore page failed: {answer.error}")
            if answer.header and not answer.header.get("precomputed"):
                return
            await asyncio.sleep(0.2)
        raise ValueError("the engine was not ready within two minutes")


@dataclass
class Load:
    """What many visitors at once met: seconds of every answer, and of one visitor alone before and afterwards."""

    answers: list[Answer] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    lost: int = 0
    overtaken: int = 0
    peak: float = 0.0

    @property
    def note(self) -> str:
        """In words."""
        seconds = [answer.seconds for answer in self.answers]
        errors = [answer.error for answer in self.answers if answer.error]
        kinds = {
            "answers": len(seconds),
            "errors": len(errors),
            "lost sessions": self.lost,
            "asked more than once": sum(answer.tries > 1 for answer in self.answers),
            "changes overtaken by the next": self.overtaken,
        }
        # None where a browser says them.
        first = [answer.first for answer in self.answers if math.isfinite(answer.first)]
        words = f", first words after {np.median(first):.2f} s" if first else ""
        counts = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        return f"max {max(seconds, default=0):.2f} s{words}; {counts}"


@dataclass
class Beside:
    """What one visitor met while another's new methods were compiled: answers of both."""

    answers: list[Answer] = field(default_factory=list)
    compiled: list[Answer] = field(default_factory=list)


def apart(visits: Coroutine[Any, Any, T]) -> T:
    """What visits come to, in a thread of their own: the driver of a browser may keep a loop in this one."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, visits).result()


async def beside(server: Server, queries: Iterable[str]) -> Beside:
    """Let one visitor ask for new methods by ``queries``, and another change w again and again meanwhile."""
    found = Beside()
    async with Visitor.at(server.url) as visitor, Visitor.at(server.url) as other:
        await visitor.ready()
        for query in queries:
            compiling = asyncio.create_task(other.change(query, patience=120))
            while not compiling.done():
                found.answers.append(await visitor.change(f"left.w={1 + len(found.answers) % 7000 / 1000:.3f}"))
            found.compiled.append(await compiling)
    return found


async def tour(server: Server, queries: Iterable[str]) -> tuple[list[Answer], float]:
    """One visitor's answers to one query after another, and the server's peak memory in MB meanwhile."""
    answers, peak = [], 0.0
    async with Visitor.at(server.url) as visitor:
        await visitor.ready()
        for query in queries:
            answers.append(await visitor.change(query, patience=180))
            peak = max(peak, server.memory())
    return answers, peak


async def load(server: Server, sessions: int = 30, seconds: float = 60, alone: int = 20, *, told: bool = False) -> Load:
    """Let sessions change w once a second each. A change that comes before the last one's answer waits for it, and of
    those that wait the latest is sent, as the viewer does; its time counts from when it was made. Where they are
    ``told``, the visitors' browsers compute.
    """
    from websockets.exceptions import WebSocketException

    found = Load()

    async def visit(number: int, start: float) -> None:
        dice = random.Random(number)
        try:
            async with Visitor.at(server.url) as visitor:
                if told:
                    await visitor.ready()
                    while (await visitor.tell(4)).error:  # what the browser needs is worked out once, for all
                        await asyncio.sleep(RETRY)
                    start = max(start, time.perf_counter())
                due = start + number / sessions
                while due < start + seconds:
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    missed = max(0, int(time.perf_counter() - due))
                    found.overtaken += missed
                    due += missed
                    w = round(dice.uniform(1, 8), 3)
                    asked = visitor.tell(w, since=due) if told else visitor.change(f"left.w={w}", since=due)
                    found.answers.append(await asked)
                    due += 1
        except (OSError, WebSocketException):
            found.lost += 1

    async def watch() -> None:
        while True:
            found.peak = max(found.peak, server.memory())
            await asyncio.sleep(0.25)

    async with Visitor.at(server.url) as single:
        await single.ready()
        for i in range(alone):
            found.before.append((await single.change(f"left.w={2 + i / 1000:.3f}")).seconds)
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(visit(number, time.perf_counter()) for number in range(sessions)))
        watching.cancel()
        for i in range(alone):
            found.after.append((await single.change(f"left.w={3 + i / 1000:.3f}")).seconds)
    return found
