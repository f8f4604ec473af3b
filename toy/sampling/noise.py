"""Noise levels: where a sampler stops on its way from noise to data."""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


def noise_levels(steps: int, sigma_max: ArrayLike, sigma_min: ArrayLike, rho: ArrayLike = 7.0) -> Float[Array, " s"]:
    """EDM noise levels, from sigma_max to sigma_min and then 0.

    Args:
        steps: How many the sampler makes.
        sigma_max: The first level.
        sigma_min: The last but one, where ``steps`` is 2 or more.
        rho: The larger, the more of the levels are low.

    Returns:
        Falling, [steps + 1].

    Source:
        Karras et al. 2022, arXiv:2206.00364.

    Example:
        >>> print(sampling.noise_levels(5, 5.0, 0.02))
        [5.   1.79 0.54 0.13 0.02 0.  ]
    """
    ramp = jnp.linspace(0, 1, steps)
    top, bottom = jnp.power(sigma_max, 1 / rho), jnp.power(sigma_min, 1 / rho)
    roots = jnp.where(ramp == 1, bottom, top + ramp * (bottom - top))  # the sum may have no digit of the bottom left
    return jnp.append(jnp.power(roots, rho), 0.0)
