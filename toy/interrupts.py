"""Ctrl-C on the command line: the first ends the work within seconds and says what is kept, the second at once.

Python tells its main thread of a signal between two of its own operations, and a compiled program may run for minutes.
A thread of its own learns of it from the operating system, and ends the process where the main thread does not.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

STATUS = 130  # of a command that was interrupted
GRACE = 2.0  # seconds that the main thread has to end by itself

unfinished: set[str] = set()  # temporary files, which are removed when the process is ended at once


class _Now:
    """What is known while a command runs."""

    kept = "nothing was written."
    patient = ""
    loading = True
    pressed = 0  # as the watching thread counts
    raised = False  # in the main thread, which may be told first


_now = _Now()


def keeps(words: str) -> None:
    """Say what an interrupt from here on leaves, for the message: 'what was measured is kept in PATH; ...'."""
    _now.kept = words


def patient(words: str) -> None:
    """Let the first Ctrl-C from here on be the command's own affair, which ends by itself; '' takes it back.

    ``words`` say what it does then: they are printed at once.
    """
    _now.patient = words


def pressed() -> bool:
    """Whether there was a Ctrl-C."""
    return _now.raised or _now.pressed > 0


def message() -> str:
    """What is said of an interrupt."""
    return f"Interrupted: {_now.kept}"


def begin() -> None:
    """Forget what an earlier command in this process said."""
    _now.kept, _now.patient = _Now.kept, _Now.patient


def watch() -> None:
    """Take over Ctrl-C for the rest of the process, unless it is ignored, as it is in a shell's background jobs."""
    if os.name != "posix" or signal.getsignal(signal.SIGINT) != signal.default_int_handler:
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _raise)
    sys.unraisablehook = _quiet
    threading.Thread(target=_watch, args=(reading,), name="interrupts", daemon=True).start()


def loaded() -> None:
    """Importing is over: from here on the main thread may end by itself."""
    _now.loading = False
    if _now.pressed:
        leave()


def _raise(_: int, frame: FrameType | None) -> None:
    """KeyboardInterrupt in the main thread, but not within an import: compiled modules do not survive it there."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            leave()
        frame = frame.f_back
    _now.raised = True
    _tell_patience()
    raise KeyboardInterrupt


def _quiet(what: "sys.UnraisableHookArgs") -> None:
    """An interrupt that met a destructor cannot be raised there; the watching thread ends the process all the same."""
    if what.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(what)


def _watch(reading: int) -> None:
    while number := os.read(reading, 1):
        if number != bytes([signal.SIGINT]):
            continue
        _now.pressed += 1
        if _now.loading or _now.pressed > 1:
            leave()
        if _tell_patience():
            continue
        last = threading.Timer(GRACE, leave)
        last.daemon = True
        last.start()


_told = threading.Lock()


def _tell_patience() -> bool:
    """Say once what the command does by itself; whether it does."""
    if _now.patient and _told.acquire(blocking=False):
        _say(f"Interrupted: {_now.patient}")
    return bool(_now.patient)


def _say(words: str) -> None:
    os.write(2, f"\n{words}\n".encode())


_leaving = threading.Lock()


def leave() -> NoReturn:
    """End the process now, whatever its threads are at; temporary files are removed."""
    if not _leaving.acquire(blocking=False):
        threading.Event().wait()  # another thread is about it
    _say(message())
    for name in list(unfinished):
        Path(name).unlink(missing_ok=True)
    os._exit(STATUS)
