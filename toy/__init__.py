"""The 2D toy of 'Guiding a Diffusion Model with a Bad Version of Itself' (arXiv:2406.02507), exact and learned.

The notebook's way in: ``toy.Scene.of("autoguidance", w=3)`` says what to sample, ``models.cast(scene.cast)`` loads the
densities, ``toy.compute(scene, cast)`` samples and measures.
"""

import jax

from toy.scenes import Frame, Scene, compute

# Scores and log-densities need full float32 products; accelerators default to less.
jax.config.update("jax_default_matmul_precision", "highest")

__all__ = ["Frame", "Scene", "compute"]
