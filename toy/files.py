"""Files: written whole or not at all; compiled code kept in the user's own cache folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import platformdirs


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to, and move it there only when the block succeeded.

    A ValueError names the path where its folder cannot be written.
    """
    path = Path(path)
    name = _beside(path)
    try:
        yield Path(name)
        if path.is_dir():
            raise ValueError(f"cannot write {str(path)!r}: it is a folder")
        os.chmod(name, 0o644)  # here: who writes may have replaced the file
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """ValueError unless a file can be written there: to be asked before long work, not after."""
    path = Path(path)
    Path(_beside(path)).unlink()
    if path.is_dir():
        raise ValueError(f"cannot write {str(path)!r}: it is a folder")


def _beside(path: Path) -> str:
    """A new empty file in the same folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    except OSError as error:
        raise ValueError(f"cannot write {str(path)!r}: {error.strerror}") from None
    os.close(handle)
    return name


def keep_compiled() -> None:
    """Let JAX keep compiled programs in the user's cache folder, so that the next start is fast."""
    folder = Path(platformdirs.user_cache_dir("guidance-explorer")) / "jax"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
