"""Whether a scene fits into the memory that is free, told before it is sampled."""

from contextlib import suppress
from pathlib import Path

import psutil

from toy.scene import Scene

POINT = 4600  # bytes at work for a point: 2**20 points of networks of width 64 took 4.7 GB
SMALL = 2**30  # bytes that are not asked about
LIMITS = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"  # of a container


def need(scene: Scene, *, keep: bool = False, seeds: int = 1, times: int = 1) -> int:
    """Bytes that sampling takes, about; with ``keep`` the whole path beside them, twice while it is put together.

    ``times`` as much is taken where more than points is carried along.
    """
    path = 2 * 8 * scene.n * (scene.steps + 1) if keep else 0
    return scene.n * seeds * times * POINT + path


def free() -> int:
    """Bytes that are free on this machine, or in the container that this is."""
    found = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no container, or one without a limit
        most, used = (int(Path(name).read_text(encoding="ascii")) for name in LIMITS)
        found = min(found, most - used)
    return found


def check(scene: Scene, *, keep: bool = False, seeds: int = 1, times: int = 1) -> None:
    """ValueError, one sentence, where the scene takes more memory than there is."""
    wanted = need(scene, keep=keep, seeds=seeds, times=times)
    if wanted > SMALL and wanted > (there := free()):
        words = [f"n = {scene.n}", f"steps = {scene.steps}"] + [f"seeds = {seeds}"] * (seeds > 1)
        words += ["the whole path"] * keep
        sizes = f"about {wanted / 1e9:.1f} GB of memory, and {max(there, 0) / 1e9:.1f} GB are free"
        raise ValueError(f"{', '.join(words)}: that takes {sizes}; ask for fewer samples, steps or seeds")
