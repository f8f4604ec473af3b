"""Files: written whole or not at all; compiled code kept in the user's cache folder, but not for ever in memory."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import jax
import platformdirs

from toy import interrupts


def data_folder() -> Path:
    """Where what the user keeps is: ``GUIDANCE_EXPLORER_MODELS``, or the user's own data folder."""
    return Path(os.environ.get("GUIDANCE_EXPLORER_MODELS") or platformdirs.user_data_dir("guidance-explorer"))


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to, and move it there only when the block succeeded.

    A ValueError names the path where it cannot be written, also where the disk is full half-way.
    """
    path = Path(path)
    name = _beside(path)
    try:
        with _naming(path, name):
            yield Path(name)
            _check_place(path)
            os.chmod(name, 0o644)  # here: who writes may have replaced the file
            os.replace(name, path)
    finally:
        _forget(name)


def put(path: str | Path, content: str | bytes) -> Path:
    """Write all of a file or nothing, as by ``replacing``; returns the path."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(path)


def check_ending(path: str | Path, *endings: str, what: str = "--out") -> None:
    """ValueError unless the file's name ends in one of these; ``what`` it is in words."""
    if not str(path).endswith(endings):
        raise ValueError(f"{what} {str(path)!r} does not end in {' or '.join(endings)}")


def check_writable(*paths: str | Path) -> None:
    """ValueError unless files can be written there: to be asked before long work, not after."""
    for path in map(Path, paths):
        name = _beside(path)
        try:
            with _naming(path, name):
                Path(name).write_bytes(bytes(ENOUGH))  # a full disk takes empty files still
        finally:
            _forget(name)


ENOUGH = 16384  # bytes that a disk must take before anything is begun


def _beside(path: Path) -> str:
    """A new empty file in the same folder."""
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_place(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:32]}-", suffix=path.suffix)
    interrupts.unfinished.add(name)
    os.close(handle)
    return name


def _check_place(path: Path) -> None:
    """ValueError where a folder is in the way; OSError where no file can have that name."""
    if path.is_dir():
        raise ValueError(f"cannot write {str(path)!r}: it is a folder")


def _forget(name: str) -> None:
    Path(name).unlink(missing_ok=True)
    interrupts.unfinished.discard(name)


@contextmanager
def _naming(path: Path, temporary: str = "") -> Iterator[None]:
    """Errors of the disk as a ValueError that names the path, not the temporary one or none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or (temporary and error.filename not in (None, temporary)):
            raise
        raise ValueError(f"cannot write {str(path)!r}: {error.strerror}") from None


PATIENCE = 60.0  # seconds that a process waits for what another one does with a file


@contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """Let one process at a time into the block, of all that name the same file: to read, merge and write it."""
    folder = Path(platformdirs.user_cache_dir("guidance-explorer")) / "locks"
    with _naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(Path(path).resolve()).encode()).hexdigest()[:24]
    try:
        with filelock.FileLock(folder / f"{name}.lock", timeout=PATIENCE):
            yield
    except filelock.Timeout:
        raise ValueError(f"{str(path)!r} was kept locked by another process for {PATIENCE:g} s") from None


def keep_compiled() -> None:
    """Let JAX keep compiled programs in the user's cache folder, so that the next start is fast.

    A folder that is named already, as by JAX_COMPILATION_CACHE_DIR, is left as it is.
    """
    if jax.config.jax_compilation_cache_dir is None:  # type: ignore[attr-defined]
        folder = Path(platformdirs.user_cache_dir("guidance-explorer")) / "jax"
        jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


MOST_MAPS = 40_000  # Linux allows 65530


def spare_maps() -> bool:
    """Forget compiled programs where they fill the process's table of memory maps; returns whether it did.

    XLA takes several maps for every program on a CPU, and a process that has used up its table crashes. Programs that
    are still wanted are compiled again, or read from the cache folder.
    """
    full = maps_are_full()
    if full:
        jax.clear_caches()
    return full


def maps_are_full() -> bool:
    """Whether this process has few memory maps left; False where there is no such table."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return False
    with maps.open("rb") as lines:
        return sum(1 for _ in lines) >= MOST_MAPS
