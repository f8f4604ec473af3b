"""The 2D toy of 'Guiding a Diffusion Model with a Bad Version of Itself' (arXiv:2406.02507), exact and learned.

The notebook's way in: ``toy.Scene.of("autoguidance", w=3)`` says what to sample, ``models.cast(scene.cast)`` loads the
densities, ``toy.compute(scene, cast)`` samples and measures, ``toy.figures.particles(frame)`` draws.
"""

from importlib import import_module
from typing import Any

__all__ = ["Frame", "Scene", "compute", "figures"]


def __getattr__(name: str) -> Any:
    """Import on first use: a page can then show something before JAX is there."""
    if name == "figures":
        return import_module("toy.figures")
    if name in __all__:
        return getattr(import_module("toy.scene" if name == "Scene" else "toy.scenes"), name)
    raise AttributeError(f"module 'toy' has no attribute {name!r}")
