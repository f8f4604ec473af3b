"""A long-lived server's memory: what compiling leaves behind is forgotten before the host has none left."""

import ctypes
import gc
import threading
from collections.abc import Callable
from contextlib import suppress

import jax
import psutil

from toy import files

LIMIT = 900e6  # bytes of resident memory, for hosts of 2 GB
GROWTH = 1.15  # above what was left the last time, so that a server that needs its memory does not compile for ever

_after = 0.0
_lock = threading.Lock()


def resident() -> float:
    """Bytes that this process holds in the machine's memory."""
    return float(psutil.Process().memory_info().rss)


def spare(held: Callable[[], float] = resident) -> bool:
    """Forget compiled programs where they fill the memory or its maps; returns whether it did.

    What is still wanted is compiled again, or read from the cache folder. ``held`` says what is resident.
    """
    global _after
    with _lock:
        full = held() > max(LIMIT, GROWTH * _after)
        if not (full or files.maps_are_full()):
            return False
        jax.clear_caches()
        gc.collect()
        _trim()
        _after = held() if full else _after
        return True


def _trim() -> None:
    """Let the C library give freed pages back, where it is one that can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
