"""The one door of all command lines: ``python -m toy``, ``python -m models.zoo``, ``python -m toy.docs`` and the like.

It makes the environment fit, and whatever goes wrong behind it one sentence: exit code 2 for what cannot be done, 130
for an interrupt, 141 where nobody reads what is printed.
"""

import importlib
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click

from toy import interrupts

ROOT = Path(__file__).resolve().parents[1]
REFUSED, UNREAD = 2, 141
LONGEST = 100  # characters of a word in a message
MOST = 3000  # and of the message
# Numbers are those of float32, whatever the shell asks JAX for: double precision is used where it is meant.
PLATFORMS = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")
NOT_OURS = ("JAX_ENABLE_X64", "JAX_DEFAULT_DTYPE_BITS", "JAX_NUMPY_DTYPE_PROMOTION", "JAX_NUMPY_RANK_PROMOTION")


class Refused(click.ClickException):
    """One sentence, exit code 2."""

    exit_code = REFUSED


class _Door:
    """A command whose errors are told in one sentence each."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, standalone_mode: bool = True
    ) -> Any:
        """Run it, and end the process with its status."""
        command: Any = self
        interrupts.begin()
        with ending():
            given = sys.argv[1:] if args is None else args
            with command.make_context(prog_name or command.name, list(given)) as context:
                command.invoke(context)
            sys.stdout.flush()
        sys.exit(0)


class Command(_Door, click.Command):  # type: ignore[misc]
    """A command behind the door."""


class Group(_Door, click.Group):  # type: ignore[misc]
    """Commands behind the door."""


HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@contextmanager
def ending() -> Iterator[None]:
    """Turn whatever ends the block into a message and the process's status."""
    try:
        with told():
            yield
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(file=said)
        with suppress(OSError):
            click.echo(short(said.getvalue().rstrip("\n")), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        with suppress(OSError):
            click.echo(f"\n{interrupts.message()}", err=True)
        sys.exit(interrupts.STATUS)
    except BrokenPipeError:
        _unread()
        sys.exit(UNREAD)


@contextmanager
def told() -> Iterator[None]:
    """Errors as one sentence: Refused. An interrupt that a library took for an error is an interrupt again."""
    try:
        yield
    except (click.exceptions.Exit, BrokenPipeError):
        raise
    except Exception as error:
        if interrupts.pressed():
            raise KeyboardInterrupt from None
        if isinstance(error, click.ClickException):
            raise
        words = sentence(error)
        if words is None:
            raise
        raise Refused(words) from None


def sentence(error: Exception) -> str | None:
    """An error of a kind that a user can bring about, in words; None for a fault of the program."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"there is not enough memory: {text or 'ask for fewer samples or steps'}"
    if isinstance(error, RecursionError):
        return f"what was given is nested too deeply: {text}"
    if isinstance(error, OverflowError):
        return f"a number is too large: {text}"
    if isinstance(error, ModuleNotFoundError):
        return f"{text}: pip install -r requirements.txt"
    if isinstance(error, OSError) and error.errno and error.filename is None:
        return f"cannot read or write: {error.strerror}"
    if isinstance(error, RuntimeError):  # JAX's own are of this kind
        if "RESOURCE_EXHAUSTED" in text or "Out of memory" in text:
            return f"there is not enough memory: {text}"
        return None
    return str(error) if isinstance(error, ValueError | OSError) else None


def short(text: str) -> str:
    """The message with what is endless in it cut: a number of 400 digits, a list of a million."""

    def cut(match: re.Match[str]) -> str:
        return f"{match[0][:40]}… ({len(match[0])} characters)"

    text = re.sub(rf"[^\s,'/\\]{{{LONGEST},}}", cut, text)
    return text if len(text) <= MOST else f"{text[:MOST]}…"


def _unread() -> None:
    """Nobody reads standard output any more: what is left in it goes nowhere, also at the interpreter's end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def enter(module: str, name: str = "") -> NoReturn:
    """Import a module and run its ``main``, a command behind the door: all of a process that was started by -m.

    ``name`` is the program's where it is not the module's.
    """
    interrupts.watch()
    streams()
    status: str | int | None = 0
    try:
        with ending():
            environment()
            command = importlib.import_module(module).main
            device()
        interrupts.loaded()
        command(prog_name=f"python -m {name or module}")
    except SystemExit as end:
        status = end.code
    except KeyboardInterrupt:
        interrupts.leave()
    if interrupts.pressed():  # threads may still be at work in compiled code, which a usual end would pull away
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(interrupts.STATUS)
    sys.exit(status)


def streams() -> None:
    """Let everything be printed: UTF-8 into files and pipes; a terminal gets '?' for what it lacks."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a closed one is
            with suppress(AttributeError, ValueError, OSError):
                encoding = stream.encoding if stream.isatty() else "utf-8"
                stream.reconfigure(encoding=encoding, errors="replace")  # type: ignore[union-attr]


def environment() -> None:
    """Make what surrounds the process fit; ValueError where it cannot."""
    for name in NOT_OURS:
        os.environ.pop(name, None)
    here = os.getcwd() if Path().exists() else ""
    if sys.path and sys.path[0] in ("", here) and Path(here).resolve() != ROOT:
        sys.path.append(sys.path.pop(0))  # what stands in the working folder is not meant by our names
    for name in ("toy", "models"):
        found = find_spec(name)
        place = found.origin if found else None
        if place is None or Path(place).resolve().parent != ROOT / name:
            raise ValueError(f"another package is called {name!r}: {place or 'none'!r}, where {ROOT / name} is meant")


def device() -> None:
    """ValueError where the environment asks JAX for a device that is not there; left alone where it asks for none."""
    asked = {name: os.environ[name] for name in PLATFORMS if os.environ.get(name)}
    jax: Any = sys.modules.get("jax")
    if not asked or jax is None:
        return
    try:
        jax.devices()
    except Exception as error:  # JAX has several, one of them without words
        words = ", ".join(f"{name} = {value}" for name, value in asked.items())
        raise ValueError(f"{words} names no device of this machine. {' '.join(str(error).split())}".rstrip()) from None
