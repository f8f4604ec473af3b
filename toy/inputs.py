"""Files that a user names, read within bounds: a regular file, of a size that it may have, text in UTF-8."""

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # an object as JSON says it: who reads one knows its keys

MOST = 2**20  # bytes of a file that people write
MOST_TABLE = 2**28  # and of one that a program writes


def size(path: str | Path, most: int = MOST) -> int:
    """The size of a regular file; ValueError where it is none, is too large or cannot be read. Nothing is opened."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except ValueError as error:  # a name that no file can have
        raise ValueError(f"cannot read {str(path)!r}: {error}") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
        raise ValueError(f"cannot read {str(path)!r}: it is {kind}, and no file")
    if found.st_size > most:
        raise ValueError(f"cannot read {str(path)!r}: it has {found.st_size} bytes, of at most {most}")
    return found.st_size


def data(path: str | Path, most: int = MOST) -> bytes:
    """A file's bytes; ValueError names the file and what is wrong."""
    size(path, most)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from None


def text(path: str | Path, most: int = MOST) -> str:
    """A file's text, in UTF-8 with or without a mark of it; ValueError names the file and what is wrong."""
    size(path, most)
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{str(path)!r} is not text in UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from None


def toml(words: str) -> Json:
    """What a TOML text says; ValueError where it is none."""
    try:
        return tomllib.loads(words.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("this is no TOML that can be read: it is nested too deeply") from None
    except ValueError as error:  # TOML's own errors, and a number of more digits than Python reads
        raise ValueError(f"this is no TOML: {error}") from None


def plain_json(words: str | bytes) -> Any:
    """What a JSON text says; ValueError where it is none."""
    try:
        return json.loads(words)
    except RecursionError:
        raise ValueError("this is no JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"this is no JSON: {error}") from None
