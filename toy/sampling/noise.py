"""Noise levels: where a sampler stops on its way from noise to data."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def noise_levels(steps: int, sigma_max: Any, sigma_min: Any, rho: Any = 7.0) -> Float[Array, " s"]:
    """EDM noise levels, [steps + 1], from sigma_max to sigma_min and then 0."""
    ramp = jnp.linspace(0, 1, steps)
    top, bottom = jnp.power(sigma_max, 1 / rho), jnp.power(sigma_min, 1 / rho)
    roots = jnp.where(ramp == 1, bottom, top + ramp * (bottom - top))  # the sum may have no digit of the bottom left
    return jnp.append(jnp.power(roots, rho), 0.0)
