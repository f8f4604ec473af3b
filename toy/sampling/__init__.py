"""Sampling: noise levels, integrators, whole trajectories, and the density that a sampler itself gives its samples.

``dx = -sigma s(x; sigma) dsigma`` from ``sigma_max`` down to 0; Karras et al. 2022, arXiv:2206.00364.
"""
# ruff: noqa: F401

from toy.sampling.integrators import INTEGRATORS, Integrator, integrator
from toy.sampling.noise import noise_levels

# isort: off
# Integrators are listed everywhere in the order in which they are registered.
from toy.sampling import deterministic
from toy.sampling.stochastic import resample

# isort: on
from toy.sampling.scores import guided, scheduled, start_of, tilted
from toy.sampling.trajectories import step_of, stepped, trajectory, volume
