"""Noise levels: where a sampler stops on its way from noise to data."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def noise_levels(steps: int, sigma_max: Any, sigma_min: Any, rho: Any = 7.0) -> Float[Array, " s"]:
    """EDM noise levels, [steps + 1], from sigma_max to sigma_min and then 0."""
    ramp = jnp.linspace(0, 1, steps)
    top, bottom = jnp.power(sigma_max, 1 / rho), jnp.power(sigma_min, 1 / rho)
    return jnp.append(jnp.power(top + ramp * (bottom - top), rho), 0.0)
