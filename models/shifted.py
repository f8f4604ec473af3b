"""A density asked at another noise level than the one that it is read at."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toy.densities import Density, Level, Points


@partial(jax.tree_util.register_dataclass, data_fields=["density", "scale", "width"], meta_fields=[])
@dataclass(frozen=True)
class Shifted:
    """Another density at noise level sqrt((scale sigma)^2 + width^2), read as if it were at sigma."""

    density: Density
    scale: Float[Array, ""]
    width: Float[Array, ""]

    def level(self, sigma: Level) -> Float[Array, "*b"]:
        """The noise level that is asked for in place of ``sigma``."""
        return jnp.hypot(self.scale * jnp.asarray(sigma), self.width)

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """Log-density in nats."""
        return self.density.logp(x, self.level(sigma))

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """Gradient of ``logp`` with respect to ``x``, in 1/length."""
        return self.density.score(x, self.level(sigma))
