"""Distributions: what is sampled, exactly known. A new one is one function, in a file of its kind.

``of("moons/A")`` is a target, some classes of a distribution; the paper's tree is meant where none is named.
"""
# ruff: noqa: F401

from toy.distributions.distribution import DISTRIBUTIONS, LETTERS, Distribution, distribution

# isort: off
# Distributions are listed everywhere in the order in which they are registered.
from toy.distributions import tree, curves, gaussians, points, strokes

# isort: on
from toy.distributions.targets import (
    CLASSES,
    USUAL,
    Target,
    TargetChoice,
    canonical,
    counterpart,
    distribution_of,
    entry_of,
    families,
    far,
    is_target,
    knobs_of,
    mixture,
    of,
    prior,
    quantile,
    region_thresholds,
    regions,
    targets,
    threshold,
)
