"""Files: written whole or not at all; compiled code kept in the user's cache folder, but not for ever in memory."""

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
    """Let JAX keep compiled programs in the user's cache folder, so that the next start is fast.

    A folder that is named already, as by JAX_COMPILATION_CACHE_DIR, is left as it is.
    """
    if jax.config.jax_compilation_cache_dir is None:
        folder = Path(platformdirs.user_cache_dir("guidance-explorer")) / "jax"
        jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


MOST_MAPS = 40_000  # Linux allows 65530


def spare_maps() -> bool:
    """Forget compiled programs where they fill the process's table of memory maps; returns whether it did.

    XLA takes several maps for every program on a CPU, and a process that has used up its table crashes. Programs that
    are still wanted are compiled again, or read from the cache folder.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return False
    with maps.open("rb") as lines:
        if sum(1 for _ in lines) < MOST_MAPS:
            return False
    jax.clear_caches()
    return True
