"""A density as plain numbers, for who works it out without Python: the kernel of the visitor's browser."""

import jax
import jax.numpy as jnp
import numpy as np

from models.mlp import EnergyMLP, VectorMLP
from models.shifted import Shifted
from toy.densities import Density, GaussianMixture
from toy.quadrature import Tabulated
from toy.quadrature import normalised as with_masses

Numbers = dict[str, object]  # plain values that JSON knows, and float32 arrays


def numbers_of(density: Density, *, normalised: bool = False) -> Numbers:
    """What a density is made of.

    ``kind`` is ``network`` or ``mixture``. It is asked at the noise level sqrt((scale sigma)^2 + width^2) where
    ``level`` is (scale, width). A network ``predicts`` energy, score or denoiser by ``depth`` layers of ``units``, its
    ``gain`` and its effective weights: ``first`` [4, units], ``hidden`` [depth, units, units] and, where it predicts a
    vector, ``last`` [units, 2]. A mixture has the fields of ``GaussianMixture``, how many ``groups`` and ``parts``, and
    ``edges`` [groups parts], the cumulative weights by which its samples are picked. ``normalised`` adds the table of
    masses where there is one: ``knots`` [m] and ``coefficients`` [4, m - 1] of ``toy.quadrature.Tabulated``.

    ValueError for a density that has no such numbers.
    """
    if normalised:
        density = with_masses(density)
    table, level = {}, (1.0, 0.0)
    if isinstance(density, Tabulated):
        table = {"knots": density.knots, "coefficients": density.coefficients}
        density = density.density
    while isinstance(density, Shifted):
        scale, width = float(density.scale), float(density.width)
        level = (scale * level[0], float(np.hypot(scale * level[1], width)))
        density = density.density
    found = _own(density) | table
    return {"level": level} | {name: _plain(value) for name, value in found.items()}


def bytes_of(numbers: Numbers) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """The same in two: the plain values for a pack's header, the arrays for its arrays."""
    arrays = {name: value for name, value in numbers.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in numbers.items() if name not in arrays}, arrays


def _own(density: Density) -> Numbers:
    if isinstance(density, GaussianMixture):
        groups, parts = density.log_weights.shape
        fields = ("log_weights", "origins", "axes", "variances", "centres")
        arrays = {name: getattr(density, name) for name in fields}
        return {"kind": "mixture", "groups": groups, "parts": parts} | arrays | {"edges": _edges(density.log_weights)}
    if isinstance(density, EnergyMLP | VectorMLP):
        first, *rest = density.frozen().weights()  # as who samples has them, to the bit
        last = {"last": rest.pop()} if density.outputs else {}
        size = {"units": first.shape[1], "depth": len(rest), "gain": float(density.gain[...])}
        arrays = {"first": first, "hidden": np.stack([np.asarray(w) for w in rest])} | last
        return {"kind": "network", "predicts": density.parametrisation} | size | arrays
    raise ValueError(f"{type(density).__name__} is no network or mixture of fixed numbers, as a browser needs")


@jax.jit
def _edges(log_weights: jax.Array) -> jax.Array:
    """As ``GaussianMixture.sample`` has them, to the bit: a rounding would pick another part for some point."""
    return jnp.cumsum(jnp.exp(log_weights).ravel())


def _plain(value: object) -> object:
    return np.asarray(value, np.float32) if isinstance(value, jax.Array | np.ndarray) else value
